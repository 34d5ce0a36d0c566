//! What of a Markdown text is read: the words as they are drawn, without the marks, and without any drawing.

use std::fmt::Write as _;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use super::OPTIONS;
use super::formulas::{Part, Protected};
use super::inline::address_shown;
use super::marks::footnote_mark;

/// The words of a text in the order in which they are drawn; blocks and rows are lines. Costs a parse and no layout: it is for looking
/// something up in ten thousand messages.
#[must_use]
pub fn plain(source: &str) -> String {
    let protected = Protected::new(source);
    let mut words = Words { protected: &protected, text: String::with_capacity(source.len()), links: Vec::new() };
    for event in Parser::new_ext(&protected.text, OPTIONS) {
        words.event(event);
    }
    words.text
}

struct Words<'a> {
    protected: &'a Protected<'a>,
    text: String,
    /// Addresses of open links, and where their texts begin.
    links: Vec<(String, usize)>,
}

impl Words<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text) => {
                for part in self.protected.parts(&text) {
                    match part {
                        Part::Text(text) => self.text.push_str(text),
                        Part::Formula(formula) => {
                            self.text.push_str(&formula.inline().unwrap_or_else(|| formula.written()));
                        }
                    }
                }
            }
            Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
                self.text.push_str(&self.protected.restored(&text));
            }
            Event::FootnoteReference(label) => self.text.push_str(&footnote_mark(&label)),
            Event::SoftBreak | Event::HardBreak | Event::Rule => self.text.push('\n'),
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                self.break_line();
                self.text.push_str(info.split_whitespace().next().unwrap_or_default());
                self.break_line();
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                self.links.push((self.protected.restored(&dest_url).into_owned(), self.text.len()));
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                if let Some((address, begin)) = self.links.pop()
                    && let Some(address) = address_shown(&address, &self.text[begin..])
                {
                    let _ = write!(self.text, " ({address})");
                }
            }
            Event::End(tag) if !is_inline(tag) => self.break_line(),
            _ => {}
        }
    }

    fn break_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }
}

fn is_inline(tag: TagEnd) -> bool {
    matches!(tag, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough)
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn marks_go_and_words_stay() {
        for (source, words) in [
            ("# A **bold** *start*\n\ntwo\nlines", "A bold start\ntwo\nlines\n"),
            ("- a\n- `b` c\n", "a\nb c\n"),
            ("| x | y |\n|---|---|\n| 1 | 2 |", "x\ny\n1\n2\n"),
            ("```rust\nlet a;\n```\nafter", "rust\nlet a;\nafter\n"),
            ("[here](http://a.b) <http://c.d>", "here (http://a.b) http://c.d\n"),
            ("Where $x^2$ is", "Where x² is\n"),
            ("a &amp; b", "a & b\n"),
        ] {
            assert_eq!(plain(source), words, "{source}");
        }
    }
}
