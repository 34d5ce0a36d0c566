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
        let stats = self.meter.stats(now);
        EngineEvent::Finished { id: self.id, reason: FinishReason::Cancelled, usage, stats, satisfied: None }
    }

    /// How long the engine may take to stop before its process is killed.
    pub fn patience(&self, load_time: Duration, now: Instant) -> Patience {
        const LEAST: Duration = Duration::from_millis(150);
        let tokens = self.meter.tokens();
        // The first token says nothing of how long one takes.
        let waiting = if tokens >= 2 {
            (self.meter.stats(now).decode / (tokens - 1) * 4).clamp(LEAST, Duration::from_secs(5))
        } else {
            (load_time / 4).clamp(LEAST, Duration::from_secs(1))
        };
        Patience { waiting, idle: load_time.clamp(Duration::from_secs(5), Duration::from_secs(30)) }
    }
}

/// Between two tokens the engine stops by itself. While it reads the prompt it can't, and nobody knows how long that
/// will be; killing it always helps, and costs a load and everything that it had read of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    /// With a message that waits: the time of a few tokens; where that is not known, a quarter of a load, a second at most.
    pub waiting: Duration,
    /// With none it computes for nobody, which may go on for as long as a load would.
    pub idle: Duration,
}

/// The end of an answer that the engine has not been asked for yet.
pub(super) fn cancelled_before_it_began(id: GenId) -> EngineEvent {
    let (usage, stats) = (Usage::default(), GenStats::default());
    EngineEvent::Finished { id, reason: FinishReason::Cancelled, usage, stats, satisfied: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_worth_what_a_new_load_costs() {
        let (t0, ms, s) = (Instant::now(), Duration::from_millis, Duration::from_secs);
        let reading = Answer::begin(GenId(1), t0);
        let patience = |load_time| reading.patience(load_time, t0);
        assert_eq!(patience(ms(400)), Patience { waiting: ms(150), idle: s(5) });
        assert_eq!(patience(s(2)), Patience { waiting: ms(500), idle: s(5) });
        assert_eq!(patience(s(10)), Patience { waiting: s(1), idle: s(10) });
        assert_eq!(patience(s(60)), Patience { waiting: s(1), idle: s(30) });

        let answering = |tokens: u32, token: Duration| {
            let mut answer = Answer::begin(GenId(1), t0);
            for n in 0..tokens {
                answer.takes(1, t0 + s(3) + token * n);
            }
            answer.patience(s(60), t0 + s(3) + token * tokens).waiting
        };
        assert_eq!(answering(1, ms(300)), s(1), "one token has no speed yet");
        assert_eq!(answering(2, ms(300)), ms(1200));
        assert_eq!(answering(11, ms(10)), ms(150));
        assert_eq!(answering(11, s(1)), s(4));
        assert_eq!(answering(11, s(10)), s(5));
    }

    #[test]
    fn what_came_through_is_counted() {
        let t0 = Instant::now();
        let mut answer = Answer::begin(GenId(3), t0);
        answer.starts(40);
        answer.takes(2, t0 + Duration::from_secs(1));
        match answer.cut_short(t0 + Duration::from_secs(2)) {
            EngineEvent::Finished { id, reason, usage, stats, .. } => {
                assert_eq!((id, reason), (GenId(3), FinishReason::Cancelled));
                assert_eq!((usage.prompt_tokens, usage.completion_tokens), (40, 2));
                assert_eq!((stats.first_token, stats.total), (Some(Duration::from_secs(1)), Duration::from_secs(2)));
            }
            other => panic!("not its end: {other:?}"),
        }
    }
}
