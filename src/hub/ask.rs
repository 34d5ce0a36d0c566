//! Questions to the Hub's own interface whose answer is one JSON document, of bounded length and with bounded patience.
//!
//! The Hub's client library is not used for them: it follows the address of the next page wherever that leads, with the token,
//! and knows few of the filters.

use reqwest::Url;
use reqwest::header::{HeaderMap, LINK};

use crate::domain::hub::NextPage;
use crate::domain::model::RepoId;
use crate::error::{ErrorKind, UserError};
use crate::hub::Options;
use crate::hub::cache::Commit;
use crate::hub::http::{Failure, Hub, Refusal, Retry, wait_time};
use crate::hub::loose::Loose;

/// What helps where nothing comes.
pub(super) const LOOK: &str =
    "check the connection and the proxy variables, then try again; models that are here work without the Hub";

/// Of what the Hub says of a repository: one of ten thousand files has an answer of some three megabytes.
pub(super) const MOST_OF_REPO: usize = 16 << 20;

/// An answer, and where it goes on.
#[derive(Debug)]
pub(super) struct Answer {
    pub document: Loose,
    pub next: Option<NextPage>,
}

/// A connection for questions, unless the network is off.
///
/// # Errors
/// Offline, or the endpoint is none; `what` completes "the network is off, and …".
pub(super) fn connect(options: &Options, what: &str) -> Result<Hub, UserError> {
    if options.offline {
        return Err(UserError::new(ErrorKind::Network, format!("the network is off, and {what}")).hint(
            "turn it on: without --offline, offline = true and HF_HUB_OFFLINE; models that are here work without it",
        ));
    }
    Hub::new(options, options.timing.connect)
}

impl Hub {
    /// Asks, below `api/`, and reads an answer of `most` bytes. `about` is the repository that the question is about.
    ///
    /// # Errors
    /// In words, with what to do.
    pub async fn ask(&self, question: &str, most: usize, about: Option<&RepoId>) -> Result<Answer, UserError> {
        let mut response = self.api(question).await.map_err(|failure| self.in_words(failure))?;
        let status = response.status().as_u16();
        if status != 200 {
            let code = response.headers().get("x-error-code").and_then(|code| code.to_str().ok()).unwrap_or_default();
            let refusal = Refusal { status, code, wait: wait_time(response.headers()) };
            return Err(self.in_words(match about {
                Some(repo) => self.refusal(refusal, repo, None),
                None => self.refused_list(&refusal),
            }));
        }
        let next = self.next_page(response.headers());
        let mut body = Vec::new();
        loop {
            match response.chunk().await.map_err(|error| self.in_words(self.transport(&error)))? {
                None => break,
                Some(chunk) if body.len() + chunk.len() > most => {
                    let error = format!("{} answers with more than {} MB", self.host(), most >> 20);
                    return Err(UserError::new(ErrorKind::Network, error)
                        .hint("check HF_ENDPOINT, and whether a proxy answers instead"));
                }
                Some(chunk) => body.extend_from_slice(&chunk),
            }
        }
        // A network's login page answers everything with 200.
        let document = Loose::read(&body).ok_or_else(|| self.no_hub().error)?;
        Ok(Answer { document, next })
    }

    /// The beginning of a file, as long as `enough` has not seen enough of it, and no more than `most` bytes.
    pub async fn beginning(
        &self,
        repo: &RepoId,
        commit: &Commit,
        file: &str,
        most: usize,
        mut enough: impl FnMut(&[u8]) -> bool,
    ) -> Result<Vec<u8>, UserError> {
        let response = self.start(repo, commit.as_str(), file, Some(most)).await;
        let mut response = response.map_err(|failure| self.in_words(failure))?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.in_words(self.transport(&error)))? {
            let room = most.saturating_sub(bytes.len());
            bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if bytes.len() >= most || enough(&bytes) {
                break;
            }
        }
        Ok(bytes)
    }

    /// What a refusal means that is not about a repository.
    fn refused_list(&self, refusal: &Refusal<'_>) -> Failure {
        match refusal.status {
            401 | 403 if self.has_token() => Failure {
                error: UserError::new(ErrorKind::Unauthorised, format!("{} refused the token", self.host())).hint(
                    "check HF_TOKEN, or log in again with `hf auth login`; what is public can be searched without one",
                ),
                retry: Retry::Never,
            },
            401 | 403 => Failure {
                error: UserError::new(
                    ErrorKind::Unauthorised,
                    format!("{} answers only to those it knows", self.host()),
                )
                .hint("set HF_TOKEN or run `hf auth login`"),
                retry: Retry::Never,
            },
            429 => self.limited(refusal.wait),
            status @ (408 | 500..=599) => self.troubled(status),
            407 => self.behind_a_proxy(),
            _ => self.no_hub(),
        }
    }

    /// Nothing has arrived that could be kept: other advice than for a download.
    pub(super) fn in_words(&self, failure: Failure) -> UserError {
        let Failure { error, retry } = failure;
        match (error.kind, retry) {
            (ErrorKind::RateLimited, Retry::After(wait)) => {
                let more = if self.has_token() { "" } else { ", or set HF_TOKEN for a higher limit" };
                error.hint(format!("try again in {} s{more}", wait.as_secs()))
            }
            (ErrorKind::RateLimited, _) if self.has_token() => error.hint("try again in five minutes"),
            (ErrorKind::Network, Retry::Soon) => error.hint(LOOK),
            _ => error,
        }
    }

    /// The next page, if the answer names one that is the Hub's own: another host is nobody to ask, least of all with the token.
    fn next_page(&self, headers: &HeaderMap) -> Option<NextPage> {
        let links = headers.get_all(LINK).iter().filter_map(|link| link.to_str().ok());
        let address = links.flat_map(|links| links.split(", ")).find_map(|link| {
            let (address, relations) = link.trim().strip_prefix('<')?.split_once('>')?;
            relations.split(';').any(|relation| relation.trim() == "rel=\"next\"").then_some(address)
        })?;
        let question = self.question_of(address);
        if question.is_none() {
            tracing::warn!(address, "the next page is not on the Hub: nobody goes there");
        }
        question.map(NextPage)
    }

    /// What an address below `api/` of this Hub asks; `None` for all others.
    fn question_of(&self, address: &str) -> Option<String> {
        let api = self.endpoint().join("api/").ok()?;
        let url = api.join(address).ok().filter(|url| url.origin() == api.origin() && address.len() <= 8_000)?;
        let path = url.path().strip_prefix(api.path())?;
        Some(format!("{path}?{}", url.query()?))
    }
}

/// The question for all that the Hub says of a branch, tag or commit.
pub(super) fn about(repo: &RepoId, revision: &str) -> String {
    // A branch's slashes are no folders of the address.
    let mut escaped = Url::parse("http://question/").ok();
    if let Some(mut segments) = escaped.as_mut().and_then(|url| url.path_segments_mut().ok()) {
        segments.pop_if_empty().push(revision);
    }
    let path = escaped.as_ref().map_or("", Url::path);
    question(&format!("models/{repo}/revision{path}"), &[("blobs", "true")])
}

/// A question with its parameters.
pub(super) fn question(path: &str, parameters: &[(&str, &str)]) -> String {
    let query = Url::parse_with_params("http://question/", parameters).ok();
    format!("{path}?{}", query.as_ref().and_then(Url::query).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::ModelFacts;

    fn hub(endpoint: &str) -> Hub {
        let probe = |_: &std::path::Path| Ok(ModelFacts::default());
        let options = Options::from_env("/none".into(), Vec::new(), false, probe);
        let options = Options { endpoint: endpoint.to_owned(), token: None, ..options };
        Hub::new(&options, options.timing.connect).expect("an endpoint")
    }

    #[test]
    fn a_revision_is_one_part_of_an_address_whatever_is_in_it() {
        let repo = RepoId::parse("org/m").expect("a repository");
        for (revision, escaped) in [("main", "main"), ("refs/pr/1", "refs%2Fpr%2F1"), ("50%#?", "50%25%23%3F")] {
            assert_eq!(about(&repo, revision), format!("models/org/m/revision/{escaped}?blobs=true"));
        }
    }

    #[test]
    fn the_next_page_is_the_hubs_own_or_none() {
        let next = |endpoint: &str, link: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LINK, link.parse().expect("a value"));
            hub(endpoint).next_page(&headers).map(|next| next.0)
        };
        let home = "https://huggingface.co";
        let good = "<https://huggingface.co/api/models?a=1&cursor=x%3D>; rel=\"next\"";
        assert_eq!(next(home, good).as_deref(), Some("models?a=1&cursor=x%3D"));
        let second = format!("<https://huggingface.co/api/models?b=1>; rel=\"first\", {good}");
        assert_eq!(next(home, &second).as_deref(), Some("models?a=1&cursor=x%3D"));
        assert_eq!(
            next("https://mirror.example/hf", "</hf/api/models?c=1>; rel=\"next\"").as_deref(),
            Some("models?c=1")
        );
        for bad in [
            "<https://evil.example/api/models?cursor=x>; rel=\"next\"",
            "<http://huggingface.co/api/models?cursor=x>; rel=\"next\"",
            "<https://huggingface.co:444/api/models?cursor=x>; rel=\"next\"",
            "<https://huggingface.co/settings?cursor=x>; rel=\"next\"",
            "<//evil.example/api/models?cursor=x>; rel=\"next\"",
            "<https://huggingface.co/api/models?cursor=x>; rel=\"prev\"",
            "nonsense",
        ] {
            assert_eq!(next(home, bad), None, "{bad}");
        }
    }
}
