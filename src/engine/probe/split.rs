//! The parts of a split model, as they lie on the disk.

use std::path::{Path, PathBuf};

use super::fault::Fault;
use crate::domain::model::SplitName;
use crate::error::UserError;

/// All files of the set that `path` belongs to, in order; `path` itself where its name is not one of a set.
pub(super) fn parts(path: &Path) -> Result<Vec<PathBuf>, UserError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let Some(split) = name.and_then(SplitName::parse) else {
        return Ok(vec![path.to_owned()]);
    };
    let there = |(index, name): (usize, String)| {
        let part = path.with_file_name(name);
        if part.exists() {
            return Ok(part);
        }
        Err(Fault::missing(
            format!("part {} of {} of this model is missing", index + 1, split.parts),
            "download the model again: what is there already is kept",
        )
        .about(&part))
    };
    split.set().enumerate().map(there).collect()
}
