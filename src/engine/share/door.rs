//! The holder's side: who comes, what they say, and that they have left. What becomes of it is for the link to decide.

use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::process::geteuid;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::place::{Bound, prepare};
use super::words::{Knock, Reply, Verdict, Want};
use super::{GuestId, Lend};
use crate::engine::protocol::{ToEngine, encode};
use crate::engine::wire::{self, Incoming};

/// More at once are refused: each costs an open file, and a process may have a thousand.
const MOST_GUESTS: usize = 128;
/// How long somebody may stand at the door without a word.
const KNOCK: Duration = Duration::from_secs(2);
/// How long guests may take for their last words.
const FAREWELL: Duration = Duration::from_millis(300);

/// The way to a guest, in frames. It leads out when the last of these is gone.
pub(in crate::engine) type Tell = UnboundedSender<Vec<u8>>;

/// What happens at the door.
pub(in crate::engine) enum Visit {
    Knocks { guest: GuestId, want: Want, tell: Tell },
    Says { guest: GuestId, message: ToEngine },
    Leaves { guest: GuestId },
}

/// An open door; closed when this is dropped.
pub(in crate::engine) struct Door {
    pub visits: UnboundedReceiver<Visit>,
    bound: Bound,
    task: JoinHandle<()>,
    guests: TaskTracker,
}

impl Door {
    /// # Errors
    /// As the system says.
    pub fn open(lend: &Lend) -> io::Result<Self> {
        let (bound, listener) = Bound::open(&prepare(&lend.folder)?, lend.holder)?;
        let (tell, visits) = unbounded_channel();
        let guests = TaskTracker::new();
        let task = tokio::spawn(listen(UnixListener::from_std(listener)?, tell, guests.clone()));
        Ok(Self { visits, bound, task, guests })
    }

    pub fn path(&self) -> &Path {
        &self.bound.path
    }

    /// Whether guests still find it.
    pub fn is_there(&self) -> bool {
        self.bound.is_there()
    }

    /// Lets nobody in any more, and waits until all have heard what was said to them and have left. For as long as a
    /// [`Tell`] is kept, its guest stays.
    pub async fn close(self) {
        self.task.abort();
        self.guests.close();
        let _ = tokio::time::timeout(FAREWELL, self.guests.wait()).await;
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listener: UnixListener, visits: UnboundedSender<Visit>, guests: TaskTracker) {
    let mut next = GuestId(0);
    loop {
        match listener.accept().await {
            Ok((socket, _)) if is_ours(&socket) && guests.len() < MOST_GUESTS => {
                next = GuestId(next.0 + 1);
                let (guest, visits) = (next, visits.clone());
                guests.spawn(async move { attend(socket, guest, &visits).await });
            }
            // It hears that we hang up.
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(target: "engine", "a script could not be let in: {error}");
                // Out of open files, most likely: others will be closed.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// The other end is a process of this user.
pub(super) fn is_ours(socket: &UnixStream) -> bool {
    socket.peer_cred().is_ok_and(|peer| peer.uid() == geteuid().as_raw())
}

async fn attend(socket: UnixStream, guest: GuestId, visits: &UnboundedSender<Visit>) {
    let (reading, writing) = socket.into_split();
    let (tell, frames) = unbounded_channel();
    let writer = tokio::spawn(wire::write(writing, frames));
    let mut incoming = Incoming::new(reading);
    // What another version says need not even be a knock.
    let Ok(knock) = tokio::time::timeout(KNOCK, incoming.next::<Knock>()).await else { return };
    let Ok(Some(Knock { want, .. })) = knock.map(|knock| knock.filter(|knock| knock.speaker.is_like_us())) else {
        say(&tell, &Reply::new(Verdict::Refused));
        drop(tell);
        let _ = writer.await;
        return;
    };
    let _ = visits.send(Visit::Knocks { guest, want, tell });
    loop {
        match incoming.next().await {
            Ok(Some(message)) => {
                let _ = visits.send(Visit::Says { guest, message });
            }
            Ok(None) => break,
            Err(error) => {
                tracing::warn!(target: "engine", "a script can't be understood: {error}");
                break;
            }
        }
    }
    let _ = visits.send(Visit::Leaves { guest });
}

/// Says something to a guest. One that has left does not hear it.
pub(in crate::engine) fn say<T: serde::Serialize>(tell: &Tell, message: &T) {
    match encode(message) {
        Ok(frame) => {
            let _ = tell.send(frame);
        }
        Err(error) => tracing::warn!(target: "engine", "a script can't be told: {error}"),
    }
}
