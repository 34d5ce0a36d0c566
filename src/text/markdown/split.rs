//! Cuts Markdown into top-level pieces that can be rendered one by one, line by line and never looking ahead.
//!
//! A piece is a block or a few of them, an item of a list, a footnote, or a fenced code block. What matters is that a cut is never taken
//! back: it is made only where `CommonMark` says that the line begins a new block whatever follows. Where that would take more knowledge
//! than these few rules have, the line stays in its piece, which costs a little time and is never wrong: the pieces are parsed in full.
//!
//! List items are pieces of their own (with their number), because a list of a thousand lines is otherwise drawn anew for each word.

use pulldown_cmark::{Event, Parser, Tag};

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
    Fence {
        language: String,
    },
}

/// What a line is to the piece before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// It begins a new piece.
    Starts(Kind),
    /// It belongs to the open piece.
    Stays,
    /// It is the content of the open fence from this byte on, after so many spaces: what is left of a tab that stood half in the indent.
    Code {
        from: usize,
        spaces: usize,
    },
    /// It closes the open fence, or is blank after it.
    Nothing,
}

/// The state after some lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Splitter {
    open: Open,
}

#[derive(Debug, Clone, Default)]
enum Open {
    /// The next line that is not blank begins a piece.
    #[default]
    None,
    /// Text up to a blank line. `paragraph`: its last line may go on as a paragraph. `columns`: it may be the heading of a table.
    Text {
        paragraph: bool,
        columns: bool,
    },
    /// A quote, up to a blank line or one that neither has the mark nor goes on lazily.
    Quote(Inside),
    /// HTML up to a blank line.
    Html,
    /// HTML up to a line with this in it.
    HtmlUntil(&'static str),
    Indented,
    Fence(Fence),
    Container(Container),
}

#[derive(Debug, Clone)]
struct Fence {
    mark: u8,
    length: usize,
    indent: usize,
}

/// A list item or a footnote: what is indented belongs to it.
#[derive(Debug, Clone)]
struct Container {
    /// `None` for a footnote.
    marker: Option<Marker>,
    /// The number shown: counted from the list's first item.
    number: Option<u64>,
    content: usize,
    blank: bool,
    /// Nothing but the marker so far.
    empty: bool,
    inside: Inside,
}

/// What is open in the depth of a container, as far as it matters to what stands outside: text goes on lazily only where a paragraph is.
#[derive(Debug, Clone, Default)]
struct Inside {
    paragraph: bool,
    fence: Option<Fence>,
}

#[derive(Debug, Clone)]
struct Marker {
    /// The bullet, or what stands after the number.
    mark: u8,
    number: Option<u64>,
    /// Bytes of the bullet, or of the number and its mark.
    length: usize,
    content: usize,
    empty: bool,
    /// It begins with indented code.
    code: bool,
}

impl Splitter {
    /// Takes the next line, with or without its line feed.
    pub(super) fn line(&mut self, line: &str) -> Step {
        let line = line.trim_end_matches('\n');
        if let Open::Fence(fence) = &self.open {
            if fence.is_closed_by(line) {
                self.open = Open::None;
                return Step::Nothing;
            }
            return fence.content(line);
        }
        if line.trim_matches([' ', '\t']).is_empty() {
            return self.blank();
        }
        let (indent, rest) = indentation(line);
        match &mut self.open {
            Open::HtmlUntil(end) => {
                if contains_ignoring_case(line, end) {
                    self.open = Open::None;
                }
                Step::Stays
            }
            Open::Html => Step::Stays,
            Open::Indented if indent >= 4 => Step::Stays,
            Open::None | Open::Indented => self.start(line),
            Open::Text { paragraph, columns } => {
                if *paragraph && *columns && is_delimiter_row(rest) {
                    *paragraph = false;
                    return Step::Stays;
                }
                if *paragraph && is_setext_underline(indent, rest) {
                    self.open = Open::None;
                    return Step::Stays;
                }
                *columns = rest.contains('|');
                if is_quote(indent, rest) || interrupts(line, *paragraph) { self.start(line) } else { Step::Stays }
            }
            Open::Quote(inside) => {
                if is_quote(indent, rest) {
                    inside.line(rest, 0);
                    return Step::Stays;
                }
                // A list may begin with any number here: the paragraph that it would interrupt is inside the quote.
                if inside.paragraph && !interrupts(line, false) { Step::Stays } else { self.start(line) }
            }
            Open::Container(container) => {
                if indent >= container.content {
                    (container.blank, container.empty) = (false, false);
                    container.inside.line(rest, indent - container.content);
                    return Step::Stays;
                }
                let next = marker(line).filter(|_| !is_thematic_break(indent, rest));
                let sibling = match (&container.marker, &next) {
                    (Some(this), Some(next)) => {
                        this.mark == next.mark && this.number.is_some() == next.number.is_some()
                    }
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
                if let (Step::Starts(Kind::Item { number: shown, joined }), Open::Container(now)) =
                    (&mut step, &mut self.open)
                {
                    *joined = was_item && !after_blank;
                    if sibling {
                        *shown = number.map(|number| number.saturating_add(1));
                        now.number = *shown;
                    }
                }
                step
            }
            Open::Fence(_) => Step::Nothing,
        }
    }

    fn blank(&mut self) -> Step {
        match &mut self.open {
            Open::None => Step::Nothing,
            Open::Text { .. } | Open::Quote(_) | Open::Html => {
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
            Open::Indented | Open::HtmlUntil(_) | Open::Fence(_) => Step::Stays,
        }
    }

    /// Begins a piece with this line.
    fn start(&mut self, line: &str) -> Step {
        let (indent, rest) = indentation(line);
        let blocks = Step::Starts(Kind::Blocks);
        if indent >= 4 {
            self.open = Open::Indented;
            return blocks;
        }
        if let Some((fence, language)) = Fence::open(indent, rest) {
            self.open = Open::Fence(fence);
            return Step::Starts(Kind::Fence { language });
        }
        if is_thematic_break(indent, rest) || is_heading(rest) {
            self.open = Open::None;
            return blocks;
        }
        if let Some(marker) = marker(line) {
            let Marker { number, content, empty, code, .. } = marker;
            let inside = Inside::begin(rest, if code { 4 } else { 0 });
            self.open = Open::Container(Container { marker: Some(marker), number, content, blank: false, empty, inside });
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
            None => Open::Text { paragraph: true, columns: rest.contains('|') },
        };
        blocks
    }
}

impl Inside {
    /// After a container's first line.
    fn begin(text: &str, indent: usize) -> Self {
        let mut inside = Self::default();
        inside.line(text, indent);
        inside
    }

    /// `indent`: columns beyond what the container takes.
    fn line(&mut self, text: &str, indent: usize) {
        let text = innermost(text);
        let code = indent >= 4 && !self.paragraph;
        self.paragraph = false;
        if let Some(fence) = &self.fence {
            if fence.is_closed_by(text) {
                self.fence = None;
            }
        } else if let Some((fence, _)) = Fence::open(0, text) {
            self.fence = Some(fence);
        } else {
            self.paragraph = !(code || text.is_empty() || is_heading(text) || is_thematic_break(0, text));
        }
    }
}

impl Fence {
    /// A fence's opening line: the fence, and the first word after it.
    fn open(indent: usize, rest: &str) -> Option<(Self, String)> {
        let mark = rest.bytes().next().filter(|mark| matches!(mark, b'`' | b'~'))?;
        let length = rest.bytes().take_while(|&byte| byte == mark).count();
        let info = &rest[length..];
        if indent >= 4 || length < 3 || (mark == b'`' && info.contains('`')) {
            return None;
        }
        Some((Self { mark, length, indent }, info.to_owned()))
    }

    /// The line without the indent that the fence itself has.
    fn content(&self, line: &str) -> Step {
        let (mut from, mut columns) = (0, 0);
        for byte in line.bytes() {
            match byte {
                _ if columns >= self.indent => break,
                b' ' => columns += 1,
                b'\t' => columns += 4,
                _ => break,
            }
            from += 1;
        }
        Step::Code { from, spaces: columns.saturating_sub(self.indent) }
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let (indent, rest) = indentation(line);
        let length = rest.bytes().take_while(|&byte| byte == self.mark).count();
        indent < 4 && length >= self.length && rest[length..].trim_matches([' ', '\t']).is_empty()
    }
}

/// Whether a line begins a new block right under a block of text.
fn interrupts(line: &str, paragraph: bool) -> bool {
    let (indent, rest) = indentation(line);
    if indent >= 4 {
        return false;
    }
    // An empty item, or one that does not start at 1, is text where a paragraph is open: "in the year\n1984."
    let item = || {
        marker(line)
            .is_some_and(|marker| !paragraph || (!marker.empty && marker.number.is_none_or(|number| number == 1)))
    };
    is_thematic_break(indent, rest)
        || is_heading(rest)
        || Fence::open(indent, rest).is_some()
        || item()
        || footnote_label(rest).is_some()
        || html(rest, true).is_some()
}

/// Columns of white space before a line's text, and the text.
fn indentation(line: &str) -> (usize, &str) {
    let mut columns = 0;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b' ' => columns += 1,
            b'\t' => columns += 4 - columns % 4,
            _ => return (columns, &line[at..]),
        }
    }
    (columns, "")
}

fn is_thematic_break(indent: usize, rest: &str) -> bool {
    let Some(mark @ (b'-' | b'*' | b'_')) = rest.bytes().next() else { return false };
    indent < 4
        && rest.bytes().all(|byte| byte == mark || byte == b' ' || byte == b'\t')
        && rest.bytes().filter(|&byte| byte == mark).count() >= 3
}

fn is_setext_underline(indent: usize, rest: &str) -> bool {
    let rest = rest.trim_end_matches([' ', '\t']);
    indent < 4 && (rest.bytes().all(|byte| byte == b'=') || rest.bytes().all(|byte| byte == b'-'))
}

/// The line under a table's heading.
fn is_delimiter_row(rest: &str) -> bool {
    rest.contains('-') && rest.bytes().all(|byte| matches!(byte, b'-' | b':' | b'|' | b' ' | b'\t'))
}

fn is_heading(rest: &str) -> bool {
    let level = rest.bytes().take_while(|&byte| byte == b'#').count();
    (1..=6).contains(&level) && matches!(rest.as_bytes().get(level), None | Some(b' ' | b'\t'))
}

fn is_quote(indent: usize, rest: &str) -> bool {
    indent < 4 && rest.starts_with('>')
}

/// A line's text without the marks of quotes and items.
fn innermost(mut text: &str) -> &str {
    loop {
        text = text.trim_start_matches([' ', '\t']);
        if is_thematic_break(0, text) {
            return text;
        }
        let mark = marker(text).map(|marker| marker.length);
        match mark.or_else(|| text.starts_with('>').then_some(1)) {
            Some(length) => text = &text[length..],
            None => return text,
        }
    }
}

fn marker(line: &str) -> Option<Marker> {
    let (indent, rest) = indentation(line);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let mark = *rest.as_bytes().get(digits)?;
    let fits =
        if digits == 0 { matches!(mark, b'-' | b'*' | b'+') } else { digits <= 9 && matches!(mark, b'.' | b')') };
    let after = &rest[digits + usize::from(fits)..];
    if indent >= 4 || !fits || !(after.is_empty() || after.starts_with([' ', '\t'])) {
        return None;
    }
    // Columns up to the text decide what belongs to the item; five or more are an item that begins with indented code.
    let start = indent + digits + 1;
    let mut column = start;
    for byte in after.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')) {
        column += if byte == b'\t' { 4 - column % 4 } else { 1 };
    }
    let empty = after.trim_matches([' ', '\t']).is_empty();
    let code = !empty && column - start > 4;
    let content = if empty || code { start + 1 } else { column };
    Some(Marker { mark, number: rest[..digits].parse().ok(), length: digits + 1, content, empty, code })
}

/// The label of a footnote's definition, and where its text begins.
pub(super) fn footnote_label(rest: &str) -> Option<(&str, usize)> {
    let label = rest.strip_prefix("[^")?.split(']').next()?;
    let end = 2 + label.len();
    let fits = !label.is_empty() && !label.contains(['[', '\\', ' ', '\t', '\n']) && rest[end..].starts_with("]:");
    fits.then_some((label, end + 2))
}

enum Html {
    Until(&'static str),
    UntilBlank,
}

/// Which kind of HTML block a line begins, if any; `interrupting`: right under a paragraph, where not every tag does.
fn html(rest: &str, interrupting: bool) -> Option<Html> {
    let tag = rest.strip_prefix('<')?;
    for (start, end) in [("pre", "</pre>"), ("script", "</script>"), ("style", "</style>"), ("textarea", "</textarea>")]
    {
        let after = tag.get(..start.len()).filter(|name| name.eq_ignore_ascii_case(start)).map(|_| &tag[start.len()..]);
        if after.is_some_and(|after| after.is_empty() || after.starts_with([' ', '\t', '>'])) {
            return Some(Html::Until(end));
        }
    }
    for (start, end) in [("!--", "-->"), ("?", "?>"), ("![CDATA[", "]]>")] {
        if tag.starts_with(start) {
            return Some(Html::Until(end));
        }
    }
    if tag.strip_prefix('!').is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic())) {
        return Some(Html::Until(">"));
    }
    // Of all other tags the parser itself knows best.
    let probe = if interrupting { format!("x\n{rest}\n") } else { format!("{rest}\n") };
    let begins = Parser::new(&probe).any(|event| matches!(event, Event::Start(Tag::HtmlBlock)));
    begins.then_some(Html::UntilBlank)
}

fn contains_ignoring_case(line: &str, end: &str) -> bool {
    line.as_bytes().windows(end.len()).any(|part| part.eq_ignore_ascii_case(end.as_bytes()))
}
