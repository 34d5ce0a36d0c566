//! The last row: the figures of the running answer, or of the last one.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::app::chat::Phase;
use crate::app::models::downloads::Overall;
use crate::app::{App, EngineStatus};
use crate::domain::DownloadState;
use crate::domain::units::{bytes, grouped, many, percent, seconds, share, whole};
use crate::text::wrap;
use crate::ui::canvas::Canvas;
use crate::ui::composer;

/// One figure: what it is called, and how much it is missed where there is little room (0 goes last).
struct Segment {
    rank: u8,
    spans: Vec<Span<'static>>,
}

impl Segment {
    fn width(&self) -> usize {
        self.spans.iter().map(|span| wrap::width(&span.content)).sum()
    }
}

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, app: &App, now: Instant) {
    let theme = &app.theme;
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
    let mut segments = segments(canvas, app, now, area.width);
    let gap = 3;
    // The least missed goes first, until the rest fits.
    while segments.iter().map(|s| s.width() + gap).sum::<usize>() > usize::from(inner.width) + gap {
        let Some(drop) = segments.iter().enumerate().max_by_key(|(_, s)| s.rank).map(|(i, _)| i) else { break };
        if segments.len() == 1 {
            break;
        }
        segments.remove(drop);
    }
    let mut line = Line::default();
    for (i, segment) in segments.into_iter().enumerate() {
        if i > 0 {
            line.push_span(Span::styled(format!(" {} ", theme.glyphs.dot), theme.faint));
        }
        line.spans.extend(segment.spans);
    }
    canvas.line(inner, &wrap::truncate(&line, usize::from(inner.width), theme.glyphs.ellipsis));
}

/// From this width on figures have their whole names, and the context a gauge.
const ROOMY: u16 = 120;

/// Below this width what is read is told without its size, which the conversation shows.
const NARROW: u16 = 60;

fn segments(canvas: &Canvas<'_>, app: &App, now: Instant, width: u16) -> Vec<Segment> {
    let theme = &app.theme;
    let roomy = width >= ROOMY;
    let mut out = Vec::new();
    let mut add = |rank: u8, spans: Vec<Span<'static>>| out.push(Segment { rank, spans });
    let label = |text: &str| Span::styled(format!("{text} "), theme.muted);
    let value = |text: String| Span::styled(text, theme.base);

    if let Some(mode) = composer::mode(app) {
        add(0, vec![Span::styled(mode, theme.accent)]);
    }
    if let Some((text, style)) = state(app, now, width >= NARROW) {
        add(0, vec![Span::styled(text, style)]);
    }
    if app.scripts > 0 {
        let who = if app.scripts == 1 { "a script asks".to_owned() } else { format!("{} scripts ask", app.scripts) };
        add(1, vec![Span::styled(who, theme.warning)]);
    }
    if let Some(overall) = app.models.downloads.overall() {
        match app.models.running() {
            Some(only) if overall.jobs == 1 => add(1, download_gauge(canvas, app, &only.state)),
            _ => add(1, downloads_gauge(canvas, app, overall)),
        }
    }
    let figures = app.chat.figures(now);
    if let Some(rate) = figures.decode_now {
        let mut spans = vec![value(format!("{rate:.1} tok/s"))];
        if roomy {
            spans.insert(0, label("decode"));
        }
        if figures.spark.len() > 1 {
            spans.push(Span::raw(" "));
            let newest = figures.spark.len().saturating_sub(if roomy { 16 } else { 5 });
            spans.push(Span::styled(sparkline(&figures.spark[newest..], theme.glyphs.spark), theme.sparkline));
        }
        add(2, spans);
    }
    if let Some(first) = figures.stats.first_token {
        add(4, vec![label("first"), value(seconds(first))]);
    }
    if let Some(rate) = figures.stats.prefill_rate(&figures.usage) {
        let unit = if roomy { " tok/s" } else { "/s" };
        add(6, vec![label("prefill"), value(format!("{rate:.0}{unit}"))]);
    }
    if figures.usage.completion_tokens > 0 {
        add(7, vec![label("tokens"), value(figures.usage.completion_tokens.to_string())]);
    }
    if let Some(model) = app.model() {
        let prompt = app.chat.next_prompt(app.chat.system(&app.settings));
        let share = f64::from(prompt) / f64::from(model.context.max(1));
        let style = if share >= 0.85 {
            theme.error
        } else if share >= 0.6 {
            theme.warning
        } else {
            theme.gauge
        };
        let mut spans = vec![label(if roomy { "context" } else { "ctx" })];
        if roomy {
            spans.extend(canvas.gauge(share, 8, style, theme.gauge_empty));
            spans.push(Span::raw(" "));
        }
        let number = if share >= 0.6 { style } else { theme.base };
        spans.push(Span::styled(format!("{prompt}/{}", model.context), number));
        add(3, spans);
    }
    if let Some(memory) = app.memory {
        let mut spans = vec![value(bytes(memory))];
        if roomy {
            spans.insert(0, label("memory"));
        }
        add(5, spans);
    }
    out
}

/// What is going on, in a word or two; nothing when nothing is. `sized`: with how much of it there is.
fn state(app: &App, now: Instant, sized: bool) -> Option<(String, Style)> {
    let theme = &app.theme;
    let time = || app.elapsed(now).map(seconds).unwrap_or_default();
    if let Some(running) = &app.chat.running {
        return Some(match running.phase {
            Phase::Waiting if matches!(app.engine, EngineStatus::Loading { .. }) => {
                ("loading again".into(), theme.warning)
            }
            Phase::Waiting => {
                let to_read = running.to_read.filter(|_| sized);
                let size = to_read.map(|n| format!("{} tokens ", grouped(n))).unwrap_or_default();
                (format!("reading {size}{}", reading_time(app, now)), theme.warning)
            }
            Phase::Streaming => ("answering".into(), theme.good),
            Phase::Stopping => ("stopping".into(), theme.warning),
        });
    }
    match &app.engine {
        EngineStatus::Ready(info) if app.chat.draft_alone() > info.context => {
            Some(("too long for the context".into(), theme.error))
        }
        EngineStatus::Ready(_) => Some(("ready".into(), theme.good)),
        EngineStatus::Asleep(_) => Some(("loads with the next message".into(), theme.muted)),
        EngineStatus::Failed { .. } => Some(("not loaded".into(), theme.error)),
        EngineStatus::Loading { stage, .. } => Some((format!("{} {}", stage.label(), time()), theme.warning)),
        EngineStatus::Empty if !app.models.here.looked() => Some(("looking for models".into(), theme.muted)),
        EngineStatus::Empty => None,
    }
}

/// How long the prompt has been read, and about how long it will be in all where that is known and worth telling.
pub fn reading_time(app: &App, now: Instant) -> String {
    const WORTH_TELLING: Duration = Duration::from_secs(2);
    let so_far = app.elapsed(now).unwrap_or_default();
    match app.chat.reading_time() {
        Some(whole) if whole >= WORTH_TELLING && whole > so_far => {
            format!("{} of about {}", seconds(so_far), about(whole))
        }
        _ => seconds(so_far),
    }
}

/// An estimate has no tenths.
fn about(time: Duration) -> String {
    let whole = Duration::from_secs(time.as_secs() + u64::from(time.subsec_millis() >= 500));
    if whole.as_secs() < 60 { format!("{} s", whole.as_secs()) } else { seconds(whole) }
}

/// A download as a short gauge with its figures.
pub fn download_gauge(canvas: &Canvas<'_>, app: &App, state: &DownloadState) -> Vec<Span<'static>> {
    let theme = &app.theme;
    match state {
        DownloadState::Running { done, total, bytes_per_second, .. } => {
            let share = share(*done, *total);
            let mut spans = canvas.gauge(share, 10, theme.gauge, theme.gauge_empty);
            let mut text = format!(" {} of {}", bytes(*done), bytes(*total));
            if *bytes_per_second > 1.0 {
                let _ = write!(text, " {} {}/s", theme.glyphs.dot, bytes(whole(*bytes_per_second)));
            }
            spans.push(Span::styled(text, theme.base));
            spans
        }
        DownloadState::Verifying { done, total } => {
            let mut spans = canvas.gauge(share(*done, *total), 10, theme.gauge, theme.gauge_empty);
            spans.push(Span::styled(" checking every byte", theme.base));
            spans
        }
        DownloadState::Waiting { done, total, wait, .. } => {
            let mut spans = canvas.gauge(share(*done, *total), 10, theme.warning, theme.gauge_empty);
            let text = format!(" tries again in {} s", wait.as_secs().max(1));
            spans.push(Span::styled(text, theme.warning));
            spans
        }
        DownloadState::Queued => vec![Span::styled("a download waits for its turn", theme.muted)],
        _ => vec![Span::styled("asking where it is", theme.muted)],
    }
}

/// Several as one.
fn downloads_gauge(canvas: &Canvas<'_>, app: &App, overall: Overall) -> Vec<Span<'static>> {
    let theme = &app.theme;
    let Overall { jobs, done, total } = overall;
    let mut spans = canvas.gauge(share(done, total), 10, theme.gauge, theme.gauge_empty);
    spans.push(Span::styled(format!(" {} {}", many(jobs, "download"), percent(done, total)), theme.base));
    spans
}

/// Speeds, against the highest of all. That one does not fill its cell: a steady speed is a line and not a block.
fn sparkline(values: &[f64], glyphs: [&'static str; 8]) -> String {
    let top = values.iter().copied().fold(f64::EPSILON, f64::max);
    let height = |value: &f64| usize::try_from(whole(value / top * 5.0 + 0.5)).unwrap_or(7).min(7);
    values.iter().map(|value| glyphs[height(value)]).collect()
}
