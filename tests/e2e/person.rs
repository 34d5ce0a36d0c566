//! What a person does and sees.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hobnob::domain::model::starter;
use rustix::process::{Pid, Signal, kill_process};
use sysinfo::{Process, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};

use crate::support::models;
use crate::support::pty::{Exit, Home, Pty, Screen, Setup, keys};

/// What the interface calls the starter.
pub const NAME: &str = "SmolLM2-135M-Instruct";
/// Far more than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// What a person takes for "at once", on a machine that does much else: far less than what they do not want to wait for.
pub const AT_ONCE: Duration = Duration::from_secs(10);

static TURN: Mutex<()> = Mutex::new(());

/// One real engine at a time.
pub fn take_turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Somebody who has the starter in their Hugging Face cache already.
pub fn home_with_starter() -> Home {
    let home = Home::new();
    let repo = home.hf_home().join(format!("hub/models--{}", starter::REPO.replace('/', "--")));
    let commit = "a".repeat(40);
    let snapshot = repo.join("snapshots").join(&commit);
    fs::create_dir_all(&snapshot).expect("a cache");
    fs::create_dir_all(repo.join("refs")).expect("a cache");
    fs::write(repo.join("refs/main"), commit).expect("a cache");
    std::os::unix::fs::symlink(models::starter(), snapshot.join(starter::FILE)).expect("a link");
    home
}

/// hobnob in this home, without a network.
pub fn hobnob(home: &Home) -> Setup {
    Setup::hobnob().home(home).arg("--offline").deadline(PATIENCE)
}

/// Started with the starter; it is loaded.
pub fn loaded(home: &Home) -> Pty {
    let pty = hobnob(home).arg("-m").arg("starter").start();
    wait_until_ready(&pty);
    pty
}

#[track_caller]
pub fn wait_until_ready(pty: &Pty) {
    pty.wait_for("a model that is ready", |screen| status(screen).starts_with("ready"));
}

/// Writes a message, sees it, and sends it.
#[track_caller]
pub fn say(pty: &mut Pty, text: &str) {
    write(pty, text);
    pty.send(keys::ENTER);
}

#[track_caller]
pub fn write(pty: &mut Pty, text: &str) {
    pty.send(text);
    pty.wait_for(&format!("{text:?} in the composer"), |screen| composer(screen).ends_with(text));
}

/// Pastes a prompt of about `11 * lines` tokens and sends it.
#[track_caller]
pub fn paste_and_send(pty: &mut Pty, lines: usize) {
    let text = "The quick brown fox jumps over the lazy dog.\n".repeat(lines);
    pty.send(&keys::paste(&text));
    pty.wait_for_text(&format!("[Pasted {lines} lines"));
    pty.send(keys::ENTER);
}

pub fn rows(screen: &Screen) -> Vec<String> {
    screen.rows(0, screen.size().1).map(|row| row.trim_end().to_owned()).collect()
}

/// The first row.
pub fn header(screen: &Screen) -> String {
    rows(screen).first().map(|row| row.trim().to_owned()).unwrap_or_default()
}

/// The last row.
pub fn status(screen: &Screen) -> String {
    rows(screen).last().map(|row| row.trim().to_owned()).unwrap_or_default()
}

/// The row with the composer's mark that is furthest down: the transcript has the same mark.
pub fn composer(screen: &Screen) -> String {
    rows(screen).iter().rev().find(|row| row.trim_start().starts_with('❯')).cloned().unwrap_or_default()
}

/// The words of the newest answer, as far as they are on the screen; without what is said about it.
pub fn answer(screen: &Screen) -> String {
    let rows = rows(screen);
    let body = rows.get(1..).unwrap_or_default();
    let Some(begin) = body.iter().rposition(|row| row.trim() == format!("● {NAME}")) else { return String::new() };
    let ends = |row: &&String| {
        let row = row.trim();
        !row.starts_with(['❯', '✗', '▎'])
            && !row.starts_with("next ▎")
            && !row.starts_with("stopped")
            && !row.starts_with("reading the prompt")
            && !row.starts_with("loading ")
            && !row.contains(" tokens · ")
    };
    let words: Vec<&str> = body[begin + 1..].iter().take_while(ends).flat_map(|row| row.split_whitespace()).collect();
    words.join(" ")
}

/// What of an answer stays as it is when more of it comes: marks may become a list or a heading.
pub fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Waits for words of a new answer and for its end.
#[track_caller]
pub fn wait_for_answer(pty: &Pty) -> String {
    pty.wait_for("an answer", |screen| !answer(screen).is_empty() && status(screen).starts_with("ready"));
    answer(&pty.screen())
}

/// Quits from wherever, with everything in order.
#[track_caller]
pub fn quit(mut pty: Pty) {
    let engines = engines_of(&pty);
    pty.send(&keys::ctrl('q'));
    assert_eq!(pty.wait_exit(), Exit { code: Some(0), signal: None });
    pty.assert_restored();
    assert!(eventually(PATIENCE, || !engines.iter().any(|engine| runs(*engine))), "the engine is left behind");
}

/// Waits for a condition that nobody tells of, and says whether it came.
pub fn eventually(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// The engine's process; for a moment also one before it that is about to be gone.
pub fn engines_of(pty: &Pty) -> Vec<i32> {
    let mut system = System::new();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, ProcessRefreshKind::nothing().without_tasks());
    let parent = Some(sysinfo::Pid::from_u32(pty.pid().unsigned_abs()));
    let children = system.processes().values().filter(|process| process.parent() == parent && lives(process));
    children.filter_map(|process| i32::try_from(process.pid().as_u32()).ok()).collect()
}

/// It is not merely waiting to be collected.
fn lives(process: &Process) -> bool {
    !matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead)
}

pub fn the_engine_of(pty: &Pty) -> i32 {
    let mut engines = Vec::new();
    let found = eventually(PATIENCE, || {
        engines = engines_of(pty);
        engines.len() == 1
    });
    assert!(found, "there is not one engine, but {engines:?}\n{}", pty.text());
    engines[0]
}

/// As the system does when memory runs out.
pub fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).expect("an id"), Signal::KILL).expect("it runs");
}

pub fn runs(pid: i32) -> bool {
    let pid = sysinfo::Pid::from_u32(pid.unsigned_abs());
    let mut system = System::new();
    let what = ProcessRefreshKind::nothing().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
    system.process(pid).is_some_and(lives)
}
