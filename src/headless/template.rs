//! The prompt template that a command line asks for.

use std::collections::BTreeMap;

use crate::config::templates::{Template, Templates, Unfilled};
use crate::config::{Loaded, Origin, Value, spec};
use crate::error::{ErrorKind, UserError};
use crate::headless::prompt::text_or_file;

/// What the command line calls it where settings come from.
const OPTION: &str = "--template";

/// A template by its name, and what is to be put into it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    pub name: Option<String>,
    /// Each as `name=value`, or `name=@FILE`.
    pub vars: Vec<String>,
}

/// A template with what the command line puts into it.
pub(super) struct Chosen {
    pub template: Template,
    given: Vars,
}

/// Values by the names of their variables.
pub(super) type Vars = BTreeMap<String, String>;

impl Chosen {
    /// Reads the template and the variables; `None` where none is wanted.
    pub fn open(wanted: &Wanted, loaded: &Loaded) -> Result<Option<Self>, UserError> {
        let Some(name) = &wanted.name else {
            return match wanted.vars.first() {
                None => Ok(None),
                Some(var) => Err(UserError::new(ErrorKind::Usage, format!("`--var {var}` has no template to go into"))
                    .hint("name one with --template; `hobnob templates` lists them")),
            };
        };
        let template = Templates::new(&loaded.paths.templates_dir()).get(name)?;
        let given = wanted.vars.iter().map(|var| variable(var)).collect::<Result<Vars, _>>()?;
        template.check_names(given.keys())?;
        Ok(Some(Self { template, given }))
    }

    /// Puts what the template sets under what the command line says.
    pub fn settle(&self, loaded: &mut Loaded) -> Result<(), UserError> {
        for (key, value) in &self.template.settings {
            put(loaded, key, value.clone())?;
        }
        Ok(())
    }

    /// The system prompt and the prompt, with the variables of the command line and, over them, `more`.
    pub fn fill(&self, more: &Vars, input: &str) -> Result<(Option<String>, String), UserError> {
        self.template.check_names(more.keys())?;
        let mut given = self.given.clone();
        given.extend(more.clone());
        self.template.fill(&given, input).map_err(|missing| self.unfilled(&missing))
    }

    /// A template that is made for an input is nothing without one.
    pub fn refuse_no_input(&self, input: &str) -> Result<(), UserError> {
        if !self.template.takes_input() || !input.trim().is_empty() {
            return Ok(());
        }
        let name = &self.template.name;
        Err(UserError::new(ErrorKind::Usage, format!("there is nothing for the template `{name}` to work on"))
            .hint(format!("send it through a pipe, or write it behind the command: `hobnob run -t {name} \"…\"`")))
    }

    fn unfilled(&self, Unfilled(names): &Unfilled) -> UserError {
        let name = &self.template.name;
        let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let first = names.first().map_or("name", String::as_str);
        let about = self.template.variables.iter().find(|variable| variable.name == first);
        let about = about.map(|variable| variable.description.as_str()).filter(|text| !text.is_empty());
        let about = about.map(|text| format!(": {text}")).unwrap_or_default();
        UserError::new(ErrorKind::Usage, format!("the template `{name}` needs {}", quoted.join(" and ")))
            .hint(format!("give it with `--var {first}=…`{about}"))
    }
}

/// Sets a setting as the template says it, unless the command line does.
pub(super) fn put(loaded: &mut Loaded, key: &str, value: Value) -> Result<(), UserError> {
    let Some(spec) = spec(key) else { return Ok(()) };
    if matches!(loaded.origins.get(spec.key), Origin::Flag(_)) {
        return Ok(());
    }
    (spec.set)(&mut loaded.settings, value)
        .map_err(|why| UserError::new(ErrorKind::Config, format!("the template's `{key}` {why}")).hint("correct it"))?;
    loaded.origins.set(spec.key, Origin::Flag(OPTION));
    Ok(())
}

/// `name=value`, or `name=@FILE` for what a file holds.
fn variable(text: &str) -> Result<(String, String), UserError> {
    let Some((name, value)) = text.split_once('=') else {
        return Err(UserError::new(ErrorKind::Usage, format!("`--var {text}` says no value"))
            .hint(format!("write it as `--var {text}=VALUE`, or `--var {text}=@FILE`")));
    };
    Ok((name.trim().to_owned(), text_or_file(value)?))
}
