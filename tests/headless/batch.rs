//! Batches: a question on every line, an answer on every line.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::sandbox::{AT_ONCE, Done, PATIENCE, Running, Sandbox, eventually, full};
use crate::support::models::starter;
use crate::support::pty::Setup;

/// Says back what it is asked.
const ECHO: &str = "";

fn lines(values: &[Value]) -> String {
    values.iter().fold(String::new(), |all, value| all + &value.to_string() + "\n")
}

fn batch(home: &Sandbox, script: &str, input: &str, more: &[&str]) -> Done {
    let (model, file) = (home.script(script), home.write("in.jsonl", input).display().to_string());
    home.run(["run", "-m", &model, "--batch", &file].into_iter().chain(more.iter().copied()))
}

fn contents(done: &[Value]) -> Vec<&str> {
    done.iter().map(|line| line["content"].as_str().unwrap_or("-")).collect()
}

fn answers(home: &Sandbox) -> Vec<Value> {
    let text = fs::read_to_string(home.path("out.jsonl")).expect("answers");
    text.lines().map(|line| serde_json::from_str(line).expect("whole lines")).collect()
}

#[test]
fn every_line_is_answered_in_order() {
    let home = Sandbox::new();
    let input = lines(&[
        json!({"id": "a", "prompt": "one"}),
        json!({"id": 2, "messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}, {"role": "user", "content": "two"}]}),
        json!({"prompt": "three"}),
    ]);
    let done = batch(&home, ECHO, &format!("\n{input}   \n{{\"id\": null, \"prompt\": \"four\"}}"), &[]);
    done.assert_code(0);
    assert_eq!(done.err, "");
    let done = done.lines();
    assert_eq!(contents(&done), ["one", "two", "three", "four"]);
    let ids: Vec<&Value> = done.iter().map(|line| &line["id"]).collect();
    assert_eq!(ids, [&json!("a"), &json!(2), &Value::Null, &Value::Null]);
    assert_eq!(done.iter().map(|line| line["line"].as_u64().expect("a number")).collect::<Vec<_>>(), [2, 3, 4, 6]);
    // What `--json` prints, behind the two.
    let keys: Vec<&String> = done[0].as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["id", "line", "model", "session", "content", "reasoning", "finish_reason", "usage", "timing"]);
    assert_eq!(done[0]["finish_reason"], "stop");
    home.assert_empty();
}

#[test]
fn a_bad_line_stays_alone() {
    let home = Sandbox::new();
    let input = "{\"id\": 1, \"prompt\": \"good\"}\n{\"id\": 2, \"prompt\": \"unterm\nnonsense\n{\"id\": 4}\n\
        {\"id\": 5, \"prompt\": \"x\", \"temperature\": 9}\n{\"id\": 6, \"prompt\": \"fail now\"}\n{\"id\": 7, \"prompt\": \"also good\"}\n";
    let script = "[[reply]]\nwhen = \"fail\"\ntext = \"some words\"\nfail = \"it did not work\"\n";
    let done = batch(&home, script, input, &[]);
    done.assert_error(8, "5 of 7 lines failed");
    let done = done.lines();
    assert_eq!(
        done.iter().map(|line| line["id"].clone()).collect::<Vec<_>>(),
        [json!(1), json!(2), Value::Null, json!(4), json!(5), json!(6), json!(7)]
    );
    assert_eq!(contents(&done), ["good", "-", "-", "-", "-", "some words", "also good"]);
    for (index, kind, message) in [
        (1, "usage", "line 2: it is not a JSON object"),
        (2, "usage", "line 3: it is not a JSON object"),
        (3, "usage", "line 4: there is no `prompt`"),
        (4, "usage", "line 5: `temperature` must be a number from 0 to 2"),
        (5, "generation", "it did not work"),
    ] {
        let error = &done[index]["error"];
        assert_eq!(error["kind"], kind);
        assert!(error["message"].as_str().expect("words").contains(message), "{error}");
        assert!(error["hint"].is_string());
    }
    assert_eq!(done[5]["finish_reason"], "error");
}

#[test]
fn an_engine_that_dies_costs_one_line() {
    let home = Sandbox::new();
    let script = "[[reply]]\nwhen = \"die\"\ntext = \"a b c\"\ndie = \"abort\"\nafter = 1\n[[reply]]\n";
    let input = lines(&["x", "die", "y"].map(|text| json!({"id": text, "prompt": text})));
    let done = batch(&home, script, &input, &[]);
    done.assert_error(8, "1 of 3 lines failed");
    let done = done.lines();
    assert_eq!((done[0]["content"].as_str(), done[2]["content"].as_str()), (Some("x"), Some("y")));
    assert_eq!(done[1]["error"]["kind"], "generation");
    home.assert_empty();
}

#[test]
fn what_is_wrong_with_the_model_ends_the_batch() {
    let home = Sandbox::new();
    let input = lines(&[json!({"prompt": "x"}), json!({"prompt": "y"})]);
    let done = batch(&home, "fail_load = \"no such luck\"\n", &input, &[]);
    done.assert_error(3, "no such luck");
    assert_eq!(done.text(), "");
    // Nothing to answer needs no model.
    for nothing in ["", "\n\n  \n"] {
        let done = batch(&home, "fail_load = \"no such luck\"\n", nothing, &[]);
        done.assert_code(0);
        assert_eq!((done.text(), done.err.as_str()), ("", ""));
    }
    let done = home.run(["run", "--batch", "missing.jsonl"]);
    done.assert_error(2, "`missing.jsonl` could not be read");
    home.run(["run", "--batch", "."]).assert_error(2, "it is a folder");
    home.run(["run", "--batch", "x", "--save"]).assert_error(2, "no conversation");
    home.run(["run", "--resume", "x"]).assert_error(2, "--batch");
}

#[test]
fn a_pipe_that_nobody_writes_to_holds_up_no_signal() {
    let home = Sandbox::new();
    let pipe = home.path("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a pipe");
    let lines = pipe.display().to_string();
    let mut running = Running::start(home.hobnob(["run", "-m", &home.script(ECHO), "--batch", &lines]));
    assert!(eventually(PATIENCE, || running.listens()));
    running.signal(Signal::INT);
    assert_eq!(running.wait(AT_ONCE).code(), Some(130));
}

#[test]
fn the_command_line_stands_before_each_prompt() {
    let home = Sandbox::new();
    let input = lines(&[json!({"prompt": "one"}), json!({"messages": [{"role": "user", "content": "two"}]})]);
    let done = batch(&home, ECHO, &input, &["Translate:"]);
    done.assert_code(8);
    assert_eq!(contents(&done.lines()), ["Translate:\n\none", "-"]);
}

#[test]
fn a_template_takes_the_variables_of_each_line() {
    let home = Sandbox::new();
    home.write(
        "home/.config/hobnob/templates/t.toml",
        "prompt = \"{{input}} in {{to}}, {{tone}}\"\n[variables]\ntone = \"calm\"\n",
    );
    let input = lines(&[
        json!({"id": 1, "prompt": "a", "vars": {"to": "French"}}),
        json!({"id": 2, "prompt": "b", "vars": {"to": "Dutch", "tone": "loud"}}),
        json!({"id": 3, "prompt": "c"}),
        json!({"id": 4, "prompt": "d", "vars": {"tu": "x"}}),
    ]);
    let done = batch(&home, ECHO, &input, &["-t", "t"]);
    done.assert_code(8);
    let lines = done.lines();
    assert_eq!(contents(&lines), ["a in French, calm", "b in Dutch, loud", "-", "-"]);
    assert!(lines[2]["error"]["message"].as_str().expect("words").contains("needs `to`"));
    assert_eq!(lines[3]["error"]["hint"], "did you mean `to`?");
    let done = batch(&home, ECHO, &input, &["-t", "t", "--var", "to=Greek"]);
    assert_eq!(contents(&done.lines()), ["a in French, calm", "b in Dutch, loud", "c in Greek, calm", "-"]);
}

#[test]
fn it_goes_on_where_it_was() {
    let home = Sandbox::new();
    let all: Vec<Value> =
        (1..=6).map(|n| json!({"id": n, "prompt": if n == 2 { "fail".to_owned() } else { format!("p{n}") }})).collect();
    let out = home.path("out.jsonl").display().to_string();
    let script = "[[reply]]\nwhen = \"fail\"\nfail = \"not today\"\n[[reply]]\n";
    let done = batch(&home, script, &lines(&all[..3]), &["--resume", &out]);
    done.assert_error(8, "1 of 3 lines failed");
    assert_eq!(done.text(), "", "the answers are in the file");
    assert_eq!(contents(&answers(&home)), ["p1", "fail", "p3"]);
    // Torn by a power cut.
    let mut file = fs::OpenOptions::new().append(true).open(&out).expect("opens");
    file.write_all(b"{\"id\":4,\"line\":4,\"conte").expect("writes");
    // The model that is mended answers what failed, and only what is missing.
    let done = batch(&home, "[[reply]]\ntext = \"new\"\n", &lines(&all), &["--resume", &out]);
    done.assert_code(0);
    let after = answers(&home);
    let pairs: Vec<(u64, &str)> =
        after.iter().map(|line| line["id"].as_u64().expect("an id")).zip(contents(&after)).collect();
    assert_eq!(pairs, [(1, "p1"), (3, "p3"), (2, "new"), (4, "new"), (5, "new"), (6, "new")]);
    // Nothing is left to do, so nothing is loaded.
    let before = fs::read(&out).expect("reads");
    batch(&home, "fail_load = \"not needed\"\n", &lines(&all), &["--resume", &out]).assert_code(0);
    assert_eq!(fs::read(&out).expect("reads"), before);
    // Not the file for it.
    let done = batch(&home, ECHO, "", &["--resume", &home.write("notes.md", "# Notes\n").display().to_string()]);
    done.assert_error(2, "notes.md:1: this is no answer of a batch");
    assert_eq!(fs::read_to_string(home.path("notes.md")).expect("reads"), "# Notes\n");
}

/// "w1 w2 w3 …", for a minute and more.
fn slow() -> String {
    let words: Vec<String> = (1..=2000).map(|n| format!("w{n}")).collect();
    format!("[[reply]]\nwhen = \"slow\"\ntext = \"{}\"\ntokens_per_second = 20.0\n[[reply]]\n", words.join(" "))
}

#[test]
fn a_signal_leaves_whole_lines() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let home = Sandbox::new();
        let file =
            home.write("in.jsonl", lines(&["a", "b", "slow", "c"].map(|text| json!({"id": text, "prompt": text}))));
        let mut running =
            Running::start(home.hobnob(["run", "-m", &home.script(&slow()), "--batch", file.to_str().expect("text")]));
        let mut text = running.read_until("\"b\"");
        running.signal(signal);
        let done = running.finish();
        done.assert_code(code);
        text.push_str(done.text());
        let whole: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("whole lines")).collect();
        assert_eq!(contents(&whole), ["a", "b"]);
        assert!(text.ends_with('\n'));
        assert!(done.err.contains("2 lines answered") && done.err.contains("--resume"), "{}", done.err);
        home.assert_empty();
    }
}

#[test]
fn a_line_that_takes_too_long_makes_room_for_the_next() {
    let home = Sandbox::new();
    let input = lines(&["a", "slow", "b"].map(|text| json!({"id": text, "prompt": text})));
    let done = batch(&home, &slow(), &input, &["--timeout", "2"]);
    done.assert_error(8, "1 of 3 lines failed");
    let done = done.lines();
    assert_eq!((done[0]["content"].as_str(), done[2]["content"].as_str()), (Some("a"), Some("b")));
    assert!(done[1]["content"].as_str().expect("what there is").starts_with("w1 w2"));
    assert_eq!((&done[1]["finish_reason"], &done[1]["error"]["kind"]), (&json!("timeout"), &json!("timeout")));
}

#[test]
fn a_reader_that_leaves_ends_it() {
    let home = Sandbox::new();
    let file = home.write("in.jsonl", lines(&["a", "slow", "c"].map(|text| json!({"prompt": text}))));
    let mut running =
        Running::start(home.hobnob(["run", "-m", &home.script(&slow()), "--batch", file.to_str().expect("text")]));
    running.read_until("\n");
    drop(running.stdout.take());
    assert_eq!(running.wait(AT_ONCE).code(), Some(0));
    home.assert_empty();
    if let Some(full) = full() {
        let mut command = home.hobnob(["run", "-m", &home.script(""), "--batch", file.to_str().expect("text")]);
        command.stdout(full);
        let done = Running::start(command).finish();
        done.assert_error(1, "stdout could not be written");
        assert!(done.err.starts_with("error: "), "nothing was kept: {}", done.err);
    }
}

#[test]
fn each_answer_comes_before_the_next_question() {
    let home = Sandbox::new();
    let mut command = home.hobnob(["run", "-m", &home.script(ECHO), "--batch", "-"]);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    let mut stdin = running.stdin.take().expect("a pipe");
    let mut stdout = BufReader::new(running.stdout.take().expect("a pipe"));
    for n in 0..3 {
        writeln!(stdin, "{}", json!({"id": n, "prompt": format!("p{n}")})).expect("writes");
        let mut line = String::new();
        stdout.read_line(&mut line).expect("an answer, while stdin is open");
        let line: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!((&line["id"], &line["content"]), (&json!(n), &json!(format!("p{n}"))));
    }
    drop(stdin);
    assert_eq!(running.wait(PATIENCE).code(), Some(0));
}

#[test]
fn a_bar_where_somebody_watches_and_nothing_where_nobody_does() {
    let home = Sandbox::new();
    let input: Vec<Value> = (0..4).map(|n| json!({"id": n, "prompt": "x"})).collect();
    let file = home.write("in.jsonl", lines(&input)).display().to_string();
    let script = home.script("[[reply]]\ntext = \"a b c d e f\"\ntokens_per_second = 20.0\n");
    for (name, value, bar) in [("TERM", "xterm-256color", true), ("TERM", "dumb", false), ("CI", "true", false)] {
        let setup = ["run", "-m", &script, "--batch", &file, "--resume", &format!("{file}.{value}")]
            .into_iter()
            .fold(Setup::hobnob(), Setup::arg);
        let mut terminal = setup.env(name, value).start();
        assert_eq!(terminal.wait_exit().code, Some(0));
        let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
        let shown = raw.contains("[######..................] 1 of 4 (25 %)") && raw.contains("4 lines answered");
        assert_eq!(shown, bar, "{name}={value}: {raw:?}");
        assert!(bar || raw.is_empty(), "{name}={value}: {raw:?}");
    }
}

/// Peak resident memory of a process that runs, in kB.
fn peak(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").trim().parse().ok()
}

#[test]
fn however_long_it_is_its_memory_stays() {
    let home = Sandbox::new();
    let mut command = home.hobnob(["run", "-m", &home.script("[[reply]]\ntext = \"ok\"\n"), "--batch", "-"]);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    let mut stdin = running.stdin.take().expect("a pipe");
    let mut stdout = BufReader::new(running.stdout.take().expect("a pipe"));
    let mut line = String::new();
    let prompt = json!({"prompt": "word ".repeat(2000)}).to_string();
    let mut ask = |count: usize| {
        for _ in 0..count {
            writeln!(stdin, "{prompt}").expect("writes");
            line.clear();
            stdout.read_line(&mut line).expect("an answer");
        }
    };
    ask(100);
    let Some(before) = peak(running.id()) else { return };
    // 30 MB more go through.
    ask(3000);
    let after = peak(running.id()).expect("it still runs");
    assert!(after < before + 8_000, "{before} kB became {after} kB");
    running.signal(Signal::TERM);
    assert!(eventually(AT_ONCE, || home.alive().is_empty()));
}

#[test]
fn the_real_model_reads_what_lines_share_once() {
    let home = Sandbox::new();
    let model = starter().to_string_lossy().into_owned();
    let system = "You are a friendly assistant who answers in a single word and never says more than that. ".repeat(6);
    let input: Vec<Value> = ["red", "green", "blue"]
        .map(|colour| json!({"id": colour, "prompt": format!("What has the colour {colour}?"), "max_tokens": 8}))
        .to_vec();
    let schema = json!({"id": "form", "prompt": "Yes or no?", "schema": {"enum": ["yes", "no"]}, "max_tokens": 20});
    let cut = json!({"id": "cut", "prompt": "Say it.", "regex": "[a-z]{40}", "max_tokens": 2});
    let file = home.write("in.jsonl", lines(&[input, vec![schema, cut]].concat())).display().to_string();
    let done = home.run(["run", "-m", &model, "--temperature", "0", "-s", &system, "--batch", &file]);
    done.assert_error(8, "1 of 5 lines failed");
    let done = done.lines();
    assert!(done[0]["timing"]["load_ms"].as_f64().expect("a time") > 0.0);
    for line in &done[1..3] {
        let (cached, all) = (&line["usage"]["cached_tokens"], &line["usage"]["prompt_tokens"]);
        assert!(cached.as_u64().expect("known") * 10 > all.as_u64().expect("known") * 7, "{cached} of {all}");
        assert_eq!(line["timing"]["load_ms"], 0.0);
    }
    assert!(["\"yes\"", "\"no\""].contains(&done[3]["content"].as_str().expect("text")));
    assert_eq!((&done[4]["error"]["kind"], &done[4]["finish_reason"]), (&json!("unsatisfied"), &json!("length")));
}
