//! One message as rows of a width.

use std::ops::Range;

use ratatui::text::{Line, Span};

use super::folds::{BodyRow, Fold, Foldable, Folds, folds_of, row, row_of_line};
use super::markdown;
use super::notes;
use super::reasoned::{self, Reasoned};
use crate::config::Details;
use crate::config::theme::Theme;
use crate::domain::Role;
use crate::domain::conversation::{LeftOut, Message, MessageState, Version};
use crate::text::markdown::{Edge, Look, Region, RegionKind};
use crate::text::stream::StreamingDoc;
use crate::text::wrap::{self, Joint};

/// What decides how a message is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub revision: u64,
    pub width: u16,
    pub theme: u64,
    pub reasoning: bool,
    pub folds: u64,
    pub fold_after: usize,
    /// The end of the conversation: code that was just written stays as it is.
    pub newest: bool,
    pub look: Look,
    pub details: Details,
    /// How long ago it was sent, as far as that is told.
    pub minutes: Option<u64>,
    /// Seconds that the clocks here were ahead of universal time then.
    pub ahead: i32,
    /// What is sent begins with this message.
    pub left_out: Option<LeftOut>,
    /// Others stand in its place.
    pub version: Option<Version>,
}

/// One message as rows.
#[derive(Debug)]
pub(super) struct Laid {
    pub key: Key,
    /// Who speaks, and that there is reasoning.
    head: Vec<Line<'static>>,
    /// The row that tells of reasoning.
    reasoning_title: Option<usize>,
    reasoned: Reasoned,
    body: Body,
    folds: Vec<Fold>,
    /// Below it: what went wrong, statistics, and the gap to the next message.
    foot: Vec<Line<'static>>,
    /// Rows of the body: its document is asked only when it is laid out.
    body_rows: usize,
    pub used: u64,
}

#[derive(Debug)]
enum Body {
    /// A person's words, as they were typed, and how each line of them begins.
    Plain(Vec<Line<'static>>, Vec<Edge>),
    /// A model's, which grow.
    Document(Box<StreamingDoc>),
}

impl Body {
    fn lines(&self) -> &[Line<'static>] {
        match self {
            Self::Plain(lines, _) => lines,
            Self::Document(doc) => doc.rendered(),
        }
    }

    fn edges(&self) -> &[Edge] {
        match self {
            Self::Plain(_, edges) => edges,
            Self::Document(doc) => doc.edges(),
        }
    }

    /// Columns of a line that are left of its text.
    fn left(&self, line: usize) -> usize {
        self.edges().get(line).map_or(0, |edge| edge.left)
    }

    fn regions(&self) -> &[Region] {
        match self {
            Self::Plain(..) => &[],
            Self::Document(doc) => doc.regions(),
        }
    }
}

/// A block of code or a table, by the rows that show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub kind: RegionKind,
    pub rows: Range<usize>,
}

/// From this width on an answer and its figures stand apart.
const ROOMY: u16 = 60;
/// Below this width its figures have one row, so that the answer is seen.
const TINY: u16 = 30;

impl Laid {
    /// Lays a message out. `old`: as it was before; what grows goes on from there.
    pub fn new(message: &Message, old: Option<Self>, key: Key, folds: &Folds, theme: &Theme, used: u64) -> Self {
        let width = key.width.max(1);
        let mut head = key.left_out.map_or_else(Vec::new, |left_out| notes::left_out(left_out, width, theme));
        head.push(notes::speaker(message, key.version, theme));
        if key.details == Details::All {
            head.extend(notes::details(message, key.minutes, key.ahead, width, theme));
        }
        let reasoning_title = (!message.reasoning.is_empty()).then_some(head.len());
        let (reasoned, old_body) = old.map(|old| (old.reasoned, old.body)).unzip();
        let mut reasoned = reasoned.filter(|_| reasoning_title.is_some()).unwrap_or_default();
        if reasoning_title.is_some() {
            let folded = folds.is_folded(message.id, Foldable::Reasoning, !key.reasoning);
            let look = reasoned::Look { shown: !folded, width, theme: key.theme };
            let words = reasoned.grow(&message.reasoning, look, theme);
            head.push(notes::reasoning(message, words, folded, theme));
        }
        let mut body = body(message, old_body, key, theme);
        let lines = match &mut body {
            Body::Plain(lines, _) => lines.len(),
            Body::Document(doc) => doc.lines(width, theme).len(),
        };
        let streams = message.state == MessageState::Streaming;
        let by_default = |what, lines| {
            let may = matches!(what, Foldable::Message) || !key.newest;
            may && key.fold_after > 0 && lines > key.fold_after
        };
        let plain = matches!(body, Body::Plain(..)).then_some(lines);
        // What is being written is read.
        let folds = if streams {
            Vec::new()
        } else {
            folds_of(message.id, plain, body.regions(), folds, by_default, (usize::from(width), theme))
        };
        let body_rows = lines - folds.iter().map(|fold| fold.hidden.len() - 1).sum::<usize>();
        let mut foot = notes::failure(message, width, theme);
        if key.details != Details::None {
            let mut statistics = notes::statistics(message, width, theme);
            // A narrow window is a short one, most of the time.
            if !statistics.is_empty() && lines > 0 && foot.is_empty() && width >= ROOMY {
                foot.push(Line::default());
            }
            if width < TINY {
                statistics.truncate(1);
            }
            foot.extend(statistics);
        }
        foot.push(Line::default());
        Self { key, head, reasoning_title, reasoned, body, folds, foot, body_rows, used }
    }

    /// Rows above its text.
    fn above(&self) -> usize {
        self.head.len() + self.reasoned.rows().len()
    }

    /// The rows that have reasoning in words, if they are shown. A blank one stands below them.
    fn reasoning(&self) -> Range<usize> {
        self.head.len()..self.above().saturating_sub(1).max(self.head.len())
    }

    pub fn len(&self) -> usize {
        self.above() + self.body_rows + self.foot.len()
    }

    pub fn line(&self, nth: usize) -> Option<&Line<'static>> {
        if let Some(line) = self.head.get(nth) {
            return Some(line);
        }
        if let Some(line) = self.reasoned.rows().get(nth - self.head.len()) {
            return Some(line);
        }
        let nth = nth - self.above();
        if nth >= self.body_rows {
            return self.foot.get(nth - self.body_rows);
        }
        match row(&self.folds, nth) {
            BodyRow::Line(line) => self.body.lines().get(line),
            BodyRow::Fold(fold) => self.folds.get(fold).map(|fold| &fold.row),
        }
    }

    /// A row that shows words of the message, and not what is said about it, and the columns left of those.
    pub fn text(&self, nth: usize) -> Option<(&Line<'static>, usize)> {
        let body = self.text_rows();
        if self.reasoning().contains(&nth) {
            let edge = self.reasoned.edges().get(nth - self.head.len())?;
            return Some((self.line(nth)?, edge.left));
        }
        match row(&self.folds, nth.checked_sub(body.start)?) {
            BodyRow::Line(line) if body.contains(&nth) => Some((self.body.lines().get(line)?, self.body.left(line))),
            _ => None,
        }
    }

    /// What is written in these rows, also what is folded there.
    pub fn written(&self, rows: Range<usize>) -> Vec<Written<'_>> {
        let mut written = Vec::new();
        for nth in rows {
            let reasoned = nth.checked_sub(self.head.len()).filter(|nth| *nth < self.reasoned.rows().len());
            if let Some(line) = reasoned {
                let (lines, edges) = (self.reasoned.rows(), self.reasoned.edges());
                written.extend(Written::of(Some(nth), line, lines, edges));
                continue;
            }
            let Some(of_body) = nth.checked_sub(self.above()).filter(|nth| *nth < self.body_rows) else { continue };
            let (lines, shown) = match row(&self.folds, of_body) {
                BodyRow::Line(line) => (line..line + 1, Some(nth)),
                BodyRow::Fold(fold) => (self.folds[fold].hidden.clone(), None),
            };
            for line in lines {
                let Some(found) = Written::of(shown, line, self.body.lines(), self.body.edges()) else { continue };
                let region = self.body.regions().iter().find(|region| region.lines.contains(&line));
                let code = region.and_then(|region| match region.kind {
                    RegionKind::Code { number } => Some((number, line - region.lines.start)),
                    RegionKind::Table => None,
                });
                let keeps_marks = matches!(self.body, Body::Document(_)) && code.is_none();
                written.push(Written { keeps_marks, code, ..found });
            }
        }
        written
    }

    /// Lines of a block of code that begin above one of its rows.
    pub fn code_lines_above(&self, number: usize, row: usize) -> usize {
        let region = self.body.regions().iter().find(|region| region.kind == RegionKind::Code { number });
        let edges = region.map_or(&[][..], |region| &self.body.edges()[region.lines.clone()]);
        edges.iter().take(row).filter(|edge| edge.joint == Some(Joint::Begins)).count()
    }

    /// The rows of its words, without what is said above and below them.
    pub fn text_rows(&self) -> Range<usize> {
        self.above()..self.above() + self.body_rows
    }

    /// All that its words are drawn as, folded or not: reasoning if it is shown, then the text, each line with its place and the
    /// columns left of its text.
    pub fn words(&self) -> impl Iterator<Item = (Place, (&Line<'static>, usize))> {
        let rows = self.reasoning().zip(self.reasoned.rows()).zip(self.reasoned.edges());
        let reasoning = rows.map(|((row, text), edge)| (Place::Row(row), (text, edge.left)));
        let lines = self.body.lines().iter().enumerate();
        reasoning.chain(lines.map(|(line, text)| (Place::Line(line), (text, self.body.left(line)))))
    }

    /// The row of a place, and the fold that hides it.
    pub fn row_of(&self, place: Place) -> (usize, Option<Foldable>) {
        match place {
            Place::Row(row) => (row, None),
            Place::Line(line) => {
                let hidden = self.folds.iter().find(|fold| fold.hidden.contains(&line)).map(|fold| fold.what);
                (self.above() + row_of_line(&self.folds, line), hidden)
            }
        }
    }

    /// Code and tables, by their rows.
    pub fn blocks(&self) -> impl DoubleEndedIterator<Item = Block> + '_ {
        self.body.regions().iter().map(|Region { kind, lines }| {
            let row = |line| self.above() + row_of_line(&self.folds, line);
            Block { kind: *kind, rows: row(lines.start)..row(lines.end.saturating_sub(1)) + 1 }
        })
    }

    pub fn block_at(&self, nth: usize) -> Option<Block> {
        self.blocks().find(|block| block.rows.contains(&nth))
    }

    /// Columns of the widest line of code and tables.
    pub fn widest(&self) -> usize {
        let lines = self.body.lines();
        let of = |region: &Region| lines[region.lines.clone()].iter().map(wrap::line_width).max().unwrap_or(0);
        self.body.regions().iter().map(of).max().unwrap_or(0)
    }

    /// What can be folded or unfolded at a row.
    pub fn foldable_at(&self, nth: usize) -> Option<Foldable> {
        if self.reasoning_title == Some(nth) || self.reasoning().contains(&nth) {
            return Some(Foldable::Reasoning);
        }
        if let Some(Block { kind: RegionKind::Code { number }, .. }) = self.block_at(nth) {
            return Some(Foldable::Code(number));
        }
        (matches!(self.body, Body::Plain(..)) && self.text_rows().contains(&nth)).then_some(Foldable::Message)
    }

    /// Everything in it that can be folded.
    pub fn foldables(&self) -> Vec<Foldable> {
        let reasoning = self.reasoning_title.map(|_| Foldable::Reasoning);
        let plain = matches!(self.body, Body::Plain(..)).then_some(Foldable::Message);
        let code = self.body.regions().iter().filter_map(|region| match region.kind {
            RegionKind::Code { number } => Some(Foldable::Code(number)),
            RegionKind::Table => None,
        });
        reasoning.into_iter().chain(plain).chain(code).collect()
    }

    /// Whether it is folded now.
    pub fn folds(&self, what: Foldable) -> bool {
        match what {
            Foldable::Reasoning => self.reasoned.rows().is_empty(),
            what => self.folds.iter().any(|fold| fold.what == what),
        }
    }

    /// The row stands for what is hidden, or is the title of it.
    pub fn is_handle(&self, nth: usize) -> bool {
        let body = self.text_rows();
        self.reasoning_title == Some(nth)
            || (body.contains(&nth) && matches!(row(&self.folds, nth - body.start), BodyRow::Fold(_)))
    }
}

/// A row of the words, for who takes them away.
#[derive(Debug)]
pub(super) struct Written<'a> {
    /// The row of the message that shows it; `None` where it is folded.
    pub row: Option<usize>,
    pub line: &'a Line<'static>,
    /// Columns left of its text.
    pub left: usize,
    /// What stands there was written, too, if in another way: bullets, numbers, signs of a quote.
    pub keeps_marks: bool,
    pub joint: Joint,
    /// The next row goes on with it.
    pub goes_on: bool,
    /// The block of code that it is of, by its number, and the row of that.
    pub code: Option<(usize, usize)>,
}

impl<'a> Written<'a> {
    /// `None` where nothing of the text stands.
    fn of(row: Option<usize>, nth: usize, lines: &'a [Line<'static>], edges: &[Edge]) -> Option<Self> {
        let Edge { left, joint } = *edges.get(nth)?;
        let goes_on = edges.get(nth + 1).is_some_and(|next| matches!(next.joint, Some(Joint::Spaced | Joint::Close)));
        Some(Self { row, line: lines.get(nth)?, left, keeps_marks: false, joint: joint?, goes_on, code: None })
    }
}

/// Where a line of the words is: a row of the head, or a line of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Row(usize),
    Line(usize),
}

fn body(message: &Message, old: Option<Body>, key: Key, theme: &Theme) -> Body {
    match message.role {
        Role::Assistant => {
            let mut doc = match old {
                Some(Body::Document(doc)) => doc,
                _ => Box::default(),
            };
            doc.look(key.look);
            markdown::feed(&mut doc, message);
            Body::Document(doc)
        }
        Role::User | Role::System => {
            let text = crate::text::sanitize(&message.content);
            let (width, margin) = (usize::from(key.width.max(1)), [Span::raw("  ")]);
            let rows = wrap::wrap_joined(&[Span::styled(text, theme.base)], width, &margin, &margin);
            let left = 2.min(width - 1);
            let edge = |(line, joint)| (line, Edge { left, joint: Some(joint) });
            let (lines, edges) = rows.into_iter().map(edge).unzip();
            Body::Plain(lines, edges)
        }
    }
}
