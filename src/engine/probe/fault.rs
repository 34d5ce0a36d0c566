//! Why a file is turned away, before it is put into words for a person.

use std::fmt::Write as _;
use std::path::Path;

use crate::error::{ErrorKind, UserError};

/// What to do about a file that does not hold what it should. Whether it came like that only `verify` can tell.
pub(in crate::engine) const GET_ANOTHER: &str = "`hobnob models verify MODEL` tells whether a file of the Hub came like that, \
     and gets it again with --repair; else choose another one";

pub(super) type Found<T> = Result<T, Fault>;

/// What is wrong with a file; the file's name is added by whoever knows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fault {
    /// It does not hold what it says it holds.
    Broken(String),
    /// It is whole, and the engine can't run it.
    Unsupported { reason: String, hint: String },
    /// There is nothing to read.
    Missing { reason: String, hint: String },
}

impl Fault {
    pub fn broken(reason: impl Into<String>) -> Self {
        Self::Broken(reason.into())
    }

    pub fn unsupported(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Unsupported { reason: reason.into(), hint: hint.into() }
    }

    pub fn missing(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Missing { reason: reason.into(), hint: hint.into() }
    }

    /// The same about a file that belongs to the one that was asked for.
    pub fn inside(self, file: &str) -> Self {
        match self {
            Self::Broken(reason) => Self::Broken(format!("{file}: {reason}")),
            Self::Unsupported { reason, hint } => Self::Unsupported { reason: format!("{file}: {reason}"), hint },
            Self::Missing { reason, hint } => Self::Missing { reason: format!("{file}: {reason}"), hint },
        }
    }

    /// In words, about `path`.
    pub fn about(self, path: &Path) -> UserError {
        let name = readable(&path.to_string_lossy());
        let (kind, message, hint) = match self {
            Self::Broken(reason) => {
                (ErrorKind::ModelBroken, format!("{name} is broken: {reason}"), GET_ANOTHER.to_owned())
            }
            Self::Unsupported { reason, hint } => {
                (ErrorKind::ModelUnsupported, format!("{name} can't be run by this engine: {reason}"), hint)
            }
            Self::Missing { reason, hint } => {
                (ErrorKind::ModelNotFound, format!("{name} can't be read: {reason}"), hint)
            }
        };
        UserError::new(kind, message).hint(hint)
    }
}

/// Words out of a file, short and harmless enough to stand in a message.
pub(super) fn quote(text: &str) -> String {
    format!("`{}`", readable(text))
}

/// The text without control characters, and shortened in its middle.
fn readable(text: &str) -> String {
    const ENDS: usize = 120;
    let count = text.chars().count();
    let mut out = String::new();
    for (at, c) in text.chars().enumerate() {
        if count > 2 * ENDS && (ENDS..count - ENDS).contains(&at) {
            if at == ENDS {
                out.push('…');
            }
        } else if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}
