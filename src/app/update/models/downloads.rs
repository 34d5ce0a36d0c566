//! Getting models, one after the other, while one goes on talking to another.

use std::time::Instant;

use super::find::offline;
use crate::app::models::downloads::Download;
use crate::app::msg::Effect;
use crate::app::{App, Confirm, Confirmed, Overlay, ThenLoad, ToastKind, Wanted};
use crate::domain::action::Action;
use crate::domain::fit::{Fit, Verdict};
use crate::domain::hub::Unfinished;
use crate::domain::model::{ModelRef, starter};
use crate::domain::units::{bytes, grouped};
use crate::domain::{DownloadState, HubCmd};

impl App {
    /// Loads the starter, after getting it where it is not here.
    pub(in crate::app::update) fn get_starter(&mut self, now: Instant) {
        if let Some(model) = self.models.by_reference("starter").filter(|m| m.facts.is_ok()).cloned() {
            return self.load_if_it_fits(&model, now);
        }
        self.get(
            Wanted {
                newest: false,
                model: ModelRef::Starter,
                name: "starter".to_owned(),
                bytes: Some(starter::BYTES),
                then_load: ThenLoad::IfItFits,
            },
            now,
        );
    }

    /// Downloads a model after those that were asked for before.
    pub(in crate::app::update) fn get(&mut self, wanted: Wanted, now: Instant) {
        let Wanted { newest, model, name, bytes, then_load } = wanted;
        if let Some(id) = self.models.downloads.of(&model).map(|download| download.id) {
            if let Some(download) = self.models.downloads.get_mut(id) {
                download.then_load = download.then_load.max(then_load);
            }
            let then = if then_load.is_wished() { "; it is loaded when it is here" } else { "" };
            return self.toast(ToastKind::Note, format!("{name} is on its way already{then}"), None, now);
        }
        if self.is_offline() {
            return self.toast_error(&offline("nothing can be downloaded"), now);
        }
        self.job = self.job.next();
        let id = self.job;
        let waits = self.models.downloads.running().is_some();
        let state = if waits { DownloadState::Queued } else { DownloadState::Resolving };
        let again = self.models.downloads.all().iter().find(|old| old.model == model).map(|old| old.id);
        if let Some(old) = again {
            self.models.downloads.forget(old);
        }
        self.models.downloads.add(Download { id, newest, model: model.clone(), name, bytes, state, then_load });
        self.emit(Effect::Hub(HubCmd::Download { id, model, newest }));
    }

    /// Takes the chosen offer of the repository in front: loads what is here, gets what is not.
    pub(super) fn take_offer(&mut self, then_load: bool, now: Instant) {
        let Some(page) = self.models.page() else { return };
        let Some(offer) = page.offer() else { return };
        if let Some(model) = self.models.here.of_offer(&page.repo, offer).cloned() {
            return self.load_if_it_fits(&model, now);
        }
        let name = format!("{} {}", page.repo.name, offer.quant);
        let instead = page.recommended().filter(|(best, _)| best.model != offer.model);
        if let Some(Err(error)) = &offer.facts {
            let instead = instead.map(|(best, _)| format!("{} of this repository can be run", best.quant));
            let hint = error.hint.clone().or(instead);
            let message = error.message.clone();
            return self.toast(ToastKind::Error, message, hint, now);
        }
        let fit = page.judgement(page.selected).fit;
        let instead = instead.map(|(best, _)| best.quant.clone());
        let (model, then_load) = (offer.model.clone(), ThenLoad::wished(then_load));
        let wanted = Wanted { newest: false, model, name, bytes: Some(offer.bytes), then_load };
        self.get_if_it_fits(wanted, fit, instead.as_deref(), now);
    }

    /// Asks before it gets what is likely too large for this machine, and says what would do `instead`.
    pub(super) fn get_if_it_fits(&mut self, wanted: Wanted, fit: Option<Fit>, instead: Option<&str>, now: Instant) {
        let Some(fit) = fit.filter(|fit| fit.verdict == Verdict::TooLarge) else { return self.get(wanted, now) };
        let shorter = match fit.largest_context {
            0 => String::new(),
            context => format!(" A context of {} would fit: change it in Settings.", grouped(context)),
        };
        let instead = instead.map_or_else(String::new, |best| format!(" {best} fits."));
        let (needed, budget) = (bytes(fit.needed), bytes(fit.budget));
        self.open(Overlay::Confirm(Confirm {
            title: format!("{} is likely too large for this machine", wanted.name),
            body: format!("It needs about {needed}, and there is room for {budget}.{shorter}{instead}"),
            yes: "get it all the same",
            then: Confirmed::Get(Box::new(Wanted {
                then_load: if wanted.then_load.is_wished() { ThenLoad::AllTheSame } else { ThenLoad::No },
                ..wanted
            })),
        }));
    }

    /// Goes on with what somebody, maybe another program, has begun.
    pub(super) fn resume_unfinished(&mut self, unfinished: &Unfinished, now: Instant) {
        match unfinished.model.clone() {
            Some(model) => {
                let name = unfinished.repo.name.clone();
                self.get(Wanted { newest: false, model, name, bytes: unfinished.total, then_load: ThenLoad::No }, now);
            }
            // Which of its models it was, the person knows.
            None => self.open_repo(unfinished.repo.clone()),
        }
    }

    /// Enter on a download: the way on from how it stands.
    pub(super) fn open_download(&mut self, now: Instant) {
        let Some(download) = self.models.downloads.chosen().cloned() else { return };
        match download.state {
            DownloadState::Done { model } => self.load_if_it_fits(&model, now),
            DownloadState::Failed { .. } | DownloadState::Cancelled => {
                let Download { newest, model, name, bytes, then_load, .. } = download;
                self.get(Wanted { newest, model, name, bytes, then_load }, now);
            }
            DownloadState::Paused { .. } | DownloadState::Waiting { .. } => {
                self.emit(Effect::Hub(HubCmd::ResumeDownload(download.id)));
            }
            _ => {
                let hint = format!("{} pauses it, {} cancels it", self.key(Action::Pause), self.key(Action::CancelJob));
                self.toast(ToastKind::Note, format!("{} is on its way", download.name), Some(hint), now);
            }
        }
    }

    /// Loads the chosen download: now, or as soon as it is here.
    pub(super) fn load_download(&mut self, now: Instant) {
        let Some(download) = self.models.downloads.chosen() else { return };
        if download.has_ended() {
            return self.open_download(now);
        }
        let (id, name) = (download.id, download.name.clone());
        if let Some(download) = self.models.downloads.get_mut(id) {
            download.then_load = download.then_load.max(ThenLoad::IfItFits);
        }
        self.toast(ToastKind::Note, format!("{name} is loaded when it is here"), None, now);
    }

    /// Pauses the chosen download or goes on with it; elsewhere the one that runs.
    pub(super) fn pause(&mut self, now: Instant) {
        let in_list = self.models.place == crate::app::models::Place::Downloads;
        let paused = || self.models.downloads.under_way().find(|d| matches!(d.state, DownloadState::Paused { .. }));
        let download = if in_list {
            self.models.downloads.chosen().filter(|download| !download.has_ended())
        } else {
            self.models.downloads.running().or_else(paused)
        };
        match download.map(|download| (download.id, &download.state)) {
            Some((id, DownloadState::Paused { .. })) => self.emit(Effect::Hub(HubCmd::ResumeDownload(id))),
            Some((id, _)) => self.emit(Effect::Hub(HubCmd::PauseDownload(id))),
            None => self.toast(ToastKind::Note, "Nothing is under way here that could be paused", None, now),
        }
    }

    pub(super) fn download_first(&mut self, now: Instant) {
        let chosen = self.models.downloads.chosen().filter(|download| download.state == DownloadState::Queued);
        match chosen.map(|download| download.id) {
            Some(id) => {
                self.models.downloads.first(id);
                self.emit(Effect::Hub(HubCmd::DownloadFirst(id)));
            }
            None => self.toast(ToastKind::Note, "Only what waits for its turn can go first", None, now),
        }
    }

    /// Cancels the chosen download, or takes one that has ended off the list.
    pub(super) fn cancel_download(&mut self, now: Instant) {
        match self.models.downloads.chosen().map(|download| (download.id, download.has_ended())) {
            Some((id, true)) => self.models.downloads.forget(id),
            Some((id, false)) => self.emit(Effect::Hub(HubCmd::CancelDownload(id))),
            None => self.toast(ToastKind::Note, "Nothing is under way", None, now),
        }
    }
}
