//! What a piece of a text is, and how the parser is to see it.

use std::borrow::Cow;

use super::items::Rest;
use super::marks::{footnote_label, indentation};
use super::split::Kind;
use super::table::Shape;

/// What a piece is to the page.
#[derive(Debug)]
pub(super) enum Role<'a> {
    Blocks,
    /// An item of a numbered list with its number, whatever number its source says.
    Item(u64),
    Footnote,
    /// Rows of the table above, which has this heading and this shape.
    Rows {
        heading: &'a str,
        shape: Option<Shape>,
    },
    /// More of a block of HTML.
    Html,
    InItem(&'a Rest),
}

impl<'a> Role<'a> {
    /// What a piece of this kind is; `None` for code, whose lines are drawn as they come. `shape`: of the table above.
    pub(super) fn of(kind: &'a Kind, shape: Option<Shape>) -> Option<Self> {
        Some(match kind {
            Kind::Code { .. } => return None,
            Kind::Item { number: Some(number), .. } => Role::Item(*number),
            Kind::Blocks | Kind::Item { .. } | Kind::More => Role::Blocks,
            Kind::Footnote => Role::Footnote,
            Kind::Rows { heading } => Role::Rows { heading, shape },
            Kind::Html { .. } => Role::Html,
            Kind::InItem(rest) => Role::InItem(rest),
        })
    }
}

/// A piece as the parser is to see it: without what belongs to the container that it is the rest of.
pub(super) fn parsed<'s>(source: &'s str, role: &Role<'_>) -> Cow<'s, str> {
    match role {
        Role::Blocks | Role::Item(_) | Role::Html => source.into(),
        Role::Rows { heading, .. } => ((*heading).to_owned() + source).into(),
        Role::Footnote => footnote_text(source).map_or(source.into(), |(_, text)| text.into()),
        Role::InItem(rest) => rest_of_item(source, rest).into(),
    }
}

/// More of a list item, as far to the left as the item's own text.
fn rest_of_item(source: &str, rest: &Rest) -> String {
    let mut text = String::with_capacity(source.len());
    if let Some(opening) = &rest.fence {
        text.push_str(opening);
        text.push('\n');
    }
    for line in source.split_inclusive('\n') {
        let (indent, inner) = indentation(line.trim_end_matches('\n'));
        // Less indented lines go on lazily.
        text.push_str(&" ".repeat(indent.saturating_sub(rest.indent)));
        text.push_str(inner);
        text.push_str(if line.ends_with('\n') { "\n" } else { "" });
    }
    text
}

/// The label of a footnote, and its text. Only the piece is known here, and the parser wants to see references too.
pub(super) fn footnote_text(source: &str) -> Option<(&str, String)> {
    let text = source.trim_start_matches(' ');
    let (label, begin) = footnote_label(text)?;
    let mut body = String::with_capacity(text.len());
    for (index, line) in text[begin..].split_inclusive('\n').enumerate() {
        let indent = line.bytes().take(4).take_while(|&byte| byte == b' ').count();
        let line = line.strip_prefix('\t').unwrap_or(&line[indent..]);
        body.push_str(if index == 0 { line.trim_start_matches([' ', '\t']) } else { line });
    }
    Some((label, body))
}
