//! The program as a person uses it: the real binary in a terminal, most of it with the real engine and the starter model.
//!
//! Whoever uses the real engine takes a turn: it takes all of the machine, and times are looked at.

#[path = "e2e/chat.rs"]
mod chat;
#[path = "e2e/deaths.rs"]
mod deaths;
#[path = "e2e/kills.rs"]
mod kills;
#[path = "e2e/models.rs"]
mod models;
#[path = "e2e/mouse.rs"]
mod mouse;
#[path = "e2e/person.rs"]
mod person;
#[path = "e2e/settings.rs"]
mod settings;
#[path = "e2e/store.rs"]
mod store;
mod support;
#[path = "e2e/terminals.rs"]
mod terminals;
#[path = "e2e/together.rs"]
mod together;
#[path = "e2e/writing.rs"]
mod writing;
