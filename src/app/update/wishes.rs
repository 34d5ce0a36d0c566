//! Reasoning on or off, and the form of the next answer.

use std::time::Instant;

use crate::app::msg::Effect;
use crate::app::wishes::SchemaField;
use crate::app::{App, Dirty, Overlay, ToastKind};
use crate::domain::conversation::Form;
use crate::domain::{GenRequest, Thinking};
use crate::error::UserError;

impl App {
    /// Whether the next answer begins with reasoning; `None` where the model can't, or there is none.
    #[must_use]
    pub fn thinking(&self) -> Option<Thinking> {
        let can = self.model().is_some_and(|model| model.facts.can_think);
        can.then(|| {
            let own = self.chat.own.as_ref().and_then(|own| own.thinking);
            own.unwrap_or(self.settings.chat.thinking)
        })
    }

    pub(super) fn toggle_thinking(&mut self, now: Instant) {
        let wanted = match self.thinking() {
            Some(Thinking::Off) => Some(Thinking::On),
            Some(Thinking::Auto | Thinking::On) => Some(Thinking::Off),
            None => None,
        };
        if wanted.is_some() {
            self.hold_with(|setup| setup.thinking = wanted);
        }
        let text = match (wanted, self.model()) {
            (Some(Thinking::On | Thinking::Auto), _) => {
                "The next answers of this conversation begin with reasoning".to_owned()
            }
            (Some(Thinking::Off), _) => "The next answers of this conversation come without reasoning".to_owned(),
            (None, Some(model)) => format!("{} does not reason", model.name),
            (None, None) => "No model is loaded that could reason".to_owned(),
        };
        self.toast(ToastKind::Note, text, None, now);
    }

    /// Asks for a schema, or takes the one that waits off again.
    pub(super) fn choose_form(&mut self, now: Instant) {
        if let Some(form) = self.chat.wishes.form.take() {
            self.toast(ToastKind::Note, format!("The next answer need not be in the form of {}", form.name), None, now);
        } else {
            self.open(Overlay::Schema(SchemaField::new()));
        }
    }

    /// As if the place had been typed into the field, which shows what is wrong with it.
    pub(super) fn schema_from(&mut self, path: &str) {
        self.open(Overlay::Schema(SchemaField::new()));
        if let Some(Overlay::Schema(mut field)) = self.overlay.take() {
            field.area.insert(path);
            self.read_schema(field);
        }
    }

    /// Has the file looked at; the field stays until it is known to be good.
    pub(super) fn read_schema(&mut self, mut field: SchemaField) {
        let path = field.area.text().trim().to_owned();
        if !path.is_empty() {
            field.reading = true;
            field.error = None;
            self.emit(Effect::ReadSchema(path));
        }
        self.overlay = Some(Overlay::Schema(field));
    }

    /// The file was read. Who has closed the field meanwhile does not want it any more.
    pub(super) fn on_schema(&mut self, read: Result<Form, UserError>) {
        let Some(Overlay::Schema(field)) = &mut self.overlay else { return };
        if !std::mem::take(&mut field.reading) {
            return;
        }
        match read {
            Ok(form) => {
                self.chat.wishes.form = Some(form);
                self.overlay = None;
            }
            Err(error) => field.error = Some(error),
        }
        self.touch(Dirty::Now);
    }

    /// Puts what is wished into the request for the answer that was just begun.
    pub(super) fn wish(&mut self, req: &mut GenRequest) {
        let Some(answer) = self.chat.running.as_ref().map(|running| running.answer) else { return };
        let before = self.chat.conversation.form_of_another_answer(answer).cloned();
        let form = self.chat.wishes.apply(req, before);
        if form.is_some() {
            self.chat.conversation.edit(answer, |message| message.form = form);
        }
    }
}
