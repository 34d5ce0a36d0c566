//! The actions of the Models pane. Here: which place they are for.
//!
//! | file | is |
//! |---|---|
//! | `loading` | judging and loading what is here |
//! | `here` | the work on what is here: check, delete, look for newer, import |
//! | `find` | searching, and repositories |
//! | `downloads` | getting models |
//! | `events` | what the hub side tells |

mod downloads;
mod events;
mod find;
mod here;
mod loading;

use std::time::Instant;

pub(in crate::app) use self::loading::Lookup;

use crate::app::models::Place;
use crate::app::models::downloads::Download;
use crate::app::models::here::Row;
use crate::app::models::page::{Face, Page, Row as PageRow};
use crate::app::msg::Effect;
use crate::app::{App, Confirmed, EngineStatus, Pane, ToastKind};
use crate::domain::HubCmd;
use crate::domain::action::Action;
use crate::domain::model::RepoId;

impl App {
    /// False where the action has no use in the place on the screen, so that an outer context can have the key.
    pub(super) fn act_in_models(&mut self, action: Action, now: Instant) -> bool {
        match action {
            Action::ShowHere => self.go_to_place(Place::Here),
            Action::ShowFind => self.go_to_place(Place::Find),
            Action::ShowDownloads => self.go_to_place(Place::Downloads),
            Action::PreviousPlace => self.turn_place(Place::ALL.len() - 1),
            Action::NextPlace => self.turn_place(1),
            Action::Search => {
                self.models.pages.clear();
                self.go_to_place(Place::Find);
                self.models.find.typing = true;
            }
            Action::Open => self.open_chosen(now),
            Action::Load => self.load_chosen(now),
            Action::Back => return self.go_back(now),
            Action::Unload => {
                if matches!(self.engine, EngineStatus::Empty) {
                    self.toast(ToastKind::Note, "No model is loaded", None, now);
                } else if !self.ask_to_end_answer("Unload the model?", "unload it", Confirmed::Unload) {
                    self.unload();
                }
            }
            Action::Refresh => self.refresh(now),
            Action::CancelJob => self.cancel_job(now),
            Action::GetStarter => self.get_starter(now),
            Action::ShowPage => self.show_page(now),
            Action::Card => {
                let turned = self.models.page_mut().map(Page::turn);
                if turned == Some(false) {
                    self.toast(ToastKind::Note, "This repository has no model card", None, now);
                }
                return turned.is_some();
            }
            Action::Verify => self.verify(now),
            Action::DeleteModel => self.ask_to_delete(now),
            Action::LookForNewer => self.look_for_newer(now),
            Action::Import => self.ask_for_a_path(),
            Action::FilterAuthor => return self.filter_author(),
            Action::FilterKind
            | Action::FilterSize
            | Action::FilterLicence
            | Action::FilterFits
            | Action::Sort
            | Action::ClearFilters => return self.filter(action),
            Action::Pause => self.pause(now),
            Action::DownloadFirst => self.download_first(now),
            _ => return false,
        }
        true
    }

    /// The pane comes to the front. What it shows of the Hub is asked when it is first seen.
    pub(super) fn show_models(&mut self) {
        self.pane = Pane::Models;
        self.show_place();
    }

    fn show_place(&mut self) {
        if self.models.place == Place::Find {
            self.search_first();
            self.ask_for_lost_page();
        }
    }

    fn go_to_place(&mut self, place: Place) {
        self.models.find.typing = false;
        self.models.place = place;
        self.show_place();
    }

    fn turn_place(&mut self, by: usize) {
        let at = Place::ALL.iter().position(|place| *place == self.models.place).unwrap_or(0);
        self.go_to_place(Place::ALL[(at + by) % Place::ALL.len()]);
    }

    /// Out of the field, out of the page, out of a load.
    fn go_back(&mut self, now: Instant) -> bool {
        if self.models.types() {
            self.models.find.typing = false;
        } else if let Some(page) = self.models.page_mut().filter(|page| page.face == Face::Card) {
            page.turn();
        } else if self.models.leave_page() {
            self.show_place();
        } else if matches!(self.engine, EngineStatus::Loading { .. }) {
            self.cancel_load(now);
        } else {
            return false;
        }
        true
    }

    /// Moves in the list on the screen; where its end comes near, the next page is asked for.
    pub(super) fn move_in_models(&mut self, action: Action) -> bool {
        let moved = self.models.act(action);
        self.search_on();
        moved
    }

    /// The wheel moves a card that is on the screen. False where none is.
    pub(super) fn scroll_card(&mut self, lines: i32) -> bool {
        let card = (self.pane == Pane::Models).then(|| self.models.page_mut()?.card.as_mut()).flatten();
        let Some(card) = card.filter(|card| card.height > 0) else { return false };
        card.scroll(lines);
        true
    }

    /// A click on the name of a place. False where there is none.
    pub(super) fn click_on_place(&mut self, column: u16, row: u16) -> bool {
        let drawn = &self.models.drawn;
        let is_here = self.overlay.is_none() && self.pane == Pane::Models && row == drawn.places_row;
        let place =
            drawn.places.iter().find(|(_, columns)| is_here && columns.contains(&column)).map(|(place, _)| *place);
        let Some(place) = place else { return false };
        self.go_to_place(place);
        true
    }

    /// Enter: the next thing that one does with the chosen row.
    pub(super) fn open_chosen(&mut self, now: Instant) {
        match self.models.place {
            Place::Here => match self.models.here.chosen(&self.models.downloads) {
                Some(Row::Model(model)) => {
                    let model = model.clone();
                    self.load_if_it_fits(&model, now);
                }
                Some(Row::Unfinished(unfinished)) => {
                    let unfinished = unfinished.clone();
                    self.resume_unfinished(&unfinished, now);
                }
                None if self.models.nothing_usable() => self.get_starter(now),
                None => {}
            },
            Place::Find => match self.models.page().and_then(Page::chosen) {
                Some(PageRow::Offer(..)) => self.take_offer(false, now),
                Some(PageRow::Base(repo)) => {
                    let repo = repo.clone();
                    self.open_repo(repo);
                }
                Some(PageRow::Sibling(hit)) => {
                    let repo = hit.repo.clone();
                    self.open_repo(repo);
                }
                None if self.models.page().is_some() => {}
                None => self.open_found(now),
            },
            Place::Downloads => self.open_download(now),
        }
    }

    /// Loads what is chosen, getting it first where it must be.
    fn load_chosen(&mut self, now: Instant) {
        match self.models.place {
            Place::Here => self.open_chosen(now),
            Place::Find if self.models.page().is_some() => self.take_offer(true, now),
            Place::Find => self.take_known(now),
            Place::Downloads => self.load_download(now),
        }
    }

    /// The repository that what is chosen is from.
    fn show_page(&mut self, now: Instant) {
        let repo: Option<RepoId> = match self.models.place {
            Place::Here => match self.models.here.chosen(&self.models.downloads) {
                Some(Row::Model(model)) => model.cached.as_ref().map(|cached| cached.repo.clone()),
                Some(Row::Unfinished(unfinished)) => Some(unfinished.repo.clone()),
                None => None,
            },
            Place::Find => return self.open_chosen(now),
            Place::Downloads => self.models.downloads.chosen().and_then(Download::repo),
        };
        match repo {
            Some(repo) => self.open_repo(repo),
            None => self.toast(ToastKind::Note, "It is not from the Hub", None, now),
        }
    }

    fn refresh(&mut self, now: Instant) {
        match self.models.place {
            Place::Here => {
                self.emit(Effect::Measure);
                self.emit(Effect::Hub(HubCmd::ScanLocal));
            }
            Place::Find => {
                // What is found is judged by it.
                self.emit(Effect::Measure);
                self.ask_again();
            }
            Place::Downloads => self.open_download(now),
        }
    }

    fn cancel_job(&mut self, now: Instant) {
        if self.models.place == Place::Downloads {
            return self.cancel_download(now);
        }
        if self.models.place == Place::Here && self.stop_work() {
            return;
        }
        if matches!(self.engine, EngineStatus::Loading { .. }) {
            return self.cancel_load(now);
        }
        let under_way: Vec<_> = self.models.downloads.under_way().map(|download| download.id).collect();
        match under_way.as_slice() {
            [] => self.toast(ToastKind::Note, "Nothing is under way", None, now),
            [id] => self.emit(Effect::Hub(HubCmd::CancelDownload(*id))),
            _ => {
                self.go_to_place(Place::Downloads);
                self.toast(ToastKind::Note, "Several are under way: choose which", None, now);
            }
        }
    }
}
