//! How makers want their models sampled where the files don't say it: GGUF headers rarely do, and some makers only write it
//! on the model's page. What a file says wins.

use crate::domain::Thinking;
use crate::domain::model::ModelFacts;
use crate::domain::sampling::SamplingPatch;

const NOTHING: SamplingPatch = SamplingPatch {
    temperature: None,
    top_p: None,
    top_k: None,
    min_p: None,
    repetition_penalty: None,
    frequency_penalty: None,
    presence_penalty: None,
    dry_multiplier: None,
    dry_base: None,
    dry_allowed_length: None,
};

const fn nucleus(temperature: f64, top_p: f64) -> SamplingPatch {
    SamplingPatch { temperature: Some(temperature), top_p: Some(top_p), ..NOTHING }
}

const fn with_top_k(temperature: f64, top_p: f64, top_k: u32) -> SamplingPatch {
    SamplingPatch { top_k: Some(top_k), ..nucleus(temperature, top_p) }
}

const fn with_penalty(repetition_penalty: f64, patch: SamplingPatch) -> SamplingPatch {
    SamplingPatch { repetition_penalty: Some(repetition_penalty), ..patch }
}

/// Qwen3 where it answers at once, and its models that never reason.
const QWEN3_AT_ONCE: SamplingPatch = with_top_k(0.7, 0.8, 20);

/// What a family's makers recommend. A family is an architecture and words of the name: many families share `llama`.
struct Family {
    architectures: &'static [&'static str],
    /// One of these is in the name, as whole words with `-` between them; empty is any name, or none.
    names: &'static [&'static str],
    sampling: SamplingPatch,
}

const QWEN3: &[&str] = &["qwen3", "qwen3moe"];

/// The first that fits counts. From the makers' pages; families whose makers say nothing are not here.
const FAMILIES: &[Family] = &[
    Family { architectures: &["qwen2", "qwen3", "llama"], names: &["deepseek-r1"], sampling: nucleus(0.6, 0.95) },
    Family { architectures: QWEN3, names: &["instruct-2507"], sampling: QWEN3_AT_ONCE },
    Family { architectures: QWEN3, names: &[], sampling: with_top_k(0.6, 0.95, 20) },
    Family {
        architectures: &["qwen2"],
        names: &["qwen2-5-0-5b"],
        sampling: with_penalty(1.1, with_top_k(0.7, 0.8, 20)),
    },
    Family { architectures: &["qwen2"], names: &["qwen2-5"], sampling: with_penalty(1.05, with_top_k(0.7, 0.8, 20)) },
    Family { architectures: &["llama"], names: &["llama-3-1", "llama-3-2", "llama-3-3"], sampling: nucleus(0.6, 0.9) },
    Family { architectures: &["llama"], names: &["smollm2"], sampling: nucleus(0.2, 0.9) },
    Family { architectures: &["smollm3"], names: &[], sampling: nucleus(0.6, 0.95) },
    Family { architectures: &["gemma3"], names: &[], sampling: with_top_k(1.0, 0.95, 64) },
    Family {
        architectures: &["mistral3"],
        names: &["ministral-3"],
        sampling: SamplingPatch { temperature: Some(0.15), ..NOTHING },
    },
];

/// What the makers of a model recommend beside its files; `name` is what the model or its file is called.
#[must_use]
pub fn by_makers(architecture: &str, name: &str) -> SamplingPatch {
    let name = words(name);
    let fits = |family: &&Family| {
        family.architectures.contains(&architecture)
            && (family.names.is_empty() || family.names.iter().any(|wanted| name.contains(&format!("-{wanted}-"))))
    };
    FAMILIES.iter().find(fits).map_or(NOTHING, |family| family.sampling)
}

/// What is recommended for an answer with or without reasoning. The files speak of the model as it comes, which is with.
#[must_use]
pub fn in_force(facts: &ModelFacts, thinking: Thinking) -> SamplingPatch {
    let reasons_always = facts.name.as_deref().is_some_and(|name| words(name).contains("-deepseek-"));
    if thinking == Thinking::Off && facts.can_think && QWEN3.contains(&facts.architecture.as_str()) && !reasons_always {
        QWEN3_AT_ONCE.over(facts.recommended)
    } else {
        facts.recommended
    }
}

/// `SmolLM2 135M Instruct` as `-smollm2-135m-instruct-`, however its words are set apart.
fn words(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.fold("-".to_owned(), |all, word| all + word + "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Temperature, top-p and top-k.
    fn three(patch: SamplingPatch) -> (Option<f64>, Option<f64>, Option<u32>) {
        (patch.temperature, patch.top_p, patch.top_k)
    }

    #[test]
    fn a_family_is_known_however_its_name_is_written() {
        for (architecture, name, expected) in [
            ("llama", "SmolLM2 135M Instruct", (Some(0.2), Some(0.9), None)),
            ("llama", "SmolLM2-135M-Instruct.Q4_1", (Some(0.2), Some(0.9), None)),
            ("llama", "Meta-Llama-3.1-8B-Instruct-Q4_K_M", (Some(0.6), Some(0.9), None)),
            ("llama", "DeepSeek R1 Distill Llama 8B", (Some(0.6), Some(0.95), None)),
            ("qwen2", "DeepSeek-R1-Distill-Qwen-7B", (Some(0.6), Some(0.95), None)),
            ("qwen2", "qwen2.5-7b-instruct", (Some(0.7), Some(0.8), Some(20))),
            ("qwen3", "Qwen3 4B", (Some(0.6), Some(0.95), Some(20))),
            ("qwen3", "Qwen3-4B-Instruct-2507-Q4_K_M", (Some(0.7), Some(0.8), Some(20))),
            ("qwen3", "DeepSeek-R1-0528-Qwen3-8B", (Some(0.6), Some(0.95), None)),
            ("qwen3moe", "", (Some(0.6), Some(0.95), Some(20))),
            ("gemma3", "gemma-3-4b-it", (Some(1.0), Some(0.95), Some(64))),
            ("mistral3", "Ministral 3 3B Instruct 2512", (Some(0.15), None, None)),
        ] {
            assert_eq!(three(by_makers(architecture, name)), expected, "{name}");
        }
    }

    #[test]
    fn what_nobody_recommends_is_not_made_up() {
        for (architecture, name) in [
            ("llama", "Mistral-7B-Instruct-v0.3"),
            ("llama", "Meta-Llama-3-8B-Instruct"),
            ("qwen2", "Qwen2-7B-Instruct"),
            ("mistral3", "Mistral-Small-3.1-24B"),
            ("phi3", "Phi-3.5-mini-instruct"),
            ("phi3", "a smollm2 of another architecture"),
        ] {
            assert_eq!(by_makers(architecture, name), NOTHING, "{name}");
        }
        assert_eq!(NOTHING, SamplingPatch::default());
    }

    #[test]
    fn the_small_qwen_repeats_itself_more() {
        let penalty = |name| by_makers("qwen2", name).repetition_penalty;
        assert_eq!(penalty("Qwen2.5-0.5B-Instruct"), Some(1.1));
        assert_eq!(penalty("Qwen2.5-14B-Instruct"), Some(1.05));
    }

    #[test]
    fn qwen3_without_reasoning_is_sampled_otherwise() {
        let said = SamplingPatch { temperature: Some(0.6), min_p: Some(0.1), ..NOTHING };
        let mut facts = ModelFacts {
            name: Some("Qwen3 8B".into()),
            architecture: "qwen3".into(),
            can_think: true,
            recommended: said,
            ..ModelFacts::default()
        };
        for thinking in [Thinking::Auto, Thinking::On] {
            assert_eq!(in_force(&facts, thinking), said);
        }
        let off = in_force(&facts, Thinking::Off);
        assert_eq!((three(off), off.min_p), ((Some(0.7), Some(0.8), Some(20)), Some(0.1)));
        facts.name = Some("DeepSeek R1 0528 Qwen3 8B".into());
        assert_eq!(in_force(&facts, Thinking::Off), said);
        facts.name = None;
        facts.can_think = false;
        assert_eq!(in_force(&facts, Thinking::Off), said);
    }
}
