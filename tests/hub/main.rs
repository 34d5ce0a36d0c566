//! The hub side from outside: over made-up caches, against a stand-in Hub, beside the real Python client.

mod local;
mod made;
mod network;
mod package;
mod python;
#[path = "../support/mod.rs"]
mod support;
