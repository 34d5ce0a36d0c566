//! Measuring and breaking text by what a terminal draws: grapheme clusters and display columns.
//!
//! Everything here is linear in the text, and no row is ever wider than asked: a cluster that is wider than a whole row becomes `?`.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns of a tab.
const TAB: usize = 4;

/// Stands for a cluster that is wider than the whole row.
const TOO_WIDE: &str = "?";

/// Display columns of `text`, as the terminal draws it cluster by cluster.
#[must_use]
pub fn width(text: &str) -> usize {
    clusters(text).map(|(_, cluster)| cluster_width(cluster)).sum()
}

/// The clusters of `text`, each with its columns.
pub fn measured(text: &str) -> impl Iterator<Item = (&str, usize)> {
    clusters(text).map(|(_, cluster)| (cluster, cluster_width(cluster)))
}

/// Display columns of a line.
#[must_use]
pub fn line_width(line: &Line<'_>) -> usize {
    line.spans.iter().map(|span| width(&span.content)).sum()
}

/// One visual row of a text, as byte offsets into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub start: usize,
    /// End of what is drawn: spaces at the break and the line feed are not.
    pub end: usize,
    /// Where the next row starts; the end of the text for the last one.
    pub next: usize,
}

/// How a row of a text goes on from the one above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joint {
    /// It begins a line.
    Begins,
    /// Spaces between the two are not drawn.
    Spaced,
    /// Nothing stands between the two.
    Close,
}

/// The visual rows of plain text at a width. There is always at least one, and a text that ends in a line feed has an empty last one:
/// a cursor has a place everywhere.
#[must_use]
pub fn rows(text: &str, width: usize) -> Vec<Row> {
    break_rows(text, width, width, Breaks::Words)
}

/// Row and column of a byte offset; an offset at a break belongs to the later row.
#[must_use]
pub fn locate(text: &str, rows: &[Row], offset: usize) -> (usize, usize) {
    let row = rows.partition_point(|row| row.start <= offset).saturating_sub(1);
    let Some(at) = rows.get(row) else { return (0, 0) };
    (row, width(&text[at.start..offset.clamp(at.start, at.end.max(at.start))]))
}

/// The byte offset nearest to a row and column: the way back from [`locate`]. Rows and columns beyond the text give its nearest end.
#[must_use]
pub fn offset(text: &str, rows: &[Row], row: usize, column: usize) -> usize {
    let Some(at) = rows.get(row).or(rows.last()) else { return 0 };
    let mut left = column;
    for (start, cluster) in clusters(&text[at.start..at.end]) {
        let columns = cluster_width(cluster);
        if columns > left {
            return at.start + start;
        }
        left -= columns;
    }
    // At the very end of a row that was broken inside a word the cursor would jump to the next row: stay before the last cluster.
    if at.end == at.next && at.next < text.len() {
        return text[at.start..at.end].grapheme_indices(true).next_back().map_or(at.start, |(last, _)| at.start + last);
    }
    at.end
}

/// `spans` broken at word boundaries into lines of at most `width` columns, the first after the prefix `first`, the others after
/// `rest`. A line feed in the text breaks too. Prefixes that leave no room are cut.
#[must_use]
pub fn wrap(spans: &[Span<'_>], width: usize, first: &[Span<'static>], rest: &[Span<'static>]) -> Vec<Line<'static>> {
    wrap_joined(spans, width, first, rest).into_iter().map(|(line, _)| line).collect()
}

/// [`wrap`] for who wants to undo it.
#[must_use]
pub fn wrap_joined(
    spans: &[Span<'_>],
    width: usize,
    first: &[Span<'static>],
    rest: &[Span<'static>],
) -> Vec<(Line<'static>, Joint)> {
    lay_out(spans, width, first, rest, Breaks::Words)
}

/// Like [`wrap_joined`], but breaks only where a row is full and keeps every space: for code.
#[must_use]
pub fn chop(
    spans: &[Span<'_>],
    width: usize,
    first: &[Span<'static>],
    rest: &[Span<'static>],
) -> Vec<(Line<'static>, Joint)> {
    lay_out(spans, width, first, rest, Breaks::Anywhere)
}

/// Parts in rows of at most `width` columns, with `gap` between them; one that has no room beside the others begins a row, behind
/// `margin`.
#[must_use]
pub fn side_by_side(
    parts: impl IntoIterator<Item = Vec<Span<'static>>>,
    gap: &Span<'static>,
    margin: &[Span<'static>],
    width: usize,
) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    for part in parts {
        let columns: usize = part.iter().chain([gap]).map(|span| self::width(&span.content)).sum();
        match lines.last_mut().filter(|line| line_width(line) + columns <= width) {
            Some(line) => line.spans.extend(std::iter::once(gap.clone()).chain(part)),
            None => lines.extend(wrap(&part, width, margin, margin)),
        }
    }
    lines
}

/// `line` in at most `width` columns; where something had to go, `ellipsis` stands at the end.
#[must_use]
pub fn truncate(line: &Line<'_>, width: usize, ellipsis: &str) -> Line<'static> {
    let style = line.style;
    if line_width(line) <= width {
        let spans: Vec<_> = line.spans.iter().map(|span| Span::styled(span.content.to_string(), span.style)).collect();
        return Line::from(spans).style(style);
    }
    let mark = self::width(ellipsis);
    let mut left = if mark <= width { width - mark } else { width };
    let mut kept: Vec<Span<'static>> = Vec::new();
    let mut last = Style::default();
    'spans: for span in &line.spans {
        last = span.style;
        for (_, cluster) in clusters(&span.content) {
            let columns = cluster_width(cluster);
            if columns > left {
                break 'spans;
            }
            left -= columns;
            append(&mut kept, cluster, span.style);
        }
    }
    if mark <= width {
        append(&mut kept, ellipsis, last);
    }
    Line::from(kept).style(style)
}

/// [`truncate`] for plain text.
#[must_use]
pub fn cut(text: &str, width: usize, ellipsis: &str) -> String {
    truncate(&Line::from(text), width, ellipsis).to_string()
}

/// The columns of `line` from `from` on, at most `width` of them. Half a wide character at the edge is a space.
#[must_use]
pub fn slice(line: &Line<'_>, from: usize, width: usize) -> Line<'static> {
    let mut column = 0;
    let mut kept: Vec<Span<'static>> = Vec::new();
    for span in &line.spans {
        for (_, cluster) in clusters(&span.content) {
            let columns = cluster_width(cluster);
            let (begin, end) = (column, column + columns);
            column = end;
            let is_inside = begin >= from && end <= from + width;
            if is_inside {
                append(&mut kept, cluster, span.style);
            } else if end > from && begin < from + width {
                let seen = end.min(from + width) - begin.max(from);
                append(&mut kept, &" ".repeat(seen), span.style);
            }
        }
    }
    Line::from(kept).style(line.style)
}

/// `text` onto the end of `spans`, joined with the last one where the style is the same.
pub(crate) fn append(spans: &mut Vec<Span<'static>>, text: &str, style: Style) {
    if text.is_empty() {
        return;
    }
    match spans.last_mut() {
        Some(last) if last.style == style => last.content.to_mut().push_str(text),
        _ => spans.push(Span::styled(text.to_owned(), style)),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Breaks {
    Words,
    Anywhere,
}

/// Grapheme clusters with their offsets. ASCII, most of what is written, needs no look at the tables.
fn clusters(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let cluster = cluster_at(text, at)?;
        let start = at;
        at += cluster.len();
        Some((start, cluster))
    })
}

fn cluster_at(text: &str, at: usize) -> Option<&str> {
    let bytes = text.as_bytes();
    let first = *bytes.get(at)?;
    let alone = bytes.get(at + 1).is_none_or(u8::is_ascii);
    if first.is_ascii() && alone && first != b'\r' {
        return Some(&text[at..=at]);
    }
    text[at..].graphemes(true).next()
}

fn cluster_width(cluster: &str) -> usize {
    match cluster.as_bytes() {
        [b'\t'] => TAB,
        [b' '..=b'~'] => 1,
        // Terminals draw nothing for a control character, and neither does ratatui.
        [0..=0x1f | 0x7f, ..] | [0xc2, 0x80..=0x9f, ..] => 0,
        _ => UnicodeWidthStr::width(cluster),
    }
}

fn is_space(cluster: &str) -> bool {
    matches!(cluster, " " | "\t")
        || matches!(cluster.chars().next(), Some('\u{2000}'..='\u{2006}' | '\u{2008}'..='\u{200a}' | '\u{3000}'))
}

/// Whether a row may end between two clusters that are not spaces; `row`: what is in the row so far, `before` at its end.
fn breaks_between(row: &str, before: &str, after: &str) -> bool {
    // Of what ASCII has, too: much of it stands between wide letters. Its quotes may begin or end what they are around.
    const NO_START: &str = ",.!?:;)]}%'\"、。，．・：；？！゛゜ヽヾ々ー〜～’”）〕］｝〉》」』】°′″％ぁぃぅぇぉっゃゅょァィゥェォッャュョ…‥｡､･｣ｰ";
    const NO_END: &str = "([{'\"‘“（〔［｛〈《「『【｢";
    let (Some(last), Some(next)) = (before.chars().next_back(), after.chars().next()) else { return false };
    if matches!(last, '-' | '–' | '—') {
        // Inside a word, not before the name of an option.
        return next.is_alphabetic() && row.chars().rev().nth(1).is_some_and(char::is_alphanumeric);
    }
    (is_wide(before) || is_wide(after)) && !NO_START.contains(next) && !NO_END.contains(last)
}

/// Of a script without spaces between words, or a picture. Letters that only join into something wide are of words.
fn is_wide(cluster: &str) -> bool {
    let is_narrow_letter = |c: char| c.is_alphabetic() && c.width() == Some(1);
    cluster_width(cluster) > 1 && !cluster.starts_with(is_narrow_letter)
}

/// Where a row could still be ended, seen from further right.
#[derive(Clone, Copy)]
struct Chance {
    end: usize,
    next: usize,
}

fn break_rows(text: &str, first: usize, rest: usize, breaks: Breaks) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut limit = first.max(1);
    let (mut start, mut at) = (0, 0);
    // Columns used, end of what fits, end of the last word, and whether spaces already hang over the edge.
    let (mut used, mut fits, mut word, mut over) = (0, 0, 0, false);
    let mut chance: Option<Chance> = None;
    let mut before = "";
    while let Some(cluster) = cluster_at(text, at) {
        let after = at + cluster.len();
        if matches!(cluster, "\n" | "\r\n" | "\r") {
            rows.push(Row { start, end: fits, next: after });
            (start, used, fits, word, over, chance, before) = (after, 0, after, after, false, None, "");
            limit = rest.max(1);
            at = after;
            continue;
        }
        let columns = fitted_width(cluster, limit);
        if breaks == Breaks::Words && is_space(cluster) {
            if !over && used + columns <= limit {
                used += columns;
                fits = after;
            } else {
                over = true;
            }
            if word > start {
                chance = Some(Chance { end: word, next: after });
            }
            before = "";
            at = after;
            continue;
        }
        if breaks == Breaks::Words
            && word > start
            && !before.is_empty()
            && breaks_between(&text[start..at], before, cluster)
        {
            chance = Some(Chance { end: word, next: at });
        }
        if over || used + columns > limit {
            // A word that goes to the next row is read again there; being first in it, it can't move a second time.
            let next = chance.map_or(at, |chance| chance.next);
            rows.push(Row { start, end: chance.map_or(fits, |chance| chance.end), next });
            (start, at, used, fits, word, over, chance, before) = (next, next, 0, next, next, false, None, "");
            limit = rest.max(1);
            continue;
        }
        used += columns;
        (fits, word, before, at) = (after, after, cluster, after);
    }
    rows.push(Row { start, end: fits, next: text.len() });
    rows
}

/// Columns that a cluster takes in rows of `limit` columns: a tab shrinks, what is too wide is replaced.
fn fitted_width(cluster: &str, limit: usize) -> usize {
    match cluster_width(cluster) {
        columns if columns <= limit => columns,
        columns if cluster == "\t" => columns.min(limit),
        _ => 1,
    }
}

fn lay_out(
    spans: &[Span<'_>],
    width: usize,
    first: &[Span<'static>],
    rest: &[Span<'static>],
    breaks: Breaks,
) -> Vec<(Line<'static>, Joint)> {
    let width = width.max(1);
    let (first, first_columns) = cut_prefix(first, width);
    let (rest, rest_columns) = cut_prefix(rest, width);
    let (text, styles) = flatten(spans);
    let rows = break_rows(&text, width - first_columns, width - rest_columns, breaks);
    let mut lines = Vec::with_capacity(rows.len());
    let (mut style, mut drawn) = (0, 0);
    for (index, row) in rows.iter().enumerate() {
        let joint = match &text[drawn..row.start] {
            _ if index == 0 => Joint::Begins,
            "" => Joint::Close,
            hidden if hidden.contains(['\n', '\r']) => Joint::Begins,
            _ => Joint::Spaced,
        };
        drawn = row.end;
        let (prefix, columns) = if index == 0 { (&first, first_columns) } else { (&rest, rest_columns) };
        let mut line = prefix.clone();
        let mut at = row.start;
        while at < row.end {
            while styles[style].0 <= at {
                style += 1;
            }
            let end = styles[style].0.min(row.end);
            append_drawn(&mut line, &text[at..end], styles[style].1, width - columns);
            at = end;
        }
        lines.push((Line::from(line), joint));
    }
    lines
}

/// A prefix that leaves at least one column.
fn cut_prefix(prefix: &[Span<'static>], width: usize) -> (Vec<Span<'static>>, usize) {
    let columns: usize = prefix.iter().map(|span| self::width(&span.content)).sum();
    if columns < width {
        return (prefix.to_vec(), columns);
    }
    let cut = truncate(&Line::from(prefix.to_vec()), width - 1, "");
    let columns = line_width(&cut);
    (cut.spans, columns)
}

/// All text in one piece, and where each style ends. A cluster that a style's edge would cut belongs to the earlier style: drawn in two
/// parts it would take other columns than were counted.
fn flatten(spans: &[Span<'_>]) -> (String, Vec<(usize, Style)>) {
    let text: String = spans.iter().map(|span| span.content.as_ref()).collect();
    let ascii = text.is_ascii();
    let mut styles = Vec::with_capacity(spans.len());
    let (mut end, mut snapped) = (0, 0);
    for span in spans {
        end += span.content.len();
        if end <= snapped {
            continue;
        }
        snapped = end;
        let mut cursor = GraphemeCursor::new(end, text.len(), true);
        if !ascii && !cursor.is_boundary(&text, 0).unwrap_or(true) {
            snapped = cursor.next_boundary(&text, 0).ok().flatten().unwrap_or(text.len());
        }
        styles.push((snapped, span.style));
    }
    (text, styles)
}

fn append_drawn(line: &mut Vec<Span<'static>>, text: &str, style: Style, limit: usize) {
    if text.is_ascii() && !text.contains('\t') {
        return append(line, text, style);
    }
    for (_, cluster) in clusters(text) {
        match cluster {
            "\t" => append(line, &" ".repeat(TAB.min(limit)), style),
            _ if cluster_width(cluster) > limit => append(line, TOO_WIDE, style),
            _ => append(line, cluster, style),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::style::Color;

    use super::*;
    use crate::text::testing::plain;

    fn wrapped(text: &str, width: usize) -> Vec<String> {
        plain(&wrap(&[Span::raw(text)], width, &[], &[]))
    }

    #[test]
    fn widths_are_those_of_a_terminal() {
        for (text, columns) in [
            ("", 0),
            ("abc", 3),
            ("漢字", 4),
            ("👨‍👩‍👧", 2),
            ("🇩🇪", 2),
            ("e\u{301}", 1),
            ("a\tb", 6),
            ("\u{200d}", 0),
            ("ｶﾞｷﾞ", 4),
            ("\u{85}", 0),
        ] {
            assert_eq!(width(text), columns, "{text:?}");
        }
    }

    #[test]
    fn words_go_to_the_next_row_and_long_ones_break() {
        assert_eq!(wrapped("the quick brown fox", 10), ["the quick", "brown fox"]);
        assert_eq!(wrapped("incomprehensibilities", 8), ["incompre", "hensibil", "ities"]);
        assert_eq!(wrapped("a incomprehensible", 8), ["a", "incompre", "hensible"]);
        assert_eq!(wrapped("well-known fact", 7), ["well-", "known", "fact"]);
        assert_eq!(wrapped("run --flag -1", 6), ["run", "--flag", "-1"]);
        assert_eq!(wrapped("one\ntwo three", 9), ["one", "two three"]);
        assert_eq!(wrapped("spaces      at the break", 10), ["spaces", "at the", "break"]);
    }

    #[test]
    fn wide_text_breaks_between_characters_but_not_before_its_full_stop() {
        assert_eq!(wrapped("漢字とかな", 5), ["漢字", "とか", "な"]);
        assert_eq!(wrapped("漢字です。終", 8), ["漢字で", "す。終"]);
        assert_eq!(wrapped("한국어입니다. 네", 12), ["한국어입니", "다. 네"]);
        assert_eq!(wrapped("漢字,漢字(漢字)!", 6), ["漢字,", "漢字", "(漢", "字)!"]);
        assert_eq!(wrapped("漢字\"か\"な", 6), ["漢", "字\"か\"", "な"]);
        assert_eq!(wrapped("👨‍👩‍👧👨‍👩‍👧", 3), ["👨‍👩‍👧", "👨‍👩‍👧"]);
        assert_eq!(wrapped("a漢👨‍👩‍👧", 1), ["a", "?", "?"]);
    }

    #[test]
    fn prefixes_hang_and_styles_stay() {
        let red = Style::new().fg(Color::Red);
        let spans = [Span::raw("one "), Span::styled("two three", red)];
        let lines = wrap(&spans, 9, &[Span::raw("- ")], &[Span::raw("  ")]);
        assert_eq!(plain(&lines), ["- one two", "  three"]);
        assert_eq!(lines[0].spans, [Span::raw("- one "), Span::styled("two", red)]);
        assert_eq!(lines[1].spans, [Span::raw("  "), Span::styled("three", red)]);
        assert_eq!(plain(&wrap(&[Span::raw("ab")], 2, &[Span::raw("long")], &[])), ["la", "b"]);
    }

    #[test]
    fn a_cluster_is_never_cut_by_a_style() {
        let red = Style::new().fg(Color::Red);
        let lines = wrap(&[Span::raw("e"), Span::styled("\u{301}x", red)], 9, &[], &[]);
        assert_eq!(lines[0].spans, [Span::raw("e\u{301}"), Span::styled("x", red)]);
    }

    #[test]
    fn code_keeps_its_spaces() {
        let chopped = |text, width| {
            let (lines, joints): (Vec<_>, Vec<_>) = chop(&[Span::raw(text)], width, &[], &[]).into_iter().unzip();
            assert!(joints[1..].iter().all(|joint| *joint == Joint::Close));
            plain(&lines)
        };
        assert_eq!(chopped("    let a = 1;", 6), ["    le", "t a =", "1;"]);
        assert_eq!(chopped("ab  cd", 3), ["ab", " cd"]);
    }

    #[test]
    fn what_was_broken_can_be_joined() {
        use Joint::{Begins, Close, Spaced};
        for (text, width, joints) in [
            ("the quick brown fox", 10, vec![Begins, Spaced]),
            ("incomprehensible", 8, vec![Begins, Close]),
            ("well-known fact", 7, vec![Begins, Close, Spaced]),
            ("one \ntwo three", 6, vec![Begins, Begins, Spaced]),
            ("a\n\nb", 6, vec![Begins; 3]),
            ("漢字とかな", 6, vec![Begins, Close]),
        ] {
            let found: Vec<_> = wrap_joined(&[Span::raw(text)], width, &[], &[]).into_iter().map(|row| row.1).collect();
            assert_eq!(found, joints, "{text:?}");
        }
    }

    #[test]
    fn truncation_marks_what_is_gone() {
        let line = Line::from("abcdef");
        assert_eq!(truncate(&line, 6, "…").to_string(), "abcdef");
        assert_eq!(truncate(&line, 4, "…").to_string(), "abc…");
        assert_eq!(truncate(&line, 2, "...").to_string(), "ab");
        assert_eq!(truncate(&Line::from("漢字漢"), 4, "…").to_string(), "漢…");
    }

    #[test]
    fn a_slice_has_the_columns_that_are_asked_for() {
        let line = Line::from(vec![Span::raw("ab漢"), Span::styled("cd", Style::new().fg(Color::Red))]);
        for (from, width, shown) in
            [(0, 9, "ab漢cd"), (1, 3, "b漢"), (3, 3, " cd"), (2, 1, " "), (5, 9, "d"), (9, 9, "")]
        {
            assert_eq!(slice(&line, from, width).to_string(), shown, "{width} from {from}");
        }
    }

    #[test]
    fn rows_cover_the_text_and_leave_a_place_for_the_cursor() {
        let text = "one two\nthree \n";
        let rows = rows(text, 5);
        assert_eq!(
            rows,
            [
                Row { start: 0, end: 3, next: 4 },
                Row { start: 4, end: 7, next: 8 },
                Row { start: 8, end: 13, next: 15 },
                Row { start: 15, end: 15, next: 15 },
            ]
        );
        assert_eq!(locate(text, &rows, 5), (1, 1));
        assert_eq!(locate(text, &rows, 4), (1, 0));
        assert_eq!(locate(text, &rows, 15), (3, 0));
        assert_eq!(offset(text, &rows, 1, 1), 5);
        assert_eq!(offset(text, &rows, 1, 99), 7);
        assert_eq!(offset(text, &rows, 99, 0), 15);
        assert_eq!(super::rows("", 5), [Row { start: 0, end: 0, next: 0 }]);
    }

    proptest! {
        #[test]
        fn rows_lose_nothing_and_positions_map_both_ways(text in "[ab \\n\\t漢👍\u{301}-]{0,40}", columns in 1..12usize) {
            let rows = rows(&text, columns);
            prop_assert_eq!(rows[0].start, 0);
            prop_assert_eq!(rows[rows.len() - 1].next, text.len());
            for (index, row) in rows.iter().enumerate() {
                prop_assert!(row.start <= row.end && row.end <= row.next);
                prop_assert!(text[row.end..row.next].trim().is_empty(), "only white space is hidden");
                prop_assert!(rows.get(index + 1).is_none_or(|next| next.start == row.next));
            }
            for (at, _) in text.grapheme_indices(true) {
                let (row, column) = locate(&text, &rows, at);
                if at < rows[row].end && width(&text[rows[row].start..rows[row].end]) <= columns {
                    let back = offset(&text, &rows, row, column);
                    prop_assert!(back == at || width(&text[back.min(at)..at.max(back)]) == 0, "{} came back as {}", at, back);
                }
            }
        }
    }
}
