//! Stdout holds the answer and nothing else; the rest is on stderr.

use crate::sandbox::{AT_ONCE, Running, Sandbox};

const FINE: &str = "[[reply]]\ntext = \"Fine, thank you.\"\n";

#[test]
fn the_streams_are_apart() {
    let home = Sandbox::new();
    let script = home.script(&format!("noise = 'a library speaks'\n{FINE}noise = 'and speaks'\n"));
    let done = home.run(["run", "-m", &script, "How", "are", "you?"]);
    done.assert_code(0);
    assert_eq!((done.text(), done.err.as_str()), ("Fine, thank you.\n", ""));
    home.assert_empty();
}

#[test]
fn the_answer_ends_in_one_newline_and_obeys_no_terminal() {
    let home = Sandbox::new();
    let cases = [
        ("plain", "plain\n"),
        ("one\\n", "one\n"),
        ("three\\n\\n\\n", "three\n"),
        ("a\\n\\nb\\n\\n", "a\n\nb\n"),
        ("", "\n"),
        ("red \\u001b[31mtext\\u001b[0m\\u0007!", "red text!\n"),
        ("\\u001b]0;title\\u0007x", "x\n"),
        ("Grüße 🌍", "Grüße 🌍\n"),
    ];
    for (answer, printed) in cases {
        let script = home.script(&format!("[[reply]]\ntext = \"{answer}\"\n"));
        let done = home.run(["run", "-m", &script, "hi"]);
        done.assert_code(0);
        assert_eq!(done.text(), printed, "{answer}");
    }
}

#[test]
fn reasoning_is_printed_only_on_demand() {
    let home = Sandbox::new();
    let script = home.script("can_think = true\n[[reply]]\nreasoning = \"SECRET thoughts\"\ntext = \"Yes.\"\n");
    for format in [&[][..], &["--json"], &["--jsonl"], &["--stats"], &["--think"]] {
        let done = home.run(["run", "-m", &script, "well?"].into_iter().chain(format.iter().copied()));
        done.assert_code(0);
        assert!(!done.text().contains("SECRET") && !done.err.contains("SECRET"), "{format:?}: {done:?}");
    }
    let shown = home.run(["run", "-m", &script, "--show-thinking", "well?"]);
    assert_eq!(shown.text(), "<think>\nSECRET thoughts\n</think>\n\nYes.\n");
    let json = home.run(["run", "-m", &script, "--show-thinking", "--json", "well?"]).json();
    assert_eq!((json["reasoning"].as_str(), json["content"].as_str()), (Some("SECRET thoughts"), Some("Yes.")));
}

#[test]
fn an_answer_that_was_cut_is_whole_enough_and_says_so() {
    let home = Sandbox::new();
    let long = home.script("[[reply]]\ntext = \"one two three four five six\"\n");
    let cut = home.run(["run", "-m", &long, "--max-tokens", "3", "count"]);
    cut.assert_code(0);
    assert_eq!(cut.text(), "one two three\n");
    assert!(cut.err.starts_with("warning: the answer was cut after 3 tokens\nhint: "), "{}", cut.err);
    let quiet = home.run(["run", "-q", "-m", &long, "--max-tokens", "3", "count"]);
    assert_eq!((quiet.text(), quiet.err.as_str()), ("one two three\n", ""));
    let small =
        home.script(&format!("context = 300\n[[reply]]\nprompt_tokens = 298\ntext = \"{}\"\n", "one two three"));
    let full = home.run(["run", "-m", &small, "count"]);
    full.assert_code(0);
    assert!(full.err.contains("warning: the context is full (300 tokens)"), "{}", full.err);
}

#[test]
fn stop_texts_end_the_answer_before_them() {
    let home = Sandbox::new();
    let script = home.script("[[reply]]\ntext = \"one two STOP three\"\n");
    let done = home.run(["run", "-m", &script, "--stop", "HALT", "--stop", "STOP", "count"]);
    done.assert_code(0);
    assert_eq!(done.text(), "one two \n");
}

#[test]
fn statistics_go_to_stderr_when_asked_for() {
    let home = Sandbox::new();
    let done = home.run(["run", "-q", "--stats", "-m", &home.script(FINE), "hi"]);
    done.assert_code(0);
    assert_eq!(done.text(), "Fine, thank you.\n");
    assert!(done.err.contains("answer 3 tokens") && done.err.lines().count() == 1, "{}", done.err);
}

#[test]
fn the_system_prompt_and_the_settings_reach_the_engine() {
    let home = Sandbox::new();
    // The script counts the words of all messages: 2 of the system's and 1 of the prompt.
    let script = home.script("");
    let file = home.write("system.txt", "two words\n");
    let from_file = format!("@{}", file.display());
    let cases: [(&[&str], u64); 3] = [(&["-s", "two words"], 3), (&["-s", &from_file], 3), (&[], 1)];
    for (options, words) in cases {
        let all = ["run", "--json", "-m", &script, "hi"].into_iter().chain(options.iter().copied());
        assert_eq!(home.run(all).json()["usage"]["prompt_tokens"], words, "{options:?}");
    }
    home.config(&format!("model = \"{script}\"\n[chat]\nsystem_prompt = \"four words it has\"\nmax_tokens = 1\n"));
    let done = home.run(["run", "--json", "echo me back"]);
    let json = done.json();
    assert_eq!((json["usage"]["prompt_tokens"].as_u64(), json["finish_reason"].as_str()), (Some(7), Some("length")));
    let over = home.run(["run", "--json", "--max-tokens", "2", "-s", "", "echo me back"]).json();
    assert_eq!((over["usage"]["prompt_tokens"].as_u64(), over["content"].as_str()), (Some(3), Some("echo me")));
}

#[test]
fn a_reader_that_leaves_ends_it_well_and_at_once() {
    let home = Sandbox::new();
    let words = "word ".repeat(4000);
    let script = home.script(&format!("[[reply]]\ntext = \"{words}\"\ntokens_per_second = 200.0\n"));
    for format in [&[][..], &["--jsonl"]] {
        let mut running = Running::start(home.hobnob(["run", "-m", &script, "go"].iter().chain(format).copied()));
        running.read_until(if format.is_empty() { "word word" } else { "delta" });
        drop(running.stdout.take());
        let status = running.wait(AT_ONCE);
        assert_eq!(status.code(), Some(0), "{format:?}");
        let done = running.finish_stderr();
        assert_eq!(done, "", "{format:?}");
        home.assert_empty();
    }
}
