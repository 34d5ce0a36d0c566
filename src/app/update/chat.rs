//! Sending, queueing, stopping and trying again.

use std::time::Instant;

use crate::app::chat::{By, Phase, Saying, Wish};
use crate::app::completion::Offer;
use crate::app::msg::Effect;
use crate::app::picker::Target;
use crate::app::update::ThemesFor;
use crate::app::{App, EngineStatus, ThenLoad, ToastKind, Tour};
use crate::config::Value;
use crate::domain::action::Action;
use crate::domain::conversation::Message;
use crate::domain::{EngineCmd, Role};

/// Why something has to wait.
pub(super) const BUSY: &str = "An answer is being made; Esc stops it";

impl App {
    pub(super) fn act_in_chat(&mut self, action: Action, now: Instant) -> bool {
        match action {
            Action::Send => self.submit(now),
            Action::Stop => {
                if self.leave_offers() {
                } else if self.chat.is_busy() {
                    self.stop();
                } else if self.chat.editing.is_some() {
                    self.leave_editing();
                } else if matches!(self.engine, EngineStatus::Loading { .. }) {
                    self.cancel_load(now);
                } else if self.toasts.is_empty() {
                    return false;
                } else {
                    self.toasts.clear();
                }
            }
            Action::TakeBack => return self.take_back(),
            Action::Retry => self.retry(now),
            Action::RetryWith => self.choose_retry(now),
            Action::Compare => self.choose_compare(now),
            Action::Fork => self.fork(now),
            Action::Branches => self.show_branches(now),
            Action::ChoosePersona => self.choose_persona(now),
            Action::SetHere => self.show_setup(),
            Action::SavePersona => {
                let hint = "`/save-persona NAME` does it".to_owned();
                self.toast(ToastKind::Note, "Under which name?", Some(hint), now);
            }
            Action::GoOn => self.go_on(now),
            Action::SendAll => {
                let said = if self.chat.conversation.take_in_all() {
                    "The whole conversation is sent again"
                } else {
                    "Nothing of the conversation is left out"
                };
                self.toast(ToastKind::Note, said, None, now);
            }
            Action::NewConversation => self.begin_another(now),
            Action::OpenEditor => {
                let text = self.chat.composer.area.full().into_owned();
                self.emit(Effect::OpenEditor(text));
            }
            Action::SearchPrompts => self.search_prompts(now),
            Action::UnfoldText => self.unfold_text(now),
            Action::ToggleReasoning => {
                if let Some(spec) = crate::config::spec("chat.show_reasoning") {
                    let shown = self.settings.chat.show_reasoning;
                    self.change(spec, Value::Bool(!shown));
                }
            }
            Action::ToggleThinking => self.toggle_thinking(now),
            Action::AnswerInSchema => self.choose_form(now),
            Action::EditMessage => self.edit_message(now),
            Action::PreviousVersion => self.show_version(false, now),
            Action::NextVersion => self.show_version(true, now),
            Action::CopyMessage => self.copy_message(now),
            Action::CopyCode => self.copy_code("", now),
            Action::CopyAll => self.copy_all(now),
            Action::SaveCode => {
                let hint = "`/save-code FILE` does it".to_owned();
                self.toast(ToastKind::Note, "Where to?", Some(hint), now);
            }
            Action::Read => {
                self.begin_reading(now);
            }
            Action::Find => self.open_find(now),
            Action::FoldAll => self.fold_all(now),
            Action::LineNumbers => self.toggle_line_numbers(),
            Action::Details => self.turn_details(now),
            action => return self.move_in_conversation(action),
        }
        true
    }

    /// Enter: a command, a message, or, with nothing written, the next step that the screen offers.
    pub(super) fn submit(&mut self, now: Instant) {
        if self.take_offer_on_enter() {
            return;
        }
        if let Some((action, argument)) = self.chat.composer.call() {
            let argument = argument.to_owned();
            return self.call(action, &argument, now);
        }
        if let Some(word) = self.chat.composer.command() {
            let chosen = match self.chat.composer.completion.chosen() {
                Some(Offer::Command(action)) => Some(*action),
                // The offers were closed, and the name is written out.
                _ => Action::from_name(word).filter(|action| action.in_palette()),
            };
            if let Some(action) = chosen {
                self.chat.composer.take_out();
                self.go(Target::Action(action), now);
            } else {
                let word = self.chat.composer.area.text();
                let text = format!("There is no command {word}");
                let hint = "Ctrl-P finds everything that can be done; to send it as it is, put a space before it";
                self.toast(ToastKind::Warning, text, Some(hint.to_owned()), now);
            }
            return;
        }
        if !self.attach() {
            self.send(now);
        }
    }

    /// What is written goes out, or waits for its turn.
    pub(super) fn send(&mut self, now: Instant) {
        match &self.engine {
            EngineStatus::Empty if self.chat.composer.area.text().trim().is_empty() => self.offered_step(now),
            // It goes to the conversation that is on its way, and to that one's model.
            _ if self.saved.is_beginning() => self.enqueue(),
            // Nothing can be got for it: it stays where it was written.
            EngineStatus::Empty if self.is_offline() && self.gets_starter_next() => self.get_starter(now),
            EngineStatus::Empty => {
                self.enqueue();
                self.offered_step(now);
            }
            EngineStatus::Failed { .. } => {
                self.enqueue();
                self.load_again(now);
            }
            EngineStatus::Loading { .. } => self.enqueue(),
            EngineStatus::Ready(_) | EngineStatus::Asleep(_) => {
                self.enqueue();
                self.answer_next(By::Key, now);
            }
        }
    }

    /// Does a command to what stands behind it. The text stays where that is not to be had.
    fn call(&mut self, action: Action, argument: &str, now: Instant) {
        let done = match action {
            _ if argument.is_empty() => {
                self.act(action, now);
                true
            }
            Action::AnswerInSchema => {
                self.schema_from(argument);
                true
            }
            Action::CopyCode => {
                self.copy_code(argument, now);
                true
            }
            Action::SaveCode => self.save_code(argument, now),
            Action::Find => {
                self.find_words(argument, now);
                true
            }
            Action::Conversations => {
                self.open_called(argument, now);
                true
            }
            Action::Rename => self.rename_to(argument, now),
            Action::Theme => {
                self.ask_for_themes(ThemesFor::Name(argument.to_owned()));
                false
            }
            Action::ChoosePersona => self.use_persona(argument, now),
            Action::SavePersona => self.save_persona(argument, now),
            Action::SetHere => self.set_here(argument, now),
            Action::Retry => self.retry_with(argument, now),
            Action::Compare => self.compare(argument, now),
            Action::Load => {
                self.get_and_load(argument, now);
                true
            }
            _ => false,
        };
        if done {
            self.chat.composer.take_out();
        }
    }

    /// Enter while there is no model: what the empty screen says it does. A message that waits is answered by what comes.
    pub(super) fn offered_step(&mut self, now: Instant) {
        if let Some(id) = self.models.running().map(|download| download.id) {
            if !self.chat.queue.is_empty()
                && let Some(download) = self.models.downloads.get_mut(id)
            {
                download.then_load = download.then_load.max(ThenLoad::IfItFits);
            }
        } else if let Some(model) = self.model_to_load().cloned() {
            self.load_if_it_fits(&model, now);
        } else if self.gets_starter_next() {
            self.get_starter(now);
        }
    }

    /// There is nothing here that could answer, and nothing on its way.
    fn gets_starter_next(&self) -> bool {
        self.models.nothing_usable() && self.models.running().is_none()
    }

    /// Who sends something wants what waits to go on, too.
    pub(super) fn enqueue(&mut self) {
        self.chat.held = false;
        if let Some(text) = self.chat.composer.take() {
            self.tour = Tour::Over;
            self.chat.once = None;
            // What waited for more room gives way to what is wanted now.
            self.chat.pending = None;
            self.chat.learn_length();
            let instead_of = self.end_editing();
            self.chat.queue.push_back(Saying { text, instead_of });
        }
    }

    pub(super) fn retry(&mut self, now: Instant) {
        if let Some(why) = self.cannot_answer() {
            self.toast(ToastKind::Note, why.0, why.1, now);
        } else if self.chat.conversation.head().is_some_and(|m| m.role != Role::System) {
            // A question whose answer was deleted is answered again, too.
            self.ask(Wish::Again, By::Key, now);
        } else {
            self.toast(ToastKind::Note, "There is no answer to make again", None, now);
        }
    }

    /// The newest answer goes on from where it stopped.
    fn go_on(&mut self, now: Instant) {
        let head = self.chat.conversation.head();
        if let Some(why) = self.cannot_answer() {
            self.toast(ToastKind::Note, why.0, why.1, now);
        } else if head.is_some_and(Message::can_go_on) {
            self.ask(Wish::GoOn, By::Key, now);
        } else {
            self.toast(ToastKind::Note, "There is no answer that was cut off", None, now);
        }
    }

    fn cannot_answer(&self) -> Option<(&'static str, Option<String>)> {
        if self.chat.is_busy() {
            Some((BUSY, None))
        } else if self.model().is_none() {
            Some(("There is no model to answer", Some("F3 shows what can be loaded".into())))
        } else {
            None
        }
    }

    pub(super) fn stop(&mut self) {
        if let Some(running) = &mut self.chat.running
            && running.phase != Phase::Stopping
        {
            running.phase = Phase::Stopping;
            let id = running.id;
            self.emit(Effect::Engine(EngineCmd::Cancel(id)));
        }
    }

    /// The newest waiting message goes back into the composer, above what is written there.
    pub(super) fn take_back(&mut self) -> bool {
        let Some(saying) = self.chat.queue.pop_back() else { return false };
        self.give_back(&saying);
        true
    }
}
