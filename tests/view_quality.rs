//! Few bits are told of before anything is downloaded, and a model that can't be loaded still shows how many it has.

mod support;

use hobnob::app::models::find::Searching;
use hobnob::app::msg::Msg;
use hobnob::domain::HubEvent;
use hobnob::domain::hub::{Hit, Hits, Kind, Local};
use hobnob::domain::model::LocalModel;
use support::app::{Driver, broken, machine};
use support::found::{hit, repo};

fn models(local: Vec<LocalModel>) -> Driver {
    let mut d = Driver::new();
    d.begin();
    d.send(Msg::Machine(machine()));
    d.hub(HubEvent::Local(Local { models: local, ..Local::default() }));
    d.key("f3");
    d
}

/// What is said of a repository of this name while it is chosen.
fn said_of(name: &str) -> String {
    let mut d = models(Vec::new());
    d.key("2");
    let (Searching::New(id) | Searching::More(id)) = d.app.models.find.searching else { panic!("nothing is asked") };
    let hits = vec![Hit { repo: repo(name), kinds: vec![Kind::Mlx], ..hit(0) }];
    d.hub(HubEvent::Found { id, result: Box::new(Ok(Hits { hits, next: None })) });
    d.key("end");
    d.screen(80, 24)
}

#[test]
fn a_repository_of_few_bits_is_warned_of() {
    assert!(
        said_of("org/Qwen3-4B-2bit").contains("2 bits leave little of a model"),
        "{}",
        said_of("org/Qwen3-4B-2bit")
    );
    assert!(said_of("org/Qwen3-4B-3bit").contains("below 4 bits, forms of answers"));
    assert!(!said_of("org/Qwen3-4B-4bit").contains("bits"), "{}", said_of("org/Qwen3-4B-4bit"));
}

#[test]
fn what_cannot_be_loaded_shows_its_quantisation() {
    let mut d = models(vec![LocalModel { reference: "org/cut:Q4_K_M".into(), ..broken() }]);
    let screen = d.screen(80, 24);
    let row = screen.lines().find(|line| line.contains("can't load")).expect("a row");
    assert!(row.contains("Q4_K_M"), "{row}");
}
