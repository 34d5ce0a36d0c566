//! `hobnob models newer`: whether the Hub has other files by now.

use std::fmt::Write;

use serde_json::json;

use crate::domain::model::ModelRef;
use crate::error::UserError;
use crate::headless::config::refuse_problems;
use crate::headless::interrupt::Watch;
use crate::headless::{Context, Format, Outcome, Quit, block_on, document, hub_options, print, print_json};
use crate::hub;
use crate::text::sanitize;

/// Asks about one model, or about all that came from the Hub.
///
/// # Errors
/// The Hub can't be asked; of several models the first error, after all were asked.
pub fn newer(reference: Option<&str>, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let options = hub_options(context.loaded);
    let models = if let Some(reference) = reference {
        vec![reference.to_owned()]
    } else {
        let (models, _problems) = hub::scan(&options);
        models.into_iter().filter(|model| model.cached.is_some()).map(|model| model.reference).collect()
    };
    let answers = block_on(async {
        let mut watch = Watch::start(None)?;
        let mut answers: Vec<(String, Result<Option<String>, UserError>)> = Vec::new();
        for model in models {
            let answer = match ModelRef::parse(&model) {
                Ok(asked) => watch.guard(hub::newer(&options, &asked)).await?,
                Err(error) => Err(error),
            };
            answers.push((model, answer));
        }
        Ok(answers)
    })?;
    if context.format == Format::Json {
        let rows: Vec<_> = answers
            .iter()
            .map(|(model, answer)| {
                let error = answer.as_ref().err().map(|error| document::error(error)["error"].take());
                json!({ "model": model, "newer": answer.as_ref().ok().and_then(Option::as_ref), "error": error })
            })
            .collect();
        print_json(&json!({ "models": rows }))?;
        let failed = answers.into_iter().find_map(|(_, answer)| answer.err());
        return failed.map_or(Ok(()), |error| Err(Quit::Code(error.kind.exit_code())));
    }
    let mut out = String::new();
    for (model, answer) in &answers {
        let model = sanitize(model);
        let _ = match answer {
            Ok(None) => writeln!(out, "{model}: nothing newer"),
            Ok(Some(commit)) => writeln!(out, "{model}: the Hub has a newer one, {commit}"),
            Err(_) => writeln!(out, "{model}: unknown"),
        };
    }
    print(&out)?;
    answers.into_iter().find_map(|(_, answer)| answer.err()).map_or(Ok(()), |error| Err(error.into()))
}
