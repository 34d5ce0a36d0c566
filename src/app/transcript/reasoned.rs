//! What a model reasoned before its answer, as rows. It grows, and stays as it is while the answer does: what has been laid out
//! of it is not laid out again, but for its last line.

use ratatui::text::{Line, Span};

use crate::config::theme::Theme;
use crate::text::Sanitizer;
use crate::text::markdown::Edge;
use crate::text::words::Words;
use crate::text::wrap::{self, Joint};

/// How it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// Its words, and not only how many there are.
    pub shown: bool,
    pub width: u16,
    /// The theme's revision.
    pub theme: u64,
}

/// Columns of the bar beside it.
const BAR: usize = 2;

#[derive(Debug, Default)]
pub(super) struct Reasoned {
    look: Option<Look>,
    words: Words,
    /// Bytes that have been taken in.
    taken: usize,
    sanitizer: Sanitizer,
    /// What is there of the last line.
    last: String,
    rows: Vec<Line<'static>>,
    /// How each of them begins.
    edges: Vec<Edge>,
    /// Rows of the lines before the last one.
    settled: usize,
}

impl Reasoned {
    /// Takes in all of it, of which it may know the beginning. Gives the number of its words.
    pub fn grow(&mut self, reasoning: &str, look: Look, theme: &Theme) -> usize {
        // Blanks at the end may be followed by more.
        let text = reasoning.trim_end();
        if self.look != Some(look) || text.len() < self.taken {
            *self = Self { look: Some(look), ..Self::default() };
        }
        let begin = reasoning.len() - reasoning.trim_start().len();
        let more = text.get(self.taken.max(begin)..).unwrap_or_default();
        if look.shown && (self.rows.is_empty() || !more.is_empty()) {
            self.lay_out(more, usize::from(look.width), theme);
            self.taken = text.len();
        }
        self.words.of(reasoning)
    }

    fn lay_out(&mut self, more: &str, width: usize, theme: &Theme) {
        let bar = [Span::styled(format!("{} ", theme.glyphs.bar), theme.faint)];
        let left = BAR.min(width.saturating_sub(1));
        let wrapped = |text: &str| {
            let rows = wrap::wrap_joined(&[Span::styled(text, theme.reasoning)], width, &bar, &bar);
            rows.into_iter().map(|(line, joint)| (line, Edge { left, joint: Some(joint) }))
        };
        self.sanitizer.push_to(more, &mut self.last);
        self.rows.truncate(self.settled);
        self.edges.truncate(self.settled);
        let mut both = (std::mem::take(&mut self.rows), std::mem::take(&mut self.edges));
        if let Some(end) = self.last.rfind('\n') {
            both.extend(wrapped(&self.last[..end]));
            self.settled = both.0.len();
            self.last.drain(..=end);
        }
        both.extend(wrapped(&self.last));
        // It stands apart from the answer.
        both.extend([(Line::default(), Edge { left: 0, joint: Some(Joint::Begins) })]);
        (self.rows, self.edges) = both;
    }

    /// How each of its rows begins.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Its rows, and a blank one below them; none where it is not shown.
    pub fn rows(&self) -> &[Line<'static>] {
        &self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_pieces_the_rows_are_those_of_the_whole() {
        let theme = Theme::default();
        let look = Look { shown: true, width: 12, theme: 0 };
        for text in [
            "",
            " \n ",
            "\n one line that is broken\n\n\nand 漢字 another \n",
            "a\u{1b}]0;title\nb\u{7}c\r\nd\t\u{1b}[31m e\u{301}\u{9b}2J\n\u{202e}\n",
            "\u{1b}[3",
        ] {
            let rows = |text: &str| {
                let mut whole = Reasoned::default();
                whole.grow(text, look, &theme);
                whole.rows().to_vec()
            };
            let ends: Vec<usize> = (0..=text.len()).filter(|end| text.is_char_boundary(*end)).collect();
            for step in 1..6 {
                let mut grown = Reasoned::default();
                for end in ends.iter().copied().step_by(step).chain([text.len()]) {
                    let words = grown.grow(&text[..end], look, &theme);
                    assert_eq!(grown.rows(), rows(&text[..end]), "{:?}", &text[..end]);
                    assert_eq!(words, text[..end].split_whitespace().count());
                }
            }
            let bar = [Span::styled(format!("{} ", theme.glyphs.bar), theme.faint)];
            let clean = crate::text::sanitize(text.trim());
            let mut expected = wrap::wrap(&[Span::styled(clean, theme.reasoning)], 12, &bar, &bar);
            expected.push(Line::default());
            assert_eq!(rows(text), expected, "{text:?}");
        }
    }

    #[test]
    fn another_look_and_another_text_are_laid_out_anew() {
        let theme = Theme::default();
        let look = Look { shown: true, width: 12, theme: 0 };
        let mut reasoned = Reasoned::default();
        reasoned.grow("one two three four", look, &theme);
        assert_eq!(reasoned.rows().len(), 3);
        reasoned.grow("one two three four", Look { width: 40, ..look }, &theme);
        assert_eq!(reasoned.rows().len(), 2);
        reasoned.grow("one", Look { width: 40, ..look }, &theme);
        assert_eq!(reasoned.rows().len(), 2);
        assert_eq!(reasoned.grow("one two", Look { shown: false, ..look }, &theme), 2);
        assert!(reasoned.rows().is_empty());
    }
}
