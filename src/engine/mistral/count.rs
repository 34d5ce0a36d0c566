//! Counting with the model's own tokenizer, and what its template adds.

use std::sync::Arc;

use mistralrs::core::Pipeline;

use super::generate::read_prompt;
use super::load::Loaded;
use crate::domain::context::TemplateCost;
use crate::domain::{ChatMessage, GenRequest, Role};
use crate::engine::Counter;

type Encode = dyn Fn(&str) -> Vec<u32> + Send + Sync;
type Decode = dyn Fn(&[u32]) -> String + Send + Sync;

/// The model's tokenizer, both ways. It can be asked while the engine computes.
#[derive(Clone)]
pub(super) struct Texts {
    /// The tokens of a text by itself; none where it can't be read.
    pub encode: Arc<Encode>,
    /// An unfinished character ends it as U+FFFD.
    pub decode: Arc<Decode>,
}

impl Texts {
    pub fn of(pipeline: &dyn Pipeline) -> Option<Self> {
        let tokenizer = pipeline.tokenizer()?;
        let encoder = Arc::clone(&tokenizer);
        let encode = move |text: &str| encoder.encode_fast(text, false).map(|it| it.get_ids().to_vec());
        Some(Self {
            encode: Arc::new(move |text| encode(text).unwrap_or_default()),
            decode: Arc::new(move |tokens| tokenizer.decode(tokens, true).unwrap_or_default()),
        })
    }
}

/// The model's counter. Asks the engine for three short prompts, so it is for when nothing else is going on.
pub(super) fn counter(loaded: &Loaded) -> Option<Counter> {
    let encode = Arc::clone(&loaded.texts.as_ref().filter(|_| loaded.info.facts.has_chat_template)?.encode);
    let tokens = move |text: &str| u32::try_from(encode(text).len()).unwrap_or(u32::MAX);
    let prompt = |roles: &[Role]| {
        let message = |role: &Role| ChatMessage { role: *role, content: WORD.into() };
        let req = GenRequest { messages: roles.iter().map(message).collect(), ..GenRequest::default() };
        let tokens = loaded.runtime.block_on(read_prompt(&loaded.model, &req)).ok()?;
        u32::try_from(tokens.len()).ok()
    };
    let question = prompt(&[Role::User])?;
    let three = prompt(&[Role::User, Role::Assistant, Role::User])?;
    let with_system = prompt(&[Role::System, Role::User]);
    let template = TemplateCost::learn(tokens(WORD), question, three, with_system);
    Some(Counter { template, tokens: Box::new(tokens) })
}

/// One token in nearly every vocabulary, with or without a space before it.
const WORD: &str = "a";
