//! What a machine has for a model: memory, and how fast it is read.

use serde::{Deserialize, Serialize};

use crate::domain::model::Device;

/// Memory that a model can use here, and on what it is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// All memory, bytes.
    pub total: u64,
    /// What programs can have of it now without anything being swapped out.
    pub available: u64,
    /// What a model is computed on unless the settings say otherwise.
    pub gpu: Option<Gpu>,
    /// Set on a Mac whose chip is known.
    pub chip: Option<Chip>,
}

/// A GPU that this build computes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    pub kind: GpuKind,
    /// Bytes that a model may take on it.
    pub budget: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GpuKind {
    Metal,
    Cuda,
}

impl GpuKind {
    /// As the engine calls what it computes on.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Metal => "Metal",
            Self::Cuda => "CUDA",
        }
    }
}

impl Machine {
    /// What computes when the settings say `device`: a GPU, or else the processor.
    #[must_use]
    pub fn gpu(&self, device: Device) -> Option<Gpu> {
        self.gpu.filter(|_| device == Device::Auto)
    }

    /// Bytes that a model may take where it is computed.
    #[must_use]
    pub fn budget(&self, device: Device) -> u64 {
        self.gpu(device).map_or(self.available, |gpu| gpu.budget)
    }
}

/// What of a Mac's memory its GPU may use, in bytes. `limit` is the system's setting for it; 0 leaves it to the system.
#[must_use]
pub fn metal_budget(total: u64, limit: u64) -> u64 {
    const SMALL: u64 = 36 << 30;
    match limit {
        // As the engine reckons, a little below what newer systems allow.
        0 if total <= SMALL => total / 3 * 2,
        0 => total / 4 * 3,
        limit => limit.min(total),
    }
}

/// A chip of Apple's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chip {
    /// The number after the M.
    pub generation: u8,
    pub size: ChipSize,
    /// Tells apart those that share a name.
    pub gpu_cores: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChipSize {
    Base,
    Pro,
    Max,
    Ultra,
}

impl ChipSize {
    fn label(self) -> &'static str {
        match self {
            Self::Base => "",
            Self::Pro => " Pro",
            Self::Max => " Max",
            Self::Ultra => " Ultra",
        }
    }
}

/// Gigabytes per second from the memory; of chips that share a name, the number of GPU cores from which the figure holds.
const BANDWIDTHS: &[(u8, ChipSize, u32, u32)] = &[
    (1, ChipSize::Base, 0, 68),
    (1, ChipSize::Pro, 0, 200),
    (1, ChipSize::Max, 0, 400),
    (1, ChipSize::Ultra, 0, 800),
    (2, ChipSize::Base, 0, 100),
    (2, ChipSize::Pro, 0, 200),
    (2, ChipSize::Max, 0, 400),
    (2, ChipSize::Ultra, 0, 800),
    (3, ChipSize::Base, 0, 100),
    (3, ChipSize::Pro, 0, 150),
    (3, ChipSize::Max, 0, 300),
    (3, ChipSize::Max, 40, 400),
    (3, ChipSize::Ultra, 0, 819),
    (4, ChipSize::Base, 0, 120),
    (4, ChipSize::Pro, 0, 273),
    (4, ChipSize::Max, 0, 410),
    (4, ChipSize::Max, 40, 546),
    (5, ChipSize::Base, 0, 153),
    (5, ChipSize::Pro, 0, 307),
    (5, ChipSize::Max, 0, 460),
    (5, ChipSize::Max, 40, 614),
];

impl Chip {
    /// Reads what the system calls the processor: `Apple M3 Max`.
    #[must_use]
    pub fn parse(brand: &str, gpu_cores: Option<u32>) -> Option<Self> {
        let mut words = brand.trim().strip_prefix("Apple M")?.split_whitespace();
        let generation = words.next()?.parse().ok()?;
        let size = match words.next() {
            None => ChipSize::Base,
            Some("Pro") => ChipSize::Pro,
            Some("Max") => ChipSize::Max,
            Some("Ultra") => ChipSize::Ultra,
            Some(_) => return None,
        };
        Some(Self { generation, size, gpu_cores })
    }

    /// Gigabytes per second; the lower figure where it can't be told which of two chips it is.
    #[must_use]
    pub fn bandwidth(self) -> Option<u32> {
        let cores = self.gpu_cores.unwrap_or(0);
        let fits = |(generation, size, from, _): &&(u8, ChipSize, u32, u32)| {
            *generation == self.generation && *size == self.size && *from <= cores
        };
        BANDWIDTHS.iter().filter(fits).map(|(.., bandwidth)| *bandwidth).max()
    }

    /// How much of the bandwidth is left when a model is read: the large chips are held up by other things first. As
    /// measured by many with llama.cpp on models of 1 to 32 billion parameters.
    #[must_use]
    pub fn efficiency(self) -> f64 {
        match (self.size, self.generation) {
            (ChipSize::Base | ChipSize::Pro, _) => 0.85,
            (ChipSize::Max | ChipSize::Ultra, ..=3) => 0.60,
            (ChipSize::Max | ChipSize::Ultra, _) => 0.75,
        }
    }

    #[must_use]
    pub fn name(self) -> String {
        format!("M{}{}", self.generation, self.size.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn the_system_names_its_chip() {
        let read = |brand| Chip::parse(brand, None).map(Chip::name);
        assert_eq!(read("Apple M1").as_deref(), Some("M1"));
        assert_eq!(read("Apple M4 Pro\n").as_deref(), Some("M4 Pro"));
        assert_eq!(read("Apple M2 Ultra").as_deref(), Some("M2 Ultra"));
        for other in ["Intel(R) Core(TM) i9-9880H CPU @ 2.30GHz", "Apple M", "Apple M4 Giga", "Apple processor", ""] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn chips_of_one_name_differ_by_their_cores() {
        let bandwidth = |brand, cores| Chip::parse(brand, cores).and_then(Chip::bandwidth);
        assert_eq!(bandwidth("Apple M1", Some(7)), Some(68));
        assert_eq!(bandwidth("Apple M3 Pro", None), Some(150));
        assert_eq!(bandwidth("Apple M3 Max", Some(30)), Some(300));
        assert_eq!(bandwidth("Apple M3 Max", Some(40)), Some(400));
        assert_eq!(bandwidth("Apple M4 Max", Some(32)), Some(410));
        assert_eq!(bandwidth("Apple M4 Max", Some(40)), Some(546));
        assert_eq!(bandwidth("Apple M4 Max", None), Some(410), "which of the two is not known");
        assert_eq!(bandwidth("Apple M4 Ultra", None), None, "there is none");
        assert_eq!(bandwidth("Apple M9", None), None, "not known yet");
    }

    #[test]
    fn a_mac_keeps_some_of_its_memory_from_the_gpu() {
        assert_eq!(metal_budget(24 * GIB, 0), 16 * GIB);
        assert_eq!(metal_budget(36 * GIB, 0), 24 * GIB);
        assert_eq!(metal_budget(64 * GIB, 0), 48 * GIB);
        assert_eq!(metal_budget(64 * GIB, 56 * GIB), 56 * GIB);
        assert_eq!(metal_budget(64 * GIB, 100 * GIB), 64 * GIB, "no more than there is");
    }

    #[test]
    fn the_settings_choose_the_memory() {
        let gpu = Gpu { kind: GpuKind::Cuda, budget: 8 * GIB };
        let machine = Machine { total: 32 * GIB, available: 20 * GIB, gpu: Some(gpu), chip: None };
        assert_eq!((machine.budget(Device::Auto), machine.budget(Device::Cpu)), (8 * GIB, 20 * GIB));
        let machine = Machine { gpu: None, ..machine };
        assert_eq!(machine.budget(Device::Auto), 20 * GIB);
    }
}
