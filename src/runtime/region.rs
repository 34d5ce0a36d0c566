//! A few rows at the end of what the terminal shows, with its scrollback above: what is finished is written above them and is
//! the terminal's own from then on; the rows themselves are drawn again and again.
//!
//! Nobody asks where on the screen they are, because the answer may never come: every movement is relative to where the cursor
//! was left.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Position;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

/// What the terminal shows of it.
#[derive(Debug, Default)]
pub(super) struct Region {
    shown: Option<Shown>,
    /// A terminal that gets narrower breaks its rows anew, as most do.
    reflows: bool,
}

#[derive(Debug)]
struct Shown {
    buffer: Buffer,
    /// Where the cursor was left.
    cursor: Position,
    /// Rows from the first to the cursor's; more than that where the terminal has broken them.
    above: u16,
}

impl Region {
    pub(super) fn new(reflows: bool) -> Self {
        Self { shown: None, reflows }
    }

    /// Somebody else has written since: what is there is theirs, and the rows begin below it.
    pub(super) fn forget(&mut self) {
        self.shown = None;
    }

    /// The terminal has so many columns now.
    pub(super) fn resize(&mut self, columns: u16) {
        if let Some(shown) = &mut self.shown
            && self.reflows
            && columns < shown.buffer.area.width
        {
            shown.above = (0..shown.cursor.y).map(|y| broken_rows(filled(&shown.buffer, y), columns)).sum();
            shown.above += shown.cursor.x / columns.max(1);
        }
    }

    /// Writes what goes above, and then the rows; only what differs where nothing moves.
    pub(super) fn draw(&mut self, out: &mut String, above: Option<&Buffer>, rows: Buffer, cursor: Option<Position>) {
        let last = rows.area.height.saturating_sub(1);
        let fits = |shown: &Shown| shown.buffer.area == rows.area && shown.above == shown.cursor.y;
        let at = if above.is_none()
            && let Some(shown) = self.shown.take_if(|shown| fits(shown))
        {
            let mut at = shown.cursor.y;
            for y in (0..=last).filter(|y| row(&shown.buffer, *y) != row(&rows, *y)) {
                move_rows(out, at, y);
                write_row(out, &rows, y);
                at = y;
            }
            at
        } else {
            self.end(out, above);
            for y in 0..=last {
                write_row(out, &rows, y);
                if y < last {
                    out.push_str("\r\n");
                }
            }
            last
        };
        let place = cursor.unwrap_or(Position { x: 0, y: last });
        move_rows(out, at, place.y);
        if place.x > 0 {
            let _ = write!(out, "\x1b[{}C", place.x);
        }
        if cursor.is_some() {
            out.push_str("\x1b[?25h");
        }
        self.shown = Some(Shown { above: place.y, buffer: rows, cursor: place });
    }

    /// Writes rows above, and leaves nothing of its own.
    pub(super) fn end(&mut self, out: &mut String, above: Option<&Buffer>) {
        self.clear(out);
        if let Some(above) = above {
            for y in 0..above.area.height {
                write_row(out, above, y);
                out.push_str("\r\n");
            }
        }
    }

    /// Takes the rows away; the cursor is where the first of them was.
    pub(super) fn clear(&mut self, out: &mut String) {
        if let Some(shown) = self.shown.take() {
            move_rows(out, shown.above, 0);
        }
        out.push_str("\r\x1b[0m\x1b[J");
    }
}

/// To the beginning of another row.
fn move_rows(out: &mut String, from: u16, to: u16) {
    if to < from {
        let _ = write!(out, "\x1b[{}A", from - to);
    } else if to > from {
        let _ = write!(out, "\x1b[{}B", to - from);
    }
    out.push('\r');
}

fn row(buffer: &Buffer, y: u16) -> &[Cell] {
    let width = usize::from(buffer.area.width);
    let begin = usize::from(y) * width;
    buffer.content.get(begin..begin + width).unwrap_or_default()
}

/// Columns before the blanks of one style that a row ends with.
fn filled(buffer: &Buffer, y: u16) -> u16 {
    let row = row(buffer, y);
    let blank =
        |cell: &&Cell| cell.symbol() == " " && cell.modifier.is_empty() && row.last().map(|c| c.bg) == Some(cell.bg);
    let blanks = row.iter().rev().take_while(blank).count();
    u16::try_from(row.len() - blanks).unwrap_or(u16::MAX)
}

/// Rows that so many columns take where there are fewer.
fn broken_rows(filled: u16, columns: u16) -> u16 {
    filled.div_ceil(columns.max(1)).max(1)
}

/// A row from its beginning to its end. What it ends with is left to the terminal, so that nobody copies blanks.
fn write_row(out: &mut String, buffer: &Buffer, y: u16) {
    let cells = row(buffer, y);
    let filled = usize::from(filled(buffer, y));
    let mut style = None;
    let mut x = 0;
    while x < filled {
        let cell = &cells[x];
        if style != Some(look(cell)) {
            write_style(out, cell);
            style = Some(look(cell));
        }
        out.push_str(cell.symbol());
        // The cell after a wide character is under it.
        x += cell.symbol().width().max(1);
    }
    if filled < cells.len() {
        if style != Some(look(&cells[filled])) {
            write_style(out, &cells[filled]);
        }
        out.push_str("\x1b[K");
    }
    out.push_str("\x1b[0m");
}

type Look = (Color, Color, Color, Modifier);

fn look(cell: &Cell) -> Look {
    (cell.fg, cell.bg, cell.underline_color, cell.modifier)
}

fn write_style(out: &mut String, cell: &Cell) {
    const MODIFIERS: [(Modifier, &str); 9] = [
        (Modifier::BOLD, ";1"),
        (Modifier::DIM, ";2"),
        (Modifier::ITALIC, ";3"),
        (Modifier::UNDERLINED, ";4"),
        (Modifier::SLOW_BLINK, ";5"),
        (Modifier::RAPID_BLINK, ";6"),
        (Modifier::REVERSED, ";7"),
        (Modifier::HIDDEN, ";8"),
        (Modifier::CROSSED_OUT, ";9"),
    ];
    out.push_str("\x1b[0");
    for (modifier, code) in MODIFIERS {
        if cell.modifier.contains(modifier) {
            out.push_str(code);
        }
    }
    write_colour(out, cell.fg, 30);
    write_colour(out, cell.bg, 40);
    if cell.underline_color != Color::Reset {
        write_colour(out, cell.underline_color, 50);
    }
    out.push('m');
}

/// `base`: 30 for text, 40 for its ground, 50 for the line below it, which has no short names.
fn write_colour(out: &mut String, colour: Color, base: u8) {
    let index = match colour {
        Color::Reset => return,
        Color::Rgb(r, g, b) => {
            let _ = write!(out, ";{};2;{r};{g};{b}", base + 8);
            return;
        }
        Color::Indexed(index) => index,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    let _ = match index {
        0..8 if base < 50 => write!(out, ";{}", base + index),
        8..16 if base < 50 => write!(out, ";{}", base + 60 + index - 8),
        _ => write!(out, ";{};5;{index}", base + 8),
    };
}
