//! Which model answers, and where it is.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::{Loaded, Origin, catalog};
use crate::domain::fit::{self, Fit, Verdict};
use crate::domain::model::{Gpu, LocalModel, ModelFacts, ModelInfo, ModelRef, ModelSpec};
use crate::domain::shell;
use crate::domain::units::bytes;
use crate::domain::{DownloadState, Thinking};
use crate::engine::probe;
use crate::error::{ErrorKind, UserError};
use crate::headless::interrupt::Watch;
use crate::headless::progress::DownloadProgress;
use crate::headless::{Context, Quit};
use crate::{hub, machine};

/// How long a stopped download may take to write down what has come, a megabyte at most.
const FLUSH: Duration = Duration::from_secs(2);
/// How often to see whether a log should hear of a download of which nothing comes.
const LOOK: Duration = Duration::from_secs(1);

/// The model that was asked for; else the starter if it is here, else the first one here that can run, else the starter
/// from the network.
pub(super) async fn choose(context: &Context<'_>, watch: &mut Watch) -> Result<ModelSpec, Quit> {
    let asked = context.loaded.settings.model.as_deref().map(ModelRef::parse).transpose()?;
    let options = hub_options(context.loaded);
    let here = watch.guard_blocking(move || Ok(find(&options, asked.as_ref()))).await?;
    let model = match here {
        Found::Here(model) => *model,
        Found::FetchStarter(_) if !context.loaded.settings.offline => {
            context.console.note("the starter model (98 MB) is not on this machine yet: getting it");
            fetch(context, &hub_options(context.loaded), &ModelRef::Starter, watch, &mut |_| {}).await?
        }
        Found::Nowhere(error) | Found::FetchStarter(error) => return Err(error.into()),
    };
    let load = context.loaded.settings.engine.load;
    let spec = ModelSpec::of(&model, load)?;
    if let Ok(facts) = &model.facts {
        if let Some(caution) = facts.caution(load.device) {
            context.console.warning(&format!("{}: {caution}", spec.name), None);
        }
        warn_of_size(context, &model.name, &fit::judge(facts, spec.settings, &machine::measure()));
    }
    Ok(spec)
}

/// Warns, and lets the person go on.
fn warn_of_size(context: &Context<'_>, name: &str, fit: &Fit) {
    if fit.verdict != Verdict::TooLarge {
        return;
    }
    let (needed, budget) = (bytes(fit.needed), bytes(fit.budget));
    let message = format!("{name} is likely too large: it needs about {needed}, and there is room for {budget}");
    let hint = match fit.largest_context {
        0 => "a smaller quantisation or model is quicker here; this one may make the machine very slow".to_owned(),
        tokens => format!("a context of {tokens} would fit: --context {tokens}"),
    };
    context.console.warning(&message, Some(&hint));
}

/// Says what was asked for and can't be had of the model that was loaded.
pub(super) fn warn_of_limits(context: &Context<'_>, info: &ModelInfo) {
    let Loaded { settings, origins, .. } = context.loaded;
    let by_hand = |key| matches!(origins.get(key), Origin::Flag(_));
    for note in &info.notes {
        context.console.warning(&note.message, note.hint.as_deref());
    }
    let asked = settings.engine.load.context;
    if by_hand("engine.context") && asked > info.context {
        let text = format!("{} has a context of {} tokens; {asked} were asked for", info.name, info.context);
        context.console.warning(&text, None);
    }
    if by_hand("chat.thinking") && settings.chat.thinking == Thinking::On && !info.facts.can_think {
        context.console.warning(&format!("{} does not reason: --think changes nothing", info.name), None);
    }
}

enum Found {
    Here(Box<LocalModel>),
    /// The starter would do, and is not here; the error is for when it can't be fetched.
    FetchStarter(UserError),
    Nowhere(UserError),
}

fn find(options: &hub::Options, asked: Option<&ModelRef>) -> Found {
    let error = match hub::find(options, asked.unwrap_or(&ModelRef::Starter)) {
        Ok(model) => return Found::Here(Box::new(model)),
        Err(error) => error,
    };
    match asked {
        Some(ModelRef::Starter) if error.kind == ErrorKind::ModelNotFound => Found::FetchStarter(error),
        Some(_) => Found::Nowhere(error),
        None => {
            let (models, _) = hub::scan(options);
            models.into_iter().find(|model| model.facts.is_ok()).map_or_else(
                || {
                    Found::FetchStarter(
                        UserError::new(
                            ErrorKind::ModelNotFound,
                            "there is no model on this machine, and --offline keeps it so",
                        )
                        .hint("get one while online: `hobnob pull starter`"),
                    )
                },
                |model| Found::Here(Box::new(model)),
            )
        }
    }
}

/// Downloads a model, and follows that.
pub(super) async fn fetch(
    context: &Context<'_>,
    options: &hub::Options,
    reference: &ModelRef,
    watch: &mut Watch,
    also: &mut (dyn FnMut(&DownloadState) + Send),
) -> Result<LocalModel, Quit> {
    let (name, again) = (reference.to_string(), format!("hobnob pull {}", shell::word(&reference.to_string())));
    let pull =
        async |tell: &mut (dyn FnMut(DownloadState) + Send), cancel| hub::pull(options, reference, tell, cancel).await;
    follow(context, &name, &again, watch, also, pull).await
}

/// Does something with the Hub, with progress on stderr. A signal keeps what has come, and says which command goes on.
pub(super) async fn follow(
    context: &Context<'_>,
    name: &str,
    again: &str,
    watch: &mut Watch,
    also: &mut (dyn FnMut(&DownloadState) + Send),
    work: impl AsyncFnOnce(&mut (dyn FnMut(DownloadState) + Send), CancellationToken) -> Result<LocalModel, UserError>,
) -> Result<LocalModel, Quit> {
    let cancel = CancellationToken::new();
    let progress = Mutex::new(DownloadProgress::new(context.console, name.to_owned()));
    let shown = || progress.lock().unwrap_or_else(PoisonError::into_inner);
    let mut tell = |state: DownloadState| {
        shown().show(&state);
        also(&state);
    };
    let halted = {
        let work = work(&mut tell, cancel.clone());
        tokio::pin!(work);
        let mut tick = tokio::time::interval(LOOK);
        let followed = async {
            loop {
                tokio::select! {
                    biased;
                    done = &mut work => return done,
                    _ = tick.tick() => shown().still(),
                }
            }
        };
        match watch.guard(followed).await {
            Ok(result) => return result.map_err(Quit::from),
            Err(quit) => {
                // What has come is flushed and kept; a second signal does not wait for it, nor do we for long.
                cancel.cancel();
                watch.allow(FLUSH);
                let _ = watch.guard(&mut work).await;
                quit
            }
        }
    };
    drop(progress);
    context.console.note(&format!("what has come is kept; `{again}` goes on from there"));
    Err(halted)
}

/// Reads a model's header, or what a script for the scripted engine has in its place.
fn header(path: &Path) -> Result<ModelFacts, UserError> {
    #[cfg(feature = "fake-engine")]
    if path.extension().is_some_and(|ending| ending == "toml") {
        return crate::engine::fake::probe(path);
    }
    probe::probe(path)
}

/// The hub side as the settings want it.
#[must_use]
pub fn hub_options(loaded: &Loaded) -> hub::Options {
    let Loaded { settings, paths, .. } = loaded;
    let options =
        hub::Options::from_env(paths.hub_cache.clone(), settings.models.folders.clone(), settings.offline, header);
    let speed = Arc::new(hub::SpeedLimit::new(settings.hub.bytes_per_second()));
    let added = loaded.catalog.clone();
    hub::Options {
        connections: settings.hub.connections,
        speed,
        kept: Some(paths.quantised_dir()),
        imported: Some(paths.imported_dir()),
        judge: Some(probe::judge),
        foretell: Some(probe::foretell),
        catalog: hub::known(move || catalog::with(added)),
        gpu: Gpu::for_device(settings.engine.load.device),
        ..options
    }
}
