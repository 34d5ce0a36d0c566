//! Looking for words in the conversation: in what was said, not in how it is drawn. Only what is gone to and what is on the screen is
//! looked for in drawn lines.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use ratatui::text::Line;

use super::Anchor;
use super::cursor::Cursor;
use super::laid::{Laid, Place};
use crate::app::text_area::TextArea;
use crate::domain::action::Action;
use crate::domain::conversation::{Conversation, Message};
use crate::domain::{MsgId, Role};
use crate::text::search::{Needle, SOFT_BREAK};
use crate::text::{markdown, sanitize, wrap};

/// How often the words stand in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hits {
    message: MsgId,
    reasoning: usize,
    text: usize,
}

impl Hits {
    fn count(self) -> usize {
        self.reasoning + self.text
    }
}

/// One of the places where the words stand: of a message, and counted in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    pub message: MsgId,
    /// In its reasoning, which comes first.
    pub in_reasoning: bool,
    pub nth: usize,
}

/// Where the place that is gone to first is looked for, and the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heading {
    Down,
    Up,
}

/// A search. It stays when its field is closed, so that it can be gone on with.
#[derive(Debug)]
pub struct Find {
    pub field: TextArea,
    /// The field has the keys.
    pub open: bool,
    heading: Heading,
    needle: Option<Needle>,
    /// Messages that have the words, in the order of the branch.
    hits: Vec<Hits>,
    /// The message among them, and which of its hits is gone to.
    at: Option<(usize, usize)>,
    /// Words of messages as they were when they were last looked through.
    words: HashMap<MsgId, (u64, Words)>,
    /// Where one was before, to go back to.
    origin: Option<(Anchor, Option<Cursor>)>,
    /// Somebody went from place to place: this is where they want to be.
    stays: bool,
    /// What is typed next takes the place of the words of the last time.
    type_over: bool,
}

#[derive(Debug)]
struct Words {
    reasoning: String,
    text: String,
}

impl Words {
    fn of(message: &Message) -> Self {
        let text = sanitize(&message.content);
        let text = match message.role {
            Role::Assistant if !message.is_json() => markdown::plain(&text),
            _ => text.into_owned(),
        };
        Self { reasoning: sanitize(&message.reasoning).into_owned(), text }
    }
}

impl Default for Find {
    fn default() -> Self {
        Self {
            field: TextArea::one_line(""),
            open: false,
            heading: Heading::Down,
            needle: None,
            hits: Vec::new(),
            at: None,
            words: HashMap::new(),
            origin: None,
            stays: false,
            type_over: false,
        }
    }
}

impl Find {
    #[must_use]
    pub fn needle(&self) -> Option<&Needle> {
        self.needle.as_ref()
    }

    /// Opens the field.
    pub fn begin(&mut self, heading: Heading, origin: (Anchor, Option<Cursor>)) {
        self.open = true;
        self.heading = heading;
        self.origin = Some(origin);
        self.stays = false;
        self.type_over = !self.field.is_empty();
        self.field.act(Action::TextEnd);
    }

    /// Where one was when it began.
    #[must_use]
    pub fn origin(&self) -> Option<(Anchor, Option<Cursor>)> {
        self.origin
    }

    /// Somebody wants to be where they are now.
    pub fn stay(&mut self) {
        self.stays = true;
    }

    #[must_use]
    pub fn stays(&self) -> bool {
        self.stays
    }

    /// Changes the field. The first change takes the place of what was in it, unless it is a way to go on with that.
    pub fn type_over(&mut self, change: impl FnOnce(&mut TextArea) -> bool) -> bool {
        if std::mem::take(&mut self.type_over) {
            let before = self.field.text().to_owned();
            let mut field = TextArea::one_line("");
            let done = change(&mut field);
            if !field.is_empty() {
                self.field = field;
                return done;
            }
            self.field.set(&before);
            return done;
        }
        change(&mut self.field)
    }

    /// Looks again, as the conversation is now, and stays at its place as far as that is there.
    pub fn refresh(&mut self, conversation: &Conversation) {
        let at = self.target();
        let from = at.and_then(|target| conversation.place(target.message)).unwrap_or(0);
        self.look(conversation, from);
        if let (Some(target), Some((nth, hit))) = (at, &mut self.at)
            && let Some(hits) = self.hits.get(*nth).filter(|hits| hits.message == target.message)
        {
            let wanted = if target.in_reasoning { target.nth } else { hits.reasoning + target.nth };
            *hit = wanted.min(hits.count().saturating_sub(1));
        }
    }

    /// Looks for what the field says. `from`: the message from which on the first place is gone to; where none follows, the last one
    /// before it is. Upwards, the last place up to that message is, else the last of all.
    pub fn look(&mut self, conversation: &Conversation, from: usize) {
        let needle = Needle::new(self.field.text());
        let narrows = match (&needle, &self.needle) {
            (Some(new), Some(old)) => new.narrows(old),
            _ => false,
        };
        // Where the words were not, longer ones are not either, but for messages that have changed.
        let before: HashSet<MsgId> = self.hits.drain(..).map(|hits| hits.message).collect();
        self.needle = needle;
        self.at = None;
        let Some(needle) = &self.needle else { return };
        for message in conversation.branch() {
            let is_known = self.words.get(&message.id).is_some_and(|(revision, _)| *revision == message.revision);
            if narrows && is_known && !before.contains(&message.id) {
                continue;
            }
            if !is_known {
                self.words.insert(message.id, (message.revision, Words::of(message)));
            }
            let Some((_, words)) = self.words.get(&message.id) else { continue };
            let hits = Hits {
                message: message.id,
                reasoning: needle.find_all(&words.reasoning).count(),
                text: needle.find_all(&words.text).count(),
            };
            if hits.count() > 0 {
                self.hits.push(hits);
            }
        }
        if !self.hits.is_empty() {
            let place = |hits: &Hits| conversation.place(hits.message);
            let before = self.hits.iter().take_while(|hits| place(hits) <= Some(from)).count();
            let next = self.hits.iter().position(|hits| place(hits) >= Some(from));
            self.at = Some(match (self.heading, before.checked_sub(1), next) {
                (Heading::Up, Some(nth), _) => self.last_of(nth),
                (Heading::Down, _, Some(nth)) => (nth, 0),
                _ => self.last_of(self.hits.len() - 1),
            });
        }
    }

    /// The last place in the message that is counted so.
    fn last_of(&self, nth: usize) -> (usize, usize) {
        (nth, self.hits.get(nth).map_or(0, |hits| hits.count().saturating_sub(1)))
    }

    /// Goes on to the next place, or back to the one before; round and round. False where there is none.
    pub fn turn(&mut self, on: bool) -> bool {
        let Some((nth, hit)) = self.at else { return false };
        let down = on == (self.heading == Heading::Down);
        let count = self.hits.get(nth).map_or(0, |hits| hits.count());
        self.at = Some(match (down, hit) {
            (true, hit) if hit + 1 < count => (nth, hit + 1),
            (true, _) if nth + 1 < self.hits.len() => (nth + 1, 0),
            (true, _) => (0, 0),
            (false, 1..) => (nth, hit - 1),
            (false, 0) => self.last_of(nth.checked_sub(1).unwrap_or(self.hits.len().saturating_sub(1))),
        });
        true
    }

    /// The place that is gone to.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        let (nth, hit) = self.at?;
        let hits = self.hits.get(nth)?;
        let in_reasoning = hit < hits.reasoning;
        let nth = if in_reasoning { hit } else { hit - hits.reasoning };
        Some(Target { message: hits.message, in_reasoning, nth })
    }

    /// Which of how many places is gone to.
    #[must_use]
    pub fn number(&self) -> (usize, usize) {
        let count = |hits: &[Hits]| hits.iter().map(|hits| hits.count()).sum();
        let number = self.at.map_or(0, |(nth, hit)| count(&self.hits[..nth]) + hit + 1);
        (number, count(&self.hits))
    }
}

/// A part of a place that was found: columns of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark<L> {
    pub line: L,
    pub columns: Range<usize>,
    /// Counted from the first of the lines that were looked through.
    pub nth: usize,
}

/// Finds words in drawn lines, where they may go on from one line to the next. With each line come the columns left of its text.
pub(super) fn in_lines<'l, L: Copy>(
    needle: &Needle,
    lines: impl Iterator<Item = (L, (&'l Line<'static>, usize))>,
) -> Vec<Mark<L>> {
    let mut text = String::new();
    // Where each line begins in the text, and in which of its columns.
    let mut starts: Vec<(usize, L, usize)> = Vec::new();
    for (place, (line, left)) in lines {
        let drawn: String = line.spans.iter().map(|span| span.content.as_ref()).collect();
        let mut beside = 0;
        let begin = wrap::measured(&drawn).take_while(|(_, columns)| {
            beside += columns;
            beside <= left
        });
        let words = drawn[begin.map(|(cluster, _)| cluster.len()).sum()..].trim_start_matches(' ');
        let left = wrap::width(&drawn[..drawn.len() - words.len()]);
        if !text.is_empty() {
            text.push(SOFT_BREAK);
        }
        starts.push((text.len(), place, left));
        text.push_str(words.trim_end());
    }
    let mut marks = Vec::new();
    for (nth, found) in needle.find_all(&text).enumerate() {
        let mut line = starts.partition_point(|(start, ..)| *start <= found.start).saturating_sub(1);
        while let Some((start, place, left)) = starts.get(line).copied().filter(|(start, ..)| *start < found.end) {
            let end = starts.get(line + 1).map_or(text.len(), |(next, ..)| next - SOFT_BREAK.len_utf8());
            let column = |at: usize| left + wrap::width(&text[start..at]);
            let columns = column(found.start.max(start))..column(found.end.min(end));
            if !columns.is_empty() {
                marks.push(Mark { line: place, columns, nth });
            }
            line += 1;
        }
    }
    marks
}

/// Where a target is drawn: the first line of it and the columns in each line. `None` where what is drawn does not have the words.
pub(super) fn locate(needle: &Needle, laid: &Laid, target: Target) -> Vec<Mark<Place>> {
    let wanted = |place: Place| matches!(place, Place::Row(_)) == target.in_reasoning;
    let marks = in_lines(needle, laid.words().filter(|(place, _)| wanted(*place)));
    // Where a text is drawn with other words than it has (as a list made of a table), the nearest is meant.
    let nth = marks.last().map_or(0, |last| last.nth).min(target.nth);
    marks.into_iter().filter(|mark| mark.nth == nth).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::theme::Theme;
    use crate::domain::conversation::MessageState;
    use crate::text::markdown::Look;
    use crate::text::stream::StreamingDoc;

    fn conversation(texts: &[&str]) -> Conversation {
        let mut conversation = Conversation::default();
        for (nth, text) in texts.iter().enumerate() {
            let role = if nth % 2 == 0 { Role::User } else { Role::Assistant };
            conversation.push(role, (*text).to_owned(), MessageState::Whole);
        }
        conversation
    }

    fn look(find: &mut Find, conversation: &Conversation, words: &str, from: usize) -> (usize, usize) {
        find.field.set(words);
        find.look(conversation, from);
        find.number()
    }

    #[test]
    fn places_are_counted_and_gone_to_round_and_round() {
        let c = conversation(&["blue sky", "the **blue** of *blue*", "red"]);
        let mut find = Find::default();
        assert_eq!(look(&mut find, &c, "blue", 0), (1, 3));
        assert_eq!(look(&mut find, &c, "blue", 1), (2, 3), "from the second message on");
        assert_eq!(look(&mut find, &c, "blue", 2), (3, 3), "none follows: the last one before");
        assert!(find.turn(true));
        assert_eq!(find.number(), (1, 3));
        find.turn(false);
        assert_eq!(find.number(), (3, 3));
        assert_eq!(find.target(), Some(Target { message: MsgId(1), in_reasoning: false, nth: 1 }));
        assert_eq!(look(&mut find, &c, "blue of blue", 0), (1, 1), "as it is read, without marks");
        assert_eq!(look(&mut find, &c, "", 0), (0, 0));
        assert!(!find.turn(true) && find.target().is_none());
    }

    #[test]
    fn a_narrower_search_sees_what_has_changed() {
        let mut c = conversation(&["a", "b"]);
        let mut find = Find::default();
        assert_eq!(look(&mut find, &c, "x", 0), (0, 0));
        c.edit(MsgId(1), |message| message.content.push_str(" xy"));
        assert_eq!(look(&mut find, &c, "xy", 0), (1, 1));
    }

    #[test]
    fn words_are_found_across_the_ends_of_lines() {
        let needle = Needle::new("blue sky").expect("words");
        let lines: Vec<Line<'static>> = ["  ▎ a blue", "  ▎ sky, 漢 blue sky  "].map(Line::from).to_vec();
        let marks = in_lines(&needle, lines.iter().map(|line| (line, 4)).enumerate());
        let shown: Vec<_> = marks.iter().map(|mark| (mark.line, mark.columns.clone(), mark.nth)).collect();
        assert_eq!(shown, [(0, 6..10, 0), (1, 4..7, 0), (1, 12..20, 1)]);
    }

    #[test]
    fn what_stands_beside_a_text_is_not_found_and_what_looks_like_it_is() {
        let theme = Theme::default();
        let mut doc = StreamingDoc::new();
        doc.look(Look { line_numbers: true, ..Look::default() });
        doc.push("# 1\n\n1. a 1\n\n> | 1\n\n```elixir\nlist 1\n|> Enum.map\n\\begin\n```\n\n[^1]: see 1\n");
        let lines = doc.lines(40, &theme).to_vec();
        let found = |words: &str| -> Vec<(usize, usize)> {
            let needle = Needle::new(words).expect("words");
            let rows = lines.iter().zip(doc.edges().iter().map(|edge| edge.left)).enumerate();
            in_lines(&needle, rows).into_iter().map(|mark| (mark.line, mark.columns.start)).collect()
        };
        assert_eq!(found("1"), [(0, 0), (3, 5), (5, 4), (8, 11), (12, 8)], "{lines:#?}");
        assert_eq!((found("|> enum"), found("\\begin")), (vec![(9, 6)], vec![(10, 6)]));
        assert_eq!(found("─").len() + found("▎").len(), 0);
    }
}
