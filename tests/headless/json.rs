//! The documents that scripts read, field by field.

use serde_json::Value;

use crate::sandbox::Sandbox;

/// Says whether a value is one of the kinds that are written as one word: `string`, `number`, `count`, each with `?` for null.
fn is(value: &Value, kind: &str) -> bool {
    match kind.strip_suffix('?') {
        Some(kind) => value.is_null() || is(value, kind),
        None => match kind {
            "string" => value.is_string(),
            "count" => value.is_u64(),
            "number" => value.is_number() && value.as_f64().is_some_and(|n| n.is_finite() && n >= 0.0),
            "null" => value.is_null(),
            _ => false,
        },
    }
}

/// Exactly these fields in this order.
#[track_caller]
fn assert_shape(value: &Value, fields: &[(&str, &str)]) {
    let object = value.as_object().expect("an object");
    let names: Vec<&str> = object.keys().map(String::as_str).collect();
    assert_eq!(names, fields.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "{value}");
    for (name, kind) in fields {
        assert!(*kind == "object" || is(&object[*name], kind), "`{name}` is not {kind}: {value}");
    }
}

#[track_caller]
pub fn assert_answer(value: &Value) {
    let top = [
        ("model", "string"),
        ("session", "null"),
        ("content", "string"),
        ("reasoning", "string?"),
        ("finish_reason", "string"),
        ("usage", "object"),
        ("timing", "object"),
    ];
    assert_shape(value, &top);
    let counts = [
        ("prompt_tokens", "count"),
        ("cached_tokens", "count?"),
        ("completion_tokens", "count"),
        ("total_tokens", "count"),
    ];
    assert_shape(&value["usage"], &counts);
    let times = [
        ("load_ms", "number"),
        ("ttft_ms", "number?"),
        ("prefill_tokens_per_second", "number?"),
        ("decode_tokens_per_second", "number?"),
        ("total_ms", "number"),
    ];
    assert_shape(&value["timing"], &times);
    let usage = |name: &str| value["usage"][name].as_u64().expect("a count");
    assert_eq!(usage("total_tokens"), usage("prompt_tokens") + usage("completion_tokens"));
    let reasons = ["stop", "length", "context", "cancelled", "timeout", "error"];
    assert!(reasons.contains(&value["finish_reason"].as_str().expect("text")));
}

#[track_caller]
fn assert_error(value: &Value, kind: &str) {
    assert_shape(value, &[("error", "object")]);
    assert_shape(&value["error"], &[("kind", "string"), ("message", "string"), ("hint", "string?")]);
    assert_eq!(value["error"]["kind"], kind);
}

#[test]
fn one_document_with_every_field() {
    let home = Sandbox::new();
    let script = home.script("[[reply]]\ntext = \"Fine, \\\"thank\\\" you.\\n\"\nprompt_tokens = 12\nprefill_ms = 20\ntokens_per_second = 50.0\n");
    let done = home.run(["run", "--json", "-m", &script, "hi"]);
    done.assert_code(0);
    let json = done.json();
    assert_answer(&json);
    assert_eq!(json["model"], script);
    assert_eq!(json["content"], "Fine, \"thank\" you.\n");
    assert_eq!(json["reasoning"], Value::Null);
    assert_eq!(json["finish_reason"], "stop");
    assert_eq!(
        (json["usage"]["prompt_tokens"].as_u64(), json["usage"]["completion_tokens"].as_u64()),
        (Some(12), Some(3))
    );
    let timing = |name: &str| json["timing"][name].as_f64().expect("known");
    assert!(timing("ttft_ms") >= 20.0 && timing("ttft_ms") <= timing("total_ms"), "{json}");
    assert!(timing("prefill_tokens_per_second") <= 600.0, "{json}");
    assert!(timing("decode_tokens_per_second") > 0.0, "{json}");
}

#[test]
fn what_is_unknown_is_null() {
    let home = Sandbox::new();
    let json = home.run(["run", "--json", "-m", &home.script("[[reply]]\ntext = \"\"\n"), "hi"]).json();
    assert_answer(&json);
    assert_eq!(json["usage"]["cached_tokens"], Value::Null);
    for field in ["ttft_ms", "prefill_tokens_per_second", "decode_tokens_per_second"] {
        assert_eq!(json["timing"][field], Value::Null, "{json}");
    }
}

#[test]
fn failures_are_documents_too() {
    let home = Sandbox::new();
    let fails = home.script("[[reply]]\ntext = \"a b\"\nfail = \"it did not work\"\n");
    let small = home.script("context = 300\n[[reply]]\nprompt_tokens = 400\n");
    let cases: [(&[&str], i32, &str); 6] = [
        (&["-m", &fails, "go"], 5, "generation"),
        (&["-m", &small, "go"], 5, "context_full"),
        (&["-m", "./missing.gguf", "go"], 3, "model_not_found"),
        (&["-m", &fails], 2, "usage"),
        (&["-m", &fails, "--nonsense", "go"], 2, "usage"),
        (&["-m", &fails, "--temperature", "9", "go"], 2, "usage"),
    ];
    for (args, code, kind) in cases {
        let done = home.run(["run", "--json"].into_iter().chain(args.iter().copied()));
        done.assert_error(code, "");
        assert_error(&done.json(), kind);
        let lines = home.run(["run", "--jsonl"].into_iter().chain(args.iter().copied()));
        lines.assert_error(code, "");
        let mut last = lines.lines().pop().expect("a line");
        assert_eq!(last.as_object_mut().expect("an object").shift_remove("event"), Some("error".into()));
        assert_error(&last, kind);
    }
}

#[test]
fn events_come_in_their_order() {
    let home = Sandbox::new();
    let script = home.script("can_think = true\n[[reply]]\nreasoning = \"I see.\"\ntext = \"Fine, thank you.\"\n");
    let done = home.run(["run", "--jsonl", "--show-thinking", "-m", &script, "hi"]);
    done.assert_code(0);
    let lines = done.lines();
    let mut order: Vec<&str> = lines.iter().map(|line| line["event"].as_str().expect("a name")).collect();
    order.dedup();
    assert_eq!(order, ["loading", "started", "reasoning", "delta", "done"]);
    let joined = |event: &str| -> String {
        lines.iter().filter(|line| line["event"] == event).map(|line| line["text"].as_str().expect("text")).collect()
    };
    assert_eq!((joined("reasoning").as_str(), joined("delta").as_str()), ("I see.", "Fine, thank you."));
    for line in &lines {
        match line["event"].as_str().expect("a name") {
            "loading" => assert_shape(line, &[("event", "string"), ("model", "string"), ("stage", "string")]),
            "started" => {
                let fields =
                    [("event", "string"), ("model", "string"), ("prompt_tokens", "count"), ("context", "count")];
                assert_shape(line, &fields);
            }
            "reasoning" | "delta" => assert_shape(line, &[("event", "string"), ("text", "string")]),
            _ => {
                let mut answer = line.clone();
                answer.as_object_mut().expect("an object").shift_remove("event");
                assert_answer(&answer);
                assert_eq!(answer["content"], "Fine, thank you.");
            }
        }
    }
}
