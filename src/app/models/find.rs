//! Finding a model: the search field, its filters, the catalog ordered for this machine, and what the Hub answers.
//!
//! Answers come in pages that are kept one after the other; a frame looks at the rows on the screen and at no others.

use std::borrow::Cow;

use crate::app::list::{self, Scroll};
use crate::app::text_area::TextArea;
use crate::domain::AskId;
use crate::domain::action::Action;
use crate::domain::catalog::{Catalog, Standing, Suited};
use crate::domain::fit::{self, Verdict};
use crate::domain::hub::{Hit, Hits, Kind, NextPage, SearchQuery, Sort};
use crate::domain::machine::Machine;
use crate::domain::model::{Choice, LoadSettings, ModelRef, RepoId};
use crate::domain::offers;
use crate::error::UserError;

/// What narrows a search, beside its words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filters {
    pub kind: Option<Kind>,
    /// Most parameters, in billions.
    pub billions: Option<u64>,
    pub licence: Option<&'static str>,
    pub author: Option<String>,
    pub sort: Sort,
    /// Only what fits this machine: looked at here, the Hub knows nothing of it.
    pub fits: bool,
}

const KINDS: [Option<Kind>; 5] = [None, Some(Kind::Gguf), Some(Kind::Safetensors), Some(Kind::Mlx), Some(Kind::Uqff)];
const BILLIONS: [Option<u64>; 6] = [None, Some(1), Some(3), Some(8), Some(15), Some(35)];
/// Those under which most models are that anybody may use for anything.
const LICENCES: [Option<&str>; 3] = [None, Some("apache-2.0"), Some("mit")];

/// The one after it, round and round.
fn next<T: Copy + PartialEq>(round: &[T], value: T) -> T {
    let at = round.iter().position(|one| *one == value).unwrap_or(0);
    round[(at + 1) % round.len()]
}

impl Filters {
    /// Turns one of them on; false where the action is about none.
    pub fn act(&mut self, action: Action) -> bool {
        match action {
            Action::FilterKind => self.kind = next(&KINDS, self.kind),
            Action::FilterSize => self.billions = next(&BILLIONS, self.billions),
            Action::FilterLicence => self.licence = next(&LICENCES, self.licence),
            Action::FilterFits => self.fits = !self.fits,
            Action::Sort => self.sort = next(&Sort::ALL, self.sort),
            Action::ClearFilters => *self = Self::default(),
            _ => return false,
        }
        true
    }

    /// Something narrows or orders what the Hub is asked.
    fn ask_for_more_than_trends(&self) -> bool {
        *self != Self { fits: self.fits, ..Self::default() }
    }
}

/// How the search stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Searching {
    /// Nobody has looked here yet.
    #[default]
    NotYet,
    /// What is typed settles before it is asked.
    Settling,
    /// Asked anew; what was found before is still shown.
    New(AskId),
    /// Asked for the next page.
    More(AskId),
    Done,
    /// `more`: of the next page; what came before stays.
    Failed {
        error: UserError,
        more: bool,
    },
}

/// What a row stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Item<'a> {
    /// The repository that is named in the field.
    Named(&'a RepoId),
    Catalog(&'a Known),
    Hit(&'a Found),
}

/// A repository of the Hub.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub hit: Hit,
    /// Whether a model of this size is likely to run here, where that can be told.
    pub verdict: Option<Verdict>,
}

/// An entry of the catalog, as it is on this machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    pub name: String,
    pub title: String,
    pub about: String,
    pub parameters: Option<u64>,
    pub context: Option<u32>,
    pub licence: Option<String>,
    /// The MODEL on the Hub that suits this machine.
    pub model: Option<ModelRef>,
    pub kind: Option<Kind>,
    pub quant: String,
    pub bytes: Option<u64>,
    pub fit: Option<fit::Fit>,
    pub speed: Option<f64>,
    pub standing: Option<Standing>,
    /// Why it is the one to take.
    pub recommended: Option<String>,
}

impl Known {
    fn of(suited: &Suited<'_>) -> Self {
        let entry = suited.entry;
        Self {
            name: entry.name.clone(),
            title: entry.title.clone(),
            about: entry.about.clone(),
            parameters: entry.parameters,
            context: entry.context,
            licence: entry.licence.clone(),
            model: suited.route.map(|route| route.model.clone()),
            kind: suited.route.map(|route| route.kind),
            quant: suited.route.map(|route| route.quant.clone()).unwrap_or_default(),
            bytes: suited.route.and_then(|route| route.bytes).or(suited.facts.as_ref().map(|facts| facts.bytes)),
            fit: suited.fit,
            speed: suited.speed,
            standing: Some(suited.standing),
            recommended: suited.recommended.clone(),
        }
    }

    /// Where its files are on the Hub.
    #[must_use]
    pub fn repo(&self) -> Option<&RepoId> {
        match &self.model {
            Some(ModelRef::Hub { repo, .. }) => Some(repo),
            _ => None,
        }
    }
}

/// What judging a repository by its row takes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Measure {
    load: LoadSettings,
    machine: Machine,
}

impl Measure {
    fn verdict(&self, hit: &Hit) -> Option<Verdict> {
        offers::verdict(hit, self.load, &self.machine)
    }
}

#[derive(Debug)]
pub struct Find {
    pub field: TextArea,
    /// The field has the keys.
    pub typing: bool,
    pub filters: Filters,
    pub searching: Searching,
    pub selected: usize,
    pub scroll: Scroll,
    /// The question under way.
    asked: Option<SearchQuery>,
    /// What the rows answer.
    answered: Option<SearchQuery>,
    hits: Vec<Found>,
    /// Places of those that are shown.
    shown: Vec<usize>,
    next: Option<NextPage>,
    /// Pages that were asked for although nothing of the last one is shown, in a row.
    in_vain: u8,
    /// What suits this machine first.
    known: Vec<Known>,
    /// Places of those that are shown.
    known_shown: Vec<usize>,
    measure: Option<Measure>,
    /// The repository that is named in the field, and the rest of what is written there.
    named: Option<(RepoId, Choice, Option<String>)>,
}

impl Default for Find {
    fn default() -> Self {
        Self {
            field: TextArea::one_line(""),
            typing: false,
            filters: Filters::default(),
            searching: Searching::default(),
            selected: 0,
            scroll: Scroll::default(),
            asked: None,
            answered: None,
            hits: Vec::new(),
            shown: Vec::new(),
            next: None,
            in_vain: 0,
            known: Vec::new(),
            known_shown: Vec::new(),
            measure: None,
            named: None,
        }
    }
}

/// So many rows before the end the next page is asked for.
const AHEAD: usize = 25;
/// So many pages without anything to show are gone through.
const IN_VAIN: u8 = 3;

impl Find {
    // ── What is asked ────────────────────────────────────────────────────────────────────────────────────────────────

    /// The question that field and filters come to.
    #[must_use]
    pub fn query(&self) -> SearchQuery {
        SearchQuery {
            text: self.field.text().trim().to_owned(),
            author: self.filters.author.clone(),
            kind: self.filters.kind,
            licence: self.filters.licence.map(str::to_owned),
            parameters: self.filters.billions.map(|billions| billions * 1_000_000_000),
            sort: self.filters.sort,
        }
    }

    /// What is written or filtered has changed. False where the rows answer that already.
    pub fn changed(&mut self) -> bool {
        self.named = named(self.field.text());
        self.in_vain = 0;
        self.narrow();
        let query = Some(self.query());
        // What is under way asks the same: only what is shown of it has changed.
        if matches!(self.searching, Searching::New(_)) && self.asked == query {
            return false;
        }
        let is_answered = self.answered == query;
        if is_answered && self.is_stale() {
            self.searching = Searching::Done;
        } else if !is_answered {
            self.searching = Searching::Settling;
        }
        !is_answered
    }

    /// The question, which is now asked under this id.
    pub fn ask(&mut self, id: AskId) -> SearchQuery {
        let query = self.query();
        self.asked = Some(query.clone());
        self.searching = Searching::New(id);
        self.in_vain = 0;
        query
    }

    /// The next page, where it is time for it.
    pub fn ask_for_more(&mut self, id: AskId) -> Option<(SearchQuery, NextPage)> {
        if self.searching != Searching::Done || self.selected + AHEAD < self.len() || self.in_vain >= IN_VAIN {
            return None;
        }
        let (query, next) = (self.answered.clone()?, self.next.clone()?);
        self.searching = Searching::More(id);
        Some((query, next))
    }

    /// The page that could not be had is asked for again.
    pub fn forgive(&mut self) {
        self.in_vain = 0;
        if matches!(self.searching, Searching::Failed { more: true, .. }) {
            self.searching = Searching::Done;
        }
    }

    /// It can't be asked, and why.
    pub fn refuse(&mut self, error: UserError) {
        self.answered = None;
        self.hits.clear();
        self.next = None;
        self.narrow();
        self.searching = Searching::Failed { error, more: false };
    }

    /// An answer. False where it answers something that nobody wants to know any more.
    pub fn found(&mut self, id: AskId, result: Result<Hits, UserError>) -> bool {
        let more = match self.searching {
            Searching::New(asked) if asked == id => false,
            Searching::More(asked) if asked == id => true,
            _ => return false,
        };
        match result {
            Ok(mut page) => {
                for licence in page.hits.iter_mut().filter_map(|hit| hit.licence.as_mut()) {
                    *licence = crate::text::sanitize(licence).into_owned();
                }
                if !more {
                    self.answered = self.asked.take();
                    self.hits.clear();
                    self.shown.clear();
                    self.selected = 0;
                    self.scroll = Scroll::default();
                }
                let before = self.shown.len();
                let from = self.hits.len();
                let verdict = |hit: &Hit| self.measure.as_ref().and_then(|measure| measure.verdict(hit));
                let found = |hit| Found { verdict: verdict(&hit), hit };
                let mut found: Vec<Found> = page.hits.into_iter().map(found).collect();
                self.hits.append(&mut found);
                self.show_from(from);
                self.in_vain = if self.shown.len() == before { self.in_vain + 1 } else { 0 };
                self.next = page.next;
                self.searching = Searching::Done;
            }
            Err(error) if more => self.searching = Searching::Failed { error, more },
            Err(error) => self.refuse(error),
        }
        true
    }

    // ── What is shown ────────────────────────────────────────────────────────────────────────────────────────────────

    /// Looks at the catalog for a machine, as models would be loaded.
    pub fn suit<'a>(&mut self, catalog: impl FnOnce() -> &'a Catalog, load: LoadSettings, machine: Option<Machine>) {
        let measure = machine.map(|machine| Measure { load, machine });
        if self.measure == measure && !self.known.is_empty() {
            return;
        }
        self.measure = measure;
        for found in &mut self.hits {
            found.verdict = measure.as_ref().and_then(|measure| measure.verdict(&found.hit));
        }
        let catalog = catalog();
        self.known = match &measure {
            Some(Measure { load, machine }) => catalog.suited(*load, machine).iter().map(Known::of).collect(),
            None => catalog.entries.iter().map(Known::unjudged).collect(),
        };
        self.narrow();
    }

    /// Goes through all that was found again: what narrows has changed.
    fn narrow(&mut self) {
        self.shown.clear();
        self.show_from(0);
        let catalog = self.field.text().trim().is_empty() && !self.filters.ask_for_more_than_trends();
        let fits = |known: &Known| !self.filters.fits || known.standing.is_some_and(|s| s <= Standing::Tight);
        let all = self.known.iter().enumerate().filter(|(_, known)| catalog && fits(known));
        self.known_shown = all.map(|(at, _)| at).collect();
        self.selected = self.selected.min(self.len().saturating_sub(1));
    }

    fn show_from(&mut self, from: usize) {
        let fits = |found: &Found| found.verdict.is_some_and(|verdict| verdict != Verdict::TooLarge);
        for (at, found) in self.hits.iter().enumerate().skip(from) {
            if !self.filters.fits || fits(found) {
                self.shown.push(at);
            }
        }
    }

    /// The Hub has more than was asked for so far.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.next.is_some()
    }

    /// Rows that the filter for what fits has left out.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.hits.len() - self.shown.len()
    }

    /// Entries of the catalog that are shown.
    #[must_use]
    pub fn known(&self) -> usize {
        self.known_shown.len()
    }

    /// Repositories of the Hub that are shown.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.shown.len()
    }

    /// Rows before those of the Hub.
    #[must_use]
    pub fn before_hits(&self) -> usize {
        usize::from(self.named.is_some()) + self.known_shown.len()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.before_hits() + self.shown.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[must_use]
    pub fn item(&self, at: usize) -> Option<Item<'_>> {
        let at = match (&self.named, at) {
            (Some((repo, ..)), 0) => return Some(Item::Named(repo)),
            (Some(_), at) => at - 1,
            (None, at) => at,
        };
        if let Some(known) = self.known_shown.get(at) {
            return self.known.get(*known).map(Item::Catalog);
        }
        let hit = self.shown.get(at - self.known_shown.len())?;
        self.hits.get(*hit).map(Item::Hit)
    }

    #[must_use]
    pub fn chosen(&self) -> Option<Item<'_>> {
        self.item(self.selected)
    }

    /// The repository that is chosen, and what of it is meant where that was said.
    #[must_use]
    pub fn target(&self) -> Option<(RepoId, Choice, Option<String>)> {
        match self.chosen()? {
            Item::Named(_) => self.named.clone(),
            Item::Catalog(known) => match known.model.clone()? {
                ModelRef::Hub { repo, choice, revision } => Some((repo, choice, revision)),
                _ => None,
            },
            Item::Hit(found) => Some((found.hit.repo.clone(), Choice::Any, None)),
        }
    }

    /// There is no more to come after the rows.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.next.is_none() && self.searching == Searching::Done
    }

    /// What was found is of an earlier question.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        matches!(self.searching, Searching::Settling | Searching::New(_))
    }

    pub fn act(&mut self, action: Action) -> bool {
        let len = self.len();
        let moves = list::step(&mut self.selected, len, action);
        let down = matches!(action, Action::Next | Action::PageNext | Action::Last);
        // Whoever goes on at the end wants more of it.
        if down && self.selected + 1 >= len {
            self.in_vain = 0;
        }
        moves
    }
}

impl Known {
    /// What a name of the catalog means on a machine, also with a quantisation behind it.
    #[must_use]
    pub fn called(name: &str, catalog: &Catalog, load: LoadSettings, machine: Option<&Machine>) -> Option<Self> {
        let Ok(ModelRef::Named { name, quant }) = ModelRef::parse(name) else { return None };
        let mut entry = Cow::Borrowed(catalog.find(&name)?);
        if let Some(quant) = quant {
            entry = Cow::Owned(entry.in_quant(&quant));
        }
        Some(match machine {
            Some(machine) => Self::of(&entry.suited(load, machine)),
            None => Self::unjudged(&entry),
        })
    }

    fn unjudged(entry: &crate::domain::catalog::Entry) -> Self {
        let suited = Suited {
            entry,
            route: entry.routes.first(),
            facts: None,
            fit: None,
            speed: None,
            standing: Standing::Unknown,
            recommended: None,
        };
        Self { standing: None, ..Self::of(&suited) }
    }
}

/// A repository that is named in full, or by its address.
#[must_use]
pub fn named(text: &str) -> Option<(RepoId, Choice, Option<String>)> {
    let (repo, revision) = offers::straight_to(text)?;
    let choice = match ModelRef::parse(text.trim().trim_start_matches('@')) {
        Ok(ModelRef::Hub { choice, .. }) => choice,
        _ => Choice::Any,
    };
    Some((repo, choice, revision))
}
