//! The conversation as rows on a screen, and the place in it that is being read.
//!
//! A place is a message and a row of it, never an offset from the beginning: what is above can grow, be folded or be laid
//! out at another width without moving what is being read. Only messages that are on screen, or that a scroll passes, are
//! laid out: a frame costs what is visible, however long the conversation is.
//!
//! | file | is |
//! |---|---|
//! | `laid`, `notes` | one message as rows, and what is said about it above and below its words |
//! | `reasoned` | what came before an answer, which grows |
//! | `frame` | laying out what a frame needs, and going by rows from message to message |
//! | `going` | where a frame goes: scrolling, and moving what is pointed at |
//! | `folds` | what is folded |
//! | `cursor` | what is pointed at with the keyboard, and the ways it moves |
//! | `drag` | what the mouse has drawn over |
//! | `find` | words that are looked for |
//! | `shown` | what is on the screen, row by row |
//! | `taking`, `unbroken` | what is selected as text, and what rows are as text |

mod cursor;
mod drag;
mod find;
mod folds;
mod frame;
mod going;
mod laid;
pub(super) mod markdown;
mod notes;
mod reasoned;
mod shown;
pub mod taking;
mod unbroken;

use std::collections::HashMap;

use ratatui::layout::Rect;
use ratatui::text::Line;

pub use self::cursor::{Cursor, Motion, Selected, Spot, Unit};
pub use self::drag::{Drag, Grain, Point};
pub use self::find::{Find, Heading};
use self::find::{Mark, Target};
pub use self::folds::{Foldable, Folds};
use self::frame::{At, Frame};
use self::going::{Going, Way, Wish};
use self::laid::{Key, Laid, Place};
pub use self::shown::{Marked, Row, Shown};
use crate::config::Details;
use crate::config::theme::Theme;
use crate::domain::MsgId;
use crate::domain::conversation::{Conversation, Version};
use crate::domain::zone::Zone;
use crate::text::search::Needle;

/// What the reader looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// The end, wherever it goes.
    Follow,
    /// This row of this message is the topmost on screen.
    At { place: usize, row: usize },
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
    /// Of the clock on the wall.
    pub zone: Zone,
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
            zone: Zone::default(),
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
    /// Moves what is pointed at, else what is in sight; with `extend`, what lies on the way is selected.
    pub fn go(&mut self, motion: Motion, extend: bool) {
        self.drag = None;
        self.wish(motion, if extend { Way::Extend } else { Way::Go });
    }

    /// Moves what is in sight, whatever is pointed at.
    pub fn scroll(&mut self, lines: i32) {
        self.wish(Motion::Lines(lines), Way::Scroll);
    }

    fn wish(&mut self, motion: Motion, way: Way) {
        match (self.wishes.last_mut(), motion) {
            (Some(Wish { motion: Motion::Lines(n), way: before }), Motion::Lines(more)) if *before == way => {
                *n = n.saturating_add(more);
            }
            _ => self.wishes.push(Wish { motion, way }),
        }
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
        let zone = std::mem::take(&mut self.zone);
        *self = Self { frames: self.frames, view: self.view, zone, ..Self::default() };
    }

    #[must_use]
    pub fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    /// Points somewhere. Who points at nothing any more has no keys for what is out at the left: it is broken into rows again.
    pub fn point_at(&mut self, cursor: Option<Cursor>) {
        if cursor.is_none() {
            self.sideways = None;
        }
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
        let mut cursor = self.cursor;
        let wishes = std::mem::take(&mut self.wishes);
        let anchor = self.anchor;
        let mut frame = self.frame(conversation, view, theme);
        if let Some(cursor) = &mut cursor {
            cursor.hold(&mut frame);
        }
        let (top, follow) = match anchor {
            Anchor::Follow => (frame.top_of_end(), true),
            Anchor::At { place, row } => (frame.clamp((place, row)), false),
        };
        let mut going = Going { frame: &mut frame, cursor, top, follow };
        if show_cursor {
            going.show_cursor();
        }
        for wish in wishes {
            going.carry_out(wish);
        }
        if let Some((place, row)) = found {
            going.show((place, row), 1);
            going.follow = false;
            if let (Some(cursor), Some(message)) = (&mut going.cursor, conversation.at(place)) {
                *cursor = Cursor { at: Spot { message: message.id, row }, unit: Unit::Line, mark: cursor.mark };
            }
        }
        let Going { cursor, mut top, mut follow, .. } = going;
        // A place that would leave the screen half empty is the end. Who points at something is not moved on from there.
        let end = frame.top_of_end();
        if top >= end {
            top = end;
            follow = cursor.is_none();
        } else if cursor.is_some() {
            follow = false;
        }
        let (visible, more_below) = frame.visible_from(top);
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
            zone: &self.zone,
            now: self.frames,
            sight: None,
        }
    }

    /// Finds where the place that is gone to is drawn, and unfolds what hides it. Gives it where it is to be brought into sight.
    fn locate(&mut self, conversation: &Conversation, view: View, theme: &Theme) -> Option<At> {
        let wanted = std::mem::take(&mut self.go_to_found);
        let target = self.find.as_ref().and_then(Find::target);
        let Some((needle, target)) = self.needle().cloned().zip(target) else {
            self.here = None;
            return None;
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
}
