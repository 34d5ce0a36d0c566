//! From what a line asks to what the engine gets: with what all lines have in common.

use super::line::{Job, Turns};
use crate::config::{Loaded, Origin, Settings, spec};
use crate::domain::{ChatMessage, Constraint, GenRequest, Role};
use crate::error::{ErrorKind, UserError};
use crate::headless::form::Form;
use crate::headless::prompt::{self, Fixed};
use crate::headless::run::Ask;
use crate::headless::template::Chosen;

/// What a line becomes for the engine.
pub(super) struct Question {
    pub request: GenRequest,
    pub form: Option<Form>,
}

/// What is the same for all lines.
pub(super) struct Common<'a> {
    pub ask: &'a Ask,
    pub loaded: &'a Loaded,
    pub chosen: Option<&'a Chosen>,
    /// The form of `ask`, for lines without one of their own.
    pub constraint: Option<Constraint>,
    /// What stands before each prompt.
    pub fixed: Fixed,
}

impl Common<'_> {
    /// # Errors
    /// What is wrong with the line, by its number.
    pub fn question(&self, job: Job, number: u64) -> Result<Question, UserError> {
        let Job { turns, system, vars, settings: own, stop, form } = job;
        let loaded = self.loaded;
        let mut settings: Settings = loaded.settings.clone();
        for (key, value) in own {
            if let Some(spec) = spec(key) {
                (spec.set)(&mut settings, value)
                    .map_err(|why| UserError::new(ErrorKind::Usage, format!("`{key}` {why}")))?;
            }
        }
        let of_line =
            |what: &str, hint: &str| Err(UserError::new(ErrorKind::Usage, format!("line {number}: {what}")).hint(hint));
        let messages = match (turns, self.chosen) {
            (Turns::Messages(_), Some(_)) => {
                return of_line("`messages` leave no place for the template's prompt", "give a `prompt`");
            }
            (Turns::Messages(_), None) if !self.fixed.is_empty() => {
                return of_line("`messages` leave no place for the prompt of the command line", "give a `prompt`");
            }
            (Turns::Messages(messages), None) => with_system(messages, system.unwrap_or(settings.chat.system_prompt)),
            (Turns::Prompt(_), None) if !vars.is_empty() => {
                return of_line("`vars` have no template to go into", "name one with --template");
            }
            (Turns::Prompt(text), chosen) => {
                let input = self.fixed.with(&text);
                let (its, prompt) = match chosen {
                    None => (None, input),
                    Some(chosen) => {
                        chosen.refuse_no_input(&input)?;
                        chosen.fill(&vars, &input)?
                    }
                };
                prompt::refuse_empty(&prompt)?;
                let by_hand = matches!(loaded.origins.get("chat.system_prompt"), Origin::Flag(_));
                let its = its.filter(|_| !by_hand);
                let system = system.or(its).unwrap_or(settings.chat.system_prompt);
                with_system(vec![ChatMessage { role: Role::User, content: prompt }], system)
            }
        };
        let constraint = match &form {
            Some(form) => Some(form.constraint()?),
            None => self.constraint.clone(),
        };
        let request = GenRequest {
            messages,
            sampling: settings.sampling,
            max_tokens: settings.chat.max_tokens,
            stop: stop.unwrap_or_else(|| self.ask.stop.clone()),
            thinking: settings.chat.thinking,
            begun: None,
            constraint,
        };
        Ok(Question { request, form: form.or_else(|| self.ask.form.clone()) })
    }
}

/// The messages behind a system prompt, unless they bring their own or there is none.
fn with_system(messages: Vec<ChatMessage>, system: String) -> Vec<ChatMessage> {
    let has_own = messages.first().is_some_and(|message| message.role == Role::System);
    let system = (!has_own && !system.is_empty()).then_some(ChatMessage { role: Role::System, content: system });
    system.into_iter().chain(messages).collect()
}
