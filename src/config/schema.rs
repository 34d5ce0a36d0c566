//! What there is to know about a setting, and what can be done with that: check, read, step, show.

use crate::config::{Settings, Value, theme};
use crate::domain::model::ModelRef;

/// What values a setting takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Bool,
    /// `start` is where stepping begins when nothing is set.
    Int {
        min: i64,
        max: i64,
        step: i64,
        start: i64,
    },
    Float {
        min: f64,
        /// `min` itself is not allowed.
        above_min: bool,
        max: f64,
        step: f64,
        start: f64,
    },
    Choice(&'static [&'static str]),
    /// The id of a theme. Which ones there are, [`theme::Themes`] knows.
    Theme,
    /// A MODEL.
    Model,
    Text,
    /// A list of folders.
    Folders,
}

/// When a change of a setting acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Applies {
    AtOnce,
    NextMessage,
    /// When the model is loaded again.
    Reload,
    /// When hobnob is started again.
    Restart,
}

impl Applies {
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::AtOnce => "acts at once",
            Self::NextMessage => "acts on the next message",
            Self::Reload => "acts when the model is loaded again",
            Self::Restart => "acts when hobnob is started again",
        }
    }
}

/// All there is to know about one setting.
#[derive(Debug)]
pub struct Spec {
    /// Its name in the config file, `table.key`.
    pub key: &'static str,
    /// Its heading in the settings pane.
    pub section: &'static str,
    pub title: &'static str,
    /// One or two plain sentences.
    pub help: &'static str,
    pub kind: Kind,
    pub applies: Applies,
    /// What holds when nothing is set; `None` for settings that always have a value.
    pub unset: Option<&'static str>,
    /// The environment variables that set it; the first that is there counts.
    pub env: &'static [&'static str],
    pub get: fn(&Settings) -> Value,
    /// Checks and sets. The error completes "`key` …": `must be a number from 0 to 2, not 3`.
    pub set: fn(&mut Settings, Value) -> Result<(), String>,
}

impl PartialEq for Spec {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Spec {
    #[must_use]
    pub fn default(&self) -> Value {
        (self.get)(&Settings::default())
    }

    /// What is allowed: `a number from 0 to 2`.
    #[must_use]
    pub fn allowed(&self) -> String {
        match self.kind {
            Kind::Bool => "true or false".to_owned(),
            Kind::Int { min, max, .. } => format!("a whole number from {min} to {max}"),
            Kind::Float { min, max, above_min: false, .. } => format!("a number from {min} to {max}"),
            Kind::Float { min, max, above_min: true, .. } => format!("a number above {min} and up to {max}"),
            Kind::Choice(choices) => {
                let quoted: Vec<String> = choices.iter().map(|choice| format!("\"{choice}\"")).collect();
                match quoted.split_last() {
                    Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
                    _ => quoted.concat(),
                }
            }
            Kind::Theme => "the name of a theme".to_owned(),
            Kind::Model => "a model: `starter`, a repository like `org/repo`, or a path".to_owned(),
            Kind::Text => "a text".to_owned(),
            Kind::Folders => "a list of folders, like [\"~/models\"]".to_owned(),
        }
    }

    /// The value as the setting holds it, or why it may not.
    ///
    /// # Errors
    /// A text that completes "`key` …": `must be a number from 0 to 2, not 3`.
    pub fn check(&self, value: Value) -> Result<Value, String> {
        let bad = |value: &Value| format!("must be {}, not {}", self.allowed(), value.describe());
        match (self.kind, value) {
            (_, Value::Unset) if self.unset.is_some() => Ok(Value::Unset),
            (Kind::Bool, value @ Value::Bool(_)) | (Kind::Text, value @ Value::Text(_)) => Ok(value),
            (Kind::Int { min, max, .. }, value @ Value::Int(int)) => {
                if (min..=max).contains(&int) {
                    Ok(value)
                } else {
                    Err(bad(&value))
                }
            }
            (Kind::Float { .. }, Value::Int(int)) => {
                // Every whole number in any of the ranges is exact.
                #[allow(clippy::cast_precision_loss)]
                let float = int as f64;
                self.check(Value::Float(float))
            }
            (Kind::Float { min, max, above_min, .. }, value @ Value::Float(float)) => {
                let inside = (min..=max).contains(&float) && !(above_min && float <= min);
                if inside { Ok(value) } else { Err(bad(&value)) }
            }
            (Kind::Choice(choices), Value::Text(text)) => {
                let lower = text.to_lowercase();
                match choices.iter().find(|choice| **choice == lower) {
                    Some(choice) => Ok(Value::Text((*choice).to_owned())),
                    None => Err(bad(&Value::Text(text))),
                }
            }
            (Kind::Theme, Value::Text(text)) => {
                if theme::is_id(&text) {
                    Ok(Value::Text(text))
                } else {
                    Err(bad(&Value::Text(text)))
                }
            }
            (Kind::Model, Value::Text(text)) => match ModelRef::parse(&text) {
                Ok(_) => Ok(Value::Text(text.trim().to_owned())),
                Err(_) => Err(bad(&Value::Text(text))),
            },
            (Kind::Folders, Value::List(items)) => match items.iter().position(|item| item.trim().is_empty()) {
                None => Ok(Value::List(items)),
                Some(index) => Err(format!("must be {}, and its entry {} is empty", self.allowed(), index + 1)),
            },
            (_, value) => Err(bad(&value)),
        }
    }

    /// Reads a value as a person types it in a field, or as the environment has it. An empty text unsets what may be unset.
    ///
    /// # Errors
    /// As [`Spec::check`].
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let word = text.trim();
        if word.is_empty() && self.unset.is_some() {
            return Ok(Value::Unset);
        }
        let typed = Value::Text(word.to_owned());
        let value = match self.kind {
            Kind::Bool => match word.to_lowercase().as_str() {
                "true" | "on" | "yes" | "1" => Value::Bool(true),
                "false" | "off" | "no" | "0" => Value::Bool(false),
                _ => typed,
            },
            Kind::Int { .. } => word.replace('_', "").parse().map_or(typed, Value::Int),
            Kind::Float { .. } => word.parse().map_or(typed, Value::Float),
            Kind::Choice(_) | Kind::Theme | Kind::Model => typed,
            Kind::Text => Value::Text(text.to_owned()),
            Kind::Folders => Value::List(
                word.split(',').map(str::trim).filter(|folder| !folder.is_empty()).map(str::to_owned).collect(),
            ),
        };
        self.check(value)
    }

    /// The value so many steps away: numbers move along the grid of their step and stop at the ends, choices go round.
    /// Kinds that have no steps stay as they are.
    #[must_use]
    pub fn stepped(&self, value: &Value, steps: i32) -> Value {
        match (self.kind, value) {
            (Kind::Int { start, .. }, Value::Unset) => Value::Int(start),
            (Kind::Float { start, .. }, Value::Unset) => Value::Float(start),
            (Kind::Int { min, max, step, .. }, Value::Int(int)) => {
                let place = if steps >= 0 { int.div_euclid(step) } else { (int + step - 1).div_euclid(step) };
                Value::Int(((place + i64::from(steps)) * step).clamp(min, max))
            }
            (Kind::Float { min, max, step, above_min, .. }, Value::Float(float)) => {
                // A hair's breadth keeps 0.7 / 0.05 = 13.999… on its own mark.
                let place = if steps >= 0 { (float / step + 1e-6).floor() } else { (float / step - 1e-6).ceil() };
                let low = if above_min { min + step } else { min };
                let next = ((place + f64::from(steps)) * step * 1e6).round() / 1e6;
                Value::Float(next.clamp(low, max))
            }
            (Kind::Bool, _) => {
                let mut round = vec![Value::Bool(false), Value::Bool(true)];
                if self.unset.is_some() {
                    round.insert(0, Value::Unset);
                }
                turn(&round, value, steps)
            }
            (Kind::Choice(choices), _) => {
                let round: Vec<Value> = choices.iter().map(|choice| Value::Text((*choice).to_owned())).collect();
                turn(&round, value, steps)
            }
            _ => value.clone(),
        }
    }

    /// The value for a person: what it means to be unset in place of "not set".
    #[must_use]
    pub fn show(&self, value: &Value) -> String {
        match (value, self.unset) {
            (Value::Unset, Some(meaning)) => meaning.to_owned(),
            _ => value.to_string(),
        }
    }

    /// The next step for somebody whose value was refused.
    #[must_use]
    pub(super) fn advice(&self) -> String {
        match self.unset {
            Some(meaning) => format!("leave it out for the default: {meaning}"),
            None => format!("leave it out for the default: {}", self.default().to_toml()),
        }
    }
}

fn turn(round: &[Value], value: &Value, steps: i32) -> Value {
    let here = round.iter().position(|candidate| candidate == value).unwrap_or(0);
    let count = i64::try_from(round.len()).unwrap_or(1);
    let next = (i64::try_from(here).unwrap_or(0) + i64::from(steps)).rem_euclid(count);
    round[usize::try_from(next).unwrap_or(0)].clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SPECS, spec};
    use std::collections::BTreeSet;

    fn get(key: &str) -> &'static Spec {
        spec(key).expect("a setting of that name")
    }

    #[test]
    fn every_default_passes_its_own_check_and_comes_back() {
        for spec in SPECS {
            let default = spec.default();
            assert_eq!(spec.check(default.clone()), Ok(default.clone()), "{}", spec.key);
            let mut settings = Settings::default();
            (spec.set)(&mut settings, default).expect("the default can be set");
            assert_eq!(settings, Settings::default(), "{}", spec.key);
            assert_eq!(spec.unset.is_some(), (spec.set)(&mut settings, Value::Unset).is_ok(), "{}", spec.key);
            assert!(!spec.help.is_empty() && spec.help.ends_with('.'), "{}", spec.key);
        }
        assert_eq!(SPECS.iter().map(|spec| spec.key).collect::<BTreeSet<_>>().len(), SPECS.len());
    }

    #[test]
    fn each_key_sets_its_own_field() {
        for spec in SPECS {
            let other = match spec.kind {
                Kind::Bool => Value::Bool(spec.default() != Value::Bool(true)),
                Kind::Int { max, .. } => Value::Int(max),
                Kind::Float { max, .. } => Value::Float(max),
                Kind::Choice(choices) => Value::Text(choices[choices.len() - 1].to_owned()),
                Kind::Theme => Value::Text("other".into()),
                Kind::Model => Value::Text("org/repo".into()),
                Kind::Text => Value::Text("text".into()),
                Kind::Folders => Value::List(vec!["/a".into(), "/b".into()]),
            };
            let mut settings = Settings::default();
            (spec.set)(&mut settings, other.clone()).expect("a value of its kind");
            for any in SPECS {
                let expected = if any == spec { other.clone() } else { any.default() };
                assert_eq!((any.get)(&settings), expected, "{} after {}", any.key, spec.key);
            }
        }
    }

    #[test]
    fn ranges_hold_and_say_so() {
        let temperature = get("sampling.temperature");
        assert_eq!(temperature.check(Value::Int(1)), Ok(Value::Float(1.0)));
        assert_eq!(temperature.check(Value::Float(2.5)), Err("must be a number from 0 to 2, not 2.5".into()));
        assert_eq!(
            temperature.check(Value::Text("hot".into())),
            Err("must be a number from 0 to 2, not the text \"hot\"".into())
        );
        assert!(temperature.check(Value::Float(f64::NAN)).is_err());
        assert!(get("sampling.top_p").check(Value::Float(0.0)).is_err());
        assert!(get("sampling.top_p").check(Value::Float(0.01)).is_ok());
        assert!(get("chat.max_tokens").check(Value::Int(0)).is_err());
        assert!(get("engine.context").check(Value::Float(4096.0)).is_err());
        assert_eq!(get("engine.device").check(Value::Text("CPU".into())), Ok(Value::Text("cpu".into())));
        assert!(get("model").check(Value::Text("a:b c".into())).is_err());
        assert!(get("models.folders").check(Value::List(vec![String::new()])).is_err());
        assert!(get("ui.theme").check(Value::Text("../../etc/passwd".into())).is_err());
    }

    #[test]
    fn steps_keep_to_the_grid_and_the_range() {
        let up = |key: &str, value: Value| get(key).stepped(&value, 1);
        let down = |key: &str, value: Value| get(key).stepped(&value, -1);
        assert_eq!(up("sampling.temperature", Value::Float(0.7)), Value::Float(0.75));
        assert_eq!(down("sampling.temperature", Value::Float(0.7)), Value::Float(0.65));
        assert_eq!(up("sampling.temperature", Value::Float(0.72)), Value::Float(0.75));
        assert_eq!(down("sampling.temperature", Value::Float(0.72)), Value::Float(0.7));
        assert_eq!(up("sampling.temperature", Value::Float(2.0)), Value::Float(2.0));
        assert_eq!(down("sampling.temperature", Value::Float(0.0)), Value::Float(0.0));
        assert_eq!(up("sampling.temperature", Value::Unset), Value::Float(0.7));
        assert_eq!(down("sampling.top_p", Value::Float(0.05)), Value::Float(0.05));
        assert_eq!(up("engine.context", Value::Int(4096)), Value::Int(5120));
        assert_eq!(up("engine.context", Value::Int(256)), Value::Int(1024));
        assert_eq!(down("engine.context", Value::Int(5000)), Value::Int(4096));
        assert_eq!(down("engine.context", Value::Int(1024)), Value::Int(256));
        assert_eq!(up("ui.mouse", Value::Bool(false)), Value::Bool(true));
        assert_eq!(up("ui.ascii", Value::Bool(true)), Value::Unset);
        assert_eq!(down("engine.device", Value::Text("auto".into())), Value::Text("cpu".into()));
        let mut value = Value::Float(0.0);
        for _ in 0..40 {
            value = up("sampling.temperature", value);
        }
        assert_eq!(value, Value::Float(2.0));
    }

    #[test]
    fn what_is_typed_is_read() {
        assert_eq!(get("ui.mouse").parse("on"), Ok(Value::Bool(true)));
        assert_eq!(get("sampling.temperature").parse(" 0.5 "), Ok(Value::Float(0.5)));
        assert_eq!(get("sampling.temperature").parse(""), Ok(Value::Unset));
        assert_eq!(get("engine.context").parse("32_768"), Ok(Value::Int(32_768)));
        assert!(get("engine.context").parse("1,5").is_err());
        assert!(get("engine.context").parse("").is_err());
        assert_eq!(get("models.folders").parse("~/a, /b,"), Ok(Value::List(vec!["~/a".to_owned(), "/b".to_owned()])));
        assert!(get("engine.device").parse("gpu").expect_err("not a choice").contains("\"auto\" or \"cpu\""));
    }

    #[test]
    fn numbers_are_written_cleanly() {
        assert_eq!(Value::Float(0.1 + 0.6).to_toml(), "0.7");
        assert_eq!(Value::Float(0.1 + 0.6).to_string(), "0.7");
        assert_eq!(Value::Float(1.0).to_toml(), "1.0");
        assert_eq!(Value::Text("a \"b\"".into()).to_toml(), "'a \"b\"'");
        assert_eq!(Value::List(vec!["a".into()]).to_toml(), "[\"a\"]");
        assert_eq!(Value::Unset.to_toml(), "");
    }
}
