//! The same commands where a person watches.

use crate::sandbox::Sandbox;
use crate::support::pty::{Home, Setup};

const SLOW: &str = "load_ms = 300\n[[reply]]\ntext = \"Fine, thank you.\"\n";

fn run(home: &Home, args: &[&str]) -> Setup {
    args.iter().fold(Setup::hobnob().home(home), |setup, arg| setup.arg(*arg))
}

#[test]
fn a_status_line_is_there_while_it_loads_and_gone_after() {
    let (home, files) = (Home::new(), Sandbox::new());
    let script = files.script(SLOW);
    let mut terminal = run(&home, &["run", "-m", &script, "hi"]).start();
    terminal.wait_for_raw("the status line", |raw| {
        raw.windows(b"reading the weights".len()).any(|w| w == b"reading the weights")
    });
    assert_eq!(terminal.wait_exit().code, Some(0));
    assert_eq!(terminal.text().trim_end(), "Fine, thank you.");
    terminal.assert_restored();
    let mut quiet = run(&home, &["run", "-q", "-m", &script, "hi"]).start();
    assert_eq!(quiet.wait_exit().code, Some(0));
    assert_eq!(String::from_utf8_lossy(&quiet.raw()), "Fine, thank you.\r\n");
}

#[test]
fn errors_are_coloured_unless_the_person_or_the_terminal_says_no() {
    let home = Home::new();
    for (variable, value, coloured) in
        [("TERM", "xterm-256color", true), ("TERM", "dumb", false), ("NO_COLOR", "1", false), ("CI", "true", false)]
    {
        let setup = run(&home, &["run", "-m", "./missing.gguf", "hi"]).without_env("NO_COLOR").env(variable, value);
        let mut terminal = setup.start();
        assert_eq!(terminal.wait_exit().code, Some(3));
        let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
        assert_eq!(raw.contains("\x1b[1;31merror:"), coloured, "{variable}={value}: {raw:?}");
        assert!(raw.contains("missing.gguf"), "{raw:?}");
        assert!(coloured || !raw.contains('\x1b'), "{variable}={value}: {raw:?}");
    }
}

#[test]
fn ctrl_c_reaches_the_answer_and_not_the_engine() {
    let (home, files) = (Home::new(), Sandbox::new());
    let words: Vec<String> = (1..400).map(|n| format!("w{n}")).collect();
    let script = files.script(&format!("[[reply]]\ntext = \"{}\"\ntokens_per_second = 20.0\n", words.join(" ")));
    let mut terminal = run(&home, &["run", "-m", &script, "hi"]).start();
    terminal.wait_for_text("w3");
    terminal.send("\x03");
    assert_eq!(terminal.wait_exit().code, Some(130));
    assert!(!terminal.text().contains("error"), "{}", terminal.text());
    terminal.assert_restored();
}
