//! A JSON Schema that the next answer is to have the form of.

use crate::domain::conversation::Form;
use crate::engine::form;
use crate::error::UserError;
use crate::runtime::files;

/// Reads the file at a place as a person writes it: `~` is the home folder.
pub(super) fn read(place: &str) -> Result<Form, UserError> {
    let path = files::as_written(place);
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    form::schema_file(&path).map(|constraint| Form { name, constraint })
}
