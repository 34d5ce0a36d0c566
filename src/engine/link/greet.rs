//! Whether the engine's process starts at all.

use std::time::{Duration, Instant};

use super::child::{Child, replaced_on_disk};
use crate::engine::Options;
use crate::engine::protocol::{self, FromEngine};
use crate::error::{ErrorKind, UserError};

/// Starts a process and waits for its first word, then ends it: how long that took.
///
/// # Errors
/// It did not start, said nothing in time, or is of another version.
pub async fn greet(options: &Options, limit: Duration) -> Result<Duration, UserError> {
    let start = Instant::now();
    let fails = |what: String| UserError::new(ErrorKind::LoadFailed, what);
    let mut child = Child::start(options)?;
    let word = tokio::time::timeout(limit, child.messages.recv()).await;
    let took = start.elapsed();
    let end = child.end().await;
    match word {
        Ok(Some(FromEngine::Hello { version: protocol::VERSION })) => Ok(took),
        Ok(Some(_)) => Err(replaced_on_disk()),
        Ok(None) => {
            let last = end.lines.last().map_or_else(String::new, |line| format!(": {line}"));
            Err(fails(format!("the engine's process ended at once{last}")).hint("the log has more; build it again"))
        }
        Err(_) => Err(fails(format!("the engine's process said nothing within {} s", limit.as_secs_f64()))
            .hint("the machine may be very busy: try again")),
    }
}
