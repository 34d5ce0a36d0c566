//! The file that conversations are in: made for its owner alone, opened by many, never thrown away.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::fs::{Access, access};

use super::{salvage, schema};
use crate::domain::units::many;
use crate::error::{ErrorKind, UserError, reason};
use crate::machine::disk::room;

/// How long one waits for another that writes.
const PATIENCE: Duration = Duration::from_secs(5);
/// What those that use the file share with each other takes so much room.
const SHARED: u64 = 64 << 10;
/// Where a file of `SQLite` says which version it is.
const VERSION_AT: usize = 60;

/// What helps where nothing can be kept.
pub const UNWRITABLE: &str =
    "see that the folder can be written and its disk has room, or set HOBNOB_DATA_DIR to another one";

/// What the file is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Reading,
    Keeping,
}

/// Opens it, or makes it. The second is what a person should know of it.
pub(super) fn open(file: &Path) -> Result<(Connection, Option<UserError>), UserError> {
    // One at a time: a file that is made, brought up to date or moved aside is nobody else's meanwhile.
    let _turn = prepare(file).map_err(|error| unusable(file, Doing::Keeping, &reason(&error)))?;
    refuse_newer(file, version_on_disk(file))?;
    let connected = match connect(file) {
        Ok(mut db) if is_noted_as_damaged(file) => check_again(file, &mut db).map(|()| db),
        connected => connected,
    };
    match connected {
        Ok(db) => Ok((db, None)),
        Err(Fault::Sqlite(error)) if is_broken(&error) => begin_anew(file).map(|(db, note)| (db, Some(note))),
        Err(fault) => Err(fault.in_words(file, Doing::Keeping)),
    }
}

/// Opens it for somebody who changes nothing. Nothing is made for that, and nothing brought up to date.
pub(super) fn open_to_read(file: &Path) -> Result<Connection, UserError> {
    File::open(file).map_err(|error| unusable(file, Doing::Reading, &reason(&error)))?;
    let beside_others = look(file, "mode=ro");
    // Where what those that write share with each other can't be made, nobody else writes, and all is in the one file.
    let alone = fs::metadata(with_tail(file, "-wal")).map_or(true, |journal| journal.len() == 0);
    let db = match beside_others {
        Err(Fault::Sqlite(_)) if alone => look(file, "immutable=1"),
        looked => looked,
    };
    db.map_err(|fault| fault.in_words(file, Doing::Reading))
}

fn look(file: &Path, how: &str) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(format!("file:{}?{how}", escaped(file)), flags)?;
    db.busy_timeout(PATIENCE)?;
    match schema::version(&db)? {
        version if version > schema::VERSION => Err(Fault::Newer),
        version if version < schema::VERSION => Err(Fault::Older),
        _ => Ok(db),
    }
}

/// A path as it stands in an address.
fn escaped(file: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    let bytes = file.as_os_str().as_bytes().iter();
    bytes.map(|&byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Whether it is there. Where that can't be told, nobody says that it is not.
pub(super) fn is_there(file: &Path) -> Result<bool, UserError> {
    match fs::metadata(file) {
        Ok(_) => Ok(true),
        // Below something that is no folder there is no file either.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(unusable(file, Doing::Reading, &reason(&error))),
    }
}

/// Moves a damaged file aside, and begins a new one with what can be read of it.
fn begin_anew(file: &Path) -> Result<(Connection, UserError), UserError> {
    let aside = set_aside(file)?;
    create(file).map_err(|error| unusable(file, Doing::Keeping, &reason(&error)))?;
    let mut db = connect(file).map_err(|fault| fault.in_words(file, Doing::Keeping))?;
    let taken_over = salvage::take_over(&aside, &mut db).unwrap_or_else(|error| {
        tracing::warn!("nothing of {} is taken over: {error}", aside.display());
        0
    });
    let _ = fs::remove_file(damage_mark(file));
    Ok((db, was_damaged(file, &aside, taken_over)))
}

/// Of a file that was found to be damaged: whether it is, and whether something can be done about it now.
fn check_again(file: &Path, db: &mut Connection) -> Result<(), Fault> {
    let found: rusqlite::Result<String> = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0));
    if found.is_ok_and(|found| found == "ok") {
        let _ = fs::remove_file(damage_mark(file));
        return Ok(());
    }
    // Whoever else has it open would go on writing into a file that nobody reads any more.
    db.busy_timeout(Duration::ZERO)?;
    let alone: rusqlite::Result<()> = db.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()));
    let held = alone.is_err_and(|error| is_held(&error));
    db.busy_timeout(PATIENCE)?;
    if held { Ok(()) } else { Err(damaged().into()) }
}

fn is_held(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn damaged() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), None)
}

/// Stands for damage that was found while the file was open.
fn damage_mark(file: &Path) -> PathBuf {
    beside(file, "damaged")
}

pub(super) fn is_noted_as_damaged(file: &Path) -> bool {
    damage_mark(file).exists()
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
    /// It can't be brought up to date here.
    Older,
    Sqlite(rusqlite::Error),
}

impl Fault {
    fn in_words(self, file: &Path, doing: Doing) -> UserError {
        match self {
            Self::Newer => newer(file),
            Self::Older => {
                unusable(file, doing, "it is of an older hobnob, and can't be written to be brought up to date")
            }
            Self::Sqlite(error) => failed(file, &error, doing),
        }
    }
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
fn set_aside(file: &Path) -> Result<PathBuf, UserError> {
    let free = |n: u32| beside(file, &if n == 0 { "broken".to_owned() } else { format!("broken-{n}") });
    let aside = (0..1000).map(free).find(|path| !path.exists()).unwrap_or_else(|| free(1000));
    fs::rename(file, &aside).map_err(|error| {
        unusable(file, Doing::Keeping, &format!("it is damaged, and can't be moved aside: {}", reason(&error)))
    })?;
    for ending in ["-wal", "-shm"] {
        // Often there is none.
        let _ = fs::rename(with_tail(file, ending), with_tail(&aside, ending));
    }
    Ok(aside)
}

/// As `SQLite` names what belongs to a file.
fn with_tail(file: &Path, tail: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(tail);
    PathBuf::from(name)
}

fn was_damaged(file: &Path, aside: &Path, taken_over: u32) -> UserError {
    let taken = match taken_over {
        0 => "nothing in it could be read; a new one is begun".to_owned(),
        n => format!("what could be read of {} is in a new one", many(n as usize, "conversation")),
    };
    let message = format!("the conversations in {} were damaged: {taken}", file.display());
    let aside = aside.display();
    UserError::new(ErrorKind::Disk, message)
        .hint(format!("the damaged file is kept as {aside}; `sqlite3 {aside} .recover` may find more in it"))
}

fn newer(file: &Path) -> UserError {
    UserError::new(ErrorKind::Config, format!("the conversations in {} are of a newer hobnob", file.display()))
        .hint("use that one, or set HOBNOB_DATA_DIR to another folder; the file is as it was")
}

fn unusable(file: &Path, doing: Doing, why: &str) -> UserError {
    let file = file.display();
    let (what, hint) = match doing {
        Doing::Keeping => (format!("conversations can't be kept in {file}: {why}"), UNWRITABLE),
        Doing::Reading => (
            format!("the conversations in {file} can't be read: {why}"),
            "see that you may read it and that its disk is well, or set HOBNOB_DATA_DIR to another folder",
        ),
    };
    UserError::new(ErrorKind::Disk, what).hint(hint)
}

/// What went wrong in words. Damage is noted, for the next one that opens the file.
pub(super) fn failed(file: &Path, error: &rusqlite::Error, doing: Doing) -> UserError {
    let why = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full",
        Some(ErrorCode::ReadOnly) => "it is read-only",
        Some(ErrorCode::CannotOpen) => "it can't be opened",
        Some(ErrorCode::PermissionDenied) => "permission denied",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program holds it",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            let error = unusable(file, doing, "it is damaged");
            return error.hint(if private(&damage_mark(file)).is_ok() {
                "end all hobnobs and try again: the file is set aside then, and what can be read of it taken into a new one".to_owned()
            } else {
                format!("copy {} to where it can be written, and set HOBNOB_DATA_DIR to that folder", file.display())
            });
        }
        Some(ErrorCode::SystemIoFailure) if is_full(file) => "the disk is full",
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
    unusable(file, doing, why)
}

/// There is less room than those that use the file share with each other.
fn is_full(file: &Path) -> bool {
    file.parent().and_then(room).is_some_and(|room| room.free < SHARED)
}

/// How the conversations stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// How many there are; `None` where none was ever kept.
    pub conversations: Option<u32>,
    /// More can be kept.
    pub writable: bool,
}

/// Looks through the file, and changes nothing.
///
/// # Errors
/// It can't be read, or is damaged.
pub fn health(file: &Path) -> Result<Health, UserError> {
    let ground = file.ancestors().find(|folder| folder.exists()).unwrap_or(file);
    let folder = file.parent().filter(|folder| folder.exists()).unwrap_or(ground);
    let may_write = |path: &Path| access(path, Access::WRITE_OK).is_ok();
    let writable = may_write(ground) && may_write(folder) && !is_full(ground);
    if !is_there(file)? {
        return Ok(Health { conversations: None, writable });
    }
    let db = open_to_read(file)?;
    let checked = db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)).and_then(|found| {
        if found != "ok" {
            return Err(damaged());
        }
        db.query_row("SELECT count(*) FROM conversations WHERE deleted IS NULL", [], |row| row.get(0))
    });
    let conversations = checked.map_err(|error| failed(file, &error, Doing::Reading))?;
    Ok(Health { conversations: Some(conversations), writable })
}
