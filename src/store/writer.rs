//! Whose answer is growing: each process that writes holds a lock on a file of its own for as long as it lives, so that others
//! can tell an answer that is being made from one that was cut. The system frees it however the process ends.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::file::private;

/// This process, as one that writes.
#[derive(Debug)]
pub(super) struct Writer {
    folder: PathBuf,
    name: String,
    lock: Option<File>,
}

impl Writer {
    pub(super) fn new(file: &Path) -> Self {
        let name = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
        Self { folder: file.with_extension("writers"), name, lock: None }
    }

    /// Its name, once everybody can tell that it lives.
    pub(super) fn name(&mut self) -> io::Result<&str> {
        if self.lock.is_none() {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            let lock = private(&self.folder.join(&self.name))?;
            lock.lock()?;
            self.lock = Some(lock);
        }
        Ok(&self.name)
    }

    pub(super) fn own_name(&self) -> &str {
        &self.name
    }

    /// Another process of this name lives. Where that can't be told it does: nothing is taken from it.
    pub(super) fn lives(&self, name: &str) -> bool {
        if name == self.name {
            return true;
        }
        match File::open(self.folder.join(name)).map(|file| file.try_lock()) {
            Ok(Ok(())) => false,
            Ok(Err(TryLockError::WouldBlock | TryLockError::Error(_))) => true,
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Nothing of one that has died is growing any more.
    pub(super) fn bury(&self, name: &str) {
        let _ = fs::remove_file(self.folder.join(name));
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.lock.take().is_some() {
            self.bury(&self.name);
        }
    }
}
