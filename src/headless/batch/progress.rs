//! How far a batch is: a bar where somebody watches, nothing elsewhere.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::domain::stats::Usage;
use crate::domain::units::percent;
use crate::headless::Console;
use crate::headless::progress::{StatusLine, duration, with_gauge};

/// More often than this can't be read.
const DRAW_EVERY: Duration = Duration::from_millis(100);

pub(super) struct Progress {
    pub line: StatusLine,
    /// Lines in all; 0 while nobody knows.
    total: Arc<AtomicU64>,
    tally: Tally,
    /// When the first of them was sent to the engine.
    began: Option<Instant>,
    drawn: Option<Instant>,
}

/// What has become of the lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub answered: u64,
    pub failed: u64,
    /// They were answered by an earlier run.
    pub skipped: u64,
    pub prompt_tokens: u64,
    pub cached_tokens: u64,
    pub tokens: u64,
}

impl Tally {
    /// Lines that this run has done.
    pub fn done(&self) -> u64 {
        self.answered + self.failed
    }

    pub fn count(&mut self, usage: &Usage) {
        self.prompt_tokens += u64::from(usage.prompt_tokens);
        self.cached_tokens += u64::from(usage.cached_tokens.unwrap_or_default());
        self.tokens += u64::from(usage.completion_tokens);
    }
}

impl Progress {
    pub fn new(console: Console, total: Arc<AtomicU64>) -> Self {
        Self { line: StatusLine::new(console), total, tally: Tally::default(), began: None, drawn: None }
    }

    pub fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    /// The engine has its first line: from here on speed means something.
    pub fn begin(&mut self) {
        self.began.get_or_insert_with(Instant::now);
    }

    /// Since the first line was sent to the engine.
    pub fn time(&self) -> Duration {
        self.began.map(|began| began.elapsed()).unwrap_or_default()
    }

    /// `fresh` are the tokens of the answer that is under way.
    pub fn draw(&mut self, fresh: u32) {
        let now = Instant::now();
        if !self.line.is_live() || self.drawn.is_some_and(|last| now.duration_since(last) < DRAW_EVERY) {
            return;
        }
        self.drawn = Some(now);
        let tally = Tally { tokens: self.tally.tokens + u64::from(fresh), ..self.tally };
        let total = self.total.load(Ordering::Relaxed);
        self.line.set(&text(&tally, total, self.time(), StatusLine::width()));
    }
}

fn text(tally: &Tally, total: u64, time: Duration, columns: usize) -> String {
    let past = tally.done() + tally.skipped;
    let mut parts = vec![match total {
        0 => format!("{past} lines"),
        _ => format!("{past} of {total} ({})", percent(past, total)),
    }];
    if tally.failed > 0 {
        parts.push(format!("{} failed", tally.failed));
    }
    let seconds = time.as_secs_f64();
    if tally.tokens > 0 && seconds > 0.5 {
        parts.push(format!("{:.0} tok/s", rate(tally.tokens, seconds)));
    }
    if tally.done() > 0 && total > past {
        let left = seconds / rate(tally.done(), 1.0) * rate(total - past, 1.0);
        parts.push(format!("{} left", duration(Duration::from_secs_f64(left.min(1e9)).as_secs().max(1))));
    }
    let text = parts.join(", ");
    if total == 0 { text } else { with_gauge(&text, past, total, columns) }
}

#[allow(clippy::cast_precision_loss)] // counts of lines and tokens
fn rate(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds
}

/// What a batch was, in a line.
pub(super) fn summary(tally: &Tally, time: Duration) -> String {
    let lines = |count: u64| if count == 1 { "1 line".to_owned() } else { format!("{count} lines") };
    let mut text = format!("{} answered", lines(tally.answered));
    if tally.failed > 0 {
        let _ = write!(text, ", {} failed", tally.failed);
    }
    if tally.skipped > 0 {
        let _ = write!(text, ", {} answered before", tally.skipped);
    }
    let seconds = time.as_secs_f64();
    if tally.tokens > 0 && seconds > 0.0 {
        let _ = write!(
            text,
            "; prompts of {} tokens ({} known from before), answers of {} tokens in {}, {:.1} tok/s",
            tally.prompt_tokens,
            tally.cached_tokens,
            tally.tokens,
            if seconds < 10.0 { format!("{seconds:.1} s") } else { duration(time.as_secs()) },
            rate(tally.tokens, seconds),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_says_how_far_it_is_and_how_long_it_takes() {
        let tally = Tally { answered: 8, failed: 2, skipped: 40, tokens: 500, ..Tally::default() };
        let shown = text(&tally, 200, Duration::from_secs(10), 79);
        assert_eq!(shown, "[######..................] 50 of 200 (25 %), 2 failed, 50 tok/s, 2:30 min left");
        assert_eq!(text(&Tally::default(), 0, Duration::ZERO, 79), "0 lines");
        assert_eq!(text(&Tally { answered: 3, ..tally }, 0, Duration::ZERO, 79), "45 lines, 2 failed");
        assert!(text(&tally, 200, Duration::from_secs(10), 40).starts_with("50 of 200"));
    }

    #[test]
    fn the_summary_leaves_out_what_was_not() {
        let mut tally = Tally { answered: 1, ..Tally::default() };
        assert_eq!(summary(&tally, Duration::ZERO), "1 line answered");
        tally.count(&Usage { prompt_tokens: 30, cached_tokens: Some(20), completion_tokens: 50 });
        assert_eq!(
            summary(&Tally { failed: 2, skipped: 3, ..tally }, Duration::from_secs(2)),
            "1 line answered, 2 failed, 3 answered before; prompts of 30 tokens (20 known from before), answers of 50 tokens in 2.0 s, 25.0 tok/s"
        );
    }
}
