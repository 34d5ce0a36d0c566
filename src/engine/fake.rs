//! A backend that reads from a script, for tests and benches (feature `fake-engine`).
//!
//! It runs in the engine's process like the real one, so that everything around it is real. MODEL is `script:FILE`; the
//! file is TOML, and everything in it is optional:
//!
//! ```toml
//! context = 4096              # the longest there is; what the spec asks for can be less
//! can_think = false
//! load_ms = 0                 # how long reading the weights takes
//! fail_load = "no such luck"  # loading fails with this message
//! die_load = "abort"          # dies while reading the weights: abort, exit, panic or hang
//! noise = "what a library says"   # printed to stdout and stderr while loading
//!
//! [[reply]]
//! when = "weather"            # only if the last message holds this; such replies are looked at first
//! text = "Fine, thank you."   # without it: the last message, as an echo
//! reasoning = "They ask me."
//! count_ms = 0                # before the prompt's tokens are known
//! prefill_ms = 0              # before the first token; can't be cancelled, as in the real engine
//! prompt_tokens = 12          # without it: the words of all messages
//! tokens_per_second = 0.0     # 0: as fast as it goes
//! fail = "it did not work"    # the answer fails after its last piece
//! die = "panic"               # dies after `after` pieces: abort, exit, panic, hang, or thread (one of its own)
//! after = 0
//! noise = "more of it"
//! deaf = false                # does not notice that it is cancelled
//! ```
//!
//! A token is a word with the white space before it. An answer that goes on does so after what there is of it, if that is
//! how the reply begins. Replies without `when` are given in turn, the last one again and
//! again; a new process begins at the first. Without any reply, every message is echoed.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::answer::{self, StopMatcher};
use super::{Backend, Counter, Outcome, Piece};
use crate::domain::context::TemplateCost;
use crate::domain::model::{Device, Format, ModelFacts, ModelInfo, ModelSpec};
use crate::domain::quant::KeptCopy;
use crate::domain::stats::{TokenMeter, Usage};
use crate::domain::{FinishReason, GenRequest, LoadStage, PieceKind};
use crate::error::{ErrorKind, UserError};

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Script {
    context: u32,
    can_think: bool,
    load_ms: u64,
    fail_load: Option<String>,
    die_load: Option<Death>,
    noise: Option<String>,
    reply: Vec<Reply>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            context: 4096,
            can_think: false,
            load_ms: 0,
            fail_load: None,
            die_load: None,
            noise: None,
            reply: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Reply {
    when: Option<String>,
    text: Option<String>,
    reasoning: String,
    count_ms: u64,
    prefill_ms: u64,
    prompt_tokens: Option<u32>,
    tokens_per_second: f64,
    fail: Option<String>,
    die: Option<Death>,
    after: usize,
    noise: Option<String>,
    deaf: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Death {
    Abort,
    Exit,
    Panic,
    Thread,
    Hang,
}

impl Death {
    fn die(self) {
        match self {
            Self::Abort => std::process::abort(),
            Self::Exit => std::process::exit(3),
            Self::Panic => panic!("as the script says"),
            // As the engine goes: the caller is none the wiser.
            Self::Thread => {
                let _ = std::thread::spawn(|| panic!("as the script says, in a thread")).join();
            }
            Self::Hang => loop {
                std::thread::park();
            },
        }
    }
}

/// The scripted engine.
#[derive(Default)]
pub(super) struct Fake {
    script: Script,
    context: u32,
    /// Replies without `when` that have been given.
    given: usize,
}

impl Backend for Fake {
    fn load(&mut self, spec: &ModelSpec, stage: &mut dyn FnMut(LoadStage)) -> Result<ModelInfo, UserError> {
        let start = Instant::now();
        stage(LoadStage::Checking);
        self.script = read(&spec.location)?;
        stage(LoadStage::Weights);
        print(self.script.noise.as_deref());
        std::thread::sleep(Duration::from_millis(self.script.load_ms));
        if let Some(death) = self.script.die_load {
            death.die();
        }
        if let Some(message) = &self.script.fail_load {
            return Err(UserError::new(ErrorKind::LoadFailed, message).hint("the script says so"));
        }
        stage(LoadStage::WarmUp);
        self.context = spec.settings.context.clamp(1, self.script.context.max(1));
        Ok(ModelInfo {
            reference: spec.reference.clone(),
            name: spec.name.clone(),
            facts: facts(&self.script),
            context: self.context,
            device: if spec.settings.device == Device::Cpu { "CPU".into() } else { "script".into() },
            quant: facts(&self.script).quant,
            copy: KeptCopy::None,
            notes: Vec::new(),
            load_time: start.elapsed(),
        })
    }

    fn generate(
        &mut self,
        req: &GenRequest,
        cancel: &CancellationToken,
        out: &mut dyn FnMut(Piece),
    ) -> Result<Outcome, UserError> {
        let mut meter = TokenMeter::start(Instant::now());
        let reply = self.choose(req);
        let text = reply.text.clone().unwrap_or_else(|| last_message(req).to_owned());
        let so_far = req.begun.as_ref().map_or("", |begun| begun.text.as_str());
        let text = text.strip_prefix(so_far).unwrap_or(&text).to_owned();
        let texts = req.messages.iter().map(|m| m.content.as_str()).chain([so_far]);
        let prompt = reply.prompt_tokens.unwrap_or(texts.map(count).sum());
        std::thread::sleep(Duration::from_millis(reply.count_ms));
        if cancel.is_cancelled() {
            return Ok(Outcome::before_the_prompt(prompt, meter.stats(Instant::now())));
        }
        out(Piece::Started { prompt_tokens: prompt, cached_tokens: None, context: self.context });
        let room = answer::room(prompt, req.max_tokens, self.context)?;
        print(reply.noise.as_deref());
        std::thread::sleep(Duration::from_millis(reply.prefill_ms));

        let pieces = words_of(&reply.reasoning).map(|word| (PieceKind::Reasoning, word));
        let pieces: Vec<_> = pieces.chain(words_of(&text).map(|word| (PieceKind::Text, word))).collect();
        let mut stops = StopMatcher::new(&req.stop);
        let mut reason = FinishReason::Stop;
        let start = Instant::now();
        for (n, (kind, word)) in pieces.into_iter().enumerate() {
            if n == reply.after
                && let Some(death) = reply.die
            {
                death.die();
            }
            if reply.tokens_per_second > 0.0 {
                #[allow(clippy::cast_precision_loss)] // words of a reply
                let at = start + Duration::from_secs_f64(n as f64 / reply.tokens_per_second);
                wait_until(at, cancel, reply.deaf);
            }
            if cancel.is_cancelled() && !reply.deaf {
                reason = FinishReason::Cancelled;
                break;
            }
            if meter.tokens() >= room.max_tokens {
                reason = room.at_the_end;
                break;
            }
            meter.add(1, Instant::now());
            let passed = match kind {
                PieceKind::Text => stops.push(word),
                PieceKind::Reasoning => answer::Passed { text: word.to_owned(), stopped: false },
            };
            out(Piece::Delta { kind, text: passed.text, tokens: 1 });
            if passed.stopped {
                break;
            }
        }
        let rest = stops.finish();
        if !rest.is_empty() {
            out(Piece::Delta { kind: PieceKind::Text, text: rest, tokens: 0 });
        }
        if let Some(death) = reply.die {
            death.die();
        }
        if let Some(message) = reply.fail {
            return Err(UserError::new(ErrorKind::Generation, message).hint("the script says so"));
        }
        let usage = Usage { prompt_tokens: prompt, cached_tokens: None, completion_tokens: meter.tokens() };
        Ok(Outcome { reason, usage, stats: meter.stats(Instant::now()) })
    }

    fn counter(&self) -> Option<Counter> {
        Some(Counter { template: TemplateCost::default(), tokens: Box::new(count) })
    }
}

impl Fake {
    fn choose(&mut self, req: &GenRequest) -> Reply {
        let last = last_message(req);
        let fits = |reply: &&Reply| reply.when.as_ref().is_some_and(|when| last.contains(when));
        if let Some(reply) = self.script.reply.iter().find(fits) {
            return reply.clone();
        }
        let mut in_turn: Vec<&Reply> = self.script.reply.iter().filter(|reply| reply.when.is_none()).collect();
        let reply = (!in_turn.is_empty()).then(|| in_turn.swap_remove(self.given.min(in_turn.len() - 1)).clone());
        self.given += 1;
        reply.unwrap_or_default()
    }
}

fn count(text: &str) -> u32 {
    u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX)
}

fn last_message(req: &GenRequest) -> &str {
    req.messages.last().map_or("", |message| message.content.as_str())
}

/// Words, each with the white space before it; what is left at the end goes with the last.
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let word = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let end = rest[word..].find(char::is_whitespace).map_or(rest.len(), |n| word + n);
        let end = if rest[end..].trim().is_empty() { rest.len() } else { end };
        let (piece, later) = rest.split_at(end);
        rest = later;
        Some(piece)
    })
}

fn wait_until(at: Instant, cancel: &CancellationToken, deaf: bool) {
    const LOOK: Duration = Duration::from_millis(5);
    loop {
        let left = at.saturating_duration_since(Instant::now());
        if left.is_zero() || (cancel.is_cancelled() && !deaf) {
            return;
        }
        std::thread::sleep(left.min(LOOK));
    }
}

fn print(noise: Option<&str>) {
    if let Some(noise) = noise {
        let _ = writeln!(std::io::stdout(), "{noise}");
        let _ = writeln!(std::io::stderr(), "{noise}");
    }
}

/// What a script says of itself, in place of a model's header.
///
/// # Errors
/// It can't be read, or is none.
pub fn probe(path: &Path) -> Result<ModelFacts, UserError> {
    read(path).map(|script| facts(&script))
}

fn read(path: &Path) -> Result<Script, UserError> {
    let place = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        UserError::new(ErrorKind::ModelNotFound, format!("`{place}` can't be read: {error}")).hint("check the path")
    })?;
    toml::from_str(&text).map_err(|error: toml::de::Error| {
        UserError::new(ErrorKind::ModelBroken, format!("`{place}` is no script: {}", error.message()))
            .hint("the scripted engine's own documentation shows one")
    })
}

fn facts(script: &Script) -> ModelFacts {
    ModelFacts {
        format: Format::Script,
        name: Some("script".into()),
        architecture: "script".into(),
        quant: "none".into(),
        context: script.context,
        has_chat_template: true,
        can_think: script.can_think,
        ..ModelFacts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_nothing() {
        for text in ["", " ", "a", " a  b\nc \n", "one two", "\n\n"] {
            assert_eq!(words_of(text).collect::<String>(), text);
        }
        assert_eq!(words_of("a b\n c ").collect::<Vec<_>>(), ["a", " b", "\n c "]);
    }

    #[test]
    fn the_documented_script_is_one() {
        let documentation: String = include_str!("fake.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//!"))
            .skip_while(|line| line.trim() != "```toml")
            .skip(1)
            .take_while(|line| line.trim() != "```")
            .fold(String::new(), |all, line| all + line + "\n");
        let script: Script = toml::from_str(&documentation).expect("a script");
        assert_eq!((script.context, script.reply.len()), (4096, 1));
    }
}
