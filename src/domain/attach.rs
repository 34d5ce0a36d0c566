//! Files that go along with a message: as named, fenced blocks behind it.

use std::path::Path;

use crate::domain::units::bytes;
use crate::error::{ErrorKind, UserError};

/// A file that a message names, by its path as somebody writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    pub path: String,
    /// It was chosen from what is there. Any other word may name a file, or not.
    pub chosen: bool,
}

/// A file that was named, with what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// As it was written.
    pub path: String,
    pub text: String,
}

/// What came of the files that a message names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// In the order in which they were named.
    pub files: Vec<Attachment>,
    /// Words that look like files and are none: they stay words.
    pub missing: Vec<String>,
}

/// A file as a fenced block under its name. The fence is longer than any run of backticks inside, so that the file can't
/// end it.
#[must_use]
pub fn block(path: &Path, text: &str) -> String {
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

/// What was read, as text.
///
/// # Errors
/// It is not text: names the first byte that is not.
pub fn into_text(bytes: Vec<u8>, name: &str) -> Result<String, UserError> {
    // A NUL is valid UTF-8 and never text: what has one is a binary file that happens to begin well.
    let nul = bytes.iter().position(|byte| *byte == 0);
    let wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    let bad = match String::from_utf8(bytes) {
        Ok(text) if nul.is_none() => return Ok(text),
        Ok(_) => None,
        Err(error) => Some(error.utf8_error().valid_up_to()),
    };
    let (why, hint) = match (bad, nul) {
        (Some(_), _) if wide => ("it is UTF-16".to_owned(), "`iconv -f UTF-16 -t UTF-8` makes UTF-8 of it"),
        (Some(at), nul) if nul.is_none_or(|nul| at < nul) => (
            format!("byte {at} is not UTF-8 text"),
            "if it is text, `iconv -f ENCODING -t UTF-8` makes UTF-8 of it, with an ENCODING like ISO-8859-1",
        ),
        (_, nul) => (
            format!("byte {} is NUL, as in binary files", nul.unwrap_or_default()),
            "give the text that is in it, as `pdftotext` gets it out of a PDF",
        ),
    };
    Err(UserError::new(ErrorKind::Usage, format!("{name} is not text: {why}")).hint(hint))
}

/// A file has more bytes than there can be room for.
#[must_use]
pub fn too_large(name: &str, size: u64, most: u64) -> UserError {
    UserError::new(
        ErrorKind::ContextFull,
        format!(
            "{name} is too large for the context: {}, and there is room for {} at the very most",
            bytes(size),
            bytes(most)
        ),
    )
    .hint("paste a part of it, or raise the context in Settings")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_can_not_end_its_own_fence() {
        let made = block(Path::new("x.md"), "```rust\n````\n`````x");
        assert!(made.starts_with("x.md:\n``````\n"), "{made}");
        assert!(made.ends_with("`````x\n``````"), "{made}");
    }

    #[test]
    fn what_is_not_text_is_refused_by_its_first_bad_byte() {
        for (bytes, says, hint) in [
            (&b"ab\xffcd"[..], "byte 2 is not UTF-8", "iconv -f ENCODING"),
            (b"ab\xff\0", "byte 2 is not UTF-8", "iconv -f ENCODING"),
            (b"\x7fELF\0", "byte 4 is NUL", "the text that is in it"),
            (b"ab\0\xff", "byte 2 is NUL", "the text that is in it"),
            (b"\xff\xfea\0", "it is UTF-16", "iconv -f UTF-16"),
        ] {
            let error = into_text(bytes.to_vec(), "stdin").expect_err("not text");
            assert!(error.message.contains(says), "{}", error.message);
            assert!(error.hint.as_deref().is_some_and(|said| said.contains(hint)), "{error}");
            assert_eq!(error.kind.exit_code(), 2);
        }
    }
}
