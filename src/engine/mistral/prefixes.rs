//! The engine's prefix cache, kept small and true.
//!
//! It keeps the keys and values of finished answers, so that the next turn reads only what is new. Two things are wrong
//! with it. On the CPU it lets none go: a conversation of forty turns would be kept forty times, in whole copies. And an
//! answer that ended in the engine's own way is stored with a last token that was never computed (see `conductor`).
//!
//! The engine drops all of it in one case, when a step fails. So a request that fails on purpose, before it has computed
//! anything worth mentioning, is our broom. Sent together with an answer's own request it sweeps after that one has taken
//! its prefix and before it computes: then the copies end where the answer begins.

use std::sync::Arc;

use either::Either;
use mistralrs::core::{RequestMessage, TokenizationRequest};
use mistralrs::{CustomLogitsProcessor, NormalRequest, Request, Response, Result, SamplingParams, Tensor};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// What the engine keeps, as far as we know.
#[derive(Debug)]
pub(super) struct Prefixes {
    /// How many it keeps by itself; `None` where it lets none go.
    kept: Option<usize>,
    /// The tokens of each, the oldest first.
    all: Vec<Vec<u32>>,
    /// One of them is not what its tokens say.
    untrue: bool,
}

impl Prefixes {
    pub fn new(kept: Option<usize>) -> Self {
        Self { kept, all: Vec::new(), untrue: false }
    }

    /// Tokens of a prompt that will not be read again. The engine finds nothing for a prompt that is there as a whole.
    pub fn shared_with(&self, prompt: &[u32]) -> usize {
        let longest = self.longest_shared(prompt);
        if longest == prompt.len() { 0 } else { longest }
    }

    /// Nothing of it may be used.
    pub fn are_untrue(&self) -> bool {
        self.untrue
    }

    /// Whether what the engine would take for a prompt goes beyond what the prompt shares with it. Keys and values can be cut
    /// there; the state of a recurrent layer can't, and the engine takes it as it stands at the end.
    pub fn go_beyond(&self, prompt: &[u32]) -> bool {
        let longest = self.longest_shared(prompt);
        longest > 0 && self.all.iter().any(|kept| shared(kept, prompt) == longest && kept.len() > longest)
    }

    fn longest_shared(&self, prompt: &[u32]) -> usize {
        self.all.iter().map(|kept| shared(kept, prompt)).max().unwrap_or(0)
    }

    /// Copies have come together that the engine would keep for good.
    pub fn need_sweeping(&self) -> bool {
        self.kept.is_none() && !self.all.is_empty()
    }

    pub fn swept(&mut self) {
        self.all.clear();
        self.untrue = false;
    }

    /// An answer is finished and kept. `is_true`: it ended with a mark.
    pub fn add(&mut self, tokens: Vec<u32>, is_true: bool) {
        self.untrue |= !is_true;
        if self.kept.is_some_and(|kept| self.all.len() >= kept.max(1)) {
            self.all.remove(0);
        }
        self.all.push(tokens);
    }
}

/// Tokens that both begin with.
fn shared(kept: &[u32], prompt: &[u32]) -> usize {
    kept.iter().zip(prompt).take_while(|(a, b)| a == b).count()
}

/// A token that no vocabulary has. On the CPU looking it up fails, which costs nothing.
const NO_TOKEN: u32 = 1 << 30;

/// The request that fails, and the end of its answer, which has to stay open until it has.
fn broom(kept: Option<usize>) -> (Request, Receiver<Response>) {
    let (tell, told) = channel(4);
    let sampling = SamplingParams { max_len: Some(1), ..SamplingParams::deterministic() };
    // A single token: of requests that come together the engine takes the shortest first. A GPU would look up anything.
    let token = if kept.is_none() { NO_TOKEN } else { 0 };
    let messages = RequestMessage::CompletionTokens(vec![token]);
    let mut request = NormalRequest::new_simple(messages, sampling, tell, 0, None, None);
    request.logits_processors = Some(vec![Arc::new(Fails)]);
    (Request::Normal(Box::new(request)), told)
}

struct Fails;

impl CustomLogitsProcessor for Fails {
    fn apply(&self, _: &Tensor, _: &[u32]) -> Result<Tensor> {
        Err(std::io::Error::other("the prefix cache is swept").into())
    }
}

/// Sweeps now: what is asked next is read from its start.
pub(super) async fn sweep(engine: &Sender<Request>, prefixes: &mut Prefixes) {
    let (request, mut told) = broom(prefixes.kept);
    if engine.send(request).await.is_ok() {
        let _ = told.recv().await;
    }
    prefixes.swept();
}

/// Hands `ask`'s request to the engine and sweeps behind it.
///
/// The engine must find both at once: one that has begun to answer would not survive the sweeping, because the engine
/// then forgets whose keys and values it is holding. So it is kept busy meanwhile, with a text to count whose result does
/// not fit where it is to go until we have taken something out.
pub(super) async fn ask_and_sweep<T>(
    engine: &Sender<Request>,
    prefixes: &mut Prefixes,
    ask: impl Future<Output = T>,
) -> (T, Receiver<Response>) {
    let (tell, mut told) = channel(1);
    let _ = tell.try_send(Ok(Vec::new()));
    let count = TokenizationRequest {
        text: Either::Right(String::new()),
        tools: None,
        add_generation_prompt: false,
        add_special_tokens: false,
        enable_thinking: None,
        reasoning_effort: None,
        response: tell,
    };
    let (broom, swept) = broom(prefixes.kept);
    let is_kept_busy = engine.send(Request::Tokenize(count)).await.is_ok();
    let asked = ask.await;
    if is_kept_busy && engine.send(broom).await.is_ok() {
        prefixes.swept();
    }
    // What is in the way, and then the count: the engine goes down when nobody takes that.
    let _ = told.recv().await;
    let _ = told.recv().await;
    (asked, swept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_is_what_the_engine_will_find() {
        let mut prefixes = Prefixes::new(Some(2));
        assert_eq!(prefixes.shared_with(&[1, 2]), 0);
        prefixes.add(vec![1, 2, 3, 9], true);
        prefixes.add(vec![7, 8, 9], true);
        assert_eq!(prefixes.shared_with(&[1, 2, 3, 4, 5]), 3);
        assert_eq!(prefixes.shared_with(&[1, 2, 3]), 0, "a whole prompt is not found");
        assert!(prefixes.go_beyond(&[1, 2, 3, 4]) && prefixes.go_beyond(&[7, 1]));
        assert!(!prefixes.go_beyond(&[1, 2, 3, 9, 4]) && !prefixes.go_beyond(&[4]));
        prefixes.add(vec![5], true);
        assert_eq!(prefixes.shared_with(&[1, 2, 3, 4, 5]), 0, "the oldest has gone");
        assert!(!prefixes.need_sweeping(), "it lets them go by itself");
    }

    #[test]
    fn what_is_never_let_go_is_swept() {
        let mut prefixes = Prefixes::new(None);
        assert!(!prefixes.need_sweeping());
        prefixes.add(vec![1, 2], true);
        assert!(prefixes.need_sweeping() && !prefixes.are_untrue());
        prefixes.add(vec![3], false);
        assert!(prefixes.are_untrue());
        prefixes.swept();
        assert!(!prefixes.need_sweeping() && !prefixes.are_untrue());
    }
}
