//! What is on the screen, at three sizes: a change that a person would see changes a file in `tests/snapshots`.
//!
//! After a change that is wanted: `INSTA_UPDATE=always cargo test --test view_snapshots`, and read the difference.

mod support;

use std::time::Duration;

use hobnob::app::Network;
use hobnob::app::msg::{Msg, TermEvent, TimerId};
use hobnob::config::theme::{Capabilities, ColourDepth};
use hobnob::domain::conversation::Form;
use hobnob::domain::hub::{Files, Local};
use hobnob::domain::model::{ModelFacts, ModelInfo};
use hobnob::domain::quant::KeptCopy;
use hobnob::domain::sampling::SamplingPatch;
use hobnob::domain::stats::{GenStats, Usage};
use hobnob::domain::store::{ConvIds, Hit, Row, StoreCmd, StoreEvent, Summary};
use hobnob::domain::{
    Constraint, DownloadState, EngineEvent, FinishReason, GenId, HubEvent, JobId, LoadId, LoadStage, PieceKind, Role,
};
use hobnob::error::{ErrorKind, UserError};
use support::app::{Driver, TEMPLATE, broken, facts, huge, info, mac, machine, measured, starter};

const SIZES: [(u16, u16); 3] = [(80, 24), (200, 60), (40, 12)];

fn snapshots(name: &str, d: &mut Driver) {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), d.screen(width, height));
    }
}

const ANSWER: &str = "The sky looks blue because air scatters **short** wavelengths more.\n\n\
    1. Sunlight holds every colour.\n2. Blue is scattered about *ten times* more than red.\n\n\
    ```rust\nfn scatter(wavelength: f64) -> f64 {\n    wavelength.powi(-4)\n}\n```\n\n\
    | colour | nm  | scattered |\n|--------|----:|----------:|\n| blue   | 450 | 4.4       |\n| red    | 650 | 1.0       |\n";

fn conversation() -> Driver {
    let mut d = Driver::new();
    d.ready();
    d.say("Why is the sky blue?");
    d.engine(EngineEvent::Started { id: GenId(1), prompt_tokens: 36, cached_tokens: None, context: 4096 });
    for piece in ANSWER.split_inclusive(' ') {
        d.delta(1, piece);
    }
    d.finish(1, FinishReason::Stop);
    d
}

#[test]
fn the_first_start_offline() {
    let mut d = Driver::new();
    d.app.network = Network::Forbidden;
    d.begin();
    d.hub(HubEvent::Local(Local { models: vec![], ..Local::default() }));
    snapshots("welcome_offline", &mut d);
    d.key("f3");
    snapshots("no_models_offline", &mut d);
}

#[test]
fn the_first_start() {
    let mut d = Driver::new();
    d.begin();
    snapshots("looking", &mut d);
    d.hub(HubEvent::Local(Local { models: vec![], ..Local::default() }));
    snapshots("welcome", &mut d);
    d.key("enter");
    d.pass(Duration::from_millis(1200));
    let state = DownloadState::Running {
        done: 41_000_000,
        total: 98_362_432,
        bytes_per_second: 34_000_000.0,
        source: "huggingface.co".into(),
        files: Files::ONE,
    };
    d.hub(HubEvent::Download { id: JobId(1), state });
    snapshots("downloading", &mut d);
}

#[test]
fn a_conversation() {
    let mut d = conversation();
    snapshots("answered", &mut d);
    d.key("page-up");
    snapshots("scrolled", &mut d);
}

/// Everything that an answer can have, and tall enough windows to see all of it.
#[test]
fn a_page_of_markdown() {
    let answered = |capabilities: Option<Capabilities>| {
        let mut d = capabilities.map_or_else(Driver::new, |capabilities| Driver::with(vec![], capabilities));
        d.ready();
        d.say("Show me everything");
        for piece in include_str!("markdown/demo.md").split_inclusive(' ') {
            d.delta(1, piece);
        }
        d.finish(1, FinishReason::Stop);
        d
    };
    let mut d = answered(None);
    for (width, height) in [(80, 150), (200, 130), (40, 240)] {
        insta::assert_snapshot!(format!("markdown_{width}"), d.screen(width, height));
    }
    snapshots("markdown", &mut d);
    let mut d = answered(Some(Capabilities { depth: ColourDepth::None, unicode: false }));
    insta::assert_snapshot!("markdown_ascii_80", d.screen(80, 150));
}

#[test]
fn an_answer_on_its_way() {
    let mut d = conversation();
    d.say("Tell me more.\nAnd use short words.");
    d.pass(Duration::from_millis(1500));
    snapshots("reading", &mut d);
    d.engine(EngineEvent::Started { id: GenId(2), prompt_tokens: 210, cached_tokens: None, context: 4096 });
    let reasoning = "The user wants more. Short words it is.";
    d.engine(EngineEvent::Delta { id: GenId(2), kind: PieceKind::Reasoning, text: reasoning.into(), tokens: 9 });
    for i in 0..60 {
        d.delta(2, if i % 9 == 8 { "blue.\n\n" } else { "light " });
    }
    d.say("And why is it red at dusk?");
    d.type_text("A draft with 日本語 and 👩‍👩‍👧");
    snapshots("streaming", &mut d);
}

#[test]
fn a_failed_answer() {
    let mut d = conversation();
    d.say("More");
    d.delta(2, "It begins");
    let error = UserError::new(ErrorKind::Generation, "the engine ran out of memory while answering")
        .hint("a smaller context takes less: Settings, Context");
    d.engine(EngineEvent::Failed { id: GenId(2), error: error.clone() });
    d.engine(EngineEvent::Died { error });
    snapshots("failed", &mut d);
}

/// A conversation in a context of 512 tokens, and a message that has no room in it any more.
fn crowded() -> Driver {
    let mut d = Driver::new();
    d.begin();
    d.hub(HubEvent::Local(Local { models: vec![starter()], ..Local::default() }));
    d.key("enter");
    let info = ModelInfo { context: 512, ..info() };
    d.engine(EngineEvent::Loaded { id: LoadId(1), info: Box::new(info) });
    d.send(Msg::Machine(machine()));
    let mut so_far = TEMPLATE.question - TEMPLATE.message();
    for (id, question, answer) in [
        (1, "Why is the sky blue?", "Air scatters blue light more than it scatters red. "),
        (2, "And why red at dusk?", "The light comes a long way, without its blue. "),
        (3, "And how on Mars then?", "Dust makes the day red and the dusk blue. "),
    ] {
        d.say(question);
        // Five words and 135, which are tokens here.
        let prompt = so_far + 5 + TEMPLATE.message();
        so_far = prompt + 135;
        d.engine(EngineEvent::Started { id: GenId(id), prompt_tokens: prompt, cached_tokens: None, context: 512 });
        d.delta(id, &answer.repeat(15));
        let usage = Usage { prompt_tokens: prompt, cached_tokens: None, completion_tokens: 135 };
        let stats = GenStats {
            first_token: Some(Duration::from_millis(310)),
            decode: Duration::from_millis(1750),
            total: Duration::from_millis(2060),
        };
        let reason = FinishReason::Stop;
        d.engine(EngineEvent::Finished { id: GenId(id), reason, usage, stats, satisfied: None });
        d.count();
    }
    d.send(Msg::Term(TermEvent::Paste("Write a poem of it, with a verse for every colour. ".repeat(4))));
    d.count();
    d
}

#[test]
fn a_prompt_without_room() {
    let mut d = crowded();
    snapshots("no_room_soon", &mut d);
    d.key("enter");
    snapshots("no_room", &mut d);
    d.key("enter");
    d.delta(4, "Red, orange, yellow");
    d.finish(4, FinishReason::Length);
    snapshots("left_out", &mut d);
    let mut d = crowded();
    d.key("enter");
    d.key("down");
    d.key("enter");
    d.delta(4, "They spoke of the colours of the sky here and on Mars.");
    d.finish(4, FinishReason::Stop);
    d.delta(5, "Red, orange, yellow");
    d.finish(5, FinishReason::Context);
    snapshots("summarised", &mut d);
}

#[test]
fn a_draft_that_is_too_long_by_itself() {
    let mut d = conversation();
    d.send(Msg::Term(TermEvent::Paste("a line of a log that is much too long\n".repeat(5000))));
    d.count();
    snapshots("too_long", &mut d);
}

#[test]
fn a_long_prompt_is_being_read() {
    let mut d = conversation();
    d.say("first");
    d.engine(EngineEvent::Started { id: GenId(2), prompt_tokens: 1000, cached_tokens: Some(0), context: 4096 });
    d.delta(2, "a");
    let usage = Usage { prompt_tokens: 1000, cached_tokens: Some(0), completion_tokens: 1 };
    let stats = GenStats { first_token: Some(Duration::from_secs(20)), ..GenStats::default() };
    let reason = FinishReason::Stop;
    d.engine(EngineEvent::Finished { id: GenId(2), reason, usage, stats, satisfied: None });
    d.say("second");
    d.engine(EngineEvent::Started { id: GenId(3), prompt_tokens: 4013, cached_tokens: Some(1001), context: 4096 });
    d.pass(Duration::from_secs(12));
    snapshots("reading_long", &mut d);
}

#[test]
fn a_model_that_sleeps_and_a_load_that_was_cancelled() {
    let mut d = conversation();
    d.engine(EngineEvent::Unloaded { forgotten: false });
    snapshots("asleep", &mut d);
    d.key("f6");
    d.key("esc");
    snapshots("load_cancelled", &mut d);
}

#[test]
fn commands_are_offered() {
    let mut d = conversation();
    d.type_text("/re");
    snapshots("suggestions", &mut d);
}

#[test]
fn the_models() {
    let mut d = conversation();
    d.hub(HubEvent::Local(Local { models: vec![starter(), huge(), broken()], ..Local::default() }));
    d.key("f3");
    d.key("down");
    snapshots("models", &mut d);
    d.key("enter");
    snapshots("too_large", &mut d);
    let mut d = Driver::new();
    d.begin();
    d.hub(HubEvent::Local(Local { models: vec![starter(), huge()], ..Local::default() }));
    d.send(Msg::Machine(mac()));
    d.key("f3");
    snapshots("models_on_a_mac", &mut d);
    let mut d = Driver::new();
    d.begin();
    let unreadable = UserError::new(ErrorKind::Disk, "/mnt/models can't be read: permission denied");
    d.hub(HubEvent::Local(Local { problems: vec![unreadable], ..Local::default() }));
    d.key("f3");
    snapshots("no_models", &mut d);
}

/// The caution is of builds without a GPU, and the model is of those with Apple's.
#[cfg(not(any(feature = "cuda", target_os = "macos")))]
#[test]
fn a_model_for_macs() {
    use hobnob::domain::model::{Format, ModelFacts};

    let mut d = conversation();
    let mut model = starter();
    model.name = "SmolLM2 135M Instruct 4bit".into();
    model.reference = "mlx-community/SmolLM2-135M-Instruct-4bit".into();
    model.format = Format::Safetensors;
    model.facts = Ok(ModelFacts { quant: "4-bit MLX".into(), mlx: true, ..support::app::facts() });
    d.hub(HubEvent::Local(Local { models: vec![model], ..Local::default() }));
    d.key("f3");
    snapshots("model_for_macs", &mut d);
}

#[test]
fn a_measured_model() {
    let mut d = Driver::new();
    d.ready();
    d.send(Msg::Measured { known: vec![measured()], problem: None });
    d.key("f3");
    d.pass(Duration::from_secs(86_400));
    snapshots("measured", &mut d);
}

#[test]
fn a_model_that_was_quantised_on_its_way_in() {
    let mut d = conversation();
    d.key("f6");
    let info = ModelInfo {
        quant: "Q8_0".into(),
        copy: KeptCopy::Possible,
        load_time: Duration::from_secs(48),
        facts: ModelFacts { quant: "BF16".into(), ..facts() },
        ..info()
    };
    d.engine(EngineEvent::Loaded { id: LoadId(2), info: Box::new(info) });
    snapshots("quantised", &mut d);
    d.key("f7");
    d.engine(EngineEvent::Progress { id: LoadId(3), stage: LoadStage::Keeping });
    d.pass(Duration::from_secs(21));
    snapshots("keeping", &mut d);
}

#[test]
fn the_settings() {
    let mut d = conversation();
    d.key("f4");
    d.app.settings_pane.go_to("sampling.temperature");
    d.key("right");
    snapshots("settings", &mut d);
    d.app.settings_pane.go_to("engine.context");
    d.key("right");
    snapshots("settings_reload", &mut d);
    d.key("enter");
    d.type_text("x");
    d.key("enter");
    snapshots("settings_refused", &mut d);
}

#[test]
fn in_front_of_a_pane() {
    let mut d = conversation();
    d.key("ctrl-p");
    d.type_text("them");
    snapshots("palette", &mut d);
    d.key("esc");
    d.key("f1");
    snapshots("help", &mut d);
    // Nothing of it is cut, at any width.
    for width in [24, 40, 60, 84, 120] {
        let screen = d.screen(width, 400);
        let mut rows = screen.lines().filter(|line| line.contains('│') && !line.contains("closes"));
        assert!(rows.all(|line| !line.contains('…')), "{screen}");
    }
    d.key("esc");
    d.type_text("/theme");
    d.key("enter");
    snapshots("themes", &mut d);
    d.key("esc");
    d.key("ctrl-q");
    let mut d = conversation();
    d.key("ctrl-c");
    snapshots("quit", &mut d);
}

#[test]
fn a_terminal_that_is_not_unicode_gets_ascii() {
    let mut d = Driver::with(vec![], Capabilities { depth: ColourDepth::Ansi16, unicode: false });
    d.ready();
    d.say("Why is the sky blue?");
    for piece in ANSWER.split_inclusive(' ') {
        d.delta(1, piece);
    }
    d.finish(1, FinishReason::Stop);
    d.say("日本語 — “quoted”");
    let screen = d.screen(80, 24);
    assert!(screen.is_ascii(), "{screen}");
    insta::assert_snapshot!("ascii_80x24", screen);
}

#[test]
fn no_size_is_too_small_to_draw() {
    let mut d = conversation();
    for pane in ["f2", "f3", "f4", "ctrl-p", "f1"] {
        d.key(pane);
        for width in [1, 2, 3, 7, 13, 20, 33, 59, 61] {
            for height in [1, 2, 3, 4, 5, 8, 13] {
                d.screen(width, height);
            }
        }
    }
}

#[test]
fn the_place_where_one_types_is_in_sight_in_a_field_that_is_too_narrow() {
    for open in [&["ctrl-p"][..], &["ctrl-r"], &["f8"], &["/schema"], &["ctrl-f"], &["/import"], &["f3", "2", "/"]] {
        let mut d = conversation();
        for step in open {
            match step.strip_prefix('/').filter(|command| !command.is_empty()) {
                Some(_) => {
                    d.type_text(step);
                    d.key("enter");
                }
                None => {
                    d.key(step);
                }
            }
        }
        d.send(Msg::Term(TermEvent::Paste(format!("BEGIN{}漢字END", "x".repeat(80)))));
        let shown = |d: &mut Driver| {
            let screen = d.screen(40, 12);
            (screen.contains("BEGIN"), screen.contains("漢字END"))
        };
        assert_eq!(shown(&mut d), (false, true), "{open:?}");
        for _ in 0..3 {
            d.key("left");
        }
        assert_eq!(shown(&mut d), (false, true), "{open:?}");
        for _ in 0..90 {
            d.key("left");
        }
        assert_eq!(shown(&mut d), (true, false), "{open:?}");
    }
}

#[test]
fn what_is_read_stays_in_place_while_the_answer_grows_and_the_window_changes() {
    let mut d = conversation();
    d.say("More");
    for i in 0..200 {
        d.delta(2, &format!("Line {i} of the answer.\n\n"));
    }
    d.screen(80, 24);
    d.key("page-up");
    d.key("page-up");
    let top = |screen: String| {
        screen.lines().find(|l| l.contains("Line ")).map(|l| l.trim().to_owned()).expect("the answer is on screen")
    };
    let before = top(d.screen(80, 24));
    for i in 200..400 {
        d.delta(2, &format!("Line {i} of the answer.\n\n"));
    }
    assert_eq!(top(d.screen(80, 24)), before);
    assert_eq!(top(d.screen(120, 40)), before);
    assert_eq!(top(d.screen(40, 12)), before);
    d.key("ctrl-end");
    assert!(d.screen(80, 24).contains("Line 399"));
}

/// A model that can reason is loaded, with something of its own to recommend.
fn thinker(d: &mut Driver) {
    let mut info = info();
    info.facts.can_think = true;
    info.facts.recommended =
        SamplingPatch { temperature: Some(0.6), top_k: Some(20), min_p: Some(0.0), ..SamplingPatch::default() };
    d.engine(EngineEvent::Loaded { id: LoadId(1), info: Box::new(info) });
}

#[test]
fn an_answer_in_a_schema() {
    let mut d = Driver::new();
    d.ready();
    thinker(&mut d);
    d.type_text("/schema");
    d.key("enter");
    snapshots("schema_asked", &mut d);
    d.type_text("person.json");
    d.key("enter");
    let error = UserError::new(
        ErrorKind::Usage,
        "`person.json` can't be used as a schema: no answer can be held to `uniqueItems` at `/items/uniqueItems`",
    );
    d.send(Msg::Schema(Err(error.hint("a JSON Schema says what the answer looks like"))));
    snapshots("schema_refused", &mut d);
    d.key("enter");
    let constraint = Constraint::Schema("{}".into());
    d.send(Msg::Schema(Ok(Form { name: "person.json".into(), constraint })));
    d.key("alt-t");
    d.pass(Duration::from_secs(60));
    d.send(Msg::Timer(TimerId::Toast));
    snapshots("schema_chosen", &mut d);
    d.say("Who was the first?");
    let reason =
        |text: &str| EngineEvent::Delta { id: GenId(1), kind: PieceKind::Reasoning, text: text.into(), tokens: 1 };
    d.engine(reason("They want"));
    d.pass(Duration::from_secs(12));
    d.engine(reason(" a person."));
    for piece in ["{\n", "  \"name\": \"Ada\",\n", "  \"born\": 1815\n", "}"] {
        d.delta(1, piece);
    }
    let usage = Usage { prompt_tokens: 36, cached_tokens: None, completion_tokens: 24 };
    let end = |reason, satisfied, id| EngineEvent::Finished {
        id: GenId(id),
        reason,
        usage,
        stats: GenStats::default(),
        satisfied: Some(satisfied),
    };
    d.engine(end(FinishReason::Stop, true, 1));
    snapshots("schema_answered", &mut d);
    d.key("alt-r");
    d.delta(2, "{\n  \"name\":");
    d.engine(end(FinishReason::Length, false, 2));
    snapshots("schema_cut", &mut d);
}

#[test]
fn a_model_s_own_sampling() {
    let mut d = Driver::new();
    d.ready();
    thinker(&mut d);
    d.key("f4");
    d.app.settings_pane.go_to("sampling.frequency_penalty");
    snapshots("own_sampling", &mut d);
}

#[test]
fn the_conversations() {
    let mut ids = ConvIds::seeded(5);
    let mut of = |title: &str, preview: &str, minutes: u64| Summary {
        id: ids.make(),
        title: title.into(),
        model: Some("starter".into()),
        messages: 4,
        preview: preview.into(),
        age: Duration::from_secs(60 * minutes),
        updated: 0,
        pinned: false,
        archived: false,
        draft: false,
    };
    let all = vec![
        Summary { pinned: true, ..of("Bread", "Let it rest for an hour, then bake it.", 2) },
        of("Why is the sky blue?", "The sky looks blue because air scatters short wavelengths more.", 40),
        Summary { draft: true, ..of("日本語の質問", "はい、そうです。", 60 * 5) },
        Summary {
            messages: 0,
            title: String::new(),
            draft: true,
            ..of("", "A thought that is not finished", 60 * 24 * 3)
        },
        of("A long question about how the tides work where two seas meet", "They add up.", 60 * 24 * 40),
    ];
    let mut d = conversation();
    let asked = |d: &Driver| match d.stored.last() {
        Some(StoreCmd::List { ask, .. } | StoreCmd::Search { ask, .. }) => *ask,
        other => panic!("{other:?}"),
    };
    d.key("f8");
    let hit = Hit {
        conversation: all[1].id,
        title: all[1].title.clone(),
        message: Some((Row(2), Role::Assistant)),
        known_as: None,
        snippet: vec![
            ("…because air scatters short ".into(), false),
            ("wave".into(), true),
            ("lengths more…".into(), false),
        ],
        age: Duration::from_secs(60 * 40),
        pinned: false,
        archived: false,
    };
    let listed = StoreEvent::Listed { ask: asked(&d), conversations: all };
    d.send(Msg::Store(listed));
    d.key("down");
    snapshots("conversations", &mut d);
    d.type_text("wave");
    let first = asked(&d);
    d.send(Msg::Store(StoreEvent::Found { ask: first, hits: vec![] }));
    let found = StoreEvent::Found { ask: asked(&d), hits: vec![hit] };
    d.send(Msg::Store(found));
    snapshots("conversations_found", &mut d);
    d.key("esc");
    d.key("ctrl-r");
    snapshots("conversations_renaming", &mut d);
}

#[test]
fn no_conversations() {
    let mut d = Driver::new();
    d.ready();
    d.key("f8");
    let Some(StoreCmd::List { ask, .. }) = d.stored.last() else { panic!("{:?}", d.stored) };
    let listed = StoreEvent::Listed { ask: *ask, conversations: vec![] };
    d.send(Msg::Store(listed));
    snapshots("conversations_none", &mut d);
}
