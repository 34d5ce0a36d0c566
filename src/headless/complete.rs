//! What this machine knows for completion: models, conversations, templates, themes. No network, no model's header, no log:
//! somebody has pressed Tab.

use std::path::Path;

use crate::config::templates::Templates;
use crate::config::theme::Themes;
use crate::config::{Kind, Loaded, spec};
use crate::domain::completion::bash::escaped;
use crate::domain::completion::{Candidate, Completion, Values};
use crate::domain::model::{Format, LocalModel, ModelFacts, starter};
use crate::domain::units::bytes;
use crate::error::UserError;
use crate::headless::hub_options;
use crate::hub::{self, Options};
use crate::store::Store;
use crate::text::sanitize;

/// More than anybody looks through.
const MOST: usize = 300;

/// How the shell takes what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Words as they are.
    Words,
    /// Pieces of bash: so many bytes of each word stay, and what is left is written as bash would read it in this quote.
    Bash { stays: usize, quote: Option<char> },
}

/// The lines for the shell's script: first what to do, then a value on each, with what it means behind a tab.
#[must_use]
pub fn lines(completion: Completion, takes: Takes, loaded: &Loaded) -> String {
    let Completion { candidates, values, before, typed } = completion;
    let mut found = Found { candidates, before, typed, kind: "words" };
    found.look_up(&values, loaded);
    let mut out = format!("{}\n", found.kind);
    for Candidate { value, about } in found.candidates.into_iter().take(MOST) {
        let value = format!("{}{value}", found.before);
        let value = match takes {
            Takes::Words => value,
            Takes::Bash { stays, quote } => escaped(value.get(stays..).unwrap_or(&value), quote),
        };
        // A name with a line feed in it would be two.
        if value.chars().any(char::is_control) {
            continue;
        }
        let about = sanitize(&about).replace(['\n', '\t'], " ");
        out.push_str(&value);
        if !about.is_empty() {
            out.push('\t');
            out.push_str(&about);
        }
        out.push('\n');
    }
    out
}

struct Found {
    candidates: Vec<Candidate>,
    before: String,
    typed: String,
    /// `words` end with a space, `open` ones go on; `files` and `folders` are the shell's.
    kind: &'static str,
}

impl Found {
    fn add(&mut self, value: &str, about: &str) {
        let begins = value.get(..self.typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(&self.typed));
        if begins && !self.candidates.iter().any(|there| there.value == value) {
            self.candidates.push(Candidate { value: value.to_owned(), about: about.to_owned() });
        }
    }

    fn look_up(&mut self, values: &Values, loaded: &Loaded) {
        if is_path(&self.typed) && is_also_a_path(values) {
            self.kind = "files";
            return;
        }
        match values {
            Values::None => {}
            Values::Files => self.kind = "files",
            Values::Folders => self.kind = "folders",
            Values::TextOrFile => self.file_behind_at(),
            Values::Models => {
                self.models_here(loaded);
                self.models_of_the_catalog(loaded);
            }
            Values::ModelsHere => self.models_here(loaded),
            Values::ModelsToPull => self.models_of_the_catalog(loaded),
            Values::Sessions => self.sessions(loaded),
            Values::Templates => {
                let templates = Templates::new(&loaded.paths.templates_dir());
                for name in templates.names().0 {
                    let about = templates.get(&name).map(|template| template.description).unwrap_or_default();
                    self.add(&name, &about);
                }
            }
            Values::Personas => {
                for persona in &loaded.personas {
                    self.add(&persona.name, &persona.about());
                }
            }
            Values::Variables(template) => self.variables(template.as_deref(), loaded),
            Values::Themes => {
                for theme in Themes::with_user_dir(&loaded.paths.themes_dir).list() {
                    self.add(&theme.id, &theme.name);
                }
            }
        }
    }

    fn models_here(&mut self, loaded: &Loaded) {
        let options = Options { probe: unread, ..hub_options(loaded) };
        let (models, _) = hub::scan(&options);
        for model in &models {
            self.add(&model.reference, &bytes(model.bytes));
        }
        // Plain weights can be quantised while they are loaded: `org/repo:q4`.
        let Some((base, _)) = self.typed.rsplit_once(':') else { return };
        let is_plain = |model: &LocalModel| model.reference == base && model.format == Format::Safetensors;
        let Some(Kind::Choice(choices)) = spec("engine.quantise").map(|spec| spec.kind) else { return };
        if models.iter().any(is_plain) {
            let base = base.to_owned();
            for choice in choices.iter().filter(|choice| **choice != "auto") {
                self.add(&format!("{base}:{choice}"), "quantised while it is loaded");
            }
        }
    }

    fn models_of_the_catalog(&mut self, loaded: &Loaded) {
        self.add("starter", &format!("a small model to try things with, {}", bytes(starter::BYTES)));
        for entry in loaded.catalog().entries {
            self.add(&entry.name, &entry.about);
            if self.typed.contains(':') {
                for route in &entry.routes {
                    let about = route.bytes.map(bytes).unwrap_or_default();
                    self.add(&format!("{}:{}", entry.name, route.quant.to_lowercase()), &about);
                }
            }
        }
    }

    fn sessions(&mut self, loaded: &Loaded) {
        let Ok(Some((store, _))) = Store::open_to_read(&loaded.paths.conversations_file()) else { return };
        for session in store.list(false).unwrap_or_default().into_iter().take(MOST) {
            self.add(&session.id.short(), &session.title);
        }
    }

    fn variables(&mut self, template: Option<&str>, loaded: &Loaded) {
        if let Some((name, value)) = self.typed.split_once('=') {
            (self.before, self.typed) = (format!("{}{name}=", self.before), value.to_owned());
            return self.file_behind_at();
        }
        let templates = Templates::new(&loaded.paths.templates_dir());
        let Some(Ok(template)) = template.map(|name| templates.get(name)) else { return };
        self.kind = "open";
        for variable in &template.variables {
            self.add(&format!("{}=", variable.name), &variable.description);
        }
    }

    /// Of `@FILE` the shell knows nothing.
    fn file_behind_at(&mut self) {
        let Some(path) = self.typed.strip_prefix('@').map(str::to_owned) else { return };
        self.kind = "open";
        let (folder, name) = path.rfind('/').map_or(("", path.as_str()), |at| path.split_at(at + 1));
        let Ok(files) = std::fs::read_dir(if folder.is_empty() { "." } else { folder }) else { return };
        let mut names: Vec<String> = files
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let end = if entry.path().is_dir() { "/" } else { "" };
                Some(format!("{}{end}", entry.file_name().to_str()?))
            })
            .filter(|file| file.starts_with(name) && (name.starts_with('.') || !file.starts_with('.')))
            .collect();
        names.sort();
        for name in names {
            self.add(&format!("@{folder}{name}"), "");
        }
    }
}

/// What is in a model's header takes too long to read for a name.
#[allow(clippy::unnecessary_wraps)] // as a probe is
fn unread(_: &Path) -> Result<ModelFacts, UserError> {
    Ok(ModelFacts::default())
}

/// In whose place there can be a file.
fn is_also_a_path(values: &Values) -> bool {
    matches!(values, Values::Models | Values::ModelsHere | Values::ModelsToPull | Values::Templates)
}

fn is_path(typed: &str) -> bool {
    typed.starts_with(['.', '/', '~'])
}
