//! Which of a repository's models is meant, where only the repository or a quantisation was named.

use std::collections::{BTreeSet, HashMap};

use crate::domain::model::{Choice, ModelRef, RepoId};
use crate::domain::units;
use crate::error::{ErrorKind, UserError};
use crate::hub::names::{GgufModel, QuantMatch, folder_weights, gguf_models, match_quant};

/// How many models an error lists.
const LISTED: usize = 30;
/// What most people want who don't know what they want.
const USUAL: &str = "Q4_K_M";

/// What was asked for: a repository, maybe one of its quantisations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    pub repo: &'a RepoId,
    pub quant: Option<&'a str>,
    pub revision: Option<&'a str>,
}

impl Wish<'_> {
    /// The MODEL that makes this choice.
    fn with(&self, choice: Choice) -> ModelRef {
        ModelRef::Hub { repo: self.repo.clone(), choice, revision: self.revision.map(str::to_owned) }
    }

    fn asked(&self) -> ModelRef {
        self.with(self.quant.map_or(Choice::Any, |quant| Choice::Quant(quant.to_owned())))
    }
}

/// What a repository has for a wish.
#[derive(Debug)]
pub(super) enum Offer {
    /// The first file of the only model that is meant.
    One(String),
    /// Several, or none of what there is.
    Unclear(Unclear),
    /// A folder, and why it can't be downloaded.
    Folder(UserError),
    /// Nothing that could be downloaded, and why.
    Nothing(UserError),
}

/// Models to choose from.
#[derive(Debug)]
pub(super) struct Unclear {
    models: Vec<GgufModel>,
    /// What the repository has in all.
    all: Vec<GgufModel>,
    /// The repository itself is one more.
    folder: bool,
}

/// Looks for the wish among a repository's paths.
pub(super) fn offer(wish: &Wish<'_>, paths: &BTreeSet<String>) -> Offer {
    let paths: BTreeSet<&str> = paths.iter().map(String::as_str).collect();
    let all = gguf_models(&paths);
    let is_folder = folder_weights(&paths).is_some();
    if all.is_empty() {
        return if is_folder { Offer::Folder(folder_only(wish)) } else { Offer::Nothing(no_model(wish)) };
    }
    let models = match wish.quant {
        None => all.clone(),
        Some(wanted) => of_quant(wanted, &all),
    };
    let folder = is_folder && wish.quant.is_none();
    match models.as_slice() {
        [one] if !folder => Offer::One(one.files[0].clone()),
        _ => Offer::Unclear(Unclear { models, all, folder }),
    }
}

/// An exact name wins over the family's, as among the models that are here.
fn of_quant(wanted: &str, all: &[GgufModel]) -> Vec<GgufModel> {
    let at = |level: QuantMatch| -> Vec<GgufModel> {
        let fits = |model: &&GgufModel| {
            model.name.quant.as_deref().is_some_and(|there| match_quant(wanted, there) == Some(level))
        };
        all.iter().filter(fits).cloned().collect()
    };
    let exact = at(QuantMatch::Exact);
    if exact.is_empty() { at(QuantMatch::Family) } else { exact }
}

impl Unclear {
    fn listed(&self) -> &[GgufModel] {
        if self.models.is_empty() { &self.all } else { &self.models }
    }

    /// The files whose sizes help to choose.
    pub fn files(&self) -> Vec<String> {
        self.listed().iter().flat_map(|model| model.files.iter().cloned()).collect()
    }

    /// Names what there is, the smallest first as far as sizes are known.
    pub fn error(&self, wish: &Wish<'_>, sizes: &HashMap<String, u64>) -> UserError {
        let mut rows: Vec<(Option<u64>, Choice)> = self
            .listed()
            .iter()
            .map(|model| (model.files.iter().map(|file| sizes.get(file).copied()).sum(), self.choice(model)))
            .collect();
        rows.sort_by_key(|(bytes, _)| *bytes);
        let usual = rows.iter().find(|(_, choice)| matches!(choice, Choice::Quant(quant) if quant == USUAL));
        let example = usual.or(rows.first()).map(|(_, choice)| wish.with(choice.clone()).to_string());
        let hint = format!("choose one, for example `hobnob pull {}`", example.unwrap_or_default());
        let more = rows.len().saturating_sub(LISTED);
        let mut list: Vec<String> = rows.iter().take(LISTED).map(|(bytes, choice)| label(*bytes, choice)).collect();
        if more > 0 {
            list.push(format!("and {more} more"));
        }
        if self.folder {
            list.push(format!("and a folder of safetensors, which `{}` gets", by_hand(wish)));
        }
        let (list, asked) = (list.join(", "), wish.asked());
        if self.models.is_empty() {
            UserError::new(ErrorKind::ModelNotFound, format!("there is no `{asked}`; {} has: {list}", wish.repo))
        } else {
            UserError::new(ErrorKind::Usage, format!("`{asked}` can mean several models: {list}"))
        }
        .hint(hint)
    }

    /// The shortest choice that means this model alone.
    fn choice(&self, model: &GgufModel) -> Choice {
        let same = |other: &&GgufModel, quant: &str| {
            other.name.quant.as_deref().is_some_and(|there| match_quant(quant, there) == Some(QuantMatch::Exact))
        };
        match &model.name.quant {
            Some(quant) if self.all.iter().filter(|other| same(other, quant)).count() == 1 => {
                Choice::Quant(quant.clone())
            }
            _ => Choice::File(model.files[0].clone()),
        }
    }
}

fn label(bytes: Option<u64>, choice: &Choice) -> String {
    let name = match choice {
        Choice::Quant(name) | Choice::File(name) => name.as_str(),
        Choice::Any => "",
    };
    bytes.map_or_else(|| name.to_owned(), |bytes| format!("{name} ({})", units::bytes(bytes)))
}

/// The command that gets the whole repository into the cache.
fn by_hand(wish: &Wish<'_>) -> String {
    let revision = wish.revision.map(|revision| format!(" --revision {revision}")).unwrap_or_default();
    format!("hf download {}{revision}", wish.repo)
}

fn folder_only(wish: &Wish<'_>) -> UserError {
    let message =
        format!("{} has no GGUF file: it is a folder of safetensors, which can't be downloaded yet", wish.repo);
    let hint = format!("`{}` gets it into the cache, where `{}` finds it", by_hand(wish), wish.with(Choice::Any));
    UserError::new(ErrorKind::ModelNotFound, message).hint(hint)
}

fn no_model(wish: &Wish<'_>) -> UserError {
    UserError::new(ErrorKind::ModelNotFound, format!("{} has no GGUF file and no folder of safetensors", wish.repo))
        .hint("look for a repository of the same model with GGUF files; their names often end in -GGUF")
}
