//! A stand-in for the Hub on two loopback addresses: the Hub itself, and the other host that large files are redirected to.
//! That it answers as the real one is checked by the real Python client in `tests/hub.rs`.

#![allow(dead_code, reason = "each test program uses a part of it")]

#[path = "hub_api.rs"]
mod hub_api;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT_RANGES, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, LOCATION, RANGE};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Longer than anything here takes, shorter than a person waits.
const DEADLINE: Duration = Duration::from_secs(30);
/// Bodies are sent in pieces of this size.
const PIECE: usize = 64 * 1024;
/// Questions have no more bytes.
const MOST_ASKED: usize = 1024 * 1024;

/// One repository, at one commit of a branch.
#[derive(Debug, Clone)]
pub struct Repo {
    pub id: String,
    pub branch: String,
    pub commit: String,
    pub files: Vec<RepoFile>,
    pub gated: bool,
    /// What the Hub says of it beside that: tags, downloads, whatever is to be different from the usual.
    pub said: serde_json::Value,
}

#[derive(Debug, Clone)]
pub struct RepoFile {
    pub path: String,
    pub bytes: Vec<u8>,
    /// What the Hub says that it is.
    pub sha256: String,
    /// In large-file storage: on the other host, known by its SHA-256.
    pub large: bool,
    /// So many bytes long: `bytes` again and again.
    pub repeated: Option<u64>,
}

impl RepoFile {
    fn new(path: &str, bytes: &[u8], large: bool) -> Self {
        Self { path: path.to_owned(), bytes: bytes.to_owned(), sha256: sha256(bytes), large, repeated: None }
    }

    pub fn size(&self) -> u64 {
        self.repeated.unwrap_or(self.bytes.len() as u64)
    }

    /// The bytes from one place to another.
    pub fn part(&self, from: u64, to: u64) -> Vec<u8> {
        let mut part = Vec::with_capacity(usize::try_from(to - from).expect("a part"));
        let len = self.bytes.len() as u64;
        let mut at = from;
        while at < to {
            let start = usize::try_from(at % len).expect("a place");
            let take = (self.bytes.len() - start).min(usize::try_from(to - at).expect("a part"));
            part.extend_from_slice(&self.bytes[start..start + take]);
            at += take as u64;
        }
        part
    }
}

impl Repo {
    pub fn new(id: &str, commit: char) -> Self {
        Self {
            id: id.to_owned(),
            branch: "main".to_owned(),
            commit: commit.to_string().repeat(40),
            files: Vec::new(),
            gated: false,
            said: serde_json::Value::Null,
        }
    }

    #[must_use]
    pub fn branch(self, branch: &str) -> Self {
        Self { branch: branch.to_owned(), ..self }
    }

    /// Whether it is at this revision, as an address names one.
    fn is(&self, revision: &str) -> bool {
        self.branch.replace('/', "%2F") == revision || self.commit == revision
    }

    #[must_use]
    pub fn said(self, said: serde_json::Value) -> Self {
        Self { said, ..self }
    }

    #[must_use]
    pub fn large(mut self, path: &str, bytes: &[u8]) -> Self {
        self.files.push(RepoFile::new(path, bytes, true));
        self
    }

    /// A file of any size that is stored nowhere. No two megabytes of it are the same.
    #[must_use]
    pub fn endless(mut self, path: &str, size: u64) -> Self {
        // A prime length, so that its beginning comes to lie elsewhere each time.
        let words = (0..262_144_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes());
        let bytes: Vec<u8> = b"GGUF Q4_0 ".iter().copied().chain(words).take(1_048_573).collect();
        let mut file = RepoFile { repeated: Some(size), sha256: String::new(), ..RepoFile::new(path, &bytes, true) };
        let mut hasher = Sha256::new();
        let mut at = 0;
        while at < size {
            let end = size.min(at + (8 << 20));
            hasher.update(file.part(at, end));
            at = end;
        }
        file.sha256 = hex(&hasher.finalize());
        self.files.push(file);
        self
    }

    #[must_use]
    pub fn small(mut self, path: &str, bytes: &[u8]) -> Self {
        self.files.push(RepoFile::new(path, bytes, false));
        self
    }
}

/// What goes wrong with an answer. Each is used up by one.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nothing, this time.
    Fine,
    /// The connection breaks after so many bytes of the body.
    Cut(usize),
    /// After so many bytes of the body nothing more comes, until [`HubServer::release`].
    Hold(usize),
    /// One bit of the body, counted from its beginning, is another one.
    Flip(usize),
    /// So many bytes more than the file has.
    Longer(usize),
    /// Ends well, so many bytes too early.
    Shorter(usize),
    /// The whole file, whatever part was asked for.
    IgnoreRange,
    /// The storage has another content by this name now.
    Renamed,
    /// A page for people instead of the file, as networks with a login show.
    Page,
    /// This status and header instead of a file.
    Status(u16, Option<(&'static str, &'static str)>),
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub other_host: bool,
    pub method: Method,
    pub path: String,
    pub range: Option<String>,
    pub authorization: Option<String>,
}

#[derive(Default)]
struct State {
    repos: Vec<Repo>,
    /// Without it private and gated things are refused.
    token: Option<String>,
    /// The token is good, and its owner may still not read gated repositories.
    no_grant: bool,
    bodies: VecDeque<Fault>,
    answers: VecDeque<Fault>,
    seen: Vec<Seen>,
    signatures: u64,
}

pub struct HubServer {
    /// What `HF_ENDPOINT` is set to.
    pub endpoint: String,
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
    released: watch::Sender<bool>,
    sent: Arc<AtomicU64>,
    line: Arc<Mutex<Line>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for HubServer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

#[derive(Clone)]
struct Context {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
    released: watch::Sender<bool>,
    /// Bytes of bodies that have left the house.
    sent: Arc<AtomicU64>,
    line: Arc<Mutex<Line>>,
    endpoint: String,
    other_host: String,
}

/// All bodies together go over it.
#[derive(Debug, Default)]
struct Line {
    /// As fast as it goes, if there is none.
    bytes_per_second: Option<u64>,
    /// When the next byte may leave.
    free: Option<Instant>,
}

impl Line {
    /// When so many bytes may leave that wait now.
    fn next(&mut self, bytes: u64) -> Option<Instant> {
        let rate = self.bytes_per_second?;
        let now = Instant::now();
        // Clocks wake late: what was not sent in a moment is sent in the next.
        let free = self.free.filter(|free| now.saturating_duration_since(*free) < Duration::from_millis(10));
        let free = free.unwrap_or(now);
        self.free = Some(free + Duration::from_nanos(bytes * 1_000_000_000 / rate));
        Some(free)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HubServer {
    pub async fn start(repos: Vec<Repo>) -> Self {
        let hub = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let other = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = |listener: &TcpListener| format!("http://{}", listener.local_addr().expect("an address"));
        let endpoint = address(&hub);
        let context = Context {
            state: Arc::new(Mutex::new(State { repos, ..State::default() })),
            changed: watch::Sender::new(0),
            released: watch::Sender::new(false),
            sent: Arc::default(),
            line: Arc::default(),
            endpoint: endpoint.clone(),
            other_host: address(&other),
        };
        let serve = |listener: TcpListener, other_host: bool| {
            let context = context.clone();
            let router = Router::new().fallback(move |request: Request<Body>| {
                let context = context.clone();
                async move {
                    let (head, body) = request.into_parts();
                    let body = axum::body::to_bytes(body, MOST_ASKED).await.expect("a question");
                    Ok::<_, Infallible>(context.answer(&Request::from_parts(head, body), other_host))
                }
            });
            tokio::spawn(async move {
                axum::serve(listener, router).await.expect("serves");
            })
        };
        let tasks = vec![serve(hub, false), serve(other, true)];
        let Context { state, changed, released, sent, line, .. } = context;
        Self { endpoint, state, changed, released, sent, line, tasks }
    }

    /// Only this token opens what is gated; with `no_grant` not even it.
    pub fn ask_for(&self, token: &str, no_grant: bool) {
        let mut state = lock(&self.state);
        state.token = Some(token.to_owned());
        state.no_grant = no_grant;
    }

    pub fn replace(&self, repo: Repo) {
        let mut state = lock(&self.state);
        state.repos.retain(|other| (&other.id, &other.branch) != (&repo.id, &repo.branch));
        state.repos.push(repo);
    }

    /// What happens to the next bodies (answers to GET with a file in them), in order.
    pub fn spoil_bodies(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.state).bodies.extend(faults);
    }

    /// What happens to the next answers of the Hub itself (not the other host), in order.
    pub fn spoil_answers(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.state).answers.extend(faults);
    }

    /// Lets bodies that are held go on, and all later ones.
    pub fn release(&self) {
        self.released.send_replace(true);
    }

    /// All bodies together are no faster than this from now on: then nothing waits in the system's buffers to be lost.
    pub fn pace(&self, bytes_per_second: u64) {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).bytes_per_second = Some(bytes_per_second);
    }

    /// Bytes of bodies that were sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.state).seen.clone()
    }

    /// Waits until what was requested so far satisfies a condition.
    pub async fn until(&self, what: &str, condition: impl Fn(&[Seen]) -> bool) {
        let mut changed = self.changed.subscribe();
        let wait = async {
            while !condition(&lock(&self.state).seen) {
                changed.changed().await.expect("the server runs");
            }
        };
        assert!(tokio::time::timeout(DEADLINE, wait).await.is_ok(), "{what} never happened: {:#?}", self.seen());
    }
}

impl Context {
    fn answer(&self, request: &Request<Bytes>, other_host: bool) -> Response<Body> {
        let header = |name| request.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let seen = Seen {
            other_host,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            range: header(RANGE),
            authorization: header(AUTHORIZATION),
        };
        let mut state = lock(&self.state);
        state.seen.push(seen.clone());
        self.changed.send_modify(|count| *count += 1);
        if other_host {
            return self.storage(&mut state, &seen, request.uri().query().unwrap_or(""));
        }
        if let Some(Fault::Status(status, extra)) = state.answers.pop_front() {
            let mut response = plain(status, "", "<html>no</html>");
            if let Some((name, value)) = extra {
                response.headers_mut().insert(name, value.parse().expect("a header"));
            }
            return response;
        }
        let path = seen.path.trim_start_matches('/').to_owned();
        let parts: Vec<&str> = path.split('/').collect();
        let query = form(request.uri().query().unwrap_or(""));
        match parts.as_slice() {
            ["api", "whoami-v2"] if authorised(&state, &seen) => {
                json(&serde_json::json!({ "type": "user", "name": "somebody" }))
            }
            ["api", "whoami-v2"] => plain(401, "", "Invalid username or password."),
            ["api", "models"] if seen.authorization.is_some() && !authorised(&state, &seen) => {
                plain(401, "", "Invalid credentials in Authorization header")
            }
            ["api", "models"] => paged(hub_api::search(&state.repos, &query, &self.endpoint)),
            ["api", "models", owner, name, "tree", revision] => {
                let mut next = None;
                let mut response = about(&state, &seen, &format!("{owner}/{name}"), revision, |repo| {
                    let page = hub_api::tree(repo, &query, &self.endpoint);
                    next = page.next;
                    page.rows
                });
                link(&mut response, next);
                response
            }
            ["api", "models", owner, name] => {
                about(&state, &seen, &format!("{owner}/{name}"), "main", |repo| hub_api::model_info(repo, &query))
            }
            ["api", "models", owner, name, "revision", revision] => {
                about(&state, &seen, &format!("{owner}/{name}"), revision, |repo| hub_api::model_info(repo, &query))
            }
            ["api", "models", owner, name, "paths-info", revision] => {
                let asked = asked_paths(request);
                about(&state, &seen, &format!("{owner}/{name}"), revision, |repo| paths_info(repo, &asked))
            }
            ["api", "resolve-cache", "models", owner, name, commit, file @ ..] => {
                self.small_file(&mut state, &seen, &format!("{owner}/{name}"), commit, &file.join("/"))
            }
            [owner, name, "resolve", revision, file @ ..] => {
                self.resolve(&mut state, &seen, &format!("{owner}/{name}"), revision, &file.join("/"))
            }
            _ => plain(404, "", "no such page"),
        }
    }

    /// `/{repo}/resolve/{revision}/{file}`: says what the file is and redirects to where it is.
    fn resolve(&self, state: &mut State, seen: &Seen, id: &str, revision: &str, path: &str) -> Response<Body> {
        let authorised = authorised(state, seen);
        let Some(repo) = at(state, id, revision).cloned() else { return no_repo(authorised) };
        if repo.gated && !authorised {
            return plain(401, "GatedRepo", "Access to this model is restricted, you must be authenticated");
        }
        if repo.gated && state.no_grant {
            return plain(403, "GatedRepo", "Access to this model is restricted, you are not in the authorized list");
        }
        if !repo.is(revision) {
            return plain(404, "RevisionNotFound", &format!("Invalid rev id: {revision}"));
        }
        let Some(file) = repo.files.iter().find(|file| file.path == path) else {
            let mut response = plain(404, "EntryNotFound", "Entry not found");
            set(&mut response, "x-repo-commit", &repo.commit);
            return response;
        };
        state.signatures += 1;
        let (status, location) = if file.large {
            (302, format!("{}/bridge/{id}/{}/{path}?signature={}", self.other_host, repo.commit, state.signatures))
        } else {
            (307, format!("/api/resolve-cache/models/{id}/{}/{path}", repo.commit))
        };
        let mut response = plain(status, "", "moved");
        set(&mut response, LOCATION.as_str(), &location);
        set(&mut response, "x-repo-commit", &repo.commit);
        set(&mut response, "x-linked-etag", &format!("\"{}\"", etag(file)));
        set(&mut response, ACCEPT_RANGES.as_str(), "bytes");
        if file.large {
            set(&mut response, "x-linked-size", &file.size().to_string());
        }
        response
    }

    /// The second half of a small file's redirect, still on the Hub.
    fn small_file(&self, state: &mut State, seen: &Seen, id: &str, commit: &str, path: &str) -> Response<Body> {
        let repo = at(state, id, commit).cloned();
        let found =
            repo.and_then(|repo| Some((repo.files.iter().find(|file| file.path == path)?.clone(), repo.commit)));
        let Some((file, commit)) = found else { return plain(404, "EntryNotFound", "Entry not found") };
        let mut response = self.body(state, seen, &file, &etag(&file));
        set(&mut response, "x-repo-commit", &commit);
        response
    }

    /// The other host: takes only signed addresses, and no token beside them.
    fn storage(&self, state: &mut State, seen: &Seen, query: &str) -> Response<Body> {
        if seen.authorization.is_some() {
            return plain(400, "", "Only one auth mechanism allowed");
        }
        let signed = query.strip_prefix("signature=").and_then(|number| number.parse::<u64>().ok());
        if signed.is_none_or(|number| number == 0 || number > state.signatures) {
            return plain(403, "", "Missing or expired signature");
        }
        let file = seen.path.strip_prefix("/bridge/").and_then(|path| {
            state.repos.iter().find_map(|repo| {
                let path = path.strip_prefix(&format!("{}/{}/", repo.id, repo.commit))?;
                repo.files.iter().find(|file| file.path == path).cloned()
            })
        });
        match file {
            // Storage has names of its own for contents.
            Some(file) => self.body(state, seen, &file, &format!("storage-{}", &etag(&file)[..16])),
            None => plain(404, "", "NoSuchKey"),
        }
    }

    /// A file or the part of it that was asked for, with whatever is to go wrong.
    fn body(&self, state: &mut State, seen: &Seen, file: &RepoFile, etag: &str) -> Response<Body> {
        let fault = if seen.method == Method::GET { state.bodies.pop_front() } else { None }.unwrap_or(Fault::Fine);
        if let Fault::Status(status, _) = fault {
            return plain(status, "", "no");
        }
        if let Fault::Page = fault {
            let mut response = Response::new(Body::from("<html>Please log in</html>"));
            set(&mut response, "content-type", "text/html; charset=utf-8");
            return response;
        }
        let whole = file.size() - if let Fault::Shorter(by) = fault { by as u64 } else { 0 };
        let from = seen.range.as_deref().filter(|_| !matches!(fault, Fault::IgnoreRange)).and_then(|range| {
            let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
            Some((from.parse::<u64>().ok()?, to.parse::<u64>().ok()))
        });
        let mut response = Response::new(Body::empty());
        let mut part = 0..whole;
        if let Some((from, to)) = from {
            if from >= whole {
                let mut response = plain(416, "", "");
                set(&mut response, CONTENT_RANGE.as_str(), &format!("bytes */{whole}"));
                return response;
            }
            let to = to.unwrap_or(whole - 1).min(whole - 1);
            part = from..to + 1;
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(&mut response, CONTENT_RANGE.as_str(), &format!("bytes {from}-{to}/{whole}"));
        }
        let longer = if let Fault::Longer(by) = fault { by as u64 } else { 0 };
        let name = if let Fault::Renamed = fault { "something-else" } else { etag };
        set(&mut response, ETAG.as_str(), &format!("\"{name}\""));
        set(&mut response, ACCEPT_RANGES.as_str(), "bytes");
        set(&mut response, CONTENT_LENGTH.as_str(), &(part.end - part.start + longer).to_string());
        if seen.method != Method::HEAD {
            *response.body_mut() = self.stream(Arc::new(file.clone()), part, &fault);
        }
        response
    }

    fn stream(&self, file: Arc<RepoFile>, part: Range<u64>, fault: &Fault) -> Body {
        let (stop, hold) = match fault {
            Fault::Cut(at) => (Some(*at as u64), false),
            Fault::Hold(at) => (Some(*at as u64), true),
            _ => (None, false),
        };
        let flip = if let Fault::Flip(at) = fault { Some(*at as u64) } else { None };
        let end = part.end - part.start + if let Fault::Longer(by) = fault { *by as u64 } else { 0 };
        let (released, count) = (self.released.subscribe(), Arc::clone(&self.sent));
        let line = Arc::clone(&self.line);
        let steps = futures::stream::unfold((0, released), move |(sent, mut released)| {
            let (file, part, count) = (Arc::clone(&file), part.clone(), Arc::clone(&count));
            let line = Arc::clone(&line);
            async move {
                if sent >= end {
                    return None;
                }
                let mut to = (sent + PIECE as u64).min(end);
                if let Some(stop) = stop {
                    if sent >= stop && hold {
                        // Ends when the server does, which is as good as released.
                        let _ = released.wait_for(|released| *released).await;
                    } else if sent >= stop {
                        // What was sent before has to leave the house first: an error drops what is still waiting.
                        for _ in 0..8 {
                            tokio::task::yield_now().await;
                        }
                        return Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), (u64::MAX, released)));
                    } else {
                        to = to.min(stop);
                    }
                }
                let mut piece =
                    file.part(part.start + sent.min(part.end - part.start), (part.start + to).min(part.end));
                piece.resize(usize::try_from(to - sent).expect("a piece"), b'+');
                if let Some(at) = flip.filter(|at| (sent..to).contains(at)) {
                    piece[usize::try_from(at - sent).expect("a place")] ^= 1;
                }
                let next = line.lock().unwrap_or_else(PoisonError::into_inner).next(to - sent);
                if let Some(next) = next {
                    tokio::time::sleep_until(next.into()).await;
                }
                count.fetch_add(to - sent, Ordering::Relaxed);
                Some((Ok(Bytes::from(piece)), (to, released)))
            }
        });
        Body::from_stream(steps)
    }
}

fn authorised(state: &State, seen: &Seen) -> bool {
    state.token.is_some()
        && seen.authorization.as_deref() == state.token.as_ref().map(|token| format!("Bearer {token}")).as_deref()
}

/// A repository at a revision; where it has none of that name, at another one.
fn at<'a>(state: &'a State, id: &str, revision: &str) -> Option<&'a Repo> {
    let known = || state.repos.iter().filter(|repo| repo.id == id);
    known().find(|repo| repo.is(revision)).or_else(|| known().next())
}

/// Strangers are not told whether it is private or isn't there.
fn no_repo(authorised: bool) -> Response<Body> {
    if authorised {
        plain(404, "RepoNotFound", "Repository not found")
    } else {
        plain(401, "", "Invalid username or password.")
    }
}

/// A page of the API about a repository, which gated ones have for everybody.
fn about(
    state: &State,
    seen: &Seen,
    id: &str,
    revision: &str,
    page: impl FnOnce(&Repo) -> serde_json::Value,
) -> Response<Body> {
    let authorised = authorised(state, seen);
    if seen.authorization.is_some() && !authorised {
        return plain(401, "", "Invalid credentials in Authorization header");
    }
    let Some(repo) = at(state, id, revision) else { return no_repo(authorised) };
    if !repo.is(revision) {
        return plain(404, "RevisionNotFound", &format!("Invalid rev id: {revision}"));
    }
    json(&page(repo))
}

fn json(page: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::from(page.to_string()));
    set(&mut response, "content-type", "application/json; charset=utf-8");
    response
}

/// The paths of a question about some, written as JSON or as a form.
fn asked_paths(request: &Request<Bytes>) -> Vec<String> {
    let is_json = request.headers().get("content-type").is_some_and(|kind| kind == "application/json");
    if is_json {
        let asked: serde_json::Value = serde_json::from_slice(request.body()).expect("JSON");
        let paths = asked["paths"].as_array().expect("a list").iter();
        return paths.map(|path| path.as_str().expect("a path").to_owned()).collect();
    }
    let asked = form(std::str::from_utf8(request.body()).expect("a form"));
    asked.into_iter().filter(|(name, _)| name == "paths").map(|(_, path)| path).collect()
}

/// Names and values, as queries and forms write them.
fn form(text: &str) -> Vec<(String, String)> {
    let address = reqwest::Url::parse(&format!("http://form/?{text}")).expect("a form");
    address.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// What of these paths there is; the rest is left out.
fn paths_info(repo: &Repo, asked: &[String]) -> serde_json::Value {
    repo.files.iter().filter(|file| asked.contains(&file.path)).map(hub_api::entry).collect()
}

/// A page of a list, with the address of the next one.
fn paged(page: hub_api::Page) -> Response<Body> {
    let mut response = json(&page.rows);
    link(&mut response, page.next);
    response
}

fn link(response: &mut Response<Body>, next: Option<String>) {
    if let Some(next) = next {
        set(response, "link", &next);
    }
}

/// The content's name: its SHA-256 in large-file storage, elsewhere git's own hash.
fn etag(file: &RepoFile) -> String {
    if file.large {
        return file.sha256.clone();
    }
    let mut hasher = <sha1::Sha1 as sha1::Digest>::new();
    sha1::Digest::update(&mut hasher, format!("blob {}\0", file.bytes.len()));
    sha1::Digest::update(&mut hasher, &file.bytes);
    hex(&sha1::Digest::finalize(hasher))
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn plain(status: u16, code: &str, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(message.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    if !code.is_empty() {
        set(&mut response, "x-error-code", code);
    }
    if !response.status().is_redirection() && !message.is_empty() {
        set(&mut response, "x-error-message", message);
    }
    response
}

fn set(response: &mut Response<Body>, name: &str, value: &str) {
    let headers: &mut HeaderMap = response.headers_mut();
    let name: axum::http::HeaderName = name.parse().expect("a header's name");
    headers.insert(name, value.parse().expect("a header's value"));
}
