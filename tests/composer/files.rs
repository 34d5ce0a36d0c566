//! Files that go along: `@path`.

use hobnob::app::completion::{InFolder, Offer};
use hobnob::app::msg::{Effect, Msg};
use hobnob::domain::AskId;
use hobnob::domain::attach::{Attachment, Found, Mention};
use hobnob::error::{ErrorKind, UserError};

use super::support::app::Driver;
use super::{asked, ready, written};

pub fn entries() -> Vec<InFolder> {
    let entry = |is_file, name: &str| InFolder { is_file, name: name.into() };
    vec![
        entry(false, "assets"),
        entry(false, "src"),
        entry(true, ".gitignore"),
        entry(true, "Cargo.toml"),
        entry(true, "my notes.md"),
        entry(true, "README.md"),
    ]
}

/// The folder that was asked about has these.
pub fn tell(d: &mut Driver, entries: Vec<InFolder>) {
    let (ask, _) = d.listed.last().expect("a folder was asked about").clone();
    assert_eq!(d.send(Msg::Folder { ask, entries }), []);
}

fn offered(d: &Driver) -> Vec<String> {
    let name = |offer: &Offer| match offer {
        Offer::Path(entry) => entry.name.clone(),
        Offer::Value { value, .. } => value.clone(),
        Offer::Command(action) => action.name().to_owned(),
    };
    d.app.chat.composer.completion.offers().iter().map(name).collect()
}

/// What was asked to be read.
fn wanted(effects: &[Effect]) -> (AskId, Vec<Mention>) {
    match effects {
        [Effect::ReadFiles { ask, files, .. }] => (*ask, files.clone()),
        other => panic!("{other:?}"),
    }
}

fn file(path: &str, text: &str) -> Attachment {
    Attachment { path: path.into(), text: text.into() }
}

fn found<const N: usize>(files: [Attachment; N]) -> Found {
    Found { files: files.into(), missing: Vec::new() }
}

#[test]
fn a_file_is_found_taken_and_sent_as_a_block() {
    let mut d = ready();
    d.type_text("Read @");
    assert_eq!(d.listed.len(), 1);
    tell(&mut d, entries());
    assert_eq!(offered(&d), ["assets", "src", "Cargo.toml", "my notes.md", "README.md"]);
    d.type_text("re");
    assert_eq!(d.listed.len(), 1, "it is known by now");
    d.key("tab");
    assert_eq!(written(&d), "Read @README.md ");
    assert!(offered(&d).is_empty());
    d.type_text("please");
    let (ask, files) = wanted(&d.key("enter"));
    assert_eq!(files, [Mention { path: "README.md".into(), chosen: true }]);
    assert_eq!(d.key("enter"), [], "once is enough");
    let effects = d.send(Msg::Files { ask, result: Ok(found([file("README.md", "# hi\n")])) });
    assert_eq!(asked(&effects), Some("Read @README.md please\n\nREADME.md:\n```\n# hi\n```"));
    d.key("ctrl-c");
    // It comes back as it was written.
    d.key("up");
    assert_eq!(written(&d), "Read @README.md please");
}

#[test]
fn folders_lead_on_and_names_with_spaces_are_quoted() {
    let mut d = ready();
    d.type_text("@s");
    tell(&mut d, entries());
    d.key("enter");
    assert_eq!(written(&d), "@src/");
    assert_eq!(d.listed.last().map(|(_, folder)| folder.as_str()), Some("src/"));
    tell(&mut d, vec![InFolder { is_file: true, name: "my main.rs".into() }]);
    d.key("enter");
    assert_eq!(written(&d), "@\"src/my main.rs\" ");
    d.key("backspace");
    d.key("backspace");
    assert_eq!(written(&d), "", "it goes as one");
}

#[test]
fn a_word_that_is_no_file_is_a_word() {
    let mut d = ready();
    d.type_text("ask @bob");
    tell(&mut d, entries());
    assert!(offered(&d).is_empty());
    let (ask, files) = wanted(&d.key("enter"));
    assert_eq!(files, [Mention { path: "bob".into(), chosen: false }]);
    let effects = d.send(Msg::Files { ask, result: Ok(found([])) });
    assert_eq!(asked(&effects), Some("ask @bob"));
}

#[test]
fn a_file_that_is_not_there_is_told_and_the_message_goes_on() {
    for (missing, told) in [(&["gone.txt"][..], "`gone.txt`"), (&["a.rs", "b/", "c.md"], "`a.rs`, and 2 more")] {
        let mut d = ready();
        d.type_text("see @README.md and others");
        let (ask, _) = wanted(&d.key("enter"));
        let missing = missing.iter().map(|word| (*word).to_owned()).collect();
        let effects = d.send(Msg::Files { ask, result: Ok(Found { missing, ..found([]) }) });
        assert_eq!(asked(&effects), Some("see @README.md and others"));
        let toast = d.app.toasts.back().expect("a note");
        assert_eq!(toast.text, format!("There is no file {told}"));
    }
}

#[test]
fn what_can_not_be_read_keeps_the_message() {
    let mut d = ready();
    d.type_text("see @README.md");
    let (ask, _) = wanted(&d.key("enter"));
    let error = UserError::new(ErrorKind::Usage, "`README.md` is not text");
    d.send(Msg::Files { ask, result: Err(error) });
    assert_eq!((written(&d).as_str(), d.app.chat.conversation.len()), ("see @README.md", 0));
    assert!(d.app.toasts.back().is_some_and(|toast| toast.text.contains("README.md")));
    // And the next Enter tries again.
    wanted(&d.key("enter"));
}

#[test]
fn who_goes_on_writing_or_leaves_is_not_surprised_by_files() {
    let mut d = ready();
    d.type_text("see @README.md");
    let (ask, _) = wanted(&d.key("enter"));
    d.type_text("x");
    assert_eq!(d.send(Msg::Files { ask, result: Ok(found([file("README.md", "")])) }), []);
    d.key("backspace");
    let (ask, _) = wanted(&d.key("enter"));
    d.key("esc");
    assert_eq!(d.send(Msg::Files { ask, result: Ok(found([file("README.md", "")])) }), []);
    assert_eq!((written(&d).as_str(), d.app.chat.conversation.len()), ("see @README.md", 0));
}

#[test]
fn escape_closes_the_offers_first() {
    let mut d = ready();
    d.say("one");
    d.type_text("@");
    tell(&mut d, entries());
    assert_eq!(d.key("esc"), [], "the answer goes on");
    assert!(!d.app.suggesting());
    d.type_text("s");
    assert!(!d.app.suggesting(), "closed is closed");
    assert!(!d.key("esc").is_empty(), "and then it stops the answer");
}

#[test]
fn a_command_that_is_written_out_needs_no_offer() {
    let mut d = ready();
    d.type_text("/help");
    d.key("esc");
    assert!(!d.app.suggesting());
    d.key("enter");
    assert!(matches!(d.app.overlay, Some(hobnob::app::Overlay::Help { .. })));
}

#[test]
fn commands_complete_what_follows_them() {
    let mut d = ready();
    d.type_text("/schema ");
    tell(&mut d, entries());
    d.type_text("C");
    d.key("tab");
    assert_eq!(written(&d), "/schema Cargo.toml");
    d.key("ctrl-c");
    d.type_text("/theme nor");
    assert_eq!(offered(&d), ["nord"]);
    d.key("tab");
    assert_eq!(written(&d), "/theme nord");
    d.key("enter");
    assert_eq!(&*d.app.theme.id, "nord");
    d.type_text("/theme ");
    d.key("down");
    d.key("enter");
    assert_ne!(&*d.app.theme.id, "nord", "what is chosen with the arrows is meant");
    d.type_text("/load st");
    assert_eq!(offered(&d).first().map(String::as_str), Some("starter"));
}
