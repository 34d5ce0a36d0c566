//! What this machine has for a model.

pub mod disk;
mod memory;
mod profile;
pub mod simd;
mod zone;

pub use self::profile::{Profile, profile};
pub use self::zone::zone;

use std::process::{Command, Stdio};

use self::memory::{Memory, memory};
use crate::domain::machine::{Chip, Gpu, GpuKind, Machine, metal_budget};

const GIB: u64 = 1 << 30;

/// Measures. Takes some milliseconds: not for the interface's own thread.
#[must_use]
pub fn measure() -> Machine {
    let Memory { total, available, .. } = memory();
    let is_mac = cfg!(all(target_os = "macos", target_arch = "aarch64"));
    let gpu = if is_mac {
        Some(Gpu { kind: GpuKind::Metal, budget: metal_budget(total, wired_limit()) })
    } else if cfg!(feature = "cuda") {
        nvidia_memory().map(|budget| Gpu { kind: GpuKind::Cuda, budget })
    } else {
        None
    };
    let chip = is_mac.then(chip).flatten();
    Machine { total, available, gpu, chip }
}

/// `iogpu.wired_limit_mb` in bytes; 0 where it isn't set or can't be read.
fn wired_limit() -> u64 {
    let told = said("/usr/sbin/sysctl", &["-n", "iogpu.wired_limit_mb"]);
    told.and_then(|text| text.trim().parse::<u64>().ok()).map_or(0, |mib| mib.saturating_mul(1 << 20))
}

fn chip() -> Option<Chip> {
    let brand = said("/usr/sbin/sysctl", &["-n", "machdep.cpu.brand_string"])?;
    let registry = said("/usr/sbin/ioreg", &["-rc", "AGXAccelerator", "-d", "1"]);
    Chip::parse(&brand, registry.as_deref().and_then(gpu_cores))
}

/// The cores of the GPU as the system's registry has them: `"gpu-core-count" = 40`.
fn gpu_cores(registry: &str) -> Option<u32> {
    let (_, rest) = registry.split_once("\"gpu-core-count\"")?;
    let digits: String = rest.trim_start_matches([' ', '=']).chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Free memory of the first NVIDIA card that CUDA is shown, which is the one that the engine takes.
fn nvidia_memory() -> Option<u64> {
    let visible = std::env::var("CUDA_VISIBLE_DEVICES").ok();
    let card = first_visible(visible.as_deref())?;
    first_card(&said("nvidia-smi", &["-i", card, "--query-gpu=memory.free", "--format=csv,noheader,nounits"])?)
}

/// The first of the cards in `CUDA_VISIBLE_DEVICES`, by its number or its name; all are visible where that is not set, and none
/// where it has none.
fn first_visible(cards: Option<&str>) -> Option<&str> {
    let Some(cards) = cards else { return Some("0") };
    let first = cards.split(',').next().unwrap_or_default().trim();
    (!first.is_empty() && !first.starts_with('-')).then_some(first)
}

fn first_card(told: &str) -> Option<u64> {
    told.lines().next()?.trim().parse::<u64>().ok()?.checked_mul(1 << 20)
}

/// What a program prints; `None` where it can't be run or fails.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_memory() {
        let machine = measure();
        assert!(machine.total > 0 && machine.available <= machine.total, "{machine:?}");
    }

    #[test]
    fn what_the_systems_tell_is_understood() {
        let registry = "+-o AGXAcceleratorG15X  <class AGXAcceleratorG15X>\n    {\n      \"gpu-core-count\" = 40\n";
        assert_eq!(gpu_cores(registry), Some(40));
        assert_eq!(gpu_cores("nothing of it"), None);
        assert_eq!(first_card("23028\n11264\n"), Some(23_028 << 20));
        assert_eq!(first_card("No devices were found\n"), None);
        assert_eq!(first_visible(None), Some("0"));
        assert_eq!(first_visible(Some("2,0")), Some("2"));
        assert_eq!(first_visible(Some(" GPU-8932f937-d72c-4106-c12f-20bd9faed9f6")).map(str::len), Some(40));
        assert_eq!((first_visible(Some("")), first_visible(Some("-1"))), (None, None), "none may be used");
        assert_eq!(said("/nowhere/at/all", &[]), None);
    }
}
