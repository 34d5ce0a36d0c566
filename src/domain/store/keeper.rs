//! Works out what of a conversation is not kept yet. Pure: whoever sends it brings the clock.

use crate::domain::MsgId;
use crate::domain::conversation::{Conversation, Message, MessageState, Start};
use crate::domain::store::{Change, Draft, Setup};

/// How far an answer is kept that is still growing: bytes of its text and its reasoning.
#[derive(Debug, Clone, Copy)]
struct Growing {
    id: MsgId,
    text: usize,
    reasoning: usize,
}

/// What the store has of a conversation.
#[derive(Debug, Default)]
pub struct Keeper {
    growing: Option<Growing>,
    place: (Option<MsgId>, Option<Start>),
    setup: Option<Setup>,
    /// Somebody has changed what it is held with.
    setup_is_due: bool,
    draft: Draft,
}

impl Keeper {
    /// Of a conversation that has just come from the store.
    #[must_use]
    pub fn of(conversation: &mut Conversation, draft: &Draft) -> Self {
        conversation.take_changed();
        Self { place: conversation.place_kept(), draft: draft.clone(), ..Self::default() }
    }

    /// What it is held with has changed, and is to be kept before the next answer is begun.
    pub fn setup_has_changed(&mut self) {
        self.setup_is_due = true;
    }

    fn setup(&mut self, setup: &Setup) -> Option<Change> {
        self.setup_is_due = false;
        (self.setup.as_ref() != Some(setup)).then(|| {
            self.setup = Some(setup.clone());
            Change::Setup(Box::new(setup.clone()))
        })
    }

    /// What is new at once: messages, the end of an answer, another branch. A growing answer's new words are left for `more`.
    pub fn changes(&mut self, conversation: &mut Conversation, setup: impl FnOnce() -> Setup) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut answers = false;
        for id in conversation.take_changed() {
            let Some(message) = conversation.get(id) else { continue };
            if message.state == MessageState::Streaming {
                if self.growing.is_some_and(|growing| growing.id == id) {
                    continue;
                }
                let (text, reasoning) = (message.content.len(), message.reasoning.len());
                self.growing = Some(Growing { id, text, reasoning });
                answers = true;
            } else if self.growing.is_some_and(|growing| growing.id == id) {
                self.growing = None;
            }
            changes.push(Change::Message(Box::new(message.clone())));
        }
        let place = conversation.place_kept();
        if self.place != place {
            self.place = place;
            changes.push(Change::Place { head: place.0, start: place.1 });
        }
        // There is nothing that it could be kept with before something is said or written.
        let is_there = !conversation.is_empty() || !self.draft.is_empty();
        if answers || (self.setup_is_due && is_there) {
            changes.extend(self.setup(&setup()));
        }
        changes
    }

    /// An answer is growing, and its words are to be kept from time to time.
    #[must_use]
    pub fn is_growing(&self) -> bool {
        self.growing.is_some()
    }

    /// What has come of the growing answer since the last time.
    pub fn more(&mut self, conversation: &Conversation) -> Option<Change> {
        let growing = self.growing.as_mut()?;
        let Message { id, content, reasoning, thought, .. } = conversation.get(growing.id)?;
        let text = content.get(growing.text..)?.to_owned();
        let more = reasoning.get(growing.reasoning..)?.to_owned();
        if text.is_empty() && more.is_empty() {
            return None;
        }
        (growing.text, growing.reasoning) = (content.len(), reasoning.len());
        Some(Change::More { id: *id, text, reasoning: more, thought: *thought })
    }

    /// What is being written, if it is not kept as it is.
    pub fn draft(&mut self, draft: Draft) -> Option<Change> {
        (draft != self.draft).then(|| {
            self.draft.clone_from(&draft);
            Change::Draft(draft)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;

    fn messages(changes: &[Change]) -> Vec<(u64, &str)> {
        let mut messages = Vec::new();
        for change in changes {
            if let Change::Message(message) = change {
                messages.push((message.id.0, message.content.as_str()));
            }
        }
        messages
    }

    #[test]
    fn a_message_at_once_an_answer_as_it_grows_and_all_of_it_at_the_end() {
        let mut c = Conversation::default();
        let mut keeper = Keeper::default();
        assert_eq!(keeper.changes(&mut c, Setup::default), []);
        c.push(Role::User, "q".into(), MessageState::Whole);
        let answer = c.push(Role::Assistant, String::new(), MessageState::Streaming);
        let changes = keeper.changes(&mut c, Setup::default);
        assert_eq!(messages(&changes), [(0, "q"), (1, "")]);
        assert_eq!(changes[2..], [Change::Place { head: Some(answer), start: None }, Change::Setup(Box::default())]);
        for piece in ["So", " it"] {
            c.edit(answer, |m| m.content.push_str(piece));
            assert_eq!(keeper.changes(&mut c, Setup::default), [], "not with every token");
            let text = piece.to_owned();
            let more = Change::More { id: answer, text, reasoning: String::new(), thought: None };
            assert_eq!(keeper.more(&c), Some(more));
            assert_eq!(keeper.more(&c), None);
        }
        c.edit(answer, |m| m.content.push_str(" is"));
        c.edit(answer, |m| m.state = MessageState::Whole);
        assert_eq!(messages(&keeper.changes(&mut c, Setup::default)), [(1, "So it is")]);
        assert!(!keeper.is_growing());
        // It goes on: what there is of it comes first.
        c.edit(answer, |m| m.state = MessageState::Streaming);
        assert_eq!(messages(&keeper.changes(&mut c, Setup::default)), [(1, "So it is")]);
        c.edit(answer, |m| m.content.push('!'));
        assert!(matches!(keeper.more(&c), Some(Change::More { text, .. }) if text == "!"));
    }

    #[test]
    fn a_draft_is_kept_when_it_is_another() {
        let mut keeper = Keeper::of(&mut Conversation::default(), &"abc".into());
        assert_eq!(keeper.draft("abc".into()), None);
        assert_eq!(keeper.draft(Draft::default()), Some(Change::Draft(Draft::default())));
    }
}
