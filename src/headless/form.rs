//! The form that an answer is held to, and what to say when it has not got it.

use std::path::PathBuf;

use crate::config::templates;
use crate::domain::{Constraint, FinishReason};
use crate::engine::form;
use crate::error::{ErrorKind, UserError};

/// The form that the answer is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    Schema(PathBuf),
    /// A JSON Schema that stands in something else, and what messages call it.
    InlineSchema {
        text: String,
        name: String,
    },
    Regex(String),
}

/// How an answer ended that has not the form.
pub(super) struct Cut {
    pub reason: FinishReason,
    pub tokens: u32,
    /// The model has reasoned, and come no further.
    pub only_reasoned: bool,
    /// There are texts that end it.
    pub stops: bool,
    /// Tokens that there is room for.
    pub context: u32,
}

impl Form {
    /// The form that a template asks for.
    pub(super) fn of(template: &templates::Template) -> Option<Self> {
        template.form.clone().map(|form| match form {
            templates::Form::Schema(text) => {
                Self::InlineSchema { text, name: format!("the schema of the template `{}`", template.name) }
            }
            templates::Form::SchemaFile(path) => Self::Schema(path),
            templates::Form::Regex(text) => Self::Regex(text),
        })
    }

    pub(super) fn constraint(&self) -> Result<Constraint, UserError> {
        match self {
            Self::Schema(path) => form::schema_file(path),
            Self::InlineSchema { text, name } => form::schema(text, name),
            Self::Regex(text) => form::regex(text),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Schema(path) => format!("`{}`", path.display()),
            Self::InlineSchema { name, .. } => name.clone(),
            Self::Regex(text) => format!("`{text}`"),
        }
    }

    /// Why the answer has not this form, and what to do.
    pub(super) fn missed(&self, cut: &Cut) -> UserError {
        let tokens = cut.tokens;
        let (why, hint) = match cut.reason {
            FinishReason::Length if cut.only_reasoned => (
                format!("the reasoning took all {tokens} tokens"),
                "ask for more with --max-tokens, or for no reasoning with --no-think",
            ),
            FinishReason::Length => {
                (format!("the answer was cut after {tokens} tokens"), "ask for more with --max-tokens")
            }
            FinishReason::Context => (
                format!("the context is full ({} tokens)", cut.context),
                "make more room with --context, or ask for less",
            ),
            FinishReason::Stop if cut.stops => (
                "a --stop text cut the answer".to_owned(),
                "leave out --stop, or choose a text that no such answer holds",
            ),
            _ => ("the answer has come to its end".to_owned(), "say in the prompt what the answer is to look like"),
        };
        UserError::new(ErrorKind::Unsatisfied, format!("{why}: it has not the form of {}", self.name())).hint(hint)
    }
}
