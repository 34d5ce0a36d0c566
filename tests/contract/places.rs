//! Homes of every kind: none, one that is not there, one in which nothing can be made.

use std::ffi::OsString;
use std::fs;

use crate::sandbox::{Running, Sandbox};

/// What stands in for a home, in the variables that say where things are.
fn homes(sandbox: &Sandbox) -> Vec<(&'static str, Vec<(&'static str, OsString)>)> {
    fs::write(sandbox.path("a-file"), "").expect("writes");
    let at = |name: &str| sandbox.path(name).into_os_string();
    let own = ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"];
    vec![
        ("an empty one", vec![("HOME", at("home"))]),
        ("one that is not there", vec![("HOME", at("nowhere/at/all"))]),
        // Nothing can be made there, not even by root.
        ("one that can't be written", vec![("HOME", "/proc".into())]),
        ("a file", vec![("HOME", at("a-file"))]),
        ("none, with folders of its own", own.iter().map(|name| (*name, at("xdg"))).collect()),
        ("none, with folders that can't be made", own.iter().map(|name| (*name, "/proc/xdg".into())).collect()),
        ("none, with folders that are files", own.iter().map(|name| (*name, at("a-file"))).collect()),
    ]
}

#[test]
fn commands_work_in_any_home() {
    let sandbox = Sandbox::new();
    let script = sandbox.script("");
    let cases: [(&[&str], Option<&str>); 10] = [
        (&["run", "-m", &script, "hi"], Some("hi\n")),
        (&["run", "--json", "-m", &script, "hi"], None),
        (&["models", "--json"], None),
        (&["sessions", "--json"], Some("{\"sessions\":[]}\n")),
        (&["config", "path"], None),
        (&["config", "show", "--json"], None),
        (&["config", "check"], None),
        (&["search", "--catalog", "--json"], None),
        (&["warm", "--json"], Some("{\"engines\":[]}\n")),
        (&["warm", "stop"], Some("")),
    ];
    for (kind, variables) in homes(&sandbox) {
        for (args, out) in cases {
            let mut command = sandbox.hobnob(args.iter().copied());
            command.env_remove("HOME").envs(variables.iter().cloned());
            let done = Running::start(command).finish();
            let what = format!("{kind}: {args:?}");
            assert_eq!(done.status.code(), Some(0), "{what}: {}", done.err);
            assert!(out.is_none_or(|out| done.text() == out), "{what}: {}", done.text());
            assert!(!done.err.contains("error") && !done.err.contains("panicked"), "{what}: {}", done.err);
        }
        // Whatever is wrong is a line of the report, and no failure of the report.
        let mut doctor = sandbox.hobnob(["doctor", "--offline", "--json"]);
        doctor.env_remove("HOME").envs(variables.iter().cloned());
        let done = Running::start(doctor).finish();
        assert!(done.json()["checks"].as_array().is_some_and(|checks| checks.len() > 5), "{kind}");
    }
    sandbox.assert_empty();
}

#[test]
fn what_can_not_be_kept_is_said_and_the_answer_is_there() {
    let sandbox = Sandbox::new();
    let script = sandbox.script("");
    for (kind, variables) in
        homes(&sandbox).into_iter().filter(|(kind, _)| kind.contains("can't") || kind.contains("file"))
    {
        let run = |args: &[&str]| {
            let mut command = sandbox.hobnob(["run", "-m", &script, "hi"].iter().chain(args).copied());
            command.env_remove("HOME").envs(variables.iter().cloned());
            Running::start(command).finish()
        };
        // Without the conversation that it is to be kept in there is no point in asking.
        let saved = run(&["--save"]);
        assert!([1, 2].contains(&saved.status.code().expect("a code")), "{kind}: {}", saved.err);
        assert!(saved.err.starts_with("error: ") && saved.err.contains("\nhint: "), "{kind}: {}", saved.err);
        let warm = run(&["--keep-warm", "1m"]);
        warm.assert_code(0);
        assert_eq!(warm.text(), "hi\n", "{kind}");
        assert!(warm.err.starts_with("warning: the engine could not be kept warm"), "{kind}: {}", warm.err);
    }
    sandbox.assert_empty();
}
