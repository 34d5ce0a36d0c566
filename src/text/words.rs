//! Counting the words of a text that grows.

/// The words of a text that only gets longer: each part of it is looked at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Words {
    /// Bytes that have been looked at.
    seen: usize,
    count: usize,
    /// The last of them belong to a word, which may go on.
    inside: bool,
}

impl Words {
    /// How many there are by now. Of a text that got shorter, all are counted again.
    pub fn of(&mut self, text: &str) -> usize {
        let more = text.get(self.seen..).unwrap_or_else(|| {
            *self = Self::default();
            text
        });
        if !more.is_empty() {
            let goes_on = self.inside && !more.starts_with(char::is_whitespace);
            self.count += more.split_whitespace().count() - usize::from(goes_on);
            self.inside = !more.ends_with(char::is_whitespace);
            self.seen = text.len();
        }
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_pieces_the_words_are_those_of_the_whole() {
        let text = "  one two\nthree\u{3000}漢字 d'accord… \t\n\nfour  ";
        let ends: Vec<usize> = (0..=text.len()).filter(|end| text.is_char_boundary(*end)).collect();
        for step in 1..7 {
            let mut words = Words::default();
            for end in ends.iter().copied().step_by(step) {
                assert_eq!(words.of(&text[..end]), text[..end].split_whitespace().count(), "{:?}", &text[..end]);
            }
            assert_eq!(words.of(text), 6);
            assert_eq!(words.of("another text"), 2);
        }
    }
}
