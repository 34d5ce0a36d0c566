//! Actions that hold everywhere, and who else gets one.

use std::time::Instant;

use crate::app::list;
use crate::app::msg::Effect;
use crate::app::{App, Confirm, Confirmed, Overlay, Pane};
use crate::domain::action::{Action, Context};

impl App {
    /// Does an action. False where it has no use here, so that an outer context can have the key.
    pub(super) fn act(&mut self, action: Action, now: Instant) -> bool {
        if self.overlay.is_some() {
            return self.act_in_overlay(action, now);
        }
        if self.is_finding() && self.act_in_find(action) {
            return true;
        }
        match action.context() {
            Context::Global => self.act_globally(action, now),
            Context::Reading => return self.act_in_reading(action, now),
            Context::Chat => return self.act_in_chat(action, now),
            Context::Models => return self.act_in_models(action, now),
            Context::Settings => self.act_in_settings(action, now),
            Context::Edit => {
                return match self.pane {
                    Pane::Chat => self.act_in_composer(action),
                    Pane::Models => self.act_in_search(action),
                    Pane::Settings => false,
                };
            }
            Context::List => return self.move_in_list(action),
            Context::Conversations => return self.act_on_conversation(action, now),
            Context::Finding | Context::Dialog => return false,
        }
        true
    }

    pub(super) fn move_in_list(&mut self, action: Action) -> bool {
        match &mut self.overlay {
            Some(Overlay::Palette(picker)) => picker.act(action),
            Some(Overlay::Themes { picker, .. }) => {
                let moved = picker.act(action);
                self.preview_theme();
                moved
            }
            Some(Overlay::Conversations(list)) => list.act(action),
            Some(Overlay::Prompts(search)) => search.act(action),
            Some(Overlay::Room(room)) => {
                crate::app::picker::move_selection(&mut room.selected, room.choices.len(), action)
            }
            Some(_) => false,
            None => match self.pane {
                Pane::Models => self.move_in_models(action),
                Pane::Settings => self.settings_pane.act(action),
                Pane::Chat => self.chat.composer.completion.act(action),
            },
        }
    }

    /// Chooses an item that was clicked in the list that `move_in_list` moves in. True where it was chosen already.
    pub(super) fn choose_in_list(&mut self, item: usize) -> bool {
        match &mut self.overlay {
            Some(Overlay::Palette(picker)) => picker.choose(item),
            Some(Overlay::Themes { picker, .. }) => {
                let was_chosen = picker.choose(item);
                self.preview_theme();
                was_chosen
            }
            // A title that is being typed is of the row that was chosen for it.
            Some(Overlay::Conversations(list)) => list.renaming.is_none() && list.choose(item),
            Some(Overlay::Prompts(search)) => search.choose(item),
            Some(Overlay::Room(room)) => list::choose(&mut room.selected, item),
            Some(_) => false,
            None => match self.pane {
                Pane::Models => self.models.choose(item),
                Pane::Settings => list::choose(&mut self.settings_pane.selected, item),
                Pane::Chat => self.chat.composer.completion.choose(item),
            },
        }
    }

    pub(super) fn act_globally(&mut self, action: Action, now: Instant) {
        match action {
            Action::ShowChat => self.pane = Pane::Chat,
            Action::ShowModels => self.show_models(),
            Action::ShowSettings => self.pane = Pane::Settings,
            Action::NextPane => self.turn_pane(1),
            Action::PreviousPane => self.turn_pane(Pane::ALL.len() - 1),
            Action::Palette => self.open_palette(),
            Action::Conversations => self.open_list(now),
            Action::Help => self.open(Overlay::Help { scroll: 0 }),
            Action::Reload => self.reload(now),
            Action::KeepCopy => self.keep_copy(now),
            Action::Theme => self.open_themes(),
            Action::Interrupt => self.interrupt(),
            Action::Suspend => self.emit(Effect::Suspend),
            Action::Redraw => self.emit(Effect::Redraw),
            Action::Quit => self.quit(),
            _ => {}
        }
    }

    pub(super) fn turn_pane(&mut self, by: usize) {
        let at = Pane::ALL.iter().position(|p| *p == self.pane).unwrap_or(0);
        match Pane::ALL[(at + by) % Pane::ALL.len()] {
            Pane::Models => self.show_models(),
            pane => self.pane = pane,
        }
    }

    /// Ctrl-C: stops an answer, else clears the composer, else asks to quit.
    pub(super) fn interrupt(&mut self) {
        if self.chat.is_busy() {
            self.stop();
        } else if self.pane == Pane::Chat && !self.chat.composer.area.is_empty() {
            self.chat.composer.clear();
        } else {
            self.ask_to_quit("Quit hobnob?");
        }
    }

    pub(super) fn quit(&mut self) {
        if self.chat.is_busy() {
            self.ask_to_quit("An answer is being made. Quit all the same?");
        } else if self.models.running().is_some() {
            self.ask_to_quit("A download is under way; it goes on from there next time. Quit?");
        } else {
            self.really_quit();
        }
    }

    pub(super) fn ask_to_quit(&mut self, title: &str) {
        self.open(Overlay::Confirm(Confirm {
            title: title.to_owned(),
            body: self.lost_at_the_end().to_owned(),
            yes: "quit",
            then: Confirmed::Quit,
        }));
    }

    /// Asks before what somebody wants ends an answer. False where it ends none.
    pub(super) fn ask_to_end_answer(&mut self, title: impl Into<String>, yes: &'static str, then: Confirmed) -> bool {
        let ends_one = self.chat.is_answering();
        if ends_one {
            let mut body = "An answer is being made. What has come of it stays.".to_owned();
            if then == Confirmed::Begin && !self.chat.queue.is_empty() {
                body.push_str(" What waits behind it comes along.");
            }
            self.open(Overlay::Confirm(Confirm { title: title.into(), body, yes, then }));
        }
        ends_one
    }

    pub(super) fn really_quit(&mut self) {
        self.write_settings();
        self.emit(Effect::Quit);
    }
}
