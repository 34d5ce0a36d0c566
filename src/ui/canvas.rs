//! A thin pen over ratatui's buffer: lines at places, cut to what is free.

use std::borrow::Cow;
use std::num::NonZeroU16;

use ratatui::buffer::{Buffer, CellDiffOption, CellWidth as _};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::config::theme::{Glyphs, Theme};
use crate::text::{Sanitizer, sanitize, wrap};

/// Bytes of a cell: more than any letter has with its marks, and any emoji with its parts. A heap of marks would be written
/// whole each time that its cell changes.
const LONGEST_CELL: usize = 64;

pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    pub glyphs: &'a Glyphs,
    /// Where items of the list in front are drawn: they can be clicked.
    pub items: Vec<(Rect, usize)>,
}

impl<'a> Canvas<'a> {
    pub fn new(buffer: &'a mut Buffer, glyphs: &'a Glyphs) -> Self {
        Self { buffer, glyphs, items: Vec::new() }
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
        let line = harmless(line);
        let (mut x, right) = (area.x, area.right().min(self.buffer.area.right()));
        for span in &line.spans {
            let style = line.style.patch(span.style);
            for (cluster, columns) in wrap::measured(&span.content) {
                let columns = u16::try_from(columns).unwrap_or(u16::MAX);
                if columns > right.saturating_sub(x) {
                    return x;
                }
                self.put(x, area.y, cluster, columns, style);
                x += columns;
            }
        }
        x
    }

    /// A cluster in as many cells as it was measured to have: what is laid out is what is drawn.
    fn put(&mut self, x: u16, y: u16, cluster: &str, columns: u16, style: Style) {
        let Some(columns) = NonZeroU16::new(columns) else { return };
        let cell = &mut self.buffer[(x, y)];
        cell.set_symbol(cluster).set_style(style).set_diff_option(CellDiffOption::None);
        // Where the buffer would count differently (half-width sound marks), it is told.
        if cluster.len() > 1 && cell.cell_width() != columns.get() {
            cell.set_diff_option(CellDiffOption::ForcedWidth(columns));
        }
        for under in x + 1..x + columns.get() {
            self.buffer[(under, y)].reset();
        }
    }

    /// Lines from the top of an area, as far as they go.
    pub fn lines<'l>(&mut self, area: Rect, lines: impl IntoIterator<Item = &'l Line<'static>>) {
        for (y, line) in (area.top()..area.bottom()).zip(lines) {
            self.line(Rect { y, height: 1, ..area }, line);
        }
    }

    /// The same; where some have no room, the last that has says so.
    pub fn lines_cut(&mut self, area: Rect, lines: &[Line<'static>]) {
        let height = usize::from(area.height);
        self.lines(area, lines);
        if let Some(last) = height.checked_sub(1).filter(|_| lines.len() > height) {
            let ellipsis = self.glyphs.ellipsis;
            let room = usize::from(area.width).saturating_sub(wrap::width(ellipsis));
            let mut line = wrap::slice(&lines[last], 0, room);
            let style = line.spans.last().map(|span| span.style).unwrap_or_default();
            wrap::append(&mut line.spans, ellipsis, style);
            self.line(Rect { y: area.bottom() - 1, height: 1, ..area }, &line);
        }
    }

    /// A line at the right of an area, cut at its left end with an ellipsis if it must be.
    pub fn right(&mut self, area: Rect, line: &Line<'_>) {
        let line = wrap::truncate(line, usize::from(area.width), self.glyphs.ellipsis);
        let width = u16::try_from(wrap::line_width(&line)).unwrap_or(area.width).min(area.width);
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
                    cell.set_symbol(ascii_for(symbol)).set_diff_option(CellDiffOption::None);
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

/// A key, and beside it what it does.
#[must_use]
pub fn step(key: &str, what: &str, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    const KEY: usize = 8;
    let key = padded(key, wrap::width(key).max(KEY - 1), "") + " ";
    let first = [Span::styled(key, theme.accent)];
    wrap::wrap(&[Span::styled(what, theme.base)], width, &first, &[Span::raw(" ".repeat(KEY))])
}

/// Text in exactly `width` columns: cut, or filled with spaces.
#[must_use]
pub fn padded(text: &str, width: usize, ellipsis: &str) -> String {
    let mut text = wrap::cut(text, width, ellipsis);
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

#[cfg(test)]
mod tests {
    use ratatui::buffer::Cell;

    use super::*;

    #[test]
    fn what_is_measured_is_what_is_drawn() {
        let texts = [
            "ｶﾞ",
            "ﾊﾟ",
            "ｶﾞｷﾞｸﾞ",
            "あﾞ",
            "カ\u{3099}",
            "漢字",
            "한국어",
            "👍🏽",
            "👨‍👩‍👧",
            "🇩🇪",
            "❤️",
            "☺",
            "1️⃣",
            "e\u{301}",
            "क्षि",
            "ำ",
            "\u{301}",
            "a\u{200d}b",
            "①",
            "…",
            "Ⅷ",
            "ﷺ",
            "ᄀᄀ각ᆨ",
        ];
        for text in texts {
            let area = Rect::new(0, 0, 20, 1);
            let mut buffer = Buffer::filled(area, Cell::new("x"));
            let end = Canvas::new(&mut buffer, &Glyphs::UNICODE).line(area, &Line::from(format!("{text}!")));
            assert_eq!(usize::from(end), wrap::width(text) + 1, "{text:?}");
            // What a terminal gets: each cell that nothing wider stands on.
            let mut drawn = String::new();
            let mut x = 0;
            while x < end {
                drawn.push_str(buffer[(x, 0)].symbol());
                x += buffer[(x, 0)].cell_width().max(1);
            }
            assert_eq!(drawn, format!("{}!", text.trim_start_matches('\u{301}')), "nothing is lost");
            assert_eq!(buffer[(end, 0)].symbol(), "x", "and nothing else is touched");
        }
    }
}
