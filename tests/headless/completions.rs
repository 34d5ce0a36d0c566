//! Completion: what hobnob says could stand at the cursor. What shells do with it is in `tests/shells.rs`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::sandbox::Sandbox;
use crate::support::models::starter;

/// What is offered behind these words, with the kind before it.
fn offered(home: &Sandbox, words: &[&str]) -> Vec<String> {
    let done = home.run(["__complete", "words", "hobnob"].into_iter().chain(words.iter().copied()));
    done.assert_code(0);
    assert_eq!(done.err, "");
    done.text().lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

/// A home that has something of everything.
fn furnished() -> Sandbox {
    let home = Sandbox::new();
    let models = home.path("models");
    fs::create_dir_all(&models).expect("a folder");
    fs::hard_link(starter(), models.join("tiny.Q4_1.gguf"))
        .or_else(|_| fs::copy(starter(), models.join("tiny.Q4_1.gguf")).map(drop))
        .expect("a model");
    home.config(&format!("[models]\nfolders = [\"{}\"]\n", models.display()));
    home.write(
        "home/.config/hobnob/templates/haiku.toml",
        "description = \"A haiku\"\nprompt = \"{{input}} in {{season}}\"\n",
    );
    home.write("home/.config/hobnob/themes/dusk.toml", "name = \"Dusk\"\ninherits = \"nord\"\n");
    home
}

#[test]
fn what_this_machine_knows_is_offered() {
    let home = furnished();
    let echo = home.script("");
    home.run(["run", "-m", &echo, "--save", "Name a river"]).assert_code(0);
    let id = home.run(["sessions", "--json"]).json()["sessions"][0]["id"].as_str().expect("an id").to_owned();

    let models = offered(&home, &["run", "-m", ""]);
    assert_eq!(models[0], "words");
    assert!(models.iter().any(|name| name.ends_with("tiny.Q4_1.gguf")), "{models:?}");
    assert!(models.contains(&"starter".to_owned()) && models.contains(&"qwen3-4b".to_owned()), "{models:?}");
    let here = offered(&home, &["models", "show", ""]);
    assert!(!here.contains(&"qwen3-4b".to_owned()) && here.len() == 2, "{here:?}");
    let quants = offered(&home, &["pull", "qwen3-4b:"]);
    assert!(quants.len() > 1 && quants[1..].iter().all(|name| name.starts_with("qwen3-4b:")), "{quants:?}");
    assert_eq!(offered(&home, &["pull", "--model=start"]), ["words", "--model=starter"]);

    let sessions = offered(&home, &["sessions", "show", ""]);
    assert!(sessions.len() == 2 && id.starts_with(&sessions[1]), "{sessions:?} {id}");
    assert_eq!(offered(&home, &["run", "-t", "h"]), ["words", "haiku"]);
    assert_eq!(offered(&home, &["run", "-t", "haiku", "--var", ""]), ["open", "season="]);
    assert_eq!(offered(&home, &["chat", "--theme", "du"]), ["words", "dusk"]);
    assert_eq!(offered(&home, &["run", "-m", "./"]), ["files"]);
    assert_eq!(offered(&home, &["man", "--dir", ""]), ["folders"]);
    home.write("style.txt", "Short.");
    assert_eq!(offered(&home, &["run", "-s", "@st"]), ["open", "@style.txt"]);
    assert_eq!(offered(&home, &["run", "-s", "be brief"]), ["words"]);
}

#[test]
fn it_is_quiet_whatever_it_is_asked_and_wherever() {
    let home = Sandbox::new();
    home.config("nonsense = [");
    for words in
        [&[][..], &[""], &["run", "--nope", "x"], &["run", "-\u{1b}"], &["--", "-", "--="], &["sessions", "show", ""]]
    {
        let done = home.run(["__complete", "words", "hobnob"].into_iter().chain(words.iter().copied()));
        assert_eq!((done.status.code(), done.err.as_str()), (Some(0), ""), "{words:?}");
    }
    let mut homeless = home.hobnob(["__complete", "words", "hobnob", "run", "-m", ""]);
    homeless.env_remove("HOME");
    assert!(homeless.output().expect("runs").status.success());
}

/// A program, if it is on this machine.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

#[test]
fn a_slip_in_the_name_of_a_model_is_put_right() {
    let home = furnished();
    for (name, hint) in [
        ("satrter", "did you mean `starter`?"),
        ("qwne3-4b", "did you mean `qwen3-4b`"),
        ("tiny.Q4_1.guf", "tiny.Q4_1.gguf"),
    ] {
        let done = home.run(["run", "--offline", "-m", name, "hi"]);
        done.assert_error(3, name);
        let said = done.err.lines().find(|line| line.starts_with("hint: ")).expect("a hint");
        assert!(said.contains(hint), "{name}: {said}");
    }
}

#[test]
fn the_manual_is_read_by_the_program_that_shows_it() {
    let home = Sandbox::new();
    let done = home.run(["man", "--dir", "pages"]);
    done.assert_code(0);
    let pages: Vec<PathBuf> = done.text().lines().map(|line| home.path(line)).collect();
    assert!(pages.len() > 20 && pages.iter().all(|page| page.is_file()), "{pages:?}");
    if let Some(groff) = program("groff") {
        for page in pages {
            let done = Command::new(&groff).args(["-man", "-Tutf8", "-ww", "-b"]).arg(&page).output().expect("it runs");
            assert_eq!(String::from_utf8_lossy(&done.stderr), "", "{}", page.display());
        }
    }
    let one = home.run(["man", "run"]);
    one.assert_code(0);
    assert!(one.text().starts_with(".TH \"HOBNOB-RUN\""));
    home.run(["man", "rnu"]).assert_error(2, "`rnu` is not a command of `hobnob`");
}
