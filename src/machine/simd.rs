//! The instructions for many numbers at once: those that this build uses, and those that the processor has. The engine's
//! kernels are chosen when it is compiled; nothing is looked up while it runs.

/// A set of instructions that makes a difference to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set {
    name: &'static str,
    built: bool,
    here: bool,
}

#[cfg(target_arch = "x86_64")]
fn sets() -> Vec<Set> {
    macro_rules! sets {
        ($($feature:tt),+) => {
            vec![$(Set {
                name: $feature,
                built: cfg!(target_feature = $feature),
                here: std::arch::is_x86_feature_detected!($feature),
            }),+]
        };
    }
    sets!("avx2", "fma", "f16c", "avx512f")
}

#[cfg(target_arch = "aarch64")]
fn sets() -> Vec<Set> {
    // Part of the architecture.
    vec![Set { name: "neon", built: cfg!(target_feature = "neon"), here: true }]
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn sets() -> Vec<Set> {
    Vec::new()
}

/// What this build uses.
#[must_use]
pub fn built_for() -> Vec<&'static str> {
    sets().iter().filter(|set| set.built).map(|set| set.name).collect()
}

/// What the processor has and this build does not use.
#[must_use]
pub fn unused() -> Vec<&'static str> {
    sets().iter().filter(|set| set.here && !set.built).map(|set| set.name).collect()
}

/// Whether the kernels are those for one number at a time, although the processor could do better.
#[must_use]
pub fn is_slow_build() -> bool {
    unused().contains(&"avx2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_uses_only_what_is_here() {
        let here = |name: &&str| sets().iter().any(|set| set.name == *name && set.here);
        assert!(built_for().iter().all(here), "it could not run");
        assert!(unused().iter().all(|name| !built_for().contains(name)));
        assert_eq!(is_slow_build(), cfg!(all(target_arch = "x86_64", not(target_feature = "avx2"))));
    }
}
