//! Memory as the system tells it.

use sysinfo::{CGroupLimits, MemoryRefreshKind, System};

/// Bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    pub total: u64,
    /// What programs can have without anything being swapped out.
    pub available: u64,
    /// A container's limit is what counts, not the machine.
    pub limited: bool,
}

pub(super) fn memory() -> Memory {
    let mut system = System::new();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let machine = Memory { total: system.total_memory(), available: system.available_memory(), limited: false };
    within(machine, system.cgroup_limits().as_ref())
}

/// In a container the machine's memory is not ours. What it has read of files counts as used there and is free for the
/// asking: only what its programs hold is not.
fn within(machine: Memory, limits: Option<&CGroupLimits>) -> Memory {
    match limits.filter(|limits| limits.total_memory < machine.total) {
        None => machine,
        Some(limits) => Memory {
            total: limits.total_memory,
            available: limits.total_memory.saturating_sub(limits.rss).min(machine.available),
            limited: true,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_has_its_limit_and_its_files_do_not_count() {
        let machine = Memory { total: 100, available: 60, limited: false };
        let limits = |total_memory| CGroupLimits { total_memory, free_memory: 5, free_swap: 0, rss: 10 };
        assert_eq!(within(machine, None), machine);
        assert_eq!(within(machine, Some(&limits(100))), machine, "no limit is told as all there is");
        assert_eq!(within(machine, Some(&limits(40))), Memory { total: 40, available: 30, limited: true });
        assert_eq!(within(machine, Some(&limits(90))).available, 60, "no more than the machine has");
    }
}
