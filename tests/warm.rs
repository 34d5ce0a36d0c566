//! `hobnob run` over an engine that is there already, through the real binary: what stays, for how long, and what goes.

#[path = "headless/sandbox.rs"]
#[allow(dead_code, reason = "a part of it")]
mod sandbox;
mod support;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use sandbox::{AT_ONCE, PATIENCE, Running, Sandbox, eventually};
use serde_json::Value;
use support::pty::{Home, Setup, keys};

/// Replies in turn tell whose process answers: each process begins at the first.
const IN_TURN: &str = "[[reply]]\ntext = \"one\"\n[[reply]]\ntext = \"two\"\n[[reply]]\ntext = \"three\"\n";

fn words(count: u32) -> String {
    (1..=count).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ")
}

fn engines(home: &Sandbox) -> Vec<Value> {
    let json = home.run(["warm", "--json"]).json();
    json["engines"].as_array().expect("a list").clone()
}

fn pid(engine: &Value) -> Pid {
    let pid = engine["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).expect("an id");
    Pid::from_raw(pid).expect("an id")
}

fn run_folder(home: &Sandbox) -> PathBuf {
    home.path("home/.local/state/hobnob/run")
}

fn sockets(home: &Sandbox) -> usize {
    let entries = fs::read_dir(run_folder(home)).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "sock")).count()
}

fn ask(home: &Sandbox, args: &[&str]) -> String {
    let done = home.run(["run"].iter().chain(args).copied());
    done.assert_code(0);
    done.text().trim_end().to_owned()
}

#[test]
fn what_is_kept_warm_answers_the_next_call_until_it_is_stopped() {
    let home = Sandbox::new();
    let script = home.script(&format!("load_ms = 50\n{IN_TURN}"));
    // That this comes back at all shows that nothing keeps its pipes.
    let first = home.run(["run", "--keep-warm", "10m", "-m", &script, "hi"]);
    first.assert_code(0);
    assert_eq!((first.text(), first.err.as_str()), ("one\n", ""));
    assert_eq!(ask(&home, &["-m", &script, "hi"]), "two");
    assert_eq!(ask(&home, &["-m", &script, "--no-share", "hi"]), "one");
    let json = home.run(["run", "--json", "-m", &script, "hi"]).json();
    assert_eq!((json["content"].as_str(), json["model"].as_str()), (Some("three"), Some(script.as_str())));
    assert!(json["timing"]["load_ms"].as_f64().expect("known") < 50.0, "{json}");
    let held = engines(&home);
    assert_eq!((held.len(), &held[0]["holder"], &held[0]["model"]), (1, &"warm".into(), &script.as_str().into()));
    let left = held[0]["ends_in_seconds"].as_f64().expect("alone");
    assert!((590.0..=600.0).contains(&left), "{left}");
    let listed = home.run(["warm"]);
    assert!(listed.assert_code(0).text().starts_with(&format!("{script}\twarm\t")), "{}", listed.text());
    let doctor = home.run(["doctor", "--offline", "--json"]).json();
    let check = doctor["checks"].as_array().expect("checks").iter().find(|check| check["id"] == "warm");
    assert_eq!(check.expect("a check")["verdict"], "note");
    let stopped = home.run(["warm", "stop"]);
    assert_eq!(stopped.assert_code(0).text(), format!("{script}\n"));
    home.assert_empty();
    assert_eq!(sockets(&home), 0);
    let none = home.run(["warm", "stop"]);
    assert_eq!((none.assert_code(0).text(), none.err.as_str()), ("", "nothing is kept warm\n"));
    assert!(home.run(["warm"]).err.contains("--keep-warm"));
}

#[test]
fn two_that_start_at_once_start_one() {
    let home = Sandbox::new();
    let script = home.script(&format!("load_ms = 200\n{IN_TURN}"));
    let calls = || Running::start(home.hobnob(["run", "--keep-warm", "10m", "-m", &script, "hi"]));
    let mut answers: Vec<String> =
        [calls(), calls(), calls()].map(|call| call.finish().assert_code(0).text().trim_end().to_owned()).into();
    answers.sort();
    assert_eq!(answers, ["one", "three", "two"]);
    assert_eq!(engines(&home).len(), 1);
    home.run(["warm", "stop"]).assert_code(0);
    home.assert_empty();
}

#[test]
fn nothing_lingers_longer_than_it_was_asked_to() {
    let home = Sandbox::new();
    let script = home.script(IN_TURN);
    assert_eq!(ask(&home, &["-m", &script, "hi"]), "one");
    home.assert_empty();
    assert_eq!(ask(&home, &["--keep-warm", "1s", "-m", &script, "hi"]), "one");
    assert!(!home.alive().is_empty());
    assert!(eventually(AT_ONCE, || home.alive().is_empty()), "left behind: {:?}", home.alive());
    // The last one who asks says how long.
    assert_eq!(ask(&home, &["--keep-warm", "10m", "-m", &script, "hi"]), "one");
    assert_eq!(ask(&home, &["--keep-warm", "1s", "-m", &script, "hi"]), "two");
    assert!(eventually(AT_ONCE, || home.alive().is_empty()), "left behind: {:?}", home.alive());
    assert_eq!(sockets(&home), 0);
}

#[test]
fn it_goes_with_a_signal_with_its_socket_and_with_its_killer() {
    let home = Sandbox::new();
    let script = home.script(IN_TURN);
    for signal in [Some(Signal::TERM), Some(Signal::HUP), Some(Signal::KILL), None] {
        assert_eq!(ask(&home, &["--keep-warm", "10m", "-m", &script, "hi"]), "one", "{signal:?}");
        let holder = pid(&engines(&home)[0]);
        match signal {
            Some(signal) => kill_process(holder, signal).expect("it runs"),
            None => fs::remove_dir_all(run_folder(&home)).expect("removes"),
        }
        // Its engine goes with it.
        assert!(eventually(AT_ONCE * 3, || home.alive().is_empty()), "{signal:?} left {:?}", home.alive());
        // What a killed one leaves behind is in nobody's way.
        assert_eq!(ask(&home, &["-m", &script, "hi"]), "one");
        assert_eq!(sockets(&home), 0, "{signal:?}");
    }
}

#[test]
fn a_holder_that_goes_in_the_middle_of_an_answer_is_told_with_5() {
    let home = Sandbox::new();
    let script = home.script(&format!("[[reply]]\ntext = \"{}\"\ntokens_per_second = 20.0\n", words(4000)));
    for format in [&[][..], &["--jsonl"]] {
        let args = ["run", "--keep-warm", "10m", "-m", &script, "go"];
        let mut running = Running::start(home.hobnob(args.into_iter().chain(format.iter().copied())));
        let mut text = running.read_until("w3");
        kill_process(pid(&engines(&home)[0]), Signal::KILL).expect("it runs");
        let done = running.finish();
        done.assert_error(5, "the hobnob whose engine made this answer has ended");
        text.push_str(done.text());
        if format.is_empty() {
            assert!(text.starts_with("w1 w2 w3") && text.ends_with('\n'), "{text}");
        } else {
            let last: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
            assert_eq!((&last["event"], &last["error"]["kind"]), (&"error".into(), &"generation".into()));
        }
        assert!(eventually(AT_ONCE, || home.alive().is_empty()), "left {:?}", home.alive());
    }
}

#[test]
fn a_holder_that_is_stopped_holds_up_nobody() {
    let home = Sandbox::new();
    let script = home.script(&format!(
        "[[reply]]\nwhen = \"story\"\ntext = \"{}\"\ntokens_per_second = 20.0\n\
         [[reply]]\nwhen = \"long\"\nprefill_ms = 2500\ntext = \"read\"\n{IN_TURN}",
        words(4000)
    ));
    assert_eq!(ask(&home, &["--keep-warm", "10m", "-m", &script, "hi"]), "one");
    let holder = pid(&engines(&home)[0]);
    let beginning = |prompt: &str, sign: &str| {
        let mut running = Running::start(home.hobnob(["run", "--jsonl", "-m", &script, prompt]));
        running.read_until(sign);
        running
    };
    // One that is slow and there is waited for.
    assert!(beginning("a long one", "started").finish().assert_code(0).text().contains("read"));
    let (read, said) = (beginning("a long one", "started"), beginning("hi", "loading"));
    kill_process(holder, Signal::STOP).expect("it runs");
    // Nothing of it was seen: a process of its own makes it anew.
    assert!(read.finish().assert_code(0).text().contains("read"));
    assert!(said.finish().assert_code(0).text().contains("\"done\""));
    kill_process(holder, Signal::CONT).expect("it is there");
    let begun = beginning("a story", "w3");
    kill_process(holder, Signal::STOP).expect("it runs");
    begun.finish().assert_error(5, "has ended or was stopped");
    kill_process(holder, Signal::CONT).expect("it is there");
    assert!(eventually(AT_ONCE, || engines(&home)[0]["scripts"] == 0), "{:?}", engines(&home));
    home.run(["warm", "stop"]).assert_code(0);
    home.assert_empty();
}

#[test]
fn a_signal_ends_the_call_and_not_the_engine() {
    let home = Sandbox::new();
    let slow = home.script(&format!(
        "[[reply]]\nwhen = \"story\"\ntext = \"{}\"\ntokens_per_second = 20.0\n[[reply]]\ntext = \"quick\"\n",
        words(4000)
    ));
    assert_eq!(ask(&home, &["--keep-warm", "10m", "-m", &slow, "hi"]), "quick");
    let holder = pid(&engines(&home)[0]);
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::KILL, -1)] {
        let mut running = Running::start(home.hobnob(["run", "-m", &slow, "story"]));
        running.read_until("w2");
        running.signal(signal);
        assert_eq!(running.wait(AT_ONCE).code().unwrap_or(-1), code);
        assert_eq!(ask(&home, &["-m", &slow, "hi"]), "quick");
    }
    let mut running = Running::start(home.hobnob(["run", "-m", &slow, "story"]));
    running.read_until("w2");
    drop(running.stdout.take());
    assert_eq!(running.wait(AT_ONCE).code(), Some(0), "its reader has left");
    assert_eq!(pid(&engines(&home)[0]), holder);
    assert!(eventually(AT_ONCE, || engines(&home)[0]["scripts"] == 0), "{:?}", engines(&home));
    home.run(["warm", "stop"]).assert_code(0);
    home.assert_empty();
}

#[test]
fn what_waits_for_its_turn_says_how_long() {
    let home = Sandbox::new();
    let script = home.script(&format!(
        "[[reply]]\nwhen = \"story\"\ntext = \"{}\"\ntokens_per_second = 20.0\n[[reply]]\ntext = \"quick\"\n",
        words(100)
    ));
    assert_eq!(ask(&home, &["--keep-warm", "10m", "-m", &script, "hi"]), "quick");
    let mut first = Running::start(home.hobnob(["run", "-m", &script, "story"]));
    first.read_until("w2");
    let done = home.run(["run", "--stats", "-m", &script, "hi"]);
    done.assert_code(0);
    let seconds = |before: &str| done.err.split(before).next()?.rsplit([' ', '\n']).next()?.parse::<f64>().ok();
    let (waited, whole) = (seconds(" s for its turn").expect("a time"), seconds(" s in all").expect("a time"));
    assert!(waited > 0.0 && whole >= waited, "{}", done.err);
    first.finish().assert_code(0);
    home.run(["warm", "stop"]).assert_code(0);
    home.assert_empty();
}

#[test]
fn a_load_that_fails_is_told_and_leaves_nothing() {
    let home = Sandbox::new();
    for (script, what) in [("fail_load = \"no such luck\"\n", "no such luck"), ("die_load = \"abort\"\n", "engine")] {
        let done = home.run(["run", "--keep-warm", "10m", "-m", &home.script(script), "hi"]);
        done.assert_error(3, what);
        home.assert_empty();
        assert_eq!(sockets(&home), 0);
    }
}

#[test]
fn where_nothing_can_be_shared_there_is_an_answer_all_the_same() {
    let home = Sandbox::new();
    let script = home.script(IN_TURN);
    // A file where the folder should be.
    fs::create_dir_all(home.path("home/.local/state/hobnob")).expect("a folder");
    fs::write(run_folder(&home), "").expect("writes");
    assert_eq!(ask(&home, &["-m", &script, "hi"]), "one");
    let kept = home.run(["run", "--keep-warm", "10m", "-m", &script, "hi"]);
    kept.assert_code(0);
    assert_eq!(kept.text(), "one\n");
    assert!(kept.err.starts_with("warning: the engine could not be kept warm"), "{}", kept.err);
    // The log may be in the same place: what is in the way is named here, and by the doctor.
    let why = format!("engines can't be shared in {}: ", run_folder(&home).display());
    assert!(kept.err.contains(&why), "{}", kept.err);
    let doctor = home.run(["doctor", "--offline", "--json"]).json();
    let warm = doctor["checks"].as_array().and_then(|all| all.iter().find(|check| check["id"] == "warm"));
    let warm = warm.expect("it looks at that");
    assert_eq!(warm["verdict"], "warning", "{warm}");
    assert!(warm["message"].as_str().is_some_and(|said| said.starts_with(&why)), "{warm}");
    home.assert_empty();
    home.config("[engine]\nshare = false\n");
    home.run(["run", "--keep-warm", "10m", "-m", &script, "hi"]).assert_error(2, "engine.share");
    home.run(["run", "--keep-warm", "ten", "-m", &script, "hi"]).assert_error(2, "--keep-warm");
    home.run(["run", "--keep-warm", "1m", "--no-share", "-m", &script, "hi"]).assert_error(2, "--no-share");
}

#[test]
fn a_batch_uses_what_is_warm_and_goes_on_without_it() {
    let home = Sandbox::new();
    let story = format!("[[reply]]\nwhen = \"story\"\ntext = \"{}\"\ntokens_per_second = 20.0\n", words(4000));
    let script = home.script(&format!("{story}{IN_TURN}"));
    assert_eq!(ask(&home, &["--keep-warm", "10m", "-m", &script, "hi"]), "one");
    home.write("in.jsonl", "{\"prompt\": \"x\"}\n{\"prompt\": \"a story\"}\n{\"prompt\": \"y\"}\n");
    let mut running = Running::start(home.hobnob(["run", "-m", &script, "--batch", "in.jsonl"]));
    let first = running.read_until("\n");
    assert!(first.contains("\"content\":\"two\""), "by the engine that was there: {first}");
    let asks = || engines(&home).first().is_some_and(|engine| engine["scripts"] == 1);
    assert!(eventually(AT_ONCE, asks), "the story is on its way");
    kill_process(pid(&engines(&home)[0]), Signal::KILL).expect("it runs");
    let done = running.finish();
    done.assert_error(8, "1 of 3 lines failed");
    let lines = done.lines();
    assert_eq!(lines[0]["error"]["kind"], "generation", "{lines:?}");
    assert_eq!(lines[1]["content"], "one", "by one of its own: {lines:?}");
    assert!(eventually(AT_ONCE, || home.alive().is_empty()), "left {:?}", home.alive());
}

#[test]
fn a_script_uses_the_engine_of_an_open_interface() {
    let (person, home) = (Home::new(), Sandbox::new());
    let story = words(60);
    let script =
        home.script(&format!("[[reply]]\nwhen = \"story\"\ntext = \"{story}\"\ntokens_per_second = 20.0\n{IN_TURN}"));
    let mut pty = Setup::hobnob().home(&person).arg("-m").arg(&script).deadline(PATIENCE).start();
    pty.wait_for_text("ready");
    pty.send("first");
    pty.send(keys::ENTER);
    pty.wait_for_text("one");
    let run = |prompt: &str| {
        let mut command = home.hobnob(["run", "-m", &script, prompt]);
        command.envs(person.env());
        Running::start(command)
    };
    assert_eq!(run("hi").finish().assert_code(0).text(), "two\n", "nothing was loaded");
    let slow = run("story");
    pty.wait_for_text("a script asks");
    // The person goes first, and the script gets all of its answer.
    pty.send("second");
    pty.send(keys::ENTER);
    pty.wait_for_text("three");
    assert_eq!(slow.finish().assert_code(0).text().trim_end(), story);
    pty.wait_for("nobody else", |screen| !screen.contents().contains("a script asks"));
    // It leaves in the middle of a script's answer.
    let mut slow = run("story");
    slow.read_until("w3");
    let before = Instant::now();
    pty.send(&keys::ctrl('q'));
    assert_eq!(pty.wait_exit().code, Some(0));
    assert!(before.elapsed() < AT_ONCE, "{:?}", before.elapsed());
    slow.finish().assert_error(5, "the hobnob whose engine made this answer has ended");
}

#[test]
fn an_interface_s_engine_is_not_a_script_s_to_keep_and_the_script_is_told() {
    let (person, home) = (Home::new(), Sandbox::new());
    let script = home.script(IN_TURN);
    let mut pty = Setup::hobnob().home(&person).arg("-m").arg(&script).deadline(PATIENCE).start();
    pty.wait_for_text("ready");
    let run = |options: &[&str]| {
        let mut command = home.hobnob(["run", "-m", &script, "hi"].iter().chain(options).copied());
        command.envs(person.env());
        Running::start(command).finish()
    };
    let told = run(&["--keep-warm", "10m"]);
    assert_eq!(told.assert_code(0).text(), "one\n");
    assert_eq!(told.err.lines().count(), 1, "{}", told.err);
    assert!(told.err.starts_with("warning: this model is in use by an open interface"), "{}", told.err);
    let batch = home.write("in.jsonl", "{\"prompt\": \"x\"}\n").display().to_string();
    let told = run(&["--keep-warm", "10m", "--batch", &batch]);
    assert!(told.assert_code(0).err.contains("open interface"), "{}", told.err);
    // Who asks for nothing is promised nothing; who wants no warnings gets none.
    assert_eq!(run(&[]).assert_code(0).err, "");
    assert_eq!(run(&["--keep-warm", "10m", "-q"]).assert_code(0).err, "");
    pty.send(&keys::ctrl('q'));
    assert_eq!(pty.wait_exit().code, Some(0));
    // From then on there is one that is kept.
    let kept = run(&["--keep-warm", "10m"]);
    assert_eq!((kept.assert_code(0).text(), kept.err.as_str()), ("one\n", ""));
    let mut stop = home.hobnob(["warm", "stop"]);
    stop.envs(person.env());
    assert_eq!(Running::start(stop).finish().assert_code(0).text(), format!("{script}\n"));
}
