//! What this conversation is held with: its system prompt, sampling, reasoning and model; and the sets of that with a name.

use std::borrow::Cow;
use std::time::Instant;

use crate::app::msg::Effect;
use crate::app::picker::{Picker, Row, Target};
use crate::app::settings::ValueEditor;
use crate::app::{App, Confirm, Confirmed, Dirty, EngineStatus, Overlay, ToastKind};
use crate::config::{
    Assignments, NO_PERSONA, Origin, Persona, Settings, Spec, Value, assign, differences, is_own, not_a_name,
    own_specs, persona_called, read_assignments,
};
use crate::domain::action::Action;
use crate::domain::model::LocalModel;
use crate::domain::store::Setup;
use crate::error::{ErrorKind, UserError};

impl App {
    /// The settings as they are in this conversation.
    #[must_use]
    pub fn settings_here(&self) -> Cow<'_, Settings> {
        match &self.chat.own {
            Some(own) => Cow::Owned(self.settings.within(own)),
            None => Cow::Borrowed(&self.settings),
        }
    }

    /// In what this conversation differs from the settings.
    #[must_use]
    pub fn differences_here(&self) -> Vec<(&'static Spec, Value)> {
        self.chat.own.as_ref().map_or_else(Vec::new, |own| differences(own, &self.settings))
    }

    /// Changes what this conversation is held with, from its next answer on.
    pub(super) fn hold_with(&mut self, change: impl FnOnce(&mut Setup)) {
        let own = self.chat.own.get_or_insert_with(|| self.settings.setup());
        change(own);
        self.saved.keeper.setup_has_changed();
        self.touch(Dirty::Now);
    }

    /// An answer is being made: from here on the settings can change without this conversation.
    pub(super) fn hold(&mut self) {
        let model = self.model().map(|info| info.reference.clone());
        self.chat.own.get_or_insert_with(|| self.settings.setup()).model = model;
    }

    /// A setting was changed by somebody who has this conversation before them: it holds here as well.
    pub(super) fn hold_setting(&mut self, spec: &'static Spec, value: Value) {
        if let Some(own) = self.chat.own.as_mut().filter(|_| is_own(spec.key) && spec.key != "model") {
            assign(own, &self.settings, &[(spec, value)]);
            self.saved.keeper.setup_has_changed();
        }
    }

    /// A conversation from the store goes on as it was held.
    pub(super) fn put_back(&mut self, setup: Setup, now: Instant) {
        // Nothing is known of one that comes from elsewhere.
        if setup != Setup::default() {
            let mut setup = setup;
            if self.model_is_by_hand() {
                setup.model = None;
            }
            self.chat.own = Some(setup);
            self.chat.model_since = self.load;
        }
        self.load_first(now);
    }

    /// The command line or the environment has said which model.
    fn model_is_by_hand(&self) -> bool {
        matches!(self.origins.get("model"), Origin::Flag(_) | Origin::Env(_))
    }

    /// The model of the start: the one that somebody has named now, else that of the conversation to go on with, which has
    /// to come first.
    pub(super) fn load_at_the_start(&mut self, now: Instant) {
        // A persona may have said one.
        let free = self.engine == EngineStatus::Empty;
        if self.saved.first.is_some() && !self.model_is_by_hand() {
            self.saved.model_waits.clone_from(&self.settings.model);
        } else if let Some(model) = self.settings.model.clone().filter(|_| free || self.model_is_by_hand()) {
            self.resolve_and_load(&model, now);
        }
    }

    /// Where nothing is loaded, the conversation's model is, or else at the start the one of the settings.
    pub(super) fn load_first(&mut self, now: Instant) {
        let waited = std::mem::take(&mut self.saved.model_waits);
        if self.engine != EngineStatus::Empty {
            return;
        }
        let own = self.chat.own.as_ref().and_then(|own| own.model.clone());
        if let Some(model) = own.or(waited) {
            self.resolve_and_load(&model, now);
        }
    }

    /// The conversation's own model is not here: the one of the settings is loaded in its place. False where there is none.
    pub(super) fn model_of_settings_instead(&mut self, gone: &str, error: &UserError, now: Instant) -> bool {
        let own = self.chat.own.as_ref().and_then(|own| own.model.as_deref());
        let is_own_and_gone = own == Some(gone) && error.kind == ErrorKind::ModelNotFound;
        let Some(other) = self.settings.model.clone().filter(|other| is_own_and_gone && other != gone) else {
            return false;
        };
        let hint = format!("{other}, the model of the settings, is loaded in its place");
        self.toast(ToastKind::Warning, error.message.clone(), Some(hint), now);
        self.resolve_and_load(&other, now);
        true
    }

    /// The model that this conversation goes on with, where that is here and another one is loaded.
    #[must_use]
    pub fn model_to_return_to(&self) -> Option<&LocalModel> {
        let wanted = self.chat.own.as_ref()?.model.as_deref()?;
        let loaded = self.model()?;
        let model = self.models.by_reference(wanted).filter(|_| loaded.reference != wanted)?;
        (model.facts.is_ok() && self.too_large(model).is_none()).then_some(model)
    }

    /// What Enter loads where nothing is loaded: the conversation's own model, else the first that can be.
    #[must_use]
    pub fn model_to_load(&self) -> Option<&LocalModel> {
        let own = self.chat.own.as_ref().and_then(|own| self.models.by_reference(own.model.as_deref()?));
        own.filter(|model| model.facts.is_ok()).or_else(|| self.models.first_usable())
    }

    /// A model was loaded: this conversation goes on with it, unless that was asked for before the conversation was opened.
    pub(super) fn model_was_loaded(&mut self) {
        let reference = self.model().map(|info| info.reference.clone());
        if let Some(own) = self.chat.own.as_mut().filter(|_| self.load > self.chat.model_since) {
            own.model = reference;
        }
    }

    /// The persona that the command line says, once there is the conversation that it is for.
    pub(super) fn begin_as_persona(&mut self, now: Instant) {
        if let Some(name) = self.saved.persona.take_if(|_| self.saved.first.is_none() && self.saved.opening.is_none()) {
            // Who has said it there need not be told.
            if let Err((why, hint)) = self.take_persona(&name, now) {
                self.toast(ToastKind::Warning, why, Some(hint), now);
            }
        }
    }

    /// Personas to choose from, the first one being none.
    pub(super) fn choose_persona(&mut self, now: Instant) {
        if self.personas.is_empty() {
            let hint = format!("`/{} NAME` keeps what this conversation is held with", Action::SavePersona.name());
            return self.toast(ToastKind::Note, "There are no personas yet", Some(hint), now);
        }
        let none = Row::new(NO_PERSONA, "as the settings say", Target::Persona(NO_PERSONA.to_owned()));
        let rows = std::iter::once(none).chain(self.persona_rows(""));
        let present = self.chat.own.as_ref().and_then(|own| own.persona.clone()).unwrap_or_default();
        let picker = Picker::new("Hold this conversation as", rows.collect()).at(|row| row.label == present);
        self.open(Overlay::Palette(picker));
    }

    pub(super) fn persona_rows(&self, kind: &'static str) -> Vec<Row> {
        let row = |persona: &Persona| Row {
            kind,
            ..Row::new(&persona.name, &persona.about(), Target::Persona(persona.name.clone()))
        };
        self.personas.iter().map(row).collect()
    }

    /// False where there is none of that name.
    pub(super) fn use_persona(&mut self, name: &str, now: Instant) -> bool {
        match self.take_persona(name, now) {
            Ok((said, hint)) => {
                self.toast(ToastKind::Note, said, Some(hint).filter(|hint| !hint.is_empty()), now);
                true
            }
            Err((why, hint)) => {
                self.toast(ToastKind::Warning, why, Some(hint), now);
                false
            }
        }
    }

    /// Gives what there is to say of it, and a hint; as an error where there is none of that name.
    fn take_persona(&mut self, name: &str, now: Instant) -> Result<(String, String), (String, String)> {
        if name == NO_PERSONA {
            let model = self.chat.own.take().and_then(|own| own.model);
            self.hold_with(|setup| setup.model = model);
            return Ok(("This conversation is held as the settings say".to_owned(), String::new()));
        }
        let persona = match persona_called(&self.personas, name) {
            Ok(persona) => persona.clone(),
            Err(hint) => return Err((format!("There is no persona {name}"), hint)),
        };
        let model = self.chat.own.as_ref().and_then(|own| own.model.clone());
        let mut setup = Setup { model, ..self.settings.setup() };
        assign(&mut setup, &self.settings, &persona.values);
        setup.persona = Some(persona.name.clone());
        // Written down by a person, who may have called it in another way than the list does.
        if let Some(name) = persona.values.iter().find(|(spec, _)| spec.key == "model").and(setup.model.as_ref())
            && let Some(called) = self.find_called(name)
        {
            setup.model = Some(called.reference.clone());
        }
        let wanted = setup.model.clone();
        self.hold_with(|own| *own = setup);
        // It is loaded with the next message, or now if nothing is.
        self.chat.model_since = self.load;
        self.load_first(now);
        let missing = wanted.filter(|model| {
            self.model().is_some_and(|loaded| loaded.reference != *model) && self.models.by_reference(model).is_none()
        });
        Ok(match missing {
            Some(model) => {
                (format!("{} answers with the model that is loaded", persona.name), format!("{model} is not here"))
            }
            None => (format!("This conversation is held as {}", persona.name), persona.about()),
        })
    }

    /// Keeps what this conversation is held with under a name. False where that can't be.
    pub(super) fn save_persona(&mut self, name: &str, now: Instant) -> bool {
        if let Some(why) = not_a_name(name) {
            self.toast(ToastKind::Warning, format!("“{name}” can't be the name of a persona"), Some(why.into()), now);
            return false;
        }
        let before = self.personas.iter().find(|persona| persona.name == name);
        let of = self.chat.own.as_ref().and_then(|own| own.persona.as_deref());
        // Which model is a part of a persona only where it was one of the persona before.
        let source = self.personas.iter().find(|persona| Some(persona.name.as_str()) == of);
        let model = source.and_then(|persona| persona.values.iter().find(|(spec, _)| spec.key == "model").cloned());
        let within = self.settings_here();
        let values: Vec<_> = own_specs()
            .filter(|spec| spec.key != "model")
            .map(|spec| (spec, (spec.get)(&within)))
            .filter(|(spec, value)| *value != spec.default())
            .chain(model)
            .collect();
        if values.is_empty() {
            let hint = "`/set temperature=0.2` or `/set system_prompt=…` changes that".to_owned();
            self.toast(ToastKind::Note, "Nothing is set in this conversation that could be kept", Some(hint), now);
            return false;
        }
        let description = before.or(source).map(|persona| persona.description.clone()).unwrap_or_default();
        let persona = Persona { name: name.to_owned(), description, values };
        if before.is_some_and(|before| *before != persona) {
            self.open(Overlay::Confirm(Confirm {
                title: format!("Replace the persona {name}?"),
                body: format!("What it is now goes: {}.", before_words(&self.personas, name)),
                yes: "replace it",
                then: Confirmed::SavePersona(Box::new(persona)),
            }));
        } else {
            self.keep_persona(persona, now);
        }
        true
    }

    pub(super) fn keep_persona(&mut self, persona: Persona, now: Instant) {
        let name = persona.name.clone();
        match self.personas.iter_mut().find(|other| other.name == name) {
            Some(other) => *other = persona.clone(),
            None => self.personas.push(persona.clone()),
        }
        self.emit(Effect::SavePersona(Box::new(persona)));
        self.hold_with(|own| own.persona = Some(name.clone()));
        let hint = format!("`/{} {name}` holds another conversation like this", Action::ChoosePersona.name());
        self.toast(ToastKind::Note, format!("Kept as the persona {name}"), Some(hint), now);
    }

    /// What this conversation is held with, each to be changed.
    pub(super) fn show_setup(&mut self) {
        let within = self.settings_here();
        let changed = self.differences_here();
        let model = self.model().map(|info| &info.facts);
        let thinking = within.chat.thinking;
        let rows = own_specs().map(|spec| {
            let value = crate::app::settings::in_words(spec, &within, model, thinking);
            let value = if value.is_empty() { "none".to_owned() } else { value.replace('\n', " ") };
            let is_own = changed.iter().any(|(other, _)| *other == spec);
            Row { kind: if is_own { "own" } else { "" }, ..Row::new(spec.title, &value, Target::Own(spec.key)) }
        });
        let picker = Picker::new("This conversation alone", rows.collect());
        self.open(Overlay::Palette(picker));
    }

    /// A field for one of them.
    pub(super) fn edit_here(&mut self, key: &str) {
        if let Some(spec) = crate::config::spec(key) {
            let editor = ValueEditor { here: true, ..ValueEditor::new(spec, &self.settings_here()) };
            self.open(Overlay::Value(editor));
        }
    }

    /// `temperature=0.2 top_p=0.9`. False where it can't be taken.
    pub(super) fn set_here(&mut self, text: &str, now: Instant) -> bool {
        let assignments = match read_assignments(text) {
            Ok(assignments) => assignments,
            Err((what, hint)) => {
                self.toast(ToastKind::Warning, capitalised(&what), Some(hint), now);
                return false;
            }
        };
        self.take_here(assignments, now)
    }

    /// False where a model is named that can't answer here.
    pub(super) fn take_here(&mut self, mut assignments: Assignments, now: Instant) -> bool {
        for (spec, value) in &mut assignments {
            if let ("model", Value::Text(name)) = (spec.key, &mut *value) {
                let Some(reference) = self.model_for_here(name, now) else { return false };
                *value = Value::Text(reference);
            }
        }
        let settings = self.settings.clone();
        self.hold_with(|own| assign(own, &settings, &assignments));
        self.chat.model_since = self.load;
        let said = assignments.iter().map(|(spec, value)| format!("{}: {}", spec.title, short(&spec.show(value))));
        let said = said.collect::<Vec<_>>().join(", ");
        self.toast(ToastKind::Note, said, Some("in this conversation, from the next answer on".into()), now);
        true
    }

    /// The model that a person calls so, as one that comes back with the next message. Says why where it would not.
    fn model_for_here(&mut self, name: &str, now: Instant) -> Option<String> {
        if self.model().is_some_and(|loaded| loaded.reference == name) {
            return Some(name.to_owned());
        }
        let model = self.model_called(name, now)?;
        if self.too_large(&model).is_some() {
            let hint = format!("`/{} {}` loads it all the same", Action::Load.name(), model.reference);
            self.toast(ToastKind::Warning, format!("{} is likely too large", model.name), Some(hint), now);
            return None;
        }
        Some(model.reference)
    }
}

fn before_words(personas: &[Persona], name: &str) -> String {
    personas.iter().find(|persona| persona.name == name).map(Persona::about).unwrap_or_default()
}

fn short(text: &str) -> String {
    crate::domain::store::first_words(text, 40)
}

/// A message of the config begins in the middle of a sentence; a toast does not.
pub(super) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
