//! As folders of safetensors.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::kinds::{Kind, kind};
use super::random;
use super::words::{tokenizer, tokenizer_config};

/// `config.json` of a Llama model.
pub fn config() -> Value {
    kind("LlamaForCausalLM").config
}

/// A safetensors file with these weights.
pub fn safetensors(weights: &[(String, Vec<u64>)]) -> Vec<u8> {
    let mut data: Vec<u8> = Vec::new();
    let mut header = serde_json::Map::new();
    for (name, shape) in weights {
        let (start, elements) = (data.len(), shape.iter().product());
        let columns = shape.last().copied().unwrap_or(1);
        let dtype = if is_packed(name) { "U8" } else { "F32" };
        for number in random::plain(name, columns, elements) {
            match dtype {
                "U8" => data.push(number.to_le_bytes()[0]),
                _ => data.extend(number.to_le_bytes()),
            }
        }
        header.insert(name.clone(), json!({"dtype": dtype, "shape": shape, "data_offsets": [start, data.len()]}));
    }
    let header = Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

/// The 4-bit weights of GPT-OSS, two in a byte, and what scales them.
fn is_packed(name: &str) -> bool {
    name.ends_with("_blocks") || name.ends_with("_scales")
}

/// A whole folder of a Llama model, with its weights in `shards` files.
pub fn folder(dir: &Path, shards: usize) {
    kind("LlamaForCausalLM").write_in(dir, shards);
}

impl Kind {
    /// Writes a whole model folder.
    pub fn write(&self, dir: &Path) {
        self.write_in(dir, 1);
    }

    fn write_in(&self, dir: &Path, shards: usize) {
        fs::create_dir_all(dir).expect("the folder can be made");
        let put = |name: &str, bytes: &[u8]| fs::write(dir.join(name), bytes).expect("the file can be written");
        put("config.json", self.config.to_string().as_bytes());
        put("tokenizer.json", tokenizer().to_string().as_bytes());
        put("tokenizer_config.json", tokenizer_config().to_string().as_bytes());
        if shards == 1 {
            put("model.safetensors", &safetensors(&self.weights));
            return;
        }
        let mut map = serde_json::Map::new();
        for (index, weights) in self.weights.chunks(self.weights.len().div_ceil(shards)).enumerate() {
            let name = format!("model-{:05}-of-{shards:05}.safetensors", index + 1);
            put(&name, &safetensors(weights));
            map.extend(weights.iter().map(|(weight, _)| (weight.clone(), json!(name))));
        }
        put("model.safetensors.index.json", json!({"metadata": {}, "weight_map": map}).to_string().as_bytes());
    }
}
