//! Files that somebody names while writing: what is in a folder, and what is in them.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::app::completion::InFolder;
use crate::config::expand_tilde;
use crate::domain::attach::{Attachment, Found, Mention, into_text, too_large};
use crate::error::{ErrorKind, UserError, reason};
use crate::text::sanitize;

/// More than anybody chooses from; what is not among them can be written out.
const MOST_ENTRIES: usize = 10_000;

/// What is in a folder, as a person writes it; folders first, in the order of their names. Nothing where it can't be read.
pub(super) fn list(folder: &str) -> Vec<InFolder> {
    let place = if folder.is_empty() { PathBuf::from(".") } else { as_written(folder) };
    let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
    let entry = |entry: fs::DirEntry| {
        // A name that can't be typed, or that is not what it looks like, is not offered.
        let name = entry.file_name().into_string().ok()?;
        let shown = !name.contains(['\n', '"']) && sanitize(&name) == name;
        // Through links: a link to a folder leads into it.
        let kind = fs::metadata(entry.path()).ok()?;
        (shown && (kind.is_file() || kind.is_dir())).then(|| InFolder { is_file: kind.is_file(), name })
    };
    let mut all: Vec<InFolder> = entries.take(MOST_ENTRIES).filter_map(|found| entry(found.ok()?)).collect();
    all.sort_by_cached_key(|entry| (entry.is_file, entry.name.to_lowercase()));
    all
}

/// What is in the files that are named. A word that was not chosen and names none is just a word.
pub(super) fn read(named: &[Mention], most: u64) -> Result<Found, UserError> {
    let Found { mut files, mut missing } = Found::default();
    let mut left = most;
    for mention in named {
        let Some(path) = file(mention) else {
            missing.extend(looks_like_file(&mention.path).map(str::to_owned));
            continue;
        };
        if files.iter().any(|file| file.path == path) {
            continue;
        }
        let text = read_one(&path, most, left)?;
        left = left.saturating_sub(text.len() as u64);
        files.push(Attachment { path, text });
    }
    Ok(Found { files, missing })
}

/// The path that is meant. `None` where it is no file.
fn file(mention: &Mention) -> Option<String> {
    if mention.chosen {
        return Some(mention.path.clone());
    }
    let as_said = [mention.path.as_str(), bare(&mention.path)];
    as_said.into_iter().find(|path| as_written(path).is_file()).map(str::to_owned)
}

/// A word at the end of a sentence has its full stop behind it.
fn bare(word: &str) -> &str {
    word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}', '\'', '"'])
}

/// A word that nobody writes who means no file: it has a folder, or an ending. Names of people have neither.
fn looks_like_file(word: &str) -> Option<&str> {
    let word = bare(word);
    let is_ending = |ending: &str| (1..=5).contains(&ending.len()) && ending.chars().all(char::is_alphanumeric);
    let has_ending = word.rsplit_once('.').is_some_and(|(stem, ending)| !stem.is_empty() && is_ending(ending));
    (word.contains('/') || has_ending).then_some(word)
}

fn read_one(path: &str, most: u64, left: u64) -> Result<String, UserError> {
    let name = format!("`{path}`");
    let failed = |error: io::Error| {
        UserError::new(ErrorKind::Usage, format!("{name} could not be read: {}", reason(&error)))
            .hint("nothing was sent: check the name, or take it out of the message")
    };
    let file = File::open(as_written(path)).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    if about.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    if about.len() > left {
        return Err(too_large(&name, about.len(), most));
    }
    let mut bytes = Vec::new();
    // It may grow meanwhile, or have no size to tell.
    file.take(left + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > left {
        return Err(too_large(&name, bytes.len() as u64, most));
    }
    into_text(bytes, &name)
}

/// A place as a person writes it: `~` is the home folder.
pub(super) fn as_written(path: &str) -> PathBuf {
    expand_tilde(Path::new(path), std::env::home_dir().as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, impl Fn(&str) -> String) {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().to_owned();
        fs::create_dir(root.join("Zoo")).expect("a folder");
        for (name, bytes) in
            [("b.txt", &b"text\n"[..]), ("A b.txt", b"more"), (".hidden", b""), ("x.bin", b"\x7fELF\0")]
        {
            fs::write(root.join(name), bytes).expect("a file");
        }
        (folder, move |name: &str| root.join(name).display().to_string())
    }

    fn mention(path: String, chosen: bool) -> Mention {
        Mention { path, chosen }
    }

    #[test]
    fn folders_come_first_and_odd_names_not_at_all() {
        let (_folder, path) = folder();
        fs::write(path("evil\u{202e}txt"), "").expect("a file");
        std::os::unix::fs::symlink(path("Zoo"), path("link")).expect("a link");
        std::os::unix::fs::symlink(path("nowhere"), path("broken")).expect("a link");
        let names: Vec<String> = list(&path("")).into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["link", "Zoo", ".hidden", "A b.txt", "b.txt", "x.bin"]);
        assert_eq!(list(&path("no such folder")), []);
    }

    #[test]
    fn what_is_named_is_read_once_and_other_words_are_words() {
        let (_folder, path) = folder();
        let read =
            |named: &[Mention]| read(named, 100).map(|f| f.files.into_iter().map(|f| f.text).collect::<Vec<_>>());
        let named = [
            mention(path("b.txt."), false),
            mention(path("b.txt"), true),
            mention("nobody".into(), false),
            mention(path("Zoo"), false),
            mention(path("A b.txt"), true),
        ];
        assert_eq!(read(&named), Ok(vec!["text\n".into(), "more".into()]));
    }

    #[test]
    fn words_that_look_like_files_and_are_none_are_told() {
        let (_folder, path) = folder();
        let words = ["gone.txt", "gone.txt.", "nobody", "nobody.", "a.b@example", "src/", "v1.2.3)"];
        let mentions = words.map(|word| mention(word.into(), false));
        assert_eq!(read(&mentions, 100).expect("reads").missing, ["gone.txt", "gone.txt", "src/", "v1.2.3"]);
        let found = read(&[mention(path("Zoo"), false), mention(path("b.txt"), false)], 100).expect("reads");
        assert_eq!((found.files.len(), found.missing), (1, vec![path("Zoo")]));
    }

    #[test]
    fn what_can_not_go_along_is_named_with_the_reason() {
        let (_folder, path) = folder();
        let error = |name: &str, chosen, most| read(&[mention(path(name), chosen)], most).expect_err("it can't");
        assert!(error("gone.txt", true, 100).message.contains("gone.txt` could not be read"));
        assert!(error("Zoo", true, 100).message.contains("Zoo` could not be read"));
        assert!(error("x.bin", false, 100).message.contains("is not text"));
        let large = error("b.txt", true, 3);
        assert!(large.message.contains("too large for the context: 5 B") && large.hint.is_some(), "{large}");
    }

    #[test]
    fn all_of_them_together_have_to_fit() {
        let (_folder, path) = folder();
        let named = [mention(path("b.txt"), true), mention(path("A b.txt"), true)];
        assert!(read(&named, 9).is_ok());
        assert!(read(&named, 8).expect_err("nine bytes").message.contains("A b.txt"));
    }
}
