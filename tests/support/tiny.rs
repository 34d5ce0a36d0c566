//! Models of a few kilobytes, sound in every respect but what they say: one for each way that a model can be stored.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::gguf_edit::{F32, Gguf, I32, TEXT, Tensor, text};

pub const WIDTH: u64 = 64;
const LAYERS: u32 = 2;
const HEADS: u64 = 4;
const HEAD: u64 = 16;
const KEYS: u64 = 2 * HEAD;
const INNER: u64 = 96;
const CONTEXT: u32 = 512;
const SPECIAL: [&str; 3] = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
pub const TEMPLATE: &str = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}\
                            <|im_start|>assistant\n";

/// The architectures that the engine runs from GGUF everywhere.
pub const ARCHITECTURES: [&str; 7] = ["llama", "mistral3", "phi2", "phi3", "starcoder2", "qwen2", "qwen3"];

/// Bytes as the byte-level tokenizers spell them.
fn byte_words() -> Vec<String> {
    let mut next = 0x100;
    (0..=255u8)
        .map(|byte| match byte {
            b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => char::from(byte).to_string(),
            _ => {
                next += 1;
                char::from_u32(next - 1).expect("a letter").to_string()
            }
        })
        .collect()
}

/// The special words, all bytes, and the few that merges make.
fn words() -> Vec<String> {
    let made = ["he", "ll", "hell", "hello"];
    SPECIAL.iter().map(|word| (*word).to_owned()).chain(byte_words()).chain(made.map(str::to_owned)).collect()
}

const MERGES: [&str; 4] = ["h e", "l l", "he ll", "hell o"];

/// A GGUF model of `arch`; its weights are zeros.
pub fn gguf(arch: &str) -> Gguf {
    let mut gguf = Gguf {
        version: 3,
        claimed_tensors: None,
        claimed_entries: None,
        entries: Vec::new(),
        tensors: Vec::new(),
        data_len: 0,
    };
    let key = |name: &str| format!("{arch}.{name}");
    gguf.set_text("general.architecture", arch);
    gguf.set_u32(&key("block_count"), LAYERS);
    gguf.set_u32(&key("context_length"), CONTEXT);
    for (name, size) in [
        ("embedding_length", WIDTH),
        ("feed_forward_length", INNER),
        ("attention.head_count", HEADS),
        ("attention.head_count_kv", if arch == "phi2" { HEADS } else { KEYS / HEAD }),
        ("rope.dimension_count", HEAD),
    ] {
        gguf.set_u32(&key(name), u32::try_from(size).expect("small"));
    }
    let epsilon =
        if arch == "starcoder2" { "attention.layer_norm_epsilon" } else { "attention.layer_norm_rms_epsilon" };
    gguf.set_f32(&key(epsilon), 1e-5);
    set_words(&mut gguf);
    add_weights(&mut gguf, arch, words().len() as u64);
    gguf
}

fn set_words(gguf: &mut Gguf) {
    let words: Vec<Vec<u8>> = words().into_iter().map(String::into_bytes).collect();
    let types: Vec<u8> =
        (0..words.len()).flat_map(|i| if i < SPECIAL.len() { 3i32 } else { 1 }.to_le_bytes()).collect();
    gguf.set_text("tokenizer.ggml.model", "gpt2");
    gguf.set_texts("tokenizer.ggml.tokens", &words);
    gguf.set_list("tokenizer.ggml.token_type", I32, words.len() as u64, &types);
    gguf.set_texts("tokenizer.ggml.merges", &MERGES.map(|merge| merge.as_bytes().to_vec()));
    gguf.set_u32("tokenizer.ggml.bos_token_id", 1);
    gguf.set_u32("tokenizer.ggml.eos_token_id", 2);
    gguf.set_text("tokenizer.chat_template", TEMPLATE);
}

/// The words of a model with scores instead of merges.
pub fn set_scored_words(gguf: &mut Gguf) {
    let named = ["<unk>", "<s>", "</s>"].map(str::to_owned);
    let bytes = (0..=255u8).map(|byte| format!("<0x{byte:02X}>"));
    let words: Vec<String> = named.into_iter().chain(bytes).chain(["▁", "▁he", "ll", "o"].map(str::to_owned)).collect();
    let scores: Vec<u8> =
        (0..words.len()).flat_map(|i| (-1.0 - f32::from(u16::try_from(i).expect("few"))).to_le_bytes()).collect();
    let types: Vec<u8> = (0..words.len())
        .flat_map(|i| {
            match i {
                0 => 2i32,
                1 | 2 => 3,
                3..259 => 6,
                _ => 1,
            }
            .to_le_bytes()
        })
        .collect();
    let count = words.len() as u64;
    gguf.remove("tokenizer.ggml.merges");
    gguf.set_text("tokenizer.ggml.model", "llama");
    gguf.set_list(
        "tokenizer.ggml.tokens",
        TEXT,
        count,
        &words.iter().flat_map(|word| text(word.as_bytes())).collect::<Vec<_>>(),
    );
    gguf.set_list("tokenizer.ggml.scores", F32, count, &scores);
    gguf.set_list("tokenizer.ggml.token_type", I32, count, &types);
    for tensor in &mut gguf.tensors {
        if tensor.name == "token_embd.weight" || tensor.name == "output.weight" {
            tensor.dimensions[1] = count;
        }
    }
    place(gguf);
}

fn add_weights(gguf: &mut Gguf, arch: &str, vocabulary: u64) {
    const Q8_0: u32 = 8;
    const PLAIN: u32 = 0;
    let mut add = |name: &str, dimensions: &[u64]| {
        let kind = if dimensions.len() > 1 { Q8_0 } else { PLAIN };
        gguf.tensors.push(Tensor { name: name.to_owned(), dimensions: dimensions.to_vec(), kind, offset: 0 });
    };
    let query = HEADS * HEAD;
    let with_bias = matches!(arch, "phi2" | "starcoder2");
    add("token_embd.weight", &[WIDTH, vocabulary]);
    add("output_norm.weight", &[WIDTH]);
    if with_bias {
        add("output_norm.bias", &[WIDTH]);
    }
    if matches!(arch, "phi2" | "phi3" | "starcoder2") {
        add("output.weight", &[WIDTH, vocabulary]);
    }
    if arch == "phi2" {
        add("output.bias", &[vocabulary]);
    }
    let qkv = if arch == "phi2" { 3 * query } else { query + 2 * KEYS };
    let parts: Vec<(&str, u64, u64)> = match arch {
        "phi2" => vec![
            ("attn_qkv", WIDTH, qkv),
            ("attn_output", query, WIDTH),
            ("ffn_up", WIDTH, INNER),
            ("ffn_down", INNER, WIDTH),
        ],
        "phi3" => vec![
            ("attn_qkv", WIDTH, qkv),
            ("attn_output", query, WIDTH),
            ("ffn_up", WIDTH, 2 * INNER),
            ("ffn_down", INNER, WIDTH),
        ],
        _ => vec![
            ("attn_q", WIDTH, query),
            ("attn_k", WIDTH, KEYS),
            ("attn_v", WIDTH, KEYS),
            ("attn_output", query, WIDTH),
            ("ffn_up", WIDTH, INNER),
            ("ffn_down", INNER, WIDTH),
        ],
    };
    for layer in 0..LAYERS {
        let name = |end: &str| format!("blk.{layer}.{end}");
        let norms: &[&str] = if arch == "phi2" { &["attn_norm"] } else { &["attn_norm", "ffn_norm"] };
        for norm in norms {
            add(&name(&format!("{norm}.weight")), &[WIDTH]);
            if with_bias {
                add(&name(&format!("{norm}.bias")), &[WIDTH]);
            }
        }
        for (part, from, to) in &parts {
            add(&name(&format!("{part}.weight")), &[*from, *to]);
            if with_bias || (arch == "qwen2" && matches!(*part, "attn_q" | "attn_k" | "attn_v")) {
                add(&name(&format!("{part}.bias")), &[*to]);
            }
        }
        if !matches!(arch, "phi2" | "phi3" | "starcoder2") {
            add(&name("ffn_gate.weight"), &[WIDTH, INNER]);
        }
        if arch == "qwen3" {
            add(&name("attn_q_norm.weight"), &[HEAD]);
            add(&name("attn_k_norm.weight"), &[HEAD]);
        }
    }
    place(gguf);
}

/// Lays the tensors out one after another.
pub fn place(gguf: &mut Gguf) {
    let mut offset = 0u64;
    for tensor in &mut gguf.tensors {
        tensor.offset = offset;
        let elements: u64 = tensor.dimensions.iter().product();
        let bytes = match tensor.kind {
            0 => elements * 4,
            1 | 30 => elements * 2,
            8 => elements / 32 * 34,
            other => panic!("no size for type {other}"),
        };
        offset = (offset + bytes).next_multiple_of(32);
    }
    gguf.data_len = offset;
}

/// `config.json` of a Llama model.
pub fn config() -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "torch_dtype": "float32",
        "hidden_size": WIDTH, "intermediate_size": INNER, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "num_key_value_heads": KEYS / HEAD, "vocab_size": words().len(), "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "rope_scaling": null, "tie_word_embeddings": true,
        "bos_token_id": 1, "eos_token_id": 2,
    })
}

/// `tokenizer.json` with the same words as the GGUF models have.
pub fn tokenizer() -> Value {
    let vocabulary: serde_json::Map<String, Value> =
        words().into_iter().enumerate().map(|(id, word)| (word, json!(id))).collect();
    let added: Vec<Value> = SPECIAL
        .iter()
        .enumerate()
        .map(|(id, word)| {
            json!({"id": id, "content": word, "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": true})
        })
        .collect();
    let level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": level, "post_processor": null, "decoder": level,
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                  "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
                  "vocab": vocabulary, "merges": MERGES},
    })
}

pub fn tokenizer_config() -> Value {
    json!({"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "chat_template": TEMPLATE, "model_max_length": 512})
}

/// Names and shapes of the weights of the Llama model.
fn named_weights() -> Vec<(String, Vec<u64>)> {
    let mut all = vec![
        ("model.embed_tokens.weight".to_owned(), vec![words().len() as u64, WIDTH]),
        ("model.norm.weight".to_owned(), vec![WIDTH]),
    ];
    for layer in 0..LAYERS {
        for (name, shape) in [
            ("input_layernorm", vec![WIDTH]),
            ("post_attention_layernorm", vec![WIDTH]),
            ("self_attn.q_proj", vec![HEADS * HEAD, WIDTH]),
            ("self_attn.k_proj", vec![KEYS, WIDTH]),
            ("self_attn.v_proj", vec![KEYS, WIDTH]),
            ("self_attn.o_proj", vec![WIDTH, HEADS * HEAD]),
            ("mlp.gate_proj", vec![INNER, WIDTH]),
            ("mlp.up_proj", vec![INNER, WIDTH]),
            ("mlp.down_proj", vec![WIDTH, INNER]),
        ] {
            all.push((format!("model.layers.{layer}.{name}.weight"), shape));
        }
    }
    all
}

/// A safetensors file of zeros with these weights.
pub fn safetensors(weights: &[(String, Vec<u64>)]) -> Vec<u8> {
    let mut at = 0;
    let mut header = serde_json::Map::new();
    for (name, shape) in weights {
        let end = at + shape.iter().product::<u64>() * 4;
        header.insert(name.clone(), json!({"dtype": "F32", "shape": shape, "data_offsets": [at, end]}));
        at = end;
    }
    let header = Value::Object(header).to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + usize::try_from(at).expect("small"), 0);
    bytes
}

/// A whole model folder, with its weights in `shards` files.
pub fn folder(dir: &Path, shards: usize) {
    fs::create_dir_all(dir).expect("the folder can be made");
    let put = |name: &str, bytes: &[u8]| fs::write(dir.join(name), bytes).expect("the file can be written");
    put("config.json", config().to_string().as_bytes());
    put("tokenizer.json", tokenizer().to_string().as_bytes());
    put("tokenizer_config.json", tokenizer_config().to_string().as_bytes());
    let weights = named_weights();
    if shards == 1 {
        put("model.safetensors", &safetensors(&weights));
        return;
    }
    let mut map = serde_json::Map::new();
    for (index, weights) in weights.chunks(weights.len().div_ceil(shards)).enumerate() {
        let name = format!("model-{:05}-of-{shards:05}.safetensors", index + 1);
        put(&name, &safetensors(weights));
        map.extend(weights.iter().map(|(weight, _)| (weight.clone(), json!(name))));
    }
    put("model.safetensors.index.json", json!({"metadata": {}, "weight_map": map}).to_string().as_bytes());
}
