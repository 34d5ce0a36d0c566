//! The file that conversations are in: made for its owner alone, opened by many, never thrown away.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::schema;
use crate::error::{ErrorKind, UserError, reason};

/// How long one waits for another that writes.
const PATIENCE: Duration = Duration::from_secs(5);
/// Where a file of `SQLite` says which version it is.
const VERSION_AT: usize = 60;

/// Opens it, or makes it. The second is what a person should know of it.
pub(super) fn open(file: &Path) -> Result<(Connection, Option<UserError>), UserError> {
    // One at a time: a file that is made, brought up to date or moved aside is nobody else's meanwhile.
    let _turn = prepare(file).map_err(|error| unusable(file, &reason(&error)))?;
    refuse_newer(file, version_on_disk(file))?;
    match connect(file) {
        Ok(db) => Ok((db, None)),
        Err(Fault::Newer) => Err(newer(file)),
        Err(Fault::Sqlite(error)) if is_broken(&error) => {
            let note = set_aside(file)?;
            create(file).map_err(|error| unusable(file, &reason(&error)))?;
            let db = connect(file).map_err(|fault| match fault {
                Fault::Newer => newer(file),
                Fault::Sqlite(error) => failed(file, &error),
            })?;
            Ok((db, Some(note)))
        }
        Err(Fault::Sqlite(error)) => Err(failed(file, &error)),
    }
}

/// Makes the folder and the file where they are missing. Freed when it is dropped.
fn prepare(file: &Path) -> io::Result<File> {
    if let Some(folder) = file.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| match error.kind() {
            // Of something else that has the folder's name.
            io::ErrorKind::AlreadyExists => io::ErrorKind::NotADirectory.into(),
            _ => error,
        })?;
    }
    let lock = private(&beside(file, "lock"))?;
    lock.lock()?;
    create(file)?;
    Ok(lock)
}

fn create(file: &Path) -> io::Result<()> {
    let made = private(file)?;
    if made.metadata()?.permissions().mode() & 0o077 != 0 {
        made.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// Opens a file that nobody else reads, and makes it if it is missing.
pub(super) fn private(file: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(file)
}

/// `conversations.db` with another ending.
pub(super) fn beside(file: &Path, ending: &str) -> PathBuf {
    file.with_extension(ending)
}

/// What the file's own header says, without anything being touched.
fn version_on_disk(file: &Path) -> i32 {
    let mut header = [0; VERSION_AT + 4];
    let read = File::open(file).and_then(|mut file| file.read_exact(&mut header));
    match (read, header.get(VERSION_AT..)) {
        (Ok(()), Some(&[a, b, c, d])) if header.starts_with(b"SQLite format 3\0") => i32::from_be_bytes([a, b, c, d]),
        _ => 0,
    }
}

fn refuse_newer(file: &Path, version: i32) -> Result<(), UserError> {
    if version > schema::VERSION { Err(newer(file)) } else { Ok(()) }
}

enum Fault {
    Newer,
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn connect(file: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(file, flags)?;
    db.busy_timeout(PATIENCE)?;
    // Reads the first page, or what stands for it in the journal of others: only that knows the newest version.
    if schema::version(&db)? > schema::VERSION {
        return Err(Fault::Newer);
    }
    db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    // Where a file system can't do it the journal stays what it is: slower, and as safe.
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    // A process that is killed loses nothing; only a power cut can cost the last moments.
    db.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = FAST;")?;
    db.set_prepared_statement_cache_capacity(64);
    schema::migrate(&mut db)?;
    Ok(db)
}

fn is_broken(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// Moves a broken file out of the way with what belongs to it, under a name that is free.
fn set_aside(file: &Path) -> Result<UserError, UserError> {
    let free = |n: u32| beside(file, &if n == 0 { "broken".to_owned() } else { format!("broken-{n}") });
    let aside = (0..1000).map(free).find(|path| !path.exists()).unwrap_or_else(|| free(1000));
    let broken = UserError::new(ErrorKind::Disk, format!("the conversations in {} can't be read", file.display()));
    fs::rename(file, &aside).map_err(|error| {
        broken.clone().hint(format!("the file is damaged, and can't be moved aside: {}", reason(&error)))
    })?;
    for ending in ["-wal", "-shm"] {
        let with = |path: &Path| PathBuf::from(format!("{}{ending}", path.display()));
        // Often there is none.
        let _ = fs::rename(with(file), with(&aside));
    }
    Ok(broken.hint(format!("the damaged file is kept as {}; a new one is begun", aside.display())))
}

fn newer(file: &Path) -> UserError {
    UserError::new(ErrorKind::Config, format!("the conversations in {} are of a newer hobnob", file.display()))
        .hint("use that one, or set HOBNOB_DATA_DIR to another folder; the file is as it was")
}

fn unusable(file: &Path, why: &str) -> UserError {
    UserError::new(ErrorKind::Disk, format!("conversations can't be kept in {}: {why}", file.display()))
        .hint("see that the folder can be written and its disk has room, or set HOBNOB_DATA_DIR to another one")
}

/// What went wrong in words.
pub(super) fn failed(file: &Path, error: &rusqlite::Error) -> UserError {
    let why = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full",
        Some(ErrorCode::ReadOnly) => "it is read-only",
        Some(ErrorCode::CannotOpen) => "it can't be opened",
        Some(ErrorCode::PermissionDenied) => "permission denied",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program holds it",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "it is damaged",
        Some(ErrorCode::SystemIoFailure) => "the disk does not read or write",
        _ => {
            tracing::error!("SQLite: {error}");
            return UserError::new(
                ErrorKind::Unexpected,
                format!("the conversations in {} can't be used", file.display()),
            )
            .hint("the log has the details");
        }
    };
    unusable(file, why)
}
