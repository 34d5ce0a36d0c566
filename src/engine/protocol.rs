//! What the parent and the engine's process say to each other: plain data in frames.
//!
//! A frame is a length (`u32`, little endian) and that many bytes of JSON. A token's frame is about a hundred bytes and
//! costs microseconds, next to milliseconds for the token; JSON is chosen because it can be read in a trace. The two ends
//! are normally one binary, but the file may have been replaced while the parent was running: the child says its
//! [`VERSION`] first, and a parent that does not know it says so instead of guessing.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::context::TemplateCost;
use crate::domain::model::{ModelInfo, ModelSpec};
use crate::domain::stats::{GenStats, Usage};
use crate::domain::{CountId, FinishReason, GenId, GenRequest, LoadStage, PieceKind};
use crate::error::UserError;

/// Goes up with every change of the messages.
pub const VERSION: u32 = 4;

/// No frame is longer. A conversation is the largest thing that is ever sent.
pub const MAX_FRAME: usize = 64 << 20;

const PREFIX: usize = size_of::<u32>();

/// From the parent.
// One lives at a time, and for a moment.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToEngine {
    /// Comes once: a process is for one model, so that ending it gives back every byte.
    Load {
        spec: ModelSpec,
    },
    Generate {
        id: GenId,
        req: GenRequest,
    },
    /// Answered by the end of that answer, as soon as the engine gets to it.
    Cancel {
        id: GenId,
    },
    /// Answered whatever the engine is doing; one that has not been begun gives way to the next.
    Count {
        id: CountId,
        texts: Vec<String>,
    },
}

/// From the engine's process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FromEngine {
    /// Always the first.
    Hello {
        version: u32,
    },
    Stage {
        stage: LoadStage,
    },
    Loaded {
        info: Box<ModelInfo>,
    },
    LoadFailed {
        error: UserError,
    },
    Started {
        id: GenId,
        prompt_tokens: u32,
        /// Of the prompt, what the engine need not read again; `None` where it can\'t tell.
        cached_tokens: Option<u32>,
        context: u32,
    },
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
        satisfied: Option<bool>,
    },
    Failed {
        id: GenId,
        error: UserError,
    },
    Counted {
        id: CountId,
        tokens: Vec<u32>,
        template: TemplateCost,
    },
}

/// A frame that can't be written or read.
#[derive(Debug)]
pub enum FrameError {
    TooLong(usize),
    /// What is to be written can't be said in JSON.
    Unsayable(serde_json::Error),
    /// What was read is no message.
    Nonsense(serde_json::Error),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(bytes) => write!(f, "a frame of {bytes} bytes is over the limit of {MAX_FRAME}"),
            Self::Unsayable(error) => write!(f, "a message can't be put into a frame: {error}"),
            Self::Nonsense(error) => write!(f, "a frame holds something else than a message: {error}"),
        }
    }
}

impl std::error::Error for FrameError {}

/// A message as it goes over the socket.
///
/// # Errors
/// When it is over [`MAX_FRAME`], or holds what JSON can't (a path that is not Unicode).
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut frame = vec![0; PREFIX];
    serde_json::to_writer(&mut frame, message).map_err(FrameError::Unsayable)?;
    let length = frame.len() - PREFIX;
    if length > MAX_FRAME {
        return Err(FrameError::TooLong(length));
    }
    let prefix = u32::try_from(length).map_err(|_| FrameError::TooLong(length))?;
    frame[..PREFIX].copy_from_slice(&prefix.to_le_bytes());
    Ok(frame)
}

/// Makes messages of bytes, however these are cut. After an error the stream has no meaning any more.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// How much of `bytes` has been read.
    read: usize,
}

impl Decoder {
    pub fn push(&mut self, bytes: &[u8]) {
        if self.read > 0 {
            self.bytes.drain(..self.read);
            self.read = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message, if there is one.
    ///
    /// # Errors
    /// When the frame is over the limit (nothing is set aside for it) or is not a message.
    pub fn pull<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        let rest = &self.bytes[self.read..];
        let Some((prefix, rest)) = rest.split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*prefix) as usize;
        if length > MAX_FRAME {
            return Err(FrameError::TooLong(length));
        }
        let Some(body) = rest.get(..length) else {
            return Ok(None);
        };
        let message = serde_json::from_slice(body).map_err(FrameError::Nonsense)?;
        self.read += PREFIX + length;
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn samples() -> Vec<FromEngine> {
        let id = GenId(7);
        vec![
            FromEngine::Hello { version: VERSION },
            FromEngine::Stage { stage: LoadStage::WarmUp },
            FromEngine::Started { id, prompt_tokens: 12, cached_tokens: Some(3), context: 2048 },
            FromEngine::Delta { id, kind: PieceKind::Text, text: "grüße \u{1f600}\n\"".into(), tokens: 2 },
            FromEngine::Finished {
                id,
                reason: FinishReason::Stop,
                usage: Usage::default(),
                stats: GenStats::default(),
                satisfied: Some(true),
            },
        ]
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_messages(cuts in proptest::collection::vec(1usize..40, 1..200)) {
            let stream: Vec<u8> = samples().iter().flat_map(|m| encode(m).expect("encodes")).collect();
            let (mut decoder, mut seen, mut rest) = (Decoder::default(), Vec::new(), stream.as_slice());
            for cut in cuts.into_iter().chain([stream.len()]) {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                decoder.push(now);
                rest = later;
                while let Some(message) = decoder.pull::<FromEngine>().expect("whole frames") {
                    seen.push(message);
                }
            }
            prop_assert_eq!(seen, samples());
        }

        #[test]
        fn any_bytes_are_an_error_or_too_few(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            while let Ok(Some(_)) = decoder.pull::<ToEngine>() {}
        }
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_its_bytes_come() {
        let mut decoder = Decoder::default();
        decoder.push(&u32::MAX.to_le_bytes());
        assert!(matches!(decoder.pull::<ToEngine>(), Err(FrameError::TooLong(_))));
    }
}
