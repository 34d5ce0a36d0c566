//! (stub)
pub mod probe;
