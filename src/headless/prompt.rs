//! What is asked: the arguments, the files and stdin, put together.

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use crate::domain::attach::{block, into_text};
use crate::error::{ErrorKind, UserError, reason};
use crate::headless::Quit;
use crate::headless::interrupt::Watch;

/// More than any model can take. It keeps an endless stream from filling the memory.
pub(super) const MOST: usize = 256 << 20;

/// Where the parts of a prompt come from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    pub words: Vec<String>,
    pub files: Vec<PathBuf>,
}

/// Reads all there is; waits until stdin ends.
pub(super) async fn read(sources: &Sources, watch: &mut Watch) -> Result<String, Quit> {
    let named = match sources.files.as_slice() {
        [file] => format!("`{}`", file.display()),
        _ => "the files of --file".to_owned(),
    };
    // Files first: a mistyped name should not wait for a slow stdin.
    let of_files = sources.clone();
    let held = (&*named, "what writes to it has to close it");
    let fixed = watch.guard_reading(held, move || Fixed::read(&of_files)).await?;
    if io::stdin().is_terminal() {
        return Ok(fixed.with(""));
    }
    let held = ("stdin", "what writes to it has to close it; `< /dev/null` says that nothing comes");
    Ok(fixed.with(&watch.guard_reading(held, read_stdin).await?))
}

/// Nobody means to ask nothing.
pub(super) fn refuse_empty(prompt: &str) -> Result<(), UserError> {
    if !prompt.trim().is_empty() {
        return Ok(());
    }
    Err(UserError::new(ErrorKind::Usage, "there is no prompt")
        .hint("write it behind the command, as in `hobnob run \"Why is the sky blue?\"`, or send it through a pipe"))
}

/// The parts of a prompt that stand on the command line: the same for every line of a batch.
pub(super) struct Fixed {
    words: Vec<String>,
    files: Vec<(PathBuf, String)>,
}

impl Fixed {
    pub fn read(sources: &Sources) -> Result<Self, UserError> {
        let files = sources.files.iter().map(|path| Ok((path.clone(), read_text(path)?))).collect::<Result<_, _>>()?;
        Ok(Self { words: sources.words.clone(), files })
    }

    /// The prompt with what comes besides.
    pub fn with(&self, piped: &str) -> String {
        let mut parts = vec![self.words.join(" ")];
        parts.push(piped.trim_end_matches(['\n', '\r']).to_owned());
        parts.extend(self.files.iter().map(|(path, text)| block(path, text)));
        parts.retain(|part| !part.is_empty());
        parts.join("\n\n")
    }

    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.files.is_empty()
    }
}

/// Text as it is given: itself, or `@FILE`.
///
/// # Errors
/// The file can't be read, or is not text.
pub fn text_or_file(text: &str) -> Result<String, UserError> {
    match text.strip_prefix('@') {
        Some(path) => read_text(Path::new(path)).map(|text| text.trim_end().to_owned()),
        None => Ok(text.to_owned()),
    }
}

fn read_stdin() -> Result<String, UserError> {
    let mut bytes = Vec::new();
    match io::stdin().lock().take(MOST as u64 + 1).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() > MOST => Err(too_long("stdin")),
        Ok(_) => into_text(bytes, "stdin"),
        Err(error) => Err(unreadable("stdin", &error)),
    }
}

fn read_text(path: &Path) -> Result<String, UserError> {
    let name = format!("`{}`", path.display());
    let fail = |error: io::Error| unreadable(&name, &error);
    let mut bytes = Vec::new();
    fs::File::open(path).and_then(|file| file.take(MOST as u64 + 1).read_to_end(&mut bytes)).map_err(fail)?;
    if bytes.len() > MOST { Err(too_long(&name)) } else { into_text(bytes, &name) }
}

fn too_long(name: &str) -> UserError {
    UserError::new(
        ErrorKind::ContextFull,
        format!("{name} is longer than {} MB, more than any model reads", MOST >> 20),
    )
    .hint("send a part of it")
}

fn unreadable(name: &str, error: &io::Error) -> UserError {
    UserError::new(ErrorKind::Usage, format!("{name} could not be read: {}", reason(error)))
        .hint("check the name and that you may read it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn the_parts_stand_apart_by_one_blank_line() {
        let compose = |words: &[String], piped: &str, files| Fixed { words: words.to_vec(), files }.with(piped);
        let file = || vec![(PathBuf::from("a.rs"), "fn a() {}\n".to_owned())];
        let cases = [
            (compose(&words("why is"), "", vec![]), "why is"),
            (compose(&[], "all of\nstdin\n", vec![]), "all of\nstdin"),
            (compose(&words("sum up"), "x\n\n", vec![]), "sum up\n\nx"),
            (compose(&words("read"), "", file()), "read\n\na.rs:\n```\nfn a() {}\n```"),
            (compose(&words("read"), "in", file()), "read\n\nin\n\na.rs:\n```\nfn a() {}\n```"),
            (compose(&[], "\n", vec![]), ""),
        ];
        for (made, expected) in cases {
            assert_eq!(made, expected);
        }
    }
}
