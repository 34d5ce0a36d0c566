//! One answer: the prompt is counted, the request made, and the engine's stream turned into pieces.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use either::Either;
use mistralrs::core::{CompletionChunkResponse, RequestMessage, TERMINATE_ALL_NEXT_STEP};
use mistralrs::{
    ChatCompletionChunkResponse, Model, NormalRequest, Request, RequestBuilder, RequestLike, Response, TextMessageRole,
    TextMessages,
};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;

use super::conductor::Conductor;
use super::guide::{Guide, TOO_COMPLICATED};
use super::load::{Loaded, Vocabulary};
use super::options::sampling_params;
use super::prefixes;
use super::resume::{Begun, Made};
use crate::domain::recommend;
use crate::domain::stats::{TokenMeter, Usage};
use crate::domain::{Beginning, ChatMessage, FinishReason, GenRequest, PieceKind, Role, Thinking};
use crate::engine::answer::{self, Room, StopMatcher, ThinkSplitter};
use crate::engine::{Outcome, Piece};
use crate::error::{ErrorKind, UserError};

pub(super) fn generate(
    loaded: &Loaded,
    req: &GenRequest,
    cancel: &CancellationToken,
    out: &mut dyn FnMut(Piece),
) -> Result<Outcome, UserError> {
    loaded.runtime.block_on(answer(loaded, req, cancel, out))
}

async fn answer(
    loaded: &Loaded,
    req: &GenRequest,
    cancel: &CancellationToken,
    out: &mut dyn FnMut(Piece),
) -> Result<Outcome, UserError> {
    let meter = TokenMeter::start(Instant::now());
    let mut prompt = read_prompt(&loaded.model, req).await?;
    let template = prompt.len();
    let mut last = loaded.last.lock().await;
    let begun = req.begun.as_deref().zip(loaded.texts.as_ref());
    let begun = begun.map(|(begun, texts)| Begun::new(begun, last.as_ref(), &prompt, texts)).unwrap_or_default();
    prompt.extend_from_slice(&begun.read);
    let prompt_tokens = u32::try_from(template + begun.len()).unwrap_or(u32::MAX);
    // The last moment before the prompt is read, which can't be stopped.
    if cancel.is_cancelled() {
        return Ok(Outcome::before_the_prompt(prompt_tokens, meter.stats(Instant::now())));
    }
    let engine = loaded.model.inner().get_sender(None).map_err(|e| engine_error(&e.to_string()))?;
    let mut prefixes = loaded.prefixes.lock().await;
    let has_state = loaded.info.facts.stateful_layers > 0;
    if prefixes.are_untrue() || (has_state && prefixes.go_beyond(&prompt)) {
        prefixes::sweep(&engine, &mut prefixes).await;
    }
    let cached_tokens = prefixes.shared_with(&prompt);
    // A pool keeps whole blocks, as long as nothing else needs their place: which ones, it does not tell.
    let cached_tokens = (!loaded.has_pool).then(|| u32::try_from(cached_tokens).unwrap_or(u32::MAX));
    let context = loaded.info.context;
    // Told before it is judged: who hears that it does not fit knows by how much.
    out(Piece::Started { prompt_tokens, cached_tokens, context });
    let room = answer::room(prompt_tokens, req.max_tokens, context)?;
    let guide = guide(loaded, req, prompt.split_at(template))?;
    *last = None;

    let Vocabulary { ends, marks } = &loaded.vocabulary;
    let conductor = Conductor::new(&prompt, &begun.again, ends, marks, room.max_tokens);
    let handed_out = req.begun.as_deref().cloned().unwrap_or_default();
    let mut answer = Answer {
        out,
        meter,
        room,
        prompt_tokens,
        cached_tokens,
        conductor: conductor.clone(),
        stops: StopMatcher::new(&req.stop),
        thinking: if begun.len() > 0 { ThinkSplitter::after(&handed_out) } else { splitter(loaded, &prompt) },
        handed_out,
        to_drop: !begun.again.is_empty(),
        stopped_at: None,
    };

    // The flag outlives what it was meant for when an answer ends by itself at the same moment.
    TERMINATE_ALL_NEXT_STEP.store(false, Ordering::SeqCst);
    let max_tokens = room.max_tokens.saturating_add(u32::try_from(begun.again.len()).unwrap_or(0));
    let messages = req.begun.is_some().then_some(RequestMessage::CompletionTokens(prompt));
    let request = request(loaded, req, max_tokens, guide, conductor.clone());
    let ask = ask(&engine, request, messages);
    // The end of the sweeping stays open as long as the answer.
    let (stream, _swept) = if prefixes.need_sweeping() {
        let (stream, swept) = prefixes::ask_and_sweep(&engine, &mut prefixes, ask).await;
        (stream, Some(swept))
    } else {
        (ask.await, None)
    };
    let mut stream = stream?;

    // This loop is all that reads the engine's stream, which has room for one item and stops the engine when it is full:
    // nothing in here may wait for anybody else.
    let mut asked_to_end = false;
    loop {
        let response = tokio::select! {
            biased;
            () = cancel.cancelled(), if !asked_to_end => {
                asked_to_end = true;
                // Not by dropping the stream: this way the engine ends after its next token, says so, and keeps its cache.
                end_soon(&conductor);
                continue;
            }
            response = stream.recv() => response,
        };
        let outcome = match response {
            Some(Response::Chunk(chunk)) => Chunk::of_chat(chunk).and_then(|chunk| answer.take(chunk, asked_to_end)),
            Some(Response::CompletionChunk(chunk)) => {
                Chunk::of_completion(chunk).and_then(|chunk| answer.take(chunk, asked_to_end))
            }
            Some(Response::ModelError(reason, _) | Response::CompletionModelError(reason, _)) => {
                // A step that fails sweeps, whoever asked.
                prefixes.swept();
                return Err(engine_error(&reason));
            }
            Some(Response::InternalError(error) | Response::ValidationError(error)) => {
                return Err(engine_error(&error.to_string()));
            }
            Some(_) => return Err(engine_error("it gave something else than a piece of an answer")),
            None => Some(answer.end_without_a_word(cancel.is_cancelled())),
        };
        if let Some(outcome) = outcome {
            let seen = conductor.seen();
            let tokens = seen.get(template..).unwrap_or_default().to_vec();
            *last = Some(Made { tokens, handed_out: answer.handed_out });
            prefixes.add(seen, conductor.is_in_charge());
            return Ok(outcome);
        }
        if answer.stopped_at.is_some() && !asked_to_end {
            asked_to_end = true;
            end_soon(&conductor);
        }
    }
}

/// What the engine hands out, in one form for both kinds of request.
struct Chunk {
    text: Option<String>,
    reasoning: Option<String>,
    /// Of the last one.
    finish: Option<String>,
    completion_tokens: Option<usize>,
}

impl Chunk {
    fn of_chat(chunk: ChatCompletionChunkResponse) -> Option<Self> {
        let choice = chunk.choices.into_iter().next()?;
        Some(Self {
            text: choice.delta.content,
            reasoning: choice.delta.reasoning_content.filter(|text| !text.is_empty()),
            finish: choice.finish_reason,
            completion_tokens: chunk.usage.map(|usage| usage.completion_tokens).filter(|n| *n > 0),
        })
    }

    fn of_completion(chunk: CompletionChunkResponse) -> Option<Self> {
        let choice = chunk.choices.into_iter().next()?;
        Some(Self { text: Some(choice.text), reasoning: None, finish: choice.finish_reason, completion_tokens: None })
    }
}

/// Hands a request to the engine: a chat, or the tokens of an answer that goes on.
async fn ask(
    engine: &Sender<Request>,
    mut request: RequestBuilder,
    messages: Option<RequestMessage>,
) -> Result<Receiver<Response>, UserError> {
    let (tell, told) = channel(1);
    let messages = messages.unwrap_or_else(|| request.take_messages());
    let sampling = request.take_sampling_params();
    let request = NormalRequest {
        is_streaming: true,
        constraint: request.take_constraint(),
        logits_processors: request.take_logits_processors(),
        ..NormalRequest::new_simple(messages, sampling, tell, 0, None, None)
    };
    engine.send(Request::Normal(Box::new(request))).await.map_err(|e| engine_error(&e.to_string()))?;
    Ok(told)
}

fn request(
    loaded: &Loaded,
    req: &GenRequest,
    max_tokens: u32,
    guide: Option<Guide>,
    conductor: Conductor,
) -> RequestBuilder {
    let sampling = req.sampling.resolve(recommend::in_force(&loaded.info.facts, req.thinking));
    // The mark is one more than the answer may have.
    let marks = conductor.marks();
    let max_tokens = max_tokens.saturating_add(u32::from(conductor.is_in_charge()));
    let mut request = RequestBuilder::new().set_sampling(sampling_params(&sampling, max_tokens, marks));
    if let Some(guide) = guide {
        request = request.add_logits_processor(Arc::new(guide));
    }
    // The last hand: a mark stands for an end that the form allows, and no form keeps an answer from ending early.
    request = request.add_logits_processor(Arc::new(conductor));
    for message in &req.messages {
        request = request.add_message(role(message), &message.content);
    }
    match thinking(req.thinking) {
        Some(on) => request.enable_thinking(on),
        None => request,
    }
}

/// The engine makes one more token, or the one that it is at, and no other.
fn end_soon(conductor: &Conductor) {
    if conductor.is_in_charge() {
        conductor.stop();
    } else {
        TERMINATE_ALL_NEXT_STEP.store(true, Ordering::SeqCst);
    }
}

/// Tokens of the prompt as the model's template makes it. Never dropped half way: the engine panics then.
pub(super) async fn read_prompt(model: &Model, req: &GenRequest) -> Result<Vec<u32>, UserError> {
    let messages = req.messages.iter().fold(TextMessages::new(), |all, m| all.add_message(role(m), &m.content));
    let tokens = model.tokenize(Either::Left(messages), None, true, true, thinking(req.thinking)).await;
    tokens.map_err(|error| template_error(&error.to_string()))
}

/// What holds the answer to the form that was asked for, if one was: to a prompt, and what of the answer there is already.
fn guide(loaded: &Loaded, req: &GenRequest, prompt: (&[u32], &[u32])) -> Result<Option<Guide>, UserError> {
    let Some(constraint) = &req.constraint else { return Ok(None) };
    let guide = match &loaded.forms {
        Some(forms) => forms.guide(constraint, prompt, loaded.info.facts.can_think, req.thinking),
        None => Err("it has no vocabulary for that".to_owned()),
    };
    guide.map(Some).map_err(|reason| {
        tracing::error!("an answer can't be held to its form: {reason}");
        UserError::new(ErrorKind::Generation, format!("{} can't answer in that form", loaded.info.name))
            .hint("ask without it, or for a simpler one; the log has more")
    })
}

/// The engine takes reasoning apart where the template names both tags, and knows then whether the prompt has opened it.
fn splitter(loaded: &Loaded, prompt: &[u32]) -> ThinkSplitter {
    let opened = || loaded.forms.as_ref().is_some_and(|forms| forms.opens_reasoning(prompt));
    if !loaded.info.facts.can_think && opened() { ThinkSplitter::inside() } else { ThinkSplitter::default() }
}

fn role(message: &ChatMessage) -> TextMessageRole {
    match message.role {
        Role::System => TextMessageRole::System,
        Role::User => TextMessageRole::User,
        Role::Assistant => TextMessageRole::Assistant,
    }
}

fn thinking(thinking: Thinking) -> Option<bool> {
    match thinking {
        Thinking::Auto => None,
        Thinking::On => Some(true),
        Thinking::Off => Some(false),
    }
}

/// Counting is where the model's template meets the conversation.
fn template_error(reason: &str) -> UserError {
    tracing::error!("the prompt could not be made: {reason}");
    UserError::new(
        ErrorKind::Generation,
        format!("the model's chat template refuses this conversation: {}", in_short(reason)),
    )
    .hint("some models take no system prompt: try without one")
}

fn engine_error(reason: &str) -> UserError {
    tracing::error!("an answer failed: {reason}");
    if reason.contains(TOO_COMPLICATED) {
        return UserError::new(ErrorKind::Usage, TOO_COMPLICATED)
            .hint("ask for a simpler one with --regex or --schema: shorter repetitions, fewer choices");
    }
    UserError::new(ErrorKind::Generation, format!("the engine could not go on: {}", in_short(reason)))
        .hint("try again; the log has more")
}

fn in_short(reason: &str) -> String {
    let reason = reason.trim_start_matches("inference error: ");
    reason.lines().next().unwrap_or_default().trim_end_matches('.').chars().take(200).collect()
}

/// An answer in the making.
struct Answer<'a> {
    out: &'a mut dyn FnMut(Piece),
    meter: TokenMeter,
    room: Room,
    prompt_tokens: u32,
    /// Of the prompt, what the engine need not read again.
    cached_tokens: Option<u32>,
    conductor: Conductor,
    stops: StopMatcher,
    thinking: ThinkSplitter,
    /// All of the answer that the front end has, what it began with included.
    handed_out: Beginning,
    /// The next piece is there already: it is what the answer goes on from.
    to_drop: bool,
    /// Tokens up to the stop string that was found.
    stopped_at: Option<u32>,
}

impl Answer<'_> {
    /// Passes on what a chunk holds; the outcome if it was the last.
    fn take(&mut self, chunk: Chunk, asked_to_end: bool) -> Option<Outcome> {
        let mut pieces = Vec::new();
        if std::mem::take(&mut self.to_drop) {
            // Nothing of it is new.
        } else if self.stopped_at.is_none() {
            // One chunk is one token, except that a character of several tokens comes with its last; the exact count at
            // the end puts that right. A mark is none.
            let tokens = u32::from(chunk.finish.is_none() || !self.conductor.is_in_charge());
            self.meter.add(tokens, Instant::now());
            if let Some(text) = chunk.reasoning {
                self.thinking.reasoning_was_elsewhere();
                pieces.push((PieceKind::Reasoning, text));
            }
            if let Some(text) = &chunk.text {
                self.pass(text, &mut pieces);
            }
            if chunk.finish.is_some() && self.stopped_at.is_none() {
                self.release(&mut pieces);
            }
            self.emit(pieces, tokens);
        }
        let reason = chunk.finish.as_deref()?;
        Some(self.outcome(reason, asked_to_end, chunk.completion_tokens))
    }

    fn pass(&mut self, text: &str, pieces: &mut Vec<(PieceKind, String)>) {
        let (stops, stopped_at, tokens) = (&mut self.stops, &mut self.stopped_at, self.meter.tokens());
        self.thinking.push(text, &mut |kind, text| {
            if kind == PieceKind::Reasoning {
                pieces.push((kind, text));
            } else if stopped_at.is_none() {
                let passed = stops.push(&text);
                pieces.push((kind, passed.text));
                if passed.stopped {
                    *stopped_at = Some(tokens);
                }
            }
        });
    }

    /// The answer is over: what was held back is passed on.
    fn release(&mut self, pieces: &mut Vec<(PieceKind, String)>) {
        match self.thinking.finish() {
            Some((PieceKind::Text, text)) => {
                let passed = self.stops.push(&text);
                pieces.push((PieceKind::Text, passed.text));
                if passed.stopped {
                    self.stopped_at = Some(self.meter.tokens());
                }
            }
            Some(reasoning) => pieces.push(reasoning),
            None => {}
        }
        if self.stopped_at.is_none() {
            pieces.push((PieceKind::Text, self.stops.finish()));
        }
    }

    /// The first piece carries the tokens; without any text they are told alone.
    fn emit(&mut self, mut pieces: Vec<(PieceKind, String)>, mut tokens: u32) {
        pieces.retain(|(_, text)| !text.is_empty());
        if pieces.is_empty() && tokens > 0 {
            pieces.push((PieceKind::Text, String::new()));
        }
        for (kind, text) in pieces {
            match kind {
                PieceKind::Text => self.handed_out.text.push_str(&text),
                PieceKind::Reasoning => self.handed_out.reasoning.push_str(&text),
            }
            (self.out)(Piece::Delta { kind, text, tokens: std::mem::take(&mut tokens) });
        }
    }

    fn outcome(&self, reason: &str, asked_to_end: bool, told: Option<usize>) -> Outcome {
        let in_charge = self.conductor.is_in_charge();
        let counted =
            if in_charge { self.conductor.seen().len().checked_sub(self.prompt_tokens as usize) } else { told };
        let counted = counted.and_then(|n| u32::try_from(n).ok());
        let completion = self.stopped_at.or(counted).unwrap_or(self.meter.tokens());
        let reason = match reason {
            _ if self.stopped_at.is_some() => FinishReason::Stop,
            _ if in_charge && asked_to_end => FinishReason::Cancelled,
            _ if in_charge && self.conductor.is_full() => self.room.at_the_end,
            "length" => self.room.at_the_end,
            "canceled" => FinishReason::Cancelled,
            _ => FinishReason::Stop,
        };
        self.finish(reason, completion)
    }

    /// The engine closed its stream without a last chunk. That is what it does when the last token left a character
    /// unfinished, whether that token was the model's own end or the last one allowed (a panic never gets here).
    fn end_without_a_word(&mut self, cancelled: bool) -> Outcome {
        let mut pieces = Vec::new();
        if self.stopped_at.is_none() {
            self.release(&mut pieces);
        }
        self.emit(pieces, 0);
        let tokens = self.meter.tokens();
        let reason = if self.stopped_at.is_some() {
            FinishReason::Stop
        } else if cancelled {
            FinishReason::Cancelled
        } else if tokens + MOST_TOKENS_OF_A_CHARACTER > self.room.max_tokens {
            self.room.at_the_end
        } else {
            FinishReason::Stop
        };
        self.finish(reason, tokens)
    }

    fn finish(&self, reason: FinishReason, completion_tokens: u32) -> Outcome {
        let usage = Usage { prompt_tokens: self.prompt_tokens, cached_tokens: self.cached_tokens, completion_tokens };
        Outcome { reason, usage, stats: self.meter.stats(Instant::now()) }
    }
}

/// Of a character's four bytes in UTF-8, each can be a token; the last one was missing.
const MOST_TOKENS_OF_A_CHARACTER: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_is_too_complicated_is_no_fault_of_the_engine() {
        let error = engine_error(&format!("inference error: {TOO_COMPLICATED}"));
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Usage, TOO_COMPLICATED));
        assert!(error.hint.is_some_and(|hint| hint.contains("--regex")));
        assert_eq!(engine_error("inference error: no more tensors.").kind, ErrorKind::Generation);
    }
}
