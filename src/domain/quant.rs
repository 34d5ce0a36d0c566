//! In-place quantisation: what plain weights are turned into while they are loaded.

mod choice;

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use self::choice::{PlainWeights, Refusal, choose, in_memory, made_bytes, quantised_bytes};

/// What is wished for. Weights that are quantised already stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantise {
    /// What suits the device and the size of the model.
    #[default]
    Auto,
    /// The weights stay as they are stored.
    Off,
    To(Quant),
}

/// A kind of quantisation that the engine can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quant {
    /// So many bits, in the kind that suits the device.
    Bits(u8),
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
    /// Apple's affine quantisation, of so many bits.
    Afq(u8),
    Hqq4,
    Hqq8,
    Fp8,
}

/// Every name, in the order in which it is offered.
const NAMES: &[(&str, Quantise)] = &[
    ("auto", Quantise::Auto),
    ("none", Quantise::Off),
    ("q2", Quantise::To(Quant::Bits(2))),
    ("q3", Quantise::To(Quant::Bits(3))),
    ("q4", Quantise::To(Quant::Bits(4))),
    ("q5", Quantise::To(Quant::Bits(5))),
    ("q6", Quantise::To(Quant::Bits(6))),
    ("q8", Quantise::To(Quant::Bits(8))),
    ("q4_0", Quantise::To(Quant::Q4_0)),
    ("q4_1", Quantise::To(Quant::Q4_1)),
    ("q5_0", Quantise::To(Quant::Q5_0)),
    ("q5_1", Quantise::To(Quant::Q5_1)),
    ("q8_0", Quantise::To(Quant::Q8_0)),
    ("q2_k", Quantise::To(Quant::Q2K)),
    ("q3_k", Quantise::To(Quant::Q3K)),
    ("q4_k", Quantise::To(Quant::Q4K)),
    ("q5_k", Quantise::To(Quant::Q5K)),
    ("q6_k", Quantise::To(Quant::Q6K)),
    ("afq2", Quantise::To(Quant::Afq(2))),
    ("afq3", Quantise::To(Quant::Afq(3))),
    ("afq4", Quantise::To(Quant::Afq(4))),
    ("afq6", Quantise::To(Quant::Afq(6))),
    ("afq8", Quantise::To(Quant::Afq(8))),
    ("hqq4", Quantise::To(Quant::Hqq4)),
    ("hqq8", Quantise::To(Quant::Hqq8)),
    ("fp8", Quantise::To(Quant::Fp8)),
];

/// What folders begin with that are no kept copy yet, or none any more.
pub const UNFINISHED_COPY: &str = ".unfinished-";

/// What there is of a copy of weights that were quantised while they were loaded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptCopy {
    /// Nothing to keep: the weights are as they are stored, or can't be written down.
    #[default]
    None,
    /// None yet; the next load would be quicker with one.
    Possible,
    /// In this folder. It was loaded, or has just been written.
    Kept(PathBuf),
}

impl Quantise {
    /// Reads a name as it stands after a model's colon or in the config file; `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        NAMES.iter().find(|(name, _)| *name == text).map(|(_, quantise)| *quantise)
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, quantise)| *quantise == self).map_or("auto", |(name, _)| name)
    }

    /// All names, for lists and messages.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }
}

impl fmt::Display for Quantise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for name in Quantise::names() {
            assert_eq!(Quantise::parse(name).map(Quantise::name), Some(name));
        }
        assert_eq!(Quantise::parse(" Q4_K "), Some(Quantise::To(Quant::Q4K)));
        assert_eq!((Quantise::parse("q9"), Quantise::parse("")), (None, None));
    }
}
