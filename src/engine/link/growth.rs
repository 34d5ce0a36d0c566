//! How large the engine's process may get before a new one takes over.

use crate::domain::model::{Format, ModelFacts};

/// A scripted model weighs nothing: a test need not fill a gigabyte.
const SCRIPT: u64 = 32 << 20;

/// Bytes more than right after loading: a gigabyte, half of the model or an eighth of the machine, whichever is most.
pub(super) fn growth_allowed(facts: &ModelFacts, machine: u64) -> u64 {
    if facts.format == Format::Script {
        return SCRIPT;
    }
    (1 << 30).max(facts.bytes / 2).max(machine / 8)
}

pub(super) fn machine_memory() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    system.total_memory()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sampling::SamplingPatch;

    #[test]
    fn a_large_machine_or_model_leaves_more_room() {
        const GIB: u64 = 1 << 30;
        let mut facts = ModelFacts {
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
            recommended: SamplingPatch::default(),
        };
        assert_eq!(growth_allowed(&facts, 4 * GIB), GIB);
        assert_eq!(growth_allowed(&facts, 64 * GIB), 8 * GIB);
        facts.bytes = 40 * GIB;
        assert_eq!(growth_allowed(&facts, 64 * GIB), 20 * GIB);
    }
}
