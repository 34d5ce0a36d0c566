//! Colours by role, read from TOML; what the terminal can't show is brought down to what it can.

use ratatui::style::Style;

/// Everything that is drawn takes its style from one of these roles, and from nowhere else.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    /// Its file's name without the ending.
    pub id: String,
    /// What a person reads in the list.
    pub name: String,
    pub glyphs: Glyphs,
    /// Goes up whenever what is drawn from the theme must be drawn anew: part of every layout cache's key.
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
    /// The chosen row.
    pub selection: Style,
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

/// The drawing characters in use: Unicode, or ASCII for terminals that are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    pub unicode: bool,
    pub bullet: [&'static str; 3],
    pub task_open: &'static str,
    pub task_done: &'static str,
    /// Left of a quote, and of reasoning.
    pub bar: &'static str,
    pub rule: &'static str,
    pub vertical: &'static str,
    pub cross: &'static str,
    pub ellipsis: &'static str,
    /// Marks the chosen row.
    pub pointer: &'static str,
    pub user: &'static str,
    pub assistant: &'static str,
    pub dot: &'static str,
    pub check: &'static str,
    pub failed: &'static str,
    pub up: &'static str,
    pub down: &'static str,
    pub folded: &'static str,
    pub unfolded: &'static str,
    pub gauge_full: &'static str,
    pub gauge_empty: &'static str,
    /// From lowest to highest.
    pub spark: [&'static str; 8],
    /// Top left, top right, bottom left, bottom right of a box.
    pub corners: [&'static str; 4],
}

impl Glyphs {
    pub const UNICODE: Self = Self {
        unicode: true,
        bullet: ["•", "◦", "▪"],
        task_open: "☐",
        task_done: "☑",
        bar: "▎",
        rule: "─",
        vertical: "│",
        cross: "┼",
        ellipsis: "…",
        pointer: "▸",
        user: "❯",
        assistant: "●",
        dot: "·",
        check: "✓",
        failed: "✗",
        up: "↑",
        down: "↓",
        folded: "▸",
        unfolded: "▾",
        gauge_full: "━",
        gauge_empty: "─",
        spark: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
        corners: ["╭", "╮", "╰", "╯"],
    };

    pub const ASCII: Self = Self {
        unicode: false,
        bullet: ["*", "-", "+"],
        task_open: "[ ]",
        task_done: "[x]",
        bar: "|",
        rule: "-",
        vertical: "|",
        cross: "+",
        ellipsis: "...",
        pointer: ">",
        user: ">",
        assistant: "*",
        dot: "-",
        check: "ok",
        failed: "!!",
        up: "^",
        down: "v",
        folded: ">",
        unfolded: "v",
        gauge_full: "=",
        gauge_empty: "-",
        spark: ["_", ".", ":", "-", "=", "+", "*", "#"],
        corners: ["+", "+", "+", "+"],
    };
}

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColourDepth {
    /// None: bold, dim, underline and reverse only.
    None,
    Ansi16,
    Ansi256,
    True,
}
