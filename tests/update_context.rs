//! The context as a person meets it: counted while typing, a question where it is too small, an answer that goes on.

mod support;

use std::time::Duration;

use hobnob::app::chat::{SUMMARISE, Wish};
use hobnob::app::msg::{Effect, Msg, TermEvent, TimerId};
use hobnob::app::room::{Choice, Room};
use hobnob::app::{EngineStatus, Overlay};
use hobnob::config::Value;
use hobnob::domain::conversation::{Cut, LeftOut, MessageState};
use hobnob::domain::hub::Local;
use hobnob::domain::model::ModelInfo;
use hobnob::domain::stats::{GenStats, Usage};
use hobnob::domain::{
    Beginning, CountId, EngineCmd, EngineEvent, FinishReason, GenId, GenRequest, HubEvent, LoadId, MsgId, Role,
};
use hobnob::error::{ErrorKind, UserError};
use support::app::{Driver, TEMPLATE, info, machine, starter};

/// With a model whose context has room for so many tokens, of 8,192.
fn with_context(context: u32) -> Driver {
    let mut d = Driver::new();
    d.begin();
    d.hub(HubEvent::Local(Local { models: vec![starter()], ..Local::default() }));
    d.send(Msg::Machine(machine()));
    d.key("enter");
    d.engine(EngineEvent::Loaded { id: LoadId(1), info: Box::new(ModelInfo { context, ..info() }) });
    d.count();
    d
}

/// A text of so many words, which are tokens here.
fn words(n: usize) -> String {
    vec!["word"; n].join(" ")
}

fn history(d: &Driver) -> u32 {
    d.app.chat.history_tokens(&d.app.settings.chat.system_prompt)
}

fn next_prompt(d: &Driver) -> u32 {
    d.app.chat.next_prompt(&d.app.settings.chat.system_prompt)
}

fn end(d: &mut Driver, id: u64, reason: FinishReason, prompt: u32, completion: u32) -> Vec<Effect> {
    let usage = Usage { prompt_tokens: prompt, cached_tokens: None, completion_tokens: completion };
    let stats = GenStats {
        first_token: Some(Duration::from_millis(500)),
        decode: Duration::from_secs(1),
        total: Duration::from_millis(1500),
    };
    d.engine(EngineEvent::Finished { id: GenId(id), reason, usage, stats, satisfied: None })
}

/// A turn of so many words on each side, which the engine counts as the template says.
fn turn(d: &mut Driver, n: usize) {
    let id = d.app.chat.conversation.len() as u64 / 2 + 1;
    let before = history(d);
    d.send(Msg::Term(TermEvent::Paste(words(n))));
    d.count();
    assert!(asked(&d.key("enter")).is_some(), "turn {id}");
    d.delta(id, &words(n));
    let n = u32::try_from(n).expect("few");
    let prompt = if id == 1 { TEMPLATE.question + n } else { before + n + TEMPLATE.message() };
    end(d, id, FinishReason::Stop, prompt, n);
    d.count();
}

fn asked(effects: &[Effect]) -> Option<&GenRequest> {
    effects.iter().find_map(|effect| match effect {
        Effect::Engine(EngineCmd::Generate { req, .. }) => Some(req),
        _ => None,
    })
}

fn sent(effects: &[Effect]) -> Vec<&str> {
    asked(effects).expect("something is asked").messages.iter().map(|m| m.content.as_str()).collect()
}

fn room(d: &Driver) -> &Room {
    match &d.app.overlay {
        Some(Overlay::Room(room)) => room,
        other => panic!("no question: {other:?}"),
    }
}

/// Chooses in the question.
fn choose(d: &mut Driver, wanted: impl Fn(&Choice) -> bool) -> Vec<Effect> {
    let at = room(d).choices.iter().position(wanted).expect("it is offered");
    for _ in 0..at {
        d.key("down");
    }
    d.key("enter")
}

fn refuse(d: &mut Driver, id: u64, tokens: u32, context: u32) -> Vec<Effect> {
    d.engine(EngineEvent::Started { id: GenId(id), prompt_tokens: tokens, cached_tokens: None, context });
    let error = UserError::new(ErrorKind::ContextFull, "no room");
    d.engine(EngineEvent::Failed { id: GenId(id), error })
}

#[test]
fn what_is_typed_is_counted_in_a_moment_and_once() {
    let mut d = with_context(4096);
    let typed = d.app.update(Msg::Term(TermEvent::Paste("one two three".into())), d.now);
    let timer = Effect::SetTimer { id: TimerId::Count, after: Duration::from_millis(200) };
    assert_eq!(typed, std::slice::from_ref(&timer));
    assert_eq!(d.app.update(Msg::Term(TermEvent::Paste(" four".into())), d.now), [], "the moment is running");
    let wish = d.app.update(Msg::Timer(TimerId::Count), d.now);
    let id = CountId(2);
    assert_eq!(wish, [Effect::Engine(EngineCmd::Count { id, texts: vec!["one two three four".into()] })]);
    // Until the answer is there, nothing new is asked, and then only what has changed.
    assert_eq!(d.app.update(Msg::Term(TermEvent::Paste(" five".into())), d.now), []);
    let counted = |id, tokens| Msg::Engine(EngineEvent::Counted { id, tokens: vec![tokens], template: TEMPLATE });
    assert_eq!(d.app.update(counted(CountId(1), 77), d.now), [], "an answer to an older question is none");
    assert_eq!(d.app.update(counted(id, 4), d.now), [timer]);
    assert_eq!(next_prompt(&d), 31 + 4 + 5);
    let wish = d.app.update(Msg::Timer(TimerId::Count), d.now);
    let texts = vec!["one two three four five".to_owned()];
    assert_eq!(wish, [Effect::Engine(EngineCmd::Count { id: CountId(3), texts })]);
    assert_eq!(d.app.update(counted(CountId(3), 5), d.now), []);
    assert_eq!(next_prompt(&d), 31 + 5 + 5);
    // Nothing changes, nothing is asked; a command is no message.
    assert_eq!(d.app.update(Msg::Term(TermEvent::Focus(true)), d.now), []);
    d.key("ctrl-c");
    d.type_text("/help");
    assert_eq!(d.count(), Vec::<String>::new());
    assert_eq!(next_prompt(&d), 0);
}

#[test]
fn five_thousand_lines_are_one_question_and_counted_during_an_answer_too() {
    let mut d = with_context(4096);
    d.say("hi");
    d.send(Msg::Term(TermEvent::Paste("a line of text\n".repeat(5000))));
    assert_eq!(d.count().len(), 2, "the message that was sent, and the draft");
    assert!(d.app.chat.is_busy());
    assert_eq!(d.app.chat.draft_alone(), 20_000 + TEMPLATE.message());
    assert!(d.screen(80, 24).contains("too long: 20,005 tokens, and the context has 4,096"));
}

#[test]
fn an_engine_that_goes_is_asked_again_when_it_is_back() {
    let mut d = with_context(4096);
    d.send(Msg::Term(TermEvent::Paste("one two".into())));
    assert!(matches!(d.send(Msg::Timer(TimerId::Count))[..], [Effect::Engine(EngineCmd::Count { .. })]));
    d.engine(EngineEvent::Unloaded { forgotten: false });
    assert_eq!(d.send(Msg::Timer(TimerId::Count)), [], "nobody is there to count");
    d.engine(EngineEvent::Progress { id: LoadId(1), stage: hobnob::domain::LoadStage::Weights });
    d.engine(EngineEvent::Loaded { id: LoadId(1), info: Box::new(info()) });
    assert_eq!(d.count(), ["one two"]);
}

#[test]
fn the_oldest_turns_make_room_and_that_is_seen_and_undone() {
    let mut d = with_context(512);
    for _ in 0..3 {
        turn(&mut d, 70);
    }
    let before = history(&d);
    assert_eq!(before, 31 + 6 * 70 + 2 * 5);
    d.send(Msg::Term(TermEvent::Paste(words(60))));
    d.count();
    assert_eq!(next_prompt(&d), before + 65);
    assert_eq!(d.key("enter"), [], "it is asked, not sent");
    assert_eq!(d.app.chat.conversation.len(), 6, "nothing is added before");
    let (needed, cut) = (before + 65, Cut { from: MsgId(2), messages: 2 });
    assert_eq!((room(&d).needed, room(&d).context), (needed, 512));
    assert_eq!(room(&d).choices[0], Choice::LeaveOut { cut, tokens: needed - 2 * 75 });

    let effects = choose(&mut d, |choice| matches!(choice, Choice::LeaveOut { .. }));
    assert_eq!(sent(&effects).len(), 5);
    assert_eq!(d.app.chat.conversation.left_out(), Some(LeftOut { messages: 2, not_summarised: None }));
    d.delta(4, "yes");
    end(&mut d, 4, FinishReason::Stop, 376, 1);
    d.key("ctrl-home");
    let mut seen = String::new();
    for _ in 0..30 {
        seen.push_str(&d.screen(80, 24));
        d.key("shift-down");
    }
    assert!(seen.contains("2 earlier messages are not sent"), "{seen}");
    // The next message goes without them, too, until they are wanted back.
    let effects = d.say("and");
    assert_eq!(sent(&effects).len(), 7);
    d.delta(5, "yes");
    end(&mut d, 5, FinishReason::Stop, 383, 1);
    d.say("/send-all");
    assert_eq!(d.app.chat.conversation.left_out(), None);
}

#[test]
fn who_cancels_has_the_text_back() {
    let mut d = with_context(512);
    turn(&mut d, 200);
    d.send(Msg::Term(TermEvent::Paste(words(90))));
    d.count();
    d.key("enter");
    assert!(matches!(room(&d).wish, Wish::Say(_)));
    assert_eq!(d.key("esc"), []);
    assert_eq!(d.app.chat.composer.area.text(), words(90));
    assert_eq!((d.app.chat.conversation.len(), d.app.chat.queue.len(), d.app.chat.held), (2, 0, false));
    // The last choice says the same.
    d.key("enter");
    choose(&mut d, |choice| *choice == Choice::Cancel);
    assert_eq!(d.app.chat.composer.area.text(), words(90));
}

#[test]
fn more_context_is_loaded_and_the_message_goes_out_with_it() {
    let mut d = with_context(512);
    turn(&mut d, 200);
    d.send(Msg::Term(TermEvent::Paste(words(90))));
    d.count();
    d.key("enter");
    let effects = choose(&mut d, |choice| matches!(choice, Choice::Raise { context: 2048 }));
    let load = effects.iter().find_map(|effect| match effect {
        Effect::Engine(EngineCmd::Load { id, spec }) => Some((*id, spec.settings.context)),
        _ => None,
    });
    assert_eq!(load, Some((LoadId(2), 2048)));
    assert_eq!(d.waiting(), [words(90)]);
    assert!(d.app.settings_pane.unsaved.contains(&("engine.context", Some(Value::Int(2048)))), "it is a setting");
    let said = d.app.toasts.back().expect("a word about it");
    assert_eq!(said.text, "The context is 2,048 tokens from now on");
    assert_eq!(said.hint.as_deref(), Some("F4 changes it back, in all conversations"));
    let larger = ModelInfo { context: 2048, ..info() };
    let effects = d.engine(EngineEvent::Loaded { id: LoadId(2), info: Box::new(larger) });
    assert_eq!(sent(&effects).len(), 3);
    assert!(d.app.chat.queue.is_empty());
}

#[test]
fn the_conversation_goes_on_from_a_summary() {
    let mut d = with_context(512);
    turn(&mut d, 100);
    turn(&mut d, 90);
    d.send(Msg::Term(TermEvent::Paste(words(80))));
    d.count();
    d.key("enter");
    let effects = choose(&mut d, |choice| matches!(choice, Choice::Summarise { .. }));
    let req = asked(&effects).expect("a summary is asked for");
    assert_eq!(req.messages.last().map(|m| m.content.as_str()), Some(SUMMARISE));
    // As much as there is room for: the first turn has none.
    assert_eq!((req.messages.len(), req.max_tokens), (3, Some(128)));
    d.delta(3, "They spoke of words.");
    let effects = end(&mut d, 3, FinishReason::Stop, 300, 20);
    assert_eq!(sent(&effects), [SUMMARISE, "They spoke of words.", words(80).as_str()]);
    assert_eq!(d.app.chat.conversation.left_out(), Some(LeftOut { messages: 4, not_summarised: Some(2) }));
    assert!(d.screen(120, 40).contains("4 earlier messages are sent as a summary only, which leaves out the oldest 2"));
}

#[test]
fn without_a_summary_everything_is_as_it_was() {
    let error = UserError::new(ErrorKind::Generation, "it did not work");
    for failed in [true, false] {
        let mut d = with_context(512);
        turn(&mut d, 140);
        d.send(Msg::Term(TermEvent::Paste(words(170))));
        d.count();
        d.key("enter");
        choose(&mut d, |choice| matches!(choice, Choice::Summarise { .. }));
        d.delta(2, "They");
        let effects = if failed {
            d.engine(EngineEvent::Failed { id: GenId(2), error: error.clone() })
        } else {
            end(&mut d, 2, FinishReason::Cancelled, 300, 1)
        };
        assert!(asked(&effects).is_none());
        assert_eq!((d.app.chat.conversation.len(), d.app.chat.conversation.left_out()), (2, None));
        assert_eq!(d.app.chat.conversation.said(), 2, "nobody finds the summary that was not made");
        assert_eq!(d.app.chat.composer.area.text(), words(170));
    }
}

#[test]
fn a_text_that_is_too_long_by_itself_has_no_old_turns_to_blame() {
    let mut d = with_context(512);
    turn(&mut d, 50);
    d.send(Msg::Term(TermEvent::Paste(words(600))));
    d.count();
    d.key("enter");
    assert_eq!(room(&d).choices, [Choice::Raise { context: 2048 }, Choice::Cancel]);
    let mut d = with_context(512);
    d.send(Msg::Term(TermEvent::Paste(words(9000))));
    d.count();
    d.key("enter");
    assert_eq!(room(&d).choices, [Choice::Cancel], "the model has 8,192");
}

#[test]
fn the_engine_has_the_last_word_and_nothing_is_lost() {
    let mut d = with_context(512);
    turn(&mut d, 100);
    // Sent before it was counted.
    d.send(Msg::Term(TermEvent::Paste(words(400))));
    assert!(asked(&d.key("enter")).is_some());
    assert_eq!(refuse(&mut d, 2, 640, 512), []);
    assert_eq!((room(&d).needed, d.app.chat.conversation.len()), (640, 2));
    assert!(d.app.chat.conversation.branch().all(|m| m.state == MessageState::Whole));
    d.key("esc");
    assert_eq!(d.app.chat.composer.area.text(), words(400));
    // It is as if it had never been asked.
    assert_eq!((d.app.chat.conversation.said(), d.app.chat.conversation.versions().len()), (2, 0));
    // In the background it is told beside, and the message waits.
    d.key("enter");
    d.key("ctrl-p");
    refuse(&mut d, 3, 640, 512);
    assert!(matches!(d.app.overlay, Some(Overlay::Palette(_))));
    assert_eq!((d.app.chat.queue.len(), d.app.chat.held, d.app.toasts.len()), (1, true, 1));
    d.key("esc");
    d.count();
    d.key("enter");
    assert_eq!(room(&d).wish, Wish::Say(words(400).into()));
}

#[test]
fn another_answer_that_was_refused_is_no_version() {
    let mut d = with_context(512);
    turn(&mut d, 100);
    d.key("alt-r");
    refuse(&mut d, 2, 640, 512);
    assert_eq!(room(&d).wish, Wish::Again);
    d.key("esc");
    let conversation = &d.app.chat.conversation;
    assert_eq!((conversation.len(), conversation.said(), conversation.versions().len()), (2, 2, 0));
}

#[test]
fn a_message_written_again_that_was_refused_leaves_the_version_that_was_shown() {
    let mut d = with_context(512);
    turn(&mut d, 100);
    for id in [2, 3] {
        d.key("alt-r");
        d.delta(id, "another");
        end(&mut d, id, FinishReason::Stop, 110, 10);
    }
    d.key("shift-left");
    d.key("shift-left");
    let shown = d.app.chat.conversation.head().map(|newest| newest.id);
    assert!(shown < d.app.chat.conversation.branches().iter().map(|branch| Some(branch.head)).max().expect("several"));
    // Whether it is known to be too long or the engine says so.
    for counted in [true, false] {
        d.key("alt-e");
        d.send(Msg::Term(TermEvent::Paste(words(9000))));
        if counted {
            d.count();
            d.key("enter");
        } else {
            d.key("enter");
            refuse(&mut d, 4, 9000, 512);
        }
        assert!(matches!(d.app.overlay, Some(Overlay::Room(_))));
        d.key("esc");
        d.key("esc");
        assert_eq!(d.app.chat.conversation.head().map(|newest| newest.id), shown, "{counted}");
    }
}

#[test]
fn what_the_engine_refuses_by_itself_asks_nobody() {
    let mut d = with_context(512);
    turn(&mut d, 100);
    d.say("short");
    // Not counted yet when its turn comes.
    d.send(Msg::Term(TermEvent::Paste(words(400))));
    d.key("enter");
    d.delta(2, &words(10));
    assert!(asked(&end(&mut d, 2, FinishReason::Stop, 242, 10)).is_some());
    refuse(&mut d, 3, 640, 512);
    assert!(d.app.overlay.is_none(), "a key that is on its way must not answer a question");
    assert_eq!((d.waiting(), d.app.chat.held), (vec![words(400).as_str()], true));
}

#[test]
fn a_message_waits_on_where_the_model_went_while_somebody_was_asked() {
    for summarises in [false, true] {
        let mut d = with_context(512);
        turn(&mut d, 140);
        d.send(Msg::Term(TermEvent::Paste(words(170))));
        d.count();
        d.key("enter");
        d.engine(EngineEvent::Unloaded { forgotten: true });
        let wanted = |choice: &Choice| match choice {
            Choice::LeaveOut { .. } => !summarises,
            Choice::Summarise { .. } => summarises,
            _ => false,
        };
        assert_eq!(choose(&mut d, wanted), []);
        assert_eq!(d.waiting(), [words(170)]);
    }
}

#[test]
fn what_waits_asks_only_when_somebody_looks() {
    let mut d = with_context(512);
    turn(&mut d, 100);
    d.say("short");
    d.send(Msg::Term(TermEvent::Paste(words(200))));
    d.count();
    d.key("enter");
    assert_eq!(d.app.chat.queue.len(), 1);
    d.delta(2, &words(100));
    end(&mut d, 2, FinishReason::Stop, 242, 100);
    assert!(d.app.overlay.is_none(), "a key that is on its way must not answer a question");
    assert!(d.app.chat.held && d.app.toasts.len() == 1);
    d.key("enter");
    assert_eq!(room(&d).wish, Wish::Say(words(200).into()));
}

#[test]
fn a_cut_answer_goes_on_in_the_same_message() {
    let mut d = with_context(4096);
    d.say("tell me");
    d.delta(1, "Once upon");
    end(&mut d, 1, FinishReason::Length, 40, 2);
    assert!(d.screen(80, 24).contains("stopped at the token limit"));
    let effects = d.key("ctrl-s");
    let req = asked(&effects).expect("it goes on");
    assert_eq!(req.begun.as_deref(), Some(&Beginning { reasoning: String::new(), text: "Once upon".into() }));
    assert_eq!(req.messages.iter().map(|m| m.role).collect::<Vec<_>>(), [Role::User]);
    d.delta(2, " a time");
    end(&mut d, 2, FinishReason::Stop, 42, 2);
    let answer = d.app.chat.conversation.head().expect("an answer");
    assert_eq!((answer.content.as_str(), d.app.chat.conversation.len()), ("Once upon a time", 2));
    let outcome = answer.outcome.expect("it ended");
    assert_eq!(
        (outcome.reason, outcome.usage.completion_tokens, outcome.usage.prompt_tokens),
        (FinishReason::Stop, 4, 40)
    );
    // It is whole now.
    assert!(asked(&d.key("ctrl-s")).is_none());
    // One that was stopped goes on, too; one that nothing came of can only be made again.
    d.say("more");
    end(&mut d, 3, FinishReason::Cancelled, 50, 0);
    d.say("/continue");
    assert!(!d.app.chat.is_busy());
}

#[test]
fn an_answer_that_filled_the_context_goes_on_with_less_before_it() {
    let mut d = with_context(512);
    turn(&mut d, 90);
    d.say("on");
    d.delta(2, &words(280));
    end(&mut d, 2, FinishReason::Context, 222, 290);
    d.count();
    assert!(asked(&d.key("ctrl-s")).is_none());
    assert_eq!((&room(&d).wish, room(&d).needed), (&Wish::GoOn, 512));
    let effects = choose(&mut d, |choice| matches!(choice, Choice::LeaveOut { .. }));
    assert_eq!(sent(&effects), ["on"]);
    assert!(asked(&effects).is_some_and(|req| req.begun.is_some()));
    // Where the engine refuses even that, the answer is what it was.
    refuse(&mut d, 3, 600, 512);
    assert_eq!(room(&d).wish, Wish::GoOn);
    let answer = d.app.chat.conversation.head().expect("an answer");
    assert_eq!((&answer.state, answer.outcome.map(|o| o.reason)), (&MessageState::Whole, Some(FinishReason::Context)));
}

#[test]
fn an_idle_model_goes_to_sleep_and_wakes_with_the_next_message() {
    let mut d = Driver::with(
        vec![("engine.unload_after", Value::Int(30), "")],
        hobnob::config::theme::Capabilities { depth: hobnob::config::theme::ColourDepth::True, unicode: true },
    );
    let idle = Effect::SetTimer { id: TimerId::Idle, after: Duration::from_secs(30 * 60) };
    d.begin();
    d.hub(HubEvent::Local(Local { models: vec![starter()], ..Local::default() }));
    d.key("enter");
    let loaded = EngineEvent::Loaded { id: LoadId(1), info: Box::new(info()) };
    assert_eq!(d.engine(loaded.clone()), std::slice::from_ref(&idle));
    d.say("hi");
    // Not over an answer; its end begins the time anew.
    assert_eq!(d.send(Msg::Timer(TimerId::Idle)), []);
    d.delta(1, "ho");
    assert_eq!(end(&mut d, 1, FinishReason::Stop, 36, 1), [idle]);
    assert_eq!(d.send(Msg::Timer(TimerId::Idle)), [Effect::Engine(EngineCmd::Sleep)]);
    d.engine(EngineEvent::Unloaded { forgotten: false });
    assert!(matches!(d.app.engine, EngineStatus::Asleep(_)));
    assert!(d.screen(80, 24).contains("asleep"));
    assert_eq!(sent(&d.say("again")), ["hi", "ho", "again"]);
    // It is off by default.
    let mut d = Driver::new();
    d.ready();
    assert_eq!(d.send(Msg::Timer(TimerId::Idle)), []);
}

#[test]
fn a_load_under_way_is_cancelled_from_the_chat() {
    let mut d = Driver::new();
    d.begin();
    d.hub(HubEvent::Local(Local { models: vec![starter()], ..Local::default() }));
    d.say("early");
    assert!(matches!(d.app.engine, EngineStatus::Loading { .. }));
    let effects = d.key("esc");
    assert_eq!(effects[0], Effect::Engine(EngineCmd::Unload));
    assert!(matches!(d.app.engine, EngineStatus::Empty));
    assert!(d.app.toasts.back().is_some_and(|toast| toast.text == "Loading SmolLM2 135M Instruct was cancelled"));
    assert_eq!(d.waiting(), ["early"], "what was written waits on");
    // What comes of it late changes nothing.
    d.engine(EngineEvent::Loaded { id: LoadId(1), info: Box::new(info()) });
    assert!(matches!(d.app.engine, EngineStatus::Empty));
}

#[test]
fn a_long_prompt_is_read_with_an_estimate_from_what_was_measured() {
    let mut d = with_context(8192);
    d.say("first");
    d.engine(EngineEvent::Started { id: GenId(1), prompt_tokens: 1000, cached_tokens: None, context: 8192 });
    d.pass(Duration::from_secs(5));
    assert!(
        d.screen(100, 30).contains("reading the prompt \u{b7} 1,000 tokens \u{b7} 5.00 s"),
        "{}",
        d.screen(100, 30)
    );
    d.delta(1, "a");
    let usage = Usage { prompt_tokens: 1000, cached_tokens: None, completion_tokens: 1 };
    let stats = GenStats { first_token: Some(Duration::from_secs(20)), ..GenStats::default() };
    d.engine(EngineEvent::Finished { id: GenId(1), reason: FinishReason::Stop, usage, stats, satisfied: None });
    d.say("second");
    d.engine(EngineEvent::Started { id: GenId(2), prompt_tokens: 4013, cached_tokens: Some(1001), context: 8192 });
    d.pass(Duration::from_secs(12));
    // What the engine has read before does not count.
    let screen = d.screen(100, 30);
    assert!(screen.contains("reading the prompt \u{b7} 3,012 tokens \u{b7} 12 s of about 1 min 00 s"), "{screen}");
    d.pass(Duration::from_secs(60));
    let screen = d.screen(100, 30);
    assert!(screen.contains("3,012 tokens \u{b7} 1 min 12 s") && !screen.contains("of about"), "{screen}");
}
