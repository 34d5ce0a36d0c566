//! The Models pane: what is on this machine, what is being fetched, what is loaded.

use std::time::Instant;

use crate::app::picker::move_selection;
use crate::domain::action::Action;
use crate::domain::measured::{self, Remembered};
use crate::domain::model::{LoadSettings, LocalModel};
use crate::domain::{DownloadState, JobId};
use crate::error::UserError;

/// A download that was asked for here.
#[derive(Debug, Clone, PartialEq)]
pub struct Download {
    pub id: JobId,
    /// What a person calls it.
    pub name: String,
    pub state: DownloadState,
    pub since: Instant,
    /// Goes into the engine when it is there.
    pub then_load: bool,
}

#[derive(Debug, Default)]
pub struct ModelsPane {
    /// `None` until the first look is done.
    pub local: Option<Vec<LocalModel>>,
    /// Folders that could not be read.
    pub problems: Vec<UserError>,
    pub selected: usize,
    pub download: Option<Download>,
    /// What models have been measured to do here, and when that was read.
    measured: Option<(Vec<Remembered>, Instant)>,
}

impl ModelsPane {
    /// Takes in what was found, and keeps the chosen model chosen.
    pub fn found(&mut self, models: Vec<LocalModel>, problems: Vec<UserError>) {
        let chosen = self.chosen().map(|m| m.location.clone());
        self.selected = chosen.and_then(|at| models.iter().position(|m| m.location == at)).unwrap_or(0);
        self.local = Some(models);
        self.problems = problems;
    }

    pub fn remember(&mut self, measured: Vec<Remembered>, now: Instant) {
        self.measured = Some((measured, now));
    }

    /// What a model has been measured to do here, in words.
    #[must_use]
    pub fn measured(&self, model: &LocalModel, settings: LoadSettings, now: Instant) -> Option<String> {
        let (all, read) = self.measured.as_ref()?;
        let known = measured::find(all, model, settings)?;
        let age = known.age + now.saturating_duration_since(*read);
        Remembered { age, ..known.clone() }.in_words()
    }

    #[must_use]
    pub fn models(&self) -> &[LocalModel] {
        self.local.as_deref().unwrap_or_default()
    }

    #[must_use]
    pub fn chosen(&self) -> Option<&LocalModel> {
        self.models().get(self.selected)
    }

    #[must_use]
    pub fn by_reference(&self, reference: &str) -> Option<&LocalModel> {
        self.models().iter().find(|m| m.reference == reference)
    }

    /// The first model that can be loaded.
    #[must_use]
    pub fn first_usable(&self) -> Option<&LocalModel> {
        self.models().iter().find(|m| m.facts.is_ok())
    }

    /// Nothing here can be loaded, and we have looked.
    #[must_use]
    pub fn nothing_usable(&self) -> bool {
        self.local.is_some() && self.first_usable().is_none()
    }

    /// The download that is still under way.
    #[must_use]
    pub fn running(&self) -> Option<&Download> {
        self.download.as_ref().filter(|d| {
            matches!(
                d.state,
                DownloadState::Resolving | DownloadState::Running { .. } | DownloadState::Verifying { .. }
            )
        })
    }

    pub fn act(&mut self, action: Action) -> bool {
        let len = self.models().len();
        move_selection(&mut self.selected, len, action)
    }
}
