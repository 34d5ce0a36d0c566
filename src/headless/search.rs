//! `hobnob search`: what there is on the Hub, and what of it suits this machine.

mod catalog;
mod page;

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::domain::fit::Verdict;
use crate::domain::hub::{Hit, Kind, Quality, SearchQuery, Sort, parameters_of_name};
use crate::domain::machine::Machine;
use crate::domain::offers::{straight_to, verdict};
use crate::domain::units::{ago, count, short};
use crate::error::{ErrorKind, UserError};
use crate::headless::config::refuse_problems;
use crate::headless::interrupt::Watch;
use crate::headless::table::{Column, tabbed, table};
use crate::headless::{Context, Format, Outcome, Quit, block_on, document, hub_options, print, print_json};
use crate::{hub, machine};

/// What is looked for, as it was written.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    /// Words, or a repository.
    pub text: String,
    pub author: Option<String>,
    pub kind: Option<String>,
    pub licence: Option<String>,
    pub max_params: Option<String>,
    pub sort: String,
    pub limit: usize,
    pub fits: bool,
    pub catalog: bool,
}

/// More pages nobody turns to fill a list, however few of their models are wanted.
const MOST_PAGES: usize = 25;

/// Searches, or shows a repository or the catalog.
///
/// # Errors
/// Why there is no answer. That nothing was found is none.
pub fn search(sought: &Sought, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    if sought.catalog {
        return catalog::list(sought, context);
    }
    if let Some((repo, revision)) = straight_to(&sought.text) {
        return page::show(&repo, revision.as_deref(), context);
    }
    let query = sought.query()?;
    block_on(async {
        let mut watch = Watch::start(None)?;
        let options = hub_options(context.loaded);
        let machine = machine::measure();
        let here = on_this_machine(&options, &mut watch).await?;
        let show = Show { context, machine: &machine, here: &here };
        let (mut found, mut next, mut left_out) = (Vec::new(), None, false);
        for _ in 0..MOST_PAGES {
            let page = watch.guard(hub::search(&options, &query, next.as_ref())).await??;
            for hit in page.hits {
                if sought.fits && !show.may_fit(&hit) {
                    continue;
                }
                left_out = found.len() >= sought.limit;
                if !left_out {
                    show.at_once(&hit)?;
                    found.push(hit);
                }
            }
            next = page.next;
            if next.is_none() || found.len() >= sought.limit {
                break;
            }
        }
        show.all(&found, left_out || next.is_some(), sought)
    })
}

/// The repositories that models on this machine are from.
async fn on_this_machine(options: &hub::Options, watch: &mut Watch) -> Result<HashSet<String>, Quit> {
    let options = options.clone();
    watch.guard_blocking(move || Ok(hub::scan(&options).0.into_iter().map(|model| model.origin).collect())).await
}

impl Sought {
    fn query(&self) -> Result<SearchQuery, UserError> {
        let wrong = |option: &str, value: &str, hint: &str| {
            UserError::new(ErrorKind::Usage, format!("`{value}` can't be the value of `{option}`")).hint(hint)
        };
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        let kind = match &self.kind {
            None => None,
            Some(word) => {
                let kind = Kind::ALL.into_iter().find(|kind| same(kind.label(), word));
                Some(kind.ok_or_else(|| wrong("--kind", word, "it takes one of gguf, safetensors, mlx, uqff"))?)
            }
        };
        let sort = Sort::ALL.into_iter().find(|sort| same(sort.label(), &self.sort));
        let sort =
            sort.ok_or_else(|| wrong("--sort", &self.sort, "it takes one of trending, downloads, likes, updated"))?;
        let parameters = match &self.max_params {
            None => None,
            Some(text) => Some(
                parameters_of_name(text)
                    .ok_or_else(|| wrong("--max-params", text, "write it like 8B, 1.5B or 500M"))?,
            ),
        };
        let text = self.text.trim().to_owned();
        Ok(SearchQuery { text, author: self.author.clone(), kind, licence: self.licence.clone(), parameters, sort })
    }

    /// What was asked for, for the message that there is nothing of it.
    fn in_words(&self) -> String {
        let mut words = Vec::new();
        if !self.text.trim().is_empty() {
            words.push(format!("`{}`", self.text.trim()));
        }
        let mut add = |option: &str, value: &Option<String>| {
            words.extend(value.as_ref().map(|value| format!("{option} {value}")));
        };
        add("--author", &self.author);
        add("--kind", &self.kind);
        add("--licence", &self.licence);
        add("--max-params", &self.max_params);
        if self.fits {
            words.push("--fits".to_owned());
        }
        words.join(" ")
    }
}

/// How hits are shown.
struct Show<'a> {
    context: &'a Context<'a>,
    machine: &'a Machine,
    here: &'a HashSet<String>,
}

const COLUMNS: &[Column] = &[
    Column::name("MODEL"),
    Column::right("PARAMETERS", 0),
    Column::left("KINDS", 3),
    Column::right("DOWNLOADS", 2),
    Column::right("LIKES", 5),
    Column::left("CHANGED", 6),
    Column::left("GATED", 4),
    Column::left("LICENCE", 7),
    Column::left("FITS", 0),
    Column::left("HERE", 1),
];
const FITS: usize = 8;

impl Show<'_> {
    fn verdict(&self, hit: &Hit) -> Option<Verdict> {
        verdict(hit, self.context.loaded.settings.engine.load, self.machine)
    }

    fn may_fit(&self, hit: &Hit) -> bool {
        self.verdict(hit).is_some_and(|verdict| verdict != Verdict::TooLarge)
    }

    fn is_here(&self, hit: &Hit) -> bool {
        self.here.contains(&hit.repo.to_string())
    }

    /// In `--jsonl` each has a line of its own.
    fn at_once(&self, hit: &Hit) -> Outcome {
        match self.context.format {
            Format::JsonLines => print_json(&document::event("model", self.describe(hit))),
            Format::Text | Format::Json => Ok(()),
        }
    }

    fn all(&self, hits: &[Hit], more: bool, sought: &Sought) -> Outcome {
        match self.context.format {
            Format::Json => {
                let models: Vec<Value> = hits.iter().map(|hit| self.describe(hit)).collect();
                return print_json(&json!({ "models": models, "more": more }));
            }
            Format::JsonLines => {
                return print_json(&document::event("done", json!({ "count": hits.len(), "more": more })));
            }
            Format::Text => {}
        }
        if hits.is_empty() {
            let words = sought.in_words();
            let of = if words.is_empty() { String::new() } else { format!(" for {words}") };
            self.context.console.note(&format!("the Hub has nothing{of}; try fewer or other words"));
            return Ok(());
        }
        if !self.context.console.out.terminal {
            return print(&hits.iter().map(|hit| self.tabbed(hit)).collect::<String>());
        }
        let verdicts: Vec<Option<Verdict>> = hits.iter().map(|hit| self.verdict(hit)).collect();
        let rows: Vec<Vec<String>> = hits.iter().zip(&verdicts).map(|(hit, verdict)| self.row(hit, *verdict)).collect();
        let paint = |row: usize, column: usize, cell: &str| match verdicts[row] {
            Some(verdict) if column == FITS => self.context.console.verdict(verdict),
            _ => cell.to_owned(),
        };
        print(&table(COLUMNS, &rows, self.context.console.columns(), &paint))?;
        let named = hits.iter().filter_map(|hit| Some((hit.quality()?, hit.repo.to_string())));
        for (names, warning) in warnings(named) {
            self.context.console.note(&format!("{names}: {warning}"));
        }
        let more = if more { "; there are more: --limit shows them" } else { "" };
        self.context.console.note(&format!("`hobnob search {}` tells what there is in it{more}", hits[0].repo));
        Ok(())
    }

    fn row(&self, hit: &Hit, verdict: Option<Verdict>) -> Vec<String> {
        vec![
            hit.repo.to_string(),
            hit.parameters.map(count).unwrap_or_default(),
            kinds(hit, " "),
            short(hit.downloads),
            short(hit.likes),
            hit.age.map(ago).unwrap_or_default(),
            hit.gated.label().to_owned(),
            hit.licence.clone().unwrap_or_default(),
            verdict.map_or("", Verdict::label).to_owned(),
            if self.is_here(hit) { "here".to_owned() } else { String::new() },
        ]
    }

    /// For a pipe: the same, with exact numbers, and days for the age.
    fn tabbed(&self, hit: &Hit) -> String {
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let cells = [
            hit.repo.to_string(),
            number(hit.parameters),
            kinds(hit, ","),
            number(hit.bytes),
            hit.downloads.to_string(),
            hit.likes.to_string(),
            number(hit.age.map(|age| age.as_secs() / 86_400)),
            hit.gated.label().to_owned(),
            hit.licence.clone().unwrap_or_default(),
            self.verdict(hit).map_or("", Verdict::label).to_owned(),
            if self.is_here(hit) { "here".to_owned() } else { String::new() },
        ];
        tabbed(cells)
    }

    /// A model as scripts get it. What is not known is null; `fits` is by its size alone.
    fn describe(&self, hit: &Hit) -> Value {
        json!({
            "repo": hit.repo.to_string(),
            "parameters": hit.parameters,
            "kinds": hit.kinds,
            "bytes": hit.bytes,
            "downloads": hit.downloads,
            "likes": hit.likes,
            "age_seconds": hit.age.map(|age| age.as_secs()),
            "gated": hit.gated,
            "licence": hit.licence,
            "quality": hit.quality(),
            "fits": self.verdict(hit),
            "here": self.is_here(hit),
        })
    }
}

/// What to expect of those of low quality: each warning once, after the names that it is about.
fn warnings(choices: impl Iterator<Item = (Quality, String)>) -> Vec<(String, &'static str)> {
    let mut warnings: Vec<(String, &str)> = Vec::new();
    for (quality, quant) in choices {
        let Some(warning) = quality.warning() else { continue };
        match warnings.iter_mut().find(|(_, known)| *known == warning) {
            Some((names, _)) => *names = format!("{names}, {quant}"),
            None => warnings.push((quant, warning)),
        }
    }
    warnings
}

fn kinds(hit: &Hit, between: &str) -> String {
    hit.kinds.iter().map(|kind| kind.label()).collect::<Vec<_>>().join(between)
}
