//! Which quantisation is made of plain weights, and what it comes to in memory: pure functions of what is known before loading.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Quant, Quantise};
use crate::domain::model::{Gpu, LoadSettings, LocalModel, ModelFacts};
use crate::error::{ErrorKind, UserError};

/// Plain weights, as far as they matter for quantising them while they are loaded. A model that is quantised already has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlainWeights {
    /// Elements of the matrices that are quantised: the layers' and the output's, also where the output is the embedding again.
    pub matrices: u64,
    /// Elements that stay as they are: the embedding, norms, whatever looks or listens.
    pub rest: u64,
    /// The largest power of two, 256 at most, that the length of every matrix row is a multiple of.
    pub row_unit: u32,
    /// The engine can write the quantised model down, and load it from there.
    pub can_be_kept: bool,
}

/// Up to here eight bits cost little memory, and fewer would be heard in the answers.
const SMALL: u64 = 2_000_000_000;
/// Elements that share a scale: of the plain block types, of the K types, of AFQ and HQQ.
const BLOCK: u32 = 32;
const K_BLOCK: u32 = 256;
const GROUP: u32 = 64;

/// The quantisation that `wish` makes of a model on this processor; `None` leaves the weights as they are stored.
///
/// # Errors
/// What was asked for by name can't be made here.
pub fn choose(facts: &ModelFacts, wish: Quantise, on: Gpu) -> Result<Option<Quant>, Refusal> {
    let Some(plain) = facts.plain else { return Ok(None) };
    let bits = |bits| of_bits(bits, plain.row_unit, on);
    match wish {
        Quantise::Off => Ok(None),
        Quantise::Auto => Ok(bits(if facts.parameters <= SMALL { 8 } else { 4 })),
        Quantise::To(Quant::Bits(wanted)) => {
            bits(wanted).map(Some).ok_or_else(|| Refusal::new(wish, odd_rows(plain), on))
        }
        Quantise::To(quant) => match obstacle(quant, plain, on) {
            None => Ok(Some(quant)),
            Some(why) => Err(Refusal::new(wish, why, on)),
        },
    }
}

/// So many bits in the kind that is quick here. Where the rows do not fit the K types, the engine would take relatives that
/// its kernels are up to fifteen times slower with (`Q4_1`, `Q5_0`, `Q5_1`): `Q4_0` and `Q8_0` are the quick ones.
fn of_bits(bits: u8, row_unit: u32, on: Gpu) -> Option<Quant> {
    if on == Gpu::Metal && row_unit >= GROUP && matches!(bits, 2 | 3 | 4 | 6 | 8) {
        return Some(Quant::Afq(bits));
    }
    if row_unit < BLOCK {
        return None;
    }
    Some(match (bits, row_unit >= K_BLOCK) {
        (2, true) => Quant::Q2K,
        (3, true) => Quant::Q3K,
        (4, true) => Quant::Q4K,
        (5, true) => Quant::Q5K,
        (6, true) => Quant::Q6K,
        (2..=4, false) => Quant::Q4_0,
        _ => Quant::Q8_0,
    })
}

/// What keeps a kind that was named from being made.
fn obstacle(quant: Quant, plain: PlainWeights, on: Gpu) -> Option<String> {
    match quant {
        Quant::Afq(_) if on == Gpu::None => {
            Some("AFQ is for GPUs, and a processor would unpack all of the weights again for every token".to_owned())
        }
        Quant::Hqq4 | Quant::Hqq8 if on == Gpu::None => {
            Some("HQQ is for GPUs, and a processor would unpack all of the weights again for every token".to_owned())
        }
        Quant::Fp8 if on != Gpu::Cuda => {
            Some("FP8 is for NVIDIA GPUs, and elsewhere the weights would be unpacked again for every token".to_owned())
        }
        Quant::Afq(_) | Quant::Hqq4 | Quant::Hqq8 => (plain.row_unit < GROUP).then(|| odd_rows(plain)),
        Quant::Fp8 => None,
        _ => (plain.row_unit < BLOCK).then(|| odd_rows(plain)),
    }
}

fn odd_rows(plain: PlainWeights) -> String {
    format!("the rows of its weights can only be divided by {}, which is too little to share scales", plain.row_unit)
}

/// Why weights can't be quantised as they were to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    wish: Quantise,
    why: String,
    instead: &'static str,
}

impl Refusal {
    fn new(wish: Quantise, why: String, on: Gpu) -> Self {
        let instead = if on == Gpu::Metal { "`afq4`, `q8` or `none`" } else { "`q4`, `q8` or `none`" };
        Self { wish, why, instead }
    }

    /// In words, about the model that a person calls `name`.
    #[must_use]
    pub fn about(self, name: &str) -> UserError {
        let Self { wish, why, instead } = self;
        UserError::new(ErrorKind::ModelUnsupported, format!("`{name}` can't be quantised as {wish} here: {why}"))
            .hint(format!("take {instead} instead"))
    }
}

impl Quant {
    /// As a person knows it from file names: `Q4_K`, `AFQ4`, `FP8`.
    #[must_use]
    pub fn label(self) -> String {
        let name = Quantise::To(self).name();
        name.to_ascii_uppercase()
    }

    /// What the model comes to, in words. Where the rows do not fit a K type, some matrices get its relative.
    #[must_use]
    pub fn label_for(self, facts: &ModelFacts) -> String {
        match (facts.plain, self.relative()) {
            (Some(plain), Some(relative)) if plain.row_unit < K_BLOCK => {
                format!("{}/{}", self.label(), relative.label())
            }
            _ => self.label(),
        }
    }

    /// What the engine takes for rows that do not fit a K type.
    fn relative(self) -> Option<Self> {
        Some(match self {
            Self::Q2K | Self::Q3K => Self::Q4_0,
            Self::Q4K => Self::Q4_1,
            Self::Q5K => Self::Q5_0,
            Self::Q6K => Self::Q5_1,
            _ => return None,
        })
    }

    /// Bytes of so many elements.
    fn bytes(self, elements: u64) -> u64 {
        let (bytes, block) = match self {
            Self::Q4_0 => (18, 32),
            Self::Q4_1 => (20, 32),
            Self::Q5_0 => (22, 32),
            Self::Q5_1 => (24, 32),
            Self::Q8_0 => (34, 32),
            Self::Q2K => (84, 256),
            Self::Q3K => (110, 256),
            Self::Q4K => (144, 256),
            Self::Q5K => (176, 256),
            Self::Q6K => (210, 256),
            // A scale and an offset of two bytes each for a group.
            Self::Bits(bits) | Self::Afq(bits) => (u64::from(bits) * 8 + 4, 64),
            Self::Hqq4 => (36, 64),
            Self::Hqq8 => (68, 64),
            Self::Fp8 => (1, 1),
        };
        elements.div_ceil(block).saturating_mul(bytes)
    }
}

/// What is not quantised is computed with in so many bytes, however it is stored.
const PLAIN: u64 = 2;

/// Bytes of weights in memory once a model is loaded as wished: as stored where it is quantised already.
#[must_use]
pub fn quantised_bytes(facts: &ModelFacts, wish: Quantise, on: Gpu) -> u64 {
    match (facts.plain, choose(facts, wish, on)) {
        (None, _) => facts.bytes,
        (Some(plain), Ok(Some(quant))) => made_bytes(plain, quant),
        // What is refused is not loaded at all.
        (Some(_), Ok(None) | Err(_)) => facts.parameters.saturating_mul(PLAIN),
    }
}

/// Bytes of what is made of plain weights.
#[must_use]
pub fn made_bytes(plain: PlainWeights, quant: Quant) -> u64 {
    let quant = quant.relative().filter(|_| plain.row_unit < K_BLOCK).unwrap_or(quant);
    quant.bytes(plain.matrices).saturating_add(plain.rest.saturating_mul(PLAIN))
}

/// The model as it will be in memory, with nothing left to quantise: what its size and its speed are judged by.
#[must_use]
pub fn in_memory(facts: &ModelFacts, wish: Quantise, on: Gpu) -> Cow<'_, ModelFacts> {
    match (facts.plain, choose(facts, wish, on)) {
        (Some(plain), Ok(Some(quant))) => {
            let held = made_bytes(plain, quant);
            // What stays plain is mostly the embedding, of which a token needs one row.
            let per_token =
                share_of(facts.per_token, quant.bytes(plain.matrices), plain.matrices.saturating_mul(PLAIN));
            Cow::Owned(ModelFacts { bytes: held, held, per_token, plain: None, ..facts.clone() })
        }
        _ => Cow::Borrowed(facts),
    }
}

/// So much of `whole` as `part` is of `of`.
fn share_of(whole: u64, part: u64, of: u64) -> u64 {
    let share = u128::from(whole) * u128::from(part) / u128::from(of.max(1));
    u64::try_from(share).unwrap_or(whole)
}

impl LocalModel {
    /// What is wished for when this model is loaded: its own MODEL may say how it is quantised.
    #[must_use]
    pub fn settings(&self, settings: LoadSettings) -> LoadSettings {
        LoadSettings { quantise: self.quantise.unwrap_or(settings.quantise), ..settings }
    }

    /// The quantisation that is made of its plain weights on their way in, if any is.
    #[must_use]
    pub fn quantised_as(&self, settings: LoadSettings) -> Option<String> {
        let facts = self.facts.as_ref().ok()?;
        let settings = self.settings(settings);
        let quant = choose(facts, settings.quantise, Gpu::for_device(settings.device)).ok()??;
        Some(quant.label_for(facts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Llama 3.2 3B in BF16: the embedding is the output again.
    fn large() -> ModelFacts {
        let embedding = 128_256 * 3072;
        let parameters = 3_212_749_824;
        ModelFacts {
            parameters,
            bytes: parameters * 2,
            quant: "BF16".into(),
            plain: Some(PlainWeights { matrices: parameters, rest: embedding, row_unit: 256, can_be_kept: true }),
            ..ModelFacts::default()
        }
    }

    /// SmolLM2 135M: 576 wide.
    fn small() -> ModelFacts {
        ModelFacts {
            parameters: 134_515_008,
            bytes: 269_030_016,
            plain: Some(PlainWeights { matrices: 134_479_872, rest: 28_346_688, row_unit: 64, can_be_kept: true }),
            ..ModelFacts::default()
        }
    }

    fn odd() -> ModelFacts {
        let mut facts = small();
        facts.plain = facts.plain.map(|plain| PlainWeights { row_unit: 16, ..plain });
        facts
    }

    fn quantised() -> ModelFacts {
        ModelFacts { bytes: 98_362_432, quant: "Q4_1".into(), ..ModelFacts::default() }
    }

    const EVERYWHERE: [Gpu; 3] = [Gpu::None, Gpu::Metal, Gpu::Cuda];

    #[test]
    fn auto_follows_the_size_and_the_processor() {
        let auto = |facts: &ModelFacts, on| choose(facts, Quantise::Auto, on).expect("auto is never refused");
        assert_eq!(auto(&small(), Gpu::None), Some(Quant::Q8_0));
        assert_eq!(auto(&large(), Gpu::None), Some(Quant::Q4K));
        assert_eq!(auto(&large(), Gpu::Cuda), Some(Quant::Q4K));
        assert_eq!(auto(&small(), Gpu::Metal), Some(Quant::Afq(8)));
        assert_eq!(auto(&large(), Gpu::Metal), Some(Quant::Afq(4)));
        for on in EVERYWHERE {
            assert_eq!(auto(&quantised(), on), None);
            assert_eq!(auto(&odd(), on), None, "better whole than not at all");
            assert_eq!(choose(&large(), Quantise::Off, on), Ok(None));
        }
    }

    #[test]
    fn bits_mean_the_quick_kind_that_the_rows_fit() {
        let bits = |facts: &ModelFacts, bits, on| choose(facts, Quantise::To(Quant::Bits(bits)), on).ok().flatten();
        let on_cpu =
            |facts: &ModelFacts| [2, 3, 4, 5, 6, 8].map(|n| bits(facts, n, Gpu::None).expect("it can be made"));
        assert_eq!(on_cpu(&large()), [Quant::Q2K, Quant::Q3K, Quant::Q4K, Quant::Q5K, Quant::Q6K, Quant::Q8_0]);
        assert_eq!(on_cpu(&small()), [Quant::Q4_0, Quant::Q4_0, Quant::Q4_0, Quant::Q8_0, Quant::Q8_0, Quant::Q8_0]);
        assert_eq!(bits(&large(), 4, Gpu::Metal), Some(Quant::Afq(4)));
        assert_eq!(bits(&large(), 5, Gpu::Metal), Some(Quant::Q5K));
        let mut narrow = small();
        narrow.plain = narrow.plain.map(|plain| PlainWeights { row_unit: 32, ..plain });
        assert_eq!(bits(&narrow, 4, Gpu::Metal), Some(Quant::Q4_0));
        assert_eq!(bits(&odd(), 8, Gpu::None), None);
    }

    #[test]
    fn what_can_t_be_made_is_refused_with_another_way() {
        let refused = |facts: &ModelFacts, quant, on| choose(facts, Quantise::To(quant), on).err();
        for (facts, quant, on, says) in [
            (small(), Quant::Afq(4), Gpu::None, "AFQ is for GPUs"),
            (small(), Quant::Hqq8, Gpu::None, "HQQ is for GPUs"),
            (small(), Quant::Fp8, Gpu::None, "NVIDIA"),
            (small(), Quant::Fp8, Gpu::Metal, "NVIDIA"),
            (odd(), Quant::Q4_0, Gpu::Cuda, "divided by 16"),
            (odd(), Quant::Bits(8), Gpu::None, "divided by 16"),
            (odd(), Quant::Afq(4), Gpu::Metal, "divided by 16"),
        ] {
            let error = refused(&facts, quant, on).unwrap_or_else(|| panic!("{quant:?} on {on:?} is not refused"));
            let error = error.about("Tiny");
            assert!(error.message.contains(says) && error.message.contains("`Tiny`"), "{error}");
            assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("`none`")), "{error:?}");
        }
        assert_eq!(refused(&small(), Quant::Q4K, Gpu::None), None);
        assert_eq!(refused(&quantised(), Quant::Afq(4), Gpu::None), None, "there is nothing to quantise");
    }

    #[test]
    fn a_label_says_what_the_rows_come_to() {
        assert_eq!(Quant::Q4K.label_for(&large()), "Q4_K");
        assert_eq!(Quant::Q4K.label_for(&small()), "Q4_K/Q4_1");
        assert_eq!((Quant::Q8_0.label_for(&small()), Quant::Afq(4).label()), ("Q8_0".into(), "AFQ4".into()));
    }

    #[test]
    fn sizes_are_those_of_the_blocks() {
        let bytes =
            |facts: &ModelFacts, name| quantised_bytes(facts, Quantise::parse(name).expect("a name"), Gpu::None);
        let rest = 128_256 * 3072 * 2;
        assert_eq!(bytes(&large(), "none"), 3_212_749_824 * 2);
        assert_eq!(bytes(&large(), "q4"), 3_212_749_824 / 256 * 144 + rest);
        assert_eq!(bytes(&large(), "q8"), 3_212_749_824 / 32 * 34 + rest);
        assert_eq!(bytes(&small(), "q4_k"), 134_479_872 / 32 * 20 + 28_346_688 * 2, "as its relative");
        assert_eq!(bytes(&quantised(), "q8"), 98_362_432);
        // Stored in four bytes each, and computed with in two.
        let whole = ModelFacts { bytes: 538_060_032, ..small() };
        assert_eq!(bytes(&whole, "none"), 269_030_016);
        let afq = quantised_bytes(&large(), Quantise::To(Quant::Afq(4)), Gpu::Metal);
        assert_eq!(afq, 3_212_749_824 / 64 * 36 + rest);
        let read = ModelFacts { held: large().bytes, per_token: large().bytes, ..large() };
        let q4 = in_memory(&read, Quantise::To(Quant::Q4K), Gpu::None);
        assert_eq!((q4.held, q4.per_token), (bytes(&large(), "q4"), 3_212_749_824 / 256 * 144));
        assert_eq!(*in_memory(&read, Quantise::Off, Gpu::None), read);
        assert_eq!(*in_memory(&quantised(), Quantise::Auto, Gpu::None), quantised());
    }
}
