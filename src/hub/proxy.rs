//! The proxies that stand between here and others, so that what goes wrong with one is told by its name.
//!
//! Going through them is the client's own work. What it says of them afterwards is little: that a tunnel was `unsuccessful`,
//! not whose, nor what would help.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

use crate::error::{ErrorKind, UserError};
use crate::hub::http::{Failure, Retry};

/// What the environment says of proxies (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), on a Mac also its settings:
/// read by the same code as the client's.
#[derive(Debug)]
pub(super) struct Proxies(Matcher);

/// One that an address is reached through, for people: without the name and password that it may want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    place: String,
    /// The variable that names it.
    variable: &'static str,
}

impl Proxies {
    pub fn of_this_system() -> Self {
        Self(Matcher::from_system())
    }

    /// The one that an address is reached through, if any.
    pub fn before(&self, url: &Url) -> Option<Proxy> {
        let address = url.as_str().parse().ok()?;
        let intercept = self.0.intercept(&address)?;
        let uri = intercept.uri();
        let host = uri.host()?;
        let place = uri.port_u16().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Some(Proxy { place, variable: if url.scheme() == "https" { "HTTPS_PROXY" } else { "HTTP_PROXY" } })
    }
}

impl Proxy {
    /// Why `host` could not be reached through it, by what the client says of the connection.
    pub fn failure(&self, host: &str, cause: &str) -> Failure {
        let Self { place, .. } = self;
        if cause.contains("proxy authorization required") {
            return self.wants_password(host);
        }
        let (message, hint) = if cause.contains("tunnel error: unsuccessful") {
            (
                format!("the proxy {place} does not connect to {host}"),
                "ask whoever runs it; what can be reached without it is named in NO_PROXY".to_owned(),
            )
        } else {
            (format!("{host} can't be reached through the proxy {place}: {cause}"), self.look())
        };
        Failure { error: UserError::new(ErrorKind::Network, message).hint(hint), retry: Retry::Soon }
    }

    /// It lets nobody through whom it does not know.
    pub fn wants_password(&self, host: &str) -> Failure {
        let Self { place, variable } = self;
        let message = format!("the proxy {place} wants a name and password before it connects to {host}");
        let error = UserError::new(ErrorKind::Network, message)
            .hint(format!("write them into the variable that names it: {variable}=http://NAME:PASSWORD@{place}"));
        Failure { error, retry: Retry::Never }
    }

    fn look(&self) -> String {
        format!("check {} and ALL_PROXY; hosts that need no proxy are named in NO_PROXY", self.variable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_told_without_its_password() {
        let proxies = Proxies(
            Matcher::builder().https("http://me:secret@proxy.example:3128").no("near.example,127.0.0.1").build(),
        );
        let before = |url: &str| proxies.before(&Url::parse(url).expect("an address"));
        let proxy = before("https://huggingface.co/api").expect("a proxy");
        assert_eq!(proxy.place, "proxy.example:3128");
        for direct in ["http://huggingface.co/", "https://near.example/", "https://127.0.0.1:8443/"] {
            assert_eq!(before(direct), None, "{direct}");
        }
        for cause in ["tunnel error: unsuccessful", "tunnel error: proxy authorization required", "connection refused"]
        {
            let error = proxy.failure("huggingface.co", cause).error;
            assert!(error.message.contains("the proxy proxy.example:3128"), "{error}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
}
