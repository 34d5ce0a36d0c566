//! A thin pen over ratatui's buffer: lines at places, cut to what is free.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::config::theme::Glyphs;
use crate::text::{Sanitizer, sanitize, wrap};

/// Bytes of a cell: more than any letter has with its marks, and any emoji with its parts. A heap of marks would be written
/// whole each time that its cell changes.
const LONGEST_CELL: usize = 64;

pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    pub glyphs: &'a Glyphs,
}

impl<'a> Canvas<'a> {
    pub fn new(buffer: &'a mut Buffer, glyphs: &'a Glyphs) -> Self {
        Self { buffer, glyphs }
    }

    /// Clears an area to a style.
    pub fn fill(&mut self, area: Rect, style: Style) {
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                let cell = &mut self.buffer[(x, y)];
                cell.reset();
                cell.set_style(style);
            }
        }
    }

    /// Puts a style over what is drawn there.
    pub fn paint(&mut self, area: Rect, style: Style) {
        self.buffer.set_style(area.intersection(self.buffer.area), style);
    }

    /// A line at the top of an area, cut at its right edge. Gives the column after it.
    pub fn line(&mut self, area: Rect, line: &Line<'_>) -> u16 {
        if area.height == 0 || area.width == 0 {
            return area.x;
        }
        let (x, _) = self.buffer.set_line(area.x, area.y, &harmless(line), area.width);
        x
    }

    /// Lines from the top of an area, as far as they go.
    pub fn lines<'l>(&mut self, area: Rect, lines: impl IntoIterator<Item = &'l Line<'static>>) {
        for (y, line) in (area.top()..area.bottom()).zip(lines) {
            self.line(Rect { y, height: 1, ..area }, line);
        }
    }

    /// A line at the right of an area, cut at its left end with an ellipsis if it must be.
    pub fn right(&mut self, area: Rect, line: &Line<'_>) {
        let line = wrap::truncate(line, usize::from(area.width), self.glyphs.ellipsis);
        let width = u16::try_from(line.width()).unwrap_or(area.width).min(area.width);
        self.line(Rect { x: area.right() - width, width, ..area }, &line);
    }

    /// Text cut to a width with an ellipsis.
    #[must_use]
    pub fn cut(&self, text: &str, width: u16, style: Style) -> Line<'static> {
        wrap::truncate(&Line::from(Span::styled(text, style)), usize::from(width), self.glyphs.ellipsis)
    }

    /// A horizontal bar that is filled to a share.
    #[must_use]
    pub fn gauge(&self, share: f64, width: u16, full: Style, empty: Style) -> Vec<Span<'static>> {
        // Between 0 and the width.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let filled = (share.clamp(0.0, 1.0) * f64::from(width)).round() as usize;
        let rest = usize::from(width).saturating_sub(filled);
        vec![
            Span::styled(self.glyphs.gauge_full.repeat(filled), full),
            Span::styled(self.glyphs.gauge_empty.repeat(rest), empty),
        ]
    }

    /// What the terminal can't show becomes something that it can.
    pub fn reduce(&mut self, area: Rect) {
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                let cell = &mut self.buffer[(x, y)];
                let symbol = cell.symbol();
                if !self.glyphs.unicode && !symbol.is_ascii() {
                    cell.set_symbol(ascii_for(symbol));
                } else if symbol.len() > LONGEST_CELL {
                    let whole = symbol.char_indices().map(|(at, c)| at + c.len_utf8());
                    let end = whole.take_while(|end| *end <= LONGEST_CELL).last().unwrap_or(0);
                    let begin = symbol[..end].to_owned();
                    cell.set_symbol(&begin);
                }
            }
        }
    }
}

/// The line as it may reach a terminal. Names, titles and errors come from everywhere; here nothing of them gets past that is
/// not text, whoever forgot it before.
fn harmless<'l>(line: &'l Line<'l>) -> Cow<'l, Line<'l>> {
    let is_text =
        |span: &Span<'_>| matches!(sanitize(&span.content), Cow::Borrowed(_)) && !span.content.contains(['\n', '\t']);
    if line.spans.iter().all(is_text) {
        return Cow::Borrowed(line);
    }
    // One for all of them: a sequence may be cut between two.
    let mut sanitizer = Sanitizer::new();
    let spans = line.spans.iter().map(|span| {
        let text = sanitizer.push(&span.content).replace(['\n', '\t'], " ");
        Span::styled(text, span.style)
    });
    Cow::Owned(Line { spans: spans.collect(), ..line.clone() })
}

/// Text of one style, broken into lines.
#[must_use]
pub fn paragraph(text: &str, width: usize, style: Style) -> Vec<Line<'static>> {
    wrap::wrap(&[Span::styled(text, style)], width, &[], &[])
}

/// Text in exactly `width` columns: cut, or filled with spaces.
#[must_use]
pub fn padded(text: &str, width: usize, ellipsis: &str) -> String {
    let cut = wrap::truncate(&Line::from(text), width, ellipsis);
    let mut text: String = cut.spans.iter().map(|s| s.content.as_ref()).collect();
    let used = wrap::width(&text);
    text.extend(std::iter::repeat_n(' ', width.saturating_sub(used)));
    text
}

/// The nearest ASCII for what models write most.
fn ascii_for(symbol: &str) -> &'static str {
    match symbol {
        "\u{2018}" | "\u{2019}" => "'",
        "\u{201c}" | "\u{201d}" => "\"",
        "–" | "—" | "−" | "─" | "━" => "-",
        "•" | "◦" | "·" | "●" => "*",
        "…" => ".",
        "│" | "▎" => "|",
        "\u{a0}" => " ",
        _ => "?",
    }
}
