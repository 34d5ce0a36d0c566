//! A line of the page, and how much of it only stands beside its text: bars, bullets, numbers.

use ratatui::text::Line;

use crate::text::wrap;

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) line: Line<'static>,
    /// Columns left of its text.
    pub(super) left: usize,
}

impl Row {
    /// Text from its beginning on.
    pub(super) fn text(line: Line<'static>) -> Self {
        Self { line, left: 0 }
    }

    /// None of it is text.
    pub(super) fn bare(line: Line<'static>) -> Self {
        Self { left: wrap::line_width(&line), line }
    }
}
