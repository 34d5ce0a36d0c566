//! Reading models again, and asking for newer ones.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use hobnob::domain::hub::{Done, Newer};
use hobnob::error::ErrorKind;
use hobnob::hub::{self, FileState, Options, Verified};
use tokio_util::sync::CancellationToken;

use crate::hub_server::{Fault, HubServer, Repo, sha256};
use crate::made::{Made, parse};

async fn verify(options: &Options, model: &str) -> Verified {
    hub::verify(options, &parse(model), |_, _| {}, CancellationToken::new()).await.expect("reads")
}

fn states(verified: &Verified) -> Vec<(&str, FileState)> {
    verified.files.iter().map(|file| (file.name.as_str(), file.state)).collect()
}

/// Changes one byte of a file where it lies.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).expect("reads");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(path, bytes).expect("writes");
}

#[tokio::test]
async fn every_file_is_held_against_its_name() {
    let made = Made::new();
    made.file("org/folder", 'a', "config.json", "{}")
        .file("org/folder", 'a', "tokenizer.json", "words")
        .file("org/folder", 'a', "model-00001-of-00002.safetensors", "one")
        .file("org/folder", 'a', "model-00002-of-00002.safetensors", "two")
        .file("org/folder", 'a', "other-Q4_0.gguf", "GGUF Q4_0");
    let options = made.options();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = {
        let told = Arc::clone(&told);
        move |done, total| told.lock().expect("no panic").push((done, total))
    };
    let verified = hub::verify(&options, &parse("org/folder"), tell, CancellationToken::new()).await.expect("reads");
    assert_eq!(verified.conclude(), Ok(Done::Verified { files: 4, bytes: 2 + 5 + 3 + 3 }));
    assert_eq!(told.lock().expect("no panic").last(), Some(&(13, 13)));

    let blob = |content: &str| made.repo("org/folder").join("blobs").join(sha256(content.as_bytes()));
    flip(&blob("two"));
    fs::remove_file(blob("words")).expect("removes");
    let verified = verify(&options, "org/folder").await;
    let expected = [
        ("config.json", FileState::Whole),
        ("model-00001-of-00002.safetensors", FileState::Whole),
        ("model-00002-of-00002.safetensors", FileState::Broken),
        ("tokenizer.json", FileState::Gone),
    ];
    assert_eq!(states(&verified), expected);
    let error = verified.conclude().expect_err("is damaged");
    assert_eq!(error.kind, ErrorKind::Checksum);
    for word in ["broken: model-00002-of-00002.safetensors", "gone: tokenizer.json"] {
        assert!(error.message.contains(word), "{error}");
    }
    assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("hobnob models verify org/folder --repair")));
}

/// A folder with all that the Hub has of it, and a page of words.
fn folder() -> Repo {
    Repo::new("org/folder", 'a')
        .large("config.json", b"{}")
        .large("tokenizer.json", b"words")
        .large("README.md", b"a card")
        .large("model.safetensors", b"weights")
}

fn with_weights(made: &Made) -> &Made {
    made.file("org/folder", 'a', "config.json", "{}").file("org/folder", 'a', "model.safetensors", "weights")
}

/// Names and contents of files in the first snapshot of the folder.
fn here(made: &Made, names: &[&str]) -> Vec<Option<String>> {
    names.iter().map(|name| fs::read_to_string(made.snapshot("org/folder", 'a').join(name)).ok()).collect()
}

#[tokio::test]
async fn what_is_damaged_comes_again_of_the_same_commit_and_nothing_else() {
    let server = HubServer::start(vec![folder()]).await;
    let made = Made::new();
    with_weights(&made).file("org/folder", 'a', "tokenizer.json", "words").file(
        "org/folder",
        'a',
        "README.md",
        "a card",
    );
    let options = online(&made, &server);
    let names = ["config.json", "tokenizer.json", "README.md", "model.safetensors"];
    let whole = here(&made, &names);
    let blob = |content: &str| made.repo("org/folder").join("blobs").join(sha256(content.as_bytes()));
    flip(&blob("words"));
    flip(&blob("weights"));
    fs::remove_file(blob("a card")).expect("removes");
    let verified = verify(&options, "org/folder").await;

    let asked = server.seen().len();
    let offline = Options { offline: true, ..options.clone() };
    let repair = async |options: &Options| hub::repair(options, &verified, &mut |_| {}, CancellationToken::new()).await;
    assert_eq!(repair(&offline).await.expect_err("the network is off").kind, ErrorKind::Network);
    assert!(blob("weights").exists() && server.seen().len() == asked, "nothing has changed");

    // The Hub fails in the middle: what is missing is known all the same.
    server.spoil_answers([Fault::Status(404, None)]);
    repair(&options).await.expect_err("the Hub refuses");
    assert_eq!(here(&made, &names), [whole[0].clone(), None, None, None]);
    let gone = verify(&options, "org/folder").await;
    assert_eq!(states(&gone).iter().filter(|(_, state)| *state == FileState::Gone).count(), 3, "{gone:?}");

    repair(&options).await.expect("comes");
    assert_eq!(here(&made, &names), whole);
    let paths: Vec<String> = server.seen()[asked..].iter().map(|seen| seen.path.clone()).collect();
    assert!(paths.iter().all(|path| !path.contains("/main") && !path.contains("config.json")), "{paths:?}");
    assert_eq!(verify(&options, "org/folder").await.conclude(), Ok(Done::Verified { files: 4, bytes: 2 + 5 + 6 + 7 }));
}

#[tokio::test]
async fn a_folder_whose_weights_came_alone_gets_the_rest_with_a_pull() {
    let server = HubServer::start(vec![folder()]).await;
    let made = Made::new();
    with_weights(&made).refers("org/folder", "main", 'a');
    let options = online(&made, &server);
    let pull = async |options: &Options, model: &str| {
        hub::pull(options, &parse(model), &mut |_| {}, CancellationToken::new()).await.expect("is here")
    };
    let offline = Options { offline: true, ..options.clone() };
    let found = pull(&offline, "org/folder").await;
    assert_eq!(here(&made, &["tokenizer.json"]), [None]);
    assert_eq!(pull(&options, "org/folder").await, found);
    assert_eq!(here(&made, &["tokenizer.json", "README.md"]), [Some("words".to_owned()), None]);

    // What a name is left of comes too, and of the commit of the model.
    made.file("org/folder", 'a', "README.md", "a card");
    fs::remove_file(made.repo("org/folder").join("blobs").join(sha256(b"a card"))).expect("removes");
    let asked = server.seen().len();
    let location = found.location.display().to_string();
    pull(&options, &location).await;
    assert_eq!(here(&made, &["README.md"]), [Some("a card".to_owned())]);
    let paths: Vec<String> = server.seen()[asked..].iter().map(|seen| seen.path.clone()).collect();
    assert!(paths.iter().all(|path| !path.contains("/main")), "{paths:?}");
    let asked = server.seen().len();
    pull(&options, "org/folder").await;
    assert_eq!(server.seen().len(), asked, "it lacks nothing");
}

#[tokio::test]
async fn small_files_go_by_gits_hash_and_shared_bytes_by_the_first_name() {
    let made = Made::new();
    made.file("org/m", 'a', "m-Q4_0.gguf", "GGUF Q4_0");
    let blobs = made.repo("org/m").join("blobs");
    // As git calls it, and with its bytes elsewhere under another name.
    let git = "ce013625030ba8dba906f756967f9e9ca394464a";
    made.loose("elsewhere", "hello\n");
    std::os::unix::fs::symlink(made.root.path().join("elsewhere"), blobs.join(git)).expect("links");
    for (name, blob) in [("config.json", git), ("model.safetensors", git)] {
        let pointer = made.snapshot("org/m", 'a').join(name);
        std::os::unix::fs::symlink(format!("../../blobs/{blob}"), pointer).expect("links");
    }
    let verified = verify(&made.options(), "org/m").await;
    assert_eq!(verified.conclude(), Ok(Done::Verified { files: 2, bytes: 12 }), "{verified:?}");
    flip(&made.root.path().join("elsewhere"));
    assert_eq!(verify(&made.options(), "org/m").await.conclude().expect_err("changed").kind, ErrorKind::Checksum);
}

#[tokio::test]
async fn a_file_of_the_users_own_has_nothing_to_compare_with() {
    let made = Made::new();
    let own = made.loose("own-Q4_0.gguf", "GGUF Q4_0 own");
    let verified = verify(&made.options(), &own.display().to_string()).await;
    assert_eq!(
        (states(&verified), verified.conclude()),
        (vec![("own-Q4_0.gguf", FileState::Unknown)], Ok(Done::NotVerifiable))
    );
    let repaired = hub::repair(&made.options(), &verified, &mut |_| {}, CancellationToken::new()).await;
    assert_eq!(repaired.expect_err("nobody has it").kind, ErrorKind::Usage);
}

#[tokio::test]
async fn a_model_of_which_only_the_name_is_left_is_told_as_such() {
    let made = Made::new();
    made.file("org/m", 'a', "m-Q4_0.gguf", "GGUF Q4_0");
    fs::remove_file(made.repo("org/m").join("blobs").join(sha256(b"GGUF Q4_0"))).expect("removes");
    for model in ["org/m:Q4_0", "org/m", "org/m/m-Q4_0.gguf"] {
        let verified = verify(&made.options(), model).await;
        assert_eq!(states(&verified), [("m-Q4_0.gguf", FileState::Gone)]);
        assert_eq!(verified.source.as_ref().map(|(_, commit)| commit.clone()), Some("a".repeat(40)));
    }
    let none = hub::verify(&made.options(), &parse("org/m:Q8_0"), |_, _| {}, CancellationToken::new()).await;
    assert_eq!(none.expect_err("was never here").kind, ErrorKind::ModelNotFound);
}

#[tokio::test]
async fn reading_can_be_stopped() {
    let made = Made::new();
    made.file("org/m", 'a', "m-Q4_0.gguf", "GGUF Q4_0");
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let stopped = hub::verify(&made.options(), &parse("org/m:Q4_0"), move |_, _| stop.cancel(), cancel).await;
    assert_eq!(stopped.expect_err("was stopped").kind, ErrorKind::Cancelled);
}

fn online(made: &Made, server: &HubServer) -> Options {
    Options { offline: false, endpoint: server.endpoint.clone(), ..made.options() }
}

#[tokio::test]
async fn where_there_are_no_links_the_hub_is_asked() {
    let server = HubServer::start(vec![Repo::new("org/m", 'a').large("m-Q4_0.gguf", b"GGUF Q4_0")]).await;
    let made = Made::new();
    let file = made.loose(&format!("hub/models--org--m/snapshots/{}/m-Q4_0.gguf", "a".repeat(40)), "GGUF Q4_0");
    assert_eq!(verify(&made.options(), "org/m:Q4_0").await.conclude(), Ok(Done::NotVerifiable), "offline");
    let options = online(&made, &server);
    assert_eq!(verify(&options, "org/m:Q4_0").await.conclude(), Ok(Done::Verified { files: 1, bytes: 9 }));
    flip(&file);
    let verified = verify(&options, "org/m:Q4_0").await;
    assert_eq!(verified.conclude().expect_err("changed").kind, ErrorKind::Checksum);
    hub::repair(&options, &verified, &mut |_| {}, CancellationToken::new()).await.expect("comes");
    assert_eq!(fs::read_to_string(&file).expect("is here again"), "GGUF Q4_0");
}

#[tokio::test]
async fn newer_is_what_has_other_files_of_the_model() {
    let repo = |commit, content: &[u8], card: &[u8]| {
        Repo::new("org/m", commit).large("m-Q4_0.gguf", content).small("README.md", card)
    };
    let server = HubServer::start(vec![repo('a', b"GGUF Q4_0", b"a card")]).await;
    let made = Made::new();
    made.file("org/m", 'a', "m-Q4_0.gguf", "GGUF Q4_0").refers("org/m", "main", 'a');
    let options = online(&made, &server);
    let newer = async || hub::newer(&options, &parse("org/m:Q4_0")).await.expect("the Hub answers");
    assert_eq!(newer().await, None);
    server.replace(repo('b', b"GGUF Q4_0", b"a better card"));
    assert_eq!(newer().await, None, "only the card is another one");
    server.replace(repo('c', b"GGUF Q4_0 retrained", b"a better card"));
    let of_main = |commit: &str| Some(Newer { commit: commit.repeat(40), model: parse("org/m:Q4_0") });
    assert_eq!(newer().await, of_main("c"));
    let pull = async |newest, offline| {
        let options = hub::Options { newest, offline, ..options.clone() };
        hub::pull(&options, &parse("org/m:Q4_0"), &mut |_| {}, CancellationToken::new()).await
    };
    let text = |model: hobnob::domain::model::LocalModel| fs::read_to_string(model.location).expect("readable");
    assert_eq!(text(pull(false, false).await.expect("is here")), "GGUF Q4_0", "nobody has asked for another one");
    let refused = pull(true, true).await.expect_err("the network is off");
    assert!(refused.message.contains("only the Hub knows"), "{refused}");
    assert_eq!(text(pull(true, false).await.expect("comes")), "GGUF Q4_0 retrained");
    assert_eq!(newer().await, None, "it is what the name means from then on");
    server.replace(Repo::new("org/m", 'd').small("README.md", b"gone"));
    assert_eq!(newer().await, of_main("d"), "it is not there any more");

    let asked = server.seen().len();
    let offline = hub::newer(&made.options(), &parse("org/m:Q4_0")).await.expect_err("the network is off");
    assert_eq!((offline.kind, server.seen().len()), (ErrorKind::Network, asked));
    let own = made.loose("own-Q4_0.gguf", "GGUF Q4_0 own");
    let own = hub::newer(&options, &parse(&own.display().to_string())).await.expect_err("nobody has another one");
    assert_eq!((own.kind, server.seen().len()), (ErrorKind::Usage, asked));
}

/// The model as it is at a commit of the Hub, on a branch.
fn of_branch(branch: &str, commit: char, content: &str) -> Repo {
    Repo::new("org/m", commit).branch(branch).large("m-Q4_0.gguf", content.as_bytes())
}

#[tokio::test]
async fn what_is_newer_is_what_a_pull_gets_then() {
    let server = HubServer::start(vec![
        of_branch("main", 'b', "GGUF Q4_0 of main"),
        of_branch("v2", 'd', "GGUF Q4_0 of v2, better"),
        of_branch("refs/pr/3", 'f', "GGUF Q4_0 proposed, better"),
    ])
    .await;
    // The commit that is here, the branch that led to it, the MODEL it goes by, and the one that gets the newer.
    let cases = [
        ('a', None, "org/m:Q4_0", "org/m:Q4_0", 'b'),
        ('c', Some("v2"), "org/m:Q4_0", "org/m:Q4_0@v2", 'd'),
        ('c', Some("v2"), "org/m:Q4_0@v2", "org/m:Q4_0@v2", 'd'),
        ('c', Some("v2"), "org/m:Q4_0@cccc", "org/m:Q4_0@v2", 'd'),
        ('e', Some("refs/pr/3"), "org/m:Q4_0", "org/m:Q4_0@refs/pr/3", 'f'),
    ];
    for (here, branch, asked, gets, there) in cases {
        let made = Made::new();
        made.file("org/m", here, "m-Q4_0.gguf", "GGUF Q4_0 here");
        if let Some(branch) = branch {
            made.refers("org/m", branch, here);
        }
        let options = online(&made, &server);
        let newer = hub::newer(&options, &parse(asked)).await.expect("the Hub answers").expect("it has another");
        assert_eq!((newer.commit.as_str(), newer.model.to_string().as_str()), (&*there.to_string().repeat(40), gets));
        let options = Options { newest: true, ..options };
        let pulled = hub::pull(&options, &newer.model, &mut |_| {}, CancellationToken::new()).await.expect("comes");
        assert_eq!(pulled.cached.expect("of the cache").commit, newer.commit, "{asked}");
    }

    // An older one that lies beside the newest is compared with the same branch.
    let made = Made::new();
    made.file("org/m", 'a', "m-Q4_0.gguf", "GGUF Q4_0 of old")
        .file("org/m", 'b', "m-Q4_0.gguf", "GGUF Q4_0 of main")
        .refers("org/m", "main", 'b');
    let options = online(&made, &server);
    let asked = [parse("org/m/m-Q4_0.gguf@aaaaaaaaaaaa"), parse("org/m:Q4_0"), parse("org/gone:Q4_0")];
    let before = server.seen().len();
    let answers = hub::newer_of_each(&options, &asked).await;
    assert_eq!(server.seen().len(), before + 1, "a branch is asked for once");
    let older = answers[0].as_ref().expect("answers").as_ref().expect("is older");
    assert_eq!((older.commit.clone(), older.model.clone()), ("b".repeat(40), parse("org/m/m-Q4_0.gguf")));
    assert_eq!(answers[1], Ok(None));
    assert_eq!(answers[2].as_ref().map_err(|error| error.kind), Err(ErrorKind::ModelNotFound));
}

#[tokio::test]
async fn the_newest_is_got_whatever_the_model_is_called_by_and_never_in_vain_without_a_word() {
    let server = HubServer::start(vec![of_branch("main", 'b', "GGUF Q4_0 of main")]).await;
    let newest = |made: &Made| Options { newest: true, ..online(made, &server) };
    let pull = async |options: &Options, model: &str| {
        hub::pull(options, &parse(model), &mut |_| {}, CancellationToken::new()).await
    };
    let here = || {
        let made = Made::new();
        made.file("org/m", 'a', "m-Q4_0.gguf", "GGUF Q4_0 here").refers("org/m", "main", 'a');
        made
    };
    let path = |made: &Made| made.snapshot("org/m", 'a').join("m-Q4_0.gguf").display().to_string();
    for by in [|_: &Made| "org/m:Q4_0".to_owned(), |_: &Made| "m".to_owned(), path] {
        let made = here();
        let pulled = pull(&newest(&made), &by(&made)).await.expect("comes");
        assert_eq!(fs::read_to_string(pulled.location).expect("reads"), "GGUF Q4_0 of main", "{}", by(&made));
    }
    // What is named by its commit stays what it is, and of one's own files nobody has a newer one.
    let made = here();
    let before = server.seen().len();
    let same = pull(&newest(&made), "org/m:Q4_0@aaaaaaaa").await.expect("is here");
    assert_eq!(fs::read_to_string(same.location).expect("reads"), "GGUF Q4_0 here");
    let own = made.loose("own-Q4_0.gguf", "GGUF Q4_0 own").display().to_string();
    assert_eq!(pull(&newest(&made), &own).await.expect_err("nobody has another").kind, ErrorKind::Usage);
    assert_eq!(server.seen().len(), before);
}

#[tokio::test]
async fn without_the_hub_what_tells_of_itself_is_verified() {
    let server = HubServer::start(vec![]).await;
    let made = Made::new();
    with_weights(&made);
    fs::write(made.snapshot("org/folder", 'a').join("tokenizer.json"), "words").expect("writes");
    let options = Options { endpoint: crate::network::closed_port(), ..online(&made, &server) };
    let verified = verify(&options, "org/folder").await;
    assert_eq!(verified.conclude(), Ok(Done::Verified { files: 2, bytes: 9 }));
    assert!(states(&verified).contains(&("tokenizer.json", FileState::Unknown)));
    made.loose(&format!("hub/models--org--m/snapshots/{}/m-Q4_0.gguf", "a".repeat(40)), "GGUF Q4_0");
    let nothing = hub::verify(&options, &parse("org/m:Q4_0"), |_, _| {}, CancellationToken::new()).await;
    let error = nothing.expect_err("nobody tells what it should be");
    assert_eq!(error.kind, ErrorKind::Network);
    assert!(error.hint.is_some_and(|hint| !hint.contains("kept")), "nothing was to arrive");

    // Several that nobody can be asked about cost one attempt.
    made.file("org/n", 'a', "n-Q4_0.gguf", "GGUF Q4_0 n");
    let asked = [parse("org/folder"), parse("org/n:Q4_0")];
    let answers = hub::newer_of_each(&options, &asked).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_err_and(|error| error.kind == ErrorKind::Network)));
}
