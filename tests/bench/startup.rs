//! How long a person waits before anything is there, and what the program does while nobody does anything.
//!
//! `cargo bench --bench startup`; takes about half a minute, most of it spent on watching the idle interface.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

#[path = "../support/mod.rs"]
mod support;

mod measure;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use measure::{children, median, ms, wakeups};
use support::pty::{Home, Pty, Setup};
use support::{models, tiny};

const ROUNDS: usize = 10;
const MODELS: usize = 200;
const IDLE: Duration = Duration::from_secs(10);

fn main() {
    let home = furnished_home();
    println!("median of {ROUNDS}; {MODELS} models in the cache, a config file, a theme of one's own\n");
    row("first frame of the interface", first_frame(&home), Some(60.0));
    row("--version", version(&home), Some(10.0));
    let run = run(&home);
    row("run: until the engine's process is started", run.started, None);
    row("run: from there to its first words", run.words, None);
    row("run: from its last words to its end", run.end, None);
    println!();
    idle("no model", &Setup::hobnob().home(&Home::new()).start(), "Welcome");
    let starter = Setup::hobnob().home(&home).arg("chat").arg("-m").arg(models::starter()).start();
    idle("a model loaded", &starter, " ready");
}

fn row(what: &str, milliseconds: Vec<f64>, limit: Option<f64>) {
    let took = median(milliseconds);
    let limit = limit
        .map_or_else(String::new, |limit| format!("limit {limit:.0} ms{}", if took < limit { "" } else { "  OVER" }));
    println!("{what:<45} {took:>8.1} ms   {limit}");
}

/// Somebody lives here.
fn furnished_home() -> Home {
    let home = Home::new();
    home.write_config(
        "model = \"org/model-7\"\n[ui]\ntheme = \"mine\"\n[sampling]\ntemperature = 0.5\n[keys.global]\n\"ctrl-t\" = \"palette\"\n",
    );
    let themes = home.config_dir().join("themes");
    std::fs::create_dir_all(&themes).expect("a folder for themes");
    std::fs::write(themes.join("mine.toml"), "inherits = \"nord\"\n[roles]\naccent = \"#ff8800\"\n").expect("a theme");
    let model = tiny::gguf("llama");
    for number in 0..MODELS {
        let repo = home.hf_home().join(format!("hub/models--org--model-{number}"));
        let commit = "a".repeat(40);
        let snapshot = repo.join("snapshots").join(&commit);
        std::fs::create_dir_all(&snapshot).expect("a snapshot");
        std::fs::create_dir_all(repo.join("refs")).expect("a folder for names");
        std::fs::write(repo.join("refs/main"), &commit).expect("a name");
        model.write(&snapshot.join("model-Q8_0.gguf"));
    }
    home
}

/// From its start until it has drawn: the title, and the end of that frame.
fn first_frame(home: &Home) -> Vec<f64> {
    let round = |_| {
        let setup = Setup::hobnob().home(home).size(120, 40);
        let start = Instant::now();
        let pty = setup.start();
        pty.wait_for_raw("the first frame", |raw| {
            find(raw, b"hobnob").is_some_and(|at| find(&raw[at..], b"\x1b[?2026l").is_some())
        });
        ms(start.elapsed())
    };
    (0..ROUNDS).map(round).collect()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn hobnob(home: &Home) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hobnob"));
    command.env_clear().envs(home.env()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn version(home: &Home) -> Vec<f64> {
    let round = |_| {
        let start = Instant::now();
        let output = hobnob(home).arg("--version").output().expect("starts");
        assert!(output.status.success());
        ms(start.elapsed())
    };
    (0..ROUNDS).map(round).collect()
}

/// `hobnob run` with an engine that answers at once, so that what is left is our own.
struct RunTimes {
    started: Vec<f64>,
    words: Vec<f64>,
    end: Vec<f64>,
}

fn run(home: &Home) -> RunTimes {
    let script = home.path().join("echo.toml");
    std::fs::write(&script, "").expect("a script");
    let mut times = RunTimes { started: Vec::new(), words: Vec::new(), end: Vec::new() };
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let mut process = hobnob(home)
            .args(["run", "--jsonl", "-m", &format!("script:{}", script.display()), "hello"])
            .spawn()
            .expect("starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let mut wait_for = |event: &str| {
            let wanted = format!("{{\"event\":\"{event}\"");
            assert!(lines.by_ref().any(|line| line.expect("it tells").starts_with(&wanted)), "no {event}");
            Instant::now()
        };
        let (loading, delta, done) = (wait_for("loading"), wait_for("delta"), wait_for("done"));
        assert!(process.wait().expect("it ends").success());
        times.started.push(ms(loading - start));
        times.words.push(ms(delta - loading));
        times.end.push(ms(done.elapsed()));
    }
    times
}

/// How often anything of the program wakes up while nobody does anything.
fn idle(what: &str, pty: &Pty, shown: &str) {
    pty.wait_for_text(shown);
    pty.wait_for_quiet(Duration::from_secs(2));
    let pid = u32::try_from(pty.pid()).expect("an id");
    let count = |pids: &[u32]| pids.iter().map(|pid| wakeups(*pid)).sum::<Option<u64>>();
    let engine = children(pid);
    let (before, engine_before) = (count(&[pid]), count(&engine));
    let written = pty.raw().len();
    std::thread::sleep(IDLE);
    let since = |now: Option<u64>, before: Option<u64>| match (now, before) {
        (Some(now), Some(before)) => (now - before).to_string(),
        _ => "?".to_owned(),
    };
    println!(
        "idle for {} s, {what:<16} {:>4} wake-ups (limit 0), its engine {}, {} bytes written",
        IDLE.as_secs(),
        since(count(&[pid]), before),
        since(count(&engine), engine_before),
        pty.raw().len() - written,
    );
}
