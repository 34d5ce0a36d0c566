//! What the next prompt takes of the context: which texts have been counted, and which still have to be.
//!
//! Only the engine's process can count, so numbers come a moment after what they are about. Until then the last ones stand.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use crate::app::chat::Saying;
use crate::app::text_area::written::{Piece, fingerprint, pieces};
use crate::app::text_area::{Chip, Written};
use crate::domain::context::TemplateCost;
use crate::domain::conversation::{Conversation, Message, MessageState};
use crate::domain::{CountId, MsgId};

#[derive(Debug, Default)]
pub struct Counting {
    /// `None` until the loaded model has counted something.
    template: Option<TemplateCost>,
    /// By the texts' fingerprints.
    tokens: HashMap<u64, u32>,
    id: CountId,
    /// The texts that the engine was asked about last; an answer about others comes too late.
    asked: Option<Vec<u64>>,
    /// What it was asked for.
    seen: Option<Scene>,
    /// What stands before the draft, and what that is. All of its texts are counted.
    history: Option<(Past, u32)>,
    draft: u32,
}

/// All that decides what the next prompt is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Scene {
    past: Past,
    waiting: usize,
    draft: String,
    /// What it is made of is counted by itself: what was pasted once, and what is typed around it.
    parts: Vec<u64>,
}

/// The part of it that stands before the draft.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Past {
    /// The newest message that grows no more.
    head: Option<(MsgId, u64)>,
    first_sent: usize,
    system: String,
}

impl Past {
    fn of(conversation: &Conversation, system: &str) -> Self {
        Self { head: settled(conversation), first_sent: conversation.first_sent(), system: system.to_owned() }
    }

    /// The same as `Past::of` would be: asked with every frame, it copies nothing.
    fn is_of(&self, conversation: &Conversation, system: &str) -> bool {
        self.head == settled(conversation) && self.first_sent == conversation.first_sent() && self.system == system
    }
}

/// The newest message that grows no more, as it is.
fn settled(conversation: &Conversation) -> Option<(MsgId, u64)> {
    let message = conversation.branch().rev().find(|m| m.state != MessageState::Streaming);
    message.map(|m| (m.id, m.revision))
}

/// What there is to count, beside the conversation.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    pub system: &'a str,
    /// Messages that wait for their turn.
    pub waiting: &'a VecDeque<Saying>,
    /// With a stand-in for each chip.
    pub draft: &'a str,
    pub chips: &'a [Chip],
}

/// So many counts are kept, and more where the conversation is as long as that: drafts come and go.
const KEPT: usize = 8192;

impl Counting {
    /// Another model counts differently.
    pub fn forget(&mut self) {
        *self = Self { id: self.id, ..Self::default() };
    }

    /// Nobody answers any more.
    pub fn give_up(&mut self) {
        self.asked = None;
        self.seen = None;
    }

    /// Another conversation, whose messages may be called the same. What was counted of texts still holds.
    pub fn conversation_is_new(&mut self) {
        self.give_up();
        self.history = None;
    }

    /// Something has changed since the engine was asked last, and it is not busy with the question before.
    /// A growing answer is counted by the engine as it grows.
    #[must_use]
    pub fn is_stale(&self, conversation: &Conversation, texts: Texts<'_>) -> bool {
        let head = || conversation.head().filter(|m| m.state != MessageState::Streaming).map(|m| (m.id, m.revision));
        self.asked.is_none()
            && self.seen.as_ref().is_none_or(|seen| {
                seen.draft != texts.draft
                    || seen.waiting != texts.waiting.len()
                    || seen.past.system != texts.system
                    || seen.past.first_sent != conversation.first_sent()
                    || head().is_some_and(|head| seen.past.head != Some(head))
            })
    }

    /// The texts that are not counted yet; `None` where there are none.
    pub fn ask(&mut self, conversation: &Conversation, texts: Texts<'_>) -> Option<(CountId, Vec<String>)> {
        let past = Past::of(conversation, texts.system);
        if self.tokens.len() > KEPT.max(2 * conversation.len()) {
            self.tokens.clear();
            self.history = None;
        }
        // While somebody types, thousands of messages are not looked at again for each word.
        let is_known = self.history.as_ref().is_some_and(|(known, _)| *known == past);
        let unknown_messages = if is_known { 0 } else { conversation.len() };
        let messages = conversation.branch().take(unknown_messages).filter(|m| m.state != MessageState::Streaming);
        let draft: Vec<_> = parts(pieces(texts.draft, texts.chips).map(|(_, piece)| piece)).collect();
        self.seen = Some(Scene {
            past,
            waiting: texts.waiting.len(),
            draft: texts.draft.to_owned(),
            parts: draft.iter().map(|(name, _)| *name).collect(),
        });
        let beside = texts.waiting.iter().map(|waiting| waiting.text.as_str()).chain([texts.system]);
        let unknown: HashMap<u64, &str> = messages
            .map(|m| m.content.as_str())
            .chain(beside)
            .map(|text| (fingerprint(text), text))
            .chain(draft.iter().map(|(name, part)| (*name, &**part)))
            .filter(|(name, text)| !text.is_empty() && !self.tokens.contains_key(name))
            .collect();
        if unknown.is_empty() && self.template.is_some() {
            self.add_up(conversation);
            return None;
        }
        let (names, texts) = unknown.into_iter().map(|(name, text)| (name, text.to_owned())).unzip();
        self.asked = Some(names);
        self.id = self.id.next();
        Some((self.id, texts))
    }

    /// The engine's answer.
    pub fn counted(&mut self, id: CountId, tokens: &[u32], template: TemplateCost, conversation: &Conversation) {
        if id != self.id {
            return;
        }
        let Some(asked) = self.asked.take() else { return };
        self.tokens.extend(asked.into_iter().zip(tokens.iter().copied()));
        self.template = Some(template);
        self.add_up(conversation);
    }

    fn add_up(&mut self, conversation: &Conversation) {
        let Some(seen) = self.seen.take() else { return };
        self.draft = if seen.draft.is_empty() {
            0
        } else {
            self.sum(&seen.parts).unwrap_or(0).saturating_add(self.template.unwrap_or_default().message())
        };
        let is_known = self.history.as_ref().is_some_and(|(known, _)| *known == seen.past);
        if !is_known && seen.past.is_of(conversation, &seen.past.system) {
            let settled = conversation.sent().filter(|m| m.state != MessageState::Streaming);
            self.history = Some((seen.past.clone(), self.prompt(&seen.past.system, settled)));
        }
        self.seen = Some(seen);
    }

    fn sum(&self, parts: &[u64]) -> Option<u32> {
        parts.iter().map(|part| self.tokens.get(part).copied()).try_fold(0u32, |sum, of| Some(sum.saturating_add(of?)))
    }

    /// A message was written of parts that have been counted: it is as long as they are together.
    pub fn learn(&mut self, text: &str, written: &Written) {
        let names: Vec<u64> = parts(written.pieces().map(|(_, piece)| piece)).map(|(name, _)| name).collect();
        if let Some(sum) = self.sum(&names) {
            self.tokens.entry(fingerprint(text)).or_insert(sum);
        }
    }

    /// Tokens of a text, if it has been counted.
    #[must_use]
    pub fn of(&self, text: &str) -> Option<u32> {
        if text.is_empty() { Some(0) } else { self.tokens.get(&fingerprint(text)).copied() }
    }

    /// Tokens of a message with what the template puts around it; from its length where it has not been counted.
    #[must_use]
    pub fn of_message(&self, message: &Message) -> u32 {
        self.of_new(&message.content)
    }

    /// The same for a text that is about to become a message.
    #[must_use]
    pub fn of_new(&self, text: &str) -> u32 {
        self.of(text).unwrap_or_else(|| guess(text)).saturating_add(self.template.unwrap_or_default().message())
    }

    /// Tokens of a whole prompt; from its length where something has not been counted.
    #[must_use]
    pub fn prompt<'a>(&self, system: &str, messages: impl Iterator<Item = &'a Message>) -> u32 {
        let count = |text: &str| self.of(text).unwrap_or_else(|| guess(text));
        let system = (!system.is_empty()).then(|| count(system));
        self.template.unwrap_or_default().prompt(system, messages.map(|m| count(&m.content)))
    }

    /// Tokens of the conversation as it would be sent.
    #[must_use]
    pub fn history(&self, conversation: &Conversation, system: &str) -> u32 {
        match &self.history {
            Some((known, tokens)) if known.is_of(conversation, system) => *tokens,
            _ => self.prompt(system, conversation.sent()),
        }
    }

    /// What the draft adds to it.
    #[must_use]
    pub fn draft(&self) -> u32 {
        self.draft
    }
}

/// What a draft is made of, each part by its fingerprint.
fn parts<'a>(pieces: impl Iterator<Item = Piece<'a>>) -> impl Iterator<Item = (u64, Cow<'a, str>)> {
    pieces.map(|piece| match piece {
        Piece::Chip(Chip::Text(long)) => (long.fingerprint(), Cow::Borrowed(long.as_str())),
        Piece::Chip(chip) => {
            let full = chip.full();
            (fingerprint(&full), full)
        }
        Piece::Plain(text) => (fingerprint(text), Cow::Borrowed(text)),
    })
}

/// Rather too many than too few: three letters are a token at least in most texts.
fn guess(text: &str) -> u32 {
    u32::try_from(text.len().div_ceil(3)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;

    /// As the engine would: a token is a word.
    fn answer(counting: &mut Counting, conversation: &Conversation, wish: Option<(CountId, Vec<String>)>) -> usize {
        let Some((id, texts)) = wish else { return 0 };
        let words = |text: &String| u32::try_from(text.split_whitespace().count()).expect("few");
        let tokens: Vec<u32> = texts.iter().map(words).collect();
        counting.counted(id, &tokens, TemplateCost { question: 5, turn: 6, system: 2 }, conversation);
        texts.len()
    }

    fn texts<'a>(waiting: &'a VecDeque<Saying>, draft: &'a str) -> Texts<'a> {
        Texts { system: "be brief", waiting, draft, chips: &[] }
    }

    #[test]
    fn each_text_is_counted_once() {
        let (mut counting, mut c, mut waiting) = (Counting::default(), Conversation::default(), VecDeque::new());
        c.push(Role::User, "one two".into(), MessageState::Whole);
        c.push(Role::Assistant, "three".into(), MessageState::Whole);
        assert!(counting.is_stale(&c, texts(&waiting, "four")));
        let wish = counting.ask(&c, texts(&waiting, "four"));
        assert!(!counting.is_stale(&c, texts(&waiting, "four five")), "the engine is still busy with the last wish");
        assert_eq!(answer(&mut counting, &c, wish), 4);
        assert!(!counting.is_stale(&c, texts(&waiting, "four")));
        // Two messages: 5 around the first, half of a turn around the second; 2 more for the system prompt's 2.
        assert_eq!((counting.history(&c, "be brief"), counting.draft()), (5 + 3 + 3 + 2 + 2, 1 + 3));
        assert!(counting.is_stale(&c, texts(&waiting, "four five")));
        let wish = counting.ask(&c, texts(&waiting, "four five"));
        assert_eq!(answer(&mut counting, &c, wish), 1, "only what is new");
        assert_eq!(counting.draft(), 2 + 3);
        assert_eq!(counting.ask(&c, texts(&waiting, "four")), None, "what was counted is remembered");
        assert_eq!(counting.draft(), 1 + 3);
        // What waits is counted, too.
        waiting.push_back("six".to_owned().into());
        assert!(counting.is_stale(&c, texts(&waiting, "four")));
        let wish = counting.ask(&c, texts(&waiting, "four"));
        assert_eq!((answer(&mut counting, &c, wish), counting.of("six")), (1, Some(1)));
    }

    #[test]
    fn what_is_not_counted_yet_is_guessed_and_rather_too_high() {
        let (mut counting, mut c, waiting) = (Counting::default(), Conversation::default(), VecDeque::new());
        c.push(Role::User, "one two three".into(), MessageState::Whole);
        let wish = counting.ask(&c, texts(&waiting, ""));
        answer(&mut counting, &c, wish);
        let before = counting.history(&c, "be brief");
        c.push(Role::Assistant, "four five".into(), MessageState::Whole);
        assert!(counting.history(&c, "be brief") >= before + 2 + 3);
    }

    #[test]
    fn what_was_pasted_is_counted_once_and_known_when_it_is_sent() {
        let (mut counting, c, waiting) = (Counting::default(), Conversation::default(), VecDeque::new());
        let mut area = crate::app::text_area::TextArea::default();
        area.insert("see ");
        area.insert_chip(Chip::text("one two three", true), 4..4);
        let texts = Texts { system: "", waiting: &waiting, draft: area.text(), chips: area.chips() };
        let wish = counting.ask(&c, texts);
        assert_eq!(answer(&mut counting, &c, wish), 2);
        assert_eq!(counting.draft(), 4 + 3);
        counting.learn("see one two three", &area.written());
        assert_eq!(counting.of("see one two three"), Some(4));
        area.insert("x");
        let texts = Texts { system: "", waiting: &waiting, draft: area.text(), chips: area.chips() };
        let (_, asked) = counting.ask(&c, texts).expect("something is new");
        assert_eq!(asked, ["x"], "and not the paste again");
        counting.learn("other", &area.written());
        assert_eq!(counting.of("other"), None, "a part of it has not been counted");
    }

    #[test]
    fn a_late_answer_is_dropped() {
        let (mut counting, c, waiting) = (Counting::default(), Conversation::default(), VecDeque::new());
        let (late, _) = counting.ask(&c, texts(&waiting, "one")).expect("nothing is known");
        counting.give_up();
        let (now, asked) = counting.ask(&c, texts(&waiting, "two")).expect("nothing is known");
        counting.counted(late, &[7, 7], TemplateCost::default(), &c);
        assert_eq!(counting.of("two"), None);
        assert_eq!(asked.len(), 2);
        counting.counted(now, &[9, 9], TemplateCost::default(), &c);
        assert_eq!((counting.of("two"), counting.of("one")), (Some(9), None));
        counting.forget();
        assert_eq!(counting.of("two"), None);
    }
}
