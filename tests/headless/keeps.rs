//! `hobnob models keep`, with the real engine and a model of a few kilobytes.

use std::fs;

use rustix::process::Signal;

use crate::sandbox::{AT_ONCE, Running, Sandbox, eventually};
use crate::support::tiny;

fn tiny_model(home: &Sandbox) -> String {
    let folder = home.path("tiny");
    tiny::folder(&folder, 1);
    folder.display().to_string()
}

#[test]
fn the_copy_is_kept_listed_and_used() {
    let home = Sandbox::new();
    let model = format!("{}:q8", tiny_model(&home));
    let done = home.run(["models", "keep", &model]);
    done.assert_code(0);
    let copy = home.path("home/.local/share/hobnob/quantised/tiny-q8_0");
    assert_eq!(done.text(), format!("{}\n", copy.display()));
    let document = home.run(["models", "keep", &model, "--json"]).json();
    assert_eq!(document["path"].as_str(), copy.to_str(), "{document}");
    assert_eq!((document["quantisation"].as_str(), document["model"].as_str()), (Some("Q8_0"), Some(model.as_str())));
    let listed = home.run(["models", "--json"]).json();
    let uqff = &listed["models"][0];
    assert_eq!((uqff["format"].as_str(), uqff["name"].as_str()), (Some("uqff"), Some("tiny-q8_0")), "{listed}");
    // A source that is newer is said, and answers.
    fs::File::options()
        .append(true)
        .open(home.path("tiny/config.json"))
        .and_then(|file| file.set_modified(std::time::SystemTime::UNIX_EPOCH))
        .expect("another time");
    let done = home.run(["run", "-m", &model, "--max-tokens", "2", "hello"]);
    assert!(done.err.contains("warning: the kept copy") && done.err.contains("hobnob models keep"), "{}", done.err);
    home.assert_empty();
}

#[test]
fn what_has_nothing_to_keep_says_so() {
    let home = Sandbox::new();
    let model = tiny_model(&home);
    home.run(["models", "keep", &format!("{model}:none")]).assert_error(2, "nothing to keep");
    let gguf = home.path("tiny.gguf");
    tiny::gguf("llama").write(&gguf);
    home.run(["models", "keep", &gguf.display().to_string()]).assert_error(2, "nothing to keep");
    home.run(["models", "keep", &format!("{}:q4", gguf.display())]).assert_error(2, "quantised already");
    home.run(["run", "-m", &format!("{model}:afq4"), "hello"]).assert_error(3, "can't be quantised as afq4");
}

#[test]
fn a_copy_that_can_t_be_written_is_an_error_that_names_the_place() {
    let home = Sandbox::new();
    let model = format!("{}:q8", tiny_model(&home));
    home.write("home/.local/share/hobnob/quantised", "in the way");
    home.run(["models", "keep", &model]).assert_error(1, "hobnob/quantised");
    let document = home.run(["models", "keep", &model, "--json"]).json();
    assert_eq!(document["error"]["kind"].as_str(), Some("disk"), "{document}");
}

/// However it is ended: nothing half written is left, nothing runs on.
#[test]
fn an_interrupt_leaves_nothing_behind() {
    let home = Sandbox::new();
    let model = format!("{}:q8", tiny_model(&home));
    let running = Running::start(home.hobnob(["models", "keep", &model]));
    let root = home.path("home/.local/share/hobnob/quantised");
    // Somewhere between the start and the end of it.
    eventually(AT_ONCE, || root.exists());
    running.signal(Signal::INT);
    let mut running = running;
    let status = running.wait(AT_ONCE);
    assert!(matches!(status.code(), Some(0 | 130)), "{status:?}");
    let left = fs::read_dir(&root).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let left: Vec<_> = left.filter(|name| name != ".lock" && name != "tiny-q8_0").collect();
    assert!(left.is_empty(), "{left:?}");
    home.assert_empty();
}
