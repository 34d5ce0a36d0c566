//! Downloads one after the other, in the order in which they were asked for, and what can be done with them meanwhile.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::domain::model::{LocalModel, ModelRef};
use crate::domain::{DownloadState, HubEvent, JobId};
use crate::error::{ErrorKind, UserError};
use crate::hub::Options;
use crate::hub::patience::{Control, Rounds};
use crate::hub::pull::pull_with;

/// All downloads that have not ended.
pub(super) struct Queue {
    options: Arc<Options>,
    events: UnboundedSender<HubEvent>,
    /// The next one first.
    jobs: VecDeque<Job>,
    running: JoinSet<(JobId, Result<LocalModel, UserError>)>,
}

struct Job {
    id: JobId,
    model: ModelRef,
    newest: bool,
    standing: Standing,
    rounds: Rounds,
    /// Of how much how much is here, as it was told last.
    amounts: Arc<Mutex<(u64, u64)>>,
}

enum Standing {
    Queued,
    Running {
        control: Control,
        /// What becomes of it once it has stopped, if it was told to.
        then: Then,
    },
    Paused,
    /// For the network, until then.
    Waiting(Instant),
}

/// What becomes of a download that was stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    End,
    Pause,
    /// It was told to go on before it had stopped.
    GoOn,
}

impl Job {
    fn amounts(&self) -> (u64, u64) {
        *self.amounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_running(&self) -> bool {
        matches!(self.standing, Standing::Running { .. })
    }
}

impl Queue {
    pub fn new(options: Arc<Options>, events: UnboundedSender<HubEvent>) -> Self {
        Self { options, events, jobs: VecDeque::new(), running: JoinSet::new() }
    }

    /// Takes a download on, after all others.
    pub fn add(&mut self, id: JobId, model: ModelRef, newest: bool) {
        if self.jobs.iter().any(|job| job.id == id) {
            return;
        }
        let (standing, amounts) = (Standing::Queued, Arc::default());
        self.jobs.push_back(Job { id, model, newest, standing, rounds: Rounds::default(), amounts });
        self.start_next();
        if !self.jobs.iter().any(|job| job.id == id && job.is_running()) {
            self.tell(id, DownloadState::Queued);
        }
    }

    pub fn cancel(&mut self, id: JobId) {
        let Some(at) = self.position(id) else { return };
        if let Standing::Running { control, then } = &mut self.jobs[at].standing {
            *then = Then::End;
            control.cancel.cancel();
        } else {
            self.jobs.remove(at);
            self.tell(id, DownloadState::Cancelled);
        }
    }

    pub fn pause(&mut self, id: JobId) {
        let Some(at) = self.position(id) else { return };
        let job = &mut self.jobs[at];
        match &mut job.standing {
            Standing::Running { control, then } => {
                *then = Then::Pause;
                control.cancel.cancel();
            }
            Standing::Paused => {}
            Standing::Queued | Standing::Waiting(_) => {
                job.standing = Standing::Paused;
                let (done, total) = job.amounts();
                self.tell(id, DownloadState::Paused { done, total });
            }
        }
    }

    /// Goes on with one that was paused, after what runs now; tries at once what waits for the network.
    pub fn resume(&mut self, id: JobId) {
        let Some(at) = self.position(id) else { return };
        match &mut self.jobs[at].standing {
            Standing::Running { then: then @ Then::Pause, .. } => *then = Then::GoOn,
            Standing::Running { control, .. } => control.hurry.notify_waiters(),
            Standing::Paused | Standing::Waiting(_) => {
                self.jobs[at].rounds = Rounds::default();
                self.put_first(id);
            }
            Standing::Queued => {}
        }
    }

    /// Before all that are queued.
    pub fn first(&mut self, id: JobId) {
        if self.position(id).is_some_and(|at| !self.jobs[at].is_running()) {
            self.put_first(id);
        }
    }

    /// Waits until something has happened, and sees to it. Can be dropped at any time.
    pub async fn step(&mut self) {
        let due = self.jobs.iter().filter_map(|job| match job.standing {
            Standing::Waiting(until) => Some((until, job.id)),
            _ => None,
        });
        let due = due.min();
        let wake = async {
            match due {
                Some((until, id)) => {
                    tokio::time::sleep_until(until).await;
                    id
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(ended) = self.running.join_next() => {
                // Each turns a panic into its own last word.
                if let Ok((id, result)) = ended {
                    self.ended(id, result);
                }
            }
            id = wake => self.put_first(id),
        }
    }

    /// Stops everything, and waits until what has arrived is written down.
    pub async fn shutdown(mut self) {
        for job in &self.jobs {
            if let Standing::Running { control, .. } = &job.standing {
                control.cancel.cancel();
            }
        }
        while self.running.join_next().await.is_some() {}
    }

    fn position(&self, id: JobId) -> Option<usize> {
        self.jobs.iter().position(|job| job.id == id)
    }

    fn tell(&self, id: JobId, state: DownloadState) {
        // A front end that has gone does not want to know.
        let _ = self.events.send(HubEvent::Download { id, state });
    }

    fn put_first(&mut self, id: JobId) {
        let Some(mut job) = self.position(id).and_then(|at| self.jobs.remove(at)) else { return };
        job.standing = Standing::Queued;
        self.jobs.push_front(job);
        self.start_next();
        if !self.jobs.iter().any(|job| job.id == id && job.is_running()) {
            self.tell(id, DownloadState::Queued);
        }
    }

    /// Starts the next one, unless one runs.
    fn start_next(&mut self) {
        if self.jobs.iter().any(Job::is_running) {
            return;
        }
        let Some(job) = self.jobs.iter_mut().find(|job| matches!(job.standing, Standing::Queued)) else { return };
        let control = Control::default();
        job.standing = Standing::Running { control: control.clone(), then: Then::End };
        let (id, model, amounts) = (job.id, job.model.clone(), Arc::clone(&job.amounts));
        let options = Options { newest: job.newest, ..(*self.options).clone() };
        let events = self.events.clone();
        self.running.spawn(async move {
            // In a task of its own, so that a panic is this download's failure and not silence.
            let work = tokio::spawn(async move {
                let mut progress = |state: DownloadState| {
                    if let DownloadState::Running { done, total, .. } | DownloadState::Waiting { done, total, .. } =
                        state
                    {
                        *amounts.lock().unwrap_or_else(PoisonError::into_inner) = (done, total);
                    }
                    let _ = events.send(HubEvent::Download { id, state });
                };
                pull_with(&options, &model, &mut progress, control).await
            });
            let unexpected =
                |_| Err(UserError::new(ErrorKind::Unexpected, "the download ended unexpectedly").hint("see the log"));
            (id, work.await.unwrap_or_else(unexpected))
        });
    }

    fn ended(&mut self, id: JobId, result: Result<LocalModel, UserError>) {
        let Some(at) = self.position(id) else { return };
        let job = &mut self.jobs[at];
        let (done, total) = job.amounts();
        let then = if let Standing::Running { then, .. } = job.standing { then } else { Then::End };
        let last = match result {
            Ok(model) => DownloadState::Done { model: Box::new(model) },
            Err(error) if error.kind == ErrorKind::Cancelled && then == Then::GoOn => return self.put_first(id),
            Err(error) if error.kind == ErrorKind::Cancelled && then == Then::Pause => {
                job.standing = Standing::Paused;
                self.tell(id, DownloadState::Paused { done, total });
                self.start_next();
                return;
            }
            Err(error) if error.kind == ErrorKind::Cancelled => DownloadState::Cancelled,
            Err(error) => match job.rounds.wait(self.options.timing, &error, (done, total)) {
                Some(wait) => {
                    job.standing = Standing::Waiting(Instant::now() + wait);
                    self.tell(id, DownloadState::Waiting { done, total, wait, error });
                    self.start_next();
                    return;
                }
                None => DownloadState::Failed { error },
            },
        };
        self.jobs.remove(at);
        self.tell(id, last);
        self.start_next();
    }
}
