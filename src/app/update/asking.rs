//! From a wish to an answer: whether there is room for it, and what the person wants where there is none.

use std::time::Instant;

use crate::app::chat::{By, Saying, Wish};
use crate::app::msg::Effect;
use crate::app::room::{Choice, Room, can_leave_out};
use crate::app::{App, Dirty, Overlay, ToastKind};
use crate::config::Value;
use crate::domain::action::Action;
use crate::domain::context::room_for_an_answer;
use crate::domain::model::ModelInfo;
use crate::domain::units::grouped;
use crate::domain::{EngineCmd, FinishReason, Role, fit};

impl App {
    /// Answers what waits longest, if nothing else is being answered and there is a model, and no other is looked for.
    pub(super) fn answer_next(&mut self, by: By, now: Instant) {
        if self.chat.is_busy()
            || self.chat.held
            || self.saved.is_beginning()
            || self.lookup.is_some()
            || self.model().is_none()
            || matches!(self.overlay, Some(Overlay::Room(_)))
        {
            return;
        }
        let wish = self.chat.pending.take().or_else(|| self.chat.queue.pop_front().map(Wish::Say));
        if let Some(wish) = wish {
            self.ask(wish, by, now);
        }
    }

    /// Has it answered, if there is room for it as far as that is known. The engine has the last word.
    pub(super) fn ask(&mut self, wish: Wish, by: By, now: Instant) {
        self.chat.stepped_from = None;
        if let Some(model) = self.model_to_return_to().cloned() {
            self.ask_later(wish);
            return self.load(&model, now);
        }
        let Some(context) = self.model().map(|m| m.context) else { return self.ask_later(wish) };
        if let Wish::Say(Saying { instead_of: Some(message), .. }) = &wish {
            self.step_back_before(*message);
        }
        match self.prompt_of(&wish) {
            Some(needed) if !self.fits(&wish, needed, context) => self.no_room(wish, needed, by, now),
            _ => self.answer(wish, by, now),
        }
    }

    /// Tokens that the prompt takes, where that is known.
    fn prompt_of(&self, wish: &Wish) -> Option<u32> {
        let (counting, system) = (&self.chat.counting, self.chat.system(&self.settings));
        match wish {
            Wish::Say(Saying { text, .. }) => {
                counting.of(text)?;
                Some(self.chat.history_tokens(system).saturating_add(counting.of_new(text)))
            }
            Wish::GoOn => Some(self.chat.history_tokens(system)),
            // Made before, so there is room.
            Wish::Again | Wish::Summarise { .. } => None,
        }
    }

    /// With a few words to spare for the answer, where something old could make way for them.
    fn fits(&self, wish: &Wish, needed: u32, context: u32) -> bool {
        if needed.saturating_add(room_for_an_answer(context)) <= context {
            return true;
        }
        needed < context && !can_leave_out(&self.chat, wish, needed, context)
    }

    /// The person decides.
    pub(super) fn no_room(&mut self, wish: Wish, needed: u32, by: By, now: Instant) {
        if by == By::Itself || self.overlay.is_some() {
            self.ask_later(wish);
            self.chat.held = true;
            let hint = "Enter on an empty line shows what can be done";
            self.toast(ToastKind::Warning, "The next message does not fit into the context", Some(hint.into()), now);
            return;
        }
        let Some(model) = self.model() else { return self.ask_later(wish) };
        let most = self.largest_context(model);
        let room = Room::new(&self.chat, wish, needed, model.context, most);
        self.open(Overlay::Room(room));
        self.touch(Dirty::Now);
    }

    /// It is the next to be asked.
    fn ask_later(&mut self, wish: Wish) {
        match wish {
            Wish::Say(saying) | Wish::Summarise { then: saying, .. } => {
                self.show_again(&saying);
                self.chat.queue.push_front(saying);
            }
            Wish::Again | Wish::GoOn => self.chat.pending = Some(wish),
        }
    }

    /// As far as the model goes, and this machine.
    fn largest_context(&self, model: &ModelInfo) -> u32 {
        let load = self.settings.engine.load;
        let here = self.machine.as_ref().map_or(u32::MAX, |here| fit::judge(&model.facts, load, here).largest_context);
        model.facts.context.min(here)
    }

    /// What was chosen where there was no room.
    pub(super) fn make_room(&mut self, room: Room, now: Instant) {
        match (room.chosen(), room.wish) {
            (Choice::LeaveOut { cut, .. }, wish) => {
                self.chat.conversation.leave_out_before(cut.from);
                self.answer(wish, By::Key, now);
            }
            (Choice::Summarise { from, most }, Wish::Say(then)) => {
                self.answer(Wish::Summarise { from, most, then }, By::Key, now);
            }
            (Choice::Raise { context }, wish) => {
                self.ask_later(wish);
                if let Some(spec) = crate::config::spec("engine.context") {
                    self.change(spec, Value::Int(i64::from(context)));
                    // The settings are saved: it holds beyond this conversation.
                    let text = format!("The context is {} tokens from now on", grouped(context));
                    let hint = format!("{} changes it back, in all conversations", self.key(Action::ShowSettings));
                    self.toast(ToastKind::Note, text, Some(hint), now);
                }
                self.reload(now);
            }
            (Choice::Cancel | Choice::Summarise { .. }, wish) => self.leave_unasked(wish),
        }
    }

    /// Nothing is asked: a message is the person's again.
    pub(super) fn leave_unasked(&mut self, wish: Wish) {
        if let Wish::Say(saying) | Wish::Summarise { then: saying, .. } = wish {
            self.show_again(&saying);
            self.give_back(&saying);
        }
        self.chat.held = !self.chat.queue.is_empty();
    }

    fn answer(&mut self, wish: Wish, by: By, now: Instant) {
        let Some(name) = self.model().map(|m| m.name.clone()) else { return self.ask_later(wish) };
        self.generation = self.generation.next();
        let id = self.generation;
        // The form that waits is for an answer to what the person says.
        let is_theirs = matches!(wish, Wish::Say(_) | Wish::Again);
        let once = self.chat.once.take().filter(|_| wish == Wish::Again);
        let here = match once {
            Some(once) => self.settings.within(&once),
            None => self.settings_here().into_owned(),
        };
        let mut req = self.chat.begin(id, (wish, by), &name, &here, now);
        if is_theirs {
            self.wish(&mut req);
        }
        self.hold();
        self.compare_begun();
        self.emit(Effect::Engine(EngineCmd::Generate { id, req }));
        self.touch(Dirty::Now);
    }

    /// An answer has ended by itself, or was stopped.
    pub(super) fn answered(&mut self, wish: Wish, reason: FinishReason, now: Instant) {
        if let Wish::Summarise { from, then, .. } = wish {
            return self.summarised(from, then, reason, now);
        }
        self.answer_next(By::Itself, now);
    }

    /// The conversation goes on from its summary, or is what it was without one.
    fn summarised(&mut self, from: usize, then: Saying, reason: FinishReason, now: Instant) {
        let conversation = &mut self.chat.conversation;
        let ask = conversation.len().checked_sub(2).and_then(|place| conversation.at(place)).map(|m| m.id);
        let made = matches!(reason, FinishReason::Stop | FinishReason::Length)
            && conversation.head().is_some_and(|m| m.role == Role::Assistant && !m.content.trim().is_empty());
        match ask.filter(|_| made) {
            Some(ask) => {
                conversation.leave_out_summarised(ask, from);
                // Room was made for it.
                self.answer(Wish::Say(then), By::Itself, now);
            }
            None => self.no_summary(then, now),
        }
    }

    /// There is no summary: nothing is left out, and the message is the person's again.
    pub(super) fn no_summary(&mut self, then: Saying, now: Instant) {
        self.chat.conversation.take_back_question();
        self.leave_unasked(Wish::Say(then));
        let hint = "the conversation is as it was; your message is below";
        self.toast(ToastKind::Warning, "There is no summary", Some(hint.into()), now);
    }
}
