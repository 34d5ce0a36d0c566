//! What stands in front of a pane: help, palette, pickers, a value that is typed, a question; and toasts.

use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::app::chat::Wish;
use crate::app::picker::Picker;
use crate::app::room::{Choice, Room};
use crate::app::settings::ValueEditor;
use crate::app::text_area::TextArea;
use crate::app::wishes::SchemaField;
use crate::app::{App, Confirm, Overlay, PathField, ToastKind};
use crate::domain::action::Action;
use crate::domain::units::grouped;
use crate::error::UserError;
use crate::text::sanitize;
use crate::text::wrap;
use crate::ui::canvas::{Canvas, paragraph};
use crate::ui::field::text_field;
use crate::ui::{compare, help, prompt_search, sessions, split_bottom, split_top};

/// Gives the place of the cursor.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, app: &mut App) -> Option<Position> {
    // What is behind it can't be clicked.
    canvas.items.clear();
    // The help's scroll is held to its length here, where that is known.
    if let Some(Overlay::Help { scroll }) = &app.overlay {
        let scroll = help::draw(canvas, area, app, *scroll);
        app.overlay = Some(Overlay::Help { scroll });
        return None;
    }
    // What is laid out of the answers is kept with them.
    if matches!(app.overlay, Some(Overlay::Compare(_)))
        && let Some(Overlay::Compare(mut both)) = app.overlay.take()
    {
        compare::draw(canvas, area, app, &mut both);
        app.overlay = Some(Overlay::Compare(both));
        return None;
    }
    match &app.overlay {
        Some(Overlay::Palette(picker)) => picker_at(canvas, area, app, picker, 72),
        Some(Overlay::Themes { picker, .. }) => picker_at(canvas, right_side(area), app, picker, 44),
        Some(Overlay::Value(editor)) => Some(value(canvas, area, app, editor)),
        Some(Overlay::Conversations(list)) => sessions::draw(canvas, area, app, list),
        Some(Overlay::Prompts(search)) => prompt_search::draw(canvas, area, app, search),
        Some(Overlay::Schema(field)) => schema(canvas, area, app, field),
        Some(Overlay::Import(field)) => import(canvas, area, app, field),
        Some(Overlay::Confirm(confirm)) => {
            question(canvas, area, app, confirm);
            None
        }
        Some(Overlay::Room(room)) => {
            no_room(canvas, area, app, room);
            None
        }
        Some(Overlay::Help { .. } | Overlay::Compare(_)) | None => None,
    }
}

/// A theme is chosen beside the conversation, not over it.
fn right_side(area: Rect) -> Rect {
    if area.width < 100 { area } else { Rect { x: area.x + area.width - 50, width: 48, ..area } }
}

/// A box in the middle, an empty line below the top; gives its inside.
pub(super) fn panel(canvas: &mut Canvas<'_>, area: Rect, app: &App, width: u16, height: u16, title: &str) -> Rect {
    let theme = &app.theme;
    let width = width.min(area.width);
    let height = height.min(area.height);
    let x = area.x + (area.width - width) / 2;
    let y = area.y + (area.height - height) / 4;
    let outer = Rect { x, y, width, height };
    canvas.fill(outer, theme.panel);
    let [top_left, top_right, bottom_left, bottom_right] = theme.glyphs.corners;
    let rule = theme.glyphs.rule.repeat(usize::from(width.saturating_sub(2)));
    let border = |left: &str, right: &str| Line::from(Span::styled(format!("{left}{rule}{right}"), theme.border));
    canvas.line(outer, &border(top_left, top_right));
    let bottom = Rect { y: outer.bottom().saturating_sub(1), height: 1, ..outer };
    canvas.line(bottom, &border(bottom_left, bottom_right));
    for y in outer.top() + 1..outer.bottom().saturating_sub(1) {
        let side = Line::from(Span::styled(theme.glyphs.vertical, theme.border));
        canvas.line(Rect { y, height: 1, ..outer }, &side);
        canvas.line(Rect { x: outer.right().saturating_sub(1), y, width: 1, height: 1 }, &side);
    }
    let name = Rect { x: outer.x + 2, width: outer.width.saturating_sub(4), ..outer };
    canvas.line(name, &canvas.cut(&format!(" {title} "), name.width, theme.accent.add_modifier(Modifier::BOLD)));
    Rect {
        x: outer.x + 2,
        y: outer.y + 1,
        width: outer.width.saturating_sub(4),
        height: outer.height.saturating_sub(2),
    }
}

fn picker_at(canvas: &mut Canvas<'_>, area: Rect, app: &App, picker: &Picker, width: u16) -> Option<Position> {
    let theme = &app.theme;
    let rows = u16::try_from(picker.all()).unwrap_or(u16::MAX).saturating_add(4);
    let inner = panel(canvas, area, app, width, area.height.saturating_sub(2).min(22).min(rows), picker.title);
    let (field, list) = split_top(inner, 2);
    let cursor = text_field(canvas, field, app, &picker.query);
    let height = usize::from(list.height);
    let first = picker.scroll.show(picker.selected(), picker.rows().len(), height);
    if picker.rows().len() == 0 {
        canvas.line(list, &Line::from(Span::styled("Nothing matches", theme.muted)));
    }
    for (i, (row, pieces)) in picker.shown(first, height).into_iter().enumerate() {
        let at = Rect { y: list.y + u16::try_from(i).unwrap_or(0), height: 1, ..list };
        canvas.items.push((at, first + i));
        let chosen = first + i == picker.selected();
        if chosen {
            canvas.fill(at, theme.selection);
        }
        let (label, detail) = if chosen { (theme.selection, theme.selection) } else { (theme.base, theme.muted) };
        let beside = sanitize(&row.detail);
        let detail_width = u16::try_from(wrap::width(&beside)).unwrap_or(0).min(at.width / 2);
        let line = marked(&pieces, row.kind, label, detail, app, chosen);
        let room = usize::from(at.width.saturating_sub(detail_width + 1));
        canvas.line(at, &wrap::truncate(&line, room, theme.glyphs.ellipsis));
        let side = Rect { x: at.right() - detail_width, width: detail_width, ..at };
        canvas.right(side, &canvas.cut(&beside, detail_width, detail));
    }
    cursor
}

/// A row's kind and label, with the letters that were typed.
fn marked(
    pieces: &[(String, bool)],
    kind: &str,
    label: Style,
    detail: Style,
    app: &App,
    chosen: bool,
) -> Line<'static> {
    let found = if chosen { label.add_modifier(Modifier::BOLD | Modifier::UNDERLINED) } else { app.theme.accent };
    let mut of_kind = kind.len();
    let mut line = Line::default();
    for (piece, is_found) in pieces {
        // The kind is plain ASCII.
        let (head, tail) = piece.split_at(of_kind.min(piece.len()));
        of_kind -= head.len();
        for (text, style) in [(head, detail), (tail, label)] {
            if !text.is_empty() {
                line.push_span(Span::styled(text.to_owned(), if *is_found { found } else { style }));
            }
        }
    }
    line
}

fn value(canvas: &mut Canvas<'_>, area: Rect, app: &App, editor: &ValueEditor) -> Position {
    let theme = &app.theme;
    let width = area.width.saturating_sub(4).min(76);
    let text_width = width.saturating_sub(6);
    let layout = editor.area.layout(text_width);
    let shown = u16::try_from(layout.rows.len()).unwrap_or(u16::MAX).clamp(1, area.height.saturating_sub(6).max(1));
    let alone = if editor.here { format!(" {} this conversation alone", theme.glyphs.dot) } else { String::new() };
    let title = format!("{}{alone}", editor.spec.title);
    let inner = panel(canvas, area, app, width, shown + 5, &title);
    let (row, column) = editor.area.place(&layout);
    let first = (row + 1).saturating_sub(usize::from(shown));
    for i in (first..layout.rows.len()).take(usize::from(shown)) {
        let at = Rect { y: inner.y + u16::try_from(i - first).unwrap_or(0), height: 1, ..inner };
        let text: String = editor.area.stretches(&layout, i).into_iter().map(|(text, _)| text).collect();
        canvas.line(at, &Line::from(Span::styled(text.replace('\t', "    "), theme.base)));
    }
    let (_, foot) = split_bottom(inner, 2);
    let key = |action| app.key(action);
    let (text, style) = match &editor.error {
        Some(why) => (why.clone(), theme.error),
        None => (editor.spec.allowed(), theme.muted),
    };
    canvas.line(foot, &canvas.cut(&text, foot.width, style));
    let keys = format!("{} takes it   {} leaves it", key(Action::Accept), key(Action::Dismiss));
    canvas.line(
        Rect { y: foot.y + 1, height: foot.height.saturating_sub(1), ..foot },
        &canvas.cut(&keys, foot.width, theme.muted),
    );
    Position {
        x: inner.x + u16::try_from(column).unwrap_or(0).min(inner.width.saturating_sub(1)),
        y: inner.y + u16::try_from(row - first).unwrap_or(0),
    }
}

/// Where the schema is that the next answer is to have the form of, and why it can't be used.
fn schema(canvas: &mut Canvas<'_>, area: Rect, app: &App, field: &SchemaField) -> Option<Position> {
    let text =
        "A file with a JSON Schema. The next answer is held to it, token by token; those after it are free again.";
    let said = Said { title: "Answer in a schema", text, error: field.error.as_ref(), looking: field.reading };
    path(canvas, area, app, &field.area, &said)
}

fn import(canvas: &mut Canvas<'_>, area: Rect, app: &App, field: &PathField) -> Option<Position> {
    let text = "A GGUF file or a model's folder. It stays where it is, and gets a place among the models here.";
    let said = Said { title: "Import a model", text, error: field.error.as_ref(), looking: field.asked.is_some() };
    path(canvas, area, app, &field.area, &said)
}

/// What is said around a path that is typed.
struct Said<'a> {
    title: &'static str,
    text: &'static str,
    error: Option<&'a UserError>,
    looking: bool,
}

fn path(canvas: &mut Canvas<'_>, area: Rect, app: &App, typed: &TextArea, said: &Said<'_>) -> Option<Position> {
    let theme = &app.theme;
    let width = area.width.saturating_sub(4).min(76);
    let room = usize::from(width.saturating_sub(4));
    let lines = match said.error {
        Some(error) => {
            let mut lines = paragraph(&error.message, room, theme.error);
            lines.extend(error.hint.iter().flat_map(|hint| paragraph(hint, room, theme.muted)));
            lines
        }
        None if said.looking => paragraph("Looking at it", room, theme.muted),
        None => paragraph(said.text, room, theme.muted),
    };
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(6);
    let inner = panel(canvas, area, app, width, height.min(area.height), said.title);
    let (text, below) = split_top(inner, 2);
    let cursor = text_field(canvas, text, app, typed);
    let (said_area, foot) = split_bottom(below, 1);
    canvas.lines_cut(said_area, &lines);
    let key = |action| app.key(action);
    let keys = format!("{} takes it   {} leaves it", key(Action::Accept), key(Action::Dismiss));
    canvas.line(foot, &canvas.cut(&keys, foot.width, theme.muted));
    cursor
}

fn question(canvas: &mut Canvas<'_>, area: Rect, app: &App, confirm: &Confirm) {
    let theme = &app.theme;
    let width = area.width.saturating_sub(4).min(64);
    let room = usize::from(width.saturating_sub(4));
    let body = paragraph(&confirm.body, room, theme.base);
    let answers = answers(app, &[(Action::Accept, confirm.yes), (Action::Dismiss, "no")], room);
    let rows = |lines: &[Line<'_>]| u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let height = rows(&body).saturating_add(rows(&answers)).saturating_add(3);
    let inner = panel(canvas, area, app, width, height, &confirm.title);
    // Whoever is asked must see what can be answered.
    let (above, foot) = split_bottom(inner, rows(&answers));
    canvas.lines_cut(above, &body);
    canvas.lines_cut(foot, &answers);
}

/// Keys and what they answer, under each other where they have no room side by side.
fn answers(app: &App, all: &[(Action, &str)], width: usize) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let answer = |(action, what): &(Action, &str)| {
        vec![Span::styled(app.key(*action), theme.accent), Span::styled(format!(" {what}"), theme.base)]
    };
    wrap::side_by_side(all.iter().map(answer), &Span::styled("   ", theme.base), &[], width)
}

fn no_room(canvas: &mut Canvas<'_>, area: Rect, app: &App, room: &Room) {
    let theme = &app.theme;
    let width = area.width.saturating_sub(2).min(76);
    let text = format!(
        "The prompt has {} tokens; the context {}, with the answer.",
        grouped(room.needed),
        grouped(room.context)
    );
    let lines = paragraph(&text, usize::from(width.saturating_sub(4)), theme.base);
    let rows = u16::try_from(room.choices.len()).unwrap_or(u16::MAX);
    let above = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let inner = panel(canvas, area, app, width, above + rows + 5, "The context is too small");
    // Where there is little room, the choices come first.
    let (above, list) = split_bottom(inner, (rows + 2).min(inner.height));
    canvas.lines_cut(above, &lines);
    for (i, choice) in room.choices.iter().enumerate() {
        let at = Rect { y: list.y + u16::try_from(i).unwrap_or(0), height: 1, ..list };
        if at.y >= list.bottom() {
            break;
        }
        canvas.items.push((at, i));
        let chosen = i == room.selected;
        if chosen {
            canvas.fill(at, theme.selection);
        }
        let (label, detail) = if chosen { (theme.selection, theme.selection) } else { (theme.base, theme.muted) };
        let (what, then) = choice_text(*choice, room);
        let used = canvas.line(at, &canvas.cut(&what, at.width, label));
        let free = Rect { x: used + 2, width: at.right().saturating_sub(used + 2), ..at };
        if usize::from(free.width) >= wrap::width(&then) {
            canvas.right(free, &Line::from(Span::styled(then, detail)));
        }
    }
    let key = |action| app.key(action);
    let foot = Rect { y: list.bottom().saturating_sub(1), height: u16::from(list.height > rows), ..list };
    let keys = format!("{} does it   {} cancels", key(Action::Accept), key(Action::Dismiss));
    canvas.line(foot, &canvas.cut(&keys, foot.width, theme.muted));
}

/// A choice, and what comes of it.
fn choice_text(choice: Choice, room: &Room) -> (String, String) {
    match choice {
        Choice::LeaveOut { cut, tokens } => (
            format!("Send it without the {}", oldest(cut.messages)),
            format!("{} of {}", grouped(tokens), grouped(room.context)),
        ),
        Choice::Summarise { from: 0, .. } => {
            ("Go on from a summary of the conversation".into(), "the model writes it".into())
        }
        Choice::Summarise { from, .. } => {
            (format!("Go on from a summary without the {}", oldest(from)), "the model writes it".into())
        }
        Choice::Raise { context } => {
            (format!("Raise the context to {} tokens", grouped(context)), "in Settings; loads the model again".into())
        }
        Choice::Cancel => match room.wish {
            Wish::Say(_) => ("Cancel".into(), "gives the text back".into()),
            _ => ("Cancel".into(), String::new()),
        },
    }
}

fn oldest(messages: usize) -> String {
    if messages == 1 { "oldest message".into() } else { format!("{messages} oldest messages") }
}

/// Words that go by themselves, at the top right, newest at the bottom.
pub fn toasts(canvas: &mut Canvas<'_>, area: Rect, app: &App) {
    let theme = &app.theme;
    // A blank, the mark, and another blank.
    let text_at = u16::try_from(wrap::width(theme.glyphs.failed)).unwrap_or(1) + 2;
    let most = usize::from(area.width.saturating_sub(2).min(64).saturating_sub(text_at + 1));
    let laid: Vec<_> = app
        .toasts
        .iter()
        .map(|toast| {
            let mut lines = paragraph(&toast.text, most, theme.base);
            if let Some(hint) = &toast.hint {
                lines.extend(paragraph(hint, most, theme.muted));
            }
            (toast.kind, lines)
        })
        .collect();
    // All of one width: they read as one column.
    let widest = laid.iter().flat_map(|(_, lines)| lines).map(wrap::line_width).max().unwrap_or(0);
    let width = u16::try_from(widest.min(most)).unwrap_or(area.width).saturating_add(text_at + 1);
    let mut y = area.y;
    for (kind, lines) in &laid {
        let (mark, style) = match kind {
            ToastKind::Note => (theme.glyphs.dot, theme.accent),
            ToastKind::Warning => ("!", theme.warning),
            ToastKind::Error => (theme.glyphs.failed, theme.error),
        };
        let height = u16::try_from(lines.len()).unwrap_or(1).min(area.bottom().saturating_sub(y));
        let at = Rect { x: area.right().saturating_sub(width + 1), y, width, height };
        canvas.fill(at, theme.panel);
        canvas.line(at, &Line::from(Span::styled(format!(" {mark}"), style)));
        canvas.lines(Rect { x: at.x + text_at, width: at.width.saturating_sub(text_at), ..at }, lines);
        y = at.bottom();
        if y >= area.bottom() {
            break;
        }
    }
}
