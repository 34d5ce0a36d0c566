//! What several test programs share.

pub mod hub_server;
