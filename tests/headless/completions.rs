//! Completion: what hobnob says could stand at the cursor, and that shells do with it what they should.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::sandbox::Sandbox;
use crate::support::models::starter;
use crate::support::pty::{Home, Setup};

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

/// A shell, if it is on this machine.
fn shell(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn script(home: &Sandbox, shell: &str) -> PathBuf {
    let done = home.run(["completions", shell]);
    done.assert_code(0);
    home.write(&format!("completion.{shell}"), done.text())
}

/// What a line becomes in bash when Tab is pressed at its end.
fn in_bash(home: &Sandbox, terminal_home: &Home, line: &str) -> Option<String> {
    let bash = shell("bash")?;
    let script = script(home, "bash");
    let program = PathBuf::from(env!("CARGO_BIN_EXE_hobnob"));
    let folder = program.parent().expect("a folder").display().to_string();
    let mut terminal = Setup::program(bash)
        .home(terminal_home)
        .size(200, 24)
        .arg("--norc")
        .arg("-i")
        .env("PS1", "> ")
        .env("HISTFILE", "/dev/null")
        .env("XDG_CONFIG_HOME", home.path("home/.config"))
        .start();
    terminal.wait_for_text("> ");
    terminal.send(&format!("PATH={folder}:$PATH; source {}; clear; echo rea''dy\r", script.display()));
    terminal.wait_for_text("ready");
    // A key binding of bash shows the line as it is: no guess about how it is drawn.
    terminal.send("show() { printf '\\n<<%s>>\\n' \"$READLINE_LINE\"; }; bind -x '\"\\C-x\\C-o\": show'\r");
    terminal.send(line);
    terminal.send("\t\x18\x0f");
    terminal.wait_for_text(&format!("<<{}", &line[..4]));
    let text = terminal.text();
    let shown = text.lines().filter_map(|row| row.trim_end().strip_prefix("<<")?.strip_suffix(">>")).next_back();
    let shown = shown.map(str::to_owned);
    terminal.send("\x15exit\r");
    terminal.wait_exit();
    shown
}

#[test]
fn bash_completes_commands_options_models_and_files() {
    if shell("bash").is_none() {
        return;
    }
    let (home, terminal_home) = (furnished(), Home::new());
    let file = home.write("form of it.json", "{}").display().to_string();
    let start = file.trim_end_matches(" of it.json");
    for (line, expected) in [
        ("hobnob sea", "hobnob search "),
        ("hobnob run --temperatu", "hobnob run --temperature "),
        ("hobnob run -t hai", "hobnob run -t haiku "),
        ("hobnob run -t haiku --var sea", "hobnob run -t haiku --var season="),
        // A colon and an equals sign begin new words in bash.
        ("hobnob pull qwen3-4b:q4", "hobnob pull qwen3-4b:q4_k_m "),
        ("hobnob run --model=start", "hobnob run --model=starter "),
        ("echo x | hobnob run --color ne", "echo x | hobnob run --color never "),
        (&format!("hobnob run --schema {start}"), &format!("hobnob run --schema {start}\\ of\\ it.json ")),
    ] {
        assert_eq!(in_bash(&home, &terminal_home, line).as_deref(), Some(expected), "{line}");
    }
}

#[test]
fn other_shells_read_their_scripts_where_they_are() {
    let home = Sandbox::new();
    for (name, args) in [("zsh", &["-n"][..]), ("fish", &["--no-execute"])] {
        let Some(program) = shell(name) else { continue };
        let script = script(&home, name);
        let done = Command::new(program).args(args).arg(&script).output().expect("it runs");
        assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
    }
    if let Some(fish) = shell("fish") {
        let line = format!(
            "set PATH {} $PATH; source {}; complete -C 'hobnob sea'",
            PathBuf::from(env!("CARGO_BIN_EXE_hobnob")).parent().expect("a folder").display(),
            script(&home, "fish").display()
        );
        let done = Command::new(fish).args(["--no-config", "-c", &line]).output().expect("it runs");
        assert!(String::from_utf8_lossy(&done.stdout).starts_with("search"), "{done:?}");
    }
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
    if let Some(groff) = shell("groff") {
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
