//! Where things are in a text: characters, words, lines.

use unicode_segmentation::UnicodeSegmentation;

use super::TextArea;

impl TextArea {
    /// The character before a place.
    pub(in crate::app) fn before(&self, at: usize) -> usize {
        self.text[..at].grapheme_indices(true).next_back().map_or(0, |(i, _)| i)
    }

    /// The end of the character at a place.
    pub(in crate::app) fn after(&self, at: usize) -> usize {
        self.text[at..].graphemes(true).next().map_or(at, |g| at + g.len())
    }

    pub(super) fn word_before(&self) -> usize {
        self.text[..self.cursor].split_word_bound_indices().rev().find(|(_, word)| is_word(word)).map_or(0, |(i, _)| i)
    }

    pub(super) fn word_after(&self) -> usize {
        self.text[self.cursor..]
            .split_word_bound_indices()
            .find(|(_, word)| is_word(word))
            .map_or(self.text.len(), |(i, word)| self.cursor + i + word.len())
    }

    /// The beginning of the line that a place is in.
    pub(in crate::app) fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |i| i + 1)
    }

    /// Its end, before the line feed.
    pub(in crate::app) fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |i| at + i)
    }
}

/// Words, and chips, which are as good as one.
fn is_word(text: &str) -> bool {
    text.contains(char::is_alphanumeric) || text.starts_with('\u{fffc}')
}
