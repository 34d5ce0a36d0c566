//! Side floor: conversations in `SQLite`. Nothing that was said is ever lost: messages are kept as they are sent, an answer as it
//! grows, and what is being written as it is typed.
//!
//! | file | is |
//! |---|---|
//! | `file` | opening: permissions, versions, a damaged file, a disk that takes nothing |
//! | `salvage` | what can still be read of a damaged file |
//! | `schema` | tables, and the steps from older ones |
//! | `writer` | whose answer is growing, and whether they live |
//! | `keep` | changes of conversations, in |
//! | `read`, `search`, `prompts` | conversations, lists, hits and prompts, out |
//! | `actor` | the same behind a handle, on a thread of its own |
//!
//! Several processes write at once. A message is a row that only ever gets added, and it points to its parent: two that go on
//! with one conversation make two branches of it. [`MsgId`]s are an open conversation's own; the store knows which row each
//! stands for.

mod actor;
mod file;
mod keep;
mod prompts;
mod read;
mod salvage;
mod schema;
mod search;
mod writer;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

pub use self::actor::StoreHandle;
use self::file::Doing;
pub use self::file::{Health, UNWRITABLE, health};
pub use self::keep::lost;
use self::writer::Writer;
use crate::domain::MsgId;
use crate::domain::store::{ConvId, ConvIds};
use crate::error::{ErrorKind, UserError};

/// Deleted conversations that nobody has taken away for so long go for good.
const UNDELETE_MS: i64 = 24 * 60 * 60 * 1000;

/// Takes the words out of messages that were deleted. The messages stay: others follow them.
const FORGET: &str = "UPDATE messages SET content = '', reasoning = '', form = NULL, error = NULL \
                      WHERE deleted IS NOT NULL AND (content <> '' OR reasoning <> '')";

/// Nothing of a conversation is left: no message that was not deleted, and nothing that is being written.
const IS_EMPTY: &str = "messages = 0 AND draft = ''";

/// The conversations on this machine.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    file: PathBuf,
    /// Nothing can be changed: what is there is shown as it is.
    only_to_read: bool,
    writer: Writer,
    sheets: HashMap<ConvId, Sheet>,
    /// Deleted here: they go for good when this ends.
    deleted: HashSet<ConvId>,
    /// Messages were deleted in them here: their words go for good then.
    has_deleted_messages: HashSet<ConvId>,
}

/// The rows of an open conversation.
#[derive(Debug, Default)]
struct Sheet {
    row: i64,
    /// By message id.
    messages: Vec<i64>,
}

impl Sheet {
    fn row_of(&self, id: MsgId) -> Option<i64> {
        self.messages.get(usize::try_from(id.0).ok()?).copied()
    }

    fn id_of(&self, row: i64) -> Option<MsgId> {
        // Rows are added in order.
        let place = self.messages.binary_search(&row).ok()?;
        Some(MsgId(place as u64))
    }
}

impl Store {
    /// Opens the file, or begins it. The second is what a person should know of it.
    ///
    /// # Errors
    /// There is no place for it, or it is of a newer hobnob, which leaves it as it is.
    pub fn open(file: &Path) -> Result<(Self, Option<UserError>), UserError> {
        match Self::open_once(file) {
            // Noted while it was opened: now it is mended.
            Err(_) if file::is_noted_as_damaged(file) => Self::open_once(file),
            opened => opened,
        }
    }

    fn open_once(file: &Path) -> Result<(Self, Option<UserError>), UserError> {
        let (db, note) = file::open(file)?;
        let mut store = Self::of(db, file, false);
        store.mark_cut().and_then(|()| store.clear_deleted()).map_err(|error| store.failed(&error))?;
        Ok((store, note))
    }

    fn of(db: Connection, file: &Path, only_to_read: bool) -> Self {
        Self {
            db,
            file: file.to_owned(),
            only_to_read,
            writer: Writer::new(file),
            sheets: HashMap::new(),
            deleted: HashSet::new(),
            has_deleted_messages: HashSet::new(),
        }
    }

    /// The same, where there is a file already.
    ///
    /// # Errors
    /// As [`Self::open`], or nobody can tell whether there is one.
    pub fn open_existing(file: &Path) -> Result<Option<(Self, Option<UserError>)>, UserError> {
        if file::is_there(file)? { Self::open(file).map(Some) } else { Ok(None) }
    }

    /// The same for somebody who changes nothing: it needs neither room on the disk nor the right to write there.
    ///
    /// # Errors
    /// It is there and can't be read.
    pub fn open_to_read(file: &Path) -> Result<Option<(Self, Option<UserError>)>, UserError> {
        match Self::open_existing(file) {
            Err(error) if error.kind == ErrorKind::Disk => Self::only_to_read(file).map(|store| Some((store, None))),
            opened => opened,
        }
    }

    fn only_to_read(file: &Path) -> Result<Self, UserError> {
        Ok(Self::of(file::open_to_read(file)?, file, true))
    }

    /// What went wrong when something was to be kept.
    fn failed(&self, error: &rusqlite::Error) -> UserError {
        file::failed(&self.file, error, Doing::Keeping)
    }

    /// What went wrong when something was to be read.
    fn unread(&self, error: &rusqlite::Error) -> UserError {
        file::failed(&self.file, error, Doing::Reading)
    }

    /// Takes conversations out that were deleted a while ago, and the words of messages.
    fn clear_deleted(&mut self) -> rusqlite::Result<()> {
        let before = now() - UNDELETE_MS;
        self.db.execute("DELETE FROM conversations WHERE deleted < ?", [before])?;
        let forget = format!("{FORGET} AND deleted < ?");
        self.db.execute(&forget, [before])?;
        self.db.execute(&format!("DELETE FROM conversations WHERE {IS_EMPTY} AND used < ?"), [before]).map(drop)
    }

    /// Takes a conversation out for good.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn remove(&mut self, id: ConvId) -> Result<(), UserError> {
        self.sheets.remove(&id);
        let removed = self.db.execute("DELETE FROM conversations WHERE name = ?", [id.to_string()]);
        removed.map(drop).map_err(|error| self.failed(&error))
    }

    /// Takes out for good what was deleted here. Nobody can bring it back any more.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn close(mut self) -> Result<(), UserError> {
        if self.deleted.is_empty() && self.has_deleted_messages.is_empty() {
            return Ok(());
        }
        let (ids, of) = (std::mem::take(&mut self.deleted), std::mem::take(&mut self.has_deleted_messages));
        let clear = |db: &mut Connection| {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for id in &ids {
                tx.execute("DELETE FROM conversations WHERE name = ? AND deleted IS NOT NULL", [id.to_string()])?;
            }
            for id in &of {
                let forget = format!("{FORGET} AND conversation = (SELECT id FROM conversations WHERE name = ?)");
                tx.execute(&forget, [id.to_string()])?;
                tx.execute(&format!("DELETE FROM conversations WHERE name = ? AND {IS_EMPTY}"), [id.to_string()])?;
            }
            tx.commit()
        };
        clear(&mut self.db).map_err(|error| self.failed(&error))
    }
}

/// Ids for new conversations.
#[must_use]
pub fn new_ids() -> ConvIds {
    use std::hash::{BuildHasher, RandomState};
    ConvIds::seeded(RandomState::new().hash_one(now()))
}

/// Milliseconds since 1970.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

/// It may well work the next time.
fn is_passing(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
        )
    )
}
