//! Parts of a formula beside and above each other.

use crate::text::wrap;

/// How a part stands among its neighbours: TeX's classes, as far as a row of characters can follow them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Ord,
    /// A word: `sin`, `lim`.
    Function,
    /// `∑`, `∫`.
    Large,
    Bin,
    Rel,
    Open,
    Close,
    Punct,
    Space,
}

/// Rows of characters, one of which stands on the line of what is beside them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) rows: Vec<String>,
    pub(super) base: usize,
}

impl Block {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { rows: vec![text.into()], base: 0 }
    }

    /// In one row, whatever it was.
    pub(super) fn flat(self) -> String {
        self.rows.join(" ")
    }

    pub(super) fn is_tall(&self) -> bool {
        self.rows.len() > 1
    }

    fn width(&self) -> usize {
        self.rows.iter().map(|row| wrap::width(row)).max().unwrap_or(0)
    }

    /// Rows under each other, the middle one on the line.
    pub(super) fn stack(rows: Vec<Self>) -> Self {
        let rows: Vec<String> = rows.into_iter().flat_map(|block| block.rows).collect();
        let base = rows.len().saturating_sub(1) / 2;
        Self { rows, base }
    }

    /// Parts beside each other, their lines on one line.
    pub(super) fn beside(parts: Vec<Self>) -> Self {
        if parts.iter().all(|part| !part.is_tall()) {
            return Self::text(parts.into_iter().map(Self::flat).collect::<String>());
        }
        let above = parts.iter().map(|part| part.base).max().unwrap_or(0);
        let below = parts.iter().map(|part| part.rows.len().saturating_sub(part.base)).max().unwrap_or(0);
        let mut rows = vec![String::new(); above + below];
        for part in parts {
            let width = part.width();
            let from = above - part.base;
            for (index, row) in rows.iter_mut().enumerate() {
                let text = index.checked_sub(from).and_then(|index| part.rows.get(index)).map_or("", String::as_str);
                row.push_str(text);
                row.push_str(&" ".repeat(width - wrap::width(text)));
            }
        }
        Self { rows, base: above }
    }

    /// As wide as this, the text at the left, in the middle, or at the right.
    pub(super) fn padded(mut self, width: usize, align: Align) -> Self {
        for row in &mut self.rows {
            let spare = width.saturating_sub(wrap::width(row));
            let before = match align {
                Align::Left => 0,
                Align::Middle => spare / 2,
                Align::Right => spare,
            };
            *row = format!("{}{row}{}", " ".repeat(before), " ".repeat(spare - before));
        }
        self
    }

    /// Between brackets that are as tall as it is. An empty bracket is none.
    pub(super) fn enclosed(self, open: &str, close: &str) -> Self {
        let (height, base) = (self.rows.len(), self.base);
        let side = |bracket: &str| tall(bracket, height, base);
        let parts = [side(open), Some(self), side(close)];
        Self::beside(parts.into_iter().flatten().collect())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Middle,
    Right,
}

fn tall(bracket: &str, height: usize, base: usize) -> Option<Block> {
    if bracket.is_empty() {
        return None;
    }
    if height < 2 {
        return Some(Block::text(bracket));
    }
    let [top, side, bottom, middle] = match bracket {
        "(" => ["⎛", "⎜", "⎝", "⎜"],
        ")" => ["⎞", "⎟", "⎠", "⎟"],
        "[" => ["⎡", "⎢", "⎣", "⎢"],
        "]" => ["⎤", "⎥", "⎦", "⎥"],
        "{" => ["⎧", "⎪", "⎩", "⎨"],
        "}" => ["⎫", "⎪", "⎭", "⎬"],
        "|" => ["│"; 4],
        "‖" => ["‖"; 4],
        other => [other; 4],
    };
    let row = |index: usize| match index {
        0 => top,
        index if index + 1 == height => bottom,
        index if index == height / 2 => middle,
        _ => side,
    };
    Some(Block { rows: (0..height).map(|index| row(index).to_owned()).collect(), base })
}

/// A row of parts, with the space between them that their classes ask for.
#[derive(Debug, Default)]
pub(super) struct Row {
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    class: Class,
    block: Block,
    /// Its end could be read into what follows: `a/b`, `x^T`.
    ends_open: bool,
}

impl Row {
    pub(super) fn push(&mut self, class: Class, block: Block, ends_open: bool) {
        self.parts.push(Part { class, block, ends_open });
    }

    /// Takes the last part back: a script changes what it stands at.
    pub(super) fn pop(&mut self) -> Option<(Class, Block)> {
        self.parts.pop().map(|part| (part.class, part.block))
    }

    pub(super) fn last(&self) -> Option<Class> {
        self.parts.last().map(|part| part.class)
    }

    /// `tight`: in a script, where there is no room for spaces.
    pub(super) fn join(self, tight: bool) -> Block {
        let mut blocks = Vec::with_capacity(self.parts.len() * 2);
        let mut before: Option<Part> = None;
        let mut parts = self.parts.into_iter().peekable();
        while let Some(mut part) = parts.next() {
            // A sign with nothing to its left, or to its right, belongs to its number.
            let operand = before.as_ref().is_some_and(|before| {
                matches!(before.class, Class::Ord | Class::Close)
                    || (before.class == Class::Space && part.class == Class::Bin)
            });
            if part.class == Class::Bin && (!operand || parts.peek().is_none()) {
                part.class = Class::Open;
            }
            if let Some(before) = &before {
                let space = space_between(before, &part, tight);
                if space {
                    blocks.push(Block::text(" "));
                }
            }
            blocks.push(part.block.clone());
            before = Some(part);
        }
        Block::beside(blocks)
    }
}

fn space_between(before: &Part, after: &Part, tight: bool) -> bool {
    use Class::{Bin, Close, Function, Large, Open, Ord, Punct, Rel, Space};
    let starts_word = after.block.rows.iter().any(|row| row.chars().next().is_some_and(char::is_alphanumeric));
    if matches!(before.class, Space) || matches!(after.class, Space) {
        return false;
    }
    if (before.ends_open && starts_word) || (before.class == Function && matches!(after.class, Ord | Function)) {
        return true;
    }
    if after.class == Function && matches!(before.class, Ord | Close) {
        return true;
    }
    if tight {
        return false;
    }
    match (before.class, after.class) {
        (Rel, Rel) | (Open, _) | (_, Close | Punct) => false,
        (Rel | Bin | Punct, _) | (_, Rel | Bin) | (Ord | Close, Large) => true,
        (Large, Ord | Large | Open) => before.block.rows[before.block.base].chars().count() > 1,
        _ => false,
    }
}
