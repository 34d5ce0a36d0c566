//! Writing with files, pastes and prompts of before, in a real terminal. With the scripted engine, which echoes.

use std::fs;

use crate::person::{composer, quit, status, write};
use crate::support::pty::{Home, Pty, Setup, keys};

fn start(home: &Home) -> Pty {
    let script = home.path().join("script.toml");
    fs::write(&script, "context = 100000\n").expect("a script");
    let pty = Setup::hobnob().home(home).arg("-m").arg(format!("script:{}", script.display())).start();
    pty.wait_for("a model that is ready", |screen| status(screen).starts_with("ready"));
    pty
}

fn echoed(pty: &Pty, text: &str) {
    pty.wait_for("a question and its echo", |screen| screen.contents().matches(text).count() == 2);
}

#[test]
fn a_file_is_completed_from_the_disk_and_goes_along() {
    let home = Home::new();
    let folder = home.path().join("some notes");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("plan.md"), "the plan is simple\n").expect("a file");
    let mut pty = start(&home);
    // The terminal breaks a long path into rows: what is waited for is short.
    pty.send("Read @~/some");
    pty.wait_for_text(" some notes/");
    pty.send(keys::TAB);
    pty.wait_for_text(" plan.md");
    pty.send(keys::TAB);
    pty.wait_for("a chip", |screen| composer(screen).contains("plan.md\""));
    pty.send("now");
    pty.send(keys::ENTER);
    echoed(&pty, "the plan is simple");
    quit(pty);
}

#[test]
fn a_file_that_is_not_there_any_more_keeps_the_message() {
    let home = Home::new();
    let file = home.path().join("gone.txt");
    fs::write(&file, "x").expect("a file");
    let mut pty = start(&home);
    pty.send("@~/gone");
    pty.wait_for_text(" gone.txt");
    pty.send(keys::TAB);
    pty.wait_for("a chip", |screen| composer(screen).contains("gone.txt"));
    fs::remove_file(&file).expect("was there");
    pty.send(keys::ENTER);
    pty.wait_for_text("could not be read");
    assert!(composer(&pty.screen()).contains("gone.txt"), "{}", pty.text());
    quit(pty);
}

#[test]
fn a_long_paste_is_one_piece_and_arrives_whole() {
    let home = Home::new();
    let mut pty = start(&home);
    pty.send(&keys::paste(&"a line\n".repeat(10_000)));
    pty.wait_for_text("[Pasted 10,000 lines, 70 kB]");
    pty.send(&keys::ctrl('v'));
    pty.wait_for_text("of 10001 lines");
    pty.send(&keys::ctrl('c'));
    pty.wait_for("an empty composer", |screen| composer(screen).contains("Ask anything"));
    pty.send(&keys::paste(&"a line\n".repeat(300)));
    pty.wait_for_text("[Pasted 300 lines, 2.1 kB]");
    pty.send("the end");
    pty.send(keys::ENTER);
    // The question is folded in the conversation; its echo ends on the screen.
    pty.wait_for("the end of the echo", |screen| {
        composer(screen).contains("Reply") && screen.contents().contains("the end")
    });
    quit(pty);
}

#[test]
fn what_was_asked_is_found_after_a_restart() {
    let home = Home::new();
    let mut pty = start(&home);
    for text in ["a question about soup", "and one about the sky"] {
        write(&mut pty, text);
        pty.send(keys::ENTER);
        echoed(&pty, text);
    }
    quit(pty);
    let mut pty = start(&home);
    pty.send(keys::UP);
    pty.wait_for("the last prompt", |screen| composer(screen).ends_with("and one about the sky"));
    pty.send(&keys::ctrl('r'));
    pty.wait_for_text("What you asked before");
    pty.send("SOUP");
    pty.wait_for_text("1 of 2");
    pty.send(keys::ENTER);
    pty.wait_for("what was found", |screen| composer(screen).ends_with("a question about soup"));
    quit(pty);
}
