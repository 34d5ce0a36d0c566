//! `hobnob doctor`: every line with a verdict, the code of the first problem, and nothing secret.

use std::process::Command;
use std::time::Instant;

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::sandbox::{AT_ONCE, Done, Running, Sandbox};
use crate::support::hub_server::{HubServer, Repo};
use crate::support::pty::{Home, Setup};

struct Hub {
    server: HubServer,
    /// The server's; it ends with it.
    _runtime: Runtime,
}

impl Hub {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let server = runtime.block_on(HubServer::start(vec![Repo::new("org/tiny", 'a')]));
        Self { server, _runtime: runtime }
    }

    fn doctor(&self, home: &Sandbox, options: &[&str]) -> Command {
        let mut command = home.hobnob(["doctor"].iter().chain(options).copied());
        command.env("HF_ENDPOINT", &self.server.endpoint).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        command
    }
}

/// The checks of one id.
fn checks(done: &Done, id: &str) -> Vec<Value> {
    let json = done.json();
    let all = json["checks"].as_array().expect("checks");
    all.iter().filter(|check| check["id"] == id).cloned().collect()
}

#[track_caller]
fn check(done: &Done, id: &str) -> Value {
    let found = checks(done, id);
    assert_eq!(found.len(), 1, "{id}: {}", done.text());
    found[0].clone()
}

#[test]
fn a_sound_machine_has_no_problem() {
    let (home, hub) = (Sandbox::new(), Hub::start());
    let before = Instant::now();
    let done = Running::start(hub.doctor(&home, &["--json"])).finish();
    let took = before.elapsed();
    done.assert_code(0);
    assert!(took < AT_ONCE, "took {took:?}");
    assert_eq!(done.err, "");
    assert_eq!(done.json()["problems"], 0);
    for id in ["build", "processor", "memory", "device", "engine", "config", "log", "cache", "models", "hub", "token"] {
        let check = check(&done, id);
        assert!(check["message"].as_str().is_some_and(|said| !said.is_empty()), "{check}");
        assert!(["ok", "note", "warning"].contains(&check["verdict"].as_str().expect("a verdict")), "{check}");
    }
    for id in ["engine", "config", "log", "hub", "token"] {
        assert_eq!(check(&done, id)["verdict"], "ok", "{id}");
    }
    assert_eq!(check(&done, "hub")["details"]["reachable"], true);
    assert_eq!(check(&done, "terminal")["verdict"], "note");
    assert!(hub.server.seen().iter().all(|seen| seen.authorization.is_none()));
    home.assert_empty();
}

#[test]
fn in_a_pipe_it_is_plain_lines() {
    let (home, hub) = (Sandbox::new(), Hub::start());
    let done = Running::start(hub.doctor(&home, &[])).finish();
    done.assert_code(0);
    assert!(!done.text().contains('\x1b'), "{}", done.text());
    let line = done.text().lines().find(|line| line.contains("  engine ")).expect("a line for it");
    assert!(line.starts_with("+ ok "), "no locale, no signs: {line}");
    assert!(done.text().lines().last().is_some_and(|end| end.starts_with("no problems") || end == "nothing is wrong"));
}

#[test]
fn a_hub_that_is_not_there_is_a_problem_unless_nobody_wants_it() {
    let (home, hub) = (Sandbox::new(), Hub::start());
    let without_proxies = |options: &[&str]| {
        let mut command = hub.doctor(&home, options);
        // Nobody listens there.
        command.env("HF_ENDPOINT", "http://127.0.0.1:9");
        command
    };
    let done = Running::start(without_proxies(&["--json"])).finish();
    done.assert_code(4);
    let check = check(&done, "hub");
    assert_eq!((check["verdict"].as_str(), check["details"]["reachable"].as_bool()), (Some("problem"), Some(false)));
    assert!(check["hint"].is_string(), "{check}");
    let done = Running::start(without_proxies(&["--json", "--offline"])).finish();
    done.assert_code(0);
    assert_eq!(self::check(&done, "hub")["verdict"], "note");
    let mut command = hub.doctor(&home, &["--json"]);
    command.env("HF_HUB_OFFLINE", "1");
    Running::start(command).finish().assert_code(0);
    assert!(hub.server.seen().is_empty(), "offline is offline");
}

#[test]
fn something_else_that_answers_is_no_hub() {
    let (home, hub) = (Sandbox::new(), Hub::start());
    hub.server.spoil_answers([crate::support::hub_server::Fault::Status(200, None)]);
    let done = Running::start(hub.doctor(&home, &["--json"])).finish();
    done.assert_code(4);
    assert!(check(&done, "hub")["message"].as_str().is_some_and(|said| said.contains("does not answer like")));
}

#[test]
fn a_token_is_tried_and_never_shown() {
    let (home, hub) = (Sandbox::new(), Hub::start());
    hub.server.ask_for("hf_secret_one", false);
    for (token, code, verdict) in [("hf_secret_one", 0, "ok"), ("hf_secret_two", 4, "problem")] {
        for format in [&["--json"][..], &[], &["--json", "--offline"]] {
            let mut command = hub.doctor(&home, format);
            command.env("HF_TOKEN", token);
            let done = Running::start(command).finish();
            let offline = format.contains(&"--offline");
            done.assert_code(if offline { 0 } else { code });
            assert!(!done.text().contains("secret") && !done.err.contains("secret"), "{}", done.text());
            if format == ["--json"] {
                assert_eq!(check(&done, "token")["verdict"], verdict);
            }
        }
    }
}

#[test]
fn every_problem_of_a_config_has_its_line() {
    let (home, hub) = (Sandbox::new(), Hub::start());
    home.config("[sampling]\ntemprature = 0.5\n[ui]\ntheme = 3\n");
    let done = Running::start(hub.doctor(&home, &["--json"])).finish();
    done.assert_code(2);
    let config = checks(&done, "config");
    assert_eq!(config.len(), 2, "{config:?}");
    assert!(config.iter().all(|check| check["verdict"] == "problem"));
    assert!(config[0]["message"].as_str().is_some_and(|said| said.contains("config.toml:2")), "{}", config[0]);
    assert_eq!(check(&done, "engine")["verdict"], "ok", "the rest is looked at all the same");
}

#[test]
fn what_lies_about_in_the_cache_is_found() {
    let (home, hub) = (Sandbox::new(), Hub::start());
    let repo = "home/.cache/huggingface/hub/models--org--tiny";
    home.write(&format!("{repo}/blobs/abc.incomplete"), [0; 2000]);
    home.write(&format!("{repo}/snapshots/{}/broken.gguf", "a".repeat(40)), "no model");
    home.config("model = \"org/missing:Q4_0\"\n");
    let done = Running::start(hub.doctor(&home, &["--json"])).finish();
    done.assert_code(3);
    let downloads = check(&done, "downloads");
    assert_eq!(
        downloads["details"]["unfinished"],
        serde_json::json!([{ "repo": "org/tiny", "bytes": 2000, "total": null }])
    );
    let models = checks(&done, "models");
    let verdicts: Vec<&str> = models.iter().filter_map(|check| check["verdict"].as_str()).collect();
    assert_eq!(verdicts, ["note", "warning", "problem"], "none usable, one broken, one that is wanted and not here");
}

#[test]
fn on_a_terminal_it_has_colours_and_leaves_the_terminal_as_it_was() {
    let (home, hub) = (Home::new(), Hub::start());
    let start = |answer: &str| {
        let setup = Setup::hobnob().home(&home).arg("doctor");
        let setup =
            setup.env("HF_ENDPOINT", &hub.server.endpoint).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        let mut terminal = setup.size(160, 40).start();
        terminal.wait_for_raw("the question", |raw| raw.windows(3).any(|part| part == b"\x1b[c"));
        terminal.send(answer);
        assert_eq!(terminal.wait_exit().code, Some(0));
        terminal.assert_restored();
        terminal
    };
    let able = start("\x1b[?2026;2$y\x1b[?0u\x1b[?62;22c");
    let text = able.text();
    assert!(text.contains("frames appear whole") && text.contains("every key can be told"), "{text}");
    assert!(text.contains("160×40") && text.contains("✓ ok"), "{text}");
    assert!(String::from_utf8_lossy(&able.raw()).contains("\x1b[32m✓ ok"), "in colour");
    assert!(!text.contains("2026;2"), "the answer is not shown: {text}");
    // One that answers nothing is waited for, and not for long.
    let silent = start("");
    assert!(silent.text().contains("did not say which keys"), "{}", silent.text());
}
