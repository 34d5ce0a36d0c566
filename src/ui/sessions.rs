//! The list of all conversations, with the words that were found in them.

use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::app::App;
use crate::app::sessions::{ConversationList, Entry};
use crate::domain::Role;
use crate::domain::action::Action;
use crate::domain::store::{Hit, Said, Summary};
use crate::domain::units::{ago, many};
use crate::text::{sanitize, wrap};
use crate::ui::canvas::{Canvas, paragraph};
use crate::ui::field::text_field;
use crate::ui::overlay::panel;
use crate::ui::{split_bottom, split_top};

/// From this width on there is room for a preview beside the list.
const ROOMY: u16 = 110;
/// Two lines for each row from this height on.
const TALL: u16 = 12;

/// Gives the place of the cursor.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, app: &App, list: &ConversationList) -> Option<Position> {
    let (title, other) = if list.archive { ("Archive", "the others") } else { ("Conversations", "archive") };
    let title = &match &list.renaming {
        Some(_) => "Another title".to_owned(),
        None => format!("{title} {} {} {other}", app.theme.glyphs.dot, app.key(Action::ShowArchive)),
    };
    let width = if area.width >= ROOMY { 150 } else { 96 };
    let inner = panel(canvas, area, app, width.min(area.width), area.height.saturating_sub(area.height / 12), title);
    let (field, below) = split_top(inner, 2);
    let (rows, foot) = split_bottom(below, 1 + u16::from(below.height > 8));
    let cursor = match &list.renaming {
        Some((_, area)) => text_field(canvas, field, app, area),
        None => text_field(canvas, field, app, &list.query),
    };
    let rows = if inner.width >= ROOMY - 10 {
        let (left, right) = (inner.width * 3 / 5, inner.width * 2 / 5);
        preview(canvas, Rect { x: rows.x + left + 2, width: right.saturating_sub(2), ..rows }, app, list);
        Rect { width: left, ..rows }
    } else {
        rows
    };
    if list.is_empty() {
        canvas.lines(rows, &paragraph(nothing(list), usize::from(rows.width), app.theme.muted));
    } else {
        draw_rows(canvas, rows, app, list);
    }
    let foot = Rect { y: foot.bottom().saturating_sub(1), height: foot.height.min(1), ..foot };
    canvas.line(foot, &canvas.cut(&keys(app, list), foot.width, app.theme.muted));
    cursor
}

fn nothing(list: &ConversationList) -> &'static str {
    if !list.is_known() {
        "Looking"
    } else if list.search_ask.is_some() {
        "Searching"
    } else if !list.query.text().trim().is_empty() {
        "Nothing has these words"
    } else if list.archive {
        "The archive is empty"
    } else {
        "Nothing was said yet. What you say is kept, and found here."
    }
}

fn keys(app: &App, list: &ConversationList) -> String {
    let key = |action| app.key(action);
    if list.renaming.is_some() {
        return format!("{} takes the title   {} leaves it", key(Action::Accept), key(Action::Dismiss));
    }
    [
        (Action::Accept, "open"),
        (Action::Rename, "title"),
        (Action::Pin, "pin"),
        (Action::Archive, if list.archive { "take back" } else { "archive" }),
        (Action::DeleteConversation, "delete"),
    ]
    .map(|(action, does)| format!("{} {does}", key(action)))
    .join("  ")
}

fn draw_rows(canvas: &mut Canvas<'_>, area: Rect, app: &App, list: &ConversationList) {
    let theme = &app.theme;
    let lines = if area.height >= TALL { 2 } else { 1 };
    let fit = usize::from((area.height / lines).max(1));
    let first = list.scroll.show(list.selected(), list.len(), fit);
    for (i, entry) in list.entries().enumerate().skip(first).take(fit) {
        let y = area.y + lines * u16::try_from(i - first).unwrap_or(0);
        let row = Rect { y, height: lines, ..area };
        canvas.items.push((row, i));
        let chosen = i == list.selected();
        if chosen {
            canvas.fill(row, theme.selection);
        }
        let (label, detail) = if chosen { (theme.selection, theme.selection) } else { (theme.base, theme.muted) };
        let top = Rect { height: 1, ..row };
        let side = side(app, &entry, entry.id() == app.saved.id, usize::from(top.width / 2));
        let side_width = u16::try_from(wrap::width(&side)).unwrap_or(0).min(top.width / 2);
        let room = top.width.saturating_sub(side_width + 2);
        let below = Rect { x: row.x + 2, y: y + 1, width: row.width.saturating_sub(2), height: 1 };
        match entry {
            Entry::Conversation(summary) => {
                canvas.line(top, &canvas.cut(&title(app, summary), room, label));
                if lines > 1 {
                    canvas.line(below, &canvas.cut(&sanitize(&summary.preview), below.width, detail));
                }
            }
            Entry::Hit(hit) => {
                let found = found(app, hit, if chosen { theme.selection } else { theme.base }, chosen);
                if lines > 1 {
                    let title = format!("{} {}", theme.glyphs.bar, sanitize(&hit.title));
                    canvas.line(top, &canvas.cut(&title, room, detail));
                    canvas.line(below, &wrap::truncate(&found, usize::from(below.width), theme.glyphs.ellipsis));
                } else {
                    canvas.line(top, &wrap::truncate(&found, usize::from(room), theme.glyphs.ellipsis));
                }
            }
        }
        let side_area = Rect { x: top.right() - side_width, width: side_width, ..top };
        canvas.right(side_area, &canvas.cut(&side, side_width, detail));
    }
}

fn title(app: &App, summary: &Summary) -> String {
    let mark = if summary.pinned { format!("{} ", app.theme.glyphs.assistant) } else { String::new() };
    let title = match (summary.title.as_str(), summary.messages) {
        ("", 0) => "Draft",
        ("", _) => "Without a title",
        (title, _) => title,
    };
    format!("{mark}{}", sanitize(title))
}

/// What stands at the right: how old, and where there is room more about it.
fn side(app: &App, entry: &Entry<'_>, here: bool, room: usize) -> String {
    let dot = app.theme.glyphs.dot;
    let (age, more) = match entry {
        Entry::Conversation(summary) if summary.draft && summary.messages > 0 => (summary.age, Some("draft")),
        Entry::Conversation(summary) => (summary.age, None),
        Entry::Hit(hit) => (hit.age, hit.message.map(|(_, role)| if role == Role::User { "you" } else { "model" })),
    };
    let here = here.then_some("here");
    let parts = here.into_iter().chain(more).map(str::to_owned).chain([ago(age)]);
    let whole = parts.collect::<Vec<_>>().join(&format!(" {dot} "));
    if wrap::width(&whole) <= room { whole } else { ago(age) }
}

/// A snippet, with what was looked for in another style.
fn found(app: &App, hit: &Hit, base: ratatui::style::Style, chosen: bool) -> Line<'static> {
    let mark = if chosen { base.add_modifier(ratatui::style::Modifier::BOLD) } else { app.theme.accent };
    let spans = hit
        .snippet
        .iter()
        .map(|(text, is_it)| Span::styled(sanitize(text).replace('\n', " "), if *is_it { mark } else { base }));
    Line::from(spans.collect::<Vec<_>>())
}

/// Messages as they stand beside the list: who, and the beginning of what.
fn said(app: &App, said: &[Said], width: usize) -> Vec<Line<'static>> {
    const LINES: usize = 8;
    let theme = &app.theme;
    let mut lines = Vec::new();
    for message in said {
        let (mark, style) = match message.role {
            Role::User => (theme.glyphs.user, theme.user),
            Role::Assistant | Role::System => (theme.glyphs.assistant, theme.assistant),
        };
        let text = sanitize(message.text.trim()).into_owned();
        let mark = [Span::styled(format!("{mark} "), style)];
        let margin = [Span::raw("  ")];
        let mut rows = wrap::wrap(&[Span::styled(text, theme.base)], width, &mark, &margin);
        if rows.len() > LINES {
            rows.truncate(LINES - 1);
            rows.push(Line::from(Span::styled(format!("  {}", theme.glyphs.ellipsis), theme.muted)));
        }
        lines.extend(rows);
    }
    lines
}

/// More about what is chosen.
fn preview(canvas: &mut Canvas<'_>, area: Rect, app: &App, list: &ConversationList) {
    let theme = &app.theme;
    let Some(entry) = list.chosen() else { return };
    let width = usize::from(area.width);
    let mut lines = paragraph(&sanitize(entry.title()), width, theme.heading);
    match entry {
        Entry::Conversation(summary) => {
            let mut facts = vec![many(usize::try_from(summary.messages).unwrap_or(0), "message"), ago(summary.age)];
            facts.extend(summary.model.clone());
            lines.extend(paragraph(&sanitize(&facts.join(&format!(" {} ", theme.glyphs.dot))), width, theme.muted));
            lines.push(Line::default());
            if list.preview().is_empty() {
                lines.extend(paragraph(&sanitize(&summary.preview), width, theme.base));
            }
        }
        Entry::Hit(hit) => {
            lines.push(Line::default());
            lines.extend(wrap::wrap(&found(app, hit, theme.base, false).spans, width, &[], &[]));
            lines.push(Line::default());
        }
    }
    // The newest is what one looks for: what is above it gives way.
    let room = usize::from(area.height).saturating_sub(lines.len());
    let said = said(app, list.preview(), width);
    let gone = said.len().saturating_sub(room);
    lines.extend(said.into_iter().skip(gone));
    canvas.lines(area, &lines);
}
