//! A conversation: a tree of messages and the branch that is being read.

mod deletion;
mod left_out;
mod tree;

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::deletion::Deletion;
pub use self::left_out::{Cut, LeftOut, Start};
pub use self::tree::{Branch, Version};
use crate::domain::stats::{GenStats, Usage};
use crate::domain::{ChatMessage, Constraint, FinishReason, MsgId, Role};
use crate::error::{ErrorKind, UserError};

/// How an answer ended: kept with it for good.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub reason: FinishReason,
    pub usage: Usage,
    pub stats: GenStats,
    /// Whether it has the form that was asked for; `None` where none was.
    pub satisfied: Option<bool>,
}

/// The form that an answer is held to, and what a person calls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    pub name: String,
    pub constraint: Constraint,
}

impl Outcome {
    /// Of an answer that went on after this.
    #[must_use]
    pub fn then(self, more: Self) -> Self {
        Self {
            reason: more.reason,
            usage: Usage {
                completion_tokens: self.usage.completion_tokens.saturating_add(more.usage.completion_tokens),
                ..self.usage
            },
            stats: GenStats {
                first_token: self.stats.first_token.or(more.stats.first_token),
                decode: self.stats.decode + more.stats.decode,
                total: self.stats.total + more.stats.total,
            },
            satisfied: more.satisfied,
        }
    }
}

/// How far an answer is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MessageState {
    /// Written by a person, or finished.
    Whole,
    Streaming,
    /// Cut by an error; the text is what came before.
    Failed(UserError),
}

/// One message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub id: MsgId,
    pub parent: Option<MsgId>,
    pub role: Role,
    /// Which model wrote it.
    pub model: Option<String>,
    /// Only ever grows: another text is another message.
    pub content: String,
    pub reasoning: String,
    /// How long the reasoning took, as far as it has come.
    pub thought: Option<Duration>,
    /// What the answer is held to.
    pub form: Option<Form>,
    pub state: MessageState,
    pub outcome: Option<Outcome>,
    /// When it was begun, in seconds since 1970; `None` until it comes from the store, which has the clock for that.
    pub at: Option<u64>,
    /// Taken out of the conversation; what follows it stays. It can come back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// Goes up with every change, so that what was laid out from it knows that it is stale.
    pub revision: u64,
}

impl Message {
    /// All of its text is JSON, as far as it goes.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.form.as_ref().is_some_and(|form| matches!(form.constraint, Constraint::Schema(_)))
    }

    /// An answer that was cut: it can go on from where it is.
    #[must_use]
    pub fn can_go_on(&self) -> bool {
        let cut = || match self.outcome.map(|outcome| outcome.reason) {
            None | Some(FinishReason::Stop) => false,
            Some(
                FinishReason::Length
                | FinishReason::Context
                | FinishReason::Cancelled
                | FinishReason::Timeout
                | FinishReason::Error,
            ) => true,
        };
        self.role == Role::Assistant
            && self.state != MessageState::Streaming
            && !(self.content.is_empty() && self.reasoning.is_empty())
            && cut()
    }

    /// An answer that was stopped before its first word, or that there was no room for. What was asked is not asked again
    /// together with the next message: it would take as long, or fail the same way. Asking for another answer still does.
    #[must_use]
    pub fn leaves_its_question_out(&self) -> bool {
        let stopped = || self.outcome.is_some_and(|outcome| outcome.reason == FinishReason::Cancelled);
        self.role == Role::Assistant
            && self.content.trim().is_empty()
            && self.reasoning.trim().is_empty()
            && match &self.state {
                MessageState::Whole => stopped(),
                MessageState::Failed(error) => error.kind == ErrorKind::ContextFull,
                MessageState::Streaming => false,
            }
    }
}

/// Messages by id (an index: nothing is ever taken out of the middle), and the newest message of the branch that is shown.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Conversation {
    messages: Vec<Message>,
    head: Option<MsgId>,
    /// Ids of the branch from the root to `head`, without what was deleted: what is drawn and, from `start` on, sent.
    branch: Vec<MsgId>,
    start: Option<Start>,
    /// Messages that are new or have changed since somebody took them to keep them.
    #[serde(skip)]
    changed: Vec<MsgId>,
}

impl Conversation {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.branch.is_empty()
    }

    /// Messages on the branch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.branch.len()
    }

    /// The branch from its first message to its newest.
    #[must_use]
    pub fn branch(&self) -> impl DoubleEndedIterator<Item = &Message> + ExactSizeIterator {
        self.branch.iter().map(|id| &self.messages[index(*id)])
    }

    /// The message at a place of the branch.
    #[must_use]
    pub fn at(&self, place: usize) -> Option<&Message> {
        self.branch.get(place).map(|id| &self.messages[index(*id)])
    }

    /// Where on the branch a message is.
    #[must_use]
    pub fn place(&self, id: MsgId) -> Option<usize> {
        // Ids grow along a branch.
        self.branch.binary_search(&id).ok()
    }

    #[must_use]
    pub fn get(&self, id: MsgId) -> Option<&Message> {
        self.messages.get(index(id))
    }

    /// The newest message of the branch.
    #[must_use]
    pub fn head(&self) -> Option<&Message> {
        self.branch.last().and_then(|id| self.get(*id))
    }

    /// Adds a message after the newest of the branch.
    pub fn push(&mut self, role: Role, content: String, state: MessageState) -> MsgId {
        let id = MsgId(self.messages.len() as u64);
        self.messages.push(Message {
            id,
            parent: self.head,
            role,
            model: None,
            content,
            reasoning: String::new(),
            thought: None,
            form: None,
            state,
            outcome: None,
            at: None,
            deleted: false,
            revision: 0,
        });
        self.changed.push(id);
        self.head = Some(id);
        self.branch.push(id);
        id
    }

    /// Changes a message and marks it changed.
    pub fn edit(&mut self, id: MsgId, change: impl FnOnce(&mut Message)) {
        if let Some(message) = self.messages.get_mut(index(id)) {
            change(message);
            message.revision += 1;
            if !self.changed.iter().rev().any(|changed| *changed == id) {
                self.changed.push(id);
            }
        }
    }

    /// Says of messages that are new when they were begun, in seconds since 1970.
    pub fn date_new(&mut self, at: u64) {
        for id in &self.changed {
            if let Some(message) = self.messages.get_mut(index(*id)) {
                message.at.get_or_insert(at);
            }
        }
    }

    /// Messages that are new or have changed since the last time.
    pub fn take_changed(&mut self) -> Vec<MsgId> {
        std::mem::take(&mut self.changed)
    }

    /// Nothing of it is kept: all of its messages are new.
    pub fn is_new_as_a_whole(&mut self) {
        self.changed = self.messages.iter().map(|message| message.id).collect();
    }

    /// A conversation as it was kept: its messages by id, the branch that ends in `head`, and where what is sent begins.
    #[must_use]
    pub fn restore(messages: Vec<Message>, head: Option<MsgId>, start: Option<Start>) -> Self {
        let mut conversation = Self { messages, start, ..Self::default() };
        if let Some(head) = head {
            conversation.go_to(head);
        }
        conversation
    }

    /// All messages, those of other branches too, in the order in which they were begun.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// How many there are on all branches, without those that were deleted.
    #[must_use]
    pub fn said(&self) -> usize {
        self.messages.iter().filter(|message| !message.deleted).count()
    }

    /// The branch that is shown, by its newest message, and where what is sent of it begins.
    #[must_use]
    pub fn place_kept(&self) -> (Option<MsgId>, Option<Start>) {
        (self.head, self.start)
    }

    /// Shows a branch that leads through a message: the one that is shown already, else the newest.
    pub fn go_through(&mut self, id: MsgId) {
        if self.place(id).is_some() {
            return;
        }
        self.go_to(self.newest_after(id));
    }

    /// Leaves the newest answer on a branch of its own, so that another can be made to the same message. False where the
    /// branch does not end in an answer.
    pub fn step_back_from_answer(&mut self) -> bool {
        match self.head().map(|message| (message.role, message.parent)) {
            Some((Role::Assistant, parent)) => {
                self.head = parent;
                self.branch.pop();
                true
            }
            _ => false,
        }
    }

    /// The form of the newest other answer to what this one answers.
    #[must_use]
    pub fn form_of_another_answer(&self, answer: MsgId) -> Option<&Form> {
        let question = self.get(answer)?.parent;
        let others = self.messages.iter().rev().filter(|m| m.parent == question && m.id != answer);
        others.filter(|m| m.role == Role::Assistant).find_map(|m| m.form.as_ref())
    }

    /// Goes back to the branch that ends in a message.
    pub fn go_to(&mut self, id: MsgId) {
        if self.get(id).is_none() {
            return;
        }
        self.head = Some(id);
        let parent = |id: &MsgId| self.messages[index(*id)].parent;
        let is_there = |id: &MsgId| !self.messages[index(*id)].deleted;
        self.branch = std::iter::successors(Some(id), parent).filter(is_there).collect();
        self.branch.reverse();
    }

    /// Goes back to before the first message: the next one begins a branch of its own.
    pub fn go_to_root(&mut self) {
        self.head = None;
        self.branch.clear();
    }

    /// The id that the next message will have.
    #[must_use]
    pub fn next_id(&self) -> MsgId {
        MsgId(self.messages.len() as u64)
    }

    /// What the engine gets: what is sent of the branch without reasoning. Neighbours of one role become one
    /// message, because many templates refuse roles that do not alternate.
    #[must_use]
    pub fn for_engine(&self, system: &str) -> Vec<ChatMessage> {
        self.for_engine_in(system, self.first_sent()..self.len())
    }

    /// The same, from a part of the branch.
    #[must_use]
    pub fn for_engine_in(&self, system: &str, places: Range<usize>) -> Vec<ChatMessage> {
        let mut sent: Vec<ChatMessage> = Vec::with_capacity(places.len() + 1);
        let system = system.trim();
        if !system.is_empty() {
            sent.push(ChatMessage { role: Role::System, content: system.to_owned() });
        }
        for message in self.sent_in(places) {
            match sent.last_mut() {
                Some(last) if last.role == message.role => {
                    last.content.push_str("\n\n");
                    last.content.push_str(&message.content);
                }
                _ => sent.push(ChatMessage { role: message.role, content: message.content.clone() }),
            }
        }
        sent
    }
}

fn index(id: MsgId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(conversation: &mut Conversation, role: Role, text: &str) -> MsgId {
        conversation.push(role, text.to_owned(), MessageState::Whole)
    }

    #[test]
    fn another_answer_leaves_the_first_on_its_own_branch() {
        let mut c = Conversation::default();
        say(&mut c, Role::User, "q");
        let first = say(&mut c, Role::Assistant, "a");
        assert!(c.step_back_from_answer());
        let second = say(&mut c, Role::Assistant, "b");
        assert_eq!(c.branch().map(|m| m.content.as_str()).collect::<Vec<_>>(), ["q", "b"]);
        assert_eq!(c.get(first).map(|m| m.content.as_str()), Some("a"));
        assert_eq!((c.place(second), c.place(first)), (Some(1), None));
        assert_eq!(c.at(1).map(|m| m.id), Some(second));
    }

    #[test]
    fn another_answer_knows_the_form_of_the_first() {
        let mut c = Conversation::default();
        let form = |name: &str| Some(Form { name: name.into(), constraint: Constraint::Regex("a".into()) });
        say(&mut c, Role::User, "earlier");
        let earlier = say(&mut c, Role::Assistant, "a");
        c.edit(earlier, |m| m.form = form("earlier.json"));
        say(&mut c, Role::User, "q");
        let first = say(&mut c, Role::Assistant, "a");
        assert_eq!(c.form_of_another_answer(first), None, "that of another question");
        c.edit(first, |m| m.form = form("s.json"));
        assert!(c.step_back_from_answer());
        let second = say(&mut c, Role::Assistant, "b");
        assert_eq!(c.form_of_another_answer(second).map(|form| form.name.as_str()), Some("s.json"));
    }

    #[test]
    fn the_engine_gets_no_empty_answers_and_no_reasoning() {
        let mut c = Conversation::default();
        say(&mut c, Role::User, "q");
        let failed = say(&mut c, Role::Assistant, " ");
        c.edit(failed, |m| m.reasoning = "hm".into());
        say(&mut c, Role::User, "again");
        let sent: Vec<_> = c.for_engine("  be brief ").into_iter().map(|m| (m.role, m.content)).collect();
        assert_eq!(sent, [(Role::System, "be brief".into()), (Role::User, "q\n\nagain".into())]);
        assert_eq!(c.get(failed).map(|m| m.revision), Some(1));
    }

    #[test]
    fn a_question_that_was_taken_back_or_has_no_room_is_asked_again_only_on_demand() {
        let told = |c: &Conversation| c.for_engine("").into_iter().map(|m| m.content).collect::<Vec<_>>();
        let outcome =
            |reason| Some(Outcome { reason, usage: Usage::default(), stats: GenStats::default(), satisfied: None });
        let mut c = Conversation::default();
        say(&mut c, Role::User, "long");
        let answer = say(&mut c, Role::Assistant, "");
        for (state, reason) in [
            (MessageState::Whole, FinishReason::Cancelled),
            (MessageState::Failed(UserError::new(ErrorKind::ContextFull, "no room")), FinishReason::Error),
        ] {
            c.edit(answer, |m| (m.state, m.outcome) = (state, outcome(reason)));
            let mut next = c.clone();
            say(&mut next, Role::User, "short");
            assert_eq!(told(&next), ["short"]);
            let mut again = c.clone();
            assert!(again.step_back_from_answer());
            assert_eq!(told(&again), ["long"]);
        }
        // One that began, and one that something else ended, are part of the conversation.
        let died = MessageState::Failed(UserError::new(ErrorKind::Generation, "killed"));
        c.edit(answer, |m| m.state = died);
        say(&mut c, Role::User, "short");
        assert_eq!(told(&c), ["long\n\nshort"]);
        c.edit(answer, |m| {
            (m.state, m.outcome) = (MessageState::Whole, outcome(FinishReason::Cancelled));
            m.content.push_str("So");
        });
        assert_eq!(told(&c), ["long", "So", "short"]);
    }

    #[test]
    fn a_branch_leads_through_a_message_wherever_it_is() {
        let mut c = Conversation::default();
        let question = say(&mut c, Role::User, "q");
        let first = say(&mut c, Role::Assistant, "a");
        let more = say(&mut c, Role::User, "more");
        c.go_to(question);
        let second = say(&mut c, Role::Assistant, "b");
        c.go_through(question);
        assert_eq!(c.head().map(|m| m.id), Some(second), "it is on the branch that is shown");
        c.go_through(first);
        assert_eq!(c.head().map(|m| m.id), Some(more), "to the end of its branch");
        let (head, start) = c.place_kept();
        let again = Conversation::restore(c.messages().to_vec(), head, start);
        assert_eq!(again.branch().map(|m| m.id).collect::<Vec<_>>(), [question, first, more]);
    }

    #[test]
    fn what_was_cut_can_go_on() {
        let mut c = Conversation::default();
        say(&mut c, Role::User, "q0");
        say(&mut c, Role::Assistant, "a0");
        let id = c.head().map(|m| m.id).expect("an answer");
        let mut ended = |reason: Option<FinishReason>, content: &str| {
            c.edit(id, |m| {
                m.outcome = reason.map(|reason| Outcome {
                    reason,
                    usage: Usage::default(),
                    stats: GenStats::default(),
                    satisfied: None,
                });
                m.content = content.into();
            });
            c.head().is_some_and(Message::can_go_on)
        };
        assert!(!ended(None, "a") && !ended(Some(FinishReason::Stop), "a"));
        assert!(!ended(Some(FinishReason::Cancelled), ""));
        for cut in [FinishReason::Length, FinishReason::Context, FinishReason::Cancelled, FinishReason::Error] {
            assert!(ended(Some(cut), "a"), "{cut:?}");
        }
    }
}
