//! Counting with the model's own tokenizer, and what its template adds.

use std::sync::Arc;

use super::generate::count_prompt;
use super::load::Loaded;
use crate::domain::context::TemplateCost;
use crate::domain::{ChatMessage, GenRequest, Role};
use crate::engine::Counter;

/// The tokens of a text by itself.
pub(super) type Encode = Arc<dyn Fn(&str) -> Vec<u32> + Send + Sync>;

/// The model's counter. Asks the engine for three short prompts, so it is for when nothing else is going on.
pub(super) fn counter(loaded: &Loaded) -> Option<Counter> {
    let encode = loaded.encode.clone().filter(|_| loaded.info.facts.has_chat_template)?;
    let tokens = move |text: &str| u32::try_from(encode(text).len()).unwrap_or(u32::MAX);
    let prompt = |roles: &[Role]| {
        let message = |role: &Role| ChatMessage { role: *role, content: WORD.into() };
        let req = GenRequest { messages: roles.iter().map(message).collect(), ..GenRequest::default() };
        loaded.runtime.block_on(count_prompt(&loaded.model, &req)).ok()
    };
    let question = prompt(&[Role::User])?;
    let three = prompt(&[Role::User, Role::Assistant, Role::User])?;
    let with_system = prompt(&[Role::System, Role::User]);
    let template = TemplateCost::learn(tokens(WORD), question, three, with_system);
    Some(Counter { template, tokens: Box::new(tokens) })
}

/// One token in nearly every vocabulary, with or without a space before it.
const WORD: &str = "a";
