//! Tables that fit: columns share the width, cells wrap, and where columns would be slivers each row becomes `heading: value` lines.

use pulldown_cmark::Alignment;
use ratatui::text::{Line, Span};

use crate::config::theme::Theme;
use crate::text::wrap;

/// Words up to here are never broken: before that a table becomes a list.
const SHORT_WORD: usize = 10;

/// Between columns: a space, the border, a space.
const BORDER: usize = 3;

/// A column is no wider where a reader moves sideways: more can't be seen at once.
const WIDEST: usize = 72;

/// Words up to here are not broken while there is room; longer ones are addresses and the like.
const LONG_WORD: usize = 18;

type Cell = Vec<Span<'static>>;

/// How a table is drawn: rows that come later are drawn alike.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// `ruled`: with a rule between any two rows.
    Grid { columns: Vec<usize>, ruled: bool },
    /// As `heading: value`, line by line.
    List,
}

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

    /// The lines, and the shape that they have. `shape`: of the rows above, where these are more of them; the heading is there already.
    /// `wide`: it may be wider than that.
    pub(super) fn render(
        &self,
        shape: Option<Shape>,
        width: usize,
        wide: bool,
        theme: &Theme,
    ) -> (Vec<Line<'static>>, Shape) {
        let goes_on = shape.is_some();
        let width = if wide { width.max(self.count() * (WIDEST + BORDER)) } else { width };
        let shape = shape.map_or_else(|| self.shape(width, wide), |above| self.shape_under(above, width, wide));
        let lines = match &shape {
            Shape::Grid { columns, ruled } => self.as_grid(columns, *ruled, goes_on, theme),
            Shape::List => self.as_list(goes_on, width),
        };
        (lines, shape)
    }

    fn shape(&self, width: usize, wide: bool) -> Shape {
        let Some(mut columns) = self.columns(width) else { return Shape::List };
        if wide {
            for column in &mut columns {
                *column = (*column).min(WIDEST);
            }
        }
        // Rows of several lines need something between them to be told apart.
        let is_tall = |row: &Vec<Cell>| row.iter().zip(&columns).any(|(cell, &width)| height(cell, width) > 1);
        let ruled = self.rows.iter().skip(1).any(is_tall);
        Shape::Grid { columns, ruled }
    }

    /// The shape of the rows above, a little wider where it would break short words.
    fn shape_under(&self, above: Shape, width: usize, wide: bool) -> Shape {
        let Shape::Grid { columns, ruled } = above else { return above };
        let count = columns.len().max(self.count());
        let had = |column: usize| columns.get(column).copied().unwrap_or(1);
        let columns: Vec<usize> =
            (0..count).map(|column| self.most(column, longest_word).min(SHORT_WORD).max(had(column))).collect();
        if columns.iter().sum::<usize>() + BORDER * count.saturating_sub(1) <= width {
            return Shape::Grid { columns, ruled };
        }
        self.shape(width, wide)
    }

    fn count(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// The most of all cells of a column, at least 1.
    fn most(&self, column: usize, measure: fn(&Cell) -> usize) -> usize {
        self.rows.iter().filter_map(|row| row.get(column)).map(measure).max().unwrap_or(0).max(1)
    }

    /// The columns' widths: what they need where there is room. Otherwise none is narrower than its longest word while that can be, and the
    /// others share what is left by the square root of what they need: a column of long texts gets more, not all.
    fn columns(&self, width: usize) -> Option<Vec<usize>> {
        let count = self.count();
        let needed: Vec<usize> = (0..count).map(|column| self.most(column, cell_width)).collect();
        let room = width.checked_sub(BORDER * count.saturating_sub(1)).filter(|_| count > 0)?;
        if needed.iter().sum::<usize>() <= room {
            return Some(needed);
        }
        let words: Vec<usize> = (0..count).map(|column| self.most(column, longest_word)).collect();
        let least = [LONG_WORD, SHORT_WORD].map(|most| words.iter().map(|&word| word.min(most)).collect::<Vec<_>>());
        let least = least.into_iter().find(|least| least.iter().sum::<usize>() <= room)?;
        Some(shared(&needed, &least, room))
    }

    fn as_grid(&self, columns: &[usize], ruled: bool, goes_on: bool, theme: &Theme) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        for (index, row) in self.rows.iter().enumerate().skip(usize::from(goes_on)) {
            if index == 1 && !goes_on || index > 0 && ruled {
                lines.push(rule(columns, theme));
            }
            lines.extend(self.grid_row(row, columns, theme));
        }
        if self.rows.len() == 1 && !goes_on {
            lines.push(rule(columns, theme));
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

    fn as_list(&self, goes_on: bool, width: usize) -> Vec<Line<'static>> {
        let Some((heading, body)) = self.rows.split_first() else { return Vec::new() };
        if body.is_empty() {
            return heading.iter().flat_map(|cell| wrap::wrap(cell, width, &[], &[])).collect();
        }
        let hang = if width > 12 { vec![Span::raw("  ")] } else { Vec::new() };
        let mut lines = Vec::new();
        for row in body {
            if goes_on || !lines.is_empty() {
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

/// `room` shared out so that each has at least the least and at most what it needs.
fn shared(needed: &[usize], least: &[usize], room: usize) -> Vec<usize> {
    let at = |level: usize| -> Vec<usize> {
        let width = |(&needed, &least): (&usize, &usize)| {
            ((level * (needed << 8).isqrt()) >> 8).clamp(least, needed.max(least))
        };
        needed.iter().zip(least).map(width).collect()
    };
    // The highest level that fits.
    let (mut low, mut high) = (0, room << 8);
    while low + 1 < high {
        let middle = low.midpoint(high);
        if at(middle).iter().sum::<usize>() <= room { low = middle } else { high = middle }
    }
    let mut columns = at(low);
    let mut left = room - columns.iter().sum::<usize>().min(room);
    for (column, &needed) in columns.iter_mut().zip(needed).rev() {
        let more = left.min(needed.saturating_sub(*column)).min(1);
        *column += more;
        left -= more;
    }
    columns
}

/// Lines that a cell takes in a column.
fn height(cell: &Cell, width: usize) -> usize {
    wrap::wrap(cell, width, &[], &[]).len()
}

fn cell_width(cell: &Cell) -> usize {
    wrap::wrap(cell, usize::from(u16::MAX), &[], &[]).iter().map(wrap::line_width).max().unwrap_or(0)
}

fn longest_word(cell: &Cell) -> usize {
    let text: String = cell.iter().map(|span| span.content.as_ref()).collect();
    text.split_inclusive([' ', '\n', '-']).map(|word| wrap::width(word.trim_end())).max().unwrap_or(0)
}

fn rule(columns: &[usize], theme: &Theme) -> Line<'static> {
    let glyphs = &theme.glyphs;
    let parts: Vec<String> = columns.iter().map(|&width| glyphs.rule.repeat(width)).collect();
    Line::styled(parts.join(&format!("{0}{1}{0}", glyphs.rule, glyphs.cross)), theme.table_border)
}
