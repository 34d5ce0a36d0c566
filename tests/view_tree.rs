//! Screens of what belongs to a conversation: personas and settings of its own, two answers side by side, branches, keys
//! after a leader, the palette, the first start.

mod support;

use hobnob::app::msg::{Msg, TimerId};
use hobnob::config::{Persona, read_assignments};
use hobnob::domain::conversation::Form;
use hobnob::domain::hub::Local;
use hobnob::domain::model::{LocalModel, ModelInfo};
use hobnob::domain::store::{ConvIds, Said, StoreCmd, StoreEvent, Summary};
use hobnob::domain::{Constraint, EngineEvent, FinishReason, HubEvent, LoadId, Role};
use support::app::{Driver, info, starter};

/// The sizes that the contract names, and a large window.
fn all_sizes(name: &str, d: &mut Driver) {
    for (width, height) in [(80, 24), (120, 40), (40, 12)] {
        let screen = d.screen(width, height);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), screen);
    }
}

fn other() -> LocalModel {
    LocalModel { reference: "org/other:Q4_K_M".into(), name: "Other 1B".into(), ..starter() }
}

fn personas(d: &mut Driver) {
    let persona = |name: &str, description: &str, values: &str| Persona {
        name: name.into(),
        description: description.into(),
        values: read_assignments(values).expect("settings"),
    };
    d.app.personas = vec![
        persona("terse", "Answers in one sentence", "temperature=0.2 system=Answer in one plain sentence."),
        persona("translator", "", "temperature=0 system=Translate what I write into French."),
    ];
}

const BECAUSE: &str = "Sunlight is made of **all colours**. The air scatters the short waves most, so blue comes to us \
    from everywhere:\n\n1. red passes through,\n2. blue is thrown about.\n\nAt dusk the way is longer, and red is left.";

fn answered() -> Driver {
    let mut d = Driver::new();
    d.ready();
    d.hub(HubEvent::Local(Local { models: vec![starter(), other()], ..Local::default() }));
    d.say("Why is the sky blue?");
    d.delta(1, BECAUSE);
    d.finish(1, FinishReason::Stop);
    d
}

fn summary(seed: u64, title: &str) -> Summary {
    Summary {
        id: ConvIds::seeded(seed).make(),
        title: title.into(),
        model: None,
        messages: 4,
        preview: String::new(),
        age: std::time::Duration::from_secs(90_000 * seed),
        updated: 0,
        pinned: false,
        archived: false,
        draft: false,
    }
}

fn compared() -> Driver {
    let mut d = answered();
    d.say("/compare other");
    let model = ModelInfo { reference: "org/other:Q4_K_M".into(), name: "Other 1B".into(), ..info() };
    d.engine(EngineEvent::Loaded { id: LoadId(2), info: Box::new(model) });
    d
}

#[test]
fn two_answers() {
    let mut d = compared();
    d.delta(2, "Because of Rayleigh scattering: its strength goes with the fourth power");
    all_sizes("compare_on_its_way", &mut d);
    d.delta(2, " of the frequency.\n\n```\nI ~ 1 / wavelength^4\n```");
    d.finish(2, FinishReason::Stop);
    d.key("right");
    all_sizes("compare", &mut d);
}

#[test]
fn two_answers_in_a_schema() {
    let mut d = answered();
    d.say("/schema");
    d.type_text("sky.json");
    d.key("enter");
    d.send(Msg::Schema(Ok(Form { name: "sky.json".into(), constraint: Constraint::Schema("{}".into()) })));
    d.say("Why is the sky blue?");
    d.delta(2, "{\n  \"because\": \"*scattering*\"\n}");
    d.finish(2, FinishReason::Stop);
    d.say("/compare other");
    let model = ModelInfo { reference: "org/other:Q4_K_M".into(), name: "Other 1B".into(), ..info() };
    d.engine(EngineEvent::Loaded { id: LoadId(2), info: Box::new(model) });
    d.delta(3, "{\n  \"because\": \"of __air__\"\n");
    all_sizes("compare_in_a_schema", &mut d);
}

#[test]
fn a_model_for_the_other_answer_is_loading() {
    let mut d = answered();
    d.say("/compare other");
    all_sizes("compare_loading", &mut d);
}

#[test]
fn a_persona() {
    let mut d = answered();
    personas(&mut d);
    d.say("/persona");
    all_sizes("personas", &mut d);
    d.key("down");
    d.key("enter");
    d.app.toasts.clear();
    all_sizes("persona", &mut d);
    d.say("/set");
    all_sizes("held_with", &mut d);
    d.type_text("temperature");
    d.key("enter");
    all_sizes("held_with_temperature", &mut d);
    d.key("esc");
    d.key("f4");
    all_sizes("settings_here", &mut d);
}

#[test]
fn another_way_to_answer() {
    let mut d = answered();
    d.key("ctrl-x");
    d.key("r");
    all_sizes("retry_with", &mut d);
}

#[test]
fn the_branches() {
    let mut d = answered();
    d.key("alt-r");
    d.delta(2, "Because of Rayleigh scattering.");
    d.finish(2, FinishReason::Stop);
    d.say("And at dusk?");
    d.delta(3, "Red.");
    d.finish(3, FinishReason::Stop);
    d.say("/branches");
    all_sizes("branches", &mut d);
}

#[test]
fn what_can_follow() {
    let mut d = answered();
    d.key("ctrl-x");
    d.send(Msg::Timer(TimerId::NextKeys));
    all_sizes("next_keys", &mut d);
}

#[test]
fn the_palette_over_everything() {
    let mut d = answered();
    personas(&mut d);
    d.key("ctrl-p");
    let Some(StoreCmd::List { ask, .. }) = d.stored.last().cloned() else { panic!("{:?}", d.stored) };
    let conversations = vec![summary(1, "The tides, and the moon"), summary(2, "Temperatures on Mars")];
    d.send(Msg::Store(StoreEvent::Listed { ask, conversations }));
    d.type_text("te");
    all_sizes("palette_over_everything", &mut d);
}

#[test]
fn a_preview() {
    let mut d = answered();
    d.key("f8");
    let Some(StoreCmd::List { ask, .. }) = d.stored.last().cloned() else { panic!("{:?}", d.stored) };
    d.send(Msg::Store(StoreEvent::Listed { ask, conversations: vec![summary(1, "The tides, and the moon")] }));
    let Some(StoreCmd::Preview { ask, .. }) = d.stored.last().cloned() else { panic!("{:?}", d.stored) };
    let said = |role, text: &str| Said { role, text: text.into() };
    let long = "The moon pulls at the water on its side more than at the earth, and at the earth more than at the water \
        on the other side. ";
    let said = vec![
        said(Role::User, "How do tides work?"),
        said(Role::Assistant, &long.repeat(4)),
        said(Role::User, "And the sun?"),
        said(Role::Assistant, "It does the same, half as much."),
    ];
    d.send(Msg::Store(StoreEvent::Previewed { ask, said }));
    for (width, height) in [(80, 24), (120, 40), (120, 16)] {
        let screen = d.screen(width, height);
        insta::assert_snapshot!(format!("preview_{width}x{height}"), screen);
    }
}

#[test]
fn the_very_first_start() {
    let mut d = Driver::at_the_first_start();
    d.begin();
    d.hub(HubEvent::Local(Local::default()));
    all_sizes("tour_without_a_model", &mut d);
    d.ready_from_here();
    all_sizes("tour", &mut d);
    d.say("hi");
    d.delta(1, "Hello!");
    d.finish(1, FinishReason::Stop);
    d.key("ctrl-n");
    assert!(!d.screen(80, 24).contains("shows models"), "and never again");
}
