//! Terminals that can less, with the scripted engine.

use std::fs;

use crate::person::{quit, status};
use crate::support::pty::{Exit, Home, Pty, Screen, Setup, keys};

/// Started with a script, asked and answered.
fn answered(setup: impl FnOnce(Setup) -> Setup) -> Pty {
    let home = Home::new();
    let script = home.path().join("script.toml");
    fs::write(&script, "[[reply]]\ntext = \"\"\"**Fine**, “thank you” – 你好 🦊.\n\n- one\n- two\n\n```rust\nfn main() {}\n```\n\"\"\"\n")
        .expect("a script");
    let model = format!("script:{}", script.display());
    let mut pty = setup(Setup::hobnob().home(&home).arg("-m").arg(model)).start();
    pty.wait_for("a model that is ready", |screen| status(screen).starts_with("ready"));
    pty.send("How are you?\r");
    pty.wait_for("the answer", |screen| {
        screen.contents().contains("Fine")
            && screen.contents().contains("main()")
            && status(screen).starts_with("ready")
    });
    pty
}

fn cells(screen: &Screen) -> impl Iterator<Item = &vt100::Cell> {
    let (rows, columns) = screen.size();
    (0..rows).flat_map(move |row| (0..columns).filter_map(move |column| screen.cell(row, column)))
}

fn colours(screen: &Screen) -> Vec<vt100::Color> {
    let mut all: Vec<_> = cells(screen).flat_map(|cell| [cell.fgcolor(), cell.bgcolor()]).collect();
    all.sort_by_key(|colour| format!("{colour:?}"));
    all.dedup();
    all
}

#[test]
fn without_colours_there_are_none_and_the_mark_of_the_place_stays() {
    let pty = answered(|setup| setup.env("NO_COLOR", "1"));
    assert_eq!(colours(&pty.screen()), [vt100::Color::Default]);
    let chat = pty.screen().contents().lines().next().and_then(|row| row.find("Chat")).expect("the pane's name");
    let cell = pty.screen().cell(0, u16::try_from(chat).expect("small")).cloned().expect("a cell");
    assert!(cell.underline() || cell.bold() || cell.inverse());
    quit(pty);
}

#[test]
fn sixteen_colours_are_the_terminals_own() {
    let pty = answered(|setup| setup.env("TERM", "xterm").without_env("COLORTERM"));
    let used = colours(&pty.screen());
    assert!(used.len() > 3, "{used:?}");
    for colour in used {
        assert!(matches!(colour, vt100::Color::Default | vt100::Color::Idx(0..16)), "{colour:?}");
    }
    quit(pty);
}

#[test]
fn a_terminal_without_utf_8_gets_ascii() {
    let mut pty = answered(|setup| setup.env("LANG", "C"));
    pty.send(&keys::f(1));
    pty.wait_for_text("Keys");
    pty.wait_for_text("Shift-Tab");
    pty.send(keys::ESC);
    pty.wait_for("the chat again", |screen| !screen.contents().contains("Keys"));
    pty.send(&keys::f(3));
    pty.wait_for_text("No model on this machine yet");
    pty.send(&keys::f(4));
    pty.wait_for_text("next message");
    let raw = String::from_utf8(pty.raw()).expect("text");
    let foreign: String = raw.chars().filter(|c| !c.is_ascii()).collect();
    assert_eq!(foreign, "", "{}", pty.text());
    quit(pty);
}

#[test]
fn a_terminal_that_can_not_place_text_is_told_what_can() {
    let mut pty = Setup::hobnob().env("TERM", "dumb").start();
    assert_eq!(pty.wait_exit(), Exit { code: Some(2), signal: None });
    assert!(pty.text().starts_with("error: ") && pty.text().contains("hobnob run"), "{}", pty.text());
}

#[test]
fn a_tiny_window_still_answers() {
    for size in [(40, 12), (20, 6)] {
        let home = Home::new();
        let script = home.path().join("script.toml");
        fs::write(&script, "[[reply]]\ntext = \"Fine\"\n").expect("a script");
        let model = format!("script:{}", script.display());
        let mut pty = Setup::hobnob().home(&home).arg("-m").arg(model).size(size.0, size.1).start();
        pty.wait_for_modes("the first frame", |modes| modes.alternate_screen && !modes.updating);
        pty.send("hi");
        pty.wait_for_text("hi");
        pty.send(keys::ENTER);
        pty.wait_for_text("Fine");
        quit(pty);
    }
}
