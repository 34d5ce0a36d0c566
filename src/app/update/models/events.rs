//! What the hub side tells.

use std::time::Instant;

use crate::app::models::ModelsPane;
use crate::app::models::downloads::Download;
use crate::app::msg::Effect;
use crate::app::{App, Dirty, EngineStatus, Pane, ThenLoad, ToastKind};
use crate::domain::action::Action;
use crate::domain::{DownloadState, HubCmd, HubEvent};

impl App {
    pub(in crate::app::update) fn on_hub(&mut self, event: HubEvent, now: Instant) {
        match event {
            HubEvent::Local(local) => {
                let ModelsPane { here, downloads, .. } = &mut self.models;
                let knew = here.looked();
                here.found(local, downloads);
                self.touch(Dirty::Soon);
                // It was sent before it was known what could answer it.
                if !knew
                    && self.engine == EngineStatus::Empty
                    && !self.chat.queue.is_empty()
                    && !self.saved.is_beginning()
                {
                    self.offered_step(now);
                }
            }
            HubEvent::Resolved { id, result } => self.on_resolved(id, *result, now),
            HubEvent::Download { id, state } => {
                let ended = self.models.downloads.set(id, state);
                // The status line shows it everywhere.
                self.touch(Dirty::Soon);
                if let Some(download) = ended {
                    self.on_downloaded(download, now);
                }
            }
            HubEvent::Found { id, result } => {
                if self.models.find.found(id, *result) {
                    self.touch_models();
                    self.search_on();
                }
            }
            HubEvent::Page { id, result } => {
                let page = self.models.pages.iter_mut().find(|page| page.waits_for(id));
                if page.is_some_and(|page| page.found(id, *result)) {
                    self.touch_models();
                }
            }
            HubEvent::Working { id, done, total } => {
                self.models.here.progress(id, done, total);
                self.touch_models();
            }
            HubEvent::Worked { id, result } => self.on_worked(id, result, now),
        }
    }

    /// What has changed is seen in this pane alone.
    fn touch_models(&mut self) {
        if self.pane == Pane::Models {
            self.touch(Dirty::Soon);
        }
    }

    fn on_downloaded(&mut self, download: Download, now: Instant) {
        let Download { name, state, then_load, .. } = download;
        match state {
            DownloadState::Done { model } => {
                self.models.here.want(model.reference.clone());
                self.emit(Effect::Hub(HubCmd::ScanLocal));
                let too_large = self.too_large(&model).is_some();
                let wished = then_load == ThenLoad::AllTheSame || (then_load == ThenLoad::IfItFits && !too_large);
                // An answer is not cut off for a model that has just come.
                if wished && !self.chat.is_busy() {
                    self.load(&model, now);
                } else {
                    let likely = if too_large { "it is likely too large for this machine; " } else { "" };
                    let (shows, loads) = (self.key(Action::ShowModels), self.key(Action::Open));
                    let hint = format!("{likely}{shows} shows it, {loads} loads it there");
                    self.toast(ToastKind::Note, format!("{name} is here"), Some(hint), now);
                }
            }
            DownloadState::Failed { error } => {
                self.toast_error(&error, now);
                // What has come of it is in the list now.
                self.emit(Effect::Hub(HubCmd::ScanLocal));
            }
            DownloadState::Cancelled => {
                let hint = "what has arrived is kept; the next try goes on from there";
                self.toast(ToastKind::Note, format!("The download of {name} was cancelled"), Some(hint.into()), now);
                self.emit(Effect::Hub(HubCmd::ScanLocal));
            }
            _ => {}
        }
    }
}
