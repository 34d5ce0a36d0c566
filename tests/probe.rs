//! The gate before the engine: whole models pass, and everything else is refused in words, quickly, in little memory.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hobnob::domain::model::{Format, ModelFacts};
use hobnob::engine::probe::{parts, probe};
use hobnob::error::{ErrorKind, UserError};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::broken::broken_ggufs;
use support::gguf_edit::{F32, Gguf, I32, write_sparse};
use support::models::starter;
use support::tiny;

/// What one probe may hold at once, whatever a file claims.
const MOST_MEMORY: usize = 6 << 20;

/// Counts what this thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn count(grown: usize, freed: usize) {
    // Gone while a thread ends: nothing is measured then.
    let _ = HELD.try_with(|held| {
        held.set((held.get() + grown).saturating_sub(freed));
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

#[allow(unsafe_code, reason = "an allocator can't be written otherwise; this one only counts and passes on")]
// SAFETY: every call goes to the system's allocator with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Probes, and holds the probe to its memory.
fn measured(path: &Path) -> Result<ModelFacts, UserError> {
    HELD.set(0);
    PEAK.set(0);
    let result = probe(path);
    let peak = PEAK.get();
    assert!(peak <= MOST_MEMORY, "{}: {peak} bytes at once", path.display());
    result
}

/// The refusal of a file, which must name it, give a reason and a next step.
fn refusal(name: &str, path: &Path) -> UserError {
    let error = match measured(path) {
        Ok(facts) => panic!("{name}: taken for a model: {facts:?}"),
        Err(error) => error,
    };
    let file = path.file_name().expect("a name").to_string_lossy();
    assert!(error.message.contains(&*file), "{name}: {error} does not name {file}");
    assert!(error.message.split_once(": ").is_some_and(|(_, reason)| reason.len() > 8), "{name}: no reason in {error}");
    assert!(!error.message.ends_with('.') && !error.message.chars().any(char::is_control), "{name}: {error}");
    assert!(error.hint.as_deref().is_some_and(|hint| !hint.is_empty()), "{name}: no hint");
    assert_eq!(error.kind.exit_code(), 3, "{name}: {:?}", error.kind);
    error
}

#[test]
fn the_starter_tells_all_about_itself() {
    let path = starter();
    let facts = measured(&path).expect("the starter is whole");
    assert_eq!(facts.format, Format::Gguf);
    assert_eq!(facts.architecture, "llama");
    assert_eq!(facts.quant, "Q4_1");
    assert_eq!(facts.name.as_deref(), Some("Smollm2 135M 8k Lc100K Mix1 Ep2"));
    assert_eq!((facts.context, facts.layers, facts.kv_heads, facts.head_size), (8192, 30, 3, 64));
    assert_eq!((facts.parameters, facts.vocabulary), (134_515_008, 49_152));
    assert_eq!(facts.bytes, 96_576_768);
    assert!(facts.has_chat_template && !facts.can_think);
    assert_eq!(parts(&path), Ok(vec![path]));
}

#[test]
fn an_untouched_copy_passes() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("copy.gguf");
    Gguf::read(&starter()).write(&path);
    assert_eq!(measured(&path), measured(&starter()));
}

#[test]
fn every_broken_file_is_refused_by_name() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut files = 0;
    for (name, path) in broken_ggufs(dir.path(), 400) {
        refusal(&name, &path);
        files += 1;
    }
    assert_eq!(files, 400);
}

/// A folder that is gone when the test ends.
fn workplace() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Writes a GGUF file and probes it.
fn probe_gguf(dir: &Path, name: &str, gguf: &Gguf) -> Result<ModelFacts, UserError> {
    let path = dir.join(format!("{name}.gguf"));
    gguf.write(&path);
    measured(&path)
}

#[test]
fn every_architecture_that_the_engine_runs_passes() {
    let dir = workplace();
    for arch in tiny::ARCHITECTURES {
        let facts = probe_gguf(dir.path(), arch, &tiny::gguf(arch)).unwrap_or_else(|error| panic!("{arch}: {error}"));
        assert_eq!((facts.architecture.as_str(), facts.quant.as_str(), facts.layers), (arch, "Q8_0", 2));
        assert_eq!((facts.head_size, facts.context), (16, 512));
    }
    let mut scored = tiny::gguf("llama");
    tiny::set_scored_words(&mut scored);
    assert_eq!(probe_gguf(dir.path(), "scored", &scored).map(|facts| facts.vocabulary), Ok(263));
}

#[test]
fn every_tensor_and_key_of_every_architecture_is_missed() {
    let dir = workplace();
    for arch in tiny::ARCHITECTURES {
        let whole = tiny::gguf(arch);
        for index in 0..whole.tensors.len() {
            let mut gguf = whole.clone();
            let gone = gguf.tensors.remove(index).name;
            tiny::place(&mut gguf);
            let path = dir.path().join("model.gguf");
            gguf.write(&path);
            refusal(&format!("{arch} without {gone}"), &path);
        }
        for key in
            ["block_count", "embedding_length", "attention.head_count", "attention.head_count_kv", "context_length"]
        {
            let mut gguf = whole.clone();
            gguf.remove(&format!("{arch}.{key}"));
            let path = dir.path().join("model.gguf");
            gguf.write(&path);
            assert!(refusal(key, &path).message.contains(key), "{arch} without {key}");
        }
    }
}

#[test]
fn weights_that_a_loader_takes_only_quantised_are_refused_plain() {
    let dir = workplace();
    for arch in tiny::ARCHITECTURES {
        let mut gguf = tiny::gguf(arch);
        for tensor in &mut gguf.tensors {
            tensor.kind = 1;
        }
        tiny::place(&mut gguf);
        let probed = probe_gguf(dir.path(), arch, &gguf);
        let refused = matches!(arch, "phi2" | "phi3" | "starcoder2");
        assert_eq!(probed.is_err(), refused, "{arch}: {probed:?}");
    }
}

#[test]
fn a_model_with_experts_is_refused_where_the_engine_would_panic() {
    let dir = workplace();
    let path = dir.path().join("experts.gguf");
    let mut gguf = tiny::gguf("qwen3");
    for entry in &mut gguf.entries {
        entry.key = entry.key.replace("qwen3.", "qwen3moe.");
    }
    gguf.set_text("general.architecture", "qwen3moe");
    gguf.write(&path);
    assert_eq!(
        refusal("experts", &path).kind,
        if cfg!(feature = "cuda") { ErrorKind::ModelBroken } else { ErrorKind::ModelUnsupported }
    );
}

#[test]
fn words_with_scores_are_checked_too() {
    let dir = workplace();
    let path = dir.path().join("scored.gguf");
    let edits: [(&str, fn(&mut Gguf)); 4] = [
        ("no scores", |g| g.remove("tokenizer.ggml.scores")),
        ("too few scores", |g| g.set_list("tokenizer.ggml.scores", F32, 5, &[0; 20])),
        ("a score that is no number", |g| g.set_list("tokenizer.ggml.scores", F32, 263, &[255; 263 * 4])),
        ("something that looks like a byte", |g| {
            let mut words = g.texts("tokenizer.ggml.tokens");
            words[262] = b"<0xZZ>".to_vec();
            g.set_texts("tokenizer.ggml.tokens", &words);
        }),
    ];
    for (name, edit) in edits {
        let mut gguf = tiny::gguf("llama");
        tiny::set_scored_words(&mut gguf);
        edit(&mut gguf);
        gguf.write(&path);
        refusal(name, &path);
    }
}

#[test]
fn thinking_and_recommended_sampling_are_read() {
    let dir = workplace();
    let mut gguf = tiny::gguf("qwen3");
    gguf.set_text("tokenizer.chat_template", &format!("{}<think></think>", tiny::TEMPLATE));
    gguf.set_text("general.name", "  Small ");
    gguf.set_u32("general.file_type", 15);
    gguf.set_f32("general.sampling.temp", 0.6);
    gguf.set_f32("general.sampling.top_p", 7.0);
    gguf.set("general.sampling.top_k", I32, 20i32.to_le_bytes().to_vec());
    fs::write(dir.path().join("generation_config.json"), r#"{"temperature": 0.9, "top_p": 0.8, "min_p": 0.1}"#)
        .expect("written");
    let facts = probe_gguf(dir.path(), "thinks", &gguf).expect("it is sound");
    assert!(facts.can_think);
    assert_eq!((facts.name.as_deref(), facts.quant.as_str()), (Some("Small"), "Q4_K_M"));
    let sampling = facts.recommended;
    assert_eq!((sampling.temperature, sampling.top_k), (Some(0.6), Some(20)), "the header's own, as they were written");
    assert_eq!((sampling.top_p, sampling.min_p), (Some(0.8), Some(0.1)), "what the header does not say, or not well");
}

#[test]
fn a_context_that_only_stretching_would_reach_is_not_promised() {
    let dir = workplace();
    let mut gguf = tiny::gguf("qwen2");
    gguf.set_text("qwen2.rope.scaling.type", "yarn");
    gguf.set_f32("qwen2.rope.scaling.factor", 4.0);
    gguf.set_u32("qwen2.rope.scaling.original_context_length", 128);
    assert_eq!(probe_gguf(dir.path(), "stretched", &gguf).map(|facts| facts.context), Ok(128));
}

#[test]
fn files_beside_a_gguf_that_the_engine_would_panic_on_are_named() {
    let dir = workplace();
    let path = dir.path().join("model.gguf");
    tiny::gguf("llama").write(&path);
    let cases = [
        ("generation_config.json", ""),
        ("generation_config.json", "{\"eos_token_id\": \"end\"}"),
        ("generation_config.json", "{\"eos_token_id\": 100000}"),
        ("generation_config.json", "{\"eos_token_id\": [2, 3]}"),
        ("generation_config.json", "{\"top_k\": -1}"),
        ("processor_config.json", "[]"),
        ("processor_config.json", "{\"image_token\": 5}"),
    ];
    for (file, content) in cases {
        fs::write(dir.path().join(file), content).expect("written");
        let error = refusal(file, &path);
        assert!(error.message.contains(file), "{error}");
        fs::remove_file(dir.path().join(file)).expect("removed");
    }
    fs::write(dir.path().join("generation_config.json"), r#"{"do_sample": false, "eos_token_id": [0, 2]}"#)
        .expect("written");
    assert_eq!(measured(&path).map(|facts| facts.recommended.temperature), Ok(Some(0.0)));
}

#[test]
fn a_set_of_parts_counts_as_one_model() {
    let dir = workplace();
    let whole = tiny::gguf("llama");
    let one = probe_gguf(dir.path(), "whole", &whole).expect("it is sound");
    let part = |number: usize| dir.path().join(format!("cut-{number:05}-of-00003.gguf"));
    let write = |number: usize, count: u16| {
        let mut gguf = whole.clone();
        gguf.tensors = whole.tensors.chunks(whole.tensors.len().div_ceil(3)).nth(number - 1).expect("a third").to_vec();
        if number > 1 {
            gguf.entries.clear();
        }
        gguf.set("split.no", 2, u16::try_from(number - 1).expect("small").to_le_bytes().to_vec());
        gguf.set("split.count", 2, count.to_le_bytes().to_vec());
        tiny::place(&mut gguf);
        gguf.write(&part(number));
    };
    (1..=3).for_each(|number| write(number, 3));
    let files: Vec<PathBuf> = (1..=3).map(part).collect();
    for file in &files {
        assert_eq!(measured(file).as_ref(), Ok(&one), "{}", file.display());
        assert_eq!(parts(file).as_ref(), Ok(&files));
    }
    write(2, 4);
    assert!(refusal("a wrong count", &part(2)).message.contains("cut-00002-of-00003.gguf"));
    fs::remove_file(part(2)).expect("removed");
    let error = probe(&part(1)).expect_err("a part is missing");
    assert!(error.kind == ErrorKind::ModelNotFound && error.message.contains("cut-00002-of-00003.gguf"), "{error}");
    fs::rename(part(3), dir.path().join("alone.gguf")).expect("renamed");
    refusal("a part under another name", &dir.path().join("alone.gguf"));
}

#[test]
fn what_is_no_model_at_all_is_told_apart() {
    let dir = workplace();
    let cases: [(&str, &[u8], &str); 9] = [
        ("empty.gguf", b"", "empty"),
        ("short.gguf", b"GG", "GGUF"),
        ("bare.gguf", b"GGUF", "only 0 of its 4"),
        ("page.gguf", b"<!DOCTYPE html><title>404</title>", "web page"),
        ("indented.gguf", b"\n  <html>", "web page"),
        ("pointer.gguf", b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "pointer"),
        ("old.gguf", b"tjgg\x03\0\0\0", "old GGML"),
        ("picture.gguf", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a GGUF file"),
        ("notes.txt", b"just some notes", "not a GGUF file"),
    ];
    for (name, bytes, reason) in cases {
        let path = dir.path().join(name);
        fs::write(&path, bytes).expect("written");
        let error = refusal(name, &path);
        assert!(error.message.contains(reason), "{error}");
    }
    let gone = probe(&dir.path().join("gone.gguf")).expect_err("there is none");
    assert!(gone.kind == ErrorKind::ModelNotFound && gone.message.contains("gone.gguf"), "{gone}");
    fs::write(dir.path().join("model.gguf"), b"").expect("written");
    let folder = probe(dir.path()).expect_err("a folder of GGUF files");
    assert!(folder.kind == ErrorKind::ModelNotFound && folder.hint.is_some_and(|hint| hint.contains(".gguf")));
    let below_a_file = probe(&dir.path().join("notes.txt").join("model.gguf")).expect_err("no folder");
    assert_eq!(below_a_file.kind.exit_code(), 3);
}

#[cfg(unix)]
#[test]
fn pipes_devices_and_loops_are_never_waited_for() {
    use std::os::unix::fs::symlink;
    let dir = workplace();
    let pipe = dir.path().join("pipe.gguf");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a pipe");
    refusal("a pipe", &pipe);
    let zero = dir.path().join("zero.gguf");
    symlink("/dev/zero", &zero).expect("a link");
    refusal("endless zeros", &zero);
    let circle = dir.path().join("circle.gguf");
    symlink(&circle, &circle).expect("a link");
    refusal("a circle", &circle);
    let linked = dir.path().join("linked.gguf");
    symlink(starter(), &linked).expect("a link");
    assert!(measured(&linked).is_ok());
    let folder = dir.path().join("folder");
    tiny::folder(&folder, 1);
    fs::remove_file(folder.join("config.json")).expect("removed");
    rustix::fs::mknodat(rustix::fs::CWD, folder.join("config.json"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .expect("a pipe");
    refusal("a pipe in a folder", &folder);
}

/// 150,000 words and as many merges, as large models have them.
#[test]
fn a_large_vocabulary_is_walked_quickly() {
    let dir = workplace();
    let mut gguf = tiny::gguf("qwen3");
    let mut words = gguf.texts("tokenizer.ggml.tokens");
    let mut merges = gguf.texts("tokenizer.ggml.merges");
    let letters: Vec<String> = ('!'..='~').map(|letter| letter.to_string()).collect();
    'all: for a in &letters {
        for b in &letters {
            words.push(format!("#{a}{b}").into_bytes());
            for c in &letters {
                words.push(format!("#{a}{b}{c}").into_bytes());
                merges.push(format!("#{a}{b} {c}").into_bytes());
                if words.len() >= 151_936 {
                    break 'all;
                }
            }
        }
    }
    let types: Vec<u8> = (0..words.len()).flat_map(|i| if i < 3 { 3i32 } else { 1 }.to_le_bytes()).collect();
    gguf.set_texts("tokenizer.ggml.tokens", &words);
    gguf.set_texts("tokenizer.ggml.merges", &merges);
    gguf.set_list("tokenizer.ggml.token_type", I32, words.len() as u64, &types);
    gguf.tensor("token_embd.weight").dimensions[1] = words.len() as u64;
    tiny::place(&mut gguf);
    let path = dir.path().join("large.gguf");
    gguf.write(&path);
    let best = (0..5)
        .map(|_| {
            let begun = Instant::now();
            measured(&path).expect("it is sound");
            begun.elapsed()
        })
        .min()
        .expect("five times");
    // A build without optimisation takes several times as long.
    let bound = if cfg!(debug_assertions) { Duration::from_millis(400) } else { Duration::from_millis(50) };
    assert!(best < bound, "{best:?}");
}

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

#[test]
fn broken_folders_are_refused_by_the_file_at_fault() {
    let dir = workplace();
    let (config, words, talk) = (tiny::config, tiny::tokenizer, tiny::tokenizer_config);
    let nested = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let deep = format!("{{\"a\":{}", "{\"a\":".repeat(30_000)).into_bytes();
    let mut no_vocabulary = words();
    no_vocabulary["model"]["vocab"] = json!([["a", 0.0]]);
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
        ("config.json", changed(config(), "num_key_value_heads", json!(3)), "share"),
        ("config.json", changed(config(), "max_position_embeddings", json!(1e30)), "max_position_embeddings"),
        ("config.json", changed(config(), "quantization_config", json!({"quant_method": "hqq"})), "hqq"),
        ("config.json", changed(config(), "quantization_config", json!({"bits": 5, "group_size": 64})), "MLX"),
        ("config.json", changed(config(), "quantization", json!({"bits": 4})), "MLX"),
        ("params.json", b"{}".to_vec(), "params.json"),
        ("config_sentence_transformers.json", b"{}".to_vec(), "searching"),
        ("tokenizer.json", b"".to_vec(), "tokenizer.json"),
        ("tokenizer.json", nested.clone(), "tokenizer.json"),
        ("tokenizer.json", deep.clone(), "tokenizer.json"),
        ("tokenizer.json", format!("{{\"a\": \"{}", "x".repeat(8 << 20)).into_bytes(), "tokenizer.json"),
        ("tokenizer.json", without(words(), "added_tokens"), "added_tokens"),
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
        ("generation_config.json", b"{\"eos_token_id\": 9999}".to_vec(), "9999"),
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
    fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2_048), magic in any::<bool>()) {
        let dir = workplace();
        let path = dir.path().join("bytes.gguf");
        let start: &[u8] = if magic { b"GGUF\x03\0\0\0" } else { b"" };
        fs::write(&path, [start, &bytes].concat()).expect("written");
        refusal("bytes", &path);
    }

    /// Anything may be in the header of a sound file: it is understood or refused, and nothing else happens.
    #[test]
    fn a_changed_header_never_does_harm(seed in any::<u64>(), changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..8)) {
        let arch = tiny::ARCHITECTURES[usize::try_from(seed % 7).expect("small")];
        let gguf = tiny::gguf(arch);
        let (mut header, _) = gguf.header();
        let full = header.len() as u64 + gguf.data_len;
        for (at, byte) in changes {
            let at = usize::from(at) % header.len();
            header[at] = byte;
        }
        let dir = workplace();
        let path = dir.path().join("changed.gguf");
        write_sparse(&path, &header, full);
        if let Err(error) = measured(&path) {
            prop_assert!(error.message.contains("changed.gguf"));
        }
    }

    #[test]
    fn arbitrary_files_in_a_folder_never_do_harm(file in 0usize..5, bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let names = ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors", "generation_config.json"];
        let dir = workplace();
        let folder = folder_with(dir.path(), names[file], &bytes);
        refusal(names[file], &folder);
    }
}
