//! How large the engine's process may get before a new one takes over.

use sysinfo::MemoryRefreshKind;

use crate::domain::fit::{cache_bytes, cache_per_token};
use crate::domain::model::{Format, ModelInfo};

/// A scripted model weighs nothing: a test need not fill a gigabyte.
const SCRIPT: u64 = 32 << 20;

/// Bytes more than the `loaded` ones that it had right after loading; `None` where a new process would be for nothing.
///
/// A gigabyte, half of the model or an eighth of the machine, whichever is most, and always what the caches come to when
/// a conversation fills the context, as far as the machine has it. A limit below one such cache would cost a load and
/// the whole conversation with every turn: the new process reads it all, and is over the limit again.
pub(super) fn growth_allowed(info: &ModelInfo, loaded: u64, machine: u64) -> Option<u64> {
    let facts = &info.facts;
    if facts.format == Format::Script {
        return Some(SCRIPT);
    }
    // On a GPU the engine lets the older caches go by itself.
    if info.device != "CPU" {
        return None;
    }
    // The next answer has a cache of its own before anything is looked at again. An eighth is for everybody else.
    let next_answer = cache_per_token(facts).saturating_mul(u64::from(info.context));
    let room = (machine / 8 * 7).saturating_sub(loaded).saturating_sub(next_answer);
    // An answer moves from one into another.
    let caches = cache_bytes(facts, info.context).saturating_mul(2).min(room);
    Some((1 << 30).max(facts.bytes / 2).max(machine / 8).max(caches))
}

/// What there is for all processes together; in a container, what that has.
pub(super) fn machine_memory() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let limit = system.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory);
    system.total_memory().min(limit)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::model::ModelFacts;
    use crate::domain::quant::KeptCopy;

    const GIB: u64 = 1 << 30;

    fn starter(device: &str) -> ModelInfo {
        ModelInfo {
            reference: "starter".into(),
            name: "starter".into(),
            facts: ModelFacts {
                format: Format::Gguf,
                name: None,
                architecture: "llama".into(),
                quant: "Q4_1".into(),
                parameters: 134_515_008,
                bytes: 98_362_432,
                context: 8192,
                layers: 30,
                kv_heads: 3,
                head_size: 64,
                vocabulary: 49_152,
                has_chat_template: true,
                can_think: false,
                ..ModelFacts::default()
            },
            context: 4096,
            device: device.into(),
            quant: "Q4_1".into(),
            copy: KeptCopy::None,
            notes: Vec::new(),
            load_time: Duration::ZERO,
        }
    }

    /// Qwen3-8B as `Q4_K_M`: 147,456 bytes of cache per token.
    fn large(context: u32) -> ModelInfo {
        let mut info = starter("CPU");
        info.context = context;
        info.facts = ModelFacts {
            bytes: 5_027_783_488,
            context: 40_960,
            layers: 36,
            kv_heads: 8,
            head_size: 128,
            vocabulary: 151_936,
            ..info.facts
        };
        info
    }

    #[test]
    fn a_large_machine_or_model_leaves_more_room() {
        let mut info = starter("CPU");
        let loaded = 300 << 20;
        assert_eq!(growth_allowed(&info, loaded, 4 * GIB), Some(GIB));
        assert_eq!(growth_allowed(&info, loaded, 64 * GIB), Some(8 * GIB));
        info.facts.bytes = 40 * GIB;
        assert_eq!(growth_allowed(&info, loaded, 64 * GIB), Some(20 * GIB));
    }

    #[test]
    fn a_conversation_that_fills_the_context_is_no_growth() {
        let loaded = 5 * GIB;
        let cache = 147_456 * 32_768;
        let allowed = |machine| growth_allowed(&large(32_768), loaded, machine * GIB).expect("a limit");
        assert_eq!(allowed(32), 2 * cache);
        // Not both have a place here, and the next answer's cache must: a whole one is still not too much.
        let tight = allowed(18);
        assert!((cache..2 * cache).contains(&tight), "{tight}");
        assert!(loaded + tight + cache <= 18 * GIB, "{tight}");
        // Nowhere near enough: the limit is what it is for any context.
        assert_eq!(allowed(8), large(0).facts.bytes / 2);
    }

    #[test]
    fn a_gpu_looks_after_its_caches() {
        assert_eq!(growth_allowed(&starter("Metal"), GIB, 16 * GIB), None);
        assert_eq!(growth_allowed(&starter("CUDA"), GIB, 16 * GIB), None);
    }
}
