//! The starter computed here, plainly and in full precision: what a model that is stored in some way, and run by an engine,
//! is held against. It also tells how clear each choice of a token was.
#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::cast_precision_loss, reason = "sizes and places in a text of a few words")]

use std::collections::HashMap;

use candle_core::{D, DType, Device, IndexOp as _, Result, Tensor};

use super::convert::Starter;

pub struct Reference {
    weights: HashMap<String, Tensor>,
    layers: u32,
    heads: usize,
    kv_heads: usize,
    epsilon: f64,
    theta: f64,
}

/// A token that was the likeliest.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    pub token: u32,
    /// Its logit above that of the next likely one.
    pub lead: f32,
}

/// Keys and values of what was read, by layer.
type Cache = Vec<(Tensor, Tensor)>;

impl Reference {
    pub fn starter() -> Self {
        let mut starter = Starter::open();
        let weights = starter.matrices().into_iter().map(|matrix| {
            let tensor = Tensor::from_vec(matrix.values, matrix.shape, &Device::Cpu).expect("a tensor");
            (matrix.name, tensor)
        });
        let weights = weights.collect();
        Self {
            weights,
            layers: starter.number("llama.block_count"),
            heads: starter.number("llama.attention.head_count") as usize,
            kv_heads: starter.number("llama.attention.head_count_kv") as usize,
            epsilon: starter.fraction("llama.attention.layer_norm_rms_epsilon").into(),
            theta: starter.fraction("llama.rope.freq_base").into(),
        }
    }

    /// The likeliest tokens after `prompt`, one after another.
    pub fn answer(&self, prompt: &[u32], count: usize) -> Vec<Choice> {
        let mut cache = Cache::new();
        let mut choices = Vec::new();
        let mut next = prompt.to_vec();
        while choices.len() < count {
            let logits = self.logits(&next, &mut cache).expect("it can be computed");
            let choice = clearest(&logits);
            choices.push(choice);
            next = vec![choice.token];
        }
        choices
    }

    fn weight(&self, name: &str) -> &Tensor {
        &self.weights[&format!("{name}.weight")]
    }

    /// What the last of these tokens makes likely, after those that the cache holds.
    fn logits(&self, tokens: &[u32], cache: &mut Cache) -> Result<Vec<f32>> {
        let embedding = self.weight("model.embed_tokens");
        let mut x = embedding.index_select(&Tensor::new(tokens, &Device::Cpu)?, 0)?;
        let read = cache.first().map_or(Ok(0), |(keys, _)| keys.dim(1))?;
        for layer in 0..self.layers {
            let name = |part: &str| format!("model.layers.{layer}.{part}");
            let inner = self.norm(&x, &name("input_layernorm"))?;
            let linear = |x: &Tensor, part: &str| x.matmul(&self.weight(&name(part)).t()?);
            let query = self.rotated(&by_heads(&linear(&inner, "self_attn.q_proj")?, self.heads)?, read)?;
            let mut keys = self.rotated(&by_heads(&linear(&inner, "self_attn.k_proj")?, self.kv_heads)?, read)?;
            let mut values = by_heads(&linear(&inner, "self_attn.v_proj")?, self.kv_heads)?;
            if let Some((before, values_before)) = cache.get(layer as usize) {
                keys = Tensor::cat(&[before, &keys], 1)?;
                values = Tensor::cat(&[values_before, &values], 1)?;
            }
            let seen = self.attention(&query, &keys, &values)?;
            match cache.get_mut(layer as usize) {
                Some(place) => *place = (keys, values),
                None => cache.push((keys, values)),
            }
            x = (x + linear(&seen, "self_attn.o_proj")?)?;
            let inner = self.norm(&x, &name("post_attention_layernorm"))?;
            let gated = (linear(&inner, "mlp.gate_proj")?.silu()? * linear(&inner, "mlp.up_proj")?)?;
            x = (x + linear(&gated, "mlp.down_proj")?)?;
        }
        let last = x.i(tokens.len() - 1..)?;
        self.norm(&last, "model.norm")?.matmul(&embedding.t()?)?.flatten_all()?.to_vec1()
    }

    fn norm(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        let mean = x.sqr()?.mean_keepdim(D::Minus1)?;
        x.broadcast_div(&(mean + self.epsilon)?.sqrt()?)?.broadcast_mul(self.weight(name))
    }

    /// Positions, the first of which is `from`: each number of a head's first half turned together with its fellow in the second.
    fn rotated(&self, x: &Tensor, from: usize) -> Result<Tensor> {
        let (_, length, size) = x.dims3()?;
        let half = size / 2;
        let mut angles = Vec::new();
        for at in from..from + length {
            angles.extend((0..half).map(|i| at as f64 / self.theta.powf(2.0 * i as f64 / size as f64)));
        }
        let angles = Tensor::from_vec(angles, (1, length, half), &Device::Cpu)?;
        let (cos, sin) = (angles.cos()?.to_dtype(DType::F32)?, angles.sin()?.to_dtype(DType::F32)?);
        let (first, second) = (x.narrow(2, 0, half)?, x.narrow(2, half, half)?);
        let turned = (first.broadcast_mul(&cos)? - second.broadcast_mul(&sin)?)?;
        let fellow = (second.broadcast_mul(&cos)? + first.broadcast_mul(&sin)?)?;
        Tensor::cat(&[turned, fellow], 2)
    }

    fn attention(&self, query: &Tensor, keys: &Tensor, values: &Tensor) -> Result<Tensor> {
        let (heads, length, size) = query.dims3()?;
        let known = keys.dim(1)?;
        let shared = |x: &Tensor| {
            let each = heads / self.kv_heads;
            x.unsqueeze(1)?.broadcast_as((self.kv_heads, each, known, size))?.reshape((heads, known, size))
        };
        let scores = (query.contiguous()?.matmul(&shared(keys)?.t()?.contiguous()?)? / (size as f64).sqrt())?;
        let unseen = (0..length).flat_map(|row| {
            let last = known - length + row;
            (0..known).map(move |at| if at > last { f32::NEG_INFINITY } else { 0.0 })
        });
        let unseen = Tensor::from_vec(unseen.collect(), (1, length, known), &Device::Cpu)?;
        let scores = scores.broadcast_add(&unseen)?;
        let scores = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?)?.exp()?;
        let weights = scores.broadcast_div(&scores.sum_keepdim(D::Minus1)?)?;
        weights.matmul(&shared(values)?.contiguous()?)?.transpose(0, 1)?.reshape((length, heads * size))
    }
}

fn by_heads(x: &Tensor, heads: usize) -> Result<Tensor> {
    let (length, width) = x.dims2()?;
    x.reshape((length, heads, width / heads))?.transpose(0, 1)?.contiguous()
}

fn clearest(logits: &[f32]) -> Choice {
    let (mut best, mut next) = ((0, f32::NEG_INFINITY), f32::NEG_INFINITY);
    for (token, logit) in (0..).zip(logits) {
        if *logit > best.1 {
            next = best.1;
            best = (token, *logit);
        } else {
            next = next.max(*logit);
        }
    }
    Choice { token: best.0, lead: best.1 - next }
}
