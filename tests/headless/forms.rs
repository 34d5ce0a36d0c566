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

fn is_date(text: &str) -> bool {
    let [year, month, day] = text.split('-').collect::<Vec<_>>()[..] else { return false };
    let number = |text: &str, length: usize| (text.len() == length).then(|| text.parse::<u32>().ok()).flatten();
    number(year, 4).is_some()
        && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(day, 2).is_some_and(|day| (1..=31).contains(&day))
}

/// A question, and the schema that its answer is held to.
const CASES: [(&str, &str); 10] = [
    (
        "Who lives where?",
        r#"{"type": "object", "required": ["name", "home"], "additionalProperties": false, "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 20},
            "home": {"type": "object", "required": ["city", "zip"], "additionalProperties": false, "properties": {
                "city": {"type": "string", "maxLength": 20}, "zip": {"type": "string", "pattern": "^[0-9]{5}$"}}}}}"#,
    ),
    ("What colour is the sky?", r#"{"enum": ["red", "green", "blue", 7, null]}"#),
    (
        "Name some small numbers.",
        r#"{"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 9}, "minItems": 3, "maxItems": 5}"#,
    ),
    (
        "How warm is it?",
        r#"{"type": "object", "required": ["degrees", "wind"], "additionalProperties": false, "properties": {
            "degrees": {"type": "number", "minimum": -10, "maximum": 40, "multipleOf": 0.5},
            "wind": {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 12}}}"#,
    ),
    ("Is the earth round?", r#"{"type": "boolean"}"#),
    (
        "What is known?",
        r#"{"type": "object", "required": ["nothing", "maybe"], "additionalProperties": false, "properties": {
            "nothing": {"type": "null"}, "maybe": {"type": ["null", "boolean"]}}}"#,
    ),
    (
        "Give me a line.",
        r##"{"$defs": {"point": {"type": "object", "required": ["x", "y"], "additionalProperties": false,
            "properties": {"x": {"type": "integer", "minimum": 0, "maximum": 99},
                           "y": {"type": "integer", "minimum": -9, "maximum": 9}}}},
            "type": "array", "items": {"$ref": "#/$defs/point"}, "minItems": 2, "maxItems": 2}"##,
    ),
    (
        "Describe a shape.",
        r#"{"anyOf": [
            {"type": "object", "required": ["kind", "radius"], "additionalProperties": false,
             "properties": {"kind": {"const": "circle"}, "radius": {"type": "integer", "minimum": 1, "maximum": 50}}},
            {"type": "object", "required": ["kind", "sides"], "additionalProperties": false,
             "properties": {"kind": {"const": "polygon"}, "sides": {"type": "integer", "minimum": 3, "maximum": 12}}}]}"#,
    ),
    (
        "Tell me about a book.",
        r#"{"type": "object", "required": ["title"], "additionalProperties": false, "properties": {
            "title": {"type": "string", "maxLength": 30}, "year": {"type": "integer", "minimum": 1400, "maximum": 2100},
            "read": {"type": "boolean"}}}"#,
    ),
    (
        "When and from where?",
        r#"{"type": "object", "required": ["day", "from"], "additionalProperties": false, "properties": {
            "day": {"type": "string", "format": "date"}, "from": {"type": "string", "format": "ipv4"}}}"#,
    ),
];

/// A validator's word for it: the program's own judgement is not asked.
fn assert_valid(schema: &str, answer: &str) {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut compiler = boon::Compiler::new();
    compiler.enable_format_assertions();
    compiler.add_resource("schema.json", read(schema)).expect("a schema");
    let mut schemas = boon::Schemas::new();
    let schema = compiler.compile("schema.json", &mut schemas).expect("a schema that can be used");
    if let Err(error) = schemas.validate(&read(answer), schema) {
        panic!("{error}: {answer}");
    }
}

#[test]
fn answers_have_the_form_of_their_schema() {
    let home = Sandbox::new();
    for (question, schema) in CASES {
        home.write("schema.json", schema);
        let done = ask(&home, ENOUGH, &["--schema", "schema.json", question]);
        done.assert_code(0);
        assert_eq!(done.err, "", "{question}");
        assert_valid(schema, done.text());
    }
    home.assert_empty();
}

#[test]
fn a_schema_holds_when_words_are_chosen_by_chance_too() {
    let home = Sandbox::new();
    let path = starter().to_string_lossy().into_owned();
    for (question, schema) in [CASES[0], CASES[7]] {
        home.write("schema.json", schema);
        let wild = ["--temperature", "2", "--top-p", "1", "--presence-penalty", "1", "--max-tokens", ENOUGH];
        let args = ["run", "-q", "-m", &path, "--schema", "schema.json", question];
        let done = home.run(args.into_iter().chain(wild));
        done.assert_code(0);
        assert_valid(schema, done.text());
    }
}

#[test]
#[should_panic(expected = "validation failed")]
fn the_validator_refuses_what_is_wrong() {
    assert_valid(CASES[1].1, "\"yellow\"");
}

type Check<'a> = &'a dyn Fn(&str) -> bool;

#[test]
fn answers_match_their_regular_expression() {
    let home = Sandbox::new();
    let cases: [(&str, &str, Check<'_>); 4] = [
        // The last newline of it is the one that ends what is printed.
        ("Name three rivers", r"(- [^\n]{1,20}\n){3}", &|text| {
            text.lines().count() == 3 && text.lines().all(|line| line.starts_with("- "))
        }),
        ("Is fire cold?", "yes|no|maybe so", &|text| ["yes", "no", "maybe so"].contains(&text)),
        ("When was that?", r"(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", &is_date),
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
    home.write("schema.json", CASES[0].1);
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
