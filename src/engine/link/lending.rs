//! The engine is lent: guests at the door, the line in which their messages wait, and how these give way to our own.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::process::EngineProcess;
use super::running::{Answer, Ask, Asker, cancelled_before_it_began};
use super::{Link, State, busy};
use crate::domain::model::ModelSpec;
use crate::domain::{EngineEvent, GenId, LoadStage};
use crate::engine::protocol::{FromEngine, ToEngine};
use crate::engine::share::{
    Door, GuestId, Holder, Holding, Lend, Reply, Share, Tell, Verdict, Visit, Want, Weights, say, usable,
};
use crate::error::{ErrorKind, UserError, reason};

/// How often a holder that stays sees whether guests still find it.
const LOOK: Duration = Duration::from_secs(5);

/// Those who use our engine.
pub(super) struct Guests {
    door: Option<Door>,
    here: BTreeMap<GuestId, Tell>,
    /// Messages in the order in which they came. No guest has two.
    waiting: VecDeque<Ask>,
    /// How long to stay without guests, where that is all that we are for.
    keep: Option<Duration>,
    /// Since when there are none.
    alone_since: Instant,
    next_look: Option<Instant>,
    /// What was told last: scripts that wait for an answer.
    told: u32,
}

impl Guests {
    pub fn new(share: &Share) -> Self {
        let keep = match share {
            Share::Lend(Lend { holder: Holder::Warm { keep }, .. }) => Some(*keep),
            _ => None,
        };
        let now = Instant::now();
        Self {
            door: None,
            here: BTreeMap::new(),
            waiting: VecDeque::new(),
            keep,
            alone_since: now,
            next_look: keep.map(|_| now + LOOK),
            told: 0,
        }
    }

    /// What we are to them.
    fn holder(&self) -> Holder {
        self.keep.map_or(Holder::Interface, |keep| Holder::Warm { keep })
    }

    /// From now on guests can come. That they can't is no reason not to load.
    pub fn open(&mut self, lend: &Lend) {
        if self.door.is_some() {
            return;
        }
        match Door::open(lend) {
            Ok(door) => {
                tracing::info!(target: "engine", "scripts can use this engine by {}", door.path().display());
                self.door = Some(door);
            }
            Err(error) => {
                tracing::warn!(target: "engine", "scripts can't use this engine: {}", reason(&error));
                // Who is there for them alone is there for nothing.
                self.next_look = self.next_look.map(|_| Instant::now());
            }
        }
    }

    /// Nobody is a guest any more.
    pub async fn close(mut self) {
        self.send_away();
        if let Some(door) = self.door {
            door.close().await;
        }
    }

    pub async fn visit(&mut self) -> Visit {
        if let Some(door) = &mut self.door {
            match door.visits.recv().await {
                Some(visit) => return visit,
                None => self.door = None,
            }
        }
        std::future::pending().await
    }

    /// When to see whether anybody needs us.
    pub fn look_at(&self) -> Option<Instant> {
        let alone = self.keep.filter(|_| self.here.is_empty()).map(|keep| self.alone_since + keep);
        self.next_look.map(|look| alone.map_or(look, |alone| alone.min(look)))
    }

    pub fn next_ask(&mut self) -> Option<Ask> {
        self.waiting.pop_front()
    }

    pub fn are_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub fn say_to_all(&self, message: &FromEngine) {
        for tell in self.here.values() {
            say(tell, message);
        }
    }

    fn tell(&self, guest: GuestId, event: EngineEvent) {
        let message = match event {
            EngineEvent::Started { id, prompt_tokens, cached_tokens, context } => {
                FromEngine::Started { id, prompt_tokens, cached_tokens, context }
            }
            EngineEvent::Delta { id, kind, text, tokens } => FromEngine::Delta { id, kind, text, tokens },
            EngineEvent::Finished { id, reason, usage, stats, satisfied } => {
                FromEngine::Finished { id, reason, usage, stats, satisfied }
            }
            EngineEvent::Failed { id, error } => FromEngine::Failed { id, error },
            // All else is between us and our own front end.
            _ => return,
        };
        if let Some(tell) = self.here.get(&guest) {
            say(tell, &message);
        }
    }

    /// The model goes. Guests find their connection closed, and help themselves.
    pub fn send_away(&mut self) {
        if !self.here.is_empty() {
            self.alone_since = Instant::now();
        }
        self.here.clear();
        self.waiting.clear();
    }

    fn leaves(&mut self, guest: GuestId) {
        self.waiting.retain(|ask| ask.asker != Asker::Guest(guest));
        if self.here.remove(&guest).is_some() && self.here.is_empty() {
            self.alone_since = Instant::now();
        }
    }
}

impl Link {
    /// Tells whoever asked.
    pub(super) fn tell(&self, asker: Asker, event: EngineEvent) {
        match asker {
            Asker::Front => self.emit(event),
            Asker::Guest(guest) => self.guests.tell(guest, event),
        }
    }

    pub(super) fn visited(&mut self, visit: Visit) {
        match visit {
            Visit::Knocks { guest, want: Want::Borrow { spec, weights, keep }, tell } => {
                self.lend(guest, &spec, &weights, keep, tell);
            }
            Visit::Knocks { want: Want::Look, tell, .. } => {
                let holding = self.holding().map_or(Verdict::Refused, |holding| Verdict::Holding(Box::new(holding)));
                say(&tell, &Reply::new(holding));
            }
            Visit::Knocks { guest, want: Want::End, tell } => {
                if self.guests.keep.is_some() {
                    say(&tell, &Reply::new(Verdict::Ending));
                    self.guests.here.insert(guest, tell);
                    self.emit(EngineEvent::Dismissed);
                } else {
                    say(&tell, &Reply::new(Verdict::Refused));
                }
            }
            Visit::Says { guest, message: ToEngine::Generate { id, req } } => {
                let ask = Ask { asker: Asker::Guest(guest), id, req, earlier: None };
                self.guest_asks(guest, ask);
            }
            Visit::Says { guest, message: ToEngine::Cancel { id } } => self.guest_cancels(guest, id),
            // The model is loaded, and nobody counts through a door.
            Visit::Says { message: ToEngine::Load { .. } | ToEngine::Count { .. }, .. } => {}
            Visit::Leaves { guest } => {
                self.guests.leaves(guest);
                if let Some(id) = self.running().filter(|ask| ask.asker == Asker::Guest(guest)).map(|ask| ask.id) {
                    self.cancel(Asker::Guest(guest), id);
                }
            }
        }
    }

    fn lend(&mut self, guest: GuestId, spec: &ModelSpec, weights: &Weights, keep: Option<Duration>, tell: Tell) {
        let loaded = match (&self.wanted, &self.state) {
            (Some(wanted), State::Loading { stage, .. }) if wanted.is(spec, weights) => {
                FromEngine::Stage { stage: *stage }
            }
            (Some(wanted), State::Ready { .. } | State::Generating { .. } | State::Draining { .. })
                if wanted.is(spec, weights) =>
            {
                let Some(info) = wanted.loaded.clone() else { return };
                FromEngine::Loaded { info: Box::new(info) }
            }
            // Who is there for guests alone has it again for the next one.
            (Some(wanted), State::Down) if self.guests.keep.is_some() && wanted.is(spec, weights) => {
                FromEngine::Stage { stage: LoadStage::Starting }
            }
            _ => return say(&tell, &Reply::new(Verdict::Refused)),
        };
        if let (Some(ours), Some(wish)) = (&mut self.guests.keep, keep) {
            *ours = wish;
        }
        say(&tell, &Reply::new(Verdict::Welcome { holder: self.guests.holder() }));
        say(&tell, &loaded);
        self.guests.here.insert(guest, tell);
        if matches!(self.state, State::Down) {
            self.start(None);
        }
    }

    fn holding(&self) -> Option<Holding> {
        let wanted = self.wanted.as_ref()?;
        let (loading, down) = (matches!(self.state, State::Loading { .. }), matches!(self.state, State::Down));
        let ends_in = self.guests.keep.filter(|_| self.guests.here.is_empty());
        Some(Holding {
            pid: std::process::id(),
            holder: self.guests.holder(),
            reference: wanted.spec.reference.clone(),
            name: wanted.spec.name.clone(),
            context: wanted.loaded.as_ref().map_or(wanted.spec.settings.context, |info| info.context),
            loaded: !loading && !down,
            memory: self.state.child().and_then(EngineProcess::memory).map(|memory| memory.now),
            asking: self.asking(),
            ends_in: ends_in.map(|keep| keep.saturating_sub(self.guests.alone_since.elapsed())),
        })
    }

    fn guest_asks(&mut self, guest: GuestId, ask: Ask) {
        let asks = |asker| asker == Asker::Guest(guest);
        if !self.guests.here.contains_key(&guest) {
            // Sent away meanwhile.
            return;
        }
        if self.running().is_some_and(|ask| asks(ask.asker)) || self.guests.waiting.iter().any(|ask| asks(ask.asker)) {
            return self.guests.tell(guest, EngineEvent::Failed { id: ask.id, error: busy() });
        }
        match &self.state {
            State::Ready { .. } => self.begin(ask),
            State::Down => {
                self.guests.waiting.push_back(ask);
                self.start(None);
            }
            State::Loading { .. } | State::Generating { .. } => self.guests.waiting.push_back(ask),
            State::Draining { .. } => {
                self.guests.waiting.push_back(ask);
                self.hurry();
            }
        }
    }

    fn guest_cancels(&mut self, guest: GuestId, id: GenId) {
        let is_it = |ask: &Ask| (ask.asker, ask.id) == (Asker::Guest(guest), id);
        if let Some(at) = self.guests.waiting.iter().position(is_it) {
            if let Some(ask) = self.guests.waiting.remove(at) {
                self.guests.tell(guest, cancelled_before_it_began(&ask));
            }
            return;
        }
        self.cancel(Asker::Guest(guest), id);
    }

    /// Our own message comes before a guest's: that one stops between two words, and goes on after.
    pub(super) fn interrupt(&mut self, ask: Ask) {
        let goes_on = match &self.state {
            State::Generating { answer, .. } => answer.give_way(Instant::now().into_std()),
            _ => None,
        };
        self.set_aside(goes_on, Some(ask));
    }

    /// A guest's answer that is made once more has become another.
    pub(super) fn go_another_way(&mut self) {
        let goes_on = match &self.state {
            State::Generating { answer, .. } => answer.behind_what_is_known(),
            _ => None,
        };
        self.set_aside(goes_on, None);
        self.hurry();
    }

    fn set_aside(&mut self, goes_on: Option<Ask>, then: Option<Ask>) {
        let Some(answer) = self.drain(then) else { return };
        match goes_on {
            Some(goes_on) => self.guests.waiting.push_front(goes_on),
            // All that was left of it was its end.
            None => self.tell(answer.ask.asker, at_its_end(&answer)),
        }
    }

    fn running(&self) -> Option<&Ask> {
        match &self.state {
            State::Generating { answer, .. } => Some(&answer.ask),
            _ => None,
        }
    }

    /// Scripts whose answers are being made or wait.
    fn asking(&self) -> u32 {
        let running = usize::from(self.running().is_some_and(|ask| ask.asker != Asker::Front));
        u32::try_from(self.guests.waiting.len() + running).unwrap_or(u32::MAX)
    }

    /// Our front end shows who uses its engine.
    pub(super) fn tell_of_guests(&mut self) {
        let asking = self.asking();
        if std::mem::replace(&mut self.guests.told, asking) != asking {
            self.emit(EngineEvent::Lent { scripts: asking });
        }
    }

    /// Whoever only stays for guests ends when there were none for long enough, or none can come any more.
    pub(super) fn look(&mut self) {
        let now = Instant::now();
        let guests = &mut self.guests;
        let Some(keep) = guests.keep else { return };
        let alone = guests.here.is_empty();
        let over = alone && now >= guests.alone_since + keep;
        let found = guests.door.as_ref().is_some_and(Door::is_there);
        guests.next_look = Some(now + LOOK);
        if over || (alone && !found) {
            guests.next_look = None;
            self.emit(EngineEvent::Dismissed);
        }
    }

    /// What is to be said where an engine was to be kept, and is not.
    pub(super) fn not_kept(&self, child: &EngineProcess) -> Option<UserError> {
        let Share::Borrow(borrow) = &self.options.share else { return None };
        (borrow.keep.is_some() && !child.is_lent()).then(|| {
            let what = "the engine could not be kept warm: it ends with this answer";
            match usable(&borrow.folder) {
                Ok(()) => UserError::new(ErrorKind::Unexpected, what).hint("the log says why"),
                // The log may well be in the same place.
                Err(why) => UserError { message: format!("{what}: {}", why.message), ..why },
            }
        })
    }
}

fn at_its_end(answer: &Answer) -> EngineEvent {
    match answer.cut_short(Instant::now().into_std()) {
        EngineEvent::Finished { id, usage, stats, satisfied, .. } => {
            let reason = crate::domain::FinishReason::Length;
            EngineEvent::Finished { id, reason, usage, stats, satisfied }
        }
        other => other,
    }
}
