//! What a link wants, and where it stands.

use std::time::Duration;
use tokio::time::Instant;

use super::process::EngineProcess;
use super::running::{Answer, Ask};
use crate::domain::model::{ModelInfo, ModelSpec};
use crate::domain::{GenId, LoadId, LoadStage};
use crate::engine::share::Weights;

pub(super) struct Wanted {
    pub id: LoadId,
    pub spec: ModelSpec,
    /// Its files as they were before they were read; only looked at where they are lent.
    pub weights: Option<Weights>,
    /// As it was when it was loaded; `None` until it has been once.
    pub loaded: Option<ModelInfo>,
}

pub(super) enum State {
    Down,
    Loading {
        child: EngineProcess,
        then: Option<Ask>,
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
        ticket: GenId,
        deadline: Instant,
        /// From when a message waits.
        patience: Duration,
        then: Option<Ask>,
    },
}

impl State {
    pub fn child(&self) -> Option<&EngineProcess> {
        match self {
            Self::Down => None,
            Self::Loading { child, .. }
            | Self::Ready { child }
            | Self::Generating { child, .. }
            | Self::Draining { child, .. } => Some(child),
        }
    }

    pub fn take_child(&mut self) -> Option<EngineProcess> {
        match std::mem::replace(self, Self::Down) {
            Self::Down => None,
            Self::Loading { child, .. }
            | Self::Ready { child }
            | Self::Generating { child, .. }
            | Self::Draining { child, .. } => Some(child),
        }
    }
}

impl Wanted {
    /// Whether this is the very model, loaded as it is wanted.
    pub fn is(&self, spec: &ModelSpec, weights: &Weights) -> bool {
        let same = (self.spec.format, self.spec.settings) == (spec.format, spec.settings);
        same && self.weights.as_ref() == Some(weights)
    }
}
