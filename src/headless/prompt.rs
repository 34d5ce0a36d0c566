//! What is asked: the arguments, the files and stdin, put together.

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use crate::error::{ErrorKind, UserError, reason};

/// More than any model can take. It keeps an endless stream from filling the memory.
pub(super) const MOST: usize = 256 << 20;

/// Where the parts of a prompt come from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    pub words: Vec<String>,
    pub files: Vec<PathBuf>,
}

/// Reads all there is; blocks until stdin ends.
pub(super) fn read(sources: &Sources) -> Result<String, UserError> {
    // Files first: a mistyped name should not wait for a slow stdin.
    let fixed = Fixed::read(sources)?;
    let piped = if io::stdin().is_terminal() { String::new() } else { read_stdin()? };
    Ok(fixed.with(&piped))
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

/// A file as a fenced block under its name. The fence is longer than any run of backticks inside, so that the file can't
/// end it.
fn block(path: &Path, text: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for byte in text.bytes() {
        run = if byte == b'`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat((longest + 1).max(3));
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{}:\n{fence}\n{text}{end}{fence}", path.display())
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

fn into_text(bytes: Vec<u8>, name: &str) -> Result<String, UserError> {
    // A NUL is valid UTF-8 and never text: what has one is a binary file that happens to begin well.
    let nul = bytes.iter().position(|byte| *byte == 0);
    let offset = match String::from_utf8(bytes) {
        Ok(text) => match nul {
            None => return Ok(text),
            Some(at) => at,
        },
        Err(error) => {
            let bad = error.utf8_error().valid_up_to();
            nul.map_or(bad, |at| at.min(bad))
        }
    };
    Err(UserError::new(ErrorKind::Usage, format!("{name} is not text: byte {offset} is not UTF-8 text"))
        .hint("give it as UTF-8, for example through `iconv -t UTF-8`"))
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

    #[test]
    fn a_file_can_not_end_its_own_fence() {
        let made = block(Path::new("x.md"), "```rust\n````\n`````x");
        assert!(made.starts_with("x.md:\n``````\n"), "{made}");
        assert!(made.ends_with("`````x\n``````"), "{made}");
    }

    #[test]
    fn what_is_not_text_is_refused_by_its_first_bad_byte() {
        for (bytes, at) in [(&b"ab\xffcd"[..], 2), (b"\x7fELF\0", 4), (b"ab\0\xff", 2)] {
            let error = into_text(bytes.to_vec(), "stdin").expect_err("not text");
            assert!(error.message.contains(&format!("byte {at} ")), "{}", error.message);
            assert_eq!(error.kind.exit_code(), 2);
        }
    }
}
