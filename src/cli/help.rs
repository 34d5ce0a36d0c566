//! The help of the program itself: its commands by what they are for.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::builder::styling::Style;
use clap::{Command, CommandFactory};

use super::{Cli, flags};

/// What the commands are for. One that is not in here stands under the last.
const GROUPS: &[(&str, &[&str])] = &[
    ("Talk", &["chat", "run", "templates", "sessions"]),
    ("Models", &["search", "pull", "models", "bench"]),
    ("This machine", &["doctor", "config", "warm"]),
    ("Everything else", &[]),
];

/// The command line's definition, with its commands in groups.
#[must_use]
pub fn command() -> Command {
    let command = flags::with_ranges(Cli::command());
    let template = template(&command);
    // The groups are in the template; the list that clap makes of them would be one too many.
    command
        .help_template(template)
        .mut_subcommands(|command| command.hide(true))
        .override_usage("hobnob [OPTIONS] [COMMAND]")
}

/// `hobnob help run` is what many write for `hobnob run --help`.
#[must_use]
pub fn with_help_as_option(mut args: Vec<OsString>) -> Vec<OsString> {
    if args.get(1).is_some_and(|arg| arg == "help") {
        args.remove(1);
        args.push("--help".into());
    }
    args
}

/// The groups, with the commands of each.
pub(super) fn groups(command: &Command) -> Vec<(&'static str, Vec<&Command>)> {
    let grouped = |name: &str| GROUPS.iter().any(|(_, names)| names.contains(&name));
    let all = || command.get_subcommands().filter(|command| !command.is_hide_set());
    let groups = GROUPS.iter().map(|(title, names)| {
        let mut commands: Vec<&Command> =
            names.iter().filter_map(|name| all().find(|command| command.get_name() == *name)).collect();
        if names.is_empty() {
            commands.extend(all().filter(|command| !grouped(command.get_name())));
        }
        (*title, commands)
    });
    groups.filter(|(_, commands)| !commands.is_empty()).collect()
}

fn template(command: &Command) -> String {
    let (heading, literal) = (command.get_styles().get_header(), command.get_styles().get_literal());
    let groups = groups(command);
    let width = groups.iter().flat_map(|(_, commands)| commands).map(|command| command.get_name().len()).max();
    let mut text = String::from("{before-help}{about-with-newline}\n{usage-heading} {usage}\n");
    for (title, commands) in &groups {
        let _ = write!(text, "\n{}\n", styled(heading, &format!("{title}:")));
        for command in commands {
            let name = format!("{:width$}", command.get_name(), width = width.unwrap_or_default());
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {}  {}", styled(literal, &name), about.replace(['{', '}'], ""));
        }
    }
    text.push_str("\n{all-args}{after-help}");
    text
}

fn styled(style: &Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_one_group_and_every_group_names_commands_that_are() {
        let command = Cli::command();
        let names: Vec<&str> =
            groups(&command).into_iter().flat_map(|(_, commands)| commands).map(Command::get_name).collect();
        assert_eq!(names.len(), command.get_subcommands().count());
        for (_, grouped) in GROUPS {
            assert!(grouped.iter().all(|name| names.contains(name)), "{grouped:?}");
        }
    }

    #[test]
    fn the_help_has_groups_options_and_examples() {
        let help = super::command().render_help().to_string();
        for part in ["Talk:\n", "Models:\n", "\n  run ", "Options for every command:", "Examples:", "--model"] {
            assert!(help.contains(part), "{part} is not in\n{help}");
        }
    }
}
