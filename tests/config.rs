//! Settings as a user meets them: files that are right and files that are wrong, each said with place and remedy.
//!
//! A fixture says in comments what is expected: `expect:` the message after the file's name, `hint:` a part of its hint,
//! `set: KEY = VALUE` what is in force, `bound: CONTEXT KEY ACTION` what a key does (`-` for nothing).

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use hobnob::config::keymap::{KeyChord, KeyMap, KeySequence};
use hobnob::config::{self, EXAMPLE, Loaded, Origin, Persona, SPECS, Settings, Sources, Value};
use hobnob::domain::action::{Action, Context};
use hobnob::error::ErrorKind;
use proptest::prelude::*;

fn load_with(
    variables: &[(&str, &str)],
    file: Option<&Path>,
    flags: Vec<(&'static str, Value, &'static str)>,
) -> Loaded {
    let env = |name: &str| {
        let said = variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        said.or_else(|| (name == "HOME").then(|| OsString::from("/nonexistent/home")))
    };
    config::load(&Sources { env: &env, config_flag: file.map(Path::to_path_buf), flags })
}

fn load_file(path: &Path) -> Loaded {
    load_with(&[], Some(path), Vec::new())
}

fn load_text(text: &str) -> Loaded {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).expect("written");
    load_file(&path)
}

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(kind);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("fixtures").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// What the comments of a fixture say under a word.
fn said(text: &str, word: &str) -> Vec<String> {
    let text = text.trim_start_matches('\u{feff}');
    text.lines().filter_map(|line| line.strip_prefix(&format!("# {word}: ")).map(str::to_owned)).collect()
}

fn check_what_is_in_force(name: &str, text: &str, loaded: &Loaded) {
    for line in said(text, "set") {
        let (key, value) = line.split_once(" = ").expect("KEY = VALUE");
        let spec = config::spec(key).unwrap_or_else(|| panic!("{name}: no setting {key}"));
        assert_eq!((spec.get)(&loaded.settings).to_string(), value, "{name}: {key}");
    }
    for line in said(text, "bound") {
        let [context, key, action] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{name}: {line}") };
        let context = Context::from_name(context).expect("a context");
        let chord: KeyChord = key.parse().expect("a key");
        let found = loaded.keymap.resolve(&[context], chord).map_or("-", Action::name);
        // Where text is edited a character is text, whatever is bound.
        assert_eq!(found, action, "{name}: {line}");
    }
}

#[test]
fn files_that_are_right_are_taken_whole() {
    for path in fixtures("valid") {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path).expect("readable");
        let loaded = load_file(&path);
        assert_eq!(loaded.problems, [], "{name}");
        check_what_is_in_force(&name, &text, &loaded);
    }
}

#[test]
fn files_that_are_wrong_are_told_where_and_what_to_do() {
    for path in fixtures("invalid") {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path).expect("readable");
        let loaded = load_file(&path);
        let (expected, hints) = (said(&text, "expect"), said(&text, "hint"));
        let found: Vec<&str> = loaded.problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(found.len(), expected.len(), "{name}: {found:#?}");
        assert_eq!(hints.len(), expected.len(), "{name} has a hint for each problem");
        for ((problem, expected), hint) in loaded.problems.iter().zip(&expected).zip(&hints) {
            let rest = problem.message.strip_prefix(&name).unwrap_or_else(|| panic!("{name}: {}", problem.message));
            // TOML's own words for a syntax error are its own affair.
            let is_same = rest == expected || (hint.starts_with("mend") && rest.starts_with(expected.trim_end()));
            assert!(is_same, "{name}\n   found: {rest}\nexpected: {expected}");
            let found = problem.hint.as_deref().unwrap_or_default();
            assert!(found.contains(hint.as_str()), "{name}\n   found: {found}\nexpected: {hint}");
            assert_eq!(problem.kind, ErrorKind::Config);
            assert!(!problem.message.ends_with('.') && !found.ends_with('.'));
        }
        check_what_is_in_force(&name, &text, &loaded);
    }
}

/// The example's text with every line that shows a value in force.
fn uncommented(text: &str) -> String {
    let is_key = |line: &str| {
        let name = line.split(" = ").next().unwrap_or_default();
        line.contains(" = ")
            && (name.starts_with('"') || name.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !name.is_empty())
    };
    let is_shown = |line: &str| is_key(line) || line.starts_with("[[") || line.starts_with("[personas.");
    let bare = |line: &str| line.strip_prefix("# ").filter(|rest| is_shown(rest)).unwrap_or(line).to_owned();
    text.lines().map(|line| bare(line) + "\n").collect()
}

#[test]
fn the_example_is_the_default() {
    let loaded = load_text(EXAMPLE);
    assert_eq!(loaded.problems, []);
    assert_eq!(loaded.settings, Settings::default());
    assert_eq!(loaded.keymap, KeyMap::default());
    for spec in SPECS {
        let is_said = matches!(loaded.origins.get(spec.key), Origin::File { .. });
        assert_eq!(is_said, spec.default() != Value::Unset, "{}", spec.key);
    }
}

#[test]
fn the_example_names_every_setting_and_every_key() {
    let loaded = load_text(&uncommented(EXAMPLE));
    assert_eq!(loaded.problems, []);
    assert_eq!(loaded.catalog.len(), 1);
    assert_eq!(loaded.personas.iter().map(Persona::about).collect::<Vec<_>>(), ["Answers in one sentence"]);
    assert!(loaded.catalog().find("our-model").is_some() && loaded.catalog().find("qwen3-4b").is_some());
    for spec in SPECS {
        assert!(matches!(loaded.origins.get(spec.key), Origin::File { .. }), "{} is missing", spec.key);
    }
    let all = |map: &KeyMap| {
        let mut all = BTreeSet::new();
        for (context, actions) in map.bindings() {
            for (action, keys) in actions {
                all.extend(keys.into_iter().map(|key| (context.name(), action.name(), key.to_string())));
            }
        }
        all
    };
    assert_eq!(all(&loaded.keymap), all(&KeyMap::default()));

    let document = uncommented(EXAMPLE).parse::<toml_edit::DocumentMut>().expect("TOML");
    let listed: BTreeSet<_> = Context::ALL
        .into_iter()
        .flat_map(|context| {
            let table = document["keys"][context.name()].as_table().expect("a table for every context");
            let key = |text: &str| text.parse::<KeySequence>().expect("a key").to_string();
            table
                .iter()
                .map(|(name, action)| (context.name(), action.as_str().expect("a text"), key(name)))
                .collect::<Vec<_>>()
        })
        .map(|(context, action, key)| (context, Action::from_name(action).expect("an action").name(), key))
        .collect();
    assert_eq!(listed, all(&KeyMap::default()));
}

#[test]
fn the_example_names_every_theme() {
    for id in config::theme::Themes::builtin().ids() {
        assert!(EXAMPLE.contains(&format!("\"{id}\"")), "{id}");
    }
}

#[test]
fn each_layer_wins_over_the_one_below() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.toml");
    std::fs::write(&path, "model = 'from/file'\noffline = false\n[sampling]\ntemperature = 0.5\ntop_k = 7\n")
        .expect("written");

    let file = load_file(&path);
    assert_eq!(file.problems, []);
    assert_eq!(file.settings.model.as_deref(), Some("from/file"));
    assert_eq!(file.origins.get("model"), Origin::File { line: 1 });
    assert_eq!(file.origins.get("sampling.top_k"), Origin::File { line: 5 });
    assert_eq!(file.origins.get("ui.theme"), Origin::Default);

    let variables = [("HOBNOB_MODEL", "from/env"), ("HF_HUB_OFFLINE", "1")];
    let env = load_with(&variables, Some(&path), Vec::new());
    assert_eq!((env.settings.model.as_deref(), env.settings.offline), (Some("from/env"), true));
    assert_eq!(env.origins.get("model"), Origin::Env("HOBNOB_MODEL"));
    assert_eq!(env.origins.get("offline"), Origin::Env("HF_HUB_OFFLINE"));
    // As the Hub's Python client: the second variable counts where the first says nothing.
    let both = [("HF_HUB_OFFLINE", ""), ("TRANSFORMERS_OFFLINE", "1")];
    let env = load_with(&both, None, Vec::new());
    assert_eq!((env.settings.offline, env.origins.get("offline")), (true, Origin::Env("TRANSFORMERS_OFFLINE")));
    assert!(!load_with(&[("HF_HUB_OFFLINE", "0"), both[1]], None, Vec::new()).settings.offline);

    let flags = vec![
        ("model", Value::Text("from/flag".into()), "--model"),
        ("sampling.temperature", Value::Float(0.0), "--temperature"),
    ];
    let all = load_with(&variables, Some(&path), flags);
    assert_eq!(all.settings.model.as_deref(), Some("from/flag"));
    assert_eq!(all.settings.sampling.temperature, Some(0.0));
    assert_eq!(all.settings.sampling.top_k, Some(7));
    assert_eq!(all.origins.get("model"), Origin::Flag("--model"));
    assert_eq!(all.origins.get("sampling.temperature").to_string(), "--temperature");
}

#[test]
fn what_is_refused_leaves_the_layer_below_in_force() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.toml");
    std::fs::write(&path, "model = 'from/file'\n[sampling]\ntemperature = 0.5\n").expect("written");
    let flags = vec![("sampling.temperature", Value::Float(3.0), "--temperature")];
    let loaded = load_with(&[("HOBNOB_MODEL", "org/two words"), ("HF_HUB_OFFLINE", "perhaps")], Some(&path), flags);
    assert_eq!(loaded.settings.model.as_deref(), Some("from/file"));
    assert_eq!(loaded.settings.sampling.temperature, Some(0.5));
    assert!(!loaded.settings.offline, "what is not a yes is a no, as for the Hub's Python client");
    let messages: Vec<&str> = loaded.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(messages.len(), 2, "{messages:#?}");
    assert!(messages[0].starts_with("HOBNOB_MODEL (`model`) must be a model"), "{}", messages[0]);
    assert_eq!(messages[1], "--temperature must be a number from 0 to 2, not 3");
    assert_eq!(loaded.problems[1].kind, ErrorKind::Usage);
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("none.toml");
    let name = missing.to_str().expect("UTF-8");
    for (loaded, who) in
        [(load_file(&missing), "--config"), (load_with(&[("HOBNOB_CONFIG", name)], None, Vec::new()), "HOBNOB_CONFIG")]
    {
        assert_eq!(loaded.problems.len(), 1);
        assert_eq!(loaded.problems[0].message, format!("{who}: there is no file {name}"));
        assert_eq!(loaded.settings, Settings::default());
        assert_eq!(loaded.paths.config_file, missing);
    }
    let home = folder.path().to_str().expect("UTF-8");
    let default = load_with(&[("XDG_CONFIG_HOME", home)], None, Vec::new());
    assert_eq!(default.problems, []);
    assert_eq!(default.paths.config_file, folder.path().join("hobnob/config.toml"));
    assert_eq!(load_file(folder.path()).problems[0].message, format!("can't read {home}: it is a folder"));

    std::fs::write(folder.path().join("latin.toml"), b"# fine\nmodel = \"caf\xe9\"\n").expect("written");
    let latin = load_file(&folder.path().join("latin.toml"));
    assert!(latin.problems[0].message.ends_with("latin.toml:2: this is not UTF-8 text"), "{:?}", latin.problems);
}

#[test]
fn folders_are_absolute_once_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.toml");
    std::fs::write(&path, "models.folders = ['~/models', 'here', '/srv']\n").expect("written");
    let loaded = load_with(&[("HOME", "/home/a")], Some(&path), Vec::new());
    assert_eq!(
        loaded.settings.models.folders,
        [PathBuf::from("/home/a/models"), folder.path().join("here"), PathBuf::from("/srv")]
    );
}

#[test]
fn a_theme_of_the_users_can_be_chosen() {
    let folder = tempfile::tempdir().expect("a folder");
    let themes = folder.path().join("hobnob/themes");
    std::fs::create_dir_all(&themes).expect("made");
    std::fs::write(themes.join("mine.toml"), "inherits = \"nord\"").expect("written");
    std::fs::write(folder.path().join("hobnob/config.toml"), "ui.theme = 'mine'").expect("written");
    let home = folder.path().to_str().expect("UTF-8");
    let loaded = load_with(&[("XDG_CONFIG_HOME", home)], None, Vec::new());
    assert_eq!(loaded.problems, []);
    assert_eq!(loaded.settings.ui.theme, "mine");
    assert_eq!(loaded.paths.themes_dir, themes);
    std::fs::write(folder.path().join("hobnob/config.toml"), "ui.theme = 'mien'").expect("written");
    let loaded = load_with(&[("XDG_CONFIG_HOME", home)], None, Vec::new());
    assert_eq!(loaded.problems[0].hint.as_deref(), Some("did you mean `mine`?"));
}

#[test]
fn what_is_saved_is_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.toml");
    std::fs::write(&path, EXAMPLE).expect("written");
    let changes = [
        ("sampling.temperature", Some(Value::Float(0.7))),
        ("model", Some(Value::Text("starter".into()))),
        ("ui.theme", Some(Value::Text("tokyo-night".into()))),
        ("models.folders", Some(Value::List(vec!["/a b".into(), "/c\"d".into()]))),
        ("chat.system_prompt", Some(Value::Text("Two\nlines, and a \"quote\".".into()))),
    ];
    let lines = config::save(&path, &changes).expect("saved");
    let loaded = load_file(&path);
    assert_eq!(loaded.problems, []);
    assert!(lines.len() >= changes.len(), "{lines:?}");
    for spec in SPECS {
        let line = lines.iter().find(|(key, _)| *key == spec.key).map(|(_, line)| Origin::File { line: *line });
        assert_eq!(loaded.origins.get(spec.key), line.unwrap_or(Origin::Default), "{}", spec.key);
    }
    for (key, value) in changes {
        let spec = config::spec(key).expect("a setting");
        assert_eq!(Some((spec.get)(&loaded.settings)), value, "{key}");
    }
    let back: Vec<(&str, Option<Value>)> = SPECS.iter().map(|spec| (spec.key, None)).collect();
    config::save(&path, &back).expect("saved");
    assert_eq!(load_file(&path).settings, Settings::default());
}

/// The example and the fixtures, cut, doubled and misspelt.
fn any_file() -> impl Strategy<Value = String> {
    let whole: Vec<String> = fixtures("valid")
        .into_iter()
        .chain(fixtures("invalid"))
        .map(|path| std::fs::read_to_string(path).expect("readable"))
        .chain([EXAMPLE.to_owned(), uncommented(EXAMPLE)])
        .collect();
    let edit = (any::<prop::sample::Index>(), prop::option::of("[ -~\n\"=#é]{0,3}"), 0..8_usize);
    (prop::sample::select(whole), prop::collection::vec(edit, 0..6)).prop_map(|(text, edits)| {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, insert, cut) in edits {
            let at = at.index(chars.len() + 1);
            let end = (at + cut).min(chars.len());
            chars.splice(at..end, insert.unwrap_or_default().chars());
        }
        chars.into_iter().collect()
    })
}

fn comments(text: &str) -> usize {
    text.matches('#').count()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn any_file_is_taken_or_told(text in any_file()) {
        let loaded = load_text(&text);
        for problem in &loaded.problems {
            prop_assert!(problem.message.contains("config.toml:"), "{}", problem.message);
        }
        // Whatever the file says, there is a way out.
        for action in [Action::Quit, Action::Interrupt] {
            prop_assert!(!loaded.keymap.keys_for(action).is_empty());
        }
    }

    #[test]
    fn saving_sets_what_it_says_and_loses_nothing(text in any_file(), float in 0.0..2.0) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.toml");
        std::fs::write(&path, &text).expect("written");
        let changes = [
            ("sampling.temperature", Some(Value::Float(float))),
            ("ui.theme", None),
            ("offline", Some(Value::Bool(true))),
        ];
        let saved = config::save(&path, &changes);
        let after = std::fs::read_to_string(&path).expect("readable");
        if saved.is_err() {
            prop_assert_eq!(after, text);
        } else {
            let loaded = load_file(&path);
            let temperature = loaded.settings.sampling.temperature.expect("set");
            prop_assert!((temperature - float).abs() < 1e-5);
            prop_assert!(loaded.settings.offline);
            prop_assert_eq!(loaded.origins.get("ui.theme"), Origin::Default);
            // A `#` can go with the value of the key that is taken out.
            let gone = text.lines().filter(|line| line.contains("theme") && line.contains('#')).count();
            prop_assert!(comments(&after) + gone >= comments(&text), "{}", after);
        }
    }
}
