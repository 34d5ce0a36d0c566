//! What a long conversation costs on the processor: forty turns with the starter, and for some of them the tokens of the
//! prompt, those of it that were read again, the time to the first token, and the memory of the engine's process. At the
//! end what all of it has grown by, next to what one copy of the conversation's keys and values takes.
//!
//! `cargo bench --bench conversation`
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;

use hobnob::domain::fit::cache_per_token;
use hobnob::domain::model::{Device, Format, LoadSettings, ModelInfo, ModelSpec};
use hobnob::domain::sampling::SamplingPatch;
use hobnob::domain::stats::{GenStats, Usage};
use hobnob::domain::{ChatMessage, EngineCmd, EngineEvent, GenId, GenRequest, LoadId, Role};
use hobnob::engine::share::Share;
use hobnob::engine::{EngineHandle, Options};
use tokio::sync::mpsc::UnboundedReceiver;

const TURNS: usize = 40;
const ANSWER: u32 = 32;
const QUESTIONS: [&str; 5] = [
    "Tell me something about lighthouses that few people know.",
    "Why is that so? Explain it to a child.",
    "Give an example from another country, and name the place.",
    "What would a sailor of the last century have said about it?",
    "Sum up what we have said so far in one sentence.",
];

/// What there is to see after a turn.
struct Turn {
    usage: Usage,
    stats: GenStats,
    memory: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let exe = PathBuf::from(env!("CARGO_BIN_EXE_hobnob"));
    let (engine, mut events) = EngineHandle::start(Options { exe, verbose: 0, share: Share::No });
    let info = load(&engine, &mut events).await;
    let mut messages = Vec::new();
    let mut turns = Vec::new();
    println!("{:>4}  {:>8}  {:>8}  {:>8}  {:>12}  {:>8}", "turn", "prompt", "kept", "read", "first token", "memory");
    for index in 0..TURNS {
        messages.push(message(Role::User, QUESTIONS[index % QUESTIONS.len()]));
        let (text, turn) = answer(&engine, &mut events, GenId(index as u64 + 1), &messages).await;
        messages.push(message(Role::Assistant, &text));
        if index < 3 || (index + 1) % 5 == 0 {
            print(index + 1, &turn);
        }
        turns.push(turn);
    }
    engine.shutdown().await;
    conclude(&info, &turns);
}

fn print(number: usize, turn: &Turn) {
    let kept = turn.usage.cached_tokens.unwrap_or(0);
    let first = turn.stats.first_token.unwrap_or_default().as_secs_f64() * 1e3;
    let (prompt, read) = (turn.usage.prompt_tokens, turn.usage.prompt_tokens - kept);
    println!("{number:>4}  {prompt:>8}  {kept:>8}  {read:>8}  {first:>9.0} ms  {:>5} MB", turn.memory >> 20);
}

fn conclude(info: &ModelInfo, turns: &[Turn]) {
    let (Some(first), Some(last)) = (turns.first(), turns.last()) else { return };
    let grown = last.memory.saturating_sub(first.memory);
    let once = cache_per_token(&info.facts) * u64::from(last.usage.total() - first.usage.total());
    println!();
    println!(
        "grown from the first turn to the last: {} MB; one copy of what was added: {} MB",
        grown >> 20,
        once >> 20
    );
    println!(
        "read in the last turn: {} tokens, of a prompt of {}",
        last.usage.prompt_tokens - last.usage.cached_tokens.unwrap_or(0),
        last.usage.prompt_tokens
    );
}

fn message(role: Role, content: &str) -> ChatMessage {
    ChatMessage { role, content: content.to_owned() }
}

async fn load(engine: &EngineHandle, events: &mut UnboundedReceiver<EngineEvent>) -> ModelInfo {
    let spec = ModelSpec {
        reference: "starter".into(),
        name: "starter".into(),
        location: support::models::starter(),
        format: Format::Gguf,
        settings: LoadSettings { context: 8192, device: Device::Cpu, ..LoadSettings::default() },
    };
    engine.send(EngineCmd::Load { id: LoadId(1), spec });
    loop {
        match events.recv().await.expect("the engine is there") {
            EngineEvent::Loaded { info, .. } => return *info,
            EngineEvent::LoadFailed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}

async fn answer(
    engine: &EngineHandle,
    events: &mut UnboundedReceiver<EngineEvent>,
    id: GenId,
    messages: &[ChatMessage],
) -> (String, Turn) {
    let req = GenRequest {
        messages: messages.to_vec(),
        sampling: SamplingPatch { temperature: Some(0.0), ..SamplingPatch::default() },
        max_tokens: Some(ANSWER),
        ..GenRequest::default()
    };
    engine.send(EngineCmd::Generate { id, req });
    let mut text = String::new();
    let mut end = None;
    loop {
        match events.recv().await.expect("the engine is there") {
            EngineEvent::Delta { text: more, .. } => text.push_str(&more),
            EngineEvent::Finished { usage, stats, .. } => end = Some((usage, stats)),
            // It is looked at when the answer is over.
            EngineEvent::Memory { bytes, .. } => {
                if let Some((usage, stats)) = end {
                    return (text, Turn { usage, stats, memory: bytes });
                }
            }
            EngineEvent::Failed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}
