//! Two answers to the same message, side by side.

use crate::app::transcript::markdown;
use crate::domain::MsgId;
use crate::domain::action::Action;
use crate::domain::conversation::Message;
use crate::text::stream::StreamingDoc;
use crate::text::words::Words;

/// One of the two.
#[derive(Debug, Default)]
pub struct Side {
    /// `None` until it is begun.
    pub message: Option<MsgId>,
    /// Reference of the model that goes on, if this is taken.
    pub model: Option<String>,
    /// For people.
    pub name: String,
    pub doc: StreamingDoc,
    /// Of the answer, and of what was reasoned before it.
    pub words: Words,
    pub reasoned: Words,
    /// The first line that is shown, as far down as there are lines.
    pub scroll: usize,
    /// The end is kept in sight.
    pub follows: bool,
}

impl Side {
    #[must_use]
    pub fn new(message: Option<MsgId>, model: Option<String>, name: String) -> Self {
        Self { message, model, name, ..Self::default() }
    }

    /// Takes in what has come of the answer.
    pub fn sync(&mut self, message: &Message) {
        markdown::feed(&mut self.doc, message);
    }

    /// Holds the place to what there is. Gives the first line.
    pub fn clamp(&mut self, lines: usize, height: usize) -> usize {
        let most = lines.saturating_sub(height);
        if self.follows || self.scroll >= most {
            self.scroll = most;
        }
        self.scroll
    }
}

#[derive(Debug)]
pub struct Compare {
    /// What both answer.
    pub question: String,
    /// The one that was there, and the other.
    pub sides: [Side; 2],
    /// Which of them the keys are for.
    pub focus: usize,
    /// Lines that a page has, as it was drawn last.
    pub page: usize,
}

impl Compare {
    #[must_use]
    pub fn new(question: String, sides: [Side; 2]) -> Self {
        Self { question, sides, focus: 0, page: 10 }
    }

    #[must_use]
    pub fn chosen(&self) -> &Side {
        &self.sides[self.focus]
    }

    /// Moves between the two, and in the one that the keys are for. False where the action does neither.
    pub fn act(&mut self, action: Action) -> bool {
        let page = self.page.saturating_sub(1).max(1);
        let side = &mut self.sides[self.focus];
        match action {
            Action::Left | Action::WordLeft | Action::PreviousVersion => self.focus = 0,
            Action::Right | Action::WordRight | Action::NextVersion => self.focus = 1,
            Action::NextPane | Action::PreviousPane => self.focus = 1 - self.focus,
            Action::Up | Action::ScrollUp => side.scroll_to(side.scroll.saturating_sub(1)),
            Action::Down | Action::ScrollDown => side.scroll_to(side.scroll + 1),
            Action::PageUp => side.scroll_to(side.scroll.saturating_sub(page)),
            Action::PageDown => side.scroll_to(side.scroll + page),
            Action::ScrollTop | Action::LineStart | Action::TextStart => side.scroll_to(0),
            Action::ScrollBottom | Action::LineEnd | Action::TextEnd => side.follows = true,
            _ => return false,
        }
        true
    }
}

impl Side {
    fn scroll_to(&mut self, line: usize) {
        self.follows = false;
        self.scroll = line;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_scrolls_by_itself_and_no_further_than_its_end() {
        let mut compare = Compare::new("q".into(), [Side::default(), Side::default()]);
        compare.act(Action::PageDown);
        compare.act(Action::NextPane);
        compare.act(Action::ScrollBottom);
        let [left, right] = &mut compare.sides;
        assert_eq!((left.clamp(100, 20), right.clamp(100, 20)), (9, 80));
        assert_eq!(left.clamp(12, 20), 0, "there is no more");
        assert!(!compare.act(Action::Quit) && compare.focus == 1);
    }
}
