//! Rules of an answer that hold for every backend: how long it may get, where a stop string cuts it, what of it is
//! reasoning.

use crate::domain::{Beginning, FinishReason, PieceKind};
use crate::error::{ErrorKind, UserError};

/// How many tokens an answer may have, and which end it has reached when it has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    pub max_tokens: u32,
    pub at_the_end: FinishReason,
}

/// Fits an answer into what the prompt leaves of the context.
///
/// # Errors
/// When the prompt leaves no room for a single token.
pub fn room(prompt: u32, wish: Option<u32>, context: u32) -> Result<Room, UserError> {
    let left = context.saturating_sub(prompt);
    if left == 0 {
        return Err(UserError::new(
            ErrorKind::ContextFull,
            format!("the prompt has {prompt} tokens, and the context in force has room for {context} with its answer"),
        )
        .hint("shorten the prompt, start a new conversation, or raise the context length and load the model again"));
    }
    Ok(match wish {
        // A wish for nothing is still answered by one token: the engine has no shorter answer.
        Some(wish) if wish <= left => Room { max_tokens: wish.max(1), at_the_end: FinishReason::Length },
        _ => Room { max_tokens: left, at_the_end: FinishReason::Context },
    })
}

/// Finds stop strings in a text that comes in pieces. What could be the beginning of one is held back until it is known.
///
/// The engine's own stop strings are not used: it notices one only after it has handed it out. Reasoning does not go
/// through here: a stop string is about the answer.
#[derive(Debug)]
pub struct StopMatcher {
    stops: Vec<String>,
    held: String,
}

/// What a piece of text has turned into.
#[derive(Debug, PartialEq, Eq)]
pub struct Passed {
    /// To be shown now.
    pub text: String,
    /// A stop string follows `text`: nothing after it is part of the answer.
    pub stopped: bool,
}

impl StopMatcher {
    #[must_use]
    pub fn new(stops: &[String]) -> Self {
        Self { stops: stops.iter().filter(|s| !s.is_empty()).cloned().collect(), held: String::new() }
    }

    pub fn push(&mut self, text: &str) -> Passed {
        if self.stops.is_empty() {
            return Passed { text: text.to_owned(), stopped: false };
        }
        self.held.push_str(text);
        // The one that ends first, as if the text had come letter by letter: pieces make no difference.
        let found = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str()).map(|at| (at + stop.len(), at)));
        if let Some((_end, at)) = found.min() {
            self.held.truncate(at);
            return Passed { text: std::mem::take(&mut self.held), stopped: true };
        }
        let keep = self.stops.iter().map(|stop| overlap(&self.held, stop)).max().unwrap_or(0);
        let tail = self.held.split_off(self.held.len() - keep);
        Passed { text: std::mem::replace(&mut self.held, tail), stopped: false }
    }

    /// The answer is over: what was held back was not a stop string after all.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// The longest end of `text` that `pattern` begins with, in bytes; never all of `pattern`.
fn overlap(text: &str, pattern: &str) -> usize {
    (1..pattern.len())
        .rev()
        .filter(|n| pattern.is_char_boundary(*n))
        .find(|n| text.ends_with(&pattern[..*n]))
        .unwrap_or(0)
}

/// Takes `<think>…</think>` out of the beginning of an answer.
///
/// The engine does this itself where the model's template names both tags. A model whose template names only one of them
/// (early distillations) or none still writes them; only a tag that opens the answer counts, so that a text *about* the
/// tags stays what it is.
#[derive(Debug)]
pub struct ThinkSplitter {
    state: Think,
    held: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Think {
    /// Nothing but white space so far.
    Before,
    Inside,
    /// White space between the closing tag and the answer is dropped.
    After,
    Text,
}

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

impl Default for ThinkSplitter {
    fn default() -> Self {
        Self { state: Think::Before, held: String::new() }
    }
}

impl ThinkSplitter {
    /// For an answer that goes on.
    #[must_use]
    pub fn after(begun: &Beginning) -> Self {
        let state = if !begun.text.is_empty() {
            Think::Text
        } else if begun.reasoning.is_empty() {
            Think::Before
        } else {
            Think::Inside
        };
        Self { state, held: String::new() }
    }

    /// For an answer whose prompt ends with the opening tag.
    #[must_use]
    pub fn inside() -> Self {
        Self { state: Think::Inside, held: String::new() }
    }

    pub fn push(&mut self, text: &str, out: &mut dyn FnMut(PieceKind, String)) {
        let mut emit = |kind, text: String| {
            if !text.is_empty() {
                out(kind, text);
            }
        };
        if self.state == Think::Text {
            return emit(PieceKind::Text, text.to_owned());
        }
        self.held.push_str(text);
        loop {
            match self.state {
                Think::Before => {
                    let seen = self.held.trim_start();
                    if let Some(inside) = seen.strip_prefix(OPEN) {
                        self.held = inside.to_owned();
                        self.state = Think::Inside;
                    } else if OPEN.starts_with(seen) {
                        return;
                    } else {
                        self.state = Think::Text;
                    }
                }
                Think::Inside => {
                    if let Some(at) = self.held.find(CLOSE) {
                        let rest = self.held.split_off(at);
                        emit(PieceKind::Reasoning, std::mem::take(&mut self.held));
                        rest[CLOSE.len()..].clone_into(&mut self.held);
                        self.state = Think::After;
                    } else {
                        let tail = self.held.split_off(self.held.len() - overlap(&self.held, CLOSE));
                        return emit(PieceKind::Reasoning, std::mem::replace(&mut self.held, tail));
                    }
                }
                Think::After => {
                    let rest = self.held.trim_start();
                    if rest.is_empty() {
                        return self.held.clear();
                    }
                    self.held = rest.to_owned();
                    self.state = Think::Text;
                }
                Think::Text => return emit(PieceKind::Text, std::mem::take(&mut self.held)),
            }
        }
    }

    /// The engine has taken the reasoning out itself: what follows is the answer.
    pub fn reasoning_was_elsewhere(&mut self) {
        if self.state == Think::Before {
            self.state = Think::After;
        }
    }

    /// The answer is over: what was held back is what it looked like before.
    pub fn finish(&mut self) -> Option<(PieceKind, String)> {
        let kind = if self.state == Think::Inside { PieceKind::Reasoning } else { PieceKind::Text };
        Some((kind, std::mem::take(&mut self.held))).filter(|(_, text)| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_gets_what_is_left() {
        let room = |wish| room(1000, wish, 1024).map(|r| (r.max_tokens, r.at_the_end));
        assert_eq!(room(None), Ok((24, FinishReason::Context)));
        assert_eq!(room(Some(10)), Ok((10, FinishReason::Length)));
        assert_eq!(room(Some(24)), Ok((24, FinishReason::Length)));
        assert_eq!(room(Some(25)), Ok((24, FinishReason::Context)));
    }

    #[test]
    fn a_prompt_that_does_not_fit_is_told_both_numbers() {
        let error = room(2048, None, 2048).expect_err("no room");
        assert_eq!(error.kind, ErrorKind::ContextFull);
        assert!(error.message.contains("2048 tokens"), "{error}");
        assert!(room(5000, Some(1), 4096).expect_err("no room").message.contains("4096"));
    }

    /// What the matcher lets through when `text` comes in pieces of `size` characters.
    fn stopped(text: &str, stops: &[&str], size: usize) -> (String, bool) {
        let stops: Vec<String> = stops.iter().map(|s| (*s).to_owned()).collect();
        let mut matcher = StopMatcher::new(&stops);
        let mut seen = String::new();
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(size) {
            let passed = matcher.push(&piece.iter().collect::<String>());
            seen.push_str(&passed.text);
            if passed.stopped {
                return (seen, true);
            }
        }
        seen.push_str(&matcher.finish());
        (seen, false)
    }

    proptest! {
        #[test]
        fn stop_strings_cut_at_the_same_place_however_the_text_comes(
            text in "[ab\u{e9}\n]{0,40}",
            stops in proptest::collection::vec("[ab\u{e9}\n]{1,4}", 0..3),
            size in 1usize..9,
        ) {
            let stops: Vec<&str> = stops.iter().map(String::as_str).collect();
            let mut expected = (text.clone(), false);
            let ends = text.char_indices().map(|(i, c)| i + c.len_utf8());
            for end in ends {
                if let Some(at) = stops.iter().filter(|s| text[..end].ends_with(**s)).map(|s| end - s.len()).min() {
                    expected = (text[..at].to_owned(), true);
                    break;
                }
            }
            prop_assert_eq!(stopped(&text, &stops, size), expected);
        }

        #[test]
        fn thinking_is_split_the_same_however_it_comes(size in 1usize..20) {
            for (text, reasoning, answer) in [
                ("<think>\nWell, 1 < 2.\n</think>\n\nYes.", "\nWell, 1 < 2.\n", "Yes."),
                ("  <think>a</think>b<think>c", "a", "b<think>c"),
                ("<thin ice", "", "<thin ice"),
                ("about <think> tags", "", "about <think> tags"),
                ("<think>never </thin", "never </thin", ""),
                ("<thi", "", "<thi"),
                (" plain", "", " plain"),
                ("OPEN\nWell.\n</think>\n\nYes.", "\nWell.\n", "Yes."),
                ("OPENnever", "never", ""),
            ] {
                let (mut splitter, text) = match text.strip_prefix("OPEN") {
                    Some(rest) => (ThinkSplitter::inside(), rest),
                    None => (ThinkSplitter::default(), text),
                };
                let mut seen = (String::new(), String::new());
                let mut take = |kind, text: String| match kind {
                    PieceKind::Reasoning => seen.0.push_str(&text),
                    PieceKind::Text => seen.1.push_str(&text),
                };
                for piece in text.chars().collect::<Vec<_>>().chunks(size) {
                    splitter.push(&piece.iter().collect::<String>(), &mut take);
                }
                if let Some((kind, text)) = splitter.finish() {
                    take(kind, text);
                }
                prop_assert_eq!((seen.0.as_str(), seen.1.as_str()), (reasoning, answer));
            }
        }
    }
}
