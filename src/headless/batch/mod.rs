//! `hobnob run --batch`: a question on every line, an answer on every line, in the same order; the model is loaded once.
//!
//! One line is answered after the other, and each is written when it is whole: whatever ends the batch leaves whole lines
//! behind. What is wrong with a line stays with that line; what is wrong with the model ends the batch.

mod input;
mod line;
mod progress;
mod question;
mod sink;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Interval, interval};

use crate::domain::model::{ModelInfo, ModelSpec};
use crate::domain::stats::{GenStats, Usage};
use crate::domain::{EngineCmd, EngineEvent, FinishReason, GenId, LoadId, PieceKind};
use crate::engine::EngineHandle;
use crate::error::{ErrorKind, UserError};
use crate::headless::config::refuse_problems;
use crate::headless::form::{Cut, Form};
use crate::headless::interrupt::{Halt, Interrupt, Watch};
use crate::headless::output::{LOOK, RETRY};
use crate::headless::prompt::{self, Fixed};
use crate::headless::run::{Ask, engine_gone, for_scripts, refuse_hopeless};
use crate::headless::session::Wish;
use crate::headless::template::Chosen;
use crate::headless::{Context, Outcome, Quit, block_on, document, model, warm};
use crate::text::sanitize;

pub use self::input::Source;
use self::input::{Lines, Raw};
use self::line::{Job, Line};
use self::progress::{Progress, summary};
use self::question::Common;
use self::sink::{Answers, Sink};

/// Where the lines are, and where the answers go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub input: Source,
    /// A file that the answers are added to, and that knows what was answered before; else stdout.
    pub resume: Option<PathBuf>,
}

/// The one load that there is.
const LOAD: LoadId = LoadId(1);
/// Some lines failed; what is wrong with each, its own line says.
const SOME_FAILED: u8 = 8;
/// How long a stopped engine may take to say its last word, and to be gone.
const GRACE: Duration = Duration::from_millis(300);
/// How often the bar moves while an answer is made.
const TICK: Duration = Duration::from_millis(100);

/// Answers every line.
///
/// # Errors
/// Says how the command ends if not with an answer to each.
pub fn batch(batch: &Batch, ask: &Ask, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    if ask.session != Wish::New || ask.save == Some(true) {
        let error =
            UserError::new(ErrorKind::Usage, "a batch is no conversation: its lines know nothing of each other");
        return Err(error
            .hint("leave out --continue, --session and --save; `messages` in a line are a conversation")
            .into());
    }
    let mut loaded = context.loaded.clone();
    let chosen = Chosen::open(&ask.template, &loaded)?;
    let mut ask = ask.clone();
    if let Some(chosen) = &chosen {
        ask.settle(chosen, &mut loaded)?;
    }
    let constraint = ask.form.as_ref().map(Form::constraint).transpose()?;
    let fixed = Fixed::read(&ask.prompt)?;
    let context = &Context { loaded: &loaded, ..*context };
    block_on(async {
        let mut watch = Watch::start(None)?;
        let sink = match batch.resume.clone() {
            None => Sink::stdout()?,
            Some(path) => {
                let input = match &batch.input {
                    Source::File(input) => Some(input.clone()),
                    Source::Stdin => None,
                };
                Sink::File(watch.guard_blocking(move || Answers::open(&path, input.as_deref())).await?)
            }
        };
        let (input, count) = (batch.input.clone(), !context.console.quiet);
        let lines = watch.guard_blocking(move || Lines::open(&input, count)).await?;
        let (engine, events) = EngineHandle::start(warm::borrowing(context, ask.keep_warm)?);
        let mut runner = Runner {
            ask: &ask,
            context,
            common: Common { chosen: chosen.as_ref(), constraint, fixed, ask: &ask, loaded: context.loaded },
            watch,
            engine: &engine,
            events,
            progress: Progress::new(context.console, lines.total.clone()),
            lines,
            sink,
            tick: interval(if context.console.err.terminal { TICK } else { LOOK }),
            ready: None,
            answers: GenId::default(),
        };
        let outcome = runner.run().await;
        let outcome = runner.conclude(outcome, batch);
        drop(runner);
        // The child ends with us in any case; this is for it to be gone when we are.
        let _ = tokio::time::timeout(GRACE, engine.shutdown()).await;
        outcome
    })
}

struct Runner<'a> {
    ask: &'a Ask,
    context: &'a Context<'a>,
    common: Common<'a>,
    watch: Watch,
    engine: &'a EngineHandle,
    events: UnboundedReceiver<EngineEvent>,
    lines: Lines,
    sink: Sink,
    progress: Progress,
    /// When to look at the reader and the bar: tokens that come quickly do not put it off.
    tick: Interval,
    ready: Option<Ready>,
    answers: GenId,
}

/// The model, once a line has needed it.
struct Ready {
    spec: ModelSpec,
    info: ModelInfo,
    /// The first answer after a load tells how long that took.
    untold: Option<Duration>,
}

/// What came of it.
#[derive(Default)]
struct Answer {
    text: String,
    reasoning: String,
    tokens: u32,
    prompt_tokens: Option<u32>,
}

/// How an answer ended.
enum End {
    Finished { reason: FinishReason, usage: Usage, stats: GenStats, satisfied: Option<bool> },
    Failed(UserError),
    TimedOut(UserError),
}

// One lives at a time, and for a moment.
#[allow(clippy::large_enum_variant)]
enum Happened {
    Halt(Halt),
    Engine(Option<EngineEvent>),
    Line(Option<Result<Raw, UserError>>),
}

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Line,
    Engine,
}

impl Runner<'_> {
    async fn run(&mut self) -> Outcome {
        while let Some(raw) = self.next_line().await? {
            let line = match raw.bytes {
                Some(bytes) => line::read(raw.number, &bytes),
                None => Some(line::too_long(raw.number, prompt::MOST)),
            };
            let Some(Line { id, job }) = line else { continue };
            if self.sink.has(&id, raw.number) {
                self.progress.tally().skipped += 1;
                continue;
            }
            let done = match job {
                Ok(job) => self.answer(job, raw.number).await?,
                Err(error) => document::error(&error),
            };
            self.put(&id, raw.number, done).await?;
        }
        Ok(())
    }

    // ── What happens meanwhile ───────────────────────────────────────────────────────────────────────────────────────

    /// The next thing that happens; the reader of stdout and the bar are seen to meanwhile. `fresh` tokens are on the way.
    async fn next(&mut self, what: For, fresh: u32) -> Result<Happened, Quit> {
        loop {
            tokio::select! {
                biased;
                halt = self.watch.halt() => return Ok(Happened::Halt(halt)),
                event = self.events.recv(), if what == For::Engine => return Ok(Happened::Engine(event)),
                line = self.lines.next.recv(), if what == For::Line => return Ok(Happened::Line(line)),
                _ = self.tick.tick() => {
                    if self.sink.is_abandoned() {
                        return Err(Quit::Code(0));
                    }
                    if self.progress.tally().done() > 0 || fresh > 0 {
                        self.progress.draw(fresh);
                    }
                }
            }
        }
    }

    async fn next_line(&mut self) -> Result<Option<Raw>, Quit> {
        loop {
            match self.next(For::Line, 0).await? {
                Happened::Line(line) => return Ok(line.transpose()?),
                Happened::Halt(halt) => return Err(self.watch.quit(halt)),
                Happened::Engine(_) => {}
            }
        }
    }

    /// Writes a line, and waits until its reader has it: what nobody takes is not piled up, and does not count.
    async fn put(&mut self, id: &Json, number: u64, done: Json) -> Outcome {
        let failed = done.get("error").is_some();
        let mut document = serde_json::Map::new();
        document.insert("id".into(), id.clone());
        document.insert("line".into(), number.into());
        if let Json::Object(fields) = done {
            document.extend(fields);
        }
        self.sink.push(&Json::Object(document))?;
        while !self.sink.drain()? {
            tokio::select! {
                biased;
                halt = self.watch.halt() => return Err(self.watch.quit(halt)),
                () = tokio::time::sleep(RETRY) => {}
            }
        }
        *if failed { &mut self.progress.tally().failed } else { &mut self.progress.tally().answered } += 1;
        self.progress.draw(0);
        Ok(())
    }

    // ── One line ─────────────────────────────────────────────────────────────────────────────────────────────────────

    /// The answer to a line as it is written, or the error in its place.
    async fn answer(&mut self, job: Job, number: u64) -> Result<Json, Quit> {
        let question = match self.common.question(job, number) {
            Ok(question) => question,
            Err(error) => return Ok(document::error(&error)),
        };
        self.load().await?;
        let Some(ready) = &self.ready else { return Err(engine_gone().into()) };
        let longest =
            question.request.messages.iter().map(|message| message.content.as_str()).max_by_key(|text| text.len());
        if let Err(error) = refuse_hopeless(longest.unwrap_or_default(), &ready.spec) {
            return Ok(document::error(&error));
        }
        self.progress.begin();
        self.answers = self.answers.next();
        let stops = !question.request.stop.is_empty();
        self.engine.send(EngineCmd::Generate { id: self.answers, req: question.request });
        self.watch.limit(self.ask.timeout);
        let mut answer = Answer::default();
        let end = self.listen(&mut answer).await?;
        self.watch.limit(None);
        Ok(self.written(&answer, end, question.form.as_ref(), stops))
    }

    /// Loads the model unless that was done.
    async fn load(&mut self) -> Outcome {
        if self.ready.is_some() {
            return Ok(());
        }
        let spec = model::choose(self.context, &mut self.watch).await?;
        self.engine.send(EngineCmd::Load { id: LOAD, spec: spec.clone() });
        loop {
            let event = match self.next(For::Engine, 0).await? {
                Happened::Halt(halt) => return Err(self.watch.quit(halt)),
                Happened::Engine(event) => event,
                Happened::Line(_) => continue,
            };
            match event {
                Some(EngineEvent::Progress { stage, .. }) => {
                    self.progress.line.set(&format!("{}: {}", spec.name, stage.label()));
                }
                Some(EngineEvent::Loaded { info, .. }) => {
                    self.progress.line.clear();
                    model::warn_of_limits(self.context, &info);
                    self.ready = Some(Ready { spec, untold: Some(info.load_time), info: *info });
                    return Ok(());
                }
                Some(EngineEvent::LoadFailed { error, .. } | EngineEvent::Died { error }) => return Err(error.into()),
                Some(_) => {}
                None => return Err(engine_gone().into()),
            }
        }
    }

    /// Takes what the engine tells until the answer has ended.
    async fn listen(&mut self, answer: &mut Answer) -> Result<End, Quit> {
        let id = self.answers;
        let mut late = false;
        loop {
            let event = match self.next(For::Engine, answer.tokens).await? {
                Happened::Halt(halt @ Halt::Interrupted(_)) => return Err(self.watch.quit(halt)),
                // Its last word may tell how far it came; a silent one is not waited for.
                Happened::Halt(Halt::TimedOut) if !late => {
                    self.engine.send(EngineCmd::Cancel(id));
                    self.watch.allow(GRACE);
                    late = true;
                    continue;
                }
                Happened::Halt(Halt::TimedOut) => return Ok(End::TimedOut(self.watch.timed_out())),
                Happened::Engine(event) => event,
                Happened::Line(_) => continue,
            };
            match event {
                // An engine that was stopped or has died comes back with the next line. That is no time of this line's.
                Some(EngineEvent::Progress { stage, .. }) => {
                    self.watch.limit(None);
                    self.progress.line.set(stage.label());
                }
                Some(EngineEvent::Loaded { info, .. }) => {
                    self.watch.limit(self.ask.timeout);
                    if let Some(ready) = &mut self.ready {
                        ready.untold = Some(info.load_time);
                    }
                }
                Some(EngineEvent::LoadFailed { error, .. }) => return Err(error.into()),
                Some(EngineEvent::Started { id: of, prompt_tokens, .. }) if of == id => {
                    answer.prompt_tokens = Some(prompt_tokens);
                }
                Some(EngineEvent::Delta { id: of, kind, text, tokens }) if of == id => {
                    answer.tokens += tokens;
                    match kind {
                        PieceKind::Text => answer.text.push_str(&text),
                        PieceKind::Reasoning => answer.reasoning.push_str(&text),
                    }
                }
                Some(EngineEvent::Finished { id: of, .. }) if of == id && late => {
                    return Ok(End::TimedOut(self.watch.timed_out()));
                }
                Some(EngineEvent::Finished { id: of, reason, usage, stats, satisfied }) if of == id => {
                    return Ok(End::Finished { reason, usage, stats, satisfied });
                }
                Some(EngineEvent::Failed { id: of, error }) if of == id => return Ok(End::Failed(for_scripts(error))),
                Some(_) => {}
                None => return Err(engine_gone().into()),
            }
        }
    }

    /// What is written of an answer; one that failed has an `error`, and what there is of it.
    fn written(&mut self, answer: &Answer, end: End, form: Option<&Form>, stops: bool) -> Json {
        let so_far = answer.prompt_tokens.map(|prompt_tokens| Usage {
            prompt_tokens,
            cached_tokens: None,
            completion_tokens: answer.tokens,
        });
        let (reason, usage, stats, mut error) = match end {
            End::Finished { reason, usage, stats, satisfied } => {
                let cut = |form: &Form| {
                    form.missed(&Cut {
                        reason,
                        tokens: answer.tokens,
                        only_reasoned: !answer.reasoning.is_empty() && answer.text.trim().is_empty(),
                        stops,
                        context: self.ready.as_ref().map_or(0, |ready| ready.info.context),
                    })
                };
                let missed = form.filter(|_| satisfied == Some(false)).map(cut);
                (reason, Some(usage), Some(stats), missed)
            }
            End::Failed(error) => (FinishReason::Error, so_far, None, Some(error)),
            End::TimedOut(error) => (FinishReason::Timeout, so_far, None, Some(error)),
        };
        if let Some(usage) = &usage {
            self.progress.tally().count(usage);
        }
        let Some(ready) = &mut self.ready else { return document::error(&error.take().unwrap_or_else(engine_gone)) };
        let reasoning = sanitize(&answer.reasoning);
        let result = document::Result {
            model: &ready.info.reference,
            session: None,
            content: &sanitize(&answer.text),
            reasoning: Some(reasoning.as_ref()).filter(|text| self.ask.show_thinking && !text.is_empty()),
            reason,
            usage,
            load: ready.untold.take().unwrap_or_default(),
            stats,
        };
        let mut written = result.to_json();
        if let Some(error) = error {
            written["error"] = document::error(&error)["error"].take();
        }
        written
    }

    // ── The end ──────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Says what became of the batch.
    fn conclude(&mut self, outcome: Outcome, batch: &Batch) -> Outcome {
        self.progress.line.clear();
        let console = self.context.console;
        let (tally, time) = (*self.progress.tally(), self.progress.time());
        if outcome.is_ok() && (self.ask.stats || self.progress.line.is_live()) {
            console.line(&summary(&tally, time));
        }
        let go_on = || match (&batch.resume, &batch.input) {
            (Some(_), _) => "the same command goes on from there",
            (None, _) => "with `--resume FILE` in place of stdout, the same command would go on from there",
        };
        match outcome {
            Ok(()) if tally.failed > 0 => {
                let lines = tally.done() + tally.skipped;
                let error = UserError::new(ErrorKind::Unexpected, format!("{} of {lines} lines failed", tally.failed));
                let hint = match &batch.resume {
                    Some(_) => "each says why under `error`; the same command tries them again",
                    None => "each says why under `error`",
                };
                console.error(&error.hint(hint));
                Err(Quit::Code(SOME_FAILED))
            }
            Err(Quit::Interrupted(interrupt)) => {
                let how = match interrupt {
                    Interrupt::Int => "interrupted",
                    Interrupt::Term => "terminated",
                };
                console.note(&format!("{how} after {}; {}", summary(&tally, Duration::ZERO), go_on()));
                // Not one line more: what reads them takes each for an answer.
                Err(Quit::Code(interrupt.exit_code()))
            }
            Err(Quit::Error(error)) if tally.done() > 0 => {
                console.note(&format!("{} before it ended; {}", summary(&tally, Duration::ZERO), go_on()));
                Err(error.into())
            }
            other => other,
        }
    }
}
