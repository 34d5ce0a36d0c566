//! The lines of a batch as they come: no more of them are in memory than are about to be answered.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::error::{ErrorKind, UserError, reason};
use crate::headless::prompt::MOST;

/// Lines that are read before they are wanted.
const AHEAD: usize = 4;

/// Where the lines come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Stdin,
    File(PathBuf),
}

impl Source {
    /// As the command line says it: a file, or `-`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        if path == Path::new("-") { Self::Stdin } else { Self::File(path.to_path_buf()) }
    }

    fn name(&self) -> String {
        match self {
            Self::Stdin => "stdin".to_owned(),
            Self::File(path) => format!("`{}`", path.display()),
        }
    }
}

/// A line as it was read, without a look into it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Raw {
    pub number: u64,
    /// `None` for one that is longer than anything that a model reads.
    pub bytes: Option<Vec<u8>>,
}

/// Lines on their way from a thread of its own: reading may wait for whoever writes.
pub(super) struct Lines {
    pub next: Receiver<Result<Raw, UserError>>,
    /// How many there are in all; 0 while nobody knows.
    pub total: Arc<AtomicU64>,
}

impl Lines {
    /// Begins to read, which for a named pipe waits until somebody writes. Counts the lines of a file as well where
    /// somebody wants to see how many there are.
    pub fn open(source: &Source, count: bool) -> Result<Self, UserError> {
        let (send, next) = channel(AHEAD);
        let total = Arc::new(AtomicU64::new(0));
        let name = source.name();
        match source {
            Source::Stdin => {
                std::thread::spawn(move || pass(io::stdin().lock(), &name, &send));
            }
            Source::File(path) => {
                let open = || File::open(path).map_err(|error| unreadable(&name, &error));
                let file = open()?;
                let about = file.metadata().map_err(|error| unreadable(&name, &error))?;
                if about.is_dir() {
                    return Err(unreadable(&name, &io::ErrorKind::IsADirectory.into()));
                }
                // A pipe can be read only once.
                if count && about.is_file() {
                    let (again, total) = (open()?, Arc::clone(&total));
                    std::thread::spawn(move || total.store(count_lines(again), Ordering::Relaxed));
                }
                std::thread::spawn(move || pass(BufReader::new(file), &name, &send));
            }
        }
        Ok(Self { next, total })
    }
}

fn unreadable(name: &str, error: &io::Error) -> UserError {
    UserError::new(ErrorKind::Usage, format!("{name} could not be read: {}", reason(error)))
        .hint("check the name and that you may read it")
}

/// Ends when there is no more, or nobody wants it.
fn pass(mut from: impl BufRead, name: &str, to: &Sender<Result<Raw, UserError>>) {
    for number in 1.. {
        match line(&mut from) {
            Ok(None) => return,
            Ok(Some(bytes)) => {
                if to.blocking_send(Ok(Raw { number, bytes })).is_err() {
                    return;
                }
            }
            Err(error) => {
                let _ = to.blocking_send(Err(unreadable(name, &error)));
                return;
            }
        }
    }
}

/// The next line; what is too long is passed over and never held. `None` at the end.
#[allow(clippy::option_option)] // no line, and a line that is too long
fn line(from: &mut impl BufRead) -> io::Result<Option<Option<Vec<u8>>>> {
    let mut bytes = Vec::new();
    let read = from.by_ref().take(MOST as u64 + 1).read_until(b'\n', &mut bytes)?;
    if read == 0 {
        return Ok(None);
    }
    if read <= MOST {
        return Ok(Some(Some(bytes)));
    }
    if bytes.last() != Some(&b'\n') {
        from.skip_until(b'\n')?;
    }
    Ok(Some(None))
}

/// Lines that hold something, near enough for a bar.
fn count_lines(file: File) -> u64 {
    let mut from = BufReader::with_capacity(1 << 16, file);
    let (mut lines, mut open) = (0, false);
    loop {
        let length = match from.fill_buf() {
            Ok([]) | Err(_) => return lines + u64::from(open),
            Ok(bytes) => {
                for byte in bytes {
                    match byte {
                        b'\n' => lines += u64::from(std::mem::take(&mut open)),
                        byte => open |= !byte.is_ascii_whitespace(),
                    }
                }
                bytes.len()
            }
        };
        from.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<Vec<u8>> {
        let mut from = text;
        std::iter::from_fn(|| line(&mut from).expect("memory can be read").flatten()).collect()
    }

    #[test]
    fn each_line_with_its_end_and_the_last_without() {
        assert_eq!(lines(b""), Vec::<Vec<u8>>::new());
        assert_eq!(lines(b"a\n\nb"), [&b"a\n"[..], b"\n", b"b"]);
    }

    #[test]
    fn lines_are_counted_as_they_are_answered() {
        for (text, expected) in [("", 0), ("a", 1), ("a\n\n \r\nb\n", 2), ("a\nb", 2)] {
            let file = tempfile::tempfile().expect("a file");
            std::io::Write::write_all(&mut &file, text.as_bytes()).expect("writes");
            std::io::Seek::rewind(&mut &file).expect("rewinds");
            assert_eq!(count_lines(file), expected, "{text:?}");
        }
    }
}
