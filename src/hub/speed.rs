//! A limit to the speed of all downloads together.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Unused speed is saved up for so long: pauses between two reads don't make a download slower than it may be.
const SAVED: Duration = Duration::from_millis(200);

/// A bucket of bytes that fills at the allowed speed. What arrives is taken out afterwards, so that it can be in debt, and
/// nobody reads on before the debt is paid.
#[derive(Debug, Default)]
pub struct SpeedLimit {
    bucket: Mutex<Bucket>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Bucket {
    /// Bytes per second; `None` as fast as it goes.
    rate: Option<u64>,
    /// What may be read at once; below 0 what was read too much.
    bytes: f64,
    filled: Option<Instant>,
}

impl SpeedLimit {
    #[must_use]
    pub fn new(rate: Option<u64>) -> Self {
        Self { bucket: Mutex::new(Bucket { rate, ..Bucket::default() }), changed: Notify::new() }
    }

    /// From now on so many bytes per second; `None` as fast as it goes.
    pub fn set(&self, rate: Option<u64>) {
        *self.bucket() = Bucket { rate: rate.map(|rate| rate.max(1)), ..Bucket::default() };
        self.changed.notify_waiters();
    }

    /// So many bytes have been read.
    pub(super) fn charge(&self, bytes: usize) {
        self.bucket().take(bytes, Instant::now());
    }

    /// Waits until more may be read.
    pub(super) async fn ready(&self) {
        loop {
            let changed = self.changed.notified();
            let Some(wait) = self.bucket().debt(Instant::now()) else { return };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = changed => {}
            }
        }
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    #[allow(clippy::cast_precision_loss, reason = "a speed need not be exact to the byte")]
    fn fill(&mut self, rate: u64, now: Instant) {
        let passed = self.filled.replace(now).map_or(Duration::ZERO, |before| now.duration_since(before));
        let rate = rate as f64;
        self.bytes = (self.bytes + rate * passed.as_secs_f64()).min(rate * SAVED.as_secs_f64());
    }

    #[allow(clippy::cast_precision_loss, reason = "a speed need not be exact to the byte")]
    fn take(&mut self, bytes: usize, now: Instant) {
        if let Some(rate) = self.rate {
            self.fill(rate, now);
            self.bytes -= bytes as f64;
        }
    }

    /// How long it takes to be paid, if there is one.
    #[allow(clippy::cast_precision_loss, reason = "a speed need not be exact to the byte")]
    fn debt(&mut self, now: Instant) -> Option<Duration> {
        let rate = self.rate?;
        self.fill(rate, now);
        // A change of the limit ends the wait early, so there is no harm in a long one.
        (self.bytes < 0.0).then(|| Duration::from_secs_f64((-self.bytes / rate as f64).clamp(0.001, 3600.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_readers_together_keep_to_the_limit() {
        let mut bucket = Bucket { rate: Some(1_000_000), ..Bucket::default() };
        let start = Instant::now();
        let mut now = start;
        // Three that read whenever they may.
        for _ in 0..10 {
            now += bucket.debt(now).unwrap_or_default();
            for _ in 0..3 {
                bucket.take(100_000, now);
            }
        }
        now += bucket.debt(now).unwrap_or_default();
        let took = (now - start).as_secs_f64();
        assert!((2.7..3.1).contains(&took), "3 MB at 1 MB/s took {took} s");
        // What was not used is saved up for a moment only.
        now += Duration::from_secs(100);
        bucket.take(300_000, now);
        assert!(bucket.debt(now).is_some_and(|wait| wait >= Duration::from_millis(90)));
    }

    #[tokio::test]
    async fn a_new_limit_counts_at_once() {
        let limit = SpeedLimit::new(Some(10));
        limit.ready().await;
        limit.charge(1_000_000);
        let lift = async {
            tokio::task::yield_now().await;
            limit.set(None);
        };
        tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(limit.ready(), lift) })
            .await
            .expect("the wait ends with the limit");
        limit.charge(1_000_000);
        limit.ready().await;
    }
}
