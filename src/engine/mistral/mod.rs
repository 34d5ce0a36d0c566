//! The backend that computes: mistral.rs. Nothing outside of this folder knows it.

mod conductor;
mod count;
mod generate;
mod grammar;
mod guide;
mod load;
mod options;
mod prefixes;
mod quantise;
mod resume;
mod shadow;

use tokio_util::sync::CancellationToken;

pub(super) use grammar::{objection, satisfies};

use super::{Backend, Counter, Outcome, Piece};
use crate::domain::model::{ModelInfo, ModelSpec};
use crate::domain::{GenRequest, LoadStage};
use crate::error::{ErrorKind, UserError};

/// One model, once loaded.
#[derive(Default)]
pub(super) struct Mistral {
    loaded: Option<load::Loaded>,
}

impl Backend for Mistral {
    fn load(&mut self, spec: &ModelSpec, stage: &mut dyn FnMut(LoadStage)) -> Result<ModelInfo, UserError> {
        let loaded = load::load(spec, stage)?;
        let info = loaded.info.clone();
        self.loaded = Some(loaded);
        Ok(info)
    }

    fn generate(
        &mut self,
        req: &GenRequest,
        cancel: &CancellationToken,
        out: &mut dyn FnMut(Piece),
    ) -> Result<Outcome, UserError> {
        match &self.loaded {
            Some(loaded) => generate::generate(loaded, req, cancel, out),
            None => Err(UserError::new(ErrorKind::Unexpected, "no model is loaded")),
        }
    }

    fn counter(&self) -> Option<Counter> {
        self.loaded.as_ref().and_then(count::counter)
    }
}
