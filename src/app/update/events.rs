//! What timers and the engine tell.

use std::time::{Duration, Instant};

use crate::app::chat::{By, Running, Wish};
use crate::app::msg::{Effect, TimerId};
use crate::app::{App, CLOCK, Dirty, EngineStatus, LookedAt, Pane};
use crate::config::{Notify, Ui};
use crate::domain::conversation::Outcome;
use crate::domain::units::seconds;
use crate::domain::{EngineCmd, EngineEvent, FinishReason, GenId};
use crate::error::{ErrorKind, UserError};
use crate::text::sanitize;

impl App {
    pub(super) fn on_timer(&mut self, id: TimerId, now: Instant) {
        match id {
            TimerId::Toast => {
                self.toasts.retain(|t| t.until > now);
                self.set_toast_timer(now);
                self.touch(Dirty::Soon);
            }
            TimerId::Clock => {
                self.clock_runs = false;
                if self.under_way() {
                    self.clock_runs = true;
                    self.emit(Effect::SetTimer { id: TimerId::Clock, after: CLOCK });
                }
                self.touch(Dirty::Soon);
            }
            TimerId::SaveSettings => self.write_settings(),
            TimerId::Count => self.count(),
            TimerId::Search => self.search_now(),
            TimerId::Keep => self.keep_more(),
            TimerId::Draft => self.keep_draft(),
            TimerId::NextKeys => {
                if !self.pressed.keys.is_empty() {
                    self.pressed.shown = true;
                    self.touch(Dirty::Now);
                }
            }
            TimerId::Idle => {
                let idle = !self.chat.is_busy() && self.settings.engine.unload_after.is_some();
                if idle && matches!(self.engine, EngineStatus::Ready(_)) {
                    self.emit(Effect::Engine(EngineCmd::Sleep));
                }
            }
        }
    }

    fn count(&mut self) {
        self.count_is_due = false;
        if matches!(self.engine, EngineStatus::Ready(_)) {
            let chat = &mut self.chat;
            let mut counting = std::mem::take(&mut chat.counting);
            let asked = counting.ask(&chat.conversation, chat.texts(chat.system(&self.settings)));
            chat.counting = counting;
            if let Some((id, texts)) = asked {
                self.emit(Effect::Engine(EngineCmd::Count { id, texts }));
            }
            self.touch(Dirty::Soon);
        }
    }

    pub(super) fn on_engine(&mut self, event: EngineEvent, now: Instant) {
        self.touch(Dirty::Soon);
        match event {
            EngineEvent::Progress { id, stage } if id == self.load => match &mut self.engine {
                EngineStatus::Loading { stage: at, .. } => *at = stage,
                EngineStatus::Ready(info) | EngineStatus::Asleep(info) => {
                    let name = info.name.clone();
                    self.engine = EngineStatus::Loading { id, name, stage, since: now };
                }
                EngineStatus::Empty | EngineStatus::Failed { .. } => {}
            },
            EngineEvent::Loaded { id, info } if id == self.load => {
                let kept = std::mem::take(&mut self.keeping);
                self.tell_of_load(&info, kept, now);
                if self.counted_for.as_ref() != Some(&info.reference) {
                    self.counted_for = Some(info.reference.clone());
                    self.chat.model_is_new();
                }
                self.chat.engine_is_new();
                self.engine = EngineStatus::Ready(*info);
                self.model_was_loaded();
                self.set_idle_timer();
                self.answer_next(By::Itself, now);
            }
            EngineEvent::LoadFailed { id, error } if id == self.load => {
                let name = match &self.engine {
                    EngineStatus::Loading { name, .. } => name.clone(),
                    _ => String::new(),
                };
                self.not_loaded(name, error, now);
            }
            // Late; the last is for whoever holds an engine for scripts alone.
            EngineEvent::Progress { .. }
            | EngineEvent::Loaded { .. }
            | EngineEvent::LoadFailed { .. }
            | EngineEvent::Dismissed => {}
            EngineEvent::Unloaded { forgotten } => {
                self.memory = None;
                self.chat.engine_is_new();
                self.engine = match std::mem::replace(&mut self.engine, EngineStatus::Empty) {
                    EngineStatus::Ready(info) | EngineStatus::Asleep(info) if !forgotten => EngineStatus::Asleep(info),
                    // Asked for after what has gone.
                    loading @ EngineStatus::Loading { .. } => loading,
                    _ => EngineStatus::Empty,
                };
            }
            EngineEvent::Started { id, prompt_tokens, cached_tokens, .. } => {
                self.chat.started(id, prompt_tokens, cached_tokens);
            }
            EngineEvent::Delta { id, kind, text, tokens } => self.chat.delta(id, kind, &text, tokens, now),
            EngineEvent::Finished { id, reason, usage, stats, satisfied } => {
                self.tell_of_end(id, reason, now);
                if let Some(wish) = self.chat.finished(id, Outcome { reason, usage, stats, satisfied }, now) {
                    self.set_idle_timer();
                    self.answered(wish, reason, now);
                }
            }
            EngineEvent::Failed { id, error } => {
                self.tell_of_end(id, FinishReason::Error, now);
                self.set_idle_timer();
                self.on_failed(id, &error, now);
            }
            EngineEvent::Died { error } => {
                self.memory = None;
                self.chat.engine_is_new();
                // Under the answer that it cut it says so already.
                let told = self.pane == Pane::Chat && self.chat.ended_with(&error);
                if !told {
                    self.toast_error(&error, now);
                }
                if let EngineStatus::Ready(info) = &self.engine {
                    self.engine = EngineStatus::Asleep(info.clone());
                }
            }
            EngineEvent::Memory { bytes, .. } => self.memory = Some(bytes),
            EngineEvent::Lent { scripts } => {
                self.scripts = scripts;
                // Being used by a script is being used.
                self.set_idle_timer();
            }
            EngineEvent::Counted { id, tokens, template } => {
                self.chat.counting.counted(id, &tokens, template, &self.chat.conversation);
            }
        }
    }

    /// Tells somebody who looks elsewhere that a long answer has ended. What waits behind it is answered first.
    fn tell_of_end(&mut self, id: GenId, reason: FinishReason, now: Instant) {
        let Ui { notify, notify_after, .. } = self.settings.ui;
        let running = self.chat.running.as_ref().filter(|running| running.id == id);
        let Some(running) = running.filter(|_| self.looked_at == LookedAt::No && notify != Notify::Off) else { return };
        let took = now.saturating_duration_since(running.meter.asked());
        let goes_on = !self.chat.queue.is_empty() && reason != FinishReason::Error;
        if goes_on || reason == FinishReason::Cancelled || took < Duration::from_secs(u64::from(notify_after)) {
            return;
        }
        let name = self.chat.conversation.get(running.answer).and_then(|answer| answer.model.as_deref());
        let name = name.unwrap_or("The model");
        let text = match reason {
            FinishReason::Error => format!("{name} could not answer"),
            FinishReason::Length | FinishReason::Context | FinishReason::Timeout => {
                format!("{name} was cut off after {}", seconds(took))
            }
            FinishReason::Stop | FinishReason::Cancelled => format!("{name} has answered, in {}", seconds(took)),
        };
        self.emit(Effect::Notify { how: notify, text: sanitize(&text).replace('\n', " ") });
    }

    fn on_failed(&mut self, id: GenId, error: &UserError, now: Instant) {
        let by = self.chat.running.as_ref().map_or(By::Itself, Running::by);
        if error.kind == ErrorKind::ContextFull
            && let Some((wish, needed)) = self.chat.refused(id)
        {
            return match wish {
                Wish::Summarise { then, .. } => {
                    self.leave_unasked(Wish::Say(then));
                    self.toast_error(error, now);
                }
                wish => self.no_room(wish, needed, by, now),
            };
        }
        let wish = self.chat.running.as_ref().filter(|running| running.id == id).map(|running| running.wish().clone());
        if self.chat.failed(id, error.clone(), now)
            && let Some(Wish::Summarise { then, .. }) = wish
        {
            self.no_summary(then, now);
            self.toast_error(error, now);
        }
    }

    pub(super) fn not_loaded(&mut self, name: String, error: UserError, now: Instant) {
        // The Models pane and an empty conversation show it for as long as it holds.
        let shown = match self.pane {
            Pane::Chat => self.chat.conversation.is_empty() || self.chat.ended_with(&error),
            Pane::Models => true,
            Pane::Settings => false,
        };
        if !shown {
            self.toast_error(&error, now);
        }
        self.engine = EngineStatus::Failed { name, error };
        self.memory = None;
    }

    /// How long the thing under way has been going on.
    #[must_use]
    pub fn elapsed(&self, now: Instant) -> Option<Duration> {
        match &self.engine {
            EngineStatus::Loading { since, .. } => Some(now.saturating_duration_since(*since)),
            _ => self.chat.running.as_ref().map(|r| now.saturating_duration_since(r.meter.asked())),
        }
    }
}
