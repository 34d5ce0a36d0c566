//! `hobnob models`: what is on this machine.

use std::fmt::Write;

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::domain::fit::{self, Fit};
use crate::domain::machine::Machine;
use crate::domain::model::{LocalModel, ModelFacts, ModelRef};
use crate::domain::units::{bytes, count};
use crate::headless::config::refuse_problems;
use crate::headless::{Context, Format, Outcome, Quit, document, hub_options, print, print_json};
use crate::hub;
use crate::machine;
use crate::text::sanitize;

/// All models on this machine: a table for people, tab-separated values for a pipe.
///
/// # Errors
/// Stdout can't be written.
pub fn list(context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let (models, problems) = hub::scan(&hub_options(context.loaded));
    let machine = machine::measure();
    if context.format == Format::Json {
        let models: Vec<Value> = models.iter().map(|model| describe(model, context, &machine)).collect();
        let problems: Vec<Value> = problems.iter().map(|problem| document::error(problem)["error"].clone()).collect();
        return print_json(&json!({ "models": models, "problems": problems }));
    }
    for problem in &problems {
        context.console.warning(&problem.message, problem.hint.as_deref());
    }
    if models.is_empty() {
        context.console.note("there is no model on this machine; `hobnob pull starter` gets a small one (98 MB)");
        return Ok(());
    }
    if context.console.out.terminal {
        print(&table(&models, context, &machine))
    } else {
        print(&tabbed(&models, context, &machine))
    }
}

/// All that is known about one model.
///
/// # Errors
/// It is not here, or can't be run.
pub fn show(reference: &str, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let model = hub::find(&hub_options(context.loaded), &ModelRef::parse(reference)?)?;
    let machine = machine::measure();
    // What can't be run is shown, and is an error all the same.
    if context.format == Format::Json {
        print_json(&describe(&model, context, &machine))?;
        // The document has the error: a second one would be one too many.
        return model.facts.map(drop).map_err(|error| Quit::Code(error.kind.exit_code()));
    }
    print(&page(&model, context, &machine))?;
    model.facts.map(drop).map_err(Into::into)
}

/// What loading a model would take with the settings in force.
fn judge(model: &LocalModel, facts: &ModelFacts, context: &Context<'_>, machine: &Machine) -> Fit {
    fit::judge(facts, model.settings(context.loaded.settings.engine.load), machine)
}

fn expected_decode(model: &LocalModel, facts: &ModelFacts, context: &Context<'_>, machine: &Machine) -> Option<f64> {
    fit::expected_decode(facts, model.settings(context.loaded.settings.engine.load), machine)
}

fn tabbed(models: &[LocalModel], context: &Context<'_>, machine: &Machine) -> String {
    let mut out = String::new();
    for model in models {
        let (quant, tokens, fits) = match &model.facts {
            Ok(facts) => {
                let verdict = judge(model, facts, context, machine).verdict;
                (facts.quant.as_str(), facts.context.to_string(), verdict.label())
            }
            Err(_) => ("", String::new(), "unusable"),
        };
        let cells = [&model.reference, quant, &model.bytes.to_string(), &tokens, fits, &model.origin];
        let cells = cells.map(|cell| sanitize(cell).replace(['\t', '\n'], " "));
        let _ = writeln!(out, "{}", cells.join("\t"));
    }
    out
}

fn table(models: &[LocalModel], context: &Context<'_>, machine: &Machine) -> String {
    let console = context.console;
    let mut rows = vec![["MODEL", "QUANT", "SIZE", "CONTEXT", "FITS", "FROM"].map(str::to_owned)];
    let mut verdicts = vec![None];
    for model in models {
        let (quant, tokens, verdict) = match &model.facts {
            Ok(facts) => {
                let verdict = judge(model, facts, context, machine).verdict;
                (facts.quant.clone(), facts.context.to_string(), Some(verdict))
            }
            Err(_) => ("-".into(), "-".into(), None),
        };
        let fits = verdict.map_or("unusable", |verdict| verdict.label());
        let row = [&model.reference, &quant, &bytes(model.bytes), &tokens, fits, &model.origin];
        rows.push(row.map(|cell| sanitize(cell).replace('\n', " ")));
        verdicts.push(verdict);
    }
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let mut out = String::new();
    for (row, verdict) in rows.iter().zip(verdicts) {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let gap = " ".repeat(width - cell.width());
            let shown = match verdict {
                Some(verdict) if column == 4 => console.verdict(verdict),
                _ => cell.clone(),
            };
            // Numbers stand under each other by their last digit.
            let _ =
                if matches!(column, 2 | 3) { write!(line, "{gap}{shown}  ") } else { write!(line, "{shown}{gap}  ") };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn page(model: &LocalModel, context: &Context<'_>, machine: &Machine) -> String {
    let mut out = String::new();
    let mut row = |label: &str, value: &str| {
        let _ = writeln!(out, "{label:<15}{}", sanitize(value));
    };
    row("model", &model.reference);
    row("name", &model.name);
    row("path", &model.location.display().to_string());
    row("from", &model.origin);
    row("format", model.format.label());
    row("size", &bytes(model.bytes));
    if let Ok(facts) = &model.facts {
        let fit = judge(model, facts, context, machine);
        row("architecture", &facts.architecture);
        row("quantisation", &facts.quant);
        if let Some(made) = model.quantised_as(context.loaded.settings.engine.load) {
            row("loaded as", &format!("{made}: quantised on the way, as `engine.quantise` or the MODEL says"));
        }
        row("parameters", &count(facts.parameters));
        row("context", &format!("{} tokens; {} in force", facts.context, fit.context));
        row("chat template", if facts.has_chat_template { "yes" } else { "no" });
        row("reasoning", if facts.can_think { "yes" } else { "no" });
        let (needed, budget) = (bytes(fit.needed), bytes(fit.budget));
        let memory =
            format!("about {needed} of {budget} at {} tokens of context: {}", fit.context, fit.verdict.label());
        row("memory", &memory);
        match fit.largest_context {
            0 => row("fits with", "no context: its weights are too large"),
            tokens => row("fits with", &format!("up to {tokens} tokens of context")),
        }
        if let Some(speed) = expected_decode(model, facts, context, machine) {
            row("speed", &format!("about {speed:.0} tok/s"));
        }
        row("recommends", &recommended(facts));
        if let Some(caution) = facts.caution(context.loaded.settings.engine.load.device) {
            row("caution", caution);
        }
    }
    out
}

fn recommended(facts: &ModelFacts) -> String {
    let said = &facts.recommended;
    let mut parts = Vec::new();
    let mut add = |name: &str, value: Option<f64>| parts.extend(value.map(|value| format!("{name} {value}")));
    add("temperature", said.temperature);
    add("top-p", said.top_p);
    add("top-k", said.top_k.map(f64::from));
    add("min-p", said.min_p);
    add("repetition penalty", said.repetition_penalty);
    add("presence penalty", said.presence_penalty);
    if parts.is_empty() { "nothing of its own".into() } else { parts.join(", ") }
}

fn describe(model: &LocalModel, context: &Context<'_>, machine: &Machine) -> Value {
    let mut out = json!({
        "model": model.reference,
        "name": model.name,
        "path": model.location,
        "format": model.format,
        "bytes": model.bytes,
        "origin": model.origin,
        "facts": null,
        "loaded_as": model.quantised_as(context.loaded.settings.engine.load),
        "fit": null,
        "caution": null,
        "error": null,
    });
    match &model.facts {
        Ok(facts) => {
            let fit = judge(model, facts, context, machine);
            out["facts"] = json!({
                "name": facts.name,
                "architecture": facts.architecture,
                "quantisation": facts.quant,
                "parameters": facts.parameters,
                "weight_bytes": facts.bytes,
                "context": facts.context,
                "layers": facts.layers,
                "vocabulary": facts.vocabulary,
                "has_chat_template": facts.has_chat_template,
                "can_think": facts.can_think,
                "recommended": facts.recommended,
            });
            out["fit"] = json!({
                "verdict": fit.verdict,
                "context": fit.context,
                "needed_bytes": fit.needed,
                "budget_bytes": fit.budget,
                "largest_context": fit.largest_context,
                "expected_tokens_per_second": expected_decode(model, facts, context, machine).map(f64::round),
            });
            out["caution"] = json!(facts.caution(context.loaded.settings.engine.load.device));
        }
        Err(error) => out["error"] = document::error(error)["error"].take(),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_counted_in_words() {
        assert_eq!(count(512), "512");
    }
}
