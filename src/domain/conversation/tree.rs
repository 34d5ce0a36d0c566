//! The conversation as a tree: a message that is written again stands beside the one before it, and each keeps what
//! followed. One branch of it is shown.

use std::collections::{HashMap, HashSet};

use super::{Conversation, Message, Start, index};
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
        // What follows something that was deleted is still there.
        let mut leads_on = vec![false; self.messages.len()];
        for message in self.messages.iter().rev() {
            leads_on[index(message.id)] |= !message.deleted;
            if let Some(parent) = message.parent {
                leads_on[index(parent)] |= leads_on[index(message.id)];
            }
        }
        let newest_child = |id: &MsgId| {
            let children = || self.messages.iter().rev().filter(|m| m.parent == Some(*id));
            children().find(|m| !m.deleted).or_else(|| children().find(|m| leads_on[index(m.id)])).map(|m| m.id)
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

/// A branch, by where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Branch {
    pub head: MsgId,
    /// Its first message that the branch on the screen does not have; `None` is the one on the screen.
    pub parts_with: Option<MsgId>,
    /// Its first message that no other branch has; `None` where another one goes on from its end.
    pub own: Option<MsgId>,
    pub messages: usize,
}

impl Conversation {
    /// All branches, the newest first; none that ends in an answer that never came.
    #[must_use]
    pub fn branches(&self) -> Vec<Branch> {
        let there = || self.messages.iter().filter(|message| !message.deleted);
        let parents: HashSet<MsgId> = there().filter_map(|message| self.path(message.id).nth(1)).collect();
        let is_end = |message: &&Message| {
            let is_shown = self.branch.last() == Some(&message.id);
            is_shown || (!parents.contains(&message.id) && !message.leaves_its_question_out())
        };
        let heads: Vec<MsgId> = there().rev().filter(is_end).map(|message| message.id).collect();
        let mut branches: HashMap<MsgId, usize> = HashMap::new();
        for id in heads.iter().flat_map(|head| self.path(*head)) {
            *branches.entry(id).or_default() += 1;
        }
        let to = |head: MsgId| Branch {
            head,
            parts_with: self.path(head).take_while(|id| self.place(*id).is_none()).last(),
            own: self.path(head).take_while(|id| branches.get(id) == Some(&1)).last(),
            messages: self.path(head).count(),
        };
        heads.into_iter().map(to).collect()
    }

    /// A message and all before it, without what was deleted.
    fn path(&self, head: MsgId) -> impl Iterator<Item = MsgId> {
        let parent = |id: &MsgId| self.get(*id).and_then(|message| message.parent);
        let is_there = |id: &MsgId| self.get(*id).is_some_and(|message| !message.deleted);
        std::iter::successors(Some(head), parent).filter(is_there)
    }

    /// The branch that is shown, up to a message of it, as a conversation of its own. All of it is new to whoever keeps it.
    #[must_use]
    pub fn fork(&self, until: MsgId) -> Self {
        let mut fork = Self::default();
        let mut ids = HashMap::new();
        for message in self.branch().take_while(|message| message.id <= until) {
            let id = fork.push(message.role, message.content.clone(), message.state.clone());
            ids.insert(message.id, id);
            fork.edit(id, |copy| {
                *copy = Message { id, parent: copy.parent, revision: copy.revision, ..message.clone() }
            });
        }
        fork.start = self.start.and_then(|start| Some(Start { from: *ids.get(&start.from)?, ..start }));
        fork
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
    fn branches_are_known_by_where_they_part() {
        let mut c = Conversation::default();
        say(&mut c, Role::User, "a");
        let first = say(&mut c, Role::Assistant, "A");
        let b = say(&mut c, Role::User, "b");
        say(&mut c, Role::Assistant, "B");
        c.step_back_before(b);
        let d = say(&mut c, Role::User, "d");
        let end = say(&mut c, Role::Assistant, "D");
        let branches = c.branches();
        assert_eq!(branches[0], Branch { head: end, parts_with: None, own: Some(d), messages: 4 });
        assert_eq!(branches[1], Branch { head: MsgId(3), parts_with: Some(b), own: Some(b), messages: 4 });
        c.go_to(first);
        let parts: Vec<_> = c.branches().into_iter().map(|branch| branch.parts_with).collect();
        assert_eq!(parts, [Some(d), Some(b), None], "one can stand in the middle");
        let own: Vec<_> = c.branches().into_iter().map(|branch| branch.own).collect();
        assert_eq!(own, [Some(d), Some(b), None]);
        // What parts with the screen may be the same for two.
        c.go_to(end);
        c.step_back_before(MsgId(0));
        let again = say(&mut c, Role::User, "a again");
        let own: Vec<_> = c.branches().into_iter().map(|branch| (branch.parts_with, branch.own)).collect();
        let a = Some(MsgId(0));
        assert_eq!(own, [(None, Some(again)), (a, Some(d)), (a, Some(b))]);
    }

    #[test]
    fn a_fork_has_the_branch_and_nothing_else() {
        let mut c = Conversation::default();
        say(&mut c, Role::User, "a");
        let other = say(&mut c, Role::Assistant, "A");
        c.step_back_from_answer();
        let answer = say(&mut c, Role::Assistant, "A2");
        say(&mut c, Role::User, "b");
        c.leave_out_before(answer);
        let mut fork = c.fork(answer);
        assert_eq!((shown(&fork).as_str(), fork.messages().len()), ("a A2", 2));
        assert_eq!((fork.first_sent(), fork.take_changed().len()), (1, 2));
        assert!(fork.get(other).is_some_and(|message| message.content == "A2"), "with ids of its own");
        assert_eq!(shown(&c), "a A2 b", "the other one stays");
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
