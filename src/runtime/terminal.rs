//! The terminal's modes: taken when the interface starts, given back however it ends.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::event::Timespec;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::Signal;
use rustix::termios::{OptionalActions, QueueSelector, SpecialCodeIndex, Termios};

use crate::error::{ErrorKind, UserError};

/// What has to be undone. Not in the guard itself: a panic is handled before anything is dropped.
static TAKEN: Mutex<Option<Taken>> = Mutex::new(None);

struct Taken {
    /// The driver's modes as they were.
    before: Termios,
    features: Features,
    /// The alternate screen is shown.
    alternate: bool,
}

/// What is asked of the terminal beyond what every terminal does. Nothing is ever asked back: an answer may never come.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the terminal")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Features {
    /// Kitty's keyboard protocol. What doesn't know it leaves it be, except where we know better.
    kitty_keys: bool,
    /// xterm's older way to tell Shift-Enter from Enter, for those that know only that one.
    xterm_keys: bool,
    mouse: bool,
    /// The alternate screen is there for what needs all of it, and not from the start.
    pub(super) inline: bool,
}

impl Features {
    pub(super) fn new(env: impl Fn(&str) -> Option<String>, mouse: bool, inline: bool) -> Self {
        Self {
            kitty_keys: env("TERM").is_none_or(|term| term != "linux"),
            xterm_keys: is_set(&env, "TMUX") || is_set(&env, "XTERM_VERSION"),
            // The wheel is the scrollback's.
            mouse: mouse && !inline,
            inline,
        }
    }

    /// `again`: the modes may still hold, as after `kill -STOP`, or the shell may have ended any of them; then `alternate` is
    /// the screen that was shown.
    fn enter(self, again: bool, alternate: bool) -> String {
        // Left first, so that the place of the cursor outside is not saved over.
        let mut codes = String::from(if again { "\x1b[?2026l" } else { "" });
        codes.push_str(if again && alternate { "\x1b[?1049l" } else { "" });
        codes.push_str(if self.inline { "" } else { "\x1b[?1049h" });
        codes.push_str("\x1b[?25l\x1b[?2004h\x1b[?1004h");
        // Kept on a stack, and each screen has its own: after entering the alternate screen, before leaving it. What we left on
        // it goes first; on an empty one that does nothing.
        codes.push_str(if again { self.keys_off() } else { "" });
        codes.push_str(self.keys_on());
        if self.xterm_keys {
            codes.push_str("\x1b[>4;1m");
        }
        if self.mouse {
            codes.push_str(MOUSE_ON);
        }
        codes
    }

    fn leave(self, alternate: bool) -> String {
        // A panic can come in the middle of a frame: its synchronized update is ended first.
        let mut codes = String::from("\x1b[?2026l");
        codes.push_str(MOUSE_OFF);
        if self.xterm_keys {
            codes.push_str("\x1b[>4m");
        }
        codes.push_str(self.keys_off());
        codes.push_str("\x1b[?1004l\x1b[?2004l\x1b[0m\x1b[?25h");
        if alternate {
            codes.push_str("\x1b[?1049l");
        }
        if self.inline {
            if alternate {
                codes.push_str(self.keys_off());
            }
            // The shell goes on where what is finished ends.
            codes.push_str("\r\x1b[J");
        }
        codes
    }

    fn keys_on(self) -> &'static str {
        // 1: keys that are ambiguous otherwise; 4: with the key at their place on a US keyboard.
        if self.kitty_keys { "\x1b[>5u" } else { "" }
    }

    fn keys_off(self) -> &'static str {
        if self.kitty_keys { "\x1b[<1u" } else { "" }
    }
}

/// Buttons and wheel, and movements while a button is down, which select text; with coordinates in text. Not every movement, which would
/// wake us for nothing.
const MOUSE_ON: &str = "\x1b[?1002h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1002l";

/// Holds the terminal in the interface's modes; gives it back when dropped.
pub(super) struct TerminalGuard {
    features: Features,
}

impl TerminalGuard {
    pub(super) fn enter(features: Features) -> io::Result<Self> {
        let guard = Self { features };
        write_all(guard.reenter()?.as_bytes())?;
        Ok(guard)
    }

    /// Takes the terminal again after `leave`, or after somebody else may have had it without our leave. Answers with what to send
    /// for it.
    pub(super) fn reenter(&self) -> io::Result<String> {
        let mut taken = lock();
        let stdin = rustix::stdio::stdin();
        let again = taken.is_some();
        let (before, alternate) = match taken.take() {
            Some(Taken { before, alternate, .. }) => (before, alternate),
            None => (rustix::termios::tcgetattr(stdin)?, false),
        };
        let mut raw = before.clone();
        raw.make_raw();
        *taken = Some(Taken { before, features: self.features, alternate: !self.features.inline });
        drop(taken);
        // First, because it waits until we are in the foreground; what is written would not.
        retry(|| rustix::termios::tcsetattr(stdin, OptionalActions::Now, &raw))?;
        Ok(self.features.enter(again, alternate))
    }

    /// Answers with what to send for it.
    pub(super) fn set_mouse(&mut self, on: bool) -> &'static str {
        self.features.mouse = on;
        let mut taken = lock();
        // Without the terminal it is remembered for when it is ours again.
        let Some(taken) = taken.as_mut() else { return "" };
        taken.features.mouse = on;
        if on { MOUSE_ON } else { MOUSE_OFF }
    }
}

/// What to send to have the alternate screen, or the other one; nothing where it is there already.
pub(super) fn show_alternate(on: bool) -> String {
    let mut taken = lock();
    match taken.as_mut() {
        Some(taken) if taken.alternate != on => {
            taken.alternate = on;
            let Taken { features, .. } = taken;
            if on {
                format!("\x1b[?1049h{}", features.keys_on())
            } else {
                format!("{}\x1b[?1049l", features.keys_off())
            }
        }
        _ => String::new(),
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        leave();
    }
}

/// Gives the terminal back as it was. Does nothing when that is done already; never fails, because there is nothing that
/// anybody could do about it.
pub(super) fn leave() {
    let Some(Taken { before, features, alternate }) = lock().take() else { return };
    let _ = write_all(features.leave(alternate).as_bytes());
    let stdin = rustix::stdio::stdin();
    // Reports that were under way when the modes were turned off would be typed into the shell.
    let _ = rustix::termios::tcflush(stdin, QueueSelector::IFlush);
    let _ = retry(|| rustix::termios::tcsetattr(stdin, OptionalActions::Now, &before));
}

fn lock() -> std::sync::MutexGuard<'static, Option<Taken>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The byte that the Backspace key sends here.
pub(super) fn erase_byte() -> u8 {
    lock().as_ref().map_or(0x7f, |taken| taken.before.special_codes[SpecialCodeIndex::VERASE])
}

/// Opens the terminal behind a descriptor once more, by its name: with flags that are not shared with the shell and everybody
/// else who has that descriptor. Fails where the terminal belongs to somebody else, as after `su`.
pub(super) fn reopen(terminal: impl AsFd, flags: OFlags) -> io::Result<OwnedFd> {
    let name = rustix::termios::ttyname(terminal, Vec::new())?;
    Ok(rustix::fs::open(name, flags | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Columns and rows.
pub(super) fn size() -> (u16, u16) {
    match rustix::termios::tcgetwinsize(rustix::stdio::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        // Serial lines don't know.
        _ => (80, 24),
    }
}

/// A signal has come that ends us, whatever the terminal does.
static ENDING: AtomicBool = AtomicBool::new(false);
/// How long a terminal may take nothing before a write looks whether we are to end.
const STUCK: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };

/// From now on SIGTERM and SIGHUP end a write that the terminal does not take and that everything waits for.
#[allow(unsafe_code)]
pub(super) fn heed_endings() -> io::Result<()> {
    for signal in [Signal::TERM, Signal::HUP] {
        // SAFETY: storing a flag is all that happens, which is allowed in a handler.
        unsafe { signal_hook_registry::register(signal.as_raw(), || ENDING.store(true, Ordering::Relaxed)) }?;
    }
    Ok(())
}

/// The terminal with a flag of our own, so that a write which would have to wait says so. Standard output itself keeps the
/// mode that it shares with the shell; `None` where there is nothing but that.
pub(super) fn own_output() -> Option<BorrowedFd<'static>> {
    static OWN: OnceLock<Option<OwnedFd>> = OnceLock::new();
    let own = OWN.get_or_init(|| reopen(rustix::stdio::stdout(), OFlags::WRONLY | OFlags::NONBLOCK).ok());
    own.as_ref().map(AsFd::as_fd)
}

/// Writes to the terminal and waits until it has taken all. `Interrupted`: it takes nothing, and we are to end.
pub(super) fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    let output = own_output().unwrap_or(rustix::stdio::stdout());
    while !bytes.is_empty() {
        match rustix::io::write(output, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let mut room = [rustix::event::PollFd::new(&output, rustix::event::PollFlags::OUT)];
                let ready = retry(|| rustix::event::poll(&mut room, Some(&STUCK)))?;
                if ready == 0 && ENDING.load(Ordering::Relaxed) {
                    return Err(io::ErrorKind::Interrupted.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

/// The variable is there and says something: terminals and what stands between tell of themselves by such.
pub(super) fn is_set(env: impl Fn(&str) -> Option<String>, name: &str) -> bool {
    env(name).is_some_and(|value| !value.is_empty())
}

/// A sequence for the terminal outside of tmux, which may not let it through.
pub(super) fn through_tmux(sequence: &str) -> String {
    format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b"))
}

/// Says what is missing where the interface can't be shown.
pub(super) fn check(env: impl Fn(&str) -> Option<String>) -> Result<(), UserError> {
    let refuse = |what: &str| {
        Err(UserError::new(ErrorKind::Usage, format!("the interface can't be shown: {what}"))
            .hint("for scripts and plain output there is `hobnob run`"))
    };
    if !io::stdin().is_terminal() {
        return refuse("standard input is not a terminal");
    }
    if !io::stdout().is_terminal() {
        return refuse("standard output is not a terminal");
    }
    match env("TERM").as_deref() {
        None | Some("") => refuse("TERM is not set"),
        Some("dumb") => refuse("TERM says `dumb`, a terminal that can't place text"),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(env: &[(&str, &str)], mouse: bool) -> Features {
        Features::new(|name| env.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()), mouse, false)
    }

    #[test]
    fn what_is_turned_on_is_turned_off() {
        for (env, mouse) in [
            (&[("TERM", "xterm-256color")][..], true),
            (&[("TERM", "linux")], false),
            (&[("TERM", "tmux-256color"), ("TMUX", "/tmp/x")], true),
        ] {
            let features = features(env, mouse);
            let (on, off) = (features.enter(false, false), features.leave(true));
            for mode in on.split('\x1b').filter(|code| code.starts_with("[?") && code.ends_with('h')) {
                assert!(off.contains(&mode.replace('h', "l")), "{mode} stays on");
            }
            assert!(off.contains("\x1b[?25h"));
            assert_eq!(on.contains("\x1b[>5u"), off.contains("\x1b[<1u"));
            assert_eq!(on.contains("\x1b[>4;1m"), off.contains("\x1b[>4m"));
            assert!(off.ends_with("\x1b[?1049l"), "the keys' flags belong to the screen that is left");
        }
    }

    #[test]
    fn a_terminal_opens_again_by_its_name() {
        let pair = portable_pty::native_pty_system().openpty(portable_pty::PtySize::default()).expect("a terminal");
        let name = pair.master.tty_name().expect("a name");
        let first = rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("opens");
        let second = reopen(&first, OFlags::RDONLY | OFlags::NONBLOCK).expect("opens again");
        let name_of = |fd: &OwnedFd| rustix::termios::ttyname(fd, Vec::new()).expect("a name");
        assert_eq!(name_of(&first), name_of(&second));
        let flags = |fd: &OwnedFd| rustix::fs::fcntl_getfl(fd).expect("flags");
        assert!(flags(&second).contains(OFlags::NONBLOCK) && !flags(&first).contains(OFlags::NONBLOCK));
    }

    #[test]
    fn terminals_get_what_they_understand() {
        assert!(!features(&[("TERM", "linux")], false).kitty_keys);
        assert!(features(&[("TERM", "xterm-kitty")], false).kitty_keys);
        assert!(!features(&[("TERM", "xterm")], false).xterm_keys);
        assert!(features(&[("TERM", "xterm"), ("XTERM_VERSION", "XTerm(390)")], false).xterm_keys);
        assert!(!features(&[("TERM", "xterm"), ("TMUX", "")], false).xterm_keys);
    }
}
