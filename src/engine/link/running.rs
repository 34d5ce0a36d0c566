//! The running answer as the parent has seen it, for when it is cut short.

use std::time::{Duration, Instant};

use crate::domain::stats::{GenStats, TokenMeter, Usage};
use crate::domain::{EngineEvent, FinishReason, GenId};

pub(super) struct Answer {
    pub id: GenId,
    prompt_tokens: u32,
    meter: TokenMeter,
}

impl Answer {
    pub fn begin(id: GenId, now: Instant) -> Self {
        Self { id, prompt_tokens: 0, meter: TokenMeter::start(now) }
    }

    pub fn starts(&mut self, prompt_tokens: u32) {
        self.prompt_tokens = prompt_tokens;
    }

    pub fn takes(&mut self, tokens: u32, now: Instant) {
        self.meter.add(tokens, now);
    }

    /// Its end, with what has come through.
    pub fn cut_short(&self, now: Instant) -> EngineEvent {
        let usage =
            Usage { prompt_tokens: self.prompt_tokens, cached_tokens: None, completion_tokens: self.meter.tokens() };
        EngineEvent::Finished { id: self.id, reason: FinishReason::Cancelled, usage, stats: self.meter.stats(now) }
    }

    /// How long the engine may take to stop before its process is killed. Between two tokens it stops by itself, so it
    /// gets the time of a few. While it reads the prompt it can't; then the choice is between waiting for the prompt's
    /// end and loading again, and waiting may cost a quarter of that.
    pub fn patience(&self, load_time: Duration, now: Instant) -> Duration {
        const LEAST: Duration = Duration::from_millis(150);
        let stats = self.meter.stats(now);
        match stats.first_token {
            Some(_) => (stats.decode / self.meter.tokens().max(1) * 4).clamp(LEAST, Duration::from_secs(5)),
            None => (load_time / 4).clamp(LEAST, Duration::from_secs(1)),
        }
    }
}

/// The end of an answer that the engine has not been asked for yet.
pub(super) fn cancelled_before_it_began(id: GenId) -> EngineEvent {
    EngineEvent::Finished { id, reason: FinishReason::Cancelled, usage: Usage::default(), stats: GenStats::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_worth_what_a_new_load_costs() {
        let (t0, ms, s) = (Instant::now(), Duration::from_millis, Duration::from_secs);
        let reading = Answer::begin(GenId(1), t0);
        assert_eq!(reading.patience(ms(400), t0), ms(150));
        assert_eq!(reading.patience(s(2), t0), ms(500));
        assert_eq!(reading.patience(s(60), t0), s(1));

        let answering = |token: Duration| {
            let mut answer = Answer::begin(GenId(1), t0);
            for n in 0..=10 {
                answer.takes(1, t0 + s(3) + token * n);
            }
            answer.patience(s(60), t0 + s(3) + token * 10)
        };
        assert_eq!(answering(ms(10)), ms(150));
        let slow = answering(s(1));
        assert!((s(3)..s(4)).contains(&slow), "{slow:?}");
        assert_eq!(answering(s(10)), s(5));
    }

    #[test]
    fn what_came_through_is_counted() {
        let t0 = Instant::now();
        let mut answer = Answer::begin(GenId(3), t0);
        answer.starts(40);
        answer.takes(2, t0 + Duration::from_secs(1));
        match answer.cut_short(t0 + Duration::from_secs(2)) {
            EngineEvent::Finished { id, reason, usage, stats } => {
                assert_eq!((id, reason), (GenId(3), FinishReason::Cancelled));
                assert_eq!((usage.prompt_tokens, usage.completion_tokens), (40, 2));
                assert_eq!((stats.first_token, stats.total), (Some(Duration::from_secs(1)), Duration::from_secs(2)));
            }
            other => panic!("not its end: {other:?}"),
        }
    }
}
