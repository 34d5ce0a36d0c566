//! Deleting: what goes, what that frees, and in which order.
//!
//! A [`Removal`] is worked out first, so that a person can be asked, and then carried out step by step. Whoever is ended in
//! the middle of it leaves a valid cache: names go before what they lead to.

mod cached;
mod steps;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use crate::domain::hub::Owner;
use crate::domain::model::{Choice, Format, LocalModel, ModelRef, RepoId};
use crate::domain::quant::UNFINISHED_COPY;
use crate::error::{ErrorKind, UserError};
use crate::hub::Options;
use crate::hub::find::find;
use crate::hub::import::link_of;
use crate::hub::inventory;
use crate::hub::names::{UQFF_REST, is_companion};
use crate::hub::remove::steps::Step;

/// How much of a model goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// What its MODEL chooses, by whatever names it is seen.
    #[default]
    Model,
    /// What other revisions have under its name as well.
    AllRevisions,
}

/// A deletion that could be carried out.
#[derive(Debug)]
pub struct Removal {
    /// The MODEL, or the repository.
    pub model: String,
    pub owner: Owner,
    /// Bytes of the disk.
    pub frees: u64,
    /// What goes, as people know it: files, or a folder.
    pub paths: Vec<PathBuf>,
    /// The commits of the cache that lose it.
    pub revisions: Vec<String>,
    steps: Vec<Step>,
    /// Held while it goes on: whoever is writing one of these is not to be disturbed.
    locks: Vec<PathBuf>,
}

impl Removal {
    fn new(model: String, owner: Owner) -> Self {
        Self { model, owner, frees: 0, paths: Vec::new(), revisions: Vec::new(), steps: Vec::new(), locks: Vec::new() }
    }

    /// Deletes, and tells what that has freed. Blocks.
    ///
    /// # Errors
    /// Somebody is downloading it at this moment, or the file system refuses; what is gone by then is gone.
    pub fn carry_out(self) -> Result<u64, UserError> {
        let _locks = steps::lock(&self.model, &self.locks)?;
        for step in &self.steps {
            step.carry_out()?;
        }
        Ok(self.frees)
    }
}

/// Works out what deleting a model takes. Of a repository without any whole model it is all that is left of it.
///
/// # Errors
/// There is no such model, or several; or it is no model that could be deleted.
pub fn removal(options: &Options, model: &ModelRef, scope: Scope) -> Result<Removal, UserError> {
    let found = match find(options, model) {
        Ok(found) => found,
        Err(error) => return remains(options, model).unwrap_or(Err(error)),
    };
    if found.quantise.is_some() {
        return Err(UserError::new(
            ErrorKind::Usage,
            format!("`{model}` is a way to load `{}`, and no model of its own", found.location.display()),
        )
        .hint("a copy that was kept is listed by its folder in `hobnob models`; without the quantisation it is the original that goes"));
    }
    if found.format == Format::Script {
        return Err(UserError::new(ErrorKind::Usage, format!("`{model}` is a script, and no model"))
            .hint("`hobnob models` lists the models on this machine"));
    }
    match &found.cached {
        Some(cached) => {
            let exact = matches!(model, ModelRef::Hub { revision: Some(_), .. });
            cached::of_model(options, &found, &cached.repo, exact, scope)
        }
        None => of_files(options, found),
    }
}

/// Works out what forgetting the unfinished downloads of a repository takes.
///
/// # Errors
/// There are none.
pub fn unfinished(options: &Options, repo: &RepoId) -> Result<Removal, UserError> {
    cached::of_unfinished(&options.cache, repo)
}

/// Works out how to forget the bytes of files in the cache. Their names stay, and tell what is missing until it is here
/// again.
pub(super) fn bytes_of(options: &Options, repo: &RepoId, paths: &[&Path]) -> Removal {
    cached::of_blobs(&options.cache, repo, paths)
}

/// What is left of something that is no model any more.
fn remains(options: &Options, model: &ModelRef) -> Option<Result<Removal, UserError>> {
    match model {
        ModelRef::Hub { repo, choice: Choice::Any, revision: None } => cached::of_remains(options, repo).map(Ok),
        ModelRef::Path(path) => {
            let path = std::path::absolute(path).ok()?;
            let (link, _) = link_of(options.imported.as_deref()?, &path)?;
            (!link.exists()).then(|| Ok(of_links(link.display().to_string(), vec![link])))
        }
        _ => None,
    }
}

fn of_links(model: String, links: Vec<PathBuf>) -> Removal {
    let steps = links.iter().cloned().map(Step::File).collect();
    Removal { steps, paths: links, ..Removal::new(model, Owner::Imported) }
}

/// A model outside of the cache.
fn of_files(options: &Options, model: LocalModel) -> Result<Removal, UserError> {
    let location = model.location;
    if let Some(imported) = options.imported.as_deref().filter(|imported| location.starts_with(imported)) {
        let files = inventory::at(options, &location)?;
        let mut links: Vec<PathBuf> =
            files.paths().iter().filter_map(|path| Some(link_of(imported, path)?.0)).collect();
        links.dedup();
        if !links.is_empty() {
            return Ok(of_links(model.reference, links));
        }
    }
    if let Some(kept) = options.kept.as_deref().filter(|kept| location.starts_with(kept))
        && let Some(name) = location.strip_prefix(kept).ok().and_then(|below| below.components().next())
    {
        let folder = kept.join(name);
        // Under this name it counts no more, and whoever looks for copies that were not finished takes it away.
        let aside = kept.join(format!("{UNFINISHED_COPY}removed-{}", std::process::id()));
        let frees = files_of(&folder).iter().map(|path| own_bytes(path)).sum();
        let steps = vec![Step::Rename(folder.clone(), aside.clone()), Step::Tree(aside)];
        return Ok(Removal { frees, paths: vec![folder], steps, ..Removal::new(model.reference, Owner::Kept) });
    }
    let candidate = inventory::at(options, &location)?;
    let mut paths = candidate.paths();
    let mut steps = Vec::new();
    if candidate.format != Format::Gguf {
        let rest: Vec<PathBuf> = files_of(&candidate.folder).into_iter().filter(|path| !paths.contains(path)).collect();
        // What only makes sense beside these weights goes with them; everything else in the folder is not ours to judge.
        let named =
            |path: &PathBuf, is: &dyn Fn(&str) -> bool| path.file_name().and_then(|name| name.to_str()).is_some_and(is);
        let others = rest.iter().any(|path| {
            named(path, &|name| {
                ["gguf", "uqff", "safetensors"].iter().any(|end| name.ends_with(end)) && name != UQFF_REST
            })
        });
        if !others {
            paths.extend(rest.into_iter().filter(|path| named(path, &|name| is_companion(name) || name == UQFF_REST)));
            steps.push(Step::EmptyFolder(candidate.folder));
        }
    }
    let frees = paths.iter().map(|path| own_bytes(path)).sum();
    // The folder goes last.
    steps.splice(0..0, paths.iter().cloned().map(Step::File));
    Ok(Removal { frees, paths, steps, ..Removal::new(model.reference, Owner::User) })
}

/// The files directly in a folder.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| !entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

/// What the disk gets back when a name goes: nothing while it is a link, or has another name.
fn own_bytes(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::symlink_metadata(path).ok().filter(|meta| meta.is_file() && meta.nlink() == 1).map_or(0, |meta| meta.len())
}
