//! The Hub over HTTP: what a file is, and its bytes from any position.
//!
//! Redirects are followed here and not by the client, for three reasons: what the Hub says of a file is in the headers of
//! its own answer, before the redirect to where the bytes are; the token must not go to that other host; and addresses
//! there are signed for a while, so that every attempt has to ask the Hub for a new one.

mod failure;

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    HeaderValue, LOCATION, RANGE,
};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, StatusCode, Url};

use crate::domain::model::RepoId;
use crate::error::{ErrorKind, UserError};
use crate::hub::cache::{Commit, Etag};
use crate::hub::proxy::Proxies;
use crate::hub::{Options, Timing, Token};

use self::failure::cause;
pub(super) use self::failure::{Failure, Refusal, Retry, wait_time};

const MOST_REDIRECTS: usize = 8;

pub(super) const USER_AGENT: &str = concat!("hobnob/", env!("CARGO_PKG_VERSION"));

/// What the Hub says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    pub etag: Etag,
    pub commit: Commit,
    pub size: u64,
}

/// A body from some position on.
#[derive(Debug)]
pub(super) struct Body {
    pub response: Response,
    /// Where the bytes begin: 0 if the server would not start where it was asked to.
    pub start: u64,
}

/// What the place that a file's bytes come from calls them: one word for all parts of it.
#[derive(Debug, Default)]
pub(super) struct Pin(Mutex<Option<(String, String)>>);

impl Pin {
    /// Whether this answer is of the same content as those before. Another host has words of its own.
    fn holds(&self, response: &Response) -> bool {
        let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok());
        let Some(etag) = etag else { return true };
        let now = (response.url().origin().ascii_serialization(), etag.trim_start_matches("W/").to_owned());
        let mut pinned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*pinned {
            Some((host, etag)) if *host == now.0 => *etag == now.1,
            _ => {
                *pinned = Some(now);
                true
            }
        }
    }
}

/// A connection to one Hub.
#[derive(Debug)]
pub(super) struct Hub {
    client: reqwest::Client,
    endpoint: Url,
    /// The header with the token.
    token: Option<HeaderValue>,
    proxies: Proxies,
}

impl Hub {
    /// # Errors
    /// When the endpoint is no address, or the token no token.
    pub fn new(options: &Options, connect: Duration) -> Result<Self, UserError> {
        let endpoint = Url::parse(&format!("{}/", options.endpoint))
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                UserError::new(ErrorKind::Config, format!("HF_ENDPOINT is no web address: `{}`", options.endpoint))
                    .hint("set it to an address like https://huggingface.co, or unset it")
            })?;
        let token = options.token.as_ref().map(Token::header).transpose()?;
        // Several parts of a file over HTTP/2 would be one connection's worth.
        let client = built(connecting(connect, options.timing).redirect(Policy::none()).http1_only())?;
        Ok(Self { client, endpoint, token, proxies: Proxies::of_this_system() })
    }

    /// A client for questions whose answer is a page of the Hub. It carries the token itself and follows redirects, but takes
    /// the token nowhere else.
    ///
    /// # Errors
    /// When there can be no secure connections.
    pub fn client_for_pages(&self, timing: Timing) -> Result<reqwest::Client, UserError> {
        // A redirect to another host loses the token: the client drops the header by itself.
        let redirects = Policy::custom(|attempt| {
            let secure = attempt.url().scheme() == "https"
                || attempt.previous().last().is_some_and(|from| from.scheme() == attempt.url().scheme());
            if secure && attempt.previous().len() < MOST_REDIRECTS { attempt.follow() } else { attempt.stop() }
        });
        let headers = self.token.iter().map(|token| (AUTHORIZATION, token.clone())).collect();
        built(connecting(timing.connect, timing).redirect(redirects).referer(false).default_headers(headers))
    }

    /// Asks what a file is.
    pub async fn metadata(&self, repo: &RepoId, revision: &str, file: &str) -> Result<Metadata, Failure> {
        let mut seen = Seen::default();
        let response = self.follow(Method::HEAD, self.address(repo, revision, file), None, &mut seen).await?;
        let status = response.status();
        // A redirect that leaves the Hub ends the question: the answer was in its headers.
        if !status.is_success() && !status.is_redirection() {
            return Err(self.refused(&response, repo, file));
        }
        match (seen.etag, seen.commit, seen.size) {
            (Some(etag), Some(commit), Some(size)) => Ok(Metadata { etag, commit, size }),
            _ => Err(self.no_hub()),
        }
    }

    /// Asks for a part of a file's bytes, each time at the Hub itself: where it sends us is signed for a while only.
    pub async fn body(
        &self,
        repo: &RepoId,
        file: &str,
        meta: &Metadata,
        part: &Range<u64>,
        pin: &Pin,
    ) -> Result<Body, Failure> {
        let address = self.address(repo, meta.commit.as_str(), file);
        let range = match (part.start, part.end) {
            (0, end) if end >= meta.size => None,
            (start, end) if end >= meta.size => Some(format!("bytes={start}-")),
            (start, end) => Some(format!("bytes={start}-{}", end.saturating_sub(1))),
        };
        let mut seen = Seen::default();
        let response = self.follow(Method::GET, address, range.as_deref(), &mut seen).await?;
        if seen.etag.is_some_and(|etag| etag != meta.etag) {
            return Err(self.changed(repo, file));
        }
        let headers = response.headers();
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let status = response.status();
        if status.is_success() && !pin.holds(&response) {
            return Err(self.changed(repo, file));
        }
        if status.is_success() && is_page(text(&CONTENT_TYPE).unwrap_or_default(), file) {
            return Err(self.no_hub());
        }
        match status {
            StatusCode::OK => Ok(Body { response, start: 0 }),
            StatusCode::PARTIAL_CONTENT => {
                if text(&CONTENT_RANGE).and_then(first_byte) == Some(part.start) {
                    Ok(Body { response, start: part.start })
                } else {
                    Err(self.odd("sends a different part of the file than it was asked for"))
                }
            }
            status if status.is_redirection() => Err(self.odd("redirects without end")),
            // The address was signed, and not for as long as it took; the Hub makes a new one.
            StatusCode::FORBIDDEN | StatusCode::GONE if response.url().origin() != self.endpoint.origin() => {
                let host = response.url().host_str().unwrap_or("its storage");
                let error = UserError::new(
                    ErrorKind::Unauthorised,
                    format!("{host} does not take the address that {} gave for {repo}/{file}", self.host()),
                )
                .hint("try again later, and check this machine's clock; what has arrived is kept");
                Err(Failure { error, retry: Retry::Soon })
            }
            _ => Err(self.refused(&response, repo, file)),
        }
    }

    /// Asks the Hub's own interface, below `api/`; a redirect is followed.
    pub async fn api(&self, question: &str) -> Result<Response, Failure> {
        let address = self.endpoint.join(&format!("api/{question}")).map_err(|_| self.no_hub())?;
        self.follow(Method::GET, address, None, &mut Seen::default()).await
    }

    pub fn endpoint(&self) -> &Url {
        &self.endpoint
    }

    /// Where people look at a repository.
    pub fn page_of(&self, repo: &RepoId) -> String {
        format!("{}{repo}", self.endpoint)
    }

    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Asks for a file, or for so many bytes of its beginning; the answer may bring more than that.
    pub async fn start(
        &self,
        repo: &RepoId,
        revision: &str,
        file: &str,
        most: Option<usize>,
    ) -> Result<Response, Failure> {
        let range = most.map(|most| format!("bytes=0-{}", most.saturating_sub(1)));
        let address = self.address(repo, revision, file);
        let response = self.follow(Method::GET, address, range.as_deref(), &mut Seen::default()).await?;
        if response.status().is_success() { Ok(response) } else { Err(self.refused(&response, repo, file)) }
    }

    /// Asks for a small file whole.
    pub async fn small(&self, repo: &RepoId, revision: &str, file: &str, most: usize) -> Result<Vec<u8>, Failure> {
        let mut response = self.start(repo, revision, file, None).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.transport(&error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > most {
                return Err(self.odd("sends a longer file than it should"));
            }
        }
        Ok(bytes)
    }

    pub fn host(&self) -> String {
        self.endpoint.host_str().unwrap_or("the Hub").to_owned()
    }

    /// `ENDPOINT/OWNER/NAME/resolve/REVISION/FILE`; a revision's slashes are escaped, a file's are not.
    fn address(&self, repo: &RepoId, revision: &str, file: &str) -> Url {
        let mut url = self.endpoint.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            // The oldest repositories have no owner.
            let owner = Some(&*repo.owner).filter(|owner| !owner.is_empty());
            path.pop_if_empty().extend(owner).extend([&*repo.name, "resolve", revision]).extend(file.split('/'));
        }
        url
    }

    /// Sends a request and goes after its redirects: inside the Hub for HEAD, anywhere for GET.
    async fn follow(
        &self,
        method: Method,
        mut url: Url,
        range: Option<&str>,
        seen: &mut Seen,
    ) -> Result<Response, Failure> {
        for _ in 0..MOST_REDIRECTS {
            // Compressed bytes would have other lengths and positions than the file's.
            let mut request = self.client.request(method.clone(), url.clone()).header(ACCEPT_ENCODING, "identity");
            let at_home = url.origin() == self.endpoint.origin();
            if let (true, Some(token)) = (at_home, &self.token) {
                request = request.header(AUTHORIZATION, token);
            }
            if let Some(range) = range {
                request = request.header(RANGE, range);
            }
            let response = request.send().await.map_err(|error| self.transport(&error))?;
            if at_home {
                seen.read(response.headers(), response.status().is_success());
            }
            let target = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            let target = target.filter(|_| response.status().is_redirection()).and_then(|target| url.join(target).ok());
            match target {
                Some(target) if method == Method::HEAD && target.origin() != self.endpoint.origin() => {
                    return Ok(response);
                }
                // From a secure address only to a secure one.
                Some(target) if target.scheme() == "https" || target.scheme() == url.scheme() => url = target,
                Some(_) => return Err(self.odd("redirects to an address that is not secure")),
                None => return Ok(response),
            }
        }
        Err(self.odd("redirects without end"))
    }
}

/// What all connections have in common.
fn connecting(connect: Duration, timing: Timing) -> reqwest::ClientBuilder {
    reqwest::Client::builder().user_agent(USER_AGENT).connect_timeout(connect).read_timeout(timing.stalled)
}

fn built(client: reqwest::ClientBuilder) -> Result<reqwest::Client, UserError> {
    client.build().map_err(|error| {
        UserError::new(ErrorKind::Network, format!("can't set up secure connections: {}", cause(&error)))
            .hint("check the system's certificates (SSL_CERT_FILE) and the proxy variables")
    })
}

/// Whether an answer is a page for people in the place of a file: networks with a login send those.
fn is_page(content_type: &str, file: &str) -> bool {
    let is_html = |path: &str| path.rsplit('.').next().is_some_and(|ending| ending.eq_ignore_ascii_case("html"));
    content_type.trim_start().to_ascii_lowercase().starts_with("text/html") && !is_html(file)
}

/// `bytes 100-199/200` -> 100.
fn first_byte(range: &str) -> Option<u64> {
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

/// What the Hub's own answers say, gathered over its redirects. A header of a later answer never takes away an earlier one.
#[derive(Default)]
struct Seen {
    etag: Option<Etag>,
    commit: Option<Commit>,
    size: Option<u64>,
}

impl Seen {
    fn read(&mut self, headers: &HeaderMap, is_file: bool) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        // "Linked" is the file behind a redirect; the plain headers are the answer's own, which counts if it is the file.
        let own = |name: &str| if is_file { text(name) } else { None };
        let etag = text("x-linked-etag").or_else(|| own(ETAG.as_str())).and_then(Etag::parse);
        let size = text("x-linked-size").or_else(|| own(CONTENT_LENGTH.as_str())).and_then(|size| size.parse().ok());
        self.etag = self.etag.take().or(etag);
        self.commit = self.commit.take().or_else(|| text("x-repo-commit").and_then(Commit::parse));
        self.size = self.size.or(size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(first_byte("bytes 100-199/200"), Some(100));
        assert_eq!(first_byte("bytes */200"), None);
        assert_eq!(first_byte("100-"), None);
    }
}
