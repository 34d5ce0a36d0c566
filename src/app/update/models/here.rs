//! The work on what is here: checking, deleting, looking for newer, giving a file a place in the list.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use super::find::offline;
use crate::app::models::Place;
use crate::app::models::here::{Job, Row, Work};
use crate::app::msg::Effect;
use crate::app::text_area::TextArea;
use crate::app::{App, Confirm, Confirmed, Dirty, EngineStatus, Overlay, Pane, PathField, ThenLoad, ToastKind, Wanted};
use crate::domain::action::Action;
use crate::domain::hub::{Done, Owner};
use crate::domain::model::{LocalModel, RepoId};
use crate::domain::units::{bytes, many};
use crate::domain::{AskId, HubCmd};
use crate::error::UserError;

/// So many names are read in a question; the others are counted.
const NAMED: usize = 3;

impl App {
    /// The model that an action of this place is about.
    fn model_here(&mut self, now: Instant) -> Option<LocalModel> {
        let model = (self.models.place == Place::Here).then(|| self.models.chosen().cloned()).flatten();
        if model.is_none() {
            let hint = format!("{} shows what is here", self.key(Action::ShowHere));
            self.toast(ToastKind::Note, "No model on this machine is chosen", Some(hint), now);
        }
        model
    }

    fn begin_work(&mut self, job: Job, subject: String, name: String) -> AskId {
        let id = self.models.next_ask();
        self.models.here.begin(id, job, subject, name);
        id
    }

    pub(super) fn verify(&mut self, now: Instant) {
        let Some(model) = self.model_here(now) else { return };
        if self.models.here.work_on(&model.reference).is_some() {
            return;
        }
        let id = self.begin_work(Job::Verify, model.reference.clone(), model.name.clone());
        self.emit(Effect::Hub(HubCmd::Verify { id, model: model.reference }));
    }

    /// Looks whether there is something newer; gets it where that is known.
    pub(super) fn look_for_newer(&mut self, now: Instant) {
        let Some(model) = self.model_here(now) else { return };
        if model.cached.is_none() {
            return self.toast(ToastKind::Note, format!("{} is not from the Hub", model.name), None, now);
        }
        if self.is_offline() {
            return self.toast_error(&offline("nothing can be looked up"), now);
        }
        if let Some(newest) = self.models.here.newer(&model).map(|newer| newer.model.clone()) {
            let (name, bytes) = (model.name, Some(model.bytes));
            let wanted = Wanted { newest: true, model: newest, name, bytes, then_load: ThenLoad::No };
            return self.get(wanted, now);
        }
        if self.models.here.work_on(&model.reference).is_none() {
            let id = self.begin_work(Job::LookForNewer, model.reference.clone(), model.name.clone());
            self.emit(Effect::Hub(HubCmd::LookForNewer { id, model: model.reference }));
        }
    }

    /// Asks whether it is meant, once it is known what comes of it.
    pub(super) fn ask_to_delete(&mut self, now: Instant) {
        if self.models.place == Place::Here
            && let Some(Row::Unfinished(unfinished)) = self.models.here.chosen(&self.models.downloads)
        {
            let (repo, come) = (unfinished.repo.clone(), bytes(unfinished.bytes));
            return self.open(Overlay::Confirm(Confirm {
                title: format!("Forget the download of {}?", repo.name),
                body: format!("{come} that have come are thrown away. The next download begins at the beginning."),
                yes: "throw them away",
                then: Confirmed::Discard(repo),
            }));
        }
        let Some(model) = self.model_here(now) else { return };
        if self.is_in_use(&model) {
            let hint = format!("{} unloads it first", self.key(Action::Unload));
            let text = format!("{} is loaded and can't be deleted", model.name);
            return self.toast(ToastKind::Warning, text, Some(hint), now);
        }
        if self.models.here.work_on(&model.reference).is_none() {
            let id = self.begin_work(Job::LookAtRemoval, model.reference.clone(), model.name.clone());
            self.emit(Effect::Hub(HubCmd::LookAtRemoval { id, model: model.reference }));
        }
    }

    /// It is known what deleting a model comes to: asks, if that is still what the person looks at.
    fn ask_whether_to_delete(&mut self, reference: &str, owner: Owner, frees: u64) {
        let in_front = self.pane == Pane::Models && self.models.place == Place::Here && self.overlay.is_none();
        let chosen = self.models.chosen().filter(|model| in_front && model.reference == reference);
        let Some(model) = chosen.cloned() else { return };
        let (name, origin, frees) = (&model.name, &model.origin, bytes(frees));
        let (title, mut body, yes) = match owner {
            Owner::Imported => (
                format!("Forget {name}?"),
                format!("It loses its name here; its files stay where they are ({origin})."),
                "forget it",
            ),
            Owner::Kept => (
                format!("Delete {name}?"),
                format!("It is a copy that can be made again. Frees {frees} in {origin}."),
                "delete it",
            ),
            Owner::Cache | Owner::User => {
                (format!("Delete {name}?"), format!("Frees {frees} in {origin}."), "delete it")
            }
        };
        let (same, rest) = self.models.here.related(&model);
        if !same.is_empty() {
            let _ = write!(body, " The same files are also in the list as {}, which goes with it.", names(&same));
        }
        if !rest.is_empty() {
            let _ = write!(body, " From the same repository, {} stays.", names(&rest));
        }
        self.open(Overlay::Confirm(Confirm { title, body, yes, then: Confirmed::Delete(Box::new(model)) }));
    }

    /// The engine has it, or is about to.
    #[must_use]
    pub fn is_in_use(&self, model: &LocalModel) -> bool {
        let engine = !matches!(self.engine, EngineStatus::Empty | EngineStatus::Failed { .. });
        engine && self.wanted.as_ref().is_some_and(|wanted| wanted.location == model.location)
            || self.model().is_some_and(|info| info.reference == model.reference)
    }

    pub(in crate::app::update) fn delete(&mut self, model: &LocalModel, now: Instant) {
        // It may have been loaded since it was asked.
        if self.is_in_use(model) {
            return self.toast(ToastKind::Warning, format!("{} is loaded and can't be deleted", model.name), None, now);
        }
        let id = self.begin_work(Job::Delete, model.reference.clone(), model.name.clone());
        self.emit(Effect::Hub(HubCmd::Delete { id, model: model.reference.clone() }));
    }

    pub(in crate::app::update) fn discard(&mut self, repo: &RepoId) {
        let id = self.begin_work(Job::Discard, repo.to_string(), repo.name.clone());
        self.emit(Effect::Hub(HubCmd::Discard { id, repo: repo.clone() }));
    }

    pub(super) fn ask_for_a_path(&mut self) {
        self.open(Overlay::Import(PathField { area: TextArea::one_line(""), asked: None, error: None }));
    }

    /// Has the path looked at; the field stays until it is known to be good.
    pub(in crate::app::update) fn import(&mut self, mut field: PathField) {
        let path = field.area.text().trim().to_owned();
        if !path.is_empty() && field.asked.is_none() {
            field.error = None;
            let id = self.begin_work(Job::Import, path.clone(), path.clone());
            field.asked = Some(id);
            self.emit(Effect::Hub(HubCmd::Import { id, path: PathBuf::from(path) }));
        }
        self.overlay = Some(Overlay::Import(field));
    }

    /// Ends the work on what is chosen early. False where there is none.
    pub(super) fn stop_work(&mut self) -> bool {
        let subject = match self.models.here.chosen(&self.models.downloads) {
            Some(Row::Model(model)) => model.reference.clone(),
            Some(Row::Unfinished(unfinished)) => unfinished.repo.to_string(),
            None => return false,
        };
        let Some(id) = self.models.here.work_on(&subject).map(|work| work.id) else { return false };
        self.emit(Effect::Hub(HubCmd::Stop(id)));
        true
    }

    /// A piece of work has ended.
    pub(super) fn on_worked(&mut self, id: AskId, result: Result<Done, UserError>, now: Instant) {
        let Some(Work { job, subject, name, .. }) = self.models.here.end(id) else { return };
        self.touch(Dirty::Soon);
        let changed = !matches!(job, Job::Verify | Job::LookForNewer | Job::LookAtRemoval);
        if changed {
            self.emit(Effect::Hub(HubCmd::ScanLocal));
        }
        let (text, hint) = match result {
            Ok(Done::Verified { files, bytes: size }) => (
                format!("{name} is whole: {}, {}, every byte as the Hub has it", many(files, "file"), bytes(size)),
                None,
            ),
            Ok(Done::NotVerifiable) => (
                format!("There is nothing to compare {name} with"),
                Some("only of files from the Hub it is known what they must be".to_owned()),
            ),
            Ok(Done::Removable { owner, frees }) => return self.ask_whether_to_delete(&subject, owner, frees),
            Ok(Done::Deleted { owner: Owner::Imported, .. }) => {
                (format!("{name} is forgotten; its files are where they were"), None)
            }
            Ok(Done::Deleted { freed, .. }) => (format!("{name} is deleted: {} are free again", bytes(freed)), None),
            Ok(Done::Discarded { freed }) => {
                (format!("The download of {name} is forgotten: {} are free again", bytes(freed)), None)
            }
            Ok(Done::Imported { reference }) => {
                if matches!(&self.overlay, Some(Overlay::Import(field)) if field.asked == Some(id)) {
                    self.overlay = None;
                }
                self.models.here.want(reference.clone());
                (format!("{name} is in the list as {reference}"), None)
            }
            Ok(Done::Newer(newer)) => {
                let found = newer.is_some();
                self.models.here.set_newer(&subject, newer);
                if found {
                    let hint = format!("{} once more gets it", self.key(Action::LookForNewer));
                    (format!("The Hub has something newer of {name}"), Some(hint))
                } else {
                    (format!("{name} is the newest there is"), None)
                }
            }
            Err(error) => {
                if let Some(Overlay::Import(field)) = &mut self.overlay
                    && field.asked == Some(id)
                {
                    field.asked = None;
                    field.error = Some(error);
                } else if error.kind == crate::error::ErrorKind::Cancelled {
                    self.toast(ToastKind::Note, format!("The work on {name} was stopped"), None, now);
                } else {
                    self.toast_error(&error, now);
                }
                return;
            }
        };
        self.toast(ToastKind::Note, text, hint, now);
    }
}

fn names(models: &[&LocalModel]) -> String {
    let mut names: Vec<&str> = models.iter().take(NAMED).map(|model| model.reference.as_str()).collect();
    let more = models.len().saturating_sub(NAMED);
    let counted = format!("{more} more");
    if more > 0 {
        names.push(&counted);
    }
    names.join(", ")
}
