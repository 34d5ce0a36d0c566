//! Work on the models that are here, as the interface asks for it: reading again, deleting, importing, looking for newer ones.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::domain::hub::{Done, Owner};
use crate::domain::model::{ModelRef, RepoId};
use crate::domain::{AskId, HubEvent};
use crate::error::{ErrorKind, UserError};
use crate::hub::{Options, Removal, Scope, blocking, import, newer, removal, unfinished, verify};

/// More often than this a screen has no use for it.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// One piece of work.
#[derive(Debug)]
pub(super) enum Work {
    Verify(String),
    LookAtRemoval(String),
    Delete(String),
    Discard(RepoId),
    Import(PathBuf),
    LookForNewer(String),
}

impl Work {
    /// Does it, and tells how far it is where that takes a while.
    ///
    /// # Errors
    /// Each in words for the person who asked; `Cancelled` once `cancel` was.
    pub async fn run(
        self,
        id: AskId,
        options: Options,
        events: UnboundedSender<HubEvent>,
        cancel: CancellationToken,
    ) -> Result<Done, UserError> {
        match self {
            Self::Verify(model) => {
                let mut last: Option<Instant> = None;
                let tell = move |done, total| {
                    let now = Instant::now();
                    if done == total || last.is_none_or(|last| now.duration_since(last) >= REPORT_EVERY) {
                        last = Some(now);
                        let _ = events.send(HubEvent::Working { id, done, total });
                    }
                };
                verify(&options, &ModelRef::parse(&model)?, tell, cancel).await?.conclude()
            }
            Self::LookAtRemoval(model) => {
                let Removal { owner, frees, .. } = of_others(options, &model).await?;
                Ok(Done::Removable { owner, frees })
            }
            Self::Delete(model) => {
                let removal = of_others(options, &model).await?;
                let owner = removal.owner;
                let freed = blocking(move || removal.carry_out()).await?;
                Ok(Done::Deleted { owner, freed })
            }
            Self::Discard(repo) => {
                let freed = blocking(move || unfinished(&options, &repo)?.carry_out()).await?;
                Ok(Done::Discarded { freed })
            }
            Self::Import(path) => {
                let model = blocking(move || import(&options, &path)).await?;
                Ok(Done::Imported { reference: model.reference })
            }
            Self::LookForNewer(model) => {
                let model = ModelRef::parse(&model)?;
                let stopped = || UserError::new(ErrorKind::Cancelled, "asking the Hub was stopped");
                tokio::select! {
                    () = cancel.cancelled() => Err(stopped()),
                    newer = newer(&options, &model) => Ok(Done::Newer(newer?)),
                }
            }
        }
    }
}

/// What deleting a model takes, unless it is a file of the user's own: what nobody could bring back is deleted only by a
/// person who was told so.
async fn of_others(options: Options, model: &str) -> Result<Removal, UserError> {
    let model = ModelRef::parse(model)?;
    let removal = blocking(move || removal(&options, &model, Scope::Model)).await?;
    if removal.owner == Owner::User { Err(own_file(&removal)) } else { Ok(removal) }
}

fn own_file(removal: &Removal) -> UserError {
    let message = format!("{} is a file of your own, and nothing could bring it back", removal.model);
    UserError::new(ErrorKind::Usage, message).hint(format!("`hobnob models rm {}` asks and deletes it", removal.model))
}
