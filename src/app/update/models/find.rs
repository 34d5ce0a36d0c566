//! Searching the Hub, and looking at its repositories.

use std::time::{Duration, Instant};

use crate::app::models::Place;
use crate::app::models::find::{Filters, Item, Known, Searching, named};
use crate::app::models::page::Page;
use crate::app::msg::{Effect, TimerId};
use crate::app::{App, Pane, ThenLoad, ToastKind, Wanted};
use crate::domain::HubCmd;
use crate::domain::action::Action;
use crate::domain::model::{Choice, RepoId};
use crate::error::{ErrorKind, UserError};

/// How long what is typed settles before it is asked.
const SETTLE: Duration = Duration::from_millis(300);

impl App {
    /// What is judged for this machine is judged anew where the machine or the settings are others than they were.
    pub(in crate::app::update) fn judge_models(&mut self) {
        if self.pane != Pane::Models || self.models.place != Place::Find {
            return;
        }
        let (load, machine) = (self.settings.engine.load, self.machine);
        self.models.find.suit(|| self.catalog.all(), load, machine);
        if let Some(page) = self.models.page_mut() {
            page.judge(load, machine);
        }
    }

    /// Nothing is asked of the network before somebody looks.
    pub(super) fn search_first(&mut self) {
        if self.models.find.searching == Searching::NotYet {
            self.search();
        }
    }

    fn search(&mut self) {
        if self.is_offline() {
            return self.models.find.refuse(offline("the Hub can't be searched"));
        }
        let id = self.models.next_ask();
        let query = self.models.find.ask(id);
        self.emit(Effect::Hub(HubCmd::Search { id, query, after: None }));
    }

    /// What is typed has settled.
    pub(in crate::app::update) fn search_now(&mut self) {
        if self.models.find.searching == Searching::Settling {
            self.search();
            self.touch(crate::app::Dirty::Soon);
        }
    }

    /// What is typed or filtered has changed.
    pub(in crate::app::update) fn search_soon(&mut self) {
        if self.models.find.changed() {
            self.emit(Effect::SetTimer { id: TimerId::Search, after: SETTLE });
        }
        self.search_on();
    }

    /// Asks for the next page where the end of what is there comes near.
    pub(in crate::app::update) fn search_on(&mut self) {
        if self.pane != Pane::Models || self.models.place != Place::Find || self.models.page().is_some() {
            return;
        }
        let id = self.models.next_ask();
        if let Some((query, after)) = self.models.find.ask_for_more(id) {
            self.emit(Effect::Hub(HubCmd::Search { id, query, after: Some(after) }));
        }
    }

    /// Asks once more what is on the screen.
    pub(super) fn ask_again(&mut self) {
        if self.models.page().is_some() {
            return self.ask_for_page();
        }
        if matches!(self.models.find.searching, Searching::Failed { more: true, .. }) {
            self.models.find.forgive();
            self.search_on();
        } else {
            self.search();
        }
    }

    pub(in crate::app::update) fn act_in_search(&mut self, action: Action) -> bool {
        if !self.models.types() {
            return false;
        }
        let before = self.models.find.field.text().len();
        let done = self.models.find.field.act(action);
        // Moving the cursor changes nothing that would be asked.
        if done && (self.models.find.field.text().len() != before || matches!(action, Action::Undo | Action::Redo)) {
            self.search_soon();
        }
        done
    }

    /// An address goes straight to its page; anything else is searched for.
    pub(in crate::app::update) fn paste_in_models(&mut self, text: &str) {
        if !self.models.types() || self.models.find.field.is_empty() {
            if let Some((repo, choice, revision)) = named(text) {
                return self.open_page(repo, choice, revision);
            }
            self.models.pages.clear();
            self.models.place = Place::Find;
            self.models.find.typing = true;
        }
        self.models.find.field.insert(text.trim());
        self.search_soon();
    }

    pub(super) fn filter(&mut self, action: Action) -> bool {
        let is_here = self.models.place == Place::Find && self.models.page().is_none();
        let find = &mut self.models.find;
        // A second time it takes the words, too.
        if is_here && action == Action::ClearFilters && find.filters == Filters::default() {
            find.field.set("");
        }
        if is_here && find.filters.act(action) {
            self.search_soon();
        }
        is_here
    }

    /// Only what the author of the chosen one has; a second time everybody's again.
    pub(super) fn filter_author(&mut self) -> bool {
        if self.models.place != Place::Find || self.models.page().is_some() {
            return false;
        }
        let find = &mut self.models.find;
        find.filters.author = match find.filters.author.take() {
            Some(_) => None,
            None => find.target().map(|(repo, ..)| repo.owner).filter(|owner| !owner.is_empty()),
        };
        self.search_soon();
        true
    }

    // ── Repositories ─────────────────────────────────────────────────────────────────────────────────────────────────

    /// The page of what is chosen among what was found.
    pub(super) fn open_found(&mut self, now: Instant) {
        if let Some((repo, choice, revision)) = self.models.find.target() {
            self.open_page(repo, choice, revision);
        } else if let Some(Item::Catalog(known)) = self.models.find.chosen() {
            let text = format!("{} comes in no files that run on this kind of machine", known.title);
            self.toast(ToastKind::Note, text, None, now);
        }
    }

    pub(super) fn open_repo(&mut self, repo: RepoId) {
        self.open_page(repo, Choice::Any, None);
    }

    fn open_page(&mut self, repo: RepoId, choice: Choice, revision: Option<String>) {
        let id = self.models.next_ask();
        let from = self.models.place;
        self.models.open(Page::new(repo, choice, revision, from, id));
        self.ask_for_page();
    }

    /// A page that comes to the front again may have had no answer before another one was asked for.
    pub(super) fn ask_for_lost_page(&mut self) {
        if self.models.waits_in_vain() {
            self.ask_for_page();
        }
    }

    fn ask_for_page(&mut self) {
        let id = self.models.next_ask();
        let offline = self.is_offline().then(|| offline("its page can't be shown"));
        let Some(page) = self.models.page_mut() else { return };
        page.ask_again(id);
        if let Some(error) = offline {
            page.found(id, Err(error));
            return;
        }
        let (repo, revision) = (page.repo.clone(), page.revision.clone());
        self.models.asked_page = id;
        self.emit(Effect::Hub(HubCmd::Page { id, repo, revision }));
    }

    /// Gets the chosen entry of the catalog, unless it is here, and loads it; of anything else the page is next.
    pub(super) fn take_known(&mut self, now: Instant) {
        match self.models.find.chosen() {
            Some(Item::Catalog(known)) if known.model.is_some() => {
                let known = known.clone();
                self.get_known(known, now);
            }
            _ => self.open_found(now),
        }
    }

    /// The same for an entry that a person has named. False where it is none, or where it can't be got.
    pub(super) fn get_called(&mut self, name: &str, now: Instant) -> bool {
        let (load, machine) = (self.settings.engine.load, self.machine.as_ref());
        let known = Known::called(name, self.catalog.all(), load, machine).filter(|known| known.model.is_some());
        let Some(known) = known.filter(|_| !self.is_offline()) else { return false };
        self.get_known(known, now);
        true
    }

    fn get_known(&mut self, known: Known, now: Instant) {
        let Known { model: Some(model), title: name, bytes, fit, .. } = known else { return };
        if let Some(here) = self.models.by_reference(&model.to_string()).cloned() {
            return self.load_if_it_fits(&here, now);
        }
        let wanted = Wanted { newest: false, model, name, bytes, then_load: ThenLoad::IfItFits };
        self.get_if_it_fits(wanted, fit, None, now);
    }
}

/// Nothing of the network, because that is how it was wished.
pub(super) fn offline(what: &str) -> UserError {
    UserError::new(ErrorKind::Network, format!("hobnob is offline: {what}"))
        .hint("turn Offline off in Settings and start again, without --offline; what is on this machine works")
}
