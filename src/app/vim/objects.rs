//! Vim's text objects: a word, what is in quotes or brackets, a paragraph.

use std::ops::Range;

use super::motions::{Class, class, start_of};
use crate::app::text_area::TextArea;

const PAIRS: [(u8, u8); 4] = [(b'(', b')'), (b'[', b']'), (b'{', b'}'), (b'<', b'>')];

/// What a key names around the cursor, and whether it is whole lines. `around`: with what belongs to it.
pub(super) fn object(area: &TextArea, key: char, around: bool) -> Option<(Range<usize>, bool)> {
    let range = match key {
        'w' | 'W' => word(area, key == 'W', around)?,
        '"' | '\'' | '`' => quoted(area, key, around)?,
        'p' => return Some((paragraph(area, around), true)),
        'b' => bracketed(area, (b'(', b')'), around)?,
        'B' => bracketed(area, (b'{', b'}'), around)?,
        _ => {
            let sign = u8::try_from(key).ok()?;
            let pair = PAIRS.into_iter().find(|(open, close)| [*open, *close].contains(&sign))?;
            bracketed(area, pair, around)?
        }
    };
    Some((range, false))
}

fn word(area: &TextArea, big: bool, around: bool) -> Option<Range<usize>> {
    let (text, at) = (area.text(), area.cursor());
    let line = area.line_start(at)..area.line_end(at);
    if line.is_empty() || at >= line.end {
        return None;
    }
    let run = |at: usize| {
        let of = class(text, at, big);
        let mut start = start_of(area, at, big).max(line.start);
        while of == Class::Space && start > line.start && class(text, area.before(start), big) == of {
            start = area.before(start);
        }
        let mut end = area.after(at);
        while of != Class::Chip && end < line.end && class(text, end, big) == of {
            end = area.after(end);
        }
        start..end
    };
    let Range { start, end } = run(at);
    if !around {
        return Some(start..end);
    }
    let is_space = |at: usize| class(text, at, big) == Class::Space;
    Some(if is_space(at) {
        start..if end < line.end { run(end).end } else { end }
    } else if end < line.end && is_space(end) {
        start..run(end).end
    } else if start > line.start && is_space(area.before(start)) {
        run(area.before(start)).start..end
    } else {
        start..end
    })
}

/// Quotes are looked for in the line: those around the cursor, else the next ones.
fn quoted(area: &TextArea, quote: char, around: bool) -> Option<Range<usize>> {
    let at = area.cursor();
    let (start, end) = (area.line_start(at), area.line_end(at));
    let line = &area.text()[start..end];
    let mut escaped = false;
    let mut places = Vec::new();
    for (place, c) in line.char_indices() {
        if c == quote && !escaped {
            places.push(start + place);
        }
        escaped = c == '\\' && !escaped;
    }
    let (open, close) = places.chunks_exact(2).map(|pair| (pair[0], pair[1])).find(|(_, close)| *close >= at)?;
    if !around {
        return Some(open + 1..close);
    }
    let text = area.text();
    let after = text[close + 1..end].len() - text[close + 1..end].trim_start().len();
    let before = if after == 0 { text[start..open].len() - text[start..open].trim_end().len() } else { 0 };
    Some(open - before..close + 1 + after)
}

fn bracketed(area: &TextArea, (open, close): (u8, u8), around: bool) -> Option<Range<usize>> {
    let (text, at) = (area.text().as_bytes(), area.cursor());
    // On a closing bracket it is that one's pair.
    let from = if text.get(at) == Some(&close) { at.checked_sub(1)? } else { at.min(text.len().checked_sub(1)?) };
    let start = opening(text, from, open, close)?;
    let end = closing(text, start, open, close)?;
    Some(if around { start..end + 1 } else { start + 1..end })
}

/// The bracket that is open at `from`, or stands there.
fn opening(text: &[u8], from: usize, open: u8, close: u8) -> Option<usize> {
    let mut depth = 0;
    (0..=from).rev().find(|place| {
        match text[*place] {
            b if b == open && depth == 0 => return true,
            b if b == open => depth -= 1,
            b if b == close => depth += 1,
            _ => {}
        }
        false
    })
}

/// What closes the bracket at `start`.
fn closing(text: &[u8], start: usize, open: u8, close: u8) -> Option<usize> {
    let mut depth = 0;
    (start + 1..text.len()).find(|place| {
        match text[*place] {
            b if b == close && depth == 0 => return true,
            b if b == close => depth -= 1,
            b if b == open => depth += 1,
            _ => {}
        }
        false
    })
}

/// The other one of a pair of brackets, of which one is at the cursor or later in the line.
pub(super) fn partner(area: &TextArea) -> Option<usize> {
    let (text, at) = (area.text().as_bytes(), area.cursor());
    let pair_of = |sign: u8| PAIRS[..3].iter().find(|(open, close)| [*open, *close].contains(&sign));
    let place = (at..area.line_end(at)).find(|place| pair_of(text[*place]).is_some())?;
    let (open, close) = *pair_of(text[place])?;
    if text[place] == open {
        return closing(text, place, open, close);
    }
    opening(text, place.checked_sub(1)?, open, close)
}

/// Lines up to the next blank one; around it, the blank ones after it too.
fn paragraph(area: &TextArea, around: bool) -> Range<usize> {
    let text = area.text();
    let blank = |start: usize| text[start..area.line_end(start)].trim().is_empty();
    let mut start = area.line_start(area.cursor());
    let of = blank(start);
    while start > 0 && blank(area.line_start(start - 1)) == of {
        start = area.line_start(start - 1);
    }
    let grow = |mut end: usize, of: bool| {
        while end < text.len() && blank(end + 1) == of {
            end = area.line_end(end + 1);
        }
        end
    };
    let end = grow(area.line_end(area.cursor()), of);
    start..if around { grow(end, !of) } else { end }
}
