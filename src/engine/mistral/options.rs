//! What the engine is told, as a pure function of what was asked for: what happens on a machine that is not at hand can be
//! read in the tests.

use mistralrs::{
    AutoDeviceMapParams, DeviceMapSetting, DrySamplingParams, MemoryGpuConfig, PagedAttentionConfig, PagedCacheType,
    SamplingParams, StopTokens,
};

use crate::domain::fit::{self, Keeping, PREFIX_CACHES};
use crate::domain::machine::Machine;
use crate::domain::model::{KvCache, ModelFacts, ModelSpec};
use crate::domain::sampling::Sampling;
use crate::error::{ErrorKind, UserError};

/// How a model is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LoadOptions {
    /// No GPU, even if this build has one.
    pub force_cpu: bool,
    /// The context in force: prompt and answer together.
    pub context: u32,
    /// Tokens whose cache the engine sets aside room for when it decides what fits on the GPU. Its own default of 4,096
    /// would let a longer context run into a wall; a pool is cut to it.
    pub mapped_tokens: usize,
    /// Numbers of 32 bits throughout: Mixtral's loader weighs its experts' answers in them, and fails on any others.
    pub full_precision: bool,
    /// Finished answers whose cache is kept on a GPU, so that the next turn reads only what is new. Each is a whole copy.
    /// A pool keeps what it has room for.
    pub prefix_caches: usize,
    /// Paged attention: one pool for the keys and values of all answers.
    pub pool: Option<Pool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pool {
    /// More than the context: the engine drops an answer without a word when the pool is full.
    pub tokens: usize,
    pub kind: KvCache,
}

/// All that the engine is told, from what is wished for, what the model is, and what there is. `machine` has the GPU that
/// will compute, or none.
pub(super) fn load_options(spec: &ModelSpec, facts: &ModelFacts, machine: &Machine) -> LoadOptions {
    let context = spec.settings.context.clamp(1, fit::usable_context(facts.context));
    let pool = match fit::keeping(facts, spec.settings, machine) {
        Keeping::Growing { .. } => None,
        Keeping::Pool(kind) => Some(Pool { tokens: fit::pool_tokens(facts, context, kind) as usize, kind }),
    };
    LoadOptions {
        force_cpu: machine.gpu(spec.settings.device).is_none(),
        context,
        mapped_tokens: pool.map_or(context as usize, |pool| pool.tokens),
        full_precision: fit::takes_full_precision(&facts.architecture),
        prefix_caches: PREFIX_CACHES as usize,
        pool,
    }
}

impl LoadOptions {
    pub(super) fn device_map(&self) -> DeviceMapSetting {
        DeviceMapSetting::Auto(AutoDeviceMapParams::Text { max_seq_len: self.mapped_tokens, max_batch_size: 1 })
    }

    /// What a person should hear who wished for another type of cache than it can be.
    pub(super) fn cache_note(&self, spec: &ModelSpec) -> Option<UserError> {
        (spec.settings.kv_cache != KvCache::Auto && self.pool.is_none()).then(|| {
            UserError::new(ErrorKind::ModelUnsupported, "the cache stays in 16 bits")
                .hint("other types need a GPU, a model whose layers are alike, and room: set engine.kv_cache to auto")
        })
    }

    pub(super) fn paged_attention(&self) -> Option<PagedAttentionConfig> {
        let pool = self.pool?;
        let kind = match pool.kind {
            KvCache::Auto => PagedCacheType::Auto,
            KvCache::F8E4M3 => PagedCacheType::F8E4M3,
        };
        PagedAttentionConfig::new(Some(fit::POOL_BLOCK as usize), MemoryGpuConfig::ContextSize(pool.tokens), kind).ok()
    }
}

/// The engine ignores `min_p` unless `top_p` is strictly between 0 and 1, and unless it is so itself.
const ALMOST_ALL: f64 = 0.9999;

/// `marks` end the answer as well. At temperature 0 the engine takes the likeliest token, but not before it has applied the
/// penalties: they work either way. Top-k, top-p and min-p can't change which one is the likeliest.
#[allow(clippy::cast_possible_truncation)] // the engine keeps penalties in 32 bits
pub(super) fn sampling_params(sampling: &Sampling, max_tokens: u32, marks: Vec<u32>) -> SamplingParams {
    let common = SamplingParams {
        // Unset would be 1.
        temperature: Some(0.0),
        max_len: Some(max_tokens as usize),
        repetition_penalty: sampling.repetition_penalty.map(|p| p as f32),
        frequency_penalty: sampling.frequency_penalty.map(|p| p as f32),
        presence_penalty: sampling.presence_penalty.map(|p| p as f32),
        dry_params: sampling.dry.map(|dry| DrySamplingParams {
            multiplier: dry.multiplier as f32,
            base: dry.base as f32,
            allowed_length: dry.allowed_length as usize,
            // Its breakers stay: a new line, `:`, `"` and `*`, where sequences that have to recur begin.
            ..DrySamplingParams::default()
        }),
        stop_toks: Some(marks).filter(|marks| !marks.is_empty()).map(StopTokens::Ids),
        ..SamplingParams::neutral()
    };
    if sampling.is_greedy() {
        return common;
    }
    let top_p = Some(sampling.top_p).filter(|p| *p > 0.0 && *p < 1.0);
    SamplingParams {
        temperature: Some(sampling.temperature),
        top_k: sampling.top_k.map(|k| k as usize),
        top_p: top_p.or(sampling.min_p.map(|_| ALMOST_ALL)),
        min_p: sampling.min_p.map(|p| p.min(ALMOST_ALL)),
        ..common
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::machine::{Chip, Gpu, GpuKind, metal_budget};
    use crate::domain::model::{Device, Format, LoadSettings};
    use crate::domain::sampling::SamplingPatch;

    const GIB: u64 = 1 << 30;
    const NO_GPU: Machine = Machine { total: 16 * GIB, available: 12 * GIB, gpu: None, chip: None };

    fn mac(gib: u64) -> Machine {
        let gpu = Gpu { kind: GpuKind::Metal, budget: metal_budget(gib * GIB, 0) };
        Machine { total: gib * GIB, available: gib * GIB / 2, gpu: Some(gpu), chip: Chip::parse("Apple M4", None) }
    }

    fn starter(context: u32) -> ModelFacts {
        ModelFacts {
            architecture: "llama".into(),
            bytes: 98_362_432,
            held: 210_000_000,
            context,
            layers: 30,
            kv_heads: 3,
            head_size: 64,
            heads: 9,
            width: 576,
            feed_forward: 1536,
            vocabulary: 49_152,
            ..ModelFacts::default()
        }
    }

    /// Qwen3-4B as `Q4_K_M`.
    fn four_billion() -> ModelFacts {
        ModelFacts {
            architecture: "qwen3".into(),
            bytes: 2_497_280_256,
            held: 4_050_000_000,
            context: 40_960,
            layers: 36,
            kv_heads: 8,
            head_size: 128,
            heads: 32,
            width: 2560,
            feed_forward: 9728,
            vocabulary: 151_936,
            ..ModelFacts::default()
        }
    }

    /// Qwen3-8B as `Q4_K_M`: the embedding is unpacked to 2.5 GB.
    fn eight_billion() -> ModelFacts {
        ModelFacts { bytes: 5_027_783_488, held: 7_170_000_000, width: 4096, feed_forward: 12_288, ..four_billion() }
    }

    /// Qwen3-30B-A3B for MLX, 4 bits.
    fn thirty_billion() -> ModelFacts {
        ModelFacts {
            format: Format::Safetensors,
            architecture: "qwen3moe".into(),
            bytes: 17_612_931_072,
            held: 17_612_931_072,
            layers: 48,
            kv_heads: 4,
            width: 2048,
            feed_forward: 6144,
            experts: 128,
            ..four_billion()
        }
    }

    /// Llama 3.3 70B as `Q4_K_M`.
    fn seventy_billion() -> ModelFacts {
        ModelFacts {
            architecture: "llama".into(),
            bytes: 42_520_395_584,
            held: 46_130_000_000,
            context: 131_072,
            layers: 80,
            heads: 64,
            width: 8192,
            feed_forward: 28_672,
            vocabulary: 128_256,
            ..four_billion()
        }
    }

    fn spec(context: u32, device: Device, kv_cache: KvCache) -> ModelSpec {
        ModelSpec {
            reference: "m".into(),
            name: "m".into(),
            location: "/m.gguf".into(),
            format: Format::Gguf,
            settings: LoadSettings { context, device, kv_cache, ..LoadSettings::default() },
        }
    }

    fn auto(context: u32) -> ModelSpec {
        spec(context, Device::Auto, KvCache::Auto)
    }

    #[test]
    fn the_context_is_what_was_asked_for_as_far_as_the_model_goes() {
        let context = |asked, length| load_options(&auto(asked), &starter(length), &NO_GPU).context;
        assert_eq!(context(4096, 8192), 4096);
        assert_eq!(context(100_000, 8192), 8192);
        // The last step of the cache would go over the model's length.
        assert_eq!(context(100_000, 8000), 7680);
        assert_eq!(context(4096, 300), 300);
        assert_eq!(context(0, 8192), 1);
    }

    #[test]
    fn the_device_map_makes_room_for_all_of_the_context() {
        let options = load_options(&auto(16_384), &starter(32_768), &mac(16));
        assert!(!options.force_cpu);
        match options.device_map() {
            DeviceMapSetting::Auto(AutoDeviceMapParams::Text { max_seq_len, max_batch_size }) => {
                assert_eq!((max_seq_len, max_batch_size), (16_384, 1));
            }
            other => panic!("not automatic: {other:?}"),
        }
        assert!(load_options(&auto(16_384), &starter(32_768), &NO_GPU).force_cpu);
        let on_the_processor = spec(4096, Device::Cpu, KvCache::Auto);
        assert!(load_options(&on_the_processor, &starter(32_768), &mac(16)).force_cpu);
    }

    /// What each Mac does with each model at 4,096 and 16,384 tokens: the verdict, and whether there is a pool.
    #[test]
    fn every_mac_gets_what_it_has_room_for() {
        let models = [four_billion(), eight_billion(), thirty_billion(), seventy_billion()];
        let told = |gib: u64| {
            let machine = mac(gib);
            let of = |facts: &ModelFacts, context: u32| {
                let spec = auto(context);
                let verdict = fit::judge(facts, spec.settings, &machine).verdict.label();
                let pool = load_options(&spec, facts, &machine).pool;
                format!("{verdict}{}", if pool.is_some() { " in a pool" } else { "" })
            };
            models.each_ref().map(|facts| [of(facts, 4096), of(facts, 16_384)].join(", "))
        };
        let (none, fits) = ("too large, too large", "fits, fits");
        let expected = [
            // The engine unpacks the embedding, which takes a quarter of so small a Mac's memory.
            [none; 4],
            ["fits, too large", "fits in a pool, too large", none, none],
            ["fits, fits in a pool", "fits, tight in a pool", none, none],
            [fits, "fits, fits in a pool", "fits in a pool, too large", none],
            [fits, fits, fits, "tight in a pool, too large"],
            [fits; 4],
        ];
        assert_eq!([8, 16, 24, 32, 64, 128].map(told), expected);
    }

    #[test]
    fn a_pool_is_always_larger_than_the_context() {
        // What the engine makes of a number of tokens: whole megabytes, then whole blocks, of which one is its own.
        let usable = |facts: &ModelFacts, pool: Pool| {
            let token = usize::try_from(fit::cache_per_token_as(facts, pool.kind)).expect("small");
            let megabytes = pool.tokens * token / (1 << 20);
            (megabytes * (1 << 20) / token / 32 - 1) * 32
        };
        for kind in [KvCache::Auto, KvCache::F8E4M3] {
            for facts in [starter(131_072), four_billion(), eight_billion(), thirty_billion(), seventy_billion()] {
                for context in [1, 31, 512, 1000, 4096, 8191, 40_960] {
                    let spec = spec(context, Device::Auto, kind);
                    let gpu = Gpu { kind: GpuKind::Cuda, budget: 400 * GIB };
                    let options = load_options(&spec, &facts, &Machine { gpu: Some(gpu), ..NO_GPU });
                    let pool = options.pool.expect("there is room");
                    assert!(usable(&facts, pool) > context as usize, "{context} {}", facts.architecture);
                    // Otherwise the engine cuts it on a Mac.
                    assert_eq!(options.mapped_tokens, pool.tokens);
                    assert!(options.paged_attention().is_some());
                }
            }
        }
    }

    #[test]
    fn a_small_cache_type_asks_for_a_pool_where_there_can_be_one() {
        let pool = |facts: &ModelFacts, machine: &Machine, device| {
            load_options(&spec(4096, device, KvCache::F8E4M3), facts, machine).pool
        };
        assert_eq!(pool(&four_billion(), &mac(64), Device::Auto).map(|pool| pool.kind), Some(KvCache::F8E4M3));
        assert_eq!(load_options(&auto(4096), &four_billion(), &mac(64)).pool, None, "nothing asks for it");
        assert_eq!(pool(&four_billion(), &mac(64), Device::Cpu), None);
        assert_eq!(pool(&four_billion(), &NO_GPU, Device::Auto), None);
        let odd = ModelFacts { head_size: 72, ..four_billion() };
        assert_eq!(pool(&odd, &mac(64), Device::Auto), None, "there are no kernels for such heads");
        let mixed = ModelFacts { architecture: "qwen3next".into(), ..four_billion() };
        assert_eq!(pool(&mixed, &mac(64), Device::Auto), None, "not all layers keep their keys");
        assert_eq!(pool(&seventy_billion(), &mac(32), Device::Auto), None, "no room for a whole pool");
    }

    #[test]
    fn a_person_hears_of_a_cache_type_that_can_t_be_had() {
        let note = |kind, machine: &Machine| {
            let spec = spec(4096, Device::Auto, kind);
            load_options(&spec, &four_billion(), machine).cache_note(&spec)
        };
        assert_eq!(note(KvCache::F8E4M3, &mac(64)), None);
        assert_eq!(note(KvCache::Auto, &NO_GPU), None, "nothing was wished for");
        let told = note(KvCache::F8E4M3, &NO_GPU).expect("a note");
        assert!(told.message.contains("16 bits") && told.hint.is_some_and(|hint| hint.contains("engine.kv_cache")));
    }

    #[test]
    fn greedy_is_greedy_whatever_else_is_set() {
        let sampling = SamplingPatch { temperature: Some(0.0), top_k: Some(40), ..SamplingPatch::default() };
        let params = sampling_params(&sampling.resolve(SamplingPatch::default()), 64, Vec::new());
        assert_eq!((params.temperature, params.top_k, params.top_p), (Some(0.0), None, None));
        assert_eq!((params.max_len, params.n_choices), (Some(64), 1));
    }

    #[test]
    fn min_p_works_without_top_p() {
        let sampling = SamplingPatch { top_p: Some(1.0), min_p: Some(0.05), ..SamplingPatch::default() };
        let params = sampling_params(&sampling.resolve(SamplingPatch::default()), 1, Vec::new());
        assert_eq!((params.top_p, params.min_p), (Some(ALMOST_ALL), Some(0.05)));
        let sampling = SamplingPatch { min_p: Some(1.0), ..SamplingPatch::default() };
        let params = sampling_params(&sampling.resolve(SamplingPatch::default()), 1, Vec::new());
        assert_eq!(params.min_p, Some(ALMOST_ALL), "only the likeliest, not all of them");
        let sampling = SamplingPatch { top_p: Some(1.0), ..SamplingPatch::default() };
        let params = sampling_params(&sampling.resolve(SamplingPatch::default()), 1, Vec::new());
        assert_eq!((params.top_p, params.temperature), (None, Some(Sampling::DEFAULT_TEMPERATURE)));
    }

    #[test]
    fn penalties_are_kept_in_both_modes() {
        for temperature in [0.0, 0.8] {
            let sampling = SamplingPatch {
                temperature: Some(temperature),
                repetition_penalty: Some(1.5),
                frequency_penalty: Some(0.25),
                presence_penalty: Some(-0.5),
                dry_multiplier: Some(0.75),
                dry_allowed_length: Some(3),
                ..SamplingPatch::default()
            };
            let params = sampling_params(&sampling.resolve(SamplingPatch::default()), 1, Vec::new());
            assert_eq!(params.repetition_penalty, Some(1.5));
            assert_eq!((params.frequency_penalty, params.presence_penalty), (Some(0.25), Some(-0.5)));
            let dry = params.dry_params.expect("it is on");
            assert_eq!((dry.multiplier, dry.base, dry.allowed_length), (0.75, 1.75, 3));
            assert!(dry.sequence_breakers.contains(&"\n".to_owned()));
            assert!(params.stop_toks.is_none(), "stop strings are ours");
        }
    }
}
