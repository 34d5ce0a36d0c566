//! A few rows at the end of what the terminal shows, with its scrollback above: what is finished is written above them and is
//! the terminal's own from then on; the rows themselves are drawn again and again.
//!
//! Nobody asks where on the screen they are, because the answer may never come: every movement is relative to where the cursor
//! was left.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell, CellWidth as _};
use ratatui::layout::Position;
use ratatui::style::{Color, Modifier};

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
    /// The terminal has broken rows, and has more of them now.
    broken: bool,
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
        if let Some(shown) = self.shown.as_mut().filter(|_| self.reflows) {
            let rows = |y: u16| broken_rows(filled(&shown.buffer, y), columns);
            shown.above = (0..shown.cursor.y).map(rows).sum::<u16>() + shown.cursor.x / columns.max(1);
            // Rows that were broken are put together again where there is room.
            shown.broken = (0..shown.buffer.area.height).any(|y| rows(y) > 1);
        }
    }

    /// Writes what goes above, and then the rows; only what differs where nothing moves.
    pub(super) fn draw(&mut self, out: &mut String, above: Option<&Buffer>, rows: Buffer, cursor: Option<Position>) {
        let last = rows.area.height.saturating_sub(1);
        let fits = |shown: &Shown| shown.buffer.area == rows.area && !shown.broken;
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
        self.shown = Some(Shown { above: place.y, buffer: rows, cursor: place, broken: false });
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
        out.push_str("\r\x1b[0m");
        let Some(shown) = self.shown.take() else { return };
        move_rows(out, shown.above, 0);
        if shown.broken {
            // Nobody knows how many there are now.
            out.push_str("\x1b[J");
            return;
        }
        // One by one: some terminals take a screen that is cleared at once into the scrollback.
        let last = shown.buffer.area.height.saturating_sub(1);
        for y in 0..=last {
            out.push_str("\x1b[K");
            move_rows(out, y, if y < last { y + 1 } else { 0 });
        }
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
        x += usize::from(cell.cell_width()).max(1);
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

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    /// A terminal that remembers what scrolls out of it.
    struct Terminal {
        parser: vt100::Parser,
        region: Region,
    }

    impl Terminal {
        fn new(rows: u16, columns: u16) -> Self {
            let mut parser = vt100::Parser::new(rows, columns, 1000);
            parser.process(b"$ hobnob\r\n");
            Self { parser, region: Region::new(false) }
        }

        fn draw(&mut self, above: &[&str], rows: &[&str]) {
            let (_, columns) = self.parser.screen().size();
            let above = (!above.is_empty()).then(|| buffer(above, columns));
            let cursor = Some(Position { x: 1, y: u16::try_from(rows.len()).expect("few") - 1 });
            let mut out = String::new();
            self.region.draw(&mut out, above.as_ref(), buffer(rows, columns), cursor);
            self.parser.process(out.as_bytes());
        }

        /// All rows there ever were, without the empty ones at the end.
        fn all(&mut self) -> Vec<String> {
            let (height, columns) = self.parser.screen().size();
            let mut screen = self.parser.screen().clone();
            screen.set_scrollback(usize::MAX);
            let before = screen.scrollback();
            let mut rows = Vec::new();
            for back in (1..=before).rev() {
                screen.set_scrollback(back);
                rows.extend(screen.rows(0, columns).take(1));
            }
            screen.set_scrollback(0);
            rows.extend(screen.rows(0, columns).take(usize::from(height)));
            while rows.last().is_some_and(String::is_empty) {
                rows.pop();
            }
            rows
        }
    }

    fn buffer(rows: &[&str], columns: u16) -> Buffer {
        let height = u16::try_from(rows.len()).expect("few");
        let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, columns, height));
        for (y, row) in (0..).zip(rows) {
            buffer.set_string(0, y, row, Style::new().fg(Color::Red));
        }
        buffer
    }

    #[test]
    fn what_is_above_scrolls_away_and_the_rows_stay_at_the_end() {
        let mut terminal = Terminal::new(6, 20);
        terminal.draw(&[], &[">", "status"]);
        assert_eq!(terminal.all(), ["$ hobnob", ">", "status"]);
        terminal.draw(&["one", "two"], &["live", ">a", "status"]);
        assert_eq!(terminal.all(), ["$ hobnob", "one", "two", "live", ">a", "status"]);
        terminal.draw(&["three 漢字", "", "four"], &[">b", "status"]);
        assert_eq!(terminal.all(), ["$ hobnob", "one", "two", "three 漢字", "", "four", ">b", "status"]);
        assert_eq!(terminal.parser.screen().cursor_position().1, 1);
        let mut out = String::new();
        terminal.region.end(&mut out, Some(&buffer(&["five"], 20)));
        terminal.parser.process(out.as_bytes());
        assert_eq!(terminal.all(), ["$ hobnob", "one", "two", "three 漢字", "", "four", "five"]);
        assert_eq!(terminal.parser.screen().cursor_position().1, 0);
    }

    #[test]
    fn only_the_rows_that_differ_are_written() {
        let mut terminal = Terminal::new(6, 20);
        let (first, second) = (["a", "b", "c"], ["a", "B", "c"]);
        let cursor = Some(Position { x: 0, y: 2 });
        let mut out = String::new();
        terminal.region.draw(&mut out, None, buffer(&first, 20), cursor);
        terminal.parser.process(out.as_bytes());
        out.clear();
        terminal.region.draw(&mut out, None, buffer(&second, 20), cursor);
        assert!(out.contains('B') && !out.contains('a') && !out.contains('c'), "{out:?}");
        terminal.parser.process(out.as_bytes());
        assert_eq!(terminal.all(), ["$ hobnob", "a", "B", "c"]);
    }

    #[test]
    fn as_many_rows_as_the_terminal_has_lose_nothing() {
        let mut terminal = Terminal::new(4, 10);
        for n in 0..20 {
            let line = format!("line {n}");
            terminal.draw(&[&line], &["live", ">", "status"]);
        }
        let expected: Vec<String> = (0..20).map(|n| format!("line {n}")).collect();
        let all = terminal.all();
        assert_eq!(all[1..21], expected);
        assert_eq!(all[21..], ["live", ">", "status"]);
    }

    #[test]
    fn rows_that_a_terminal_has_broken_are_taken_away_whole() {
        let cleared = |rows: [&str; 3], widths: &[u16]| {
            let mut region = Region::new(true);
            let mut out = String::new();
            region.draw(&mut out, None, buffer(&rows, 24), Some(Position { x: 2, y: 1 }));
            for columns in widths {
                region.resize(*columns);
            }
            out.clear();
            region.clear(&mut out);
            out
        };
        let all = "\x1b[J";
        let out = cleared(["a row of twenty cells", ">", "status"], &[8]);
        assert!(out.contains("\x1b[3A") && out.contains(all), "three rows of eight cells each: {out:?}");
        let out = cleared(["one", ">", "a row of twenty cells"], &[8]);
        assert!(out.contains("\x1b[1A") && out.contains(all), "what is below the cursor has broken: {out:?}");
        let out = cleared(["a row of twenty cells", ">", "status"], &[8, 30]);
        assert!(out.contains("\x1b[1A") && !out.contains(all), "they were put together again: {out:?}");
        let mut out = String::new();
        let mut same = Region::new(false);
        same.draw(&mut out, None, buffer(&["a row of twenty cells", "> "], 24), Some(Position { x: 2, y: 1 }));
        same.resize(8);
        out.clear();
        same.clear(&mut out);
        assert!(out.contains("\x1b[1A"), "{out:?}");
    }
}
