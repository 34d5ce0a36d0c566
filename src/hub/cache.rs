//! The Hugging Face cache: names, links and locks, as the `huggingface_hub` Python client makes them.
//!
//! ```text
//! CACHE/models--OWNER--NAME/blobs/ETAG                     a file's bytes; the SHA-256 for large files
//!                          /blobs/ETAG.hobnob.incomplete   what has arrived of it, maybe with gaps
//!                          /blobs/ETAG.hobnob.journal      which parts those are
//!                          /blobs/ETAG.incomplete          what the client has got of it, without gaps
//!                          /snapshots/COMMIT/PATH          relative link to the blob
//!                          /refs/BRANCH                    the commit as text
//! CACHE/.locks/models--OWNER--NAME/ETAG.lock               who is writing that blob
//! ```
//! Both programs can work in it at the same time: the lock is the same `flock` on the same file, and nothing has its
//! final name before it is whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;
use tokio_util::sync::CancellationToken;

use crate::domain::model::{RepoId, is_safe_file};

/// The name of a blob: what the server calls the content. Checked, because it becomes a file's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Etag(String);

impl Etag {
    /// Takes the header's value, with quotes and weak mark; `None` if it can't be a file's name.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let header = header.trim();
        let bare = header.strip_prefix("W/").unwrap_or(header).trim_matches('"');
        let good = (1..=128).contains(&bare.len())
            && bare.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        good.then(|| Self(bare.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The SHA-256 of the content, where the name is one (all files in large-file storage).
    #[must_use]
    pub fn sha256(&self) -> Option<&str> {
        (self.0.len() == 64 && is_hex(&self.0)).then_some(self.0.as_str())
    }
}

/// A commit: 40 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Commit(String);

impl Commit {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        (text.len() == 40 && is_hex(text)).then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As much of it as people write.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// One repository's folder in the cache. Nothing need exist yet.
#[derive(Debug, Clone)]
pub struct RepoCache {
    root: PathBuf,
    folder: String,
}

impl RepoCache {
    #[must_use]
    pub fn new(root: &Path, repo: &RepoId) -> Self {
        Self { root: root.to_owned(), folder: format!("models--{}", repo.to_string().replace('/', "--")) }
    }

    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.root.join(&self.folder)
    }

    #[must_use]
    pub fn blobs(&self) -> PathBuf {
        self.dir().join("blobs")
    }

    #[must_use]
    pub fn blob(&self, etag: &Etag) -> PathBuf {
        self.blobs().join(etag.as_str())
    }

    /// Where the Python client leaves what has arrived.
    #[must_use]
    pub fn incomplete(&self, etag: &Etag) -> PathBuf {
        self.blobs().join(format!("{}.incomplete", etag.as_str()))
    }

    #[must_use]
    pub fn snapshots(&self) -> PathBuf {
        self.dir().join("snapshots")
    }

    /// Where branches and tags are, as far as this machine knows them.
    #[must_use]
    pub fn refs(&self) -> PathBuf {
        self.dir().join("refs")
    }

    /// Where the Python client keeps listings of commits.
    #[must_use]
    pub fn trees(&self) -> PathBuf {
        self.dir().join("trees")
    }

    /// Where the Python client notes which files a commit lacks.
    #[must_use]
    pub fn absent(&self) -> PathBuf {
        self.dir().join(".no_exist")
    }

    /// Where the locks of its blobs are.
    #[must_use]
    pub fn locks(&self) -> PathBuf {
        self.root.join(".locks").join(&self.folder)
    }

    /// Where a file of a commit is seen; `None` for a path that would leave the folder.
    #[must_use]
    pub fn pointer(&self, commit: &Commit, file: &str) -> Option<PathBuf> {
        is_safe_file(file).then(|| self.snapshots().join(commit.as_str()).join(file))
    }

    /// Whether a file of a commit, of so many bytes, is here without a blob: where there can be no links, it is itself what is
    /// seen.
    #[must_use]
    pub fn has_itself(&self, commit: &Commit, file: &str, size: u64) -> bool {
        let meta = self.pointer(commit, file).and_then(|pointer| fs::symlink_metadata(pointer).ok());
        meta.is_some_and(|meta| meta.is_file() && meta.len() == size)
    }

    /// What a branch or tag points to, as far as this machine knows.
    #[must_use]
    pub fn read_ref(&self, name: &str) -> Option<Commit> {
        let path = is_safe_file(name).then(|| self.refs().join(name))?;
        Commit::parse(&fs::read_to_string(path).ok()?)
    }

    /// Writes what a branch or tag points to; readers see the old or the new commit, never half of one.
    ///
    /// # Errors
    /// As the file system says.
    pub fn write_ref(&self, name: &str, commit: &Commit) -> io::Result<()> {
        if !is_safe_file(name) || name == commit.as_str() || self.read_ref(name).as_ref() == Some(commit) {
            return Ok(());
        }
        let path = self.refs().join(name);
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        let temporary = path.with_file_name(format!(
            "{}.{}.tmp",
            path.file_name().unwrap_or_default().to_string_lossy(),
            std::process::id()
        ));
        fs::write(&temporary, commit.as_str())?;
        fs::rename(&temporary, &path)
    }

    /// The branches and tags that point to one of these commits, by the files that say so.
    #[must_use]
    pub fn refs_to(&self, commits: &[&Commit]) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.refs()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(entry.path());
                } else if let Some(commit) = fs::read_to_string(entry.path()).ok().as_deref().and_then(Commit::parse)
                    && commits.contains(&&commit)
                {
                    found.push(entry.path());
                }
            }
        }
        found.sort();
        found
    }

    /// All commits that a revision can mean here: a full commit, a branch or tag, or the start of a commit.
    #[must_use]
    pub fn commits_for(&self, revision: &str) -> Vec<Commit> {
        if let Some(commit) = self.read_ref(revision) {
            return vec![commit];
        }
        let revision = revision.to_ascii_lowercase();
        if revision.len() < 4 || !is_hex(&revision) {
            return Vec::new();
        }
        let mut found: Vec<Commit> = fs::read_dir(self.snapshots())
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Commit::parse(entry.file_name().to_str()?))
            .filter(|commit| commit.as_str().starts_with(&revision))
            .collect();
        found.sort();
        found
    }

    /// Makes a blob visible as a file of a commit.
    ///
    /// # Errors
    /// As the file system says; `InvalidInput` for a path that would leave the folder.
    pub fn link(&self, commit: &Commit, file: &str, etag: &Etag) -> io::Result<PathBuf> {
        let outside = || io::Error::new(io::ErrorKind::InvalidInput, "the file's path leads out of its folder");
        let pointer = self.pointer(commit, file).ok_or_else(outside)?;
        fs::create_dir_all(pointer.parent().ok_or_else(outside)?)?;
        // snapshots/COMMIT/ is two floors down, and every folder in the file's own path is one more.
        let up = "../".repeat(2 + file.matches('/').count());
        let target = format!("{up}blobs/{}", etag.as_str());
        match fs::read_link(&pointer) {
            Ok(there) if there == Path::new(&target) => return Ok(pointer),
            Ok(_) => fs::remove_file(&pointer)?,
            // Half of it, as somebody left it where there can be no links.
            Err(_) if fs::metadata(self.blob(etag)).is_ok_and(|blob| !self.has_itself(commit, file, blob.len())) => {
                match fs::remove_file(&pointer) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            Err(_) => {}
        }
        place(&self.blob(etag), &target, &pointer, |target, pointer| std::os::unix::fs::symlink(target, pointer))?;
        Ok(pointer)
    }

    /// Makes the folders, and marks the cache so that backups leave it out, as the Python client does.
    ///
    /// # Errors
    /// As the file system says.
    pub fn create(&self) -> io::Result<()> {
        fs::create_dir_all(self.blobs())?;
        fs::create_dir_all(self.snapshots())?;
        // Best effort: a cache without the tag works.
        if let Ok(mut tag) = OpenOptions::new().write(true).create_new(true).open(self.root.join("CACHEDIR.TAG")) {
            let _ = tag.write_all(CACHEDIR_TAG.as_bytes());
        }
        Ok(())
    }

    /// Waits until nobody else writes this blob, and calls `waiting` again and again while somebody does. The lock ends when it
    /// is dropped, and with the process.
    ///
    /// # Errors
    /// As the file system says; `Interrupted` when cancelled.
    pub async fn lock(
        &self,
        etag: &Etag,
        cancel: &CancellationToken,
        mut waiting: impl FnMut(),
    ) -> io::Result<BlobLock> {
        let folder = self.locks();
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}.lock", etag.as_str()));
        loop {
            if let Some(lock) = BlobLock::attempt(&path)? {
                return Ok(lock);
            }
            waiting();
            // flock has no way to wait that a cancellation could end.
            tokio::select! {
                () = cancel.cancelled() => return Err(io::ErrorKind::Interrupted.into()),
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
        }
    }
}

/// What a link leads to, not followed any further, without `..`.
///
/// # Errors
/// As the file system says; `InvalidInput` for what is no link.
pub(super) fn link_target(link: &Path) -> io::Result<PathBuf> {
    let written = link.parent().unwrap_or(link).join(fs::read_link(link)?);
    let mut target = PathBuf::new();
    for part in written.components() {
        match part {
            Component::ParentDir => {
                target.pop();
            }
            Component::CurDir => {}
            part => target.push(part),
        }
    }
    Ok(target)
}

/// Links a blob, or moves it where there can be no links (exFAT, say), as the Python client does.
fn place(blob: &Path, target: &str, pointer: &Path, symlink: impl Fn(&str, &Path) -> io::Result<()>) -> io::Result<()> {
    match symlink(target, pointer) {
        // Somebody was faster, or the client moved the file here because it could not link: both are the file.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) => {
            fs::rename(blob, pointer)
        }
        result => result,
    }
}

/// The right to write one blob.
#[derive(Debug)]
pub struct BlobLock {
    _file: File,
}

impl BlobLock {
    /// Takes a lock that is there, or is made; `None` while somebody else has it.
    pub fn attempt(path: &Path) -> io::Result<Option<Self>> {
        // Group-writable and not truncated, as the Python client's lock files are.
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o664).open(path)?;
        Self::claim(file, path)
    }

    fn claim(file: File, path: &Path) -> io::Result<Option<Self>> {
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            // Some network file systems have no locks; the Python client goes on there too. The checksum still stands.
            Err(TryLockError::Error(error)) if has_no_locks(&error) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Its last holder may have removed the file between our opening and our locking it: then this lock is of nothing.
        let ours = file.metadata()?;
        let current = fs::metadata(path).ok().map(|m| (m.dev(), m.ino()));
        Ok((current == Some((ours.dev(), ours.ino()))).then_some(Self { _file: file }))
    }
}

/// Whether the file system has no locks, or none that work (NFS without its lock service).
fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported || Errno::from_io_error(error) == Some(Errno::NOLCK)
}

const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This file marks a cache folder that backups can leave out, see:\n\
    #\thttps://bford.info/cachedir/\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn repo(root: &Path) -> RepoCache {
        RepoCache::new(root, &RepoId::parse("org/name").expect("a repository"))
    }

    fn commit(digit: char) -> Commit {
        Commit::parse(&digit.to_string().repeat(40)).expect("a commit")
    }

    #[test]
    fn etags_become_file_names_only_if_they_can() {
        assert_eq!(Etag::parse("W/\"abc-1_2\"").expect("reads").as_str(), "abc-1_2");
        assert_eq!(Etag::parse(&format!("\"{}\"", "a".repeat(64))).expect("reads").sha256(), Some(&*"a".repeat(64)));
        assert_eq!(Etag::parse(&"a".repeat(40)).expect("reads").sha256(), None);
        for hostile in ["", "\"\"", "..", "../../x", "a/b", "a.lock", "a\0", &"a".repeat(129)] {
            assert_eq!(Etag::parse(hostile), None, "{hostile:?}");
        }
    }

    #[test]
    fn no_file_name_leads_out_of_the_cache() {
        let root = tempfile::tempdir().expect("a folder");
        let etag = Etag::parse("abc").expect("reads");
        for hostile in ["../x", "a/../../x", "/etc/passwd", "a//b", ".", "a\\b", ""] {
            assert_eq!(repo(root.path()).pointer(&commit('a'), hostile), None, "{hostile}");
            assert!(repo(root.path()).link(&commit('a'), hostile, &etag).is_err(), "{hostile}");
            assert!(repo(root.path()).read_ref(hostile).is_none(), "{hostile}");
        }
        assert_eq!(fs::read_dir(root.path()).expect("reads").count(), 0);
    }

    #[test]
    fn links_are_relative_and_deep_enough() {
        let root = tempfile::tempdir().expect("a folder");
        let repo = repo(root.path());
        repo.create().expect("creates");
        let etag = Etag::parse("abc").expect("reads");
        fs::write(repo.blob(&etag), "bytes").expect("writes");
        for file in ["m.gguf", "sub/m.gguf", "a/b/m.gguf"] {
            let pointer = repo.link(&commit('a'), file, &etag).expect("links");
            assert!(fs::read_link(&pointer).expect("a link").is_relative());
            assert_eq!(fs::read_to_string(&pointer).expect("reads"), "bytes", "{file}");
            repo.link(&commit('a'), file, &etag).expect("links again");
        }
    }

    #[test]
    fn revisions_are_refs_commits_and_their_beginnings() {
        let root = tempfile::tempdir().expect("a folder");
        let repo = repo(root.path());
        fs::create_dir_all(repo.snapshots().join("a".repeat(40))).expect("makes");
        fs::create_dir_all(repo.snapshots().join(format!("{}b", "a".repeat(39)))).expect("makes");
        repo.write_ref("refs/pr/1", &commit('c')).expect("writes");
        assert_eq!(repo.commits_for("refs/pr/1"), [commit('c')]);
        assert_eq!(repo.commits_for(&"a".repeat(40)), [commit('a')]);
        assert_eq!(repo.commits_for("aaaa").len(), 2);
        assert_eq!(repo.commits_for("aaa").len(), 0);
        assert_eq!(repo.commits_for("main").len(), 0);
    }

    #[tokio::test]
    async fn a_blob_has_one_writer_and_a_waiting_one_can_be_cancelled() {
        let root = tempfile::tempdir().expect("a folder");
        let repo = repo(root.path());
        let etag = Etag::parse("abc").expect("reads");
        let cancel = CancellationToken::new();
        let held = repo.lock(&etag, &cancel, || {}).await.expect("locks");
        let other = CancellationToken::new();
        other.cancel();
        assert_eq!(repo.lock(&etag, &other, || {}).await.expect_err("held").kind(), io::ErrorKind::Interrupted);
        drop(held);
        repo.lock(&etag, &cancel, || {}).await.expect("free again");
    }

    #[tokio::test]
    async fn a_lock_file_that_was_removed_is_made_anew() {
        let root = tempfile::tempdir().expect("a folder");
        let repo = repo(root.path());
        let etag = Etag::parse("abc").expect("reads");
        let cancel = CancellationToken::new();
        let path = root.path().join(".locks/models--org--name/abc.lock");
        let held = repo.lock(&etag, &cancel, || {}).await.expect("locks");
        fs::remove_file(&path).expect("removes");
        // The old lock is of a file that nobody can open any more: it stops nobody.
        let _new = repo.lock(&etag, &cancel, || {}).await.expect("locks");
        assert!(path.exists());
        drop(held);
        assert!(BlobLock::attempt(&path).expect("asks").is_none());
    }

    #[test]
    fn a_lock_of_a_file_that_is_gone_is_none() {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("abc.lock");
        let file = File::create(&path).expect("creates");
        fs::remove_file(&path).expect("removes");
        assert!(BlobLock::claim(file, &path).expect("asks").is_none());
        let file = File::create(&path).expect("creates");
        assert!(BlobLock::claim(file, &path).expect("asks").is_some());
    }

    #[test]
    fn a_file_system_without_locks_is_no_obstacle() {
        for (error, expected) in [(Errno::NOLCK, true), (Errno::NOTSUP, true), (Errno::NOSYS, true), (Errno::IO, false)]
        {
            assert_eq!(has_no_locks(&error.into()), expected, "{error:?}");
        }
    }

    #[test]
    fn where_links_are_impossible_the_file_itself_moves() {
        let root = tempfile::tempdir().expect("a folder");
        let repo = repo(root.path());
        repo.create().expect("creates");
        let etag = Etag::parse("abc").expect("reads");
        fs::write(repo.blob(&etag), "bytes").expect("writes");
        let pointer = repo.pointer(&commit('a'), "m.gguf").expect("a path");
        fs::create_dir_all(pointer.parent().expect("a parent")).expect("makes");
        place(&repo.blob(&etag), "../../blobs/abc", &pointer, |_, _| Err(io::ErrorKind::Unsupported.into()))
            .expect("moves");
        assert_eq!(fs::read_to_string(&pointer).expect("reads"), "bytes");
        assert!(!pointer.is_symlink() && !repo.blob(&etag).exists());
    }
}
