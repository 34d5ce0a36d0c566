//! Colours by role, read from TOML; what the terminal can't show is brought down to what it can.
//!
//! A theme file has a `name`, may say `inherits = "id"`, names colours in `[palette]` and gives them to roles in `[roles]`: a
//! colour, or a table with `fg`, `bg` and attributes. A colour is `#rrggbb`, a name of the palette, `default`, one of the
//! terminal's sixteen (`red`, `bright-blue`, …) or a number from 0 to 255. A role that a theme leaves out looks like its
//! nearest relative (`roles.rs` says which), so that a theme of five lines works. With `inherits`, roles and palette come from
//! the other theme where this one is silent, and a colour named anew changes every role that uses the name.

mod builtin;
mod capabilities;
mod colour;
mod fit;
mod glyphs;
mod parse;
mod roles;
#[cfg(test)]
mod tests;

pub use builtin::{DEFAULT, ThemeEntry, Themes, load};
pub(super) use builtin::{exists, is_id};
pub use capabilities::{Capabilities, ColourDepth};
pub use glyphs::Glyphs;

use ratatui::style::Style;

/// Everything that is drawn takes its style from one of these roles, and from nowhere else.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    /// Its file's name without the ending.
    pub id: String,
    /// What a person reads in the list.
    pub name: String,
    pub glyphs: Glyphs,
    /// Another number for other styles or glyphs, the same for the same: part of every layout cache's key.
    pub revision: u64,

    // ground
    /// Plain text on the theme's own background: the style of every cell that nothing else claims.
    pub base: Style,
    /// Second in rank: labels, statistics, hints.
    pub muted: Style,
    /// Third in rank: rules, fillers, what may be overlooked.
    pub faint: Style,
    /// The one colour that draws the eye: the current tab, the cursor's row mark, keys in hints.
    pub accent: Style,
    /// The chosen row: put over whatever its parts look like, since no other colour is sure to be readable on its ground.
    pub selection: Style,
    /// What was looked for, wherever it stands: put over whatever its parts look like, as the chosen row is.
    pub found: Style,
    /// The one of them that is gone to.
    pub found_here: Style,
    /// Behind dialogs, palette and the composer.
    pub panel: Style,
    pub border: Style,
    pub good: Style,
    pub warning: Style,
    pub error: Style,

    // chat
    pub user: Style,
    pub assistant: Style,
    pub reasoning: Style,
    /// Gauges: the filled part in its three states, and the empty part.
    pub gauge: Style,
    pub gauge_empty: Style,
    pub sparkline: Style,

    // Markdown
    pub heading: Style,
    pub strong: Style,
    pub emphasis: Style,
    pub strikethrough: Style,
    pub link: Style,
    pub quote: Style,
    pub list_marker: Style,
    pub table_border: Style,
    pub inline_code: Style,
    /// Formulas.
    pub math: Style,
    /// Text of a code block, and the ground under it.
    pub code: Style,

    // code
    pub code_comment: Style,
    pub code_keyword: Style,
    pub code_string: Style,
    pub code_number: Style,
    pub code_function: Style,
    pub code_type: Style,
    pub code_variable: Style,
    pub code_operator: Style,
    pub code_inserted: Style,
    pub code_deleted: Style,
}

impl Default for Theme {
    /// The default theme as it is written, before it is fitted to a terminal.
    fn default() -> Self {
        builtin::default_theme()
    }
}
