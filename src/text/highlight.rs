//! Code in the theme's colours: comments, strings, numbers, keywords, types, calls, keys.
//!
//! A small scanner of our own over tables of languages, and not a grammar engine: the code comes from a model and is drawn on the
//! interface's thread, so that every line must be done in a time that its length bounds. (The grammars at hand do not promise that:
//! the JavaScript one of two-face, under syntect 5.3, never comes back from the line `x /*`.) It also needs no loading, and what it keeps
//! between two lines is one word, so that an open block goes on line by line.

mod languages;

use ratatui::style::Style;
use ratatui::text::Span;

use self::languages::{Apostrophe, Kind, Language, Quote};
use crate::config::theme::Theme;
use crate::text::wrap;

/// Highlights one block line by line. A copy goes on from the same point: that is how an unfinished line is drawn over and over.
#[derive(Debug, Clone, Copy)]
pub struct Highlighter {
    language: Option<&'static Language>,
    state: State,
}

/// What is open at the end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Code,
    /// A comment up to this.
    Comment(&'static str),
    Text(Quote),
    /// Between `<` and `>` of markup.
    Tag,
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

impl Highlighter {
    /// For a language as it stands after a fence, by any of its usual names; an unknown or empty one gives plain code.
    #[must_use]
    pub fn new(language: &str) -> Self {
        Self { language: languages::find(language), state: State::Code }
    }

    /// The spans of the next line (without its line feed), on the code's ground.
    pub fn line(&mut self, line: &str, theme: &Theme) -> Vec<Span<'static>> {
        let mut spans = Vec::new();
        let Some(language) = self.language else {
            wrap::append(&mut spans, line, theme.code);
            return spans;
        };
        if language.kind == Kind::Diff {
            wrap::append(&mut spans, line, diff_role(line).style(theme));
            return spans;
        }
        let mut at = 0;
        while at < line.len() {
            let (length, role) = self.token(language, line, at);
            wrap::append(&mut spans, &line[at..at + length], role.style(theme));
            at += length;
        }
        if matches!(self.state, State::Text(quote) if !quote.lines) {
            self.state = State::Code;
        }
        spans
    }

    /// Length and role of the token at `at`; never empty.
    fn token(&mut self, language: &'static Language, line: &str, at: usize) -> (usize, Role) {
        let rest = &line[at..];
        match self.state {
            State::Comment(end) => return (self.until(rest, end), Role::Comment),
            State::Text(quote) => return (self.text(rest, quote), Role::Str),
            State::Tag => return self.tag(rest),
            State::Code => {}
        }
        if let Some(&(begin, end)) = language.blocks.iter().find(|(begin, _)| rest.starts_with(begin)) {
            self.state = State::Comment(end);
            return (begin.len(), Role::Comment);
        }
        if let Some(role) = line_role(language, line, at) {
            return (rest.len(), role);
        }
        if language.kind == Kind::Markup {
            return self.markup(rest);
        }
        if rest.starts_with('\'') {
            match language.apostrophe {
                Apostrophe::Name => return character(rest),
                Apostrophe::Sign if line[..at].ends_with(|c: char| is_word(c) || ")]}.'".contains(c)) => {
                    return (1, Role::Operator);
                }
                Apostrophe::Sign | Apostrophe::Quote => {}
            }
        }
        if let Some(&quote) = language.quotes.iter().find(|quote| rest.starts_with(quote.begin)) {
            self.state = State::Text(quote);
            return (quote.begin.len(), Role::Str);
        }
        code(language, rest)
    }

    /// Up to and with `end`, or the whole rest.
    fn until(&mut self, rest: &str, end: &str) -> usize {
        match rest.find(end) {
            Some(found) => {
                self.state = State::Code;
                found + end.len()
            }
            None => rest.len(),
        }
    }

    fn text(&mut self, rest: &str, quote: Quote) -> usize {
        let mut chars = rest.char_indices();
        while let Some((at, c)) = chars.next() {
            if quote.escapes && c == '\\' {
                chars.next();
            } else if rest[at..].starts_with(quote.end) {
                self.state = State::Code;
                return at + quote.end.len();
            }
        }
        rest.len()
    }

    fn markup(&mut self, rest: &str) -> (usize, Role) {
        if rest.starts_with('&') {
            let length = rest.find([';', ' ']).map_or(1, |end| end + 1);
            return (length, Role::Number);
        }
        if !rest.starts_with('<') {
            return (rest.find(['<', '&']).unwrap_or(rest.len()), Role::Plain);
        }
        self.state = State::Tag;
        let name =
            rest[1..].find(|c: char| !(c.is_alphanumeric() || "/!?:-_.".contains(c))).map_or(rest.len(), |end| end + 1);
        (name, Role::Keyword)
    }

    fn tag(&mut self, rest: &str) -> (usize, Role) {
        let first = rest.chars().next().unwrap_or(' ');
        match first {
            '>' => {
                self.state = State::Code;
                (1, Role::Keyword)
            }
            '"' | '\'' => (rest[1..].find(first).map_or(rest.len(), |end| end + 2), Role::Str),
            c if is_word(c) => {
                (rest.find(|c: char| !is_word(c) && c != '-' && c != ':').unwrap_or(rest.len()), Role::Type)
            }
            c if c.is_whitespace() => (c.len_utf8(), Role::Plain),
            c => (c.len_utf8(), Role::Operator),
        }
    }
}

/// A role for the whole rest of the line: a comment, or the heading of a section.
fn line_role(language: &Language, line: &str, at: usize) -> Option<Role> {
    let (before, rest) = line.split_at(at);
    if let Some(mark) = language.comments.iter().find(|mark| rest.starts_with(**mark)) {
        let is_comment = match mark.as_bytes()[0] {
            // A hash inside a word is none: `$#`, `a#b`.
            b'#' => before.chars().next_back().is_none_or(char::is_whitespace),
            // A quote is one at the beginning of a line, or where nothing ends it.
            b'"' => before.trim_start().is_empty() || !rest[1..].contains('"'),
            _ => true,
        };
        // What stands behind a backslash begins nothing: `\%`.
        let slashes = before.bytes().rev().take_while(|&byte| byte == b'\\').count();
        if is_comment && slashes % 2 == 0 {
            return Some(Role::Comment);
        }
    }
    let section = language.kind == Kind::Assigned && at == 0 && rest.starts_with('[');
    section.then_some(Role::Type)
}

/// `'a'` is a string, `'a` a lifetime.
fn character(rest: &str) -> (usize, Role) {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => {
            let end = rest.char_indices().skip(3).find(|&(_, c)| c == '\'').map_or(rest.len(), |(at, _)| at + 1);
            (end, Role::Str)
        }
        (Some(_), Some((at, '\''))) => (at + 1, Role::Str),
        _ => {
            let name = rest[1..].find(|c: char| !is_word(c)).map_or(rest.len(), |end| end + 1);
            (name, Role::Type)
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Words, numbers, operators, and everything else one run at a time.
fn code(language: &Language, rest: &str) -> (usize, Role) {
    let first = rest.chars().next().unwrap_or(' ');
    let keyed = matches!(language.kind, Kind::Keyed | Kind::Assigned);
    let in_word = |c: char| is_word(c) || (keyed && matches!(c, '-' | '.'));
    let length = |from: usize, more: &dyn Fn(char) -> bool| {
        rest[from..].find(|c: char| !more(c)).map_or(rest.len(), |end| from + end)
    };
    match first {
        '0'..='9' => (length(0, &|c| is_word(c) || c == '.'), Role::Number),
        '$' => (length(1, &is_word), Role::Variable),
        '@' => (length(1, &|c| is_word(c) || c == '-'), Role::Function),
        c if is_word(c) => {
            let end = length(0, &in_word);
            (end, word_role(language, &rest[..end], &rest[end..]))
        }
        '+' | '-' | '*' | '/' | '%' | '=' | '<' | '>' | '!' | '&' | '|' | '^' | '~' | '?' => (1, Role::Operator),
        c => (c.len_utf8(), Role::Plain),
    }
}

fn word_role(language: &Language, word: &str, after: &str) -> Role {
    let listed = |words: &[&str]| {
        words.iter().any(|known| *known == word || (language.caseless && known.eq_ignore_ascii_case(word)))
    };
    let key = match language.kind {
        Kind::Keyed => after.trim_start().starts_with(':'),
        Kind::Assigned => after.trim_start().starts_with('='),
        _ => false,
    };
    if key {
        Role::Variable
    } else if listed(language.keywords) {
        Role::Keyword
    } else if listed(languages::VALUES) {
        Role::Number
    } else if after.starts_with('(') || after.starts_with("!(") {
        Role::Function
    } else if language.kind == Kind::Code && word.starts_with(char::is_uppercase) {
        Role::Type
    } else {
        Role::Plain
    }
}

fn diff_role(line: &str) -> Role {
    match line.as_bytes() {
        [b'+', b'+', b'+', ..]
        | [b'-', b'-', b'-', ..]
        | [b'd', b'i', b'f', b'f', ..]
        | [b'i', b'n', b'd', b'e', b'x', ..] => Role::Comment,
        [b'@', b'@', ..] => Role::Function,
        [b'+' | b'>', ..] => Role::Inserted,
        [b'-' | b'<', ..] => Role::Deleted,
        _ => Role::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::testing::theme;

    /// The parts of a line that are coloured, as `role:text`.
    fn coloured(highlighter: &mut Highlighter, line: &str) -> Vec<String> {
        use Role::*;
        let theme = theme();
        let roles = [Comment, Keyword, Str, Number, Function, Type, Variable, Operator, Inserted, Deleted];
        let name = |style| roles.iter().find(|role| role.style(&theme) == style);
        let spans = highlighter.line(line, &theme);
        spans.iter().filter_map(|span| name(span.style).map(|role| format!("{role:?}:{}", span.content))).collect()
    }

    fn one(language: &str, line: &str) -> Vec<String> {
        coloured(&mut Highlighter::new(language), line)
    }

    #[test]
    fn words_get_their_roles() {
        assert_eq!(
            one("rust", "let x: Vec<&'a str> = foo(1_000, 'c', \"a\\\"b\"); // end"),
            [
                "Keyword:let",
                "Type:Vec",
                "Operator:<&",
                "Type:'a",
                "Operator:>",
                "Operator:=",
                "Function:foo",
                "Number:1_000",
                "Str:'c'",
                "Str:\"a\\\"b\"",
                "Comment:// end",
            ]
        );
        assert_eq!(
            one("Python3", "def f(): return None  # c"),
            ["Keyword:def", "Function:f", "Keyword:return", "Number:None", "Comment:# c"]
        );
        assert_eq!(one("sql", "select 'a' FROM t -- c"), ["Keyword:select", "Str:'a'", "Keyword:FROM", "Comment:-- c"]);
        assert_eq!(one("json", "{\"a\": true}"), ["Str:\"a\"", "Number:true"]);
        assert_eq!(one("yaml", "my-key: 3"), ["Variable:my-key", "Number:3"]);
        assert_eq!(
            one("html", "<a href=\"x\">t</a>"),
            ["Keyword:<a", "Type:href", "Operator:=", "Str:\"x\"", "Keyword:>", "Keyword:</a>"]
        );
        assert_eq!(one("bash", "echo \"$HOME\" $# $x"), ["Keyword:echo", "Str:\"$HOME\"", "Variable:$", "Variable:$x"]);
    }

    #[test]
    fn code_is_no_comment() {
        assert_eq!(
            one("elixir", "%User{name: name} = user # the one"),
            ["Operator:%", "Type:User", "Operator:=", "Comment:# the one"]
        );
        assert_eq!(one("erlang", "X = 1. % one"), ["Type:X", "Operator:=", "Number:1.", "Comment:% one"]);
        assert_eq!(
            one("matlab", "B = A' * sum('50%') % of all"),
            [
                "Type:B",
                "Operator:=",
                "Type:A",
                "Operator:'",
                "Operator:*",
                "Function:sum",
                "Str:'50%'",
                "Comment:% of all"
            ]
        );
        assert_eq!(one("latex", "50\\% of it \\\\% not"), ["Number:50", "Operator:%", "Comment:% not"]);
        assert_eq!(
            one("fortran", "print *, 'it is' ! so"),
            ["Keyword:print", "Operator:*", "Str:'it is'", "Comment:! so"]
        );
        assert_eq!(one("vb", "Dim x ' a name"), ["Keyword:Dim", "Comment:' a name"]);
        assert_eq!(one("vim", "echo \"hello\" \" says"), ["Keyword:echo", "Str:\"hello\"", "Comment:\" says"]);
        assert_eq!(one("vim", "\" all \"of\" it"), ["Comment:\" all \"of\" it"]);
        assert_eq!(one("asm", "mov r0, #1 # one"), ["Keyword:mov", "Number:1", "Comment:# one"]);
        assert_eq!(one("prolog", "X is 1. % one"), ["Type:X", "Keyword:is", "Number:1.", "Comment:% one"]);
    }

    #[test]
    fn what_is_open_goes_on_in_the_next_line() {
        let mut js = Highlighter::new("js");
        assert_eq!(coloured(&mut js, "x /* a"), ["Comment:/* a"]);
        assert_eq!(coloured(&mut js, "b */ `c"), ["Comment:b */", "Str:`c"]);
        assert_eq!(coloured(&mut js, "d` 'open"), ["Str:d`", "Str:'open"]);
        assert_eq!(coloured(&mut js, "let"), ["Keyword:let"]);
        let mut python = Highlighter::new("py");
        assert_eq!(coloured(&mut python, "\"\"\"doc"), ["Str:\"\"\"doc"]);
        assert_eq!(coloured(&mut python, "more\"\"\" 1"), ["Str:more\"\"\"", "Number:1"]);
    }

    #[test]
    fn a_diff_is_told_by_its_first_characters() {
        assert_eq!(one("diff", "+new"), ["Inserted:+new"]);
        assert_eq!(one("patch", "-old"), ["Deleted:-old"]);
        assert_eq!(one("diff", "@@ -1 +1 @@"), ["Function:@@ -1 +1 @@"]);
        assert_eq!(one("diff", " same"), [""; 0]);
    }

    #[test]
    fn the_languages_that_people_ask_about_are_known() {
        for name in [
            "rust",
            "python",
            "javascript",
            "typescript",
            "jsx",
            "tsx",
            "go",
            "c",
            "cpp",
            "c++",
            "java",
            "kotlin",
            "swift",
            "ruby",
            "php",
            "sh",
            "bash",
            "sql",
            "json",
            "yaml",
            "toml",
            "html",
            "css",
            "diff",
            "dockerfile",
            "make",
            "makefile",
            "lua",
            "haskell",
            "csharp",
            "scala",
            "r",
            "julia",
            "perl",
            "elixir",
            "erlang",
            "clojure",
            "ocaml",
            "fsharp",
            "zig",
            "nim",
            "dart",
            "powershell",
            "cmake",
            "nix",
            "hcl",
            "graphql",
            "protobuf",
            "solidity",
            "asm",
            "verilog",
            "matlab",
            "latex",
            "fortran",
            "vim",
            "nginx",
            "xml",
            "ini",
            "scss",
            "batch",
            "elm",
            "groovy",
            "objective-c",
            "pascal",
            "scheme",
        ] {
            assert!(languages::find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn each_name_means_one_language() {
        let mut names: Vec<&str> = languages::names().collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn no_language_is_plain() {
        for language in ["", "text", "no-such-language"] {
            assert_eq!(one(language, "let x = 1; // c"), [""; 0]);
        }
    }
}
