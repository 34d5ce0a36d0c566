//! A line of a batch: what it asks, or what is wrong with it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value as Json};

use crate::config::{SPECS, Value, nearest, spec};
use crate::domain::{ChatMessage, Role};
use crate::error::{ErrorKind, UserError};
use crate::headless::form::Form;

/// What a line may set for itself, beside what is under `sampling`, and the setting that it is.
const SETTINGS: &[(&str, &str)] = &[("max_tokens", "chat.max_tokens"), ("thinking", "chat.thinking")];
/// What else it may have.
const OTHERS: &[&str] = &["id", "prompt", "messages", "system", "vars", "stop", "schema", "regex"];
/// What is the same for all lines: a model is loaded once.
const OF_THE_BATCH: &[&str] = &["model", "context", "template"];

/// A line that asks for something.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    /// As it is written; null where there is none.
    pub id: Json,
    pub job: Result<Job, UserError>,
}

/// What one line asks.
#[derive(Debug, PartialEq, Default)]
pub(super) struct Job {
    pub turns: Turns,
    pub system: Option<String>,
    /// For the template.
    pub vars: BTreeMap<String, String>,
    /// Already checked.
    pub settings: Vec<(&'static str, Value)>,
    pub stop: Option<Vec<String>>,
    pub form: Option<Form>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Turns {
    Prompt(String),
    Messages(Vec<ChatMessage>),
}

impl Default for Turns {
    fn default() -> Self {
        Self::Prompt(String::new())
    }
}

/// Reads a line by its number; `None` for one that is blank.
pub(super) fn read(number: u64, bytes: &[u8]) -> Option<Line> {
    // Some editors begin a file with a mark that is no part of it.
    let bytes = if number == 1 { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    let mut id = Json::Null;
    let job = fields(number, bytes, &mut id).and_then(|fields| job(number, &fields));
    Some(Line { id, job })
}

/// The error of a line that is longer than anything that a model reads.
pub(super) fn too_long(number: u64, most: usize) -> Line {
    let error = UserError::new(
        ErrorKind::ContextFull,
        format!("line {number} is longer than {} MB, more than any model reads", most >> 20),
    );
    Line { id: Json::Null, job: Err(error.hint("send a part of it")) }
}

fn bad(number: u64, what: impl fmt::Display, hint: impl Into<String>) -> UserError {
    UserError::new(ErrorKind::Usage, format!("line {number}: {what}")).hint(hint)
}

const LOOK: &str = "a line is like {\"id\": 1, \"prompt\": \"…\"}";

/// The fields of the object that a line is. What was read of it until it broke is not lost: `id` is set as soon as it is seen.
fn fields(number: u64, bytes: &[u8], id: &mut Json) -> Result<Map<String, Json>, UserError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        bad(number, format_args!("byte {at} is not UTF-8 text"), "save the file as UTF-8")
    })?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Fields { id }.deserialize(&mut reader).and_then(|fields| reader.end().map(|()| fields));
    let fields = read.map_err(|error| {
        let text = error.to_string();
        let why = text.split(" at line ").next().unwrap_or(&text);
        let column = match error.column() {
            0 => String::new(),
            column => format!(" at column {column}"),
        };
        match why.strip_suffix(", expected an object").and_then(|why| why.strip_prefix("invalid type: ")) {
            Some(found) => bad(number, format_args!("it is {}, not a JSON object", named(found)), LOOK),
            None => bad(number, format_args!("it is not a JSON object: {why}{column}"), LOOK),
        }
    })?;
    match &*id {
        Json::Number(number) if number.is_f64() => {}
        _ => return Ok(fields),
    }
    // It could not be given back as it was written.
    let shown = std::mem::take(id);
    Err(bad(number, format_args!("the id {shown} is not a whole number that fits"), "write it as a text"))
}

/// Another kind of JSON, by serde's name for it.
fn named(found: &str) -> &'static str {
    match found.split(' ').next() {
        Some("sequence") => "a list",
        Some("string") => "a text",
        Some("integer" | "floating") => "a number",
        _ => "a single word",
    }
}

struct Fields<'a> {
    id: &'a mut Json,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Map<String, Json>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Map<String, Json>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value: Json = map.next_value()?;
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format_args!("`{name}` is there twice")));
            }
            if name == "id" {
                self.id.clone_from(&value);
            }
            fields.insert(name, value);
        }
        Ok(fields)
    }
}

fn job(number: u64, fields: &Map<String, Json>) -> Result<Job, UserError> {
    let mut job = Job::default();
    let mut turns = None;
    for (name, value) in fields {
        // What is null is not said.
        if value.is_null() {
            continue;
        }
        let wrong = |what: &str, hint: &str| bad(number, format_args!("`{name}` must be {what}"), hint);
        let text = || value.as_str().map(str::to_owned).ok_or_else(|| wrong("a text", "put it into quotes"));
        match name.as_str() {
            "id" => {}
            "prompt" | "messages" if turns.is_some() => {
                return Err(bad(number, "there is a `prompt` and there are `messages`", "leave one of them out"));
            }
            "prompt" => turns = Some(Turns::Prompt(text()?)),
            "messages" => turns = Some(Turns::Messages(messages(number, value)?)),
            "system" => job.system = Some(text()?),
            "vars" => job.vars = vars(number, value)?,
            "stop" => {
                let all =
                    strings(value).ok_or_else(|| wrong("a text or a list of texts", "write it like [\"END\"]"))?;
                job.stop = Some(all);
            }
            "schema" | "regex" if job.form.is_some() => {
                return Err(bad(number, "there is a `schema` and a `regex`", "leave one of them out"));
            }
            "schema" => {
                let name = format!("the schema of line {number}");
                job.form = Some(Form::InlineSchema { text: value.to_string(), name });
            }
            "regex" => job.form = Some(Form::Regex(text()?)),
            name => job.settings.extend(setting(number, name, value)?),
        }
    }
    job.turns = turns.ok_or_else(|| bad(number, "there is no `prompt` and there are no `messages`", LOOK))?;
    if let (Turns::Messages(messages), Some(_)) = (&job.turns, &job.system)
        && messages.first().is_some_and(|message| message.role == Role::System)
    {
        return Err(bad(number, "`system` and `messages` both have a system prompt", "leave one of them out"));
    }
    Ok(job)
}

/// A field that is none of a line's own: a setting, somebody's own data, or a slip.
fn setting(number: u64, name: &str, value: &Json) -> Result<Option<(&'static str, Value)>, UserError> {
    if OF_THE_BATCH.contains(&name) {
        let what = format_args!("`{name}` is the same for the whole batch: the model is loaded once");
        return Err(bad(number, what, format!("say it on the command line: --{name}")));
    }
    let sampling = || SPECS.iter().filter_map(|spec| spec.key.strip_prefix("sampling."));
    let key = SETTINGS.iter().find(|(known, _)| *known == name).map(|(_, key)| *key);
    let Some(spec) = key.and_then(spec).or_else(|| spec(&format!("sampling.{name}"))) else {
        let known = SETTINGS.iter().map(|(name, _)| *name).chain(OTHERS.iter().copied()).chain(sampling());
        return match nearest(name, known) {
            Some(near) => Err(bad(number, format_args!("unknown field `{name}`"), format!("did you mean `{near}`?"))),
            None => Ok(None),
        };
    };
    let said = match value {
        Json::Bool(on) if name == "thinking" => Some(Value::Text(if *on { "on" } else { "off" }.to_owned())),
        Json::Bool(bool) => Some(Value::Bool(*bool)),
        Json::Number(number) => number.as_i64().map(Value::Int).or_else(|| number.as_f64().map(Value::Float)),
        Json::String(text) => Some(Value::Text(text.clone())),
        _ => None,
    };
    let checked = said.ok_or_else(|| format!("must be {}", spec.allowed())).and_then(|value| spec.check(value));
    match checked {
        Ok(value) => Ok(Some((spec.key, value))),
        Err(why) => Err(bad(number, format_args!("`{name}` {why}"), "correct it, or leave it out")),
    }
}

fn strings(value: &Json) -> Option<Vec<String>> {
    match value {
        Json::String(text) => Some(vec![text.clone()]),
        Json::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

fn vars(number: u64, value: &Json) -> Result<BTreeMap<String, String>, UserError> {
    let wrong = || bad(number, "`vars` must be an object of texts", "write it like {\"to\": \"French\"}");
    let entries = value.as_object().ok_or_else(wrong)?.iter().map(|(name, value)| {
        let text = match value {
            Json::String(text) => text.clone(),
            Json::Number(_) | Json::Bool(_) => value.to_string(),
            _ => return Err(wrong()),
        };
        Ok((name.clone(), text))
    });
    entries.collect()
}

fn messages(number: u64, value: &Json) -> Result<Vec<ChatMessage>, UserError> {
    const HINT: &str = "messages are like [{\"role\": \"user\", \"content\": \"…\"}]";
    let wrong = |what: String| bad(number, what, HINT);
    let items = value.as_array().ok_or_else(|| wrong("`messages` must be a list".to_owned()))?;
    let mut messages = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let place = format!("message {}", index + 1);
        let role = match item["role"].as_str() {
            Some("system" | "developer") => Role::System,
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some(other) => return Err(wrong(format!("{place}: there is no role `{other}`"))),
            None => return Err(wrong(format!("{place} has no `role`"))),
        };
        if role == Role::System && index > 0 {
            return Err(wrong(format!("{place}: a system prompt stands at the beginning")));
        }
        let content =
            content(&item["content"]).ok_or_else(|| wrong(format!("{place} has no text as its `content`")))?;
        messages.push(ChatMessage { role, content });
    }
    match messages.last() {
        Some(last) if last.role == Role::User => Ok(messages),
        Some(_) => Err(wrong("the last message is not from the user".to_owned())),
        None => Err(wrong("there are no messages".to_owned())),
    }
}

/// A text, or texts in parts as the larger interfaces send them.
fn content(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Array(parts) => {
            let texts = parts.iter().map(|part| (part["type"] == "text").then(|| part["text"].as_str()).flatten());
            texts.collect::<Option<Vec<_>>>().map(|texts| texts.concat())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(text: &str) -> Line {
        read(7, text.as_bytes()).expect("not blank")
    }

    fn good(text: &str) -> Job {
        line(text).job.expect("a good line")
    }

    #[test]
    fn a_prompt_or_messages() {
        assert_eq!(line("{\"id\": \"a\", \"prompt\": \"hi\"}\r\n").id, json!("a"));
        assert_eq!(
            good("{\"prompt\": \"hi\", \"label\": {\"any\": 1}, \"top_k\": null}").turns,
            Turns::Prompt("hi".into())
        );
        let turns = good(r#"{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]}"#).turns;
        let message = |role, content: &str| ChatMessage { role, content: content.into() };
        assert_eq!(turns, Turns::Messages(vec![message(Role::System, "s"), message(Role::User, "ab")]));
        assert!(read(3, b" \t\r\n").is_none());
        assert!(read(1, b"\xef\xbb\xbf{\"prompt\": \"x\"}").expect("a line").job.is_ok());
    }

    #[test]
    fn a_line_sets_what_is_its_own() {
        let job = good(
            r#"{"prompt": "p", "system": "s", "temperature": 0, "max_tokens": 9, "thinking": false, "stop": "x",
                "schema": {"type": "null"}, "vars": {"to": "French", "n": 3}}"#,
        );
        let settings = [
            ("sampling.temperature", Value::Float(0.0)),
            ("chat.max_tokens", Value::Int(9)),
            ("chat.thinking", Value::Text("off".into())),
        ];
        assert_eq!(job.settings, settings);
        assert_eq!((job.system.as_deref(), job.stop), (Some("s"), Some(vec!["x".to_owned()])));
        assert_eq!(job.vars.into_values().collect::<Vec<_>>(), ["3", "French"]);
        assert!(matches!(job.form, Some(Form::InlineSchema { text, .. }) if text == "{\"type\":\"null\"}"));
    }

    #[test]
    fn the_id_of_a_broken_line_is_kept_if_it_was_reached() {
        for (text, id) in [
            (r#"{"id": 5, "prompt": "unterm"#, json!(5)),
            (r#"{"id": {"a": [1]}, "prompt": 3}"#, json!({"a": [1]})),
            (r#"{"prompt": "x", "id": "z", "temperature": 99}"#, json!("z")),
            (r#"{"prompt": , "id": 5}"#, Json::Null),
            ("[1]", Json::Null),
            (r#"{"id": 123456789012345678901234, "prompt": "x"}"#, Json::Null),
        ] {
            let line = line(text);
            assert!(line.job.is_err(), "{text}");
            assert_eq!(line.id, id, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_the_number_of_the_line() {
        for (text, message, hint) in [
            ("{", "line 7: it is not a JSON object: EOF while parsing", "prompt"),
            ("3", "line 7: it is a number, not a JSON object", "prompt"),
            ("[1, 2]", "line 7: it is a list, not a JSON object", "prompt"),
            ("null", "line 7: it is a single word, not a JSON object", "prompt"),
            ("{} x", "trailing characters at column 4", "prompt"),
            ("{\"id\": 1}", "there is no `prompt` and there are no `messages`", "prompt"),
            ("{\"promt\": \"x\"}", "unknown field `promt`", "did you mean `prompt`?"),
            ("{\"prompt\": 3}", "`prompt` must be a text", "quotes"),
            ("{\"prompt\": \"x\", \"prompt\": \"y\"}", "`prompt` is there twice", ""),
            ("{\"prompt\": \"x\", \"messages\": []}", "there is a `prompt` and", "leave one"),
            (
                "{\"prompt\": \"x\", \"messages\": [{\"role\":\"user\",\"content\":\"\"}]}",
                "there is a `prompt`",
                "leave one",
            ),
            (
                "{\"prompt\": \"x\", \"temperature\": \"hot\"}",
                "`temperature` must be a number from 0 to 2",
                "correct it",
            ),
            ("{\"prompt\": \"x\", \"temprature\": 1}", "unknown field `temprature`", "`temperature`"),
            ("{\"prompt\": \"x\", \"model\": \"m\"}", "`model` is the same for the whole batch", "--model"),
            ("{\"prompt\": \"x\", \"stop\": [1]}", "`stop` must be a text or a list", "END"),
            ("{\"prompt\": \"x\", \"vars\": [1]}", "`vars` must be an object", "French"),
            ("{\"messages\": []}", "there are no messages", "role"),
            ("{\"messages\": [{\"role\": \"tool\"}]}", "message 1: there is no role `tool`", "role"),
            ("{\"messages\": [{\"role\": \"user\"}]}", "message 1 has no text", "role"),
            ("{\"messages\": [{\"role\": \"assistant\", \"content\": \"x\"}]}", "not from the user", "role"),
            ("{\"prompt\": \"x\", \"schema\": {}, \"regex\": \"a\"}", "a `schema` and a `regex`", "leave one"),
        ] {
            let error = line(text).job.expect_err(text);
            assert!(error.message.starts_with("line 7: ") && error.message.contains(message), "{text}: {error}");
            assert!(error.hint.as_deref().is_some_and(|said| said.contains(hint)), "{text}: {:?}", error.hint);
        }
        let error = read(2, b"{\"prompt\": \"\xff\"}").expect("a line").job.expect_err("not text");
        assert_eq!(error.message, "line 2: byte 12 is not UTF-8 text");
    }
}
