//! Frames over a socket, without ever blocking a thread.

use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::UnboundedReceiver;

use super::protocol::{Decoder, FrameError};

/// What comes from the other end, message by message.
pub(super) struct Incoming {
    socket: OwnedReadHalf,
    decoder: Decoder,
    bytes: Vec<u8>,
}

impl Incoming {
    pub fn new(socket: OwnedReadHalf) -> Self {
        Self { socket, decoder: Decoder::default(), bytes: vec![0; 64 << 10] }
    }

    /// Waits for a message; `None` when the other end is gone.
    ///
    /// # Errors
    /// The other end can't be understood; nothing that follows can be either.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        loop {
            if let Some(message) = self.decoder.pull()? {
                return Ok(Some(message));
            }
            match self.socket.read(&mut self.bytes).await {
                Ok(0) | Err(_) => return Ok(None),
                Ok(n) => self.decoder.push(&self.bytes[..n]),
            }
        }
    }
}

/// Writes frames until there are no more, or nobody takes them; then the other end hears that it was all.
pub(super) async fn write(mut socket: OwnedWriteHalf, mut frames: UnboundedReceiver<Vec<u8>>) {
    while let Some(frame) = frames.recv().await {
        if socket.write_all(&frame).await.is_err() {
            return;
        }
    }
}
