//! One piece of Markdown to lines: the parser's events to blocks, each laid out in the room that the containers around it leave.

use std::ops::Range;

use pulldown_cmark::{BlockQuoteKind, CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::code;
use super::containers::Containers;
use super::formulas::{Formula, Part, Protected};
use super::inline::Inline;
use super::marks::footnote_mark;
use super::piece::{Role, footnote_text, parsed};
use super::row::{Edge, Row};
use super::table::{Shape, Table};
use super::{Look, OPTIONS, Region, RegionKind};
use crate::config::theme::Theme;
use crate::text::sanitize;
use crate::text::wrap::{self, Joint};

/// The room that a piece has, and how it is to be drawn there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sheet<'t> {
    pub(super) width: usize,
    pub(super) look: Look,
    /// Blocks of code before this piece.
    pub(super) codes: usize,
    pub(super) theme: &'t Theme,
}

/// A piece, drawn.
pub(super) struct Drawn {
    pub(super) lines: Vec<Row>,
    /// Of the table that it ends with.
    pub(super) table: Option<Shape>,
    /// By lines of this piece.
    pub(super) regions: Vec<Region>,
    /// Blocks of code up to its end.
    pub(super) codes: usize,
}

/// The lines of one piece.
pub(super) fn render(source: &str, role: Role<'_>, sheet: Sheet<'_>) -> Drawn {
    let text = parsed(source, &role);
    let protected = Protected::new(&text);
    let mut blocks = Blocks::new(&protected, sheet);
    match role {
        Role::Blocks => {}
        Role::Item(number) => blocks.number = Some(number),
        Role::Rows { shape, .. } => blocks.above = shape,
        Role::Footnote => {
            if let Some((label, _)) = footnote_text(source) {
                let mark = Span::styled(footnote_mark(label) + " ", sheet.theme.link);
                blocks.containers.enter(vec![mark], true, Style::default());
            }
        }
        Role::Html => return blocks.run_html(),
        Role::InItem(rest) => {
            blocks.number = rest.number;
            blocks.lists.push(List { number: None, bullets: rest.bullets });
            if rest.fence.is_some() {
                // The block that it goes on with has been counted, and named.
                blocks.codes = blocks.codes.saturating_sub(1);
                blocks.goes_on = true;
            }
            // Without its mark, under what was drawn of it.
            blocks.containers.enter(vec![Span::raw(" ".repeat(rest.hang))], true, Style::default());
        }
    }
    blocks.run()
}

struct Blocks<'a> {
    source: &'a str,
    protected: &'a Protected<'a>,
    theme: &'a Theme,
    lines: Vec<Row>,
    containers: Containers,
    lists: Vec<List>,
    /// Overrides the number of the first list.
    number: Option<u64>,
    /// Of the rows above, where the first table goes on with them.
    above: Option<Shape>,
    /// Of the last table drawn.
    shape: Option<Shape>,
    look: Look,
    regions: Vec<Region>,
    codes: usize,
    /// The first block of code, or all of the HTML, is the rest of one.
    goes_on: bool,
    inline: Inline<'a>,
    leaf: Leaf,
    table: Option<Table>,
    /// The last line drawn is the heading of what follows.
    labelled: bool,
    /// A blank line that is due before the next block, with what stands left of it.
    gap: Option<Line<'static>>,
    /// Link definitions, the next one last.
    definitions: Vec<(Range<usize>, String)>,
}

/// An open list.
struct List {
    /// The next item's number; `None` for bullets.
    number: Option<u64>,
    /// How many lists with bullets are open, this one included: each level has its own.
    bullets: usize,
}

#[derive(Debug)]
enum Leaf {
    None,
    Paragraph,
    Heading(HeadingLevel),
    Code { info: String, text: String },
    Html,
}

impl<'a> Blocks<'a> {
    fn new(protected: &'a Protected<'a>, sheet: Sheet<'a>) -> Self {
        let Sheet { width, look, codes, theme } = sheet;
        Self {
            source: &protected.text,
            protected,
            theme,
            lines: Vec::new(),
            containers: Containers::new(width),
            lists: Vec::new(),
            number: None,
            above: None,
            shape: None,
            look,
            regions: Vec::new(),
            codes,
            goes_on: false,
            inline: Inline::new(protected, theme),
            leaf: Leaf::None,
            table: None,
            labelled: false,
            gap: None,
            definitions: Vec::new(),
        }
    }

    fn run(mut self) -> Drawn {
        let parser = Parser::new_ext(self.source, OPTIONS);
        self.definitions = parser
            .reference_definitions()
            .iter()
            .map(|(label, to)| {
                let (label, address) = (self.protected.restored(label), self.protected.restored(&to.dest));
                (to.span.clone(), format!("[{}]: {}", sanitize(&label), sanitize(&address)))
            })
            .collect();
        self.definitions.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
        for (event, range) in parser.into_offset_iter() {
            self.event(event, &range);
        }
        self.flush();
        self.define_until(usize::MAX);
        self.leave_all();
        Drawn { lines: self.lines, table: self.shape, regions: self.regions, codes: self.codes }
    }

    /// All of it is HTML, in the middle of which it begins.
    fn run_html(mut self) -> Drawn {
        self.goes_on = true;
        self.begin(Leaf::Html, Style::default());
        self.html(self.source);
        self.flush();
        Drawn { lines: self.lines, table: None, regions: Vec::new(), codes: self.codes }
    }

    fn html(&mut self, html: &str) {
        for line in html.split_inclusive('\n') {
            self.inline.event(Event::Html(line.trim_end_matches('\n').into()));
            if line.ends_with('\n') {
                self.inline.event(Event::HardBreak);
            }
        }
    }

    fn event(&mut self, event: Event<'_>, range: &Range<usize>) {
        match event {
            Event::Start(tag) if is_block(&tag) => {
                self.flush();
                self.start(tag, range.start);
            }
            Event::End(tag) if self.end(tag) => {}
            Event::Rule => {
                self.flush();
                self.separate(range.start);
                let rule = self.theme.glyphs.rule.repeat(self.containers.room());
                self.emit(vec![Row::added(Line::styled(rule, self.theme.faint))]);
            }
            Event::TaskListMarker(done) => self.task(done),
            Event::Text(text) if matches!(self.leaf, Leaf::Code { .. }) => {
                if let Leaf::Code { text: code, .. } = &mut self.leaf {
                    code.push_str(&self.protected.restored(&text));
                }
            }
            Event::Html(html) if matches!(self.leaf, Leaf::Html) => self.html(&html),
            event => {
                // Text of a tight list item stands there without a paragraph around it.
                if matches!(self.leaf, Leaf::None) && self.table.is_none() {
                    self.separate(range.start);
                    self.begin(Leaf::Paragraph, Style::default());
                }
                match event {
                    Event::Text(text) if matches!(self.leaf, Leaf::Paragraph) => self.text(&text),
                    event => self.inline.event(event),
                }
            }
        }
    }

    /// Text of a paragraph, which goes on after a formula that stands alone.
    fn text(&mut self, text: &str) {
        let protected = self.protected;
        for part in protected.parts(text) {
            match part {
                Part::Formula(formula) if formula.display => {
                    self.draw_paragraph();
                    self.draw_formula(formula);
                }
                part => self.inline.part(&part),
            }
        }
    }

    /// Indented, and its rows kept as they are; what is too wide is wrapped like text.
    fn draw_formula(&mut self, formula: &Formula) {
        let room = self.containers.room();
        let margin = " ".repeat(if room < 40 { 2.min(room / 4) } else { 4 });
        let style = self.inline.style().patch(self.theme.math);
        let left = margin.len();
        let fits = |rows: &Vec<String>| rows.iter().all(|row| wrap::width(row) + left <= room);
        let rows = if self.theme.glyphs.unicode { formula.rows() } else { None };
        let margin = [Span::raw(margin)];
        let lines = match rows {
            Some(rows) if fits(&rows) => {
                let text = |row: String| Span::styled(sanitize(&row).into_owned(), style);
                let row = |row| (Line::from(vec![margin[0].clone(), text(row)]), Joint::Begins);
                rows.into_iter().map(row).collect()
            }
            rows => {
                let flat = rows.and_then(|_| formula.inline()).unwrap_or_else(|| formula.written());
                wrap::wrap_joined(&[Span::styled(sanitize(&flat), style)], room, &margin, &margin)
            }
        };
        let row = |(line, joint)| Row { line, edge: Edge { left, joint: Some(joint) } };
        self.emit(lines.into_iter().map(row).collect());
    }

    fn start(&mut self, tag: Tag<'_>, at: usize) {
        let theme = self.theme;
        if !matches!(tag, Tag::TableHead | Tag::TableRow | Tag::TableCell) {
            self.separate_before(&tag, at);
        }
        match tag {
            Tag::Paragraph => self.begin(Leaf::Paragraph, Style::default()),
            Tag::Heading { level, .. } => self.begin(Leaf::Heading(level), heading_style(level, theme)),
            Tag::HtmlBlock => self.begin(Leaf::Html, Style::default()),
            Tag::CodeBlock(kind) => {
                let info = match kind {
                    CodeBlockKind::Fenced(info) => sanitize(&info).into_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.leaf = Leaf::Code { info, text: String::new() };
            }
            Tag::BlockQuote(kind) => {
                let bar = Span::styled(format!("{} ", theme.glyphs.bar), theme.quote);
                self.containers.enter(vec![bar], false, theme.quote);
                if let Some(kind) = kind {
                    let (name, style) = alert(kind, theme);
                    self.emit(vec![Row::bare(Line::styled(name, style.add_modifier(Modifier::BOLD)))]);
                    self.labelled = true;
                }
            }
            Tag::List(number) => {
                let number = number.map(|number| self.number.take().unwrap_or(number));
                let bullets = self.lists.last().map_or(0, |list| list.bullets) + usize::from(number.is_none());
                self.lists.push(List { number, bullets });
            }
            Tag::Item => {
                let marker = self.next_marker();
                self.containers.enter(vec![Span::styled(marker, theme.list_marker)], true, Style::default());
            }
            Tag::FootnoteDefinition(label) => {
                let label = Span::styled(format!("[{}] ", sanitize(&label)), theme.link);
                self.containers.enter(vec![label], true, Style::default());
            }
            Tag::DefinitionListTitle => self.begin(Leaf::Paragraph, theme.strong),
            Tag::DefinitionListDefinition => {
                self.containers.enter(vec![Span::raw("  ")], true, Style::default());
            }
            Tag::Table(alignments) => self.table = Some(Table::new(alignments)),
            Tag::TableHead | Tag::TableRow => {
                if let Some(table) = &mut self.table {
                    table.begin_row();
                }
            }
            Tag::TableCell => {
                let heading = self.table.as_ref().is_some_and(Table::in_heading);
                let style = if heading { theme.strong } else { Style::default() };
                self.inline.begin(self.containers.style().patch(style));
            }
            _ => {}
        }
    }

    /// Whether the tag was a block's.
    fn end(&mut self, tag: TagEnd) -> bool {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::HtmlBlock | TagEnd::CodeBlock => self.flush(),
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
            }
            TagEnd::Item | TagEnd::BlockQuote(_) | TagEnd::FootnoteDefinition | TagEnd::DefinitionListDefinition => {
                self.flush();
                self.leave();
            }
            TagEnd::DefinitionListTitle => {
                self.flush();
                self.labelled = true;
            }
            TagEnd::TableCell => {
                let cell = self.inline.take();
                if let Some(table) = &mut self.table {
                    table.push(cell);
                }
            }
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    let (above, room) = (self.above.take(), self.containers.room());
                    let (lines, shape) = table.render(above, room, self.look.wide, self.theme);
                    self.shape = Some(shape);
                    self.emit_region(RegionKind::Table, lines.into_iter().map(Row::text).collect());
                }
            }
            TagEnd::TableHead | TagEnd::TableRow | TagEnd::DefinitionList => {}
            _ => return false,
        }
        true
    }

    fn begin(&mut self, leaf: Leaf, style: Style) {
        self.leaf = leaf;
        self.inline.begin(self.containers.style().patch(style));
    }

    /// Draws the block that is open.
    fn flush(&mut self) {
        let room = self.containers.room();
        match std::mem::replace(&mut self.leaf, Leaf::None) {
            Leaf::None => {}
            Leaf::Code { info, text } => {
                self.codes += 1;
                let head = !std::mem::take(&mut self.goes_on);
                let lines = code::render(&info, &text, head, self.look, room, self.theme);
                self.emit_region(RegionKind::Code { number: self.codes }, lines);
            }
            leaf => {
                let mut lines = self.paragraph(&leaf, room);
                if matches!(leaf, Leaf::Heading(HeadingLevel::H1)) && !lines.is_empty() {
                    let widest = lines.iter().map(|row| wrap::line_width(&row.line)).max().unwrap_or(0);
                    lines.push(Row::added(Line::styled(self.theme.glyphs.rule.repeat(widest), self.theme.faint)));
                }
                self.emit(lines);
            }
        }
    }

    /// The lines of the text that was collected.
    fn paragraph(&mut self, leaf: &Leaf, room: usize) -> Vec<Row> {
        let mut spans = self.inline.take();
        trim_end(&mut spans);
        if !(self.goes_on && matches!(leaf, Leaf::Html)) {
            trim_start(&mut spans);
        }
        let lines = if spans.is_empty() { Vec::new() } else { wrap::wrap_joined(&spans, room, &[], &[]) };
        lines.into_iter().map(Row::joined).collect()
    }

    fn draw_paragraph(&mut self) {
        let lines = self.paragraph(&Leaf::Paragraph, self.containers.room());
        self.emit(lines);
    }

    fn leave(&mut self) {
        // An item or a footnote without content is still there to be seen.
        if self.containers.is_item() && self.containers.is_untouched() {
            self.emit(vec![Row::text(Line::default())]);
        }
        self.containers.leave();
        // A blank line that nothing inside has used is not due outside.
        self.gap = None;
    }

    fn leave_all(&mut self) {
        while !self.containers.is_empty() {
            self.leave();
        }
    }

    fn next_marker(&mut self) -> String {
        let Some(list) = self.lists.last_mut() else { return String::new() };
        match &mut list.number {
            Some(number) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            None => format!("{} ", self.theme.glyphs.bullet[(list.bullets - 1) % 3]),
        }
    }

    /// The box takes the place of the bullet, or stands after the number.
    fn task(&mut self, done: bool) {
        let theme = self.theme;
        let mark = if done { theme.glyphs.task_done } else { theme.glyphs.task_open };
        let style = if done { theme.good } else { theme.list_marker };
        let numbered = self.lists.last().is_some_and(|list| list.number.is_some());
        let mut prefix = self.containers.take_marker();
        if !numbered {
            prefix.clear();
        }
        prefix.push(Span::styled(format!("{mark} "), style));
        self.containers.enter(prefix, true, Style::default());
    }

    fn separate_before(&mut self, tag: &Tag<'_>, at: usize) {
        self.define_until(at);
        let close = matches!(tag, Tag::Item | Tag::DefinitionListDefinition) || self.containers.is_item();
        self.separate_if(at, close);
    }

    /// A blank line before the block at `at`, where one belongs.
    fn separate(&mut self, at: usize) {
        self.define_until(at);
        self.separate_if(at, self.containers.is_item());
    }

    fn separate_if(&mut self, at: usize, as_in_source: bool) {
        // Nothing is separated from the edge of its container.
        let first = if self.containers.is_empty() { self.lines.is_empty() } else { self.containers.is_untouched() };
        if first || self.labelled || self.gap.is_some() || (as_in_source && !blank_line_before(self.source, at)) {
            return;
        }
        self.gap = Some(self.containers.gap());
    }

    /// Shows the link definitions that stand before `at`.
    fn define_until(&mut self, at: usize) {
        while let Some((span, text)) = self.definitions.pop_if(|(span, _)| span.start < at) {
            self.separate_if(span.start, true);
            let text = [Span::styled(text, self.theme.muted)];
            let lines = wrap::wrap_joined(&text, self.containers.room(), &[], &[]);
            self.emit(lines.into_iter().map(Row::joined).collect());
        }
    }

    /// Draws lines that a reader can take hold of together.
    fn emit_region(&mut self, kind: RegionKind, lines: Vec<Row>) {
        let height = lines.len();
        self.emit(lines);
        let end = self.lines.len();
        if height > 0 {
            self.regions.push(Region { kind, lines: end - height..end });
        }
    }

    /// Draws lines that fit the room, with what the containers put left of them.
    fn emit(&mut self, lines: Vec<Row>) {
        if lines.is_empty() {
            return;
        }
        self.lines.extend(self.gap.take().map(Row::bare));
        self.labelled = false;
        for row in lines {
            let row = self.containers.around(row);
            self.lines.push(row);
        }
    }
}

fn is_block(tag: &Tag<'_>) -> bool {
    !matches!(tag, Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. })
}

/// Levels differ without colour too.
fn heading_style(level: HeadingLevel, theme: &Theme) -> Style {
    let modifiers = match level {
        HeadingLevel::H1 | HeadingLevel::H3 => Modifier::BOLD,
        HeadingLevel::H2 => Modifier::BOLD | Modifier::UNDERLINED,
        HeadingLevel::H4 => Modifier::BOLD | Modifier::ITALIC,
        HeadingLevel::H5 => Modifier::ITALIC,
        HeadingLevel::H6 => Modifier::ITALIC | Modifier::DIM,
    };
    theme.heading.add_modifier(modifiers)
}

fn alert(kind: BlockQuoteKind, theme: &Theme) -> (&'static str, Style) {
    match kind {
        BlockQuoteKind::Note => ("Note", theme.accent),
        BlockQuoteKind::Tip => ("Tip", theme.good),
        BlockQuoteKind::Important => ("Important", theme.accent),
        BlockQuoteKind::Warning => ("Warning", theme.warning),
        BlockQuoteKind::Caution => ("Caution", theme.error),
    }
}

/// Whether the line above the one at `at` is blank, quote marks aside.
fn blank_line_before(source: &str, at: usize) -> bool {
    let Some(line) = source[..at.min(source.len())].rfind('\n') else { return false };
    let above = source[..line].rfind('\n').map_or(0, |end| end + 1);
    source[above..line].trim_matches([' ', '\t', '>']).is_empty()
}

/// Drops line breaks and spaces at the end of a block.
fn trim_end(spans: &mut Vec<Span<'static>>) {
    while let Some(last) = spans.last_mut() {
        let kept = last.content.trim_end().len();
        last.content.to_mut().truncate(kept);
        if kept > 0 {
            break;
        }
        spans.pop();
    }
}

/// Drops them at its beginning.
fn trim_start(spans: &mut Vec<Span<'static>>) {
    while let Some(first) = spans.first_mut() {
        let kept = first.content.trim_start().to_owned();
        let gone = kept.is_empty();
        first.content = kept.into();
        if !gone {
            break;
        }
        spans.remove(0);
    }
}
