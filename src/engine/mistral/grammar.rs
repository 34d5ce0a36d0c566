//! Forms of an answer as grammars: made, checked before a model is loaded, and held against an answer that is there.
//!
//! The engine brings llguidance, which knows after every token which ones may follow. What it can't hold an answer to it
//! refuses, so that nothing of a schema is passed over in silence.

use std::sync::OnceLock;

use mistralrs::core::llguidance::api::{GrammarWithLexer, TopLevelGrammar};
use mistralrs::core::llguidance::toktrie::ApproximateTokEnv;
use mistralrs::core::llguidance::{Matcher, ParserFactory, regex_to_lark};
use serde_json::{Map, Value, json};

use crate::domain::Constraint;

/// White space as people write JSON: a blank, or a new line and what it is indented by. Without a bound, a small model
/// can go on with nothing but white space for as long as it may.
const SPACE: &str = "(?: |\\n {0,40})";
/// Where llguidance takes its options from.
const OPTIONS: &str = "x-guidance";

/// How the reasoning of a model stands to the form of its answer: it comes before, and is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reasoning {
    /// There is none, or there must not be any.
    None,
    /// The model may open it.
    Possible(Tags),
    /// The prompt has opened it already.
    Open(Tags),
}

/// How a model's vocabulary spells `<think>` and `</think>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tags {
    Text,
    /// A token each.
    Tokens {
        open: u32,
        close: u32,
    },
}

/// The grammar of all that the model writes, reasoning included.
///
/// # Errors
/// The schema is no JSON.
pub(super) fn grammar(constraint: &Constraint, reasoning: Reasoning) -> Result<TopLevelGrammar, String> {
    let mut answer = match constraint {
        Constraint::Schema(text) => GrammarWithLexer::from_json_schema(with_options(parse(text)?)),
        Constraint::Regex(regex) => GrammarWithLexer::from_lark(format!("start: /{}/", regex_to_lark(regex, ""))),
    };
    let (start, tags) = match reasoning {
        Reasoning::None => return Ok(TopLevelGrammar::from_grammar(answer)),
        Reasoning::Possible(tags) => ("start: @answer | open rest space @answer", tags),
        Reasoning::Open(tags) => ("start: rest space @answer", tags),
    };
    let (open, rest) = match tags {
        Tags::Text => ("\"<think>\"".to_owned(), "rest[lazy]: /(?s:.*)<\\/think>/".to_owned()),
        Tags::Tokens { open, close } => (format!("<[{open}]>"), format!("rest: /(?s:.*)/ <[{close}]>")),
    };
    answer.name = Some("answer".into());
    let lark = format!("{start}\nopen: {open}\n{rest}\nspace: /\\s{{0,4}}/\n");
    Ok(TopLevelGrammar { grammars: vec![GrammarWithLexer::from_lark(lark), answer], max_tokens: None })
}

/// Why no answer can be held to it, in words that end an English sentence; `None` where it can.
#[must_use]
pub(in crate::engine) fn objection(constraint: &Constraint) -> Option<String> {
    let schema = match constraint {
        Constraint::Schema(text) => match parse(text) {
            Ok(schema) => Some(schema),
            Err(reason) => return Some(reason),
        },
        Constraint::Regex(_) => None,
    };
    if let Some(Value::Object(map)) = &schema
        && !map.is_empty()
        && !map.keys().any(|key| KEYWORDS.contains(&key.as_str()))
    {
        return Some("it has no word of a JSON Schema, like `type` or `properties`".into());
    }
    let matcher = grammar(constraint, Reasoning::None).and_then(matcher);
    match matcher.and_then(|mut matcher| begins_with_space(&mut matcher)) {
        Ok(false) => None,
        Ok(true) => Some("an answer can't begin with white space, which the engine takes away".into()),
        Err(reason) => Some(in_words(&reason, schema.as_ref())),
    }
}

/// Nothing else can come first.
fn begins_with_space(matcher: &mut Matcher) -> Result<bool, String> {
    let first = matcher.compute_mask().map_err(|error| error.to_string())?;
    let mut bytes = (0..=u8::MAX).filter(|byte| first.is_allowed(u32::from(*byte))).peekable();
    Ok(bytes.peek().is_some() && bytes.all(|byte| byte.is_ascii_whitespace()))
}

/// Whether `answer` has that form from its first letter to its last. Newlines at its end belong to it or not, as the form
/// wants it: of those, stdout has one in any case.
#[must_use]
pub(in crate::engine) fn satisfies(constraint: &Constraint, answer: &str) -> bool {
    let body = answer.trim_end_matches('\n');
    let matched = grammar(constraint, Reasoning::None).and_then(matcher).and_then(|mut matcher| {
        let mut take = |text: &str| {
            let bytes: Vec<u32> = text.bytes().map(u32::from).collect();
            let taken = matcher.try_consume_tokens(&bytes).map_err(|error| error.to_string())?;
            let ends = taken == bytes.len() && matcher.is_accepting().map_err(|error| error.to_string())?;
            Ok::<_, String>((taken == bytes.len(), ends))
        };
        let (mut fits, mut ends) = take(body)?;
        for _ in body.len()..answer.len() {
            if ends || !fits {
                break;
            }
            (fits, ends) = take("\n")?;
        }
        Ok(ends)
    });
    matched.unwrap_or(false)
}

/// A matcher over bytes: no model's vocabulary is needed to know whether a text has a form.
fn matcher(grammar: TopLevelGrammar) -> Result<Matcher, String> {
    static BYTES: OnceLock<Result<ParserFactory, String>> = OnceLock::new();
    let factory =
        BYTES.get_or_init(|| quiet_factory(|| ParserFactory::new_simple(&ApproximateTokEnv::single_byte_env())));
    let factory = factory.as_ref().map_err(Clone::clone)?;
    matcher_of(factory, grammar)
}

/// One that prints nothing: its warnings would go to standard error.
pub(super) fn quiet_factory<E: std::fmt::Display>(
    make: impl FnOnce() -> Result<ParserFactory, E>,
) -> Result<ParserFactory, String> {
    let mut factory = make().map_err(|error| error.to_string())?;
    factory.quiet();
    Ok(factory)
}

pub(super) fn matcher_of(factory: &ParserFactory, grammar: TopLevelGrammar) -> Result<Matcher, String> {
    let matcher = Matcher::new(factory.create_parser(grammar));
    match matcher.get_error() {
        Some(error) => Err(error),
        None => Ok(matcher),
    }
}

fn parse(schema: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(schema).map_err(|error| format!("it is no JSON: {error}"))?;
    match value {
        Value::Object(_) | Value::Bool(_) => Ok(value),
        _ => Err("it is no JSON Schema: that is an object".into()),
    }
}

/// Our white space, unless the schema has a word on it itself.
fn with_options(schema: Value) -> Value {
    let mut map = match schema {
        Value::Object(map) => map,
        Value::Bool(true) => Map::new(),
        other => return other,
    };
    let options = map.entry(OPTIONS).or_insert_with(|| json!({}));
    if let Value::Object(options) = options
        && !["whitespace_pattern", "whitespace_flexible"].iter().any(|key| options.contains_key(*key))
    {
        options.insert("whitespace_pattern".into(), SPACE.into());
    }
    Value::Object(map)
}

/// Words that only a schema has at its top.
const KEYWORDS: [&str; 24] = [
    "$ref",
    "$defs",
    "definitions",
    "$schema",
    "type",
    "enum",
    "const",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "if",
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "items",
    "prefixItems",
    "minItems",
    "minLength",
    "pattern",
    "format",
    "minimum",
    "maximum",
];

/// What llguidance says, as far as it is for a person, with the place in the schema.
fn in_words(reason: &str, schema: Option<&Value>) -> String {
    let mut lines = reason.lines().map(str::trim).filter(|line| !line.is_empty());
    // Of a regular expression, the last line says what is wrong, and those before show where.
    let said = lines.clone().find_map(|line| line.strip_prefix("error: "));
    let line = said.or_else(|| lines.next()).unwrap_or_default();
    let at = |key: &str| {
        let place = schema.and_then(|schema| place_of(schema, key)).unwrap_or_default();
        if place.is_empty() { String::new() } else { format!(" at `{place}`") }
    };
    if let Some(keys) = line.split("Unimplemented keys: ").nth(1) {
        let keys: Vec<&str> = keys.split('"').skip(1).step_by(2).collect();
        let named: Vec<String> = keys.iter().map(|key| format!("`{key}`{}", at(key))).collect();
        return format!("no answer can be held to {}", named.join(" and "));
    }
    if line.contains("oneOf constraints are not supported") {
        return format!("no answer can be held to `oneOf`{} where its choices overlap; `anyOf` works", at("oneOf"));
    }
    if let Some(format) = line.split("Unknown format: ").nth(1) {
        return format!("the format `{format}`{} is not known", at("format"));
    }
    if let Some((_, place)) = line.split_once("Only absolute $ref's ").and_then(|(_, rest)| rest.split_once("ref '")) {
        return format!(
            "`{}` is outside of it: a `$ref` leads to a place in the schema itself, as `#/$defs/…` does",
            place.trim_end_matches(['\'', '.'])
        );
    }
    if let Some((_, place)) = line.split_once("Reference segment ").and_then(|(_, rest)| rest.split_once(" in '")) {
        return format!("it has no place `{}`, where a `$ref` leads", place.trim_end_matches(['\'', '.']));
    }
    if line == "NoExtensionBias" {
        return "no answer can even begin with it, as where a `$ref` leads back to itself".into();
    }
    line.chars().take(300).collect()
}

/// The JSON pointer of the first object that has this key.
fn place_of(schema: &Value, key: &str) -> Option<String> {
    match schema {
        Value::Object(map) if map.contains_key(key) => Some(format!("/{key}")),
        Value::Object(map) => {
            map.iter().find_map(|(name, value)| place_of(value, key).map(|rest| format!("/{name}{rest}")))
        }
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(i, value)| place_of(value, key).map(|rest| format!("/{i}{rest}")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(text: &str) -> Constraint {
        Constraint::Schema(text.into())
    }

    fn regex(text: &str) -> Constraint {
        Constraint::Regex(text.into())
    }

    #[test]
    fn what_can_be_held_to_has_no_objection() {
        for fine in [
            r#"{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}"#,
            r##"{"$defs": {"n": {"type": "null"}}, "$ref": "#/$defs/n"}"##,
            r#"{"oneOf": [{"type": "string"}, {"type": "integer"}]}"#,
            "true",
            "{}",
        ] {
            assert_eq!(objection(&schema(fine)), None, "{fine}");
        }
        for fine in ["yes|no", r"\d{4}-\d{2}-\d{2}", "a/b", "[äöü]+", "(?i)ja"] {
            assert_eq!(objection(&regex(fine)), None, "{fine}");
        }
    }

    #[test]
    fn what_no_answer_can_be_held_to_is_named_with_its_place() {
        for (bad, says) in [
            (r#"{"type": "object", "#, "it is no JSON: EOF while parsing a value at line 1 column 19"),
            ("[1]", "it is no JSON Schema"),
            (r#"{"name": "x"}"#, "no word of a JSON Schema"),
            (r#"{"type": "objekt"}"#, "objekt"),
            (r#"{"type": 5}"#, "type must be a string"),
            (
                r#"{"type": "object", "properties": {"tags": {"type": "array", "uniqueItems": true}}}"#,
                "`uniqueItems` at `/properties/tags/uniqueItems`",
            ),
            (r#"{"type": "string", "format": "colour"}"#, "the format `colour` at `/format` is not known"),
            (r#"{"oneOf": [{"type": "integer"}, {"type": "number"}]}"#, "`oneOf` at `/oneOf`"),
            ("false", "nsatisfiable"),
            (r##"{"$ref": "#"}"##, "no answer can even begin"),
            (r#"{"$ref": "https://example.com/s.json"}"#, "`https://example.com/s.json` is outside of it"),
            (r##"{"$ref": "#/$defs/none"}"##, "it has no place `#/$defs/none`"),
        ] {
            let objection = objection(&schema(bad)).unwrap_or_else(|| panic!("none to {bad}"));
            assert!(objection.contains(says), "{bad}: {objection}");
            assert!(!objection.contains('\n') && objection.len() < 320, "{objection}");
        }
        assert_eq!(objection(&regex("\\s?yes")), None);
        assert!(objection(&regex("[ \n]+yes")).is_some_and(|why| why.contains("white space")));
        assert_eq!(
            objection(&regex("(?=x)y")).as_deref(),
            Some("look-around, including look-ahead and look-behind, is not supported")
        );
        for bad in ["(", "[a", "(?=x)y", r"\1"] {
            let objection = objection(&regex(bad)).unwrap_or_else(|| panic!("none to {bad}"));
            assert!(!objection.contains('\n'), "{objection}");
        }
    }

    #[test]
    fn an_answer_has_the_form_or_not() {
        let person = schema(
            r#"{"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"], "additionalProperties": false}"#,
        );
        for (answer, has) in [
            (r#"{"name": "Ada"}"#, true),
            ("{\n  \"name\": \"Ada\"\n}\n", true),
            (r#"{"name": "Ad"#, false),
            (r#"{"name": "Ada"} and more"#, false),
            ("{}", false),
            ("", false),
            ("Ada", false),
        ] {
            assert_eq!(satisfies(&person, answer), has, "{answer}");
        }
        let date = regex(r"\d{4}-\d{2}-\d{2}");
        for (answer, has) in
            [("2026-11-21", true), ("2026-11-21\n", true), ("2026-11", false), ("on 2026-11-21", false)]
        {
            assert_eq!(satisfies(&date, answer), has, "{answer}");
        }
        assert!(satisfies(&regex("ja|nein, danke"), "nein, danke"));
        assert!(satisfies(&regex("grün"), "grün"));
    }

    #[test]
    fn newlines_at_the_end_are_a_part_of_the_form_where_it_has_any() {
        let list = regex("(- [a-z]+\\n){2}");
        for (answer, has) in [
            ("- a\n- b\n", true),
            ("- a\n- b\n\n", true),
            ("- a\n- b", false),
            ("- a\n", false),
            ("- a\n\n", false),
            ("- a\n- b\n- c\n", false),
        ] {
            assert_eq!(satisfies(&list, answer), has, "{answer:?}");
        }
        assert!(satisfies(&regex("a\\n{2}"), "a\n\n") && !satisfies(&regex("a\\n{2}"), "a\n"));
    }

    #[test]
    fn white_space_is_free_but_has_an_end() {
        let any = schema(r#"{"type": "array", "items": {"type": "integer"}}"#);
        assert!(satisfies(&any, "[1, 2,\n    3\n]"));
        assert!(!satisfies(&any, "[1,\n\n\n\n2]"));
        let strict =
            schema(r#"{"type": "array", "items": {"type": "integer"}, "x-guidance": {"whitespace_flexible": false}}"#);
        assert!(satisfies(&strict, "[1,2]") && !satisfies(&strict, "[1, 2]"));
    }

    /// Whether all of `text` may be written, and whether it may end there.
    fn written(reasoning: Reasoning, text: &str) -> (bool, bool) {
        let mut matcher = matcher(grammar(&regex("yes|no"), reasoning).expect("a grammar")).expect("a matcher");
        let bytes: Vec<u32> = text.bytes().map(u32::from).collect();
        let taken = matcher.try_consume_tokens(&bytes).expect("no error");
        (taken == bytes.len(), taken == bytes.len() && matcher.is_accepting().expect("no error"))
    }

    #[test]
    fn reasoning_is_free_and_the_answer_is_not() {
        let possible = Reasoning::Possible(Tags::Text);
        assert_eq!(written(possible, "yes"), (true, true));
        assert_eq!(written(possible, "<think>Is it? {1} < 2.\n</think>\n\nyes"), (true, true));
        assert_eq!(written(possible, "<think>yes"), (true, false));
        assert_eq!(written(possible, "Well, yes"), (false, false));
        assert_eq!(written(possible, "<think>a</think>maybe"), (false, false));
        let open = Reasoning::Open(Tags::Text);
        assert_eq!(written(open, "They ask.\n</think>no"), (true, true));
        assert_eq!(written(open, "no"), (true, false));
        assert_eq!(written(Reasoning::None, "<think>"), (false, false));
        assert_eq!(written(Reasoning::None, "no"), (true, true));
    }

    #[test]
    fn tags_can_be_tokens() {
        // Two special tokens of the byte vocabulary stand for the tags.
        let (open, close) = (256, 257);
        let reasoning = Reasoning::Possible(Tags::Tokens { open, close });
        let mut matcher = matcher(grammar(&regex("yes"), reasoning).expect("a grammar")).expect("a matcher");
        let mut tokens = vec![open];
        tokens.extend("Hm, </think> yes?\n".bytes().map(u32::from));
        tokens.push(close);
        tokens.extend("\n\nyes".bytes().map(u32::from));
        assert_eq!(matcher.try_consume_tokens(&tokens).expect("no error"), tokens.len());
        assert!(matcher.is_accepting().expect("no error"));
    }
}
