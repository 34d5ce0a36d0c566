//! Fields that take one line of text.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::app::App;
use crate::app::text_area::TextArea;
use crate::text::wrap;
use crate::ui::canvas::Canvas;
use crate::ui::split_left;

/// A field with a mark before it. Gives the place of the cursor.
pub(super) fn text_field(canvas: &mut Canvas<'_>, area: Rect, app: &App, typed: &TextArea) -> Option<Position> {
    marked_field(canvas, area, app, typed, app.theme.accent)
}

/// The same, its mark in a style of its own.
pub(super) fn marked_field(
    canvas: &mut Canvas<'_>,
    area: Rect,
    app: &App,
    typed: &TextArea,
    mark: Style,
) -> Option<Position> {
    let theme = &app.theme;
    let (before, area) = split_left(area, 2);
    canvas.line(before, &Line::from(Span::styled(format!("{} ", theme.glyphs.user), mark)));
    if area.is_empty() {
        return None;
    }
    // As the canvas draws them.
    let text = typed.text().replace(['\n', '\t'], " ");
    let (left, right) = text.split_at(typed.cursor());
    let (column, after, width) = (wrap::width(left), wrap::width(right), usize::from(area.width));
    // What has no room goes out at the left, so that the cursor is in sight, and something of what follows it.
    let from = (column + 1 + after.min(width / 4)).saturating_sub(width);
    canvas.line(area, &wrap::slice(&Line::from(Span::styled(text, theme.base)), from, width));
    let column = u16::try_from(column.saturating_sub(from)).unwrap_or(u16::MAX);
    Some(Position { x: area.x + column.min(area.width - 1), y: area.y })
}
