//! Changed settings on their way into the file, while the interface goes on.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::config::{Lines, Persona, Value};
use crate::error::{ErrorKind, UserError};

/// Changed settings; `None` takes a key out of the file.
pub type Patch = Vec<(&'static str, Option<Value>)>;

/// Writes changed settings; called on a thread where it may wait.
pub type Save = Arc<dyn Fn(&Patch) -> Result<Lines, UserError> + Send + Sync>;

/// Writes a persona, in the same way.
pub type SavePersona = Arc<dyn Fn(&Persona) -> Result<Lines, UserError> + Send + Sync>;

/// What a write has come to.
#[derive(Debug)]
pub(super) struct Written {
    /// The settings that were written and do not wait to be written again.
    pub keys: Vec<&'static str>,
    /// All that the file sets.
    pub lines: Lines,
}

/// Writes what belongs into the config file, one after the other: each write reads the file first.
pub(super) struct Saver {
    write: Save,
    write_persona: SavePersona,
    running: Option<JoinHandle<Result<Written, UserError>>>,
    waiting: Patch,
    personas: VecDeque<Persona>,
}

impl Saver {
    pub(super) fn new(write: Save, write_persona: SavePersona) -> Self {
        Self { write, write_persona, running: None, waiting: Vec::new(), personas: VecDeque::new() }
    }

    pub(super) fn save(&mut self, patch: Patch) {
        self.waiting.extend(patch);
        if self.running.is_none() {
            self.start();
        }
    }

    pub(super) fn save_persona(&mut self, persona: Persona) {
        self.personas.push_back(persona);
        if self.running.is_none() {
            self.start();
        }
    }

    fn start(&mut self) {
        if !self.waiting.is_empty() {
            let (write, patch) = (Arc::clone(&self.write), std::mem::take(&mut self.waiting));
            self.running = Some(tokio::task::spawn_blocking(move || {
                let lines = write(&patch)?;
                Ok(Written { keys: patch.into_iter().map(|(key, _)| key).collect(), lines })
            }));
        } else if let Some(persona) = self.personas.pop_front() {
            let write = Arc::clone(&self.write_persona);
            self.running =
                Some(tokio::task::spawn_blocking(move || Ok(Written { keys: Vec::new(), lines: write(&persona)? })));
        }
    }

    /// Waits for the end of a write, and starts the next. May be dropped while it waits.
    pub(super) async fn written(&mut self) -> Result<Written, UserError> {
        let Some(task) = &mut self.running else { return std::future::pending().await };
        let mut result = task.await;
        if let Ok(Ok(written)) = &mut result {
            written.keys.retain(|key| self.waiting.iter().all(|(other, _)| other != key));
        }
        self.running = None;
        self.start();
        result.unwrap_or_else(|error| {
            tracing::error!("saving the settings failed: {error}");
            Err(UserError::new(ErrorKind::Unexpected, "the settings could not be saved")
                .hint("they hold until you quit; the log knows more"))
        })
    }

    pub(super) async fn finish(&mut self) {
        while self.running.is_some() {
            if let Err(error) = self.written().await {
                tracing::error!("{error}");
            }
        }
    }
}
