//! What several test programs share.

pub mod broken;
pub mod gguf_edit;
pub mod models;
pub mod quantise;
pub mod tiny;
