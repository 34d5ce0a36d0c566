//! Conversations that outlive the interface, however it ends. With the scripted engine, which says how far it had come.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hobnob::domain::conversation::MessageState;
use hobnob::domain::store::Opened;
use hobnob::store::Store;

use crate::person::{PATIENCE, composer, eventually, kill, quit, status, write};
use crate::support::pty::{Exit, Home, Pty, Setup, Signal, keys};

/// Words of the scripted answer in a second.
const RATE: usize = 40;
/// What may be lost: what a second brings.
const MOST_LOST: Duration = Duration::from_secs(1);

struct Person {
    home: Home,
}

impl Person {
    fn new() -> Self {
        let home = Home::new();
        let words: Vec<String> = (0..4000).map(|n| format!("w{n}")).collect();
        let script = format!(
            "[[reply]]\nwhen = \"slowly\"\ntokens_per_second = {RATE}.0\ntext = \"{}\"\n[[reply]]\n",
            words.join(" ")
        );
        fs::write(home.path().join("script.toml"), script).expect("a script");
        Self { home }
    }

    fn start(&self, args: &[&str]) -> Pty {
        let model = format!("script:{}", self.home.path().join("script.toml").display());
        let setup = Setup::hobnob().home(&self.home).arg("-m").arg(model);
        let pty = args.iter().fold(setup, |setup, arg| setup.arg(*arg)).start();
        pty.wait_for("a model that is ready", |screen| status(screen).starts_with("ready"));
        pty
    }

    fn store(&self) -> Store {
        let file: PathBuf = self.home.path().join("data/hobnob/conversations.db");
        Store::open(&file).expect("opens").0
    }

    /// The conversation that was used last, as the disk has it.
    fn kept(&self) -> Option<Opened> {
        let mut store = self.store();
        let last = store.last().expect("reads")?;
        Some(store.look(last).expect("is there"))
    }
}

/// The number of the last word that can be seen.
fn last_word(text: &str) -> Option<usize> {
    text.split_whitespace().filter_map(|word| word.strip_prefix('w')?.parse().ok()).max()
}

/// Asks for a long answer, kills the interface when so many words of it are there, and looks at what is left.
fn kill_in_mid_answer(person: &Person, words: usize) {
    let mut pty = person.start(&[]);
    write(&mut pty, &format!("slowly {words}"));
    pty.send(keys::ENTER);
    let mut seen = Vec::new();
    pty.wait_for("words", |screen| {
        let last = last_word(&screen.contents());
        seen.extend(last.map(|word| (Instant::now(), word + 1)));
        last.is_some_and(|word| word >= words)
    });
    kill(pty.pid());
    let killed = Instant::now();
    assert_eq!(pty.wait_exit(), Exit { code: None, signal: Some("Killed".into()) });
    let kept = person.kept().expect("a conversation");
    let [question, answer] = kept.conversation.messages() else { panic!("{:?}", kept.conversation) };
    assert_eq!(question.content, format!("slowly {words}"));
    assert!(matches!(&answer.state, MessageState::Failed(error) if error.message.contains("hobnob ended")));
    let left: Vec<&str> = answer.content.split_whitespace().collect();
    let long_ago = seen.iter().rev().find(|(at, _)| killed - *at >= MOST_LOST);
    let certain = long_ago.map_or(0, |(_, words)| *words);
    assert!(left.len() >= certain, "{certain} words were there a second before, and {} are left", left.len());
    let expected: Vec<String> = (0..left.len()).map(|n| format!("w{n}")).collect();
    assert_eq!(left, expected, "nothing else is missing");
}

#[test]
fn a_killed_process_loses_less_than_a_second_of_an_answer() {
    let person = Person::new();
    for words in [1, 13, 37, 70] {
        kill_in_mid_answer(&person, words);
    }
    assert_eq!(person.store().list(false).expect("reads").len(), 4);
}

/// A link that is lost takes nothing more, often long before anybody says so.
#[test]
fn an_answer_goes_on_while_the_terminal_takes_nothing() {
    let person = Person::new();
    let mut pty = person.start(&[]);
    write(&mut pty, "slowly");
    pty.send(keys::ENTER);
    pty.wait_for("words", |screen| last_word(&screen.contents()).is_some_and(|word| word >= 3));
    pty.clog();
    // Nor does it wait for the terminal when somebody has stopped it for a moment.
    pty.signal(Signal::STOP);
    pty.signal(Signal::CONT);
    let kept = || person.kept()?.conversation.messages().last().and_then(|answer| last_word(&answer.content));
    assert!(eventually(PATIENCE, || kept().is_some_and(|word| word >= 3 * RATE)), "{:?}", kept());
    pty.signal(Signal::HUP);
    assert_eq!(pty.wait_exit(), Exit { code: Some(129), signal: None });
    assert!(kept().is_some_and(|word| word >= 3 * RATE), "{:?}", kept());
}

#[test]
fn what_is_being_written_outlives_a_kill_and_is_gone_on_with() {
    let person = Person::new();
    let mut pty = person.start(&[]);
    write(&mut pty, "half a thought");
    assert!(eventually(PATIENCE, || person.kept().is_some_and(|kept| kept.draft.text == "half a thought")));
    kill(pty.pid());
    pty.wait_exit();
    let mut pty = person.start(&["-c"]);
    pty.wait_for_text("half a thought");
    write(&mut pty, ", finished");
    pty.send(keys::ENTER);
    pty.wait_for("an echo", |screen| screen.contents().matches("half a thought, finished").count() == 2);
    quit(pty);
    let kept = person.kept().expect("a conversation");
    assert_eq!((kept.draft.text.as_str(), kept.conversation.len()), ("", 2));
}

/// On a slow disk the store may open long after the first key.
#[test]
fn what_is_said_before_the_conversation_is_there_is_said_in_it() {
    let person = Person::new();
    let mut pty = person.start(&[]);
    write(&mut pty, "hello");
    pty.send(keys::ENTER);
    pty.wait_for("an echo", |screen| screen.contents().matches("hello").count() == 2);
    quit(pty);
    // Whoever holds it opens the store, and nobody else.
    let lock = fs::File::open(person.home.path().join("data/hobnob/conversations.lock")).expect("there is one");
    lock.lock().expect("a lock");
    let mut pty = person.start(&["-c"]);
    write(&mut pty, "again");
    pty.send(keys::ENTER);
    pty.wait_for_text("next ▎ again");
    write(&mut pty, "half a thought");
    drop(lock);
    pty.wait_for("the conversation", |screen| {
        let count = |text| screen.contents().matches(text).count();
        (count("hello"), count("again")) == (2, 2) && composer(screen).ends_with("half a thought")
    });
    quit(pty);
    assert_eq!(person.store().list(false).expect("reads").len(), 1);
    let kept = person.kept().expect("a conversation");
    assert_eq!((kept.draft.text.as_str(), kept.conversation.len()), ("half a thought", 4));
}

#[test]
fn after_a_dropped_connection_everything_is_there() {
    let person = Person::new();
    let mut pty = person.start(&[]);
    write(&mut pty, "slowly");
    pty.send(keys::ENTER);
    pty.wait_for("words", |screen| last_word(&screen.contents()).is_some_and(|word| word >= 30));
    let seen = last_word(&pty.text()).expect("words");
    pty.hang_up();
    pty.wait_exit();
    let kept = person.kept().expect("a conversation");
    let last = last_word(&kept.conversation.messages()[1].content).expect("words");
    assert!(last >= seen, "{seen} words were there, and {last} are left");
    let pty = person.start(&["chat", "--session", &kept.id.short()]);
    pty.wait_for_text("hobnob ended before this answer did");
    quit(pty);
}

#[test]
fn looking_around_leaves_nothing_behind() {
    let person = Person::new();
    let mut pty = person.start(&[]);
    pty.send(&keys::f(8));
    pty.wait_for_text("Nothing was said yet");
    pty.send(keys::ESC);
    pty.wait_for("the chat", |screen| !screen.contents().contains("Nothing was said yet"));
    write(&mut pty, "typed");
    pty.send(&keys::ctrl('u'));
    quit(pty);
    assert!(person.store().list(false).expect("reads").is_empty());
}

#[test]
fn a_conversation_that_is_not_there_is_told_before_anything_is_shown() {
    let person = Person::new();
    let mut pty = Setup::hobnob().home(&person.home).arg("chat").arg("--session").arg("beef").start();
    assert_eq!(pty.wait_exit(), Exit { code: Some(2), signal: None });
    assert!(pty.text().contains("there is no conversation `beef`"), "{}", pty.text());
}

#[test]
fn where_nothing_can_be_kept_it_is_said_and_all_goes_on() {
    let person = Person::new();
    fs::write(person.home.path().join("data"), "in the way").expect("writes");
    let mut pty = person.start(&[]);
    pty.wait_for_text("conversations can't be kept in");
    write(&mut pty, "hello");
    pty.send(keys::ENTER);
    pty.wait_for("an echo", |screen| screen.contents().matches("hello").count() == 2);
    quit(pty);
}
