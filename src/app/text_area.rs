//! Text that is being edited: the composer and every one-line field.
//!
//! Positions are byte offsets at grapheme boundaries. Every change is one replacement, and undo keeps replacements, not
//! copies of the text: a paste of 5,000 lines costs its own length once.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use unicode_segmentation::UnicodeSegmentation;

use crate::domain::action::Action;
use crate::text::wrap;

/// One replacement, and where the cursor was.
#[derive(Debug, Clone, PartialEq)]
struct Change {
    at: usize,
    removed: String,
    inserted: String,
    cursor_before: usize,
}

/// Rows at a width.
#[derive(Debug, Clone, PartialEq)]
struct Laid {
    width: u16,
    rows: Rc<[wrap::Row]>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TextArea {
    text: String,
    cursor: usize,
    /// The column that up and down try to keep.
    goal: Option<usize>,
    undo: Vec<Change>,
    redo: Vec<Change>,
    /// The next typed character may join the last change.
    joining: bool,
    killed: String,
    /// Width of the last layout: up and down move by visual rows.
    width: u16,
    /// The rows as they were asked for last: thousands of pasted lines are not broken anew for every frame.
    laid: RefCell<Option<Laid>>,
    one_line: bool,
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

    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Replaces everything, as one change that can be undone.
    pub fn set(&mut self, text: &str) {
        let end = self.text.len();
        self.replace(0..end, &crate::text::sanitize(text));
        self.joining = false;
    }

    /// Takes the text out and begins anew: what was sent is not undone by accident.
    pub fn take(&mut self) -> String {
        let width = self.width;
        let killed = std::mem::take(&mut self.killed);
        let text = std::mem::take(&mut self.text);
        *self = Self { width, killed, one_line: self.one_line, ..Self::default() };
        text
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
                self.laid.take();
                self.cursor = at + clean.len();
                self.redo.clear();
            }
            _ => self.replace(at..at, &clean),
        }
        self.joining = typed;
        self.goal = None;
    }

    fn replace(&mut self, range: Range<usize>, with: &str) {
        if range.is_empty() && with.is_empty() {
            return;
        }
        self.undo.push(Change {
            at: range.start,
            removed: self.text[range.clone()].to_owned(),
            inserted: with.to_owned(),
            cursor_before: self.cursor,
        });
        self.redo.clear();
        self.cursor = range.start + with.len();
        self.text.replace_range(range, with);
        self.laid.take();
        self.goal = None;
        self.joining = false;
    }

    /// Does an editing action. False where it is not one, or where it has nothing to do (up on the first row, say), so that
    /// the next context can use the key.
    pub fn act(&mut self, action: Action) -> bool {
        match action {
            Action::NewLine if !self.one_line => self.insert("\n"),
            Action::Left => self.go(self.before(self.cursor)),
            Action::Right => self.go(self.after(self.cursor)),
            Action::WordLeft => self.go(self.word_before()),
            Action::WordRight => self.go(self.word_after()),
            Action::LineStart => self.go(self.line_start()),
            Action::LineEnd => self.go(self.line_end()),
            Action::TextStart => self.go(0),
            Action::TextEnd => self.go(self.text.len()),
            Action::Up => return self.vertical(false),
            Action::Down => return self.vertical(true),
            Action::Backspace => self.delete(self.before(self.cursor)..self.cursor),
            Action::Delete => self.delete(self.cursor..self.after(self.cursor)),
            Action::DeleteWordLeft => self.kill(self.word_before()..self.cursor),
            Action::DeleteWordRight => self.kill(self.cursor..self.word_after()),
            Action::DeleteToStart => self.kill(self.line_start()..self.cursor),
            Action::DeleteToEnd => {
                let end = self.line_end();
                // At the end of a line the line break itself goes, as in Emacs.
                let end = if end == self.cursor { self.after(self.cursor) } else { end };
                self.kill(self.cursor..end);
            }
            Action::Paste => {
                let killed = self.killed.clone();
                self.insert(&killed);
            }
            Action::Undo => self.undo(),
            Action::Redo => self.redo(),
            _ => return false,
        }
        true
    }

    fn delete(&mut self, range: Range<usize>) {
        self.replace(range, "");
    }

    fn kill(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.text[range.clone()].clone_into(&mut self.killed);
            self.delete(range);
        }
    }

    fn undo(&mut self) {
        if let Some(change) = self.undo.pop() {
            self.text.replace_range(change.at..change.at + change.inserted.len(), &change.removed);
            self.cursor = change.cursor_before;
            self.laid.take();
            self.redo.push(change);
            self.goal = None;
            self.joining = false;
        }
    }

    fn redo(&mut self) {
        if let Some(change) = self.redo.pop() {
            self.text.replace_range(change.at..change.at + change.removed.len(), &change.inserted);
            self.cursor = change.at + change.inserted.len();
            self.laid.take();
            self.undo.push(change);
            self.goal = None;
            self.joining = false;
        }
    }

    fn go(&mut self, to: usize) {
        self.cursor = to;
        self.goal = None;
        self.joining = false;
    }

    fn before(&self, at: usize) -> usize {
        self.text[..at].grapheme_indices(true).next_back().map_or(0, |(i, _)| i)
    }

    fn after(&self, at: usize) -> usize {
        self.text[at..].graphemes(true).next().map_or(at, |g| at + g.len())
    }

    fn word_before(&self) -> usize {
        self.text[..self.cursor]
            .split_word_bound_indices()
            .rev()
            .find(|(_, word)| word.contains(char::is_alphanumeric))
            .map_or(0, |(i, _)| i)
    }

    fn word_after(&self) -> usize {
        self.text[self.cursor..]
            .split_word_bound_indices()
            .find(|(_, word)| word.contains(char::is_alphanumeric))
            .map_or(self.text.len(), |(i, word)| self.cursor + i + word.len())
    }

    fn line_start(&self) -> usize {
        self.text[..self.cursor].rfind('\n').map_or(0, |i| i + 1)
    }

    fn line_end(&self) -> usize {
        self.text[self.cursor..].find('\n').map_or(self.text.len(), |i| self.cursor + i)
    }

    /// The visual rows at a width.
    #[must_use]
    pub fn rows(&self, width: u16) -> Rc<[wrap::Row]> {
        let mut laid = self.laid.borrow_mut();
        match &*laid {
            Some(known) if known.width == width => Rc::clone(&known.rows),
            _ => {
                // One column stays free, so that the cursor has a place after a full row.
                let rows: Rc<[wrap::Row]> = wrap::rows(&self.text, usize::from(width.max(2)) - 1).into();
                *laid = Some(Laid { width, rows: Rc::clone(&rows) });
                rows
            }
        }
    }

    /// Remembers the width that rows are counted at.
    pub fn set_width(&mut self, width: u16) {
        self.width = width;
    }

    /// Row and column of the cursor among `rows`.
    #[must_use]
    pub fn place(&self, rows: &[wrap::Row]) -> (usize, usize) {
        wrap::locate(&self.text, rows, self.cursor)
    }

    fn vertical(&mut self, down: bool) -> bool {
        let rows = self.rows(if self.width == 0 { u16::MAX } else { self.width });
        let (row, column) = self.place(&rows);
        let Some(target) = (if down { row.checked_add(1) } else { row.checked_sub(1) }) else { return false };
        if target >= rows.len() {
            return false;
        }
        let goal = self.goal.unwrap_or(column);
        self.go(wrap::offset(&self.text, &rows, target, goal));
        self.goal = Some(goal);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> TextArea {
        let mut area = TextArea::default();
        for c in text.chars() {
            area.insert(c.encode_utf8(&mut [0; 4]));
        }
        area
    }

    #[test]
    fn undo_goes_by_words_and_redo_comes_back() {
        let mut area = typed("one two");
        assert!(area.act(Action::Undo));
        assert_eq!(area.text(), "one");
        area.act(Action::Undo);
        assert_eq!(area.text(), "");
        area.act(Action::Redo);
        area.act(Action::Redo);
        assert_eq!((area.text(), area.cursor()), ("one two", 7));
    }

    #[test]
    fn clusters_are_one_step() {
        let mut area = TextArea::default();
        area.insert("a👩‍👩‍👧e\u{301}");
        area.act(Action::Left);
        area.act(Action::Left);
        assert_eq!(area.cursor(), 1);
        area.act(Action::Delete);
        assert_eq!(area.text(), "ae\u{301}");
        area.act(Action::TextEnd);
        area.act(Action::Backspace);
        assert_eq!(area.text(), "a");
    }

    #[test]
    fn words_and_kills() {
        let mut area = typed("let x = foo(bar);");
        area.act(Action::WordLeft);
        assert_eq!(&area.text()[area.cursor()..], "bar);");
        area.act(Action::DeleteToEnd);
        area.act(Action::TextStart);
        area.act(Action::Paste);
        assert_eq!(area.text(), "bar);let x = foo(");
        area.act(Action::DeleteWordRight);
        assert_eq!(area.text(), "bar); x = foo(");
    }

    #[test]
    fn up_and_down_keep_the_column_over_short_rows() {
        let mut area = TextArea::default();
        area.set_width(40);
        area.insert("a long first line\nab\nanother long line");
        assert_eq!(area.place(&area.rows(40)), (2, 17));
        assert!(area.act(Action::Up));
        assert_eq!(area.place(&area.rows(40)), (1, 2));
        assert!(area.act(Action::Up));
        assert_eq!(area.place(&area.rows(40)), (0, 17));
        assert!(!area.act(Action::Up));
        assert_eq!(area.cursor(), 17);
    }

    #[test]
    fn a_field_of_one_line_stays_one() {
        let mut area = TextArea::one_line("");
        area.insert("a\nb\r\nc");
        assert_eq!(area.text(), "a b c");
        assert!(!area.act(Action::NewLine));
    }

    #[test]
    fn pasted_escapes_do_not_get_in() {
        let mut area = TextArea::default();
        area.insert("a\x1b[31mb\x07");
        assert_eq!(area.text(), "ab");
    }

    #[test]
    fn rows_are_those_of_the_text_after_every_change() {
        let mut area = TextArea::default();
        let check = |area: &TextArea| assert_eq!(&*area.rows(20), wrap::rows(area.text(), 19), "{:?}", area.text());
        check(&area);
        for c in "some words that are longer than a row".chars() {
            area.insert(c.encode_utf8(&mut [0; 4]));
            check(&area);
        }
        for action in [Action::DeleteWordLeft, Action::Undo, Action::Redo, Action::Undo, Action::Undo, Action::Paste] {
            area.act(action);
            check(&area);
        }
        area.set("other\ntext");
        check(&area);
        area.take();
        check(&area);
    }

    #[test]
    fn taking_leaves_nothing_to_undo() {
        let mut area = typed("secret");
        assert_eq!(area.take(), "secret");
        area.act(Action::Undo);
        assert_eq!(area.text(), "");
    }
}
