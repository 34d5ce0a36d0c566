//! The parent's end of the engine: a task that owns the process and one state.
//!
//! | state | process | leaves by |
//! |---|---|---|
//! | `Down` | none | a load, or a message for a model that is known |
//! | `Loading` | reads the model | loaded, failed, died, replaced by a load of something else |
//! | `Ready` | waits | a message, an unload, being sent to sleep, its death |
//! | `Generating` | answers | the answer's end, a cancel, our own message where it is a guest's, its death |
//! | `Draining` | was asked to stop | its word that it has, or the end of our patience: then it is killed |
//!
//! A process that died is started again when it is next needed, and not before: what crashes at once can't crash in a
//! loop. Every load is answered by `Loaded` or `LoadFailed` (or `Unloaded`, when that was asked for meanwhile), every
//! message by `Finished` or `Failed`. All of the machine is in this file, longer than most, so that it can be checked as one.
//!
//! The process can be somebody else's, who lends it (see `share`): then its end is no death, and a new one is started where
//! it is needed. And it can be lent: guests' messages wait in a line of their own, and give way to our own front end's.

mod child;
mod death;
mod greet;
mod lending;
mod memory;
mod process;
mod running;
mod state;

pub use self::greet::greet;

use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep_until};

use self::child::replaced_on_disk;
use self::death::{During, explain, holder_gone};
use self::lending::Guests;
use self::memory::Memory;
use self::process::EngineProcess;
use self::running::{Answer, Ask, Asker, Patience, Taken, cancelled_before_it_began};
use self::state::{State, Wanted};
use super::Options;
use super::protocol::{self, FrameError, FromEngine, ToEngine};
use super::share::{Share, Visit, Weights};
use crate::domain::model::{ModelInfo, ModelSpec};
use crate::domain::{EngineCmd, EngineEvent, GenId, LoadId, LoadStage};
use crate::error::{ErrorKind, UserError};

/// How often memory is looked at while something is going on. Never while nothing is: an idle program does not wake up.
const SAMPLE: Duration = Duration::from_millis(500);

pub(super) struct Link {
    options: Options,
    events: UnboundedSender<EngineEvent>,
    /// The model that was asked for last; kept while its process is gone.
    wanted: Option<Wanted>,
    state: State,
    guests: Guests,
    /// What the process knows the last answer by. Ids of different askers can be the same.
    ticket: GenId,
}

// One lives at a time, and for a moment.
#[allow(clippy::large_enum_variant)]
enum Step {
    Command(Option<EngineCmd>),
    /// `None`: the process is gone, or can't be understood.
    Message(Option<FromEngine>),
    PatienceOver,
    Sample,
    Visit(Visit),
    /// It is time to see whether anybody needs what is kept for guests.
    Look,
}

impl Link {
    pub fn new(options: Options, events: UnboundedSender<EngineEvent>) -> Self {
        let guests = Guests::new(&options.share);
        Self { options, events, wanted: None, state: State::Down, guests, ticket: GenId::default() }
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
                Step::Sample => self.sample(),
                Step::Visit(visit) => self.visited(visit),
                Step::Look => self.look(),
            }
            self.tell_of_guests();
        }
        if let Some(child) = self.state.take_child() {
            child.end().await;
        }
        self.guests.close().await;
    }

    async fn next(&mut self, inbox: &mut UnboundedReceiver<EngineCmd>, next_sample: &mut Option<Instant>) -> Step {
        let look_at = self.guests.look_at();
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
            visit = self.guests.visit() => Step::Visit(visit),
            () = due(deadline) => Step::PatienceOver,
            () = due(sample_at) => {
                *next_sample = None;
                Step::Sample
            }
            () = due(look_at) => Step::Look,
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
                self.guests.send_away();
                if let Some(child) = self.state.take_child() {
                    child.end().await;
                }
                self.emit(EngineEvent::Unloaded { forgotten: true });
            }
            EngineCmd::Generate { id, req } => {
                self.generate(Ask { asker: Asker::Front, id, req, earlier: None });
            }
            EngineCmd::Cancel(id) => self.cancel(Asker::Front, id),
            EngineCmd::Sleep => self.sleep().await,
            EngineCmd::Count { id, texts } => self.count(&ToEngine::Count { id, texts }),
        }
    }

    async fn load(&mut self, id: LoadId, spec: ModelSpec) {
        let is_there = match &self.state {
            State::Ready { .. } => true,
            State::Generating { answer, .. } => answer.is_guests(),
            _ => false,
        };
        if let (true, Some(wanted)) = (is_there, &mut self.wanted)
            && wanted.spec == spec
            && let Some(info) = wanted.loaded.clone()
        {
            wanted.id = id;
            self.emit(EngineEvent::Loaded { id, info: Box::new(info) });
            return self.sample();
        }
        let same = self.wanted.as_ref().is_some_and(|wanted| wanted.spec == spec);
        if let (State::Loading { .. }, Some(wanted)) = (&self.state, &self.wanted) {
            let name = &wanted.spec.name;
            let why = if same {
                format!("`{name}` was chosen once more while it was loading")
            } else {
                format!("another model was chosen before `{name}`")
            };
            self.emit(EngineEvent::LoadFailed { id: wanted.id, error: UserError::new(ErrorKind::Cancelled, why) });
        }
        self.end_answers();
        if let (State::Loading { stage, .. }, Some(wanted), true) = (&self.state, &mut self.wanted, same) {
            // It goes on for the new one.
            wanted.id = id;
            let stage = *stage;
            return self.emit(EngineEvent::Progress { id, stage });
        }
        self.guests.send_away();
        if let Some(child) = self.state.take_child() {
            child.end().await;
        }
        self.wanted = Some(Wanted { id, spec, weights: None, loaded: None });
        self.start(None);
    }

    fn generate(&mut self, ask: Ask) {
        match &mut self.state {
            State::Ready { .. } => self.begin(ask),
            State::Generating { answer, .. } if answer.is_guests() => self.interrupt(ask),
            State::Down if self.wanted.is_some() => self.start(Some(ask)),
            State::Loading { then: then @ None, .. } => *then = Some(ask),
            State::Draining { then: then @ None, deadline, patience, .. } => {
                *then = Some(ask);
                *deadline = (*deadline).min(Instant::now() + *patience);
            }
            State::Down => {
                let error = UserError::new(ErrorKind::ModelNotFound, "no model is loaded").hint("load a model first");
                self.emit(EngineEvent::Failed { id: ask.id, error });
            }
            State::Loading { .. } | State::Generating { .. } | State::Draining { .. } => {
                self.emit(EngineEvent::Failed { id: ask.id, error: busy() });
            }
        }
    }

    fn cancel(&mut self, asker: Asker, id: GenId) {
        let is_it = |ask: &Ask| (ask.asker, ask.id) == (asker, id);
        match &mut self.state {
            State::Generating { answer, .. } if is_it(&answer.ask) => {}
            State::Loading { then, .. } | State::Draining { then, .. } if then.as_ref().is_some_and(is_it) => {
                if let Some(ask) = then.take() {
                    self.tell(asker, cancelled_before_it_began(&ask));
                }
                return;
            }
            // It has ended meanwhile.
            _ => return,
        }
        if let Some(answer) = self.drain(None) {
            self.tell(asker, answer.cut_short(Instant::now().into_std()));
            if self.guests.are_waiting() {
                self.hurry();
            }
        }
    }

    /// Has the running answer stopped, and gives it back. Whoever asked for it is told nothing.
    fn drain(&mut self, then: Option<Ask>) -> Option<Answer> {
        let State::Generating { child, answer } = std::mem::replace(&mut self.state, State::Down) else {
            return None;
        };
        let load_time = self.wanted.as_ref().and_then(|w| w.loaded.as_ref()).map(|info| info.load_time);
        let Patience { waiting, idle } = answer.patience(load_time.unwrap_or_default(), Instant::now().into_std());
        let ticket = answer.ticket;
        // An id always fits into a frame.
        let _ = child.tell(&ToEngine::Cancel { id: ticket });
        let deadline = Instant::now() + if then.is_some() { waiting } else { idle };
        self.state = State::Draining { child, ticket, deadline, patience: waiting, then };
        Some(answer)
    }

    /// Somebody waits for what is on its way out.
    fn hurry(&mut self) {
        if let State::Draining { deadline, patience, .. } = &mut self.state {
            *deadline = (*deadline).min(Instant::now() + *patience);
        }
    }

    /// Whoever asks has seen nothing going on; what has begun since is stronger.
    async fn sleep(&mut self) {
        if matches!(self.state, State::Ready { .. })
            && let Some(child) = self.state.take_child()
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
                self.load_failed(replaced_on_disk()).await;
            }
            FromEngine::Stage { stage } => self.progress(stage),
            FromEngine::Loaded { info } => self.loaded(*info),
            FromEngine::LoadFailed { error } => self.load_failed(error).await,
            FromEngine::Started { id, prompt_tokens, cached_tokens, context } => {
                if let State::Generating { answer, .. } = &mut self.state
                    && answer.ticket == id
                    && let Some(event) = answer.starts(prompt_tokens, cached_tokens, context)
                {
                    let asker = answer.ask.asker;
                    self.tell(asker, event);
                }
            }
            FromEngine::Delta { id, kind, text, tokens } => {
                if let State::Generating { answer, .. } = &mut self.state
                    && answer.ticket == id
                {
                    let taken = answer.takes(kind, text, tokens, Instant::now().into_std());
                    let asker = answer.ask.asker;
                    match taken {
                        Taken::News(event) => self.tell(asker, event),
                        Taken::Known => {}
                        Taken::Differs => self.go_another_way(),
                    }
                }
            }
            FromEngine::Finished { id, reason, usage, stats, satisfied } => {
                self.answered(id, |answer| answer.ends(reason, usage, stats, satisfied));
            }
            FromEngine::Failed { id, error } => {
                self.answered(id, |answer| EngineEvent::Failed { id: answer.ask.id, error });
            }
            FromEngine::Counted { id, tokens, template } => self.emit(EngineEvent::Counted { id, tokens, template }),
        }
    }

    fn progress(&mut self, reached: LoadStage) {
        if let (State::Loading { stage, .. }, Some(wanted)) = (&mut self.state, &self.wanted) {
            *stage = reached;
            self.guests.say_to_all(&FromEngine::Stage { stage: reached });
            self.emit(EngineEvent::Progress { id: wanted.id, stage: reached });
        }
    }

    /// What somebody lends can be loaded again while an answer of ours waits there: that is between its holder and it.
    fn loaded(&mut self, mut info: ModelInfo) {
        let (child, then) = match std::mem::replace(&mut self.state, State::Down) {
            State::Loading { child, then, .. } => (child, then),
            other => return self.state = other,
        };
        info.notes.extend(self.not_kept(&child));
        self.state = State::Ready { child };
        if let Some(wanted) = &mut self.wanted {
            wanted.loaded = Some(info.clone());
            let id = wanted.id;
            self.guests.say_to_all(&FromEngine::Loaded { info: Box::new(info.clone()) });
            self.emit(EngineEvent::Loaded { id, info: Box::new(info) });
        }
        self.sample();
        self.go_on(then);
    }

    /// The engine is free: the next message, our own front end's first.
    fn go_on(&mut self, then: Option<Ask>) {
        if let Some(ask) = then.or_else(|| self.guests.next_ask()) {
            self.begin(ask);
        }
    }

    /// The process said that it can't. The model stays the one that is wanted: the next message tries again. A holder who
    /// can't load again sends its guests away, and what they wait for goes on from there.
    async fn load_failed(&mut self, error: UserError) {
        match std::mem::replace(&mut self.state, State::Down) {
            State::Loading { child, then, .. } => {
                child.end().await;
                self.tell_load_failed(error, then);
            }
            other => self.state = other,
        }
    }

    fn tell_load_failed(&mut self, error: UserError, then: Option<Ask>) {
        let Some(wanted) = &self.wanted else { return };
        self.emit(EngineEvent::LoadFailed { id: wanted.id, error: error.clone() });
        self.guests.say_to_all(&FromEngine::LoadFailed { error: error.clone() });
        self.guests.send_away();
        if let Some(ask) = then {
            self.emit(EngineEvent::Failed { id: ask.id, error });
        }
    }

    fn answered(&mut self, ticket: GenId, end: impl FnOnce(Answer) -> EngineEvent) {
        match std::mem::replace(&mut self.state, State::Down) {
            State::Generating { child, answer } if answer.ticket == ticket => {
                self.state = State::Ready { child };
                let asker = answer.ask.asker;
                self.tell(asker, end(answer));
                self.sample();
                self.go_on(None);
            }
            State::Draining { child, ticket: draining, then, .. } if draining == ticket => {
                self.state = State::Ready { child };
                if then.is_none() {
                    self.sample();
                }
                self.go_on(then);
            }
            other => self.state = other,
        }
    }

    // ── The process ──────────────────────────────────────────────────────────────────────────────────────────────────

    /// Has a process for the model that is wanted: another's where there is one, else one that is started.
    fn start(&mut self, then: Option<Ask>) {
        let Some(wanted) = &mut self.wanted else { return };
        let id = wanted.id;
        match &self.options.share {
            Share::Borrow(borrow) => {
                let child = EngineProcess::borrow(borrow, &self.options, &wanted.spec);
                self.state = State::Loading { child, then, stage: LoadStage::Starting };
            }
            Share::Lend(lend) => {
                wanted.weights = Weights::of(&wanted.spec);
                self.guests.open(lend);
                self.start_own(then);
            }
            Share::No => self.start_own(then),
        }
        self.emit(EngineEvent::Progress { id, stage: LoadStage::Starting });
    }

    fn start_own(&mut self, then: Option<Ask>) {
        let Some(wanted) = &self.wanted else { return };
        let load = ToEngine::Load { spec: wanted.spec.clone() };
        let told = EngineProcess::start(&self.options).and_then(|child| match child.tell(&load) {
            Ok(()) => Ok(child),
            Err(error) => Err(not_named(&wanted.spec, &error)),
        });
        match told {
            Ok(child) => self.state = State::Loading { child, then, stage: LoadStage::Starting },
            Err(error) => self.tell_load_failed(error, then),
        }
    }

    /// Only in `Ready`.
    fn begin(&mut self, ask: Ask) {
        let State::Ready { child } = std::mem::replace(&mut self.state, State::Down) else {
            return;
        };
        self.ticket = self.ticket.next();
        let ticket = self.ticket;
        let told = child.tell(&ToEngine::Generate { id: ticket, req: ask.req.clone() });
        match told {
            Ok(()) => {
                let answer = Answer::begin(ticket, ask, Instant::now().into_std());
                self.state = State::Generating { child, answer };
            }
            Err(error) => {
                self.state = State::Ready { child };
                let error =
                    UserError::new(ErrorKind::Generation, format!("the conversation is too long to send: {error}"))
                        .hint("start a new conversation");
                self.tell(ask.asker, EngineEvent::Failed { id: ask.id, error });
                self.go_on(None);
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
        self.start_if_needed(then);
    }

    fn start_if_needed(&mut self, then: Option<Ask>) {
        if then.is_some() || self.guests.are_waiting() {
            self.start(then);
        }
    }

    /// The process is gone, and nobody here has ended it.
    async fn bury(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Down);
        let Some(wanted) = &self.wanted else { return };
        let spec = wanted.spec.clone();
        match state {
            // Its holder did not let us in, or is gone: nobody has died. What nobody has seen a word of begins anew.
            State::Loading { child, then, .. } if child.is_lent() => self.start_own(then),
            State::Ready { child } if child.is_lent() => {}
            State::Draining { child, then, .. } if child.is_lent() => {
                if then.is_some() {
                    self.start(then);
                }
            }
            State::Generating { child, answer } if child.is_lent() => {
                if answer.is_begun() {
                    self.emit(EngineEvent::Failed { id: answer.ask.id, error: holder_gone() });
                } else {
                    self.start(Some(answer.ask));
                }
            }
            State::Down => {}
            State::Loading { child, then, .. } => {
                let error = explain(&child.bury().await, During::Load, &spec);
                self.tell_load_failed(error, then);
            }
            State::Ready { child } => {
                let error = explain(&child.bury().await, During::Rest, &spec);
                self.emit(EngineEvent::Died { error });
            }
            State::Generating { child, answer } => {
                let error = explain(&child.bury().await, During::Answer, &spec);
                self.tell(answer.ask.asker, EngineEvent::Failed { id: answer.ask.id, error: error.clone() });
                self.emit(EngineEvent::Died { error });
                self.start_if_needed(None);
            }
            State::Draining { child, then, .. } => {
                // It was on its way out, and the answer has been given its end.
                let error = explain(&child.bury().await, During::Answer, &spec);
                tracing::warn!(target: "engine", "{error}, after it was asked to stop");
                self.emit(EngineEvent::Unloaded { forgotten: false });
                self.start_if_needed(then);
            }
        }
    }

    /// Whoever waits for an answer gets its end. Guests hear of it when they are sent away.
    fn end_answers(&mut self) {
        let event = match &mut self.state {
            State::Generating { answer, .. } if answer.is_guests() => None,
            State::Generating { answer, .. } => Some(answer.cut_short(Instant::now().into_std())),
            State::Loading { then, .. } | State::Draining { then, .. } => {
                then.take().map(|ask| cancelled_before_it_began(&ask))
            }
            State::Down | State::Ready { .. } => None,
        };
        if let Some(event) = event {
            self.emit(event);
        }
    }

    // ── Memory ───────────────────────────────────────────────────────────────────────────────────────────────────────

    fn sample(&self) {
        if let Some(Memory { now, peak }) = self.state.child().and_then(EngineProcess::memory) {
            self.emit(EngineEvent::Memory { bytes: now, peak });
        }
    }
}

fn busy() -> UserError {
    UserError::new(ErrorKind::Generation, "the engine is busy with another answer")
        .hint("wait until it is finished, or stop it")
}

/// Of all that a model is loaded by only its place can be something that is no text.
fn not_named(spec: &ModelSpec, error: &FrameError) -> UserError {
    let place = spec.location.display();
    tracing::error!(target: "engine", "the engine can't be told to load {place}: {error}");
    UserError::new(ErrorKind::LoadFailed, format!("could not load `{place}`: its path is not Unicode"))
        .hint("rename the file or folder that has the odd name, or move the model out of it")
}

async fn heard(child: Option<&mut EngineProcess>) -> Option<FromEngine> {
    match child {
        Some(child) => child.heard().await,
        None => std::future::pending().await,
    }
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
