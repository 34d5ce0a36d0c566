//! What can be done when a prompt does not fit into the context: the choices, worked out from counted messages.

use crate::app::chat::{ChatPane, SUMMARISE, Saying, Wish};
use crate::domain::Role;
use crate::domain::context::{raised_context, room_after_leaving_out, room_for_an_answer};
use crate::domain::conversation::{Cut, Message};

/// The question that is asked then.
#[derive(Debug, Clone, PartialEq)]
pub struct Room {
    pub wish: Wish,
    /// Tokens that the prompt takes.
    pub needed: u32,
    /// How many there are, for it and its answer.
    pub context: u32,
    pub choices: Vec<Choice>,
    pub selected: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Sends it without the oldest turns; the prompt then takes so many tokens.
    LeaveOut {
        cut: Cut,
        tokens: u32,
    },
    /// Has the model write a summary of the messages from a place on, and goes on from that.
    Summarise {
        from: usize,
        most: u32,
    },
    /// Loads the model again with so much.
    Raise {
        context: u32,
    },
    Cancel,
}

/// A summary is at most so long.
const LONGEST_SUMMARY: u32 = 1024;
/// And there is none where there is no more room than this for it.
const SHORTEST_SUMMARY: u32 = 64;

impl Room {
    /// `needed` is what the prompt takes; `most` the largest context that the model and this machine have.
    #[must_use]
    pub fn new(chat: &ChatPane, wish: Wish, needed: u32, context: u32, most: u32) -> Self {
        let mut choices = Vec::with_capacity(4);
        let turns = Turns::new(chat, &wish, needed, context);
        choices.extend(turns.leave_out());
        choices.extend(turns.summarise());
        choices.extend(raised_context(needed, context, most).map(|context| Choice::Raise { context }));
        choices.push(Choice::Cancel);
        Self { wish, needed, context, choices, selected: 0 }
    }

    #[must_use]
    pub fn chosen(&self) -> Choice {
        self.choices.get(self.selected).copied().unwrap_or(Choice::Cancel)
    }
}

/// There is something that could be left out for this wish.
#[must_use]
pub fn can_leave_out(chat: &ChatPane, wish: &Wish, needed: u32, context: u32) -> bool {
    Turns::new(chat, wish, needed, context).leave_out().is_some()
}

/// The prompt, taken apart.
struct Turns<'a> {
    chat: &'a ChatPane,
    wish: &'a Wish,
    context: u32,
    /// What does not belong to the turns: template, system prompt, the new message.
    rest: u32,
}

impl<'a> Turns<'a> {
    fn new(chat: &'a ChatPane, wish: &'a Wish, needed: u32, context: u32) -> Self {
        let mut turns = Self { chat, wish, context, rest: 0 };
        turns.rest = needed.saturating_sub(turns.from(chat.conversation.first_sent()));
        turns
    }

    /// An answer that is made again is not sent.
    fn cost(&self, message: &Message) -> u32 {
        let replaced = *self.wish == Wish::Again
            && message.role == Role::Assistant
            && self.chat.conversation.head().is_some_and(|head| head.id == message.id);
        if replaced { 0 } else { self.chat.counting.of_message(message) }
    }

    /// Tokens of the messages that are sent from a place on.
    fn from(&self, place: usize) -> u32 {
        let conversation = &self.chat.conversation;
        let later = |m: &&Message| conversation.place(m.id).is_some_and(|at| at >= place);
        conversation.sent().filter(later).map(|m| self.cost(m)).fold(0, u32::saturating_add)
    }

    fn leave_out(&self) -> Option<Choice> {
        let says = matches!(self.wish, Wish::Say(_));
        let cut = |free: u32| {
            let room = self.context.checked_sub(self.rest)?.checked_sub(free)?;
            self.chat.conversation.oldest_turns(room, says, |m| self.cost(m))
        };
        let cut = cut(room_after_leaving_out(self.context)).or_else(|| cut(room_for_an_answer(self.context)))?;
        Some(Choice::LeaveOut { cut, tokens: self.rest.saturating_add(self.from(cut.messages)) })
    }

    /// Of as much of the conversation as there is room for beside the summary itself.
    fn summarise(&self) -> Option<Choice> {
        let Wish::Say(Saying { text, .. }) = self.wish else { return None };
        let conversation = &self.chat.conversation;
        conversation.sent().find(|m| m.role == Role::Assistant)?;
        let (message, ask) = (self.chat.counting.of_new(text), self.chat.counting.of_new(SUMMARISE));
        // What stands before a summary stands before what follows it, too.
        let after = self.rest.checked_add(ask)?.checked_add(room_for_an_answer(self.context))?;
        let most = (self.context / 4).min(LONGEST_SUMMARY).min(self.context.checked_sub(after)?);
        if most < SHORTEST_SUMMARY {
            return None;
        }
        let room = self.context.checked_sub(self.rest.saturating_sub(message))?.checked_sub(ask)?.checked_sub(most)?;
        let first = conversation.first_sent();
        let from = if self.from(first) <= room {
            first
        } else {
            conversation.oldest_turns(room, false, |m| self.cost(m))?.messages
        };
        Some(Choice::Summarise { from, most })
    }
}
