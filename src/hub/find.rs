//! From a MODEL to a model on this machine, without network.

mod quantise;

use std::path::Path;

use crate::config::distance;
use crate::domain::model::{Choice, Format, LocalModel, ModelRef, RepoId, split_set, starter};
use crate::domain::quant::Quantise;
use crate::domain::shell;
use crate::error::{ErrorKind, UserError, reason};
use crate::hub::cache::RepoCache;
use crate::hub::import;
use crate::hub::inventory::{self, Candidate, Place};
use crate::hub::named;
use crate::hub::names::{QuantMatch, match_quant};
use crate::hub::scan::{ambiguous, local_model, probe_all, references};
use crate::hub::{Options, display_path, expand_home};

/// How many names an error lists.
const LISTED: usize = 8;

/// Finds the one model that a MODEL means. Blocks while it reads folders and one header.
///
/// # Errors
/// `ModelNotFound` names what was looked for, where, and the next step; `Usage` lists the models if several are meant.
/// A model that is here but broken is no error: its `facts` are.
pub fn find(options: &Options, model: &ModelRef) -> Result<LocalModel, UserError> {
    let found = match model {
        ModelRef::Starter => find_starter(options),
        ModelRef::Hub { repo, choice, revision } => find_cached(options, model, repo, choice, revision.as_deref()),
        ModelRef::Path(path) => find_path(options, model, path),
        ModelRef::Named { name, quant } => find_named(options, model, name, quant.as_deref()),
        ModelRef::Script(path) => find_script(options, path),
        ModelRef::Remote { name, .. } => Err(UserError::new(
            ErrorKind::ModelNotFound,
            format!("`{model}` is on the server `{name}`, not on this machine"),
        )
        .hint("name a model on this machine: `hobnob models` lists them")),
    };
    found.map(|model| named::with_sampling(options, model))
}

/// The repository and file that the starter is.
pub(super) fn starter_repo() -> RepoId {
    let (owner, name) = starter::REPO.split_once('/').unwrap_or_default();
    RepoId { owner: owner.to_owned(), name: name.to_owned() }
}

fn find_starter(options: &Options) -> Result<LocalModel, UserError> {
    let mut problems = Vec::new();
    let found =
        inventory::in_repo(&options.cache, &starter_repo(), &mut problems).into_iter().find(Candidate::is_starter);
    let found = found.ok_or_else(|| {
        let place = display_path(&options.cache);
        let absent =
            UserError::new(ErrorKind::ModelNotFound, format!("the starter model is not on this machine ({place})"))
                .hint(format!("{} (98 MB)", pull_gets(options, &ModelRef::Starter)));
        // A folder that can't be read is the better explanation.
        problems.pop().unwrap_or(absent)
    })?;
    let facts = (options.probe)(&found.location);
    Ok(local_model(found, ModelRef::Starter.to_string(), facts))
}

fn find_cached(
    options: &Options,
    model: &ModelRef,
    repo: &RepoId,
    choice: &Choice,
    revision: Option<&str>,
) -> Result<LocalModel, UserError> {
    let mut problems = Vec::new();
    let everything = inventory::in_repo(&options.cache, repo, &mut problems);
    let commits = revision.map(|revision| RepoCache::new(&options.cache, repo).commits_for(revision));
    if let Some([_, _, ..]) = commits.as_deref() {
        let revision = revision.unwrap_or_default();
        return Err(UserError::new(ErrorKind::Usage, format!("several commits of {repo} begin with `{revision}`"))
            .hint("write more of the commit"));
    }
    let wanted = |candidate: &&Candidate| match (&candidate.place, &commits) {
        (Place::Cache { commit, .. }, Some(commits)) => commits.contains(commit),
        (Place::Cache { current, .. }, None) => *current,
        (Place::Folder, _) => false,
    };
    let of_revision: Vec<Candidate> = everything.iter().filter(wanted).cloned().collect();
    let mut chosen = choose(&of_revision, choice, options);
    if chosen.is_empty() {
        return match quantise::on_the_way(&of_revision, choice) {
            Some((folders, wish)) => quantise::with(only(folders, &everything, options, model)?, wish),
            None => Err(not_cached(options, model, repo, choice, &everything, problems)),
        };
    }
    if revision.is_none() && !matches!(choice, Choice::File(_)) {
        chosen = inventory::without_renamed(chosen);
    }
    if chosen.len() > 1 {
        // A repository named alone is its own folder of weights, whatever else lies in it.
        if let Some(folder) = chosen.iter().position(|c| c.format == Format::Safetensors && *choice == Choice::Any) {
            chosen = vec![chosen.swap_remove(folder)];
        } else {
            return Err(ambiguous(model, &names_of(&chosen, &of_revision, options)));
        }
    }
    only(chosen, &everything, options, model)
}

/// The candidates that a choice means. A quantisation's exact name wins over its family, and a file's name over its header.
fn choose(candidates: &[Candidate], choice: &Choice, options: &Options) -> Vec<Candidate> {
    let take = |keep: &dyn Fn(&Candidate) -> bool| -> Vec<Candidate> {
        candidates.iter().filter(|candidate| keep(candidate)).cloned().collect()
    };
    match choice {
        Choice::Any => candidates.to_vec(),
        Choice::File(wanted) => {
            // Any part of a set is the set, which goes by its first.
            let first = split_set(wanted).into_iter().next().unwrap_or_default();
            take(&|c| matches!(&c.place, Place::Cache { file: Some(file), .. } if *file == first))
        }
        Choice::Quant(wanted) => {
            let by_name = |level: QuantMatch| {
                take(&|c| c.quant.as_deref().is_some_and(|there| match_quant(wanted, there) == Some(level)))
            };
            let exact = by_name(QuantMatch::Exact);
            if !exact.is_empty() {
                return exact;
            }
            let facts = probe_all(candidates, options.probe);
            let by_header: Vec<Candidate> = candidates
                .iter()
                .zip(&facts)
                .filter(|(_, facts)| facts.as_ref().is_ok_and(|facts| facts.quant.eq_ignore_ascii_case(wanted)))
                .map(|(candidate, _)| candidate.clone())
                .collect();
            if by_header.is_empty() { by_name(QuantMatch::Family) } else { by_header }
        }
    }
}

/// The model of the one candidate that is left.
fn only(
    mut chosen: Vec<Candidate>,
    among: &[Candidate],
    options: &Options,
    model: &ModelRef,
) -> Result<LocalModel, UserError> {
    if chosen.len() > 1 {
        return Err(ambiguous(model, &names_of(&chosen, among, options)));
    }
    let candidate = chosen.pop().ok_or_else(|| not_here(options, model))?;
    let reference = names_of(std::slice::from_ref(&candidate), among, options).pop().unwrap_or_default();
    let facts = (options.probe)(&candidate.location);
    Ok(local_model(candidate, reference, facts))
}

/// The MODELs that choose these, given what lies beside them.
fn names_of(chosen: &[Candidate], among: &[Candidate], options: &Options) -> Vec<String> {
    let facts = probe_unnamed(among, options);
    let all = references(among, &facts);
    let name = |candidate: &Candidate| {
        let index = among.iter().position(|other| other.location == candidate.location);
        index.and_then(|index| all.get(index).cloned()).unwrap_or_else(|| candidate.location.display().to_string())
    };
    chosen.iter().map(name).collect()
}

/// Headers are read only where the name does not tell the quantisation; the rest is left as an error that nobody sees.
fn probe_unnamed(among: &[Candidate], options: &Options) -> Vec<Result<crate::domain::model::ModelFacts, UserError>> {
    let unread = || Err(UserError::new(ErrorKind::Unexpected, "not read"));
    among.iter().map(|c| if c.quant.is_some() { unread() } else { (options.probe)(&c.location) }).collect()
}

/// How to get what is not here.
pub(super) fn pull_gets(options: &Options, model: &ModelRef) -> String {
    let when = if options.offline { " while online" } else { "" };
    format!("`hobnob pull {model}` gets it{when}")
}

fn not_cached(
    options: &Options,
    model: &ModelRef,
    repo: &RepoId,
    choice: &Choice,
    everything: &[Candidate],
    problems: Vec<UserError>,
) -> UserError {
    // A folder that can't be read is the better explanation.
    if let Some(problem) = problems.into_iter().next() {
        return problem;
    }
    let place = display_path(&options.cache);
    if let Choice::Quant(word) = choice
        && everything.iter().any(|candidate| candidate.format == Format::Safetensors)
    {
        return quantise::unknown(model, word, &names_of(everything, everything, options));
    }
    if !everything.is_empty() {
        let here = listed(&names_of(everything, everything, options));
        let hint = format!("{}; of this repository there is: {here}", pull_gets(options, model));
        return UserError::new(ErrorKind::ModelNotFound, format!("`{model}` is not on this machine ({place})"))
            .hint(hint);
    }
    let error = UserError::new(ErrorKind::ModelNotFound, format!("`{model}` is not on this machine ({place})"));
    let similar = nearest(&repo.name, &all_names(options));
    let pull = match choice {
        Choice::Any => format!("{}, or tells what there is to choose from", pull_gets(options, model)),
        Choice::Quant(_) | Choice::File(_) => pull_gets(options, model),
    };
    if similar.is_empty() {
        error.hint(pull)
    } else {
        error.hint(format!("{pull}; similar names on this machine: {}", similar.join(", ")))
    }
}

fn find_named(options: &Options, model: &ModelRef, name: &str, quant: Option<&str>) -> Result<LocalModel, UserError> {
    // What the catalog calls so comes first; then whatever else on this machine goes by that name.
    let absent = match options.catalog.find(name).map(|entry| named::find_listed(options, model, entry, quant)) {
        Some(Err(error)) => Some(error),
        Some(Ok(model)) => return Ok(model),
        None => None,
    };
    match (find_called(options, model, name, quant), absent) {
        (Err(error), Some(absent)) if error.kind == ErrorKind::ModelNotFound => Err(absent),
        (found, _) => found,
    }
}

fn find_called(options: &Options, model: &ModelRef, name: &str, quant: Option<&str>) -> Result<LocalModel, UserError> {
    let (everything, _problems) = inventory::all(options);
    let goes_by = |candidate: &Candidate| {
        let repo_name = match &candidate.place {
            Place::Cache { repo, current: true, .. } => Some(repo.name.as_str()),
            Place::Cache { .. } => return false,
            Place::Folder => None,
        };
        let plain_repo = repo_name.map(|repo| repo.strip_suffix("-GGUF").unwrap_or(repo));
        let stem = candidate.location.file_stem().and_then(|stem| stem.to_str());
        [Some(candidate.name.as_str()), repo_name, plain_repo, stem]
            .into_iter()
            .flatten()
            .any(|known| known.eq_ignore_ascii_case(name))
    };
    let mut chosen: Vec<Candidate> = everything.iter().filter(|candidate| goes_by(candidate)).cloned().collect();
    if let Some(quant) = quant {
        let (choice, named) = (Choice::Quant(quant.to_owned()), chosen);
        chosen = choose(&named, &choice, options);
        if chosen.is_empty() {
            return match quantise::on_the_way(&named, &choice) {
                Some((folders, wish)) => quantise::with(only(folders, &everything, options, model)?, wish),
                None if named.is_empty() => Err(not_here(options, model)),
                None => Err(quantise::unknown(model, quant, &names_of(&named, &everything, options))),
            };
        }
    }
    only(inventory::without_renamed(chosen), &everything, options, model)
}

/// No model of that name; says what there is.
fn not_here(options: &Options, model: &ModelRef) -> UserError {
    let error = UserError::new(ErrorKind::ModelNotFound, format!("no model on this machine is called `{model}`"));
    if let Some(meant) = misspelt(options, model) {
        return error.hint(meant);
    }
    let (everything, _problems) = inventory::all(options);
    let all = names_of(&everything, &everything, options);
    if all.is_empty() {
        return error.hint("there is no model on this machine yet: `hobnob pull starter` gets a small one");
    }
    let near = nearest(&model.to_string(), &all);
    if !near.is_empty() {
        return error.hint(format!("similar names: {}; `hobnob models` lists all", near.join(", ")));
    }
    // What can be run comes first: one of those is meant.
    let facts = probe_all(&everything, options.probe);
    let mut ranked: Vec<(bool, String)> = facts.iter().map(Result::is_err).zip(all).collect();
    ranked.sort();
    let names: Vec<String> = ranked.into_iter().map(|(_, name)| name).collect();
    error.hint(format!("there is: {}", listed(&names)))
}

/// What may have been meant by a name that the starter or the catalog has nearly.
fn misspelt(options: &Options, model: &ModelRef) -> Option<String> {
    let ModelRef::Named { name, .. } = model else { return None };
    let starter = ModelRef::Starter.to_string();
    if distance(&name.to_lowercase(), &starter) <= 2 {
        return Some(format!("did you mean `{starter}`?"));
    }
    let near = named::similar(options, name);
    (!near.is_empty()).then(|| format!("did you mean `{}` of the catalog?", near.join("`, `")))
}

/// Whoever wants to get a model of that name is not helped by those that are here.
pub(super) fn not_to_be_had(options: &Options, model: &ModelRef, absent: UserError) -> UserError {
    match model {
        ModelRef::Named { name, .. } => absent.hint(
            misspelt(options, model)
                .unwrap_or_else(|| format!("`hobnob search {}` looks for it on the Hub", shell::word(name))),
        ),
        _ => absent,
    }
}

/// The first of these names, and how many there are besides.
fn listed(names: &[String]) -> String {
    let shown = names[..names.len().min(LISTED)].join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown}, … {more} more: `hobnob models` lists all"),
    }
}

fn all_names(options: &Options) -> Vec<String> {
    let (everything, _problems) = inventory::all(options);
    let mut names = names_of(&everything, &everything, options);
    names.sort();
    names
}

/// The names that are most like what was written, if any are.
fn nearest(wanted: &str, names: &[String]) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let mut ranked: Vec<(usize, &String)> = names
        .iter()
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let words = lower.split(['/', ':', '@']);
            let distance = words.map(|word| distance(&wanted, word)).min()?;
            let close = distance <= wanted.chars().count() / 3 || lower.contains(&wanted);
            close.then_some((distance, name))
        })
        .collect();
    ranked.sort();
    ranked.into_iter().take(3).map(|(_, name)| name.clone()).collect()
}

fn find_path(options: &Options, model: &ModelRef, written: &Path) -> Result<LocalModel, UserError> {
    let missing = |why: &std::io::Error| {
        let message = if why.kind() == std::io::ErrorKind::NotFound {
            format!("there is no file or folder {}", written.display())
        } else {
            format!("{} can't be read: {}", written.display(), reason(why))
        };
        UserError::new(ErrorKind::ModelNotFound, message)
            .hint("check the path, or see what is on this machine with `hobnob models`")
    };
    let path = std::path::absolute(expand_home(written)).map_err(|error| missing(&error))?;
    let meta = match std::fs::metadata(&path) {
        Ok(meta) => meta,
        // What is there literally wins; else the end may say how to quantise it.
        Err(error) => {
            let Some((folder, word)) = quantise::split(written).filter(|(folder, _)| expand_home(folder).exists())
            else {
                return Err(missing(&error));
            };
            return match Quantise::parse(word) {
                Some(wish) => quantise::with(find_path(options, model, folder)?, wish),
                None => Err(quantise::unknown(model, word, &[folder.display().to_string()])),
            };
        }
    };
    let candidate = if meta.is_dir() {
        in_folder(model, &path)?
    } else if path.extension().is_some_and(|ending| ending == "safetensors") {
        // The weights of a folder model: the folder is what can be loaded.
        in_folder(model, path.parent().unwrap_or(&path))?
    } else if path.extension().is_some_and(|ending| ending == "uqff") {
        inventory::uqff_file(&path)?
    } else {
        inventory::single_file(&path)?
    };
    // A path into the cache is the cache's model all the same.
    let mut candidate = inventory::cached_at(&options.cache, &candidate.location).unwrap_or(candidate);
    if let Some(imported) = options.imported.as_deref().filter(|imported| candidate.location.starts_with(imported)) {
        candidate.origin = import::origin(imported, &candidate.location);
    }
    let reference = candidate.location.display().to_string();
    let facts = (options.probe)(&candidate.location);
    Ok(local_model(candidate, reference, facts))
}

fn in_folder(model: &ModelRef, folder: &Path) -> Result<Candidate, UserError> {
    let (mut found, problems) = inventory::directly_in(folder);
    if let Some(problem) = problems.into_iter().next() {
        return Err(problem);
    }
    if let Some(whole) = found.iter().position(|candidate| candidate.format == Format::Safetensors) {
        return Ok(found.swap_remove(whole));
    }
    if found.len() > 1 {
        let paths: Vec<String> = found.iter().map(|c| c.location.display().to_string()).collect();
        return Err(ambiguous(model, &paths));
    }
    found.pop().ok_or_else(|| {
        UserError::new(ErrorKind::ModelNotFound, format!("there is no whole model in the folder {}", folder.display()))
            .hint("a model is a GGUF file, or a folder with config.json and all of its safetensors files")
    })
}

/// A script for the scripted engine: whatever the probe makes of it.
fn find_script(options: &Options, written: &Path) -> Result<LocalModel, UserError> {
    let path = std::path::absolute(expand_home(written)).unwrap_or_else(|_| written.to_owned());
    let meta = std::fs::metadata(&path).map_err(|error| {
        UserError::new(
            ErrorKind::ModelNotFound,
            format!("the script {} can't be read: {}", path.display(), reason(&error)),
        )
        .hint("check the path")
    })?;
    Ok(LocalModel {
        reference: ModelRef::Script(path.clone()).to_string(),
        name: path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default(),
        format: Format::Script,
        bytes: meta.len(),
        origin: "script".to_owned(),
        facts: (options.probe)(&path),
        quantise: None,
        cached: None,
        location: path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_near() {
        let names = ["org/Qwen3-4B-GGUF:Q4_K_M".to_owned(), "starter".to_owned(), "/m/llama.gguf".to_owned()];
        assert_eq!(nearest("Qwen3-4B-GUF", &names), [names[0].clone()]);
        assert_eq!(nearest("stater", &names), [names[1].clone()]);
        assert!(nearest("mistral-large", &names).is_empty());
    }
}
