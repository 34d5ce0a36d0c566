//! What keys do in normal mode, by themselves and behind an operator.

use super::motions::{self, Find, Motion, Span};
use super::operate::{join, recase};
use super::{Did, Mode, Operator, Pending, Pressed, Vim};
use crate::app::text_area::TextArea;
use crate::domain::action::Action;

impl Vim {
    pub(super) fn normal(&mut self, c: char, area: &mut TextArea) -> Did {
        let times = self.times();
        if let Some((operator, _)) = self.operator
            && operator.key() == c
        {
            return self.on_lines(times, area);
        }
        match c {
            'd' => self.operator(Operator::Delete, c, area),
            'c' => self.operator(Operator::Change, c, area),
            'y' => self.operator(Operator::Yank, c, area),
            _ if self.operator.is_some() => self.motion(c, area),
            'j' | 'k' => {
                let action = if c == 'j' { Action::Down } else { Action::Up };
                let moved = (0..times).take_while(|_| area.act(action)).count();
                // At the edge it is for the prompts before, as without Vim.
                if moved == 0 { Did::Leave(Pressed::Act(action)) } else { Did::Nothing }
            }
            'x' | 'X' | 'D' | 'C' | 'Y' | 's' | 'S' => self.short(c, times, area),
            'i' => Self::insert(times, area),
            'a' => {
                if area.cursor() < area.line_end(area.cursor()) {
                    area.go(area.after(area.cursor()));
                }
                Self::insert(times, area)
            }
            'I' => {
                area.go(motions::first_of_line(area, area.cursor()));
                Self::insert(times, area)
            }
            'A' => {
                area.go(area.line_end(area.cursor()));
                Self::insert(times, area)
            }
            'o' | 'O' => {
                area.begin_group();
                let (start, end) = (area.line_start(area.cursor()), area.line_end(area.cursor()));
                if c == 'o' {
                    area.replace(end..end, "\n");
                } else {
                    area.replace(start..start, "\n");
                    area.go(start);
                }
                Did::Insert(1)
            }
            'r' => self.wait(Pending::Replace),
            '~' => {
                let end = motions::forward(area, area.cursor(), times);
                recase(area.cursor()..end, Operator::Swap, area);
                area.go(end);
                Did::Change
            }
            'J' => {
                let first = area.cursor();
                join(area, first, times.max(2) - 1)
            }
            'p' | 'P' => self.put(c == 'p', times, area),
            'u' => self.undo(Action::Undo, area),
            '.' => self.again(area),
            'v' | 'V' => {
                self.mode = Mode::Visual { from: area.cursor(), lines: c == 'V' };
                Did::Nothing
            }
            ':' => Did::Leave(Pressed::Act(Action::Palette)),
            '/' | '?' => Did::Leave(Pressed::Find { back: c == '?' }),
            'n' => Did::Leave(Pressed::Act(Action::FindNext)),
            'N' => Did::Leave(Pressed::Act(Action::FindPrevious)),
            _ => self.motion(c, area),
        }
    }

    pub(super) fn insert(times: usize, area: &mut TextArea) -> Did {
        area.begin_group();
        Did::Insert(times)
    }

    /// The short forms of an operator with its motion.
    pub(super) fn short(&mut self, c: char, times: usize, area: &mut TextArea) -> Did {
        let cursor = area.cursor();
        let end = area.line_end(cursor);
        let (operator, range) = match c {
            'x' => (Operator::Delete, cursor..motions::forward(area, cursor, times)),
            'X' => (Operator::Delete, motions::back(area, cursor, times)..cursor),
            's' => (Operator::Change, cursor..motions::forward(area, cursor, times)),
            'D' => (Operator::Delete, cursor..end),
            'C' => (Operator::Change, cursor..end),
            _ => {
                let operator = if c == 'S' { Operator::Change } else { Operator::Yank };
                self.operator = Some((operator, None));
                return self.on_lines(times, area);
            }
        };
        self.operator = Some((operator, None));
        self.operate(range, false, area)
    }

    pub(super) fn operator(&mut self, operator: Operator, c: char, area: &mut TextArea) -> Did {
        if let Mode::Visual { lines, .. } = self.mode {
            let range = area.selected().unwrap_or(area.cursor()..area.cursor());
            self.operator = Some((operator, None));
            self.mode = Mode::Normal;
            return self.operate(range, lines, area);
        }
        if let Some((before, _)) = self.operator {
            // `gugu` is as `guu`; any other two have no meaning.
            return if before == operator && operator.key() == c {
                self.on_lines(self.times(), area)
            } else {
                Did::Nothing
            };
        }
        self.operator = Some((operator, self.count.take()));
        Did::Wait
    }

    /// An operator, twice: the line, and those after it.
    pub(super) fn on_lines(&mut self, times: usize, area: &mut TextArea) -> Did {
        let start = area.line_start(area.cursor());
        let mut end = area.line_end(start);
        for _ in 1..times {
            if end < area.text().len() {
                end = area.line_end(end + 1);
            }
        }
        self.operate(start..end, true, area)
    }

    pub(super) fn motion(&mut self, c: char, area: &mut TextArea) -> Did {
        if matches!(c, ';' | ',') {
            let motion = self.found.and_then(|find| {
                let find = if c == ',' { Find { back: !find.back, ..find } } else { find };
                motions::find(area, find, self.times(), true)
            });
            return self.moved(motion, area);
        }
        if c == 'G' {
            let line = if self.has_count() { self.times() } else { usize::MAX };
            return self.moved(Some(motions::to_line(area, line)), area);
        }
        // As Vim has it: `cw` changes the word and not the space behind it.
        let on_word = area.text()[area.cursor()..].chars().next().is_some_and(|c| !c.is_whitespace());
        let motion = match (c, self.operator) {
            ('w', Some((Operator::Change, _))) if on_word => Some(motions::word_end(area, self.times(), false)),
            ('W', Some((Operator::Change, _))) if on_word => Some(motions::word_end(area, self.times(), true)),
            ('w' | 'W', Some(_)) => {
                motions::motion(area, c, self.times(), false).map(|it| motions::within_line(area, it))
            }
            _ => motions::motion(area, c, self.times(), false),
        };
        self.moved(motion, area)
    }

    pub(super) fn moved(&mut self, motion: Option<Motion>, area: &mut TextArea) -> Did {
        let Some(Motion { to, span }) = motion else { return Did::Nothing };
        if self.operator.is_none() {
            area.go(to);
            return Did::Nothing;
        }
        let (start, end) = (area.cursor().min(to), area.cursor().max(to));
        match span {
            Span::Exclusive => self.operate(start..end, false, area),
            Span::Inclusive => self.operate(start..area.after(end), false, area),
            Span::Lines => self.operate(area.line_start(start)..area.line_end(end), true, area),
        }
    }
}
