//! The running answer as the parent has seen it, for when it is cut short.

use std::time::{Duration, Instant};

use crate::domain::stats::{GenStats, TokenMeter, Usage};
use crate::domain::{Beginning, EngineEvent, FinishReason, GenId, GenRequest, PieceKind};
use crate::engine::share::GuestId;

/// Who asks for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// Our own front end.
    Front,
    Guest(GuestId),
}

/// A message that waits for the engine.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub asker: Asker,
    /// What the asker knows it by.
    pub id: GenId,
    pub req: GenRequest,
    /// What was made of it before it had to give way.
    pub earlier: Option<Earlier>,
}

/// A part of an answer that was made before it had to give way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Earlier {
    usage: Usage,
    stats: GenStats,
    /// What the asker has of it, where all of it is made once more.
    known: Option<Beginning>,
}

/// What a piece of an answer is to whoever asked.
pub(super) enum Taken {
    News(EngineEvent),
    Known,
    /// Made once more, it is another answer.
    Differs,
}

pub(super) struct Answer {
    /// What the process knows it by.
    pub ticket: GenId,
    pub ask: Ask,
    prompt_tokens: u32,
    cached_tokens: Option<u32>,
    meter: TokenMeter,
    /// A piece of it has come.
    begun: bool,
    /// What has come, where it may have to be gone on with.
    heard: Beginning,
}

impl Answer {
    pub fn begin(ticket: GenId, ask: Ask, now: Instant) -> Self {
        Self {
            ticket,
            ask,
            prompt_tokens: 0,
            cached_tokens: None,
            meter: TokenMeter::start(now),
            begun: false,
            heard: Beginning::default(),
        }
    }

    pub fn is_guests(&self) -> bool {
        matches!(self.ask.asker, Asker::Guest(_))
    }

    /// Whether there is anything of it that somebody may have seen.
    pub fn is_begun(&self) -> bool {
        self.begun
    }

    /// Its prompt has been counted. Whoever has heard that once does not hear it again.
    pub fn starts(&mut self, prompt_tokens: u32, cached_tokens: Option<u32>, context: u32) -> Option<EngineEvent> {
        (self.prompt_tokens, self.cached_tokens) = (prompt_tokens, cached_tokens);
        let id = self.ask.id;
        self.ask.earlier.is_none().then_some(EngineEvent::Started { id, prompt_tokens, cached_tokens, context })
    }

    pub fn takes(&mut self, kind: PieceKind, text: String, tokens: u32, now: Instant) -> Taken {
        self.meter.add(tokens, now);
        self.begun = true;
        let id = self.ask.id;
        if !self.is_guests() {
            return Taken::News(EngineEvent::Delta { id, kind, text, tokens });
        }
        let known = self.ask.earlier.as_ref().and_then(|earlier| earlier.known.as_ref());
        let (heard, known, more) = match kind {
            PieceKind::Text => (&mut self.heard.text, known.map_or("", |known| known.text.as_str()), ""),
            PieceKind::Reasoning => {
                let (reasoning, text) = known.map_or(("", ""), |known| (known.reasoning.as_str(), known.text.as_str()));
                (&mut self.heard.reasoning, reasoning, text)
            }
        };
        let left = known.as_bytes().get(heard.len()..).unwrap_or_default();
        heard.push_str(&text);
        let (old, new) = text.as_bytes().split_at(left.len().min(text.len()));
        if !left.starts_with(old) || (!new.is_empty() && !more.is_empty()) {
            return Taken::Differs;
        }
        match text.get(old.len()..) {
            Some("") if !old.is_empty() => Taken::Known,
            Some(fresh) => {
                let tokens = if old.is_empty() { tokens } else { 0 };
                Taken::News(EngineEvent::Delta { id, kind, text: fresh.to_owned(), tokens })
            }
            None => Taken::Differs,
        }
    }

    /// Its end as the process tells it.
    pub fn ends(self, reason: FinishReason, usage: Usage, stats: GenStats, satisfied: Option<bool>) -> EngineEvent {
        let (usage, stats) = self.with_earlier(usage, stats);
        EngineEvent::Finished { id: self.ask.id, reason, usage, stats, satisfied }
    }

    /// Its end, with what has come through.
    pub fn cut_short(&self, now: Instant) -> EngineEvent {
        let (usage, stats) = self.so_far(now);
        EngineEvent::Finished { id: self.ask.id, reason: FinishReason::Cancelled, usage, stats, satisfied: None }
    }

    fn so_far(&self, now: Instant) -> (Usage, GenStats) {
        let (prompt_tokens, cached_tokens) = (self.prompt_tokens, self.cached_tokens);
        let usage = Usage { prompt_tokens, cached_tokens, completion_tokens: self.meter.tokens() };
        self.with_earlier(usage, self.meter.stats(now))
    }

    /// All parts of it as one.
    fn with_earlier(&self, usage: Usage, stats: GenStats) -> (Usage, GenStats) {
        let Some(Earlier { usage: before, stats: spent, known }) = &self.ask.earlier else { return (usage, stats) };
        let first = stats.first_token.map(|first| spent.total + first);
        let (completion_tokens, decode) = match known {
            None => (before.completion_tokens + usage.completion_tokens, spent.decode + stats.decode),
            Some(_) => (before.completion_tokens.max(usage.completion_tokens), stats.decode),
        };
        let stats = GenStats { first_token: spent.first_token.or(first), decode, total: spent.total + stats.total };
        (Usage { completion_tokens, ..*before }, stats)
    }

    /// What is to be asked so that it goes on from here: the same where nothing of it has come. `None` where there is no
    /// more to it than its end.
    ///
    /// An answer in which nothing is left to chance is made once more from its beginning, without what is known of it: what
    /// is read and what is made differ in their last digits, and to go on in the middle could change a word.
    pub fn give_way(&self, now: Instant) -> Option<Ask> {
        let mut ask = self.ask.clone();
        let left = ask.req.max_tokens.map(|most| most.checked_sub(self.meter.tokens()).filter(|left| *left > 0));
        if left == Some(None) {
            return None;
        }
        if self.prompt_tokens == 0 {
            return Some(ask);
        }
        let exact = ask.req.sampling.temperature == Some(0.0) && ask.req.begun.is_none();
        let (usage, stats) = self.so_far(now);
        // It may have had to give way again before it came as far as the first time.
        let before = ask.earlier.take().and_then(|earlier| earlier.known);
        let longer = before.filter(|before| before.text.len() > self.heard.text.len());
        let known = exact.then(|| longer.unwrap_or_else(|| self.heard.clone()));
        ask.earlier = Some(Earlier { usage, stats, known });
        if !exact {
            ask.req.max_tokens = left.flatten();
            add(&mut ask, &self.heard);
        }
        Some(ask)
    }

    /// The same for one that was to be made once more and became another: it goes on from what is known after all.
    pub fn behind_what_is_known(&self) -> Option<Ask> {
        let mut ask = self.ask.clone();
        let earlier = ask.earlier.as_mut()?;
        let known = earlier.known.take()?;
        if let Some(most) = &mut ask.req.max_tokens {
            *most = most.checked_sub(earlier.usage.completion_tokens).filter(|left| *left > 0)?;
        }
        add(&mut ask, &known);
        Some(ask)
    }

    /// How long the engine may take to stop before its process is killed.
    pub fn patience(&self, load_time: Duration, now: Instant) -> Patience {
        const LEAST: Duration = Duration::from_millis(150);
        let tokens = self.meter.tokens();
        // The first token says nothing of how long one takes.
        let waiting = if tokens >= 2 {
            (self.meter.stats(now).decode / (tokens - 1) * 4).clamp(LEAST, Duration::from_secs(5))
        } else {
            (load_time / 4).clamp(LEAST, Duration::from_secs(1))
        };
        Patience { waiting, idle: load_time.clamp(Duration::from_secs(5), Duration::from_secs(30)) }
    }
}

/// The answer goes on behind this.
fn add(ask: &mut Ask, heard: &Beginning) {
    if *heard != Beginning::default() {
        let begun = ask.req.begun.get_or_insert_default();
        begun.reasoning.push_str(&heard.reasoning);
        begun.text.push_str(&heard.text);
    }
}

/// Between two tokens the engine stops by itself. While it reads the prompt it can't, and nobody knows how long that
/// will be; killing it always helps, and costs a load and everything that it had read of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    /// With a message that waits: the time of a few tokens; where that is not known, a quarter of a load, a second at most.
    pub waiting: Duration,
    /// With none it computes for nobody, which may go on for as long as a load would.
    pub idle: Duration,
}

/// The end of an answer that the engine has not been asked for yet.
pub(super) fn cancelled_before_it_began(ask: &Ask) -> EngineEvent {
    let (usage, stats) = ask.earlier.as_ref().map_or_else(Default::default, |earlier| (earlier.usage, earlier.stats));
    let id = ask.id;
    EngineEvent::Finished { id, reason: FinishReason::Cancelled, usage, stats, satisfied: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;
    const S: fn(u64) -> Duration = Duration::from_secs;

    fn answer(asker: Asker, id: u64, now: Instant) -> Answer {
        let req = GenRequest { max_tokens: Some(10), ..GenRequest::default() };
        Answer::begin(GenId(99), Ask { asker, id: GenId(id), req, earlier: None }, now)
    }

    #[test]
    fn patience_is_worth_what_a_new_load_costs() {
        let t0 = Instant::now();
        let reading = answer(Asker::Front, 1, t0);
        let patience = |load_time| reading.patience(load_time, t0);
        assert_eq!(patience(MS(400)), Patience { waiting: MS(150), idle: S(5) });
        assert_eq!(patience(S(2)), Patience { waiting: MS(500), idle: S(5) });
        assert_eq!(patience(S(10)), Patience { waiting: S(1), idle: S(10) });
        assert_eq!(patience(S(60)), Patience { waiting: S(1), idle: S(30) });

        let answering = |tokens: u32, token: Duration| {
            let mut answer = answer(Asker::Front, 1, t0);
            for n in 0..tokens {
                answer.takes(PieceKind::Text, "a".into(), 1, t0 + S(3) + token * n);
            }
            answer.patience(S(60), t0 + S(3) + token * tokens).waiting
        };
        assert_eq!(answering(1, MS(300)), S(1), "one token has no speed yet");
        assert_eq!(answering(2, MS(300)), MS(1200));
        assert_eq!(answering(11, MS(10)), MS(150));
        assert_eq!(answering(11, S(1)), S(4));
        assert_eq!(answering(11, S(10)), S(5));
    }

    #[test]
    fn what_came_through_is_counted() {
        let t0 = Instant::now();
        let mut answer = answer(Asker::Front, 3, t0);
        assert!(answer.starts(40, None, 4096).is_some());
        answer.takes(PieceKind::Text, "two words".into(), 2, t0 + S(1));
        match answer.cut_short(t0 + S(2)) {
            EngineEvent::Finished { id, reason, usage, stats, .. } => {
                assert_eq!((id, reason), (GenId(3), FinishReason::Cancelled));
                assert_eq!((usage.prompt_tokens, usage.completion_tokens), (40, 2));
                assert_eq!((stats.first_token, stats.total), (Some(S(1)), S(2)));
            }
            other => panic!("not its end: {other:?}"),
        }
    }

    #[test]
    fn an_answer_that_gave_way_goes_on_as_the_same() {
        let t0 = Instant::now();
        let guest = Asker::Guest(GuestId(4));
        let mut first = answer(guest, 1, t0);
        first.starts(40, Some(30), 4096);
        first.takes(PieceKind::Reasoning, "hm".into(), 1, t0 + S(1));
        first.takes(PieceKind::Text, "one".into(), 2, t0 + S(3));
        let again = first.give_way(t0 + S(4)).expect("there is more to it");
        assert_eq!(again.req.max_tokens, Some(7));
        let heard = Beginning { reasoning: "hm".into(), text: "one".into() };
        assert_eq!(again.req.begun.as_deref(), Some(&heard));

        let mut second = Answer::begin(GenId(100), again, t0 + S(9));
        assert_eq!(second.starts(43, Some(0), 4096), None, "it has been told");
        second.takes(PieceKind::Text, " two".into(), 7, t0 + S(10));
        assert!(second.give_way(t0 + S(10)).is_none(), "it is at its end");
        let usage = Usage { prompt_tokens: 43, cached_tokens: Some(0), completion_tokens: 7 };
        let stats = GenStats { first_token: Some(S(1)), decode: S(2), total: S(5) };
        match second.ends(FinishReason::Length, usage, stats, None) {
            EngineEvent::Finished { usage, stats, .. } => {
                assert_eq!(usage, Usage { prompt_tokens: 40, cached_tokens: Some(30), completion_tokens: 10 });
                assert_eq!((stats.first_token, stats.decode, stats.total), (Some(S(1)), S(2) + S(2), S(4) + S(5)));
            }
            other => panic!("not its end: {other:?}"),
        }
    }

    #[test]
    fn without_chance_it_is_made_once_more_and_said_once() {
        let t0 = Instant::now();
        let piece = |answer: &mut Answer, kind, text: &str| match answer.takes(kind, text.into(), 1, t0) {
            Taken::News(EngineEvent::Delta { text, .. }) => Ok(text),
            Taken::Known => Ok(String::new()),
            _ => Err(()),
        };
        let (hm, say) = (PieceKind::Reasoning, PieceKind::Text);
        let mut first = answer(Asker::Guest(GuestId(4)), 1, t0);
        first.ask.req.sampling.temperature = Some(0.0);
        first.starts(40, None, 4096);
        for (kind, text) in [(hm, "hm"), (say, "one"), (say, " two")] {
            assert_eq!(piece(&mut first, kind, text), Ok(text.into()));
        }
        let again = first.give_way(t0).expect("there is more to it");
        assert_eq!((&again.req.begun, again.req.max_tokens), (&None, Some(10)));
        let second = || {
            let mut second = Answer::begin(GenId(100), again.clone(), t0);
            assert_eq!(second.starts(40, None, 4096), None);
            assert_eq!(piece(&mut second, hm, "hm"), Ok(String::new()));
            second
        };
        // However it is cut.
        let mut same = second();
        let news: Vec<_> = ["on", "e tw", "o th", "ree"].map(|text| piece(&mut same, say, text)).into();
        assert_eq!(news, ["", "", " th", "ree"].map(|text| Ok(text.to_owned())));
        let usage = Usage { prompt_tokens: 40, cached_tokens: None, completion_tokens: 5 };
        let end = same.ends(FinishReason::Stop, usage, GenStats::default(), None);
        assert!(matches!(end, EngineEvent::Finished { usage, .. } if usage.completion_tokens == 5), "{end:?}");
        // Interrupted once more before it came as far.
        let mut third = second();
        assert_eq!(piece(&mut third, say, "one"), Ok(String::new()));
        let known = third.give_way(t0).and_then(|ask| ask.earlier?.known).expect("what there is");
        assert_eq!(known.text, "one two");
        // Interrupted once more before it had begun: nothing is forgotten.
        let fourth = Answer::begin(GenId(101), again.clone(), t0);
        let once_more = fourth.give_way(t0).expect("there is more to it");
        assert_eq!((once_more.earlier, once_more.req), (again.earlier.clone(), again.req.clone()));
        for other in [(say, "other"), (say, "one too"), (hm, "more")] {
            let mut other_way = second();
            assert_eq!(piece(&mut other_way, other.0, other.1), Err(()), "{other:?}");
            let on = other_way.behind_what_is_known().expect("there is more to it");
            assert_eq!(on.req.begun.as_deref().map(|begun| begun.text.as_str()), Some("one two"));
            assert_eq!(on.req.max_tokens, Some(7));
        }
    }

    #[test]
    fn one_that_had_not_begun_is_asked_again_as_it_was() {
        let t0 = Instant::now();
        let answer = answer(Asker::Guest(GuestId(4)), 1, t0);
        let again = answer.give_way(t0 + S(1)).expect("there is all of it");
        assert_eq!((again.req.begun, again.earlier, again.req.max_tokens), (None, None, Some(10)));
    }
}
