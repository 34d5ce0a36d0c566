//! A model that is here loads and answers without asking anybody: no connection is even tried.
//!
//! Three judges. A listener that stands in the place of the Hub and of every proxy, and counts; it is always there. `strace`,
//! which sees every attempt of every process; and a network namespace without any way out. Where a machine lacks one of
//! the last two, that is said, and the others judge.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::sandbox::{Done, PATIENCE, Running, Sandbox};
use crate::support::hub_server::sha256;
use crate::support::pty::{Home, Screen, Setup, keys};
use crate::support::tiny;

const GGUF: &str = "org/tiny-GGUF";
const FOLDER: &str = "org/tiny";

/// Puts a file where the Python client would have.
fn place(hub: &Path, repo: &str, name: &str, content: &[u8]) {
    let repo = hub.join(format!("models--{}", repo.replace('/', "--")));
    let commit = "a".repeat(40);
    let snapshot = repo.join("snapshots").join(&commit);
    for folder in [&snapshot, &repo.join("blobs"), &repo.join("refs")] {
        fs::create_dir_all(folder).expect("a folder");
    }
    fs::write(repo.join("refs/main"), commit).expect("writes");
    let blob = sha256(content);
    fs::write(repo.join("blobs").join(&blob), content).expect("writes");
    std::os::unix::fs::symlink(format!("../../blobs/{blob}"), snapshot.join(name)).expect("links");
}

/// A GGUF model and a folder, both whole.
fn place_models(hub: &Path) {
    let made = tempfile::tempdir().expect("a folder");
    let gguf = made.path().join("tiny.gguf");
    tiny::write_random(&tiny::gguf("llama"), &gguf);
    place(hub, GGUF, "tiny-F32.gguf", &fs::read(gguf).expect("reads"));
    let folder = made.path().join("folder");
    tiny::folder(&folder, 1);
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        place(hub, FOLDER, &entry.file_name().to_string_lossy(), &fs::read(entry.path()).expect("reads"));
    }
}

/// Somebody who listens where the Hub and all proxies are said to be.
struct Ear {
    address: String,
    heard: Arc<AtomicUsize>,
}

impl Ear {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let heard = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&heard);
        // Ends with the test program.
        thread::spawn(move || {
            for _ in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { address, heard }
    }

    /// Variables that lead everything here.
    fn env(&self) -> Vec<(&'static str, String)> {
        let proxies = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
        let all = proxies.into_iter().chain(["HF_ENDPOINT"]).map(|name| (name, self.address.clone()));
        all.chain([("NO_PROXY", String::new()), ("no_proxy", String::new())]).collect()
    }

    #[track_caller]
    fn assert_unheard(&self) {
        assert_eq!(self.heard.load(Ordering::SeqCst), 0, "somebody was asked");
    }
}

/// Whether a helper works on this machine; says so where it does not.
fn has(helper: &str, args: &[&str]) -> bool {
    let works = Command::new(helper).args(args).arg("true").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let works = works.is_ok_and(|status| status.success());
    if !works {
        let note = format!("NOTE: `{helper} {}` does not work here: the other judges have to do\n", args.join(" "));
        // Beside what the test runner keeps to itself: whoever reads the results is to know.
        std::io::stderr().write_all(note.as_bytes()).expect("stderr can be written");
    }
    works
}

const NO_NETWORK: [&str; 2] = ["-r", "-n"];
const TRACE: [&str; 3] = ["-f", "-e", "trace=connect,sendto,sendmsg,sendmmsg"];

/// The same command inside of another.
fn inside(outer: &str, args: &[&str], inner: &Command) -> Command {
    let mut command = Command::new(outer);
    command.args(args).arg(inner.get_program()).args(inner.get_args()).env_clear();
    for (name, value) in inner.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    if let Some(folder) = inner.get_current_dir() {
        command.current_dir(folder);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The attempts to reach somebody beyond this machine's own sockets that `strace` has seen.
fn attempts(trace: &Path) -> Vec<String> {
    let text = fs::read_to_string(trace).expect("the trace");
    assert!(text.contains("exited with"), "strace has seen nothing: {text}");
    text.lines().filter(|line| line.contains("sa_family=AF_INET")).map(str::to_owned).collect()
}

/// Sandbox, its models, and who listens.
fn prepared() -> (Sandbox, Ear) {
    let home = Sandbox::new();
    place_models(&home.path("home/.cache/huggingface/hub"));
    (home, Ear::new())
}

fn run(home: &Sandbox, ear: &Ear, model: &str) -> Command {
    let mut command = home.hobnob(["run", "-m", model, "--max-tokens", "2", "--temperature", "0", "Hello"]);
    command.envs(ear.env());
    command
}

fn finished(command: Command) -> Done {
    let done = Running::start(command).finish();
    done.assert_code(0);
    done
}

#[test]
fn run_asks_nobody() {
    let (home, ear) = prepared();
    for model in [GGUF, FOLDER, "tiny-GGUF:F32"] {
        finished(run(&home, &ear, model));
    }
    // The cache itself and what is known of it, as well.
    finished(home_command(&home, &ear, &["models", "list"]));
    finished(home_command(&home, &ear, &["models", "show", GGUF]));
    finished(home_command(&home, &ear, &["models", "verify", FOLDER]));
    ear.assert_unheard();
    // The ear is not deaf.
    let asked = Running::start(home_command(&home, &ear, &["pull", "org/other/m.gguf"])).finish();
    assert_eq!(asked.status.code(), Some(4), "{asked:?}");
    assert!(ear.heard.load(Ordering::SeqCst) > 0);
}

fn home_command(home: &Sandbox, ear: &Ear, args: &[&str]) -> Command {
    let mut command = home.hobnob(args.iter().copied());
    command.envs(ear.env());
    command
}

#[test]
fn run_works_where_there_is_no_network_at_all() {
    if !has("unshare", &NO_NETWORK) {
        return;
    }
    let (home, ear) = prepared();
    for model in [GGUF, FOLDER] {
        let alone = finished(inside("unshare", &NO_NETWORK, &run(&home, &ear, model)));
        let usual = finished(run(&home, &ear, model));
        assert_eq!(alone.text(), usual.text());
    }
}

#[test]
fn run_tries_no_connection() {
    if !has("strace", &TRACE) {
        return;
    }
    let (home, ear) = prepared();
    for model in [GGUF, FOLDER] {
        let trace = home.path("trace");
        let path = trace.display().to_string();
        let args: Vec<&str> = TRACE.into_iter().chain(["-o", &path]).collect();
        finished(inside("strace", &args, &run(&home, &ear, model)));
        assert_eq!(attempts(&trace), [""; 0], "{model}");
    }
    ear.assert_unheard();
}

#[test]
fn the_interface_asks_nobody() {
    let strace = has("strace", &TRACE);
    for model in [GGUF, FOLDER] {
        let (home, ear) = (Home::new(), Ear::new());
        place_models(&home.hf_home().join("hub"));
        let trace: PathBuf = home.path().join("trace");
        let hobnob = env!("CARGO_BIN_EXE_hobnob");
        let mut setup = if strace {
            let traced = TRACE.iter().fold(Setup::program("strace"), |setup, arg| setup.arg(*arg));
            traced.arg("-o").arg(&trace).arg(hobnob)
        } else {
            Setup::hobnob()
        };
        setup = setup.home(&home).arg("-m").arg(model).deadline(PATIENCE);
        setup = ear.env().into_iter().fold(setup, |setup, (name, value)| setup.env(name, value));
        let mut pty = setup.start();
        let ready = |screen: &Screen, words: &str| {
            screen.contents().lines().any(|line| line.trim_start().starts_with("ready") && line.contains(words))
        };
        pty.wait_for("a model that is ready", |screen| ready(screen, ""));
        pty.send("Hello");
        pty.wait_for("the message", |screen| screen.contents().contains("❯ Hello"));
        pty.send(keys::ENTER);
        pty.wait_for("an answer, whole", |screen| ready(screen, "first"));
        pty.send(&keys::ctrl('q'));
        assert_eq!(pty.wait_exit().code, Some(0));
        ear.assert_unheard();
        if strace {
            assert_eq!(attempts(&trace), [""; 0], "{model}");
        }
    }
}
