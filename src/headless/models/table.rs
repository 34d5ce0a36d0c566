//! Tables for a terminal: columns that stand under each other, as many as there is room for.

use std::fmt::Write;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Between two columns.
const GAP: usize = 2;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub title: &'static str,
    /// Numbers stand under each other by their last digit.
    pub right: bool,
    /// Who goes first where there is no room: the highest. 0 stays.
    pub spare: u8,
}

/// Lays rows out below the columns' titles, no wider than `width`. Columns with nothing in them are left out, then those that
/// can be spared; at last the first column is cut. `paint` colours a cell of a row and column, which takes no room.
pub(super) fn lay_out(
    columns: &[Column],
    rows: &[Vec<String>],
    width: usize,
    paint: impl Fn(usize, usize, &str) -> String,
) -> String {
    let mut shown: Vec<usize> =
        (0..columns.len()).filter(|&column| rows.iter().any(|row| !row[column].is_empty())).collect();
    let needs = |column: usize| {
        rows.iter().map(|row| row[column].width()).max().unwrap_or(0).max(columns[column].title.width())
    };
    let total = |shown: &[usize]| shown.iter().map(|column| needs(*column) + GAP).sum::<usize>().saturating_sub(GAP);
    while total(&shown) > width {
        let Some(spare) = shown.iter().copied().filter(|c| columns[*c].spare > 0).max_by_key(|c| columns[*c].spare)
        else {
            break;
        };
        shown.retain(|column| *column != spare);
    }
    let over = total(&shown).saturating_sub(width);
    let first = shown.first().copied();
    let room =
        |column: usize| if Some(column) == first { needs(column).saturating_sub(over).max(8) } else { needs(column) };
    let line = |cells: &dyn Fn(usize) -> String, painted: &dyn Fn(usize, &str) -> String| {
        let mut line = String::new();
        for &column in &shown {
            let cell = cut(&cells(column), room(column));
            let gap = " ".repeat(room(column) - cell.width());
            let cell = painted(column, &cell);
            let (before, after) = if columns[column].right { (gap.as_str(), "") } else { ("", gap.as_str()) };
            let _ = write!(line, "{before}{cell}{after}  ");
        }
        format!("{}\n", line.trim_end())
    };
    let mut out = line(&|column| columns[column].title.to_owned(), &|_, title| title.to_owned());
    for (index, row) in rows.iter().enumerate() {
        out.push_str(&line(&|column| row[column].clone(), &|column, cell| paint(index, column, cell)));
    }
    out
}

/// As much of a text as there is room for.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    for grapheme in text.graphemes(true) {
        if cut.width() + grapheme.width() + 1 > width {
            break;
        }
        cut.push_str(grapheme);
    }
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column { title: "MODEL", right: false, spare: 0 },
        Column { title: "SIZE", right: true, spare: 0 },
        Column { title: "EMPTY", right: false, spare: 0 },
        Column { title: "FROM", right: false, spare: 1 },
    ];

    fn table(width: usize) -> String {
        let rows = [["a-model-with-a-name", "98 MB", "", "somewhere"], ["b", "5.0 GB", "", "elsewhere"]];
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect();
        lay_out(&COLUMNS, &rows, width, |_, _, cell| cell.to_owned())
    }

    #[test]
    fn columns_go_before_names_are_cut() {
        assert_eq!(
            table(40),
            "MODEL                  SIZE  FROM\n\
             a-model-with-a-name   98 MB  somewhere\n\
             b                    5.0 GB  elsewhere\n"
        );
        assert_eq!(
            table(30),
            "MODEL                  SIZE\n\
             a-model-with-a-name   98 MB\n\
             b                    5.0 GB\n"
        );
        assert_eq!(table(20), "MODEL           SIZE\na-model-wit…   98 MB\nb             5.0 GB\n");
        assert!(table(3).lines().all(|line| line.width() <= 16), "{}", table(3));
    }
}
