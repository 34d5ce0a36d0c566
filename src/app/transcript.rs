//! The conversation as rows on a screen, and the place in it that is being read.
//!
//! A place is a message and a row of it, never an offset from the beginning: what is above can grow, be folded or be laid
//! out at another width without moving what is being read. Only messages that are on screen, or that a scroll passes, are
//! laid out: a frame costs what is visible, however long the conversation is.
//!
//! | file | is |
//! |---|---|
//! | `laid`, `notes` | one message as rows, and what is said about it above and below its words |
//! | `frame` | laying out what a frame needs, and going by rows from message to message |
//! | `folds` | what is folded |
//! | `cursor` | what is pointed at with the keyboard, and the ways it moves |
//! | `drag` | what the mouse has drawn over |
//! | `find` | words that are looked for |
//! | `taking` | what is selected as text |

mod cursor;
mod drag;
mod find;
mod folds;
mod frame;
mod laid;
mod notes;
pub mod taking;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use ratatui::layout::Rect;
use ratatui::text::Line;

pub use self::cursor::{Cursor, Motion, Selected, Spot, Unit};
pub use self::drag::{Drag, Grain, Point};
pub use self::find::Find;
use self::find::{Mark, Target};
pub use self::folds::{Foldable, Folds};
use self::frame::{At, Frame};
use self::laid::{Key, Laid, Place};
use crate::config::Details;
use crate::config::theme::Theme;
use crate::domain::MsgId;
use crate::domain::conversation::{Conversation, Version};
use crate::text::markdown::RegionKind;
use crate::text::search::Needle;
use crate::text::wrap;

/// What the reader looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// The end, wherever it goes.
    Follow,
    /// This row of this message is the topmost on screen.
    At { place: usize, row: usize },
}

/// A wish to move, carried out when the next frame knows how long everything is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wish {
    motion: Motion,
    /// What lies on the way is selected.
    extend: bool,
}

/// How the conversation is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Where on the screen.
    pub area: Rect,
    /// Reasoning is shown whole.
    pub reasoning: bool,
    /// Lines after which what was written is folded; 0 is never.
    pub fold_after: usize,
    pub line_numbers: bool,
    pub details: Details,
    /// In seconds since 1970.
    pub time: Option<u64>,
}

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
    shift: Option<Shift>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shift {
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

/// Where what is gone to was drawn, in the layout that it was looked for in.
#[derive(Debug)]
struct Here {
    target: Target,
    needle: Needle,
    key: Key,
    marks: Vec<Mark<Place>>,
}

#[derive(Debug)]
pub struct Transcript {
    anchor: Anchor,
    wishes: Vec<Wish>,
    laid: HashMap<MsgId, Laid>,
    /// What the last frame showed, row by row.
    shown: Vec<Shown>,
    /// The last frame did not reach the end.
    more_below: bool,
    /// What is before this place is shown elsewhere.
    from: usize,
    frames: u64,
    versions: Versions,
    view: Option<View>,
    pub folds: Folds,
    cursor: Option<Cursor>,
    /// What is pointed at is to be in sight.
    show_cursor: bool,
    pub drag: Option<Drag>,
    pub find: Option<Find>,
    /// The place that was found is to be gone to.
    go_to_found: bool,
    here: Option<Here>,
    /// The message whose code and tables are as wide as they are, and the columns of them that are out at the left.
    sideways: Option<(MsgId, usize)>,
}

/// Which messages there are several of in one place. Looked for when a message was added, not with every frame.
#[derive(Debug, Default)]
struct Versions {
    /// What the conversation was like then.
    of: Option<(MsgId, usize)>,
    known: HashMap<MsgId, Version>,
}

/// Laid-out messages that are kept beyond the ones on screen.
const KEPT: usize = 256;
/// Rows around those in sight that words may reach into.
const AROUND: usize = 3;
/// Columns that one step sideways goes.
const SIDESTEP: usize = 8;

impl Default for Transcript {
    fn default() -> Self {
        Self {
            anchor: Anchor::Follow,
            wishes: Vec::new(),
            laid: HashMap::new(),
            shown: Vec::new(),
            more_below: false,
            from: 0,
            frames: 0,
            versions: Versions::default(),
            view: None,
            folds: Folds::default(),
            cursor: None,
            show_cursor: false,
            drag: None,
            find: None,
            go_to_found: false,
            here: None,
            sideways: None,
        }
    }
}

impl Transcript {
    /// Moves what is pointed at, else what is in sight.
    pub fn go(&mut self, motion: Motion, extend: bool) {
        self.drag = None;
        match (self.wishes.last_mut(), motion) {
            (Some(Wish { motion: Motion::Lines(n), extend: before }), Motion::Lines(more)) if *before == extend => {
                *n = n.saturating_add(more);
            }
            _ => self.wishes.push(Wish { motion, extend }),
        }
    }

    /// Scrolls, whatever is pointed at.
    pub fn scroll(&mut self, lines: i32, conversation: &Conversation, theme: &Theme) {
        self.settle(conversation, theme);
        let cursor = self.cursor.take();
        self.go(Motion::Lines(lines), false);
        self.settle(conversation, theme);
        self.cursor = cursor;
    }

    pub fn to_bottom(&mut self) {
        self.wishes.clear();
        self.anchor = Anchor::Follow;
    }

    /// What is looked at.
    #[must_use]
    pub fn anchor(&self) -> Anchor {
        self.anchor
    }

    pub fn set_anchor(&mut self, anchor: Anchor) {
        self.anchor = anchor;
        self.wishes.clear();
        self.go_to_found = false;
    }

    /// The beginning of the message at this place is the topmost row, if what follows fills the screen.
    pub fn to_message(&mut self, place: usize) {
        self.set_anchor(Anchor::At { place, row: 0 });
    }

    /// True while the end is kept in sight.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.anchor == Anchor::Follow
    }

    /// The last frame did not reach the end.
    #[must_use]
    pub fn more_below(&self) -> bool {
        self.more_below
    }

    /// The end is kept in sight, and nobody points at something or has asked for anything before it.
    #[must_use]
    pub fn stays_at_the_end(&self) -> bool {
        let leaves = |wish: &Wish| match wish.motion {
            Motion::Lines(n) | Motion::HalfPages(n) | Motion::Pages(n) | Motion::Messages(n) => n < 0,
            Motion::Codes(_) | Motion::Top => true,
            Motion::Bottom => false,
        };
        let finds = self.find.as_ref().is_some_and(|find| find.open);
        self.follows() && self.cursor.is_none() && !finds && !self.wishes.iter().any(leaves)
    }

    /// While the end is followed, what is before this place of the branch is not shown: it stands elsewhere.
    pub fn show_from(&mut self, place: usize) {
        self.from = place;
    }

    /// Rows that the last frame had.
    #[must_use]
    pub fn height(&self) -> u16 {
        self.view.map_or(0, |view| view.area.height)
    }

    /// Rows from the place on that is shown first.
    pub fn rest(&mut self, conversation: &Conversation, view: View, theme: &Theme) -> usize {
        let from = self.from;
        let mut frame = self.frame(conversation, view, theme);
        (from..conversation.len()).map(|place| frame.len(place)).sum()
    }

    /// All rows of the message at a place.
    pub fn message(
        &mut self,
        conversation: &Conversation,
        place: usize,
        view: View,
        theme: &Theme,
    ) -> Vec<Line<'static>> {
        let mut frame = self.frame(conversation, view, theme);
        let laid = frame.laid(place);
        laid.map(|laid| (0..laid.len()).filter_map(|row| laid.line(row).cloned()).collect()).unwrap_or_default()
    }

    /// The last message in sight, by its place.
    #[must_use]
    pub fn last_in_sight(&self) -> Option<usize> {
        self.shown.last().map(|shown| shown.place)
    }

    /// Messages that are laid out: what the tests of long conversations look at.
    #[doc(hidden)]
    #[must_use]
    pub fn laid_out(&self) -> usize {
        self.laid.len()
    }

    /// Forgets everything: another conversation is shown.
    pub fn clear(&mut self) {
        *self = Self { frames: self.frames, view: self.view, ..Self::default() };
    }

    #[must_use]
    pub fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    pub fn point_at(&mut self, cursor: Option<Cursor>) {
        self.cursor = cursor;
        self.drag = None;
    }

    /// What is pointed at may be elsewhere: the screen follows it.
    pub fn bring_into_sight(&mut self) {
        self.show_cursor = true;
    }

    /// Goes where the search is.
    pub fn go_to_found(&mut self) {
        self.wishes.clear();
        self.go_to_found = true;
    }

    /// Marks where the selection begins, or takes that back.
    pub fn toggle_mark(&mut self) {
        if let Some(cursor) = &mut self.cursor {
            cursor.mark = match cursor.mark {
                Some(_) => None,
                None => Some((cursor.at, cursor.unit)),
            };
        }
    }

    /// Moves wide code and tables of a message sideways; back at the left they are broken into rows again.
    pub fn sidestep(&mut self, message: MsgId, right: bool) {
        let by = self.sideways.filter(|(of, _)| *of == message).map(|(_, by)| by);
        self.sideways = match (by, right) {
            (None, true) => Some((message, 0)),
            (Some(by), true) => Some((message, by + SIDESTEP)),
            (Some(0) | None, false) => None,
            (Some(by), false) => Some((message, by.saturating_sub(SIDESTEP))),
        };
    }

    /// Carries wishes out at once, at the size of the last frame: for who wants to take what they lead to.
    pub fn settle(&mut self, conversation: &Conversation, theme: &Theme) {
        if let Some(view) = self.view.filter(|_| !self.wishes.is_empty() || self.go_to_found) {
            self.prepare(conversation, view, theme);
        }
    }

    /// Lays out what the next frame shows.
    pub fn prepare(&mut self, conversation: &Conversation, view: View, theme: &Theme) {
        self.frames += 1;
        let size = |view: &View| (view.area.width, view.area.height);
        let resized = self.view.as_ref().is_some_and(|before| size(before) != size(&view));
        let show_cursor = std::mem::take(&mut self.show_cursor) || resized;
        self.view = Some(view);
        let found = self.locate(conversation, view, theme);
        let height = usize::from(view.area.height);
        let mut cursor = self.cursor;
        let wishes = std::mem::take(&mut self.wishes);
        let anchor = self.anchor;
        let mut frame = self.frame(conversation, view, theme);
        if let Some(cursor) = &mut cursor {
            cursor.hold(&mut frame);
        }
        let (mut top, mut follow) = match anchor {
            Anchor::Follow => (frame.top_of_end(height), true),
            Anchor::At { place, row } => (frame.clamp((place, row)), false),
        };
        if show_cursor && let Some((at, rows)) = cursor.as_ref().and_then(|cursor| cursor.rows(&mut frame)) {
            top = frame.top_that_shows(top, at, rows, height / 3);
        }
        for Wish { motion, extend } in wishes {
            if let Some(cursor) = &mut cursor {
                let bottom = frame.step(top, i32::try_from(height).unwrap_or(i32::MAX) - 1);
                frame.sight = Some((top, bottom));
                cursor.go(motion, extend, &mut frame);
                if let Some((at, rows)) = cursor.rows(&mut frame) {
                    top = frame.top_that_shows(top, at, rows, height / 3);
                }
                continue;
            }
            if let Motion::Codes(n) = motion {
                // A block is something to point at: the first in sight, or the last.
                let bottom = frame.step(top, i32::try_from(height).unwrap_or(i32::MAX) - 1);
                let from = if n > 0 { (top.0, top.1.checked_sub(1)) } else { (bottom.0, Some(bottom.1 + 1)) };
                if let Some((at, number)) = cursor::code_from(&mut frame, from, n > 0)
                    && let Some(message) = frame.conversation.at(at.0)
                {
                    let at_row = Spot { message: message.id, row: at.1 };
                    cursor = Some(Cursor { at: at_row, unit: Unit::Code(number), mark: None });
                    let rows = cursor.as_ref().and_then(|cursor| cursor.rows(&mut frame)).map_or(1, |(_, rows)| rows);
                    top = frame.top_that_shows(top, at, rows, height / 3);
                    follow = false;
                }
                continue;
            }
            top = scrolled(&mut frame, top, motion);
            // Who reaches the end follows it from there on.
            let end = frame.top_of_end(height);
            follow = top >= end;
            top = top.min(end);
        }
        if let Some((place, row)) = found {
            top = frame.top_that_shows(top, (place, row), 1, height / 3);
            follow = false;
            if let (Some(cursor), Some(message)) = (&mut cursor, conversation.at(place)) {
                *cursor = Cursor { at: Spot { message: message.id, row }, unit: Unit::Line, mark: cursor.mark };
            }
        }
        // A place that would leave the screen half empty is the end. Who points at something is not moved on from there.
        let end = frame.top_of_end(height);
        if top >= end {
            top = end;
            follow = cursor.is_none();
        } else if cursor.is_some() {
            follow = false;
        }
        let (visible, more_below) = frame.visible_from(top, height);
        self.anchor = if follow { Anchor::Follow } else { Anchor::At { place: top.0, row: top.1 } };
        self.cursor = cursor;
        self.more_below = more_below;
        self.show(conversation, &visible);
        self.evict(visible.len());
    }

    fn frame<'a>(&'a mut self, conversation: &'a Conversation, view: View, theme: &'a Theme) -> Frame<'a> {
        let of = Some((conversation.next_id(), conversation.len()));
        if self.versions.of != of {
            self.versions = Versions { of, known: conversation.versions() };
        }
        Frame {
            from: self.from,
            laid: &mut self.laid,
            conversation,
            versions: &self.versions.known,
            folds: &self.folds,
            wide: self.sideways.map(|(message, _)| message),
            view,
            theme,
            frame: self.frames,
            sight: None,
        }
    }

    /// Finds where the place that is gone to is drawn, and unfolds what hides it. Gives it where it is to be brought into sight.
    fn locate(&mut self, conversation: &Conversation, view: View, theme: &Theme) -> Option<At> {
        let wanted = std::mem::take(&mut self.go_to_found);
        let (needle, target) = match (self.needle().cloned(), self.find.as_ref().and_then(Find::target)) {
            (Some(needle), Some(target)) => (needle, target),
            _ => {
                self.here = None;
                return None;
            }
        };
        let place = conversation.place(target.message)?;
        if wanted && target.in_reasoning {
            let mut frame = self.frame(conversation, view, theme);
            if frame.laid(place)?.folds(Foldable::Reasoning) {
                self.folds.set(target.message, Foldable::Reasoning, false);
            }
        }
        let known = self.here.take().filter(|here| here.target == target && here.needle == needle);
        // Far from the screen it is not looked for again before it is gone to.
        if !wanted && !self.shown.iter().any(|shown| shown.place == place) {
            self.here = known;
            return None;
        }
        let mut frame = self.frame(conversation, view, theme);
        let laid = frame.laid(place)?;
        let here = match known {
            Some(here) if here.key == laid.key => here,
            _ => {
                let marks = find::locate(&needle, laid, target);
                Here { target, needle, key: laid.key, marks }
            }
        };
        let first = here.marks.first().map(|mark| mark.line);
        let (row, hidden) = first.map_or((0, None), |first| laid.row_of(first));
        if wanted && let Some(hidden) = hidden {
            self.folds.set(target.message, hidden, false);
            let mut frame = self.frame(conversation, view, theme);
            let laid = frame.laid(place)?;
            let row = first.map_or(0, |first| laid.row_of(first).0);
            self.here = Some(Here { key: laid.key, ..here });
            return Some((place, row));
        }
        self.here = Some(here);
        wanted.then_some((place, row))
    }

    /// What is looked for, while that is shown.
    fn needle(&self) -> Option<&Needle> {
        self.find.as_ref().filter(|find| find.open || self.cursor.is_some())?.needle()
    }

    fn evict(&mut self, visible: usize) {
        if self.laid.len() > KEPT + visible {
            let mut ages: Vec<u64> = self.laid.values().map(|l| l.used).collect();
            ages.sort_unstable();
            let oldest_kept = ages[ages.len() - KEPT / 2 - visible];
            self.laid.retain(|_, l| l.used >= oldest_kept);
        }
    }

    /// Notes what each row of the screen shows.
    fn show(&mut self, conversation: &Conversation, visible: &[(usize, Range<usize>)]) {
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
        let text = around.filter(|row| laid.is_text(*row)).filter_map(|row| Some((row, laid.line(row)?)));
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

/// The topmost row after scrolling.
fn scrolled(frame: &mut Frame<'_>, top: At, motion: Motion) -> At {
    let height = i32::from(frame.view.area.height);
    match motion {
        Motion::Lines(n) => frame.step(top, n),
        Motion::HalfPages(n) => frame.step(top, n * (height / 2).max(1)),
        Motion::Pages(n) => frame.step(top, n * (height - 2).max(1)),
        Motion::Messages(n) if n < 0 && top.1 > 0 => (top.0, 0),
        Motion::Messages(n) if n < 0 => (top.0.saturating_sub(1), 0),
        Motion::Messages(_) => frame.clamp((top.0 + 1, 0)),
        Motion::Top => (0, 0),
        Motion::Bottom => frame.top_of_end(usize::from(frame.view.area.height)),
        Motion::Codes(_) => top,
    }
}
