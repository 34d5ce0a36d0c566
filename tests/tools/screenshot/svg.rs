//! A terminal's screen as a picture. Every run of text says where it begins and how wide it is, so that it sits in its cells
//! whatever font the reader has; lines and blocks are drawn, because few fonts make them meet.

use std::collections::HashMap;
use std::fmt::Write as _;

use vt100::{Cell, Color, Screen};

/// A cell, in the picture's units: so that 100 columns fit into the column of a web page as they are.
const WIDTH: f64 = 8.43;
const HEIGHT: f64 = 18.0;
const FONT: f64 = 14.0;
/// From a cell's top to the line that letters stand on.
const BASELINE: f64 = 13.0;
const MARGIN: f64 = 14.0;
const TITLE: f64 = 34.0;
const FONTS: &str =
    "ui-monospace, SFMono-Regular, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace";

/// What cells of one run have in common.
#[derive(Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools)] // A terminal's attributes are what they are.
struct Style {
    colour: String,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
}

/// Text of one style in one row.
struct Run {
    style: Style,
    column: u16,
    cells: u16,
    text: String,
}

/// The screen in a window with this title.
pub fn window(screen: &Screen, title: &str) -> String {
    let (rows, columns) = screen.size();
    let ground = ground(screen);
    let width = f64::from(columns) * WIDTH + 2.0 * MARGIN;
    let height = f64::from(rows) * HEIGHT + TITLE + MARGIN;
    let mut svg = String::new();
    put(
        &mut svg,
        format_args!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" font-family="{FONTS}" font-size="{FONT}">
<rect x="0.5" y="0.5" width="{w:.0}" height="{h:.0}" rx="10" fill="{ground}" stroke="{edge}"/>
"#,
            w = width - 1.0,
            h = height - 1.0,
            edge = mixed(&ground, 18),
        ),
    );
    for (x, colour) in [(22, "#ee8573"), (42, "#dcc27a"), (62, "#a9bd7c")] {
        put(&mut svg, format_args!("<circle cx=\"{x}\" cy=\"18\" r=\"6\" fill=\"{colour}\"/>\n"));
    }
    put(
        &mut svg,
        format_args!(
            "<text x=\"{:.0}\" y=\"23\" text-anchor=\"middle\" fill=\"{}\" font-size=\"13\">{title}</text>\n",
            width / 2.0,
            mixed(&ground, 55),
        ),
    );
    put(
        &mut svg,
        format_args!(
            "<g transform=\"translate({MARGIN} {TITLE})\" xml:space=\"preserve\" shape-rendering=\"crispEdges\">\n"
        ),
    );
    for row in 0..rows {
        backgrounds(&mut svg, screen, row, &ground);
        letters(&mut svg, screen, row, &ground);
    }
    cursor(&mut svg, screen);
    svg.push_str("</g>\n</svg>\n");
    svg
}

fn put(svg: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to memory can't fail.
    let _ = svg.write_fmt(what);
}

/// The colour behind most of the screen.
fn ground(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let mut counts: HashMap<String, u32> = HashMap::new();
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        if let Some(cell) = screen.cell(row, column) {
            *counts.entry(behind(cell)).or_default() += 1;
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or_else(|| "#000000".to_owned(), |(colour, _)| colour)
}

fn backgrounds(svg: &mut String, screen: &Screen, row: u16, ground: &str) {
    let (_, columns) = screen.size();
    let colour = |column| screen.cell(row, column).map(behind);
    let mut column = 0;
    while column < columns {
        let Some(here) = colour(column) else { break };
        let end = (column..columns).find(|c| colour(*c).as_ref() != Some(&here)).unwrap_or(columns);
        if here != ground {
            let cells = f64::from(end - column);
            // A hair taller than the cell: rows of one colour meet without a seam.
            rect(svg, (f64::from(column), f64::from(row)), (cells, 1.0 + 0.3 / HEIGHT), &here);
        }
        column = end;
    }
}

/// In cells.
fn rect(svg: &mut String, (x, y): (f64, f64), (width, height): (f64, f64), colour: &str) {
    put(
        svg,
        format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{colour}\"/>\n",
            number(x * WIDTH),
            number(y * HEIGHT),
            number(width * WIDTH),
            number(height * HEIGHT),
        ),
    );
}

fn letters(svg: &mut String, screen: &Screen, row: u16, ground: &str) {
    let (_, columns) = screen.size();
    let mut run: Option<Run> = None;
    for column in 0..columns {
        let Some(cell) = screen.cell(row, column).filter(|cell| !cell.is_wide_continuation()) else { continue };
        let text = if cell.has_contents() { cell.contents() } else { " " };
        let style = style(cell, ground);
        if drawn(svg, text, (column, row), &style.colour) {
            flush(svg, &mut run, row);
            continue;
        }
        // Only plain letters are sure to be as wide as each other.
        let plain = text.is_ascii();
        match &mut run {
            Some(run) if plain && run.text.is_ascii() && run.style == style => {
                run.text.push_str(text);
                run.cells += 1;
            }
            _ => {
                flush(svg, &mut run, row);
                let cells = if cell.is_wide() { 2 } else { 1 };
                run = Some(Run { style, column, cells, text: text.to_owned() });
            }
        }
    }
    flush(svg, &mut run, row);
}

/// Writes a run without the blanks around it, which nobody sees.
fn flush(svg: &mut String, run: &mut Option<Run>, row: u16) {
    let Some(Run { style, mut column, mut cells, text }) = run.take() else { return };
    let mut text = text.as_str();
    if !style.underline {
        let start = text.trim_start_matches(' ');
        let blanks = u16::try_from(text.len() - start.len()).unwrap_or(0);
        text = start.trim_end_matches(' ');
        column += blanks;
        cells -= blanks + u16::try_from(start.len() - text.len()).unwrap_or(0);
    }
    if text.is_empty() {
        return;
    }
    let mut attributes = String::new();
    for (set, attribute) in [
        (style.bold, " font-weight=\"bold\""),
        (style.dim, " opacity=\"0.6\""),
        (style.italic, " font-style=\"italic\""),
        (style.underline, " text-decoration=\"underline\""),
    ] {
        if set {
            attributes.push_str(attribute);
        }
    }
    let width = f64::from(cells) * WIDTH;
    let (x, y) = (f64::from(column) * WIDTH, f64::from(row) * HEIGHT + BASELINE);
    let place = if text.is_ascii() {
        format!("x=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\"", number(x), number(width))
    } else {
        // Maybe from another font, of another width: in the middle of its cell.
        format!("x=\"{}\" text-anchor=\"middle\"", number(x + width / 2.0))
    };
    put(
        svg,
        format_args!(
            "<text {place} y=\"{}\" fill=\"{}\"{attributes}>{}</text>\n",
            number(y),
            style.colour,
            escaped(text),
        ),
    );
}

/// Lines and blocks, as shapes; false for everything else.
fn drawn(svg: &mut String, text: &str, (column, row): (u16, u16), colour: &str) -> bool {
    let mut chars = text.chars();
    let (Some(c), None) = (chars.next(), chars.next()) else { return false };
    let (x, y) = (f64::from(column), f64::from(row));
    match c {
        // Eighths from below.
        '▁'..='█' => {
            let part = f64::from(u32::from(c) - 0x2580) / 8.0;
            rect(svg, (x, y + 1.0 - part), (1.0, part), colour);
        }
        // Eighths from the left, the widest first.
        '▉'..='▏' => rect(svg, (x, y), (f64::from(0x2590 - u32::from(c)) / 8.0, 1.0), colour),
        '─' | '│' | '┼' | '├' | '┤' | '┬' | '┴' | '┌' | '┐' | '└' | '┘' | '╭' | '╮' | '╰' | '╯' =>
        {
            let arms = match c {
                '─' => "lr",
                '│' => "ud",
                '┼' => "lrud",
                '├' => "rud",
                '┤' => "lud",
                '┬' => "lrd",
                '┴' => "lru",
                '┌' | '╭' => "rd",
                '┐' | '╮' => "ld",
                '└' | '╰' => "ru",
                _ => "lu",
            };
            let (middle_x, middle_y) = (number((x + 0.5) * WIDTH), number((y + 0.5) * HEIGHT));
            let mut path = String::new();
            for arm in arms.chars() {
                let end = match arm {
                    'l' => format!("H{}", number(x * WIDTH)),
                    'r' => format!("H{}", number((x + 1.0) * WIDTH)),
                    'u' => format!("V{}", number(y * HEIGHT)),
                    _ => format!("V{}", number((y + 1.0) * HEIGHT)),
                };
                put(&mut path, format_args!("M{middle_x} {middle_y}{end}"));
            }
            put(svg, format_args!("<path d=\"{path}\" stroke=\"{colour}\"/>\n"));
        }
        _ => return false,
    }
    true
}

fn cursor(svg: &mut String, screen: &Screen) {
    if !screen.hide_cursor() {
        let (row, column) = screen.cursor_position();
        let colour = screen.cell(row, column).map_or_else(|| "#ffffff".to_owned(), |cell| hex(cell.fgcolor(), true));
        rect(svg, (f64::from(column) - 0.1, f64::from(row) + 0.05), (0.2, 0.9), &colour);
    }
}

fn style(cell: &Cell, ground: &str) -> Style {
    let colour = if cell.inverse() {
        match cell.bgcolor() {
            Color::Default => ground.to_owned(),
            other => hex(other, false),
        }
    } else {
        hex(cell.fgcolor(), true)
    };
    Style { colour, bold: cell.bold(), dim: cell.dim(), italic: cell.italic(), underline: cell.underline() }
}

fn behind(cell: &Cell) -> String {
    if cell.inverse() { hex(cell.fgcolor(), true) } else { hex(cell.bgcolor(), false) }
}

/// The themes say colours as red, green and blue; the terminal's own are shown as most terminals do.
fn hex(colour: Color, foreground: bool) -> String {
    const SIXTEEN: [u32; 16] = [
        0x0000_0000,
        0x00cd_3131,
        0x000d_bc79,
        0x00e5_e510,
        0x0024_72c8,
        0x00bc_3fbc,
        0x0011_a8cd,
        0x00e5_e5e5,
        0x0066_6666,
        0x00f1_4c4c,
        0x0023_d18b,
        0x00f5_f543,
        0x003b_8eea,
        0x00d6_70d6,
        0x0029_b8db,
        0x00ff_ffff,
    ];
    let value = match colour {
        Color::Default if foreground => 0x00d4_d4d4,
        Color::Default => 0x001e_1e1e,
        Color::Rgb(r, g, b) => u32::from_be_bytes([0, r, g, b]),
        Color::Idx(index @ 0..16) => SIXTEEN[usize::from(index)],
        Color::Idx(index @ 16..232) => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let n = index - 16;
            u32::from_be_bytes([0, level(n / 36), level(n / 6 % 6), level(n % 6)])
        }
        Color::Idx(index) => u32::from(8 + 10 * (index - 232)) * 0x0001_0101,
    };
    format!("#{value:06x}")
}

/// A colour so many hundredths on its way to white.
fn mixed(colour: &str, share: u32) -> String {
    let value = u32::from_str_radix(colour.trim_start_matches('#'), 16).unwrap_or(0);
    let [_, r, g, b] = value.to_be_bytes().map(|c| u32::from(c) + (255 - u32::from(c)) * share / 100);
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// With as few digits as it takes.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
