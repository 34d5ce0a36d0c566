//! A list that is narrowed by typing: the palette, and the choice of a theme.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::app::text_area::TextArea;
use crate::domain::action::Action;

/// What choosing a row does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Action(Action),
    /// Loads the model with this reference.
    Model(String),
    Theme(String),
    /// Goes to the setting with this key.
    Setting(&'static str),
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

#[derive(Debug)]
pub struct Picker {
    pub title: &'static str,
    pub query: TextArea,
    rows: Vec<Row>,
    /// Rows that match, best first.
    matches: Vec<usize>,
    selected: usize,
}

impl Picker {
    #[must_use]
    pub fn new(title: &'static str, rows: Vec<Row>) -> Self {
        let matches = (0..rows.len()).collect();
        Self { title, query: TextArea::one_line(""), rows, matches, selected: 0 }
    }

    /// Begins at the row for which `is` holds.
    #[must_use]
    pub fn at(mut self, is: impl Fn(&Row) -> bool) -> Self {
        self.selected = self.rows.iter().position(is).unwrap_or(0);
        self
    }

    /// Narrows the list after the query changed.
    pub fn narrow(&mut self) {
        self.selected = 0;
        let query = self.query.text().trim();
        if query.is_empty() {
            self.matches = (0..self.rows.len()).collect();
            return;
        }
        let pattern = Pattern::parse(query, CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, usize)> = self
            .rows
            .iter()
            .enumerate()
            .filter_map(|(i, row)| {
                let text = format!("{} {}", row.kind, row.label);
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
