//! What a terminal sends for keys.

pub const ENTER: &str = "\r";
pub const ESC: &str = "\x1b";
pub const TAB: &str = "\t";
pub const SHIFT_TAB: &str = "\x1b[Z";
pub const BACKSPACE: &str = "\x7f";
pub const DELETE: &str = "\x1b[3~";
pub const UP: &str = "\x1b[A";
pub const DOWN: &str = "\x1b[B";
pub const RIGHT: &str = "\x1b[C";
pub const LEFT: &str = "\x1b[D";
pub const HOME: &str = "\x1b[H";
pub const END: &str = "\x1b[F";
pub const PAGE_UP: &str = "\x1b[5~";
pub const PAGE_DOWN: &str = "\x1b[6~";
pub const CTRL_END: &str = "\x1b[1;5F";
pub const ALT_ENTER: &str = "\x1b\r";
/// As terminals with kitty's protocol say it.
pub const SHIFT_ENTER: &str = "\x1b[13;2u";
pub const FOCUS_IN: &str = "\x1b[I";
pub const FOCUS_OUT: &str = "\x1b[O";

/// Ctrl with a letter, or with one of `@[\]^_`.
pub fn ctrl(key: char) -> String {
    let byte = u8::try_from(key.to_ascii_uppercase()).expect("ASCII") & 0x1f;
    char::from(byte).to_string()
}

pub fn alt(key: &str) -> String {
    format!("\x1b{key}")
}

/// F1 to F12.
pub fn f(number: u8) -> String {
    match number {
        1..=4 => format!("\x1bO{}", char::from(b'P' + number - 1)),
        5 => "\x1b[15~".into(),
        6..=10 => format!("\x1b[{}~", number + 11),
        11 | 12 => format!("\x1b[{}~", number + 12),
        _ => panic!("there is no F{number} here"),
    }
}

/// Bracketed, as every terminal does it that was asked to.
pub fn paste(text: &str) -> String {
    format!("\x1b[200~{}\x1b[201~", text.replace('\n', "\r"))
}
