//! What is offered while somebody writes: slash commands, what may follow them, and files.

use std::ops::Range;

use crate::app::composer::Composer;
use crate::app::list::{self, Scroll};
use crate::app::picker::move_selection;
use crate::app::text_area::Chip;
use crate::app::text_area::written::mention;
use crate::domain::AskId;
use crate::domain::action::{Action, Context};

/// Characters back from the cursor that a file's name can begin at.
const LONGEST_PATH: usize = 4096;

/// Something in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InFolder {
    pub is_file: bool,
    pub name: String,
}

/// Something that can be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    Command(Action),
    /// What may follow a command, and more about it.
    Value {
        value: String,
        detail: String,
    },
    Path(InFolder),
}

/// What a path is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// To have the file sent along.
    Message,
    Command,
}

/// A path that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    whose: For,
    /// Where it is in the text, with its `@` and quote.
    range: Range<usize>,
    /// Up to the last slash, as it is written; empty is the folder that one is in.
    pub folder: String,
    /// The rest.
    name: String,
}

/// What the offers are about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum About {
    #[default]
    Nothing,
    Command,
    Argument(usize),
    Path(Path),
}

impl About {
    fn start(&self) -> Option<usize> {
        match self {
            Self::Nothing => None,
            Self::Command => Some(0),
            Self::Argument(start) => Some(*start),
            Self::Path(Path { range, .. }) => Some(range.start),
        }
    }
}

#[derive(Debug, Default)]
pub struct Completion {
    about: About,
    offers: Vec<Offer>,
    selected: usize,
    pub scroll: Scroll,
    /// One was chosen with the arrows, and is meant.
    moved: bool,
    /// Closed by hand, for what begins there.
    closed: Option<usize>,
    /// The text and the cursor that it is made for.
    seen: Option<(u64, usize)>,
    /// What is in a folder, as it was told.
    listed: Option<(String, Vec<InFolder>)>,
    asked: Option<(AskId, String)>,
}

impl Completion {
    /// What is offered now; nothing where it was closed.
    #[must_use]
    pub fn offers(&self) -> &[Offer] {
        if self.closed.is_some() { &[] } else { &self.offers }
    }

    #[must_use]
    pub fn selected(&self) -> usize {
        self.selected.min(self.offers.len().saturating_sub(1))
    }

    #[must_use]
    pub fn chosen(&self) -> Option<&Offer> {
        self.offers().get(self.selected)
    }

    /// False for the first and the last, so that Home and End stay keys of the text.
    pub fn act(&mut self, action: Action) -> bool {
        if matches!(action, Action::First | Action::Last) {
            return false;
        }
        let moved = move_selection(&mut self.selected, self.offers.len(), action);
        self.moved |= moved;
        moved
    }

    /// Chooses an offer that was clicked. True where it was chosen already.
    pub fn choose(&mut self, offer: usize) -> bool {
        self.moved = true;
        list::choose(&mut self.selected, offer)
    }

    /// Until something else is written. False where nothing is open.
    pub fn close(&mut self) -> bool {
        let is_open = !self.offers().is_empty();
        self.closed = self.about.start();
        is_open
    }

    /// The text has changed, or the cursor, since this was worked out.
    pub fn is_stale(&mut self, version: u64, cursor: usize) -> bool {
        self.seen.replace((version, cursor)) != Some((version, cursor))
    }

    /// What it was worked out from is not all there is any more.
    pub fn look_again(&mut self) {
        self.seen = None;
    }

    fn offer(&mut self, about: About, offers: Vec<Offer>) {
        if self.closed.is_some_and(|at| about.start() != Some(at)) {
            self.closed = None;
        }
        if offers != self.offers {
            self.selected = 0;
            self.moved = false;
        }
        self.about = about;
        self.offers = offers;
    }

    pub fn offer_nothing(&mut self) {
        self.listed = None;
        self.asked = None;
        self.offer(About::Nothing, Vec::new());
    }

    pub fn offer_commands(&mut self, word: &str) {
        self.offer(About::Command, commands(word).into_iter().map(Offer::Command).collect());
    }

    /// Values that may follow a command; where none fits, the command itself says what it takes.
    pub fn offer_values(&mut self, command: Action, argument: &str, all: impl Iterator<Item = (String, String)>) {
        let typed = argument.to_lowercase();
        let (first, then): (Vec<_>, Vec<_>) = all
            .filter(|(value, detail)| value.to_lowercase().contains(&typed) || detail.to_lowercase().contains(&typed))
            .partition(|(value, _)| value.to_lowercase().starts_with(&typed));
        let mut offers: Vec<Offer> =
            first.into_iter().chain(then).map(|(value, detail)| Offer::Value { value, detail }).collect();
        if offers.is_empty() {
            offers.push(Offer::Command(command));
        }
        let start = command.name().len() + 2;
        self.offer(About::Argument(start), offers);
    }

    /// What is in the folder of a path, as far as it is known. Else whom to ask, with this.
    pub fn offer_paths(&mut self, path: Path, next: impl FnOnce() -> AskId) -> Option<(AskId, String)> {
        let was_one = matches!(&self.about, About::Path(before) if before.range.start == path.range.start);
        if !was_one {
            // Files come and go: looked at anew for each path that is written.
            self.listed = None;
        }
        if let Some((folder, all)) = &self.listed
            && *folder == path.folder
        {
            let offers = matching(all, &path.name);
            self.offer(About::Path(path), offers);
            return None;
        }
        let asked = self.asked.as_ref().is_some_and(|(_, folder)| *folder == path.folder);
        let folder = path.folder.clone();
        self.offer(About::Path(path), Vec::new());
        (!asked).then(|| {
            let ask = next();
            self.asked = Some((ask, folder.clone()));
            (ask, folder)
        })
    }

    /// What is in a folder that was asked about.
    pub fn listed(&mut self, ask: AskId, all: Vec<InFolder>) {
        if let Some((_, folder)) = self.asked.take_if(|(asked, _)| *asked == ask) {
            if let About::Path(path) = &self.about
                && path.folder == folder
            {
                let offers = matching(&all, &path.name);
                self.offer(self.about.clone(), offers);
            }
            self.listed = Some((folder, all));
        }
    }

    /// Enter means what is chosen and not the text as it is.
    #[must_use]
    pub fn enter_takes(&self) -> bool {
        match (&self.about, self.chosen()) {
            (About::Path(path), Some(Offer::Path(entry))) => {
                let is_written = entry.is_file && entry.name == path.name;
                self.moved || (path.whose == For::Message && !is_written)
            }
            (_, Some(Offer::Value { .. })) => self.moved,
            _ => false,
        }
    }
}

/// Commands that begin with what is written, then those that contain it.
fn commands(word: &str) -> Vec<Action> {
    let word = word.to_ascii_lowercase();
    // What is done to the chosen setting has no meaning here.
    let commands = || Action::ALL.iter().copied().filter(|a| a.in_palette() && a.context() != Context::Settings);
    // Who has written all of a name means it.
    let named = commands().filter(|a| a.name() == word);
    let first = named.chain(commands().filter(|a| a.name() != word && a.name().starts_with(&word)));
    let then = commands().filter(|a| !a.name().starts_with(&word) && a.name().contains(&word));
    first.chain(then).collect()
}

/// Names that begin with what is written, then those that contain it; hidden ones only for who asks for them with a dot.
fn matching(all: &[InFolder], name: &str) -> Vec<Offer> {
    let typed = name.to_lowercase();
    let is_shown = |entry: &&InFolder| !entry.name.starts_with('.') || typed.starts_with('.');
    let begins = |entry: &&InFolder| entry.name.to_lowercase().starts_with(&typed);
    let shown = || all.iter().filter(is_shown);
    let first = shown().filter(begins);
    let then = shown().filter(|entry| !begins(entry) && entry.name.to_lowercase().contains(&typed));
    first.chain(then).cloned().map(Offer::Path).collect()
}

impl Path {
    fn new(whose: For, range: Range<usize>, written: &str) -> Self {
        let (folder, name) = written.rfind('/').map_or(("", written), |slash| written.split_at(slash + 1));
        Self { whose, range, folder: folder.to_owned(), name: name.to_owned() }
    }

    /// The path behind a command, to the end of the text.
    #[must_use]
    pub fn behind(command: Action, text: &str) -> Self {
        let start = (command.name().len() + 2).min(text.len());
        let path = numbered(&text[start..]).filter(|_| command == Action::SaveCode).map(|(_, path)| path);
        let start = path.map_or(start, |path| text.len() - path.len());
        Self::new(For::Command, start..text.len(), text[start..].trim_start())
    }

    /// The `@path` that the cursor is at the end of.
    #[must_use]
    pub fn before_cursor(text: &str, cursor: usize) -> Option<Self> {
        let mut from = cursor.saturating_sub(LONGEST_PATH);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        let line = text[..cursor].get(from..)?;
        let line = line.rsplit('\n').next()?;
        let from = cursor - line.len();
        line.rmatch_indices('@').find_map(|(at, _)| {
            let begins =
                line[..at].chars().next_back().map_or(from == 0 || text[..from].ends_with('\n'), char::is_whitespace);
            let written = &line[at + 1..];
            let (quoted, name) = written.strip_prefix('"').map_or((false, written), |name| (true, name));
            let open = if quoted { !name.contains('"') } else { !name.contains(char::is_whitespace) };
            let plain = !name.contains('\u{fffc}');
            (begins && open && plain).then(|| Self::new(For::Message, from + at..cursor, name))
        })
    }
}

/// A number in front of something else, and that.
pub(super) fn numbered(argument: &str) -> Option<(&str, &str)> {
    let (number, rest) = argument.trim_start().split_once(char::is_whitespace)?;
    is_number(number).then(|| (number, rest.trim_start()))
}

pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Composer {
    /// Puts what is chosen into the text. False where nothing is that could be.
    pub fn take_offer(&mut self) -> bool {
        let Some(offer) = self.completion.chosen().cloned() else { return false };
        match (offer, self.completion.about.clone()) {
            (Offer::Command(action), About::Command) => {
                let space = if action.argument().is_some() { " " } else { "" };
                self.area.set(&format!("/{}{space}", action.name()));
            }
            (Offer::Value { value, .. }, About::Argument(start)) => {
                let end = self.area.text().len();
                self.area.replace(start.min(end)..end, &value);
            }
            (Offer::Path(entry), About::Path(path)) => self.take_path(&path, &entry),
            _ => return false,
        }
        self.touched();
        true
    }

    fn take_path(&mut self, path: &Path, entry: &InFolder) {
        let Path { whose, range, folder, .. } = path;
        let whole = format!("{folder}{}", entry.name);
        match (whose, entry.is_file) {
            (For::Command, true) => self.area.replace(range.clone(), &whole),
            (For::Command, false) => self.area.replace(range.clone(), &format!("{whole}/")),
            (For::Message, false) => {
                let mention = mention(&format!("{whole}/"));
                // A quote stays open: there is more to come.
                self.area.replace(range.clone(), mention.strip_suffix('"').unwrap_or(&mention));
            }
            (For::Message, true) => {
                let chip = Chip::File(whole.into());
                let spaced = self.area.text()[range.end..].starts_with(char::is_whitespace);
                self.area.begin_group();
                self.area.insert_chip(chip, range.clone());
                if spaced {
                    self.area.act(Action::Right);
                } else {
                    self.area.insert(" ");
                }
                self.area.end_group();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> Vec<InFolder> {
        let entry = |is_file, name: &str| InFolder { is_file, name: name.into() };
        vec![
            entry(false, "my docs"),
            entry(false, "src"),
            entry(true, ".env"),
            entry(true, "Cargo.toml"),
            entry(true, "a b.txt"),
        ]
    }

    /// What is written, with the folder told to it; `|` is the cursor.
    fn composer(text: &str) -> Composer {
        let mut composer = Composer::default();
        composer.area.insert(&text.replace('|', ""));
        let cursor = text.find('|').unwrap_or(text.len());
        while composer.area.cursor() > cursor {
            composer.area.act(Action::Left);
        }
        complete(&mut composer);
        composer
    }

    fn complete(composer: &mut Composer) {
        match Path::before_cursor(composer.area.text(), composer.area.cursor()) {
            Some(path) => {
                if let Some((ask, _)) = composer.completion.offer_paths(path, || AskId(1)) {
                    composer.completion.listed(ask, folder());
                }
            }
            None => composer.completion.offer_nothing(),
        }
    }

    fn names(composer: &Composer) -> Vec<String> {
        let name = |offer: &Offer| match offer {
            Offer::Path(entry) => entry.name.clone(),
            other => panic!("{other:?}"),
        };
        composer.completion.offers().iter().map(name).collect()
    }

    #[test]
    fn files_are_offered_behind_an_at_sign() {
        assert_eq!(names(&composer("see @")), ["my docs", "src", "Cargo.toml", "a b.txt"]);
        assert_eq!(names(&composer("see @C| here")), ["Cargo.toml", "my docs", "src"], "then those that contain it");
        assert_eq!(names(&composer("@x/.e")), [".env"]);
        assert_eq!(names(&composer("@\"a b")), ["a b.txt"]);
        for text in ["me@", "see @a b", "@\"a b\"", "a @|", "no"] {
            let is_path = Path::before_cursor(&text.replace('|', ""), text.find('|').unwrap_or(text.len())).is_some();
            assert_eq!(is_path, text == "a @|", "{text}");
        }
    }

    #[test]
    fn what_is_taken_is_a_chip_and_a_folder_leads_on() {
        let mut c = composer("see @Car");
        assert!(c.completion.enter_takes() && c.take_offer());
        assert_eq!(c.area.full(), "see @Cargo.toml ");
        assert_eq!(c.area.chips().len(), 1);
        complete(&mut c);
        assert_eq!(c.completion.offers(), []);
        let mut c = composer("@my");
        c.take_offer();
        assert_eq!(c.area.text(), "@\"my docs/");
        complete(&mut c);
        let About::Path(path) = &c.completion.about else { panic!() };
        assert_eq!((&*path.folder, &*path.name), ("my docs/", ""));
        let mut c = composer("@a| there");
        c.take_offer();
        assert_eq!(c.area.full(), "@\"a b.txt\" there");
        assert_eq!(&c.area.text()[c.area.cursor()..], "there");
    }

    #[test]
    fn a_name_that_is_written_out_is_sent_by_enter() {
        assert!(!composer("see @Cargo.toml").completion.enter_takes());
        assert!(composer("see @src").completion.enter_takes());
    }

    #[test]
    fn closed_is_closed_until_something_else_is_written() {
        let mut c = composer("@s");
        assert!(c.completion.close());
        assert!(!c.completion.close());
        c.area.insert("r");
        complete(&mut c);
        assert_eq!(c.completion.offers(), []);
        c.area.insert(" @");
        complete(&mut c);
        assert!(!c.completion.offers().is_empty());
    }

    #[test]
    fn commands_and_their_values() {
        assert_eq!(commands("q").first(), Some(&Action::Quit));
        assert_eq!(commands("set").first(), Some(&Action::SetHere), "and not /settings");
        let mut completion = Completion::default();
        let themes =
            || [("nord", "Nord"), ("high-contrast", "High contrast")].map(|(a, b)| (a.into(), b.into())).into_iter();
        completion.offer_values(Action::Theme, "no", themes());
        assert_eq!(completion.chosen(), Some(&Offer::Value { value: "nord".into(), detail: "Nord".into() }));
        assert!(!completion.enter_takes());
        completion.act(Action::Next);
        assert!(completion.enter_takes());
        completion.offer_values(Action::Theme, "zzz", themes());
        assert_eq!(completion.offers(), [Offer::Command(Action::Theme)], "it says what it takes");
    }
}
