//! What is kept of the conversation on the screen, and the list of all that are kept.

use crate::app::list::{self, Scroll};
use crate::app::picker::move_selection;
use crate::app::text_area::TextArea;
use crate::domain::action::Action;
use crate::domain::conversation::Conversation;
use crate::domain::store::keeper::Keeper;
use crate::domain::store::{Change, ConvId, ConvIds, Draft, Hit, Row, Said, Setup, Summary, Which};
use crate::domain::{AskId, MsgId};

/// The conversation on the screen, as the store knows it.
#[derive(Debug)]
pub struct Saved {
    ids: ConvIds,
    pub id: ConvId,
    pub keeper: Keeper,
    pub listed: Listed,
    /// Nothing is kept: there is no place for it.
    pub off: bool,
    /// A timer runs: for a growing answer, for what is being written.
    pub more_is_due: bool,
    pub draft_is_due: bool,
    ask: AskId,
    /// The conversation that is being opened.
    pub opening: Option<Opening>,
    /// The palette waits for the list.
    pub palette_ask: Option<AskId>,
    /// What to open at the start.
    pub first: Option<Which>,
    /// What the conversation of the start is held as.
    pub persona: Option<String>,
    /// The model of the settings, until it is known whether that has one of its own.
    pub model_waits: Option<String>,
    /// Deleted here, with their titles; the last can come back first.
    pub deleted: Vec<(ConvId, String)>,
    /// The conversation that was on the screen before: what was kept of it last may yet be told to be lost.
    pub left: Option<Left>,
}

/// All of a conversation that somebody has gone on from.
#[derive(Debug)]
pub struct Left {
    pub id: ConvId,
    pub conversation: Conversation,
    pub setup: Setup,
    pub draft: Draft,
    pub listed: Listed,
}

/// A conversation that is on its way from the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    pub ask: AskId,
    /// It is the one to go on with from the start: what is written meanwhile is meant for it.
    pub at_the_start: bool,
}

/// How it stands in the list.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    pub title: String,
    pub pinned: bool,
    pub archived: bool,
}

impl Saved {
    #[must_use]
    pub fn new(mut ids: ConvIds, first: Option<Which>, persona: Option<String>) -> Self {
        Self {
            id: ids.make(),
            ids,
            keeper: Keeper::default(),
            listed: Listed::default(),
            off: false,
            more_is_due: false,
            draft_is_due: false,
            ask: AskId::default(),
            opening: None,
            palette_ask: None,
            first,
            persona,
            model_waits: None,
            deleted: Vec::new(),
            left: None,
        }
    }

    pub fn next_id(&mut self) -> ConvId {
        self.ids.make()
    }

    /// Another conversation begins.
    pub fn begin_anew(&mut self) {
        self.id = self.next_id();
        self.keeper = Keeper::default();
        self.listed = Listed::default();
    }

    /// The conversation to go on with is not there yet.
    #[must_use]
    pub fn is_beginning(&self) -> bool {
        self.opening.is_some_and(|opening| opening.at_the_start)
    }

    pub fn next_ask(&mut self) -> AskId {
        self.ask = AskId(self.ask.0 + 1);
        self.ask
    }
}

/// Everything of a conversation that nothing is kept of.
pub fn as_new(
    keeper: &mut Keeper,
    conversation: &mut Conversation,
    setup: Setup,
    draft: Draft,
    listed: &Listed,
) -> Vec<Change> {
    *keeper = Keeper::default();
    keeper.setup_has_changed();
    conversation.is_new_as_a_whole();
    let mut changes = keeper.changes(conversation, || setup);
    changes.extend(keeper.draft(draft));
    // Where it has one.
    if !listed.title.is_empty() {
        changes.push(Change::Title(Some(listed.title.clone())));
    }
    if listed.pinned {
        changes.push(Change::Pinned(true));
    }
    if listed.archived {
        changes.push(Change::Archived(true));
    }
    changes
}

/// A row of the list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Entry<'a> {
    Conversation(&'a Summary),
    /// Words that were found.
    Hit(&'a Hit),
}

impl Entry<'_> {
    #[must_use]
    pub fn id(&self) -> ConvId {
        match self {
            Self::Conversation(summary) => summary.id,
            Self::Hit(hit) => hit.conversation,
        }
    }

    #[must_use]
    pub fn title(&self) -> &str {
        match self {
            Self::Conversation(summary) => &summary.title,
            Self::Hit(hit) => &hit.title,
        }
    }

    /// How its conversation stands in the list.
    #[must_use]
    pub fn listed(&self) -> Listed {
        match self {
            Self::Conversation(Summary { title, pinned, archived, .. })
            | Self::Hit(Hit { title, pinned, archived, .. }) => {
                Listed { title: title.clone(), pinned: *pinned, archived: *archived }
            }
        }
    }

    #[must_use]
    pub fn row(&self) -> Option<Row> {
        match self {
            Self::Conversation(_) => None,
            Self::Hit(hit) => hit.message.map(|(row, _)| row),
        }
    }

    /// The message that was found, if its conversation is open.
    #[must_use]
    pub fn message(&self) -> Option<MsgId> {
        match self {
            Self::Conversation(_) => None,
            Self::Hit(hit) => hit.known_as,
        }
    }
}

/// A conversation, and the message that was found in it.
pub type Chosen = (ConvId, Option<Row>);

/// All conversations, narrowed by typing.
#[derive(Debug)]
pub struct ConversationList {
    pub query: TextArea,
    /// Those in the archive are shown.
    pub archive: bool,
    /// `None` until the store has told.
    all: Option<Vec<Summary>>,
    hits: Vec<Hit>,
    /// Indices of conversations that match, then of hits.
    shown: Vec<usize>,
    shown_hits: Vec<usize>,
    selected: usize,
    pub scroll: Scroll,
    pub list_ask: Option<AskId>,
    pub search_ask: Option<AskId>,
    /// What was asked for, and of what.
    pub preview_ask: Option<(AskId, Chosen)>,
    /// What is shown beside the list, and of what.
    previewed: Option<(Chosen, Vec<Said>)>,
    /// The words have changed since they were looked for.
    pub search_again: bool,
    /// A title that is being typed, and whose.
    pub renaming: Option<(ConvId, TextArea)>,
    /// What is to be chosen as soon as it is listed.
    pub wanted: Option<ConvId>,
}

impl Default for ConversationList {
    fn default() -> Self {
        Self {
            query: TextArea::one_line(""),
            archive: false,
            all: None,
            hits: Vec::new(),
            shown: Vec::new(),
            shown_hits: Vec::new(),
            selected: 0,
            scroll: Scroll::default(),
            list_ask: None,
            search_ask: None,
            preview_ask: None,
            previewed: None,
            search_again: false,
            renaming: None,
            wanted: None,
        }
    }
}

impl ConversationList {
    /// The store has told which there are.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.all.is_some()
    }

    pub fn listed(&mut self, conversations: Vec<Summary>) {
        let (wanted, chosen) = (self.wanted.take(), self.chosen().map(|entry| (entry.id(), entry.row())));
        self.all = Some(conversations);
        self.narrow();
        let place_of = |chosen| self.entries().position(|entry| (entry.id(), entry.row()) == chosen);
        let place = wanted.and_then(|id| place_of((id, None))).or_else(|| chosen.and_then(place_of));
        // What is gone leaves its place to the next.
        if let Some(place) = place {
            self.selected = place;
        }
        self.selected = self.selected.min(self.len().saturating_sub(1));
    }

    pub fn found(&mut self, hits: Vec<Hit>) {
        self.hits = hits;
        self.narrow();
    }

    /// The query has changed: what it leaves of the conversations is known at once, what was said in them comes.
    pub fn typed(&mut self) {
        self.selected = 0;
        if self.query.text().trim().is_empty() {
            self.hits.clear();
        }
        self.narrow();
    }

    fn narrow(&mut self) {
        let query = self.query.text().to_lowercase();
        let words: Vec<&str> = query.split_whitespace().collect();
        let all = self.all.as_deref().unwrap_or_default();
        let fits = |summary: &Summary| {
            let text = format!("{} {}", summary.title, summary.preview).to_lowercase();
            words.iter().all(|word| text.contains(word))
        };
        self.shown = all.iter().enumerate().filter(|(_, summary)| fits(summary)).map(|(i, _)| i).collect();
        // A title that is listed is not a hit as well.
        let listed = |hit: &Hit| hit.message.is_none() && all.iter().any(|summary| summary.id == hit.conversation);
        self.shown_hits = self.hits.iter().enumerate().filter(|(_, hit)| !listed(hit)).map(|(i, _)| i).collect();
        self.selected = self.selected.min(self.len().saturating_sub(1));
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.shown.len() + self.shown_hits.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let all = self.all.as_deref().unwrap_or_default();
        let conversations = self.shown.iter().map(move |i| Entry::Conversation(&all[*i]));
        conversations.chain(self.shown_hits.iter().map(|i| Entry::Hit(&self.hits[*i])))
    }

    #[must_use]
    pub fn selected(&self) -> usize {
        self.selected
    }

    #[must_use]
    pub fn chosen(&self) -> Option<Entry<'_>> {
        self.entries().nth(self.selected)
    }

    /// What is to be previewed and is not yet: the conversation, and the message that was found in it.
    #[must_use]
    pub fn unpreviewed(&self) -> Option<Chosen> {
        let chosen = self.chosen().map(|entry| (entry.id(), entry.row()))?;
        (self.previewed.as_ref().map(|(of, _)| *of) != Some(chosen)).then_some(chosen)
    }

    pub fn previewed(&mut self, of: Chosen, said: Vec<Said>) {
        self.previewed = Some((of, said));
    }

    /// What was said last in the conversation that is chosen, or before what was found there; nothing until that is known.
    #[must_use]
    pub fn preview(&self) -> &[Said] {
        match &self.previewed {
            Some((of, said)) if self.chosen().is_some_and(|entry| (entry.id(), entry.row()) == *of) => said,
            _ => &[],
        }
    }

    pub fn act(&mut self, action: Action) -> bool {
        let len = self.len();
        move_selection(&mut self.selected, len, action)
    }

    /// Chooses a row that was clicked. True where it was chosen already.
    pub fn choose(&mut self, row: usize) -> bool {
        list::choose(&mut self.selected, row)
    }
}
