//! Writing a message again, and walking between what was written and answered in one place.

use std::time::Instant;

use crate::app::chat::{Editing, Saying};
use crate::app::update::chat::BUSY;
use crate::app::{App, Dirty, ToastKind};
use crate::domain::{MsgId, Role};

impl App {
    /// The nearest such message from there up.
    fn nearest_above(&self, is_meant: impl Fn(MsgId, Role) -> bool) -> Option<MsgId> {
        let messages = self.chat.conversation.branch().take(self.place_looked_at()? + 1);
        messages.rev().find(|message| is_meant(message.id, message.role)).map(|message| message.id)
    }

    /// Puts a message of the person's into the composer, to be sent in its own place.
    pub(super) fn edit_message(&mut self, now: Instant) {
        if self.chat.is_busy() {
            return self.toast(ToastKind::Note, BUSY, None, now);
        }
        let Some(message) = self.nearest_above(|_, role| role == Role::User) else {
            return self.toast(ToastKind::Note, "There is no message to write again", None, now);
        };
        let Some(text) = self.chat.conversation.get(message).map(|m| m.content.clone()) else { return };
        self.write_again(message, &text);
    }

    fn write_again(&mut self, message: MsgId, text: &str) {
        let draft = match self.chat.editing.take() {
            Some(editing) => editing.draft,
            None => self.chat.composer.area.written(),
        };
        let written = self.chat.composer.as_written(text);
        self.chat.composer.show(&written);
        self.chat.composer.touched();
        self.chat.transcript.point_at(None);
        self.chat.editing = Some(Editing { message, draft });
    }

    /// Leaves the message as it was.
    pub(super) fn leave_editing(&mut self) {
        if let Some(editing) = self.chat.editing.take() {
            self.chat.composer.show(&editing.draft);
            self.chat.composer.touched();
        }
    }

    /// What was written is on its way; the draft from before comes back. Gives the message that was written again.
    pub(super) fn end_editing(&mut self) -> Option<MsgId> {
        let Editing { message, draft } = self.chat.editing.take()?;
        self.chat.composer.show(&draft);
        Some(message)
    }

    /// Another message is to take the place of this one.
    pub(super) fn step_back_before(&mut self, message: MsgId) {
        if self.chat.conversation.get(message).is_some_and(|message| !message.deleted) {
            self.chat.conversation.go_through(message);
            self.chat.stepped_from = self.chat.conversation.head().map(|newest| newest.id);
            self.chat.conversation.step_back_before(message);
        }
    }

    /// It does not take that place yet.
    pub(super) fn show_again(&mut self, saying: &Saying) {
        if let Some(message) = saying.instead_of {
            if let Some(newest) = self.chat.stepped_from.take() {
                self.chat.conversation.go_to(newest);
            }
            self.chat.conversation.go_through(message);
        }
    }

    /// A message that was not said after all is the person's again.
    pub(super) fn give_back(&mut self, saying: &Saying) {
        match saying.instead_of {
            Some(message) if self.chat.editing.is_none() => self.write_again(message, &saying.text),
            _ => self.chat.composer.put_back(&saying.text),
        }
    }

    /// Shows what else was written or answered here.
    pub(super) fn show_version(&mut self, later: bool, now: Instant) {
        if self.chat.is_busy() {
            return self.toast(ToastKind::Note, BUSY, None, now);
        }
        let versions = self.chat.conversation.versions();
        let Some(message) = self.nearest_above(|id, _| versions.contains_key(&id)) else {
            let hint = "/retry answers again, /edit-message writes a message again".to_owned();
            return self.toast(ToastKind::Note, "There is no other version here", Some(hint), now);
        };
        if self.chat.conversation.show_version(message, later) {
            self.leave_editing();
            self.touch(Dirty::Now);
        } else {
            let end = if later { "This is the last version" } else { "This is the first version" };
            self.toast(ToastKind::Note, end, None, now);
        }
    }
}
