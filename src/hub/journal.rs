//! What of an arriving file is on the disk, written down beside it: a line that says what the file is, then a mark for each
//! piece of it.
//!
//! A mark is made after its piece was written, so that the end of this program, however sudden, leaves no mark without its
//! piece: what was written is in the system's hands. The end of the whole machine is another matter, because disks take
//! things in the order they like. So a piece has a stronger mark once the disk itself said that it has it, and the weaker
//! one counts only for as long as the machine that made it runs.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::hub::spans::Spans;

/// Bytes of a piece. No more than this is lost of what a connection had brought when the program is killed, beside what was
/// not yet handed to the system.
pub(super) const PIECE: u64 = 128 << 10;
/// A journal of the largest file that there is is far smaller.
const LONGEST: u64 = 64 << 20;

const MISSING: u8 = b'.';
/// Handed to the system.
const WRITTEN: u8 = b'w';
/// On the disk.
const SAFE: u8 = b'#';

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    /// Of the whole file.
    size: u64,
    /// The MODEL that goes on with it.
    model: String,
    /// Which run of the machine the weaker marks are of.
    boot: String,
}

/// The journal of one file, open for writing. Whoever has it holds the lock of the blob.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    /// Where the marks begin.
    start: u64,
    size: u64,
    marks: Vec<u8>,
}

/// What a journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub size: u64,
    pub model: String,
    pub have: Spans,
}

impl Journal {
    /// Writes a journal in which `have` is on the disk, in place of any that is there, all of it or nothing.
    ///
    /// # Errors
    /// As the file system says.
    pub fn create(path: &Path, size: u64, model: &str, have: &Spans) -> io::Result<Self> {
        let mut marks = vec![MISSING; pieces(size)];
        for span in have.iter() {
            marks[whole_pieces(span, size)].fill(SAFE);
        }
        let head = Head { size, model: model.to_owned(), boot: boot() };
        let mut text = serde_json::to_vec(&head).map_err(io::Error::other)?;
        text.push(b'\n');
        let start = text.len() as u64;
        text.extend_from_slice(&marks);
        let fresh = path.with_extension("journal.tmp");
        fs::write(&fresh, &text)?;
        // On the disk before it has its name, or a power cut could leave an empty one in the place of a good one.
        let file = OpenOptions::new().read(true).write(true).open(&fresh)?;
        file.sync_data()?;
        fs::rename(&fresh, path)?;
        Ok(Self { file, start, size, marks })
    }

    /// Marks the pieces that `span` has whole as written.
    ///
    /// # Errors
    /// As the file system says.
    pub fn written(&mut self, span: &Range<u64>) -> io::Result<()> {
        let pieces = whole_pieces(span, self.size);
        let fresh: Vec<usize> = pieces.filter(|piece| self.marks[*piece] == MISSING).collect();
        for piece in &fresh {
            self.marks[*piece] = WRITTEN;
        }
        match (fresh.first(), fresh.last()) {
            (Some(first), Some(last)) => self.write(*first..*last + 1),
            _ => Ok(()),
        }
    }

    /// The pieces that are not known to be on the disk.
    pub fn unsafe_pieces(&self) -> Vec<usize> {
        (0..self.marks.len()).filter(|piece| self.marks[*piece] == WRITTEN).collect()
    }

    /// These are on the disk now, and so will be the note of it.
    ///
    /// # Errors
    /// As the file system says.
    pub fn safe(&mut self, pieces: &[usize]) -> io::Result<()> {
        for piece in pieces {
            if let Some(mark) = self.marks.get_mut(*piece).filter(|mark| **mark == WRITTEN) {
                *mark = SAFE;
            }
        }
        if let (Some(first), Some(last)) = (pieces.first(), pieces.last()) {
            self.write(*first..*last + 1)?;
        }
        Ok(())
    }

    /// Whether it is the one of that name, and nobody has put another in its place.
    pub fn is_at(&self, path: &Path) -> bool {
        let named = |meta: fs::Metadata| (meta.dev(), meta.ino());
        self.file.metadata().map(named).ok() == fs::metadata(path).map(named).ok()
    }

    /// Nothing of the file counts any more.
    ///
    /// # Errors
    /// As the file system says.
    pub fn clear(&mut self) -> io::Result<()> {
        self.marks.fill(MISSING);
        self.write(0..self.marks.len())?;
        self.file.sync_data()
    }

    fn write(&self, pieces: Range<usize>) -> io::Result<()> {
        self.file.write_all_at(&self.marks[pieces.clone()], self.start + pieces.start as u64)
    }
}

/// What the journal of this unfinished file says. Its length says nothing: it may have gaps.
pub(super) fn of(data: &Path) -> Option<Kept> {
    read(&data.with_extension("journal")).filter(|_| data.exists())
}

/// Reads a journal; `None` where there is none, or none that can be believed.
pub(super) fn read(path: &Path) -> Option<Kept> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(LONGEST).read_to_end(&mut text).ok()?;
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let head: Head = serde_json::from_slice(&text[..end]).ok()?;
    let marks = &text[end + 1..];
    if marks.len() != pieces(head.size) {
        return None;
    }
    let same_run = head.boot == boot();
    let mut have = Spans::default();
    for (piece, mark) in marks.iter().enumerate() {
        if *mark == SAFE || (*mark == WRITTEN && same_run) {
            let start = piece as u64 * PIECE;
            have.add(start..(start + PIECE).min(head.size));
        }
    }
    Some(Kept { size: head.size, model: head.model, have })
}

fn pieces(size: u64) -> usize {
    usize::try_from(size.div_ceil(PIECE)).unwrap_or(usize::MAX)
}

/// The pieces that lie in a span from end to end; the last one of a file is shorter.
fn whole_pieces(span: &Range<u64>, size: u64) -> Range<usize> {
    let first = span.start.div_ceil(PIECE);
    let end = if span.end >= size { size.div_ceil(PIECE) } else { span.end / PIECE };
    let index = |piece| usize::try_from(piece).unwrap_or(usize::MAX);
    index(first)..index(end.max(first))
}

/// A name for this run of the machine, as well as the system tells.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| format!("since {}", sysinfo::System::boot_time()), |id| id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 10 * PIECE + 7;

    /// From where to where.
    fn spans(all: &[(u64, u64)]) -> Spans {
        let mut spans = Spans::default();
        for (start, end) in all {
            spans.add(*start..*end);
        }
        spans
    }

    #[test]
    fn only_whole_pieces_are_claimed_and_the_last_may_be_short() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.journal");
        let mut journal = Journal::create(&path, SIZE, "org/m:Q4_0", &spans(&[(0, PIECE + 5)])).expect("creates");
        let have = |path: &Path| read(path).expect("reads").have;
        assert_eq!(have(&path), spans(&[(0, PIECE)]));
        journal.written(&(PIECE + 5..3 * PIECE - 1)).expect("writes");
        assert_eq!(have(&path), spans(&[(0, PIECE)]), "no piece is whole");
        journal.written(&(0..3 * PIECE)).expect("writes");
        journal.written(&(10 * PIECE..SIZE)).expect("writes");
        assert_eq!(have(&path), spans(&[(0, 3 * PIECE), (10 * PIECE, SIZE)]));
        let kept = read(&path).expect("reads");
        assert_eq!((kept.size, kept.model.as_str()), (SIZE, "org/m:Q4_0"));
        journal.clear().expect("writes");
        assert_eq!(have(&path), Spans::default());
    }

    #[test]
    fn after_the_machines_end_only_what_the_disk_had_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.journal");
        let mut journal = Journal::create(&path, SIZE, "m", &Spans::default()).expect("creates");
        journal.written(&(0..2 * PIECE)).expect("writes");
        journal.safe(&journal.unsafe_pieces()).expect("writes");
        journal.written(&(4 * PIECE..6 * PIECE)).expect("writes");
        assert_eq!(journal.unsafe_pieces(), [4, 5]);
        assert_eq!(read(&path).expect("reads").have, spans(&[(0, 2 * PIECE), (4 * PIECE, 6 * PIECE)]));
        // The same journal, of another run of the machine.
        let text = fs::read(&path).expect("reads");
        let end = text.iter().position(|byte| *byte == b'\n').expect("a line");
        let mut head: Head = serde_json::from_slice(&text[..end]).expect("reads");
        head.boot = "another".to_owned();
        let other = [serde_json::to_vec(&head).expect("writes"), text[end..].to_vec()].concat();
        fs::write(&path, other).expect("writes");
        assert_eq!(read(&path).expect("reads").have, spans(&[(0, 2 * PIECE)]));
    }

    #[test]
    fn what_is_no_journal_says_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.journal");
        assert_eq!(read(&path), None);
        Journal::create(&path, SIZE, "m", &spans(&[(0, SIZE)])).expect("creates");
        let whole = fs::read(&path).expect("reads");
        for broken in [&whole[..whole.len() - 1], &whole[1..], b"", b"\n", &[0; 200]] {
            fs::write(&path, broken).expect("writes");
            assert_eq!(read(&path), None);
        }
    }
}
