//! Downloads against the stand-in Hub.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::Method;
use hobnob::domain::hub::Local;
use hobnob::domain::model::{LocalModel, ModelRef};
use hobnob::domain::{DownloadState, HubCmd, HubEvent, JobId};
use hobnob::error::{ErrorKind, UserError};
use hobnob::hub::{self, HubHandle, Options, Token};
use tokio_util::sync::CancellationToken;

use crate::hub_server::{Fault, HubServer, Repo, Seen, sha256};
use crate::made::{Made, parse, references};

pub const FILE: &str = "org/m/m-Q4_0.gguf";
pub const DEADLINE: Duration = Duration::from_secs(30);
/// What the journal counts in.
const PIECE: usize = 128 << 10;

/// 3 MB that are a model for the probe, and differ everywhere.
pub fn content() -> Vec<u8> {
    let mut bytes = b"GGUF Q4_0 ".to_vec();
    bytes.extend((0..750_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()));
    bytes
}

pub fn repo() -> Repo {
    Repo::new("org/m", 'a').large("m-Q4_0.gguf", &content())
}

pub struct Net {
    pub made: Made,
    pub server: HubServer,
}

impl Net {
    pub async fn new(repo: Repo) -> Self {
        Self { made: Made::new(), server: HubServer::start(vec![repo]).await }
    }

    pub fn options(&self) -> Options {
        let mut options = self.made.options();
        options.offline = false;
        options.endpoint.clone_from(&self.server.endpoint);
        options.timing.retry = Duration::from_millis(1);
        options
    }

    pub async fn pull(&self, model: &str) -> Result<LocalModel, UserError> {
        pull(&self.options(), model).await
    }

    pub fn blob(&self, bytes: &[u8]) -> PathBuf {
        self.made.repo("org/m").join("blobs").join(sha256(bytes))
    }

    pub fn incomplete(&self, bytes: &[u8]) -> PathBuf {
        self.made.repo("org/m").join("blobs").join(format!("{}.hobnob.incomplete", sha256(bytes)))
    }

    /// What the Python client and older versions leave.
    fn theirs(&self, bytes: &[u8]) -> PathBuf {
        self.made.repo("org/m").join("blobs").join(format!("{}.incomplete", sha256(bytes)))
    }

    /// Nothing can be seen of the model, by name or by content.
    pub fn assert_invisible(&self) {
        assert!(!self.blob(&content()).exists());
        assert!(hub::scan(&self.options()).0.is_empty());
        assert!(!self.made.snapshot("org/m", 'a').join("m-Q4_0.gguf").exists());
    }
}

pub async fn pull(options: &Options, model: &str) -> Result<LocalModel, UserError> {
    let (model, mut ignore) = (parse(model), |_| {});
    let done = hub::pull(options, &model, &mut ignore, CancellationToken::new());
    tokio::time::timeout(DEADLINE, done).await.expect("ends in time")
}

/// The second request begins after the megabyte that was there, up to a piece that was not whole.
fn assert_goes_on(seen: &[Seen]) {
    let range = bodies(seen)[1].range.clone().expect("a range");
    let start = range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')).expect("to the end");
    let start: usize = start.parse().expect("a number");
    assert!((1_000_000 - PIECE..=2_000_000).contains(&start) && start.is_multiple_of(PIECE), "{range}");
}

pub fn bodies(seen: &[Seen]) -> Vec<&Seen> {
    seen.iter().filter(|seen| seen.other_host && seen.method == Method::GET).collect()
}

#[tokio::test]
async fn a_file_lands_in_the_cache_and_is_not_asked_for_again() {
    let net = Net::new(repo()).await;
    let states = Mutex::new(Vec::new());
    let model = hub::pull(
        &net.options(),
        &parse(FILE),
        &mut |state| states.lock().expect("a list").push(state),
        CancellationToken::new(),
    )
    .await
    .expect("pulls");
    assert_eq!(model.reference, "org/m:Q4_0");
    assert_eq!(model.location, net.made.snapshot("org/m", 'a').join("m-Q4_0.gguf"));
    assert_eq!(fs::read(&model.location).expect("reads"), content());
    let link = fs::read_link(&model.location).expect("a link");
    assert_eq!(link, PathBuf::from(format!("../../blobs/{}", sha256(&content()))));
    assert_eq!(fs::read_to_string(net.made.repo("org/m").join("refs/main")).expect("reads"), "a".repeat(40));
    assert!(!net.incomplete(&content()).exists());
    let states = states.into_inner().expect("a list");
    assert_eq!(states.first(), Some(&DownloadState::Resolving));
    assert!(states.iter().any(|state| matches!(state, DownloadState::Running { total, source, .. }
        if *total == content().len() as u64 && source == "127.0.0.1")));

    let before = net.server.seen().len();
    assert_eq!(net.pull(FILE).await.expect("is there"), model);
    assert_eq!(net.server.seen().len(), before, "no network");
    let mut offline = net.options();
    offline.offline = true;
    assert_eq!(pull(&offline, FILE).await.expect("is there"), model);
}

#[tokio::test]
async fn a_cut_connection_is_resumed_where_it_broke() {
    let net = Net::new(repo()).await;
    net.server.spoil_bodies([Fault::Cut(1_000_000), Fault::Cut(500_000)]);
    let model = net.pull(FILE).await.expect("pulls");
    assert_eq!(fs::read(&model.location).expect("reads"), content());
    let seen = net.server.seen();
    let ranges: Vec<Option<u64>> = bodies(&seen)
        .iter()
        .map(|seen| seen.range.as_deref()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok())
        .collect();
    assert_eq!(ranges, [None, Some(1_000_000), Some(1_500_000)]);
}

#[tokio::test]
async fn an_aborted_download_goes_on_later() {
    let net = Net::new(repo()).await;
    net.server.spoil_bodies([Fault::Hold(2_000_000)]);
    let options = net.options();
    let task = tokio::spawn(async move { pull(&options, FILE).await });
    let incomplete = net.incomplete(&content());
    wait_for("a megabyte on disk", || fs::metadata(&incomplete).is_ok_and(|meta| meta.len() >= 1_000_000)).await;
    task.abort();
    assert!(task.await.expect_err("aborted").is_cancelled());
    net.assert_invisible();

    let model = net.pull(FILE).await.expect("pulls");
    assert_eq!(fs::read(&model.location).expect("reads"), content());
    assert_goes_on(&net.server.seen());
}

#[tokio::test]
async fn what_has_arrived_is_on_disk_soon_also_when_nothing_more_comes() {
    let net = Net::new(repo()).await;
    net.server.spoil_bodies([Fault::Hold(1_234_567)]);
    let options = net.options();
    let task = tokio::spawn(async move { pull(&options, FILE).await });
    let incomplete = net.incomplete(&content());
    let before = std::time::Instant::now();
    wait_for("all of it on disk", || fs::metadata(&incomplete).is_ok_and(|meta| meta.len() == 1_234_567)).await;
    assert!(before.elapsed() < net.options().timing.stalled / 2, "took {:?}", before.elapsed());
    task.abort();
}

/// Not a test of its own: the process that the next one kills.
#[tokio::test]
#[ignore = "run by a_killed_download_goes_on_later"]
async fn downloads_until_it_is_killed() {
    let (Ok(endpoint), Some(cache)) = (std::env::var("TEST_ENDPOINT"), std::env::var_os("TEST_CACHE")) else { return };
    let made = Made::new();
    let mut options = made.options();
    options.offline = false;
    options.endpoint = endpoint;
    options.cache = cache.into();
    pull(&options, FILE).await.expect_err("it is killed before");
}

#[tokio::test]
async fn a_killed_download_goes_on_later() {
    let net = Net::new(repo()).await;
    net.server.spoil_bodies([Fault::Hold(2_000_000)]);
    let mut child = tokio::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "network::downloads_until_it_is_killed"])
        .env("TEST_ENDPOINT", &net.server.endpoint)
        .env("TEST_CACHE", net.made.cache())
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("starts");
    let incomplete = net.incomplete(&content());
    wait_for("a megabyte on disk", || fs::metadata(&incomplete).is_ok_and(|meta| meta.len() >= 1_000_000)).await;
    child.kill().await.expect("kills");
    net.assert_invisible();

    let model = net.pull(FILE).await.expect("pulls");
    assert_eq!(fs::read(&model.location).expect("reads"), content());
    assert_goes_on(&net.server.seen());
}

#[tokio::test]
async fn a_cancelled_download_keeps_what_has_arrived() {
    let net = Net::new(repo()).await;
    net.server.spoil_bodies([Fault::Hold(700_000)]);
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let options = net.options();
    let arrived = Arc::new(tokio::sync::Notify::new());
    let tell = Arc::clone(&arrived);
    let task = tokio::spawn(async move {
        let mut progress = |state| {
            if matches!(state, DownloadState::Running { done, .. } if done > 0) {
                tell.notify_one();
            }
        };
        hub::pull(&options, &parse(FILE), &mut progress, stop).await
    });
    tokio::time::timeout(DEADLINE, arrived.notified()).await.expect("bytes arrive");
    cancel.cancel();
    let error = tokio::time::timeout(DEADLINE, task).await.expect("ends").expect("ends well").expect_err("cancelled");
    assert_eq!(error.kind, ErrorKind::Cancelled);
    assert!(fs::metadata(net.incomplete(&content())).expect("kept").len() > 0);
    net.assert_invisible();
}

#[tokio::test]
async fn wrong_bytes_are_never_seen() {
    for fault in [Fault::Flip(1_234_567), Fault::Longer(10)] {
        let net = Net::new(repo()).await;
        net.server.spoil_bodies([fault]);
        let error = net.pull(FILE).await.expect_err("wrong bytes");
        assert_eq!(error.kind, ErrorKind::Checksum, "{error}");
        assert!(error.message.contains("org/m/m-Q4_0.gguf") && error.hint.is_some());
        net.assert_invisible();
        assert!(!net.incomplete(&content()).exists());
        net.pull(FILE).await.expect("the next attempt is clean");
    }
}

#[tokio::test]
async fn a_file_that_ends_too_early_is_asked_for_again() {
    let net = Net::new(repo()).await;
    net.server.spoil_bodies([Fault::Shorter(100), Fault::Shorter(50)]);
    let model = net.pull(FILE).await.expect("pulls");
    assert_eq!(fs::read(&model.location).expect("reads"), content());
}

#[tokio::test]
async fn damage_to_what_an_earlier_attempt_left_costs_a_new_start_only() {
    let net = Net::new(repo()).await;
    fs::create_dir_all(net.made.repo("org/m").join("blobs")).expect("makes");
    for left in [b"rubbish".to_vec(), vec![0; content().len()], vec![1; content().len() + 5]] {
        fs::write(net.theirs(&content()), left).expect("writes");
        let model = net.pull(FILE).await.expect("pulls");
        assert_eq!(fs::read(&model.location).expect("reads"), content());
        fs::remove_dir_all(net.made.snapshot("org/m", 'a')).expect("removes");
        fs::remove_file(net.blob(&content())).expect("removes");
    }
}

#[tokio::test]
async fn a_server_that_ignores_ranges_is_understood() {
    let net = Net::new(repo()).await;
    net.server.spoil_bodies([Fault::Cut(1_000_000), Fault::IgnoreRange]);
    let model = net.pull(FILE).await.expect("pulls");
    assert_eq!(fs::read(&model.location).expect("reads"), content());
}

#[tokio::test]
async fn a_file_that_changed_meanwhile_begins_anew() {
    let net = Net::new(repo()).await;
    net.server.spoil_bodies([Fault::Cut(1_000_000), Fault::Status(404, None)]);
    net.pull(FILE).await.expect_err("refused");
    assert!(net.incomplete(&content()).exists());
    let newer: Vec<u8> = content().iter().rev().copied().collect();
    net.server.replace(Repo::new("org/m", 'b').large("m-Q4_0.gguf", &newer));
    let model = net.pull(FILE).await.expect("pulls");
    assert_eq!(fs::read(&model.location).expect("reads"), newer);
    assert_eq!(model.location, net.made.snapshot("org/m", 'b').join("m-Q4_0.gguf"));
    let seen = net.server.seen();
    assert_eq!(bodies(&seen).last().expect("one").range, None);
}

#[tokio::test]
async fn trouble_passes_and_refusals_do_not() {
    let net = Net::new(repo()).await;
    net.server.spoil_answers([Fault::Status(503, None), Fault::Status(429, Some(("retry-after", "0"))), Fault::Fine]);
    net.server.spoil_bodies([Fault::Status(500, None)]);
    net.pull(FILE).await.expect("trouble passes");

    let net = Net::new(repo()).await;
    net.server.spoil_answers(std::iter::repeat_n(Fault::Status(502, None), 10));
    assert_eq!(net.pull(FILE).await.expect_err("all the time").kind, ErrorKind::Network);
    assert_eq!(net.server.seen().len(), 5, "it gives up");

    let limit = ("ratelimit", "\"resolvers\";r=0;t=258");
    let net = Net::new(repo()).await;
    net.server.spoil_answers([Fault::Status(429, Some(limit))]);
    let error = net.pull(FILE).await.expect_err("limited");
    assert_eq!(error.kind, ErrorKind::RateLimited);
    assert!(error.hint.expect("a hint").contains("258 s"));
    assert_eq!(net.server.seen().len(), 1, "a long limit is not sat out");
}

#[tokio::test]
async fn a_download_that_has_begun_outlasts_the_network() {
    let net = Net::new(repo()).await;
    let mut options = net.options();
    options.timing.attempts = 1;
    let waits = Mutex::new(Vec::new());
    let mut progress = |state| {
        if let DownloadState::Waiting { done, total, error, .. } = state {
            waits.lock().expect("a list").push((done, total, error.kind));
        }
    };
    // More often than it would without a byte between them.
    let faults = (0..12).map(|_| Fault::Cut(200_000));
    net.server.spoil_bodies(faults);
    let (model, cancel) = (parse(FILE), CancellationToken::new());
    let pulled = hub::pull(&options, &model, &mut progress, cancel);
    let model = tokio::time::timeout(DEADLINE, pulled).await.expect("ends in time").expect("pulls");
    assert_eq!(fs::read(&model.location).expect("reads"), content());
    let waits = waits.into_inner().expect("a list");
    assert!(waits.len() >= 12, "{waits:?}");
    assert!(
        waits.iter().all(|(done, total, kind)| {
            *done > 0 && *total == content().len() as u64 && *kind == ErrorKind::Network
        })
    );

    // One that never comes back is given up in the end, and a stop ends the waiting.
    let net = Net::new(repo()).await;
    let faults = (0..100).map(|_| Fault::Status(502, None));
    net.server.spoil_bodies([Fault::Cut(1_000_000)].into_iter().chain(faults));
    let mut options = Options { endpoint: net.server.endpoint.clone(), ..options };
    options.cache = net.made.cache();
    options.timing.retry = Duration::from_micros(10);
    assert_eq!(pull(&options, FILE).await.expect_err("all the time").kind, ErrorKind::Network);
    assert_eq!(bodies(&net.server.seen()).len(), 1 + 8);
    options.timing.retry = Duration::from_secs(3600);
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let mut progress = move |state| {
        if let DownloadState::Waiting { .. } = state {
            stop.cancel();
        }
    };
    let model = parse(FILE);
    let stopped = tokio::time::timeout(DEADLINE, hub::pull(&options, &model, &mut progress, cancel)).await;
    assert_eq!(stopped.expect("ends in time").expect_err("stopped").kind, ErrorKind::Cancelled);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let net = Net::new(repo()).await;
    let cases = [
        ("org/m/other.gguf", ErrorKind::ModelNotFound, "org/m has no file other.gguf"),
        ("org/m/m-Q4_0.gguf@v9", ErrorKind::ModelNotFound, "org/m has no such revision"),
        ("org/gone/m.gguf", ErrorKind::Unauthorised, "org/gone does not exist, or is private"),
    ];
    for (model, kind, message) in cases {
        let error = net.pull(model).await.expect_err(model);
        assert_eq!((error.kind, error.message.as_str()), (kind, message));
        assert!(error.hint.is_some());
    }
    net.server.ask_for("secret", false);
    let mut options = net.options();
    options.token = Some(Token::new("secret", "HF_TOKEN"));
    let error = pull(&options, "org/gone/m.gguf").await.expect_err("not there");
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::ModelNotFound, "there is no repository org/gone"));
    assert_eq!(net.pull("org/m/config.json").await.expect_err("no model").kind, ErrorKind::Usage);
}

#[tokio::test]
async fn a_gated_repository_says_where_to_ask() {
    let net = Net::new(Repo { gated: true, ..repo() }).await;
    net.server.ask_for("secret", false);
    let error = net.pull(FILE).await.expect_err("gated");
    assert_eq!(error.kind, ErrorKind::Unauthorised);
    assert!(error.hint.expect("a hint").contains(&format!("{}/org/m", net.server.endpoint)));

    let mut options = net.options();
    options.token = Some(Token::new("secret", "HF_TOKEN"));
    net.server.ask_for("secret", true);
    let error = pull(&options, FILE).await.expect_err("not granted");
    assert_eq!(error.kind, ErrorKind::Unauthorised);
    net.server.ask_for("secret", false);
    pull(&options, FILE).await.expect("granted");

    options.token = Some(Token::new("se\u{1}cret", "HF_TOKEN"));
    let before = net.server.seen().len();
    let error = pull(&options, "org/m/other.gguf").await.expect_err("no token");
    assert_eq!(error.kind, ErrorKind::Unauthorised);
    assert!(error.message.contains("HF_TOKEN"), "{error}");
    assert_eq!(net.server.seen().len(), before, "nothing is asked with it");
}

#[tokio::test]
async fn the_token_never_goes_to_another_host() {
    let net = Net::new(Repo { gated: true, ..repo() }.small("s.gguf", b"GGUF Q8_0 small")).await;
    net.server.ask_for("secret", false);
    net.server.spoil_bodies([Fault::Cut(1_000_000)]);
    let mut options = net.options();
    options.token = Some(Token::new("secret", "HF_TOKEN"));
    pull(&options, FILE).await.expect("pulls");
    pull(&options, "org/m/s.gguf").await.expect("pulls");
    let seen = net.server.seen();
    assert_eq!(bodies(&seen).len(), 2);
    for seen in &seen {
        let expected = if seen.other_host { None } else { Some("Bearer secret") };
        assert_eq!(seen.authorization.as_deref(), expected, "{seen:?}");
    }
}

#[tokio::test]
async fn a_split_set_comes_whole() {
    let parts = [b"GGUF Q8_0 one".to_vec(), vec![7; 100_000]];
    let set = Repo::new("org/m", 'a')
        .large("d/big-Q8_0-00001-of-00002.gguf", &parts[0])
        .large("d/big-Q8_0-00002-of-00002.gguf", &parts[1]);
    let net = Net::new(set).await;
    let model = net.pull("org/m/d/big-Q8_0-00002-of-00002.gguf").await.expect("pulls");
    assert_eq!(model.reference, "org/m:Q8_0");
    assert_eq!(model.bytes, (parts[0].len() + parts[1].len()) as u64);
    assert_eq!(fs::read(model.location).expect("reads"), parts[0]);
}

#[tokio::test]
async fn where_there_are_no_links_a_file_is_here_all_the_same() {
    let parts = [b"GGUF Q8_0 one".to_vec(), vec![7; 100_000]];
    let names = ["big-Q8_0-00001-of-00002.gguf", "big-Q8_0-00002-of-00002.gguf"];
    let net = Net::new(Repo::new("org/m", 'a').large(names[0], &parts[0]).large(names[1], &parts[1])).await;
    let snapshot = net.made.snapshot("org/m", 'a');
    fs::create_dir_all(&snapshot).expect("makes");
    // One part as the client leaves it there, and half of the other.
    fs::write(snapshot.join(names[0]), &parts[0]).expect("writes");
    fs::write(snapshot.join(names[1]), &parts[1][..1000]).expect("writes");
    let newest = Options { newest: true, ..net.options() };
    for bodies_asked in [1, 1] {
        let model = pull(&newest, "org/m:Q8_0").await.expect("pulls");
        assert_eq!(model.location, snapshot.join(names[0]));
        assert_eq!(bodies(&net.server.seen()).len(), bodies_asked, "only what was not here");
        assert_eq!(names.map(|name| fs::read(snapshot.join(name)).expect("reads")), parts);
    }
    assert!(!snapshot.join(names[0]).is_symlink());
}

#[tokio::test]
async fn what_is_here_of_a_set_counts_from_the_beginning() {
    let parts = [b"GGUF Q8_0 one".to_vec(), vec![7; 100_000]];
    let names = ["big-Q8_0-00001-of-00002.gguf", "big-Q8_0-00002-of-00002.gguf"];
    let net = Net::new(Repo::new("org/m", 'a').large(names[0], &parts[0]).large(names[1], &parts[1])).await;
    fs::create_dir_all(net.made.repo("org/m").join("blobs")).expect("makes");
    fs::write(net.blob(&parts[1]), &parts[1]).expect("writes");
    let mut told = Vec::new();
    let mut progress = |state| {
        if let DownloadState::Running { done, .. } = state {
            told.push(done);
        }
    };
    // The part that is here has its turn after the other one.
    let options = Options { connections: 1, ..net.options() };
    let model = parse("org/m:Q8_0");
    let pulled = hub::pull(&options, &model, &mut progress, CancellationToken::new());
    tokio::time::timeout(DEADLINE, pulled).await.expect("ends in time").expect("pulls");
    assert!(!told.is_empty() && told.iter().all(|done| *done >= 100_000), "{told:?}");
    assert_eq!(bodies(&net.server.seen()).len(), 1);
}

#[tokio::test]
async fn two_at_once_make_one_copy() {
    let net = Net::new(repo()).await;
    let options = net.options();
    let (a, b) = tokio::join!(pull(&options, FILE), pull(&options, FILE));
    assert_eq!(a.expect("pulls"), b.expect("pulls"));
    assert_eq!(fs::read(net.blob(&content())).expect("reads"), content());
    assert_eq!(bodies(&net.server.seen()).len(), 1, "the second waited for the first");
}

#[tokio::test]
async fn waiting_for_somebody_else_is_told() {
    let net = Net::new(repo()).await;
    let folder = net.made.cache().join(".locks/models--org--m");
    fs::create_dir_all(&folder).expect("makes");
    let theirs = fs::File::create(folder.join(format!("{}.lock", sha256(&content())))).expect("creates");
    theirs.lock().expect("locks");
    let mut theirs = Some(theirs);
    let mut told = Vec::new();
    let mut progress = |state| {
        if let DownloadState::Running { source, .. } = state {
            told.push(source);
            // Once it has been told there is no more reason to hold it up.
            theirs = None;
        }
    };
    let (options, model) = (net.options(), parse(FILE));
    let done = hub::pull(&options, &model, &mut progress, CancellationToken::new());
    tokio::time::timeout(DEADLINE, done).await.expect("ends in time").expect("pulls");
    assert!(told[0].starts_with("another program"), "{told:?}");
}

#[tokio::test]
async fn names_that_lead_out_of_the_cache_are_refused_before_anything_is_asked() {
    let net = Net::new(repo()).await;
    let good = parse(FILE);
    for (file, revision) in [("../../x.gguf", None), ("/etc/x.gguf", None), ("m-Q4_0.gguf", Some("../../main"))] {
        let ModelRef::Hub { repo, .. } = good.clone() else { panic!("a Hub model") };
        let hostile = ModelRef::Hub {
            repo,
            choice: hobnob::domain::model::Choice::File(file.to_owned()),
            revision: revision.map(str::to_owned),
        };
        let error = hub::pull(&net.options(), &hostile, &mut |_| {}, CancellationToken::new()).await.expect_err(file);
        assert_eq!(error.kind, ErrorKind::Usage);
    }
    assert!(net.server.seen().is_empty());
    assert!(!net.made.cache().exists());
}

#[tokio::test]
async fn offline_means_no_request() {
    let net = Net::new(repo()).await;
    let mut options = net.options();
    options.offline = true;
    for model in [FILE, "starter"] {
        let error = pull(&options, model).await.expect_err("not here");
        assert_eq!(error.kind, ErrorKind::ModelNotFound);
        assert!(error.hint.expect("a hint").contains("--offline"));
    }
    assert!(net.server.seen().is_empty());
}

#[tokio::test]
async fn an_unreachable_hub_is_a_network_error_that_names_it() {
    let net = Net::new(repo()).await;
    let mut options = net.options();
    options.endpoint = closed_port();
    options.timing.attempts = 2;
    let error = pull(&options, FILE).await.expect_err("nobody there");
    assert_eq!(error.kind, ErrorKind::Network);
    assert!(error.message.contains("127.0.0.1"), "{error}");
    options.endpoint = "no address".to_owned();
    assert_eq!(pull(&options, FILE).await.expect_err("no address").kind, ErrorKind::Config);
    // A page that is not the Hub's, as networks with a login show.
    net.server.spoil_answers([Fault::Status(200, None)]);
    let error = net.pull(FILE).await.expect_err("a login page");
    assert!(error.message.contains("does not answer like a Hugging Face Hub"), "{error}");
}

#[tokio::test]
async fn a_stalled_server_is_given_up_and_asked_again() {
    let net = Net::new(repo()).await;
    net.server.spoil_bodies([Fault::Hold(1_000_000)]);
    let mut options = net.options();
    options.timing.stalled = Duration::from_millis(200);
    let model = pull(&options, FILE).await.expect("pulls");
    assert_eq!(fs::read(model.location).expect("reads"), content());
}

#[tokio::test]
async fn the_actor_lists_downloads_and_cancels() {
    let net = Net::new(repo()).await;
    net.server.spoil_bodies([Fault::Hold(700_000)]);
    let (hub, mut events) = HubHandle::start(net.options());
    hub.send(HubCmd::ScanLocal);
    let Some(HubEvent::Local(Local { models, problems, unfinished, .. })) = next(&mut events).await else {
        panic!("no list")
    };
    assert_eq!((models, problems, unfinished), (vec![], vec![], vec![]));

    let download = |id| HubCmd::Download { id: JobId(id), model: parse(FILE), newest: false };
    hub.send(download(1));
    loop {
        match next(&mut events).await.expect("an event") {
            HubEvent::Download { id: JobId(1), state: DownloadState::Running { .. } } => break,
            HubEvent::Download { id: JobId(1), state: DownloadState::Resolving } => {}
            other => panic!("{other:?}"),
        }
    }
    hub.send(HubCmd::CancelDownload(JobId(1)));
    assert_eq!(last(&mut events, JobId(1)).await, DownloadState::Cancelled);

    hub.send(download(2));
    let model = match last(&mut events, JobId(2)).await {
        DownloadState::Done { model } => model,
        other => panic!("{other:?}"),
    };
    assert_eq!(fs::read(&model.location).expect("reads"), content());
    hub.send(HubCmd::ScanLocal);
    let Some(HubEvent::Local(Local { models, .. })) = next(&mut events).await else { panic!("no list") };
    assert_eq!(references(&models), ["org/m:Q4_0"]);

    let missing = HubCmd::Download { id: JobId(3), model: parse("org/m/none.gguf"), newest: false };
    hub.send(missing);
    assert!(matches!(last(&mut events, JobId(3)).await, DownloadState::Failed { .. }));
    drop(hub);
    assert_eq!(next(&mut events).await, None, "the events end with the handle");
}

#[tokio::test]
async fn the_actors_end_leaves_nothing_unwritten() {
    let net = Net::new(repo()).await;
    net.server.spoil_bodies([Fault::Hold(700_000)]);
    let (hub, mut events) = HubHandle::start(net.options());
    hub.send(HubCmd::Download { id: JobId(1), model: parse(FILE), newest: false });
    let arrived = loop {
        match next(&mut events).await.expect("an event") {
            HubEvent::Download { state: DownloadState::Running { done, .. }, .. } if done > 0 => break done,
            _ => {}
        }
    };
    tokio::time::timeout(DEADLINE, hub.shutdown()).await.expect("ends in time");
    assert!(fs::metadata(net.incomplete(&content())).expect("kept").len() >= arrived);
    while events.try_recv().is_ok() {}
    assert!(events.is_closed(), "the actor is gone");
}

pub async fn next(events: &mut tokio::sync::mpsc::UnboundedReceiver<HubEvent>) -> Option<HubEvent> {
    tokio::time::timeout(DEADLINE, events.recv()).await.expect("an event in time")
}

/// The state that a download ends in; nothing may come after it.
async fn last(events: &mut tokio::sync::mpsc::UnboundedReceiver<HubEvent>, id: JobId) -> DownloadState {
    loop {
        let Some(HubEvent::Download { id: of, state }) = next(events).await else { panic!("no end") };
        assert_eq!(of, id);
        match state {
            DownloadState::Done { .. } | DownloadState::Cancelled | DownloadState::Failed { .. } => return state,
            // It may have to wait, where the network was spoilt for another one that was gone before that.
            _ => {}
        }
    }
}

/// An address at which nobody listens.
pub fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

/// Waits for something outside that tells nobody when it happens.
pub async fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        while !condition() {
            tick.tick().await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, wait).await.is_ok(), "{what} never happened");
}
