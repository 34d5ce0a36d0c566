//! Which GGUF architectures the engine loads, and the numbers that it needs of each. Each rule stands for a place where the engine would panic,
//! fail late, or compute nonsense.

use super::config::has_gpu;
use super::fault::{Fault, Found, quote};
use super::metadata::Metadata;

// What no model exceeds; they keep every product below within 64 bits.
const MOST_LAYERS: u32 = 1_024;
pub(super) const MOST_WIDTH: u32 = 1 << 18;
const MOST_HEADS: u32 = 4_096;
const MOST_HEAD_SIZE: u32 = 2_048;
/// The engine reserves tables for the whole context when it loads.
const MOST_CONTEXT: u64 = 4 << 20;

pub(super) const ARCHITECTURE_KEY: &str = "general.architecture";

/// The GGUF architectures that the engine has a loader for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Architecture {
    Llama,
    Mistral3,
    Phi2,
    Phi3,
    Starcoder2,
    Qwen2,
    Qwen3,
    Qwen3Moe,
}

impl Architecture {
    pub fn of(metadata: &Metadata) -> Found<Self> {
        Self::named(metadata.text(ARCHITECTURE_KEY)?)
    }

    pub fn named(name: &str) -> Found<Self> {
        Ok(match name {
            "llama" => Self::Llama,
            "mistral3" => Self::Mistral3,
            "phi2" => Self::Phi2,
            "phi3" => Self::Phi3,
            "starcoder2" => Self::Starcoder2,
            "qwen2" => Self::Qwen2,
            "qwen3" => Self::Qwen3,
            "qwen3moe" => Self::Qwen3Moe,
            "clip" | "mmproj" => {
                return Err(Fault::unsupported(
                    "it holds only the part of a model that looks at pictures",
                    "choose the file with the language model, usually the larger one beside it",
                ));
            }
            other => return Err(unknown(other)),
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral3 => "mistral3",
            Self::Phi2 => "phi2",
            Self::Phi3 => "phi3",
            Self::Starcoder2 => "starcoder2",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Qwen3Moe => "qwen3moe",
        }
    }

    /// The size of a head is a key of its own here; elsewhere it is the width over the heads.
    fn has_own_head_size(self) -> bool {
        matches!(self, Self::Llama | Self::Mistral3 | Self::Qwen2 | Self::Qwen3 | Self::Qwen3Moe)
    }

    /// Without an output matrix the embedding's is used.
    pub fn may_share_output(self) -> bool {
        self.has_own_head_size()
    }
}

fn unknown(name: &str) -> Fault {
    /// Families whose safetensors the engine loads.
    const AS_SAFETENSORS: &[&str] =
        &["gemma", "phimoe", "smollm3", "granitehybrid", "qwen2vl", "qwen3vl", "qwen35", "llama4"];
    /// The same where there is a GPU.
    const ON_GPUS: &[&str] = &["deepseek2", "glm4moe", "gpt-oss", "qwen3next"];
    let of = |families: &[&str]| families.iter().any(|family| name.starts_with(family));
    let hint = if name == "glm4" || of(AS_SAFETENSORS) || (has_gpu() && of(ON_GPUS)) {
        "take the safetensors of this model (its original repository), or a GGUF of a Llama, Mistral, Phi or Qwen model"
    } else {
        "choose a model of the Llama, Mistral, Phi or Qwen families"
    };
    Fault::unsupported(format!("GGUF files of the architecture {} have no loader", quote(name)), hint)
}

/// The numbers that describe a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub layers: u32,
    pub width: u32,
    pub heads: u32,
    pub kv_heads: u32,
    pub head_size: u32,
    pub context: u32,
}

impl Shape {
    pub fn of(arch: Architecture, metadata: &Metadata) -> Found<Self> {
        let key = |name: &str| format!("{}.{name}", arch.name());
        let layers = metadata.number(&key("block_count"), 1, MOST_LAYERS)?;
        let width = metadata.number(&key("embedding_length"), 1, MOST_WIDTH)?;
        let heads = metadata.number(&key("attention.head_count"), 1, MOST_HEADS)?;
        let kv_heads = metadata.number(&key("attention.head_count_kv"), 1, heads)?;
        if !heads.is_multiple_of(kv_heads) || (arch == Architecture::Phi2 && heads != kv_heads) {
            return Err(Fault::Broken(format!("its {heads} attention heads can't share {kv_heads} keys")));
        }
        let head_size = head_size(arch, metadata, width, heads)?;
        check_rotation(arch, metadata, head_size)?;
        check_small_numbers(arch, metadata)?;
        Ok(Self { layers, width, heads, kv_heads, head_size, context: context(arch, metadata)? })
    }
}

fn head_size(arch: Architecture, metadata: &Metadata, width: u32, heads: u32) -> Found<u32> {
    let said = |name: &str| metadata.optional_number(&format!("{}.attention.{name}", arch.name()), 1, MOST_HEAD_SIZE);
    let (key, value) = (said("key_length")?, said("value_length")?);
    let derived = width.is_multiple_of(heads).then_some(width / heads);
    let (Some(key), Some(value)) = (key.or(derived), value.or(derived)) else {
        return Err(Fault::Broken(format!("a width of {width} can't be shared by {heads} attention heads")));
    };
    if key != value {
        return Err(Fault::unsupported(
            format!("its keys have {key} numbers and its values {value}"),
            "choose a model of another family",
        ));
    }
    let fits = arch.has_own_head_size() || Some(key) == derived;
    if fits && key.is_multiple_of(2) && (1..=MOST_HEAD_SIZE).contains(&key) {
        return Ok(key);
    }
    Err(Fault::Broken(format!("a width of {width} can't be shared by {heads} attention heads of {key}")))
}

/// How positions are encoded.
fn check_rotation(arch: Architecture, metadata: &Metadata, head_size: u32) -> Found<()> {
    let name = format!("{}.rope.dimension_count", arch.name());
    let rotated = match arch {
        Architecture::Llama | Architecture::Mistral3 | Architecture::Phi2 | Architecture::Phi3 => {
            Some(metadata.number(&name, 1, MOST_HEAD_SIZE)?)
        }
        _ => metadata.optional_number(&name, 1, MOST_HEAD_SIZE)?,
    };
    let fits = |rotated: u32| match arch {
        Architecture::Phi2 => rotated <= head_size && rotated.is_multiple_of(2),
        _ => rotated == head_size,
    };
    if let Some(rotated) = rotated.filter(|rotated| !fits(*rotated)) {
        return Err(Fault::unsupported(
            format!("it rotates {rotated} of the {head_size} numbers of each attention head"),
            "choose a model of another family",
        ));
    }
    let key = |name: &str| format!("{}.rope.{name}", arch.name());
    if metadata.optional_fraction(&key("freq_base"))?.is_some_and(|base| base < 1.0) {
        return Err(Fault::Broken(format!("its {} can't be", quote(&key("freq_base")))));
    }
    let linear = metadata.soft_text(&key("scaling.type")) == Some("linear");
    let factor = match metadata.optional_fraction(&key("scaling.factor"))? {
        Some(factor) if linear => Some(factor),
        _ => metadata.optional_fraction(&key("scale_linear"))?,
    };
    if factor.is_some_and(|factor| (factor - 1.0).abs() > f32::EPSILON) {
        return Err(Fault::unsupported(
            "its positions are scaled linearly, which the engine would leave out and then write nonsense",
            "choose a file of the same model without the stretched context",
        ));
    }
    Ok(())
}

fn check_small_numbers(arch: Architecture, metadata: &Metadata) -> Found<()> {
    let name = match arch {
        Architecture::Starcoder2 => "attention.layer_norm_epsilon",
        _ => "attention.layer_norm_rms_epsilon",
    };
    let key = format!("{}.{name}", arch.name());
    match metadata.optional_fraction(&key)? {
        None => Err(Fault::Broken(format!("its header lacks {}", quote(&key)))),
        Some(epsilon) if (0.0..=0.1).contains(&epsilon) => Ok(()),
        Some(epsilon) => Err(Fault::Broken(format!("its {} is {epsilon}, which can't be", quote(&key)))),
    }
}

/// The context that the engine can use. It leaves every stretching of positions out, so that only the length from before
/// the stretching gives sense.
fn context(arch: Architecture, metadata: &Metadata) -> Found<u32> {
    let key = format!("{}.context_length", arch.name());
    let narrow = matches!(arch, Architecture::Phi3 | Architecture::Starcoder2);
    let said = if narrow { u64::from(metadata.number(&key, 1, u32::MAX)?) } else { metadata.wide_number(&key)? };
    if said == 0 {
        return Err(Fault::Broken(format!("its {} is 0", quote(&key))));
    }
    let context = u32::try_from(said)
        .ok()
        .filter(|_| said <= MOST_CONTEXT)
        .ok_or_else(|| Fault::Broken(format!("its {} is {said}, more than any model was made for", quote(&key))))?;
    let original = metadata
        .optional_number(&format!("{}.rope.scaling.original_context_length", arch.name()), 0, u32::MAX)?
        .filter(|original| *original > 0);
    Ok(original.map_or(context, |original| original.min(context)))
}
