//! One file of the Hub into its blob: resumed after any break, checked before it is seen.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::domain::model::RepoId;
use crate::error::{ErrorKind, UserError};
use crate::hub::cache::{BlobLock, RepoCache};
use crate::hub::digest::{ContentHash, hex};
use crate::hub::foresee::Watch;
use crate::hub::http::{Hub, Metadata, Pin};
use crate::hub::names::GgufName;
use crate::hub::partial::{CHUNK, Partial, Places, check_room, disk_error};
use crate::hub::patience::{Control, cancelled};
use crate::hub::ranges::Parts;
use crate::hub::tally::{Share, Tally};
use crate::hub::{Judge, SpeedLimit, Timing, display_path};

/// What the machine's sudden end costs is what came in so long: to have the disk take each piece at once would make it the
/// slowest part of a download. What this program's own end costs is far less, see `journal`.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// What arrives faster than this is not left lying for so long: the last of it would hold up the end.
const MOST_UNSYNCED: u64 = 128 << 20;
/// Hashed at a time: to wake a thread for each piece that comes would cost as much as hashing it.
const HASHED: u64 = 8 << 20;

/// What all files of a download have in common.
pub(super) struct Shared<'a> {
    pub hub: &'a Hub,
    pub cache: &'a RepoCache,
    pub repo: &'a RepoId,
    /// The MODEL that all this is for.
    pub model: &'a str,
    pub timing: Timing,
    pub judge: Option<Judge>,
    pub speed: &'a SpeedLimit,
    /// One permit for each connection that there may be.
    pub connections: &'a Semaphore,
    pub most_connections: usize,
    pub tally: &'a Tally,
    /// Its end is the end of this download alone: what went wrong with one file stops the others.
    pub control: Control,
}

/// One file that is to be had.
pub(super) struct Fetch<'a> {
    pub shared: &'a Shared<'a>,
    pub file: &'a str,
    pub meta: &'a Metadata,
    share: Share<'a>,
}

/// What is still to be done for a file that has arrived.
enum Check {
    /// Its SHA-256 was taken as it came.
    Sha256(String),
    /// As its name tells, over all of it.
    Whole,
}

impl<'a> Fetch<'a> {
    /// What is here of it counts from now on, and not only when its turn comes: it is neither to come nor in need of room.
    pub fn new(shared: &'a Shared<'a>, file: &'a str, meta: &'a Metadata) -> Self {
        let fetch = Self { shared, file, meta, share: shared.tally.share(0) };
        fetch.share.set(fetch.here());
        fetch
    }

    /// Bytes that are here already.
    fn here(&self) -> u64 {
        let Metadata { etag, size, .. } = self.meta;
        if self.is_here() {
            return *size;
        }
        Places::new(self.shared.cache, etag).arrived().min(*size)
    }

    fn is_here(&self) -> bool {
        let Metadata { etag, size, commit, .. } = self.meta;
        self.shared.cache.blob(etag).exists() || self.shared.cache.has_itself(commit, self.file, *size)
    }

    /// Makes the blob, unless it is there. The repository's folders have to exist.
    ///
    /// # Errors
    /// `Cancelled`, network errors and `Disk` leave what has arrived for the next time; `Checksum` does not.
    pub async fn run(&self) -> Result<(), UserError> {
        let Metadata { etag, size, .. } = self.meta;
        let blob = self.shared.cache.blob(etag);
        if self.shared.control.cancel.is_cancelled() {
            return Err(cancelled());
        }
        let lock = self.lock().await?;
        // Somebody else may have finished it while we waited for the lock.
        if self.is_here() {
            self.share.set(*size);
            return Ok(());
        }
        let partial = Arc::new(self.open(lock).await?);
        self.share.set(partial.arrived());
        if partial.resumed() {
            tracing::info!(file = self.file, have = partial.arrived(), of = size, "resuming");
        }
        loop {
            let check = self.receive(&partial).await?;
            if self.is_right(&partial, check).await? {
                break;
            }
            if !partial.resumed() {
                partial.discard();
                return Err(self.wrong("it is not what the Hub announces, by its checksum"));
            }
            // What an earlier attempt left may have been damaged; that is not the server's fault.
            tracing::warn!(file = self.file, "the resumed file is damaged, starting over");
            let damaged = Arc::clone(&partial);
            blocking(move || damaged.restart()).await?.map_err(|error| self.disk(&error))?;
            self.share.set(0);
            self.share.check(0);
        }
        blocking(move || partial.finish(&blob)).await?.map_err(|error| self.disk(&error))
    }

    async fn lock(&self) -> Result<BlobLock, UserError> {
        let mut waiting = None;
        let tally = self.shared.tally;
        let lock = self.shared.cache.lock(&self.meta.etag, &self.shared.control.cancel, || {
            waiting.get_or_insert_with(|| tally.elsewhere());
        });
        lock.await.map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => cancelled(),
            _ => disk_error(&self.shared.cache.blobs(), &error),
        })
    }

    async fn open(&self, lock: BlobLock) -> Result<Partial, UserError> {
        let (cache, model) = (self.shared.cache.clone(), self.shared.model.to_owned());
        let (etag, size) = (self.meta.etag.clone(), self.meta.size);
        blocking(move || Partial::open(&cache, &etag, size, &model, lock)).await?.map_err(|error| self.disk(&error))
    }

    /// Gets what is missing, and hashes what there is from its beginning meanwhile.
    async fn receive(&self, partial: &Arc<Partial>) -> Result<Check, UserError> {
        let judge = self.shared.judge.filter(|_| GgufName::parse(self.file).is_some());
        let mut watch = Watch::new(judge, self.shared.repo, self.file);
        // A model that can't be run is not asked for, if what is here says so.
        self.look(&mut watch, partial).await?;
        let halt = self.shared.control.cancel.child_token();
        let pin = Pin::default();
        let parts = Parts::new(self, partial, &self.share, &pin, halt.clone());
        let mut hashed = None;
        {
            let arriving = parts.get_all();
            let tending = self.tend(partial, &mut watch);
            let hashing = self.hash(partial);
            tokio::pin!(arriving, tending, hashing);
            let mut arrived = false;
            while !arrived || hashed.is_none() {
                tokio::select! {
                    result = &mut arriving, if !arrived => {
                        result?;
                        arrived = true;
                    }
                    result = &mut hashing, if hashed.is_none() => hashed = Some(result?),
                    error = &mut tending, if !arrived => {
                        halt.cancel();
                        // What has come is written down before we leave.
                        let _ = (&mut arriving).await;
                        return Err(Self::given_up(partial, error));
                    }
                    () = self.shared.control.cancel.cancelled(), if arrived => return Err(cancelled()),
                }
            }
        }
        self.look(&mut watch, partial).await?;
        Ok(hashed.flatten().map_or(Check::Whole, Check::Sha256))
    }

    /// Sees to a file while it arrives; ends only where it must not go on.
    async fn tend(&self, partial: &Arc<Partial>, watch: &mut Watch) -> UserError {
        let mut sync = tokio::time::interval(SYNC_EVERY);
        sync.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut prefix = partial.prefix();
        let mut synced = partial.arrived();
        loop {
            let arrived = tokio::select! {
                _ = sync.tick() => partial.arrived(),
                // Its sender lives as long as the file.
                _ = prefix.changed() => {
                    if let Err(error) = self.look(watch, partial).await {
                        return error;
                    }
                    let arrived = partial.arrived();
                    if arrived.saturating_sub(synced) < MOST_UNSYNCED {
                        continue;
                    }
                    sync.reset();
                    arrived
                }
            };
            if let Err(error) = self.sync(partial).await {
                return error;
            }
            synced = arrived;
        }
    }

    async fn sync(&self, partial: &Arc<Partial>) -> Result<(), UserError> {
        let syncing = Arc::clone(partial);
        blocking(move || syncing.sync()).await?.map_err(|error| self.disk(&error))?;
        // Others may have taken the room that was there at the start.
        check_room(&self.shared.cache.blobs(), self.shared.tally.missing())
    }

    /// Whether what has arrived says that the model can't be run.
    async fn look(&self, watch: &mut Watch, partial: &Arc<Partial>) -> Result<(), UserError> {
        let have = *partial.prefix().borrow();
        let verdict = watch.look(partial.path(), have, self.meta.size).await;
        verdict.map_err(|error| Self::given_up(partial, error))
    }

    /// Of a model that can't be run nothing is kept.
    fn given_up(partial: &Partial, error: UserError) -> UserError {
        if error.kind == ErrorKind::ModelUnsupported
            // Removed while the lock is held: another process may want to begin its own.
            && let Err(error) = partial.give_back()
        {
            tracing::warn!(%error, "what has come of a model that can't be run was left");
        }
        error
    }

    /// The SHA-256 of the file, taken as far as it goes without a gap while it arrives; `None` for one that goes by another
    /// hash.
    async fn hash(&self, partial: &Arc<Partial>) -> Result<Option<String>, UserError> {
        if self.meta.etag.sha256().is_none() {
            return Ok(None);
        }
        let mut prefix = partial.prefix();
        let (mut hasher, mut buffer, mut at) = (Sha256::new(), vec![0; CHUNK], 0);
        while at < partial.size() {
            let end = partial.size().min(at + HASHED);
            // Its sender lives as long as the file.
            let _ = prefix.wait_for(|have| *have >= end).await;
            let partial = Arc::clone(partial);
            let more = blocking(move || -> io::Result<_> {
                while at < end {
                    let len = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
                    partial.read(at, &mut buffer[..len])?;
                    hasher.update(&buffer[..len]);
                    at += len as u64;
                }
                Ok((hasher, buffer))
            });
            (hasher, buffer) = more.await?.map_err(|error| self.disk(&error))?;
            at = end;
            self.share.check(at);
        }
        Ok(Some(hex(&hasher.finalize())))
    }

    async fn is_right(&self, partial: &Arc<Partial>, check: Check) -> Result<bool, UserError> {
        let etag = self.meta.etag.as_str();
        match (check, ContentHash::named(etag)) {
            (Check::Sha256(found), _) if found != etag || partial.is_alone() => Ok(found == etag),
            // Some mirrors have names of their own for contents: their length has to do.
            (_, None) => Ok(true),
            (_, Some(expected)) => {
                let (path, blob) = (partial.path().to_owned(), self.shared.cache.blob(&self.meta.etag));
                let right = blocking(move || match expected.is_of(&path, &mut |_| true) {
                    // Somebody who was not kept out by the lock was faster.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => expected.is_of(&blob, &mut |_| true),
                    read => read,
                });
                right.await?.map_err(|error| self.disk(&error))
            }
        }
    }

    pub fn disk(&self, error: &io::Error) -> UserError {
        disk_error(&Places::new(self.shared.cache, &self.meta.etag).data, error)
    }

    pub fn wrong(&self, why: &str) -> UserError {
        let Shared { repo, cache, .. } = self.shared;
        UserError::new(ErrorKind::Checksum, format!("{repo}/{} arrived wrong: {why}", self.file)).hint(format!(
            "nothing of it was kept in {}; try again, and if it happens again, check HF_ENDPOINT and the network",
            display_path(&cache.dir())
        ))
    }
}

/// Does what would hold up everything else on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, UserError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| unexpected())
}

pub(super) fn unexpected() -> UserError {
    UserError::new(ErrorKind::Unexpected, "writing the model ended in an unexpected way").hint("see the log")
}
