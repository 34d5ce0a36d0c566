//! What the next prompt takes of the context: which texts have been counted, and which still have to be.
//!
//! Only the engine's process can count, so numbers come a moment after what they are about. Until then the last ones stand.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::domain::context::TemplateCost;
use crate::domain::conversation::{Conversation, Message, MessageState};
use crate::domain::{CountId, MsgId};

#[derive(Debug, Default)]
pub struct Counting {
    /// `None` until the loaded model has counted something.
    template: Option<TemplateCost>,
    /// By what the texts hash to.
    tokens: HashMap<u64, u32>,
    id: CountId,
    /// The texts that the engine was asked about last; an answer about others comes too late.
    asked: Option<Vec<u64>>,
    /// What it was asked for.
    seen: Option<Scene>,
    /// What stands before the draft.
    history: Option<u32>,
    draft: u32,
}

/// All that decides what the next prompt is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Scene {
    head: Option<(MsgId, u64)>,
    first_sent: usize,
    system: String,
    draft: String,
}

/// So many counts are kept; a conversation has fewer messages, and drafts come and go.
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

    /// Something has changed since the engine was asked last, and it is not busy with the question before.
    /// A growing answer is counted by the engine as it grows.
    #[must_use]
    pub fn is_stale(&self, conversation: &Conversation, system: &str, draft: &str) -> bool {
        let head = || conversation.head().filter(|m| m.state != MessageState::Streaming).map(|m| (m.id, m.revision));
        self.asked.is_none()
            && self.seen.as_ref().is_none_or(|seen| {
                seen.draft != draft
                    || seen.system != system
                    || seen.first_sent != conversation.first_sent()
                    || head().is_some_and(|head| seen.head != Some(head))
            })
    }

    /// The texts that are not counted yet; `None` where there are none.
    pub fn ask(&mut self, conversation: &Conversation, system: &str, draft: &str) -> Option<(CountId, Vec<String>)> {
        self.seen = Some(Scene {
            head: conversation.head().map(|m| (m.id, m.revision)),
            first_sent: conversation.first_sent(),
            system: system.to_owned(),
            draft: draft.to_owned(),
        });
        if self.tokens.len() > KEPT {
            self.tokens.clear();
        }
        let messages = conversation.branch().filter(|m| m.state != MessageState::Streaming);
        let texts = messages.map(|m| m.content.as_str()).chain([system, draft]);
        let unknown: HashMap<u64, &str> = texts
            .filter(|text| !text.is_empty())
            .map(|text| (hash(text), text))
            .filter(|(hash, _)| !self.tokens.contains_key(hash))
            .collect();
        if unknown.is_empty() && self.template.is_some() {
            self.add_up(conversation);
            return None;
        }
        let (hashes, texts) = unknown.into_iter().map(|(hash, text)| (hash, text.to_owned())).unzip();
        self.asked = Some(hashes);
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
        let (id, revision) = seen.head.unzip();
        let is_current = conversation.head().map(|m| (m.id, m.revision)) == id.zip(revision);
        self.draft = if seen.draft.is_empty() {
            0
        } else {
            self.of(&seen.draft).unwrap_or(0).saturating_add(self.template.unwrap_or_default().message())
        };
        if is_current {
            self.history = self.prompt(&seen.system, conversation.sent());
        }
        self.seen = Some(seen);
    }

    /// Tokens of a text, if it has been counted.
    #[must_use]
    pub fn of(&self, text: &str) -> Option<u32> {
        if text.is_empty() { Some(0) } else { self.tokens.get(&hash(text)).copied() }
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

    /// Tokens of a whole prompt, if all of it has been counted.
    #[must_use]
    pub fn prompt<'a>(&self, system: &str, messages: impl Iterator<Item = &'a Message>) -> Option<u32> {
        let messages: Option<Vec<u32>> = messages.map(|m| self.of(&m.content)).collect();
        let system = if system.is_empty() { None } else { Some(self.of(system)?) };
        Some(self.template?.prompt(system, messages?))
    }

    /// Tokens of the conversation as it would be sent, once they are known.
    #[must_use]
    pub fn history(&self) -> Option<u32> {
        self.history
    }

    /// What the draft adds to it.
    #[must_use]
    pub fn draft(&self) -> u32 {
        self.draft
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
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

    #[test]
    fn each_text_is_counted_once() {
        let (mut counting, mut c) = (Counting::default(), Conversation::default());
        c.push(Role::User, "one two".into(), MessageState::Whole);
        c.push(Role::Assistant, "three".into(), MessageState::Whole);
        assert!(counting.is_stale(&c, "be brief", "four"));
        let wish = counting.ask(&c, "be brief", "four");
        assert!(!counting.is_stale(&c, "be brief", "four five"), "the engine is still busy with the last wish");
        assert_eq!(answer(&mut counting, &c, wish), 4);
        assert!(!counting.is_stale(&c, "be brief", "four"));
        // Two messages: 5 around the first, half of a turn around the second; 2 more for the system prompt's 2.
        assert_eq!((counting.history(), counting.draft()), (Some(5 + 3 + 3 + 2 + 2), 1 + 3));
        assert!(counting.is_stale(&c, "be brief", "four five"));
        let wish = counting.ask(&c, "be brief", "four five");
        assert_eq!(answer(&mut counting, &c, wish), 1, "only what is new");
        assert_eq!(counting.draft(), 2 + 3);
        assert_eq!(counting.ask(&c, "be brief", "four"), None, "what was counted is remembered");
        assert_eq!(counting.draft(), 1 + 3);
    }

    #[test]
    fn a_late_answer_is_dropped() {
        let (mut counting, c) = (Counting::default(), Conversation::default());
        let (late, _) = counting.ask(&c, "", "one").expect("nothing is known");
        counting.give_up();
        let (now, _) = counting.ask(&c, "", "two").expect("nothing is known");
        counting.counted(late, &[7], TemplateCost::default(), &c);
        assert_eq!(counting.of("two"), None);
        counting.counted(now, &[9], TemplateCost::default(), &c);
        assert_eq!((counting.of("two"), counting.of("one")), (Some(9), None));
        counting.forget();
        assert_eq!(counting.of("two"), None);
    }
}
