//! What the files of a revision contain, by the names that the Hub has for contents.
//!
//! Asked here and not through the library: it leaves out the hashes of large files where the Hub calls them `oid`.

use std::collections::HashMap;

use serde::Deserialize;

use crate::domain::model::RepoId;
use crate::hub::cache::Commit;
use crate::hub::http::{Failure, Hub, Refusal, wait_time};

/// A revision of a repository.
#[derive(Debug)]
pub(super) struct Contents {
    pub commit: Commit,
    /// What each file's blob is called, by the file's path.
    pub blobs: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Info {
    sha: String,
    siblings: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    rfilename: String,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: String,
}

/// Asks for what a branch, tag or commit has.
pub(super) async fn contents(hub: &Hub, repo: &RepoId, revision: &str) -> Result<Contents, Failure> {
    // A branch's slashes are no folders of the address.
    let revision = revision.replace('%', "%25").replace('/', "%2F").replace('#', "%23").replace('?', "%3F");
    let response = hub.api(&format!("models/{repo}/revision/{revision}?blobs=true")).await?;
    let status = response.status();
    if !status.is_success() {
        let headers = response.headers();
        let code = headers.get("x-error-code").and_then(|code| code.to_str().ok()).unwrap_or_default();
        return Err(hub.refusal(Refusal { status: status.as_u16(), code, wait: wait_time(headers) }, repo, None));
    }
    let body = response.bytes().await.map_err(|error| hub.transport(&error))?;
    let info: Info = serde_json::from_slice(&body).map_err(|_| hub.no_hub())?;
    let commit = Commit::parse(&info.sha).ok_or_else(|| hub.no_hub())?;
    let blob = |file: File| Some((file.rfilename, file.lfs.map(|lfs| lfs.sha256).or(file.blob_id)?));
    Ok(Contents { commit, blobs: info.siblings.into_iter().filter_map(blob).collect() })
}
