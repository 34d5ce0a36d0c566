//! Where the answers of a batch go: stdout, or a file that a later run goes on with.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::error::{ErrorKind, UserError, reason};
use crate::headless::output::Stdout;
use crate::headless::prompt::MOST;
use crate::headless::{Quit, write_failed};

/// How every line that we write begins: what else a file holds is not ours to touch.
const BEGINNING: &[u8] = b"{\"id\":";

pub(super) enum Sink {
    Stdout(Stdout),
    File(Answers),
}

impl Sink {
    pub fn stdout() -> Result<Self, Quit> {
        Stdout::open().map(Self::Stdout).map_err(|error| write_failed(&error))
    }

    /// Takes a line. Stdout takes it when its reader does: see [`Self::drain`].
    pub fn push(&mut self, document: &Value) -> Result<(), Quit> {
        let line = format!("{document}\n");
        match self {
            Self::Stdout(stdout) => stdout.push(line.as_bytes()),
            Self::File(answers) => answers.append(line.as_bytes())?,
        }
        Ok(())
    }

    /// Writes what the reader takes now; says whether all is out.
    pub fn drain(&mut self) -> Result<bool, Quit> {
        match self {
            Self::Stdout(stdout) => stdout.drain().map_err(|error| write_failed(&error)),
            Self::File(_) => Ok(true),
        }
    }

    /// Nobody can read what is written from now on.
    pub fn is_abandoned(&self) -> bool {
        matches!(self, Self::Stdout(stdout) if stdout.is_abandoned())
    }

    /// Whether a line was answered before. Each answer counts for one line: lines may share an id.
    pub fn has(&mut self, id: &Value, number: u64) -> bool {
        match self {
            Self::Stdout(_) => false,
            Self::File(answers) => answers.take(id, number),
        }
    }
}

/// No answer is as long.
const LONGEST: u64 = MOST as u64;

/// A file of answers. It is ours alone while we write to it.
pub(super) struct Answers {
    file: File,
    path: PathBuf,
    /// Up to here the file is whole lines.
    whole: u64,
    /// How many answers there are to a line.
    known: HashMap<Key, u32>,
}

/// What a line goes by: its id; where it has none, its number.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    Id(String),
    Number(u64),
}

impl Key {
    fn of(id: &Value, number: u64) -> Self {
        if id.is_null() { Self::Number(number) } else { Self::Id(id.to_string()) }
    }
}

/// What there is to know of an answer that was written before.
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    id: Value,
    line: u64,
    error: Option<IgnoredAny>,
}

impl Answers {
    /// Opens the file, or begins it. Lines that failed are taken out, to be tried again; a last one that was torn is, too.
    ///
    /// # Errors
    /// It can't be written, is written by somebody else, or holds something else than answers: then nothing of it is changed.
    pub fn open(path: &Path, input: Option<&Path>) -> Result<Self, UserError> {
        // What is put in its place later must not be a link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        if input.and_then(|input| input.canonicalize().ok()).is_some_and(|input| input == path) {
            return Err(UserError::new(
                ErrorKind::Usage,
                format!("`{}` can't be the batch and its answers", path.display()),
            )
            .hint("let --resume name another file"));
        }
        // What is no file has no answers to look up: a device has no end, and a pipe waits for its reader.
        if path.metadata().is_ok_and(|about| !about.is_file() && !about.is_dir()) {
            return Err(UserError::new(
                ErrorKind::Usage,
                format!("--resume can't look up answers in `{}`", path.display()),
            )
            .hint("name a file; to send answers elsewhere leave --resume out, and stdout has them"));
        }
        let fail = |error: io::Error| unwritable(&path, &error);
        let opened = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let mut file = opened.map_err(|error| no_place(&path, &error))?;
        lock(&file, &path)?;
        let found = look(&file, &path)?;
        let known = found.known;
        let mut whole = file.seek(SeekFrom::End(0)).map_err(fail)?;
        if found.failed > 0 {
            (file, whole) = without_failures(&file, &path).map_err(fail)?;
        } else if found.whole < whole {
            file.set_len(found.whole).map_err(fail)?;
            whole = found.whole;
        }
        let mut answers = Self { file, path, whole, known };
        if found.unended {
            answers.append(b"\n")?;
        }
        Ok(answers)
    }

    fn take(&mut self, id: &Value, number: u64) -> bool {
        match self.known.get_mut(&Key::of(id, number)) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }

    /// A whole line or nothing.
    fn append(&mut self, line: &[u8]) -> Result<(), UserError> {
        match self.file.write_all(line) {
            Ok(()) => {
                self.whole += line.len() as u64;
                Ok(())
            }
            Err(error) => {
                // If that fails as well, the next run takes the torn line out.
                let _ = self.file.set_len(self.whole);
                Err(unwritable(&self.path, &error))
            }
        }
    }
}

fn lock(file: &File, path: &Path) -> Result<(), UserError> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(UserError::new(
            ErrorKind::Usage,
            format!("another hobnob is writing its answers to `{}`", path.display()),
        )
        .hint("wait until it is done, or choose another file")),
        // A file system that knows no locks is no reason to do nothing.
        Err(TryLockError::Error(_)) | Ok(()) => Ok(()),
    }
}

struct Found {
    known: HashMap<Key, u32>,
    failed: u64,
    /// Up to here the file is answers.
    whole: u64,
    /// The last answer is whole and only its newline is missing.
    unended: bool,
}

/// Reads all answers, and changes nothing.
fn look(file: &File, path: &Path) -> Result<Found, UserError> {
    let mut found = Found { known: HashMap::new(), failed: 0, whole: 0, unended: false };
    let mut from = BufReader::new(file);
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let read = (&mut from).take(LONGEST).read_until(b'\n', &mut line).map_err(|error| unwritable(path, &error))?;
        if read == 0 {
            break;
        }
        let whole = (read as u64) < LONGEST;
        let ended = line.last() == Some(&b'\n');
        match answer(&line).filter(|_| whole) {
            Some(Written { error: Some(_), .. }) => found.failed += 1,
            Some(Written { id, line, error: None }) => {
                *found.known.entry(Key::of(&id, line)).or_default() += 1;
                found.unended = !ended;
            }
            None if whole && !ended && is_torn(&line) => break,
            None => {
                let what = format!("{}:{number}: this is no answer of a batch", path.display());
                return Err(UserError::new(ErrorKind::Usage, what)
                    .hint("--resume names the file that the answers go to; nothing in it was changed"));
            }
        }
        found.whole += read as u64;
    }
    Ok(found)
}

fn answer(line: &[u8]) -> Option<Written> {
    if line.starts_with(BEGINNING) { serde_json::from_slice(line).ok() } else { None }
}

/// The beginning of one of our lines, however short.
fn is_torn(line: &[u8]) -> bool {
    line.starts_with(BEGINNING) || BEGINNING.starts_with(line)
}

/// Writes the answers that are good beside the file and puts that in its place: whatever happens meanwhile, one of the two
/// is there, whole.
fn without_failures(file: &File, path: &Path) -> io::Result<(File, u64)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = (|| {
        let new = OpenOptions::new().read(true).append(true).create_new(true).open(&beside)?;
        // As for the old one: nobody else writes to it.
        let _ = new.try_lock();
        new.set_permissions(file.metadata()?.permissions())?;
        let mut to = BufWriter::new(&new);
        let mut from = BufReader::new(file);
        from.seek(SeekFrom::Start(0))?;
        let mut line = Vec::new();
        let mut length = 0;
        while from.read_until(b'\n', &mut line)? > 0 {
            if answer(&line).is_some_and(|answer| answer.error.is_none()) {
                to.write_all(&line)?;
                length += line.len() as u64;
            }
            line.clear();
        }
        to.flush()?;
        drop(to);
        new.sync_all()?;
        std::fs::rename(&beside, path)?;
        Ok((new, length))
    })();
    if written.is_err() {
        // Nothing is left behind; that it could not be written is what matters.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// Nothing was asked yet.
fn no_place(path: &Path, error: &io::Error) -> UserError {
    let message = format!("--resume can't add answers to `{}`: {}", path.display(), reason(error));
    UserError::new(ErrorKind::of_output(error), message)
        .hint("name a file that you may write, in a folder that is there")
}

fn unwritable(path: &Path, error: &io::Error) -> UserError {
    UserError::new(ErrorKind::Disk, format!("the answers can't be written to `{}`: {}", path.display(), reason(error)))
        .hint("see whether there is room, and whether you may write there; what was answered is kept")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ONE: &str = "{\"id\":1,\"line\":1,\"content\":\"a\"}\n";
    const TWO: &str = "{\"id\":null,\"line\":2,\"content\":\"b\"}\n";
    const BAD: &str = "{\"id\":3,\"line\":3,\"error\":{\"kind\":\"usage\"}}\n";

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    fn opened(text: &str) -> (tempfile::TempDir, Result<Answers, UserError>, String) {
        let folder = folder();
        let path = folder.path().join("out.jsonl");
        std::fs::write(&path, text).expect("writes");
        let answers = Answers::open(&path, None);
        let left = std::fs::read_to_string(&path).expect("it is there");
        (folder, answers, left)
    }

    #[test]
    fn answers_are_known_by_id_else_by_number() {
        let (_folder, answers, left) = opened(&format!("{ONE}{TWO}{ONE}"));
        let mut answers = answers.expect("fine");
        assert_eq!(left, format!("{ONE}{TWO}{ONE}"));
        // Two answers to that id: two lines are done with them, and no third.
        assert_eq!([1, 8, 9].map(|number| answers.take(&json!(1), number)), [true, true, false]);
        assert!(answers.take(&Value::Null, 2) && !answers.take(&Value::Null, 3) && !answers.take(&json!("1"), 1));
    }

    #[test]
    fn what_failed_or_was_torn_is_taken_out() {
        for torn in ["", "{", "{\"id\":7,\"line\":9,\"content\":\"hal"] {
            let (_folder, answers, left) = opened(&format!("{ONE}{BAD}{TWO}{torn}"));
            assert!(!answers.expect("fine").take(&json!(3), 3));
            assert_eq!(left, format!("{ONE}{TWO}"));
            let (_folder, answers, left) = opened(&format!("{ONE}{torn}"));
            assert!(answers.is_ok());
            assert_eq!(left, ONE);
        }
    }

    #[test]
    fn a_last_answer_without_its_newline_is_an_answer() {
        for before in [ONE, BAD] {
            let (_folder, answers, left) = opened(&format!("{before}{}", TWO.trim_end()));
            assert!(answers.expect("fine").take(&Value::Null, 2));
            assert!(left.ends_with(TWO), "{left}");
        }
    }

    #[test]
    fn what_is_something_else_is_not_touched() {
        for text in [
            "notes",
            "{\"prompt\": \"x\"}\n",
            "{\"id\": 1, \"prompt\": \"x\"}\n",
            "{\"id\":1,\"prompt\":\"x\"}\n",
            "\n",
        ] {
            let text = format!("{ONE}{text}");
            let (_folder, answers, left) = opened(&text);
            let error = answers.map(drop).expect_err("not answers");
            assert!(error.message.contains("out.jsonl:2: this is no answer"), "{}", error.message);
            assert_eq!(left, text);
        }
    }

    #[test]
    fn what_is_no_file_is_neither_read_nor_written() {
        let error = Answers::open(Path::new("/dev/full"), None).map(drop).expect_err("a device");
        assert!(error.message.contains("can't look up answers in `/dev/full`"), "{}", error.message);
        assert_eq!(error.kind.exit_code(), 2);
    }

    #[test]
    fn two_do_not_write_at_once() {
        let folder = folder();
        let path = folder.path().join("out.jsonl");
        std::fs::write(&path, BAD).expect("writes");
        let first = Answers::open(&path, None).expect("the first");
        let error = Answers::open(&path, None).map(drop).expect_err("the second");
        assert!(error.message.contains("another hobnob"), "{}", error.message);
        drop(first);
        assert!(Answers::open(&path, None).is_ok());
        assert!(Answers::open(&path, Some(&path)).is_err(), "the batch itself");
    }
}
