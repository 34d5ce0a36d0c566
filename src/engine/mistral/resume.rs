//! An answer that goes on from where it was cut.
//!
//! The chat template of a conversation always opens a new answer, so the prompt is made of tokens here: the template's, and
//! after them those of the answer so far. Where it is the last answer of this process these are the very tokens that it was
//! made of; read anew from its text they could be others, and what follows with them.
//!
//! The engine takes the white space off the first piece that it hands out, and a piece never begins inside a character. So
//! the last token of the answer so far is not part of the prompt: it is made once more, under the conductor's hand, and the
//! piece that comes of it is dropped.

use super::count::Texts;
use crate::domain::Beginning;

/// An answer as it was made: what was handed out, and the tokens that the engine has read of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    pub tokens: Vec<u32>,
    pub handed_out: Beginning,
}

/// The tokens of an answer so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Begun {
    /// Part of the prompt.
    pub read: Vec<u32>,
    /// Made once more, in one piece.
    pub again: Vec<u32>,
}

impl Begun {
    pub fn len(&self) -> usize {
        self.read.len() + self.again.len()
    }

    /// `prompt` is what the template makes of the conversation before the answer.
    pub fn new(begun: &Beginning, last: Option<&Made>, prompt: &[u32], texts: &Texts) -> Self {
        let mut read = last
            .and_then(|last| last.up_to(begun, texts))
            .unwrap_or_else(|| (texts.encode)(&spell_out(begun, &(texts.decode)(prompt))));
        let ends_well = |tokens: &[u32]| !(texts.decode)(tokens).ends_with(char::REPLACEMENT_CHARACTER);
        let start = (1..=read.len().min(MOST_TOKENS_OF_A_CHARACTER))
            .map(|n| read.len() - n)
            .find(|start| ends_well(&read[..*start]))
            .unwrap_or(read.len());
        let again = read.split_off(start);
        Self { read, again }
    }
}

/// Of a character's four bytes in UTF-8, each can be a token.
const MOST_TOKENS_OF_A_CHARACTER: usize = 4;

impl Made {
    /// The tokens that what was handed out up to there was made of. A front end may have heard less than all of it.
    fn up_to(&self, begun: &Beginning, texts: &Texts) -> Option<Vec<u32>> {
        let whole = begun == &self.handed_out;
        if !begun.reasoning.is_empty() {
            // What is between reasoning and answer is not text: only the whole of it is known.
            return whole.then(|| self.tokens.clone());
        }
        let text = |n: usize| (texts.decode)(&self.tokens[..n]);
        let wanted = begun.text.trim_start();
        let is_wanted = |n: usize| text(n).trim_start() == wanted;
        if whole && is_wanted(self.tokens.len()) {
            return Some(self.tokens.clone());
        }
        let (mut low, mut high) = (0, self.tokens.len());
        while low < high {
            let middle = low.midpoint(high);
            if text(middle).trim_start().len() < wanted.len() { low = middle + 1 } else { high = middle }
        }
        is_wanted(low).then(|| self.tokens[..low].to_vec())
    }
}

/// The answer so far as the model would have written it.
fn spell_out(begun: &Beginning, prompt: &str) -> String {
    if begun.reasoning.is_empty() {
        return begun.text.clone();
    }
    // Some templates open the reasoning themselves.
    let open = if prompt.trim_end().ends_with("<think>") { "" } else { "<think>\n" };
    if begun.text.is_empty() {
        format!("{open}{}", begun.reasoning)
    } else {
        format!("{open}{}\n</think>\n\n{}", begun.reasoning.trim_end(), begun.text)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A token is a byte.
    fn texts() -> Texts {
        let decode = |tokens: &[u32]| {
            let bytes: Vec<u8> = tokens.iter().map(|t| u8::try_from(*t).expect("a byte")).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Texts { encode: Arc::new(|text| text.bytes().map(u32::from).collect()), decode: Arc::new(decode) }
    }

    fn tokens(text: &str) -> Vec<u32> {
        (texts().encode)(text)
    }

    fn begun(text: &str) -> Beginning {
        Beginning { reasoning: String::new(), text: text.into() }
    }

    fn made(text: &str) -> Made {
        // With a token that the text lacks the last byte of.
        let tokens = tokens(text).into_iter().chain([0xc3]).collect();
        Made { tokens, handed_out: begun(text.trim_start()) }
    }

    #[test]
    fn the_tokens_of_the_last_answer_are_used_as_far_as_it_was_heard() {
        let last = made(" one two");
        for (text, read, again) in [("one two", " one tw", "o"), ("one ", " one", " "), ("o", " ", "o")] {
            let found = Begun::new(&begun(text), Some(&last), &[], &texts());
            assert_eq!((found.read, found.again), (tokens(read), tokens(again)), "{text}");
        }
        // What it did not say is read from its text.
        let other = Begun::new(&begun("three"), Some(&last), &[], &texts());
        assert_eq!((other.read, other.again), (tokens("thre"), tokens("e")));
    }

    #[test]
    fn a_character_is_made_again_as_a_whole() {
        let found = Begun::new(&begun("a\u{1f600}"), None, &[], &texts());
        assert_eq!((found.read, found.again.len()), (tokens("a"), 4));
    }

    #[test]
    fn reasoning_is_spelled_as_the_model_would() {
        let all = Beginning { reasoning: "hm\n".into(), text: "Yes".into() };
        assert_eq!(spell_out(&all, "assistant\n"), "<think>\nhm\n</think>\n\nYes");
        assert_eq!(spell_out(&all, "assistant\n<think>\n"), "hm\n</think>\n\nYes");
        let half = Beginning { text: String::new(), ..all };
        assert_eq!(spell_out(&half, ""), "<think>\nhm\n");
    }
}
