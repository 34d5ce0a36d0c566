//! The place in the conversation that somebody points at with the keyboard: a message, a block of code or a line, or several of them.

use super::frame::{At, Frame};
use super::laid::Block;
use crate::domain::MsgId;
use crate::domain::conversation::{Conversation, Message};
use crate::text::markdown::RegionKind;

/// Where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    Lines(i32),
    HalfPages(i32),
    /// Less two lines that stay in sight.
    Pages(i32),
    Messages(i32),
    /// Blocks of code.
    Codes(i32),
    Top,
    Bottom,
}

/// What is pointed at as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Message,
    /// The block of code with this number.
    Code(usize),
    Line,
}

/// A row of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    pub message: MsgId,
    pub row: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub at: Spot,
    pub unit: Unit,
    /// Where the selection began, if more than what is pointed at is selected.
    pub mark: Option<(Spot, Unit)>,
}

/// What is selected, by places on the branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selected {
    /// From one message to another, both included.
    Messages(usize, usize),
    Code {
        place: usize,
        number: usize,
    },
    /// From one row to another, both included.
    Lines((usize, usize), (usize, usize)),
}

impl Cursor {
    #[must_use]
    pub fn on_message(message: MsgId) -> Self {
        Self { at: Spot { message, row: 0 }, unit: Unit::Message, mark: None }
    }

    /// What is selected; `None` where its messages are not on the branch any more.
    #[must_use]
    pub fn selected(&self, conversation: &Conversation) -> Option<Selected> {
        let place = conversation.place(self.at.message)?;
        let Some((mark, unit)) = self.mark else {
            return Some(match self.unit {
                Unit::Message => Selected::Messages(place, place),
                Unit::Code(number) => Selected::Code { place, number },
                Unit::Line => Selected::Lines((place, self.at.row), (place, self.at.row)),
            });
        };
        let began = conversation.place(mark.message)?;
        if (unit, self.unit) == (Unit::Message, Unit::Message) {
            return Some(Selected::Messages(place.min(began), place.max(began)));
        }
        let (from, to) = ((began, mark.row), (place, self.at.row));
        Some(Selected::Lines(from.min(to), from.max(to)))
    }

    /// Goes somewhere; with `extend`, what lies on the way is selected.
    pub(super) fn go(&mut self, motion: Motion, extend: bool, frame: &mut Frame<'_>) {
        let Some(place) = frame.conversation.place(self.at.message) else { return };
        if extend && self.mark.is_none() {
            self.mark = Some((self.at, self.unit));
        }
        let at = (place, self.at.row);
        let height = i32::from(frame.view.area.height);
        let gone = match motion {
            Motion::Lines(n) => Some((self.lines_from(frame, at, n), Unit::Line)),
            Motion::HalfPages(n) => Some((frame.step(at, n * (height / 2).max(1)), Unit::Line)),
            Motion::Pages(n) => Some((frame.step(at, n * (height - 2).max(1)), Unit::Line)),
            Motion::Messages(n) => Some((self.message_from(frame, at, n), Unit::Message)),
            Motion::Codes(n) => {
                let from = (at.0, Some(at.1));
                let mut found = code_from(frame, from, n > 0);
                if found.is_none() && !matches!(self.unit, Unit::Code(_)) {
                    // Who has no code yet means the nearest.
                    found = code_from(frame, from, n <= 0);
                }
                found.map(|(at, number)| (at, Unit::Code(number)))
            }
            Motion::Top => Some(((0, 0), self.unit)),
            Motion::Bottom => {
                let last = frame.conversation.len().saturating_sub(1);
                let row = if self.unit == Unit::Message { 0 } else { frame.len(last).saturating_sub(1) };
                Some(((last, row), self.unit))
            }
        };
        let Some((at, unit)) = gone else { return };
        // To the very end of the text is a line, whatever was pointed at.
        let unit = match (motion, unit) {
            (Motion::Top | Motion::Bottom, Unit::Code(_)) => Unit::Line,
            (_, unit) => unit,
        };
        if let Some(message) = frame.conversation.at(at.0) {
            self.at = Spot { message: message.id, row: at.1 };
            self.unit = unit;
        }
    }

    /// Lines are counted from the edge of what is pointed at. Of a message, its rows in sight are the first to be pointed at.
    fn lines_from(&self, frame: &mut Frame<'_>, at: At, n: i32) -> At {
        match self.unit {
            Unit::Code(number) if n > 0 => {
                let end = block(frame, at.0, number).map_or(at.1, |block| block.rows.end - 1);
                frame.step((at.0, end), n)
            }
            Unit::Message => {
                let last = (at.0, frame.len(at.0).saturating_sub(2));
                let (top, bottom) = frame.sight.unwrap_or((at, last));
                let first = at.max(top).min(last);
                if n > 0 { frame.step(first, n - 1) } else { frame.step(last.min(bottom).max(first), n + 1) }
            }
            _ => frame.step(at, n),
        }
    }

    fn message_from(&self, frame: &mut Frame<'_>, (place, row): At, n: i32) -> At {
        // From within a message, its beginning comes first.
        let inside = self.unit != Unit::Message && (n > 0 || row > 0);
        let last = frame.conversation.len().saturating_sub(1);
        let to = match n {
            n if n < 0 && inside => place,
            n if n < 0 => place.saturating_sub(1),
            _ if inside && place == last => place,
            _ => (place + 1).min(last),
        };
        (to, 0)
    }

    /// The rows that are to be in sight, and how many.
    pub(super) fn rows(&self, frame: &mut Frame<'_>) -> Option<(At, usize)> {
        let place = frame.conversation.place(self.at.message)?;
        let rows = match self.unit {
            Unit::Message => frame.len(place).saturating_sub(1),
            Unit::Code(number) => block(frame, place, number).map_or(1, |block| block.rows.len()),
            Unit::Line => 1,
        };
        Some(((place, self.at.row), rows))
    }

    /// Stays with what it points at where rows came or went above that.
    pub(super) fn hold(&mut self, frame: &mut Frame<'_>) {
        let Some(place) = frame.conversation.place(self.at.message) else { return };
        if let Unit::Code(number) = self.unit
            && let Some(block) = block(frame, place, number)
        {
            self.at.row = block.rows.start;
        }
        self.at.row = self.at.row.min(frame.len(place).saturating_sub(1));
    }
}

fn block(frame: &mut Frame<'_>, place: usize, number: usize) -> Option<Block> {
    frame.laid(place)?.blocks().find(|block| block.kind == RegionKind::Code { number })
}

/// The next block of code from a row on, or the one before it, with its number.
/// Without a row, the first or the last of the message is meant.
pub(super) fn code_from(
    frame: &mut Frame<'_>,
    (mut place, mut within): (usize, Option<usize>),
    down: bool,
) -> Option<(At, usize)> {
    loop {
        if frame.conversation.at(place).is_some_and(may_have_code)
            && let Some(laid) = frame.laid(place)
        {
            let mut code = laid.blocks().filter_map(|block| match block.kind {
                RegionKind::Code { number } => Some((block.rows.start, number)),
                RegionKind::Table => None,
            });
            let found = if down {
                code.find(|(start, _)| within.is_none_or(|row| *start > row))
            } else {
                code.rfind(|(start, _)| within.is_none_or(|row| *start < row))
            };
            if let Some((start, number)) = found {
                return Some(((place, start), number));
            }
        }
        place = if down { place + 1 } else { place.checked_sub(1)? };
        if place >= frame.conversation.len() {
            return None;
        }
        within = None;
    }
}

/// Whether it is worth laying out to see: nothing is a block of code without a fence or an indent.
fn may_have_code(message: &Message) -> bool {
    let text = &message.content;
    message.is_json()
        || ["```", "~~~", "\n    ", "\n\t"].iter().any(|mark| text.contains(mark))
        || text.starts_with("    ")
}
