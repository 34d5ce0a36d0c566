//! Tables for people: as wide as the terminal, and no wider.

use crate::text::{sanitize, wrap};

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub title: &'static str,
    /// Numbers stand under each other by their last digit.
    pub right: bool,
    /// Where there is no room for all columns, the highest goes first; 0 stays.
    pub dispensable: u8,
    /// What it says can be cut where there is no room. One column at the most is so.
    pub elastic: bool,
}

impl Column {
    /// A name, which can be cut.
    pub const fn name(title: &'static str) -> Self {
        Self { title, right: false, dispensable: 0, elastic: true }
    }

    pub const fn left(title: &'static str, dispensable: u8) -> Self {
        Self { title, right: false, dispensable, elastic: false }
    }

    pub const fn right(title: &'static str, dispensable: u8) -> Self {
        Self { title, right: true, dispensable, elastic: false }
    }
}

/// Between two columns.
const GAP: usize = 2;

/// A name is still one in so many columns.
const LEAST: usize = 12;

/// Lays out rows under the titles of their columns. Columns with nothing in them are left out, so are dispensable ones where
/// there is no room, and the name is cut where even that does not help. `paint` colours a cell, by its row and column.
pub(super) fn table(
    columns: &[Column],
    rows: &[Vec<String>],
    width: usize,
    paint: &dyn Fn(usize, usize, &str) -> String,
) -> String {
    let clean = |cell: &String| sanitize(cell).replace(['\n', '\t'], " ");
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(clean).collect()).collect();
    let widest = |index: usize| rows.iter().filter_map(|row| Some(wrap::width(row.get(index)?))).max().unwrap_or(0);
    let mut shown: Vec<(usize, usize)> = (0..columns.len())
        .map(|index| (index, widest(index)))
        .filter(|(index, width)| columns[*index].elastic || *width > 0)
        .map(|(index, width)| (index, width.max(wrap::width(columns[index].title))))
        .collect();
    fit(columns, &mut shown, width);
    let mut out = String::new();
    let titles: Vec<String> = columns.iter().map(|column| column.title.to_owned()).collect();
    for (number, row) in std::iter::once(&titles).chain(&rows).enumerate() {
        let mut line = String::new();
        for (index, width) in &shown {
            let cell = wrap::cut(row.get(*index).map_or("", String::as_str), *width, "…");
            let gap = " ".repeat(width.saturating_sub(wrap::width(&cell)));
            let cell = if number == 0 { cell } else { paint(number - 1, *index, &cell) };
            line += &if columns[*index].right { gap + &cell } else { cell + &gap };
            line += &" ".repeat(GAP);
        }
        out += line.trim_end();
        out.push('\n');
    }
    out
}

/// Makes columns, each with the width that it would like, fit into so many of the terminal's.
fn fit(columns: &[Column], shown: &mut Vec<(usize, usize)>, most: usize) {
    let whole =
        |shown: &[(usize, usize)]| shown.iter().map(|(_, width)| width + GAP).sum::<usize>().saturating_sub(GAP);
    let name = |shown: &mut Vec<(usize, usize)>| shown.iter().position(|(index, _)| columns[*index].elastic);
    let whole_name = name(shown).map_or(0, |place| shown[place].1);
    if let Some(place) = name(shown) {
        // One long name does not cost all others what else there is to tell.
        shown[place].1 = whole_name.min((most * 2 / 5).max(LEAST));
    }
    while whole(shown) > most
        && let Some((place, _)) = shown
            .iter()
            .enumerate()
            .filter(|(_, (index, _))| columns[*index].dispensable > 0)
            .max_by_key(|(_, (index, _))| columns[*index].dispensable)
    {
        shown.remove(place);
    }
    let (over, room) = (whole(shown).saturating_sub(most), most.saturating_sub(whole(shown)));
    if let Some(place) = name(shown) {
        let width = (shown[place].1 + room).min(whole_name);
        shown[place].1 = width.saturating_sub(over).max(LEAST.min(whole_name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] =
        &[Column::name("NAME"), Column::right("SIZE", 0), Column::left("LIKES", 2), Column::left("GATED", 1)];

    fn lines(width: usize) -> Vec<String> {
        let rows = [["org/a-long-name-of-a-model", "12 MB", "3", ""], ["b\n\u{1b}[31m", "1.2 GB", "12345", ""]];
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
        let text = table(COLUMNS, &rows, width, &|_, _, cell| cell.to_owned());
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_table_is_never_wider_than_its_terminal() {
        assert_eq!(lines(80)[0], "NAME                          SIZE  LIKES");
        assert_eq!(lines(80)[1], "org/a-long-name-of-a-model   12 MB  3");
        assert_eq!(lines(36)[0], "NAME                     SIZE  LIKES");
        assert_eq!(lines(26)[1], "org/a-long-name-o…   12 MB");
        assert_eq!(lines(20)[1], "org/a-long-…   12 MB", "no narrower than a name is one");
        assert!(lines(80)[2].starts_with("b ") && !lines(80)[2].contains('\u{1b}'));
        for width in 20..60 {
            assert!(lines(width).iter().all(|line| wrap::width(line) <= width), "{width}");
        }
    }
}
