//! A word after the colon that names no file: how plain weights are quantised while they are loaded.

use std::path::{Path, PathBuf};

use crate::config::distance;
use crate::domain::model::{Choice, Format, LocalModel, ModelRef};
use crate::domain::quant::Quantise;
use crate::error::{ErrorKind, UserError};
use crate::hub::inventory::Candidate;

/// The folders of weights that such a word is about.
pub(super) fn on_the_way(candidates: &[Candidate], choice: &Choice) -> Option<(Vec<Candidate>, Quantise)> {
    let Choice::Quant(word) = choice else { return None };
    let wish = Quantise::parse(word)?;
    let folders: Vec<Candidate> =
        candidates.iter().filter(|candidate| candidate.format == Format::Safetensors).cloned().collect();
    (!folders.is_empty()).then_some((folders, wish))
}

/// A path without such a word at its end.
pub(super) fn split(path: &Path) -> Option<(PathBuf, Quantise)> {
    let (path, word) = path.to_str()?.rsplit_once(':')?;
    Some((PathBuf::from(path), Quantise::parse(word)?))
}

/// The model, quantised as its MODEL says.
///
/// # Errors
/// It is quantised already.
pub(super) fn with(model: LocalModel, wish: Quantise) -> Result<LocalModel, UserError> {
    if let (Quantise::To(_), Ok(facts)) = (wish, &model.facts)
        && facts.plain.is_none()
    {
        let stored = if facts.quant.is_empty() { "" } else { &format!(" ({})", facts.quant) };
        return Err(UserError::new(
            ErrorKind::Usage,
            format!("`{}` can't be quantised as {wish}: its weights are quantised already{stored}", model.reference),
        )
        .hint(format!("load it as it is: `{}`", model.reference)));
    }
    let reference = match ModelRef::parse(&model.reference) {
        Ok(ModelRef::Hub { repo, choice: Choice::Any, revision }) => {
            ModelRef::Hub { repo, choice: Choice::Quant(wish.to_string()), revision }.to_string()
        }
        _ => format!("{}:{wish}", model.reference),
    };
    Ok(LocalModel { reference, quantise: Some(wish), ..model })
}

/// The word means neither a file nor a quantisation.
pub(super) fn unknown(model: &ModelRef, word: &str, here: &[String]) -> UserError {
    let message = format!("`{model}`: {word} is neither a file of this model nor a way to quantise it");
    let wanted = word.to_lowercase();
    let mut near: Vec<(usize, &str)> =
        Quantise::names().map(|name| (distance(&wanted, name), name)).filter(|(far, _)| *far <= 2).collect();
    near.sort_by_key(|(far, _)| *far);
    let near: Vec<&str> = near.into_iter().take(3).map(|(_, name)| name).collect();
    let (say, names) = match near.as_slice() {
        [] => ("it can be quantised as", Quantise::names().collect::<Vec<_>>().join(", ")),
        near => ("similar:", near.join(", ")),
    };
    UserError::new(ErrorKind::ModelNotFound, message)
        .hint(format!("{say} {names}; on this machine: {}", here.join(", ")))
}
