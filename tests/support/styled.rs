//! A picture with its styles, as text: what a snapshot of colours is read in.

use std::fmt::Write as _;
use std::time::Instant;

use hobnob::app::App;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell, CellWidth as _};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use ratatui::text::Line;

/// What the interface draws, cell by cell.
pub fn screen(app: &mut App, now: Instant, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal in memory");
    terminal.draw(|frame| hobnob::ui::draw(frame, app, now)).expect("draws");
    app.drawn();
    terminal.backend().buffer().clone()
}

/// Lines as they would stand on an empty screen.
pub fn page(lines: &[Line<'_>], width: u16) -> Buffer {
    let height = u16::try_from(lines.len()).expect("a page");
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    for (y, line) in (0..height).zip(lines) {
        buffer.set_line(0, y, line, width);
    }
    buffer
}

/// Each row as text, and under it a letter for each cell's style. The legend comes last; a blank is the terminal's own style.
pub fn written(buffer: &Buffer) -> String {
    let mut styles: Vec<String> = vec![String::new()];
    let mut out = String::new();
    let Rect { width, height, .. } = buffer.area;
    for y in 0..height {
        let (mut text, mut marks) = (String::new(), String::new());
        let mut x = 0;
        while x < width {
            let cell = &buffer[(x, y)];
            let style = style(cell);
            let known = styles.iter().position(|known| *known == style).unwrap_or_else(|| {
                styles.push(style);
                styles.len() - 1
            });
            // The cell after a wide character is under it.
            let columns = cell.cell_width().max(1);
            text.push_str(cell.symbol());
            marks.push_str(&letter(known).repeat(usize::from(columns)));
            x += columns;
        }
        for row in [text.trim_end(), marks.trim_end()] {
            if !row.is_empty() {
                out.push_str(row);
            }
            out.push('\n');
        }
    }
    for (known, style) in styles.iter().enumerate().skip(1) {
        let _ = writeln!(out, "{}  {style}", letter(known));
    }
    out
}

fn letter(style: usize) -> String {
    let letters = " abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    letters.chars().nth(style).expect("fewer styles than letters").to_string()
}

/// In words; empty where it is the terminal's own.
fn style(cell: &Cell) -> String {
    let mut words = Vec::new();
    if cell.fg != Color::Reset {
        words.push(cell.fg.to_string());
    }
    if cell.bg != Color::Reset {
        words.push(format!("on {}", cell.bg));
    }
    if cell.underline_color != Color::Reset {
        words.push(format!("line {}", cell.underline_color));
    }
    let modifiers: Vec<_> = cell.modifier.iter_names().map(|(name, _)| name.to_lowercase()).collect();
    debug_assert!(cell.modifier == Modifier::empty() || !modifiers.is_empty());
    words.extend(modifiers);
    words.join(" ")
}
