//! The Hub over HTTP: what a file is, and its bytes from any position.
//!
//! Redirects are followed here and not by the client, for three reasons: what the Hub says of a file is in the headers of
//! its own answer, before the redirect to where the bytes are; the token must not go to that other host; and addresses
//! there are signed for a while, so that every attempt has to ask the Hub for a new one.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    HeaderValue, LOCATION, RANGE, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, StatusCode, Url};

use crate::domain::model::RepoId;
use crate::error::{ErrorKind, UserError, without_number};
use crate::hub::cache::{Commit, Etag};
use crate::hub::proxy::Proxies;
use crate::hub::{Options, Timing, Token};

const MOST_REDIRECTS: usize = 8;

/// What helps where somebody else's certificate is shown: networks of companies do that, and wrong clocks.
const UNTRUSTED: &str = "if this network looks into secure connections, add its certificate to the system's, or set \
                         SSL_CERT_FILE to a file with it; check this machine's clock too";

pub(super) const USER_AGENT: &str = concat!("hobnob/", env!("CARGO_PKG_VERSION"));

/// What went wrong with a request, and whether another one can help.
#[derive(Debug)]
pub(super) struct Failure {
    pub error: UserError,
    pub retry: Retry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    Never,
    /// After the usual pause.
    Soon,
    /// The server told when.
    After(Duration),
}

impl Failure {
    fn never(error: UserError) -> Self {
        Self { error, retry: Retry::Never }
    }
}

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

/// An answer that refuses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal<'a> {
    pub status: u16,
    /// The Hub's own word for the reason; empty if it gives none.
    pub code: &'a str,
    /// How long a limit lasts.
    pub wait: Option<Duration>,
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

    /// Another file goes by this name than before.
    fn changed(&self, repo: &RepoId, file: &str) -> Failure {
        Failure::never(
            UserError::new(
                ErrorKind::Checksum,
                format!("{repo}/{file} changed on {} while it was arriving", self.host()),
            )
            .hint("the same command gets the file as it is now; nothing of it was mixed"),
        )
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
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken_off(&error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > most {
                return Err(self.odd("sends a longer file than it should"));
            }
        }
        Ok(bytes)
    }

    /// An answer that is none of a Hub.
    pub fn no_hub(&self) -> Failure {
        Failure::never(
            UserError::new(ErrorKind::Network, format!("{} does not answer like a Hugging Face Hub", self.host()))
                .hint("check HF_ENDPOINT, and whether a proxy or a login page of the network answers instead"),
        )
    }

    /// An answer that makes no sense, and may do so another time.
    fn odd(&self, what: &str) -> Failure {
        let error = UserError::new(ErrorKind::Network, format!("{} {what}", self.host()))
            .hint("try again later; what has arrived is kept");
        Failure { error, retry: Retry::Soon }
    }

    /// The connection broke in the middle of a body.
    pub fn broken_off(&self, error: &reqwest::Error) -> Failure {
        self.transport(error)
    }

    /// No answer for too long.
    pub fn silent(&self) -> Failure {
        self.odd("did not answer in time")
    }

    /// A body that ended well, but before the file did.
    pub fn ended_early(&self) -> Failure {
        self.odd("ends the file too early")
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

    /// No answer at all.
    pub fn transport(&self, error: &reqwest::Error) -> Failure {
        let host = error.url().and_then(Url::host_str).map_or_else(|| self.host(), str::to_owned);
        let cause = if error.is_timeout() { "no answer in time".to_owned() } else { cause(error) };
        if cause.contains("certificate") {
            return Failure::never(
                UserError::new(ErrorKind::Network, format!("the connection to {host} would not be secure: {cause}"))
                    .hint(UNTRUSTED),
            );
        }
        if let Some(proxy) = error.url().filter(|_| error.is_connect()).and_then(|url| self.proxies.before(url)) {
            return proxy.failure(&host, &cause);
        }
        let message = if error.is_timeout() {
            format!("{host} did not answer in time")
        } else {
            format!("{host} can't be reached: {cause}")
        };
        let error = UserError::new(ErrorKind::Network, message)
            .hint("check the connection and the proxy variables, then try again; what has arrived is kept");
        Failure { error, retry: Retry::Soon }
    }

    /// An answer that is no file.
    fn refused(&self, response: &Response, repo: &RepoId, file: &str) -> Failure {
        let headers = response.headers();
        let code = headers.get("x-error-code").and_then(|code| code.to_str().ok()).unwrap_or_default();
        let refusal = Refusal { status: response.status().as_u16(), code, wait: wait_time(headers) };
        self.refusal(refusal, repo, Some(file))
    }

    /// What a refusal means, of a file or of the whole repository.
    pub fn refusal(&self, Refusal { status, code, wait }: Refusal<'_>, repo: &RepoId, file: Option<&str>) -> Failure {
        let what = file.map_or_else(|| repo.to_string(), |file| format!("{repo}/{file}"));
        let page = self.page_of(repo);
        match status {
            _ if code == "GatedRepo" => Failure::never(
                UserError::new(ErrorKind::Unauthorised, format!("{repo} is gated: its owner asks for consent first"))
                    .hint(if self.token.is_some() {
                        format!("ask for access at {page}, with the account whose token is in use")
                    } else {
                        format!("accept the terms at {page}, then set HF_TOKEN or run `hf auth login`")
                    }),
            ),
            // To strangers the Hub says 401 of a repository that isn't there: it may be private.
            401 if self.token.is_none() => Failure::never(
                UserError::new(ErrorKind::Unauthorised, format!("{repo} does not exist, or is private"))
                    .hint("check the name; for a private repository set HF_TOKEN or run `hf auth login`"),
            ),
            401 => Failure::never(
                UserError::new(ErrorKind::Unauthorised, format!("{} refused the token for {repo}", self.host()))
                    .hint("check the name and HF_TOKEN, or log in again with `hf auth login`"),
            ),
            403 => Failure::never(
                UserError::new(ErrorKind::Unauthorised, format!("{} does not give out {what}", self.host()))
                    .hint(format!("see {page} for what it asks for")),
            ),
            416 => Failure::never(
                UserError::new(ErrorKind::Checksum, format!("{what} is shorter than {} announces", self.host()))
                    .hint("try again later: the file may have just been changed"),
            ),
            404 => Failure::never(missing(code, repo, file).hint(format!("see what there is at {page}"))),
            429 => self.limited(wait),
            408 | 500..=599 => self.troubled(status),
            407 => self.behind_a_proxy(),
            other => Failure::never(
                UserError::new(ErrorKind::Network, format!("{} answered {what} with status {other}", self.host()))
                    .hint("check HF_ENDPOINT, and whether a proxy answers instead"),
            ),
        }
    }

    /// Something is wrong on its side.
    pub fn troubled(&self, status: u16) -> Failure {
        let error =
            UserError::new(ErrorKind::Network, format!("{} has trouble answering (status {status})", self.host()))
                .hint("try again later; what has arrived is kept");
        Failure { error, retry: Retry::Soon }
    }

    /// Nothing but a proxy answers so.
    pub fn behind_a_proxy(&self) -> Failure {
        let proxy = self.proxies.before(&self.endpoint);
        proxy.map_or_else(|| self.no_hub(), |proxy| proxy.wants_password(&self.host()))
    }

    /// It was asked too often.
    pub fn limited(&self, wait: Option<Duration>) -> Failure {
        let error = UserError::new(ErrorKind::RateLimited, format!("{} asks for fewer requests", self.host())).hint(
            match (wait, &self.token) {
                (Some(wait), _) => format!("try again in {} s; what has arrived is kept", wait.as_secs()),
                (None, None) => "try again in five minutes, or set HF_TOKEN for a higher limit".to_owned(),
                (None, Some(_)) => "try again in five minutes; what has arrived is kept".to_owned(),
            },
        );
        Failure { error, retry: wait.map_or(Retry::Never, Retry::After) }
    }
}

fn missing(code: &str, repo: &RepoId, file: Option<&str>) -> UserError {
    let message = match (code, file) {
        ("RevisionNotFound", _) => format!("{repo} has no such revision"),
        ("RepoNotFound", _) | (_, None) => format!("there is no repository {repo}"),
        (_, Some(file)) => format!("{repo} has no file {file}"),
    };
    UserError::new(ErrorKind::ModelNotFound, message)
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

/// How long a rate limit lasts: `Retry-After`, or the `t` of the Hub's own header (`"resolvers";r=0;t=258`).
pub(super) fn wait_time(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let after = text(RETRY_AFTER.as_str()).and_then(|seconds| seconds.trim().parse().ok());
    let window = || text("ratelimit")?.split(';').find_map(|part| part.trim().strip_prefix("t=")?.parse().ok());
    after.or_else(window).map(Duration::from_secs)
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

/// The innermost cause: the outer ones say little more than "error sending request".
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    without_number(&text).trim_end_matches('.').to_lowercase()
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
    fn limits_tell_how_long() {
        let with = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().expect("a value"));
            wait_time(&headers)
        };
        assert_eq!(with("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(with("ratelimit", "\"resolvers\";r=0;t=258"), Some(Duration::from_secs(258)));
        assert_eq!(with("ratelimit", "nonsense"), None);
    }

    #[test]
    fn ranges_are_read() {
        assert_eq!(first_byte("bytes 100-199/200"), Some(100));
        assert_eq!(first_byte("bytes */200"), None);
        assert_eq!(first_byte("100-"), None);
    }
}
