//! The tensors that the engine's loader of each GGUF architecture takes, and their shapes.

use std::collections::HashMap;

use super::architecture::{Architecture, MOST_WIDTH, Shape};
use super::fault::{Fault, Found, quote};
use super::gguf::Tensor;
use super::metadata::Metadata;

/// A model's tensors, each taken out as its loader would; what is left has no place.
struct Weights<'a> {
    arch: Architecture,
    left: HashMap<&'a str, &'a Tensor>,
}

impl Weights<'_> {
    fn need(&mut self, name: &str, shape: &[u64]) -> Found<()> {
        if self.may(name, shape)? {
            return Ok(());
        }
        Err(Fault::Broken(format!(
            "it lacks the tensor {}, which every model of the architecture `{}` has",
            quote(name),
            self.arch.name()
        )))
    }

    /// A weight that the loader takes only when it is quantised: it panics otherwise.
    fn need_quantised(&mut self, name: &str, shape: &[u64]) -> Found<()> {
        let plain = self.left.get(name).is_some_and(|tensor| tensor.kind.block == 1);
        self.need(name, shape)?;
        if plain {
            return Err(Fault::unsupported(
                format!("the engine takes GGUF files of the architecture `{}` only when quantised", self.arch.name()),
                "take the Q8_0 or Q4_K_M file of the same model",
            ));
        }
        Ok(())
    }

    fn may(&mut self, name: &str, shape: &[u64]) -> Found<bool> {
        let Some(tensor) = self.left.remove(name) else { return Ok(false) };
        if tensor.dimensions == shape {
            return Ok(true);
        }
        Err(Fault::Broken(format!(
            "tensor {} has the shape {:?}, and {shape:?} belongs there",
            quote(name),
            tensor.dimensions
        )))
    }

    /// The second dimension of a tensor, which sets a size that no key has to tell.
    fn rows(&self, name: &str) -> Found<u64> {
        match self.left.get(name).map(|tensor| tensor.dimensions.as_slice()) {
            Some([_, rows, ..]) => Ok(*rows),
            Some(other) => Err(Fault::Broken(format!("tensor {} has the shape {other:?}", quote(name)))),
            None => Err(Fault::Broken(format!("it lacks the tensor {}", quote(name)))),
        }
    }
}

/// Checks that all weights are there, in the right shapes, and no others. Gives the size of the vocabulary.
pub(super) fn check(arch: Architecture, shape: Shape, metadata: &Metadata, tensors: &[Tensor]) -> Found<u64> {
    let left = tensors.iter().map(|tensor| (&*tensor.name, tensor)).collect();
    let mut weights = Weights { arch, left };
    let width = u64::from(shape.width);
    let vocabulary = weights.rows("token_embd.weight")?;
    weights.need("token_embd.weight", &[width, vocabulary])?;
    weights.need("output_norm.weight", &[width])?;
    if !weights.may("output.weight", &[width, vocabulary])? && !arch.may_share_output() {
        weights.need("output.weight", &[width, vocabulary])?;
    }
    if matches!(arch, Architecture::Phi2 | Architecture::Starcoder2) {
        weights.need("output_norm.bias", &[width])?;
    }
    if arch == Architecture::Phi2 {
        weights.need("output.bias", &[vocabulary])?;
    }
    let inner = match arch {
        Architecture::Phi3 => Some(metadata.number("phi3.feed_forward_length", 1, MOST_WIDTH)?),
        _ => None,
    };
    let sizes = Sizes { experts: experts(arch, metadata)?, inner: inner.map(u64::from) };
    for layer in 0..shape.layers {
        check_layer(&mut weights, layer, shape, sizes)?;
    }
    for name in weights.left.keys() {
        check_leftover(name, shape.layers)?;
    }
    Ok(vocabulary)
}

/// Sizes of the feed-forward part, where the loader goes by the header instead of by the tensors.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    /// How many, and how wide each is.
    experts: Option<(u64, u64)>,
    /// Of one half of a tensor that holds two.
    inner: Option<u64>,
}

/// How many experts share each layer's work, and how wide each is.
pub(super) fn experts(arch: Architecture, metadata: &Metadata) -> Found<Option<(u64, u64)>> {
    let key = |name: &str| format!("{}.{name}", arch.name());
    if arch == Architecture::Qwen3Moe {
        // The engine has this computation for NVIDIA alone, and panics elsewhere.
        if !cfg!(feature = "cuda") {
            return Err(Fault::unsupported(
                "GGUF files with experts run only on NVIDIA GPUs",
                "take the safetensors of this model, or a model without experts",
            ));
        }
        let count = metadata.number(&key("expert_count"), 1, 4_096)?;
        metadata.number(&key("expert_used_count"), 1, count)?;
        let width = metadata.number(&key("expert_feed_forward_length"), 1, MOST_WIDTH)?;
        return Ok(Some((u64::from(count), u64::from(width))));
    }
    match metadata.optional_number(&key("expert_count"), 0, u32::MAX)? {
        Some(count) if count > 1 => Err(Fault::unsupported(
            format!("GGUF files of the architecture `{}` with {count} experts have no loader", arch.name()),
            "take the safetensors of this model, or a model without experts",
        )),
        _ => Ok(None),
    }
}

fn check_layer(weights: &mut Weights, layer: u32, shape: Shape, sizes: Sizes) -> Found<()> {
    use Architecture::{Llama, Mistral3, Phi2, Phi3, Qwen2, Qwen3, Qwen3Moe, Starcoder2};
    let name = |end: &str| format!("blk.{layer}.{end}");
    let width = u64::from(shape.width);
    let head = u64::from(shape.head_size);
    let (query, key) = (u64::from(shape.heads) * head, u64::from(shape.kv_heads) * head);
    let arch = weights.arch;

    weights.need(&name("attn_norm.weight"), &[width])?;
    match arch {
        Llama | Mistral3 | Qwen2 | Qwen3 | Qwen3Moe => {
            weights.need(&name("attn_q.weight"), &[width, query])?;
            weights.need(&name("attn_k.weight"), &[width, key])?;
            weights.need(&name("attn_v.weight"), &[width, key])?;
            weights.need(&name("attn_output.weight"), &[query, width])?;
            weights.need(&name("ffn_norm.weight"), &[width])?;
        }
        Starcoder2 => {
            for (part, size) in [("attn_q", query), ("attn_k", key), ("attn_v", key)] {
                weights.need_quantised(&name(&format!("{part}.weight")), &[width, size])?;
                weights.need(&name(&format!("{part}.bias")), &[size])?;
            }
            weights.need_quantised(&name("attn_output.weight"), &[query, width])?;
            weights.need(&name("attn_output.bias"), &[width])?;
            weights.need(&name("attn_norm.bias"), &[width])?;
            weights.need(&name("ffn_norm.weight"), &[width])?;
            weights.need(&name("ffn_norm.bias"), &[width])?;
        }
        Phi2 | Phi3 => {
            weights.need_quantised(&name("attn_qkv.weight"), &[width, query + 2 * key])?;
            weights.need_quantised(&name("attn_output.weight"), &[query, width])?;
        }
    }
    match arch {
        Qwen2 => {
            weights.need(&name("attn_q.bias"), &[query])?;
            weights.need(&name("attn_k.bias"), &[key])?;
            weights.need(&name("attn_v.bias"), &[key])?;
        }
        Qwen3 | Qwen3Moe => {
            weights.need(&name("attn_q_norm.weight"), &[head])?;
            weights.need(&name("attn_k_norm.weight"), &[head])?;
        }
        Phi2 => {
            weights.need(&name("attn_norm.bias"), &[width])?;
            weights.need(&name("attn_qkv.bias"), &[query + 2 * key])?;
            weights.need(&name("attn_output.bias"), &[width])?;
        }
        Phi3 => weights.need(&name("ffn_norm.weight"), &[width])?,
        Llama | Mistral3 | Starcoder2 => {}
    }
    check_feed_forward(weights, &name, width, sizes)
}

fn check_feed_forward(weights: &mut Weights, name: &dyn Fn(&str) -> String, width: u64, sizes: Sizes) -> Found<()> {
    use Architecture::{Phi2, Phi3, Starcoder2};
    if let Some((count, inner)) = sizes.experts {
        weights.need(&name("ffn_gate_inp.weight"), &[width, count])?;
        weights.need_quantised(&name("ffn_gate_exps.weight"), &[width, inner, count])?;
        weights.need_quantised(&name("ffn_up_exps.weight"), &[width, inner, count])?;
        return weights.need_quantised(&name("ffn_down_exps.weight"), &[inner, width, count]);
    }
    let up = weights.rows(&name("ffn_up.weight"))?;
    match weights.arch {
        Phi2 | Starcoder2 => {
            weights.need_quantised(&name("ffn_up.weight"), &[width, up])?;
            weights.need(&name("ffn_up.bias"), &[up])?;
            weights.need_quantised(&name("ffn_down.weight"), &[up, width])?;
            weights.need(&name("ffn_down.bias"), &[width])
        }
        // Both halves, the gate's and the value's, are in one.
        Phi3 => {
            let up = 2 * sizes.inner.unwrap_or_default();
            weights.need_quantised(&name("ffn_up.weight"), &[width, up])?;
            weights.need_quantised(&name("ffn_down.weight"), &[up / 2, width])
        }
        _ => {
            weights.need(&name("ffn_gate.weight"), &[width, up])?;
            weights.need(&name("ffn_up.weight"), &[width, up])?;
            weights.need(&name("ffn_down.weight"), &[up, width])
        }
    }
}

/// A tensor that no loader took is a part of the model that would be missing from its answers.
fn check_leftover(name: &str, layers: u32) -> Found<()> {
    // Tables that can be computed, or only stretch the context.
    const HARMLESS: &[&str] = &["rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"];
    let layer = name.strip_prefix("blk.").and_then(|rest| rest.split_once('.'));
    let end = layer.map_or(name, |(_, end)| end);
    if HARMLESS.contains(&end) || end == "attn_rot_embd" || end == "attn_rot_embd.weight" {
        return Ok(());
    }
    if let Some(layer) = layer.and_then(|(number, _)| number.parse::<u32>().ok())
        && layer >= layers
    {
        return Err(Fault::Broken(format!("it has tensors of layer {layer}, and its header counts {layers} layers")));
    }
    Err(Fault::unsupported(
        format!("it has the tensor {}, which the engine would leave out and then write nonsense", quote(name)),
        "choose another model, or the safetensors of this one",
    ))
}
