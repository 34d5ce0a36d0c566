//! Completion of a command line, from the same definitions that read it. What only this machine knows (models,
//! conversations, templates) is named here and looked up by whoever prints it.

use clap::{Arg, ArgAction, Command, CommandFactory};

use crate::cli::Cli;
use crate::domain::completion::{Candidate, Completion, Values};

pub use crate::domain::completion::bash::{Line, split};

/// What stands for a value in the help, and what values those are. Every one is in here, so that none is forgotten.
const VALUES: &[(&str, Values)] = &[
    ("MODEL", Values::Models),
    ("MODEL[:QUANT]", Values::ModelsHere),
    ("ID", Values::Sessions),
    ("TEMPLATE", Values::Templates),
    ("NAME=VALUE|NAME=@FILE", Values::Variables(None)),
    ("THEME", Values::Themes),
    ("PERSONA", Values::Personas),
    ("FILE", Values::Files),
    ("FILE|-", Values::Files),
    ("PATH", Values::Files),
    ("DIR", Values::Folders),
    ("TEXT|@FILE", Values::TextOrFile),
    ("COMMAND", Values::None),
    ("PROMPT", Values::None),
    ("QUERY", Values::None),
    ("TEXT", Values::None),
    ("NAME", Values::None),
    ("LICENCE", Values::None),
    ("RE", Values::None),
    ("N", Values::None),
    ("N,N", Values::None),
    ("T", Values::None),
    ("P", Values::None),
    ("R", Values::None),
    ("F", Values::None),
    ("SECS", Values::None),
    ("TIME", Values::None),
    ("SPEED", Values::None),
];

/// What may stand in place of the last of `words`; the first is the program.
#[must_use]
pub fn complete(words: &[String]) -> Completion {
    let mut root = Cli::command();
    root.build();
    let Some((current, before)) = words.split_last() else { return Completion::default() };
    let mut place = Place::new(&root);
    for word in before.iter().skip(1) {
        place.pass(word);
    }
    place.here(current)
}

/// Where on the command line somebody is.
struct Place<'a> {
    command: &'a Command,
    /// Of the manual: the command whose page is wanted, as far as it was written.
    page: &'a Command,
    /// Names of the commands so far.
    path: Vec<&'a str>,
    /// Arguments without a name that were given.
    positionals: usize,
    /// An option that has yet to get its value.
    open: Option<&'a Arg>,
    /// Behind `--` nothing is an option.
    plain: bool,
    given: Vec<&'a Arg>,
    template: Option<String>,
}

impl<'a> Place<'a> {
    fn new(root: &'a Command) -> Self {
        let (path, given) = (Vec::new(), Vec::new());
        Self { page: root, command: root, path, positionals: 0, open: None, plain: false, given, template: None }
    }

    /// Goes past a word.
    fn pass(&mut self, word: &str) {
        if let Some(arg) = self.open.take() {
            return self.value(arg, word);
        }
        match word {
            "--" if !self.plain => self.plain = true,
            _ if self.plain => self.positionals += 1,
            _ if word.starts_with("--") => {
                let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
                let Some(arg) = self.long(name) else { return };
                self.given.push(arg);
                match value {
                    Some(value) => self.value(arg, value),
                    None if takes_value(arg) => self.open = Some(arg),
                    None => {}
                }
            }
            _ if word.starts_with('-') && word.len() > 1 => {
                for (at, letter) in word.char_indices().skip(1) {
                    let Some(arg) = self.short(letter) else { return };
                    self.given.push(arg);
                    if takes_value(arg) {
                        match &word[at + letter.len_utf8()..] {
                            "" => self.open = Some(arg),
                            value => self.value(arg, value),
                        }
                        return;
                    }
                }
            }
            _ => match self.command.find_subcommand(word) {
                Some(command) if self.positionals == 0 => {
                    self.command = command;
                    self.path.push(command.get_name());
                }
                _ => {
                    self.page = self.page.find_subcommand(word).unwrap_or(self.page);
                    self.positionals += 1;
                }
            },
        }
    }

    fn value(&mut self, arg: &Arg, value: &str) {
        if arg.get_id() == "template" {
            self.template = Some(value.to_owned());
        }
    }

    fn long(&self, name: &str) -> Option<&'a Arg> {
        let name = name.trim_start_matches('-');
        let is_called = |arg: &&Arg| {
            arg.get_long() == Some(name) || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
        };
        self.command.get_arguments().find(is_called)
    }

    fn short(&self, letter: char) -> Option<&'a Arg> {
        self.command.get_arguments().find(|arg| arg.get_short() == Some(letter))
    }

    /// What may stand here in place of `current`.
    fn here(&self, current: &str) -> Completion {
        if let Some(arg) = self.open {
            return self.values(arg, "", current);
        }
        if !self.plain && current.starts_with("--") {
            if let Some((name, typed)) = current.split_once('=') {
                let Some(arg) = self.long(name) else { return Completion::default() };
                return self.values(arg, &format!("{name}="), typed);
            }
            return self.options(current);
        }
        if !self.plain && current.starts_with('-') {
            let letter = current.chars().nth(1);
            return match letter.and_then(|letter| Some((letter, self.short(letter)?))) {
                // `-mstarter`.
                Some((letter, arg)) if takes_value(arg) && current.len() > 1 + letter.len_utf8() => {
                    let (before, typed) = current.split_at(1 + letter.len_utf8());
                    self.values(arg, before, typed)
                }
                _ => self.options(current),
            };
        }
        let mut found = match self.positional() {
            // Of the manual: a command is what its pages are called.
            Some(arg) if arg.get_id() == "command" => {
                return Completion {
                    candidates: commands(self.page, current),
                    typed: current.to_owned(),
                    ..Completion::default()
                };
            }
            Some(arg) => self.values(arg, "", current),
            None => Completion { typed: current.to_owned(), ..Completion::default() },
        };
        if self.positionals == 0 && !self.plain {
            found.candidates.extend(commands(self.command, current));
        }
        found
    }

    fn positional(&self) -> Option<&'a Arg> {
        let all: Vec<&Arg> = self.command.get_positionals().collect();
        let several = |arg: &&Arg| arg.get_num_args().is_some_and(|count| count.max_values() > 1);
        all.get(self.positionals).copied().or_else(|| all.last().copied().filter(several))
    }

    fn options(&self, typed: &str) -> Completion {
        let offered = self.command.get_arguments().filter(|arg| {
            let again = matches!(arg.get_action(), ArgAction::Append | ArgAction::Count);
            !arg.is_hide_set() && (again || !self.given.iter().any(|given| given.get_id() == arg.get_id()))
        });
        let named = offered.filter_map(|arg| Some(candidate(&format!("--{}", arg.get_long()?), arg.get_help())));
        let mut candidates: Vec<Candidate> = named.filter(|candidate| candidate.value.starts_with(typed)).collect();
        candidates.sort();
        Completion { candidates, typed: typed.to_owned(), ..Completion::default() }
    }

    fn values(&self, arg: &Arg, before: &str, typed: &str) -> Completion {
        let possible = arg.get_possible_values();
        let fits = |name: &str| name.to_lowercase().starts_with(&typed.to_lowercase());
        let candidates = possible
            .iter()
            .filter(|value| !value.is_hide_set() && fits(value.get_name()))
            .map(|value| candidate(value.get_name(), value.get_help()))
            .collect();
        let values = if possible.is_empty() { self.kind(arg) } else { Values::None };
        Completion { candidates, values, before: before.to_owned(), typed: typed.to_owned() }
    }

    fn kind(&self, arg: &Arg) -> Values {
        let name = arg.get_value_names().and_then(|names| names.first());
        let known = VALUES.iter().find(|(known, _)| name.is_some_and(|name| name.as_str() == *known));
        match (known.map(|(_, values)| values.clone()).unwrap_or_default(), self.path.first().copied()) {
            (Values::Models, Some("models")) => Values::ModelsHere,
            (Values::Models, Some("pull")) if arg.is_positional() => Values::ModelsToPull,
            (Values::Variables(_), _) => Values::Variables(self.template.clone()),
            (values, _) => values,
        }
    }
}

fn commands(of: &Command, typed: &str) -> Vec<Candidate> {
    let shown = of.get_subcommands().filter(|command| !command.is_hide_set());
    let fitting = shown.filter(|command| command.get_name().starts_with(typed));
    fitting.map(|command| candidate(command.get_name(), command.get_about())).collect()
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

/// A shell shows one line for each: of a help text its first.
fn candidate(value: &str, about: Option<&clap::builder::StyledStr>) -> Candidate {
    let about = about.map(ToString::to_string).unwrap_or_default();
    Candidate { value: value.to_owned(), about: about.lines().next().unwrap_or_default().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: &str) -> Completion {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        complete(&words)
    }

    fn names(line: &str) -> Vec<String> {
        at(line).candidates.into_iter().map(|candidate| candidate.value).collect()
    }

    #[test]
    fn every_value_that_can_be_given_is_known() {
        fn walk(command: &Command) {
            for arg in command.get_arguments().filter(|arg| takes_value(arg) && arg.get_possible_values().is_empty()) {
                let name = arg.get_value_names().and_then(|names| names.first()).map(clap::builder::Str::as_str);
                let known = VALUES.iter().any(|(known, _)| name == Some(known));
                assert!(known, "{:?} of `{}` has no place in VALUES", name, command.get_name());
            }
            command.get_subcommands().for_each(walk);
        }
        let mut root = Cli::command();
        root.build();
        walk(&root);
    }

    #[test]
    fn commands_and_their_own() {
        assert!(names("hobnob ").iter().any(|name| name == "run"));
        assert_eq!(names("hobnob sea"), ["search"]);
        assert_eq!(names("hobnob models ver"), ["verify"]);
        assert_eq!(names("hobnob -m x --offline mod"), ["models"]);
        assert_eq!(names("hobnob run sea"), Vec::<String>::new());
        assert_eq!(names("hobnob man mod"), ["models"]);
        assert_eq!(names("hobnob man models ver"), ["verify"]);
        assert_eq!(names("hobnob config "), ["path", "show", "check"]);
    }

    #[test]
    fn options_that_were_given_are_not_offered_again() {
        assert_eq!(names("hobnob run --tem"), ["--temperature", "--template"]);
        assert_eq!(names("hobnob run --temperature 0 --tem"), ["--template"]);
        assert_eq!(names("hobnob run --file x --fil"), ["--file"]);
        assert!(names("hobnob run -").contains(&"--model".to_owned()), "those for every command too");
        assert_eq!(names("hobnob run -- --tem"), Vec::<String>::new());
    }

    #[test]
    fn values_by_what_they_are() {
        for (line, before, typed, values) in [
            ("hobnob run -m ", "", "", Values::Models),
            ("hobnob run --model sta", "", "sta", Values::Models),
            ("hobnob run --model=sta", "--model=", "sta", Values::Models),
            ("hobnob run -msta", "-m", "sta", Values::Models),
            ("hobnob -qm x run ", "", "", Values::None),
            ("hobnob pull a b ", "", "", Values::ModelsToPull),
            ("hobnob pull -m ", "", "", Values::Models),
            ("hobnob models show ", "", "", Values::ModelsHere),
            ("hobnob sessions rm a ", "", "", Values::Sessions),
            ("hobnob run --session ", "", "", Values::Sessions),
            ("hobnob run -t tr", "", "tr", Values::Templates),
            ("hobnob run -t x --var ", "", "", Values::Variables(Some("x".into()))),
            ("hobnob run -tx --var t", "", "t", Values::Variables(Some("x".into()))),
            ("hobnob run --schema ", "", "", Values::Files),
            ("hobnob run -s @a", "", "@a", Values::TextOrFile),
            ("hobnob run --max-tokens ", "", "", Values::None),
            ("hobnob run why ", "", "", Values::None),
        ] {
            let found = at(line);
            assert_eq!((found.before.as_str(), found.typed.as_str(), found.values), (before, typed, values), "{line}");
        }
        assert_eq!(names("hobnob --color n"), ["never"]);
        assert_eq!(names("hobnob --color=n"), ["never"]);
        assert_eq!(names("hobnob sessions export --format "), ["markdown", "json", "html"]);
        assert_eq!(names("hobnob run --color=auto --unknown "), Vec::<String>::new());
    }
}
