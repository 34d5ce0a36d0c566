//! `--inline`: what is finished is in the terminal's own scrollback, once and whole; what lives stays below it; and the terminal
//! is as it was before, however it ends.

mod support;

use std::fs;

use support::pty::{Exit, Home, Pty, Screen, Setup, Signal, keys};

const LONG: usize = 60;

/// A shell that says something first, and then hobnob with the scripted engine.
fn started(home: &Home) -> Pty {
    let script = home.path().join("script.toml");
    let lines: Vec<String> = (0..LONG).map(|n| format!("line {n} of it")).collect();
    let replies = format!(
        "[[reply]]\nwhen = \"slowly\"\ntokens_per_second = 20.0\ntext = \"slow words {}\"\n\
        [[reply]]\nwhen = \"long\"\ntext = \"{}\"\n[[reply]]\n",
        "that go on ".repeat(200),
        lines.join("\\n\\n")
    );
    fs::write(&script, replies).expect("a script");
    let command = format!(
        "echo before; '{}' --inline -m 'script:{}'; echo after $?",
        env!("CARGO_BIN_EXE_hobnob"),
        script.display()
    );
    // The terminal of these tests leaves its rows as they are when it gets narrower, as xterm does.
    let setup = Setup::program("/bin/sh").home(home).env("XTERM_VERSION", "XTerm(390)").scrollback(1000);
    let pty = setup.arg("-c").arg(command).start();
    pty.wait_for("a model that is ready", is_ready);
    assert!(!pty.modes().alternate_screen);
    pty
}

/// The last row that has something.
fn is_ready(screen: &Screen) -> bool {
    screen.contents().trim_end().lines().last().is_some_and(|row| row.trim_start().starts_with("ready"))
}

fn say(pty: &mut Pty, text: &str) {
    pty.send(text);
    pty.wait_for_text(text);
    pty.send(keys::ENTER);
}

fn count(pty: &Pty, text: &str) -> usize {
    pty.everything().matches(text).count()
}

fn quit(mut pty: Pty) -> String {
    pty.send(&keys::ctrl('q'));
    pty.wait_for_text("after 0");
    assert_eq!(pty.wait_exit(), Exit { code: Some(0), signal: None });
    pty.assert_restored();
    pty.everything()
}

#[test]
fn what_is_said_is_in_the_scrollback_once_and_the_shell_goes_on_below_it() {
    let home = Home::new();
    let mut pty = started(&home);
    say(&mut pty, "a long one");
    pty.wait_for("its end", |screen| screen.contents().contains("line 59 of it") && is_ready(screen));
    say(&mut pty, "and an echo");
    pty.wait_for("an echo", |screen| screen.contents().matches("and an echo").count() == 2 && is_ready(screen));
    assert!(!pty.modes().alternate_screen);
    let all = quit(pty);
    assert!(all.starts_with("before\n"), "{all}");
    for n in 0..LONG {
        assert_eq!(all.matches(&format!("line {n} of it")).count(), 1, "{all}");
    }
    assert_eq!((all.matches("a long one").count(), all.matches("and an echo").count()), (1, 2), "{all}");
    assert!(all.trim_end().ends_with("after 0"), "{all}");
    assert!(!all.contains("ready") && !all.contains("Reply"), "nothing that lived is left: {all}");
}

#[test]
fn what_needs_the_whole_screen_has_it_for_as_long_as_it_is_there() {
    let home = Home::new();
    let mut pty = started(&home);
    say(&mut pty, "an echo");
    pty.wait_for("an echo", |screen| screen.contents().matches("an echo").count() == 2 && is_ready(screen));
    let before = pty.everything();
    for (open, shown, close) in [
        (keys::ctrl('p'), "What would you like to do?", keys::ESC.to_owned()),
        (keys::f(1), "Everywhere", keys::ESC.to_owned()),
        (keys::f(3), "No model on this machine yet", keys::f(2)),
        (keys::f(8), "Conversations", keys::ESC.to_owned()),
    ] {
        pty.send(&open);
        pty.wait_for_text(shown);
        assert!(pty.modes().alternate_screen);
        pty.send(&close);
        pty.wait_for_modes("the scrollback again", |modes| !modes.alternate_screen && !modes.updating);
        assert_eq!(pty.everything(), before);
    }
    assert_eq!(pty.modes().keyboard_flags, [1, 0]);
    quit(pty);
}

#[test]
fn who_has_read_back_to_the_end_has_the_scrollback_again() {
    let home = Home::new();
    let mut pty = started(&home);
    say(&mut pty, "a long one");
    pty.wait_for("its end", |screen| screen.contents().contains("line 59 of it") && is_ready(screen));
    let before = pty.everything();
    pty.send(keys::PAGE_UP);
    pty.wait_for_modes("the whole screen", |modes| modes.alternate_screen && !modes.updating);
    pty.send(keys::CTRL_END);
    pty.wait_for_modes("the scrollback again", |modes| !modes.alternate_screen && !modes.updating);
    assert_eq!(pty.everything(), before);
    quit(pty);
}

#[test]
fn an_answer_under_way_stays_below_and_what_there_is_of_it_is_left_at_the_end() {
    let home = Home::new();
    let mut pty = started(&home);
    say(&mut pty, "slowly");
    pty.wait_for_text("slow words that go on");
    pty.send("typed meanwhile");
    pty.wait_for_text("typed meanwhile");
    pty.send(&keys::ctrl('q'));
    pty.wait_for_text("Quit");
    pty.send(keys::ENTER);
    pty.wait_for_text("after 0");
    assert_eq!(pty.wait_exit(), Exit { code: Some(0), signal: None });
    pty.assert_restored();
    assert_eq!((count(&pty, "slow words that go on"), count(&pty, "typed meanwhile")), (1, 0), "{}", pty.everything());
}

#[test]
fn sizes_come_and_go_and_nothing_that_was_said_is_lost() {
    // Not lower ones: the terminal of these tests throws away what it has no room for any more.
    let home = Home::new();
    let mut pty = started(&home);
    for n in 0..4 {
        let text = format!("echo number {n}");
        say(&mut pty, &text);
        pty.wait_for("an echo", |screen| screen.contents().matches(&text).count() == 2 && is_ready(screen));
        let (columns, rows) = [(60, 24), (60, 30), (100, 30), (40, 34)][n];
        let written = pty.raw().len();
        pty.resize(columns, rows);
        pty.wait_for_raw("a frame of that size", |raw| raw.len() > written);
        pty.wait_for("the composer", is_ready);
    }
    pty.send("still typed");
    pty.wait_for_text("still typed");
    pty.send(&keys::ctrl('c'));
    pty.wait_for("an empty composer", |screen| !screen.contents().contains("still typed"));
    let all = quit(pty);
    for n in 0..4 {
        assert_eq!(all.matches(&format!("echo number {n}")).count(), 2, "{all}");
    }
}

#[test]
fn however_it_ends_the_terminal_is_as_before() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let home = Home::new();
        let pty_setup = Setup::hobnob().home(&home).arg("chat").arg("--inline").scrollback(100);
        let mut pty = pty_setup.start();
        pty.wait_for_text("Welcome");
        pty.wait_for_modes("the whole frame", |modes| !modes.updating);
        pty.signal(signal);
        assert_eq!(pty.wait_exit(), Exit { code: Some(code), signal: None });
        pty.assert_restored();
    }
    let mut pty = Setup::hobnob().arg("--inline").env("HOBNOB_TEST_PANIC", "1").scrollback(100).start();
    assert_eq!(pty.wait_exit(), Exit { code: Some(1), signal: None });
    pty.assert_restored();
    assert!(pty.text().contains("error: hobnob ran into a bug"), "{}", pty.text());
}

#[test]
fn stopped_and_continued_it_goes_on_below_what_the_shell_wrote() {
    let home = Home::new();
    let script = format!(
        "set -m; '{}' --inline; echo stopped; read -r line; fg >/dev/null; echo back $?",
        env!("CARGO_BIN_EXE_hobnob")
    );
    let mut pty = Setup::program("/bin/bash").home(&home).arg("-c").arg(script).scrollback(100).start();
    pty.wait_for_text("Welcome");
    pty.send("a draft");
    pty.wait_for_text("a draft");
    pty.send(&keys::ctrl('z'));
    pty.wait_for_text("stopped");
    assert!(!pty.text().contains("a draft"), "{}", pty.text());
    pty.send("\n");
    pty.wait_for_text("a draft");
    pty.send(&keys::ctrl('c'));
    pty.wait_for("an empty composer", |screen| !screen.contents().contains("a draft"));
    pty.send(&keys::ctrl('q'));
    pty.wait_for_text("back 0");
    pty.wait_exit();
    pty.assert_restored();
}
