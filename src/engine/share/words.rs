//! What is said at the door: one knock, one reply.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Holder, Weights};
use crate::domain::model::ModelSpec;
use crate::engine::protocol;

/// What a holder that was started says on its standard output when others can come.
pub const READY: &str = "ready";

/// What a process that is to stay gets on its standard input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub spec: ModelSpec,
    pub folder: PathBuf,
    pub keep: Duration,
    pub log_dir: PathBuf,
    pub verbose: u8,
}

/// Who speaks. Two builds of one version are taken for the same program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Speaker {
    protocol: u32,
    program: String,
}

impl Speaker {
    pub fn us() -> Self {
        Self { protocol: protocol::VERSION, program: env!("CARGO_PKG_VERSION").into() }
    }

    pub fn is_like_us(&self) -> bool {
        *self == Self::us()
    }
}

/// The guest's first message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Knock {
    pub speaker: Speaker,
    pub want: Want,
}

/// What somebody comes for.
// One lives at a time, and for a moment.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Want {
    /// Answers of exactly this model; then whoever only stays for guests is to do so for this long after.
    Borrow { spec: ModelSpec, weights: Weights, keep: Option<Duration> },
    /// To know what is held.
    Look,
    /// That it ends.
    End,
}

/// The holder's first message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    pub speaker: Speaker,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Verdict {
    /// What follows is what an engine's process says to its parent.
    Welcome {
        holder: Holder,
    },
    /// Another model, another version, or none of your business.
    Refused,
    Holding(Box<Holding>),
    /// It ends.
    Ending,
}

impl Reply {
    pub fn new(verdict: Verdict) -> Self {
        Self { speaker: Speaker::us(), verdict }
    }
}

/// What a holder says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Holding {
    pub pid: u32,
    pub holder: Holder,
    /// The MODEL, what a person calls it, and its context.
    pub reference: String,
    pub name: String,
    pub context: u32,
    /// It is loaded, and not still loading or asleep.
    pub loaded: bool,
    /// Resident memory of the engine's process.
    pub memory: Option<u64>,
    /// Scripts whose answers are being made or wait.
    pub asking: u32,
    /// When it ends by itself if nobody comes.
    pub ends_in: Option<Duration>,
}
