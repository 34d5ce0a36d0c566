//! The clipboard of the machine that the person sits at. Over ssh and in tmux only the terminal can reach it (OSC 52);
//! elsewhere the system's own program does, which tells whether it worked.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::app::msg::Copied;
use crate::domain::units::bytes;
use crate::error::{ErrorKind, UserError, reason};
use crate::runtime::{files, terminal};

/// A longer text is cut or dropped by some terminals: as much as fits into a sequence of 100,000 bytes.
const SURE: usize = 74_994;

/// A program that takes the clipboard's new content on its standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Program {
    name: &'static str,
    arguments: &'static [&'static str],
    /// Of the session that it needs.
    variable: Option<&'static str>,
}

const PROGRAMS: [Program; 4] = [
    Program { name: "pbcopy", arguments: &[], variable: None },
    Program { name: "wl-copy", arguments: &[], variable: Some("WAYLAND_DISPLAY") },
    Program { name: "xclip", arguments: &["-selection", "clipboard"], variable: Some("DISPLAY") },
    Program { name: "xsel", arguments: &["--clipboard", "--input"], variable: Some("DISPLAY") },
];

/// How to get there from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clipboard {
    /// Asks the terminal.
    terminal: bool,
    tmux: bool,
    program: Option<Program>,
}

impl Clipboard {
    /// `is_there` looks for a program.
    pub(super) fn find(env: impl Fn(&str) -> Option<String>, is_there: impl Fn(&str) -> bool) -> Self {
        let is_set = |name: &str| terminal::is_set(&env, name);
        let far = is_set("SSH_TTY") || is_set("SSH_CONNECTION");
        let tmux = is_set("TMUX");
        let usable = |program: &&Program| program.variable.is_none_or(is_set) && is_there(program.name);
        let program = PROGRAMS.iter().find(usable).filter(|_| !far).copied();
        Self { terminal: far || tmux || program.is_none(), tmux, program }
    }

    /// What is written to the terminal, if it is asked.
    pub(super) fn sequence(self, text: &str) -> Option<Vec<u8>> {
        self.terminal.then(|| {
            let mut sequence = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
            // As tmux takes it for itself, and through it to the terminal outside: which of them it lets through is set there.
            if self.tmux {
                sequence += &terminal::through_tmux(&sequence);
            }
            sequence.into_bytes()
        })
    }

    /// Hands it to the system's program, if there is one. Waits for it.
    ///
    /// # Errors
    /// It can't be run or fails, and nobody else was asked.
    pub(super) fn hand_over(self, text: &str, what: String) -> Result<Copied, UserError> {
        let handed = self.program.map(|program| program.take(text));
        match handed {
            Some(Ok(())) => Ok(Copied { what, doubt: None }),
            Some(Err(error)) if !self.terminal => Err(error),
            _ => Ok(Copied { what, doubt: Some(self.doubt(text)) }),
        }
    }

    /// The terminal does not answer.
    fn doubt(self, text: &str) -> String {
        let size = text.len();
        if size > SURE {
            let size = bytes(size as u64);
            return format!("{size} went to the terminal, which may take no more than 75 kB");
        }
        let whose = if self.tmux { "tmux, which needs `set -g set-clipboard on`" } else { "the terminal" };
        format!("through {whose}; if it is not there, the terminal has to allow it (OSC 52)")
    }
}

impl Program {
    fn take(self, text: &str) -> Result<(), UserError> {
        let failed = |why: String| {
            UserError::new(ErrorKind::Unexpected, format!("nothing was copied: `{}` {why}", self.name))
                .hint("`/save-code FILE` writes code to a file")
        };
        let mut command = Command::new(self.name);
        // Some of them stay to hand the text out: they may not hold our terminal.
        command.args(self.arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| failed(format!("can't be run: {}", reason(&error))))?;
        let written = child.stdin.take().map(|mut input| input.write_all(text.as_bytes()));
        let status = child.wait().map_err(|error| failed(reason(&error)))?;
        match written {
            Some(Err(error)) => Err(failed(reason(&error))),
            _ if !status.success() => Err(failed(format!("failed ({status})"))),
            _ => Ok(()),
        }
    }
}

/// Writes a file that is not there yet. The place is as a person writes it: `~` is the home folder.
///
/// # Errors
/// It is there already, or can't be written.
pub(super) fn write_new(place: &str, text: &str) -> Result<String, UserError> {
    let path = files::as_written(place);
    let name = path.display();
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AlreadyExists => "it is there already and stays as it is: choose another name",
            _ => "check the folder and its permissions",
        };
        UserError::new(ErrorKind::Disk, format!("`{name}` was not written: {}", reason(&error))).hint(hint)
    })?;
    Ok(name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here(set: &[&str], programs: &[&str]) -> Clipboard {
        let env = |name: &str| set.contains(&name).then(|| "x".to_owned());
        Clipboard::find(env, |name| programs.contains(&name))
    }

    fn name(clipboard: Clipboard) -> Option<&'static str> {
        clipboard.program.map(|program| program.name)
    }

    #[test]
    fn the_clipboard_is_where_the_person_is() {
        let mac = here(&[], &["pbcopy"]);
        assert_eq!((mac.terminal, name(mac)), (false, Some("pbcopy")));
        // The Mac's own clipboard is not the one of whoever has come by ssh.
        let far = here(&["SSH_TTY"], &["pbcopy"]);
        assert_eq!((far.terminal, name(far)), (true, None));
        let tmux = here(&["TMUX"], &["pbcopy"]);
        assert_eq!((tmux.terminal, tmux.tmux, name(tmux)), (true, true, Some("pbcopy")));
        assert_eq!(name(here(&["DISPLAY"], &["xsel", "xclip", "wl-copy"])), Some("xclip"));
        assert_eq!(name(here(&["DISPLAY", "WAYLAND_DISPLAY"], &["xclip", "wl-copy"])), Some("wl-copy"));
        let bare = here(&[], &["xclip"]);
        assert_eq!((bare.terminal, name(bare)), (true, None), "there is no display");
    }

    #[test]
    fn the_terminal_is_asked_in_its_own_way() {
        assert_eq!(here(&["SSH_TTY"], &[]).sequence("hi\n").as_deref(), Some(&b"\x1b]52;c;aGkK\x07"[..]));
        let tmux = here(&["TMUX"], &[]).sequence("hi\n").expect("a sequence");
        assert_eq!(tmux, b"\x1b]52;c;aGkK\x07\x1bPtmux;\x1b\x1b]52;c;aGkK\x07\x1b\\");
        assert_eq!(here(&[], &["pbcopy"]).sequence("hi"), None);
    }

    #[test]
    fn what_can_not_be_known_is_not_said() {
        let doubt = |clipboard: Clipboard, size| {
            clipboard.hand_over(&"x".repeat(size), "it".into()).expect("the terminal was asked").doubt.expect("a doubt")
        };
        assert!(doubt(here(&["SSH_TTY"], &[]), 10).contains("OSC 52"));
        assert!(doubt(here(&["TMUX"], &[]), 10).contains("set-clipboard"));
        assert!(doubt(here(&[], &[]), 80_000).contains("75 kB"));
    }

    #[test]
    fn a_program_that_fails_is_named() {
        let with = |name, arguments| Clipboard {
            terminal: false,
            tmux: false,
            program: Some(Program { name, arguments, variable: None }),
        };
        let copied = with("cat", &[]).hand_over("hi", "it".into());
        assert_eq!(copied, Ok(Copied { what: "it".into(), doubt: None }));
        for name in ["false", "hobnob-has-no-such-program"] {
            let error = with(name, &[]).hand_over("hi", "it".into()).expect_err("it fails");
            assert!(error.message.contains(name), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_there_is_not_touched() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.rs");
        let place = path.to_string_lossy();
        assert_eq!(write_new(&place, "one").as_deref(), Ok(&*place));
        let error = write_new(&place, "two").expect_err("it is there");
        assert!(error.message.contains(&*place) && error.hint.is_some_and(|hint| hint.contains("another name")));
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "one");
    }
}
