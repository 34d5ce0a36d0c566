//! One engine for an interface and for scripts: who is let in, who comes first, and what is left when somebody goes. Both
//! ends are real handles in this process, and the engine between them is the real one with a script.

mod support;

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hobnob::domain::model::{Format, ModelSpec};
use hobnob::domain::{EngineCmd, EngineEvent, FinishReason, GenId};
use hobnob::engine::protocol;
use hobnob::engine::share::{Borrow, Holder, Lend, Share, holders};
use hobnob::error::ErrorKind;
use support::engine::{Engine, ask, spec};
use tempfile::TempDir;

/// "w1 w2 w3 …".
fn words(count: u32) -> String {
    (1..=count).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ")
}

/// A script for both ends, and the folder where they meet.
struct Subject {
    spec: ModelSpec,
    folder: TempDir,
}

impl Subject {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let location = folder.path().join("script.toml");
        std::fs::write(&location, script).expect("writes the script");
        Self { spec: spec("script", location, Format::Script), folder }
    }

    fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    fn lender(&self) -> Engine {
        Engine::sharing(Share::Lend(Lend { folder: self.run(), holder: Holder::Interface }))
    }

    fn keeper(&self) -> Engine {
        let holder = Holder::Warm { keep: Duration::from_secs(600) };
        Engine::sharing(Share::Lend(Lend { folder: self.run(), holder }))
    }

    fn borrower(&self) -> Engine {
        Engine::sharing(Share::Borrow(Borrow { folder: self.run(), keep: None }))
    }

    /// Both, with the model loaded once.
    async fn both(&self) -> (Engine, Engine) {
        let (mut lender, mut borrower) = (self.lender(), self.borrower());
        lender.load(&self.spec).await.expect("loads");
        borrower.load(&self.spec).await.expect("is let in");
        (lender, borrower)
    }
}

/// Replies in turn tell whose process answers: each process begins at the first.
const IN_TURN: &str = "[[reply]]\ntext = \"one\"\n[[reply]]\ntext = \"two\"\n[[reply]]\ntext = \"three\"\n";

async fn text(engine: &mut Engine) -> String {
    engine.answer(ask("well?")).await.expect("answers").text
}

async fn scripts(engine: &mut Engine, wanted: u32) {
    engine.until(|event| (event == EngineEvent::Lent { scripts: wanted }).then_some(())).await;
}

/// Nothing of these tests takes as long; who waits longer waits for ever.
const LONG: Duration = Duration::from_secs(20);

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, work).await.expect("in time")
}

#[tokio::test]
async fn a_guest_is_answered_by_the_engine_that_is_there() {
    let subject = Subject::new(&format!("load_ms = 300\n{IN_TURN}"));
    let mut lender = subject.lender();
    lender.load(&subject.spec).await.expect("loads");
    assert_eq!(text(&mut lender).await, "one");
    let mut named = subject.spec.clone();
    named.reference = "my-name".into();
    let mut borrower = subject.borrower();
    let info = borrower.load(&named).await.expect("is let in");
    assert_eq!((info.reference.as_str(), info.context), ("my-name", 4096));
    assert!(info.load_time < Duration::from_millis(300), "nothing was loaded: {:?}", info.load_time);
    assert_eq!(text(&mut borrower).await, "two");
    assert_eq!(text(&mut lender).await, "three");
    let all = holders(&subject.run()).await;
    let (socket, holding) = &all[0];
    assert_eq!(
        (all.len(), holding.holder, holding.pid, holding.loaded),
        (1, Holder::Interface, std::process::id(), true)
    );
    let mode = |path: &Path| std::fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    assert_eq!((mode(&subject.run()), mode(socket)), (0o700, 0o600));
    lender.handle.shutdown().await;
    assert!(!socket.exists(), "its name goes with it");
}

#[tokio::test]
async fn a_guest_waits_for_a_load_that_is_under_way() {
    let subject = Subject::new(&format!("load_ms = 400\n{IN_TURN}"));
    let (mut lender, mut borrower) = (subject.lender(), subject.borrower());
    lender.begin_load(&subject.spec);
    lender.stage(hobnob::domain::LoadStage::Weights).await;
    borrower.load(&subject.spec).await.expect("is let in");
    assert_eq!((text(&mut lender).await, text(&mut borrower).await), ("one".into(), "two".into()));
}

#[tokio::test]
async fn another_model_or_other_settings_are_nobody_else_s() {
    let subject = Subject::new(IN_TURN);
    let mut lender = subject.lender();
    lender.load(&subject.spec).await.expect("loads");
    assert_eq!(text(&mut lender).await, "one");
    let mut wider = subject.spec.clone();
    wider.settings.context = 2048;
    let mut elsewhere = subject.spec.clone();
    elsewhere.location = subject.folder.path().join("other.toml");
    std::fs::write(&elsewhere.location, IN_TURN).expect("writes");
    for spec in [wider, elsewhere] {
        let mut borrower = subject.borrower();
        borrower.load(&spec).await.expect("loads its own");
        assert_eq!(text(&mut borrower).await, "one", "{spec:?}");
    }
    // The same place, and not the same file any more.
    std::fs::write(&subject.spec.location, format!("{IN_TURN}# changed\n")).expect("writes");
    let mut borrower = subject.borrower();
    borrower.load(&subject.spec).await.expect("loads its own");
    assert_eq!(text(&mut borrower).await, "one");
}

#[tokio::test]
async fn our_own_message_comes_first_and_the_script_s_answer_is_whole() {
    let story = words(40);
    let subject = Subject::new(&format!(
        "[[reply]]\nwhen = \"story\"\ntext = \"{story}\"\ntokens_per_second = 40.0\n[[reply]]\ntext = \"quick\"\n"
    ));
    let (mut lender, mut borrower) = subject.both().await;
    borrower.begin(ask("a story"));
    let mut heard = String::new();
    let mut piece = async |borrower: &mut Engine| {
        borrower
            .until(|event| match event {
                EngineEvent::Delta { text, .. } => Some(Err(text)),
                EngineEvent::Finished { usage, reason, .. } => Some(Ok((usage, reason))),
                EngineEvent::Failed { error, .. } => panic!("{error}"),
                _ => None,
            })
            .await
            .map_err(|text| heard.push_str(&text))
            .ok()
    };
    assert_eq!(piece(&mut borrower).await, None);
    scripts(&mut lender, 1).await;
    for _ in 0..2 {
        assert_eq!(text(&mut lender).await, "quick");
        // It began before, and is not at its end yet.
        assert_eq!(piece(&mut borrower).await, None);
    }
    let (usage, reason) = loop {
        if let Some(end) = piece(&mut borrower).await {
            break end;
        }
    };
    assert_eq!(heard, story, "in one piece");
    assert_eq!((usage.completion_tokens, reason), (40, FinishReason::Stop), "and counted as one");
    scripts(&mut lender, 0).await;
}

#[tokio::test]
async fn two_of_our_own_messages_in_a_row_cost_a_script_nothing() {
    let story = words(40);
    for temperature in [0.0, 0.7] {
        let subject = Subject::new(&format!(
            "[[reply]]\nwhen = \"story\"\ncount_ms = 100\ntext = \"{story}\"\ntokens_per_second = 40.0\n\
             [[reply]]\ntext = \"quick\"\n"
        ));
        let (mut lender, mut borrower) = subject.both().await;
        let mut req = ask("a story");
        req.sampling.temperature = Some(temperature);
        let slow = borrower.begin(req);
        borrower.pieces(slow, 2).await;
        // The second finds the script's at its beginning again.
        for _ in 0..2 {
            assert_eq!(text(&mut lender).await, "quick");
        }
        let (mut heard, mut started) = (String::new(), 0);
        let usage = in_time(borrower.until(|event| match event {
            EngineEvent::Started { .. } => {
                started += 1;
                None
            }
            EngineEvent::Delta { text, .. } => {
                heard.push_str(&text);
                None
            }
            EngineEvent::Finished { usage, .. } => Some(usage),
            _ => None,
        }))
        .await;
        // It was told before, and so were the first words.
        assert_eq!((started, usage.completion_tokens), (0, 40), "{temperature}");
        assert!(story.ends_with(heard.as_str()) && heard.len() < story.len(), "{temperature}: {heard}");
    }
}

#[tokio::test]
async fn an_answer_of_chance_goes_on_where_it_was() {
    let story = words(40);
    let subject = Subject::new(&format!(
        "[[reply]]\nwhen = \"story\"\ntext = \"{story}\"\ntokens_per_second = 40.0\n[[reply]]\ntext = \"quick\"\n"
    ));
    let (mut lender, mut borrower) = subject.both().await;
    let mut req = ask("a story");
    req.sampling.temperature = Some(0.7);
    let slow = borrower.begin(req);
    borrower.pieces(slow, 2).await;
    assert_eq!(text(&mut lender).await, "quick");
    let answer = borrower.answer_to(slow).await.expect("answers");
    assert_eq!((answer.usage.completion_tokens, answer.reason), (40, FinishReason::Stop));
    assert!(story.ends_with(answer.text.as_str()) && answer.text.len() > story.len() / 2, "{}", answer.text);
}

#[tokio::test]
async fn one_that_becomes_another_goes_on_from_what_was_said() {
    // A process gives its replies in turn: made once more, it is another.
    let subject = Subject::new(&format!(
        "[[reply]]\nwhen = \"well\"\ntext = \"quick\"\n[[reply]]\ntext = \"{}\"\ntokens_per_second = 40.0\n\
         [[reply]]\ntext = \"something else\"\n[[reply]]\ntext = \" and the end\"\n",
        words(40)
    ));
    let (mut lender, mut borrower) = subject.both().await;
    let slow = borrower.begin(ask("a story"));
    borrower.pieces(slow, 2).await;
    assert_eq!(text(&mut lender).await, "quick");
    let answer = borrower.answer_to(slow).await.expect("answers");
    assert!(answer.text.ends_with(" and the end") && !answer.text.contains("else"), "{}", answer.text);
}

#[tokio::test]
async fn a_limit_holds_across_the_pause() {
    let subject = Subject::new(&format!(
        "[[reply]]\nwhen = \"story\"\ntext = \"{}\"\ntokens_per_second = 40.0\n[[reply]]\ntext = \"quick\"\n",
        words(60)
    ));
    let (mut lender, mut borrower) = subject.both().await;
    let mut req = ask("a story");
    req.max_tokens = Some(12);
    let slow = borrower.begin(req);
    borrower.pieces(slow, 2).await;
    assert_eq!(text(&mut lender).await, "quick");
    let answer = borrower.answer_to(slow).await.expect("answers");
    assert_eq!((answer.usage.completion_tokens, answer.reason), (12, FinishReason::Length));
    assert!(words(12).ends_with(answer.text.trim_start()), "{}", answer.text);
}

#[tokio::test]
async fn to_cancel_one_is_not_to_cancel_the_other() {
    let subject = Subject::new(&format!("[[reply]]\ntext = \"{}\"\ntokens_per_second = 50.0\n", words(40)));
    let (mut lender, mut borrower) = subject.both().await;
    // Both call their answer by the same number.
    let own = lender.begin(ask("mine"));
    let guests = borrower.begin(ask("yours"));
    assert_eq!(own, guests);
    lender.pieces(own, 2).await;
    borrower.handle.send(EngineCmd::Cancel(guests));
    let cancelled = borrower.answer_to(guests).await.expect("an end");
    assert_eq!((cancelled.reason, cancelled.text.as_str()), (FinishReason::Cancelled, ""));
    let whole = lender.answer_to(own).await.expect("answers");
    assert_eq!(whole.reason, FinishReason::Stop);
    // And the other way round.
    let guests = borrower.begin(ask("yours"));
    borrower.pieces(guests, 2).await;
    lender.handle.send(EngineCmd::Cancel(guests));
    assert_eq!(borrower.answer_to(guests).await.expect("answers").reason, FinishReason::Stop);
    // One that is being made.
    let guests = borrower.begin(ask("yours"));
    borrower.pieces(guests, 2).await;
    borrower.handle.send(EngineCmd::Cancel(guests));
    assert_eq!(borrower.answer_to(guests).await.expect("an end").reason, FinishReason::Cancelled);
    assert!(text(&mut lender).await.ends_with("w40"));
}

#[tokio::test]
async fn guests_take_turns() {
    let subject = Subject::new(&format!("[[reply]]\ntext = \"{}\"\ntokens_per_second = 200.0\n", words(20)));
    let (_lender, mut first) = subject.both().await;
    let mut second = subject.borrower();
    second.load(&subject.spec).await.expect("is let in");
    let (a, b) = (first.begin(ask("a")), second.begin(ask("b")));
    let both = tokio::join!(first.answer_to(a), second.answer_to(b));
    assert!(both.0.expect("answers").text.ends_with("w20") && both.1.expect("answers").text.ends_with("w20"));
    // A second one of the same guest is refused, and the first is not disturbed.
    let a = first.begin(ask("a"));
    let other = GenId(77);
    first.handle.send(EngineCmd::Generate { id: other, req: ask("b") });
    let refused = first.answer_to(other).await.expect_err("is refused");
    assert_eq!(refused.kind, ErrorKind::Generation);
    assert!(first.answer_to(a).await.is_ok());
}

#[tokio::test]
async fn a_guest_that_vanishes_leaves_the_engine_free() {
    let subject = Subject::new(&format!(
        "[[reply]]\nwhen = \"story\"\ntext = \"{}\"\ntokens_per_second = 5.0\n[[reply]]\ntext = \"quick\"\n",
        words(4000)
    ));
    let (mut lender, mut borrower) = subject.both().await;
    let slow = borrower.begin(ask("a story"));
    borrower.pieces(slow, 1).await;
    scripts(&mut lender, 1).await;
    drop(borrower);
    scripts(&mut lender, 0).await;
    let before = Instant::now();
    assert_eq!(text(&mut lender).await, "quick");
    assert!(before.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_holder_that_lets_go_says_so_only_where_words_are_lost() {
    let story = format!("[[reply]]\ntext = \"{}\"\ntokens_per_second = 20.0\n", words(400));
    let subject = Subject::new(&story);
    let (mut lender, mut borrower) = subject.both().await;
    let slow = borrower.begin(ask("a story"));
    borrower.pieces(slow, 2).await;
    lender.unload().await;
    let error = borrower.answer_to(slow).await.expect_err("the end of it");
    assert_eq!((error.kind, error.kind.exit_code()), (ErrorKind::Generation, 5));
    assert!(error.message.contains("hobnob") && error.hint.is_some(), "{error}");

    // Nothing of it was seen: it is made anew, by a process of the guest's own.
    let subject = Subject::new("[[reply]]\nprefill_ms = 700\ntext = \"fine\"\n");
    let (mut lender, mut borrower) = subject.both().await;
    let id = borrower.begin(ask("well?"));
    borrower.started(id).await;
    lender.unload().await;
    let answer = borrower.answer_to(id).await.expect("answers all the same");
    assert_eq!(answer.text, "fine");
    assert!(answer.reloads > 0, "by another process");
    // So is one that waits, and the next one after.
    assert_eq!(text(&mut borrower).await, "fine");
}

#[tokio::test]
async fn an_answer_waits_for_the_engine_to_be_loaded_again() {
    // A prompt that is being read can't be stopped but by ending the process.
    let subject = Subject::new(
        "[[reply]]\nwhen = \"story\"\nprefill_ms = 1500\ntext = \"a long one\"\n[[reply]]\ntext = \"quick\"\n",
    );
    let (mut lender, mut borrower) = subject.both().await;
    let slow = borrower.begin(ask("a story"));
    borrower.started(slow).await;
    let own = lender.begin(ask("well?"));
    lender.until(|event| (event == EngineEvent::Unloaded { forgotten: false }).then_some(())).await;
    assert_eq!(in_time(lender.answer_to(own)).await.expect("answers").text, "quick");
    assert_eq!(in_time(borrower.answer_to(slow)).await.expect("answers").text, "a long one");
}

#[tokio::test]
async fn a_message_wakes_the_engine_that_sleeps() {
    let subject = Subject::new(IN_TURN);
    let (mut lender, mut borrower) = subject.both().await;
    assert_eq!(text(&mut lender).await, "one");
    for _ in 0..2 {
        lender.handle.send(EngineCmd::Sleep);
        lender.until(|event| (event == EngineEvent::Unloaded { forgotten: false }).then_some(())).await;
        assert_eq!(in_time(text(&mut borrower)).await, "one", "by a new process");
        assert_eq!(text(&mut lender).await, "two", "which is the holder's");
    }
}

#[tokio::test]
async fn an_engine_that_can_t_be_loaded_again_is_told_to_whoever_asked() {
    let subject = Subject::new(IN_TURN);
    let (mut lender, mut borrower) = subject.both().await;
    lender.handle.send(EngineCmd::Sleep);
    lender.until(|event| (event == EngineEvent::Unloaded { forgotten: false }).then_some(())).await;
    std::fs::write(&subject.spec.location, "fail_load = \"no such luck\"\n").expect("writes");
    let error = in_time(borrower.answer(ask("well?"))).await.expect_err("it does not load");
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::LoadFailed, "no such luck"));
    // The next message tries once more, alone.
    std::fs::write(&subject.spec.location, IN_TURN).expect("writes");
    assert_eq!(in_time(text(&mut borrower)).await, "one");
}

#[tokio::test]
async fn an_engine_that_dies_of_a_script_is_told_to_both() {
    let subject = Subject::new(
        "[[reply]]\nwhen = \"bad\"\ntext = \"some words\"\ndie = \"abort\"\nafter = 1\n[[reply]]\ntext = \"fine\"\n",
    );
    let (mut lender, mut borrower) = subject.both().await;
    let error = borrower.answer(ask("bad")).await.expect_err("dies");
    assert!(error.message.contains("crashed"), "{error}");
    lender.until(|event| matches!(event, EngineEvent::Died { .. }).then_some(())).await;
    assert_eq!(text(&mut lender).await, "fine");
    assert_eq!(text(&mut borrower).await, "fine");
}

#[tokio::test]
async fn one_that_stays_for_scripts_has_its_engine_again_for_the_next() {
    let bad = "[[reply]]\nwhen = \"bad\"\ndie = \"abort\"\n";
    let subject = Subject::new(&format!("{bad}{IN_TURN}"));
    let mut keeper = subject.keeper();
    keeper.load(&subject.spec).await.expect("loads");
    let mut borrower = subject.borrower();
    borrower.load(&subject.spec).await.expect("is let in");
    in_time(borrower.answer(ask("bad"))).await.expect_err("dies");
    keeper.until(|event| matches!(event, EngineEvent::Died { .. }).then_some(())).await;
    for told in ["one", "two"] {
        let mut next = subject.borrower();
        in_time(next.load(&subject.spec)).await.expect("is let in");
        assert_eq!(in_time(text(&mut next)).await, told, "by the same process");
    }
}

#[tokio::test]
async fn the_same_model_is_not_loaded_again_under_a_script() {
    let subject = Subject::new(&format!("[[reply]]\ntext = \"{}\"\ntokens_per_second = 50.0\n", words(30)));
    let (mut lender, mut borrower) = subject.both().await;
    let slow = borrower.begin(ask("a story"));
    borrower.pieces(slow, 2).await;
    lender.load(&subject.spec).await.expect("it is there");
    assert_eq!(borrower.answer_to(slow).await.expect("goes on").reason, FinishReason::Stop);
}

#[tokio::test]
async fn whatever_is_in_the_folder_a_guest_gets_its_answer() {
    let subject = Subject::new(IN_TURN);
    let run = subject.run();
    std::fs::create_dir(&run).expect("a folder");
    // One that was left behind, one that never says a word (a stopped program), one that talks nonsense, one that hangs up.
    let stale = run.join("warm-1.sock");
    drop(UnixListener::bind(&stale).expect("binds"));
    let _silent = UnixListener::bind(run.join("warm-2.sock")).expect("binds");
    let nonsense = UnixListener::bind(run.join("chat-3.sock")).expect("binds");
    std::thread::spawn(move || {
        for (n, stream) in nonsense.incoming().enumerate() {
            let mut stream = stream.expect("comes");
            if n == 0 {
                let _ = stream.write_all(b"\x05\0\0\0hello and more");
                let _ = stream.read(&mut [0; 10]);
            }
        }
    });
    std::fs::write(run.join("chat-4.sock"), "").expect("writes");
    let mut borrower = subject.borrower();
    borrower.load(&subject.spec).await.expect("loads its own");
    assert_eq!(text(&mut borrower).await, "one");
    assert!(!stale.exists(), "what was left behind is cleared away");
}

/// A frame as the two ends send them.
fn frame(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("short");
    [&length.to_le_bytes()[..], text.as_bytes()].concat()
}

#[tokio::test]
async fn another_version_is_refused_in_words_that_it_may_understand() {
    let subject = Subject::new(IN_TURN);
    let mut lender = subject.lender();
    lender.load(&subject.spec).await.expect("loads");
    let (socket, _) = holders(&subject.run()).await.remove(0);
    let program = env!("CARGO_PKG_VERSION");
    let knocks = [
        format!(
            "{{\"speaker\":{{\"protocol\":{},\"program\":\"{program}\"}},\"want\":\"Look\"}}",
            protocol::VERSION + 1
        ),
        format!("{{\"speaker\":{{\"protocol\":{},\"program\":\"9.9.9\"}},\"want\":\"Look\"}}", protocol::VERSION),
        "{\"something\":\"else\"}".to_owned(),
        "no JSON".to_owned(),
    ];
    for knock in knocks {
        let mut stream = UnixStream::connect(&socket).expect("connects");
        stream.write_all(&frame(&knock)).expect("writes");
        let reply = tokio::task::spawn_blocking(move || {
            let mut reply = Vec::new();
            stream.read_to_end(&mut reply).expect("reads to its end");
            reply
        });
        let reply = reply.await.expect("reads");
        assert!(String::from_utf8_lossy(&reply).contains("\"Refused\""), "{knock}");
    }
    assert_eq!(text(&mut lender).await, "one", "it is none the worse");
}
