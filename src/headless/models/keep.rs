//! `hobnob models keep`: quantises a model once and for all, so that it loads quickly from then on.

use serde_json::json;

use crate::domain::model::{LoadSettings, ModelInfo, ModelRef, ModelSpec};
use crate::domain::quant::KeptCopy;
use crate::domain::units::seconds;
use crate::domain::{EngineCmd, EngineEvent, LoadId};
use crate::engine::{self, EngineHandle};
use crate::error::{ErrorKind, UserError};
use crate::headless::config::refuse_problems;
use crate::headless::interrupt::Watch;
use crate::headless::progress::StatusLine;
use crate::headless::run::{engine_gone, engine_options};
use crate::headless::{Context, Format, Outcome, Quit, block_on, hub_options, print, print_json};
use crate::hub;

/// Loads the model, and has the engine write down what it made of its weights. The last line of stdout is the copy's folder.
///
/// # Errors
/// The model does not load, its weights are not quantised on the way, or the copy can't be written.
pub fn keep(reference: &str, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let model = hub::find(&hub_options(context.loaded), &ModelRef::parse(reference)?)?;
    let settings = LoadSettings { keep: true, ..context.loaded.settings.engine.load };
    let spec = ModelSpec::of(&model, settings)?;
    let info = block_on(async {
        let mut watch = Watch::start(None)?;
        let (engine, mut events) = EngineHandle::start(engine_options(context)?);
        let mut status = StatusLine::new(context.console);
        engine.send(EngineCmd::Load { id: LoadId(1), spec });
        let loaded = watch
            .guard(async {
                loop {
                    match events.recv().await {
                        Some(EngineEvent::Progress { stage, .. }) => {
                            status.set(&format!("{}: {}", model.name, stage.label()));
                        }
                        Some(EngineEvent::Loaded { info, .. }) => return Ok(*info),
                        Some(EngineEvent::LoadFailed { error, .. } | EngineEvent::Died { error }) => return Err(error),
                        Some(_) => {}
                        None => return Err(engine_gone()),
                    }
                }
            })
            .await;
        drop(status);
        // When its process is gone, nobody writes any more.
        engine.shutdown().await;
        engine::clear_unfinished_copies(&context.loaded.paths.quantised_dir());
        loaded?.map_err(Quit::from)
    })?;
    conclude(info, context)
}

fn conclude(info: ModelInfo, context: &Context<'_>) -> Outcome {
    let KeptCopy::Kept(path) = &info.copy else {
        let error = info.notes.into_iter().next().unwrap_or_else(|| {
            UserError::new(
                ErrorKind::Usage,
                format!(
                    "there is nothing to keep of `{}`: its weights are loaded as stored ({})",
                    info.name, info.quant
                ),
            )
            .hint(
                "this is for plain weights (F16, BF16, F32): name a quantisation, as in `hobnob models keep MODEL:q4`",
            )
        });
        return Err(error.into());
    };
    for note in &info.notes {
        context.console.warning(&note.message, note.hint.as_deref());
    }
    if context.format == Format::Json {
        return print_json(&json!({ "model": info.reference, "quantisation": info.quant, "path": path }));
    }
    context.console.note(&format!("{} is kept as {} ({})", info.name, info.quant, seconds(info.load_time)));
    print(&format!("{}\n", path.display()))
}
