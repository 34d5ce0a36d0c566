//! What is folded: by the settings where nobody said otherwise, all at once, or one thing by hand.

use std::collections::HashMap;
use std::ops::Range;

use ratatui::text::{Line, Span};

use super::Transcript;
use super::cursor::{Spot, Unit};
use crate::config::theme::Theme;
use crate::domain::MsgId;
use crate::domain::conversation::Conversation;
use crate::domain::units::many;
use crate::text::markdown::{Region, RegionKind};
use crate::text::wrap;

/// Rows of something folded that stay in sight.
const IN_SIGHT: usize = 6;

/// A part of a message that can be folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Foldable {
    Reasoning,
    /// What a person wrote.
    Message,
    /// The block of code with this number.
    Code(usize),
}

/// What a person wants folded or not.
#[derive(Debug, Default)]
pub struct Folds {
    all: Option<bool>,
    own: HashMap<(MsgId, Foldable), bool>,
    /// Another number after each change.
    revision: u64,
}

impl Folds {
    /// `by_default`: what holds where nobody said anything.
    #[must_use]
    pub fn is_folded(&self, message: MsgId, what: Foldable, by_default: bool) -> bool {
        self.own.get(&(message, what)).copied().or(self.all).unwrap_or(by_default)
    }

    pub fn set(&mut self, message: MsgId, what: Foldable, folded: bool) {
        self.own.insert((message, what), folded);
        self.revision += 1;
    }

    /// Folds or unfolds everything, whatever was said of single things; `None` leaves it to the settings again.
    pub fn set_all(&mut self, folded: Option<bool>) {
        self.all = folded;
        self.own.clear();
        self.revision += 1;
    }

    #[must_use]
    pub fn all(&self) -> Option<bool> {
        self.all
    }

    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

/// Lines of a body that are not shown; one row stands for them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fold {
    pub what: Foldable,
    pub hidden: Range<usize>,
    pub row: Line<'static>,
}

impl Fold {
    fn new(what: Foldable, hidden: Range<usize>, width: usize, theme: &Theme) -> Self {
        let text = format!("  {} {}", theme.glyphs.ellipsis, many(hidden.len(), "more line"));
        let row = match what {
            Foldable::Code(_) => {
                let room = width.saturating_sub(wrap::width(&text));
                Line::from(Span::styled(text + &" ".repeat(room), theme.code.patch(theme.muted)))
            }
            Foldable::Message | Foldable::Reasoning => Line::from(Span::styled(text, theme.muted)),
        };
        Self { what, hidden, row: wrap::truncate(&row, width, "") }
    }
}

/// The folds of a body: of what a person wrote, and of long code. `after`: how many lines may be shown whole; none of them where it is 0.
pub(super) fn folds_of(
    message: MsgId,
    plain: Option<usize>,
    regions: &[Region],
    folds: &Folds,
    by_default: impl Fn(Foldable, usize) -> bool,
    (width, theme): (usize, &Theme),
) -> Vec<Fold> {
    let fold = |what, lines: Range<usize>, in_sight: usize| {
        let worth_it = lines.len() > in_sight + 1;
        let folded = || folds.is_folded(message, what, by_default(what, lines.len()));
        (worth_it && folded()).then(|| Fold::new(what, lines.start + in_sight..lines.end, width, theme))
    };
    if let Some(lines) = plain {
        return Vec::from_iter(fold(Foldable::Message, 0..lines, IN_SIGHT));
    }
    let code = |region: &Region| match region.kind {
        // The line with the language is none of the code's.
        RegionKind::Code { number } => fold(Foldable::Code(number), region.lines.clone(), IN_SIGHT + 1),
        RegionKind::Table => None,
    };
    regions.iter().filter_map(code).collect()
}

/// What a row of a folded body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyRow {
    Line(usize),
    /// Stands for the lines of this fold.
    Fold(usize),
}

/// The row at a place, counted as they are shown.
pub(super) fn row(folds: &[Fold], row: usize) -> BodyRow {
    let mut line = row;
    for (nth, fold) in folds.iter().enumerate() {
        if line < fold.hidden.start {
            break;
        }
        if line == fold.hidden.start {
            return BodyRow::Fold(nth);
        }
        line += fold.hidden.len() - 1;
    }
    BodyRow::Line(line)
}

/// The row that shows a line; for a hidden one that of its fold.
pub(super) fn row_of_line(folds: &[Fold], line: usize) -> usize {
    let mut row = line;
    for fold in folds {
        if line < fold.hidden.start {
            break;
        }
        row -= if line < fold.hidden.end { line - fold.hidden.start } else { fold.hidden.len() - 1 };
    }
    row
}

impl Transcript {
    /// Folds or unfolds what is pointed at: a block, the reasoning, or everything in a message. False where there is nothing to fold.
    pub fn toggle_fold(&mut self, conversation: &Conversation, spot: Spot, unit: Unit) -> bool {
        let Some(laid) = conversation.place(spot.message).and_then(|_| self.laid.get(&spot.message)) else {
            return false;
        };
        let what = match unit {
            Unit::Code(number) => vec![Foldable::Code(number)],
            Unit::Line if laid.foldable_at(spot.row).is_some() => Vec::from_iter(laid.foldable_at(spot.row)),
            Unit::Line | Unit::Message => laid.foldables(),
        };
        let unfold = what.iter().any(|what| laid.folds(*what));
        for what in &what {
            self.folds.set(spot.message, *what, !unfold);
        }
        !what.is_empty()
    }

    /// Whether a click on this row folds or unfolds something.
    #[must_use]
    pub fn is_handle(&self, spot: Spot) -> bool {
        self.laid.get(&spot.message).is_some_and(|laid| laid.is_handle(spot.row))
    }

    /// Folds everything where nothing is folded on the screen, else unfolds everything. Gives what was done.
    pub fn toggle_all_folds(&mut self, conversation: &Conversation) -> bool {
        let mut messages: Vec<usize> = self.shown.iter().map(|shown| shown.place).collect();
        messages.dedup();
        let laid = messages.iter().filter_map(|place| self.laid.get(&conversation.at(*place)?.id));
        let mut all = laid.flat_map(|laid| laid.foldables().into_iter().map(move |what| laid.folds(what)));
        let fold = match self.folds.all() {
            Some(folded) => !folded,
            None => !all.any(|folded| folded),
        };
        self.folds.set_all(Some(fold));
        fold
    }
}

#[cfg(test)]
mod tests {
    use super::BodyRow::{Fold, Line};
    use super::*;

    fn fold(hidden: Range<usize>) -> super::Fold {
        super::Fold { what: Foldable::Code(1), hidden, row: ratatui::text::Line::default() }
    }

    #[test]
    fn rows_and_lines_lead_to_each_other() {
        let folds = [fold(2..5), fold(7..10)];
        let shown: Vec<BodyRow> = (0..8).map(|nth| row(&folds, nth)).collect();
        assert_eq!(shown, [Line(0), Line(1), Fold(0), Line(5), Line(6), Fold(1), Line(10), Line(11)]);
        for line in 0..12 {
            let expected = match line {
                2..5 => Fold(0),
                7..10 => Fold(1),
                line => Line(line),
            };
            assert_eq!(row(&folds, row_of_line(&folds, line)), expected, "{line}");
        }
    }

    #[test]
    fn what_was_said_of_one_thing_counts_before_what_was_said_of_all() {
        let mut folds = Folds::default();
        let code = Foldable::Code(1);
        assert!(folds.is_folded(MsgId(1), code, true) && !folds.is_folded(MsgId(1), code, false));
        folds.set_all(Some(true));
        folds.set(MsgId(1), code, false);
        assert!(!folds.is_folded(MsgId(1), code, true) && folds.is_folded(MsgId(2), code, false));
        folds.set_all(None);
        assert!(folds.is_folded(MsgId(1), code, true), "back to the settings");
    }
}
