//! The Models pane: three places a key apart, and the repositories that are looked at.
//!
//! | file | is |
//! |---|---|
//! | `here` | what is on this machine, and the work on it |
//! | `find` | the search field, its filters, the catalog and what the Hub answers |
//! | `page` | one repository: what it offers, judged for this machine, and its card |
//! | `downloads` | the queue, and what became of those before |

pub mod downloads;
pub mod find;
pub mod here;
pub mod page;

use std::ops::Range;
use std::time::Instant;

use crate::app::list;
use crate::app::models::downloads::{Download, Downloads};
use crate::app::models::find::Find;
use crate::app::models::here::{Here, Row};
use crate::app::models::page::{Page, State};
use crate::domain::AskId;
use crate::domain::action::Action;
use crate::domain::machine::Machine;
use crate::domain::measured::{self, Remembered};
use crate::domain::model::{LoadSettings, LocalModel};

/// The three places of the pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    #[default]
    Here,
    Find,
    Downloads,
}

impl Place {
    pub const ALL: [Self; 3] = [Self::Here, Self::Find, Self::Downloads];

    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Here => "Here",
            Self::Find => "Find",
            Self::Downloads => "Downloads",
        }
    }
}

/// Where the last frame drew the names of the places.
#[derive(Debug, Default)]
pub struct Drawn {
    pub places: Vec<(Place, Range<u16>)>,
    pub places_row: u16,
}

#[derive(Debug, Default)]
pub struct ModelsPane {
    pub place: Place,
    pub here: Here,
    pub find: Find,
    /// Repositories that are looked at, one after the other; the last one is in front of what was found.
    pub pages: Vec<Page>,
    pub downloads: Downloads,
    pub drawn: Drawn,
    /// What models have been measured to do here, and when that was read.
    measured: Option<(Vec<Remembered>, Instant)>,
    ask: AskId,
    /// The question for a page that was asked last.
    pub asked_page: AskId,
}

/// As many pages lead back to where one came from.
const PAGES: usize = 16;

impl ModelsPane {
    pub fn remember(&mut self, measured: Vec<Remembered>, now: Instant) {
        self.measured = Some((measured, now));
    }

    /// What a model has been measured to do here, in words.
    #[must_use]
    pub fn measured(
        &self,
        model: &LocalModel,
        settings: LoadSettings,
        machine: Option<&Machine>,
        now: Instant,
    ) -> Option<String> {
        let (all, read) = self.measured.as_ref()?;
        let known = measured::find(all, model, settings, machine)?;
        let age = known.age + now.saturating_duration_since(*read);
        Remembered { age, ..known.clone() }.in_words()
    }

    /// The id of the next question or piece of work.
    pub fn next_ask(&mut self) -> AskId {
        self.ask = self.ask.next();
        self.ask
    }

    #[must_use]
    pub fn models(&self) -> &[LocalModel] {
        self.here.models()
    }

    /// The model on this machine that is chosen.
    #[must_use]
    pub fn chosen(&self) -> Option<&LocalModel> {
        match self.here.chosen(&self.downloads)? {
            Row::Model(model) => Some(model),
            Row::Unfinished(_) => None,
        }
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
        self.here.looked() && self.first_usable().is_none()
    }

    /// The download that is told of where there is room for one.
    #[must_use]
    pub fn running(&self) -> Option<&Download> {
        self.downloads.running()
    }

    /// The repository in front, where one is.
    #[must_use]
    pub fn page(&self) -> Option<&Page> {
        self.pages.last().filter(|_| self.place == Place::Find)
    }

    /// The page in front waits for an answer that will not come: another page was asked for since, and the Hub side answers
    /// the newest question alone.
    #[must_use]
    pub fn waits_in_vain(&self) -> bool {
        self.page().is_some_and(|page| matches!(page.state, State::Asked(id) if id != self.asked_page))
    }

    pub fn page_mut(&mut self) -> Option<&mut Page> {
        self.pages.last_mut().filter(|_| self.place == Place::Find)
    }

    /// Puts a repository in front.
    pub fn open(&mut self, page: Page) {
        self.find.typing = false;
        self.place = Place::Find;
        if self.pages.len() == PAGES {
            self.pages.remove(0);
        }
        self.pages.push(page);
    }

    /// Goes back to where the repository in front was opened from. False where none is.
    pub fn leave_page(&mut self) -> bool {
        if self.place != Place::Find {
            return false;
        }
        let Some(page) = self.pages.pop() else { return false };
        self.place = page.from;
        true
    }

    /// Text goes into the search field.
    #[must_use]
    pub fn types(&self) -> bool {
        self.place == Place::Find && self.pages.is_empty() && self.find.typing
    }

    /// Moves in the list that is on the screen. False where the action does not move.
    pub fn act(&mut self, action: Action) -> bool {
        match self.place {
            Place::Here => {
                let len = self.here.len(&self.downloads);
                list::step(&mut self.here.selected, len, action)
            }
            Place::Find => match self.pages.last_mut() {
                Some(page) => page.act(action),
                None => self.find.act(action),
            },
            Place::Downloads => {
                let len = self.downloads.all().len();
                list::step(&mut self.downloads.selected, len, action)
            }
        }
    }

    /// Chooses an item that was clicked. True where it was chosen already.
    pub fn choose(&mut self, item: usize) -> bool {
        let selected = match self.place {
            Place::Here => &mut self.here.selected,
            Place::Find => match self.pages.last_mut() {
                Some(page) => {
                    page.moved = true;
                    &mut page.selected
                }
                None => &mut self.find.selected,
            },
            Place::Downloads => &mut self.downloads.selected,
        };
        list::choose(selected, item)
    }
}
