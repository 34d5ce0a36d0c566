//! The parts of one file over several connections at once.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::error::{ErrorKind, UserError};
use crate::hub::fetch::Fetch;
use crate::hub::http::{Body, Failure, Pin};
use crate::hub::partial::Partial;
use crate::hub::patience::{Control, Patience, cancelled, cause};
use crate::hub::tally::Share;
use crate::hub::writer::Writer;

/// What has arrived is with the system at the latest after this, however slow the connection.
const WRITE_EVERY: Duration = Duration::from_millis(500);
/// How fast a file comes is looked at this often, until it has all its connections.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Of a look. A line that brings this much over the connections there are is faster than files can be checked and written:
/// more of them would only cost what the machine is short of.
const ENOUGH: u64 = 30 << 20;
/// Of a part. Each costs one more question to the Hub, which counts them: a file has at most some hundred. And the file
/// grows from its beginning, so that it can be hashed as it comes.
const SMALLEST_PART: u64 = 16 << 20;
const LARGEST_PART: u64 = 256 << 20;

/// Why a part does not go on.
enum Stop {
    Failed(UserError),
    /// The server gives whole files only.
    NoParts,
}

impl From<UserError> for Stop {
    fn from(error: UserError) -> Self {
        Self::Failed(error)
    }
}

/// Gets what is missing of a file.
pub(super) struct Parts<'a> {
    fetch: &'a Fetch<'a>,
    partial: &'a Arc<Partial>,
    share: &'a Share<'a>,
    pin: &'a Pin,
    /// What nobody has taken on yet, from the beginning of the file to its end.
    left: Mutex<VecDeque<Range<u64>>>,
    /// Ends this; what has come is written down first.
    control: Control,
    /// Ends the connections, because of one of them.
    among: Control,
}

impl<'a> Parts<'a> {
    pub fn new(
        fetch: &'a Fetch<'a>,
        partial: &'a Arc<Partial>,
        share: &'a Share<'a>,
        pin: &'a Pin,
        halt: CancellationToken,
    ) -> Self {
        let left = Mutex::new(cut(partial.gaps(), partial.size()));
        let hurry = &fetch.shared.control.hurry;
        let among = Control { cancel: halt.child_token(), hurry: Arc::clone(hurry) };
        let control = Control { cancel: halt, hurry: Arc::clone(hurry) };
        Self { fetch, partial, share, pin, left, control, among }
    }

    /// # Errors
    /// `Cancelled`, network errors and `Disk`; what has arrived is written down in any case.
    pub async fn get_all(&self) -> Result<(), UserError> {
        let mut under_way = FuturesUnordered::new();
        if !self.left().is_empty() {
            under_way.push(self.connection());
        }
        let mut ends = Vec::new();
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.reset();
        let mut seen = self.partial.arrived();
        while !under_way.is_empty() {
            let most = self.fetch.shared.most_connections.min(under_way.len() + self.left().len());
            tokio::select! {
                Some(end) = under_way.next() => ends.push(end),
                _ = look.tick(), if under_way.len() < most => {
                    let now = self.partial.arrived();
                    if now.saturating_sub(seen) < ENOUGH && !self.among.cancel.is_cancelled() {
                        let more = under_way.len().min(most - under_way.len());
                        under_way.extend((0..more).map(|_| self.connection()));
                    }
                    seen = now;
                }
            }
        }
        let mut whole_only = false;
        let mut failure: Option<UserError> = None;
        for end in ends {
            match end {
                Ok(()) => {}
                Err(Stop::NoParts) => whole_only = true,
                Err(Stop::Failed(error)) => failure = Some(cause(failure, error)),
            }
        }
        match failure {
            Some(error) if error.kind != ErrorKind::Cancelled || self.control.cancel.is_cancelled() => Err(error),
            _ if whole_only => self.whole().await,
            _ => Ok(()),
        }
    }

    /// Takes on one part after the other. What goes wrong with one ends them all.
    async fn connection(&self) -> Result<(), Stop> {
        let end = async {
            loop {
                let permit = tokio::select! {
                    () = self.among.cancel.cancelled() => return Err(cancelled().into()),
                    permit = self.fetch.shared.connections.acquire() => permit,
                };
                let part = self.left().pop_front();
                let Some(part) = part else { return Ok(()) };
                self.part(part).await?;
                drop(permit);
            }
        };
        let end = end.await;
        if end.is_err() {
            self.among.cancel.cancel();
        }
        end
    }

    /// Asks until a part is here.
    async fn part(&self, part: Range<u64>) -> Result<(), Stop> {
        let mut patience = Patience::new(self.fetch.shared.timing);
        let mut at = part.start;
        while at < part.end {
            let before = at;
            let failure = self.attempt(&mut at, part.end, &self.among).await?;
            if at > before {
                patience.renew();
            }
            // A connection that breaks after the last byte is nobody's loss.
            if let Some(failure) = failure.filter(|_| at < part.end) {
                patience.pause(failure, Some(self.fetch.shared.tally), &self.among).await?;
            }
        }
        Ok(())
    }

    /// Gets the file from a server that gives no parts: in one go, and what is here already a second time.
    async fn whole(&self) -> Result<(), UserError> {
        let mut patience = Patience::new(self.fetch.shared.timing);
        while !self.partial.is_whole() {
            let before = self.partial.arrived();
            let failure = match self.attempt(&mut 0, self.partial.size(), &self.control).await {
                Ok(failure) => failure,
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::NoParts) => None,
            };
            if self.partial.arrived() > before {
                patience.renew();
            }
            if let Some(failure) = failure.filter(|_| !self.partial.is_whole()) {
                patience.pause(failure, Some(self.fetch.shared.tally), &self.control).await?;
            }
        }
        Ok(())
    }

    /// One request, to its end or its failure; `at` goes with what has arrived.
    async fn attempt(&self, at: &mut u64, end: u64, control: &Control) -> Result<Option<Failure>, Stop> {
        let Fetch { shared, file, meta, .. } = self.fetch;
        let _counted = shared.tally.receiving();
        let part = *at..end;
        let body = tokio::select! {
            () = control.cancel.cancelled() => return Err(cancelled().into()),
            body = shared.hub.body(shared.repo, file, meta, &part, self.pin) => body,
        };
        let body = match body {
            Ok(body) if body.start == *at => body,
            Ok(_) => return Err(Stop::NoParts),
            Err(failure) => return Ok(Some(failure)),
        };
        let mut writer = Writer::new(self.fetch, self.partial, self.share, *at);
        let end = self.receive(body, &mut writer, end, control).await;
        let written = writer.finish().await;
        *at = writer.end();
        let end = end?;
        written?;
        Ok(end)
    }

    /// Takes what comes of a body, up to `end` in the file; why it did not come that far, if it did not.
    async fn receive(
        &self,
        mut body: Body,
        writer: &mut Writer<'_>,
        end: u64,
        control: &Control,
    ) -> Result<Option<Failure>, Stop> {
        let Fetch { shared, meta, .. } = self.fetch;
        let cancel = control.cancel.cancelled();
        tokio::pin!(cancel);
        let mut write = interval(WRITE_EVERY);
        write.set_missed_tick_behavior(MissedTickBehavior::Delay);
        write.reset();
        loop {
            let next = async {
                shared.speed.ready().await;
                body.response.chunk().await
            };
            let chunk = tokio::select! {
                () = &mut cancel => return Err(cancelled().into()),
                // What has arrived does not wait for what may never come.
                _ = write.tick() => {
                    writer.hand_over().await?;
                    continue;
                }
                chunk = next => chunk,
            };
            match chunk {
                Ok(Some(bytes)) => {
                    shared.speed.charge(bytes.len());
                    let left = end - writer.end();
                    let wanted = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    if wanted < bytes.len() && end == meta.size {
                        self.partial.discard();
                        return Err(self.fetch.wrong("it is longer than the Hub announces").into());
                    }
                    writer.take(&bytes[..wanted]).await?;
                    // More than was asked for is somebody else's part.
                    if wanted < bytes.len() {
                        return Ok(None);
                    }
                }
                // An early end of the body is an error of the connection too: the rest is asked for.
                Ok(None) => return Ok((writer.end() < end).then(|| shared.hub.ended_early())),
                Err(error) => return Ok(Some(shared.hub.transport(&error))),
            }
        }
    }

    fn left(&self) -> MutexGuard<'_, VecDeque<Range<u64>>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts what is missing into parts.
fn cut(gaps: Vec<Range<u64>>, size: u64) -> VecDeque<Range<u64>> {
    let most = (size / 64).clamp(SMALLEST_PART, LARGEST_PART);
    let mut parts = VecDeque::new();
    for gap in gaps {
        let mut at = gap.start;
        while at < gap.end {
            // No crumbs: what is left over goes with the last part.
            let end = if gap.end - at < most + most / 2 { gap.end } else { at + most };
            parts.push_back(at..end);
            at = end;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_neither_crumbs_nor_too_many() {
        let cut_at = |gaps: &[(u64, u64)], size: u64| -> Vec<(u64, u64)> {
            let parts = cut(gaps.iter().map(|(start, end)| *start..*end).collect(), size);
            parts.into_iter().map(|part| (part.start, part.end)).collect()
        };
        let parts = |size: u64| cut_at(&[(0, size)], size);
        assert_eq!(parts(0), []);
        assert_eq!(parts(3_000_000), [(0, 3_000_000)]);
        assert_eq!(parts(2 * SMALLEST_PART), [(0, SMALLEST_PART), (SMALLEST_PART, 2 * SMALLEST_PART)]);
        assert_eq!(parts(SMALLEST_PART + 9), [(0, SMALLEST_PART + 9)]);
        for size in [2_000_000_000, 12_345_678_901] {
            let parts = parts(size);
            assert!(parts.len() <= 120, "{size}: {}", parts.len());
            assert_eq!(parts.iter().map(|(start, end)| end - start).sum::<u64>(), size);
        }
        assert_eq!(cut_at(&[(5, 6), (100, 200)], 1_000_000), [(5, 6), (100, 200)]);
    }
}
