//! What a person calls this machine by.

use sysinfo::{CpuRefreshKind, System};

use super::GIB;
use super::memory::{Memory, memory};

/// The processor and its memory.
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
}

impl Profile {
    /// What a measurement is kept under. Memory in whole GiB: the last megabytes differ from one kernel to the next.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}, {} GiB", self.processor, (self.total + GIB / 2) / GIB)
    }
}

/// Asks the system. Takes some milliseconds.
#[must_use]
pub fn profile() -> Profile {
    let Memory { total, available, limited } = memory();
    let mut system = System::new();
    system.refresh_cpu_list(CpuRefreshKind::nothing());
    let brand = system.cpus().iter().map(|cpu| cpu.brand().trim()).find(|brand| !brand.is_empty());
    Profile {
        processor: brand.map_or_else(|| format!("{} processor", std::env::consts::ARCH), str::to_owned),
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        total,
        available,
        limited,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_profile() {
        let profile = profile();
        assert!(!profile.processor.is_empty() && profile.threads > 0, "{profile:?}");
        assert!(profile.total > 0 && profile.available <= profile.total, "{profile:?}");
    }

    #[test]
    fn a_machine_keeps_its_name_when_a_few_megabytes_go() {
        let profile = |total| Profile { processor: "Chip".into(), threads: 8, total, available: 0, limited: false };
        assert_eq!(profile(16 * GIB - (200 << 20)).name(), "Chip, 16 GiB");
        assert_eq!(profile(16 * GIB).name(), "Chip, 16 GiB");
    }
}
