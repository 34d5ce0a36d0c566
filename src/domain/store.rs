//! What is kept of conversations, and what is said about it: the words between a front end and the store.

mod called;
mod draft;
pub mod keeper;
mod title;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::called::{Called, called};
pub use self::draft::{Draft, Fold, FoldKind};
pub use self::title::{says_nothing, title_of};
use crate::domain::conversation::{Conversation, Message, Start};
use crate::domain::sampling::SamplingPatch;
use crate::domain::{AskId, MsgId, Role, Thinking};
use crate::error::UserError;

/// What a conversation is called by files, other processes and people: 16 hexadecimal digits, of which so many as no other
/// begins with are enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ConvId(u64);

impl ConvId {
    /// Digits that a list shows.
    const SHORT: usize = 8;

    #[must_use]
    pub fn short(self) -> String {
        let mut text = self.to_string();
        text.truncate(Self::SHORT);
        text
    }
}

impl fmt::Display for ConvId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<ConvId> for String {
    fn from(id: ConvId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for ConvId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for ConvId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = digits.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        number.map(Self).ok_or("it is not an id of 16 hexadecimal digits")
    }
}

/// Makes ids that no other process makes: the seed is by chance, and what follows from it is spread over all numbers.
#[derive(Debug, Clone)]
pub struct ConvIds(u64);

impl ConvIds {
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    pub fn make(&mut self) -> ConvId {
        // SplitMix64: each step of the counter gives another number.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ConvId(mixed ^ (mixed >> 31))
    }
}

/// What a conversation is held with, as far as it is its own.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Setup {
    /// MODEL, as it is written on a command line.
    pub model: Option<String>,
    pub system: String,
    pub sampling: SamplingPatch,
    pub max_tokens: Option<u32>,
    /// `None` is as the settings say.
    pub thinking: Option<Thinking>,
    /// The persona that it was begun as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persona: Option<String>,
}

/// A piece of what is to be kept of a conversation. Several make one step: all of them are kept, or none.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A message that is new, or has changed as a whole.
    Message(Box<Message>),
    /// What has come of an answer since it was last kept.
    More {
        id: MsgId,
        text: String,
        reasoning: String,
        thought: Option<Duration>,
    },
    /// The branch that is shown, and what of it is sent.
    Place {
        head: Option<MsgId>,
        start: Option<Start>,
    },
    Setup(Box<Setup>),
    /// What is being written and waits to be sent.
    Draft(Draft),
    /// A person's own title; without one it is made of the first words.
    Title(Option<String>),
    Pinned(bool),
    Archived(bool),
    /// Gone from every list, but not from the disk until hobnob ends.
    Deleted(bool),
}

/// A conversation in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    pub id: ConvId,
    /// Empty where nothing was said yet.
    pub title: String,
    /// Reference of the model that answered last.
    pub model: Option<String>,
    pub messages: u32,
    /// First words of the newest message.
    pub preview: String,
    /// Since something was said in it.
    pub age: Duration,
    /// When that was: seconds since 1970.
    pub updated: u64,
    pub pinned: bool,
    pub archived: bool,
    /// Something is written and not sent.
    pub draft: bool,
}

/// Where a message is in the store: the same for all processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Row(pub i64);

/// Words that were found, with what is around them.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub conversation: ConvId,
    /// Of the conversation.
    pub title: String,
    /// `None` where the words are in the title.
    pub message: Option<(Row, Role)>,
    /// The message, as who has the conversation open here knows it.
    pub known_as: Option<MsgId>,
    /// Pieces of text, and whether each is what was looked for.
    pub snippet: Vec<(String, bool)>,
    pub age: Duration,
    pub pinned: bool,
    pub archived: bool,
}

/// A message as far as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub role: Role,
    /// Its beginning.
    pub text: String,
}

/// A conversation with all that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    pub id: ConvId,
    pub conversation: Conversation,
    pub title: String,
    pub own_title: bool,
    pub setup: Setup,
    pub draft: Draft,
    pub pinned: bool,
    pub archived: bool,
    /// Seconds since 1970.
    pub created: u64,
    pub updated: u64,
    /// The message that was asked for by its row; the branch leads through it.
    pub at: Option<MsgId>,
}

/// Which conversation is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Id(ConvId),
    /// The one that was used last.
    Last,
}

/// What a front end asks of the store.
#[derive(Debug, Clone, PartialEq)]
pub enum StoreCmd {
    /// Keeps changes of a conversation, which may be new.
    Keep { id: ConvId, changes: Vec<Change> },
    /// Answers with `StoreEvent::Opened`.
    Open { ask: AskId, which: Which, at: Option<Row> },
    /// Answers with `StoreEvent::Listed`.
    List { ask: AskId, archived: bool },
    /// Answers with `StoreEvent::Previewed`: how a conversation ends, or what leads to a message of it.
    Preview { ask: AskId, id: ConvId, at: Option<Row> },
    /// Answers with `StoreEvent::Found`.
    Search { ask: AskId, words: String },
    /// Answers with `StoreEvent::Prompts`.
    Prompts { ask: AskId },
}

/// What the store tells.
#[derive(Debug, Clone, PartialEq)]
pub enum StoreEvent {
    /// Nothing is kept from now on. Said once.
    Off(UserError),
    /// Something a person should know; all goes on.
    Note(UserError),
    /// What was kept of the conversation is not there any more, or not all of it, and what is new of it was not kept.
    Lost { id: ConvId },
    /// `None` where there is none that was used last.
    Opened { ask: AskId, result: Box<Result<Option<Opened>, UserError>> },
    /// Pinned ones first, then the newest.
    Listed { ask: AskId, conversations: Vec<Summary> },
    /// The newest last.
    Previewed { ask: AskId, said: Vec<Said> },
    /// Best first.
    Found { ask: AskId, hits: Vec<Hit> },
    /// What was asked in all conversations, each once, the newest first.
    Prompts { ask: AskId, prompts: Vec<String> },
}

/// The first words of a text in one line: no marks of Markdown, nothing that can't be seen. Empty where there are no words.
#[must_use]
pub fn first_words(text: &str, most: usize) -> String {
    let marks =
        |word: &&str| !word.chars().all(|c| matches!(c, '#' | '>' | '*' | '-' | '`' | '_' | '~' | '|' | '=' | ':'));
    let mut out = String::new();
    let mut length = 0;
    for word in text.split_whitespace().filter(marks) {
        let word: String =
            word.trim_start_matches(['#', '*']).chars().filter(|c| !c.is_control() && *c != '`').collect();
        // What was emphasised may end in a full stop.
        let word = word.replace("**", "");
        let word = word.trim_end_matches('*');
        let long = word.chars().count();
        if long == 0 {
            continue;
        }
        if length + long + usize::from(length > 0) > most {
            // A first word that is too long alone, or a text without spaces, is cut.
            let room = most.saturating_sub(length + 2);
            if length == 0 || (long > most && room > most / 4) {
                out.push_str(if length > 0 { " " } else { "" });
                out.extend(word.chars().take(room.max(1)));
            }
            out.push('…');
            return out;
        }
        if length > 0 {
            out.push(' ');
            length += 1;
        }
        out.push_str(word);
        length += long;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn first_words_are_without_the_marks_around_them() {
        for (text, words) in [
            ("## An answer with `code`, and **more**.", "An answer with code, and more."),
            ("| name | size |\n|---|---:|\n| `a` | 1 |", "name size a 1"),
            ("```rust\nfn main() {}\n```", "rust fn main() {}"),
            ("- [ ] one: *two*", "[ ] one: two"),
        ] {
            assert_eq!(first_words(text, 80), words);
        }
    }

    #[test]
    fn ids_are_many_and_read_back() {
        let mut ids = ConvIds::seeded(0);
        let made: BTreeSet<ConvId> = (0..10_000).map(|_| ids.make()).collect();
        assert_eq!(made.len(), 10_000);
        for id in made.iter().take(100) {
            assert_eq!(id.to_string().parse(), Ok(*id));
            assert!(id.to_string().starts_with(&id.short()));
        }
        for text in ["", "12", "zzzzzzzzzzzzzzzz", "+123456789abcdef", "00000000000000000"] {
            assert!(text.parse::<ConvId>().is_err(), "{text}");
        }
    }
}
