//! What the engine is told, as a pure function of what was asked for: what happens on a machine that is not at hand can be
//! read in the tests.

use mistralrs::{AutoDeviceMapParams, DeviceMapSetting, DrySamplingParams, SamplingParams, StopTokens};

use crate::domain::fit::PREFIX_CACHES;
use crate::domain::model::{Device, ModelFacts, ModelSpec};
use crate::domain::sampling::Sampling;

/// How a model is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LoadOptions {
    /// No GPU, even if this build has one.
    pub force_cpu: bool,
    /// The context in force: prompt and answer together.
    pub context: u32,
    /// Tokens whose cache the engine sets aside room for when it decides what fits on the GPU. Its own default of 4,096
    /// would let a longer context run into a wall.
    pub mapped_tokens: usize,
    /// Numbers of 32 bits throughout: Mixtral's loader weighs its experts' answers in them, and fails on any others.
    pub full_precision: bool,
    /// Finished answers whose cache is kept, so that the next turn reads only what is new. Each is a whole copy: on a GPU
    /// the older ones go; on the CPU the engine lets none go, and the link recycles the process instead.
    pub prefix_caches: usize,
}

// Paged attention stays off: its pool is set aside whole at the start, on the machines that have it (Metal, CUDA), for
// what is one conversation at a time here.

/// The engine's cache grows in steps of so many tokens, and fails when a step goes over the model's length.
const CACHE_STEP: u32 = 512;

pub(super) fn load_options(spec: &ModelSpec, facts: &ModelFacts) -> LoadOptions {
    let context = spec.settings.context.clamp(1, usable_context(facts.context));
    LoadOptions {
        force_cpu: spec.settings.device == Device::Cpu,
        context,
        mapped_tokens: context as usize,
        full_precision: facts.architecture == "mixtral",
        prefix_caches: PREFIX_CACHES as usize,
    }
}

/// What of a model's length can be filled before the cache's next step would go over it.
pub(super) fn usable_context(length: u32) -> u32 {
    if length <= CACHE_STEP { length.max(1) } else { length / CACHE_STEP * CACHE_STEP }
}

impl LoadOptions {
    pub(super) fn device_map(&self) -> DeviceMapSetting {
        DeviceMapSetting::Auto(AutoDeviceMapParams::Text { max_seq_len: self.mapped_tokens, max_batch_size: 1 })
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
    use crate::domain::model::{Format, LoadSettings};
    use crate::domain::sampling::SamplingPatch;

    fn facts(context: u32) -> ModelFacts {
        ModelFacts {
            format: Format::Gguf,
            name: None,
            architecture: "llama".into(),
            quant: "Q4_1".into(),
            parameters: 134_515_008,
            bytes: 98_362_432,
            context,
            layers: 30,
            kv_heads: 3,
            head_size: 64,
            vocabulary: 49_152,
            has_chat_template: true,
            can_think: false,
            ..ModelFacts::default()
        }
    }

    fn spec(context: u32, device: Device) -> ModelSpec {
        ModelSpec {
            reference: "m".into(),
            name: "m".into(),
            location: "/m.gguf".into(),
            format: Format::Gguf,
            settings: LoadSettings { context, device, ..LoadSettings::default() },
        }
    }

    #[test]
    fn the_context_is_what_was_asked_for_as_far_as_the_model_goes() {
        let context = |asked, length| load_options(&spec(asked, Device::Auto), &facts(length)).context;
        assert_eq!(context(4096, 8192), 4096);
        assert_eq!(context(100_000, 8192), 8192);
        // The last step of the cache would go over the model's length.
        assert_eq!(context(100_000, 8000), 7680);
        assert_eq!(context(4096, 300), 300);
        assert_eq!(context(0, 8192), 1);
    }

    #[test]
    fn the_device_map_makes_room_for_all_of_the_context() {
        let options = load_options(&spec(16_384, Device::Auto), &facts(32_768));
        assert!(!options.force_cpu);
        match options.device_map() {
            DeviceMapSetting::Auto(AutoDeviceMapParams::Text { max_seq_len, max_batch_size }) => {
                assert_eq!((max_seq_len, max_batch_size), (16_384, 1));
            }
            other => panic!("not automatic: {other:?}"),
        }
        assert!(load_options(&spec(16_384, Device::Cpu), &facts(32_768)).force_cpu);
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
