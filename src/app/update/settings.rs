//! Changing settings, and writing them down when they have settled.

use std::time::Instant;

use crate::app::msg::{Effect, TimerId};
use crate::app::settings::{ValueEditor, stands_at};
use crate::app::{App, Dirty, EngineStatus, Overlay, SETTLE, ToastKind};
use crate::config::{Applies, Engine, Kind, Origin, Settings, Spec, Value};
use crate::domain::HubCmd;
use crate::domain::action::Action;

impl App {
    pub(super) fn act_in_settings(&mut self, action: Action, now: Instant) {
        let spec = self.settings_pane.chosen();
        match action {
            Action::Increase | Action::Decrease if spec.key == "ui.theme" => self.open_themes(),
            Action::Increase => self.step_value(spec, true),
            Action::Decrease => self.step_value(spec, false),
            Action::EditValue => match spec.kind {
                Kind::Bool | Kind::Choice(_) => self.step_value(spec, true),
                Kind::Theme => self.open_themes(),
                _ => self.open(Overlay::Value(ValueEditor::new(spec, &self.settings))),
            },
            Action::ResetValue => self.reset_value(spec, now),
            _ => {}
        }
    }

    pub(super) fn step_value(&mut self, spec: &'static Spec, up: bool) {
        let facts = self.model().map(|model| &model.facts);
        let value = stands_at(spec, &self.settings, facts, self.thinking().unwrap_or_default());
        let next = spec.stepped(&value, if up { 1 } else { -1 });
        if next != value {
            self.change(spec, next);
        }
    }

    pub(super) fn reset_value(&mut self, spec: &'static Spec, now: Instant) {
        if (spec.set)(&mut self.settings, spec.default()).is_ok() {
            self.origins.set(spec.key, Origin::Default);
            self.hold_setting(spec, spec.default());
            self.settings_pane.note(spec.key, None);
            self.after_change(spec);
            self.toast(ToastKind::Note, format!("{} is back to its default", spec.title), None, now);
        }
    }

    /// Takes what was typed, or shows why not and keeps it.
    pub(super) fn take_value(&mut self, mut editor: ValueEditor, now: Instant) {
        let spec = editor.spec;
        let parsed = spec.parse(editor.area.text());
        if let (true, Ok(value)) = (editor.here, &parsed) {
            if !self.take_here(vec![(spec, value.clone())], now) {
                self.overlay = Some(Overlay::Value(editor));
            }
            return;
        }
        match parsed.and_then(|value| {
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

    pub(super) fn change(&mut self, spec: &'static Spec, value: Value) {
        if (spec.set)(&mut self.settings, value.clone()).is_ok() {
            self.changed(spec, value);
        }
    }

    pub(super) fn changed(&mut self, spec: &'static Spec, value: Value) {
        self.origins.set(spec.key, Origin::Session);
        self.hold_setting(spec, value.clone());
        self.settings_pane.note(spec.key, Some(value).filter(|v| *v != Value::Unset));
        self.after_change(spec);
    }

    pub(super) fn after_change(&mut self, spec: &'static Spec) {
        self.emit(Effect::SetTimer { id: TimerId::SaveSettings, after: SETTLE });
        match spec.key {
            "ui.theme" => {
                let id = self.settings.ui.theme.clone();
                self.show_theme(&id);
            }
            "ui.ascii" => {
                let id = self.theme.id.clone();
                self.show_theme(&id);
            }
            "engine.unload_after" => self.set_idle_timer(),
            "hub.speed_limit" => {
                let limit = self.settings.hub.bytes_per_second();
                self.emit(Effect::Hub(HubCmd::LimitSpeed(limit)));
            }
            "ui.mouse" => {
                let on = self.settings.ui.mouse;
                self.emit(Effect::Mouse(on));
            }
            "ui.editing" => self.chat.composer.change_keys(),
            "chat.prompt_history" => self.chat.composer.prompts.forget_stored(),
            _ => {}
        }
    }

    /// The setting has another value than the loaded model was loaded with.
    #[must_use]
    pub fn needs_reload(&self, spec: &Spec) -> bool {
        spec.applies == Applies::Reload
            && match (&self.engine, spec.key) {
                (EngineStatus::Ready(info) | EngineStatus::Asleep(info), "engine.context") => {
                    self.settings.engine.load.context.min(info.facts.context) != info.context
                }
                (EngineStatus::Ready(_) | EngineStatus::Asleep(_), _) => {
                    let engine = Engine { load: self.loaded_with, ..self.settings.engine };
                    (spec.get)(&Settings { engine, ..Settings::default() }) != (spec.get)(&self.settings)
                }
                _ => false,
            }
    }

    pub(super) fn write_settings(&mut self) {
        let changes = std::mem::take(&mut self.settings_pane.unsaved);
        if !changes.is_empty() {
            self.emit(Effect::SaveSettings(changes));
        }
    }

    /// What is in the file now is no more of this session alone. What was there before may stand at another line.
    pub(super) fn settings_were_saved(&mut self, keys: &[&'static str], lines: &[(&'static str, usize)]) {
        let unsaved = &self.settings_pane.unsaved;
        let written = keys.iter().filter(|key| unsaved.iter().all(|(other, _)| other != *key));
        for key in written.copied() {
            if self.origins.get(key) == Origin::Session {
                let line = lines.iter().find(|(other, _)| *other == key);
                // What is as without a file is taken out of it.
                self.origins.set(key, line.map_or(Origin::Default, |(_, line)| Origin::File { line: *line }));
            }
        }
        for (key, line) in lines.iter().copied() {
            if matches!(self.origins.get(key), Origin::File { .. }) {
                self.origins.set(key, Origin::File { line });
            }
        }
        self.touch(Dirty::Soon);
    }
}
