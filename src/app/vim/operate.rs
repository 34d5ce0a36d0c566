//! What is done to a part of the text.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use super::{Did, Mode, Operator, Register, Vim, motions};
use crate::app::text_area::TextArea;

impl Vim {
    /// Does what the operator does. Of whole lines the range is without the last line feed.
    pub(super) fn operate(&mut self, range: Range<usize>, lines: bool, area: &mut TextArea) -> Did {
        let Some((operator, _)) = self.operator.take() else { return Did::Nothing };
        if range.is_empty() && !lines && operator != Operator::Change {
            return Did::Nothing;
        }
        match operator {
            Operator::Yank => {
                self.put_away(Register { text: area.part(range.clone()), lines });
                if !lines {
                    area.go(range.start);
                }
                Did::Nothing
            }
            Operator::Delete => {
                self.put_away(Register { text: area.part(range.clone()), lines });
                if lines {
                    delete_lines(area, range);
                } else {
                    area.delete(range);
                }
                Did::Change
            }
            Operator::Change => {
                self.put_away(Register { text: area.part(range.clone()), lines });
                area.begin_group();
                let start = range.start;
                area.delete(range);
                area.go(start);
                Did::Insert(1)
            }
            Operator::Lower | Operator::Upper | Operator::Swap => {
                let start = range.start;
                recase(range, operator, area);
                area.go(start);
                Did::Change
            }
        }
    }

    /// What was deleted or copied, under the letter that was said; a capital one adds to what is there.
    fn put_away(&mut self, mut new: Register) {
        if let Some(name) = self.named {
            let kept = self.registers.entry(name.to_ascii_lowercase()).or_default();
            if name.is_ascii_uppercase() && !kept.text.is_empty() {
                if kept.lines || new.lines {
                    kept.text.append(&"\n".into());
                }
                kept.text.append(&new.text);
                new = Register { text: kept.text.clone(), lines: kept.lines || new.lines };
            }
            *kept = new.clone();
        }
        self.register = new;
    }

    pub(super) fn replace_with(&mut self, c: char, area: &mut TextArea) -> Did {
        if let Mode::Visual { .. } = self.mode {
            let range = area.selected().unwrap_or(area.cursor()..area.cursor());
            let filled: String =
                area.text()[range.clone()].chars().map(|old| if old == '\n' { old } else { c }).collect();
            let start = range.start;
            area.replace(range, &filled);
            area.go(start);
            self.mode = Mode::Normal;
            return Did::Change;
        }
        let cursor = area.cursor();
        let times = self.times();
        let end = motions::forward(area, cursor, times);
        // Not past the end of the line: then nothing is replaced.
        if area.text()[cursor..end].graphemes(true).count() != times {
            return Did::Nothing;
        }
        area.replace(cursor..end, &c.to_string().repeat(times));
        area.go(area.before(area.cursor()));
        Did::Change
    }

    /// What is under the letter that was said, else what was put away last.
    pub(super) fn to_put(&self) -> Register {
        match self.named {
            Some(name) => self.registers.get(&name.to_ascii_lowercase()).cloned().unwrap_or_default(),
            None => self.register.clone(),
        }
    }

    pub(super) fn put(&mut self, after: bool, times: usize, area: &mut TextArea) -> Did {
        let Register { text, lines } = self.to_put();
        if text.is_empty() {
            return Did::Nothing;
        }
        area.begin_group();
        for turn in 0..times {
            if lines {
                let at = if after { area.line_end(area.cursor()) } else { area.line_start(area.cursor()) };
                area.replace(at..at, "\n");
                let start = if after { at + 1 } else { at };
                area.go(start);
                area.insert_written(&text);
                area.go(motions::first_of_line(area, start));
            } else {
                let cursor = area.cursor();
                if (after || turn > 0) && cursor < area.line_end(cursor) {
                    area.go(area.after(cursor));
                }
                area.insert_written(&text);
                area.go(area.before(area.cursor()));
            }
        }
        area.end_group();
        Did::Change
    }
}

impl Operator {
    /// The key that stands for the whole line behind the operator itself.
    pub(super) fn key(self) -> char {
        match self {
            Self::Delete => 'd',
            Self::Change => 'c',
            Self::Yank => 'y',
            Self::Lower => 'u',
            Self::Upper => 'U',
            Self::Swap => '~',
        }
    }
}

/// Letters in the other case, or all in one.
pub(super) fn recase(range: Range<usize>, operator: Operator, area: &mut TextArea) {
    let recased: String = area.text()[range.clone()]
        .chars()
        .flat_map(|c| match operator {
            Operator::Lower => c.to_lowercase().collect::<Vec<_>>(),
            Operator::Upper => c.to_uppercase().collect(),
            _ if c.is_lowercase() => c.to_uppercase().collect(),
            _ => c.to_lowercase().collect(),
        })
        .collect();
    area.replace(range, &recased);
}

/// Whole lines, with a line feed that is next to them.
fn delete_lines(area: &mut TextArea, range: Range<usize>) {
    let (start, end) = (range.start, range.end);
    let len = area.text().len();
    let whole = if end < len { start..end + 1 } else { start.saturating_sub(1)..end };
    area.delete(whole);
    area.go(motions::first_of_line(area, start.min(area.text().len())));
}

/// The next so many lines to the end of the one at a place, with a space between.
pub(super) fn join(area: &mut TextArea, at: usize, times: usize) -> Did {
    let mut joined = Did::Nothing;
    area.begin_group();
    for _ in 0..times {
        let end = area.line_end(at);
        if end == area.text().len() {
            break;
        }
        let rest = &area.text()[end + 1..];
        let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let before = area.text()[..end].chars().next_back();
        let next = rest[blank..].chars().next();
        let space = before.is_some_and(|c| !c.is_whitespace()) && next.is_some_and(|c| c != '\n' && c != ')');
        area.replace(end..end + 1 + blank, if space { " " } else { "" });
        area.go(end);
        joined = Did::Change;
    }
    area.end_group();
    joined
}
