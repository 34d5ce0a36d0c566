//! Processes that are killed from outside.

use crate::person::{
    PATIENCE, answer, composer, eventually, hobnob, home_with_starter, kill, letters, loaded, paste_and_send, quit,
    runs, say, status, take_turn, the_engine_of, wait_for_answer,
};
use crate::support::pty::{Exit, Home, Pty};

fn home() -> Home {
    let home = home_with_starter();
    home.write_config("[chat]\nmax_tokens = 48\n");
    home
}

/// It says what happened and what to do, and the next message is answered.
#[track_caller]
fn goes_on(mut pty: Pty) {
    pty.wait_for_text("the engine was killed from outside");
    assert!(pty.text().contains("choose a smaller model"), "{}", pty.text());
    assert!(!composer(&pty.screen()).is_empty(), "{}", pty.text());
    say(&mut pty, "Say hello.");
    pty.wait_for("another engine", |screen| !status(screen).starts_with("not loaded"));
    wait_for_answer(&pty);
    quit(pty);
}

#[test]
fn an_engine_killed_while_it_loads_is_started_again_by_a_message() {
    let _turn = take_turn();
    let home = home();
    let pty = loop {
        let pty = hobnob(&home).arg("-m").arg("starter").start();
        kill(the_engine_of(&pty));
        pty.wait_for_text("the engine was killed from outside");
        // It may have been quicker than we are.
        if pty.text().contains("did not load") {
            break pty;
        }
    };
    goes_on(pty);
}

#[test]
fn an_engine_killed_while_it_reads_the_prompt_is_started_again_by_a_message() {
    let _turn = take_turn();
    let home = home();
    let mut pty = loaded(&home);
    paste_and_send(&mut pty, 40);
    pty.wait_for("the prompt being read", |screen| status(screen).starts_with("reading 4"));
    kill(the_engine_of(&pty));
    goes_on(pty);
}

#[test]
fn an_engine_killed_while_it_answers_leaves_what_it_has_said() {
    let _turn = take_turn();
    let home = home();
    let mut pty = loaded(&home);
    say(&mut pty, "Tell me a long story about a fox");
    pty.wait_for("words", |screen| answer(screen).len() > 10);
    let early = letters(&answer(&pty.screen()));
    kill(the_engine_of(&pty));
    pty.wait_for_text("the engine was killed from outside");
    let kept = letters(&answer(&pty.screen()));
    assert!(kept.starts_with(&early), "{early:?} became {kept:?}");
    goes_on(pty);
}

#[test]
fn no_engine_outlives_a_killed_interface() {
    let _turn = take_turn();
    let home = home();
    for busy in [false, true] {
        let mut pty = loaded(&home);
        let engine = the_engine_of(&pty);
        if busy {
            paste_and_send(&mut pty, 40);
            pty.wait_for("the prompt being read", |screen| status(screen).starts_with("reading 4"));
        }
        kill(pty.pid());
        assert!(eventually(PATIENCE, || !runs(engine)), "the engine lives on (busy: {busy})");
        assert_eq!(pty.wait_exit(), Exit { code: None, signal: Some("Killed".into()) });
    }
    // And one that is not loaded yet.
    let mut pty = hobnob(&home).arg("-m").arg("starter").start();
    let engine = the_engine_of(&pty);
    kill(pty.pid());
    assert!(eventually(PATIENCE, || !runs(engine)), "the engine lives on");
    pty.wait_exit();
}
