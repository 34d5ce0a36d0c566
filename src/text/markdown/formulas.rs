//! Formulas in a text of Markdown: what is one, and how it gets through the parser.
//!
//! Formulas are found before the text is read as Markdown (`$a_1 * b_1$` is no emphasis) and stand in it as marks that Markdown makes
//! nothing of ([`Protected`]). Where a mark turns up in text the formula is drawn, anywhere else (code, HTML, addresses) its source is put
//! back: that something is taken for a formula costs nothing but its look.
//!
//! `$…$` and `\(…\)` are of one line. `$$…$$`, `\[…\]` and `\begin{…}` may go over several lines up to a blank one where they begin one.

mod scan;

use std::borrow::Cow;

pub(super) use scan::{Display, display_at};

use crate::text::math;

/// A formula with its delimiters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Formula {
    pub(super) source: String,
    /// Between the delimiters.
    tex: String,
    /// It stands by itself, between the lines of the text.
    pub(super) display: bool,
}

impl Formula {
    /// In one row, for running text; `None` where it can't be read.
    pub(super) fn inline(&self) -> Option<String> {
        math::inline(&self.tex)
    }

    /// In the rows that it takes, `None` where it can't be read.
    pub(super) fn rows(&self) -> Option<Vec<String>> {
        math::rows(&self.tex)
    }

    /// As it was written, in one row.
    pub(super) fn written(&self) -> String {
        self.source.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// A text whose formulas stand as marks.
#[derive(Debug)]
pub(super) struct Protected<'a> {
    pub(super) text: Cow<'a, str>,
    formulas: Vec<Formula>,
}

/// A part of a text that was protected.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'t> {
    Text(&'t str),
    Formula(&'t Formula),
}

/// Begins a mark. A noncharacter, which sanitising has taken out of all that comes from outside. The dollars around a mark are to
/// Markdown what those of the formula would be: punctuation, which decides what may be emphasis.
const MARK: &str = "$\u{fdd0}";

impl<'a> Protected<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        let mut text = String::new();
        let mut formulas = Vec::new();
        let mut copied = 0;
        for (range, formula) in scan::formulas(source) {
            text.push_str(&source[copied..range.start]);
            text.push_str(MARK);
            text.push_str(&formulas.len().to_string());
            text.push('$');
            copied = range.end;
            formulas.push(formula);
        }
        if formulas.is_empty() {
            return Self { text: source.into(), formulas };
        }
        text.push_str(&source[copied..]);
        Self { text: text.into(), formulas }
    }

    /// What `text` is made of.
    pub(super) fn parts<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Part<'t>> {
        let mut rest = text;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let mut from = 0;
            while let Some(found) = rest[from..].find(MARK).map(|at| from + at) {
                if let Some((formula, after)) = self.mark(&rest[found + MARK.len()..]) {
                    if found > 0 {
                        let (before, mark) = rest.split_at(found);
                        rest = mark;
                        return Some(Part::Text(before));
                    }
                    rest = after;
                    return Some(Part::Formula(formula));
                }
                from = found + MARK.len();
            }
            Some(Part::Text(std::mem::take(&mut rest)))
        })
    }

    /// The formula of a mark, and what stands after it.
    fn mark<'t>(&'t self, number: &'t str) -> Option<(&'t Formula, &'t str)> {
        let (number, after) = number.split_once('$')?;
        Some((self.formulas.get(number.parse::<usize>().ok()?)?, after))
    }

    /// `text` as it was written.
    pub(super) fn restored<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.formulas.is_empty() || !text.contains(MARK) {
            return text.into();
        }
        let written = |part| match part {
            Part::Text(text) => text.to_owned(),
            Part::Formula(formula) => formula.source.clone(),
        };
        self.parts(text).map(written).collect::<String>().into()
    }
}

#[cfg(test)]
mod tests;
