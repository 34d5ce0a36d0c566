//! How fast a model arrives, checked, beside what `curl` needs for the same file from the same server, and what it costs.
//!
//! `cargo bench --bench download`; needs `curl` and 4 GB of disk, and takes about a minute. `DOWNLOAD_BYTES` makes it smaller.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

#[path = "../support/hub_server.rs"]
mod hub_server;
mod measure;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hub_server::{HubServer, Repo};
use measure::{median, peak_memory};

const ROUNDS: usize = 3;
const FILE: &str = "m-Q4_0.gguf";

fn main() {
    let size = std::env::var("DOWNLOAD_BYTES").ok().and_then(|size| size.parse().ok()).unwrap_or(2_000_000_000);
    if std::env::args().any(|argument| argument == "serve") {
        return serve(size);
    }
    let (mut server, endpoint) = start_server();
    let disk = tempfile::tempdir().expect("a folder");
    // One after the other in turn, so that what else the machine does hits both.
    let (mut curl, mut ours, mut peak) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        curl.push(with_curl(&endpoint, disk.path()));
        let (took, memory) = with_hobnob(&endpoint, disk.path(), size);
        ours.push(took);
        peak = peak.max(memory);
    }
    server.kill().expect("ends");
    let _ = server.wait();
    #[allow(clippy::cast_precision_loss, reason = "for people")]
    let speed = |seconds: f64| size as f64 / seconds / 1e6;
    let (curl, ours) = (median(curl), median(ours));
    println!("{size} bytes over loopback, median of {ROUNDS}");
    println!("curl, not checked           {:>8.0} MB/s", speed(curl));
    println!("hobnob pull, checked        {:>8.0} MB/s", speed(ours));
    let share = curl / ours;
    println!("share of curl's speed       {share:>8.2}        limit 0.80{}", if share < 0.8 { "  UNDER" } else { "" });
    let over = if peak > 80_000_000 { "  OVER" } else { "" };
    println!("most memory                 {:>8} MB     limit 80 MB{over}", peak / 1_000_000);
}

/// The stand-in Hub as a process of its own: says where it is, and ends when it is killed.
fn serve(size: u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let server = HubServer::start(vec![Repo::new("org/m", 'a').endless(FILE, size)]).await;
        println!("{}", server.endpoint);
        std::io::stdout().flush().expect("tells");
        std::future::pending::<()>().await;
    });
}

fn start_server() -> (Child, String) {
    let this = std::env::current_exe().expect("this program");
    let mut server = Command::new(this).arg("serve").stdout(Stdio::piped()).spawn().expect("starts");
    let mut endpoint = String::new();
    BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut endpoint).expect("it tells");
    (server, endpoint.trim().to_owned())
}

fn with_curl(endpoint: &str, disk: &Path) -> f64 {
    let file = disk.join("curl");
    let start = Instant::now();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", "--location", "--noproxy", "*", "--output"]).arg(&file);
    let done = curl.arg(format!("{endpoint}/org/m/resolve/main/{FILE}")).status().expect("curl");
    assert!(done.success());
    let took = start.elapsed().as_secs_f64();
    std::fs::remove_file(file).expect("removes");
    took
}

/// How long it took, and the most memory that it had.
fn with_hobnob(endpoint: &str, disk: &Path, size: u64) -> (f64, u64) {
    let home = disk.join("home");
    let start = Instant::now();
    let mut hobnob = Command::new(env!("CARGO_BIN_EXE_hobnob"));
    hobnob.args(["pull", "--quiet", &format!("org/m/{FILE}")]).stdout(Stdio::null()).stderr(Stdio::null());
    hobnob.env("HOME", &home).env("HF_HOME", home.join("hf")).env("HF_ENDPOINT", endpoint).env("NO_PROXY", "*");
    for name in ["HF_HUB_CACHE", "HF_TOKEN", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "HOBNOB_CONFIG"] {
        hobnob.env_remove(name);
    }
    let mut hobnob = hobnob.spawn().expect("starts");
    let mut peak = 0;
    let done = loop {
        peak = peak.max(peak_memory(hobnob.id()).unwrap_or(0));
        if let Some(done) = hobnob.try_wait().expect("asks") {
            break done;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let took = start.elapsed().as_secs_f64();
    assert!(done.success());
    let snapshot = home.join("hf/hub/models--org--m/snapshots").join("a".repeat(40)).join(FILE);
    assert_eq!(std::fs::metadata(snapshot).expect("is there").len(), size);
    std::fs::remove_dir_all(home).expect("removes");
    (took, peak)
}
