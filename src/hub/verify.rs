//! Reading a model's files again, to see whether every byte is what the Hub says it is.
//!
//! A blob is called by the hash of its content, so that nobody has to be asked. Where a snapshot has files in place of links
//! the Hub is asked, unless the network is off.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use crate::domain::hub::Done;
use crate::domain::model::{Choice, Format, LocalModel, ModelRef, RepoId};
use crate::error::{ErrorKind, UserError, reason};
use crate::hub::cache::{RepoCache, link_target};
use crate::hub::contents::contents;
use crate::hub::digest::ContentHash;
use crate::hub::find::find;
use crate::hub::http::Hub;
use crate::hub::inventory::{self, Candidate, Place};
use crate::hub::names::{GgufName, QuantMatch, match_quant};
use crate::hub::{Options, blocking};

/// How many files an error names.
const NAMED: usize = 5;

/// What came of reading a model again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The MODEL.
    pub model: String,
    /// The repository and commit that it is of, if it is the Hub's.
    pub source: Option<(RepoId, String)>,
    pub files: Vec<CheckedFile>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedFile {
    /// Its path in the repository or folder.
    pub name: String,
    pub path: PathBuf,
    pub bytes: u64,
    /// What its content has to be called, where that is known.
    pub hash: Option<String>,
    pub state: FileState,
}

impl CheckedFile {
    /// The commit in whose snapshot it is, if it is the Hub's.
    pub(super) fn commit(&self) -> Option<&str> {
        let folder = self.path.ancestors().nth(1 + self.name.matches('/').count())?;
        folder.file_name()?.to_str()
    }
}

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// Every byte is right.
    Whole,
    Broken,
    /// Its name is there, and its bytes are not.
    Gone,
    /// Nobody has said what it should be.
    Unknown,
}

impl FileState {
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Broken => "broken",
            Self::Gone => "gone",
            Self::Unknown => "not verifiable",
        }
    }
}

impl Verified {
    fn named(&self, state: FileState) -> Vec<&str> {
        self.files.iter().filter(|file| file.state == state).map(|file| file.name.as_str()).collect()
    }

    /// The verdict.
    ///
    /// # Errors
    /// Names the files that are not what they should be, and what to do.
    pub fn conclude(&self) -> Result<Done, UserError> {
        let (broken, gone) = (self.named(FileState::Broken), self.named(FileState::Gone));
        let wrong = match (broken.as_slice(), gone.as_slice()) {
            ([], []) => None,
            (broken, []) => Some(format!("broken: {}", some(broken))),
            ([], gone) => Some(format!("gone: {}", some(gone))),
            (broken, gone) => Some(format!("broken: {}; gone: {}", some(broken), some(gone))),
        };
        if let Some(wrong) = wrong {
            let model = &self.model;
            return Err(UserError::new(ErrorKind::Checksum, format!("`{model}` is damaged on this disk; {wrong}"))
                .hint(format!("`hobnob models verify {model} --repair` gets these files again, and only these")));
        }
        let whole: Vec<&CheckedFile> = self.files.iter().filter(|file| file.state == FileState::Whole).collect();
        Ok(match whole.len() {
            0 => Done::NotVerifiable,
            files => Done::Verified { files, bytes: whole.iter().map(|file| file.bytes).sum() },
        })
    }
}

fn some(names: &[&str]) -> String {
    let mut text = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if names.len() > NAMED {
        let _ = write!(text, " and {} more", names.len() - NAMED);
    }
    text
}

/// Reads every file of a model again. `progress` hears how many bytes of how many were read.
///
/// # Errors
/// There is no such model; a file can't be read; `Cancelled`. That a file is broken is no error of this.
pub async fn verify(
    options: &Options,
    model: &ModelRef,
    mut progress: impl FnMut(u64, u64) + Send + 'static,
    cancel: CancellationToken,
) -> Result<Verified, UserError> {
    let (wanted, all) = (model.clone(), options.clone());
    let mut verified = blocking(move || files(&all, &wanted)).await?;
    ask_the_hub(options, &mut verified).await?;
    blocking(move || {
        let total = verified.files.iter().filter(|file| file.hash.is_some()).map(|file| file.bytes).sum();
        let mut done = 0;
        for file in &mut verified.files {
            if cancel.is_cancelled() {
                return Err(stopped());
            }
            read(file, &mut |bytes| {
                done += bytes;
                progress(done, total);
                !cancel.is_cancelled()
            })?;
        }
        Ok(verified)
    })
    .await
}

fn stopped() -> UserError {
    UserError::new(ErrorKind::Cancelled, "verifying was stopped")
}

/// Reads one file, if it is known what it should be.
fn read(file: &mut CheckedFile, progress: &mut dyn FnMut(u64) -> bool) -> Result<(), UserError> {
    let Some(hash) = file.hash.as_deref().and_then(ContentHash::named) else { return Ok(()) };
    if file.state == FileState::Gone {
        return Ok(());
    }
    file.state = match hash.is_of(&file.path, progress) {
        Ok(true) => FileState::Whole,
        Ok(false) => FileState::Broken,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(stopped()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => FileState::Gone,
        // A disk that can't read it has broken it.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => FileState::Broken,
        Err(error) => {
            let message = format!("{} can't be read: {}", file.path.display(), reason(&error));
            return Err(UserError::new(ErrorKind::Disk, message).hint("check its permissions"));
        }
    };
    Ok(())
}

/// The files of a model, and what is known of each without asking anybody or reading it.
///
/// # Errors
/// There is no such model.
pub fn files(options: &Options, model: &ModelRef) -> Result<Verified, UserError> {
    let found = match find(options, model) {
        Ok(found) => found,
        Err(error) => return without_bytes(options, model).ok_or(error),
    };
    let files = own_files(options, &found)?;
    let files = files.into_iter().map(|(name, path)| checked(name, path)).collect();
    let source = found.cached.map(|cached| (cached.repo, cached.commit));
    Ok(Verified { model: found.reference, source, files })
}

fn checked(name: String, path: PathBuf) -> CheckedFile {
    // The first link says what the content is; where the bytes are may be called otherwise.
    let blob = link_target(&path).ok();
    let hash = blob.as_deref().and_then(Path::file_name).and_then(|name| ContentHash::named(name.to_str()?));
    let meta = fs::metadata(&path);
    let state = if meta.is_err() && blob.is_some() { FileState::Gone } else { FileState::Unknown };
    let bytes = meta.map_or(0, |meta| meta.len());
    CheckedFile { name, path, bytes, hash: hash.map(|hash| hash.as_str().to_owned()), state }
}

/// All that belongs to a model: its own files, and what lies beside those of a folder.
pub(super) fn own_files(options: &Options, model: &LocalModel) -> Result<Vec<(String, PathBuf)>, UserError> {
    let candidate = match inventory::cached_at(&options.cache, &model.location) {
        Some(candidate) => candidate,
        None => inventory::at(options, &model.location)?,
    };
    if candidate.format == Format::Gguf || model.cached.is_none() {
        return Ok(candidate.files.iter().map(|file| (file.clone(), candidate.folder.join(file))).collect());
    }
    let others = others_of(options, &candidate);
    let mut files = inventory::names_below(&candidate.folder);
    files.retain(|name, _| !others.contains(name));
    Ok(files.into_iter().collect())
}

/// Files of the other models in the same snapshot.
fn others_of(options: &Options, candidate: &Candidate) -> BTreeSet<String> {
    let Place::Cache { repo, .. } = &candidate.place else { return BTreeSet::new() };
    let all = inventory::in_repo(&options.cache, repo, &mut Vec::new());
    let others =
        all.into_iter().filter(|other| other.folder == candidate.folder && other.location != candidate.location);
    others.flat_map(|other| other.files).filter(|file| !candidate.files.contains(file)).collect()
}

/// A model of which only the names are left.
fn without_bytes(options: &Options, model: &ModelRef) -> Option<Verified> {
    let ModelRef::Hub { repo, choice, .. } = model else { return None };
    let cached = RepoCache::new(&options.cache, repo);
    let mut names = BTreeMap::new();
    for snapshot in fs::read_dir(cached.snapshots()).ok()?.flatten() {
        names.extend(inventory::names_below(&snapshot.path()));
    }
    let is_meant = |name: &str| match choice {
        Choice::Any => true,
        Choice::File(file) => file == name,
        Choice::Quant(wanted) => GgufName::parse(name)
            .and_then(|name| name.quant)
            .is_some_and(|there| match_quant(wanted, &there) == Some(QuantMatch::Exact)),
    };
    let files: Vec<CheckedFile> =
        names.into_iter().filter(|(name, _)| is_meant(name)).map(|(name, path)| checked(name, path)).collect();
    let gone = files.iter().any(|file| file.state == FileState::Gone);
    let source = files.first().and_then(CheckedFile::commit).map(|commit| (repo.clone(), commit.to_owned()));
    gone.then(|| Verified { model: model.to_string(), source, files })
}

/// Asks for what can't be known here, if the network is on.
async fn ask_the_hub(options: &Options, verified: &mut Verified) -> Result<(), UserError> {
    let Some((repo, commit)) = verified.source.as_ref().filter(|_| !options.offline) else { return Ok(()) };
    if verified.files.iter().all(|file| file.hash.is_some()) {
        return Ok(());
    }
    let hub = Hub::new(options, options.timing.connect)?;
    // What can be read without it is read all the same.
    let theirs = match contents(&hub, repo, commit).await {
        Ok(theirs) => theirs,
        Err(error) if verified.files.iter().any(|file| file.hash.is_some()) => {
            tracing::warn!(%error, "what some files should be is not known");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for file in verified.files.iter_mut().filter(|file| file.hash.is_none()) {
        file.hash = theirs.blobs.get(&file.name).cloned();
    }
    Ok(())
}
