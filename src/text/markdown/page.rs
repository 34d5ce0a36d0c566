//! Pieces under each other: what is closed is drawn once, an open fence grows line by line.

use std::ops::Range;

use ratatui::text::Line;

use super::blocks::{self, Role};
use super::code::Painter;
use super::split::{Kind, Splitter, Step};
use crate::config::theme::Theme;

/// A page at one width that takes Markdown line by line.
#[derive(Debug)]
pub(crate) struct Page {
    width: usize,
    lines: Vec<Line<'static>>,
    at: Position,
    work: u64,
}

/// What, beside the lines, the next line depends on.
#[derive(Debug, Clone, Default)]
struct Position {
    splitter: Splitter,
    open: Option<Piece>,
}

#[derive(Debug, Clone)]
struct Piece {
    start: usize,
    kind: Kind,
    /// For a fence: it draws its lines as they come.
    painter: Option<Painter>,
    /// Something of it is on the page.
    drawn: bool,
}

/// A place to come back to.
#[derive(Debug)]
pub(crate) struct Mark {
    lines: usize,
    at: Position,
}

impl Page {
    pub(crate) fn new(width: u16) -> Self {
        Self { width: usize::from(width.max(1)), lines: Vec::new(), at: Position::default(), work: 0 }
    }

    pub(crate) fn lines(&self) -> &[Line<'static>] {
        &self.lines
    }

    pub(crate) fn into_lines(self) -> Vec<Line<'static>> {
        self.lines
    }

    /// Bytes parsed and painted so far.
    pub(crate) fn work(&self) -> u64 {
        self.work
    }

    /// Takes the next line of `source`, line feed included. The lines before it must have been given.
    pub(crate) fn line(&mut self, source: &str, range: Range<usize>, theme: &Theme) {
        let text = &source[range.clone()];
        self.work += text.len() as u64;
        match self.at.splitter.line(text) {
            Step::Starts(kind) => {
                self.close(source, range.start, theme);
                let painter = match &kind {
                    Kind::Fence { language } => Some(Painter::new(language)),
                    _ => None,
                };
                let head = painter.as_ref().and_then(|painter| painter.head(self.width, theme));
                self.at.open = Some(Piece { start: range.start, kind, painter, drawn: false });
                self.append(Vec::from_iter(head));
            }
            Step::Code { from, spaces } => {
                let open = self.at.open.as_mut().and_then(|piece| piece.painter.as_mut());
                if let Some(painter) = open {
                    let code = text[from..].trim_end_matches('\n');
                    let lines = match spaces {
                        0 => painter.line(code, self.width, theme),
                        _ => painter.line(&(" ".repeat(spaces) + code), self.width, theme),
                    };
                    self.append(lines);
                }
            }
            Step::Stays | Step::Nothing => {}
        }
    }

    /// Draws what is still open: the page is whole now.
    pub(crate) fn finish(&mut self, source: &str, theme: &Theme) {
        self.close(source, source.len(), theme);
        self.at.open = None;
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { lines: self.lines.len(), at: self.at.clone() }
    }

    /// Takes back everything since `mark`.
    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.lines.truncate(mark.lines);
        self.at = mark.at;
    }

    /// Draws the open piece, which ends at `end`.
    fn close(&mut self, source: &str, end: usize, theme: &Theme) {
        let Some(piece) = &self.at.open else { return };
        let role = match piece.kind {
            Kind::Fence { .. } => return,
            Kind::Item { number: Some(number), .. } => Role::Item(number),
            Kind::Blocks | Kind::Item { .. } => Role::Blocks,
            Kind::Footnote => Role::Footnote,
        };
        let text = &source[piece.start..end];
        self.work += text.len() as u64;
        let lines = blocks::render(text, role, self.width, theme);
        self.append(lines);
    }

    /// Puts lines of the open piece on the page, after a blank line where they are its first.
    fn append(&mut self, lines: Vec<Line<'static>>) {
        let Some(piece) = &mut self.at.open else { return };
        if lines.is_empty() {
            return;
        }
        let joined = matches!(piece.kind, Kind::Item { joined: true, .. });
        if !piece.drawn && !joined && !self.lines.is_empty() {
            self.lines.push(Line::default());
        }
        piece.drawn = true;
        self.lines.extend(lines);
    }
}
