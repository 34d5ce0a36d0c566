//! Colours: read from text, compared as eyes compare them, and brought down to fewer.

use std::sync::LazyLock;

use ratatui::style::Color;

use crate::config::suggest::nearest;

pub(super) type Rgb = (u8, u8, u8);

/// Lightness, green to red, blue to yellow.
type Oklab = (f64, f64, f64);

/// The terminal's own colours, by the number that its escape sequences give them.
const ANSI: [(&str, Color); 16] = [
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("white", Color::Gray),
    ("bright-black", Color::DarkGray),
    ("bright-red", Color::LightRed),
    ("bright-green", Color::LightGreen),
    ("bright-yellow", Color::LightYellow),
    ("bright-blue", Color::LightBlue),
    ("bright-magenta", Color::LightMagenta),
    ("bright-cyan", Color::LightCyan),
    ("bright-white", Color::White),
];

/// What a name stands for if no palette knows it: `default`, the terminal's sixteen.
pub(super) fn ansi_named(name: &str) -> Option<Color> {
    if name == "default" {
        return Some(Color::Reset);
    }
    ANSI.iter().find(|(known, _)| *known == name).map(|(_, colour)| *colour)
}

/// A colour by its number among the 256.
pub(super) fn indexed(index: u8) -> Color {
    ANSI.get(usize::from(index)).map_or(Color::Indexed(index), |(_, colour)| *colour)
}

/// `#rgb` or `#rrggbb`.
pub(super) fn hex(text: &str) -> Option<Color> {
    let digits = text.strip_prefix('#')?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| u8::from_str_radix(&digits[range], 16).ok();
    match digits.len() {
        3 => Some(Color::Rgb(part(0..1)? * 17, part(1..2)? * 17, part(2..3)? * 17)),
        6 => Some(Color::Rgb(part(0..2)?, part(2..4)?, part(4..6)?)),
        _ => None,
    }
}

/// The nearest name among the palette's and the terminal's, for a hint.
pub(super) fn suggest<'a>(name: &str, palette: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    nearest(name, palette.chain(ANSI.iter().map(|(known, _)| *known)).chain(["default"]))
}

/// What a colour looks like; the terminal's own sixteen and its default look like nobody knows what.
pub(super) fn rgb(colour: Color) -> Option<Rgb> {
    match colour {
        Color::Rgb(r, g, b) => Some((r, g, b)),
        Color::Indexed(index) if index >= 16 => Some(xterm(index)),
        _ => None,
    }
}

/// The fixed part of the 256: a cube of six steps a side, then 24 greys.
fn xterm(index: u8) -> Rgb {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    if index >= 232 {
        let grey = 8 + (index - 232) * 10;
        return (grey, grey, grey);
    }
    let cube = usize::from(index.saturating_sub(16));
    (STEPS[cube / 36 % 6], STEPS[cube / 6 % 6], STEPS[cube % 6])
}

/// The nearest of the fixed part of the 256 that is not `ground`.
pub(super) fn nearest_256(wanted: Rgb, ground: Option<Color>) -> Color {
    /// The fixed part as eyes see it: worked out once, since a theme asks for it some eighty times.
    static SEEN: LazyLock<Vec<(u8, Oklab)>> =
        LazyLock::new(|| (16..=255).map(|index| (index, oklab(xterm(index)))).collect());
    let target = oklab(wanted);
    let mut best = (f64::INFINITY, 16);
    for (index, seen) in SEEN.iter() {
        let distance = distance(target, *seen);
        if distance < best.0 && ground != Some(Color::Indexed(*index)) {
            best = (distance, *index);
        }
    }
    Color::Indexed(best.1)
}

/// The one of the sixteen that says what `wanted` says and can be read on a black and on a white ground; `None` where
/// the terminal's own text colour has to do.
///
/// Black, white and the greys vanish on one of the two grounds, the bright ones and yellow on white, and blue on black;
/// which leaves four colours. Greys, ambers and yellows have no safe one.
pub(super) fn nearest_16(wanted: Rgb) -> Option<Color> {
    /// From where a hue on `OKLab`'s circle is said by which colour, in degrees.
    const HUES: [(f64, Option<Color>); 6] = [
        (0.0, Some(Color::Red)),
        (50.0, None),
        (115.0, Some(Color::Green)),
        (170.0, Some(Color::Cyan)),
        (272.0, Some(Color::Magenta)),
        (355.0, Some(Color::Red)),
    ];
    let (_, a, b) = oklab(wanted);
    if a.hypot(b) < 0.045 {
        return None;
    }
    let hue = b.atan2(a).to_degrees().rem_euclid(360.0);
    HUES.iter().rev().find(|(from, _)| hue >= *from).and_then(|(_, colour)| *colour)
}

/// `OKLab`: distances in it are about what eyes see. Its variables have the names that its definition gives them.
#[allow(clippy::many_single_char_names)]
fn oklab((r, g, b): Rgb) -> Oklab {
    let (r, g, b) = (linear(r), linear(g), linear(b));
    let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
    let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
    let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
    (
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    )
}

fn distance(one: Oklab, other: Oklab) -> f64 {
    (one.0 - other.0).powi(2) + (one.1 - other.1).powi(2) + (one.2 - other.2).powi(2)
}

fn linear(part: u8) -> f64 {
    let part = f64::from(part) / 255.0;
    if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
}

/// WCAG's contrast of two colours, from 1 to 21.
#[cfg(test)]
pub(super) fn contrast(one: Rgb, other: Rgb) -> f64 {
    let light = |(r, g, b): Rgb| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    let (one, other) = (light(one), light(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read() {
        assert_eq!(hex("#ff8000"), Some(Color::Rgb(255, 128, 0)));
        assert_eq!(hex("#f80"), Some(Color::Rgb(255, 136, 0)));
        for bad in ["ff8000", "#ff80", "#gg8000", "#", "#ff80000", "#é0000"] {
            assert_eq!(hex(bad), None, "{bad}");
        }
        assert_eq!(ansi_named("bright-blue"), Some(Color::LightBlue));
        assert_eq!(ansi_named("default"), Some(Color::Reset));
        assert_eq!((indexed(1), indexed(200)), (Color::Red, Color::Indexed(200)));
    }

    #[test]
    fn the_cube_is_met_exactly() {
        for index in 16..=231 {
            let exact = xterm(index);
            assert_eq!(rgb(nearest_256(exact, None)), Some(exact), "{index}");
        }
        assert_eq!(nearest_256((8, 8, 8), None), Color::Indexed(232));
        assert_ne!(nearest_256((8, 8, 8), Some(Color::Indexed(232))), Color::Indexed(232));
    }

    #[test]
    fn hues_survive_in_sixteen_colours() {
        for (colour, expected) in [
            ((0xf3, 0x8b, 0xa8), Some(Color::Red)),
            ((0xec, 0x85, 0x76), Some(Color::Red)),
            ((0xa6, 0xe3, 0xa1), Some(Color::Green)),
            ((0x89, 0xdc, 0xeb), Some(Color::Cyan)),
            ((0x89, 0xb4, 0xfa), Some(Color::Cyan)),
            ((0xcb, 0xa6, 0xf7), Some(Color::Magenta)),
            ((0xcd, 0xd6, 0xf4), None),
            ((0xff, 0xff, 0xff), None),
            ((0x10, 0x10, 0x10), None),
            ((0xe5, 0xb5, 0x67), None),
        ] {
            assert_eq!(nearest_16(colour), expected, "{colour:?}");
        }
    }

    #[test]
    fn what_is_mapped_to_is_readable_on_black_and_on_white() {
        let xterm = [(205, 0, 0), (0, 205, 0), (0, 205, 205), (205, 0, 205)];
        let vga = [(170, 0, 0), (0, 170, 0), (0, 170, 170), (170, 0, 170)];
        for colour in xterm.into_iter().chain(vga) {
            for ground in [(0, 0, 0), (255, 255, 255)] {
                assert!(contrast(colour, ground) >= 1.9, "{colour:?} on {ground:?}: {}", contrast(colour, ground));
            }
        }
    }

    #[test]
    fn contrast_is_the_standards() {
        assert!((contrast((0, 0, 0), (255, 255, 255)) - 21.0).abs() < 0.01);
        assert!((contrast((0x77, 0x77, 0x77), (255, 255, 255)) - 4.48).abs() < 0.01);
    }
}
