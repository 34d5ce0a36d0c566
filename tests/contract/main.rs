//! What scripts rely on, in tables, through the real binary: exit codes, what is on which stream, where input comes from and
//! output goes to, signals in every phase, and homes in which nothing can be written.

mod codes;
mod inputs;
mod outputs;
mod places;
#[path = "../headless/sandbox.rs"]
#[allow(dead_code, reason = "a part of it")]
mod sandbox;
mod signals;
#[path = "../support/mod.rs"]
mod support;
mod terminals;

/// "w1 w2 w3 …", twenty a second, more than any test waits for.
fn slow_answer(extra: &str) -> String {
    let words: Vec<String> = (1..=4000).map(|n| format!("w{n}")).collect();
    format!("[[reply]]\ntext = \"{}\"\ntokens_per_second = 20.0\n{extra}", words.join(" "))
}

/// As `sh` has it between single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A command of the shell with hobnob's environment. `$hobnob` in it is the binary.
fn shell(home: &sandbox::Sandbox, line: &str) -> std::process::Command {
    let inner = home.hobnob([]);
    let mut command = std::process::Command::new("bash");
    command.arg("-c").arg(line).env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("hobnob", inner.get_program()).current_dir(home.path(""));
    command.stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    command
}
