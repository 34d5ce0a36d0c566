//! Every kind of model that the engine has a loader for: it loads, answers and goes on with the conversation, or is refused
//! before it is loaded, with the reason and what to take instead.

mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use hobnob::domain::model::{Device, Format, LoadSettings, ModelSpec};
use hobnob::domain::sampling::SamplingPatch;
use hobnob::domain::{
    ChatMessage, EngineCmd, EngineEvent, FinishReason, GenId, GenRequest, LoadId, PieceKind, Role, Thinking,
};
use hobnob::engine::{EngineHandle, Options, probe};
use hobnob::error::{ErrorKind, UserError};
use support::tiny;
use tokio::sync::mpsc::UnboundedReceiver;

/// Nothing in here takes longer on a machine that works.
const PATIENCE: Duration = Duration::from_secs(120);
const TOKENS: u32 = 8;

/// The real engine in its process.
struct Engine {
    handle: EngineHandle,
    events: UnboundedReceiver<EngineEvent>,
    answers: GenId,
}

impl Engine {
    fn start() -> Self {
        let exe = PathBuf::from(env!("CARGO_BIN_EXE_hobnob"));
        let (handle, events) = EngineHandle::start(Options { exe, verbose: 1 });
        Self { handle, events, answers: GenId(0) }
    }

    async fn event(&mut self) -> EngineEvent {
        let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
        event.expect("an event in time").expect("the link is there")
    }

    async fn load(&mut self, spec: ModelSpec) -> Result<(), UserError> {
        self.handle.send(EngineCmd::Load { id: LoadId(1), spec });
        loop {
            match self.event().await {
                EngineEvent::Loaded { .. } => return Ok(()),
                EngineEvent::LoadFailed { error, .. } => return Err(error),
                _ => {}
            }
        }
    }

    async fn answer(&mut self, messages: &[ChatMessage]) -> Result<Answer, UserError> {
        self.answers = self.answers.next();
        let req = GenRequest {
            messages: messages.to_vec(),
            sampling: SamplingPatch { temperature: Some(0.0), ..SamplingPatch::default() },
            max_tokens: Some(TOKENS),
            stop: Vec::new(),
            thinking: Thinking::Auto,
            begun: None,
            constraint: None,
        };
        self.handle.send(EngineCmd::Generate { id: self.answers, req });
        let mut text = String::new();
        loop {
            match self.event().await {
                EngineEvent::Delta { kind: PieceKind::Text, text: more, .. } => text.push_str(&more),
                EngineEvent::Finished { reason, usage, .. } => {
                    return Ok(Answer { text, reason, prompt: usage.prompt_tokens, tokens: usage.completion_tokens });
                }
                EngineEvent::Failed { error, .. } => return Err(error),
                _ => {}
            }
        }
    }
}

#[derive(Debug, PartialEq)]
struct Answer {
    text: String,
    reason: FinishReason,
    prompt: u32,
    tokens: u32,
}

fn said(role: Role, content: &str) -> ChatMessage {
    ChatMessage { role, content: content.to_owned() }
}

fn spec(name: &str, location: &Path, format: Format) -> ModelSpec {
    let settings = LoadSettings { context: 256, device: Device::Cpu, ..LoadSettings::default() };
    ModelSpec { reference: name.into(), name: name.into(), location: location.to_owned(), format, settings }
}

/// Two turns of a conversation; what is wrong with them.
async fn objection(name: &str, location: &Path, format: Format) -> Result<(), String> {
    let facts = probe::probe(location).map_err(|error| format!("the check refuses it: {error:?}"))?;
    if facts.parameters == 0 || facts.layers == 0 {
        return Err(format!("the check does not see its sizes: {facts:?}"));
    }
    let spec = spec(name, location, format);
    let mut engine = Engine::start();
    engine.load(spec.clone()).await.map_err(|error| format!("it does not load: {error:?}"))?;
    let mut talk = vec![said(Role::User, "hello")];
    let first = engine.answer(&talk).await.map_err(|error| format!("it does not answer: {error:?}"))?;
    talk.extend([said(Role::Assistant, &first.text), said(Role::User, "hell, he said")]);
    let second = engine.answer(&talk).await.map_err(|error| format!("it does not go on: {error:?}"))?;
    engine.handle.shutdown().await;
    for answer in [&first, &second] {
        let is_spoken = answer.text.len() == TOKENS as usize && answer.text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_spoken || answer.tokens != TOKENS || answer.reason != FinishReason::Length {
            return Err(format!("it gives {first:?} and {second:?}"));
        }
    }
    // What was kept of the first turn must be what a fresh start computes.
    let mut engine = Engine::start();
    engine.load(spec).await.map_err(|error| format!("it does not load again: {error:?}"))?;
    let fresh = engine.answer(&talk).await.map_err(|error| format!("it does not answer again: {error:?}"))?;
    engine.handle.shutdown().await;
    if fresh == second { Ok(()) } else { Err(format!("it goes on with {second:?}, and from afresh with {fresh:?}")) }
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
    let error = engine.load(spec(name, location, format)).await.err().ok_or("it is loaded")?;
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
