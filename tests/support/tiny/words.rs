//! What they speak: all bytes, a few words that merges make, and the marks of a chat.

use serde_json::{Value, json};

use super::super::gguf_edit::{F32, Gguf, I32, TEXT, text};
use super::gguf::place;

const SPECIAL: [&str; 3] = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
pub const TEMPLATE: &str = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}\
                            <|im_start|>assistant\n";

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
pub(super) fn words() -> Vec<String> {
    let made = ["he", "ll", "hell", "hello"];
    SPECIAL.iter().map(|word| (*word).to_owned()).chain(byte_words()).chain(made.map(str::to_owned)).collect()
}

/// Whether the models with random weights ever say the word `id`: only what stands for itself on a page, so that an answer is as
/// long as it has tokens.
pub(super) fn is_spoken(id: u64) -> bool {
    let first = SPECIAL.len() as u64;
    (first + u64::from(b'!')..=first + u64::from(b'~')).contains(&id)
}

const MERGES: [&str; 4] = ["h e", "l l", "he ll", "hell o"];

pub(super) fn set_words(gguf: &mut Gguf) {
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
