//! As GGUF files.

use std::path::Path;

use super::super::gguf_edit::{Gguf, Tensor};
use super::words::{set_words, words};
use super::{CHOSEN, CONTEXT, EXPERT, EXPERTS, HEAD, HEADS, INNER, KEYS, LAYERS, WIDTH, random};

/// The architectures that the engine runs from GGUF everywhere. It runs `qwen3moe` too, where there is an NVIDIA GPU.
pub const ARCHITECTURES: [&str; 7] = ["llama", "mistral3", "phi2", "phi3", "starcoder2", "qwen2", "qwen3"];

const PLAIN: u32 = 0;
const Q8_0: u32 = 8;

/// A GGUF model of `arch`; [`write_random`] gives it weights, else they are zeros.
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
    if arch == "qwen3moe" {
        for (name, size) in
            [("expert_count", EXPERTS), ("expert_used_count", CHOSEN), ("expert_feed_forward_length", EXPERT)]
        {
            gguf.set_u32(&key(name), u32::try_from(size).expect("small"));
        }
    }
    set_words(&mut gguf);
    add_weights(&mut gguf, arch, words().len() as u64);
    gguf
}

fn add_weights(gguf: &mut Gguf, arch: &str, vocabulary: u64) {
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
        "qwen3moe" => vec![
            ("attn_q", WIDTH, query),
            ("attn_k", WIDTH, KEYS),
            ("attn_v", WIDTH, KEYS),
            ("attn_output", query, WIDTH),
            ("ffn_gate_inp", WIDTH, EXPERTS),
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
        if arch == "qwen3moe" {
            add(&name("ffn_gate_exps.weight"), &[WIDTH, EXPERT, EXPERTS]);
            add(&name("ffn_up_exps.weight"), &[WIDTH, EXPERT, EXPERTS]);
            add(&name("ffn_down_exps.weight"), &[EXPERT, WIDTH, EXPERTS]);
        } else if !matches!(arch, "phi2" | "phi3" | "starcoder2") {
            add(&name("ffn_gate.weight"), &[WIDTH, INNER]);
        }
        if matches!(arch, "qwen3" | "qwen3moe") {
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

/// Writes the model with weights that are not zeros, the same ones each time. For its plain and 8-bit tensors only.
pub fn write_random(gguf: &Gguf, path: &Path) {
    let (mut bytes, _) = gguf.header();
    let start = bytes.len();
    for tensor in &gguf.tensors {
        bytes.resize(start + usize::try_from(tensor.offset).expect("small"), 0);
        let (columns, elements) = (tensor.dimensions[0], tensor.dimensions.iter().product());
        match tensor.kind {
            PLAIN => {
                random::plain(&tensor.name, columns, elements).for_each(|number| bytes.extend(number.to_le_bytes()));
            }
            Q8_0 => random::eighths(&tensor.name, columns, elements, &mut bytes),
            other => panic!("no random weights of type {other}"),
        }
    }
    bytes.resize(start + usize::try_from(gguf.data_len).expect("small"), 0);
    std::fs::write(path, bytes).expect("the file can be written");
}
