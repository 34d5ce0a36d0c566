//! Finding words in the conversation on the screen.

use std::time::Instant;

use crate::app::text_area::TextArea;
use crate::app::transcript::{Anchor, Cursor, Find};
use crate::app::{App, ToastKind};
use crate::domain::action::{Action, Context};

impl App {
    /// Opens the field, with the words of the last time, to be typed over.
    pub(super) fn open_find(&mut self, now: Instant) {
        self.begin_find(false, now);
    }

    /// The same, to look upwards.
    pub(super) fn open_find_back(&mut self, now: Instant) {
        self.begin_find(true, now);
    }

    fn begin_find(&mut self, back: bool, now: Instant) {
        if self.chat.conversation.is_empty() {
            return self.toast(ToastKind::Note, "There is nothing to find words in yet", None, now);
        }
        let transcript = &mut self.chat.transcript;
        transcript.settle(&self.chat.conversation, &self.theme);
        let origin = (transcript.anchor(), transcript.cursor().copied());
        let find = transcript.find.get_or_insert_default();
        find.begin(back, origin);
        self.look();
    }

    /// `/find WORDS`.
    pub(super) fn find_words(&mut self, words: &str, now: Instant) {
        self.open_find(now);
        if let Some(find) = &mut self.chat.transcript.find {
            find.field.set(words);
            self.look();
        }
    }

    /// Looks for what the field says, from where the search was begun.
    fn look(&mut self) {
        let last = self.chat.conversation.len().saturating_sub(1);
        let Some(find) = &mut self.chat.transcript.find else { return };
        let from = match find.origin() {
            Some((_, Some(cursor))) => self.chat.conversation.place(cursor.at.message).unwrap_or(last),
            Some((Anchor::At { place, .. }, None)) => place,
            Some((Anchor::Follow, None)) | None => last,
        };
        find.look(&self.chat.conversation, from);
        let origin = find.origin();
        if find.target().is_some() {
            self.chat.transcript.go_to_found();
        } else if let Some((anchor, _)) = origin {
            self.chat.transcript.set_anchor(anchor);
        }
    }

    /// Something was typed into the field.
    pub(super) fn typed_in_find(&mut self, change: impl FnOnce(&mut TextArea) -> bool) -> bool {
        let Some(find) = &mut self.chat.transcript.find else { return false };
        let before = find.field.text().to_owned();
        let done = find.type_over(change);
        if find.field.text() != before {
            self.look();
        }
        done
    }

    /// What a key does while the field is open.
    pub(super) fn act_in_find(&mut self, action: Action) -> bool {
        match action {
            // As in Vim: Enter ends the words, and single keys go on from what was found.
            Action::HitNext if self.commands_vim() => return self.act_in_find(Action::Read),
            Action::HitNext => self.step_to_hit(true),
            Action::HitPrevious => self.step_to_hit(false),
            // What was found is pointed at, and the search can be gone on with.
            Action::Read => {
                if self.chat.transcript.find.as_ref().is_some_and(|find| find.target().is_some()) {
                    self.chat.transcript.settle(&self.chat.conversation, &self.theme);
                    self.point_at_hit();
                    self.close_find();
                }
            }
            Action::LeaveFinding => {
                let origin = self.chat.transcript.find.as_ref().filter(|find| !find.stays()).and_then(Find::origin);
                self.close_find();
                if let Some((anchor, cursor)) = origin {
                    self.chat.transcript.set_anchor(anchor);
                    self.chat.transcript.point_at(cursor);
                } else if self.chat.transcript.cursor().is_some() {
                    self.point_at_hit();
                }
            }
            // Enter and Esc mean the search, whatever else they do in a chat.
            _ if action.context() == Context::Edit => return self.typed_in_find(|field| field.act(action)),
            _ if self.move_in_conversation(action) => {
                if let Some(find) = &mut self.chat.transcript.find {
                    find.stay();
                }
            }
            Action::Interrupt => {
                let has_words = self.chat.transcript.find.as_ref().is_some_and(|find| !find.field.is_empty());
                if has_words {
                    return self.typed_in_find(|field| {
                        field.set("");
                        true
                    });
                }
                return self.act_in_find(Action::LeaveFinding);
            }
            _ => return false,
        }
        true
    }

    fn step_to_hit(&mut self, on: bool) {
        let Some(find) = &mut self.chat.transcript.find else { return };
        find.stay();
        if find.turn(on) {
            self.chat.transcript.go_to_found();
        }
    }

    fn close_find(&mut self) {
        if let Some(find) = &mut self.chat.transcript.find {
            find.open = false;
        }
    }

    fn point_at_hit(&mut self) {
        let target = self.chat.transcript.find.as_ref().and_then(Find::target);
        if let Some(target) = target {
            self.chat.transcript.point_at(Some(Cursor::on_message(target.message)));
            self.chat.transcript.go_to_found();
        }
    }

    /// From what is pointed at to the next place of what was looked for last.
    pub(super) fn go_on_finding(&mut self, on: bool, now: Instant) {
        let conversation = &self.chat.conversation;
        let Some(find) = self.chat.transcript.find.as_mut().filter(|find| find.needle().is_some()) else {
            return self.open_find(now);
        };
        find.refresh(conversation);
        if find.turn(on) {
            self.chat.transcript.go_to_found();
        } else {
            self.toast(ToastKind::Note, "The words are not in this conversation", None, now);
        }
    }
}
