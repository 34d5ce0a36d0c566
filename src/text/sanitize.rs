//! Models, files and servers write whatever they like. What reaches a screen or stdout goes through here first.
//!
//! Removed: escape sequences (7-bit and C1 forms, with everything inside them), control characters, and characters that reorder,
//! hide or fake text (bidirectional controls, invisible fillers and operators, tag characters). Kept: line feeds, tabs, and what emoji
//! and scripts need (joiners, variation selectors, combining marks). `\r\n` and a lone `\r` become `\n`, so do U+2028 and U+2029.

use std::borrow::Cow;
use std::ops::RangeInclusive;

/// An escape string (OSC, DCS, APC, PM, SOS) that is still open after so many characters is taken as ended: a stray opener may cost a
/// reader this much text, never the rest of an answer. A line feed ends it too: no such string has one in it.
const STRING_BOUND: u32 = 4096;

/// The same for control sequences, which are never long.
const SEQUENCE_BOUND: u32 = 256;

/// `text` without anything that a terminal would act on. Borrows when there is nothing to remove.
#[must_use]
pub fn sanitize(text: &str) -> Cow<'_, str> {
    let Some(first) = first_suspect(text) else { return Cow::Borrowed(text) };
    let mut clean = String::with_capacity(text.len());
    clean.push_str(&text[..first]);
    Sanitizer::new().push_to(&text[first..], &mut clean);
    Cow::Owned(clean)
}

/// [`sanitize`] for a text that arrives in pieces: whatever the pieces, the joined output is that of the whole.
#[derive(Debug, Clone, Default)]
pub struct Sanitizer {
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// A carriage return was written as a line feed: one that follows belongs to it.
    Return,
    Escape,
    /// `ESC` and intermediate bytes, before the final one.
    Intermediate(u32),
    Control(u32),
    /// Inside OSC, DCS, APC, PM or SOS; `escape`: the last character was ESC, perhaps of the terminator.
    Str {
        seen: u32,
        escape: bool,
    },
}

impl Sanitizer {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What of the next piece may be shown.
    #[must_use]
    pub fn push<'a>(&mut self, piece: &'a str) -> Cow<'a, str> {
        if self.state == State::Text && first_suspect(piece).is_none() {
            return Cow::Borrowed(piece);
        }
        let mut clean = String::with_capacity(piece.len());
        self.push_to(piece, &mut clean);
        Cow::Owned(clean)
    }

    /// Like [`Self::push`], onto the end of `clean`.
    pub fn push_to(&mut self, piece: &str, clean: &mut String) {
        if self.state == State::Text && first_suspect(piece).is_none() {
            clean.push_str(piece);
            return;
        }
        for c in piece.chars() {
            self.step(c, clean);
        }
    }

    #[allow(clippy::match_same_arms, reason = "the order of the arms is the grammar")]
    fn step(&mut self, c: char, clean: &mut String) {
        self.state = match (self.state, c) {
            // These end or restart a sequence wherever they stand, as on a terminal.
            (State::Escape | State::Intermediate(_) | State::Control(_), '\u{1b}') => State::Escape,
            (State::Escape | State::Intermediate(_) | State::Control(_), '\u{18}' | '\u{1a}') => State::Text,
            (State::Str { .. }, '\u{7}' | '\u{18}' | '\u{1a}' | '\u{9c}') => State::Text,
            (State::Str { escape: true, .. }, '\\') => State::Text,
            // An ESC that does not end the string begins a sequence of its own.
            (State::Str { escape: true, .. }, _) => {
                self.state = State::Escape;
                return self.step(c, clean);
            }
            (State::Str { seen, .. }, '\u{1b}') => State::Str { seen: seen + 1, escape: true },
            (State::Str { seen, .. }, c) if c != '\n' && c != '\r' && seen < STRING_BOUND => {
                State::Str { seen: seen + 1, escape: false }
            }
            (State::Escape, '[') => State::Control(0),
            (State::Escape, ']' | 'P' | 'X' | '^' | '_') => State::Str { seen: 0, escape: false },
            (State::Escape, ' '..='/') => State::Intermediate(0),
            (State::Escape | State::Intermediate(_), '0'..='~') => State::Text,
            (State::Intermediate(seen), ' '..='/') if seen < SEQUENCE_BOUND => State::Intermediate(seen + 1),
            (State::Control(seen), ' '..='?') if seen < SEQUENCE_BOUND => State::Control(seen + 1),
            (State::Control(_), '@'..='~') => State::Text,
            (State::Return, '\n') => State::Text,
            // Text, or a sequence that broke off: the character stands for itself.
            (_, c) => Self::plain(c, clean),
        };
    }

    fn plain(c: char, clean: &mut String) -> State {
        match c {
            '\u{1b}' => return State::Escape,
            '\u{9b}' => return State::Control(0),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => return State::Str { seen: 0, escape: false },
            '\r' => {
                clean.push('\n');
                return State::Return;
            }
            '\u{2028}' | '\u{2029}' => clean.push('\n'),
            c if is_removed(c) => {}
            c => clean.push(c),
        }
        State::Text
    }
}

/// Characters that are dropped on their own, line feed and tab aside.
const REMOVED: &[RangeInclusive<char>] = &[
    // Controls of ASCII and Latin-1.
    '\0'..='\u{1f}',
    '\u{7f}'..='\u{9f}',
    // Soft hyphen: each terminal draws it differently.
    '\u{ad}'..='\u{ad}',
    // Bidirectional marks, embeddings, overrides and isolates: what is read would not be what is written.
    '\u{61c}'..='\u{61c}',
    '\u{200e}'..='\u{200f}',
    '\u{202a}'..='\u{202e}',
    '\u{2066}'..='\u{2069}',
    // Blank letters that look like spaces or nothing.
    '\u{115f}'..='\u{1160}',
    '\u{180e}'..='\u{180e}',
    '\u{3164}'..='\u{3164}',
    '\u{ffa0}'..='\u{ffa0}',
    // Zero-width space, word joiner and invisible operators, deprecated format controls, byte order mark, annotations.
    '\u{200b}'..='\u{200b}',
    '\u{2060}'..='\u{2065}',
    '\u{206a}'..='\u{206f}',
    '\u{feff}'..='\u{feff}',
    '\u{fff9}'..='\u{fffb}',
    // Noncharacters: no text has them, and ours marks its formulas with one.
    '\u{fdd0}'..='\u{fdef}',
    '\u{fffe}'..='\u{ffff}',
    // Musical format controls, and tags, which smuggle whole sentences unseen.
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e007f}',
];

fn is_removed(c: char) -> bool {
    !matches!(c, ' '..='~' | '\n' | '\t' | '\u{a0}'..='\u{ac}' | '\u{ae}'..='\u{300}')
        && REMOVED.iter().any(|range| range.contains(&c))
}

/// Where the first character is that does not simply stay. Most texts have none: this is the fast path.
fn first_suspect(text: &str) -> Option<usize> {
    text.char_indices().find(|&(_, c)| is_removed(c) || matches!(c, '\u{2028}' | '\u{2029}')).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_text_is_borrowed() {
        for text in ["", "plain\n\ttext", "größer 漢字 👨‍👩‍👧 ❤️ e\u{301} می\u{200c}خواهم"] {
            assert!(matches!(sanitize(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn escape_sequences_go_with_all_that_is_in_them() {
        for (text, clean) in [
            ("a\u{1b}[31;1mred\u{1b}[0mb", "aredb"),
            ("a\u{9b}31mb", "ab"),
            ("a\u{1b}]0;title\u{7}b", "ab"),
            ("a\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\b", "alinkb"),
            ("a\u{9d}0;title\u{9c}b", "ab"),
            ("a\u{1b}Pq#1~~\u{1b}\\b", "ab"),
            ("a\u{1b}_Gpayload\u{1b}\\b", "ab"),
            ("a\u{1b}cb\u{1b}(Bc\u{1b}7d", "abcd"),
            ("a\u{1b}\u{1b}[2Jb", "ab"),
            ("a\u{1b}[31\u{18}b", "ab"),
            ("a\u{1b}]0;x\u{1b}[2Jb", "ab"),
            ("a\u{1b}", "a"),
        ] {
            assert_eq!(sanitize(text), clean, "{text:?}");
        }
    }

    #[test]
    fn a_sequence_that_never_ends_costs_no_more_than_its_line() {
        assert_eq!(sanitize("a\u{1b}]0;title\nb"), "a\nb");
        assert_eq!(sanitize("a\u{1b}[31é"), "aé");
        let long = format!("\u{1b}]0;{}END", "x".repeat(10_000));
        let clean = sanitize(&long);
        assert!(clean.ends_with("END") && clean.len() > 5_000);
    }

    #[test]
    fn controls_and_invisible_characters_go_and_line_ends_become_one() {
        assert_eq!(sanitize("a\0b\u{8}c\u{7f}d\u{85}e"), "abcde");
        assert_eq!(sanitize("a\r\nb\rc\n\rd\u{2028}e"), "a\nb\nc\n\nd\ne");
        assert_eq!(sanitize("user\u{202e}txt.exe\u{2066}\u{200f}"), "usertxt.exe");
        assert_eq!(sanitize("\u{feff}a\u{200b}b\u{ad}c\u{3164}d\u{e0041}e"), "abcde");
    }

    #[test]
    fn a_sequence_cut_between_pieces_is_still_removed() {
        let mut sanitizer = Sanitizer::new();
        let pieces = ["a\u{1b}", "]8;;ht", "tp://x\u{1b}", "\\link\r", "\nb\u{9b}", "3", "1mc"];
        let joined: String = pieces.iter().map(|piece| sanitizer.push(piece).into_owned()).collect();
        assert_eq!(joined, "alink\nbc");
    }
}
