//! `hobnob models`: what is on this machine, read again, deleted, imported, compared with the Hub.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tokio::runtime::Runtime;

use crate::sandbox::{Done, Running, Sandbox};
use crate::support::hub_server::{HubServer, Repo};
use crate::support::pty::{Home, Setup, keys};
use crate::support::tiny;

const MODEL: &str = "org/tiny:F32";

/// A person who has pulled a model of a few kilobytes.
struct Pulled {
    home: Sandbox,
    server: HubServer,
    /// The server's; it ends with it.
    _runtime: Runtime,
    file: Vec<u8>,
}

impl Pulled {
    fn new() -> Self {
        let home = Sandbox::new();
        let path = home.path("tiny.gguf");
        tiny::write_random(&tiny::gguf("llama"), &path);
        let file = fs::read(path).expect("the file");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let repo = Repo::new("org/tiny", 'a').large("tiny-F32.gguf", &file).large("tiny-F16.gguf", b"no model");
        let server = runtime.block_on(HubServer::start(vec![repo]));
        let pulled = Self { home, server, _runtime: runtime, file };
        pulled.run(&["pull", "-q", MODEL]).assert_code(0);
        pulled
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.home.hobnob(args.iter().copied());
        command.env("HF_ENDPOINT", &self.server.endpoint).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        command
    }

    fn run(&self, args: &[&str]) -> Done {
        Running::start(self.command(args)).finish()
    }

    fn repo(&self) -> PathBuf {
        self.home.path("home/.cache/huggingface/hub/models--org--tiny")
    }

    fn blob(&self) -> PathBuf {
        let blobs = fs::read_dir(self.repo().join("blobs")).expect("blobs");
        blobs.flatten().map(|entry| entry.path()).next().expect("a blob")
    }
}

#[test]
fn a_list_has_what_is_unfinished_and_the_disk() {
    let pulled = Pulled::new();
    fs::write(pulled.repo().join("blobs/x.incomplete"), [0; 1000]).expect("writes");
    let json = pulled.run(&["models", "--json"]).json();
    let (model, size) = (&json["models"][0], pulled.file.len() as u64);
    assert_eq!((model["model"].as_str(), model["repository"].as_str()), (Some(MODEL), Some("org/tiny")));
    assert_eq!(model["commit"].as_str(), Some(&*"a".repeat(40)));
    assert_eq!(
        (json["unfinished"][0]["repository"].as_str(), json["unfinished"][0]["bytes"].as_u64()),
        (Some("org/tiny"), Some(1000))
    );
    assert_eq!(json["disk"]["cache_bytes"].as_u64(), Some(size + 1000));
    let tabbed = pulled.run(&["models"]);
    let cells: Vec<&str> = tabbed.text().trim_end_matches('\n').split('\t').collect();
    assert_eq!((cells.len(), cells[0], cells[5]), (7, MODEL, "org/tiny"), "{}", tabbed.text());
    pulled.run(&["models", "rm", "--unfinished", "org/tiny"]).assert_error(2, "org/tiny");
    let done = pulled.run(&["models", "rm", "--unfinished", "org/tiny", "--yes"]);
    assert_eq!(done.assert_code(0).text(), "org/tiny is deleted: 1.0 kB freed\n");
    pulled.run(&["models", "rm", "--unfinished", "org/tiny", "-y"]).assert_error(3, "no unfinished download");
    pulled.run(&["models", "rm", "--unfinished", MODEL, "-y"]).assert_error(2, "is not a repository");
}

#[test]
fn all_that_is_known_is_shown() {
    let pulled = Pulled::new();
    let shown = pulled.run(&["models", "show", MODEL]);
    shown.assert_code(0);
    let hash = pulled.blob().file_name().expect("a name").to_string_lossy().into_owned();
    let wanted = [format!("revision       {}", "a".repeat(40)), "last used      just now".to_owned()];
    for line in wanted {
        assert!(shown.text().lines().any(|shown| shown == line), "{line}: {}", shown.text());
    }
    let files = shown.text().lines().find(|line| line.starts_with("files ")).expect("a line of it");
    assert!(files.contains("tiny-F32.gguf (") && files.ends_with(&hash), "{files}");
    assert!(shown.text().contains("at a context   of "), "{}", shown.text());
    let json = pulled.run(&["models", "show", MODEL, "--json"]).json();
    assert_eq!(json["files"][0]["hash"].as_str(), Some(&*hash));
    let fits = json["fits_at"].as_array().expect("a list");
    assert_eq!(fits.last().expect("one")["context"], json["facts"]["context"]);
    let near = pulled.run(&["models", "show", "tinny"]);
    near.assert_error(3, "no model on this machine is called `tinny`");
    assert!(near.err.contains(MODEL), "{}", near.err);
}

#[test]
fn a_damaged_file_is_found_and_got_again() {
    let pulled = Pulled::new();
    let whole = pulled.run(&["models", "verify", MODEL]);
    whole.assert_code(0);
    assert!(
        whole.text().starts_with("whole          tiny-F32.gguf (") && whole.err.contains("every byte is right"),
        "{whole:?}"
    );
    let mut bytes = pulled.file.clone();
    *bytes.last_mut().expect("bytes") ^= 1;
    fs::write(pulled.blob(), bytes).expect("writes");
    let broken = pulled.run(&["models", "verify", MODEL]);
    broken.assert_error(4, "broken: tiny-F32.gguf");
    assert!(broken.err.contains(&format!("hobnob models verify {MODEL} --repair")), "{}", broken.err);
    let json = pulled.run(&["models", "verify", MODEL, "--json"]);
    json.assert_code(4);
    let document = json.json();
    assert_eq!(
        (document["verdict"].as_str(), document["files"][0]["state"].as_str()),
        (Some("broken"), Some("broken"))
    );
    assert_eq!(document["error"]["kind"], "checksum");
    pulled.run(&["models", "verify", MODEL, "--repair"]).assert_code(0);
    assert_eq!(fs::read(pulled.blob()).expect("reads"), pulled.file);
    // A file of the user's own can't be compared with anything.
    let own = pulled.home.path("tiny.gguf").display().to_string();
    let done = pulled.run(&["models", "verify", &own]);
    assert!(done.assert_code(0).err.contains("nothing to compare"), "{}", done.err);
    assert_eq!(pulled.run(&["models", "verify", &own, "--json"]).json()["verdict"], "not verifiable");
}

#[test]
fn deleting_wants_a_yes() {
    let pulled = Pulled::new();
    let refused = pulled.run(&["models", "rm", MODEL]);
    refused.assert_error(2, "is not deleted unasked");
    assert!(refused.err.contains("the Hub has it still") && pulled.blob().exists(), "{}", refused.err);
    let json = pulled.run(&["models", "rm", MODEL, "--yes", "--json"]).json();
    assert_eq!((json["model"].as_str(), json["freed_bytes"].as_u64()), (Some(MODEL), Some(pulled.file.len() as u64)));
    assert_eq!(json["own_file"], false);
    assert!(!pulled.repo().exists());
    pulled.run(&["models", "rm", MODEL, "--yes"]).assert_error(3, "is not on this machine");
    let own = pulled.home.path("tiny.gguf");
    let link = pulled.home.path("link.gguf");
    std::os::unix::fs::symlink(&own, &link).expect("a link");
    let refused = pulled.run(&["models", "rm", &link.display().to_string()]);
    assert!(refused.assert_error(2, "unasked").err.contains("what it leads to stays where it is"), "{}", refused.err);
    let done = pulled.run(&["models", "rm", &link.display().to_string(), "-y"]);
    assert!(done.assert_code(0).err.contains("what it led to is where it was"), "{}", done.err);
    assert!(own.exists() && !link.is_symlink() && !done.err.contains("for good"), "{}", done.err);
    let refused = pulled.run(&["models", "rm", &own.display().to_string()]);
    assert!(refused.assert_error(2, "unasked").err.contains("is a file of your own"), "{}", refused.err);
    assert!(own.exists());
    let done = pulled.run(&["models", "rm", &own.display().to_string(), "-y"]);
    assert!(done.assert_code(0).err.contains("a file of your own") && !own.exists(), "{}", done.err);
}

#[test]
fn an_import_runs_and_can_be_forgotten() {
    let pulled = Pulled::new();
    let own = pulled.home.path("tiny.gguf");
    // The same bytes as in the cache, and another file.
    let done = pulled.run(&["models", "import", "tiny.gguf"]);
    let link = pulled.home.path("home/.local/share/hobnob/models/tiny.gguf");
    assert_eq!(done.assert_code(0).text(), format!("{}\n", link.display()));
    pulled.run(&["run", "-q", "-m", "tiny", "--max-tokens", "1", "Hello"]).assert_error(2, "can mean several models");
    let run = pulled.run(&["run", "-q", "-m", &link.display().to_string(), "--max-tokens", "1", "Hello"]);
    run.assert_code(0);
    let done = pulled.run(&["models", "rm", &link.display().to_string(), "--yes"]);
    assert!(done.assert_code(0).text().contains("is forgotten") && own.exists() && !link.is_symlink());
    let json = pulled.run(&["models", "import", "--json", "tiny.gguf"]).json();
    assert_eq!(json["path"].as_str(), link.to_str());
    let text = pulled.home.write("notes.gguf", "text");
    pulled.run(&["models", "import", &text.display().to_string()]).assert_error(3, "is not imported");
}

#[test]
fn newer_ones_are_told() {
    let pulled = Pulled::new();
    let same = pulled.run(&["models", "newer"]);
    assert_eq!(same.assert_code(0).text(), format!("{MODEL}\tcurrent\t\t\n"));
    pulled.server.replace(Repo::new("org/tiny", 'b').large("tiny-F32.gguf", b"other bytes"));
    let json = pulled.run(&["models", "newer", MODEL, "--json"]).json();
    assert_eq!(json["models"][0]["newer"].as_str(), Some(&*"b".repeat(40)), "{json}");
    assert_eq!(json["models"][0]["pull"].as_str(), Some(MODEL), "{json}");
    let told = pulled.run(&["models", "newer"]);
    assert_eq!(told.assert_code(0).text(), format!("{MODEL}\tnewer\t{}\t{MODEL}\n", "b".repeat(40)));
    pulled.run(&["models", "newer", MODEL, "--offline"]).assert_error(4, "the network is off");
}

#[test]
fn whoever_sits_at_a_terminal_is_asked() {
    let home = Home::new();
    let snapshot = home.hf_home().join(format!("hub/models--org--tiny/snapshots/{}", "a".repeat(40)));
    fs::create_dir_all(&snapshot).expect("a folder");
    let file = snapshot.join("a-name-that-takes-a-lot-of-room-on-narrow-terminals-F32.gguf");
    tiny::write_random(&tiny::gguf("llama"), &file);
    let run = |args: &[&str]| args.iter().fold(Setup::hobnob().home(&home), |setup, arg| setup.arg(*arg));
    for (columns, last_used) in [(40, false), (120, true)] {
        let mut list = run(&["models"]).size(columns, 24).start();
        assert_eq!(list.wait_exit().code, Some(0));
        let text = list.text();
        assert!(text.contains("org/tiny:F32") && text.contains("free ") && text.contains("models "), "{text}");
        assert_eq!(text.contains("LAST USED"), last_used, "{text}");
    }
    for (answer, stays) in [("n", true), ("", true), ("y", false)] {
        let mut ask = run(&["models", "rm", "org/tiny:F32"]).start();
        ask.wait_for_text("delete it? [y/N]");
        assert!(ask.text().contains("the Hub has it still"), "{}", ask.text());
        ask.send(answer);
        ask.send(keys::ENTER);
        assert_eq!(ask.wait_exit().code, Some(0));
        assert_eq!(file.exists(), stays, "{answer:?}: {}", ask.text());
        assert_eq!(ask.text().contains("nothing was deleted"), stays, "{}", ask.text());
    }
}
