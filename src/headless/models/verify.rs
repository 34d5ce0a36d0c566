//! `hobnob models verify`: whether every byte of a model is what it should be.

use std::fmt::Write;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::domain::DownloadState;
use crate::domain::hub::Done;
use crate::domain::model::ModelRef;
use crate::domain::units::{bytes, many, percent};
use crate::error::UserError;
use crate::headless::config::refuse_problems;
use crate::headless::interrupt::Watch;
use crate::headless::models::show::file_to_json;
use crate::headless::progress::StatusLine;
use crate::headless::{Context, Format, Outcome, Quit, block_on, document, hub_options, model, print, print_json};
use crate::hub::{self, Verified};
use crate::text::sanitize;

/// Reads a model's files again; with `repair` gets what is broken again, and only that.
///
/// # Errors
/// A file is broken or gone, or can't be read.
pub fn verify(reference: &str, repair: bool, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let asked = ModelRef::parse(reference)?;
    block_on(async {
        let mut watch = Watch::start(None)?;
        let verified = read(&asked, context, &mut watch).await?;
        let verdict = verified.conclude();
        if !repair || verdict.is_ok() {
            return conclude(&verified, verdict, context);
        }
        let options = hub_options(context.loaded);
        let again = format!("hobnob models verify {} --repair", verified.model);
        let repair = async |tell: &mut (dyn FnMut(DownloadState) + Send), cancel| {
            hub::repair(&options, &verified, tell, cancel).await
        };
        model::follow(context, &verified.model, &again, &mut watch, &mut |_| {}, repair).await?;
        let verified = read(&asked, context, &mut watch).await?;
        conclude(&verified, verified.conclude(), context)
    })
}

async fn read(model: &ModelRef, context: &Context<'_>, watch: &mut Watch) -> Result<Verified, Quit> {
    let options = hub_options(context.loaded);
    let cancel = CancellationToken::new();
    // Whatever ends this, the reading ends as well.
    let _ended = cancel.clone().drop_guard();
    let mut status = StatusLine::new(context.console);
    let (tell, mut told) = tokio::sync::watch::channel((0, 0));
    let progress = move |done, total| {
        tell.send_replace((done, total));
    };
    let work = hub::verify(&options, model, progress, cancel);
    tokio::pin!(work);
    loop {
        tokio::select! {
            verified = watch.guard(&mut work) => return Ok(verified??),
            Ok(()) = told.changed() => {
                let (done, total): (u64, u64) = *told.borrow_and_update();
                status.set(&format!("verifying {model}: {} of {}", percent(done, total), bytes(total)));
            }
        }
    }
}

fn conclude(verified: &Verified, verdict: Result<Done, UserError>, context: &Context<'_>) -> Outcome {
    if context.format == Format::Json {
        print_json(&to_json(verified, &verdict))?;
        // The document has the error: a second one would be one too many.
        return verdict.map(drop).map_err(|error| Quit::Code(error.kind.exit_code()));
    }
    let mut out = String::new();
    for file in &verified.files {
        let _ = writeln!(out, "{:<15}{} ({})", file.state.label(), sanitize(&file.name), bytes(file.bytes));
    }
    print(&out)?;
    match verdict? {
        Done::Verified { files, bytes: read } => {
            context.console.note(&format!("{}, {}: every byte is right", many(files, "file"), bytes(read)));
        }
        _ => context.console.note(&format!("there is nothing to compare {} with", verified.model)),
    }
    Ok(())
}

fn to_json(verified: &Verified, verdict: &Result<Done, UserError>) -> Value {
    let files: Vec<Value> = verified
        .files
        .iter()
        .map(|file| {
            let mut row = file_to_json(file);
            row["state"] = file.state.label().into();
            row
        })
        .collect();
    let word = match verdict {
        Ok(Done::Verified { .. }) => "whole",
        Ok(_) => "not verifiable",
        Err(_) => "broken",
    };
    let error = verdict.as_ref().err().map(|error| document::error(error)["error"].take());
    json!({ "model": verified.model, "verdict": word, "files": files, "error": error })
}
