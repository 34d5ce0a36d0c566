//! What a key press is called.

use std::fmt;
use std::str::FromStr;

/// A key without its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A printable character as it arrives; with Ctrl or Alt in lower case.
    Char(char),
    F(u8),
    Enter,
    Esc,
    Tab,
    Backspace,
    Delete,
    Insert,
    Left,
    Right,
    Up,
    Down,
    Home,
    End,
    PageUp,
    PageDown,
}

/// A key with its modifiers. Shift is not kept for characters: `A` is `Char('A')`. Shift-Tab is `Tab` with shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyChord {
    pub key: Key,
    pub ctrl: bool,
    pub alt: bool,
    pub shift: bool,
}

/// The keys that have a name: as the config file has it, as a hint shows it.
const NAMED: [(Key, &str, &str); 15] = [
    (Key::Enter, "enter", "Enter"),
    (Key::Esc, "esc", "Esc"),
    (Key::Tab, "tab", "Tab"),
    (Key::Backspace, "backspace", "Backspace"),
    (Key::Delete, "delete", "Del"),
    (Key::Insert, "insert", "Ins"),
    (Key::Left, "left", "←"),
    (Key::Right, "right", "→"),
    (Key::Up, "up", "↑"),
    (Key::Down, "down", "↓"),
    (Key::Home, "home", "Home"),
    (Key::End, "end", "End"),
    (Key::PageUp, "pageup", "PgUp"),
    (Key::PageDown, "pagedown", "PgDn"),
    (Key::Char(' '), "space", "Space"),
];

/// Other names that people write.
const ALIASES: [(&str, Key); 9] = [
    ("return", Key::Enter),
    ("escape", Key::Esc),
    ("del", Key::Delete),
    ("ins", Key::Insert),
    ("page-up", Key::PageUp),
    ("pgup", Key::PageUp),
    ("page-down", Key::PageDown),
    ("pgdn", Key::PageDown),
    ("plus", Key::Char('+')),
];

impl KeyChord {
    /// The chord, in the one form that a terminal can tell from all others.
    ///
    /// A terminal sends one byte for `ctrl-i` and Tab, for `ctrl-m` and Enter, for `ctrl-[` and Esc, for `ctrl-/`, `ctrl-_` and
    /// `ctrl-7`; those that could tell them apart are treated alike, so that a key map works the same everywhere.
    #[must_use]
    pub fn new(key: Key, ctrl: bool, alt: bool, shift: bool) -> Self {
        let Key::Char(char) = key else { return Self { key, ctrl, alt, shift } };
        let char = if ctrl || alt { single_lower(char) } else { char };
        let (key, ctrl) = match (ctrl, char) {
            (true, 'i') => (Key::Tab, false),
            (true, 'm') => (Key::Enter, false),
            (true, '[' | '3') => (Key::Esc, false),
            (true, '8' | '?') => (Key::Backspace, false),
            (true, '7' | '_') => (Key::Char('/'), true),
            (true, '2' | '@') => (Key::Char(' '), true),
            (true, '4') => (Key::Char('\\'), true),
            (true, '5') => (Key::Char(']'), true),
            (true, '6') => (Key::Char('^'), true),
            _ => (Key::Char(char), ctrl),
        };
        // What was a character has no Shift of its own.
        Self { key, ctrl, alt, shift: false }
    }

    /// This chord in the form that [`KeyChord::new`] makes.
    #[must_use]
    pub fn normal(self) -> Self {
        Self::new(self.key, self.ctrl, self.alt, self.shift)
    }

    /// A key on its own.
    #[must_use]
    pub fn plain(key: Key) -> Self {
        Self { key, ctrl: false, alt: false, shift: false }
    }

    /// Typing it writes it.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self.key, Key::Char(_)) && !self.ctrl && !self.alt
    }

    /// Short text for people: `Ctrl-P`, `Alt-Enter`, `PgUp`. The arrows are Unicode; [`KeyChord::hint_ascii`] has none.
    #[must_use]
    pub fn hint(self) -> String {
        self.describe(true)
    }

    /// As [`KeyChord::hint`], for terminals that are not UTF-8.
    #[must_use]
    pub fn hint_ascii(self) -> String {
        self.describe(false)
    }

    fn describe(self, unicode: bool) -> String {
        let mut text = String::new();
        for (held, name) in [(self.ctrl, "Ctrl-"), (self.alt, "Alt-"), (self.shift, "Shift-")] {
            if held {
                text.push_str(name);
            }
        }
        match self.key {
            Key::F(number) => {
                text.push('F');
                text.push_str(&number.to_string());
            }
            Key::Left if !unicode => text.push_str("Left"),
            Key::Right if !unicode => text.push_str("Right"),
            Key::Up if !unicode => text.push_str("Up"),
            Key::Down if !unicode => text.push_str("Down"),
            key => match (named(key), key) {
                (Some((_, _, hint)), _) => text.push_str(hint),
                (None, Key::Char(char)) if self.ctrl || self.alt => text.extend(char.to_uppercase()),
                (None, Key::Char(char)) => text.push(char),
                (None, _) => {}
            },
        }
        text
    }
}

fn named(key: Key) -> Option<&'static (Key, &'static str, &'static str)> {
    NAMED.iter().find(|(known, _, _)| *known == key)
}

/// The character in lower case where that is one character.
fn single_lower(char: char) -> char {
    let mut lower = char.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => char,
    }
}

impl fmt::Display for KeyChord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, name) in [(self.ctrl, "ctrl-"), (self.alt, "alt-"), (self.shift, "shift-")] {
            if held {
                f.write_str(name)?;
            }
        }
        match self.key {
            Key::F(number) => write!(f, "f{number}"),
            key => match (named(key), key) {
                (Some((_, name, _)), _) => f.write_str(name),
                (None, Key::Char(char)) => write!(f, "{char}"),
                (None, _) => Ok(()),
            },
        }
    }
}

impl FromStr for KeyChord {
    /// Why it is not a key.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const MODIFIERS: [(&str, usize); 6] =
            [("ctrl-", 0), ("control-", 0), ("alt-", 1), ("option-", 1), ("meta-", 1), ("shift-", 2)];
        let mut held = [false; 3];
        let mut rest = text.trim();
        if rest.is_empty() && !text.is_empty() {
            return Err("write `space` for the space bar".to_owned());
        }
        while let Some((after, which)) =
            MODIFIERS.iter().find_map(|(prefix, which)| Some((strip_ignoring_case(rest, prefix)?, *which)))
        {
            if std::mem::replace(&mut held[which], true) {
                return Err("it names a modifier twice".to_owned());
            }
            rest = after;
        }
        let [ctrl, alt, shift] = held;
        let key = key_of(rest).ok_or_else(|| "that is not the name of a key".to_owned())?;
        if let Key::Char(char) = key {
            if shift && (ctrl || alt) {
                return Err("a terminal can't tell Shift on a character together with Ctrl or Alt".to_owned());
            }
            if shift {
                let mut upper = char.to_uppercase();
                return match (upper.next(), upper.next()) {
                    (Some(one), None) if one != char => Ok(Self::plain(Key::Char(one))),
                    _ if char.is_uppercase() => Ok(Self::plain(Key::Char(char))),
                    _ => Err("write the character that arrives, like `!` in place of `shift-1`".to_owned()),
                };
            }
        }
        Ok(Self::new(key, ctrl, alt, shift))
    }
}

fn strip_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    (head.eq_ignore_ascii_case(prefix) && !tail.is_empty()).then_some(tail)
}

fn key_of(name: &str) -> Option<Key> {
    let mut chars = name.chars();
    if let (Some(char), None) = (chars.next(), chars.next()) {
        return (!char.is_control()).then_some(Key::Char(char));
    }
    let name = name.to_lowercase();
    if let Some(number) = name.strip_prefix('f').and_then(|digits| digits.parse().ok()) {
        return (1..=24).contains(&number).then_some(Key::F(number));
    }
    NAMED
        .iter()
        .find(|(_, known, _)| *known == name)
        .map(|(key, _, _)| *key)
        .or_else(|| ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, key)| *key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chord(text: &str) -> KeyChord {
        text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn names_lead_there_and_back() {
        for text in [
            "ctrl-p",
            "alt-enter",
            "shift-tab",
            "f1",
            "f12",
            "space",
            "A",
            "ctrl-/",
            "ctrl-alt-delete",
            "alt-<",
            "-",
            "ctrl--",
            "+",
            "é",
            "pageup",
            "ctrl-space",
            "alt-shift-up",
            "?",
            "ctrl-]",
            "ctrl-\\",
        ] {
            assert_eq!(chord(text).to_string(), text);
        }
    }

    #[test]
    fn what_a_terminal_cannot_tell_apart_is_one_key() {
        for (one, other) in [
            ("ctrl-i", "tab"),
            ("ctrl-m", "enter"),
            ("ctrl-[", "esc"),
            ("ctrl-_", "ctrl-/"),
            ("ctrl-7", "ctrl-/"),
            ("ctrl-@", "ctrl-space"),
            ("ctrl-A", "ctrl-a"),
            ("shift-a", "A"),
            ("Return", "enter"),
            ("PgUp", "pageup"),
            ("option-b", "alt-b"),
            ("Ctrl-Shift-Up", "ctrl-shift-up"),
        ] {
            assert_eq!(chord(one), chord(other), "{one} {other}");
        }
        assert_ne!(chord("a"), chord("A"));
        assert_ne!(chord("ctrl-h"), chord("backspace"));
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        for text in ["", " ", "ctrl-", "ctrl-ctrl-a", "f0", "f25", "hyper-a", "ab", "shift-1", "ctrl-shift-a", "\u{7}"]
        {
            assert!(text.parse::<KeyChord>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn hints_are_short() {
        for (text, hint, ascii) in [
            ("ctrl-p", "Ctrl-P", "Ctrl-P"),
            ("alt-enter", "Alt-Enter", "Alt-Enter"),
            ("pageup", "PgUp", "PgUp"),
            ("f1", "F1", "F1"),
            ("u", "u", "u"),
            ("ctrl-left", "Ctrl-←", "Ctrl-Left"),
            ("space", "Space", "Space"),
        ] {
            assert_eq!((chord(text).hint().as_str(), chord(text).hint_ascii().as_str()), (hint, ascii));
        }
    }

    proptest! {
        #[test]
        fn any_chord_is_read_as_it_is_printed(char in any::<char>(), ctrl: bool, alt: bool, shift: bool, named in 0..NAMED.len(), text: bool) {
            prop_assume!(!char.is_control() && !char.is_whitespace());
            let key = if text { Key::Char(char) } else { NAMED[named].0 };
            let chord = KeyChord::new(key, ctrl, alt, shift);
            prop_assert_eq!(chord.to_string().parse::<KeyChord>(), Ok(chord));
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            if let Ok(chord) = text.parse::<KeyChord>() {
                prop_assert_eq!(chord, chord.normal());
            }
        }
    }
}
