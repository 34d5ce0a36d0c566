//! Reading a file that may say anything: nothing is reserved on its word alone.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use super::fault::{Fault, Found};
use crate::error::{Shortage, reason};
use crate::machine::disk::open_unnoticed;

/// A file read front to back, which always knows how much of it is left.
pub(super) struct Reader {
    file: Box<dyn Source>,
    len: u64,
    at: u64,
    ran_out: bool,
}

trait Source: BufRead + Seek {}

impl<T: BufRead + Seek> Source for T {}

/// Opens a plain file; anything else (a pipe would wait for ever, a device has no end) is turned away.
pub(super) fn open(path: &Path) -> Found<(File, u64)> {
    let meta = path.metadata().map_err(|error| unreadable(&error))?;
    if meta.is_dir() {
        return Err(Fault::missing("it is a folder, not a file", "name a file in it"));
    }
    if !meta.is_file() {
        return Err(Fault::missing("it is not a plain file", "name a file that was downloaded whole"));
    }
    let file = open_unnoticed(path).map_err(|error| unreadable(&error))?;
    // Asked again of what was opened: the size is what every check below rests on.
    let meta = file.metadata().map_err(|error| unreadable(&error))?;
    if meta.is_file() {
        Ok((file, meta.len()))
    } else {
        Err(Fault::missing("it changed while it was opened", "try again"))
    }
}

pub(super) fn unreadable(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::NotFound => {
            Fault::missing("there is no such file", "`hobnob models` lists what is on this machine")
        }
        io::ErrorKind::PermissionDenied => {
            Fault::missing("this user may not read it", "change its permissions, or name another file")
        }
        _ => {
            let hint = Shortage::told_by(&error.to_string()).map(Shortage::hint);
            Fault::missing(reason(error), hint.unwrap_or("check the disk, or name another file"))
        }
    }
}

/// A whole small file; one larger than `most` is refused unread.
pub(super) fn read_small(path: &Path, most: u64) -> Found<Vec<u8>> {
    let (file, len) = open(path)?;
    if len > most {
        return Err(Fault::broken(format!("it has {len} bytes, and {most} is more than such a file ever needs")));
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    Ok(bytes)
}

impl Reader {
    pub fn open(path: &Path) -> Found<Self> {
        let (file, len) = open(path)?;
        Ok(Self { file: Box::new(BufReader::with_capacity(1 << 16, file)), len, at: 0, ran_out: false })
    }

    /// Of a file of `len` bytes, of which only the start is at hand.
    pub fn of_start(start: &[u8], len: u64) -> Self {
        Self { file: Box::new(Cursor::new(start.to_vec())), len, at: 0, ran_out: false }
    }

    /// Whether something was wanted that lies in the file, but not in the part that is at hand.
    pub fn ran_out(&self) -> bool {
        self.ran_out
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn position(&self) -> u64 {
        self.at
    }

    pub fn left(&self) -> u64 {
        self.len.saturating_sub(self.at)
    }

    pub fn seek(&mut self, to: u64) -> Found<()> {
        self.file.seek(SeekFrom::Start(to)).map_err(|error| unreadable(&error))?;
        self.at = to;
        Ok(())
    }

    /// Fails unless `bytes` more are there.
    pub fn expect(&self, bytes: u64, what: &str) -> Found<()> {
        if bytes <= self.left() {
            return Ok(());
        }
        Err(Fault::Broken(format!(
            "{what} would need {bytes} bytes, and only {} of its {} are left",
            self.left(),
            self.len
        )))
    }

    pub fn fill(&mut self, buffer: &mut [u8], what: &str) -> Found<()> {
        self.expect(buffer.len() as u64, what)?;
        self.file.read_exact(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                self.ran_out = true;
                Fault::Broken(format!("it ends in the middle of {what}"))
            }
            _ => unreadable(&error),
        })?;
        self.at += buffer.len() as u64;
        Ok(())
    }

    pub fn array<const N: usize>(&mut self, what: &str) -> Found<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    pub fn u32(&mut self, what: &str) -> Found<u32> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub fn u64(&mut self, what: &str) -> Found<u64> {
        self.array(what).map(u64::from_le_bytes)
    }

    pub fn skip(&mut self, bytes: u64, what: &str) -> Found<()> {
        self.expect(bytes, what)?;
        // Within the buffer this moves an index; beyond it, the file.
        let step = i64::try_from(bytes).map_err(|_| Fault::broken("it is larger than any file"))?;
        self.file.seek_relative(step).map_err(|error| unreadable(&error))?;
        self.at += bytes;
        Ok(())
    }

    /// A length and as many bytes, into `buffer`; longer than `most` is refused.
    pub fn text_into(&mut self, buffer: &mut Vec<u8>, most: usize, what: &str) -> Found<()> {
        let len = self.u64(what)?;
        self.expect(len, what)?;
        match usize::try_from(len) {
            Ok(len) if len <= most => {
                buffer.resize(len, 0);
                self.fill(buffer, what)
            }
            _ => Err(Fault::Broken(format!("{what} has {len} bytes, more than any model's"))),
        }
    }

    /// Skips a length and as many bytes.
    pub fn skip_text(&mut self, what: &str) -> Found<u64> {
        let len = self.u64(what)?;
        self.skip(len, what)?;
        Ok(len)
    }

    /// The first bytes, for telling what kind of file it is; nothing is consumed.
    pub fn peek(&mut self) -> &[u8] {
        self.file.fill_buf().unwrap_or_default()
    }
}
