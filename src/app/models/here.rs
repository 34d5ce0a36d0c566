//! What is on this machine: models, downloads that were not finished, and the work on them.

use std::collections::{HashMap, HashSet};

use crate::app::list::Scroll;
use crate::app::models::downloads::Downloads;
use crate::domain::AskId;
use crate::domain::hub::{DiskUse, Local, Newer, Offer, Unfinished};
use crate::domain::model::{LocalModel, ModelRef, RepoId};
use crate::error::UserError;

/// A row of the list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Row<'a> {
    Model(&'a LocalModel),
    Unfinished(&'a Unfinished),
}

/// What is being done with something that is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    Verify,
    LookAtRemoval,
    Delete,
    Discard,
    Import,
    LookForNewer,
}

/// A piece of work that was asked for here.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    pub id: AskId,
    pub job: Job,
    /// The MODEL, repository or path that it is about.
    pub subject: String,
    /// What a person calls it.
    pub name: String,
    /// Bytes done, and in all.
    pub progress: Option<(u64, u64)>,
}

#[derive(Debug, Default)]
pub struct Here {
    /// `None` until the first look is done.
    local: Option<Local>,
    /// Repositories of which something is here.
    repos: HashSet<RepoId>,
    /// What the Hub has that is newer, by MODEL.
    newer: HashMap<String, Newer>,
    work: Vec<Work>,
    pub selected: usize,
    pub scroll: Scroll,
    /// The MODEL that is chosen when it is next seen.
    wanted: Option<String>,
}

/// The repository that a model is from.
fn repo_of(model: &LocalModel) -> Option<RepoId> {
    if let Some(cached) = &model.cached {
        return Some(cached.repo.clone());
    }
    match ModelRef::parse(&model.reference) {
        Ok(ModelRef::Hub { repo, .. }) => Some(repo),
        _ => None,
    }
}

impl Here {
    /// Takes in what was found, and keeps the chosen row chosen.
    pub fn found(&mut self, local: Local, downloads: &Downloads) {
        enum Chosen {
            Model(std::path::PathBuf),
            Unfinished(RepoId),
        }
        let chosen = self.chosen(downloads).map(|row| match row {
            Row::Model(model) => Chosen::Model(model.location.clone()),
            Row::Unfinished(unfinished) => Chosen::Unfinished(unfinished.repo.clone()),
        });
        self.repos = local.models.iter().filter_map(repo_of).collect();
        let has = |reference: &String, newer: &Newer| {
            let is_old = |m: &LocalModel| m.cached.as_ref().is_some_and(|cached| cached.commit != newer.commit);
            local.models.iter().any(|m| m.reference == *reference && is_old(m))
        };
        self.newer.retain(|reference, newer| has(reference, newer));
        self.local = Some(local);
        let wanted = self.wanted.take();
        let at = match (&wanted, &chosen) {
            (Some(wanted), _) if self.models().iter().any(|m| m.reference == *wanted) => {
                self.models().iter().position(|m| m.reference == *wanted)
            }
            (_, Some(Chosen::Model(location))) => self.models().iter().position(|m| m.location == *location),
            (_, Some(Chosen::Unfinished(repo))) => {
                let found = self.unfinished(downloads).position(|u| u.repo == *repo);
                found.map(|at| self.models().len() + at)
            }
            _ => None,
        };
        let last = self.len(downloads).saturating_sub(1);
        // What is gone leaves its place to its neighbour.
        self.selected = at.unwrap_or(self.selected.min(last));
    }

    #[must_use]
    pub fn looked(&self) -> bool {
        self.local.is_some()
    }

    #[must_use]
    pub fn models(&self) -> &[LocalModel] {
        self.local.as_ref().map(|local| local.models.as_slice()).unwrap_or_default()
    }

    /// Folders that could not be read.
    #[must_use]
    pub fn problems(&self) -> &[UserError] {
        self.local.as_ref().map(|local| local.problems.as_slice()).unwrap_or_default()
    }

    #[must_use]
    pub fn disk(&self) -> Option<DiskUse> {
        self.local.as_ref()?.disk
    }

    /// Downloads that were not finished and that nobody goes on with.
    pub fn unfinished<'a>(&'a self, downloads: &'a Downloads) -> impl Iterator<Item = &'a Unfinished> {
        let all = self.local.as_ref().map(|local| local.unfinished.as_slice()).unwrap_or_default();
        all.iter().filter(|unfinished| !downloads.gets(&unfinished.repo))
    }

    #[must_use]
    pub fn len(&self, downloads: &Downloads) -> usize {
        self.models().len() + self.unfinished(downloads).count()
    }

    #[must_use]
    pub fn row<'a>(&'a self, at: usize, downloads: &'a Downloads) -> Option<Row<'a>> {
        match self.models().get(at) {
            Some(model) => Some(Row::Model(model)),
            None => self.unfinished(downloads).nth(at - self.models().len()).map(Row::Unfinished),
        }
    }

    #[must_use]
    pub fn chosen<'a>(&'a self, downloads: &'a Downloads) -> Option<Row<'a>> {
        self.row(self.selected, downloads)
    }

    /// Chooses a model as soon as it is in the list.
    pub fn want(&mut self, reference: String) {
        self.wanted = Some(reference);
    }

    /// Something of this repository is here.
    #[must_use]
    pub fn has(&self, repo: &RepoId) -> bool {
        self.repos.contains(repo)
    }

    /// The model that an offer would get, where it is here already.
    #[must_use]
    pub fn of_offer(&self, repo: &RepoId, offer: &Offer) -> Option<&LocalModel> {
        let reference = offer.model.to_string();
        self.models().iter().find(|model| {
            let same = || {
                let quant = model.facts.as_ref().is_ok_and(|facts| facts.quant.eq_ignore_ascii_case(&offer.quant));
                quant && model.format == offer.format && model.bytes == offer.bytes
            };
            model.reference == reference || same() && repo_of(model).as_ref() == Some(repo)
        })
    }

    /// Others that are the same files under another name, and others that came from the same repository.
    #[must_use]
    pub fn related(&self, model: &LocalModel) -> (Vec<&LocalModel>, Vec<&LocalModel>) {
        let repo = model.cached.as_ref().map(|cached| &cached.repo);
        let others = self.models().iter().filter(|other| other.reference != model.reference);
        let of_repo = |other: &&LocalModel| repo.is_some() && other.cached.as_ref().map(|cached| &cached.repo) == repo;
        let (same, rest): (Vec<_>, Vec<_>) = others.partition(|other| other.location == model.location);
        (same, rest.into_iter().filter(of_repo).collect())
    }

    // ── Work ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    pub fn begin(&mut self, id: AskId, job: Job, subject: String, name: String) {
        self.work.push(Work { id, job, subject, name, progress: None });
    }

    pub fn progress(&mut self, id: AskId, done: u64, total: u64) {
        if let Some(work) = self.work.iter_mut().find(|work| work.id == id) {
            work.progress = Some((done, total));
        }
    }

    /// The work has ended; `None` for one that nobody asked for.
    pub fn end(&mut self, id: AskId) -> Option<Work> {
        let at = self.work.iter().position(|work| work.id == id)?;
        Some(self.work.remove(at))
    }

    /// What is being done with a MODEL or repository.
    #[must_use]
    pub fn work_on(&self, subject: &str) -> Option<&Work> {
        self.work.iter().find(|work| work.subject == subject)
    }

    /// The Hub has something newer, or has not.
    pub fn set_newer(&mut self, reference: &str, newer: Option<Newer>) {
        match newer {
            Some(newer) => self.newer.insert(reference.to_owned(), newer),
            None => self.newer.remove(reference),
        };
    }

    #[must_use]
    pub fn newer(&self, model: &LocalModel) -> Option<&Newer> {
        self.newer.get(&model.reference)
    }
}
