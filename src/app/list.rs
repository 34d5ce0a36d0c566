//! Which rows of a list are on the screen.

use std::cell::Cell;

use crate::app::picker::move_selection;
use crate::domain::action::Action;

/// The row at the top. It stays where it is until the chosen row would leave the screen: only a frame knows how many rows there are,
/// and a row that is clicked is not to move from under the pointer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scroll(Cell<usize>);

impl Scroll {
    /// The first row to draw, of `len` of which `height` fit, with `row` among them.
    pub fn show(&self, row: usize, len: usize, height: usize) -> usize {
        let lowest = (row + 1).saturating_sub(height);
        let first = self.0.get().clamp(lowest, row.max(lowest)).min(len.saturating_sub(height));
        self.0.set(first);
        first
    }

    /// The row was on the screen, where `height` fit.
    #[must_use]
    pub fn shows(&self, row: usize, height: usize) -> bool {
        (self.0.get()..self.0.get() + height).contains(&row)
    }
}

/// Moves a selection that stays at the ends: there is nothing to find by going round.
pub fn step(selected: &mut usize, len: usize, action: Action) -> bool {
    let at_end = match action {
        Action::Previous => *selected == 0,
        Action::Next => *selected + 1 >= len,
        _ => false,
    };
    at_end || move_selection(selected, len, action)
}

/// Chooses an item that was clicked. True where it was chosen already: then the click is meant for what it does.
pub fn choose(selected: &mut usize, item: usize) -> bool {
    std::mem::replace(selected, item) == item
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_moves_only_when_it_must() {
        let scroll = Scroll::default();
        let tops = [0, 5, 9, 10, 20, 15, 10, 3].map(|row| scroll.show(row, 30, 10));
        assert_eq!(tops, [0, 0, 0, 1, 11, 11, 10, 3]);
        assert!(scroll.shows(12, 10) && !scroll.shows(13, 10));
        assert_eq!(scroll.show(29, 30, 10), 20);
        assert_eq!(scroll.show(2, 5, 10), 0, "a list that became short");
        assert_eq!(scroll.show(0, 0, 0), 0);
    }

    #[test]
    fn a_selection_stays_at_the_ends() {
        let mut selected = 0;
        assert!(step(&mut selected, 3, Action::Previous) && selected == 0);
        assert!(step(&mut selected, 3, Action::Last) && selected == 2);
        assert!(step(&mut selected, 3, Action::Next) && selected == 2);
        assert!(!step(&mut selected, 3, Action::Load));
        assert!(step(&mut selected, 0, Action::Next));
    }
}
