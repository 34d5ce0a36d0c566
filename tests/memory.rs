//! What is said of a model's memory before it is loaded, held against the most that the engine's process then takes.
#![cfg(target_os = "linux")]

mod support;

#[path = "bench/measure.rs"]
mod measure;

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hobnob::domain::fit;
use hobnob::domain::machine::Machine;
use hobnob::domain::model::{Device, Format, LoadSettings, ModelFacts, ModelSpec};
use hobnob::domain::sampling::SamplingPatch;
use hobnob::domain::{ChatMessage, EngineCmd, EngineEvent, GenId, GenRequest, LoadId, PieceKind, Role, Thinking};
use hobnob::engine::share::Share;
use hobnob::engine::{EngineHandle, Options};
use measure::{children, peak_memory};
use support::quantise::{Quant, starter_as};
use tokio::sync::mpsc::UnboundedReceiver;

/// A prompt of thousands of tokens takes minutes.
const PATIENCE: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn the_estimate_is_near_what_the_engine_takes() {
    Peak::of("Q4_1", 1024).await.check();
}

/// All of them take an hour; `HOBNOB_MEMORY=Q8_0:4096,F16:1024` chooses some.
#[tokio::test]
#[ignore = "minutes each: for who changes the estimate"]
async fn the_estimate_holds_for_every_kind_and_length() {
    let all =
        || ["Q4_0", "Q4_1", "Q8_0", "Q4_K", "F16"].map(|quant| [1024, 4096, 8192].map(|n| format!("{quant}:{n}")));
    let wanted = std::env::var("HOBNOB_MEMORY").unwrap_or_else(|_| all().concat().join(","));
    for case in wanted.split(',') {
        let (quant, context) = case.split_once(':').expect("QUANT:CONTEXT");
        Peak::of(quant, context.parse().expect("a number")).await.check();
    }
}

fn file(quant: &str) -> PathBuf {
    match quant {
        "Q4_1" => support::models::starter(),
        "Q4_0" => starter_as(Quant::Q4_0),
        "Q8_0" => starter_as(Quant::Q8_0),
        "Q4_K" => starter_as(Quant::Q4K),
        "F16" => starter_as(Quant::F16),
        other => panic!("there is no {other}"),
    }
}

/// The most that the engine's process has had, at each point of a conversation that fills its context.
struct Peak {
    name: String,
    prompt: u32,
    loaded: u64,
    answered: u64,
    went_on: u64,
    estimate: u64,
    time: Duration,
}

impl Peak {
    async fn of(quant: &str, context: u32) -> Self {
        let start = Instant::now();
        let mut engine = Engine::load(&file(quant), context).await;
        let loaded = engine.peak();
        // A sentence has 13 tokens.
        let novel = "The grey cat sat on the mat and looked at the rain. ".repeat((context as usize - 120) / 13);
        let mut messages = vec![says(Role::User, format!("Here is a novel. {novel}What is it about?"))];
        let (answer, prompt) = engine.answer(&messages).await;
        assert!(context - prompt < 120 && prompt < context, "{prompt} tokens do not fill {context}");
        let answered = engine.peak();
        messages.push(says(Role::Assistant, answer));
        messages.push(says(Role::User, "And who is in it?"));
        engine.answer(&messages).await;
        let machine = Machine { total: u64::MAX, available: u64::MAX, gpu: None, chip: None };
        let load = LoadSettings { context, ..LoadSettings::default() };
        let peak = Self {
            name: format!("{quant} at {context}"),
            prompt,
            loaded,
            answered,
            went_on: engine.peak(),
            estimate: fit::judge(&engine.facts, load, &machine).needed,
            time: start.elapsed(),
        };
        let _ = writeln!(std::io::stderr(), "{peak}");
        peak
    }

    #[allow(clippy::cast_precision_loss)] // bytes of one machine
    fn ratio(&self) -> f64 {
        self.estimate as f64 / self.went_on as f64
    }

    fn check(&self) {
        assert!((0.85..=1.15).contains(&self.ratio()), "{self}");
    }
}

impl fmt::Display for Peak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [loaded, answered, went_on, estimate] =
            [self.loaded, self.answered, self.went_on, self.estimate].map(|bytes| bytes >> 20);
        write!(
            f,
            "{:<12} prompt {:>4}: loaded {loaded:>4}, answered {answered:>4}, went on {went_on:>4} MiB; \
             estimate {estimate:>4} MiB, {:.3} of it; {} s",
            self.name,
            self.prompt,
            self.ratio(),
            self.time.as_secs(),
        )
    }
}

struct Engine {
    handle: EngineHandle,
    events: UnboundedReceiver<EngineEvent>,
    pid: u32,
    facts: ModelFacts,
}

impl Engine {
    async fn load(file: &Path, context: u32) -> Self {
        let options = Options { exe: PathBuf::from(env!("CARGO_BIN_EXE_hobnob")), verbose: 0, share: Share::No };
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
            begun: None,
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
