//! Models, files and servers write whatever they like. What reaches a screen or stdout goes through here first.
//!
//! Removed: escape sequences (7-bit and C1 forms, with everything inside them), control characters, and characters that reorder,
//! hide or fake text (bidirectional controls, invisible fillers and operators, tag characters). Kept: line feeds, tabs, and what emoji
//! and scripts need (joiners, combining marks, and of variation selectors one behind what it can vary: a row of them is a text that
//! nobody sees). `\r\n` and a lone `\r` become `\n`, so do U+2028 and U+2029.

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
    Sanitizer::new().push(text)
}

/// [`sanitize`] for a text that arrives in pieces: whatever the pieces, the joined output is that of the whole.
#[derive(Debug, Clone, Default)]
pub struct Sanitizer {
    state: State,
    /// The last character that was kept.
    last: Option<char>,
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
        if self.clean_until(piece) == piece.len() {
            self.last = piece.chars().next_back().or(self.last);
            return Cow::Borrowed(piece);
        }
        let mut clean = String::with_capacity(piece.len());
        self.push_to(piece, &mut clean);
        Cow::Owned(clean)
    }

    /// Like [`Self::push`], onto the end of `clean`.
    pub fn push_to(&mut self, piece: &str, clean: &mut String) {
        let (as_it_is, rest) = piece.split_at(self.clean_until(piece));
        clean.push_str(as_it_is);
        self.last = as_it_is.chars().next_back().or(self.last);
        for c in rest.chars() {
            self.step(c, clean);
        }
    }

    /// How much of a piece simply stays. Of most all does: this is the fast path.
    fn clean_until(&self, piece: &str) -> usize {
        if self.state != State::Text {
            return 0;
        }
        let mut last = self.last;
        let is_suspect = |&(_, c): &(usize, char)| {
            let before = last.replace(c);
            is_removed(c) || matches!(c, '\u{2028}' | '\u{2029}') || varies_nothing(c, before)
        };
        piece.char_indices().find(is_suspect).map_or(piece.len(), |(at, _)| at)
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
            (_, c) => self.plain(c, clean),
        };
    }

    fn plain(&mut self, c: char, clean: &mut String) -> State {
        let kept = match c {
            '\u{1b}' => return State::Escape,
            '\u{9b}' => return State::Control(0),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => return State::Str { seen: 0, escape: false },
            '\r' | '\u{2028}' | '\u{2029}' => '\n',
            c if is_removed(c) || varies_nothing(c, self.last) => return State::Text,
            c => c,
        };
        clean.push(kept);
        self.last = Some(kept);
        if c == '\r' { State::Return } else { State::Text }
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

/// A variation selector behind something that it does not vary: there are 256 of them, one for each byte of what is smuggled.
fn varies_nothing(c: char, before: Option<char>) -> bool {
    let is_selector = |c| matches!(c, '\u{180b}'..='\u{180d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}');
    if c < '\u{180b}' || !is_selector(c) {
        return false;
    }
    let is_base = |c: &char| !c.is_whitespace() && !is_selector(*c) && !matches!(c, '\u{200c}' | '\u{200d}');
    let Some(base) = before.filter(is_base) else { return true };
    let is_ideograph = matches!(base, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
    c >= '\u{e0100}' && !is_ideograph
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_text_is_borrowed() {
        for text in ["", "plain\n\ttext", "größer 漢字 👨‍👩‍👧 ❤️ 1️⃣ ❤️‍🔥 e\u{301} می\u{200c}خواهم 辻\u{e0100}"]
        {
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
    fn a_selector_stands_behind_what_it_can_vary() {
        assert_eq!(sanitize("a\u{fe01}\u{fe02}\u{fe0f}b"), "a\u{fe01}b");
        assert_eq!(sanitize("😀\u{e0148}\u{e0155}\u{e015c}!"), "😀!");
        assert_eq!(sanitize("辻\u{e0100}\u{e0101}\u{fe00}"), "辻\u{e0100}");
        assert_eq!(sanitize("\u{fe0f}a \u{fe0f}\n\u{180b}"), "a \n");
        assert_eq!(sanitize("a\u{200d}\u{fe01}\u{200c}\u{fe02}"), "a\u{200d}\u{200c}");
        let mut sanitizer = Sanitizer::new();
        let pieces = ["❤", "\u{fe0f}", "\u{fe0f}", "x\u{1b}[1m", "\u{fe00}"];
        let joined: String = pieces.iter().map(|piece| sanitizer.push(piece).into_owned()).collect();
        assert_eq!(joined, "❤\u{fe0f}x\u{fe00}");
    }

    #[test]
    fn a_sequence_cut_between_pieces_is_still_removed() {
        let mut sanitizer = Sanitizer::new();
        let pieces = ["a\u{1b}", "]8;;ht", "tp://x\u{1b}", "\\link\r", "\nb\u{9b}", "3", "1mc"];
        let joined: String = pieces.iter().map(|piece| sanitizer.push(piece).into_owned()).collect();
        assert_eq!(joined, "alink\nbc");
    }
}
