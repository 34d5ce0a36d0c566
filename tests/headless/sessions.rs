//! `hobnob sessions`, and `run` as a part of a conversation.

use std::fs;

use serde_json::{Value, json};

use crate::sandbox::{AT_ONCE, Done, Running, Sandbox};

const SCRIPT: &str = "[[reply]]\nwhen = \"sky\"\ntext = \"It scatters <b>blue</b> light.\"\n[[reply]]\n";

fn database(home: &Sandbox) -> std::path::PathBuf {
    home.path("home/.local/share/hobnob/conversations.db")
}

/// Asks, and gives the id of the conversation.
#[track_caller]
fn saved(home: &Sandbox, script: &str, question: &str) -> String {
    let done = home.run(["run", "-m", script, "--save", "--json", question]);
    done.assert_code(0);
    assert!(done.err.contains("kept as "), "{}", done.err);
    done.json()["session"].as_str().expect("an id").to_owned()
}

fn contents(done: &Done) -> Vec<String> {
    let document: Value = serde_json::from_str(done.text()).expect("JSON");
    let messages = document["messages"].as_array().expect("messages").iter();
    messages.map(|message| message["content"].as_str().expect("text").to_owned()).collect()
}

#[test]
fn run_leaves_nothing_unless_it_is_asked_to() {
    let home = Sandbox::new();
    let script = home.script(SCRIPT);
    for args in [&["run", "-m", &script, "hi"][..], &["run", "-m", &script, "--no-save", "hi"], &["sessions"]] {
        home.run(args.iter().copied()).assert_code(0);
        assert!(!database(&home).exists(), "{args:?}");
    }
    let none = home.run(["run", "-m", &script, "-c", "hi"]);
    none.assert_error(2, "no conversation to go on with");
    assert!(!database(&home).exists());
}

#[test]
fn a_conversation_is_kept_and_gone_on_with() {
    let home = Sandbox::new();
    let script = home.script(SCRIPT);
    let id = saved(&home, &script, "Why is the sky blue?");
    // Without -m it is the model of before that answers; an echo of what it is told last.
    let more = home.run(["run", "-c", "--json", "And at dusk?"]);
    more.assert_code(0);
    let answer = more.json();
    assert_eq!((answer["session"].as_str(), answer["content"].as_str()), (Some(id.as_str()), Some("And at dusk?")));
    let by_id = home.run(["run", "-m", &script, "--session", &id[..6], "--no-save", "--json", "Not kept"]);
    by_id.assert_code(0);
    assert_eq!(by_id.json()["session"], Value::Null);
    let shown = home.run(["sessions", "show", &id[..6], "--json"]);
    shown.assert_code(0);
    assert_eq!(
        contents(&shown),
        ["Why is the sky blue?", "It scatters <b>blue</b> light.", "And at dusk?", "And at dusk?"]
    );
    let wrong = home.run(["run", "-m", &script, "--session", "zz", "hi"]);
    wrong.assert_error(2, "no conversation `zz`");
    let both = home.run(["run", "-c", "--session", &id, "hi"]);
    both.assert_code(2);
}

#[test]
fn a_limit_of_the_command_line_is_for_one_answer() {
    let home = Sandbox::new();
    let long = home.script("[[reply]]\ntext = \"one two three four five six\"\n");
    let reason = |done: &Done| done.json()["finish_reason"].as_str().map(str::to_owned);
    let ask = |args: &[&str]| home.run(["run", "-m", &long, "--json"].iter().chain(args).copied());
    assert_eq!(reason(&ask(&["--save", "--max-tokens", "3", "count"])).as_deref(), Some("length"));
    assert_eq!(reason(&ask(&["-c", "count"])).as_deref(), Some("stop"));
    assert_eq!(reason(&ask(&["-c", "--max-tokens", "3", "count"])).as_deref(), Some("length"));
    assert_eq!(reason(&ask(&["-c", "count"])).as_deref(), Some("stop"));
    // What the settings say when a conversation begins stays with it.
    home.config("[chat]\nmax_tokens = 4\n");
    assert_eq!(reason(&ask(&["--save", "--max-tokens", "20", "count"])).as_deref(), Some("stop"));
    home.config("");
    assert_eq!(reason(&ask(&["-c", "count"])).as_deref(), Some("length"));
}

#[test]
fn an_answer_that_is_stopped_or_fails_is_kept_as_far_as_it_went() {
    let home = Sandbox::new();
    let script = home.script("[[reply]]\ntext = \"one two three\"\nfail = \"it did not work\"\n");
    home.run(["run", "-m", &script, "--save", "count"]).assert_error(5, "it did not work");
    let cut = home.script("[[reply]]\ntext = \"one two three four\"\n");
    home.run(["run", "-m", &cut, "--save", "--max-tokens", "2", "count"]).assert_code(0);
    // Its reader has seen enough.
    let slow = home.script("[[reply]]\ntext = \"one two three four five\"\ntokens_per_second = 5.0\n");
    let mut running = Running::start(home.hobnob(["run", "-m", &slow, "--save", "count"]));
    running.read_until("three");
    drop(running.stdout.take());
    assert_eq!(running.wait(AT_ONCE).code(), Some(0));
    let list = home.run(["sessions", "--json"]).json();
    let mut states: Vec<(String, String)> = Vec::new();
    for session in list["sessions"].as_array().expect("a list") {
        let shown = home.run(["sessions", "export", session["id"].as_str().expect("an id"), "--json"]);
        let document: Value = serde_json::from_str(shown.text()).expect("JSON");
        let answer = &document["messages"][1];
        states.push((
            answer["state"].as_str().expect("a state").into(),
            answer["content"].as_str().expect("text").into(),
        ));
    }
    states.sort();
    let (state, words) = states.remove(0);
    assert!(state == "cancelled" && words.starts_with("one two three"), "{state}: {words}");
    assert_eq!(states, [("cut".into(), "one two".into()), ("failed".into(), "one two three".to_owned())]);
}

#[test]
fn the_list_the_search_and_the_page_are_for_people_and_for_pipes() {
    let home = Sandbox::new();
    let script = home.script(SCRIPT);
    let none = home.run(["sessions", "list"]);
    none.assert_code(0);
    assert_eq!((none.text(), none.err.as_str()), ("", "no conversation is kept yet\n"));
    let id = saved(&home, &script, "Why is the **sky** blue?\u{1b}[31m");
    let list = home.run(["sessions"]);
    let cells: Vec<&str> = list.text().trim_end().split('\t').collect();
    assert_eq!((cells.len(), cells[0], cells[2], cells[4]), (5, id.as_str(), "2", "Why is the sky blue?"));
    let json = home.run(["sessions", "list", "--json"]).json();
    assert_eq!(json["sessions"][0]["title"].as_str().map(|title| title.starts_with("Why is the sky")), Some(true));
    assert_eq!(json["sessions"][0]["messages"], 2);
    let db = rusqlite::Connection::open(database(&home)).expect("opens");
    db.execute("UPDATE conversations SET updated = 1700000000999", []).expect("is written");
    drop(db);
    assert_eq!(home.run(["sessions"]).text().split('\t').nth(1), Some("1700000000"), "the time that is kept");
    assert_eq!(home.run(["sessions", "--json"]).json()["sessions"][0]["updated"], 1_700_000_000);
    let hits = home.run(["sessions", "search", "SCATTERS", "light"]);
    assert!(hits.text().starts_with(&id) && hits.text().contains("It scatters"), "{}", hits.text());
    let json = home.run(["sessions", "search", "scat", "--json"]).json();
    assert_eq!(
        (json["hits"][0]["role"].as_str(), &json["hits"][0]["found"]),
        (Some("assistant"), &json!(["scatters"]))
    );
    let page = home.run(["sessions", "show", &id]);
    assert!(page.text().contains("you\nWhy is the **sky** blue?\n"), "{}", page.text());
    for done in [list, hits, page] {
        assert!(!done.text().contains('\u{1b}'), "{:?}", done.text());
    }
    let near = format!("{}x", &id[..7]);
    let wrong = home.run(["sessions", "show", &near]);
    wrong.assert_error(2, "no conversation");
    assert!(wrong.err.contains(&id[..7]), "{}", wrong.err);
}

#[test]
fn what_is_exported_comes_back() {
    let home = Sandbox::new();
    let script = home.script(SCRIPT);
    let id = saved(&home, &script, "Why is the sky blue?");
    let markdown = home.run(["sessions", "export", &id]);
    let (title, said) = markdown.text().split_once("\n\n## You").expect("a title, and the time below it");
    assert!(title.starts_with("# Why is the sky blue?\n\n20") && title.ends_with(" +00:00"), "{title}");
    assert_eq!(
        said,
        "\n\nWhy is the sky blue?\n\n## script-0\n\nIt scatters <b>blue</b> light.\n"
            .replace("script-0", script.rsplit('/').next().expect("a name").trim_end_matches(".toml"))
    );
    let html = home.run(["sessions", "export", &id, "--format", "html"]);
    assert!(html.text().contains("It scatters &lt;b&gt;blue&lt;/b&gt; light."));
    for foreign in ["<script", "src=", "href=", "http://", "https://"] {
        assert!(!html.text().contains(foreign), "{foreign}");
    }
    let file = home.path("talk.json");
    let name = file.to_str().expect("a name");
    home.run(["sessions", "export", &id, "-o", name]).assert_code(0);
    home.run(["sessions", "export", &id, "-o", name]).assert_error(2, "there is a file of that name");
    let first = contents(&home.run(["sessions", "export", &id, "--json"]));
    // What is here already stays; it comes as another one.
    let copy = home.run(["sessions", "import", name]);
    copy.assert_code(0);
    assert_ne!(copy.text().trim(), id);
    home.run(["sessions", "rm", &id]).assert_error(2, "nobody is here to be asked");
    let by_name = home.run(["sessions", "rm", "--yes", "last"]);
    by_name.assert_error(2, "nothing is removed as `last`");
    assert!(by_name.err.contains("hint: by its id it is: `hobnob sessions rm "), "{}", by_name.err);
    home.run(["sessions", "rm", "--yes", &id, copy.text().trim()]).assert_code(0);
    assert_eq!(home.run(["sessions"]).text(), "");
    let back = home.run(["sessions", "import", name]);
    assert_eq!(back.text().trim(), id, "under the name that it had");
    assert_eq!(contents(&home.run(["sessions", "export", &id, "--json"])), first);
    let more = home.run(["run", "-m", &script, "--session", &id, "--json", "again"]);
    assert_eq!(more.json()["session"].as_str(), Some(id.as_str()));
}

#[test]
fn what_chatgpt_exports_is_taken_in() {
    let home = Sandbox::new();
    let file = home.write("conversations.json", include_str!("../fixtures/chatgpt.json"));
    let done = home.run(["sessions", "import", file.to_str().expect("a name"), "--json"]);
    done.assert_code(0);
    let taken = done.json();
    assert_eq!(taken["skipped"], 1);
    let ids: Vec<&str> = taken["imported"].as_array().expect("ids").iter().filter_map(Value::as_str).collect();
    assert_eq!(ids.len(), 1);
    let shown = home.run(["sessions", "export", ids[0], "--json"]);
    let document: Value = serde_json::from_str(shown.text()).expect("JSON");
    assert_eq!(
        (document["title"].as_str(), document["created"].as_u64()),
        (Some("Bread at night"), Some(1_700_000_000))
    );
    assert_eq!(
        contents(&shown),
        [
            "How do I bake bread?",
            "With flour.",
            "With flour, water and salt.",
            "[something that is not text]\n\nAnd this?"
        ]
    );
    let page = home.run(["sessions", "show", ids[0]]);
    assert!(!page.text().contains("With flour.\n"), "the branch that was shown: {}", page.text());
    assert!(page.text().contains("and salt.") && page.text().contains("And this?"), "{}", page.text());
    assert_eq!(document["messages"][2]["model"], "gpt-4o");
    let nothing = home.write("other.json", "{\"a\": 1}");
    home.run(["sessions", "import", nothing.to_str().expect("a name")]).assert_error(2, "no conversation is in it");
}

#[test]
fn a_file_of_a_newer_hobnob_is_left_alone() {
    let home = Sandbox::new();
    let script = home.script(SCRIPT);
    saved(&home, &script, "sky");
    let db = rusqlite::Connection::open(database(&home)).expect("opens");
    db.pragma_update(None, "user_version", 99).expect("writes");
    drop(db);
    home.run(["sessions"]).assert_error(2, "newer hobnob");
    home.run(["run", "-m", &script, "hi"]).assert_code(0);
    home.run(["run", "-m", &script, "--save", "hi"]).assert_error(2, "newer hobnob");
}

/// No file can grow, as on a disk that is full.
const NO_ROOM: &str = "trap '' XFSZ; ulimit -f 0";

#[test]
fn where_nothing_can_be_written_conversations_are_read_all_the_same() {
    let home = Sandbox::new();
    let script = home.script(SCRIPT);
    let id = saved(&home, &script, "Why is the sky blue?");
    for args in [
        &["sessions"][..],
        &["sessions", "show", &id],
        &["sessions", "export", &id],
        &["sessions", "search", "scatters"],
        &["run", "-m", &script, "-c", "--no-save", "sky"],
    ] {
        let done = home.run_within(NO_ROOM, args.iter().copied());
        let as_ever = home.run(args.iter().copied());
        done.assert_code(0);
        assert_eq!((done.text(), done.err.as_str()), (as_ever.text(), ""), "{args:?}");
    }
    for args in [&["sessions", "rm", "--yes", &id][..], &["run", "-m", &script, "-c", "sky"]] {
        home.run_within(NO_ROOM, args.iter().copied()).assert_error(1, "can't be kept");
    }
    home.run(["sessions", "show", &id]).assert_code(0);
}

#[test]
fn conversations_that_nobody_can_look_at_are_not_called_none() {
    let home = Sandbox::new();
    // Nobody gets through it, root included, who could enter a folder of another.
    let round = home.path("round");
    std::os::unix::fs::symlink(&round, &round).expect("a link");
    for args in [&["sessions"][..], &["sessions", "search", "words"], &["sessions", "show", "last"]] {
        let mut command = home.hobnob(args.iter().copied());
        command.env("HOBNOB_DATA_DIR", &round);
        Running::start(command).finish().assert_error(1, "can't be read: too many levels of symbolic links");
    }
    let mut command = home.hobnob(["sessions", "--json"]);
    command.env("HOBNOB_DATA_DIR", "/dev/null");
    assert_eq!(Running::start(command).finish().assert_code(0).text(), "{\"sessions\":[]}\n");
}

/// Overwrites the pages that hold `words`.
fn damage(file: &std::path::Path, words: &str) {
    const PAGE: usize = 4096;
    let mut bytes = fs::read(file).expect("reads");
    let places: Vec<usize> = bytes
        .windows(words.len())
        .enumerate()
        .filter(|(_, part)| *part == words.as_bytes())
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty(), "{words}");
    for place in places {
        let page = place / PAGE * PAGE;
        bytes[page..page + PAGE].fill(b'#');
    }
    fs::write(file, bytes).expect("writes");
}

#[test]
fn a_damaged_file_is_told_of_and_what_can_be_read_comes_over_once_nobody_has_it_open() {
    let home = Sandbox::new();
    let long = home.script(&format!("[[reply]]\ntext = \"{}the last of it\"\n", "word ".repeat(60)));
    let kept = saved(&home, &long, "Tell me.");
    damage(&database(&home), "the last of it");
    let other = rusqlite::Connection::open(database(&home)).expect("opens");
    let _: i64 = other.query_row("SELECT count(*) FROM conversations", [], |row| row.get(0)).expect("reads");
    home.run(["sessions", "show", &kept]).assert_error(1, "it is damaged");
    let doctor = home.run(["doctor", "--offline", "--json"]).json();
    let check = doctor["checks"].as_array().and_then(|all| all.iter().find(|check| check["id"] == "conversations"));
    let check = check.expect("a check");
    assert_eq!(check["verdict"], "problem", "{check}");
    assert!(check["hint"].as_str().is_some_and(|hint| hint.contains("set aside")), "{check}");
    // The answer is there, and the script knows that it is not kept.
    let run = home.run(["run", "-m", &long, "--save", "--json", "And more?"]);
    run.assert_error(1, "can't be kept");
    let json = run.json();
    assert!(json["content"].as_str().is_some_and(|text| text.ends_with("the last of it")), "{json}");
    assert_eq!(json["session"], Value::Null);
    drop(other);
    let list = home.run(["sessions"]);
    list.assert_code(0);
    assert!(list.err.contains("were damaged") && list.err.contains("conversations.broken"), "{}", list.err);
    let again = home.run(["sessions"]);
    assert_eq!((again.text(), again.err.as_str()), (list.text(), ""));
    saved(&home, &long, "And now?");
}
