//! What a call of `hobnob run` costs beside the engine's own work: where it loads the model, where another holds it, and
//! where it answers a whole batch.
//!
//! Two hundred calls that load would take minutes and be two hundred times the same: some are made, and their mean stands
//! for the others.
//!
//! `cargo bench --bench warm`; takes about a minute. Ends with an error where a bound is missed.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]
#![allow(clippy::cast_precision_loss, reason = "a few hundred calls")]

#[path = "../support/mod.rs"]
mod support;

mod measure;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use measure::{Bounds, median, ms};
use serde_json::Value;
use support::models;
use support::pty::Home;

const ROUNDS: usize = 20;
/// Lines of the batch.
const LINES: usize = 200;
/// How much less a line of a batch is to cost beside its answer than a call that loads.
const TIMES: f64 = 20.0;
/// What the warm path may add to the engine's own time to its first token.
const LIMIT: f64 = 50.0;

fn main() -> ExitCode {
    let home = Home::new();
    let cold = calls(&home, &["--no-share"]);
    assert!(hobnob(&home, &["run", "--keep-warm", "10m", "-m"]).arg(models::starter()).arg("hi").status().is_ok());
    let warm = calls(&home, &[]);
    assert!(hobnob(&home, &["warm", "stop"]).status().expect("starts").success());

    println!("{ROUNDS} calls with the starter, each with a prompt of its own, 8 tokens; milliseconds, median\n");
    println!("{:<44} {:>9} {:>9}", "", "cold", "warm");
    let row = |what: &str, of: fn(&Call) -> f64| {
        let (cold, warm) = (median(cold.iter().map(of)), median(warm.iter().map(of)));
        println!("{what:<44} {cold:>9.1} {warm:>9.1}");
        warm
    };
    row("from the start to the first words", |call| call.first);
    row("the engine's own time to its first token", |call| call.ttft);
    let added = row("what is added to that", |call| call.first - call.ttft);
    row("the whole call", |call| call.whole);
    row("what is added to the engine's own", |call| call.whole - call.total);
    let sum = |calls: &[Call]| calls.iter().map(|call| call.whole - call.total).sum::<f64>();
    println!(
        "\nadded in all: cold {:.0}, warm {:.0}: {:.1} times less",
        sum(&cold),
        sum(&warm),
        sum(&cold) / sum(&warm)
    );
    let (line, call) = (batch(&home), sum(&cold) / cold.len() as f64);
    let lines = LINES as f64;
    println!("added to a batch of {LINES} lines, its load and all: {:.0}, which is {line:.1} to a line", line * lines);
    println!("added to {LINES} calls that load: {:.0} by the mean of {ROUNDS}\n", call * lines);
    let mut bounds = Bounds::default();
    bounds.at_most("a line of a batch to a call that loads, %", 100.0 * line / call, 100.0 / TIMES);
    bounds.at_most("added before the first words, warm, ms", added, LIMIT);
    bounds.verdict()
}

/// One call, in milliseconds.
struct Call {
    /// Until its first words are out.
    first: f64,
    whole: f64,
    /// By the clock next to the engine.
    ttft: f64,
    total: f64,
}

fn calls(home: &Home, options: &[&str]) -> Vec<Call> {
    (0..ROUNDS).map(|round| call(home, options, &format!("Say the number {round} and then count on."))).collect()
}

fn call(home: &Home, options: &[&str], prompt: &str) -> Call {
    let mut command = hobnob(home, &["run", "--jsonl", "--temperature", "0", "--max-tokens", "8"]);
    command.args(options).arg("-m").arg(models::starter()).arg(prompt);
    let start = Instant::now();
    let mut process = command.spawn().expect("starts");
    let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
    let mut line = |wanted: &str| {
        let events = lines.by_ref().map(|line| serde_json::from_str::<Value>(&line.expect("it tells")).expect("JSON"));
        events.into_iter().find(|event| event["event"] == wanted).expect("it comes that far")
    };
    line("delta");
    let first = ms(start.elapsed());
    let done = line("done");
    assert!(process.wait().expect("it ends").success());
    let timing = |name: &str| done["timing"][name].as_f64().expect("a time");
    Call { first, whole: ms(start.elapsed()), ttft: timing("ttft_ms"), total: timing("total_ms") }
}

/// What a line of a batch costs beside the engine's own work, the load in it.
fn batch(home: &Home) -> f64 {
    let line = |n| format!("{{\"id\": {n}, \"prompt\": \"Say the number {n} and then count on.\"}}\n");
    let input = home.path().join("in.jsonl");
    std::fs::write(&input, (0..LINES).map(line).collect::<String>()).expect("writes");
    let mut command = hobnob(home, &["run", "--no-share", "--temperature", "0", "--max-tokens", "8"]);
    command.arg("-m").arg(models::starter()).arg("--batch").arg(&input);
    let start = Instant::now();
    let done = command.output().expect("starts");
    let whole = ms(start.elapsed());
    assert!(done.status.success());
    let total = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        line["timing"]["total_ms"].as_f64().expect("a time")
    };
    let totals: Vec<f64> = String::from_utf8_lossy(&done.stdout).lines().map(total).collect();
    assert_eq!(totals.len(), LINES);
    (whole - totals.iter().sum::<f64>()) / LINES as f64
}

fn hobnob(home: &Home, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hobnob"));
    command.env_clear().envs(home.env()).args(args);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}
