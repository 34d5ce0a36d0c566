//! Two answers to the same message: side by side where there is room, else one below the other.

use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use crate::app::compare::{Compare, Side};
use crate::app::{App, EngineStatus};
use crate::domain::action::Action;
use crate::domain::conversation::{Message, MessageState};
use crate::domain::store::first_words;
use crate::domain::units::{many, seconds};
use crate::text::sanitize;
use crate::ui::canvas::{Canvas, paragraph};
use crate::ui::{split_bottom, split_top};

/// From this width on there is room for two columns.
const ROOMY: u16 = 100;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, app: &App, compare: &mut Compare) {
    let theme = &app.theme;
    canvas.fill(area, theme.base);
    let margin = u16::from(area.width >= 20);
    let inner = Rect { x: area.x + margin, width: area.width.saturating_sub(2 * margin), ..area };
    let (top, rest) = split_top(inner, 1 + u16::from(area.height >= 16));
    let (body, foot) = split_bottom(rest, 1);
    let question = first_words(&sanitize(&compare.question), 400);
    let line = Line::from(vec![
        Span::styled(format!("{} ", theme.glyphs.user), theme.user),
        Span::styled(question, theme.muted),
    ]);
    canvas.line(top, &crate::text::wrap::truncate(&line, usize::from(top.width), theme.glyphs.ellipsis));

    let beside = body.width >= ROOMY;
    let places = if beside {
        let width = (body.width - 3) / 2;
        let right = Rect { x: body.right() - width, width, ..body };
        for y in body.top()..body.bottom() {
            let middle = Rect { x: body.x + width + 1, y, width: 1, height: 1 };
            canvas.line(middle, &Line::from(Span::styled(theme.glyphs.vertical, theme.border)));
        }
        [Rect { width, ..body }, right]
    } else {
        let height = body.height / 2;
        [Rect { height, ..body }, Rect { y: body.y + height, height: body.height - height, ..body }]
    };
    compare.page = usize::from(places[0].height.saturating_sub(2));
    let focus = compare.focus;
    for (which, (side, place)) in compare.sides.iter_mut().zip(places).enumerate() {
        draw_side(canvas, place, app, side, which == focus);
    }
    canvas.line(foot, &canvas.cut(&keys(app, compare, beside), foot.width, theme.muted));
}

fn draw_side(canvas: &mut Canvas<'_>, area: Rect, app: &App, side: &mut Side, focused: bool) {
    let theme = &app.theme;
    let message = side.message.and_then(|id| app.chat.conversation.get(id));
    let (head, rest) = split_top(area, 1);
    let (body, foot) = split_bottom(rest, 1);
    let mark = if focused { theme.glyphs.pointer } else { theme.glyphs.assistant };
    let style = if focused { theme.accent.add_modifier(Modifier::BOLD) } else { theme.assistant };
    let name = format!("{mark} {}", sanitize(&side.name));
    canvas.line(head, &canvas.cut(&name, head.width, style));
    let Some(message) = message else {
        let lines = paragraph(&waiting(app), usize::from(body.width), theme.muted);
        return canvas.lines(body, &lines);
    };
    side.sync(message);
    let lines = side.doc.lines(body.width, theme).len();
    let first = side.clamp(lines, usize::from(body.height));
    if lines == 0 {
        let lines = paragraph(&nothing_yet(message, side), usize::from(body.width), theme.muted);
        canvas.lines(body, &lines);
    }
    canvas.lines(body, side.doc.rendered().iter().skip(first));
    let below = lines.saturating_sub(first + usize::from(body.height));
    let figures = figures(app, message, side);
    canvas.line(foot, &canvas.cut(&figures, foot.width, theme.muted));
    if below > 0 {
        let text = format!(" {} {} below ", theme.glyphs.down, many(below, "line"));
        canvas.right(foot, &Line::from(Span::styled(text, theme.muted)));
    }
}

/// What happens before the other answer is begun.
fn waiting(app: &App) -> String {
    match &app.engine {
        EngineStatus::Loading { name, stage, .. } => format!("loading {name}: {}", stage.label()),
        EngineStatus::Failed { name, error } => {
            let hint = error.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
            format!("{name} did not load: {}{hint}", error.message)
        }
        EngineStatus::Empty => "there is no model".to_owned(),
        EngineStatus::Ready(_) | EngineStatus::Asleep(_) => "about to answer".to_owned(),
    }
}

fn nothing_yet(message: &Message, side: &mut Side) -> String {
    match &message.state {
        MessageState::Streaming if !message.reasoning.is_empty() => {
            format!("thinking, {} so far", many(side.reasoned.of(&message.reasoning), "word"))
        }
        MessageState::Streaming => "reading the prompt".to_owned(),
        MessageState::Whole => "no words".to_owned(),
        MessageState::Failed(error) => error.message.clone(),
    }
}

fn figures(app: &App, message: &Message, side: &mut Side) -> String {
    let dot = format!(" {} ", app.theme.glyphs.dot);
    let mut parts = Vec::new();
    if let Some(made) = message.outcome.as_ref().filter(|_| message.state != MessageState::Streaming) {
        parts.push(many(usize::try_from(made.usage.completion_tokens).unwrap_or(0), "token"));
        parts.extend(made.stats.decode_rate(&made.usage).map(|rate| format!("{rate:.1} tok/s")));
        parts.push(seconds(made.stats.total));
    } else if message.state == MessageState::Streaming {
        parts.push("answering".to_owned());
    }
    if !message.content.is_empty() {
        parts.push(many(side.words.of(&message.content), "word"));
    }
    parts.join(&dot)
}

fn keys(app: &App, compare: &Compare, beside: bool) -> String {
    let key = |action| app.key(action);
    let (first, second) = if beside { ("the left", "the right") } else { ("the upper", "the lower") };
    let taken = if compare.focus == 0 { first } else { second };
    if compare.sides[1].message.is_none() {
        return format!("{} leaves it at this answer", key(Action::Dismiss));
    }
    if app.chat.is_busy() {
        return format!("{} stops it   {} the other one", key(Action::Dismiss), key(Action::NextPane));
    }
    let kept = format!("{} keeps {first}", key(Action::Dismiss));
    format!("{} goes on with {taken}   {} the other one   {kept}", key(Action::Accept), key(Action::NextPane))
}
