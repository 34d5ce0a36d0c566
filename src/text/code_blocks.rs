//! The code of a text, as something to be taken away: without fences, quotes and indentation around it.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodeBlock {
    /// As it is written behind the fence; often nothing.
    pub language: String,
    pub code: String,
}

/// In their order; one that is not finished yet counts.
#[must_use]
pub fn code_blocks(markdown: &str) -> Vec<CodeBlock> {
    let mut blocks = Vec::new();
    let mut open: Option<CodeBlock> = None;
    for event in Parser::new(markdown) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split_whitespace().next().unwrap_or_default().to_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                open = Some(CodeBlock { language, code: String::new() });
            }
            Event::Text(text) => {
                if let Some(block) = &mut open {
                    block.code.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            _ => {}
        }
    }
    blocks
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
        assert_eq!(code_blocks("so:\n\n    indented\n\n    more\n"), [block("", "indented\n\nmore\n")]);
    }
}
