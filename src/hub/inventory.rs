//! What lies in the cache and in folders, by names and sizes alone: no header is read here.

mod listing;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::domain::model::{Format, RepoId, split_set, starter};
use crate::error::{ErrorKind, UserError, reason};
use crate::hub::cache::{Commit, RepoCache};
use crate::hub::import;
use crate::hub::inventory::listing::{Entry, Listing, Whole};
use crate::hub::names::{GgufName, UQFF_REST};
use crate::hub::{Options, display_path, expand_home};

/// How deep a folder is searched. Deep enough for `owner/name/file`, shallow enough for a folder that was named by mistake.
const FOLDER_DEPTH: usize = 5;
/// How many folders are looked at below one of the config's.
const FOLDER_COUNT: usize = 4000;
/// How deep a file can be in a snapshot.
pub(super) const SNAPSHOT_DEPTH: usize = 6;

/// A model that could be loaded, as its name and size tell.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub place: Place,
    /// What a person calls it.
    pub name: String,
    /// As the file's name tells.
    pub quant: Option<String>,
    pub location: PathBuf,
    pub format: Format,
    pub bytes: u64,
    pub origin: String,
    /// Its own files, in order, by their paths in `folder`; those of a folder are its weights.
    pub files: Vec<String>,
    pub folder: PathBuf,
    /// When one of them was last read, if the file system keeps that.
    pub used: SystemTime,
    /// Which file on disk it begins with: the same file seen through two links is one model.
    pub identity: Identity,
}

/// A file on disk, by device and number.
pub(super) type Identity = (u64, u64);

#[derive(Debug, Clone)]
pub(super) enum Place {
    Cache {
        repo: RepoId,
        /// `None`: the repository's folder of safetensors is the model.
        file: Option<String>,
        commit: Commit,
        /// No newer revision here has a file of its name.
        current: bool,
        /// Of the revision that the repository's main branch is at.
        main: bool,
    },
    Folder,
}

impl Candidate {
    /// Its own files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| self.folder.join(file)).collect()
    }

    /// Its path in the repository; `None` is the folder.
    pub fn file(&self) -> Option<&str> {
        match &self.place {
            Place::Cache { file, .. } => file.as_deref(),
            Place::Folder => None,
        }
    }

    /// Its quantisation comes, by what its name says, from the main branch too, where the file has another name by now, or is
    /// cut into others.
    pub fn is_renamed_in(&self, others: &[Self]) -> bool {
        let Place::Cache { repo, main: false, .. } = &self.place else { return false };
        self.quant.is_some()
            && others.iter().any(|other| {
                matches!(&other.place, Place::Cache { repo: same, main: true, .. } if same == repo)
                    && (other.format, &other.quant) == (self.format, &self.quant)
            })
    }

    pub fn is_starter(&self) -> bool {
        matches!(&self.place, Place::Cache { repo, file: Some(file), .. }
            if file == starter::FILE && repo.to_string() == starter::REPO && self.bytes == starter::BYTES)
    }
}

/// Where several could be meant and no revision was named: without those that go by another name on the main branch.
pub(super) fn without_renamed(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let all = candidates.clone();
    candidates.into_iter().filter(|candidate| !candidate.is_renamed_in(&all)).collect()
}

/// Everything that can be seen, each file once, and what could not be looked at.
pub(super) fn all(options: &Options) -> (Vec<Candidate>, Vec<UserError>) {
    let mut problems = Vec::new();
    let mut found = cached(&options.cache, &mut problems);
    // Nothing may have been kept or imported yet.
    let kept = options.kept.iter().filter(|folder| folder.is_dir());
    for folder in options.folders.iter().chain(kept) {
        let folder = expand_home(folder);
        match std::path::absolute(&folder) {
            Ok(folder) => found.extend(in_folder(&folder, &mut problems)),
            Err(error) => problems.push(unreadable(&folder, &error)),
        }
    }
    if let Some(imported) = options.imported.as_deref().filter(|folder| folder.is_dir()) {
        let models = in_folder(imported, &mut problems).into_iter();
        found.extend(models.map(|model| Candidate { origin: import::origin(imported, &model.location), ..model }));
        problems.extend(import::gone(imported));
    }
    let mut seen = HashSet::new();
    found.retain(|candidate| seen.insert((candidate.identity, candidate.format.label())));
    (found, problems)
}

/// Every model in the cache, the current revision of each repository first.
fn cached(cache: &Path, problems: &mut Vec<UserError>) -> Vec<Candidate> {
    let repos = repos(cache).unwrap_or_else(|error| {
        problems.push(error);
        Vec::new()
    });
    repos.iter().flat_map(|repo| in_repo(cache, repo, problems)).collect()
}

/// The repositories that the cache has something of.
///
/// # Errors
/// It is there and can't be read.
pub(super) fn repos(cache: &Path) -> Result<Vec<RepoId>, UserError> {
    let entries = match fs::read_dir(cache) {
        Ok(entries) => entries,
        // Nothing was downloaded yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(cache, &error)),
    };
    let mut repos: Vec<RepoId> = entries.flatten().filter_map(|entry| repo_of(entry.file_name().to_str()?)).collect();
    repos.sort();
    Ok(repos)
}

/// The repository of models that a folder of the cache is for.
fn repo_of(folder: &str) -> Option<RepoId> {
    let id = folder.strip_prefix("models--")?;
    match id.split_once("--") {
        Some((owner, name)) => RepoId::parse(&format!("{owner}/{name}")),
        None => RepoId::without_owner(id),
    }
}

/// Every model of one repository in the cache.
pub(super) fn in_repo(cache: &Path, repo: &RepoId, problems: &mut Vec<UserError>) -> Vec<Candidate> {
    let cached = RepoCache::new(cache, repo);
    let entries = match fs::read_dir(cached.snapshots()) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Vec::new();
        }
        Err(error) => {
            problems.push(unreadable(&cached.snapshots(), &error));
            return Vec::new();
        }
    };
    let main = cached.read_ref("main");
    let mut snapshots: Vec<(bool, SystemTime, Commit)> = entries
        .flatten()
        .filter_map(|entry| {
            let commit = Commit::parse(entry.file_name().to_str()?)?;
            let modified = entry.metadata().and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            Some((main.as_ref() == Some(&commit), modified, commit))
        })
        .collect();
    snapshots.sort();
    snapshots.reverse();

    let mut found: Vec<Candidate> = Vec::new();
    for (main, _, commit) in snapshots {
        let folder = cached.snapshots().join(commit.as_str());
        let mut listing = Listing::default();
        listing.read(&folder, "", SNAPSHOT_DEPTH, problems);
        for model in listing.models(&folder) {
            // What a newer revision has under the same name hides the older file from everyone who names no revision.
            let current = !found.iter().any(|c| matches!(&c.place, Place::Cache { file, .. } if *file == model.file));
            let name = called(model.gguf.as_ref(), || repo.name.clone());
            let (repo_of_it, file, commit) = (repo.clone(), model.file.clone(), commit.clone());
            let place = Place::Cache { repo: repo_of_it, file, commit, current, main };
            found.push(model.into_candidate(place, name, repo.to_string()));
        }
    }
    found
}

/// The model at a place in the cache.
pub(super) fn cached_at(cache: &Path, location: &Path) -> Option<Candidate> {
    let folder = location.strip_prefix(cache).ok()?.components().next()?;
    let repo = repo_of(folder.as_os_str().to_str()?)?;
    in_repo(cache, &repo, &mut Vec::new()).into_iter().find(|candidate| candidate.location == location)
}

/// All names below a folder, also those that lead nowhere, by their paths in it.
pub(super) fn names_below(folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut queue = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = queue.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => queue.push((entry.path(), format!("{prefix}{name}/"))),
                _ => drop(found.insert(format!("{prefix}{name}"), entry.path())),
            }
        }
    }
    found
}

/// Every model in one of the config's folders, however deep within reason.
fn in_folder(folder: &Path, problems: &mut Vec<UserError>) -> Vec<Candidate> {
    let origin = display_path(folder);
    let mut found = Vec::new();
    let mut visited = HashSet::new();
    let mut queue = std::collections::VecDeque::from([(folder.to_owned(), 0)]);
    while let Some((path, depth)) = queue.pop_front() {
        let identity = match fs::metadata(&path) {
            Ok(meta) => (meta.dev(), meta.ino()),
            Err(error) => {
                problems.push(unreadable(&path, &error));
                continue;
            }
        };
        if !visited.insert(identity) {
            continue;
        }
        if visited.len() > FOLDER_COUNT {
            problems.push(
                UserError::new(ErrorKind::Config, format!("{origin} has too many folders to search them all"))
                    .hint("name the folders with models themselves in models.folders"),
            );
            break;
        }
        let mut listing = Listing::default();
        let below = listing.read_one(&path, "", problems);
        let models = listing.models(&path);
        let is_model = models.iter().any(|m| m.format != Format::Gguf);
        for model in models {
            let name = called(model.gguf.as_ref(), || folder_name(&path));
            found.push(model.into_candidate(Place::Folder, name, origin.clone()));
        }
        // What is inside a model's folder belongs to it (processors, other formats), and is no second model.
        if !is_model && depth < FOLDER_DEPTH {
            queue.extend(below.into_iter().filter(|name| !name.starts_with('.')).map(|n| (path.join(n), depth + 1)));
        }
    }
    found
}

/// The models directly in a folder that was named: files and, if it is one, the folder itself.
pub(super) fn directly_in(folder: &Path) -> (Vec<Candidate>, Vec<UserError>) {
    let mut problems = Vec::new();
    let mut listing = Listing::default();
    listing.read_one(folder, "", &mut problems);
    let origin = folder.parent().map_or_else(|| display_path(folder), display_path);
    let models = listing.models(folder).into_iter().map(|model| {
        let name = called(model.gguf.as_ref(), || folder_name(folder));
        model.into_candidate(Place::Folder, name, origin.clone())
    });
    (models.collect(), problems)
}

/// One UQFF file that was named: one of its folder's models.
///
/// # Errors
/// The folder lacks what the file needs beside it.
pub(super) fn uqff_file(path: &Path) -> Result<Candidate, UserError> {
    let folder = path.parent().unwrap_or(path);
    let (found, problems) = directly_in(folder);
    let named = |candidate: &Candidate| {
        let set = uqff_set(&candidate.location);
        candidate.format == Format::Uqff && set.is_some() && set == uqff_set(path)
    };
    found.into_iter().find(named).ok_or_else(|| {
        problems.into_iter().next().unwrap_or_else(|| {
            UserError::new(ErrorKind::ModelBroken, format!("{} is no whole model by itself", path.display()))
                .hint(format!("beside it belong its other parts, config.json, tokenizer.json and {UQFF_REST}"))
        })
    })
}

/// The model at a place outside of the cache.
///
/// # Errors
/// There is none any more.
pub(super) fn at(options: &Options, location: &Path) -> Result<Candidate, UserError> {
    let is_it = |candidate: &Candidate| candidate.location == location;
    if let Some(known) = all(options).0.into_iter().find(is_it) {
        return Ok(known);
    }
    if location.is_dir() {
        return directly_in(location).0.into_iter().find(is_it).ok_or_else(|| {
            UserError::new(ErrorKind::ModelNotFound, format!("{} is no model any more", display_path(location)))
                .hint("`hobnob models` lists what is here")
        });
    }
    let is_uqff = location.extension().is_some_and(|ending| ending == "uqff");
    if is_uqff { uqff_file(location) } else { single_file(location) }
}

/// What the parts of a set have in common.
fn uqff_set(path: &Path) -> Option<&str> {
    let stem = path.file_stem()?.to_str()?;
    let numbered = stem.rsplit_once('-').filter(|(_, part)| part.parse::<u32>().is_ok());
    Some(numbered.map_or(stem, |(base, _)| base))
}

/// One file that was named, with the rest of its set if it is split.
///
/// # Errors
/// Names the part that is missing.
pub(super) fn single_file(path: &Path) -> Result<Candidate, UserError> {
    let broken = |part: &Path| {
        UserError::new(ErrorKind::ModelBroken, format!("{} is missing from the set", part.display()))
            .hint("download all parts of the model again")
    };
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let set: Vec<PathBuf> = split_set(&name).iter().map(|part| path.with_file_name(part)).collect();
    let mut whole = Whole::default();
    for part in &set {
        whole.add(&Entry::of(&fs::metadata(part).map_err(|_| broken(part))?));
    }
    let first = set.first().cloned().unwrap_or_else(|| path.to_owned());
    let gguf = GgufName::parse(&name);
    Ok(Candidate {
        place: Place::Folder,
        name: gguf.as_ref().map_or_else(|| name.clone(), |gguf| gguf.base.clone()),
        quant: gguf.and_then(|gguf| gguf.quant),
        origin: path.parent().map(display_path).unwrap_or_default(),
        location: first,
        format: Format::Gguf,
        bytes: whole.bytes,
        files: split_set(&name),
        folder: path.parent().unwrap_or(path).to_owned(),
        used: whole.used,
        identity: whole.identity,
    })
}

/// What a person calls a model: as its file is named if that says anything, else as what it lies in.
fn called(gguf: Option<&GgufName>, place: impl FnOnce() -> String) -> String {
    gguf.filter(|gguf| gguf.names_the_model()).map_or_else(place, |gguf| gguf.base.clone())
}

fn folder_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> UserError {
    let path = display_path(path);
    if error.kind() == io::ErrorKind::NotFound {
        return UserError::new(ErrorKind::Disk, format!("{path} does not exist"))
            .hint("make the folder, or take it out of models.folders");
    }
    UserError::new(ErrorKind::Disk, format!("{path} can't be read: {}", reason(error))).hint("check its permissions")
}
