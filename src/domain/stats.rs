//! Numbers about an answer, and the meter that takes them. Pure: the caller brings the clock.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Tokens that an answer took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    pub prompt_tokens: u32,
    /// Prompt tokens whose work was already done; `None` where the engine can't tell.
    pub cached_tokens: Option<u32>,
    pub completion_tokens: u32,
}

impl Usage {
    #[must_use]
    pub fn total(&self) -> u32 {
        self.prompt_tokens + self.completion_tokens
    }
}

/// Times of an answer, by our own clock next to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct GenStats {
    /// From the request to the first token; `None` if there was none.
    pub first_token: Option<Duration>,
    /// From the first token to the last.
    pub decode: Duration,
    pub total: Duration,
}

impl GenStats {
    /// Prompt tokens per second of the time before the first token.
    #[must_use]
    pub fn prefill_rate(&self, usage: &Usage) -> Option<f64> {
        let fresh = usage.prompt_tokens.saturating_sub(usage.cached_tokens.unwrap_or(0));
        self.first_token.and_then(|t| rate(fresh, t))
    }

    /// Tokens per second after the first.
    #[must_use]
    pub fn decode_rate(&self, usage: &Usage) -> Option<f64> {
        rate(usage.completion_tokens.saturating_sub(1), self.decode)
    }
}

fn rate(tokens: u32, time: Duration) -> Option<f64> {
    (tokens > 0 && time > Duration::ZERO).then(|| f64::from(tokens) / time.as_secs_f64())
}

/// Several measurements of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// `None` where nothing was measured.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) {
            f64::midpoint(values[middle - 1], values[middle])
        } else {
            values[middle]
        };
        Some(Self { median, min, max })
    }
}

/// How fast a model has read prompts on this machine. What was measured on a longer one says more.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ReadingPace {
    tokens: u32,
    per_second: f64,
}

impl ReadingPace {
    /// Shorter prompts take no time worth telling, and most of it is not reading.
    const LEAST: u32 = 64;

    /// Tokens that were read before the first one was written.
    pub fn note(&mut self, tokens: u32, time: Duration) {
        if tokens >= Self::LEAST.max(self.tokens / 2)
            && let Some(per_second) = rate(tokens, time)
        {
            *self = Self { tokens, per_second };
        }
    }

    /// What that many should take; `None` while nothing is known.
    #[must_use]
    pub fn time_for(&self, tokens: u32) -> Option<Duration> {
        (self.per_second > 0.0).then(|| Duration::try_from_secs_f64(f64::from(tokens) / self.per_second).ok()).flatten()
    }
}

/// Takes the times of one answer while it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenMeter {
    asked: Instant,
    first: Option<Instant>,
    last: Option<Instant>,
    tokens: u32,
    /// Arrivals of the last `WINDOW`, for the speed of this moment.
    recent: VecDeque<(Instant, u32)>,
    /// Speed once per `SAMPLE`, oldest first, for the sparkline.
    history: VecDeque<f64>,
    next_sample: Option<Instant>,
}

impl TokenMeter {
    const WINDOW: Duration = Duration::from_secs(2);
    const SAMPLE: Duration = Duration::from_millis(250);
    /// Points that the sparkline can have.
    pub const HISTORY: usize = 32;

    #[must_use]
    pub fn start(now: Instant) -> Self {
        Self {
            asked: now,
            first: None,
            last: None,
            tokens: 0,
            recent: VecDeque::new(),
            history: VecDeque::new(),
            next_sample: None,
        }
    }

    pub fn add(&mut self, tokens: u32, now: Instant) {
        if tokens == 0 {
            return;
        }
        self.first.get_or_insert(now);
        self.last = Some(now);
        self.tokens += tokens;
        self.recent.push_back((now, tokens));
        while self.recent.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > Self::WINDOW) {
            self.recent.pop_front();
        }
        let due = *self.next_sample.get_or_insert(now + Self::SAMPLE);
        if now >= due {
            if let Some(rate) = self.rate_now() {
                if self.history.len() == Self::HISTORY {
                    self.history.pop_front();
                }
                self.history.push_back(rate);
            }
            self.next_sample = Some(now + Self::SAMPLE);
        }
    }

    #[must_use]
    pub fn tokens(&self) -> u32 {
        self.tokens
    }

    #[must_use]
    pub fn asked(&self) -> Instant {
        self.asked
    }

    #[must_use]
    pub fn since_first_token(&self, now: Instant) -> Duration {
        self.first.map_or(Duration::ZERO, |first| now.saturating_duration_since(first))
    }

    #[must_use]
    pub fn first_token(&self) -> Option<Duration> {
        self.first.map(|t| t.saturating_duration_since(self.asked))
    }

    /// Tokens per second over the last two seconds.
    #[must_use]
    pub fn rate_now(&self) -> Option<f64> {
        let (start, opening) = *self.recent.front()?;
        let (end, _) = *self.recent.back()?;
        let tokens: u32 = self.recent.iter().map(|(_, n)| n).sum();
        rate(tokens - opening, end.saturating_duration_since(start))
    }

    #[must_use]
    pub fn history(&self) -> &VecDeque<f64> {
        &self.history
    }

    /// The figures so far, or at the end.
    #[must_use]
    pub fn stats(&self, now: Instant) -> GenStats {
        let decode = match (self.first, self.last) {
            (Some(first), Some(last)) => last.saturating_duration_since(first),
            _ => Duration::ZERO,
        };
        GenStats { first_token: self.first_token(), decode, total: now.saturating_duration_since(self.asked) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_leave_out_the_token_that_starts_the_clock() {
        let t0 = Instant::now();
        let mut meter = TokenMeter::start(t0);
        for i in 0..=100u64 {
            meter.add(1, t0 + Duration::from_millis(500 + 10 * i));
        }
        let stats = meter.stats(t0 + Duration::from_secs(2));
        let usage = Usage { prompt_tokens: 50, cached_tokens: None, completion_tokens: 101 };
        assert_eq!(stats.first_token, Some(Duration::from_millis(500)));
        assert_eq!(stats.prefill_rate(&usage), Some(100.0));
        assert_eq!(stats.decode_rate(&usage), Some(100.0));
        assert!((meter.rate_now().expect("tokens came") - 100.0).abs() < 1e-6);
        assert!(!meter.history().is_empty());
    }

    #[test]
    fn a_spread_is_the_middle_and_both_ends() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0]).map(|spread| spread.median), Some(2.5));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn nothing_came_and_nothing_is_made_up() {
        let t0 = Instant::now();
        let stats = TokenMeter::start(t0).stats(t0 + Duration::from_secs(1));
        assert_eq!((stats.first_token, stats.decode), (None, Duration::ZERO));
        assert_eq!(stats.decode_rate(&Usage::default()), None);
    }

    #[test]
    fn a_pace_is_what_the_longest_prompts_showed() {
        let mut pace = ReadingPace::default();
        let s = Duration::from_secs;
        assert_eq!(pace.time_for(100), None);
        pace.note(20, s(1));
        assert_eq!(pace.time_for(100), None, "too short to tell");
        pace.note(1000, s(10));
        assert_eq!(pace.time_for(3000), Some(s(30)));
        pace.note(100, s(10));
        assert_eq!(pace.time_for(3000), Some(s(30)), "a short one after it changes nothing");
        pace.note(800, s(16));
        assert_eq!(pace.time_for(3000), Some(s(60)));
    }

    #[test]
    fn the_window_forgets() {
        let t0 = Instant::now();
        let mut meter = TokenMeter::start(t0);
        meter.add(1000, t0);
        for i in 0..300u64 {
            meter.add(1, t0 + Duration::from_secs(60) + Duration::from_millis(10 * i));
        }
        assert!((meter.rate_now().expect("tokens came") - 100.0).abs() < 1e-6);
    }
}
