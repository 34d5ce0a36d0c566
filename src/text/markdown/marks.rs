//! What a single line may be: fence, heading, rule, list item, footnote, HTML, told by its first characters.

use std::borrow::Cow;

use pulldown_cmark::{Event, Options, Parser, Tag};

/// An open code fence.
#[derive(Debug, Clone)]
pub(super) struct Fence {
    mark: u8,
    length: usize,
    indent: usize,
}

/// The mark of a list item.
#[derive(Debug, Clone)]
pub(super) struct Marker {
    /// The bullet, or what stands after the number.
    pub(super) mark: u8,
    pub(super) number: Option<u64>,
    /// Bytes of the bullet, or of the number and its mark.
    pub(super) length: usize,
    pub(super) content: usize,
    pub(super) empty: bool,
    /// It begins with indented code.
    pub(super) code: bool,
}

impl Fence {
    /// A fence's opening line: the fence, and the first word after it.
    pub(super) fn open(indent: usize, rest: &str) -> Option<(Self, String)> {
        let mark = rest.bytes().next().filter(|mark| matches!(mark, b'`' | b'~'))?;
        let length = rest.bytes().take_while(|&byte| byte == mark).count();
        let info = &rest[length..];
        if indent >= 4 || length < 3 || (mark == b'`' && info.contains('`')) {
            return None;
        }
        Some((Self { mark, length, indent }, info.to_owned()))
    }

    /// A line's code, without the indent that the fence itself has.
    pub(super) fn content<'l>(&self, line: &'l str) -> Cow<'l, str> {
        without_indent(line, self.indent)
    }

    pub(super) fn is_closed_by(&self, line: &str) -> bool {
        let (indent, rest) = indentation(line);
        let length = rest.bytes().take_while(|&byte| byte == self.mark).count();
        indent < 4 && length >= self.length && rest[length..].trim_matches([' ', '\t']).is_empty()
    }
}

/// Whether a line begins a new block right under a block of text.
pub(super) fn interrupts(line: &str, paragraph: bool) -> bool {
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
pub(super) fn indentation(line: &str) -> (usize, &str) {
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

/// A line without so many columns of white space. Of a tab that is cut the rest is spaces.
pub(super) fn without_indent(line: &str, columns: usize) -> Cow<'_, str> {
    let mut at = 0;
    for (from, byte) in line.bytes().enumerate() {
        match byte {
            _ if at >= columns => return spaced(at - columns, &line[from..]),
            b' ' => at += 1,
            b'\t' => at += 4 - at % 4,
            _ => return line[from..].into(),
        }
    }
    spaced(at.saturating_sub(columns), "")
}

fn spaced(spaces: usize, text: &str) -> Cow<'_, str> {
    if spaces == 0 { text.into() } else { (" ".repeat(spaces) + text).into() }
}

pub(super) fn is_thematic_break(indent: usize, rest: &str) -> bool {
    let Some(mark @ (b'-' | b'*' | b'_')) = rest.bytes().next() else { return false };
    indent < 4
        && rest.bytes().all(|byte| byte == mark || byte == b' ' || byte == b'\t')
        && rest.bytes().filter(|&byte| byte == mark).count() >= 3
}

pub(super) fn is_setext_underline(indent: usize, rest: &str) -> bool {
    let rest = rest.trim_end_matches([' ', '\t']);
    indent < 4 && (rest.bytes().all(|byte| byte == b'=') || rest.bytes().all(|byte| byte == b'-'))
}

/// Whether a heading and the line under it begin a table: the parser itself counts the columns.
pub(super) fn is_table(heading: &str, rest: &str) -> bool {
    let rule = rest.contains('-') && rest.bytes().all(|byte| matches!(byte, b'-' | b':' | b'|' | b' ' | b'\t'));
    let probe = format!("{heading}\n{rest}\n");
    rule && Parser::new_ext(&probe, Options::ENABLE_TABLES).any(|event| matches!(event, Event::Start(Tag::Table(_))))
}

/// The rule under a table's heading of which `rest` is the beginning.
pub(super) fn whole_rule(heading: &str, rest: &str) -> Option<String> {
    /// More than anybody reads: a heading with more of them waits for its rule.
    const MOST_COLUMNS: usize = 32;
    let begins = rest.starts_with('|') && rest.bytes().all(|byte| matches!(byte, b'|' | b'-' | b':' | b' '));
    if !begins || !heading.starts_with('|') {
        return None;
    }
    let most = heading.bytes().filter(|&byte| byte == b'|').count().min(MOST_COLUMNS);
    (1..=most).map(|columns| "|-".repeat(columns) + "|").find(|rule| is_table(heading, rule))
}

pub(super) fn is_heading(rest: &str) -> bool {
    let level = rest.bytes().take_while(|&byte| byte == b'#').count();
    (1..=6).contains(&level) && matches!(rest.as_bytes().get(level), None | Some(b' ' | b'\t'))
}

pub(super) fn is_quote(indent: usize, rest: &str) -> bool {
    indent < 4 && rest.starts_with('>')
}

/// A line's text without the marks of quotes and items, as deep as anybody means them.
pub(super) fn innermost(mut text: &str) -> &str {
    for _ in 0..32 {
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
    text
}

pub(super) fn marker(line: &str) -> Option<Marker> {
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

/// How a footnote is called where it is referred to, and where it stands.
pub(super) fn footnote_mark(label: &str) -> String {
    let numbered = label.bytes().all(|byte| byte.is_ascii_digit());
    if numbered { format!("[{label}]") } else { format!("[^{label}]") }
}

pub(super) enum Html {
    Until(&'static str),
    UntilBlank,
}

/// Which kind of HTML block a line begins, if any; `interrupting`: right under a paragraph, where not every tag does.
pub(super) fn html(rest: &str, interrupting: bool) -> Option<Html> {
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

pub(super) fn contains_ignoring_case(line: &str, end: &str) -> bool {
    line.as_bytes().windows(end.len()).any(|part| part.eq_ignore_ascii_case(end.as_bytes()))
}
