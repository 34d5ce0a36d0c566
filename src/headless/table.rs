//! Tables for people: as wide as the terminal, and no wider.

use unicode_width::UnicodeWidthStr;

use crate::text::sanitize;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub title: &'static str,
    /// Numbers stand under each other by their last digit.
    pub right: bool,
    /// Where there is no room for all columns, the highest goes first; 0 stays.
    pub dispensable: u8,
}

impl Column {
    pub const fn left(title: &'static str, dispensable: u8) -> Self {
        Self { title, right: false, dispensable }
    }

    pub const fn right(title: &'static str, dispensable: u8) -> Self {
        Self { title, right: true, dispensable }
    }
}

/// Between two columns.
const GAP: usize = 2;

/// Lays out rows under the titles of their columns. Columns with nothing in them are left out, so are dispensable ones where
/// there is no room, and the first is cut where even that does not help. `paint` colours a cell, by its row and column.
pub(super) fn table(
    columns: &[Column],
    rows: &[Vec<String>],
    width: Option<usize>,
    paint: &dyn Fn(usize, usize, &str) -> String,
) -> String {
    let clean = |cell: &String| sanitize(cell).replace(['\n', '\t'], " ");
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(clean).collect()).collect();
    let widest = |index: usize| rows.iter().filter_map(|row| Some(row.get(index)?.width())).max().unwrap_or(0);
    let mut shown: Vec<(usize, usize)> = (0..columns.len())
        .map(|index| (index, widest(index)))
        .filter(|(index, width)| *index == 0 || *width > 0)
        .collect();
    for (index, width) in &mut shown {
        *width = (*width).max(columns[*index].title.width());
    }
    let whole = |shown: &[(usize, usize)]| shown.iter().map(|(_, width)| width + GAP).sum::<usize>() - GAP;
    if let Some(most) = width {
        // One long name does not cost all others what else there is to tell.
        let name = shown.first().map_or(0, |(_, width)| *width);
        let least = name.min((most * 2 / 5).max(LEAST));
        if let Some((_, first)) = shown.first_mut() {
            *first = least;
        }
        while whole(&shown) > most
            && let Some((place, _)) = shown
                .iter()
                .enumerate()
                .filter(|(_, (index, _))| columns[*index].dispensable > 0)
                .max_by_key(|(_, (index, _))| columns[*index].dispensable)
        {
            shown.remove(place);
        }
        let (over, room) = (whole(&shown).saturating_sub(most), most.saturating_sub(whole(&shown)));
        if let Some((_, first)) = shown.first_mut() {
            *first = (*first + room).min(name).saturating_sub(over).max(LEAST.min(name));
        }
    }
    let mut out = String::new();
    let titles: Vec<String> = columns.iter().map(|column| column.title.to_owned()).collect();
    for (number, row) in std::iter::once(&titles).chain(&rows).enumerate() {
        let mut line = String::new();
        for (index, width) in &shown {
            let cell = cut(row.get(*index).map_or("", String::as_str), *width);
            let gap = " ".repeat(width.saturating_sub(cell.width()));
            let cell = if number == 0 { cell } else { paint(number - 1, *index, &cell) };
            line += &if columns[*index].right { gap + &cell } else { cell + &gap };
            line += "  ";
        }
        out += line.trim_end();
        out.push('\n');
    }
    out
}

/// A name is still one in so many columns.
const LEAST: usize = 12;

/// As much of a text as there is room for, with a mark where something is missing.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        if out.width() > width.saturating_sub(1) {
            out.pop();
            break;
        }
    }
    out + "…"
}

/// The columns of the terminal that stdout is.
pub(super) fn width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] =
        &[Column::left("NAME", 0), Column::right("SIZE", 0), Column::left("LIKES", 2), Column::left("GATED", 1)];

    fn lines(width: usize) -> Vec<String> {
        let rows = [["org/a-long-name-of-a-model", "12 MB", "3", ""], ["b\n\u{1b}[31m", "1.2 GB", "12345", ""]];
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
        let text = table(COLUMNS, &rows, Some(width), &|_, _, cell| cell.to_owned());
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_table_is_never_wider_than_its_terminal() {
        assert_eq!(lines(80)[0], "NAME                          SIZE  LIKES");
        assert_eq!(lines(80)[1], "org/a-long-name-of-a-model   12 MB  3");
        assert_eq!(lines(36)[0], "NAME                     SIZE  LIKES");
        assert_eq!(lines(26)[1], "org/a-long-name-o…   12 MB");
        assert!(lines(80)[2].starts_with("b ") && !lines(80)[2].contains('\u{1b}'));
        for width in 20..60 {
            assert!(lines(width).iter().all(|line| line.width() <= width), "{width}");
        }
    }
}
