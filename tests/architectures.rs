//! Every kind of model that the engine has a loader for: it loads, answers and goes on with the conversation, or is refused
//! before it is loaded, with the reason and what to take instead.

mod support;

use std::path::Path;

use hobnob::domain::model::{Format, LoadSettings, ModelSpec};
use hobnob::domain::quant::Quantise;
use hobnob::domain::{ChatMessage, FinishReason, GenRequest, Role};
use hobnob::engine::probe;
use hobnob::error::ErrorKind;
use support::engine::{Answer, Engine, ask, context};
use support::tiny;

const TOKENS: u32 = 8;

fn said(role: Role, content: &str) -> ChatMessage {
    ChatMessage { role, content: content.to_owned() }
}

/// What comes next in a conversation.
fn next(messages: &[ChatMessage]) -> GenRequest {
    GenRequest { messages: messages.to_vec(), max_tokens: Some(TOKENS), ..ask("") }
}

/// As the weights are stored, so that all ways to compute an answer give the same one.
fn spec(name: &str, location: &Path, format: Format) -> ModelSpec {
    let settings = LoadSettings { quantise: Quantise::Off, ..context(256) };
    ModelSpec { settings, ..support::engine::spec(name, location.to_owned(), format) }
}

fn is_whole(answer: &Answer) -> bool {
    let is_spoken = answer.text.len() == TOKENS as usize && answer.text.bytes().all(|byte| byte.is_ascii_graphic());
    is_spoken && answer.usage.completion_tokens == TOKENS && answer.reason == FinishReason::Length
}

/// A conversation that goes on, and then takes another way; what is wrong with it.
async fn objection(name: &str, location: &Path, format: Format) -> Result<(), String> {
    let facts = probe::probe(location).map_err(|error| format!("the check refuses it: {error:?}"))?;
    if facts.parameters == 0 || facts.layers == 0 {
        return Err(format!("the check does not see its sizes: {facts:?}"));
    }
    let spec = spec(name, location, format);
    let mut talk = vec![said(Role::User, "hello")];
    let mut kept = Vec::new();
    let mut engine = Engine::start();
    engine.load(&spec).await.map_err(|error| format!("it does not load: {error:?}"))?;
    for user in ["hell, he said", "hello again"] {
        let answer = engine.answer(next(&talk)).await.map_err(|error| format!("it does not answer: {error:?}"))?;
        talk.extend([said(Role::Assistant, &answer.text), said(Role::User, user)]);
        kept.push(answer);
    }
    // What is said now comes in place of the first answer.
    let other = [said(Role::User, "hello"), said(Role::Assistant, "no"), said(Role::User, "hello")];
    kept.push(engine.answer(next(&other)).await.map_err(|error| format!("it does not take another way: {error:?}"))?);
    engine.handle.shutdown().await;
    if let Some(answer) = kept.iter().find(|answer| !is_whole(answer)) {
        return Err(format!("it gives {answer:?}"));
    }
    let again = kept[0].usage.prompt_tokens + TOKENS;
    if kept[1].usage.cached_tokens != Some(again) {
        return Err(format!("it does not go on from the {again} tokens before: {:?}", kept[1]));
    }
    // What was kept of earlier turns must be what a fresh start computes.
    for (answer, messages) in kept[1..].iter().zip([&talk[..3], &other]) {
        let mut engine = Engine::start();
        engine.load(&spec).await.map_err(|error| format!("it does not load again: {error:?}"))?;
        let fresh = engine.answer(next(messages)).await.map_err(|error| format!("it does not answer: {error:?}"))?;
        engine.handle.shutdown().await;
        if fresh.text != answer.text {
            return Err(format!("it goes on with {answer:?}, and from afresh with {fresh:?}"));
        }
    }
    Ok(())
}

/// Kinds that the processor can't run, and words of the reason. A build for a GPU knows that when it is told to use the processor,
/// any other one from the file alone.
const REFUSED: &[(&str, &str)] = &[
    ("PhiForCausalLM", "rotates a part"),
    ("DeepseekV2ForCausalLM", "experts are computed on GPUs alone"),
    ("DeepseekV3ForCausalLM", "experts are computed on GPUs alone"),
    ("Glm4MoeLiteForCausalLM", "experts are computed on GPUs alone"),
    ("Glm4MoeForCausalLM", "experts are computed on GPUs alone"),
    ("Qwen3MoeForCausalLM", "experts are computed on GPUs alone"),
    ("GptOssForCausalLM", "GPUs"),
    ("Qwen3NextForCausalLM", "experts are computed on GPUs alone"),
    ("Qwen3NextForCausalLM with stacked experts", "layers is computed on GPUs alone"),
];

/// What is wrong with how a model is refused.
async fn objection_to_refusal(name: &str, location: &Path, format: Format, reason: &str) -> Result<(), String> {
    let by_file = probe::probe(location).err();
    let mut engine = Engine::start();
    let error = engine.load(&spec(name, location, format)).await.err().ok_or("it is loaded")?;
    engine.handle.shutdown().await;
    let alternative = error.hint.as_deref().unwrap_or_default();
    let told = error.kind == ErrorKind::ModelUnsupported
        && error.message.contains(reason)
        && ["choose", "take"].iter().any(|word| alternative.contains(word));
    let early = by_file.as_ref().is_none_or(|early| *early == error);
    if told && early { Ok(()) } else { Err(format!("it is refused as {error:?}, and by the check as {by_file:?}")) }
}

#[tokio::test]
async fn every_kind_of_gguf_file_answers() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut objections = Vec::new();
    for arch in tiny::ARCHITECTURES {
        let file = folder.path().join(format!("{arch}.gguf"));
        tiny::write_random(&tiny::gguf(arch), &file);
        objections.extend(objection(arch, &file, Format::Gguf).await.err().map(|why| format!("{arch}: {why}")));
    }
    if !cfg!(feature = "cuda") {
        let file = folder.path().join("qwen3moe.gguf");
        tiny::write_random(&tiny::gguf("qwen3moe"), &file);
        let why = objection_to_refusal("qwen3moe", &file, Format::Gguf, "NVIDIA").await.err();
        objections.extend(why.map(|why| format!("qwen3moe: {why}")));
    }
    assert!(objections.is_empty(), "{}", objections.join("\n"));
}

#[tokio::test]
async fn every_kind_of_folder_answers_or_is_refused_before_it_is_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut objections = Vec::new();
    for kind in tiny::kinds() {
        let place = folder.path().join(&kind.name);
        kind.write(&place);
        let refused = REFUSED.iter().find(|(name, _)| *name == kind.name);
        let why = match refused {
            None => objection(&kind.name, &place, Format::Safetensors).await.err(),
            Some((name, reason)) => objection_to_refusal(name, &place, Format::Safetensors, reason).await.err(),
        };
        objections.extend(why.map(|why| format!("{}: {why}", kind.name)));
    }
    assert!(objections.is_empty(), "{}", objections.join("\n"));
}
