//! Whether a model fits this machine: pure functions of facts.

use serde::{Deserialize, Serialize};

use crate::domain::model::ModelFacts;

/// Memory that a model can use here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// All memory, bytes.
    pub total: u64,
    /// What a model may take before things get slow: a GPU's budget, or what is free now.
    pub budget: u64,
}

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
}

/// What a model takes, and what that means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fit {
    pub verdict: Verdict,
    /// Weights, caches at the asked context, and working memory.
    pub needed: u64,
    /// The largest context that fits; 0 when not even the weights do.
    pub largest_context: u32,
}

/// Finished answers whose cache the engine keeps beside the running one's, so that the next turn reads only what is new:
/// one for the conversation, one for what is asked beside it. Each is a whole copy.
pub const PREFIX_CACHES: u32 = 2;

/// Bytes of one element of the key-value cache (f16 or bf16).
const CACHE_ELEMENT: u64 = 2;
/// Activations, tokenizer, program: what a loaded model takes beside its weights and cache.
const WORKING_MEMORY: u64 = 200 << 20;

/// Bytes of cache that one token of context takes.
#[must_use]
pub fn cache_per_token(facts: &ModelFacts) -> u64 {
    2 * u64::from(facts.layers) * u64::from(facts.kv_heads) * u64::from(facts.head_size) * CACHE_ELEMENT
}

/// Bytes of cache that a token of context can come to: its own, and its copies in the prefix caches.
fn cache_per_token_with_copies(facts: &ModelFacts) -> u64 {
    cache_per_token(facts).saturating_mul(u64::from(1 + PREFIX_CACHES))
}

/// Bytes that the caches rightly take once a conversation fills the context: the running answer's, and the kept copies.
#[must_use]
pub fn cache_bytes(facts: &ModelFacts, context: u32) -> u64 {
    cache_per_token_with_copies(facts).saturating_mul(u64::from(context))
}

/// Judges a model at a context that a conversation fills. Comfortable up to 85 % of the budget, possible up to all of it.
#[must_use]
pub fn judge(facts: &ModelFacts, context: u32, machine: Machine) -> Fit {
    let fixed = facts.bytes.saturating_add(WORKING_MEMORY);
    let needed = fixed.saturating_add(cache_bytes(facts, context));
    let verdict = if needed <= machine.budget / 100 * 85 {
        Verdict::Fits
    } else if needed <= machine.budget {
        Verdict::Tight
    } else {
        Verdict::TooLarge
    };
    let room = machine.budget.saturating_sub(fixed);
    let largest = room
        .checked_div(cache_per_token_with_copies(facts))
        .map_or(facts.context, |n| u32::try_from(n).unwrap_or(u32::MAX));
    Fit { verdict, needed, largest_context: if fixed > machine.budget { 0 } else { largest.min(facts.context) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::Format;

    /// Qwen3-8B as `Q4_K_M`.
    fn facts() -> ModelFacts {
        ModelFacts {
            format: Format::Gguf,
            name: None,
            architecture: "qwen3".into(),
            quant: "Q4_K_M".into(),
            parameters: 8_190_735_360,
            bytes: 5_027_783_488,
            context: 40_960,
            layers: 36,
            kv_heads: 8,
            head_size: 128,
            vocabulary: 151_936,
            has_chat_template: true,
            can_think: true,
            ..ModelFacts::default()
        }
    }

    #[test]
    fn the_cache_counts_with_its_copies() {
        assert_eq!(cache_per_token(&facts()), 147_456);
        assert_eq!(cache_bytes(&facts(), 32_768), 3 * 147_456 * 32_768);
        let gib = 1u64 << 30;
        let on = |gibs: u64, context| judge(&facts(), context, Machine { total: gibs * gib, budget: gibs * gib });
        assert_eq!(on(16, 4096).verdict, Verdict::Fits);
        assert_eq!(on(7, 4096).verdict, Verdict::Tight);
        // One cache of this length would be 4.5 GiB, and with the weights it would fit; its copies do not.
        assert_eq!(on(16, 32_768).verdict, Verdict::TooLarge);
        assert_eq!(on(16, 32_768).needed, 5_027_783_488 + WORKING_MEMORY + cache_bytes(&facts(), 32_768));
        let largest = on(16, 32_768).largest_context;
        assert!((20_000..30_000).contains(&largest), "{largest}");
        assert_eq!(on(16, largest).verdict, Verdict::Tight);
        assert_eq!(on(4, 4096).largest_context, 0);
        assert_eq!(on(64, 4096).largest_context, 40_960);
    }

    #[test]
    fn the_starter_fits_a_small_machine() {
        let starter = ModelFacts {
            bytes: 98_362_432,
            context: 8192,
            layers: 30,
            kv_heads: 3,
            head_size: 64,
            vocabulary: 49_152,
            ..facts()
        };
        let with = |mib: u64, context| judge(&starter, context, Machine { total: 2 << 30, budget: mib << 20 });
        assert_eq!(with(700, 4096).verdict, Verdict::Fits);
        assert_eq!(with(1024, 8192).verdict, Verdict::Fits);
        assert_eq!(with(1024, 4096).largest_context, 8192);
    }
}
