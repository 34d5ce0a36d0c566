//! A theme in which every role can be told apart, and lines written out so that a test reads like the page.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;

use crate::config::theme::{Glyphs, Theme};

pub(crate) fn theme() -> Theme {
    let colour = |index| Style::new().fg(Color::Indexed(index));
    Theme {
        id: "test".into(),
        name: "Test".into(),
        glyphs: Glyphs::UNICODE,
        revision: 1,
        base: colour(1),
        muted: colour(2),
        faint: colour(3),
        accent: colour(4),
        selection: colour(5),
        found: colour(42),
        found_here: colour(43),
        panel: colour(6),
        border: colour(7),
        good: colour(8),
        warning: colour(9),
        error: colour(10),
        user: colour(11),
        assistant: colour(12),
        reasoning: colour(13),
        gauge: colour(14),
        gauge_empty: colour(15),
        sparkline: colour(16),
        heading: colour(17),
        strong: Style::new().add_modifier(Modifier::BOLD),
        emphasis: Style::new().add_modifier(Modifier::ITALIC),
        strikethrough: Style::new().add_modifier(Modifier::CROSSED_OUT),
        link: colour(18),
        quote: colour(19),
        list_marker: colour(20),
        table_border: colour(21),
        inline_code: colour(22),
        math: colour(40),
        code: Style::new().bg(Color::Indexed(23)),
        code_comment: colour(24),
        code_keyword: colour(25),
        code_string: colour(26),
        code_number: colour(27),
        code_function: colour(28),
        code_type: colour(29),
        code_variable: colour(30),
        code_operator: colour(31),
        code_inserted: colour(32),
        code_deleted: colour(33),
    }
}

/// The lines as text alone, spaces at the end left out.
pub(crate) fn plain(lines: &[Line<'_>]) -> Vec<String> {
    lines.iter().map(|line| line.to_string().trim_end().to_owned()).collect()
}
