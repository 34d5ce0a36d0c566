//! Where the answer goes to: a pipe, a file, a reader that leaves, a disk that is full, nothing at all.

use std::fs;
use std::process::Stdio;
use std::time::Instant;

use crate::sandbox::{AT_ONCE, Running, Sandbox, full};
use crate::support::pty::{Home, Setup};
use crate::{quoted, shell, slow_answer};

const FINE: &str = "[[reply]]\ntext = \"Fine, thank you.\"\n";
const FORMATS: [&[&str]; 3] = [&[], &["--json"], &["--jsonl"]];

#[test]
fn a_reader_that_has_enough_ends_it_well_and_nothing_goes_on() {
    let home = Sandbox::new();
    let slow = home.script(&slow_answer(""));
    let fast = home.script(&format!("[[reply]]\ntext = \"{}\"\n", "word ".repeat(3000)));
    let cases = [
        format!("run -m {} go", quoted(&slow)),
        format!("run --jsonl -m {} go", quoted(&slow)),
        format!("run -m {} go", quoted(&fast)),
        format!("run --json -m {} go", quoted(&fast)),
        format!("run -m {} go", quoted(&home.script("load_ms = 600000\n"))),
        format!("run -m {} go", quoted(&home.script("[[reply]]\ntext = \"x\"\nprefill_ms = 600000\n"))),
        "--help".to_owned(),
        "run --help".to_owned(),
        "config show".to_owned(),
        "search --catalog --json".to_owned(),
        "doctor --offline --json".to_owned(),
    ];
    for command in cases {
        // A reader that takes ten bytes, or none where none come: `head` waits for those.
        let reader = if command.contains("script") && !command.contains("jsonl") && !command.contains(&slow) {
            "true"
        } else {
            "head -c 10"
        };
        let before = Instant::now();
        let line = format!("\"$hobnob\" {command} | {reader}; echo \"${{PIPESTATUS[0]}}\" >&2");
        let done = Running::start(shell(&home, &line)).finish();
        assert_eq!(done.err, "0\n", "{command}");
        assert!(done.out.len() <= 10, "{command}");
        assert!(before.elapsed() < AT_ONCE, "{command}: {:?}", before.elapsed());
        home.assert_empty();
    }
}

#[test]
fn an_engine_that_is_kept_warm_does_not_go_on_for_nobody() {
    let home = Sandbox::new();
    let script = home.script(&format!("{}[[reply]]\nwhen = \"quick\"\ntext = \"at once\"\n", slow_answer("")));
    home.run(["run", "--keep-warm", "10m", "-m", &script, "quick"]).assert_code(0);
    let line = format!("\"$hobnob\" run -m {} go | head -c 10; echo \"${{PIPESTATUS[0]}}\" >&2", quoted(&script));
    let before = Instant::now();
    assert_eq!(Running::start(shell(&home, &line)).finish().err, "0\n");
    // The next one need not wait for the rest of it.
    assert_eq!(home.run(["run", "-m", &script, "quick"]).assert_code(0).text(), "at once\n");
    assert!(before.elapsed() < AT_ONCE, "{:?}", before.elapsed());
    home.run(["warm", "stop"]).assert_code(0);
    home.assert_empty();
}

#[test]
fn a_full_disk_is_told_as_what_it_is() {
    let home = Sandbox::new();
    let script = home.script(FINE);
    let cases: [&[&str]; 10] = [
        &["--version"],
        &["run", "--help"],
        &["run", "-m", &script, "hi"],
        &["run", "--json", "-m", &script, "hi"],
        &["run", "--jsonl", "-m", &script, "hi"],
        &["config", "path"],
        &["config", "show"],
        &["models", "--json"],
        &["search", "--catalog"],
        &["warm", "--json"],
    ];
    for args in cases {
        let Some(full) = full() else { return };
        let mut command = home.hobnob(args.iter().copied());
        command.stdout(Stdio::from(full));
        Running::start(command).finish().assert_error(1, "stdout could not be written: the disk is full");
    }
    home.assert_empty();
}

#[test]
fn a_stderr_that_nobody_reads_is_no_reason_to_fail() {
    let home = Sandbox::new();
    let script = home.script(FINE);
    for redirection in ["2>&-", "2>/dev/full", "2> >(true)"] {
        let line = format!("\"$hobnob\" run --stats --max-tokens 1 -m {} hi {redirection}", quoted(&script));
        let done = Running::start(shell(&home, &line)).finish();
        assert_eq!((done.status.code(), done.text()), (Some(0), "Fine,\n"), "{redirection}");
        let line = format!("\"$hobnob\" run -m ./missing.gguf hi {redirection}");
        assert_eq!(Running::start(shell(&home, &line)).finish().status.code(), Some(3), "{redirection}");
    }
}

#[test]
fn a_file_gets_the_answer_and_nothing_else() {
    let home = Sandbox::new();
    let script = home.script(&format!("noise = 'a library speaks'\n{FINE}noise = 'and speaks'\n"));
    fs::write(home.path("out"), "before\n").expect("writes");
    let line = format!("\"$hobnob\" run -m {} hi >> out", quoted(&script));
    let done = Running::start(shell(&home, &line)).finish();
    assert_eq!((done.assert_code(0).text(), done.err.as_str()), ("", ""));
    assert_eq!(fs::read_to_string(home.path("out")).expect("reads"), "before\nFine, thank you.\n");
    for format in FORMATS {
        let line = format!("\"$hobnob\" run {} -m {} hi > out", format.concat(), quoted(&script));
        Running::start(shell(&home, &line)).finish().assert_code(0);
        let text = fs::read_to_string(home.path("out")).expect("reads");
        assert!(text.ends_with('\n') && text.contains("Fine, thank you."), "{format:?}: {text}");
    }
}

#[test]
fn nothing_to_print_on_is_fine() {
    let home = Sandbox::new();
    let script = home.script(FINE);
    for format in FORMATS {
        let line = format!("exec \"$hobnob\" run {} -m {} hi <&- >&- 2>&-", format.concat(), quoted(&script));
        Running::start(shell(&home, &line)).finish().assert_code(0);
    }
    home.assert_empty();
}

#[test]
fn a_terminal_gets_the_answer_as_it_is() {
    let (home, files) = (Home::new(), Sandbox::new());
    let script = files.script("[[reply]]\ntext = \"red \\u001b[31mtext\\u001b[0m\\u0007, plain\"\n");
    let setup =
        ["run", "-q", "-m", &script, "hi"].iter().fold(Setup::hobnob().home(&home), |setup, arg| setup.arg(*arg));
    let mut terminal = setup.start();
    assert_eq!(terminal.wait_exit().code, Some(0));
    assert_eq!(String::from_utf8_lossy(&terminal.raw()), "red text, plain\r\n");
}
