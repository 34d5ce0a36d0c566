//! What is said of a model's memory before it is loaded, held against what the engine's process then takes.
#![cfg(target_os = "linux")]

mod support;

#[path = "bench/measure.rs"]
mod measure;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hobnob::domain::fit;
use hobnob::domain::machine::Machine;
use hobnob::domain::model::{Device, Format, LoadSettings, ModelFacts, ModelSpec};
use hobnob::domain::sampling::SamplingPatch;
use hobnob::domain::{ChatMessage, EngineCmd, EngineEvent, GenId, GenRequest, LoadId, PieceKind, Role, Thinking};
use hobnob::engine::{EngineHandle, Options};
use measure::{children, peak_memory};
use support::quantise::{Quant, starter_as};
use tokio::sync::mpsc::UnboundedReceiver;

/// A prompt of thousands of tokens takes minutes.
const PATIENCE: Duration = Duration::from_secs(3600);

struct Engine {
    handle: EngineHandle,
    events: UnboundedReceiver<EngineEvent>,
    pid: u32,
    facts: ModelFacts,
}

impl Engine {
    async fn load(file: &Path, context: u32) -> Self {
        let options = Options {
            exe: std::env::var_os("EXE").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_hobnob")), PathBuf::from),
            verbose: 0,
        };
        let (handle, mut events) = EngineHandle::start(options);
        let spec = ModelSpec {
            reference: "m".into(),
            name: "m".into(),
            location: file.to_owned(),
            format: Format::Gguf,
            settings: LoadSettings { context, device: Device::Cpu, ..LoadSettings::default() },
        };
        handle.send(EngineCmd::Load { id: LoadId(1), spec });
        let facts = loop {
            match next(&mut events).await {
                EngineEvent::Loaded { info, .. } => break info.facts,
                EngineEvent::LoadFailed { error, .. } => panic!("{error:?}"),
                _ => {}
            }
        };
        let children = children(std::process::id());
        let [pid] = children[..] else { panic!("not one child: {children:?}") };
        Self { handle, events, pid, facts }
    }

    /// The answer, and the tokens of the prompt.
    async fn answer(&mut self, messages: &[ChatMessage]) -> (String, u32) {
        let req = GenRequest {
            messages: messages.to_vec(),
            sampling: SamplingPatch { temperature: Some(0.0), ..SamplingPatch::default() },
            max_tokens: Some(8),
            stop: Vec::new(),
            thinking: Thinking::Auto,
            constraint: None,
        };
        self.handle.send(EngineCmd::Generate { id: GenId(1), req });
        let (mut answer, mut prompt) = (String::new(), 0);
        loop {
            match next(&mut self.events).await {
                EngineEvent::Started { prompt_tokens, .. } => prompt = prompt_tokens,
                EngineEvent::Delta { kind: PieceKind::Text, text, .. } => answer.push_str(&text),
                EngineEvent::Finished { .. } => return (answer, prompt),
                EngineEvent::Failed { error, .. } => panic!("{error:?}"),
                _ => {}
            }
        }
    }

    fn peak(&self) -> u64 {
        peak_memory(self.pid).expect("it is there")
    }
}

async fn next(events: &mut UnboundedReceiver<EngineEvent>) -> EngineEvent {
    tokio::time::timeout(PATIENCE, events.recv()).await.expect("in time").expect("the link is there")
}

fn says(role: Role, content: impl Into<String>) -> ChatMessage {
    ChatMessage { role, content: content.into() }
}

/// Peaks in the life of an engine whose conversation fills the context.
struct Peaks {
    prompt: u32,
    loaded: u64,
    first: u64,
    second: u64,
    estimate: u64,
}

async fn measure(file: &Path, context: u32) -> Peaks {
    let mut engine = Engine::load(file, context).await;
    let loaded = engine.peak();
    // About 13 tokens each.
    let sentences = "The grey cat sat on the mat and looked at the rain. ".repeat((context as usize - 120) / 13);
    let mut messages = vec![says(Role::User, format!("Here is a novel. {sentences}What is it about?"))];
    let (answer, prompt) = engine.answer(&messages).await;
    let first = engine.peak();
    messages.push(says(Role::Assistant, answer));
    messages.push(says(Role::User, "And who is in it?"));
    engine.answer(&messages).await;
    let second = engine.peak();
    let machine = Machine { total: u64::MAX, available: u64::MAX, gpu: None, chip: None };
    let load = LoadSettings { context, ..LoadSettings::default() };
    let estimate = fit::judge(&engine.facts, load, &machine).needed;
    Peaks { prompt, loaded, first, second, estimate }
}

#[allow(clippy::cast_precision_loss)] // figures for people
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// `HOBNOB_MEMORY=Q8_0:4096,F16:1024 cargo test --test memory -- --ignored --nocapture`
#[tokio::test]
#[ignore = "minutes each: for who changes the estimate"]
async fn all_sizes() {
    let wanted = std::env::var("HOBNOB_MEMORY").unwrap_or_else(|_| "Q4_1:1024".into());
    for case in wanted.split(',') {
        let (quant, context) = case.split_once(':').expect("QUANT:CONTEXT");
        let file = match quant {
            "Q4_1" => support::models::starter(),
            "Q4_0" => starter_as(Quant::Q4_0),
            "Q8_0" => starter_as(Quant::Q8_0),
            "Q4_K" => starter_as(Quant::Q4K),
            "F16" => starter_as(Quant::F16),
            other if other.starts_with("v") => words(other[1..].parse().expect("a number")),
            other => PathBuf::from(other),
        };
        let start = Instant::now();
        if std::env::var_os("LOAD_ONLY").is_some() {
            let engine = Engine::load(&file, context.parse().expect("a number")).await;
            let told = std::fs::read_to_string(format!("/proc/{}/status", engine.pid)).expect("status");
            let told: Vec<_> = told
                .lines()
                .filter(|l| l.starts_with("VmHWM") || l.starts_with("Rss") || l.starts_with("Threads"))
                .map(|l| l.replace([' ', '\t'], ""))
                .collect();
            let _ = writeln!(std::io::stderr(), "{quant}: {told:?}");
            if let Ok(n) = std::env::var("LOAD_ONLY") {
                if n == "sleep" {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
            }
            continue;
        }
        let peaks = measure(&file, context.parse().expect("a number")).await;
        let _ = writeln!(
            std::io::stderr(),
            "{quant:<5} {context:>5}: prompt {:>5}; loaded {:>6.1}, first {:>6.1}, second {:>6.1} MiB; estimate {:>6.1} MiB ({:.3}); {:.0} s",
            peaks.prompt,
            mib(peaks.loaded),
            mib(peaks.first),
            mib(peaks.second),
            mib(peaks.estimate),
            mib(peaks.estimate) / mib(peaks.second),
            start.elapsed().as_secs_f64(),
        );
    }
}

fn words(extra: usize) -> PathBuf {
    use support::gguf_edit::I32;
    let mut g = support::tiny::gguf("llama");
    let mut texts = g.texts("tokenizer.ggml.tokens");
    let base: Vec<Vec<u8>> = (b'a'..=b'z').chain(b'A'..=b'Z').map(|b| vec![b]).collect();
    let mut merges = g.texts("tokenizer.ggml.merges");
    let mut seen: std::collections::HashSet<Vec<u8>> = texts.iter().cloned().collect();
    let mut last = base.clone();
    let mut n = 0;
    'all: loop {
        let mut next = vec![];
        for a in &last {
            for b in &base {
                if n >= extra {
                    break 'all;
                }
                let mut w = a.clone();
                w.extend(b);
                if seen.insert(w.clone()) {
                    texts.push(w.clone());
                    n += 1;
                    merges.push([a.as_slice(), b" ", b.as_slice()].concat());
                }
                next.push(w);
            }
        }
        last = next;
    }
    let types: Vec<u8> = (0..texts.len()).flat_map(|i| if i < 3 { 3i32 } else { 1 }.to_le_bytes()).collect();
    g.set_texts("tokenizer.ggml.tokens", &texts);
    g.set_texts("tokenizer.ggml.merges", &merges);
    g.set_list("tokenizer.ggml.token_type", I32, texts.len() as u64, &types);
    let len = texts.len() as u64;
    for t in &mut g.tensors {
        if t.name == "token_embd.weight" || t.name == "output.weight" {
            t.dimensions[1] = len;
        }
    }
    support::tiny::place(&mut g);
    let path = PathBuf::from(format!("/tmp/fit-v{extra}.gguf"));
    g.write(&path);
    path
}
