//! Our hand in the engine's sampling: what it asks before each token of an answer.
//!
//! The engine stores a finished answer's keys and values under all of its tokens. It has never computed those of the last
//! one, which it has only just chosen: when the next prompt repeats that token, as every template does with the end of a
//! turn, the engine takes the empty place for the token. So no token that can come again may be the last. Where the model
//! would end the answer, or where it has to end (its limit, a stop string, a person), a *mark* is chosen instead: a special
//! token of the vocabulary that the prompt does not have. It ends the answer, and no later prompt goes on with it.
//!
//! The same hand ends an answer without the engine's flag for it, which belongs to no answer in particular; and it sees
//! every token, so that what is counted is exact.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use mistralrs::{CustomLogitsProcessor, Result, Tensor};

/// One answer's. The engine has a clone of it.
#[derive(Debug, Clone)]
pub(super) struct Conductor(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Each token that ends an answer, and the mark that stands for it. None: the engine ends the answer in its own way.
    ends: Vec<(u32, u32)>,
    prompt: Vec<u32>,
    /// What the answer has to begin with.
    forced: Vec<u32>,
    /// Tokens, the prompt's included, after which the answer is as long as it may be.
    limit: usize,
    stop: AtomicBool,
    /// The tokens whose keys and values the engine has.
    seen: Mutex<Vec<u32>>,
}

impl Conductor {
    /// The answer begins with `forced`, which counts for nothing. `marks` are the tokens to choose from; where the prompt has
    /// left too few, the answer is only watched.
    pub fn new(prompt: &[u32], forced: &[u32], ends: &[u32], marks: &[u32], max_tokens: u32) -> Self {
        let mut free = marks.iter().filter(|mark| !prompt.contains(mark) && !forced.contains(mark));
        let pairs: Vec<(u32, u32)> = ends.iter().zip(&mut free).map(|(end, mark)| (*end, *mark)).collect();
        Self(Arc::new(Shared {
            ends: if pairs.len() == ends.len() { pairs } else { Vec::new() },
            prompt: prompt.to_vec(),
            forced: forced.to_vec(),
            limit: prompt.len() + forced.len() + max_tokens as usize,
            stop: AtomicBool::new(false),
            seen: Mutex::default(),
        }))
    }

    /// Tokens that end the answer in the engine's eyes; none when it ends it in its own way.
    pub fn marks(&self) -> Vec<u32> {
        self.0.ends.iter().map(|(_, mark)| *mark).collect()
    }

    pub fn is_in_charge(&self) -> bool {
        !self.0.ends.is_empty()
    }

    /// The token after the one that is being made is the last.
    pub fn stop(&self) {
        self.0.stop.store(true, Ordering::SeqCst);
    }

    /// Prompt and answer as far as the engine has keys and values of them.
    pub fn seen(&self) -> Vec<u32> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The answer has reached its limit, and was not just asked to end there.
    pub fn is_full(&self) -> bool {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).len() >= self.0.limit
    }

    fn choose(&self, logits: &Tensor, tokens: usize) -> Result<()> {
        // In place, and only the few numbers that change: this is asked for every token.
        let put =
            |token: u32, value: f32| logits.slice_set(&Tensor::new(&[value], logits.device())?, 0, token as usize);
        let made = tokens - self.0.prompt.len();
        if let Some(token) = self.0.forced.get(made) {
            return put(*token, f32::MAX / 4.0);
        }
        let Some((_, last)) = self.0.ends.first() else { return Ok(()) };
        if self.0.stop.load(Ordering::SeqCst) || tokens >= self.0.limit {
            // Above all others, whatever comes after: temperature, top-k, top-p.
            return put(*last, f32::MAX / 4.0);
        }
        for (end, mark) in &self.0.ends {
            put(*mark, logits.get(*end as usize)?.to_scalar()?)?;
            put(*end, f32::NEG_INFINITY)?;
        }
        Ok(())
    }
}

impl CustomLogitsProcessor for Conductor {
    fn apply(&self, logits: &Tensor, context: &[u32]) -> Result<Tensor> {
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_empty() {
            // Of a prompt whose beginning it has kept, the engine shows only what it has read.
            seen.extend_from_slice(&self.0.prompt);
        } else if let Some(new) = context.get(seen.len()..) {
            seen.extend_from_slice(new);
        }
        let tokens = seen.len();
        drop(seen);
        self.choose(logits, tokens)?;
        Ok(logits.clone())
    }
}

#[cfg(test)]
mod tests {
    use mistralrs::Device;

    use super::*;

    const END: u32 = 2;
    const OTHER_END: u32 = 3;

    fn chosen(conductor: &Conductor, logits: &[f32], context: &[u32]) -> (u32, Vec<f32>) {
        let logits = Tensor::new(logits, &Device::Cpu).expect("logits");
        let after: Vec<f32> = conductor.apply(&logits, context).and_then(|t| t.to_vec1()).expect("applies");
        let best = after.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).expect("some").0;
        (u32::try_from(best).expect("small"), after)
    }

    #[test]
    fn marks_stand_for_the_ends_and_everything_else_keeps_its_chance() {
        let conductor = Conductor::new(&[9, 5], &[], &[END, OTHER_END], &[5, 6, 7], 10);
        assert_eq!(conductor.marks(), [6, 7], "5 is in the prompt");
        let (best, after) = chosen(&conductor, &[1.0, 2.0, 9.0, 4.0, 3.0, 0.5, 8.0, 8.5], &[9, 5]);
        assert_eq!(best, 6);
        assert_eq!(after, [1.0, 2.0, f32::NEG_INFINITY, f32::NEG_INFINITY, 3.0, 0.5, 9.0, 4.0]);
    }

    #[test]
    fn an_answer_ends_at_its_limit_and_when_it_is_asked_to() {
        let logits = [5.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
        let conductor = Conductor::new(&[1, 1], &[], &[END], &[6], 2);
        assert_eq!(chosen(&conductor, &logits, &[1, 1]).0, 0);
        assert_eq!(chosen(&conductor, &logits, &[1, 1, 0]).0, 0);
        assert!(!conductor.is_full());
        assert_eq!(chosen(&conductor, &logits, &[1, 1, 0, 0]).0, 6);
        assert!(conductor.is_full());
        assert_eq!(conductor.seen(), [1, 1, 0, 0]);
        let conductor = Conductor::new(&[1, 1], &[], &[END], &[6], 20);
        conductor.stop();
        assert_eq!(chosen(&conductor, &logits, &[1, 1]).0, 6);
        assert!(!conductor.is_full());
    }

    #[test]
    fn an_answer_that_goes_on_begins_with_what_it_has_to() {
        let logits = [5.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
        let conductor = Conductor::new(&[1], &[3, 4], &[END], &[4, 6], 1);
        assert_eq!(conductor.marks(), [6], "4 is what it begins with");
        conductor.stop();
        assert_eq!(chosen(&conductor, &logits, &[1]).0, 3);
        assert_eq!(chosen(&conductor, &logits, &[1, 3]).0, 4);
        assert_eq!(chosen(&conductor, &logits, &[1, 3, 4]).0, 6, "and only then is it stopped");
        let conductor = Conductor::new(&[1], &[3], &[END], &[6], 1);
        assert_eq!(chosen(&conductor, &logits, &[1]).0, 3);
        assert_eq!(chosen(&conductor, &logits, &[1, 3]).0, 0);
        assert_eq!(chosen(&conductor, &logits, &[1, 3, 0]).0, 6, "one of its own, and the mark");
        // Without marks, too.
        assert_eq!(chosen(&Conductor::new(&[1], &[3], &[], &[], 1), &logits, &[1]).0, 3);
    }

    #[test]
    fn without_marks_it_only_watches() {
        for conductor in [Conductor::new(&[6], &[], &[END], &[6], 1), Conductor::new(&[6], &[], &[], &[5], 1)] {
            assert!(!conductor.is_in_charge() && conductor.marks().is_empty());
            conductor.stop();
            let logits = [0.0, 1.0, 2.0, 1.0, 0.0, 0.0, 0.0];
            assert_eq!(chosen(&conductor, &logits, &[6]), (END, logits.to_vec()));
            assert_eq!(chosen(&conductor, &logits, &[6, END]), (END, logits.to_vec()));
            assert_eq!(conductor.seen(), [6, END]);
        }
    }

    #[test]
    fn a_prompt_that_is_shown_in_part_is_seen_as_a_whole() {
        let conductor = Conductor::new(&[1, 2, 3, 4], &[], &[END], &[6], 1);
        let logits = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(chosen(&conductor, &logits, &[4]).0, 0, "the first token");
        assert_eq!(chosen(&conductor, &logits, &[1, 2, 3, 4, 0]).0, 6, "and no second");
        assert_eq!(conductor.seen(), [1, 2, 3, 4, 0]);
    }
}
