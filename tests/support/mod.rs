//! What several test programs share.

pub mod app;
pub mod models;
pub mod hub_server;
pub mod pty;
