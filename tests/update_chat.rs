//! What the Chat pane wants done, by whole vectors of effects.

mod support;

use std::time::Duration;

use hobnob::app::chat::Phase;
use hobnob::app::msg::{Copied, Effect, Msg, TermEvent, TimerId};
use hobnob::app::{EngineStatus, Network, Overlay, ThenLoad};
use hobnob::domain::conversation::{Form, MessageState};
use hobnob::domain::hub::Local;
use hobnob::domain::model::{Format, LoadSettings, ModelRef, ModelSpec};
use hobnob::domain::sampling::SamplingPatch;
use hobnob::domain::stats::{GenStats, Usage};
use hobnob::domain::{
    ChatMessage, Constraint, DownloadState, EngineCmd, EngineEvent, FinishReason, GenId, GenRequest, HubCmd, HubEvent,
    JobId, LoadId, PieceKind, Role, Thinking,
};
use hobnob::error::{ErrorKind, UserError};
use support::app::{Driver, info, starter};

fn clock() -> Effect {
    Effect::SetTimer { id: TimerId::Clock, after: Duration::from_millis(100) }
}

fn load_starter(id: u64) -> Effect {
    Effect::Engine(EngineCmd::Load {
        id: LoadId(id),
        spec: ModelSpec {
            reference: "starter".into(),
            name: "SmolLM2 135M Instruct".into(),
            location: "/models/starter.gguf".into(),
            format: Format::Gguf,
            settings: LoadSettings::default(),
        },
    })
}

fn ask(id: u64, messages: &[(Role, &str)]) -> Effect {
    Effect::Engine(EngineCmd::Generate {
        id: GenId(id),
        req: GenRequest {
            messages: messages
                .iter()
                .map(|(role, text)| ChatMessage { role: *role, content: (*text).to_owned() })
                .collect(),
            sampling: SamplingPatch::default(),
            max_tokens: None,
            stop: vec![],
            thinking: Thinking::Auto,
            begun: None,
            constraint: None,
        },
    })
}

fn answer(d: &Driver) -> (String, MessageState) {
    let head = d.app.chat.conversation.head().expect("there is an answer");
    assert_eq!(head.role, Role::Assistant);
    (head.content.clone(), head.state.clone())
}

#[test]
fn two_keys_lead_from_nothing_to_an_answer() {
    let mut d = Driver::new();
    assert_eq!(d.begin(), [Effect::Hub(HubCmd::ScanLocal)]);
    assert_eq!(d.hub(HubEvent::Local(Local { models: vec![], ..Local::default() })), []);
    // The first key.
    assert_eq!(
        d.key("enter"),
        [Effect::Hub(HubCmd::Download { id: JobId(1), model: ModelRef::Starter, newest: false })]
    );
    // Another one changes nothing while it runs.
    assert_eq!(d.key("enter"), []);
    let done = DownloadState::Done { model: Box::new(starter()) };
    assert_eq!(
        d.hub(HubEvent::Download { id: JobId(1), state: done }),
        [Effect::Hub(HubCmd::ScanLocal), load_starter(1), clock()]
    );
    assert_eq!(d.engine(EngineEvent::Loaded { id: LoadId(1), info: Box::new(info()) }), []);
    assert_eq!(d.say("hi"), [ask(1, &[(Role::User, "hi")]), clock()]);
}

#[test]
fn a_message_without_a_model_gets_the_starter_and_is_answered_by_it() {
    let mut d = Driver::new();
    d.begin();
    // Nobody knows yet what is here.
    assert_eq!(d.say("hi"), []);
    let get = |id| Effect::Hub(HubCmd::Download { id: JobId(id), model: ModelRef::Starter, newest: false });
    assert_eq!(d.hub(HubEvent::Local(Local::default())), [get(1)]);
    assert_eq!(d.say("and more"), []);
    assert_eq!(d.waiting(), ["hi", "and more"]);
    d.hub(HubEvent::Download { id: JobId(1), state: DownloadState::Cancelled });
    assert_eq!(d.waiting(), ["hi", "and more"]);
    assert_eq!(d.key("enter"), [get(2)]);
    // What comes is to answer, however it was asked for.
    d.app.models.downloads.get_mut(JobId(2)).expect("a download").then_load = ThenLoad::No;
    d.say("now");
    let done = DownloadState::Done { model: Box::new(starter()) };
    let loads = d.hub(HubEvent::Download { id: JobId(2), state: done });
    assert_eq!(loads, [Effect::Hub(HubCmd::ScanLocal), load_starter(1), clock()]);
    let asked = d.engine(EngineEvent::Loaded { id: LoadId(1), info: Box::new(info()) });
    assert_eq!(asked, [ask(1, &[(Role::User, "hi")])]);
}

#[test]
fn a_message_that_nothing_can_be_got_for_stays_in_the_composer() {
    let mut d = Driver::new();
    d.begin();
    d.app.network = Network::Forbidden;
    d.hub(HubEvent::Local(Local::default()));
    assert!(!d.say("hi").iter().any(|effect| matches!(effect, Effect::Hub(_))));
    assert_eq!((d.app.chat.composer.area.text(), d.waiting().len()), ("hi", 0));
    let said = d.app.toasts.back().expect("why");
    assert_eq!(said.text, "hobnob is offline: nothing can be downloaded");
}

#[test]
fn a_message_written_while_the_model_loads_is_sent_when_it_is_there() {
    let mut d = Driver::new();
    d.begin();
    d.hub(HubEvent::Local(Local { models: vec![starter()], ..Local::default() }));
    assert_eq!(d.say("early"), [load_starter(1), clock()]);
    assert_eq!(d.waiting(), ["early"]);
    assert_eq!(
        d.engine(EngineEvent::Loaded { id: LoadId(1), info: Box::new(info()) }),
        [ask(1, &[(Role::User, "early")])]
    );
}

#[test]
fn what_is_sent_during_an_answer_waits_and_can_be_taken_back() {
    let mut d = Driver::new();
    d.ready();
    assert_eq!(d.say("one"), [ask(1, &[(Role::User, "one")]), clock()]);
    assert_eq!(d.say("two"), []);
    assert_eq!(d.say("three"), []);
    assert_eq!(d.waiting(), ["two", "three"]);
    d.key("up");
    assert_eq!(d.app.chat.composer.area.text(), "three");
    assert_eq!(d.waiting(), ["two"]);
    d.delta(1, "A");
    assert_eq!(
        d.finish(1, FinishReason::Stop),
        [ask(2, &[(Role::User, "one"), (Role::Assistant, "A"), (Role::User, "two")]), clock()]
    );
    assert_eq!(d.app.chat.composer.area.text(), "three");
}

#[test]
fn escape_stops_once_and_keeps_what_is_there() {
    let mut d = Driver::new();
    d.ready();
    d.say("tell me");
    d.delta(1, "Once ");
    d.delta(1, "upon");
    assert_eq!(d.key("esc"), [Effect::Engine(EngineCmd::Cancel(GenId(1))), clock()]);
    assert_eq!(d.key("esc"), []);
    assert_eq!(d.app.chat.running.as_ref().map(|r| r.phase), Some(Phase::Stopping));
    assert_eq!(d.finish(1, FinishReason::Cancelled), []);
    assert_eq!(answer(&d), ("Once upon".into(), MessageState::Whole));
    let outcome = d.app.chat.conversation.head().and_then(|m| m.outcome).expect("how it ended is kept");
    assert_eq!(outcome.reason, FinishReason::Cancelled);
}

#[test]
fn events_of_an_answer_that_is_over_change_nothing() {
    let mut d = Driver::new();
    d.ready();
    d.say("one");
    d.delta(1, "A");
    d.finish(1, FinishReason::Stop);
    d.engine(EngineEvent::Delta { id: GenId(1), kind: PieceKind::Text, text: "late".into(), tokens: 1 });
    d.engine(EngineEvent::Failed { id: GenId(1), error: UserError::new(ErrorKind::Generation, "late") });
    assert_eq!(answer(&d), ("A".into(), MessageState::Whole));
    d.engine(EngineEvent::Loaded { id: LoadId(77), info: Box::new(info()) });
    d.engine(EngineEvent::LoadFailed { id: LoadId(77), error: UserError::new(ErrorKind::LoadFailed, "late") });
    assert!(matches!(d.app.engine, EngineStatus::Ready(_)));
}

#[test]
fn an_answer_that_fails_keeps_its_beginning_and_holds_the_queue() {
    let mut d = Driver::new();
    d.ready();
    d.say("one");
    d.say("two");
    d.delta(1, "Begin");
    let error = UserError::new(ErrorKind::Generation, "the engine ran out of memory").hint("a smaller context helps");
    assert_eq!(d.engine(EngineEvent::Failed { id: GenId(1), error: error.clone() }), []);
    assert_eq!(answer(&d), ("Begin".into(), MessageState::Failed(error)));
    assert_eq!(d.waiting(), ["two"]);
    // Enter on the empty composer goes on.
    assert_eq!(
        d.key("enter"),
        [ask(2, &[(Role::User, "one"), (Role::Assistant, "Begin"), (Role::User, "two")]), clock()]
    );
}

#[test]
fn when_the_engine_dies_the_conversation_goes_on_with_the_next_message() {
    let mut d = Driver::new();
    d.ready();
    d.say("one");
    d.delta(1, "Part");
    let error = UserError::new(ErrorKind::Unexpected, "the engine ended unexpectedly");
    d.engine(EngineEvent::Failed { id: GenId(1), error: error.clone() });
    d.engine(EngineEvent::Died { error });
    assert!(matches!(d.app.engine, EngineStatus::Asleep(_)));
    // The answer itself says why it ended.
    assert!(d.app.toasts.is_empty());
    let effects = d.say("again");
    assert_eq!(effects, [ask(2, &[(Role::User, "one"), (Role::Assistant, "Part"), (Role::User, "again")]), clock()]);
    // It loads again under the same id, and the answer comes.
    d.engine(EngineEvent::Progress { id: LoadId(1), stage: hobnob::domain::LoadStage::Weights });
    assert!(matches!(d.app.engine, EngineStatus::Loading { .. }));
    d.engine(EngineEvent::Loaded { id: LoadId(1), info: Box::new(info()) });
    d.delta(2, "Back");
    assert_eq!(answer(&d).0, "Back");
}

#[test]
fn an_engine_that_dies_at_rest_or_out_of_sight_is_told_beside() {
    let error = UserError::new(ErrorKind::Unexpected, "the engine ended unexpectedly");
    let mut d = Driver::new();
    d.ready();
    d.engine(EngineEvent::Died { error: error.clone() });
    assert_eq!(d.app.toasts.len(), 1);
    let mut d = Driver::new();
    d.ready();
    d.say("one");
    d.key("f4");
    d.engine(EngineEvent::Failed { id: GenId(1), error: error.clone() });
    d.engine(EngineEvent::Died { error });
    assert_eq!(d.app.toasts.len(), 1);
}

#[test]
fn after_a_failed_load_a_message_tries_again_and_is_answered() {
    let mut d = Driver::new();
    d.ready();
    d.say("one");
    d.finish(1, FinishReason::Stop);
    let died = UserError::new(ErrorKind::LoadFailed, "the engine was killed");
    d.engine(EngineEvent::Progress { id: LoadId(1), stage: hobnob::domain::LoadStage::Weights });
    d.engine(EngineEvent::LoadFailed { id: LoadId(1), error: died });
    assert!(matches!(d.app.engine, EngineStatus::Failed { .. }));
    let effects = d.say("two");
    assert!(matches!(&effects[..], [Effect::Engine(EngineCmd::Load { id: LoadId(2), .. }), ..]), "{effects:?}");
    assert_eq!(d.waiting(), ["two"]);
    let effects = d.engine(EngineEvent::Loaded { id: LoadId(2), info: Box::new(info()) });
    assert!(matches!(&effects[..], [Effect::Engine(EngineCmd::Generate { .. }), ..]), "{effects:?}");
    assert!(d.app.chat.queue.is_empty());
}

#[test]
fn control_c_goes_from_the_answer_to_the_text_to_the_door() {
    let mut d = Driver::new();
    d.ready();
    d.say("one");
    d.type_text("draft");
    assert_eq!(d.key("ctrl-c"), [Effect::Engine(EngineCmd::Cancel(GenId(1)))]);
    d.finish(1, FinishReason::Cancelled);
    assert_eq!(d.key("ctrl-c"), []);
    assert_eq!(d.app.chat.composer.area.text(), "");
    assert_eq!(d.key("ctrl-c"), []);
    assert!(matches!(d.app.overlay, Some(Overlay::Confirm(_))));
    assert_eq!(d.key("esc"), []);
    assert!(d.app.overlay.is_none());
    d.key("ctrl-c");
    assert_eq!(d.key("ctrl-c"), [Effect::Quit]);
}

#[test]
fn quitting_in_the_middle_of_an_answer_asks_first() {
    let mut d = Driver::new();
    d.ready();
    d.say("one");
    assert_eq!(d.key("ctrl-q"), []);
    assert!(matches!(d.app.overlay, Some(Overlay::Confirm(_))));
    assert_eq!(d.key("enter"), [Effect::Quit]);
}

#[test]
fn an_answer_can_be_made_again() {
    let mut d = Driver::new();
    d.ready();
    d.say("one");
    d.delta(1, "bad");
    d.finish(1, FinishReason::Stop);
    d.type_text("/retry");
    assert_eq!(d.key("enter"), [ask(2, &[(Role::User, "one")]), clock()]);
    d.delta(2, "good");
    assert_eq!(d.app.chat.conversation.len(), 2);
    assert_eq!(answer(&d).0, "good");
}

#[test]
fn a_command_that_is_not_one_is_kept_and_named() {
    let mut d = Driver::new();
    d.ready();
    d.type_text("/nwe");
    let effects = d.key("enter");
    assert!(matches!(effects.as_slice(), [Effect::SetTimer { id: TimerId::Toast, .. }]), "{effects:?}");
    assert_eq!(d.app.chat.composer.area.text(), "/nwe");
    assert!(d.app.toasts.back().is_some_and(|t| t.text.contains("/nwe")));
}

#[test]
fn a_new_conversation_gives_back_what_waited() {
    let mut d = Driver::new();
    d.ready();
    d.say("one");
    d.say("two");
    d.say("three");
    // It ends an answer, so it is asked first.
    assert_eq!(d.key("ctrl-n"), []);
    assert_eq!(d.key("esc"), []);
    assert!(d.app.chat.is_busy() && d.waiting() == ["two", "three"]);
    d.key("ctrl-n");
    assert_eq!(d.key("enter"), [Effect::Engine(EngineCmd::Cancel(GenId(1)))]);
    assert_eq!(d.app.chat.composer.area.text(), "two\nthree");
    assert!(d.app.chat.conversation.is_empty() && d.app.chat.queue.is_empty());
    d.delta(1, "late");
    assert_eq!(d.finish(1, FinishReason::Cancelled), []);
    assert!(d.app.chat.conversation.is_empty());
    assert_eq!(d.key("enter"), [ask(2, &[(Role::User, "two\nthree")]), clock()]);
}

#[test]
fn pasting_never_sends() {
    let mut d = Driver::new();
    d.ready();
    let many = "a line\r\n".repeat(5000);
    assert_eq!(d.send(Msg::Term(TermEvent::Paste(many))), []);
    assert_eq!(d.app.chat.composer.area.full().lines().count(), 5000);
    assert!(d.app.chat.conversation.is_empty());
}

#[test]
fn reasoning_is_kept_apart_and_never_sent_back() {
    let mut d = Driver::new();
    d.ready();
    d.say("one");
    d.engine(EngineEvent::Delta { id: GenId(1), kind: PieceKind::Reasoning, text: "hm".into(), tokens: 1 });
    d.delta(1, "A");
    d.finish(1, FinishReason::Stop);
    assert_eq!(d.app.chat.conversation.head().map(|m| m.reasoning.as_str()), Some("hm"));
    assert_eq!(d.say("two"), [ask(2, &[(Role::User, "one"), (Role::Assistant, "A"), (Role::User, "two")]), clock()]);
}

#[test]
fn the_editor_gets_the_draft_and_gives_it_back() {
    let mut d = Driver::new();
    d.ready();
    d.type_text("draft");
    assert_eq!(d.key("ctrl-g"), [Effect::OpenEditor("draft".into())]);
    assert_eq!(d.send(Msg::Edited(Ok("draft, longer\n".into()))), []);
    assert_eq!(d.app.chat.composer.area.text(), "draft, longer");
}

#[test]
fn nothing_is_asked_for_while_nothing_happens() {
    let mut d = Driver::new();
    d.ready();
    d.screen(80, 24);
    assert_eq!(d.send(Msg::Timer(TimerId::Clock)), []);
    assert_eq!(d.send(Msg::Term(TermEvent::Focus(false))), []);
}

fn a_form() -> Form {
    Form { name: "person.json".into(), constraint: Constraint::Schema(r#"{"type": "object"}"#.into()) }
}

/// What an answer is asked for with.
fn asked(effects: &[Effect]) -> (Option<Constraint>, Thinking) {
    let request = effects.iter().find_map(|effect| match effect {
        Effect::Engine(EngineCmd::Generate { req, .. }) => Some((req.constraint.clone(), req.thinking)),
        _ => None,
    });
    request.expect("an answer is asked for")
}

#[test]
fn one_answer_is_held_to_a_schema_and_so_is_another_one_in_its_place() {
    let mut d = Driver::new();
    d.ready();
    d.type_text("/schema");
    d.key("enter");
    d.type_text("~/person.json");
    assert_eq!(d.key("enter"), [Effect::ReadSchema("~/person.json".into())]);
    assert_eq!(d.send(Msg::Schema(Ok(a_form()))), []);
    assert!(d.app.overlay.is_none());
    let constraint = Some(a_form().constraint);
    assert_eq!(asked(&d.say("Who?")).0, constraint);
    assert_eq!(d.app.chat.wishes.form, None);
    d.delta(1, "{}");
    let (usage, stats) = (Usage::default(), GenStats::default());
    let reason = FinishReason::Stop;
    d.engine(EngineEvent::Finished { id: GenId(1), reason, usage, stats, satisfied: Some(true) });
    let head = d.app.chat.conversation.head().expect("an answer");
    assert_eq!((&head.form, head.outcome.and_then(|o| o.satisfied)), (&Some(a_form()), Some(true)));
    assert_eq!(asked(&d.key("alt-r")).0, constraint, "the same question, the same form");
    d.finish(2, FinishReason::Stop);
    assert_eq!(asked(&d.say("And why?")).0, None, "the next one is free");
}

#[test]
fn a_cut_answer_goes_on_in_its_form() {
    let mut d = Driver::new();
    d.ready();
    d.app.chat.wishes.form = Some(a_form());
    d.say("Who?");
    d.delta(1, "{\"a\":");
    d.finish(1, FinishReason::Length);
    let goes_on = d.key("ctrl-s");
    assert_eq!(asked(&goes_on).0, Some(a_form().constraint));
    d.delta(2, " 1}");
    let (usage, stats) = (Usage::default(), GenStats::default());
    let reason = FinishReason::Stop;
    d.engine(EngineEvent::Finished { id: GenId(2), reason, usage, stats, satisfied: Some(true) });
    let head = d.app.chat.conversation.head().expect("an answer");
    assert_eq!((head.content.as_str(), head.outcome.and_then(|o| o.satisfied)), ("{\"a\": 1}", Some(true)));
}

#[test]
fn a_schema_that_can_not_be_used_stays_to_be_put_right() {
    let mut d = Driver::new();
    d.ready();
    let open = |d: &mut Driver| {
        d.type_text("/schema");
        d.key("enter");
        d.type_text("x");
        assert_eq!(d.key("enter"), [Effect::ReadSchema("x".into())]);
    };
    let error = UserError::new(ErrorKind::Usage, "`x` could not be read").hint("check the name");
    open(&mut d);
    d.send(Msg::Schema(Err(error.clone())));
    match &d.app.overlay {
        Some(Overlay::Schema(field)) => assert_eq!((field.area.text(), &field.error), ("x", &Some(error))),
        other => panic!("the field is gone: {other:?}"),
    }
    // Another letter, and the complaint is about what was there before.
    d.type_text("y");
    assert!(matches!(&d.app.overlay, Some(Overlay::Schema(field)) if field.error.is_none()));
    d.key("esc");
    // Closed while it is being read: it is not wanted any more.
    open(&mut d);
    d.key("esc");
    d.send(Msg::Schema(Ok(a_form())));
    assert_eq!((&d.app.chat.wishes.form, d.app.overlay.is_none()), (&None, true));
    // One that waits is taken off by the same command.
    open(&mut d);
    d.send(Msg::Schema(Ok(a_form())));
    assert_eq!(d.app.chat.wishes.form, Some(a_form()));
    d.type_text("/schema");
    d.key("enter");
    assert_eq!((&d.app.chat.wishes.form, d.app.overlay.is_none()), (&None, true));
}

#[test]
fn what_a_command_is_about_can_be_written_behind_it() {
    let mut d = Driver::new();
    d.ready();
    d.type_text("/schema ~/person.json");
    assert_eq!(d.key("enter"), [Effect::ReadSchema("~/person.json".into())]);
    d.send(Msg::Schema(Ok(a_form())));
    assert_eq!((&d.app.chat.wishes.form, d.app.overlay.is_none()), (&Some(a_form()), true));

    d.type_text("/theme nrod");
    d.key("enter");
    let said = d.app.toasts.back().expect("it is told");
    assert_eq!((&*said.text, said.hint.as_deref()), ("There is no theme nrod", Some("did you mean nord?")));
    assert_eq!(d.app.chat.composer.area.text(), "/theme nrod", "to be put right");
    d.key("ctrl-c");
    d.type_text("/theme nord");
    d.key("enter");
    assert_eq!((&*d.app.theme.id, d.app.chat.composer.area.text()), ("nord", ""));

    d.type_text("/load ./other.gguf");
    let model = ModelRef::Path("./other.gguf".into());
    let effects = d.key("enter");
    assert!(
        effects.iter().any(|e| matches!(e, Effect::Hub(HubCmd::Resolve { model: named, .. }) if *named == model)),
        "{effects:?}"
    );
}

#[test]
fn a_message_is_written_again_and_what_was_there_stays() {
    let mut d = Driver::new();
    d.ready();
    for (id, (question, answer)) in [("one", "1"), ("two", "2")].into_iter().enumerate() {
        d.say(question);
        d.delta(id as u64 + 1, answer);
        d.finish(id as u64 + 1, FinishReason::Stop);
    }
    d.type_text("a draft");
    d.key("alt-e");
    assert_eq!(d.app.chat.composer.area.text(), "two");
    d.key("esc");
    assert_eq!((d.app.chat.composer.area.text(), &d.app.chat.editing), ("a draft", &None));
    d.key("alt-e");
    d.type_text(" more");
    let effects = d.key("enter");
    let request = effects.iter().find_map(|effect| match effect {
        Effect::Engine(EngineCmd::Generate { req, .. }) => Some(&req.messages),
        _ => None,
    });
    let sent: Vec<&str> = request.expect("asked").iter().map(|m| &*m.content).collect();
    assert_eq!(sent, ["one", "1", "two more"]);
    assert_eq!(d.app.chat.composer.area.text(), "a draft", "it is not lost over that");
    d.key("shift-left");
    assert_eq!(d.app.chat.conversation.len(), 4, "not while an answer is made");
    d.delta(3, "3");
    d.finish(3, FinishReason::Stop);
    let shown = |d: &Driver| d.app.chat.conversation.branch().map(|m| m.content.clone()).collect::<Vec<_>>().join(" ");
    d.key("shift-left");
    assert_eq!(shown(&d), "one 1 two 2");
    assert!(d.screen(80, 24).contains("you · 1 of 2"), "{}", d.screen(80, 24));
    d.key("shift-left");
    assert_eq!(d.app.toasts.back().map(|t| &*t.text), Some("This is the first version"));
    d.key("shift-right");
    assert_eq!(shown(&d), "one 1 two more 3");
}

fn copied(effects: &[Effect]) -> (&str, &str) {
    match effects {
        [Effect::Copy { text, what }] => (text, what),
        other => panic!("nothing is copied: {other:?}"),
    }
}

#[test]
fn what_was_answered_can_be_taken_away() {
    let mut d = Driver::new();
    d.ready();
    d.key("f5");
    assert_eq!(d.app.toasts.back().map(|t| &*t.text), Some("There is no answer to copy"));
    d.say("How?");
    d.delta(1, "So:\n\n```sh\nls -l\n```\n\nor \u{1b}[31mso\n\n```\ncat a\ncat b\n```\n");
    d.finish(1, FinishReason::Stop);
    let answer = "So:\n\n```sh\nls -l\n```\n\nor so\n\n```\ncat a\ncat b\n```";
    assert_eq!(copied(&d.key("f5")), (answer, "the answer"));
    d.type_text("/copy-all");
    assert_eq!(copied(&d.key("enter")).0, format!("## You\n\nHow?\n\n## SmolLM2 135M Instruct\n\n{answer}\n\n"));
    // Two blocks: the person chooses, by a list or by the number.
    d.key("f9");
    assert!(matches!(d.app.overlay, Some(Overlay::Palette(_))));
    d.key("down");
    assert_eq!(copied(&d.key("enter")), ("cat a\ncat b\n", "2 lines"));
    d.type_text("/copy-code 1");
    assert_eq!(copied(&d.key("enter")), ("ls -l\n", "1 line of sh"));
    d.type_text("/copy-code 3");
    assert_eq!(d.key("enter").len(), 1, "the word about it goes by itself");
    assert_eq!(d.app.toasts.back().map(|t| &*t.text), Some("There is no code number 3"));
    let doubt = Some("through the terminal".to_owned());
    d.send(Msg::Copied(Ok(Copied { what: "the answer".into(), doubt: doubt.clone() })));
    assert_eq!(d.app.toasts.back().map(|t| (&*t.text, t.hint.clone())), Some(("Copied the answer", doubt)));
}

#[test]
fn an_answer_that_is_json_is_the_code_that_is_copied() {
    let mut d = Driver::new();
    d.ready();
    d.say("How?");
    d.delta(1, "```sh\nls -l\n```");
    d.finish(1, FinishReason::Stop);
    d.say("/schema");
    d.type_text("person.json");
    d.key("enter");
    d.send(Msg::Schema(Ok(Form { name: "person.json".into(), constraint: Constraint::Schema("{}".into()) })));
    d.say("Who?");
    d.delta(2, "{\n  \"name\": \"Ada\"\n}");
    d.finish(2, FinishReason::Stop);
    let json = ("{\n  \"name\": \"Ada\"\n}", "3 lines of json");
    d.type_text("/copy-code 1");
    assert_eq!(copied(&d.key("enter")), json);
    d.screen(80, 24);
    d.key("ctrl-space");
    d.key("c");
    assert_eq!(copied(&d.key("y")), json, "as it is pointed at");
}

#[test]
fn code_goes_into_a_file_that_is_named() {
    let mut d = Driver::new();
    d.ready();
    d.say("How?");
    d.delta(1, "```rust\nfn main() {}\n```");
    d.finish(1, FinishReason::Stop);
    d.say("Thanks");
    d.delta(2, "You are welcome.");
    d.finish(2, FinishReason::Stop);
    d.type_text("/save-code a b.rs");
    let write = Effect::WriteFile { path: "a b.rs".into(), text: "fn main() {}\n".into() };
    assert_eq!(d.key("enter"), [write], "of the newest answer that has some");
    d.say("Another?");
    d.delta(3, "```sh\nls\n```\n\n```sh\npwd\n```");
    d.finish(3, FinishReason::Stop);
    d.type_text("/save-code 2 a b.sh");
    assert_eq!(d.key("enter"), [Effect::WriteFile { path: "a b.sh".into(), text: "pwd\n".into() }]);
    d.type_text("/save-code 2");
    assert_eq!(d.key("enter").len(), 1, "a number alone is no file");
    assert_eq!(d.app.toasts.back().map(|toast| &*toast.text), Some("Where to?"));
    assert_eq!(d.app.chat.composer.area.text(), "/save-code 2", "and can be gone on with");
    d.key("ctrl-c");
    d.type_text("/save-code ./2");
    d.key("enter");
    assert!(matches!(d.app.overlay, Some(Overlay::Palette(_))), "which of the two");
}

#[test]
fn reasoning_is_turned_off_and_on_for_one_conversation() {
    let mut d = Driver::new();
    d.ready();
    d.key("alt-t");
    assert_eq!(asked(&d.say("hi")).1, Thinking::Auto, "this model does not reason");
    assert!(d.app.toasts.iter().any(|toast| toast.text.contains("does not reason")));
    d.finish(1, FinishReason::Stop);
    let mut thinker = info();
    thinker.facts.can_think = true;
    d.engine(EngineEvent::Loaded { id: LoadId(1), info: Box::new(thinker) });
    d.key("alt-t");
    assert_eq!(asked(&d.say("hi")).1, Thinking::Off);
    d.finish(2, FinishReason::Stop);
    d.key("alt-t");
    assert_eq!(asked(&d.say("hi")).1, Thinking::On);
    d.finish(3, FinishReason::Stop);
    d.key("ctrl-n");
    assert_eq!(asked(&d.say("hi")).1, Thinking::Auto, "another conversation, as the settings say");
}

#[test]
fn reasoning_tells_how_long_it_took_and_is_not_sent_again() {
    let mut d = Driver::new();
    d.ready();
    d.say("hi");
    let reason = |d: &mut Driver, text: &str| {
        let delta = EngineEvent::Delta { id: GenId(1), kind: PieceKind::Reasoning, text: text.into(), tokens: 1 };
        d.engine(delta);
    };
    d.pass(Duration::from_secs(5));
    reason(&mut d, "They greet");
    d.pass(Duration::from_secs(12));
    reason(&mut d, " me.");
    d.pass(Duration::from_secs(3));
    d.delta(1, "Hello!");
    let thought = d.app.chat.conversation.head().and_then(|answer| answer.thought);
    assert_eq!(thought, Some(Duration::from_secs(12)), "neither the reading before nor the answer after it");
    d.finish(1, FinishReason::Stop);
    let sent = [(Role::User, "hi"), (Role::Assistant, "Hello!"), (Role::User, "again")];
    assert_eq!(d.say("again"), [ask(2, &sent), clock()]);
}

/// What is left out of an answer for the terminal's sake is left out of its lines, and nothing is shown twice for it.
#[test]
fn an_answer_with_signs_for_the_terminal_is_shown_once() {
    let mut d = Driver::new();
    d.ready();
    d.say("hi");
    let mut whole = String::new();
    for piece in ["one\u{7} ", "\u{1b}[31mtw", "o\u{1b}[0m � ", "three\u{202e} ", "four"] {
        d.delta(1, piece);
        whole.push_str(piece);
        // Each piece is laid out with what there is by then.
        d.screen(80, 24);
    }
    assert_eq!(answer(&d).0, whole);
    let screen = d.screen(80, 24);
    assert!(screen.lines().any(|line| line.trim() == "one two � three four"), "{screen}");
}
