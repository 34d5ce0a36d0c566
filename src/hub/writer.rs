//! What a connection brings, on its way to the disk: one piece is written while the next one comes in.

use std::io;
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::error::UserError;
use crate::hub::fetch::{Fetch, unexpected};
use crate::hub::partial::{CHUNK, Partial};
use crate::hub::tally::Share;

/// Handed to the system at a time.
const WRITTEN: usize = CHUNK / 4;

/// Writes bytes one after the other from some place in the file on.
pub(super) struct Writer<'a> {
    fetch: &'a Fetch<'a>,
    partial: &'a Arc<Partial>,
    share: &'a Share<'a>,
    /// Where the buffer belongs.
    at: u64,
    buffer: Vec<u8>,
    /// What is before it and not known to be written; gives its memory back.
    writing: Option<JoinHandle<io::Result<Vec<u8>>>>,
}

impl<'a> Writer<'a> {
    pub fn new(fetch: &'a Fetch<'a>, partial: &'a Arc<Partial>, share: &'a Share<'a>, at: u64) -> Self {
        Self { fetch, partial, share, at, buffer: Vec::new(), writing: None }
    }

    /// Where the next byte belongs.
    pub fn end(&self) -> u64 {
        self.at + self.buffer.len() as u64
    }

    /// # Errors
    /// `Disk`, of these bytes or of earlier ones.
    pub async fn take(&mut self, bytes: &[u8]) -> Result<(), UserError> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() < WRITTEN { Ok(()) } else { self.hand_over().await }
    }

    /// Has everything that there is written, without waiting until it is.
    ///
    /// # Errors
    /// `Disk`, of earlier bytes.
    pub async fn hand_over(&mut self) -> Result<(), UserError> {
        let spare = self.settle().await?;
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut buffer = std::mem::replace(&mut self.buffer, spare);
        let (partial, at) = (Arc::clone(self.partial), self.at);
        self.at += buffer.len() as u64;
        self.writing = Some(tokio::task::spawn_blocking(move || {
            partial.write(at, &buffer)?;
            buffer.clear();
            Ok(buffer)
        }));
        Ok(())
    }

    /// Has everything written, and waits until it is.
    ///
    /// # Errors
    /// `Disk`.
    pub async fn finish(&mut self) -> Result<(), UserError> {
        self.hand_over().await?;
        self.settle().await?;
        Ok(())
    }

    /// Waits until all that was handed over is written. Gives an empty buffer.
    async fn settle(&mut self) -> Result<Vec<u8>, UserError> {
        let Some(writing) = self.writing.take() else { return Ok(Vec::with_capacity(2 * WRITTEN)) };
        let spare = writing.await.map_err(|_| unexpected())?.map_err(|error| self.fetch.disk(&error))?;
        self.share.set(self.partial.arrived());
        Ok(spare)
    }
}
