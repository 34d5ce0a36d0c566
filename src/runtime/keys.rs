//! What the terminal sends, byte by byte, becomes keys, pastes, focus and mouse.
//!
//! Our own reading of a small part of xterm's and kitty's input, because it decides two things that an interface stands or
//! falls with: that reading never waits in the middle of a sequence (a link may cut one anywhere), and that nothing but this
//! process reads the terminal when somebody else owns it. Pure: bytes in, events out.
//!
//! A chord is called the same whatever the terminal says it with: `ctrl-i`, `ctrl-m` and `ctrl-[` are Tab, Enter and Esc
//! even where a terminal could tell them apart, and letters with Ctrl or Alt are in lower case.

use std::time::Duration;

use crate::app::msg::TermEvent;
use crate::config::keymap::{Key, KeyChord};

const ESC: u8 = 0x1b;
const PASTE_END: &[u8] = b"\x1b[201~";
/// A paste is taken in pieces of this size at most.
const LARGEST_PASTE: usize = 16 << 20;
/// From an Esc to the rest of its sequence, over a bad link; below what a person notices after the Esc key.
const ESCAPE_TIME: Duration = Duration::from_millis(40);
/// From one part of a paste to the next. What comes later is taken for keys, Enter too: a slow link must not do that.
const PASTE_TIME: Duration = Duration::from_secs(2);
/// No sequence that we know is longer; what is, is noise.
const LONGEST_SEQUENCE: usize = 64;
/// Lines per notch of the wheel.
const WHEEL: i16 = 3;

/// Turns bytes into events, however they are cut.
#[derive(Debug)]
pub(super) struct Decoder {
    /// The beginning of a sequence whose rest has not come.
    pending: Vec<u8>,
    /// The text of a paste whose end has not come.
    paste: Option<Vec<u8>>,
    /// What the Backspace key sends here, by the terminal driver's word.
    erase: u8,
}

enum Parsed {
    /// More bytes are needed.
    Incomplete,
    /// So many bytes are read, and meant this or nothing.
    Done(usize, Option<TermEvent>),
    /// So many bytes are read; a paste begins.
    PasteStart(usize),
}

impl Decoder {
    pub(super) fn new(erase: u8) -> Self {
        Self { pending: Vec::new(), paste: None, erase }
    }

    /// How long a pause would tell something: an Esc by itself is the key, with more it is the start of a sequence; and the end
    /// of a paste can be lost.
    pub(super) fn patience(&self) -> Option<Duration> {
        let pending = (!self.pending.is_empty()).then_some(ESCAPE_TIME);
        pending.or_else(|| self.paste.is_some().then_some(PASTE_TIME))
    }

    pub(super) fn feed(&mut self, bytes: &[u8], events: &mut impl Extend<TermEvent>) {
        if let Some(mut text) = self.paste.take() {
            let seen = text.len().saturating_sub(PASTE_END.len() - 1);
            text.extend_from_slice(bytes);
            return self.read_paste(text, seen, events);
        }
        let mut input = std::mem::take(&mut self.pending);
        input.extend_from_slice(bytes);
        let mut rest = input.as_slice();
        while !rest.is_empty() {
            match parse(rest, self.erase) {
                Parsed::Incomplete if rest.len() > LONGEST_SEQUENCE => rest = &[],
                Parsed::Incomplete => {
                    self.pending = rest.to_vec();
                    return;
                }
                Parsed::Done(read, event) => {
                    events.extend(event);
                    rest = &rest[read..];
                }
                Parsed::PasteStart(read) => return self.read_paste(rest[read..].to_vec(), 0, events),
            }
        }
    }

    /// Nothing followed for a while: what has come is all there is.
    pub(super) fn flush(&mut self, events: &mut impl Extend<TermEvent>) {
        if let Some(text) = self.paste.take() {
            events.extend([pasted(&text)]);
        }
        match std::mem::take(&mut self.pending).as_slice() {
            [ESC] => events.extend([key(Key::Esc)]),
            [ESC, ESC] => events.extend([key(Key::Esc), key(Key::Esc)]),
            [ESC, b @ (b'[' | b'O')] => {
                events.extend(chord(Key::Char(char::from(*b)), Modifiers { alt: true, ..Modifiers::NONE }));
            }
            _ => {}
        }
    }

    /// `text` has no end mark before `seen`.
    fn read_paste(&mut self, mut text: Vec<u8>, seen: usize, events: &mut impl Extend<TermEvent>) {
        let Some(end) = text[seen..].windows(PASTE_END.len()).position(|w| w == PASTE_END) else {
            if text.len() > LARGEST_PASTE {
                // The last bytes may be the beginning of the end.
                let rest = text.split_off(text.len() - PASTE_END.len());
                events.extend([pasted(&std::mem::replace(&mut text, rest))]);
            }
            self.paste = Some(text);
            return;
        };
        let rest = text.split_off(seen + end);
        events.extend([pasted(&text)]);
        self.feed(&rest[PASTE_END.len()..], events);
    }
}

fn pasted(text: &[u8]) -> TermEvent {
    // Terminals send a line's end as the Enter key would.
    TermEvent::Paste(String::from_utf8_lossy(text).replace("\r\n", "\n").replace('\r', "\n"))
}

/// Adds an event; wheel notches, sizes and moves of the mouse that come in a row become one.
pub(super) fn push_merged(events: &mut Vec<TermEvent>, event: TermEvent) {
    match (events.last_mut(), &event) {
        (Some(TermEvent::Scroll(sum)), TermEvent::Scroll(more)) if sum.signum() == more.signum() => {
            *sum = sum.saturating_add(*more);
        }
        (Some(last @ TermEvent::Resize(..)), TermEvent::Resize(..))
        | (Some(last @ TermEvent::Drag { .. }), TermEvent::Drag { .. }) => *last = event,
        _ => events.push(event),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Modifiers {
    shift: bool,
    alt: bool,
    ctrl: bool,
}

impl Modifiers {
    const NONE: Self = Self { shift: false, alt: false, ctrl: false };

    /// As xterm and kitty number them: one more than the sum of their bits. Nothing with Super (8) or Hyper (16): those
    /// belong to the desktop, never to us.
    fn from_number(number: u32) -> Option<Self> {
        let bits = number.saturating_sub(1);
        // 32 is Meta, which old keyboards have where others have Alt.
        let all = Self { shift: bits & 1 != 0, alt: bits & (2 | 32) != 0, ctrl: bits & 4 != 0 };
        (bits & (8 | 16) == 0).then_some(all)
    }
}

fn key(key: Key) -> TermEvent {
    TermEvent::Key(KeyChord { key, ctrl: false, alt: false, shift: false })
}

/// The chord under its one name.
fn chord(key: Key, modifiers: Modifiers) -> Option<TermEvent> {
    let Modifiers { shift, alt, ctrl } = modifiers;
    let chord = match key {
        Key::Char(c) if c.is_control() => return None,
        Key::Char('i' | 'I') if ctrl => KeyChord { key: Key::Tab, ctrl: false, alt, shift },
        Key::Char('m' | 'M') if ctrl => KeyChord { key: Key::Enter, ctrl: false, alt, shift },
        Key::Char('[') if ctrl => KeyChord { key: Key::Esc, ctrl: false, alt, shift },
        Key::Char(c) if ctrl || alt => {
            let mut lower = c.to_lowercase();
            let c = lower.next().filter(|_| lower.next().is_none()).unwrap_or(c);
            KeyChord { key: Key::Char(c), ctrl, alt, shift: false }
        }
        Key::Char(_) => KeyChord { key, ctrl, alt, shift: false },
        _ => KeyChord { key, ctrl, alt, shift },
    };
    Some(TermEvent::Key(chord))
}

/// Reads one event off the front; `bytes` is not empty.
fn parse(bytes: &[u8], erase: u8) -> Parsed {
    let ctrl = |c: u8| chord(Key::Char(char::from(c)), Modifiers { ctrl: true, ..Modifiers::NONE });
    let event = match bytes[0] {
        ESC => return parse_escape(bytes, erase),
        b'\r' => Some(key(Key::Enter)),
        b'\t' => Some(key(Key::Tab)),
        0x7f => Some(key(Key::Backspace)),
        c if c == erase && c < 0x20 => Some(key(Key::Backspace)),
        0 => ctrl(b' '),
        c @ 0x01..=0x1a => ctrl(c - 1 + b'a'),
        c @ 0x1c..=0x1f => ctrl(c - 0x1c + b'\\'),
        c @ 0x20..=0x7e => chord(Key::Char(char::from(c)), Modifiers::NONE),
        _ => return parse_utf8(bytes),
    };
    Parsed::Done(1, event)
}

fn parse_utf8(bytes: &[u8]) -> Parsed {
    let length = match bytes[0] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Parsed::Done(1, None),
    };
    let available = &bytes[..length.min(bytes.len())];
    match std::str::from_utf8(available) {
        Ok(text) => Parsed::Done(length, text.chars().next().and_then(|c| chord(Key::Char(c), Modifiers::NONE))),
        // `error_len` is none where only the end is missing.
        Err(error) if error.error_len().is_none() => Parsed::Incomplete,
        Err(_) => Parsed::Done(1, None),
    }
}

fn parse_escape(bytes: &[u8], erase: u8) -> Parsed {
    match bytes.get(1) {
        None => Parsed::Incomplete,
        Some(b'[') => parse_csi(bytes),
        Some(b'O') => parse_ss3(bytes),
        Some(&ESC) => match bytes.get(2) {
            None => Parsed::Incomplete,
            // Alt with a special key, as some terminals say it.
            Some(b'[' | b'O') => with_alt(parse_escape(&bytes[1..], erase)),
            Some(_) => Parsed::Done(1, Some(key(Key::Esc))),
        },
        Some(_) => with_alt(parse(&bytes[1..], erase)),
    }
}

/// The same event, one byte later and with Alt.
fn with_alt(parsed: Parsed) -> Parsed {
    match parsed {
        Parsed::Done(read, Some(TermEvent::Key(KeyChord { key, ctrl, shift, .. }))) => {
            Parsed::Done(read + 1, chord(key, Modifiers { shift, ctrl, alt: true }))
        }
        Parsed::Done(read, event) => Parsed::Done(read + 1, event),
        Parsed::PasteStart(read) => Parsed::PasteStart(read + 1),
        Parsed::Incomplete => Parsed::Incomplete,
    }
}

/// Keys of the keypad and, in some modes, arrows and F1 to F4.
fn parse_ss3(bytes: &[u8]) -> Parsed {
    let Some(last) = bytes.get(2).copied() else { return Parsed::Incomplete };
    let event = match last {
        b'M' => Some(key(Key::Enter)),
        // rxvt: arrows with Ctrl.
        b'a'..=b'd' => {
            letter_key(last.to_ascii_uppercase()).and_then(|k| chord(k, Modifiers { ctrl: true, ..Modifiers::NONE }))
        }
        b'j'..=b'y' => Some(key(Key::Char(char::from(last - b'j' + b'*')))),
        ESC => return Parsed::Done(2, chord(Key::Char('o'), Modifiers { alt: true, ..Modifiers::NONE })),
        _ => letter_key(last).map(key),
    };
    Parsed::Done(3, event)
}

/// `ESC [ parameters final`.
fn parse_csi(bytes: &[u8]) -> Parsed {
    // The Linux console: F1 to F5.
    if bytes.get(2) == Some(&b'[') {
        return match bytes.get(3) {
            None => Parsed::Incomplete,
            Some(c @ b'A'..=b'E') => Parsed::Done(4, Some(key(Key::F(c - b'A' + 1)))),
            Some(_) => Parsed::Done(4, None),
        };
    }
    let Some(length) = bytes[2..].iter().position(|b| !(0x20..=0x3f).contains(b)) else { return Parsed::Incomplete };
    let (parameters, last) = (&bytes[2..2 + length], bytes[2 + length]);
    let read = length + 3;
    if !(0x40..=0x7e).contains(&last) {
        // Cut short by something that is not part of it.
        return Parsed::Done(read - 1, None);
    }
    let Ok(parameters) = std::str::from_utf8(parameters) else { return Parsed::Done(read, None) };
    if let Some(mouse) = parameters.strip_prefix('<') {
        return Parsed::Done(read, parse_mouse(mouse, last));
    }
    let event = match (last, parameters) {
        (b'~', "200") => return Parsed::PasteStart(read),
        // The old report of the mouse, three more bytes: we ask for the other.
        (b'M', "") if bytes.len() < read + 3 => return Parsed::Incomplete,
        (b'M', "") => return Parsed::Done(read + 3, None),
        (b'I', "") => Some(TermEvent::Focus(true)),
        (b'O', "") => Some(TermEvent::Focus(false)),
        // Answers to questions, which we never ask.
        (_, p) if p.starts_with(['?', '>', '=']) => None,
        _ => parse_key(parameters, last),
    };
    Parsed::Done(read, event)
}

/// A key with parameters: fields by `;`, and in each subfields by `:`.
fn parse_key(parameters: &str, last: u8) -> Option<TermEvent> {
    let mut fields = parameters.split(';').map(|field| {
        let mut numbers = field.split(':').map(|n| n.parse::<u32>().ok());
        [(); 3].map(|()| numbers.next().flatten())
    });
    let first = fields.next().unwrap_or([None; 3]);
    let [modifiers, kind, _] = fields.next().unwrap_or([None; 3]);
    if kind == Some(3) {
        // A key let go.
        return None;
    }
    let mut modifiers = Modifiers::from_number(modifiers.unwrap_or(1))?;
    match last {
        b'u' => kitty_key(first, modifiers),
        // xterm's way to say keys with modifiers.
        b'~' if first[0] == Some(27) => kitty_key(fields.next()?, modifiers),
        b'~' => chord(numbered_key(first[0]?)?, modifiers),
        // rxvt's way.
        b'^' => chord(numbered_key(first[0]?)?, Modifiers { ctrl: true, ..modifiers }),
        b'a'..=b'd' => chord(letter_key(last.to_ascii_uppercase())?, Modifiers { shift: true, ..modifiers }),
        b'Z' => {
            modifiers.shift = true;
            chord(Key::Tab, modifiers)
        }
        _ => chord(letter_key(last)?, modifiers),
    }
}

fn letter_key(letter: u8) -> Option<Key> {
    Some(match letter {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        b'P' => Key::F(1),
        b'Q' => Key::F(2),
        b'R' => Key::F(3),
        b'S' => Key::F(4),
        _ => return None,
    })
}

fn numbered_key(number: u32) -> Option<Key> {
    let function = |n: u32| u8::try_from(n).ok().map(Key::F);
    match number {
        1 | 7 => Some(Key::Home),
        2 => Some(Key::Insert),
        3 => Some(Key::Delete),
        4 | 8 => Some(Key::End),
        5 => Some(Key::PageUp),
        6 => Some(Key::PageDown),
        11..=15 => function(number - 10),
        17..=21 => function(number - 11),
        23..=26 => function(number - 12),
        28 | 29 => function(number - 13),
        31..=34 => function(number - 14),
        _ => None,
    }
}

/// A key by its code point: the key's own, what Shift makes of it, and the one at its place on a US keyboard.
fn kitty_key([code, shifted, us]: [Option<u32>; 3], modifiers: Modifiers) -> Option<TermEvent> {
    let code = code?;
    let special = match code {
        9 => Some(Key::Tab),
        13 | 57414 => Some(Key::Enter),
        27 => Some(Key::Esc),
        8 | 127 => Some(Key::Backspace),
        57399..=57408 => char::from_digit(code - 57399, 10).map(Key::Char),
        57409..=57413 => [Key::Char('.'), Key::Char('/'), Key::Char('*'), Key::Char('-'), Key::Char('+')]
            .get((code - 57409) as usize)
            .copied(),
        57415 => Some(Key::Char('=')),
        57416 => Some(Key::Char(',')),
        57417..=57426 => [
            Key::Left,
            Key::Right,
            Key::Up,
            Key::Down,
            Key::PageUp,
            Key::PageDown,
            Key::Home,
            Key::End,
            Key::Insert,
            Key::Delete,
        ]
        .get((code - 57417) as usize)
        .copied(),
        57376..=57398 => u8::try_from(code - 57376 + 13).ok().map(Key::F),
        // Locks, media keys, modifiers by themselves.
        57344..=63743 => return None,
        _ => None,
    };
    if let Some(special) = special {
        return chord(special, modifiers);
    }
    let own = char::from_u32(code)?;
    let shifted = shifted.and_then(char::from_u32).filter(|_| modifiers.shift);
    let us = us.and_then(char::from_u32).filter(|_| modifiers.ctrl || modifiers.alt);
    // With Ctrl or Alt a Cyrillic or Greek keyboard means the key, not its letter: Ctrl-С is Ctrl-C.
    let c = match us {
        Some(us) if !own.is_ascii() => us,
        _ => shifted.unwrap_or(if modifiers.shift { own.to_ascii_uppercase() } else { own }),
    };
    chord(Key::Char(c), modifiers)
}

/// `button;column;row`, ended by `M` when pressed and `m` when let go.
fn parse_mouse(parameters: &str, last: u8) -> Option<TermEvent> {
    let mut numbers = parameters.split(';').map(|n| n.parse::<u16>().ok());
    let mut next = || numbers.next().flatten();
    let (button, column, row) = (next()?, next()?.checked_sub(1)?, next()?.checked_sub(1)?);
    // 4, 8 and 16 are Shift, Alt and Ctrl; 32 is the mouse moving.
    match (button & !(4 | 8 | 16), last) {
        (64, b'M') => Some(TermEvent::Scroll(-WHEEL)),
        (65, b'M') => Some(TermEvent::Scroll(WHEEL)),
        (0, b'M') => Some(TermEvent::Click { column, row }),
        (32, b'M') => Some(TermEvent::Drag { column, row }),
        (0, b'm') => Some(TermEvent::Release { column, row }),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
