//! A TOML file with its name, so that everything that is wrong in it can be said with file and line.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::{Document, Item, Key};

use crate::domain::units::bytes;
use crate::error::{ErrorKind, UserError, reason};

/// More than anybody writes by hand.
const MOST: u64 = 16_000_000;

/// What is in a file that somebody named. One that has more than `most`, or no end like a device, is not read into memory.
///
/// # Errors
/// As the file system says, or that there is more.
pub fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut read)?;
    if read.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {}", bytes(most))));
    }
    Ok(read)
}

/// A TOML file's text and where it is from.
pub(super) struct Source {
    /// What messages call it.
    pub name: String,
    pub text: String,
}

impl Source {
    /// Reads a file; `Ok(None)` where there is none.
    pub fn read(path: &Path) -> Result<Option<Self>, UserError> {
        let name = path.display().to_string();
        match read_at_most(path, MOST) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Some(Self { name, text })),
                Err(error) => {
                    let good = error.utf8_error().valid_up_to();
                    let line = line_of(error.as_bytes(), good);
                    Err(UserError::new(ErrorKind::Config, format!("{name}:{line}: this is not UTF-8 text"))
                        .hint("save the file as UTF-8"))
                }
            },
            // Below something that is no folder there is no file either.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(UserError::new(ErrorKind::Config, format!("can't read {name}: {}", reason(&error)))
                .hint("make the file readable, or choose another")),
        }
    }

    pub fn parse(&self) -> Result<Document<&str>, UserError> {
        Document::parse(self.text.as_str()).map_err(|error| {
            let what = error.message().lines().next().unwrap_or("this is not TOML").to_owned();
            self.problem(error.span().as_ref(), &what).hint("mend this line; until then nothing in the file counts")
        })
    }

    /// The number of the line that a byte is in, from 1.
    pub fn line(&self, offset: usize) -> usize {
        line_of(self.text.as_bytes(), offset)
    }

    pub fn problem(&self, span: Option<&Range<usize>>, what: &str) -> UserError {
        let message = match span {
            Some(span) => format!("{}:{}: {what}", self.name, self.line(span.start)),
            None => format!("{}: {what}", self.name),
        };
        UserError::new(ErrorKind::Config, message)
    }
}

/// Where an entry stands: at its key, else at its value.
pub(super) fn span_of(key: Option<&Key>, item: &Item) -> Option<Range<usize>> {
    key.and_then(Key::span).or_else(|| item.span())
}

fn line_of(bytes: &[u8], offset: usize) -> usize {
    bytes.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

/// `~` and `~/…` with the home folder in place of the tilde.
#[must_use]
pub fn expand_tilde(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) if rest.as_os_str().is_empty() => home.to_path_buf(),
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_path_buf(),
    }
}
