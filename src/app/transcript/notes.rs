//! What is said about a message, above and below its words.

use std::time::Duration;

use ratatui::text::{Line, Span};

use crate::config::theme::Theme;
use crate::domain::action::Action;
use crate::domain::conversation::{LeftOut, Message, MessageState, Version};
use crate::domain::units::{ago, grouped, many, moment, seconds};
use crate::domain::{FinishReason, Role};
use crate::text::wrap;

/// Where what is sent begins.
pub(super) fn left_out(left_out: LeftOut, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let LeftOut { messages, not_summarised } = left_out;
    let all =
        if messages == 1 { "1 earlier message is".to_owned() } else { format!("{messages} earlier messages are") };
    let text = match not_summarised {
        None => format!("{all} not sent"),
        Some(0) => format!("{all} sent as a summary only"),
        Some(1) => format!("{all} sent as a summary only, which leaves out the oldest"),
        Some(n) => format!("{all} sent as a summary only, which leaves out the oldest {n}"),
    };
    let undo = format!("{text} {} /{} sends all", theme.glyphs.dot, Action::SendAll.name());
    let room = usize::from(width);
    let text = if wrap::width(&undo) + 6 <= room { undo } else { text };
    let rule = theme.glyphs.rule;
    let rest = room.saturating_sub(wrap::width(&text) + 5);
    let line = Line::from(Span::styled(format!("{0}{0} {text} {1}", rule, rule.repeat(rest.min(40))), theme.warning));
    vec![wrap::truncate(&line, room, theme.glyphs.ellipsis), Line::default()]
}

pub(super) fn speaker(message: &Message, version: Option<Version>, theme: &Theme) -> Line<'static> {
    let glyphs = &theme.glyphs;
    let mut line = match message.role {
        Role::User => Line::from(Span::styled(format!("{} you", glyphs.user), theme.user)),
        Role::System => Line::from(Span::styled("system", theme.muted)),
        Role::Assistant => {
            let name = message.model.as_deref().unwrap_or_default();
            Line::from(Span::styled(format!("{} {name}", glyphs.assistant).trim_end().to_owned(), theme.assistant))
        }
    };
    if let Some(Version { number, of }) = version {
        line.push_span(Span::styled(format!(" {} {number} of {of}", glyphs.dot), theme.muted));
    }
    line
}

/// What stands above the words that came before an answer, or for them.
pub(super) fn reasoning(message: &Message, words: usize, folded: bool, theme: &Theme) -> Line<'static> {
    let glyphs = &theme.glyphs;
    let busy = message.state == MessageState::Streaming && message.content.is_empty();
    let title = if busy { "thinking" } else { "thought" };
    let time = message.thought.filter(|time| time.as_secs() > 0).map(|time| format!(" for {}", seconds(time)));
    let time = time.unwrap_or_default();
    let mark = if folded { glyphs.folded } else { glyphs.unfolded };
    Line::from(Span::styled(format!("{mark} {title}{time} {} {}", glyphs.dot, many(words, "word")), theme.muted))
}

/// When it was sent, and what is not said below it: what of the prompt was read again, and how long all of it took.
pub(super) fn details(
    message: &Message,
    minutes: Option<u64>,
    ahead: i32,
    width: u16,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let mut parts = Vec::new();
    if let Some(minutes) = minutes {
        parts.push(ago(Duration::from_secs(60 * minutes)));
    }
    if let Some(at) = message.at {
        parts.push(moment(at, ahead));
    }
    if let Some(made) = &message.outcome {
        if made.usage.prompt_tokens > 0 {
            let known = made.usage.cached_tokens.filter(|tokens| *tokens > 0);
            let known = known.map(|tokens| format!(", {} of them known", grouped(tokens))).unwrap_or_default();
            parts.push(format!("prompt {} tokens{known}", grouped(made.usage.prompt_tokens)));
        }
        if made.stats.total > Duration::ZERO {
            parts.push(format!("{} in all", seconds(made.stats.total)));
        }
    }
    side_by_side(parts.into_iter().map(|part| Span::styled(part, theme.muted)), "  ", width, theme)
}

/// Parts with dots between them; those that have no room beside the others begin a row.
fn side_by_side(
    parts: impl IntoIterator<Item = Span<'static>>,
    margin: &'static str,
    width: u16,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let dot = Span::styled(format!(" {} ", theme.glyphs.dot), theme.faint);
    wrap::side_by_side(parts.into_iter().map(|part| vec![part]), &dot, &[Span::raw(margin)], usize::from(width))
}

/// Why an answer is not whole, and what to do.
pub(super) fn failure(message: &Message, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let MessageState::Failed(error) = &message.state else { return Vec::new() };
    let mark = [Span::styled(format!("{} ", theme.glyphs.failed), theme.error)];
    let margin = [Span::raw("  ")];
    let text = Span::styled(error.message.as_str(), theme.error);
    let mut lines = wrap::wrap(&[text], usize::from(width), &mark, &margin);
    if let Some(hint) = &error.hint {
        lines.extend(wrap::wrap(&[Span::styled(hint.as_str(), theme.muted)], usize::from(width), &margin, &margin));
    }
    lines
}

/// A few quiet words under an answer.
pub(super) fn statistics(message: &Message, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let Some(made) = message.outcome.as_ref().filter(|_| message.state != MessageState::Streaming) else {
        return Vec::new();
    };
    let mut parts = Vec::new();
    if made.usage.completion_tokens > 0 {
        parts.push(many(usize::try_from(made.usage.completion_tokens).unwrap_or(0), "token"));
    }
    if let Some(rate) = made.stats.decode_rate(&made.usage) {
        parts.push(format!("{rate:.1} tok/s"));
    }
    if let Some(first) = made.stats.first_token {
        parts.push(format!("first after {}", seconds(first)));
    }
    if let Some(rate) = made.stats.prefill_rate(&made.usage) {
        parts.push(format!("prefill {rate:.0} tok/s"));
    }
    let only_reasoned = !message.reasoning.is_empty() && message.content.trim().is_empty();
    let ended = match made.reason {
        FinishReason::Stop | FinishReason::Error => None,
        FinishReason::Length if only_reasoned => {
            Some("stopped at the token limit before the answer: all of it was reasoning")
        }
        FinishReason::Length => Some("stopped at the token limit"),
        FinishReason::Context => Some("stopped: the context is full"),
        FinishReason::Cancelled if message.leaves_its_question_out() => {
            Some("stopped by you before the first word; the next message goes without this one")
        }
        FinishReason::Cancelled => Some("stopped by you"),
        FinishReason::Timeout => Some("stopped: out of time"),
    };
    let mut spans = Vec::new();
    if let (Some(form), Some(satisfied)) = (&message.form, made.satisfied) {
        let name = crate::text::sanitize(&form.name);
        spans.push(if satisfied {
            Span::styled(format!("{} fits {name}", theme.glyphs.check), theme.good)
        } else {
            Span::styled(format!("{} does not fit {name}", theme.glyphs.failed), theme.warning)
        });
    }
    spans.extend(ended.map(|ended| Span::styled(ended, theme.warning)));
    spans.extend(parts.into_iter().map(|part| Span::styled(part, theme.muted)));
    side_by_side(spans, "", width, theme)
}
