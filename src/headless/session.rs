//! The conversation that a command goes on with, or begins.

use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;

use crate::config::{Loaded, Origin, Settings, own_specs};
use crate::domain::conversation::{Conversation, MessageState, Outcome};
use crate::domain::store::keeper::Keeper;
use crate::domain::store::{Change, ConvId, Draft, Opened, Setup, StoreCmd, StoreEvent, Which};
use crate::domain::{ChatMessage, MsgId, PieceKind, Role};
use crate::error::{ErrorKind, UserError};
use crate::headless::{Console, Context};
use crate::store::{Store, StoreHandle, new_ids};

/// Which conversation a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Wish {
    #[default]
    New,
    /// The one that was used last.
    Last,
    /// The one whose id begins like this.
    Named(String),
}

/// What is opened at the start of the interface. An id is looked up before anything is on the screen.
///
/// # Errors
/// There is no such conversation.
pub fn which(wish: &Wish, context: &Context<'_>) -> Result<Option<Which>, UserError> {
    match wish {
        Wish::New => Ok(None),
        Wish::Last => Ok(Some(Which::Last)),
        Wish::Named(beginning) => {
            let store = to_read(context)?.ok_or_else(|| none(beginning))?;
            Ok(Some(Which::Id(store.find(beginning)?)))
        }
    }
}

/// The store, where anything was ever kept, for somebody who changes it.
pub(super) fn existing(context: &Context<'_>) -> Result<Option<Store>, UserError> {
    let opened = Store::open_existing(&context.loaded.paths.conversations_file())?;
    Ok(opened.map(|(store, note)| told(store, note, context.console)))
}

/// The same for somebody who reads it.
pub(super) fn to_read(context: &Context<'_>) -> Result<Option<Store>, UserError> {
    let opened = Store::open_to_read(&context.loaded.paths.conversations_file())?;
    Ok(opened.map(|(store, note)| told(store, note, context.console)))
}

/// The store, which is begun if it must be.
pub(super) fn begun(context: &Context<'_>) -> Result<Store, UserError> {
    let (store, note) = Store::open(&context.loaded.paths.conversations_file())?;
    Ok(told(store, note, context.console))
}

fn told(store: Store, note: Option<UserError>, console: Console) -> Store {
    if let Some(note) = note {
        console.warning(&note.message, note.hint.as_deref());
    }
    store
}

pub(super) fn none(beginning: &str) -> UserError {
    UserError::new(ErrorKind::Usage, format!("there is no conversation `{beginning}`: none was kept yet"))
        .hint("what is said in the interface is kept, and `hobnob run --save` keeps an answer")
}

/// How often a growing answer is kept.
const MORE: Duration = Duration::from_millis(400);

/// The conversation that `run` is a part of.
pub(super) struct Session {
    id: ConvId,
    conversation: Conversation,
    setup: Option<Setup>,
    /// How long its answers may be, whatever is said for this one.
    max_tokens: Option<u32>,
    keeper: Keeper,
    /// `None` where nothing is to be written down.
    store: Option<(StoreHandle, UnboundedReceiver<StoreEvent>)>,
    /// All that is said is written down, as far as is known.
    keeps: bool,
    /// Why something is not.
    not_kept: Option<UserError>,
    answer: MsgId,
    kept: Instant,
}

impl Session {
    /// `None` where no conversation was asked for, and none is to be kept: then the store is not touched.
    pub(super) fn begin(wish: &Wish, save: Option<bool>, context: &Context<'_>) -> Result<Option<Self>, UserError> {
        if *wish == Wish::New && save != Some(true) {
            return Ok(None);
        }
        let existing = if save == Some(false) { to_read } else { existing };
        let (opened, store) = match wish {
            Wish::New => (None, begun(context)?),
            Wish::Last => {
                let nothing = || {
                    UserError::new(ErrorKind::Usage, "there is no conversation to go on with")
                        .hint("begin one in the interface, or with `hobnob run --save`")
                };
                let mut store = existing(context)?.ok_or_else(nothing)?;
                (Some(store.load(Which::Last, None)?.ok_or_else(nothing)?), store)
            }
            Wish::Named(beginning) => {
                let mut store = existing(context)?.ok_or_else(|| none(beginning))?;
                let id = store.find(beginning)?;
                (store.load(Which::Id(id), None)?, store)
            }
        };
        let store = (save != Some(false)).then(|| StoreHandle::of(store));
        let (id, mut conversation, setup) = match opened {
            Some(Opened { id, conversation, setup, .. }) => (id, conversation, setup.model.is_some().then_some(setup)),
            None => (new_ids().make(), Conversation::default(), None),
        };
        let max_tokens = setup.as_ref().map_or(context.loaded.lasting.chat.max_tokens, |setup| setup.max_tokens);
        let keeper = Keeper::of(&mut conversation, &Draft::default());
        Ok(Some(Self {
            id,
            conversation,
            setup,
            max_tokens,
            keeper,
            keeps: store.is_some(),
            store,
            not_kept: None,
            answer: MsgId::default(),
            kept: Instant::now(),
        }))
    }

    /// What a script knows it by; `None` where nothing of this is written down.
    pub(super) fn id(&self) -> Option<String> {
        self.keeps.then(|| self.id.to_string())
    }

    /// The model that answered last.
    pub(super) fn model(&self) -> Option<&str> {
        self.setup.as_ref()?.model.as_deref()
    }

    /// The settings as they are in this conversation; what the command line says comes before what it was held with.
    pub(super) fn settings(&self, loaded: &Loaded) -> Settings {
        let Some(setup) = &self.setup else { return loaded.settings.clone() };
        let mut settings = loaded.settings.within(setup);
        for spec in own_specs().filter(|spec| matches!(loaded.origins.get(spec.key), Origin::Flag(_))) {
            // It was allowed there.
            let _ = (spec.set)(&mut settings, (spec.get)(&loaded.settings));
        }
        settings
    }

    /// Adds the question and an empty answer; gives what the engine gets.
    pub(super) fn ask(&mut self, prompt: String, model: (&str, &str), settings: &Settings) -> Vec<ChatMessage> {
        self.conversation.push(Role::User, prompt, MessageState::Whole);
        let messages = self.conversation.for_engine(&settings.chat.system_prompt);
        let (reference, name) = model;
        self.answer = self.conversation.push(Role::Assistant, String::new(), MessageState::Streaming);
        self.conversation.edit(self.answer, |m| m.model = Some(name.to_owned()));
        let setup = Setup {
            model: Some(reference.to_owned()),
            max_tokens: self.max_tokens,
            persona: self.setup.as_ref().and_then(|setup| setup.persona.clone()),
            ..settings.setup()
        };
        let changes = self.keeper.changes(&mut self.conversation, || setup);
        self.keep(changes);
        messages
    }

    /// A piece of the answer; what has come is kept from time to time.
    pub(super) fn push(&mut self, kind: PieceKind, text: &str) {
        self.conversation.edit(self.answer, |m| match kind {
            PieceKind::Text => m.content.push_str(text),
            PieceKind::Reasoning => m.reasoning.push_str(text),
        });
        if self.kept.elapsed() >= MORE {
            self.kept = Instant::now();
            let more = self.keeper.more(&self.conversation);
            self.keep(more.into_iter().collect());
        }
    }

    /// The answer has ended, however it did.
    pub(super) fn end(&mut self, state: MessageState, outcome: Outcome) {
        self.conversation.edit(self.answer, |m| (m.state, m.outcome) = (state, Some(outcome)));
        let changes = self.keeper.changes(&mut self.conversation, Setup::default);
        self.keep(changes);
    }

    fn keep(&self, changes: Vec<Change>) {
        if let Some((store, _)) = &self.store {
            store.send(StoreCmd::Keep { id: self.id, changes });
        }
    }

    /// Waits until all of it is on the disk, as far as it gets there.
    pub(super) async fn settle(&mut self) {
        let Some((store, mut events)) = self.store.take() else { return };
        store.shutdown().await;
        while let Ok(event) = events.try_recv() {
            let error = match event {
                StoreEvent::Note(error) | StoreEvent::Off(error) => error,
                StoreEvent::Lost { id } => crate::store::lost(id),
                _ => continue,
            };
            self.keeps = false;
            self.not_kept.get_or_insert(error);
        }
    }

    /// The same, and says where it is.
    ///
    /// # Errors
    /// Not all of it is kept.
    pub(super) async fn finish(mut self, was_new: bool, console: Console) -> Result<(), UserError> {
        self.settle().await;
        if let Some(error) = self.not_kept {
            return Err(error);
        }
        if self.keeps && was_new && self.conversation.len() > 1 {
            console.note(&format!("kept as {}", self.id.short()));
        }
        Ok(())
    }
}
