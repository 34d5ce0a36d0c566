//! Every exit code, with what is on stdout and on stderr: in plain text, as one document, and as lines.

use crate::sandbox::Sandbox;
use crate::slow_answer;

/// A way to end, and what is printed on the way.
struct Row {
    code: i32,
    /// In the error's words; empty where all is well.
    error: &'static str,
    /// `kind` of the error in JSON; empty where there is an answer.
    kind: &'static str,
    args: Vec<String>,
    /// What stdout holds in plain text.
    out: &'static str,
}

fn rows(home: &Sandbox) -> Vec<Row> {
    let fine = home.script("[[reply]]\ntext = \"Fine, thank you.\"\n");
    let fails = home.script("[[reply]]\ntext = \"some words\"\nfail = \"it did not work\"\n");
    let full = home.script("context = 300\n[[reply]]\nprompt_tokens = 4321\ntext = \"x\"\n");
    let unloadable = home.script("fail_load = \"no such luck\"\n");
    let dies_loading = home.script("die_load = \"abort\"\n");
    let dies = home.script("[[reply]]\nprefill_ms = 10\ntext = \"\"\ndie = \"abort\"\n");
    let slow_load = home.script("load_ms = 600000\n");
    let slow_prefill = home.script("[[reply]]\ntext = \"never\"\nprefill_ms = 600000\n");
    home.write("bad.toml", "[sampling]\ntemprature = 0.5\n");
    home.write("cut.gguf", b"GGUF\x03\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7f");
    home.write("no.schema.json", "{\"type\": 7}");
    let row = |code, kind, error, args: &[&str], out| {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Row { code, error, kind, args, out }
    };
    let m = "-m";
    vec![
        row(0, "", "", &[m, &fine, "hi"], "Fine, thank you.\n"),
        row(2, "usage", "there is no prompt", &[m, &fine], ""),
        row(2, "usage", "`--nonsense` is not an option of `hobnob run`", &[m, &fine, "--nonsense", "hi"], ""),
        row(
            2,
            "usage",
            "--temperature must be a number from 0 to 2, not 9",
            &[m, &fine, "--temperature", "9", "hi"],
            "",
        ),
        row(2, "usage", "`warm` can't be the value of `--temperature`", &[m, &fine, "--temperature", "warm", "hi"], ""),
        row(2, "usage", "can't be used together", &[m, &fine, "--think", "--no-think", "hi"], ""),
        row(
            2,
            "usage",
            "`no.schema.json` can't be used as a schema",
            &[m, &fine, "--schema", "no.schema.json", "hi"],
            "",
        ),
        row(2, "usage", "there is no conversation to go on with", &[m, &fine, "-c", "hi"], ""),
        row(2, "usage", "--keep-warm", &[m, &fine, "--keep-warm", "soon", "hi"], ""),
        row(2, "config", "bad.toml:2", &[m, &fine, "--config", "bad.toml", "hi"], ""),
        row(3, "model_not_found", "missing.gguf", &[m, "./missing.gguf", "hi"], ""),
        row(3, "model_broken", "cut.gguf", &[m, "./cut.gguf", "hi"], ""),
        row(3, "load_failed", "no such luck", &[m, &unloadable, "hi"], ""),
        row(3, "load_failed", "the engine crashed while reading", &[m, &dies_loading, "hi"], ""),
        row(3, "model_not_found", "no-such-name", &[m, "no-such-name", "--offline", "hi"], ""),
        row(5, "generation", "it did not work", &[m, &fails, "hi"], "some words\n"),
        row(5, "generation", "the engine crashed while answering", &[m, &dies, "hi"], ""),
        row(5, "context_full", "4321", &[m, &full, "hi"], ""),
        row(6, "", "it has not the form of `[0-9]+`", &[m, &fine, "--regex", "[0-9]+", "hi"], "Fine, thank you.\n"),
        row(7, "timeout", "--timeout", &[m, &slow_load, "--timeout", "0.4", "hi"], ""),
        row(7, "", "--timeout", &[m, &slow_prefill, "--timeout", "1", "hi"], ""),
    ]
}

#[test]
fn each_code_has_its_words_on_the_right_stream() {
    let home = Sandbox::new();
    for row in rows(&home) {
        let what = format!("{}: {:?}", row.code, row.args);
        let run = |format: &[&'static str]| {
            let args = row.args.iter().map(String::as_str);
            home.run(["run"].into_iter().chain(format.iter().copied()).chain(args))
        };
        let plain = run(&[]);
        plain.assert_code(row.code);
        assert_eq!(plain.text(), row.out, "{what}");
        assert_stderr(&plain.err, row.error, &what);

        let json = run(&["--json"]);
        json.assert_code(row.code);
        assert_stderr(&json.err, row.error, &what);
        let document = json.json();
        let kind = document["error"]["kind"].as_str().unwrap_or_default();
        assert_eq!(kind, row.kind, "{what}: {document}");
        if row.kind.is_empty() {
            assert_eq!(document["content"].as_str().map(str::trim_end), Some(row.out.trim_end()), "{what}");
        } else {
            assert!(json.err.contains(document["error"]["message"].as_str().expect("text")), "{what}: {document}");
        }

        let lines = run(&["--jsonl"]);
        lines.assert_code(row.code);
        assert_stderr(&lines.err, row.error, &what);
        let lines = lines.lines();
        let last = lines.last().expect("a line");
        assert_eq!(last["event"], if row.kind.is_empty() { "done" } else { "error" }, "{what}");
        let ends = lines.iter().filter(|line| line["event"] == "done" || line["event"] == "error").count();
        assert_eq!(ends, 1, "{what}: {lines:?}");
    }
    home.assert_empty();
}

/// Nothing where all is well; else one error and one hint.
#[track_caller]
fn assert_stderr(err: &str, error: &str, what: &str) {
    if error.is_empty() {
        return assert_eq!(err, "", "{what}");
    }
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!(lines.len(), 2, "{what}: {err}");
    assert!(lines[0].starts_with("error: ") && lines[0].contains(error), "{what}: {err}");
    assert!(lines[1].starts_with("hint: ") && lines[1].len() > "hint: ".len(), "{what}: {err}");
}

#[test]
fn a_timeout_in_the_middle_leaves_what_there_was() {
    let home = Sandbox::new();
    let slow = home.script(&slow_answer(""));
    let done = home.run(["run", "--timeout", "2", "-m", &slow, "go"]);
    done.assert_error(7, "--timeout");
    assert!(done.text().starts_with("w1 w2") && done.text().ends_with('\n'), "{}", done.text());
    home.assert_empty();
}

#[test]
fn a_batch_is_8_where_some_lines_failed_and_else_as_one_answer() {
    let home = Sandbox::new();
    let echo = home.script("");
    let unloadable = home.script("fail_load = \"no such luck\"\n");
    home.write("good.jsonl", "{\"prompt\": \"a\"}\n{\"prompt\": \"b\"}\n");
    home.write("bad.jsonl", "{\"prompt\": \"a\"}\nno JSON\n");
    for (model, file, code, error, lines) in [
        (&echo, "good.jsonl", 0, "", 2),
        (&echo, "bad.jsonl", 8, "1 of 2 lines failed", 2),
        (&echo, "missing.jsonl", 2, "missing.jsonl", 0),
        (&unloadable, "good.jsonl", 3, "no such luck", 0),
    ] {
        let done = home.run(["run", "-m", model, "--batch", file]);
        done.assert_code(code);
        assert_stderr(&done.err, error, file);
        assert_eq!(done.lines().len(), lines, "{file}: {}", done.text());
    }
    home.assert_empty();
}

#[test]
fn a_network_that_is_not_there_is_4_for_whoever_needs_it() {
    let home = Sandbox::new();
    for args in [&["pull", "org/repo/m.gguf"][..], &["search", "llama"], &["search", "org/repo"]] {
        for format in ["", "--json", "--jsonl"] {
            let mut command = home.hobnob(args.iter().copied().chain(Some(format).filter(|format| !format.is_empty())));
            // Nobody listens there.
            command.env("HF_ENDPOINT", "http://127.0.0.1:9");
            for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
                command.env_remove(proxy);
            }
            let done = crate::sandbox::Running::start(command).finish();
            done.assert_error(4, "127.0.0.1 can't be reached");
            match format {
                "" => assert_eq!(done.text(), "", "{args:?}"),
                _ => assert_eq!(done.lines().last().expect("a line")["error"]["kind"], "network", "{args:?}"),
            }
        }
    }
}

#[test]
fn a_place_that_can_not_be_written_is_2_and_names_the_way_out() {
    let home = Sandbox::new();
    let echo = home.script("");
    home.write("in.jsonl", "{\"prompt\": \"a\"}\n");
    home.run(["run", "-m", &echo, "--save", "hi"]).assert_code(0);
    let id = home.run(["sessions", "--json"]).json()["sessions"][0]["id"].as_str().expect("an id").to_owned();
    let cases: [(&[&str], &str, &str); 6] = [
        (&["run", "-m", &echo, "--batch", "in.jsonl", "--resume", "home"], "`", "name a file"),
        (&["run", "-m", &echo, "--batch", "in.jsonl", "--resume", "nowhere/x"], "`nowhere/x`", "name a file"),
        (&["sessions", "export", &id, "-o", "home"], "it is a folder", "name a file in it"),
        (&["sessions", "export", &id, "-o", "nowhere/x.md"], "its folder is not there", "make the folder"),
        (&["sessions", "export", &id, "-o", "in.jsonl"], "there is a file of that name", "choose another name"),
        (&["man", "--dir", "in.jsonl"], "`in.jsonl` can't be written", "choose a folder"),
    ];
    for (args, error, hint) in cases {
        let done = home.run(args.iter().copied());
        done.assert_error(2, error);
        assert!(done.err.contains(&format!("hint: {hint}")), "{args:?}: {}", done.err);
    }
    home.assert_empty();
}

#[test]
fn whoever_writes_a_line_wrongly_is_sent_to_the_help_of_that_command() {
    let home = Sandbox::new();
    for (args, help) in [
        (&["run", "--temperature", "warm"][..], "`hobnob run --help`"),
        (&["-v", "run", "--max-tokens"], "`hobnob run --help`"),
        (&["bench", "--tokens", "1"], "`hobnob bench --help`"),
        (&["search", "--limit", "0", "x"], "`hobnob search --help`"),
    ] {
        let done = home.run(args.iter().copied());
        done.assert_code(2);
        assert!(done.err.contains(help) && !done.err.contains("..="), "{args:?}: {}", done.err);
    }
}

#[test]
fn a_prompt_that_does_not_fit_is_told_what_a_script_can_do() {
    let home = Sandbox::new();
    let full = home.script("context = 300\n[[reply]]\nprompt_tokens = 4321\ntext = \"x\"\n");
    let one = home.run(["run", "-m", &full, "hi"]);
    one.assert_error(5, "4321");
    assert!(one.err.contains("--context"), "{}", one.err);
    home.write("in.jsonl", "{\"prompt\": \"hi\"}\n");
    let all = home.run(["run", "-m", &full, "--batch", "in.jsonl"]);
    all.assert_code(8);
    assert!(all.lines()[0]["error"]["hint"].as_str().is_some_and(|hint| hint.contains("--context")), "{}", all.text());
}
