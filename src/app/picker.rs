//! A list that is narrowed by typing: the palette, and the choice of a theme.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use unicode_segmentation::UnicodeSegmentation;

use crate::app::list::{self, Scroll};
use crate::app::text_area::TextArea;
use crate::domain::MsgId;
use crate::domain::action::Action;
use crate::domain::store::ConvId;
use crate::text::sanitize;

/// What choosing a row does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Action(Action),
    /// Loads the model with this reference.
    Model(String),
    Theme(String),
    /// Goes to the setting with this key.
    Setting(&'static str),
    /// Changes the setting with this key in this conversation alone.
    Own(&'static str),
    Persona(String),
    /// Opens it.
    Conversation(ConvId),
    /// Answers again, as behind `/retry`.
    Retry(String),
    /// Has this model answer as well.
    Compare(String),
    /// Shows this answer beside the newest one.
    CompareWith(MsgId),
    /// Shows the branch that ends there.
    Branch(MsgId),
    /// Puts it on the clipboard; `what` it is, for people.
    Copy {
        what: String,
        text: String,
    },
    /// Writes it to a new file.
    WriteFile {
        path: String,
        text: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What kind of thing it is, where rows are mixed.
    pub kind: &'static str,
    pub label: String,
    /// At the right: a key, a size.
    pub detail: String,
    pub target: Target,
}

impl Row {
    #[must_use]
    pub fn new(label: &str, detail: &str, target: Target) -> Self {
        Self { kind: "", label: label.to_owned(), detail: detail.to_owned(), target }
    }

    /// What is looked through.
    fn text(&self) -> String {
        let label = sanitize(&self.label);
        if self.kind.is_empty() { label.into_owned() } else { format!("{} {label}", self.kind) }
    }
}

#[derive(Debug)]
pub struct Picker {
    pub title: &'static str,
    pub query: TextArea,
    rows: Vec<Row>,
    /// Rows that match, best first.
    matches: Vec<usize>,
    selected: usize,
    pub scroll: Scroll,
}

impl Picker {
    #[must_use]
    pub fn new(title: &'static str, rows: Vec<Row>) -> Self {
        let matches = (0..rows.len()).collect();
        Self { title, query: TextArea::one_line(""), rows, matches, selected: 0, scroll: Scroll::default() }
    }

    /// Begins at the row for which `is` holds.
    #[must_use]
    pub fn at(mut self, is: impl Fn(&Row) -> bool) -> Self {
        self.selected = self.rows.iter().position(is).unwrap_or(0);
        self
    }

    /// More to choose from, behind what is there.
    pub fn add(&mut self, rows: impl IntoIterator<Item = Row>) {
        let chosen = self.matches.get(self.selected).copied();
        self.rows.extend(rows);
        self.narrow();
        // Rows that come late do not move what somebody has chosen.
        self.selected = chosen.and_then(|row| self.matches.iter().position(|i| *i == row)).unwrap_or(0);
    }

    fn pattern(&self) -> Option<Pattern> {
        let query = self.query.text().trim();
        (!query.is_empty()).then(|| Pattern::parse(query, CaseMatching::Ignore, Normalization::Smart))
    }

    /// Narrows the list after the query changed.
    pub fn narrow(&mut self) {
        self.selected = 0;
        let Some(pattern) = self.pattern() else {
            self.matches = (0..self.rows.len()).collect();
            return;
        };
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, usize)> = self
            .rows
            .iter()
            .enumerate()
            .filter_map(|(i, row)| {
                let text = row.text();
                pattern.score(Utf32Str::new(&text, &mut buffer), &mut matcher).map(|score| (score, i))
            })
            .collect();
        scored.sort_by_key(|(score, i)| (std::cmp::Reverse(*score), *i));
        self.matches = scored.into_iter().map(|(_, i)| i).collect();
    }

    #[must_use]
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &Row> {
        self.matches.iter().map(|i| &self.rows[*i])
    }

    /// Some rows of those that match, from a place on, each cut into pieces: its kind and its label, and whether a piece is
    /// what was typed.
    #[must_use]
    pub fn shown(&self, first: usize, most: usize) -> Vec<(&Row, Vec<(String, bool)>)> {
        let pattern = self.pattern();
        let mut matcher = Matcher::new(Config::DEFAULT);
        let rows = self.matches.iter().skip(first).take(most).map(|i| &self.rows[*i]);
        rows.map(|row| {
            let text = row.text();
            let marked = pattern.as_ref().map_or_else(Vec::new, |pattern| letters(pattern, &text, &mut matcher));
            (row, pieces(&text, &marked))
        })
        .collect()
    }

    /// Rows before any narrowing: the list's size on screen does not jump while one types.
    #[must_use]
    pub fn all(&self) -> usize {
        self.rows.len()
    }

    #[must_use]
    pub fn selected(&self) -> usize {
        self.selected
    }

    #[must_use]
    pub fn chosen(&self) -> Option<&Row> {
        self.matches.get(self.selected).map(|i| &self.rows[*i])
    }

    pub fn act(&mut self, action: Action) -> bool {
        move_selection(&mut self.selected, self.matches.len(), action)
    }

    /// Chooses a row that was clicked. True where it was chosen already.
    pub fn choose(&mut self, row: usize) -> bool {
        list::choose(&mut self.selected, row)
    }
}

/// Which graphemes of a text the pattern has found.
fn letters(pattern: &Pattern, text: &str, matcher: &mut Matcher) -> Vec<u32> {
    let mut buffer = Vec::new();
    let mut found = Vec::new();
    pattern.indices(Utf32Str::new(text, &mut buffer), matcher, &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

/// A text in pieces that are found, and pieces that are not.
fn pieces(text: &str, found: &[u32]) -> Vec<(String, bool)> {
    let mut pieces: Vec<(String, bool)> = Vec::new();
    for (place, grapheme) in text.graphemes(true).enumerate() {
        let is_found = u32::try_from(place).is_ok_and(|place| found.binary_search(&place).is_ok());
        match pieces.last_mut() {
            Some((piece, of)) if *of == is_found => piece.push_str(grapheme),
            _ => pieces.push((grapheme.to_owned(), is_found)),
        }
    }
    pieces
}

/// Rows that a page in a list moves by.
const PAGE: usize = 10;

/// Moves a selection in a list of `len` rows. False where the action does not move one.
pub fn move_selection(selected: &mut usize, len: usize, action: Action) -> bool {
    let last = len.saturating_sub(1);
    *selected = match action {
        Action::Previous => selected.checked_sub(1).unwrap_or(last),
        Action::Next if *selected >= last => 0,
        Action::Next => *selected + 1,
        Action::PagePrevious => selected.saturating_sub(PAGE),
        Action::PageNext => (*selected + PAGE).min(last),
        Action::First => 0,
        Action::Last => last,
        _ => return false,
    };
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picker() -> Picker {
        let rows = ["Go to Models", "Go to Settings", "Choose a theme", "Quit"];
        let row = |label: &str| Row {
            kind: "",
            label: label.into(),
            detail: String::new(),
            target: Target::Theme(label.into()),
        };
        Picker::new("test", rows.into_iter().map(row).collect())
    }

    #[test]
    fn letters_in_order_are_enough() {
        let mut p = picker();
        p.query.insert("gset");
        p.narrow();
        assert_eq!(p.chosen().map(|r| r.label.as_str()), Some("Go to Settings"));
        p.query.insert("zzz");
        p.narrow();
        assert_eq!((p.chosen(), p.rows().len()), (None, 0));
        assert!(p.act(Action::Next));
    }

    #[test]
    fn the_letters_that_match_are_marked() {
        let mut p = picker();
        let marked = |p: &Picker| {
            let rows = p.shown(0, 1);
            let mark = |(text, is_it): &(String, bool)| if *is_it { format!("[{text}]") } else { text.clone() };
            rows[0].1.iter().map(mark).collect::<String>()
        };
        assert_eq!(marked(&p), "Go to Models");
        p.query.insert("GSET");
        p.narrow();
        assert_eq!(marked(&p), "[G]o to [Set]tings");
        assert_eq!(pieces("e\u{301}a", &[1]), [("e\u{301}".to_owned(), false), ("a".to_owned(), true)]);
    }

    #[test]
    fn rows_that_come_late_leave_the_choice_where_it_is() {
        let mut p = picker();
        p.act(Action::Next);
        p.add([Row::new("Go on", "", Target::Theme("x".into()))]);
        assert_eq!((p.chosen().map(|row| row.label.as_str()), p.all()), (Some("Go to Settings"), 5));
    }

    #[test]
    fn the_selection_goes_round() {
        let mut p = picker();
        p.act(Action::Previous);
        assert_eq!(p.selected(), 3);
        p.act(Action::Next);
        assert_eq!(p.selected(), 0);
        p.act(Action::PageNext);
        assert_eq!(p.selected(), 3);
    }
}
