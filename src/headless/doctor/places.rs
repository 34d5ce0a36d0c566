//! Files and folders: settings, log, the cache of models, and the models in it.

use std::path::Path;

use serde_json::json;

use crate::config::Loaded;
use crate::domain::model::{LocalModel, ModelRef};
use crate::domain::units::{bytes, many};
use crate::error::{ErrorKind, UserError};
use crate::headless::doctor::check::Check;
use crate::hub::{self, Options};
use crate::log as log_file;
use crate::store;

/// A download of a good model is larger than this.
const LITTLE_ROOM: u64 = 5_000_000_000;
/// Of many things that are alike so many are named.
const NAMED: usize = 3;

/// The config file: a line, or one for each thing that is wrong with it.
pub(super) fn config(loaded: &Loaded) -> Vec<Check> {
    let file = &loaded.paths.config_file;
    let details = json!({ "path": file, "exists": file.exists() });
    if loaded.problems.is_empty() {
        let state = if file.exists() { "is good" } else { "does not exist; the defaults are in force" };
        return vec![Check::ok("config", format!("{} {state}", file.display())).details(details)];
    }
    loaded.problems.iter().map(|problem| Check::problem("config", problem).details(details.clone())).collect()
}

pub(super) fn log(loaded: &Loaded) -> Check {
    match log_file::file() {
        Some(file) => Check::ok("log", file.display().to_string()).details(json!({ "path": file })),
        None => Check::warning("log", format!("no log can be written in {}", loaded.paths.log_dir.display()))
            .hint("make the folder writable, or name a file with --log-file")
            .details(json!({ "path": null })),
    }
}

/// What was said and is kept.
pub(super) fn conversations(file: &Path) -> Vec<Check> {
    let details = json!({ "path": file });
    let health = match store::health(file) {
        Ok(health) => health,
        Err(error) => return vec![Check::problem("conversations", &error).details(details)],
    };
    let (path, held) = (file.display(), health.conversations);
    let holds = held.map_or_else(
        || format!("none is kept yet in {path}"),
        |number| format!("{path} holds {}", many(number as usize, "conversation")),
    );
    let check = if health.writable {
        Check::ok("conversations", holds)
    } else {
        Check::warning("conversations", format!("{holds}; nothing can be kept there")).hint(store::UNWRITABLE)
    };
    vec![check.details(json!({ "path": file, "conversations": held, "writable": health.writable }))]
}

/// The Hugging Face cache.
pub(super) fn cache(options: &Options) -> Vec<Check> {
    let folder = options.cache.display();
    let health = match hub::health(options) {
        Ok(health) => health,
        Err(error) => return vec![Check::problem("cache", &error)],
    };
    let free = health.free.map_or_else(|| "unknown".to_owned(), bytes);
    let holds = if health.exists { format!("holds {}", bytes(health.bytes)) } else { "does not exist yet".to_owned() };
    let message = format!("{folder} {holds}; {free} free on its disk");
    let check = if !health.writable {
        Check::warning("cache", format!("{message}; nothing can be written there"))
            .hint("make it writable, or set HF_HUB_CACHE to another folder")
    } else if health.free.is_some_and(|free| free < LITTLE_ROOM) {
        Check::warning("cache", message).hint("make room, or set HF_HUB_CACHE to a folder on another disk")
    } else {
        Check::ok("cache", message)
    };
    let mut checks = vec![check.details(json!({
        "path": options.cache,
        "exists": health.exists,
        "writable": health.writable,
        "bytes": health.bytes,
        "free_bytes": health.free,
    }))];
    if !health.unfinished.is_empty() {
        let sum = health.unfinished.iter().map(|left| left.bytes).sum();
        let names: Vec<String> = health.unfinished.iter().map(|left| left.repo.to_string()).collect();
        let details: Vec<_> = health
            .unfinished
            .iter()
            .map(|left| json!({ "repo": left.repo.to_string(), "bytes": left.bytes, "total": left.total }))
            .collect();
        checks.push(
            Check::note("downloads", format!("unfinished, {} so far: {}", bytes(sum), some(&names)))
                .hint("`hobnob pull` of the same model goes on from there; `hobnob models rm --unfinished` forgets it")
                .details(json!({ "unfinished": details })),
        );
    }
    if !health.dangling.is_empty() {
        let names: Vec<String> = health.dangling.iter().map(|path| path.display().to_string()).collect();
        checks.push(
            Check::warning("files", format!("the cache has names without a file: {}", some(&names)))
                .hint("`hobnob pull` gets them again, `hobnob models rm` removes what is left")
                .details(json!({ "dangling": health.dangling })),
        );
    }
    checks
}

/// The models that are here; `chosen` is the one that the settings name.
pub(super) fn models(options: &Options, chosen: Option<&str>) -> Vec<Check> {
    let (models, problems) = hub::scan(options);
    let usable = models.iter().filter(|model| model.facts.is_ok()).count();
    let (unsupported, broken): (Vec<&LocalModel>, Vec<&LocalModel>) = models
        .iter()
        .filter(|model| model.facts.is_err())
        .partition(|model| model.facts.as_ref().is_err_and(|error| error.kind == ErrorKind::ModelUnsupported));
    let details = json!({ "usable": usable, "unsupported": unsupported.len(), "broken": broken.len() });
    let check = if usable == 0 {
        Check::note("models", "none that can be used").hint("`hobnob pull starter` gets a small one (98 MB)")
    } else if unsupported.is_empty() {
        Check::ok("models", format!("{} can be used", many(usable, "model")))
    } else {
        let message =
            format!("{} can be used, {} can't be run by this engine", many(usable, "model"), unsupported.len());
        Check::ok("models", message)
    };
    let mut checks = vec![check.details(details)];
    for model in broken.iter().take(NAMED) {
        let Err(error) = &model.facts else { continue };
        let mut check = Check::warning("models", format!("{}: {}", model.reference, error.message));
        check.hint.clone_from(&error.hint);
        checks.push(check.details(json!({ "model": model.reference, "path": model.location })));
    }
    if broken.len() > NAMED {
        checks.push(
            Check::warning("models", format!("{} more are broken", broken.len() - NAMED)).hint("`hobnob models`"),
        );
    }
    checks.extend(problems.iter().map(|problem| {
        let mut check = Check::warning("models", problem.message.clone());
        check.hint.clone_from(&problem.hint);
        check
    }));
    if let Some(chosen) = chosen
        && let Err(error) = usable_model(options, chosen)
    {
        checks.push(Check::problem("models", &error).details(json!({ "model": chosen })));
    }
    checks
}

fn usable_model(options: &Options, reference: &str) -> Result<(), UserError> {
    hub::find(options, &ModelRef::parse(reference)?)?.facts.map(drop)
}

/// The first few, and how many more there are.
fn some(names: &[impl AsRef<str>]) -> String {
    let mut text = names.iter().take(NAMED).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    if names.len() > NAMED {
        use std::fmt::Write as _;
        let _ = write!(text, " and {} more", names.len() - NAMED);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_are_cut() {
        assert_eq!(some(&["a", "b", "c"]), "a, b, c");
        assert_eq!(some(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
    }
}
