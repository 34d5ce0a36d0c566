//! An answer as Markdown: what is drawn of it, and what is taken away.

use crate::domain::conversation::Message;
use crate::text::markdown::{CodeBlock, code_blocks};
use crate::text::stream::StreamingDoc;

/// What JSON needs before it to be shown as code; the end of the answer ends it.
const JSON_FENCE: &str = "```json\n";

/// An answer that is JSON through and through is code.
fn fence(message: &Message) -> &'static str {
    if message.is_json() && !message.content.is_empty() { JSON_FENCE } else { "" }
}

/// Takes in what has come of an answer since the last time: its content only grows.
pub(in crate::app) fn feed(doc: &mut StreamingDoc, message: &Message) {
    let fence = fence(message);
    if doc.received() == 0 {
        doc.push(fence);
    }
    let fed = doc.received().saturating_sub(fence.len());
    doc.push(message.content.get(fed..).unwrap_or_default());
}

/// The code of a message, by its numbers on the page.
pub(in crate::app) fn code_of(message: &Message) -> Vec<CodeBlock> {
    match fence(message) {
        "" => code_blocks(&message.content),
        fence => code_blocks(&(fence.to_owned() + &message.content)),
    }
}
