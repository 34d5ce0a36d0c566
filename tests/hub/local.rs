//! What is on this machine: listing and finding, without network.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use hobnob::domain::model::{Format, ModelRef, starter};
use hobnob::error::ErrorKind;
use hobnob::hub::{Options, find, scan};

use crate::made::{Made, parse, references};

#[test]
fn whole_models_are_listed_and_nothing_else() {
    let made = Made::new();
    made.file("org/split", 'a', "m-Q8_0-00001-of-00002.gguf", "GGUF Q8_0 first")
        .file("org/split", 'a', "m-Q8_0-00002-of-00002.gguf", "second")
        .file("org/split", 'a', "half-Q4_0-00001-of-00002.gguf", "GGUF Q4_0 half of it")
        .file("org/split", 'a', "mmproj-F16.gguf", "GGUF F16 projector")
        .file("org/split", 'a', "m.imatrix.gguf", "GGUF F32 matrix")
        .file("org/folder", 'a', "config.json", "{}")
        .file("org/folder", 'a', "model-00001-of-00002.safetensors", "one")
        .file("org/folder", 'a', "model-00002-of-00002.safetensors", "two")
        .file("org/missing-shard", 'a', "config.json", "{ }")
        .file("org/missing-shard", 'a', "model-00001-of-00002.safetensors", "one of two")
        .file("org/adapter", 'a', "config.json", "{  }")
        .file("org/adapter", 'a', "adapter_model.safetensors", "small")
        .file("org/broken", 'a', "a-broken-Q4_0.gguf", "not a model");
    // On its way: the bytes are there under another name, the link is not, or leads nowhere.
    fs::write(made.repo("org/split").join("blobs/abc.incomplete"), "GGUF Q4_0 on its way").expect("writes");
    symlink("../../blobs/gone", made.snapshot("org/split", 'a').join("gone-Q4_0.gguf")).expect("links");
    fs::create_dir_all(made.cache().join("datasets--org--data/snapshots")).expect("makes");
    fs::write(made.cache().join("CACHEDIR.TAG"), "").expect("writes");

    let (models, problems) = scan(&made.options());
    assert_eq!(problems, []);
    assert_eq!(references(&models), ["org/folder", "org/split:Q8_0", "org/broken:Q4_0"]);
    let split = &models[1];
    assert_eq!(split.bytes, ("GGUF Q8_0 first".len() + "second".len()) as u64);
    assert_eq!((split.name.as_str(), split.origin.as_str()), ("m", "org/split"));
    assert!(split.location.ends_with("m-Q8_0-00001-of-00002.gguf"));
    assert_eq!((models[0].format, models[0].name.as_str()), (Format::Safetensors, "folder"));
    assert_eq!(models[2].facts.as_ref().expect_err("broken").kind, ErrorKind::ModelBroken);
}

#[test]
fn a_repository_without_an_owner_is_seen() {
    let made = Made::new();
    made.file("gpt2", 'a', "config.json", "{}").file("gpt2", 'a', "model.safetensors", "weights");
    let (models, problems) = scan(&made.options());
    assert_eq!(problems, []);
    let [model] = models.as_slice() else { panic!("{models:?}") };
    assert_eq!((model.name.as_str(), model.origin.as_str()), ("gpt2", "gpt2"));
    for reference in ["gpt2", &model.reference] {
        let found = find(&made.options(), &parse(reference)).expect("is here");
        assert_eq!(found.location, model.location, "{reference}");
    }
}

#[test]
fn every_reference_chooses_exactly_its_model() {
    let made = Made::new();
    let folder = made.root.path().join("models");
    made.file("org/many", 'a', "m-Q4_K_M.gguf", "GGUF Q4_K_M now")
        .file("org/many", 'a', "m-Q4_0.gguf", "GGUF Q4_0")
        .file("org/many", 'a', "other/m-Q4_0.gguf", "GGUF Q4_0 other")
        .file("org/many", 'a', "unnamed.gguf", "GGUF IQ4_XS")
        .file("org/many", 'a', "at@sign.gguf", "GGUF Q2_K")
        .file("org/many", 'b', "m-Q4_K_M.gguf", "GGUF Q4_K_M before")
        .file("org/many", 'b', "m-Q4_0.gguf", "GGUF Q4_0")
        .file("org/many", 'b', "only-then-Q5_0.gguf", "GGUF Q5_0")
        .file("org/both", 'a', "config.json", "{}")
        .file("org/both", 'a', "model.safetensors", "weights")
        .file("org/both", 'a', "both-F16.gguf", "GGUF F16")
        .refers("org/many", "main", 'a');
    made.loose("models/local-Q8_0.gguf", "GGUF Q8_0 local");
    let mut options = made.options();
    options.folders = vec![folder];

    let (models, problems) = scan(&options);
    assert_eq!(problems, []);
    let mut listed = references(&models);
    listed.sort_unstable();
    let at_sign = made.snapshot("org/many", 'a').join("at@sign.gguf").display().to_string();
    let mut expected = vec![
        "org/both",
        "org/both:F16",
        "org/many/m-Q4_0.gguf",
        "org/many/m-Q4_K_M.gguf@bbbbbbbbbbbb",
        "org/many/other/m-Q4_0.gguf",
        "org/many:IQ4_XS",
        "org/many:Q4_K_M",
        "org/many:Q5_0",
        "org/many:Q2_K",
    ];
    let local = made.root.path().join("models/local-Q8_0.gguf").display().to_string();
    expected.push(&local);
    expected.sort_unstable();
    assert_eq!(listed, expected, "the same file in two revisions is one model");
    for model in &models {
        let found = find(&options, &parse(&model.reference)).expect("finds");
        assert_eq!(&found, model, "{}", model.reference);
    }
    // Any path that is listed can be asked for as it is, too.
    assert_eq!(find(&options, &parse(&at_sign)).expect("finds").name, "at@sign");
}

#[test]
fn what_has_another_name_on_the_main_branch_by_now_confuses_nobody() {
    let made = Made::new();
    made.file("org/m", 'a', "m-Q4_K_M.gguf", "GGUF Q4_K_M before")
        .file("org/m", 'a', "m-Q5_0.gguf", "GGUF Q5_0")
        .file("org/m", 'b', "m-Q4_K_M-00001-of-00002.gguf", "GGUF Q4_K_M now")
        .file("org/m", 'b', "m-Q4_K_M-00002-of-00002.gguf", "the rest")
        .file("org/m", 'b', "new/m-Q5_0.gguf", "GGUF Q5_0")
        .refers("org/m", "main", 'b');
    let options = made.options();
    let (models, _) = scan(&options);
    let mut listed = references(&models);
    listed.sort_unstable();
    assert_eq!(listed, ["org/m/m-Q4_K_M.gguf", "org/m:Q4_K_M", "org/m:Q5_0"]);
    for model in &models {
        assert_eq!(&find(&options, &parse(&model.reference)).expect("finds"), model, "{}", model.reference);
    }
    let of_main = |text: &str| find(&options, &parse(text)).expect("is one").location;
    let snapshot = made.snapshot("org/m", 'b');
    assert_eq!(of_main("org/m:q4_k_m"), snapshot.join("m-Q4_K_M-00001-of-00002.gguf"));
    assert_eq!(of_main("org/m:Q5"), snapshot.join("new/m-Q5_0.gguf"));
    assert_eq!(of_main("m:Q4"), snapshot.join("m-Q4_K_M-00001-of-00002.gguf"));
    assert!(of_main("org/m:Q4_K_M@aaaa").ends_with("m-Q4_K_M.gguf"));
    // The main branch's own are still several.
    let error = find(&options, &parse("org/m")).expect_err("of two quantisations");
    assert_eq!(error.message, "`org/m` can mean several models: org/m:Q4_K_M, org/m:Q5_0");
}

#[test]
fn a_quantisation_is_found_by_name_case_family_and_header() {
    let made = Made::new();
    made.file("org/m", 'a', "m-Q4_K_M.gguf", "GGUF Q4_K_M")
        .file("org/m", 'a', "m-Q4_0.gguf", "GGUF Q4_0")
        .file("org/m", 'a', "m-Q8_0.gguf", "GGUF Q8_0")
        .file("org/m", 'a', "plain.gguf", "GGUF Q6_K");
    let options = made.options();
    let file = |text: &str| {
        let found = find(&options, &parse(text)).expect(text);
        found.location.file_name().expect("a name").to_string_lossy().into_owned()
    };
    assert_eq!(file("org/m:q4_k_m"), "m-Q4_K_M.gguf");
    assert_eq!(file("org/m:Q8"), "m-Q8_0.gguf");
    assert_eq!(file("org/m:q6_k"), "plain.gguf");

    let error = find(&options, &parse("org/m:Q4")).expect_err("two");
    assert_eq!(error.kind, ErrorKind::Usage);
    assert!(error.message.contains("org/m:Q4_K_M") && error.message.contains("org/m:Q4_0"), "{error}");
    assert!(!error.message.contains("Q8_0"), "{error}");
    let error = find(&options, &parse("org/m")).expect_err("four");
    assert!(error.message.contains("org/m:Q8_0"), "{error}");
    let error = find(&options, &parse("org/m:Q3_K_S")).expect_err("none");
    assert_eq!(error.kind, ErrorKind::ModelNotFound);
    assert!(error.hint.expect("a hint").contains("org/m:Q8_0"));
}

#[test]
fn a_revision_is_a_branch_a_tag_or_the_start_of_a_commit() {
    let made = Made::new();
    made.file("org/m", 'a', "m.gguf", "GGUF Q4_0 a")
        .file("org/m", 'b', "m.gguf", "GGUF Q4_0 b")
        .refers("org/m", "main", 'a')
        .refers("org/m", "refs/pr/1", 'b');
    let options = made.options();
    let commit = |text: &str| {
        let location = find(&options, &parse(text)).expect(text).location;
        location.parent().and_then(|p| p.file_name()).expect("a commit").to_string_lossy().into_owned()
    };
    assert_eq!(commit("org/m"), "a".repeat(40));
    assert_eq!(commit("org/m@main"), "a".repeat(40));
    assert_eq!(commit("org/m@refs/pr/1"), "b".repeat(40));
    assert_eq!(commit("org/m/m.gguf@bbbb"), "b".repeat(40));
    let error = find(&options, &parse("org/m@v2")).expect_err("no such tag");
    assert_eq!(error.kind, ErrorKind::ModelNotFound);
}

#[test]
fn the_starter_is_known_by_place_and_size() {
    let made = Made::new();
    made.file(starter::REPO, 'a', starter::FILE, "GGUF Q4_1");
    let options = made.options();
    let error = find(&options, &ModelRef::Starter).expect_err("far too small");
    assert!(error.hint.expect("a hint").contains("hobnob pull starter"));

    let blob = fs::canonicalize(made.snapshot(starter::REPO, 'a').join(starter::FILE)).expect("a blob");
    fs::File::options().write(true).open(blob).expect("opens").set_len(starter::BYTES).expect("grows");
    let found = find(&options, &ModelRef::Starter).expect("finds");
    assert_eq!((found.reference.as_str(), found.bytes), ("starter", starter::BYTES));
    assert_eq!(references(&scan(&options).0), ["starter"]);
}

#[test]
fn folders_are_searched_deep_and_without_end_in_links() {
    let made = Made::new();
    made.loose("models/a/b/deep-Q4_0.gguf", "GGUF Q4_0 deep");
    made.loose("models/whole/config.json", "{}");
    made.loose("models/whole/model.safetensors", "weights");
    made.loose("models/whole/original/part-Q8_0.gguf", "GGUF Q8_0 inside of a model");
    made.loose("models/.hidden/h-Q4_0.gguf", "GGUF Q4_0 hidden");
    made.loose("models/notes.txt", "nothing");
    let models_folder = made.root.path().join("models");
    symlink(&models_folder, models_folder.join("a/again")).expect("links");
    symlink("nowhere", models_folder.join("dangling.gguf")).expect("links");
    let file = made.loose("file", "not a folder");
    let mut options = made.options();
    options.folders = vec![models_folder.clone(), made.root.path().join("absent"), file];

    let (models, problems) = scan(&options);
    let deep = models_folder.join("a/b/deep-Q4_0.gguf");
    assert_eq!(references(&models), [deep.display().to_string(), models_folder.join("whole").display().to_string()]);
    assert_eq!(models[0].origin, models_folder.display().to_string());
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].message.contains("absent does not exist"), "{}", problems[0]);
    assert!(problems.iter().all(|problem| problem.hint.is_some()));
}

#[test]
fn paths_are_files_sets_and_folders() {
    let made = Made::new();
    let part = made.loose("set/m-00002-of-00002.gguf", "second");
    let options = made.options();
    let at = |path: &std::path::Path| find(&options, &ModelRef::Path(path.to_owned()));
    let error = at(&part).expect_err("half a set");
    assert!(error.kind == ErrorKind::ModelBroken && error.message.contains("m-00001-of-00002.gguf"), "{error}");

    let first = made.loose("set/m-00001-of-00002.gguf", "GGUF Q8_0");
    assert_eq!(at(&part).expect("the set").location, first);
    assert_eq!(at(first.parent().expect("a folder")).expect("the only model in it").location, first);

    made.loose("set/other.gguf", "GGUF Q4_0");
    let error = at(first.parent().expect("a folder")).expect_err("two models");
    assert!(error.message.contains("other.gguf"), "{error}");
    let error = at(&made.root.path().join("nowhere.gguf")).expect_err("nothing there");
    assert_eq!(error.kind, ErrorKind::ModelNotFound);
    // A file that is no model is found, and its facts say what is wrong with it.
    let text = made.loose("set/readme.gguf", "hello");
    assert!(at(&text).expect("found").facts.is_err());
}

#[test]
fn names_choose_what_is_here_and_errors_say_what_is() {
    let made = Made::new();
    made.file("org/Qwen3-4B-GGUF", 'a', "Qwen3-4B-Q4_K_M.gguf", "GGUF Q4_K_M").file(
        "org/Qwen3-4B-GGUF",
        'a',
        "Qwen3-4B-Q8_0.gguf",
        "GGUF Q8_0",
    );
    let options = made.options();
    assert_eq!(find(&options, &parse("qwen3-4b:q8_0")).expect("finds").reference, "org/Qwen3-4B-GGUF:Q8_0");
    assert_eq!(find(&options, &parse("qwen3-4b-q4_k_m")).expect("finds").reference, "org/Qwen3-4B-GGUF:Q4_K_M");
    assert_eq!(find(&options, &parse("qwen3-4b")).expect_err("two").kind, ErrorKind::Usage);
    let error = find(&options, &parse("quen3-4b")).expect_err("misspelt");
    assert!(error.hint.expect("a hint").contains("org/Qwen3-4B-GGUF"));
    let error = find(&options, &parse("orq/Qwen3-4B-GGUF:Q8_0")).expect_err("misspelt");
    assert!(error.hint.expect("a hint").contains("similar names on this machine: org/Qwen3-4B-GGUF"));

    // Of many the first are named, and how many there are besides. What can be run comes before what can't.
    for number in 0..9 {
        made.loose(&format!("set/broken{number}.gguf"), "hello");
    }
    let options = Options { folders: vec![made.root.path().join("set")], ..options };
    let error = find(&options, &parse("anything")).expect_err("nothing like it");
    let hint = error.hint.expect("a hint");
    assert!(hint.starts_with("there is: org/Qwen3-4B-GGUF:Q4_K_M, org/Qwen3-4B-GGUF:Q8_0, "), "{hint}");
    assert!(hint.ends_with("broken5.gguf, … 3 more: `hobnob models` lists all"), "{hint}");

    let empty = Made::new();
    let error = find(&empty.options(), &parse("anything")).expect_err("nothing here");
    assert!(error.hint.expect("a hint").contains("hobnob pull starter"));
    assert_eq!(scan(&empty.options()), (vec![], vec![]));
}

#[test]
fn two_hundred_models_are_listed_in_well_under_a_second() {
    let made = Made::new();
    for number in 0..200 {
        let repo = format!("org/model-{number}");
        made.file(&repo, 'a', "config.json", &format!("{{\"n\": {number}}}"))
            .file(&repo, 'a', &format!("m{number}-Q4_K_M.gguf"), &format!("GGUF Q4_K_M {number}"))
            .refers(&repo, "main", 'a');
    }
    let start = Instant::now();
    let (models, _) = scan(&made.options());
    assert_eq!(models.len(), 200);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}
