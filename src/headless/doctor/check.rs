//! One thing that was looked at, and what became of it.

use serde_json::{Value, json};

use crate::error::UserError;

/// How a thing stands, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Ok,
    /// Worth knowing, and nothing to worry about.
    Note,
    /// It works, and could work better.
    Warning,
    /// Something does not work.
    Problem,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }

    pub fn glyph(self, unicode: bool) -> &'static str {
        match (self, unicode) {
            (Self::Ok, true) => "✓",
            (Self::Ok, false) => "+",
            (Self::Note, true) => "·",
            (Self::Note, false) => "-",
            (Self::Warning, _) => "!",
            (Self::Problem, true) => "✗",
            (Self::Problem, false) => "x",
        }
    }

    /// As SGR has it.
    pub fn colour(self) -> &'static str {
        match self {
            Self::Ok => "32",
            Self::Note => "36",
            Self::Warning => "33",
            Self::Problem => "31",
        }
    }
}

/// A line of the report.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Check {
    /// What scripts know it by.
    pub id: &'static str,
    pub verdict: Verdict,
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The same for scripts, in figures.
    pub details: Value,
    /// What a problem makes the program end with.
    pub code: u8,
}

impl Check {
    pub fn new(id: &'static str, verdict: Verdict, message: impl Into<String>) -> Self {
        Self { id, verdict, message: message.into(), hint: None, details: json!({}), code: 1 }
    }

    pub fn ok(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Verdict::Ok, message)
    }

    pub fn note(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Verdict::Note, message)
    }

    pub fn warning(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Verdict::Warning, message)
    }

    /// Something does not work, and this is why.
    pub fn problem(id: &'static str, error: &UserError) -> Self {
        let code = error.kind.exit_code();
        Self { hint: error.hint.clone(), code, ..Self::new(id, Verdict::Problem, &error.message) }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    pub fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "verdict": self.verdict.word(),
            "message": self.message,
            "hint": self.hint,
            "details": self.details,
        })
    }
}
