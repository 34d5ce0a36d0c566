//! What keys do to what is selected.

use super::operate::join;
use super::{Did, Mode, Operator, Pending, Register, Vim};
use crate::app::text_area::{Selection, TextArea};
use crate::domain::action::Action;

impl Vim {
    pub(super) fn visual(&mut self, c: char, from: usize, lines: bool, area: &mut TextArea) -> Did {
        match c {
            'd' | 'x' => self.operator(Operator::Delete, c, area),
            'D' | 'X' | 'Y' | 'C' | 'S' | 'R' => {
                self.mode = Mode::Visual { from, lines: true };
                area.select(Some(Selection { from, lines: true }));
                let operator = match c {
                    'Y' => Operator::Yank,
                    'D' | 'X' => Operator::Delete,
                    _ => Operator::Change,
                };
                self.operator(operator, c, area)
            }
            'c' | 's' => self.operator(Operator::Change, c, area),
            'y' => self.operator(Operator::Yank, c, area),
            'u' => self.operator(Operator::Lower, c, area),
            'U' => self.operator(Operator::Upper, c, area),
            '~' => self.operator(Operator::Swap, c, area),
            'r' => self.wait(Pending::Replace),
            'J' => {
                let range = area.selected().unwrap_or(from..from);
                let feeds = area.text()[range.clone()].matches('\n').count();
                self.mode = Mode::Normal;
                area.go(range.start);
                join(area, range.start, feeds.max(1))
            }
            'p' | 'P' => {
                let range = area.selected().unwrap_or(from..from);
                let text = self.to_put().text;
                self.register = Register { text: area.part(range.clone()), lines };
                area.begin_group();
                area.delete(range);
                area.insert_written(&text);
                area.end_group();
                self.mode = Mode::Normal;
                Did::Change
            }
            'o' => {
                self.mode = Mode::Visual { from: area.cursor(), lines };
                area.go(from);
                Did::Nothing
            }
            'v' | 'V' => {
                let same = lines == (c == 'V');
                self.mode = if same { Mode::Normal } else { Mode::Visual { from, lines: c == 'V' } };
                Did::Nothing
            }
            'j' | 'k' => {
                let action = if c == 'j' { Action::Down } else { Action::Up };
                for _ in 0..self.times() {
                    area.act(action);
                }
                Did::Nothing
            }
            _ => self.motion(c, area),
        }
    }
}
