//! A file that is arriving: written in place wherever its parts belong, shown only when it is whole and right.
//!
//! It has a name of its own beside the blob, `ETAG.hobnob.incomplete`, and not the `ETAG.incomplete` of the Python client:
//! that client goes on at the end of such a file, and this one may have gaps before its end.
//!
//! There are file systems on which locks do nothing, and most of them don't say so. So nothing here harms another writer of
//! the same file, who brings the same bytes: it is never cut, and who is not alone with it has it checked once more.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::units;
use crate::error::{ErrorKind, UserError, reason};
use crate::hub::cache::{BlobLock, Etag, RepoCache};
use crate::hub::display_path;
use crate::hub::journal::{self, Journal};
use crate::hub::spans::Spans;
use crate::machine::disk::{Room, room};

/// Read and written at a time.
pub(super) const CHUNK: usize = 1 << 20;

/// What an unfinished file and its journal are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    pub data: PathBuf,
    pub journal: PathBuf,
    /// Where older versions and the Python client leave what has arrived, without gaps.
    pub theirs: PathBuf,
}

impl Places {
    pub fn new(cache: &RepoCache, etag: &Etag) -> Self {
        let named = |ending: &str| cache.blobs().join(format!("{}.{ending}", etag.as_str()));
        Self { data: named("hobnob.incomplete"), journal: named("hobnob.journal"), theirs: cache.incomplete(etag) }
    }

    /// Bytes that have arrived so far, by whoever is getting it.
    pub fn arrived(&self) -> u64 {
        let ours = journal::of(&self.data).map(|kept| kept.have.bytes());
        ours.unwrap_or_else(|| fs::metadata(&self.theirs).map_or(0, |meta| meta.len()))
    }

    /// Forgets what has arrived. Whoever calls this holds the blob's lock.
    fn remove(&self) {
        for path in [&self.data, &self.journal, &self.theirs] {
            let _ = fs::remove_file(path);
        }
    }
}

/// The file that becomes a blob. Holds the blob's lock for as long as it can write. All that has arrived once stays as it
/// is: no byte is written a second time.
#[derive(Debug)]
pub(super) struct Partial {
    places: Places,
    data: File,
    size: u64,
    /// Something of it was here before this attempt.
    resumed: AtomicBool,
    /// Bytes that another program had got before.
    adopted: u64,
    state: Mutex<State>,
    /// Held while the disk takes what has arrived.
    syncing: Mutex<()>,
    /// How far it goes from the beginning without a gap.
    prefix: watch::Sender<u64>,
    _lock: BlobLock,
}

#[derive(Debug)]
struct State {
    have: Spans,
    journal: Journal,
}

impl Partial {
    /// Opens what an earlier attempt left, ours or another program's, or an empty file. `model` is the MODEL to go on with.
    ///
    /// # Errors
    /// As the file system says.
    pub fn open(cache: &RepoCache, etag: &Etag, size: u64, model: &str, lock: BlobLock) -> io::Result<Self> {
        let places = Places::new(cache, etag);
        let adopted = if places.data.exists() { 0 } else { adopt(&places, size, model)? };
        let mut have = Spans::default();
        have.add(0..adopted);
        if let Some(kept) = journal::read(&places.journal).filter(|kept| kept.size == size) {
            // A file that lost its end is as good as what is left of it.
            let len = fs::metadata(&places.data).map_or(0, |meta| meta.len());
            kept.have.iter().for_each(|span| have.add(span.start..span.end.min(len).max(span.start)));
        }
        let data = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&places.data)?;
        if have.bytes() > 0 {
            // The new journal says of everything that it is on the disk.
            data.sync_data()?;
        }
        // What is left of something else is written over, and must not be longer.
        if data.metadata()?.len() > size {
            data.set_len(size)?;
        }
        let journal = Journal::create(&places.journal, size, model, &have)?;
        let prefix = watch::Sender::new(have.prefix());
        let resumed = AtomicBool::new(have.bytes() > 0);
        let (state, syncing) = (Mutex::new(State { have, journal }), Mutex::default());
        Ok(Self { places, data, size, resumed, adopted, state, syncing, prefix, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.places.data
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether damage could be of an earlier attempt.
    pub fn resumed(&self) -> bool {
        self.resumed.load(Ordering::Relaxed)
    }

    /// Whether nobody else has opened it since: who does has a journal of their own.
    pub fn is_alone(&self) -> bool {
        self.state().journal.is_at(&self.places.journal)
    }

    /// Bytes that are here.
    pub fn arrived(&self) -> u64 {
        self.state().have.bytes()
    }

    pub fn is_whole(&self) -> bool {
        self.arrived() == self.size
    }

    /// What is still to come.
    pub fn gaps(&self) -> Vec<Range<u64>> {
        self.state().have.gaps(0..self.size)
    }

    /// Tells how far it goes from the beginning without a gap, now and as it grows.
    pub fn prefix(&self) -> watch::Receiver<u64> {
        self.prefix.subscribe()
    }

    /// Writes bytes where they belong, except those that are here already. No two calls at the same time may bring the same
    /// bytes.
    ///
    /// # Errors
    /// As the file system says.
    pub fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let span = at..at + bytes.len() as u64;
        let gaps = self.state().have.gaps(span.clone());
        for gap in gaps {
            let part = |byte: u64| usize::try_from(byte - at).unwrap_or(usize::MAX);
            self.data.write_all_at(&bytes[part(gap.start)..part(gap.end)], gap.start)?;
        }
        let mut state = self.state();
        state.have.add(span);
        // Only after the bytes themselves.
        if let Some(around) = state.have.around(at).cloned() {
            let near = around.start.max(at.saturating_sub(journal::PIECE))
                ..around.end.min(at + bytes.len() as u64 + journal::PIECE);
            state.journal.written(&near)?;
        }
        let prefix = state.have.prefix();
        drop(state);
        self.prefix.send_if_modified(|known| std::mem::replace(known, prefix) != prefix);
        Ok(())
    }

    /// Has the disk take what has arrived, and then writes down that it did.
    ///
    /// # Errors
    /// As the file system says.
    pub fn sync(&self) -> io::Result<()> {
        let _syncing = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let pieces = self.state().journal.unsafe_pieces();
        if pieces.is_empty() {
            return Ok(());
        }
        self.data.sync_data()?;
        self.state().journal.safe(&pieces)
    }

    /// Reads bytes that have arrived.
    ///
    /// # Errors
    /// As the file system says.
    pub fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.data.read_exact_at(buffer, at)
    }

    /// Forgets everything that has arrived. From now on damage is not of an earlier attempt.
    ///
    /// # Errors
    /// As the file system says.
    pub fn restart(&self) -> io::Result<()> {
        // What the disk is taking at this moment counts no more.
        let _syncing = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.state();
        state.journal.clear()?;
        state.have.clear();
        self.resumed.store(false, Ordering::Relaxed);
        self.prefix.send_replace(0);
        Ok(())
    }

    /// Takes away all that has arrived.
    pub fn discard(&self) {
        self.places.remove();
    }

    /// Takes away what has arrived here, of a file that is right as far as anybody knows: what another program had begun is
    /// its own again.
    ///
    /// # Errors
    /// As the file system says.
    pub fn give_back(&self) -> io::Result<()> {
        if self.adopted > 0 && self.resumed() {
            self.data.set_len(self.adopted)?;
            fs::rename(&self.places.data, &self.places.theirs)?;
            return fs::remove_file(&self.places.journal);
        }
        self.discard();
        Ok(())
    }

    /// Gives the file its final name. It is on the disk before it has it, so that a power cut can't leave a name with
    /// nothing behind.
    ///
    /// # Errors
    /// As the file system says.
    pub fn finish(&self, blob: &Path) -> io::Result<()> {
        self.data.sync_all()?;
        let ours = self.data.metadata()?;
        let named = fs::metadata(&self.places.data);
        // Somebody who was not kept out was faster: it is the same file, or as good.
        if named.is_ok_and(|named| (named.dev(), named.ino()) == (ours.dev(), ours.ino())) {
            match fs::rename(&self.places.data, blob) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => {
                    renamed?;
                    self.places.remove();
                    return Ok(());
                }
            }
        }
        if blob.exists() { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes over what another program, or an older version of this one, left under its name: the start of the file, without
/// gaps. How much of it there is.
fn adopt(places: &Places, size: u64, model: &str) -> io::Result<u64> {
    let len = match fs::metadata(&places.theirs) {
        Ok(meta) => meta.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    // Nothing of a larger size can become the file: it is of something else.
    if len == 0 || len > size {
        return Ok(0);
    }
    let mut have = Spans::default();
    have.add(0..len);
    File::open(&places.theirs)?.sync_data()?;
    // First, so that there is never a moment in which nothing tells what the file has.
    Journal::create(&places.journal, size, model, &have)?;
    fs::rename(&places.theirs, &places.data)?;
    Ok(len)
}

/// Whether there is room for so many bytes more.
///
/// # Errors
/// A `Disk` error with both amounts.
pub(super) fn check_room(folder: &Path, needed: u64) -> Result<(), UserError> {
    // A file system that can't be asked is no reason to refuse: writing will tell.
    let Some(Room { free, .. }) = room(folder) else { return Ok(()) };
    if needed <= free {
        return Ok(());
    }
    Err(UserError::new(
        ErrorKind::Disk,
        format!(
            "the disk of {} is too full: {} needed, {} free",
            display_path(folder),
            units::bytes(needed),
            units::bytes(free)
        ),
    )
    .hint("make room, or set HF_HUB_CACHE to a folder on another disk"))
}

/// An error of the disk while writing a model.
pub(super) fn disk_error(path: &Path, error: &io::Error) -> UserError {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "make room, or set HF_HUB_CACHE to a folder on another disk; what has arrived is kept"
        }
        _ => "check the folder's permissions, or set HF_HUB_CACHE to another folder",
    };
    UserError::new(ErrorKind::Disk, format!("can't write {}: {}", display_path(path), reason(error))).hint(hint)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::model::RepoId;

    const SIZE: u64 = 4 * journal::PIECE;

    struct Made {
        root: tempfile::TempDir,
        cache: RepoCache,
        etag: Etag,
        content: Vec<u8>,
    }

    impl Made {
        fn new() -> Self {
            let root = tempfile::tempdir().expect("a folder");
            let cache = RepoCache::new(root.path(), &RepoId::parse("org/m").expect("a repository"));
            cache.create().expect("makes");
            let content = (0..SIZE).map(|n| u8::try_from(n % 251).expect("small")).collect();
            Self { root, cache, etag: Etag::parse("abc").expect("a name"), content }
        }

        /// As by a process of its own, where locks keep nobody out.
        fn open(&self, process: &str) -> Partial {
            let lock = BlobLock::attempt(&self.root.path().join(process)).expect("locks").expect("is free");
            Partial::open(&self.cache, &self.etag, SIZE, "org/m:Q4_0", lock).expect("opens")
        }

        fn write(&self, partial: &Partial, part: Range<u64>) {
            let (start, end) = (usize::try_from(part.start), usize::try_from(part.end));
            let bytes = &self.content[start.expect("small")..end.expect("small")];
            partial.write(part.start, bytes).expect("writes");
        }
    }

    #[test]
    fn two_that_no_lock_keeps_apart_end_well() {
        let made = Made::new();
        let blob = made.cache.blob(&made.etag);
        let first = made.open("first");
        // Less than the journal counts in, which the second knows nothing of.
        made.write(&first, 0..1000);
        let second = made.open("second");
        assert!(!first.is_alone() && second.is_alone() && !second.resumed());
        made.write(&first, 1000..SIZE);
        first.finish(&blob).expect("finishes");
        assert_eq!(fs::read(&blob).expect("reads"), made.content, "the second has cut nothing");
        made.write(&second, 0..SIZE);
        second.finish(&blob).expect("finds it done");
        assert_eq!(fs::read(&blob).expect("reads"), made.content);
        assert!(!first.path().exists());
        // One whose file somebody has taken away is not done.
        fs::remove_file(&blob).expect("removes");
        assert_eq!(second.finish(&blob).expect_err("is gone").kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_is_damaged_begins_anew_also_while_somebody_looks_at_it() {
        let made = Made::new();
        made.write(&made.open("first"), 0..2 * journal::PIECE);
        let partial = Arc::new(made.open("second"));
        let looks = Arc::clone(&partial);
        assert!(partial.resumed() && partial.arrived() == 2 * journal::PIECE);
        partial.restart().expect("begins anew");
        looks.sync().expect("syncs");
        assert!(!partial.resumed() && partial.gaps().first() == Some(&(0..SIZE)) && *partial.prefix().borrow() == 0);
        assert_eq!(made.open("third").arrived(), 0, "the journal says so too");
    }
}
