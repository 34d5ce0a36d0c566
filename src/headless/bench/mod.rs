//! `hobnob bench`: how fast a model is on this machine. The clock is next to the engine, in its own process; every prompt
//! begins differently, so that none is read faster for being known.

mod plan;
mod prompt;
mod report;

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use self::plan::{Pace, Plan};
use self::prompt::Prompts;
use self::report::{Report, Run};
use crate::domain::model::{ModelInfo, ModelSpec};
use crate::domain::sampling::SamplingPatch;
use crate::domain::{ChatMessage, EngineCmd, EngineEvent, GenId, GenRequest, LoadId, Thinking};
use crate::engine::EngineHandle;
use crate::error::{ErrorKind, UserError};
use crate::headless::config::refuse_problems;
use crate::headless::interrupt::Watch;
use crate::headless::progress::StatusLine;
use crate::headless::run::engine_gone;
use crate::headless::{Context, Format, Outcome, Quit, block_on, document, engine_options, model, print, print_json};
use crate::{machine, measurements};

pub use self::plan::Wish;

/// How long the engine may take to be gone, and to tell its memory at the end.
const GRACE: Duration = Duration::from_millis(300);
/// A load that takes longer is not made again for the sake of a second figure.
const SHORT_LOAD: Duration = Duration::from_secs(5);
/// Loads that are counted, at most.
const LOADS: u32 = 3;
/// Words of the two prompts of the warm-up, which also tell how long prompts come out.
const WARM_UP: [u32; 2] = [8, 40];
/// Tokens that the warm-up makes.
const WARM_UP_TOKENS: u32 = 8;

/// Measures the model that is asked for, keeps the figures, and prints them.
///
/// # Errors
/// Says how the command ends if not with all that was wanted. What was measured until then is printed all the same.
pub fn bench(wish: &Wish, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    block_on(async {
        let mut watch = Watch::start(None)?;
        let spec = model::choose(context, &mut watch).await?;
        let machine = watch.guard_blocking(|| Ok(machine::profile())).await?;
        let (engine, events) = EngineHandle::start(engine_options(context)?);
        let mut bench = Bench {
            context,
            watch,
            engine: &engine,
            events,
            status: StatusLine::new(context.console),
            loads: LoadId::default(),
            answers: GenId::default(),
            peak_memory: None,
        };
        let outcome = bench.run(wish, spec, machine).await;
        drop(bench);
        // The child ends with us in any case; this is for it to be gone when we are.
        let _ = tokio::time::timeout(GRACE, engine.shutdown()).await;
        outcome
    })
}

struct Bench<'a> {
    context: &'a Context<'a>,
    watch: Watch,
    engine: &'a EngineHandle,
    events: UnboundedReceiver<EngineEvent>,
    status: StatusLine,
    loads: LoadId,
    answers: GenId,
    /// Of all processes that there were.
    peak_memory: Option<u64>,
}

impl Bench<'_> {
    async fn run(&mut self, wish: &Wish, spec: ModelSpec, machine: machine::Profile) -> Outcome {
        let (info, loads) = self.load_all(wish, &spec).await?;
        let mut prompts = Prompts::new();
        let mut pace = Pace::default();
        let mut plan = Plan::new(wish, info.context)?;
        self.warm_up(&mut prompts, &mut pace).await?;
        plan.adapt(&pace);
        let mut report = Report::new(spec, info, machine, loads, plan);
        let ended = self.measure(&mut report, &mut prompts, &mut pace).await;
        self.hear_of_memory().await;
        report.peak_memory = self.peak_memory;
        self.status.clear();
        match ended {
            Ok(()) => {
                self.keep(&report);
                self.deliver(&report, None)
            }
            // The reader of stdout is gone, or there is nothing to tell.
            Err(Quit::Code(code)) => Err(Quit::Code(code)),
            Err(quit) if report.runs.is_empty() => Err(quit),
            Err(Quit::Interrupted(interrupt)) => {
                self.deliver(&report, Some(&interrupt.error()))?;
                Err(Quit::Code(interrupt.exit_code()))
            }
            Err(Quit::Error(error)) => {
                self.deliver(&report, Some(&error))?;
                self.context.console.error(&error);
                Err(Quit::Code(error.kind.exit_code()))
            }
        }
    }

    // ── Loading ──────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Loads into a new process, again and again if that is quick. The first time may have to wait for the disk: it counts
    /// only where it stays alone.
    async fn load_all(&mut self, wish: &Wish, spec: &ModelSpec) -> Result<(ModelInfo, Vec<Duration>), Quit> {
        let first = self.load(spec).await?;
        if first.load_time > SHORT_LOAD {
            let time = first.load_time;
            return Ok((first, vec![time]));
        }
        let mut info = first;
        let mut times = Vec::new();
        for _ in 0..wish.repeats.unwrap_or(LOADS).min(LOADS) {
            info = self.load(spec).await?;
            times.push(info.load_time);
        }
        Ok((info, times))
    }

    async fn load(&mut self, spec: &ModelSpec) -> Result<ModelInfo, Quit> {
        self.loads = self.loads.next();
        let load = self.loads;
        // What is loaded would be told again, and not be loaded again.
        self.engine.send(EngineCmd::Unload);
        self.engine.send(EngineCmd::Load { id: load, spec: spec.clone() });
        loop {
            match self.next().await? {
                EngineEvent::Progress { id, stage } if id == load => {
                    self.status.set_or_log(&format!("{}: {}", spec.name, stage.label()));
                    self.tell("loading", || json!({ "model": spec.reference, "stage": stage }))?;
                }
                EngineEvent::Loaded { id, info } if id == load => {
                    self.tell("loaded", || {
                        json!({
                            "model": info.reference,
                            "device": info.device,
                            "context": info.context,
                            "load_ms": document::millis(info.load_time),
                        })
                    })?;
                    return Ok(*info);
                }
                EngineEvent::LoadFailed { id, error } if id == load => return Err(error.into()),
                EngineEvent::Died { error } => return Err(error.into()),
                _ => {}
            }
        }
    }

    // ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Two short answers: what is done at first use is done, and prompts come out as long as they should.
    async fn warm_up(&mut self, prompts: &mut Prompts, pace: &mut Pace) -> Result<(), Quit> {
        self.status.set_or_log("warming up");
        let mut learned = [(0, 0); 2];
        for (words, learned) in WARM_UP.into_iter().zip(&mut learned) {
            let mut made = self.answer(prompts.of_words(words as usize), WARM_UP_TOKENS).await;
            if let Err(Quit::Error(error)) = &made
                && error.kind == ErrorKind::Generation
                && prompts.with_system
            {
                // Its template may refuse a system message; whatever else it is comes again.
                prompts.with_system = false;
                made = self.answer(prompts.of_words(words as usize), WARM_UP_TOKENS).await;
            }
            let run = made?;
            pace.learn(&run.usage, &run.stats);
            *learned = (words, run.usage.prompt_tokens);
        }
        prompts.learn(learned);
        Ok(())
    }

    /// All lengths in turn, again and again: what changes with time, as the heat of a machine, changes it for all of them.
    async fn measure(&mut self, report: &mut Report, prompts: &mut Prompts, pace: &mut Pace) -> Result<(), Quit> {
        let start = Instant::now();
        let lengths = report.plan.prompts.clone();
        for left in &report.plan.left_out {
            self.tell("left_out", || left.to_json())?;
        }
        for round in 0..report.plan.repeats {
            for &prompt in &lengths {
                let noted = report.plan.left_out.len();
                if !report.runs.is_empty() && !report.plan.affords(prompt, round, start.elapsed(), pace) {
                    for left in &report.plan.left_out[noted..] {
                        self.tell("left_out", || left.to_json())?;
                    }
                    continue;
                }
                let (tokens, repeats) = (report.plan.tokens, report.plan.repeats);
                self.status.set_or_log(&format!("prompt of {prompt} tokens, {} of {repeats}", round + 1));
                let mut run = self.answer(prompts.of_tokens(prompt), tokens).await?;
                run.asked = prompt;
                pace.learn(&run.usage, &run.stats);
                self.tell("run", || run.to_json())?;
                report.runs.push(run);
            }
        }
        Ok(())
    }

    async fn answer(&mut self, messages: Vec<ChatMessage>, tokens: u32) -> Result<Run, Quit> {
        self.answers = self.answers.next();
        let answer = self.answers;
        let greedy = SamplingPatch { temperature: Some(0.0), ..SamplingPatch::default() };
        let req = GenRequest {
            messages,
            sampling: greedy,
            max_tokens: Some(tokens),
            stop: Vec::new(),
            thinking: Thinking::Auto,
            constraint: None,
            begun: None,
        };
        self.engine.send(EngineCmd::Generate { id: answer, req });
        loop {
            match self.next().await? {
                EngineEvent::Finished { id, reason, usage, stats, .. } if id == answer => {
                    return Ok(Run { asked: usage.prompt_tokens, reason, usage, stats });
                }
                EngineEvent::Failed { id, error } if id == answer => return Err(error.into()),
                _ => {}
            }
        }
    }

    /// The next thing that the engine tells.
    async fn next(&mut self) -> Result<EngineEvent, Quit> {
        let event = tokio::select! {
            biased;
            halt = self.watch.halt() => return Err(self.watch.quit(halt)),
            event = self.events.recv() => event.ok_or_else(engine_gone)?,
        };
        self.note_memory(&event);
        Ok(event)
    }

    fn note_memory(&mut self, event: &EngineEvent) {
        if let EngineEvent::Memory { bytes, peak } = event {
            self.peak_memory = self.peak_memory.max(Some(peak.unwrap_or(0).max(*bytes)));
        }
    }

    /// Memory is told after an answer's end.
    async fn hear_of_memory(&mut self) {
        while let Ok(Some(event)) = tokio::time::timeout(GRACE, self.events.recv()).await {
            self.note_memory(&event);
            if matches!(event, EngineEvent::Memory { .. }) {
                break;
            }
        }
    }

    // ── The figures ──────────────────────────────────────────────────────────────────────────────────────────────────

    /// A line of `--jsonl`.
    fn tell(&self, event: &str, fields: impl FnOnce() -> serde_json::Value) -> Outcome {
        if self.context.format == Format::JsonLines { print_json(&document::event(event, fields())) } else { Ok(()) }
    }

    /// Keeps the figures. Where they can't be kept they are worth printing all the same.
    fn keep(&self, report: &Report) {
        let file = &self.context.loaded.paths.measured_file;
        let Some(measured) = report.measured(measurements::seconds_since_1970()) else { return };
        match measurements::add(file, measured) {
            Ok(None) => {}
            Ok(Some(problem)) | Err(problem) => self.context.console.warning(&problem.message, problem.hint.as_deref()),
        }
    }

    fn deliver(&self, report: &Report, ended: Option<&UserError>) -> Outcome {
        match self.context.format {
            Format::Text => print(&report.page(self.context.console, ended.is_some())),
            Format::Json => print_json(&report.to_json(ended)),
            Format::JsonLines => print_json(&document::event("done", report.to_json(ended))),
        }
    }
}
