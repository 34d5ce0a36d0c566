//! What weights come to once the engine has read them.

use super::architecture::Architecture;
use super::config::Config;
use super::fault::Found;
use super::gguf::Tensor;
use super::metadata::Metadata;
use super::safetensors::Sums;
use crate::domain::fit::takes_full_precision;

/// In bytes, see `ModelFacts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Footprint {
    pub held: u64,
    pub unpacking: u64,
    pub per_token: u64,
    pub feed_forward: u32,
    pub has_experts: bool,
}

const EMBEDDING: &str = "token_embd.weight";
const OUTPUT: &str = "output.weight";

/// The engine keeps quantised matrices as they are. It unpacks the embedding and everything that is not quantised to 32
/// bits each; an output that shares the embedding's matrix is there again.
pub(super) fn of_gguf(arch: Architecture, metadata: &Metadata, tensors: &[Tensor]) -> Found<Footprint> {
    let is_plain = |tensor: &Tensor| tensor.kind.block == 1;
    let unpacked = |tensor: &Tensor| tensor.elements.saturating_mul(4);
    let matrix = |tensor: &Tensor| if is_plain(tensor) { unpacked(tensor) } else { tensor.bytes };
    let named = |name: &str| tensors.iter().find(|tensor| &*tensor.name == name);
    let (embedding, output) = (named(EMBEDDING), named(OUTPUT).or_else(|| named(EMBEDDING)));
    let count = |name: &str| metadata.optional_number(&format!("{}.{name}", arch.name()), 0, u32::MAX);
    let (experts, used) = (count("expert_count")?.unwrap_or(0), count("expert_used_count")?.unwrap_or(0));
    let has_experts = experts > 1 && used > 0;

    let (mut held, mut per_token) = (embedding.map_or(0, unpacked), output.map_or(0, matrix));
    held = held.saturating_add(per_token);
    for tensor in tensors.iter().filter(|tensor| ![EMBEDDING, OUTPUT].contains(&&*tensor.name)) {
        let bytes = matrix(tensor);
        held = held.saturating_add(bytes);
        // One expert behind the other.
        let takes_turns = has_experts && tensor.dimensions.len() == 3;
        let read = if takes_turns { bytes / u64::from(experts) * u64::from(used) } else { bytes };
        per_token = per_token.saturating_add(read);
    }
    let inner = |name: &str| named(name).and_then(|tensor| u32::try_from(*tensor.dimensions.first()?).ok());
    let of_experts = inner("blk.0.ffn_down_exps.weight").map(|width| width.saturating_mul(used));
    Ok(Footprint {
        held,
        // The output is unpacked last, when everything else is there.
        unpacking: output.filter(|tensor| is_plain(tensor)).map_or(0, |tensor| tensor.bytes),
        per_token,
        feed_forward: inner("blk.0.ffn_down.weight").or(of_experts).unwrap_or(0),
        has_experts,
    })
}

/// Plain weights are turned into what the engine computes with; quantised ones stay as they are.
pub(super) fn of_folder(config: &Config, sums: &Sums) -> Footprint {
    let bytes_each = if takes_full_precision(config.architecture) { 4 } else { 2 };
    let held = sums.types.iter().map(|(dtype, elements, bytes)| match dtype.as_str() {
        "F64" | "F32" | "F16" | "BF16" => elements.saturating_mul(bytes_each),
        _ => *bytes,
    });
    let held = held.fold(0, u64::saturating_add);
    // Parts of it by their numbers: weights that were quantised by others are quantised all alike.
    let parameters = u128::from(config.parameters(sums).max(1));
    let bytes_of = |numbers: u64| {
        let bytes = u128::from(held) * u128::from(numbers) / parameters;
        u64::try_from(bytes).unwrap_or(held).min(held)
    };
    // Of the embedding a token needs one row, unless it is the output as well.
    let embedding = u64::from(config.vocabulary) * u64::from(config.width);
    let idle_rows = if sums.has_head { embedding } else { 0 };
    let idle_experts = config.experts.map_or(0, |experts| {
        let resting = u64::from(experts.count - experts.used);
        let one = 3 * u64::from(config.width) * u64::from(experts.width);
        u64::from(config.layers).saturating_mul(resting).saturating_mul(one)
    });
    Footprint {
        held,
        unpacking: 0,
        per_token: held.saturating_sub(bytes_of(idle_rows.saturating_add(idle_experts))),
        feed_forward: config.experts.map_or(config.feed_forward, |experts| experts.used.saturating_mul(experts.width)),
        has_experts: config.experts.is_some(),
    }
}
