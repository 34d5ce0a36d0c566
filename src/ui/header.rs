//! The first row: the program, its panes, the model and how it stands.

use std::time::Instant;

use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use crate::app::{App, EngineStatus, Pane};
use crate::domain::units::seconds;
use crate::text::wrap;
use crate::ui::canvas::Canvas;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, app: &mut App, now: Instant) {
    let theme = &app.theme;
    let roomy = area.width >= 60;
    let mut x = area.x + u16::from(area.width >= 20);
    let mut put = |canvas: &mut Canvas<'_>, span: Span<'static>| {
        let free = Rect { x, width: area.right().saturating_sub(x), ..area };
        let from = x;
        x = canvas.line(free, &Line::from(span));
        from..x
    };
    if roomy {
        put(canvas, Span::styled("hobnob", theme.accent.add_modifier(Modifier::BOLD)));
        put(canvas, Span::raw("   "));
    }
    let mut tabs = Vec::new();
    for pane in Pane::ALL {
        let style = if pane == app.pane {
            theme.accent.add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
        } else {
            theme.muted
        };
        // A narrow screen shows where one is, and no more.
        if roomy || pane == app.pane {
            let columns = put(canvas, Span::styled(pane.title(), style));
            tabs.push((pane, columns));
            put(canvas, Span::raw(if roomy { "   " } else { " " }));
        }
    }
    let free = Rect { x, width: area.right().saturating_sub(x + 1), ..area };
    // Rather no stage than half of its name.
    let whole = model(app, roomy, free.width, now);
    let line =
        if wrap::line_width(&whole) > usize::from(free.width) { model(app, false, free.width, now) } else { whole };
    canvas.right(free, &line);
    app.tabs = tabs;
}

fn model(app: &App, roomy: bool, width: u16, now: Instant) -> Line<'static> {
    let theme = &app.theme;
    let dot = theme.glyphs.assistant;
    let state =
        |style, text: String| Line::from(vec![Span::styled(format!("{dot} "), style), Span::styled(text, theme.base)]);
    match &app.engine {
        EngineStatus::Empty => Line::from(Span::styled("no model", theme.muted)),
        EngineStatus::Loading { name, stage, .. } => {
            let time = app.elapsed(now).map(seconds).unwrap_or_default();
            let mut line = state(theme.warning, format!("loading {name}"));
            if roomy {
                let dot = theme.glyphs.dot;
                line.push_span(Span::styled(format!(" {dot} {} {dot} {time}", stage.label()), theme.muted));
            }
            line
        }
        EngineStatus::Ready(info) => {
            let mut line = state(theme.good, info.name.clone());
            // What was made of it; what it is stored as, its name mostly tells.
            if roomy && info.quant != info.facts.quant {
                line.push_span(Span::styled(format!(" {}", info.quant), theme.muted));
            }
            line
        }
        EngineStatus::Asleep(info) => {
            let mut line = state(theme.muted, info.name.clone());
            line.push_span(Span::styled(" asleep", theme.muted));
            line
        }
        EngineStatus::Failed { name, .. } => {
            // Rather half of its name than half of what is wrong.
            let wrong = Span::styled(" did not load", theme.error);
            let room = usize::from(width).saturating_sub(wrap::width(&wrong.content));
            let mut line = wrap::truncate(&state(theme.error, name.clone()), room, theme.glyphs.ellipsis);
            line.push_span(wrong);
            line
        }
    }
}
