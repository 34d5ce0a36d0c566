//! The Settings pane: a row for every setting, made from the table of settings.

use crate::app::picker::move_selection;
use crate::app::text_area::TextArea;
use crate::config::{BY_MODEL, Kind, SPECS, Settings, Spec, Value};
use crate::domain::Thinking;
use crate::domain::action::Action;
use crate::domain::model::ModelFacts;
use crate::domain::recommend;
use crate::domain::sampling::{Sampling, SamplingPatch};

#[derive(Debug, Default)]
pub struct SettingsPane {
    pub selected: usize,
    /// Changes that are not written yet.
    pub unsaved: Vec<(&'static str, Option<Value>)>,
}

/// A value that is being typed.
#[derive(Debug)]
pub struct ValueEditor {
    pub spec: &'static Spec,
    pub area: TextArea,
    /// Of this conversation alone.
    pub here: bool,
    /// Why what is typed can't be taken.
    pub error: Option<String>,
}

impl ValueEditor {
    #[must_use]
    pub fn new(spec: &'static Spec, settings: &Settings) -> Self {
        let value = (spec.get)(settings);
        let text = if value == Value::Unset { String::new() } else { value.to_string() };
        let mut area = if spec.kind == Kind::Text {
            let mut area = TextArea::default();
            area.set(&text);
            area
        } else {
            TextArea::one_line(&text)
        };
        area.act(Action::TextEnd);
        Self { spec, area, here: false, error: None }
    }
}

/// What the model that is loaded recommends of a setting that is left to it.
#[must_use]
pub fn recommended(spec: &Spec, facts: &ModelFacts, thinking: Thinking) -> Value {
    of_sampling(spec, recommend::in_force(facts, thinking))
}

fn of_sampling(spec: &Spec, sampling: SamplingPatch) -> Value {
    (spec.get)(&Settings { sampling, ..Settings::default() })
}

/// A setting in words; where it is left to the model that is loaded, with what that recommends.
#[must_use]
pub fn in_words(spec: &Spec, settings: &Settings, model: Option<&ModelFacts>, thinking: Thinking) -> String {
    let value = (spec.get)(settings);
    let (Value::Unset, Some(BY_MODEL), Some(facts)) = (&value, spec.unset, model) else { return spec.show(&value) };
    let ours = SamplingPatch {
        temperature: Some(Sampling::DEFAULT_TEMPERATURE),
        top_p: Some(Sampling::DEFAULT_TOP_P),
        ..SamplingPatch::default()
    };
    match (recommended(spec, facts, thinking), of_sampling(spec, ours)) {
        (Value::Unset, Value::Unset) => "none of its own: off".to_owned(),
        (Value::Unset, ours) => format!("none of its own: {ours}"),
        (its, _) => format!("{BY_MODEL}: {its}"),
    }
}

impl SettingsPane {
    #[must_use]
    pub fn chosen(&self) -> &'static Spec {
        &SPECS[self.selected.min(SPECS.len() - 1)]
    }

    pub fn go_to(&mut self, key: &str) {
        if let Some(i) = SPECS.iter().position(|s| s.key == key) {
            self.selected = i;
        }
    }

    pub fn act(&mut self, action: Action) -> bool {
        move_selection(&mut self.selected, SPECS.len(), action)
    }

    /// Notes a change for the file; a later one of the same key replaces it.
    pub fn note(&mut self, key: &'static str, value: Option<Value>) {
        self.unsaved.retain(|(k, _)| *k != key);
        self.unsaved.push((key, value));
    }
}
