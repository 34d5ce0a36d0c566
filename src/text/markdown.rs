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
mod containers;
mod formulas;
mod inline;
mod marks;
mod page;
mod split;
mod table;

use ratatui::text::Line;

use crate::config::theme::Theme;
use crate::text::sanitize;

pub(crate) use page::{Mark, Page, next_line};

/// The lines of a whole text. None is wider than `width` (at least 1) columns.
#[must_use]
pub fn render(source: &str, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let source = sanitize(source);
    let mut page = Page::new(width, false);
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
