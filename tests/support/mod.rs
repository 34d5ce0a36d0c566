//! What several test programs share.

pub mod app;
pub mod hub_server;
pub mod models;
