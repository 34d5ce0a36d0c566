//! Models that are known to be good: what there is to know of each before anything is asked of the network, and which of
//! them suits a machine. The list itself is `assets/catalog.toml`, and whatever the config file adds to it.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::domain::fit::{self, Fit, Verdict};
use crate::domain::hub::{Gated, Kind, bits_of_name};
use crate::domain::machine::{GpuKind, Machine};
use crate::domain::model::{Choice, Format, Gpu, LoadSettings, ModelFacts, ModelRef, RepoId};
use crate::domain::recommend;
use crate::domain::sampling::SamplingPatch;
use crate::domain::units;

/// All entries, in the order they are written in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Catalog {
    pub entries: Vec<Entry>,
}

/// One model, in whatever files it comes.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The MODEL that means it: `qwen3-4b`.
    pub name: String,
    pub title: String,
    /// What it is for, in a line.
    pub about: String,
    /// The repository of the weights that all files were made from.
    pub base: Option<RepoId>,
    pub parameters: Option<u64>,
    /// The longest context it was trained for.
    pub context: Option<u32>,
    /// Up to here this engine computes its GGUF files as its makers meant it; beyond, answers get worse.
    pub safe_context: Option<u32>,
    /// As the Hub writes it: `apache-2.0`.
    pub licence: Option<String>,
    pub gated: Gated,
    pub thinking: Reasons,
    /// Good at whatever comes, and not made for one thing.
    pub all_round: bool,
    /// Said here and nowhere else: what its makers recommend is known without it.
    pub sampling: SamplingPatch,
    pub shape: Option<Shape>,
    /// The best first, for one kind of processor each.
    pub routes: Vec<Route>,
}

/// Whether a model reasons before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Reasons {
    #[default]
    #[serde(rename = "no")]
    Never,
    /// If it is wished.
    #[serde(rename = "optional")]
    Optionally,
    #[serde(rename = "always")]
    Always,
}

impl Reasons {
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Never => "no",
            Self::Optionally => "if wished",
            Self::Always => "always",
        }
    }
}

/// How a model is built, as far as memory and speed follow from it. See `ModelFacts`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    pub architecture: String,
    pub layers: u32,
    pub heads: u32,
    pub kv_heads: u32,
    pub head_size: u32,
    pub width: u32,
    pub feed_forward: u32,
    pub vocabulary: u32,
    /// The output shares the matrix of the embedding.
    pub tied: bool,
    /// Parts of each layer that take turns, and how many compute a token; 0 where there are none.
    #[serde(default)]
    pub experts: u32,
    #[serde(default)]
    pub experts_used: u32,
    /// Layers that keep the last tokens only, and how many those are.
    #[serde(default)]
    pub windowed_layers: u32,
    #[serde(default)]
    pub window: u32,
}

/// Files of a model that the engine can load.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The MODEL on the Hub. A file that it does not name is found in the repository's listing.
    pub model: ModelRef,
    pub kind: Kind,
    /// `Q4_K_M`, `4-bit`.
    pub quant: String,
    pub bytes: Option<u64>,
}

impl Route {
    /// MLX is for the GPUs of Macs: elsewhere its weights are unpacked again for every word.
    #[must_use]
    pub fn runs_on(&self, gpu: Gpu) -> bool {
        self.kind != Kind::Mlx || gpu == Gpu::Metal
    }

    fn is_called(&self, quant: &str) -> bool {
        let plain = |text: &str| text.replace(['-', '_'], "").to_ascii_lowercase();
        plain(&self.quant) == plain(quant) || (self.kind == Kind::Mlx && plain(quant) == "mlx")
    }
}

impl Catalog {
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
    }

    /// The entry that has files in a repository.
    #[must_use]
    pub fn of_repo(&self, repo: &RepoId) -> Option<&Entry> {
        let has = |route: &Route| matches!(&route.model, ModelRef::Hub { repo: there, .. } if there == repo);
        self.entries.iter().find(|entry| entry.routes.iter().any(has))
    }

    /// Adds entries. One of a name that is there takes its place.
    pub fn extend(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            match self.entries.iter_mut().find(|there| there.name.eq_ignore_ascii_case(&entry.name)) {
                Some(there) => *there = entry,
                None => self.entries.push(entry),
            }
        }
    }

    /// All entries, what suits this machine best first.
    #[must_use]
    pub fn suited(&self, load: LoadSettings, machine: &Machine) -> Vec<Suited<'_>> {
        let mut all: Vec<Suited> = self.entries.iter().map(|entry| entry.suited(load, machine)).collect();
        // Stable: what is equal stays as it is written. Of what is too large the smallest misses least.
        all.sort_by_key(|suited| {
            let parameters = suited.entry.parameters.unwrap_or(0);
            let larger_first = Reverse(if suited.standing < Standing::TooLarge { parameters } else { 0 });
            (suited.standing, larger_first, parameters)
        });
        let best = all.iter().position(|suited| suited.standing == Standing::Good && suited.entry.all_round);
        let best = best.or_else(|| all.iter().position(|suited| suited.standing <= Standing::Tight));
        if let Some(index) = best {
            let mut best = all.remove(index);
            best.recommended = Some(best.reason(machine.gpu(load.device).is_none()));
            all.insert(0, best);
        }
        all
    }
}

/// How well an entry does on a machine, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Fits, and one does not wait for each word.
    Good,
    /// Fits, and is slow.
    Slow,
    /// Fits with little to spare.
    Tight,
    /// Not enough is known of it.
    Unknown,
    TooLarge,
    /// In no files that run on this kind of machine.
    NotHere,
}

impl Standing {
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Good => "fits",
            Self::Slow => "fits, slow",
            Self::Tight => "tight",
            Self::Unknown => "not known",
            Self::TooLarge => "too large",
            Self::NotHere => "not here",
        }
    }
}

/// An entry as it would be on a machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Suited<'a> {
    pub entry: &'a Entry,
    /// The files to take; `None` where there are none for this kind of machine.
    pub route: Option<&'a Route>,
    pub facts: Option<ModelFacts>,
    pub fit: Option<Fit>,
    /// Tokens per second that are to be expected, where that is known.
    pub speed: Option<f64>,
    pub standing: Standing,
    /// Why it is the one to take; of one entry at most.
    pub recommended: Option<String>,
}

impl Suited<'_> {
    fn reason(&self, on_the_processor: bool) -> String {
        let memory = self.fit.map_or_else(String::new, |fit| {
            format!(": it takes about {} of {}", units::bytes(fit.needed), units::bytes(fit.budget))
        });
        let speed = self.speed.map_or_else(String::new, |speed| format!(", at about {}", units::speed(speed)));
        let what = match self.standing {
            _ if !self.entry.all_round => "nothing larger fits well here",
            Standing::Good if on_the_processor => "the largest all-rounder that a processor is quick enough for",
            Standing::Good => "the largest all-rounder that fits well here",
            Standing::Slow => "the largest that fits well here, though it is slow",
            _ => "nothing larger fits",
        };
        format!("{what}{memory}{speed}")
    }
}

/// Below this nobody reads along any more.
const SLOW: f64 = 6.0;
/// What a processor reads for each word in a bearable time. How fast its memory is can't be known: this is what a 4-bit
/// model of 4 billion parameters has.
const MOST_FOR_PROCESSORS: u64 = 2_700_000_000;

/// Whether one would wait for each word.
#[must_use]
pub fn is_slow(facts: &ModelFacts, load: LoadSettings, machine: &Machine) -> bool {
    match (machine.gpu(load.device), fit::expected_decode(facts, load, machine)) {
        (_, Some(speed)) => speed < SLOW,
        (None, None) => fit::read_per_token(facts, load, machine) > MOST_FOR_PROCESSORS,
        (Some(_), None) => false,
    }
}

/// The GPU that a machine computes on, by kind.
#[must_use]
pub fn gpu_of(load: LoadSettings, machine: &Machine) -> Gpu {
    match machine.gpu(load.device).map(|gpu| gpu.kind) {
        Some(GpuKind::Metal) => Gpu::Metal,
        Some(GpuKind::Cuda) => Gpu::Cuda,
        None => Gpu::None,
    }
}

impl Entry {
    /// The files for a kind of machine, the best first: on a Mac's GPU those of MLX.
    pub fn routes_on(&self, gpu: Gpu) -> impl Iterator<Item = &Route> {
        let is_first = move |route: &&Route| (gpu == Gpu::Metal) == (route.kind == Kind::Mlx);
        let fit = move |route: &&Route| route.runs_on(gpu);
        self.routes
            .iter()
            .filter(fit)
            .filter(is_first)
            .chain(self.routes.iter().filter(fit).filter(move |route| !is_first(route)))
    }

    /// The MODELs on the Hub that this entry means, the best first; with a quantisation those of that name, which may also be
    /// one that is not written down here.
    #[must_use]
    pub fn models(&self, quant: Option<&str>, gpu: Gpu) -> Vec<ModelRef> {
        let Some(quant) = quant else { return self.routes_on(gpu).map(|route| route.model.clone()).collect() };
        let named: Vec<ModelRef> =
            self.routes.iter().filter(|route| route.is_called(quant)).map(|route| route.model.clone()).collect();
        if !named.is_empty() {
            return named;
        }
        let other = |route: &Route| match &route.model {
            ModelRef::Hub { repo, revision, .. } if route.kind == Kind::Gguf => Some(ModelRef::Hub {
                repo: repo.clone(),
                choice: Choice::Quant(quant.to_owned()),
                revision: revision.clone(),
            }),
            _ => None,
        };
        let mut others: Vec<ModelRef> = Vec::new();
        for model in self.routes.iter().filter_map(other) {
            if !others.contains(&model) {
                others.push(model);
            }
        }
        others
    }

    /// The entry in the files alone that a quantisation's name means.
    #[must_use]
    pub fn in_quant(&self, quant: &str) -> Self {
        let route = |model: ModelRef| {
            let written_down = self.routes.iter().find(|route| route.model == model).cloned();
            let (kind, quant) = (Kind::Gguf, quant.to_owned());
            written_down.unwrap_or(Route { model, kind, quant, bytes: None })
        };
        let routes = self.models(Some(quant), Gpu::None).into_iter().map(route).collect();
        Self { routes, ..self.clone() }
    }

    /// How its makers, or whoever wrote the entry, want it sampled.
    #[must_use]
    pub fn recommended_sampling(&self) -> SamplingPatch {
        let architecture = self.shape.as_ref().map_or("", |shape| shape.architecture.as_str());
        self.sampling.over(recommend::by_makers(architecture, &self.title))
    }

    /// What the files of a route will say of themselves, as far as that follows from what is known.
    #[must_use]
    pub fn facts(&self, route: &Route) -> Option<ModelFacts> {
        let (shape, parameters) = (self.shape.as_ref()?, self.parameters?);
        let bytes = route.bytes.or_else(|| about_bytes(parameters, &route.quant))?;
        let embedding = u64::from(shape.vocabulary) * u64::from(shape.width);
        let of_it = u128::from(bytes) * u128::from(embedding) / u128::from(parameters.max(1));
        let stored = u64::try_from(of_it).unwrap_or(bytes);
        let mlx = route.kind == Kind::Mlx;
        // Of the embedding a token needs one row, unless it is the output as well.
        let mut per_token = if shape.tied { bytes } else { bytes.saturating_sub(stored) };
        if shape.experts > 0 {
            let one = 3 * u64::from(shape.width) * u64::from(shape.feed_forward) * u64::from(shape.layers);
            let resting = u128::from(one) * u128::from(shape.experts - shape.experts_used.min(shape.experts));
            let idle = u128::from(bytes) * resting / u128::from(parameters.max(1));
            per_token = per_token.saturating_sub(u64::try_from(idle).unwrap_or(0));
        }
        // The engine unpacks the embedding of a GGUF file; an output that shares its matrix is there again.
        let unpacked = if mlx { 0 } else { embedding.saturating_mul(4) };
        let replaced = if mlx || shape.tied { 0 } else { stored };
        Some(ModelFacts {
            format: if route.kind == Kind::Gguf { Format::Gguf } else { Format::Safetensors },
            name: Some(self.title.clone()),
            architecture: shape.architecture.clone(),
            quant: route.quant.clone(),
            mlx,
            parameters,
            bytes,
            context: self.context.unwrap_or(LoadSettings::DEFAULT_CONTEXT),
            layers: shape.layers,
            kv_heads: shape.kv_heads,
            head_size: shape.head_size,
            heads: shape.heads,
            width: shape.width,
            feed_forward: shape.feed_forward.saturating_mul(shape.experts_used.max(1)),
            held: bytes.saturating_add(unpacked).saturating_sub(replaced),
            unpacking: 0,
            per_token,
            experts: shape.experts,
            windowed_layers: shape.windowed_layers,
            window: shape.window,
            vocabulary: shape.vocabulary,
            has_chat_template: true,
            can_think: self.thinking != Reasons::Never,
            recommended: self.recommended_sampling(),
            ..ModelFacts::default()
        })
    }

    /// The settings it would be loaded with: no more context than it is good with.
    #[must_use]
    pub fn settings(&self, route: &Route, load: LoadSettings) -> LoadSettings {
        let most = self.safe_context.filter(|_| route.kind == Kind::Gguf).unwrap_or(u32::MAX);
        LoadSettings { context: load.context.min(most), ..load }
    }

    /// The entry as it would be on a machine.
    #[must_use]
    pub fn suited(&self, load: LoadSettings, machine: &Machine) -> Suited<'_> {
        let mut suited = Suited {
            entry: self,
            route: None,
            facts: None,
            fit: None,
            speed: None,
            standing: Standing::NotHere,
            recommended: None,
        };
        // The first that fits well; else the one that comes nearest to it.
        for route in self.routes_on(gpu_of(load, machine)) {
            let load = self.settings(route, load);
            let facts = self.facts(route);
            let fit = facts.as_ref().map(|facts| fit::judge(facts, load, machine));
            let standing = match (&facts, fit.map(|fit| fit.verdict)) {
                (Some(facts), Some(Verdict::Fits)) if is_slow(facts, load, machine) => Standing::Slow,
                (_, Some(Verdict::Fits)) => Standing::Good,
                (_, Some(Verdict::Tight)) => Standing::Tight,
                (_, Some(Verdict::TooLarge)) => Standing::TooLarge,
                (_, None) => Standing::Unknown,
            };
            if suited.route.is_none() || standing < suited.standing {
                let speed = facts.as_ref().and_then(|facts| fit::expected_decode(facts, load, machine));
                suited = Suited { route: Some(route), facts, fit, speed, standing, ..suited };
            }
            if standing <= Standing::Slow {
                break;
            }
        }
        suited
    }
}

/// What so many numbers come to in a quantisation, scales included, to about a tenth. `None` where its name does not tell.
#[must_use]
pub fn about_bytes(parameters: u64, quant: &str) -> Option<u64> {
    let bits = u64::from(bits_of_name(quant)?);
    // GGUF mixes more exact types in; MLX has a scale and an offset for each 64 numbers.
    let more = match bits {
        16.. => 0,
        8 => 5,
        _ if quant.to_lowercase().contains("bit") => 6,
        _ => 9,
    };
    let tenths = bits * 10 + more;
    Some(parameters / 80 * tenths)
}
