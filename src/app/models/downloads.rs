//! Downloads that were asked for here: the queue, and what became of those before.

use crate::app::ThenLoad;
use crate::app::list::Scroll;
use crate::domain::hub::DownloadState;
use crate::domain::model::{ModelRef, RepoId, starter};
use crate::domain::{JobId, units};

#[derive(Debug, Clone, PartialEq)]
pub struct Download {
    pub id: JobId,
    pub newest: bool,
    pub model: ModelRef,
    /// What a person calls it.
    pub name: String,
    /// As far as it was known before anything was asked.
    pub bytes: Option<u64>,
    pub state: DownloadState,
    pub then_load: ThenLoad,
}

impl Download {
    /// The repository that it comes from.
    #[must_use]
    pub fn repo(&self) -> Option<RepoId> {
        match &self.model {
            ModelRef::Hub { repo, .. } => Some(repo.clone()),
            ModelRef::Starter => RepoId::parse(starter::REPO),
            _ => None,
        }
    }

    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.state.has_ended()
    }

    /// Something is being done for it right now.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        !self.has_ended() && !matches!(self.state, DownloadState::Queued | DownloadState::Paused { .. })
    }

    /// Seconds until all of it is here, at the speed that it has.
    #[must_use]
    pub fn seconds_left(&self) -> Option<u64> {
        let DownloadState::Running { done, total, bytes_per_second, .. } = &self.state else { return None };
        let speed = units::whole(*bytes_per_second);
        (speed > 0).then(|| total.saturating_sub(*done).div_ceil(speed))
    }
}

/// All that is under way, as one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overall {
    pub jobs: usize,
    pub done: u64,
    pub total: u64,
}

#[derive(Debug, Default)]
pub struct Downloads {
    /// Those under way in the order of the queue, then those that have ended, the last one first.
    all: Vec<Download>,
    pub selected: usize,
    pub scroll: Scroll,
}

/// Of those that have ended so many are remembered.
const REMEMBERED: usize = 50;

impl Downloads {
    #[must_use]
    pub fn all(&self) -> &[Download] {
        &self.all
    }

    #[must_use]
    pub fn chosen(&self) -> Option<&Download> {
        self.all.get(self.selected)
    }

    /// Those that have not ended.
    pub fn under_way(&self) -> impl Iterator<Item = &Download> {
        self.all.iter().take_while(|download| !download.has_ended())
    }

    /// The one under way that matters most: what moves before what waits for its turn.
    #[must_use]
    pub fn running(&self) -> Option<&Download> {
        let queued = || self.under_way().find(|download| download.state == DownloadState::Queued);
        self.under_way().find(|download| download.is_moving()).or_else(queued)
    }

    /// The one under way that gets this model.
    #[must_use]
    pub fn of(&self, model: &ModelRef) -> Option<&Download> {
        self.under_way().find(|download| download.model == *model)
    }

    /// Something of this repository is under way.
    #[must_use]
    pub fn gets(&self, repo: &RepoId) -> bool {
        self.under_way().any(|download| download.repo().as_ref() == Some(repo))
    }

    /// How far all that is under way has come; `None` where nothing is, or all of it is paused.
    #[must_use]
    pub fn overall(&self) -> Option<Overall> {
        self.running()?;
        let mut overall = Overall { jobs: 0, done: 0, total: 0 };
        for download in self.under_way().filter(|d| !matches!(d.state, DownloadState::Paused { .. })) {
            let (done, total) = download.state.progress().unwrap_or((0, download.bytes.unwrap_or(0)));
            overall.jobs += 1;
            overall.done += done;
            overall.total += total;
        }
        Some(overall)
    }

    /// Puts one at the end of the queue.
    pub fn add(&mut self, download: Download) {
        let end = self.under_way().count();
        self.insert(end, download);
    }

    fn insert(&mut self, at: usize, download: Download) {
        // What was chosen stays chosen.
        if self.selected >= at && at < self.all.len() {
            self.selected += 1;
        }
        self.all.insert(at, download);
    }

    fn remove(&mut self, at: usize) -> Download {
        if self.selected > at {
            self.selected -= 1;
        }
        self.all.remove(at)
    }

    pub fn get_mut(&mut self, id: JobId) -> Option<&mut Download> {
        self.all.iter_mut().find(|download| download.id == id)
    }

    /// Takes in how one stands. Gives it where it has ended by that.
    pub fn set(&mut self, id: JobId, state: DownloadState) -> Option<Download> {
        let at = self.all.iter().position(|download| download.id == id)?;
        // Nothing comes after the end.
        if self.all[at].has_ended() {
            return None;
        }
        self.all[at].state = state;
        if !self.all[at].has_ended() {
            return None;
        }
        let chosen = self.selected == at;
        let ended = self.remove(at);
        let end = self.under_way().count();
        self.insert(end, ended.clone());
        if chosen {
            self.selected = end;
        }
        while self.all.len() > end + REMEMBERED {
            self.all.pop();
        }
        self.selected = self.selected.min(self.all.len() - 1);
        Some(ended)
    }

    /// Puts one before all that wait for their turn.
    pub fn first(&mut self, id: JobId) {
        let Some(at) = self.all.iter().position(|download| download.id == id) else { return };
        let chosen = self.selected == at;
        let download = self.remove(at);
        let to = self.under_way().take_while(|other| other.is_moving()).count();
        self.insert(to, download);
        if chosen {
            self.selected = to;
        }
    }

    /// Forgets one that has ended.
    pub fn forget(&mut self, id: JobId) {
        if let Some(at) = self.all.iter().position(|download| download.id == id && download.has_ended()) {
            self.remove(at);
            self.selected = self.selected.min(self.all.len().saturating_sub(1));
        }
    }
}
