//! The build, the processor, the memory, and what a model runs on.

use serde_json::json;

use crate::domain::model::Device;
use crate::domain::units::{bytes, many};
use crate::headless::doctor::check::Check;
use crate::machine::{self, Profile, simd};

const METAL: bool = cfg!(all(target_os = "macos", target_arch = "aarch64"));
const CUDA: bool = cfg!(feature = "cuda");
/// With less than this not even the starter has room.
const LITTLE_MEMORY: u64 = 500_000_000;
/// Where Linux has NVIDIA's driver.
const NVIDIA: &str = "/proc/driver/nvidia/version";

/// What was built.
pub(super) fn build() -> Check {
    let features: &[&str] = match (METAL, CUDA) {
        (true, _) => &["metal", "accelerate"],
        (_, true) => &["cuda"],
        _ => &[],
    };
    let compiled = if features.is_empty() { "processor only".to_owned() } else { features.join(", ") };
    let message = format!(
        "hobnob {} for {} {}: {compiled}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    let details = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "features": features,
        "debug": cfg!(debug_assertions),
    });
    if cfg!(debug_assertions) {
        Check::warning("build", format!("{message}, not optimised")).hint("use a release build: cargo build --release")
    } else {
        Check::ok("build", message)
    }
    .details(details)
}

pub(super) fn checks(device: Device) -> Vec<Check> {
    let (profile, budget) = (machine::profile(), machine::measure().budget(device));
    let threads = std::env::var("RAYON_NUM_THREADS").ok().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    let mut checks = vec![processor(&profile, simd::is_slow_build(), &simd::built_for(), &simd::unused())];
    checks.extend(few_threads(profile.threads, threads));
    checks.push(memory(&profile, budget));
    checks.push(gpu(budget, device, std::path::Path::new(NVIDIA).exists()));
    checks
}

fn processor(profile: &Profile, slow: bool, used: &[&str], unused: &[&str]) -> Check {
    let Profile { processor, threads, .. } = profile;
    let sets = if used.is_empty() { "plain instructions".to_owned() } else { used.join(", ") };
    let message = format!("{processor}, {}; this build uses {sets}", many(*threads, "thread"));
    let details = json!({ "name": processor, "threads": threads, "simd_used": used, "simd_unused": unused });
    if slow {
        Check::warning("processor", format!("{message}, and the processor has {}", unused.join(", "))).hint(
            "models run at a third of the speed: build it in its own folder, where .cargo/config.toml asks for \
             x86-64-v3, and without RUSTFLAGS, which would turn that off",
        )
    } else {
        Check::ok("processor", message)
    }
    .details(details)
}

/// Somebody has told the engine to use less than there is.
fn few_threads(there: usize, allowed: Option<usize>) -> Option<Check> {
    let allowed = allowed.filter(|allowed| *allowed < there)?;
    let message = format!("RAYON_NUM_THREADS lets the engine use {allowed} of {there}");
    Some(Check::note("threads", message).hint("unset it for the full speed"))
}

/// `budget` is what a model may take.
fn memory(profile: &Profile, budget: u64) -> Check {
    let Profile { total, available, limited, .. } = profile;
    let limit = if *limited { " (the limit of this container)" } else { "" };
    let message = format!("{}{limit}, {} free; a model may take {}", bytes(*total), bytes(*available), bytes(budget));
    let details = json!({
        "total_bytes": total,
        "available_bytes": available,
        "model_budget_bytes": budget,
        "container_limit": limited,
    });
    if budget < LITTLE_MEMORY {
        Check::warning("memory", message).hint("end other programs, or give the container more")
    } else {
        Check::ok("memory", message)
    }
    .details(details)
}

fn gpu(budget: u64, device: Device, nvidia: bool) -> Check {
    let chosen = if device == Device::Cpu { "cpu" } else { "auto" };
    let check = match (METAL, CUDA) {
        (true, _) | (_, true) if device == Device::Cpu => {
            Check::note("device", "the processor, as engine.device says, although this build can use the GPU")
                .hint("engine.device = \"auto\" uses it")
        }
        (true, _) => Check::ok("device", format!("Metal; the GPU may have {} of the memory", bytes(budget))),
        (_, true) => Check::ok("device", "CUDA, the processor where that is missing"),
        _ if nvidia => Check::note("device", "the processor; there is an NVIDIA GPU that this build can't use")
            .hint("with the CUDA toolkit: cargo build --release --features cuda"),
        _ => Check::ok("device", "the processor"),
    };
    check.details(json!({ "setting": chosen, "nvidia_driver": nvidia }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headless::doctor::check::Verdict;

    fn profile() -> Profile {
        Profile { processor: "Chip".into(), threads: 4, total: 8 << 30, available: 4 << 30, limited: true }
    }

    #[test]
    fn a_build_for_any_processor_is_told_what_it_misses() {
        let slow = processor(&profile(), true, &[], &["avx2", "fma"]);
        assert_eq!(slow.verdict, Verdict::Warning);
        assert!(slow.message.contains("avx2, fma"), "{}", slow.message);
        assert!(slow.hint.expect("what to do").contains(".cargo/config.toml"));
        let fast = processor(&profile(), false, &["avx2"], &["avx512f"]);
        assert_eq!((fast.verdict, fast.hint), (Verdict::Ok, None));
    }

    #[test]
    fn little_memory_and_few_threads_are_said() {
        assert_eq!(memory(&profile(), 100 << 20).verdict, Verdict::Warning);
        let enough = memory(&profile(), 4 << 30);
        assert_eq!(enough.verdict, Verdict::Ok);
        assert!(enough.message.contains("container"), "{}", enough.message);
        assert_eq!(few_threads(4, Some(4)), None);
        assert_eq!(few_threads(4, None), None);
        assert!(few_threads(4, Some(1)).expect("said").message.contains("1 of 4"));
    }

    #[test]
    fn a_gpu_that_is_not_used_is_said() {
        if METAL || CUDA {
            assert_eq!(gpu(1 << 30, Device::Cpu, true).verdict, Verdict::Note);
        } else {
            assert_eq!(gpu(1 << 30, Device::Auto, true).verdict, Verdict::Note);
            assert_eq!(gpu(1 << 30, Device::Auto, false).verdict, Verdict::Ok);
        }
    }
}
