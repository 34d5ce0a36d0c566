//! The composer: what is being written, what is offered for it, and how things stand with it.

use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::app::completion::Offer;
use crate::app::text_area::{Layout, Look};
use crate::app::vim::Mode;
use crate::app::{App, Pane};
use crate::domain::units::grouped;
use crate::text::{sanitize, wrap};
use crate::ui::canvas::Canvas;
use crate::ui::chat::prompt;

const OFFERED_ROWS: usize = 8;
/// Columns that an offer has at least before what is said of it.
const NAME: usize = 19;
/// In fewer columns what a command does needs the room that its keys would take.
const WITH_KEYS: u16 = 60;

/// Gives the place of the cursor.
pub(super) fn draw(canvas: &mut Canvas<'_>, panel: Rect, padding: u16, layout: &Layout, app: &App) -> Option<Position> {
    if panel.height == 0 || panel.width < 6 {
        return None;
    }
    let theme = &app.theme;
    canvas.fill(panel, theme.panel);
    let area = &app.chat.composer.area;
    let inner = Rect {
        x: panel.x + 3,
        y: panel.y + padding,
        width: panel.width - 4,
        height: panel.height.saturating_sub(2 * padding).max(1),
    };
    let mark = Rect { x: panel.x + 1, y: inner.y, width: 2, height: 1 };
    canvas.line(mark, &Line::from(Span::styled(theme.glyphs.user, theme.accent.add_modifier(Modifier::BOLD))));
    let (row, column) = area.place(layout);
    let height = usize::from(inner.height);
    let all = layout.rows.len();
    let first = row.saturating_sub(height.saturating_sub(1)).min(all.saturating_sub(height));
    if area.is_empty() {
        let (say, hint) = prompt(app);
        canvas.line(inner, &canvas.cut(&say, inner.width, theme.muted));
        let used = u16::try_from(wrap::width(&say)).unwrap_or(0) + 2;
        let free = Rect { x: inner.x + used.min(inner.width), width: inner.width.saturating_sub(used), ..inner };
        if usize::from(free.width) >= wrap::width(&hint) {
            canvas.right(Rect { height: 1, ..free }, &Line::from(Span::styled(hint, theme.muted)));
        }
    } else {
        for (y, row) in (inner.top()..inner.bottom()).zip(first..all) {
            canvas.line(Rect { y, height: 1, ..inner }, &text_of(app, layout, row));
        }
    }
    if padding > 0 {
        let foot = Rect { y: panel.bottom() - 1, height: 1, width: panel.width - 1, ..panel };
        draw_foot(canvas, Rect { x: inner.x, width: inner.width, ..foot }, app);
        if all > height {
            let count = format!("{} of {all} lines", row + 1);
            canvas.right(foot, &Line::from(Span::styled(count, theme.muted)));
        }
    }
    Some(Position {
        x: inner.x + u16::try_from(column).unwrap_or(0).min(inner.width.saturating_sub(1)),
        y: inner.y + u16::try_from(row - first).unwrap_or(0),
    })
}

/// A row of the text.
fn text_of(app: &App, layout: &Layout, row: usize) -> Line<'static> {
    let theme = &app.theme;
    let stretches = app.chat.composer.area.stretches(layout, row);
    let spans = stretches.into_iter().map(|(text, look)| {
        let style = match look {
            Look::Plain => theme.base,
            Look::Folded => theme.accent,
            // It stands on the panel, which the selection's own ground can be close to.
            Look::Selected => theme.selection.add_modifier(Modifier::REVERSED),
        };
        Span::styled(text.replace('\t', "    ").replace('\u{a0}', " "), style)
    });
    Line::from(spans.collect::<Vec<_>>())
}

/// What there is to say of the text.
fn draw_foot(canvas: &mut Canvas<'_>, area: Rect, app: &App) {
    let theme = &app.theme;
    let said = if app.chat.composer.attaching.is_some() {
        Some(("reading the files".to_owned(), theme.muted))
    } else {
        too_long(app).map(|text| (text, theme.error))
    };
    if let Some((text, style)) = said {
        canvas.line(area, &canvas.cut(&text, area.width.saturating_sub(16), style));
    }
}

/// What is written has no room even by itself.
fn too_long(app: &App) -> Option<String> {
    let (context, alone) = (app.model()?.context, app.chat.draft_alone());
    (alone > context).then(|| format!("too long: {} tokens, and the context has {}", grouped(alone), grouped(context)))
}

/// What Vim's keys do now, and what there is of a command.
pub(super) fn mode(app: &App) -> Option<String> {
    let word = match app.vim_mode().filter(|_| app.pane == Pane::Chat)? {
        Mode::Insert => "INSERT",
        Mode::Normal => "NORMAL",
        Mode::Visual { lines: false, .. } => "VISUAL",
        Mode::Visual { lines: true, .. } => "VISUAL LINE",
    };
    let pending = app.chat.composer.vim.pending();
    Some(if pending.is_empty() { word.to_owned() } else { format!("{word} {pending}") })
}

/// What completes the text, right above the composer.
pub(super) fn offers(canvas: &mut Canvas<'_>, above: Rect, column: Rect, app: &App) {
    if !app.suggesting() {
        return;
    }
    let theme = &app.theme;
    let all = app.chat.composer.completion.offers();
    let rows = all.len().min(OFFERED_ROWS).min(usize::from(above.height));
    let chosen = app.chat.composer.completion.selected();
    let first = app.chat.composer.completion.scroll.show(chosen, all.len(), rows);
    let height = u16::try_from(rows).unwrap_or(0);
    let area = Rect { x: column.x, y: above.bottom() - height, width: column.width, height };
    canvas.fill(area, theme.panel);
    let details = details_at(all, usize::from(area.width));
    for (i, offer) in all.iter().enumerate().skip(first).take(rows) {
        let y = area.y + u16::try_from(i - first).unwrap_or(0);
        let row = Rect { y, height: 1, ..area };
        canvas.items.push((row, i));
        let styles = if i == chosen {
            canvas.fill(row, theme.selection);
            (theme.selection, theme.selection)
        } else {
            (theme.accent, theme.muted)
        };
        let inner = Rect { x: row.x + 1, width: row.width.saturating_sub(2), ..row };
        draw_offer(canvas, inner, app, offer, details, styles);
    }
}

/// The column where it is said what offers are: behind the longest, as far as that leaves room for both.
fn details_at(offers: &[Offer], width: usize) -> usize {
    let longest = offers.iter().map(|offer| wrap::width(&written(offer))).max().unwrap_or(0);
    (longest + 2).clamp(NAME, (width * 2 / 3).max(NAME))
}

/// As it is offered.
fn written(offer: &Offer) -> String {
    match offer {
        Offer::Command(action) => match action.argument() {
            Some(argument) => format!("/{} {argument}", action.name()),
            None => format!("/{}", action.name()),
        },
        Offer::Value { value, .. } => sanitize(value).into_owned(),
        Offer::Path(entry) if entry.is_file => sanitize(&entry.name).into_owned(),
        Offer::Path(entry) => format!("{}/", sanitize(&entry.name)),
    }
}

fn draw_offer(
    canvas: &mut Canvas<'_>,
    row: Rect,
    app: &App,
    offer: &Offer,
    details: usize,
    (name, what): (Style, Style),
) {
    let ellipsis = app.theme.glyphs.ellipsis;
    let offered = written(offer);
    let space = " ".repeat(details.saturating_sub(wrap::width(&offered)).max(2));
    let line = |detail: &str| {
        let parts = vec![Span::styled(offered.clone() + &space, name), Span::styled(detail.to_owned(), what)];
        Line::from(parts)
    };
    match offer {
        Offer::Command(action) => {
            let keys = if row.width < WITH_KEYS { String::new() } else { app.key_outside(*action) };
            let width = if row.width < WITH_KEYS { row.width } else { row.width - 10 };
            canvas.line(row, &wrap::truncate(&line(action.description()), usize::from(width), ellipsis));
            canvas.right(row, &Line::from(Span::styled(keys, what)));
        }
        Offer::Value { detail, .. } => {
            canvas.line(row, &wrap::truncate(&line(&sanitize(detail)), usize::from(row.width), ellipsis));
        }
        Offer::Path(_) => {
            canvas.line(row, &canvas.cut(&offered, row.width, name));
        }
    }
}
