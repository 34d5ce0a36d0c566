//! Reads a formula and sets it in characters. What it does not know stays as it was written.

use super::environment;
use super::layout::{Block, Class, Row};
use super::symbols;

/// Longer ones, and deeper ones, are shown as they were written.
const LONGEST: usize = 8 << 10;
const DEEPEST: usize = 40;

/// Bytes that a formula may come to: what takes more than this of so little text is made to do so.
const LARGEST: usize = 4 * LONGEST;

/// The formula cannot be read: a brace is missing, or it is out of all proportion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

type Read<T> = Result<T, Unreadable>;

/// A formula as rows of characters. `display`: it stands alone, and may take several rows.
pub(super) fn set(tex: &str, display: bool) -> Option<Block> {
    if tex.len() > LONGEST {
        return None;
    }
    let mut parser = Parser { tex, at: 0, depth: 0, flat: !display };
    let mut rows = vec![environment::Cells::default()];
    loop {
        let cell = parser.row(End::Formula).ok()?;
        if let Some(row) = rows.last_mut() {
            row.push(cell);
        }
        match parser.token() {
            None => break,
            Some("&") => {}
            Some("\\\\") => {
                parser.skip_gap();
                rows.push(environment::Cells::default());
            }
            Some(_) => return None,
        }
    }
    bounded(environment::aligned(rows, !display)).ok()
}

/// What has not grown out of all proportion.
fn bounded(block: Block) -> Read<Block> {
    if block.rows.iter().map(String::len).sum::<usize>() > LARGEST { Err(Unreadable) } else { Ok(block) }
}

pub(super) struct Parser<'a> {
    tex: &'a str,
    at: usize,
    depth: usize,
    /// Everything is to be in one row.
    flat: bool,
}

/// What ends a row of parts, beside the end of the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// `&`, `\\`, `\end`.
    Formula,
    Brace,
    Bracket,
    /// `\right`.
    Right,
}

impl<'a> Parser<'a> {
    /// The next token without taking it: a command, or a character. White space is passed over.
    fn peek(&mut self) -> Option<&'a str> {
        let rest = self.tex[self.at..].trim_start();
        self.at = self.tex.len() - rest.len();
        let first = rest.chars().next()?;
        if first != '\\' {
            return Some(&rest[..first.len_utf8()]);
        }
        let name = rest[1..].find(|c: char| !c.is_ascii_alphabetic()).map_or(rest.len(), |end| end + 1);
        let end = if name > 1 { name } else { rest.chars().take(2).map(char::len_utf8).sum() };
        Some(&rest[..end])
    }

    fn token(&mut self) -> Option<&'a str> {
        let token = self.peek()?;
        self.at += token.len();
        Some(token)
    }

    /// The length that may follow `\\`: `[4pt]`.
    fn skip_gap(&mut self) {
        if self.tex[self.at..].starts_with('[')
            && let Some(end) = self.tex[self.at..].find(']').filter(|&end| end < 12)
        {
            self.at += end + 1;
        }
    }

    /// Parts up to an end, which is not taken.
    fn row(&mut self, end: End) -> Read<Block> {
        self.row_of(end, false)
    }

    fn row_of(&mut self, end: End, tight: bool) -> Read<Block> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Unreadable);
        }
        let mut row = Row::default();
        while let Some(token) = self.peek() {
            match token {
                "}" | "\\right" | "\\end" => break,
                "]" if end == End::Bracket => break,
                "&" | "\\\\" if matches!(end, End::Formula | End::Right) => break,
                _ => self.part(&mut row)?,
            }
        }
        self.depth -= 1;
        bounded(row.join(tight))
    }

    /// One part, or what changes the part before it.
    fn part(&mut self, row: &mut Row) -> Read<()> {
        let Some(token) = self.token() else { return Ok(()) };
        match token {
            "^" | "_" => return self.script(row, token),
            "'" => {
                let mut primes = 1;
                while self.peek() == Some("'") {
                    self.token();
                    primes += 1;
                }
                let sign = match primes {
                    2 => "″".to_owned(),
                    3 => "‴".to_owned(),
                    count => "′".repeat(count),
                };
                row.push(Class::Close, Block::text(sign), false);
                return Ok(());
            }
            "~" | "\\\\" => row.push(Class::Space, Block::text(" "), false),
            // Braces may be around anything; they say nothing of their own.
            "{" => {
                let block = self.braced()?;
                row.push(Class::Ord, block, false);
            }
            _ => match token.strip_prefix('\\') {
                Some(name) => self.command(name, row)?,
                None => row.push(class_of(token), Block::text(sign_of(token)), false),
            },
        }
        Ok(())
    }

    /// The rest of a group whose opening brace was taken.
    fn braced(&mut self) -> Read<Block> {
        let block = self.row(End::Brace)?;
        self.expect("}")?;
        Ok(block)
    }

    fn expect(&mut self, token: &str) -> Read<()> {
        if self.token() == Some(token) { Ok(()) } else { Err(Unreadable) }
    }

    /// A group, or the one token that stands in for it.
    fn argument(&mut self, tight: bool) -> Read<Block> {
        match self.peek() {
            Some("{") => {
                self.token();
                let flat = std::mem::replace(&mut self.flat, true);
                let block = self.row_of(End::Brace, tight);
                self.flat = flat;
                let block = block?;
                self.expect("}")?;
                Ok(Block::text(block.flat()))
            }
            None | Some("}" | "&" | "\\\\" | "^" | "_") => Err(Unreadable),
            Some(_) => {
                let mut row = Row::default();
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err(Unreadable);
                }
                self.part(&mut row)?;
                self.depth -= 1;
                bounded(Block::text(row.join(true).flat()))
            }
        }
    }

    fn flat_argument(&mut self) -> Read<String> {
        Ok(self.argument(false)?.flat())
    }

    /// The text of a group as it stands, for names and words.
    fn raw_argument(&mut self) -> Read<&'a str> {
        self.expect("{")?;
        let begin = self.at;
        let mut depth = 1;
        for (index, c) in self.tex[begin..].char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.at = begin + index + 1;
                return Ok(&self.tex[begin..begin + index]);
            }
        }
        Err(Unreadable)
    }

    fn optional(&mut self) -> Read<Option<String>> {
        if self.peek() != Some("[") {
            return Ok(None);
        }
        self.token();
        let block = self.row_of(End::Bracket, true)?;
        self.expect("]")?;
        Ok(Some(block.flat()))
    }

    fn script(&mut self, row: &mut Row, mark: &str) -> Read<()> {
        let text = self.argument(true)?.flat();
        let (class, base) = row.pop().unwrap_or((Class::Ord, Block::text("")));
        // What belongs to a bracket or a word stays one with it.
        let class = if class == Class::Bin { Class::Ord } else { class };
        let (text, ends_open) = script(&text, mark);
        row.push(class, Block::beside(vec![base, Block::text(text)]), ends_open);
        Ok(())
    }

    fn command(&mut self, name: &'a str, row: &mut Row) -> Read<()> {
        if let Some((sign, class)) = symbols::symbol(name) {
            row.push(class, Block::text(sign), false);
        } else if symbols::is_function(name) {
            row.push(Class::Function, Block::text(name), false);
        } else if let Some(mark) = symbols::accent(name) {
            let text = self.flat_argument()?;
            row.push(Class::Ord, Block::text(accented(&text, name, mark)), false);
        } else if let Some(hand) = symbols::alphabet(name) {
            let text: String = self.flat_argument()?.chars().map(hand).collect();
            row.push(Class::Ord, Block::text(text), false);
        } else if !symbols::is_ignored(name) {
            return self.construct(name, row);
        }
        Ok(())
    }

    /// A command with something to it.
    fn construct(&mut self, name: &'a str, row: &mut Row) -> Read<()> {
        match name {
            "left" => return self.fenced(row),
            "begin" => {
                let block = self.environment()?;
                row.push(Class::Ord, block, false);
            }
            "frac" | "dfrac" | "tfrac" | "cfrac" | "nicefrac" => {
                let (above, below) = (self.flat_argument()?, self.flat_argument()?);
                let is_character = symbols::vulgar(&above, &below).is_some();
                if row.last() == Some(Class::Ord) && !is_character {
                    row.push(Class::Space, Block::text(" "), false);
                }
                row.push(Class::Ord, Block::text(fraction(&above, &below)), !is_character);
            }
            "sqrt" => {
                let degree = self.optional()?;
                let text = self.flat_argument()?;
                row.push(Class::Ord, Block::text(root(degree.as_deref(), &text)), !is_single(&text));
            }
            "overset" | "stackrel" | "underset" => {
                let (mark, base) = (self.argument(true)?.flat(), self.flat_argument()?);
                let (mark, ends_open) = script(&mark, if name == "underset" { "_" } else { "^" });
                row.push(Class::Rel, Block::text(base + &mark), ends_open);
            }
            "pmod" => {
                let text = self.flat_argument()?;
                row.push(Class::Space, Block::text(" "), false);
                row.push(Class::Ord, Block::text(format!("(mod {text})")), false);
            }
            _ => match self.wording(name)? {
                Some((class, text)) => row.push(class, Block::text(text), false),
                None => row.push(Class::Ord, Block::text(format!("\\{name}")), true),
            },
        }
        Ok(())
    }

    /// Commands that come down to a text; `None` for one that is not known.
    fn wording(&mut self, name: &str) -> Read<Option<(Class, String)>> {
        Ok(Some(match name {
            "text" | "textrm" | "textbf" | "textit" | "textsf" | "texttt" | "textnormal" | "mbox" | "emph" => {
                (Class::Ord, self.raw_argument()?.replace(['\\', '$', '{', '}'], ""))
            }
            "mathrm" | "mathit" | "mathsf" | "mathtt" | "mathnormal" | "mathop" | "mathbin" | "mathrel" | "mathord"
            | "underbrace" | "overbrace" | "cancel" | "substack" | "smash" | "ensuremath" => {
                (Class::Ord, self.flat_argument()?)
            }
            "operatorname" => {
                if self.peek() == Some("*") {
                    self.token();
                }
                (Class::Function, self.flat_argument()?)
            }
            "binom" | "dbinom" | "tbinom" => {
                let (above, below) = (self.flat_argument()?, self.flat_argument()?);
                (Class::Ord, format!("({above} choose {below})"))
            }
            "ce" => (Class::Ord, chemistry(self.raw_argument()?)),
            "not" => {
                let sign = self.argument(true)?.flat();
                (Class::Rel, symbols::negated(&sign).map_or_else(|| format!("{sign}\u{338}"), str::to_owned))
            }
            "bmod" => (Class::Rel, "mod".to_owned()),
            "boxed" | "fbox" => (Class::Ord, format!("[ {} ]", self.flat_argument()?)),
            "tag" => (Class::Space, format!("    ({})", self.raw_argument()?)),
            "xrightarrow" | "xleftarrow" => {
                self.optional()?;
                let text = self.flat_argument()?;
                let arrow = if name == "xrightarrow" { "→" } else { "←" };
                (Class::Rel, if text.is_empty() { arrow.to_owned() } else { format!("─{text}{arrow}") })
            }
            "color" | "label" | "hspace" | "vspace" | "phantom" | "hphantom" | "vphantom" => {
                self.raw_argument()?;
                (Class::Space, String::new())
            }
            "textcolor" | "colorbox" => {
                self.raw_argument()?;
                (Class::Ord, self.flat_argument()?)
            }
            _ => return Ok(None),
        }))
    }

    /// `\left( … \right)`
    fn fenced(&mut self, row: &mut Row) -> Read<()> {
        let open = self.bracket()?;
        let mut rows = vec![environment::Cells::default()];
        loop {
            let cell = self.row(End::Right)?;
            if let Some(row) = rows.last_mut() {
                row.push(cell);
            }
            match self.token() {
                Some("\\right") => break,
                Some("&") => {}
                Some("\\\\") => rows.push(environment::Cells::default()),
                _ => return Err(Unreadable),
            }
        }
        let close = self.bracket()?;
        let inner = environment::aligned(rows, self.flat);
        row.push(Class::Close, inner.enclosed(&open, &close), false);
        Ok(())
    }

    /// The bracket after `\left` or `\right`; a dot is none.
    fn bracket(&mut self) -> Read<String> {
        let token = self.token().ok_or(Unreadable)?;
        if token == "." {
            return Ok(String::new());
        }
        let sign = token.strip_prefix('\\').and_then(symbols::symbol).map(|(sign, _)| sign);
        Ok(sign.unwrap_or(token).to_owned())
    }

    fn environment(&mut self) -> Read<Block> {
        let name = self.raw_argument()?.trim_end_matches('*');
        if matches!(name, "array" | "tabular" | "alignat" | "alignedat") && self.peek() == Some("{") {
            self.raw_argument()?;
        }
        let mut rows = vec![environment::Cells::default()];
        loop {
            let cell = self.row(End::Formula)?;
            if let Some(row) = rows.last_mut() {
                row.push(cell);
            }
            match self.token() {
                Some("&") => {}
                Some("\\\\") => {
                    self.skip_gap();
                    rows.push(environment::Cells::default());
                }
                Some("\\end") => break,
                _ => return Err(Unreadable),
            }
        }
        self.raw_argument()?;
        Ok(environment::set(name, rows, self.flat))
    }
}

fn class_of(token: &str) -> Class {
    match token {
        "+" | "-" | "*" | "−" | "×" | "·" | "±" | "÷" => Class::Bin,
        "=" | "<" | ">" | ":" | "≤" | "≥" | "≠" | "≈" | "→" | "∈" => Class::Rel,
        "(" | "[" => Class::Open,
        ")" | "]" | "!" => Class::Close,
        "," | ";" => Class::Punct,
        _ => Class::Ord,
    }
}

fn sign_of(token: &str) -> &str {
    match token {
        "-" => "−",
        "*" => "∗",
        other => other,
    }
}

/// Whether a text is one thing to the eye: a number, or a letter with what belongs to it: `x`, `xᵢ′`, `P(A)`.
fn is_single(text: &str) -> bool {
    let mut chars = text.chars();
    if chars.next().is_some_and(|first| first.is_ascii_digit()) {
        return text.chars().all(|c| c.is_ascii_digit() || c == '.');
    }
    // Scripts, accents and primes belong to the letter.
    let belongs =
        |c: char| is_accent(c) || matches!(c, '′'..='‴' | '²' | '³' | '¹' | 'ᴬ'..='ᵿ' | '⁰'..='₎' | 'ₐ'..='ₜ');
    let rest = chars.as_str().trim_start_matches(belongs);
    rest.is_empty() || is_enclosed(rest)
}

fn bracketed(text: &str) -> String {
    if is_single(text) || is_enclosed(text) { text.to_owned() } else { format!("({text})") }
}

/// Whether one pair of brackets is around all of it.
fn is_enclosed(text: &str) -> bool {
    let mut depth = 0_i32;
    let whole = text.starts_with('(') && text.ends_with(')');
    whole
        && text.char_indices().all(|(at, c)| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth > 0 || at + 1 == text.len()
        })
}

fn fraction(above: &str, below: &str) -> String {
    if let Some(character) = symbols::vulgar(above, below) {
        return character.to_owned();
    }
    // Above the line only what adds up needs brackets: `2ab/c`.
    let mut depth = 0_i32;
    let adds = above.chars().enumerate().any(|(index, c)| {
        depth += i32::from(matches!(c, '(' | '[')) - i32::from(matches!(c, ')' | ']'));
        depth == 0 && index > 0 && matches!(c, ' ' | '/' | '+' | '−')
    });
    let above = if adds && !is_enclosed(above) { format!("({above})") } else { above.to_owned() };
    format!("{above}/{}", bracketed(below))
}

fn root(degree: Option<&str>, text: &str) -> String {
    let sign = match degree {
        None | Some("2") => "√".to_owned(),
        Some("3") => "∛".to_owned(),
        Some("4") => "∜".to_owned(),
        Some(other) => symbols::raised(other).map_or_else(|| format!("({other})√"), |raised| raised + "√"),
    };
    sign + &bracketed(text)
}

/// Raised or lowered where Unicode can, and whether its end could be read into what follows.
fn script(text: &str, mark: &str) -> (String, bool) {
    let found = if mark == "^" { symbols::raised(text) } else { symbols::lowered(text) };
    if let Some(found) = found {
        return (found, false);
    }
    let plain = text.chars().count() == 1 || (mark == "_" && text.chars().all(char::is_alphanumeric));
    (if plain { format!("{mark}{text}") } else { format!("{mark}({text})") }, true)
}

/// A mark on the letter before it.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}')
}

fn accented(text: &str, name: &str, mark: char) -> String {
    // A line goes over all of it, an arrow or a hat stands once.
    let everywhere = matches!(name, "overline" | "underline" | "underbar");
    let last = text.chars().count().saturating_sub(1);
    let mut accented = String::with_capacity(text.len() * 2);
    for (index, c) in text.chars().enumerate() {
        accented.push(c);
        // The accents that letters have already are no letters to be marked.
        let is_marked = if everywhere { !is_accent(c) } else { index == last };
        if is_marked {
            accented.push(mark);
        }
    }
    accented
}

/// `H2O`, `Fe^{3+}`, `2H2 + O2 -> 2H2O`
fn chemistry(text: &str) -> String {
    let text = text.replace("<=>", "⇌").replace("->", "→").replace("<-", "←");
    let mut shown = String::with_capacity(text.len());
    let mut raised = false;
    for c in text.chars() {
        let after = shown.chars().next_back();
        let mut buffer = [0; 4];
        match c {
            '^' => raised = true,
            '{' | '}' | '_' => {}
            ' ' => {
                raised = false;
                shown.push(' ');
            }
            '0'..='9' | '+' | '-' if raised => {
                shown.push_str(&symbols::raised(c.encode_utf8(&mut buffer)).unwrap_or_default());
            }
            '0'..='9' if after.is_some_and(|c| c.is_alphabetic() || matches!(c, ')' | ']' | '₀'..='₉')) => {
                shown.push_str(&symbols::lowered(c.encode_utf8(&mut buffer)).unwrap_or_default());
            }
            c => {
                raised = false;
                shown.push(c);
            }
        }
    }
    shown
}
