//! Judging and loading the models that are here.

use std::time::{Duration, Instant};

use crate::app::chat::By;
use crate::app::msg::Effect;
use crate::app::{App, Confirm, Confirmed, Dirty, EngineStatus, Overlay, ToastKind};
use crate::domain::action::Action;
use crate::domain::fit::{Fit, Verdict};
use crate::domain::model::{LoadSettings, LocalModel, ModelInfo, ModelRef, ModelSpec};
use crate::domain::quant::KeptCopy;
use crate::domain::units::{bytes, grouped, seconds};
use crate::domain::{EngineCmd, HubCmd, LoadId, fit};
use crate::error::{ErrorKind, UserError};

/// A load that takes no longer needs no copy.
const WORTH_KEEPING: Duration = Duration::from_secs(2);

/// A model that is to be loaded, if it is here.
#[derive(Debug)]
pub(in crate::app) struct Lookup {
    id: LoadId,
    name: String,
    /// A person wants it now: what the catalog has of that name is got.
    may_get: bool,
}

impl App {
    /// The load under way ends, and its process at once. What waits for the model waits on.
    pub(in crate::app::update) fn cancel_load(&mut self, now: Instant) {
        if let EngineStatus::Loading { name, .. } = &self.engine {
            let text = format!("Loading {name} was cancelled");
            self.unload();
            self.toast(ToastKind::Note, text, None, now);
        }
    }

    /// What is loaded or being loaded goes, and so does what was only being looked for. It counts as gone from here on: a
    /// message that waits is not sent to a model on its way out.
    pub(in crate::app::update) fn unload(&mut self) {
        if self.chat.is_busy() {
            self.stop();
        }
        self.next_load();
        self.engine = EngineStatus::Empty;
        self.memory = None;
        self.emit(Effect::Engine(EngineCmd::Unload));
    }

    /// Another load begins, or the end of all: nobody looks for a model any more.
    fn next_load(&mut self) -> LoadId {
        self.last_load = self.last_load.next();
        self.load = self.last_load;
        self.lookup = None;
        self.load
    }

    /// Finds the model that a name from the outside means, then loads it. One that is there, or on its way, stays until then.
    pub(in crate::app::update) fn resolve_and_load(&mut self, name: &str, now: Instant) {
        self.look_up(name, false, now);
    }

    /// The same for a model that a person names now: one of the catalog that is not here is got.
    pub(in crate::app::update) fn get_and_load(&mut self, name: &str, now: Instant) {
        self.look_up(name, true, now);
    }

    fn look_up(&mut self, name: &str, may_get: bool, now: Instant) {
        let has_model = self.has_model();
        let model = match ModelRef::parse(name) {
            Ok(model) => model,
            Err(error) if has_model => return self.toast_error(&error, now),
            Err(error) => {
                self.wanted = None;
                self.engine = EngineStatus::Failed { name: name.to_owned(), error };
                return;
            }
        };
        let id = if has_model {
            self.last_load = self.last_load.next();
            self.last_load
        } else {
            let id = self.next_load();
            let stage = crate::domain::LoadStage::Checking;
            self.wanted = None;
            self.engine = EngineStatus::Loading { id, name: name.to_owned(), stage, since: now };
            id
        };
        self.lookup = Some(Lookup { id, name: name.to_owned(), may_get });
        self.emit(Effect::Hub(HubCmd::Resolve { id, model }));
    }

    /// A model is there, or being loaded, and not only looked for.
    fn has_model(&self) -> bool {
        match &self.engine {
            EngineStatus::Ready(_) | EngineStatus::Asleep(_) => true,
            EngineStatus::Loading { id, .. } => self.lookup.as_ref().is_none_or(|lookup| lookup.id != *id),
            EngineStatus::Empty | EngineStatus::Failed { .. } => false,
        }
    }

    pub(super) fn on_resolved(&mut self, id: LoadId, result: Result<LocalModel, UserError>, now: Instant) {
        let has_model = self.has_model();
        let Some(lookup) = self.lookup.take_if(|lookup| lookup.id == id) else { return };
        self.touch(Dirty::Soon);
        if !has_model {
            self.engine = EngineStatus::Empty;
        }
        match result {
            Ok(model) => self.load_if_it_fits(&model, now),
            Err(_) if lookup.name == "starter" && !self.is_offline() => self.get_starter(now),
            Err(error)
                if lookup.may_get && error.kind == ErrorKind::ModelNotFound && self.get_called(&lookup.name, now) => {}
            Err(error) if has_model => self.toast_error(&error, now),
            Err(error) if self.model_of_settings_instead(&lookup.name, &error, now) => {}
            Err(error) => self.not_loaded(lookup.name, error, now),
        }
        // What was said meanwhile is for the model that is there after all.
        self.answer_next(By::Itself, now);
    }

    /// What failed may work now: a killed engine, a disk that is there again, memory that is free.
    pub(in crate::app::update) fn load_again(&mut self, now: Instant) {
        match (self.wanted.clone(), &self.engine) {
            (Some(model), _) => self.load(&model, now),
            (None, EngineStatus::Failed { name, .. }) => {
                let name = name.clone();
                self.resolve_and_load(&name, now);
            }
            (None, _) => {}
        }
    }

    /// How much too large a model is for this machine, as far as is known.
    pub(in crate::app::update) fn too_large(&self, model: &LocalModel) -> Option<Fit> {
        let (Ok(facts), Some(machine)) = (&model.facts, &self.machine) else { return None };
        let fit = fit::judge(facts, model.settings(self.settings.engine.load), machine);
        (fit.verdict == Verdict::TooLarge).then_some(fit)
    }

    /// It is loaded, with the settings as they are.
    fn is_as_wanted(&self, model: &LocalModel) -> bool {
        let is_there = matches!(&self.engine, EngineStatus::Ready(info) if info.reference == model.reference);
        let is_this = self.wanted.as_ref().is_some_and(|wanted| wanted.location == model.location);
        is_there && is_this && self.loaded_with == self.settings.engine.load
    }

    /// Warns where it is too large, or ends an answer, and lets the user go on.
    pub(in crate::app::update) fn load_if_it_fits(&mut self, model: &LocalModel, now: Instant) {
        // Nothing is to be ended for what is there.
        if self.chat.is_answering() && self.is_as_wanted(model) {
            return self.toast(ToastKind::Note, format!("{} is loaded", model.name), None, now);
        }
        let then = Confirmed::Load(Box::new(model.clone()));
        let Some(fit) = self.too_large(model) else {
            if !self.ask_to_end_answer(format!("Load {}?", model.name), "load it", then) {
                self.load(model, now);
            }
            return;
        };
        let advice = if fit.largest_context > 0 {
            format!(" A context of {} would fit: change it in Settings.", grouped(fit.largest_context))
        } else {
            String::new()
        };
        let ends = if self.chat.is_answering() { " The answer that is being made ends." } else { "" };
        let (needed, budget) = (bytes(fit.needed), bytes(fit.budget));
        let body = format!(
            "It needs about {needed}, and there is room for {budget}. The machine may get very slow.{advice}{ends}"
        );
        self.open(Overlay::Confirm(Confirm {
            title: format!("{} is likely too large", model.name),
            body,
            yes: "load it all the same",
            then,
        }));
    }

    pub(in crate::app::update) fn reload(&mut self, now: Instant) {
        match self.wanted.clone() {
            Some(model) => self.load_if_it_fits(&model, now),
            None => self.toast(ToastKind::Note, "No model is loaded", None, now),
        }
    }

    /// Has the model's quantised weights written down. That is only done on their way in: the model is loaded again.
    pub(in crate::app::update) fn keep_copy(&mut self, now: Instant) {
        match (self.model().map(|info| info.copy.clone()), self.wanted.clone()) {
            (Some(KeptCopy::Possible), Some(_))
                if self.ask_to_end_answer("Load the model again?", "keep a copy", Confirmed::KeepCopy) => {}
            (Some(KeptCopy::Possible), Some(model)) => {
                let settings = LoadSettings { keep: true, ..self.settings.engine.load };
                self.load_with(&model, settings, now);
            }
            (Some(KeptCopy::Kept(path)), _) => {
                self.toast(ToastKind::Note, format!("The quantised copy is kept in {}", path.display()), None, now);
            }
            (Some(KeptCopy::None), _) => {
                let hint = "a copy is kept of plain weights (F16, BF16, F32) that are quantised while they load";
                self.toast(ToastKind::Note, "There is nothing to keep of this model", Some(hint.into()), now);
            }
            (None, _) | (_, None) => self.toast(ToastKind::Note, "No model is loaded", None, now),
        }
    }

    /// What a person should hear of a load that went well.
    pub(in crate::app::update) fn tell_of_load(&mut self, info: &ModelInfo, kept: bool, now: Instant) {
        for note in &info.notes {
            self.toast(ToastKind::Warning, note.message.clone(), note.hint.clone(), now);
        }
        match &info.copy {
            KeptCopy::Possible if info.load_time >= WORTH_KEEPING => {
                let took = seconds(info.load_time);
                let text = format!("Quantising {} as {} took {took}", info.name, info.quant);
                let hint = format!("{} keeps the copy: it loads quickly then", self.key(Action::KeepCopy));
                self.toast(ToastKind::Note, text, Some(hint), now);
            }
            KeptCopy::Kept(path) if kept => {
                let text = format!("{} is kept as {}", info.name, info.quant);
                self.toast(ToastKind::Note, text, Some(path.display().to_string()), now);
                self.emit(Effect::Hub(HubCmd::ScanLocal));
            }
            KeptCopy::None | KeptCopy::Possible | KeptCopy::Kept(_) => {}
        }
    }

    pub(in crate::app::update) fn load(&mut self, model: &LocalModel, now: Instant) {
        self.load_with(model, self.settings.engine.load, now);
    }

    fn load_with(&mut self, model: &LocalModel, settings: LoadSettings, now: Instant) {
        let spec = match ModelSpec::of(model, settings) {
            Ok(spec) => spec,
            Err(error) => return self.toast_error(&error, now),
        };
        if self.chat.is_busy() {
            self.stop();
        }
        let id = self.next_load();
        self.engine = EngineStatus::Loading {
            id,
            name: model.name.clone(),
            stage: crate::domain::LoadStage::Starting,
            since: now,
        };
        self.memory = None;
        self.keeping = settings.keep;
        self.loaded_with = settings;
        self.wanted = Some(model.clone());
        self.emit(Effect::Engine(EngineCmd::Load { id, spec }));
        self.touch(Dirty::Now);
    }
}
