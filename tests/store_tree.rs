//! What the store tells of a conversation's branches, and what it calls one.

use hobnob::domain::Role;
use hobnob::domain::conversation::{Conversation, MessageState};
use hobnob::domain::store::keeper::Keeper;
use hobnob::domain::store::{ConvId, Row, Said, Setup};
use hobnob::store::{Store, new_ids};

fn store() -> (tempfile::TempDir, Store, ConvId) {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, note) = Store::open(&folder.path().join("conversations.db")).expect("a store");
    assert_eq!(note, None);
    (folder, store, new_ids().make())
}

fn keep(store: &mut Store, id: ConvId, keeper: &mut Keeper, conversation: &mut Conversation) {
    let changes = keeper.changes(conversation, Setup::default);
    store.keep(id, &changes).expect("kept");
}

fn texts(said: &[Said]) -> Vec<&str> {
    said.iter().map(|said| said.text.as_str()).collect()
}

#[test]
fn a_preview_is_the_end_of_the_branch_that_is_shown() {
    let (_folder, mut store, id) = store();
    let (mut keeper, mut c) = (Keeper::default(), Conversation::default());
    for n in 0..10 {
        let role = if n % 2 == 0 { Role::User } else { Role::Assistant };
        c.push(role, format!("m{n}"), MessageState::Whole);
    }
    keep(&mut store, id, &mut keeper, &mut c);
    assert_eq!(texts(&store.preview(id, None).expect("read")), ["m4", "m5", "m6", "m7", "m8", "m9"]);
    // Another answer takes the last one's place; what leads to the first is still to be seen.
    c.step_back_from_answer();
    c.push(Role::Assistant, "other ".repeat(1000), MessageState::Whole);
    keep(&mut store, id, &mut keeper, &mut c);
    let said = store.preview(id, None).expect("read");
    assert_eq!((said.len(), said[4].text.as_str(), said[5].role), (6, "m8", Role::Assistant));
    assert_eq!(said[5].text.len(), 800, "no more than is looked at");
    let hit = store.search("m3").expect("read").remove(0);
    let Some((row, _)) = hit.message else { panic!("a message") };
    assert_eq!(texts(&store.preview(id, Some(row)).expect("read")), ["m0", "m1", "m2", "m3"]);
    assert_eq!(store.preview(new_ids().make(), None).expect("read"), []);
    assert_eq!(store.preview(id, Some(Row(99_999))).expect("read"), []);
}

#[test]
fn a_greeting_gives_way_to_a_better_title() {
    let (_folder, mut store, id) = store();
    let (mut keeper, mut c) = (Keeper::default(), Conversation::default());
    let title = |store: &Store| store.list(false).expect("read").remove(0).title;
    c.push(Role::User, "Hello there!".into(), MessageState::Whole);
    c.push(Role::Assistant, "Hello!".into(), MessageState::Whole);
    keep(&mut store, id, &mut keeper, &mut c);
    assert_eq!(title(&store), "Hello there!");
    c.push(Role::User, "Can you explain how tides work?".into(), MessageState::Whole);
    keep(&mut store, id, &mut keeper, &mut c);
    assert_eq!(title(&store), "Explain how tides work?");
    c.push(Role::User, "And why twice a day?".into(), MessageState::Whole);
    keep(&mut store, id, &mut keeper, &mut c);
    assert_eq!(title(&store), "Explain how tides work?");
}
