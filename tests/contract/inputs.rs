//! Where the prompt comes from: stdin in every state that a shell can leave it in. The scripted engine without a reply is an
//! echo.

use std::fs::{self, File};
use std::io::Write as _;
use std::process::Stdio;
use std::time::Instant;

use crate::sandbox::{AT_ONCE, Running, Sandbox};
use crate::support::pty::{Home, Setup};
use crate::{quoted, shell};

#[test]
fn stdin_is_read_whatever_it_is() {
    let home = Sandbox::new();
    let echo = home.script("");
    fs::write(home.path("file"), "from a file\n").expect("writes");
    fs::write(home.path("nothing"), "").expect("writes");
    fs::create_dir(home.path("folder")).expect("a folder");
    let cases: [(&str, &str, i32, &str, &str); 12] = [
        // What the shell does, the arguments, the code, stdout, and what the error says.
        ("< file", "", 0, "from a file\n", ""),
        ("< file", "asked", 0, "asked\n\nfrom a file\n", ""),
        ("< nothing", "asked", 0, "asked\n", ""),
        ("< nothing", "", 2, "", "there is no prompt"),
        ("< /dev/null", "asked", 0, "asked\n", ""),
        ("< /dev/null", "", 2, "", "there is no prompt"),
        ("<&-", "asked", 0, "asked\n", ""),
        ("<&-", "", 2, "", "there is no prompt"),
        ("< folder", "asked", 2, "", "stdin could not be read: it is a folder"),
        ("<<< 'a here string'", "asked", 0, "asked\n\na here string\n", ""),
        ("< <(printf 'caf\\xe9')", "asked", 2, "", "stdin is not text: byte 3 "),
        ("< <(printf 'ab\\0cd')", "asked", 2, "", "stdin is not text: byte 2 "),
    ];
    for (input, words, code, out, error) in cases {
        let line = format!("\"$hobnob\" run -m {} {words} {input}", quoted(&echo));
        let done = Running::start(shell(&home, &line)).finish();
        done.assert_code(code);
        assert_eq!(done.text(), out, "{input} {words}");
        if error.is_empty() {
            assert_eq!(done.err, "", "{input} {words}");
        } else {
            done.assert_error(code, error);
        }
    }
}

#[test]
fn fifty_megabytes_are_refused_in_no_time() {
    let home = Sandbox::new();
    let echo = home.script("");
    let text = "word ".repeat(10_000_000);
    let binary = [text.as_bytes(), b"\xff"].concat();
    for (input, code, error) in [
        (
            text.into_bytes(),
            5,
            "the prompt does not fit: it is 50 MB of text, and the context has room for 4096 tokens",
        ),
        (binary, 2, "stdin is not text: byte 50000000 "),
    ] {
        let before = Instant::now();
        let done = home.run_with(["run", "-m", &echo], input);
        done.assert_error(code, error);
        assert_eq!(done.text(), "");
        assert!(before.elapsed() < AT_ONCE * 2, "took {:?}", before.elapsed());
    }
    home.assert_empty();
}

#[test]
fn a_slow_writer_is_waited_for_to_its_last_byte() {
    let home = Sandbox::new();
    let mut command = home.hobnob(["run", "-m", &home.script(""), "first"]);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    let mut stdin = running.stdin.take().expect("a pipe");
    // A character in two parts, too.
    for part in [&b"one "[..], b"two \xc3", b"\xa4 three"] {
        stdin.write_all(part).expect("it reads");
        stdin.flush().expect("it reads");
        std::thread::yield_now();
    }
    drop(stdin);
    assert_eq!(running.finish().assert_code(0).text(), "first\n\none two \u{e4} three\n");
}

#[test]
fn a_terminal_is_not_read_from() {
    let (home, files) = (Home::new(), Sandbox::new());
    let echo = files.script("");
    let run = |args: &[&str]| args.iter().fold(Setup::hobnob().home(&home), |setup, arg| setup.arg(*arg)).start();
    let mut asked = run(&["run", "-q", "-m", &echo, "asked"]);
    assert_eq!(asked.wait_exit().code, Some(0));
    assert_eq!(String::from_utf8_lossy(&asked.raw()), "asked\r\n");
    let mut silent = run(&["run", "-m", &echo]);
    assert_eq!(silent.wait_exit().code, Some(2));
    assert!(silent.text().contains("there is no prompt"), "{}", silent.text());
}

#[test]
fn an_endless_input_is_given_up() {
    let home = Sandbox::new();
    let Ok(zero) = File::open("/dev/zero") else { return };
    let mut command = home.hobnob(["run", "-m", &home.script(""), "first"]);
    command.stdin(zero);
    Running::start(command).finish().assert_error(5, "stdin is longer than 256 MB, more than any model reads");
}
