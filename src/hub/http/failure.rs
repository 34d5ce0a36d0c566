//! What can go wrong with a request: what it means, in words, and whether another one can help.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Response, Url};

use super::Hub;
use crate::domain::model::RepoId;
use crate::error::{ErrorKind, UserError, without_number};

/// What helps where somebody else's certificate is shown: networks of companies do that, and wrong clocks.
const UNTRUSTED: &str = "if this network looks into secure connections, add its certificate to the system's, or set \
                         SSL_CERT_FILE to a file with it; check this machine's clock too";

/// What went wrong with a request, and whether another one can help.
#[derive(Debug)]
pub(in crate::hub) struct Failure {
    pub error: UserError,
    pub retry: Retry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::hub) enum Retry {
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

/// An answer that refuses.
#[derive(Debug, Clone, Copy)]
pub(in crate::hub) struct Refusal<'a> {
    pub status: u16,
    /// The Hub's own word for the reason; empty if it gives none.
    pub code: &'a str,
    /// How long a limit lasts.
    pub wait: Option<Duration>,
}

impl Hub {
    /// Another file goes by this name than before.
    pub(super) fn changed(&self, repo: &RepoId, file: &str) -> Failure {
        Failure::never(
            UserError::new(
                ErrorKind::Checksum,
                format!("{repo}/{file} changed on {} while it was arriving", self.host()),
            )
            .hint("the same command gets the file as it is now; nothing of it was mixed"),
        )
    }

    /// An answer that is none of a Hub.
    pub fn no_hub(&self) -> Failure {
        Failure::never(
            UserError::new(ErrorKind::Network, format!("{} does not answer like a Hugging Face Hub", self.host()))
                .hint("check HF_ENDPOINT, and whether a proxy or a login page of the network answers instead"),
        )
    }

    /// An answer that makes no sense, and may do so another time.
    pub(super) fn odd(&self, what: &str) -> Failure {
        let error = UserError::new(ErrorKind::Network, format!("{} {what}", self.host()))
            .hint("try again later; what has arrived is kept");
        Failure { error, retry: Retry::Soon }
    }

    /// No answer for too long.
    pub fn silent(&self) -> Failure {
        self.odd("did not answer in time")
    }

    /// A body that ended well, but before the file did.
    pub fn ended_early(&self) -> Failure {
        self.odd("ends the file too early")
    }

    /// No answer at all, or none to its end.
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
    pub(super) fn refused(&self, response: &Response, repo: &RepoId, file: &str) -> Failure {
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

/// How long a rate limit lasts: `Retry-After`, or the `t` of the Hub's own header (`"resolvers";r=0;t=258`).
pub(in crate::hub) fn wait_time(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let after = text(RETRY_AFTER.as_str()).and_then(|seconds| seconds.trim().parse().ok());
    let window = || text("ratelimit")?.split(';').find_map(|part| part.trim().strip_prefix("t=")?.parse().ok());
    after.or_else(window).map(Duration::from_secs)
}

/// The innermost cause: the outer ones say little more than "error sending request".
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    without_number(&text).trim_end_matches('.').to_lowercase()
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
}
