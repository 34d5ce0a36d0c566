//! The starter's tokenizer as the files of a folder.

use serde_json::{Map, Value, json};

use super::Starter;

/// The type of a token of the vocabulary that stands for itself alone.
const CONTROL: i32 = 3;

/// `tokenizer.json`: the vocabulary and merges of the GGUF file, between the steps that this family takes (it calls them
/// `smollm`): digits one by one, then words of bytes.
pub(super) fn tokenizer(starter: &Starter) -> Value {
    assert_eq!(starter.text("tokenizer.ggml.pre"), "smollm", "the steps below are of this kind");
    let words = starter.texts("tokenizer.ggml.tokens");
    let special: Vec<Value> = control_tokens(starter)
        .map(|id| {
            json!({"id": id, "content": words[id], "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": true})
        })
        .collect();
    let vocabulary: Map<String, Value> = words.into_iter().enumerate().map(|(id, word)| (word, json!(id))).collect();
    let bytes = |add_prefix_space: bool| json!({"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": true, "use_regex": true});
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": special, "normalizer": null,
        "pre_tokenizer": {"type": "Sequence",
                          "pretokenizers": [{"type": "Digits", "individual_digits": true}, bytes(false)]},
        "post_processor": null,
        "decoder": bytes(true),
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                  "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
                  "vocab": vocabulary, "merges": starter.texts("tokenizer.ggml.merges")},
    })
}

pub(super) fn tokenizer_config(starter: &Starter) -> Value {
    let words = starter.texts("tokenizer.ggml.tokens");
    let named = |key: &str| &words[starter.number(&format!("tokenizer.ggml.{key}_token_id")) as usize];
    let added: Map<String, Value> = control_tokens(starter)
        .map(|id| {
            let said = json!({"content": words[id], "lstrip": false, "normalized": false, "rstrip": false,
                              "single_word": false, "special": true});
            (id.to_string(), said)
        })
        .collect();
    json!({
        "tokenizer_class": "GPT2Tokenizer", "add_prefix_space": false, "clean_up_tokenization_spaces": false,
        "added_tokens_decoder": added, "bos_token": named("bos"), "eos_token": named("eos"),
        "unk_token": named("unknown"), "pad_token": named("padding"),
        "model_max_length": starter.number("llama.context_length"),
        "chat_template": starter.text("tokenizer.chat_template"),
    })
}

fn control_tokens(starter: &Starter) -> impl Iterator<Item = usize> {
    let types = starter.value("tokenizer.ggml.token_type").to_vec().expect("a list").clone();
    types.into_iter().enumerate().filter(|(_, kind)| kind.to_i32().expect("a number") == CONTROL).map(|(id, _)| id)
}
