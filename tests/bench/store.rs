//! A hundred thousand messages: how long the list, a full-text search, opening a conversation and keeping a piece of an answer
//! take. The first three have a bound of 50 ms.
//!
//! `cargo bench --bench store`
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

#[path = "measure.rs"]
mod measure;

use std::time::{Duration, Instant};

use hobnob::domain::conversation::{Conversation, MessageState};
use hobnob::domain::store::keeper::Keeper;
use hobnob::domain::store::{Change, ConvIds, Setup, Which};
use hobnob::domain::{MsgId, Role};
use hobnob::store::Store;
use measure::{median, ms};

const CONVERSATIONS: usize = 2_000;
/// Of each; one more has as many as all others together have conversations.
const MESSAGES: usize = 49;
const BOUND: Duration = Duration::from_millis(50);
const RUNS: usize = 15;

const WORDS: [&str; 16] = [
    "the", "river", "light", "scatters", "bread", "slowly", "because", "engine", "a", "window", "of", "memory",
    "tokens", "blue", "answer", "question",
];

fn text(seed: usize, words: usize) -> String {
    let word = |n: usize| WORDS[(seed.wrapping_mul(31) + n * n * 7 + n) % WORDS.len()];
    (0..words).map(word).collect::<Vec<_>>().join(" ")
}

fn talk(seed: usize, messages: usize) -> Conversation {
    let mut conversation = Conversation::default();
    for n in 0..messages {
        let role = if n % 2 == 0 { Role::User } else { Role::Assistant };
        let needle = if seed % 500 == 7 && n == 3 { " needle" } else { "" };
        conversation.push(role, text(seed + n, 60) + needle, MessageState::Whole);
    }
    conversation
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&folder.path().join("conversations.db")).expect("opens").0;
    let mut ids = ConvIds::seeded(1);
    let mut last = ids.make();
    let begun = Instant::now();
    for seed in 0..=CONVERSATIONS {
        last = ids.make();
        let mut conversation = talk(seed, if seed == CONVERSATIONS { CONVERSATIONS } else { MESSAGES });
        let changes = Keeper::default().changes(&mut conversation, Setup::default);
        store.keep(last, &changes).expect("is kept");
    }
    println!("{} messages kept in {:.1} s", CONVERSATIONS * (MESSAGES + 1), begun.elapsed().as_secs_f64());
    let mut slow = Vec::new();
    let mut measure = |what: &str, bound: Option<Duration>, work: &mut dyn FnMut() -> usize| {
        let mut count = 0;
        let times: Vec<f64> = (0..RUNS)
            .map(|_| {
                let begun = Instant::now();
                count = work();
                ms(begun.elapsed())
            })
            .collect();
        let (middle, most) = (median(times.iter().copied()), times.iter().copied().fold(0.0, f64::max));
        println!("{what:<42} median {middle:>7.2} ms, most {most:>7.2} ms ({count})");
        if bound.is_some_and(|bound| middle > ms(bound)) {
            slow.push(what.to_owned());
        }
    };
    measure("the list", Some(BOUND), &mut || store.list(false).expect("reads").len());
    measure("a search for a rare word", Some(BOUND), &mut || store.search("needle").expect("reads").len());
    measure("a search for a common beginning", Some(BOUND), &mut || store.search("scat").expect("reads").len());
    measure("a search for three common words", Some(BOUND), &mut || {
        store.search("river light bl").expect("reads").len()
    });
    measure("a search for nothing that is there", Some(BOUND), &mut || store.search("xylophone").expect("reads").len());
    measure("a look through everything", None, &mut || store.search("青い").expect("reads").len());
    measure("opening one of 2,000 messages", Some(BOUND), &mut || {
        let opened = store.load(Which::Id(last), None).expect("reads").expect("is there");
        opened.conversation.len()
    });
    let answer = MsgId(CONVERSATIONS as u64 - 1);
    measure("keeping a piece of an answer", None, &mut || {
        let more = Change::More { id: answer, text: text(1, 20), reasoning: String::new(), thought: None };
        store.keep(last, &[more]).expect("is kept");
        1
    });
    assert!(slow.is_empty(), "slower than {BOUND:?}: {slow:?}");
}
