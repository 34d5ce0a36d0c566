//! The form that an answer is held to, as somebody gives it: read and checked before a model is loaded.

use std::path::Path;

use crate::config::read_at_most;
use crate::domain::Constraint;
use crate::domain::attach::into_text;
use crate::engine::mistral::objection;
use crate::error::{ErrorKind, UserError, reason};

/// More than any schema that a model could follow.
const MOST_BYTES: u64 = 1_000_000;

/// The JSON Schema in a file.
///
/// # Errors
/// Names the file, and what in it no answer can be held to.
pub fn schema_file(path: &Path) -> Result<Constraint, UserError> {
    let name = path.display();
    let read = read_at_most(path, MOST_BYTES).map_err(|error| {
        UserError::new(ErrorKind::Usage, format!("the schema `{name}` could not be read: {}", reason(&error)))
            .hint("check the name and that you may read it")
    })?;
    schema(&into_text(read, &format!("the schema `{name}`"))?, &format!("`{name}`"))
}

/// A JSON Schema as text; `name` is what messages call it.
///
/// # Errors
/// Says what in it no answer can be held to.
pub fn schema(text: &str, name: &str) -> Result<Constraint, UserError> {
    let schema = Constraint::Schema(text.to_owned());
    match objection(&schema) {
        None => Ok(schema),
        Some(why) => Err(UserError::new(ErrorKind::Usage, format!("{name} can't be used as a schema: {why}"))
            .hint("a JSON Schema says what the answer looks like, as in {\"type\": \"object\", \"properties\": …}")),
    }
}

/// A regular expression that the whole answer has to match.
///
/// # Errors
/// Says what is wrong with it.
pub fn regex(text: &str) -> Result<Constraint, UserError> {
    let regex = Constraint::Regex(text.to_owned());
    match objection(&regex) {
        None => Ok(regex),
        Some(why) => Err(UserError::new(
            ErrorKind::Usage,
            format!("no answer can be held to the regular expression `{text}`: {why}"),
        )
        .hint(
            "it is written as for Rust's `regex`, matches the whole answer, and knows no look-around and no references",
        )),
    }
}
