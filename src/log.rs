//! Where everything goes that is not for the person: a file per day, in plain text. Nothing is ever printed.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::error::{ErrorKind, UserError};

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
            // Or the appender would print that there is nothing to clear away.
            fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
            let appender = RollingFileAppender::builder()
                .rotation(Rotation::DAILY)
                .filename_prefix(PREFIX)
                .filename_suffix(SUFFIX)
                .max_log_files(KEPT)
                .build(folder)
                .map_err(|error| unwritable(folder, &std::error::Error::source(&error).unwrap_or(&error)))?;
            subscribe(appender, targets);
        }
        Place::File(path) => {
            let file =
                OpenOptions::new().create(true).append(true).open(path).map_err(|error| unwritable(path, &error))?;
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
        Place::Folder(folder) => newest(folder),
    }
}

/// The names end in the day, so the newest is the greatest.
fn newest(folder: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    files
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(PREFIX) && path.extension().is_some_and(|e| e == SUFFIX)
        })
        .max()
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
        0 => "warn,hobnob=info",
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

fn unwritable(path: &Path, error: &dyn std::fmt::Display) -> UserError {
    UserError::new(ErrorKind::Disk, format!("no log is written: can't open {}: {error}", path.display()))
        .hint("choose another file with `--log-file FILE`")
}

#[cfg(test)]
mod tests {
    use std::fs::File;

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
    fn the_newest_file_is_found_by_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["hobnob.2026-01-31.log", "hobnob.2026-02-01.log", "zebra.log", "hobnob.2027-01-01.txt"] {
            File::create(folder.path().join(name)).expect("a file");
        }
        assert_eq!(newest(folder.path()), Some(folder.path().join("hobnob.2026-02-01.log")));
        assert_eq!(newest(&folder.path().join("none")), None);
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
