//! What several test programs share.

pub mod app;
pub mod models;
pub mod hub_server;
pub mod pty;
pub mod broken;
pub mod gguf_edit;
pub mod models;
pub mod quantise;
pub mod tiny;
