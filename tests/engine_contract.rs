//! What every engine does, whatever computes in it: the same tests over the scripted and the real one, both through the
//! real process. The tests take turns: they look at this process's children and at the clock.

mod support;

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hobnob::domain::fit;
use hobnob::domain::model::{Format, ModelSpec};
use hobnob::domain::stats::Usage;
use hobnob::domain::{
    Beginning, ChatMessage, Constraint, EngineCmd, EngineEvent, FinishReason, GenId, GenRequest, LoadStage, PieceKind,
    Role,
};
use hobnob::engine::host;
use hobnob::engine::protocol::{self, FromEngine};
use hobnob::error::ErrorKind;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use support::engine::{Answer, Engine, PATIENCE, ask, context, spec};
use sysinfo::{ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};
use tokio::sync::{Mutex, MutexGuard};

/// Long enough for a scheduler, too short for any work.
const AT_ONCE: Duration = Duration::from_millis(200);

static TURN: Mutex<()> = Mutex::const_new(());

/// A model that the contract is held against.
struct Subject {
    spec: ModelSpec,
    /// Keeps the script.
    _folder: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// Answers like a model as far as the contract goes: long ones, slow ones, and a prompt that takes its time.
const SCRIPT: &str = r#"
context = 8192
load_ms = 50
[[reply]]
when = "novel"
count_ms = 300
prefill_ms = 60000
text = "never"
[[reply]]
when = "Count"
tokens_per_second = 100.0
prefill_ms = 20
text = """1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 \
41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79 80 \
81 82 83 84 85 86 87 88 89 90 91 92 93 94 95 96 97 98 99 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114"""
"#;

impl Subject {
    async fn script(text: &str) -> Self {
        let turn = take_turn().await;
        let folder = tempfile::tempdir().expect("a folder");
        let location = folder.path().join("script.toml");
        std::fs::write(&location, text).expect("writes the script");
        let spec = spec("script", location, Format::Script);
        Self { spec, _folder: folder, _turn: turn }
    }

    async fn scripted() -> Self {
        Self::script(SCRIPT).await
    }

    async fn real() -> Self {
        let turn = take_turn().await;
        let folder = tempfile::tempdir().expect("a folder");
        Self { spec: spec("starter", support::models::starter(), Format::Gguf), _folder: folder, _turn: turn }
    }
}

/// Waits for the other tests, and until nothing is left of the last one: its runtime is gone, and with it who would have
/// waited for its process.
async fn take_turn() -> MutexGuard<'static, ()> {
    let turn = TURN.lock().await;
    soon(PATIENCE, "the last test's process is gone", || {
        for pid in children() {
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        }
        children().is_empty()
    })
    .await;
    turn
}

/// For who wants to see how fast it is (`--nocapture`).
fn figure(subject: &Subject, text: &str) {
    let _ = writeln!(std::io::stderr(), "{}: {text}", subject.spec.name);
}

/// A long answer.
fn count() -> GenRequest {
    ask("Tell me a long story about a lighthouse keeper. Count his cats.")
}

/// About 3,000 tokens, or what the script takes for them.
fn long_prompt() -> GenRequest {
    ask(&format!(
        "Here is a novel. {}What is it about?",
        "The grey cat sat on the mat and looked at the rain. ".repeat(230)
    ))
}

/// Engine processes that this one has, dead ones that nobody has waited for included.
fn children_of(parent: u32) -> Vec<Pid> {
    let mut system = System::new();
    let what = ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always).without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
    let engines = system.processes().values().filter(|process| {
        process.parent() == Some(sysinfo::Pid::from_u32(parent))
            && (process.status() == ProcessStatus::Zombie || process.cmd().iter().any(|arg| arg == host::ARGUMENT))
    });
    engines.filter_map(|process| Pid::from_raw(i32::try_from(process.pid().as_u32()).ok()?)).collect()
}

fn children() -> Vec<Pid> {
    children_of(std::process::id())
}

fn the_child() -> Pid {
    match children().as_slice() {
        [one] => *one,
        other => panic!("not one child: {other:?}"),
    }
}

fn kill_the_child() {
    kill_process(the_child(), Signal::KILL).expect("kills");
}

/// One whose parent is gone waits for whoever inherits it; that is not running.
fn is_running(pid: Pid) -> bool {
    let pid = sysinfo::Pid::from_u32(pid.as_raw_pid().unsigned_abs());
    let mut system = System::new();
    let what = ProcessRefreshKind::nothing().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
    system.process(pid).is_some_and(|process| !matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead))
}

fn resident(pid: u32) -> u64 {
    let pid = sysinfo::Pid::from_u32(pid);
    let mut system = System::new();
    let what = ProcessRefreshKind::nothing().with_memory().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
    system.process(pid).map_or(0, sysinfo::Process::memory)
}

/// Waits for something that no event tells.
async fn soon(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < end, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

macro_rules! contract {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        mod scripted {
            $(#[tokio::test] async fn $name() { super::$name(super::Subject::scripted().await).await; })+
        }
        mod real {
            $(#[tokio::test] async fn $name() { super::$name(super::Subject::real().await).await; })+
        }
    };
}

contract! {
    loading_goes_through_its_stages,
    an_answer_streams_with_its_numbers,
    greedy_is_the_same_twice,
    stop_strings_are_cut_exactly,
    max_tokens_is_kept,
    the_context_ends_an_answer_or_refuses_it,
    a_cancel_in_decode_is_quick_and_keeps_the_model,
    a_cancel_before_the_prefill_spares_it,
    a_cancel_in_prefill_is_quick,
    unloading_gives_everything_back,
    a_kill_in_decode_is_survived,
    a_kill_in_prefill_is_survived,
    a_kill_in_load_is_survived,
    a_second_message_is_refused_while_one_is_answered,
    a_loaded_model_is_not_loaded_again,
    a_cut_answer_goes_on_without_a_seam,
    texts_are_counted_as_the_prompt_counts_them,
    counting_does_not_wait_for_an_answer,
    a_model_that_sleeps_wakes_for_the_next_message,
}

async fn loading_goes_through_its_stages(subject: Subject) {
    let mut engine = Engine::start();
    let wanted = engine.begin_load(&subject.spec);
    let mut stages = Vec::new();
    let info = engine
        .until(|event| match event {
            EngineEvent::Progress { id, stage } => {
                assert_eq!(id, wanted);
                stages.push(stage);
                None
            }
            EngineEvent::Loaded { id, info } => {
                assert_eq!(id, wanted);
                Some(info)
            }
            EngineEvent::LoadFailed { error, .. } => panic!("{error}"),
            _ => None,
        })
        .await;
    assert_eq!(stages, [LoadStage::Starting, LoadStage::Checking, LoadStage::Weights, LoadStage::WarmUp]);
    assert_eq!((info.context, info.device.as_str()), (4096, "CPU"));
    assert!(info.load_time > Duration::ZERO);
    let memory =
        engine.until(|event| if let EngineEvent::Memory { bytes, .. } = event { Some(bytes) } else { None }).await;
    assert!(memory > 1 << 20, "{memory}");
    engine.handle.shutdown().await;
    assert_eq!(children(), []);
}

async fn an_answer_streams_with_its_numbers(subject: Subject) {
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let answer = engine.answer(count()).await.expect("answers");
    assert!(answer.text.split_whitespace().count() > 10, "{answer:?}");
    assert!(answer.prompt_tokens > 0, "the start is told before the first piece");
    assert_eq!(answer.usage.prompt_tokens, answer.prompt_tokens);
    assert_eq!(answer.usage.completion_tokens, answer.delta_tokens);
    let first = answer.stats.first_token.expect("there were tokens");
    assert!(first > Duration::ZERO && first + answer.stats.decode <= answer.stats.total, "{answer:?}");
    let (prefill, decode) = (answer.stats.prefill_rate(&answer.usage), answer.stats.decode_rate(&answer.usage));
    assert!(prefill.is_some_and(|r| r > 1.0) && decode.is_some_and(|r| r > 1.0), "{answer:?}");
    figure(&subject, &format!("first token {first:?}, prefill {prefill:.0?} tok/s, decode {decode:.1?} tok/s"));
}

async fn greedy_is_the_same_twice(subject: Subject) {
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let first = engine.answer(count()).await.expect("answers");
    let second = engine.answer(count()).await.expect("answers");
    assert_eq!(first.text, second.text);
    assert_eq!(first.usage.completion_tokens, second.usage.completion_tokens);
}

async fn stop_strings_are_cut_exactly(subject: Subject) {
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let whole = engine.answer(count()).await.expect("answers").text;
    let chars: Vec<char> = whole.chars().collect();
    // Within a token, over several, and from the middle of one into another.
    for (from, to) in [(30, 31), (20, 35), (43, 52)] {
        let stop: String = chars[from..to].iter().collect();
        let stop = stop.as_str();
        let at = whole.find(stop).expect("taken from it");
        let req = GenRequest { stop: vec!["never this".into(), stop.into()], ..count() };
        let answer = engine.answer(req).await.expect("answers");
        assert_eq!(answer.text, whole[..at], "{stop:?}");
        assert_eq!(answer.reason, FinishReason::Stop);
        assert!(answer.usage.completion_tokens < 48, "{answer:?}");
    }
    let after = engine.answer(count()).await.expect("answers");
    assert_eq!((after.text, after.reloads), (whole, 0), "stopping leaves nothing behind");
}

async fn max_tokens_is_kept(subject: Subject) {
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let answer = engine.answer(GenRequest { max_tokens: Some(7), ..count() }).await.expect("answers");
    assert_eq!((answer.reason, answer.usage.completion_tokens), (FinishReason::Length, 7));
}

async fn the_context_ends_an_answer_or_refuses_it(subject: Subject) {
    let small = ModelSpec { settings: context(96), ..subject.spec.clone() };
    let (mut engine, info) = Engine::loaded(&small).await;
    assert_eq!(info.context, 96);
    let answer = engine.answer(GenRequest { max_tokens: None, ..count() }).await.expect("answers");
    assert_eq!(answer.reason, FinishReason::Context);
    assert_eq!(answer.usage.total(), 96, "{answer:?}");
    let error = engine.answer(ask(&"far too long ".repeat(200))).await.expect_err("does not fit");
    assert_eq!(error.kind, ErrorKind::ContextFull);
    assert!(error.message.contains("96") && error.hint.is_some(), "{error:?}");
    engine.answer(GenRequest { max_tokens: Some(4), ..count() }).await.expect("answers after it");
}

async fn a_cancel_in_decode_is_quick_and_keeps_the_model(subject: Subject) {
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let id = engine.begin(count());
    engine.pieces(id, 5).await;
    let asked = Instant::now();
    engine.handle.send(EngineCmd::Cancel(id));
    let answer = tokio::time::timeout(AT_ONCE, engine.answer_to(id)).await.expect("at once").expect("ends well");
    let told = asked.elapsed();
    assert_eq!(answer.reason, FinishReason::Cancelled);
    assert!((5..48).contains(&answer.usage.completion_tokens), "{answer:?}");
    let next = engine.answer(GenRequest { max_tokens: Some(4), ..ask("Hello") }).await.expect("answers");
    assert_eq!(next.reloads, 0, "the model was still there");
    let after = asked.elapsed();
    figure(&subject, &format!("cancel in decode told after {told:?}, the next short answer complete after {after:?}"));
}

async fn a_cancel_before_the_prefill_spares_it(subject: Subject) {
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    engine.until(|event| matches!(event, EngineEvent::Memory { .. }).then_some(())).await;
    let child = the_child();
    let id = engine.begin(long_prompt());
    engine.handle.send(EngineCmd::Cancel(id));
    let answer = tokio::time::timeout(AT_ONCE, engine.answer_to(id)).await.expect("at once").expect("ends well");
    assert_eq!((answer.reason, answer.usage.completion_tokens), (FinishReason::Cancelled, 0));
    let stopped = engine.until(|event| match event {
        EngineEvent::Memory { .. } => Some(true),
        EngineEvent::Unloaded { .. } => Some(false),
        _ => None,
    });
    assert!(stopped.await, "the prompt was read until it was killed");
    let next = engine.answer(GenRequest { max_tokens: Some(2), ..ask("Hello") }).await.expect("answers");
    assert_eq!((the_child(), next.reloads), (child, 0));
}

async fn a_cancel_in_prefill_is_quick(subject: Subject) {
    let (mut engine, info) = Engine::loaded(&subject.spec).await;
    let id = engine.begin(long_prompt());
    engine.started(id).await;
    let asked = Instant::now();
    engine.handle.send(EngineCmd::Cancel(id));
    let answer = tokio::time::timeout(AT_ONCE, engine.answer_to(id)).await.expect("at once").expect("ends well");
    let told = asked.elapsed();
    assert_eq!((answer.reason, answer.usage.completion_tokens), (FinishReason::Cancelled, 0));
    assert!(answer.usage.prompt_tokens > 2000, "{answer:?}");
    let next = engine.begin(GenRequest { max_tokens: Some(2), ..ask("Hello") });
    // The machine may be busier than it was at the first load.
    let mut load_time = info.load_time;
    let first_token = engine
        .until(|event| match event {
            EngineEvent::Loaded { info, .. } => {
                load_time = load_time.max(info.load_time);
                None
            }
            EngineEvent::Finished { id, stats, .. } if id == next => Some(stats.first_token.expect("answers")),
            _ => None,
        })
        .await;
    let waited = asked.elapsed();
    // What is ours of the two seconds that are allowed beside the load, however slow the machine computes.
    assert!(
        waited < load_time + first_token + Duration::from_millis(1500),
        "{waited:?}, {load_time:?}, {first_token:?}"
    );
    figure(
        &subject,
        &format!(
            "load {load_time:?}, cancel in prefill told after {told:?}, the next short answer {waited:?} after it"
        ),
    );
}

async fn unloading_gives_everything_back(subject: Subject) {
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    assert_eq!(children().len(), 1);
    engine.unload().await;
    assert_eq!(children(), []);
    let error = engine.answer(ask("Hello")).await.expect_err("nothing is loaded");
    assert_eq!(error.kind, ErrorKind::ModelNotFound);
}

async fn a_kill_in_decode_is_survived(subject: Subject) {
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let id = engine.begin(count());
    engine.pieces(id, 3).await;
    kill_the_child();
    survived(&mut engine, id).await;
}

async fn a_kill_in_prefill_is_survived(subject: Subject) {
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let id = engine.begin(long_prompt());
    engine.started(id).await;
    kill_the_child();
    survived(&mut engine, id).await;
}

async fn survived(engine: &mut Engine, id: GenId) {
    let error = engine.answer_to(id).await.expect_err("it is gone");
    assert_eq!(error.kind, ErrorKind::Generation);
    assert!(error.message.contains("killed") && error.hint.is_some(), "{error:?}");
    engine.until(|event| matches!(event, EngineEvent::Died { .. }).then_some(())).await;
    assert_eq!(children(), [], "it is not started before it is needed");
    let next = engine.answer(GenRequest { max_tokens: Some(4), ..count() }).await.expect("the next is answered");
    assert!(next.reloads > 0);
}

async fn a_kill_in_load_is_survived(subject: Subject) {
    let mut engine = Engine::start();
    let wanted = engine.begin_load(&subject.spec);
    engine.stage(LoadStage::Weights).await;
    kill_the_child();
    let error = engine
        .until(|event| match event {
            EngineEvent::LoadFailed { id, error } if id == wanted => Some(error),
            EngineEvent::Loaded { .. } => panic!("it was killed"),
            _ => None,
        })
        .await;
    assert_eq!(error.kind, ErrorKind::LoadFailed);
    let file = subject.spec.location.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(error.message.contains(&file), "{error}");
    assert_eq!(children(), []);
    engine.answer(GenRequest { max_tokens: Some(4), ..count() }).await.expect("the next message is answered");
}

async fn a_second_message_is_refused_while_one_is_answered(subject: Subject) {
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let first = engine.begin(count());
    engine.started(first).await;
    let second = engine.begin(ask("Hello"));
    let refused = engine.until(|event| match event {
        EngineEvent::Failed { id, error } if id == second => Some(error),
        _ => None,
    });
    assert_eq!(refused.await.kind, ErrorKind::Generation);
    engine.handle.send(EngineCmd::Cancel(first));
    engine.until(|event| matches!(event, EngineEvent::Finished { id, .. } if id == first).then_some(())).await;
}

async fn a_loaded_model_is_not_loaded_again(subject: Subject) {
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let child = the_child();
    engine.until(|event| matches!(event, EngineEvent::Memory { .. }).then_some(())).await;
    engine.load(&subject.spec).await.expect("is there");
    assert_eq!(the_child(), child);
    // Whoever asked for it anew forgot the figure.
    engine.until(|event| matches!(event, EngineEvent::Memory { .. }).then_some(())).await;
    engine
        .load(&ModelSpec { settings: context(1024), ..subject.spec.clone() })
        .await
        .expect("loads with the other context");
    assert_ne!(the_child(), child, "another context is another process");
}

async fn a_cut_answer_goes_on_without_a_seam(subject: Subject) {
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let whole = engine.answer(count()).await.expect("answers");
    let on = |text: &str, max_tokens| GenRequest {
        begun: Some(Box::new(Beginning { reasoning: String::new(), text: text.into() })),
        max_tokens: Some(max_tokens),
        ..count()
    };
    // What is read in one go does not give quite the same numbers as what was made word by word, so that some later word can
    // be another. What stands at the seam can't.
    let fits = |begun: &str, rest: &str| {
        let expected: String = whole.text[begun.len()..].chars().take(5).collect();
        whole.text.starts_with(begun) && rest.starts_with(&expected)
    };
    // At its limit.
    let first = engine.answer(GenRequest { max_tokens: Some(20), ..count() }).await.expect("answers");
    assert_eq!((first.reason, first.usage.completion_tokens), (FinishReason::Length, 20));
    let more = engine.answer(on(&first.text, 20)).await.expect("goes on");
    assert_eq!((more.reason, more.usage.completion_tokens), (FinishReason::Length, 20));
    assert_eq!(more.usage.prompt_tokens, whole.usage.prompt_tokens + 20);
    assert!(fits(&first.text, &more.text), "{:?} after {:?}", more.text, first.text);

    // By a person: what comes of it late was not heard.
    let id = engine.begin(count());
    engine.pieces(id, 3).await;
    engine.handle.send(EngineCmd::Cancel(id));
    let heard = &whole.text[..whole.text.find(' ').expect("words")];
    engine.answer_to(id).await.expect("ends well");
    let rest = engine.answer(on(heard, 20)).await.expect("goes on");
    assert!(fits(heard, &rest.text), "{:?} after {heard:?}", rest.text);

    // In a process that knows nothing of it.
    engine.handle.send(EngineCmd::Sleep);
    engine.until(|event| (event == EngineEvent::Unloaded { forgotten: false }).then_some(())).await;
    let half = &whole.text[..whole.text[..60].rfind(' ').expect("words")];
    let rest = engine.answer(on(half, 20)).await.expect("goes on");
    assert!(rest.reloads > 0 && rest.usage.completion_tokens == 20, "{rest:?}");
    assert!(fits(half, &rest.text), "{:?} after {half:?}", rest.text);
}

#[tokio::test]
async fn a_cut_answer_goes_on_in_its_form() {
    let subject = Subject::real().await;
    let schema = r#"{"type": "object", "required": ["name", "tags"], "additionalProperties": false, "properties": {
        "name": {"type": "string", "minLength": 4, "maxLength": 16},
        "tags": {"type": "array", "items": {"enum": ["old", "new", "grey"]}, "minItems": 2, "maxItems": 3}}}"#;
    let req = GenRequest { constraint: Some(Constraint::Schema(schema.into())), ..ask("Describe a cat.") };
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let whole = engine.answer(req.clone()).await.expect("answers");
    assert_eq!((whole.reason, whole.satisfied), (FinishReason::Stop, Some(true)), "{whole:?}");
    let part = engine.answer(GenRequest { max_tokens: Some(7), ..req.clone() }).await.expect("answers");
    assert_eq!((part.reason, part.satisfied), (FinishReason::Length, Some(false)));
    let begun = Some(Box::new(Beginning { reasoning: String::new(), text: part.text.clone() }));
    let rest = engine.answer(GenRequest { begun, ..req }).await.expect("goes on");
    assert_eq!(part.text + &rest.text, whole.text);
    assert_eq!((rest.reason, rest.satisfied), (FinishReason::Stop, Some(true)));
}

async fn texts_are_counted_as_the_prompt_counts_them(subject: Subject) {
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let long = "The grey cat, 3 years old, sat on the mat;\n    it looked at the \u{1f327}.\n".repeat(40);
    let conversation = [
        (Role::System, "Be brief, and kind."),
        (Role::User, "What is this about?"),
        (Role::Assistant, "A cat. It is *grey*.\n\n- rain\n- a mat"),
        (Role::User, long.as_str()),
    ];
    let (tokens, template) = engine.count(1, &conversation.map(|(_, text)| text)).await;
    for with_system in [true, false] {
        let sent = &conversation[usize::from(!with_system)..];
        let messages = sent.iter().map(|(role, text)| ChatMessage { role: *role, content: (*text).into() }).collect();
        let answer = engine.answer(GenRequest { messages, max_tokens: Some(1), ..ask("") }).await.expect("answers");
        let counted = template.prompt(with_system.then_some(tokens[0]), tokens[1..].iter().copied());
        assert_eq!(counted, answer.prompt_tokens, "with a system prompt: {with_system}");
    }
}

async fn counting_does_not_wait_for_an_answer(subject: Subject) {
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let (alone, _) = engine.count(1, &["one two three"]).await;
    let id = engine.begin(long_prompt());
    engine.started(id).await;
    let asked = Instant::now();
    let (meanwhile, _) = engine.count(2, &["one two three"]).await;
    let took = asked.elapsed();
    assert_eq!(meanwhile, alone);
    let many = "a line of a log, number 12345\n".repeat(5000);
    let asked = Instant::now();
    let (tokens, _) = engine.count(3, &[&many]).await;
    assert!(tokens[0] > 20_000, "{tokens:?}");
    figure(
        &subject,
        &format!("counted after {took:?} while a prompt is read, 5,000 lines after {:?}", asked.elapsed()),
    );
    // The prompt is still being read: nothing has waited for it.
    engine.handle.send(EngineCmd::Cancel(id));
    let answer = engine.answer_to(id).await.expect("ends well");
    assert_eq!((answer.reason, answer.usage.completion_tokens), (FinishReason::Cancelled, 0));
}

async fn a_model_that_sleeps_wakes_for_the_next_message(subject: Subject) {
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let id = engine.begin(count());
    engine.started(id).await;
    engine.handle.send(EngineCmd::Sleep);
    let answer = engine.answer_to(id).await.expect("it is not put to sleep over an answer");
    assert_ne!(answer.reason, FinishReason::Cancelled);
    engine.handle.send(EngineCmd::Sleep);
    engine.until(|event| (event == EngineEvent::Unloaded { forgotten: false }).then_some(())).await;
    assert_eq!(children(), []);
    let next = engine.answer(GenRequest { max_tokens: Some(4), ..count() }).await.expect("the next is answered");
    assert!(next.reloads > 0);
}

/// Models of a few kilobytes whose weights are nothing: what they answer does not matter, but that they do.
#[tokio::test]
async fn every_kind_that_the_check_passes_is_loaded_and_answers() {
    let subject = Subject::script("").await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut models: Vec<(&str, PathBuf, Format)> = Vec::new();
    for arch in support::tiny::ARCHITECTURES {
        let file = folder.path().join(format!("{arch}.gguf"));
        support::tiny::gguf(arch).write(&file);
        models.push((arch, file, Format::Gguf));
    }
    let odd_name = folder.path().join("a model, größer; 'so'.gguf");
    support::tiny::gguf("llama").write(&odd_name);
    models.push(("odd name", odd_name, Format::Gguf));
    for (name, shards) in [("one file", 1), ("two files", 2)] {
        let place = folder.path().join(name);
        support::tiny::folder(&place, shards);
        models.push((name, place, Format::Safetensors));
    }
    let mut engine = Engine::start();
    for (name, place, format) in models {
        let spec = ModelSpec { settings: context(256), ..spec(name, place, format) };
        let info = engine.load(&spec).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!((info.context, info.facts.format), (256, format), "{name}");
        let answer = engine.answer(GenRequest { max_tokens: Some(3), ..ask("hello") }).await;
        let answer = answer.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert!(matches!(answer.reason, FinishReason::Stop | FinishReason::Length), "{name}: {answer:?}");
    }
    drop(subject);
}

#[tokio::test]
async fn a_template_that_refuses_is_told() {
    let subject = Subject::script("").await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("strict.gguf");
    let mut gguf = support::tiny::gguf("llama");
    gguf.set_text("tokenizer.chat_template", "{{ raise_exception('No such role here.') }}");
    gguf.write(&file);
    let mut engine = Engine::start();
    engine.load(&ModelSpec { settings: context(256), ..spec("strict", file, Format::Gguf) }).await.expect("loads");
    let error = engine.answer(ask("hello")).await.expect_err("is refused");
    assert_eq!(error.kind, ErrorKind::Generation);
    assert!(error.message.contains("template") && error.message.contains("No such role here"), "{error}");
    drop(subject);
}

/// Greedy, the same prompt, the same limit: byte by byte what the engine says when it is asked without us.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_as_the_engine_asked_directly() {
    use mistralrs::{GgufModelBuilder, RequestBuilder, Response, SamplingParams, TextMessageRole};

    let subject = Subject::real().await;
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let ours = engine.answer(count()).await.expect("answers");
    engine.handle.shutdown().await;

    let place = &subject.spec.location;
    let (folder, file) = (place.parent().expect("absolute"), place.file_name().expect("a file"));
    let builder = GgufModelBuilder::new(folder.display(), vec![file.to_string_lossy()]).with_force_cpu();
    let model = builder.build().await.expect("loads");
    let sampling = SamplingParams { temperature: Some(0.0), max_len: Some(48), ..SamplingParams::neutral() };
    let prompt = &count().messages[0].content;
    let request = RequestBuilder::new().add_message(TextMessageRole::User, prompt).set_sampling(sampling);
    let mut theirs = String::new();
    let mut stream = model.stream_chat_request(request).await.expect("takes it");
    while let Some(response) = stream.next().await {
        match response {
            Response::Chunk(chunk) => theirs.push_str(chunk.choices[0].delta.content.as_deref().unwrap_or_default()),
            _ => panic!("not a piece of an answer"),
        }
    }
    assert_eq!(ours.text, theirs);
    assert!(!theirs.is_empty());

    // And so it is printed.
    let mut command = Command::new(env!("CARGO_BIN_EXE_hobnob"));
    command.args(["--offline", "run", "--temperature", "0", "--max-tokens", "48", "-m"]).arg(place).arg(prompt);
    let home = support::pty::Home::new();
    command.env_clear().envs(home.env()).stdin(Stdio::null());
    let printed = command.output().expect("hobnob starts").stdout;
    assert_eq!(String::from_utf8_lossy(&printed), theirs.trim_end_matches('\n').to_owned() + "\n");
}

#[tokio::test]
async fn the_newest_load_wins() {
    let subject = Subject::script("load_ms = 60000").await;
    let quick = subject.spec.location.with_file_name("quick.toml");
    std::fs::write(&quick, "").expect("writes");
    let quick = spec("quick", quick, Format::Script);
    let mut engine = Engine::start();
    let first = engine.begin_load(&subject.spec);
    engine.stage(LoadStage::Weights).await;
    let begun = Instant::now();
    let second = engine.begin_load(&quick);
    let info = engine.until(|event| match event {
        EngineEvent::Loaded { id, info } => {
            assert_eq!(id, second);
            Some(info)
        }
        EngineEvent::LoadFailed { id, error } => {
            assert_eq!((id, error.kind), (first, ErrorKind::Cancelled));
            None
        }
        _ => None,
    });
    assert_eq!(info.await.name, "quick");
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(children().len(), 1);
}

#[tokio::test]
async fn a_load_that_is_asked_for_again_goes_on() {
    let subject = Subject::script("load_ms = 300").await;
    let mut engine = Engine::start();
    let first = engine.begin_load(&subject.spec);
    engine.stage(LoadStage::Weights).await;
    let child = the_child();
    let second = engine.begin_load(&subject.spec);
    let (mut superseded, mut stages) = (false, Vec::new());
    engine
        .until(|event| match event {
            EngineEvent::LoadFailed { id, error } => {
                assert_eq!((id, error.kind), (first, ErrorKind::Cancelled));
                superseded = true;
                None
            }
            EngineEvent::Progress { id, stage } => {
                assert_eq!(id, second);
                stages.push(stage);
                None
            }
            EngineEvent::Loaded { id, .. } => {
                assert_eq!(id, second);
                Some(())
            }
            _ => None,
        })
        .await;
    assert!(superseded, "each load is answered");
    assert_eq!(stages, [LoadStage::Weights, LoadStage::WarmUp], "from where it was");
    assert_eq!(the_child(), child);
}

#[tokio::test]
async fn a_message_waits_for_a_load_and_can_be_taken_back() {
    let subject = Subject::script("load_ms = 500").await;
    let mut engine = Engine::start();
    engine.begin_load(&subject.spec);
    engine.stage(LoadStage::Weights).await;
    let taken_back = engine.begin(ask("never mind"));
    engine.handle.send(EngineCmd::Cancel(taken_back));
    let end = engine.answer_to(taken_back).await.expect("ends");
    assert_eq!((end.reason, end.usage), (FinishReason::Cancelled, Usage::default()));
    let answer = engine.answer(ask("but this")).await.expect("is answered when the model is there");
    assert_eq!(answer.text, "but this");
    assert_eq!(children().len(), 1);
}

#[tokio::test]
async fn unloading_ends_a_load_and_loading_ends_an_answer() {
    let slow = "[[reply]]\ntokens_per_second = 0.1\ntext = \"a b c\"";
    let subject = Subject::script("load_ms = 60000").await;
    let mut engine = Engine::start();
    engine.begin_load(&subject.spec);
    engine.stage(LoadStage::Weights).await;
    engine.unload().await;
    assert_eq!(children(), []);

    std::fs::write(&subject.spec.location, slow).expect("writes");
    engine.load(&subject.spec).await.expect("loads");
    let cut = engine.begin(ask("slowly"));
    engine.pieces(cut, 1).await;
    engine.begin_load(&ModelSpec { settings: context(1024), ..subject.spec.clone() });
    let end = engine.answer_to(cut).await.expect("ends");
    assert_eq!((end.reason, end.usage.completion_tokens), (FinishReason::Cancelled, 1));
    let info = engine.until(|event| if let EngineEvent::Loaded { info, .. } = event { Some(info) } else { None });
    assert_eq!(info.await.context, 1024);
    assert_eq!(children().len(), 1);
}

#[tokio::test]
async fn a_script_that_fails_to_load_says_why() {
    let subject = Subject::script("fail_load = \"no such luck\"").await;
    let mut engine = Engine::start();
    let error = engine.load(&subject.spec).await.expect_err("fails");
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::LoadFailed, "no such luck"));
    assert_eq!(children(), []);
}

#[tokio::test]
async fn every_way_to_die_is_told_and_survived() {
    for (death, word) in [("abort", "crashed"), ("panic", "crashed"), ("exit", "ended by itself")] {
        let script = format!("[[reply]]\nwhen = \"die\"\ntext = \"a b c d\"\ndie = \"{death}\"\nafter = 2");
        let subject = Subject::script(&script).await;
        let (mut engine, _) = Engine::loaded(&subject.spec).await;
        let error = engine.answer(ask("die now")).await.expect_err("dies");
        assert!(error.message.contains(word), "{death}: {error}");
        engine.until(|event| matches!(event, EngineEvent::Died { .. }).then_some(())).await;
        let next = engine.answer(ask("and now something else")).await.expect("answers");
        assert_eq!(next.text, "and now something else");

        let subject_dies = format!("die_load = \"{death}\"");
        std::fs::write(&subject.spec.location, subject_dies).expect("writes");
        engine.unload().await;
        let error = engine.load(&subject.spec).await.expect_err("dies");
        assert!(error.message.contains(word) && error.message.contains("script.toml"), "{death}: {error}");
    }
}

/// A thread of the engine's can go without a word to whoever waits for its answer.
#[tokio::test]
async fn a_lost_thread_ends_the_process_after_what_was_said() {
    let subject = Subject::script("[[reply]]\nwhen = \"die\"\ntext = \"a b c d\"\ndie = \"thread\"\nafter = 4").await;
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let id = engine.begin(ask("die now"));
    let mut text = String::new();
    let error = engine
        .until(|event| match event {
            EngineEvent::Delta { text: more, .. } => {
                text.push_str(&more);
                None
            }
            EngineEvent::Failed { id: failed, error } if failed == id => Some(error),
            EngineEvent::Finished { .. } => panic!("nobody can vouch for this answer"),
            _ => None,
        })
        .await;
    assert!(error.message.contains("crashed while answering"), "{error}");
    assert_eq!(text, "a b c d");
    engine.until(|event| matches!(event, EngineEvent::Died { .. }).then_some(())).await;
    assert_eq!(engine.answer(ask("and now")).await.expect("answers").text, "and now");
}

#[tokio::test]
async fn an_answer_that_fails_keeps_the_process() {
    let subject = Subject::script("[[reply]]\nwhen = \"fail\"\nfail = \"it did not work\"").await;
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let child = the_child();
    assert_eq!(engine.answer(ask("fail")).await.expect_err("fails").message, "it did not work");
    engine.answer(ask("hello")).await.expect("answers");
    assert_eq!(the_child(), child);
}

#[tokio::test]
async fn an_engine_that_does_not_hear_a_cancel_is_replaced() {
    let script = "[[reply]]\nwhen = \"deaf\"\ntokens_per_second = 20.0\ndeaf = true\ntext = \"";
    let subject = Subject::script(&format!("{script}{}\"", "on and ".repeat(500))).await;
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let id = engine.begin(GenRequest { max_tokens: None, ..ask("deaf") });
    engine.pieces(id, 2).await;
    engine.handle.send(EngineCmd::Cancel(id));
    let next = engine.begin(ask("still there?"));
    engine.until(|event| (event == EngineEvent::Unloaded { forgotten: false }).then_some(())).await;
    let answer = engine.answer_to(next).await.expect("the message that waited is answered");
    assert_eq!(answer.text, "still there?");
    assert_eq!(children().len(), 1);
}

#[tokio::test]
async fn an_engine_that_nobody_waits_for_gets_more_time_to_stop() {
    let script = "[[reply]]\nwhen = \"slow\"\nprefill_ms = 600\n[[reply]]\nwhen = \"deaf\"\nprefill_ms = 60000";
    let subject = Subject::script(script).await;
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let child = the_child();
    let id = engine.begin(ask("slow"));
    engine.started(id).await;
    engine.handle.send(EngineCmd::Cancel(id));
    engine.answer_to(id).await.expect("ends well");
    // It has read its prompt, and was not killed over it.
    engine.until(|event| matches!(event, EngineEvent::Memory { .. }).then_some(())).await;
    let next = engine.answer(ask("hello")).await.expect("answers");
    assert_eq!((the_child(), next.reloads), (child, 0));

    // It does not get all the time in the world.
    let id = engine.begin(ask("deaf"));
    engine.started(id).await;
    engine.handle.send(EngineCmd::Cancel(id));
    let unloaded = engine.until(|event| (event == EngineEvent::Unloaded { forgotten: false }).then_some(()));
    tokio::time::timeout(Duration::from_secs(20), unloaded).await.expect("is ended");
    assert_eq!(children(), []);
}

#[tokio::test]
async fn reasoning_is_a_stream_of_its_own() {
    let subject = Subject::script("[[reply]]\nreasoning = \"hm, well\"\ntext = \"yes\"").await;
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let wanted = engine.begin(ask("really?"));
    let (mut text, mut reasoning) = (String::new(), String::new());
    engine
        .until(|event| match event {
            EngineEvent::Delta { kind: PieceKind::Reasoning, text: more, .. } => {
                reasoning.push_str(&more);
                None
            }
            EngineEvent::Delta { text: more, .. } => {
                text.push_str(&more);
                None
            }
            EngineEvent::Finished { id, usage, .. } => {
                assert_eq!((id, usage.completion_tokens), (wanted, 3));
                Some(())
            }
            _ => None,
        })
        .await;
    assert_eq!((reasoning.as_str(), text.as_str()), ("hm, well", "yes"));
}

/// A program that answers with `bytes` on its socket and goes on living.
fn impostor(folder: &Path, bytes: &[u8]) -> PathBuf {
    let (program, data) = (folder.join("impostor"), folder.join("data"));
    std::fs::write(&data, bytes).expect("writes");
    std::fs::write(&program, format!("#!/bin/sh\ncat '{}' >&0\nexec sleep 600 {}\n", data.display(), host::ARGUMENT))
        .expect("writes");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("can be run");
    program
}

#[tokio::test]
async fn a_process_that_talks_nonsense_is_ended() {
    let subject = Subject::script("").await;
    let garbage = [5, 0, 0, 0, b'h', b'e', b'l', b'l', b'o'];
    let too_long = u32::MAX.to_le_bytes();
    let other = protocol::encode(&FromEngine::Hello { version: protocol::VERSION + 1 }).expect("encodes");
    for (bytes, words) in [
        (garbage.as_slice(), "ended by itself"),
        (too_long.as_slice(), "ended by itself"),
        (&other, "replaced on disk"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut engine = Engine::with(impostor(folder.path(), bytes));
        let error = engine.load(&subject.spec).await.expect_err("no engine");
        assert!(error.message.contains(words), "{error}");
        assert_eq!(children(), []);
    }
    let mut engine = Engine::with(PathBuf::from("/nowhere/hobnob"));
    let error = engine.load(&subject.spec).await.expect_err("no program");
    assert!(error.hint.is_some_and(|hint| hint.contains("/nowhere/hobnob")));
}

#[tokio::test]
async fn the_program_may_lie_anywhere() {
    let subject = Subject::script("").await;
    let folder = tempfile::tempdir().expect("a folder");
    let exe = folder.path().join(OsStr::from_bytes(b"h\xf6bnob"));
    // Some file systems only take Unicode: there such a name can't come up.
    if std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_hobnob"), &exe).is_err() {
        return;
    }
    let mut engine = Engine::with(exe);
    engine.load(&subject.spec).await.expect("loads");
}

#[tokio::test]
async fn a_model_whose_place_can_t_be_named_is_told_so() {
    let mut subject = Subject::script("").await;
    let folder = tempfile::tempdir().expect("a folder");
    let odd = folder.path().join(OsStr::from_bytes(b"mod\xe8les"));
    // Some file systems only take Unicode: there such a name can't come up.
    if std::fs::create_dir(&odd).is_err() {
        return;
    }
    let script = odd.join("script.toml");
    std::fs::copy(&subject.spec.location, &script).expect("copies");
    subject.spec.location = script;
    let mut engine = Engine::start();
    let error = engine.load(&subject.spec).await.expect_err("it can't be said");
    assert_eq!(error.kind, ErrorKind::LoadFailed);
    assert!(error.message.ends_with("its path is not Unicode") && error.hint.is_some(), "{error}");
    soon(PATIENCE, "nothing is left", || children().is_empty()).await;
}

#[tokio::test]
async fn the_handle_takes_the_process_with_it() {
    let subject = Subject::script("").await;
    let (engine, _) = Engine::loaded(&subject.spec).await;
    assert_eq!(children().len(), 1);
    drop(engine);
    soon(PATIENCE, "the child is gone", || children().is_empty()).await;
}

#[tokio::test]
async fn loading_and_unloading_leaves_nothing() {
    let subject = Subject::real().await;
    let mut engine = Engine::start();
    let mut after_warm_up = 0;
    for cycle in 0..20 {
        engine.load(&subject.spec).await.expect("loads");
        engine.unload().await;
        assert_eq!(children(), [], "cycle {cycle}");
        if cycle == 4 {
            after_warm_up = resident(std::process::id());
        }
    }
    let at_the_end = resident(std::process::id());
    assert!(at_the_end < after_warm_up + (4 << 20), "{after_warm_up} -> {at_the_end}");
}

// ── Another process as the parent ────────────────────────────────────────────────────────────────────────────────────

/// Not a test: what the tests below run as a process of its own. It loads the script, says so, starts an answer, says so,
/// and stays.
#[tokio::test]
#[ignore = "run by other tests, in a process of its own"]
async fn as_a_parent() {
    let Some(script) = std::env::var_os("HOBNOB_TEST_SCRIPT") else { return };
    let log = std::fs::File::create(std::env::var_os("HOBNOB_TEST_LOG").expect("a log")).expect("creates the log");
    tracing_subscriber::fmt().with_writer(std::sync::Mutex::new(log)).with_ansi(false).init();
    let spec = spec("script", script.into(), Format::Script);
    let mut engine = Engine::start();
    engine.begin_load(&spec);
    engine.stage(LoadStage::Weights).await;
    say("loading");
    let loaded = engine.until(|event| matches!(event, EngineEvent::Loaded { .. }).then_some(()));
    loaded.await;
    let id = engine.begin(ask("go on"));
    engine.started(id).await;
    say("answering");
    engine.answer_to(id).await.expect("answers");
    say("answered");
    std::future::pending::<()>().await;
}

/// Past the test harness, which would keep it for later.
fn say(word: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{word}").and_then(|()| out.flush()).expect("says");
}

struct Parent {
    process: std::process::Child,
    log: PathBuf,
    /// Everything it has said so far.
    said: BufReader<std::process::ChildStdout>,
    heard: String,
}

impl Parent {
    fn start(subject: &Subject) -> Self {
        let log = subject.spec.location.with_file_name("log");
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "as_a_parent", "--ignored", "--nocapture"])
            .env("HOBNOB_TEST_SCRIPT", &subject.spec.location)
            .env("HOBNOB_TEST_LOG", &log)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let said = BufReader::new(process.stdout.take().expect("piped"));
        Self { process, log, said, heard: String::new() }
    }

    fn wait_for(&mut self, word: &str) {
        let mut line = String::new();
        while self.said.read_line(&mut line).expect("reads") > 0 {
            let found = line.contains(word);
            self.heard.push_str(&line);
            line.clear();
            if found {
                return;
            }
        }
        panic!("it ended before {word}: {}", self.heard);
    }

    /// Killed without a chance to do anything about its child.
    async fn kill(mut self) -> (String, String) {
        let engines = children_of(self.process.id());
        assert_eq!(engines.len(), 1);
        self.process.kill().expect("kills");
        let rest = self.process.wait_with_output().expect("is gone");
        soon(PATIENCE, "the child is gone", || !engines.iter().any(|pid| is_running(*pid))).await;
        let mut printed = self.heard;
        std::io::Read::read_to_string(&mut self.said, &mut printed).expect("reads");
        printed.push_str(&String::from_utf8_lossy(&rest.stderr));
        (printed, std::fs::read_to_string(self.log).expect("a log"))
    }
}

#[tokio::test]
async fn no_child_outlives_a_killed_parent() {
    for (script, moment) in [
        ("load_ms = 600000", "loading"),
        ("[[reply]]\nprefill_ms = 600000", "answering"),
        ("[[reply]]\ntokens_per_second = 0.001\ntext = \"a b\"", "answering"),
        ("die_load = \"hang\"", "loading"),
        ("", "answered"),
    ] {
        let subject = Subject::script(script).await;
        let mut parent = Parent::start(&subject);
        parent.wait_for(moment);
        parent.kill().await;
    }
}

#[tokio::test]
async fn what_the_engine_prints_reaches_the_log_and_nothing_else() {
    let script = "noise = \"\\u001b[2Jnoise at load\"\n[[reply]]\nnoise = \"noise in an answer\"";
    let subject = Subject::script(script).await;
    let mut parent = Parent::start(&subject);
    parent.wait_for("answered");
    let log = parent.log.clone();
    let written = || std::fs::read_to_string(&log).unwrap_or_default();
    soon(PATIENCE, "both lines, from both outputs, are in the log", || {
        let written = written();
        written.matches("noise at load").count() == 2 && written.matches("noise in an answer").count() == 2
    })
    .await;
    let (printed, written) = parent.kill().await;
    assert!(!printed.contains("noise"), "{printed}");
    assert!(!written.contains('\u{1b}'), "{written}");
}

/// A conversation of so many turns, greedy, with what each answer said of itself.
async fn converse(engine: &mut Engine, turns: &[&str], max_tokens: u32) -> (GenRequest, Vec<Answer>) {
    let mut talk = GenRequest { messages: Vec::new(), max_tokens: Some(max_tokens), ..ask("") };
    let mut answers = Vec::new();
    for turn in turns {
        talk.messages.push(ChatMessage { role: Role::User, content: (*turn).into() });
        let answer = engine.answer(talk.clone()).await.expect("answers");
        talk.messages.push(ChatMessage { role: Role::Assistant, content: answer.text.clone() });
        answers.push(answer);
    }
    (talk, answers)
}

const TURNS: [&str; 4] =
    ["What is the capital of France?", "And of Spain?", "Which of the two is larger?", "Name a river in each."];

#[tokio::test]
async fn what_is_kept_of_a_conversation_changes_no_answer() {
    let subject = Subject::real().await;
    for max_tokens in [6, 24] {
        let (mut engine, _) = Engine::loaded(&subject.spec).await;
        let (talk, answers) = converse(&mut engine, &TURNS, max_tokens).await;
        for (turn, answer) in answers.iter().enumerate() {
            let cached = answer.usage.cached_tokens.expect("is known");
            let before = turn.checked_sub(1).map(|before| answers[before].usage.total());
            // All that was computed of the last turn. An answer that was cut in the middle of a word can look different
            // when it is read again.
            assert!(
                before.is_none_or(|before| (before.saturating_sub(3)..=before).contains(&cached)),
                "{turn}: {answers:#?}"
            );
        }
        engine.handle.shutdown().await;
        for (turn, answer) in answers.iter().enumerate().skip(1) {
            let (mut fresh, _) = Engine::loaded(&subject.spec).await;
            let asked = GenRequest { messages: talk.messages[..=2 * turn].to_vec(), ..talk.clone() };
            let again = fresh.answer(asked).await.expect("answers");
            assert_eq!(again.usage.cached_tokens, Some(0));
            assert_eq!(again.text, answer.text, "turn {turn} at {max_tokens}");
            fresh.handle.shutdown().await;
        }
    }
}

#[tokio::test]
async fn a_stopped_answer_is_kept_and_read_no_second_time() {
    let subject = Subject::real().await;
    let (mut engine, _) = Engine::loaded(&subject.spec).await;
    let id = engine.begin(count());
    engine.pieces(id, 3).await;
    engine.handle.send(EngineCmd::Cancel(id));
    let stopped = engine.answer_to(id).await.expect("ends well");
    assert_eq!(stopped.reason, FinishReason::Cancelled);
    let mut next = count();
    next.messages.push(ChatMessage { role: Role::Assistant, content: "x".into() });
    next.messages.push(ChatMessage { role: Role::User, content: "Go on.".into() });
    let answer = engine.answer(GenRequest { max_tokens: Some(2), ..next }).await.expect("answers");
    assert!(answer.usage.cached_tokens >= Some(stopped.prompt_tokens), "{answer:?}");
}

#[tokio::test]
async fn a_long_conversation_is_kept_once() {
    let subject = Subject::real().await;
    let (mut engine, info) = Engine::loaded(&subject.spec).await;
    let child = the_child();
    let (_, first) = converse(&mut engine, &TURNS[..1], 32).await;
    let before = resident(child.as_raw_pid().unsigned_abs());
    let turns: Vec<&str> = TURNS.iter().copied().cycle().take(14).collect();
    let (_, answers) = converse(&mut engine, &turns, 32).await;
    let grown = resident(child.as_raw_pid().unsigned_abs()).saturating_sub(before);
    let tokens = answers[13].usage.total() - first[0].usage.total();
    let once = fit::cache_per_token(&info.facts) * u64::from(tokens);
    figure(
        &subject,
        &format!("14 turns, {tokens} tokens more: {} MB, of them kept once {} MB", grown >> 20, once >> 20),
    );
    assert_eq!(the_child(), child, "no new process was needed");
    // A copy for each turn would be seven times as much.
    assert!(grown < 3 * once, "{grown} for {once}");
}
