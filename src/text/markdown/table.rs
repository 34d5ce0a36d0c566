//! Tables that fit: columns share the width, cells wrap, and where columns would be slivers each row becomes `heading: value` lines.

use pulldown_cmark::Alignment;
use ratatui::text::{Line, Span};

use crate::config::theme::Theme;
use crate::text::wrap;

/// A column that has to be narrower than its text is at least so wide.
const NARROWEST: usize = 6;

/// Between columns: a space, the border, a space.
const BORDER: usize = 3;

type Cell = Vec<Span<'static>>;

pub(super) struct Table {
    alignments: Vec<Alignment>,
    /// The first is the heading.
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn new(alignments: Vec<Alignment>) -> Self {
        Self { alignments, rows: Vec::new() }
    }

    pub(super) fn begin_row(&mut self) {
        self.rows.push(Vec::new());
    }

    pub(super) fn push(&mut self, cell: Cell) {
        if let Some(row) = self.rows.last_mut() {
            row.push(cell);
        }
    }

    /// Whether cells now belong to the heading.
    pub(super) fn in_heading(&self) -> bool {
        self.rows.len() == 1
    }

    pub(super) fn render(&self, width: usize, theme: &Theme) -> Vec<Line<'static>> {
        match self.columns(width) {
            Some(columns) => self.as_grid(&columns, theme),
            None => self.as_list(width),
        }
    }

    /// The columns' widths: the narrow ones get what they need, the others share the rest alike.
    fn columns(&self, width: usize) -> Option<Vec<usize>> {
        let count = self.rows.iter().map(Vec::len).max().filter(|&count| count > 0)?;
        let needed: Vec<usize> = (0..count)
            .map(|column| self.rows.iter().filter_map(|row| row.get(column)).map(cell_width).max().unwrap_or(0).max(1))
            .collect();
        let mut room = width.checked_sub(BORDER * (count - 1))?;
        let mut by_need: Vec<usize> = (0..count).collect();
        by_need.sort_by_key(|&column| needed[column]);
        let mut columns = vec![0; count];
        for (done, &column) in by_need.iter().enumerate() {
            let waiting = count - done;
            // What does not divide goes to those that come last, the widest.
            columns[column] = needed[column].min(room / waiting);
            if columns[column] < needed[column].min(NARROWEST) {
                return None;
            }
            room -= columns[column];
        }
        Some(columns)
    }

    fn as_grid(&self, columns: &[usize], theme: &Theme) -> Vec<Line<'static>> {
        let drawn: Vec<Vec<Line<'static>>> = self.rows.iter().map(|row| self.grid_row(row, columns, theme)).collect();
        // Rows of several lines need something between them to be told apart.
        let ruled = drawn.iter().skip(1).any(|lines| lines.len() > 1);
        let count = drawn.len();
        let mut lines = Vec::new();
        for (index, row) in drawn.into_iter().enumerate() {
            lines.extend(row);
            if index == 0 || (ruled && index + 1 < count) {
                lines.push(rule(columns, theme));
            }
        }
        lines
    }

    fn grid_row(&self, row: &[Cell], columns: &[usize], theme: &Theme) -> Vec<Line<'static>> {
        let cells: Vec<Vec<Line<'static>>> = columns
            .iter()
            .enumerate()
            .map(|(column, &width)| row.get(column).map_or_else(Vec::new, |cell| wrap::wrap(cell, width, &[], &[])))
            .collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        (0..height).map(|line| self.grid_line(&cells, line, columns, theme)).collect()
    }

    fn grid_line(&self, cells: &[Vec<Line<'static>>], line: usize, columns: &[usize], theme: &Theme) -> Line<'static> {
        let mut spans = Vec::new();
        for (column, &width) in columns.iter().enumerate() {
            if column > 0 {
                wrap::append(&mut spans, &format!(" {} ", theme.glyphs.vertical), theme.table_border);
            }
            let text = cells[column].get(line);
            let spare = width - text.map_or(0, wrap::line_width);
            let before = match self.alignments.get(column) {
                Some(Alignment::Right) => spare,
                Some(Alignment::Center) => spare / 2,
                _ => 0,
            };
            // Nothing needs to be filled behind the last column.
            let after = if column + 1 < columns.len() { spare - before } else { 0 };
            wrap::append(&mut spans, &" ".repeat(before), ratatui::style::Style::default());
            spans.extend(text.into_iter().flat_map(|text| text.spans.iter().cloned()));
            wrap::append(&mut spans, &" ".repeat(after), ratatui::style::Style::default());
        }
        Line::from(spans)
    }

    fn as_list(&self, width: usize) -> Vec<Line<'static>> {
        let Some((heading, body)) = self.rows.split_first() else { return Vec::new() };
        if body.is_empty() {
            return heading.iter().flat_map(|cell| wrap::wrap(cell, width, &[], &[])).collect();
        }
        let hang = if width > 12 { vec![Span::raw("  ")] } else { Vec::new() };
        let mut lines = Vec::new();
        for row in body {
            if !lines.is_empty() {
                lines.push(Line::default());
            }
            for (column, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                let mut spans = heading.get(column).cloned().unwrap_or_default();
                if !spans.is_empty() {
                    spans.push(Span::raw(": "));
                }
                spans.extend(cell.iter().cloned());
                lines.extend(wrap::wrap(&spans, width, &[], &hang));
            }
        }
        lines
    }
}

fn cell_width(cell: &Cell) -> usize {
    wrap::wrap(cell, usize::from(u16::MAX), &[], &[]).iter().map(wrap::line_width).max().unwrap_or(0)
}

fn rule(columns: &[usize], theme: &Theme) -> Line<'static> {
    let glyphs = &theme.glyphs;
    let parts: Vec<String> = columns.iter().map(|&width| glyphs.rule.repeat(width)).collect();
    Line::styled(parts.join(&format!("{0}{1}{0}", glyphs.rule, glyphs.cross)), theme.table_border)
}
