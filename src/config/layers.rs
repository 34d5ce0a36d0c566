//! Defaults, then the config file, then the environment, then flags: who says what.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use toml_edit::{Item, Key, TableLike};

use crate::config::catalog;
use crate::config::file::{Source, expand_tilde, span_of};
use crate::config::keymap::KeyMap;
use crate::config::personas::{self, Persona};
use crate::config::suggest::nearest_key;
use crate::config::{Kind, Paths, SPECS, Settings, Spec, Value, spec, theme};
use crate::domain::catalog::{Catalog, Entry};
use crate::error::{ErrorKind, UserError};

/// Where the value of a setting is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    Default,
    /// The config file.
    File {
        line: usize,
    },
    /// A variable of the environment.
    Env(&'static str),
    /// An option of the command line.
    Flag(&'static str),
    /// Changed since the start and not saved.
    Session,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { line } => write!(f, "config file, line {line}"),
            Self::Env(name) | Self::Flag(name) => f.write_str(name),
            Self::Session => f.write_str("this session"),
        }
    }
}

/// Where each setting's value is from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origins(BTreeMap<&'static str, Origin>);

impl Origins {
    #[must_use]
    pub fn get(&self, key: &str) -> Origin {
        self.0.get(key).copied().unwrap_or(Origin::Default)
    }

    pub fn set(&mut self, key: &'static str, origin: Origin) {
        self.0.insert(key, origin);
    }
}

/// What there is to load from. Nothing else is looked at, so that a test can hold all of it.
#[derive(Clone)]
pub struct Sources<'a> {
    /// Looks up a variable of the environment.
    pub env: &'a dyn Fn(&str) -> Option<OsString>,
    /// `--config FILE`.
    pub config_flag: Option<PathBuf>,
    /// Key, value, and the name of the option that says it, like `--temperature`.
    pub flags: Vec<(&'static str, Value, &'static str)>,
}

impl fmt::Debug for Sources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("config_flag", &self.config_flag)
            .field("flags", &self.flags)
            .finish_non_exhaustive()
    }
}

/// The settings in force, and everything that is known about them.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub settings: Settings,
    /// As they are without the command line: what it says is for one call.
    pub lasting: Settings,
    pub origins: Origins,
    pub keymap: KeyMap,
    /// What the config file adds to the catalog.
    pub catalog: Vec<Entry>,
    pub personas: Vec<Persona>,
    pub paths: Paths,
    /// What was refused and why. Everything else is in force.
    pub problems: Vec<UserError>,
}

impl Loaded {
    /// The list that comes with the program, and what the config file adds to it.
    #[must_use]
    pub fn catalog(&self) -> Catalog {
        catalog::with(self.catalog.clone())
    }
}

/// Merges all layers. Never fails: what is wrong is in `problems`, and its key keeps the value of the layer below.
#[must_use]
pub fn load(sources: &Sources) -> Loaded {
    let (mut paths, homeless) = Paths::resolve(sources.env);
    let mut merge = Merge {
        settings: Settings::default(),
        origins: Origins::default(),
        catalog: Vec::new(),
        personas: Vec::new(),
        problems: homeless.into_iter().collect(),
    };

    let mut asked_for_by = (sources.env)("HOBNOB_CONFIG").filter(|file| !file.is_empty()).map(|_| "HOBNOB_CONFIG");
    if let Some(file) = &sources.config_flag {
        paths.config_file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        asked_for_by = Some("--config");
    }
    let keymap = merge.file(&paths.config_file, asked_for_by);
    merge.environment(sources.env);
    let lasting = merge.settings.clone();
    merge.flags(&sources.flags);

    merge.check_theme(&paths);
    let home = (sources.env)("HOME").map(PathBuf::from);
    let base = paths.config_file.parent().unwrap_or(&paths.config_dir);
    for folder in &mut merge.settings.models.folders {
        *folder = base.join(expand_tilde(folder, home.as_deref()));
    }

    let Merge { settings, origins, catalog, personas, problems } = merge;
    Loaded { settings, lasting, origins, keymap, catalog, personas, paths, problems }
}

struct Merge {
    settings: Settings,
    origins: Origins,
    catalog: Vec<Entry>,
    personas: Vec<Persona>,
    problems: Vec<UserError>,
}

impl Merge {
    /// Sets a key, or says why not.
    fn put(&mut self, spec: &'static Spec, value: Value, origin: Origin) -> Result<(), String> {
        (spec.set)(&mut self.settings, value)?;
        self.origins.set(spec.key, origin);
        Ok(())
    }

    fn file(&mut self, path: &Path, asked_for_by: Option<&str>) -> KeyMap {
        let source = match (Source::read(path), asked_for_by) {
            (Ok(Some(source)), _) => source,
            (Ok(None), None) => return KeyMap::default(),
            (Ok(None), Some(who)) => {
                self.problems.push(
                    UserError::new(ErrorKind::Config, format!("{who}: there is no file {}", path.display()))
                        .hint("check the path; without it the default place is used"),
                );
                return KeyMap::default();
            }
            (Err(problem), _) => {
                self.problems.push(problem);
                return KeyMap::default();
            }
        };
        let document = match source.parse() {
            Ok(document) => document,
            Err(problem) => {
                self.problems.push(problem);
                return KeyMap::default();
            }
        };
        let mut keymap = KeyMap::default();
        for (name, item) in document.iter() {
            let key = document.key(name);
            if name == "keys" {
                keymap = KeyMap::with_overrides(&source, key, item, &mut self.problems);
            } else if name == catalog::TABLE {
                self.catalog = catalog::read(&source, key, item, &mut self.problems);
            } else if name == personas::TABLE {
                self.personas = personas::read(&source, key, item, &mut self.problems);
            } else {
                self.entry(&source, name, key, item);
            }
        }
        keymap
    }

    /// A key at the top of the file, or a table of keys.
    fn entry(&mut self, source: &Source, name: &str, key: Option<&Key>, item: &Item) {
        if let Some(spec) = spec(name) {
            self.value(source, spec, key, item);
        } else if is_table(name) {
            match item.as_table_like() {
                Some(table) => self.table(source, name, table),
                None => self.problems.push(
                    source
                        .problem(span_of(key, item).as_ref(), &format!("`{name}` is a table, not a value"))
                        .hint(format!("write its keys under a line `[{name}]`")),
                ),
            }
        } else {
            self.unknown(source, name, key, item);
        }
    }

    fn table(&mut self, source: &Source, table_name: &str, table: &dyn TableLike) {
        for (name, item) in table.iter() {
            let full = format!("{table_name}.{name}");
            match spec(&full) {
                Some(spec) => self.value(source, spec, table.key(name), item),
                None => self.unknown(source, &full, table.key(name), item),
            }
        }
    }

    fn value(&mut self, source: &Source, spec: &'static Spec, key: Option<&Key>, item: &Item) {
        let span = span_of(key, item);
        let line = span.as_ref().map_or(1, |span| source.line(span.start));
        let set = match from_toml(item) {
            Ok(value) => self.put(spec, value, Origin::File { line }),
            Err(what) => Err(format!("must be {}, not {what}", spec.allowed())),
        };
        if let Err(why) = set {
            self.problems.push(source.problem(span.as_ref(), &format!("`{}` {why}", spec.key)).hint(spec.advice()));
        }
    }

    fn unknown(&mut self, source: &Source, name: &str, key: Option<&Key>, item: &Item) {
        let what = if item.is_table_like() || item.is_array_of_tables() { "table" } else { "key" };
        let problem = source.problem(span_of(key, item).as_ref(), &format!("unknown {what} `{name}`"));
        let mut known: Vec<&str> = SPECS.iter().map(|spec| spec.key).collect();
        if what == "table" {
            known = tables().collect();
        }
        self.problems.push(match nearest_key(name, &known) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint("`hobnob config show` lists every key"),
        });
    }

    fn environment(&mut self, env: &dyn Fn(&str) -> Option<OsString>) {
        for spec in SPECS {
            let said = spec.env.iter().find_map(|name| Some((*name, env(name).filter(|text| !text.is_empty())?)));
            let Some((name, said)) = said else { continue };
            let value = match said.to_str() {
                // As the Hub's Python client takes it: what is not a yes is a no.
                Some(text) if spec.kind == Kind::Bool => {
                    Ok(Value::Bool(matches!(text.to_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE")))
                }
                Some(text) => spec.parse(text),
                None => Err("is not UTF-8 text".to_owned()),
            };
            if let Err(why) = value.and_then(|value| self.put(spec, value, Origin::Env(name))) {
                self.problems.push(
                    UserError::new(ErrorKind::Config, format!("{name} (`{}`) {why}", spec.key))
                        .hint(format!("correct it, or `unset {name}`")),
                );
            }
        }
    }

    fn flags(&mut self, flags: &[(&'static str, Value, &'static str)]) {
        for (key, value, flag) in flags {
            let set = match spec(key) {
                Some(spec) => self.put(spec, value.clone(), Origin::Flag(flag)),
                None => Err(format!("sets `{key}`, which is not a setting")),
            };
            if let Err(why) = set {
                self.problems.push(
                    UserError::new(ErrorKind::Usage, format!("{flag} {why}"))
                        .hint("the command's own `--help` says what it takes"),
                );
            }
        }
    }

    /// A theme that nobody has: the default one stands in, and the folder is looked into only for a better message.
    fn check_theme(&mut self, paths: &Paths) {
        const KEY: &str = "ui.theme";
        let wanted = &self.settings.ui.theme;
        if theme::exists(wanted, &paths.themes_dir) {
            return;
        }
        let mut problem = theme::Themes::with_user_dir(&paths.themes_dir).unknown(wanted);
        problem.message = match self.origins.get(KEY) {
            Origin::File { line } => format!("{}:{line}: `{KEY}`: {}", paths.config_file.display(), problem.message),
            Origin::Env(name) | Origin::Flag(name) => format!("{name}: {}", problem.message),
            Origin::Default | Origin::Session => problem.message,
        };
        self.problems.push(problem);
        theme::DEFAULT.clone_into(&mut self.settings.ui.theme);
        self.origins.set(KEY, Origin::Default);
    }
}

/// The tables of the config file that hold settings.
fn tables() -> impl Iterator<Item = &'static str> {
    let names = SPECS.iter().filter_map(|spec| spec.key.split_once('.').map(|(table, _)| table));
    let mut last = "";
    names.filter(move |name| std::mem::replace(&mut last, *name) != *name).chain([
        "keys",
        catalog::TABLE,
        personas::TABLE,
    ])
}

fn is_table(name: &str) -> bool {
    tables().any(|table| table == name)
}

/// A value of the file, or what it is instead of one.
pub(super) fn from_toml(item: &Item) -> Result<Value, String> {
    let Some(value) = item.as_value() else { return Err("a table".to_owned()) };
    Ok(match value {
        toml_edit::Value::String(text) => Value::Text(text.value().clone()),
        toml_edit::Value::Integer(int) => Value::Int(*int.value()),
        toml_edit::Value::Float(float) => Value::Float(*float.value()),
        toml_edit::Value::Boolean(bool) => Value::Bool(*bool.value()),
        toml_edit::Value::Array(items) => {
            let texts: Option<Vec<String>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            Value::List(texts.ok_or("a list of other things")?)
        }
        toml_edit::Value::Datetime(_) => return Err("a date".to_owned()),
        toml_edit::Value::InlineTable(_) => return Err("a table".to_owned()),
    })
}
