//! The manual, made from the command line's own definitions.

use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command, CommandFactory};

use super::{Cli, flags, help};
use crate::config::nearest;
use crate::error::{ErrorKind, UserError};

/// What the main page says besides.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("HOBNOB_CONFIG", "The config file, in place of the usual one."),
    ("HOBNOB_MODEL", "The model, as with --model."),
    ("HOBNOB_DATA_DIR", "The folder for conversations and measurements."),
    ("HOBNOB_LOG", "What goes to the log, as a filter: `debug`, `hub=trace`."),
    ("HF_HOME, HF_HUB_CACHE", "Where models are kept: the cache of the Hugging Face client, which hobnob shares."),
    ("HF_TOKEN, HF_TOKEN_PATH", "The token for the Hugging Face Hub."),
    ("HF_ENDPOINT, HF_HUB_OFFLINE", "The Hub's address; whether it may be asked at all."),
    ("NO_COLOR, TERM, CI", "No colours with NO_COLOR, on a dumb terminal, and in CI; there no bars, either."),
    ("VISUAL, EDITOR", "The editor for long messages."),
    ("XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME", "Where settings, data and logs are, on macOS too."),
];

/// A page of the manual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// `hobnob-run.1`.
    pub file: String,
    pub source: String,
}

/// The page of a command by its words; the main page by none.
///
/// # Errors
/// There is no such command, with the nearest.
pub fn page(words: &[String]) -> Result<Page, UserError> {
    let root = built();
    let (mut command, mut path) = (&root, String::from("hobnob"));
    for word in words {
        command = command.find_subcommand(word).ok_or_else(|| {
            let error = UserError::new(ErrorKind::Usage, format!("`{word}` is not a command of `{path}`"));
            match nearest(word, command.get_subcommands().map(Command::get_name)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("`{path} --help` lists the commands")),
            }
        })?;
        let _ = write!(path, " {}", command.get_name());
    }
    Ok(written(command, &path))
}

/// All pages, the main one first.
#[must_use]
pub fn pages() -> Vec<Page> {
    fn walk(command: &Command, path: &str, pages: &mut Vec<Page>) {
        pages.push(written(command, path));
        for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
            walk(command, &format!("{path} {}", command.get_name()), pages);
        }
    }
    let mut pages = Vec::new();
    walk(&built(), "hobnob", &mut pages);
    pages
}

fn built() -> Command {
    let mut root = flags::with_ranges(Cli::command());
    root.build();
    root
}

fn written(command: &Command, path: &str) -> Page {
    let name = path.replace(' ', "-");
    let mut roff = Roff::default();
    let version = env!("CARGO_PKG_VERSION");
    let _ = writeln!(roff.0, ".TH \"{}\" \"1\" \"\" \"hobnob {version}\" \"hobnob\"", name.to_uppercase());
    // Commands are copied out of a manual: no hyphen that only looks like one, no line broken inside a word.
    roff.line(".nh");
    roff.section("NAME");
    roff.text(&format!("{name} \\- {}", escape(&plain(command.get_about()))), false);
    roff.section("SYNOPSIS");
    roff.text(&plain(Some(&command.clone().render_usage())).replacen("Usage: ", "", 1), true);
    roff.section("DESCRIPTION");
    roff.paragraphs(&plain(command.get_long_about().or(command.get_about())), ".PP");
    roff.commands(command, path);
    roff.options(command);
    roff.rest(&plain(command.get_after_long_help().or(command.get_after_help())));
    if path == "hobnob" {
        roff.section("ENVIRONMENT");
        for (names, about) in ENVIRONMENT {
            roff.item(&format!("\\fB{}\\fR", escape(names)), about);
        }
        roff.section("FILES");
        roff.text(
            "`hobnob config path` prints where the settings are. Templates and themes have folders beside that file.",
            true,
        );
    }
    roff.see_also(command, path);
    Page { file: format!("{name}.1"), source: roff.0 }
}

/// A page on its way.
#[derive(Default)]
struct Roff(String);

impl Roff {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn section(&mut self, title: &str) {
        self.line(&format!(".SH \"{}\"", escape(&title.to_uppercase())));
    }

    /// Lines of text; `raw` ones are not escaped yet.
    fn text(&mut self, text: &str, raw: bool) {
        for line in text.lines() {
            let line = if raw { escape(line) } else { line.to_owned() };
            // A dot at the beginning would be a command.
            let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
            self.line(&format!("{guard}{line}"));
        }
    }

    /// `between` is what begins each paragraph but the first.
    fn paragraphs(&mut self, text: &str, between: &str) {
        for (index, paragraph) in text.split("\n\n").enumerate() {
            if index > 0 {
                self.line(between);
            }
            self.text(paragraph, true);
        }
    }

    fn item(&mut self, title: &str, about: &str) {
        self.line(".TP");
        self.line(title);
        // Indented as the first.
        self.paragraphs(about, ".IP");
    }

    fn commands(&mut self, command: &Command, path: &str) {
        let groups = match path {
            "hobnob" => help::groups(command),
            _ => vec![("", command.get_subcommands().filter(|command| !command.is_hide_set()).collect())],
        };
        if groups.iter().all(|(_, commands)| commands.is_empty()) {
            return;
        }
        self.section("COMMANDS");
        for (title, commands) in groups {
            if !title.is_empty() {
                self.line(&format!(".SS \"{}\"", escape(title)));
            }
            for command in commands {
                self.item(&format!("\\fB{}\\fR", escape(command.get_name())), &plain(command.get_about()));
            }
        }
    }

    /// Under the headings that the help has.
    fn options(&mut self, command: &Command) {
        let mut groups: Vec<(&str, Vec<&Arg>)> = Vec::new();
        for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
            let heading = match arg.get_help_heading() {
                Some(heading) => heading,
                None if arg.is_positional() => "Arguments",
                None => "Options",
            };
            match groups.iter_mut().find(|(there, _)| *there == heading) {
                Some((_, args)) => args.push(arg),
                None => groups.push((heading, vec![arg])),
            }
        }
        for (heading, args) in groups {
            self.section(heading);
            for arg in args {
                self.item(&title(arg), &about(arg));
            }
        }
    }

    /// What stands behind the help: examples and exit codes under their own titles.
    fn rest(&mut self, text: &str) {
        let mut open = false;
        for line in text.lines() {
            let is_title = line.ends_with(':') && !line.starts_with(' ') && line.len() < 24;
            let is_example = line.starts_with("  ");
            if open && !is_example {
                self.line(".fi");
                open = false;
            }
            if is_title {
                self.section(line.trim_end_matches(':'));
            } else if is_example {
                if !open {
                    self.line(".nf");
                    open = true;
                }
                self.text(line.trim_start_matches("  "), true);
            } else if line.is_empty() {
                self.line(".PP");
            } else {
                self.text(line, true);
            }
        }
        if open {
            self.line(".fi");
        }
    }

    fn see_also(&mut self, command: &Command, path: &str) {
        let mut names: Vec<String> = Vec::new();
        if let Some((above, _)) = path.rsplit_once(' ') {
            names.push(above.to_owned());
        }
        let below = command.get_subcommands().filter(|command| !command.is_hide_set());
        names.extend(below.map(|command| format!("{path} {}", command.get_name())));
        if names.is_empty() {
            return;
        }
        self.section("SEE ALSO");
        let all: Vec<String> =
            names.iter().map(|name| format!("\\fB{}\\fR(1)", escape(&name.replace(' ', "-")))).collect();
        self.text(&all.join(", "), false);
    }
}

/// `-m, --model MODEL`.
fn title(arg: &Arg) -> String {
    let bold = |text: String| format!("\\fB{}\\fR", escape(&text));
    let mut names: Vec<String> = Vec::new();
    names.extend(arg.get_short().map(|short| bold(format!("-{short}"))));
    names.extend(arg.get_long().map(|long| bold(format!("--{long}"))));
    let mut title = names.join(", ");
    if arg.get_action().takes_values() {
        let values = arg.get_value_names().unwrap_or_default();
        let values: Vec<String> = values.iter().map(|value| format!("\\fI{}\\fR", escape(value))).collect();
        let space = if title.is_empty() { "" } else { " " };
        let _ = write!(title, "{space}{}", values.join(" "));
        let several = arg.is_positional() && arg.get_num_args().is_some_and(|count| count.max_values() > 1);
        if several || matches!(arg.get_action(), ArgAction::Append) {
            title.push_str("...");
        }
    }
    title
}

fn about(arg: &Arg) -> String {
    let mut text = plain(arg.get_long_help().or(arg.get_help()));
    let hidden = arg.is_hide_possible_values_set();
    let values: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| value.get_name().to_owned())
        .collect();
    if arg.get_action().takes_values() && !hidden && !values.is_empty() {
        let _ = write!(text, "\n\nOne of {}.", values.join(", "));
    }
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if arg.get_action().takes_values() && !defaults.is_empty() {
        let _ = write!(text, "\n\nWithout it: {}.", defaults.join(", "));
    }
    text
}

fn plain(text: Option<&StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

/// Text as every roff takes it, whatever the locale: a backslash is one, and so is a minus.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '\'' => out.push_str("\\(aq"),
            '`' => out.push_str("\\(ga"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            '"' => out.push_str("\\(dq"),
            c if !c.is_ascii() => {
                let _ = write!(out, "\\[u{:04X}]", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_page_for_every_command() {
        let pages = pages();
        let files: Vec<&str> = pages.iter().map(|page| page.file.as_str()).collect();
        assert_eq!(files[0], "hobnob.1");
        for file in ["hobnob-run.1", "hobnob-models-verify.1", "hobnob-sessions-export.1", "hobnob-man.1"] {
            assert!(files.contains(&file), "{file} is not in {files:?}");
        }
        for page in &pages {
            for section in [".SH \"NAME\"", ".SH \"SYNOPSIS\"", ".SH \"DESCRIPTION\""] {
                assert!(page.source.contains(section), "{}: {section}", page.file);
            }
            assert!(!page.source.contains('\x1b'), "{} has colours in it", page.file);
        }
    }

    #[test]
    fn a_page_has_all_that_the_help_has() {
        let run = page(&["run".to_owned()]).expect("a page");
        for part in [
            ".TH \"HOBNOB-RUN\" \"1\"",
            ".SH \"SAMPLING\"",
            ".SH \"EXAMPLES\"",
            ".SH \"EXIT CODES\"",
            "\\fB\\-m\\fR, \\fB\\-\\-model\\fR \\fIMODEL\\fR",
            "\\fB\\-\\-batch\\fR",
            "\\fBhobnob\\fR(1)",
        ] {
            assert!(run.source.contains(part), "{part} is not in\n{}", run.source);
        }
        let main = page(&[]).expect("a page");
        assert!(main.source.contains(".SS \"Models\"") && main.source.contains("HOBNOB_MODEL"));
    }

    #[test]
    fn a_command_that_is_none_is_an_error_with_the_nearest() {
        let error = page(&["rnu".to_owned()]).expect_err("none");
        assert_eq!(error.hint.as_deref(), Some("did you mean `run`?"));
        let error = page(&["models".to_owned(), "shwo".to_owned()]).expect_err("none");
        assert_eq!(
            (error.message.as_str(), error.hint.as_deref()),
            ("`shwo` is not a command of `hobnob models`", Some("did you mean `show`?"))
        );
    }

    #[test]
    fn nothing_at_the_beginning_of_a_line_is_a_command_by_chance() {
        let mut roff = Roff::default();
        roff.text(".dot\n'quote\n\\back -x", true);
        assert_eq!(roff.0, "\\&.dot\n\\(aqquote\n\\eback \\-x\n");
    }
}
