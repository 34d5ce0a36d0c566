//! Taking messages out of a conversation, and back in. They stay in the tree, so that what follows them keeps its place there; they are
//! on no branch any more, and nobody is sent them.

use super::{Conversation, Start, index};
use crate::domain::{MsgId, Role};

/// What was deleted together, and how things stood before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    pub messages: Vec<MsgId>,
    /// The end of the branch, before and after.
    head: Option<MsgId>,
    head_after: Option<MsgId>,
    start: Option<Start>,
}

impl Conversation {
    /// Deletes a message of the branch. Answers without their question say nothing: all of them go along, those on other branches
    /// too. A question without an answer can be answered again. `None` where it is not on the branch.
    pub fn delete(&mut self, id: MsgId) -> Option<Deletion> {
        let place = self.place(id)?;
        let mut messages = vec![id];
        if self.get(id)?.role == Role::User {
            for message in self.messages.iter().filter(|message| message.role == Role::Assistant && !message.deleted) {
                if message.parent.is_some_and(|parent| messages.contains(&parent)) {
                    messages.push(message.id);
                }
            }
        }
        let mut deletion = Deletion { messages, head: self.head, head_after: None, start: self.start };
        let goes = |id: &MsgId| deletion.messages.contains(id);
        let was_last = self.branch.last().is_some_and(goes);
        // What is sent begins with what follows.
        let starts_here = self.start.is_some_and(|start| self.place(start.from).is_some() && goes(&start.from));
        let next = self.branch[place..].iter().find(|id| !goes(id)).copied().unwrap_or(self.next_id());
        for id in &deletion.messages {
            self.edit(*id, |message| message.deleted = true);
        }
        if let Some(start) = self.start.as_mut().filter(|_| starts_here) {
            start.from = next;
        }
        // The next message takes the place of what was last, as if that had not been said.
        if was_last {
            self.head = self.messages[index(id)].parent;
        }
        self.follow_head();
        deletion.head_after = self.head;
        Some(deletion)
    }

    /// Brings back what was deleted, at its place. Where something else was said there meanwhile, it is a version beside that.
    pub fn restore_deleted(&mut self, deletion: &Deletion) {
        for id in &deletion.messages {
            self.edit(*id, |message| message.deleted = false);
        }
        if self.head == deletion.head_after {
            (self.head, self.start) = (deletion.head, deletion.start);
        }
        self.follow_head();
    }

    /// Takes the newest answer back, and what it answers: nobody finds either any more, as if it had not been asked.
    pub fn take_back_question(&mut self) {
        self.take_back_answer();
        if let Some(question) = self.head().filter(|newest| newest.role == Role::User).map(|newest| newest.id) {
            self.take_back(question);
        }
    }

    /// Takes the newest answer back alone: what it answers stays, and can be answered.
    pub fn take_back_answer(&mut self) {
        if let Some(answer) = self.head().filter(|newest| newest.role == Role::Assistant).map(|newest| newest.id) {
            self.take_back(answer);
        }
    }

    /// The newest message goes, and the next one takes its place.
    fn take_back(&mut self, newest: MsgId) {
        self.edit(newest, |message| message.deleted = true);
        self.head = self.messages[index(newest)].parent;
        self.follow_head();
    }

    /// Finds the branch again that ends where it should.
    fn follow_head(&mut self) {
        match self.head {
            Some(head) => self.go_to(head),
            None => self.go_to_root(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::conversation::MessageState;

    fn turns(texts: &[&str]) -> Conversation {
        let mut conversation = Conversation::default();
        for (nth, text) in texts.iter().enumerate() {
            let role = if nth % 2 == 0 { Role::User } else { Role::Assistant };
            conversation.push(role, (*text).to_owned(), MessageState::Whole);
        }
        conversation
    }

    fn shown(conversation: &Conversation) -> String {
        conversation.branch().map(|message| message.content.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_question_goes_with_its_answer_and_both_come_back() {
        let mut c = turns(&["a", "A", "b", "B", "c", "C"]);
        let before = c.clone();
        let deletion = c.delete(MsgId(2)).expect("it is there");
        assert_eq!(shown(&c), "a A c C");
        assert_eq!(c.for_engine("").len(), 4, "and is not sent");
        assert_eq!(c.place(MsgId(4)), Some(2));
        assert!(c.delete(MsgId(2)).is_none(), "it is gone already");
        c.restore_deleted(&deletion);
        assert_eq!(shown(&c), shown(&before));
        assert_eq!(c.place_kept(), before.place_kept());
    }

    #[test]
    fn an_answer_goes_alone_and_another_can_be_made() {
        let mut c = turns(&["a", "A", "b", "B"]);
        let deletion = c.delete(MsgId(3)).expect("it is there");
        assert_eq!((shown(&c).as_str(), c.head().map(|m| m.id)), ("a A b", Some(MsgId(2))));
        c.push(Role::Assistant, "B2".into(), MessageState::Whole);
        assert_eq!(shown(&c), "a A b B2");
        assert!(c.versions().is_empty(), "what was deleted is no version");
        c.restore_deleted(&deletion);
        assert_eq!(shown(&c), "a A b B2", "what was said since stays");
        assert_eq!(c.versions().len(), 2);
        assert!(c.show_version(MsgId(4), false));
        assert_eq!(shown(&c), "a A b B");
    }

    #[test]
    fn a_question_goes_with_all_its_answers() {
        let mut c = turns(&["a", "A", "b", "B"]);
        let gone = c.delete(MsgId(3)).expect("it is there");
        c.push(Role::Assistant, "B2".into(), MessageState::Whole);
        c.push(Role::User, "c".into(), MessageState::Whole);
        c.go_to(MsgId(2));
        let newest = c.push(Role::Assistant, "B3".into(), MessageState::Whole);
        let deletion = c.delete(MsgId(2)).expect("it is there");
        assert_eq!(deletion.messages, [MsgId(2), MsgId(4), newest], "what was gone is not deleted again");
        let ends: Vec<_> = c.branches().into_iter().map(|branch| branch.head).collect();
        assert_eq!(ends, [MsgId(5), MsgId(1)], "no answer is left by itself");
        c.restore_deleted(&deletion);
        assert_eq!(shown(&c), "a A b B3");
        assert_eq!(c.versions().len(), 2);
        c.restore_deleted(&gone);
        assert_eq!(c.versions().len(), 3);
    }

    #[test]
    fn versions_of_what_follows_stay_together() {
        let mut c = turns(&["a", "A", "b", "B"]);
        c.delete(MsgId(1));
        assert_eq!(shown(&c), "a b B");
        assert!(c.step_back_before(MsgId(2)));
        let other = c.push(Role::User, "b2".into(), MessageState::Whole);
        assert_eq!(shown(&c), "a b2");
        assert!(c.show_version(other, false));
        assert_eq!(shown(&c), "a b B");
    }

    #[test]
    fn a_question_is_taken_back_as_if_it_had_not_been_asked() {
        let mut c = turns(&["a", "A", "too long", ""]);
        c.take_back_question();
        assert_eq!((shown(&c).as_str(), c.head().map(|m| m.id)), ("a A", Some(MsgId(1))));
        c.push(Role::User, "short".into(), MessageState::Whole);
        assert_eq!(shown(&c), "a A short");
        assert!(c.versions().is_empty() && c.branches().len() == 1, "it is no version of what was asked instead");
        // Another answer alone.
        let mut c = turns(&["a", "A"]);
        c.step_back_from_answer();
        c.push(Role::Assistant, String::new(), MessageState::Whole);
        c.take_back_answer();
        assert_eq!((shown(&c).as_str(), c.versions().len()), ("a", 0));
        c.go_to(MsgId(1));
        assert_eq!(shown(&c), "a A");
    }

    #[test]
    fn what_was_taken_back_is_nowhere_to_go_to() {
        let mut c = turns(&["a", "A", "too long", ""]);
        c.take_back_question();
        assert!(c.step_back_before(MsgId(0)));
        let other = c.push(Role::User, "b".into(), MessageState::Whole);
        assert!(c.show_version(other, false));
        assert_eq!((shown(&c).as_str(), c.head().map(|m| m.id)), ("a A", Some(MsgId(1))));
        c.push(Role::User, "c".into(), MessageState::Whole);
        assert_eq!(c.get(MsgId(5)).and_then(|m| m.parent), Some(MsgId(1)), "what is said next follows what is there");
    }

    #[test]
    fn all_of_it_can_go() {
        let mut c = turns(&["a", "A"]);
        let deletion = c.delete(MsgId(0)).expect("it is there");
        assert!(c.is_empty() && c.head().is_none());
        c.restore_deleted(&deletion);
        assert_eq!(shown(&c), "a A");
    }

    #[test]
    fn what_is_sent_still_begins_where_it_did() {
        let mut c = turns(&["a", "A", "b", "B", "c", "C"]);
        c.leave_out_before(MsgId(2));
        let deletion = c.delete(MsgId(2)).expect("it is there");
        assert_eq!(c.for_engine("").first().map(|m| m.content.as_str()), Some("c"));
        c.restore_deleted(&deletion);
        assert_eq!(c.for_engine("").first().map(|m| m.content.as_str()), Some("b"));
        // The answer that is sent first may be of another branch.
        let mut c = turns(&["a", "A", "b", "B"]);
        c.leave_out_before(MsgId(1));
        c.go_to(MsgId(0));
        c.push(Role::Assistant, "A2".into(), MessageState::Whole);
        c.push(Role::User, "c".into(), MessageState::Whole);
        c.delete(MsgId(0)).expect("it is there");
        assert_eq!((c.left_out(), shown(&c).as_str()), (None, "c"));
    }
}
