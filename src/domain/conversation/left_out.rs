//! What of a conversation is sent, and what of it has to stay behind where a context is too small for all of it.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Conversation, Message};
use crate::domain::{MsgId, Role};

/// Where what is sent begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The first message that is sent.
    pub from: MsgId,
    /// It begins with a summary of what is before it; so many of those messages had no place in that either.
    pub not_summarised: Option<usize>,
}

/// Old turns that can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The first message that is still sent; it may be the one that is about to be added.
    pub from: MsgId,
    /// Messages before it, those that were left out already included.
    pub messages: usize,
}

/// What of a conversation is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    pub messages: usize,
    /// What follows begins with a summary of them, without the oldest so many.
    pub not_summarised: Option<usize>,
}

impl Conversation {
    /// Nothing before this message is sent any more. It may be the one that is about to be added.
    pub fn leave_out_before(&mut self, from: MsgId) {
        self.start = Some(Start { from, not_summarised: None });
    }

    /// The same, where that message begins a summary of what is left out, without the oldest so many messages.
    pub fn leave_out_summarised(&mut self, from: MsgId, not_summarised: usize) {
        self.start = Some(Start { from, not_summarised: Some(not_summarised) });
    }

    /// Everything is sent again. False where nothing was left out.
    pub fn take_in_all(&mut self) -> bool {
        let some = self.left_out().is_some();
        self.start = None;
        some
    }

    /// What of the branch is not sent, if anything.
    #[must_use]
    pub fn left_out(&self) -> Option<LeftOut> {
        let Start { from, not_summarised } = self.start?;
        let messages = self.place(from).filter(|place| *place > 0)?;
        Some(LeftOut { messages, not_summarised })
    }

    /// The place on the branch where what is sent begins.
    #[must_use]
    pub fn first_sent(&self) -> usize {
        self.left_out().map_or(0, |left_out| left_out.messages)
    }

    /// The oldest whole turns to leave out so that the rest takes `room` tokens at the most: no more of them than that
    /// needs. All that there is can go if `all` may; else the newest turn stays. `None` where that is not enough, or where
    /// nothing would have to go.
    #[must_use]
    pub fn oldest_turns(&self, room: u32, all: bool, cost: impl Fn(&Message) -> u32) -> Option<Cut> {
        let first = self.first_sent();
        let mut left: u64 = self.sent().map(|m| u64::from(cost(m))).sum();
        let mut sent = self.sent().peekable();
        // Of the message that was sent before.
        let mut before = None;
        for (place, message) in self.branch().enumerate().skip(first) {
            let is_sent = sent.peek().is_some_and(|next| next.id == message.id);
            let begins_a_turn = is_sent && message.role == Role::User && before != Some(Role::User);
            if begins_a_turn && place > first && left <= u64::from(room) {
                return Some(Cut { from: message.id, messages: place });
            }
            if is_sent {
                left -= u64::from(cost(message));
                before = Some(message.role);
                sent.next();
            }
        }
        (all && self.len() > first).then(|| Cut { from: self.next_id(), messages: self.len() })
    }

    /// The messages that are sent: none before the beginning, no empty answers, and not the questions that those leave out.
    pub fn sent(&self) -> impl Iterator<Item = &Message> {
        self.sent_in(self.first_sent()..self.len())
    }

    pub(super) fn sent_in(&self, places: Range<usize>) -> impl Iterator<Item = &Message> {
        let part = || self.branch().take(places.end).skip(places.start);
        let answers = part().skip(1).map(Some).chain([None]);
        part().zip(answers).filter_map(|(message, answer)| {
            let left_out = message.content.trim().is_empty() || answer.is_some_and(Message::leaves_its_question_out);
            (!left_out).then_some(message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FinishReason;
    use crate::domain::conversation::{MessageState, Outcome};
    use crate::domain::stats::{GenStats, Usage};

    fn say(conversation: &mut Conversation, role: Role, text: &str) -> MsgId {
        conversation.push(role, text.to_owned(), MessageState::Whole)
    }

    /// Turns of a question and an answer, ten tokens each.
    fn turns(n: usize) -> Conversation {
        let mut c = Conversation::default();
        for i in 0..n {
            say(&mut c, Role::User, &format!("q{i}"));
            say(&mut c, Role::Assistant, &format!("a{i}"));
        }
        c
    }

    fn sent(c: &Conversation) -> String {
        c.sent().map(|m| m.content.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn old_turns_go_whole_and_no_more_of_them_than_needed() {
        let c = turns(4);
        let cut = |room, all| c.oldest_turns(room, all, |_| 10).map(|cut| cut.messages);
        assert_eq!(cut(60, false), Some(2));
        assert_eq!(cut(59, false), Some(4));
        assert_eq!(cut(20, false), Some(6));
        assert_eq!(cut(19, false), None, "the newest turn stays");
        assert_eq!(cut(19, true), Some(8), "unless something newer comes");
        assert_eq!(cut(0, true), Some(8));
        // Even when everything fits, whoever asks wants something to go.
        assert_eq!(cut(80, false), Some(2));
        assert_eq!(Conversation::default().oldest_turns(10, true, |_| 10), None);
    }

    #[test]
    fn what_is_left_out_is_known_and_comes_back() {
        let mut c = turns(4);
        let cut = c.oldest_turns(40, false, |_| 10).expect("there is enough");
        c.leave_out_before(cut.from);
        assert_eq!(sent(&c), "q2 a2 q3 a3");
        assert_eq!(c.left_out(), Some(LeftOut { messages: 4, not_summarised: None }));
        // More of it: what is gone already is not counted again.
        let more = c.oldest_turns(20, false, |_| 10).expect("there is enough");
        assert_eq!(more.messages, 6);
        assert_eq!(c.for_engine("be brief").first().map(|m| m.role), Some(Role::System), "the system prompt stays");
        assert!(c.take_in_all());
        assert!(!c.take_in_all());
        assert_eq!(sent(&c), "q0 a0 q1 a1 q2 a2 q3 a3");
    }

    #[test]
    fn all_of_it_can_be_left_out_for_what_comes_next() {
        let mut c = turns(2);
        let cut = c.oldest_turns(0, true, |_| 10).expect("all may go");
        c.leave_out_before(cut.from);
        say(&mut c, Role::User, "new");
        assert_eq!((sent(&c).as_str(), c.first_sent()), ("new", 4));
        // Another branch, which that message is not on, is sent whole.
        c.go_to(MsgId(3));
        assert_eq!((sent(&c).as_str(), c.left_out()), ("q0 a0 q1 a1", None));
    }

    #[test]
    fn a_turn_may_have_several_questions_and_an_empty_answer() {
        let mut c = Conversation::default();
        say(&mut c, Role::User, "one");
        let stopped = say(&mut c, Role::Assistant, "");
        let (reason, usage, stats) = (FinishReason::Cancelled, Usage::default(), GenStats::default());
        c.edit(stopped, |m| m.outcome = Some(Outcome { reason, usage, stats, satisfied: None }));
        say(&mut c, Role::User, "two");
        say(&mut c, Role::User, "three");
        say(&mut c, Role::Assistant, "answer");
        say(&mut c, Role::User, "four");
        assert_eq!(sent(&c), "two three answer four");
        let cut = |room| c.oldest_turns(room, false, |_| 10).map(|cut| cut.messages);
        assert_eq!((cut(40), cut(39), cut(9)), (Some(2), Some(5), None));
    }
}
