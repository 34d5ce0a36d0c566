//! `hobnob bench`: figures of the real engine, how they are kept, and how it ends before its time.

use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use crate::sandbox::{AT_ONCE, Running, Sandbox};
use crate::support::models::starter;

/// The shortest that is still a measurement.
const TINY: [&str; 6] = ["--prompt", "64,96", "--tokens", "6", "--repeats", "2"];

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("not a number: {value}"))
}

/// A median between its ends, and more than nothing.
#[track_caller]
fn assert_spread(value: &Value) {
    let [median, min, max] = ["median", "min", "max"].map(|name| number(&value[name]));
    assert!(0.0 < min && min <= median && median <= max, "{value}");
}

#[test]
fn the_starter_is_measured_and_the_figures_are_kept() {
    let home = Sandbox::new();
    let path = starter().to_string_lossy().into_owned();
    let done = home.run(["bench", "--json", "-m", &path, "--context", "1024"].into_iter().chain(TINY));
    done.assert_code(0);
    // Where it takes long, a log hears of it.
    assert!(done.err.lines().all(|line| line.starts_with("prompt of ")), "nobody watches: {}", done.err);
    let json = done.json();
    assert_eq!((json["device"].as_str(), json["settings"]["context"].as_u64()), (Some("CPU"), Some(1024)));
    assert_eq!(json["model"]["facts"]["quantisation"], "Q4_1");
    assert!(json["machine"]["name"].as_str().is_some_and(|name| name.ends_with(" GiB")), "{}", json["machine"]);
    assert_eq!((&json["left_out"], &json["ended_early"]), (&serde_json::json!([]), &Value::Null));
    assert_spread(&json["load"]["ms"]);
    let loads = json["load"]["runs_ms"].as_array().expect("loads");
    assert!(loads.len() == 2 && loads[0] != loads[1], "each time it was loaded anew: {loads:?}");
    // The weights alone are more than that.
    assert!(number(&json["peak_memory_bytes"]) > 98_362_432.0);
    let points = json["points"].as_array().expect("points");
    for (point, wanted) in points.iter().zip([64.0, 96.0]) {
        let tokens = number(&point["prompt_tokens"]);
        assert!((tokens - wanted).abs() <= 8.0, "{tokens} tokens instead of {wanted}");
        for figure in ["ttft_ms", "prefill_tokens_per_second", "decode_tokens_per_second"] {
            assert_spread(&point[figure]);
        }
        let runs = point["runs"].as_array().expect("runs");
        assert_eq!(runs.len(), 2);
        for run in runs {
            // A template's first words are the same in every prompt.
            assert!(run["cached_tokens"].as_u64().is_none_or(|tokens| tokens <= 8), "{run}");
            let rate = number(&run["prompt_tokens"]) * 1000.0 / number(&run["ttft_ms"]);
            // Were any of it read before, it would be more than what the clock says.
            assert!((rate / number(&run["prefill_tokens_per_second"]) - 1.0).abs() < 0.2, "{run}");
        }
    }
    assert_eq!(points.len(), 2);
    home.assert_empty();

    let shown = home.run(["models", "show", "--json", &path]);
    let measured = &shown.json()["measured"];
    assert_eq!(measured["decode_tokens_per_second"], points[0]["decode_tokens_per_second"]["median"]);
    assert_eq!((measured["context"].as_u64(), measured["device"].as_str()), (Some(1024), Some("CPU")));
    let page = home.run(["models", "show", &path]);
    let speed = page.text().lines().find(|line| line.starts_with("speed ")).expect("a line for it");
    assert!(speed.contains(" tok/s, reads ") && speed.contains(" ago") || speed.ends_with("just now"), "{speed}");
}

#[test]
fn a_table_is_for_people_and_what_does_not_fit_is_said() {
    let home = Sandbox::new();
    // Longer than any answer that is asked for.
    let script = home.script(
        "context = 300\n[[reply]]\ntext = \"a b c d e f g h i j k l m n\"\ntokens_per_second = 200.0\nprefill_ms = 5\n",
    );
    let done = home.run(["bench", "-m", &script]);
    done.assert_code(0);
    let lines: Vec<&str> = done.text().lines().collect();
    assert!(lines[0].contains("on script, context 300"), "{}", done.text());
    assert!(lines.iter().any(|line| line.contains("PROMPT") && line.contains("MAKES, tok/s")), "{}", done.text());
    let left = lines.iter().find(|line| line.starts_with("left out: a prompt of 1024 ")).expect("a line for it");
    assert!(left.contains("300"), "{left}");
    assert!(lines.iter().any(|line| line.contains("answers ended before 64 tokens")), "{}", done.text());
    home.run(["bench", "-m", &script, "--prompt", "1024"]).assert_error(5, "1024");
    for (option, value) in [("--prompt", "0"), ("--prompt", "a"), ("--tokens", "1"), ("--repeats", "0")] {
        home.run(["bench", "-m", &script, option, value]).assert_error(2, option);
    }
}

#[test]
fn events_come_in_their_order() {
    let home = Sandbox::new();
    let script = home.script("[[reply]]\ntext = \"a b c d e f g h\"\ntokens_per_second = 500.0\nprefill_ms = 5\n");
    let done = home.run(["bench", "--jsonl", "-m", &script, "--repeats", "1", "--prompt", "32,64", "--tokens", "4"]);
    done.assert_code(0);
    let mut order: Vec<String> =
        done.lines().iter().map(|line| line["event"].as_str().expect("a name").to_owned()).collect();
    order.dedup();
    assert_eq!(order, ["loading", "loaded", "loading", "loaded", "run", "done"]);
    let last = done.lines().pop().expect("a line");
    assert_eq!(last["points"].as_array().map(Vec::len), Some(2));
}

#[test]
fn an_interrupt_shows_what_there_is_and_keeps_nothing() {
    let home = Sandbox::new();
    // The third answer, the first that counts, comes at once; the one behind it never.
    let quick = "[[reply]]\ntext = \"a b c d\"\nprefill_ms = 5\ntokens_per_second = 100.0\n";
    let script = home.script(&format!("{}[[reply]]\ntext = \"never\"\nprefill_ms = 600000\n", quick.repeat(3)));
    let command = home.hobnob(["bench", "--jsonl", "-m", &script]);
    let mut running = Running::start(command);
    running.read_until("\"event\":\"run\"");
    running.signal(Signal::INT);
    let done = running.finish();
    done.assert_code(130);
    let text = String::from_utf8_lossy(&done.out);
    let last: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    assert_eq!((last["event"].as_str(), last["ended_early"]["kind"].as_str()), (Some("done"), Some("cancelled")));
    assert_eq!(last["points"][0]["runs"].as_array().map(Vec::len), Some(1));
    assert!(!home.path("home/.local/share/hobnob/measured.json").exists());
    home.assert_empty();
}

#[test]
fn an_interrupt_before_anything_was_measured_leaves_an_error() {
    let home = Sandbox::new();
    let script = home.script("load_ms = 600000\n");
    let mut running = Running::start(home.hobnob(["bench", "--jsonl", "-m", &script]));
    running.read_until("\"weights\"");
    running.signal(Signal::TERM);
    assert_eq!(running.wait(AT_ONCE).code(), Some(143));
    home.assert_empty();
}

#[test]
fn an_engine_that_fails_half_way_shows_what_there_is() {
    let home = Sandbox::new();
    let quick = "[[reply]]\ntext = \"a b c d\"\nprefill_ms = 5\ntokens_per_second = 100.0\n";
    let script = home.script(&format!("{}[[reply]]\nfail = \"out of luck\"\n", quick.repeat(3)));
    let done = home.run(["bench", "-m", &script]);
    done.assert_error(5, "out of luck");
    assert!(done.text().contains("MAKES, tok/s") && done.text().contains("ended early"), "{}", done.text());
}

#[test]
fn a_broken_file_of_figures_is_set_aside_and_said() {
    let home = Sandbox::new();
    let script = home.script("[[reply]]\ntext = \"a b c d\"\nprefill_ms = 5\ntokens_per_second = 100.0\n");
    let file = home.write("home/.local/share/hobnob/measured.json", "nonsense");
    let done = home.run(["bench", "-m", &script, "--repeats", "1", "--prompt", "16", "--tokens", "4"]);
    done.assert_code(0);
    assert!(done.err.starts_with("warning: ") && done.err.contains("measured.json.broken"), "{}", done.err);
    let kept: Value = serde_json::from_slice(&std::fs::read(&file).expect("a new file")).expect("JSON");
    assert_eq!(kept["measured"].as_array().map(Vec::len), Some(1));
    assert_eq!(std::fs::read_to_string(Path::new(&file).with_extension("json.broken")).expect("kept"), "nonsense");
}
