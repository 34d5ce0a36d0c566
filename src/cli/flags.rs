//! What the command line says about settings: the topmost layer of the configuration.

use clap::Arg;

use crate::cli::{Cli, Command, RunArgs, SessionArgs};
use crate::config::{Kind, SPECS, Value};

/// A setting's key, its value, and the option that says it.
pub type Flag = (&'static str, Value, &'static str);

impl Cli {
    /// Every setting that an option sets. Whether the values are allowed, the configuration knows.
    #[must_use]
    pub fn flags(&self) -> Vec<Flag> {
        let mut flags = Vec::new();
        let mut add = |key, value: Option<Value>, option| flags.extend(value.map(|value| (key, value, option)));
        add("model", self.global.model.clone().map(Value::Text), "--model");
        add("ui.theme", self.theme().map(|theme| Value::Text(theme.to_owned())), "--theme");
        add("offline", self.global.offline.then_some(Value::Bool(true)), "--offline");
        match &self.command {
            Some(Command::Run(run)) => run.flags(&mut add),
            Some(Command::Bench(bench)) => add("engine.context", bench.context.map(Value::Int), "--context"),
            _ => {}
        }
        flags
    }

    /// Which conversation to go on with, said before or after the command.
    #[must_use]
    pub fn session(&self) -> &SessionArgs {
        let own = match &self.command {
            Some(Command::Run(run)) => Some(&run.session),
            Some(Command::Chat(chat)) => Some(&chat.session),
            _ => None,
        };
        own.filter(|session| session.resume || session.id.is_some()).unwrap_or(&self.chat.session)
    }

    /// What the conversation is held as, said before or after the command.
    #[must_use]
    pub fn persona(&self) -> Option<&str> {
        let chat = match &self.command {
            Some(Command::Chat(chat)) => chat.persona.as_deref(),
            _ => None,
        };
        chat.or(self.chat.persona.as_deref())
    }

    fn theme(&self) -> Option<&str> {
        let chat = match &self.command {
            Some(Command::Chat(chat)) => chat.theme.as_deref(),
            _ => None,
        };
        chat.or(self.chat.theme.as_deref())
    }

    /// The interface has no screen of its own, said before or after the command.
    #[must_use]
    pub fn inline(&self) -> bool {
        self.chat.inline || matches!(&self.command, Some(Command::Chat(chat)) if chat.inline)
    }

    /// The system prompt as it was written: text, or `@FILE`.
    #[must_use]
    pub fn system(&self) -> Option<&str> {
        match &self.command {
            Some(Command::Run(run)) => run.system.as_deref(),
            Some(Command::Chat(chat)) => chat.system.as_deref(),
            _ => None,
        }
        .or(self.chat.system.as_deref())
    }
}

/// Says in the help of options that set a number which ones the setting takes.
pub(super) fn with_ranges(mut command: clap::Command) -> clap::Command {
    for name in ["run", "bench"] {
        command = command.mut_subcommand(name, |command| command.mut_args(with_range));
    }
    command
}

fn with_range(arg: Arg) -> Arg {
    let is_its = |key: &str| key.rsplit('.').next() == Some(arg.get_id().as_str());
    let range = SPECS.iter().filter(|spec| is_its(spec.key)).find_map(|spec| match spec.kind {
        Kind::Int { min, max, .. } => Some(format!("{min} to {max}")),
        Kind::Float { min, max, above_min: true, .. } => Some(format!("above {min}, to {max}")),
        Kind::Float { min, max, .. } => Some(format!("{min} to {max}")),
        _ => None,
    });
    match (range, arg.get_help()) {
        (Some(range), Some(help)) => {
            let help = format!("{help} ({range})");
            arg.help(help)
        }
        _ => arg,
    }
}

impl RunArgs {
    fn flags(&self, add: &mut impl FnMut(&'static str, Option<Value>, &'static str)) {
        let thinking = match (self.think, self.no_think) {
            (true, _) => Some(("on", "--think")),
            (_, true) => Some(("off", "--no-think")),
            _ => None,
        };
        add("chat.max_tokens", self.max_tokens.map(Value::Int), "--max-tokens");
        add(
            "chat.thinking",
            thinking.map(|(word, _)| Value::Text(word.into())),
            thinking.map_or("", |(_, option)| option),
        );
        add("sampling.temperature", self.temperature.map(Value::Float), "--temperature");
        add("sampling.top_p", self.top_p.map(Value::Float), "--top-p");
        add("sampling.top_k", self.top_k.map(Value::Int), "--top-k");
        add("sampling.min_p", self.min_p.map(Value::Float), "--min-p");
        add("sampling.repetition_penalty", self.repetition_penalty.map(Value::Float), "--repetition-penalty");
        add("sampling.frequency_penalty", self.frequency_penalty.map(Value::Float), "--frequency-penalty");
        add("sampling.presence_penalty", self.presence_penalty.map(Value::Float), "--presence-penalty");
        add("sampling.dry_multiplier", self.dry_multiplier.map(Value::Float), "--dry-multiplier");
        add("sampling.dry_base", self.dry_base.map(Value::Float), "--dry-base");
        add("sampling.dry_allowed_length", self.dry_allowed_length.map(Value::Int), "--dry-allowed-length");
        add("engine.context", self.context.map(Value::Int), "--context");
        add("engine.share", self.no_share.then_some(Value::Bool(false)), "--no-share");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn flags(args: &[&str]) -> Vec<Flag> {
        Cli::try_parse_from(std::iter::once(&"hobnob").chain(args)).expect("parses").flags()
    }

    #[test]
    fn only_what_was_said_is_a_flag() {
        assert_eq!(flags(&["run", "hi"]), []);
        assert_eq!(
            flags(&["run", "-m", "starter", "--temperature", "0", "--top-k", "5", "--no-think", "hi"]),
            [
                ("model", Value::Text("starter".into()), "--model"),
                ("chat.thinking", Value::Text("off".into()), "--no-think"),
                ("sampling.temperature", Value::Float(0.0), "--temperature"),
                ("sampling.top_k", Value::Int(5), "--top-k"),
            ]
        );
    }

    #[test]
    fn a_bench_takes_a_context_too() {
        assert_eq!(flags(&["bench", "--context", "512"]), [("engine.context", Value::Int(512), "--context")]);
        let lengths = |args: &[&str]| match Cli::try_parse_from(args).map(|cli| cli.command) {
            Ok(Some(Command::Bench(bench))) => bench.prompts,
            other => panic!("not a bench: {other:?}"),
        };
        assert_eq!(lengths(&["hobnob", "bench", "--prompt", "64,256"]), [64, 256]);
        assert!(lengths(&["hobnob", "bench"]).is_empty());
    }

    #[test]
    fn the_help_of_numbers_says_which_there_are() {
        let mut command = crate::cli::command();
        for (name, says) in [
            ("run", "0 is deterministic; higher is more varied (0 to 2)"),
            ("run", "At most so many tokens (1 to 1000000)"),
            ("run", "(above 0, to 1)"),
            ("run", "How fast DRY grows with each token of a sequence (1 to 4)"),
            ("bench", "Context to make room for, in tokens (256 to 1048576)"),
        ] {
            let help = command.find_subcommand_mut(name).expect("a command").render_help().to_string();
            let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(help.contains(says), "{help}");
        }
    }

    #[test]
    fn every_flag_is_a_setting() {
        let all = [
            "-m=x",
            "--offline",
            "--theme=nord",
            "run",
            "--max-tokens=1",
            "--temperature=1",
            "--top-p=1",
            "--top-k=1",
            "--min-p=1",
            "--repetition-penalty=1",
            "--frequency-penalty=1",
            "--presence-penalty=1",
            "--dry-multiplier=1",
            "--dry-base=2",
            "--dry-allowed-length=3",
            "--context=1",
            "--think",
            "--no-share",
        ];
        let flags = flags(&all);
        assert_eq!(flags.len(), all.len() - 1);
        for (key, ..) in flags {
            assert!(crate::config::spec(key).is_some(), "{key}");
        }
    }

    #[test]
    fn the_system_prompt_is_found_before_and_after_the_command() {
        for args in [&["hobnob", "-s", "x"][..], &["hobnob", "chat", "-s", "x"], &["hobnob", "run", "-s", "x", "hi"]] {
            assert_eq!(Cli::try_parse_from(args).expect("parses").system(), Some("x"));
        }
    }
}
