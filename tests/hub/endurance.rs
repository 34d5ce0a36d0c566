//! A large file over a bad line, on a machine where the program is killed again and again.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use hobnob::hub::Options;
use tokio::process::{Child, Command};

use crate::hub_server::{Fault, HubServer, Repo, RepoFile};
use crate::made::Made;
use crate::network::{FILE, pull};

const CUTS: u64 = 50;
const KILLS: u64 = 5;
const DEADLINE: Duration = Duration::from_secs(300);

/// Not a test of its own: the process that the others kill.
#[tokio::test]
#[ignore = "run by the other tests here"]
async fn downloads_until_it_is_done_or_killed() {
    let (Ok(endpoint), Some(cache)) = (std::env::var("TEST_ENDPOINT"), std::env::var_os("TEST_CACHE")) else { return };
    let connections = std::env::var("TEST_CONNECTIONS").expect("a number").parse().expect("a number");
    let mut options = Options { connections, endpoint, cache: cache.into(), ..Made::new().options() };
    options.offline = false;
    options.timing.retry = Duration::from_millis(1);
    let model = hobnob::domain::model::ModelRef::parse(FILE).expect("a MODEL");
    let cancel = tokio_util::sync::CancellationToken::new();
    hobnob::hub::pull(&options, &model, &mut |_| {}, cancel).await.expect("pulls");
}

fn start(made: &Made, server: &HubServer, connections: u32) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "endurance::downloads_until_it_is_done_or_killed"])
        .env("TEST_ENDPOINT", &server.endpoint)
        .env("TEST_CACHE", made.cache())
        .env("TEST_CONNECTIONS", connections.to_string())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("starts")
}

/// Compares without holding either in memory.
fn assert_same(path: &Path, file: &RepoFile) {
    use std::io::Read as _;
    let mut here = std::fs::File::open(path).expect("opens");
    let mut buffer = vec![0; 4 << 20];
    let mut at = 0;
    while at < file.size() {
        let len = usize::try_from(file.size() - at).expect("a size").min(buffer.len());
        here.read_exact(&mut buffer[..len]).expect("reads");
        assert!(buffer[..len] == file.part(at, at + len as u64), "another content near {at}");
        at += len as u64;
    }
    assert_eq!(here.read(&mut buffer).expect("reads"), 0, "it is longer");
}

#[allow(clippy::print_stdout, reason = "a figure to report")]
async fn endures(size: u64, connections: u32, bytes_per_second: Option<u64>) {
    let repo = Repo::new("org/m", 'a').endless("m-Q4_0.gguf", size);
    let file = repo.files[0].clone();
    let server = HubServer::start(vec![repo]).await;
    if let Some(pace) = bytes_per_second {
        server.pace(pace);
    }
    let made = Made::new();
    // After so many bytes of a body as chance has it; the same in each run, so that a failure can be looked at.
    let mut chance = 0x2545_F491_u64;
    let mut random = |most: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((chance >> 33) % most).expect("a number")
    };
    server.spoil_bodies((0..CUTS).map(|_| Fault::Cut(random((size / 200).max(1 << 20)))));
    for kill in 1..=KILLS {
        let mut child = start(&made, &server, connections);
        let until = size * kill / (KILLS + 1);
        let reached = async {
            let mut tick = tokio::time::interval(Duration::from_millis(2));
            while server.sent() < until {
                tick.tick().await;
            }
        };
        tokio::time::timeout(DEADLINE, reached).await.expect("bytes come");
        assert!(child.try_wait().expect("asks").is_none(), "it ended by itself");
        child.kill().await.expect("kills");
    }
    let mut last = start(&made, &server, connections);
    let ended = tokio::time::timeout(DEADLINE, last.wait()).await.expect("ends in time").expect("ends");
    assert!(ended.success());
    assert_same(&made.snapshot("org/m", 'a').join("m-Q4_0.gguf"), &file);
    let sent = server.sent();
    #[allow(clippy::cast_precision_loss, reason = "for people")]
    let more = (sent as f64 / size as f64 - 1.0) * 100.0;
    println!("{size} bytes, {CUTS} cuts, {KILLS} kills: {sent} bytes sent, {more:.2} % more");
    assert!(sent <= size + size / 20, "{more:.2} % more than its size");
}

#[tokio::test]
async fn a_file_survives_cuts_and_kills() {
    endures(192 << 20, 2, Some(48 << 20)).await;
}

#[tokio::test]
#[ignore = "writes 2 GB; the same as the one above"]
async fn two_gigabytes_survive_cuts_and_kills() {
    endures(2_000_000_000, 6, Some(64_000_000)).await;
}

#[tokio::test]
#[ignore = "writes 2 GB; the same as the one above, as fast as it goes"]
async fn two_gigabytes_survive_cuts_and_kills_on_a_fast_line() {
    endures(2_000_000_000, 6, None).await;
}

#[tokio::test]
async fn a_journal_that_lies_costs_a_new_start_and_nothing_else() {
    let repo = Repo::new("org/m", 'a').endless("m-Q4_0.gguf", 20 << 20);
    let file = repo.files[0].clone();
    let server = HubServer::start(vec![repo]).await;
    server.spoil_bodies([Fault::Cut(10 << 20), Fault::Status(404, None)]);
    let made = Made::new();
    let mut options = made.options();
    (options.offline, options.endpoint) = (false, server.endpoint.clone());
    pull(&options, FILE).await.expect_err("cut");
    let data = made.repo("org/m").join("blobs").join(format!("{}.hobnob.incomplete", file.sha256));
    let here = std::fs::OpenOptions::new().write(true).open(&data).expect("is there");
    std::os::unix::fs::FileExt::write_all_at(&here, b"damage", 1_000_000).expect("writes");
    let model = pull(&options, FILE).await.expect("pulls");
    assert_same(&model.location, &file);
    let left: Vec<_> = std::fs::read_dir(data.parent().expect("a folder")).expect("reads").flatten().collect();
    assert_eq!(left.len(), 1, "nothing is left beside the blob: {left:?}");
}
