//! The terminal comes back as it was, however the interface ends, and the interface comes back whole when it was away.

mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use support::pty::{Exit, Modes, Pty, Setup, Signal, keys};

/// Started, with its first frame on the screen.
fn shown(setup: Setup) -> Pty {
    let pty = setup.start();
    wait_until_shown(&pty);
    pty
}

fn wait_until_shown(pty: &Pty) {
    pty.wait_for("something to read", |screen| !screen.contents().trim().is_empty());
    pty.wait_for_modes("the whole frame", |modes| modes.alternate_screen && !modes.updating);
}

/// Started, with all on the screen that it knows of this machine: by itself nothing changes any more.
fn settled(setup: Setup) -> Pty {
    let pty = setup.start();
    pty.wait_for_text("gets the starter");
    pty
}

fn code(code: u32) -> Exit {
    Exit { code: Some(code), signal: None }
}

#[test]
fn it_takes_the_modes_that_it_needs_and_quitting_gives_them_back() {
    let mut pty = shown(Setup::hobnob());
    let modes = pty.modes();
    assert!(modes.bracketed_paste && modes.focus_events, "{modes:?}");
    assert_eq!(modes.keyboard_flags, [0, 1]);
    assert!(!pty.driver_modes().local.contains(rustix::termios::LocalModes::ECHO));
    pty.send(&keys::ctrl('q'));
    assert_eq!(pty.wait_exit(), code(0));
    pty.assert_restored();
}

#[test]
fn signals_restore_the_terminal_and_say_so_in_the_exit_code() {
    for (signal, expected) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let mut pty = shown(Setup::hobnob());
        pty.signal(signal);
        assert_eq!(pty.wait_exit(), code(expected), "{signal:?}");
        pty.assert_restored();
    }
}

#[test]
fn a_terminal_that_takes_nothing_does_not_keep_it_from_ending() {
    for (signal, expected) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut pty = shown(Setup::hobnob());
        pty.clog();
        pty.send("something to draw");
        pty.wait_until_taken();
        pty.signal(signal);
        assert_eq!(pty.wait_exit(), code(expected), "{signal:?}");
        assert!(pty.driver_modes().local.contains(rustix::termios::LocalModes::ECHO), "the shell's modes");
    }
}

#[test]
fn a_panic_restores_the_terminal_and_is_told_plainly() {
    let mut pty = Setup::hobnob().env("HOBNOB_TEST_PANIC", "1").env("RUST_BACKTRACE", "1").start();
    assert_eq!(pty.wait_exit(), code(1));
    assert!(pty.raw().windows(8).any(|bytes| bytes == b"\x1b[?1049h"), "it was shown");
    pty.assert_restored();
    let text = pty.text();
    assert!(text.starts_with("error: "), "{text}");
    assert!(text.contains("\nhint: ") && text.contains(".log"), "{text}");
    assert!(!text.contains("panicked") && !text.contains("backtrace"), "{text}");
    assert!(pty.home.log().contains("a test asked for a panic"), "{}", pty.home.log());
}

#[test]
fn stopped_and_continued_it_takes_the_modes_again_and_draws_every_cell() {
    let mut pty = settled(Setup::hobnob());
    let before = (pty.text(), pty.modes());
    pty.signal(Signal::STOP);
    // What a shell does to the terminal meanwhile.
    let garbage = "\x1b[2J\x1b[?1049l\x1b[?2004l\x1b[?1004l\x1b[?25hshell$ ";
    pty.write_behind_its_back(garbage);
    pty.set_sane();
    pty.wait_for_text("shell$");
    pty.signal(Signal::CONT);
    pty.wait_for("the same screen as before", |screen| screen.contents() == before.0);
    pty.wait_for_modes("the same modes as before", |modes| modes == before.1);
    assert!(!pty.driver_modes().local.contains(rustix::termios::LocalModes::ICANON));
    pty.send(&keys::ctrl('q'));
    assert_eq!(pty.wait_exit(), code(0));
    pty.assert_restored();
}

#[test]
fn the_input_can_be_the_terminal_by_any_name() {
    let script = format!("'{}' chat </dev/tty", env!("CARGO_BIN_EXE_hobnob"));
    let mut pty = shown(Setup::program("/bin/sh").arg("-c").arg(script + "; exit $?"));
    pty.send("typed");
    pty.wait_for_text("typed");
    pty.send(&keys::ctrl('q'));
    assert_eq!(pty.wait_exit(), code(0));
    pty.assert_restored();
}

#[test]
fn it_ends_when_its_terminal_is_gone() {
    let mut pty = shown(Setup::hobnob());
    pty.hang_up();
    assert_eq!(pty.wait_exit(), code(129));
}

#[test]
fn it_ends_when_its_terminal_is_gone_and_nobody_says_so() {
    // `nohup`-like parents keep the signal away: the end of the input has to be enough.
    let script = format!("trap '' HUP; '{}'", env!("CARGO_BIN_EXE_hobnob"));
    let mut pty = shown(Setup::program("/bin/sh").arg("-c").arg(script + "; exit $?"));
    pty.hang_up();
    assert_eq!(pty.wait_exit(), code(129));
}

#[test]
fn the_last_of_many_sizes_wins() {
    let mut pty = shown(Setup::hobnob());
    for step in 0..60 {
        pty.resize(60 + step, 20 + step % 10);
    }
    pty.resize(44, 13);
    let mut fresh = settled(Setup::hobnob().size(44, 13));
    let expected = fresh.text();
    pty.wait_for("what one of that size shows", |screen| screen.contents() == expected);
    for pty in [&mut pty, &mut fresh] {
        pty.send(&keys::ctrl('q'));
        assert_eq!(pty.wait_exit(), code(0));
    }
}

#[test]
fn without_a_terminal_that_can_show_it_it_says_what_is_missing() {
    let redirected = |how: &str| {
        let command = format!("'{}' chat {how}", env!("CARGO_BIN_EXE_hobnob"));
        Setup::program("/bin/sh").arg("-c").arg(command)
    };
    for (setup, missing) in [
        (Setup::hobnob().env("TERM", "dumb"), "TERM"),
        (Setup::hobnob().without_env("TERM"), "TERM"),
        (redirected("</dev/null").env("NO_COLOR", "1"), "input"),
        (redirected(">/dev/null").env("NO_COLOR", "1"), "output"),
    ] {
        let mut pty = setup.start();
        assert_eq!(pty.wait_exit(), code(2));
        pty.assert_restored();
        let text = pty.text();
        assert!(text.starts_with("error: ") && text.contains(missing), "{text}");
        assert!(text.contains("hobnob run"), "{text}");
        assert!(!pty.raw().contains(&0x1b), "no escape sequence was written: {text}");
    }
}

#[test]
fn input_is_read_to_its_end_however_much_comes_at_once() {
    let mut pty = shown(Setup::hobnob());
    pty.send(&"x".repeat(20_000));
    pty.send(&keys::ctrl('q'));
    assert_eq!(pty.wait_exit(), code(0));
    pty.assert_restored();
}

#[test]
fn a_sequence_whose_end_never_comes_holds_nothing_up() {
    for beginning in ["\x1b[", "\x1b[200~never ended", "\u{1b}O", "\x1b[<0;1"] {
        let mut pty = shown(Setup::hobnob());
        pty.send(beginning);
        pty.resize(70, 20);
        pty.wait_for_quiet(Duration::from_millis(300));
        pty.signal(Signal::TERM);
        assert_eq!(pty.wait_exit(), code(143), "{beginning:?}");
        pty.assert_restored();
    }
}

#[test]
fn a_paste_whose_end_is_lost_does_not_lock_the_keys_out() {
    let mut pty = shown(Setup::hobnob());
    pty.send("\x1b[200~the end of this is lost");
    pty.wait_for_text("the end of this is lost");
    pty.send(&keys::ctrl('q'));
    assert_eq!(pty.wait_exit(), code(0));
    pty.assert_restored();
}

#[test]
fn a_job_is_stopped_and_comes_back() {
    let script = format!(
        "set -m; '{}'; echo stopped; stty -a | grep -q -e '-echo ' || echo sane; read -r line; fg >/dev/null; echo back $?",
        env!("CARGO_BIN_EXE_hobnob")
    );
    let mut pty = settled(Setup::program("/bin/bash").arg("-c").arg(script));
    let before = (pty.text(), pty.modes());
    pty.send(&keys::ctrl('z'));
    pty.wait_for_text("stopped");
    pty.wait_for_text("sane");
    pty.wait_for_modes("the modes of a shell", |modes| modes == Modes::default());
    pty.send("\n");
    pty.wait_for("the same screen as before", |screen| screen.contents() == before.0);
    pty.wait_for_modes("the same modes as before", |modes| modes == before.1);
    pty.send(&keys::ctrl('q'));
    assert_eq!(pty.wait_exit(), code(0));
    assert!(pty.text().contains("back 0"), "{}", pty.text());
    pty.assert_restored();
}

/// An executable script.
fn script(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("script");
    std::fs::write(&path, text).expect("a script");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("made executable");
    path
}

/// Reads a line from the terminal: were somebody else reading too, letters would be missing.
const EDITOR: &str = r#"#!/bin/sh
echo x >> "$0.rounds"
echo "round $(grep -c x "$0.rounds") of the editor"
read -r line
printf '%s' "$line" > "$1"
"#;

#[test]
fn an_editor_has_the_terminal_to_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pty = shown(Setup::hobnob().env("VISUAL", script(folder.path(), EDITOR)));
    for round in 1..=5 {
        pty.send(&keys::ctrl('g'));
        pty.wait_for_text(&format!("round {round} of the editor"));
        assert_eq!(pty.modes(), Modes::default());
        // Long enough that a thief would get some of it.
        pty.send(&format!("{round} {}", "abcdefghij ".repeat(6)));
        pty.wait_for_text("abcdefghij");
        pty.send("\n");
        pty.wait_for_modes("the interface again", |modes| modes.alternate_screen && !modes.updating);
        pty.wait_for_text(&format!("{round} abcdefghij abcdefghij"));
    }
    pty.send(&keys::ctrl('q'));
    assert_eq!(pty.wait_exit(), code(0));
    pty.assert_restored();
}

#[test]
fn what_ends_an_editor_does_not_end_the_interface_but_a_signal_for_it_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pty = shown(Setup::hobnob().env("VISUAL", script(folder.path(), EDITOR)));
    pty.send(&keys::ctrl('g'));
    pty.wait_for_text("round 1 of the editor");
    pty.send(&keys::ctrl('c'));
    pty.wait_for_modes("the interface again", |modes| modes.alternate_screen && !modes.updating);
    pty.send(&keys::ctrl('g'));
    pty.wait_for_text("round 2 of the editor");
    pty.signal(Signal::TERM);
    assert_eq!(pty.wait_exit(), code(143));
    pty.assert_restored();
}

/// Not a wake-up, not a byte, while nothing happens: what the program's threads were switched in for is counted.
#[cfg(target_os = "linux")]
#[test]
fn idle_is_idle() {
    let mut pty = shown(Setup::hobnob());
    pty.wait_for_rest(Duration::from_secs(5));
    pty.send(&keys::ctrl('q'));
    assert_eq!(pty.wait_exit(), code(0));
}
