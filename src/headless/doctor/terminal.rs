//! What the terminal can show and tell: by its environment, and by asking it. The interface never asks, because an answer may
//! never come; here there is time to wait a moment.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use serde_json::json;

use crate::config::theme::{Capabilities, ColourDepth};
use crate::headless::doctor::check::Check;

/// How long a terminal may take to answer. Over a slow line it may not; that is said, and nothing follows from it.
const PATIENCE: Duration = Duration::from_millis(400);
/// Smaller than this the interface has no room for conversation and composer.
const SMALLEST: (u16, u16) = (40, 12);

/// Does it know synchronized updates? Which of Kitty's keyboard flags are on? What are you? The last is answered by all of
/// them, so that its answer ends the waiting.
const QUESTIONS: &[u8] = b"\x1b[?2026$p\x1b[?u\x1b[c";
/// A terminal that knows no such question may show a part of it.
const CLEAN_UP: &[u8] = b"\r\x1b[K";

pub(super) fn checks(ascii: Option<bool>) -> Vec<Check> {
    let env = |name: &str| std::env::var_os(name);
    let term = std::env::var("TERM").unwrap_or_default();
    if !io::stdout().is_terminal() {
        return vec![
            Check::note("terminal", "standard output is none: the interface opens on a terminal only")
                .details(json!({ "terminal": false })),
        ];
    }
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| (size.ws_col, size.ws_row));
    let around = Around {
        tmux: env("TMUX").is_some_and(|v| !v.is_empty()),
        ssh: ["SSH_TTY", "SSH_CONNECTION"].iter().any(|name| env(name).is_some_and(|v| !v.is_empty())),
    };
    let can = Capabilities::detect(&env, ascii);
    let mut checks = vec![look(&term, can, size, &around)];
    // The console of Linux shows what it does not understand.
    if !matches!(term.as_str(), "" | "dumb" | "linux") {
        checks.extend(told(ask().ok().flatten().as_ref(), &around));
    }
    checks
}

/// What is between us and the terminal.
struct Around {
    tmux: bool,
    ssh: bool,
}

fn look(term: &str, can: Capabilities, size: Option<(u16, u16)>, around: &Around) -> Check {
    let colours = match can.depth {
        ColourDepth::None => "no colours",
        ColourDepth::Ansi16 => "16 colours",
        ColourDepth::Ansi256 => "256 colours",
        ColourDepth::True => "all colours",
    };
    let characters = if can.unicode { "UTF-8" } else { "ASCII only" };
    let (columns, rows) = size.unwrap_or((0, 0));
    let mut message = format!("{term}: {colours}, {characters}, {columns}×{rows}");
    for (is, place) in [(around.tmux, ", in tmux"), (around.ssh, ", over ssh")] {
        if is {
            message.push_str(place);
        }
    }
    let details = json!({
        "terminal": true,
        "term": term,
        "colours": colours,
        "unicode": can.unicode,
        "columns": columns,
        "rows": rows,
        "tmux": around.tmux,
        "ssh": around.ssh,
    });
    let check = match (term, size) {
        ("", _) => Check::warning("terminal", "TERM is not set: the interface can't be shown")
            .hint("set TERM to what the terminal is, xterm-256color mostly"),
        ("dumb", _) => Check::warning("terminal", "TERM says `dumb`: the interface can't be shown")
            .hint("`hobnob run` works everywhere"),
        (_, Some((columns, rows))) if columns < SMALLEST.0 || rows < SMALLEST.1 => Check::warning("terminal", message)
            .hint(format!("make it larger: from {}×{} on there is room for everything", SMALLEST.0, SMALLEST.1)),
        _ if !can.unicode => {
            Check::note("terminal", message).hint("a locale with UTF-8 (LANG=C.UTF-8) gives finer signs")
        }
        _ if can.depth < ColourDepth::True => Check::note("terminal", message)
            .hint("COLORTERM=truecolor tells of more colours, where the terminal has them"),
        _ => Check::ok("terminal", message),
    };
    check.details(details)
}

/// What the terminal says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Answers {
    synchronized: bool,
    kitty_keys: bool,
}

fn told(answers: Option<&Answers>, around: &Around) -> Vec<Check> {
    let Some(answers) = answers else {
        let silent = Check::note("keyboard", "the terminal did not say which keys it can tell apart");
        return vec![silent.hint("if Shift-Enter sends a message instead of breaking a line, use Alt-Enter or Ctrl-J")];
    };
    let keyboard = if answers.kitty_keys {
        Check::ok("keyboard", "every key can be told from every other")
    } else if around.tmux {
        Check::note("keyboard", "some keys look alike, Shift-Enter and Enter for example")
            .hint("in ~/.tmux.conf: set -s extended-keys on; until then use Alt-Enter or Ctrl-J for a new line")
    } else {
        Check::note("keyboard", "some keys look alike, Shift-Enter and Enter for example")
            .hint("use Alt-Enter or Ctrl-J for a new line")
    };
    let drawing = if answers.synchronized {
        Check::ok("drawing", "frames appear whole")
    } else {
        Check::note("drawing", "the terminal can't hold a frame back until it is whole: it may flicker")
    };
    vec![
        keyboard.details(json!({ "kitty_keyboard": answers.kitty_keys })),
        drawing.details(json!({ "synchronized_updates": answers.synchronized })),
    ]
}

/// Asks the terminal; `None` where it does not answer, or is not ours to ask.
fn ask() -> io::Result<Option<Answers>> {
    let terminal = File::options().read(true).write(true).open("/dev/tty")?;
    // In the background a change of modes would stop us.
    if rustix::termios::tcgetpgrp(&terminal)? != rustix::process::getpgrp() {
        return Ok(None);
    }
    let quiet = Quiet::enter(&terminal)?;
    (&terminal).write_all(QUESTIONS)?;
    let deadline = Instant::now() + PATIENCE;
    let mut heard = Vec::new();
    let mut answers = None;
    while answers.is_none() {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::new(&terminal, PollFlags::IN)];
        let limit = Timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) };
        if left.is_zero() || poll(&mut fds, Some(&limit))? == 0 {
            break;
        }
        let mut bytes = [0; 256];
        let n = (&terminal).read(&mut bytes)?;
        heard.extend_from_slice(&bytes[..n]);
        answers = understand(&heard);
    }
    (&terminal).write_all(CLEAN_UP)?;
    drop(quiet);
    Ok(answers)
}

/// The answers, once the last of them is there.
fn understand(heard: &[u8]) -> Option<Answers> {
    let text = String::from_utf8_lossy(heard);
    let replies: Vec<&str> = text.split("\x1b[?").skip(1).collect();
    let ended = |reply: &&&str, end: char| {
        reply.strip_suffix(end).is_some_and(|body| body.chars().all(|c| c.is_ascii_digit() || c == ';'))
    };
    replies.iter().find(|reply| ended(reply, 'c'))?;
    // 0: never heard of it; 4: it is off and can't be turned on.
    let mode = replies.iter().find_map(|reply| reply.strip_prefix("2026;")?.strip_suffix("$y"));
    Some(Answers {
        synchronized: mode.is_some_and(|state| matches!(state, "1" | "2" | "3")),
        kitty_keys: replies.iter().any(|reply| ended(&reply, 'u')),
    })
}

/// While it lives, what the terminal says is not shown, and is there at once. Signals stay what they are.
struct Quiet<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Quiet<'a> {
    fn enter(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal.as_fd())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Now, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // What comes too late is thrown away with the modes: it would be typed into the shell.
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headless::doctor::check::Verdict;

    #[test]
    fn answers_are_understood_when_the_last_is_there() {
        let all = Answers { synchronized: true, kitty_keys: true };
        assert_eq!(understand(b"\x1b[?2026;2$y\x1b[?0u\x1b[?62;4;22c"), Some(all));
        assert_eq!(understand(b"\x1b[?2026;2$y\x1b[?0u\x1b[?62;4"), None);
        assert_eq!(understand(b""), None);
        let none = Answers { synchronized: false, kitty_keys: false };
        assert_eq!(understand(b"\x1b[?2026;0$y\x1b[?1;2c"), Some(none));
        assert_eq!(understand(b"\x1b[?1;2c"), Some(none));
        assert_eq!(understand(b"typed ahead\x1b[?2026;4$y\x1b[?1;2c"), Some(none));
    }

    #[test]
    fn what_is_missing_has_a_way_around() {
        let (plain, tmux) = (Around { tmux: false, ssh: false }, Around { tmux: true, ssh: false });
        let poor = Answers { synchronized: false, kitty_keys: false };
        assert!(told(Some(&poor), &tmux)[0].hint.as_deref().is_some_and(|hint| hint.contains("extended-keys")));
        assert!(told(Some(&poor), &plain)[0].hint.as_deref().is_some_and(|hint| hint.contains("Alt-Enter")));
        assert_eq!(told(None, &plain)[0].verdict, Verdict::Note);
        let rich = Answers { synchronized: true, kitty_keys: true };
        assert!(told(Some(&rich), &plain).iter().all(|check| check.verdict == Verdict::Ok));
    }

    #[test]
    fn a_look_at_the_terminal() {
        let around = Around { tmux: true, ssh: true };
        let can = |depth, unicode| Capabilities { depth, unicode };
        let verdict = |term, can, size| look(term, can, size, &around).verdict;
        let good = look("xterm-kitty", can(ColourDepth::True, true), Some((80, 24)), &around);
        assert_eq!(good.message, "xterm-kitty: all colours, UTF-8, 80×24, in tmux, over ssh");
        assert_eq!(good.verdict, Verdict::Ok);
        assert_eq!(verdict("xterm", can(ColourDepth::Ansi16, true), Some((80, 24))), Verdict::Note);
        assert_eq!(verdict("xterm", can(ColourDepth::True, false), Some((80, 24))), Verdict::Note);
        assert_eq!(verdict("xterm", can(ColourDepth::True, true), Some((30, 24))), Verdict::Warning);
        assert_eq!(verdict("dumb", can(ColourDepth::None, true), Some((80, 24))), Verdict::Warning);
    }
}
