//! Where the prompt comes from, and what can be wrong with it. The scripted engine without a reply is an echo.

use std::process::Stdio;

use crate::sandbox::{AT_ONCE, PATIENCE, Running, Sandbox, eventually};

#[test]
fn arguments_then_stdin_then_files() {
    let home = Sandbox::new();
    let echo = home.script("");
    home.write("notes.md", "# Notes\n```\ncode\n```\n");
    let cases: [(&[&str], &str, &str); 6] = [
        (&["sum", "this up"], "", "sum this up\n"),
        (&[], "from the pipe\n", "from the pipe\n"),
        (&["sum", "up"], "from\nthe pipe\n", "sum up\n\nfrom\nthe pipe\n"),
        (&["read", "-f", "notes.md"], "", "read\n\nnotes.md:\n````\n# Notes\n```\ncode\n```\n````\n"),
        (&["-f", "notes.md"], "in\n", "in\n\nnotes.md:\n````\n# Notes\n```\ncode\n```\n````\n"),
        (&["--", "-5", "--is", "odd"], "", "-5 --is odd\n"),
    ];
    for (args, input, printed) in cases {
        let done = home.run_with(["run", "-m", &echo].into_iter().chain(args.iter().copied()), input);
        done.assert_code(0);
        assert_eq!(done.text(), printed, "{args:?} {input:?}");
    }
}

#[test]
fn in_a_pipe_no_command_is_needed() {
    let home = Sandbox::new();
    let done = home.run_with(["-m", &home.script("")], "hello there");
    done.assert_code(0);
    assert_eq!(done.text(), "hello there\n");
}

#[test]
fn what_can_not_be_asked_is_refused() {
    let home = Sandbox::new();
    let echo = home.script("");
    home.write("binary", b"\x7fELF\x02\x01\x01\0\0\xff");
    home.write("latin", b"caf\xe9");
    let cases: [(&[&str], &[u8], i32, &str); 9] = [
        (&[], b"", 2, "there is no prompt"),
        (&["  "], b" \n\t\n", 2, "there is no prompt"),
        (&["read"], b"caf\xe9 au lait", 2, "stdin is not text: byte 3 "),
        (&["read"], b"ab\0cd", 2, "stdin is not text: byte 2 is NUL"),
        (&["read", "-f", "binary"], b"", 2, "`binary` is not text: byte 7 is NUL"),
        (&["read", "-f", "latin"], b"", 2, "`latin` is not text: byte 3 "),
        (&["read", "-f", "missing.md"], b"", 2, "`missing.md` could not be read: no such file or directory"),
        (&["read", "-f", "."], b"", 2, "`.` could not be read: it is a folder"),
        (&["read", "-s", "@missing.md"], b"", 2, "`missing.md` could not be read"),
    ];
    for (args, input, code, message) in cases {
        let done = home.run_with(["run", "-m", &echo].into_iter().chain(args.iter().copied()), input);
        done.assert_error(code, message);
        assert_eq!(done.text(), "", "{args:?}");
    }
}

#[test]
fn a_timeout_that_runs_out_while_something_is_read_says_what() {
    let home = Sandbox::new();
    let echo = home.script("");
    rustix::fs::mknodat(rustix::fs::CWD, home.path("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .expect("a pipe");
    for (file, message, hint) in [
        (None, "the 0.3 s of --timeout ran out before stdin ended", "< /dev/null"),
        (Some("pipe"), "the 0.3 s of --timeout ran out before `pipe` ended", "has to close it"),
    ] {
        let mut command = home.hobnob(["run", "--timeout", "0.3", "-m", &echo, "hi"]);
        command.args(file.map(|file| format!("--file={file}"))).stdin(Stdio::piped());
        let mut running = Running::start(command);
        let stdin = running.stdin.take();
        let done = running.finish();
        done.assert_error(7, message);
        assert!(done.err.contains(hint), "{}", done.err);
        drop(stdin);
    }
}

#[test]
fn files_without_an_end_are_refused_whatever_they_are_to_be() {
    let home = Sandbox::new();
    let echo = home.script("");
    let batch = home.write("in.jsonl", "{\"prompt\": \"x\"}\n");
    home.write("home/.config/hobnob/templates/fine.toml", "prompt = \"{{input}}\"\n");
    let template = home.path("home/.config/hobnob/templates/endless.toml");
    std::os::unix::fs::symlink("/dev/zero", &template).expect("a link");
    let batch = batch.to_string_lossy();
    let cases: [(&[&str], &str); 4] = [
        (&["--config", "/dev/zero", "run", "hi"], "can't read /dev/zero: it has more than 16 MB"),
        (&["run", "-m", &echo, "-t", "endless", "hi"], "endless.toml: it has more than 16 MB"),
        (
            &["run", "-m", &echo, "--schema", "/dev/zero", "hi"],
            "`/dev/zero` could not be read: it has more than 1.0 MB",
        ),
        (&["run", "-m", &echo, "--batch", &batch, "--resume", "/dev/full"], "can't look up answers in `/dev/full`"),
    ];
    for (args, message) in cases {
        home.run(args.iter().copied()).assert_error(2, message);
    }
    std::fs::remove_file(&template).expect("removed");
    std::os::unix::fs::symlink("/nowhere.toml", &template).expect("a link");
    home.run(["run", "-t", "endless", "hi"]).assert_error(2, "is a link to a file that is not there");
}

#[test]
fn a_prompt_that_does_not_fit_names_both_numbers() {
    let home = Sandbox::new();
    let script = home.script("context = 300\n[[reply]]\nprompt_tokens = 4321\ntext = \"x\"\n");
    let done = home.run(["run", "-m", &script, "hi"]);
    done.assert_error(5, "4321");
    assert!(done.err.contains("300"), "{}", done.err);
}

#[test]
fn a_stdin_that_never_ends_can_be_left() {
    use rustix::process::Signal;
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let home = Sandbox::new();
        let mut command = home.hobnob(["run", "-m", &home.script(""), "first"]);
        command.stdin(Stdio::piped());
        let mut running = Running::start(command);
        let stdin = running.stdin.take();
        // Before, the system's default would end it as well.
        assert!(eventually(PATIENCE, || running.listens()));
        running.signal(signal);
        assert_eq!(running.wait(AT_ONCE).code(), Some(code));
        drop(stdin);
    }
}
