//! The figures of a measurement: for people as a table, for scripts as one document, and to be kept.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::domain::FinishReason;
use crate::domain::measured::{Measured, Point, Setup};
use crate::domain::model::{ModelInfo, ModelSpec};
use crate::domain::stats::{GenStats, Spread, Usage};
use crate::domain::units::{bytes, many};
use crate::error::UserError;
use crate::headless::bench::plan::{LeftOut, Plan, times};
use crate::headless::console::Console;
use crate::headless::document::{self, millis, rounded};
use crate::headless::models::facts_to_json;
use crate::headless::table::{Column, table};
use crate::machine::{Profile, simd};
use crate::measurements::seconds_since_1970;
use crate::text::sanitize;

/// One answer.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// The length of the prompt that was wanted.
    pub asked: u32,
    pub reason: FinishReason,
    pub usage: Usage,
    pub stats: GenStats,
}

impl Run {
    pub fn to_json(&self) -> Value {
        json!({
            "asked_prompt_tokens": self.asked,
            "prompt_tokens": self.usage.prompt_tokens,
            "cached_tokens": self.usage.cached_tokens,
            "completion_tokens": self.usage.completion_tokens,
            "finish_reason": self.reason.as_str(),
            "ttft_ms": self.stats.first_token.map(millis),
            "prefill_tokens_per_second": self.stats.prefill_rate(&self.usage).map(rounded),
            "decode_tokens_per_second": self.stats.decode_rate(&self.usage).map(rounded),
            "total_ms": millis(self.stats.total),
        })
    }
}

impl LeftOut {
    pub fn to_json(&self) -> Value {
        json!({ "prompt_tokens": self.prompt, "entirely": self.entirely, "why": self.why })
    }
}

/// All that was found out.
pub(super) struct Report {
    spec: ModelSpec,
    info: ModelInfo,
    machine: Profile,
    /// Times of loading into a new process.
    loads: Vec<Duration>,
    pub plan: Plan,
    pub runs: Vec<Run>,
    pub peak_memory: Option<u64>,
}

impl Report {
    pub fn new(spec: ModelSpec, info: ModelInfo, machine: Profile, loads: Vec<Duration>, plan: Plan) -> Self {
        Self { spec, info, machine, loads, plan, runs: Vec::new(), peak_memory: None }
    }

    /// The runs of each length, shortest first.
    fn points(&self) -> impl Iterator<Item = (Point, Vec<&Run>)> {
        self.plan.prompts.iter().filter_map(|asked| {
            let runs: Vec<&Run> = self.runs.iter().filter(|run| run.asked == *asked).collect();
            let spread = |of: fn(&Run) -> Option<f64>| Spread::of(runs.iter().filter_map(|run| of(run)));
            let point = Point {
                prompt_tokens: runs.first()?.usage.prompt_tokens,
                first_token_seconds: spread(|run| run.stats.first_token.map(|time| time.as_secs_f64())),
                prefill: spread(|run| run.stats.prefill_rate(&run.usage)),
                decode: spread(|run| run.stats.decode_rate(&run.usage)),
            };
            Some((point, runs))
        })
    }

    fn load_seconds(&self) -> Option<Spread> {
        Spread::of(self.loads.iter().map(Duration::as_secs_f64))
    }

    /// What is worth keeping; nothing without the speed of an answer.
    pub fn measured(&self, at: u64) -> Option<Measured> {
        let measured = Measured {
            setup: Setup {
                machine: self.machine.name(),
                model: self.spec.reference.clone(),
                quantisation: self.info.quant.clone(),
                device: self.info.device.clone(),
                context: self.spec.settings.context,
            },
            at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            load_seconds: self.load_seconds().map(|spread| spread.median),
            peak_memory: self.peak_memory,
            points: self.points().map(|(point, _)| point).collect(),
        };
        measured.decode().is_some().then_some(measured)
    }

    /// `ended`: why it ended before its time.
    pub fn to_json(&self, ended: Option<&UserError>) -> Value {
        let spread = |spread: Option<Spread>, scale: f64| {
            spread.map(|Spread { median, min, max }| {
                json!({ "median": rounded(median * scale), "min": rounded(min * scale), "max": rounded(max * scale) })
            })
        };
        let points: Vec<Value> = self
            .points()
            .map(|(point, runs)| {
                json!({
                    "prompt_tokens": point.prompt_tokens,
                    "ttft_ms": spread(point.first_token_seconds, 1000.0),
                    "prefill_tokens_per_second": spread(point.prefill, 1.0),
                    "decode_tokens_per_second": spread(point.decode, 1.0),
                    "runs": runs.iter().map(|run| run.to_json()).collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "measured_at": seconds_since_1970(),
            "model": {
                "reference": self.spec.reference,
                "name": self.spec.name,
                "path": self.spec.location,
                "format": self.spec.format,
                "facts": facts_to_json(&self.info.facts),
            },
            "device": self.info.device,
            "quantisation": self.info.quant,
            "machine": {
                "name": self.machine.name(),
                "processor": self.machine.processor,
                "threads": self.machine.threads,
                "memory_bytes": self.machine.total,
                "os": std::env::consts::OS,
                "arch": std::env::consts::ARCH,
                "simd": simd::built_for(),
            },
            "settings": {
                "context": self.info.context,
                "device": self.spec.settings.device,
                "quantise": self.spec.settings.quantise.name(),
                "kv_cache": self.spec.settings.kv_cache,
                "prompts": self.plan.prompts,
                "tokens": self.plan.tokens,
                "repeats": self.plan.repeats,
            },
            "load": {
                "ms": spread(self.load_seconds(), 1000.0),
                "runs_ms": self.loads.iter().copied().map(millis).collect::<Vec<_>>(),
            },
            "points": points,
            "left_out": self.plan.left_out.iter().map(LeftOut::to_json).collect::<Vec<_>>(),
            "peak_memory_bytes": self.peak_memory,
            "ended_early": ended.map(|error| document::error(error)["error"].take()),
        })
    }

    /// For people. `early`: it was ended before its time.
    pub fn page(&self, console: Console, early: bool) -> String {
        let Self { info, machine, plan, .. } = self;
        let mut out = String::new();
        let _ = writeln!(
            out,
            "{}: {} on {}, context {}",
            sanitize(&self.spec.reference),
            sanitize(&info.quant),
            info.device,
            info.context
        );
        let _ = writeln!(
            out,
            "{}",
            console.paint(
                &sanitize(&format!(
                    "{}, {}, {}; hobnob {}",
                    machine.processor,
                    many(machine.threads, "thread"),
                    bytes(machine.total),
                    env!("CARGO_PKG_VERSION")
                )),
                "2"
            )
        );
        out.push('\n');
        self.table(&mut out, console);
        out.push('\n');
        if let Some(load) = self.load_seconds() {
            let _ = writeln!(out, "loaded in {}", in_words(load, |seconds| format!("{seconds:.2}"), " s"));
        }
        if let Some(peak) = self.peak_memory {
            let _ = writeln!(out, "peak memory {} (the engine's process)", bytes(peak));
        }
        let _ = writeln!(out, "each {} after a warm-up: the median (least–most)", times(plan.repeats));
        for left in &plan.left_out {
            let what = if left.entirely { "left out: " } else { "" };
            let _ = writeln!(out, "{what}a prompt of {} tokens: {}", left.prompt, left.why);
        }
        let short = self.runs.iter().filter(|run| run.usage.completion_tokens < plan.tokens).count();
        if short > 0 {
            let _ = writeln!(
                out,
                "{short} of {} answers ended before {} tokens by themselves",
                self.runs.len(),
                plan.tokens
            );
        }
        if early {
            out.push_str("ended early: these figures are not kept\n");
        }
        out
    }

    fn table(&self, out: &mut String, console: Console) {
        let columns = [
            Column::right("PROMPT", 0),
            Column::left("READS, tok/s", 0),
            Column::left("FIRST TOKEN, s", 0),
            Column::left("MAKES, tok/s", 0),
        ];
        let cell = |spread: Option<Spread>, digits: usize| {
            spread.map_or_else(|| "-".to_owned(), |spread| in_words(spread, |value| format!("{value:.digits$}"), ""))
        };
        let row = |point: &Point| {
            vec![
                point.prompt_tokens.to_string(),
                cell(point.prefill, 1),
                cell(point.first_token_seconds, 2),
                cell(point.decode, 1),
            ]
        };
        let rows: Vec<Vec<String>> = self.points().map(|(point, _)| row(&point)).collect();
        out.push_str(&table(&columns, &rows, console.columns(), &|_, _, cell| cell.to_owned()));
    }
}

/// `72.1 (70.0–73.3)`; a single figure stands alone.
fn in_words(spread: Spread, show: impl Fn(f64) -> String, unit: &str) -> String {
    let (median, min, max) = (show(spread.median), show(spread.min), show(spread.max));
    if min == max { format!("{median}{unit}") } else { format!("{median}{unit} ({min}–{max})") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::{Format, LoadSettings, ModelFacts};
    use crate::domain::quant::KeptCopy;
    use crate::error::ErrorKind;
    use crate::headless::bench::plan::Wish;

    fn run(asked: u32, first_ms: u64, decode_ms: u64, tokens: u32) -> Run {
        Run {
            asked,
            reason: FinishReason::Length,
            usage: Usage { prompt_tokens: asked, cached_tokens: None, completion_tokens: tokens },
            stats: GenStats {
                first_token: Some(Duration::from_millis(first_ms)),
                decode: Duration::from_millis(decode_ms),
                total: Duration::from_millis(first_ms + decode_ms),
            },
        }
    }

    fn report() -> Report {
        let spec = ModelSpec {
            reference: "starter".into(),
            name: "SmolLM2".into(),
            location: "/m.gguf".into(),
            format: Format::Gguf,
            settings: LoadSettings { context: 512, ..LoadSettings::default() },
        };
        let info = ModelInfo {
            reference: "starter".into(),
            name: "SmolLM2".into(),
            facts: ModelFacts { quant: "Q4_1".into(), context: 8192, ..ModelFacts::default() },
            context: 512,
            device: "CPU".into(),
            quant: "Q4_1".into(),
            copy: KeptCopy::default(),
            notes: Vec::new(),
            load_time: Duration::from_millis(450),
        };
        let machine =
            Profile { processor: "Chip".into(), threads: 2, total: 8 << 30, available: 4 << 30, limited: false };
        let plan = Plan::new(&Wish::default(), 512).expect("fits");
        let loads = vec![Duration::from_millis(440), Duration::from_millis(460), Duration::from_millis(450)];
        let mut report = Report::new(spec, info, machine, loads, plan);
        report.runs =
            vec![run(64, 640, 630, 64), run(256, 2000, 1260, 64), run(64, 500, 700, 64), run(64, 800, 600, 61)];
        report.peak_memory = Some(310_000_000);
        report
    }

    #[test]
    fn the_page_has_every_figure() {
        let page = report().page(Console::default(), false);
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(lines[0], "starter: Q4_1 on CPU, context 512");
        for line in [
            "    64  100.0 (80.0–128.0)  0.64 (0.50–0.80)  100.0 (90.0–100.0)",
            "   256  128.0               2.00              50.0",
            "loaded in 0.45 s (0.44–0.46)",
            "peak memory 310 MB (the engine's process)",
            "left out: a prompt of 1024 tokens: the context of 512 is too short for it",
            "1 of 4 answers ended before 64 tokens by themselves",
        ] {
            assert!(lines.contains(&line), "`{line}` is not in\n{page}");
        }
        assert!(!page.contains("early"));
    }

    #[test]
    fn the_document_has_every_run() {
        let report = report();
        let json = report.to_json(None);
        assert_eq!(json["points"].as_array().map(Vec::len), Some(2));
        assert_eq!(json["points"][0]["runs"].as_array().map(Vec::len), Some(3));
        assert_eq!(json["points"][0]["ttft_ms"]["median"], 640.0);
        assert_eq!(json["load"]["ms"]["max"], 460.0);
        assert_eq!(json["ended_early"], Value::Null);
        let error = UserError::new(ErrorKind::Cancelled, "interrupted");
        assert_eq!(report.to_json(Some(&error))["ended_early"]["kind"], "cancelled");
    }

    #[test]
    fn what_is_kept_says_what_it_holds_for() {
        let measured = report().measured(7).expect("there is a speed");
        assert_eq!((measured.at, measured.peak_memory), (7, Some(310_000_000)));
        assert_eq!((measured.setup.machine.as_str(), measured.setup.context), ("Chip, 8 GiB", 512));
        assert_eq!((measured.decode(), measured.prefill()), (Some(100.0), Some(128.0)));
        let nothing = Report { runs: vec![run(64, 640, 0, 1)], ..report() };
        assert_eq!(nothing.measured(7), None);
    }
}
