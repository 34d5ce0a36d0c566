//! `hobnob config`: the settings in force and where each comes from.

use std::fmt::Write;

use serde_json::{Value as Json, json};
use unicode_width::UnicodeWidthStr;

use crate::config::{Origin, SPECS, Value};
use crate::headless::table::tabbed;
use crate::headless::{Context, Format, Outcome, Quit, document, print, print_error, print_json};
use crate::text::sanitize;

/// Where the config file is, whether it exists or not.
///
/// # Errors
/// Stdout can't be written.
pub fn path(context: &Context<'_>) -> Outcome {
    let file = &context.loaded.paths.config_file;
    match context.format {
        Format::Text => print(&format!("{}\n", file.display())),
        _ => print_json(&json!({ "path": file, "exists": file.exists() })),
    }
}

/// Every setting, its value, and where that comes from.
///
/// # Errors
/// The config file has a problem.
pub fn show(context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let loaded = context.loaded;
    let rows = SPECS.iter().map(|spec| (spec, (spec.get)(&loaded.settings), loaded.origins.get(spec.key)));
    if context.format != Format::Text {
        let settings: serde_json::Map<String, Json> = rows
            .map(|(spec, value, origin)| {
                (spec.key.to_owned(), json!({ "value": to_json(&value), "origin": origin_json(origin) }))
            })
            .collect();
        return print_json(&json!({ "path": loaded.paths.config_file, "settings": settings }));
    }
    let cells: Vec<[String; 3]> = rows
        .map(|(spec, value, origin)| [spec.key.to_owned(), in_words(&spec.show(&value), &value), origin.to_string()])
        .collect();
    if !context.console.out.terminal {
        return print(&cells.iter().map(tabbed).collect::<String>());
    }
    let width = |column: usize| cells.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let (keys, values) = (width(0), width(1).min(48));
    let mut out = String::new();
    for [key, value, origin] in &cells {
        let gap = " ".repeat(values.saturating_sub(value.width()));
        let _ = writeln!(out, "{key:keys$}  {value}{gap}  {}", context.console.paint(origin, "2"));
    }
    print(&out)
}

/// Reports every problem of the config file and the environment.
///
/// # Errors
/// There is one.
pub fn check(context: &Context<'_>) -> Outcome {
    let loaded = context.loaded;
    let file = &loaded.paths.config_file;
    if context.format != Format::Text {
        let problems: Vec<Json> = loaded.problems.iter().map(|p| document::error(p)["error"].take()).collect();
        print_json(&json!({ "path": file, "exists": file.exists(), "problems": problems }))?;
        return if loaded.problems.is_empty() { Ok(()) } else { Err(Quit::Code(2)) };
    }
    refuse_problems(context)?;
    let state = if file.exists() { "is good" } else { "does not exist; the defaults are in force" };
    print(&format!("{} {state}\n", file.display()))
}

/// Tells every problem; to a script that reads JSON the first, and how many there are besides.
///
/// # Errors
/// There is a problem.
pub fn refuse_problems(context: &Context<'_>) -> Outcome {
    let problems = &context.loaded.problems;
    let Some(first) = problems.first() else { return Ok(()) };
    for problem in problems {
        context.console.error(problem);
    }
    let mut told = first.clone();
    if problems.len() > 1 {
        told.message = format!("{} (and {} more)", first.message, problems.len() - 1);
    }
    print_error(&told, context.format);
    Err(Quit::Code(first.kind.exit_code()))
}

/// A value on one line: as the file would have it, or what it means that nothing is said.
fn in_words(shown: &str, value: &Value) -> String {
    match value {
        Value::Unset => format!("({})", sanitize(shown)),
        _ => sanitize(&value.to_toml()).replace('\n', "\\n"),
    }
}

pub(super) fn to_json(value: &Value) -> Json {
    match value {
        Value::Unset => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Float(value) => json!(value),
        Value::Text(value) => json!(value),
        Value::List(value) => json!(value),
    }
}

fn origin_json(origin: Origin) -> Json {
    match origin {
        Origin::Default => json!({ "from": "default" }),
        Origin::File { line } => json!({ "from": "file", "line": line }),
        Origin::Env(name) => json!({ "from": "environment", "name": name }),
        Origin::Flag(name) => json!({ "from": "flag", "name": name }),
        Origin::Session => json!({ "from": "session" }),
    }
}
