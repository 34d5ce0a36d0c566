//! What a prompt takes of the context, as arithmetic over counted texts.

use serde::{Deserialize, Serialize};

/// Tokens that a model's chat template adds to the texts of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TemplateCost {
    /// Around a single question: what begins a prompt, and what opens the answer.
    pub question: u32,
    /// Around an answer and the next question. Not half of it for each: they need not be alike.
    pub turn: u32,
    /// For a system prompt; less than nothing where the template puts in one of its own when there is none.
    pub system: i32,
}

impl TemplateCost {
    /// Learns from three prompts whose texts take `text` tokens each: a question; a question, an answer and a question; a
    /// system prompt and a question (`None` where the template refuses one).
    #[must_use]
    pub fn learn(text: u32, question: u32, three: u32, with_system: Option<u32>) -> Self {
        Self {
            question: question.saturating_sub(text),
            turn: three.saturating_sub(question).saturating_sub(2 * text),
            system: with_system.map_or(0, |all| signed(all) - signed(question) - signed(text)),
        }
    }

    /// Tokens of a prompt whose texts take so many.
    #[must_use]
    pub fn prompt(&self, system: Option<u32>, messages: impl IntoIterator<Item = u32>) -> u32 {
        let (texts, count) =
            messages.into_iter().fold((0u32, 0u32), |(sum, n), tokens| (sum.saturating_add(tokens), n + 1));
        let more = self.turn.saturating_mul(count.saturating_sub(1)).div_ceil(2);
        let bare = self.question.saturating_add(texts).saturating_add(more);
        system.map_or(bare, |tokens| bare.saturating_add(tokens).saturating_add_signed(self.system))
    }

    /// What one message more adds, beside its text.
    #[must_use]
    pub fn message(&self) -> u32 {
        self.turn.div_ceil(2)
    }
}

fn signed(tokens: u32) -> i32 {
    i32::try_from(tokens).unwrap_or(i32::MAX)
}

/// How much of the context an answer should find free before something old is left out for it: a sixteenth, and never more
/// than a good paragraph.
#[must_use]
pub fn room_for_an_answer(context: u32) -> u32 {
    (context / 16).clamp(1, 256)
}

/// How much is left free when old turns are left out anyway: a quarter, or the next message would ask again.
#[must_use]
pub fn room_after_leaving_out(context: u32) -> u32 {
    (context / 4).max(1)
}

/// A context that a prompt of so many tokens fits into with an answer of good length; `None` where what there can be
/// (`most`) has no room for it.
#[must_use]
pub fn raised_context(prompt: u32, now: u32, most: u32) -> Option<u32> {
    const STEP: u32 = 1024;
    let wanted = prompt.saturating_add((prompt / 2).max(STEP)).max(now.saturating_add(STEP));
    let raised = wanted.checked_next_multiple_of(STEP)?.min(most);
    (raised > now && raised >= prompt.saturating_add(room_for_an_answer(raised))).then_some(raised)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_known_from_three_prompts() {
        // Like ChatML, with one token more around an answer: 4 and 5 around a text, 3 that open the answer, and a system
        // prompt of 20 tokens where there is none.
        let cost = TemplateCost::learn(1, 24 + 5 + 3, 24 + 5 + 6 + 5 + 3, Some(5 + 5 + 3));
        assert_eq!(cost, TemplateCost { question: 24 + 4 + 3, turn: 9, system: -20 });
        assert_eq!(cost.prompt(None, [10]), 24 + 14 + 3);
        assert_eq!(cost.prompt(Some(6), [10, 20, 30]), 10 + 14 + 25 + 34 + 3);
        assert_eq!(TemplateCost::learn(1, 9, 13, None).system, 0);
    }

    #[test]
    fn a_context_is_raised_as_far_as_it_helps_and_goes() {
        assert_eq!(raised_context(5000, 4096, 32_768), Some(8192));
        assert_eq!(raised_context(3900, 4096, 32_768), Some(6144));
        assert_eq!(raised_context(7000, 4096, 8192), Some(8192));
        assert_eq!(raised_context(8000, 4096, 8192), None, "it would hold the prompt and hardly an answer");
        assert_eq!(raised_context(100, 4096, 4096), None);
        assert_eq!(raised_context(u32::MAX, 4096, u32::MAX), None);
    }
}
