//! The Chat pane's state: the conversation, the answer that is being made, and what waits behind it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::app::composer::Composer;
use crate::app::counting::{Counting, Texts};
use crate::app::text_area::Written;
use crate::app::transcript::Transcript;
use crate::app::wishes::Wishes;
use crate::config::Settings;
use crate::domain::conversation::{Conversation, Deletion, Message, MessageState, Outcome};
use crate::domain::stats::{GenStats, ReadingPace, TokenMeter, Usage};
use crate::domain::store::Setup;
use crate::domain::zone::Zone;
use crate::domain::{Beginning, FinishReason, GenId, GenRequest, LoadId, MsgId, PieceKind, Role, Thinking};
use crate::error::UserError;

/// How far the running answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The model reads the prompt, or is being loaded for it.
    Waiting,
    Streaming,
    /// Asked to stop.
    Stopping,
}

/// A message that is to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saying {
    pub text: String,
    /// It is this one, written again.
    pub instead_of: Option<MsgId>,
}

impl From<String> for Saying {
    fn from(text: String) -> Self {
        Self { text, instead_of: None }
    }
}

/// Who wants something answered now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Somebody who looks at the screen and has just pressed a key for it.
    Key,
    /// The end of the answer before, or of a load: a question that pops up now could be answered by a key that was meant for
    /// something else.
    Itself,
}

/// What is to be answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// A new message.
    Say(Saying),
    /// The last message, once more.
    Again,
    /// The last answer, from where it stopped.
    GoOn,
    /// A summary of the conversation from this place on; the message goes out after it, to a model that knows nothing else.
    Summarise { from: usize, most: u32, then: Saying },
}

impl Running {
    #[must_use]
    pub fn wish(&self) -> &Wish {
        &self.wish
    }

    #[must_use]
    pub fn by(&self) -> By {
        self.by
    }
}

/// What the model is asked for a summary with: a message like any other, and part of the conversation from then on.
pub const SUMMARISE: &str = "Summarise our conversation so far in a few short paragraphs. Keep names, numbers, decisions \
    and open questions: we go on from your summary alone.";

/// A message that is being written again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Editing {
    pub message: MsgId,
    /// What was being written before.
    pub draft: Written,
}

/// The answer that is being made.
#[derive(Debug, Clone, PartialEq)]
pub struct Running {
    pub id: GenId,
    pub answer: MsgId,
    pub phase: Phase,
    pub meter: TokenMeter,
    pub prompt_tokens: Option<u32>,
    /// Of the prompt, what the engine has not read before.
    pub to_read: Option<u32>,
    wish: Wish,
    by: By,
    /// The newest message before it was asked for.
    before: Option<MsgId>,
    /// What an answer that goes on had come to.
    so_far: Option<Outcome>,
    /// Tokens of the context that were used before.
    context_before: u32,
}

/// The figures that the status line shows: of the running answer, else of the last one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    pub usage: Usage,
    pub stats: GenStats,
    pub decode_now: Option<f64>,
    pub spark: Vec<f64>,
}

#[derive(Debug, Default)]
pub struct ChatPane {
    pub conversation: Conversation,
    pub transcript: Transcript,
    pub composer: Composer,
    /// Messages that wait for the running answer, or for the model, oldest first.
    pub queue: VecDeque<Saying>,
    /// An answer failed: what waits goes on only when the user says so.
    pub held: bool,
    pub running: Option<Running>,
    pub editing: Option<Editing>,
    /// Where the conversation ended before the message that is asked took another's place: if it is not asked after all, that is
    /// shown again.
    pub stepped_from: Option<MsgId>,
    /// What was deleted of this conversation; the last comes back first.
    pub deletions: Vec<Deletion>,
    pub wishes: Wishes,
    /// What this conversation is held with, once that is its own: from its first answer on, or from when somebody said so.
    /// Until then it is as the settings say.
    pub own: Option<Setup>,
    /// Who loads a model after this load wants this conversation to go on with it.
    pub model_since: LoadId,
    /// What the next answer alone is made with, if it is made again.
    pub once: Option<Box<Setup>>,
    last: Figures,
    /// Tokens that the conversation fills of the context, as far as the engine has told.
    context_used: u32,
    /// The answer that it told so at the end of, and the place where what was sent began.
    told_at: Option<(MsgId, usize)>,
    pub counting: Counting,
    /// What waits for the model to be loaded with more context.
    pub pending: Option<Wish>,
    pace: ReadingPace,
}

impl ChatPane {
    /// Where the clock on the wall is set to this.
    #[must_use]
    pub fn in_zone(zone: Zone) -> Self {
        let mut pane = Self::default();
        pane.transcript.zone = zone;
        pane
    }

    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.running.is_some()
    }

    /// An answer is being made that nobody has stopped.
    #[must_use]
    pub fn is_answering(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.phase != Phase::Stopping)
    }

    /// Adds what the wish needs to the conversation, and an empty answer; gives what the engine needs to fill it.
    pub fn begin(
        &mut self,
        id: GenId,
        (wish, by): (Wish, By),
        model: &str,
        settings: &Settings,
        now: Instant,
    ) -> GenRequest {
        let before = self.conversation.head().map(|m| m.id);
        let system = settings.chat.system_prompt.clone();
        let mut so_far = None;
        let mut req = GenRequest {
            messages: Vec::new(),
            sampling: settings.sampling,
            max_tokens: settings.chat.max_tokens,
            stop: Vec::new(),
            thinking: settings.chat.thinking,
            begun: None,
            constraint: None,
        };
        match &wish {
            Wish::Say(Saying { text, .. }) => {
                self.conversation.push(Role::User, text.clone(), MessageState::Whole);
            }
            Wish::Again => {
                self.conversation.step_back_from_answer();
            }
            Wish::GoOn => {
                if let Some(answer) = self.conversation.head() {
                    so_far = answer.outcome;
                    req.constraint = answer.form.as_ref().map(|form| form.constraint.clone());
                    let (reasoning, text) = (answer.reasoning.clone(), answer.content.clone());
                    req.begun = Some(Box::new(Beginning { reasoning, text }));
                }
            }
            Wish::Summarise { most, .. } => {
                self.conversation.push(Role::User, SUMMARISE.to_owned(), MessageState::Whole);
                req.max_tokens = Some(*most);
                req.thinking = Thinking::Off;
            }
        }
        let len = self.conversation.len();
        req.messages = self.conversation.for_engine_in(
            &system,
            match &wish {
                Wish::Say(_) | Wish::Again => self.conversation.first_sent()..len,
                Wish::GoOn => self.conversation.first_sent()..len.saturating_sub(1),
                Wish::Summarise { from, .. } => *from..len,
            },
        );
        let answer = if let (Wish::GoOn, Some(answer)) = (&wish, before) {
            self.conversation.edit(answer, |m| m.state = MessageState::Streaming);
            answer
        } else {
            let answer = self.conversation.push(Role::Assistant, String::new(), MessageState::Streaming);
            self.conversation.edit(answer, |m| m.model = Some(model.to_owned()));
            answer
        };
        self.running = Some(Running {
            id,
            answer,
            phase: Phase::Waiting,
            meter: TokenMeter::start(now),
            prompt_tokens: None,
            to_read: None,
            wish,
            by,
            before,
            so_far,
            context_before: self.context_used,
        });
        self.held = false;
        self.transcript.to_bottom();
        req
    }

    /// What the model is told before the conversation.
    #[must_use]
    pub fn system<'a>(&'a self, settings: &'a Settings) -> &'a str {
        self.own.as_ref().map_or(&settings.chat.system_prompt, |own| &own.system)
    }

    fn current(&mut self, id: GenId) -> Option<&mut Running> {
        self.running.as_mut().filter(|r| r.id == id)
    }

    pub fn started(&mut self, id: GenId, prompt_tokens: u32, cached_tokens: Option<u32>) {
        if let Some(running) = self.current(id) {
            running.prompt_tokens = Some(prompt_tokens);
            running.to_read = Some(prompt_tokens.saturating_sub(cached_tokens.unwrap_or(0)));
            self.context_used = prompt_tokens;
        }
    }

    pub fn delta(&mut self, id: GenId, kind: PieceKind, text: &str, tokens: u32, now: Instant) {
        let Some(running) = self.current(id) else { return };
        if running.phase == Phase::Waiting {
            running.phase = Phase::Streaming;
        }
        running.meter.add(tokens, now);
        let answer = running.answer;
        let since_first = running.meter.since_first_token(now);
        self.context_used += tokens;
        if !text.is_empty() {
            self.conversation.edit(answer, |m| match kind {
                PieceKind::Text => m.content.push_str(text),
                PieceKind::Reasoning => {
                    m.reasoning.push_str(text);
                    m.thought = Some(since_first);
                }
            });
        }
    }

    /// The answer is whole, or was stopped; what it was the answer to. `None` where it is not the running one.
    pub fn finished(&mut self, id: GenId, outcome: Outcome, now: Instant) -> Option<Wish> {
        let running = self.current(id)?;
        let wish = running.wish.clone();
        let to_read = running.to_read;
        if outcome.usage.prompt_tokens > 0 {
            self.context_used = outcome.usage.total();
        }
        if let (Some(tokens), Some(time)) = (to_read, outcome.stats.first_token) {
            self.pace.note(tokens, time);
        }
        self.end(MessageState::Whole, outcome, now);
        Some(wish)
    }

    /// The answer failed; what came before stays. False where it is not the running one.
    pub fn failed(&mut self, id: GenId, error: UserError, now: Instant) -> bool {
        let Some(running) = self.current(id) else { return false };
        let usage = Usage {
            prompt_tokens: running.prompt_tokens.unwrap_or(0),
            cached_tokens: None,
            completion_tokens: running.meter.tokens(),
        };
        let stats = running.meter.stats(now);
        let outcome = Outcome { reason: FinishReason::Error, usage, stats, satisfied: None };
        self.end(MessageState::Failed(error), outcome, now);
        self.held = true;
        true
    }

    /// The engine has no room for the prompt: everything is as it was before it was asked. What was asked, and the tokens
    /// that it would have taken; `None` where it is not the running answer.
    pub fn refused(&mut self, id: GenId) -> Option<(Wish, u32)> {
        self.current(id)?;
        let running = self.running.take()?;
        if matches!(running.wish, Wish::Say(_)) {
            let form = self.conversation.get(running.answer).and_then(|answer| answer.form.clone());
            self.wishes.form = self.wishes.form.take().or(form);
        }
        // Nobody makes it any more.
        self.conversation.edit(running.answer, |m| m.state = MessageState::Whole);
        match (&running.wish, running.before) {
            (Wish::Say(_) | Wish::Summarise { .. }, _) => self.conversation.take_back_question(),
            (Wish::Again, before) => {
                self.conversation.take_back_answer();
                if let Some(before) = before {
                    self.conversation.go_to(before);
                }
            }
            (Wish::GoOn, _) => {}
        }
        self.context_used = running.context_before;
        Some((running.wish, running.prompt_tokens.unwrap_or(0)))
    }

    /// The conversation is left: the answer ends with what there is of it.
    pub fn cut_short(&mut self, now: Instant) {
        let Some(running) = &self.running else { return };
        let usage = Usage {
            prompt_tokens: running.prompt_tokens.unwrap_or(0),
            cached_tokens: None,
            completion_tokens: running.meter.tokens(),
        };
        let stats = running.meter.stats(now);
        let outcome = Outcome { reason: FinishReason::Cancelled, usage, stats, satisfied: None };
        self.end(MessageState::Whole, outcome, now);
    }

    /// The newest answer failed with this error.
    #[must_use]
    pub fn ended_with(&self, error: &UserError) -> bool {
        self.conversation.head().is_some_and(|m| matches!(&m.state, MessageState::Failed(of) if of == error))
    }

    fn end(&mut self, state: MessageState, outcome: Outcome, now: Instant) {
        let Some(running) = self.running.take() else { return };
        let whole = running.so_far.map_or(outcome, |so_far| so_far.then(outcome));
        self.conversation.edit(running.answer, |m| {
            m.state = state;
            m.outcome = Some(whole);
        });
        let answer = self.conversation.get(running.answer);
        if answer.is_some_and(Message::leaves_its_question_out) {
            self.context_used = running.context_before;
        } else if outcome.usage.prompt_tokens > 0 && answer.is_some_and(|m| m.reasoning.is_empty()) {
            self.told_at = Some((running.answer, self.conversation.first_sent()));
        }
        self.last = figures(&running, now);
        self.last.usage = outcome.usage;
        self.last.stats = outcome.stats;
        self.last.decode_now = outcome.stats.decode_rate(&outcome.usage);
    }

    /// The engine's process is another one, or gone: nobody answers what it was asked.
    pub fn engine_is_new(&mut self) {
        self.counting.give_up();
    }

    /// Messages went out of the middle of the conversation, or came back: what it takes of the context is another number.
    pub fn messages_changed(&mut self) {
        self.told_at = None;
        self.counting.give_up();
    }

    /// Another model: nothing that is known of the last one holds.
    pub fn model_is_new(&mut self) {
        self.engine_is_new();
        self.counting.forget();
        self.pace = ReadingPace::default();
        self.told_at = None;
        self.context_used = 0;
    }

    /// How long reading this prompt should take in all, by what was measured before.
    #[must_use]
    pub fn reading_time(&self) -> Option<Duration> {
        self.pace.time_for(self.running.as_ref()?.to_read?)
    }

    /// What is being written, as far as it would be sent, with a stand-in for each chip.
    #[must_use]
    pub fn draft(&self) -> &str {
        if self.composer.command().is_some() { "" } else { self.composer.area.text().trim_end() }
    }

    /// Tokens that the next prompt takes of the context: what there is, and what is being written.
    #[must_use]
    pub fn next_prompt(&self, system: &str) -> u32 {
        let draft = self.draft_alone();
        if draft == 0 && self.conversation.is_empty() { 0 } else { self.history_tokens(system).saturating_add(draft) }
    }

    /// Tokens that a prompt of the draft and nothing else would take.
    #[must_use]
    pub fn draft_alone(&self) -> u32 {
        if self.draft().is_empty() { 0 } else { self.counting.draft() }
    }

    /// Tokens that the conversation takes, as it would be sent.
    #[must_use]
    pub fn history_tokens(&self, system: &str) -> u32 {
        let told = |at| self.conversation.head().map(|m| (m.id, self.conversation.first_sent())) == Some(at);
        if self.is_busy() || self.told_at.is_some_and(told) {
            self.context_used
        } else {
            self.counting.history(&self.conversation, system)
        }
    }

    /// What there is to count.
    #[must_use]
    pub fn texts<'a>(&'a self, system: &'a str) -> Texts<'a> {
        Texts { system, waiting: &self.queue, draft: self.draft(), chips: self.composer.area.chips() }
    }

    /// The message that was just taken out of the composer is as long as what it was written of.
    pub fn learn_length(&mut self) {
        if let Some(prompt) = self.composer.prompts.all().next() {
            // Files that go along have not been counted.
            if prompt.text == prompt.written.full().trim_end() {
                self.counting.learn(&prompt.text, &prompt.written);
            }
        }
    }

    /// What the status line shows.
    #[must_use]
    pub fn figures(&self, now: Instant) -> Figures {
        self.running.as_ref().map_or_else(|| self.last.clone(), |running| figures(running, now))
    }

    /// Begins anew. The queue and what is being written stay.
    pub fn clear(&mut self) {
        self.conversation = Conversation::default();
        self.counting.conversation_is_new();
        self.transcript.clear();
        self.last = Figures::default();
        self.wishes = Wishes::default();
        self.own = None;
        self.once = None;
        self.context_used = 0;
        self.told_at = None;
        self.pending = None;
        self.editing = None;
        self.stepped_from = None;
        self.deletions.clear();
        self.held = false;
    }
}

fn figures(running: &Running, now: Instant) -> Figures {
    Figures {
        usage: Usage {
            prompt_tokens: running.prompt_tokens.unwrap_or(0),
            cached_tokens: None,
            completion_tokens: running.meter.tokens(),
        },
        stats: running.meter.stats(now),
        decode_now: running.meter.rate_now(),
        spark: running.meter.history().iter().copied().collect(),
    }
}
