//! What this machine has for a model.

mod memory;
mod profile;
pub mod simd;

pub use self::profile::{Profile, profile};

use self::memory::{Memory, memory};
use crate::domain::fit::Machine;

const GIB: u64 = 1 << 30;

/// Measures. Takes a few milliseconds: not for the interface's own thread.
#[must_use]
pub fn measure() -> Machine {
    let memory = memory();
    let gpu_limit = cfg!(all(target_os = "macos", target_arch = "aarch64")).then(wired_limit);
    Machine { total: memory.total, budget: budget(memory, gpu_limit) }
}

/// What a model may take. `gpu_limit` is there on machines whose GPU shares the memory; 0 in it means that the system
/// decides.
fn budget(memory: Memory, gpu_limit: Option<u64>) -> u64 {
    match gpu_limit {
        None => memory.available,
        // As the engine reckons: two thirds of a small machine, three quarters of a large one.
        Some(0) if memory.total <= 36 * GIB => memory.total / 3 * 2,
        Some(0) => memory.total / 4 * 3,
        Some(limit) => limit.min(memory.total),
    }
}

/// `iogpu.wired_limit_mb` in bytes; 0 where it isn't set or can't be read.
fn wired_limit() -> u64 {
    std::process::Command::new("/usr/sbin/sysctl")
        .args(["-n", "iogpu.wired_limit_mb"])
        .output()
        .ok()
        .and_then(|output| String::from_utf8_lossy(&output.stdout).trim().parse::<u64>().ok())
        .map_or(0, |mib| mib.saturating_mul(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_follows_the_kind_of_machine() {
        let memory = |total| Memory { total: total * GIB, available: 5 * GIB, limited: false };
        assert_eq!(budget(memory(16), None), 5 * GIB);
        assert_eq!(budget(memory(24), Some(0)), 16 * GIB);
        assert_eq!(budget(memory(36), Some(0)), 24 * GIB);
        assert_eq!(budget(memory(64), Some(0)), 48 * GIB);
        assert_eq!(budget(memory(64), Some(56 * GIB)), 56 * GIB);
        assert_eq!(budget(memory(64), Some(100 * GIB)), 64 * GIB, "no more than there is");
    }

    #[test]
    fn this_machine_has_memory() {
        let machine = measure();
        assert!(machine.total > 0 && machine.budget <= machine.total, "{machine:?}");
    }
}
