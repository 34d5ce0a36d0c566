//! Everything loadable on this machine, with what each header says and the MODEL that chooses it.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering as Atomic};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::domain::model::{Cached, Choice, LocalModel, ModelFacts, ModelRef, RepoId};
use crate::error::{ErrorKind, UserError};
use crate::hub::inventory::{self, Candidate, Place};
use crate::hub::named;
use crate::hub::{Options, Probe};
use crate::machine::disk::keeps_last_use;

/// From here on, starting threads costs less than it brings.
const WORTH_THREADS: usize = 4;
const MOST_THREADS: usize = 8;

/// Lists the models in the cache and in the config's folders: usable ones first, then by name. The second list is of
/// folders that could not be looked at. Reads headers only, and blocks while it does.
#[must_use]
pub fn scan(options: &Options) -> (Vec<LocalModel>, Vec<UserError>) {
    let (candidates, problems) = inventory::all(options);
    let facts = probe_all(&candidates, options.probe);
    let references = references(&candidates, &facts);
    let mut models: Vec<LocalModel> = candidates
        .into_iter()
        .zip(facts)
        .zip(references)
        .map(|((candidate, facts), reference)| named::with_sampling(options, local_model(candidate, reference, facts)))
        .collect();
    models.sort_by(in_order);
    (models, problems)
}

pub(super) fn local_model(candidate: Candidate, reference: String, facts: Result<ModelFacts, UserError>) -> LocalModel {
    let cached = match candidate.place {
        Place::Folder => None,
        Place::Cache { repo, commit, .. } => {
            let unused = SystemTime::now().duration_since(candidate.used).ok();
            // No file system keeps it to the second.
            let minutes = |unused: Duration| Duration::from_secs(unused.as_secs() / 60 * 60);
            let unused = unused.filter(|_| keeps_last_use(&candidate.location)).map(minutes);
            Some(Cached { repo, commit: commit.as_str().to_owned(), unused })
        }
    };
    LocalModel {
        reference,
        name: candidate.name,
        location: candidate.location,
        format: candidate.format,
        bytes: candidate.bytes,
        origin: candidate.origin,
        facts,
        quantise: None,
        cached,
    }
}

fn in_order(a: &LocalModel, b: &LocalModel) -> Ordering {
    let key = |m: &LocalModel| (m.facts.is_err(), m.name.to_lowercase(), m.bytes);
    key(a).cmp(&key(b)).then_with(|| a.reference.cmp(&b.reference))
}

/// Asks the probe about every candidate, on a few threads if there are many: most of the time goes into waiting for disks.
pub(super) fn probe_all(candidates: &[Candidate], probe: Probe) -> Vec<Result<ModelFacts, UserError>> {
    if candidates.len() < WORTH_THREADS {
        return candidates.iter().map(|candidate| probe(&candidate.location)).collect();
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(Vec::with_capacity(candidates.len()));
    std::thread::scope(|scope| {
        for _ in 0..candidates.len().min((cores * 2).min(MOST_THREADS)) {
            scope.spawn(|| {
                while let Some((index, candidate)) = {
                    let index = next.fetch_add(1, Atomic::Relaxed);
                    candidates.get(index).map(|candidate| (index, candidate))
                } {
                    let facts = probe(&candidate.location);
                    answers.lock().unwrap_or_else(PoisonError::into_inner).push((index, facts));
                }
            });
        }
    });
    let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, facts)| facts).collect()
}

/// The quantisation that a person would name: the file's name has the first word, its header the second.
fn quant<'a>(candidate: &'a Candidate, facts: &'a Result<ModelFacts, UserError>) -> Option<&'a str> {
    candidate.quant.as_deref().or_else(|| facts.as_ref().ok().map(|facts| facts.quant.as_str()))
}

/// For each candidate the shortest MODEL that chooses it and no other.
pub(super) fn references(candidates: &[Candidate], facts: &[Result<ModelFacts, UserError>]) -> Vec<String> {
    let mut same_quant: HashMap<(&RepoId, String), usize> = HashMap::new();
    for (candidate, facts) in candidates.iter().zip(facts) {
        if let (Place::Cache { repo, file: Some(_), current: true, .. }, Some(quant), false) =
            (&candidate.place, quant(candidate, facts), candidate.is_renamed_in(candidates))
        {
            *same_quant.entry((repo, quant.to_ascii_uppercase())).or_default() += 1;
        }
    }
    let reference = |(candidate, facts): (&Candidate, &Result<ModelFacts, UserError>)| {
        let path = || candidate.location.display().to_string();
        let Place::Cache { repo, file, commit, current, .. } = &candidate.place else { return path() };
        if candidate.is_starter() && *current {
            return ModelRef::Starter.to_string();
        }
        let unique = |quant: &&str| same_quant.get(&(repo, quant.to_ascii_uppercase())) == Some(&1);
        let choice = match (file, quant(candidate, facts)) {
            (None, _) => Choice::Any,
            (Some(_), Some(quant)) if *current && unique(&quant) && !candidate.is_renamed_in(candidates) => {
                Choice::Quant(quant.to_owned())
            }
            (Some(file), _) => Choice::File(file.clone()),
        };
        let revision = (!current).then(|| commit.short().to_owned());
        let model = ModelRef::Hub { repo: repo.clone(), choice, revision };
        let text = model.to_string();
        // Some file names can't be written in a MODEL (with an @, say); the path always can.
        if ModelRef::parse(&text).as_ref() == Ok(&model) { text } else { path() }
    };
    candidates.iter().zip(facts).map(reference).collect()
}

/// An error about several models, each named by the MODEL that would choose it.
pub(super) fn ambiguous(asked: &ModelRef, references: &[String]) -> UserError {
    UserError::new(ErrorKind::Usage, format!("`{asked}` can mean several models: {}", references.join(", ")))
        .hint(format!("choose one, for example `{}`", references.first().map_or("", String::as_str)))
}
