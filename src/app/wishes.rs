//! What is wished of the next answer beside the settings: its form.

use crate::app::text_area::TextArea;
use crate::domain::GenRequest;
use crate::domain::conversation::Form;
use crate::error::UserError;

/// What holds for this conversation; another one begins without.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Wishes {
    /// Of the next answer, and of no other after it.
    pub form: Option<Form>,
}

impl Wishes {
    /// Puts what is wished into a request. Gives the form that the answer is held to: the one that waited for it, else
    /// `before`, the form of an answer that this one takes the place of.
    pub fn apply(&mut self, req: &mut GenRequest, before: Option<Form>) -> Option<Form> {
        let form = self.form.take().or(before);
        req.constraint = form.as_ref().map(|form| form.constraint.clone());
        form
    }
}

/// The place of a schema that is being typed.
#[derive(Debug)]
pub struct SchemaField {
    pub area: TextArea,
    /// Being read; keys wait.
    pub reading: bool,
    /// Why what was typed last can't be used.
    pub error: Option<UserError>,
}

impl SchemaField {
    #[must_use]
    pub fn new() -> Self {
        Self { area: TextArea::one_line(""), reading: false, error: None }
    }
}

impl Default for SchemaField {
    fn default() -> Self {
        Self::new()
    }
}
