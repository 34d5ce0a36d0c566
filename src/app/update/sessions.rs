//! Going from the conversation on the screen to another, and the list of all of them.

use std::time::Instant;

use crate::app::chat::{By, Running, Wish};
use crate::app::msg::Effect;
use crate::app::sessions::{ConversationList, Listed, Opening};
use crate::app::text_area::TextArea;
use crate::app::update::chat::BUSY;
use crate::app::{App, Confirm, Confirmed, Dirty, Overlay, Pane, ToastKind};
use crate::domain::action::{Action, Context};
use crate::domain::store::keeper::Keeper;
use crate::domain::store::{Change, ConvId, Draft, Opened, Row, StoreCmd, StoreEvent, Which};
use crate::domain::{MsgId, Role};

impl App {
    pub(super) fn open_first(&mut self) {
        if let Some(which) = self.saved.first.take() {
            let ask = self.saved.next_ask();
            self.saved.opening = Some(Opening { ask, at_the_start: true });
            self.emit(Effect::Store(StoreCmd::Open { ask, which, at: None }));
        }
    }

    pub(super) fn on_store(&mut self, event: StoreEvent, now: Instant) {
        self.touch(Dirty::Soon);
        match event {
            StoreEvent::Off(error) => {
                self.saved.off = true;
                self.saved.opening = None;
                self.begun(now);
                self.toast(ToastKind::Warning, error.message, error.hint, now);
            }
            StoreEvent::Note(error) => self.toast_error(&error, now),
            StoreEvent::Lost { id } if id == self.saved.id => self.keep_as_another(now),
            StoreEvent::Lost { id } => self.keep_left_as_another(id, now),
            StoreEvent::Opened { ask, result } => {
                // Else it is of a wish that another one has followed.
                let Some(opening) = self.saved.opening.take_if(|opening| opening.ask == ask) else { return };
                match *result {
                    Ok(Some(opened)) if opening.at_the_start => self.opened_at_the_start(opened, now),
                    Ok(Some(opened)) => self.opened(opened, now),
                    Ok(None) => self.toast(ToastKind::Note, "There is no conversation yet", None, now),
                    Err(error) => self.toast_error(&error, now),
                }
                self.begun(now);
            }
            StoreEvent::Listed { ask, conversations } if self.saved.palette_ask == Some(ask) => {
                self.list_in_palette(conversations);
            }
            StoreEvent::Listed { ask, conversations } if self.titles_are_told(ask, &conversations, now) => {}
            StoreEvent::Listed { ask, conversations } => {
                if let Some(list) = self.list_that(|list| list.list_ask == Some(ask)) {
                    list.list_ask = None;
                    list.listed(conversations);
                }
            }
            StoreEvent::Found { ask, hits } => {
                let Some(list) = self.list_that(|list| list.search_ask == Some(ask)) else { return };
                list.search_ask = None;
                if !list.query.text().trim().is_empty() {
                    list.found(hits);
                }
                if std::mem::take(&mut list.search_again) {
                    self.search_conversations();
                }
            }
            StoreEvent::Previewed { ask, said } => {
                if let Some(list) = self.list_that(|list| list.preview_ask.is_some_and(|(asked, _)| asked == ask))
                    && let Some((_, of)) = list.preview_ask.take()
                {
                    list.previewed(of, said);
                }
            }
            StoreEvent::Prompts { ask, prompts } => self.on_prompts(ask, &prompts),
        }
    }

    /// The list, where it is in front.
    fn list(&mut self) -> Option<&mut ConversationList> {
        match &mut self.overlay {
            Some(Overlay::Conversations(list)) => Some(list),
            _ => None,
        }
    }

    /// The list that is so, in front or behind something else.
    fn list_that(&mut self, is_so: impl Fn(&ConversationList) -> bool) -> Option<&mut ConversationList> {
        self.overlay.iter_mut().chain(self.beneath.iter_mut().rev()).find_map(|overlay| match overlay {
            Overlay::Conversations(list) if is_so(list) => Some(&mut **list),
            _ => None,
        })
    }

    /// Leaves the conversation as it is: what is being made is ended, and everything is kept.
    fn leave(&mut self, now: Instant) {
        self.end_answer(now);
        self.keep_all();
    }

    /// A message that waited for a summary is the person's again.
    pub(super) fn end_answer(&mut self, now: Instant) {
        if let Some(Wish::Summarise { then, .. }) = self.chat.running.as_ref().map(Running::wish) {
            let then = then.text.clone();
            self.chat.composer.put_back(&then);
        }
        self.stop();
        self.chat.cut_short(now);
    }

    /// A new conversation, for somebody who knows what that ends.
    pub(super) fn begin_another(&mut self, now: Instant) {
        let (title, yes, lost) = ("Start a new conversation?", "start it", self.lost_at_the_end());
        if !lost.is_empty() {
            let (title, body) = (title.to_owned(), lost.to_owned());
            self.open(Overlay::Confirm(Confirm { title, body, yes, then: Confirmed::Begin }));
        } else if !self.ask_to_end_answer(title, yes, Confirmed::Begin) {
            self.begin_conversation(now);
        }
    }

    /// A new conversation. What waits to be sent goes along; it is the person's to send or not.
    pub(super) fn begin_conversation(&mut self, now: Instant) {
        self.end_answer(now);
        if let Some(editing) = self.chat.editing.take() {
            self.chat.composer.put_above(editing.draft);
        }
        while let Some(waiting) = self.chat.queue.pop_back() {
            self.chat.composer.put_back(&waiting.text);
        }
        let mut changes = self.new_changes();
        changes.extend(self.saved.keeper.draft(Draft::default()));
        self.emit_keep(changes);
        self.saved.opening = None;
        self.clear_conversation(Draft::default());
        self.saved.begin_anew();
        self.pane = Pane::Chat;
        self.keep_draft_soon();
    }

    /// To another conversation, for somebody who knows what that ends.
    pub(super) fn go_to_conversation(&mut self, which: Which, at: Option<Row>) {
        if !self.ask_to_end_answer("Go to another conversation?", "go there", Confirmed::Open { which, at }) {
            self.open_kept(which, at);
        }
    }

    pub(super) fn open_kept(&mut self, which: Which, at: Option<Row>) {
        let ask = self.saved.next_ask();
        self.saved.opening = Some(Opening { ask, at_the_start: false });
        self.emit(Effect::Store(StoreCmd::Open { ask, which, at }));
    }

    /// Who types at once means the conversation that comes: what is written goes below its draft, what was sent is said in it.
    fn opened_at_the_start(&mut self, opened: Opened, now: Instant) {
        let sent = std::mem::take(&mut self.chat.queue);
        let written = self.chat.composer.take_out();
        self.opened(opened, now);
        if !written.is_empty() {
            let mut all = self.chat.composer.area.written();
            if !all.is_empty() {
                all.append(&"\n".into());
            }
            all.append(&written);
            self.chat.composer.show(&all);
            self.chat.composer.touched();
        }
        self.chat.queue = sent;
        self.keep_draft_soon();
    }

    /// It is known which conversation is held: it can have what had to wait for that.
    fn begun(&mut self, now: Instant) {
        self.begin_as_persona(now);
        self.load_first(now);
        self.answer_next(By::Itself, now);
    }

    fn opened(&mut self, opened: Opened, now: Instant) {
        self.leave(now);
        let left = self.unsent();
        // What waits there is kept there.
        self.chat.queue.clear();
        let Opened { id, mut conversation, title, setup, draft, pinned, archived, at, .. } = opened;
        self.clear_conversation(left);
        self.saved.id = id;
        self.saved.listed = Listed { title, pinned, archived };
        self.saved.keeper = Keeper::of(&mut conversation, &draft);
        self.chat.composer.begin_with(&draft, conversation.branch().filter(|m| m.role == Role::User));
        self.chat.conversation = conversation;
        if let Some(place) = at.and_then(|at| self.chat.conversation.place(at)) {
            self.chat.transcript.to_message(place);
        }
        self.put_back(setup, now);
        self.pane = Pane::Chat;
    }

    pub(super) fn open_list(&mut self, now: Instant) {
        if self.saved.off {
            let hint = "`hobnob doctor` says what is wrong with the data folder";
            return self.toast(ToastKind::Warning, "No conversations are kept", Some(hint.into()), now);
        }
        // It is to have the conversation that is on the screen, as it is.
        self.keep_all();
        self.open(Overlay::Conversations(Box::default()));
        self.ask_for_list();
    }

    fn ask_for_list(&mut self) {
        let ask = self.saved.next_ask();
        let Some(list) = self.list() else { return };
        list.list_ask = Some(ask);
        let archived = list.archive;
        self.emit(Effect::Store(StoreCmd::List { ask, archived }));
    }

    /// Looks for the words that are typed, in all that was said. One search at a time: the newest words are what counts.
    fn search_conversations(&mut self) {
        let ask = self.saved.next_ask();
        let Some(list) = self.list_that(|_| true) else { return };
        let words = list.query.text().trim().to_owned();
        if list.search_ask.is_some() {
            list.search_again = true;
        } else if !words.is_empty() {
            list.search_ask = Some(ask);
            self.emit(Effect::Store(StoreCmd::Search { ask, words }));
        }
    }

    /// Has what is chosen shown beside the list. One at a time: who runs through the list waits for none of those between.
    pub(super) fn preview_chosen(&mut self) {
        let Some(of) = self.list().filter(|list| list.preview_ask.is_none()).and_then(|list| list.unpreviewed()) else {
            return;
        };
        let ask = self.saved.next_ask();
        if let Some(list) = self.list() {
            list.preview_ask = Some((ask, of));
        }
        self.emit(Effect::Store(StoreCmd::Preview { ask, id: of.0, at: of.1 }));
    }

    /// Something was typed into the list.
    pub(super) fn typed_in_list(&mut self, change: impl FnOnce(&mut TextArea) -> bool) -> bool {
        let Some(list) = self.list() else { return false };
        if let Some((_, title)) = &mut list.renaming {
            return change(title);
        }
        let before = list.query.text().to_owned();
        let done = change(&mut list.query);
        if list.query.text() != before {
            list.typed();
            self.search_conversations();
        }
        done
    }

    /// What a key does in the list.
    pub(super) fn act_in_list(&mut self, action: Action, now: Instant) -> bool {
        let Some(list) = self.list() else { return false };
        if list.renaming.is_none() {
            match action.context() {
                Context::List => return list.act(action),
                // The key deletes what is typed, as long as there is something before it.
                _ if action == Action::DeleteConversation && list.query.cursor() < list.query.text().len() => {
                    return false;
                }
                Context::Conversations => return self.act_on_conversation(action, now),
                _ if action == Action::NewConversation => {
                    self.overlay = None;
                    self.begin_another(now);
                    return true;
                }
                _ => {}
            }
        }
        self.typed_in_list(|area| area.act(action))
    }

    /// Enter: opens what is chosen, or takes the title that was typed.
    pub(super) fn accept_in_list(&mut self, mut list: Box<ConversationList>, now: Instant) {
        if let Some((id, title)) = list.renaming.take() {
            let title = title.text().trim().to_owned();
            if id == self.saved.id {
                self.saved.listed.title.clone_from(&title);
            }
            self.overlay = Some(Overlay::Conversations(list));
            // Without a title of its own it has that of its first words.
            self.change_conversation(id, Change::Title(Some(title).filter(|title| !title.is_empty())));
        } else if let Some(entry) = list.chosen() {
            let (id, row, message) = (entry.id(), entry.row(), entry.message());
            match row {
                Some(row) if id == self.saved.id => self.go_to_found(row, message, now),
                None if id == self.saved.id => {}
                row => self.go_to_conversation(Which::Id(id), row),
            }
        } else {
            self.overlay = Some(Overlay::Conversations(list));
        }
    }

    /// To a message of the conversation on the screen. One that is not known here was said by another process.
    fn go_to_found(&mut self, row: Row, message: Option<MsgId>, now: Instant) {
        let is_shown = message.is_some_and(|message| self.chat.conversation.place(message).is_some());
        if self.chat.is_busy() && !is_shown {
            return self.toast(ToastKind::Note, BUSY, None, now);
        }
        let Some(message) = message else { return self.open_kept(Which::Id(self.saved.id), Some(row)) };
        if !is_shown {
            self.leave_editing();
            self.chat.conversation.go_through(message);
        }
        if let Some(place) = self.chat.conversation.place(message) {
            self.chat.transcript.point_at(None);
            self.chat.transcript.to_message(place);
        }
        self.pane = Pane::Chat;
    }

    /// Esc: leaves the title as it was, else what was typed, else the list.
    pub(super) fn dismiss_in_list(&mut self, mut list: Box<ConversationList>) {
        if list.renaming.take().is_none() {
            if list.query.is_empty() {
                return;
            }
            list.query.set("");
            list.typed();
        }
        self.overlay = Some(Overlay::Conversations(list));
    }

    fn change_conversation(&mut self, id: ConvId, change: Change) {
        self.emit(Effect::Store(StoreCmd::Keep { id, changes: vec![change] }));
        self.ask_for_list();
        self.search_conversations();
    }

    /// To the conversation that is chosen in the list, else to the one on the screen.
    pub(super) fn act_on_conversation(&mut self, action: Action, now: Instant) -> bool {
        match action {
            Action::Undelete => return self.undelete(now),
            Action::ShowArchive => {
                if self.list().is_none() {
                    self.open_list(now);
                }
                if let Some(list) = self.list() {
                    list.archive = !list.archive;
                }
                self.ask_for_list();
                return true;
            }
            _ => {}
        }
        if self.list().is_none() {
            // What is done to it is seen, and undone, where all of them are.
            self.open_list(now);
            let (id, listed) = (self.saved.id, self.saved.listed.clone());
            return self.act_on(action, id, listed, now);
        }
        let chosen = self.list().and_then(|list| list.chosen().map(|entry| (entry.id(), entry.listed())));
        let Some((id, listed)) = chosen else { return true };
        self.act_on(action, id, listed, now)
    }

    fn act_on(&mut self, action: Action, id: ConvId, listed: Listed, now: Instant) -> bool {
        let is_this = id == self.saved.id;
        let Listed { title, pinned, archived } = listed;
        match action {
            Action::Rename => {
                if let Some(list) = self.list() {
                    let mut area = TextArea::one_line(&title);
                    area.act(Action::TextEnd);
                    list.renaming = Some((id, area));
                }
            }
            Action::Pin => {
                if is_this {
                    self.saved.listed.pinned = !pinned;
                }
                self.change_conversation(id, Change::Pinned(!pinned));
            }
            Action::Archive => {
                if is_this {
                    self.saved.listed.archived = !archived;
                }
                self.change_conversation(id, Change::Archived(!archived));
            }
            Action::DeleteConversation => {
                if is_this {
                    self.leave(now);
                    self.chat.composer.take_out();
                    self.chat.queue.clear();
                    self.saved.begin_anew();
                    self.chat.clear();
                }
                self.saved.deleted.push((id, title.clone()));
                self.change_conversation(id, Change::Deleted(true));
                let key = self.key(Action::Undelete);
                let hint = format!("{key} in the list, or /{} brings it back, until you quit", Action::Undelete.name());
                let text = if title.is_empty() { "It is deleted".into() } else { format!("“{title}” is deleted") };
                self.toast(ToastKind::Note, text, Some(hint), now);
            }
            _ => return false,
        }
        true
    }

    /// False where nothing was deleted, so that the key can undo what was typed.
    fn undelete(&mut self, now: Instant) -> bool {
        let Some((id, title)) = self.saved.deleted.pop() else {
            if self.list().is_none() {
                self.toast(ToastKind::Note, "Nothing was deleted", None, now);
                return true;
            }
            return false;
        };
        self.toasts.retain(|toast| toast.kind != ToastKind::Note);
        if let Some(list) = self.list() {
            list.wanted = Some(id);
        }
        self.change_conversation(id, Change::Deleted(false));
        let text = if title.is_empty() { "It is back".into() } else { format!("“{title}” is back") };
        self.toast(ToastKind::Note, text, None, now);
        true
    }

    /// What a person should know before all of this is gone; empty where all of it is kept.
    pub(super) fn lost_at_the_end(&self) -> &'static str {
        if self.saved.off && !self.chat.conversation.is_empty() { "This conversation is not kept." } else { "" }
    }
}
