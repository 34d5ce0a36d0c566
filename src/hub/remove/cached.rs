//! Deleting from the cache, as the Python client's `delete_revisions` and `delete_files` do.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::domain::hub::Owner;
use crate::domain::model::{Format, LocalModel, RepoId};
use crate::error::{ErrorKind, UserError};
use crate::hub::cache::{Commit, RepoCache, link_target};
use crate::hub::inventory::{self, Candidate, Place};
use crate::hub::names::{UQFF_REST, has_weights, is_uqff};
use crate::hub::remove::steps::{Step, is_held};
use crate::hub::remove::{Removal, Scope};
use crate::hub::usage::arriving;
use crate::hub::{Options, shared};

/// The names of one commit.
struct Snapshot {
    commit: Commit,
    folder: PathBuf,
    names: BTreeMap<String, Name>,
    /// Folders in it, the deepest first.
    folders: Vec<PathBuf>,
}

/// What a name in a snapshot is.
enum Name {
    /// A link to a blob, which may be a link itself.
    Link(PathBuf),
    /// The file itself, of so many bytes: where there can be no links.
    File(u64),
}

/// A repository as it lies in the cache.
struct Repository {
    cache: PathBuf,
    cached: RepoCache,
    snapshots: Vec<Snapshot>,
    /// There is something among its snapshots that is none.
    odd: bool,
    /// Somebody is downloading into it.
    busy: bool,
}

/// Works out what deleting a model takes. `exact`: of the revision that was named, and of no other.
pub(super) fn of_model(
    options: &Options,
    model: &LocalModel,
    repo: &RepoId,
    exact: bool,
    scope: Scope,
) -> Result<Removal, UserError> {
    let all = inventory::in_repo(&options.cache, repo, &mut Vec::new());
    let chosen = all.iter().find(|candidate| candidate.location == model.location).ok_or_else(|| {
        UserError::new(ErrorKind::ModelNotFound, format!("`{}` has just gone", model.reference))
            .hint("`hobnob models` lists what is here")
    })?;
    let goes = |candidate: &&Candidate| {
        let same_bytes = candidate.identity == chosen.identity && candidate.format == chosen.format;
        let same_name = scope == Scope::AllRevisions && candidate.file() == chosen.file();
        candidate.location == chosen.location || (!exact && same_bytes) || same_name
    };
    let repository = Repository::read(&options.cache, repo);
    let mut names: BTreeSet<(Commit, String)> = BTreeSet::new();
    for candidate in all.iter().filter(goes) {
        let Place::Cache { commit, .. } = &candidate.place else { continue };
        names.extend(candidate.files.iter().map(|file| (commit.clone(), file.clone())));
    }
    let paths = all.iter().filter(goes).map(|candidate| candidate.location.clone()).collect();
    Ok(Removal { paths, ..repository.without(model.reference.clone(), names, chosen.format) })
}

/// All that is left of a repository that has no whole model; `None` if it has one, or isn't here at all.
pub(super) fn of_remains(options: &Options, repo: &RepoId) -> Option<Removal> {
    let repository = Repository::read(&options.cache, repo);
    let folder = repository.cached.dir();
    if !folder.is_dir() || !inventory::in_repo(&options.cache, repo, &mut Vec::new()).is_empty() {
        return None;
    }
    Some(Removal { paths: vec![folder], ..repository.all(repo.to_string(), true) })
}

/// The bytes that these names of a repository lead to.
pub(super) fn of_blobs(cache: &Path, repo: &RepoId, paths: &[&Path]) -> Removal {
    let repository = Repository::read(cache, repo);
    let mut removal = Removal::new(repo.to_string(), Owner::Cache);
    let mut blobs = BTreeSet::new();
    for path in paths {
        if let Ok(blob) = link_target(path) {
            blobs.insert(blob);
        } else {
            // Where there can be no links the name is the file.
            removal.frees += fs::symlink_metadata(path).map_or(0, |meta| meta.len());
            removal.steps.push(Step::File((*path).to_owned()));
        }
    }
    repository.free(&mut removal, &Vec::from_iter(blobs));
    Removal { paths: paths.iter().map(|path| (*path).to_owned()).collect(), ..removal }
}

/// What has come of downloads that were not finished; what somebody is getting at this moment stays.
pub(super) fn of_unfinished(cache: &Path, repo: &RepoId) -> Result<Removal, UserError> {
    let repository = Repository::read(cache, repo);
    let arriving = arriving(&repository.cached);
    let is_free = |etag: &str| !repository.locks_of(etag).iter().any(|lock| is_held(lock));
    let etags: BTreeSet<&str> = arriving.iter().map(|left| left.etag.as_str()).filter(|etag| is_free(etag)).collect();
    if etags.is_empty() {
        let message = match arriving.as_slice() {
            [] => format!("there is no unfinished download of {repo}"),
            _ => format!("another program is getting what is unfinished of {repo}"),
        };
        return Err(UserError::new(ErrorKind::ModelNotFound, message).hint("`hobnob models` lists what is here"));
    }
    // With what was noted beside them.
    let goes = |path: &PathBuf| file_name(path).split_once('.').is_some_and(|(etag, _)| etags.contains(etag));
    let paths: Vec<PathBuf> = repository.blobs().filter(|path| !is_lock(path)).filter(goes).collect();
    // Nothing was ever whole of it: then nothing is left to keep.
    let all_of_it = arriving.iter().all(|left| etags.contains(left.etag.as_str()))
        && repository.snapshots.iter().all(|snapshot| snapshot.names.is_empty())
        && !repository.busy;
    if all_of_it {
        return Ok(Removal { paths, ..repository.all(repo.to_string(), true) });
    }
    let locks = etags.iter().flat_map(|etag| repository.locks_of(etag)).collect();
    let steps = paths.iter().cloned().map(Step::remove).collect();
    let frees = arriving.iter().filter(|left| etags.contains(left.etag.as_str())).map(|left| left.bytes).sum();
    Ok(Removal { frees, paths, steps, locks, ..Removal::new(repo.to_string(), Owner::Cache) })
}

fn is_lock(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "lock")
}

fn file_name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

impl Repository {
    fn read(cache: &Path, repo: &RepoId) -> Self {
        let cached = RepoCache::new(cache, repo);
        let (mut snapshots, mut odd) = (Vec::new(), false);
        for entry in fs::read_dir(cached.snapshots()).into_iter().flatten().flatten() {
            match entry.file_name().to_str().and_then(Commit::parse) {
                Some(commit) => snapshots.push(Snapshot::read(commit, &entry.path())),
                None => odd = true,
            }
        }
        snapshots.sort_by(|a: &Snapshot, b| a.commit.cmp(&b.commit));
        let mut repository = Self { cache: cache.to_owned(), cached, snapshots, odd, busy: false };
        repository.busy = repository.all_locks().iter().any(|lock| is_held(lock));
        repository
    }

    fn blobs(&self) -> impl Iterator<Item = PathBuf> {
        fs::read_dir(self.cached.blobs()).into_iter().flatten().flatten().map(|entry| entry.path())
    }

    /// The locks of a blob: the usual one, and the one that the engine's own client takes.
    fn locks_of(&self, etag: &str) -> [PathBuf; 2] {
        let name = format!("{etag}.lock");
        [self.cached.locks().join(&name), self.cached.blobs().join(name)]
    }

    fn all_locks(&self) -> Vec<PathBuf> {
        let folders = [self.cached.locks(), self.cached.blobs()];
        let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
        entries.map(|entry| entry.path()).filter(|path| is_lock(path)).collect()
    }

    /// The deletion of these names, and of all that is of no use without them.
    fn without(&self, model: String, mut names: BTreeSet<(Commit, String)>, format: Format) -> Removal {
        let mut gone = Vec::new();
        for snapshot in &self.snapshots {
            let of_it = |path: &str| names.contains(&(snapshot.commit.clone(), path.to_owned()));
            if !snapshot.names.keys().any(|path| of_it(path)) {
                continue;
            }
            let rest: BTreeSet<&str> = snapshot.names.keys().map(String::as_str).filter(|path| !of_it(path)).collect();
            // Words and settings are no model, and whoever is downloading into it needs the folder.
            if !has_weights(&rest) && !self.busy {
                gone.push(snapshot);
            }
        }
        let revisions = names.iter().map(|(commit, _)| commit.as_str().to_owned()).collect::<BTreeSet<_>>();
        for snapshot in &gone {
            names.extend(snapshot.names.keys().map(|path| (snapshot.commit.clone(), path.clone())));
        }
        if format == Format::Uqff {
            self.take_rest_of_uqff(&mut names);
        }
        let mut removal = if gone.len() == self.snapshots.len() && !self.odd {
            self.all(model, false)
        } else {
            let gone: Vec<&Commit> = gone.iter().map(|snapshot| &snapshot.commit).collect();
            self.some(model, &names, &gone)
        };
        removal.revisions = revisions.into_iter().collect();
        removal
    }

    /// What several UQFF models share goes with the last of them.
    fn take_rest_of_uqff(&self, names: &mut BTreeSet<(Commit, String)>) {
        for snapshot in &self.snapshots {
            let key = |path: &str| (snapshot.commit.clone(), path.to_owned());
            let mut uqff = snapshot.names.keys().filter(|path| is_uqff(path)).peekable();
            if uqff.peek().is_some() && uqff.all(|path| names.contains(&key(path))) {
                names.extend(snapshot.names.contains_key(UQFF_REST).then(|| key(UQFF_REST)));
            }
        }
    }

    /// Some names go, and these commits with all they have; something of the repository stays.
    fn some(&self, model: String, names: &BTreeSet<(Commit, String)>, gone: &[&Commit]) -> Removal {
        let mut removal = Removal::new(model, Owner::Cache);
        let mut stays: BTreeSet<&Path> = BTreeSet::new();
        let mut freed: BTreeSet<&Path> = BTreeSet::new();
        let (mut unlink, mut folders) = (Vec::new(), Vec::new());
        for snapshot in &self.snapshots {
            for (path, name) in &snapshot.names {
                let goes = names.contains(&(snapshot.commit.clone(), path.clone()));
                match name {
                    Name::Link(blob) if goes => {
                        freed.insert(blob);
                    }
                    Name::Link(blob) => {
                        stays.insert(blob);
                    }
                    Name::File(bytes) if goes => removal.frees += bytes,
                    Name::File(_) => {}
                }
                if goes {
                    unlink.push(Step::File(snapshot.folder.join(path)));
                }
            }
            if gone.contains(&&snapshot.commit) {
                folders.extend(snapshot.folders.iter().cloned().map(Step::EmptyFolder));
            }
        }
        removal.steps.extend(self.cached.refs_to(gone).into_iter().map(Step::File));
        removal.steps.extend(unlink);
        removal.steps.extend(folders);
        for commit in gone {
            removal.steps.push(Step::EmptyFolder(self.cached.snapshots().join(commit.as_str())));
            removal.steps.push(Step::Tree(self.cached.absent().join(commit.as_str())));
            removal.steps.push(Step::File(self.cached.trees().join(format!("{}.json", commit.as_str()))));
        }
        let blobs: Vec<PathBuf> = freed.difference(&stays).map(|blob| (*blob).to_owned()).collect();
        self.free(&mut removal, &blobs);
        removal
    }

    /// Everything goes, but what is on its way, unless that is to go `with_unfinished`.
    fn all(&self, model: String, with_unfinished: bool) -> Removal {
        let mut removal = Removal::new(model, Owner::Cache);
        removal.steps.push(Step::Tree(self.cached.refs()));
        for snapshot in &self.snapshots {
            for (path, name) in &snapshot.names {
                removal.steps.push(Step::File(snapshot.folder.join(path)));
                removal.frees += if let Name::File(bytes) = name { *bytes } else { 0 };
            }
            removal.steps.extend(snapshot.folders.iter().cloned().map(Step::EmptyFolder));
            removal.steps.push(Step::EmptyFolder(snapshot.folder.clone()));
        }
        removal.steps.push(Step::Tree(self.cached.absent()));
        removal.steps.push(Step::Tree(self.cached.trees()));
        let everything = with_unfinished || arriving(&self.cached).is_empty();
        // What is on its way has an ending. Locks go last: until then they are held.
        let (whole, rest): (Vec<PathBuf>, Vec<PathBuf>) =
            self.blobs().filter(|path| !is_lock(path)).partition(|path| path.extension().is_none());
        self.free(&mut removal, &whole);
        removal.locks = self.all_locks();
        if everything {
            removal.frees += arriving(&self.cached).iter().map(|left| left.bytes).sum::<u64>();
            removal.steps.extend(rest.into_iter().map(Step::remove));
            let locks = removal.locks.clone();
            removal.steps.extend(locks.into_iter().map(Step::File));
            removal.steps.push(Step::EmptyFolder(self.cached.blobs()));
            let aside = self.cached.locks().join("removed");
            removal.steps.push(Step::Repository { folder: self.cached.dir(), aside });
            removal.steps.push(Step::EmptyFolder(self.cached.locks()));
        }
        removal
    }

    /// These blobs go, and what they have in the shared store if nobody else needs it.
    fn free(&self, removal: &mut Removal, blobs: &[PathBuf]) {
        let mut payloads: BTreeSet<PathBuf> = BTreeSet::new();
        // What a name leads to outside of the repository is not the cache's to delete.
        for blob in blobs.iter().filter(|blob| blob.parent() == Some(&self.cached.blobs())) {
            removal.frees += fs::symlink_metadata(blob).ok().filter(fs::Metadata::is_file).map_or(0, |meta| meta.len());
            payloads.extend(shared::payload(&self.cache, blob));
            removal.locks.extend(self.locks_of(&file_name(blob)));
            removal.steps.push(Step::File(blob.clone()));
        }
        for payload in payloads {
            removal.frees += shared::freed_without(&self.cache, &payload, blobs);
            removal.steps.push(Step::Shared { cache: self.cache.clone(), payload });
        }
    }
}

impl Snapshot {
    fn read(commit: Commit, folder: &Path) -> Self {
        let mut snapshot = Self { commit, folder: folder.to_owned(), names: BTreeMap::new(), folders: Vec::new() };
        snapshot.look(folder, "");
        snapshot.folders.reverse();
        snapshot
    }

    fn look(&mut self, folder: &Path, prefix: &str) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = format!("{prefix}{}", name.to_string_lossy());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => {
                    self.folders.push(path.clone());
                    self.look(&path, &format!("{name}/"));
                }
                Ok(kind) if kind.is_symlink() => {
                    let target = link_target(&path).unwrap_or_else(|_| path.clone());
                    self.names.insert(name, Name::Link(target));
                }
                _ => {
                    let bytes = entry.metadata().map_or(0, |meta| meta.len());
                    self.names.insert(name, Name::File(bytes));
                }
            }
        }
    }
}
