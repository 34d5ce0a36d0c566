//! From the first start to the last key.

use std::time::{Duration, Instant};

use crate::person::{
    AT_ONCE, PATIENCE, answer, composer, header, home_with_starter, letters, loaded, paste_and_send, quit, rows, say,
    status, take_turn, wait_for_answer, wait_until_ready, write,
};
use crate::support::pty::{Home, Screen, Setup, keys};

const STORY: &str = "Tell me a long story about a fox";

/// What holds at any size: where one is, what was said, where to write.
fn is_sane(screen: &Screen) -> bool {
    let (rows, _) = screen.size();
    header(screen).contains("Chat")
        && composer(screen).contains("Reply")
        && status(screen).starts_with("ready")
        && screen.contents().contains("stopped by you")
        && screen.cursor_position().0 < rows
}

#[test]
fn from_the_first_start_to_a_chat_and_out_again() {
    let _turn = take_turn();
    let mut setup = Setup::hobnob().home(&Home::new()).deadline(PATIENCE * 2);
    // How the package index is reached from here is the machine's affair.
    for (name, value) in std::env::vars_os() {
        let lower = name.to_string_lossy().to_lowercase();
        if lower.ends_with("_proxy") || lower.contains("ssl_cert") || lower.starts_with("pip_") {
            setup = setup.env(name, value);
        }
    }
    let mut pty = setup.start();

    // One key from the first start to a model.
    pty.wait_for_text("gets the starter");
    pty.send(keys::ENTER);
    pty.wait_for("how far it is", |screen| {
        let text = screen.contents();
        text.contains("of 98 MB") || text.contains("checking every byte")
    });
    pty.wait_for_text("is ready");

    say(&mut pty, STORY);
    pty.wait_for("words", |screen| answer(screen).len() > 10);
    let early = letters(&answer(&pty.screen()));
    pty.wait_for("more words, and how quickly they come", |screen| {
        letters(&answer(screen)).len() > early.len() + 20 && status(screen).contains("tok/s")
    });
    let later = letters(&answer(&pty.screen()));
    assert!(later.starts_with(&early), "{early:?} became {later:?}");

    let asked = Instant::now();
    pty.send(keys::ESC);
    pty.wait_for_text("stopped by you");
    assert!(asked.elapsed() < AT_ONCE, "stopping took {:?}", asked.elapsed());
    wait_until_ready(&pty);
    let kept = letters(&answer(&pty.screen()));
    assert!(kept.starts_with(&later), "{later:?} became {kept:?}");

    // What goes by itself is gone: only what stays can come back.
    pty.wait_for_quiet(Duration::from_secs(4));
    let before = pty.text();
    for (columns, rows) in [(200, 60), (40, 12), (80, 24)] {
        pty.resize(columns, rows);
        pty.wait_for(&format!("a sane screen at {columns}x{rows}"), is_sane);
    }
    pty.wait_for("the screen as before", |screen| screen.contents() == before);
    quit(pty);
}

#[test]
fn a_long_prompt_is_stopped_at_once_and_the_next_message_is_answered() {
    let _turn = take_turn();
    let home = home_with_starter();
    home.write_config("[chat]\nmax_tokens = 8\n");
    let started = Instant::now();
    let mut pty = loaded(&home);
    let load_time = started.elapsed();

    paste_and_send(&mut pty, 280);
    let sent = Instant::now();
    pty.wait_for("the prompt being read", |screen| status(screen).starts_with("reading 3"));
    // Its clock runs on the screen, so this is looked at again and again.
    pty.wait_for("half a second", |_| sent.elapsed() >= Duration::from_millis(500));
    let stopped = Instant::now();
    pty.send(keys::ESC);
    pty.wait_for_text("stopped by you before the first word");
    assert!(stopped.elapsed() < AT_ONCE, "stopping took {:?}", stopped.elapsed());

    let typed = Instant::now();
    write(&mut pty, "Say hello.");
    assert!(typed.elapsed() < AT_ONCE, "an echo took {:?}", typed.elapsed());
    pty.send(keys::ENTER);
    let asked = Instant::now();
    pty.wait_for("its answer", |screen| !answer(screen).is_empty());
    let took = asked.elapsed();
    // On a machine that does nothing else: load time and two seconds. The prompt that was stopped takes half a minute there.
    assert!(took < 2 * load_time + AT_ONCE, "{took:?}, where loading takes {load_time:?}");
    wait_for_answer(&pty);
    quit(pty);
}

#[test]
fn a_message_waits_in_sight_and_can_be_taken_back() {
    let _turn = take_turn();
    let home = home_with_starter();
    let mut pty = loaded(&home);
    say(&mut pty, STORY);
    pty.wait_for("words", |screen| !answer(screen).is_empty());
    let waits = |message: &str| {
        let row = format!("next ▎ {message}");
        move |screen: &Screen| screen.contents().contains(&row)
    };
    say(&mut pty, "Say one.");
    pty.wait_for("the first that waits", waits("Say one."));
    say(&mut pty, "Say two.");
    pty.wait_for("the second that waits", waits("Say two."));
    assert!(pty.text().contains("Alt-↑ takes it back"), "{}", pty.text());

    pty.send(&keys::alt(keys::UP));
    pty.wait_for("it in the composer", |screen| composer(screen).ends_with("Say two."));
    assert!(!waits("Say two.")(&pty.screen()) && waits("Say one.")(&pty.screen()), "{}", pty.text());
    pty.send(&keys::ctrl('u'));
    pty.wait_for("an empty composer", |screen| composer(screen).contains("Write the next one"));

    // The end of the answer, however it comes, is the turn of the one that waits.
    pty.send(keys::ESC);
    pty.wait_for("nothing that waits", |screen| !waits("Say one.")(screen));
    let asked =
        |screen: &Screen| rows(screen).windows(2).any(|two| two[0].trim() == "❯ you" && two[1].trim() == "Say one.");
    pty.wait_for("its answer", |screen| asked(screen) && !answer(screen).is_empty());
    pty.send(keys::ESC);
    wait_until_ready(&pty);
    quit(pty);
}

/// Not a wake-up, not a byte, while nothing happens: what the program's threads were switched in for is counted.
#[cfg(target_os = "linux")]
#[test]
fn with_a_model_at_rest_nothing_wakes_up() {
    let _turn = take_turn();
    let home = home_with_starter();
    home.write_config("[chat]\nmax_tokens = 8\n");
    let mut pty = loaded(&home);
    say(&mut pty, "Say hello.");
    wait_for_answer(&pty);
    pty.wait_for_rest(Duration::from_secs(10));
    quit(pty);
}
