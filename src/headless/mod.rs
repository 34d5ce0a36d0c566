//! Front end for scripts: one command, one result. Stdout holds what was asked for and nothing else; all that is about
//! it goes to stderr.

pub mod batch;
pub mod bench;
pub mod complete;
pub mod config;
pub mod console;
pub mod doctor;
mod document;
mod figures;
mod form;
mod interrupt;
pub mod man;
mod model;
pub mod models;
mod output;
mod progress;
mod prompt;
pub mod pull;
pub mod run;
pub mod search;
pub mod session;
pub mod sessions;
mod table;
mod template;
pub mod templates;
pub mod warm;

use std::future::Future;
use std::io::{self, Write};

use crate::error::{ErrorKind, Shortage, UserError, reason};

pub use console::Console;
pub use interrupt::Interrupt;
pub use model::hub_options;
pub use run::engine_options;

/// Why a command ends otherwise than well.
#[derive(Debug)]
pub enum Quit {
    /// To be told to the person.
    Error(UserError),
    /// By a signal, before there was anything to keep.
    Interrupted(Interrupt),
    /// All has been said; this is the exit code.
    Code(u8),
}

/// How a command ends.
pub type Outcome = Result<(), Quit>;

impl From<UserError> for Quit {
    fn from(error: UserError) -> Self {
        Self::Error(error)
    }
}

/// What a command prints on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Text,
    /// One document at the end.
    Json,
    /// One document per event.
    JsonLines,
}

/// What every command gets.
#[derive(Debug)]
pub struct Context<'a> {
    pub loaded: &'a crate::config::Loaded,
    pub console: Console,
    pub format: Format,
    /// How much goes to the log.
    pub verbose: u8,
}

/// Tells why a command ended, and gives its exit code. A script that reads JSON finds the error on stdout as well.
#[must_use]
pub fn conclude(outcome: Outcome, console: Console, format: Format) -> u8 {
    match outcome {
        Ok(()) => 0,
        Err(Quit::Code(code)) => code,
        Err(Quit::Error(error)) => {
            print_error(&error, format);
            console.error(&error);
            error.kind.exit_code()
        }
        Err(Quit::Interrupted(interrupt)) => {
            print_error(&interrupt.error(), format);
            interrupt.exit_code()
        }
    }
}

fn print_error(error: &UserError, format: Format) {
    // Nothing more can be said of an error that can't be told.
    let _ = match format {
        Format::Text => Ok(()),
        Format::Json => print_json(&document::error(error)),
        Format::JsonLines => print_json(&document::event("error", document::error(error))),
    };
}

/// Prints lines of data. A reader that went away is no error.
///
/// # Errors
/// Stdout can't be written; or nobody reads it, and there is no more to do.
pub fn print(text: &str) -> Outcome {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| write_failed(&error))
}

fn print_json(document: &serde_json::Value) -> Outcome {
    print(&format!("{document}\n"))
}

/// What a failed write to stdout means.
#[must_use]
pub fn write_failed(error: &io::Error) -> Quit {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Quit::Code(0);
    }
    UserError::new(ErrorKind::Disk, format!("stdout could not be written: {}", reason(error)))
        .hint("see whether the disk that the output goes to is full")
        .into()
}

/// What the system refuses although everybody needs it.
fn refused(what: &str, error: &io::Error) -> UserError {
    let shortage = Shortage::told_by(&error.to_string());
    let refused = UserError::new(ErrorKind::Unexpected, format!("{what}: {}", reason(error)));
    refused.hint(shortage.map_or("the log may have more", Shortage::hint))
}

/// Runs a command's asynchronous part on this thread: there is one thing to do, and nothing to balance.
fn block_on<T>(future: impl Future<Output = Result<T, Quit>>) -> Result<T, Quit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| refused("the event loop could not start", &error))?;
    let result = runtime.block_on(future);
    // A thread that still waits for stdin or the disk must not hold the exit up.
    runtime.shutdown_background();
    result
}
