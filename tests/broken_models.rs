//! Broken model files, through the real binary: each is refused in words, cheaply.

mod support;

use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

use support::broken::broken_ggufs;
use support::pty::Home;

const FILES: usize = 200;
const AT_ONCE: usize = 4;
/// Reading a header may cost this much.
const MEMORY: u64 = 200 << 20;

/// `hobnob run -m FILE hi` in a home of its own, to its end.
fn run(home: &Home, file: &Path) -> io::Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hobnob"));
    command.args(["--offline", "run", "-m"]).arg(file).arg("hi");
    command.env_clear().envs(home.env()).stdin(Stdio::null());
    command.output()
}

/// What is wrong with how it was refused.
fn objection(file: &Path, output: &Output) -> Option<String> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let error = stderr.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or_default();
    let reason = error.split(&name).nth(1).unwrap_or_default();
    let problem = if output.status.code() != Some(3) {
        format!("it ended with {}", output.status)
    } else if !output.stdout.is_empty() {
        "something is on stdout".to_owned()
    } else if !error.contains(&name) {
        "the error does not name the file".to_owned()
    } else if reason.split_whitespace().count() < 2 {
        "the error gives no reason".to_owned()
    } else if !stderr.lines().any(|line| line.starts_with("hint: ")) {
        "there is no hint".to_owned()
    } else if ["panicked", "RUST_BACKTRACE", "unwrap()", "Err(", "::"].iter().any(|sign| stderr.contains(sign)) {
        "it speaks of its insides".to_owned()
    } else {
        return None;
    };
    Some(format!("{problem}\n{stderr}"))
}

#[test]
fn two_hundred_broken_files_are_refused_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::new();
    let broken = Mutex::new(broken_ggufs(folder.path(), FILES).fuse());
    let taken = Mutex::new(0);
    let objections = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for worker in 0..AT_ONCE {
            let (broken, taken, objections, home) = (&broken, &taken, &objections, &home);
            let place = folder.path().join(format!("broken-model-{worker}.gguf"));
            scope.spawn(move || {
                loop {
                    // A file is there until the next one is asked for, so it is put aside before that.
                    let name = {
                        let mut broken = broken.lock().unwrap_or_else(PoisonError::into_inner);
                        let Some((name, file)) = broken.next() else { return };
                        std::fs::rename(&file, &place).expect("put aside");
                        name
                    };
                    let output = run(home, &place).expect("hobnob starts");
                    *taken.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                    if let Some(objection) = objection(&place, &output) {
                        objections.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{name}: {objection}"));
                    }
                }
            });
        }
    });
    let objections = objections.into_inner().expect("nobody failed");
    assert!(objections.is_empty(), "{} of {FILES}:\n{}", objections.len(), objections.join("\n"));
    assert_eq!(taken.into_inner().expect("nobody failed"), FILES);
    let largest = largest_child();
    assert!(largest < MEMORY, "one of them took {} MB", largest >> 20);
}

/// The most memory that any child of this process, or any of theirs, had at once; known when they have ended.
#[allow(unsafe_code)]
fn largest_child() -> u64 {
    // SAFETY: the structure is plain numbers, and the call fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage), 0);
        usage
    };
    let largest = u64::try_from(usage.ru_maxrss).unwrap_or(u64::MAX);
    // Linux counts in kilobytes, macOS in bytes.
    if cfg!(target_os = "macos") { largest } else { largest * 1024 }
}
