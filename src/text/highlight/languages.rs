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
    pub(super) apostrophe: Apostrophe,
}

/// What an apostrophe can be, beside a quote among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Apostrophe {
    Quote,
    /// It may begin a name: `'a`.
    Name,
    /// Behind something it is a sign: `A'`.
    Sign,
}

/// The language of this name.
pub(super) fn find(name: &str) -> Option<&'static Language> {
    let name = name.to_lowercase();
    LANGUAGES.iter().find(|language| language.names.contains(&name.as_str()))
}

#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    LANGUAGES.iter().flat_map(|language| language.names.iter().copied())
}

/// Words that are values, in any language.
pub(super) const VALUES: &[&str] =
    &["true", "false", "null", "nil", "None", "True", "False", "undefined", "nullptr", "NaN"];

const fn quote(mark: &'static str, escapes: bool, lines: bool) -> Quote {
    Quote { begin: mark, end: mark, escapes, lines }
}

const DOUBLE: Quote = quote("\"", true, false);
const DOUBLE_LINES: Quote = quote("\"", true, true);
const DOUBLE_RAW: Quote = quote("\"", false, false);
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
    apostrophe: Apostrophe::Quote,
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
        apostrophe: Apostrophe::Name,
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
        names: &["java", "kotlin", "kt", "kts", "scala", "groovy", "csharp", "cs", "c#", "dart", "gradle", "apex"],
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
        names: &["bash", "sh", "shell", "zsh", "fish", "console", "terminal", "shell-session", "sh-session", "shellscript", "ksh", "awk", "tcl"],
        quotes: &[DOUBLE, SINGLE_RAW],
        keywords: &["alias", "begin", "break", "case", "cd", "continue", "declare", "do", "done", "echo", "elif", "else", "end", "esac", "eval", "exec",
            "exit", "export", "fi", "for", "function", "if", "in", "local", "printf", "proc", "read", "readonly", "return", "select", "set", "shift",
            "source", "sudo", "switch", "then", "trap", "unset", "until", "while"],
        ..HASH
    },
    Language {
        names: &["dockerfile", "docker", "containerfile"],
        keywords: &["ADD", "ARG", "AS", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "ONBUILD", "RUN", "SHELL",
            "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"],
        ..HASH
    },
    Language {
        names: &["makefile", "make", "mk", "gnumake", "just", "justfile", "cmake", "ninja", "bazel", "meson"],
        keywords: &[".PHONY", "add_executable", "add_library", "build", "cmake_minimum_required", "define", "else", "elseif", "endef", "endforeach",
            "endfunction", "endif", "export", "find_package", "foreach", "function", "if", "ifdef", "ifeq", "ifndef", "ifneq", "include", "message",
            "option", "override", "project", "rule", "set", "target_include_directories", "target_link_libraries", "unexport"],
        ..HASH
    },
    Language {
        names: &["powershell", "pwsh", "ps1", "ps"],
        blocks: &[("<#", "#>")],
        quotes: &[DOUBLE_RAW, SINGLE_RAW],
        keywords: &["begin", "break", "catch", "class", "continue", "data", "do", "else", "elseif", "end", "enum", "exit", "filter", "finally", "for",
            "foreach", "function", "if", "in", "param", "process", "return", "switch", "throw", "trap", "try", "until", "using", "while"],
        caseless: true,
        ..HASH
    },
    Language {
        names: &["batch", "bat", "cmd", "dos"],
        comments: &["REM ", "rem ", "::"],
        blocks: &[],
        quotes: &[DOUBLE_RAW],
        keywords: &["call", "cd", "copy", "del", "do", "echo", "else", "endlocal", "exist", "exit", "for", "goto", "if", "in", "not", "pause", "rem", "set",
            "setlocal", "shift", "start"],
        caseless: true,
        ..C_LIKE
    },
    Language {
        names: &["ruby", "rb", "crystal", "gemfile", "rakefile"],
        keywords: &["alias", "and", "attr_accessor", "attr_reader", "attr_writer", "begin", "break", "case", "class", "def", "defined?", "do", "else",
            "elsif", "end", "ensure", "extend", "for", "if", "in", "include", "lambda", "loop", "module", "next", "not", "or", "private", "proc",
            "protected", "public", "puts", "raise", "redo", "require", "require_relative", "rescue", "retry", "return", "self", "super", "then", "unless",
            "until", "when", "while", "yield"],
        ..HASH
    },
    Language {
        names: &["elixir", "ex", "exs"],
        quotes: &[TRIPLE, DOUBLE, SINGLE],
        keywords: &["after", "alias", "and", "case", "catch", "cond", "def", "defimpl", "defmacro", "defmodule", "defp", "defprotocol", "defstruct", "do",
            "else", "end", "fn", "for", "if", "import", "in", "not", "or", "quote", "raise", "receive", "require", "rescue", "try", "unless", "unquote",
            "use", "when", "with"],
        ..HASH
    },
    Language {
        names: &["erlang", "erl"],
        comments: &["%"],
        blocks: &[],
        quotes: &[DOUBLE, SINGLE],
        keywords: &["after", "and", "andalso", "begin", "case", "catch", "end", "fun", "if", "maybe", "not", "of", "or", "orelse", "receive", "try", "when"],
        ..C_LIKE
    },
    Language {
        names: &["julia", "jl"],
        blocks: &[("#=", "=#")],
        quotes: &[TRIPLE, DOUBLE, SINGLE],
        keywords: &["abstract", "begin", "break", "catch", "const", "continue", "do", "else", "elseif", "end", "export", "finally", "for", "function",
            "global", "if", "import", "in", "let", "local", "macro", "module", "mutable", "quote", "return", "struct", "try", "type", "using", "where",
            "while"],
        ..HASH
    },
    Language {
        names: &["r", "rlang", "rscript"],
        keywords: &["break", "else", "for", "function", "if", "in", "library", "next", "repeat", "require", "return", "source", "while", "FALSE", "NA",
            "NULL", "TRUE"],
        ..HASH
    },
    Language {
        names: &["perl", "pl", "raku"],
        keywords: &["die", "do", "else", "elsif", "eval", "for", "foreach", "if", "last", "local", "my", "next", "no", "our", "package", "print", "require",
            "return", "say", "sub", "unless", "until", "use", "while"],
        ..HASH
    },
    Language {
        names: &["nim", "gdscript", "gd", "coffeescript", "coffee", "mojo"],
        quotes: &[TRIPLE, DOUBLE, SINGLE],
        keywords: &["and", "as", "break", "case", "class", "class_name", "const", "continue", "def", "echo", "elif", "else", "enum", "except", "export",
            "extends", "finally", "fn", "for", "func", "if", "import", "in", "is", "iterator", "let", "match", "method", "not", "object", "of", "or",
            "pass", "proc", "raise", "return", "signal", "static", "struct", "template", "then", "try", "type", "unless", "var", "when", "while", "yield"],
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
        apostrophe: Apostrophe::Name,
        ..C_LIKE
    },
    Language {
        names: &["sql", "postgresql", "postgres", "mysql", "sqlite", "plsql", "tsql", "psql", "duckdb", "bigquery", "cql"],
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
    Language {
        names: &["fsharp", "f#", "fs", "ocaml", "ml", "reason", "sml"],
        blocks: &[("(*", "*)")],
        quotes: &[TRIPLE, DOUBLE],
        keywords: &["and", "as", "begin", "class", "do", "done", "downto", "elif", "else", "end", "exception", "external", "for", "fun", "function",
            "functor", "if", "in", "include", "inherit", "let", "match", "member", "method", "module", "mutable", "namespace", "new", "object", "of",
            "open", "private", "rec", "sig", "struct", "then", "to", "try", "type", "use", "val", "when", "while", "with", "yield"],
        apostrophe: Apostrophe::Name,
        ..C_LIKE
    },
    Language {
        names: &["clojure", "clj", "cljs", "lisp", "common-lisp", "scheme", "racket", "elisp", "emacs-lisp", "scm", "fennel"],
        comments: &[";"],
        blocks: &[("#|", "|#")],
        quotes: &[DOUBLE],
        keywords: &["and", "begin", "case", "cond", "def", "defmacro", "defn", "defun", "defvar", "define", "do", "else", "fn", "for", "if", "lambda", "let",
            "letrec", "loop", "ns", "or", "progn", "quote", "recur", "require", "set", "setq", "t", "unless", "when"],
        ..C_LIKE
    },
    Language {
        names: &["matlab", "octave"],
        comments: &["%", "#"],
        blocks: &[],
        quotes: &[DOUBLE_RAW, SINGLE_RAW],
        keywords: &["break", "case", "catch", "continue", "else", "elseif", "end", "for", "function", "global", "if", "otherwise", "persistent", "return",
            "switch", "try", "while"],
        apostrophe: Apostrophe::Sign,
        ..C_LIKE
    },
    Language {
        names: &["latex", "tex", "bibtex"],
        comments: &["%"],
        blocks: &[],
        quotes: &[],
        keywords: &["begin", "documentclass", "end", "newcommand", "newenvironment", "renewcommand", "usepackage"],
        ..C_LIKE
    },
    Language {
        names: &["prolog"],
        comments: &["%"],
        keywords: &["dynamic", "fail", "is", "mod", "module", "not", "rem", "use_module"],
        ..C_LIKE
    },
    Language {
        names: &["fortran", "f90", "f95", "f77"],
        comments: &["!"],
        blocks: &[],
        quotes: &[DOUBLE_RAW, SINGLE_RAW],
        keywords: &["allocatable", "allocate", "call", "case", "character", "contains", "deallocate", "dimension", "do", "double", "else", "elseif", "end",
            "enddo", "endif", "exit", "function", "if", "implicit", "in", "inout", "integer", "intent", "interface", "logical", "module", "none", "out",
            "parameter", "precision", "print", "private", "program", "public", "real", "return", "select", "stop", "subroutine", "then", "type", "use",
            "where", "while", "write"],
        caseless: true,
        ..C_LIKE
    },
    Language {
        names: &["vb", "vbnet", "vba", "basic", "visual-basic"],
        comments: &["'", "REM "],
        blocks: &[],
        quotes: &[DOUBLE_RAW],
        keywords: &["and", "as", "boolean", "byval", "byref", "call", "case", "dim", "do", "double", "each", "else", "elseif", "end", "exit", "for",
            "function", "if", "in", "integer", "is", "loop", "module", "new", "next", "not", "nothing", "or", "print", "private", "public", "return",
            "select", "set", "string", "sub", "then", "to", "type", "wend", "while", "with"],
        caseless: true,
        ..C_LIKE
    },
    Language {
        names: &["pascal", "delphi", "ada", "vhdl", "modula2", "cobol"],
        comments: &["//", "--"],
        blocks: &[("(*", "*)"), ("{", "}")],
        quotes: &[SINGLE_RAW, DOUBLE],
        keywords: &["and", "architecture", "array", "begin", "case", "component", "const", "div", "do", "downto", "else", "elsif", "end", "entity", "for",
            "function", "if", "in", "is", "library", "loop", "mod", "not", "of", "or", "out", "package", "port", "procedure", "process", "program",
            "record", "repeat", "return", "signal", "string", "then", "to", "type", "until", "use", "uses", "var", "when", "while", "with"],
        caseless: true,
        ..C_LIKE
    },
    Language {
        names: &["asm", "assembly", "nasm", "x86asm", "armasm", "gas", "mips", "riscv", "llvm", "wat", "wasm"],
        // Numbers have a hash before them in some.
        comments: &[";", "# ", "//"],
        keywords: &["add", "and", "b", "beq", "bl", "bne", "call", "cmp", "db", "dd", "dec", "div", "dq", "global", "inc", "int", "j", "jal", "je", "jmp",
            "jne", "jnz", "jz", "ldr", "lea", "li", "lw", "mov", "mul", "nop", "or", "pop", "push", "ret", "section", "shl", "shr", "str", "sub", "sw",
            "syscall", "test", "xor"],
        caseless: true,
        ..C_LIKE
    },
    Language {
        names: &["verilog", "systemverilog", "sv", "v"],
        quotes: &[DOUBLE],
        keywords: &["always", "always_comb", "always_ff", "assign", "begin", "case", "default", "else", "end", "endcase", "endfunction", "endmodule", "enum",
            "for", "function", "generate", "if", "initial", "inout", "input", "integer", "localparam", "logic", "module", "negedge", "output", "parameter",
            "posedge", "reg", "struct", "typedef", "wire"],
        ..C_LIKE
    },
    Language {
        names: &["graphql", "gql", "protobuf", "proto", "thrift", "prisma", "solidity", "sol", "move", "wgsl", "d", "odin", "haxe"],
        comments: &["//", "#"],
        quotes: &[TRIPLE, DOUBLE, SINGLE],
        keywords: &["address", "bool", "break", "bytes", "const", "constructor", "continue", "contract", "directive", "else", "emit", "enum", "event",
            "extend", "external", "fn", "for", "fragment", "function", "if", "implements", "import", "input", "int32", "int64", "interface", "let",
            "mapping", "memory", "message", "model", "modifier", "mutation", "oneof", "option", "optional", "package", "payable", "pragma", "private",
            "public", "pure", "query", "repeated", "require", "reserved", "return", "returns", "rpc", "scalar", "schema", "service", "storage", "string",
            "struct", "subscription", "syntax", "type", "uint256", "union", "using", "var", "view", "virtual", "while"],
        ..C_LIKE
    },
    Language {
        names: &["vim", "viml", "vimscript"],
        comments: &["\""],
        blocks: &[],
        quotes: &[DOUBLE, SINGLE_RAW],
        keywords: &["augroup", "autocmd", "call", "colorscheme", "command", "echo", "else", "endfor", "endfunction", "endif", "endwhile", "for", "function",
            "if", "in", "inoremap", "let", "map", "nnoremap", "noremap", "return", "set", "syntax", "vnoremap", "while"],
        ..C_LIKE
    },
    Language {
        names: &["nginx", "apache", "caddyfile", "caddy", "haproxy"],
        keywords: &["events", "http", "if", "include", "listen", "location", "proxy_pass", "return", "rewrite", "root", "server", "server_name", "upstream",
            "worker_processes"],
        ..HASH
    },
    Language { names: &["json", "jsonc", "json5", "jsonl", "ndjson"], kind: Kind::Keyed, ..C_LIKE },
    Language { names: &["css", "scss", "less", "sass"], kind: Kind::Keyed, comments: &["// "], ..C_LIKE },
    Language { names: &["yaml", "yml", "docker-compose", "k8s", "openapi", "http"], kind: Kind::Keyed, ..HASH },
    Language { names: &["toml", "properties", "env", "dotenv"], kind: Kind::Assigned, quotes: &[TRIPLE, TRIPLE_SINGLE, DOUBLE, SINGLE_RAW], ..HASH },
    Language { names: &["ini", "cfg", "conf", "gitconfig", "systemd", "desktop"], kind: Kind::Assigned, comments: &["#", ";"], quotes: &[DOUBLE], ..HASH },
    Language { names: &["nix", "hcl", "terraform", "tf"], kind: Kind::Assigned, quotes: &[DOUBLE], ..HASH },
    Language { names: &["html", "htm", "html5", "xml", "svg", "xhtml", "vue", "svelte", "astro", "xaml", "xsl", "plist", "jinja", "handlebars", "erb", "php-html"], kind: Kind::Markup, comments: &[], blocks: &[("<!--", "-->")], ..C_LIKE },
    Language { names: &["diff", "patch", "udiff", "git-diff"], kind: Kind::Diff, ..C_LIKE },
];
