//! All keys, made from the key map.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::App;
use crate::domain::action::Action;
use crate::text::wrap;
use crate::ui::canvas::{Canvas, padded};
use crate::ui::overlay::panel;
use crate::ui::split_bottom;

/// Columns of the keys beside their words, the margin left of them included.
const KEYS: usize = 25;
const MARGIN: &str = "  ";
/// In less room the words stand below their keys.
const ROOMY: usize = 56;

/// Gives the scroll that was possible.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, app: &App, scroll: u16) -> u16 {
    let theme = &app.theme;
    // The frame, and a blank at each side.
    let room = usize::from(area.width.saturating_sub(4));
    let lines = lines(app, room);
    let widest = lines.iter().map(wrap::line_width).max().unwrap_or(0);
    let width = u16::try_from(widest + 4).unwrap_or(area.width);
    let inner = panel(canvas, area, app, width, area.height, "Keys");
    let (list, foot) = split_bottom(inner, 1);
    let most = lines.len().saturating_sub(usize::from(list.height));
    let scroll = usize::from(scroll).min(most);
    canvas.lines(list, &lines[scroll..]);
    let file = app.paths.config_file.display();
    let closes = app.key(Action::Dismiss);
    let text = format!("{closes} closes   {}{} scroll   Rebind in {file}", theme.glyphs.up, theme.glyphs.down);
    canvas.line(foot, &canvas.cut(&text, foot.width, theme.muted));
    u16::try_from(scroll).unwrap_or(u16::MAX)
}

fn lines(app: &App, room: usize) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let mut lines = Vec::new();
    let margin = [Span::raw(MARGIN)];
    for (context, actions) in app.keys_by_context() {
        lines.push(Line::from(Span::styled(context.title(), theme.heading)));
        for (action, keys) in actions {
            let keys = if keys.is_empty() { format!("/{}", action.name()) } else { keys.join(", ") };
            let what = [Span::styled(action.description(), theme.base)];
            let beside = KEYS - MARGIN.len();
            let below = [Span::raw(if room < ROOMY { MARGIN.repeat(2) } else { " ".repeat(KEYS) })];
            // More keys than there is room for beside the words get a line of their own.
            if wrap::width(&keys) >= beside || room < ROOMY {
                lines.extend(wrap::wrap(&[Span::styled(keys, theme.accent)], room, &margin, &margin));
                lines.extend(wrap::wrap(&what, room, &below, &below));
            } else {
                let keys = Span::styled(padded(&keys, beside, ""), theme.accent);
                lines.extend(wrap::wrap(&what, room, &[margin[0].clone(), keys], &below));
            }
        }
        lines.push(Line::default());
    }
    lines.pop();
    lines
}
