//! A deletion that is ended in the middle.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::*;
use crate::error::ErrorKind;
use crate::hub::cache::{Commit, RepoCache};
use crate::hub::inventory::{SNAPSHOT_DEPTH, repos};

fn options(cache: &Path) -> Options {
    let no_probe = |_: &Path| Err(UserError::new(ErrorKind::ModelBroken, "not asked"));
    Options::from_env(cache.to_owned(), Vec::new(), true, no_probe)
}

fn file(cache: &Path, commit: char, path: &str, blob: &str) {
    let repo = cache.join("models--org--m");
    fs::create_dir_all(repo.join("blobs")).expect("makes");
    fs::write(repo.join("blobs").join(blob), blob).expect("writes");
    let pointer = repo.join("snapshots").join(commit.to_string().repeat(40)).join(path);
    fs::create_dir_all(pointer.parent().expect("a parent")).expect("makes");
    let up = "../".repeat(2 + path.matches('/').count());
    symlink(format!("{up}blobs/{blob}"), pointer).expect("links");
}

/// Two revisions, with all that clients leave around them.
fn repository(cache: &Path) {
    for (commit, path, blob) in [
        ('a', "m-Q4_0.gguf", "four"),
        ('a', "deep/er/m-Q8_0.gguf", "eight"),
        ('a', "README.md", "card"),
        ('b', "m-Q4_0.gguf", "four"),
        ('b', "README.md", "card of b"),
    ] {
        file(cache, commit, path, blob);
    }
    let repo = cache.join("models--org--m");
    for (path, text) in [
        ("refs/main", "a".repeat(40)),
        ("refs/refs/pr/1", "b".repeat(40)),
        (&*format!("trees/{}.json", "b".repeat(40)), "{}".to_owned()),
        (&*format!(".no_exist/{}/x.json", "b".repeat(40)), String::new()),
    ] {
        let path = repo.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("makes");
        fs::write(path, text).expect("writes");
    }
    let locks = cache.join(".locks/models--org--m");
    fs::create_dir_all(&locks).expect("makes");
    fs::write(locks.join("four.lock"), "").expect("writes");
}

/// What the Python client's `scan_cache_dir` complains about.
fn complaints(cache: &Path) -> Vec<String> {
    let mut complaints = Vec::new();
    for repo in repos(cache).expect("reads") {
        let cached = RepoCache::new(cache, &repo);
        if !cached.snapshots().is_dir() {
            complaints.push(format!("no snapshots in {}", cached.dir().display()));
        }
        for snapshot in fs::read_dir(cached.snapshots()).into_iter().flatten().flatten() {
            let names = inventory::names_below(&snapshot.path());
            complaints.extend(
                names.values().filter(|path| !path.exists()).map(|path| format!("{} is broken", path.display())),
            );
        }
        let mut refs = vec![cached.refs()];
        while let Some(folder) = refs.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    refs.push(entry.path());
                } else {
                    let commit = Commit::parse(&fs::read_to_string(entry.path()).expect("reads")).expect("a commit");
                    if !cached.snapshots().join(commit.as_str()).is_dir() {
                        complaints.push(format!("{} leads nowhere", entry.path().display()));
                    }
                }
            }
        }
    }
    complaints
}

fn files_below(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .flat_map(|path| {
            let below = if path.is_dir() && !path.is_symlink() && depth > 0 {
                files_below(&path, depth - 1)
            } else {
                Vec::new()
            };
            std::iter::once(path).chain(below)
        })
        .collect()
}

#[test]
fn whoever_is_ended_in_the_middle_leaves_a_valid_cache() {
    for (model, left) in [
        ("org/m:Q4_0", vec!["org/m:Q8_0"]),
        ("org/m:Q8_0", vec!["org/m:Q4_0"]),
        ("org/m/m-Q4_0.gguf@bbbb", vec!["org/m:Q4_0", "org/m:Q8_0"]),
    ] {
        let model = ModelRef::parse(model).expect("a MODEL");
        let steps = {
            let root = tempfile::tempdir().expect("a folder");
            repository(root.path());
            removal(&options(root.path()), &model, Scope::Model).expect("can be deleted").steps.len()
        };
        for ended_after in 0..=steps {
            let root = tempfile::tempdir().expect("a folder");
            repository(root.path());
            let all = options(root.path());
            let mut removal = removal(&all, &model, Scope::Model).expect("can be deleted");
            removal.steps.truncate(ended_after);
            removal.carry_out().expect("deletes");
            assert_eq!(complaints(root.path()), [""; 0], "{model} after {ended_after} of {steps} steps");
            // Nothing that was not meant is touched at any time.
            for name in &left {
                find(&all, &ModelRef::parse(name).expect("a MODEL")).expect("is still here");
            }
        }
    }
}

#[test]
fn the_last_of_a_repository_takes_all_of_it_along_whenever_it_is_ended() {
    let both = |options: &Options, ended_after: usize| {
        removal(options, &ModelRef::parse("org/m:Q8_0").expect("a MODEL"), Scope::Model)
            .and_then(Removal::carry_out)
            .expect("deletes");
        let mut last =
            removal(options, &ModelRef::parse("org/m:Q4_0").expect("a MODEL"), Scope::Model).expect("is here");
        let steps = last.steps.len();
        last.steps.truncate(ended_after);
        last.carry_out().expect("deletes");
        steps
    };
    let mut ended_after = 0;
    loop {
        let root = tempfile::tempdir().expect("a folder");
        repository(root.path());
        let steps = both(&options(root.path()), ended_after);
        assert_eq!(complaints(root.path()), [""; 0], "after {ended_after} of {steps} steps");
        // What was left can be deleted afterwards, and then nothing is left at all.
        let again = ["org/m:Q4_0", "org/m"].map(|text| {
            removal(&options(root.path()), &ModelRef::parse(text).expect("a MODEL"), Scope::Model)
                .and_then(Removal::carry_out)
        });
        if ended_after < steps - 2 {
            assert!(again.iter().any(Result::is_ok), "after {ended_after} of {steps} steps: {again:?}");
        }
        assert!(!root.path().join("models--org--m").exists(), "after {ended_after} of {steps} steps");
        if ended_after == steps {
            assert_eq!(files_below(root.path(), SNAPSHOT_DEPTH), [root.path().join(".locks")]);
            break;
        }
        ended_after += 1;
    }
}

#[test]
fn who_begins_to_write_in_the_last_moment_keeps_the_repository() {
    let root = tempfile::tempdir().expect("a folder");
    repository(root.path());
    let all = options(root.path());
    for (model, comes) in [("org/m:Q8_0", false), ("org/m:Q4_0", true)] {
        let mut removal = removal(&all, &ModelRef::parse(model).expect("a MODEL"), Scope::Model).expect("is here");
        let last = removal.steps.pop().expect("steps");
        let before = removal.steps.pop().expect("steps");
        removal.carry_out().expect("deletes");
        if comes {
            let blobs = root.path().join("models--org--m/blobs");
            fs::create_dir_all(&blobs).expect("makes");
            fs::write(blobs.join("new.incomplete"), "on its way").expect("writes");
        }
        before.carry_out().and_then(|()| last.carry_out()).expect("goes on");
    }
    let new = root.path().join("models--org--m/blobs/new.incomplete");
    assert_eq!(fs::read_to_string(new).expect("is there"), "on its way");
    assert_eq!(complaints(root.path()), [""; 0]);
}
