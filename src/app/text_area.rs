//! Text that is being edited: the composer and every one-line field.
//!
//! Positions are byte offsets at grapheme boundaries. Every change is one replacement, and undo keeps replacements, not
//! copies of the text: a paste of 5,000 lines costs its own length once. A long one can stand in the text as a chip, see
//! [`written`].

mod layout;
mod places;
pub mod written;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use self::layout::Replaced;
pub use self::layout::{Layout, Look};
pub use self::written::{Chip, Written};
use crate::domain::action::Action;

/// One replacement, and where the cursor was.
#[derive(Debug, Clone, PartialEq)]
struct Change {
    at: usize,
    removed: String,
    inserted: String,
    cursor_before: usize,
    /// It is undone together with the one before it.
    goes_on: bool,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TextArea {
    text: String,
    /// What the stand-ins in the text stand for, by their numbers. Undo may need those that are not in the text.
    chips: Vec<Chip>,
    cursor: usize,
    /// The column that up and down try to keep.
    goal: Option<usize>,
    undo: Vec<Change>,
    redo: Vec<Change>,
    /// The next typed character may join the last change.
    joining: bool,
    /// Changes from here on are undone as one; the inner one: there is such a change already.
    group: Option<bool>,
    killed: Written,
    /// What is deleted next belongs to what was deleted last.
    killing: bool,
    /// From here to the cursor something is selected, and how.
    selection: Option<Selection>,
    /// Goes up with each change.
    version: u64,
    /// Width of the last layout: up and down move by visual rows.
    width: u16,
    /// The rows as they were asked for last.
    laid: RefCell<Option<Layout>>,
    /// What has changed since: thousands of characters that come at once are laid out once.
    unlaid: Cell<Option<Replaced>>,
    one_line: bool,
}

/// What is selected reaches from a place to the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    pub from: usize,
    /// Whole lines.
    pub lines: bool,
}

impl TextArea {
    /// A field that holds no line breaks.
    #[must_use]
    pub fn one_line(text: &str) -> Self {
        let mut area = Self { one_line: true, ..Self::default() };
        area.insert(text);
        area.undo.clear();
        area
    }

    /// The text, with a stand-in for each chip: what somebody wrote is [`TextArea::full`].
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub fn chips(&self) -> &[Chip] {
        &self.chips
    }

    /// The text with what its chips stand for.
    #[must_use]
    pub fn full(&self) -> Cow<'_, str> {
        written::full(&self.text, &self.chips)
    }

    #[must_use]
    pub fn written(&self) -> Written {
        Written::of(&self.text, &self.chips)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The same for as long as the text is.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Replaces everything, as one change that can be undone.
    pub fn set(&mut self, text: &str) {
        let end = self.text.len();
        self.replace(0..end, &crate::text::sanitize(text));
    }

    /// As [`TextArea::set`], with chips.
    pub fn put(&mut self, written: &Written) {
        let text = self.adopt(written);
        let end = self.text.len();
        self.replace(0..end, &text);
    }

    /// Takes the text out and begins anew: what was sent is not undone by accident.
    pub fn take(&mut self) -> Written {
        let written = self.written();
        let width = self.width;
        let killed = std::mem::take(&mut self.killed);
        let version = self.version + 1;
        *self = Self { width, killed, version, one_line: self.one_line, ..Self::default() };
        written
    }

    /// Text from the keyboard or the clipboard.
    pub fn insert(&mut self, text: &str) {
        let clean = crate::text::sanitize(text);
        let clean = if self.one_line { clean.replace('\n', " ").into() } else { clean };
        if clean.is_empty() {
            return;
        }
        let typed = clean.graphemes(true).count() == 1;
        let joins = typed && self.joining && !clean.starts_with(char::is_whitespace);
        let at = self.cursor;
        match self.undo.last_mut() {
            Some(last) if joins && last.at + last.inserted.len() == at => {
                last.inserted.push_str(&clean);
                self.text.insert_str(at, &clean);
                self.has_replaced(at, 0, clean.len());
                self.cursor = at + clean.len();
                self.redo.clear();
            }
            _ => self.replace(at..at, &clean),
        }
        self.joining = typed;
        self.killing = false;
        self.goal = None;
    }

    /// Puts a chip at the cursor, or in place of what is before it.
    pub fn insert_chip(&mut self, chip: Chip, instead_of: Range<usize>) {
        let text = self.stand_in(chip);
        self.replace(instead_of, &text);
    }

    /// As [`TextArea::insert`], of what was taken out of a text.
    pub fn insert_written(&mut self, written: &Written) {
        let text = self.adopt(written);
        self.replace(self.cursor..self.cursor, &text);
    }

    /// What stands in this text for a chip.
    fn stand_in(&mut self, chip: Chip) -> String {
        let known = self.chips.iter().position(|known| *known == chip);
        let number = known.unwrap_or_else(|| {
            self.chips.push(chip);
            self.chips.len() - 1
        });
        written::stand_in(number)
    }

    /// A text from elsewhere as it is written here.
    fn adopt(&mut self, written: &Written) -> String {
        let mut text = String::new();
        for (_, piece) in written.pieces() {
            match piece {
                written::Piece::Plain(plain) => text.push_str(plain),
                written::Piece::Chip(chip) => text.push_str(&self.stand_in(chip.clone())),
            }
        }
        text
    }

    /// Replaces a part; the cursor goes to the end of what is there now.
    pub(super) fn replace(&mut self, range: Range<usize>, with: &str) {
        if range.is_empty() && with.is_empty() {
            return;
        }
        let goes_on = self.group.is_some_and(|has_begun| has_begun);
        self.group = self.group.map(|_| true);
        self.undo.push(Change {
            at: range.start,
            removed: self.text[range.clone()].to_owned(),
            inserted: with.to_owned(),
            cursor_before: self.cursor,
            goes_on,
        });
        self.redo.clear();
        self.cursor = range.start + with.len();
        let (at, before) = (range.start, range.len());
        self.text.replace_range(range, with);
        self.has_replaced(at, before, with.len());
        self.goal = None;
        self.joining = false;
    }

    /// A part of the text was replaced: its rows are no longer what they were, and nothing is selected in it.
    fn has_replaced(&mut self, at: usize, before: usize, after: usize) {
        self.version += 1;
        self.selection = None;
        let next = Replaced { at, before, after };
        self.unlaid.set(Some(self.unlaid.get().map_or(next, |known| known.then(next))));
    }

    /// From here on changes are undone as one, until [`TextArea::end_group`].
    pub(super) fn begin_group(&mut self) {
        self.group.get_or_insert(false);
        self.joining = false;
    }

    pub(super) fn end_group(&mut self) {
        self.group = None;
        self.joining = false;
    }

    /// Does an editing action. False where it is not one, or where it has nothing to do (up on the first row, say), so that
    /// the next context can use the key.
    pub fn act(&mut self, action: Action) -> bool {
        let killing = std::mem::take(&mut self.killing);
        match action {
            Action::NewLine if !self.one_line => self.insert("\n"),
            Action::Left => self.go(self.before(self.cursor)),
            Action::Right => self.go(self.after(self.cursor)),
            Action::WordLeft => self.go(self.word_before()),
            Action::WordRight => self.go(self.word_after()),
            Action::LineStart => self.go(self.line_start(self.cursor)),
            Action::LineEnd => self.go(self.line_end(self.cursor)),
            Action::TextStart => self.go(0),
            Action::TextEnd => self.go(self.text.len()),
            Action::Up => return self.vertical(false),
            Action::Down => return self.vertical(true),
            Action::Backspace => self.delete(self.before(self.cursor)..self.cursor),
            Action::Delete => self.delete(self.cursor..self.after(self.cursor)),
            Action::DeleteWordLeft => self.kill(self.word_before()..self.cursor, killing),
            Action::DeleteWordRight => self.kill(self.cursor..self.word_after(), killing),
            Action::DeleteToStart => self.kill(self.line_start(self.cursor)..self.cursor, killing),
            Action::DeleteToEnd => {
                let end = self.line_end(self.cursor);
                // At the end of a line the line break itself goes, as in Emacs.
                let end = if end == self.cursor { self.after(self.cursor) } else { end };
                self.kill(self.cursor..end, killing);
            }
            // There is nothing to swap: the key can do something else.
            Action::Transpose if self.text.is_empty() => return false,
            Action::Transpose => self.transpose(),
            Action::Paste => {
                let killed = self.killed.clone();
                self.insert_written(&killed);
            }
            Action::Undo => self.undo(),
            Action::Redo => self.redo(),
            _ => return false,
        }
        true
    }

    pub(super) fn delete(&mut self, range: Range<usize>) {
        self.replace(range, "");
    }

    /// Deletes something that can be put back. What is deleted in a row is put back as one.
    fn kill(&mut self, range: Range<usize>, goes_on: bool) {
        self.killing = true;
        if range.is_empty() {
            return;
        }
        let part = self.part(range.clone());
        if !goes_on {
            self.killed = part;
        } else if range.end == self.cursor {
            let after = std::mem::replace(&mut self.killed, part);
            self.killed.append(&after);
        } else {
            self.killed.append(&part);
        }
        self.delete(range);
    }

    /// A part of the text, by itself.
    #[must_use]
    pub(super) fn part(&self, range: Range<usize>) -> Written {
        Written::of(&self.text[range], &self.chips)
    }

    /// The characters around the cursor change their places, at the end of a line the two before it.
    fn transpose(&mut self) {
        let at_end = self.cursor == self.line_end(self.cursor);
        let middle = if at_end { self.before(self.cursor) } else { self.cursor };
        let (start, end) = (self.before(middle), self.after(middle));
        if start >= self.line_start(self.cursor) && start < middle && middle < end {
            let swapped = format!("{}{}", &self.text[middle..end], &self.text[start..middle]);
            self.replace(start..end, &swapped);
        }
    }

    /// The chip at the cursor, else the one before it, else the only one that there is, becomes plain text. False where there is none.
    pub fn unfold(&mut self) -> bool {
        let chip = |range: Range<usize>| match written::pieces(&self.text[range.clone()], &self.chips).next() {
            Some((_, written::Piece::Chip(chip))) => Some((range, chip.full().into_owned())),
            _ => None,
        };
        let (after, before) = (self.after(self.cursor), self.before(self.cursor));
        let only = || {
            let is_chip = |piece: &(Range<usize>, written::Piece<'_>)| matches!(piece.1, written::Piece::Chip(_));
            let mut chips = written::pieces(&self.text, &self.chips).filter(is_chip).map(|(range, _)| range);
            chips.next().filter(|_| chips.next().is_none()).and_then(chip)
        };
        let near = chip(self.cursor..after).or_else(|| chip(before..self.cursor));
        let Some((range, text)) = near.or_else(only) else { return false };
        let start = range.start;
        self.replace(range, &text);
        self.go(start);
        true
    }

    fn undo(&mut self) {
        while let Some(change) = self.undo.pop() {
            self.text.replace_range(change.at..change.at + change.inserted.len(), &change.removed);
            self.cursor = change.cursor_before;
            self.has_replaced(change.at, change.inserted.len(), change.removed.len());
            let goes_on = change.goes_on;
            self.redo.push(change);
            if !goes_on {
                break;
            }
        }
        self.went_through_changes();
    }

    fn redo(&mut self) {
        while let Some(change) = self.redo.pop() {
            self.text.replace_range(change.at..change.at + change.removed.len(), &change.inserted);
            self.cursor = change.at + change.inserted.len();
            self.has_replaced(change.at, change.removed.len(), change.inserted.len());
            self.undo.push(change);
            if !self.redo.last().is_some_and(|next| next.goes_on) {
                break;
            }
        }
        self.went_through_changes();
    }

    /// What comes next of a group goes on with none of the changes that are there.
    fn went_through_changes(&mut self) {
        self.group = self.group.map(|_| false);
        self.moved();
    }

    fn moved(&mut self) {
        self.goal = None;
        self.joining = false;
    }

    pub(super) fn go(&mut self, to: usize) {
        self.cursor = to;
        self.moved();
    }

    /// As [`TextArea::go`], on the way up or down: the column that is kept stays.
    pub(super) fn rest_on(&mut self, at: usize) {
        self.cursor = at;
    }

    pub(super) fn select(&mut self, selection: Option<Selection>) {
        self.selection = selection;
    }

    /// What is selected. The character under the cursor is.
    #[must_use]
    pub fn selected(&self) -> Option<Range<usize>> {
        let Selection { from, lines } = self.selection?;
        let (start, last) = (from.min(self.cursor), from.max(self.cursor));
        Some(if lines { self.line_start(start)..self.line_end(last) } else { start..self.after(last) })
    }

    /// Remembers the width that rows are counted at.
    pub fn set_width(&mut self, width: u16) {
        self.width = width;
    }

    fn vertical(&mut self, down: bool) -> bool {
        let layout = self.layout(if self.width == 0 { u16::MAX } else { self.width });
        let (row, column) = self.place(&layout);
        let Some(target) = (if down { row.checked_add(1) } else { row.checked_sub(1) }) else { return false };
        if target >= layout.rows.len() {
            return false;
        }
        let goal = self.goal.unwrap_or(column);
        self.go(self.at(&layout, target, goal));
        self.goal = Some(goal);
        true
    }
}

#[cfg(test)]
mod tests;
