//! What was asked before: walked through, searched, and kept by the store.

use hobnob::app::Overlay;
use hobnob::app::msg::Msg;
use hobnob::config::Value;
use hobnob::domain::conversation::{Conversation, MessageState};
use hobnob::domain::store::keeper::Keeper;
use hobnob::domain::store::{Change, ConvIds, Setup, StoreCmd, StoreEvent};
use hobnob::domain::{AskId, FinishReason, Role};
use hobnob::store::Store;

use super::support::app::Driver;
use super::{ready, ready_with, written};

/// How the store was asked for prompts.
fn asks(d: &Driver) -> Vec<AskId> {
    let ask = |command: &StoreCmd| match command {
        StoreCmd::Prompts { ask } => Some(*ask),
        _ => None,
    };
    d.stored.iter().filter_map(ask).collect()
}

pub fn tell(d: &mut Driver, prompts: &[&str]) {
    let ask = *asks(d).last().expect("the store was asked");
    let prompts = prompts.iter().map(|text| (*text).to_owned()).collect();
    d.send(Msg::Store(StoreEvent::Prompts { ask, prompts }));
}

#[test]
fn up_goes_from_this_conversation_into_all_others() {
    let mut d = ready();
    d.say("here");
    d.finish(1, FinishReason::Stop);
    assert_eq!(asks(&d), [], "nothing is read that nobody wants");
    d.type_text("a draft");
    d.key("up");
    assert_eq!((written(&d).as_str(), asks(&d).len()), ("here", 1));
    d.key("up");
    assert_eq!(written(&d), "here", "the next one is on its way");
    tell(&mut d, &["here", "elsewhere", "long ago"]);
    assert_eq!(written(&d), "elsewhere");
    d.key("up");
    assert_eq!(written(&d), "long ago");
    d.key("up");
    assert_eq!((written(&d).as_str(), asks(&d).len()), ("long ago", 1));
    for text in ["elsewhere", "here", "a draft", "a draft"] {
        d.key("down");
        assert_eq!(written(&d), text);
    }
}

#[test]
fn who_types_meanwhile_is_left_alone() {
    let mut d = ready();
    d.key("up");
    d.type_text("new");
    tell(&mut d, &["old"]);
    assert_eq!(written(&d), "new");
    d.key("up");
    assert_eq!(written(&d), "old");
    d.type_text("er");
    d.key("down");
    assert_eq!(written(&d), "older", "what is recalled is a text of its own once it is changed");
}

#[test]
fn it_can_be_kept_off() {
    let mut d = ready_with(vec![("chat.prompt_history", Value::Bool(false), "a test")]);
    d.say("here");
    d.finish(1, FinishReason::Stop);
    d.key("up");
    d.key("up");
    assert_eq!((written(&d).as_str(), asks(&d).len()), ("here", 0));
    d.key("ctrl-r");
    assert!(asks(&d).is_empty());
    let Some(Overlay::Prompts(search)) = &d.app.overlay else { panic!("{:?}", d.app.overlay) };
    assert_eq!(search.known(), 1);
}

#[test]
fn a_search_takes_what_it_finds_and_sends_nothing() {
    let mut d = ready();
    d.type_text("a draft");
    d.key("ctrl-r");
    tell(&mut d, &["Why is the sky blue?", "A recipe for\nleek soup", "And red?"]);
    d.type_text("SOUP");
    assert_eq!(d.key("enter"), []);
    assert_eq!(written(&d), "A recipe for\nleek soup");
    assert!(d.app.overlay.is_none() && d.app.chat.conversation.is_empty());
    d.key("ctrl-/");
    assert_eq!(written(&d), "a draft", "nothing that was typed is lost over it");
    d.key("ctrl-r");
    d.key("ctrl-r");
    d.key("esc");
    assert_eq!(written(&d), "a draft");
    d.key("ctrl-r");
    d.key("ctrl-r");
    d.key("enter");
    assert_eq!(written(&d), "A recipe for\nleek soup", "the key goes on to the next");
}

#[test]
fn where_nothing_was_asked_it_says_so() {
    let mut d = ready();
    d.key("up");
    tell(&mut d, &[]);
    d.key("ctrl-r");
    assert!(d.app.overlay.is_none());
    assert!(d.app.toasts.back().is_some_and(|toast| toast.text.contains("Nothing was asked")));
}

#[test]
fn the_store_has_each_prompt_once_newest_first_and_none_that_was_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut store, _) = Store::open(&folder.path().join("conversations.db")).expect("opens");
    let mut ids = ConvIds::seeded(1);
    let mut say = |prompts: &[&str]| {
        let (id, mut conversation, mut keeper) = (ids.make(), Conversation::default(), Keeper::default());
        for prompt in prompts {
            conversation.push(Role::User, (*prompt).into(), MessageState::Whole);
            conversation.push(Role::Assistant, "an answer".into(), MessageState::Whole);
        }
        let changes = keeper.changes(&mut conversation, Setup::default);
        store.keep(id, &changes).expect("is kept");
        id
    };
    say(&["one", "two"]);
    let gone = say(&["gone"]);
    say(&["one", "three"]);
    store.keep(gone, &[Change::Deleted(true)]).expect("is kept");
    assert_eq!(store.prompts(), Ok(vec!["three".into(), "one".into(), "two".into()]));
}
