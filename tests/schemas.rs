//! Every JSON shape that scripts read, held by the schemas in `assets/schemas`: real output of the real binary against each of
//! them. A field that is added, renamed or gone fails here, and is a change for the changelog.

#[path = "headless/sandbox.rs"]
#[allow(dead_code, reason = "a part of it")]
mod sandbox;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use boon::{Compiler, SchemaIndex, Schemas};
use rustix::process::Signal;
use sandbox::{Done, Running, Sandbox};
use serde_json::{Value, json};
use support::hub_server::{HubServer, Repo};
use support::tiny;
use tokio::runtime::Runtime;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/schemas")
}

/// All of them, each by its name.
struct Shapes {
    schemas: Schemas,
    by_name: BTreeMap<String, SchemaIndex>,
}

impl Shapes {
    fn read() -> Self {
        let mut compiler = Compiler::new();
        let mut names = Vec::new();
        for entry in fs::read_dir(folder()).expect("the schemas are there") {
            let path = entry.expect("an entry").path();
            let schema = serde_json::from_slice(&fs::read(&path).expect("reads")).expect("JSON");
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
            compiler.add_resource(&format!("http://schemas/{name}.json"), schema).expect("a schema");
            names.push(name);
        }
        let mut schemas = Schemas::new();
        let mut compile = |name: String| {
            let index = compiler.compile(&format!("http://schemas/{name}.json"), &mut schemas);
            let index = index.unwrap_or_else(|error| panic!("{name} is no schema: {error:#}"));
            (name, index)
        };
        let by_name = names.into_iter().map(&mut compile).collect();
        Self { schemas, by_name }
    }

    fn accepts(&self, name: &str, value: &Value) -> Result<(), String> {
        let index = self.by_name.get(name).unwrap_or_else(|| panic!("there is no schema {name}"));
        self.schemas.validate(value, *index).map_err(|error| format!("{error:#}"))
    }

    #[track_caller]
    fn hold(&self, name: &str, value: &Value) {
        if let Err(error) = self.accepts(name, value) {
            panic!("not as {name} says: {error}\n{value:#}");
        }
    }

    /// Each line of a command with `--jsonl`; gives the names of the events.
    #[track_caller]
    fn hold_lines(&self, name: &str, done: &Done) -> Vec<String> {
        let lines = done.lines();
        for line in &lines {
            self.hold(name, line);
        }
        let mut events: Vec<String> =
            lines.iter().map(|line| line["event"].as_str().expect("a name").to_owned()).collect();
        events.dedup();
        events
    }
}

#[test]
fn every_schema_is_used_and_lets_nothing_else_through() {
    let shapes = Shapes::read();
    let tests = include_str!("schemas.rs");
    for name in shapes.by_name.keys().filter(|name| *name != "common") {
        assert!(tests.contains(&format!("\"{name}\"")), "nothing is held against {name}");
        for odd in [json!({}), json!(null), json!([]), json!({ "surprise": 1 }), json!({ "event": "surprise" })] {
            assert!(shapes.accepts(name, &odd).is_err(), "{name} lets {odd} through");
        }
    }
    assert!(shapes.by_name.len() > 20, "{:?}", shapes.by_name.keys());
}

const THOUGHTFUL: &str = "can_think = true\n[[reply]]\nreasoning = \"I see.\"\ntext = \"Fine, thank you.\"\n";

/// "w1 w2 w3 …", twenty a second, more than any test waits for.
fn endless() -> String {
    let words: Vec<String> = (1..=4000).map(|n| format!("w{n}")).collect();
    format!("[[reply]]\ntext = \"{}\"\ntokens_per_second = 20.0\n", words.join(" "))
}

#[test]
fn answers_and_their_events() {
    let (shapes, home) = (Shapes::read(), Sandbox::new());
    let fine = home.script(THOUGHTFUL);
    let empty = home.script("[[reply]]\ntext = \"\"\n");
    let slow = home.script(&endless());
    let cases: [&[&str]; 5] = [
        &["-m", &fine],
        &["-m", &fine, "--show-thinking", "--save"],
        &["-m", &fine, "--max-tokens", "1"],
        &["-m", &empty],
        &["-m", &slow, "--timeout", "0.7"],
    ];
    for args in cases {
        let run = |format| home.run(["run", format, "hi"].into_iter().chain(args.iter().copied()));
        shapes.hold("run", &run("--json").json());
        let events = shapes.hold_lines("run-events", &run("--jsonl"));
        assert_eq!(events.last().map(String::as_str), Some("done"), "{args:?}");
    }
    let mut running = Running::start(home.hobnob(["run", "--jsonl", "-m", &slow, "hi"]));
    let before = running.read_until("w2");
    running.signal(Signal::TERM);
    let after = running.finish();
    let lines = format!("{before}{}", after.text());
    for line in lines.lines() {
        shapes.hold("run-events", &serde_json::from_str(line).expect("JSON on each line"));
    }
}

#[test]
fn failures_of_every_command() {
    let (shapes, home) = (Shapes::read(), Sandbox::new());
    let fails = home.script("[[reply]]\ntext = \"a b\"\nfail = \"it did not work\"\n");
    let cases: [(&[&str], i32); 12] = [
        (&["run", "-m", &fails, "go"], 5),
        (&["run", "-m", "./missing.gguf", "go"], 3),
        (&["run", "--nonsense"], 2),
        (&["run", "-m", "script:/nowhere.toml", "go"], 3),
        (&["models", "show", "starter"], 3),
        (&["models", "verify", "starter"], 3),
        (&["models", "rm", "starter", "--yes"], 3),
        (&["models", "import", "/nowhere"], 3),
        (&["pull", "--offline", "starter"], 3),
        (&["search", "--offline", "qwen"], 4),
        (&["sessions", "show", "abc"], 2),
        (&["bench", "-m", "./missing.gguf"], 3),
    ];
    for (args, code) in cases {
        let done = home.run(args.iter().copied().chain(["--json"]));
        done.assert_code(code);
        shapes.hold("error", &done.json());
        let takes_lines = ["run", "pull", "search", "bench"].contains(&args[0]);
        if takes_lines {
            let done = home.run(args.iter().copied().chain(["--jsonl"]));
            done.assert_code(code);
            let events = shapes.hold_lines(&format!("{}-events", args[0]), &done);
            assert_eq!(events.last().map(String::as_str), Some("error"), "{args:?}");
        }
    }
}

#[test]
fn batches_and_templates() {
    let (shapes, home) = (Shapes::read(), Sandbox::new());
    let slow =
        home.script(&format!("can_think = true\n{}when = \"slow\"\n[[reply]]\nreasoning = \"I see.\"\n", endless()));
    let lines =
        "{\"id\": \"a\", \"prompt\": \"x\"}\n{\"prompt\": \"slow\"}\nnonsense\n{\"id\": {\"b\": 1}, \"prompt\": 3}\n";
    let args = ["run", "-m", &slow, "--batch", "-", "--timeout", "0.7", "--show-thinking"];
    let done = home.run_with(args, lines);
    done.assert_error(8, "3 of 4 lines failed");
    assert_eq!(done.lines().len(), 4);
    for line in done.lines() {
        shapes.hold("run-batch", &line);
    }

    home.write("home/.config/hobnob/templates/bad.toml", "nonsense = 1\n");
    let all = home.run(["templates", "--json"]).json();
    shapes.hold("templates", &all);
    for template in all["templates"].as_array().expect("a list").iter().filter(|template| template["error"].is_null()) {
        let name = template["name"].as_str().expect("a name");
        shapes.hold("templates-show", &home.run(["templates", "show", name, "--json"]).assert_code(0).json());
    }
    assert!(all["templates"].as_array().is_some_and(|all| all.len() > 5), "{all:#}");
}

/// A stand-in for the Hub, and somebody who uses it.
struct Hub {
    home: Sandbox,
    server: HubServer,
    /// The server's; it ends with it.
    _runtime: Runtime,
}

impl Hub {
    fn start() -> Self {
        let home = Sandbox::new();
        let path = home.path("made.gguf");
        let mut model = tiny::gguf("llama");
        tiny::place(&mut model);
        tiny::write_random(&model, &path);
        let file = fs::read(path).expect("the file");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let said = json!({"downloads": 34_567, "likes": 12, "tags": ["gguf", "license:mit", "base_model:org/base"],
            "gated": "manual", "gguf": {"total": 1_000_000}});
        let repos = vec![
            Repo::new("org/tiny", 'a').small("README.md", b"# Tiny").large("tiny-F32.gguf", &file).said(said),
            Repo::new("org/empty", 'b').small("README.md", b"nothing"),
        ];
        let server = runtime.block_on(HubServer::start(repos));
        Self { home, server, _runtime: runtime }
    }

    fn run(&self, args: &[&str]) -> Done {
        let mut command = self.home.hobnob(args.iter().copied());
        command.env("HF_ENDPOINT", &self.server.endpoint).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        Running::start(command).finish()
    }

    fn json(&self, args: &[&str]) -> Value {
        let done = self.run(&[args, &["--json"]].concat());
        done.assert_code(0);
        done.json()
    }
}

#[test]
fn models_from_the_hub_to_their_end() {
    let (shapes, hub) = (Shapes::read(), Hub::start());
    shapes.hold("search", &hub.json(&["search"]));
    shapes.hold_lines("search-events", &hub.run(&["search", "--jsonl"]));
    for repo in ["org/tiny", "org/empty"] {
        shapes.hold("search-page", &hub.json(&["search", repo]));
        let events = shapes.hold_lines("search-page-events", &hub.run(&["search", repo, "--jsonl"]));
        assert_eq!(events, ["done"]);
    }
    shapes.hold("search-catalog", &hub.json(&["search", "--catalog"]));
    let events = shapes.hold_lines("search-catalog-events", &hub.run(&["search", "--catalog", "--jsonl"]));
    assert_eq!(events.last().map(String::as_str), Some("done"));

    shapes.hold("models", &hub.json(&["models"]));
    let events = shapes.hold_lines("pull-events", &hub.run(&["pull", "--jsonl", "org/tiny:F32"]));
    assert!(events.iter().any(|event| event == "downloading"), "{events:?}");
    shapes.hold("pull", &hub.json(&["pull", "org/tiny:F32"]));
    let made = hub.home.path("made.gguf").to_string_lossy().into_owned();
    shapes.hold("models-import", &hub.json(&["models", "import", &made]));
    let broken = hub.home.write("models/broken.gguf", "no model");
    hub.home.config(&format!("[models]\nfolders = [\"{}\"]\n", broken.parent().expect("a folder").display()));
    let models = hub.json(&["models"]);
    shapes.hold("models", &models);
    assert_eq!(models["models"].as_array().map(Vec::len), Some(3), "{models:#}");
    shapes.hold("models-show", &hub.json(&["models", "show", "org/tiny:F32"]));
    let unusable = hub.run(&["models", "show", &broken.to_string_lossy(), "--json"]);
    shapes.hold("models-show", &unusable.assert_code(3).json());
    shapes.hold("models-verify", &hub.json(&["models", "verify", "org/tiny:F32"]));
    shapes.hold("models-newer", &hub.json(&["models", "newer"]));
    let unknown = hub.run(&["models", "newer", "--json", "--offline"]);
    shapes.hold("models-newer", &unknown.json());
    shapes.hold("models-rm", &hub.json(&["models", "rm", "org/tiny:F32", "--yes"]));
}

#[test]
fn a_copy_that_is_kept() {
    let (shapes, home) = (Shapes::read(), Sandbox::new());
    tiny::folder(&home.path("tiny"), 1);
    let model = format!("{}:q8", home.path("tiny").display());
    let done = home.run(["models", "keep", &model, "--json"]);
    shapes.hold("models-keep", &done.assert_code(0).json());
    shapes.hold("models", &home.run(["models", "--json"]).json());
}

#[test]
fn conversations() {
    let (shapes, home) = (Shapes::read(), Sandbox::new());
    shapes.hold("sessions", &home.run(["sessions", "--json"]).json());
    let fine = home.script(THOUGHTFUL);
    let fails = home.script("[[reply]]\ntext = \"a b\"\nfail = \"it did not work\"\n");
    let schema = home.write("s.json", "{\"type\": \"string\"}");
    let form = home.script("[[reply]]\ntext = '\"yes\"'\n");
    home.run(["run", "--save", "-m", &fine, "-s", "be short", "hello there"]).assert_code(0);
    home.run(["run", "-c", "-m", &fine, "--temperature", "0.5", "and more"]).assert_code(0);
    home.run(["run", "--save", "-m", &form, "--schema", &schema.to_string_lossy(), "in a form"]).assert_code(0);
    home.run(["run", "--save", "-m", &fails, "go"]).assert_code(5);
    let all = home.run(["sessions", "--json"]).json();
    shapes.hold("sessions", &all);
    let sessions = all["sessions"].as_array().expect("a list");
    assert_eq!(sessions.len(), 3);
    for session in sessions {
        let id = session["id"].as_str().expect("an id");
        shapes.hold("sessions-show", &home.run(["sessions", "show", id, "--json"]).json());
        let export = home.path(&format!("{id}.json"));
        home.run(["sessions", "export", id, "--format", "json", "-o", &export.to_string_lossy()]).assert_code(0);
        let exported = serde_json::from_slice(&fs::read(&export).expect("a file")).expect("JSON");
        shapes.hold("sessions-show", &exported);
        let imported = home.run(["sessions", "import", &export.to_string_lossy(), "--json"]);
        shapes.hold("sessions-import", &imported.assert_code(0).json());
        let removed = home.run(["sessions", "rm", id, "--yes", "--json"]);
        shapes.hold("sessions-rm", &removed.assert_code(0).json());
    }
    let hits = home.run(["sessions", "search", "hello", "--json"]).json();
    shapes.hold("sessions-search", &hits);
    assert!(hits["hits"].as_array().is_some_and(|hits| !hits.is_empty()), "{hits}");
}

#[test]
fn settings_and_what_is_wrong_with_them() {
    let (shapes, home) = (Shapes::read(), Sandbox::new());
    for _ in 0..2 {
        shapes.hold("config-path", &home.run(["config", "path", "--json"]).json());
        shapes.hold("config-check", &home.run(["config", "check", "--json"]).json());
        shapes.hold("config-show", &home.run(["config", "show", "-m", "starter", "--offline", "--json"]).json());
        home.config("[sampling]\ntemperature = 0.25\n[models]\nfolders = [\"~/models\"]\n");
    }
    home.config("[sampling]\ntemprature = 0.5\n[ui]\ntheme = 3\n");
    let bad = home.run(["config", "check", "--json"]);
    shapes.hold("config-check", &bad.assert_code(2).json());
    shapes.hold("doctor", &home.run(["doctor", "--offline", "--json"]).json());
}

#[test]
fn the_machine_and_what_is_held_on_it() {
    let (shapes, home) = (Shapes::read(), Sandbox::new());
    let script = home.script(THOUGHTFUL);
    shapes.hold("doctor", &home.run(["doctor", "--offline", "--json"]).json());
    shapes.hold("warm", &home.run(["warm", "--json"]).json());
    home.run(["run", "--keep-warm", "10m", "-m", &script, "hi"]).assert_code(0);
    let held = home.run(["warm", "--json"]).json();
    shapes.hold("warm", &held);
    assert_eq!(held["engines"].as_array().map(Vec::len), Some(1));
    shapes.hold("doctor", &home.run(["doctor", "--offline", "--json"]).json());
    shapes.hold("warm-stop", &home.run(["warm", "stop", "--json"]).json());
    shapes.hold("warm-stop", &home.run(["warm", "stop", "--json"]).json());
    home.assert_empty();
}

#[test]
fn measurements() {
    let (shapes, home) = (Shapes::read(), Sandbox::new());
    let starter = support::models::starter().to_string_lossy().into_owned();
    let tiny = ["--prompt", "64", "--tokens", "4", "--repeats", "1", "--context", "512", "-m", &starter];
    let done = home.run(["bench", "--json"].into_iter().chain(tiny));
    shapes.hold("bench", &done.assert_code(0).json());
    let done = home.run(["bench", "--jsonl"].into_iter().chain(tiny));
    let events = shapes.hold_lines("bench-events", done.assert_code(0));
    assert!(events.iter().any(|event| event == "run"), "{events:?}");
    // What was measured is shown with the model.
    home.config(&format!("[models]\nfolders = [\"{}\"]\n", Path::new(&starter).parent().expect("a folder").display()));
    shapes.hold("models-show", &home.run(["models", "show", &starter, "--json"]).json());
}
