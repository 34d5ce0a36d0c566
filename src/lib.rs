//! **hobnob**: talk to a local language model in the terminal.
//!
//! This is the house that everything lives in. The program's own pages are the README and `hobnob --help`.
//!
//! ```text
//!   main ──┬─────────────────────┬──────────────────────┐
//!          │                     │                      │ hobnob __engine
//!      runtime (terminal)    headless (scripts)     engine::host
//!          │                     │                  (a process of its own)
//!     ui ──┤                     │                      │
//!          │                     │                  engine::mistral ── mistral.rs
//!    app ──┤      ┌──────────────┤                      │
//!          │      │              │        frames over a socket pair
//!          ├──────┴──────┬───────┤                      │
//!          │             │       │                      │
//!        text         engine::link ─────────────────────┘
//!          │             │      hub (cache, downloads)
//!       config ──────────┴───────┴── config
//!          │
//!       domain ── error
//! ```
//!
//! # Floors
//!
//! Who may import whom, held by `tests/architecture.rs`:
//!
//! | floor | is | may import |
//! |---|---|---|
//! | [`domain`], [`error`] | data and rules; `std` and serde only | nothing else |
//! | [`config`] | settings in layers, keys, themes, where files are | domain |
//! | [`text`] | from text that others wrote to styled lines | domain, `config::theme` |
//! | [`app`] | the interface's state and what changes it | text, config, domain |
//! | [`ui`] | the state as a picture | app, text, config, domain |
//! | [`engine`], [`hub`] | the engine's process; the Hugging Face cache and downloads | config, domain, [`machine`]; never each other |
//! | [`store`] | conversations in `SQLite`, kept as they are typed and streamed | config, domain |
//! | [`headless`] | `run` and its batches, `templates`, `search`, `pull`, `models`, `sessions`, `warm`, `bench`, `doctor`, `config` | engine, hub, store, config, domain, `text::sanitize` |
//! | [`runtime`] | the interface's only async glue | everything below |
//!
//! # Decisions
//!
//! 1. **Effects are data.** [`app::App::update`] takes a message and a time and gives back what it wants done. No I/O, no clock,
//!    no async inside: a test compares whole vectors.
//! 2. **Engine and hub are actors behind handles**, with one small enum in and one out ([`domain::EngineCmd`] and
//!    [`domain::EngineEvent`], [`domain::HubCmd`] and [`domain::HubEvent`]). The interface and `run` are front ends of the same
//!    handles. Every event that can arrive late carries the id of what asked for it.
//! 3. **The engine is a process of its own.** In one process a prompt that is being read can't be stopped, memory does not come
//!    back, and a broken file aborts. A process can be killed at any moment; it ends by itself when its parent's end of the
//!    socket closes, however that came about. The same words over a Unix socket let scripts use an engine that an
//!    interface holds, or one that was asked to stay ([`engine::share`]).
//! 4. **We own scrolling.** A place in the conversation is a message and a line in it, never an offset: what is being read does
//!    not move when an answer grows or the window changes ([`app::transcript`]).
//! 5. **Stable prefix, live tail.** What can't change any more is laid out once; the growing end at most once per frame
//!    ([`text::stream`]).
//! 6. **Nothing is drawn unless something asked for it**, and never faster than the terminal takes it ([`runtime`]).
//!
//! # Three walks
//!
//! * **A key**: bytes of the terminal become a [`config::keymap::KeyChord`]; the innermost context that has a use for it wins;
//!   the action changes the state; a frame goes out at once.
//! * **A token**: the engine's thread in the child, a queue that never makes it wait, the socket, the link, the loop (which
//!   merges neighbours), `update` (which appends and parses nothing), and with the next frame the screen.
//! * **A download**: the task writes and tells ten times a second; the state keeps the last; a gauge moves if it is on screen.

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod error;
pub mod headless;
pub mod hub;
pub mod log;
pub mod machine;
pub mod measurements;
pub mod runtime;
pub mod store;
pub mod text;
pub mod ui;
