//! Whether a model fits this machine and how fast it will be there: pure functions of facts.
//!
//! The estimate follows what the engine does with memory, part by part; `tests/memory.rs` holds it against what its process
//! really takes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::domain::machine::{GpuKind, Machine};
use crate::domain::model::{self, Format, KvCache, LoadSettings, ModelFacts};
use crate::domain::quant;

/// Will it run here?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Fits,
    Tight,
    TooLarge,
}

impl Verdict {
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Fits => "fits",
            Self::Tight => "tight",
            Self::TooLarge => "too large",
        }
    }

    /// Comfortable up to 85 % of the budget, possible up to all of it.
    fn of(needed: u64, budget: u64) -> Self {
        if needed <= budget / 100 * 85 {
            Self::Fits
        } else if needed <= budget {
            Self::Tight
        } else {
            Self::TooLarge
        }
    }
}

/// What a model takes, and what that means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fit {
    pub verdict: Verdict,
    /// The most bytes that it comes to, with a conversation that fills the context.
    pub needed: u64,
    /// Bytes that there are for it.
    pub budget: u64,
    /// The context that it was judged at.
    pub context: u32,
    /// The largest context that fits; 0 when not even the weights do.
    pub largest_context: u32,
}

/// Finished answers whose cache the engine keeps on a GPU beside the running one's, so that the next turn reads only what
/// is new: one for the conversation, one for what is asked beside it. Each is a whole copy. On the processor a new answer
/// takes over the last one's.
pub const PREFIX_CACHES: u32 = 2;

/// The engine's caches grow in steps of so many tokens.
pub const CACHE_STEP: u32 = 512;

/// Tokens that a pool hands out at once.
pub const POOL_BLOCK: u32 = 32;

/// The program itself, with what libraries set up at their start.
const PROGRAM: u64 = 80 << 20;
/// A word of the vocabulary: in the tokenizer, again in the one that forms of an answer are held to, and in tables of both.
const WORD: u64 = 900;
/// Freed memory of small blocks that stays with the process.
const RETAINED: u64 = 32 << 20;

/// How the keys and values of the conversation are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// In memory that grows with the conversation, and so many copies of it from answers before.
    Growing { copies: u32 },
    /// In a pool that is set aside whole when the model is loaded, and that all answers share (paged attention).
    Pool(KvCache),
}

/// Which of the two the engine is told to do. A pool needs the least memory, all of it from the start; on a Mac, where
/// this engine has not done it for long, it is for models that would not fit well without it.
#[must_use]
pub fn keeping(facts: &ModelFacts, load: LoadSettings, machine: &Machine) -> Keeping {
    let Some(gpu) = machine.gpu(load.device) else { return Keeping::Growing { copies: 0 } };
    let facts = &*loaded(facts, load, machine);
    let growing = Keeping::Growing { copies: PREFIX_CACHES };
    let pool = Keeping::Pool(load.kv_cache);
    let context = context(facts, load);
    let wanted = load.kv_cache != KvCache::Auto
        || gpu.kind == GpuKind::Cuda
        || Verdict::of(needed(facts, context, growing), gpu.budget) != Verdict::Fits;
    // One that is larger than the machine would be filled at once; what grows may never get there.
    let fits = || Verdict::of(needed(facts, context, pool), gpu.budget) != Verdict::TooLarge;
    if can_pool(facts) && wanted && fits() { pool } else { growing }
}

/// The engine has paged attention for this model, and its kernels have heads of this size.
fn can_pool(facts: &ModelFacts) -> bool {
    const HEADS: &[u32] = &[64, 80, 96, 112, 128, 192, 256];
    // All layers look at all of the conversation, in the same way.
    const ALIKE: &[&str] =
        &["llama", "mistral3", "phi2", "phi3", "starcoder2", "qwen2", "qwen3", "qwen3moe", "smollm3"];
    let alike =
        ALIKE.contains(&facts.architecture.as_str()) && facts.windowed_layers == 0 && facts.stateful_layers == 0;
    alike && HEADS.contains(&facts.head_size) && facts.layers > 0
}

/// The engine computes with 32 bits in all of this model: Mixtral's loader weighs its experts' answers in them, and fails
/// on any others.
#[must_use]
pub fn takes_full_precision(architecture: &str) -> bool {
    architecture == "mixtral"
}

/// Bytes of the keys and values of one token in one layer.
fn cache_of_layer(facts: &ModelFacts, kind: KvCache) -> u64 {
    let element = match kind {
        KvCache::Auto if takes_full_precision(&facts.architecture) => 4,
        KvCache::Auto => 2,
        KvCache::F8E4M3 => 1,
    };
    2 * element * u64::from(facts.kv_heads).saturating_mul(u64::from(facts.head_size))
}

/// Bytes that one more token's keys and values take for as long as the conversation goes on.
#[must_use]
pub fn cache_per_token(facts: &ModelFacts) -> u64 {
    cache_per_token_as(facts, KvCache::Auto)
}

#[must_use]
pub fn cache_per_token_as(facts: &ModelFacts, kind: KvCache) -> u64 {
    cache_of_layer(facts, kind).saturating_mul(u64::from(facts.whole_layers()))
}

/// Bytes of a whole conversation's keys and values, in the steps in which the engine makes room.
#[must_use]
fn cache_bytes(facts: &ModelFacts, context: u32) -> u64 {
    let room = context.div_ceil(CACHE_STEP).saturating_mul(CACHE_STEP);
    cache_of_layer(facts, KvCache::Auto).saturating_mul(facts.cached_tokens(room))
}

/// Tokens that a pool has room for beyond the context: the engine counts it in whole megabytes and whole blocks, keeps a
/// block for itself, and drops an answer without a word when there is none left.
#[must_use]
pub fn pool_tokens(facts: &ModelFacts, context: u32, kind: KvCache) -> u32 {
    let lost = (1u64 << 20).div_ceil(cache_per_token_as(facts, kind).max(1));
    let lost = u32::try_from(lost).unwrap_or(u32::MAX).div_ceil(POOL_BLOCK).saturating_mul(POOL_BLOCK);
    context.div_ceil(POOL_BLOCK).saturating_mul(POOL_BLOCK).saturating_add(lost).saturating_add(2 * POOL_BLOCK)
}

/// What the engine needs beside weights and caches to read a prompt as long as the context, which it does in one go.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// Before the first layer, when no keys and values are there yet.
    looking: u64,
    /// In a layer.
    computing: u64,
}

impl Reading {
    /// Numbers go through the layers in 32 bits, and through attention in 16.
    fn of(facts: &ModelFacts, context: u32) -> Self {
        let tokens = u64::from(context);
        let of = |numbers: u32| tokens * u64::from(numbers);
        let queries = of(facts.heads).saturating_mul(u64::from(facts.head_size));
        // What each token may look at: of each pair of them, a byte, then 4 and 2 are there at once.
        let pairs = tokens * tokens;
        let looking = 7 * pairs + 4 * of(facts.width);
        // The same in 2 bytes, and in 4 for the layer at hand; two sets of numbers, and queries before, turned, and answered.
        let attention = (6 * pairs + 8 * of(facts.width)).saturating_add(queries.saturating_mul(6));
        // Six sets of numbers, and two halves with their product, stored again in a byte each to be multiplied.
        let forward = 2 * pairs + 24 * of(facts.width) + 13 * of(facts.feed_forward);
        Self { looking, computing: attention.max(forward) }
    }
}

/// The most bytes that a model comes to whose conversation fills `context`.
fn needed(facts: &ModelFacts, context: u32, keeping: Keeping) -> u64 {
    let fixed = PROGRAM + WORD * u64::from(facts.vocabulary) + facts.held;
    let Reading { looking, computing } = Reading::of(facts, context);
    let cache = cache_bytes(facts, context);
    let talking = match keeping {
        Keeping::Pool(kind) => {
            let tokens = u64::from(pool_tokens(facts, context, kind));
            cache_per_token_as(facts, kind).saturating_mul(tokens).saturating_add(looking.max(computing))
        }
        Keeping::Growing { copies } => {
            // With its first token an answer moves into memory of its own; what it moves out of is freed after that.
            let moving = cache.saturating_add(computing.min(RETAINED));
            let running = cache.saturating_add(computing.max(moving)).max(looking);
            running.saturating_add(cache.saturating_mul(u64::from(copies)))
        }
    };
    // For each prompt it sets aside room for the keys once more, and uses it for nothing but its shape.
    fixed.saturating_add(talking.saturating_add(cache / 2).max(facts.unpacking))
}

/// The model as it will be once its weights are loaded, quantised on the way or not.
fn loaded<'a>(facts: &'a ModelFacts, load: LoadSettings, machine: &Machine) -> Cow<'a, ModelFacts> {
    let on = match machine.gpu(load.device).map(|gpu| gpu.kind) {
        Some(GpuKind::Metal) => model::Gpu::Metal,
        Some(GpuKind::Cuda) => model::Gpu::Cuda,
        None => model::Gpu::None,
    };
    quant::in_memory(facts, load.quantise, on)
}

fn context(facts: &ModelFacts, load: LoadSettings) -> u32 {
    load.context.min(usable_context(facts.context))
}

/// What of a model's length can be filled before the cache's next step would go over it.
#[must_use]
pub fn usable_context(length: u32) -> u32 {
    if length <= CACHE_STEP { length.max(1) } else { length / CACHE_STEP * CACHE_STEP }
}

/// Judges a model with a conversation that fills the context of `load`.
#[must_use]
pub fn judge(facts: &ModelFacts, load: LoadSettings, machine: &Machine) -> Fit {
    let facts = &*loaded(facts, load, machine);
    let at = |context| {
        let load = LoadSettings { context, ..load };
        needed(facts, context, keeping(facts, load, machine))
    };
    let (context, budget) = (context(facts, load), machine.budget(load.device));
    let needed = at(context);
    // More tokens never need less: what fits is below, what does not above.
    let (mut fits, mut too_many) = (0, facts.context / CACHE_STEP + 1);
    while too_many - fits > 1 {
        let middle = fits.midpoint(too_many);
        if at(middle * CACHE_STEP) <= budget { fits = middle } else { too_many = middle }
    }
    // What is asked for, and all of a very small model's, need not end where a step does.
    let exact = [context, usable_context(facts.context)].into_iter().filter(|context| at(*context) <= budget);
    let largest_context = exact.fold(fits * CACHE_STEP, u32::max);
    Fit { verdict: Verdict::of(needed, budget), needed, budget, context, largest_context }
}

/// Bytes of weights that are read for each token, as the model is once it is loaded.
#[must_use]
pub fn read_per_token(facts: &ModelFacts, load: LoadSettings, machine: &Machine) -> u64 {
    loaded(facts, load, machine).per_token
}

/// Tokens per second that an answer begins with, where the speed of the memory is known: all weights of a token are read
/// for it. Good to about a quarter.
#[must_use]
pub fn expected_decode(facts: &ModelFacts, load: LoadSettings, machine: &Machine) -> Option<f64> {
    /// Seconds per token that no bandwidth shortens.
    const PER_TOKEN: f64 = 0.002;
    /// Of the speed of llama.cpp, by which the other two numbers were found.
    const ENGINE: f64 = 0.9;
    /// Experts lie about in the memory.
    const SCATTERED: f64 = 0.6;
    machine.gpu(load.device)?;
    let facts = &*loaded(facts, load, machine);
    let chip = machine.chip?;
    let part = if facts.experts > 0 { chip.efficiency().min(SCATTERED) } else { chip.efficiency() };
    #[allow(clippy::cast_precision_loss)] // an estimate
    let bytes = Some(facts.per_token).filter(|bytes| *bytes > 0)? as f64;
    let seconds = PER_TOKEN + bytes / (part * f64::from(chip.bandwidth()?) * 1e9);
    Some(ENGINE / seconds).filter(|_| facts.format != Format::Script)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::machine::{Chip, Gpu};
    use crate::domain::model::Device;
    use crate::domain::quant::{PlainWeights, Quant, Quantise};

    const GIB: u64 = 1 << 30;

    /// Qwen3-8B as `Q4_K_M`. Its embedding of 622 million numbers is unpacked; the output has a matrix of its own.
    fn facts() -> ModelFacts {
        ModelFacts {
            architecture: "qwen3".into(),
            quant: "Q4_K_M".into(),
            parameters: 8_190_735_360,
            bytes: 5_027_783_488,
            held: 7_166_000_000,
            per_token: 4_677_000_000,
            context: 40_960,
            layers: 36,
            kv_heads: 8,
            head_size: 128,
            heads: 32,
            width: 4096,
            feed_forward: 12_288,
            vocabulary: 151_936,
            ..ModelFacts::default()
        }
    }

    fn load(context: u32) -> LoadSettings {
        LoadSettings { context, ..LoadSettings::default() }
    }

    fn computer(gib: u64) -> Machine {
        Machine { total: gib * GIB, available: gib * GIB, gpu: None, chip: None }
    }

    fn mac(brand: &str, gib: u64) -> Machine {
        let gpu = Gpu { kind: GpuKind::Metal, budget: gib * GIB };
        Machine { gpu: Some(gpu), chip: Chip::parse(brand, None), ..computer(gib) }
    }

    #[test]
    fn every_part_counts() {
        let needed = |facts: &ModelFacts, context| judge(facts, load(context), &computer(64)).needed;
        let (small, large) = (needed(&facts(), 4096), needed(&facts(), 32_768));
        // The unpacked weights, and at least the conversation twice over.
        assert!(small > facts().held + 2 * 147_456 * 4096, "{small}");
        // Reading 32,768 tokens at once takes 6 bytes for each pair of them, and a conversation of as many.
        assert!(large > facts().held + 147_456 * 32_768 + 6 * 32_768 * 32_768, "{large}");
        let other = ModelFacts { vocabulary: 32_000, ..facts() };
        assert_eq!(small - needed(&other, 4096), WORD * (151_936 - 32_000));
        // What is unpacked while it loads is the most where nothing else comes to as much.
        let plain = ModelFacts { unpacking: 20 * GIB, ..facts() };
        assert_eq!(needed(&plain, 4096), PROGRAM + WORD * 151_936 + facts().held + 20 * GIB);
    }

    #[test]
    fn weights_that_are_quantised_on_the_way_count_as_they_will_be() {
        let matrices = 7_568_000_000;
        let plain = PlainWeights { matrices, rest: 622_329_856, row_unit: 256, can_be_kept: true };
        let whole = 2 * 8_190_735_360;
        let facts = ModelFacts { held: whole, per_token: 2 * matrices, plain: Some(plain), ..facts() };
        let on = |quantise, machine: &Machine| judge(&facts, LoadSettings { quantise, ..load(4096) }, machine);
        let (off, q4) = (Quantise::Off, Quantise::To(Quant::Bits(4)));
        // Four and a half bits in place of sixteen, in all but the embedding.
        let saved = on(off, &computer(64)).needed - on(q4, &computer(64)).needed;
        assert_eq!(saved, whole - (matrices / 256 * 144 + 2 * 622_329_856));
        let of = |quantise| on(quantise, &mac("Apple M2", 10)).verdict;
        assert_eq!((of(off), of(q4), of(Quantise::Auto)), (Verdict::TooLarge, Verdict::Fits, Verdict::Fits));
        let speed = |quantise| expected_decode(&facts, LoadSettings { quantise, ..load(4096) }, &mac("Apple M2", 24));
        let times = speed(q4).zip(speed(off)).map(|(quantised, plain)| quantised / plain);
        assert!(times.is_some_and(|times| (2.5..3.6).contains(&times)), "{times:?}");
    }

    #[test]
    fn caches_grow_in_steps() {
        assert_eq!(cache_per_token(&facts()), 147_456);
        assert_eq!(cache_per_token_as(&facts(), KvCache::F8E4M3), 147_456 / 2);
        assert_eq!(cache_bytes(&facts(), 4096), 147_456 * 4096);
        assert_eq!(cache_bytes(&facts(), 4097), 147_456 * 4608);
        assert_eq!(cache_bytes(&facts(), 1), 147_456 * 512);
        // Gemma's way: most layers see the last tokens only.
        let windowed = ModelFacts { windowed_layers: 30, window: 1024, ..facts() };
        assert_eq!(cache_per_token(&windowed), 147_456 / 6);
        assert_eq!(cache_bytes(&windowed, 32_768), 4096 * (6 * 32_768 + 30 * 1024));
        assert_eq!(cache_bytes(&windowed, 512), cache_bytes(&facts(), 512));
        let stateful = ModelFacts { stateful_layers: 18, ..facts() };
        assert_eq!(cache_bytes(&stateful, 4096), cache_bytes(&facts(), 4096) / 2);
        let mixtral = ModelFacts { architecture: "mixtral".into(), ..facts() };
        assert_eq!(cache_bytes(&mixtral, 4096), 2 * cache_bytes(&facts(), 4096));
    }

    #[test]
    fn a_verdict_leaves_some_room() {
        let on = |gib, context| judge(&facts(), load(context), &computer(gib));
        assert_eq!(on(16, 4096).verdict, Verdict::Fits);
        assert_eq!(on(9, 4096).verdict, Verdict::Tight);
        assert_eq!(on(16, 32_768).verdict, Verdict::TooLarge);
        assert_eq!(on(64, 100_000).context, 40_960, "no longer than the model goes");
        assert_eq!((on(16, 4096).budget, on(6, 4096).largest_context), (16 * GIB, 0));
        assert_eq!(on(64, 4096).largest_context, 40_960);
    }

    #[test]
    fn the_largest_context_is_the_last_that_fits() {
        for machine in [computer(10), computer(16), mac("Apple M4", 12), mac("Apple M4", 10)] {
            let largest = judge(&facts(), load(4096), &machine).largest_context;
            assert!((512..40_960).contains(&largest) && largest.is_multiple_of(512), "{largest}");
            assert_ne!(judge(&facts(), load(largest), &machine).verdict, Verdict::TooLarge);
            assert_eq!(judge(&facts(), load(largest + 512), &machine).verdict, Verdict::TooLarge);
        }
        for (made_for, usable) in [(300, 300), (2000, 1536), (40_000, 39_936)] {
            let facts = ModelFacts { context: made_for, ..facts() };
            let fit = judge(&facts, load(4096), &computer(64));
            assert_eq!((fit.largest_context, fit.context), (usable, usable.min(4096)));
        }
        let odd = judge(&facts(), load(1000), &computer(64)).needed;
        let just = Machine { total: odd, available: odd, gpu: None, chip: None };
        let fit = judge(&facts(), load(1000), &just);
        assert_ne!(fit.verdict, Verdict::TooLarge);
        assert_eq!(fit.largest_context, 1000, "no less than what fits");
    }

    #[test]
    fn a_gpu_keeps_copies_where_it_has_room_and_a_pool_where_not() {
        let kept = |gib, context| keeping(&facts(), load(context), &mac("Apple M4", gib));
        assert_eq!(kept(64, 8192), Keeping::Growing { copies: PREFIX_CACHES });
        assert_eq!(kept(12, 8192), Keeping::Pool(KvCache::Auto));
        // Not even that fits: what grows may never get so far.
        assert_eq!(kept(8, 8192), Keeping::Growing { copies: PREFIX_CACHES });
        assert_eq!(keeping(&facts(), load(8192), &computer(64)), Keeping::Growing { copies: 0 });
        let small = LoadSettings { kv_cache: KvCache::F8E4M3, ..load(8192) };
        assert_eq!(keeping(&facts(), small, &mac("Apple M4", 64)), Keeping::Pool(KvCache::F8E4M3));
        let cuda = Gpu { kind: GpuKind::Cuda, budget: 64 * GIB };
        let machine = Machine { gpu: Some(cuda), ..computer(64) };
        assert_eq!(keeping(&facts(), load(8192), &machine), Keeping::Pool(KvCache::Auto));
    }

    #[test]
    fn speed_follows_the_memory() {
        let speed = |facts: &ModelFacts, brand| expected_decode(facts, load(4096), &mac(brand, 16));
        let within = |speed: Option<f64>, from: f64, to: f64| speed.is_some_and(|speed| (from..to).contains(&speed));
        // Ollama, with the file of these facts, makes 17.7 to 19.7 on an M4, 24.6 on an M3 Pro and 46.2 on an M4 Pro.
        assert!(within(speed(&facts(), "Apple M4"), 17.0, 20.0), "{:?}", speed(&facts(), "Apple M4"));
        assert!(within(speed(&facts(), "Apple M3 Pro"), 21.0, 25.0));
        assert!(within(speed(&facts(), "Apple M4 Pro"), 37.0, 47.0));
        assert_eq!(speed(&facts(), "Apple M9"), None, "not known yet");
        // A model with experts reads few of them, from all over.
        let scattered = ModelFacts { experts: 128, per_token: 1_900_000_000, ..facts() };
        assert!(within(speed(&scattered, "Apple M4 Pro"), 60.0, 75.0), "{:?}", speed(&scattered, "Apple M4 Pro"));
        let on_the_processor = LoadSettings { device: Device::Cpu, ..load(4096) };
        assert_eq!(expected_decode(&facts(), on_the_processor, &mac("Apple M4", 16)), None);
        assert_eq!(expected_decode(&facts(), load(4096), &computer(16)), None);
        assert_eq!(speed(&ModelFacts { per_token: 0, ..facts() }, "Apple M4"), None, "nothing is known of it");
    }
}
