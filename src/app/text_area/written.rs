//! A text as somebody writes it: characters, and chips between them, which stand for something longer.
//!
//! In the text a chip is one cluster of characters, its stand-in: U+FFFC with its number in tag characters behind it. Whatever
//! goes by clusters (the cursor, deleting, selecting) passes it as one. Nothing from outside can look like one: sanitising
//! takes all tag characters out.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;
use std::rc::Rc;

use crate::domain::store::{Draft, Fold, FoldKind};
use crate::domain::units::{bytes, many};
use crate::text::sanitize;

/// Begins a stand-in.
const OBJECT: char = '\u{fffc}';
/// The digit 0 of its number.
const ZERO: u32 = 0xe0030;

/// What stands in a text for something longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chip {
    Text(LongText),
    /// A file that goes along, by its path as somebody writes it.
    File(Rc<str>),
}

/// A text that is too long to stand among others. What each frame and each count asks about it is worked out once: a key
/// beside ten thousand lines costs what it does beside one.
#[derive(Debug, Clone, Eq)]
pub struct LongText {
    text: Rc<str>,
    pasted: bool,
    lines: usize,
    fingerprint: u64,
}

impl LongText {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// See [`fingerprint`].
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

impl PartialEq for LongText {
    fn eq(&self, other: &Self) -> bool {
        let same_text = || Rc::ptr_eq(&self.text, &other.text) || self.text == other.text;
        self.fingerprint == other.fingerprint && self.pasted == other.pasted && same_text()
    }
}

/// A number that stands for a text where many are looked up.
#[must_use]
pub fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Chip {
    /// A long text, from the clipboard or from elsewhere.
    #[must_use]
    pub fn text(text: &str, pasted: bool) -> Self {
        let lines = text.lines().count();
        Self::Text(LongText { text: text.into(), pasted, lines, fingerprint: fingerprint(text) })
    }

    /// What it shows, without a place to break at.
    #[must_use]
    pub fn label(&self) -> String {
        let label = match self {
            Self::Text(LongText { text, pasted, lines, .. }) => {
                let word = if *pasted { "Pasted" } else { "Text of" };
                format!("[{word} {}, {}]", many(*lines, "line"), bytes(text.len() as u64))
            }
            Self::File(_) => self.full().into_owned(),
        };
        label.replace(' ', "\u{a0}")
    }

    /// What it stands for, as text.
    #[must_use]
    pub fn full(&self) -> Cow<'_, str> {
        match self {
            Self::Text(long) => Cow::Borrowed(&long.text),
            Self::File(path) => Cow::Owned(mention(path)),
        }
    }
}

/// How a path is written into a text to have its file sent along.
#[must_use]
pub fn mention(path: &str) -> String {
    let plain = !path.is_empty() && !path.contains(|c: char| c.is_whitespace() || c == '"');
    if plain { format!("@{path}") } else { format!("@\"{path}\"") }
}

/// The path that was written like that.
fn mentioned(mention: &str) -> Option<&str> {
    let path = mention.strip_prefix('@')?;
    Some(path.strip_prefix('"').and_then(|path| path.strip_suffix('"')).unwrap_or(path))
}

/// A stretch of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    Plain(&'a str),
    Chip(&'a Chip),
}

/// The stretches of a text, with where they are in it.
pub fn pieces<'a>(text: &'a str, chips: &'a [Chip]) -> impl Iterator<Item = (Range<usize>, Piece<'a>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &text[at..];
        if rest.is_empty() {
            return None;
        }
        let next = rest.match_indices(OBJECT).find_map(|(start, _)| read(&rest[start..], chips).map(|it| (start, it)));
        let (length, piece) = match next {
            Some((0, (length, chip))) => (length, Piece::Chip(chip)),
            Some((start, _)) => (start, Piece::Plain(&rest[..start])),
            None => (rest.len(), Piece::Plain(rest)),
        };
        at += length;
        Some((at - length..at, piece))
    })
}

/// The chip that a text begins with, and how long its stand-in is.
fn read<'a>(text: &str, chips: &'a [Chip]) -> Option<(usize, &'a Chip)> {
    let digits = text[OBJECT.len_utf8()..].chars().map_while(|c| {
        let digit = u32::from(c).checked_sub(ZERO)?;
        usize::try_from(digit).ok().filter(|digit| *digit < 10)
    });
    let (count, number) = digits.fold((0, 0usize), |(count, number), digit| (count + 1, number * 10 + digit));
    let length = OBJECT.len_utf8() + 4 * count;
    chips.get(number).filter(|_| count > 0).map(|chip| (length, chip))
}

/// What stands in a text for the chip of this number.
#[must_use]
pub fn stand_in(number: usize) -> String {
    let mut text = String::from(OBJECT);
    text.extend(number.to_string().chars().filter_map(|c| char::from_u32(c.to_digit(10)? + ZERO)));
    text
}

/// A text with its chips, by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    text: String,
    /// In the order in which they stand.
    chips: Vec<Chip>,
}

impl Written {
    /// A part of a text, with those of its chips that are in it.
    #[must_use]
    pub fn of(text: &str, chips: &[Chip]) -> Self {
        let mut written = Self::default();
        written.push(text, chips);
        written
    }

    fn push(&mut self, text: &str, chips: &[Chip]) {
        for (_, piece) in pieces(text, chips) {
            match piece {
                Piece::Plain(text) => self.text.push_str(text),
                Piece::Chip(chip) => {
                    self.text.push_str(&stand_in(self.chips.len()));
                    self.chips.push(chip.clone());
                }
            }
        }
    }

    pub fn append(&mut self, other: &Self) {
        self.push(&other.text, &other.chips);
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Nothing but white space.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Without the blank lines around it.
    #[must_use]
    pub fn trimmed(&self) -> Self {
        Self::of(self.text.trim_matches('\n').trim_end(), &self.chips)
    }

    /// All that was written, with what the chips stand for.
    #[must_use]
    pub fn full(&self) -> Cow<'_, str> {
        full(&self.text, &self.chips)
    }

    pub fn pieces(&self) -> impl Iterator<Item = (Range<usize>, Piece<'_>)> {
        pieces(&self.text, &self.chips)
    }

    /// As it is kept until it is sent.
    #[must_use]
    pub fn draft(&self) -> Draft {
        let (mut text, mut folds) = (String::with_capacity(self.text.len()), Vec::new());
        for (_, piece) in self.pieces() {
            let start = text.len();
            match piece {
                Piece::Plain(plain) => text.push_str(plain),
                Piece::Chip(chip) => {
                    text.push_str(&chip.full());
                    let kind = match chip {
                        Chip::Text(LongText { pasted: true, .. }) => FoldKind::Pasted,
                        Chip::Text(_) => FoldKind::Text,
                        Chip::File(_) => FoldKind::File,
                    };
                    folds.push(Fold { start, end: text.len(), kind });
                }
            }
        }
        Draft { text, folds: Some(folds) }
    }

    /// What was kept, as it was written. `None` where it is not known what of it was folded.
    #[must_use]
    pub fn restored(draft: &Draft) -> Option<Self> {
        let mut written = Self::default();
        for (part, fold) in draft.parts()? {
            let clean = sanitize(part);
            let part = match fold {
                None => Self::from(&*clean),
                Some(FoldKind::Pasted) => Chip::text(&clean, true).into(),
                Some(FoldKind::Text) => Chip::text(&clean, false).into(),
                Some(FoldKind::File) => Chip::File(mentioned(&clean)?.into()).into(),
            };
            written.append(&part);
        }
        Some(written)
    }
}

impl From<&str> for Written {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), chips: Vec::new() }
    }
}

impl From<Chip> for Written {
    fn from(chip: Chip) -> Self {
        Self { text: stand_in(0), chips: vec![chip] }
    }
}

/// A text with what its chips stand for.
#[must_use]
pub fn full<'a>(text: &'a str, chips: &[Chip]) -> Cow<'a, str> {
    if chips.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut full = String::with_capacity(text.len());
    for (_, piece) in pieces(text, chips) {
        match piece {
            Piece::Plain(text) => full.push_str(text),
            Piece::Chip(chip) => full.push_str(&chip.full()),
        }
    }
    Cow::Owned(full)
}

#[cfg(test)]
mod tests {
    use unicode_segmentation::UnicodeSegmentation as _;

    use super::*;

    fn paste(text: &str) -> Chip {
        Chip::text(text, true)
    }

    #[test]
    fn a_chip_is_one_cluster_and_reads_back() {
        let chips: Vec<Chip> = (0..12).map(|n| paste(&format!("text {n}"))).collect();
        let text = format!("a{}{}b", stand_in(11), stand_in(3));
        assert_eq!(text.graphemes(true).count(), 4);
        assert_eq!(full(&text, &chips), "atext 11text 3b");
        assert_eq!(Written::of(&text, &chips).chips, [paste("text 11"), paste("text 3")]);
        assert_eq!(Written::of(&text, &chips).full(), "atext 11text 3b");
    }

    #[test]
    fn what_only_looks_like_one_is_text() {
        let chips = [paste("x")];
        for text in ["\u{fffc}", "\u{fffc}\u{fffc}1", &stand_in(7)] {
            assert_eq!(full(text, &chips), text);
        }
        assert_eq!(crate::text::sanitize(&stand_in(0)), "\u{fffc}", "and it can't come from outside");
        let accented = format!("{}\u{301}", stand_in(0));
        assert_eq!(full(&accented, &chips), "x\u{301}");
    }

    #[test]
    fn labels_say_what_is_in_it() {
        let plain = |chip: &Chip| chip.label().replace('\u{a0}', " ");
        assert_eq!(plain(&paste(&"x".repeat(3000))), "[Pasted 1 line, 3.0 kB]");
        assert_eq!(plain(&paste(&"four\n".repeat(10_000))), "[Pasted 10,000 lines, 50 kB]");
        assert_eq!(plain(&Chip::text("a\nb", false)), "[Text of 2 lines, 3 B]");
        assert_eq!(plain(&Chip::File("src/main.rs".into())), "@src/main.rs");
        assert_eq!(plain(&Chip::File("a b.txt".into())), "@\"a b.txt\"");
        assert!(!Chip::File("a b.txt".into()).label().contains(' '), "it does not break there");
    }

    #[test]
    fn parts_are_joined_with_their_chips() {
        let mut one = Written::of(&format!("a{}", stand_in(1)), &[paste("0"), paste("1")]);
        one.append(&Written::of(&format!("{}\n\n", stand_in(0)), &[paste("2")]));
        assert_eq!(one.full(), "a12\n\n");
        assert_eq!(one.trimmed().full(), "a12");
        assert!(Written::from(" \n").is_blank() && !one.is_blank());
    }

    #[test]
    fn what_is_kept_comes_back_as_it_was_written() {
        let mut written = Written::from("see ");
        for chip in [paste("one\ntwo"), Chip::File("a b.txt".into()), Chip::File("c\"d".into()), Chip::text("x", false)]
        {
            written.append(&chip.into());
            written.append(&" and ".into());
        }
        let draft = written.draft();
        assert_eq!(draft.text, "see one\ntwo and @\"a b.txt\" and @\"c\"d\" and x and ");
        assert_eq!(Written::restored(&draft), Some(written));
        assert_eq!(Written::restored(&Written::default().draft()), Some(Written::default()));
        assert_eq!(Written::restored(&"from elsewhere".into()), None);
        let hostile =
            Draft { text: "\u{1b}[31mred".into(), folds: Some(vec![Fold { start: 1, end: 8, kind: FoldKind::Text }]) };
        let back = Written::restored(&hostile).expect("the folds are its own");
        assert!(!back.full().contains('\u{1b}'), "{back:?}");
    }
}
