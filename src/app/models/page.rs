//! One repository: what it offers, judged for this machine; what it was made of and what was made of that; its card.

use crate::app::list::{self, Scroll};
use crate::app::models::Place;
use crate::domain::AskId;
use crate::domain::action::Action;
use crate::domain::fit::{Fit, Verdict};
use crate::domain::hub::{Hit, Offer, RepoPage};
use crate::domain::machine::Machine;
use crate::domain::model::{Choice, LoadSettings, RepoId};
use crate::domain::{fit, offers};
use crate::error::UserError;
use crate::text::stream::StreamingDoc;

/// An offer on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Judgement {
    /// `None` where too little is known of it, or where it can't be run at all.
    pub fit: Option<Fit>,
    /// Tokens per second that are to be expected, where that is known.
    pub speed: Option<f64>,
}

impl Judgement {
    fn of(offer: &Offer, load: LoadSettings, machine: &Machine) -> Self {
        let facts = offer.facts.as_ref().and_then(|facts| facts.as_ref().ok());
        let speed = facts.and_then(|facts| fit::expected_decode(facts, load, machine));
        Self { fit: offers::judge(offer, load, machine), speed }
    }

    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.fit.map(|fit| fit.verdict)
    }
}

/// All offers on this machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    load: LoadSettings,
    machine: Machine,
    /// One for each, in their order.
    pub each: Vec<Judgement>,
    /// The one to take, and why.
    pub recommended: Option<(usize, String)>,
}

/// How the page stands.
#[derive(Debug)]
pub enum State {
    Asked(AskId),
    Here(Box<RepoPage>),
    Failed(UserError),
}

/// Which half of the page has the keys; on a narrow screen it is the one that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Face {
    #[default]
    Offers,
    Card,
}

/// A row of the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Row<'a> {
    /// With its place among the offers.
    Offer(usize, &'a Offer),
    /// What it was made of.
    Base(&'a RepoId),
    /// What else was made of that.
    Sibling(&'a Hit),
}

/// The model card, laid out once for a width.
#[derive(Debug, Default)]
pub struct Card {
    pub doc: StreamingDoc,
    /// The line at the top.
    pub top: usize,
    /// Lines that the last frame had room for; none where it was not shown.
    pub height: usize,
}

impl Card {
    fn new(markdown: &str) -> Self {
        let mut card = Self::default();
        card.doc.push(markdown);
        card.doc.finish();
        card
    }

    /// Moves the card; the next frame holds it to its length. False where the action does not move.
    fn act(&mut self, action: Action) -> bool {
        let page = self.height.saturating_sub(2).max(1);
        self.top = match action {
            Action::Previous => self.top.saturating_sub(1),
            Action::Next => self.top + 1,
            Action::PagePrevious => self.top.saturating_sub(page),
            Action::PageNext => self.top + page,
            Action::First => 0,
            Action::Last => usize::MAX / 2,
            _ => return false,
        };
        true
    }

    pub fn scroll(&mut self, lines: i32) {
        self.top = self.top.saturating_add_signed(isize::try_from(lines).unwrap_or(0));
    }
}

#[derive(Debug)]
pub struct Page {
    pub repo: RepoId,
    pub revision: Option<String>,
    /// Which of its models is meant, if that was said.
    wanted: Choice,
    /// Where one was before.
    pub from: Place,
    pub state: State,
    pub face: Face,
    pub selected: usize,
    /// Somebody has chosen a row.
    pub moved: bool,
    pub scroll: Scroll,
    pub card: Option<Card>,
    judged: Option<Judged>,
}

impl Page {
    #[must_use]
    pub fn new(repo: RepoId, wanted: Choice, revision: Option<String>, from: Place, asked: AskId) -> Self {
        Self {
            repo,
            revision,
            wanted,
            from,
            state: State::Asked(asked),
            face: Face::default(),
            selected: 0,
            moved: false,
            scroll: Scroll::default(),
            card: None,
            judged: None,
        }
    }

    /// Asked once more.
    pub fn ask_again(&mut self, id: AskId) {
        self.state = State::Asked(id);
    }

    #[must_use]
    pub fn waits_for(&self, id: AskId) -> bool {
        matches!(self.state, State::Asked(asked) if asked == id)
    }

    /// An answer. False where another one is waited for.
    pub fn found(&mut self, id: AskId, result: Result<RepoPage, UserError>) -> bool {
        if !self.waits_for(id) {
            return false;
        }
        self.judged = None;
        self.state = match result {
            Ok(mut page) => {
                let clean = |text: &mut String| *text = crate::text::sanitize(text).replace('\n', " ");
                page.hit.licence.iter_mut().for_each(clean);
                page.offers.iter_mut().map(|offer| &mut offer.quant).for_each(clean);
                self.card = page.card.take().filter(|card| !card.trim().is_empty()).map(|card| Card::new(&card));
                self.selected = 0;
                self.moved = false;
                if let Some(at) = page.offers.iter().position(|offer| self.is_wanted(offer)) {
                    self.selected = at;
                    self.moved = true;
                }
                State::Here(Box::new(page))
            }
            Err(error) => State::Failed(error),
        };
        true
    }

    fn is_wanted(&self, offer: &Offer) -> bool {
        match &self.wanted {
            Choice::Any => false,
            Choice::Quant(quant) => offer.quant.eq_ignore_ascii_case(quant),
            Choice::File(file) => offer.files.iter().any(|its| its.path == *file),
        }
    }

    /// Judges the offers, if that has not been done for this machine and these settings, and chooses the recommended one
    /// as long as nobody has chosen another.
    pub fn judge(&mut self, load: LoadSettings, machine: Option<Machine>) {
        let (State::Here(page), Some(machine)) = (&self.state, machine) else { return };
        if self.judged.as_ref().is_some_and(|judged| (judged.load, judged.machine) == (load, machine)) {
            return;
        }
        let each = page.offers.iter().map(|offer| Judgement::of(offer, load, &machine)).collect();
        let recommended = offers::recommended(&page.offers, load, &machine);
        if let (Some((best, _)), false) = (&recommended, self.moved) {
            self.selected = *best;
        }
        self.judged = Some(Judged { load, machine, each, recommended });
    }

    #[must_use]
    pub fn judged(&self) -> Option<&Judged> {
        self.judged.as_ref()
    }

    /// The offer at a place on this machine.
    #[must_use]
    pub fn judgement(&self, offer: usize) -> Judgement {
        self.judged().and_then(|judged| judged.each.get(offer)).copied().unwrap_or_default()
    }

    #[must_use]
    pub fn page(&self) -> Option<&RepoPage> {
        match &self.state {
            State::Here(page) => Some(page),
            State::Asked(_) | State::Failed(_) => None,
        }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.page().map_or(0, |page| page.offers.len() + page.base.len() + page.siblings.len())
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[must_use]
    pub fn row(&self, at: usize) -> Option<Row<'_>> {
        let page = self.page()?;
        if let Some(offer) = page.offers.get(at) {
            return Some(Row::Offer(at, offer));
        }
        let at = at - page.offers.len();
        match page.base.get(at) {
            Some(base) => Some(Row::Base(base)),
            None => page.siblings.get(at - page.base.len()).map(Row::Sibling),
        }
    }

    #[must_use]
    pub fn chosen(&self) -> Option<Row<'_>> {
        self.row(self.selected)
    }

    /// The offer that is chosen.
    #[must_use]
    pub fn offer(&self) -> Option<&Offer> {
        match self.chosen()? {
            Row::Offer(_, offer) => Some(offer),
            Row::Base(_) | Row::Sibling(_) => None,
        }
    }

    /// The recommended offer, and why.
    #[must_use]
    pub fn recommended(&self) -> Option<(&Offer, &str)> {
        let (best, reason) = self.judged()?.recommended.as_ref()?;
        Some((self.page()?.offers.get(*best)?, reason))
    }

    /// Gives the keys to the other half. False where there is no card.
    pub fn turn(&mut self) -> bool {
        self.face = match (self.face, &self.card) {
            (Face::Offers, Some(_)) => Face::Card,
            (Face::Card, _) => Face::Offers,
            (Face::Offers, None) => return false,
        };
        true
    }

    pub fn act(&mut self, action: Action) -> bool {
        let pages = matches!(action, Action::PagePrevious | Action::PageNext);
        match (&mut self.card, self.face) {
            (Some(card), Face::Card) => card.act(action),
            // A card beside the offers goes by pages while they are chosen from.
            (Some(card), Face::Offers) if pages && card.height > 0 => card.act(action),
            (_, _) => {
                let len = self.len();
                let moved = list::step(&mut self.selected, len, action);
                self.moved |= moved;
                moved
            }
        }
    }
}
