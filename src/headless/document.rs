//! The documents of `--json` and `--jsonl`, as scripts may rely on them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::domain::FinishReason;
use crate::domain::fit::Fit;
use crate::domain::stats::{GenStats, Usage};
use crate::error::UserError;

/// An answer and its figures; what is not known is null.
pub(super) struct Result<'a> {
    pub model: &'a str,
    pub session: Option<String>,
    pub content: &'a str,
    pub reasoning: Option<&'a str>,
    pub reason: FinishReason,
    pub usage: Option<Usage>,
    pub load: Duration,
    pub stats: Option<GenStats>,
}

impl Result<'_> {
    pub fn to_json(&self) -> Value {
        let usage = self.usage.as_ref();
        let stats = self.stats.as_ref();
        let rate = |of: fn(&GenStats, &Usage) -> Option<f64>| stats.zip(usage).and_then(|(s, u)| of(s, u)).map(rounded);
        json!({
            "model": self.model,
            "session": self.session,
            "content": self.content,
            "reasoning": self.reasoning,
            "finish_reason": self.reason.as_str(),
            "usage": {
                "prompt_tokens": usage.map(|u| u.prompt_tokens),
                "cached_tokens": usage.and_then(|u| u.cached_tokens),
                "completion_tokens": usage.map(|u| u.completion_tokens),
                "total_tokens": usage.map(Usage::total),
            },
            "timing": {
                "load_ms": millis(self.load),
                "ttft_ms": stats.and_then(|s| s.first_token).map(millis),
                "prefill_tokens_per_second": rate(GenStats::prefill_rate),
                "decode_tokens_per_second": rate(GenStats::decode_rate),
                "total_ms": stats.map(|s| millis(s.total)),
            },
        })
    }
}

/// What it takes to load a model, and how fast that should be.
#[must_use]
pub(super) fn fit(fit: &Fit, tokens_per_second: Option<f64>) -> Value {
    json!({
        "verdict": fit.verdict,
        "context": fit.context,
        "needed_bytes": fit.needed,
        "budget_bytes": fit.budget,
        "largest_context": fit.largest_context,
        "expected_tokens_per_second": tokens_per_second.map(f64::round),
    })
}

/// `{"error": …}`.
#[must_use]
pub(super) fn error(error: &UserError) -> Value {
    json!({ "error": { "kind": error.kind.as_str(), "message": error.message, "hint": error.hint } })
}

/// A line of `--jsonl`: the event's name, then its fields.
#[must_use]
pub(super) fn event(name: &str, fields: Value) -> Value {
    let mut line = serde_json::Map::new();
    line.insert("event".into(), name.into());
    if let Value::Object(fields) = fields {
        line.extend(fields);
    }
    Value::Object(line)
}

pub(super) fn millis(time: Duration) -> f64 {
    rounded(time.as_secs_f64() * 1000.0)
}

/// Microseconds and thousandths of a token are noise.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
