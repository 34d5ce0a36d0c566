//! Everything that one frame works with: lays out what it needs, and moves by rows from message to message.

use std::collections::HashMap;
use std::ops::Range;

use super::View;
use super::folds::Folds;
use super::laid::{Key, Laid};
use crate::config::Details;
use crate::config::theme::Theme;
use crate::domain::MsgId;
use crate::domain::conversation::{Conversation, Version};
use crate::domain::zone::Zone;
use crate::text::markdown::Look;

/// A message by its place on the branch, and a row of it.
pub(super) type At = (usize, usize);

pub(super) struct Frame<'a> {
    pub laid: &'a mut HashMap<MsgId, Laid>,
    pub conversation: &'a Conversation,
    pub versions: &'a HashMap<MsgId, Version>,
    pub folds: &'a Folds,
    /// The message whose code and tables are as wide as they are.
    pub wide: Option<MsgId>,
    pub view: View,
    pub theme: &'a Theme,
    pub zone: &'a Zone,
    /// What is before this place is shown elsewhere while the end is followed.
    pub from: usize,
    /// Its number: what was used last is kept longest.
    pub now: u64,
    /// The first and the last row in sight, before a motion.
    pub sight: Option<(At, At)>,
}

impl Frame<'_> {
    /// The message at a place, which is laid out if it is not.
    pub fn laid(&mut self, place: usize) -> Option<&Laid> {
        let message = self.conversation.at(place)?;
        let key = Key {
            revision: message.revision,
            width: self.view.area.width,
            theme: self.theme.revision,
            reasoning: self.view.reasoning,
            folds: self.folds.revision(),
            fold_after: self.view.fold_after,
            newest: place + 1 == self.conversation.len(),
            look: Look { line_numbers: self.view.line_numbers, headed: true, wide: self.wide == Some(message.id) },
            details: self.view.details,
            minutes: match (self.view.details, self.view.time, message.at) {
                (Details::All, Some(now), Some(at)) => Some(now.saturating_sub(at) / 60),
                _ => None,
            },
            ahead: message.at.map_or(0, |at| self.zone.offset_at(at)),
            left_out: self.conversation.left_out().filter(|left_out| left_out.messages == place),
            version: self.versions.get(&message.id).copied(),
        };
        let id = message.id;
        if self.laid.get(&id).is_none_or(|laid| laid.key != key) {
            let old = self.laid.remove(&id);
            self.laid.insert(id, Laid::new(message, old, key, self.folds, self.theme, self.now));
        }
        let laid = self.laid.get_mut(&id)?;
        laid.used = self.now;
        Some(laid)
    }

    /// Rows of the screen.
    pub fn height(&self) -> usize {
        usize::from(self.view.area.height)
    }

    /// Rows of the message at a place.
    pub fn len(&mut self, place: usize) -> usize {
        self.laid(place).map_or(0, Laid::len)
    }

    pub fn clamp(&mut self, (place, row): At) -> At {
        let place = place.min(self.conversation.len().saturating_sub(1));
        (place, row.min(self.len(place).saturating_sub(1)))
    }

    /// The topmost row when the end is at the bottom of the screen.
    pub fn top_of_end(&mut self) -> At {
        let mut left = self.height();
        for place in (self.from..self.conversation.len()).rev() {
            let len = self.len(place);
            if len >= left {
                return (place, len - left);
            }
            left -= len;
        }
        (self.from, 0)
    }

    /// A number of rows further down, or up.
    pub fn step(&mut self, (mut place, mut row): At, by: i32) -> At {
        let mut left = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
        if by < 0 {
            while left > row {
                let Some(above) = place.checked_sub(1) else { return (0, 0) };
                left -= row + 1;
                place = above;
                row = self.len(place).saturating_sub(1);
            }
            return (place, row - left);
        }
        loop {
            let len = self.len(place);
            if row + left < len {
                return (place, row + left);
            }
            if place + 1 >= self.conversation.len() {
                return (place, len.saturating_sub(1));
            }
            left -= len - row;
            place += 1;
            row = 0;
        }
    }

    /// The topmost row that brings rows into sight: as it is where they are in sight, else as little moved as can be. Of more rows than
    /// there is room for, the first are shown. `above`: rows that are to be in sight above them after a longer way.
    pub fn top_that_shows(&mut self, top: At, from: At, rows: usize, above: usize) -> At {
        let height = self.height();
        let rows = rows.clamp(1, height.max(1));
        let up = |rows: usize| -i32::try_from(rows).unwrap_or(i32::MAX);
        if from < top {
            let is_near = self.step(from, i32::try_from(height).unwrap_or(i32::MAX)) >= top;
            return self.step(from, up(if is_near { 0 } else { above }));
        }
        // The row below the last one in sight.
        let last = self.step(top, i32::try_from(height).unwrap_or(i32::MAX) - 1);
        let end = self.step(from, i32::try_from(rows).unwrap_or(i32::MAX) - 1);
        if end <= last {
            return top;
        }
        let is_near = self.step(last, i32::try_from(height).unwrap_or(i32::MAX)) >= from;
        let room = height - rows;
        self.step(from, up(if is_near { room } else { room.min(above) }))
    }

    pub fn visible_from(&mut self, (place, row): At) -> (Vec<(usize, Range<usize>)>, bool) {
        let mut visible = Vec::new();
        let mut left = self.height();
        let mut from = row;
        for place in place..self.conversation.len() {
            let len = self.len(place);
            let until = len.min(from + left);
            left -= until.saturating_sub(from);
            let whole = until == len;
            visible.push((place, from..until));
            from = 0;
            if left == 0 {
                return (visible, !whole || place + 1 < self.conversation.len());
            }
        }
        (visible, false)
    }
}
