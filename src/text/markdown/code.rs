//! Code blocks: on their own ground across the whole width, the language above, no line lost: what is too long goes on below, marked,
//! or, for a reader who moves sideways, stays as long as it is.

use std::borrow::Cow;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::Look;
use super::row::{Edge, Row};
use crate::config::theme::Theme;
use crate::text::highlight::Highlighter;
use crate::text::wrap::{self, Joint};

/// A longer line is not coloured: it is data, not code that anybody reads.
const LONG_LINE: usize = 2 << 10;

/// Columns of a number and the space after it, up to 999 lines.
const NUMBER: usize = 4;

/// The language in what stands after a fence, its first word: `rust`, `rust,ignore`, `{.python}`.
pub(super) fn language(info: &str) -> &str {
    let word = info.trim_matches(|c: char| c.is_whitespace() || matches!(c, '{' | '}' | '.'));
    word.split([' ', '\t', ',', ';', '{', '}', ':']).next().unwrap_or_default()
}

/// Draws one block line by line.
#[derive(Debug, Clone)]
pub(super) struct Painter {
    label: String,
    highlighter: Highlighter,
    look: Look,
    /// Of the line drawn last.
    number: usize,
}

impl Painter {
    /// `info`: what stands after the fence.
    pub(super) fn new(info: &str, look: Look) -> Self {
        let label = language(info);
        Self { label: label.to_owned(), highlighter: Highlighter::new(label), look, number: 0 }
    }

    /// The line with the language's name, if it has one or every block is to have that line.
    pub(super) fn head(&self, width: usize, theme: &Theme) -> Option<Row> {
        let label = Span::styled(self.label.clone(), theme.code.patch(theme.muted));
        let name = wrap::truncate(&Line::from(label), width - margin(width), theme.glyphs.ellipsis);
        let left = margin(width);
        (self.look.headed || !self.label.is_empty()).then(|| Row {
            line: ground(indented(name.spans, &" ".repeat(left), theme.code), width, theme),
            edge: Edge { left, joint: None },
        })
    }

    /// The rows of the next line of code.
    pub(super) fn line(&mut self, text: &str, width: usize, theme: &Theme) -> Vec<Row> {
        let text = untabbed(text);
        let spans = if text.len() > LONG_LINE {
            vec![Span::styled(text.into_owned(), theme.code)]
        } else {
            self.highlighter.line(&text, theme)
        };
        let mut first = " ".repeat(margin(width));
        self.number += 1;
        if self.is_numbered(width) {
            let columns = NUMBER - 1;
            first = format!("{first}{:>columns$} ", self.number);
        }
        self.rows(spans, (first, Joint::Begins), width, theme)
    }

    /// The rows of more of the same line, which is a very long one.
    pub(super) fn rest_of_line(&mut self, text: &str, width: usize, theme: &Theme) -> Vec<Row> {
        if text.is_empty() {
            return Vec::new();
        }
        let margin = margin(width) + if self.is_numbered(width) { NUMBER } else { 0 };
        let mark = continuation(margin, width, theme);
        self.rows(vec![Span::styled(untabbed(text).into_owned(), theme.code)], (mark, Joint::Close), width, theme)
    }

    /// Whether lines have numbers, and there is room for them.
    fn is_numbered(&self, width: usize) -> bool {
        self.look.line_numbers && width >= 20
    }

    /// The rows of one line, or of more of one, after `first`.
    fn rows(
        &self,
        spans: Vec<Span<'static>>,
        (first, begins): (String, Joint),
        width: usize,
        theme: &Theme,
    ) -> Vec<Row> {
        let aside = theme.code.patch(theme.faint);
        let mut left = wrap::width(&first);
        if self.look.wide {
            let mut line = vec![Span::styled(first, aside)];
            line.extend(spans);
            return vec![Row {
                line: ground(Line::from(line), width, theme),
                edge: Edge { left, joint: Some(begins) },
            }];
        }
        let mark = continuation(left, width, theme);
        let rest = wrap::width(&mark);
        let lines = wrap::chop(&spans, width, &[Span::styled(first, aside)], &[Span::styled(mark, aside)]);
        let row = |(nth, (line, joint))| {
            let joint = Some(if nth == 0 { begins } else { joint });
            Row { line: ground(line, width, theme), edge: Edge { left: std::mem::replace(&mut left, rest), joint } }
        };
        lines.into_iter().enumerate().map(row).collect()
    }
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

/// A whole block, or the rest of one, which has no head.
pub(super) fn render(info: &str, code: &str, head: bool, look: Look, width: usize, theme: &Theme) -> Vec<Row> {
    let mut painter = Painter::new(info, look);
    let mut lines = Vec::from_iter(painter.head(width, theme).filter(|_| head));
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
