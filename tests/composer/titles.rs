//! Commands that take the title of a conversation, or a model.

use std::time::Duration;

use hobnob::app::completion::Offer;
use hobnob::app::msg::Msg;
use hobnob::app::{Overlay, ToastKind};
use hobnob::domain::store::{Change, ConvId, ConvIds, StoreCmd, StoreEvent, Summary, Which};

use super::ready;
use super::support::app::Driver;

fn ids() -> [ConvId; 4] {
    let mut ids = ConvIds::seeded(5);
    std::array::from_fn(|_| ids.make())
}

/// The list that was asked for.
fn listed(d: &mut Driver, titles: &[&str]) {
    let asked = d.stored.iter().rev().find_map(|command| match command {
        StoreCmd::List { ask, .. } => Some(*ask),
        _ => None,
    });
    let summary = |(id, title): (ConvId, &&str)| Summary {
        id,
        title: (*title).into(),
        model: None,
        messages: 2,
        preview: String::new(),
        age: Duration::from_secs(7200),
        updated: 0,
        pinned: false,
        archived: false,
        draft: false,
    };
    let conversations = ids().into_iter().zip(titles).map(summary).collect();
    d.send(Msg::Store(StoreEvent::Listed { ask: asked.expect("the store was asked"), conversations }));
}

fn offers(d: &Driver) -> Vec<String> {
    let value = |offer: &Offer| match offer {
        Offer::Value { value, .. } => Some(value.clone()),
        _ => None,
    };
    d.app.chat.composer.completion.offers().iter().filter_map(value).collect()
}

fn opened(d: &Driver) -> Option<Which> {
    d.stored.iter().rev().find_map(|command| match command {
        StoreCmd::Open { which, .. } => Some(*which),
        _ => None,
    })
}

const TITLES: &[&str] = &["Why is the sky blue?", "Bread\u{1b}[31m at night", "Why not", ""];

#[test]
fn titles_are_offered_as_they_are_typed_and_enter_goes_there() {
    let mut d = ready();
    d.type_text("/conversations ");
    listed(&mut d, TITLES);
    assert_eq!(offers(&d), ["Why is the sky blue?", "Bread at night", "Why not"], "those that have one, harmless");
    d.type_text("night");
    assert_eq!(offers(&d), ["Bread at night"]);
    let asked = d.stored.len();
    d.key("tab");
    assert_eq!(d.app.chat.composer.area.text(), "/conversations Bread at night");
    assert!(d.stored[asked..].iter().all(|command| !matches!(command, StoreCmd::List { .. })), "they are known");
    d.key("enter");
    assert_eq!(opened(&d), Some(Which::Id(ids()[1])));
    assert!(d.app.chat.composer.area.is_empty());
}

#[test]
fn the_beginning_of_a_title_is_enough_and_where_several_begin_so_the_list_says_which() {
    let mut d = ready();
    d.type_text("/conversations why is");
    listed(&mut d, TITLES);
    d.key("enter");
    assert_eq!(opened(&d), Some(Which::Id(ids()[0])));
    d.stored.clear();
    d.type_text("/conversations why");
    listed(&mut d, TITLES);
    d.key("enter");
    assert_eq!(opened(&d), None);
    let Some(Overlay::Conversations(list)) = &d.app.overlay else { panic!("the list is open") };
    assert_eq!(list.query.text(), "why");
    assert!(d.stored.iter().any(|command| matches!(command, StoreCmd::Search { words, .. } if words == "why")));
}

#[test]
fn who_types_faster_than_the_disk_is_read_gets_there_all_the_same() {
    let mut d = ready();
    d.type_text("/conversations bread");
    d.key("enter");
    assert!(d.app.chat.composer.area.is_empty());
    d.type_text("next");
    assert_eq!((opened(&d), d.app.overlay.is_none()), (None, true));
    listed(&mut d, TITLES);
    assert_eq!(opened(&d), Some(Which::Id(ids()[1])));
}

#[test]
fn without_a_title_the_list_opens_as_ever() {
    let mut d = ready();
    d.type_text("/conversations");
    d.key("enter");
    assert!(matches!(d.app.overlay, Some(Overlay::Conversations(_))));
    assert!(d.app.chat.composer.area.is_empty());
}

#[test]
fn a_conversation_gets_the_title_that_stands_behind_the_command() {
    let mut d = ready();
    d.type_text("/rename The sky");
    d.key("enter");
    assert_eq!(d.app.toasts[0].kind, ToastKind::Note);
    assert_eq!(d.app.chat.composer.area.text(), "/rename The sky", "there is none yet");
    d.key("ctrl-c");
    d.say("Why?");
    d.type_text("/rename  The\u{7} sky ");
    d.stored.clear();
    d.key("enter");
    let title = Change::Title(Some("The sky".into()));
    assert!(
        d.stored.iter().any(|command| matches!(command, StoreCmd::Keep { changes, .. } if changes.contains(&title)))
    );
    assert!(d.app.chat.composer.area.is_empty());
    assert_eq!(d.app.saved.listed.title, "The sky");
}

#[test]
fn models_that_have_to_be_got_first_are_offered_where_they_can_be() {
    let mut d = ready();
    for (command, offered) in [("/load ", true), ("/retry ", false), ("/compare ", false)] {
        d.type_text(command);
        let offers = offers(&d);
        assert!(offers.iter().any(|value| value == "starter"), "{command}: {offers:?}");
        assert_eq!(offers.iter().any(|value| value == "qwen3-4b"), offered, "{command}: {offers:?}");
        d.key("ctrl-u");
    }
}
