//! Makes `assets/hobnob.svg`, the picture in the README, from a real run: the program in a terminal of its own, the starter
//! model, a question, and whatever it answers.
//!
//! `cargo build --release && cargo run --release --example screenshot`
#![allow(clippy::print_stdout, reason = "a tool")]

#[path = "../support"]
mod support {
    pub mod pty;
}
#[path = "screenshot/svg.rs"]
mod svg;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use support::pty::{Home, Pty, Screen, Setup, keys};

const SIZE: (u16, u16) = (100, 32);
const PATIENCE: Duration = Duration::from_secs(300);
/// The starter is a very small model: these are questions that it answers well, and with something to look at.
const QUESTIONS: [&str; 2] = [
    "Write a short Python function that checks whether a word is a palindrome.",
    "List three good habits for readable code, one line each.",
];
/// No chance in it: the same picture each time, but for the figures.
const CONFIG: &str = "[sampling]\ntemperature = 0\n[chat]\nmax_tokens = 400\n";

fn main() -> Result<(), Box<dyn Error>> {
    let mut questions: Vec<String> = std::env::args().skip(1).collect();
    if questions.is_empty() {
        questions = QUESTIONS.map(str::to_owned).into();
    }
    let program = program()?;
    let home = Home::new();
    home.write_config(CONFIG);
    let pty = Setup::program(&program)
        .home(&home)
        // The person's models; nothing else is theirs.
        .env("HF_HUB_CACHE", cache_with_starter(&program)?)
        .arg("chat")
        .arg("-m")
        .arg("starter")
        .size(SIZE.0, SIZE.1)
        .deadline(PATIENCE)
        .start();
    let screen = ask(pty, &questions);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/hobnob.svg");
    std::fs::create_dir_all(file.parent().ok_or("no folder")?)?;
    std::fs::write(&file, svg::window(&screen, "hobnob"))?;
    println!("{}\n\n{}", screen.contents(), file.display());
    Ok(())
}

/// The program beside this one: `target/release/examples/screenshot` pictures `target/release/hobnob`.
fn program() -> Result<PathBuf, Box<dyn Error>> {
    let this = std::env::current_exe()?;
    let folder = this.parent().and_then(Path::parent).ok_or("this program is in no folder")?;
    let program = folder.join("hobnob");
    if program.is_file() {
        return Ok(program);
    }
    let profile = if cfg!(debug_assertions) { "cargo build" } else { "cargo build --release" };
    Err(format!("there is no {}: `{profile}` makes it", program.display()).into())
}

/// Fetches the starter if it is not there; answers with the cache that it is in.
fn cache_with_starter(program: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let output = Command::new(program).args(["pull", "starter"]).stderr(Stdio::inherit()).output()?;
    let told = String::from_utf8(output.stdout)?;
    let file = Path::new(told.lines().last().ok_or("the starter can't be had")?);
    // Below the cache: the repository, its snapshots, one of these, the file.
    Ok(file.ancestors().nth(4).ok_or("the starter is in no cache")?.to_owned())
}

fn ask(mut pty: Pty, questions: &[String]) -> Screen {
    pty.wait_for("the model", |screen| last_row(screen).contains(" ready"));
    for question in questions {
        pty.send(question);
        pty.send(keys::ENTER);
        pty.wait_for("the answer", |screen| last_row(screen).contains(" answering"));
        pty.wait_for("its end", |screen| last_row(screen).contains(" ready"));
    }
    pty.wait_for_quiet(Duration::from_secs(1));
    pty.screen()
}

fn last_row(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    screen.contents_between(rows - 1, 0, rows - 1, columns)
}
