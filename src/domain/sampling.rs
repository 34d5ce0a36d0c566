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
    pub frequency_penalty: Option<f64>,
    pub presence_penalty: Option<f64>,
    pub dry_multiplier: Option<f64>,
    pub dry_base: Option<f64>,
    pub dry_allowed_length: Option<u32>,
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
            frequency_penalty: self.frequency_penalty.or(below.frequency_penalty),
            presence_penalty: self.presence_penalty.or(below.presence_penalty),
            dry_multiplier: self.dry_multiplier.or(below.dry_multiplier),
            dry_base: self.dry_base.or(below.dry_base),
            dry_allowed_length: self.dry_allowed_length.or(below.dry_allowed_length),
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
            frequency_penalty: said.frequency_penalty.filter(|p| p.abs() > f64::EPSILON),
            presence_penalty: said.presence_penalty.filter(|p| p.abs() > f64::EPSILON),
            dry: said.dry_multiplier.filter(|m| *m > 0.0).map(|multiplier| Dry {
                multiplier,
                base: said.dry_base.unwrap_or(Dry::DEFAULT_BASE),
                allowed_length: said.dry_allowed_length.unwrap_or(Dry::DEFAULT_ALLOWED_LENGTH),
            }),
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
    /// Taken from a token's score once for each time that the prompt or the answer has it.
    pub frequency_penalty: Option<f64>,
    /// Taken once, however often it was there.
    pub presence_penalty: Option<f64>,
    pub dry: Option<Dry>,
}

/// "Don't repeat yourself": a token that would go on with a sequence that was there before loses
/// `multiplier * base ^ (length of the sequence - allowed_length)`, if the sequence is that long.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Dry {
    pub multiplier: f64,
    pub base: f64,
    pub allowed_length: u32,
}

impl Dry {
    pub const DEFAULT_BASE: f64 = 1.75;
    pub const DEFAULT_ALLOWED_LENGTH: u32 = 2;
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
            frequency_penalty: Some(0.0),
            presence_penalty: Some(0.0),
            dry_multiplier: Some(0.0),
            dry_base: Some(2.0),
            ..SamplingPatch::default()
        };
        let all = said.resolve(SamplingPatch { top_k: Some(40), ..SamplingPatch::default() });
        assert_eq!((all.top_k, all.min_p, all.repetition_penalty), (None, None, None));
        assert_eq!((all.frequency_penalty, all.presence_penalty, all.dry), (None, None, None));
    }

    #[test]
    fn dry_is_on_by_its_multiplier_and_fills_in_the_rest() {
        let said = SamplingPatch { dry_multiplier: Some(0.8), dry_base: Some(2.0), ..SamplingPatch::default() };
        let dry = said.resolve(SamplingPatch::default()).dry;
        assert_eq!(dry, Some(Dry { multiplier: 0.8, base: 2.0, allowed_length: 2 }));
    }
}
