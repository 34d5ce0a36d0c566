//! What each message does.

use std::time::{Duration, Instant};

use crate::app::chat::Phase;
use crate::app::models::Download;
use crate::app::msg::{Effect, Msg, TermEvent, TimerId};
use crate::app::picker::{Picker, Row, Target};
use crate::app::settings::ValueEditor;
use crate::app::{App, CLOCK, Confirm, Confirmed, Dirty, EngineStatus, Overlay, Pane, SETTLE, ToastKind, bytes};
use crate::config::keymap::{Key, KeyChord};
use crate::config::theme::{self, Themes};
use crate::config::{Applies, Kind, Origin, SPECS, Spec, Value};
use crate::domain::action::{Action, Context};
use crate::domain::fit::{self, Verdict};
use crate::domain::model::{LocalModel, ModelRef, ModelSpec};
use crate::domain::{DownloadState, EngineCmd, EngineEvent, HubCmd, HubEvent};
use crate::error::UserError;

/// Lines that one turn of the wheel moves.
const WHEEL: i32 = 3;

impl App {
    /// What is wanted right after the first frame.
    fn begin(&mut self, now: Instant) {
        for problem in std::mem::take(&mut self.problems) {
            self.toast_error(&problem, now);
        }
        self.emit(Effect::Hub(HubCmd::ScanLocal));
        if let Some(model) = self.settings.model.clone() {
            self.resolve_and_load(&model, now);
        }
    }

    /// One message in, the effects that it wants out.
    pub fn update(&mut self, msg: Msg, now: Instant) -> Vec<Effect> {
        match msg {
            Msg::Begin => self.begin(now),
            Msg::Term(event) => self.on_term(event, now),
            Msg::Engine(event) => self.on_engine(event, now),
            Msg::Hub(event) => self.on_hub(event, now),
            Msg::Timer(id) => self.on_timer(id, now),
            Msg::Machine(machine) => {
                self.machine = Some(machine);
                self.touch(Dirty::Soon);
            }
            Msg::Edited(Ok(text)) => {
                let text = text.trim_end_matches('\n');
                match &mut self.overlay {
                    Some(Overlay::Value(editor)) => editor.area.set(text),
                    _ => self.chat.composer.area.set(text),
                }
                self.touch(Dirty::Now);
            }
            Msg::Edited(Err(error)) | Msg::Failed(error) => self.toast_error(&error, now),
        }
        self.start_clock();
        std::mem::take(&mut self.effects)
    }

    // ---- keys ------------------------------------------------------------------------------------------------------

    fn on_term(&mut self, event: TermEvent, now: Instant) {
        match event {
            TermEvent::Key(chord) => {
                self.on_key(chord, now);
                self.touch(Dirty::Now);
            }
            TermEvent::Paste(text) => {
                self.on_text(&text);
                self.touch(Dirty::Now);
            }
            TermEvent::Resize(..) => self.touch(Dirty::Soon),
            // Nothing that is drawn depends on the focus.
            TermEvent::Focus(_) => {}
            TermEvent::Scroll(turns) => {
                self.on_wheel(i32::from(turns));
                self.touch(Dirty::Soon);
            }
            TermEvent::Click { column, row } => {
                if row == 0
                    && self.overlay.is_none()
                    && let Some((pane, _)) = self.tabs.iter().find(|(_, columns)| columns.contains(&column))
                {
                    self.pane = *pane;
                    self.touch(Dirty::Now);
                }
            }
        }
    }

    fn on_wheel(&mut self, turns: i32) {
        if let Some(Overlay::Help { scroll }) = &mut self.overlay {
            *scroll = scroll.saturating_add_signed(i16::try_from(turns * WHEEL).unwrap_or(0));
        } else if self.overlay.is_none() && self.pane == Pane::Chat {
            self.chat.transcript.scroll_lines(turns * WHEEL);
        } else {
            let action = if turns < 0 { Action::Previous } else { Action::Next };
            self.move_in_list(action);
        }
    }

    /// The innermost context that has a use for the key gets it.
    fn on_key(&mut self, chord: KeyChord, now: Instant) {
        if let Key::Char(c) = chord.key
            && !chord.ctrl
            && !chord.alt
            && self.edits_text()
        {
            self.on_text(c.encode_utf8(&mut [0; 4]));
            return;
        }
        for context in self.contexts() {
            if let Some(action) = self.keymap.resolve(&[context], chord)
                && self.act(action, now)
            {
                return;
            }
        }
    }

    fn contexts(&self) -> Vec<Context> {
        let suggesting = self.suggesting();
        match &self.overlay {
            Some(Overlay::Palette(_) | Overlay::Themes { .. }) => {
                vec![Context::List, Context::Edit, Context::Dialog, Context::Global]
            }
            Some(Overlay::Value(_)) => vec![Context::Dialog, Context::Edit, Context::Chat, Context::Global],
            Some(Overlay::Help { .. }) => vec![Context::Dialog, Context::List, Context::Chat, Context::Global],
            Some(Overlay::Confirm(_)) => vec![Context::Dialog, Context::Global],
            None if suggesting => vec![Context::List, Context::Edit, Context::Chat, Context::Global],
            None => match self.pane {
                Pane::Chat => vec![Context::Edit, Context::Chat, Context::Global],
                pane => vec![pane.context(), Context::List, Context::Global],
            },
        }
    }

    /// A text field has the keys.
    fn edits_text(&self) -> bool {
        match &self.overlay {
            Some(Overlay::Palette(_) | Overlay::Themes { .. } | Overlay::Value(_)) => true,
            Some(_) => false,
            None => self.pane == Pane::Chat,
        }
    }

    fn on_text(&mut self, text: &str) {
        match &mut self.overlay {
            Some(Overlay::Palette(picker)) => {
                picker.query.insert(text);
                picker.narrow();
            }
            Some(Overlay::Themes { picker, .. }) => {
                picker.query.insert(text);
                picker.narrow();
                self.preview_theme();
            }
            Some(Overlay::Value(editor)) => {
                editor.area.insert(text);
                editor.error = None;
            }
            Some(_) => {}
            None if self.pane == Pane::Chat => {
                self.chat.composer.area.insert(text);
                self.chat.composer.touched();
            }
            None => {}
        }
    }

    /// Slash commands are being offered.
    #[must_use]
    pub fn suggesting(&self) -> bool {
        self.overlay.is_none()
            && self.pane == Pane::Chat
            && self.chat.composer.command().is_some()
            && !self.chat.composer.suggestions(&self.keymap).is_empty()
    }

    // ---- actions ---------------------------------------------------------------------------------------------------

    /// Does an action. False where it has no use here, so that an outer context can have the key.
    fn act(&mut self, action: Action, now: Instant) -> bool {
        if self.overlay.is_some() {
            return self.act_in_overlay(action, now);
        }
        match action.context() {
            Context::Global => self.act_globally(action, now),
            Context::Chat => return self.act_in_chat(action, now),
            Context::Models => self.act_in_models(action, now),
            Context::Settings => self.act_in_settings(action, now),
            Context::Edit => return self.pane == Pane::Chat && self.act_in_composer(action),
            Context::List => return self.move_in_list(action),
            Context::Dialog => return false,
        }
        true
    }

    fn move_in_list(&mut self, action: Action) -> bool {
        match &mut self.overlay {
            Some(Overlay::Palette(picker)) => picker.act(action),
            Some(Overlay::Themes { picker, .. }) => {
                let moved = picker.act(action);
                self.preview_theme();
                moved
            }
            Some(_) => false,
            None => match self.pane {
                Pane::Models => self.models.act(action),
                Pane::Settings => self.settings_pane.act(action),
                Pane::Chat => {
                    let len = self.chat.composer.suggestions(&self.keymap).len();
                    crate::app::picker::move_selection(&mut self.chat.composer.suggestion, len, action)
                }
            },
        }
    }

    fn act_globally(&mut self, action: Action, now: Instant) {
        match action {
            Action::ShowChat => self.pane = Pane::Chat,
            Action::ShowModels => self.pane = Pane::Models,
            Action::ShowSettings => self.pane = Pane::Settings,
            Action::NextPane => self.turn_pane(1),
            Action::PreviousPane => self.turn_pane(Pane::ALL.len() - 1),
            Action::Palette => self.open_palette(),
            Action::Help => self.overlay = Some(Overlay::Help { scroll: 0 }),
            Action::Theme => self.open_themes(now),
            Action::Interrupt => self.interrupt(),
            Action::Suspend => self.emit(Effect::Suspend),
            Action::Redraw => self.emit(Effect::Redraw),
            Action::Quit => self.quit(),
            _ => {}
        }
    }

    fn turn_pane(&mut self, by: usize) {
        let at = Pane::ALL.iter().position(|p| *p == self.pane).unwrap_or(0);
        self.pane = Pane::ALL[(at + by) % Pane::ALL.len()];
    }

    /// Ctrl-C: stops an answer, else clears the composer, else asks to quit.
    fn interrupt(&mut self) {
        if self.chat.is_busy() {
            self.stop();
        } else if self.pane == Pane::Chat && !self.chat.composer.area.is_empty() {
            self.chat.composer.area.set("");
            self.chat.composer.touched();
        } else {
            self.ask_to_quit("Quit hobnob?");
        }
    }

    fn quit(&mut self) {
        if self.chat.is_busy() {
            self.ask_to_quit("An answer is being made. Quit all the same?");
        } else if self.models.running().is_some() {
            self.ask_to_quit("A download is under way; it goes on from there next time. Quit?");
        } else {
            self.really_quit();
        }
    }

    fn ask_to_quit(&mut self, title: &str) {
        self.overlay = Some(Overlay::Confirm(Confirm {
            title: title.to_owned(),
            body: if self.chat.conversation.is_empty() {
                String::new()
            } else {
                "This conversation is not kept.".to_owned()
            },
            yes: "quit",
            then: Confirmed::Quit,
        }));
    }

    fn really_quit(&mut self) {
        self.write_settings();
        self.emit(Effect::Quit);
    }

    // ---- overlays --------------------------------------------------------------------------------------------------

    fn act_in_overlay(&mut self, action: Action, now: Instant) -> bool {
        match action {
            Action::Redraw | Action::Suspend => {
                self.act_globally(action, now);
                return true;
            }
            Action::Dismiss => {
                self.dismiss();
                return true;
            }
            Action::Accept => {
                self.accept(now);
                return true;
            }
            // A second Ctrl-C means it.
            Action::Interrupt | Action::Quit => {
                if let Some(Overlay::Confirm(Confirm { then: Confirmed::Quit, .. })) = self.overlay {
                    self.really_quit();
                } else {
                    self.dismiss();
                    if action == Action::Quit {
                        self.quit();
                    }
                }
                return true;
            }
            Action::Palette | Action::Help => {
                self.dismiss();
                self.act_globally(action, now);
                return true;
            }
            _ => {}
        }
        match &mut self.overlay {
            Some(Overlay::Palette(picker) | Overlay::Themes { picker, .. }) => {
                if action.context() == Context::List {
                    return self.move_in_list(action);
                }
                let done = picker.query.act(action);
                if done {
                    picker.narrow();
                    self.preview_theme();
                }
                done
            }
            Some(Overlay::Value(editor)) => {
                editor.error = None;
                if action == Action::OpenEditor {
                    let text = editor.area.text().to_owned();
                    self.emit(Effect::OpenEditor(text));
                    return true;
                }
                editor.area.act(action)
            }
            Some(Overlay::Help { scroll }) => {
                let by: i16 = match action {
                    Action::Previous | Action::ScrollUp => -1,
                    Action::Next | Action::ScrollDown => 1,
                    Action::PagePrevious | Action::PageUp => -10,
                    Action::PageNext | Action::PageDown => 10,
                    Action::First | Action::ScrollTop => i16::MIN,
                    Action::Last | Action::ScrollBottom => i16::MAX,
                    _ => return false,
                };
                *scroll = scroll.saturating_add_signed(by);
                true
            }
            Some(Overlay::Confirm(_)) | None => false,
        }
    }

    fn dismiss(&mut self) {
        if let Some(Overlay::Themes { before, .. }) = self.overlay.take() {
            self.show_theme(&before);
        }
    }

    fn accept(&mut self, now: Instant) {
        match self.overlay.take() {
            Some(Overlay::Palette(picker)) => {
                if let Some(row) = picker.chosen() {
                    self.go(row.target.clone(), now);
                }
            }
            Some(Overlay::Themes { picker, before }) => match picker.chosen().map(|r| r.target.clone()) {
                Some(Target::Theme(id)) => self.set_theme(id),
                _ => self.show_theme(&before),
            },
            Some(Overlay::Value(editor)) => self.take_value(editor),
            Some(Overlay::Confirm(confirm)) => match confirm.then {
                Confirmed::Quit => self.really_quit(),
                Confirmed::Load(reference) => {
                    if let Some(model) = self.models.by_reference(&reference).cloned() {
                        self.load(&model, now);
                    }
                }
            },
            Some(Overlay::Help { .. }) | None => {}
        }
    }

    fn go(&mut self, target: Target, now: Instant) {
        match target {
            Target::Action(action) => {
                // An action of a pane is done where it can be seen.
                match action.context() {
                    Context::Models if action != Action::Unload => self.pane = Pane::Models,
                    Context::Settings => self.pane = Pane::Settings,
                    Context::Chat => self.pane = Pane::Chat,
                    _ => {}
                }
                self.act(action, now);
            }
            Target::Model(reference) => {
                if let Some(model) = self.models.by_reference(&reference).cloned() {
                    self.load_if_it_fits(&model, now);
                }
            }
            Target::Theme(id) => self.set_theme(id),
            Target::Setting(key) => {
                self.pane = Pane::Settings;
                self.settings_pane.go_to(key);
            }
        }
    }

    fn open_palette(&mut self) {
        let key = |action| self.keymap.keys_for(action).first().map(|k| k.hint()).unwrap_or_default();
        let actions = Action::ALL.iter().filter(|a| a.in_palette()).map(|action| Row {
            kind: "",
            label: action.description().to_owned(),
            detail: key(*action),
            target: Target::Action(*action),
        });
        let models = self.models.models().iter().filter(|m| m.facts.is_ok()).map(|model| Row {
            kind: "load",
            label: model.reference.clone(),
            detail: bytes(model.bytes),
            target: Target::Model(model.reference.clone()),
        });
        let settings = SPECS.iter().map(|spec| Row {
            kind: "set",
            label: spec.title.to_owned(),
            detail: spec.show(&(spec.get)(&self.settings)),
            target: Target::Setting(spec.key),
        });
        let rows = actions.chain(models).chain(settings).collect();
        self.overlay = Some(Overlay::Palette(Picker::new("What would you like to do?", rows)));
    }

    // ---- themes ----------------------------------------------------------------------------------------------------

    /// All themes, the user's own too: read when somebody wants to choose.
    fn all_themes(&mut self, now: Instant) -> Themes {
        let themes = Themes::with_user_dir(&self.paths.themes_dir);
        for problem in themes.problems() {
            self.toast_error(problem, now);
        }
        themes
    }

    fn open_themes(&mut self, now: Instant) {
        let before = self.theme.id.clone();
        let themes = self.all_themes(now);
        let rows = themes
            .list()
            .into_iter()
            .map(|theme| Row {
                kind: "",
                label: theme.name.to_string(),
                detail: theme.id.to_string(),
                target: Target::Theme(theme.id.to_string()),
            })
            .collect();
        self.themes = Some(themes);
        let picker = Picker::new("Theme", rows).at(|row| row.detail == before);
        self.overlay = Some(Overlay::Themes { picker, before });
    }

    fn preview_theme(&mut self) {
        if let Some(Overlay::Themes { picker, .. }) = &self.overlay
            && let Some(Row { target: Target::Theme(id), .. }) = picker.chosen()
        {
            let id = id.clone();
            self.show_theme(&id);
        }
    }

    fn show_theme(&mut self, id: &str) {
        let found = match &self.themes {
            Some(themes) => themes.get(id),
            None => theme::load(&self.paths.themes_dir, id),
        };
        if let Ok(theme) = found {
            self.theme = theme.fit(self.capabilities);
        }
    }

    fn set_theme(&mut self, id: String) {
        self.show_theme(&id);
        if let Some(spec) = crate::config::spec("ui.theme") {
            self.change(spec, Value::Text(id));
        }
    }

    // ---- chat ------------------------------------------------------------------------------------------------------

    fn act_in_chat(&mut self, action: Action, now: Instant) -> bool {
        let transcript = &mut self.chat.transcript;
        match action {
            Action::Send => self.submit(now),
            Action::Stop => {
                if self.chat.is_busy() {
                    self.stop();
                } else if self.toasts.is_empty() {
                    return false;
                } else {
                    self.toasts.clear();
                }
            }
            Action::TakeBack => return self.take_back(),
            Action::Retry => self.retry(now),
            Action::NewConversation => {
                if self.chat.is_busy() {
                    self.stop();
                    self.chat.running = None;
                }
                self.chat.clear();
            }
            Action::OpenEditor => {
                let text = self.chat.composer.area.text().to_owned();
                self.emit(Effect::OpenEditor(text));
            }
            Action::ToggleReasoning => {
                if let Some(spec) = crate::config::spec("chat.show_reasoning") {
                    let shown = self.settings.chat.show_reasoning;
                    self.change(spec, Value::Bool(!shown));
                }
            }
            Action::ScrollUp => transcript.scroll_lines(-1),
            Action::ScrollDown => transcript.scroll_lines(1),
            Action::PageUp => transcript.scroll_pages(-1),
            Action::PageDown => transcript.scroll_pages(1),
            Action::PreviousMessage => transcript.to_previous_message(),
            Action::NextMessage => transcript.to_next_message(),
            Action::ScrollTop => transcript.to_top(),
            Action::ScrollBottom => transcript.to_bottom(),
            _ => return false,
        }
        true
    }

    fn act_in_composer(&mut self, action: Action) -> bool {
        let suggestions = self.chat.composer.suggestions(&self.keymap);
        let composer = &mut self.chat.composer;
        if action == Action::Complete {
            let Some(chosen) = suggestions.get(composer.suggestion) else { return false };
            composer.area.set(&format!("/{}", chosen.action.name()));
            return true;
        }
        if composer.area.act(action) {
            if !matches!(action, Action::Left | Action::Right | Action::Up | Action::Down) {
                composer.touched();
            }
            return true;
        }
        match action {
            Action::Up if composer.area.is_empty() && !self.chat.queue.is_empty() => self.take_back(),
            Action::Up => composer.recall_older(),
            Action::Down => composer.recall_newer(),
            _ => false,
        }
    }

    /// Enter: a command, a message, or, with nothing written, the next step that the screen offers.
    fn submit(&mut self, now: Instant) {
        if self.chat.composer.command().is_some() {
            let chosen = self.chat.composer.suggestion;
            match self.chat.composer.suggestions(&self.keymap).get(chosen) {
                Some(suggestion) => {
                    let action = suggestion.action;
                    self.chat.composer.area.take();
                    self.chat.composer.touched();
                    self.go(Target::Action(action), now);
                }
                None => {
                    let word = self.chat.composer.area.text().to_owned();
                    self.toast(
                        ToastKind::Warning,
                        format!("There is no command {word}"),
                        Some(
                            "Ctrl-P finds everything that can be done; to send it as it is, put a space before it"
                                .to_owned(),
                        ),
                        now,
                    );
                }
            }
            return;
        }
        match &self.engine {
            EngineStatus::Empty if self.chat.composer.area.text().trim().is_empty() => self.offered_step(now),
            EngineStatus::Empty => {
                if let Some(model) = self.models.first_usable().cloned() {
                    self.enqueue();
                    self.load_if_it_fits(&model, now);
                } else if self.models.running().is_some() {
                    self.enqueue();
                } else {
                    let hint = "clear the line (Ctrl-C), then Enter gets the starter model; F3 shows other ways";
                    self.toast(ToastKind::Warning, "There is no model to answer yet", Some(hint.to_owned()), now);
                }
            }
            EngineStatus::Failed { .. } if self.chat.composer.area.text().trim().is_empty() => self.pane = Pane::Models,
            EngineStatus::Failed { error, .. } => {
                let (message, hint) = (error.message.clone(), error.hint.clone());
                self.toast(ToastKind::Error, message, hint, now);
            }
            EngineStatus::Loading { .. } => self.enqueue(),
            EngineStatus::Ready(_) | EngineStatus::Asleep(_) => {
                self.enqueue();
                self.chat.held = false;
                self.answer_next(now);
            }
        }
    }

    /// Enter on an empty composer while there is no model: what the empty screen says it does.
    fn offered_step(&mut self, now: Instant) {
        if self.models.running().is_some() {
            return;
        }
        if let Some(model) = self.models.first_usable().cloned() {
            self.load_if_it_fits(&model, now);
        } else if self.models.nothing_usable() {
            self.get_starter(now);
        }
    }

    fn enqueue(&mut self) {
        if let Some(text) = self.chat.composer.take() {
            self.chat.queue.push_back(text);
        }
    }

    /// Answers the oldest waiting message, if nothing else is being answered and there is a model.
    fn answer_next(&mut self, now: Instant) {
        if self.chat.is_busy() || self.chat.held || self.model().is_none() {
            return;
        }
        if let Some(text) = self.chat.queue.pop_front() {
            self.answer(Some(text), now);
        }
    }

    fn answer(&mut self, text: Option<String>, now: Instant) {
        let Some(name) = self.model().map(|m| m.name.clone()) else { return };
        self.generation = self.generation.next();
        let id = self.generation;
        let req = self.chat.begin(id, text, &name, &self.settings, now);
        self.emit(Effect::Engine(EngineCmd::Generate { id, req }));
        self.touch(Dirty::Now);
    }

    fn retry(&mut self, now: Instant) {
        if self.chat.is_busy() {
            self.toast(ToastKind::Note, "An answer is being made; Esc stops it", None, now);
        } else if self.model().is_none() {
            self.toast(ToastKind::Note, "There is no model to answer", Some("F3 shows what can be loaded".into()), now);
        } else if self.chat.conversation.step_back_from_answer() {
            self.answer(None, now);
        } else {
            self.toast(ToastKind::Note, "There is no answer to make again", None, now);
        }
    }

    fn stop(&mut self) {
        if let Some(running) = &mut self.chat.running
            && running.phase != Phase::Stopping
        {
            running.phase = Phase::Stopping;
            let id = running.id;
            self.emit(Effect::Engine(EngineCmd::Cancel(id)));
        }
    }

    /// The newest waiting message goes back into the composer, above what is written there.
    fn take_back(&mut self) -> bool {
        let Some(text) = self.chat.queue.pop_back() else { return false };
        let area = &mut self.chat.composer.area;
        let text = if area.is_empty() { text } else { format!("{text}\n{}", area.text()) };
        area.set(&text);
        self.chat.composer.touched();
        true
    }

    // ---- models ----------------------------------------------------------------------------------------------------

    fn act_in_models(&mut self, action: Action, now: Instant) {
        match action {
            Action::Load => match self.models.chosen().cloned() {
                Some(model) => self.load_if_it_fits(&model, now),
                None if self.models.nothing_usable() => self.get_starter(now),
                None => {}
            },
            Action::Unload => {
                if matches!(self.engine, EngineStatus::Empty) {
                    self.toast(ToastKind::Note, "No model is loaded", None, now);
                } else {
                    if self.chat.is_busy() {
                        self.stop();
                    }
                    self.emit(Effect::Engine(EngineCmd::Unload));
                }
            }
            Action::Refresh => self.emit(Effect::Hub(HubCmd::ScanLocal)),
            Action::CancelJob => self.cancel_job(now),
            Action::GetStarter => self.get_starter(now),
            _ => {}
        }
    }

    fn cancel_job(&mut self, now: Instant) {
        if let Some(id) = self.models.running().map(|d| d.id) {
            self.emit(Effect::Hub(HubCmd::CancelDownload(id)));
        } else if matches!(self.engine, EngineStatus::Loading { .. }) {
            self.emit(Effect::Engine(EngineCmd::Unload));
        } else {
            self.toast(ToastKind::Note, "Nothing is under way", None, now);
        }
    }

    fn get_starter(&mut self, now: Instant) {
        if self.models.running().is_some() {
            self.toast(ToastKind::Note, "A download is under way already", None, now);
            return;
        }
        if let Some(model) = self.models.by_reference("starter").filter(|m| m.facts.is_ok()).cloned() {
            self.load(&model, now);
            return;
        }
        self.job = self.job.next();
        let id = self.job;
        self.models.download = Some(Download {
            id,
            name: "starter".to_owned(),
            state: DownloadState::Resolving,
            since: now,
            then_load: true,
        });
        self.emit(Effect::Hub(HubCmd::Download { id, model: ModelRef::Starter }));
    }

    /// Finds the model that a name from the outside means, then loads it.
    fn resolve_and_load(&mut self, name: &str, now: Instant) {
        match ModelRef::parse(name) {
            Ok(model) => {
                self.load = self.load.next();
                let id = self.load;
                self.engine = EngineStatus::Loading {
                    id,
                    name: name.to_owned(),
                    stage: crate::domain::LoadStage::Checking,
                    since: now,
                };
                self.emit(Effect::Hub(HubCmd::Resolve { id, model }));
            }
            Err(error) => self.engine = EngineStatus::Failed { name: name.to_owned(), error },
        }
    }

    /// Warns, and lets the user go on.
    fn load_if_it_fits(&mut self, model: &LocalModel, now: Instant) {
        let context = self.settings.engine.context;
        let too_large = match (&model.facts, self.machine) {
            (Ok(facts), Some(machine)) => {
                let fit = fit::judge(facts, context.min(facts.context), machine);
                (fit.verdict == Verdict::TooLarge).then_some((fit, machine))
            }
            _ => None,
        };
        match too_large {
            None => self.load(model, now),
            Some((fit, machine)) => {
                let advice = if fit.largest_context >= 512 {
                    format!(" A context of {} would fit: change it in Settings.", fit.largest_context)
                } else {
                    String::new()
                };
                self.overlay = Some(Overlay::Confirm(Confirm {
                    title: format!("{} is likely too large", model.name),
                    body: format!(
                        "It needs about {}, and there is room for {}. The machine may get very slow.{advice}",
                        bytes(fit.needed),
                        bytes(machine.budget)
                    ),
                    yes: "load it all the same",
                    then: Confirmed::Load(model.reference.clone()),
                }));
            }
        }
    }

    fn load(&mut self, model: &LocalModel, now: Instant) {
        if let Err(error) = &model.facts {
            let error = error.clone();
            self.toast_error(&error, now);
            return;
        }
        if self.chat.is_busy() {
            self.stop();
        }
        self.load = self.load.next();
        let id = self.load;
        let spec = ModelSpec {
            reference: model.reference.clone(),
            name: model.name.clone(),
            location: model.location.clone(),
            format: model.format,
            context: self.settings.engine.context,
            device: self.settings.engine.device,
        };
        self.engine = EngineStatus::Loading {
            id,
            name: model.name.clone(),
            stage: crate::domain::LoadStage::Starting,
            since: now,
        };
        self.memory = None;
        self.emit(Effect::Engine(EngineCmd::Load { id, spec }));
        self.touch(Dirty::Now);
    }

    // ---- settings --------------------------------------------------------------------------------------------------

    fn act_in_settings(&mut self, action: Action, now: Instant) {
        let spec = self.settings_pane.chosen();
        match action {
            Action::Increase | Action::Decrease if spec.key == "ui.theme" => self.open_themes(now),
            Action::Increase => self.step_value(spec, true),
            Action::Decrease => self.step_value(spec, false),
            Action::EditValue => match spec.kind {
                Kind::Bool | Kind::Choice(_) => self.step_value(spec, true),
                Kind::Theme => self.open_themes(now),
                _ => self.overlay = Some(Overlay::Value(ValueEditor::new(spec, &self.settings))),
            },
            Action::ResetValue => self.reset_value(spec, now),
            _ => {}
        }
    }

    fn step_value(&mut self, spec: &'static Spec, up: bool) {
        let value = (spec.get)(&self.settings);
        let next = spec.stepped(&value, if up { 1 } else { -1 });
        if next != value {
            self.change(spec, next);
        }
    }

    fn reset_value(&mut self, spec: &'static Spec, now: Instant) {
        if (spec.set)(&mut self.settings, spec.default()).is_ok() {
            self.origins.set(spec.key, Origin::Default);
            self.settings_pane.note(spec.key, None);
            self.after_change(spec);
            self.toast(ToastKind::Note, format!("{} is back to its default", spec.title), None, now);
        }
    }

    /// Takes what was typed, or shows why not and keeps it.
    fn take_value(&mut self, mut editor: ValueEditor) {
        let spec = editor.spec;
        match spec.parse(editor.area.text()).and_then(|value| {
            (spec.set)(&mut self.settings, value.clone())?;
            Ok(value)
        }) {
            Ok(value) => self.changed(spec, value),
            Err(why) => {
                editor.error = Some(why);
                self.overlay = Some(Overlay::Value(editor));
            }
        }
    }

    fn change(&mut self, spec: &'static Spec, value: Value) {
        if (spec.set)(&mut self.settings, value.clone()).is_ok() {
            self.changed(spec, value);
        }
    }

    fn changed(&mut self, spec: &'static Spec, value: Value) {
        self.origins.set(spec.key, Origin::Session);
        self.settings_pane.note(spec.key, Some(value).filter(|v| *v != Value::Unset));
        self.after_change(spec);
    }

    fn after_change(&mut self, spec: &'static Spec) {
        self.emit(Effect::SetTimer { id: TimerId::SaveSettings, after: SETTLE });
        match spec.key {
            "ui.theme" => {
                let id = self.settings.ui.theme.clone();
                self.show_theme(&id);
            }
            "ui.mouse" => {
                let on = self.settings.ui.mouse;
                self.emit(Effect::Mouse(on));
            }
            "ui.ascii" => {
                if let Some(ascii) = self.settings.ui.ascii {
                    self.capabilities.unicode = !ascii;
                }
                let id = self.theme.id.clone();
                self.show_theme(&id);
            }
            _ => {}
        }
    }

    /// The setting has another value than the loaded model was loaded with.
    #[must_use]
    pub fn needs_reload(&self, spec: &Spec) -> bool {
        spec.applies == Applies::Reload
            && match (&self.engine, spec.key) {
                (EngineStatus::Ready(info) | EngineStatus::Asleep(info), "engine.context") => {
                    self.settings.engine.context.min(info.facts.context) != info.context
                }
                (EngineStatus::Ready(_) | EngineStatus::Asleep(_), _) => {
                    self.settings_pane.unsaved.iter().any(|(key, _)| *key == spec.key)
                }
                _ => false,
            }
    }

    fn write_settings(&mut self) {
        let changes = std::mem::take(&mut self.settings_pane.unsaved);
        if !changes.is_empty() {
            self.emit(Effect::SaveSettings(changes));
        }
    }

    // ---- what comes from outside -----------------------------------------------------------------------------------

    fn on_timer(&mut self, id: TimerId, now: Instant) {
        match id {
            TimerId::Toast => {
                self.toasts.retain(|t| t.until > now);
                self.set_toast_timer(now);
                self.touch(Dirty::Soon);
            }
            TimerId::Clock => {
                self.clock_runs = false;
                if self.under_way() {
                    self.clock_runs = true;
                    self.emit(Effect::SetTimer { id: TimerId::Clock, after: CLOCK });
                }
                self.touch(Dirty::Soon);
            }
            TimerId::SaveSettings => self.write_settings(),
        }
    }

    fn on_engine(&mut self, event: EngineEvent, now: Instant) {
        self.touch(Dirty::Soon);
        match event {
            EngineEvent::Progress { id, stage } if id == self.load => match &mut self.engine {
                EngineStatus::Loading { stage: at, .. } => *at = stage,
                EngineStatus::Ready(info) | EngineStatus::Asleep(info) => {
                    let name = info.name.clone();
                    self.engine = EngineStatus::Loading { id, name, stage, since: now };
                }
                EngineStatus::Empty | EngineStatus::Failed { .. } => {}
            },
            EngineEvent::Loaded { id, info } if id == self.load => {
                self.engine = EngineStatus::Ready(info);
                self.answer_next(now);
            }
            EngineEvent::LoadFailed { id, error } if id == self.load => {
                let name = match &self.engine {
                    EngineStatus::Loading { name, .. } => name.clone(),
                    _ => String::new(),
                };
                self.toast_error(&error, now);
                self.engine = EngineStatus::Failed { name, error };
                self.memory = None;
            }
            EngineEvent::Progress { .. } | EngineEvent::Loaded { .. } | EngineEvent::LoadFailed { .. } => {}
            EngineEvent::Unloaded { forgotten } => {
                self.memory = None;
                self.engine = match std::mem::replace(&mut self.engine, EngineStatus::Empty) {
                    EngineStatus::Ready(info) | EngineStatus::Asleep(info) if !forgotten => EngineStatus::Asleep(info),
                    loading @ EngineStatus::Loading { .. } if !forgotten => loading,
                    _ => EngineStatus::Empty,
                };
            }
            EngineEvent::Started { id, prompt_tokens, .. } => self.chat.started(id, prompt_tokens),
            EngineEvent::Delta { id, kind, text, tokens } => self.chat.delta(id, kind, &text, tokens, now),
            EngineEvent::Finished { id, reason, usage, stats } => {
                if self.chat.finished(id, reason, usage, stats, now) {
                    self.answer_next(now);
                }
            }
            EngineEvent::Failed { id, error } => {
                self.chat.failed(id, error, now);
            }
            EngineEvent::Died { error } => {
                self.memory = None;
                self.toast_error(&error, now);
                if let EngineStatus::Ready(info) = &self.engine {
                    self.engine = EngineStatus::Asleep(info.clone());
                }
            }
            EngineEvent::Memory { bytes } => self.memory = Some(bytes),
        }
    }

    fn on_hub(&mut self, event: HubEvent, now: Instant) {
        self.touch(Dirty::Soon);
        match event {
            HubEvent::Local { models, problems } => self.models.found(models, problems),
            HubEvent::Resolved { id, result } if id == self.load => match *result {
                Ok(model) => self.load(&model, now),
                Err(error) => {
                    let name = self.settings.model.clone().unwrap_or_default();
                    self.engine = EngineStatus::Empty;
                    self.on_unresolved(&name, error, now);
                }
            },
            HubEvent::Resolved { .. } => {}
            HubEvent::Download { id, state } => {
                let Some(download) = self.models.download.as_mut().filter(|d| d.id == id) else { return };
                download.state = state.clone();
                let then_load = download.then_load;
                match state {
                    DownloadState::Done { model } => {
                        self.emit(Effect::Hub(HubCmd::ScanLocal));
                        if then_load {
                            self.load(&model, now);
                        }
                    }
                    DownloadState::Failed { error } => self.toast_error(&error, now),
                    DownloadState::Cancelled => {
                        let hint = "what has arrived is kept; the next try goes on from there";
                        self.toast(ToastKind::Note, "The download was cancelled", Some(hint.into()), now);
                    }
                    DownloadState::Resolving | DownloadState::Running { .. } | DownloadState::Verifying { .. } => {}
                }
            }
        }
    }

    /// The model of the settings is not here.
    fn on_unresolved(&mut self, name: &str, error: UserError, now: Instant) {
        if name == "starter" && !self.settings.offline {
            self.get_starter(now);
        } else {
            self.toast_error(&error, now);
            self.engine = EngineStatus::Failed { name: name.to_owned(), error };
        }
    }

    /// How long the thing under way has been going on.
    #[must_use]
    pub fn elapsed(&self, now: Instant) -> Option<Duration> {
        match &self.engine {
            EngineStatus::Loading { since, .. } => Some(now.saturating_duration_since(*since)),
            _ => self.chat.running.as_ref().map(|r| now.saturating_duration_since(r.meter.asked())),
        }
    }
}
