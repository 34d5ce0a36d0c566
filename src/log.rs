//! Where everything goes that is not for the person: a file per day, in plain text.
//!
//! Nothing is ever printed, whatever goes wrong: the screen is not ours to write on. That is why the daily file is our own;
//! the usual one prints when two processes clear away the same old file at midnight.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::domain::units;
use crate::error::{ErrorKind, UserError, reason};

const PREFIX: &str = "hobnob";
const SUFFIX: &str = "log";
/// Days.
const KEPT: usize = 7;

static PLACE: OnceLock<Place> = OnceLock::new();

/// Where the log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file per day in this folder, the last seven kept.
    Folder(PathBuf),
    /// This file, grown for ever: somebody asked for it.
    File(PathBuf),
}

/// Starts the log. `verbosity` is the count of `-v`; `filter` is the value of `HOBNOB_LOG` and wins over it: a level, or
/// `target=level` pairs by commas.
///
/// # Errors
/// Never a reason to stop: a warning for stderr. With a filter that can't be read the log goes by `verbosity`; where the file
/// can't be opened there is none.
pub fn init(place: Place, verbosity: u8, filter: Option<&str>) -> Result<(), UserError> {
    let (targets, warning) = targets(verbosity, filter);
    match &place {
        Place::Folder(folder) => {
            let daily = Daily::open(folder).map_err(|error| unwritable(folder, &error))?;
            subscribe(daily, targets);
        }
        Place::File(path) => {
            let file = append_to(path).map_err(|error| unwritable(path, &error))?;
            subscribe(Arc::new(file), targets);
        }
    }
    let _ = PLACE.set(place);
    warning.map_or(Ok(()), Err)
}

/// The file that is written to now, for messages that send a person there.
#[must_use]
pub fn file() -> Option<PathBuf> {
    match PLACE.get()? {
        Place::File(path) => Some(path.clone()),
        Place::Folder(folder) => files(folder).pop(),
    }
}

/// A file per day, by the clock of the world; every hobnob that runs writes to the same. The engine's process does not: what
/// it has to say comes through us.
struct Daily {
    folder: PathBuf,
    /// The day and its file.
    today: Mutex<(u64, File)>,
}

impl Daily {
    fn open(folder: &Path) -> io::Result<Self> {
        // The log names models, files and settings: nobody else's business.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let day = today();
        let file = append_to(&path_of(folder, day))?;
        clear_away(folder);
        Ok(Self { folder: folder.to_owned(), today: Mutex::new((day, file)) })
    }
}

impl<'a> MakeWriter<'a> for Daily {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Daily {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut open = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        let day = today();
        // Where the new file can't be opened the old one goes on.
        if day != open.0
            && let Ok(file) = append_to(&path_of(&self.folder, day))
        {
            *open = (day, file);
            clear_away(&self.folder);
        }
        open.1.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Days since 1970.
fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() / 86_400)
}

fn path_of(folder: &Path, day: u64) -> PathBuf {
    let (year, month, day) = units::date(day);
    folder.join(format!("{PREFIX}.{year:04}-{month:02}-{day:02}.{SUFFIX}"))
}

fn clear_away(folder: &Path) {
    let files = files(folder);
    for old in &files[..files.len().saturating_sub(KEPT)] {
        // Somebody else may have been faster.
        let _ = fs::remove_file(old);
    }
}

/// Oldest first: their names end in the day.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with('.'))
                && path.extension().is_some_and(|ending| ending == SUFFIX)
        })
        .collect();
    files.sort();
    files
}

/// Writing is direct, without a thread between: the log is small, and the last lines before an end are the ones that matter.
fn subscribe(writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static, targets: Targets) {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(false)
        // A full disk is nothing to print over the screen.
        .log_internal_errors(false);
    // Somebody who has a subscriber already, a test, keeps it.
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
}

fn targets(verbosity: u8, filter: Option<&str>) -> (Targets, Option<UserError>) {
    let by_verbosity = match verbosity {
        0 => "warn,hobnob=info,engine=info",
        1 => "info,hobnob=debug",
        2 => "debug,hobnob=trace",
        _ => "trace",
    };
    let parse = |text: &str| text.parse::<Targets>();
    // The fallback is ours and reads; were it not to, everything is better than nothing.
    let fallback = || parse(by_verbosity).unwrap_or_default();
    match filter.map(str::trim).filter(|text| !text.is_empty()) {
        None => (fallback(), None),
        Some(text) => match parse(text) {
            Ok(targets) => (targets, None),
            Err(error) => (
                fallback(),
                Some(UserError::new(ErrorKind::Config, format!("HOBNOB_LOG can't be read: {error}")).hint(
                    "give it a level (`error`, `warn`, `info`, `debug`, `trace`) or pairs such as `warn,hobnob=debug`",
                )),
            ),
        },
    }
}

fn unwritable(path: &Path, error: &io::Error) -> UserError {
    UserError::new(ErrorKind::Disk, format!("no log is written: can't open {}: {}", path.display(), reason(error)))
        .hint("choose another file with `--log-file FILE`")
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn more_v_more_words_and_the_variable_wins() {
        let enabled = |verbosity, filter, target, level| targets(verbosity, filter).0.would_enable(target, &level);
        assert!(enabled(0, None, "hobnob::engine", Level::INFO));
        assert!(!enabled(0, None, "hyper", Level::INFO));
        assert!(enabled(1, None, "hobnob::engine", Level::DEBUG));
        assert!(!enabled(1, None, "hyper", Level::DEBUG));
        assert!(enabled(3, None, "hyper", Level::TRACE));
        assert!(!enabled(3, Some("hobnob=error"), "hobnob", Level::INFO));
        assert!(enabled(0, Some(" "), "hobnob", Level::INFO));
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_named_and_not_fatal() {
        let (targets, warning) = targets(0, Some("hobnob=loud"));
        assert!(targets.would_enable("hobnob", &Level::INFO));
        assert!(warning.expect("a warning").message.contains("HOBNOB_LOG"));
    }

    #[test]
    fn a_week_is_kept_and_what_is_not_ours_too() {
        let folder = tempfile::tempdir().expect("a folder");
        let others = ["zebra.log", "hobnob.2026-01-01.txt", "hobnobby.log"];
        for day in 20_000..20_010 {
            File::create(path_of(folder.path(), day)).expect("a file");
        }
        for name in others {
            File::create(folder.path().join(name)).expect("a file");
        }
        let daily = Daily::open(folder.path()).expect("opens");
        (&daily).write_all(b"a line\n").expect("takes it");
        let kept = files(folder.path());
        assert_eq!(kept.len(), KEPT);
        assert_eq!(kept[0], path_of(folder.path(), 20_004));
        let newest = kept.last().expect("there are some");
        assert_eq!(fs::read_to_string(newest).expect("can be read"), "a line\n");
        assert!(others.iter().all(|name| folder.path().join(name).exists()));
        assert!(files(&folder.path().join("none")).is_empty());
    }

    #[test]
    fn a_new_day_has_a_new_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let daily = Daily::open(folder.path()).expect("opens");
        daily.today.lock().expect("nobody panicked").0 -= 1;
        fs::remove_file(path_of(folder.path(), today())).expect("it is there");
        (&daily).write_all(b"a line\n").expect("takes it");
        assert_eq!(files(folder.path()).len(), 1);
    }

    #[test]
    fn nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("state/hobnob");
        let _daily = Daily::open(&folder).expect("opens");
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&path_of(&folder, today())), 0o600);
    }

    #[test]
    fn a_log_that_cannot_be_written_says_where_and_why() {
        let folder = tempfile::tempdir().expect("a folder");
        let in_the_way = folder.path().join("file");
        File::create(&in_the_way).expect("a file");
        for place in [Place::Folder(in_the_way.join("logs")), Place::File(in_the_way.join("x.log"))] {
            let error = init(place, 0, None).expect_err("it is in the way");
            assert!(error.message.contains("file"), "{error}");
            assert!(error.hint.is_some());
        }
    }
}
