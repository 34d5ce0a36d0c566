//! `hobnob models`: what is on this machine.

pub mod keep;
pub mod list;
pub mod newer;
pub mod rm;
pub mod show;
pub mod verify;

use std::path::Path;

use serde_json::{Value, json};

use crate::domain::fit::{self, Fit};
use crate::domain::machine::Machine;
use crate::domain::measured::{self, Remembered};
use crate::domain::model::{LocalModel, ModelFacts};
use crate::headless::config::refuse_problems;
use crate::headless::{Context, Format, Outcome, document, hub_options, print, print_json};
use crate::{hub, machine, measurements};

/// Gives a model elsewhere on this machine a name here. The last line of stdout is its path.
///
/// # Errors
/// There is no model, it can't be run, or another one has its name.
pub fn import(path: &Path, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let model = hub::import(&hub_options(context.loaded), path)?;
    if context.format == Format::Json {
        return print_json(&json!({ "model": model.reference, "name": model.name, "path": model.location }));
    }
    context.console.note(&format!("{} is among the models now; its files stay where they are", model.name));
    print(&format!("{}\n", model.location.display()))
}

/// What models have been measured to do on this machine.
fn remembered(context: &Context<'_>) -> Vec<Remembered> {
    let (known, problem) = measurements::read(&context.loaded.paths.measured_file, &machine::profile().name());
    if let Some(problem) = problem {
        context.console.warning(&problem.message, problem.hint.as_deref());
    }
    known
}

/// What loading a model would take with the settings in force.
fn judge(model: &LocalModel, facts: &ModelFacts, context: &Context<'_>, machine: &Machine) -> Fit {
    fit::judge(facts, model.settings(context.loaded.settings.engine.load), machine)
}

fn expected_decode(model: &LocalModel, facts: &ModelFacts, context: &Context<'_>, machine: &Machine) -> Option<f64> {
    fit::expected_decode(facts, model.settings(context.loaded.settings.engine.load), machine)
}

/// What a model has been measured to do here, as it would be loaded.
fn measured_for<'a>(
    model: &LocalModel,
    context: &Context<'_>,
    machine: &Machine,
    known: &'a [Remembered],
) -> Option<&'a Remembered> {
    measured::find(known, model, context.loaded.settings.engine.load, Some(machine))
}

fn describe(model: &LocalModel, context: &Context<'_>, machine: &Machine, known: &[Remembered]) -> Value {
    let mut out = json!({
        "model": model.reference,
        "name": model.name,
        "path": model.location,
        "format": model.format,
        "bytes": model.bytes,
        "origin": model.origin,
        "repository": model.cached.as_ref().map(|cached| cached.repo.to_string()),
        "commit": model.cached.as_ref().map(|cached| cached.commit.as_str()),
        "unused_seconds": model.cached.as_ref().and_then(|cached| cached.unused).map(|unused| unused.as_secs()),
        "facts": null,
        "loaded_as": model.quantised_as(context.loaded.settings.engine.load),
        "fit": null,
        "measured": null,
        "caution": null,
        "error": null,
    });
    match &model.facts {
        Ok(facts) => {
            let fit = judge(model, facts, context, machine);
            out["facts"] = facts_to_json(facts);
            out["fit"] = document::fit(&fit, expected_decode(model, facts, context, machine));
            out["measured"] = measured_for(model, context, machine, known).map_or(Value::Null, measured_to_json);
            out["caution"] = json!(facts.caution(context.loaded.settings.engine.load.device));
        }
        Err(error) => out["error"] = document::error(error)["error"].take(),
    }
    out
}

/// A measurement, and how old it is.
fn measured_to_json(known: &Remembered) -> Value {
    let Remembered { measured, age } = known;
    json!({
        "decode_tokens_per_second": measured.decode().map(document::rounded),
        "prefill_tokens_per_second": measured.prefill().map(document::rounded),
        "load_ms": measured.load_seconds.map(|seconds| document::rounded(seconds * 1000.0)),
        "peak_memory_bytes": measured.peak_memory,
        "device": measured.setup.device,
        "context": measured.setup.context,
        "measured_at": measured.at,
        "age_seconds": age.as_secs(),
        "version": measured.version,
    })
}

/// What a model's header says.
pub(super) fn facts_to_json(facts: &ModelFacts) -> Value {
    json!({
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
    })
}
