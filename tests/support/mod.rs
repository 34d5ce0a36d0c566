//! What several test programs share.

pub mod app;
pub mod models;
