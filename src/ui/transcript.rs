//! The conversation, what is pointed at in it, and the field of the search.

use std::time::Instant;

use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::app::chat::Phase;
use crate::app::transcript::{Marked, Selected, Unit, View, taking};
use crate::app::{App, EngineStatus};
use crate::domain::action::Action;
use crate::domain::units::{grouped, many, seconds};
use crate::text::wrap;
use crate::ui::canvas::Canvas;
use crate::ui::field::text_field;
use crate::ui::{split_left, split_right, status};

/// How the settings want a conversation shown. How long ago something was is told where there is a `now` for it.
pub fn view(app: &App, area: Rect, now: Option<Instant>) -> View {
    let chat = &app.settings.chat;
    View {
        area,
        reasoning: chat.show_reasoning,
        fold_after: usize::try_from(chat.fold_after).unwrap_or(usize::MAX),
        line_numbers: chat.line_numbers,
        details: chat.details,
        time: now.map(|now| app.wall_clock(now)),
    }
}

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, app: &mut App, now: Instant) {
    let view = view(app, area, Some(now));
    app.chat.transcript.prepare(&app.chat.conversation, view, &app.theme);
    let shown = rows(canvas, area, app);
    let theme = &app.theme;
    // What the model is doing while there is nothing to read yet.
    if let Some(running) = &app.chat.running
        && running.phase == Phase::Waiting
        && app.chat.transcript.follows()
        && area.height > 0
    {
        let y = area.y + shown.saturating_sub(1).min(area.height - 1);
        let time = seconds(now.saturating_duration_since(running.meter.asked()));
        let dot = theme.glyphs.dot;
        let text = match (&app.engine, running.to_read) {
            (EngineStatus::Loading { stage, .. }, _) => {
                format!("loading the model again, {} {dot} {time}", stage.label())
            }
            (_, Some(tokens)) => {
                let time = status::reading_time(app, now);
                format!("reading the prompt {dot} {} tokens {dot} {time}", grouped(tokens))
            }
            (_, None) => format!("reading the prompt {dot} {time}"),
        };
        let line = canvas.cut(&text, area.width, theme.muted);
        canvas.line(Rect { y, height: 1, ..area }, &line);
    }
    if app.chat.transcript.more_below() {
        let last = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
        canvas.right(last, &Line::from(Span::styled(more_below(app, area.width), theme.selection)));
    }
}

/// The rows in sight with all that is marked in them. Gives their number.
fn rows(canvas: &mut Canvas<'_>, area: Rect, app: &App) -> u16 {
    let theme = &app.theme;
    let mut y = area.y;
    for row in app.chat.transcript.rows(&app.chat.conversation, theme) {
        if y >= area.bottom() {
            break;
        }
        let at = Rect { y, height: 1, ..area };
        canvas.line(at, &row.line);
        if let Some(number) = row.shown.number {
            let number = Line::from(Span::styled(format!("{number} "), theme.code.patch(theme.muted)));
            canvas.right(at, &number);
        }
        for (columns, here) in &row.shown.found {
            canvas.paint(part(at, columns), if *here { theme.found_here } else { theme.found });
        }
        match &row.shown.marked {
            Marked::No => {}
            Marked::Edge => edge(canvas, at, app),
            Marked::Whole => {
                canvas.paint(at, theme.selection);
                edge(canvas, at, app);
            }
            Marked::Columns(columns) => canvas.paint(part(at, columns), theme.selection),
        }
        y += 1;
    }
    y - area.y
}

/// The mark left of a row, in the margin; where there is none, on the row's first cell.
fn edge(canvas: &mut Canvas<'_>, row: Rect, app: &App) {
    let x = row.x.saturating_sub(1);
    let bar = Line::from(Span::styled(app.theme.glyphs.bar, app.theme.accent));
    canvas.line(Rect { x, width: 1, ..row }, &bar);
}

/// Columns of a row as cells.
fn part(row: Rect, columns: &std::ops::Range<usize>) -> Rect {
    let cell = |column: usize| u16::try_from(column).unwrap_or(u16::MAX).min(row.width);
    let (from, to) = (cell(columns.start), cell(columns.end));
    Rect { x: row.x + from, width: to.saturating_sub(from), ..row }
}

fn more_below(app: &App, width: u16) -> String {
    let glyphs = &app.theme.glyphs;
    let key = app.key(Action::ScrollBottom);
    let all = app.chat.conversation.len();
    let place = match app.chat.transcript.last_in_sight() {
        Some(last) if width >= 60 && all > 2 => format!(" {} message {} of {all}", glyphs.dot, last + 1),
        _ => String::new(),
    };
    format!(" {} more below{place} {} {key} ", glyphs.down, glyphs.dot)
}

/// The row above the composer while somebody points at something: what it is, and what can be done.
pub fn reading(app: &App) -> Option<(&'static str, String, String)> {
    if !app.is_reading() {
        return None;
    }
    let cursor = app.chat.transcript.cursor()?;
    let selected = cursor.selected(&app.chat.conversation)?;
    let what = match selected {
        Selected::Messages(from, to) if from == to => {
            app.chat.conversation.at(from).map(taking::name).unwrap_or_default().to_owned()
        }
        Selected::Messages(from, to) => many(to + 1 - from, "message"),
        Selected::Code { number, .. } => format!("code {number}"),
        Selected::Lines((from, first), (to, last)) if from == to => many(last + 1 - first, "line"),
        Selected::Lines(..) => "lines of several messages".to_owned(),
    };
    let dot = app.theme.glyphs.dot;
    let key = |action| app.key(action);
    let select = if cursor.unit == Unit::Line { "selects" } else { "selects lines" };
    let hint = format!(
        "{} copies {dot} {} {select} {dot} {} all keys {dot} {} writes",
        key(Action::CopySelection),
        key(Action::Mark),
        app.keys(Action::Help).last().cloned().unwrap_or_default(),
        key(Action::LeaveReading),
    );
    Some(("read", what, hint))
}

/// The field of the search. Gives the place of the cursor.
pub fn find(canvas: &mut Canvas<'_>, area: Rect, app: &App) -> Option<Position> {
    let find = app.chat.transcript.find.as_ref().filter(|_| app.is_finding())?;
    let theme = &app.theme;
    canvas.fill(area, theme.panel);
    let (number, of) = find.number();
    let (count, style) = match (find.needle(), of) {
        (None, _) => (String::new(), theme.muted),
        (Some(_), 0) => ("not found".to_owned(), theme.warning),
        (Some(_), _) => (format!("{number}/{of}"), theme.accent),
    };
    let dot = theme.glyphs.dot;
    let (next, leave) = (app.key(Action::HitNext), app.key(Action::LeaveFinding));
    let before = app.keys(Action::HitPrevious).last().cloned().unwrap_or_default();
    let keys = if app.commands_vim() {
        format!("{next} goes there {dot} {leave} closes")
    } else {
        format!("{next} next {dot} {before} before {dot} {leave} closes")
    };
    let (word, rest) = split_left(area, 6);
    canvas.line(word, &Line::from(Span::styled(" find", theme.accent)));
    let side = |text: &str| u16::try_from(wrap::width(text) + 2).unwrap_or(u16::MAX);
    // The field matters more than what the keys do.
    let shows_keys = rest.width >= side(&count) + side(&keys) + 20;
    let (rest, hint) = split_right(rest, if shows_keys { side(&keys) } else { 0 });
    canvas.right(hint, &Line::from(Span::styled(format!("{keys} "), theme.muted)));
    let (field, number) = split_right(rest, if count.is_empty() { 0 } else { side(&count) });
    canvas.right(number, &Line::from(Span::styled(format!("{count} "), style)));
    text_field(canvas, field, app, &find.field)
}
