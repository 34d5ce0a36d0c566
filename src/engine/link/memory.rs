//! What the engine's process takes of the machine's memory.

/// Resident memory of a process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    pub now: u64,
    /// The most that it has ever had, where the system remembers that.
    pub peak: Option<u64>,
}

impl Memory {
    /// One small file is read: asked for this, a library would list every process of the machine, and it is asked for
    /// while an answer is made by all cores.
    #[cfg(target_os = "linux")]
    pub fn of(pid: u32) -> Option<Self> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        Some(Self { now: field(&status, "VmRSS:")?, peak: field(&status, "VmHWM:") })
    }

    /// On a Mac this leaves out what the GPU holds for the process and what the system has compressed: the figure that has
    /// both (`phys_footprint`) takes unsafe calls, and nothing decides by this one there while a model runs on the GPU.
    #[cfg(not(target_os = "linux"))]
    pub fn of(pid: u32) -> Option<Self> {
        use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

        let pid = Pid::from_u32(pid);
        let mut system = System::new();
        let what = ProcessRefreshKind::nothing().with_memory().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
        system.process(pid).map(|process| Self { now: process.memory(), peak: None })
    }
}

#[cfg(target_os = "linux")]
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1 << 10)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_had_no_less() {
        let Memory { now, peak } = Memory::of(std::process::id()).expect("it is there");
        assert!(now > 1 << 20, "{now}");
        assert!(peak.is_some_and(|peak| peak >= now), "{peak:?} of {now}");
        assert_eq!(Memory::of(u32::MAX), None);
    }

    #[test]
    fn a_field_is_read_in_bytes_or_not_at_all() {
        let status = "Name:\thobnob\nVmHWM:\t    2048 kB\nVmRSS:\t  12 MB\n";
        assert_eq!(field(status, "VmHWM:"), Some(2 << 20));
        assert_eq!(field(status, "VmRSS:"), None);
        assert_eq!(field(status, "VmSwap:"), None);
    }
}
