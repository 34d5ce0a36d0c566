//! What can follow the keys that were pressed, at the bottom of the screen.

use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use crate::app::App;
use crate::text::wrap;
use crate::ui::canvas::{Canvas, padded};
use crate::ui::split_bottom;

/// Columns that an entry has where there is room for all of its words, and at the least.
const ROOMY: u16 = 60;
const ENTRY: u16 = 38;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, app: &App) {
    if !app.pressed.shown || app.pressed.keys.is_empty() {
        return;
    }
    let theme = &app.theme;
    let next = app.next_keys();
    let count = u16::try_from(next.len()).unwrap_or(u16::MAX);
    let roomy = (area.width / ROOMY).max(1);
    // Rather words that are cut than keys that can't be seen.
    let columns = if count.div_ceil(roomy) < area.height { roomy } else { (area.width / ENTRY).max(1) };
    let rows = count.div_ceil(columns).min(area.height.saturating_sub(1));
    let (_, panel) = split_bottom(area, rows + 1);
    canvas.fill(panel, theme.panel);
    let pressed = app.pressed.keys.iter().map(|chord| app.chord_hint(*chord)).collect::<Vec<_>>().join(" ");
    let title = format!(" {pressed} {}", theme.glyphs.ellipsis);
    canvas.line(panel, &canvas.cut(&title, panel.width, theme.accent.add_modifier(Modifier::BOLD)));
    let width = panel.width / columns;
    let widest = next.iter().map(|(chord, _)| wrap::width(&app.chord_hint(*chord))).max().unwrap_or(1);
    let room = rows.saturating_mul(columns);
    for (n, (chord, action)) in (0..room).zip(&next) {
        // Down the first column, then down the next.
        let (column, row) = (n / rows, n % rows);
        let at =
            Rect { x: panel.x + column * width + 1, y: panel.y + 1 + row, width: width.saturating_sub(2), height: 1 };
        if n + 1 == room && count > room {
            let more = format!("{} {} more", theme.glyphs.ellipsis, count - n);
            canvas.line(at, &canvas.cut(&more, at.width, theme.muted));
            continue;
        }
        let what = action.map_or("more keys", |action| action.description());
        let line = Line::from(vec![
            Span::styled(format!("{}  ", padded(&app.chord_hint(*chord), widest, "")), theme.accent),
            Span::styled(what, theme.base),
        ]);
        canvas.line(at, &wrap::truncate(&line, usize::from(at.width), theme.glyphs.ellipsis));
    }
}
