//! What the Hub calls contents by: the SHA-256 of large files, git's own hash of small ones.

use std::fmt::Write as _;
use std::io::{self, Read};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::machine::disk::open_unnoticed;

/// Read at a time.
const CHUNK: usize = 1 << 20;

/// A content's name, as far as the content can be checked by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum ContentHash {
    Sha256(String),
    /// Of git's object: the content behind its kind and length.
    Git(String),
}

impl ContentHash {
    /// Reads the name of a blob; `None` where it is of another kind, and tells nothing.
    pub fn named(name: &str) -> Option<Self> {
        let hex = name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match name.len() {
            64 if hex => Some(Self::Sha256(name.to_owned())),
            40 if hex => Some(Self::Git(name.to_owned())),
            _ => None,
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Sha256(text) | Self::Git(text) => text,
        }
    }

    /// Whether a file has this content. `progress` hears of each piece that was read, and ends it by answering `false`.
    ///
    /// # Errors
    /// As the file system says; `Interrupted` where `progress` ended it.
    pub fn is_of(&self, path: &Path, progress: &mut dyn FnMut(u64) -> bool) -> io::Result<bool> {
        let file = open_unnoticed(path)?;
        let found = match self {
            Self::Sha256(_) => {
                let mut hasher = Sha256::new();
                each_piece(file, progress, |piece| hasher.update(piece))?;
                hex(&hasher.finalize())
            }
            Self::Git(_) => {
                let mut hasher = <Sha1 as sha1::Digest>::new();
                sha1::Digest::update(&mut hasher, format!("blob {}\0", file.metadata()?.len()));
                each_piece(file, progress, |piece| sha1::Digest::update(&mut hasher, piece))?;
                hex(&sha1::Digest::finalize(hasher))
            }
        };
        Ok(found == self.as_str())
    }
}

fn each_piece(
    mut file: impl Read,
    progress: &mut dyn FnMut(u64) -> bool,
    mut take: impl FnMut(&[u8]),
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                take(&buffer[..read]);
                if !progress(read as u64) {
                    return Err(io::ErrorKind::Interrupted.into());
                }
            }
            // A signal, and no wish to end.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_known_by_either_hash() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, "hello\n").expect("writes");
        // As `sha256sum` and `git hash-object` say.
        let right = [
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
            "ce013625030ba8dba906f756967f9e9ca394464a",
        ];
        for name in right {
            let hash = ContentHash::named(name).expect("a hash");
            let mut read = 0;
            let mut count = |bytes| {
                read += bytes;
                true
            };
            assert!(hash.is_of(&path, &mut count).expect("reads"), "{name}");
            assert_eq!(read, 6);
            let stopped = hash.is_of(&path, &mut |_| false).expect_err("was ended");
            assert_eq!(stopped.kind(), io::ErrorKind::Interrupted);
        }
        std::fs::write(&path, "hullo\n").expect("writes");
        for name in right {
            assert!(!ContentHash::named(name).expect("a hash").is_of(&path, &mut |_| true).expect("reads"));
        }
        for other in ["", "abc", &"g".repeat(64), &"A".repeat(40)] {
            assert_eq!(ContentHash::named(other), None);
        }
    }
}
