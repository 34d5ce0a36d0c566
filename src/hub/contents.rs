//! What the files of a revision contain, by the names that the Hub has for contents.
//!
//! Asked here and not through the library: it leaves out the hashes of large files where the Hub calls them `oid`.

use std::collections::HashMap;

use crate::domain::model::RepoId;
use crate::error::UserError;
use crate::hub::ask::{MOST_OF_REPO, about};
use crate::hub::cache::Commit;
use crate::hub::http::Hub;
use crate::hub::loose::Loose;

/// A revision of a repository.
#[derive(Debug)]
pub(super) struct Contents {
    pub commit: Commit,
    /// What each file's blob is called, by the file's path.
    pub blobs: HashMap<String, String>,
}

/// Asks for what a branch, tag or commit has.
///
/// # Errors
/// In words, with what to do.
pub(super) async fn contents(hub: &Hub, repo: &RepoId, revision: &str) -> Result<Contents, UserError> {
    let document = hub.ask(&about(repo, revision), MOST_OF_REPO, Some(repo)).await?.document;
    let commit = document.get("sha").text().and_then(Commit::parse).ok_or_else(|| hub.no_hub().error)?;
    let blob = |file: &Loose| {
        let name = file.get("lfs").get("sha256").text().or_else(|| file.get("blobId").text())?;
        Some((file.get("rfilename").text()?.to_owned(), name.to_owned()))
    };
    Ok(Contents { commit, blobs: document.get("siblings").list().iter().filter_map(blob).collect() })
}
