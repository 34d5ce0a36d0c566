//! The gate before the engine: whole models pass, and everything else is refused in words.

mod support;

use hobnob::domain::model::Format;
use hobnob::engine::probe::probe;
use support::models::starter;

#[test]
fn the_starter_tells_all_about_itself() {
    let facts = probe(&starter()).expect("the starter is whole");
    assert_eq!(facts.format, Format::Gguf);
    assert_eq!(facts.architecture, "llama");
    assert_eq!(facts.quant, "Q4_1");
    assert_eq!(facts.name.as_deref(), Some("Smollm2 135M 8k Lc100K Mix1 Ep2"));
    assert_eq!((facts.context, facts.layers, facts.kv_heads, facts.head_size), (8192, 30, 3, 64));
    assert_eq!((facts.parameters, facts.vocabulary), (134_515_008, 49_152));
    assert!(facts.has_chat_template && !facts.can_think);
}
