//! Addresses of the Hub's pages, as they are copied from a browser.

use crate::domain::model::{Choice, ModelRef, RepoId, bad, is_safe_file, is_safe_revision};
use crate::error::UserError;

/// Reads what follows `https://`: `HOST/org/repo`, `…/blob/REV/FILE`, `…/resolve/REV/FILE`, `…/tree/REV`; of a folder in a
/// repository it is the repository. `text` is all of it, for the error.
pub(super) fn read(text: &str, rest: &str) -> Result<ModelRef, UserError> {
    let path = rest.split_once('/').map_or("", |(_host, path)| path);
    let path = path.split(['?', '#']).next().unwrap_or("").trim_end_matches('/');
    // What stands between two slashes may have slashes itself, as the names of branches do.
    let parts: Vec<String> = path.split('/').map(decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (owner, name, choice, revision) = match parts.as_slice() {
        [owner, name] => return ModelRef::parse_repo(&format!("{owner}/{name}")),
        [owner, name, "tree", revision, ..] => (owner, name, Choice::Any, revision),
        [owner, name, "blob" | "resolve" | "raw", revision, file @ ..] if !file.is_empty() => {
            (owner, name, Choice::File(file.join("/")), revision)
        }
        _ => return Err(bad(text, "the address is not a model's page")),
    };
    let repo =
        RepoId::parse(&format!("{owner}/{name}")).ok_or_else(|| bad(text, "the repository's name is not one"))?;
    if matches!(&choice, Choice::File(file) if !is_safe_file(file)) {
        return Err(bad(text, "the file's path is not one inside the repository"));
    }
    if !is_safe_revision(revision) {
        return Err(bad(text, "the revision is not a branch, tag or commit"));
    }
    Ok(ModelRef::Hub { repo, choice, revision: Some((*revision).to_owned()) })
}

/// With the characters that `%20` and the like stand for; as it is where they make no text.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| part.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an address means, as `REPOSITORY | FILE | REVISION`.
    fn meant(address: &str) -> Option<String> {
        let ModelRef::Hub { repo, choice, revision } = ModelRef::parse(address).ok()? else { return None };
        let choice = match choice {
            Choice::Any => String::new(),
            Choice::Quant(quant) => format!(":{quant}"),
            Choice::File(file) => file,
        };
        Some(format!("{repo} | {choice} | {}", revision.unwrap_or_default()))
    }

    #[test]
    fn pages_are_read_as_they_are_copied() {
        for (address, expected) in [
            ("https://huggingface.co/org/repo?x=1", "org/repo |  | "),
            ("hf.co/org/repo:Q4_K_M", "org/repo | :Q4_K_M | "),
            ("https://huggingface.co/org/repo/tree/main/Q4_K_M", "org/repo |  | main"),
            ("https://huggingface.co/org/repo/tree/refs%2Fpr%2F3/", "org/repo |  | refs/pr/3"),
            ("https://huggingface.co/org/repo/blob/refs%2Fpr%2F3/m.gguf", "org/repo | m.gguf | refs/pr/3"),
            ("https://huggingface.co/org/repo/blob/main/a/My%20Model.gguf", "org/repo | a/My Model.gguf | main"),
            ("hf.co/org/repo/resolve/v1/m%40%C3%A9.gguf?download=true", "org/repo | m@\u{e9}.gguf | v1"),
            ("hf.co/org/repo/blob/main/100%.gguf", "org/repo | 100%.gguf | main"),
            ("hf.co/org/repo/blob/main/%ff%4", "org/repo | %ff%4 | main"),
        ] {
            assert_eq!(meant(address).as_deref(), Some(expected), "{address}");
        }
        for address in [
            "https://huggingface.co/org",
            "https://huggingface.co/org/repo/discussions/1",
            "https://huggingface.co/org/repo/blob/main",
            "https://huggingface.co/org/repo/blob/main/..%2F..%2Fm.gguf",
            "https://huggingface.co/org/repo/tree/%2E%2E",
            "https://huggingface.co/o%2F/repo/tree/main",
        ] {
            assert_eq!(meant(address), None, "{address}");
        }
    }
}
