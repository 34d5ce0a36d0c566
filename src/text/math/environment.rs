//! `\begin{…}`: rows and columns of parts.

use super::layout::{Align, Block};
use crate::text::wrap;

/// The cells of one row.
pub(super) type Cells = Vec<Block>;

/// An environment by its name. `flat`: in one row, as it stands in running text.
pub(super) fn set(name: &str, rows: Vec<Cells>, flat: bool) -> Block {
    let (open, close) = match name {
        "pmatrix" => ("(", ")"),
        "bmatrix" => ("[", "]"),
        "Bmatrix" => ("{", "}"),
        "vmatrix" => ("|", "|"),
        "Vmatrix" => ("‖", "‖"),
        "cases" | "dcases" | "rcases" => return cases(rows, name, flat),
        "matrix" | "smallmatrix" | "array" | "tabular" => ("", ""),
        _ => return aligned(rows, flat),
    };
    if flat {
        let rows: Vec<String> = filled(rows).into_iter().map(|row| joined(row, " ")).collect();
        let (open, close) = if open.is_empty() { ("[", "]") } else { (open, close) };
        return Block::text(format!("{open}{}{close}", rows.join("; ")));
    }
    grid(rows, |_| Align::Middle, "  ").enclosed(open, close)
}

fn cases(rows: Vec<Cells>, name: &str, flat: bool) -> Block {
    if flat {
        let rows: Vec<String> = filled(rows).into_iter().map(|row| joined(row, "  ")).collect();
        return Block::text(format!("{{ {} }}", rows.join("; ")));
    }
    let block = grid(rows, |_| Align::Left, "  ");
    if name == "rcases" {
        return Block::beside(vec![block, Block::text(" ")]).enclosed("", "}");
    }
    Block::beside(vec![Block::text(" "), block]).enclosed("{", "")
}

/// Equations under each other: what is left of `&` ends where what is right of it begins.
pub(super) fn aligned(rows: Vec<Cells>, flat: bool) -> Block {
    if flat {
        let rows: Vec<String> = filled(rows).into_iter().map(|row| joined(row, " ")).collect();
        return Block::text(rows.join("; "));
    }
    grid(rows, |column| if column % 2 == 0 { Align::Right } else { Align::Left }, " ")
}

fn joined(row: Cells, gap: &str) -> String {
    let cells: Vec<String> =
        row.into_iter().map(|cell| cell.flat().trim().to_owned()).filter(|cell| !cell.is_empty()).collect();
    cells.join(gap)
}

/// Rows with something in them: a `\\` at the end begins none.
fn filled(mut rows: Vec<Cells>) -> Vec<Cells> {
    rows.retain(|row| row.iter().any(|cell| cell.rows.iter().any(|text| !text.trim().is_empty())));
    rows
}

fn grid(rows: Vec<Cells>, align: impl Fn(usize) -> Align, gap: &str) -> Block {
    let rows = filled(rows);
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |cell: &Block| cell.rows.iter().map(|row| wrap::width(row)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(width).max().unwrap_or(0))
        .collect();
    let set = |row: Cells| {
        let mut parts = Vec::with_capacity(columns * 2);
        for (column, &width) in widths.iter().enumerate() {
            if column > 0 {
                parts.push(Block::text(gap));
            }
            let cell = row.get(column).cloned().unwrap_or_else(|| Block::text(""));
            // One column of equations begins at the left, whatever it is a column of.
            let align = if columns == 1 && align(0) == Align::Right { Align::Left } else { align(column) };
            parts.push(cell.padded(width, align));
        }
        Block::beside(parts)
    };
    Block::stack(rows.into_iter().map(set).collect())
}
