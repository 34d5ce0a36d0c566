//! A text as rows on the screen, with chips shown by their labels.

use std::ops::Range;
use std::rc::Rc;

use super::TextArea;
use super::written::{Chip, Piece, pieces};
use crate::text::wrap;

/// How a stretch of a row looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Plain,
    /// A chip.
    Folded,
    Selected,
}

/// A text with labels in place of its chips.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    text: String,
    /// Of each chip: where it stands in the text, and where its label does here.
    chips: Vec<(Range<usize>, Range<usize>)>,
}

impl Shown {
    fn of(text: &str, chips: &[Chip]) -> Self {
        let mut shown = Self { text: String::with_capacity(text.len()), chips: Vec::new() };
        for (range, piece) in pieces(text, chips) {
            match piece {
                Piece::Plain(text) => shown.text.push_str(text),
                Piece::Chip(chip) => {
                    let start = shown.text.len();
                    shown.text.push_str(&chip.label());
                    shown.chips.push((range, start..shown.text.len()));
                }
            }
        }
        shown
    }

    /// Follows a change of the text in which no chip came, changed or went. Gives where it is shown; `None` where one did.
    fn replace(&mut self, text: &str, Replaced { at, before, after }: Replaced) -> Option<usize> {
        let end = at + before;
        if self.chips.iter().any(|(chip, _)| chip.start < end && at < chip.end) {
            return None;
        }
        let place = self.place(at);
        self.text.replace_range(place..place + before, &text[at..at + after]);
        let moved = |range: &mut Range<usize>| *range = range.start - before + after..range.end - before + after;
        for (chip, label) in self.chips.iter_mut().filter(|(chip, _)| chip.start >= end) {
            moved(chip);
            moved(label);
        }
        Some(place)
    }

    /// Where a place of the text is shown.
    fn place(&self, at: usize) -> usize {
        let next = self.chips.partition_point(|(text, _)| text.start <= at);
        match next.checked_sub(1).map(|i| &self.chips[i]) {
            Some((text, label)) if at < text.end => label.start,
            Some((text, label)) => label.end + (at - text.end),
            None => at,
        }
    }

    /// The place of the text that is shown here; a label is the place of its chip.
    fn back(&self, at: usize) -> usize {
        let next = self.chips.partition_point(|(_, label)| label.start <= at);
        match next.checked_sub(1).map(|i| &self.chips[i]) {
            Some((text, label)) if at < label.end => text.start,
            Some((text, label)) => text.end + (at - label.end),
            None => at,
        }
    }
}

/// A part of a text that was replaced: where it is, how long it was, and how long what stands there now is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Replaced {
    pub at: usize,
    pub before: usize,
    pub after: usize,
}

impl Replaced {
    /// Both as one, with what is between them.
    pub(super) fn then(self, next: Self) -> Self {
        // In the text between the two.
        let start = self.at.min(next.at);
        let end = (self.at + self.after).max(next.at + next.before);
        Self {
            at: start,
            before: end - self.after + self.before - start,
            after: end - next.before + next.after - start,
        }
    }
}

/// The rows of a text at a width.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    width: u16,
    pub rows: Rc<Vec<wrap::Row>>,
    /// `None` where the text is shown as it is.
    shown: Option<Rc<Shown>>,
}

impl Layout {
    pub(super) fn new(text: &str, chips: &[Chip], width: u16) -> Self {
        let shown = (!chips.is_empty()).then(|| Shown::of(text, chips)).filter(|shown| !shown.chips.is_empty());
        let rows = wrap::rows(shown.as_ref().map_or(text, |shown| &shown.text), columns(width));
        Self { width, rows: Rc::new(rows), shown: shown.map(Rc::new) }
    }

    pub(super) fn is_of(&self, width: u16) -> bool {
        self.width == width
    }

    /// Brings the rows up to date after a part of the text was replaced, by breaking the lines anew that are touched: writing
    /// on in a text of ten thousand lines costs what one line does. False where all of it has to be laid out anew.
    fn replaced(&mut self, text: &str, part: Replaced) -> bool {
        let Some(shown) = &mut self.shown else {
            self.break_anew(text, part);
            return true;
        };
        let Some(at) = Rc::make_mut(shown).replace(text, part) else { return false };
        let shown = Rc::clone(shown);
        self.break_anew(&shown.text, Replaced { at, ..part });
        true
    }

    /// `text` is as it is shown.
    fn break_anew(&mut self, text: &str, Replaced { at, before, after }: Replaced) {
        let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
        let line_feed = text[at + after..].find('\n');
        let is_last = line_feed.is_none();
        let end = line_feed.map_or(text.len(), |i| at + after + i + 1);
        let old_end = end + before - after;
        let rows = Rc::make_mut(&mut self.rows);
        let first = rows.partition_point(|row| row.start < start);
        let last = if is_last { rows.len() } else { rows.partition_point(|row| row.start < old_end) };
        let mut fresh = wrap::rows(&text[start..end], columns(self.width));
        if !is_last {
            // The row after the line's end is another line's.
            fresh.pop();
        }
        for row in &mut fresh {
            *row = wrap::Row { start: row.start + start, end: row.end + start, next: row.next + start };
        }
        let moved = |place: usize| place + after - before;
        for row in &mut rows[last..] {
            *row = wrap::Row { start: moved(row.start), end: moved(row.end), next: moved(row.next) };
        }
        rows.splice(first..last, fresh);
    }

    fn text<'a>(&'a self, text: &'a str) -> &'a str {
        self.shown.as_ref().map_or(text, |shown| &shown.text)
    }

    fn place(&self, at: usize) -> usize {
        self.shown.as_ref().map_or(at, |shown| shown.place(at))
    }
}

/// One column stays free, so that the cursor has a place after a full row.
fn columns(width: u16) -> usize {
    usize::from(width.max(2)) - 1
}

impl TextArea {
    /// The visual rows at a width. Known ones are not made again: thousands of lines are not broken anew for every frame.
    #[must_use]
    pub fn layout(&self, width: u16) -> Layout {
        let holds_a_chip = |part: &str| !self.chips.is_empty() && part.contains('\u{fffc}');
        let mut laid = self.laid.borrow_mut();
        let known = laid.take().filter(|known| known.is_of(width)).and_then(|mut known| match self.unlaid.get() {
            None => Some(known),
            Some(part) if holds_a_chip(&self.text[part.at..part.at + part.after]) => None,
            Some(part) => known.replaced(&self.text, part).then_some(known),
        });
        self.unlaid.set(None);
        laid.insert(known.unwrap_or_else(|| Layout::new(&self.text, &self.chips, width))).clone()
    }

    /// Row and column of the cursor.
    #[must_use]
    pub fn place(&self, layout: &Layout) -> (usize, usize) {
        wrap::locate(layout.text(&self.text), &layout.rows, layout.place(self.cursor))
    }

    /// The place in the text that is nearest to a row and a column.
    pub(super) fn at(&self, layout: &Layout, row: usize, column: usize) -> usize {
        let at = wrap::offset(layout.text(&self.text), &layout.rows, row, column);
        layout.shown.as_ref().map_or(at, |shown| shown.back(at))
    }

    /// A row in stretches that look the same.
    #[must_use]
    pub fn stretches<'a>(&'a self, layout: &'a Layout, row: usize) -> Vec<(&'a str, Look)> {
        let Some(row) = layout.rows.get(row) else { return Vec::new() };
        let text = layout.text(&self.text);
        let selected = self.selected().map(|range| layout.place(range.start)..layout.place(range.end));
        let chips = layout.shown.as_ref().map_or(&[][..], |shown| &shown.chips);
        let mut edges = vec![row.start, row.end];
        let labels = chips.iter().map(|(_, label)| label.clone());
        for range in labels.clone().chain(selected.clone()) {
            edges.extend([range.start, range.end].into_iter().filter(|at| (row.start..row.end).contains(at)));
        }
        edges.sort_unstable();
        let look = |at: usize| {
            if selected.as_ref().is_some_and(|range| range.contains(&at)) {
                Look::Selected
            } else if labels.clone().any(|label| label.contains(&at)) {
                Look::Folded
            } else {
                Look::Plain
            }
        };
        let stretches = edges.windows(2).filter(|edge| edge[0] < edge[1]);
        stretches.map(|edge| (&text[edge[0]..edge[1]], look(edge[0]))).collect()
    }
}
