//! Models cut into several files, `name-00001-of-00003.gguf`.

use std::path::{Path, PathBuf};

use super::fault::Fault;
use crate::error::UserError;

/// More would be smaller than a tensor each.
const MOST_PARTS: usize = 512;

/// All files of the set that `path` belongs to, in order; `path` itself where its name is not one of a set.
pub(super) fn parts(path: &Path) -> Result<Vec<PathBuf>, UserError> {
    let Some((stem, count)) = path.file_name().and_then(|name| name.to_str()).and_then(numbered) else {
        return Ok(vec![path.to_owned()]);
    };
    if count == 0 || count > MOST_PARTS {
        return Err(Fault::Broken(format!("its name says that there are {count} parts")).about(path));
    }
    let mut parts = Vec::new();
    for number in 1..=count {
        let part = path.with_file_name(format!("{stem}-{number:05}-of-{count:05}.gguf"));
        if !part.exists() {
            return Err(Fault::missing(
                format!("part {number} of {count} of this model is missing"),
                "download the model again: what is there already is kept",
            )
            .about(&part));
        }
        parts.push(part);
    }
    Ok(parts)
}

/// `name-00002-of-00003.gguf` is `name`, of 3.
fn numbered(file: &str) -> Option<(&str, usize)> {
    let stem = file.strip_suffix(".gguf")?;
    let (rest, count) = stem.rsplit_once("-of-")?;
    let (name, number) = rest.rsplit_once('-')?;
    let digits = |text: &str| text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
    if digits(number) && digits(count) { Some((name, count.parse().ok()?)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts_are_told_from_others() {
        assert_eq!(numbered("a-b-00002-of-00003.gguf"), Some(("a-b", 3)));
        for other in ["a.gguf", "a-00001-of-3.gguf", "a-1-of-00003.gguf", "a-00001-of-00003.bin", "-of-.gguf"] {
            assert_eq!(numbered(other), None, "{other}");
        }
    }
}
