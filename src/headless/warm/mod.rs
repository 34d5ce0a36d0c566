//! Engines that scripts share: how a command gets at one, what there is, and ending it.

mod holder;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

pub use self::holder::hold;
use crate::domain::units::{bytes, many};
pub use crate::engine::share::ARGUMENT;
use crate::engine::share::{self, Borrow, Holder, Holding, Keep, Lend, Share};
use crate::engine::{self, Options};
use crate::error::{ErrorKind, UserError};
use crate::headless::config::refuse_problems;
use crate::headless::interrupt::Watch;
use crate::headless::table::{Column, table};
use crate::headless::{Context, Format, Outcome, block_on, document, engine_options, print, print_json};
use crate::text::sanitize;

/// The engine of a script: another's where there is one with the model, and where it is to be kept one that stays.
///
/// # Errors
/// The system can't tell where this program is, or what is to be kept warm may not be shared.
pub(super) fn borrowing(context: &Context<'_>, keep_warm: Option<Duration>) -> Result<Options, UserError> {
    let options = engine_options(context)?;
    let paths = &context.loaded.paths;
    if !context.loaded.settings.engine.share {
        return match keep_warm {
            None => Ok(options),
            Some(_) => Err(UserError::new(
                ErrorKind::Usage,
                "--keep-warm leaves an engine for other calls, and `engine.share` is false",
            )
            .hint("leave one of them out; `hobnob config show` says where the setting comes from")),
        };
    }
    let keep = keep_warm.map(|time| Keep { time, log_dir: paths.log_dir.clone() });
    let share = Share::Borrow(Borrow { folder: paths.runtime_dir.clone(), keep });
    Ok(Options { share, ..options })
}

/// The engine of an interface, which scripts can use.
///
/// # Errors
/// The system can't tell where this program is.
pub fn lending(context: &Context<'_>) -> Result<engine::Options, UserError> {
    let options = engine_options(context)?;
    if !context.loaded.settings.engine.share {
        return Ok(options);
    }
    let share = Share::Lend(Lend { folder: context.loaded.paths.runtime_dir.clone(), holder: Holder::Interface });
    Ok(Options { share, ..options })
}

/// Who holds what: a table for people, tab-separated values for a pipe.
///
/// # Errors
/// Stdout can't be written.
pub fn list(context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let all = held(context)?;
    let holdings = || all.iter().map(|(_, holding)| holding);
    if context.format != Format::Text {
        return print_json(&json!({ "engines": holdings().map(describe).collect::<Vec<_>>() }));
    }
    if all.is_empty() {
        context.console.note("no engine is held for scripts; `hobnob run --keep-warm 10m` leaves one");
        return Ok(());
    }
    if !context.console.out.terminal {
        let mut out = String::new();
        for holding in holdings() {
            let ends = holding.ends_in.map_or_else(String::new, |left| left.as_secs().to_string());
            let memory = holding.memory.map_or_else(String::new, |bytes| bytes.to_string());
            let name = sanitize(&holding.reference);
            let _ = writeln!(out, "{name}\t{}\t{}\t{memory}\t{ends}", kind(holding.holder), holding.pid);
        }
        return print(&out);
    }
    let columns = [
        Column::name("MODEL"),
        Column::left("HELD BY", 0),
        Column::right("PROCESS", 2),
        Column::right("CONTEXT", 3),
        Column::right("MEMORY", 1),
        Column::left("NOW", 0),
    ];
    let rows: Vec<Vec<String>> = holdings()
        .map(|holding| {
            vec![
                holding.name.clone(),
                kind(holding.holder).to_owned(),
                holding.pid.to_string(),
                holding.context.to_string(),
                holding.memory.map_or_else(String::new, bytes),
                now(holding),
            ]
        })
        .collect();
    print(&table(&columns, &rows, context.console.columns(), &|_, _, cell| cell.to_owned()))
}

/// Ends what is kept warm. Interfaces keep theirs.
///
/// # Errors
/// One does not end.
pub fn stop(context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let mut ended = Vec::new();
    let mut stays = None;
    let kept: Vec<(PathBuf, Holding)> =
        held(context)?.into_iter().filter(|(_, holding)| holding.holder != Holder::Interface).collect();
    for (socket, holding) in kept {
        let done = block_on(async { Watch::start(None)?.guard(share::dismiss(&socket)).await })?;
        if done { ended.push(holding) } else { stays = Some(holding) }
    }
    if let Some(holding) = stays {
        let message = format!("the process {} that keeps {} warm does not end", holding.pid, holding.name);
        return Err(UserError::new(ErrorKind::Unexpected, message)
            .hint(format!("`kill {}` ends it", holding.pid))
            .into());
    }
    if context.format != Format::Text {
        return print_json(&json!({ "ended": ended.iter().map(describe).collect::<Vec<_>>() }));
    }
    if ended.is_empty() {
        context.console.note("nothing is kept warm");
    }
    print(&ended.iter().fold(String::new(), |mut out, holding| {
        let _ = writeln!(out, "{}", sanitize(&holding.reference));
        out
    }))
}

/// All holders there are.
fn held(context: &Context<'_>) -> Result<Vec<(PathBuf, Holding)>, super::Quit> {
    let folder = context.loaded.paths.runtime_dir.clone();
    block_on(async { Watch::start(None)?.guard(share::holders(&folder)).await })
}

fn kind(holder: Holder) -> &'static str {
    match holder {
        Holder::Interface => "interface",
        Holder::Warm { .. } => "warm",
    }
}

/// What it is doing, in a few words.
fn now(holding: &Holding) -> String {
    match (holding.asking, holding.ends_in) {
        (0, _) if !holding.loaded => "loading, or asleep".to_owned(),
        (0, Some(left)) => format!("ends in {}", about(left)),
        (0, None) => "ready".to_owned(),
        (n, _) => format!("{} waiting for answers", many(n as usize, "script")),
    }
}

fn about(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3600)),
    }
}

fn describe(holding: &Holding) -> Value {
    json!({
        "model": holding.reference,
        "name": holding.name,
        "holder": kind(holding.holder),
        "pid": holding.pid,
        "context": holding.context,
        "loaded": holding.loaded,
        "memory_bytes": holding.memory,
        "scripts": holding.asking,
        "ends_in_seconds": holding.ends_in.map(|left| document::rounded(left.as_secs_f64())),
    })
}

/// The engines that are held, in a sentence and in figures; `None` where there are none.
pub(super) async fn in_short(folder: &std::path::Path) -> Option<(String, Value)> {
    let all = share::holders(folder).await;
    let one = |(_, holding): &(PathBuf, Holding)| {
        let memory = holding.memory.map_or_else(String::new, |memory| format!(", {}", bytes(memory)));
        format!("{} ({}, process {}{memory})", holding.name, kind(holding.holder), holding.pid)
    };
    let names: Vec<String> = all.iter().map(one).collect();
    let figures = json!({ "engines": all.iter().map(|(_, holding)| describe(holding)).collect::<Vec<_>>() });
    (!all.is_empty()).then(|| (names.join(", "), figures))
}
