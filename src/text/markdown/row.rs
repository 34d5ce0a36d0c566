//! A line of the page, and how it stands to the text: what is only beside it, as bars, bullets and numbers, and what is broken into rows.

use ratatui::text::Line;

use crate::text::wrap::{self, Joint};

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) line: Line<'static>,
    pub(super) edge: Edge,
}

/// What there is to know of the beginning of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Columns left of its text.
    pub left: usize,
    /// `None`: nothing of the text stands in it.
    pub joint: Option<Joint>,
}

impl Row {
    /// Text from its beginning on.
    pub(super) fn text(line: Line<'static>) -> Self {
        Self::joined((line, Joint::Begins))
    }

    /// A row of text that was broken.
    pub(super) fn joined((line, joint): (Line<'static>, Joint)) -> Self {
        Self { line, edge: Edge { left: 0, joint: Some(joint) } }
    }

    /// None of it is text, and yet it stands for a line of it.
    pub(super) fn bare(line: Line<'static>) -> Self {
        Self { edge: Edge { left: wrap::line_width(&line), joint: Some(Joint::Begins) }, line }
    }

    /// Not there in the text at all.
    pub(super) fn added(line: Line<'static>) -> Self {
        Self { edge: Edge { left: wrap::line_width(&line), joint: None }, line }
    }
}
