//! `hobnob models list`: a line for each model, and what all of them take.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::domain::fit::Verdict;
use crate::domain::hub::{DiskUse, Local, Unfinished};
use crate::domain::machine::Machine;
use crate::domain::measured::Remembered;
use crate::domain::model::LocalModel;
use crate::domain::units::{ago, bytes, speed};
use crate::headless::config::refuse_problems;
use crate::headless::models::{describe, judge, measured_for, remembered};
use crate::headless::table::{Column, table};
use crate::headless::{Context, Format, Outcome, document, hub_options, print, print_json};
use crate::text::sanitize;
use crate::{hub, machine};

const COLUMNS: [Column; 8] = [
    Column::name("MODEL"),
    Column::left("QUANT", 1),
    Column::right("SIZE", 0),
    Column::right("CONTEXT", 3),
    Column::left("FITS", 0),
    Column::left("LAST USED", 4),
    Column::left("SPEED", 2),
    Column::left("FROM", 5),
];
/// Which of them is coloured.
const FITS: usize = 4;
/// Cells of the bar that shows how full the disk is.
const BAR: u64 = 24;

/// All models on this machine: a table for people, tab-separated values for a pipe.
///
/// # Errors
/// Stdout can't be written.
pub fn list(context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let local = hub::local(&hub_options(context.loaded));
    let machine = machine::measure();
    if context.format == Format::Json {
        return print_json(&to_json(&local, context, &machine));
    }
    for problem in &local.problems {
        context.console.warning(&problem.message, problem.hint.as_deref());
    }
    if local.models.is_empty() {
        context.console.note("there is no model on this machine; `hobnob pull starter` gets a small one (98 MB)");
    }
    if !context.console.out.terminal {
        return print(&tabbed(&local.models, context, &machine));
    }
    let mut out = String::new();
    if !local.models.is_empty() {
        out = laid_out(&local.models, context, &machine, &remembered(context));
    }
    out.push_str(&rest(&local, context.console.columns()));
    print(&out)
}

fn to_json(local: &Local, context: &Context<'_>, machine: &Machine) -> Value {
    let known = remembered(context);
    let models: Vec<Value> = local.models.iter().map(|model| describe(model, context, machine, &known)).collect();
    let problems: Vec<Value> = local.problems.iter().map(|problem| document::error(problem)["error"].clone()).collect();
    let unfinished: Vec<Value> = local
        .unfinished
        .iter()
        .map(|Unfinished { repo, bytes, total, model }| {
            json!({
                "repository": repo.to_string(),
                "bytes": bytes,
                "total_bytes": total,
                "model": model.as_ref().map(ToString::to_string),
            })
        })
        .collect();
    let disk = local.disk.map(
        |DiskUse { cache, free, total }| json!({ "cache_bytes": cache, "free_bytes": free, "total_bytes": total }),
    );
    json!({ "models": models, "problems": problems, "unfinished": unfinished, "disk": disk })
}

/// How a model stands on this machine, in one word.
fn verdict(model: &LocalModel, context: &Context<'_>, machine: &Machine) -> Option<Verdict> {
    Some(judge(model, model.facts.as_ref().ok()?, context, machine).verdict)
}

fn tabbed(models: &[LocalModel], context: &Context<'_>, machine: &Machine) -> String {
    let mut out = String::new();
    for model in models {
        let (quant, tokens) = (model.quant(), model.facts.as_ref().map(|facts| facts.context.to_string()));
        let tokens = tokens.unwrap_or_default();
        let fits = verdict(model, context, machine).map_or("unusable", Verdict::label);
        let unused = model.cached.as_ref().and_then(|cached| cached.unused);
        let unused = unused.map_or_else(String::new, |unused| unused.as_secs().to_string());
        let cells = [&model.reference, &quant, &model.bytes.to_string(), &tokens, fits, &model.origin, &unused];
        let cells = cells.map(|cell| sanitize(cell).replace(['\t', '\n'], " "));
        let _ = writeln!(out, "{}", cells.join("\t"));
    }
    out
}

fn laid_out(models: &[LocalModel], context: &Context<'_>, machine: &Machine, known: &[Remembered]) -> String {
    let verdicts: Vec<Option<Verdict>> = models.iter().map(|model| verdict(model, context, machine)).collect();
    let rows: Vec<Vec<String>> = models
        .iter()
        .zip(&verdicts)
        .map(|(model, verdict)| {
            let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
            let tokens = model.facts.as_ref().map(|facts| facts.context.to_string()).unwrap_or_default();
            let unused = model.cached.as_ref().and_then(|cached| cached.unused);
            let measured = measured_for(model, context, machine, known).and_then(|known| known.measured.decode());
            vec![
                model.reference.clone(),
                or_dash(model.quant()),
                bytes(model.bytes),
                or_dash(tokens),
                verdict.map_or("unusable", Verdict::label).to_owned(),
                unused.map(ago).unwrap_or_default(),
                measured.map(speed).unwrap_or_default(),
                model.origin.clone(),
            ]
        })
        .collect();
    let console = context.console;
    let paint = |row: usize, column: usize, cell: &str| match verdicts[row] {
        Some(verdict) if column == FITS => console.verdict(verdict),
        _ => cell.to_owned(),
    };
    table(&COLUMNS, &rows, console.columns(), &paint)
}

/// What stands below the models: downloads that were not finished, and the disk.
fn rest(local: &Local, width: usize) -> String {
    let mut out = String::new();
    for Unfinished { repo, bytes: come, total, model } in &local.unfinished {
        let of = total.map_or_else(String::new, |total| format!(" of {}", bytes(total)));
        let go_on = model.as_ref().map_or_else(
            || "`hobnob pull` of the same model".to_owned(),
            |model| format!("`hobnob pull {}`", sanitize(&model.to_string())),
        );
        let _ = writeln!(out, "\nunfinished: {repo}, {}{of}", bytes(*come));
        let _ = writeln!(out, "  {go_on} goes on");
        let _ = writeln!(out, "  `hobnob models rm --unfinished {repo}` forgets it");
    }
    if let Some(DiskUse { cache, free, total }) = local.disk {
        let cells =
            |part: u64| u64::try_from(u128::from(part) * u128::from(BAR) / u128::from(total.max(1))).unwrap_or(BAR);
        let (models, empty) = (cells(cache), cells(free));
        let others = BAR.saturating_sub(models + empty);
        let bar: String = [('#', models), ('-', others), ('.', empty)]
            .iter()
            .flat_map(|(sign, count)| std::iter::repeat_n(*sign, usize::try_from(*count).unwrap_or(0)))
            .collect();
        let words = format!("models {}, free {} of {}", bytes(cache), bytes(free), bytes(total));
        let line = format!("[{bar}] {words}");
        let _ = writeln!(out, "\n{}", if line.len() <= width { line } else { words });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::{ModelRef, RepoId};

    #[test]
    fn below_the_models_stands_what_they_take() {
        let repo = RepoId::parse("org/m").expect("a repository");
        let mut left = Unfinished { repo, bytes: 1_200_000_000, total: None, model: None };
        let disk = Some(DiskUse { cache: 250, free: 500, total: 1000 });
        let text = rest(&Local { unfinished: vec![left.clone()], disk, ..Local::default() }, 80);
        assert!(
            text.contains("unfinished: org/m, 1.2 GB\n  `hobnob pull` of the same model goes on\n")
                && text.contains("rm --unfinished org/m`"),
            "{text}"
        );
        assert!(text.ends_with("\n[######------............] models 250 B, free 500 B of 1.0 kB\n"), "{text}");
        left.total = Some(4_000_000_000);
        left.model = ModelRef::parse("org/m/m-Q4_0.gguf").ok();
        let text = rest(&Local { unfinished: vec![left], disk, ..Local::default() }, 40);
        assert!(text.contains("1.2 GB of 4.0 GB") && text.contains("pull org/m/m-Q4_0.gguf` goes on"), "{text}");
        assert!(text.ends_with("\nmodels 250 B, free 500 B of 1.0 kB\n"), "{text}");
        assert_eq!(rest(&Local::default(), 80), "");
    }
}
