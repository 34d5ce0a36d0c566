//! What the start of a file tells while the rest is still on its way: a model that can't be run is not fetched to its end.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::domain::model::{Foresight, RepoId};
use crate::error::{ErrorKind, UserError};
use crate::hub::Judge;

/// The first look is taken at so many bytes: what kind of model it is stands at the very beginning.
const FIRST: u64 = 64 << 10;
/// After so many bytes nobody looks any more: no header is longer.
const LAST: u64 = 32 << 20;

/// Looks at one file while it arrives, after twice as many bytes each time.
pub(super) struct Watch {
    /// Nobody, once all has been told.
    judge: Option<Judge>,
    name: String,
    next: u64,
}

impl Watch {
    pub fn new(judge: Option<Judge>, repo: &RepoId, file: &str) -> Self {
        Self { judge, name: format!("{repo}/{file}"), next: FIRST }
    }

    /// Looks at the file at `path`, of which `have` bytes of `whole` are here, if it is time to.
    ///
    /// # Errors
    /// Says why the model can't be run. A file that is broken is left to whoever gets all of it.
    pub async fn look(&mut self, path: &Path, have: u64, whole: u64) -> Result<(), UserError> {
        let Some(judge) = self.judge.filter(|_| have >= self.next.min(whole)) else { return Ok(()) };
        let (path, name) = (PathBuf::from(path), self.name.clone());
        let look = move || -> io::Result<Result<Foresight, UserError>> {
            let mut start = Vec::new();
            File::open(path)?.take(have.min(LAST)).read_to_end(&mut start)?;
            Ok(judge(&name, &start, whole))
        };
        self.next = have.saturating_mul(2);
        match tokio::task::spawn_blocking(look).await {
            Ok(Ok(Err(error))) if error.kind == ErrorKind::ModelUnsupported => return Err(error),
            Ok(Ok(Ok(Foresight::More))) if have < LAST => {}
            Ok(Ok(verdict)) => {
                tracing::debug!(file = self.name, have, ?verdict, "the start of the file has been looked at");
                self.judge = None;
            }
            // Looking is a favour: what goes wrong with it stops nothing.
            other => {
                tracing::warn!(file = self.name, ?other, "the start of the file can't be looked at");
                self.judge = None;
            }
        }
        Ok(())
    }
}
