//! hobnob: talk to a local language model in the terminal.
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
pub mod runtime;
pub mod text;
pub mod ui;
