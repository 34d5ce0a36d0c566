//! Vim's keys in the composer: a language of its own, so it is read here and not by the key map.
//!
//! In insert mode everything is as without it, and Esc leaves that mode. In the other modes what is no word of this language
//! goes on to the key map: Enter sends, Ctrl-P opens the palette, and an Esc with nothing left to leave stops the answer.

mod motions;
mod normal;
mod objects;
mod operate;
#[cfg(test)]
mod tests;
mod visual;

use std::collections::BTreeMap;

use self::motions::Find;
use crate::app::text_area::{Selection, TextArea, Written};
use crate::config::keymap::{Key, KeyChord};
use crate::domain::action::Action;

/// Nobody means to do something more often.
const MOST: usize = 9_999;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Insert,
    Normal,
    /// From `from` to the cursor something is selected.
    Visual {
        from: usize,
        lines: bool,
    },
}

/// What comes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressed {
    Done,
    /// It is the key map's.
    Pass,
    /// It is something that concerns more than the text.
    Act(Action),
    /// Words are to be looked for in the conversation, downwards or upwards.
    Find {
        back: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Delete,
    Change,
    Yank,
    Lower,
    Upper,
    Swap,
}

/// A key that waits for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pending {
    /// Until or onto a character.
    Find {
        back: bool,
        till: bool,
    },
    Replace,
    Object {
        around: bool,
    },
    /// The name of a register.
    Register,
    G,
}

/// What a key did, as far as repeating it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Did {
    /// There is more to come.
    Wait,
    Nothing,
    Change,
    /// What is typed next belongs to it, so many times.
    Insert(usize),
    Leave(Pressed),
}

/// What is typed in insert mode, from a place on.
#[derive(Debug)]
struct Typing {
    from: usize,
    times: usize,
    keys: Vec<KeyChord>,
}

/// A change, to be made again.
#[derive(Debug, Clone)]
struct Repeat {
    keys: Vec<KeyChord>,
    typed: Option<Written>,
}

/// What was deleted or copied last.
#[derive(Debug, Clone, Default)]
struct Register {
    text: Written,
    lines: bool,
}

#[derive(Debug, Default)]
pub struct Vim {
    mode: Mode,
    count: Option<usize>,
    /// With the count before it.
    operator: Option<(Operator, Option<usize>)>,
    pending: Option<Pending>,
    found: Option<Find>,
    register: Register,
    /// What was put away under a letter.
    registers: BTreeMap<char, Register>,
    /// The letter that the command is about.
    named: Option<char>,
    /// Keys of the command that is being given.
    keys: Vec<KeyChord>,
    typing: Option<Typing>,
    last: Option<Repeat>,
}

impl Vim {
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What there is of a command.
    #[must_use]
    pub fn pending(&self) -> String {
        let key = |chord: &KeyChord| match chord.key {
            Key::Char(c) => c.to_string(),
            _ => String::new(),
        };
        // The keys of a selection are kept for repeating it.
        let waits = self.pending.is_some() || self.operator.is_some() || self.count.is_some() || self.named.is_some();
        if waits && self.mode == Mode::Normal { self.keys.iter().map(key).collect() } else { String::new() }
    }

    /// A text that was sent is followed by one that is typed.
    pub fn begin(&mut self) {
        self.forget_command();
        self.typing = None;
        self.mode = Mode::Insert;
    }

    /// The text was changed by something else. Who types goes on with that.
    pub fn text_has_changed(&mut self, area: &mut TextArea) {
        if self.mode != Mode::Insert {
            self.at_rest(area);
        }
    }

    /// Another text is there.
    pub fn at_rest(&mut self, area: &mut TextArea) {
        if self.mode == Mode::Insert {
            if self.typing.take().is_some() {
                area.end_group();
            }
            return;
        }
        self.forget_command();
        self.mode = Mode::Normal;
        area.select(None);
        onto_a_character(area);
    }

    fn forget_command(&mut self) {
        self.count = None;
        self.operator = None;
        self.pending = None;
        self.named = None;
        self.keys.clear();
    }

    pub fn press(&mut self, chord: KeyChord, area: &mut TextArea) -> Pressed {
        if self.mode == Mode::Insert {
            if chord != KeyChord::plain(Key::Esc) {
                return Pressed::Pass;
            }
            self.leave_insert(area);
            return Pressed::Done;
        }
        self.keys.push(chord);
        let did = self.command(chord, area);
        self.did(did, area)
    }

    fn did(&mut self, did: Did, area: &mut TextArea) -> Pressed {
        let mut pressed = Pressed::Done;
        match did {
            Did::Wait => {}
            Did::Change => {
                let keys = std::mem::take(&mut self.keys);
                self.last = Some(Repeat { keys, typed: None });
                self.forget_command();
            }
            Did::Insert(times) => {
                let keys = std::mem::take(&mut self.keys);
                self.typing = Some(Typing { from: area.cursor(), times, keys });
                self.forget_command();
                self.mode = Mode::Insert;
            }
            // The keys that select are a part of what is done to it.
            Did::Nothing if matches!(self.mode, Mode::Visual { .. }) => {
                (self.count, self.operator, self.pending, self.named) = (None, None, None, None);
            }
            Did::Nothing => self.forget_command(),
            Did::Leave(to) => {
                self.forget_command();
                pressed = to;
            }
        }
        match self.mode {
            Mode::Visual { from, lines } => area.select(Some(Selection { from, lines })),
            Mode::Normal => {
                area.select(None);
                onto_a_character(area);
            }
            Mode::Insert => area.select(None),
        }
        pressed
    }

    fn leave_insert(&mut self, area: &mut TextArea) {
        if let Some(Typing { from, times, keys }) = self.typing.take() {
            let cursor = area.cursor();
            let is_there = from <= cursor && area.text().is_char_boundary(from);
            let typed = if is_there { area.part(from..cursor) } else { Written::default() };
            for _ in 1..times {
                area.insert_written(&typed);
            }
            self.last = Some(Repeat { keys, typed: Some(typed) });
        }
        area.end_group();
        self.forget_command();
        self.mode = Mode::Normal;
        if area.cursor() > area.line_start(area.cursor()) {
            area.go(area.before(area.cursor()));
        }
    }

    fn times(&self) -> usize {
        let before = self.operator.and_then(|(_, count)| count);
        self.count.unwrap_or(1).saturating_mul(before.unwrap_or(1)).clamp(1, MOST)
    }

    fn has_count(&self) -> bool {
        self.count.is_some() || self.operator.is_some_and(|(_, count)| count.is_some())
    }

    fn command(&mut self, chord: KeyChord, area: &mut TextArea) -> Did {
        let key = match chord {
            KeyChord { key: Key::Char('r'), ctrl: true, alt: false, .. } => return self.undo(Action::Redo, area),
            KeyChord { ctrl: false, alt: false, .. } => chord.key,
            _ => return Did::Leave(Pressed::Pass),
        };
        if let (Some(pending), Key::Char(c)) = (self.pending, key) {
            self.pending = None;
            return self.second(pending, c, area);
        }
        if key != Key::Esc && self.pending.take().is_some() {
            return Did::Nothing;
        }
        let c = match key {
            Key::Esc => return self.escape(),
            Key::Char(c) => c,
            Key::Left | Key::Backspace => 'h',
            Key::Right => 'l',
            Key::Up => 'k',
            Key::Down => 'j',
            Key::Home => '0',
            Key::End => '$',
            Key::Delete => 'x',
            _ => return Did::Leave(Pressed::Pass),
        };
        match (c, self.mode) {
            ('0'..='9', _) if c != '0' || self.count.is_some() => {
                let digit = c.to_digit(10).and_then(|digit| usize::try_from(digit).ok()).unwrap_or(0);
                self.count = Some((self.count.unwrap_or(0) * 10 + digit).min(MOST));
                Did::Wait
            }
            ('f' | 'F' | 't' | 'T', _) => {
                self.wait(Pending::Find { back: c.is_uppercase(), till: c.eq_ignore_ascii_case(&'t') })
            }
            ('g', _) => self.wait(Pending::G),
            ('"', _) => self.wait(Pending::Register),
            ('i' | 'a', mode) if self.operator.is_some() || mode != Mode::Normal => {
                self.wait(Pending::Object { around: c == 'a' })
            }
            (_, Mode::Visual { from, lines }) => self.visual(c, from, lines, area),
            _ => self.normal(c, area),
        }
    }

    fn wait(&mut self, pending: Pending) -> Did {
        self.pending = Some(pending);
        Did::Wait
    }

    fn escape(&mut self) -> Did {
        let had = self.pending.is_some()
            || self.operator.is_some()
            || self.count.is_some()
            || self.named.is_some()
            || self.mode != Mode::Normal;
        self.mode = Mode::Normal;
        if had { Did::Leave(Pressed::Done) } else { Did::Leave(Pressed::Pass) }
    }

    /// The second key of two.
    fn second(&mut self, pending: Pending, c: char, area: &mut TextArea) -> Did {
        match pending {
            Pending::Find { back, till } => {
                let find = Find { wanted: c, back, till };
                self.found = Some(find);
                let motion = motions::find(area, find, self.times(), false);
                self.moved(motion, area)
            }
            Pending::Replace => self.replace_with(c, area),
            Pending::Register => {
                self.named = c.is_ascii_alphabetic().then_some(c);
                if self.named.is_some() { Did::Wait } else { Did::Nothing }
            }
            Pending::Object { around } => {
                let Some((range, lines)) = objects::object(area, c, around) else { return Did::Nothing };
                if let Mode::Visual { lines: was, .. } = self.mode {
                    self.mode = Mode::Visual { from: range.start, lines: was || lines };
                    area.go(area.before(range.end).max(range.start));
                    return Did::Nothing;
                }
                self.operate(range, lines, area)
            }
            Pending::G => match c {
                'g' => {
                    let line = if self.has_count() { self.times() } else { 1 };
                    self.moved(Some(motions::to_line(area, line)), area)
                }
                'e' | '_' => {
                    let motion = motions::motion(area, if c == 'e' { 'E' } else { '$' }, self.times(), c == 'e');
                    self.moved(motion, area)
                }
                'u' => self.operator(Operator::Lower, 'u', area),
                'U' => self.operator(Operator::Upper, 'U', area),
                '~' => self.operator(Operator::Swap, '~', area),
                _ => Did::Nothing,
            },
        }
    }

    fn undo(&mut self, action: Action, area: &mut TextArea) -> Did {
        for _ in 0..self.times() {
            area.act(action);
        }
        self.mode = Mode::Normal;
        Did::Nothing
    }

    /// The last change, once more.
    fn again(&mut self, area: &mut TextArea) -> Did {
        let count = self.count;
        self.forget_command();
        let Some(Repeat { mut keys, typed }) = self.last.clone() else { return Did::Nothing };
        if let Some(count) = count {
            let is_digit = |chord: &KeyChord| matches!(chord.key, Key::Char('0'..='9'));
            keys = count
                .to_string()
                .chars()
                .map(|c| KeyChord::plain(Key::Char(c)))
                .chain(keys.into_iter().skip_while(is_digit))
                .collect();
        }
        area.begin_group();
        for chord in keys {
            self.press(chord, area);
        }
        if self.mode == Mode::Insert {
            area.insert_written(&typed.unwrap_or_default());
            self.leave_insert(area);
        }
        area.end_group();
        Did::Leave(Pressed::Done)
    }
}

/// In normal mode the cursor is on a character and not behind the last one.
fn onto_a_character(area: &mut TextArea) {
    let cursor = area.cursor();
    if cursor == area.line_end(cursor) && cursor > area.line_start(cursor) {
        area.rest_on(area.before(cursor));
    }
}
