//! Files as far as a change of them would show.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// A file's name, its length and when it was written.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    pub name: String,
    pub bytes: u64,
    /// Nanoseconds since 1970; 0 where it does not matter.
    pub modified: u64,
}

impl Stamp {
    pub fn of(name: String, meta: &Metadata) -> Self {
        let since = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified = since.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or_default();
        Self { name, bytes: meta.len(), modified }
    }
}

/// The files of a folder, links followed.
pub(super) fn files(folder: &Path) -> io::Result<Vec<(String, Metadata)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let (Ok(name), Ok(meta)) = (entry.file_name().into_string(), fs::metadata(entry.path()))
            && meta.is_file()
        {
            files.push((name, meta));
        }
    }
    Ok(files)
}
