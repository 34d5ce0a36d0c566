//! A file that is arriving: written in order, hashed on the way, shown only when it is whole and right.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::domain::units;
use crate::error::{ErrorKind, UserError, reason};
use crate::hub::cache::BlobLock;
use crate::hub::display_path;
use crate::machine::disk::{Room, room};

/// Read and written at a time.
pub(super) const CHUNK: usize = 1 << 20;

/// The `.incomplete` file of a blob. Holds the blob's lock for as long as it can write.
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    hasher: Sha256,
    len: u64,
    _lock: BlobLock,
}

impl Partial {
    /// Opens what an earlier attempt left, or an empty file. At most `size` bytes are kept; they are read once for the
    /// checksum, which `progress` follows and can end by answering `false`.
    ///
    /// # Errors
    /// As the file system says; `Interrupted` where `progress` ended it.
    pub fn open(path: &Path, size: u64, lock: BlobLock, mut progress: impl FnMut(u64) -> bool) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        if file.metadata()?.len() > size {
            // Nothing of this size can become the file: it is of something else.
            file.set_len(0)?;
        }
        let mut hasher = Sha256::new();
        let mut len = 0;
        let mut buffer = vec![0; CHUNK];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                read => {
                    hasher.update(&buffer[..read]);
                    len += read as u64;
                }
            }
            if !progress(len) {
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
        Ok(Self { path: path.to_owned(), file, hasher, len, _lock: lock })
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// As the file system says.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Forgets everything that has arrived.
    ///
    /// # Errors
    /// As the file system says.
    pub fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        io::Seek::rewind(&mut self.file)?;
        self.hasher = Sha256::new();
        self.len = 0;
        Ok(())
    }

    /// The SHA-256 of what has arrived.
    pub fn sha256(&self) -> String {
        use std::fmt::Write as _;
        self.hasher.clone().finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Gives the file its final name. It is on the disk before it has it, so that a power cut can't leave a name with nothing behind.
    ///
    /// # Errors
    /// As the file system says.
    pub fn finish(self, blob: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, blob)
    }
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
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room, or set HF_HUB_CACHE to a folder on another disk; what has arrived is kept"
        }
        _ => "check the folder's permissions, or set HF_HUB_CACHE to another folder",
    };
    UserError::new(ErrorKind::Disk, format!("can't write {}: {}", display_path(path), reason(error))).hint(hint)
}
