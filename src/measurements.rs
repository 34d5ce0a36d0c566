//! What models have been measured to do: one small file for all of them, in the data folder.
//!
//! A file that can't be understood is never in the way: it is set aside, that is said once, and the next measurement begins
//! a new one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::config::write_whole;
use crate::domain::measured::{Measured, Remembered, record};
use crate::error::{ErrorKind, UserError, reason};

/// Goes up when an older hobnob would misread the file.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    version: u32,
    measured: Vec<Measured>,
}

/// The version alone: what it says about the rest is the point of it.
#[derive(Debug, Deserialize)]
struct Head {
    version: u32,
}

/// What was measured on `machine`, and what is wrong with the file if something is. Blocks while it reads.
#[must_use]
pub fn read(file: &Path, machine: &str) -> (Vec<Remembered>, Option<UserError>) {
    let (mut all, problem) = match load(file) {
        Ok(all) => (all, None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    all.retain(|measured| measured.setup.machine == machine);
    let now = seconds_since_1970();
    let remember = |measured: Measured| {
        // A clock that was set back is no reason for a negative age.
        let age = Duration::from_secs(now.saturating_sub(measured.at));
        Remembered { measured, age }
    };
    (all.into_iter().map(remember).collect(), problem)
}

/// Adds a measurement; an older one of the same setup goes. What was wrong with the file before is told beside it.
///
/// # Errors
/// The file can't be written, or belongs to a newer hobnob.
pub fn add(file: &Path, measured: Measured) -> Result<Option<UserError>, UserError> {
    let failed = |error: io::Error| {
        UserError::new(
            ErrorKind::Disk,
            format!("the measurement can't be kept in {}: {}", file.display(), reason(&error)),
        )
        .hint("make the folder writable, or set HOBNOB_DATA_DIR to another one")
    };
    // Two that measure at once add one after the other. Freed when it is dropped.
    let _lock = lock(file).map_err(failed)?;
    let (mut all, problem) = match load(file) {
        Ok(all) => (all, None),
        Err(problem) if problem.kind == ErrorKind::Config => return Err(problem),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    record(&mut all, measured);
    let contents = Contents { version: VERSION, measured: all };
    let text = serde_json::to_string_pretty(&contents).map_err(|error| failed(error.into()))?;
    write_whole(file, &format!("{text}\n")).map_err(failed)?;
    Ok(problem)
}

/// The clock of the world, for what outlives the process.
#[must_use]
pub fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

fn lock(file: &Path) -> io::Result<File> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let lock = File::create(beside(file, "lock"))?;
    lock.lock()?;
    Ok(lock)
}

fn load(file: &Path) -> Result<Vec<Measured>, UserError> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        // Not UTF-8 is broken like any other nonsense.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(set_aside(file)),
        Err(error) => {
            return Err(UserError::new(
                ErrorKind::Disk,
                format!("the measurements in {} can't be read: {}", file.display(), reason(&error)),
            )
            .hint("make the file readable, or remove it"));
        }
    };
    match serde_json::from_str::<Head>(&text) {
        Ok(Head { version }) if version > VERSION => Err(UserError::new(
            ErrorKind::Config,
            format!("the measurements in {} are of a newer hobnob", file.display()),
        )
        .hint("use that one, or remove the file")),
        _ => serde_json::from_str(&text).map(|contents: Contents| contents.measured).map_err(|_| set_aside(file)),
    }
}

/// Moves a broken file out of the way, and says so.
fn set_aside(file: &Path) -> UserError {
    let aside = beside(file, "broken");
    let error = UserError::new(ErrorKind::Disk, format!("the measurements in {} can't be understood", file.display()));
    match fs::rename(file, &aside) {
        Ok(()) => error.hint(format!("the file is now {}; `hobnob bench` begins a new one", aside.display())),
        Err(problem) => error.hint(format!("remove the file; it can't be renamed: {}", reason(&problem))),
    }
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    file.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measured::Setup;

    fn measured(machine: &str, context: u32, at: u64) -> Measured {
        Measured {
            setup: Setup {
                machine: machine.into(),
                model: "starter".into(),
                quantisation: "Q4_1".into(),
                device: "CPU".into(),
                context,
            },
            at,
            version: "0.1.0".into(),
            load_seconds: Some(0.5),
            peak_memory: Some(1),
            points: Vec::new(),
        }
    }

    #[test]
    fn what_is_added_is_read_back_on_the_same_machine_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("data/measured.json");
        assert_eq!(read(&file, "here"), (Vec::new(), None));
        let now = seconds_since_1970();
        for new in [measured("here", 1, now - 7200), measured("there", 1, now), measured("here", 1, now - 3600)] {
            assert_eq!(add(&file, new).expect("kept"), None);
        }
        let (known, problem) = read(&file, "here");
        assert_eq!((known.len(), problem), (1, None));
        assert_eq!(known[0].measured, measured("here", 1, now - 3600));
        assert!((3600..3700).contains(&known[0].age.as_secs()), "{:?}", known[0].age);
        assert_eq!(read(&file, "there").0.len(), 1);
    }

    #[test]
    fn a_broken_file_is_set_aside_once_and_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("measured.json");
        for broken in [&b"{\"version\":1,\"measured\":[{}]}"[..], b"", b"[1, 2", b"\xff\xfe"] {
            fs::write(&file, broken).expect("written");
            let (known, problem) = read(&file, "here");
            assert_eq!(known, []);
            assert!(problem.expect("said").hint.expect("a hint").contains("measured.json.broken"));
            assert_eq!(fs::read(beside(&file, "broken")).expect("kept"), broken);
            assert_eq!(read(&file, "here"), (Vec::new(), None));
        }
        fs::write(&file, "nonsense").expect("written");
        assert!(add(&file, measured("here", 1, 0)).expect("a new file").is_some());
        assert_eq!(read(&file, "here").0.len(), 1);
    }

    #[test]
    fn a_newer_file_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("measured.json");
        let text = "{\"version\":2,\"figures\":{}}";
        fs::write(&file, text).expect("written");
        assert!(read(&file, "here").1.expect("said").message.contains("newer"));
        assert!(add(&file, measured("here", 1, 0)).is_err());
        assert_eq!(fs::read_to_string(&file).expect("there"), text);
    }

    #[test]
    fn measuring_at_once_loses_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("measured.json");
        std::thread::scope(|scope| {
            for context in 0..8 {
                let file = &file;
                scope.spawn(move || add(file, measured("here", context, 0)).expect("kept"));
            }
        });
        assert_eq!(read(&file, "here").0.len(), 8);
    }
}
