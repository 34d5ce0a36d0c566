//! The store of blobs that newer Python clients share between repositories: a repository's blob is a link to the bytes there.
//!
//! ```text
//! CACHE/blobs/.huggingface-shared-blobs      says that it is one, and its version
//!            /XX/HASH                        the bytes
//!            /XX/HASH.refs                   the blobs that link to them, by their paths in the cache, a line each
//!            /XX/HASH.lock                   who is changing these
//! ```
//! The list is a hint: a line counts if the blob is there and leads here. Without a list nothing is removed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use crate::hub::cache::link_target;
use crate::hub::digest::ContentHash;

const STORE: &str = "blobs";
const MARK: &str = ".huggingface-shared-blobs";
const VERSION: &str = "1\n";

/// The store of a cache, if it has one whose layout is known.
fn store(cache: &Path) -> Option<PathBuf> {
    let store = cache.join(STORE);
    (fs::read_to_string(store.join(MARK)).ok()? == VERSION).then_some(store)
}

/// What the store takes.
pub(super) fn bytes(cache: &Path) -> u64 {
    let Some(store) = store(cache) else { return 0 };
    let folders = fs::read_dir(store).into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten());
    let payload = |entry: &fs::DirEntry| entry.file_name().to_str().is_some_and(is_hash);
    files.filter(payload).filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file).map(|m| m.len()).sum()
}

fn is_hash(name: &str) -> bool {
    matches!(ContentHash::named(name), Some(ContentHash::Sha256(_)))
}

/// Where in the store a repository's blob has its bytes; `None` if it has its own.
pub(super) fn payload(cache: &Path, blob: &Path) -> Option<PathBuf> {
    let store = store(cache)?;
    let target = link_target(blob).ok()?;
    let parts: Vec<&str> = target.strip_prefix(&store).ok()?.iter().map(|part| part.to_str().unwrap_or("")).collect();
    let [folder, name] = parts.as_slice() else { return None };
    (is_hash(name) && name.starts_with(folder) && folder.len() == 2).then_some(target)
}

/// Bytes that become free when these blobs no longer link to them.
pub(super) fn freed_without(cache: &Path, payload: &Path, blobs: &[PathBuf]) -> u64 {
    match users(cache, payload) {
        Some(users) if users.iter().all(|user| blobs.contains(user)) => {
            fs::symlink_metadata(payload).map_or(0, |m| m.len())
        }
        _ => 0,
    }
}

/// Removes bytes that no blob links to any more.
///
/// # Errors
/// As the file system says.
pub(super) fn sweep(cache: &Path, payload: &Path) -> io::Result<()> {
    // Open to everybody who shares the cache, as the client makes them.
    let lock = with_ending(payload, "lock");
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o666).open(lock)?;
    File::lock(&lock)?;
    let list = with_ending(payload, "refs");
    match users(cache, payload) {
        None => Ok(()),
        Some(users) if users.is_empty() => {
            fs::remove_file(payload)?;
            fs::remove_file(list)
        }
        Some(users) => {
            let lines: String = users
                .iter()
                .filter_map(|user| Some(format!("{}\n", user.strip_prefix(cache).ok()?.to_str()?)))
                .collect();
            let fresh = list.with_extension(format!("refs.{}.tmp", std::process::id()));
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o666).open(&fresh)?;
            file.write_all(lines.as_bytes()).and_then(|()| file.sync_all())?;
            fs::rename(fresh, list)
        }
    }
}

fn with_ending(payload: &Path, ending: &str) -> PathBuf {
    let mut name = payload.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// The blobs that link to these bytes; `None` where there is no list to go by, or a blob of it can't be looked at.
fn users(cache: &Path, bytes: &Path) -> Option<Vec<PathBuf>> {
    let list = fs::read_to_string(with_ending(bytes, "refs")).ok()?;
    let mut users = Vec::new();
    for line in list.lines().map(Path::new) {
        let blob = cache.join(line);
        let is_below = line.components().all(|part| matches!(part, Component::Normal(_)));
        match fs::symlink_metadata(&blob) {
            Ok(_) if is_below && payload(cache, &blob).as_deref() == Some(bytes) => users.push(blob),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return None,
            _ => {}
        }
    }
    users.sort();
    users.dedup();
    Some(users)
}
