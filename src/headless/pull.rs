//! `hobnob pull`: gets models. The last line of stdout is the path.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::domain::DownloadState;
use crate::domain::model::{LocalModel, ModelRef};
use crate::error::{ErrorKind, UserError};
use crate::headless::config::refuse_problems;
use crate::headless::interrupt::Watch;
use crate::headless::{
    Console, Context, Format, Outcome, Quit, block_on, document, hub_options, model, print, print_json,
};
use crate::hub;

/// In `--jsonl` progress more often than this is noise.
const EVENT_EVERY: Duration = Duration::from_millis(500);

/// What to do about a model that is broken where it comes from.
pub(super) const BROKEN_ON_THE_HUB: &str = "it is as the Hub has it: choose another file or quantisation";

/// Downloads each of `references` unless it is here (and new enough, where `newest` is wanted), one after the other. One that fails does not keep the others from
/// coming; the first that did decides how the command ends.
///
/// # Errors
/// Says how the command ends if not with whole models.
pub fn pull(references: &[String], speed_limit: Option<u64>, newest: bool, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let references = references.iter().map(|text| ModelRef::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let options = hub::Options { newest, ..hub_options(context.loaded) };
    if speed_limit.is_some() {
        options.speed.set(speed_limit);
    }
    block_on(async {
        let mut watch = Watch::start(None)?;
        let (mut documents, mut failed) = (Vec::new(), None);
        for reference in &references {
            match one(context, &options, reference, &mut watch).await {
                Ok(done) => documents.push(done),
                // Alone it is the command's own end.
                Err(quit) if references.len() == 1 => return Err(quit),
                Err(Quit::Error(error)) => {
                    context.console.error(&error);
                    documents.push(failure(context, reference, &error)?);
                    failed.get_or_insert(error.kind.exit_code());
                }
                Err(Quit::Interrupted(interrupt)) => {
                    documents.push(failure(context, reference, &interrupt.error())?);
                    failed = Some(interrupt.exit_code());
                    break;
                }
                Err(quit) => return Err(quit),
            }
        }
        if context.format == Format::Json {
            match (references.as_slice(), documents.as_slice()) {
                ([_], [one]) => print_json(one)?,
                (_, all) => print_json(&json!({ "models": all }))?,
            }
        }
        failed.map_or(Ok(()), |code| Err(Quit::Code(code)))
    })
}

/// The document of one of several that did not come; where lines are wanted it is told at once.
fn failure(context: &Context<'_>, reference: &ModelRef, error: &UserError) -> Result<Value, Quit> {
    let mut told = document::error(error);
    told["model"] = reference.to_string().into();
    if context.format == Format::JsonLines {
        print_json(&document::event("error", told.clone()))?;
    }
    Ok(told)
}

/// Downloads one model and prints where it is; the document for `--json`.
async fn one(
    context: &Context<'_>,
    options: &hub::Options,
    reference: &ModelRef,
    watch: &mut Watch,
) -> Result<Value, Quit> {
    let wanted = context.format == Format::JsonLines;
    let mut events = Events { wanted, model: reference.to_string(), last: None, came: false, outcome: Ok(()) };
    let model = model::fetch(context, options, reference, watch, &mut |state| events.tell(state)).await?;
    events.outcome?;
    if let Err(error) = &model.facts {
        let unusable = format!("it is here, and can't be used: {}", error.message);
        // Every byte has just been checked: to get it again helps nobody.
        let as_it_is_there = error.kind == ErrorKind::ModelBroken && events.came;
        let hint = if as_it_is_there { Some(BROKEN_ON_THE_HUB) } else { error.hint.as_deref() };
        // Quiet is about what goes on. That nothing came of it is how it ends.
        Console { quiet: false, ..context.console }.warning(&unusable, hint);
    }
    let done = describe(&model);
    match context.format {
        Format::Text => print(&format!("{}\n", model.location.display()))?,
        Format::Json => {}
        Format::JsonLines => print_json(&document::event("done", done.clone()))?,
    }
    Ok(done)
}

fn describe(model: &LocalModel) -> Value {
    json!({
        "model": model.reference,
        "path": model.location,
        "format": model.format,
        "bytes": model.bytes,
        "origin": model.origin,
    })
}

/// The lines of `--jsonl` while it goes on.
struct Events {
    wanted: bool,
    /// As it was asked for.
    model: String,
    /// The event that was told last, and when.
    last: Option<(&'static str, Instant)>,
    /// Something was got, and checked.
    came: bool,
    /// A reader that went away is noticed at the end: the download is worth having in any case.
    outcome: Outcome,
}

impl Events {
    fn tell(&mut self, state: &DownloadState) {
        self.came |= matches!(state, DownloadState::Running { .. } | DownloadState::Verifying { .. });
        let model = &self.model;
        let (name, fields) = match state {
            DownloadState::Queued | DownloadState::Resolving => ("resolving", json!({ "model": model })),
            DownloadState::Running { done, total, bytes_per_second, source, files } => (
                "downloading",
                json!({
                    "model": model, "done": done, "total": total, "bytes_per_second": bytes_per_second,
                    "source": source, "files": files.total, "files_done": files.done,
                }),
            ),
            DownloadState::Paused { .. } => ("paused", json!({ "model": model })),
            DownloadState::Waiting { done, total, wait, error } => (
                "waiting",
                json!({
                    "model": model, "done": done, "total": total, "seconds": wait.as_secs_f64(), "error": error.message,
                }),
            ),
            DownloadState::Verifying { done, total } => {
                ("verifying", json!({ "model": model, "done": done, "total": total }))
            }
            // How it ends is told by the end itself.
            DownloadState::Done { .. } | DownloadState::Cancelled | DownloadState::Failed { .. } => return,
        };
        let too_soon = self.last.is_some_and(|(last, at)| last == name && at.elapsed() < EVENT_EVERY);
        if self.wanted && !too_soon && self.outcome.is_ok() {
            self.last = Some((name, Instant::now()));
            self.outcome = print_json(&document::event(name, fields));
        }
    }
}
