//! Commands that somebody can take over as they stand.

use std::borrow::Cow;

/// A text as one word of a command line.
#[must_use]
pub fn word(text: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || "/._-:@+=,%".contains(c) || (c == '~' && text.starts_with("~/"));
    if !text.is_empty() && text.chars().all(plain) {
        return text.into();
    }
    // Between quotes a `~` is no home folder.
    match text.strip_prefix("~/") {
        Some(rest) => format!("~/'{}'", rest.replace('\'', "'\\''")).into(),
        None => format!("'{}'", text.replace('\'', "'\\''")).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        for (text, expected) in [
            ("org/repo:Q4_K_M@main", "org/repo:Q4_K_M@main"),
            ("/m/modèl.gguf", "/m/modèl.gguf"),
            ("my model", "'my model'"),
            ("~/my model", "~/'my model'"),
            ("~/model", "~/model"),
            ("it's $HOME", "'it'\\''s $HOME'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), expected);
        }
    }
}
