//! What several test programs share. Each of them uses a part.
#![allow(dead_code)]

pub mod app;
pub mod broken;
pub mod convert;
pub mod engine;
pub mod found;
pub mod gguf_edit;
pub mod hub_server;
pub mod models;
pub mod pty;
pub mod quantise;
pub mod reference;
pub mod shellcheck;
pub mod styled;
pub mod tiny;
