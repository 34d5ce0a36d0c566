//! What the mouse has drawn over: characters, words or lines of what is on the screen.

use std::ops::Range;

use ratatui::text::Line;

use super::cursor::Spot;
use super::frame::At;
use crate::domain::conversation::Conversation;
use crate::text::wrap;

/// A column of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    pub spot: Spot,
    pub column: usize,
}

/// What goes along with each end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    Character,
    /// After a double click.
    Word,
    /// After a triple click.
    Line,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drag {
    pub from: Point,
    pub to: Point,
    pub grain: Grain,
}

impl Drag {
    /// Both ends in their order, by places on the branch; `None` where their messages are not on it any more.
    fn ends(&self, conversation: &Conversation) -> Option<((At, usize), (At, usize))> {
        let at = |point: Point| Some(((conversation.place(point.spot.message)?, point.spot.row), point.column));
        let (from, to) = (at(self.from)?, at(self.to)?);
        Some((from.min(to), from.max(to)))
    }

    /// The rows it goes over, from the first to the last.
    #[must_use]
    pub fn rows(&self, conversation: &Conversation) -> Option<(At, At)> {
        self.ends(conversation).map(|((from, _), (to, _))| (from, to))
    }

    /// The columns of a row that are selected.
    #[must_use]
    pub fn columns(&self, conversation: &Conversation, at: At, line: &Line<'_>) -> Option<Range<usize>> {
        let ((first, from), (last, to)) = self.ends(conversation)?;
        if at < first || at > last {
            return None;
        }
        let width = wrap::line_width(line);
        let begin = if at > first || self.grain == Grain::Line { 0 } else { from };
        // The cell under the mouse is part of it.
        let end = if at < last || self.grain == Grain::Line { width } else { to + 1 };
        let mut columns = whole(line, begin..end.min(width));
        if self.grain == Grain::Word {
            if at == first {
                columns.start = word(line, begin).start;
            }
            if at == last {
                columns.end = columns.end.max(word(line, to).end);
            }
        }
        (!columns.is_empty()).then_some(columns)
    }

    /// Nothing but the cell where it began.
    #[must_use]
    pub fn is_click(&self) -> bool {
        self.grain == Grain::Character && self.from == self.to
    }
}

/// With all columns of what these are a part of: a wide letter has two.
fn whole(line: &Line<'_>, mut columns: Range<usize>) -> Range<usize> {
    let mut at = 0;
    for span in &line.spans {
        for (_, wide) in wrap::measured(&span.content) {
            let end = at + wide;
            if (at..end).contains(&columns.start) {
                columns.start = at;
            }
            if at < columns.end && columns.end < end {
                columns.end = end;
            }
            at = end;
        }
    }
    columns
}

/// The columns of the word at a column: what one reads, or what one would paste into a shell, as a path or a name.
fn word(line: &Line<'_>, column: usize) -> Range<usize> {
    let text: String = line.spans.iter().map(|span| span.content.as_ref()).collect();
    let (mut begin, mut at) = (0, 0);
    let mut inside = None;
    for (cluster, columns) in wrap::measured(&text) {
        let is_word = cluster.starts_with(|c: char| c.is_alphanumeric() || "_-./~+@:".contains(c));
        if inside != Some(is_word) {
            if at > column {
                break;
            }
            (begin, inside) = (at, Some(is_word));
        }
        at += columns;
    }
    begin..at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::conversation::MessageState;
    use crate::domain::{MsgId, Role};

    #[test]
    fn words_are_what_one_would_copy() {
        let line = Line::from("see src/main.rs, 漢字 too");
        for (column, range) in [(0, 0..3), (4, 4..15), (14, 4..15), (15, 15..17), (18, 17..21), (99, 22..25)] {
            assert_eq!(word(&line, column), range, "{column}");
        }
        let line = Line::from("👨‍👩‍👧 ❤️ cafe\u{301}s 🇩🇪");
        for (column, range) in [(0, 0..6), (3, 0..6), (6, 6..11), (10, 6..11), (12, 11..14)] {
            assert_eq!(word(&line, column), range, "{column}");
        }
    }

    #[test]
    fn what_is_drawn_over_has_an_order_whichever_way_it_was_drawn() {
        let mut c = Conversation::default();
        c.push(Role::User, "a".into(), MessageState::Whole);
        let point = |row, column| Point { spot: Spot { message: MsgId(0), row }, column };
        let line = Line::from("0123456789");
        let drag = Drag { from: point(2, 3), to: point(1, 5), grain: Grain::Character };
        assert_eq!(drag.columns(&c, (0, 0), &line), None);
        assert_eq!(drag.columns(&c, (0, 1), &line), Some(5..10));
        assert_eq!(drag.columns(&c, (0, 2), &line), Some(0..4));
        let lines = Drag { grain: Grain::Line, ..drag };
        assert_eq!(lines.columns(&c, (0, 2), &line), Some(0..10));
        assert_eq!(drag.columns(&c, (0, 1), &Line::from("ab")), None, "there is nothing there");
        let wide = Line::from("a漢字かな");
        assert_eq!(drag.columns(&c, (0, 2), &wide), Some(0..5));
        assert_eq!(drag.columns(&c, (0, 1), &wide), Some(5..9));
        let within = Drag { from: point(1, 2), to: point(1, 3), ..drag };
        assert_eq!(within.columns(&c, (0, 1), &wide), Some(1..5), "no half of a letter");
    }
}
