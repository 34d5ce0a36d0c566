//! What a model has been measured to do on a machine: plain data, kept so that an expectation can give way to a figure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::machine::Machine;
use crate::domain::model::{Device, LoadSettings, LocalModel};
use crate::domain::stats::Spread;
use crate::domain::units::{ago, speed};

const CPU: &str = "CPU";

/// What a figure holds for. Anything else can be another speed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Processor and memory.
    pub machine: String,
    /// The MODEL that chooses it.
    pub model: String,
    /// Of its weights as the engine computes with them.
    pub quantisation: String,
    /// `CPU`, `Metal`, `CUDA`.
    pub device: String,
    /// The context that was wished for.
    pub context: u32,
}

/// One measurement of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    #[serde(flatten)]
    pub setup: Setup,
    /// When, in seconds since 1970.
    pub at: u64,
    /// The version of hobnob that measured.
    pub version: String,
    /// Loading into a new process.
    pub load_seconds: Option<f64>,
    /// The most that the engine's process has held, bytes.
    pub peak_memory: Option<u64>,
    /// Shortest prompt first.
    pub points: Vec<Point>,
}

/// Speeds with a prompt of one length.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub prompt_tokens: u32,
    pub first_token_seconds: Option<Spread>,
    /// Prompt tokens per second.
    pub prefill: Option<Spread>,
    /// Tokens per second after the first, behind such a prompt.
    pub decode: Option<Spread>,
}

/// A measurement, and how old it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    pub measured: Measured,
    pub age: Duration,
}

impl Measured {
    /// Tokens per second of an answer: behind the shortest prompt, where it is least the length that counts.
    #[must_use]
    pub fn decode(&self) -> Option<f64> {
        self.points.iter().find_map(|point| point.decode).map(|spread| spread.median)
    }

    /// Prompt tokens per second, at the length where it is best.
    #[must_use]
    pub fn prefill(&self) -> Option<f64> {
        self.points.iter().filter_map(|point| point.prefill).map(|spread| spread.median).max_by(f64::total_cmp)
    }
}

impl Remembered {
    /// `82 tok/s, reads 310 tok/s, measured 3 days ago`; nothing where no speed could be measured.
    #[must_use]
    pub fn in_words(&self) -> Option<String> {
        let decode = speed(self.measured.decode()?);
        let prefill = self.measured.prefill().map(|rate| format!(", reads {}", speed(rate))).unwrap_or_default();
        Some(format!("{decode}{prefill}, measured {}", ago(self.age)))
    }
}

/// The measurement that says most about a model as it would be loaded with `settings` on `machine`: in their quantisation and on
/// their device, with their context if there is one, else the newest.
#[must_use]
pub fn find<'a>(
    all: &'a [Remembered],
    model: &LocalModel,
    settings: LoadSettings,
    machine: Option<&Machine>,
) -> Option<&'a Remembered> {
    let gpu = machine.and_then(|machine| machine.gpu(settings.device)).map(|gpu| gpu.kind.label());
    // A GPU can be there that cannot be seen from here.
    let is_on_device = |device: &str| match settings.device {
        Device::Cpu => device == CPU,
        Device::Auto => gpu.is_none_or(|gpu| gpu == device),
    };
    let facts = model.facts.as_ref().ok()?;
    let quantisation = model.quantised_as(settings).unwrap_or_else(|| facts.quant.clone());
    let context = settings.context.min(facts.context);
    all.iter()
        .filter(|known| {
            let setup = &known.measured.setup;
            setup.model == model.reference
                && setup.quantisation == quantisation
                && is_on_device(&setup.device)
                && known.measured.decode().is_some()
        })
        .min_by_key(|known| {
            let setup = &known.measured.setup;
            (setup.device == CPU, setup.context != context, known.age)
        })
}

/// Adds a measurement; an older one of the same goes.
pub fn record(all: &mut Vec<Measured>, new: Measured) {
    all.retain(|old| old.setup != new.setup);
    all.push(new);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::machine::{Gpu, GpuKind};
    use crate::domain::model::{Format, ModelFacts};

    fn measured(device: &str, context: u32, decode: Option<f64>) -> Measured {
        let spread = |rate| Spread { median: rate, min: rate, max: rate };
        Measured {
            setup: Setup {
                machine: "Chip, 16 GB".into(),
                model: "starter".into(),
                quantisation: "Q4_1".into(),
                device: device.into(),
                context,
            },
            at: 1_700_000_000,
            version: "0.1.0".into(),
            load_seconds: Some(0.4),
            peak_memory: None,
            points: vec![
                Point { prompt_tokens: 64, first_token_seconds: None, prefill: Some(spread(90.0)), decode: None },
                Point {
                    prompt_tokens: 256,
                    first_token_seconds: None,
                    prefill: Some(spread(130.0)),
                    decode: decode.map(spread),
                },
                Point {
                    prompt_tokens: 1024,
                    first_token_seconds: None,
                    prefill: Some(spread(80.0)),
                    decode: Some(spread(40.0)),
                },
            ],
        }
    }

    fn known(device: &str, context: u32, days: u64) -> Remembered {
        Remembered { measured: measured(device, context, Some(72.4)), age: Duration::from_secs(days * 86_400) }
    }

    #[test]
    fn the_figure_in_words() {
        let known = known("CPU", 4096, 3);
        assert_eq!(known.in_words().as_deref(), Some("72 tok/s, reads 130 tok/s, measured 3 days ago"));
        let nothing = Measured { points: Vec::new(), ..known.measured };
        assert_eq!(Remembered { measured: nothing, age: Duration::ZERO }.in_words(), None);
        assert_eq!(measured("CPU", 4096, None).decode(), Some(40.0), "where the shorter ones gave none");
    }

    #[test]
    fn the_nearest_measurement_is_found() {
        let all = [known("CPU", 4096, 3), known("Metal", 4096, 2), known("Metal", 8192, 1)];
        let facts = ModelFacts { quant: "Q4_1".into(), context: 8192, ..ModelFacts::default() };
        let model = LocalModel {
            reference: "starter".into(),
            name: "Starter".into(),
            location: "/m.gguf".into(),
            format: Format::Gguf,
            bytes: 1,
            origin: "/".into(),
            quantise: None,
            cached: None,
            facts: Ok(facts.clone()),
        };
        let settings = |device, context| LoadSettings { context, device, ..LoadSettings::default() };
        let on = |machine: Option<&Machine>, device, context| {
            find(&all, &model, settings(device, context), machine).map(|known| known.age.as_secs() / 86_400)
        };
        let found = |device, context| on(None, device, context);
        assert_eq!(found(Device::Auto, 4096), Some(2));
        assert_eq!(found(Device::Auto, 1024), Some(1), "the newest where none has this context");
        assert_eq!(found(Device::Auto, 100_000), Some(1), "no more than the model has");
        assert_eq!(found(Device::Cpu, 8192), Some(3));
        let machine = |kind| Machine {
            total: 16 << 30,
            available: 8 << 30,
            gpu: Some(Gpu { kind, budget: 10 << 30 }),
            chip: None,
        };
        let (mac, cuda) = (machine(GpuKind::Metal), machine(GpuKind::Cuda));
        assert_eq!(on(Some(&mac), Device::Auto, 4096), Some(2));
        assert_eq!(on(Some(&mac), Device::Cpu, 4096), Some(3));
        assert_eq!(on(Some(&cuda), Device::Auto, 4096), None, "a GPU is not as fast as something else");
        let without = Machine { gpu: None, ..mac };
        assert_eq!(find(&all[..1], &model, settings(Device::Auto, 4096), Some(&without)), Some(&all[0]));
        let quant = ModelFacts { quant: "Q8_0".into(), ..facts };
        let other = LocalModel { facts: Ok(quant), ..model.clone() };
        assert_eq!(find(&all, &other, settings(Device::Auto, 4096), None), None);
        let other = LocalModel { reference: "other".into(), ..model.clone() };
        assert_eq!(find(&all, &other, settings(Device::Auto, 4096), None), None);
    }

    #[test]
    fn a_new_measurement_takes_the_place_of_the_old_one_of_the_same() {
        let mut all = vec![measured("CPU", 4096, Some(1.0)), measured("CPU", 8192, Some(2.0))];
        record(&mut all, measured("CPU", 4096, Some(3.0)));
        let kept: Vec<_> = all.iter().map(|m| (m.setup.context, m.decode())).collect();
        assert_eq!(kept, [(8192, Some(2.0)), (4096, Some(3.0))]);
    }
}
