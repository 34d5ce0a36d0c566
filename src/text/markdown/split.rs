//! Cuts Markdown into top-level pieces that can be rendered one by one, line by line and never looking ahead.
//!
//! A piece is a block or a few of them, an item of a list, a footnote, or a fenced code block. What matters is that a cut is never taken
//! back: it is made only where `CommonMark` says that the line begins a new block whatever follows. Where that would take more knowledge
//! than these few rules have, the line stays in its piece, which costs a little time and is never wrong: the pieces are parsed in full.
//!
//! List items are pieces of their own (with their number), because a list of a thousand lines is otherwise drawn anew for each word.

use std::borrow::Cow;

use super::formulas::{Display, display_at};
use super::items::{Container, Inside, Rest};
use super::marks::{
    Fence, Html, Marker, contains_ignoring_case, footnote_label, html, indentation, interrupts, is_heading, is_quote,
    is_setext_underline, is_table, is_thematic_break, marker, whole_rule, without_indent,
};

/// What kind of piece a line begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Blocks,
    /// `number`: where it is numbered; `joined`: follows another item with no blank line between.
    Item {
        number: Option<u64>,
        joined: bool,
    },
    Footnote,
    /// Code, whose lines are drawn as they come: of a fence with what stands after it, or indented.
    Code {
        info: String,
    },
    /// More rows of the table before, under this heading and rule.
    Rows {
        heading: String,
    },
    /// More of the text or the quote before.
    More,
    /// More of the HTML before; `joined`: with no blank line between.
    Html {
        joined: bool,
    },
    /// More of the list item before.
    InItem(Rest),
}

/// Columns that make a line code.
const CODE_INDENT: usize = 4;

/// Bytes of a text, a quote, HTML or a list item after which the rest is a piece of its own: what grows is drawn anew for each frame.
const LONG_TEXT: usize = 8 << 10;

/// The same for tables, in rows. The widths of the columns are those of the rows before.
const LONG_TABLE: usize = 64;

/// What a line is to the piece before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step<'l> {
    /// It begins a new piece.
    Starts(Kind),
    /// It begins a new piece of code, and is its first line.
    StartsCode(Cow<'l, str>),
    /// It belongs to the open piece.
    Stays,
    /// It is code, this without its indent. Below so many blank lines that are code too.
    Code { blanks: usize, line: Cow<'l, str> },
    /// It is more of a line of code.
    MoreCode,
    /// It closes the open fence, or is blank after it.
    Nothing,
}

/// The state after some lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Splitter {
    open: Open,
    /// Bytes of the piece so far.
    size: usize,
    /// The line before is not at its end.
    in_line: bool,
    /// The line before is blank.
    blank: bool,
    /// What the line before is to become, if it can be the beginning of a rule or a row of a table.
    end: Option<String>,
}

#[derive(Debug, Clone, Default)]
enum Open {
    /// The next line that is not blank begins a piece.
    #[default]
    None,
    /// Text up to a blank line. `paragraph`: its last line may go on as a paragraph. `heading`: that line, if it may be the heading
    /// of a table.
    Text {
        paragraph: bool,
        heading: Option<String>,
    },
    /// Rows of a table up to a blank line, and how many there are.
    Table {
        heading: String,
        rows: usize,
    },
    /// A formula up to its end or a blank line. `before`: bytes of the piece that are none of it.
    Formula {
        display: Display,
        before: usize,
    },
    /// A quote, up to a blank line or one that neither has the mark nor goes on lazily.
    Quote(Inside),
    /// HTML up to a blank line.
    Html,
    /// HTML up to a line with this in it.
    HtmlUntil(&'static str),
    /// Indented code, and how many blank lines there are below it.
    Indented {
        blanks: usize,
    },
    Fence(Fence),
    Container(Container),
}

impl Open {
    /// Text after a plain line. Only a table that shows itself by its first character may begin under other text.
    fn text(rest: &str, first: bool) -> Self {
        let heading = rest.starts_with('|') || (first && rest.contains('|'));
        Self::Text { paragraph: true, heading: heading.then(|| rest.to_owned()) }
    }
}

impl Splitter {
    /// Takes the next line, with its line feed where it is at its end; a very long one comes in parts.
    pub(super) fn line<'l>(&mut self, part: &'l str) -> Step<'l> {
        let goes_on = std::mem::replace(&mut self.in_line, !part.ends_with('\n'));
        let step = if goes_on { self.rest_of_line(part) } else { self.step(part.trim_end_matches('\n')) };
        if matches!(step, Step::Starts(_) | Step::StartsCode(_)) {
            self.size = 0;
        }
        self.size += part.len();
        step
    }

    fn rest_of_line<'l>(&mut self, part: &'l str) -> Step<'l> {
        match &self.open {
            Open::Fence(_) | Open::Indented { .. } => Step::MoreCode,
            Open::None => self.step(part.trim_end_matches('\n')),
            Open::Html | Open::HtmlUntil(_) => self.more_html(part, true),
            _ if self.size > LONG_TEXT => {
                self.open = Open::text("", false);
                Step::Starts(Kind::More)
            }
            _ => Step::Stays,
        }
    }

    /// More of the open HTML.
    fn more_html(&mut self, text: &str, joined: bool) -> Step<'static> {
        if matches!(self.open, Open::HtmlUntil(end) if contains_ignoring_case(text, end)) {
            self.open = Open::None;
        }
        if self.size > LONG_TEXT { Step::Starts(Kind::Html { joined }) } else { Step::Stays }
    }

    /// `text`, a piece, with the end that the line before is to have: the heading of a table that is on its way would be text first.
    pub(super) fn with_whole_end<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.end {
            Some(end) if !text.ends_with('\n') => {
                let begin = text.rfind('\n').map_or(0, |feed| feed + 1);
                (text[..begin].to_owned() + end).into()
            }
            _ => text.into(),
        }
    }

    fn step<'l>(&mut self, line: &'l str) -> Step<'l> {
        self.end = None;
        if let Open::Fence(fence) = &self.open {
            if fence.is_closed_by(line) {
                self.open = Open::None;
                return Step::Nothing;
            }
            return Step::Code { blanks: 0, line: fence.content(line) };
        }
        let is_blank = line.trim_matches([' ', '\t']).is_empty();
        let after_blank = std::mem::replace(&mut self.blank, is_blank);
        if is_blank {
            return self.blank();
        }
        let (indent, rest) = indentation(line);
        match &mut self.open {
            Open::HtmlUntil(_) | Open::Html => self.more_html(line, !after_blank),
            Open::Indented { blanks } if indent >= 4 => {
                Step::Code { blanks: std::mem::take(blanks), line: without_indent(line, CODE_INDENT) }
            }
            Open::None | Open::Indented { .. } => self.start(line),
            Open::Text { paragraph, heading } => {
                if let Some(heading) = heading.take().filter(|_| *paragraph) {
                    if is_table(&heading, rest) {
                        self.open = Open::Table { heading: format!("{heading}\n{rest}\n"), rows: 0 };
                        return Step::Stays;
                    }
                    self.end = whole_rule(&heading, rest);
                }
                if *paragraph && is_setext_underline(indent, rest) {
                    self.open = Open::None;
                    return Step::Stays;
                }
                if is_quote(indent, rest) || interrupts(line, *paragraph) {
                    return self.start(line);
                }
                let more = self.size > LONG_TEXT;
                if let Some(display) = formula(rest) {
                    self.open = Open::Formula { display, before: if more { 0 } else { self.size } };
                } else if *paragraph || more {
                    self.open = Open::text(rest, false);
                }
                if more { Step::Starts(Kind::More) } else { Step::Stays }
            }
            Open::Table { heading, rows } => {
                if is_quote(indent, rest) || interrupts(line, false) {
                    return self.start(line);
                }
                // A row of which there is no more yet is none to the parser.
                self.end = (rest.trim_end() == "|").then(String::new);
                *rows += 1;
                if *rows <= LONG_TABLE {
                    return Step::Stays;
                }
                *rows = 1;
                Step::Starts(Kind::Rows { heading: heading.clone() })
            }
            Open::Formula { display, before } => {
                // No formula has code in it: it was none.
                if Fence::open(indent, rest).is_some() {
                    return self.start(line);
                }
                // Nor is any so long.
                let more = self.size - *before > LONG_TEXT;
                if more || display.ends_in(line) {
                    self.open = Open::text("", false);
                }
                if more { Step::Starts(Kind::More) } else { Step::Stays }
            }
            Open::Quote(inside) => {
                if is_quote(indent, rest) {
                    inside.line(rest, 0);
                    if self.size > LONG_TEXT && inside.fence.is_none() {
                        self.open = Open::Quote(Inside::begin(rest, 0));
                        return Step::Starts(Kind::More);
                    }
                    return Step::Stays;
                }
                // A list may begin with any number here: the paragraph that it would interrupt is inside the quote.
                if inside.paragraph && !interrupts(line, false) { Step::Stays } else { self.start(line) }
            }
            Open::Container(_) => self.in_container(line, indent, rest),
            Open::Fence(_) => Step::Nothing,
        }
    }

    fn in_container<'l>(&mut self, line: &'l str, indent: usize, rest: &str) -> Step<'l> {
        let Open::Container(container) = &mut self.open else { return Step::Nothing };
        if indent >= container.content {
            let rest_of_item = if self.size > LONG_TEXT { container.rest(indent, rest) } else { None };
            (container.blank, container.empty) = (false, false);
            container.inside.line(rest, indent - container.content);
            return rest_of_item.map_or(Step::Stays, |rest| Step::Starts(Kind::InItem(rest)));
        }
        let next = marker(line).filter(|_| !is_thematic_break(indent, rest));
        let sibling = match (&container.marker, &next) {
            (Some(this), Some(next)) => this.mark == next.mark && this.number.is_some() == next.number.is_some(),
            _ => false,
        };
        let after_blank = container.blank;
        let lazy = container.inside.paragraph && !is_quote(indent, rest) && !interrupts(line, false);
        if lazy && !sibling {
            return Step::Stays;
        }
        let number = container.number;
        let was_item = container.marker.is_some();
        let mut step = self.start(line);
        if let (Step::Starts(Kind::Item { number: shown, joined }), Open::Container(now)) = (&mut step, &mut self.open)
        {
            *joined = was_item && !after_blank;
            if sibling {
                *shown = number.map(|number| number.saturating_add(1));
                now.number = *shown;
            }
        }
        step
    }

    fn blank(&mut self) -> Step<'static> {
        match &mut self.open {
            Open::None => Step::Nothing,
            Open::Text { .. } | Open::Table { .. } | Open::Formula { .. } | Open::Quote(_) | Open::Html => {
                self.open = Open::None;
                Step::Stays
            }
            Open::Container(container) => {
                if container.empty {
                    // A marker with nothing after it takes content from the next line only.
                    container.content = usize::MAX;
                }
                container.blank = true;
                container.inside.paragraph = false;
                Step::Stays
            }
            Open::Indented { blanks } => {
                *blanks += 1;
                Step::Stays
            }
            Open::HtmlUntil(_) | Open::Fence(_) => Step::Stays,
        }
    }

    /// Begins a piece with this line.
    fn start<'l>(&mut self, line: &'l str) -> Step<'l> {
        let (indent, rest) = indentation(line);
        let blocks = Step::Starts(Kind::Blocks);
        if indent >= 4 {
            self.open = Open::Indented { blanks: 0 };
            return Step::StartsCode(without_indent(line, CODE_INDENT));
        }
        if let Some((fence, info)) = Fence::open(indent, rest) {
            self.open = Open::Fence(fence);
            return Step::Starts(Kind::Code { info });
        }
        if is_thematic_break(indent, rest) || is_heading(rest) {
            self.open = Open::None;
            return blocks;
        }
        if let Some(marker) = marker(line) {
            let Marker { number, length, content, empty, code, .. } = marker;
            let inside = Inside::begin(&rest[length..], if code { 4 } else { 0 });
            self.open =
                Open::Container(Container { marker: Some(marker), number, content, blank: false, empty, inside });
            return Step::Starts(Kind::Item { number, joined: false });
        }
        if let Some((_, text)) = footnote_label(rest) {
            let inside = Inside::begin(&rest[text..], 0);
            self.open = Open::Container(Container {
                marker: None,
                number: None,
                content: 4,
                blank: false,
                empty: false,
                inside,
            });
            return Step::Starts(Kind::Footnote);
        }
        self.open = match html(rest, false) {
            Some(Html::Until(end)) if contains_ignoring_case(rest, end) => Open::None,
            Some(Html::Until(end)) => Open::HtmlUntil(end),
            Some(Html::UntilBlank) => Open::Html,
            None if rest.starts_with('>') => Open::Quote(Inside::begin(rest, 0)),
            None => {
                formula(rest).map_or_else(|| Open::text(rest, true), |display| Open::Formula { display, before: 0 })
            }
        };
        blocks
    }
}

/// The formula that a line begins and does not end.
fn formula(rest: &str) -> Option<Display> {
    display_at(rest).filter(|display| display.goes_on(rest))
}
