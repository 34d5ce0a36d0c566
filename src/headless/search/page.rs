//! One repository: what it offers, and what of that to take.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{on_this_machine, warnings};
use crate::domain::fit;
use crate::domain::hub::{Gated, Hit, Offer, RepoPage};
use crate::domain::machine::Machine;
use crate::domain::model::{LoadSettings, RepoId};
use crate::domain::offers::{judge, recommended};
use crate::domain::units::{ago, bytes, count, short, speed};
use crate::headless::interrupt::Watch;
use crate::headless::table::{Column, table};
use crate::headless::{Context, Format, Outcome, block_on, document, hub_options, print, print_json};
use crate::text::sanitize;
use crate::{hub, machine};

/// Of what else there is, so much is shown.
const MOST_SIBLINGS: usize = 6;

pub(super) fn show(repo: &RepoId, revision: Option<&str>, context: &Context<'_>) -> Outcome {
    block_on(async {
        let mut watch = Watch::start(None)?;
        let options = hub_options(context.loaded);
        let here = on_this_machine(&options, &mut watch).await?;
        let page = watch.guard(hub::page(&options, repo, revision)).await??;
        let machine = machine::measure();
        let sight = Sight {
            load: context.loaded.settings.engine.load,
            best: recommended(&page.offers, context.loaded.settings.engine.load, &machine),
            here: here.contains(&page.hit.repo.to_string()),
            page: &page,
            machine: &machine,
        };
        match context.format {
            Format::Json => print_json(&sight.describe()),
            Format::JsonLines => print_json(&document::event("done", sight.describe())),
            Format::Text if context.console.out.terminal => print(&sight.text(context)),
            Format::Text => print(&sight.tabbed()),
        }
    })
}

struct Sight<'a> {
    page: &'a RepoPage,
    load: LoadSettings,
    machine: &'a Machine,
    /// The offer to take, and why.
    best: Option<(usize, String)>,
    /// Something of it is on this machine.
    here: bool,
}

const COLUMNS: &[Column] = &[
    Column::name("MODEL"),
    Column::left("QUANT", 4),
    Column::right("SIZE", 0),
    Column::left("QUALITY", 2),
    Column::left("FITS", 0),
    Column::right("CONTEXT", 3),
    Column::left("SPEED", 1),
    Column::left("", 0),
];
const FITS: usize = 4;

impl Sight<'_> {
    fn is_best(&self, index: usize) -> bool {
        self.best.as_ref().is_some_and(|(best, _)| *best == index)
    }

    fn speed(&self, offer: &Offer) -> Option<f64> {
        fit::expected_decode(offer.facts.as_ref()?.as_ref().ok()?, self.load, self.machine)
    }

    fn text(&self, context: &Context<'_>) -> String {
        let Hit { repo, parameters, downloads, likes, age, gated, licence, .. } = &self.page.hit;
        let mut out = String::new();
        let mut row = |label: &str, value: &str| {
            if !value.is_empty() {
                let _ = writeln!(out, "{label:<13}{}", sanitize(value).replace('\n', " "));
            }
        };
        row("repository", &repo.to_string());
        row("parameters", &parameters.map(count).unwrap_or_default());
        row("licence", licence.as_deref().unwrap_or("not said"));
        row(
            "gated",
            match gated {
                Gated::No => "",
                Gated::Terms => "yes: accept its terms first",
                Gated::Request => "yes: its owner is asked first",
            },
        );
        row("terms", if *gated == Gated::No { "" } else { &self.page.address });
        row("downloads", &format!("{}, {} likes", short(*downloads), short(*likes)));
        row("changed", &age.map(ago).unwrap_or_default());
        let names = |repos: &mut dyn Iterator<Item = String>| repos.collect::<Vec<_>>().join(", ");
        row("made of", &names(&mut self.page.base.iter().map(ToString::to_string)));
        let mut siblings: Vec<&Hit> = self.page.siblings.iter().collect();
        siblings.sort_by_key(|hit| std::cmp::Reverse(hit.downloads));
        row("also as", &names(&mut siblings.iter().take(MOST_SIBLINGS).map(|hit| hit.repo.to_string())));
        row("here", if self.here { "yes: `hobnob models` shows what of it" } else { "" });
        out.push('\n');
        if self.page.offers.is_empty() {
            out += "there is nothing in it that could be loaded: no GGUF file, and no folder of safetensors\n";
            return out;
        }
        let fits: Vec<_> = self.page.offers.iter().map(|offer| judge(offer, self.load, self.machine)).collect();
        let rows: Vec<Vec<String>> =
            self.page.offers.iter().enumerate().map(|(index, offer)| self.row(index, offer)).collect();
        let paint = |row: usize, column: usize, cell: &str| match fits[row] {
            Some(fit) if column == FITS => context.console.verdict(fit.verdict),
            _ => cell.to_owned(),
        };
        out += &table(COLUMNS, &rows, context.console.columns(), &paint);
        out.push('\n');
        let _ = match &self.best {
            Some((index, why)) => writeln!(out, "take `hobnob pull {}`: {why}", self.page.offers[*index].model),
            None => writeln!(out, "nothing of it is known to run well here"),
        };
        let choices = self.page.offers.iter().map(|offer| (offer.quality, offer.quant.clone()));
        for (names, warning) in warnings(choices) {
            let _ = writeln!(out, "{}: {warning}", sanitize(&names).replace('\n', " "));
        }
        // Each reason once: it often holds for all.
        let mut said: Vec<&str> = Vec::new();
        for error in self.page.offers.iter().filter_map(|offer| offer.facts.as_ref()?.as_ref().err()) {
            if !said.contains(&error.message.as_str()) {
                said.push(&error.message);
                let hint = error.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
                let _ = writeln!(out, "{}", sanitize(&format!("{}{hint}", error.message)));
            }
        }
        out
    }

    fn row(&self, index: usize, offer: &Offer) -> Vec<String> {
        let fit = judge(offer, self.load, self.machine);
        let fits = match (&offer.facts, &fit) {
            (Some(Err(_)), _) => "can't be run",
            (_, Some(fit)) => fit.verdict.label(),
            (_, None) => "",
        };
        vec![
            offer.model.to_string(),
            offer.quant.clone(),
            bytes(offer.bytes),
            offer.quality.label().to_owned(),
            fits.to_owned(),
            fit.filter(|fit| fit.largest_context > 0).map(|fit| fit.largest_context.to_string()).unwrap_or_default(),
            self.speed(offer).map(speed).unwrap_or_default(),
            if self.is_best(index) { "<- take this".to_owned() } else { String::new() },
        ]
    }

    /// For a pipe: MODEL, quantisation, bytes, quality, whether it fits, the largest context, and `recommended`.
    fn tabbed(&self) -> String {
        let line = |(index, offer): (usize, &Offer)| {
            let mut cells = self.row(index, offer);
            cells[2] = offer.bytes.to_string();
            cells.truncate(6);
            cells.push(if self.is_best(index) { "recommended".to_owned() } else { String::new() });
            cells.iter().map(|cell| sanitize(cell).replace(['\t', '\n'], " ")).collect::<Vec<_>>().join("\t") + "\n"
        };
        self.page.offers.iter().enumerate().map(line).collect()
    }

    /// A repository as scripts get it. What is not known is null.
    fn describe(&self) -> Value {
        let Hit { repo, parameters, downloads, likes, age, gated, licence, kinds, .. } = &self.page.hit;
        let offers: Vec<Value> =
            self.page.offers.iter().enumerate().map(|(i, offer)| self.describe_offer(i, offer)).collect();
        json!({
            "repo": repo.to_string(),
            "commit": self.page.commit,
            "parameters": parameters,
            "kinds": kinds,
            "downloads": downloads,
            "likes": likes,
            "age_seconds": age.map(|age| age.as_secs()),
            "gated": gated,
            "terms": (*gated != Gated::No).then_some(&self.page.address),
            "licence": licence,
            "here": self.here,
            "offers": offers,
            "recommended": self.best.as_ref().map(|(index, why)| json!({
                "model": self.page.offers[*index].model.to_string(), "reason": why,
            })),
            "base_models": self.page.base.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "siblings": self.page.siblings.iter().map(|hit| hit.repo.to_string()).collect::<Vec<_>>(),
            "card": self.page.card.as_deref().map(sanitize),
        })
    }

    fn describe_offer(&self, index: usize, offer: &Offer) -> Value {
        let fit = judge(offer, self.load, self.machine);
        let facts = offer.facts.as_ref().and_then(|facts| facts.as_ref().ok());
        let error = offer.facts.as_ref().and_then(|facts| facts.as_ref().err());
        json!({
            "model": offer.model.to_string(),
            "kind": offer.kind,
            "quantisation": offer.quant,
            "quality": offer.quality,
            "bytes": offer.bytes,
            "files": offer.files.iter().map(|file| json!({ "path": file.path, "bytes": file.bytes })).collect::<Vec<_>>(),
            "architecture": facts.map(|facts| facts.architecture.as_str()),
            "context": facts.map(|facts| facts.context),
            "fit": fit.map(|fit| document::fit(&fit, self.speed(offer))),
            "recommended": self.is_best(index),
            "error": error.map(|error| document::error(error)["error"].take()),
        })
    }
}
