//! GGUF files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hobnob::domain::model::{Format, ModelFacts};
use hobnob::engine::probe::{foretell, parts, probe};
use hobnob::error::{ErrorKind, UserError};
use proptest::prelude::*;

use crate::measure::{measured, refusal, workplace};
use crate::support::broken::broken_ggufs;
use crate::support::gguf_edit::{F32, Gguf, I32, write_sparse};
use crate::support::models::starter;
use crate::support::tiny;

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
    type Edit = fn(&mut Gguf);
    let dir = workplace();
    let path = dir.path().join("scored.gguf");
    let edits: [(&str, Edit); 4] = [
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
    let bound = if cfg!(debug_assertions) { Duration::from_secs(2) } else { Duration::from_millis(50) };
    assert!(best < bound, "{best:?}");
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
}

#[test]
fn the_start_of_a_file_foretells_what_the_whole_will_say() {
    let whole = |path: &Path| {
        let bytes = fs::read(path).expect("reads");
        let len = bytes.len() as u64;
        (bytes, len)
    };
    let path = starter();
    let (bytes, len) = whole(&path);
    let name = path.display().to_string();
    let told = foretell(&name, &bytes, len, &[]).expect("it can be run").expect("that is all of it");
    assert_eq!(told, probe(&path).expect("the starter is whole"));
    assert_eq!(foretell(&name, &bytes[..8 << 20], len, &[]), Ok(Some(told)));
    for start in [0, 3, 100, 64 << 10] {
        assert_eq!(foretell(&name, &bytes[..start], len, &[]), Ok(None), "{start}");
    }
    let dir = tempfile::tempdir().expect("a folder");
    for arch in tiny::ARCHITECTURES {
        let path = dir.path().join(format!("{arch}.gguf"));
        tiny::write_random(&tiny::gguf(arch), &path);
        let (bytes, len) = whole(&path);
        let told = foretell(&path.display().to_string(), &bytes, len, &[]);
        assert_eq!(told.map(|told| told.expect("all of it")), probe(&path), "{arch}");
    }
    for name in ["org/m/m-IQ4_XS.gguf", "org/m/m.i1-IQ2_M.gguf", "m-MXFP4_MOE.gguf", "m-TQ1_0.gguf", "m-Q4_0_4_4.gguf"]
    {
        let error = foretell(name, b"", 1000, &[]).expect_err(name);
        assert!(error.kind == ErrorKind::ModelUnsupported && error.hint.is_some_and(|hint| hint.contains("Q4_K_M")));
    }
    for name in ["m-UD-Q4_K_XL.gguf", "m-Q4_0.gguf", "m-BF16.gguf", "m.gguf"] {
        assert_eq!(foretell(name, b"", 1000, &[]), Ok(None), "{name}");
    }
}
