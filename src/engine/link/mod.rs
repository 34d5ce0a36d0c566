//! The parent's end of the engine: a task that owns the process and one state.
//!
//! | state | process | leaves by |
//! |---|---|---|
//! | `Down` | none | a load, or a message for a model that is known |
//! | `Loading` | reads the model | loaded, failed, died, replaced by a load of something else |
//! | `Ready` | waits | a message, an unload, being sent to sleep, its death |
//! | `Generating` | answers | the answer's end, a cancel, its death |
//! | `Draining` | was asked to stop | its word that it has, or the end of our patience: then it is killed |
//!
//! A process that died is started again when it is next needed, and not before: what crashes at once can't crash in a
//! loop. Every load is answered by `Loaded` or `LoadFailed` (or `Unloaded`, when that was asked for meanwhile), every
//! message by `Finished` or `Failed`. All of the machine is in this file, longer than most, so that it can be checked as one.

mod child;
mod death;
mod greet;
mod growth;
mod running;

pub use self::greet::greet;

use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep_until};

use self::child::EngineProcess;
use self::death::{During, explain};
use self::growth::{growth_allowed, machine_memory};
use self::running::{Answer, Patience, cancelled_before_it_began};
use super::Options;
use super::protocol::{self, FromEngine, ToEngine};
use crate::domain::model::{ModelInfo, ModelSpec};
use crate::domain::{EngineCmd, EngineEvent, GenId, GenRequest, LoadId, LoadStage};
use crate::error::{ErrorKind, UserError};

/// How often memory is looked at while something is going on. Never while nothing is: an idle program does not wake up.
const SAMPLE: Duration = Duration::from_millis(500);

pub(super) struct Link {
    options: Options,
    events: UnboundedSender<EngineEvent>,
    /// The model that was asked for last; kept while its process is gone.
    wanted: Option<Wanted>,
    state: State,
}

struct Wanted {
    id: LoadId,
    spec: ModelSpec,
    /// As it was when it was loaded; `None` until it has been once.
    loaded: Option<Loaded>,
}

struct Loaded {
    info: ModelInfo,
    /// Resident memory right after loading.
    memory: Option<u64>,
}

enum State {
    Down,
    Loading {
        child: EngineProcess,
        then: Option<Ask>,
        /// Nobody has asked for this load: the process is being replaced behind the scenes.
        quiet: bool,
        stage: LoadStage,
    },
    Ready {
        child: EngineProcess,
    },
    Generating {
        child: EngineProcess,
        answer: Answer,
    },
    Draining {
        child: EngineProcess,
        id: GenId,
        deadline: Instant,
        /// From when a message waits.
        patience: Duration,
        then: Option<Ask>,
    },
}

/// A message that waits for the engine.
struct Ask {
    id: GenId,
    req: GenRequest,
}

// One lives at a time, and for a moment.
#[allow(clippy::large_enum_variant)]
enum Step {
    Command(Option<EngineCmd>),
    /// `None`: the process is gone, or can't be understood.
    Message(Option<FromEngine>),
    PatienceOver,
    Sample,
}

impl Link {
    pub fn new(options: Options, events: UnboundedSender<EngineEvent>) -> Self {
        Self { options, events, wanted: None, state: State::Down }
    }

    /// Lives until its handle is dropped; then ends the process.
    pub async fn run(mut self, mut inbox: UnboundedReceiver<EngineCmd>) {
        let mut next_sample = None;
        loop {
            match self.next(&mut inbox, &mut next_sample).await {
                Step::Command(None) => break,
                Step::Command(Some(command)) => self.obey(command).await,
                Step::Message(Some(message)) => self.hear(message).await,
                Step::Message(None) => self.bury().await,
                Step::PatienceOver => self.kill_to_stop().await,
                Step::Sample => {
                    self.sample();
                }
            }
        }
        if let Some(child) = self.take_child() {
            child.end().await;
        }
    }

    async fn next(&mut self, inbox: &mut UnboundedReceiver<EngineCmd>, next_sample: &mut Option<Instant>) -> Step {
        let (child, deadline, busy) = match &mut self.state {
            State::Down => (None, None, false),
            State::Ready { child } => (Some(child), None, false),
            State::Loading { child, .. } | State::Generating { child, .. } => (Some(child), None, true),
            State::Draining { child, deadline, .. } => (Some(child), Some(*deadline), false),
        };
        let sample_at = busy.then(|| *next_sample.get_or_insert_with(|| Instant::now() + SAMPLE));
        if !busy {
            *next_sample = None;
        }
        tokio::select! {
            biased;
            command = inbox.recv() => Step::Command(command),
            message = heard(child) => Step::Message(message),
            () = due(deadline) => Step::PatienceOver,
            () = due(sample_at) => {
                *next_sample = None;
                Step::Sample
            }
        }
    }

    fn emit(&self, event: EngineEvent) {
        // A front end that has stopped listening is about to drop its handle.
        let _ = self.events.send(event);
    }

    // ── What the front end asks ──────────────────────────────────────────────────────────────────────────────────────

    async fn obey(&mut self, command: EngineCmd) {
        match command {
            EngineCmd::Load { id, spec } => self.load(id, spec).await,
            EngineCmd::Unload => {
                self.end_answers();
                self.wanted = None;
                if let Some(child) = self.take_child() {
                    child.end().await;
                }
                self.emit(EngineEvent::Unloaded { forgotten: true });
            }
            EngineCmd::Generate { id, req } => self.generate(Ask { id, req }),
            EngineCmd::Cancel(id) => self.cancel(id),
            EngineCmd::Sleep => self.sleep().await,
            EngineCmd::Count { id, texts } => self.count(&ToEngine::Count { id, texts }),
        }
    }

    async fn load(&mut self, id: LoadId, spec: ModelSpec) {
        if let (State::Ready { .. }, Some(wanted)) = (&self.state, &mut self.wanted)
            && wanted.spec == spec
            && let Some(loaded) = &wanted.loaded
        {
            wanted.id = id;
            let info = loaded.info.clone();
            return self.emit(EngineEvent::Loaded { id, info: Box::new(info) });
        }
        let same = self.wanted.as_ref().is_some_and(|wanted| wanted.spec == spec);
        if let (State::Loading { quiet: false, .. }, Some(wanted)) = (&self.state, &self.wanted) {
            let name = &wanted.spec.name;
            let why = if same {
                format!("`{name}` was chosen once more while it was loading")
            } else {
                format!("another model was chosen before `{name}`")
            };
            self.emit(EngineEvent::LoadFailed { id: wanted.id, error: UserError::new(ErrorKind::Cancelled, why) });
        }
        self.end_answers();
        if let (State::Loading { quiet, stage, .. }, Some(wanted), true) = (&mut self.state, &mut self.wanted, same) {
            // It goes on for the new one.
            *quiet = false;
            wanted.id = id;
            let stage = *stage;
            return self.emit(EngineEvent::Progress { id, stage });
        }
        if let Some(child) = self.take_child() {
            child.end().await;
        }
        self.wanted = Some(Wanted { id, spec, loaded: None });
        self.start(None, false);
    }

    fn generate(&mut self, ask: Ask) {
        match &mut self.state {
            State::Ready { .. } => self.begin(ask),
            State::Down if self.wanted.is_some() => self.start(Some(ask), false),
            State::Loading { then: then @ None, quiet, .. } => {
                *then = Some(ask);
                // Somebody waits for it now.
                *quiet = false;
            }
            State::Draining { then: then @ None, deadline, patience, .. } => {
                *then = Some(ask);
                *deadline = (*deadline).min(Instant::now() + *patience);
            }
            State::Down => {
                let error = UserError::new(ErrorKind::ModelNotFound, "no model is loaded").hint("load a model first");
                self.emit(EngineEvent::Failed { id: ask.id, error });
            }
            State::Loading { .. } | State::Generating { .. } | State::Draining { .. } => {
                let error = UserError::new(ErrorKind::Generation, "the engine is busy with another answer")
                    .hint("wait until it is finished, or stop it");
                self.emit(EngineEvent::Failed { id: ask.id, error });
            }
        }
    }

    fn cancel(&mut self, id: GenId) {
        match &mut self.state {
            State::Generating { answer, .. } if answer.id == id => {}
            State::Loading { then, .. } | State::Draining { then, .. }
                if then.as_ref().is_some_and(|ask| ask.id == id) =>
            {
                *then = None;
                return self.emit(cancelled_before_it_began(id));
            }
            // It has ended meanwhile.
            _ => return,
        }
        if let State::Generating { child, answer } = std::mem::replace(&mut self.state, State::Down) {
            let load_time = self.wanted.as_ref().and_then(|w| w.loaded.as_ref()).map(|l| l.info.load_time);
            let patience = answer.patience(load_time.unwrap_or_default(), Instant::now().into_std());
            self.emit(answer.cut_short(Instant::now().into_std()));
            // An id always fits into a frame.
            let _ = child.tell(&ToEngine::Cancel { id });
            let Patience { waiting, idle } = patience;
            let deadline = Instant::now() + idle;
            self.state = State::Draining { child, id, deadline, patience: waiting, then: None };
        }
    }

    /// Whoever asks has seen nothing going on; what has begun since is stronger.
    async fn sleep(&mut self) {
        if matches!(self.state, State::Ready { .. } | State::Loading { quiet: true, then: None, .. })
            && let Some(child) = self.take_child()
        {
            child.end().await;
            self.emit(EngineEvent::Unloaded { forgotten: false });
        }
    }

    /// Without a process that has its model nobody can count; the one who asks does so again when there is one.
    fn count(&self, wish: &ToEngine) {
        let (State::Ready { child } | State::Generating { child, .. } | State::Draining { child, .. }) = &self.state
        else {
            return;
        };
        if let Err(error) = child.tell(wish) {
            tracing::warn!(target: "engine", "the conversation is too long to be counted: {error}");
        }
    }

    // ── What the process tells ───────────────────────────────────────────────────────────────────────────────────────

    async fn hear(&mut self, message: FromEngine) {
        match message {
            FromEngine::Hello { version } if version == protocol::VERSION => {}
            FromEngine::Hello { version } => {
                tracing::error!(target: "engine", "the engine's process speaks version {version}, not {}", protocol::VERSION);
                let error = UserError::new(ErrorKind::LoadFailed, "hobnob was replaced on disk while it was running")
                    .hint("quit and start it again");
                self.load_failed(error).await;
            }
            FromEngine::Stage { stage } => self.progress(stage),
            FromEngine::Loaded { info } => self.loaded(*info),
            FromEngine::LoadFailed { error } => self.load_failed(error).await,
            FromEngine::Started { id, prompt_tokens, cached_tokens, context } => {
                if let State::Generating { answer, .. } = &mut self.state
                    && answer.id == id
                {
                    answer.starts(prompt_tokens);
                    self.emit(EngineEvent::Started { id, prompt_tokens, cached_tokens, context });
                }
            }
            FromEngine::Delta { id, kind, text, tokens } => {
                if let State::Generating { answer, .. } = &mut self.state
                    && answer.id == id
                {
                    answer.takes(tokens, Instant::now().into_std());
                    self.emit(EngineEvent::Delta { id, kind, text, tokens });
                }
            }
            FromEngine::Finished { id, reason, usage, stats, satisfied } => {
                self.answered(id, EngineEvent::Finished { id, reason, usage, stats, satisfied }).await;
            }
            FromEngine::Failed { id, error } => self.answered(id, EngineEvent::Failed { id, error }).await,
            FromEngine::Counted { id, tokens, template } => self.emit(EngineEvent::Counted { id, tokens, template }),
        }
    }

    fn progress(&mut self, reached: LoadStage) {
        if let (State::Loading { quiet, stage, .. }, Some(wanted)) = (&mut self.state, &self.wanted) {
            *stage = reached;
            let id = wanted.id;
            if !*quiet {
                self.emit(EngineEvent::Progress { id, stage: reached });
            }
        }
    }

    fn loaded(&mut self, info: ModelInfo) {
        let State::Loading { child, then, quiet, .. } = std::mem::replace(&mut self.state, State::Down) else {
            return;
        };
        self.state = State::Ready { child };
        if let Some(wanted) = &mut self.wanted {
            wanted.loaded = Some(Loaded { info: info.clone(), memory: None });
            if !quiet {
                let id = wanted.id;
                self.emit(EngineEvent::Loaded { id, info: Box::new(info) });
            }
        }
        let memory = self.sample();
        if let Some(loaded) = self.wanted.as_mut().and_then(|w| w.loaded.as_mut()) {
            loaded.memory = memory;
        }
        if let Some(ask) = then {
            self.begin(ask);
        }
    }

    /// The process said that it can't. The model stays the one that is wanted: the next message tries again.
    async fn load_failed(&mut self, error: UserError) {
        let quiet = matches!(self.state, State::Loading { quiet: true, .. });
        let then = match &mut self.state {
            State::Loading { then, .. } => then.take(),
            _ => None,
        };
        if let Some(child) = self.take_child() {
            child.end().await;
        }
        self.tell_load_failed(error, then, quiet);
    }

    fn tell_load_failed(&self, error: UserError, then: Option<Ask>, quiet: bool) {
        let Some(wanted) = &self.wanted else { return };
        if quiet {
            tracing::warn!(target: "engine", "the model could not be loaded again: {error}");
        } else {
            self.emit(EngineEvent::LoadFailed { id: wanted.id, error: error.clone() });
        }
        if let Some(ask) = then {
            self.emit(EngineEvent::Failed { id: ask.id, error });
        }
    }

    async fn answered(&mut self, id: GenId, event: EngineEvent) {
        match std::mem::replace(&mut self.state, State::Down) {
            State::Generating { child, answer } if answer.id == id => {
                self.state = State::Ready { child };
                self.emit(event);
                self.rest().await;
            }
            State::Draining { child, id: draining, then, .. } if draining == id => {
                self.state = State::Ready { child };
                match then {
                    Some(ask) => self.begin(ask),
                    None => self.rest().await,
                }
            }
            other => self.state = other,
        }
    }

    // ── The process ──────────────────────────────────────────────────────────────────────────────────────────────────

    /// Starts a process for the model that is wanted.
    fn start(&mut self, then: Option<Ask>, quiet: bool) {
        let Some(wanted) = &self.wanted else { return };
        if !quiet {
            self.emit(EngineEvent::Progress { id: wanted.id, stage: LoadStage::Starting });
        }
        let load = ToEngine::Load { spec: wanted.spec.clone() };
        let name = wanted.spec.name.clone();
        let started = EngineProcess::start(&self.options).map_err(|error| {
            UserError::new(ErrorKind::LoadFailed, format!("the engine's process could not be started: {error}"))
                .hint(format!("`{}` must be this program", self.options.exe.display()))
        });
        let told = started.and_then(|child| match child.tell(&load) {
            Ok(()) => Ok(child),
            Err(error) => {
                Err(UserError::new(ErrorKind::LoadFailed, format!("`{name}` can't be named to the engine: {error}")))
            }
        });
        match told {
            Ok(child) => self.state = State::Loading { child, then, quiet, stage: LoadStage::Starting },
            Err(error) => self.tell_load_failed(error, then, quiet),
        }
    }

    /// Only in `Ready`.
    fn begin(&mut self, ask: Ask) {
        let State::Ready { child } = std::mem::replace(&mut self.state, State::Down) else {
            return;
        };
        match child.tell(&ToEngine::Generate { id: ask.id, req: ask.req }) {
            Ok(()) => {
                self.state = State::Generating { child, answer: Answer::begin(ask.id, Instant::now().into_std()) };
            }
            Err(error) => {
                self.state = State::Ready { child };
                let error =
                    UserError::new(ErrorKind::Generation, format!("the conversation is too long to send: {error}"))
                        .hint("start a new conversation");
                self.emit(EngineEvent::Failed { id: ask.id, error });
            }
        }
    }

    /// The process did not stop in time: it does now. The model loads again when it is next needed.
    async fn kill_to_stop(&mut self) {
        let State::Draining { child, then, .. } = std::mem::replace(&mut self.state, State::Down) else {
            return;
        };
        tracing::info!(target: "engine", "the answer did not stop in time: the process is ended");
        child.end().await;
        self.emit(EngineEvent::Unloaded { forgotten: false });
        if then.is_some() {
            self.start(then, false);
        }
    }

    /// The process is gone, and nobody here has ended it.
    async fn bury(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Down);
        let Some(wanted) = &self.wanted else { return };
        let spec = wanted.spec.clone();
        match state {
            State::Down => {}
            State::Loading { child, then, quiet, .. } => {
                let error = explain(&child.bury().await, During::Load, &spec);
                self.tell_load_failed(error, then, quiet);
            }
            State::Ready { child } => {
                let error = explain(&child.bury().await, During::Rest, &spec);
                self.emit(EngineEvent::Died { error });
            }
            State::Generating { child, answer } => {
                let error = explain(&child.bury().await, During::Answer, &spec);
                self.emit(EngineEvent::Failed { id: answer.id, error: error.clone() });
                self.emit(EngineEvent::Died { error });
            }
            State::Draining { child, then, .. } => {
                // It was on its way out, and the answer has been given its end.
                let error = explain(&child.bury().await, During::Answer, &spec);
                tracing::warn!(target: "engine", "{error}, after it was asked to stop");
                self.emit(EngineEvent::Unloaded { forgotten: false });
                if then.is_some() {
                    self.start(then, false);
                }
            }
        }
    }

    fn take_child(&mut self) -> Option<EngineProcess> {
        match std::mem::replace(&mut self.state, State::Down) {
            State::Down => None,
            State::Loading { child, .. }
            | State::Ready { child }
            | State::Generating { child, .. }
            | State::Draining { child, .. } => Some(child),
        }
    }

    /// Whoever waits for an answer gets its end.
    fn end_answers(&mut self) {
        let event = match &mut self.state {
            State::Generating { answer, .. } => Some(answer.cut_short(Instant::now().into_std())),
            State::Loading { then, .. } | State::Draining { then, .. } => {
                then.take().map(|ask| cancelled_before_it_began(ask.id))
            }
            State::Down | State::Ready { .. } => None,
        };
        if let Some(event) = event {
            self.emit(event);
        }
    }

    // ── Memory ───────────────────────────────────────────────────────────────────────────────────────────────────────

    fn sample(&self) -> Option<u64> {
        let (bytes, peak) = match &self.state {
            State::Down => return None,
            State::Loading { child, .. }
            | State::Ready { child }
            | State::Generating { child, .. }
            | State::Draining { child, .. } => (child.memory()?, child.peak_memory()),
        };
        self.emit(EngineEvent::Memory { bytes, peak });
        Some(bytes)
    }

    /// An answer is over, and nobody waits: the moment to look at the process, and to replace it.
    async fn rest(&mut self) {
        let memory = self.sample();
        if self.has_grown(memory) {
            self.recycle().await;
        }
    }

    fn has_grown(&self, memory: Option<u64>) -> bool {
        let Some(loaded) = self.wanted.as_ref().and_then(|w| w.loaded.as_ref()) else {
            return false;
        };
        match (loaded.memory, memory) {
            (Some(before), Some(now)) => growth_allowed(&loaded.info, before, machine_memory())
                .is_some_and(|allowed| now.saturating_sub(before) > allowed),
            _ => false,
        }
    }

    /// On the CPU the engine keeps the cache of every answer it has given and lets none go. A new process starts small.
    /// It loads right away, unseen, so that the next message does not wait for it; what that message pays is reading
    /// the conversation again from its start, which is why the process is left to grow by a good deal first.
    async fn recycle(&mut self) {
        tracing::info!(target: "engine", "the engine has grown: a new process takes over");
        if let Some(child) = self.take_child() {
            child.end().await;
        }
        self.start(None, true);
    }
}

async fn heard(child: Option<&mut EngineProcess>) -> Option<FromEngine> {
    match child {
        Some(child) => child.messages.recv().await,
        None => std::future::pending().await,
    }
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
