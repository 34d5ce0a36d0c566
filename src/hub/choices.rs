//! Which of a repository's models is meant, where only the repository or a quantisation was named.

use std::collections::{BTreeSet, HashMap};

use crate::domain::hub::Quality;
use crate::domain::model::{Choice, Format, ModelRef, RepoId};
use crate::domain::quant::Quantise;
use crate::domain::units;
use crate::error::{ErrorKind, UserError};
use crate::hub::offers::{RepoModel, models, of_quant};

/// How many models an error lists.
const LISTED: usize = 30;
/// What most people want who don't know what they want.
const USUAL: &str = "Q4_K_M";

/// What was asked for: a repository, maybe one of its models.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    pub repo: &'a RepoId,
    pub choice: &'a Choice,
    pub revision: Option<&'a str>,
}

impl Wish<'_> {
    /// The MODEL that makes this choice.
    fn with(&self, choice: Choice) -> ModelRef {
        ModelRef::Hub { repo: self.repo.clone(), choice, revision: self.revision.map(str::to_owned) }
    }
}

/// What a repository has for a wish.
#[derive(Debug)]
pub(super) enum Found {
    /// The only model that is meant.
    One(RepoModel),
    /// Several, or none of what there is.
    Unclear(Unclear),
    /// Nothing that could be downloaded, and why.
    Nothing(UserError),
}

/// Models to choose from.
#[derive(Debug)]
pub(super) struct Unclear {
    models: Vec<RepoModel>,
    /// What the repository has in all.
    all: Vec<RepoModel>,
}

/// Looks for the wish among a repository's paths.
pub(super) fn look_for(wish: &Wish<'_>, paths: &BTreeSet<String>) -> Found {
    let paths: BTreeSet<&str> = paths.iter().map(String::as_str).collect();
    let all = models(wish.repo, &paths);
    if all.is_empty() {
        return Found::Nothing(no_model(wish));
    }
    let folder = || all.iter().filter(|model| model.format == Format::Safetensors).cloned().collect::<Vec<_>>();
    let meant = match wish.choice {
        // A repository named alone is its own folder of weights, whatever else lies in it.
        Choice::Any if !folder().is_empty() => folder(),
        Choice::Any => all.clone(),
        Choice::File(file) => all.iter().filter(|model| model.files.contains(file)).cloned().collect(),
        Choice::Quant(wanted) => {
            let meant = of_quant(wanted, &all);
            // Weights that are not quantised yet are so while they load.
            if meant.is_empty() && Quantise::parse(wanted).is_some() { folder() } else { meant }
        }
    };
    match meant.as_slice() {
        [one] => Found::One(one.clone()),
        _ => Found::Unclear(Unclear { models: meant, all }),
    }
}

impl Unclear {
    fn listed(&self) -> &[RepoModel] {
        if self.models.is_empty() { &self.all } else { &self.models }
    }

    /// The files whose sizes help to choose.
    pub fn files(&self) -> Vec<String> {
        let files: BTreeSet<&String> = self.listed().iter().flat_map(|model| &model.files).collect();
        files.into_iter().cloned().collect()
    }

    /// Names what there is, the smallest first as far as sizes are known.
    pub fn error(&self, wish: &Wish<'_>, sizes: &HashMap<String, u64>) -> UserError {
        let mut rows: Vec<(Option<u64>, &Choice)> = self
            .listed()
            .iter()
            .map(|model| (model.files.iter().map(|file| sizes.get(file).copied()).sum(), &model.choice))
            .collect();
        rows.sort_by_key(|(bytes, _)| *bytes);
        let usual = rows.iter().find(|(_, choice)| matches!(choice, Choice::Quant(quant) if quant == USUAL));
        // Nobody is sent to what would be warned of.
        let good = |choice: &Choice| matches!(choice, Choice::Quant(quant) if Quality::of(quant).warning().is_none());
        let good = rows.iter().find(|(_, choice)| good(choice));
        let example = usual.or(good).or(rows.first()).map(|(_, choice)| wish.with((*choice).clone()).to_string());
        let hint = format!("choose one, for example `hobnob pull {}`", example.unwrap_or_default());
        let more = rows.len().saturating_sub(LISTED);
        let mut list: Vec<String> = rows.iter().take(LISTED).map(|(bytes, choice)| label(*bytes, choice)).collect();
        if more > 0 {
            list.push(format!("and {more} more"));
        }
        let (list, asked) = (list.join(", "), wish.with(wish.choice.clone()));
        if self.models.is_empty() {
            UserError::new(ErrorKind::ModelNotFound, format!("there is no `{asked}`; {} has: {list}", wish.repo))
        } else {
            UserError::new(ErrorKind::Usage, format!("`{asked}` can mean several models: {list}"))
        }
        .hint(hint)
    }
}

fn label(bytes: Option<u64>, choice: &Choice) -> String {
    let name = match choice {
        Choice::Quant(name) | Choice::File(name) => name.as_str(),
        Choice::Any => "a folder of safetensors",
    };
    bytes.map_or_else(|| name.to_owned(), |bytes| format!("{name} ({})", units::bytes(bytes)))
}

fn no_model(wish: &Wish<'_>) -> UserError {
    UserError::new(ErrorKind::ModelNotFound, format!("{} has no GGUF file and no folder of safetensors", wish.repo))
        .hint("look for a repository of the same model with GGUF files; their names often end in -GGUF")
}
