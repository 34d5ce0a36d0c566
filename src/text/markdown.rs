//! Markdown (`CommonMark` with tables, strikethrough, task lists, footnotes and GitHub's alerts) to styled lines of a width.
//!
//! Text is cut into top-level pieces (`split`), and each piece is parsed and drawn on its own (`blocks`, `inline`, `table`, `code`); a
//! `Page` puts them under each other. [`render`] feeds a page line by line, and so does the streaming document: both are the same by
//! construction, whatever the chunks were.
//!
//! Formulas are found first (`formulas`) and are marks to the parser.
//!
//! Four rules of our own follow from that, alike for both:
//! * A link reference is resolved only within its piece. Elsewhere `[text][1]` stays as written and the definition is shown where it
//!   stands, so nothing is lost. (A definition at the end of an answer would otherwise change lines that were read long ago.)
//! * A footnote reference is drawn as such whether or not its definition comes.
//! * Of a very long line, text or table the rest is a piece of its own, with what that means for emphasis across the cut.
//! * Space between list items is what the source has between these two, not what the list as a whole amounts to.

mod blocks;
mod code;
mod code_blocks;
mod containers;
mod formulas;
mod inline;
mod items;
mod marks;
mod page;
mod piece;
mod plain;
mod row;
mod split;
mod table;

use std::ops::Range;

use pulldown_cmark::Options;
use ratatui::text::Line;

use crate::config::theme::Theme;
use crate::text::sanitize;

pub use code_blocks::{CodeBlock, code_blocks};
pub(crate) use page::{Mark, Page, next_line};
pub use plain::plain;
pub use row::Edge;

/// What is Markdown beside `CommonMark`.
const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_OLD_FOOTNOTES)
    .union(Options::ENABLE_DEFINITION_LIST)
    .union(Options::ENABLE_GFM);

/// How code and tables are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Lines of code have numbers.
    pub line_numbers: bool,
    /// Every block of code has a line above it, whether or not it names its language: something can be said there.
    pub headed: bool,
    /// Code and tables are as wide as they are, for a reader who moves sideways.
    pub wide: bool,
}

/// A part of a text that a reader can take hold of, by its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    pub kind: RegionKind,
    pub lines: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegionKind {
    /// Counted from the top, from 1, as [`code_blocks`](code_blocks()) does.
    Code {
        number: usize,
    },
    Table,
}

/// The lines of a whole text. None is wider than `width` (at least 1) columns.
#[must_use]
pub fn render(source: &str, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let source = sanitize(source);
    let mut page = Page::new(width, Look::default());
    let mut start = 0;
    while start < source.len() {
        let end = next_line(&source, start).unwrap_or(source.len());
        page.line(&source, start..end, theme);
        start = end;
    }
    page.finish(&source, theme);
    page.into_lines()
}

#[cfg(test)]
mod tests;
