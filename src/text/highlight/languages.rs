//! What the scanner knows of each language.

/// How a language's lines are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Code,
    /// `key: value`.
    Keyed,
    /// `key = value`, under `[sections]`.
    Assigned,
    /// `<tag>text</tag>`.
    Markup,
    Diff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quote {
    pub(super) begin: &'static str,
    pub(super) end: &'static str,
    pub(super) escapes: bool,
    /// It may go over several lines.
    pub(super) lines: bool,
}

#[derive(Debug)]
pub(super) struct Language {
    pub(super) kind: Kind,
    /// In lower case.
    names: &'static [&'static str],
    pub(super) comments: &'static [&'static str],
    pub(super) blocks: &'static [(&'static str, &'static str)],
    /// The longer before the shorter.
    pub(super) quotes: &'static [Quote],
    pub(super) keywords: &'static [&'static str],
    pub(super) caseless: bool,
    /// A single quote may begin a name.
    pub(super) lifetimes: bool,
}

/// The language of this name.
pub(super) fn find(name: &str) -> Option<&'static Language> {
    let name = name.to_lowercase();
    LANGUAGES.iter().find(|language| language.names.contains(&name.as_str()))
}

/// Words that are values, in any language.
pub(super) const VALUES: &[&str] =
    &["true", "false", "null", "nil", "None", "True", "False", "undefined", "nullptr", "NaN"];

const fn quote(mark: &'static str, escapes: bool, lines: bool) -> Quote {
    Quote { begin: mark, end: mark, escapes, lines }
}

const DOUBLE: Quote = quote("\"", true, false);
const DOUBLE_LINES: Quote = quote("\"", true, true);
const SINGLE: Quote = quote("'", true, false);
const SINGLE_RAW: Quote = quote("'", false, false);
const BACKTICK: Quote = quote("`", true, true);
const BACKTICK_RAW: Quote = quote("`", false, true);
const TRIPLE: Quote = quote("\"\"\"", true, true);
const TRIPLE_SINGLE: Quote = quote("'''", true, true);
const RAW_HASH: Quote = Quote { begin: "r#\"", end: "\"#", escapes: false, lines: true };

const C_LIKE: Language = Language {
    kind: Kind::Code,
    names: &[],
    comments: &["//"],
    blocks: &[("/*", "*/")],
    quotes: &[DOUBLE, SINGLE],
    keywords: &[],
    caseless: false,
    lifetimes: false,
};

const HASH: Language = Language { comments: &["#"], blocks: &[], ..C_LIKE };

#[rustfmt::skip]
static LANGUAGES: &[Language] = &[
    Language {
        names: &["rust", "rs", "rustlang"],
        quotes: &[RAW_HASH, DOUBLE_LINES],
        keywords: &["as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "fn", "for", "if", "impl", "in", "let",
            "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self", "Self", "static", "struct", "super", "trait", "type", "union", "unsafe",
            "use", "where", "while"],
        lifetimes: true,
        ..C_LIKE
    },
    Language {
        names: &["python", "py", "python3", "py3", "ipython", "starlark"],
        quotes: &[TRIPLE, TRIPLE_SINGLE, DOUBLE, SINGLE],
        keywords: &["and", "as", "assert", "async", "await", "break", "case", "class", "continue", "def", "del", "elif", "else", "except", "finally", "for",
            "from", "global", "if", "import", "in", "is", "lambda", "match", "nonlocal", "not", "or", "pass", "raise", "return", "self", "try", "while",
            "with", "yield"],
        ..HASH
    },
    Language {
        names: &["javascript", "js", "jsx", "mjs", "node", "typescript", "ts", "tsx"],
        quotes: &[DOUBLE, SINGLE, BACKTICK],
        keywords: &["abstract", "any", "as", "async", "await", "boolean", "break", "case", "catch", "class", "const", "continue", "debugger", "declare",
            "default", "delete", "do", "else", "enum", "export", "extends", "finally", "for", "from", "function", "get", "if", "implements", "import", "in",
            "instanceof", "interface", "keyof", "let", "namespace", "never", "new", "number", "of", "private", "protected", "public", "readonly", "return",
            "set", "static", "string", "super", "switch", "this", "throw", "try", "type", "typeof", "unknown", "var", "void", "while", "yield"],
        ..C_LIKE
    },
    Language {
        names: &["go", "golang"],
        quotes: &[DOUBLE, SINGLE, BACKTICK_RAW],
        keywords: &["any", "bool", "break", "byte", "case", "chan", "const", "continue", "default", "defer", "else", "error", "fallthrough", "float64", "for",
            "func", "go", "goto", "if", "import", "int", "int64", "interface", "map", "package", "range", "return", "rune", "select", "string", "struct",
            "switch", "type", "uint64", "var"],
        ..C_LIKE
    },
    Language {
        names: &["c", "h", "cpp", "c++", "cc", "cxx", "hpp", "cuda", "cu", "objc", "objective-c", "m", "metal", "glsl", "hlsl", "arduino"],
        keywords: &["#define", "#endif", "#if", "#ifdef", "#include", "alignas", "auto", "bool", "break", "case", "catch", "char", "class", "concept",
            "const", "constexpr", "continue", "default", "delete", "do", "double", "else", "enum", "explicit", "extern", "float", "for", "friend", "goto",
            "if", "inline", "int", "long", "mutable", "namespace", "new", "noexcept", "operator", "override", "private", "protected", "public",
            "register", "return", "short", "signed", "sizeof", "static", "struct", "switch", "template", "this", "throw", "try", "typedef", "typename",
            "union", "unsigned", "using", "virtual", "void", "volatile", "while"],
        ..C_LIKE
    },
    Language {
        names: &["java", "kotlin", "kt", "kts", "scala", "groovy", "csharp", "cs", "c#", "dart"],
        quotes: &[TRIPLE, DOUBLE, SINGLE],
        keywords: &["abstract", "as", "async", "await", "base", "bool", "boolean", "break", "by", "byte", "case", "catch", "char", "class", "companion",
            "const", "continue", "data", "def", "default", "do", "double", "else", "enum", "extends", "final", "finally", "float", "for", "foreach", "fun",
            "get", "if", "implements", "import", "in", "int", "interface", "internal", "is", "lateinit", "long", "match", "namespace", "new", "object",
            "open", "out", "override", "package", "private", "protected", "public", "readonly", "record", "return", "sealed", "set", "short", "static",
            "string", "struct", "super", "switch", "synchronized", "this", "throw", "throws", "trait", "try", "typeof", "using", "val", "var", "virtual",
            "void", "volatile", "when", "where", "while", "with", "yield"],
        ..C_LIKE
    },
    Language {
        names: &["swift"],
        quotes: &[TRIPLE, DOUBLE],
        keywords: &["actor", "any", "as", "associatedtype", "async", "await", "break", "case", "catch", "class", "continue", "default", "defer", "deinit",
            "do", "else", "enum", "extension", "fileprivate", "for", "func", "guard", "if", "import", "in", "init", "inout", "internal", "is", "let",
            "mutating", "open", "private", "protocol", "public", "return", "self", "Self", "some", "static", "struct", "subscript", "super", "switch",
            "throw", "throws", "try", "typealias", "var", "weak", "where", "while"],
        ..C_LIKE
    },
    Language {
        names: &["zig"],
        keywords: &["and", "break", "comptime", "const", "continue", "defer", "else", "enum", "errdefer", "error", "fn", "for", "if", "inline", "or", "orelse",
            "pub", "return", "struct", "switch", "test", "try", "union", "var", "while"],
        blocks: &[],
        ..C_LIKE
    },
    Language {
        names: &["php"],
        comments: &["//", "#"],
        keywords: &["abstract", "array", "as", "break", "case", "catch", "class", "const", "continue", "default", "echo", "else", "elseif", "extends", "final",
            "finally", "fn", "for", "foreach", "function", "global", "if", "implements", "interface", "match", "namespace", "new", "private", "protected",
            "public", "readonly", "return", "static", "switch", "throw", "trait", "try", "use", "while", "yield"],
        ..C_LIKE
    },
    Language {
        names: &["bash", "sh", "shell", "zsh", "fish", "console", "terminal", "shell-session", "sh-session", "shellscript", "dockerfile", "docker",
            "makefile", "make", "powershell", "pwsh", "ps1"],
        quotes: &[DOUBLE, SINGLE_RAW],
        keywords: &["alias", "case", "cd", "do", "done", "echo", "elif", "else", "esac", "eval", "exec", "exit", "export", "fi", "for", "function", "if", "in",
            "local", "read", "return", "set", "shift", "source", "sudo", "then", "trap", "unset", "until", "while", "ADD", "ARG", "CMD", "COPY",
            "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "RUN", "USER", "VOLUME", "WORKDIR"],
        ..HASH
    },
    Language {
        names: &["ruby", "rb", "elixir", "ex", "exs", "crystal", "julia", "jl", "r", "perl", "pl", "nim"],
        keywords: &["alias", "and", "begin", "break", "case", "catch", "class", "cond", "def", "defmodule", "defp", "do", "else", "elsif", "end", "ensure",
            "fn", "for", "foreach", "function", "if", "import", "in", "let", "library", "loop", "module", "my", "next", "not", "or", "our", "proc",
            "raise", "repeat", "require", "rescue", "return", "self", "struct", "sub", "super", "then", "unless", "until", "use", "using", "var", "when",
            "while", "yield"],
        ..HASH
    },
    Language {
        names: &["lua"],
        comments: &["--"],
        blocks: &[("--[[", "]]")],
        quotes: &[DOUBLE, SINGLE],
        keywords: &["and", "break", "do", "else", "elseif", "end", "for", "function", "goto", "if", "in", "local", "not", "or", "repeat", "return", "then",
            "until", "while"],
        ..C_LIKE
    },
    Language {
        names: &["haskell", "hs", "elm", "purescript"],
        comments: &["--"],
        blocks: &[("{-", "-}")],
        quotes: &[DOUBLE],
        keywords: &["case", "class", "data", "deriving", "do", "else", "if", "import", "in", "infixl", "infixr", "instance", "let", "module", "newtype", "of",
            "qualified", "then", "type", "where"],
        lifetimes: true,
        ..C_LIKE
    },
    Language {
        names: &["sql", "postgresql", "postgres", "mysql", "sqlite", "plsql"],
        comments: &["--"],
        quotes: &[SINGLE_RAW, DOUBLE],
        keywords: &["add", "all", "alter", "and", "as", "asc", "begin", "between", "by", "case", "check", "column", "commit", "constraint", "create", "cross",
            "default", "delete", "desc", "distinct", "drop", "else", "end", "exists", "foreign", "from", "full", "group", "having", "if", "in", "index",
            "inner", "insert", "integer", "into", "is", "join", "key", "left", "like", "limit", "not", "offset", "on", "or", "order", "outer", "over",
            "partition", "primary", "references", "returning", "right", "rollback", "select", "set", "table", "text", "then", "transaction", "trigger",
            "union", "unique", "update", "using", "values", "varchar", "view", "when", "where", "with"],
        caseless: true,
        ..C_LIKE
    },
    Language { names: &["json", "jsonc", "json5", "jsonl", "ndjson"], kind: Kind::Keyed, ..C_LIKE },
    Language { names: &["css", "scss", "less", "sass"], kind: Kind::Keyed, comments: &["// "], ..C_LIKE },
    Language { names: &["yaml", "yml"], kind: Kind::Keyed, ..HASH },
    Language { names: &["toml", "properties", "env", "dotenv"], kind: Kind::Assigned, quotes: &[TRIPLE, TRIPLE_SINGLE, DOUBLE, SINGLE_RAW], ..HASH },
    Language { names: &["ini", "cfg", "conf", "gitconfig", "systemd", "desktop"], kind: Kind::Assigned, comments: &["#", ";"], quotes: &[DOUBLE], ..HASH },
    Language { names: &["nix", "hcl", "terraform", "tf"], kind: Kind::Assigned, quotes: &[DOUBLE], ..HASH },
    Language { names: &["html", "htm", "xml", "svg", "xhtml", "vue", "svelte", "xaml"], kind: Kind::Markup, comments: &[], blocks: &[("<!--", "-->")], ..C_LIKE },
    Language { names: &["diff", "patch"], kind: Kind::Diff, ..C_LIKE },
];
