//! The person's side of the loop: one source for everything that comes from the terminal and from the system, one place to
//! draw to. The loop knows it by a trait, so that its tests need no terminal.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use rustix::fd::OwnedFd;
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::Signal;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{self, SignalKind};

use crate::app::App;
use crate::app::msg::TermEvent;
use crate::runtime::keys::Decoder;
use crate::runtime::output::Output;
use crate::runtime::screen::Screen;
use crate::runtime::terminal::{self, Features, TerminalGuard};

/// Why the interface ends from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Hangup,
    Interrupt,
    Quit,
    Terminate,
    /// The terminal can't be read or written any more.
    TerminalGone,
}

impl Ending {
    pub(super) fn exit_code(self) -> u8 {
        match self {
            Self::Hangup | Self::TerminalGone => 128 + 1,
            Self::Interrupt => 128 + 2,
            Self::Quit => 128 + 3,
            Self::Terminate => 128 + 15,
        }
    }
}

/// What can come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Occurrence {
    Term(TermEvent),
    /// The process was stopped and goes on: the shell had the terminal in between.
    Continued,
    /// The terminal has taken the last frame; drawing and sending it took so long.
    FrameOut(Duration),
    End(Ending),
}

pub(super) trait Console<S> {
    /// Waits for what happens next. May be dropped while it waits without losing anything.
    async fn next(&mut self) -> Occurrence;
    /// Draws a frame and begins to send it; `FrameOut` comes when the terminal has taken it.
    fn draw(&mut self, app: &mut S, now: Instant) -> io::Result<()>;
    fn size(&self) -> (u16, u16);
    /// Every cell goes out with the next frame.
    fn forget(&mut self);
    fn set_mouse(&mut self, on: bool) -> io::Result<()>;
    /// Sends a sequence that changes nothing on the screen.
    fn send(&mut self, sequence: &[u8]) -> io::Result<()>;
    /// Gives the terminal to somebody else, until `take`.
    fn lend(&mut self);
    /// Has the terminal back, or makes sure of it: modes, size, every cell.
    fn take(&mut self) -> io::Result<()>;
    /// What is to stay on the terminal when the interface is gone. Nothing is drawn after it.
    fn conclude(&mut self, _app: &mut S) {}
    /// Asks that this process and its job are stopped, as Ctrl-Z does, until the shell lets them go on. Does not wait for it.
    fn stop(&mut self);
}

/// The real one.
pub(super) struct Tty {
    guard: TerminalGuard,
    screen: Screen,
    output: Output,
    /// Nothing while the terminal is lent.
    input: Option<Input>,
    signals: Signals,
}

impl Tty {
    /// Needs a tokio runtime around it.
    pub(super) fn enter(features: Features) -> io::Result<Self> {
        // Before the modes: a signal in between would leave them.
        let signals = Signals::listen()?;
        terminal::heed_endings()?;
        let guard = TerminalGuard::enter(features)?;
        let screen = Screen::new(terminal::size(), features.inline)?;
        Ok(Self { guard, screen, output: Output::open(), input: Some(Input::open()?), signals })
    }
}

impl Console<App> for Tty {
    async fn next(&mut self) -> Occurrence {
        let input = async {
            match &mut self.input {
                Some(input) => input.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            occurrence = self.signals.next() => occurrence.unwrap_or_else(|| {
                let (columns, rows) = terminal::size();
                self.screen.resize((columns, rows));
                Occurrence::Term(TermEvent::Resize(columns, rows))
            }),
            cost = self.output.frame_out() => cost.map_or_else(|error| gone("written", &error), Occurrence::FrameOut),
            event = input => event.map_or_else(|error| gone("read", &error), Occurrence::Term),
        }
    }

    fn draw(&mut self, app: &mut App, now: Instant) -> io::Result<()> {
        let begun = Instant::now();
        let frame = self.screen.draw(app, now)?;
        self.output.send_frame(begun, &frame)
    }

    fn size(&self) -> (u16, u16) {
        self.screen.size()
    }

    fn forget(&mut self) {
        self.screen.forget();
    }

    fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        self.output.send(self.guard.set_mouse(on).as_bytes())
    }

    fn send(&mut self, sequence: &[u8]) -> io::Result<()> {
        self.output.send(sequence)
    }

    fn lend(&mut self) {
        // Where this fails the next write does too, and says so.
        let _ = self.output.finish();
        let _ = terminal::write_all(self.screen.retreat().as_bytes());
        // No thread reads the terminal for us: with this nobody of this process does.
        self.input = None;
        terminal::leave();
    }

    fn take(&mut self) -> io::Result<()> {
        // After a stop from outside a frame may be under way, on a terminal that takes nothing any more: nobody waits for it.
        self.output.send(self.guard.reenter()?.as_bytes())?;
        if self.input.is_none() {
            self.input = Some(Input::open()?);
        }
        self.screen.resize(terminal::size());
        self.screen.left();
        Ok(())
    }

    fn conclude(&mut self, app: &mut App) {
        if self.input.is_some() {
            let _ = self.output.finish();
            let _ = terminal::write_all(self.screen.conclude(app).as_bytes());
        }
    }

    fn stop(&mut self) {
        // The whole job, as the terminal driver would: the shell waits for all of it. Where no shell could let it go on,
        // the system ignores this.
        if let Err(error) = rustix::process::kill_current_process_group(Signal::TSTP) {
            tracing::warn!("could not stop: {error}");
        }
    }
}

fn gone(is_not: &str, error: &io::Error) -> Occurrence {
    tracing::warn!("the terminal can't be {is_not} any more: {error}");
    Occurrence::End(Ending::TerminalGone)
}

/// The terminal's input. Read where it is decoded, on the loop's own thread, and only when there is something to read.
struct Input {
    tty: AsyncFd<OwnedFd>,
    decoder: Decoder,
    decoded: VecDeque<TermEvent>,
    /// When an unfinished sequence or paste has waited long enough.
    give_up: Option<tokio::time::Instant>,
}

impl Input {
    fn open() -> io::Result<Self> {
        let tty = register(rustix::stdio::stdin().try_clone_to_owned()?).or_else(|error| {
            // macOS can't watch /dev/tty, only the terminal under its own name. Output or errors go to the same one.
            let others = [rustix::stdio::stdout(), rustix::stdio::stderr()].into_iter();
            others
                .filter_map(|fd| terminal::reopen(fd, OFlags::RDONLY).ok())
                .find_map(|fd| register(fd).ok())
                .ok_or(error)
        })?;
        Ok(Self { tty, decoder: Decoder::new(terminal::erase_byte()), decoded: VecDeque::new(), give_up: None })
    }

    /// An error means that the terminal is gone.
    async fn next(&mut self) -> io::Result<TermEvent> {
        let mut bytes = [0; 4096];
        loop {
            if let Some(event) = self.decoded.pop_front() {
                return Ok(event);
            }
            let pause = async {
                match self.give_up {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                ready = self.tty.readable() => {
                    let mut ready = ready?;
                    let closed = ready.ready().is_read_closed();
                    match read_available(ready.get_inner(), closed, &mut bytes) {
                        Ok(read) => self.decoder.feed(&bytes[..read], &mut self.decoded),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                            ready.clear_ready();
                            continue;
                        }
                        Err(error) => return Err(error),
                    }
                }
                () = pause => self.decoder.flush(&mut self.decoded),
            }
            self.give_up = self.decoder.patience().map(|time| tokio::time::Instant::now() + time);
        }
    }
}

#[allow(unsafe_code)]
fn register(tty: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor is owned: it stays open and the same for as long as it is registered.
    Ok(unsafe { AsyncFd::register_with_interest(tty, Interest::READABLE) }?)
}

/// Reads what is there and never waits; `closed` is what the system said when it called. The terminal itself stays in
/// blocking mode, because that mode is shared with the shell and with everybody else who has this terminal open; and it is
/// asked for the count of its bytes, because not every system can `poll` a terminal.
fn read_available(tty: &OwnedFd, closed: bool, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        if rustix::io::ioctl_fionread(tty)? == 0 {
            // A terminal in raw mode has no end of file: one that is closed has been hung up.
            let gone = if closed { io::ErrorKind::UnexpectedEof } else { io::ErrorKind::WouldBlock };
            return Err(gone.into());
        }
        match rustix::io::read(tty, &mut *bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => return Ok(read),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Signals from outside. Ctrl-C and Ctrl-Z are keys here and not among them.
struct Signals {
    hangup: unix::Signal,
    interrupt: unix::Signal,
    quit: unix::Signal,
    terminate: unix::Signal,
    goes_on: unix::Signal,
    resized: unix::Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            hangup: unix::signal(SignalKind::hangup())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            quit: unix::signal(SignalKind::quit())?,
            terminate: unix::signal(SignalKind::terminate())?,
            goes_on: unix::signal(SignalKind::from_raw(Signal::CONT.as_raw()))?,
            resized: unix::signal(SignalKind::window_change())?,
        })
    }

    /// `None`: the terminal's size has changed.
    async fn next(&mut self) -> Option<Occurrence> {
        tokio::select! {
            _ = self.terminate.recv() => Some(Occurrence::End(Ending::Terminate)),
            _ = self.interrupt.recv() => Some(Occurrence::End(Ending::Interrupt)),
            _ = self.hangup.recv() => Some(Occurrence::End(Ending::Hangup)),
            _ = self.quit.recv() => Some(Occurrence::End(Ending::Quit)),
            _ = self.goes_on.recv() => Some(Occurrence::Continued),
            _ = self.resized.recv() => None,
        }
    }
}
