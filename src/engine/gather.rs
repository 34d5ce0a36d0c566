//! Pieces of an answer wait for each other on their way to the front end.
//!
//! Every message wakes the parent, and on a machine whose cores all compute, each waking takes one of them away for a
//! moment and makes the others wait for it. Nobody reads words faster than a screen shows them, so pieces that come close
//! together go as one. There is no timer: a piece that is held goes with the next one, or with the end of the answer.

use std::time::{Duration, Instant};

use crate::domain::PieceKind;
use crate::engine::Piece;

/// Pieces that come sooner than this after a message are held. About a frame of a stream on the screen.
const CLOSE: Duration = Duration::from_millis(30);
/// The same where the processor makes the answer. Each message is then a frame that is taken from it, and text that grows
/// twenty times a second still flows.
const CLOSE_ON_CPU: Duration = Duration::from_millis(50);

/// What is held of one answer.
#[derive(Debug)]
pub(super) struct Gather {
    close: Duration,
    held: Option<(PieceKind, String, u32)>,
    sent: Option<Instant>,
}

impl Gather {
    pub fn new(on_cpu: bool) -> Self {
        Self { close: if on_cpu { CLOSE_ON_CPU } else { CLOSE }, held: None, sent: None }
    }

    /// Takes a piece in, and gives out what is due, in order.
    pub fn pass(&mut self, piece: Piece, now: Instant, mut out: impl FnMut(Piece)) {
        let Piece::Delta { kind, text, tokens } = piece else { return out(piece) };
        match &mut self.held {
            Some((held, before, count)) if *held == kind => {
                before.push_str(&text);
                *count += tokens;
            }
            other => {
                if let Some(before) = other.replace((kind, text, tokens)) {
                    out(delta(before));
                }
            }
        }
        if self.sent.is_none_or(|sent| now.saturating_duration_since(sent) >= self.close) {
            self.sent = Some(now);
            self.rest(out);
        }
    }

    /// The answer has ended.
    pub fn rest(&mut self, mut out: impl FnMut(Piece)) {
        if let Some(held) = self.held.take() {
            out(delta(held));
        }
    }
}

fn delta((kind, text, tokens): (PieceKind, String, u32)) -> Piece {
    Piece::Delta { kind, text, tokens }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_goes_at_once_and_neighbours_go_together() {
        let start = Instant::now();
        let mut gather = Gather::new(false);
        let mut out = Vec::new();
        let mut pass = |at: u64, kind, text: &str, out: &mut Vec<(PieceKind, String, u32)>| {
            let piece = Piece::Delta { kind, text: text.into(), tokens: 1 };
            gather.pass(piece, start + Duration::from_millis(at), |piece| {
                let Piece::Delta { kind, text, tokens } = piece else { panic!("a delta stays one") };
                out.push((kind, text, tokens));
            });
        };
        let (hm, say) = (PieceKind::Reasoning, PieceKind::Text);
        for (at, kind, text) in
            [(0, hm, "a"), (10, hm, "b"), (20, hm, "c"), (31, hm, "d"), (40, hm, "e"), (45, say, "f")]
        {
            pass(at, kind, text, &mut out);
        }
        let gone = |kind, text: &str, tokens| (kind, text.to_owned(), tokens);
        assert_eq!(out, [gone(hm, "a", 1), gone(hm, "bcd", 3), gone(hm, "e", 1)]);
        let mut left = Vec::new();
        gather.rest(|piece| left.push(piece));
        assert!(matches!(left.as_slice(), [Piece::Delta { kind: PieceKind::Text, text, tokens: 1 }] if text == "f"));
    }
}
