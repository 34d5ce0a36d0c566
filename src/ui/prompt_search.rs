//! Looking for something that was asked before.

use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::app::App;
use crate::app::prompt_search::PromptSearch;
use crate::domain::action::Action;
use crate::domain::units::many;
use crate::text::{sanitize, wrap};
use crate::ui::canvas::Canvas;
use crate::ui::field::text_field;
use crate::ui::overlay::panel;
use crate::ui::{split_bottom, split_top};

/// From this height on the chosen one is shown as a whole below the list.
const ROOMY: u16 = 14;

/// Gives the place of the cursor.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, app: &App, search: &PromptSearch) -> Option<Position> {
    let theme = &app.theme;
    let height = area.height.saturating_sub(area.height / 8).min(30);
    let inner = panel(canvas, area, app, 100.min(area.width), height, "What you asked before");
    let (field, below) = split_top(inner, 2);
    let (below, foot) = split_bottom(below, 1 + u16::from(below.height > 6));
    let cursor = text_field(canvas, field, app, &search.query);
    let (list, preview) =
        if below.height >= ROOMY { split_bottom(below, below.height / 3) } else { (below, Rect::ZERO) };
    if search.prompts().len() == 0 {
        let asked = app.chat.composer.prompts.is_asked();
        let text = if asked { "Looking" } else { "Nothing that you asked has these words" };
        canvas.line(list, &canvas.cut(text, list.width, theme.muted));
    }
    let fit = usize::from(list.height);
    let first = search.scroll.show(search.selected(), search.prompts().len(), fit);
    for (i, prompt) in search.prompts().enumerate().skip(first).take(fit) {
        let row = Rect { y: list.y + u16::try_from(i - first).unwrap_or(0), height: 1, ..list };
        canvas.items.push((row, i));
        let chosen = i == search.selected();
        let style = if chosen { theme.selection } else { theme.base };
        if chosen {
            canvas.fill(row, style);
        }
        let lines = prompt.text.lines().count();
        let more = if lines > 1 { many(lines, "line") } else { String::new() };
        let side = u16::try_from(wrap::width(&more)).unwrap_or(0).min(row.width / 3);
        let line = marked(search, search.line(&prompt.text), style, app, chosen);
        let room = usize::from(row.width.saturating_sub(side + 2));
        canvas.line(row, &wrap::truncate(&line, room, theme.glyphs.ellipsis));
        canvas.right(row, &Line::from(Span::styled(more, if chosen { style } else { theme.muted })));
    }
    if let Some(prompt) = search.chosen().filter(|_| preview.height > 2) {
        let rule = theme.glyphs.rule.repeat(usize::from(preview.width));
        canvas.line(preview, &Line::from(Span::styled(rule, theme.border)));
        let whole = Rect { y: preview.y + 1, height: preview.height - 1, ..preview };
        let shown = prompt.text.lines().take(usize::from(whole.height));
        let lines: Vec<Line<'static>> = shown
            .flat_map(|line| {
                wrap::wrap(&marked(search, line, theme.base, app, false).spans, usize::from(whole.width), &[], &[])
            })
            .collect();
        canvas.lines(whole, &lines);
    }
    let key = |action| app.key(action);
    let count = format!("{} of {}", search.prompts().len(), search.known());
    let keys = format!(
        "{} takes it   {} the one before   {} leaves it   {count}",
        key(Action::Accept),
        key(Action::SearchPrompts),
        key(Action::Dismiss)
    );
    let foot = Rect { y: foot.bottom().saturating_sub(1), height: foot.height.min(1), ..foot };
    canvas.line(foot, &canvas.cut(&keys, foot.width, theme.muted));
    cursor
}

/// A line with the words that are looked for.
fn marked(search: &PromptSearch, line: &str, style: Style, app: &App, chosen: bool) -> Line<'static> {
    let line = sanitize(line).replace('\t', "    ");
    let mark = if chosen { style.add_modifier(Modifier::UNDERLINED) } else { app.theme.accent };
    let mut spans = Vec::new();
    let mut at = 0;
    for range in search.marks(&line) {
        spans.push(Span::styled(line[at..range.start].to_owned(), style));
        at = range.end;
        spans.push(Span::styled(line[range].to_owned(), mark));
    }
    spans.push(Span::styled(line[at..].to_owned(), style));
    Line::from(spans)
}
