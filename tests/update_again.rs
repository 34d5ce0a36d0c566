//! Another answer: by another model, with other settings, beside the first; forks and branches; the palette and keys that
//! follow a leader; what is told of an answer's end.

mod support;

use std::time::Duration;

use hobnob::app::msg::{Effect, Msg, TermEvent, TimerId};
use hobnob::app::{Overlay, Pane};
use hobnob::config::Notify;
use hobnob::domain::hub::Local;
use hobnob::domain::model::{LocalModel, ModelInfo};
use hobnob::domain::store::{Change, ConvIds, StoreCmd, StoreEvent, Summary, Which};
use hobnob::domain::{EngineCmd, EngineEvent, FinishReason, GenId, GenRequest, HubEvent, LoadId, Thinking};
use hobnob::error::{ErrorKind, UserError};
use support::app::{Driver, huge, info, starter};

fn other() -> LocalModel {
    LocalModel { reference: "org/other:Q4_K_M".into(), name: "Other 1B".into(), ..starter() }
}

fn other_info() -> Box<ModelInfo> {
    Box::new(ModelInfo { reference: "org/other:Q4_K_M".into(), name: "Other 1B".into(), ..info() })
}

/// A question, and its answer by the starter; another model is here too.
fn answered() -> Driver {
    let mut d = Driver::new();
    d.ready();
    d.hub(HubEvent::Local(Local { models: vec![starter(), other(), huge()], ..Local::default() }));
    d.say("Why?");
    d.delta(1, "Because.");
    d.finish(1, FinishReason::Stop);
    d.stored.clear();
    d
}

fn request(effects: &[Effect]) -> Option<&GenRequest> {
    effects.iter().find_map(|effect| match effect {
        Effect::Engine(EngineCmd::Generate { req, .. }) => Some(req),
        _ => None,
    })
}

fn loaded(effects: &[Effect]) -> Option<&str> {
    effects.iter().find_map(|effect| match effect {
        Effect::Engine(EngineCmd::Load { spec, .. }) => Some(spec.reference.as_str()),
        _ => None,
    })
}

fn shown(d: &Driver) -> Vec<&str> {
    d.app.chat.conversation.branch().map(|message| message.content.as_str()).collect()
}

#[test]
fn an_answer_is_made_again_with_other_settings_that_hold_for_it_alone() {
    let mut d = answered();
    let effects = d.say("/retry temperature=0 thinking=off");
    let req = request(&effects).expect("asked again");
    assert_eq!((req.sampling.temperature, req.thinking), (Some(0.0), Thinking::Off));
    assert_eq!(req.messages.len(), 1, "to the same message");
    d.delta(2, "So.");
    d.finish(2, FinishReason::Stop);
    assert_eq!(shown(&d), ["Why?", "So."]);
    let effects = d.key("alt-r");
    assert_eq!(request(&effects).expect("asked again").sampling.temperature, None);
    d.finish(3, FinishReason::Stop);
    d.say("/retry temperature=hot");
    assert_eq!(d.app.chat.composer.area.text(), "/retry temperature=hot", "what can't be done stays written");
    d.key("ctrl-c");
    d.say("/retry temperature=0.5 model=other");
    assert_eq!(d.app.chat.composer.area.text(), "/retry temperature=0.5 model=other");
    let said = d.app.toasts.back().expect("it is told why");
    assert_eq!(said.text, "A model is not one of the settings here");
}

#[test]
fn an_answer_is_made_again_by_another_model() {
    let mut d = answered();
    let effects = d.say("/retry other");
    assert_eq!((loaded(&effects), request(&effects)), (Some("org/other:Q4_K_M"), None));
    let effects = d.engine(EngineEvent::Loaded { id: LoadId(2), info: other_info() });
    assert_eq!(request(&effects).expect("asked again").messages[0].content, "Why?");
    d.delta(2, "Else.");
    d.finish(2, FinishReason::Stop);
    assert_eq!(shown(&d), ["Why?", "Else."]);
    assert_eq!(request(&d.say("more")).expect("asked").messages.len(), 3, "and the conversation goes on with it");
    d.finish(3, FinishReason::Stop);
    d.say("/retry nothing-like-it");
    assert!(d.app.toasts.back().is_some_and(|toast| toast.text.contains("no model nothing-like-it on this machine")));
    // Too large is a question first.
    d.key("ctrl-c");
    d.say("/retry huge");
    assert!(matches!(d.app.overlay, Some(Overlay::Confirm(_))));
    assert_eq!(loaded(&d.key("enter")), Some("org/huge:Q4_K_M"));
}

#[test]
fn two_models_answers_stand_side_by_side_and_either_goes_on() {
    let mut d = answered();
    let effects = d.say("/compare other");
    assert_eq!(loaded(&effects), Some("org/other:Q4_K_M"));
    assert!(d.screen(120, 40).contains("loading Other 1B"));
    let effects = d.engine(EngineEvent::Loaded { id: LoadId(2), info: other_info() });
    assert!(request(&effects).is_some());
    d.delta(2, "Otherwise.");
    let screen = d.screen(120, 40);
    let line = screen.lines().find(|line| line.contains("Because.")).expect("the first answer");
    assert!(line.contains("Otherwise."), "{screen}");
    let narrow = d.screen(80, 24);
    let below = |text: &str| narrow.lines().position(|line| line.contains(text)).expect("there");
    assert!(below("Because.") < below("Otherwise."), "{narrow}");
    d.finish(2, FinishReason::Stop);
    // The right one is taken.
    d.key("right");
    d.key("enter");
    assert!(d.app.overlay.is_none());
    assert_eq!(shown(&d), ["Why?", "Otherwise."]);
    // They can be looked at again without making anything.
    d.say("/compare");
    d.key("enter");
    assert!(matches!(&d.app.overlay, Some(Overlay::Compare(_))));
    d.key("right");
    d.key("enter");
    assert_eq!(shown(&d), ["Why?", "Because."]);
    let effects = d.say("more");
    assert_eq!(loaded(&effects), Some("starter"), "its model comes back with the next message");
}

#[test]
fn escape_stops_the_other_answer_then_leaves_things_as_they_were() {
    let mut d = answered();
    d.say("/compare other");
    d.engine(EngineEvent::Loaded { id: LoadId(2), info: other_info() });
    d.delta(2, "Other");
    let effects = d.key("esc");
    assert!(effects.contains(&Effect::Engine(EngineCmd::Cancel(GenId(2)))), "{effects:?}");
    d.finish(2, FinishReason::Cancelled);
    assert!(matches!(d.app.overlay, Some(Overlay::Compare(_))), "what has come can be read");
    d.key("esc");
    assert!(d.app.overlay.is_none());
    assert_eq!(shown(&d), ["Why?", "Because."]);
    assert_eq!(d.app.chat.conversation.versions().len(), 2, "nothing is lost");
}

#[test]
fn a_model_that_does_not_load_leaves_the_answer_alone() {
    let mut d = answered();
    d.say("/compare other");
    let error = UserError::new(ErrorKind::LoadFailed, "no such luck").hint("try another");
    d.engine(EngineEvent::LoadFailed { id: LoadId(2), error });
    assert!(d.screen(120, 40).contains("no such luck"));
    d.key("esc");
    assert_eq!(shown(&d), ["Why?", "Because."]);
    assert_eq!(d.app.chat.pending, None, "nothing waits for it");
}

#[test]
fn another_answer_that_there_was_no_room_for_is_none_to_go_on_from() {
    let mut d = answered();
    d.say("/compare other");
    d.engine(EngineEvent::Loaded { id: LoadId(2), info: other_info() });
    let error = UserError::new(ErrorKind::ContextFull, "no room");
    d.engine(EngineEvent::Failed { id: GenId(2), error });
    d.key("right");
    d.key("enter");
    assert!(d.app.overlay.is_none());
    assert_eq!((shown(&d), d.app.chat.conversation.said()), (vec!["Why?", "Because."], 2));
}

#[test]
fn a_load_that_is_not_waited_for_ends() {
    let mut d = answered();
    d.say("/compare other");
    let effects = d.key("esc");
    assert!(effects.contains(&Effect::Engine(EngineCmd::Unload)), "{effects:?}");
    assert_eq!(shown(&d), ["Why?", "Because."]);
}

#[test]
fn a_fork_goes_on_by_itself() {
    let mut d = answered();
    let before = d.app.saved.id;
    d.type_text("half");
    d.key("ctrl-x");
    d.key("f");
    assert_ne!(d.app.saved.id, before);
    assert_eq!(shown(&d), ["Why?", "Because."]);
    assert_eq!(d.app.chat.composer.area.text(), "half");
    let copied = d.stored.iter().filter_map(|command| match command {
        StoreCmd::Keep { id, changes } if *id == d.app.saved.id => {
            Some(changes.iter().filter(|change| matches!(change, Change::Message(_))).count())
        }
        _ => None,
    });
    assert_eq!(copied.sum::<usize>(), 2, "all of it is kept");
    let title = Change::Title(Some("Why? (fork)".into()));
    assert!(
        d.stored.iter().any(|command| matches!(command, StoreCmd::Keep { changes, .. } if changes.contains(&title)))
    );
    assert!(request(&d.key("enter")).is_some());
}

#[test]
fn a_fork_takes_along_what_waits() {
    let mut d = answered();
    d.say("two");
    d.say("three");
    let error = UserError::new(ErrorKind::Generation, "broken");
    d.engine(EngineEvent::Failed { id: GenId(2), error });
    assert_eq!(d.waiting(), ["three"]);
    d.type_text("half");
    d.key("ctrl-x");
    d.key("f");
    assert_eq!((d.app.chat.composer.area.text(), d.waiting().len()), ("three\nhalf", 0));
}

/// With two answers to the second message, the second of which is shown.
fn with_versions() -> Driver {
    let mut d = answered();
    d.say("And then?");
    d.delta(2, "This.");
    d.finish(2, FinishReason::Stop);
    d.key("alt-r");
    d.delta(3, "That.");
    d.finish(3, FinishReason::Stop);
    d
}

type Way = fn(&mut Driver);

#[test]
fn the_draft_comes_back_however_the_message_that_is_written_again_is_left() {
    let ways: [(&str, Way); 4] = [
        ("another version", |d| {
            d.key("shift-left");
        }),
        ("another branch", |d| {
            d.app.overlay = None;
            d.key("ctrl-p");
            d.type_text("branches");
            d.key("enter");
            d.type_text("this");
            d.key("enter");
        }),
        ("a deletion", |d| {
            d.key("ctrl-space");
            d.key("d");
        }),
        ("a deletion taken back", |d| {
            d.key("ctrl-space");
            d.key("d");
            d.key("esc");
            d.key("alt-e");
            d.key("ctrl-space");
            d.key("u");
        }),
    ];
    for (name, leave) in ways {
        let mut d = with_versions();
        d.type_text("a draft");
        d.key("alt-e");
        assert!(d.app.chat.editing.is_some(), "{name}");
        leave(&mut d);
        assert_eq!((d.app.chat.composer.area.text(), &d.app.chat.editing), ("a draft", &None), "{name}");
    }
    // What was written goes along into another conversation, all of it.
    for keys in [&["ctrl-x", "f"][..], &["ctrl-n"]] {
        let mut d = with_versions();
        d.type_text("a draft");
        d.key("alt-e");
        for key in keys {
            d.key(key);
        }
        assert_eq!(d.app.chat.composer.area.text(), "a draft\nAnd then?", "{keys:?}");
    }
}

#[test]
fn a_message_written_again_takes_its_own_place_although_others_wait() {
    let mut d = answered();
    d.say("two");
    d.say("waits");
    let error = UserError::new(ErrorKind::Generation, "broken");
    d.engine(EngineEvent::Failed { id: GenId(2), error });
    d.key("alt-e");
    d.key("ctrl-u");
    let told = |effects: &[Effect]| -> Vec<String> {
        request(effects).expect("asked").messages.iter().map(|m| m.content.clone()).collect()
    };
    assert_eq!(told(&d.say("deux")), ["Why?", "Because.", "two\n\nwaits"], "what waited comes first, at the end");
    assert_eq!(d.waiting(), ["deux"]);
    // Taken back it is still the one that was written again.
    d.key("up");
    assert_eq!((d.app.chat.composer.area.text(), d.app.chat.editing.is_some()), ("deux", true));
    d.key("enter");
    d.delta(3, "It did.");
    assert_eq!(told(&d.finish(3, FinishReason::Stop)), ["Why?", "Because.", "deux"]);
    // Where there is no room for it, what it was to take the place of is there.
    let error = UserError::new(ErrorKind::ContextFull, "no room");
    d.engine(EngineEvent::Failed { id: GenId(4), error });
    assert_eq!(shown(&d), ["Why?", "Because.", "two", "", "waits", "It did."]);
    assert!(d.app.overlay.is_none(), "nobody has pressed a key for it");
    assert_eq!((d.waiting(), d.app.chat.held), (vec!["deux"], true));
}

#[test]
fn branches_are_listed_and_gone_to() {
    let mut d = answered();
    d.say("/branches");
    assert!(d.app.overlay.is_none(), "there is one");
    d.key("alt-r");
    d.delta(2, "Again.");
    d.finish(2, FinishReason::Stop);
    d.say("/branches");
    let screen = d.screen(80, 24);
    assert!(screen.contains("SmolLM2 135M Instruct: Because."), "{screen}");
    d.type_text("because");
    d.key("enter");
    assert_eq!(shown(&d), ["Why?", "Because."]);
    // Both answers of a question that was written again are told apart by their own words.
    d.key("alt-e");
    d.type_text(" now");
    d.key("enter");
    d.delta(3, "So.");
    d.finish(3, FinishReason::Stop);
    assert_eq!(shown(&d), ["Why? now", "So."]);
    d.say("/branches");
    let screen = d.screen(80, 24);
    for words in
        ["here So.", "SmolLM2 135M Instruct: Again. · you: Why?", "SmolLM2 135M Instruct: Because. · you: Why?"]
    {
        assert!(screen.contains(words), "{words}\n{screen}");
    }
}

#[test]
fn a_leader_waits_for_what_follows_and_shows_it_to_who_hesitates() {
    let mut d = answered();
    let effects = d.key("ctrl-x");
    assert!(effects.iter().any(|e| matches!(e, Effect::SetTimer { id: TimerId::NextKeys, .. })));
    assert!(!d.screen(80, 24).contains("Have another model answer"));
    d.send(Msg::Timer(TimerId::NextKeys));
    assert!(d.screen(80, 24).contains("Have another model answer"));
    d.key("v");
    assert!(matches!(&d.app.overlay, Some(Overlay::Palette(picker)) if picker.title.contains("Compare")));
    assert!(d.app.pressed.keys.is_empty());
    d.key("esc");
    // What nothing is bound to is said, and typed text is text again.
    d.key("ctrl-x");
    d.key("7");
    assert!(d.app.toasts.back().is_some_and(|toast| toast.text == "Ctrl-X 7 does nothing here"));
    d.key("ctrl-x");
    d.key("esc");
    d.type_text("x7");
    assert_eq!(d.app.chat.composer.area.text(), "x7");
    // In Models the same leader has what works everywhere.
    d.key("f3");
    d.key("ctrl-x");
    d.key("l");
    assert!(matches!(d.app.overlay, Some(Overlay::Conversations(_))));
}

#[test]
fn the_palette_has_conversations_and_what_was_chosen_last_comes_first() {
    let mut d = answered();
    d.key("ctrl-p");
    let Some(StoreCmd::List { ask, archived: false }) = d.stored.last().cloned() else { panic!("{:?}", d.stored) };
    let id = ConvIds::seeded(5).make();
    let summary = Summary {
        id,
        title: "About soup".into(),
        model: None,
        messages: 2,
        preview: String::new(),
        age: Duration::from_secs(60),
        updated: 0,
        pinned: false,
        archived: false,
        draft: false,
    };
    d.send(Msg::Store(StoreEvent::Listed { ask, conversations: vec![summary] }));
    d.type_text("soup");
    d.key("enter");
    assert!(matches!(d.stored.last(), Some(StoreCmd::Open { which: Which::Id(of), .. }) if *of == id));
    d.key("ctrl-p");
    d.type_text("ui.mouse");
    d.key("enter");
    assert_eq!((d.app.pane, d.app.settings_pane.chosen().key), (Pane::Settings, "ui.mouse"));
    d.key("ctrl-p");
    let Some(Overlay::Palette(picker)) = &d.app.overlay else { panic!("the palette") };
    assert_eq!(picker.chosen().map(|row| row.label.as_str()), Some("Mouse · ui.mouse"));
}

fn notified(effects: &[Effect]) -> Option<&str> {
    effects.iter().find_map(|effect| match effect {
        Effect::Notify { text, .. } => Some(text.as_str()),
        _ => None,
    })
}

#[test]
fn the_end_of_a_long_answer_is_told_to_who_looks_elsewhere() {
    let mut d = answered();
    let long = |d: &mut Driver, id: u64| {
        d.say("more");
        d.pass(Duration::from_secs(30));
        d.finish(id, FinishReason::Stop)
    };
    d.send(Msg::Term(TermEvent::Focus(false)));
    assert_eq!(notified(&long(&mut d, 2)), None, "nobody has asked for it");
    d.app.settings.ui.notify = Notify::Auto;
    assert_eq!(notified(&long(&mut d, 3)), Some("SmolLM2 135M Instruct has answered, in 30 s"));
    d.say("quick");
    assert_eq!(notified(&d.finish(4, FinishReason::Stop)), None);
    d.say("one");
    d.say("two");
    d.pass(Duration::from_secs(30));
    assert_eq!(notified(&d.finish(5, FinishReason::Stop)), None, "it goes on");
    d.pass(Duration::from_secs(30));
    let error = UserError::new(ErrorKind::Generation, "broken");
    let effects = d.engine(EngineEvent::Failed { id: GenId(6), error });
    assert_eq!(notified(&effects), Some("SmolLM2 135M Instruct could not answer"));
    d.send(Msg::Term(TermEvent::Focus(true)));
    assert_eq!(notified(&long(&mut d, 7)), None, "it is seen");
}
