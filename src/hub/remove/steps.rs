//! The steps of a deletion. Each is done or not done; after each of them the cache is valid.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{ErrorKind, UserError, reason};
use crate::hub::cache::BlobLock;
use crate::hub::{display_path, shared};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A file or a link.
    File(PathBuf),
    /// A folder, unless something is in it.
    EmptyFolder(PathBuf),
    /// A folder with all that is in it, which nobody relies on.
    Tree(PathBuf),
    Rename(PathBuf, PathBuf),
    /// Bytes in a cache's shared store, unless somebody needs them still.
    Shared {
        cache: PathBuf,
        payload: PathBuf,
    },
    /// A repository's folder in which nothing is left but folders. They go at once: without some of them it is no
    /// repository, and a client would complain.
    Repository {
        folder: PathBuf,
        aside: PathBuf,
    },
}

impl Step {
    /// For whatever lies there.
    pub fn remove(path: PathBuf) -> Self {
        let is_folder = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir());
        if is_folder { Self::Tree(path) } else { Self::File(path) }
    }

    /// # Errors
    /// As the file system says. What is gone already is no error.
    pub fn carry_out(&self) -> Result<(), UserError> {
        let (path, result) = match self {
            Self::File(path) => (path, fs::remove_file(path)),
            Self::EmptyFolder(path) => (path, if_empty(fs::remove_dir(path))),
            Self::Tree(path) => (path, fs::remove_dir_all(path)),
            Self::Rename(from, to) => (from, fs::rename(from, to)),
            // The Python client would rather leave bytes behind than fail, too.
            Self::Shared { cache, payload } => {
                let swept = shared::sweep(cache, payload);
                return swept.or_else(|error| {
                    tracing::warn!(%error, payload = %payload.display(), "shared bytes were left");
                    Ok(())
                });
            }
            Self::Repository { folder, aside } => (folder, vanish(folder, aside)),
        };
        match result {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(UserError::new(
                ErrorKind::Disk,
                format!("{} can't be deleted: {}", display_path(path), reason(&error)),
            )
            .hint("check the permissions of its folder; what was deleted before it is gone")),
            _ => Ok(()),
        }
    }
}

fn if_empty(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        result => result,
    }
}

/// Takes a repository away at once, and puts it back if somebody has begun to write in it.
fn vanish(folder: &Path, aside: &Path) -> io::Result<()> {
    if let Some(above) = aside.parent() {
        fs::create_dir_all(above)?;
    }
    // Somebody may have been ended right here before.
    let _ = remove_folders(aside);
    fs::rename(folder, aside)?;
    if remove_folders(aside).is_err() {
        fs::create_dir_all(aside.join("snapshots"))?;
        return fs::rename(aside, folder);
    }
    Ok(())
}

/// Removes folders in which there are only folders.
fn remove_folders(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        remove_folders(&entry.path())?;
    }
    fs::remove_dir(folder)
}

/// Takes locks without waiting. None is made that isn't there: who has none is writing nothing.
///
/// # Errors
/// Somebody else has one.
pub(super) fn lock(model: &str, paths: &[PathBuf]) -> Result<Vec<BlobLock>, UserError> {
    let mut locks = Vec::with_capacity(paths.len());
    for path in paths.iter().filter(|path| path.exists()) {
        match BlobLock::attempt(path) {
            Ok(Some(lock)) => locks.push(lock),
            Ok(None) => return Err(busy(model)),
            Err(error) => {
                return Err(UserError::new(
                    ErrorKind::Disk,
                    format!("{} can't be opened: {}", display_path(path), reason(&error)),
                )
                .hint("check its permissions: it says whether somebody is downloading this"));
            }
        }
    }
    Ok(locks)
}

fn busy(model: &str) -> UserError {
    UserError::new(ErrorKind::Disk, format!("another program is downloading {model} at this moment"))
        .hint("try again when it is done, or end it first")
}

/// Whether somebody holds a lock. One that can't be asked is held, as far as anybody can tell.
pub(super) fn is_held(path: &Path) -> bool {
    match File::open(path) {
        Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}
