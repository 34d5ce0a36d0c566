//! Where a frame goes: what is in sight, and what is pointed at, after everything that was wished for since the last one.

use super::cursor::{Cursor, Motion, Spot, Unit, code_from};
use super::frame::{At, Frame};

/// A wish to move, carried out when the next frame knows how long everything is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    pub motion: Motion,
    pub way: Way,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Moves what is in sight, whatever is pointed at.
    Scroll,
    /// Moves what is pointed at, else what is in sight.
    Go,
    /// The same, and what lies on the way is selected.
    Extend,
}

pub(super) struct Going<'f, 'a> {
    pub frame: &'f mut Frame<'a>,
    pub cursor: Option<Cursor>,
    /// The topmost row.
    pub top: At,
    /// The end is kept in sight.
    pub follow: bool,
}

impl Going<'_, '_> {
    pub fn carry_out(&mut self, Wish { motion, way }: Wish) {
        match (self.cursor, motion) {
            (Some(mut cursor), _) if way != Way::Scroll => {
                self.frame.sight = Some((self.top, self.bottom()));
                cursor.go(motion, way == Way::Extend, self.frame);
                self.cursor = Some(cursor);
                self.show_cursor();
            }
            (_, Motion::Codes(n)) => self.point_at_code(n > 0),
            _ => self.scroll(motion),
        }
    }

    /// Brings what is pointed at into sight.
    pub fn show_cursor(&mut self) {
        if let Some((at, rows)) = self.cursor.and_then(|cursor| cursor.rows(self.frame)) {
            self.show(at, rows);
            self.follow = false;
        }
    }

    /// Brings rows into sight; after a longer way, a third of the screen above them too.
    pub fn show(&mut self, at: At, rows: usize) {
        let above = self.frame.height() / 3;
        self.top = self.frame.top_that_shows(self.top, at, rows, above);
    }

    fn bottom(&mut self) -> At {
        let rows = i32::try_from(self.frame.height()).unwrap_or(i32::MAX);
        self.frame.step(self.top, rows - 1)
    }

    /// A block of code is something to point at: the first in sight, or the last; else the nearest.
    fn point_at_code(&mut self, down: bool) {
        let bottom = self.bottom();
        let below = (self.top.0, self.top.1.checked_sub(1));
        let above = (bottom.0, Some(bottom.1 + 1));
        let (first, second) = if down { (below, above) } else { (above, below) };
        let found = code_from(self.frame, first, down).or_else(|| code_from(self.frame, second, !down));
        if let Some(((place, row), number)) = found
            && let Some(message) = self.frame.conversation.at(place)
        {
            let at = Spot { message: message.id, row };
            self.cursor = Some(Cursor { at, unit: Unit::Code(number), mark: None });
            self.show_cursor();
        }
    }

    fn scroll(&mut self, motion: Motion) {
        let (frame, top) = (&mut *self.frame, self.top);
        let height = i32::from(frame.view.area.height);
        self.top = match motion {
            Motion::Lines(n) => frame.step(top, n),
            Motion::HalfPages(n) => frame.step(top, n * (height / 2).max(1)),
            Motion::Pages(n) => frame.step(top, n * (height - 2).max(1)),
            Motion::Messages(n) if n < 0 && top.1 > 0 => (top.0, 0),
            Motion::Messages(n) if n < 0 => (top.0.saturating_sub(1), 0),
            Motion::Messages(_) => frame.clamp((top.0 + 1, 0)),
            Motion::Top => (0, 0),
            Motion::Bottom => frame.top_of_end(),
            Motion::Codes(_) => top,
        };
        // Who reaches the end follows it from there on.
        let end = self.frame.top_of_end();
        self.follow = self.top >= end;
        self.top = self.top.min(end);
    }
}
