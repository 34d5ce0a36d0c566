//! One engine for several programs of the same user, so that a script does not load what is loaded already.
//!
//! Whoever holds an engine, the interface or a process that was asked to stay (`run --keep-warm`), opens a socket in a
//! folder of the user's own. A guest knocks, says which model it wants and how loaded, and is let in if that is the very
//! one; from there on the two speak as a parent and its engine's process do (see `protocol`). Everything else is refused,
//! and the guest starts a process of its own: sharing saves time and never decides whether there is an answer.
//!
//! | file | is |
//! |---|---|
//! | `place` | the folder, the sockets' names, the lock between two who start at once |
//! | `words` | what is said at the door |
//! | `weights` | whether two mean the same files |
//! | `door` | the holder's side: who comes, what they say, that they have left |
//! | `guest` | the other side: finding a holder, or starting one that stays |

mod door;
mod guest;
mod place;
mod weights;
mod words;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(super) use self::door::{Door, Tell, Visit, say};
pub(super) use self::guest::Lent;
pub use self::guest::{dismiss, holders};
pub use self::place::usable;
pub(super) use self::weights::Weights;
pub use self::words::{Holding, Order, READY};
pub(super) use self::words::{Reply, Verdict, Want};

/// The hidden first argument that makes this program a holder that stays. What it is to hold comes as an [`Order`].
pub const ARGUMENT: &str = "__warm";

/// What an engine has to do with other programs of the same user.
#[derive(Debug, Clone, Default)]
pub enum Share {
    #[default]
    No,
    Lend(Lend),
    Borrow(Borrow),
}

/// Others may use this engine.
#[derive(Debug, Clone)]
pub struct Lend {
    /// Where holders and guests meet.
    pub folder: PathBuf,
    pub holder: Holder,
}

/// Another's engine is used where there is one with the model.
#[derive(Debug, Clone)]
pub struct Borrow {
    pub folder: PathBuf,
    /// Where there is none, one is started that stays for so long after its last answer.
    pub keep: Option<Keep>,
}

/// How an engine is to stay.
#[derive(Debug, Clone)]
pub struct Keep {
    pub time: Duration,
    /// Where its log goes.
    pub log_dir: PathBuf,
}

/// Who holds an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    Interface,
    /// Nobody but guests; it ends when there were none for so long.
    Warm {
        keep: Duration,
    },
}

/// A guest, as the holder tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GuestId(pub u64);
