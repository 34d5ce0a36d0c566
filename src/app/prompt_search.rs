//! Looking for something that was asked before, by its words.

use std::ops::Range;

use crate::app::list::{self, Scroll};
use crate::app::picker::move_selection;
use crate::app::prompts::Prompt;
use crate::app::text_area::TextArea;
use crate::domain::action::Action;

#[derive(Debug)]
pub struct PromptSearch {
    pub query: TextArea,
    /// Newest first, each with its text in lower case: that is what is looked through.
    all: Vec<(Prompt, String)>,
    /// Those that have all the words.
    matches: Vec<usize>,
    selected: usize,
    pub scroll: Scroll,
}

impl PromptSearch {
    #[must_use]
    pub fn new<'a>(all: impl Iterator<Item = &'a Prompt>) -> Self {
        let mut search = Self {
            query: TextArea::one_line(""),
            all: Vec::new(),
            matches: Vec::new(),
            selected: 0,
            scroll: Scroll::default(),
        };
        search.look_through(all);
        search
    }

    /// There are more now; those that were there are still the first.
    pub fn look_through<'a>(&mut self, all: impl Iterator<Item = &'a Prompt>) {
        self.all = all.map(|prompt| (prompt.clone(), prompt.text.to_lowercase())).collect();
        let selected = self.selected;
        self.narrow();
        self.selected = selected.min(self.matches.len().saturating_sub(1));
    }

    /// The query has changed.
    pub fn narrow(&mut self) {
        let words = self.words();
        let fits = |text: &str| words.iter().all(|word| text.contains(word.as_str()));
        self.matches = (0..self.all.len()).filter(|i| fits(&self.all[*i].1)).collect();
        self.selected = 0;
    }

    fn words(&self) -> Vec<String> {
        self.query.text().split_whitespace().map(str::to_lowercase).collect()
    }

    pub fn prompts(&self) -> impl ExactSizeIterator<Item = &Prompt> {
        self.matches.iter().map(|i| &self.all[*i].0)
    }

    /// How many there are to look through.
    #[must_use]
    pub fn known(&self) -> usize {
        self.all.len()
    }

    #[must_use]
    pub fn selected(&self) -> usize {
        self.selected
    }

    #[must_use]
    pub fn chosen(&self) -> Option<&Prompt> {
        self.matches.get(self.selected).map(|i| &self.all[*i].0)
    }

    pub fn act(&mut self, action: Action) -> bool {
        move_selection(&mut self.selected, self.matches.len(), action)
    }

    /// Chooses one that was clicked. True where it was chosen already.
    pub fn choose(&mut self, row: usize) -> bool {
        list::choose(&mut self.selected, row)
    }

    /// The key that opened it goes on to the next, as in shells.
    pub fn press(&mut self, action: Action) -> bool {
        if action == Action::SearchPrompts {
            return self.act(Action::Next);
        }
        if self.act(action) {
            return true;
        }
        let version = self.query.version();
        let done = self.query.act(action);
        if self.query.version() != version {
            self.narrow();
        }
        done
    }

    /// Where the words are in a line that is shown, without overlaps.
    #[must_use]
    pub fn marks(&self, line: &str) -> Vec<Range<usize>> {
        let words = self.words();
        let mut marks = Vec::new();
        let mut at = 0;
        while let Some(c) = line[at..].chars().next() {
            let longest = words.iter().filter_map(|word| begins_with(&line[at..], word)).max();
            match longest {
                Some(length) => {
                    marks.push(at..at + length);
                    at += length;
                }
                None => at += c.len_utf8(),
            }
        }
        marks
    }

    /// The line of a prompt that tells it best: the first one with a word that is looked for, else the first that is not blank.
    #[must_use]
    pub fn line<'a>(&self, text: &'a str) -> &'a str {
        let words = self.words();
        let has = |line: &&str| words.iter().any(|word| line.to_lowercase().contains(word.as_str()));
        let first = || text.lines().find(|line| !line.trim().is_empty());
        let found = if words.is_empty() { None } else { text.lines().find(has) };
        found.or_else(first).unwrap_or_default().trim()
    }
}

/// How much of the text is the word, whatever the case. A lower-case letter can be of another length.
fn begins_with(text: &str, word: &str) -> Option<usize> {
    let mut wanted = word.chars().peekable();
    let mut length = 0;
    for c in text.chars() {
        if wanted.peek().is_none() {
            break;
        }
        for lower in c.to_lowercase() {
            if wanted.next() != Some(lower) {
                return None;
            }
        }
        length += c.len_utf8();
    }
    (length > 0 && wanted.peek().is_none()).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(query: &str) -> PromptSearch {
        let prompts: Vec<Prompt> = ["Why is the sky blue?", "\nA soup\nwith Leeks, blue ones", "Größe und ÄRGER", "x"]
            .map(|text| Prompt { text: text.into(), written: text.into() })
            .into();
        let mut search = PromptSearch::new(prompts.iter());
        search.query.insert(query);
        search.narrow();
        search
    }

    fn found(query: &str) -> Vec<String> {
        search(query).prompts().map(|prompt| prompt.text.trim().chars().take(6).collect()).collect()
    }

    #[test]
    fn all_words_have_to_be_there() {
        assert_eq!(found("").len(), 4);
        assert_eq!(found("BLUE"), ["Why is", "A soup"]);
        assert_eq!(found("blue leek"), ["A soup"]);
        assert_eq!(found("ärger gröss"), [""; 0]);
        assert_eq!(found("ärger grö"), ["Größe "]);
    }

    #[test]
    fn words_are_marked_in_the_line_that_has_them() {
        let s = search("leeks blue");
        let line = s.line(&s.chosen().expect("one").text);
        assert_eq!(line, "with Leeks, blue ones");
        let marked: Vec<&str> = s.marks(line).into_iter().map(|range| &line[range]).collect();
        assert_eq!(marked, ["Leeks", "blue"]);
        assert_eq!(search("").line("\n  first\nsecond"), "first");
        assert_eq!(search("är").marks("ÄRGER").first(), Some(&(0.."ÄR".len())));
        assert!(search("").marks("anything").is_empty());
    }

    #[test]
    fn the_key_that_opens_it_goes_on() {
        let mut s = search("");
        s.press(Action::SearchPrompts);
        s.press(Action::SearchPrompts);
        assert_eq!(s.selected(), 2);
        s.query.insert("soup");
        s.narrow();
        assert_eq!(s.selected(), 0);
        assert!(s.press(Action::Backspace));
        assert_eq!(s.prompts().len(), 1);
    }
}
