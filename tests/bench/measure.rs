//! What benches share: medians, and what the system knows of a process.
#![allow(dead_code, clippy::print_stdout, reason = "each bench uses its own part, and its output is what it is for")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// What the processors have spent on all threads of a process that are there now. Only Linux tells it finely enough.
pub fn cpu_time(pid: u32) -> Option<Duration> {
    let mut sum = 0;
    for thread in threads(pid)? {
        // Nanoseconds on a processor; nanoseconds waiting for one; turns.
        let told = std::fs::read_to_string(thread.join("schedstat")).ok()?;
        sum += told.split(' ').next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(sum))
}

/// How often the threads of a process have waited for something, and so will have been woken.
pub fn wakeups(pid: u32) -> Option<u64> {
    let mut sum = 0;
    for thread in threads(pid)? {
        let told = std::fs::read_to_string(thread.join("status")).ok()?;
        let count = told.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        sum += count.trim().parse::<u64>().ok()?;
    }
    Some(sum)
}

/// The most memory that a process has had at once, in bytes. Only Linux keeps it for us.
pub fn peak_memory(pid: u32) -> Option<u64> {
    let told = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let peak = told.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(peak.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

/// The processes that a process has started and that are there.
pub fn children(pid: u32) -> Vec<u32> {
    let of_thread = |thread: PathBuf| std::fs::read_to_string(thread.join("children")).unwrap_or_default();
    let told = threads(pid).unwrap_or_default().into_iter().map(of_thread).collect::<String>();
    told.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

fn threads(pid: u32) -> Option<Vec<PathBuf>> {
    let folder = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    Some(folder.flatten().map(|entry| entry.path()).collect())
}

/// Of sorted values: the one that a share of them does not exceed.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a place among them
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = (share * sorted.len() as f64).ceil() as usize;
    sorted[place.clamp(1, sorted.len()) - 1]
}

/// Figures that have to hold, each printed with its bound.
#[derive(Default)]
pub struct Bounds {
    missed: Vec<String>,
}

impl Bounds {
    pub fn at_most(&mut self, what: &str, value: f64, bound: f64) {
        let kept = value <= bound;
        println!("{what:<44} {value:>9.2}   at most {bound}{}", if kept { "" } else { "   MISSED" });
        if !kept {
            self.missed.push(what.to_owned());
        }
    }

    /// What the bench ends with.
    pub fn verdict(self) -> ExitCode {
        if self.missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
