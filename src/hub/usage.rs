//! What lies in the cache, by names and sizes: what it takes, what was not finished, what leads nowhere.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::domain::hub::{DiskUse, Local, Unfinished};
use crate::domain::model::{Choice, ModelRef, RepoId, is_safe_file, starter};
use crate::error::{ErrorKind, UserError};
use crate::hub::cache::{Etag, RepoCache};
use crate::hub::inventory::{SNAPSHOT_DEPTH, repos};
use crate::hub::journal;
use crate::hub::names::GgufName;
use crate::hub::package::{PACKAGE, bytes_at};
use crate::hub::partial::Places;
use crate::hub::scan::scan;
use crate::hub::shared;
use crate::hub::{Options, display_path};
use crate::machine::disk::{Room, room};

/// Kinds of repositories in the cache, as its folders begin.
const KINDS: [&str; 3] = ["models--", "datasets--", "spaces--"];
/// Endings of what has arrived of a blob: of this program and the Python client, of the engine's own client, and the folder of
/// a package that has it.
const ARRIVING: [&str; 3] = ["incomplete", "part", PACKAGE];

/// All that there is on this machine. Reads headers and folders, and blocks while it does.
#[must_use]
pub fn local(options: &Options) -> Local {
    let (models, mut problems) = scan(options);
    let survey = survey(&options.cache);
    problems.extend(without_bytes(&options.cache, &survey.dangling));
    // What does not exist yet will be made in the next folder above that does.
    let ground = options.cache.ancestors().find(|folder| folder.exists());
    let disk = ground.and_then(room).map(|Room { free, total }| DiskUse { cache: survey.bytes(), free, total });
    Local { models, problems, unfinished: survey.unfinished, disk }
}

/// What lies in the cache.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Of whole files, by whoever put them there; what several names lead to counts once.
    pub whole: u64,
    /// One for each repository.
    pub unfinished: Vec<Unfinished>,
    /// Names whose file is gone.
    pub dangling: Vec<PathBuf>,
}

impl Survey {
    pub fn bytes(&self) -> u64 {
        self.whole + self.unfinished.iter().map(|left| left.bytes).sum::<u64>()
    }
}

/// Looks at every entry of the cache, and into no file.
pub(super) fn survey(cache: &Path) -> Survey {
    let mut survey = Survey { whole: shared::bytes(cache), ..Survey::default() };
    for folder in entries(cache) {
        let Ok(name) = folder.file_name().into_string() else { continue };
        if !KINDS.iter().any(|kind| name.starts_with(kind)) {
            continue;
        }
        for blob in entries(&folder.path().join("blobs")) {
            // The entry itself: what is linked to is counted where it lies. What is not whole has an ending.
            let whole = blob.metadata().ok().filter(|meta| meta.is_file() && blob.path().extension().is_none());
            survey.whole += whole.map_or(0, |meta| meta.len());
        }
        look_through(&folder.path().join("snapshots"), SNAPSHOT_DEPTH + 1, &mut survey);
    }
    // A cache that can't be read has nothing that could be told of; whoever lists its models says so.
    let repos = repos(cache).unwrap_or_default();
    survey.unfinished = repos.iter().filter_map(|repo| unfinished(cache, repo)).collect();
    survey
}

fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}

fn is_arriving(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ARRIVING.iter().any(|known| ending == *known))
}

fn look_through(folder: &Path, depth: usize, survey: &mut Survey) {
    for entry in entries(folder) {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => look_through(&path, depth - 1, survey),
            // Where there can be no links the files themselves are here.
            Ok(kind) if kind.is_file() => survey.whole += entry.metadata().map_or(0, |meta| meta.len()),
            Ok(kind) if kind.is_symlink() => {
                let gone = fs::metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
                survey.dangling.extend(gone.then_some(path));
            }
            _ => {}
        }
    }
}

/// A file that an attempt to get a blob has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arriving {
    pub path: PathBuf,
    /// What the whole blob is called.
    pub etag: Etag,
    /// What has come: less than the file is long, if it has gaps.
    pub bytes: u64,
    /// What it will be, and the MODEL that goes on with it, where that was written down.
    noted: Option<(u64, Option<ModelRef>)>,
}

/// What attempts have left of a repository's blobs.
pub(super) fn arriving(cached: &RepoCache) -> Vec<Arriving> {
    let mut found: Vec<Arriving> = entries(&cached.blobs())
        .map(|entry| entry.path())
        .filter(|path| is_arriving(path))
        .filter_map(|path| {
            // The Python client puts a number of its own between the two.
            let etag = path.file_name()?.to_str()?.split('.').next().and_then(Etag::parse)?;
            let places = Places::new(cached, &etag);
            let noted = (path == places.data).then(|| journal::read(&places.journal)).flatten();
            let bytes = match &noted {
                Some(kept) => kept.have.bytes(),
                None => bytes_at(&path),
            };
            let noted = noted.map(|kept| (kept.size, ModelRef::parse(&kept.model).ok()));
            // Only the starter comes in one.
            let package = path.extension().is_some_and(|ending| ending == PACKAGE);
            let noted = if package { Some((starter::BYTES, Some(ModelRef::Starter))) } else { noted };
            Some(Arriving { path, etag, bytes, noted })
        })
        .collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// What has come of a repository's downloads that were not finished.
fn unfinished(cache: &Path, repo: &RepoId) -> Option<Unfinished> {
    let cached = RepoCache::new(cache, repo);
    let arriving = arriving(&cached);
    if arriving.is_empty() {
        return None;
    }
    let listed = Listed::read(&cached);
    // What several attempts have left of one file is still one file.
    let mut sizes: BTreeMap<&Etag, Option<u64>> = BTreeMap::new();
    let mut model = None;
    for left in &arriving {
        let (size, goes_on) = match (&left.noted, listed.files.get(left.etag.as_str())) {
            (Some((size, model)), _) => (Some(*size), model.clone()),
            (None, Some((path, size))) => (Some(*size), Some(model_of(repo, path))),
            (None, None) => (None, None),
        };
        let known = sizes.entry(&left.etag).or_default();
        *known = known.or(size);
        model = model.or(goes_on);
    }
    let total = sizes.into_values().sum();
    Some(Unfinished { repo: repo.clone(), bytes: arriving.iter().map(|left| left.bytes).sum(), total, model })
}

/// The MODEL that a file is of, as far as its name tells.
fn model_of(repo: &RepoId, path: &str) -> ModelRef {
    let choice = if GgufName::parse(path).is_some() { Choice::File(path.to_owned()) } else { Choice::Any };
    ModelRef::Hub { repo: repo.clone(), choice, revision: None }
}

/// What the Python client has written down of a repository's files.
#[derive(Debug, Default)]
struct Listed {
    /// Paths and sizes by what the blobs are called.
    files: HashMap<String, (String, u64)>,
}

#[derive(Deserialize)]
struct Tree {
    format_version: u32,
    files: BTreeMap<String, TreeFile>,
}

#[derive(Deserialize)]
struct TreeFile {
    size: u64,
    blob_id: String,
    lfs_sha256: Option<String>,
}

impl Listed {
    /// Listings are kept by commit; what can't be read tells nothing.
    fn read(cached: &RepoCache) -> Self {
        let mut listed = Self::default();
        for entry in entries(&cached.trees()) {
            let tree = fs::read(entry.path()).ok().and_then(|text| serde_json::from_slice::<Tree>(&text).ok());
            let Some(tree) = tree.filter(|tree| tree.format_version == 1) else { continue };
            for (path, file) in tree.files {
                if is_safe_file(&path) {
                    listed.files.insert(file.lfs_sha256.unwrap_or(file.blob_id), (path, file.size));
                }
            }
        }
        listed
    }
}

/// A problem for each repository with names whose bytes are gone.
fn without_bytes(cache: &Path, dangling: &[PathBuf]) -> Vec<UserError> {
    let mut by_repo: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for path in dangling {
        let Some(below) = path.strip_prefix(cache).ok().and_then(|rest| rest.components().next()) else { continue };
        // Below snapshots/COMMIT/ it is the file's own path.
        let name: PathBuf = path.strip_prefix(cache).unwrap_or(path).components().skip(3).collect();
        by_repo.entry(cache.join(below)).or_default().push(name.display().to_string());
    }
    let repos = repos(cache).unwrap_or_default();
    repos
        .iter()
        .filter_map(|repo| {
            let cached = RepoCache::new(cache, repo);
            let mut names = by_repo.remove(&cached.dir())?;
            names.sort();
            names.dedup();
            let message = format!("{repo} has names without bytes in {}: {}", display_path(cache), names.join(", "));
            // What is none is of the repository's own folder.
            let gguf = names.iter().find(|name| GgufName::parse(name).is_some());
            let model = gguf.map_or_else(|| repo.to_string(), |file| format!("{repo}/{file}"));
            Some(
                UserError::new(ErrorKind::ModelBroken, message).hint(format!(
                    "`hobnob pull {model}` gets it again; `hobnob models rm {repo}` removes what is left"
                )),
            )
        })
        .collect()
}
