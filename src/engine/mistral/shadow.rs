//! A stand-in for a model's folder, for models whose `config.json` the engine can't follow: links to their files, and beside
//! them a `config.json` of ours. The model's own folder stays as it is, because other programs share it.
//!
//! It is needed only while the engine reads, and goes when that is over. An engine that is killed meanwhile leaves it
//! behind, and the next one that loads anything clears it away: its lock, which nobody holds any more, tells.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const PREFIX: &str = "hobnob-model-";
const LOCK: &str = ".lock";
const CONFIG: &str = "config.json";
/// One that is being made has no lock yet.
const IN_THE_MAKING: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Shadow {
    folder: PathBuf,
    /// Held until the folder is gone.
    _lock: File,
}

impl Shadow {
    /// Of `model`, with another `config`.
    pub fn of(model: &Path, config: &str) -> io::Result<Self> {
        Self::within(&std::env::temp_dir(), model, config)
    }

    fn within(place: &Path, model: &Path, config: &str) -> io::Result<Self> {
        let folder = new_folder(place)?;
        let made = || {
            let lock = File::create(folder.join(LOCK))?;
            lock.lock()?;
            for entry in fs::read_dir(model)? {
                let (name, target) = entry.map(|entry| (entry.file_name(), entry.path()))?;
                if name != CONFIG && name != LOCK && target.is_file() {
                    symlink(target, folder.join(name))?;
                }
            }
            fs::write(folder.join(CONFIG), config)?;
            Ok(lock)
        };
        match made() {
            Ok(lock) => Ok(Self { folder, _lock: lock }),
            Err(error) => {
                let _ = fs::remove_dir_all(&folder);
                Err(error)
            }
        }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Shadow {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!("{} could not be removed: {error}", self.folder.display());
        }
    }
}

/// A folder that nobody else can put anything into.
fn new_folder(place: &Path) -> io::Result<PathBuf> {
    let own = std::process::id();
    for attempt in 0..100 {
        let folder = place.join(format!("{PREFIX}{own}-{attempt}"));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| folder),
        }
    }
    Err(io::Error::other("a name for a temporary folder could not be found"))
}

/// Clears away what killed engines have left.
pub(super) fn clear_leftovers() {
    clear(&std::env::temp_dir());
}

fn clear(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    let ours = rustix::process::geteuid().as_raw();
    for folder in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let is_named = folder.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PREFIX));
        // Not through a link, which anybody may have put there.
        let facts = if is_named { folder.symlink_metadata().ok() } else { None };
        let Some(facts) = facts.filter(|facts| facts.is_dir() && facts.uid() == ours) else { continue };
        let age = facts.modified().ok().and_then(|made| SystemTime::now().duration_since(made).ok());
        let abandoned = match File::open(folder.join(LOCK)) {
            Ok(lock) => lock.try_lock().is_ok(),
            Err(_) => true,
        };
        if abandoned && age.is_some_and(|age| age > IN_THE_MAKING) {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_long_ago(folder: &Path) {
        let then = SystemTime::now() - 2 * IN_THE_MAKING;
        File::open(folder).and_then(|folder| folder.set_modified(then)).expect("its time can be set");
    }

    fn model() -> tempfile::TempDir {
        let model = tempfile::tempdir().expect("a folder");
        for (name, text) in [(CONFIG, "theirs"), ("model.safetensors", "weights")] {
            fs::write(model.path().join(name), text).expect("a file");
        }
        fs::create_dir(model.path().join("onnx")).expect("a folder");
        model
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("it reads");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn it_has_the_models_files_and_another_config_and_goes() {
        let (place, model) = (tempfile::tempdir().expect("a folder"), model());
        let shadow = Shadow::within(place.path(), model.path(), "ours").expect("made");
        assert_eq!(names(shadow.folder()), [LOCK, CONFIG, "model.safetensors"]);
        let read = |name: &str| fs::read_to_string(shadow.folder().join(name)).expect("it reads");
        assert_eq!((read(CONFIG).as_str(), read("model.safetensors").as_str()), ("ours", "weights"));
        let facts = shadow.folder().metadata().expect("it is there");
        assert_eq!(facts.mode() & 0o777, 0o700);
        // What is mapped into memory outlives the names.
        drop(shadow);
        assert!(names(place.path()).is_empty());
        assert_eq!(names(model.path()), [CONFIG, "model.safetensors", "onnx"]);
        assert_eq!(fs::read_to_string(model.path().join(CONFIG)).expect("it reads"), "theirs");
    }

    #[test]
    fn a_model_that_can_not_be_read_leaves_nothing() {
        let place = tempfile::tempdir().expect("a folder");
        assert!(Shadow::within(place.path(), &place.path().join("gone"), "ours").is_err());
        assert!(names(place.path()).is_empty());
    }

    #[test]
    fn only_what_the_dead_have_left_is_cleared() {
        let (place, model) = (tempfile::tempdir().expect("a folder"), model());
        let held = Shadow::within(place.path(), model.path(), "ours").expect("made");
        made_long_ago(held.folder());
        // As a kill leaves it: the lock goes with the process, the files stay.
        let left = place.path().join(format!("{PREFIX}1-0"));
        let early = place.path().join(format!("{PREFIX}1-1"));
        let young = place.path().join(format!("{PREFIX}1-2"));
        let foreign = place.path().join("hobnob-else");
        for folder in [&left, &early, &young, &foreign] {
            fs::create_dir(folder).expect("a folder");
        }
        fs::write(left.join(LOCK), "").expect("a file");
        symlink(model.path().join(CONFIG), left.join("link")).expect("a link");
        symlink(model.path(), place.path().join(format!("{PREFIX}1-3"))).expect("a link");
        for folder in [&left, &early, &foreign] {
            made_long_ago(folder);
        }
        clear(place.path());
        assert!(!left.exists() && !early.exists(), "the dead own nothing");
        assert!(held.folder().join(CONFIG).exists() && young.exists() && foreign.exists());
        assert_eq!(names(model.path()), [CONFIG, "model.safetensors", "onnx"], "no link is followed");
    }
}
