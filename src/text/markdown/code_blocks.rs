//! The code of a text, as something to be taken away: without fences, quotes and indentation around it.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use super::OPTIONS;
use super::code::language;
use super::formulas::Protected;
use super::page::next_line;
use super::piece::{Role, parsed};
use super::split::{Kind, Splitter, Step};
use crate::text::sanitize;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodeBlock {
    /// As it is written behind the fence; often nothing.
    pub language: String,
    pub code: String,
}

/// In their order, which is that of the page: the text is cut into the same pieces. One that is not finished yet counts.
#[must_use]
pub fn code_blocks(markdown: &str) -> Vec<CodeBlock> {
    let markdown = &*sanitize(markdown);
    let mut splitter = Splitter::default();
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Kind)> = None;
    let mut at = 0;
    while at < markdown.len() {
        let end = next_line(markdown, at).unwrap_or(markdown.len());
        let line = &markdown[at..end];
        let feed = if line.ends_with('\n') { "\n" } else { "" };
        let step = splitter.line(line);
        if matches!(step, Step::Starts(_) | Step::StartsCode(_))
            && let Some((start, kind)) = open.take()
        {
            inside(&markdown[start..at], &kind, &mut blocks);
        }
        match step {
            Step::Starts(Kind::Code { info }) => {
                blocks.push(CodeBlock { language: language(&info).to_owned(), code: String::new() });
            }
            Step::Starts(kind) => open = Some((at, kind)),
            Step::StartsCode(line) => {
                blocks.push(CodeBlock { language: String::new(), code: line.into_owned() + feed });
            }
            Step::Code { blanks, line } => {
                if let Some(block) = blocks.last_mut() {
                    block.code.push_str(&"\n".repeat(blanks));
                    block.code.push_str(&line);
                    block.code.push_str(feed);
                }
            }
            Step::MoreCode => {
                if let Some(block) = blocks.last_mut() {
                    block.code.push_str(line);
                }
            }
            Step::Stays | Step::Nothing => {}
        }
        at = end;
    }
    if let Some((start, kind)) = &open {
        inside(&markdown[*start..], kind, &mut blocks);
    }
    blocks
}

/// The code in a piece that is not code itself.
fn inside(piece: &str, kind: &Kind, blocks: &mut Vec<CodeBlock>) {
    // There is none in the rest of a block of HTML.
    let Some(role) = Role::of(kind, None).filter(|role| !matches!(role, Role::Html)) else { return };
    let text = parsed(piece, &role);
    let protected = Protected::new(&text);
    let mut goes_on = matches!(kind, Kind::InItem(rest) if rest.fence.is_some());
    let mut is_open = false;
    for event in Parser::new_ext(&protected.text, OPTIONS) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                is_open = true;
                // The rest of a long item may begin with the rest of its code.
                if !std::mem::take(&mut goes_on) {
                    let info = if let CodeBlockKind::Fenced(info) = &kind { language(info) } else { "" };
                    blocks.push(CodeBlock { language: info.to_owned(), code: String::new() });
                }
            }
            Event::End(TagEnd::CodeBlock) => is_open = false,
            Event::Text(text) if is_open => {
                if let Some(block) = blocks.last_mut() {
                    block.code.push_str(&protected.restored(&text));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(language: &str, code: &str) -> CodeBlock {
        CodeBlock { language: language.into(), code: code.into() }
    }

    #[test]
    fn code_comes_without_what_is_around_it() {
        let text =
            "Two:\n\n> ```rust ignore\n> fn main() {\n>     x();\n> }\n> ```\n\n1. so\n\n   ```\n   plain\n   ```\n";
        assert_eq!(code_blocks(text), [block("rust", "fn main() {\n    x();\n}\n"), block("", "plain\n")]);
        assert_eq!(code_blocks("a `b` c"), []);
        assert_eq!(code_blocks("```sh\nls -l"), [block("sh", "ls -l")], "the answer is still being made");
        assert_eq!(code_blocks("[^1]: so\n\n        indented\n"), [block("", "indented\n")], "in a footnote");
        let crossed = "[^1]:\n    ```\n    one\n    ```\n\n~~~ {.py}\r\ntwo\r\n~~~\n";
        assert_eq!(code_blocks(crossed), [block("", "one\n"), block("py", "two\n")]);
        let long = format!("- so:\n\n  ```sh\n{}  ```\n\n  ```\n  end\n  ```", "  ls\n".repeat(4000));
        assert_eq!(code_blocks(&long), [block("sh", &"ls\n".repeat(4000)), block("", "end\n")]);
        assert_eq!(code_blocks("so:\n\n    indented\n\n    more\n"), [block("", "indented\n\nmore\n")]);
    }
}
