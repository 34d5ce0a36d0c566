//! Keeping the conversation on the screen: what is said at once, what grows and what is written from time to time.

use std::time::{Duration, Instant};

use crate::app::chat::{Running, Wish};
use crate::app::msg::{Effect, TimerId};
use crate::app::sessions::{Left, as_new};
use crate::app::{App, Overlay, ToastKind};
use crate::domain::Role;
use crate::domain::store::keeper::Keeper;
use crate::domain::store::{Change, ConvId, Draft, StoreCmd, title_of};

/// How often a growing answer is kept.
const MORE: Duration = Duration::from_millis(250);
/// How often what is being written is kept.
const DRAFT: Duration = Duration::from_millis(400);
const KEPT_ANEW: &str = "it is kept anew";

impl App {
    /// Has kept what is new, at the end of every update.
    pub(super) fn keep(&mut self) {
        if self.saved.off {
            self.chat.conversation.take_changed();
            return;
        }
        let mut changes = self.new_changes();
        // A message that was waiting must not be lost between the two.
        if !changes.is_empty() {
            changes.extend(self.saved.keeper.draft(self.unsent()));
        }
        self.emit_keep(changes);
        if self.saved.keeper.is_growing() && !self.saved.more_is_due {
            self.saved.more_is_due = true;
            self.emit(Effect::SetTimer { id: TimerId::Keep, after: MORE });
        }
    }

    /// Something may have been written.
    pub(super) fn keep_draft_soon(&mut self) {
        if !self.saved.draft_is_due && !self.saved.off {
            self.saved.draft_is_due = true;
            self.emit(Effect::SetTimer { id: TimerId::Draft, after: DRAFT });
        }
    }

    /// What has come of the answer since the last time; the next time is set by `keep`.
    pub(super) fn keep_more(&mut self) {
        self.saved.more_is_due = false;
        let more = self.saved.keeper.more(&self.chat.conversation);
        self.emit_keep(more.into_iter().collect());
    }

    pub(super) fn keep_draft(&mut self) {
        self.saved.draft_is_due = false;
        if self.saved.is_beginning() {
            return;
        }
        let draft = self.saved.keeper.draft(self.unsent());
        self.emit_keep(draft.into_iter().collect());
    }

    /// All there is, now: nothing more will come.
    pub(super) fn keep_all(&mut self) {
        if !self.saved.off {
            let mut changes = self.new_changes();
            changes.extend(self.saved.keeper.more(&self.chat.conversation));
            changes.extend(self.saved.keeper.draft(self.unsent()));
            self.emit_keep(changes);
        }
    }

    /// Another process has taken the conversation away that somebody goes on with here: all of it is kept, as one of its own.
    pub(super) fn keep_as_another(&mut self, now: Instant) {
        let (listed, draft) = (self.saved.listed.clone(), self.unsent());
        self.saved.left.take_if(|left| left.id == self.saved.id);
        self.saved.begin_anew();
        let setup = self.chat.own.clone().unwrap_or_default();
        let changes = as_new(&mut self.saved.keeper, &mut self.chat.conversation, setup, draft, &listed);
        self.emit_keep(changes);
        self.saved.listed = listed;
        self.toast(ToastKind::Note, "Another hobnob has removed this conversation", Some(KEPT_ANEW.into()), now);
    }

    /// The same for the one that was just left: what was kept of it as it was left did not get there.
    pub(super) fn keep_left_as_another(&mut self, id: ConvId, now: Instant) {
        // Any other one is kept as another already, or was left before that.
        let Some(mut left) = self.saved.left.take_if(|left| left.id == id) else { return };
        let Left { setup, draft, listed, .. } = left;
        let changes = as_new(&mut Keeper::default(), &mut left.conversation, setup, draft, &listed);
        let id = self.saved.next_id();
        self.emit(Effect::Store(StoreCmd::Keep { id, changes }));
        let question = left.conversation.branch().find(|message| message.role == Role::User);
        let name = match listed.title {
            title if title.is_empty() => question.map(|message| title_of(&message.content)).unwrap_or_default(),
            title => title,
        };
        let text = match name.as_str() {
            "" => "Another hobnob has removed the conversation before".to_owned(),
            name => format!("Another hobnob has removed “{name}”"),
        };
        self.toast(ToastKind::Note, text, Some(KEPT_ANEW.into()), now);
    }

    /// Another conversation comes to the screen. All of this one is held on to until the next is left.
    pub(super) fn clear_conversation(&mut self, draft: Draft) {
        let conversation = std::mem::take(&mut self.chat.conversation);
        let setup = self.chat.own.take().unwrap_or_default();
        let (id, listed) = (self.saved.id, std::mem::take(&mut self.saved.listed));
        self.saved.left = Some(Left { id, conversation, setup, draft, listed });
        self.chat.clear();
    }

    pub(super) fn new_changes(&mut self) -> Vec<Change> {
        let Self { saved, chat, .. } = self;
        let own = &chat.own;
        saved.keeper.changes(&mut chat.conversation, || own.clone().unwrap_or_default())
    }

    pub(super) fn emit_keep(&mut self, changes: Vec<Change>) {
        if !changes.is_empty() && !self.saved.off {
            let id = self.saved.id;
            self.emit(Effect::Store(StoreCmd::Keep { id, changes }));
        }
    }

    /// What is written and not sent, wherever it waits.
    pub(super) fn unsent(&self) -> Draft {
        let running = self.chat.running.as_ref().map(Running::wish);
        let asked = match &self.overlay {
            Some(Overlay::Room(room)) => Some(&room.wish),
            _ => None,
        };
        let then = running.into_iter().filter_map(|wish| match wish {
            Wish::Summarise { then, .. } => Some(then),
            _ => None,
        });
        let held = asked.into_iter().filter_map(|wish| match wish {
            Wish::Say(saying) | Wish::Summarise { then: saying, .. } => Some(saying),
            Wish::Again | Wish::GoOn => None,
        });
        let composer = &self.chat.composer;
        let waiting = then.chain(held).chain(&self.chat.queue).map(|saying| composer.as_written(&saying.text));
        // What was being written when an older message took its place.
        let before = self.chat.editing.as_ref().map(|editing| editing.draft.clone());
        let all = waiting.chain(before).chain([composer.area.written()]).filter(|written| !written.is_blank());
        let all = all.reduce(|mut all, next| {
            all.append(&"\n".into());
            all.append(&next);
            all
        });
        all.map(|written| written.draft()).unwrap_or_default()
    }
}
