//! Where formulas are in a text of Markdown, and where what looks like one is money, a variable of the shell, or code.

use std::ops::Range;

use super::Formula;
use crate::text::markdown::marks::{Fence, innermost};

/// What ends a formula that stands by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::text::markdown) struct Display {
    open: &'static str,
    close: &'static str,
}

/// The environments that stand in a text without anything around them.
const ENVIRONMENTS: &[Display] = &[
    Display { open: "\\begin{align}", close: "\\end{align}" },
    Display { open: "\\begin{align*}", close: "\\end{align*}" },
    Display { open: "\\begin{aligned}", close: "\\end{aligned}" },
    Display { open: "\\begin{equation}", close: "\\end{equation}" },
    Display { open: "\\begin{equation*}", close: "\\end{equation*}" },
    Display { open: "\\begin{gather}", close: "\\end{gather}" },
    Display { open: "\\begin{gather*}", close: "\\end{gather*}" },
    Display { open: "\\begin{cases}", close: "\\end{cases}" },
    Display { open: "\\begin{pmatrix}", close: "\\end{pmatrix}" },
    Display { open: "\\begin{bmatrix}", close: "\\end{bmatrix}" },
    Display { open: "\\begin{vmatrix}", close: "\\end{vmatrix}" },
];
const DOLLARS: Display = Display { open: "$$", close: "$$" };
const BRACKETS: Display = Display { open: "\\[", close: "\\]" };

/// The formula that a line's text begins, if it stands by itself.
pub(in crate::text::markdown) fn display_at(rest: &str) -> Option<Display> {
    [DOLLARS, BRACKETS].iter().chain(ENVIRONMENTS).find(|display| rest.starts_with(display.open)).copied()
}

impl Display {
    /// Whether it goes on below this line, which begins it.
    pub(in crate::text::markdown) fn goes_on(self, rest: &str) -> bool {
        !self.ends_in(&rest[self.open.len()..])
    }

    pub(in crate::text::markdown) fn ends_in(self, line: &str) -> bool {
        find_unescaped(line, self.close).is_some()
    }
}

/// The formulas of a text, from its beginning to its end.
pub(super) fn formulas(source: &str) -> Vec<(Range<usize>, Formula)> {
    if !source.contains('$') && !source.contains("\\(") && !source.contains("\\[") && !source.contains("\\begin{") {
        return Vec::new();
    }
    Scanner { source, at: 0, line_end: 0, found: Vec::new(), unclosed: [0; 8], endless: Vec::new(), blank: (0, 0) }
        .run()
}

struct Scanner<'a> {
    source: &'a str,
    at: usize,
    line_end: usize,
    found: Vec<(Range<usize>, Formula)>,
    /// Up to where there is no end of a run of so many backticks: nothing is looked for twice.
    unclosed: [usize; 8],
    /// Displays that have no end up to the end of a paragraph, each with the last one: nothing is looked for twice.
    endless: Vec<(Display, usize)>,
    /// The blank line that was found last, and from where it was looked for.
    blank: (usize, usize),
}

impl Scanner<'_> {
    fn run(mut self) -> Vec<(Range<usize>, Formula)> {
        let mut fence: Option<Fence> = None;
        while self.at < self.source.len() {
            let begin = self.at;
            self.line_end = self.source[begin..].find('\n').map_or(self.source.len(), |end| begin + end);
            let text = innermost(&self.source[begin..self.line_end]);
            if let Some(open) = &fence {
                if open.is_closed_by(text) {
                    fence = None;
                }
                self.at = self.line_end + 1;
                continue;
            }
            fence = Fence::open(0, text).map(|(fence, _)| fence);
            if fence.is_none() {
                let from = self.line_end - text.len();
                self.at = from;
                if !self.block(from, text) {
                    self.line();
                }
            }
            // A formula may have gone over several lines.
            self.at = if self.at > self.line_end { self.at } else { self.line_end + 1 };
        }
        self.found
    }

    /// A formula that begins a line and may end in a later one.
    fn block(&mut self, from: usize, text: &str) -> bool {
        let Some(display) = display_at(text).filter(|display| display.goes_on(text)) else { return false };
        let inside = from + display.open.len();
        let until = self.blank_line_after(from);
        if self.endless.contains(&(display, until)) {
            return false;
        }
        let Some(end) = find_unescaped(&self.source[inside..until], display.close) else {
            self.endless.retain(|(other, _)| *other != display);
            self.endless.push((display, until));
            return false;
        };
        let close = inside + end;
        let tex = if display.open.starts_with("\\begin") {
            &self.source[from..close + display.close.len()]
        } else {
            &self.source[inside..close]
        };
        self.push(from..close + display.close.len(), &without_quote_marks(tex), true);
        // The rest of its last line may have more.
        self.line_end = self.source[self.at..].find('\n').map_or(self.source.len(), |end| self.at + end);
        self.line();
        true
    }

    /// Where the paragraph ends that `from` is in.
    fn blank_line_after(&mut self, from: usize) -> usize {
        let (looked, found) = self.blank;
        if looked <= from && from < found {
            return found;
        }
        let mut at = from;
        for line in self.source[from..].split_inclusive('\n') {
            if at > from && line.trim_matches([' ', '\t', '>', '\n']).is_empty() {
                break;
            }
            at += line.len();
        }
        self.blank = (from, at);
        at
    }

    fn push(&mut self, range: Range<usize>, tex: &str, display: bool) {
        self.at = range.end;
        let source = self.source[range.clone()].to_owned();
        self.found.push((range, Formula { source, tex: tex.to_owned(), display }));
    }

    /// Formulas that are within the line.
    fn line(&mut self) {
        let source = self.source;
        // What has no end in this line has none further right either.
        let mut hopeless = [false; 4];
        while self.at < self.line_end {
            let at = self.at;
            let rest = &source[at..self.line_end];
            let Some(next) = rest.find(['`', '$', '\\']) else { break };
            self.at = at + next;
            let rest = &source[self.at..self.line_end];
            let before = source[..self.at].chars().next_back();
            if rest.starts_with('`') {
                self.code_span(rest);
                continue;
            }
            let display = display_at(rest);
            let (kind, open, close) = match display {
                Some(display) if display == DOLLARS => (0, 2, "$$"),
                Some(display) if display == BRACKETS => (1, 2, "\\]"),
                Some(_) => (4, 1, ""),
                None if rest.starts_with("\\(") => (2, 2, "\\)"),
                None if rest.starts_with('$') => (3, 1, "$"),
                None => (4, 1 + rest[1..].chars().next().map_or(0, char::len_utf8), ""),
            };
            if kind == 4 || hopeless[kind] {
                self.at += open;
                continue;
            }
            let inside = &rest[open..];
            let end = if kind == 3 { dollar_end(inside, before) } else { find_unescaped(inside, close) };
            match end {
                Some(end) if is_formula(&inside[..end], kind == 3) => {
                    let range = self.at..self.at + open + end + close.len();
                    self.push(range, &inside[..end], display.is_some());
                }
                Some(_) => self.at += open,
                None => {
                    // One dollar depends on its neighbours: there may be another that fits.
                    hopeless[kind] = kind != 3 || !inside.contains('$');
                    self.at += open;
                }
            }
        }
    }

    /// Passes over code between backticks, which may go over lines.
    fn code_span(&mut self, rest: &str) {
        let length = rest.bytes().take_while(|&byte| byte == b'`').count();
        let from = self.at + length;
        let kind = length.min(self.unclosed.len()) - 1;
        self.at = from;
        if from <= self.unclosed[kind] {
            return;
        }
        let until = self.blank_line_after(from.min(self.line_end));
        let (mut at, text) = (from, &self.source[..until]);
        while let Some(next) = text.get(at..).and_then(|rest| rest.find('`')) {
            let begin = at + next;
            let run = text[begin..].bytes().take_while(|&byte| byte == b'`').count();
            at = begin + run;
            if run == length {
                self.at = at;
                return;
            }
        }
        self.unclosed[kind] = until;
    }
}

/// Where `end` stands, a backslash before it aside.
fn find_unescaped(text: &str, end: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = text[from..].find(end).map(|at| from + at) {
        let slashes = text[..found].bytes().rev().take_while(|&byte| byte == b'\\').count();
        if slashes % 2 == 0 {
            return Some(found);
        }
        from = found + 1;
    }
    None
}

/// The end of what one dollar began after the character `before`: `$5 and $10`, `$HOME/$USER` and `${a}$b` have none.
fn dollar_end(inside: &str, before: Option<char>) -> Option<usize> {
    let first = inside.chars().next()?;
    if first.is_whitespace() || before.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '$' | '\\')) {
        return None;
    }
    // The next dollar is the end or there is none: what is between two is either all formula or no formula.
    let end = find_unescaped(inside, "$")?;
    let last = inside[..end].chars().next_back()?;
    let after = inside[end + 1..].chars().next();
    let joined = after.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '$' | '{' | '_'));
    let substitutions = first == '(' && after == Some('(');
    (!last.is_whitespace() && !joined && !substitutions).then_some(end)
}

/// Whether it has anything of a formula: prose between two prices has not, nor has a number in brackets that were only escaped.
fn is_formula(tex: &str, dollar: bool) -> bool {
    let text = tex.trim();
    if text.is_empty() || text.len() > 4096 {
        return false;
    }
    if text.contains(['\\', '^', '_', '=', '{']) {
        return true;
    }
    let words = text.split(|c: char| !c.is_alphabetic()).filter(|word| word.chars().count() > 2);
    let prose = words.count() > usize::from(!text.contains(char::is_whitespace));
    let number = text.bytes().all(|byte| byte.is_ascii_digit());
    !prose && (dollar || !number)
}

/// The lines of a formula in a quote, without the quote's marks.
fn without_quote_marks(tex: &str) -> String {
    let lines = tex.split('\n').map(|line| line.trim_start_matches([' ', '\t', '>']));
    lines.collect::<Vec<_>>().join("\n")
}
