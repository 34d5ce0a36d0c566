//! The engine, in a process of its own.
//!
//! A front end starts an [`EngineHandle`], sends it [`EngineCmd`]s and reads [`EngineEvent`]s. Behind it:
//!
//! * `link` is the parent's end: it starts the process when a model is wanted, watches it, and ends it;
//! * [`protocol`] is what the two say to each other over a socket pair;
//! * [`host`] is the process's own `main`: one [`Backend`] that loads one model and makes one answer at a time;
//! * `mistral` is the backend that computes, `fake` one that reads from a script (feature `fake-engine`);
//! * `count` counts tokens beside everything else;
//! * [`answer`] holds the rules of an answer that every backend keeps;
//! * [`share`] lets programs of one user use one engine;
//! * [`form`] takes the form that an answer is held to, as somebody gives it;
//! * [`probe`] reads a model's header before anything is loaded.
//!
//! Why a process: a prompt that is being read can't be interrupted, memory is not given back, and a broken file or too
//! little memory aborts. A process can be killed, at any moment, and everything is back.

pub mod answer;
mod count;
#[cfg(feature = "fake-engine")]
pub mod fake;
pub mod form;
mod gather;
pub mod host;
mod kept;
mod link;
mod mistral;
pub mod probe;
pub mod protocol;
pub mod share;
mod stamp;
mod wire;

use std::path::{Path, PathBuf};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use self::count::Counter;
use crate::domain::model::{ModelInfo, ModelSpec};
use crate::domain::stats::{GenStats, Usage};
use crate::domain::{EngineCmd, EngineEvent, FinishReason, GenRequest, LoadStage, PieceKind};
use crate::error::UserError;

pub use self::link::greet;
use self::share::Share;

/// Whether a file is called so: `model.gguf` has the ending `gguf`.
fn has_ending(file: &str, ending: &str) -> bool {
    Path::new(file).extension().is_some_and(|end| end == ending)
}

/// How the engine's process is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// This program; it is started with [`host::ARGUMENT`].
    pub exe: PathBuf,
    /// 0: the engine's warnings go to the log; 1: what it does, too; more: everything it can tell.
    pub verbose: u8,
    /// What it has to do with other programs of this user.
    pub share: Share,
}

/// The front ends' side of the engine. Dropping it ends the engine's process, too; [`EngineHandle::shutdown`] waits until
/// it is gone.
#[derive(Debug)]
pub struct EngineHandle {
    commands: UnboundedSender<EngineCmd>,
    link: JoinHandle<()>,
}

impl EngineHandle {
    /// Starts the link, which needs a tokio runtime. No process is started before a model is wanted.
    #[must_use]
    pub fn start(options: Options) -> (Self, UnboundedReceiver<EngineEvent>) {
        let (commands, inbox) = unbounded_channel();
        let (events, outbox) = unbounded_channel();
        let link = tokio::spawn(link::Link::new(options, events).run(inbox));
        (Self { commands, link }, outbox)
    }

    /// Never waits. What becomes of it comes as events.
    pub fn send(&self, command: EngineCmd) {
        // The link lives as long as this handle.
        let _ = self.commands.send(command);
    }

    /// Ends the engine's process and waits until it is gone.
    pub async fn shutdown(self) {
        let Self { commands, link } = self;
        drop(commands);
        if let Err(error) = link.await {
            tracing::error!(target: "engine", "the link to the engine ended badly: {error}");
        }
    }
}

/// Removes what a process that was ended in the middle of writing a quantised copy has left behind.
pub fn clear_unfinished_copies(folder: &Path) {
    kept::clear_unfinished(folder);
}

/// What makes answers, in the engine's process. It is called from one thread; only the token of an answer is shared.
pub trait Backend {
    /// Loads the model, telling each stage as it begins. Called once.
    ///
    /// # Errors
    /// Names the file and the reason.
    fn load(&mut self, spec: &ModelSpec, stage: &mut dyn FnMut(LoadStage)) -> Result<ModelInfo, UserError>;

    /// Makes an answer, and returns when the engine is free again. Cancelling is a wish: it ends as soon as it can.
    ///
    /// # Errors
    /// What was made before stays valid.
    fn generate(
        &mut self,
        req: &GenRequest,
        cancel: &CancellationToken,
        out: &mut dyn FnMut(Piece),
    ) -> Result<Outcome, UserError>;

    /// How the loaded model counts tokens, apart from everything else that the engine does; `None` before it is loaded.
    fn counter(&self) -> Option<Counter>;
}

/// What a backend tells while it makes an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Comes first.
    Started {
        prompt_tokens: u32,
        /// Of the prompt, what the engine need not read again; `None` where it can\'t tell.
        cached_tokens: Option<u32>,
        context: u32,
    },
    Delta {
        kind: PieceKind,
        text: String,
        tokens: u32,
    },
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    pub reason: FinishReason,
    pub usage: Usage,
    pub stats: GenStats,
}

impl Outcome {
    /// Cancelled when the prompt was counted, and nothing more.
    fn before_the_prompt(prompt_tokens: u32, stats: GenStats) -> Self {
        let usage = Usage { prompt_tokens, ..Usage::default() };
        Self { reason: FinishReason::Cancelled, usage, stats }
    }
}
