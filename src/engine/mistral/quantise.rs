//! In-place quantisation: what is made of the weights on their way in, and the copies that are kept of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use mistralrs::{Device, IsqType};

use crate::config::Paths;
use crate::domain::LoadStage;
use crate::domain::model::{Format, Gpu, ModelFacts, ModelSpec};
use crate::domain::quant::{self, KeptCopy, Quant};
use crate::engine::host::panic_text;
use crate::engine::kept::{self, Found, Wanted, Writing};
use crate::error::{ErrorKind, UserError};

/// Where the engine takes the weights from, and what it makes of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Weights {
    /// As they are stored.
    Stored,
    /// Quantised on the way, and written down if `keep` says where.
    Made { isq: IsqType, keep: Option<PathBuf> },
    /// Quantised before, by this engine; the first file.
    Uqff(PathBuf),
}

/// The quantisation that a model gets here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quantised {
    /// `None`: its weights stay as they are stored.
    made: Option<(Quant, IsqType)>,
    on: Gpu,
}

impl Quantised {
    /// # Errors
    /// What was asked for can't be made here.
    pub fn choose(spec: &ModelSpec, facts: &ModelFacts, on: Gpu) -> Result<Self, UserError> {
        let chosen = quant::choose(facts, spec.settings.quantise, on)?;
        Ok(Self { made: chosen.and_then(|quant| Some((quant, isq_type(quant)?))), on })
    }

    /// What is in force, in words.
    pub fn label(self, facts: &ModelFacts) -> String {
        self.made.map_or_else(|| facts.quant.clone(), |(quant, _)| quant.label_for(facts))
    }

    /// Has the weights loaded by `build`: from the kept copy where there is one, which is written where that is wished for.
    /// Also gives what there is of a copy now, and what went wrong with it: a copy never stands in the way of its source.
    pub fn weights<P>(
        self,
        spec: &ModelSpec,
        facts: &ModelFacts,
        tell: &Sender<LoadStage>,
        mut build: impl FnMut(&Weights) -> Result<P, UserError>,
    ) -> Result<(P, KeptCopy, Vec<UserError>), UserError> {
        let Some((quant, isq)) = self.made else {
            let (weights, notes) = match spec.format {
                Format::Uqff => (Weights::Uqff(spec.location.clone()), self.slow(spec, facts)),
                Format::Gguf | Format::Safetensors | Format::Script => (Weights::Stored, None),
            };
            return Ok((build(&weights)?, KeptCopy::None, notes.into_iter().collect()));
        };
        let plainly = Weights::Made { isq, keep: None };
        let Some(plain) = facts.plain.filter(|plain| plain.can_be_kept) else {
            let notes = if spec.settings.keep { vec![can_t_be_kept(spec)] } else { Vec::new() };
            return Ok((build(&plainly)?, KeptCopy::None, notes));
        };
        let root = Paths::resolve(&|name| std::env::var_os(name)).0.quantised_dir();
        kept::clear_unfinished(&root);
        let wanted = Wanted { root: &root, source: &spec.location, name: &spec.name, quant };
        let mut notes = Vec::new();
        match kept::find(wanted) {
            Found::Copy(copy) => match attempt(|| build(&Weights::Uqff(kept::first_part(&copy)))) {
                Ok(model) => return Ok((model, KeptCopy::Kept(copy), notes)),
                Err(error) => notes.push(kept::unusable(wanted, &copy, &format!("does not load ({})", error.message))),
            },
            // It is about to be replaced.
            Found::Stale(_) if spec.settings.keep => {}
            Found::Stale(error) => notes.push(error),
            Found::Nothing => {}
        }
        if spec.settings.keep {
            let size = quant::made_bytes(plain, quant);
            let kept = Writing::begin(wanted, size + size / 20).and_then(|writing| {
                let weights = Weights::Made { isq, keep: Some(writing.target()) };
                let model = watched(&writing, tell, || attempt(|| build(&weights)))
                    .map_err(|error| kept::not_written(&root, &error.message))?;
                Ok((model, writing.finish()))
            });
            match kept {
                Ok((model, Ok(copy))) => return Ok((model, KeptCopy::Kept(copy), notes)),
                Ok((model, Err(error))) => {
                    notes.push(error);
                    return Ok((model, KeptCopy::Possible, notes));
                }
                Err(error) => notes.push(error),
            }
        }
        Ok((build(&plainly)?, KeptCopy::Possible, notes))
    }
}

impl Quantised {
    /// A model that others have written down for GPUs works on the processor, at a fraction of its speed.
    fn slow(self, spec: &ModelSpec, facts: &ModelFacts) -> Option<UserError> {
        let for_gpus = ["AFQ", "HQQ", "FP8"].iter().any(|kind| facts.quant.starts_with(kind));
        (for_gpus && self.on == Gpu::None).then(|| {
            let message =
                format!("`{}` is quantised for GPUs ({}): the processor is slow with it", spec.name, facts.quant);
            UserError::new(ErrorKind::ModelUnsupported, message)
                .hint("the plain weights of the same model, loaded as `q4` or `q8`, are many times faster here")
        })
    }
}

fn can_t_be_kept(spec: &ModelSpec) -> UserError {
    UserError::new(
        ErrorKind::ModelUnsupported,
        format!("the engine can't write down what it makes of `{}`: it is quantised at each load", spec.name),
    )
    .hint("this is so for models with experts, and for those that look or listen")
}

/// A copy that can't be read is no reason to give up: not even if the engine panics over it.
fn attempt<P>(build: impl FnOnce() -> Result<P, UserError>) -> Result<P, UserError> {
    catch_unwind(AssertUnwindSafe(build))
        .unwrap_or_else(|panic| Err(UserError::new(ErrorKind::ModelBroken, panic_text(&*panic))))
}

/// The engine does not tell when it has read the weights and begins to write: the first file does.
fn watched<T>(writing: &Writing<'_>, tell: &Sender<LoadStage>, work: impl FnOnce() -> T) -> T {
    const LOOK: Duration = Duration::from_millis(50);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                if writing.has_begun() {
                    let _ = tell.send(LoadStage::Keeping);
                    return;
                }
                thread::park_timeout(LOOK);
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        result
    })
}

/// What the engine is told to make. `Quant::Bits` never gets here: the choice has made a kind of it.
fn isq_type(quant: Quant) -> Option<IsqType> {
    Some(match quant {
        Quant::Q4_0 => IsqType::Q4_0,
        Quant::Q4_1 => IsqType::Q4_1,
        Quant::Q5_0 => IsqType::Q5_0,
        Quant::Q5_1 => IsqType::Q5_1,
        Quant::Q8_0 => IsqType::Q8_0,
        Quant::Q2K => IsqType::Q2K,
        Quant::Q3K => IsqType::Q3K,
        Quant::Q4K => IsqType::Q4K,
        Quant::Q5K => IsqType::Q5K,
        Quant::Q6K => IsqType::Q6K,
        Quant::Afq(2) => IsqType::AFQ2,
        Quant::Afq(3) => IsqType::AFQ3,
        Quant::Afq(4) => IsqType::AFQ4,
        Quant::Afq(6) => IsqType::AFQ6,
        Quant::Afq(8) => IsqType::AFQ8,
        Quant::Hqq4 => IsqType::HQQ4,
        Quant::Hqq8 => IsqType::HQQ8,
        Quant::Fp8 => IsqType::F8E4M3,
        Quant::Afq(_) | Quant::Bits(_) => return None,
    })
}

/// What the model will be computed on.
pub(super) fn gpu(device: Option<&Device>) -> Gpu {
    match device {
        Some(device) if device.is_metal() => Gpu::Metal,
        Some(device) if device.is_cuda() => Gpu::Cuda,
        _ => Gpu::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::LoadSettings;
    use crate::domain::quant::{PlainWeights, Quantise};

    fn spec(format: Format, wish: &str) -> ModelSpec {
        ModelSpec {
            reference: "m".into(),
            name: "m".into(),
            location: "/m".into(),
            format,
            settings: LoadSettings { quantise: Quantise::parse(wish).expect("a name"), ..LoadSettings::default() },
        }
    }

    fn facts() -> ModelFacts {
        ModelFacts {
            quant: "BF16".into(),
            parameters: 3 << 30,
            plain: Some(PlainWeights { matrices: 3 << 30, rest: 0, row_unit: 256, can_be_kept: false }),
            ..ModelFacts::default()
        }
    }

    #[test]
    fn every_name_that_is_not_refused_has_a_type_of_the_engine() {
        for on in [Gpu::None, Gpu::Metal, Gpu::Cuda] {
            for name in Quantise::names() {
                let Ok(chosen) = Quantised::choose(&spec(Format::Safetensors, name), &facts(), on) else { continue };
                assert_eq!(chosen.made.is_none(), name == "none", "{name} on {on:?}");
                assert_eq!(chosen.label(&facts()) == "BF16", name == "none", "{name} on {on:?}");
            }
        }
    }

    #[test]
    fn weights_are_loaded_as_chosen() {
        let (tell, _told) = std::sync::mpsc::channel();
        let of = |spec: &ModelSpec, facts: &ModelFacts, on| {
            let chosen = Quantised::choose(spec, facts, on).expect("a choice");
            chosen.weights(spec, facts, &tell, |weights| Ok(weights.clone())).expect("loads")
        };
        let q4 = of(&spec(Format::Safetensors, "q4"), &facts(), Gpu::None);
        assert_eq!(q4, (Weights::Made { isq: IsqType::Q4K, keep: None }, KeptCopy::None, Vec::new()));
        let afq = of(&spec(Format::Safetensors, "auto"), &facts(), Gpu::Metal);
        assert_eq!(afq.0, Weights::Made { isq: IsqType::AFQ4, keep: None });
        assert_eq!(of(&spec(Format::Safetensors, "none"), &facts(), Gpu::None).0, Weights::Stored);
        let quantised = ModelFacts::default();
        assert_eq!(of(&spec(Format::Gguf, "q4"), &quantised, Gpu::None).0, Weights::Stored);
        let uqff = of(&spec(Format::Uqff, "q4"), &quantised, Gpu::None);
        assert_eq!((uqff.0, uqff.2), (Weights::Uqff("/m".into()), Vec::new()));
        let for_gpus = ModelFacts { quant: "AFQ4".into(), ..ModelFacts::default() };
        let notes = |on| of(&spec(Format::Uqff, "auto"), &for_gpus, on).2;
        assert!(notes(Gpu::None)[0].message.contains("the processor is slow"), "{:?}", notes(Gpu::None));
        assert_eq!(notes(Gpu::Metal), []);
        let mut keep = spec(Format::Safetensors, "q8");
        keep.settings.keep = true;
        let (_, copy, notes) = of(&keep, &facts(), Gpu::None);
        assert_eq!(copy, KeptCopy::None);
        assert!(notes[0].message.contains("can't write down"), "{notes:?}");
    }

    #[test]
    fn a_panic_over_a_copy_is_an_error() {
        let error = attempt(|| -> Result<(), _> { panic!("capacity overflow") }).expect_err("it panicked");
        assert_eq!(error.message, "capacity overflow");
    }
}
