//! The mouse, in the terminal's own words (SGR), with the scripted engine.

use std::fs;

use base64::Engine as _;

use crate::person::{header, quit, rows, say, status};
use crate::support::pty::{Home, Pty, Screen, Setup};

/// A conversation longer than the screen, with the mouse on; copies go through the terminal.
fn long_talk(mouse: bool) -> Pty {
    let home = Home::new();
    let lines: Vec<String> = (1..=60).map(|n| format!("line {n} of it")).collect();
    let script = home.path().join("script.toml");
    fs::write(&script, format!("[[reply]]\ntext = \"{}\"\n", lines.join("\\n\\n"))).expect("a script");
    home.write_config(&format!("[ui]\nmouse = {mouse}\n"));
    let model = format!("script:{}", script.display());
    let setup = Setup::hobnob().home(&home).env("SSH_TTY", "/dev/pts/9").arg("-m").arg(model);
    let mut pty = setup.start();
    pty.wait_for("a model that is ready", |screen| status(screen).starts_with("ready"));
    say(&mut pty, "Count");
    pty.wait_for("all of the answer", |screen| {
        screen.contents().contains("line 60 of it") && status(screen).starts_with("ready")
    });
    pty
}

/// A mouse event: button, column and row from 0, pressed (or moved) or released.
fn mouse(button: u8, (column, row): (usize, usize), pressed: bool) -> String {
    format!("\u{1b}[<{button};{};{}{}", column + 1, row + 1, if pressed { 'M' } else { 'm' })
}

const LEFT: u8 = 0;
const LEFT_MOVED: u8 = 32;
const WHEEL_UP: u8 = 64;
const WHEEL_DOWN: u8 = 65;

/// Column and row where a text begins.
#[track_caller]
fn find(screen: &Screen, text: &str) -> (usize, usize) {
    let all = rows(screen);
    let found = all.iter().enumerate().find_map(|(row, line)| Some((line.find(text)?, row, line)));
    let (at, row, line) = found.unwrap_or_else(|| panic!("{text:?} is not on the screen:\n{}", all.join("\n")));
    (line[..at].chars().count(), row)
}

fn copied(raw: &[u8]) -> Vec<String> {
    let raw = String::from_utf8_lossy(raw);
    let all = raw.split("\u{1b}]52;c;").skip(1);
    let encoded = all.filter_map(|rest| rest.split(['\u{7}', '\u{1b}']).next());
    let decoded = encoded.filter_map(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    decoded.filter_map(|bytes| String::from_utf8(bytes).ok()).collect()
}

#[test]
fn the_wheel_scrolls_and_the_end_is_followed_again() {
    let mut pty = long_talk(true);
    assert!(pty.modes().mouse);
    let middle = (20, 8);
    pty.send(&mouse(WHEEL_UP, middle, true).repeat(3));
    pty.wait_for("what is above", |screen| !screen.contents().contains("line 60 of it"));
    pty.send(&mouse(WHEEL_DOWN, middle, true).repeat(9));
    pty.wait_for("the end again", |screen| screen.contents().contains("line 60 of it"));
    quit(pty);
}

#[test]
fn what_the_mouse_is_drawn_over_is_copied_through_the_terminal() {
    let mut pty = long_talk(true);
    let (column, row) = find(&pty.screen(), "line 58 of it");
    pty.send(&mouse(LEFT, (column, row), true));
    pty.send(&mouse(LEFT_MOVED, (column + 3, row), true));
    pty.send(&mouse(LEFT_MOVED, (column + 6, row), true));
    pty.wait_for("what is selected", |screen| {
        let cell = |column: usize| {
            let (row, column) = (u16::try_from(row).ok()?, u16::try_from(column).ok()?);
            screen.cell(row, column).map(|cell| (cell.bgcolor(), cell.inverse()))
        };
        cell(column) != cell(column + 9) && cell(column) == cell(column + 6)
    });
    pty.send(&mouse(LEFT, (column + 6, row), false));
    pty.wait_for_raw("a copy", |raw| !copied(raw).is_empty());
    assert_eq!(copied(&pty.raw()), ["line 58"]);
    pty.wait_for_text("7 characters");
    // Two clicks take the word.
    for _ in 0..2 {
        pty.send(&mouse(LEFT, (column, row), true));
        pty.send(&mouse(LEFT, (column, row), false));
    }
    pty.wait_for_raw("another copy", |raw| copied(raw).len() > 1);
    assert_eq!(copied(&pty.raw())[1], "line");
    quit(pty);
}

#[test]
fn a_click_on_the_name_of_a_pane_goes_there() {
    let mut pty = long_talk(true);
    for (name, seen) in [("Models", "On this machine"), ("Settings", "default"), ("Chat", "line 60 of it")] {
        let all = header(&pty.screen());
        let at = find(&pty.screen(), name);
        assert_eq!(at.1, 0, "{all}");
        pty.send(&mouse(LEFT, at, true));
        pty.send(&mouse(LEFT, at, false));
        pty.wait_for(name, |screen| screen.contents().to_lowercase().contains(&seen.to_lowercase()));
    }
    quit(pty);
}

#[test]
fn without_the_mouse_the_terminal_keeps_it_and_its_events_are_no_text() {
    let mut pty = long_talk(false);
    assert!(!pty.modes().mouse);
    pty.send(&mouse(WHEEL_UP, (20, 8), true));
    pty.send("\u{1b}[<0;5;5M\u{1b}[<0;5;5m");
    pty.send("still here");
    pty.wait_for_text("still here");
    assert!(!pty.text().contains("[<"), "{}", pty.text());
    quit(pty);
}
