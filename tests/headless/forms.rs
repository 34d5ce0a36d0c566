//! Answers that have to have a form: JSON Schemas and regular expressions, with the real engine wherever it decides.

use serde_json::Value;

use crate::sandbox::{Done, Sandbox};
use crate::support::models::starter;
use crate::support::tiny;

/// More tokens than the longest answer to any of the schemas needs.
const ENOUGH: &str = "160";

/// Greedy.
fn ask(home: &Sandbox, most: &str, more: &[&str]) -> Done {
    let path = starter().to_string_lossy().into_owned();
    let args = ["run", "-m", &path, "--temperature", "0", "--max-tokens", most];
    home.run(args.into_iter().chain(more.iter().copied()))
}

/// The object has these keys and no others.
fn has_keys(value: &Value, keys: &[&str]) -> bool {
    value.as_object().is_some_and(|map| map.len() == keys.len() && keys.iter().all(|key| map.contains_key(*key)))
}

fn is_short_text(value: &Value, most: usize) -> bool {
    value.as_str().is_some_and(|text| text.chars().count() <= most)
}

fn is_whole(value: &Value, least: i64, most: i64) -> bool {
    value.as_i64().is_some_and(|n| (least..=most).contains(&n))
}

fn is_digits(value: &Value, count: usize) -> bool {
    value.as_str().is_some_and(|text| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_point(value: &Value) -> bool {
    has_keys(value, &["x", "y"]) && is_whole(&value["x"], 0, 99) && is_whole(&value["y"], -9, 9)
}

fn is_date(value: &Value) -> bool {
    let Some(parts) = value.as_str().map(|text| text.split('-').collect::<Vec<_>>()) else { return false };
    let [year, month, day] = parts[..] else { return false };
    let number = |text: &str, length: usize| (text.len() == length).then(|| text.parse::<u32>().ok()).flatten();
    number(year, 4).is_some()
        && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(day, 2).is_some_and(|day| (1..=31).contains(&day))
}

struct Case {
    question: &'static str,
    schema: &'static str,
    /// What the schema says, in other words: the program's own judgement is not asked.
    holds: fn(&Value) -> bool,
}

const CASES: [Case; 10] = [
    Case {
        question: "Who lives where?",
        schema: r#"{"type": "object", "required": ["name", "home"], "additionalProperties": false, "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 20},
            "home": {"type": "object", "required": ["city", "zip"], "additionalProperties": false, "properties": {
                "city": {"type": "string", "maxLength": 20}, "zip": {"type": "string", "pattern": "^[0-9]{5}$"}}}}}"#,
        holds: |v| {
            has_keys(v, &["name", "home"])
                && is_short_text(&v["name"], 20)
                && v["name"] != ""
                && has_keys(&v["home"], &["city", "zip"])
                && is_short_text(&v["home"]["city"], 20)
                && is_digits(&v["home"]["zip"], 5)
        },
    },
    Case {
        question: "What colour is the sky?",
        schema: r#"{"enum": ["red", "green", "blue", 7, null]}"#,
        holds: |v| ["red", "green", "blue"].iter().any(|colour| v == colour) || *v == 7 || v.is_null(),
    },
    Case {
        question: "Name some small numbers.",
        schema: r#"{"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 9}, "minItems": 3, "maxItems": 5}"#,
        holds: |v| {
            v.as_array().is_some_and(|all| (3..=5).contains(&all.len()) && all.iter().all(|n| is_whole(n, 1, 9)))
        },
    },
    Case {
        question: "How warm is it?",
        schema: r#"{"type": "object", "required": ["degrees", "wind"], "additionalProperties": false, "properties": {
            "degrees": {"type": "number", "minimum": -10, "maximum": 40, "multipleOf": 0.5},
            "wind": {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 12}}}"#,
        holds: |v| {
            let half = |n: f64| (-10.0..=40.0).contains(&n) && (n * 2.0).fract() == 0.0;
            has_keys(v, &["degrees", "wind"]) && v["degrees"].as_f64().is_some_and(half) && is_whole(&v["wind"], 4, 11)
        },
    },
    Case { question: "Is the earth round?", schema: r#"{"type": "boolean"}"#, holds: Value::is_boolean },
    Case {
        question: "What is known?",
        schema: r#"{"type": "object", "required": ["nothing", "maybe"], "additionalProperties": false, "properties": {
            "nothing": {"type": "null"}, "maybe": {"type": ["null", "boolean"]}}}"#,
        holds: |v| {
            has_keys(v, &["nothing", "maybe"])
                && v["nothing"].is_null()
                && (v["maybe"].is_null() || v["maybe"].is_boolean())
        },
    },
    Case {
        question: "Give me a line.",
        schema: r##"{"$defs": {"point": {"type": "object", "required": ["x", "y"], "additionalProperties": false,
            "properties": {"x": {"type": "integer", "minimum": 0, "maximum": 99},
                           "y": {"type": "integer", "minimum": -9, "maximum": 9}}}},
            "type": "array", "items": {"$ref": "#/$defs/point"}, "minItems": 2, "maxItems": 2}"##,
        holds: |v| v.as_array().is_some_and(|line| line.len() == 2 && line.iter().all(is_point)),
    },
    Case {
        question: "Describe a shape.",
        schema: r#"{"anyOf": [
            {"type": "object", "required": ["kind", "radius"], "additionalProperties": false,
             "properties": {"kind": {"const": "circle"}, "radius": {"type": "integer", "minimum": 1, "maximum": 50}}},
            {"type": "object", "required": ["kind", "sides"], "additionalProperties": false,
             "properties": {"kind": {"const": "polygon"}, "sides": {"type": "integer", "minimum": 3, "maximum": 12}}}]}"#,
        holds: |v| {
            (has_keys(v, &["kind", "radius"]) && v["kind"] == "circle" && is_whole(&v["radius"], 1, 50))
                || (has_keys(v, &["kind", "sides"]) && v["kind"] == "polygon" && is_whole(&v["sides"], 3, 12))
        },
    },
    Case {
        question: "Tell me about a book.",
        schema: r#"{"type": "object", "required": ["title"], "additionalProperties": false, "properties": {
            "title": {"type": "string", "maxLength": 30}, "year": {"type": "integer", "minimum": 1400, "maximum": 2100},
            "read": {"type": "boolean"}}}"#,
        holds: |v| {
            let known = v.as_object().is_some_and(|map| map.keys().all(|k| ["title", "year", "read"].contains(&&**k)));
            known
                && is_short_text(&v["title"], 30)
                && (v["year"].is_null() || is_whole(&v["year"], 1400, 2100))
                && (v["read"].is_null() || v["read"].is_boolean())
        },
    },
    Case {
        question: "When and from where?",
        schema: r#"{"type": "object", "required": ["day", "from"], "additionalProperties": false, "properties": {
            "day": {"type": "string", "format": "date"}, "from": {"type": "string", "format": "ipv4"}}}"#,
        holds: |v| {
            let address = v["from"].as_str().is_some_and(|text| text.parse::<std::net::Ipv4Addr>().is_ok());
            has_keys(v, &["day", "from"]) && is_date(&v["day"]) && address
        },
    },
];

#[test]
fn answers_have_the_form_of_their_schema() {
    let home = Sandbox::new();
    for (i, case) in CASES.iter().enumerate() {
        home.write("schema.json", case.schema);
        let done = ask(&home, ENOUGH, &["--schema", "schema.json", case.question]);
        done.assert_code(0);
        assert_eq!(done.err, "", "{}", case.question);
        let answer: Value = serde_json::from_str(done.text()).unwrap_or_else(|e| panic!("{i}: {e}: {}", done.text()));
        assert!((case.holds)(&answer), "{i}: {answer}");
    }
    home.assert_empty();
}

#[test]
fn a_schema_holds_when_words_are_chosen_by_chance_too() {
    let home = Sandbox::new();
    let path = starter().to_string_lossy().into_owned();
    for case in [&CASES[0], &CASES[7]] {
        home.write("schema.json", case.schema);
        let wild = ["--temperature", "2", "--top-p", "1", "--presence-penalty", "1", "--max-tokens", ENOUGH];
        let args = ["run", "-q", "-m", &path, "--schema", "schema.json", case.question];
        let done = home.run(args.into_iter().chain(wild));
        done.assert_code(0);
        let answer: Value = serde_json::from_str(done.text()).unwrap_or_else(|e| panic!("{e}: {}", done.text()));
        assert!((case.holds)(&answer), "{answer}");
    }
}

#[test]
fn answers_match_their_regular_expression() {
    let home = Sandbox::new();
    let date = |text: &str| is_date(&Value::from(text));
    type Check<'a> = &'a dyn Fn(&str) -> bool;
    let cases: [(&str, &str, Check<'_>); 3] = [
        ("Is fire cold?", "yes|no|maybe so", &|text| ["yes", "no", "maybe so"].contains(&text)),
        ("When was that?", r"(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", &date),
        ("Wie heißt das?", "(grün|blaß) / [a-z]{2,6}", &|text| {
            text.split_once(" / ").is_some_and(|(colour, word)| {
                ["grün", "blaß"].contains(&colour)
                    && (2..=6).contains(&word.len())
                    && word.bytes().all(|byte| byte.is_ascii_lowercase())
            })
        }),
    ];
    for (question, regex, holds) in cases {
        let done = ask(&home, ENOUGH, &["--regex", regex, question]);
        done.assert_code(0);
        assert!(holds(done.text().trim_end_matches('\n')), "{regex}: {}", done.text());
        // It ends where the expression does, not where the tokens do.
        let json = ask(&home, ENOUGH, &["--json", "--regex", regex, question]).json();
        assert_eq!(json["finish_reason"], "stop", "{json}");
    }
}

#[test]
fn an_answer_cut_before_it_has_the_form_is_printed_and_ends_with_6() {
    let home = Sandbox::new();
    home.write("schema.json", CASES[0].schema);
    let cut = ask(&home, "4", &["--schema", "schema.json", "Who?"]);
    cut.assert_error(6, "cut after 4 tokens");
    assert!(cut.text().starts_with('{') && cut.err.contains("--max-tokens"), "{cut:?}");
    let json = ask(&home, "4", &["--schema", "schema.json", "--json", "Who?"]);
    json.assert_error(6, "`schema.json`");
    let json = json.json();
    assert_eq!(json["finish_reason"], "length");
    assert!(json["content"].as_str().is_some_and(|text| text.starts_with('{')), "{json}");
    let stopped = ask(&home, ENOUGH, &["--schema", "schema.json", "--stop", "name", "Who?"]);
    stopped.assert_error(6, "--stop");
    assert!(!stopped.text().contains("name"), "{stopped:?}");
    // What is cut only behind that, or at its end, is an answer like any other.
    ask(&home, "4", &["--regex", "[a-z ]{2,400}", "Who?"]).assert_code(0);
}

#[test]
fn whoever_answers_is_held_to_it() {
    let home = Sandbox::new();
    home.write("schema.json", r#"{"type": "array", "items": {"type": "integer"}}"#);
    let script = home.script("[[reply]]\nwhen = \"list\"\ntext = \"[1, 2]\"\n[[reply]]\ntext = \"One, two.\"\n");
    home.run(["run", "-m", &script, "--schema", "schema.json", "a list"]).assert_code(0);
    let done = home.run(["run", "-m", &script, "--schema", "schema.json", "some"]);
    done.assert_error(6, "`schema.json`");
    assert_eq!(done.text(), "One, two.\n");
}

#[test]
fn a_form_that_no_answer_can_have_is_refused_before_anything_is_loaded() {
    let home = Sandbox::new();
    home.write("broken.json", "{\"type\": \n \"object\",}");
    home.write("list.json", "[1, 2]");
    home.write("data.json", "{\"name\": \"Ada\"}");
    home.write("unique.json", r#"{"type": "array", "items": {"type": "array", "uniqueItems": true}}"#);
    for (args, says) in [
        (["--schema", "missing.json"], "`missing.json`"),
        (["--schema", "broken.json"], "line 2"),
        (["--schema", "list.json"], "`list.json`"),
        (["--schema", "data.json"], "`data.json`"),
        (["--schema", "unique.json"], "`uniqueItems` at `/items/uniqueItems`"),
        (["--regex", "(a"], "`(a`"),
        (["--regex", "a(?=b)"], "`a(?=b)`"),
    ] {
        // There is no such model: who gets there has looked too late.
        let done = home.run(["run", "-m", "./missing.gguf", args[0], args[1], "hi"]);
        done.assert_error(2, says);
    }
    home.run(["run", "--schema", "data.json", "--regex", "a", "hi"]).assert_error(2, "--regex");
}

/// A model of nothing but zeros, which takes the last of all words that it may.
fn blank(home: &Sandbox, template: &str) -> String {
    let mut gguf = tiny::gguf("llama");
    gguf.set_text("tokenizer.chat_template", template);
    let path = home.path("blank.gguf");
    gguf.write(&path);
    path.to_string_lossy().into_owned()
}

const TURNS: &str = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n";

#[test]
fn reasoning_comes_before_the_form_and_is_free() {
    let home = Sandbox::new();
    let thinks = "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% else %}<think>\n{% endif %}";
    let path = blank(&home, &format!("{TURNS}{thinks}"));
    let run = |more: &[&str]| {
        let args = ["run", "-m", &path, "--temperature", "0", "--max-tokens", "8", "--regex", "yes|no"];
        home.run(args.into_iter().chain(more.iter().copied()))
    };
    // The prompt has opened the reasoning: what comes is not the answer, and not held to anything.
    let thought = run(&["--show-thinking", "--json", "well?"]);
    thought.assert_error(6, "the reasoning took all 8 tokens");
    let json = thought.json();
    assert_eq!(json["content"], "");
    assert!(json["reasoning"].as_str().is_some_and(|text| text.len() > 3 && !text.contains("yes")), "{json}");
    // The prompt has closed it again.
    assert_eq!(run(&["--no-think", "well?"]).assert_code(0).text(), "yes\n");
    // Without a form, reasoning that leaves no room for an answer is told as well.
    let free = home.run(["run", "-m", &path, "--temperature", "0", "--max-tokens", "8", "well?"]);
    free.assert_code(0);
    assert!(free.err.contains("the reasoning took all 8 tokens") && free.err.contains("--no-think"), "{}", free.err);
}

#[test]
fn a_prompt_that_opens_the_reasoning_is_enough_to_know_it() {
    let home = Sandbox::new();
    // The template names the opening tag alone: the engine takes nothing apart.
    let path = blank(&home, &format!("{TURNS}<think>\n"));
    let args = ["run", "-m", &path, "--temperature", "0", "--max-tokens", "6", "--show-thinking", "--json", "well?"];
    let json = home.run(args).json();
    assert_eq!(json["content"], "", "{json}");
    assert!(json["reasoning"].as_str().is_some_and(|text| !text.is_empty()), "{json}");
}
