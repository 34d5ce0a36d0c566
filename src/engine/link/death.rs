//! Why the engine's process died, in words for the person whose answer it took along.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::Signal;

use super::child::End;
use crate::domain::model::ModelSpec;
use crate::engine::{host, probe};
use crate::error::{ErrorKind, Shortage, UserError};

/// What it was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum During {
    Load,
    Answer,
    Rest,
}

pub(super) fn explain(end: &End, during: During, spec: &ModelSpec) -> UserError {
    let file = spec.location.file_name().unwrap_or(spec.location.as_os_str()).to_string_lossy();
    let doing = match during {
        During::Load => format!("while reading `{file}`"),
        During::Answer => "while answering".to_owned(),
        During::Rest => "while it had nothing to do".to_owned(),
    };
    let kind = if during == During::Load { ErrorKind::LoadFailed } else { ErrorKind::Generation };
    let again = if during == During::Load { "" } else { "the next message starts it again; " };
    let (what, hint) = match cause(end) {
        Cause::Short(shortage) => (format!("the engine ran out of {}", shortage.what()), shortage.hint()),
        Cause::Killed => (
            "the engine was killed from outside".to_owned(),
            "if you did not do that, memory ran out: choose a smaller model or a shorter context",
        ),
        Cause::Instruction => (
            "the engine needs instructions that this processor does not have".to_owned(),
            "build hobnob from source on this machine without its `.cargo/config.toml`",
        ),
        Cause::Crash if during == During::Load => ("the engine crashed".to_owned(), probe::GET_ANOTHER),
        Cause::Crash => ("the engine crashed".to_owned(), "the log has its last words"),
        Cause::Unknown => ("the engine ended by itself".to_owned(), "the log has its last words"),
    };
    UserError::new(kind, format!("{what} {doing}")).hint(format!("{again}{hint}"))
}

/// Whoever lent us its engine is gone, or stands still, in the middle of an answer.
pub(super) fn holder_gone() -> UserError {
    let what = "the hobnob whose engine made this answer has ended or was stopped, and the answer with it";
    UserError::new(ErrorKind::Generation, what)
        .hint("try again: the model is loaded anew if it must be; with --no-share no other hobnob is needed")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Short(Shortage),
    Killed,
    Instruction,
    Crash,
    Unknown,
}

fn cause(end: &End) -> Cause {
    let said = |sign: &str| end.lines.iter().any(|line| line.contains(sign));
    // What the allocator says before it aborts, and what drivers say; the last words count.
    if let Some(shortage) = end.lines.iter().rev().find_map(|line| Shortage::told_by(line)) {
        return Cause::Short(shortage);
    }
    let signal = end.status.as_ref().and_then(ExitStatus::signal);
    let is = |wanted: Signal| signal == Some(wanted.as_raw());
    // Then it kills itself, so that is looked for first. A panic alone may be long past.
    if said(host::PANICKED) {
        Cause::Crash
    } else if is(Signal::KILL) || is(Signal::TERM) || is(Signal::INT) || is(Signal::HUP) {
        Cause::Killed
    } else if is(Signal::ILL) {
        Cause::Instruction
    } else if signal.is_some() {
        Cause::Crash
    } else {
        Cause::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::{Format, LoadSettings};

    fn told(raw_status: i32, lines: &[&str], during: During) -> String {
        let spec = ModelSpec {
            reference: "m".into(),
            name: "m".into(),
            location: "/models/m.gguf".into(),
            format: Format::Gguf,
            settings: LoadSettings::default(),
        };
        let lines = lines.iter().map(|l| (*l).to_owned()).collect();
        explain(&End { status: Some(ExitStatus::from_raw(raw_status)), lines }, during, &spec).message
    }

    #[test]
    fn each_death_has_its_words() {
        let abort = Signal::ABORT.as_raw();
        let no_memory = ["memory allocation of 98765432100 bytes failed"];
        assert_eq!(told(abort, &no_memory, During::Load), "the engine ran out of memory while reading `m.gguf`");
        let no_threads =
            ["PANIC failed to spawn thread: Os { code: 11, message: \"Resource temporarily unavailable\" }"];
        assert_eq!(
            told(abort, &no_threads, During::Load),
            "the engine ran out of threads, or of memory for them while reading `m.gguf`"
        );
        assert_eq!(told(abort, &[], During::Load), "the engine crashed while reading `m.gguf`");
        assert_eq!(
            told(Signal::KILL.as_raw(), &[], During::Answer),
            "the engine was killed from outside while answering"
        );
        let exit = |code: i32| code << 8;
        let panicked = ["PANIC index out of bounds", "INFO ending: something panicked"];
        assert_eq!(told(Signal::KILL.as_raw(), &panicked, During::Answer), "the engine crashed while answering");
        // It got over that one.
        assert_eq!(
            told(Signal::KILL.as_raw(), &panicked[..1], During::Answer),
            "the engine was killed from outside while answering"
        );
        assert_eq!(told(exit(3), &[], During::Rest), "the engine ended by itself while it had nothing to do");
    }
}
