//! The Chat pane's state: the conversation, the answer that is being made, and what waits behind it.

use std::collections::VecDeque;
use std::time::Instant;

use crate::app::composer::Composer;
use crate::app::transcript::Transcript;
use crate::app::wishes::Wishes;
use crate::config::Settings;
use crate::domain::conversation::{Conversation, Message, MessageState, Outcome};
use crate::domain::stats::{GenStats, TokenMeter, Usage};
use crate::domain::{FinishReason, GenId, GenRequest, MsgId, PieceKind, Role};
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

/// The answer that is being made.
#[derive(Debug, Clone, PartialEq)]
pub struct Running {
    pub id: GenId,
    pub answer: MsgId,
    pub phase: Phase,
    pub meter: TokenMeter,
    pub prompt_tokens: Option<u32>,
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
    pub queue: VecDeque<String>,
    /// An answer failed: what waits goes on only when the user says so.
    pub held: bool,
    pub running: Option<Running>,
    pub wishes: Wishes,
    last: Figures,
    /// Tokens that the conversation fills of the context, as far as the engine has told.
    pub context_used: u32,
}

impl ChatPane {
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.running.is_some()
    }

    /// Adds the user's words, if there are any, and an empty answer; gives what the engine needs to fill it.
    pub fn begin(
        &mut self,
        id: GenId,
        text: Option<String>,
        model: &str,
        settings: &Settings,
        now: Instant,
    ) -> GenRequest {
        if let Some(text) = text {
            self.conversation.push(Role::User, text, MessageState::Whole);
        }
        let messages = self.conversation.for_engine(&settings.chat.system_prompt);
        let answer = self.conversation.push(Role::Assistant, String::new(), MessageState::Streaming);
        self.conversation.edit(answer, |m| m.model = Some(model.to_owned()));
        self.running = Some(Running {
            id,
            answer,
            phase: Phase::Waiting,
            meter: TokenMeter::start(now),
            prompt_tokens: None,
            context_before: self.context_used,
        });
        self.held = false;
        self.transcript.to_bottom();
        GenRequest {
            messages,
            sampling: settings.sampling,
            max_tokens: settings.chat.max_tokens,
            stop: Vec::new(),
            thinking: settings.chat.thinking,
            constraint: None,
        }
    }

    fn current(&mut self, id: GenId) -> Option<&mut Running> {
        self.running.as_mut().filter(|r| r.id == id)
    }

    pub fn started(&mut self, id: GenId, prompt_tokens: u32) {
        if let Some(running) = self.current(id) {
            running.prompt_tokens = Some(prompt_tokens);
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

    /// The answer is whole, or was stopped. False where it is not the running one.
    pub fn finished(&mut self, id: GenId, outcome: Outcome, now: Instant) -> bool {
        if self.current(id).is_none() {
            return false;
        }
        if outcome.usage.prompt_tokens > 0 {
            self.context_used = outcome.usage.total();
        }
        self.end(MessageState::Whole, Some(outcome), now);
        true
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
        self.end(MessageState::Failed(error), Some(outcome), now);
        self.held = true;
        true
    }

    /// The newest answer failed with this error.
    #[must_use]
    pub fn ended_with(&self, error: &UserError) -> bool {
        self.conversation.head().is_some_and(|m| matches!(&m.state, MessageState::Failed(of) if of == error))
    }

    fn end(&mut self, state: MessageState, outcome: Option<Outcome>, now: Instant) {
        let Some(running) = self.running.take() else { return };
        self.conversation.edit(running.answer, |m| {
            m.state = state;
            m.outcome = outcome;
        });
        if self.conversation.get(running.answer).is_some_and(Message::leaves_its_question_out) {
            self.context_used = running.context_before;
        }
        self.last = figures(&running, now);
        if let Some(outcome) = outcome {
            self.last.usage = outcome.usage;
            self.last.stats = outcome.stats;
            self.last.decode_now = outcome.stats.decode_rate(&outcome.usage);
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
        self.transcript.clear();
        self.last = Figures::default();
        self.wishes = Wishes::default();
        self.context_used = 0;
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
