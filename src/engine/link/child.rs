//! The engine's process as the parent holds it: how it is started, heard, told, measured and ended.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::memory::Memory;
use crate::engine::protocol::{FrameError, FromEngine, ToEngine, encode};
use crate::engine::wire::{self, Incoming};
use crate::engine::{Options, host};
use crate::error::{ErrorKind, Shortage, UserError, reason};

/// Lines that are kept to explain a death by.
const KEPT_LINES: usize = 20;
/// A longer line is cut: nothing that the engine prints may fill our memory.
const LONGEST_LINE: usize = 4096;
/// How long the last lines may take to come through after the process is gone.
const LAST_LINES: Duration = Duration::from_millis(500);

/// What the C library on Linux does with freed memory, in bytes: blocks from the first size on go back to the system at once,
/// and so does a free end of a heap that is longer than the second. By itself it raises the first to 32 MB as it sees fit,
/// and keeps a hundred megabytes of holes behind a long prompt. Half a megabyte is below what a layer keeps of a short
/// conversation: with four, forty turns left twice the room of their cache behind. No speed is lost by it.
const MALLOC: [(&str, &str); 2] = [("MALLOC_MMAP_THRESHOLD_", "524288"), ("MALLOC_TRIM_THRESHOLD_", "16777216")];

type Lines = Arc<Mutex<VecDeque<String>>>;

/// One process. Dropping it kills it, too; [`Child::end`] also waits.
pub(super) struct Child {
    process: tokio::process::Child,
    pid: Option<u32>,
    /// What it says; the end of it, or an error in it, is the end of the process.
    pub messages: UnboundedReceiver<FromEngine>,
    frames: UnboundedSender<Vec<u8>>,
    lines: Lines,
    log: JoinHandle<()>,
}

/// How a process ended.
#[derive(Debug, Default)]
pub(super) struct End {
    pub status: Option<ExitStatus>,
    /// What it printed last, oldest first.
    pub lines: Vec<String>,
}

/// What is started now is not what is running.
pub(super) fn replaced_on_disk() -> UserError {
    UserError::new(ErrorKind::LoadFailed, "hobnob was replaced on disk while it was running")
        .hint("quit and start it again")
}

impl Child {
    /// # Errors
    /// As the system says.
    pub fn start(options: &Options) -> Result<Self, UserError> {
        Self::spawn(options).map_err(|error| {
            let what = format!("the engine's process could not be started: {}", reason(&error));
            let hint = match Shortage::told_by(&error.to_string()) {
                Some(shortage) => shortage.hint().to_owned(),
                None => format!("`{}` must be this program", options.exe.display()),
            };
            UserError::new(ErrorKind::LoadFailed, what).hint(hint)
        })
    }

    fn spawn(options: &Options) -> io::Result<Self> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (log_end, output) = io::pipe()?;
        let process = {
            let mut command = Command::new(&options.exe);
            command
                .arg(host::ARGUMENT)
                .arg(options.verbose.to_string())
                .envs(MALLOC.into_iter().filter(|(name, _)| std::env::var_os(name).is_none()))
                .stdin(Stdio::from(OwnedFd::from(theirs)))
                .stdout(Stdio::from(output.try_clone()?))
                .stderr(Stdio::from(output))
                // Not in the terminal's foreground group: Ctrl-C, Ctrl-Z and a hang-up are the parent's to answer.
                .process_group(0)
                .kill_on_drop(true);
            command.spawn()?
            // The command goes here, and with it our copies of the child's ends: only then does their end reach us.
        };
        let (reading, writing) = UnixStream::from_std(ours)?.into_split();
        let (heard, messages) = unbounded_channel();
        let (frames, to_write) = unbounded_channel();
        tokio::spawn(read(Incoming::new(reading), heard));
        tokio::spawn(wire::write(writing, to_write));
        let lines = Lines::default();
        let log = tokio::spawn(read_log(pipe::Receiver::from_owned_fd(OwnedFd::from(log_end))?, lines.clone()));
        Ok(Self { pid: process.id(), process, messages, frames, lines, log })
    }

    /// Never waits. A process that is gone is noticed by the end of its messages.
    ///
    /// # Errors
    /// When the message can't be put into a frame.
    pub fn tell(&self, message: &ToEngine) -> Result<(), FrameError> {
        let frame = encode(message)?;
        let _ = self.frames.send(frame);
        Ok(())
    }

    /// What it takes of memory, if the process is there.
    pub fn memory(&self) -> Option<Memory> {
        Memory::of(self.pid?)
    }

    /// Kills it if it is still there, waits until it is gone with all of its memory, and tells how it went.
    pub async fn end(mut self) -> End {
        // A process that has ended by itself keeps its own status.
        let _ = self.process.start_kill();
        let status = self.process.wait().await.ok();
        if tokio::time::timeout(LAST_LINES, &mut self.log).await.is_err() {
            self.log.abort();
        }
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect();
        End { status, lines }
    }

    /// Like `end`, for a process whose messages have ended: it gets a moment to go by itself, so that its status says why.
    pub async fn bury(mut self) -> End {
        let by_itself = tokio::time::timeout(LAST_LINES, self.process.wait()).await.is_ok();
        let end = self.end().await;
        End { status: end.status.filter(|_| by_itself), ..end }
    }
}

async fn read(mut incoming: Incoming, heard: UnboundedSender<FromEngine>) {
    loop {
        match incoming.next().await {
            Ok(Some(message)) => {
                if heard.send(message).is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => {
                tracing::error!(target: "engine", "the engine's process can't be understood: {error}");
                return;
            }
        }
    }
}

/// Everything that the process prints, on either output, goes to the log and nowhere else.
async fn read_log(mut output: pipe::Receiver, lines: Lines) {
    let mut line = Vec::new();
    let mut bytes = vec![0; 8 << 10];
    loop {
        let n = match output.read(&mut bytes).await {
            Ok(0) | Err(_) => break,
            Ok(n) => n,
        };
        // Bars that redraw themselves end their lines with a carriage return.
        for byte in &bytes[..n] {
            match byte {
                b'\n' | b'\r' => keep_line(&mut line, &lines),
                byte if line.len() < LONGEST_LINE => line.push(*byte),
                _ => {}
            }
        }
    }
    keep_line(&mut line, &lines);
}

fn keep_line(line: &mut Vec<u8>, lines: &Lines) {
    let text: String = String::from_utf8_lossy(line).chars().filter(|c| !c.is_control()).collect();
    line.clear();
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    if text.starts_with("ERROR") || text.starts_with("PANIC") {
        tracing::error!(target: "engine", "{text}");
    } else if text.starts_with("WARN") {
        tracing::warn!(target: "engine", "{text}");
    } else {
        tracing::info!(target: "engine", "{text}");
    }
    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    if lines.len() == KEPT_LINES {
        lines.pop_front();
    }
    lines.push_back(text.to_owned());
}
