//! The composer: the message that is being written, the prompts before it, slash commands, and files that go along.

use std::ops::Range;

use crate::app::chat::SUMMARISE;
use crate::app::completion::Completion;
use crate::app::prompts::{Prompt, Prompts};
use crate::app::text_area::written::Piece;
use crate::app::text_area::{Chip, TextArea, Written};
use crate::app::vim::{Pressed, Vim};
use crate::config::keymap::KeyChord;
use crate::domain::AskId;
use crate::domain::action::Action;
use crate::domain::attach::Mention;
use crate::domain::conversation::Message;
use crate::domain::store::Draft;

/// A text from elsewhere (the store, an editor) with more lines or bytes than these is folded: below, it is easier to work
/// with as it is.
const LONG_LINES: usize = 200;
const LONG_BYTES: usize = 20_000;
/// Bytes of a line that is shown although the rest is folded.
const SHORT_LINE: usize = 200;
/// Bytes in a line of a paste that is as long as it may be.
const PASTED_LINE: usize = 250;

#[derive(Debug, Default)]
pub struct Composer {
    pub area: TextArea,
    pub prompts: Prompts,
    pub completion: Completion,
    pub vim: Vim,
    /// Files are being read that go along with what is written.
    pub attaching: Option<Attaching>,
    /// They are read: what is sent next has them at its end.
    attached: Vec<String>,
}

/// What was written when its files were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Attaching {
    pub ask: AskId,
    /// Of the text.
    pub version: u64,
}

impl Composer {
    /// Takes the text out, with the files that go along, and remembers it as sent. `None` where there is nothing but white
    /// space.
    pub fn take(&mut self) -> Option<String> {
        if self.area.text().trim().is_empty() {
            return None;
        }
        let written = self.area.take().trimmed();
        let mut parts = vec![written.full().trim_end().to_owned()];
        parts.append(&mut self.attached);
        let text = parts.join("\n\n");
        self.prompts.push(Prompt { text: text.clone(), written });
        self.vim.begin();
        Some(text)
    }

    /// Another conversation: what is written in it, and what was said.
    pub fn begin_with<'a>(&mut self, draft: &Draft, said: impl DoubleEndedIterator<Item = &'a Message>) {
        let written = Written::restored(draft).unwrap_or_else(|| folded(&draft.text));
        self.show(&written);
        // A summary is asked for by us.
        let said = said.filter(|message| message.content != SUMMARISE);
        self.prompts.begin_with(said.map(|message| prompt(&message.content)));
        self.touched();
    }

    /// A message that was not sent after all goes above what is being written.
    pub fn put_back(&mut self, text: &str) {
        self.put_above(self.as_written(text));
    }

    /// Something that was being written before goes above what is being written.
    pub fn put_above(&mut self, mut written: Written) {
        if written.is_blank() {
            return;
        }
        if !self.area.is_empty() {
            written.append(&"\n".into());
            written.append(&self.area.written());
        }
        self.show(&written);
        self.touched();
    }

    /// A message as somebody wrote it, where that is still known: a long paste folded, a file by its name.
    #[must_use]
    pub fn as_written(&self, text: &str) -> Written {
        self.prompts.written(text).cloned().unwrap_or_else(|| folded(text))
    }

    /// What came back from an editor. What was folded when it went there, and was left as it is, is folded again.
    pub fn edited(&mut self, text: &str) {
        let clean = crate::text::sanitize(text);
        let mut written = Written::default();
        let mut rest = &*clean;
        for (_, piece) in self.area.written().pieces() {
            let Piece::Chip(chip) = piece else { continue };
            let full = chip.full();
            // The line feed at the very end is the editor's.
            let found = rest.split_once(&*full).or_else(|| rest.split_once(full.trim_end()));
            if let Some((before, after)) = found {
                written.append(&Written::from(before));
                written.append(&Written::from(chip.clone()));
                rest = after;
            }
        }
        if written.is_empty() {
            written = folded(rest);
        } else {
            written.append(&Written::from(rest));
        }
        self.show(&written);
        self.touched();
    }

    /// Shows a text in place of what is there, as one change that can be undone.
    pub fn show(&mut self, written: &Written) {
        self.area.put(written);
        self.vim.at_rest(&mut self.area);
    }

    /// Empties it, as a change that can be undone.
    pub fn clear(&mut self) {
        self.show(&Written::default());
        self.touched();
    }

    /// Takes the text out for something else than sending it: a command that was carried out, another conversation.
    pub fn take_out(&mut self) -> Written {
        let written = self.area.take();
        self.vim.at_rest(&mut self.area);
        self.touched();
        written
    }

    /// Changes the text that is being written, or moves in it. Every change that is none of Vim's own commands goes this way:
    /// what they have begun is of the text before it.
    pub fn edit<T>(&mut self, change: impl FnOnce(&mut TextArea) -> T) -> T {
        let version = self.area.version();
        let done = change(&mut self.area);
        if self.area.version() != version {
            self.vim.text_has_changed(&mut self.area);
            self.touched();
        }
        done
    }

    /// Vim's keys begin anew, or come to an end.
    pub fn change_keys(&mut self) {
        self.vim.at_rest(&mut self.area);
        self.vim = Vim::default();
    }

    /// A key that may be one of Vim's.
    pub fn press_in_vim(&mut self, chord: KeyChord) -> Pressed {
        let version = self.area.version();
        let pressed = self.vim.press(chord, &mut self.area);
        if self.area.version() != version {
            self.touched();
        }
        pressed
    }

    /// Text from the clipboard. One of more lines than these stands as a chip.
    pub fn paste(&mut self, text: &str, most_lines: usize) {
        let clean = crate::text::sanitize(text);
        let is_long = clean.len() > most_lines.saturating_mul(PASTED_LINE) || clean.lines().nth(most_lines).is_some();
        self.edit(|area| {
            if is_long {
                let at = area.cursor();
                area.insert_chip(Chip::text(&clean, true), at..at);
            } else {
                area.insert(&clean);
            }
        });
    }

    /// Something was typed: the recalled prompt is a new text now.
    pub fn touched(&mut self) {
        self.prompts.leave();
        self.attaching = None;
        self.attached.clear();
    }

    /// What is written still waits for these files.
    #[must_use]
    pub fn is_attaching(&self, ask: AskId) -> bool {
        self.attaching.as_ref().is_some_and(|asked| asked.ask == ask && asked.version == self.area.version())
    }

    /// They are read.
    pub fn attach(&mut self, blocks: Vec<String>) {
        self.attaching = None;
        self.attached = blocks;
    }

    /// There is nothing that was attached and not sent.
    pub fn forget_attached(&mut self) {
        self.attached.clear();
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

    /// Files that the text names: those that were chosen, which must be there, and words that may be files.
    #[must_use]
    pub fn mentions(&self) -> Vec<Mention> {
        let mut mentions: Vec<Mention> = Vec::new();
        let mut note = |mention: Mention| match mentions.iter_mut().find(|known| known.path == mention.path) {
            Some(known) => known.chosen |= mention.chosen,
            None => mentions.push(mention),
        };
        let mut before = None;
        for (range, piece) in self.area.written().pieces() {
            match piece {
                Piece::Chip(Chip::File(path)) => note(Mention { path: path.to_string(), chosen: true }),
                Piece::Chip(Chip::Text(_)) => {}
                Piece::Plain(text) => named(text, before).for_each(&mut note),
            }
            before = Some(range);
        }
        mentions
    }
}

/// Words of a text that may name files: `@path` and `@"a path"`, at its beginning or after white space. `before` is what
/// stands before the text.
fn named(text: &str, before: Option<Range<usize>>) -> impl Iterator<Item = Mention> {
    let begins = move |at: usize| match text[..at].chars().next_back() {
        Some(c) => c.is_whitespace(),
        None => before.is_none(),
    };
    text.match_indices('@').filter(move |(at, _)| begins(*at)).filter_map(|(at, _)| {
        let rest = &text[at + 1..];
        let path = match rest.strip_prefix('"') {
            Some(quoted) => quoted.lines().next()?.split_once('"')?.0,
            None => rest.split(char::is_whitespace).next()?,
        };
        (!path.is_empty()).then(|| Mention { path: path.to_owned(), chosen: false })
    })
}

/// A text from elsewhere, folded if it is long: all but its first and its last line, by which somebody knows it again.
#[must_use]
pub fn folded(text: &str) -> Written {
    let clean = crate::text::sanitize(text);
    if clean.len() <= LONG_BYTES && clean.lines().nth(LONG_LINES).is_none() {
        return Written::from(&*clean);
    }
    let first = clean.find('\n').map_or(0, |feed| feed + 1);
    let last = clean.rfind('\n').map_or(clean.len(), |feed| feed + 1);
    let start = if first <= SHORT_LINE { first } else { 0 };
    let end = if clean.len() - last <= SHORT_LINE { last.max(start) } else { clean.len() };
    let mut written = Written::from(&clean[..start]);
    written.append(&Written::from(Chip::text(&clean[start..end], false)));
    written.append(&Written::from(&clean[end..]));
    written
}

/// A prompt of which only the text is known.
#[must_use]
pub fn prompt(text: &str) -> Prompt {
    Prompt { text: text.to_owned(), written: folded(text) }
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
    fn a_path_is_not_a_command() {
        for text in ["/etc/hosts", "/new please", "what is /new", "/New\n"] {
            assert_eq!(composer(text).command(), None, "{text}");
        }
    }

    #[test]
    fn some_commands_take_something_behind_them() {
        assert_eq!(composer("/theme nord ").call(), Some((Action::Theme, "nord")));
        assert_eq!(composer("/schema a file.json").call(), Some((Action::AnswerInSchema, "a file.json")));
        assert_eq!(composer("/load ").call(), Some((Action::Load, "")));
        for text in ["/theme", "/new please", "/etc/hosts is", "say /theme nord", "/theme nord\nand more"] {
            assert_eq!(composer(text).call(), None, "{text}");
        }
    }

    #[test]
    fn blank_text_is_not_sent() {
        assert_eq!(composer(" \n ").take(), None);
        assert_eq!(composer("\n hi \n").take().as_deref(), Some(" hi"));
    }

    #[test]
    fn a_long_paste_is_one_chip_and_a_short_one_is_text() {
        let mut c = Composer::default();
        c.paste("one\ntwo\n", 2);
        assert!(c.area.chips().is_empty());
        c.paste("one\ntwo\nthree", 2);
        c.paste(&"x".repeat(501), 2);
        assert_eq!(c.area.chips().len(), 2);
        assert_eq!(c.area.full().len(), 8 + 13 + 501);
        c.paste("\u{1b}[31mred\u{1b}[0m\n\u{202e}evil\nx", 2);
        assert!(c.area.full().ends_with("red\nevil\nx"));
    }

    #[test]
    fn a_long_text_from_elsewhere_is_folded_between_its_ends() {
        let long = format!("Sum up:\n{}please", "a line\n".repeat(300));
        let mut c = composer("");
        c.show(&folded(&long));
        assert_eq!((c.area.full().as_ref(), c.area.chips().len()), (&*long, 1));
        assert!(c.area.text().starts_with("Sum up:\n") && c.area.text().ends_with("please"));
        for text in ["x".repeat(30_000), "x\n".repeat(300), format!("{}\n", "x".repeat(30_000))] {
            assert_eq!(folded(&text).full(), text);
        }
        assert_eq!(folded("a\nb").full(), "a\nb");
    }

    #[test]
    fn a_draft_comes_back_as_it_was_written() {
        let mut c = composer("see ");
        c.paste("1\n2\n3", 2);
        c.paste(&"unfolded\n".repeat(300), 2);
        assert!(c.area.unfold());
        c.area.act(Action::TextEnd);
        let at = c.area.cursor();
        c.area.insert_chip(Chip::File("a b".into()), at..at);
        let draft = c.area.written().draft();
        let mut back = Composer::default();
        back.begin_with(&draft, std::iter::empty());
        assert_eq!(back.area.written(), c.area.written());
        assert_eq!(back.area.chips().len(), 2, "what was unfolded stays so");
        let unknown = Draft::from(draft.text);
        back.begin_with(&unknown, std::iter::empty());
        assert_eq!(back.area.full(), unknown.text);
    }

    #[test]
    fn an_editor_gives_back_what_was_folded() {
        let mut c = composer("look: ");
        c.paste("1\n2\n3", 2);
        c.edited("look closely: 1\n2\n3 now");
        assert_eq!((c.area.full().as_ref(), c.area.chips().len()), ("look closely: 1\n2\n3 now", 1));
        assert!(c.area.text().starts_with("look closely: \u{fffc}") && c.area.text().ends_with(" now"));
        c.edited("all new");
        assert_eq!(c.area.text(), "all new");
    }

    #[test]
    fn a_message_comes_back_as_it_was_written() {
        let mut c = composer("look: ");
        c.paste("1\n2\n3", 2);
        let sent = c.take().expect("a message");
        assert_eq!(sent, "look: 1\n2\n3");
        c.area.insert("more");
        c.put_back(&sent);
        assert_eq!(c.area.chips().len(), 1, "folded");
        assert_eq!(c.area.full(), "look: 1\n2\n3\nmore");
        c.put_back("something else");
        assert_eq!(c.area.full(), "something else\nlook: 1\n2\n3\nmore");
    }

    #[test]
    fn files_are_named_by_words_that_begin_with_an_at_sign() {
        let named = |text: &str| composer(text).mentions().into_iter().map(|m| m.path).collect::<Vec<_>>();
        assert_eq!(named("@a.rs and @\"b c.txt\", @~/d\n@e"), ["a.rs", "b c.txt", "~/d", "e"]);
        assert_eq!(named("me@home.org @ (@x) @\"open"), [""; 0]);
        assert_eq!(named("@a.rs @a.rs"), ["a.rs"], "once");
        let mut c = composer("see @b then ");
        let at = c.area.cursor();
        c.area.insert_chip(Chip::File("a b".into()), at..at);
        let chosen = |path: &str, chosen| Mention { path: path.into(), chosen };
        assert_eq!(c.mentions(), [chosen("b", false), chosen("a b", true)]);
        c.area.insert("@c");
        assert_eq!(c.mentions().len(), 2, "right behind a chip is not at the beginning of a word");
    }
}
