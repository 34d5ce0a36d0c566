//! Whether two mean the same model: the files by their place, and as they were when it was loaded.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::model::{ModelSpec, split_set};
use crate::engine::stamp::{Stamp, files};

/// The files of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    location: PathBuf,
    stamps: Vec<Stamp>,
}

impl Weights {
    /// As they are now; `None` where they can't be looked at, which nothing is the same as.
    pub fn of(spec: &ModelSpec) -> Option<Self> {
        let location = fs::canonicalize(&spec.location).ok()?;
        let mut stamps: Vec<Stamp> = if location.is_dir() {
            files(&location).ok()?.into_iter().map(|(name, meta)| Stamp::of(name, &meta)).collect()
        } else {
            // By the name that it was asked for: what a cache's link leads to is not called like the others of its set.
            let parts = split_set(spec.location.to_str()?);
            let stamp = |part: String| Some(Stamp::of(part.clone(), &fs::metadata(part).ok()?));
            let one = parts.len() == 1;
            let mut stamps = parts.into_iter().map(stamp).collect::<Option<Vec<_>>>()?;
            if one {
                stamps[0].name.clear();
            }
            stamps
        };
        stamps.sort();
        Some(Self { location, stamps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::{Format, LoadSettings};

    fn spec(location: PathBuf) -> ModelSpec {
        let settings = LoadSettings::default();
        ModelSpec { reference: "m".into(), name: "m".into(), location, format: Format::Gguf, settings }
    }

    #[test]
    fn a_file_is_itself_by_any_name_until_it_changes() {
        let dir = tempfile::tempdir().expect("a folder");
        let (file, link) = (dir.path().join("blob"), dir.path().join("m.gguf"));
        fs::write(&file, "weights").expect("writes");
        std::os::unix::fs::symlink(&file, &link).expect("links");
        let before = Weights::of(&spec(file.clone()));
        assert!(before.is_some());
        assert_eq!(before, Weights::of(&spec(link.clone())));
        fs::write(&file, "other weights").expect("writes");
        assert_ne!(before, Weights::of(&spec(link)));
        fs::remove_file(&file).expect("removes");
        assert_eq!(Weights::of(&spec(file)), None);
    }

    #[test]
    fn every_part_and_every_file_of_a_folder_counts() {
        let dir = tempfile::tempdir().expect("a folder");
        let part = |n: u32| dir.path().join(format!("m-0000{n}-of-00002.gguf"));
        for n in [1, 2] {
            fs::write(part(n), "a part").expect("writes");
        }
        for location in [part(1), dir.path().to_path_buf()] {
            let before = Weights::of(&spec(location.clone()));
            fs::write(part(2), format!("{location:?}")).expect("writes");
            assert_ne!(before, Weights::of(&spec(location)));
        }
    }
}
