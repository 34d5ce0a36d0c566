//! Pieces under each other: what is closed is drawn once, an open fence grows line by line.

use std::ops::Range;

use ratatui::text::Line;

use super::blocks::{self, Drawn, Sheet};
use super::code::Painter;
use super::piece::Role;
use super::row::{Edge, Row};
use super::split::{Kind, Splitter, Step};
use super::table::Shape;
use super::{Look, Region, RegionKind};
use crate::config::theme::Theme;
use crate::text::wrap::Joint;

/// Longer lines come in parts, which are drawn once like lines.
const LONG_LINE: usize = 2 << 10;

/// Where the line that begins at `from` ends, its line feed included, or the part of it that is drawn on its own; `None` while neither
/// is there to the end. It depends on nothing that comes later: whatever the chunks, a text has the same lines.
pub(crate) fn next_line(source: &str, from: usize) -> Option<usize> {
    let rest = &source.as_bytes()[from..];
    let near = &rest[..rest.len().min(LONG_LINE)];
    if let Some(end) = near.iter().position(|&byte| byte == b'\n') {
        return Some(from + end + 1);
    }
    if rest.len() <= LONG_LINE {
        return None;
    }
    // Between words where there are some, and never inside a character.
    let space = near.iter().rposition(|&byte| byte == b' ').filter(|&space| space > LONG_LINE / 2);
    let end = space.map_or(LONG_LINE, |space| space + 1);
    Some(from + (1..=end).rev().find(|&end| source.is_char_boundary(from + end)).unwrap_or(end))
}

/// A page at one width that takes Markdown line by line.
#[derive(Debug)]
pub(crate) struct Page {
    width: usize,
    look: Look,
    lines: Vec<Line<'static>>,
    edges: Vec<Edge>,
    regions: Vec<Region>,
    at: Position,
    work: u64,
}

/// What, beside the lines, the next line depends on.
#[derive(Debug, Clone, Default)]
struct Position {
    splitter: Splitter,
    open: Option<Piece>,
    /// The table that was drawn last, if rows may follow it.
    table: Option<Shape>,
    /// Blocks of code so far, the open one included.
    codes: usize,
}

#[derive(Debug, Clone)]
struct Piece {
    start: usize,
    kind: Kind,
    /// For code: it draws its lines as they come.
    painter: Option<Painter>,
    /// Something of it is on the page.
    drawn: bool,
}

/// A place to come back to.
#[derive(Debug)]
pub(crate) struct Mark {
    lines: usize,
    regions: usize,
    at: Position,
}

impl Page {
    pub(crate) fn new(width: u16, look: Look) -> Self {
        Self {
            width: usize::from(width.max(1)),
            look,
            lines: Vec::new(),
            edges: Vec::new(),
            regions: Vec::new(),
            at: Position::default(),
            work: 0,
        }
    }

    pub(crate) fn lines(&self) -> &[Line<'static>] {
        &self.lines
    }

    /// How each line begins.
    pub(crate) fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// What of the lines is code and tables, from the top.
    pub(crate) fn regions(&self) -> &[Region] {
        &self.regions
    }

    pub(crate) fn into_lines(self) -> Vec<Line<'static>> {
        self.lines
    }

    /// Bytes parsed and painted so far.
    pub(crate) fn work(&self) -> u64 {
        self.work
    }

    /// Takes the next line of `source` or the next part of it, line feed included. What is before it must have been given.
    pub(crate) fn line(&mut self, source: &str, range: Range<usize>, theme: &Theme) {
        let text = &source[range.clone()];
        self.work += text.len() as u64;
        match self.at.splitter.line(text) {
            Step::Starts(kind) => {
                self.close(source, range.start, theme);
                self.begin(range.start, kind, theme);
            }
            Step::StartsCode(line) => {
                self.close(source, range.start, theme);
                self.begin(range.start, Kind::Code { info: String::new() }, theme);
                self.code(|painter, width| painter.line(&line, width, theme));
            }
            Step::Code { blanks, line } => {
                for line in std::iter::repeat_n("", blanks).chain([&*line]) {
                    self.code(|painter, width| painter.line(line, width, theme));
                }
            }
            Step::MoreCode => {
                let text = text.trim_end_matches('\n');
                self.code(|painter, width| painter.rest_of_line(text, width, theme));
            }
            Step::Stays | Step::Nothing => {}
        }
    }

    /// Begins a piece.
    fn begin(&mut self, start: usize, kind: Kind, theme: &Theme) {
        let painter = if let Kind::Code { info } = &kind { Some(Painter::new(info, self.look)) } else { None };
        self.at.codes += usize::from(painter.is_some());
        let head = painter.as_ref().and_then(|painter| painter.head(self.width, theme));
        self.at.open = Some(Piece { start, kind, painter, drawn: false });
        self.append_code(Vec::from_iter(head));
    }

    /// Draws more of the open code.
    fn code(&mut self, paint: impl FnOnce(&mut Painter, usize) -> Vec<Row>) {
        let painter = self.at.open.as_mut().and_then(|piece| piece.painter.as_mut());
        let rows = painter.map_or_else(Vec::new, |painter| paint(painter, self.width));
        self.append_code(rows);
    }

    /// Draws what is still open: the page is whole now.
    pub(crate) fn finish(&mut self, source: &str, theme: &Theme) {
        self.close(source, source.len(), theme);
        self.at.open = None;
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { lines: self.lines.len(), regions: self.regions.len(), at: self.at.clone() }
    }

    /// Takes back everything since `mark`.
    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.lines.truncate(mark.lines);
        self.edges.truncate(mark.lines);
        self.regions.truncate(mark.regions);
        if let Some(last) = self.regions.last_mut() {
            last.lines.end = last.lines.end.min(mark.lines);
        }
        self.at = mark.at;
    }

    /// Draws the open piece, which ends at `end`.
    fn close(&mut self, source: &str, end: usize, theme: &Theme) {
        let Some(piece) = &self.at.open else { return };
        let text = &source[piece.start..end];
        let Some(role) = Role::of(&piece.kind, self.at.table.take()) else { return };
        self.work += text.len() as u64;
        let text = self.at.splitter.with_whole_end(text);
        let sheet = Sheet { width: self.width, look: self.look, codes: self.at.codes, theme };
        let Drawn { lines, table, regions, codes } = blocks::render(&text, role, sheet);
        (self.at.table, self.at.codes) = (table, codes);
        let Some(begin) = self.append(lines) else { return };
        for Region { kind, lines } in regions {
            self.note(kind, begin + lines.start..begin + lines.end);
        }
    }

    /// Lines of the open code.
    fn append_code(&mut self, lines: Vec<Row>) {
        let kind = RegionKind::Code { number: self.at.codes };
        if let Some(begin) = self.append(lines) {
            self.note(kind, begin..self.lines.len());
        }
    }

    /// These lines are a region, or more of the one right above.
    fn note(&mut self, kind: RegionKind, lines: Range<usize>) {
        match self.regions.last_mut() {
            Some(last) if last.kind == kind && last.lines.end == lines.start => last.lines.end = lines.end,
            _ => self.regions.push(Region { kind, lines }),
        }
    }

    /// Puts lines of the open piece on the page, after a blank line where they are its first. Gives the place of the first of them.
    fn append(&mut self, mut rows: Vec<Row>) -> Option<usize> {
        let piece = self.at.open.as_mut().filter(|_| !rows.is_empty())?;
        let mut begin = self.lines.len();
        let joined = matches!(
            piece.kind,
            Kind::Item { joined: true, .. } | Kind::Rows { .. } | Kind::More | Kind::Html { joined: true }
        ) || matches!(&piece.kind, Kind::InItem(rest) if rest.joined);
        if !piece.drawn && !joined && !self.lines.is_empty() {
            rows.insert(0, Row::text(Line::default()));
            begin += 1;
        } else if !piece.drawn
            && matches!(piece.kind, Kind::More)
            && let Some(joint) = &mut rows[0].edge.joint
        {
            // It was cut between two words.
            *joint = Joint::Spaced;
        }
        piece.drawn = true;
        for Row { line, edge } in rows {
            self.lines.push(line);
            self.edges.push(edge);
        }
        Some(begin)
    }
}
