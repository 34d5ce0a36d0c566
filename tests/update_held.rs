//! What a conversation is held with: settings of its own, personas, the model of then.

mod support;

use hobnob::app::Overlay;
use hobnob::app::msg::{Effect, Msg};
use hobnob::config::{Origin, Persona, read_assignments};
use hobnob::domain::conversation::{Conversation, MessageState};
use hobnob::domain::hub::Local;
use hobnob::domain::model::LocalModel;
use hobnob::domain::sampling::SamplingPatch;
use hobnob::domain::store::{Change, ConvIds, Draft, Opened, Setup, StoreCmd, StoreEvent};
use hobnob::domain::{AskId, EngineCmd, EngineEvent, FinishReason, GenRequest, HubEvent, LoadId, Role, Thinking};
use hobnob::error::{ErrorKind, UserError};
use support::app::{Driver, huge, info, starter};

fn ready() -> Driver {
    let mut d = Driver::new();
    d.ready();
    d.stored.clear();
    d
}

fn persona(name: &str, description: &str, values: &str) -> Persona {
    Persona { name: name.into(), description: description.into(), values: read_assignments(values).expect("settings") }
}

fn request(effects: Vec<Effect>) -> GenRequest {
    let request = effects.into_iter().find_map(|effect| match effect {
        Effect::Engine(EngineCmd::Generate { req, .. }) => Some(req),
        _ => None,
    });
    request.expect("an answer is asked for")
}

fn loaded(effects: &[Effect]) -> Option<&str> {
    effects.iter().find_map(|effect| match effect {
        Effect::Engine(EngineCmd::Load { spec, .. }) => Some(spec.reference.as_str()),
        _ => None,
    })
}

/// The newest setup that the store was given.
fn setup_kept(d: &Driver) -> Option<Setup> {
    d.stored.iter().rev().find_map(|command| match command {
        StoreCmd::Keep { changes, .. } => changes.iter().rev().find_map(|change| match change {
            Change::Setup(setup) => Some((**setup).clone()),
            _ => None,
        }),
        _ => None,
    })
}

fn opened(setup: Setup) -> Opened {
    let mut conversation = Conversation::default();
    conversation.push(Role::User, "q".into(), MessageState::Whole);
    conversation.push(Role::Assistant, "a".into(), MessageState::Whole);
    Opened {
        id: ConvIds::seeded(9).make(),
        conversation,
        title: "Then".into(),
        own_title: false,
        setup,
        draft: Draft::default(),
        pinned: false,
        archived: false,
        created: 1,
        updated: 2,
        at: None,
    }
}

fn open(d: &mut Driver, opened: Opened) -> Vec<Effect> {
    d.key("f8");
    let ask = d.stored.iter().rev().find_map(|command| match command {
        StoreCmd::List { ask, .. } => Some(*ask),
        _ => None,
    });
    let summary = hobnob::domain::store::Summary {
        id: opened.id,
        title: opened.title.clone(),
        model: None,
        messages: 2,
        preview: String::new(),
        age: std::time::Duration::from_secs(60),
        updated: 0,
        pinned: false,
        archived: false,
        draft: false,
    };
    let listed = StoreEvent::Listed { ask: ask.expect("a list"), conversations: vec![summary] };
    d.send(Msg::Store(listed));
    d.key("enter");
    let ask: AskId = d
        .stored
        .iter()
        .rev()
        .find_map(|command| match command {
            StoreCmd::Open { ask, .. } => Some(*ask),
            _ => None,
        })
        .expect("opened");
    d.send(Msg::Store(StoreEvent::Opened { ask, result: Box::new(Ok(Some(opened))) }))
}

/// Another model, as small as the starter.
fn other() -> LocalModel {
    LocalModel { reference: "org/other:Q4_K_M".into(), name: "Other 1B".into(), ..starter() }
}

fn with_two_models() -> Driver {
    let mut d = ready();
    d.hub(HubEvent::Local(Local { models: vec![starter(), other()], ..Local::default() }));
    d
}

#[test]
fn a_changed_setting_holds_for_the_conversation_on_the_screen_and_for_new_ones_but_not_for_old_ones() {
    let mut d = ready();
    let then = Setup {
        model: Some("starter".into()),
        system: "as then".into(),
        sampling: SamplingPatch { temperature: Some(0.2), ..SamplingPatch::default() },
        max_tokens: Some(77),
        thinking: Some(Thinking::Off),
        persona: None,
    };
    open(&mut d, opened(then.clone()));
    let req = request(d.say("more"));
    assert_eq!((req.sampling.temperature, req.max_tokens, req.thinking), (Some(0.2), Some(77), Thinking::Off));
    assert_eq!(req.messages[0].content, "as then");
    d.finish(1, FinishReason::Stop);
    // Somebody changes a setting with this conversation before them.
    d.key("f4");
    while d.app.settings_pane.chosen().key != "sampling.temperature" {
        d.key("down");
    }
    d.key("right");
    d.key("f2");
    let req = request(d.say("and more"));
    assert_eq!((req.sampling.temperature, req.max_tokens), (Some(0.7), Some(77)), "what was changed, and nothing else");
    d.finish(2, FinishReason::Stop);
    d.key("ctrl-n");
    let req = request(d.say("new"));
    assert_eq!((req.sampling.temperature, req.max_tokens), (Some(0.7), None));
    assert_eq!(req.messages[0].content, "new", "it has no system prompt");
    d.finish(3, FinishReason::Stop);
    open(&mut d, opened(then));
    assert_eq!(request(d.say("back")).sampling.temperature, Some(0.2));
}

#[test]
fn what_a_conversation_began_with_is_kept_with_it() {
    let mut d = ready();
    d.say("hi");
    let kept = setup_kept(&d).expect("a setup");
    assert_eq!((kept.model.as_deref(), kept.thinking), (Some("starter"), Some(Thinking::Auto)));
    d.finish(1, FinishReason::Stop);
    d.say("/set temperature=0.1");
    assert_eq!(setup_kept(&d).expect("a setup").sampling.temperature, Some(0.1), "at once, not with the next answer");
    assert_eq!(d.app.settings.sampling.temperature, None, "the others are left alone");
    assert_eq!(request(d.say("more")).sampling.temperature, Some(0.1));
}

#[test]
fn a_persona_is_chosen_for_a_new_conversation_and_kept_with_its_draft() {
    let mut d = ready();
    d.app.personas =
        vec![persona("terse", "Short", "temperature=0.1 system=Be brief."), persona("free", "", "top_p=1")];
    d.say("/persona ters");
    assert_eq!(setup_kept(&d), None, "there is nothing yet that it belongs to");
    d.type_text("half");
    d.send(Msg::Timer(hobnob::app::msg::TimerId::Draft));
    assert_eq!(setup_kept(&d).expect("a setup").persona.as_deref(), Some("terse"));
    let req = request(d.key("enter"));
    assert_eq!((req.sampling.temperature, req.messages[0].content.as_str()), (Some(0.1), "Be brief."));
    d.finish(1, FinishReason::Stop);
    d.say("/persona none");
    assert_eq!(request(d.say("more")).sampling.temperature, None);
    d.finish(2, FinishReason::Stop);
    d.say("/persona tersee");
    assert!(d.app.toasts.iter().any(|toast| toast.hint.as_deref() == Some("did you mean terse?")));
    assert_eq!(d.app.chat.composer.area.text(), "/persona tersee", "the text stays");
}

#[test]
fn what_a_conversation_is_held_with_becomes_a_persona() {
    let mut d = ready();
    d.say("/save-persona empty");
    assert!(d.app.personas.is_empty(), "there is nothing in it");
    d.key("ctrl-c");
    d.say("/set system_prompt=You are a cook.");
    d.say("/set top_k=40 thinking=off");
    let effects = d.say("/save-persona cook");
    let saved = effects.iter().find_map(|effect| match effect {
        Effect::SavePersona(persona) => Some((**persona).clone()),
        _ => None,
    });
    let expected = persona("cook", "", "thinking=off top_k=40 system=You are a cook.");
    let mut values = expected.values.clone();
    values.sort_by_key(|(spec, _)| hobnob::config::SPECS.iter().position(|other| other == *spec));
    assert_eq!(saved, Some(Persona { values, ..expected }));
    // Another of that name is a question first.
    d.say("/set top_k=20");
    d.say("/save-persona cook");
    assert!(matches!(d.app.overlay, Some(Overlay::Confirm(_))));
    let effects = d.key("enter");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::SavePersona(_))));
    assert_eq!(d.app.personas.len(), 1);
    d.say("/save-persona a.b");
    assert_eq!(d.app.chat.composer.area.text(), "/save-persona a.b");
}

#[test]
fn a_wrong_setting_is_told_and_the_text_stays() {
    let mut d = ready();
    d.say("/set temprature=1");
    let toast = d.app.toasts.back().expect("a word");
    assert_eq!(toast.text, "No conversation has a setting `temprature`");
    assert_eq!(toast.hint.as_deref(), Some("did you mean `temperature`?"));
    assert_eq!(d.app.chat.composer.area.text(), "/set temprature=1");
    assert_eq!(d.app.chat.own, None);
    // Without a value all of them are shown, and one is typed.
    d.key("ctrl-c");
    d.say("/set");
    d.type_text("temperature");
    d.key("enter");
    let Some(Overlay::Value(editor)) = &d.app.overlay else { panic!("a field") };
    assert!(editor.here);
    d.type_text("9");
    d.key("enter");
    assert!(matches!(&d.app.overlay, Some(Overlay::Value(editor)) if editor.error.is_some()));
    d.key("backspace");
    d.type_text("1");
    d.key("enter");
    assert_eq!(d.app.settings_here().sampling.temperature, Some(1.0));
}

#[test]
fn a_model_is_set_by_what_a_person_calls_it_and_comes_with_the_next_message() {
    let mut d = with_two_models();
    d.say("/set model=nothing");
    assert_eq!(d.app.toasts.back().map(|toast| &*toast.text), Some("There is no model nothing on this machine"));
    assert_eq!((d.app.chat.composer.area.text(), &d.app.chat.own), ("/set model=nothing", &None));
    d.hub(HubEvent::Local(Local { models: vec![starter(), other(), huge()], ..Local::default() }));
    d.key("ctrl-c");
    d.say("/set model=huge");
    assert_eq!(d.app.toasts.back().map(|toast| &*toast.text), Some("Huge 70B is likely too large"));
    d.key("ctrl-c");
    d.say("/set model=other");
    assert_eq!(d.app.chat.own.as_ref().and_then(|own| own.model.as_deref()), Some("org/other:Q4_K_M"));
    assert_eq!(loaded(&d.say("Hello")), Some("org/other:Q4_K_M"));
}

#[test]
fn the_model_of_then_comes_with_the_next_message() {
    let mut d = with_two_models();
    let then = Setup { model: Some("org/other:Q4_K_M".into()), ..Setup::default() };
    let effects = open(&mut d, opened(then));
    assert_eq!(loaded(&effects), None, "looking at a conversation loads nothing");
    assert!(d.screen(120, 40).contains("Other 1B, which is loaded with your next message"));
    let effects = d.say("go on");
    assert_eq!(loaded(&effects), Some("org/other:Q4_K_M"));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Engine(EngineCmd::Generate { .. }))));
    let model =
        hobnob::domain::model::ModelInfo { reference: "org/other:Q4_K_M".into(), name: "Other 1B".into(), ..info() };
    let effects = d.engine(EngineEvent::Loaded { id: LoadId(2), info: Box::new(model) });
    assert_eq!(request(effects).messages.last().map(|m| m.content.clone()).as_deref(), Some("go on"));
}

#[test]
fn a_model_that_is_loaded_by_hand_is_the_conversation_s_from_then_on() {
    let mut d = with_two_models();
    let then = Setup { model: Some("org/other:Q4_K_M".into()), ..Setup::default() };
    open(&mut d, opened(then.clone()));
    d.say("/set model=");
    assert!(!request(d.say("go on")).messages.is_empty(), "the one that is loaded answers");
    d.finish(1, FinishReason::Stop);
    d.key("ctrl-n");
    open(&mut d, opened(then));
    d.key("f6");
    d.engine(EngineEvent::Loaded { id: LoadId(2), info: Box::new(info()) });
    assert!(d.app.model_to_return_to().is_none(), "loading one is saying which");
    // One that is not here any more is not waited for.
    let gone = Setup { model: Some("org/gone".into()), ..Setup::default() };
    d.key("ctrl-n");
    open(&mut d, opened(gone));
    assert!(!request(d.say("go on")).messages.is_empty());
}

#[test]
fn a_model_that_is_gone_gives_way_to_the_one_of_the_settings() {
    let gone = || {
        let error = UserError::new(ErrorKind::ModelNotFound, "`org/gone:Q4_K_M` is not on this machine (~/.cache/hub)");
        Box::new(Err(error.hint("`hobnob pull org/gone:Q4_K_M` gets it")))
    };
    let opened = || opened(Setup { model: Some("org/gone:Q4_K_M".into()), ..Setup::default() });
    let mut d = Driver::new();
    d.begin();
    d.app.settings.model = Some("starter".into());
    let effects = open(&mut d, opened());
    let resolves = |id: u64, model: &str| {
        let model = hobnob::domain::model::ModelRef::parse(model).expect("a model");
        Effect::Hub(hobnob::domain::HubCmd::Resolve { id: LoadId(id), model })
    };
    assert!(effects.contains(&resolves(1, "org/gone:Q4_K_M")), "{effects:?}");
    d.say("go on");
    let effects = d.send(Msg::Hub(HubEvent::Resolved { id: LoadId(1), result: gone() }));
    assert!(effects.contains(&resolves(2, "starter")), "{effects:?}");
    let said = d.app.toasts.back().expect("a word about it");
    assert_eq!(said.text, "`org/gone:Q4_K_M` is not on this machine (~/.cache/hub)");
    assert_eq!(said.hint.as_deref(), Some("starter, the model of the settings, is loaded in its place"));
    let effects = d.send(Msg::Hub(HubEvent::Resolved { id: LoadId(2), result: Box::new(Ok(starter())) }));
    assert_eq!(loaded(&effects), Some("starter"));
    let effects = d.engine(EngineEvent::Loaded { id: LoadId(3), info: Box::new(info()) });
    assert_eq!(request(effects).messages.last().map(|m| m.content.clone()).as_deref(), Some("go on"));

    // Without another one the screen says for as long as it is so what is wrong, and what helps.
    let mut d = Driver::new();
    d.begin();
    open(&mut d, opened());
    d.say("go on");
    d.send(Msg::Hub(HubEvent::Resolved { id: LoadId(1), result: gone() }));
    d.app.toasts.clear();
    insta::assert_snapshot!("gone_80x24", d.screen(80, 24));
    insta::assert_snapshot!("gone_40x12", d.screen(40, 12));
    d.say("/load organisation/a-model-with-a-name-that-goes-on:Q4_K_M");
    d.send(Msg::Hub(HubEvent::Resolved { id: LoadId(2), result: gone() }));
    let header = d.screen(80, 24).lines().next().map(str::to_owned).expect("a header");
    assert!(header.contains("organisation/a-model") && header.ends_with("… did not load"), "{header}");
}

#[test]
fn a_persona_is_said_on_the_command_line() {
    let mut d = Driver::new();
    d.app.personas = vec![persona("cook", "", "model=org/other:Q4_K_M system=Cook.")];
    d.app.saved.persona = Some("cook".into());
    d.app.settings.model = Some("starter".into());
    let effects = d.begin();
    let resolved: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Hub(hobnob::domain::HubCmd::Resolve { model, .. }) => Some(model.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(resolved, ["org/other:Q4_K_M"], "with its model and not the one of the settings");
    assert_eq!(d.app.settings_here().chat.system_prompt, "Cook.");
}

#[test]
fn a_persona_may_call_its_model_by_a_part_of_its_name() {
    let mut d = ready();
    let other = LocalModel { reference: "org/other:Q4_K_M".into(), name: "Other 1B".into(), ..starter() };
    d.hub(HubEvent::Local(Local { models: vec![starter(), other], ..Local::default() }));
    d.app.personas = vec![persona("cook", "", "model=other system=Cook.")];
    d.say("/persona cook");
    let said = d.app.toasts.back().expect("it is told");
    assert_eq!(said.text, "This conversation is held as cook");
    assert_eq!(loaded(&d.say("Soup?")), Some("org/other:Q4_K_M"));
}

#[test]
fn what_is_wrong_with_the_settings_is_told_beside_a_persona() {
    let problem = UserError::new(ErrorKind::Config, "`temprature` is no setting");
    let mut d = Driver::with_problems(vec![problem]);
    d.app.personas = vec![persona("cook", "", "system=Cook.")];
    d.app.saved.persona = Some("cook".into());
    d.begin();
    assert_eq!(d.app.settings_here().chat.system_prompt, "Cook.");
    assert_eq!(d.app.toasts.iter().map(|toast| &*toast.text).collect::<Vec<_>>(), ["`temprature` is no setting"]);
}

#[test]
fn the_conversation_of_the_start_brings_its_model() {
    let begun = |own: Option<&str>, origin| {
        let mut d = Driver::new();
        d.app.settings.model = Some("starter".into());
        d.app.origins.set("model", origin);
        d.app.saved.first = Some(hobnob::domain::store::Which::Last);
        let mut effects = d.begin();
        let StoreCmd::Open { ask, .. } = d.stored.last().expect("asked").clone() else { panic!("{:?}", d.stored) };
        let setup = Setup { model: own.map(str::to_owned), ..Setup::default() };
        effects.extend(d.send(Msg::Store(StoreEvent::Opened { ask, result: Box::new(Ok(Some(opened(setup)))) })));
        let resolved = effects.into_iter().filter_map(|effect| match effect {
            Effect::Hub(hobnob::domain::HubCmd::Resolve { model, .. }) => Some(model.to_string()),
            _ => None,
        });
        resolved.collect::<Vec<_>>().join(" ")
    };
    let file = Origin::File { line: 1 };
    assert_eq!(begun(Some("org/other:Q4_K_M"), file), "org/other:Q4_K_M", "and no other before it");
    assert_eq!(begun(None, file), "starter");
    assert_eq!(begun(Some("org/other:Q4_K_M"), Origin::Flag("-m")), "starter", "who says one gets it");
}
