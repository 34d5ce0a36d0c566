//! When what failed is tried again.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::DownloadState;
use crate::error::{ErrorKind, UserError};
use crate::hub::Timing;
use crate::hub::http::{Failure, Hub, Retry};
use crate::hub::tally::Tally;

/// A rate limit that lasts longer is for the user to wait out.
const PATIENCE: Duration = Duration::from_secs(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often in a row a download is begun again that the network failed and that has got nothing since, beyond what is tried
/// within one.
const ROUNDS: u32 = 8;
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// How often whoever waits that long is told how much longer.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How one talks to a download that runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Control {
    pub cancel: CancellationToken,
    /// Whoever waits before the next attempt makes it at once.
    pub hurry: Arc<Notify>,
}

pub(super) fn cancelled() -> UserError {
    UserError::new(ErrorKind::Cancelled, "the download was cancelled").hint("the same command goes on where it stopped")
}

/// Of several that worked together and were stopped when one failed: what went wrong, and not that the others were stopped.
pub(super) fn cause(known: Option<UserError>, error: UserError) -> UserError {
    match known {
        Some(known) if known.kind != ErrorKind::Cancelled => known,
        _ => error,
    }
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

    pub fn renew(&mut self) {
        self.failures = 0;
    }

    /// # Errors
    /// The failure's own error when another attempt can't help; `Cancelled`.
    pub async fn pause(&mut self, failure: Failure, tally: Option<&Tally>, control: &Control) -> Result<(), UserError> {
        self.failures += 1;
        let pause = match failure.retry {
            Retry::Soon => self.timing.retry.saturating_mul(1 << (self.failures - 1).min(10)).min(LONGEST_PAUSE),
            Retry::After(wait) if wait <= PATIENCE => wait,
            Retry::Never | Retry::After(_) => return Err(failure.error),
        };
        if self.failures >= self.timing.attempts {
            return Err(failure.error);
        }
        let pause = pause.mul_f64(jitter());
        tracing::info!(error = %failure.error, ?pause, "trying again");
        if let Some(tally) = tally {
            tally.wait(Some((pause, failure.error)));
        }
        let over = tokio::select! {
            () = control.cancel.cancelled() => Err(cancelled()),
            () = control.hurry.notified() => Ok(()),
            () = tokio::time::sleep(pause) => Ok(()),
        };
        if let Some(tally) = tally {
            tally.wait(None);
        }
        over
    }
}

/// When a download that the network failed is begun again: after longer and longer, as long as something comes now and then.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    /// In a row, without a byte between them.
    failures: u32,
    /// What was here, and of how much, at the last one.
    pub amounts: (u64, u64),
}

impl Rounds {
    /// How long the download waits that ended so, with so much of it here; `None` where it is not begun again.
    pub fn wait(&mut self, timing: Timing, error: &UserError, amounts: (u64, u64)) -> Option<Duration> {
        // Of one that has begun it is known that its place is a Hub and gives the file.
        if !matches!(error.kind, ErrorKind::Network | ErrorKind::RateLimited) || amounts.0 == 0 {
            return None;
        }
        if amounts.0 > self.amounts.0 {
            self.failures = 0;
        }
        self.amounts = amounts;
        if self.failures == ROUNDS {
            return None;
        }
        let wait = timing.retry.saturating_mul(20 << self.failures).min(LONGEST_WAIT);
        self.failures += 1;
        Some(wait.mul_f64(jitter()))
    }

    /// Waits so long, and tells of it.
    ///
    /// # Errors
    /// The one that the download ended with, where it is not begun again; `Cancelled`.
    pub async fn pause(
        &mut self,
        timing: Timing,
        error: UserError,
        amounts: (u64, u64),
        progress: &mut (dyn FnMut(DownloadState) + Send),
        cancel: &CancellationToken,
    ) -> Result<(), UserError> {
        let Some(wait) = self.wait(timing, &error, amounts) else { return Err(error) };
        tracing::info!(%error, ?wait, "beginning again");
        let (done, total) = amounts;
        let until = Instant::now() + wait;
        let mut tick = tokio::time::interval(TELL_EVERY);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Err(cancelled()),
                () = tokio::time::sleep_until(until) => return Ok(()),
                now = tick.tick() => {
                    let wait = until.saturating_duration_since(now);
                    progress(DownloadState::Waiting { done, total, wait, error: error.clone() });
                }
            }
        }
    }
}

/// Asks until there is an answer, or patience ends.
pub(super) async fn answered<T, F: Future<Output = Result<T, Failure>>>(
    hub: &Hub,
    timing: Timing,
    control: &Control,
    ask: impl Fn() -> F,
) -> Result<T, UserError> {
    let mut patience = Patience::new(timing);
    loop {
        let answer = tokio::select! {
            () = control.cancel.cancelled() => return Err(cancelled()),
            answer = tokio::time::timeout(timing.stalled, ask()) => answer,
        };
        match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(failure)) => patience.pause(failure, None, control).await?,
            Err(_) => patience.pause(hub.silent(), None, control).await?,
        }
    }
}

/// Between 1 and 1.5, so that many clients that failed together do not come back together.
fn jitter() -> f64 {
    let random = u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or_default();
    1.0 + f64::from(random) / f64::from(u32::MAX) / 2.0
}
