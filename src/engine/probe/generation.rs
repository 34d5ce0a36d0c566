//! `generation_config.json`: how a model's makers want it sampled. The engine reads the file too, and panics on one it
//! does not understand.

use std::path::Path;

use serde::Deserialize;

use super::fault::{Fault, Found};
use super::json;
use crate::domain::sampling::SamplingPatch;

pub(super) const FILE: &str = "generation_config.json";
const MOST_BYTES: u64 = 64 << 10;
/// Each is looked for among all words, of which there can be millions.
const MOST_ENDS: usize = 64;

/// The fields and types that the engine expects.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Generation {
    bos_token_id: Option<Ids>,
    eos_token_id: Option<Ids>,
    do_sample: Option<bool>,
    temperature: Option<f64>,
    top_k: Option<u64>,
    top_p: Option<f64>,
    min_p: Option<f64>,
    repetition_penalty: Option<f32>,
    #[serde(rename = "max_new_tokens")]
    _max_new_tokens: Option<u64>,
    #[serde(rename = "max_length")]
    _max_length: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Ids {
    One(u32),
    Many(Vec<u32>),
}

impl Ids {
    fn all(ids: Option<&Self>) -> &[u32] {
        match ids {
            None => &[],
            Some(Self::One(id)) => std::slice::from_ref(id),
            Some(Self::Many(ids)) => ids,
        }
    }
}

impl Generation {
    /// Reads the file in `folder`, if there is one.
    pub fn read(folder: &Path) -> Found<Self> {
        if !folder.join(FILE).exists() {
            return Ok(Self::default());
        }
        let read: Self = json::small(folder, FILE, MOST_BYTES)?;
        match read.looked_up().count() {
            count if count > MOST_ENDS => Err(Fault::Broken(format!(
                "{FILE} names {count} words that begin or end answers, more than any model's"
            ))),
            _ => Ok(read),
        }
    }

    /// Words that end an answer.
    pub fn ends(&self) -> &[u32] {
        Ids::all(self.eos_token_id.as_ref())
    }

    /// All words that the engine looks up.
    pub fn looked_up(&self) -> impl Iterator<Item = u32> {
        self.ends().iter().chain(Ids::all(self.bos_token_id.as_ref())).copied()
    }

    /// Values that make sense; the others are left to our own defaults.
    pub fn recommended(&self) -> SamplingPatch {
        let sampling = SamplingPatch {
            temperature: self.temperature.filter(|t| (0.0..=10.0).contains(t)),
            top_p: self.top_p.filter(|p| *p > 0.0 && *p <= 1.0),
            top_k: self.top_k.and_then(|k| u32::try_from(k).ok()),
            min_p: self.min_p.filter(|p| (0.0..=1.0).contains(p)),
            repetition_penalty: self.repetition_penalty.and_then(widen).filter(|p| *p > 0.0 && *p <= 10.0),
            ..SamplingPatch::default()
        };
        // Said outright, it means greedy. Not said at all it means nothing: makers rarely write it down.
        if self.do_sample == Some(false) {
            return SamplingPatch { temperature: Some(0.0), top_p: None, top_k: None, min_p: None, ..sampling };
        }
        sampling
    }
}

/// The fraction as it was written: 0.6 stays 0.6.
pub(super) fn widen(fraction: f32) -> Option<f64> {
    fraction.to_string().parse().ok().filter(|wide: &f64| wide.is_finite())
}
