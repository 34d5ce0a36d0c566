//! Personas: sets of a conversation's own settings with a name, from `[personas.NAME]` of the config file.

use std::path::Path;

use toml_edit::{DocumentMut, Item, Key, Table};

use crate::config::file::{Source, span_of};
use crate::config::layers::from_toml;
use crate::config::own::{Assignments, own_called, own_specs, short_name};
use crate::config::save::{Lines, put_back, remove, rewrite};
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

/// Writes a persona into the config file, in the place of one of that name. Everything else stays as it is, the comments
/// within that one too. Gives what the file sets now.
///
/// # Errors
/// When the file on disk can't be read as TOML (it is left alone), or when it can't be written.
pub fn save_persona(path: &Path, persona: &Persona) -> Result<Lines, UserError> {
    rewrite(path, |source| {
        let mut document = source.parse()?.into_mut();
        let gone = put(&mut document, persona).ok_or_else(|| {
            UserError::new(ErrorKind::Config, format!("{}: `{TABLE}` is a value where a table is needed", source.name))
                .hint("take it out of the file, and save again")
        })?;
        put_back(source, &document);
        for key in gone {
            remove(source, &[TABLE, &persona.name], &key)?;
        }
        Ok(())
    })
}

/// Gives the keys of the one before that say something else, to be taken out.
fn put(document: &mut DocumentMut, persona: &Persona) -> Option<Vec<String>> {
    let all = document.entry(TABLE).or_insert_with(|| {
        let mut table = Table::new();
        // `[personas]` alone says nothing.
        table.set_implicit(true);
        Item::Table(table)
    });
    let all = all.as_table_like_mut()?;
    if all.get(&persona.name).and_then(Item::as_table_like).is_none() {
        all.insert(&persona.name, Item::Table(Table::new()));
    }
    let table = all.get_mut(&persona.name)?.as_table_like_mut()?;
    let mut new: Vec<(&str, toml_edit::Value)> = Vec::new();
    if !persona.description.is_empty() {
        new.push((DESCRIPTION, persona.description.as_str().into()));
    }
    for spec in own_specs() {
        let said = persona.values.iter().find(|(of, _)| *of == spec);
        new.extend(said.and_then(|(_, value)| value.to_edit()).map(|value| (short_name(spec), value)));
    }
    let mut gone = Vec::new();
    for (key, item) in table.iter_mut() {
        // What nobody understands is not ours to take out.
        let Some(name) = meant(&key) else { continue };
        match (new.iter().position(|(of, _)| *of == name), item) {
            (Some(at), Item::Value(old)) => {
                let (_, mut value) = new.remove(at);
                *value.decor_mut() = old.decor().clone();
                if say_the_same(&key, &value, old) {
                    continue;
                }
                *old = value;
            }
            _ => gone.push(key.to_string()),
        }
    }
    for (name, value) in new {
        table.insert(name, Item::Value(value));
    }
    Some(gone)
}

/// What a key of a persona sets, as it is written here.
fn meant(key: &str) -> Option<&'static str> {
    if key == DESCRIPTION { Some(DESCRIPTION) } else { own_called(key).ok().map(short_name) }
}

/// They say the same of this key; one may be written otherwise.
fn say_the_same(key: &str, one: &toml_edit::Value, other: &toml_edit::Value) -> bool {
    let read = |value: &toml_edit::Value| {
        let value = from_toml(&Item::Value(value.clone())).ok()?;
        match own_called(key) {
            Ok(spec) => spec.check(value).ok(),
            Err(_) => Some(value),
        }
    };
    read(one).is_some_and(|one| read(other) == Some(one))
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
        // What is said within it about what it says stays, too.
        let long = "personas.a = { temperature = 1, top_k = 2 }\n# short ones\n[personas.terse] # mine\n# one line\n\
                    description = \"Short\"\n# cold\ntemperature = 0.2 # very\nmin_p = 0\nmystery = 1\n\
                    system = '''\nBe brief.\n''' # raw\n# end\n";
        std::fs::write(&path, long).expect("written");
        let changed =
            "[personas.terse]\ntemperature = 0.3\nmin_p = 0.0\nsystem_prompt = \"Be brief.\\n\"\ntop_p = 0.5\n";
        save_persona(&path, &read_text(changed).0[0]).expect("saved");
        let text = std::fs::read_to_string(&path).expect("readable");
        assert_eq!(
            text,
            "personas.a = { temperature = 1, top_k = 2 }\n# short ones\n[personas.terse] # mine\n# one line\n\
             # cold\ntemperature = 0.3 # very\nmin_p = 0\nmystery = 1\nsystem = '''\nBe brief.\n''' # raw\ntop_p = 0.5\n# end\n"
        );
        save_persona(&path, &read_text("[personas.a]\ntop_k = 3\n").0[0]).expect("saved");
        let text = std::fs::read_to_string(&path).expect("readable");
        assert!(text.starts_with("personas.a = { top_k = 3 }\n# short"), "{text}");
        std::fs::write(&path, before).expect("written");
        save_persona(&path, &personas[0]).expect("saved");
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
