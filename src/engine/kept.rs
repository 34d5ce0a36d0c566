//! Copies of models as they were quantised while loading: kept below the data folder, each in a folder of its own that can
//! be loaded without its source.
//!
//! A copy is written beside its place under a name that nothing looks at, and renamed when it is whole: half of one never
//! counts. Its note (`hobnob.json`) says what it was made of; a source that has changed since makes it stale.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::domain::quant::{Quant, UNFINISHED_COPY};
use crate::domain::units::bytes;
use crate::engine::has_ending;
use crate::engine::stamp::{Stamp, files};
use crate::error::{ErrorKind, UserError, reason};
use crate::machine::disk::{Room, room};

const NOTE: &str = "hobnob.json";
/// What the weights are called; the engine adds the number of each part.
const WEIGHTS: &str = "model.uqff";
const FIRST_PART: &str = "model-0.uqff";
/// Nothing that begins with a dot is taken for a model.
const LOCK: &str = ".lock";
/// A tokenizer of the largest vocabularies has 40 MB.
const MOST_SMALL: u64 = 128 << 20;

/// What a copy was made of.
#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Note {
    source: PathBuf,
    quant: Quant,
    /// The source's files as they were.
    made_of: Vec<Stamp>,
    /// The copy's own weights.
    holds: Vec<Stamp>,
}

/// A model, and what is made of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The folder of all copies.
    pub root: &'a Path,
    /// The folder with the plain weights.
    pub source: &'a Path,
    /// What a person calls the model.
    pub name: &'a str,
    pub quant: Quant,
}

/// What there is of a copy.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    Nothing,
    Copy(PathBuf),
    /// There is one, and it is not to be used.
    Stale(UserError),
}

/// The file that a copy is loaded by.
pub(super) fn first_part(copy: &Path) -> PathBuf {
    copy.join(FIRST_PART)
}

/// Looks for the copy of a model.
pub(super) fn find(wanted: Wanted<'_>) -> Found {
    let Some((copy, note)) = existing(wanted) else { return Found::Nothing };
    if stamps(wanted.source, is_source, true).ok() != Some(note.made_of) {
        return Found::Stale(unusable(wanted, &copy, "is older than the model it was made of"));
    }
    if stamps(&copy, is_weights, false).ok() != Some(note.holds) {
        return Found::Stale(unusable(wanted, &copy, "is not whole any more"));
    }
    Found::Copy(copy)
}

/// Why a copy was passed over.
pub(super) fn unusable(wanted: Wanted<'_>, copy: &Path, why: &str) -> UserError {
    let message = format!("the kept copy {} {why}; the original was loaded", copy.display());
    let again = format!("{}:{}", wanted.source.display(), quant_name(wanted.quant));
    UserError::new(ErrorKind::ModelBroken, message).hint(format!("`hobnob models keep {again}` makes a new one"))
}

fn quant_name(quant: Quant) -> &'static str {
    crate::domain::quant::Quantise::To(quant).name()
}

/// The folder of this model's copy, by its note: names can be anything.
fn existing(wanted: Wanted<'_>) -> Option<(PathBuf, Note)> {
    let source = fs::canonicalize(wanted.source).ok()?;
    let mut folders: Vec<PathBuf> = fs::read_dir(wanted.root)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| !is_unfinished(path))
        .collect();
    folders.sort();
    folders.into_iter().find_map(|folder| {
        let note: Note = serde_json::from_slice(&fs::read(folder.join(NOTE)).ok()?).ok()?;
        (note.source == source && note.quant == wanted.quant).then_some((folder, note))
    })
}

fn is_unfinished(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED_COPY))
}

/// Removes what was left behind by who could not do so, unless somebody is writing.
pub(super) fn clear_unfinished(root: &Path) {
    if let Ok(lock) = File::open(root.join(LOCK))
        && lock.try_lock().is_ok()
    {
        remove_unfinished(root);
    }
}

/// With the lock.
fn remove_unfinished(root: &Path) {
    for left in fs::read_dir(root).into_iter().flatten().flatten().filter(|entry| is_unfinished(&entry.path())) {
        let _ = fs::remove_dir_all(left.path());
    }
}

/// A copy in the making. Gone with all its files unless it is finished.
#[derive(Debug)]
pub(super) struct Writing<'a> {
    wanted: Wanted<'a>,
    folder: PathBuf,
    finished: bool,
    /// Held as long as this lives: one at a time, whoever writes.
    _lock: File,
}

impl<'a> Writing<'a> {
    /// Makes room for a copy of about `size` bytes.
    ///
    /// # Errors
    /// The place can't be written to, has too little room, or is being written to.
    pub fn begin(wanted: Wanted<'a>, size: u64) -> Result<Self, UserError> {
        fs::create_dir_all(wanted.root).map_err(|error| unwritable(wanted.root, &error))?;
        let lock = File::create(wanted.root.join(LOCK)).map_err(|error| unwritable(wanted.root, &error))?;
        if lock.try_lock().is_err() {
            return Err(UserError::new(ErrorKind::Disk, "another hobnob is keeping a copy at this moment")
                .hint("try again when it is done"));
        }
        remove_unfinished(wanted.root);
        if let Some(Room { free, .. }) = room(wanted.root).filter(|room| room.free < size) {
            return Err(UserError::new(
                ErrorKind::Disk,
                format!("a copy needs {}, and {} has {} left", bytes(size), wanted.root.display(), bytes(free)),
            )
            .hint("make room, or set HOBNOB_DATA_DIR to a place with more"));
        }
        let folder = wanted.root.join(format!("{UNFINISHED_COPY}{}", std::process::id()));
        fs::create_dir(&folder).map_err(|error| unwritable(&folder, &error))?;
        Ok(Self { wanted, folder, finished: false, _lock: lock })
    }

    /// What the engine is told to write; it makes its files beside it.
    pub fn target(&self) -> PathBuf {
        self.folder.join(WEIGHTS)
    }

    /// The engine has begun to write.
    pub fn has_begun(&self) -> bool {
        first_part(&self.folder).exists()
    }

    /// Completes what the engine has written, and puts it in its place.
    ///
    /// # Errors
    /// Something of it can't be written; nothing is left of it then.
    pub fn finish(mut self) -> Result<PathBuf, UserError> {
        let place = self.complete().map_err(|error| unwritable(self.wanted.root, &error))?;
        self.finished = true;
        Ok(place)
    }

    fn complete(&self) -> io::Result<PathBuf> {
        let Wanted { root, source, quant, .. } = self.wanted;
        // The engine writes some of these anew, and forgets others (the special words beside a template of its own).
        for (name, meta) in files(source)?.into_iter().filter(|(name, _)| is_small(name)) {
            let to = self.folder.join(&name);
            // Its configuration the engine writes as it was given it, which need not be as it is in the source.
            let is_there = name == "config.json" && to.exists();
            if meta.len() <= MOST_SMALL && !is_there {
                fs::copy(source.join(&name), to)?;
            }
        }
        let note = Note {
            source: fs::canonicalize(source)?,
            quant,
            made_of: stamps(source, is_source, true)?,
            holds: stamps(&self.folder, is_weights, false)?,
        };
        if note.holds.is_empty() {
            return Err(io::Error::other("the engine has written nothing"));
        }
        fs::write(self.folder.join(NOTE), serde_json::to_vec_pretty(&note)?)?;
        for (name, _) in files(&self.folder)? {
            File::open(self.folder.join(name))?.sync_all()?;
        }
        // One that is stale gives way.
        let place = existing(self.wanted).map_or_else(|| self.free_name(), |(old, _)| old);
        if place.exists() {
            let old = self.folder.with_extension("old");
            fs::rename(&place, &old)?;
            fs::rename(&self.folder, &place)?;
            let _ = fs::remove_dir_all(old);
        } else {
            fs::rename(&self.folder, &place)?;
        }
        File::open(root)?.sync_all()?;
        Ok(place)
    }

    /// The model's name and its quantisation; a number where that is another model's.
    fn free_name(&self) -> PathBuf {
        let name: String = self.wanted.name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        let name = format!("{}-{}", name.trim_matches('-'), quant_name(self.wanted.quant));
        let mut place = self.wanted.root.join(&name);
        let mut number = 2;
        while place.exists() {
            place = self.wanted.root.join(format!("{name}-{number}"));
            number += 1;
        }
        place
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn unwritable(path: &Path, error: &io::Error) -> UserError {
    UserError::new(
        ErrorKind::Disk,
        format!("the quantised copy can't be written to {}: {}", path.display(), reason(error)),
    )
    .hint("make room or check the permissions, or set HOBNOB_DATA_DIR to another place")
}

/// The engine's own words for a copy that it could not write.
pub(super) fn not_written(root: &Path, words: &str) -> UserError {
    let full = words.contains("No space left") || words.contains("os error 28");
    let error = io::Error::new(if full { io::ErrorKind::StorageFull } else { io::ErrorKind::Other }, words.to_owned());
    unwritable(root, &error)
}

/// Weights, and what says how to read them: a change of any of these makes another model.
fn is_source(name: &str) -> bool {
    has_ending(name, "safetensors") || name == "config.json"
}

fn is_weights(name: &str) -> bool {
    has_ending(name, "uqff") || has_ending(name, "safetensors")
}

/// Everything but weights: configuration, words, templates, licences.
fn is_small(name: &str) -> bool {
    let known = ["json", "jinja", "txt", "model"].iter().any(|ending| has_ending(name, ending));
    let legal = ["LICENSE", "LICENCE", "NOTICE"].iter().any(|word| name.to_ascii_uppercase().starts_with(word));
    (known || legal) && !name.ends_with(".index.json") && name != NOTE
}

fn stamps(folder: &Path, which: fn(&str) -> bool, with_time: bool) -> io::Result<Vec<Stamp>> {
    let mut stamps: Vec<Stamp> = files(folder)?
        .into_iter()
        .filter(|(name, _)| which(name))
        .map(|(name, meta)| {
            let stamp = Stamp::of(name, &meta);
            if with_time { stamp } else { Stamp { modified: 0, ..stamp } }
        })
        .collect();
    stamps.sort();
    Ok(stamps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    struct Made {
        _dir: TempDir,
        root: PathBuf,
        source: PathBuf,
    }

    impl Made {
        fn new() -> Self {
            let dir = tempfile::tempdir().expect("a folder");
            let (root, source) = (dir.path().join("data/quantised"), dir.path().join("Tiny Model"));
            fs::create_dir(&source).expect("the source");
            for (name, text) in [
                ("config.json", "{}"),
                ("model.safetensors", "weights"),
                ("model.safetensors.index.json", "{}"),
                ("tokenizer.json", "words"),
                ("LICENSE", "free"),
            ] {
                fs::write(source.join(name), text).expect("a file");
            }
            Self { _dir: dir, root, source }
        }

        fn wanted(&self) -> Wanted<'_> {
            Wanted { root: &self.root, source: &self.source, name: "Tiny Model", quant: Quant::Q8_0 }
        }

        /// As the engine writes one.
        fn keep(&self) -> Result<PathBuf, UserError> {
            let writing = Writing::begin(self.wanted(), 1)?;
            fs::write(writing.folder.join(FIRST_PART), "quantised").expect("weights");
            fs::write(writing.folder.join("tokenizer.json"), "the engine's words").expect("words");
            writing.finish()
        }

        fn listing(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.root).expect("the root");
            let mut names: Vec<String> =
                entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        }
    }

    fn stale(found: &Found) -> &str {
        match found {
            Found::Stale(error) => &error.message,
            other => panic!("not stale: {other:?}"),
        }
    }

    #[test]
    fn a_copy_is_found_by_what_it_was_made_of() {
        let made = Made::new();
        assert_eq!(find(made.wanted()), Found::Nothing);
        let place = made.keep().expect("it can be kept");
        assert_eq!(place, made.root.join("Tiny-Model-q8_0"));
        assert_eq!(find(made.wanted()), Found::Copy(place.clone()));
        assert_eq!(find(Wanted { quant: Quant::Q4K, ..made.wanted() }), Found::Nothing);
        let read = |name: &str| fs::read_to_string(place.join(name)).ok();
        assert_eq!(read("tokenizer.json").as_deref(), Some("words"), "the source's own");
        assert_eq!((read("LICENSE").is_some(), read("model.safetensors.index.json")), (true, None));
        assert_eq!(made.listing(), [".lock", "Tiny-Model-q8_0"]);
        // Another model of the same name.
        let other = Made::new();
        let second = Wanted { root: &made.root, ..other.wanted() };
        let writing = Writing::begin(second, 1).expect("room");
        fs::write(writing.folder.join(FIRST_PART), "other").expect("weights");
        assert_eq!(writing.finish(), Ok(made.root.join("Tiny-Model-q8_0-2")));
        assert_eq!(find(made.wanted()), Found::Copy(place));
    }

    #[test]
    fn a_changed_source_makes_it_stale_and_the_next_one_takes_its_place() {
        let made = Made::new();
        let place = made.keep().expect("it can be kept");
        fs::write(made.source.join("model.safetensors"), "other weights").expect("a change");
        assert!(stale(&find(made.wanted())).contains("is older than the model"));
        assert_eq!(made.keep(), Ok(place.clone()));
        assert_eq!(find(made.wanted()), Found::Copy(place.clone()));
        fs::write(place.join(FIRST_PART), "cut").expect("damage");
        assert!(stale(&find(made.wanted())).contains("is not whole any more"));
        assert_eq!(made.listing(), [".lock", "Tiny-Model-q8_0"]);
    }

    #[test]
    fn half_of_one_is_never_there() {
        let made = Made::new();
        let writing = Writing::begin(made.wanted(), 1).expect("room");
        fs::write(writing.folder.join(FIRST_PART), "half").expect("weights");
        assert_eq!(find(made.wanted()), Found::Nothing);
        let busy = Writing::begin(made.wanted(), 1).expect_err("one at a time");
        assert!(busy.message.contains("another hobnob"), "{busy}");
        drop(writing);
        assert_eq!(made.listing(), [".lock"]);
        // A process that was killed could not clean up.
        let leave = || fs::create_dir(made.root.join(".unfinished-1")).expect("left behind");
        leave();
        clear_unfinished(&made.root);
        assert_eq!(made.listing(), [".lock"]);
        leave();
        made.keep().expect("it can be kept");
        assert_eq!(made.listing(), [".lock", "Tiny-Model-q8_0"]);
    }

    #[test]
    fn too_little_room_is_said_before_anything_is_written() {
        let made = Made::new();
        let error = Writing::begin(made.wanted(), u64::MAX).expect_err("no disk is that large");
        assert_eq!(error.kind, ErrorKind::Disk);
        assert!(error.message.contains("a copy needs"), "{error}");
        assert_eq!(made.listing(), [".lock"]);
        fs::remove_dir_all(&made.root).expect("gone");
        fs::write(&made.root, "in the way").expect("a file");
        assert_eq!(made.keep().map_err(|error| error.kind), Err(ErrorKind::Disk));
        assert!(not_written(&made.root, "No space left on device (os error 28)").message.contains("the disk is full"));
    }
}
