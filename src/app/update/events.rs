//! What timers, engine and hub tell.

use std::time::{Duration, Instant};

use crate::app::msg::{Effect, TimerId};
use crate::app::{App, CLOCK, Dirty, EngineStatus, Pane, ToastKind};
use crate::domain::conversation::Outcome;
use crate::domain::{DownloadState, EngineEvent, HubCmd, HubEvent};
use crate::error::UserError;

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
                self.engine = EngineStatus::Ready(*info);
                self.answer_next(now);
            }
            EngineEvent::LoadFailed { id, error } if id == self.load => {
                let name = match &self.engine {
                    EngineStatus::Loading { name, .. } => name.clone(),
                    _ => String::new(),
                };
                self.not_loaded(name, error, now);
            }
            EngineEvent::Progress { .. } | EngineEvent::Loaded { .. } | EngineEvent::LoadFailed { .. } => {}
            EngineEvent::Unloaded { forgotten } => {
                self.memory = None;
                self.engine = match std::mem::replace(&mut self.engine, EngineStatus::Empty) {
                    EngineStatus::Ready(info) | EngineStatus::Asleep(info) if !forgotten => EngineStatus::Asleep(info),
                    // Asked for after what has gone.
                    loading @ EngineStatus::Loading { .. } => loading,
                    _ => EngineStatus::Empty,
                };
            }
            EngineEvent::Started { id, prompt_tokens, .. } => self.chat.started(id, prompt_tokens),
            EngineEvent::Delta { id, kind, text, tokens } => self.chat.delta(id, kind, &text, tokens, now),
            EngineEvent::Finished { id, reason, usage, stats, satisfied } => {
                if self.chat.finished(id, Outcome { reason, usage, stats, satisfied }, now) {
                    self.answer_next(now);
                }
            }
            EngineEvent::Failed { id, error } => {
                self.chat.failed(id, error, now);
            }
            EngineEvent::Died { error } => {
                self.memory = None;
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
        }
    }

    pub(super) fn on_hub(&mut self, event: HubEvent, now: Instant) {
        self.touch(Dirty::Soon);
        match event {
            HubEvent::Local { models, problems } => self.models.found(models, problems),
            HubEvent::Resolved { id, result } if id == self.load => match *result {
                Ok(model) => {
                    self.engine = EngineStatus::Empty;
                    self.load_if_it_fits(&model, now);
                }
                Err(error) => {
                    let name = self.settings.model.clone().unwrap_or_default();
                    self.engine = EngineStatus::Empty;
                    self.on_unresolved(&name, error, now);
                }
            },
            HubEvent::Resolved { .. } => {}
            HubEvent::Download { id, state } => {
                let Some(download) = self.models.download.as_mut().filter(|d| d.id == id) else { return };
                download.state = state.clone();
                let then_load = download.then_load;
                match state {
                    DownloadState::Done { model } => {
                        self.emit(Effect::Hub(HubCmd::ScanLocal));
                        if then_load {
                            self.load(&model, now);
                        }
                    }
                    DownloadState::Failed { error } => self.toast_error(&error, now),
                    DownloadState::Cancelled => {
                        let hint = "what has arrived is kept; the next try goes on from there";
                        self.toast(ToastKind::Note, "The download was cancelled", Some(hint.into()), now);
                    }
                    DownloadState::Resolving | DownloadState::Running { .. } | DownloadState::Verifying { .. } => {}
                }
            }
        }
    }

    /// The model of the settings is not here.
    pub(super) fn on_unresolved(&mut self, name: &str, error: UserError, now: Instant) {
        if name == "starter" && !self.settings.offline {
            self.get_starter(now);
        } else {
            self.not_loaded(name.to_owned(), error, now);
        }
    }

    fn not_loaded(&mut self, name: String, error: UserError, now: Instant) {
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
