//! Code in the theme's colours. The grammars are syntect's with two-face's additions; their scopes are mapped to the theme's roles, not
//! to colour themes of syntect, so that sixteen colours, and none, show the same structure.
//!
//! Loading the grammars takes some milliseconds: it happens when the first block in a known language is drawn, or earlier on another
//! thread through [`preload`], and never for plain text.

use std::sync::OnceLock;

use ratatui::style::Style;
use ratatui::text::Span;
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

use crate::config::theme::Theme;
use crate::text::wrap;

/// Beyond so much code in one block the rest is plain: the reader has left, and time per line would add up at every resize.
const BLOCK_BOUND: usize = 256 * 1024;

/// Lines longer than this are data, not code; matching them is where grammars become slow.
const LINE_BOUND: usize = 4_000;

static GRAMMARS: OnceLock<Grammars> = OnceLock::new();

struct Grammars {
    syntaxes: SyntaxSet,
    /// Scope prefixes and their roles, the longer before the shorter.
    roles: Vec<(Scope, Role)>,
}

/// Loads the grammars now, so that no frame has to.
pub fn preload() {
    grammars();
}

fn grammars() -> &'static Grammars {
    GRAMMARS.get_or_init(|| {
        let mut roles: Vec<_> =
            ROLES.iter().filter_map(|&(scope, role)| Scope::new(scope).ok().map(|scope| (scope, role))).collect();
        roles.sort_by_key(|(scope, _)| std::cmp::Reverse(scope.len()));
        Grammars { syntaxes: two_face::syntax::extra_newlines(), roles }
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Plain,
    Comment,
    Keyword,
    Str,
    Number,
    Function,
    Type,
    Variable,
    Operator,
    Inserted,
    Deleted,
}

impl Role {
    fn style(self, theme: &Theme) -> Style {
        theme.code.patch(match self {
            Self::Plain => return theme.code,
            Self::Comment => theme.code_comment,
            Self::Keyword => theme.code_keyword,
            Self::Str => theme.code_string,
            Self::Number => theme.code_number,
            Self::Function => theme.code_function,
            Self::Type => theme.code_type,
            Self::Variable => theme.code_variable,
            Self::Operator => theme.code_operator,
            Self::Inserted => theme.code_inserted,
            Self::Deleted => theme.code_deleted,
        })
    }
}

/// What the grammars call things, and what they are to us. The innermost scope that is named here decides; `Plain` stops the search.
const ROLES: &[(&str, Role)] = &[
    ("comment", Role::Comment),
    ("constant", Role::Number),
    ("constant.character", Role::Str),
    ("constant.character.escape", Role::Operator),
    ("constant.other", Role::Number),
    ("entity.name.class", Role::Type),
    ("entity.name.enum", Role::Type),
    ("entity.name.function", Role::Function),
    ("entity.name.impl", Role::Type),
    ("entity.name.namespace", Role::Type),
    ("entity.name.section", Role::Keyword),
    ("entity.name.struct", Role::Type),
    ("entity.name.tag", Role::Keyword),
    ("entity.name.trait", Role::Type),
    ("entity.name.type", Role::Type),
    ("entity.name.union", Role::Type),
    ("entity.other.attribute-name", Role::Type),
    ("entity.other.inherited-class", Role::Type),
    ("keyword", Role::Keyword),
    ("keyword.operator", Role::Operator),
    ("keyword.operator.word", Role::Keyword),
    ("keyword.operator.logical.python", Role::Keyword),
    ("markup.deleted", Role::Deleted),
    ("markup.heading", Role::Keyword),
    ("markup.inserted", Role::Inserted),
    ("markup.raw", Role::Str),
    ("markup.underline.link", Role::Str),
    ("meta.diff.header", Role::Comment),
    ("meta.diff.range", Role::Function),
    ("meta.interpolation", Role::Plain),
    ("punctuation.definition.comment", Role::Comment),
    ("punctuation.definition.string", Role::Str),
    ("storage", Role::Keyword),
    ("string", Role::Str),
    ("support.class", Role::Type),
    ("support.constant", Role::Number),
    ("support.function", Role::Function),
    ("support.macro", Role::Function),
    ("support.type", Role::Type),
    ("support.type.property-name", Role::Variable),
    ("variable.function", Role::Function),
    ("variable.language", Role::Keyword),
    ("variable.other.member", Role::Variable),
    ("variable.parameter", Role::Variable),
];

/// Names that people and models write and the grammars do not know.
const ALIASES: &[(&str, &str)] = &[
    ("bash", "sh"),
    ("c#", "cs"),
    ("c++", "cpp"),
    ("console", "sh"),
    ("csharp", "cs"),
    ("cuda", "cpp"),
    ("docker", "dockerfile"),
    ("golang", "go"),
    ("json5", "json"),
    ("jsonc", "json"),
    ("jsonl", "json"),
    ("jsx", "js"),
    ("mjs", "js"),
    ("node", "js"),
    ("objc", "m"),
    ("objective-c", "m"),
    ("patch", "diff"),
    ("postgresql", "sql"),
    ("pwsh", "ps1"),
    ("py3", "py"),
    ("python3", "py"),
    ("rustlang", "rs"),
    ("sh-session", "sh"),
    ("shell", "sh"),
    ("shell-session", "sh"),
    ("shellscript", "sh"),
    ("sqlite", "sql"),
    ("svg", "xml"),
    ("terminal", "sh"),
    ("viml", "vim"),
    ("zsh", "sh"),
];

/// Words that say "no language".
const PLAIN: &[&str] = &["", "text", "txt", "plain", "plaintext", "none", "output", "ascii", "log"];

fn syntax(language: &str) -> Option<&'static SyntaxReference> {
    let language = language.to_lowercase();
    if PLAIN.contains(&language.as_str()) {
        return None;
    }
    let token = ALIASES.iter().find(|(alias, _)| *alias == language).map_or(language.as_str(), |(_, token)| token);
    grammars().syntaxes.find_syntax_by_token(token)
}

/// Highlights one block line by line. A clone goes on from the same point: that is how an unfinished line is drawn over and over.
#[derive(Debug, Clone)]
pub struct Highlighter {
    state: Option<(ParseState, ScopeStack)>,
    bytes: usize,
}

impl Highlighter {
    /// For a language as it stands after a fence; an unknown or empty one gives plain code.
    #[must_use]
    pub fn new(language: &str) -> Self {
        Self { state: syntax(language).map(|syntax| (ParseState::new(syntax), ScopeStack::new())), bytes: 0 }
    }

    /// The spans of the next line (without its line feed), on the code's ground.
    pub fn line(&mut self, line: &str, theme: &Theme) -> Vec<Span<'static>> {
        self.bytes += line.len() + 1;
        if self.bytes > BLOCK_BOUND {
            self.state = None;
        }
        let mut spans = Vec::new();
        if line.len() > LINE_BOUND || self.colour(line, theme, &mut spans).is_none() {
            spans.clear();
            wrap::append(&mut spans, line, theme.code);
        }
        spans
    }

    /// `None`: no grammar, or one that gave up. Then the rest of the block is plain.
    fn colour(&mut self, line: &str, theme: &Theme, spans: &mut Vec<Span<'static>>) -> Option<()> {
        let (mut parser, mut scopes) = self.state.take()?;
        let grammars = grammars();
        let ops = parser.parse_line(&format!("{line}\n"), &grammars.syntaxes).ok()?;
        let mut from = 0;
        for (at, op) in &ops {
            let at = (*at).min(line.len());
            wrap::append(spans, line.get(from..at)?, role(&scopes, grammars).style(theme));
            from = at;
            scopes.apply(op).ok()?;
        }
        wrap::append(spans, line.get(from..)?, role(&scopes, grammars).style(theme));
        self.state = Some((parser, scopes));
        Some(())
    }
}

fn role(scopes: &ScopeStack, grammars: &Grammars) -> Role {
    let named =
        |scope: &Scope| grammars.roles.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope)).map(|(_, role)| *role);
    scopes.as_slice().iter().rev().find_map(named).unwrap_or(Role::Plain)
}
