//! Floor 0: the words of the program. Plain data and pure rules; std and serde only.
//!
//! Everything that crosses a thread, a process or a floor is one of these types. Every event that can arrive late carries
//! the id of what asked for it, so that a receiver can drop what no longer matters.

pub mod action;
pub mod attach;
pub mod catalog;
pub mod completion;
pub mod context;
pub mod conversation;
pub mod fit;
pub mod hub;
pub mod machine;
pub mod measured;
pub mod model;
pub mod offers;
pub mod quant;
pub mod recommend;
pub mod sampling;
pub mod shell;
pub mod stats;
pub mod store;
pub mod units;
pub mod zone;

use serde::{Deserialize, Serialize};

use crate::domain::context::TemplateCost;
use crate::domain::model::{ModelInfo, ModelSpec};
use crate::domain::sampling::SamplingPatch;
use crate::domain::stats::{GenStats, Usage};
use crate::error::UserError;

pub use self::hub::{DownloadState, HubCmd, HubEvent};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
        pub struct $name(pub u64);
        impl $name {
            /// The id after this one.
            #[must_use]
            pub fn next(self) -> Self { Self(self.0 + 1) }
        }
    )+};
}
ids! {
    /// One message of a conversation.
    MsgId,
    /// One answer that is being made.
    GenId,
    /// One request to load a model.
    LoadId,
    /// One download.
    JobId,
    /// One wish to know how many tokens texts take.
    CountId,
    /// One question to the Hub or the store, or one piece of work on the models that are here.
    AskId,
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    System,
    User,
    Assistant,
}

/// A message as the engine sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    pub role: Role,
    pub content: String,
}

/// Whether a model that can reason first should do so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Thinking {
    /// What the model's template does when it is not told.
    #[default]
    Auto,
    On,
    Off,
}

/// What there is already of an answer that is to go on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Beginning {
    pub reasoning: String,
    pub text: String,
}

/// All that is needed to make one answer. What is `None` is filled in from the model's own recommendation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct GenRequest {
    pub messages: Vec<ChatMessage>,
    /// The answer goes on from here, without a seam.
    pub begun: Option<Box<Beginning>>,
    pub sampling: SamplingPatch,
    /// A wish; the engine never makes more than the context has room for.
    pub max_tokens: Option<u32>,
    pub stop: Vec<String>,
    pub thinking: Thinking,
    /// What the answer must look like. Reasoning is free.
    pub constraint: Option<Constraint>,
}

/// A form that an answer is held to, token by token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Constraint {
    /// A JSON Schema, as text.
    Schema(String),
    Regex(String),
}

/// Which of an answer's two streams a piece belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PieceKind {
    Text,
    Reasoning,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FinishReason {
    /// The model was done, or wrote a stop string.
    Stop,
    /// `max_tokens` was reached.
    Length,
    /// The context is full.
    Context,
    Cancelled,
    Timeout,
    /// The engine failed; what came before is kept.
    Error,
}

impl FinishReason {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Context => "context",
            Self::Cancelled => "cancelled",
            Self::Timeout => "timeout",
            Self::Error => "error",
        }
    }
}

/// What loading is busy with. The engine tells no percentage: stages and a clock are the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadStage {
    /// Starting the engine's process.
    Starting,
    /// Reading and judging the file's header.
    Checking,
    /// Reading the weights.
    Weights,
    /// Writing down what was quantised on the way.
    Keeping,
    /// A first pass through the model, so that the first answer is not the slow one.
    WarmUp,
}

impl LoadStage {
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Starting => "starting the engine",
            Self::Checking => "checking the file",
            Self::Weights => "reading the weights",
            Self::Keeping => "keeping the quantised copy",
            Self::WarmUp => "warming up",
        }
    }
}

/// What the engine tells the interface, `run` and the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum EngineEvent {
    Progress {
        id: LoadId,
        stage: LoadStage,
    },
    Loaded {
        id: LoadId,
        info: Box<ModelInfo>,
    },
    /// The load ended without a model.
    LoadFailed {
        id: LoadId,
        error: UserError,
    },
    /// The engine's process is gone and its memory with it, because it was asked to or to stop an answer. The model loads
    /// again when it is next needed, unless `forgotten`.
    Unloaded {
        forgotten: bool,
    },
    Started {
        id: GenId,
        prompt_tokens: u32,
        /// Of the prompt, what the engine need not read again; `None` where it can\'t tell.
        cached_tokens: Option<u32>,
        context: u32,
    },
    /// `tokens` is what this piece cost; text can lag behind tokens (an unfinished character, a possible stop string).
    Delta {
        id: GenId,
        kind: PieceKind,
        text: String,
        tokens: u32,
    },
    Finished {
        id: GenId,
        reason: FinishReason,
        usage: Usage,
        stats: GenStats,
        /// Whether the answer has the form that was asked for; `None` where none was, or nobody looked.
        satisfied: Option<bool>,
    },
    /// The answer failed; what came before is kept by the receiver.
    Failed {
        id: GenId,
        error: UserError,
    },
    /// The engine's process died by itself. A running answer gets its own `Failed`.
    Died {
        error: UserError,
    },
    /// Resident memory of the engine's process, now and at its most where the system keeps that.
    Memory {
        bytes: u64,
        peak: Option<u64>,
    },
    /// Scripts that use this engine: whose answers are being made or wait. Told when it changes.
    Lent {
        scripts: u32,
    },
    /// Nobody needs an engine that is only kept for scripts.
    Dismissed,
    /// Tokens of each text that was asked about, and what the model's template adds.
    Counted {
        id: CountId,
        tokens: Vec<u32>,
        template: TemplateCost,
    },
}

/// What a front end asks of the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum EngineCmd {
    /// Loads a model; a load that is under way gives way to it.
    Load {
        id: LoadId,
        spec: ModelSpec,
    },
    /// Ends the engine's process and forgets the model.
    Unload,
    /// Ends the engine's process if it has nothing to do. The model stays the one that the next message loads.
    Sleep,
    Generate {
        id: GenId,
        req: GenRequest,
    },
    Cancel(GenId),
    /// Counts the tokens of texts, during an answer too. Only the newest wish is sure to be answered, and none is while no
    /// model is loaded.
    Count {
        id: CountId,
        texts: Vec<String>,
    },
}
