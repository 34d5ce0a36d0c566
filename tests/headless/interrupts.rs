//! Signals, deadlines, and an engine that fails: what is kept, how it ends, and that nothing stays behind.

use rustix::process::Signal;

use crate::sandbox::{AT_ONCE, PATIENCE, Running, Sandbox};

const SLOW_LOAD: &str = "load_ms = 600000\n";
const SLOW_PREFILL: &str = "[[reply]]\ntext = \"never\"\nprefill_ms = 600000\n";

/// "w1 w2 w3 …", twenty a second, more than any test waits for.
fn slow_answer(extra: &str) -> String {
    let words: Vec<String> = (1..=4000).map(|n| format!("w{n}")).collect();
    format!("[[reply]]\ntext = \"{}\"\ntokens_per_second = 20.0\n{extra}", words.join(" "))
}

#[test]
fn a_signal_ends_it_in_every_phase() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let cases = [
            (SLOW_LOAD.to_owned(), "\"weights\""),
            (SLOW_PREFILL.to_owned(), "\"started\""),
            (slow_answer(""), "\"w3\"\n"),
            (slow_answer("deaf = true\n"), "w3"),
        ];
        for (script, phase) in cases {
            let home = Sandbox::new();
            let phase = phase.trim_end().trim_matches('"');
            let mut running = Running::start(home.hobnob(["run", "--jsonl", "-m", &home.script(&script), "go"]));
            running.read_until(phase);
            running.signal(signal);
            let status = running.wait(AT_ONCE);
            assert_eq!(status.code(), Some(code), "{phase}");
            home.assert_empty();
        }
    }
}

#[test]
fn the_partial_answer_stays_with_its_newline() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let home = Sandbox::new();
        let mut running = Running::start(home.hobnob(["run", "-m", &home.script(&slow_answer("")), "go"]));
        let mut text = running.read_until("w3");
        running.signal(signal);
        let done = running.finish();
        done.assert_code(code);
        text.push_str(done.text());
        assert!(text.starts_with("w1 w2 w3") && text.ends_with('\n') && !text.ends_with("\n\n"), "{text:?}");
        assert_eq!(done.err, "");
    }
}

#[test]
fn nothing_is_printed_of_an_answer_that_had_not_begun() {
    let home = Sandbox::new();
    for script in [SLOW_LOAD, SLOW_PREFILL] {
        let done = home.run(["run", "--timeout", "0.5", "-m", &home.script(script), "go"]);
        done.assert_error(7, "--timeout");
        assert_eq!(done.text(), "");
        home.assert_empty();
    }
}

#[test]
fn a_timeout_keeps_the_partial_answer() {
    let home = Sandbox::new();
    let done = home.run(["run", "--timeout", "2", "-m", &home.script(&slow_answer("")), "go"]);
    done.assert_error(7, "--timeout");
    assert!(done.text().starts_with("w1 w2") && done.text().ends_with('\n'), "{}", done.text());
    home.assert_empty();
    let json = home.run(["run", "--json", "--timeout", "2", "-m", &home.script(&slow_answer("")), "go"]);
    json.assert_error(7, "--timeout");
    assert_eq!(json.json()["finish_reason"], "timeout");
    assert!(json.json()["content"].as_str().expect("text").starts_with("w1 w2"));
}

#[test]
fn a_signal_in_json_leaves_a_document() {
    let home = Sandbox::new();
    let mut running = Running::start(home.hobnob(["run", "--jsonl", "-m", &home.script(&slow_answer("")), "go"]));
    running.read_until("w3");
    running.signal(Signal::INT);
    let done = running.finish();
    done.assert_code(130);
    let last = done.text().lines().last().expect("a line").to_owned();
    let last: serde_json::Value = serde_json::from_str(&last).expect("JSON");
    assert_eq!((last["event"].as_str(), last["finish_reason"].as_str()), (Some("done"), Some("cancelled")));
}

/// An answer that is there in a moment.
fn more_than_a_pipe_holds() -> String {
    format!("[[reply]]\ntext = \"{}\"\n", format!("{} ", "word".repeat(100)).repeat(400))
}

#[test]
fn a_reader_that_sleeps_holds_up_no_signal() {
    let home = Sandbox::new();
    let script = home.script(&more_than_a_pipe_holds());
    let mut running = Running::start(home.hobnob(["run", "--jsonl", "-m", &script, "go"]));
    running.read_until("\"delta\"");
    running.signal(Signal::INT);
    assert_eq!(running.wait(AT_ONCE).code(), Some(130));
    home.assert_empty();
}

#[test]
fn a_reader_that_leaves_before_the_answer_ends_it() {
    for (script, phase) in [(SLOW_LOAD, "\"weights\""), (SLOW_PREFILL, "\"started\"")] {
        let home = Sandbox::new();
        let mut running = Running::start(home.hobnob(["run", "--jsonl", "-m", &home.script(script), "go"]));
        running.read_until(phase);
        drop(running.stdout.take());
        assert_eq!(running.wait(AT_ONCE).code(), Some(0), "{phase}");
        home.assert_empty();
    }
}

#[test]
fn a_timeout_is_told_where_a_whole_answer_finds_no_reader() {
    let home = Sandbox::new();
    let text = more_than_a_pipe_holds();
    for (script, code, message) in [
        (text.clone(), 7, "error: the 3 s of --timeout ran out"),
        (format!("{text}fail = \"it did not work\"\n"), 5, "error: it did not work"),
    ] {
        let args = ["run", "--timeout", "3", "-m", &home.script(&script), "go"];
        let mut running = Running::start(home.hobnob(args));
        assert_eq!(running.wait(PATIENCE).code(), Some(code), "{message}");
        let said = running.finish_stderr();
        assert!(said.starts_with(message) && said.contains("\nhint: "), "{said}");
    }
    home.assert_empty();
}

#[test]
fn a_failing_engine_is_told_with_its_own_code() {
    let home = Sandbox::new();
    let cases = [
        ("fail_load = \"no such luck\"\n", 3, "no such luck", ""),
        ("die_load = \"abort\"\n", 3, "engine", ""),
        ("die_load = \"panic\"\n", 3, "", ""),
        ("[[reply]]\ntext = \"some words\"\nfail = \"it did not work\"\n", 5, "it did not work", "some words"),
        (
            "[[reply]]\ntext = \"some words more\"\ndie = \"abort\"\nafter = 2\ntokens_per_second = 5.0\n",
            5,
            "engine",
            "some",
        ),
        ("[[reply]]\ntext = \"some words\"\ndie = \"abort\"\n", 5, "engine", ""),
        ("not a script", 3, "", ""),
    ];
    for (script, code, message, printed) in cases {
        let done = home.run(["run", "-m", &home.script(script), "go"]);
        done.assert_error(code, message);
        // The last words of a process that dies may die with it.
        let kept = done.text().starts_with(printed) && done.text().ends_with('\n') != printed.is_empty();
        assert!(kept, "{script}: {}", done.text());
        let json = home.run(["run", "--json", "-m", &home.script(script), "go"]);
        json.assert_error(code, message);
        assert!(json.json()["error"]["message"].is_string(), "{script}");
    }
    home.assert_empty();
}
