//! Whether the Hub has something newer than a model that is here, and what to ask it for.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use futures::stream::{StreamExt, iter};

use crate::domain::hub::Newer;
use crate::domain::model::{Choice, LocalModel, ModelRef, RepoId};
use crate::error::{ErrorKind, UserError};
use crate::hub::cache::{Commit, RepoCache, link_target};
use crate::hub::contents::{Contents, contents};
use crate::hub::find::find;
use crate::hub::http::Hub;
use crate::hub::inventory::{self, Candidate, Place};
use crate::hub::named;
use crate::hub::pull::MAIN;
use crate::hub::{Options, blocking};

/// Repositories that are asked for at a time.
const AT_ONCE: usize = 4;

/// Asks for the commit of the branch that a model is of: what the Hub has now, if it has other files of this model. A change
/// of the card or of another quantisation makes no newer model.
///
/// # Errors
/// There is no such model, or it is of no repository; the network is off; the Hub does not answer.
pub async fn newer(options: &Options, model: &ModelRef) -> Result<Option<Newer>, UserError> {
    let mut answers = newer_of_each(options, std::slice::from_ref(model)).await;
    answers.pop().unwrap_or(Ok(None))
}

/// The same for several, in their order. Each branch is asked for once, and none any more where there is no network.
pub async fn newer_of_each(options: &Options, models: &[ModelRef]) -> Vec<Result<Option<Newer>, UserError>> {
    let mut known = Vec::with_capacity(models.len());
    for model in models {
        let (all, model) = (options.clone(), model.clone());
        known.push(blocking(move || Known::of(&all, &model)).await);
    }
    let questions: BTreeSet<(RepoId, String)> =
        known.iter().flatten().flatten().map(|known| (known.repo.clone(), known.branch.clone())).collect();
    let mut answers: HashMap<(RepoId, String), Result<Contents, UserError>> = HashMap::new();
    let mut nobody = None;
    match Hub::new(options, options.timing.connect) {
        Ok(hub) if !questions.is_empty() => {
            let ask = async |question: &(RepoId, String)| contents(&hub, &question.0, &question.1).await;
            let mut asked = iter(questions.iter().map(ask)).buffered(AT_ONCE);
            for question in &questions {
                let Some(answer) = asked.next().await else { break };
                if let Err(error) = &answer
                    && error.kind == ErrorKind::Network
                {
                    nobody = Some(error.clone());
                    break;
                }
                answers.insert(question.clone(), answer);
            }
        }
        Ok(_) => {}
        Err(error) => nobody = Some(error),
    }
    let answered = |known: Known| match answers.get(&(known.repo.clone(), known.branch.clone())) {
        Some(Ok(theirs)) => Ok(known.held_against(theirs)),
        Some(Err(error)) => Err(error.clone()),
        None => nobody.clone().map_or(Ok(None), Err),
    };
    known.into_iter().map(|known| known?.map_or(Ok(None), answered)).collect()
}

pub(super) fn offline(model: &ModelRef) -> UserError {
    let message = format!("whether there is a newer `{model}` only the Hub knows, and the network is off");
    UserError::new(ErrorKind::Network, message)
        .hint("ask once without --offline (and without offline = true and HF_HUB_OFFLINE)")
}

fn of_no_repository(model: &ModelRef) -> UserError {
    UserError::new(ErrorKind::Usage, format!("`{model}` is a file of your own: nobody has a newer one"))
        .hint("only models that came from the Hub have newer revisions there")
}

/// What to ask the Hub for to get what it has by now of a model that is here; `None` for what stays what it is: the
/// starter, and what was named by its commit.
///
/// # Errors
/// It is of no repository. Blocks.
pub(super) fn newest_of(
    options: &Options,
    model: &ModelRef,
    found: &LocalModel,
) -> Result<Option<ModelRef>, UserError> {
    match model {
        ModelRef::Starter => Ok(None),
        ModelRef::Hub { repo, revision: Some(revision), .. } => {
            let is_branch = RepoCache::new(&options.cache, repo).read_ref(revision).is_some();
            let here = found.cached.as_ref().map_or("", |cached| cached.commit.as_str());
            let is_commit = !is_branch && here.starts_with(&revision.to_ascii_lowercase());
            Ok((!is_commit).then(|| model.clone()))
        }
        ModelRef::Hub { .. } => Ok(Some(model.clone())),
        ModelRef::Named { .. } if named::meant(options, model)?.is_some() => Ok(Some(model.clone())),
        _ => Ok(Known::of_found(options, model, found)?.map(|known| known.model())),
    }
}

/// A model of the cache, and the branch or tag that it is of as far as anybody knows here.
struct Known {
    candidate: Candidate,
    repo: RepoId,
    commit: Commit,
    branch: String,
    choice: Choice,
}

impl Known {
    /// `None` for the starter, which is this one file.
    fn of(options: &Options, model: &ModelRef) -> Result<Option<Self>, UserError> {
        let found = find(options, model)?;
        match Self::of_found(options, model, &found)? {
            Some(_) if options.offline => Err(offline(model)),
            known => Ok(known),
        }
    }

    fn of_found(options: &Options, model: &ModelRef, found: &LocalModel) -> Result<Option<Self>, UserError> {
        let candidate = inventory::cached_at(&options.cache, &found.location).ok_or_else(|| of_no_repository(model))?;
        let Place::Cache { repo, commit, .. } = &candidate.place else { return Err(of_no_repository(model)) };
        if candidate.is_starter() {
            return Ok(None);
        }
        let (repo, commit) = (repo.clone(), commit.clone());
        let cached = RepoCache::new(&options.cache, &repo);
        let branch = match model {
            ModelRef::Hub { revision: Some(revision), .. } if cached.read_ref(revision).is_some() => revision.clone(),
            _ => branch_of(&cached, &commit),
        };
        let choice = match ModelRef::parse(&found.reference) {
            Ok(ModelRef::Hub { choice, .. }) => choice,
            _ => candidate.file().map_or(Choice::Any, |file| Choice::File(file.to_owned())),
        };
        Ok(Some(Self { candidate, repo, commit, branch, choice }))
    }

    /// The MODEL that is this one of its branch.
    fn model(&self) -> ModelRef {
        let revision = Some(self.branch.clone()).filter(|branch| branch != MAIN);
        ModelRef::Hub { repo: self.repo.clone(), choice: self.choice.clone(), revision }
    }

    fn held_against(&self, theirs: &Contents) -> Option<Newer> {
        let same = theirs.commit == self.commit || is_same(&self.candidate, &theirs.blobs);
        (!same).then(|| Newer { commit: theirs.commit.as_str().to_owned(), model: self.model() })
    }
}

/// `main`, unless only another branch or tag leads to this commit.
fn branch_of(cached: &RepoCache, commit: &Commit) -> String {
    let branches = cached.refs_to(&[commit]);
    let names = branches.iter().filter_map(|path| path.strip_prefix(cached.refs()).ok()?.to_str());
    let mut names: Vec<&str> = names.collect();
    names.sort_by_key(|name| *name != MAIN);
    names.first().map_or_else(|| MAIN.to_owned(), |name| (*name).to_owned())
}

/// Whether the Hub calls each file as it is called here. What can't be told here is another one.
fn is_same(candidate: &Candidate, theirs: &HashMap<String, String>) -> bool {
    let ours = |file: &String| link_target(&candidate.folder.join(file)).ok();
    candidate.files.iter().all(|file| {
        let ours = ours(file);
        let name = ours.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
        name.is_some() && name == theirs.get(file).map(String::as_str)
    })
}
