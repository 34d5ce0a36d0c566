//! Formulas in TeX's language set in characters: Unicode where it has them, the source where it has not.

mod environment;
mod layout;
mod symbols;
mod tex;

/// A formula in one row, for running text; `None` where it can't be read.
pub(crate) fn inline(tex: &str) -> Option<String> {
    tex::set(tex, false).map(layout::Block::flat)
}

/// A formula that stands alone, in the rows that it takes; `None` where it can't be read.
pub(crate) fn rows(tex: &str) -> Option<Vec<String>> {
    let rows = tex::set(tex, true)?.rows;
    Some(rows.iter().map(|row| row.trim_end().to_owned()).collect())
}

#[cfg(test)]
mod tests;
