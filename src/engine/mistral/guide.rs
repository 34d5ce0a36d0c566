//! Holds an answer to its form while it is made: of all tokens, only those stay possible that the grammar lets follow.
//!
//! The engine has constraints of its own, made by the same llguidance. They are not used, for they know one end of an answer
//! alone, which is guessed from the tokenizer's words. Where the model's template ends its answers with another, as the
//! starter's does, a complete answer would go on in silence until its tokens are used up; and an answer that somebody
//! wants to end early would fail, because the grammar does not allow that end.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mistralrs::core::Pipeline;
use mistralrs::core::llguidance::toktrie::{TokEnv, TokEnvWithTrie};
use mistralrs::core::llguidance::{Matcher, ParserFactory};
use mistralrs::{CustomLogitsProcessor, Result, Tensor};

use super::grammar::{self, Reasoning, Tags};
use crate::domain::{Constraint, Thinking};

/// What a form is that can be written in few letters, and takes too long to look ahead in. It is so each time.
pub(super) const TOO_COMPLICATED: &str = "the form of the answer is too complicated";

/// A model's vocabulary as grammars need it. What costs time is made for the first answer that has a form.
pub(super) struct Forms {
    vocabulary: TokEnv,
    factory: OnceLock<std::result::Result<ParserFactory, String>>,
}

impl Forms {
    /// `None` where a model has no vocabulary that texts could be made of.
    pub fn of(pipeline: &dyn Pipeline) -> Option<Self> {
        let metadata = pipeline.get_metadata();
        metadata.tok_env().map(|vocabulary| Self::new(&vocabulary, &metadata.eos_tok))
    }

    /// `vocabulary` is the engine's; `ends` are the tokens that end an answer of this model.
    fn new(vocabulary: &TokEnv, ends: &[u32]) -> Self {
        let vocabulary = if ends.is_empty() {
            vocabulary.clone()
        } else {
            let words = vocabulary.tok_trie().with_eos_tokens(ends);
            Arc::new(TokEnvWithTrie::new(vocabulary.clone(), words))
        };
        Self { vocabulary, factory: OnceLock::new() }
    }

    /// Whether a prompt of these tokens has the model go on with its reasoning.
    pub fn opens_reasoning(&self, prompt: &[u32]) -> bool {
        self.tail(prompt).trim_end().ends_with("<think>")
    }

    fn tail(&self, prompt: &[u32]) -> String {
        /// More than the opening tag and what stands around it ever takes.
        const TAIL: usize = 16;
        let tail = self.vocabulary.tok_trie().decode_ext(&prompt[prompt.len().saturating_sub(TAIL)..], true);
        String::from_utf8_lossy(&tail).into_owned()
    }

    /// What holds the answer to a prompt of these tokens, which goes on after `begun`.
    pub fn guide(
        &self,
        constraint: &Constraint,
        (prompt, begun): (&[u32], &[u32]),
        can_think: bool,
        thinking: Thinking,
    ) -> std::result::Result<Guide, String> {
        let words = self.vocabulary.tok_trie();
        let tags = match (words.get_special_token("<think>"), words.get_special_token("</think>")) {
            (Some(open), Some(close)) => Tags::Tokens { open, close },
            _ => Tags::Text,
        };
        let reasoning = reasoning(&self.tail(prompt), can_think, thinking, tags);
        let factory =
            self.factory.get_or_init(|| grammar::quiet_factory(|| ParserFactory::new_simple(&self.vocabulary)));
        let factory = factory.as_ref().map_err(Clone::clone)?;
        let mut matcher = grammar::matcher_of(factory, grammar::grammar(constraint, reasoning)?)?;
        matcher.consume_tokens(begun).map_err(|error| error.to_string())?;
        Ok(Guide(Mutex::new(State { matcher, seen: prompt.len() + begun.len() })))
    }
}

/// Whether the answer to a prompt that ends like this may begin with reasoning.
fn reasoning(prompt: &str, can_think: bool, thinking: Thinking, tags: Tags) -> Reasoning {
    if prompt.trim_end().ends_with("<think>") {
        Reasoning::Open(tags)
    } else if can_think && thinking != Thinking::Off && !prompt.trim_end().ends_with("</think>") {
        Reasoning::Possible(tags)
    } else {
        Reasoning::None
    }
}

/// Takes part in choosing each token of one answer.
pub(super) struct Guide(Mutex<State>);

struct State {
    matcher: Matcher,
    /// How many tokens the grammar knows of, the prompt's included.
    seen: usize,
}

impl State {
    /// Makes every token impossible that must not follow `context`, which is the prompt and the answer so far.
    fn steer(&mut self, scores: &mut [f32], context: &[u32]) -> std::result::Result<(), String> {
        // Of a prompt whose beginning it has kept, the engine shows only what it has read: shorter than what is known.
        let new = context.get(self.seen..).unwrap_or_default();
        self.matcher.consume_tokens(new).map_err(|error| error.to_string())?;
        self.seen += new.len();
        let allowed = self.matcher.compute_mask_or_eos().map_err(|error| error.to_string())?;
        for (token, score) in (0u32..).zip(scores.iter_mut()) {
            if token as usize >= allowed.len() || !allowed.is_allowed(token) {
                *score = f32::NEG_INFINITY;
            }
        }
        Ok(())
    }
}

impl CustomLogitsProcessor for Guide {
    fn apply(&self, logits: &Tensor, context: &[u32]) -> Result<Tensor> {
        let mut scores: Vec<f32> = logits.to_vec1()?;
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.steer(&mut scores, context).map_err(|error| {
            tracing::error!("the form of an answer could not be kept: {error}");
            std::io::Error::other(TOO_COMPLICATED)
        })?;
        Tensor::from_vec(scores, logits.shape(), logits.device())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mistralrs::core::llguidance::toktrie::ApproximateTokEnv;

    const OPEN: Reasoning = Reasoning::Open(Tags::Text);
    const POSSIBLE: Reasoning = Reasoning::Possible(Tags::Text);

    #[test]
    fn the_prompt_and_the_wish_say_whether_there_is_reasoning() {
        for (prompt, can_think, thinking, expected) in [
            ("<|im_start|>assistant\n", false, Thinking::On, Reasoning::None),
            ("<|im_start|>assistant\n", true, Thinking::Auto, POSSIBLE),
            ("<|im_start|>assistant\n", true, Thinking::Off, Reasoning::None),
            ("<|im_start|>assistant\n<think>\n\n</think>\n\n", true, Thinking::Auto, Reasoning::None),
            // The template has the last word: some models can't be told not to.
            ("<|Assistant|><think>\n", true, Thinking::Off, OPEN),
            ("<|Assistant|><think>\n", false, Thinking::Auto, OPEN),
        ] {
            assert_eq!(reasoning(prompt, can_think, thinking, Tags::Text), expected, "{prompt}");
        }
    }

    #[test]
    fn only_what_may_follow_stays_possible() {
        let vocabulary = ApproximateTokEnv::single_byte_env();
        let end = 260;
        let forms = Forms::new(&vocabulary, &[end, 261]);
        let state = |begun: &[u8]| {
            let (prompt, begun) = (b"Hi".map(u32::from), begun.iter().copied().map(u32::from).collect::<Vec<_>>());
            let form = Constraint::Regex("ab?".into());
            let guide = forms.guide(&form, (&prompt, &begun), false, Thinking::Auto);
            guide.map(|guide| guide.0.into_inner().expect("not poisoned"))
        };
        let mut fresh = state(b"").expect("a guide");
        let possible = |state: &mut State, context: &[u8]| {
            let mut scores = vec![1.0; 300];
            let context: Vec<u32> = context.iter().copied().map(u32::from).collect();
            state.steer(&mut scores, &context).expect("no error");
            (0u32..).zip(scores).filter(|(_, score)| score.is_finite()).map(|(token, _)| token).collect::<Vec<_>>()
        };
        assert_eq!(possible(&mut fresh, b"i"), [u32::from(b'a')], "a part of the prompt");
        // Any of the model's ends, and not the one that the vocabulary is taken to have.
        assert_eq!(possible(&mut fresh, b"Hia"), [u32::from(b'b'), end, 261]);
        assert_eq!(possible(&mut fresh, b"Hiab"), [end, 261]);
        // An answer that goes on.
        let mut begun = state(b"a").expect("a guide");
        assert_eq!(possible(&mut begun, b"Hia"), [u32::from(b'b'), end, 261]);
        assert!(state(b"x").is_err(), "it never had the form");
    }
}
