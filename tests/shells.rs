//! The scripts that complete hobnob's command lines, in the shells that they are for: a key is pressed in a real shell in a
//! terminal, and the line is what it becomes there. Bash must be on the machine; of others that are not, the tests say so.
//! PowerShell is not tried.

#[path = "headless/sandbox.rs"]
#[allow(dead_code, reason = "a part of it")]
mod sandbox;
mod support;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sandbox::Sandbox;
use support::pty::{Home, Pty, Setup};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }

    /// Where it is. Without it there is nothing to try, which is said even where tests that pass say nothing.
    fn program(self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").expect("a path");
        let found = std::env::split_paths(&path).map(|folder| folder.join(self.name())).find(|file| file.is_file());
        if found.is_none() {
            assert_ne!(self, Self::Bash, "there is no bash");
            writeln!(std::io::stderr(), "NOT TRIED: {} is not on this machine", self.name()).expect("writes");
        }
        found
    }

    /// Without anything that this machine has set up for it.
    fn plain(self) -> &'static [&'static str] {
        match self {
            Self::Bash => &["--noprofile", "--norc", "-i"],
            Self::Zsh => &["-f", "-i"],
            Self::Fish => &["--no-config", "-i"],
        }
    }

    /// Reads hobnob's script as its users do, and prints the line that is being written as `<<line>>` when it gets a Ctrl-O.
    fn set_up(self, folder: &Path) -> String {
        let folder = folder.display();
        match self {
            Self::Bash => format!(
                "source {folder}/hobnob.bash; bind 'set bell-style none'; \
                 show() {{ printf '\\n<<%s>>\\n' \"$READLINE_LINE\"; }}; bind -x '\"\\C-o\": show'"
            ),
            // From a folder of functions, as packages install it.
            Self::Zsh => format!(
                "fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt beep; \
                 show() {{ print -r -- $'\\n'\"<<$BUFFER>>\" }}; zle -N show; bindkey '^O' show"
            ),
            Self::Fish => format!(
                "source {folder}/hobnob.fish; function show; echo; echo '<<'(commandline)'>>'; end; bind \\co show"
            ),
        }
    }
}

/// A shell at its prompt, with hobnob's script read.
struct Session {
    terminal: Pty,
    /// How many lines were shown.
    shown: usize,
}

impl Session {
    fn start(shell: Shell, home: &Sandbox) -> Option<Self> {
        let program = shell.program()?;
        let scripts = home.path("completions");
        fs::create_dir_all(&scripts).expect("a folder");
        let file = if shell == Shell::Zsh { "_hobnob".to_owned() } else { format!("hobnob.{}", shell.name()) };
        fs::write(scripts.join(file), home.run(["completions", shell.name()]).assert_code(0).text()).expect("writes");
        let hobnob = Path::new(env!("CARGO_BIN_EXE_hobnob")).parent().expect("a folder");
        let path = std::env::join_paths(
            [hobnob.to_owned()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").expect("a path"))),
        );
        let setup = Setup::program(program).home(&Home::new()).size(160, 50);
        let setup = ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "HF_HOME"]
            .into_iter()
            .fold(setup, Setup::without_env)
            .env("HOME", home.path("home"))
            .env("PATH", path.expect("a path"))
            .env("PS1", "> ");
        let setup = shell.plain().iter().fold(setup, |setup, arg| setup.arg(*arg));
        let mut terminal = setup.start();
        terminal.send(&format!("{}; cd {}; echo rea''dy\r", shell.set_up(&scripts), home.path("home/work").display()));
        terminal.wait_for("ready", |screen| screen.contents().lines().any(|line| line.trim() == "ready"));
        // What it was told stands there, too.
        let shown = shown(&terminal.raw()).len();
        Some(Self { terminal, shown })
    }

    /// What a line becomes when Tab is pressed at its end.
    fn complete(&mut self, line: &str) -> String {
        self.terminal.send(line);
        self.terminal.send("\t\x0f");
        let before = self.shown;
        self.terminal.wait_for_raw("the line", |raw| shown(raw).len() > before);
        self.shown += 1;
        let line = shown(&self.terminal.raw()).swap_remove(before);
        // Nothing is left of it for the next one.
        self.terminal.send("\x15");
        line
    }
}

/// All lines that a terminal was shown as `<<line>>`.
fn shown(raw: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(raw);
    text.split("<<").skip(1).filter_map(|rest| Some(rest.split_once(">>")?.0.to_owned())).collect()
}

/// A home that has something of everything, some of it with names that shells read in their own way.
fn furnished() -> Sandbox {
    let home = Sandbox::new();
    let repo = "home/.cache/huggingface/hub/models--org--my-repo";
    let commit = "a".repeat(40);
    home.write(&format!("{repo}/refs/main"), &commit);
    for quant in ["Q4_K_M", "Q8_0"] {
        home.write(&format!("{repo}/snapshots/{commit}/my-repo.{quant}.gguf"), "GGUF");
    }
    home.write("home/work/a model's \"own\" $name.gguf", "GGUF");
    home.write("home/work/form of it.json", "{}");
    home.write("home/work/form:colon.json", "{}");
    home.write("home/work/a folder/file", "");
    home.write(
        "home/.config/hobnob/templates/haiku.toml",
        "description = \"A haiku\"\nprompt = \"{{input}} in {{season}}\"\n",
    );
    home.write("home/.config/hobnob/themes/dusk.toml", "name = \"Dusk\"\ninherits = \"nord\"\n");
    let echo = home.script("");
    home.run(["run", "-m", &echo, "--save", "It's \"the river: $HOME\""]).assert_code(0);
    home
}

/// In each shell the line that is there after Tab, where `…` stands for the id of the only conversation.
const LINES: &[(&str, [&str; 3])] = &[
    // What does not depend on the machine.
    ("hobnob sea", ["hobnob search "; 3]),
    ("hobnob run --temperatu", ["hobnob run --temperature "; 3]),
    ("hobnob run \"a b\" --temperatu", ["hobnob run \"a b\" --temperature "; 3]),
    ("echo x | hobnob run --color ne", ["echo x | hobnob run --color never "; 3]),
    ("A=1 hobnob run --color ne", ["A=1 hobnob run --color never "; 3]),
    ("hobnob completions po", ["hobnob completions powershell "; 3]),
    // What does.
    ("hobnob run -m star", ["hobnob run -m starter "; 3]),
    ("hobnob run --model=star", ["hobnob run --model=starter "; 3]),
    ("hobnob run -m \"star", ["hobnob run -m \"starter\" "; 3]),
    ("hobnob run -t hai", ["hobnob run -t haiku "; 3]),
    ("hobnob run -t haiku --var sea", ["hobnob run -t haiku --var season="; 3]),
    ("hobnob chat --theme du", ["hobnob chat --theme dusk "; 3]),
    ("hobnob sessions show ", ["hobnob sessions show … "; 3]),
    // At a colon, an equals sign and an at sign bash begins a new word.
    ("hobnob run -m org/my-repo:Q4", ["hobnob run -m org/my-repo:Q4_K_M "; 3]),
    ("hobnob run -m org/my-repo:q4", ["hobnob run -m org/my-repo:Q4_K_M "; 3]),
    ("hobnob models show 'org/my-repo:Q8", ["hobnob models show 'org/my-repo:Q8_0' "; 3]),
    ("hobnob pull --model=org/my-repo:Q8", ["hobnob pull --model=org/my-repo:Q8_0 "; 3]),
    (
        "hobnob run -s @form:",
        ["hobnob run -s @form:colon.json", "hobnob run -s @form:colon.json", "hobnob run -s @form:colon.json "],
    ),
    (
        "hobnob run -s @form\\ ",
        [
            "hobnob run -s @form\\ of\\ it.json",
            "hobnob run -s @form\\ of\\ it.json",
            "hobnob run -s @form\\ of\\ it.json ",
        ],
    ),
    (
        "hobnob run -t haiku --var season=@form:",
        [
            "hobnob run -t haiku --var season=@form:colon.json",
            "hobnob run -t haiku --var season=@form:colon.json",
            "hobnob run -t haiku --var season=@form:colon.json ",
        ],
    ),
    // Files and folders are the shell's.
    ("hobnob run --schema form\\ ", ["hobnob run --schema form\\ of\\ it.json "; 3]),
    ("hobnob run --schema 'form o", ["hobnob run --schema 'form of it.json' "; 3]),
    ("hobnob run --schema=form\\ ", ["hobnob run --schema=form\\ of\\ it.json "; 3]),
    ("hobnob run -m ./a\\ m", ["hobnob run -m ./a\\ model\\'s\\ \\\"own\\\"\\ \\$name.gguf "; 3]),
    ("hobnob models import ~/work/form\\ ", ["hobnob models import ~/work/form\\ of\\ it.json "; 3]),
    ("hobnob man --dir a", ["hobnob man --dir a\\ folder/"; 3]),
];

fn lines_in(shell: Shell) {
    let home = furnished();
    let Some(mut session) = Session::start(shell, &home) else { return };
    let id = home.run(["sessions", "--json"]).json()["sessions"][0]["id"].as_str().expect("an id")[..8].to_owned();
    for (line, expected) in LINES {
        let expected = expected[shell as usize].replace('…', &id);
        assert_eq!(session.complete(line), expected, "{line}");
    }
}

#[test]
fn bash_completes_lines() {
    lines_in(Shell::Bash);
}

#[test]
fn zsh_completes_lines() {
    lines_in(Shell::Zsh);
}

#[test]
fn fish_completes_lines() {
    lines_in(Shell::Fish);
}

#[test]
fn zsh_and_fish_say_what_things_are() {
    let home = furnished();
    for shell in [Shell::Zsh, Shell::Fish] {
        let Some(mut session) = Session::start(shell, &home) else { continue };
        session.terminal.send("hobnob run -t \t");
        session.terminal.wait_for_text("A commit message for a diff");
        session.terminal.wait_for_text("A haiku");
        session.terminal.send("\x03");
    }
}

#[test]
fn fish_tells_a_script_what_fits() {
    let Some(fish) = Shell::Fish.program() else { return };
    let home = furnished();
    let script = home.write("hobnob.fish", home.run(["completions", "fish"]).assert_code(0).text());
    let offers = |line: &str| {
        let mut command = Command::new(&fish);
        let ours = home.hobnob([]);
        command.env_clear().envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let hobnob = Path::new(env!("CARGO_BIN_EXE_hobnob")).parent().expect("a folder").display();
        let line = format!("set PATH {hobnob} $PATH; source {}; complete -C '{line}'", script.display());
        let done =
            command.args(["--no-config", "-c", &line]).current_dir(home.path("home/work")).output().expect("runs");
        assert_eq!(String::from_utf8_lossy(&done.stderr), "");
        String::from_utf8(done.stdout).expect("text").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(offers("hobnob run -m star"), ["starter\ta small model to try things with, 98 MB"]);
    assert_eq!(offers("hobnob run -m org/my-repo:Q4"), ["org/my-repo:Q4_K_M\t4 B"]);
    assert_eq!(offers("hobnob models show org/"), ["org/my-repo:Q4_K_M\t4 B", "org/my-repo:Q8_0\t4 B"]);
    let titles = offers("hobnob sessions show ");
    assert!(
        titles.len() == 1 && titles[0].ends_with("\tIt\\'s \"the river: $HOME\"".replace('\\', "").as_str()),
        "{titles:?}"
    );
    assert_eq!(offers("hobnob run --schema form"), ["form of it.json", "form:colon.json"]);
    // Files are no conversations.
    assert_eq!(offers("hobnob sessions show form"), Vec::<String>::new());
}
