//! A front end of the engine for tests: the real process, asked step by step.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::path::PathBuf;
use std::time::Duration;

use hobnob::domain::context::TemplateCost;
use hobnob::domain::model::{Device, Format, LoadSettings, ModelInfo, ModelSpec};
use hobnob::domain::sampling::SamplingPatch;
use hobnob::domain::stats::{GenStats, Usage};
use hobnob::domain::{
    ChatMessage, CountId, EngineCmd, EngineEvent, FinishReason, GenId, GenRequest, LoadId, LoadStage, PieceKind, Role,
    Thinking,
};
use hobnob::engine::share::Share;
use hobnob::engine::{EngineHandle, Options};
use hobnob::error::UserError;
use tokio::sync::mpsc::UnboundedReceiver;

/// Nothing in here takes longer on a machine that works.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Room for so many tokens, on the processor.
pub fn context(context: u32) -> LoadSettings {
    LoadSettings { context, device: Device::Cpu, ..LoadSettings::default() }
}

pub fn spec(name: &str, location: PathBuf, format: Format) -> ModelSpec {
    ModelSpec { reference: name.into(), name: name.into(), location, format, settings: context(4096) }
}

pub fn ask(text: &str) -> GenRequest {
    GenRequest {
        messages: vec![ChatMessage { role: Role::User, content: text.into() }],
        sampling: SamplingPatch { temperature: Some(0.0), ..SamplingPatch::default() },
        max_tokens: Some(48),
        stop: Vec::new(),
        thinking: Thinking::Auto,
        begun: None,
        constraint: None,
    }
}

/// A front end.
pub struct Engine {
    pub handle: EngineHandle,
    pub events: UnboundedReceiver<EngineEvent>,
    pub loads: LoadId,
    pub answers: GenId,
}

#[derive(Debug)]
pub struct Answer {
    pub text: String,
    pub delta_tokens: u32,
    pub prompt_tokens: u32,
    pub reason: FinishReason,
    pub usage: Usage,
    pub stats: GenStats,
    pub satisfied: Option<bool>,
    /// Loading events that came in between.
    pub reloads: usize,
}

impl Engine {
    pub fn start() -> Self {
        Self::with(PathBuf::from(env!("CARGO_BIN_EXE_hobnob")))
    }

    pub fn with(exe: PathBuf) -> Self {
        Self::of(Options { exe, verbose: 1, share: Share::No })
    }

    pub fn sharing(share: Share) -> Self {
        Self::of(Options { exe: PathBuf::from(env!("CARGO_BIN_EXE_hobnob")), verbose: 1, share })
    }

    fn of(options: Options) -> Self {
        let (handle, events) = EngineHandle::start(options);
        Self { handle, events, loads: LoadId(0), answers: GenId(0) }
    }

    pub async fn loaded(spec: &ModelSpec) -> (Self, ModelInfo) {
        let mut engine = Self::start();
        let info = engine.load(spec).await.expect("loads");
        (engine, info)
    }

    pub async fn event(&mut self) -> EngineEvent {
        let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
        event.expect("an event in time").expect("the link is there")
    }

    /// The first event that `pick` takes; the others are dropped.
    pub async fn until<T>(&mut self, mut pick: impl FnMut(EngineEvent) -> Option<T>) -> T {
        loop {
            if let Some(found) = pick(self.event().await) {
                return found;
            }
        }
    }

    pub fn begin_load(&mut self, spec: &ModelSpec) -> LoadId {
        self.loads = self.loads.next();
        self.handle.send(EngineCmd::Load { id: self.loads, spec: spec.clone() });
        self.loads
    }

    pub async fn load(&mut self, spec: &ModelSpec) -> Result<ModelInfo, UserError> {
        let wanted = self.begin_load(spec);
        self.until(|event| match event {
            EngineEvent::Loaded { id, info } if id == wanted => Some(Ok(*info)),
            EngineEvent::LoadFailed { id, error } if id == wanted => Some(Err(error)),
            _ => None,
        })
        .await
    }

    pub async fn unload(&mut self) {
        self.handle.send(EngineCmd::Unload);
        self.until(|event| (event == EngineEvent::Unloaded { forgotten: true }).then_some(())).await;
    }

    pub fn begin(&mut self, req: GenRequest) -> GenId {
        self.answers = self.answers.next();
        self.handle.send(EngineCmd::Generate { id: self.answers, req });
        self.answers
    }

    pub async fn answer(&mut self, req: GenRequest) -> Result<Answer, UserError> {
        let id = self.begin(req);
        self.answer_to(id).await
    }

    /// Tokens of texts, and what the model's template adds.
    pub async fn count(&mut self, id: u64, texts: &[&str]) -> (Vec<u32>, TemplateCost) {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        self.handle.send(EngineCmd::Count { id: CountId(id), texts });
        self.until(|event| match event {
            EngineEvent::Counted { id: answered, tokens, template } if answered.0 == id => Some((tokens, template)),
            _ => None,
        })
        .await
    }

    pub async fn answer_to(&mut self, wanted: GenId) -> Result<Answer, UserError> {
        let (mut text, mut delta_tokens, mut prompt, mut reloads) = (String::new(), 0, 0, 0);
        loop {
            match self.event().await {
                EngineEvent::Started { id, prompt_tokens, .. } if id == wanted => prompt = prompt_tokens,
                EngineEvent::Delta { id, kind: PieceKind::Text, text: more, tokens } if id == wanted => {
                    text.push_str(&more);
                    delta_tokens += tokens;
                }
                EngineEvent::Finished { id, reason, usage, stats, satisfied } if id == wanted => {
                    return Ok(Answer {
                        text,
                        delta_tokens,
                        prompt_tokens: prompt,
                        reason,
                        usage,
                        stats,
                        satisfied,
                        reloads,
                    });
                }
                EngineEvent::Failed { id, error } if id == wanted => return Err(error),
                EngineEvent::Progress { .. } => reloads += 1,
                _ => {}
            }
        }
    }

    pub async fn pieces(&mut self, wanted: GenId, mut n: usize) {
        self.until(|event| match event {
            EngineEvent::Delta { id, .. } if id == wanted => {
                n -= 1;
                (n == 0).then_some(())
            }
            _ => None,
        })
        .await;
    }

    pub async fn stage(&mut self, wanted: LoadStage) {
        self.until(|event| matches!(event, EngineEvent::Progress { stage, .. } if stage == wanted).then_some(())).await;
    }

    pub async fn started(&mut self, wanted: GenId) {
        self.until(|event| matches!(event, EngineEvent::Started { id, .. } if id == wanted).then_some(())).await;
    }
}
