//! Quotes, list items and footnotes around a block: what stands left of its lines, and the room that is left.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::row::{Edge, Row};
use crate::text::wrap;

/// The containers that are open, the outermost first. However deep they are, a line costs no more than its width: those that have no
/// room left of the text come last and are passed over.
pub(super) struct Containers {
    width: usize,
    open: Vec<Container>,
    /// Lines drawn so far.
    drawn: usize,
}

struct Container {
    /// Left of the first line, until that is drawn.
    first: Option<Vec<Span<'static>>>,
    rest: Vec<Span<'static>>,
    /// Columns of this container and all around it.
    columns: usize,
    item: bool,
    /// The style of text inside.
    style: Style,
    /// The number of lines drawn before it.
    begin: usize,
}

impl Containers {
    pub(super) fn new(width: usize) -> Self {
        Self { width, open: Vec::new(), drawn: 0 }
    }

    /// Puts a container around what follows. All together never take more than half the width: deeper ones are cut.
    pub(super) fn enter(&mut self, prefix: Vec<Span<'static>>, item: bool, style: Style) {
        let first = wrap::truncate(&Line::from(prefix), (self.width / 2).saturating_sub(self.columns()), "");
        let columns = wrap::line_width(&first);
        let rest = if item { vec![Span::raw(" ".repeat(columns))] } else { first.spans.clone() };
        self.open.push(Container {
            first: Some(first.spans),
            rest,
            columns: self.columns() + columns,
            item,
            style: self.style().patch(style),
            begin: self.drawn,
        });
    }

    pub(super) fn leave(&mut self) {
        self.open.pop();
    }

    /// Leaves the innermost container, and gives back what was to stand left of its first line.
    pub(super) fn take_marker(&mut self) -> Vec<Span<'static>> {
        self.open.pop().and_then(|container| container.first).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether the innermost is a list item or a footnote, where blocks stand as close as in the source.
    pub(super) fn is_item(&self) -> bool {
        self.open.last().is_some_and(|container| container.item)
    }

    /// Whether nothing has been drawn in the innermost yet.
    pub(super) fn is_untouched(&self) -> bool {
        self.open.last().is_some_and(|container| container.begin == self.drawn)
    }

    fn columns(&self) -> usize {
        self.open.last().map_or(0, |container| container.columns)
    }

    /// Columns for what is inside.
    pub(super) fn room(&self) -> usize {
        self.width - self.columns()
    }

    /// How many containers have something left of the text.
    fn visible(&self) -> usize {
        let all = self.columns();
        self.open.partition_point(|container| container.columns < all) + usize::from(all > 0)
    }

    /// The style of text inside.
    pub(super) fn style(&self) -> Style {
        self.open.last().map_or_else(Style::default, |container| container.style)
    }

    /// A blank line inside.
    pub(super) fn gap(&self) -> Line<'static> {
        let spans: Vec<_> =
            self.open[..self.visible()].iter().flat_map(|container| container.rest.iter().cloned()).collect();
        let bare = spans.iter().all(|span| span.content.trim().is_empty());
        if bare { Line::default() } else { Line::from(spans) }
    }

    /// A line inside, with all that stands left of it.
    pub(super) fn around(&mut self, Row { line, edge }: Row) -> Row {
        let visible = self.visible();
        self.drawn += 1;
        let mut spans = Vec::with_capacity(visible + line.spans.len());
        for container in &mut self.open[..visible] {
            match container.first.take() {
                Some(first) => spans.extend(first),
                None => spans.extend(container.rest.iter().cloned()),
            }
        }
        spans.extend(line.spans.into_iter().map(|span| Span { style: line.style.patch(span.style), ..span }));
        Row { line: Line::from(spans), edge: Edge { left: self.columns() + edge.left, ..edge } }
    }
}
