//! What a connection brings, on its way to the disk: a thread of its own writes it, while more comes in.

use std::io;
use std::sync::{Arc, mpsc as returned};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::UserError;
use crate::hub::fetch::{Fetch, unexpected};
use crate::hub::partial::{CHUNK, Partial};
use crate::hub::tally::Share;

/// Handed over at a time, at least.
const WRITTEN: usize = CHUNK / 2;
/// So many pieces may wait for the thread. Then whoever is faster than the disk waits as well.
const WAITING: usize = 2;

/// Bytes, and where they belong.
struct Piece {
    at: u64,
    bytes: Vec<u8>,
}

/// Writes bytes one after the other from some place in the file on.
pub(super) struct Writer<'a> {
    fetch: &'a Fetch<'a>,
    partial: &'a Arc<Partial>,
    share: &'a Share<'a>,
    /// Where the buffer belongs.
    at: u64,
    buffer: Vec<u8>,
    /// Ends the thread when it goes; `None` once everything is to be written.
    pieces: Option<mpsc::Sender<Piece>>,
    /// Buffers whose bytes are written.
    emptied: returned::Receiver<Vec<u8>>,
    /// `None` once it is known how it ended.
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl<'a> Writer<'a> {
    pub fn new(fetch: &'a Fetch<'a>, partial: &'a Arc<Partial>, share: &'a Share<'a>, at: u64) -> Self {
        let (pieces, mut waiting) = mpsc::channel::<Piece>(WAITING);
        let (written, emptied) = returned::channel();
        let file = Arc::clone(partial);
        let thread = tokio::task::spawn_blocking(move || {
            while let Some(Piece { at, mut bytes }) = waiting.blocking_recv() {
                file.write(at, &bytes)?;
                bytes.clear();
                // Nobody wants it back who has nothing more to write.
                let _ = written.send(bytes);
            }
            Ok(())
        });
        Self { fetch, partial, share, at, buffer: Vec::new(), pieces: Some(pieces), emptied, thread: Some(thread) }
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
        self.share.set(self.partial.arrived());
        let Some(pieces) = self.pieces.as_ref().filter(|_| !self.buffer.is_empty()) else { return Ok(()) };
        let emptied = self.emptied.try_recv().unwrap_or_else(|_| Vec::with_capacity(2 * WRITTEN));
        let bytes = std::mem::replace(&mut self.buffer, emptied);
        let (at, len) = (self.at, bytes.len());
        let handed = pieces.send(Piece { at, bytes }).await;
        self.at += len as u64;
        // Only an error ends the thread before there is nothing more to write.
        if handed.is_ok() { Ok(()) } else { self.ended().await }
    }

    /// Has everything written, and waits until it is.
    ///
    /// # Errors
    /// `Disk`.
    pub async fn finish(&mut self) -> Result<(), UserError> {
        self.hand_over().await?;
        self.pieces = None;
        self.ended().await?;
        self.share.set(self.partial.arrived());
        Ok(())
    }

    /// Waits for the thread's end, and tells why it ended.
    async fn ended(&mut self) -> Result<(), UserError> {
        let Some(thread) = self.thread.take() else { return Err(unexpected()) };
        thread.await.map_err(|_| unexpected())?.map_err(|error| self.fetch.disk(&error))
    }
}
