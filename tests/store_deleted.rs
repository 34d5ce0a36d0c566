//! Messages that were deleted: not found, not listed, back when they are wanted back, and gone from the disk in the end.

use std::path::Path;

use hobnob::domain::conversation::{Conversation, MessageState};
use hobnob::domain::store::keeper::Keeper;
use hobnob::domain::store::{ConvId, Draft, Setup, Which};
use hobnob::domain::{MsgId, Role};
use hobnob::store::{Store, new_ids};

fn open(file: &Path) -> Store {
    Store::open(file).expect("opens").0
}

fn keep(store: &mut Store, id: ConvId, keeper: &mut Keeper, conversation: &mut Conversation) {
    store.keep(id, &keeper.changes(conversation, Setup::default)).expect("is kept");
}

fn shown(store: &mut Store, id: ConvId) -> Vec<String> {
    let opened = store.load(Which::Id(id), None).expect("it is there").expect("it is there");
    opened.conversation.branch().map(|message| message.content.clone()).collect()
}

#[test]
fn a_deleted_message_is_found_nowhere_and_can_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("conversations.db");
    let (mut store, id) = (open(&file), new_ids().make());
    let (mut conversation, mut keeper) = (Conversation::default(), Keeper::default());
    for (role, text) in [
        (Role::User, "a secret question"),
        (Role::Assistant, "a secret answer"),
        (Role::User, "another question"),
        (Role::Assistant, "another answer"),
    ] {
        conversation.push(role, text.to_owned(), MessageState::Whole);
    }
    keep(&mut store, id, &mut keeper, &mut conversation);
    assert_eq!(store.search("secret").expect("searches").len(), 3, "two messages and the title");

    let first = conversation.delete(MsgId(0)).expect("it is there");
    keep(&mut store, id, &mut keeper, &mut conversation);
    assert_eq!(shown(&mut store, id), ["another question", "another answer"]);
    assert_eq!(store.search("secret").expect("searches").len(), 0);
    let said = store.preview(id, None).expect("reads");
    assert_eq!(said.iter().map(|said| &*said.text).collect::<Vec<_>>(), ["another question", "another answer"]);
    assert_eq!(store.prompts().expect("reads"), ["another question"]);
    let listed = store.list(false).expect("lists");
    assert_eq!(listed[0].title, "another question");

    conversation.restore_deleted(&first);
    keep(&mut store, id, &mut keeper, &mut conversation);
    assert_eq!(shown(&mut store, id).len(), 4);
    assert_eq!(store.search("secret").expect("searches").len(), 2);

    let last = conversation.delete(MsgId(3)).expect("it is there");
    keep(&mut store, id, &mut keeper, &mut conversation);
    assert_eq!(store.list(false).expect("lists")[0].preview, "another question");
    assert_eq!(last.messages, [MsgId(3)]);
    // Whoever opens it meanwhile sees it as it is, and so does the next hobnob.
    assert_eq!(shown(&mut open(&file), id).len(), 3);
    store.close().expect("closes");
    let bytes = std::fs::read(&file).expect("a file");
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("another question"));
    let mut store = open(&file);
    let opened = store.look(id).expect("it is there");
    let gone = opened.conversation.get(MsgId(3)).expect("its place is there");
    assert_eq!((gone.deleted, gone.content.as_str()), (true, ""), "and its words are not");
    assert_eq!(shown(&mut store, id).len(), 3);
}

#[test]
fn a_question_that_was_taken_back_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("conversations.db");
    let (mut store, id) = (open(&file), new_ids().make());
    let (mut conversation, mut keeper) = (Conversation::default(), Keeper::default());
    conversation.push(Role::User, "a secret question".to_owned(), MessageState::Whole);
    let answer = conversation.push(Role::Assistant, String::new(), MessageState::Streaming);
    keep(&mut store, id, &mut keeper, &mut conversation);
    assert_eq!(store.list(false).expect("lists")[0].messages, 2);
    conversation.edit(answer, |message| message.state = MessageState::Whole);
    conversation.take_back_question();
    // It is being written again.
    let changes =
        [keeper.changes(&mut conversation, Setup::default), keeper.draft("a secret".into()).into_iter().collect()];
    store.keep(id, &changes.concat()).expect("is kept");
    let listed = store.list(false).expect("lists");
    assert_eq!((listed[0].messages, &*listed[0].title, &*listed[0].preview), (0, "", "a secret"));
    let draft = keeper.draft(Draft::default());
    store.keep(id, &draft.into_iter().collect::<Vec<_>>()).expect("is kept");
    assert_eq!((store.list(false).expect("lists"), store.last().expect("reads")), (Vec::new(), None));
    // Something else is said in its place.
    conversation.push(Role::User, "another question".to_owned(), MessageState::Whole);
    keep(&mut store, id, &mut keeper, &mut conversation);
    let listed = store.list(false).expect("lists");
    assert_eq!((listed[0].messages, &*listed[0].title), (1, "another question"));
    conversation.delete(MsgId(2)).expect("it is there");
    keep(&mut store, id, &mut keeper, &mut conversation);
    store.close().expect("closes");
    assert!(open(&file).is_free(id).expect("reads"), "where nothing was said there is no conversation");
}
