//! The answer on its way to stdout: nothing in it that a terminal obeys, exactly one newline at its end, and never a wait for a slow reader.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};

use crate::domain::PieceKind;
use crate::error::UserError;
use crate::headless::document;
use crate::headless::{Format, Quit, write_failed};
use crate::text::Sanitizer;

/// A pipe that reports room takes so much without blocking.
const CHUNK: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// How long a slow reader is left alone before it is offered more.
pub(super) const RETRY: Duration = Duration::from_millis(5);
/// How often to see whether the reader is still there while there is nothing to write.
pub(super) const LOOK: Duration = Duration::from_millis(200);

/// Stdout as a queue. Writing never blocks, so that a signal or a deadline is heard while the reader sleeps. (Making the
/// descriptor itself non-blocking would change it for every process that shares it.)
pub(super) struct Stdout {
    file: File,
    queue: Vec<u8>,
    sent: usize,
}

impl Stdout {
    pub fn open() -> io::Result<Self> {
        let own: OwnedFd = io::stdout().as_fd().try_clone_to_owned()?;
        Ok(Self { file: File::from(own), queue: Vec::new(), sent: 0 })
    }

    /// Queues bytes; [`Self::drain`] writes them.
    pub fn push(&mut self, bytes: &[u8]) {
        self.queue.extend_from_slice(bytes);
    }

    /// Whether nobody can read what is written from now on. A file can always be read.
    pub fn is_abandoned(&self) -> bool {
        let mut fds = [PollFd::new(&self.file, PollFlags::empty())];
        let ready = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        ready.is_ok_and(|n| n > 0) && fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
    }

    /// Writes what the reader takes now; says whether all is out.
    pub fn drain(&mut self) -> io::Result<bool> {
        while self.sent < self.queue.len() {
            if !self.has_room()? {
                return Ok(false);
            }
            let end = self.queue.len().min(self.sent + CHUNK);
            match self.file.write(&self.queue[self.sent..end]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => self.sent += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.queue.clear();
        self.sent = 0;
        Ok(true)
    }

    /// Errors count as room: the write will tell which one it is.
    fn has_room(&self) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.file, PollFlags::OUT)];
        match poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// One of an answer's two streams, as it may be shown.
#[derive(Default)]
struct Stream {
    sanitizer: Sanitizer,
    text: String,
    /// How much of `text` is queued or printed.
    printed: usize,
}

impl Stream {
    fn push(&mut self, piece: &str) {
        self.sanitizer.push_to(piece, &mut self.text);
    }

    /// What is new.
    fn fresh(&mut self) -> &str {
        let from = std::mem::replace(&mut self.printed, self.text.len());
        &self.text[from..]
    }

    /// What is new, up to the newlines at the end: they wait for what follows.
    fn fresh_body(&mut self) -> &str {
        let body = self.text.trim_end_matches('\n').len().max(self.printed);
        let from = std::mem::replace(&mut self.printed, body);
        &self.text[from..self.printed]
    }
}

/// An answer as it is printed.
pub(super) struct Answer {
    stdout: Stdout,
    format: Format,
    show_reasoning: bool,
    text: Stream,
    reasoning: Stream,
    /// Whether `<think>` is open.
    thinking: bool,
    /// The reader does not take what is there for it.
    clogged: bool,
}

impl Answer {
    pub fn open(format: Format, show_reasoning: bool) -> Result<Self, Quit> {
        Ok(Self {
            stdout: Stdout::open().map_err(|error| write_failed(&error))?,
            format,
            show_reasoning,
            text: Stream::default(),
            reasoning: Stream::default(),
            thinking: false,
            clogged: false,
        })
    }

    /// Queues a piece of the answer.
    pub fn push(&mut self, kind: PieceKind, piece: &str) {
        match kind {
            PieceKind::Reasoning if !self.show_reasoning => {}
            PieceKind::Reasoning => {
                self.reasoning.push(piece);
                match self.format {
                    Format::Text => self.print_reasoning(),
                    Format::JsonLines => self.print_event("reasoning", PieceKind::Reasoning),
                    Format::Json => {}
                }
            }
            PieceKind::Text => {
                self.text.push(piece);
                match self.format {
                    Format::Text => self.print_text(),
                    Format::JsonLines => self.print_event("delta", PieceKind::Text),
                    Format::Json => {}
                }
            }
        }
    }

    fn print_text(&mut self) {
        let fresh = self.text.fresh_body();
        if fresh.is_empty() {
            return;
        }
        if std::mem::take(&mut self.thinking) {
            self.stdout.push(b"\n</think>\n\n");
        }
        self.stdout.push(fresh.as_bytes());
    }

    fn print_reasoning(&mut self) {
        let fresh = self.reasoning.fresh_body();
        if fresh.is_empty() {
            return;
        }
        if !std::mem::replace(&mut self.thinking, true) {
            self.stdout.push(b"<think>\n");
        }
        self.stdout.push(fresh.as_bytes());
    }

    fn print_event(&mut self, event: &str, kind: PieceKind) {
        let stream = if kind == PieceKind::Text { &mut self.text } else { &mut self.reasoning };
        let fresh = stream.fresh();
        if !fresh.is_empty() {
            let line = document::event(event, json!({ "text": fresh }));
            self.push_line(&line);
        }
    }

    /// Queues a line of `--jsonl`; nothing in the other formats.
    pub fn event(&mut self, event: &str, fields: Value) {
        if self.format == Format::JsonLines {
            self.push_line(&document::event(event, fields));
        }
    }

    fn push_line(&mut self, document: &Value) {
        // Writing to memory can't fail.
        let _ = writeln!(self.stdout.queue, "{document}");
    }

    /// Queues the end: the final newline, or the document. `whole` is an answer that came to its end; one that was
    /// stopped before its first word leaves nothing behind.
    pub fn finish(&mut self, whole: bool, result: Value) {
        match self.format {
            Format::Text if self.thinking => self.stdout.push(b"\n</think>\n"),
            Format::Text if whole || self.text.printed > 0 => self.stdout.queue.push(b'\n'),
            Format::Text => {}
            Format::Json => self.push_line(&result),
            Format::JsonLines => self.event("done", result),
        }
    }

    /// Queues the end of an answer that failed.
    pub fn fail(&mut self, error: &UserError) {
        match self.format {
            Format::Text => self.finish(false, Value::Null),
            Format::Json => self.push_line(&document::error(error)),
            Format::JsonLines => self.event("error", document::error(error)),
        }
    }

    /// Writes what the reader takes now; says whether all is out.
    pub fn flush(&mut self) -> Result<bool, Quit> {
        let done = self.stdout.drain().map_err(|error| write_failed(&error))?;
        self.clogged = !done;
        Ok(done)
    }

    /// Waits until it is worth while to [`Self::tend`].
    pub async fn pause(&self) {
        tokio::time::sleep(if self.clogged { RETRY } else { LOOK }).await;
    }

    /// Sees to the reader while nothing else happens: offers what is left, or notices that nobody is there any more.
    pub fn tend(&mut self) -> Result<(), Quit> {
        if self.flush()? && self.stdout.is_abandoned() { Err(Quit::Code(0)) } else { Ok(()) }
    }

    pub fn text(&self) -> &str {
        &self.text.text
    }

    /// The reasoning, if there was any and it was asked for.
    pub fn reasoning(&self) -> Option<&str> {
        Some(self.reasoning.text.as_str()).filter(|text| !text.is_empty())
    }
}
