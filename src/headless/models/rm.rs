//! `hobnob models rm`: deletes, after asking.

use std::io::{self, IsTerminal};

use serde_json::json;

use crate::domain::hub::Owner;
use crate::domain::model::{Choice, ModelRef};
use crate::domain::units::{bytes, many};
use crate::error::{ErrorKind, UserError};
use crate::headless::config::refuse_problems;
use crate::headless::console::say;
use crate::headless::{Context, Format, Outcome, hub_options, print, print_json};
use crate::hub::{self, Removal, Scope};
use crate::text::sanitize;

/// What of a model is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Model,
    AllRevisions,
    /// What has come of downloads of its repository that were not finished.
    Unfinished,
}

/// Deletes a model, and tells what that has freed. Without `yes` somebody has to agree.
///
/// # Errors
/// There is no such model, nobody can be asked, or the file system refuses.
pub fn rm(reference: &str, what: What, yes: bool, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let options = hub_options(context.loaded);
    let model = ModelRef::parse(reference)?;
    let removal = match what {
        What::Model => hub::removal(&options, &model, Scope::Model)?,
        What::AllRevisions => hub::removal(&options, &model, Scope::AllRevisions)?,
        What::Unfinished => match &model {
            ModelRef::Hub { repo, choice: Choice::Any, revision: None } => hub::unfinished(&options, repo)?,
            _ => {
                return Err(UserError::new(ErrorKind::Usage, format!("`{reference}` is not a repository"))
                    .hint("unfinished downloads go by their repository: `hobnob models rm --unfinished org/repo`")
                    .into());
            }
        },
    };
    if !yes && !agreed(&removal, what)? {
        context.console.note("nothing was deleted");
        return Ok(());
    }
    let (model, owner, paths) = (removal.model.clone(), removal.owner, removal.paths.clone());
    let freed = removal.carry_out()?;
    if context.format == Format::Json {
        return print_json(&json!({
            "model": model,
            "paths": paths,
            "freed_bytes": freed,
            "own_file": owner == Owner::User,
        }));
    }
    if owner == Owner::User {
        context.console.note("it was a file of your own, and is gone for good");
    }
    let model = sanitize(&model);
    print(&match owner {
        Owner::Imported => format!("{model} is forgotten; its files are where they were\n"),
        _ => format!("{model} is deleted: {} freed\n", bytes(freed)),
    })
}

/// Asks whoever sits at the terminal.
fn agreed(removal: &Removal, what: What) -> Result<bool, UserError> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(UserError::new(ErrorKind::Usage, format!("`{}` is not deleted unasked", removal.model))
            .hint(format!("{}; --yes deletes it without asking", consequences(removal, what))));
    }
    say(&format!("{}\ndelete it? [y/N] ", sanitize(&consequences(removal, what))));
    let mut answer = String::new();
    // What can't be read is no agreement.
    let read = io::stdin().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// What it means to delete this.
fn consequences(removal: &Removal, what: What) -> String {
    let Removal { model, frees, .. } = removal;
    let frees = bytes(*frees);
    let paths: Vec<String> = removal.paths.iter().map(|path| path.display().to_string()).collect();
    match removal.owner {
        Owner::Cache if what == What::Unfinished => {
            format!("what has come of {model} ({frees}) would have to be downloaded again")
        }
        Owner::Cache => match removal.revisions.len() {
            0 | 1 => format!("{model} frees {frees}; the Hub has it still"),
            several => format!("{model} frees {frees} in {}; the Hub has it still", many(several, "revision")),
        },
        Owner::Kept => format!("{model} is a copy that frees {frees}, and can be made again"),
        Owner::Imported => format!("{model} loses its name here; its files stay where they are"),
        Owner::User => format!("{} is a file of your own ({frees}), and nothing brings it back", paths.join(", ")),
    }
}
