//! Personas: sets of a conversation's own settings with a name, from `[personas.NAME]` of the config file.

use std::path::Path;

use toml_edit::{DocumentMut, Item, Key, Table};

use crate::config::file::{Source, span_of};
use crate::config::layers::from_toml;
use crate::config::own::{Assignments, own_called, own_specs, short_name};
use crate::config::save::rewrite;
use crate::config::suggest::nearest;
use crate::error::{ErrorKind, UserError};

/// The table that they are in.
pub(super) const TABLE: &str = "personas";
/// What is not a setting in them.
const DESCRIPTION: &str = "description";

/// A named set of what a conversation is held with. What it does not say is as the settings say.
#[derive(Debug, Clone, PartialEq)]
pub struct Persona {
    pub name: String,
    /// One line for people; may be empty.
    pub description: String,
    pub values: Assignments,
}

impl Persona {
    /// What stands beside its name: its description, else what it sets.
    #[must_use]
    pub fn about(&self) -> String {
        if !self.description.is_empty() {
            return self.description.clone();
        }
        let said = self.values.iter().map(|(spec, value)| match spec.key {
            "chat.system_prompt" => format!("“{}”", value.to_string().split_whitespace().collect::<Vec<_>>().join(" ")),
            _ => format!("{} {value}", short_name(spec)),
        });
        said.collect::<Vec<_>>().join(", ")
    }
}

/// What stands for no persona: everything is as the settings say.
pub const NO_PERSONA: &str = "none";

/// The persona of that name, or the only one that begins like that.
///
/// # Errors
/// There is none; what to do then.
pub fn persona_called<'a>(personas: &'a [Persona], name: &str) -> Result<&'a Persona, String> {
    let lower = name.to_lowercase();
    let same = |persona: &&Persona| persona.name.to_lowercase() == lower;
    let mut begin = personas.iter().filter(|persona| persona.name.to_lowercase().starts_with(&lower));
    let only = begin.next().filter(|_| begin.next().is_none());
    personas.iter().find(same).or(only).ok_or_else(|| {
        let names = || personas.iter().map(|persona| persona.name.as_str());
        match nearest(name, names()) {
            Some(near) => format!("did you mean {near}?"),
            None if personas.is_empty() => format!("`[{TABLE}.NAME]` in the config file makes one"),
            None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
        }
    })
}

/// Why it can't be a name; `None` where it can.
#[must_use]
pub fn not_a_name(name: &str) -> Option<&'static str> {
    let good = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    if name == NO_PERSONA {
        return Some("it stands for no persona");
    }
    (name.is_empty() || !name.chars().all(good)).then_some("letters, digits, `-` and `_` make one")
}

/// The personas of a file. What is wrong in one is left out, and said.
pub(super) fn read(source: &Source, key: Option<&Key>, item: &Item, problems: &mut Vec<UserError>) -> Vec<Persona> {
    let Some(all) = item.as_table_like() else {
        let problem = source.problem(span_of(key, item).as_ref(), &format!("`{TABLE}` is a table, not a value"));
        problems.push(problem.hint(format!("write each of them under a line `[{TABLE}.NAME]`")));
        return Vec::new();
    };
    let mut personas = Vec::new();
    for (name, item) in all.iter() {
        let span = span_of(all.key(name), item);
        if let Some(why) = not_a_name(name) {
            let problem = source.problem(span.as_ref(), &format!("`{name}` can't be the name of a persona"));
            problems.push(problem.hint(why));
            continue;
        }
        let Some(table) = item.as_table_like() else {
            let problem = source.problem(span.as_ref(), &format!("`{TABLE}.{name}` is a table, not a value"));
            problems.push(problem.hint(format!("write its settings under a line `[{TABLE}.{name}]`")));
            continue;
        };
        let mut persona = Persona { name: name.to_owned(), description: String::new(), values: Vec::new() };
        for (key, item) in table.iter() {
            let set = if key == DESCRIPTION { describe(&mut persona, item) } else { set(&mut persona, key, item) };
            if let Err((what, hint)) = set {
                let span = span_of(table.key(key), item);
                problems.push(source.problem(span.as_ref(), &format!("[{TABLE}.{name}]: {what}")).hint(hint));
            }
        }
        personas.push(persona);
    }
    personas
}

fn describe(persona: &mut Persona, item: &Item) -> Result<(), (String, String)> {
    let text = item.as_str().ok_or_else(|| {
        (format!("`{DESCRIPTION}` must be a text"), format!("for example `{DESCRIPTION} = \"Short answers\"`"))
    })?;
    persona.description = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(())
}

fn set(persona: &mut Persona, key: &str, item: &Item) -> Result<(), (String, String)> {
    let spec = own_called(key)?;
    let value = match from_toml(item) {
        Ok(value) => spec.check(value),
        Err(what) => Err(format!("must be {}, not {what}", spec.allowed())),
    };
    let value = value.map_err(|why| (format!("`{key}` {why}"), spec.advice()))?;
    persona.values.push((spec, value));
    Ok(())
}

/// Writes a persona into the config file, in the place of one of that name. Everything else in the file stays as it is.
///
/// # Errors
/// When the file on disk can't be read as TOML (it is left alone), or when it can't be written.
pub fn save_persona(path: &Path, persona: &Persona) -> Result<(), UserError> {
    rewrite(path, |source| {
        let mut document = source.parse()?.into_mut();
        put(&mut document, persona).ok_or_else(|| {
            UserError::new(ErrorKind::Config, format!("{}: `{TABLE}` is a value where a table is needed", source.name))
                .hint("take it out of the file, and save again")
        })?;
        source.text = document.to_string();
        Ok(())
    })
}

fn put(document: &mut DocumentMut, persona: &Persona) -> Option<()> {
    let all = document.entry(TABLE).or_insert_with(|| {
        let mut table = Table::new();
        // `[personas]` alone says nothing.
        table.set_implicit(true);
        Item::Table(table)
    });
    let all = all.as_table_like_mut()?;
    let mut table = Table::new();
    if !persona.description.is_empty() {
        table.insert(DESCRIPTION, toml_edit::value(persona.description.as_str()));
    }
    for spec in own_specs() {
        let said = persona.values.iter().find(|(of, _)| *of == spec);
        if let Some(value) = said.and_then(|(_, value)| value.to_edit()) {
            table.insert(short_name(spec), Item::Value(value));
        }
    }
    // Comments above the old one stay with the new one.
    match all.get_mut(&persona.name) {
        Some(Item::Table(old)) => {
            *table.decor_mut() = old.decor().clone();
            table.set_position(old.position());
            *old = table;
        }
        _ => {
            all.insert(&persona.name, Item::Table(table));
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Value;

    fn read_text(text: &str) -> (Vec<Persona>, Vec<String>) {
        let source = Source { name: "config.toml".into(), text: text.into() };
        let document = source.parse().expect("TOML");
        let mut problems = Vec::new();
        let personas = match document.get_key_value(TABLE) {
            Some((key, item)) => read(&source, Some(key), item, &mut problems),
            None => Vec::new(),
        };
        let said = |p: UserError| format!("{} ({})", p.message, p.hint.unwrap_or_default());
        (personas, problems.into_iter().map(said).collect())
    }

    #[test]
    fn a_persona_is_read_and_says_what_it_is() {
        let (personas, problems) = read_text(
            "[personas.terse]\nsystem_prompt = \"Answer in\\none sentence.\"\ntemperature = 0\n\
             [personas.pirate]\ndescription = \"Arr\"\nthinking = \"off\"\nmodel = \"starter\"\n",
        );
        assert_eq!(problems, Vec::<String>::new());
        let about: Vec<_> = personas.iter().map(|p| format!("{}: {}", p.name, p.about())).collect();
        assert_eq!(about, ["terse: “Answer in one sentence.”, temperature 0", "pirate: Arr"]);
        assert_eq!(personas[0].values[1].1, Value::Float(0.0));
    }

    #[test]
    fn what_is_wrong_is_left_out_and_said() {
        let (personas, problems) = read_text(
            "personas.a.temprature = 1\npersonas.b = 3\npersonas.\"c d\".top_k = 1\npersonas.e.temperature = 9\n",
        );
        assert_eq!(
            personas.iter().map(|p| (p.name.as_str(), p.values.len())).collect::<Vec<_>>(),
            [("a", 0), ("e", 0)]
        );
        assert_eq!(
            problems,
            [
                "config.toml:1: [personas.a]: no conversation has a setting `temprature` (did you mean `temperature`?)",
                "config.toml:2: `personas.b` is a table, not a value (write its settings under a line `[personas.b]`)",
                "config.toml:3: `c d` can't be the name of a persona (letters, digits, `-` and `_` make one)",
                "config.toml:4: [personas.e]: `temperature` must be a number from 0 to 2, not 9 (leave it out for the default: the model's own)",
            ]
        );
        assert_eq!(read_text("personas = 3").1.len(), 1);
    }

    #[test]
    fn saving_one_leaves_the_rest_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.toml");
        let before = "# mine\n[ui]\ntheme = \"nord\" # cold\n";
        std::fs::write(&path, before).expect("written");
        let (personas, _) = read_text("[personas.terse]\ndescription = \"Short\"\ntemperature = 0.2\n");
        save_persona(&path, &personas[0]).expect("saved");
        let text = std::fs::read_to_string(&path).expect("readable");
        assert_eq!(text, format!("{before}\n[personas.terse]\ndescription = \"Short\"\ntemperature = 0.2\n"));
        // Another of that name takes its place; a second one stands beside it.
        let (again, _) = read_text("[personas.terse]\ntop_k = 3\n[personas.x]\nsystem_prompt = \"a\\nb\"\n");
        save_persona(&path, &again[0]).expect("saved");
        save_persona(&path, &again[1]).expect("saved");
        let text = std::fs::read_to_string(&path).expect("readable");
        assert!(text.starts_with(before), "{text}");
        let (back, problems) = read_text(&text);
        assert_eq!((back, problems), (again, Vec::new()));
        std::fs::write(&path, "personas = 3\n").expect("written");
        assert!(save_persona(&path, &personas[0]).expect_err("refused").message.contains("`personas`"));
        std::fs::write(&path, "[ui\n").expect("written");
        assert!(save_persona(&path, &personas[0]).is_err());
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "[ui\n");
    }
}
