//! Changed settings on their way into the file, while the interface goes on.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::config::Value;
use crate::error::{ErrorKind, UserError};

/// Changed settings; `None` takes a key out of the file.
pub type Patch = Vec<(&'static str, Option<Value>)>;

/// Writes changed settings; called on a thread where it may wait.
pub type Save = Arc<dyn Fn(&Patch) -> Result<(), UserError> + Send + Sync>;

/// Writes settings, one after the other: each write reads the file first.
pub(super) struct Saver {
    write: Save,
    running: Option<JoinHandle<Result<(), UserError>>>,
    waiting: Patch,
}

impl Saver {
    pub(super) fn new(write: Save) -> Self {
        Self { write, running: None, waiting: Vec::new() }
    }

    pub(super) fn save(&mut self, patch: Patch) {
        self.waiting.extend(patch);
        if self.running.is_none() {
            self.start();
        }
    }

    fn start(&mut self) {
        if !self.waiting.is_empty() {
            let (write, patch) = (Arc::clone(&self.write), std::mem::take(&mut self.waiting));
            self.running = Some(tokio::task::spawn_blocking(move || write(&patch)));
        }
    }

    /// Waits for a write that failed. May be dropped while it waits.
    pub(super) async fn failed(&mut self) -> UserError {
        loop {
            if let Err(error) = self.written().await {
                return error;
            }
        }
    }

    /// Waits for the end of a write, and starts the next.
    async fn written(&mut self) -> Result<(), UserError> {
        let Some(task) = &mut self.running else { return std::future::pending().await };
        let result = task.await;
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
