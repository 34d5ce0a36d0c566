//! Models elsewhere on this machine that were given a name here: a link, so that nothing is copied and nothing is moved.
//!
//! The links lie in one folder, which is looked at like one of the config's.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::domain::model::{LocalModel, ModelRef, split_set};
use crate::domain::shell;
use crate::error::{ErrorKind, UserError, reason};
use crate::hub::find::find;
use crate::hub::inventory::{self, Candidate};
use crate::hub::scan::probe_all;
use crate::hub::{Options, display_path, expand_home};

/// Gives a file, the rest of its set, or a folder a place among the models. One that is among them already stays as it is.
///
/// # Errors
/// There is no model, it can't be run, or another one has its name.
pub fn import(options: &Options, written: &Path) -> Result<LocalModel, UserError> {
    let path = std::path::absolute(expand_home(written)).unwrap_or_else(|_| written.to_owned());
    let models = models_at(options, &path)?;
    if let Some(known) = already_here(options, &models) {
        return Ok(known);
    }
    let folder = options.imported.as_deref().ok_or_else(|| {
        UserError::new(ErrorKind::Config, "there is no folder for imported models").hint("set HOBNOB_DATA_DIR")
    })?;
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    let links: Vec<(PathBuf, PathBuf)> = targets(&path)
        .into_iter()
        .map(|target| (folder.join(target.file_name().unwrap_or_default()), target))
        .collect();
    // All are looked at before one is made.
    for (link, target) in &links {
        refuse_other(link, target)?;
    }
    for (link, target) in &links {
        match symlink(target, link) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(unwritable(link, &error)),
            _ => {}
        }
    }
    let first = links.into_iter().next().map_or(path, |(link, _)| link);
    already_here(options, &models).map_or_else(|| find(options, &ModelRef::Path(first)), Ok)
}

/// The models that a path means, if they can be run.
fn models_at(options: &Options, path: &Path) -> Result<Vec<Candidate>, UserError> {
    let nothing = |why: String| {
        UserError::new(ErrorKind::ModelNotFound, format!("{} can't be imported: {why}", display_path(path)))
            .hint("a model is a GGUF file, or a folder with config.json and all of its safetensors files")
    };
    let meta = fs::metadata(path).map_err(|error| nothing(reason(&error)))?;
    let models = if meta.is_dir() {
        let (models, problems) = inventory::directly_in(path);
        if let Some(problem) = problems.into_iter().next() {
            return Err(problem);
        }
        models
    } else if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gguf")) {
        vec![inventory::single_file(path)?]
    } else {
        return Err(nothing("it is neither a GGUF file nor a folder".to_owned()));
    };
    if models.is_empty() {
        return Err(nothing("there is no whole model in it".to_owned()));
    }
    // Of several one that can be run is reason enough.
    let mut verdicts = probe_all(&models, options.probe);
    if verdicts.iter().all(Result::is_err)
        && let Some(Err(error)) = verdicts.pop()
    {
        return Err(UserError {
            message: format!("{} is not imported: {}", display_path(path), error.message),
            ..error
        });
    }
    Ok(models)
}

/// The first of these models as it is known here.
fn already_here(options: &Options, models: &[Candidate]) -> Option<LocalModel> {
    let first = models.first()?;
    let (known, _problems) = inventory::all(options);
    let same = known.into_iter().find(|candidate| candidate.identity == first.identity)?;
    // By the path that it has among the models, and nothing but that.
    find(options, &ModelRef::Path(same.location)).ok()
}

/// What has to be linked: the parts of a set, or the file or folder itself.
fn targets(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if path.is_dir() {
        return vec![path.to_owned()];
    }
    split_set(&name).iter().map(|part| path.with_file_name(part)).collect()
}

/// A name stands for one thing.
fn refuse_other(link: &Path, target: &Path) -> Result<(), UserError> {
    if fs::symlink_metadata(link).is_err() {
        return Ok(());
    }
    match fs::read_link(link) {
        Ok(there) if there == target => return Ok(()),
        // What leads nowhere is in nobody's way.
        Ok(_) if fs::metadata(link).is_err() => return fs::remove_file(link).map_err(|error| unwritable(link, &error)),
        _ => {}
    }
    let other = fs::read_link(link).unwrap_or_else(|_| link.to_owned());
    let name = link.file_name().unwrap_or_default().to_string_lossy();
    Err(UserError::new(
        ErrorKind::Usage,
        format!("{} can't be imported as {name}: that is {} already", display_path(target), display_path(&other)),
    )
    .hint(format!(
        "rename one of them, or remove the other: `hobnob models rm {}`",
        shell::word(&link.to_string_lossy())
    )))
}

fn unwritable(path: &Path, error: &io::Error) -> UserError {
    UserError::new(ErrorKind::Disk, format!("{} can't be made: {}", display_path(path), reason(error)))
        .hint("check the folder's permissions, or set HOBNOB_DATA_DIR to another place")
}

/// The link in the folder of imported models that leads to this place, and what it leads to.
pub(super) fn link_of(imported: &Path, location: &Path) -> Option<(PathBuf, PathBuf)> {
    let name = location.strip_prefix(imported).ok()?.components().next()?;
    let link = imported.join(name);
    let target = fs::read_link(&link).ok()?;
    Some((link, target))
}

/// Where an imported model really is, for people.
pub(super) fn origin(imported: &Path, location: &Path) -> String {
    let target = link_of(imported, location).map(|(_, target)| target);
    let folder = target.as_deref().and_then(Path::parent).unwrap_or(imported);
    display_path(folder)
}

/// Imported models whose files have gone.
pub(super) fn gone(imported: &Path) -> Vec<UserError> {
    let links = fs::read_dir(imported).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut gone: Vec<PathBuf> = links.filter(|link| link.is_symlink() && !link.exists()).collect();
    gone.sort();
    gone.into_iter()
        .map(|link| {
            let target = fs::read_link(&link).unwrap_or_default();
            UserError::new(ErrorKind::ModelNotFound, format!("{} was imported and is gone", display_path(&target)))
                .hint(format!("put it back, or forget it: `hobnob models rm {}`", shell::word(&link.to_string_lossy())))
        })
        .collect()
}
