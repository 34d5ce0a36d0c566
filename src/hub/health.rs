//! How the cache stands: its size, the room that is left, and what is unfinished or broken in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::error::UserError;
use crate::hub::Options;
use crate::hub::cache::RepoCache;
use crate::hub::inventory::{SNAPSHOT_DEPTH, repos};
use crate::hub::partial::free_bytes;

/// How the cache stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    pub exists: bool,
    /// Models can be fetched into it.
    pub writable: bool,
    /// Of whole files.
    pub bytes: u64,
    /// Of the disk; `None` where it can't be asked.
    pub free: Option<u64>,
    /// Repositories with downloads that were not finished, and the bytes that have come.
    pub unfinished: Vec<(String, u64)>,
    /// Names in the cache whose file is gone.
    pub dangling: Vec<PathBuf>,
}

/// Looks at every file's entry, and into none.
///
/// # Errors
/// The cache is there and can't be read.
pub fn health(options: &Options) -> Result<Health, UserError> {
    let cache = &options.cache;
    // What does not exist yet will be made in the next folder above that does.
    let ground = cache.ancestors().find(|folder| folder.exists()).unwrap_or(cache);
    let mut health = Health {
        exists: cache.is_dir(),
        writable: access(ground, Access::WRITE_OK).is_ok(),
        free: free_bytes(ground),
        ..Health::default()
    };
    for repo in repos(cache)? {
        let cached = RepoCache::new(cache, &repo);
        let mut unfinished = 0;
        for blob in fs::read_dir(cached.blobs()).into_iter().flatten().flatten() {
            let bytes = blob.metadata().map_or(0, |meta| meta.len());
            if blob.path().extension().is_some_and(|ending| ending == "incomplete") {
                unfinished += bytes;
            } else {
                health.bytes += bytes;
            }
        }
        if unfinished > 0 {
            health.unfinished.push((repo.to_string(), unfinished));
        }
        find_dangling(&cached.snapshots(), SNAPSHOT_DEPTH + 1, &mut health.dangling);
    }
    Ok(health)
}

fn find_dangling(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => find_dangling(&path, depth - 1, found),
            Ok(kind) if kind.is_symlink() => {
                let gone = fs::metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
                found.extend(gone.then_some(path));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::error::ErrorKind;

    fn options(cache: &Path) -> Options {
        let no_probe = |_: &Path| Err(UserError::new(ErrorKind::ModelBroken, "not asked"));
        Options::from_env(cache.to_owned(), Vec::new(), true, no_probe)
    }

    #[test]
    fn what_is_not_there_yet_can_be_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let health = health(&options(&folder.path().join("a/b"))).expect("no fault");
        assert!(!health.exists && health.writable && health.free.is_some(), "{health:?}");
        assert_eq!((health.bytes, health.unfinished.len(), health.dangling.len()), (0, 0, 0));
    }

    #[test]
    fn unfinished_and_broken_things_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let repo = folder.path().join("models--org--name");
        let snapshot = repo.join("snapshots").join("a".repeat(40));
        fs::create_dir_all(snapshot.join("deep")).expect("folders");
        fs::create_dir_all(repo.join("blobs")).expect("folders");
        fs::write(repo.join("blobs/whole"), [0; 300]).expect("written");
        fs::write(repo.join("blobs/other.incomplete"), [0; 20]).expect("written");
        symlink("../../blobs/whole", snapshot.join("m.gguf")).expect("linked");
        symlink("../../../blobs/gone", snapshot.join("deep/gone.gguf")).expect("linked");
        let health = health(&options(folder.path())).expect("no fault");
        assert_eq!((health.exists, health.bytes), (true, 300));
        assert_eq!(health.unfinished, [("org/name".to_owned(), 20)]);
        assert_eq!(health.dangling, [snapshot.join("deep/gone.gguf")]);
    }
}
