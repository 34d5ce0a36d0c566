//! Code blocks: on their own ground across the whole width, the language above, no line lost: what is too long goes on below, marked.

use std::borrow::Cow;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::config::theme::Theme;
use crate::text::highlight::Highlighter;
use crate::text::wrap;

/// A longer line is not coloured: it is data, not code that anybody reads.
const LONG_LINE: usize = 2 << 10;

/// Columns of a number and the space after it, up to 999 lines.
const NUMBER: usize = 4;

/// Draws one block line by line.
#[derive(Debug, Clone)]
pub(super) struct Painter {
    label: String,
    highlighter: Highlighter,
    /// Of the line drawn last, where lines are numbered.
    number: Option<usize>,
}

impl Painter {
    /// `info`: what stands after the fence; its first word is the language (`rust`, `rust,ignore`, `{.python}`).
    pub(super) fn new(info: &str, numbered: bool) -> Self {
        let word = info.trim_matches(|c: char| c.is_whitespace() || matches!(c, '{' | '}' | '.'));
        let label = word.split([' ', '\t', ',', ';', '{', '}', ':']).next().unwrap_or_default();
        Self { label: label.to_owned(), highlighter: Highlighter::new(label), number: numbered.then_some(0) }
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
        let text = untabbed(text);
        let spans = if text.len() > LONG_LINE {
            vec![Span::styled(text.into_owned(), theme.code)]
        } else {
            self.highlighter.line(&text, theme)
        };
        let mut first = " ".repeat(margin(width));
        if let Some(number) = self.number.as_mut().filter(|_| is_numbered(width)) {
            *number += 1;
            let columns = NUMBER - 1;
            first = format!("{first}{number:>columns$} ");
        }
        rows(&spans, first, width, theme)
    }

    /// The rows of more of the same line, which is a very long one.
    pub(super) fn rest_of_line(&mut self, text: &str, width: usize, theme: &Theme) -> Vec<Line<'static>> {
        if text.is_empty() {
            return Vec::new();
        }
        let mark = continuation(self.margin(width), width, theme);
        rows(&[Span::styled(untabbed(text), theme.code)], mark, width, theme)
    }

    /// Columns left of the code.
    fn margin(&self, width: usize) -> usize {
        margin(width) + if self.number.is_some() && is_numbered(width) { NUMBER } else { 0 }
    }
}

/// The rows of one line, after `first`.
fn rows(spans: &[Span<'_>], first: String, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let aside = theme.code.patch(theme.faint);
    let mark = continuation(wrap::width(&first), width, theme);
    let lines = wrap::chop(spans, width, &[Span::styled(first, aside)], &[Span::styled(mark, aside)]);
    lines.into_iter().map(|line| ground(line, width, theme)).collect()
}

/// Left of a row that goes on from the one above.
fn continuation(margin: usize, width: usize, theme: &Theme) -> String {
    let mark = if theme.glyphs.unicode { "↳" } else { "\\" };
    if width > 1 { format!("{mark:<margin$}") } else { String::new() }
}

/// Tabs as the spaces up to their stops, every four columns.
fn untabbed(text: &str) -> Cow<'_, str> {
    if !text.contains('\t') {
        return text.into();
    }
    let mut parts = text.split('\t');
    let mut spaced = parts.next().unwrap_or_default().to_owned();
    let mut column = wrap::width(&spaced);
    for part in parts {
        let gap = 4 - column % 4;
        spaced.push_str(&" ".repeat(gap));
        spaced.push_str(part);
        column += gap + wrap::width(part);
    }
    spaced.into()
}

/// A whole block.
pub(super) fn render(info: &str, code: &str, numbered: bool, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut painter = Painter::new(info, numbered);
    let mut lines = Vec::from_iter(painter.head(width, theme));
    for line in code.lines() {
        lines.append(&mut painter.line(line, width, theme));
    }
    lines
}

/// Whether there is room for numbers.
fn is_numbered(width: usize) -> bool {
    width >= 20
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
