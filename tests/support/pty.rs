//! The real binary in a terminal of its own, for end-to-end tests.
//!
//! ```ignore
//! let mut pty = Setup::hobnob().size(80, 24).env("HOBNOB_LOG", "debug").start();
//! pty.wait_for_text("Chat");                        // waits, with a deadline; on failure shows the screen
//! pty.send("hello");                                // as typed
//! pty.send(keys::ENTER);
//! pty.wait_for("the answer", |screen| screen.contents().contains("42"));
//! pty.send(&keys::ctrl('q'));
//! assert_eq!(pty.wait_exit().code, Some(0));        // all output has been read by then
//! pty.assert_restored();                            // modes of terminal and driver are as before
//! ```
//!
//! Nothing here sleeps: everything waits for a condition with a deadline (`Setup::deadline`, 60 s unless told), and what is on
//! the screen is looked at between two frames, never in the middle of one. Each terminal has a home of its own, with empty config, data, state and cache folders; `Home` is shared by cloning where a test starts
//! the binary twice. What the binary inherits from the tests' environment is `PATH` alone.

#![allow(dead_code)] // Each test binary uses a part.

mod home;
pub mod keys;

use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{PipeWriter, Read, Write};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use rustix::event::{PollFd, PollFlags};
pub use rustix::process::Signal;
use rustix::termios::Winsize;
pub use vt100::Screen;

pub use self::home::Home;

/// How to start a program.
pub struct Setup {
    command: Vec<OsString>,
    home: Home,
    /// After the home's; `None` takes a variable away.
    env: Vec<(OsString, Option<OsString>)>,
    size: (u16, u16),
    /// Rows that the terminal remembers above its screen.
    scrollback: usize,
    deadline: Duration,
}

impl Setup {
    /// The binary of this crate.
    pub fn hobnob() -> Self {
        match option_env!("CARGO_BIN_EXE_hobnob") {
            Some(program) => Self::program(program),
            None => panic!("only a test or a bench is told where it is"),
        }
    }

    pub fn program(program: impl Into<OsString>) -> Self {
        Self {
            command: vec![program.into()],
            home: Home::new(),
            env: Vec::new(),
            size: (80, 24),
            scrollback: 0,
            deadline: Duration::from_secs(60),
        }
    }

    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.command.push(arg.into());
        self
    }

    #[must_use]
    pub fn home(mut self, home: &Home) -> Self {
        self.home = home.clone();
        self
    }

    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), Some(value.into())));
        self
    }

    #[must_use]
    pub fn without_env(mut self, name: impl Into<OsString>) -> Self {
        self.env.push((name.into(), None));
        self
    }

    #[must_use]
    pub fn size(mut self, columns: u16, rows: u16) -> Self {
        self.size = (columns, rows);
        self
    }

    #[must_use]
    pub fn scrollback(mut self, rows: usize) -> Self {
        self.scrollback = rows;
        self
    }

    /// For every wait of this terminal.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    pub fn start(self) -> Pty {
        Pty::start(self)
    }
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// `None` where a signal killed it.
    pub code: Option<u32>,
    pub signal: Option<String>,
}

/// What a program has asked of the terminal by now.
#[allow(clippy::struct_excessive_bools)] // A terminal has that many switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Modes {
    pub alternate_screen: bool,
    pub cursor_hidden: bool,
    pub bracketed_paste: bool,
    pub mouse: bool,
    pub focus_events: bool,
    /// Within a synchronized update.
    pub updating: bool,
    /// Kitty keyboard flags pushed and not popped; main screen and alternate screen each have their own.
    pub keyboard_flags: [u8; 2],
}

/// The driver's modes, as `stty` shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverModes {
    pub input: rustix::termios::InputModes,
    pub output: rustix::termios::OutputModes,
    pub control: rustix::termios::ControlModes,
    pub local: rustix::termios::LocalModes,
}

/// Modes that vt100 leaves to us.
#[derive(Default)]
struct Extra {
    focus_events: bool,
    updating: bool,
    keyboard_flags: [u8; 2],
}

impl vt100::Callbacks for Extra {
    fn unhandled_csi(&mut self, screen: &mut Screen, first: Option<u8>, _: Option<u8>, params: &[&[u16]], end: char) {
        let pushed = &mut self.keyboard_flags[usize::from(screen.alternate_screen())];
        match (first, end) {
            (Some(b'?'), 'h' | 'l') => {
                for param in params {
                    match param {
                        [1004] => self.focus_events = end == 'h',
                        [2026] => self.updating = end == 'h',
                        _ => {}
                    }
                }
            }
            (Some(b'>'), 'u') => *pushed += 1,
            (Some(b'<'), 'u') => *pushed = pushed.saturating_sub(1),
            _ => {}
        }
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    parser: vt100::Parser<Extra>,
    raw: Vec<u8>,
    /// When the last bytes came.
    heard: Instant,
    /// Nobody reads any more.
    closed: bool,
    exit: Option<Exit>,
}

impl State {
    /// In the middle of a frame that will be whole. A terminal shows none of it until then.
    fn is_drawing(&self) -> bool {
        self.parser.callbacks().updating && self.exit.is_none() && !self.closed
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A wait that was in vain is no reason for the other threads to fail too.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Until something changes.
    fn wait<'a>(&self, state: MutexGuard<'a, State>, at_most: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, at_most).unwrap_or_else(PoisonError::into_inner).0
    }
}

/// A program in its terminal. Killed when dropped.
pub struct Pty {
    pub home: Home,
    shared: Arc<Shared>,
    /// The terminal's side. `None` after `hang_up`.
    master: Option<File>,
    /// The program's side: keeps the driver's modes and lets us look at them after the program is gone.
    program_side: Option<File>,
    reader: Option<(JoinHandle<()>, PipeWriter)>,
    pid: rustix::process::Pid,
    before: DriverModes,
    deadline: Duration,
}

const AFTER_THE_END: Duration = Duration::from_secs(20);

/// What is written to the terminal behind the program's back, to know that all before it has been read.
const MARK: &[u8] = b"\x1b]7777;all read\x07";

impl Pty {
    fn start(setup: Setup) -> Self {
        let Setup { command, home, env, size: (columns, rows), scrollback, deadline } = setup;
        let pair = native_pty_system()
            .openpty(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 })
            .expect("a terminal");
        let master = own(pair.master.as_raw_fd().expect("a descriptor"));
        let name = pair.master.tty_name().expect("a name");
        let program_side = open_terminal(&name);
        let before = driver_modes(&program_side);

        let mut builder = CommandBuilder::from_argv(command);
        builder.cwd(home.path());
        builder.env_clear();
        for (name, value) in home.env() {
            builder.env(name, value);
        }
        for (name, value) in env {
            match value {
                Some(value) => builder.env(name, value),
                None => builder.env_remove(name),
            }
        }
        let mut child = pair.slave.spawn_command(builder).expect("the program starts");
        let pid = child.process_id().and_then(|id| i32::try_from(id).ok()).expect("an id");
        let pid = rustix::process::Pid::from_raw(pid).expect("not zero");
        drop(pair);

        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                parser: vt100::Parser::new_with_callbacks(rows, columns, scrollback, Extra::default()),
                raw: Vec::new(),
                heard: Instant::now(),
                closed: false,
                exit: None,
            }),
            changed: Condvar::new(),
        });
        let waiter = Arc::clone(&shared);
        std::thread::spawn(move || {
            let status = child.wait().expect("it can be waited for");
            let signal = status.signal().map(str::to_owned);
            let code = signal.is_none().then(|| status.exit_code());
            waiter.change(|state| state.exit = Some(Exit { code, signal }));
        });
        let reader = read_in_background(master.try_clone().expect("another descriptor"), Arc::clone(&shared));
        Self {
            home,
            shared,
            master: Some(master),
            program_side: Some(program_side),
            reader: Some(reader),
            pid,
            before,
            deadline,
        }
    }

    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Sends what a terminal would; see `keys`.
    pub fn send(&mut self, input: &str) {
        let master = self.master.as_mut().expect("the terminal is there");
        master.write_all(input.as_bytes()).expect("the terminal takes it");
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.shared.change(|state| state.parser.screen_mut().set_size(rows, columns));
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(self.master.as_ref().expect("the terminal is there"), size).expect("resized");
    }

    /// To the program's first process.
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.pid, signal).expect("it runs");
    }

    /// Reads no more, and fills what the terminal holds until it takes nothing more, as a lost link that nobody has noticed
    /// yet does. `wait_exit` reads again.
    pub fn clog(&mut self) {
        use rustix::fs::OFlags;
        self.stop_reading();
        let program_side = self.program_side.as_ref().expect("the terminal is there");
        let before = rustix::fs::fcntl_getfl(program_side).expect("flags");
        rustix::fs::fcntl_setfl(program_side, before | OFlags::NONBLOCK).expect("set");
        while rustix::io::write(program_side, b".").is_ok() {}
        rustix::fs::fcntl_setfl(program_side, before).expect("set");
    }

    /// Waits until the program has read all that was sent.
    #[track_caller]
    pub fn wait_until_taken(&self) {
        let program_side = self.program_side.as_ref().expect("the terminal is there");
        let start = Instant::now();
        while rustix::io::ioctl_fionread(program_side).expect("it is a terminal") > 0 {
            assert!(start.elapsed() < self.deadline, "it does not read");
            std::thread::yield_now();
        }
    }

    fn stop_reading(&mut self) {
        if let Some((thread, stop)) = self.reader.take() {
            drop(stop);
            thread.join().expect("the reader ends");
        }
    }

    /// Closes the terminal, as a lost connection does.
    pub fn hang_up(&mut self) {
        self.stop_reading();
        self.program_side = None;
        self.master = None;
    }

    /// Writes to the terminal as another program that has it would.
    pub fn write_behind_its_back(&self, output: &str) {
        let mut program_side = self.program_side.as_ref().expect("the terminal is there");
        program_side.write_all(output.as_bytes()).expect("the terminal takes it");
    }

    /// Gives the driver the modes that it had before the program, as a shell would.
    pub fn set_sane(&self) {
        let program_side = self.program_side.as_ref().expect("the terminal is there");
        let mut modes = rustix::termios::tcgetattr(program_side).expect("it is a terminal");
        modes.input_modes = self.before.input;
        modes.output_modes = self.before.output;
        modes.control_modes = self.before.control;
        modes.local_modes = self.before.local;
        rustix::termios::tcsetattr(program_side, rustix::termios::OptionalActions::Now, &modes).expect("modes are set");
    }

    /// The screen as a person sees it now, or as soon as the frame that is under way is whole.
    pub fn screen(&self) -> Screen {
        let start = Instant::now();
        let mut state = self.shared.lock();
        while state.is_drawing() && start.elapsed() < self.deadline {
            state = self.shared.wait(state, self.deadline);
        }
        state.parser.screen().clone()
    }

    /// Its text, a line per row, without blanks at the ends.
    pub fn text(&self) -> String {
        self.screen().contents()
    }

    /// The text of the scrollback and of the screen below it, a line per row.
    pub fn everything(&self) -> String {
        let mut screen = self.screen();
        let (_, columns) = screen.size();
        screen.set_scrollback(usize::MAX);
        let mut text = String::new();
        for back in (1..=screen.scrollback()).rev() {
            screen.set_scrollback(back);
            text.extend(screen.rows(0, columns).take(1).map(|row| row.trim_end().to_owned() + "\n"));
        }
        screen.set_scrollback(0);
        text + &screen.contents()
    }

    /// Every byte that the program has written.
    pub fn raw(&self) -> Vec<u8> {
        self.shared.lock().raw.clone()
    }

    pub fn modes(&self) -> Modes {
        modes(&self.shared.lock())
    }

    pub fn driver_modes(&self) -> DriverModes {
        driver_modes(self.program_side.as_ref().expect("the terminal is there"))
    }

    /// Waits until the screen is as `condition` wants it; `what` says it in words.
    #[track_caller]
    pub fn wait_for(&self, what: &str, mut condition: impl FnMut(&Screen) -> bool) {
        self.wait(what, |state| !state.is_drawing() && condition(state.parser.screen()));
    }

    #[track_caller]
    pub fn wait_for_text(&self, text: &str) {
        self.wait_for(&format!("the text {text:?}"), |screen| screen.contents().contains(text));
    }

    #[track_caller]
    pub fn wait_for_modes(&self, what: &str, mut condition: impl FnMut(Modes) -> bool) {
        self.wait(what, |state| condition(modes(state)));
    }

    /// Waits until what the program has written by now is as `condition` wants it.
    #[track_caller]
    pub fn wait_for_raw(&self, what: &str, mut condition: impl FnMut(&[u8]) -> bool) {
        self.wait(what, |state| condition(&state.raw));
    }

    /// Waits until the program has written nothing for as long as `quiet`.
    #[track_caller]
    pub fn wait_for_quiet(&self, quiet: Duration) {
        let deadline = Instant::now() + self.deadline;
        let mut state = self.shared.lock();
        loop {
            let left = quiet.saturating_sub(state.heard.elapsed());
            if left.is_zero() {
                return;
            }
            assert!(Instant::now() < deadline, "it was never quiet for {quiet:?}\n{}", Dump(&state));
            state = self.shared.wait(state, left);
        }
    }

    /// Waits until for so long nothing was written, and none of the program's threads was woken up.
    #[cfg(target_os = "linux")]
    #[track_caller]
    pub fn wait_for_rest(&self, long: Duration) {
        let now = || (self.shared.lock().raw.len(), wake_ups(self.pid()));
        let deadline = Instant::now() + self.deadline;
        let (mut since, mut seen) = (Instant::now(), now());
        while since.elapsed() < long {
            assert!(Instant::now() < deadline, "it was never at rest for {long:?}: {seen:?}");
            std::thread::park_timeout(Duration::from_millis(50));
            let is = now();
            if is != seen {
                (since, seen) = (Instant::now(), is);
            }
        }
    }

    /// Waits for the end; all that was written has been read then.
    #[track_caller]
    pub fn wait_exit(&mut self) -> Exit {
        self.wait("the end of the program", |state| state.exit.is_some());
        if let (None, Some(master)) = (&self.reader, &self.master) {
            let master = master.try_clone().expect("another descriptor");
            self.reader = Some(read_in_background(master, Arc::clone(&self.shared)));
        }
        if let Some(mut program_side) = self.program_side.as_ref() {
            program_side.write_all(MARK).expect("the terminal takes it");
            self.wait("all output", |state| state.raw.ends_with(MARK));
            self.shared.change(|state| state.raw.truncate(state.raw.len() - MARK.len()));
        }
        self.shared.lock().exit.clone().expect("it has ended")
    }

    /// The terminal is as it was before the program.
    #[track_caller]
    pub fn assert_restored(&self) {
        let state = self.shared.lock();
        assert_eq!(modes(&state), Modes::default(), "modes are left on\n{}", Dump(&state));
        drop(state);
        assert_eq!(self.driver_modes(), self.before, "the driver's modes have changed");
    }

    #[track_caller]
    fn wait(&self, what: &str, mut condition: impl FnMut(&State) -> bool) {
        let start = Instant::now();
        let mut state = self.shared.lock();
        while !condition(&state) {
            // After the program's end there is only what it wrote before to come.
            let deadline = if state.exit.is_some() { self.deadline.min(AFTER_THE_END) } else { self.deadline };
            let left = deadline.saturating_sub(start.elapsed());
            assert!(!left.is_zero(), "waited {deadline:?} in vain for {what}\n{}", Dump(&state));
            state = self.shared.wait(state, left);
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if self.shared.lock().exit.is_none() {
            let _ = rustix::process::kill_process(self.pid, Signal::KILL);
        }
        self.hang_up();
    }
}

fn modes(state: &State) -> Modes {
    let (screen, extra) = (state.parser.screen(), state.parser.callbacks());
    Modes {
        alternate_screen: screen.alternate_screen(),
        cursor_hidden: screen.hide_cursor(),
        bracketed_paste: screen.bracketed_paste(),
        mouse: screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None,
        focus_events: extra.focus_events,
        updating: extra.updating,
        keyboard_flags: extra.keyboard_flags,
    }
}

/// Of each thread.
#[cfg(target_os = "linux")]
fn wake_ups(pid: i32) -> Vec<(String, String)> {
    let mut all: Vec<_> = std::fs::read_dir(format!("/proc/{pid}/task"))
        .expect("it runs")
        .flatten()
        .filter_map(|task| {
            let status = std::fs::read_to_string(task.path().join("status")).ok()?;
            let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"))?;
            Some((task.file_name().to_string_lossy().into_owned(), line.to_owned()))
        })
        .collect();
    all.sort();
    all
}

fn driver_modes(terminal: &File) -> DriverModes {
    let modes = rustix::termios::tcgetattr(terminal).expect("it is a terminal");
    DriverModes {
        input: modes.input_modes,
        output: modes.output_modes,
        control: modes.control_modes,
        local: modes.local_modes,
    }
}

/// Without making it ours.
fn open_terminal(name: &Path) -> File {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    File::from(rustix::fs::open(name, flags, Mode::empty()).expect("the terminal opens"))
}

/// A descriptor of our own, because the library's can neither be waited on nor be closed in time.
#[allow(unsafe_code)]
fn own(descriptor: i32) -> File {
    // SAFETY: the descriptor is the library's, open while it is copied.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    File::from(borrowed.try_clone_to_owned().expect("another descriptor"))
}

/// Reads until there is nothing more, or until the descriptor that it answers with is dropped.
fn read_in_background(mut master: File, shared: Arc<Shared>) -> (JoinHandle<()>, PipeWriter) {
    let (stopped, stop) = std::io::pipe().expect("a pipe");
    let thread = std::thread::spawn(move || {
        let mut bytes = [0; 16384];
        loop {
            let mut ready = [PollFd::new(&master, PollFlags::IN), PollFd::new(&stopped, PollFlags::IN)];
            if rustix::event::poll(&mut ready, None).is_err() {
                continue;
            }
            if !ready[1].revents().is_empty() {
                break;
            }
            match master.read(&mut bytes) {
                Ok(0) | Err(_) => break,
                Ok(read) => shared.change(|state| {
                    state.raw.extend_from_slice(&bytes[..read]);
                    state.parser.process(&bytes[..read]);
                    state.heard = Instant::now();
                }),
            }
        }
        shared.change(|state| state.closed = true);
    });
    (thread, stop)
}

/// What a person needs to see when a wait was in vain.
struct Dump<'a>(&'a State);

impl fmt::Display for Dump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let screen = self.0.parser.screen();
        let (rows, columns) = screen.size();
        let rule = "─".repeat(usize::from(columns));
        writeln!(f, "┌{rule}┐")?;
        for row in screen.rows(0, columns) {
            let width = unicode_width::UnicodeWidthStr::width(row.as_str());
            writeln!(f, "│{row}{}│", " ".repeat(usize::from(columns).saturating_sub(width)))?;
        }
        writeln!(f, "└{rule}┘ {columns}x{rows}, cursor at {:?}", screen.cursor_position())?;
        writeln!(f, "{:?}, exit: {:?}, closed: {}", modes(self.0), self.0.exit, self.0.closed)?;
        let tail = &self.0.raw[self.0.raw.len().saturating_sub(400)..];
        let mut shown = String::new();
        for byte in tail {
            write!(shown, "{}", byte.escape_ascii())?;
        }
        write!(f, "last bytes: {shown}")
    }
}
