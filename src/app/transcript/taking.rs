//! What is selected, as text to be taken away.

use std::fmt::Write as _;
use std::ops::Range;

use ratatui::text::Line;

use super::Transcript;
use super::cursor::Selected;
use super::frame::At;
use super::markdown::code_of;
use super::unbroken::{Part, dedent, unbroken};
use crate::config::theme::Theme;
use crate::domain::Role;
use crate::domain::conversation::{Conversation, Message};
use crate::domain::units::many;
use crate::text::wrap;

/// A text, and what it is for people: `2 messages`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub text: String,
    pub what: String,
}

impl Transcript {
    /// What is pointed at, as it was written; of a part of a message, the text without its marks.
    #[must_use]
    pub fn taken(&mut self, conversation: &Conversation, theme: &Theme) -> Option<Taken> {
        self.settle(conversation, theme);
        match self.cursor()?.selected(conversation)? {
            Selected::Messages(from, to) if from == to => {
                let message = conversation.at(from)?;
                Some(Taken { text: message.content.trim_end().to_owned(), what: name(message).to_owned() })
            }
            Selected::Messages(from, to) => {
                let messages = conversation.branch().take(to + 1).skip(from);
                Some(Taken { text: written(messages), what: many(to + 1 - from, "message") })
            }
            Selected::Code { place, number } => {
                let block = code_of(conversation.at(place)?).into_iter().nth(number.checked_sub(1)?)?;
                let lines = many(block.code.lines().count(), "line");
                let language =
                    if block.language.is_empty() { String::new() } else { format!(" of {}", block.language) };
                Some(Taken { text: block.code, what: format!("{lines}{language}") })
            }
            Selected::Lines(from, to) => {
                let lines = self.lines(conversation, theme, (from, to), |_, line| Some(0..wrap::line_width(line)))?;
                Some(Taken { text: lines.join("\n"), what: many(lines.len(), "line") })
            }
        }
    }

    /// What the mouse has drawn over.
    #[must_use]
    pub fn dragged(&mut self, conversation: &Conversation, theme: &Theme) -> Option<Taken> {
        let drag = self.drag?;
        let rows = drag.rows(conversation)?;
        let columns = |at, line: &Line<'_>| drag.columns(conversation, at, line);
        let lines = self.lines(conversation, theme, rows, columns)?;
        let what = match lines.as_slice() {
            [one] => many(wrap::measured(one).count(), "character"),
            lines => many(lines.len(), "line"),
        };
        let text = lines.join("\n");
        (!text.is_empty()).then_some(Taken { text, what })
    }

    /// What is written from one row to another, of whose `columns` only those are meant; where nothing is, what is drawn there.
    /// Messages between the first and the last are taken whole: there may be thousands of them.
    fn lines(
        &mut self,
        conversation: &Conversation,
        theme: &Theme,
        (from, to): (At, At),
        columns: impl Fn(At, &Line<'_>) -> Option<Range<usize>>,
    ) -> Option<Vec<String>> {
        let view = self.view?;
        let mut frame = self.frame(conversation, view, theme);
        let (mut lines, mut drawn) = (Vec::new(), Vec::new());
        for place in from.0..=to.0 {
            let message = conversation.at(place)?;
            let mut text: Vec<String> = if place != from.0 && place != to.0 {
                message.content.trim_end().lines().map(str::to_owned).collect()
            } else {
                let laid = frame.laid(place)?;
                let first = if place == from.0 { from.1 } else { 0 };
                let end = if place == to.0 { (to.1 + 1).min(laid.len()) } else { laid.len() };
                let rows = || (first..end).filter_map(|row| Some((laid.line(row)?, (place, row))));
                drawn.extend(rows().map(|(line, at)| {
                    let Range { start, end } = columns(at, line).unwrap_or_default();
                    wrap::slice(line, start, end - start).to_string().trim_end().to_owned()
                }));
                // Where nothing of a row is meant, it is behind the end of that.
                let nothing = (usize::MAX, 0);
                let ends = |(line, at)| columns(at, line).map_or(nothing, |columns| (columns.start, columns.end));
                let (begin, _) = rows().next().map_or(nothing, ends);
                let (_, until) = rows().next_back().map_or(nothing, ends);
                unbroken(laid, message, &Part { rows: first..end, begin, end: until }, theme)
            };
            if !lines.is_empty() && !text.is_empty() {
                lines.push(String::new());
            }
            lines.append(&mut text);
        }
        if lines.iter().all(String::is_empty) {
            lines = drawn;
            dedent(&mut lines);
        }
        let is_said = |line: &String| !line.is_empty();
        lines.truncate(lines.iter().rposition(is_said)? + 1);
        Some(lines.split_off(lines.iter().position(is_said)?))
    }
}

/// What a message is to the person.
#[must_use]
pub fn name(message: &Message) -> &'static str {
    if message.role == Role::User { "your message" } else { "the answer" }
}

/// Messages as they would be written in Markdown, with who speaks.
#[must_use]
pub fn written<'a>(messages: impl Iterator<Item = &'a Message>) -> String {
    let mut text = String::new();
    for message in messages {
        let who = match message.role {
            Role::User => "You",
            Role::Assistant => message.model.as_deref().unwrap_or("Assistant"),
            Role::System => "System",
        };
        let _ = write!(text, "## {who}\n\n{}\n\n", message.content.trim_end());
    }
    text
}
