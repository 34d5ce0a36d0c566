//! The files of a folder, and which of them are whole models.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::domain::model::Format;
use crate::error::UserError;
use crate::hub::inventory::{Candidate, Identity, Place, unreadable};
use crate::hub::names::{CONFIG, GgufModel, GgufName, UQFF_REST, UqffModel, folder_weights, gguf_models, uqff_models};

/// A file as it lies on disk, links followed.
pub(super) struct Entry {
    bytes: u64,
    used: SystemTime,
    identity: Identity,
}

impl Entry {
    pub fn of(meta: &fs::Metadata) -> Self {
        let used = meta.accessed().unwrap_or(SystemTime::UNIX_EPOCH);
        Self { bytes: meta.len(), used, identity: (meta.dev(), meta.ino()) }
    }
}

/// The files of a model taken together.
pub(super) struct Whole {
    pub bytes: u64,
    pub used: SystemTime,
    /// Of the first.
    pub identity: Identity,
}

impl Default for Whole {
    fn default() -> Self {
        Self { bytes: 0, used: SystemTime::UNIX_EPOCH, identity: (0, 0) }
    }
}

impl Whole {
    pub fn add(&mut self, entry: &Entry) {
        if self.identity == (0, 0) {
            self.identity = entry.identity;
        }
        self.bytes += entry.bytes;
        self.used = self.used.max(entry.used);
    }
}

/// The files of a folder by their path in it; links that lead nowhere (not whole yet, or deleted) are not there.
#[derive(Default)]
pub(super) struct Listing {
    files: BTreeMap<String, Entry>,
}

/// A model of a listing.
pub(super) struct Found {
    /// Its first file; `None` is the folder.
    pub file: Option<String>,
    pub gguf: Option<GgufName>,
    pub format: Format,
    /// As the file's name tells.
    quant: Option<String>,
    location: PathBuf,
    files: Vec<String>,
    folder: PathBuf,
    whole: Whole,
}

impl Found {
    pub fn into_candidate(self, place: Place, name: String, origin: String) -> Candidate {
        Candidate {
            place,
            name,
            format: self.format,
            quant: self.quant,
            location: self.location,
            bytes: self.whole.bytes,
            origin,
            files: self.files,
            folder: self.folder,
            used: self.whole.used,
            identity: self.whole.identity,
        }
    }
}

impl Listing {
    /// Reads a folder and what is below it.
    pub fn read(&mut self, folder: &Path, prefix: &str, depth: usize, problems: &mut Vec<UserError>) {
        for name in self.read_one(folder, prefix, problems) {
            if depth > 0 {
                self.read(&folder.join(&name), &format!("{prefix}{name}/"), depth - 1, problems);
            }
        }
    }

    /// Reads one folder; the names of the folders in it.
    pub fn read_one(&mut self, folder: &Path, prefix: &str, problems: &mut Vec<UserError>) -> Vec<String> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                problems.push(unreadable(folder, &error));
                return Vec::new();
            }
        };
        let mut below = Vec::new();
        for entry in entries.flatten() {
            // A name that is not UTF-8 could not be written as a MODEL.
            let Ok(name) = entry.file_name().into_string() else { continue };
            // Most files are looked at no closer than this: a stat for each would make a big folder slow.
            let interesting = is_weights(&name) || name == CONFIG;
            let is_folder = match entry.file_type() {
                Ok(kind) if kind.is_dir() => true,
                Ok(kind) if kind.is_symlink() && !interesting => fs::metadata(entry.path()).is_ok_and(|m| m.is_dir()),
                _ => false,
            };
            if is_folder {
                below.push(name);
            } else if interesting
                && let Ok(meta) = fs::metadata(entry.path())
                && meta.is_file()
            {
                self.files.insert(format!("{prefix}{name}"), Entry::of(&meta));
            }
        }
        below.sort();
        below
    }

    /// The whole models among the files.
    pub fn models(&self, folder: &Path) -> Vec<Found> {
        let paths: BTreeSet<&str> = self.files.keys().map(String::as_str).collect();
        let mut found = Vec::new();
        if let Some(files) = folder_weights(&paths)
            && let Some(whole) = self.whole(&files)
        {
            let (format, location) = (Format::Safetensors, folder.to_owned());
            let folder = folder.to_owned();
            found.push(Found { file: None, gguf: None, format, quant: None, location, files, folder, whole });
        }
        for UqffModel { quant, files } in uqff_models(&paths) {
            let Some(mut whole) = self.whole(&files) else { continue };
            whole.bytes += self.files.get(UQFF_REST).map_or(0, |entry| entry.bytes);
            let Some(first) = files.first().cloned() else { continue };
            // A name of its own, and not one that says how it was quantised: the header does.
            let quant = (quant != "MODEL").then_some(quant);
            found.push(Found {
                location: folder.join(&first),
                file: Some(first),
                gguf: None,
                format: Format::Uqff,
                quant,
                files,
                folder: folder.to_owned(),
                whole,
            });
        }
        for GgufModel { name, files } in gguf_models(&paths) {
            let (Some(whole), Some(first)) = (self.whole(&files), files.first().cloned()) else { continue };
            found.push(Found {
                location: folder.join(&first),
                file: Some(first),
                format: Format::Gguf,
                quant: name.quant.clone(),
                gguf: Some(name),
                files,
                folder: folder.to_owned(),
                whole,
            });
        }
        found
    }

    /// A set taken together; `None` if a part is missing, or there is none.
    fn whole(&self, set: &[String]) -> Option<Whole> {
        let mut whole = Whole::default();
        for path in set {
            whole.add(self.files.get(path)?);
        }
        (!set.is_empty()).then_some(whole)
    }
}

fn is_weights(name: &str) -> bool {
    let ending = Path::new(name).extension().and_then(|e| e.to_str()).unwrap_or("");
    ending.eq_ignore_ascii_case("gguf") || ending == "safetensors" || ending == "uqff"
}
