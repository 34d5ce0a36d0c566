//! stub
use crate::headless::{Context, Outcome};
/// x
/// # Errors
/// x
pub fn doctor(_: &Context<'_>) -> Outcome { Ok(()) }
