//! Drawing characters.

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
