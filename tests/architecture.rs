//! Holds the floors: who may import whom, which crates stay behind which door, and what pure code may not do.
//!
//! It reads the sources as tokens (comments and texts left out), so that a path counts wherever it stands and however it
//! is written: `use crate::{a, b::c}`, `crate::a::f()`, `super::super::a`.

use std::fs;
use std::path::{Path, PathBuf};

/// Which of our own modules each top-level module may name, beside itself. `a::b` allows that part of `a` alone.
const FLOORS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("domain", &["error"]),
    ("config", &["domain", "error"]),
    ("text", &["config::theme", "domain", "error"]),
    ("app", &["text", "config", "domain", "error"]),
    ("ui", &["app", "text", "config", "domain", "error"]),
    ("engine", &["config", "domain", "error", "machine"]),
    ("hub", &["config", "domain", "error", "machine"]),
    ("store", &["config", "domain", "error"]),
    ("log", &["config", "domain", "error"]),
    ("machine", &["domain"]),
    ("measurements", &["config", "domain", "error"]),
    ("cli", &["config", "domain::completion", "domain::units", "error"]),
    (
        "headless",
        &[
            "engine",
            "hub",
            "store",
            "config",
            "domain",
            "error",
            "log",
            "machine",
            "measurements",
            "text::sanitize",
            "text::Sanitizer",
            "text::wrap",
        ],
    ),
    (
        "runtime",
        &["app", "ui", "text", "engine", "hub", "store", "config", "domain", "error", "log", "machine", "measurements"],
    ),
    ("main", &["cli", "headless", "runtime", "engine::host", "config", "error", "log"]),
    // The other half of `main`: what the interface is made of.
    ("interface", &["headless", "runtime", "app", "engine", "hub", "store", "config", "error", "machine"]),
];

/// Crates that only some files may name, by the beginning of the path below `src`.
const DOORS: &[(&str, &[&str])] = &[
    ("mistralrs", &["engine/mistral"]),
    ("mistralrs_core", &["engine/mistral"]),
    ("mistralrs_quant", &["engine/mistral"]),
    ("candle_core", &["engine/mistral"]),
    ("hf_hub", &["hub/", "engine/remote"]),
    ("reqwest", &["hub/", "engine/remote"]),
    ("rusqlite", &["store/"]),
    ("crossterm", &["runtime/"]),
    ("chrono", &["machine/zone.rs"]),
    ("clap", &["cli.rs", "cli/", "main.rs"]),
];

/// Modules without a clock, without a runtime, without I/O of their own: what they do follows from what they are given.
const PURE: &[&str] = &["domain", "config", "text", "app", "ui"];

/// Where printing is the point.
const PRINTERS: &[&str] = &["main", "headless"];

const MOST_LINES: usize = 600;
/// Longer files, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

#[test]
fn the_floors_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 20, "the sources are where this test looks for them");
    let mut broken = Vec::new();
    for path in files {
        let name = path.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/");
        let source = fs::read_to_string(&path).expect("a source file can be read");
        broken.extend(check(&name, &source));
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// All that is wrong with one file; `name` is its path below `src`.
fn check(name: &str, source: &str) -> Vec<String> {
    let module = name.split('/').next().unwrap_or(name).trim_end_matches(".rs");
    if module == "lib" {
        return Vec::new();
    }
    let Some((_, allowed)) = FLOORS.iter().find(|(floor, _)| *floor == module) else {
        return vec![format!("{name}: `{module}` has no floor; give it one")];
    };
    let mut broken = Vec::new();
    let tokens = tokens(source);
    let own = outside_tests(name, &tokens);
    for (path, line) in paths(name, &tokens) {
        let top = path.split("::").next().unwrap_or_default();
        let ours = FLOORS.iter().any(|(floor, _)| *floor == top);
        let within = |rule: &str| path == rule || path.starts_with(&format!("{rule}::"));
        if ours && top != module && !allowed.iter().any(|rule| within(rule)) {
            broken.push(format!("{name}:{line}: `{module}` may not know `{path}`"));
        }
    }
    for (index, token) in tokens.iter().enumerate() {
        let door = DOORS.iter().find(|(krate, _)| token.text == *krate);
        if let Some((krate, homes)) = door
            && is_crate(&tokens, index)
            && !homes.iter().any(|home| name.starts_with(home))
        {
            broken.push(format!("{name}:{}: `{krate}` belongs to {}", token.line, homes.join(", ")));
        }
    }
    for (index, token) in own.iter().enumerate() {
        let next = |n: usize| own.get(index + n).map_or("", |token| token.text.as_str());
        if PURE.contains(&module) {
            if token.text == "tokio" && is_crate(&own, index) {
                broken.push(format!("{name}:{}: no runtime in `{module}`", token.line));
            }
            if ["Instant", "SystemTime"].contains(&token.text.as_str()) && next(1) == "::" && next(2) == "now" {
                broken.push(format!("{name}:{}: no clock in `{module}`: the caller brings the time", token.line));
            }
        }
        let prints = ["print", "println", "eprint", "eprintln", "dbg"].contains(&token.text.as_str());
        if prints && next(1) == "!" && !PRINTERS.contains(&module) {
            broken.push(format!("{name}:{}: `{}!` outside of {}", token.line, token.text, PRINTERS.join(" and ")));
        }
    }
    let lines = source.lines().count();
    if lines > MOST_LINES && !LONG_FILES.iter().any(|(file, _)| *file == name) {
        broken.push(format!("{name}: {lines} lines; split it by concept, or list it with a reason"));
    }
    broken
}

#[derive(Debug, Clone, PartialEq)]
struct Token {
    text: String,
    line: usize,
}

/// Words, `::` and single signs; no comments, no texts, no characters.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let (mut i, mut line) = (0, 1);
    while i < chars.len() {
        let start = i;
        let first_line = line;
        match at(i) {
            '/' if at(i + 1) == '/' => i = skip(&chars, i, |rest| rest[0] == '\n'),
            '/' if at(i + 1) == '*' => {
                let mut depth = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 || i >= chars.len() {
                        break;
                    }
                }
            }
            '"' => i = end_of_text(&chars, i),
            'r' if raw_hashes(&chars, i).is_some() => {
                let hashes = raw_hashes(&chars, i).unwrap_or(0);
                let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
                i = skip(&chars, i + hashes + 2, |rest| rest.starts_with(&end)) + end.len();
            }
            // 'x' and '\n' are characters, 'a is a lifetime.
            '\'' if at(i + 1) == '\\' => i = skip(&chars, i + 3, |rest| rest[0] == '\'') + 1,
            '\'' if at(i + 2) == '\'' => i += 3,
            c if c.is_alphanumeric() || c == '_' => {
                i = skip(&chars, i, |rest| !(rest[0].is_alphanumeric() || rest[0] == '_'));
                tokens.push(Token { text: chars[start..i].iter().collect(), line });
            }
            ':' if at(i + 1) == ':' => {
                tokens.push(Token { text: "::".into(), line });
                i += 2;
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(Token { text: c.into(), line });
                }
                i += 1;
            }
        }
        i = i.min(chars.len()).max(start + 1);
        line = first_line + chars[start..i].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

/// The first place from `i` on where `stop` holds, else the end.
fn skip(chars: &[char], i: usize, stop: impl Fn(&[char]) -> bool) -> usize {
    (i..chars.len()).find(|&at| stop(&chars[at..])).unwrap_or(chars.len())
}

fn end_of_text(chars: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// The number of signs in `r#"`, if a raw text begins here.
fn raw_hashes(chars: &[char], i: usize) -> Option<usize> {
    let before = i.checked_sub(1).map(|b| chars[b]);
    if before.is_some_and(|c| c.is_alphanumeric() && c != 'b' || c == '_') {
        return None;
    }
    let hashes = chars[i + 1..].iter().take_while(|c| **c == '#').count();
    (chars.get(i + 1 + hashes) == Some(&'"')).then_some(hashes)
}

/// Whether the word stands at the front of a path or is imported by itself: a crate, not a field or a module of that name.
fn is_crate(tokens: &[Token], index: usize) -> bool {
    let text = |i: Option<usize>| i.and_then(|i| tokens.get(i)).map_or("", |token| token.text.as_str());
    let before = text(index.checked_sub(1));
    let after = text(Some(index + 1));
    // `use ::krate` begins a path as well.
    let leading =
        before == "::" && index.checked_sub(2).is_none_or(|i| matches!(text(Some(i)), "use" | "{" | "(" | ","));
    (before != "::" || leading) && before != "." && (after == "::" || before == "use")
}

/// The tokens that are built into the program: modules under `#[cfg(test)]` left out.
fn outside_tests(name: &str, tokens: &[Token]) -> Vec<Token> {
    if name.ends_with("/tests.rs") || name.contains("/tests/") {
        return Vec::new();
    }
    let attribute = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut out = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let is_test = tokens[i..].iter().take(attribute.len()).map(|token| token.text.as_str()).eq(attribute);
        if is_test {
            // Up to the end of the item: its closing brace, or its semicolon if it has no body.
            i += attribute.len();
            let mut depth = 0;
            while let Some(token) = tokens.get(i) {
                i += 1;
                match token.text.as_str() {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    ";" if depth == 0 => break,
                    _ => continue,
                }
                if depth == 0 && token.text == "}" {
                    break;
                }
            }
        } else {
            out.push(tokens[i].clone());
            i += 1;
        }
    }
    out
}

/// Every path into our own crate, from its root, with its line.
fn paths(name: &str, tokens: &[Token]) -> Vec<(String, usize)> {
    let text = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    let mut home: Vec<String> = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if home.last().is_some_and(|last| last == "mod") {
        home.pop();
    }
    let root = if ["main.rs", "interface.rs"].contains(&name) { "hobnob" } else { "crate" };
    let mut found = Vec::new();
    // Modules written in place, with the depth of braces that they end at.
    let mut inline: Vec<(String, usize)> = Vec::new();
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" => {
                depth += 1;
                if i >= 2 && text(i - 2) == "mod" {
                    inline.push((text(i - 1).to_owned(), depth));
                }
            }
            "}" => {
                if inline.last().is_some_and(|(_, at)| *at == depth) {
                    inline.pop();
                }
                depth = depth.saturating_sub(1);
            }
            word if word == root && text(i + 1) == "::" && (i == 0 || text(i - 1) != "::") => {
                tree(tokens, i + 2, &mut Vec::new(), &mut found);
            }
            "super" if i == 0 || text(i - 1) != "::" => {
                let mut here: Vec<String> = home.iter().cloned().chain(inline.iter().map(|(m, _)| m.clone())).collect();
                let mut next = i;
                while text(next) == "super" && text(next + 1) == "::" {
                    here.pop();
                    next += 2;
                }
                tree(tokens, next, &mut here, &mut found);
            }
            _ => {}
        }
    }
    found
}

/// Reads the rest of a path, with its groups, behind `front`; returns where it ends.
fn tree(tokens: &[Token], start: usize, front: &mut Vec<String>, found: &mut Vec<(String, usize)>) -> usize {
    let text = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    let line = tokens.get(start).map_or(0, |token| token.line);
    let mut i = start;
    let mut pushed = 0;
    loop {
        if text(i) == "{" {
            i += 1;
            while !matches!(text(i), "}" | "") {
                i = tree(tokens, i, front, found).max(i + 1);
                while !matches!(text(i), "," | "}" | "") {
                    i += 1;
                }
                if text(i) == "," {
                    i += 1;
                }
            }
            i += 1;
            break;
        }
        if !text(i).starts_with(|c: char| c.is_alphabetic() || c == '_') {
            found.push((front.join("::"), line));
            break;
        }
        front.push(text(i).to_owned());
        pushed += 1;
        i += 1;
        if text(i) != "::" {
            found.push((front.join("::"), line));
            break;
        }
        i += 1;
    }
    front.truncate(front.len() - pushed);
    i
}

#[test]
fn what_breaks_a_rule_is_caught() {
    let cases = [
        ("domain/model.rs", "use crate::config::Settings;", "may not know `config::Settings`"),
        ("app/mod.rs", "use crate::{domain::Role, engine};", "may not know `engine`"),
        ("app/chat.rs", "use crate::{text::{wrap, stream}, domain, ui::{self, draw}};", "may not know `ui::self`"),
        ("engine/link.rs", "fn f() { crate::hub::scan(); }", "may not know `hub::scan`"),
        ("engine/a/b.rs", "use super::super::super::app::App;", "may not know `app::App`"),
        ("text/mod.rs", "use crate::config::Settings;", "may not know `config::Settings`"),
        ("headless/run.rs", "use crate::text::markdown;", "may not know `text::markdown`"),
        ("headless/run.rs", "use crate::app::App;", "may not know `app::App`"),
        ("domain/mod.rs", "mod x { use super::super::hub; }", "may not know `hub`"),
        ("main.rs", "use hobnob::engine::link::Link;", "may not know `engine::link::Link`"),
        ("fresh.rs", "", "has no floor"),
        ("app/mod.rs", "use mistralrs::Model;", "`mistralrs` belongs to engine/mistral"),
        ("engine/host.rs", "fn f() { let x = mistralrs::core::X; }", "`mistralrs` belongs to engine/mistral"),
        ("headless/pull.rs", "use reqwest::Client;", "`reqwest` belongs to"),
        ("ui/mod.rs", "use ::crossterm::event;", "`crossterm` belongs to runtime/"),
        ("app/mod.rs", "use tokio::time;", "no runtime"),
        ("ui/chat.rs", "let a = std::time::Instant::now();", "no clock"),
        ("domain/mod.rs", "let a = SystemTime :: now();", "no clock"),
        ("engine/mod.rs", "println!(\"x\");", "`println!` outside"),
    ];
    for (name, source, expected) in cases {
        let broken = check(name, source);
        assert!(broken.iter().any(|line| line.contains(expected)), "{name}: {source}: {broken:?}");
    }
    let long = "\n".repeat(MOST_LINES + 1);
    assert!(check("ui/mod.rs", &long).iter().any(|line| line.contains("split it")));
}

#[test]
fn what_keeps_the_rules_passes() {
    let cases = [
        ("app/mod.rs", "use crate::{domain::Role, text::{self, wrap}}; use crate::app::x::Y;"),
        ("engine/mistral/load.rs", "use mistralrs::Model; use super::Backend; use super::super::protocol;"),
        ("text/mod.rs", "use crate::config::theme::{Theme, Glyphs};"),
        ("headless/x.rs", "use crate::text::{sanitize, Sanitizer}; fn f() { println!(); }"),
        (
            "domain/mod.rs",
            "// use crate::hub;\n/* crate::ui /* nested */ crate::app */ let a = \"crate::engine \\\" mistralrs::x\";",
        ),
        (
            "domain/mod.rs",
            "let a = r#\"\"crate::hub::x\" println!()\"#; let c = '\"'; let d = '\\''; let e: &'a str = \"tokio::x\";",
        ),
        ("domain/mod.rs", "#[cfg(test)]\nmod tests { fn t() { let a = Instant::now(); if a { tokio::x() } } }"),
        ("domain/mod.rs", "#[cfg(test)] use std::time::Instant; struct S { tokio: u8 } fn f(s: S) -> u8 { s.tokio }"),
        ("ui/tests.rs", "fn t() { let a = Instant::now(); }"),
        ("runtime/mod.rs", "use crate::{app, ui, engine::EngineHandle, hub}; use crossterm::event;"),
        ("main.rs", "use hobnob::engine::host; use hobnob::{cli, headless::run};"),
        ("lib.rs", "pub mod app; pub mod engine;"),
    ];
    for (name, source) in cases {
        assert_eq!(check(name, source), Vec::<String>::new(), "{name}: {source}");
    }
}
