//! `hobnob pull`: gets a model. The last line of stdout is its path.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::domain::DownloadState;
use crate::domain::model::{LocalModel, ModelRef};
use crate::headless::config::refuse_problems;
use crate::headless::interrupt::Watch;
use crate::headless::{Context, Format, Outcome, block_on, document, model, print, print_json};

/// In `--jsonl` progress more often than this is noise.
const EVENT_EVERY: Duration = Duration::from_millis(500);

/// Downloads `reference` unless it is here.
///
/// # Errors
/// Says how the command ends if not with a whole model.
pub fn pull(reference: &str, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let reference = ModelRef::parse(reference)?;
    block_on(async {
        let mut watch = Watch::start(None)?;
        let mut events = Events { wanted: context.format == Format::JsonLines, last: None, outcome: Ok(()) };
        let model = model::fetch(context, &reference, &mut watch, &mut |state| events.tell(state)).await?;
        events.outcome?;
        if let Err(error) = &model.facts {
            context
                .console
                .warning(&format!("it is here, and can't be used: {}", error.message), error.hint.as_deref());
        }
        let done = describe(&model);
        match context.format {
            Format::Text => print(&format!("{}\n", model.location.display())),
            Format::Json => print_json(&done),
            Format::JsonLines => print_json(&document::event("done", done)),
        }
    })
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
    /// The event that was told last, and when.
    last: Option<(&'static str, Instant)>,
    /// A reader that went away is noticed at the end: the download is worth having in any case.
    outcome: Outcome,
}

impl Events {
    fn tell(&mut self, state: &DownloadState) {
        let (name, fields) = match state {
            DownloadState::Queued | DownloadState::Resolving => ("resolving", Value::Null),
            DownloadState::Running { done, total, bytes_per_second, source } => (
                "downloading",
                json!({ "done": done, "total": total, "bytes_per_second": bytes_per_second, "source": source }),
            ),
            DownloadState::Paused { .. } => ("paused", Value::Null),
            DownloadState::Waiting { error, .. } => ("waiting", json!({ "error": error.message })),
            DownloadState::Verifying { done, total } => ("verifying", json!({ "done": done, "total": total })),
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
