//! What goes wrong, in words for the person it happens to, and the exit code it means for a script.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

/// The kinds that outsiders can tell apart: by exit code, and by `kind` in `--json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// A bug: the log knows more.
    Unexpected,
    Usage,
    Config,
    ModelNotFound,
    ModelUnsupported,
    ModelBroken,
    LoadFailed,
    Network,
    Unauthorised,
    RateLimited,
    Checksum,
    Disk,
    Generation,
    ContextFull,
    /// The answer ended before it had the form that was asked for.
    Unsatisfied,
    Timeout,
    Cancelled,
}

impl ErrorKind {
    /// The exit code of contract.md.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Unexpected | Self::Disk => 1,
            Self::Usage | Self::Config => 2,
            Self::ModelNotFound | Self::ModelUnsupported | Self::ModelBroken | Self::LoadFailed => 3,
            Self::Network | Self::Unauthorised | Self::RateLimited | Self::Checksum => 4,
            Self::Generation | Self::ContextFull => 5,
            Self::Unsatisfied => 6,
            Self::Timeout => 7,
            Self::Cancelled => 130,
        }
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unexpected => "unexpected",
            Self::Usage => "usage",
            Self::Config => "config",
            Self::ModelNotFound => "model_not_found",
            Self::ModelUnsupported => "model_unsupported",
            Self::ModelBroken => "model_broken",
            Self::LoadFailed => "load_failed",
            Self::Network => "network",
            Self::Unauthorised => "unauthorised",
            Self::RateLimited => "rate_limited",
            Self::Checksum => "checksum",
            Self::Disk => "disk",
            Self::Generation => "generation",
            Self::ContextFull => "context_full",
            Self::Unsatisfied => "unsatisfied",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
        }
    }
}

impl ErrorKind {
    /// Of a file that somebody has named to be written: the name can't be right, or the disk has failed them.
    #[must_use]
    pub fn of_output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::AlreadyExists
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::PermissionDenied => Self::Usage,
            _ => Self::Disk,
        }
    }
}

/// An error as a person reads it: what happened (naming the thing and the place) and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserError {
    pub kind: ErrorKind,
    /// One sentence without a full stop: `error: {message}`.
    pub message: String,
    /// What to do: `hint: {hint}`.
    pub hint: Option<String>,
}

impl UserError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for UserError {}

/// An error of the system in plain words, to stand after a colon: no capital, and not the number that the system gives it.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::NotADirectory => "a part of its path is not a folder".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        _ => {
            let text = error.to_string();
            let mut chars = without_number(&text).chars();
            chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
        }
    }
}

/// An error's text without the number that the system gives it.
#[must_use]
pub fn without_number(text: &str) -> &str {
    text.split(" (os error").next().unwrap_or(text)
}

/// What the system has no more of, for this program or for whoever runs it. No file and no bug is to blame for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    Memory,
    /// Or of the memory that a thread takes: the system has one word for both.
    Threads,
    Files,
}

impl Shortage {
    /// As the system, the allocator and drivers put it, somewhere in what a library says.
    #[must_use]
    pub fn told_by(text: &str) -> Option<Self> {
        let says = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
        if says(&["Resource temporarily unavailable"]) {
            Some(Self::Threads)
        } else if says(&["Too many open files"]) {
            Some(Self::Files)
        } else if says(&["memory allocation of", "out of memory", "OutOfMemory", "Cannot allocate memory"]) {
            Some(Self::Memory)
        } else {
            None
        }
    }

    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Threads => "threads, or of memory for them",
            Self::Files => "open files",
        }
    }

    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::Memory => "choose a smaller model or a shorter context, or close other programs",
            Self::Threads => "close other programs, or allow more: `ulimit -u` and `ulimit -v` show what is allowed",
            Self::Files => "allow more with `ulimit -n 1024`",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_s_words_are_for_people() {
        for (error, expected) in [
            (io::ErrorKind::PermissionDenied.into(), "permission denied"),
            (io::Error::from_raw_os_error(5), "input/output error"),
            (io::Error::other("Odd (os error 99)"), "odd"),
            (io::Error::other(""), ""),
        ] {
            assert_eq!(reason(&error), expected);
        }
    }

    #[test]
    fn what_there_is_too_little_of_is_known_by_the_words_of_the_system() {
        let pool = "ThreadPoolBuildError { kind: IOError(Os { code: 11, kind: WouldBlock, message: \"Resource temporarily unavailable\" }) }";
        for (text, shortage) in [
            (pool, Some(Shortage::Threads)),
            ("failed to create UnixStream: Too many open files (os error 24)", Some(Shortage::Files)),
            ("memory allocation of 98765432100 bytes failed", Some(Shortage::Memory)),
            ("index out of bounds", None),
        ] {
            assert_eq!(Shortage::told_by(text), shortage, "{text}");
        }
    }
}
