//! (stub)
pub mod msg;
