//! How the next token is chosen. A patch holds what somebody said; a full set is what the engine gets.

use serde::{Deserialize, Serialize};

/// Sampling as far as it was said. Lower layers fill the rest.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamplingPatch {
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u32>,
    pub min_p: Option<f64>,
    pub repetition_penalty: Option<f64>,
}

impl SamplingPatch {
    /// This one's values, else `below`'s.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            temperature: self.temperature.or(below.temperature),
            top_p: self.top_p.or(below.top_p),
            top_k: self.top_k.or(below.top_k),
            min_p: self.min_p.or(below.min_p),
            repetition_penalty: self.repetition_penalty.or(below.repetition_penalty),
        }
    }

    /// What is in force for a model that recommends `recommended`.
    #[must_use]
    pub fn resolve(self, recommended: Self) -> Sampling {
        let said = self.over(recommended);
        Sampling {
            temperature: said.temperature.unwrap_or(Sampling::DEFAULT_TEMPERATURE),
            top_p: said.top_p.unwrap_or(Sampling::DEFAULT_TOP_P),
            top_k: said.top_k.filter(|k| *k > 0),
            min_p: said.min_p.filter(|p| *p > 0.0),
            repetition_penalty: said.repetition_penalty.filter(|p| (*p - 1.0).abs() > f64::EPSILON),
        }
    }
}

/// Sampling in force; `None` is off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// 0 is greedy: the most likely token, always.
    pub temperature: f64,
    pub top_p: f64,
    pub top_k: Option<u32>,
    pub min_p: Option<f64>,
    pub repetition_penalty: Option<f64>,
}

impl Sampling {
    pub const DEFAULT_TEMPERATURE: f64 = 0.7;
    pub const DEFAULT_TOP_P: f64 = 0.95;

    #[must_use]
    pub fn is_greedy(&self) -> bool {
        self.temperature <= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_person_beats_the_model_and_the_model_beats_us() {
        let said = SamplingPatch { temperature: Some(0.1), ..SamplingPatch::default() };
        let model = SamplingPatch { temperature: Some(0.6), top_k: Some(20), ..SamplingPatch::default() };
        let all = said.resolve(model);
        assert_eq!((all.temperature, all.top_k, all.top_p), (0.1, Some(20), Sampling::DEFAULT_TOP_P));
    }

    #[test]
    fn values_that_mean_off_are_off() {
        let said = SamplingPatch {
            top_k: Some(0),
            min_p: Some(0.0),
            repetition_penalty: Some(1.0),
            ..SamplingPatch::default()
        };
        let all = said.resolve(SamplingPatch { top_k: Some(40), ..SamplingPatch::default() });
        assert_eq!((all.top_k, all.min_p, all.repetition_penalty), (None, None, None));
    }
}
