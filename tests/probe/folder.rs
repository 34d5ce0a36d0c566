//! Hugging Face folders.

use std::fs;
use std::path::{Path, PathBuf};

use hobnob::domain::model::{Format, ModelFacts};
use hobnob::engine::probe::{foretell, probe};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::measure::{measured, refusal, workplace};
use crate::support::tiny;

/// A copy of the tiny folder with one file changed.
fn folder_with(dir: &Path, file: &str, content: &[u8]) -> PathBuf {
    let folder = dir.join("folder");
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("removed");
    }
    tiny::folder(&folder, 1);
    fs::write(folder.join(file), content).expect("written");
    folder
}

fn changed(mut value: Value, key: &str, to: Value) -> Vec<u8> {
    value[key] = to;
    value.to_string().into_bytes()
}

fn without(mut value: Value, key: &str) -> Vec<u8> {
    value.as_object_mut().expect("an object").shift_remove(key).expect("it was there");
    value.to_string().into_bytes()
}

#[test]
fn a_folder_tells_all_about_itself() {
    let dir = workplace();
    for shards in [1, 3] {
        let folder = dir.path().join(shards.to_string());
        tiny::folder(&folder, shards);
        fs::write(
            folder.join("generation_config.json"),
            r#"{"temperature": 0.6, "top_k": 20, "eos_token_id": [0, 2]}"#,
        )
        .expect("written");
        let facts = measured(&folder).unwrap_or_else(|error| panic!("{shards}: {error}"));
        assert_eq!(
            (facts.format, facts.architecture.as_str(), facts.quant.as_str()),
            (Format::Safetensors, "llama", "F32")
        );
        assert_eq!((facts.layers, facts.kv_heads, facts.head_size), (2, 2, 16));
        assert_eq!((facts.context, facts.vocabulary), (512, 263));
        assert_eq!(facts.bytes, facts.parameters * 4);
        assert_eq!((facts.recommended.temperature, facts.recommended.top_k), (Some(0.6), Some(20)));
        assert!(facts.has_chat_template && !facts.can_think);
    }
}

/// One thing in the configuration of a kind, and words of the reason why its loader can't have it.
#[test]
fn what_a_loader_would_trip_over_is_refused() {
    let dir = workplace();
    let linear = json!({"type": "linear", "factor": 4.0});
    let yarn = json!({"rope_type": "yarn", "factor": 4.0});
    let half = json!({"rope_type": "llama3", "factor": 4.0});
    let cases: Vec<(&str, &str, Value, &str)> = vec![
        ("LlamaForCausalLM", "attention_bias", json!(true), "attention_bias"),
        ("LlamaForCausalLM", "mlp_bias", json!(true), "mlp_bias"),
        ("LlamaForCausalLM", "head_dim", json!(32), "32 numbers"),
        ("LlamaForCausalLM", "hidden_act", json!("xielu"), "xielu"),
        ("LlamaForCausalLM", "rms_norm_eps", Value::Null, "rms_norm_eps"),
        ("LlamaForCausalLM", "rope_scaling", linear.clone(), "positions"),
        ("LlamaForCausalLM", "rope_scaling", yarn.clone(), "positions"),
        ("SmolLM3ForCausalLM", "rope_scaling", half, "positions"),
        ("Phi3ForCausalLM", "rope_scaling", linear, "positions"),
        ("DeepseekV2ForCausalLM with stacked experts", "rope_scaling", yarn, "positions"),
        ("DeepseekV2ForCausalLM with stacked experts", "scoring_func", json!("sigmoid"), "experts"),
        ("DeepseekV3ForCausalLM with stacked experts", "topk_method", json!("best"), "experts"),
        ("Qwen3ForCausalLM", "max_window_layers", Value::Null, "max_window_layers"),
        ("PhiMoEForCausalLM", "tie_word_embeddings", json!(true), "embedding"),
        ("GemmaForCausalLM", "hidden_act", json!("gelu"), "takes one"),
        ("GemmaForCausalLM", "hidden_activation", Value::Null, "hidden_activation"),
        ("Gemma2ForCausalLM", "sliding_window", Value::Null, "sliding_window"),
        ("Qwen3NextForCausalLM", "mlp_only_layers", json!([0]), "no experts"),
        // Its output is its own where nothing is said.
        ("Starcoder2ForCausalLM", "use_bias", Value::Null, "use_bias"),
        ("SmolLM3ForCausalLM", "tie_word_embeddings", json!(false), "lm_head"),
    ];
    for (name, key, value, reason) in cases {
        let mut kind = tiny::kind(name);
        kind.config[key] = value;
        let folder = dir.path().join("kind");
        kind.write(&folder);
        let error = refusal(&format!("{name} with {key}"), &folder);
        assert!(error.message.contains(reason), "{name} with {key}: {error}");
        assert!(error.hint.is_some(), "{name} with {key}: {error}");
    }
}

/// Keys and values by the token, as the engine keeps them: all layers' and heads', or less.
#[test]
fn the_cache_is_told_as_the_engine_keeps_it() {
    let dir = workplace();
    let facts = |name: &str, key: &str, value: Value| {
        let mut kind = tiny::kind(name);
        kind.config[key] = value;
        let folder = dir.path().join("kind");
        kind.write(&folder);
        measured(&folder).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    // Layers, heads, numbers of a head, and what is kept of 256 tokens.
    let cases = [
        ("LlamaForCausalLM", "rope_scaling", Value::Null, (2, 2, 16, 512)),
        ("MistralForCausalLM", "sliding_window", Value::Null, (2, 2, 16, 512)),
        ("MistralForCausalLM", "sliding_window", json!(64), (2, 2, 16, 128)),
        ("Qwen3ForCausalLM", "sliding_window", json!(64), (2, 2, 16, 512)),
        ("PhiMoEForCausalLM", "sliding_window", json!(10_000), (2, 2, 16, 512)),
        ("Gemma3ForCausalLM", "sliding_window", json!(32), (2, 2, 16, 256 + 32)),
        // Without experts, which it says with a zero.
        ("GraniteMoeHybridForCausalLM", "num_local_experts", json!(0), (2, 2, 16, 256)),
        ("GraniteMoeHybridForCausalLM", "layer_types", json!(["mamba", "attention"]), (2, 2, 16, 256)),
    ];
    for (name, key, value, expected) in cases {
        let facts = facts(name, key, value);
        let kept = (facts.layers, facts.kv_heads, facts.head_size, facts.cached_tokens(256));
        assert_eq!(kept, expected, "{name}");
    }
    // All of its heads, each with keys of 32 numbers and values of as many.
    let latent = facts("DeepseekV2ForCausalLM with stacked experts", "n_group", json!(1));
    assert_eq!((latent.kv_heads, latent.head_size), (4, 32));
    // Every layer forgets what is outside of the window, and half of them were trained to know it.
    assert_eq!(facts("Gemma2ForCausalLM", "sliding_window", json!(64)).context, 64);
    // The copy of its cache needs room for one step more.
    assert_eq!(facts("GraniteMoeHybridForCausalLM", "max_position_embeddings", json!(4096)).context, 3584);
}

#[test]
fn layers_may_differ_where_the_engine_takes_that() {
    let dir = workplace();
    let config = |sizes: Value| {
        json!({
            "architectures": ["Gemma3nForConditionalGeneration"],
            "text_config": {
                "num_hidden_layers": 3, "hidden_size": 64, "intermediate_size": sizes, "num_attention_heads": 4,
                "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 263, "max_position_embeddings": 512,
            },
        })
        .to_string()
        .into_bytes()
    };
    for sizes in [json!(96), json!([96, 96, 96]), json!([64, 96, 32])] {
        let folder = folder_with(dir.path(), "config.json", &config(sizes.clone()));
        let facts = measured(&folder).unwrap_or_else(|error| panic!("{sizes}: {error}"));
        assert_eq!((facts.architecture.as_str(), facts.feed_forward), ("gemma3n", 96), "{sizes}");
    }
    let folder = folder_with(dir.path(), "config.json", &config(json!([96, "wide"])));
    assert!(refusal("a size that is none", &folder).message.contains("intermediate_size"));
}

#[test]
fn broken_folders_are_refused_by_the_file_at_fault() {
    let dir = workplace();
    let (config, words, talk) = (tiny::config, tiny::tokenizer, tiny::tokenizer_config);
    let nested = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let deep = format!("{{\"a\":{}", "{\"a\":".repeat(30_000)).into_bytes();
    let mut no_vocabulary = words();
    no_vocabulary["model"]["vocab"] = json!([["a", 0.0]]);
    let mut huge_id = words();
    huge_id["model"]["vocab"]["hello"] = json!(4_000_000_000u32);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("config.json", b"".to_vec(), "config.json"),
        ("config.json", b"{".to_vec(), "config.json"),
        ("config.json", nested.clone(), "config.json"),
        ("config.json", deep.clone(), "config.json"),
        ("config.json", vec![b' '; 1 << 20], "config.json"),
        ("config.json", changed(config(), "architectures", json!(["BertModel"])), "BertModel"),
        ("config.json", changed(config(), "architectures", json!([])), "config.json"),
        ("config.json", changed(config(), "architectures", json!("LlamaForCausalLM")), "config.json"),
        ("config.json", without(config(), "architectures"), "architectures"),
        ("config.json", without(config(), "hidden_size"), "hidden_size"),
        ("config.json", without(config(), "rope_theta"), "rope_theta"),
        ("config.json", changed(config(), "num_hidden_layers", json!(-1)), "num_hidden_layers"),
        ("config.json", changed(config(), "num_hidden_layers", json!(u64::MAX)), "num_hidden_layers"),
        ("config.json", changed(config(), "num_attention_heads", json!(0)), "num_attention_heads"),
        ("config.json", changed(config(), "intermediate_size", json!([96, 96])), "intermediate_size"),
        ("config.json", changed(config(), "num_key_value_heads", json!(3)), "share"),
        ("config.json", changed(config(), "rope_theta", json!(0)), "rope_theta"),
        ("config.json", changed(config(), "vocab_size", json!(300)), "300 words"),
        ("config.json", changed(config(), "num_hidden_layers", json!(3)), "3 layers"),
        ("config.json", without(config(), "tie_word_embeddings"), "lm_head"),
        ("config.json", changed(config(), "quantization_config", json!("x")), "quantization_config"),
        ("config.json", changed(config(), "max_position_embeddings", json!(1e30)), "max_position_embeddings"),
        ("config.json", changed(config(), "quantization_config", json!({"quant_method": "hqq"})), "hqq"),
        (
            "config.json",
            changed(config(), "quantization_config", json!({"bits": 5, "group_size": 64})),
            "MLX in 5 bits",
        ),
        ("config.json", changed(config(), "quantization", json!({"bits": 4})), "does not say in how many bits"),
        ("config.json", changed(config(), "quantization", json!({"bits": 4, "group_size": 64})), "is not quantised"),
        ("params.json", b"{}".to_vec(), "params.json"),
        ("config_sentence_transformers.json", b"{}".to_vec(), "searching"),
        ("tokenizer.json", b"".to_vec(), "tokenizer.json"),
        ("tokenizer.json", nested.clone(), "tokenizer.json"),
        ("tokenizer.json", deep.clone(), "tokenizer.json"),
        ("tokenizer.json", format!("{{\"a\": \"{}", "x".repeat(8 << 20)).into_bytes(), "tokenizer.json"),
        ("tokenizer.json", without(words(), "added_tokens"), "added_tokens"),
        ("tokenizer.json", huge_id.to_string().into_bytes(), "out of range"),
        ("tokenizer.json", without(words(), "model"), "vocabulary"),
        ("tokenizer.json", changed(words(), "added_tokens", json!([{"id": "one"}])), "tokenizer.json"),
        ("tokenizer.json", no_vocabulary.to_string().into_bytes(), "Unigram"),
        ("tokenizer.json", words().to_string().into_bytes()[..3_000].to_vec(), "tokenizer.json"),
        ("tokenizer_config.json", b"[]".to_vec(), "tokenizer_config.json"),
        ("tokenizer_config.json", changed(talk(), "eos_token", json!("<|gone|>")), "<|gone|>"),
        ("tokenizer_config.json", changed(talk(), "eos_token", json!(5)), "tokenizer_config.json"),
        (
            "tokenizer_config.json",
            changed(talk(), "additional_special_tokens", json!([{"content": "x"}])),
            "tokenizer_config",
        ),
        ("tokenizer_config.json", without(talk(), "chat_template"), "no chat template"),
        ("tokenizer_config.json", changed(talk(), "chat_template", json!([])), "no chat template"),
        ("tokenizer_config.json", changed(talk(), "chat_template", json!([{"name": "x"}])), "tokenizer_config.json"),
        ("generation_config.json", b"{\"eos_token_id\": 9999}".to_vec(), "9999"),
        ("generation_config.json", b"{\"eos_token_id\": [0, 35]}".to_vec(), "ordinary text"),
        // Each would be looked for among all words.
        (
            "generation_config.json",
            json!({"eos_token_id": vec![0; 10_000]}).to_string().into_bytes(),
            "10000 words that begin or end",
        ),
        ("chat_template.jinja", vec![0xff, 0xfe], "chat_template.jinja"),
        ("chat_template.jinja", vec![b'x'; 4 << 20], "chat_template.jinja"),
        (
            "model.safetensors.index.json",
            b"{\"weight_map\": {\"a\": \"model-00001-of-00002.safetensors\"}}".to_vec(),
            "model-00001-of-00002.safetensors",
        ),
        ("model.safetensors.index.json", b"{\"weight_map\": {\"a\": \"../../x.safetensors\"}}".to_vec(), "../../x"),
        ("model.safetensors.index.json", b"{}".to_vec(), "index.json"),
        ("model.safetensors.index.json", nested, "index.json"),
    ];
    for (file, content, reason) in cases {
        let folder = folder_with(dir.path(), file, &content);
        let error = refusal(&format!("{file} for {reason}"), &folder);
        assert!(error.message.contains(reason), "{reason}: {error}");
    }
    for file in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
        let folder = folder_with(dir.path(), "README.md", b"");
        fs::remove_file(folder.join(file)).expect("removed");
        refusal(&format!("without {file}"), &folder);
    }
    let folder = folder_with(dir.path(), "model.Q8_0.gguf", b"");
    fs::remove_file(folder.join("model.safetensors")).expect("removed");
    let error = refusal("GGUF files beside a config.json", &folder);
    assert!(error.hint.is_some_and(|hint| hint.contains("model.Q8_0.gguf")));
    let folder = dir.path().join("cut");
    tiny::folder(&folder, 3);
    for file in ["model.safetensors.index.json", "model-00002-of-00003.safetensors"] {
        fs::remove_file(folder.join(file)).expect("removed");
    }
    assert!(refusal("a missing shard", &folder).message.contains("model-00002-of-00003.safetensors"));
}

#[test]
fn safetensors_headers_that_lie_are_refused() {
    let dir = workplace();
    let file = |header: &str, weights: usize| {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; weights]].concat()
    };
    let tensor = |dtype: &str, shape: &str, from: u64, to: u64| {
        format!(r#"{{"a":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{from},{to}]}}}}"#)
    };
    let good = tiny::safetensors(&[("a".to_owned(), vec![4, 4])]);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", vec![]),
        ("seven bytes", vec![0; 7]),
        ("a header of nothing", vec![0; 8]),
        ("a header beyond the file", [&u64::MAX.to_le_bytes()[..], b"{}"].concat()),
        ("a header of the whole file", [&1_000u64.to_le_bytes()[..], b"{}"].concat()),
        ("a pointer", b"version https://git-lfs.github.com/spec/v1".to_vec()),
        ("cut off", good[..good.len() - 1].to_vec()),
        ("cut in the header", good[..20].to_vec()),
        ("bytes to spare", [&good[..], b"x"].concat()),
        ("a wrong size", file(&tensor("F32", "[4,4]", 0, 60), 60)),
        ("an unknown type", file(&tensor("F3", "[4]", 0, 16), 16)),
        ("a shape beyond any number", file(&tensor("F32", "[9223372036854775807,8]", 0, 16), 16)),
        ("a negative shape", file(&tensor("F32", "[-4]", 0, 16), 16)),
        ("offsets that turn back", file(&tensor("F32", "[4]", 16, 0), 16)),
        ("a gap", file(&tensor("F32", "[4]", 16, 32), 32)),
        ("a shape of many dimensions", file(&tensor("F32", &format!("[{}1]", "1,".repeat(100_000)), 0, 4), 4)),
        ("no object", file("[]", 0)),
        ("more after the header", file("{}x", 0)),
        ("nested", file(&"[".repeat(200_000), 0)),
    ];
    for (name, bytes) in cases {
        let folder = folder_with(dir.path(), "model.safetensors", &bytes);
        let error = refusal(name, &folder);
        assert!(error.message.contains("model.safetensors"), "{name}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_files_in_a_folder_never_do_harm(file in 0usize..5, bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let names = ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors", "generation_config.json"];
        let dir = workplace();
        let folder = folder_with(dir.path(), names[file], &bytes);
        refusal(names[file], &folder);
    }
}

#[test]
fn the_configuration_alone_foretells_what_the_folder_will_say() {
    let dir = tempfile::tempdir().expect("a folder");
    tiny::folder(dir.path(), 1);
    let whole = probe(dir.path()).expect("a whole folder");
    let config = std::fs::read(dir.path().join("config.json")).expect("reads");
    let types = [("F32".to_owned(), whole.parameters, whole.bytes)];
    let told = foretell("org/m/config.json", &config, whole.bytes, &types).expect("it can be run").expect("all of it");
    let shape = |facts: &ModelFacts| {
        let sizes = (facts.layers, facts.heads, facts.kv_heads, facts.head_size, facts.width, facts.vocabulary);
        (facts.architecture.clone(), facts.quant.clone(), sizes, facts.context, facts.parameters, facts.bytes)
    };
    assert_eq!(shape(&told), shape(&whole));
    assert_eq!((told.held, told.per_token, told.feed_forward), (whole.held, whole.per_token, whole.feed_forward));
    assert!(told.plain.is_some_and(|plain| plain.row_unit == whole.plain.expect("plain weights").row_unit));
    // Without the types there is a guess.
    let guess = foretell("org/m/config.json", &config, 1000, &[]).expect("it can be run").expect("all of it");
    assert_eq!((guess.parameters, guess.quant.as_str()), (500, "BF16"));
    let odd = br#"{"architectures": ["BertModel"]}"#;
    let error = foretell("org/m/config.json", odd, 1000, &[]).expect_err("no loader");
    assert!(error.message.starts_with("org/m ") && error.message.contains("BertModel"), "{error}");
}
