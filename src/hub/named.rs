//! Names of the catalog: which files on the Hub they mean here, and which model on this machine.

use crate::config::distance;
use crate::domain::catalog::Entry;
use crate::domain::hub::Kind;
use crate::domain::model::{LocalModel, ModelRef};
use crate::domain::sampling::SamplingPatch;
use crate::domain::units;
use crate::error::{ErrorKind, UserError};
use crate::hub::find::{find, pull_gets};
use crate::hub::{Options, display_path};

/// The MODEL on the Hub that a name of the catalog means on this kind of machine; nothing for all other MODELs.
///
/// # Errors
/// There is no file of it that can be run here.
pub(super) fn meant(options: &Options, model: &ModelRef) -> Result<Option<ModelRef>, UserError> {
    let ModelRef::Named { name, quant } = model else { return Ok(None) };
    let Some(entry) = options.catalog.find(name) else { return Ok(None) };
    match entry.models(quant.as_deref(), options.gpu).into_iter().next() {
        Some(model) => Ok(Some(model)),
        None => Err(nothing_for_here(model, entry)),
    }
}

/// The model of an entry that is on this machine; of several the one that suits it best.
///
/// # Errors
/// As `find`; that there is none says how to get it.
pub(super) fn find_listed(
    options: &Options,
    model: &ModelRef,
    entry: &Entry,
    quant: Option<&str>,
) -> Result<LocalModel, UserError> {
    let meant = entry.models(quant, options.gpu);
    if meant.is_empty() {
        return Err(nothing_for_here(model, entry));
    }
    for files in &meant {
        match find(options, files) {
            Err(error) if error.kind == ErrorKind::ModelNotFound => {}
            other => return other,
        }
    }
    let first = entry.routes.iter().find(|route| meant.first() == Some(&route.model));
    let bytes = first.and_then(|route| route.bytes).map(|bytes| format!(" ({})", units::bytes(bytes)));
    let place = display_path(&options.cache);
    Err(UserError::new(ErrorKind::ModelNotFound, format!("`{model}` is not on this machine ({place})")).hint(format!(
        "{}{}",
        pull_gets(options, model),
        bytes.unwrap_or_default()
    )))
}

fn nothing_for_here(model: &ModelRef, entry: &Entry) -> UserError {
    let message = if entry.routes.iter().all(|route| route.kind == Kind::Mlx) {
        format!("`{model}` comes only in files for the GPUs of Macs (MLX)")
    } else {
        format!("there are no files of `{model}` that run here")
    };
    UserError::new(ErrorKind::ModelUnsupported, message)
        .hint("`hobnob search --catalog` shows the models that suit this machine")
}

/// Names of the catalog that are like what was written.
pub(super) fn similar(options: &Options, name: &str) -> Vec<String> {
    let wanted = name.to_lowercase();
    let most = wanted.chars().count() / 3;
    let mut near: Vec<(usize, &str)> = options
        .catalog
        .entries
        .iter()
        .map(|entry| (distance(&wanted, &entry.name), entry.name.as_str()))
        .filter(|(distance, name)| *distance <= most || (wanted.len() > 2 && name.contains(&wanted)))
        .collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

/// A model with the sampling that its entry in the catalog says. Somebody has written it down for this model: it wins.
pub(super) fn with_sampling(options: &Options, mut model: LocalModel) -> LocalModel {
    let said = match ModelRef::parse(&model.reference) {
        Ok(ModelRef::Hub { repo, .. }) => options.catalog.of_repo(&repo).map(|entry| entry.sampling),
        _ => None,
    };
    if let (Some(said), Ok(facts)) = (said.filter(|said| *said != SamplingPatch::default()), &mut model.facts) {
        facts.recommended = said.over(facts.recommended);
    }
    model
}
