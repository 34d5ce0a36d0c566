//! Stderr: what is said to the person while stdout carries the data.

use std::io::{self, IsTerminal, Write};

use crate::domain::fit::Verdict;
use crate::error::UserError;
use crate::text::sanitize;

/// One of the two outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stream {
    /// Somebody watches: a line may be redrawn, a table may be laid out.
    pub terminal: bool,
    pub colour: bool,
}

/// How to talk to whoever runs this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Console {
    pub out: Stream,
    pub err: Stream,
    /// No progress and no warnings.
    pub quiet: bool,
}

impl Console {
    /// Looks at the two streams; `colour` is what the person said about colours, if anything.
    #[must_use]
    pub fn detect(colour: Option<bool>) -> Self {
        let plain = Self::plain();
        let stream = |terminal: bool| Stream { terminal, colour: colour.unwrap_or(terminal && !plain) };
        let (out, mut err) = (stream(io::stdout().is_terminal()), stream(io::stderr().is_terminal()));
        // A dumb terminal can't take a line back, and nobody watches what is run for others.
        err.terminal &= !is_dumb() && !is_ci();
        Self { out, err, quiet: false }
    }

    /// The environment wants no colours.
    #[must_use]
    pub fn plain() -> bool {
        is_dumb() || is_ci() || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
    }

    /// How wide a line on stdout can be.
    #[must_use]
    pub fn columns(self) -> usize {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
        size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0).unwrap_or(80)
    }

    /// `error: …` and `hint: …`.
    pub fn error(self, error: &UserError) {
        self.labelled("error", "1;31", &error.message);
        if let Some(hint) = &error.hint {
            self.labelled("hint", "1;36", hint);
        }
    }

    /// `warning: …` and `hint: …`, unless quiet.
    pub fn warning(self, message: &str, hint: Option<&str>) {
        if self.quiet {
            return;
        }
        self.labelled("warning", "1;33", message);
        if let Some(hint) = hint {
            self.labelled("hint", "1;36", hint);
        }
    }

    /// A plain line about what is going on, unless quiet.
    pub fn note(self, text: &str) {
        if !self.quiet {
            self.line(text);
        }
    }

    /// A plain line that was asked for.
    pub fn line(self, text: &str) {
        say(&format!("{}\n", sanitize(text)));
    }

    fn labelled(self, label: &str, colour: &str, text: &str) {
        // It is one line whatever stands in it, like the name of a file.
        let text = sanitize(text).replace('\n', " ");
        if self.err.colour {
            say(&format!("\x1b[{colour}m{label}:\x1b[0m {text}\n"));
        } else {
            say(&format!("{label}: {text}\n"));
        }
    }

    /// A verdict with its colour, on stdout.
    #[must_use]
    pub fn verdict(self, verdict: Verdict) -> String {
        let colour = match verdict {
            Verdict::Fits => "32",
            Verdict::Tight => "33",
            Verdict::TooLarge => "31",
        };
        self.paint(verdict.label(), colour)
    }

    /// `text` in an SGR colour where stdout may be coloured.
    #[must_use]
    pub fn paint(self, text: &str, colour: &str) -> String {
        if self.out.colour { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

/// Continuous integration: what is printed becomes a log.
fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// Writes to stderr. That nobody reads it is no reason to stop.
pub(super) fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
