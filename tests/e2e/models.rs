//! The Models pane.

use crate::person::{
    NAME, PATIENCE, engines_of, eventually, header, hobnob, home_with_starter, quit, runs, status, take_turn,
    the_engine_of,
};
use crate::support::pty::{Pty, Screen, keys};

fn row(screen: &Screen) -> String {
    let rows = screen.rows(0, screen.size().1);
    rows.skip(1).find(|row| row.contains(NAME) && row.contains("98 MB")).unwrap_or_default().trim().to_owned()
}

#[track_caller]
fn wait_until_loaded(pty: &Pty) {
    pty.wait_for("a loaded model", |screen| {
        row(screen).ends_with("loaded")
            && header(screen).ends_with(&format!("● {NAME}"))
            && status(screen).ends_with("MB")
    });
}

#[track_caller]
fn wait_until_unloaded(pty: &Pty) {
    pty.wait_for("no model", |screen| {
        row(screen).ends_with("fits") && header(screen).ends_with("no model") && !status(screen).contains("MB")
    });
    assert!(eventually(PATIENCE, || engines_of(pty).is_empty()), "the engine is left");
}

#[test]
fn models_are_loaded_and_unloaded_however_quickly() {
    let _turn = take_turn();
    let home = home_with_starter();
    let mut pty = hobnob(&home).start();
    pty.wait_for_text("Ready when you are");
    pty.send(&keys::f(3));
    pty.wait_for("the starter", |screen| row(screen).ends_with("fits"));
    pty.send("l");
    wait_until_loaded(&pty);
    let engine = the_engine_of(&pty);
    pty.send("u");
    wait_until_unloaded(&pty);
    assert!(!runs(engine));
    pty.send("l");
    wait_until_loaded(&pty);

    // Faster than any of it can be done.
    pty.send("ululululu");
    wait_until_unloaded(&pty);
    pty.send("lululululul");
    wait_until_loaded(&pty);
    the_engine_of(&pty);
    quit(pty);
}
