//! What is under way, on stderr: one line that is redrawn where somebody watches, a line now and then in a log.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::domain::DownloadState;
use crate::domain::hub::Files;
use crate::domain::units::{bytes, percent, whole};
use crate::headless::console::{Console, say};
use crate::text::sanitize;

/// A line on the terminal that the next one replaces. It is gone when this is dropped.
pub(super) struct StatusLine {
    console: Console,
    shown: bool,
}

impl StatusLine {
    pub fn new(console: Console) -> Self {
        Self { console, shown: false }
    }

    pub fn is_live(&self) -> bool {
        self.console.err.terminal && !self.console.quiet
    }

    /// Shows `text` instead of what was there; nothing where nobody watches.
    pub fn set(&mut self, text: &str) {
        if !self.is_live() {
            return;
        }
        let text: String = sanitize(text).chars().take(Self::width()).collect();
        say(&format!("\r\x1b[2K{text}"));
        self.shown = true;
    }

    /// Columns that there are.
    pub fn width() -> usize {
        let columns = rustix::termios::tcgetwinsize(std::io::stderr()).map_or(80, |size| usize::from(size.ws_col));
        columns.max(20) - 1
    }

    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            say("\r\x1b[2K");
        }
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Tells of a download.
pub(super) struct DownloadProgress {
    console: Console,
    line: StatusLine,
    name: String,
    told: Option<Instant>,
    began: bool,
}

impl DownloadProgress {
    /// In a log a line as often as this is enough.
    const LOG_EVERY: Duration = Duration::from_secs(10);
    /// On a terminal more often than this can't be read.
    const DRAW_EVERY: Duration = Duration::from_millis(100);

    pub fn new(console: Console, name: String) -> Self {
        Self { console, line: StatusLine::new(console), name, told: None, began: false }
    }

    pub fn show(&mut self, state: &DownloadState) {
        let every = if self.line.is_live() { Self::DRAW_EVERY } else { Self::LOG_EVERY };
        let now = Instant::now();
        match state {
            DownloadState::Queued | DownloadState::Resolving => self.line.set(&format!("looking for {}", self.name)),
            DownloadState::Running { done, total, bytes_per_second, source, files } => {
                if !std::mem::replace(&mut self.began, true) {
                    self.line.clear();
                    self.console.note(&format!("getting {} ({}) from {source}", self.name, bytes(*total)));
                    self.told = Some(now);
                } else if self.told.is_some_and(|last| now.duration_since(last) < every) {
                    return;
                } else if !self.line.is_live() {
                    self.console.note(&plain(*done, *total, *bytes_per_second, *files));
                    self.told = Some(now);
                }
                if self.line.is_live() {
                    self.line.set(&bar(*done, *total, *bytes_per_second, *files, StatusLine::width()));
                    self.told = Some(now);
                }
            }
            DownloadState::Paused { .. } => self.line.set("paused"),
            DownloadState::Waiting { wait, error, .. } => {
                let text = format!("{}: trying again in {}", error.message, duration(wait.as_secs().max(1)));
                if self.line.is_live() {
                    self.line.set(&text);
                } else if self.told.is_none_or(|last| now.duration_since(last) >= every) {
                    self.console.note(&text);
                    self.told = Some(now);
                }
            }
            DownloadState::Verifying { done, total } => self.line.set(&format!("checking {}", percent(*done, *total))),
            DownloadState::Done { .. } | DownloadState::Cancelled | DownloadState::Failed { .. } => self.line.clear(),
        }
    }
}

/// What there is to say of a download, with a bar.
fn bar(done: u64, total: u64, rate: f64, files: Files, columns: usize) -> String {
    let text = plain(done, total, rate, files);
    with_gauge(&text, done, total, columns)
}

/// A text with as much of a bar before it as fits into so many columns.
pub(super) fn with_gauge(text: &str, done: u64, total: u64, columns: usize) -> String {
    const WIDTH: usize = 24;
    let width = columns.saturating_sub(text.chars().count() + "[] ".len()).min(WIDTH);
    if width < WIDTH / 3 {
        return text.to_owned();
    }
    let cells = u128::from(done.min(total)) * width as u128 / u128::from(total.max(1));
    let filled = usize::try_from(cells).unwrap_or(width);
    format!("[{}{}] {text}", "#".repeat(filled), ".".repeat(width - filled))
}

fn plain(done: u64, total: u64, rate: f64, files: Files) -> String {
    let mut text = match total {
        0 => bytes(done),
        _ => format!("{} of {} ({})", bytes(done), bytes(total), percent(done, total)),
    };
    if let Some(files) = files.label() {
        let _ = write!(text, ", {files}");
    }
    let rate = whole(rate);
    if rate > 0 {
        let left = total.saturating_sub(done).div_ceil(rate);
        let _ = write!(text, ", {}/s", bytes(rate));
        if left > 0 {
            let _ = write!(text, ", {} left", duration(left));
        }
    }
    text
}

pub(super) fn duration(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m}:{s:02} min"),
        (h, m, _) => format!("{h}:{m:02} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        for (seconds, text) in [(1, "1 s"), (59, "59 s"), (61, "1:01 min"), (7300, "2:01 h")] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn a_bar_is_right_at_its_ends_and_without_a_total() {
        assert!(bar(0, 100, 0.0, Files::ONE, 79).starts_with("[........................] 0 B of 100 B (0 %)"));
        assert!(bar(100, 100, 5.0, Files::ONE, 79).starts_with("[########################] 100 B of 100 B (100 %)"));
        assert!(bar(5, 0, 5.0, Files::ONE, 79).ends_with("] 5 B, 5 B/s"), "{}", bar(5, 0, 5.0, Files::ONE, 79));
        for columns in 19..90 {
            let line = bar(50_000_000, 100_000_000, 9e6, Files::ONE, columns);
            assert!(line.contains("50 MB of 100 MB (50 %), 9.0 MB/s, 6 s left"), "{line}");
            assert!(line.len() <= columns.max(45), "{line}");
        }
        let several = bar(50_000_000, 100_000_000, 9e6, Files { done: 2, total: 7 }, 79);
        assert!(several.ends_with("] 50 MB of 100 MB (50 %), 2 of 7 files, 9.0 MB/s, 6 s left"), "{several}");
        assert!(
            bar(50, 100, 10.0, Files::ONE, 79).ends_with("10 B/s, 5 s left"),
            "{}",
            bar(50, 100, 10.0, Files::ONE, 79)
        );
    }
}
