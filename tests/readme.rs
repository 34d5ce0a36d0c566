//! The scripts in the README do what it says: each is read by shellcheck and run with the real binary and a real model.

#[path = "headless/sandbox.rs"]
#[allow(dead_code, reason = "a part of it")]
mod sandbox;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sandbox::Sandbox;
use support::models::starter;
use support::shellcheck::shellcheck;

/// The scripts of the README by the name in their second line.
fn scripts() -> Vec<(String, String)> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("the README");
    let blocks = readme.split("\n```sh\n#!").skip(1);
    let scripts = blocks.map(|block| {
        let text = format!("#!{}\n", block.split("\n```").next().expect("the end of the block"));
        let name = text.lines().nth(1).and_then(|line| line.strip_prefix("# ")).expect("a name");
        (name.split(' ').next().expect("a word").to_owned(), text.clone())
    });
    scripts.collect()
}

/// Somebody with a model, who has put the scripts on the path.
struct Person {
    home: Sandbox,
}

impl Person {
    fn new() -> Self {
        let home = Sandbox::new();
        for (name, text) in scripts() {
            let path = home.write(&format!("bin/{name}"), text);
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a script can be run");
        }
        home.config("[engine]\ncontext = 2048\n[chat]\nmax_tokens = 40\n");
        Self { home }
    }

    /// Runs a command in this person's home folder.
    fn run(&self, program: &str, args: &[&str]) -> Output {
        let hobnob = Path::new(env!("CARGO_BIN_EXE_hobnob")).parent().expect("a folder");
        let theirs = std::env::var_os("PATH").unwrap_or_default();
        let path = [self.home.path("bin"), hobnob.to_path_buf()].into_iter().chain(std::env::split_paths(&theirs));
        // For its environment: what it runs is another program.
        let model = self.home.hobnob([]);
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(model.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
            .env("PATH", std::env::join_paths(path).expect("a path"))
            .env("HOBNOB_MODEL", starter())
            .env("GIT_EDITOR", "true")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .current_dir(self.home.path("home"));
        command.output().unwrap_or_else(|error| panic!("{program}: {error}"))
    }

    #[track_caller]
    fn succeeds(&self, program: &str, args: &[&str]) -> String {
        let done = self.run(program, args);
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{program} {args:?}: {out}{err}");
        out.into_owned()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        self.home.write(&format!("home/{name}"), text)
    }
}

#[test]
fn every_script_is_clean_and_is_run_here() {
    let tests = include_str!("readme.rs");
    let scripts = scripts();
    assert_eq!(scripts.len(), 5);
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = Vec::new();
    for (name, text) in scripts {
        assert!(tests.contains(&format!("\"{name}\"")), "nothing runs `{name}`");
        let file = folder.path().join(&name);
        fs::write(&file, text).expect("writes");
        files.push(file);
    }
    // What completes hobnob's own command lines is a script as well.
    files.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/completions/hobnob.bash"));
    let done = Command::new(shellcheck()).arg("--severity=style").args(&files).output().expect("it runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}

#[test]
fn a_commit_message() {
    let person = Person::new();
    person.write("file.txt", "one\n");
    person.succeeds("git", &["init", "--quiet"]);
    for (key, value) in [("user.name", "A"), ("user.email", "a@example.org")] {
        person.succeeds("git", &["config", key, value]);
    }
    person.succeeds("git", &["add", "file.txt"]);
    person.succeeds("commit", &[]);
    let message = person.succeeds("git", &["log", "-1", "--format=%B"]);
    assert!(!message.trim().is_empty());
}

#[test]
fn summaries_with_one_load() {
    let person = Person::new();
    person.write("a.txt", "The cat sat on the mat all day. It was warm.\n");
    person.write("b.txt", "It rained. The river rose, and the bridge was closed.\n");
    let out = person.succeeds("summaries", &["a.txt", "b.txt"]);
    assert!(out.starts_with("a.txt\t") && out.contains("\nb.txt\t"), "{out}");
    let held = person.succeeds("hobnob", &["warm", "--json"]);
    assert!(held.contains("\"holder\":\"warm\""), "{held}");
    person.succeeds("hobnob", &["warm", "stop"]);
    person.home.assert_empty();
}

#[test]
fn mail_in_folders() {
    let person = Person::new();
    person.write("1.txt", "It crashes when I press Enter.\n");
    person.write("2.txt", "Thank you, I love it!\n");
    person.succeeds("sort-mail", &["1.txt", "2.txt"]);
    for mail in ["1.txt", "2.txt"] {
        let labels = ["bug", "question", "praise"];
        assert!(labels.iter().any(|label| person.home.path("home").join(label).join(mail).is_file()), "{mail}");
    }
}

#[test]
fn a_table_of_answers_that_goes_on() {
    let person = Person::new();
    person.write("q.txt", "Name a river.\nName a colour.\n");
    let first = person.succeeds("answer-all", &["q.txt"]);
    assert_eq!(first.lines().map(|line| line.split('\t').next().expect("an id")).collect::<Vec<_>>(), ["1", "2"]);
    person.write("q.txt", "Name a river.\nName a colour.\nName a tree.\n");
    let second = person.succeeds("answer-all", &["q.txt"]);
    assert!(second.starts_with(&first) && second.lines().count() == first.lines().count() + 1, "{first}{second}");
}

#[test]
fn why_it_failed() {
    let person = Person::new();
    assert_eq!(person.succeeds("why", &["echo", "fine"]), "fine\n");
    let failed = person.run("why", &["sh", "-c", "echo 'no such table: users' >&2; exit 3"]);
    assert_eq!((failed.status.code(), failed.stdout.as_slice()), (Some(3), &b""[..]));
    let said = String::from_utf8_lossy(&failed.stderr);
    assert!(said.starts_with("no such table: users\n") && said.len() > 40, "{said}");
}
