//! A JSON Schema that the next answer is to have the form of.

use std::path::Path;

use crate::config::expand_tilde;
use crate::domain::conversation::Form;
use crate::engine::form;
use crate::error::UserError;

/// Reads the file at a place as a person writes it: `~` is the home folder.
pub(super) fn read(place: &str) -> Result<Form, UserError> {
    let path = expand_tilde(Path::new(place), std::env::home_dir().as_deref());
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    form::schema_file(&path).map(|constraint| Form { name, constraint })
}
