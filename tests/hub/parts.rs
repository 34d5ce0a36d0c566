//! Several files and several parts at once, and what must not be made of their answers.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hobnob::domain::DownloadState;
use hobnob::domain::model::LocalModel;
use hobnob::error::{ErrorKind, UserError};
use hobnob::hub;
use tokio_util::sync::CancellationToken;

use crate::hub_server::{Fault, Repo};
use crate::made::parse;
use crate::network::{DEADLINE, FILE, Net, bodies, content, pull, repo, wait_for};

/// Three parts and a bit.
const LARGE: u64 = 3 * (16 << 20) + 12_345;

fn large() -> Repo {
    Repo::new("org/m", 'a').endless("m-Q4_0.gguf", LARGE)
}

/// Pulls, and tells how much is here.
async fn counted(
    options: hub::Options,
    arrived: Arc<AtomicU64>,
    stop: CancellationToken,
) -> Result<LocalModel, UserError> {
    let mut progress = |state| {
        if let DownloadState::Running { done, .. } = state {
            arrived.store(done, Ordering::Relaxed);
        }
    };
    hub::pull(&options, &parse(FILE), &mut progress, stop).await
}

/// The file is what the Hub has, byte for byte.
fn assert_same(path: &Path, repo: &Repo) {
    let here = fs::read(path).expect("reads");
    assert!(here == repo.files[0].part(0, repo.files[0].size()), "another content");
}

#[tokio::test]
async fn a_large_file_comes_in_parts_that_are_under_way_together() {
    let net = Net::new(large()).await;
    net.server.spoil_bodies([Fault::Hold(1_000), Fault::Hold(2_000), Fault::Hold(3_000)]);
    let options = net.options();
    let task = tokio::spawn(async move { pull(&options, FILE).await });
    // None of them goes on before all are there.
    net.server.until("three parts at once", |seen| bodies(seen).len() == 3).await;
    net.server.release();
    let model = task.await.expect("ends").expect("pulls");
    assert_same(&model.location, &large());
    let seen = net.server.seen();
    let mut ranges: Vec<&str> = bodies(&seen).iter().filter_map(|seen| seen.range.as_deref()).collect();
    ranges.sort_unstable();
    assert_eq!(ranges, ["bytes=0-16777215", "bytes=16777216-33554431", "bytes=33554432-"]);
    assert_eq!(net.server.sent(), LARGE, "nothing came twice");
}

#[tokio::test]
async fn one_connection_is_enough_and_no_more_are_made_than_allowed() {
    let net = Net::new(large()).await;
    net.server.spoil_bodies([Fault::Hold(1_000)]);
    let options = hub::Options { connections: 1, ..net.options() };
    let task = tokio::spawn(async move { pull(&options, FILE).await });
    net.server.until("the first part", |seen| bodies(seen).len() == 1).await;
    net.server.release();
    let model = task.await.expect("ends").expect("pulls");
    assert_same(&model.location, &large());
}

#[tokio::test]
async fn each_part_goes_on_where_it_broke() {
    let net = Net::new(large()).await;
    net.server.spoil_bodies((1..20).map(|n| Fault::Cut(n * 100_000)));
    let model = net.pull(FILE).await.expect("pulls");
    assert_same(&model.location, &large());
    assert_eq!(net.server.sent(), LARGE, "nothing came twice");
}

#[tokio::test]
async fn what_came_of_several_parts_is_not_asked_for_again() {
    let net = Net::new(large()).await;
    net.server.spoil_bodies([Fault::Hold(1 << 20), Fault::Hold(2 << 20), Fault::Hold(3 << 20)]);
    let (options, cancel) = (net.options(), CancellationToken::new());
    let stop = cancel.clone();
    let arrived = Arc::new(AtomicU64::new(0));
    let task = tokio::spawn(counted(options, Arc::clone(&arrived), stop));
    wait_for("six megabytes", || arrived.load(Ordering::Relaxed) >= 6 << 20).await;
    cancel.cancel();
    let error = tokio::time::timeout(DEADLINE, task).await.expect("ends").expect("ends well").expect_err("cancelled");
    assert_eq!(error.kind, ErrorKind::Cancelled);
    assert!(hub::scan(&net.options()).0.is_empty());
    let model = net.pull(FILE).await.expect("pulls");
    assert_same(&model.location, &large());
    let twice = net.server.sent() - LARGE;
    // A piece that was not whole, for each connection.
    assert!(twice <= 3 * (128 << 10), "{twice} bytes came twice");
}

#[tokio::test]
async fn a_server_without_parts_gives_the_file_in_one() {
    let net = Net::new(large()).await;
    net.server.spoil_bodies(std::iter::repeat_n(Fault::IgnoreRange, 4));
    let model = net.pull(FILE).await.expect("pulls");
    assert_same(&model.location, &large());
}

#[tokio::test]
async fn an_address_that_has_expired_is_asked_for_anew() {
    for status in [403, 410] {
        let net = Net::new(repo()).await;
        net.server.spoil_bodies([Fault::Cut(1_000_000), Fault::Status(status, None)]);
        let model = net.pull(FILE).await.expect("pulls");
        assert_eq!(fs::read(&model.location).expect("reads"), content());
        let questions = net.server.seen().iter().filter(|seen| seen.path.contains("/resolve/")).count();
        assert_eq!(questions, 4, "one for what it is, one for each attempt");
    }
}

#[tokio::test]
async fn two_contents_are_never_mixed() {
    // The storage says that it has something else.
    let net = Net::new(repo()).await;
    net.server.spoil_bodies([Fault::Cut(1_000_000), Fault::Renamed]);
    let error = net.pull(FILE).await.expect_err("another content");
    assert_eq!(error.kind, ErrorKind::Checksum);
    assert!(error.message.contains("org/m/m-Q4_0.gguf changed on 127.0.0.1"), "{error}");
    net.assert_invisible();
    net.pull(FILE).await.expect("the next attempt goes on");

    // The Hub itself says so, of the same commit.
    let net = Net::new(repo()).await;
    net.server.spoil_bodies([Fault::Hold(1_000_000)]);
    let mut options = net.options();
    options.timing.stalled = Duration::from_secs(1);
    let task = tokio::spawn(async move { pull(&options, FILE).await });
    wait_for("a megabyte", || net.server.sent() >= 1_000_000).await;
    let newer: Vec<u8> = content().iter().rev().copied().collect();
    net.server.replace(Repo::new("org/m", 'a').large("m-Q4_0.gguf", &newer));
    let error = task.await.expect("ends").expect_err("another content");
    assert_eq!(error.kind, ErrorKind::Checksum);
    net.assert_invisible();
    let model = net.pull(FILE).await.expect("the new one");
    assert_eq!(fs::read(&model.location).expect("reads"), newer);
}

#[tokio::test]
async fn small_files_are_checked_by_gits_hash() {
    let folder = || {
        let repo = Repo::new("org/m", 'a').small("config.json", br#"{"architectures":[]}"#);
        repo.large("model.safetensors", b"weights")
    };
    let net = Net::new(folder()).await;
    net.server.spoil_bodies([Fault::Flip(5)]);
    // One after the other, so that it is known which of them is wrong.
    let one = hub::Options { connections: 1, ..net.options() };
    let error = pull(&one, "org/m").await.expect_err("a wrong byte");
    assert_eq!(error.kind, ErrorKind::Checksum);
    assert!(error.message.contains("org/m/config.json arrived wrong"), "{error}");
    assert!(!net.made.snapshot("org/m", 'a').join("config.json").exists());
    net.pull("org/m").await.expect("the next attempt is clean");
}

#[tokio::test]
async fn a_page_in_the_place_of_a_file_is_told() {
    let net = Net::new(repo()).await;
    net.server.spoil_bodies([Fault::Page]);
    let error = net.pull(FILE).await.expect_err("a page");
    assert_eq!(error.kind, ErrorKind::Network);
    assert!(error.hint.expect("a hint").contains("login page"));
    net.assert_invisible();

    // Round and round.
    let net = Net::new(repo()).await;
    let back = Fault::Status(307, Some(("location", "/org/m/resolve/main/m-Q4_0.gguf")));
    net.server.spoil_answers(std::iter::repeat_n(back, 100));
    let error = net.pull(FILE).await.expect_err("a loop");
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Network, "127.0.0.1 redirects without end"));
    assert!(!net.made.cache().exists());
}

/// A file system of so many bytes, as long as it lives; `None` where this user can't make one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(bytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let size = format!("size={bytes}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|done| done.status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[tokio::test]
#[allow(clippy::print_stderr, reason = "that it did not run should be seen")]
async fn a_disk_that_fills_up_is_told_and_what_came_is_kept() {
    let Some(disk) = SmallDisk::new(5 << 20) else {
        eprintln!("skipped: this user can't mount a small file system");
        return;
    };
    let net = Net::new(repo()).await;
    let options = hub::Options { cache: disk.0.path().join("hub"), ..net.options() };

    // From the start.
    fs::write(disk.0.path().join("other"), vec![1; 3 << 20]).expect("writes");
    let error = pull(&options, FILE).await.expect_err("no room");
    assert_eq!(error.kind, ErrorKind::Disk);
    assert!(error.message.contains("3.0 MB needed"), "{error}");
    assert!(bodies(&net.server.seen()).is_empty(), "nothing was asked for");

    // Others take it meanwhile.
    fs::remove_file(disk.0.path().join("other")).expect("removes");
    net.server.spoil_bodies([Fault::Hold(1 << 20)]);
    let arrived = Arc::new(AtomicU64::new(0));
    let task = tokio::spawn(counted(options.clone(), Arc::clone(&arrived), CancellationToken::new()));
    wait_for("a megabyte", || arrived.load(Ordering::Relaxed) >= 1 << 20).await;
    fs::write(disk.0.path().join("other"), vec![1; 3 << 20]).expect("writes");
    net.server.release();
    let error = tokio::time::timeout(DEADLINE, task).await.expect("ends").expect("ends well").expect_err("full");
    assert_eq!(error.kind, ErrorKind::Disk, "{error}");
    assert!(error.hint.clone().expect("a hint").contains("HF_HUB_CACHE"), "{error:?}");
    assert!(hub::scan(&options).0.is_empty());

    fs::remove_file(disk.0.path().join("other")).expect("removes");
    let before = net.server.sent();
    let model = pull(&options, FILE).await.expect("pulls");
    assert_eq!(fs::read(&model.location).expect("reads"), content());
    assert!(net.server.sent() - before < content().len() as u64, "what had come was kept");
}
