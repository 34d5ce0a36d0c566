//! The composer: the message that is being written, the prompts before it, and slash commands.

use crate::app::text_area::TextArea;
use crate::domain::action::{Action, Context};
use crate::domain::conversation::Message;

#[derive(Debug, Default)]
pub struct Composer {
    pub area: TextArea,
    /// What was sent in this conversation, oldest first.
    sent: Vec<String>,
    /// Which of them is shown, and what was being written before.
    recalled: Option<(usize, String)>,
    /// The chosen one of the suggested commands.
    pub suggestion: usize,
}

impl Composer {
    /// Takes the text out and remembers it as sent. `None` where there is nothing but white space.
    pub fn take(&mut self) -> Option<String> {
        if self.area.text().trim().is_empty() {
            return None;
        }
        let text = self.area.take();
        let text = text.trim_matches('\n').trim_end().to_owned();
        if self.sent.last() != Some(&text) {
            self.sent.push(text.clone());
        }
        self.recalled = None;
        Some(text)
    }

    /// Another conversation: what is written in it, and what was said.
    pub fn begin_with<'a>(&mut self, draft: &str, said: impl Iterator<Item = &'a Message>) {
        self.area.set(draft);
        self.sent = said.map(|message| message.content.clone()).collect();
        self.touched();
    }

    /// A message that was not sent after all goes above what is being written.
    pub fn put_back(&mut self, text: String) {
        let text = if self.area.is_empty() { text } else { format!("{text}\n{}", self.area.text()) };
        self.area.set(&text);
        self.touched();
    }

    /// Something was typed: the recalled prompt is a new text now.
    pub fn touched(&mut self) {
        self.recalled = None;
        self.suggestion = 0;
    }

    /// The prompt before the one that is shown. False where there is none.
    pub fn recall_older(&mut self) -> bool {
        let (at, draft) = match self.recalled.take() {
            Some((0, draft)) => {
                self.recalled = Some((0, draft));
                return false;
            }
            Some((at, draft)) => (at - 1, draft),
            None if self.sent.is_empty() => return false,
            None => (self.sent.len() - 1, self.area.text().to_owned()),
        };
        self.show(at, draft);
        true
    }

    /// The prompt after it, and at last what was being written.
    pub fn recall_newer(&mut self) -> bool {
        let Some((at, draft)) = self.recalled.take() else { return false };
        if at + 1 < self.sent.len() {
            self.show(at + 1, draft);
        } else {
            self.area.set(&draft);
        }
        true
    }

    fn show(&mut self, at: usize, draft: String) {
        self.area.set(&self.sent[at]);
        self.recalled = Some((at, draft));
    }

    /// The command that is being written, without its slash: one word that begins with `/` and has no second one.
    #[must_use]
    pub fn command(&self) -> Option<&str> {
        let word = self.area.text().strip_prefix('/')?;
        word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-').then_some(word)
    }

    /// A command with something behind it, as in `/theme nord`; nothing yet where the person has not come to that. Other
    /// texts that begin with a slash are texts.
    #[must_use]
    pub fn call(&self) -> Option<(Action, &str)> {
        let (word, argument) = self.area.text().strip_prefix('/')?.split_once(' ')?;
        let action = Action::from_name(word).filter(|action| action.argument().is_some())?;
        (!argument.contains('\n')).then_some((action, argument.trim()))
    }

    /// Commands that begin with what is written, then those that contain it.
    #[must_use]
    pub fn suggestions(&self) -> Vec<Action> {
        if let Some((action, _)) = self.call() {
            return vec![action];
        }
        let Some(word) = self.command() else { return Vec::new() };
        let word = word.to_ascii_lowercase();
        // What is done to the chosen setting has no meaning here.
        let commands = || Action::ALL.iter().copied().filter(|a| a.in_palette() && a.context() != Context::Settings);
        // Who has written all of a name means it.
        let named = commands().filter(|a| a.name() == word);
        let first = named.chain(commands().filter(|a| a.name() != word && a.name().starts_with(&word)));
        let then = commands().filter(|a| !a.name().starts_with(&word) && a.name().contains(&word));
        first.chain(then).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composer(text: &str) -> Composer {
        let mut composer = Composer::default();
        composer.area.insert(text);
        composer
    }

    #[test]
    fn prompts_are_recalled_and_the_draft_comes_back() {
        let mut c = composer("one");
        c.take();
        c.area.insert("two");
        c.take();
        c.area.insert("draft");
        assert!(c.recall_older());
        assert_eq!(c.area.text(), "two");
        assert!(c.recall_older());
        assert!(!c.recall_older());
        assert_eq!(c.area.text(), "one");
        assert!(c.recall_newer());
        assert!(c.recall_newer());
        assert_eq!(c.area.text(), "draft");
        assert!(!c.recall_newer());
    }

    #[test]
    fn a_path_is_not_a_command() {
        for text in ["/etc/hosts", "/new please", "what is /new", "/New\n"] {
            assert_eq!(composer(text).command(), None, "{text}");
        }
        assert_eq!(composer("/set").suggestions().first(), Some(&Action::SetHere), "and not /settings");
        let names = composer("/q").suggestions();
        assert_eq!(names.first(), Some(&Action::Quit));
    }

    #[test]
    fn some_commands_take_something_behind_them() {
        assert_eq!(composer("/theme nord ").call(), Some((Action::Theme, "nord")));
        assert_eq!(composer("/schema a file.json").call(), Some((Action::AnswerInSchema, "a file.json")));
        assert_eq!(composer("/load ").call(), Some((Action::Load, "")));
        assert_eq!(composer("/theme ").suggestions(), [Action::Theme], "what belongs there can be shown");
        for text in ["/theme", "/new please", "/etc/hosts is", "say /theme nord", "/theme nord\nand more"] {
            assert_eq!(composer(text).call(), None, "{text}");
        }
    }

    #[test]
    fn blank_text_is_not_sent() {
        assert_eq!(composer(" \n ").take(), None);
        assert_eq!(composer("\n hi \n").take().as_deref(), Some(" hi"));
    }
}
