//! How a download stands, put together from what its connections do, and told at a pace that a screen can use.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::DownloadState;
use crate::domain::hub::Files;
use crate::error::UserError;

/// Between two reports of one download.
const REPORT_EVERY: Duration = Duration::from_millis(100);
/// The speed that is shown is that of so long.
const RATE_WINDOW: Duration = Duration::from_secs(3);

/// What all parts of a download count together.
#[derive(Debug)]
pub(super) struct Tally {
    /// A person's word for where it comes from.
    source: String,
    total: u64,
    done: AtomicU64,
    checked: AtomicU64,
    files: usize,
    /// Those that are here, whole.
    files_done: AtomicUsize,
    /// Connections that wait for bytes or get them.
    receiving: AtomicUsize,
    /// Files that somebody else is getting.
    elsewhere: AtomicUsize,
    /// Why nothing comes, and when it is tried again.
    waiting: Mutex<Option<(Instant, UserError)>>,
}

/// One file's part in the count.
#[derive(Debug)]
pub(super) struct Share<'a> {
    tally: &'a Tally,
    done: AtomicU64,
    checked: AtomicU64,
}

/// Is counted for as long as it lives.
#[derive(Debug)]
pub(super) struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn counted(count: &AtomicUsize) -> Counted<'_> {
    count.fetch_add(1, Ordering::Relaxed);
    Counted(count)
}

impl Tally {
    pub fn new(source: String, total: u64, files: usize) -> Self {
        Self {
            source,
            total,
            done: AtomicU64::new(0),
            checked: AtomicU64::new(0),
            files,
            files_done: AtomicUsize::new(0),
            receiving: AtomicUsize::new(0),
            elsewhere: AtomicUsize::new(0),
            waiting: Mutex::new(None),
        }
    }

    /// A file's part, of which so much is here already.
    pub fn share(&self, done: u64) -> Share<'_> {
        let share = Share { tally: self, done: AtomicU64::new(0), checked: AtomicU64::new(0) };
        share.set(done);
        share
    }

    /// One more file is here, whole.
    pub fn file_done(&self) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection is at work.
    pub fn receiving(&self) -> Counted<'_> {
        counted(&self.receiving)
    }

    /// Somebody else is getting a file.
    pub fn elsewhere(&self) -> Counted<'_> {
        counted(&self.elsewhere)
    }

    /// Nothing comes for so long; `None` when it is tried again.
    pub fn wait(&self, wait: Option<(Duration, UserError)>) {
        let until = wait.map(|(wait, error)| (Instant::now() + wait, error));
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// Bytes that are still to come.
    pub fn missing(&self) -> u64 {
        self.total.saturating_sub(self.done.load(Ordering::Relaxed))
    }

    fn state(&self, rate: &mut Rate) -> DownloadState {
        let now = Instant::now();
        let (done, total) = (self.done.load(Ordering::Relaxed), self.total);
        let bytes_per_second = rate.measure(now, done);
        let files = Files { done: self.files_done.load(Ordering::Relaxed), total: self.files };
        let running = |source| DownloadState::Running { done, total, bytes_per_second, source, files };
        if self.receiving.load(Ordering::Relaxed) > 0 {
            return running(self.source.clone());
        }
        if let Some((until, error)) = &*self.waiting.lock().unwrap_or_else(PoisonError::into_inner) {
            let wait = until.saturating_duration_since(now);
            return DownloadState::Waiting { done, total, wait, error: error.clone() };
        }
        if self.elsewhere.load(Ordering::Relaxed) > 0 {
            return running("another program that is getting it already".to_owned());
        }
        if done >= total {
            return DownloadState::Verifying { done: self.checked.load(Ordering::Relaxed), total };
        }
        running(self.source.clone())
    }
}

impl Share<'_> {
    /// So much of it is here.
    pub fn set(&self, done: u64) {
        let before = self.done.swap(done, Ordering::Relaxed);
        // Wraps, and so takes away as well as it adds.
        self.tally.done.fetch_add(done.wrapping_sub(before), Ordering::Relaxed);
    }

    /// So much of it has been looked at.
    pub fn check(&self, checked: u64) {
        let before = self.checked.swap(checked, Ordering::Relaxed);
        self.tally.checked.fetch_add(checked.wrapping_sub(before), Ordering::Relaxed);
    }
}

/// The speed of the last moments.
#[derive(Debug, Default)]
struct Rate {
    samples: VecDeque<(Instant, u64)>,
}

impl Rate {
    fn measure(&mut self, now: Instant, done: u64) -> f64 {
        // A download that starts over begins a new measurement.
        if self.samples.back().is_some_and(|(_, last)| *last > done) {
            self.samples.clear();
        }
        self.samples.push_back((now, done));
        while self.samples.front().is_some_and(|(at, _)| now.duration_since(*at) > RATE_WINDOW) {
            self.samples.pop_front();
        }
        let Some((since, from)) = self.samples.front() else { return 0.0 };
        let seconds = now.duration_since(*since).as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "a speed for reading")]
        let bytes = (done - from) as f64;
        if seconds > 0.0 { bytes / seconds } else { 0.0 }
    }
}

/// Does `work` and tells how it stands meanwhile, at most ten times a second, and how it stood at its end.
pub(super) async fn told<T>(
    tally: &Tally,
    progress: &mut (dyn FnMut(DownloadState) + Send),
    work: impl Future<Output = T>,
) -> T {
    let mut rate = Rate::default();
    let mut told = None;
    let mut tell = || {
        let state = tally.state(&mut rate);
        // A download that stands still has nothing to tell.
        if told.as_ref() != Some(&state) {
            progress(state.clone());
            told = Some(state);
        }
    };
    let mut tick = tokio::time::interval(REPORT_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            result = &mut work => {
                tell();
                return result;
            }
            _ = tick.tick() => tell(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn the_state_is_what_its_parts_do() {
        let tally = Tally::new("hub".to_owned(), 100, 2);
        let mut rate = Rate::default();
        let share = tally.share(30);
        let other = tally.elsewhere();
        assert!(matches!(tally.state(&mut rate), DownloadState::Running { done: 30, source, .. }
            if source.starts_with("another program")));
        let receiving = tally.receiving();
        assert!(
            matches!(tally.state(&mut rate), DownloadState::Running { source, files: Files { done: 0, total: 2 }, .. }
            if source == "hub")
        );
        tally.file_done();
        assert!(matches!(tally.state(&mut rate), DownloadState::Running { files: Files { done: 1, total: 2 }, .. }));
        drop(receiving);
        tally.wait(Some((Duration::from_secs(9), UserError::new(ErrorKind::Network, "gone"))));
        assert!(matches!(tally.state(&mut rate), DownloadState::Waiting { done: 30, total: 100, .. }));
        tally.wait(None);
        drop(other);
        share.set(20);
        assert_eq!(tally.missing(), 80, "an attempt that began anew has less");
        share.set(100);
        share.check(40);
        assert_eq!(tally.state(&mut rate), DownloadState::Verifying { done: 40, total: 100 });
    }

    #[test]
    fn the_speed_is_that_of_the_last_moments() {
        let mut rate = Rate::default();
        let start = Instant::now();
        let mut speed = 0.0;
        for second in 0_u32..10 {
            let done = if second < 5 { 1000 * u64::from(second) } else { 4000 + 10 * u64::from(second - 4) };
            speed = rate.measure(start + Duration::from_secs(1) * second, done);
        }
        assert!((speed - 10.0).abs() < 0.1, "{speed}");
        assert!(rate.measure(start + Duration::from_secs(10), 0).abs() < f64::EPSILON, "it began anew");
    }
}
