//! Where Vim's motions lead.

use crate::app::text_area::TextArea;

/// What of the text between is meant when an operator is before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Exclusive,
    /// With the character that it leads to.
    Inclusive,
    Lines,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Motion {
    pub to: usize,
    pub span: Span,
}

/// A character that is looked for in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Find {
    pub wanted: char,
    pub back: bool,
    /// Not onto it, but next to it.
    pub till: bool,
}

/// What a character belongs to; a word is a run of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Space,
    Word,
    Sign,
    /// A chip, each a word of its own.
    Chip,
}

/// `big`: everything that is not a space is one word.
pub(super) fn class(text: &str, at: usize, big: bool) -> Class {
    match text[at..].chars().next() {
        None => Class::Space,
        Some(c) if c.is_whitespace() => Class::Space,
        Some(_) if big => Class::Word,
        Some('\u{fffc}') => Class::Chip,
        Some(c) if c.is_alphanumeric() || c == '_' => Class::Word,
        Some(_) => Class::Sign,
    }
}

/// So many characters on, but not out of the line.
pub(super) fn forward(area: &TextArea, from: usize, times: usize) -> usize {
    let end = area.line_end(from);
    (0..times).fold(from, |at, _| if at < end { area.after(at) } else { at })
}

/// The same, back.
pub(super) fn back(area: &TextArea, from: usize, times: usize) -> usize {
    let start = area.line_start(from);
    (0..times).fold(from, |at, _| if at > start { area.before(at) } else { at })
}

/// The first character of a line that is not a space.
pub(super) fn first_of_line(area: &TextArea, at: usize) -> usize {
    let (start, end) = (area.line_start(at), area.line_end(at));
    let line = &area.text()[start..end];
    start + (line.len() - line.trim_start().len())
}

/// Lines count from 1.
pub(super) fn to_line(area: &TextArea, line: usize) -> Motion {
    let mut start = 0;
    for _ in 1..line {
        let end = area.line_end(start);
        if end == area.text().len() {
            break;
        }
        start = end + 1;
    }
    Motion { to: first_of_line(area, start), span: Span::Lines }
}

pub(super) fn motion(area: &TextArea, key: char, times: usize, backwards: bool) -> Option<Motion> {
    let at = area.cursor();
    let exclusive = |to| Some(Motion { to, span: Span::Exclusive });
    let inclusive = |to| Some(Motion { to, span: Span::Inclusive });
    let repeated = |step: &dyn Fn(usize) -> usize| (0..times).fold(at, |at, _| step(at));
    match key {
        'h' => exclusive(back(area, at, times)),
        'l' | ' ' => exclusive(forward(area, at, times)),
        'w' | 'W' => exclusive(repeated(&|at| next_word(area, at, key == 'W'))),
        'b' | 'B' => exclusive(repeated(&|at| word_before(area, at, key == 'B'))),
        'E' if backwards => inclusive(repeated(&|at| end_before(area, at))),
        'e' | 'E' => inclusive(repeated(&|at| next_end(area, at, key == 'E'))),
        '0' => exclusive(area.line_start(at)),
        '^' => exclusive(first_of_line(area, at)),
        '$' => {
            let end = (1..times).fold(area.line_end(at), |end, _| area.line_end((end + 1).min(area.text().len())));
            exclusive(end)
        }
        'j' | 'k' => {
            let mut to = area.line_start(at);
            for _ in 0..times {
                let next = if key == 'j' { area.line_end(to) + 1 } else { area.line_start(to.checked_sub(1)?) };
                to = (next <= area.text().len()).then_some(next)?;
            }
            Some(Motion { to, span: Span::Lines })
        }
        '{' => exclusive(repeated(&|at| paragraph_before(area, at))),
        '}' => exclusive(repeated(&|at| paragraph_after(area, at))),
        '%' => inclusive(super::objects::partner(area)?),
        _ => None,
    }
}

/// To the end of a word, for `cw`: of the one that the cursor is in, even on its last character.
pub(super) fn word_end(area: &TextArea, times: usize, big: bool) -> Motion {
    let first = end_of(area, area.cursor(), big);
    let to = (1..times).fold(first, |at, _| next_end(area, at, big));
    Motion { to, span: Span::Inclusive }
}

/// With an operator before it, the last word of a line ends there.
pub(super) fn within_line(area: &TextArea, motion: Motion) -> Motion {
    let at = area.cursor();
    let text = &area.text()[at..motion.to];
    let kept = text.trim_end();
    match text[kept.len()..].find('\n') {
        Some(feed) if kept.len() + feed > 0 => Motion { to: at + kept.len() + feed, ..motion },
        _ => motion,
    }
}

/// An empty line counts as a word.
fn is_empty_line(area: &TextArea, at: usize) -> bool {
    area.line_start(at) == at && area.line_end(at) == at
}

/// The end of the run that a place is in: its last character.
fn end_of(area: &TextArea, at: usize, big: bool) -> usize {
    let text = area.text();
    let of = class(text, at, big);
    let mut last = at;
    loop {
        let next = area.after(last);
        if of == Class::Chip || next >= text.len() || class(text, next, big) != of {
            return last;
        }
        last = next;
    }
}

fn next_word(area: &TextArea, at: usize, big: bool) -> usize {
    let text = area.text();
    let mut to = if class(text, at, big) == Class::Space { at } else { area.after(end_of(area, at, big)) };
    while to < text.len() && class(text, to, big) == Class::Space {
        if to > at && is_empty_line(area, to) {
            break;
        }
        to = area.after(to);
    }
    to
}

fn next_end(area: &TextArea, at: usize, big: bool) -> usize {
    let text = area.text();
    let mut to = area.after(at);
    while to < text.len() && class(text, to, big) == Class::Space {
        to = area.after(to);
    }
    if to >= text.len() { at.max(area.before(text.len())) } else { end_of(area, to, big) }
}

fn word_before(area: &TextArea, at: usize, big: bool) -> usize {
    let text = area.text();
    let mut to = area.before(at);
    while to > 0 && class(text, to, big) == Class::Space && !is_empty_line(area, to) {
        to = area.before(to);
    }
    start_of(area, to, big)
}

/// The beginning of the run that a place is in.
pub(super) fn start_of(area: &TextArea, at: usize, big: bool) -> usize {
    let text = area.text();
    let of = class(text, at, big);
    let mut first = at;
    while first > 0 && matches!(of, Class::Word | Class::Sign) {
        let before = area.before(first);
        if class(text, before, big) != of {
            break;
        }
        first = before;
    }
    first
}

/// The end of the word before, for `ge`.
fn end_before(area: &TextArea, at: usize) -> usize {
    let text = area.text();
    let mut to = start_of(area, at, false);
    to = area.before(to);
    while to > 0 && class(text, to, false) == Class::Space {
        to = area.before(to);
    }
    to
}

fn paragraph_before(area: &TextArea, at: usize) -> usize {
    let mut start = area.line_start(at);
    while start > 0 {
        start = area.line_start(start - 1);
        if is_empty_line(area, start) && !area.text()[start..area.line_end(at)].trim().is_empty() {
            return start;
        }
    }
    0
}

fn paragraph_after(area: &TextArea, at: usize) -> usize {
    let mut end = area.line_end(at);
    while end < area.text().len() {
        let start = end + 1;
        if is_empty_line(area, start) && !area.text()[area.line_start(at)..start].trim().is_empty() {
            return start;
        }
        end = area.line_end(start);
    }
    area.text().len()
}

/// `again`: next to the character already, the next one is meant.
pub(super) fn find(area: &TextArea, find: Find, times: usize, again: bool) -> Option<Motion> {
    let Find { wanted, back, till } = find;
    let at = area.cursor();
    let (start, end) = (area.line_start(at), area.line_end(at));
    let text = area.text();
    let is_it = |place: usize| text[place..].starts_with(wanted);
    let mut to = at;
    if again && till {
        let next = if back { area.before(at) } else { area.after(at) };
        if (start..end).contains(&next) && is_it(next) {
            to = next;
        }
    }
    for _ in 0..times {
        loop {
            if if back { to <= start } else { to >= end } {
                return None;
            }
            to = if back { area.before(to) } else { area.after(to) };
            if to < end && is_it(to) {
                break;
            }
        }
    }
    Some(match (back, till) {
        (false, false) => Motion { to, span: Span::Inclusive },
        (false, true) => Motion { to: area.before(to), span: Span::Inclusive },
        (true, false) => Motion { to, span: Span::Exclusive },
        (true, true) => Motion { to: area.after(to), span: Span::Exclusive },
    })
}
