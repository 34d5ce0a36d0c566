//! What is selected, as text to be taken away.

use std::fmt::Write as _;

use super::Transcript;
use super::cursor::Selected;
use super::frame::At;
use super::markdown::code_of;
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
    /// What is pointed at, as it was written where that is whole messages or code, else as it is drawn.
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
                let rows = self.drawn(conversation, theme, from, to)?;
                let what = many(rows.len(), "line");
                Some(Taken { text: dedented(&rows), what })
            }
        }
    }

    /// What the mouse has drawn over.
    #[must_use]
    pub fn dragged(&mut self, conversation: &Conversation, theme: &Theme) -> Option<Taken> {
        let drag = self.drag?;
        let (from, to) = drag.rows(conversation)?;
        let view = self.view?;
        let mut frame = self.frame(conversation, view, theme);
        let mut rows = Vec::new();
        let mut at = from;
        loop {
            let line = frame.laid(at.0)?.line(at.1)?.clone();
            let columns = drag.columns(conversation, at, &line).unwrap_or(0..0);
            rows.push(wrap::slice(&line, columns.start, columns.len()).to_string().trim_end().to_owned());
            if at >= to {
                break;
            }
            at = frame.step(at, 1);
        }
        let text = rows.join("\n").trim_matches('\n').to_owned();
        let what = match rows.as_slice() {
            [one] => many(wrap::measured(one).count(), "character"),
            rows => many(rows.len(), "line"),
        };
        (!text.is_empty()).then_some(Taken { text, what })
    }

    /// Rows of the conversation as they are drawn. Messages between the first and the last are taken as they were written: there
    /// may be thousands of them.
    fn drawn(&mut self, conversation: &Conversation, theme: &Theme, from: At, to: At) -> Option<Vec<String>> {
        let view = self.view?;
        let mut frame = self.frame(conversation, view, theme);
        let mut lines = Vec::new();
        for place in from.0..=to.0 {
            if place != from.0 && place != to.0 {
                lines.extend(conversation.at(place)?.content.lines().map(str::to_owned));
                lines.push(String::new());
                continue;
            }
            let laid = frame.laid(place)?;
            let first = if place == from.0 { from.1 } else { 0 };
            let end = if place == to.0 { to.1 + 1 } else { laid.len() };
            let rows = (first..end.min(laid.len())).filter_map(|row| laid.line(row));
            lines.extend(rows.map(|line| line.to_string().trim_end().to_owned()));
        }
        Some(lines)
    }
}

/// Without the columns that stand left of all of it.
fn dedented(rows: &[String]) -> String {
    let indent = |row: &String| row.len() - row.trim_start_matches(' ').len();
    let least = rows.iter().filter(|row| !row.is_empty()).map(indent).min().unwrap_or(0);
    rows.iter().map(|row| row.get(least..).unwrap_or_default()).collect::<Vec<_>>().join("\n")
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
