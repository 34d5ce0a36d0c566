//! `hobnob pull` from a stand-in for the Hub.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use hobnob::domain::model::starter;
use rustix::process::Signal;
use tokio::runtime::Runtime;

use crate::sandbox::{AT_ONCE, PATIENCE, Running, Sandbox, eventually};
use crate::support::hub_server::{Fault, HubServer, Repo};
use crate::support::tiny;

const MODEL: &str = "org/tiny/m.gguf";

struct Hub {
    server: HubServer,
    /// The server's; it ends with it.
    _runtime: Runtime,
    file: Vec<u8>,
}

impl Hub {
    fn start() -> Self {
        let file: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        Self::with(Repo::new("org/tiny", 'a').large("m.gguf", &file), file)
    }

    fn with(repo: Repo, file: Vec<u8>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let server = runtime.block_on(HubServer::start(vec![repo]));
        Self { server, _runtime: runtime, file }
    }

    fn pull(&self, home: &Sandbox, options: &[&str]) -> Command {
        let mut command = home.hobnob(["pull", MODEL].iter().chain(options).copied());
        command.env("HF_ENDPOINT", &self.server.endpoint).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        command
    }
}

/// Bytes of the largest file below a folder.
fn largest(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => largest(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    });
    sizes.max().unwrap_or(0)
}

#[test]
fn the_last_line_is_the_path_and_the_second_time_needs_no_network() {
    let (home, hub) = (Sandbox::new(), Hub::start());
    let done = Running::start(hub.pull(&home, &[])).finish();
    done.assert_code(0);
    assert!(done.err.contains("getting org/tiny/m.gguf (3.0 MB) from "), "{}", done.err);
    assert!(!done.err.contains('\r') && !done.err.contains('\x1b'), "{:?}", done.err);
    let path = PathBuf::from(done.text().lines().last().expect("a line"));
    assert_eq!(std::fs::read(&path).expect("the file"), hub.file);
    // It is no model, which is worth a word and no failure: the file was asked for.
    assert!(done.err.contains("warning: ") && done.err.contains("it is as the Hub has it"), "{}", done.err);
    // Quiet as well; whether it came like that is for verify to tell, which does.
    let again = Running::start(hub.pull(&home, &["--offline", "-q"])).finish();
    again.assert_code(0);
    assert_eq!(again.text(), done.text());
    assert!(again.err.starts_with("warning: it is here, and can't be used") && !again.err.contains("getting"));
    assert!(again.err.contains("`hobnob models verify MODEL`"), "{}", again.err);
    let verified = home.run(["models", "verify", MODEL]);
    verified.assert_code(0);
    assert!(verified.err.contains("every byte is right") && verified.err.contains("it is as the Hub has it"));
    let json = Running::start(hub.pull(&home, &["--json", "-q"])).finish().json();
    assert_eq!(json["path"].as_str().map(Path::new), Some(&*path));
    assert_eq!((json["bytes"].as_u64(), json["format"].as_str()), (Some(3_000_000), Some("gguf")));
}

#[test]
fn events_tell_how_it_stands() {
    let (home, hub) = (Sandbox::new(), Hub::start());
    let done = Running::start(hub.pull(&home, &["--jsonl", "-q"])).finish();
    done.assert_code(0);
    let lines = done.lines();
    let running = lines.iter().find(|line| line["event"] == "downloading").expect("it tells");
    assert_eq!(running["total"], 3_000_000);
    assert!(running["done"].is_u64() && running["bytes_per_second"].is_number() && running["source"].is_string());
    assert_eq!((running["files"].as_u64(), running["files_done"].as_u64()), (Some(1), Some(0)));
    let last = lines.last().expect("a line");
    assert_eq!(last["event"], "done");
    assert!(Path::new(last["path"].as_str().expect("a path")).is_file());
}

#[test]
fn several_models_come_with_one_command() {
    let home = Sandbox::new();
    let small = b"GGUF and nothing in it".to_vec();
    let hub = Hub::with(Repo::new("org/tiny", 'a').large("m.gguf", &small).large("n.gguf", &small), small);
    let pull = |options: &[&str]| {
        let words = ["pull", "-q", "org/tiny/m.gguf", "org/tiny/none.gguf", "org/tiny/n.gguf"];
        let mut command = home.hobnob(words.iter().chain(options).copied());
        command.env("HF_ENDPOINT", &hub.server.endpoint).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        Running::start(command).finish()
    };
    // One that is not there does not keep the others from coming, and is how the command ends.
    let done = pull(&["--speed-limit", "50M"]);
    done.assert_code(3);
    assert!(done.err.contains("error: org/tiny has no file none.gguf"), "{}", done.err);
    let paths: Vec<PathBuf> = done.text().lines().map(PathBuf::from).collect();
    assert!(paths.len() == 2 && paths.iter().all(|path| path.is_file()), "{paths:?}");
    let json = pull(&["--json"]).json();
    let models = json["models"].as_array().expect("a list");
    let kinds: Vec<bool> = models.iter().map(|one| one["path"].is_string()).collect();
    assert_eq!(kinds, [true, false, true]);
    assert_eq!(
        (&models[1]["model"], &models[1]["error"]["kind"]),
        (&"org/tiny/none.gguf".into(), &"model_not_found".into())
    );
    let lines = pull(&["--jsonl"]).lines();
    let failed = lines.iter().find(|line| line["event"] == "error").expect("it is told");
    assert_eq!(failed["model"], "org/tiny/none.gguf");
    let events: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(events.iter().filter(|event| **event == "done").count(), 2, "{events:?}");
    home.run(["pull", "--speed-limit", "fast", "starter"]).assert_error(2, "write it like 5M");
}

#[test]
fn an_interrupt_leaves_word_of_what_came_before_it() {
    let (home, hub) = (Sandbox::new(), Hub::start());
    hub.server.replace(Repo::new("org/small", 'b').large("s.gguf", b"GGUF and nothing in it"));
    let pull = |words: &[&str]| {
        let mut command = home.hobnob(["pull", "-q", "org/small/s.gguf"].iter().chain(words).copied());
        command.env("HF_ENDPOINT", &hub.server.endpoint).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        Running::start(command)
    };
    pull(&[]).finish().assert_code(0);
    hub.server.spoil_bodies([Fault::Hold(1_000_000)]);
    let running = pull(&[MODEL, "org/small/never.gguf", "--json"]);
    let cache = home.path("home/.cache/huggingface/hub");
    assert!(eventually(PATIENCE, || largest(&cache) >= 1_000_000), "the first million bytes come");
    running.signal(Signal::INT);
    let done = running.finish();
    done.assert_code(130);
    let json = done.json();
    let models = json["models"].as_array().expect("a list");
    assert_eq!(models.len(), 2, "{json:#}");
    assert!(models[0]["path"].as_str().is_some_and(|path| Path::new(path).is_file()), "{json:#}");
    assert_eq!((&models[1]["model"], &models[1]["error"]["kind"]), (&MODEL.into(), &"cancelled".into()));
}

#[test]
fn an_interrupted_download_goes_on_where_it_was() {
    let (home, hub) = (Sandbox::new(), Hub::start());
    hub.server.spoil_bodies([Fault::Hold(1_000_000)]);
    let mut running = Running::start(hub.pull(&home, &[]));
    let cache = home.path("home/.cache/huggingface/hub");
    assert!(eventually(PATIENCE, || largest(&cache) >= 1_000_000), "the first million bytes come");
    running.signal(Signal::INT);
    assert_eq!(running.wait(AT_ONCE).code(), Some(130));
    let said = running.finish_stderr();
    assert!(said.contains("`hobnob pull org/tiny/m.gguf` goes on from there"), "{said}");
    hub.server.release();
    let done = Running::start(hub.pull(&home, &["-q"])).finish();
    done.assert_code(0);
    assert_eq!(std::fs::read(done.text().trim_end()).expect("the file"), hub.file);
    let ranges: Vec<String> = hub.server.seen().into_iter().filter_map(|seen| seen.range).collect();
    assert!(ranges.iter().any(|range| range.starts_with("bytes=917504-")), "{ranges:?}");
}

#[test]
fn a_download_that_the_network_fails_waits_and_says_so() {
    let (home, hub) = (Sandbox::new(), Hub::start());
    // As when the network goes away in the middle: no attempt brings anything any more.
    hub.server.spoil_bodies([Fault::Cut(1_000_000)].into_iter().chain((0..4).map(|_| Fault::Status(502, None))));
    let done = Running::start(hub.pull(&home, &["--jsonl"])).finish();
    done.assert_code(0);
    let lines = done.lines();
    let waits: Vec<f64> = lines.iter().filter_map(|line| line["seconds"].as_f64()).collect();
    assert!(waits.iter().any(|seconds| *seconds > 9.0), "{waits:?}");
    assert!(done.err.contains(": trying again in "), "{}", done.err);
    assert_eq!(lines.last().expect("a line")["event"], "done");
}

#[test]
fn a_log_hears_of_what_takes_long() {
    let home = Sandbox::new();
    // It takes connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut pull = home.hobnob(["pull", MODEL]);
    pull.env("HF_ENDPOINT", format!("http://{}", silent.local_addr().expect("an address")));
    pull.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    let words: Vec<String> = (1..=4000).map(|n| format!("w{n}")).collect();
    let slow = home.script(&format!("[[reply]]\ntext = \"{}\"\ntokens_per_second = 20.0\n", words.join(" ")));
    let lines = home.write("in.jsonl", "{\"prompt\": \"x\"}\n{\"prompt\": \"y\"}\n").display().to_string();
    let batch = home.hobnob(["run", "-m", &slow, "--batch", &lines]);
    let started = [(pull, "looking for org/tiny/m.gguf (for 1"), (batch, "0 of 2 (0 %), ")];
    for (mut running, said) in started.map(|(command, said)| (Running::start(command), said)) {
        let mut line = String::new();
        BufReader::new(running.stderr.take().expect("a pipe")).read_line(&mut line).expect("a line");
        assert!(line.contains(said) && !line.contains('['), "{line}");
        running.signal(Signal::INT);
        assert_eq!(running.wait(AT_ONCE).code(), Some(130));
    }
}

#[test]
fn a_deadline_keeps_all_that_has_come_of_the_starter() {
    let home = Sandbox::new();
    let file = vec![7; 3_000_000];
    let mut repo = Repo::new(starter::REPO, 'a').large(starter::FILE, &file);
    // The beginning of the starter, as far as anybody can tell.
    repo.files[0].sha256 = starter::SHA256.to_owned();
    let hub = Hub::with(repo, file);
    hub.server.spoil_bodies([Fault::Hold(1_500_000)]);
    let mut command = home.hobnob(["run", "--timeout", "5", "hi"]);
    command.env("HF_ENDPOINT", &hub.server.endpoint).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    let done = Running::start(command).finish();
    done.assert_code(7);
    assert!(done.err.contains("what has come is kept"), "{}", done.err);
    assert_eq!(largest(&home.path("home/.cache/huggingface/hub")), 1_500_000);
}

/// A type of weights that the engine lacks.
const IQ4_XS: u32 = 23;

#[test]
fn a_model_that_cant_be_run_is_refused_before_its_weights_come() {
    let home = Sandbox::new();
    let mut unknown = tiny::gguf("llama");
    unknown.set_text("general.architecture", "gemma3");
    let mut odd = tiny::gguf("llama");
    odd.tensor("blk.0.attn_q.weight").kind = IQ4_XS;
    for (mut model, reason) in [(unknown, "gemma3"), (odd, "IQ4_XS")] {
        model.data_len += 4 << 20;
        let path = home.path("model.gguf");
        model.write(&path);
        let file = std::fs::read(&path).expect("the file");
        let hub = Hub::with(Repo::new("org/tiny", 'a').large("m.gguf", &file), file);
        // The weights never come, and nobody waits for them.
        hub.server.spoil_bodies([Fault::Hold(200_000)]);
        let done = Running::start(hub.pull(&home, &[])).finish();
        done.assert_error(3, reason);
        assert!(done.err.contains("org/tiny/m.gguf can't be run by this engine"), "{}", done.err);
        assert!(done.err.contains("hint: "), "{}", done.err);
        assert_eq!(largest(&home.path("home/.cache/huggingface/hub/models--org--tiny/blobs")), 0);
    }
}

#[test]
fn what_the_hub_refuses_is_told_with_its_own_code() {
    let (home, hub) = (Sandbox::new(), Hub::start());
    hub.server.spoil_answers(std::iter::repeat_n(Fault::Status(401, None), 20));
    Running::start(hub.pull(&home, &[])).finish().assert_error(4, "org/tiny");
    // What is no name here is not helped by what is.
    for (name, hint) in
        [("nope nope", "hint: `hobnob search 'nope nope'`"), ("stater", "hint: did you mean `starter`?")]
    {
        let done = home.run(["pull", name]);
        done.assert_error(3, name);
        assert!(done.err.contains(hint), "{}", done.err);
    }
}

#[test]
fn a_quantisation_is_asked_for_by_name_and_only_pull_asks() {
    let (home, hub) = (Sandbox::new(), Hub::start());
    let files = Repo::new("org/two", 'b').large("two-Q4_0.gguf", &hub.file).large("two-Q8_0.gguf", &hub.file);
    hub.server.replace(files);
    let with = |arguments: &[&str]| {
        let mut command = home.hobnob(arguments.iter().copied());
        command.env("HF_ENDPOINT", &hub.server.endpoint).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        Running::start(command).finish()
    };
    let refused = with(&["run", "-m", "org/two:Q8_0", "Hello"]);
    refused.assert_error(3, "org/two:Q8_0");
    assert!(refused.err.contains("hint: `hobnob pull org/two:Q8_0` gets it"), "{}", refused.err);
    assert!(hub.server.seen().is_empty(), "nothing is downloaded by surprise");
    with(&["pull", "org/two"]).assert_error(2, "Q4_0 (3.0 MB), Q8_0 (3.0 MB)");
    let done = with(&["pull", "org/two:Q8_0"]);
    done.assert_code(0);
    assert!(done.text().trim_end().ends_with("two-Q8_0.gguf"), "{}", done.text());
}
