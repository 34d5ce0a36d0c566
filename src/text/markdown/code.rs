//! Code blocks: on their own ground across the whole width, the language above, no line lost: what is too long goes on below, marked.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::config::theme::Theme;
use crate::text::highlight::Highlighter;
use crate::text::wrap;

/// Draws one block line by line.
#[derive(Debug, Clone)]
pub(super) struct Painter {
    label: String,
    highlighter: Highlighter,
}

impl Painter {
    /// `info`: what stands after the fence; its first word is the language (`rust`, `rust,ignore`, `{.python}`).
    pub(super) fn new(info: &str) -> Self {
        let word = info.trim_matches(|c: char| c.is_whitespace() || matches!(c, '{' | '}' | '.'));
        let label = word.split([' ', '\t', ',', ';', '{', '}', ':']).next().unwrap_or_default();
        Self { label: label.to_owned(), highlighter: Highlighter::new(label) }
    }

    /// The line with the language's name, if it has one.
    pub(super) fn head(&self, width: usize, theme: &Theme) -> Option<Line<'static>> {
        let label = Span::styled(self.label.clone(), theme.code.patch(theme.muted));
        let name = wrap::truncate(&Line::from(label), width - margin(width), theme.glyphs.ellipsis);
        (!self.label.is_empty())
            .then(|| ground(indented(name.spans, &" ".repeat(margin(width)), theme.code), width, theme))
    }

    /// The rows of the next line of code.
    pub(super) fn line(&mut self, text: &str, width: usize, theme: &Theme) -> Vec<Line<'static>> {
        let spans = self.highlighter.line(text, theme);
        let margin = margin(width);
        let first = Span::styled(" ".repeat(margin), theme.code);
        let mark = if theme.glyphs.unicode { "↳" } else { "\\" };
        let rest = Span::styled(format!("{mark:<margin$}"), theme.code.patch(theme.faint));
        let rest = if width > 1 { vec![rest] } else { Vec::new() };
        wrap::chop(&spans, width, &[first], &rest).into_iter().map(|line| ground(line, width, theme)).collect()
    }
}

/// A whole block.
pub(super) fn render(info: &str, code: &str, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut painter = Painter::new(info);
    let mut lines = Vec::from_iter(painter.head(width, theme));
    for line in code.lines() {
        lines.append(&mut painter.line(line, width, theme));
    }
    lines
}

/// Columns left of the code. Where there is little room the code gets it.
fn margin(width: usize) -> usize {
    match width {
        0..8 => 0,
        8..20 => 1,
        _ => 2,
    }
}

fn indented(mut spans: Vec<Span<'static>>, indent: &str, style: Style) -> Line<'static> {
    spans.insert(0, Span::styled(indent.to_owned(), style));
    Line::from(spans)
}

/// Fills the line up to the block's edge.
fn ground(mut line: Line<'static>, width: usize, theme: &Theme) -> Line<'static> {
    let fill = width.saturating_sub(wrap::line_width(&line));
    wrap::append(&mut line.spans, &" ".repeat(fill), theme.code);
    line
}
