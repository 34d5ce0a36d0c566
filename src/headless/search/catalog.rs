//! The models that are known to be good, what suits this machine best first.

use serde_json::{Value, json};

use super::Sought;
use crate::domain::catalog::{Standing, Suited};
use crate::domain::units::{bytes, count, speed};
use crate::headless::table::{Column, table};
use crate::headless::{Context, Format, Outcome, document, print, print_json};
use crate::machine;
use crate::text::sanitize;

const COLUMNS: &[Column] = &[
    Column::name("MODEL"),
    Column::right("PARAMETERS", 3),
    Column::right("SIZE", 0),
    Column::left("FITS", 0),
    Column::left("SPEED", 2),
    Column::left("FOR", 1),
    Column::left("LICENCE", 4),
];

pub(super) fn list(sought: &Sought, context: &Context<'_>) -> Outcome {
    let catalog = context.loaded.catalog();
    let mut all = catalog.suited(context.loaded.settings.engine.load, &machine::measure());
    all.retain(|suited| !sought.fits || suited.standing <= Standing::Tight);
    let more = all.len() > sought.limit;
    all.truncate(sought.limit);
    match context.format {
        Format::Json => {
            return print_json(&json!({ "models": all.iter().map(describe).collect::<Vec<_>>() }));
        }
        Format::JsonLines => {
            all.iter().try_for_each(|suited| print_json(&document::event("model", describe(suited))))?;
            return print_json(&document::event("done", json!({ "count": all.len(), "more": more })));
        }
        Format::Text => {}
    }
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    if !context.console.out.terminal {
        let line = |cells: &Vec<String>| {
            cells.iter().map(|cell| sanitize(cell).replace(['\t', '\n'], " ")).collect::<Vec<_>>().join("\t") + "\n"
        };
        return print(&rows.iter().map(line).collect::<String>());
    }
    print(&table(COLUMNS, &rows, context.console.columns(), &|_, _, cell| cell.to_owned()))?;
    if let Some((best, reason)) = all.iter().find_map(|suited| Some((suited, suited.recommended.as_ref()?))) {
        context.console.note(&format!("take `hobnob pull {}`: {reason}", best.entry.name));
    }
    Ok(())
}

fn row(suited: &Suited<'_>) -> Vec<String> {
    let entry = suited.entry;
    let size = suited.facts.as_ref().map(|facts| facts.bytes).or_else(|| suited.route?.bytes);
    vec![
        entry.name.clone(),
        entry.parameters.map(count).unwrap_or_default(),
        size.map(bytes).unwrap_or_default(),
        suited.standing.label().to_owned(),
        suited.speed.map(speed).unwrap_or_default(),
        entry.about.clone(),
        entry.licence.clone().unwrap_or_default(),
    ]
}

/// An entry as scripts get it. What is not known is null.
fn describe(suited: &Suited<'_>) -> Value {
    let entry = suited.entry;
    json!({
        "model": entry.name,
        "title": entry.title,
        "about": entry.about,
        "files": suited.route.map(|route| route.model.to_string()),
        "quantisation": suited.route.map(|route| route.quant.as_str()),
        "bytes": suited.facts.as_ref().map(|facts| facts.bytes),
        "parameters": entry.parameters,
        "context": entry.context,
        "licence": entry.licence,
        "thinking": entry.thinking,
        "sampling": entry.recommended_sampling(),
        "standing": suited.standing.label(),
        "fit": suited.fit.as_ref().map(|fit| document::fit(fit, suited.speed)),
        "recommended": suited.recommended,
    })
}
