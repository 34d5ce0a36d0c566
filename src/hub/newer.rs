//! Whether the Hub has something newer than a model that is here.

use std::collections::HashMap;
use std::path::Path;

use crate::domain::model::ModelRef;
use crate::error::{ErrorKind, UserError};
use crate::hub::cache::{Commit, RepoCache, link_target};
use crate::hub::contents::contents;
use crate::hub::find::find;
use crate::hub::http::Hub;
use crate::hub::inventory::{self, Candidate, Place};
use crate::hub::pull::MAIN;
use crate::hub::{Options, blocking};

/// Asks for the commit of the branch that a model is of: the one that the Hub has now, if it has other files of this model.
/// A change of the card or of another quantisation makes no newer model.
///
/// # Errors
/// There is no such model, or it is of no repository; the network is off; the Hub does not answer.
pub async fn newer(options: &Options, model: &ModelRef) -> Result<Option<String>, UserError> {
    let (wanted, all) = (model.clone(), options.clone());
    let (candidate, commit, branch) = blocking(move || known(&all, &wanted)).await?;
    let Place::Cache { repo, .. } = &candidate.place else { return Err(of_no_repository(model)) };
    if options.offline {
        return Err(offline(model));
    }
    let hub = Hub::new(options, options.timing.connect)?;
    let theirs = contents(&hub, repo, &branch).await.map_err(|failure| failure.error)?;
    let same = theirs.commit.as_str() == commit || is_same(&candidate, &theirs.blobs);
    Ok((!same).then(|| theirs.commit.as_str().to_owned()))
}

pub(super) fn offline(model: &ModelRef) -> UserError {
    let message = format!("whether there is a newer `{model}` only the Hub knows, and the network is off");
    UserError::new(ErrorKind::Network, message)
        .hint("ask once without --offline (and without offline = true and HF_HUB_OFFLINE)")
}

/// The model, its commit, and the branch or tag that this is of as far as anybody knows here.
fn known(options: &Options, model: &ModelRef) -> Result<(Candidate, String, String), UserError> {
    let found = find(options, model)?;
    let candidate = inventory::cached_at(&options.cache, &found.location).ok_or_else(|| of_no_repository(model))?;
    let Place::Cache { repo, commit, .. } = &candidate.place else { return Err(of_no_repository(model)) };
    let branch = branch_of(&RepoCache::new(&options.cache, repo), commit);
    let commit = commit.as_str().to_owned();
    Ok((candidate, commit, branch))
}

fn of_no_repository(model: &ModelRef) -> UserError {
    UserError::new(ErrorKind::Usage, format!("`{model}` is a file of your own: nobody has a newer one"))
        .hint("only models that came from the Hub have newer revisions there")
}

/// `main`, unless only another branch or tag leads to this commit.
fn branch_of(cached: &RepoCache, commit: &Commit) -> String {
    let branches = cached.refs_to(&[commit]);
    let names = branches.iter().filter_map(|path| path.strip_prefix(cached.refs()).ok()?.to_str());
    let mut names: Vec<&str> = names.collect();
    // What is asked for by its commit stays what it is.
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
