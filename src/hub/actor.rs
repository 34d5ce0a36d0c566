//! The hub side as an actor: commands in, events out, work beside the interface.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::domain::hub::Local;
use crate::domain::model::ModelRef;
use crate::domain::{DownloadState, HubCmd, HubEvent, JobId, LoadId};
use crate::error::{ErrorKind, UserError};
use crate::hub::asking::Asking;
use crate::hub::{Options, find, pull, scan};

/// The front end's end. When it is dropped, downloads stop (what has arrived is kept) and the events end.
#[derive(Debug)]
pub struct HubHandle {
    commands: UnboundedSender<HubCmd>,
    actor: JoinHandle<()>,
}

impl HubHandle {
    /// Starts the actor on the current tokio runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(options: Options) -> (Self, UnboundedReceiver<HubEvent>) {
        let (commands, inbox) = unbounded_channel();
        let (events, outbox) = unbounded_channel();
        let actor = tokio::spawn(
            Actor { options: Arc::new(options), events, jobs: HashMap::new(), asking: Asking::default() }.run(inbox),
        );
        (Self { commands, actor }, outbox)
    }

    /// Gives a command. Never waits; after the actor's end it is dropped.
    pub fn send(&self, command: HubCmd) {
        let _ = self.commands.send(command);
    }

    /// Stops downloads, and waits until what has arrived is written down.
    pub async fn shutdown(self) {
        drop(self.commands);
        let _ = self.actor.await;
    }
}

/// What a background task comes back with.
enum Done {
    Scan(HubEvent),
    Resolved(HubEvent),
    Download(JobId, DownloadState),
}

struct Actor {
    options: Arc<Options>,
    events: UnboundedSender<HubEvent>,
    jobs: HashMap<JobId, CancellationToken>,
    asking: Asking,
}

impl Actor {
    async fn run(mut self, mut inbox: UnboundedReceiver<HubCmd>) {
        let mut tasks: JoinSet<Done> = JoinSet::new();
        // One scan at a time; a wish for one while it runs is for what changes meanwhile, and gets one more after it.
        let mut scanning = false;
        let mut scan_again = false;
        loop {
            tokio::select! {
                command = inbox.recv() => match command {
                    None => break,
                    Some(HubCmd::ScanLocal) if scanning => scan_again = true,
                    Some(HubCmd::ScanLocal) => {
                        scanning = true;
                        self.scan(&mut tasks);
                    }
                    Some(HubCmd::Resolve { id, model }) => self.resolve(id, model, &mut tasks),
                    Some(HubCmd::Download { id, model }) => self.download(id, model, &mut tasks),
                    Some(HubCmd::CancelDownload(id)) => {
                        if let Some(cancel) = self.jobs.get(&id) {
                            cancel.cancel();
                        }
                    }
                    Some(HubCmd::Search { id, query, after }) => {
                        self.asking.search(&self.options, &self.events, id, query, after);
                    }
                    Some(HubCmd::Page { id, repo, revision }) => {
                        self.asking.page(&self.options, &self.events, id, repo, revision);
                    }
                    Some(HubCmd::Stop(id)) => self.asking.stop(id),
                    Some(other) => tracing::error!(?other, "not yet"),
                },
                Some(done) = tasks.join_next() => match done {
                    Ok(Done::Scan(event)) => {
                        self.emit(event);
                        scanning = scan_again;
                        if std::mem::take(&mut scan_again) {
                            self.scan(&mut tasks);
                        }
                    }
                    Ok(Done::Resolved(event)) => self.emit(event),
                    Ok(Done::Download(id, state)) => {
                        self.jobs.remove(&id);
                        self.emit(HubEvent::Download { id, state });
                    }
                    // Both kinds of task turn a panic into their own last word; nothing is left to tell.
                    Err(error) => tracing::error!(%error, "a task of the hub ended unexpectedly"),
                },
            }
        }
        for cancel in self.jobs.values() {
            cancel.cancel();
        }
        // Let them write down what has arrived. Nobody waits for a list any more.
        while !self.jobs.is_empty()
            && let Some(done) = tasks.join_next().await
        {
            if let Ok(Done::Download(id, _)) = done {
                self.jobs.remove(&id);
            }
        }
    }

    fn emit(&self, event: HubEvent) {
        // A front end that has gone does not want to know.
        let _ = self.events.send(event);
    }

    fn scan(&self, tasks: &mut JoinSet<Done>) {
        let options = Arc::clone(&self.options);
        tasks.spawn(async move {
            let scanned = tokio::task::spawn_blocking(move || scan(&options)).await;
            let (models, problems) = scanned.unwrap_or_else(|_| {
                (
                    Vec::new(),
                    vec![UserError::new(ErrorKind::Unexpected, "listing the models failed").hint("see the log")],
                )
            });
            Done::Scan(HubEvent::Local(Local { models, problems, ..Local::default() }))
        });
    }

    fn resolve(&self, id: LoadId, model: ModelRef, tasks: &mut JoinSet<Done>) {
        let options = Arc::clone(&self.options);
        tasks.spawn(async move {
            let found = tokio::task::spawn_blocking(move || find(&options, &model)).await;
            let result = found.unwrap_or_else(|_| {
                Err(UserError::new(ErrorKind::Unexpected, "looking for the model failed").hint("see the log"))
            });
            Done::Resolved(HubEvent::Resolved { id, result: Box::new(result) })
        });
    }

    fn download(&mut self, id: JobId, model: ModelRef, tasks: &mut JoinSet<Done>) {
        if self.jobs.contains_key(&id) {
            return;
        }
        let cancel = CancellationToken::new();
        self.jobs.insert(id, cancel.clone());
        let options = Arc::clone(&self.options);
        let events = self.events.clone();
        tasks.spawn(async move {
            // In a task of its own, so that a panic is this download's failure and not silence.
            let work = tokio::spawn(async move {
                let mut progress = |state| {
                    let _ = events.send(HubEvent::Download { id, state });
                };
                pull(&options, &model, &mut progress, cancel).await
            });
            let state = match work.await {
                Ok(Ok(model)) => DownloadState::Done { model: Box::new(model) },
                Ok(Err(error)) if error.kind == ErrorKind::Cancelled => DownloadState::Cancelled,
                Ok(Err(error)) => DownloadState::Failed { error },
                Err(_) => DownloadState::Failed {
                    error: UserError::new(ErrorKind::Unexpected, "the download ended unexpectedly").hint("see the log"),
                },
            };
            Done::Download(id, state)
        });
    }
}
