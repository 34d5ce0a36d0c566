//! Questions that a front end has asked and still waits for: of each kind the newest, and no other.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;

use crate::domain::hub::{NextPage, SearchQuery};
use crate::domain::model::RepoId;
use crate::domain::{AskId, HubEvent};
use crate::error::{ErrorKind, UserError};
use crate::hub::{Options, page, search};

/// One question at a time.
#[derive(Debug, Default)]
struct Slot(Option<(AskId, AbortHandle)>);

impl Slot {
    /// What is under way gives way, and is not answered.
    fn put(&mut self, id: AskId, task: AbortHandle) {
        self.clear();
        self.0 = Some((id, task));
    }

    fn clear(&mut self) {
        if let Some((_, task)) = self.0.take() {
            task.abort();
        }
    }

    fn stop(&mut self, id: AskId) {
        if self.0.as_ref().is_some_and(|(running, _)| *running == id) {
            self.clear();
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Asking {
    search: Slot,
    page: Slot,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.search.clear();
        self.page.clear();
    }
}

impl Asking {
    pub fn search(
        &mut self,
        options: &Arc<Options>,
        events: &UnboundedSender<HubEvent>,
        id: AskId,
        query: SearchQuery,
        after: Option<NextPage>,
    ) {
        let options = Arc::clone(options);
        let work = async move { search(&options, &query, after.as_ref()).await };
        let told = move |result| HubEvent::Found { id, result: Box::new(result) };
        self.search.put(id, start(work, told, events.clone()));
    }

    pub fn page(
        &mut self,
        options: &Arc<Options>,
        events: &UnboundedSender<HubEvent>,
        id: AskId,
        repo: RepoId,
        revision: Option<String>,
    ) {
        let options = Arc::clone(options);
        let work = async move { page(&options, &repo, revision.as_deref()).await };
        let told = move |result| HubEvent::Page { id, result: Box::new(result) };
        self.page.put(id, start(work, told, events.clone()));
    }

    /// Whether it was one of these or something else: there is nothing to tell of it any more.
    pub fn stop(&mut self, id: AskId) {
        self.search.stop(id);
        self.page.stop(id);
    }
}

/// Runs it in a task of its own, so that a panic is this question's failure and not silence.
fn start<T: Send + 'static>(
    work: impl Future<Output = Result<T, UserError>> + Send + 'static,
    told: impl FnOnce(Result<T, UserError>) -> HubEvent + Send + 'static,
    events: UnboundedSender<HubEvent>,
) -> AbortHandle {
    let task = async move {
        // Dropped with this one.
        let mut inner = tokio::task::JoinSet::new();
        inner.spawn(work);
        let result = match inner.join_next().await {
            Some(Ok(result)) => result,
            _ => Err(UserError::new(ErrorKind::Unexpected, "asking the Hub ended unexpectedly").hint("see the log")),
        };
        // A front end that has gone does not want to know.
        let _ = events.send(told(result));
    };
    tokio::spawn(task).abort_handle()
}
