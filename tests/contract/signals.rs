//! SIGINT and SIGTERM while it loads, while it reads the prompt, and while it answers, in each format.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use crate::sandbox::{AT_ONCE, Running, Sandbox, eventually};
use crate::slow_answer;

/// Where it is when the signal comes, known by what the log has by then.
const PHASES: [(&str, &str); 3] = [
    ("load", "noise = \"it loads\"\nload_ms = 600000\n"),
    ("prefill", "[[reply]]\nnoise = \"it reads\"\ntext = \"never\"\nprefill_ms = 600000\n"),
    ("decode", ""),
];

#[test]
fn whatever_it_is_doing_it_stops_and_leaves_what_there_is() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        for (phase, script) in PHASES {
            for format in [&[][..], &["--json"], &["--jsonl"]] {
                let what = format!("{phase} {format:?} {code}");
                let home = Sandbox::new();
                let decodes = phase == "decode";
                let script =
                    home.script(&if decodes { slow_answer("noise = \"it answers\"\n") } else { script.to_owned() });
                let log = home.path("log");
                let own = ["run", "-v", "--log-file", &log.to_string_lossy(), "-m", &script, "go"].map(str::to_owned);
                let args = own.iter().map(String::as_str).chain(format.iter().copied());
                let mut running = Running::start(home.hobnob(args));
                let mut text = String::new();
                if decodes && format != ["--json"] {
                    text = running.read_until("w2");
                } else {
                    let there = || fs::read_to_string(&log).is_ok_and(|log| log.contains(" it "));
                    assert!(eventually(AT_ONCE, there), "{what}");
                }
                running.signal(signal);
                let done = running.finish();
                done.assert_code(code);
                text.push_str(done.text());
                assert_eq!(done.err, "", "{what}: whoever did it knows");
                assert_kept(&text, phase, format, &what);
                home.assert_empty();
            }
        }
    }
}

#[track_caller]
fn assert_kept(text: &str, phase: &str, format: &[&str], what: &str) {
    if format.is_empty() {
        let whole = text.starts_with("w1 w2") && text.ends_with('\n') && !text.ends_with("\n\n");
        return assert!(if phase == "decode" { whole } else { text.is_empty() }, "{what}: {text:?}");
    }
    let last: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    if phase == "load" {
        assert_eq!(last["error"]["kind"], "cancelled", "{what}: {last}");
    } else {
        assert_eq!(last["finish_reason"], "cancelled", "{what}: {last}");
        let content = last["content"].as_str().expect("text");
        assert!(phase == "prefill" || content.starts_with("w1") || format == ["--json"], "{what}: {last}");
    }
}
