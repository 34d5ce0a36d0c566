//! The conversation as a tree: a message that is written again stands beside the one before it, and each keeps what
//! followed. One branch of it is shown.

use std::collections::HashMap;

use super::{Conversation, Message, index};
use crate::domain::MsgId;

/// Which of the messages that stand in each other's place one is, from 1, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    pub number: usize,
    pub of: usize,
}

impl Conversation {
    /// The messages that stand in this one's place, itself among them, oldest first.
    fn versions_of(&self, id: MsgId) -> Vec<MsgId> {
        let Some(message) = self.get(id) else { return Vec::new() };
        let is_same = |other: &&Message| (other.parent, other.role) == (message.parent, message.role) && !other.deleted;
        let same = self.messages.iter().filter(is_same);
        same.map(|other| other.id).collect()
    }

    /// All messages that have others in their place.
    #[must_use]
    pub fn versions(&self) -> HashMap<MsgId, Version> {
        let mut places: HashMap<_, Vec<MsgId>> = HashMap::new();
        for message in self.messages.iter().filter(|message| !message.deleted) {
            places.entry((message.parent, message.role)).or_default().push(message.id);
        }
        let several = places.into_values().filter(|ids| ids.len() > 1);
        several
            .flat_map(|ids| {
                let of = ids.len();
                ids.into_iter().enumerate().map(move |(nth, id)| (id, Version { number: nth + 1, of }))
            })
            .collect()
    }

    /// Shows the version before or after a message, with what followed it last. False where there is none.
    pub fn show_version(&mut self, id: MsgId, later: bool) -> bool {
        let versions = self.versions_of(id);
        let Some(at) = versions.iter().position(|other| *other == id) else { return false };
        let Some(other) = (if later { at.checked_add(1) } else { at.checked_sub(1) }).and_then(|at| versions.get(at))
        else {
            return false;
        };
        self.go_to(self.newest_after(*other));
        true
    }

    pub(super) fn newest_after(&self, id: MsgId) -> MsgId {
        let newest_child = |id: &MsgId| {
            let children = || self.messages.iter().rev().filter(|m| m.parent == Some(*id));
            // What follows something that was deleted is still there.
            children().find(|m| !m.deleted).or_else(|| children().next()).map(|m| m.id)
        };
        std::iter::successors(Some(id), newest_child).last().unwrap_or(id)
    }

    /// Leaves a message of the branch, and what follows it, to themselves: the next one stands in its place. False where
    /// it is not on the branch.
    pub fn step_back_before(&mut self, id: MsgId) -> bool {
        let Some(place) = self.place(id) else { return false };
        self.head = self.messages[index(id)].parent;
        self.branch.truncate(place);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;
    use crate::domain::conversation::MessageState;

    fn say(conversation: &mut Conversation, role: Role, text: &str) -> MsgId {
        conversation.push(role, text.to_owned(), MessageState::Whole)
    }

    fn shown(conversation: &Conversation) -> String {
        conversation.branch().map(|m| m.content.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_message_that_is_written_again_keeps_what_followed_the_first() {
        let mut c = Conversation::default();
        say(&mut c, Role::User, "a");
        say(&mut c, Role::Assistant, "A");
        let b = say(&mut c, Role::User, "b");
        let first = say(&mut c, Role::Assistant, "B");
        say(&mut c, Role::User, "c");
        assert!(c.versions().is_empty());
        assert!(c.step_back_before(b));
        let other = say(&mut c, Role::User, "d");
        say(&mut c, Role::Assistant, "D");
        assert_eq!(shown(&c), "a A d D");
        let version = |number| Some(Version { number, of: 2 });
        assert_eq!((c.versions().get(&b).copied(), c.versions().get(&other).copied()), (version(1), version(2)));
        assert!(!c.show_version(other, true), "it is the last");
        assert!(c.show_version(other, false));
        assert_eq!(shown(&c), "a A b B c");
        // Another answer, to the message before.
        c.step_back_before(first);
        let second = say(&mut c, Role::Assistant, "B2");
        assert!(c.show_version(second, false));
        assert_eq!(shown(&c), "a A b B c", "with what followed");
        assert!(c.show_version(b, true) && !c.show_version(MsgId(99), true));
        assert_eq!(shown(&c), "a A d D");
    }

    #[test]
    fn the_first_message_can_be_written_again_too() {
        let mut c = Conversation::default();
        let a = say(&mut c, Role::User, "a");
        say(&mut c, Role::Assistant, "A");
        assert!(c.step_back_before(a) && c.is_empty());
        assert!(!c.step_back_before(a), "it is not on the branch any more");
        let b = say(&mut c, Role::User, "b");
        assert!(c.show_version(b, false));
        assert_eq!(shown(&c), "a A");
    }
}
