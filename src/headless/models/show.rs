//! `hobnob models show`: all that is known about one model.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::domain::fit::{self, Fit};
use crate::domain::machine::Machine;
use crate::domain::measured::Remembered;
use crate::domain::model::{LoadSettings, LocalModel, ModelFacts, ModelRef};
use crate::domain::units::{ago, bytes, count, speed};
use crate::headless::config::refuse_problems;
use crate::headless::models::{describe, expected_decode, judge, measured_for, remembered};
use crate::headless::{Context, Format, Outcome, Quit, hub_options, print, print_json};
use crate::hub::{self, CheckedFile, FileState};
use crate::machine;
use crate::text::sanitize;

/// Contexts that people ask for.
const CONTEXTS: [u32; 6] = [4_096, 8_192, 16_384, 32_768, 65_536, 131_072];

/// All that is known about one model.
///
/// # Errors
/// It is not here, or can't be run.
pub fn show(reference: &str, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let options = hub_options(context.loaded);
    let asked = ModelRef::parse(reference)?;
    let model = hub::find(&options, &asked)?;
    let files = hub::files(&options, &asked).map(|found| found.files).unwrap_or_default();
    let machine = machine::measure();
    let known = remembered(context);
    // What can't be run is shown, and is an error all the same.
    if context.format == Format::Json {
        let mut document = describe(&model, context, &machine, &known);
        document["files"] = files.iter().map(file_to_json).collect();
        let fits = model.facts.as_ref().map(|facts| fits_at(&model, facts, context, &machine)).unwrap_or_default();
        document["fits_at"] = fits
            .iter()
            .map(|fit| json!({ "context": fit.context, "needed_bytes": fit.needed, "verdict": fit.verdict }))
            .collect();
        print_json(&document)?;
        // The document has the error: a second one would be one too many.
        return model.facts.map(drop).map_err(|error| Quit::Code(error.kind.exit_code()));
    }
    print(&page(&model, &files, context, &machine, &known))?;
    model.facts.map(drop).map_err(Into::into)
}

/// A file as scripts get it.
pub(super) fn file_to_json(file: &CheckedFile) -> Value {
    json!({ "name": file.name, "path": file.path, "bytes": file.bytes, "hash": file.hash })
}

/// What it would take at several contexts, up to the model's own.
fn fits_at(model: &LocalModel, facts: &ModelFacts, context: &Context<'_>, machine: &Machine) -> Vec<Fit> {
    let mut contexts: Vec<u32> = CONTEXTS.into_iter().filter(|context| *context < facts.context).collect();
    contexts.push(facts.context);
    let load = context.loaded.settings.engine.load;
    contexts
        .into_iter()
        .map(|context| fit::judge(facts, model.settings(LoadSettings { context, ..load }), machine))
        .collect()
}

fn page(
    model: &LocalModel,
    files: &[CheckedFile],
    context: &Context<'_>,
    machine: &Machine,
    known: &[Remembered],
) -> String {
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
    if let Some(cached) = &model.cached {
        row("revision", &cached.commit);
        if let Some(unused) = cached.unused {
            row("last used", &ago(unused));
        }
    }
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
        for (index, fit) in fits_at(model, facts, context, machine).iter().enumerate() {
            let label = if index == 0 { "at a context" } else { "" };
            row(label, &format!("of {:>7}: about {}: {}", fit.context, bytes(fit.needed), fit.verdict.label()));
        }
        // What was measured is better than what is expected.
        let measured = measured_for(model, context, machine, known).and_then(Remembered::in_words);
        let expected = || expected_decode(model, facts, context, machine).map(|rate| format!("about {}", speed(rate)));
        if let Some(words) = measured.or_else(expected) {
            row("speed", &words);
        }
        row("recommends", &recommended(facts));
        if let Some(caution) = facts.caution(context.loaded.settings.engine.load.device) {
            row("caution", caution);
        }
    }
    for (index, file) in files.iter().enumerate() {
        let hash = match (&file.hash, file.state) {
            (_, FileState::Gone) => "its bytes are gone",
            (Some(hash), _) => hash,
            (None, _) => "",
        };
        let label = if index == 0 { "files" } else { "" };
        row(label, format!("{} ({}) {hash}", file.name, bytes(file.bytes)).trim_end());
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
