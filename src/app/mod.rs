//! STUB for this branch only: the least that the runtime needs to be tried. Dropped by the merge.
pub mod msg;

use std::time::Instant;

use crate::app::msg::{Effect, Msg, TermEvent};
use crate::config::keymap::{Key, KeyChord};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Dirty {
    #[default]
    Clean,
    Soon,
    Now,
}

#[derive(Default)]
pub struct App {
    pub dirty: Dirty,
    pub log: Vec<String>,
    /// What `update` answers with next; for tests of the loop.
    pub answers: std::collections::VecDeque<Vec<Effect>>,
    pub typed: String,
    pub size: (u16, u16),
}

impl App {
    pub fn update(&mut self, msg: Msg, _now: Instant) -> Vec<Effect> {
        self.dirty = Dirty::Now;
        self.log.push(format!("{msg:?}"));
        match msg {
            Msg::Term(TermEvent::Key(KeyChord { key: Key::Char('q'), ctrl: true, .. })) => return vec![Effect::Quit],
            Msg::Term(TermEvent::Key(KeyChord { key: Key::Char('g'), ctrl: true, .. })) => {
                return vec![Effect::OpenEditor(self.typed.clone())];
            }
            Msg::Term(TermEvent::Key(KeyChord { key: Key::Char('z'), ctrl: true, .. })) => {
                return vec![Effect::Suspend];
            }
            Msg::Term(TermEvent::Key(KeyChord { key: Key::Char(c), ctrl: false, alt: false, .. })) => {
                self.typed.push(c);
            }
            Msg::Term(TermEvent::Paste(text)) => self.typed.push_str(&text),
            Msg::Edited(Ok(text)) => self.typed = text,
            Msg::Term(TermEvent::Resize(w, h)) => self.size = (w, h),
            Msg::Engine(_) => self.dirty = Dirty::Soon,
            _ => {}
        }
        self.answers.pop_front().unwrap_or_default()
    }

    pub fn dirty(&self) -> Dirty {
        self.dirty
    }

    pub fn drawn(&mut self) {
        self.dirty = Dirty::Clean;
    }
}
