//! Everything but an answer: usage, settings, models, downloads, and homes that are missing or broken.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::sandbox::{AT_ONCE, Sandbox};
use crate::support::tiny;

#[test]
fn usage_errors_name_the_nearest_right_thing() {
    let home = Sandbox::new();
    let cases: [(&[&str], &str, &str); 10] = [
        (&["run", "--tempreature", "0", "hi"], "`--tempreature` is not an option of `hobnob run`", "`--temperature`"),
        (&["rnu", "hi"], "`rnu` is not a command of `hobnob`", "`hobnob run`"),
        (&["models", "shwo", "x"], "`shwo` is not a command of `hobnob models`", "`hobnob models show`"),
        (&["run", "--temperature", "9", "hi"], "--temperature must be a number from 0 to 2, not 9", "--help"),
        (&["run", "--top-p", "0", "hi"], "--top-p must be a number above 0 and up to 1, not 0", "--help"),
        (&["run", "--max-tokens", "0", "hi"], "--max-tokens must be a whole number from 1 to 1000000, not 0", "--help"),
        (&["-m", "a:b c", "run", "hi"], "--model must be a model", "--help"),
        (&["--stats", "hi"], "`--stats` is not an option of `hobnob`", "as in `hobnob run --stats`"),
        (&["-q", "run", "hi"], "`-q` is not an option of `hobnob`", "as in `hobnob run -q`"),
        (&["chat"], "the interface can't be shown: standard input is not a terminal", "hobnob run"),
    ];
    for (args, message, hint) in cases {
        let done = home.run(args.iter().copied());
        done.assert_error(2, message);
        assert_eq!(done.text(), "", "{args:?}");
        let said = done.err.lines().find(|line| line.starts_with("hint: ")).unwrap_or_default();
        assert!(said.contains(hint), "{args:?}: {said}");
        assert_eq!(done.err.lines().count(), 2, "{args:?}: {}", done.err);
    }
}

#[test]
fn help_and_version_are_data_and_come_at_once() {
    let home = Sandbox::new();
    let cases: [(&[&str], &str); 8] = [
        (&["help"], "hobnob pull starter"),
        (&["help", "models", "rm"], "Usage: hobnob models rm"),
        (&["--version"], concat!("hobnob ", env!("CARGO_PKG_VERSION"), "\n")),
        (&["--help"], "hobnob pull starter"),
        (&["run", "-h"], "--repetition-penalty"),
        (&["run", "--help"], "Exit codes:"),
        (&["pull", "--help"], "org/repo/file.gguf"),
        (&["config", "--help"], "check"),
    ];
    for (args, text) in cases {
        let done = home.run(args.iter().copied());
        done.assert_code(0);
        assert!(done.text().contains(text), "{args:?}: {}", done.text());
        assert_eq!(done.err, "", "{args:?}");
        assert!(!done.text().contains('\x1b') && !done.text().contains("__engine"), "{args:?}: {}", done.text());
    }
    assert!(!home.path("home/.local").exists() && !home.path("home/.config").exists(), "nothing is written for help");
}

#[test]
fn a_bad_config_stops_every_command_but_config_path() {
    let home = Sandbox::new();
    let file = home.config("# mine\n[sampling]\ntemprature = 0.5\n[ui]\ntheme = 3\n");
    let place = |line: u32| format!("{}:{line}", file.display());
    for args in [&["run", "hi"][..], &["models"], &["pull", "starter"], &["config", "show"], &["config", "check"]] {
        let done = home.run(args.iter().copied());
        done.assert_code(2);
        for part in [&*place(3), "sampling.temprature", "`sampling.temperature`", &*place(5), "ui.theme"] {
            assert!(done.err.contains(part), "{args:?}: `{part}` is not in {}", done.err);
        }
        assert_eq!(done.text(), "", "{args:?}");
    }
    let json = home.run(["run", "hi", "--json"]).json();
    let message = json["error"]["message"].as_str().expect("a text");
    assert!(message.contains("sampling.temprature") && message.ends_with("(and 1 more)"), "{message}");
    let path = home.run(["config", "path"]);
    path.assert_code(0);
    assert_eq!(path.text(), format!("{}\n", file.display()));
    let json = home.run(["config", "check", "--json"]);
    json.assert_code(2);
    assert_eq!(json.json()["problems"].as_array().map(Vec::len), Some(2));
}

#[test]
fn settings_are_shown_with_where_they_come_from() {
    let home = Sandbox::new();
    let file = home.config("[sampling]\ntemperature = 0.25\n");
    let mut command = home.hobnob(["config", "show", "-m", "starter", "--json"]);
    command.env("HF_HUB_OFFLINE", "1");
    let json = crate::sandbox::Running::start(command).finish();
    json.assert_code(0);
    let json = json.json();
    assert_eq!(json["path"].as_str().map(Path::new), Some(&*file));
    let of = |key: &str| json["settings"][key].clone();
    assert_eq!(of("model"), serde_json::json!({ "value": "starter", "origin": { "from": "flag", "name": "--model" } }));
    assert_eq!(
        of("sampling.temperature"),
        serde_json::json!({ "value": 0.25, "origin": { "from": "file", "line": 2 } })
    );
    let environment = serde_json::json!({ "from": "environment", "name": "HF_HUB_OFFLINE" });
    assert_eq!(of("offline"), serde_json::json!({ "value": true, "origin": environment }));
    assert_eq!(of("sampling.top_k"), serde_json::json!({ "value": null, "origin": { "from": "default" } }));
    let shown = home.run(["config"]);
    shown.assert_code(0);
    let line = shown.text().lines().find(|line| line.starts_with("sampling.temperature\t")).expect("a line for each");
    assert_eq!(line, "sampling.temperature\t0.25\tconfig file, line 2");
    home.run(["config", "check"]).assert_code(0);
}

#[test]
fn a_config_file_that_was_named_must_be_there() {
    let home = Sandbox::new();
    home.run(["--config", "nowhere.toml", "run", "hi"]).assert_error(2, "nowhere.toml");
}

#[test]
fn a_log_is_where_it_was_asked_for_and_no_log_is_no_reason_to_stop() {
    let home = Sandbox::new();
    let script = home.script("noise = 'a library speaks'\n");
    let log = home.path("own.log");
    home.run(["run", "-v", "-m", &script, "--log-file", &log.to_string_lossy(), "hi"]).assert_code(0);
    let written = std::fs::read_to_string(&log).expect("a log");
    assert!(written.contains("a library speaks"), "{written}");
    let done = home.run(["run", "-m", &script, "--log-file", "/dev/null/log", "hi"]);
    done.assert_code(0);
    assert_eq!(done.text(), "hi\n");
    assert!(done.err.starts_with("warning: ") && done.err.contains("/dev/null/log"), "{}", done.err);
}

#[test]
fn without_a_model_and_without_a_network_the_next_step_is_named() {
    let home = Sandbox::new();
    for args in [&["run", "--offline", "hi"][..], &["run", "--offline", "-m", "starter", "hi"]] {
        let done = home.run(args.iter().copied());
        done.assert_error(3, "model");
        assert!(done.err.contains("hobnob pull starter"), "{}", done.err);
    }
    for (reference, what) in
        [("./missing.gguf", "missing.gguf"), ("org/repo:Q4_K_M", "org/repo"), ("no-such-name", "no-such-name")]
    {
        home.run(["run", "--offline", "-m", reference, "hi"]).assert_error(3, what);
    }
    home.run(["pull", "--offline", "starter"]).assert_error(3, "the network is off");
    home.run(["pull", "./some.gguf"]).assert_code(3);
}

#[test]
fn files_that_are_no_models_are_refused() {
    let home = Sandbox::new();
    for (name, content) in [
        ("empty.gguf", &b""[..]),
        ("text.gguf", b"hello"),
        ("cut.gguf", b"GGUF\x03\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7f"),
    ] {
        let path = home.write(name, content);
        home.run(["run", "-m", &path.to_string_lossy(), "hi"]).assert_error(3, name);
        // The list's details show it, and are no success either, in words or as one document.
        home.run(["models", "show", &path.to_string_lossy()]).assert_error(3, name);
        let json = home.run(["models", "show", "--json", &path.to_string_lossy()]);
        json.assert_code(3);
        assert!(json.json()["error"]["message"].as_str().is_some_and(|said| said.contains(name)), "{}", json.text());
    }
    home.assert_empty();
}

#[test]
fn an_empty_machine_has_an_empty_list() {
    let home = Sandbox::new();
    let done = home.run(["models"]);
    done.assert_code(0);
    assert_eq!(done.text(), "");
    assert!(done.err.contains("hobnob pull starter"), "{}", done.err);
    let json = home.run(["models", "--json"]).json();
    for list in ["models", "problems", "unfinished"] {
        assert_eq!(json[list], serde_json::json!([]), "{json}");
    }
    assert_eq!(json["disk"]["cache_bytes"], 0);
    assert!(json["disk"]["free_bytes"].is_u64() && json["disk"]["total_bytes"].is_u64(), "{json}");
    home.run(["models", "show", "starter"]).assert_error(3, "starter");
}

#[test]
fn a_hub_that_is_not_there_is_told_in_good_time() {
    let home = Sandbox::new();
    let before = Instant::now();
    let mut command = home.hobnob(["pull", "org/repo/m.gguf"]);
    // Nobody listens there.
    command.env("HF_ENDPOINT", "http://127.0.0.1:9");
    for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        command.env_remove(proxy);
    }
    crate::sandbox::Running::start(command).finish().assert_error(4, "127.0.0.1 can't be reached");
    assert!(before.elapsed() < AT_ONCE + Duration::from_secs(60), "took {:?}", before.elapsed());
}

#[test]
fn colours_are_for_terminals_unless_somebody_wants_them() {
    let home = Sandbox::new();
    let plain = home.run(["run", "-m", "./missing.gguf", "hi"]);
    assert!(!plain.err.contains('\x1b'), "{}", plain.err);
    let coloured = home.run(["--color", "always", "run", "-m", "./missing.gguf", "hi"]);
    assert!(coloured.err.starts_with("\x1b[1;31merror:\x1b[0m "), "{}", coloured.err);
}

#[test]
fn what_the_system_has_too_little_of_is_neither_a_bug_nor_the_file_s_fault() {
    let home = Sandbox::new();
    let path = home.path("tiny.gguf");
    tiny::gguf("llama").write(&path);
    let mut told = 0;
    for files in [7, 8, 9, 11, 13, 15] {
        let path = path.to_string_lossy();
        let done = home.run_within(&format!("ulimit -n {files}"), ["run", "-m", &path, "--max-tokens", "2", "hi"]);
        // With the fewest even the program's own libraries can't be opened.
        if !done.status.success() && done.err.contains("error: ") {
            done.assert_error(done.status.code().unwrap_or_default(), "open files");
            assert!(done.err.contains("ulimit -n") && !done.err.contains("bug"), "{files}: {}", done.err);
            told += 1;
        }
    }
    assert!(told > 2);
}
