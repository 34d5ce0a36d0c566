//! What was asked before, to be asked again: walked through with Up and Down, or searched.

use std::collections::{HashSet, VecDeque};

use crate::app::text_area::Written;
use crate::domain::AskId;

/// So many prompts of this run are kept with their chips.
const SAID: usize = 200;

/// Something that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// As it went out, with the files that went along.
    pub text: String,
    /// As somebody wrote it.
    pub written: Written,
}

/// What the store knows of other conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Known {
    #[default]
    Nothing,
    Asked(AskId),
    All,
}

/// A walk through them, as far as it has come.
#[derive(Debug)]
struct Walk {
    at: usize,
    /// What was being written before it began.
    draft: Written,
}

#[derive(Debug, Default)]
pub struct Prompts {
    /// Of this conversation and of this run, newest first.
    said: VecDeque<Prompt>,
    /// Of all others, newest first.
    stored: Vec<Prompt>,
    known: Known,
    walk: Option<Walk>,
    /// One was asked for that the store has yet to tell of.
    awaited: bool,
}

impl Prompts {
    /// Something was sent.
    pub fn push(&mut self, prompt: Prompt) {
        self.said.retain(|other| other.text != prompt.text);
        self.stored.retain(|other| other.text != prompt.text);
        self.said.push_front(prompt);
        self.said.truncate(SAID);
        self.leave();
    }

    /// Another conversation: what was said in it, oldest first.
    pub fn begin_with(&mut self, said: impl DoubleEndedIterator<Item = Prompt>) {
        self.said.clear();
        let mut seen = HashSet::new();
        self.said.extend(said.rev().take(SAID).filter(|prompt| seen.insert(prompt.text.clone())));
        self.leave();
        // All others are other ones now.
        self.forget_stored();
    }

    /// What is shown is a text of its own now.
    pub fn leave(&mut self) {
        self.walk = None;
        self.awaited = false;
    }

    /// What the store told does not hold any more.
    pub fn forget_stored(&mut self) {
        self.stored.clear();
        self.known = Known::Nothing;
    }

    /// Whether the store is still to be asked; if so it is with this.
    pub fn ask(&mut self, next: impl FnOnce() -> AskId) -> Option<AskId> {
        (self.known == Known::Nothing).then(|| {
            let ask = next();
            self.known = Known::Asked(ask);
            ask
        })
    }

    /// The store's answer. True where it was waited for, and a walk may go on.
    pub fn told(&mut self, ask: AskId, prompts: impl Iterator<Item = Prompt>) -> bool {
        if self.known != Known::Asked(ask) {
            return false;
        }
        self.known = Known::All;
        let said: HashSet<&str> = self.said.iter().map(|prompt| prompt.text.as_str()).collect();
        self.stored = prompts.filter(|prompt| !said.contains(prompt.text.as_str())).collect();
        std::mem::take(&mut self.awaited)
    }

    /// All that are known, newest first.
    pub fn all(&self) -> impl Iterator<Item = &Prompt> {
        self.said.iter().chain(&self.stored)
    }

    /// As it was written that went out like this.
    #[must_use]
    pub fn written(&self, text: &str) -> Option<&Written> {
        self.said.iter().find(|prompt| prompt.text == text).map(|prompt| &prompt.written)
    }

    /// The prompt before the one that is shown; `draft` is what is being written. `None` where there is none, or none yet.
    pub fn older(&mut self, draft: impl FnOnce() -> Written) -> Option<Written> {
        let at = self.walk.as_ref().map_or(0, |walk| walk.at + 1);
        let Some(written) = self.all().nth(at).map(|prompt| prompt.written.clone()) else {
            self.awaited = matches!(self.known, Known::Asked(_));
            return None;
        };
        self.awaited = false;
        match &mut self.walk {
            Some(walk) => walk.at = at,
            None => self.walk = Some(Walk { at, draft: draft() }),
        }
        Some(written)
    }

    /// The prompt after it, and at last what was being written.
    pub fn newer(&mut self) -> Option<Written> {
        self.awaited = false;
        let walk = self.walk.as_mut()?;
        match walk.at.checked_sub(1) {
            Some(at) => {
                walk.at = at;
                self.all().nth(at).map(|prompt| prompt.written.clone())
            }
            None => self.walk.take().map(|walk| walk.draft),
        }
    }

    /// The store has yet to tell what it knows.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        matches!(self.known, Known::Asked(_))
    }

    /// The store has yet to tell of the one that was asked for.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.awaited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(text: &str) -> Prompt {
        Prompt { text: text.into(), written: text.into() }
    }

    fn shown(written: Option<Written>) -> Option<String> {
        written.map(|written| written.full().into_owned())
    }

    #[test]
    fn prompts_are_recalled_and_the_draft_comes_back() {
        let mut prompts = Prompts::default();
        for text in ["one", "two", "one", "three"] {
            prompts.push(prompt(text));
        }
        let mut older = |draft: &str| shown(prompts.older(|| draft.into()));
        assert_eq!(older("draft").as_deref(), Some("three"));
        assert_eq!(older("three").as_deref(), Some("one"));
        assert_eq!(older("one").as_deref(), Some("two"));
        assert_eq!(older("two"), None, "each is there once");
        let mut newer = || shown(prompts.newer());
        assert_eq!(newer().as_deref(), Some("one"));
        assert_eq!(newer().as_deref(), Some("three"));
        assert_eq!(newer().as_deref(), Some("draft"));
        assert_eq!(newer(), None);
    }

    #[test]
    fn the_store_is_asked_once_and_goes_on_where_this_conversation_ends() {
        let mut prompts = Prompts::default();
        prompts.push(prompt("here"));
        let ask = prompts.ask(|| AskId(7)).expect("nothing is known");
        assert_eq!(prompts.ask(|| AskId(8)), None);
        assert_eq!(shown(prompts.older(Written::default)).as_deref(), Some("here"));
        assert_eq!((prompts.older(Written::default), prompts.is_awaited()), (None, true));
        assert!(!prompts.told(AskId(6), std::iter::empty()), "of a wish before");
        assert!(prompts.told(ask, ["here", "elsewhere", "long ago"].into_iter().map(prompt)));
        assert_eq!(shown(prompts.older(Written::default)).as_deref(), Some("elsewhere"));
        assert_eq!(shown(prompts.older(Written::default)).as_deref(), Some("long ago"));
        assert_eq!((prompts.older(Written::default), prompts.is_awaited()), (None, false));
    }
}
