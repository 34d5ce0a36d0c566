//! The process that a link speaks with: one that it has started, or one that another program lends.

use super::child::{Child, End};
use super::memory::Memory;
use crate::domain::model::ModelSpec;
use crate::engine::Options;
use crate::engine::protocol::{FrameError, FromEngine, ToEngine};
use crate::engine::share::{Borrow, Lent};
use crate::error::UserError;

// One lives at a time.
#[allow(clippy::large_enum_variant)]
pub(super) enum EngineProcess {
    Own(Child),
    Lent(Lent),
}

impl EngineProcess {
    /// # Errors
    /// As the system says.
    pub fn start(options: &Options) -> Result<Self, UserError> {
        Child::start(options).map(Self::Own)
    }

    /// Looks for one that has the model. Where there is none its messages end without a word.
    pub fn borrow(borrow: &Borrow, options: &Options, spec: &ModelSpec) -> Self {
        Self::Lent(Lent::seek(borrow, options, spec))
    }

    pub fn is_lent(&self) -> bool {
        matches!(self, Self::Lent(_))
    }

    /// What it says next; `None` when it is gone, or can't be understood.
    pub async fn heard(&mut self) -> Option<FromEngine> {
        match self {
            Self::Own(child) => child.messages.recv().await,
            Self::Lent(lent) => lent.messages.recv().await,
        }
    }

    /// Never waits. A process that is gone is noticed by the end of its messages.
    ///
    /// # Errors
    /// When the message can't be put into a frame.
    pub fn tell(&self, message: &ToEngine) -> Result<(), FrameError> {
        match self {
            Self::Own(child) => child.tell(message),
            Self::Lent(lent) => lent.tell(message),
        }
    }

    /// What it takes of memory, if the process is there and ours.
    pub fn memory(&self) -> Option<Memory> {
        match self {
            Self::Own(child) => child.memory(),
            Self::Lent(_) => None,
        }
    }

    /// Ends it, and waits until it is gone; one that is lent is left.
    pub async fn end(self) -> End {
        match self {
            Self::Own(child) => child.end().await,
            Self::Lent(_) => End::default(),
        }
    }

    /// Like `end`, for a process whose messages have ended: it gets a moment to go by itself, so that its status says why.
    pub async fn bury(self) -> End {
        match self {
            Self::Own(child) => child.bury().await,
            Self::Lent(_) => End::default(),
        }
    }
}
