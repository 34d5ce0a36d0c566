//! The Models pane: its three places, what is under way at the top, and what they have in common.
//!
//! | file | draws |
//! |---|---|
//! | `here` | what is on this machine |
//! | `find` | search field, filters, catalog, what the Hub has |
//! | `page` | one repository |
//! | `downloads` | the queue, and what became of those before |

mod downloads;
mod find;
mod here;
mod page;

use std::time::Instant;

use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::app::list::Scroll;
use crate::app::models::{Drawn, Place};
use crate::app::{App, EngineStatus};
use crate::config::theme::Theme;
use crate::domain::action::Action;
use crate::domain::fit::Verdict;
use crate::domain::units::seconds;
use crate::error::UserError;
use crate::text::wrap;
use crate::ui::canvas::{Canvas, paragraph};
use crate::ui::{TABLE_WIDTH, split_bottom, split_top};

/// From this width on what is chosen is told of beside the list, not under it.
const WIDE: u16 = 124;
/// A list and what stands beside it are never wider.
const WIDEST: u16 = 190;
/// The list beside the details, at least and at most.
const LIST: (u16, u16) = (78, 106);

/// Gives the place of the cursor.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, app: &mut App, now: Instant) -> Option<Position> {
    let most = if area.width >= WIDE { WIDEST } else { TABLE_WIDTH };
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2).min(most), ..area };
    let gap = u16::from(area.height > 12);
    let (_, inner) = split_top(inner, gap);
    let (top, inner) = split_top(inner, 1 + gap);
    let mut drawn = Drawn { places_row: top.y, ..Drawn::default() };
    places(canvas, top, app, &mut drawn);
    let inner = banner(canvas, inner, app, now);
    let cursor = match app.models.place {
        Place::Here => {
            here::draw(canvas, inner, app, now);
            None
        }
        Place::Find if app.models.page().is_some() => {
            page::draw(canvas, inner, app);
            None
        }
        Place::Find => find::draw(canvas, inner, app),
        Place::Downloads => {
            downloads::draw(canvas, inner, app);
            None
        }
    };
    app.models.drawn = drawn;
    cursor
}

/// The names of the places with their keys; the disk at the right.
fn places(canvas: &mut Canvas<'_>, area: Rect, app: &App, drawn: &mut Drawn) {
    let theme = &app.theme;
    let roomy = area.width >= 60;
    let counts = [app.models.models().len(), 0, app.models.downloads.under_way().count()];
    let actions = [Action::ShowHere, Action::ShowFind, Action::ShowDownloads];
    let mut x = area.x;
    for ((place, count), action) in Place::ALL.into_iter().zip(counts).zip(actions) {
        let is_front = place == app.models.place;
        let style = if is_front { theme.accent.add_modifier(Modifier::BOLD) } else { theme.muted };
        let key = if app.models.types() { String::new() } else { app.key(action) };
        let mut spans = vec![Span::styled(key, theme.accent), Span::raw(" ")];
        spans.push(Span::styled(place.title(), style));
        if count > 0 && roomy {
            spans.push(Span::styled(format!(" {count}"), theme.muted));
        }
        let free = Rect { x, width: area.right().saturating_sub(x), ..area };
        let end = canvas.line(free, &Line::from(spans));
        drawn.places.push((place, x..end));
        x = end + if roomy { 4 } else { 2 };
    }
    if app.models.place == Place::Here {
        let free = Rect { x, width: area.right().saturating_sub(x), ..area };
        here::disk(canvas, free, app);
    }
}

/// What the engine is doing, at the top; gives what is left.
fn banner(canvas: &mut Canvas<'_>, area: Rect, app: &App, now: Instant) -> Rect {
    let theme = &app.theme;
    match &app.engine {
        EngineStatus::Loading { name, stage, .. } => {
            let time = app.elapsed(now).map(seconds).unwrap_or_default();
            let dot = theme.glyphs.dot;
            let line = Line::from(vec![
                Span::styled(format!("Loading {name} "), theme.base),
                Span::styled(format!("{dot} {} {dot} {time}", stage.label()), theme.muted),
                Span::styled(format!("   {} cancels", app.key(Action::CancelJob)), theme.muted),
            ]);
            let (top, rest) = split_top(area, 2);
            canvas.line(top, &wrap::truncate(&line, usize::from(area.width), theme.glyphs.ellipsis));
            rest
        }
        EngineStatus::Failed { name, error } => {
            let mut lines = vec![Line::from(Span::styled(format!("{name} did not load"), theme.error))];
            lines.extend(error_lines(error, usize::from(area.width), theme, theme.base));
            // The list is what helps: half of the screen is its own.
            lines.truncate(usize::from(area.height / 2));
            let (top, rest) = split_top(area, u16::try_from(lines.len()).unwrap_or(0) + 1);
            canvas.lines(top, &lines);
            rest
        }
        EngineStatus::Empty | EngineStatus::Ready(_) | EngineStatus::Asleep(_) => area,
    }
}

/// Where a place puts what it has.
struct Parts {
    list: Rect,
    detail: Rect,
    /// Keys with what they do here.
    foot: Rect,
}

/// Divides a place: the details beside the list where there is room, else `rows` of them under it.
fn parts(canvas: &mut Canvas<'_>, area: Rect, theme: &Theme, rows: u16) -> Parts {
    let (area, foot) = split_bottom(area, u16::from(area.height >= 6));
    if area.width >= WIDE - 2 {
        let width = (area.width * 58 / 100).clamp(LIST.0, LIST.1);
        let list = Rect { width, ..area };
        let line = Line::from(Span::styled(theme.glyphs.vertical, theme.border));
        for y in area.top()..area.bottom().saturating_sub(1) {
            canvas.line(Rect { x: list.right() + 1, y, width: 1, height: 1 }, &line);
        }
        let detail = Rect { x: list.right() + 4, width: area.width - width - 4, ..area };
        let (list, _) = split_bottom(list, 1);
        return Parts { list, detail, foot };
    }
    if area.height < 10 {
        return Parts { list: area, detail: Rect { height: 0, ..area }, foot };
    }
    let (list, detail) = split_bottom(area, rows.min(area.height / 2));
    let (rule, detail) = split_top(detail, 1);
    let width = usize::from(rule.width);
    canvas.line(rule, &Line::from(Span::styled(theme.glyphs.rule.repeat(width), theme.border)));
    Parts { list, detail, foot }
}

/// Draws the rows of a list that are on the screen, and no others.
fn rows(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (scroll, selected, len): (&Scroll, usize, usize),
    selection: Style,
    mut draw: impl FnMut(&mut Canvas<'_>, Rect, usize, bool),
) {
    let height = usize::from(area.height);
    let first = scroll.show(selected, len, height);
    for (y, row) in (area.top()..area.bottom()).zip(first..len) {
        let at = Rect { y, height: 1, ..area };
        let chosen = row == selected;
        if chosen {
            canvas.fill(at, selection);
        }
        draw(canvas, at, row, chosen);
    }
}

/// A row of keys with what they do, as many as there is room for.
pub fn keys(app: &App, width: u16, actions: &[(Action, &str)]) -> Line<'static> {
    let mut line = Line::default();
    for (action, what) in actions {
        let (key, what) = (app.key(*action), format!(" {what}   "));
        let wider = wrap::line_width(&line) + wrap::width(&key) + wrap::width(what.trim_end());
        if wider > usize::from(width) {
            break;
        }
        line.push_span(Span::styled(key, app.theme.accent));
        line.push_span(Span::styled(what, app.theme.muted));
    }
    line
}

fn error_lines(error: &UserError, width: usize, theme: &Theme, style: Style) -> Vec<Line<'static>> {
    let mut lines = paragraph(&error.message, width, style);
    if let Some(hint) = &error.hint {
        lines.extend(paragraph(hint, width, theme.muted));
    }
    lines
}

/// A verdict as a word of its colour.
fn verdict_word(verdict: Option<Verdict>, theme: &Theme) -> (&'static str, Style) {
    match verdict {
        Some(Verdict::Fits) => (Verdict::Fits.label(), theme.good),
        Some(Verdict::Tight) => (Verdict::Tight.label(), theme.warning),
        Some(Verdict::TooLarge) => (Verdict::TooLarge.label(), theme.error),
        None => ("", theme.muted),
    }
}

/// The mark before a row.
fn pointer(app: &App, chosen: bool) -> Span<'static> {
    if chosen { Span::styled(format!("{} ", app.theme.glyphs.pointer), app.theme.selection) } else { Span::raw("  ") }
}
