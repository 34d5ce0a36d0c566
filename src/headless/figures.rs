//! What `--stats` says of an answer.

use std::time::Duration;

use crate::domain::model::ModelInfo;
use crate::domain::stats::{GenStats, Usage};

/// A wait for others' answers that is shorter is none.
const WORTH_A_WORD: Duration = Duration::from_millis(100);

/// `queued` is how long others were answered first; `whole` all that it took, loading included.
pub(super) fn figures(info: &ModelInfo, usage: &Usage, stats: &GenStats, queued: Duration, whole: Duration) -> String {
    let waited = match queued {
        queued if queued < WORTH_A_WORD => String::new(),
        queued => format!("waited {:.2} s for its turn; ", queued.as_secs_f64()),
    };
    let rate = |rate: Option<f64>| rate.map_or_else(|| "unknown".to_owned(), |rate| format!("{rate:.1} tok/s"));
    format!(
        "{} ({}) on {}: loaded in {:.2} s; {waited}prompt {} tokens, {}; first token after {}; answer {} tokens, {}; {:.2} s in all",
        info.name,
        info.quant,
        info.device,
        info.load_time.as_secs_f64(),
        usage.prompt_tokens,
        rate(stats.prefill_rate(usage)),
        stats.first_token.map_or_else(|| "unknown".to_owned(), |t| format!("{:.2} s", t.as_secs_f64())),
        usage.completion_tokens,
        rate(stats.decode_rate(usage)),
        whole.as_secs_f64(),
    )
}
