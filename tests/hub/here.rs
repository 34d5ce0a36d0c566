//! What is on this machine beside the models themselves: last use, imports, room, unfinished downloads; and the work on it as
//! the interface asks for it.

use std::fs::{self, File, FileTimes};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use hobnob::domain::hub::{Done, Owner};
use hobnob::domain::model::RepoId;
use hobnob::domain::{AskId, DownloadState, HubCmd, HubEvent};
use hobnob::error::{ErrorKind, UserError};
use hobnob::hub::{self, HubHandle, Options, Scope, Timing, find, import, removal, scan};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use crate::hub_server::{Fault, HubServer, Repo, sha256};
use crate::made::{Made, parse, references};

#[test]
fn repository_commit_and_last_use_are_known() {
    let made = Made::new();
    made.file("org/m", 'a', "m-Q4_0.gguf", "GGUF Q4_0");
    let blob = made.repo("org/m").join("blobs").join(sha256(b"GGUF Q4_0"));
    let then = SystemTime::now() - Duration::from_secs(3 * 86_400);
    File::options()
        .write(true)
        .open(blob)
        .and_then(|file| file.set_times(FileTimes::new().set_accessed(then)))
        .expect("sets the time");
    let options = made.options();
    let (models, _) = scan(&options);
    let cached = models[0].cached.as_ref().expect("is the cache's");
    assert_eq!((cached.repo.to_string().as_str(), cached.commit.as_str()), ("org/m", &*"a".repeat(40)));
    if let Some(unused) = cached.unused {
        assert_eq!(unused.as_secs() / 3600, 3 * 24);
    }
    // By its path in the cache it is the same model.
    let path = models[0].location.display().to_string();
    assert_eq!(find(&options, &parse(&path)).expect("is here").cached.expect("is the cache's").commit, cached.commit);
    let own = made.loose("own-Q4_0.gguf", "GGUF Q4_0 own");
    assert_eq!(find(&options, &parse(&own.display().to_string())).expect("is here").cached, None);
}

#[test]
fn everything_in_the_cache_counts_once_whoever_put_it_there() {
    let made = Made::new();
    made.file("org/m", 'a', "m-Q4_0.gguf", "GGUF Q4_0").file("org/m", 'b', "m-Q4_0.gguf", "GGUF Q4_0");
    for (path, content) in [
        ("hub/datasets--org--data/blobs/x", "data"),
        (&*format!("hub/models--org--copied/snapshots/{}/m.gguf", "a".repeat(40)), "GGUF Q8_0"),
        ("hub/models--org--m/blobs/x.incomplete", "half of it"),
        ("hub/models--org--m/blobs/y.part", "a part"),
        ("hub/version.txt", "not of any repository"),
    ] {
        made.loose(path, content);
    }
    let local = hub::local(&made.options());
    let disk = local.disk.expect("the disk can be asked");
    assert_eq!(disk.cache, 9 + 4 + 9 + 10 + 6);
    assert!(disk.free <= disk.total && disk.total > 0);
    let [left] = local.unfinished.as_slice() else { panic!("{:?}", local.unfinished) };
    assert_eq!((left.repo.to_string().as_str(), left.bytes, left.total, &left.model), ("org/m", 16, None, &None));
    assert_eq!(hub::local(&Made::new().options()).disk.map(|disk| disk.cache), Some(0));
}

#[test]
fn what_the_python_client_noted_tells_what_is_unfinished() {
    let made = Made::new();
    let etag = sha256(b"whole");
    made.loose(&format!("hub/models--org--m/blobs/{etag}.incomplete"), "who");
    made.loose(
        &format!("hub/models--org--m/trees/{}.json", "a".repeat(40)),
        &format!(
            r#"{{"format_version": 1, "files": {{
                "m-Q4_0.gguf": {{"size": 5, "blob_id": "0", "lfs_sha256": "{etag}", "lfs_size": 5}},
                "../../x.gguf": {{"size": 1, "blob_id": "1"}}}}}}"#
        ),
    );
    let local = hub::local(&made.options());
    let [left] = local.unfinished.as_slice() else { panic!("{:?}", local.unfinished) };
    let model = left.model.as_ref().map(ToString::to_string);
    assert_eq!((left.bytes, left.total, model.as_deref()), (3, Some(5), Some("org/m/m-Q4_0.gguf")));
}

fn with_imports(made: &Made) -> (Options, PathBuf) {
    let folder = made.root.path().join("data/models");
    (Options { imported: Some(folder.clone()), ..made.options() }, folder)
}

#[test]
fn an_import_is_a_name_and_no_copy() {
    let made = Made::new();
    let (options, folder) = with_imports(&made);
    let file = made.loose("downloads/m-Q4_0.gguf", "GGUF Q4_0");
    let model = import(&options, &file).expect("imports");
    assert_eq!(fs::read_link(folder.join("m-Q4_0.gguf")).expect("a link"), file);
    assert_eq!(model.location, folder.join("m-Q4_0.gguf"));
    assert_eq!(model.origin, file.parent().expect("a folder").display().to_string());
    let again = import(&options, &file).expect("is here already");
    assert_eq!((again, scan(&options).0.len()), (model.clone(), 1));
    // By name, as any other.
    assert_eq!(find(&options, &parse("m-Q4_0")).expect("is here").location, model.location);

    let part = made.loose("downloads/set/s-Q8_0-00002-of-00002.gguf", "second");
    made.loose("downloads/set/s-Q8_0-00001-of-00002.gguf", "GGUF Q8_0 first");
    assert_eq!(import(&options, &part).expect("a set").bytes, 15 + 6);
    made.loose("downloads/whole/config.json", "{}");
    let weights = made.loose("downloads/whole/model.safetensors", "weights");
    let whole = import(&options, weights.parent().expect("a folder")).expect("a folder");
    assert_eq!((whole.location, scan(&options).0.len()), (folder.join("whole"), 3));

    // What goes is the name.
    let plan = removal(&options, &parse(&model.location.display().to_string()), Scope::Model).expect("is here");
    assert_eq!((plan.owner, plan.carry_out()), (Owner::Imported, Ok(0)));
    assert!(file.exists() && !folder.join("m-Q4_0.gguf").is_symlink());
    // A file that is gone leaves a name that says so, and can be forgotten.
    fs::remove_dir_all(made.root.path().join("downloads/whole")).expect("removes");
    let (models, problems) = scan(&options);
    assert_eq!((models.len(), problems.len()), (1, 1));
    let forget = folder.join("whole").display().to_string();
    assert!(problems[0].hint.as_ref().is_some_and(|hint| hint.contains(&forget)), "{problems:?}");
    let plan = removal(&options, &parse(&forget), Scope::Model).expect("can be forgotten");
    plan.carry_out().expect("forgets");
    assert_eq!(scan(&options).1, []);
    let set = folder.join("s-Q8_0-00001-of-00002.gguf").display().to_string();
    removal(&options, &parse(&set), Scope::Model).and_then(hub::Removal::carry_out).expect("forgets");
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 0);
}

#[test]
fn what_is_no_model_or_has_anothers_name_is_not_imported() {
    let made = Made::new();
    let (options, folder) = with_imports(&made);
    import(&options, &made.loose("a/m.gguf", "GGUF Q4_0")).expect("imports");
    let other = made.loose("b/m.gguf", "GGUF Q8_0");
    let error = import(&options, &other).expect_err("has its name");
    assert_eq!(error.kind, ErrorKind::Usage);
    for name in [other, made.root.path().join("a/m.gguf")] {
        assert!(error.message.contains(&name.display().to_string()), "{error}");
    }
    let broken = made.loose("broken.gguf", "not a model");
    let error = import(&options, &broken).expect_err("is broken");
    assert!(error.kind == ErrorKind::ModelBroken && error.message.contains("is no model"), "{error}");
    let text = made.loose("notes.txt", "text");
    let empty = made.root.path().join("b");
    fs::remove_file(empty.join("m.gguf")).expect("removes");
    for nothing in [text, empty, made.root.path().join("nowhere.gguf")] {
        let error = import(&options, &nothing).expect_err("is none");
        assert!(error.kind == ErrorKind::ModelNotFound && error.hint.is_some(), "{error:?}");
    }
    assert_eq!(fs::read_dir(folder).expect("a folder").count(), 1);
    // What is among the models already needs no second name.
    made.file("org/m", 'a', "m-Q5_0.gguf", "GGUF Q5_0");
    let cached = import(&options, &made.snapshot("org/m", 'a').join("m-Q5_0.gguf")).expect("is here");
    assert!(cached.cached.is_some());
    assert_eq!(references(&scan(&options).0).len(), 2);
}

/// The answer to a piece of work.
async fn worked(events: &mut UnboundedReceiver<HubEvent>, id: AskId) -> Result<Done, UserError> {
    loop {
        match events.recv().await.expect("an answer") {
            HubEvent::Worked { id: of, result } if of == id => return result,
            HubEvent::Working { id: of, done, total } => assert!(of == id && done <= total),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_interface_has_its_work_done() {
    let made = Made::new();
    made.file("org/m", 'a', "m-Q4_0.gguf", "GGUF Q4_0").file("org/m", 'a', "m-Q8_0.gguf", "GGUF Q8_0");
    made.loose("hub/models--org--other/blobs/x.incomplete", "half");
    let own = made.loose("own-Q5_0.gguf", "GGUF Q5_0 own");
    let (options, folder) = with_imports(&made);
    let (hub, mut events) = HubHandle::start(options);
    let mut id = AskId(0);
    let mut ask = |command: &dyn Fn(AskId) -> HubCmd| {
        id = id.next();
        hub.send(command(id));
        id
    };
    let model = |text: &str| text.to_owned();
    let verify = ask(&|id| HubCmd::Verify { id, model: model("org/m:Q4_0") });
    assert_eq!(worked(&mut events, verify).await, Ok(Done::Verified { files: 1, bytes: 9 }));
    let look = ask(&|id| HubCmd::LookAtRemoval { id, model: model("org/m:Q4_0") });
    assert_eq!(worked(&mut events, look).await, Ok(Done::Removable { owner: Owner::Cache, frees: 9 }));
    let delete = ask(&|id| HubCmd::Delete { id, model: model("org/m:Q4_0") });
    assert_eq!(worked(&mut events, delete).await, Ok(Done::Deleted { owner: Owner::Cache, freed: 9 }));
    let repo = RepoId::parse("org/other").expect("a repository");
    let discard = ask(&|id| HubCmd::Discard { id, repo: repo.clone() });
    assert_eq!(worked(&mut events, discard).await, Ok(Done::Discarded { freed: 4 }));
    let import = ask(&|id| HubCmd::Import { id, path: own.clone() });
    let imported = folder.join("own-Q5_0.gguf").display().to_string();
    assert_eq!(worked(&mut events, import).await, Ok(Done::Imported { reference: imported.clone() }));
    let verify = ask(&|id| HubCmd::Verify { id, model: imported.clone() });
    assert_eq!(worked(&mut events, verify).await, Ok(Done::NotVerifiable));
    let newer = ask(&|id| HubCmd::LookForNewer { id, model: model("org/m:Q8_0") });
    assert_eq!(worked(&mut events, newer).await.expect_err("is offline").kind, ErrorKind::Network);
    // A file of one's own is deleted elsewhere, and nobody is asked about it here.
    let own_model = own.display().to_string();
    let look = ask(&|id| HubCmd::LookAtRemoval { id, model: own_model.clone() });
    let refused = worked(&mut events, look).await.expect_err("is refused");
    let delete = ask(&|id| HubCmd::Delete { id, model: own_model.clone() });
    assert_eq!(worked(&mut events, delete).await.as_ref(), Err(&refused));
    assert!(own.exists() && refused.message.contains("of your own"), "{refused}");
    let look = ask(&|id| HubCmd::LookAtRemoval { id, model: imported.clone() });
    assert_eq!(worked(&mut events, look).await, Ok(Done::Removable { owner: Owner::Imported, frees: 0 }));
    let bad = ask(&|id| HubCmd::Delete { id, model: model("a b") });
    assert_eq!(worked(&mut events, bad).await.expect_err("means nothing").kind, ErrorKind::Usage);

    hub.send(HubCmd::ScanLocal);
    let Some(HubEvent::Local(local)) = events.recv().await else { panic!("a list") };
    assert_eq!((local.models.len(), local.unfinished.len(), local.problems.len()), (2, 0, 0));
    assert!(local.disk.is_some_and(|disk| disk.cache == 9), "{:?}", local.disk);
    hub.shutdown().await;
}

#[tokio::test]
async fn work_can_be_stopped() {
    let made = Made::new();
    // Long enough to be caught in the middle of it.
    let content = format!("GGUF Q4_0 {}", "x".repeat(64 << 20));
    made.file("org/m", 'a', "m-Q4_0.gguf", &content);
    let (hub, mut events) = HubHandle::start(made.options());
    let id = AskId(7);
    hub.send(HubCmd::Verify { id, model: "org/m:Q4_0".to_owned() });
    assert!(matches!(events.recv().await, Some(HubEvent::Working { id: AskId(7), .. })), "it has begun");
    hub.send(HubCmd::Stop(id));
    assert_eq!(worked(&mut events, id).await.expect_err("was stopped").kind, ErrorKind::Cancelled);
    hub.shutdown().await;
}

#[tokio::test]
async fn what_we_did_not_finish_says_how_to_go_on() {
    let content: Vec<u8> = b"GGUF Q4_0 ".iter().copied().chain((0..500_000_u32).flat_map(u32::to_le_bytes)).collect();
    let server = HubServer::start(vec![Repo::new("org/m", 'a').large("m-Q4_0.gguf", &content)]).await;
    server.spoil_bodies(std::iter::repeat_n(Fault::Cut(600_000), 20));
    let made = Made::new();
    let options = Options { offline: false, endpoint: server.endpoint.clone(), connections: 1, ..made.options() };
    let options = Options { timing: Timing { attempts: 1, ..options.timing }, ..options };
    let cancel = CancellationToken::new();
    let model = parse("org/m:Q4_0");
    let mut enough = |state| {
        if matches!(state, DownloadState::Running { done, .. } if done >= 600_000) {
            cancel.cancel();
        }
    };
    hub::pull(&options, &model, &mut enough, cancel.clone()).await.expect_err("is cut again and again");
    let local = hub::local(&made.options());
    let [left] = local.unfinished.as_slice() else { panic!("{:?}", local.unfinished) };
    assert!(left.bytes > 0 && left.bytes < content.len() as u64, "{left:?}");
    assert_eq!((left.total, left.model.as_ref()), (Some(content.len() as u64), Some(&model)));
    assert_eq!(local.disk.map(|disk| disk.cache), Some(left.bytes));
    let removal = hub::unfinished(&options, &left.repo).expect("can be forgotten");
    assert_eq!(removal.carry_out(), Ok(left.bytes));
    assert!(!made.repo("org/m").exists());
}
