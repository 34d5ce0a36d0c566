//! Two thousand tokens a second from the scripted engine, through the real program in a terminal of 200x60: whether every
//! token is kept, how long a key takes to its echo meanwhile, and what all of it costs on the processor.
//!
//! `cargo bench --bench stream`. Ends with an error where a bound is missed.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

#[path = "../support/mod.rs"]
mod support;

mod measure;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hobnob::store::Store;
use measure::{Bounds, children, cpu_time, ms, quantile};
use support::pty::{Home, Pty, Screen, Setup, keys};

const RATE: usize = 2_000;
const TOKENS: usize = 20_000;
/// The answer has begun and its first lines are drawn; it has not ended.
const MEASURED: Duration = Duration::from_secs(8);
/// Between keys, so that they come at every moment of a frame: a fast typist.
const PAUSES: [u64; 5] = [17, 29, 41, 23, 34];
/// Nothing else on the screen has this letter.
const KEY: &str = "ж";

fn main() -> ExitCode {
    let home = Home::new();
    let answer = answer();
    let script = home.path().join("script.toml");
    let text = answer.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let script_text =
        format!("context = 32768\n[[reply]]\nprompt_tokens = 10\ntokens_per_second = {RATE}.0\ntext = \"{text}\"\n");
    std::fs::write(&script, script_text).expect("a script");
    home.write_config("[engine]\ncontext = 32768\n");
    let model = format!("script:{}", script.display());
    let mut pty =
        Setup::hobnob().home(&home).arg("-m").arg(model).size(200, 60).deadline(Duration::from_secs(60)).start();
    pty.wait_for("a model that is ready", |screen| status(screen).starts_with("ready"));
    pty.send("Tell me all of it");
    pty.wait_for_text("Tell me all of it");
    pty.send(keys::ENTER);
    pty.wait_for("the answer", |screen| screen.contents().contains("t200 "));

    let pid = u32::try_from(pty.pid()).expect("an id");
    let engine = children(pid);
    let cpu = |pids: &[u32]| pids.iter().filter_map(|pid| cpu_time(*pid)).sum::<Duration>();
    let (begun, before, engine_before, written) = (Instant::now(), cpu(&[pid]), cpu(&engine), pty.raw().len());
    let echoes = type_along(&mut pty, begun);
    let took = begun.elapsed();
    let (spent, engine_spent) = (cpu(&[pid]).saturating_sub(before), cpu(&engine).saturating_sub(engine_before));
    let raw = pty.raw();
    let frames = raw[written..].windows(FRAME.len()).filter(|window| *window == FRAME).count();
    assert!(!status(&pty.screen()).starts_with("ready"), "the answer ended before the measurement did");
    pty.wait_for("its end", |screen| status(screen).starts_with("ready"));

    let kept = kept(&home);
    let share = |time: Duration| 100.0 * time.as_secs_f64() / took.as_secs_f64();
    #[allow(clippy::cast_precision_loss)] // a few thousand
    let (frames, bytes) = (frames as f64 / took.as_secs_f64(), (raw.len() - written) as f64 / took.as_secs_f64() / 1e3);
    println!("{RATE} tokens a second, 200x60, {} keys in {:.1} s\n", echoes.len(), took.as_secs_f64());
    println!("frames a second     {frames:>8.1}     ({bytes:.0} kB a second)");
    println!("its engine          {:>8.1} % of a core", share(engine_spent));
    println!("echo of a key       {:>8.2} ms median, {:.2} ms p90", quantile(&echoes, 0.5), quantile(&echoes, 0.9));
    let mut bounds = Bounds::default();
    bounds.at_most("echo of a key, p99, ms", quantile(&echoes, 0.99), 5.0);
    bounds.at_most("the interface, % of a core", share(spent), 25.0);
    let missing = if kept == answer { 0.0 } else { 1.0 };
    bounds.at_most("answers that are not kept whole", missing, 0.0);
    bounds.verdict()
}

/// The end of a frame.
const FRAME: &[u8] = b"\x1b[?2026l";

/// As answers are: words, lists, code. Each word has its number, so that none can be taken for another.
fn answer() -> String {
    let mut text = String::new();
    for n in 0..TOKENS {
        let gap = match n % 100 {
            0 if n > 0 => "\n\n",
            40 => "\n\n- **item** ",
            55 => "\n- ",
            70 => "\n\n```rust\nlet a = 1; // ",
            90 => "\n```\n\n",
            _ if n > 0 => " ",
            _ => "",
        };
        let _ = write!(text, "{gap}t{n}");
    }
    text
}

fn status(screen: &Screen) -> String {
    screen.rows(0, screen.size().1).last().map(|row| row.trim().to_owned()).unwrap_or_default()
}

/// Milliseconds from each key to its letter on the terminal.
fn type_along(pty: &mut Pty, begun: Instant) -> Vec<f64> {
    let mut echoes = Vec::new();
    for pause in PAUSES.iter().cycle() {
        if begun.elapsed() >= MEASURED {
            break;
        }
        std::thread::sleep(Duration::from_millis(*pause));
        let from = pty.raw().len();
        let pressed = Instant::now();
        pty.send(KEY);
        pty.wait_for_raw("its echo", |raw| raw[from..].windows(KEY.len()).any(|window| window == KEY.as_bytes()));
        echoes.push(ms(pressed.elapsed()));
        pty.send(keys::BACKSPACE);
    }
    echoes.sort_by(f64::total_cmp);
    echoes
}

fn kept(home: &Home) -> String {
    let mut store = Store::open(&home.path().join("data/hobnob/conversations.db")).expect("opens").0;
    let last = store.last().expect("reads").expect("a conversation");
    let conversation = store.look(last).expect("is there").conversation;
    conversation.messages().last().map(|answer| answer.content.clone()).unwrap_or_default()
}
