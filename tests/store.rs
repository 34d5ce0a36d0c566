//! Conversations on the disk: kept, found, and never lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use hobnob::domain::conversation::{Conversation, MessageState, Outcome};
use hobnob::domain::stats::{GenStats, Usage};
use hobnob::domain::store::keeper::Keeper;
use hobnob::domain::store::{Change, ConvId, ConvIds, Draft, Fold, FoldKind, Opened, Setup, Which};
use hobnob::domain::{FinishReason, MsgId, Role};
use hobnob::error::ErrorKind;
use hobnob::store::{Store, new_ids};

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("data/conversations.db");
    (folder, file)
}

#[track_caller]
fn open(file: &Path) -> Store {
    let (store, note) = Store::open(file).expect("opens");
    assert_eq!(note, None);
    store
}

/// Somebody who talks, and whose words are kept.
struct Talk {
    id: ConvId,
    conversation: Conversation,
    keeper: Keeper,
}

impl Talk {
    fn new(ids: &mut ConvIds) -> Self {
        Self { id: ids.make(), conversation: Conversation::default(), keeper: Keeper::default() }
    }

    fn keep(&mut self, store: &mut Store) {
        let mut changes = self.keeper.changes(&mut self.conversation, Setup::default);
        changes.extend(self.keeper.more(&self.conversation));
        store.keep(self.id, &changes).expect("is kept");
    }

    fn ask(&mut self, store: &mut Store, text: &str) -> MsgId {
        self.conversation.push(Role::User, text.into(), MessageState::Whole);
        let answer = self.conversation.push(Role::Assistant, String::new(), MessageState::Streaming);
        self.keep(store);
        answer
    }

    fn more(&mut self, store: &mut Store, answer: MsgId, text: &str) {
        self.conversation.edit(answer, |m| m.content.push_str(text));
        self.keep(store);
    }

    fn end(&mut self, store: &mut Store, answer: MsgId) {
        let outcome = Outcome {
            reason: FinishReason::Stop,
            usage: Usage { prompt_tokens: 3, cached_tokens: None, completion_tokens: 4 },
            stats: GenStats::default(),
            satisfied: None,
        };
        self.conversation.edit(answer, |m| (m.state, m.outcome) = (MessageState::Whole, Some(outcome)));
        self.keep(store);
    }

    fn turn(&mut self, store: &mut Store, question: &str, said: &str) {
        let answer = self.ask(store, question);
        self.more(store, answer, said);
        self.end(store, answer);
    }
}

#[track_caller]
fn load(store: &mut Store, id: ConvId) -> Opened {
    store.load(Which::Id(id), None).expect("it is there").expect("it is there")
}

fn contents(opened: &Opened) -> Vec<String> {
    opened.conversation.messages().iter().map(|m| m.content.clone()).collect()
}

#[test]
fn a_conversation_comes_back_as_it_was() {
    let (_folder, file) = place();
    let mut talk = Talk::new(&mut new_ids());
    {
        let mut store = open(&file);
        talk.turn(&mut store, "Why is the **sky** blue?", "It scatters.");
        // Another answer to the same, and a question behind it.
        talk.conversation.step_back_from_answer();
        let other = talk.conversation.push(Role::Assistant, String::new(), MessageState::Streaming);
        talk.conversation.edit(other, |m| m.reasoning.push_str("hm"));
        talk.more(&mut store, other, "Rayleigh.");
        talk.end(&mut store, other);
        talk.conversation.leave_out_before(MsgId(1));
        let setup = Setup { system: "be brief".into(), model: Some("starter".into()), ..Setup::default() };
        let more = [Change::Setup(Box::new(setup)), Change::Draft("and why".into())];
        store.keep(talk.id, &more).expect("is kept");
        talk.keep(&mut store);
    }
    let mut store = open(&file);
    let back = load(&mut store, talk.id);
    talk.conversation.take_changed();
    let mut expected = talk.conversation.messages().to_vec();
    for (message, kept) in expected.iter_mut().zip(back.conversation.messages()) {
        assert!(kept.at.is_some_and(|at| at > 1_700_000_000));
        (message.at, message.revision) = (kept.at, kept.revision);
    }
    assert_eq!(back.conversation.messages(), expected);
    assert_eq!(back.conversation.place_kept(), talk.conversation.place_kept());
    assert_eq!((back.title.as_str(), back.draft.text.as_str()), ("Why is the sky blue?", "and why"));
    assert_eq!((back.setup.system.as_str(), back.setup.model.as_deref()), ("be brief", Some("starter")));
    let list = store.list(false).expect("reads");
    assert_eq!((list.len(), list[0].messages, list[0].preview.as_str()), (1, 3, "Rayleigh."));
    assert_eq!((list[0].draft, list[0].model.as_deref()), (true, Some("starter")));
    assert_eq!(store.last().expect("reads"), Some(talk.id));
}

#[test]
fn it_is_nobody_else_s_business() {
    let (_folder, file) = place();
    let mut store = open(&file);
    Talk::new(&mut new_ids()).ask(&mut store, "a secret");
    let mode = |path: &Path| fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode(file.parent().expect("a folder")), 0o700);
    for entry in fs::read_dir(file.parent().expect("a folder")).expect("a folder") {
        let entry = entry.expect("an entry");
        let private = if entry.file_type().expect("a kind").is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&entry.path()), private, "{}", entry.path().display());
    }
}

#[test]
fn a_draft_is_kept_with_what_stands_folded_in_it() {
    let (_folder, file) = place();
    let mut store = open(&file);
    let id = new_ids().make();
    let folds =
        vec![Fold { start: 4, end: 11, kind: FoldKind::Pasted }, Fold { start: 12, end: 14, kind: FoldKind::File }];
    for folds in [Some(folds), Some(Vec::new()), None] {
        let draft = Draft { text: "see a paste @b".into(), folds };
        store.keep(id, &[Change::Draft(draft.clone())]).expect("is kept");
        assert_eq!(store.look(id).expect("is there").draft, draft);
    }
}

#[test]
fn what_nothing_was_said_in_leaves_nothing_behind() {
    let (_folder, file) = place();
    let mut store = open(&file);
    let id = new_ids().make();
    store.keep(id, &[Change::Place { head: None, start: None }, Change::Draft(Draft::default())]).expect("is kept");
    assert_eq!(store.list(false).expect("reads"), []);
    store.keep(id, &[Change::Draft("half a thought".into())]).expect("is kept");
    let list = store.list(false).expect("reads");
    assert_eq!((list[0].preview.as_str(), list[0].messages, list[0].draft), ("half a thought", 0, true));
    store.keep(id, &[Change::Draft(Draft::default())]).expect("is kept");
    assert_eq!(store.list(false).expect("reads"), []);
    assert_eq!(store.last().expect("reads"), None);
}

#[test]
fn two_that_go_on_with_one_conversation_make_two_branches_of_it() {
    let (_folder, file) = place();
    let (mut one, mut two) = (open(&file), open(&file));
    let mut talk = Talk::new(&mut new_ids());
    talk.turn(&mut one, "q", "a");
    let mut opened = load(&mut two, talk.id);
    let keeper = Keeper::of(&mut opened.conversation, &Draft::default());
    let mut other = Talk { id: talk.id, conversation: opened.conversation, keeper };
    for n in 0..3 {
        talk.turn(&mut one, &format!("one {n}"), "yes");
        other.turn(&mut two, &format!("two {n}"), "no");
    }
    let back = load(&mut open(&file), talk.id);
    let all = contents(&back);
    assert_eq!(all.len(), 2 + 2 * 6);
    let branch: Vec<&str> = back.conversation.branch().map(|m| m.content.as_str()).collect();
    assert_eq!(branch, ["q", "a", "two 0", "no", "two 1", "no", "two 2", "no"], "that of who spoke last");
    assert!(all.contains(&"one 2".to_owned()));
}

#[test]
fn what_goes_on_with_a_conversation_that_was_removed_elsewhere_is_not_kept_without_its_beginning() {
    let (_folder, file) = place();
    let (mut one, mut two) = (open(&file), open(&file));
    let mut talk = Talk::new(&mut new_ids());
    talk.turn(&mut one, "q", "a");
    two.remove(talk.id).expect("is removed");
    talk.conversation.push(Role::User, "and then?".into(), MessageState::Whole);
    let changes = talk.keeper.changes(&mut talk.conversation, Setup::default);
    for _ in 0..2 {
        let error = one.keep(talk.id, &changes).expect_err("it is not there");
        assert!(error.message.contains("is not there any more"), "{error:?}");
    }
    assert_eq!(one.list(false).expect("reads"), []);
    // The same one, made by another process meanwhile: what is kept here are words of that one.
    let mut again = Talk { id: talk.id, conversation: Conversation::default(), keeper: Keeper::default() };
    again.turn(&mut two, "theirs", "a");
    one.keep(talk.id, &changes).expect_err("it is another one");
    assert_eq!(contents(&load(&mut one, talk.id)), ["theirs", "a"]);
    // As a whole, under a name of its own.
    talk.conversation.is_new_as_a_whole();
    (talk.id, talk.keeper) = (new_ids().make(), Keeper::default());
    talk.keep(&mut one);
    assert_eq!(contents(&load(&mut two, talk.id)), ["q", "a", "and then?"]);
}

#[test]
fn a_conversation_that_was_deleted_elsewhere_comes_back_with_what_is_said_in_it() {
    let (_folder, file) = place();
    let (mut one, mut two) = (open(&file), open(&file));
    let mut talk = Talk::new(&mut new_ids());
    talk.turn(&mut one, "q", "a");
    two.keep(talk.id, &[Change::Deleted(true)]).expect("is kept");
    one.keep(talk.id, &[Change::Pinned(true)]).expect("is kept");
    assert_eq!(one.list(false).expect("reads"), []);
    assert!(!one.is_free(talk.id).expect("reads") && one.is_free(new_ids().make()).expect("reads"));
    talk.turn(&mut one, "and then?", "b");
    two.close().expect("closes");
    assert_eq!(contents(&load(&mut one, talk.id)), ["q", "a", "and then?", "b"]);
}

#[test]
fn an_answer_that_grows_elsewhere_is_not_cut_and_that_of_the_dead_is() {
    let (_folder, file) = place();
    let mut ids = new_ids();
    let mut talk = Talk::new(&mut ids);
    let mut store = open(&file);
    let answer = talk.ask(&mut store, "q");
    talk.more(&mut store, answer, "It began");
    talk.more(&mut store, answer, " well");
    let state = |back: &Opened| match &back.conversation.messages()[1].state {
        MessageState::Failed(error) => (error.kind, error.message.clone()),
        other => panic!("{other:?}"),
    };
    let back = load(&mut store, talk.id);
    assert_eq!(contents(&back), ["q", "It began well"]);
    let answer = &back.conversation.messages()[1];
    assert_eq!((&answer.state, answer.can_go_on()), (&MessageState::Whole, true), "who reads it here has left it");
    let back = load(&mut open(&file), talk.id);
    assert_eq!(contents(&back), ["q", "It began well"]);
    assert!(state(&back).1.contains("another hobnob is writing"), "{:?}", state(&back));
    // It ends without a word, as a killed process does: its lock goes with it.
    drop(store);
    let mut store = open(&file);
    let back = load(&mut store, talk.id);
    assert_eq!(contents(&back), ["q", "It began well"]);
    assert_eq!(state(&back).0, ErrorKind::Cancelled);
    assert!(back.conversation.messages()[1].can_go_on());
    assert_eq!(store.search("began").expect("searches").len(), 1, "and it can be found");
}

#[test]
fn what_is_found_in_an_open_conversation_is_known_by_its_place_there() {
    let (_folder, file) = place();
    let (mut one, mut two) = (open(&file), open(&file));
    let mut talk = Talk::new(&mut new_ids());
    talk.turn(&mut one, "soup?", "with salt");
    one.keep(talk.id, &[Change::Pinned(true)]).expect("is kept");
    let places = |store: &Store| -> Vec<Option<MsgId>> {
        let hits = store.search("salt").expect("searches");
        assert!(hits.iter().all(|hit| hit.pinned && !hit.archived));
        hits.iter().map(|hit| hit.known_as).collect()
    };
    assert_eq!(places(&one), [Some(MsgId(1))]);
    assert_eq!(places(&two), [None], "it is not open there");
    let mut opened = load(&mut two, talk.id);
    let keeper = Keeper::of(&mut opened.conversation, &Draft::default());
    let mut other = Talk { id: talk.id, conversation: opened.conversation, keeper };
    other.turn(&mut two, "how much?", "little salt");
    assert_eq!(places(&two), [Some(MsgId(3)), Some(MsgId(1))]);
    assert_eq!(places(&one), [None, Some(MsgId(1))], "it has come since");
}

#[test]
fn words_are_found_wherever_they_were_said() {
    let (_folder, file) = place();
    let mut store = open(&file);
    let mut ids = new_ids();
    let (mut sky, mut soup, mut far) = (Talk::new(&mut ids), Talk::new(&mut ids), Talk::new(&mut ids));
    sky.turn(&mut store, "Why is the sky blue?", "Because of Rayleigh scattering in the air.");
    soup.turn(&mut store, "A crème brûlée", "Take cream; bake it.");
    far.turn(&mut store, "空は青い", "はい、青いです。");
    let found = |store: &Store, words: &str| -> Vec<(ConvId, bool)> {
        let hits = store.search(words).expect("searches");
        hits.into_iter().map(|hit| (hit.conversation, hit.message.is_some())).collect()
    };
    assert_eq!(found(&store, "scatter air"), [], "the last word may go on, the others are whole");
    assert_eq!(found(&store, "air scatt"), [(sky.id, true)]);
    assert_eq!(found(&store, "creme BRULEE"), [(soup.id, false), (soup.id, true)]);
    assert_eq!(found(&store, "青い"), [(far.id, false), (far.id, true), (far.id, true)]);
    let hit = store.search("rayleigh").expect("searches").remove(0);
    assert!(hit.snippet.contains(&("Rayleigh".to_owned(), true)), "{:?}", hit.snippet);
    // To the hit: the branch that it is on, though another is shown.
    sky.conversation.step_back_from_answer();
    let other = sky.conversation.push(Role::Assistant, "Ask a painter.".into(), MessageState::Whole);
    sky.keep(&mut store);
    assert_eq!(load(&mut store, sky.id).conversation.head().map(|m| m.id), Some(other));
    let opened = store.load(Which::Id(sky.id), hit.message.map(|(row, _)| row)).expect("reads").expect("is there");
    assert_eq!((opened.at, opened.conversation.head().map(|m| m.id)), (Some(MsgId(1)), Some(MsgId(1))));
    // Words that are gone are not found.
    store.remove(soup.id).expect("is removed");
    assert_eq!(found(&store, "cream"), []);
    store.keep(sky.id, &[Change::Title(Some("Light".into()))]).expect("is kept");
    assert_eq!(found(&store, "light"), [(sky.id, false)]);
}

#[test]
fn scripts_without_spaces_are_searched_in_the_midst_of_a_sentence() {
    let (_folder, file) = place();
    let mut store = open(&file);
    let mut ids = new_ids();
    for (said, parts) in [
        ("我今天想学习一点中文语法", &["中文", "语法", "学"][..]),
        ("この文章はひらがなとカタカナを含みます", &["がな", "カタ", "含み"]),
        ("ﾊﾝｶｸの文字", &["ｶｸ"]),
        ("วันนี้อากาศดีมาก", &["อากาศ", "ดี"]),
        ("우리는 한국어를 배웁니다", &["국어"]),
        ("Rust用の解析器", &["rust用", "Rust 解析"]),
    ] {
        let mut talk = Talk::new(&mut ids);
        talk.turn(&mut store, "q", said);
        for part in parts {
            let hits = store.search(part).expect("searches");
            assert_eq!(hits.iter().map(|hit| hit.conversation).collect::<Vec<_>>(), [talk.id], "{part} in {said}");
        }
    }
    assert_eq!(store.search("中语").expect("searches"), []);
}

#[test]
fn deleted_is_gone_from_every_list_and_comes_back_until_the_end() {
    let (_folder, file) = place();
    let mut ids = new_ids();
    let (mut one, mut two) = (Talk::new(&mut ids), Talk::new(&mut ids));
    let mut store = open(&file);
    one.turn(&mut store, "one", "1");
    two.turn(&mut store, "two", "2");
    for id in [one.id, two.id] {
        store.keep(id, &[Change::Deleted(true)]).expect("is kept");
    }
    assert_eq!((store.list(false).expect("reads"), store.search("two").expect("searches").len()), (vec![], 0));
    assert!(store.load(Which::Id(one.id), None).is_err());
    store.keep(one.id, &[Change::Deleted(false)]).expect("is kept");
    assert_eq!(store.list(false).expect("reads").len(), 1);
    store.close().expect("closes");
    let mut store = open(&file);
    store.keep(two.id, &[Change::Deleted(false)]).expect("nothing is there to come back");
    assert_eq!(store.list(false).expect("reads").iter().map(|s| s.id).collect::<Vec<_>>(), [one.id]);
}

#[test]
fn a_title_of_one_s_own_stays_and_pins_and_the_archive_sort() {
    let (_folder, file) = place();
    let mut ids = new_ids();
    let mut store = open(&file);
    let mut talks: Vec<Talk> = (0..3).map(|_| Talk::new(&mut ids)).collect();
    for (n, talk) in talks.iter_mut().enumerate() {
        talk.turn(&mut store, &format!("number {n}"), "yes");
    }
    store.keep(talks[0].id, &[Change::Pinned(true), Change::Title(Some("Mine".into()))]).expect("is kept");
    store.keep(talks[2].id, &[Change::Archived(true)]).expect("is kept");
    talks[0].turn(&mut store, "something else", "yes");
    let titles = |archived| -> Vec<String> {
        store.list(archived).expect("reads").into_iter().map(|summary| summary.title).collect()
    };
    assert_eq!((titles(false), titles(true)), (vec!["Mine".into(), "number 1".into()], vec!["number 2".to_owned()]));
    store.keep(talks[0].id, &[Change::Title(None)]).expect("is kept");
    assert_eq!(store.list(false).expect("reads")[0].title, "number 0");
}

#[test]
fn a_beginning_of_an_id_is_enough_and_a_wrong_one_is_helped() {
    let (_folder, file) = place();
    let mut store = open(&file);
    let mut ids = ConvIds::seeded(7);
    let all: Vec<ConvId> = (0..40)
        .map(|_| {
            let mut talk = Talk::new(&mut ids);
            talk.ask(&mut store, "q");
            talk.id
        })
        .collect();
    for id in &all {
        assert_eq!(store.find(&id.short().to_uppercase()), Ok(*id));
    }
    let id = all[3].to_string();
    let error = store.find(&format!("{}x", &id[..7])).expect_err("no digit");
    assert_eq!(error.kind.exit_code(), 2);
    assert!(error.hint.expect("a hint").contains(&id[..8]));
    let error = store.find(&id[..1]).expect_err("40 ids, 16 digits");
    assert!(error.message.contains("several"), "{error}");
    assert!(store.find("").is_err());
}

/// As the first version had it: no search, and none of the tables for it.
fn older(file: &Path) {
    drop(open(file));
    let db = rusqlite::Connection::open(file).expect("opens");
    db.execute_batch(
        "DROP TRIGGER said_insert; DROP TRIGGER said_delete; DROP TRIGGER said_update; DROP TABLE said;
         DROP TRIGGER titled_insert; DROP TRIGGER titled_delete; DROP TRIGGER titled_update; DROP TABLE titled;
         DROP INDEX messages_deleted; ALTER TABLE messages DROP COLUMN deleted;
         ALTER TABLE conversations DROP COLUMN folds;
         INSERT INTO conversations (name, title, created, updated, used, messages)
             VALUES ('00000000000000aa', 'An old one', 1, 1, 1, 1);
         INSERT INTO messages (conversation, role, at, content, reasoning, state)
             VALUES (1, 'user', 1, 'old words', '', 'whole');
         PRAGMA user_version = 1;",
    )
    .expect("an old file");
}

#[test]
fn an_older_file_is_brought_up_to_date() {
    let (_folder, file) = place();
    older(&file);
    let mut store = open(&file);
    assert_eq!(store.search("old").expect("searches").len(), 2);
    let id = store.find("00000000000000aa").expect("is there");
    assert_eq!(contents(&load(&mut store, id)), ["old words"]);
    Talk::new(&mut new_ids()).turn(&mut store, "new words", "yes");
    assert_eq!(store.search("words").expect("searches").len(), 3);
}

#[test]
fn a_newer_file_is_refused_and_not_touched() {
    let (_folder, file) = place();
    Talk::new(&mut new_ids()).ask(&mut open(&file), "of the future");
    rusqlite::Connection::open(&file).expect("opens").pragma_update(None, "user_version", 99).expect("is written");
    let before = fs::read(&file).expect("reads");
    let error = Store::open(&file).expect_err("is newer");
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.message.contains("newer hobnob"), "{error}");
    assert_eq!(fs::read(&file).expect("reads"), before);
}

#[test]
fn a_damaged_file_is_kept_and_a_new_one_begun() {
    let (_folder, file) = place();
    for n in 0..2 {
        Talk::new(&mut new_ids()).ask(&mut open(&file), "hello");
        fs::write(&file, format!("nonsense {n} ").repeat(1000)).expect("writes");
        let (mut store, note) = Store::open(&file).expect("opens");
        let note = note.expect("that it is damaged");
        assert!(note.message.contains("were damaged: nothing in it could be read"), "{note}");
        assert!(note.hint.expect("a hint").contains("conversations.broken"));
        assert_eq!(store.list(false).expect("reads"), []);
        Talk::new(&mut new_ids()).ask(&mut store, "hello again");
        let aside = if n == 0 { "broken" } else { "broken-1" };
        let kept = fs::read_to_string(file.with_extension(aside)).expect("is kept");
        assert!(kept.starts_with(&format!("nonsense {n}")));
    }
}

/// Overwrites the pages that hold `words`, and leaves the file's beginning as it is.
fn overwrite(file: &Path, words: &str) -> usize {
    const PAGE: usize = 4096;
    let mut bytes = fs::read(file).expect("reads");
    let found: Vec<usize> = bytes
        .windows(words.len())
        .enumerate()
        .filter(|(_, part)| *part == words.as_bytes())
        .map(|(at, _)| at / PAGE)
        .collect();
    for page in &found {
        bytes[page * PAGE..(page + 1) * PAGE].fill(b'#');
    }
    fs::write(file, bytes).expect("writes");
    found.len()
}

#[test]
fn what_can_be_read_of_a_damaged_file_is_taken_over() {
    let (_folder, file) = place();
    let mut talks: Vec<Talk> = Vec::new();
    {
        let mut store = open(&file);
        for n in 0..30 {
            let mut talk = Talk::new(&mut new_ids());
            talk.turn(&mut store, &format!("question {n}"), &format!("{}as {n} said.", "and so on ".repeat(200)));
            talks.push(talk);
        }
    }
    assert!(overwrite(&file, "as 7 said.") > 0);
    let mut store = open(&file);
    assert_eq!(store.list(false).expect("reads").len(), 30);
    let error = store.look(talks[7].id).expect_err("is damaged");
    assert!(error.message.contains("it is damaged") && error.hint.is_some_and(|hint| hint.contains("set aside")));
    drop(store);
    let (mut store, note) = Store::open(&file).expect("opens");
    let note = note.expect("that it was damaged");
    assert!(note.message.contains("what could be read of 30 conversations"), "{note}");
    assert!(note.hint.expect("a hint").contains("conversations.broken"));
    for (n, talk) in talks.iter().enumerate().filter(|(n, _)| *n != 7) {
        let found = contents(&load(&mut store, talk.id));
        // The page had others beside it.
        assert!(
            n.abs_diff(7) < 3 || (found.len() == 2 && found[1].ends_with(&format!("as {n} said."))),
            "{n}: {found:?}"
        );
    }
    assert!(store.search("question 29").expect("searches").iter().any(|hit| hit.conversation == talks[29].id));
    talks[29].turn(&mut store, "And now?", "All is well.");
    drop(store);
    drop(open(&file));
}

#[test]
fn messages_whose_conversation_can_t_be_read_get_one() {
    let (_folder, file) = place();
    Talk::new(&mut new_ids()).turn(&mut open(&file), "Who is there?", "Nobody.");
    let db = rusqlite::Connection::open(&file).expect("opens");
    db.execute_batch("PRAGMA foreign_keys = OFF; DROP TRIGGER titled_delete; DELETE FROM conversations; PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'conversations_used'").expect("is written");
    drop(db);
    fs::write(file.with_extension("damaged"), "").expect("writes");
    let (mut store, note) = Store::open(&file).expect("opens");
    assert!(note.is_some_and(|note| note.message.contains("1 conversation ")));
    let list = store.list(false).expect("reads");
    assert_eq!((list[0].title.as_str(), list[0].messages), ("Who is there?", 2));
    assert_eq!(contents(&load(&mut store, list[0].id)), ["Who is there?", "Nobody."]);
}

#[test]
fn where_there_is_no_place_it_is_said_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a file");
    fs::write(&file, "").expect("writes");
    let error = Store::open(&file.join("conversations.db")).expect_err("no folder");
    assert!(error.message.contains("not a folder") && error.hint.is_some(), "{error:?}");
    assert!(Store::open_existing(&folder.path().join("none.db")).expect("no error").is_none());
    assert!(Store::open_to_read(&file.join("conversations.db")).expect("no error").is_none(), "nothing can be there");
    let round = folder.path().join("round");
    std::os::unix::fs::symlink(&round, &round).expect("a link");
    let error = Store::open_to_read(&round.join("conversations.db")).expect_err("nobody can tell");
    assert!(error.message.contains("can't be read: "), "{error}");
}

/// Set where this test program is one of the processes that write at once.
const CHILD: &str = "HOBNOB_TEST_STORE_CHILD";
const TURNS: usize = 40;

#[test]
fn several_processes_write_at_once_and_every_message_is_there() {
    if let Some(file) = std::env::var_os(CHILD) {
        return write_as_a_child(Path::new(&file));
    }
    let (_folder, file) = place();
    let mut talk = Talk::new(&mut new_ids());
    talk.turn(&mut open(&file), "shared", "yes");
    let this = std::env::current_exe().expect("this program");
    let name = "several_processes_write_at_once_and_every_message_is_there";
    let children: Vec<_> = (0..4)
        .map(|_| Command::new(&this).args(["--exact", name]).env(CHILD, &file).spawn().expect("starts"))
        .collect();
    for mut child in children {
        assert!(child.wait().expect("ends").success());
    }
    let mut store = open(&file);
    let shared = load(&mut store, talk.id);
    assert_eq!(shared.conversation.messages().len(), 2 + 4 * TURNS * 2);
    let own = store.list(false).expect("reads");
    assert_eq!(own.len(), 1 + 4);
    for summary in own.iter().filter(|summary| summary.id != talk.id) {
        let back = load(&mut store, summary.id);
        assert_eq!(back.conversation.len(), TURNS * 2);
        let whole = |m: &hobnob::domain::conversation::Message| m.state == MessageState::Whole && !m.content.is_empty();
        assert!(back.conversation.messages().iter().all(whole));
    }
}

/// Talks in a conversation of its own, and in the one that all share.
fn write_as_a_child(file: &Path) {
    let mut store = open(file);
    let shared = store.last().expect("reads").expect("one is there");
    let oldest = store.list(false).expect("reads").into_iter().find(|s| s.title == "shared").map_or(shared, |s| s.id);
    let mut opened = load(&mut store, oldest);
    let keeper = Keeper::of(&mut opened.conversation, &Draft::default());
    let mut shared = Talk { id: oldest, conversation: opened.conversation, keeper };
    let mut own = Talk::new(&mut new_ids());
    for n in 0..TURNS {
        own.turn(&mut store, &format!("own {n}"), "yes");
        shared.turn(&mut store, &format!("shared {n}"), "yes");
    }
}
