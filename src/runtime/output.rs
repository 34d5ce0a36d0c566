//! The way to the screen. A terminal takes what it can: over a slow link a little at a time, over one that is lost nothing.
//! What it doesn't take at once waits here, and the loop goes on with everything else.

use std::future::pending;
use std::io;
use std::time::{Duration, Instant};

use rustix::fd::BorrowedFd;
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::runtime::terminal;

pub(super) struct Output {
    /// Says when there is room. `None` where the terminal can't be opened for us alone: each write waits then.
    terminal: Option<AsyncFd<BorrowedFd<'static>>>,
    queue: Queue,
    /// When the frame was begun that is not out yet.
    frame: Option<Instant>,
}

impl Output {
    /// Needs a tokio runtime around it.
    pub(super) fn open() -> Self {
        Self::to(terminal::own_output())
    }

    fn to(terminal: Option<BorrowedFd<'static>>) -> Self {
        Self { terminal: terminal.and_then(watch), queue: Queue::default(), frame: None }
    }

    /// Sends a frame that was begun at `begun`; `frame_out` says when it is out.
    pub(super) fn send_frame(&mut self, begun: Instant, frame: &[u8]) -> io::Result<()> {
        self.frame = Some(begun);
        self.send(frame)
    }

    /// Sends, after what is under way.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.queue.bytes.extend_from_slice(bytes);
        match &self.terminal {
            Some(terminal) => self.queue.push(*terminal.get_ref()).map(|_| ()),
            None => self.finish(),
        }
    }

    /// Waits until the frame is out, and sends on what waits here meanwhile; answers with the time since it was begun. May be
    /// dropped while it waits without losing anything.
    pub(super) async fn frame_out(&mut self) -> io::Result<Duration> {
        while let Some(terminal) = &self.terminal
            && !self.queue.bytes.is_empty()
        {
            let mut room = terminal.writable().await?;
            if !self.queue.push(*terminal.get_ref())? {
                room.clear_ready();
            }
        }
        match self.frame.take() {
            Some(begun) => Ok(begun.elapsed()),
            None => pending().await,
        }
    }

    /// Waits, and everything with it, until all is out: the terminal is about to be somebody else's.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let Queue { bytes, sent } = std::mem::take(&mut self.queue);
        terminal::write_all(&bytes[sent..])
    }
}

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    /// So many of them are out.
    sent: usize,
}

impl Queue {
    /// Sends what is taken at once; whether that was all.
    fn push(&mut self, terminal: BorrowedFd<'_>) -> io::Result<bool> {
        while self.sent < self.bytes.len() {
            match rustix::io::write(terminal, &self.bytes[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.sent += written,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        self.bytes.clear();
        self.sent = 0;
        Ok(true)
    }
}

#[allow(unsafe_code)]
fn watch(terminal: BorrowedFd<'static>) -> Option<AsyncFd<BorrowedFd<'static>>> {
    // SAFETY: the descriptor stays open and the same for as long as the program runs.
    let watched = unsafe { AsyncFd::register_with_interest(terminal, Interest::WRITABLE) };
    watched.inspect_err(|error| tracing::info!("the terminal's output can't be watched: {error}")).ok()
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::io::Read;
    use std::task::{Context, Poll, Waker};

    use rustix::fd::{AsFd, OwnedFd};
    use rustix::fs::{Mode, OFlags};

    use super::*;

    /// A terminal's two sides; ours doesn't wait, and stays open as the real one does.
    fn terminal() -> (Box<dyn Read + Send>, BorrowedFd<'static>, OwnedFd) {
        let pair = portable_pty::native_pty_system().openpty(portable_pty::PtySize::default()).expect("a terminal");
        let name = pair.master.tty_name().expect("a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK;
        let ours: &'static OwnedFd = Box::leak(Box::new(rustix::fs::open(&name, flags, Mode::empty()).expect("opens")));
        let mut modes = rustix::termios::tcgetattr(ours).expect("modes");
        modes.make_raw();
        rustix::termios::tcsetattr(ours, rustix::termios::OptionalActions::Now, &modes).expect("raw");
        let theirs = pair.master.try_clone_reader().expect("a reader");
        (theirs, ours.as_fd(), ours.try_clone().expect("another"))
    }

    fn is_out(output: &mut Output) -> bool {
        let future = std::pin::pin!(output.frame_out());
        matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(_)))
    }

    #[tokio::test]
    async fn what_is_taken_at_once_is_out_at_once() {
        let (mut theirs, ours, _open) = terminal();
        let mut output = Output::to(Some(ours));
        output.send_frame(Instant::now(), b"frame").expect("sent");
        assert!(is_out(&mut output));
        assert!(!is_out(&mut output), "it is said once");
        let mut read = [0; 16];
        assert_eq!(theirs.read(&mut read).expect("there"), 5);
    }

    #[tokio::test]
    async fn what_a_terminal_does_not_take_waits_and_comes_whole_and_in_order() {
        let (mut theirs, ours, _open) = terminal();
        let mut output = Output::to(Some(ours));
        let frame: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
        output.send_frame(Instant::now(), &frame).expect("sent");
        output.send(b"and a sequence").expect("sent");
        for _ in 0..3 {
            assert!(!is_out(&mut output), "nobody reads");
        }
        let expected = [&frame[..], b"and a sequence"].concat();
        let length = expected.len();
        let reader = std::thread::spawn(move || {
            let mut read = vec![0; length];
            theirs.read_exact(&mut read).expect("it comes");
            read
        });
        output.frame_out().await.expect("it goes out");
        assert!(reader.join().expect("reads") == expected, "not what was sent");
    }
}
