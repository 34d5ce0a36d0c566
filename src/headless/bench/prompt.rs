//! Prompts of a wanted length. Each begins with another word, so that nothing that the engine keeps of an earlier one can
//! save it the reading.

use crate::domain::{ChatMessage, Role};

/// Short and common: a token each in nearly every vocabulary.
const WORDS: [&str; 64] = [
    "river", "stone", "light", "house", "green", "water", "night", "music", "paper", "bread", "glass", "horse",
    "table", "cloud", "field", "north", "earth", "plant", "train", "chair", "ocean", "sugar", "metal", "woman",
    "child", "voice", "dream", "story", "world", "month", "white", "black", "heart", "money", "phone", "radio",
    "sleep", "smile", "spring", "summer", "winter", "garden", "window", "bridge", "island", "market", "doctor",
    "letter", "silver", "dinner", "flower", "forest", "mother", "father", "sister", "school", "street", "butter",
    "coffee", "engine", "ground", "number", "office", "picture",
];
/// From one prompt's first word to the next one's. Odd, so that all 64 have their turn.
const STRIDE: usize = 7;

/// Makes prompts, and learns what they come to.
#[derive(Debug, Clone)]
pub(super) struct Prompts {
    /// Some templates take no system message; with one, what differs comes before all that such a template adds itself.
    pub with_system: bool,
    made: usize,
    /// Tokens of a prompt without any words.
    frame: f64,
    tokens_per_word: f64,
}

impl Prompts {
    pub fn new() -> Self {
        Self { with_system: true, made: 0, frame: 0.0, tokens_per_word: 1.0 }
    }

    /// A prompt with so many words beside what every prompt has.
    pub fn of_words(&mut self, words: usize) -> Vec<ChatMessage> {
        let start = self.made * STRIDE;
        self.made += 1;
        let word = |n: usize| WORDS[(start + n) % WORDS.len()];
        let filler: Vec<&str> = (1..=words).map(word).collect();
        let first = word(0);
        let question = format!("{} Write a long story about all of this, and never end it.", filler.join(" "));
        if self.with_system {
            let system = format!("{first}: you write long stories.");
            vec![
                ChatMessage { role: Role::System, content: system },
                ChatMessage { role: Role::User, content: question },
            ]
        } else {
            vec![ChatMessage { role: Role::User, content: format!("{first} {question}") }]
        }
    }

    /// A prompt of about so many tokens; no shorter than its frame.
    pub fn of_tokens(&mut self, tokens: u32) -> Vec<ChatMessage> {
        let words = (f64::from(tokens) - self.frame) / self.tokens_per_word;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not below 0 and far from the edge")]
        self.of_words(words.round().max(0.0) as usize)
    }

    /// Learns from two prompts, the words and the tokens of each.
    pub fn learn(&mut self, [short, long]: [(u32, u32); 2]) {
        let words = f64::from(long.0.saturating_sub(short.0)).max(1.0);
        self.tokens_per_word = (f64::from(long.1.saturating_sub(short.1)) / words).max(0.1);
        self.frame = (f64::from(short.1) - f64::from(short.0) * self.tokens_per_word).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn words(messages: &[ChatMessage]) -> usize {
        messages.iter().map(|message| message.content.split_whitespace().count()).sum()
    }

    #[test]
    fn no_two_prompts_begin_alike() {
        for with_system in [true, false] {
            let mut prompts = Prompts { with_system, ..Prompts::new() };
            let mut first = || {
                let messages = prompts.of_words(3);
                messages[0].content.split([' ', ':']).next().unwrap_or_default().to_owned()
            };
            let seen: HashSet<String> = (0..WORDS.len()).map(|_| first()).collect();
            assert_eq!(seen.len(), WORDS.len());
        }
    }

    #[test]
    fn lengths_are_learned() {
        let mut prompts = Prompts::new();
        let frame = words(&prompts.of_words(0));
        // Two tokens a word, and twenty that a template adds.
        let tokens = |n: usize| u32::try_from(n * 2 + 20).expect("small");
        prompts.learn([(8, tokens(frame + 8)), (40, tokens(frame + 40))]);
        for wanted in [100, 1000] {
            let made = tokens(words(&prompts.of_tokens(wanted)));
            assert!(made.abs_diff(wanted) <= 2, "{made} instead of {wanted}");
        }
        assert_eq!(words(&prompts.of_tokens(1)), frame, "no shorter than its frame");
    }
}
