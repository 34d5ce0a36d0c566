//! Ended by `kill -9` at any moment, again and again, in a conversation that is gone on with each time: what was there a second
//! before is there, and nothing else is missing.
//!
//! `HOBNOB_KILLS=200 cargo test --test e2e killed_at_any_moment`; `HOBNOB_SEED` makes the same moments again.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hobnob::domain::Role;
use hobnob::domain::conversation::MessageState;
use hobnob::domain::store::{ConvId, Opened};
use hobnob::store::Store;

use crate::person::{PATIENCE, eventually, kill, runs, status, the_engine_of};
use crate::support::pty::{Exit, Home, Pty, Screen, Setup, keys};

/// Of the scripted answers, in a second.
const RATE: f64 = 40.0;
/// What may be lost is what came after this, before the end.
const MOST_LOST: Duration = Duration::from_secs(1);
/// No kill comes later after the first key.
const LATEST: u64 = 2500;
/// After so many a new conversation begins: the next prompt would have no room.
const LIVES: u64 = 20;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Numbers by chance, the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// What a person saw, and when.
#[derive(Clone, Copy)]
struct Seen {
    at: Instant,
    /// Words of the answer.
    answered: usize,
    /// Bytes of the text that was typed.
    typed: usize,
}

/// What happened in a round.
struct Life {
    /// The longest that a key waited to be seen: the machine lets nobody do anything sooner.
    slowest: Duration,
    /// The prompt, and when it was sent.
    sent: Option<(String, Instant)>,
    /// All that was typed after it, or into the draft.
    typed: String,
    seen: Vec<Seen>,
    died: Instant,
}

impl Life {
    /// Before the end, what comes in this time may be lost.
    fn most_lost(&self) -> Duration {
        MOST_LOST + self.slowest
    }

    /// The last that was seen long enough before the end.
    fn certain(&self) -> Option<&Seen> {
        self.seen.iter().rev().find(|seen| self.died - seen.at >= self.most_lost())
    }
}

struct Person {
    home: Home,
}

impl Person {
    fn new() -> Self {
        let home = Home::new();
        home.write_config("[engine]\ncontext = 16384\n");
        Self { home }
    }

    fn file(&self) -> PathBuf {
        self.home.path().join("data/hobnob/conversations.db")
    }

    /// What the store has of the newest conversation, which is none of the old ones; after a look at every page of the file.
    fn kept(&self, old: &[ConvId]) -> Option<Opened> {
        let mut store = Store::open(&self.file()).expect("the store opens").0;
        let db = rusqlite::Connection::open(self.file()).expect("opens");
        let check: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("reads");
        assert_eq!(check, "ok");
        assert!(store.list(false).expect("reads").len() <= old.len() + 1, "there is one more conversation");
        let last = store.last().expect("reads").filter(|last| !old.contains(last))?;
        Some(store.look(last).expect("is there"))
    }

    /// Goes on with the conversation or begins one, with answers whose words nobody has seen yet.
    fn start(&self, round: u64, goes_on: bool, words: usize) -> Pty {
        let text: Vec<String> = (0..words).map(|n| word(round, n)).collect();
        let script = self.home.path().join("script.toml");
        let text = text.join(" ");
        let reply = format!("[[reply]]\ntokens_per_second = {RATE:.1}\nprompt_tokens = 10\ntext = \"{text}\"\n");
        fs::write(&script, format!("context = 16384\n{reply}")).expect("a script");
        let model = format!("script:{}", script.display());
        let setup = Setup::hobnob().home(&self.home).arg("-m").arg(model).deadline(PATIENCE);
        let pty = if goes_on { setup.arg("-c") } else { setup }.start();
        pty.wait_for("a model that is ready", |screen| status(screen).starts_with("ready"));
        pty
    }
}

/// Of the answer of a round.
fn word(round: u64, n: usize) -> String {
    format!("a{round}w{n}")
}

/// How many words of the answer there are, by the last of them that can be seen.
fn answered(screen: &Screen, round: u64) -> usize {
    let begin = format!("a{round}w");
    let text = screen.contents();
    let numbers = text.split_whitespace().filter_map(|word| word.strip_prefix(&begin)?.parse::<usize>().ok());
    numbers.max().map_or(0, |last| last + 1)
}

/// Types, with an answer going on beside it or not, until the moment has come.
fn live(pty: &mut Pty, round: u64, draft: &str, sends: bool, moment: Duration) -> Life {
    let born = Instant::now();
    if let Some(last) = draft.split_whitespace().last() {
        // What was kept of the last time comes back.
        pty.wait_for_text(last);
    }
    let mut life = Life { slowest: Duration::ZERO, sent: None, typed: String::new(), seen: Vec::new(), died: born };
    if sends {
        let prompt = format!("{draft}r{round}");
        pty.send(&format!("r{round}"));
        pty.wait_for_text(&format!("r{round}"));
        pty.send(keys::ENTER);
        life.sent = Some((prompt, Instant::now()));
    }
    for n in 0.. {
        let key = format!("t{round}k{n} ");
        let pressed = Instant::now();
        pty.send(&key);
        life.typed.push_str(&key);
        let shown = |screen: &Screen| screen.contents().contains(key.trim_end());
        pty.wait_for("what was typed", |screen| shown(screen) || born.elapsed() >= moment);
        life.slowest = life.slowest.max(pressed.elapsed());
        let screen = pty.screen();
        let typed = life.typed.len() - if shown(&screen) { 1 } else { key.len() };
        life.seen.push(Seen { at: Instant::now(), answered: answered(&screen, round), typed });
        if born.elapsed() >= moment {
            break;
        }
    }
    life
}

/// One after the other: the role, and all that was said.
fn said(kept: Option<&Opened>) -> Vec<(Role, String)> {
    let messages = kept.map(|kept| kept.conversation.messages()).unwrap_or_default();
    messages.iter().map(|message| (message.role, message.content.clone())).collect()
}

/// What is kept after a death is what was there.
fn assert_kept(before: Option<&Opened>, after: Option<&Opened>, life: &Life, round: u64, place: &str) {
    let (was, is) = (said(before), said(after));
    let draft = after.map_or("", |kept| kept.draft.text.as_str());
    let old_draft = before.map_or("", |kept| kept.draft.text.as_str());
    assert!(is.len() >= was.len() && is[..was.len()] == was, "what was said before has changed, {place}");
    let certain = life.certain();
    let Some((prompt, sent)) = &life.sent else {
        assert_eq!(is.len(), was.len(), "nobody said anything, {place}");
        let all = format!("{old_draft}{}", life.typed);
        assert!(all.starts_with(draft), "{draft:?} was never written, {place}");
        let least = old_draft.len() + certain.map_or(0, |seen| seen.typed);
        assert!(draft.len() >= least, "of {least} bytes that were written {} are left, {place}", draft.len());
        return;
    };
    let [question, answer] = &is[was.len()..] else {
        assert!(life.died - *sent < life.most_lost(), "what was sent is not there, {place}: {:?}", &is[was.len()..]);
        assert!(prompt.starts_with(draft) && draft.len() >= old_draft.len(), "{draft:?} of {prompt:?}, {place}");
        return;
    };
    assert_eq!(question, &(Role::User, prompt.trim_end().to_owned()), "{place}");
    let words: Vec<&str> = answer.1.split_whitespace().collect();
    let expected: Vec<String> = (0..words.len()).map(|n| word(round, n)).collect();
    assert_eq!(words, expected, "words are missing inside, {place}");
    let least = certain.map_or(0, |seen| seen.answered);
    assert!(words.len() >= least, "of {least} words that were there {} are left, {place}", words.len());
    assert!(life.typed.starts_with(draft), "{draft:?} was never written, {place}");
    let least = certain.map_or(0, |seen| seen.typed);
    assert!(draft.len() >= least, "of {least} bytes that were written {} are left, {place}", draft.len());
    let state = after.and_then(|kept| kept.conversation.messages().last()).map(|message| &message.state);
    let is_told = matches!(state, Some(MessageState::Whole | MessageState::Failed(_)));
    assert!(is_told, "an answer that nobody makes any more says so, {place}: {state:?}");
}

#[test]
fn killed_at_any_moment_it_loses_less_than_a_second() {
    let person = Person::new();
    let rounds = number("HOBNOB_KILLS").unwrap_or(20);
    let seed = number("HOBNOB_SEED").unwrap_or_else(|| RandomState::new().hash_one(0) % 1_000_000);
    let mut chance = Chance(seed.wrapping_mul(2) + 1);
    let mut before: Option<Opened> = None;
    let mut old = Vec::new();
    for round in 0..rounds {
        if round % LIVES == 0 {
            old.extend(before.take().map(|kept| kept.id));
        }
        let moment = Duration::from_millis(chance.below(LATEST));
        // Most of them die in the middle of an answer, some after a short one, some while nothing but keys comes.
        let (sends, words) = match chance.below(5) {
            0 => (false, 0),
            1 => (true, 12),
            _ => (true, 400),
        };
        let place = format!("in round {round} of HOBNOB_SEED={seed}, killed after {moment:?}");
        let draft = before.as_ref().map_or("", |kept| kept.draft.text.as_str());
        let mut pty = person.start(round, before.is_some(), words);
        let engine = the_engine_of(&pty);
        let mut life = live(&mut pty, round, draft, sends, moment);
        kill(pty.pid());
        life.died = Instant::now();
        assert_eq!(pty.wait_exit(), Exit { code: None, signal: Some("Killed".into()) });
        assert!(eventually(PATIENCE, || !runs(engine)), "the engine is left behind, {place}");
        let after = person.kept(&old);
        assert_kept(before.as_ref(), after.as_ref(), &life, round, &place);
        before = after;
    }
}
