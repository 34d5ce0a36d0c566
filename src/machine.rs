//! What this machine has for a model.

pub mod simd;

use crate::domain::fit::Machine;

const GIB: u64 = 1 << 30;

/// Memory as the system tells it, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Memory {
    total: u64,
    /// What programs can have without anything being swapped out.
    available: u64,
}

/// Measures. Takes a few milliseconds: not for the interface's own thread.
#[must_use]
pub fn measure() -> Machine {
    let mut system = sysinfo::System::new();
    system.refresh_memory_specifics(sysinfo::MemoryRefreshKind::nothing().with_ram());
    let mut memory = Memory { total: system.total_memory(), available: system.available_memory() };
    // In a container the machine's memory is not ours.
    if let Some(limits) = system.cgroup_limits() {
        memory.total = memory.total.min(limits.total_memory);
        memory.available = memory.available.min(limits.free_memory);
    }
    let gpu_limit = cfg!(all(target_os = "macos", target_arch = "aarch64")).then(wired_limit);
    Machine { total: memory.total, budget: budget(memory, gpu_limit) }
}

/// What a person calls this machine by, and what stands behind [`measure`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// As it names itself: `Apple M2 Pro`.
    pub processor: String,
    /// That can run at once, as far as this process may.
    pub threads: usize,
    /// All memory, bytes; in a container, what that has.
    pub total: u64,
    pub available: u64,
    /// A container's limit is what counts, not the machine.
    pub limited: bool,
    pub budget: u64,
}

impl Profile {
    /// What a measurement is kept under. Memory in whole GiB: the last megabytes differ from one kernel to the next.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}, {} GiB", self.processor, (self.total + GIB / 2) / GIB)
    }
}

/// Looks closer than [`measure`]; takes about as long.
#[must_use]
pub fn profile() -> Profile {
    let mut system = sysinfo::System::new();
    system.refresh_memory_specifics(sysinfo::MemoryRefreshKind::nothing().with_ram());
    system.refresh_cpu_list(sysinfo::CpuRefreshKind::nothing());
    let brand = system.cpus().iter().map(|cpu| cpu.brand().trim()).find(|brand| !brand.is_empty());
    let total = system.total_memory();
    let limits = system.cgroup_limits().filter(|limits| limits.total_memory < total);
    Profile {
        processor: brand.map_or_else(|| format!("{} processor", std::env::consts::ARCH), str::to_owned),
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        total: limits.as_ref().map_or(total, |limits| limits.total_memory),
        available: limits.as_ref().map_or(u64::MAX, |limits| limits.free_memory).min(system.available_memory()),
        limited: limits.is_some(),
        budget: measure().budget,
    }
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
        let memory = |total| Memory { total: total * GIB, available: 5 * GIB };
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
        let profile = profile();
        assert_eq!(profile.total, machine.total);
        assert!(!profile.processor.is_empty() && profile.threads > 0 && profile.available <= profile.total, "{profile:?}");
    }

    #[test]
    fn a_machine_keeps_its_name_when_a_few_megabytes_go() {
        let profile = |total| Profile {
            processor: "Chip".into(),
            threads: 8,
            total,
            available: 0,
            limited: false,
            budget: 0,
        };
        assert_eq!(profile(16 * GIB - (200 << 20)).name(), "Chip, 16 GiB");
        assert_eq!(profile(16 * GIB).name(), "Chip, 16 GiB");
    }
}
