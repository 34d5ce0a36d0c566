//! Counting tokens beside everything else: on a thread of its own, with the model's own tokenizer, while the engine computes.

use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, OnceLock, Weak};

use super::protocol::FromEngine;
use crate::domain::CountId;
use crate::domain::context::TemplateCost;

/// A loaded model's way to count.
pub struct Counter {
    pub template: TemplateCost,
    /// Tokens of a text by itself.
    pub tokens: Box<dyn Fn(&str) -> u32 + Send + Sync>,
}

/// Where the thread that loads leaves the counter for the one that counts.
pub(super) type Shared = Arc<OnceLock<Counter>>;

/// A wish to know how many tokens texts take.
pub(super) struct Wish {
    pub id: CountId,
    pub texts: Vec<String>,
}

/// Answers wishes as they come, the newest one where several wait. Does not keep the way out open: what is told there
/// last is for the engine's main thread to say.
pub(super) fn serve(wishes: &Receiver<Wish>, counter: &Shared, tell: &Weak<Sender<FromEngine>>) {
    while let Ok(first) = wishes.recv() {
        let Wish { id, texts } = wishes.try_iter().last().unwrap_or(first);
        // Before a model is loaded there is nothing to count with, and nobody has a reason to ask.
        let Some(counter) = counter.get() else { continue };
        let tokens = texts.iter().map(|text| (counter.tokens)(text)).collect();
        let Some(tell) = tell.upgrade() else { return };
        let _ = tell.send(FromEngine::Counted { id, tokens, template: counter.template });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn of_several_wishes_the_newest_is_answered() {
        let (wish, wishes) = channel();
        let (tell, told) = channel();
        let tell = Arc::new(tell);
        let counter = Shared::default();
        let template = TemplateCost { question: 8, turn: 10, system: 5 };
        let words = |text: &str| u32::try_from(text.split_whitespace().count()).expect("few");
        assert!(counter.set(Counter { template, tokens: Box::new(words) }).is_ok());
        for (id, text) in [(1, "a"), (2, "a b"), (3, "a b c")] {
            wish.send(Wish { id: CountId(id), texts: vec![text.into(), String::new()] }).expect("is heard");
        }
        drop(wish);
        serve(&wishes, &counter, &Arc::downgrade(&tell));
        let answers: Vec<_> = told.try_iter().collect();
        assert_eq!(answers, [FromEngine::Counted { id: CountId(3), tokens: vec![3, 0], template }]);
    }
}
