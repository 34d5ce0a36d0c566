//! What is on the screen, row by row: what each shows of which message, and what is marked in it.

use std::borrow::Cow;
use std::ops::Range;

use ratatui::text::Line;

use super::Transcript;
use super::cursor::{Selected, Spot};
use super::drag::Point;
use super::find::{self, Mark};
use super::frame::At;
use super::laid::Laid;
use crate::config::theme::Theme;
use crate::domain::MsgId;
use crate::domain::conversation::Conversation;
use crate::text::markdown::RegionKind;
use crate::text::search::Needle;
use crate::text::wrap;

/// Rows around those in sight that words may reach into.
const AROUND: usize = 3;
/// A row of the screen.
#[derive(Debug)]
pub struct Row<'a> {
    pub line: Cow<'a, Line<'static>>,
    pub shown: &'a Shown,
}

/// What a row of the screen shows, beside its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    pub place: usize,
    pub row: usize,
    /// The block of code that begins here.
    pub number: Option<usize>,
    pub marked: Marked,
    /// Columns where the words are that are looked for, and whether that is the place gone to.
    pub found: Vec<(Range<usize>, bool)>,
    /// Columns that have gone out at the left, of something wider than the screen; `None` where nothing is.
    pub(super) shift: Option<Shift>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shift {
    by: usize,
    code: bool,
}

/// How a row is pointed at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marked {
    No,
    /// It belongs to the message or the block that is pointed at.
    Edge,
    Whole,
    Columns(Range<usize>),
}

impl Transcript {
    /// Notes what each row of the screen shows.
    pub(super) fn show(&mut self, conversation: &Conversation, visible: &[(usize, Range<usize>)]) {
        let mut all = Vec::new();
        for (place, rows) in visible {
            let Some((message, laid)) = conversation.at(*place).and_then(|m| Some((m.id, self.laid.get(&m.id)?)))
            else {
                continue;
            };
            let begin = all.len();
            all.extend(rows.clone().map(|row| Shown {
                place: *place,
                row,
                number: None,
                marked: self.marked(conversation, (*place, row), laid),
                found: Vec::new(),
                shift: None,
            }));
            let shown = &mut all[begin..];
            for block in laid.blocks() {
                if let (RegionKind::Code { number }, true) = (block.kind, rows.contains(&block.rows.start)) {
                    shown[block.rows.start - rows.start].number = Some(number);
                }
                if let Some((_, by)) = self.sideways.filter(|(of, _)| *of == message) {
                    let code = matches!(block.kind, RegionKind::Code { .. });
                    for row in block.rows.filter(|row| rows.contains(row)) {
                        shown[row - rows.start].shift = Some(Shift { by, code });
                    }
                }
            }
            if let Some(needle) = self.needle() {
                self.mark_found(needle, message, laid, rows, shown);
            }
        }
        self.shown = all;
        // A step further to the right than there is anything to see is not counted.
        if let (Some((message, by)), Some(view)) = (&mut self.sideways, self.view)
            && let Some(laid) = self.laid.get(message)
        {
            let most = laid.widest().saturating_sub(usize::from(view.area.width));
            *by = (*by).min(most);
        }
    }

    fn mark_found(&self, needle: &Needle, message: MsgId, laid: &Laid, rows: &Range<usize>, shown: &mut [Shown]) {
        let here: Vec<(usize, &Range<usize>)> = match &self.here {
            Some(here) if here.target.message == message => {
                here.marks.iter().map(|mark| (laid.row_of(mark.line).0, &mark.columns)).collect()
            }
            _ => Vec::new(),
        };
        let around = rows.start.saturating_sub(AROUND)..(rows.end + AROUND).min(laid.len());
        let text = around.filter_map(|row| Some((row, laid.text(row)?)));
        for Mark { line: row, columns, .. } in find::in_lines(needle, text) {
            if rows.contains(&row) {
                let is_here = here.contains(&(row, &columns));
                shown[row - rows.start].found.push((columns, is_here));
            }
        }
    }

    fn marked(&self, conversation: &Conversation, at: At, laid: &Laid) -> Marked {
        if let Some(drag) = &self.drag {
            let columns = laid.line(at.1).and_then(|line| drag.columns(conversation, at, line));
            return columns.map_or(Marked::No, Marked::Columns);
        }
        let Some(cursor) = &self.cursor else { return Marked::No };
        // The gap to the next message belongs to none.
        let is_gap = at.1 + 1 == laid.len();
        match cursor.selected(conversation) {
            Some(Selected::Messages(from, to)) if (from..=to).contains(&at.0) && !is_gap => {
                if cursor.mark.is_some() {
                    Marked::Whole
                } else {
                    Marked::Edge
                }
            }
            Some(Selected::Code { place, number }) if place == at.0 => match laid.block_at(at.1) {
                Some(block) if block.kind == (RegionKind::Code { number }) => Marked::Edge,
                _ => Marked::No,
            },
            Some(Selected::Lines(from, to)) if (from..=to).contains(&at) => Marked::Whole,
            _ => Marked::No,
        }
    }

    /// The rows that `prepare` found visible, from the top.
    pub fn rows<'a>(&'a self, conversation: &'a Conversation, theme: &'a Theme) -> impl Iterator<Item = Row<'a>> {
        let width = self.view.map_or(0, |view| usize::from(view.area.width));
        self.shown.iter().filter_map(move |shown| {
            let laid = conversation.at(shown.place).and_then(|m| self.laid.get(&m.id))?;
            let line = laid.line(shown.row)?;
            let line = match shown.shift {
                None => Cow::Borrowed(line),
                Some(Shift { by, code }) => {
                    let mut line = wrap::slice(line, by, width);
                    if code {
                        let rest = width.saturating_sub(wrap::line_width(&line));
                        wrap::append(&mut line.spans, &" ".repeat(rest), theme.code);
                    }
                    Cow::Owned(line)
                }
            };
            Some(Row { line, shown })
        })
    }

    /// The character at a cell of the screen, or the nearest to it.
    #[must_use]
    pub fn point(&self, column: u16, row: u16, conversation: &Conversation) -> Option<Point> {
        let area = self.view?.area;
        let nth = usize::from(row.clamp(area.y, area.bottom().saturating_sub(1)) - area.y);
        let shown = self.shown.get(nth.min(self.shown.len().checked_sub(1)?))?;
        let message = conversation.at(shown.place)?.id;
        let column = usize::from(column.saturating_sub(area.x)) + shown.shift.map_or(0, |shift| shift.by);
        Some(Point { spot: Spot { message, row: shown.row }, column })
    }

    /// Whether a cell of the screen is the conversation's.
    #[must_use]
    pub fn is_at(&self, column: u16, row: u16) -> bool {
        self.view.is_some_and(|view| view.area.contains((column, row).into()))
    }

    /// Rows that the screen has for it, above and below of which a drag scrolls.
    #[must_use]
    pub fn screen_rows(&self) -> Range<u16> {
        self.view.map_or(0..0, |view| view.area.top()..view.area.bottom())
    }
}
