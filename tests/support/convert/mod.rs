//! The starter in the other shapes that models come in, made here from its GGUF file: what is on the Hub need not be within
//! reach. Each is made once, into the target folder.
//!
//! * [`f16_folder`]: the weights as a repository of the Hub has them, in half precision;
//! * [`mlx_folder`]: the same quantised for Apple's MLX, as `mlx_lm.convert -q` writes it;
//! * [`split_gguf`]: the file cut in three, as `llama-gguf-split` does it.
//!
//! Other quantisations of the GGUF file itself are made by [`super::quantise`].
#![allow(dead_code, reason = "each test program uses its own part")]

pub mod mlx;
mod safetensors;
mod split;
mod tokenizer;

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use candle_core::Device;
use candle_core::quantized::gguf_file::{Content, Value};
use serde_json::json;

use self::mlx::Mlx;
use self::safetensors::Weight;
use super::models;

/// The starter's weights in half precision, with all that belongs to them.
pub fn f16_folder() -> PathBuf {
    made("SmolLM2-135M-Instruct-F16", |folder| {
        let mut starter = Starter::open();
        let weights: Vec<Weight> = starter.matrices().iter().map(Matrix::halved).collect();
        starter.put_papers(folder, |_| {});
        safetensors::write(&folder.join("model.safetensors"), &[("format", "pt")], &weights);
    })
}

/// The starter quantised for MLX.
pub fn mlx_folder(mlx: Mlx) -> PathBuf {
    made(&format!("SmolLM2-135M-Instruct-{}", mlx.name()), |folder| {
        let mut starter = Starter::open();
        let weights: Vec<Weight> = starter.matrices().iter().flat_map(|matrix| mlx.quantised(matrix)).collect();
        starter.put_papers(folder, |config| mlx.say(config));
        safetensors::write(&folder.join("model.safetensors"), &[("format", "mlx")], &weights);
    })
}

/// The first of the starter's three parts.
pub fn split_gguf() -> PathBuf {
    let folder = made("SmolLM2-135M-Instruct-parts", |folder| {
        let mut starter = Starter::open();
        split::write(&mut starter, folder, 3);
    });
    folder.join(split::name(1, 3))
}

/// A folder of the target's, filled by `fill` unless it is there already.
fn made(name: &str, fill: impl FnOnce(&Path)) -> PathBuf {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let target = place.join(name);
    if !target.exists() {
        fs::create_dir_all(&place).expect("a folder for made models");
        let part = tempfile::Builder::new().prefix(name).suffix(".part").tempdir_in(&place).expect("a folder");
        fill(part.path());
        let part = part.keep();
        // Two programs may do this at once: each makes its own, and the first one stays.
        if fs::rename(&part, &target).is_err() {
            fs::remove_dir_all(&part).expect("the second one can be removed");
            assert!(target.exists(), "the new folder can be put in place");
        }
    }
    target
}

/// A tensor by its name on the Hub, whole; its last dimension runs fastest.
pub struct Matrix {
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

impl Matrix {
    fn halved(&self) -> Weight {
        Weight::halves(self.name.clone(), self.shape.clone(), &self.values)
    }
}

/// The starter's file, opened.
pub struct Starter {
    content: Content,
    reader: BufReader<File>,
}

impl Starter {
    pub fn open() -> Self {
        let mut reader = BufReader::new(File::open(models::starter()).expect("the starter opens"));
        let content = Content::read(&mut reader).expect("the starter's header reads");
        Self { content, reader }
    }

    fn value(&self, key: &str) -> &Value {
        self.content.metadata.get(key).unwrap_or_else(|| panic!("the starter says its {key}"))
    }

    pub fn number(&self, key: &str) -> u32 {
        self.value(key).to_u32().expect("a number")
    }

    pub fn fraction(&self, key: &str) -> f32 {
        self.value(key).to_f32().expect("a fraction")
    }

    fn text(&self, key: &str) -> &str {
        self.value(key).to_string().expect("a text")
    }

    fn texts(&self, key: &str) -> Vec<String> {
        let list = self.value(key).to_vec().expect("a list");
        list.iter().map(|text| text.to_string().expect("a text").clone()).collect()
    }

    /// All weights, by their names on the Hub.
    pub fn matrices(&mut self) -> Vec<Matrix> {
        let mut names: Vec<String> = self.content.tensor_infos.keys().cloned().collect();
        names.sort();
        names.iter().map(|name| self.matrix(name)).collect()
    }

    fn matrix(&mut self, name: &str) -> Matrix {
        let tensor = self.content.tensor(&mut self.reader, name, &Device::Cpu).expect("the weights read");
        let shape = tensor.shape().dims().to_vec();
        let values = tensor.dequantize(&Device::Cpu).and_then(|t| t.flatten_all()?.to_vec1()).expect("numbers");
        let heads = match name.rsplit_once('.').map(|(stem, _)| stem.rsplit_once('.').map_or(stem, |(_, part)| part)) {
            Some("attn_q") => Some(self.number("llama.attention.head_count")),
            Some("attn_k") => Some(self.number("llama.attention.head_count_kv")),
            _ => None,
        };
        let values = match heads {
            Some(heads) => rotated_by_halves(&values, shape[1], heads as usize),
            None => values,
        };
        Matrix { name: hub_name(name), shape, values }
    }

    /// Everything of the folder but the weights; `change` has the last word on `config.json`.
    fn put_papers(&self, folder: &Path, change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) {
        let put = |name: &str, value: &serde_json::Value| {
            let text = serde_json::to_string_pretty(value).expect("it can be written as JSON");
            fs::write(folder.join(name), text).expect("the file can be written");
        };
        let mut config = self.config();
        change(config.as_object_mut().expect("an object"));
        put("config.json", &config);
        put("tokenizer.json", &tokenizer::tokenizer(self));
        put("tokenizer_config.json", &tokenizer::tokenizer_config(self));
        put("generation_config.json", &self.generation_config());
    }

    fn config(&self) -> serde_json::Value {
        let number = |key: &str| self.number(&format!("llama.{key}"));
        json!({
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_act": "silu",
            "torch_dtype": "float16",
            "hidden_size": number("embedding_length"),
            "intermediate_size": number("feed_forward_length"),
            "num_hidden_layers": number("block_count"),
            "num_attention_heads": number("attention.head_count"),
            "num_key_value_heads": number("attention.head_count_kv"),
            "max_position_embeddings": number("context_length"),
            "vocab_size": number("vocab_size"),
            "rms_norm_eps": self.fraction("llama.attention.layer_norm_rms_epsilon"),
            "rope_theta": self.fraction("llama.rope.freq_base"),
            "rope_scaling": null,
            "attention_bias": false,
            "mlp_bias": false,
            // There is no `output.weight` in the file.
            "tie_word_embeddings": true,
            "bos_token_id": self.number("tokenizer.ggml.bos_token_id"),
            "eos_token_id": self.number("tokenizer.ggml.eos_token_id"),
        })
    }

    fn generation_config(&self) -> serde_json::Value {
        json!({
            "bos_token_id": self.number("tokenizer.ggml.bos_token_id"),
            "eos_token_id": self.number("tokenizer.ggml.eos_token_id"),
            "pad_token_id": self.number("tokenizer.ggml.padding_token_id"),
        })
    }
}

/// llama.cpp rotates the numbers of a head in neighbouring pairs, everybody else the first half with the second: it stores
/// the rows of queries and keys in another order. This is the way back.
fn rotated_by_halves(values: &[f32], width: usize, heads: usize) -> Vec<f32> {
    let rows = values.len() / width;
    let head = rows / heads;
    let mut out = Vec::with_capacity(values.len());
    for row in 0..rows {
        let (of, at) = (row / head * head, row % head);
        let theirs = of + if at < head / 2 { 2 * at } else { 2 * (at - head / 2) + 1 };
        out.extend_from_slice(&values[theirs * width..(theirs + 1) * width]);
    }
    out
}

/// What the Hub calls a tensor of a GGUF file.
fn hub_name(name: &str) -> String {
    match name {
        "token_embd.weight" => return "model.embed_tokens.weight".to_owned(),
        "output_norm.weight" => return "model.norm.weight".to_owned(),
        _ => {}
    }
    let parts: Vec<&str> = name.split('.').collect();
    let ["blk", layer, part, "weight"] = parts[..] else { panic!("a tensor that Llama models do not have: {name}") };
    let part = match part {
        "attn_norm" => "input_layernorm",
        "ffn_norm" => "post_attention_layernorm",
        "attn_q" => "self_attn.q_proj",
        "attn_k" => "self_attn.k_proj",
        "attn_v" => "self_attn.v_proj",
        "attn_output" => "self_attn.o_proj",
        "ffn_gate" => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        other => panic!("a tensor that Llama models do not have: {other}"),
    };
    format!("model.layers.{layer}.{part}.weight")
}
