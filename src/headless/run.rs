//! `hobnob run`: one question, one answer.

use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;

use serde_json::json;

use crate::config::{Loaded, Value};
use crate::domain::conversation::{MessageState, Outcome as Ended};
use crate::domain::model::{ModelInfo, ModelSpec};
use crate::domain::stats::{GenStats, Usage};
use crate::domain::units::bytes;
use crate::domain::{
    ChatMessage, Constraint, EngineCmd, EngineEvent, FinishReason, GenId, GenRequest, LoadId, PieceKind, Role,
};
use crate::engine::share::Share;
use crate::engine::{self, EngineHandle};
use crate::error::{ErrorKind, UserError, reason};
use crate::headless::config::refuse_problems;
use crate::headless::figures::figures;
use crate::headless::form::Cut;
use crate::headless::interrupt::{Halt, Watch};
use crate::headless::output::Answer;
use crate::headless::progress::StatusLine;
use crate::headless::session::{Session as Kept, Wish};
use crate::headless::template::{Chosen, Vars};
use crate::headless::{Context, Outcome, Quit, block_on, document, model, prompt, template, warm};

pub use crate::headless::form::Form;
pub use crate::headless::prompt::{Sources, text_or_file};
pub use crate::headless::template::Wanted as Template;

/// What is asked, beside what the settings say.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    pub prompt: Sources,
    /// What the prompt, the form and settings come from that are not said otherwise.
    pub template: Template,
    pub form: Option<Form>,
    pub stop: Vec<String>,
    pub show_thinking: bool,
    pub stats: bool,
    pub timeout: Option<Duration>,
    /// The conversation that this is a part of.
    pub session: Wish,
    /// Whether it is kept; without a word one that was there already is.
    pub save: Option<bool>,
    /// How long the engine stays after the answer.
    pub keep_warm: Option<Duration>,
}

/// The one load and the one answer that there are.
const LOAD: LoadId = LoadId(1);
const ANSWER: GenId = GenId(1);
/// How long a stopped engine may take to say its last word, and a reader to take ours.
const GRACE: Duration = Duration::from_millis(300);
/// No vocabulary has a longer token than this, in bytes; what is longer than the context full of them can't fit.
const LONGEST_TOKEN: usize = 128;

/// What to do about a prompt that does not fit.
const MORE_ROOM: &str = "send a part of it, or make more room with --context if the model goes further";

/// Prints the answer to what is asked.
///
/// # Errors
/// Says how the command ends if not with a whole answer.
pub fn run(ask: &Ask, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let mut loaded = context.loaded.clone();
    let chosen = Chosen::open(&ask.template, &loaded)?;
    let ask = &with_template(ask, chosen.as_ref(), &mut loaded)?;
    let constraint = ask.form.as_ref().map(Form::constraint).transpose()?;
    let kept = Kept::begin(&ask.session, ask.save, context)?;
    // Who asks for no other model goes on with the one that the conversation was held with.
    loaded.settings.model = loaded.settings.model.or_else(|| kept.as_ref()?.model().map(str::to_owned));
    let context = &Context { loaded: &loaded, ..*context };
    block_on(async {
        let mut watch = Watch::start(ask.timeout)?;
        let input = prompt::read(&ask.prompt, &mut watch).await?;
        let prompt = match &chosen {
            None => input,
            Some(chosen) => {
                chosen.refuse_no_input(&input)?;
                chosen.fill(&Vars::new(), &input)?.1
            }
        };
        prompt::refuse_empty(&prompt)?;
        let spec = model::choose(context, &mut watch).await?;
        refuse_hopeless(&prompt, &spec)?;
        let answer = Answer::open(context.format, ask.show_thinking)?;
        let (engine, events) = EngineHandle::start(warm::borrowing(context, ask.keep_warm)?);
        let mut session = Session {
            ask,
            context,
            watch,
            engine: &engine,
            events,
            answer,
            kept,
            status: StatusLine::new(context.console),
            tokens: 0,
            reasoned: false,
            began: Instant::now(),
            asked: None,
            prompt_tokens: None,
        };
        let mut outcome = session.converse(spec, prompt, constraint).await;
        if let Some(kept) = session.kept.take()
            && let Err(error) = kept.finish(ask.session == Wish::New, context.console).await
        {
            // The answer has been printed; that it was to be kept was asked for as well.
            context.console.error(&error);
            outcome = outcome.and(Err(Quit::Code(error.kind.exit_code())));
        }
        drop(session);
        // The child ends with us in any case; this is for it to be gone when we are.
        let _ = tokio::time::timeout(GRACE, engine.shutdown()).await;
        outcome
    })
}

/// What is asked, with what the template says where the command line is silent.
fn with_template(ask: &Ask, chosen: Option<&Chosen>, loaded: &mut Loaded) -> Result<Ask, UserError> {
    let mut ask = ask.clone();
    let Some(chosen) = chosen else { return Ok(ask) };
    ask.settle(chosen, loaded)?;
    // Before anything is read that could take long: a variable that is missing is missing in the prompt, too.
    if let (Some(system), _) = chosen.fill(&Vars::new(), "")? {
        template::put(loaded, "chat.system_prompt", Value::Text(system))?;
    }
    Ok(ask)
}

impl Ask {
    /// Takes over what a template says of settings, form and stops, where the command line is silent.
    pub(super) fn settle(&mut self, chosen: &Chosen, loaded: &mut Loaded) -> Result<(), UserError> {
        chosen.settle(loaded)?;
        self.form = self.form.take().or_else(|| Form::of(&chosen.template));
        if self.stop.is_empty() {
            self.stop.clone_from(&chosen.template.stop);
        }
        Ok(())
    }
}

/// The engine is this program once more.
///
/// # Errors
/// The system can't tell where this program is.
pub fn engine_options(context: &Context<'_>) -> Result<engine::Options, UserError> {
    let exe = std::env::current_exe().map_err(|error| {
        UserError::new(ErrorKind::Unexpected, format!("this program can't find itself: {}", reason(&error)))
    })?;
    Ok(engine::Options { exe, verbose: context.verbose, share: Share::No })
}

/// Spares a text that can't possibly fit the way through the tokenizer.
pub(super) fn refuse_hopeless(prompt: &str, spec: &ModelSpec) -> Result<(), UserError> {
    if prompt.len() / LONGEST_TOKEN <= spec.settings.context as usize {
        return Ok(());
    }
    let size = bytes(prompt.len() as u64);
    Err(UserError::new(
        ErrorKind::ContextFull,
        format!(
            "the prompt does not fit: it is {size} of text, and the context has room for {} tokens",
            spec.settings.context
        ),
    )
    .hint(MORE_ROOM))
}

/// What the engine advises is for a conversation on a screen; here there are options.
pub(super) fn for_scripts(error: UserError) -> UserError {
    if error.kind == ErrorKind::ContextFull { error.hint(MORE_ROOM) } else { error }
}

/// How the engine ended the answer.
enum End {
    Finished {
        reason: FinishReason,
        usage: Usage,
        stats: GenStats,
        satisfied: Option<bool>,
    },
    Failed(UserError),
    /// It did not say within the grace.
    Silent,
}

// One lives at a time, and for a moment.
#[allow(clippy::large_enum_variant)]
enum Happened {
    Halt(Halt),
    Engine(Option<EngineEvent>),
}

struct Session<'a> {
    ask: &'a Ask,
    context: &'a Context<'a>,
    watch: Watch,
    engine: &'a EngineHandle,
    events: UnboundedReceiver<EngineEvent>,
    answer: Answer,
    kept: Option<Kept>,
    status: StatusLine,
    prompt_tokens: Option<u32>,
    tokens: u32,
    /// The model has reasoned.
    reasoned: bool,
    began: Instant,
    asked: Option<Instant>,
}

impl Session<'_> {
    async fn converse(&mut self, spec: ModelSpec, prompt: String, constraint: Option<Constraint>) -> Outcome {
        let info = self.load(spec).await?;
        self.status.clear();
        model::warn_of_limits(self.context, &info);
        self.status.set("waiting for the engine");
        self.asked = Some(Instant::now());
        self.engine.send(EngineCmd::Generate { id: ANSWER, req: self.request(prompt, &info, constraint) });
        let (end, halt) = match self.stream(&info).await {
            Ok(ended) => ended,
            Err(quit) => {
                // Nobody reads it any more; what has come of it is kept all the same.
                self.keep_end(MessageState::Whole, FinishReason::Cancelled, self.usage_so_far(), None, None);
                return Err(quit);
            }
        };
        self.status.clear();
        self.conclude(&info, end, halt).await
    }

    /// The next thing that happens; the reader of stdout is seen to meanwhile.
    async fn next(&mut self) -> Result<Happened, Quit> {
        loop {
            tokio::select! {
                biased;
                halt = self.watch.halt() => return Ok(Happened::Halt(halt)),
                event = self.events.recv() => return Ok(Happened::Engine(event)),
                () = self.answer.pause() => self.answer.tend()?,
            }
        }
    }

    async fn load(&mut self, spec: ModelSpec) -> Result<ModelInfo, Quit> {
        let name = spec.name.clone();
        let reference = spec.reference.clone();
        self.engine.send(EngineCmd::Load { id: LOAD, spec });
        loop {
            let event = match self.next().await? {
                Happened::Halt(halt) => return Err(self.watch.quit(halt)),
                Happened::Engine(event) => event,
            };
            match event {
                Some(EngineEvent::Progress { stage, .. }) => {
                    self.status.set(&format!("{name}: {}", stage.label()));
                    self.answer.event("loading", json!({ "model": reference, "stage": stage }));
                    self.answer.flush()?;
                }
                Some(EngineEvent::Loaded { info, .. }) => return Ok(*info),
                Some(EngineEvent::LoadFailed { error, .. } | EngineEvent::Died { error }) => return Err(error.into()),
                Some(_) => {}
                None => return Err(engine_gone().into()),
            }
        }
    }

    fn request(&mut self, prompt: String, info: &ModelInfo, constraint: Option<Constraint>) -> GenRequest {
        let loaded = self.context.loaded;
        let settings = self.kept.as_ref().map_or_else(|| loaded.settings.clone(), |kept| kept.settings(loaded));
        let messages = match &mut self.kept {
            Some(kept) => kept.ask(prompt, (&info.reference, &info.name), &settings),
            None => messages(prompt, &settings.chat.system_prompt),
        };
        GenRequest {
            messages,
            sampling: settings.sampling,
            max_tokens: settings.chat.max_tokens,
            stop: self.ask.stop.clone(),
            thinking: settings.chat.thinking,
            begun: None,
            constraint,
        }
    }

    /// Passes the answer on until it ends. The first reason to stop cancels it and leaves the engine a moment for its last
    /// word; with the second, or when the moment is over, there is no more waiting.
    async fn stream(&mut self, info: &ModelInfo) -> Result<(End, Option<Halt>), Quit> {
        let mut halted = None;
        loop {
            match (self.next().await?, halted) {
                (Happened::Halt(halt), None) => {
                    self.engine.send(EngineCmd::Cancel(ANSWER));
                    self.watch.allow(GRACE);
                    halted = Some(halt);
                }
                (Happened::Halt(_), Some(_)) => return Ok((End::Silent, halted)),
                (Happened::Engine(event), _) => {
                    let mut end = self.take(event, info);
                    // What has come together goes out together.
                    while end.is_none()
                        && let Ok(event) = self.events.try_recv()
                    {
                        end = self.take(Some(event), info);
                    }
                    self.answer.flush()?;
                    if let Some(end) = end {
                        return Ok((end, halted));
                    }
                }
            }
        }
    }

    fn take(&mut self, event: Option<EngineEvent>, info: &ModelInfo) -> Option<End> {
        match event {
            Some(EngineEvent::Started { id: ANSWER, prompt_tokens, context, .. }) => {
                self.status.set("reading the prompt");
                self.prompt_tokens = Some(prompt_tokens);
                let model = &info.reference;
                self.answer
                    .event("started", json!({ "model": model, "prompt_tokens": prompt_tokens, "context": context }));
            }
            Some(EngineEvent::Delta { id: ANSWER, kind, text, tokens }) => {
                self.status.clear();
                self.tokens += tokens;
                self.reasoned |= kind == PieceKind::Reasoning;
                self.answer.push(kind, &text);
                if let Some(kept) = &mut self.kept {
                    kept.push(kind, &text);
                }
            }
            Some(EngineEvent::Finished { id: ANSWER, reason, usage, stats, satisfied }) => {
                return Some(End::Finished { reason, usage, stats, satisfied });
            }
            Some(EngineEvent::Failed { id: ANSWER, error }) => return Some(End::Failed(for_scripts(error))),
            Some(_) => {}
            None => return Some(End::Failed(engine_gone())),
        }
        None
    }

    async fn conclude(&mut self, info: &ModelInfo, end: End, halt: Option<Halt>) -> Outcome {
        let halted = halt.map(|halt| match halt {
            Halt::Interrupted(_) => FinishReason::Cancelled,
            Halt::TimedOut => FinishReason::Timeout,
        });
        let mut satisfied = None;
        let (reason, usage, stats) = match (end, halted) {
            (End::Failed(error), None) => {
                self.keep_end(
                    MessageState::Failed(error.clone()),
                    FinishReason::Error,
                    self.usage_so_far(),
                    None,
                    None,
                );
                self.answer.fail(&error);
                let halt = self.deliver().await?;
                self.context.console.error(&error);
                return Err(Quit::Code(match halt {
                    Some(Halt::Interrupted(interrupt)) => interrupt.exit_code(),
                    Some(Halt::TimedOut) | None => error.kind.exit_code(),
                }));
            }
            // It may have come to its own end just when it was to be stopped; stopped it was all the same.
            (End::Finished { reason, usage, stats, satisfied: has_form }, halted) => {
                satisfied = has_form;
                (halted.unwrap_or(reason), Some(usage), Some(stats))
            }
            (End::Failed(_) | End::Silent, halted) => {
                (halted.unwrap_or(FinishReason::Cancelled), self.usage_so_far(), None)
            }
        };
        let queued = stats.and_then(|stats| Some(self.asked?.elapsed().saturating_sub(stats.total)));
        self.keep_end(MessageState::Whole, reason, usage, stats, satisfied);
        if let Some(kept) = &mut self.kept {
            // Only then it is known whether there is a conversation to name.
            kept.settle().await;
        }
        let result = document::Result {
            model: &info.reference,
            session: self.kept.as_ref().and_then(Kept::id),
            content: self.answer.text(),
            reasoning: self.answer.reasoning(),
            reason,
            usage,
            load: info.load_time,
            stats,
        };
        let result = result.to_json();
        self.answer.finish(halt.is_none(), result);
        if halt.is_some() {
            self.watch.allow(GRACE);
        }
        let delivered = self.deliver().await;
        let halt = match halt {
            None => delivered?,
            halt => halt,
        };
        match halt {
            None => {
                if let (Some(false), Some(form)) = (satisfied, &self.ask.form) {
                    let error = form.missed(&Cut {
                        reason,
                        tokens: self.tokens,
                        only_reasoned: self.only_reasoned(),
                        stops: !self.ask.stop.is_empty(),
                        context: info.context,
                    });
                    self.tell_figures(info, usage, stats, queued);
                    self.context.console.error(&error);
                    return Err(Quit::Code(error.kind.exit_code()));
                }
                self.tell(info, reason, usage);
                self.tell_figures(info, usage, stats, queued);
                Ok(())
            }
            Some(Halt::Interrupted(interrupt)) => Err(Quit::Code(interrupt.exit_code())),
            Some(Halt::TimedOut) => {
                let error = self.watch.timed_out();
                self.context.console.error(&error);
                Err(Quit::Code(error.kind.exit_code()))
            }
        }
    }

    fn keep_end(
        &mut self,
        ended: MessageState,
        reason: FinishReason,
        usage: Option<Usage>,
        stats: Option<GenStats>,
        satisfied: Option<bool>,
    ) {
        if let Some(kept) = &mut self.kept {
            let (usage, stats) = (usage.unwrap_or_default(), stats.unwrap_or_default());
            kept.end(ended, Ended { reason, usage, stats, satisfied });
        }
    }

    fn usage_so_far(&self) -> Option<Usage> {
        let prompt_tokens = self.prompt_tokens?;
        Some(Usage { prompt_tokens, cached_tokens: None, completion_tokens: self.tokens })
    }

    /// Waits until the reader has all of it; gives the reason where there is one not to.
    async fn deliver(&mut self) -> Result<Option<Halt>, Quit> {
        while !self.answer.flush()? {
            tokio::select! {
                biased;
                halt = self.watch.halt() => return Ok(Some(halt)),
                () = self.answer.pause() => {}
            }
        }
        Ok(None)
    }

    /// What a person should know of the answer, on stderr.
    fn tell(&self, info: &ModelInfo, reason: FinishReason, usage: Option<Usage>) {
        let console = self.context.console;
        match (reason, usage) {
            (FinishReason::Length, Some(usage)) if self.only_reasoned() => console.warning(
                &format!("the reasoning took all {} tokens: there is no answer", usage.completion_tokens),
                Some("ask for more with --max-tokens, or for no reasoning with --no-think"),
            ),
            (FinishReason::Length, Some(usage)) => console.warning(
                &format!("the answer was cut after {} tokens", usage.completion_tokens),
                Some("ask for more with --max-tokens"),
            ),
            (FinishReason::Context, _) => console.warning(
                &format!("the context is full ({} tokens): the answer was cut", info.context),
                Some("make more room with --context, or ask for less"),
            ),
            _ => {}
        }
    }

    fn tell_figures(&self, info: &ModelInfo, usage: Option<Usage>, stats: Option<GenStats>, queued: Option<Duration>) {
        if let (true, Some(usage), Some(stats)) = (self.ask.stats, usage, stats) {
            self.context.console.line(&figures(info, &usage, &stats, queued.unwrap_or_default(), self.began.elapsed()));
        }
    }

    fn only_reasoned(&self) -> bool {
        self.reasoned && self.answer.text().trim().is_empty()
    }
}

fn messages(prompt: String, system: &str) -> Vec<ChatMessage> {
    let system = (!system.is_empty()).then(|| ChatMessage { role: Role::System, content: system.to_owned() });
    system.into_iter().chain([ChatMessage { role: Role::User, content: prompt }]).collect()
}

pub(super) fn engine_gone() -> UserError {
    UserError::new(ErrorKind::Generation, "the engine ended without an answer").hint("try again; the log knows more")
}
