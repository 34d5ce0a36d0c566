//! The store behind a handle: one thread that does one thing after the other.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::Store;
use super::keep::Kept;
use crate::domain::store::{Change, ConvId, StoreCmd, StoreEvent};
use crate::error::{ErrorKind, UserError, reason};

/// The way to the store. Commands never wait; what they give comes as events.
#[derive(Debug)]
pub struct StoreHandle {
    commands: mpsc::Sender<StoreCmd>,
    ended: oneshot::Receiver<()>,
}

impl StoreHandle {
    /// Opens the file on a thread of its own. Where that fails it is said once, and nothing is kept.
    #[must_use]
    pub fn start(file: PathBuf) -> (Self, UnboundedReceiver<StoreEvent>) {
        Self::run(move |events| match Store::open(&file) {
            Ok((store, note)) => {
                if let Some(note) = note {
                    let _ = events.send(StoreEvent::Note(note));
                }
                Some(store)
            }
            Err(error) => {
                let _ = events.send(StoreEvent::Off(error));
                None
            }
        })
    }

    /// Goes on with a store that is open.
    #[must_use]
    pub fn of(store: Store) -> (Self, UnboundedReceiver<StoreEvent>) {
        Self::run(move |_| Some(store))
    }

    fn run(
        open: impl FnOnce(&UnboundedSender<StoreEvent>) -> Option<Store> + Send + 'static,
    ) -> (Self, UnboundedReceiver<StoreEvent>) {
        let (commands, todo) = mpsc::channel();
        let (to_us, events) = unbounded_channel();
        let (end, ended) = oneshot::channel();
        let from_us = to_us.clone();
        let started = thread::Builder::new().name("store".into()).spawn(move || {
            if let Some(store) = open(&to_us) {
                Actor { store, events: to_us, unkept: VecDeque::new(), told: false }.work(&todo);
            }
            let _ = end.send(());
        });
        if let Err(error) = started {
            let error = UserError::new(
                ErrorKind::Unexpected,
                format!("conversations can't be kept: a thread did not start: {}", reason(&error)),
            );
            let _ = from_us.send(StoreEvent::Off(error.hint("end some other programs and start hobnob again")));
        }
        (Self { commands, ended }, events)
    }

    /// Has something done, after all that was asked for before.
    pub fn send(&self, command: StoreCmd) {
        // Where nothing can be kept, that has been said.
        let _ = self.commands.send(command);
    }

    /// Waits until everything that was asked for is on the disk.
    pub async fn shutdown(self) {
        drop(self.commands);
        let _ = self.ended.await;
    }
}

struct Actor {
    store: Store,
    events: UnboundedSender<StoreEvent>,
    /// Not kept yet, because the disk did not take it: tried again before anything else is done.
    unkept: VecDeque<(ConvId, Vec<Change>)>,
    /// That something could not be kept has been said.
    told: bool,
}

impl Actor {
    fn work(mut self, todo: &mpsc::Receiver<StoreCmd>) {
        while let Ok(command) = todo.recv() {
            self.carry_out(command);
        }
        self.catch_up();
        if let Err(error) = self.store.close() {
            tracing::error!("{error}");
        }
    }

    fn carry_out(&mut self, command: StoreCmd) {
        match command {
            StoreCmd::Keep { id, changes } => {
                self.unkept.push_back((id, changes));
                self.catch_up();
            }
            StoreCmd::Open { ask, which, at } => {
                let result = self.store.load(which, at);
                self.tell(StoreEvent::Opened { ask, result: Box::new(result) });
            }
            StoreCmd::List { ask, archived } => match self.store.list(archived) {
                Ok(conversations) => self.tell(StoreEvent::Listed { ask, conversations }),
                Err(error) => self.tell(StoreEvent::Note(error)),
            },
            StoreCmd::Preview { ask, id, at } => match self.store.preview(id, at) {
                Ok(said) => self.tell(StoreEvent::Previewed { ask, said }),
                Err(error) => self.tell(StoreEvent::Note(error)),
            },
            StoreCmd::Search { ask, words } => match self.store.search(&words) {
                Ok(hits) => self.tell(StoreEvent::Found { ask, hits }),
                Err(error) => self.tell(StoreEvent::Note(error)),
            },
            StoreCmd::Prompts { ask } => {
                // Without them there is what was asked in this conversation.
                let prompts = self.store.prompts().unwrap_or_else(|error| {
                    self.tell(StoreEvent::Note(error));
                    Vec::new()
                });
                self.tell(StoreEvent::Prompts { ask, prompts });
            }
        }
    }

    fn catch_up(&mut self) {
        while let Some((id, changes)) = self.unkept.front() {
            match self.store.try_keep(*id, changes) {
                Ok(Kept::All) => self.told = false,
                Ok(Kept::Lost) => {
                    let id = *id;
                    tracing::warn!("the conversation {id} is not there any more");
                    self.tell(StoreEvent::Lost { id });
                }
                Err(not_kept) => {
                    tracing::error!("{}", not_kept.error);
                    if !std::mem::replace(&mut self.told, true) {
                        self.tell(StoreEvent::Note(not_kept.error));
                    }
                    if not_kept.try_again {
                        return;
                    }
                }
            }
            self.unkept.pop_front();
        }
    }

    fn tell(&self, event: StoreEvent) {
        // Nobody listens any more when the interface has gone.
        let _ = self.events.send(event);
    }
}
