//! Writing a message, from outside: pastes, files that go along, prompts of before, Vim's keys, titles; and how it looks.

mod files;
mod pastes;
mod prompts;
#[path = "../support/mod.rs"]
mod support;
mod titles;
mod views;
mod vim;

use hobnob::app::msg::{Effect, Msg, TermEvent};
use hobnob::config::Value;
use hobnob::config::theme::{Capabilities, ColourDepth};
use hobnob::domain::EngineCmd;
use support::app::Driver;

/// With a model that is ready.
fn ready() -> Driver {
    let mut d = Driver::new();
    d.ready();
    d.stored.clear();
    d
}

fn ready_with(flags: Vec<(&'static str, Value, &'static str)>) -> Driver {
    let mut d = Driver::with(flags, Capabilities { depth: ColourDepth::True, unicode: true });
    d.ready();
    d.stored.clear();
    d
}

fn paste(d: &mut Driver, text: &str) {
    assert_eq!(d.send(Msg::Term(TermEvent::Paste(text.into()))), []);
}

/// What the model is asked last, if it is asked anything.
fn asked(effects: &[Effect]) -> Option<&str> {
    effects.iter().find_map(|effect| match effect {
        Effect::Engine(EngineCmd::Generate { req, .. }) => req.messages.last().map(|message| &*message.content),
        _ => None,
    })
}

/// What is written, in full.
fn written(d: &Driver) -> String {
    d.app.chat.composer.area.full().into_owned()
}
