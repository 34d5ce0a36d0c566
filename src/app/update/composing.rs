//! Writing: the prompts before, what is offered on the way, files that go along, and Vim's keys.

use std::time::Instant;

use crate::app::chat::SUMMARISE;
use crate::app::completion::{InFolder, Offer, Path};
use crate::app::composer::{Attaching, prompt};
use crate::app::msg::Effect;
use crate::app::prompt_search::PromptSearch;
use crate::app::text_area::TextArea;
use crate::app::vim::{Mode, Pressed};
use crate::app::{App, Dirty, Overlay, Pane, ToastKind};
use crate::config::keymap::KeyChord;
use crate::config::{EditingKeys, own_specs, short_name};
use crate::domain::AskId;
use crate::domain::action::Action;
use crate::domain::attach::{Found, block};
use crate::domain::store::StoreCmd;
use crate::error::UserError;

/// No token stands for more bytes than these in any text that is worth sending.
const LONGEST_TOKEN: u64 = 32;
/// Without a model it is not known how much there is room for.
const LARGEST_FILE: u64 = 16 << 20;

/// What a conversation can have of its own, to be given a value.
fn settings() -> impl Iterator<Item = (String, String)> {
    own_specs().map(|spec| (format!("{}=", short_name(spec)), spec.title.to_owned()))
}

impl App {
    pub(super) fn act_in_composer(&mut self, action: Action) -> bool {
        let composer = &mut self.chat.composer;
        if action == Action::Complete {
            return composer.take_offer();
        }
        // Nothing to go right in: the key can do something else.
        if action == Action::Right && composer.area.is_empty() {
            return false;
        }
        if composer.edit(|area| area.act(action)) {
            return true;
        }
        match action {
            Action::Up if composer.area.is_empty() && !self.chat.queue.is_empty() => self.take_back(),
            Action::Up => self.recall_older(),
            Action::Down => self.recall_newer(),
            _ => false,
        }
    }

    pub(super) fn unfold_text(&mut self, now: Instant) {
        if !self.chat.composer.edit(TextArea::unfold) {
            let hint = "put the cursor next to it".to_owned();
            self.toast(ToastKind::Note, "There is nothing folded here", Some(hint), now);
        }
    }

    // Prompts.

    /// Has the store tell of other conversations' prompts, if they are wanted and not known yet.
    fn ask_for_prompts(&mut self) {
        if !self.settings.chat.prompt_history || self.saved.off {
            return;
        }
        let Self { chat, saved, .. } = self;
        if let Some(ask) = chat.composer.prompts.ask(|| saved.next_ask()) {
            self.emit(Effect::Store(StoreCmd::Prompts { ask }));
        }
    }

    fn recall_older(&mut self) -> bool {
        self.ask_for_prompts();
        let composer = &mut self.chat.composer;
        let area = &composer.area;
        match composer.prompts.older(|| area.written()) {
            Some(written) => {
                composer.show(&written);
                true
            }
            None => composer.prompts.is_awaited(),
        }
    }

    fn recall_newer(&mut self) -> bool {
        let composer = &mut self.chat.composer;
        let newer = composer.prompts.newer();
        if let Some(written) = &newer {
            composer.show(written);
        }
        newer.is_some()
    }

    pub(super) fn on_prompts(&mut self, ask: AskId, prompts: &[String]) {
        // A summary is asked for by us.
        let asked = prompts.iter().filter(|text| *text != SUMMARISE).map(|text| prompt(text));
        if self.chat.composer.prompts.told(ask, asked) {
            self.recall_older();
            self.touch(Dirty::Now);
        }
        if let Some(Overlay::Prompts(search)) = &mut self.overlay {
            search.look_through(self.chat.composer.prompts.all());
        }
    }

    pub(super) fn search_prompts(&mut self, now: Instant) {
        self.ask_for_prompts();
        let prompts = &self.chat.composer.prompts;
        if prompts.all().next().is_none() && !prompts.is_asked() {
            return self.toast(ToastKind::Note, "Nothing was asked yet", None, now);
        }
        let search = PromptSearch::new(prompts.all());
        self.open(Overlay::Prompts(search));
    }

    pub(super) fn take_prompt(&mut self, search: &PromptSearch) {
        if let Some(prompt) = search.chosen() {
            self.chat.composer.show(&prompt.written);
            self.chat.composer.touched();
        }
    }

    // What is offered.

    /// Works out what to offer for the text as it is now, if it is another than before.
    pub(super) fn offer(&mut self) {
        let area = &self.chat.composer.area;
        let (version, cursor) = (area.version(), area.cursor());
        if !self.chat.composer.completion.is_stale(version, cursor) {
            return;
        }
        if self.commands_vim() {
            return self.chat.composer.completion.offer_nothing();
        }
        if let Some(word) = self.chat.composer.command() {
            let word = word.to_owned();
            return self.chat.composer.completion.offer_commands(&word);
        }
        let called = self.chat.composer.call().map(|(action, argument)| (action, argument.to_owned()));
        if called.as_ref().is_none_or(|(action, _)| *action != Action::Conversations) {
            self.forget_titles();
        }
        if let Some((action, argument)) = called {
            return self.offer_arguments(action, &argument);
        }
        let area = &self.chat.composer.area;
        match Path::before_cursor(area.text(), area.cursor()) {
            Some(path) => self.offer_paths(path),
            None => self.chat.composer.completion.offer_nothing(),
        }
    }

    fn offer_paths(&mut self, path: Path) {
        let Self { chat, saved, .. } = self;
        if let Some((ask, folder)) = chat.composer.completion.offer_paths(path, || saved.next_ask()) {
            self.emit(Effect::ListFolder { ask, folder });
        }
    }

    /// What may follow a command.
    fn offer_arguments(&mut self, action: Action, argument: &str) {
        let values: Vec<(String, String)> = match action {
            Action::AnswerInSchema | Action::SaveCode => {
                let path = Path::behind(action, self.chat.composer.area.text());
                return self.offer_paths(path);
            }
            Action::Theme => self.theme_names().unwrap_or_default(),
            Action::ChoosePersona => {
                self.personas.iter().map(|persona| (persona.name.clone(), persona.about())).collect()
            }
            Action::SetHere => settings().collect(),
            Action::Conversations => self.titles(),
            Action::Load | Action::Compare | Action::Retry => {
                let here = self.models.models().iter().filter(|model| model.facts.is_ok());
                let here = here.map(|model| (model.reference.clone(), model.name.clone()));
                // What can also be got first; the others answer with what is here.
                let known = self.catalog.all().entries.iter().filter(|_| action == Action::Load);
                let known = known.map(|entry| (entry.name.clone(), entry.about.clone()));
                // A model is named without `model=`.
                let settings = settings().filter(|(name, _)| action == Action::Retry && name != "model=");
                here.chain(known).chain(settings).collect()
            }
            _ => Vec::new(),
        };
        self.chat.composer.completion.offer_values(action, argument, values.into_iter());
    }

    pub(super) fn on_folder(&mut self, ask: AskId, entries: Vec<InFolder>) {
        self.chat.composer.completion.listed(ask, entries);
        self.touch(Dirty::Now);
    }

    /// Enter, where it means what is offered. True where that is all it does: a whole value goes on to its command.
    pub(super) fn take_offer_on_enter(&mut self) -> bool {
        let composer = &mut self.chat.composer;
        if !composer.completion.enter_takes() {
            return false;
        }
        let goes_on = match composer.completion.chosen() {
            Some(Offer::Path(_)) => true,
            Some(Offer::Value { value, .. }) => value.ends_with('='),
            _ => false,
        };
        composer.take_offer() && goes_on
    }

    /// Esc: nothing is offered any more, nothing is waited for. False where neither is so.
    pub(super) fn leave_offers(&mut self) -> bool {
        let composer = &mut self.chat.composer;
        let is_open = self.pane == Pane::Chat && composer.completion.close();
        is_open || composer.attaching.take().is_some()
    }

    // Files that go along.

    /// Has the files read that the message names. True where it has to wait for them.
    pub(super) fn attach(&mut self) -> bool {
        let composer = &self.chat.composer;
        if composer.attaching.is_some() {
            return true;
        }
        let files = composer.mentions();
        if files.is_empty() {
            return false;
        }
        let most = self.model().map_or(LARGEST_FILE, |model| u64::from(model.context) * LONGEST_TOKEN);
        let ask = self.saved.next_ask();
        let composer = &mut self.chat.composer;
        composer.attaching = Some(Attaching { ask, version: composer.area.version() });
        self.emit(Effect::ReadFiles { ask, files, most });
        true
    }

    pub(super) fn on_files(&mut self, ask: AskId, result: Result<Found, UserError>, now: Instant) {
        if !self.chat.composer.is_attaching(ask) {
            return;
        }
        self.touch(Dirty::Now);
        match result {
            Ok(Found { files, missing }) => {
                let blocks = files.iter().map(|file| block(std::path::Path::new(&file.path), &file.text)).collect();
                self.chat.composer.attach(blocks);
                self.send(now);
                self.chat.composer.forget_attached();
                if let Some(first) = missing.first() {
                    let more = match missing.len() - 1 {
                        0 => String::new(),
                        more => format!(", and {more} more"),
                    };
                    let hint = "if one was meant: stop, and write the message again".to_owned();
                    self.toast(ToastKind::Note, format!("There is no file `{first}`{more}"), Some(hint), now);
                }
            }
            Err(error) => {
                self.chat.composer.attaching = None;
                self.toast_error(&error, now);
            }
        }
    }

    // Vim's keys.

    /// Keys are commands and not text.
    #[must_use]
    pub fn commands_vim(&self) -> bool {
        self.vim_mode().is_some_and(|mode| mode != Mode::Insert)
    }

    /// `None` where the composer has other keys.
    #[must_use]
    pub fn vim_mode(&self) -> Option<Mode> {
        (self.settings.ui.editing == EditingKeys::Vim).then(|| self.chat.composer.vim.mode())
    }

    /// True where the key was meant for the text, and is done with.
    pub(super) fn press_in_vim(&mut self, chord: KeyChord, now: Instant) -> bool {
        let is_vims = self.settings.ui.editing == EditingKeys::Vim && self.pane == Pane::Chat && self.overlay.is_none();
        if !is_vims || self.is_finding() || self.is_reading() {
            return false;
        }
        match self.chat.composer.press_in_vim(chord) {
            Pressed::Done => true,
            Pressed::Pass => false,
            Pressed::Act(action) => {
                self.act(action, now);
                true
            }
            Pressed::Find { back } => {
                if back {
                    self.open_find_back(now);
                } else {
                    self.open_find(now);
                }
                true
            }
        }
    }
}
