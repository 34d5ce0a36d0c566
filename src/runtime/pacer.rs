//! When the next frame may go out. Pure: the caller brings the clock.

use std::time::{Duration, Instant};

use crate::app::Dirty;

/// Keeps frames at the pace that the terminal takes them.
///
/// The time that drawing and sending take *is* the speed of the link: a slow one takes a frame bit by bit. So frames of a stream are two such times apart, which leaves the link half free for keys and their echo.
#[derive(Debug)]
pub(super) struct FramePacer {
    /// Moving average of drawing and sending, in seconds.
    cost: f64,
    /// When the last frame was out.
    last: Option<Instant>,
    /// One is being sent.
    under_way: bool,
}

impl FramePacer {
    /// Thirty a second. Text that grows by words flows as well as with sixty, and on a machine whose every core computes
    /// the answer, the time that a frame takes is taken from the answer.
    const SHORTEST: Duration = Duration::from_micros(33_300);
    /// As slow as text may come and still seem to flow.
    const LONGEST: Duration = Duration::from_millis(200);
    /// Between the frames of keys: below what a person can feel, with the drawing after it under five milliseconds, and above
    /// what a key held down or a paste in pieces can flood.
    const KEYS: Duration = Duration::from_millis(2);
    /// How much a new frame weighs in the average.
    const WEIGHT: f64 = 0.2;

    pub(super) fn new() -> Self {
        Self { cost: 0.0, last: None, under_way: false }
    }

    /// When to draw; `None`: not before something changes. A time that has passed means at once.
    pub(super) fn due(&self, dirty: Dirty, now: Instant) -> Option<Instant> {
        if self.under_way {
            return None;
        }
        let wait = match dirty {
            Dirty::Clean => return None,
            Dirty::Soon => self.interval(),
            Dirty::Now => Self::KEYS,
        };
        Some(self.last.map_or(now, |last| last + wait))
    }

    /// A frame is on its way; none is due before it is out.
    pub(super) fn begin(&mut self) {
        self.under_way = true;
    }

    /// The frame is out: drawing and sending it took `cost`, and ended at `end`.
    pub(super) fn out(&mut self, end: Instant, cost: Duration) {
        self.under_way = false;
        let cost = cost.as_secs_f64();
        self.cost = if self.last.is_none() { cost } else { self.cost + Self::WEIGHT * (cost - self.cost) };
        self.last = Some(end);
    }

    fn interval(&self) -> Duration {
        Duration::from_secs_f64(2.0 * self.cost).clamp(Self::SHORTEST, Self::LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn paced(costs: &[Duration]) -> (FramePacer, Instant) {
        let mut pacer = FramePacer::new();
        let mut now = Instant::now();
        for cost in costs {
            now += *cost;
            pacer.begin();
            pacer.out(now, *cost);
        }
        (pacer, now)
    }

    #[test]
    fn nothing_changed_nothing_is_due() {
        let (pacer, now) = paced(&[MS]);
        assert_eq!(pacer.due(Dirty::Clean, now), None);
        assert_eq!(FramePacer::new().due(Dirty::Clean, now), None);
    }

    #[test]
    fn the_first_frame_is_due_at_once() {
        let now = Instant::now();
        for dirty in [Dirty::Soon, Dirty::Now] {
            assert_eq!(FramePacer::new().due(dirty, now), Some(now));
        }
    }

    #[test]
    fn nothing_is_due_before_the_frame_that_is_under_way_is_out() {
        let (mut pacer, last) = paced(&[MS]);
        pacer.begin();
        for dirty in [Dirty::Soon, Dirty::Now] {
            assert_eq!(pacer.due(dirty, last + 1000 * MS), None);
        }
        pacer.out(last + 2000 * MS, 1000 * MS);
        assert!(pacer.due(Dirty::Now, last + 2000 * MS).is_some());
    }

    #[test]
    fn a_key_is_shown_at_once_unless_a_frame_just_went_out() {
        let (pacer, last) = paced(&[150 * MS]);
        assert_eq!(pacer.due(Dirty::Now, last + MS), Some(last + FramePacer::KEYS));
        let later = last + 10 * MS;
        assert!(pacer.due(Dirty::Now, later).expect("due") <= later);
    }

    #[test]
    fn a_stream_goes_at_half_the_speed_of_the_link_within_bounds() {
        for (cost, interval) in [
            (MS, FramePacer::SHORTEST),
            (Duration::ZERO, FramePacer::SHORTEST),
            (40 * MS, 80 * MS),
            (150 * MS, FramePacer::LONGEST),
            (Duration::from_secs(60), FramePacer::LONGEST),
        ] {
            let (pacer, last) = paced(&[cost; 5]);
            let due = pacer.due(Dirty::Soon, last).expect("due");
            let off = (due - last).abs_diff(interval);
            assert!(off < Duration::from_micros(1), "{cost:?}: {:?}", due - last);
        }
    }

    #[test]
    fn one_slow_frame_does_not_set_the_pace() {
        let (pacer, last) = paced(&[MS, MS, MS, 40 * MS]);
        let due = pacer.due(Dirty::Soon, last).expect("due");
        assert_eq!(due - last, FramePacer::SHORTEST);
        let (pacer, last) = paced(&[40 * MS; 30]);
        assert!(pacer.due(Dirty::Soon, last).expect("due") - last > 79 * MS);
    }
}
