//! `hobnob warm`, and how long something is to stay.

use std::time::Duration;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(
    long_about = "Engines that hold a model for scripts: those that `hobnob run --keep-warm` left behind, and those of \
        interfaces that share theirs (`engine.share`).\n\n\
        A call of `hobnob run` uses one of them if it has the same model, loaded with the same settings, and then \
        answers without loading anything. What is kept warm ends by itself when it was not used for its time.",
    after_help = "Examples:\n  \
        hobnob run --keep-warm 10m \"Name three rivers\"\n  \
        hobnob warm\n  \
        hobnob warm stop"
)]
pub struct WarmArgs {
    #[command(subcommand)]
    pub command: Option<WarmCommand>,
    /// Print one JSON document
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub enum WarmCommand {
    /// What is held, by whom, and until when
    List,
    /// End what is kept warm; interfaces keep theirs
    Stop,
}

/// A number with a unit: seconds where there is none.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    const LONGEST: u64 = 7 * 24 * 3600;
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err("it is not a time like 90s, 10m or 1h".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "it is not a time like 90s, 10m or 1h".to_owned())?;
    match number.checked_mul(unit) {
        Some(seconds @ 1..=LONGEST) => Ok(Duration::from_secs(seconds)),
        _ => Err("it must be from 1s to 7d".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("10m", 600), ("10 min", 600), ("1h", 3600), ("7d", 604_800)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "0", "0s", "m", "1x", "-5", "1.5h", "8d", "99999999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
