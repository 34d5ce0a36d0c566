//! What a conversation has of its own: the settings that belong to it and not to the program. A set of them with a name is a
//! persona.

use crate::config::suggest::nearest;
use crate::config::{Kind, SPECS, Settings, Spec, Value};
use crate::domain::store::Setup;

/// One of the settings that a conversation can have of its own.
#[must_use]
pub fn is_own(key: &str) -> bool {
    key.starts_with("sampling.") || matches!(key, "model" | "chat.system_prompt" | "chat.max_tokens" | "chat.thinking")
}

/// Those settings, in their order.
pub fn own_specs() -> impl Iterator<Item = &'static Spec> {
    SPECS.iter().filter(|spec| is_own(spec.key))
}

/// What such a setting is called where no table is around it: `temperature`.
#[must_use]
pub fn short_name(spec: &Spec) -> &'static str {
    spec.key.rsplit_once('.').map_or(spec.key, |(_, name)| name)
}

/// The setting of that name, with or without its table.
///
/// # Errors
/// There is none; what to do then.
pub fn own_called(name: &str) -> Result<&'static Spec, (String, String)> {
    let written = name.to_ascii_lowercase().replace('-', "_");
    let wanted = if written == "system" { "system_prompt" } else { &written };
    own_specs().find(|spec| spec.key == wanted || short_name(spec) == wanted).ok_or_else(|| {
        let hint = nearest(wanted, own_specs().map(short_name)).map_or_else(
            || format!("there are {}", own_specs().map(short_name).collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        (format!("no conversation has a setting `{name}`"), hint)
    })
}

/// Settings with their new values, each checked.
pub type Assignments = Vec<(&'static Spec, Value)>;

/// Reads `temperature=0.2 top_p=0.9`. A text goes on to the end: `system_prompt=Be brief.` Nothing behind the sign unsets.
///
/// # Errors
/// What is wrong, and what to do.
pub fn read_assignments(text: &str) -> Result<Assignments, (String, String)> {
    let mut all = Assignments::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=') else {
            return Err((format!("`{rest}` says no value"), "write it as in `temperature=0.2`".to_owned()));
        };
        let spec = own_called(name.trim())?;
        let (value, next) = match spec.kind {
            Kind::Text => (after, ""),
            _ => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        let value = spec.parse(value).map_err(|why| {
            let unset = spec.unset.map_or_else(String::new, |unset| format!("; `{}=` for {unset}", short_name(spec)));
            (format!("`{}` {why}", short_name(spec)), format!("for example `{}`{unset}", example(spec)))
        })?;
        all.retain(|(other, _)| *other != spec);
        all.push((spec, value));
        rest = next.trim_start();
    }
    Ok(all)
}

fn example(spec: &Spec) -> String {
    let value = match spec.kind {
        Kind::Int { start, .. } => start.to_string(),
        Kind::Float { start, .. } => start.to_string(),
        Kind::Choice(choices) => choices[choices.len() - 1].to_owned(),
        _ => "…".to_owned(),
    };
    format!("{}={value}", short_name(spec))
}

impl Settings {
    /// What a conversation is held with while nothing else is said in it.
    #[must_use]
    pub fn setup(&self) -> Setup {
        Setup {
            model: None,
            system: self.chat.system_prompt.clone(),
            sampling: self.sampling,
            max_tokens: self.chat.max_tokens,
            thinking: Some(self.chat.thinking),
            persona: None,
        }
    }

    /// The settings as they are in a conversation that is held like this.
    #[must_use]
    pub fn within(&self, setup: &Setup) -> Self {
        let mut settings = self.clone();
        settings.model.clone_from(&setup.model);
        settings.chat.system_prompt.clone_from(&setup.system);
        settings.chat.max_tokens = setup.max_tokens;
        settings.chat.thinking = setup.thinking.unwrap_or(self.chat.thinking);
        settings.sampling = setup.sampling;
        settings
    }
}

/// Changes what a conversation is held with.
pub fn assign(setup: &mut Setup, settings: &Settings, assignments: &[(&'static Spec, Value)]) {
    let mut within = settings.within(setup);
    for (spec, value) in assignments {
        // They were checked when they were read; one that is not allowed after all changes nothing.
        let _ = (spec.set)(&mut within, value.clone());
    }
    let Settings { model, .. } = &within;
    *setup = Setup { model: model.clone(), persona: setup.persona.take(), ..within.setup() };
}

/// In what a conversation's own settings differ from those of the program: the setting, and its value there.
#[must_use]
pub fn differences(setup: &Setup, settings: &Settings) -> Assignments {
    let within = settings.within(setup);
    let differs = |spec: &&Spec| spec.key != "model" && (spec.get)(&within) != (spec.get)(settings);
    own_specs().filter(differs).map(|spec| (spec, (spec.get)(&within))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        match read_assignments(text) {
            Ok(all) => all.iter().map(|(spec, value)| format!("{} {value}", spec.key)).collect::<Vec<_>>().join("; "),
            Err((what, hint)) => format!("{what} ({hint})"),
        }
    }

    #[test]
    fn assignments_are_read_and_refused() {
        for (text, expected) in [
            ("temperature=0.2", "sampling.temperature 0.2"),
            ("temperature=0.2  top-p=0.9", "sampling.temperature 0.2; sampling.top_p 0.9"),
            ("sampling.top_k=40 top_k=", "sampling.top_k not set"),
            ("thinking=OFF system=Be brief. a=b", "chat.thinking off; chat.system_prompt Be brief. a=b"),
            ("", ""),
            ("hot", "`hot` says no value (write it as in `temperature=0.2`)"),
            ("temprature=1", "no conversation has a setting `temprature` (did you mean `temperature`?)"),
            (
                "temperature=9",
                "`temperature` must be a number from 0 to 2, not 9 (for example `temperature=0.7`; `temperature=` for the model's own)",
            ),
        ] {
            assert_eq!(said(text), expected, "{text}");
        }
        assert!(said("context=1").starts_with("no conversation has a setting"));
    }

    #[test]
    fn what_is_said_in_a_conversation_is_its_own() {
        let settings = Settings::default();
        let mut setup = settings.setup();
        assert_eq!(differences(&setup, &settings), []);
        assign(&mut setup, &settings, &read_assignments("temperature=0.2 model=starter").expect("settings"));
        assert_eq!((setup.sampling.temperature, setup.model.as_deref()), (Some(0.2), Some("starter")));
        assert_eq!(differences(&setup, &settings).len(), 1);
        assert_eq!(settings.within(&setup).sampling.temperature, Some(0.2));
        assert_eq!(settings.within(&settings.setup()), settings);
    }

    #[test]
    fn names_without_their_table_are_not_mixed_up() {
        for spec in own_specs() {
            assert_eq!(own_called(short_name(spec)), Ok(spec), "{}", spec.key);
            assert_eq!(own_called(spec.key), Ok(spec));
        }
    }
}
