//! `hobnob templates`: prompts that go by a name.

use std::fmt::Write as _;

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::config::templates::{Form, Template, Templates};
use crate::error::UserError;
use crate::headless::config::{refuse_problems, to_json};
use crate::headless::{Context, Format, Outcome, document, print, print_json};
use crate::text::sanitize;

/// All templates, a line each: a table for people, tab-separated values for a pipe.
///
/// # Errors
/// Stdout can't be written.
pub fn list(context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let folder = context.loaded.paths.templates_dir();
    let templates = Templates::new(&folder);
    let (names, problem) = templates.names();
    if let Some(problem) = problem {
        context.console.warning(&problem.message, problem.hint.as_deref());
    }
    let all: Vec<(String, Result<Template, UserError>)> =
        names.into_iter().map(|name| (name.clone(), templates.get(&name))).collect();
    if context.format == Format::Json {
        let described: Vec<Value> = all
            .iter()
            .map(|(name, template)| match template {
                Ok(template) => describe(template),
                Err(error) => json!({ "name": name, "error": document::error(error)["error"].take() }),
            })
            .collect();
        return print_json(&json!({ "folder": folder, "templates": described }));
    }
    let rows: Vec<[String; 3]> = all
        .iter()
        .map(|(name, template)| match template {
            Ok(template) => {
                let origin = if template.file.is_some() { "yours" } else { "built in" };
                [name.clone(), sanitize(&template.description).replace(['\n', '\t'], " "), origin.to_owned()]
            }
            Err(error) => [name.clone(), format!("can't be used: {}", sanitize(&error.message)), "yours".to_owned()],
        })
        .collect();
    let mut out = String::new();
    if context.console.out.terminal {
        let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
        let (names, texts) = (width(0), width(1).min(context.console.columns().saturating_sub(width(0) + 12)));
        for [name, text, origin] in &rows {
            let gap = " ".repeat(texts.saturating_sub(text.width()));
            let _ = writeln!(out, "{name:names$}  {text}{gap}  {}", context.console.paint(origin, "2"));
        }
    } else {
        for row in &rows {
            let _ = writeln!(out, "{}", row.join("\t"));
        }
    }
    print(&out)?;
    if context.console.out.terminal {
        context.console.note(&format!("your own go into {}", folder.display()));
    }
    Ok(())
}

/// One template, as a file of one's own could have it.
///
/// # Errors
/// There is none of that name, or its file is wrong.
pub fn show(name: &str, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let template = Templates::new(&context.loaded.paths.templates_dir()).get(name)?;
    if context.format == Format::Json {
        return print_json(&describe(&template));
    }
    let text = sanitize(&template.source);
    print(&format!("{}\n", text.trim_end_matches('\n')))
}

fn describe(template: &Template) -> Value {
    let variables: Vec<Value> = template
        .variables
        .iter()
        .map(|variable| json!({ "name": variable.name, "default": variable.default, "description": variable.description }))
        .collect();
    let settings: serde_json::Map<String, Value> =
        template.settings.iter().map(|(key, value)| ((*key).to_owned(), to_json(value))).collect();
    let (schema, regex) = match &template.form {
        None => (Value::Null, Value::Null),
        Some(Form::Schema(text)) => (serde_json::from_str(text).unwrap_or_else(|_| json!(text)), Value::Null),
        Some(Form::SchemaFile(path)) => (json!(path), Value::Null),
        Some(Form::Regex(text)) => (Value::Null, json!(text)),
    };
    json!({
        "name": template.name,
        "description": template.description,
        "path": template.file,
        "system": template.system,
        "prompt": template.prompt,
        "variables": variables,
        "schema": schema,
        "regex": regex,
        "stop": template.stop,
        "settings": settings,
    })
}
