//! What a repository has, asked through the Hub's own client library.
//!
//! One answer holds all names. The library can also go through pages, but it goes to whatever address an answer calls the
//! next page, and takes the token along.

use std::collections::{BTreeSet, HashMap};
use std::error::Error;

use hf_hub::repository::RepoTreeEntry;
use hf_hub::{HFClient, HFError};

use crate::domain::model::{RepoId, is_safe_file};
use crate::error::{ErrorKind, UserError};
use crate::hub::Options;
use crate::hub::http::{Failure, Hub, Refusal, USER_AGENT};

/// Without a token the library looks for one in places of its own. This one can't be written into a header, so that none is
/// sent: the real one is the connection's.
const NO_TOKEN: &str = "\n";

/// Questions about the files of repositories.
pub(super) struct Listing<'a> {
    hub: &'a Hub,
    client: HFClient,
}

impl<'a> Listing<'a> {
    /// Nothing is left for the library to find out by itself: no variable, no file, no other address than ours counts.
    ///
    /// # Errors
    /// When there can be no secure connections.
    pub fn new(options: &Options, hub: &'a Hub) -> Result<Self, UserError> {
        let client = HFClient::builder()
            .client(hub.client_for_pages(options.timing)?)
            .endpoint(options.endpoint.as_str())
            .token(NO_TOKEN)
            .user_agent(USER_AGENT)
            .cache_dir(&options.cache)
            .cache_enabled(false)
            // Whoever asks has patience of its own, which listens to being cancelled.
            .retry_max_attempts(0)
            .build()
            .map_err(|error| {
                tracing::error!(%error, "the Hub's client can't be made");
                UserError::new(ErrorKind::Unexpected, "asking the Hub for its files failed").hint("see the log")
            })?;
        Ok(Self { hub, client })
    }

    /// The paths of all files at a revision.
    pub async fn files(&self, repo: &RepoId, revision: &str) -> Result<BTreeSet<String>, Failure> {
        let question = self.client.model(&*repo.owner, &*repo.name);
        let info = question.info().revision(revision).expand(vec!["siblings".to_owned()]).send().await;
        let files = info.map_err(|error| self.failure(&error, repo))?.siblings.ok_or_else(|| self.hub.no_hub())?;
        // What could lead out of the cache is no file that anybody should get.
        Ok(files.into_iter().map(|file| file.rfilename).filter(|path| is_safe_file(path)).collect())
    }

    /// Bytes of some files at a revision.
    pub async fn sizes(
        &self,
        repo: &RepoId,
        revision: &str,
        files: Vec<String>,
    ) -> Result<HashMap<String, u64>, Failure> {
        let question = self.client.model(&*repo.owner, &*repo.name);
        let entries = question.get_paths_info().paths(files).revision(revision).send().await;
        let size = |entry| match entry {
            RepoTreeEntry::File { path, size, .. } => Some((path, size)),
            RepoTreeEntry::Directory { .. } => None,
        };
        Ok(entries.map_err(|error| self.failure(&error, repo))?.into_iter().filter_map(size).collect())
    }

    /// The library's errors in the words of our own requests.
    fn failure(&self, error: &HFError, repo: &RepoId) -> Failure {
        tracing::debug!(%error, "the Hub was asked for files");
        let (context, wait) = match error {
            HFError::Request { source, .. } if is_of_content(source) => return self.hub.no_hub(),
            HFError::Request { source, .. } => return self.hub.transport(source),
            HFError::RateLimited { context, retry_after } => (Some(context), *retry_after),
            HFError::Http { context } | HFError::AuthRequired { context } | HFError::Forbidden { context } => {
                (Some(context), None)
            }
            HFError::RepoNotFound { context, .. }
            | HFError::RevisionNotFound { context, .. }
            | HFError::EntryNotFound { context, .. } => (context.as_ref(), None),
            _ => (None, None),
        };
        context.map_or_else(
            || self.hub.no_hub(),
            |context| {
                let code = context.error_code.as_deref().unwrap_or_default();
                self.hub.refusal(Refusal { status: context.status.as_u16(), code, wait }, repo, None)
            },
        )
    }
}

/// Whether an answer came whole and was not what it should be.
fn is_of_content(error: &reqwest::Error) -> bool {
    error.source().is_some_and(<dyn Error>::is::<serde_json::Error>)
}
