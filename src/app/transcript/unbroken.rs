//! What is written in rows of a message: without what only stands beside it, and with the lines whole that a row was too short for.

use std::ops::Range;

use super::laid::{Laid, Written};
use super::markdown::code_of;
use crate::config::theme::Theme;
use crate::domain::conversation::Message;
use crate::text::markdown::CodeBlock;
use crate::text::wrap::{self, Joint};

/// Rows of a message, the column of the first that is the first to be taken, and the one of the last that is not any more.
pub(super) struct Part {
    pub rows: Range<usize>,
    pub begin: usize,
    pub end: usize,
}

/// The lines of a part. Of code they are as they were written, tabs and all, where they are there to their ends.
pub(super) fn unbroken(laid: &Laid, message: &Message, part: &Part, theme: &Theme) -> Vec<String> {
    let written = laid.written(part.rows.clone());
    let mut code = Code { message, blocks: None, at: None };
    let mut lines: Vec<String> = Vec::new();
    let mut is_whole = false;
    for row in &written {
        let (text, all) = part.of(row, theme);
        match (row.joint, lines.last_mut()) {
            (Joint::Begins, _) | (_, None) => {
                is_whole = row.joint == Joint::Begins;
                lines.push(text);
            }
            (joint, Some(line)) => {
                if joint == Joint::Spaced && !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(&text);
            }
        }
        is_whole &= all;
        let source = code.line(row, laid);
        if let (true, false, Some(source), Some(line)) = (is_whole, row.goes_on, source, lines.last_mut()) {
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            if letters(&source) == letters(line) {
                *line = source;
            }
        }
    }
    if written.iter().all(|row| row.code.is_none()) {
        dedent(&mut lines);
    }
    lines
}

impl Part {
    /// The text of a row that is taken, and whether that is all of it.
    fn of(&self, row: &Written<'_>, theme: &Theme) -> (String, bool) {
        let width = wrap::line_width(row.line);
        let begin = if row.row == Some(self.rows.start) { self.begin } else { 0 };
        let end = if row.row.is_some_and(|row| row + 1 == self.rows.end) { self.end.min(width) } else { width };
        let keeps_marks = row.keeps_marks && row.joint == Joint::Begins;
        let from = if keeps_marks { begin } else { begin.max(row.left) };
        let taken = |from: usize, end: usize| wrap::slice(row.line, from, end.saturating_sub(from)).to_string();
        let marks = taken(from, row.left.min(end)).replace(theme.glyphs.bar, ">");
        let mut text = marks + &taken(from.max(row.left), end);
        if !row.goes_on {
            text.truncate(text.trim_end().len());
        }
        (text, begin <= row.left && end == width)
    }
}

/// The code of a message, line by line.
struct Code<'a> {
    message: &'a Message,
    blocks: Option<Vec<CodeBlock>>,
    /// A block, and a line of it.
    at: Option<(usize, usize)>,
}

impl Code<'_> {
    /// The line that a row shows, as it was written. The rows come one after another.
    fn line(&mut self, row: &Written<'_>, laid: &Laid) -> Option<String> {
        let (number, nth) = row.code?;
        let line = match self.at {
            Some((of, line)) if of == number => line + usize::from(row.joint == Joint::Begins),
            _ => laid.code_lines_above(number, nth + 1).checked_sub(1)?,
        };
        self.at = Some((number, line));
        if row.goes_on {
            return None;
        }
        let blocks = self.blocks.get_or_insert_with(|| code_of(self.message));
        blocks.get(number.checked_sub(1)?)?.code.lines().nth(line).map(str::to_owned)
    }
}

/// Takes away the columns that stand left of all of it.
pub(super) fn dedent(lines: &mut [String]) {
    let indent = |line: &String| line.len() - line.trim_start_matches(' ').len();
    let least = lines.iter().filter(|line| !line.is_empty()).map(indent).min().unwrap_or(0);
    for line in lines {
        line.drain(..least.min(line.len()));
    }
}
