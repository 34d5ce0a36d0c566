//! Plain weights that are quantised while they load, with the real engine: what comes of them, and what is kept.

mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use hobnob::domain::model::{Device, Format, LoadSettings, ModelInfo, ModelSpec};
use hobnob::domain::quant::Quantise;
use hobnob::domain::sampling::SamplingPatch;
use hobnob::domain::{ChatMessage, EngineCmd, EngineEvent, GenId, GenRequest, LoadId, Role};
use hobnob::engine::{EngineHandle, Options};
use hobnob::error::UserError;
use support::convert;
use support::quantise::{Quant, starter_as};
use tokio::sync::mpsc::UnboundedReceiver;

const PATIENCE: Duration = Duration::from_secs(240);

struct Engine {
    handle: EngineHandle,
    events: UnboundedReceiver<EngineEvent>,
}

impl Engine {
    fn start() -> Self {
        let exe = PathBuf::from(env!("CARGO_BIN_EXE_hobnob"));
        let (handle, events) = EngineHandle::start(Options { exe, verbose: 1 });
        Self { handle, events }
    }

    async fn event(&mut self) -> EngineEvent {
        let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
        event.expect("an event in time").expect("the link is there")
    }

    async fn load(&mut self, location: &Path, format: Format, quantise: &str) -> Result<ModelInfo, UserError> {
        let quantise = Quantise::parse(quantise).expect("a name");
        let settings = LoadSettings { context: 512, device: Device::Cpu, quantise, ..LoadSettings::default() };
        let name = location.file_stem().expect("a name").to_string_lossy().into_owned();
        let spec = ModelSpec { reference: name.clone(), name, location: location.to_owned(), format, settings };
        self.handle.send(EngineCmd::Load { id: LoadId(1), spec });
        loop {
            match self.event().await {
                EngineEvent::Loaded { info, .. } => return Ok(*info),
                EngineEvent::LoadFailed { error, .. } => return Err(error),
                _ => {}
            }
        }
    }

    /// Greedy, so many tokens at most.
    async fn say(&mut self, prompt: &str, max_tokens: u32) -> String {
        let req = GenRequest {
            messages: vec![ChatMessage { role: Role::User, content: prompt.into() }],
            sampling: SamplingPatch { temperature: Some(0.0), ..SamplingPatch::default() },
            max_tokens: Some(max_tokens),
            ..GenRequest::default()
        };
        self.handle.send(EngineCmd::Generate { id: GenId(1), req });
        let mut text = String::new();
        loop {
            match self.event().await {
                EngineEvent::Delta { text: more, .. } => text.push_str(&more),
                EngineEvent::Finished { .. } => return text,
                EngineEvent::Failed { error, .. } => panic!("no answer: {error}"),
                _ => {}
            }
        }
    }
}

/// Loads a model, asks it, and ends the engine.
async fn ask(location: &Path, format: Format, quantise: &str, prompts: &[&str]) -> (ModelInfo, Vec<String>) {
    let mut engine = Engine::start();
    let info = engine.load(location, format, quantise).await.unwrap_or_else(|error| panic!("{quantise}: {error:?}"));
    let mut answers = Vec::new();
    for prompt in prompts {
        answers.push(engine.say(prompt, 16).await);
    }
    engine.handle.shutdown().await;
    (info, answers)
}

#[tokio::test]
async fn each_kind_answers() {
    let folder = convert::f16_folder();
    for wish in ["none", "q8", "q4", "q4_k", "q2_k", "q6_k", "q5_0", "afq4", "afq8", "hqq8", "hqq4", "fp8", "auto"] {
        let mut engine = Engine::start();
        match engine.load(&folder, Format::Safetensors, wish).await {
            Err(error) => println!("{wish}: {error:?}"),
            Ok(info) => {
                let t = std::time::Instant::now();
                let text = engine.say("What is the capital of France?", 16).await;
                println!("{wish}: {} {:?} load {:?} answer {:?} {text:?}", info.quant, info.copy, info.load_time, t.elapsed());
            }
        }
        engine.handle.shutdown().await;
    }
}
