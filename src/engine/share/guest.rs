//! The guest's side: finds a holder that has the model, or starts one that stays, and speaks with it as with a process.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::door::is_ours;
use super::words::{Holding, Knock, Order, READY, Reply, Speaker, Verdict, Want};
use super::{ARGUMENT, Borrow, Holder, Keep, Weights, place};
use crate::domain::model::ModelSpec;
use crate::engine::Options;
use crate::engine::protocol::{FrameError, FromEngine, ToEngine, encode};
use crate::engine::wire::{self, Incoming};
use crate::error::{ErrorKind, UserError, reason};

/// How long a holder may take for its reply. One that was stopped, as by Ctrl-Z, never gives one.
const REPLY: Duration = Duration::from_millis(500);
/// How long a holder may say nothing until we look whether it is still there: a long prompt is read without a word.
const SILENCE: Duration = Duration::from_secs(2);
/// How long one that let us in may take for a sign of life.
const LIFE: Duration = Duration::from_secs(3);
/// How long one that is started may take until it can be come to.
const START: Duration = Duration::from_secs(10);

/// An engine of somebody else's, as its process would be. Dropping it is to leave.
pub(in crate::engine) struct Lent {
    /// What it says. The end of it: there is none, or it is gone.
    pub messages: UnboundedReceiver<FromEngine>,
    frames: UnboundedSender<Vec<u8>>,
    task: JoinHandle<()>,
}

impl Lent {
    /// Looks for a holder, and never waits for it.
    pub fn seek(borrow: &Borrow, options: &Options, spec: &ModelSpec) -> Self {
        let (heard, messages) = unbounded_channel();
        let (frames, to_write) = unbounded_channel();
        let seeker = Seeker { borrow: borrow.clone(), options: options.clone(), spec: spec.clone() };
        let task = tokio::spawn(async move {
            let start = Instant::now();
            if let Some(Found { holder, socket, connection: (incoming, writing) }) = seeker.find().await {
                // What is written may find nobody while there is still something to be read.
                let writer = async {
                    wire::write(writing, to_write).await;
                    std::future::pending::<()>().await;
                };
                let reader = listen(incoming, &seeker, (holder, &socket), start, &heard);
                tokio::select! { () = writer => {}, () = reader => {} }
            }
        });
        Self { messages, frames, task }
    }

    /// # Errors
    /// When the message can't be put into a frame.
    pub fn tell(&self, message: &ToEngine) -> Result<(), FrameError> {
        let _ = self.frames.send(encode(message)?);
        Ok(())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes on what the holder says, in the guest's own names, until it is gone or stands still.
async fn listen(
    mut incoming: Incoming,
    seeker: &Seeker,
    (holder, socket): (Holder, &Path),
    start: Instant,
    heard: &UnboundedSender<FromEngine>,
) {
    let Seeker { spec, borrow, .. } = seeker;
    loop {
        let Ok(next) = timeout(SILENCE, incoming.next()).await else {
            if stands_still(socket).await {
                tracing::warn!(target: "engine", "the holder of the engine has been stopped");
                return;
            }
            continue;
        };
        let message = match next {
            Ok(Some(FromEngine::Loaded { mut info })) => {
                // The same file has many names. What it took to load it was somebody else's time.
                info.reference.clone_from(&spec.reference);
                info.name.clone_from(&spec.name);
                info.load_time = start.elapsed();
                if borrow.keep.is_some() && holder == Holder::Interface {
                    info.notes.push(not_ours_to_keep());
                }
                FromEngine::Loaded { info }
            }
            Ok(Some(message)) => message,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(target: "engine", "the holder of the engine can't be understood: {error}");
                return;
            }
        };
        if heard.send(message).is_err() {
            return;
        }
    }
}

/// An interface lets go of its model when its person wants, whatever a script was promised: the script is to know.
fn not_ours_to_keep() -> UserError {
    UserError::new(
        ErrorKind::Unexpected,
        "this model is in use by an open interface: it stays until that lets go of it, not for the time of --keep-warm",
    )
}

struct Seeker {
    borrow: Borrow,
    options: Options,
    spec: ModelSpec,
}

type Connection = (Incoming, OwnedWriteHalf);

/// Somebody who let us in.
struct Found {
    holder: Holder,
    socket: PathBuf,
    connection: Connection,
}

impl Seeker {
    async fn find(&self) -> Option<Found> {
        let keep = self.borrow.keep.as_ref();
        let weights = Weights::of(&self.spec)?;
        let want = Want::Borrow { spec: self.spec.clone(), weights, keep: keep.map(|keep| keep.time) };
        if let Some(found) = welcomed(&self.borrow.folder, &want).await {
            return Some(found);
        }
        match self.start_one(keep?, &want).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(target: "engine", "the engine can't be kept warm: {}", reason(&error));
                None
            }
        }
    }

    /// Two who start at once start one: the second waits at the lock, and finds it.
    async fn start_one(&self, keep: &Keep, want: &Want) -> io::Result<Option<Found>> {
        let folder = place::prepare(&self.borrow.folder)?;
        let _lock = tokio::task::spawn_blocking(move || place::lock(&folder)).await.map_err(io::Error::other)??;
        if let Some(found) = welcomed(&self.borrow.folder, want).await {
            return Ok(Some(found));
        }
        let order = Order {
            spec: self.spec.clone(),
            folder: self.borrow.folder.clone(),
            keep: keep.time,
            log_dir: keep.log_dir.clone(),
            verbose: self.options.verbose,
        };
        timeout(START, start(&self.options.exe, &order)).await??;
        Ok(welcomed(&self.borrow.folder, want).await)
    }
}

/// Starts a process that holds the model from then on, and waits until it can be come to. It outlives us.
async fn start(exe: &Path, order: &Order) -> io::Result<()> {
    let mut process = Command::new(exe)
        .arg(ARGUMENT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .current_dir("/")
        .spawn()?;
    let (Some(mut stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
        return Err(io::Error::other("it has no pipes"));
    };
    stdin.write_all(&serde_json::to_vec(order)?).await?;
    drop(stdin);
    match BufReader::new(stdout).lines().next_line().await? {
        Some(line) if line == READY => Ok(()),
        _ => Err(io::Error::other("the process that was to keep it ended at once")),
    }
}

/// The first holder that lets us in.
async fn welcomed(folder: &Path, want: &Want) -> Option<Found> {
    for socket in place::sockets(folder) {
        if let Some((Verdict::Welcome { holder }, connection)) = knock(&socket, want).await {
            return Some(Found { holder, socket, connection });
        }
    }
    None
}

async fn knock(socket: &Path, want: &Want) -> Option<(Verdict, Connection)> {
    timeout(REPLY, reply(socket, want)).await.ok().flatten()
}

/// What is said to a knock. Only one who is stopped lets us wait for ever: others reply or hang up.
async fn reply(socket: &Path, want: &Want) -> Option<(Verdict, Connection)> {
    let stream = match UnixStream::connect(socket).await {
        Ok(stream) if is_ours(&stream) => stream,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            // Its holder is gone, and was not asked.
            let _ = place::remove(socket);
            return None;
        }
        _ => return None,
    };
    let (reading, mut writing) = stream.into_split();
    let knock = encode(&Knock { speaker: Speaker::us(), want: want.clone() }).ok()?;
    writing.write_all(&knock).await.ok()?;
    let mut incoming = Incoming::new(reading);
    let reply: Reply = incoming.next().await.ok()??;
    reply.speaker.is_like_us().then_some((reply.verdict, (incoming, writing)))
}

/// Whether a holder is there and does nothing, as after Ctrl-Z: it may be so for days, and nobody should wait for that.
async fn stands_still(socket: &Path) -> bool {
    timeout(LIFE, reply(socket, &Want::Look)).await.is_err()
}

/// All that hold an engine now, each with its socket.
pub async fn holders(folder: &Path) -> Vec<(PathBuf, Holding)> {
    let mut all = Vec::new();
    for socket in place::sockets(folder) {
        if let Some((Verdict::Holding(holding), _)) = knock(&socket, &Want::Look).await {
            all.push((socket, *holding));
        }
    }
    all
}

/// Ends a holder that only stays for guests, and waits until nobody can come to it; says whether it went.
pub async fn dismiss(socket: &Path) -> bool {
    let Some((Verdict::Ending, (mut incoming, _writing))) = knock(socket, &Want::End).await else { return false };
    // It hangs up as the last thing that it does.
    timeout(START, incoming.next::<FromEngine>()).await.is_ok_and(|word| matches!(word, Ok(None)))
}
