//! One key press, or several after each other: `ctrl-x v`.

use std::fmt;
use std::str::FromStr;

use super::KeyChord;

/// Key presses that do one thing together. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeySequence(Vec<KeyChord>);

impl KeySequence {
    /// The first press, which is all of most.
    #[must_use]
    pub fn first(&self) -> KeyChord {
        self.0[0]
    }

    #[must_use]
    pub fn chords(&self) -> &[KeyChord] {
        &self.0
    }

    /// What is still to be pressed after these; `None` where it does not begin with them, or they are all of it.
    #[must_use]
    pub fn after(&self, pressed: &[KeyChord]) -> Option<&[KeyChord]> {
        self.0.strip_prefix(pressed).filter(|rest| !rest.is_empty())
    }

    /// Short text for people: `Ctrl-X v`.
    #[must_use]
    pub fn hint(&self) -> String {
        self.describe(KeyChord::hint)
    }

    /// As [`KeySequence::hint`], for terminals that are not UTF-8.
    #[must_use]
    pub fn hint_ascii(&self) -> String {
        self.describe(KeyChord::hint_ascii)
    }

    fn describe(&self, chord: impl Fn(KeyChord) -> String) -> String {
        self.0.iter().map(|pressed| chord(*pressed)).collect::<Vec<_>>().join(" ")
    }
}

impl From<KeyChord> for KeySequence {
    fn from(chord: KeyChord) -> Self {
        Self(vec![chord])
    }
}

impl fmt::Display for KeySequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe(|chord| chord.to_string()))
    }
}

impl FromStr for KeySequence {
    /// Why it is none.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const MOST: usize = 4;
        let chords: Vec<KeyChord> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        match chords.len() {
            // The one chord knows what is wrong with it.
            0 => text.parse::<KeyChord>().map(Self::from),
            1..=MOST => Ok(Self(chords)),
            _ => Err(format!("nobody presses more than {MOST} keys after each other")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_presses_are_read_and_shown() {
        let sequence: KeySequence = "ctrl-x  V".parse().expect("a sequence");
        assert_eq!((sequence.to_string().as_str(), sequence.hint().as_str()), ("ctrl-x V", "Ctrl-X V"));
        let leader = [sequence.first()];
        assert_eq!(sequence.after(&leader).map(<[_]>::len), Some(1));
        assert_eq!(sequence.after(sequence.chords()), None);
        for wrong in ["", " ", "ctrl-x hyper-a", "a b c d e"] {
            assert!(wrong.parse::<KeySequence>().is_err(), "{wrong:?}");
        }
    }
}
