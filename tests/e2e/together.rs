//! Two interfaces on one store at once: every message of both is there, whole and in its place.
//!
//! `HOBNOB_TOGETHER=60 cargo test --test e2e together` lets them go on for a minute.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use hobnob::domain::Role;
use hobnob::domain::conversation::MessageState;
use hobnob::store::Store;

use crate::person::{PATIENCE, quit, status, write};
use crate::support::pty::{Home, Pty, Setup, keys};

fn how_long() -> Duration {
    let told = std::env::var("HOBNOB_TOGETHER").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(told.unwrap_or(10))
}

/// Every message is echoed, a word after the other.
fn start(home: &Home, args: &[&str]) -> Pty {
    home.write_config("[engine]\ncontext = 16384\n");
    let script = home.path().join("script.toml");
    fs::write(&script, "context = 16384\n[[reply]]\ntokens_per_second = 60.0\nprompt_tokens = 10\n").expect("a script");
    let setup = Setup::hobnob().home(home).deadline(PATIENCE).arg("-m").arg(format!("script:{}", script.display()));
    let pty = args.iter().fold(setup, |setup, arg| setup.arg(*arg)).start();
    pty.wait_for("a model that is ready", |screen| status(screen).starts_with("ready"));
    pty
}

fn text(name: &str, n: usize) -> String {
    format!("{name}{n} goes on")
}

/// Says something and waits until its echo is whole.
fn say(pty: &mut Pty, text: &str) {
    write(pty, text);
    pty.send(keys::ENTER);
    pty.wait_for("the echo", |screen| {
        screen.contents().matches(text).count() == 2 && status(screen).starts_with("ready")
    });
}

/// Says one thing after the other, looks around in between, and now and then begins anew. Gives how much is said by then.
fn talk(mut pty: Pty, name: &str, mut said: usize, begins_anew: bool) -> usize {
    let (end, least) = (Instant::now() + how_long(), said + 3);
    while Instant::now() < end || said < least {
        let text = text(name, said);
        say(&mut pty, &text);
        said += 1;
        if said.is_multiple_of(4) {
            pty.send(&keys::f(8));
            pty.wait_for_text("Conversations");
            pty.send(keys::ESC);
            pty.wait_for("the chat", |screen| !screen.contents().contains("Conversations"));
        }
        if begins_anew && said.is_multiple_of(7) {
            pty.send(&keys::ctrl('n'));
            pty.wait_for("an empty conversation", |screen| !screen.contents().contains(&text));
        }
    }
    quit(pty);
    said
}

/// What each has said, and that both sides of all of it are kept.
fn assert_all_kept(home: &Home, said: [(&str, usize); 2]) {
    let mut store = Store::open(&home.path().join("data/hobnob/conversations.db")).expect("opens").0;
    let mut kept = Vec::new();
    for summary in store.list(false).expect("reads") {
        let conversation = store.look(summary.id).expect("reads").conversation;
        for message in conversation.messages() {
            assert_eq!(message.state, MessageState::Whole, "{message:?}");
            let parent = message.parent.and_then(|parent| conversation.get(parent));
            if message.role == Role::Assistant {
                assert_eq!(
                    parent.map(|parent| parent.content.as_str()),
                    Some(message.content.trim()),
                    "it answers that"
                );
            }
            kept.push((message.role, message.content.trim().to_owned()));
        }
    }
    let mut expected = Vec::new();
    for (name, count) in said {
        assert!(count > 2, "{name} has said nothing");
        for n in 0..count {
            expected.extend([(Role::User, text(name, n)), (Role::Assistant, text(name, n))]);
        }
    }
    for all in [&mut kept, &mut expected] {
        all.sort_by_key(|(role, text)| (text.clone(), *role == Role::Assistant));
    }
    assert_eq!(kept, expected);
}

#[test]
fn two_together_in_conversations_of_their_own() {
    let home = Home::new();
    let (ada, grace) = (start(&home, &[]), start(&home, &[]));
    let other = thread::spawn(move || talk(grace, "grace", 0, true));
    let said = talk(ada, "ada", 0, true);
    assert_all_kept(&home, [("ada", said), ("grace", other.join().expect("it goes well"))]);
}

#[test]
fn two_together_in_one_conversation() {
    let home = Home::new();
    let mut ada = start(&home, &[]);
    say(&mut ada, &text("ada", 0));
    let grace = start(&home, &["-c"]);
    grace.wait_for_text(&text("ada", 0));
    let other = thread::spawn(move || talk(grace, "grace", 0, false));
    let said = talk(ada, "ada", 1, false);
    let said = [("ada", said), ("grace", other.join().expect("it goes well"))];
    let store = Store::open(&home.path().join("data/hobnob/conversations.db")).expect("opens").0;
    assert_eq!(store.list(false).expect("reads").len(), 1);
    drop(store);
    assert_all_kept(&home, said);
}
