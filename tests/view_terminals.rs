//! What terminals of sixteen colours and of ASCII alone show, with the colours where they are the point.
//!
//! After a change that is wanted: `INSTA_UPDATE=always cargo test --test view_terminals`, and read the difference.

mod support;

use std::time::Duration;

use hobnob::app::msg::Msg;
use hobnob::config::Value;
use hobnob::config::theme::{Capabilities, ColourDepth, Themes};
use hobnob::domain::{AskId, EngineEvent, FinishReason, GenId, HubEvent, PieceKind};
use hobnob::error::{ErrorKind, UserError};
use support::app::Driver;
use support::found::{found, page};
use support::styled::{screen, written};

const SIXTEEN: Capabilities = Capabilities { depth: ColourDepth::Ansi16, unicode: true };
const ASCII: Capabilities = Capabilities { depth: ColourDepth::Ansi16, unicode: false };
const NONE: Capabilities = Capabilities { depth: ColourDepth::None, unicode: false };

/// One that has everything: reasoning, code, a table, a message that waits, an answer on its way.
fn talking(capabilities: Capabilities) -> Driver {
    let mut d = Driver::with(vec![], capabilities);
    d.ready();
    d.say("Why is the sky blue?");
    d.engine(EngineEvent::Started { id: GenId(1), prompt_tokens: 36, cached_tokens: None, context: 4096 });
    let reasoning = "They ask me about light.";
    d.engine(EngineEvent::Delta { id: GenId(1), kind: PieceKind::Reasoning, text: reasoning.into(), tokens: 6 });
    d.delta(
        1,
        "Air scatters **short** waves more – “blue” ones, `f(x)`.\n\n- one\n- two\n\n\
        ```rust\nlet x = \"sky\"; // blue\n```\n\n> A quote\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n",
    );
    d.finish(1, FinishReason::Length);
    d.say("And at dusk?");
    d.delta(2, "Then it is ");
    d.say("And on Mars?");
    d.type_text("a draft");
    d
}

fn failed(capabilities: Capabilities) -> Driver {
    let mut d = talking(capabilities);
    let error = UserError::new(ErrorKind::Generation, "the engine ran out of memory while answering")
        .hint("a smaller context takes less: Settings, Context");
    d.engine(EngineEvent::Failed { id: GenId(2), error: error.clone() });
    d.send(Msg::Failed(error));
    d
}

fn opened_by(key: &str, capabilities: Capabilities) -> Driver {
    let mut d = talking(capabilities);
    d.key(key);
    d
}

fn finding(capabilities: Capabilities) -> Driver {
    use hobnob::app::models::find::Searching;
    let mut d = opened_by("f3", capabilities);
    d.key("2");
    if let Searching::New(id) | Searching::More(id) = d.app.models.find.searching {
        d.hub(HubEvent::Found { id, result: Box::new(Ok(found())) });
    }
    d
}

fn a_page(capabilities: Capabilities) -> Driver {
    let mut d = finding(capabilities);
    d.send(Msg::Term(hobnob::app::msg::TermEvent::Paste("Qwen/Qwen3-4B-GGUF".into())));
    let id = AskId(d.app.models.next_ask().0 - 1);
    d.hub(HubEvent::Page { id, result: Box::new(Ok(page())) });
    d
}

type Scene = (&'static str, fn(Capabilities) -> Driver);

const SCENES: [Scene; 9] = [
    ("talking", talking),
    ("failed", failed),
    ("palette", |capabilities| opened_by("ctrl-p", capabilities)),
    ("help", |capabilities| opened_by("f1", capabilities)),
    ("here", |capabilities| opened_by("f3", capabilities)),
    ("finding", finding),
    ("page", a_page),
    ("settings", |capabilities| opened_by("f4", capabilities)),
    ("quitting", |capabilities| opened_by("ctrl-q", capabilities)),
];

#[test]
fn sixteen_colours() {
    for (name, scene) in SCENES {
        let mut d = scene(SIXTEEN);
        let picture = written(&screen(&mut d.app, d.now, 80, 24));
        insta::assert_snapshot!(format!("sixteen_{name}"), picture);
    }
}

#[test]
fn ascii() {
    for (name, scene) in SCENES {
        for (width, height) in [(80, 24), (40, 12)] {
            let picture = scene(ASCII).screen(width, height);
            assert!(picture.is_ascii(), "{name}");
            insta::assert_snapshot!(format!("ascii_{name}_{width}x{height}"), picture);
        }
    }
}

/// Bold, dim, underline and reverse are what is left to tell things apart by.
#[test]
fn no_colours() {
    for (name, scene) in [SCENES[0], SCENES[5]] {
        let mut d = scene(NONE);
        d.pass(Duration::from_secs(1));
        let picture = written(&screen(&mut d.app, d.now, 80, 24));
        insta::assert_snapshot!(format!("no_colours_{name}"), picture);
    }
}

/// In every theme what is chosen, what is wrong and where one is can be told from the rest.
#[test]
fn nothing_that_matters_looks_like_the_rest() {
    for id in Themes::builtin().ids() {
        for capabilities in [SIXTEEN, ASCII, NONE] {
            let flags = vec![("ui.theme", Value::Text(id.to_owned()), "--theme")];
            let theme = Driver::with(flags, capabilities).app.theme;
            let marked = [
                ("selection", theme.selection),
                ("error", theme.error),
                ("warning", theme.warning),
                ("accent", theme.accent),
                ("heading", theme.heading),
            ];
            for (role, style) in marked {
                assert_ne!(style, theme.base, "{role} in {id} with {capabilities:?}");
            }
        }
    }
}
