//! Taking something of the conversation away: to the clipboard, into a file.

use std::time::Instant;

use crate::app::completion::{is_number, numbered};
use crate::app::msg::{Copied, Effect};
use crate::app::picker::{Picker, Row, Target};
use crate::app::transcript::markdown::code_of;
use crate::app::transcript::{Anchor, taking};
use crate::app::{App, Overlay, ToastKind};
use crate::domain::Role;
use crate::domain::conversation::Message;
use crate::domain::units::many;
use crate::error::UserError;
use crate::text::markdown::CodeBlock;
use crate::text::sanitize;

impl App {
    /// The message that is pointed at, or at the top of the screen if somebody has scrolled there, else the last answer.
    fn looked_at(&self) -> Option<&Message> {
        let conversation = &self.chat.conversation;
        match (self.chat.transcript.cursor(), self.chat.transcript.anchor()) {
            (Some(cursor), _) => conversation.get(cursor.at.message),
            (None, Anchor::At { place, .. }) => conversation.at(place),
            (None, Anchor::Follow) => conversation.branch().rfind(|message| message.role == Role::Assistant),
        }
        .filter(|message| !message.content.trim().is_empty())
    }

    pub(super) fn copy_message(&mut self, now: Instant) {
        match self.looked_at() {
            Some(message) => {
                let text = message.content.trim_end().to_owned();
                let what = taking::name(message).to_owned();
                self.copy(&text, what);
            }
            None => self.toast(ToastKind::Note, "There is no answer to copy", None, now),
        }
    }

    /// All of it, as it would be written in Markdown.
    pub(super) fn copy_all(&mut self, now: Instant) {
        let text = taking::written(self.chat.conversation.branch());
        if text.is_empty() {
            self.toast(ToastKind::Note, "There is no conversation to copy", None, now);
        } else {
            self.copy(&text, "the conversation".to_owned());
        }
    }

    /// The code of the message that is looked at, else of the newest one that has some.
    fn code(&self) -> Vec<CodeBlock> {
        let here = self.looked_at().map(code_of).unwrap_or_default();
        if !here.is_empty() {
            return here;
        }
        let mut blocks = self.chat.conversation.branch().rev().map(code_of);
        blocks.find(|all| !all.is_empty()).unwrap_or_default()
    }

    /// Copies the only block of code, or lets the person choose. `number` counts from 1.
    pub(super) fn copy_code(&mut self, number: &str, now: Instant) {
        let target = |block: CodeBlock| Target::Copy { what: name(&block), text: block.code };
        self.with_code("Copy which code?", number, &target, now);
    }

    /// As `copy_code`, into a file; the number may stand before its path. False where there is no path.
    pub(super) fn save_code(&mut self, argument: &str, now: Instant) -> bool {
        let (number, path) = numbered(argument).unwrap_or(("", argument));
        if is_number(path) {
            let hint = format!("`/save-code {path} FILE` does it; a file of that name is ./{path}");
            self.toast(ToastKind::Note, "Where to?", Some(hint), now);
            return false;
        }
        let target = |block: CodeBlock| Target::WriteFile { path: path.to_owned(), text: block.code };
        self.with_code("Save which code?", number, &target, now);
        true
    }

    fn with_code(&mut self, title: &'static str, number: &str, target: &dyn Fn(CodeBlock) -> Target, now: Instant) {
        let mut blocks = self.code();
        let count = blocks.len();
        if count == 0 {
            return self.toast(ToastKind::Note, "There is no code in this conversation", None, now);
        }
        if count == 1 && number.is_empty() {
            return self.go(target(blocks.remove(0)), now);
        }
        match number.parse::<usize>() {
            Ok(number) if (1..=count).contains(&number) => self.go(target(blocks.remove(number - 1)), now),
            _ if !number.is_empty() => {
                let hint = format!("there are {count}, numbered from the top of the answer");
                self.toast(ToastKind::Warning, format!("There is no code number {number}"), Some(hint), now);
            }
            _ => {
                let rows = blocks.into_iter().enumerate().map(|(index, block)| Row {
                    kind: "",
                    label: format!("{}  {}", index + 1, block.code.lines().next().unwrap_or_default().trim()),
                    detail: name(&block),
                    target: target(block),
                });
                self.open(Overlay::Palette(Picker::new(title, rows.collect())));
            }
        }
    }

    /// What a model wrote can hold what a shell would obey when it is pasted: that stays here.
    pub(super) fn copy(&mut self, text: &str, what: String) {
        self.emit(Effect::Copy { text: sanitize(text).into_owned(), what });
    }

    pub(super) fn on_copied(&mut self, result: Result<Copied, UserError>, now: Instant) {
        match result {
            Ok(Copied { what, doubt }) => self.toast(ToastKind::Note, format!("Copied {what}"), doubt, now),
            Err(error) => self.toast_error(&error, now),
        }
    }

    pub(super) fn on_written(&mut self, result: Result<String, UserError>, now: Instant) {
        match result {
            Ok(path) => self.toast(ToastKind::Note, format!("Written to {path}"), None, now),
            Err(error) => self.toast_error(&error, now),
        }
    }
}

fn name(block: &CodeBlock) -> String {
    let lines = many(block.code.lines().count(), "line");
    if block.language.is_empty() { lines } else { format!("{lines} of {}", block.language) }
}
