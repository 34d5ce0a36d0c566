//! One file of the Hub into its blob: resumed after any break, checked before it is seen.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::domain::DownloadState;
use crate::domain::model::RepoId;
use crate::error::{ErrorKind, UserError};
use crate::hub::cache::RepoCache;
use crate::hub::foresee::Watch;
use crate::hub::http::{Failure, Hub, Metadata, Retry};
use crate::hub::partial::{CHUNK, Partial, disk_error};
use crate::hub::{Judge, Timing, display_path};

/// Between two reports of one download.
const REPORT_EVERY: Duration = Duration::from_millis(100);
/// What has arrived is on disk at the latest after this, however slow the connection: more than this is never lost.
const WRITE_EVERY: Duration = Duration::from_millis(500);
/// The speed that is shown is that of so long.
const RATE_WINDOW: Duration = Duration::from_secs(3);
/// A rate limit that lasts longer is for the user to wait out.
const PATIENCE: Duration = Duration::from_secs(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Reports of a download that may be several files, at a pace that a screen can use.
pub(super) struct Report<'a> {
    send: &'a mut (dyn FnMut(DownloadState) + Send),
    source: String,
    /// Bytes of the files that are done.
    before: u64,
    total: u64,
    last: Option<Instant>,
    samples: Vec<(Instant, u64)>,
}

impl<'a> Report<'a> {
    pub fn new(send: &'a mut (dyn FnMut(DownloadState) + Send), source: String, total: u64) -> Self {
        Self { send, source, before: 0, total, last: None, samples: Vec::new() }
    }

    /// The next of several files begins.
    pub fn file_done(&mut self, size: u64) {
        self.before += size;
        self.samples.clear();
    }

    fn due(&mut self) -> bool {
        let now = Instant::now();
        let due = self.last.is_none_or(|last| now.duration_since(last) >= REPORT_EVERY);
        if due {
            self.last = Some(now);
        }
        due
    }

    /// Somebody else gets the current file, and has so much of it.
    pub fn waiting(&mut self, done: u64) {
        if self.due() {
            (self.send)(DownloadState::Running {
                done: self.before + done,
                total: self.total,
                bytes_per_second: 0.0,
                source: "another program that is getting it already".to_owned(),
            });
        }
    }

    /// So much of the current file is here.
    pub fn running(&mut self, done: u64) {
        if !self.due() {
            return;
        }
        let now = Instant::now();
        // A download that starts over begins a new measurement.
        if self.samples.last().is_some_and(|(_, last)| *last > done) {
            self.samples.clear();
        }
        self.samples.push((now, done));
        self.samples.retain(|(at, _)| now.duration_since(*at) <= RATE_WINDOW);
        let (since, from) = self.samples[0];
        let seconds = now.duration_since(since).as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "a speed for reading")]
        let bytes_per_second = if seconds > 0.0 { (done - from) as f64 / seconds } else { 0.0 };
        let state = DownloadState::Running {
            done: self.before + done,
            total: self.total,
            bytes_per_second,
            source: self.source.clone(),
        };
        (self.send)(state);
    }

    pub fn verifying(&mut self, done: u64) {
        if self.due() {
            (self.send)(DownloadState::Verifying { done: self.before + done, total: self.total });
        }
    }
}

/// Runs blocking work that tells how far it is, and ends it when cancelled or no longer waited for.
pub(super) async fn watched<T: Send + 'static>(
    report: &mut Report<'_>,
    cancel: &CancellationToken,
    work: impl FnOnce(&mut dyn FnMut(u64) -> bool) -> T + Send + 'static,
) -> Result<T, UserError> {
    let done = Arc::new(AtomicU64::new(0));
    let stop = cancel.child_token();
    let _stops_with_us = stop.clone().drop_guard();
    let counter = Arc::clone(&done);
    let mut task = tokio::task::spawn_blocking(move || {
        work(&mut |so_far| {
            counter.store(so_far, Ordering::Relaxed);
            !stop.is_cancelled()
        })
    });
    let mut tick = tokio::time::interval(REPORT_EVERY);
    tick.tick().await;
    loop {
        tokio::select! {
            result = &mut task => return result.map_err(|_| unexpected()),
            _ = tick.tick() => report.verifying(done.load(Ordering::Relaxed)),
        }
    }
}

fn unexpected() -> UserError {
    UserError::new(ErrorKind::Unexpected, "writing the model ended in an unexpected way").hint("see the log")
}

pub(super) fn cancelled() -> UserError {
    UserError::new(ErrorKind::Cancelled, "the download was cancelled").hint("the same command goes on where it stopped")
}

/// Pauses between attempts until there have been too many in a row that brought nothing.
pub(super) struct Patience {
    timing: Timing,
    failures: u32,
}

impl Patience {
    pub fn new(timing: Timing) -> Self {
        Self { timing, failures: 0 }
    }

    fn renew(&mut self) {
        self.failures = 0;
    }

    /// # Errors
    /// The failure's own error when another attempt can't help; `Cancelled`.
    pub async fn pause(&mut self, failure: Failure, cancel: &CancellationToken) -> Result<(), UserError> {
        self.failures += 1;
        let pause = match failure.retry {
            Retry::Soon => self.timing.retry.saturating_mul(1 << (self.failures - 1).min(10)).min(LONGEST_PAUSE),
            Retry::After(wait) if wait <= PATIENCE => wait,
            Retry::Never | Retry::After(_) => return Err(failure.error),
        };
        if self.failures >= self.timing.attempts {
            return Err(failure.error);
        }
        tracing::info!(error = %failure.error, ?pause, "trying again");
        tokio::select! {
            () = cancel.cancelled() => Err(cancelled()),
            () = tokio::time::sleep(pause.mul_f64(jitter())) => Ok(()),
        }
    }
}

/// Between 1 and 1.5, so that many clients that failed together do not come back together.
fn jitter() -> f64 {
    let random = u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or_default();
    1.0 + f64::from(random) / f64::from(u32::MAX) / 2.0
}

/// Bytes of a file; none of one that isn't there.
pub(super) fn size_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}

/// One file that is to be had.
pub(super) struct Fetch<'a> {
    pub hub: &'a Hub,
    pub cache: &'a RepoCache,
    pub repo: &'a RepoId,
    pub file: &'a str,
    pub meta: &'a Metadata,
    pub timing: Timing,
    pub judge: Option<Judge>,
}

impl Fetch<'_> {
    /// Bytes that are still to come.
    pub fn needs(&self) -> u64 {
        if self.cache.blob(&self.meta.etag).exists() {
            return 0;
        }
        self.meta.size.saturating_sub(size_of(&self.cache.incomplete(&self.meta.etag)))
    }

    /// Makes the blob, unless it is there. The repository's folders have to exist.
    ///
    /// # Errors
    /// `Cancelled`, network errors and `Disk` leave what has arrived for the next time; `Checksum` does not.
    pub async fn run(&self, report: &mut Report<'_>, cancel: &CancellationToken) -> Result<(), UserError> {
        let Metadata { etag, size, .. } = self.meta;
        let blob = self.cache.blob(etag);
        let incomplete = self.cache.incomplete(etag);
        let lock =
            self.cache.lock(etag, cancel, || report.waiting(size_of(&incomplete))).await.map_err(
                |error| match error.kind() {
                    io::ErrorKind::Interrupted => cancelled(),
                    _ => disk_error(&self.cache.blobs(), &error),
                },
            )?;
        // Somebody else may have finished it while we waited for the lock.
        if blob.exists() {
            return Ok(());
        }
        let mut partial = self.open(incomplete.clone(), lock, report, cancel).await?;
        let mut watch = Watch::new(self.judge, self.repo, self.file);
        self.look(&mut watch, &partial).await?;
        let mut resumed = partial.len() > 0;
        if resumed {
            tracing::info!(file = self.file, have = partial.len(), of = size, "resuming");
        }
        loop {
            partial = self.receive(partial, &mut watch, report, cancel).await?;
            let expected = etag.sha256();
            // Small files are not in large-file storage: the Hub tells no SHA-256, and their length has to do.
            if expected.is_none_or(|expected| expected == partial.sha256()) {
                break;
            }
            if !resumed {
                let _ = fs::remove_file(&incomplete);
                return Err(self.wrong("its SHA-256 is not the one that the Hub announces"));
            }
            // What an earlier attempt left may have been damaged; that is not the server's fault.
            tracing::warn!(file = self.file, "the resumed file is damaged, starting over");
            resumed = false;
            partial.restart().map_err(|error| disk_error(&incomplete, &error))?;
        }
        let finished = blob.clone();
        tokio::task::spawn_blocking(move || partial.finish(&finished))
            .await
            .map_err(|_| unexpected())?
            .map_err(|error| disk_error(&blob, &error))
    }

    async fn open(
        &self,
        path: PathBuf,
        lock: crate::hub::cache::BlobLock,
        report: &mut Report<'_>,
        cancel: &CancellationToken,
    ) -> Result<Partial, UserError> {
        let size = self.meta.size;
        let name = path.clone();
        watched(report, cancel, move |progress| Partial::open(&path, size, lock, progress)).await?.map_err(|error| {
            match error.kind() {
                io::ErrorKind::Interrupted => cancelled(),
                _ => disk_error(&name, &error),
            }
        })
    }

    /// Asks until everything is here.
    async fn receive(
        &self,
        mut partial: Partial,
        watch: &mut Watch,
        report: &mut Report<'_>,
        cancel: &CancellationToken,
    ) -> Result<Partial, UserError> {
        let mut patience = Patience::new(self.timing);
        while partial.len() < self.meta.size {
            let before = partial.len();
            let (back, failure) = self.attempt(partial, watch, report, cancel).await?;
            partial = back;
            if partial.len() > before {
                patience.renew();
            }
            // A connection that breaks after the last byte is nobody's loss.
            if let Some(failure) = failure.filter(|_| partial.len() < self.meta.size) {
                patience.pause(failure, cancel).await?;
            }
        }
        Ok(partial)
    }

    /// One request, to its end or its failure. A failure gives the file back as far as it came.
    async fn attempt(
        &self,
        mut partial: Partial,
        watch: &mut Watch,
        report: &mut Report<'_>,
        cancel: &CancellationToken,
    ) -> Result<(Partial, Option<Failure>), UserError> {
        let request = self.hub.body(self.repo, &self.meta.commit, self.file, partial.len());
        let body = tokio::select! {
            () = cancel.cancelled() => return Err(cancelled()),
            body = request => body,
        };
        let mut body = match body {
            Ok(body) => body,
            Err(failure) => return Ok((partial, Some(failure))),
        };
        if body.start < partial.len() {
            partial.restart().map_err(|error| disk_error(&self.cache.incomplete(&self.meta.etag), &error))?;
        }
        let mut buffer = Vec::with_capacity(CHUNK);
        let mut written = Instant::now();
        loop {
            let chunk = tokio::select! {
                () = cancel.cancelled() => {
                    self.write(partial, buffer).await?;
                    return Err(cancelled());
                }
                // What has arrived does not wait for what may never come.
                () = tokio::time::sleep_until((written + WRITE_EVERY).into()), if !buffer.is_empty() => {
                    (partial, buffer) = self.write(partial, buffer).await?;
                    self.look(watch, &partial).await?;
                    written = Instant::now();
                    continue;
                }
                chunk = body.response.chunk() => chunk,
            };
            let end = match chunk {
                Ok(Some(bytes)) => {
                    buffer.extend_from_slice(&bytes);
                    None
                }
                // An early end of the body is an error of the connection too: the loop above asks for the rest.
                Ok(None) => Some(None),
                Err(error) => Some(Some(self.hub.broken_off(&error))),
            };
            let have = partial.len() + buffer.len() as u64;
            if have > self.meta.size {
                // Removed while the lock is held: another process may want to begin its own.
                let _ = fs::remove_file(self.cache.incomplete(&self.meta.etag));
                drop(partial);
                return Err(self.wrong("it is longer than the Hub announces"));
            }
            if end.is_some() || buffer.len() >= CHUNK || written.elapsed() >= WRITE_EVERY {
                (partial, buffer) = self.write(partial, buffer).await?;
                self.look(watch, &partial).await?;
                written = Instant::now();
            }
            report.running(have);
            match end {
                Some(None) if partial.len() < self.meta.size => return Ok((partial, Some(self.hub.ended_early()))),
                Some(failure) => return Ok((partial, failure)),
                None => {}
            }
        }
    }

    /// Gives up where what has arrived says that the model can't be run. Nothing of it is kept.
    async fn look(&self, watch: &mut Watch, partial: &Partial) -> Result<(), UserError> {
        let path = self.cache.incomplete(&self.meta.etag);
        let verdict = watch.look(&path, partial.len(), self.meta.size).await;
        if verdict.is_err() {
            // Removed while the lock is held: another process may want to begin its own.
            let _ = fs::remove_file(&path);
        }
        verdict
    }

    async fn write(&self, mut partial: Partial, mut buffer: Vec<u8>) -> Result<(Partial, Vec<u8>), UserError> {
        tokio::task::spawn_blocking(move || {
            partial.append(&buffer)?;
            buffer.clear();
            Ok((partial, buffer))
        })
        .await
        .map_err(|_| unexpected())?
        .map_err(|error: io::Error| disk_error(&self.cache.incomplete(&self.meta.etag), &error))
    }

    fn wrong(&self, why: &str) -> UserError {
        UserError::new(ErrorKind::Checksum, format!("{}/{} arrived wrong: {why}", self.repo, self.file)).hint(format!(
            "nothing of it was kept in {}; try again, and if it happens again, check HF_ENDPOINT and the network",
            display_path(&self.cache.dir())
        ))
    }
}
