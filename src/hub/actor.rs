//! The hub side as an actor: commands in, events out, work beside the interface.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::domain::hub::{self, Local};
use crate::domain::model::ModelRef;
use crate::domain::{AskId, HubCmd, HubEvent, LoadId};
use crate::error::{ErrorKind, UserError};
use crate::hub::asking::Asking;
use crate::hub::queue::Queue;
use crate::hub::work::Work;
use crate::hub::{Options, blocking, find, local};

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
        let options = Arc::new(options);
        let queue = Queue::new(Arc::clone(&options), events.clone());
        let actor = Actor { options, events, queue, asking: Asking::default(), works: HashMap::new() };
        let actor = tokio::spawn(actor.run(inbox));
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
    Work(AskId, Result<hub::Done, UserError>),
}

struct Actor {
    options: Arc<Options>,
    events: UnboundedSender<HubEvent>,
    queue: Queue,
    asking: Asking,
    /// Work on the models that are here.
    works: HashMap<AskId, CancellationToken>,
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
                    Some(HubCmd::Download { id, model, newest }) => self.queue.add(id, model, newest),
                    Some(HubCmd::CancelDownload(id)) => self.queue.cancel(id),
                    Some(HubCmd::PauseDownload(id)) => self.queue.pause(id),
                    Some(HubCmd::ResumeDownload(id)) => self.queue.resume(id),
                    Some(HubCmd::DownloadFirst(id)) => self.queue.first(id),
                    Some(HubCmd::LimitSpeed(limit)) => self.options.speed.set(limit),
                    Some(HubCmd::Search { id, query, after }) => {
                        self.asking.search(&self.options, &self.events, id, query, after);
                    }
                    Some(HubCmd::Page { id, repo, revision }) => {
                        self.asking.page(&self.options, &self.events, id, repo, revision);
                    }
                    Some(HubCmd::Stop(id)) => {
                        self.asking.stop(id);
                        if let Some(cancel) = self.works.get(&id) {
                            cancel.cancel();
                        }
                    }
                    Some(HubCmd::Verify { id, model }) => self.work(id, Work::Verify(model), &mut tasks),
                    Some(HubCmd::LookAtRemoval { id, model }) => self.work(id, Work::LookAtRemoval(model), &mut tasks),
                    Some(HubCmd::Delete { id, model }) => self.work(id, Work::Delete(model), &mut tasks),
                    Some(HubCmd::Discard { id, repo }) => self.work(id, Work::Discard(repo), &mut tasks),
                    Some(HubCmd::Import { id, path }) => self.work(id, Work::Import(path), &mut tasks),
                    Some(HubCmd::LookForNewer { id, model }) => self.work(id, Work::LookForNewer(model), &mut tasks),
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
                    Ok(Done::Work(id, result)) => {
                        self.works.remove(&id);
                        self.emit(HubEvent::Worked { id, result });
                    }
                    // Both kinds of task turn a panic into their own last word; nothing is left to tell.
                    Err(error) => tracing::error!(%error, "a task of the hub ended unexpectedly"),
                },
                () = self.queue.step() => {}
            }
        }
        for cancel in self.works.values() {
            cancel.cancel();
        }
        // Nobody waits for a list any more, and what has arrived is kept.
        self.queue.shutdown().await;
    }

    fn emit(&self, event: HubEvent) {
        // A front end that has gone does not want to know.
        let _ = self.events.send(event);
    }

    fn scan(&self, tasks: &mut JoinSet<Done>) {
        let options = Arc::clone(&self.options);
        tasks.spawn(async move {
            let scanned = blocking(move || Ok(local(&options))).await;
            let failed = |error| Local { problems: vec![error], ..Local::default() };
            Done::Scan(HubEvent::Local(scanned.unwrap_or_else(failed)))
        });
    }

    fn work(&mut self, id: AskId, work: Work, tasks: &mut JoinSet<Done>) {
        let cancel = CancellationToken::new();
        self.works.insert(id, cancel.clone());
        let (options, events) = (self.options.as_ref().clone(), self.events.clone());
        tasks.spawn(async move { Done::Work(id, work.run(id, options, events, cancel).await) });
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
}
