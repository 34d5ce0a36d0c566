//! Conversations in the interface: what is kept and when, the list, and going from one to another.

mod support;

use std::time::Duration;

use hobnob::app::msg::{Effect, Msg, TermEvent, TimerId};
use hobnob::app::{Overlay, Pane};

use hobnob::domain::conversation::{Conversation, MessageState};
use hobnob::domain::store::{Change, ConvId, ConvIds, Hit, Opened, Row, Setup, StoreCmd, StoreEvent, Summary, Which};
use hobnob::domain::{AskId, EngineCmd, EngineEvent, FinishReason, GenId, HubCmd, MsgId, Role};
use hobnob::error::{ErrorKind, UserError};
use support::app::Driver;

fn ids(n: usize) -> Vec<ConvId> {
    let mut ids = ConvIds::seeded(99);
    (0..n).map(|_| ids.make()).collect()
}

fn ready() -> Driver {
    let mut d = Driver::new();
    d.ready();
    d.stored.clear();
    d
}

/// What was asked for since the last time: the conversation, and words for each change.
fn kept(d: &mut Driver) -> Vec<(ConvId, Vec<String>)> {
    let words = |change: &Change| match change {
        Change::Message(m) if m.state == MessageState::Streaming => format!("answer {:?}", m.content),
        Change::Message(m) => format!("message {:?}", m.content),
        Change::More { text, .. } => format!("more {text:?}"),
        Change::Draft(draft) => format!("draft {:?}", draft.text),
        Change::Place { .. } => "place".into(),
        Change::Setup(_) => "setup".into(),
        other => format!("{other:?}"),
    };
    let of = |command| match command {
        StoreCmd::Keep { id, changes } => Some((id, changes.iter().map(words).collect())),
        _ => None,
    };
    d.stored.drain(..).filter_map(of).collect()
}

#[track_caller]
fn assert_kept(d: &mut Driver, expected: &[&str]) {
    let all: Vec<String> = kept(d).into_iter().flat_map(|(_, changes)| changes).collect();
    assert_eq!(all, expected);
}

fn opened(id: ConvId, said: &[&str], draft: &str) -> Opened {
    let mut conversation = Conversation::default();
    for (n, text) in said.iter().enumerate() {
        let role = if n % 2 == 0 { Role::User } else { Role::Assistant };
        conversation.push(role, (*text).into(), MessageState::Whole);
    }
    Opened {
        id,
        conversation,
        title: "A title".into(),
        own_title: false,
        setup: Setup { model: Some("starter".into()), system: "as then".into(), ..Setup::default() },
        draft: draft.into(),
        pinned: false,
        archived: false,
        created: 1,
        updated: 2,
        at: None,
    }
}

fn open(d: &mut Driver, opened: Opened) {
    let event = StoreEvent::Opened { ask: d.asked_store(), result: Box::new(Ok(Some(opened))) };
    d.send(Msg::Store(event));
}

fn summary(id: ConvId, title: &str) -> Summary {
    Summary {
        id,
        title: title.into(),
        model: Some("starter".into()),
        messages: 2,
        preview: "what was said last".into(),
        age: Duration::from_secs(3600),
        updated: 0,
        pinned: false,
        archived: false,
        draft: false,
    }
}

fn list(d: &mut Driver, conversations: Vec<Summary>) {
    let ask = d.asked_store();
    d.send(Msg::Store(StoreEvent::Listed { ask, conversations }));
}

fn chosen(d: &Driver) -> ConvId {
    let Some(Overlay::Conversations(list)) = &d.app.overlay else { panic!("no list") };
    list.chosen().expect("something is listed").id()
}

fn hit(conversation: ConvId, known_as: Option<MsgId>) -> Hit {
    Hit {
        conversation,
        title: "About light".into(),
        message: Some((Row(7), Role::Assistant)),
        known_as,
        snippet: vec![("it ".into(), false), ("sca".into(), true), ("tters".into(), false)],
        age: Duration::from_secs(60),
        pinned: false,
        archived: false,
    }
}

fn found(d: &mut Driver, hits: Vec<Hit>) {
    let ask = d.asked_store();
    d.send(Msg::Store(StoreEvent::Found { ask, hits }));
}

#[test]
fn a_message_is_kept_as_it_is_sent_and_an_answer_as_it_grows() {
    let mut d = ready();
    d.say("Why?");
    assert_kept(&mut d, &["message \"Why?\"", "answer \"\"", "place", "setup"]);
    d.delta(1, "Because");
    d.delta(1, " it is");
    assert_kept(&mut d, &[]);
    d.send(Msg::Timer(TimerId::Keep));
    assert_kept(&mut d, &["more \"Because it is\""]);
    d.send(Msg::Timer(TimerId::Keep));
    assert_kept(&mut d, &[]);
    d.delta(1, " so.");
    d.finish(1, FinishReason::Stop);
    assert_kept(&mut d, &["message \"Because it is so.\""]);
}

#[test]
fn timers_run_only_while_there_is_something_to_keep() {
    let mut d = ready();
    let timer =
        |effects: &[Effect], id| effects.iter().any(|e| matches!(e, Effect::SetTimer { id: of, .. } if *of == id));
    d.send(Msg::Timer(TimerId::Draft));
    let a = TermEvent::Key("a".parse().expect("a key"));
    assert!(timer(&d.app.update(Msg::Term(a.clone()), d.now), TimerId::Draft));
    assert!(!timer(&d.app.update(Msg::Term(a), d.now), TimerId::Draft), "it runs already");
    assert!(!timer(&d.app.update(Msg::Timer(TimerId::Draft), d.now), TimerId::Draft));
    let enter = TermEvent::Key("enter".parse().expect("a key"));
    assert!(timer(&d.app.update(Msg::Term(enter), d.now), TimerId::Keep));
    assert!(timer(&d.app.update(Msg::Timer(TimerId::Keep), d.now), TimerId::Keep), "as long as it grows");
    d.finish(1, FinishReason::Stop);
    assert!(!timer(&d.app.update(Msg::Timer(TimerId::Keep), d.now), TimerId::Keep));
}

#[test]
fn what_waits_is_kept_as_what_is_written_is() {
    let mut d = ready();
    d.type_text("half");
    d.send(Msg::Timer(TimerId::Draft));
    assert_kept(&mut d, &["draft \"half\""]);
    d.send(Msg::Timer(TimerId::Draft));
    assert_kept(&mut d, &[]);
    d.key("enter");
    assert_kept(&mut d, &["message \"half\"", "answer \"\"", "place", "setup", "draft \"\""]);
    d.say("and then");
    d.type_text("next");
    d.send(Msg::Timer(TimerId::Draft));
    assert_kept(&mut d, &["draft \"and then\\nnext\""]);
    // It goes out: in one step with no longer waiting.
    d.finish(1, FinishReason::Stop);
    let all = kept(&mut d);
    assert!(all.iter().any(|(_, changes)| {
        changes.contains(&"message \"and then\"".to_owned()) && changes.contains(&"draft \"next\"".to_owned())
    }));
    // And at the end, whatever the reason.
    d.delta(2, "It began");
    d.type_text("!");
    d.send(Msg::End);
    assert_kept(&mut d, &["more \"It began\"", "draft \"next!\""]);
}

#[test]
fn a_new_conversation_keeps_the_old_one() {
    let mut d = ready();
    d.say("one");
    let (first, _) = kept(&mut d).remove(0);
    d.delta(1, "It is");
    d.key("ctrl-n");
    let effects = d.key("enter");
    assert_eq!(effects, [Effect::Engine(EngineCmd::Cancel(GenId(1)))]);
    assert_eq!(kept(&mut d), [(first, vec!["message \"It is\"".to_owned()])]);
    d.delta(1, "too late");
    d.say("two");
    let (second, changes) = kept(&mut d).remove(0);
    assert_ne!(first, second);
    assert_eq!(changes[0], "message \"two\"");
}

#[test]
fn where_it_was_is_gone_on_with() {
    let mut d = ready();
    d.key("f8");
    let [one, two] = ids(2)[..] else { unreachable!() };
    list(&mut d, vec![summary(one, "About light"), summary(two, "About soup")]);
    d.type_text("soup");
    d.key("enter");
    assert!(d.app.overlay.is_none());
    assert!(matches!(d.stored.last(), Some(StoreCmd::Open { which: Which::Id(id), at: None, .. }) if *id == two));
    d.stored.retain(|command| matches!(command, StoreCmd::Open { .. }));
    open(&mut d, opened(two, &["soup?", "yes"], "and salt"));
    assert_eq!((d.app.chat.conversation.len(), d.app.chat.composer.area.text()), (2, "and salt"));
    d.stored.clear();
    let effects = d.key("enter");
    let [Effect::Engine(EngineCmd::Generate { req, .. }), ..] = &effects[..] else { panic!("{effects:?}") };
    let told: Vec<&str> = req.messages.iter().map(|m| m.content.as_str()).collect();
    assert_eq!(told, ["as then", "soup?", "yes", "and salt"], "with what it was told then");
    let all = kept(&mut d);
    assert_eq!((all[0].0, all[0].1[0].as_str()), (two, "message \"and salt\""));
    // A prompt that is changed in the settings holds here too.
    d.key("esc");
    d.app.settings.chat.system_prompt = "as now".into();
    d.app.chat.own = None;
    assert_eq!(d.app.chat.system(&d.app.settings), "as now");
}

/// Begun to go on with the last conversation, with this model ready before the store has told of it.
fn beginning() -> Driver {
    let mut d = Driver::new();
    d.app.saved.first = Some(Which::Last);
    d.ready();
    assert!(matches!(d.stored[..], [StoreCmd::Open { which: Which::Last, at: None, .. }]), "{:?}", d.stored);
    d
}

#[test]
fn what_is_written_before_the_conversation_is_there_is_meant_for_it() {
    let mut d = beginning();
    d.type_text("and wh");
    d.send(Msg::Timer(TimerId::Draft));
    assert_eq!(kept(&mut d).len(), 0, "it is not the beginning of another conversation");
    let mut d = beginning();
    d.type_text("and wh");
    let id = ids(1)[0];
    open(&mut d, opened(id, &["soup?", "yes"], "with salt"));
    assert_eq!(d.app.chat.composer.area.text(), "with salt\nand wh", "below what was left there");
    d.type_text("y?");
    d.stored.clear();
    d.send(Msg::Timer(TimerId::Draft));
    assert_eq!(kept(&mut d), [(id, vec!["draft \"with salt\\nand why?\"".to_owned()])]);
}

#[test]
fn what_is_sent_before_the_conversation_is_there_is_said_in_it() {
    let mut d = beginning();
    assert_eq!(d.say("how much?"), [], "it waits");
    d.type_text("and wh");
    d.key("f8");
    let unsent = kept(&mut d);
    assert_eq!(unsent[0].1, ["draft \"how much?\\nand wh\""], "the list is of all there is");
    d.key("esc");
    d.send(Msg::Store(StoreEvent::Listed { ask: AskId(2), conversations: vec![] }));
    let id = ids(1)[0];
    let event = StoreEvent::Opened { ask: AskId(1), result: Box::new(Ok(Some(opened(id, &["salt?", "yes"], "")))) };
    let effects = d.send(Msg::Store(event));
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Engine(EngineCmd::Generate { req, .. }) => Some(req),
        _ => None,
    });
    let req = asked.expect("it is asked");
    assert_eq!(req.messages.iter().map(|m| &*m.content).collect::<Vec<_>>(), ["as then", "salt?", "yes", "how much?"]);
    assert_eq!(d.app.chat.composer.area.text(), "and wh");
    let all = kept(&mut d);
    assert_eq!(all[0], (unsent[0].0, vec!["draft \"\"".to_owned()]), "nothing stays where it was");
    assert_eq!((all[1].0, all[1].1[0].as_str()), (id, "message \"how much?\""));
}

#[test]
fn where_there_is_no_conversation_yet_what_was_sent_begins_one() {
    for result in [Ok(None), Err(UserError::new(ErrorKind::Disk, "the disk does not read or write"))] {
        let mut d = beginning();
        assert_eq!(d.say("hi"), []);
        d.type_text("you");
        let effects = d.send(Msg::Store(StoreEvent::Opened { ask: AskId(1), result: Box::new(result) }));
        assert!(effects.iter().any(|e| matches!(e, Effect::Engine(EngineCmd::Generate { .. }))), "{effects:?}");
        assert_eq!(d.app.chat.composer.area.text(), "you");
        assert_eq!(kept(&mut d)[0].1[0], "message \"hi\"");
    }
}

#[test]
fn the_model_of_then_is_loaded_where_no_other_is_wanted() {
    let mut d = Driver::new();
    d.begin();
    d.key("f8");
    let id = ids(1)[0];
    list(&mut d, vec![summary(id, "x")]);
    d.key("enter");
    let event = StoreEvent::Opened { ask: d.asked_store(), result: Box::new(Ok(Some(opened(id, &["q", "a"], "")))) };
    let effects = d.send(Msg::Store(event));
    assert!(effects.iter().any(|e| matches!(e, Effect::Hub(HubCmd::Resolve { .. }))), "{effects:?}");
}

#[test]
fn late_answers_of_the_store_change_nothing() {
    let mut d = ready();
    d.say("here");
    let old = StoreEvent::Opened { ask: AskId(77), result: Box::new(Ok(Some(opened(ids(1)[0], &["other"], "")))) };
    d.send(Msg::Store(old));
    assert_eq!(d.app.chat.conversation.len(), 2);
    d.key("f8");
    d.send(Msg::Store(StoreEvent::Listed { ask: AskId(77), conversations: vec![summary(ids(1)[0], "x")] }));
    let Some(Overlay::Conversations(list)) = &d.app.overlay else { panic!("the list") };
    assert!(!list.is_known());
}

#[test]
fn words_are_looked_for_as_they_are_typed_one_search_at_a_time() {
    let mut d = ready();
    d.key("f8");
    let [one, two] = ids(2)[..] else { unreachable!() };
    list(&mut d, vec![summary(one, "About light"), summary(two, "About soup")]);
    d.stored.clear();
    d.type_text("sca");
    let searches = |d: &Driver| -> Vec<String> {
        let words = |command: &StoreCmd| match command {
            StoreCmd::Search { words, .. } => Some(words.clone()),
            _ => None,
        };
        d.stored.iter().filter_map(words).collect()
    };
    assert_eq!(searches(&d), ["s"]);
    d.send(Msg::Store(StoreEvent::Found { ask: d.asked_store(), hits: vec![] }));
    assert_eq!(searches(&d), ["s", "sca"]);
    found(&mut d, vec![hit(one, None)]);
    d.key("enter");
    assert!(matches!(d.stored.last(), Some(StoreCmd::Open { at: Some(Row(7)), .. })));
    let mut there = opened(one, &["q", "it scatters", "more", "yes"], "");
    there.at = Some(MsgId(1));
    open(&mut d, there);
    assert!(!d.app.chat.transcript.follows());
    assert_eq!(d.app.pane, Pane::Chat);
}

#[test]
fn words_found_in_the_conversation_on_the_screen_are_gone_to_without_leaving_it() {
    let mut d = ready();
    d.say("q");
    d.delta(1, "it scatters");
    d.finish(1, FinishReason::Stop);
    d.key("alt-r");
    let (here, _) = kept(&mut d).remove(0);
    let go_to = |d: &mut Driver, known_as| {
        d.key("f8");
        list(d, vec![summary(here, "q")]);
        d.type_text("sca");
        let hit = hit(here, known_as);
        found(d, vec![]);
        found(d, vec![hit]);
        d.stored.clear();
        let effects = d.key("enter");
        assert!(d.app.overlay.is_none());
        effects
    };
    d.delta(2, "another");
    assert_eq!(go_to(&mut d, Some(MsgId(0))), []);
    assert!(d.app.chat.is_busy() && !d.app.chat.transcript.follows());
    // Elsewhere than on this branch while an answer is being made on it.
    for known_as in [Some(MsgId(1)), None] {
        let effects = go_to(&mut d, known_as);
        assert!(matches!(effects[..], [Effect::SetTimer { id: TimerId::Toast, .. }]), "{effects:?}");
        assert!(d.app.toasts.iter().any(|toast| toast.text.contains("An answer is being made")));
    }
    assert_eq!(d.stored, []);
    d.finish(2, FinishReason::Stop);
    go_to(&mut d, Some(MsgId(1)));
    assert_eq!(d.app.chat.conversation.head().map(|m| &*m.content), Some("it scatters"));
    assert_eq!(kept(&mut d), [(here, vec!["place".to_owned()])]);
    // Another process has said it.
    go_to(&mut d, None);
    assert!(matches!(d.stored[..], [StoreCmd::Open { which: Which::Id(id), at: Some(Row(7)), .. }] if id == here));
}

#[test]
fn a_hit_is_pinned_and_put_away_as_its_own_conversation_stands() {
    let mut d = ready();
    d.say("here");
    d.app.saved.listed.archived = true;
    d.key("f8");
    let other = ids(1)[0];
    list(&mut d, vec![]);
    d.type_text("s");
    found(&mut d, vec![Hit { pinned: true, ..hit(other, None) }]);
    d.stored.clear();
    d.key("ctrl-s");
    assert!(matches!(d.stored.last(), Some(StoreCmd::Search { .. })), "what is found is looked for again");
    assert_eq!(kept(&mut d), [(other, vec!["Archived(true)".to_owned()])]);
    d.key("ctrl-o");
    assert_eq!(kept(&mut d), [(other, vec!["Pinned(false)".to_owned()])]);
}

#[test]
fn titles_pins_the_archive_and_a_deletion_that_is_taken_back() {
    let mut d = ready();
    d.key("f8");
    let [one, two] = ids(2)[..] else { unreachable!() };
    let all = || vec![summary(one, "One"), summary(two, "Two")];
    list(&mut d, all());
    d.stored.clear();
    let changes = |d: &mut Driver| kept(d).remove(0);
    d.key("down");
    d.key("ctrl-r");
    d.type_text("!");
    d.key("enter");
    assert_eq!(changes(&mut d), (two, vec!["Title(Some(\"Two!\"))".to_owned()]));
    d.key("ctrl-r");
    d.key("ctrl-u");
    d.key("enter");
    assert_eq!(changes(&mut d), (two, vec!["Title(None)".to_owned()]), "that of its first words again");
    d.key("ctrl-o");
    assert_eq!(changes(&mut d), (two, vec!["Pinned(true)".to_owned()]));
    d.key("ctrl-s");
    assert_eq!(changes(&mut d), (two, vec!["Archived(true)".to_owned()]));
    d.key("delete");
    assert!(matches!(d.stored.last(), Some(StoreCmd::List { archived: false, .. })));
    list(&mut d, vec![summary(one, "One")]);
    assert_eq!(changes(&mut d), (two, vec!["Deleted(true)".to_owned()]));
    let toast = d.app.toasts.iter().find(|toast| toast.text.contains("“Two” is deleted")).expect("it is said");
    assert_eq!(toast.hint.as_deref(), Some("Ctrl-/ in the list, or /undelete brings it back, until you quit"));
    d.key("alt-z");
    list(&mut d, all());
    assert_eq!(changes(&mut d), (two, vec!["Deleted(false)".to_owned()]));
    assert!(d.app.toasts.iter().all(|toast| !toast.text.contains("deleted")));
    assert_eq!(chosen(&d), two, "what has come back is what is chosen");
    // With the list closed its key is the text's; the command is not.
    d.key("delete");
    d.key("esc");
    d.stored.clear();
    d.say("/undelete");
    assert_eq!(changes(&mut d), (two, vec!["Deleted(false)".to_owned()]));
    d.key("f8");
    list(&mut d, all());
    d.stored.clear();
    d.key("tab");
    assert!(matches!(d.stored.last(), Some(StoreCmd::List { archived: true, .. })));
    // Esc goes back a step at a time.
    d.type_text("x");
    d.key("esc");
    assert!(matches!(&d.app.overlay, Some(Overlay::Conversations(list)) if list.query.is_empty()));
    d.key("esc");
    assert!(d.app.overlay.is_none());
}

#[test]
fn a_key_that_begins_others_deletes_nothing_and_a_text_comes_before_the_list() {
    let mut d = ready();
    d.key("f8");
    let one = ids(1)[0];
    list(&mut d, vec![summary(one, "One")]);
    d.stored.clear();
    d.key("ctrl-x");
    d.key("b");
    assert_eq!(kept(&mut d), []);
    assert!(d.app.toasts.iter().any(|toast| toast.text == "Ctrl-X b does nothing here"));
    d.type_text("One");
    d.key("left");
    d.key("left");
    d.key("ctrl-d");
    assert_eq!(kept(&mut d), []);
    assert!(matches!(&d.app.overlay, Some(Overlay::Conversations(list)) if list.query.text() == "Oe"));
}

#[test]
fn a_title_that_is_half_written_waits_behind_the_help_and_the_palette() {
    for key in ["f1", "ctrl-p"] {
        let mut d = ready();
        d.key("f8");
        let (one, ask) = (ids(1)[0], d.asked_store());
        list(&mut d, vec![summary(one, "One")]);
        d.key("ctrl-r");
        d.type_text(" and");
        d.key(key);
        // What was asked for it comes to it.
        d.send(Msg::Store(StoreEvent::Listed { ask, conversations: vec![summary(one, "One")] }));
        d.key("esc");
        d.type_text(" a half");
        d.stored.clear();
        d.key("enter");
        assert_eq!(kept(&mut d), [(one, vec!["Title(Some(\"One and a half\"))".to_owned()])], "{key}");
    }
}

#[test]
fn deleting_the_one_on_the_screen_begins_another() {
    let mut d = ready();
    d.say("gone soon");
    let (id, _) = kept(&mut d).remove(0);
    d.type_text("draft");
    d.key("f8");
    list(&mut d, vec![summary(id, "gone soon")]);
    let effects = d.key("delete");
    assert_eq!(effects.first(), Some(&Effect::Engine(EngineCmd::Cancel(GenId(1)))));
    assert!(d.app.chat.conversation.is_empty() && d.app.chat.composer.area.is_empty());
    let all = kept(&mut d);
    assert_eq!(all.last(), Some(&(id, vec!["Deleted(true)".to_owned()])));
    d.key("esc");
    d.say("another");
    assert_ne!(kept(&mut d).remove(0).0, id);
}

#[test]
fn without_a_place_it_is_said_once_and_all_goes_on() {
    let mut d = ready();
    let error = UserError::new(ErrorKind::Disk, "conversations can't be kept in /x: it is read-only").hint("a hint");
    d.send(Msg::Store(StoreEvent::Off(error)));
    assert_eq!(d.app.toasts.iter().filter(|toast| toast.text.contains("can't be kept")).count(), 1);
    d.say("hi");
    d.delta(1, "Hello");
    d.finish(1, FinishReason::Stop);
    d.send(Msg::Timer(TimerId::Draft));
    d.send(Msg::End);
    assert_eq!(d.stored, []);
    d.key("f8");
    assert!(d.app.overlay.is_none());
    assert!(d.app.toasts.iter().any(|toast| toast.text.contains("No conversations are kept")));
    d.key("esc");
    d.key("ctrl-c");
    let asked = |d: &Driver| match &d.app.overlay {
        Some(Overlay::Confirm(confirm)) => (confirm.title.clone(), confirm.body.clone()),
        _ => panic!("a question"),
    };
    assert_eq!(asked(&d).1, "This conversation is not kept.");
    d.key("esc");
    d.key("ctrl-n");
    assert_eq!(asked(&d), ("Start a new conversation?".into(), "This conversation is not kept.".into()));
    d.key("enter");
    assert!(d.app.chat.conversation.is_empty());
}

#[test]
fn a_conversation_that_was_removed_elsewhere_is_kept_anew_as_a_whole() {
    let mut d = ready();
    d.say("one");
    d.delta(1, "It is");
    d.finish(1, FinishReason::Stop);
    d.app.saved.listed.pinned = true;
    d.say("two");
    d.delta(2, "And");
    d.type_text("half");
    let (here, _) = kept(&mut d).remove(0);
    d.send(Msg::Store(StoreEvent::Lost { id: here }));
    let (another, changes) = kept(&mut d).remove(0);
    assert_ne!(another, here);
    assert_eq!(
        changes,
        [
            "message \"one\"",
            "message \"It is\"",
            "message \"two\"",
            "answer \"And\"",
            "place",
            "setup",
            "draft \"half\"",
            "Pinned(true)"
        ]
    );
    assert!(d.app.toasts.iter().any(|toast| toast.text.contains("removed this conversation")));
    // Said of what was on its way there as well.
    d.send(Msg::Store(StoreEvent::Lost { id: here }));
    assert_eq!(kept(&mut d), []);
    d.delta(2, " more");
    d.send(Msg::Timer(TimerId::Keep));
    assert_eq!(kept(&mut d), [(another, vec!["more \" more\"".to_owned()])]);
}

#[test]
fn a_conversation_that_was_removed_elsewhere_as_it_was_left_is_kept_anew_as_well() {
    let removed = |d: &mut Driver, id| {
        d.send(Msg::Store(StoreEvent::Lost { id }));
        kept(d)
    };
    let mut d = ready();
    d.say("Why is the sky blue?");
    d.delta(1, "It");
    d.say("waits");
    d.type_text("half");
    let (left, _) = kept(&mut d).remove(0);
    d.key("f8");
    let other = ids(1)[0];
    list(&mut d, vec![summary(other, "Other")]);
    d.key("enter");
    d.key("enter");
    d.stored.retain(|command| matches!(command, StoreCmd::Open { .. }));
    open(&mut d, opened(other, &["q", "a"], "theirs"));
    kept(&mut d);
    assert_eq!(removed(&mut d, ids(2)[1]), [], "nobody knows it");
    let (another, changes) = removed(&mut d, left).remove(0);
    assert!(![left, other].contains(&another));
    let draft = "draft \"waits\\nhalf\"";
    assert_eq!(changes, ["message \"Why is the sky blue?\"", "message \"It\"", "place", "setup", draft]);
    let said = d.app.toasts.back().expect("it is told");
    assert_eq!(
        (&*said.text, said.hint.as_deref()),
        ("Another hobnob has removed “Why is the sky blue?”", Some("it is kept anew"))
    );
    assert_eq!(removed(&mut d, left), [], "once");
    assert_eq!((d.app.saved.id, &*d.app.chat.composer.area.full()), (other, "theirs"));

    // What is being written goes along to a new conversation, and what was said stays.
    d.key("ctrl-n");
    kept(&mut d);
    let (_, changes) = removed(&mut d, other).remove(0);
    let title = "Title(Some(\"A title\"))";
    assert_eq!(changes, ["message \"q\"", "message \"a\"", "place", "setup", title]);
    assert_eq!(d.app.chat.composer.area.full(), "theirs");
}

#[test]
fn what_waits_stays_with_its_conversation() {
    let mut d = ready();
    d.say("one");
    d.say("waits");
    d.type_text("half");
    let (here, _) = kept(&mut d).remove(0);
    d.key("f8");
    let other = ids(1)[0];
    list(&mut d, vec![summary(other, "Other")]);
    d.key("enter");
    assert!(!d.stored.iter().any(|command| matches!(command, StoreCmd::Open { .. })), "an answer is being made");
    d.key("enter");
    d.stored.retain(|command| matches!(command, StoreCmd::Open { .. }));
    open(&mut d, opened(other, &["q", "a"], ""));
    let all = kept(&mut d);
    assert_eq!(all.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [here]);
    assert!(d.app.chat.queue.is_empty() && d.app.chat.composer.area.is_empty());
    d.send(Msg::Timer(TimerId::Draft));
    assert_eq!(kept(&mut d), []);
}

#[test]
fn an_answer_that_there_was_no_room_for_is_not_waited_for() {
    let mut d = ready();
    d.say("too long");
    let error = UserError::new(ErrorKind::ContextFull, "no room");
    d.engine(EngineEvent::Failed { id: GenId(1), error });
    let timer = Msg::Timer(TimerId::Keep);
    let effects = d.app.update(timer, d.now);
    assert!(!effects.iter().any(|e| matches!(e, Effect::SetTimer { id: TimerId::Keep, .. })), "{effects:?}");
    // What was asked waits in the question that is on the screen.
    d.send(Msg::End);
    assert!(kept(&mut d).iter().any(|(_, changes)| changes.contains(&"draft \"too long\"".to_owned())));
}
