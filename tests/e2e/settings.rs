//! Settings are kept, and nothing else in their file is touched.

use std::fs;
use std::process::Command;

use crate::person::quit;
use crate::support::pty::{Home, Pty, Setup, keys};

const MINE: &str = "\
# My own words.
offline = true

[sampling]
# Not too wild.
temperature = 0.5 # for now

[ui]
theme = \"hobnob-dark\"   # the default
";

fn show(home: &Home) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_hobnob"))
        .args(["config", "show"])
        .env_clear()
        .envs(home.env())
        .output()
        .expect("hobnob starts");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("text")
}

fn start(home: &Home) -> Pty {
    let pty = Setup::hobnob().home(home).start();
    pty.wait_for_text("Welcome");
    pty
}

/// A row of the Settings pane.
fn setting(screen: &vt100::Screen, title: &str) -> String {
    let row = screen.rows(0, screen.size().1).find(|row| row.contains(title)).unwrap_or_default();
    row.trim().to_owned()
}

#[test]
fn what_is_changed_is_kept_with_the_persons_own_words() {
    let home = Home::new();
    home.write_config(MINE);
    let mut pty = start(&home);
    pty.send(&keys::ctrl('t'));
    pty.wait_for_text("Theme");
    pty.send("nord");
    pty.wait_for("the one theme", |screen| !screen.contents().contains("Gruvbox"));
    pty.send(keys::ENTER);
    pty.wait_for("the chat again", |screen| !screen.contents().contains("Nord"));
    pty.send(&keys::ctrl('p'));
    pty.wait_for_text("What would you like to do?");
    pty.send("temperature");
    pty.wait_for_text("set Temperature");
    pty.send(keys::ENTER);
    pty.wait_for_text("config, line");
    pty.send(keys::RIGHT);
    let number = |row: &str| row.split_whitespace().find_map(|word| word.parse::<f64>().ok());
    let higher = |row: &str| number(row).is_some_and(|value| value > 0.5);
    pty.wait_for("a higher temperature", |screen| higher(&setting(screen, "Temperature")));
    let value = number(&setting(&pty.screen(), "Temperature")).expect("it is there");
    // At once: what has not been written yet is written now.
    quit(pty);

    let written = fs::read_to_string(home.config_file()).expect("the file");
    let expected = MINE.replace("0.5", &value.to_string()).replace("hobnob-dark", "nord");
    assert_eq!(written, expected);

    let shown = show(&home);
    for (key, value) in [("sampling.temperature", value.to_string()), ("ui.theme", "nord".into())] {
        let line = shown.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        assert!(line.contains(&value) && line.contains("config file"), "{key}: {line}");
    }
    let mut pty = start(&home);
    pty.send(&keys::f(4));
    pty.wait_for_text("config, line");
    // There are more settings than rows: it is gone to by its name.
    pty.send(&keys::ctrl('p'));
    pty.wait_for_text("What would you like to do?");
    pty.send("temperature");
    pty.wait_for_text("set Temperature");
    pty.send(keys::ENTER);
    pty.wait_for("the value of before", |screen| screen.contents().contains(&format!(" {value} ")));
    quit(pty);
}
