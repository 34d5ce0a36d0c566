//! A template's file, read with the line of whatever is wrong in it.

use std::path::Path;

use toml_edit::{Document, Item, Key, TableLike};

use super::fill::{INPUT, Piece, is_name, pieces};
use super::{Form, Template, Variable};
use crate::config::file::{Source, span_of};
use crate::config::layers::from_toml;
use crate::config::suggest::nearest;
use crate::config::{Value, spec};
use crate::error::UserError;

/// What a template may set, and the setting that it is.
const SETTINGS: &[(&str, &str)] = &[
    ("model", "model"),
    ("max_tokens", "chat.max_tokens"),
    ("thinking", "chat.thinking"),
    ("context", "engine.context"),
];
/// What else it may have.
const OTHERS: &[&str] = &["description", "system", "prompt", "schema", "regex", "stop", "sampling", "variables"];

/// Reads one. `path` is the file that it is from, if it is one.
pub(super) fn template(name: &str, source: &Source, path: Option<&Path>) -> Result<Template, UserError> {
    let document = source.parse().map_err(|problem| problem.hint("mend this line of the template"))?;
    let mut reader = Reader { source, document: &document, path };
    let mut template = Template {
        name: name.to_owned(),
        description: reader.text("description")?.unwrap_or_default(),
        file: path.map(Path::to_path_buf),
        source: source.text.clone(),
        system: reader.text("system")?,
        prompt: reader.text("prompt")?.unwrap_or_else(|| "{{input}}".to_owned()),
        variables: reader.variables()?,
        form: reader.form()?,
        stop: reader.stop()?,
        settings: reader.settings()?,
    };
    reader.refuse_unknown()?;
    if template.system.as_deref().is_some_and(|system| pieces(system).contains(&Piece::Place(INPUT))) {
        return Err(reader.problem("system", "the system prompt has no place for `{{input}}`", "move it to `prompt`"));
    }
    for text in template.system.iter().chain([&template.prompt]) {
        for piece in pieces(text) {
            let Piece::Place(name) = piece else { continue };
            if name != INPUT && !template.variables.iter().any(|variable| variable.name == name) {
                let name = name.to_owned();
                template.variables.push(Variable { name, default: None, description: String::new() });
            }
        }
    }
    Ok(template)
}

struct Reader<'a> {
    source: &'a Source,
    document: &'a Document<&'a str>,
    path: Option<&'a Path>,
}

impl<'a> Reader<'a> {
    fn entry(&self, name: &str) -> Option<(Option<&'a Key>, &'a Item)> {
        Some((self.document.key(name), self.document.get(name)?))
    }

    fn problem(&self, name: &str, what: &str, hint: &str) -> UserError {
        let span = self.entry(name).and_then(|(key, item)| span_of(key, item));
        self.source.problem(span.as_ref(), what).hint(hint)
    }

    fn text(&self, name: &str) -> Result<Option<String>, UserError> {
        let Some((_, item)) = self.entry(name) else { return Ok(None) };
        match item.as_str() {
            Some(text) => Ok(Some(text.trim_end().to_owned())),
            None => Err(self.problem(name, &format!("`{name}` must be a text"), "put it into quotes")),
        }
    }

    fn table(&self, name: &str) -> Result<Option<&'a dyn TableLike>, UserError> {
        let Some((_, item)) = self.entry(name) else { return Ok(None) };
        let table = item.as_table_like();
        let wrong = || self.problem(name, &format!("`{name}` is a table"), "write its keys under a line of its own");
        table.map(Some).ok_or_else(wrong)
    }

    fn stop(&self) -> Result<Vec<String>, UserError> {
        let Some((_, item)) = self.entry("stop") else { return Ok(Vec::new()) };
        match from_toml(item) {
            Ok(Value::Text(text)) => Ok(vec![text]),
            Ok(Value::List(texts)) => Ok(texts),
            _ => Err(self.problem("stop", "`stop` must be a list of texts", "write it like [\"END\"]")),
        }
    }

    fn form(&self) -> Result<Option<Form>, UserError> {
        if self.entry("schema").is_some() && self.entry("regex").is_some() {
            return Err(self.problem("regex", "there is a `schema` and a `regex`", "leave one of them out"));
        }
        if let Some(regex) = self.text("regex")? {
            return Ok(Some(Form::Regex(regex)));
        }
        let Some((_, item)) = self.entry("schema") else { return Ok(None) };
        Ok(Some(match item.as_str() {
            Some(text) if text.trim_start().starts_with('{') => Form::Schema(text.to_owned()),
            // As seen from the template.
            Some(file) => Form::SchemaFile(self.path.and_then(Path::parent).unwrap_or(Path::new("")).join(file)),
            None => {
                let schema = to_json(item).filter(serde_json::Value::is_object).ok_or_else(|| {
                    let what = "`schema` must be a table, JSON in a text, or the name of a file";
                    self.problem("schema", what, "write it as a table `[schema]`")
                })?;
                Form::Schema(schema.to_string())
            }
        }))
    }

    fn settings(&self) -> Result<Vec<(&'static str, Value)>, UserError> {
        let mut settings = Vec::new();
        let top = SETTINGS.iter().filter_map(|(name, key)| {
            let (at, item) = self.entry(name)?;
            Some(((*name).to_owned(), (*key).to_owned(), at, item))
        });
        let mut all: Vec<_> = top.collect();
        if let Some(table) = self.table("sampling")? {
            all.extend(table.iter().map(|(name, item)| {
                let key = format!("sampling.{name}");
                (key.clone(), key, table.key(name), item)
            }));
        }
        for (name, key, at, item) in all {
            let span = span_of(at, item);
            let Some(spec) = spec(&key) else {
                let known = crate::config::SPECS.iter().filter_map(|spec| spec.key.strip_prefix("sampling."));
                let leaf = name.trim_start_matches("sampling.");
                let hint = nearest(leaf, known).map_or_else(
                    || "`hobnob config show` lists what can be set under `sampling`".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                return Err(self.source.problem(span.as_ref(), &format!("unknown key `{name}`")).hint(hint));
            };
            let value = from_toml(item).map_err(|what| format!("must be {}, not {what}", spec.allowed()));
            let value = value.and_then(|value| spec.check(value)).map_err(|why| {
                self.source.problem(span.as_ref(), &format!("`{name}` {why}")).hint("correct it, or leave it out")
            })?;
            settings.push((spec.key, value));
        }
        Ok(settings)
    }

    fn variables(&self) -> Result<Vec<Variable>, UserError> {
        let Some(table) = self.table("variables")? else { return Ok(Vec::new()) };
        let mut variables = Vec::new();
        for (name, item) in table.iter() {
            let span = span_of(table.key(name), item);
            let wrong = |what: String, hint: &str| Err(self.source.problem(span.as_ref(), &what).hint(hint));
            if !is_name(name) {
                return wrong(
                    format!("`{name}` can't be the name of a variable"),
                    "letters, digits, `-` and `_` make one",
                );
            }
            if name == INPUT {
                return wrong(
                    "`input` is what comes through the pipe and in the arguments".to_owned(),
                    "give the variable another name",
                );
            }
            let mut variable = Variable { name: name.to_owned(), default: None, description: String::new() };
            match (item.as_str(), item.as_table_like()) {
                (Some(default), _) => variable.default = Some(default.to_owned()),
                (None, Some(parts)) => {
                    for (part, value) in parts.iter() {
                        match (part, value.as_str()) {
                            ("default", Some(text)) => variable.default = Some(text.to_owned()),
                            ("description", Some(text)) => text.clone_into(&mut variable.description),
                            ("default" | "description", None) => {
                                return wrong(format!("`{part}` of `{name}` must be a text"), "put it into quotes");
                            }
                            _ => {
                                return wrong(
                                    format!("unknown key `{part}` of `{name}`"),
                                    "a variable has a `default` and a `description`",
                                );
                            }
                        }
                    }
                }
                (None, None) => {
                    return wrong(format!("`{name}` must be a text: its default"), "put it into quotes");
                }
            }
            variables.push(variable);
        }
        Ok(variables)
    }

    fn refuse_unknown(&mut self) -> Result<(), UserError> {
        let known = || SETTINGS.iter().map(|(name, _)| *name).chain(OTHERS.iter().copied());
        for (name, _) in self.document.iter() {
            if !known().any(|known| known == name) {
                let hint = match nearest(name, known()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("a template has {}", known().collect::<Vec<_>>().join(", ")),
                };
                return Err(self.problem(name, &format!("unknown key `{name}`"), &hint));
            }
        }
        Ok(())
    }
}

/// TOML as JSON; `None` for a date, which JSON has not.
fn to_json(item: &Item) -> Option<serde_json::Value> {
    if let Some(table) = item.as_table_like() {
        let entries = table.iter().map(|(name, item)| Some((name.to_owned(), to_json(item)?)));
        return Some(serde_json::Value::Object(entries.collect::<Option<_>>()?));
    }
    if let Item::ArrayOfTables(tables) = item {
        return tables
            .iter()
            .map(|table| to_json(&Item::Table(table.clone())))
            .collect::<Option<Vec<_>>>()
            .map(Into::into);
    }
    match item.as_value()? {
        toml_edit::Value::String(text) => Some(text.value().as_str().into()),
        toml_edit::Value::Integer(int) => Some((*int.value()).into()),
        toml_edit::Value::Float(float) => Some((*float.value()).into()),
        toml_edit::Value::Boolean(bool) => Some((*bool.value()).into()),
        toml_edit::Value::Array(items) => {
            items.iter().map(|item| to_json(&Item::Value(item.clone()))).collect::<Option<Vec<_>>>().map(Into::into)
        }
        toml_edit::Value::Datetime(_) | toml_edit::Value::InlineTable(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn read(text: &str) -> Result<Template, UserError> {
        let source = Source { name: "x.toml".to_owned(), text: text.to_owned() };
        template("x", &source, Some(Path::new("/t/x.toml")))
    }

    #[test]
    fn all_of_it_is_read() {
        let text = "description = \"D\"\nmodel = \"starter\"\nsystem = \"S {{tone}}\"\nprompt = \"\"\"\n{{input}} {{who}}\n\"\"\"\n\
            max_tokens = 5\nthinking = \"off\"\nstop = \"END\"\n[sampling]\ntemperature = 0\n[variables]\ntone = \"calm\"\n\
            [schema]\ntype = \"object\"\nrequired = [\"b\", \"a\"]\nproperties.b.type = \"integer\"\nproperties.a = { enum = [1.5, true] }\n";
        let made = read(text).expect("a template");
        assert_eq!((made.description.as_str(), made.prompt.as_str()), ("D", "{{input}} {{who}}"));
        let variables: Vec<_> = made.variables.iter().map(|v| (v.name.as_str(), v.default.as_deref())).collect();
        assert_eq!(variables, [("tone", Some("calm")), ("who", None)]);
        let schema = "{\"type\":\"object\",\"required\":[\"b\",\"a\"],\"properties\":{\"b\":{\"type\":\"integer\"},\"a\":{\"enum\":[1.5,true]}}}";
        assert_eq!((made.form, made.stop), (Some(Form::Schema(schema.to_owned())), vec!["END".to_owned()]));
        let settings = [
            ("model", Value::Text("starter".into())),
            ("chat.max_tokens", Value::Int(5)),
            ("chat.thinking", Value::Text("off".into())),
            ("sampling.temperature", Value::Float(0.0)),
        ];
        assert_eq!(made.settings, settings);
    }

    #[test]
    fn a_schema_can_be_a_file_beside_the_template_or_json() {
        assert_eq!(read("schema = \"s.json\"").expect("fine").form, Some(Form::SchemaFile("/t/s.json".into())));
        assert_eq!(
            read("schema = '{\"type\": \"null\"}'").expect("fine").form.expect("one"),
            Form::Schema("{\"type\": \"null\"}".into())
        );
        assert_eq!(read("regex = '[0-9]'").expect("fine").form, Some(Form::Regex("[0-9]".into())));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, message, hint) in [
            ("prompt = 3", "x.toml:1: `prompt` must be a text", "quotes"),
            ("\npromt = \"x\"", "x.toml:2: unknown key `promt`", "did you mean `prompt`?"),
            (
                "[sampling]\ntemprature = 1",
                "x.toml:2: unknown key `sampling.temprature`",
                "did you mean `temperature`?",
            ),
            ("[sampling]\ntemperature = 9", "`sampling.temperature` must be a number from 0 to 2, not 9", "correct it"),
            ("max_tokens = \"many\"", "x.toml:1: `max_tokens` must be a whole number", "correct it"),
            ("system = \"{{input}}\"", "no place for `{{input}}`", "prompt"),
            ("[variables]\ninput = \"x\"", "x.toml:2: `input` is what comes", "another name"),
            ("[variables]\na = 3", "`a` must be a text", "quotes"),
            ("[variables]\na = { dfault = \"\" }", "unknown key `dfault` of `a`", "default"),
            ("schema = 3", "`schema` must be a table", "[schema]"),
            ("schema = \"a\"\nregex = \"b\"", "there is a `schema` and a `regex`", "leave one"),
            ("stop = 4", "`stop` must be a list", "END"),
            ("sampling = 4", "`sampling` is a table", "line of its own"),
            ("prompt = \"", "x.toml:1: ", "mend this line"),
        ] {
            let error = read(text).expect_err(text);
            assert_eq!(error.kind, ErrorKind::Config);
            assert!(error.message.contains(message), "{text}: {}", error.message);
            assert!(error.hint.as_deref().is_some_and(|said| said.contains(hint)), "{text}: {:?}", error.hint);
        }
    }
}
