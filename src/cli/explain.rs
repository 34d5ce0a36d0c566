//! What is wrong with a command line, in our own words and shape instead of clap's.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind as Clap};

use crate::cli::Cli;
use crate::config::nearest;
use crate::error::{ErrorKind, UserError};

/// Turns clap's error about these arguments into ours. Help and version are no errors: the caller prints those.
#[must_use]
pub fn explain(error: &clap::Error, args: &[OsString]) -> UserError {
    let get = |kind| error.get(kind).map(plain).filter(|text| !text.is_empty());
    let command = command_of(error).unwrap_or_else(|| command_in(args));
    let look = format!("`{command} --help` shows what there is");
    let arg = get(ContextKind::InvalidArg).map(|arg| arg.split(" <").next().unwrap_or(&arg).to_owned());
    let option = arg.as_deref().unwrap_or("an option");
    let value = get(ContextKind::InvalidValue);
    let usage = |message: String| UserError::new(ErrorKind::Usage, message);
    match error.kind() {
        Clap::UnknownArgument => {
            let what = if option.starts_with('-') { "an option" } else { "an argument" };
            let owner = owner_of(option).filter(|_| command == "hobnob");
            let hint = match (owner, get(ContextKind::SuggestedArg), get(ContextKind::SuggestedSubcommand)) {
                (Some(owner), ..) => format!("it goes behind a command, as in `hobnob {owner} {option}`"),
                (None, Some(near), _) => format!("did you mean `{near}`?"),
                (None, None, Some(command)) => format!("`{option}` belongs to `hobnob {command}`"),
                (None, None, None) if option.starts_with('-') => {
                    format!("{look}; text that begins with a dash goes after `--`")
                }
                (None, None, None) => look,
            };
            usage(format!("`{option}` is not {what} of `{command}`")).hint(hint)
        }
        Clap::InvalidSubcommand => {
            let name = get(ContextKind::InvalidSubcommand).unwrap_or_default();
            let hint = match get(ContextKind::SuggestedSubcommand).or_else(|| nearest_command(&command, &name)) {
                Some(near) => format!("did you mean `{command} {near}`?"),
                None if command == "hobnob" => {
                    "to ask something write `hobnob run \"…\"`; `hobnob --help` lists the commands".into()
                }
                None => look,
            };
            usage(format!("`{name}` is not a command of `{command}`")).hint(hint)
        }
        Clap::InvalidValue => match value {
            None => usage(format!("`{option}` needs a value")).hint(look),
            Some(value) => {
                let near = get(ContextKind::SuggestedValue).map(|near| format!("did you mean `{near}`?"));
                let choices = get(ContextKind::ValidValue).map(|all| format!("it takes one of {all}"));
                usage(format!("`{value}` is not a value of `{option}`")).hint(near.or(choices).unwrap_or(look))
            }
        },
        Clap::ValueValidation => {
            let why = std::error::Error::source(error).map_or_else(|| "it is not valid".into(), why);
            usage(format!("`{}` can't be the value of `{option}`: {why}", value.unwrap_or_default())).hint(look)
        }
        Clap::MissingRequiredArgument => {
            usage(format!("{} is missing after `{command}`", option.trim_end_matches("..."))).hint(look)
        }
        Clap::ArgumentConflict => {
            let message = match get(ContextKind::PriorArg) {
                Some(other) if other == option => format!("`{option}` was given more than once"),
                Some(other) => format!("`{option}` can't be used together with `{other}`"),
                None => format!("`{option}` can't be used here"),
            };
            usage(message).hint("leave one of them out")
        }
        Clap::InvalidUtf8 => usage("an argument is not valid UTF-8".into()).hint("pass binary data as a file"),
        _ => usage(first_line(error)).hint(look),
    }
}

/// The command that the error is about, as it is typed: the words at the front of clap's usage line, where it has one.
fn command_of(error: &clap::Error) -> Option<String> {
    let usage = error.get(ContextKind::Usage).map(plain).unwrap_or_default();
    let words: Vec<&str> = usage
        .trim_start_matches("Usage:")
        .split_whitespace()
        .take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// The command that these arguments name.
fn command_in(args: &[OsString]) -> String {
    let mut command = &Cli::command();
    let mut path = "hobnob".to_owned();
    for word in args.iter().skip(1).filter_map(|arg| arg.to_str()) {
        if let Some(found) = command.find_subcommand(word) {
            command = found;
            path = format!("{path} {word}");
        }
    }
    path
}

/// A command that has this option, `run` before others.
fn owner_of(option: &str) -> Option<String> {
    let root = Cli::command();
    let has = |command: &&clap::Command| {
        command.get_arguments().any(|arg| {
            let is_long = arg.get_long().is_some_and(|long| option.strip_prefix("--") == Some(long));
            is_long
                || arg.get_short().is_some_and(|short| option.strip_prefix('-') == Some(short.encode_utf8(&mut [0; 4])))
        })
    };
    let mut owners: Vec<&str> = root.get_subcommands().filter(has).map(clap::Command::get_name).collect();
    owners.sort_by_key(|name| *name != "run");
    owners.first().map(|name| (*name).to_owned())
}

/// Clap writes ranges of numbers as Rust does, and Rust's library does not say what would be right.
fn why(source: &(dyn std::error::Error + 'static)) -> String {
    if source.is::<std::num::ParseIntError>() {
        return "it is not a whole number".into();
    }
    let text = source.to_string();
    match text.split_once(" is not in ").and_then(|(_, range)| range.split_once("..=")) {
        Some((least, most)) => format!("it must be from {least} to {most}"),
        None => text,
    }
}

/// Clap's measure does not see swapped letters in a short word.
fn nearest_command(path: &str, name: &str) -> Option<String> {
    let mut command = Cli::command();
    for word in path.split(' ').skip(1) {
        command = command.find_subcommand(word)?.clone();
    }
    nearest(name, command.get_subcommands().map(clap::Command::get_name)).map(str::to_owned)
}

fn plain(value: &ContextValue) -> String {
    match value {
        ContextValue::Strings(all) => all.join(", "),
        ContextValue::StyledStr(text) => text.to_string(),
        other => other.to_string(),
    }
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or("the command line is not valid");
    line.trim_start_matches("error: ").trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    #[test]
    fn mistakes_are_named_and_the_nearest_right_thing_too() {
        let cases: &[(&[&str], &str, &str)] = &[
            (
                &["run", "--tempreature", "1"],
                "`--tempreature` is not an option of `hobnob run`",
                "did you mean `--temperature`?",
            ),
            (&["rnu", "hi"], "`rnu` is not a command of `hobnob`", "did you mean `hobnob run`?"),
            (&["modles"], "`modles` is not a command of `hobnob`", "did you mean `hobnob models`?"),
            (&["What is up?"], "`What is up?` is not a command of `hobnob`", "hobnob run"),
            (&["models", "lst"], "`lst` is not a command of `hobnob models`", "did you mean `hobnob models list`?"),
            (&["--color", "sometimes", "run"], "`sometimes` is not a value of `--color`", "auto, always, never"),
            (
                &["run", "--temperature", "warm"],
                "`warm` can't be the value of `--temperature`: it is not a number",
                "`hobnob run --help`",
            ),
            (
                &["bench", "--prompt", "abc"],
                "`abc` can't be the value of `--prompt`: it is not a whole number",
                "`hobnob bench --help`",
            ),
            (&["run", "--max-tokens"], "`--max-tokens` needs a value", "`hobnob run --help`"),
            (&["-m", "x", "bench", "--tokens", "1"], "it must be from 2 to 100000", "`hobnob bench --help`"),
            (&["run", "--json", "--jsonl"], "can't be used together with", "leave one"),
            (&["run", "--think", "--no-think"], "can't be used together with", "leave one"),
            (&["pull"], "MODEL> is missing after `hobnob pull`", "hobnob pull --help"),
            (&["run", "--timeout", "0"], "it must be more than 0", "hobnob"),
            (&["config", "paht"], "`paht` is not a command of `hobnob config`", "hobnob config path"),
        ];
        for (args, message, hint) in cases {
            let args: Vec<OsString> = std::iter::once(&"hobnob").chain(*args).map(OsString::from).collect();
            let error = explain(&Cli::try_parse_from(&args).expect_err("a mistake"), &args);
            assert!(error.message.contains(message), "{args:?}: {}", error.message);
            let said = error.hint.expect("every usage error has a hint");
            assert!(said.contains(hint), "{args:?}: {said}");
            assert!(!error.message.contains('\n') && !said.contains('\n'), "{args:?}: one line each");
        }
    }
}
