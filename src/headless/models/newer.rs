//! `hobnob models newer`: whether the Hub has other files by now.

use std::fmt::Write;

use serde_json::json;

use crate::domain::hub::Newer;
use crate::domain::model::ModelRef;
use crate::error::UserError;
use crate::headless::config::refuse_problems;
use crate::headless::interrupt::Watch;
use crate::headless::table::tabbed;
use crate::headless::{Context, Format, Outcome, Quit, block_on, document, hub_options, print, print_json};
use crate::hub;
use crate::text::sanitize;

/// Asks about one model, or about all that came from the Hub.
///
/// # Errors
/// The Hub can't be asked; of several models the first error, after what can be told was told.
pub fn newer(reference: Option<&str>, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let options = hub_options(context.loaded);
    let models = if let Some(reference) = reference {
        vec![reference.to_owned()]
    } else {
        let (models, _problems) = hub::scan(&options);
        models.into_iter().filter(|model| model.cached.is_some()).map(|model| model.reference).collect()
    };
    let asked = models.iter().map(|model| ModelRef::parse(model)).collect::<Result<Vec<_>, _>>()?;
    let answers = block_on(async {
        let mut watch = Watch::start(None)?;
        watch.guard(hub::newer_of_each(&options, &asked)).await
    })?;
    let answers: Vec<_> = models.into_iter().zip(answers).collect();
    if context.format == Format::Json {
        let rows: Vec<_> = answers
            .iter()
            .map(|(model, answer)| {
                let error = answer.as_ref().err().map(|error| document::error(error)["error"].take());
                let newer = answer.as_ref().ok().and_then(Option::as_ref);
                json!({
                    "model": model,
                    "newer": newer.map(|newer| &newer.commit),
                    "pull": newer.map(|newer| newer.model.to_string()),
                    "error": error,
                })
            })
            .collect();
        print_json(&json!({ "models": rows }))?;
        let failed = answers.into_iter().find_map(|(_, answer)| answer.err());
        return failed.map_or(Ok(()), |error| Err(Quit::Code(error.kind.exit_code())));
    }
    if !context.console.out.terminal {
        return conclude(print(&answers.iter().map(plain).collect::<String>()), answers);
    }
    let mut out = String::new();
    for (model, answer) in &answers {
        let model = sanitize(model);
        let _ = match answer {
            Ok(None) => writeln!(out, "{model}: nothing newer"),
            Ok(Some(Newer { commit, model: newest })) => {
                let get = sanitize(&newest.to_string()).into_owned();
                writeln!(out, "{model}: the Hub has a newer one, {commit}: `hobnob pull --newest {get}` gets it")
            }
            Err(_) => writeln!(out, "{model}: unknown"),
        };
    }
    conclude(print(&out), answers)
}

type Answer = (String, Result<Option<Newer>, UserError>);

/// For a pipe: the model, what is known of it in a word, and the newer commit with what to get it by.
fn plain((model, answer): &Answer) -> String {
    match answer {
        Ok(None) => tabbed([model, "current", "", ""]),
        Ok(Some(Newer { commit, model: newest })) => tabbed([model, "newer", commit, &newest.to_string()]),
        Err(_) => tabbed([model, "unknown", "", ""]),
    }
}

/// The first error is how it ends, after all has been told.
fn conclude(told: Outcome, answers: Vec<Answer>) -> Outcome {
    told?;
    answers.into_iter().find_map(|(_, answer)| answer.err()).map_or(Ok(()), |error| Err(error.into()))
}
