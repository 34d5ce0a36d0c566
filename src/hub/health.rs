//! How the cache stands: its size, the room that is left, and what is unfinished or broken in it.

use std::path::PathBuf;

use rustix::fs::{Access, access};

use crate::domain::hub::Unfinished;
use crate::error::UserError;
use crate::hub::Options;
use crate::hub::inventory::repos;
use crate::hub::usage::{Survey, survey};
use crate::machine::disk::room;

/// How the cache stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Health {
    pub exists: bool,
    /// Models can be fetched into it.
    pub writable: bool,
    /// Of whole files.
    pub bytes: u64,
    /// Of the disk; `None` where it can't be asked.
    pub free: Option<u64>,
    /// Downloads that were not finished.
    pub unfinished: Vec<Unfinished>,
    /// Names in the cache whose file is gone.
    pub dangling: Vec<PathBuf>,
}

/// Looks at every file's entry, and into none.
///
/// # Errors
/// The cache is there and can't be read.
pub fn health(options: &Options) -> Result<Health, UserError> {
    let cache = &options.cache;
    repos(cache)?;
    // What does not exist yet will be made in the next folder above that does.
    let ground = cache.ancestors().find(|folder| folder.exists()).unwrap_or(cache);
    let Survey { whole, unfinished, dangling } = survey(cache);
    Ok(Health {
        exists: cache.is_dir(),
        writable: access(ground, Access::WRITE_OK).is_ok(),
        bytes: whole,
        free: room(ground).map(|room| room.free),
        unfinished,
        dangling,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

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
        let [unfinished] = health.unfinished.as_slice() else { panic!("{health:?}") };
        assert_eq!((unfinished.repo.to_string().as_str(), unfinished.bytes), ("org/name", 20));
        assert_eq!(health.dangling, [snapshot.join("deep/gone.gguf")]);
    }
}
