//! Finding words in a text as a reader means it: a space is any space, also the end of a row, and capitals count only where
//! somebody writes one.

use std::ops::Range;

/// Stands in a text where a row was broken that may have had a space there or not.
pub const SOFT_BREAK: char = '\u{1}';

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needle {
    /// Folded where capitals do not count; one space for each run of them.
    chars: Vec<char>,
    exact: bool,
}

impl Needle {
    /// `None` where there is nothing to look for.
    #[must_use]
    pub fn new(query: &str) -> Option<Self> {
        let words = query.split_whitespace().collect::<Vec<_>>().join(" ");
        let exact = words.chars().any(char::is_uppercase);
        let chars: Vec<char> = words.chars().map(|c| if exact { c } else { fold(c) }).collect();
        (!chars.is_empty()).then_some(Self { chars, exact })
    }

    /// Everything that this finds is found by `shorter` too.
    #[must_use]
    pub fn narrows(&self, shorter: &Self) -> bool {
        self.exact == shorter.exact && self.chars.starts_with(&shorter.chars)
    }

    /// All places in a text, which do not overlap.
    pub fn find_all<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
        let mut from = 0;
        std::iter::from_fn(move || {
            loop {
                let start = self.candidate(text, from)?;
                if let Some(end) = self.match_at(text, start) {
                    from = end;
                    return Some(start..end);
                }
                from = start + text[start..].chars().next().map_or(1, char::len_utf8);
            }
        })
    }

    /// The next place where the first character stands.
    fn candidate(&self, text: &str, from: usize) -> Option<usize> {
        let first = *self.chars.first()?;
        let rest = text.get(from..)?;
        if first.is_ascii() {
            // No byte of a longer character looks like one of these. The two that fold to an ASCII letter (the sign of Kelvin
            // and a dotted I) are not worth a slower look at all other texts.
            let (lower, upper) = (first as u8, if self.exact { first as u8 } else { first.to_ascii_uppercase() as u8 });
            return rest.bytes().position(|byte| byte == lower || byte == upper).map(|at| from + at);
        }
        rest.char_indices().find(|(_, c)| self.is_same(first, *c)).map(|(at, _)| from + at)
    }

    fn is_same(&self, wanted: char, c: char) -> bool {
        wanted == if self.exact { c } else { fold(c) }
    }

    /// Where the match ends that begins at `start`.
    fn match_at(&self, text: &str, start: usize) -> Option<usize> {
        let mut rest = text[start..].char_indices().peekable();
        let mut end = start;
        for (nth, wanted) in self.chars.iter().enumerate() {
            if *wanted == ' ' {
                let mut spaces = 0;
                while rest.next_if(|(_, c)| c.is_whitespace() || *c == SOFT_BREAK).is_some() {
                    spaces += 1;
                }
                if spaces == 0 {
                    return None;
                }
                continue;
            }
            while nth > 0 && rest.next_if(|(_, c)| *c == SOFT_BREAK).is_some() {}
            let (at, c) = rest.next_if(|(_, c)| self.is_same(*wanted, *c))?;
            end = start + at + c.len_utf8();
        }
        Some(end)
    }
}

fn fold(c: char) -> char {
    let mut lower = c.to_lowercase();
    lower.next().filter(|_| lower.next().is_none()).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'t>(query: &str, text: &'t str) -> Vec<&'t str> {
        let needle = Needle::new(query).expect("something to look for");
        needle.find_all(text).map(|range| &text[range]).collect()
    }

    #[test]
    fn capitals_count_where_one_is_written() {
        assert_eq!(found("blue", "Blue, BLUE and blue"), ["Blue", "BLUE", "blue"]);
        assert_eq!(found("Blue", "Blue, BLUE and blue"), ["Blue"]);
        assert_eq!(found("été", "Été et ÉTÉ"), ["Été", "ÉTÉ"]);
        assert_eq!(found("ана", "АНА, банан"), ["АНА", "ана"]);
        assert!(Needle::new("  ").is_none() && Needle::new("").is_none());
    }

    #[test]
    fn a_space_is_any_space() {
        assert_eq!(found("a  b", "a b, a\n   b, a\tb, ab"), ["a b", "a\n   b", "a\tb"]);
        assert_eq!(found(" x ", "axb"), ["x"]);
    }

    #[test]
    fn a_broken_row_is_a_space_or_nothing() {
        let broken = format!("two{SOFT_BREAK}words 漢{SOFT_BREAK}字");
        assert_eq!(found("two words", &broken).len(), 1);
        assert_eq!(found("漢字", &broken).len(), 1);
        assert_eq!(found("漢 字", &broken).len(), 1);
    }

    #[test]
    fn places_do_not_overlap() {
        assert_eq!(found("aa", "aaaaa").len(), 2);
        assert_eq!(found("aab", "aaab"), ["aab"]);
    }

    #[test]
    fn a_longer_query_finds_no_more() {
        let needle = |query| Needle::new(query).expect("something");
        assert!(needle("blue s").narrows(&needle("blue")));
        assert!(!needle("Blue").narrows(&needle("blue")) && !needle("blue").narrows(&needle("blues")));
    }
}
