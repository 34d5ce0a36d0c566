//! Which of a repository's files suits a machine: pure functions of what the repository offers.

use std::borrow::Cow;

use crate::domain::catalog::{about_bytes, gpu_of, is_slow};
use crate::domain::fit::{self, Fit, Verdict};
use crate::domain::hub::{Hit, Kind, Offer, Quality};
use crate::domain::machine::Machine;
use crate::domain::model::{Format, Gpu, LoadSettings, ModelFacts, ModelRef, RepoId};
use crate::domain::units;

/// What loading an offer would take; `None` where too little is known of it, or it can't be run.
#[must_use]
pub fn judge(offer: &Offer, load: LoadSettings, machine: &Machine) -> Option<Fit> {
    Some(fit::judge(offer.facts.as_ref()?.as_ref().ok()?, load, machine))
}

/// Which offer to take, and why.
#[must_use]
pub fn recommended(offers: &[Offer], load: LoadSettings, machine: &Machine) -> Option<(usize, String)> {
    let gpu = gpu_of(load, machine);
    let ranked = offers.iter().enumerate().filter_map(|(index, offer)| {
        let facts = offer.facts.as_ref()?.as_ref().ok()?;
        if (offer.kind == Kind::Mlx && gpu != Gpu::Metal) || (facts.gpu_only.is_some() && gpu == Gpu::None) {
            return None;
        }
        let fit = fit::judge(facts, load, machine);
        // Plain weights are quantised on their way in: what counts is what they come to.
        let quality = offer.quality.min(if facts.plain.is_some() { Quality::Good } else { Quality::Full });
        let verdict = match fit.verdict {
            Verdict::TooLarge => return None,
            Verdict::Tight => 1,
            Verdict::Fits => 0,
        };
        let slow = is_slow(facts, load, machine);
        // Four bits are what a model is best value with: better ones cost memory and speed, lesser ones sense. Beyond that
        // small models are better with more. What is quantised already need not be downloaded whole.
        let small = facts.parameters > 0 && facts.parameters <= SMALL;
        let usual = match (quality, small) {
            (Quality::Full, true) | (Quality::Good, false) => 0,
            (Quality::High, _) => 1,
            (Quality::Good, true) | (Quality::Full, false) => 2,
            (Quality::Low, _) => 3,
            (Quality::Poor, _) => 4,
        };
        // Less than four bits is for where nothing else fits.
        let below = match quality {
            Quality::Poor => 2,
            Quality::Low => 1,
            Quality::Good | Quality::High | Quality::Full => 0,
        };
        // Of several kinds of four bits the one that is known best; then what is made for this machine.
        let known = !matches!(offer.quant.to_ascii_uppercase().as_str(), "Q4_K_M" | "Q8_0" | "4-BIT" | "4-BIT MLX");
        let other = (offer.kind == Kind::Mlx) != (gpu == Gpu::Metal);
        Some(((below, facts.plain.is_some(), verdict, slow, usual, other, known, offer.bytes), index, fit, slow))
    });
    let (_, index, fit, slow) = ranked.min_by_key(|(rank, ..)| *rank)?;
    Some((index, reason(&offers[index], &fit, slow)))
}

/// Up to here eight bits cost little, and fewer would be heard in the answers.
const SMALL: u64 = 2_000_000_000;

fn reason(offer: &Offer, fit: &Fit, slow: bool) -> String {
    let memory = format!("takes about {} of {}", units::bytes(fit.needed), units::bytes(fit.budget));
    let quality = match offer.quality {
        Quality::Full => "as good as the original",
        Quality::High => "close to the original",
        Quality::Good => "the usual balance of size and sense",
        Quality::Low | Quality::Poor => "nothing better fits",
    };
    let verdict = match fit.verdict {
        Verdict::Tight => ", which is tight",
        _ if slow => ", and is slow here",
        _ => "",
    };
    format!("{quality}; {memory}{verdict}")
}

/// Whether a model among the answers to a search is likely to run here: by its size, whatever else it may be. `None` where not
/// even that is known.
#[must_use]
pub fn verdict(hit: &Hit, load: LoadSettings, machine: &Machine) -> Option<Verdict> {
    Some(fit::judge(&rough(hit, gpu_of(load, machine))?, load, machine).verdict)
}

/// A model of the size of this one, built as most are.
fn rough(hit: &Hit, gpu: Gpu) -> Option<ModelFacts> {
    let parameters = hit.parameters?;
    let kind = hit.kinds.first().copied().unwrap_or(Kind::Gguf);
    let quantised = if parameters <= SMALL { "Q8_0" } else { "Q4_K_M" };
    // There are other quantisations of it than the one that the Hub counts, and whole weights are quantised on their way in.
    let bytes = match kind {
        Kind::Mlx => hit.bytes.or_else(|| about_bytes(parameters, "4-bit"))?,
        Kind::Gguf | Kind::Safetensors | Kind::Uqff => about_bytes(parameters, quantised)?,
    };
    // Layers, width, heads for keys, and the size of each.
    let (layers, width, kv_heads, head_size) = match parameters {
        0..700_000_000 => (28, 1024, 4, 64),
        700_000_000..3_000_000_000 => (28, 2048, 8, 64),
        3_000_000_000..6_000_000_000 => (34, 2560, 8, 128),
        6_000_000_000..12_000_000_000 => (36, 4096, 8, 128),
        12_000_000_000..25_000_000_000 => (44, 5120, 8, 128),
        25_000_000_000..50_000_000_000 => (64, 5120, 8, 128),
        _ => (80, 8192, 8, 128),
    };
    let vocabulary = 128_000;
    let unpacked = if kind == Kind::Gguf { 4 * u64::from(vocabulary) * u64::from(width) } else { 0 };
    Some(ModelFacts {
        format: if kind == Kind::Gguf { Format::Gguf } else { Format::Safetensors },
        architecture: "llama".to_owned(),
        mlx: kind == Kind::Mlx && gpu == Gpu::Metal,
        parameters,
        bytes,
        held: bytes.saturating_add(unpacked),
        per_token: bytes,
        context: 131_072,
        layers,
        width,
        heads: width / 128,
        kv_heads,
        head_size,
        feed_forward: 3 * width,
        vocabulary,
        ..ModelFacts::default()
    })
}

impl ModelFacts {
    /// The same model in other files: what the header of one says serves for all, with their own bytes.
    #[must_use]
    pub fn in_bytes(&self, bytes: u64, quant: &str) -> Self {
        let scaled = |part: u64| {
            let scaled = u128::from(part) * u128::from(bytes) / u128::from(self.bytes.max(1));
            u64::try_from(scaled).unwrap_or(u64::MAX)
        };
        // What the engine unpacks comes to the same, however it was stored.
        let unpacked = 4 * u64::from(self.vocabulary) * u64::from(self.width);
        let fixed = if self.format == Format::Gguf { unpacked.min(self.held) } else { 0 };
        Self {
            quant: quant.to_owned(),
            bytes,
            held: scaled(self.held - fixed).saturating_add(fixed),
            per_token: scaled(self.per_token),
            unpacking: scaled(self.unpacking),
            ..self.clone()
        }
    }
}

/// What a person wrote in the place of words to search for: a repository, by name or by the address of its page.
#[must_use]
pub fn straight_to(text: &str) -> Option<(RepoId, Option<String>)> {
    let text = text.trim();
    let looks_like_one = text.contains('/') && !text.contains(char::is_whitespace);
    let text: Cow<str> = match text.strip_prefix("@") {
        Some(rest) => rest.into(),
        None => text.into(),
    };
    match ModelRef::parse(&text) {
        Ok(ModelRef::Hub { repo, revision, .. }) if looks_like_one => Some((repo, revision)),
        _ => None,
    }
}
