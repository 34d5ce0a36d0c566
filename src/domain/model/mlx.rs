//! Weights made for Apple's MLX: where they run, and how well.

use super::{Device, ModelFacts};
use crate::error::{ErrorKind, UserError};

/// What a build of this program can compute on beside the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gpu {
    None,
    Metal,
    Cuda,
}

impl Gpu {
    pub const OF_THIS_BUILD: Self = if cfg!(all(target_os = "macos", target_arch = "aarch64")) {
        Self::Metal
    } else if cfg!(feature = "cuda") {
        Self::Cuda
    } else {
        Self::None
    };

    /// What of it a model is computed on.
    #[must_use]
    pub fn for_device(device: Device) -> Self {
        if device == Device::Cpu { Self::None } else { Self::OF_THIS_BUILD }
    }
}

impl ModelFacts {
    /// What is good to know before the model is loaded onto `device`.
    #[must_use]
    pub fn caution(&self, device: Device) -> Option<&'static str> {
        self.caution_with(Gpu::OF_THIS_BUILD, device)
    }

    fn caution_with(&self, gpu: Gpu, device: Device) -> Option<&'static str> {
        let on_the_processor = gpu == Gpu::None || device == Device::Cpu;
        (self.mlx && on_the_processor && gpu != Gpu::Metal).then_some(
            "its weights are made for Apple's GPUs and are unpacked anew for every word here: slow; \
             a GGUF file of this model is many times faster",
        )
    }

    /// Can the model of this `name` be computed on `device`?
    ///
    /// # Errors
    /// Why not, and what to do.
    pub fn check_device(&self, name: &str, device: Device) -> Result<(), UserError> {
        self.check_device_with(Gpu::OF_THIS_BUILD, name, device)
    }

    fn check_device_with(&self, gpu: Gpu, name: &str, device: Device) -> Result<(), UserError> {
        if self.mlx && gpu == Gpu::Metal && device == Device::Cpu {
            return Err(UserError::new(
                ErrorKind::ModelUnsupported,
                format!(
                    "{name} can't run on the processor: its weights are quantised for MLX, which on a Mac takes the GPU"
                ),
            )
            .hint("set `engine.device` to `auto`, or take a GGUF file of this model"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mlx_runs_on_every_device_but_the_processor_of_a_mac() {
        let mlx = ModelFacts { mlx: true, ..ModelFacts::default() };
        let other = ModelFacts::default();
        let cases = [
            // Build, device: does it run, and is there a caution?
            (Gpu::None, Device::Auto, true, true),
            (Gpu::None, Device::Cpu, true, true),
            (Gpu::Cuda, Device::Auto, true, false),
            (Gpu::Cuda, Device::Cpu, true, true),
            (Gpu::Metal, Device::Auto, true, false),
            (Gpu::Metal, Device::Cpu, false, false),
        ];
        for (gpu, device, runs, cautious) in cases {
            let found = mlx.check_device_with(gpu, "m", device);
            assert_eq!(found.is_ok(), runs, "{gpu:?} {device:?}");
            assert!(found.err().is_none_or(|error| error.hint.is_some_and(|hint| hint.contains("engine.device"))));
            assert_eq!(mlx.caution_with(gpu, device).is_some(), cautious, "{gpu:?} {device:?}");
            assert!(other.check_device_with(gpu, "m", device).is_ok());
            assert_eq!(other.caution_with(gpu, device), None);
        }
    }
}
