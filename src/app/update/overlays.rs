//! What stands in front of a pane: the palette, a value, a question.

use std::time::Instant;

use crate::app::msg::Effect;
use crate::app::picker::{Picker, Row, Target};
use crate::app::{App, Confirm, Confirmed, Overlay, Pane, ToastKind};
use crate::config::SPECS;
use crate::domain::action::{Action, Context};
use crate::domain::store::{StoreCmd, Summary, Which};
use crate::domain::units::{ago, bytes};

/// What the palette of everything is headed by.
const PALETTE: &str = "What would you like to do?";
/// So many choices are remembered.
const RECENT: usize = 8;

impl App {
    pub(super) fn act_in_overlay(&mut self, action: Action, now: Instant) -> bool {
        match action {
            // What stops an answer stops the one that is looked at, before anything is left.
            Action::Dismiss | Action::Interrupt
                if matches!(self.overlay, Some(Overlay::Compare(_))) && self.stop_compared(now) =>
            {
                return true;
            }
            Action::Redraw | Action::Suspend => {
                self.act_globally(action, now);
                return true;
            }
            Action::Dismiss => {
                self.dismiss(now);
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
                    self.dismiss(now);
                    if action == Action::Quit {
                        self.quit();
                    }
                }
                return true;
            }
            Action::Palette | Action::Help => {
                if !self.set_field_aside() {
                    self.dismiss(now);
                }
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
            Some(Overlay::Schema(field)) => {
                field.error = None;
                field.area.act(action)
            }
            Some(Overlay::Import(field)) => {
                field.error = None;
                field.area.act(action)
            }
            Some(Overlay::Prompts(search)) => search.press(action),
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
            Some(Overlay::Conversations(_)) => self.act_in_list(action, now),
            Some(Overlay::Compare(compare)) => compare.act(action),
            Some(Overlay::Room(_)) => action.context() == Context::List && self.move_in_list(action),
            Some(Overlay::Confirm(_)) | None => false,
        }
    }

    /// Puts something in front. Words about what was done before would stand in its way; errors stay until they are read.
    pub(super) fn open(&mut self, overlay: Overlay) {
        self.toasts.retain(|toast| toast.kind == ToastKind::Error);
        self.overlay = Some(overlay);
    }

    /// A field that is typed into waits behind what comes in front of it. True where nothing else is in the way.
    pub(super) fn set_field_aside(&mut self) -> bool {
        let waits = match &self.overlay {
            Some(Overlay::Value(_)) => true,
            Some(Overlay::Schema(field)) => !field.reading,
            Some(Overlay::Import(field)) => field.asked.is_none(),
            Some(Overlay::Conversations(list)) => list.renaming.is_some(),
            _ => false,
        };
        if waits {
            self.beneath.extend(self.overlay.take());
        }
        self.overlay.is_none()
    }

    /// It has nothing in front of it any more.
    pub(super) fn bring_field_back(&mut self) {
        if self.overlay.is_none() {
            self.overlay = self.beneath.pop();
        }
    }

    pub(super) fn dismiss(&mut self, now: Instant) {
        match self.overlay.take() {
            Some(Overlay::Themes { before, .. }) => self.show_theme(&before),
            Some(Overlay::Room(room)) => self.leave_unasked(room.wish),
            Some(Overlay::Conversations(list)) => self.dismiss_in_list(list),
            // The answer that was there stays; the other one is a version of it.
            Some(Overlay::Compare(compare)) => self.take_side(&compare, 0, now),
            _ => {}
        }
    }

    pub(super) fn accept(&mut self, now: Instant) {
        match self.overlay.take() {
            Some(Overlay::Palette(picker)) => {
                if let Some(target) = picker.chosen().map(|row| row.target.clone()) {
                    if picker.title == PALETTE {
                        self.remember(&target);
                    }
                    self.go(target, now);
                }
            }
            Some(Overlay::Themes { picker, before }) => match picker.chosen().map(|r| r.target.clone()) {
                Some(Target::Theme(id)) => self.set_theme(id),
                _ => self.show_theme(&before),
            },
            Some(Overlay::Value(editor)) => self.take_value(editor, now),
            Some(Overlay::Schema(field)) => self.read_schema(field),
            Some(Overlay::Import(field)) => self.import(field),
            Some(Overlay::Confirm(confirm)) => match confirm.then {
                Confirmed::Quit => self.really_quit(),
                Confirmed::Load(model) => self.load(&model, now),
                Confirmed::Get(wanted) => self.get(*wanted, now),
                Confirmed::Delete(model) => self.delete(&model, now),
                Confirmed::Discard(repo) => self.discard(&repo),
                Confirmed::Retry(model) => self.answer_again_by(&model, now),
                Confirmed::Compare(model) => self.compare_by(&model, now),
                Confirmed::SavePersona(persona) => self.keep_persona(*persona, now),
                Confirmed::Begin => self.begin_conversation(now),
                Confirmed::Open { which, at } => self.open_kept(which, at),
                Confirmed::KeepCopy => {
                    self.stop();
                    self.keep_copy(now);
                }
                Confirmed::Unload => self.unload(),
            },
            Some(Overlay::Room(room)) => self.make_room(room, now),
            Some(Overlay::Conversations(list)) => self.accept_in_list(list, now),
            Some(Overlay::Prompts(search)) => self.take_prompt(&search),
            Some(Overlay::Compare(compare)) => self.take_side(&compare, compare.focus, now),
            Some(Overlay::Help { .. }) | None => {}
        }
    }

    pub(super) fn go(&mut self, target: Target, now: Instant) {
        match target {
            Target::Action(action) => {
                // An action of a pane is done where it can be seen.
                match action.context() {
                    Context::Models if action != Action::Unload => self.show_models(),
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
            Target::Copy { what, text } => self.copy(&text, what),
            Target::WriteFile { path, text } => self.emit(Effect::WriteFile { path, text }),
            Target::Setting(key) => {
                self.pane = Pane::Settings;
                self.settings_pane.go_to(key);
            }
            Target::Own(key) => self.edit_here(key),
            Target::Persona(name) => {
                self.pane = Pane::Chat;
                self.use_persona(&name, now);
            }
            Target::Conversation(id) if id == self.saved.id => self.pane = Pane::Chat,
            Target::Conversation(id) => self.go_to_conversation(Which::Id(id), None),
            Target::Retry(argument) => {
                self.retry_with(&argument, now);
            }
            Target::Compare(reference) => {
                self.compare(&reference, now);
            }
            Target::CompareWith(message) => self.compare_with(message),
            Target::Branch(head) => self.go_to_branch(head),
        }
    }

    /// What was chosen in the palette comes first there from now on.
    fn remember(&mut self, target: &Target) {
        self.recent.retain(|known| known != target);
        self.recent.insert(0, target.clone());
        self.recent.truncate(RECENT);
    }

    pub(super) fn open_palette(&mut self) {
        let key = |action| self.key_outside(action);
        // What the model can't do is not offered.
        let can = |action: Action| action != Action::ToggleThinking || self.thinking().is_some();
        let actions = Action::ALL.iter().filter(|a| a.in_palette() && can(**a)).map(|action| Row {
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
            label: format!("{} {} {}", spec.title, self.theme.glyphs.dot, spec.key),
            detail: spec.show(&(spec.get)(&self.settings)),
            target: Target::Setting(spec.key),
        });
        let personas = self.persona_rows("as");
        let mut rows: Vec<Row> = actions.chain(personas).chain(models).chain(settings).collect();
        let place = |row: &Row| self.recent.iter().position(|known| *known == row.target).unwrap_or(RECENT);
        rows.sort_by_key(place);
        self.open(Overlay::Palette(Picker::new(PALETTE, rows)));
        // The store tells of the conversations in a moment.
        self.saved.palette_ask = None;
        if !self.saved.off {
            let ask = self.saved.next_ask();
            self.saved.palette_ask = Some(ask);
            self.emit(Effect::Store(StoreCmd::List { ask, archived: false }));
        }
    }

    /// The conversations that the palette has waited for. Without a title nobody would know which one it is.
    pub(super) fn list_in_palette(&mut self, conversations: Vec<Summary>) {
        self.saved.palette_ask = None;
        let rows = conversations.into_iter().filter(|summary| !summary.title.is_empty()).map(|summary| Row {
            kind: "open",
            ..Row::new(&summary.title, &ago(summary.age), Target::Conversation(summary.id))
        });
        if let Some(Overlay::Palette(picker)) = &mut self.overlay
            && picker.title == PALETTE
        {
            picker.add(rows);
        }
    }
}
