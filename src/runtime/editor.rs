//! Text goes to the person's own editor and comes back.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal};
use tokio::process::{Child, Command};

use crate::error::{ErrorKind, UserError, reason};

/// An editor that has the terminal.
pub(super) struct Editor {
    name: String,
    child: Child,
    file: TextFile,
    /// What a person should know of the text that it left.
    pub(super) note: Option<UserError>,
}

impl Editor {
    /// Starts it. The terminal must have been left.
    pub(super) fn start(text: &str, env: impl Fn(&str) -> Option<String>) -> Result<Self, UserError> {
        let command = choose(&env, |name| on_path(name, env("PATH").as_deref().unwrap_or_default()))?;
        let folder =
            env("XDG_RUNTIME_DIR").filter(|d| Path::new(d).is_dir()).map_or_else(std::env::temp_dir, PathBuf::from);
        let file = TextFile::create(&folder, text).map_err(|error| {
            UserError::new(
                ErrorKind::Disk,
                format!("can't write the text to {} for the editor: {}", folder.display(), reason(&error)),
            )
            .hint("check that there is room and that the folder can be written to, or set TMPDIR to another")
        })?;
        let (name, arguments) = command.split_first().map_or((String::new(), &[][..]), |(n, a)| (n.clone(), a));
        let child = Command::new(&name).args(arguments).arg(&file.path).spawn().map_err(|error| {
            UserError::new(ErrorKind::Config, format!("can't start the editor `{name}`: {}", reason(&error)))
                .hint("set VISUAL or EDITOR to the editor that you want")
        })?;
        Ok(Self { name, child, file, note: None })
    }

    /// Waits until it ends, and reads what it left. May be dropped while it waits.
    pub(super) async fn finished(&mut self) -> Result<String, UserError> {
        let name = &self.name;
        let failed = |what: String| UserError::new(ErrorKind::Disk, what).hint("the message is as it was before");
        let status =
            self.child.wait().await.map_err(|error| failed(format!("lost the editor `{name}`: {}", reason(&error))))?;
        if !status.success() {
            // `:cq` in vi: a person's way to say "not after all".
            return Err(failed(format!("the editor `{name}` ended without success ({status})")));
        }
        let path = &self.file.path;
        let bytes = fs::read(path).map_err(|error| {
            self.file.kept = true;
            failed(format!("can't read what the editor left in {}: {}", path.display(), reason(&error)))
        })?;
        let mut text = String::from_utf8(bytes).unwrap_or_else(|error| {
            self.file.kept = true;
            let what = format!("what the editor `{name}` left is not UTF-8: some of its characters are �");
            self.note = Some(UserError::new(ErrorKind::Disk, what).hint(format!("all of it is in {}", path.display())));
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        });
        // Editors end the last line; a message doesn't.
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        Ok(text)
    }

    /// Asks it to end, when the interface has to.
    pub(super) fn end(&self) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
    }
}

/// A file that only this person can read, and that is gone afterwards, unless it holds what nothing else does.
struct TextFile {
    path: PathBuf,
    kept: bool,
}

impl TextFile {
    fn create(folder: &Path, text: &str) -> io::Result<Self> {
        let moment = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        // The ending tells editors what it is. `create_new` never follows what somebody put there first.
        let path = folder.join(format!("hobnob-{}-{moment:x}.md", std::process::id()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let whole = Self { path, kept: false };
        file.write_all(text.as_bytes())?;
        Ok(whole)
    }
}

impl Drop for TextFile {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// `$VISUAL`, else `$EDITOR`, else what most systems have.
fn choose(env: impl Fn(&str) -> Option<String>, exists: impl Fn(&str) -> bool) -> Result<Vec<String>, UserError> {
    for variable in ["VISUAL", "EDITOR"] {
        let words = split_words(&env(variable).unwrap_or_default());
        if !words.is_empty() {
            return Ok(words);
        }
    }
    ["vi", "nano"].into_iter().find(|name| exists(name)).map(|name| vec![name.to_owned()]).ok_or_else(|| {
        UserError::new(
            ErrorKind::Config,
            "there is no editor: VISUAL and EDITOR are not set, and neither vi nor nano is here",
        )
        .hint("set EDITOR to the editor that you want, for example `export EDITOR=micro`")
    })
}

/// Words as a shell makes them: quotes and backslashes, nothing else.
fn split_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(chars.next()),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Whether a program can be found where programs are looked for.
pub(super) fn on_path(name: &str, path: &str) -> bool {
    std::env::split_paths(path)
        .any(|folder| fs::metadata(folder.join(name)).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
    }

    #[test]
    fn words_are_split_as_a_shell_would() {
        for (line, words) in [
            ("", &[][..]),
            ("  vim ", &["vim"]),
            ("code --wait", &["code", "--wait"]),
            ("'/my apps/ed' -f \"a b\" c\\ d", &["/my apps/ed", "-f", "a b", "c d"]),
            ("x '' \"\\\"\"", &["x", "", "\""]),
        ] {
            assert_eq!(split_words(line), words, "{line}");
        }
    }

    #[test]
    fn visual_comes_before_editor_and_both_before_a_guess() {
        let chosen = |pairs, there: &'static str| choose(env(pairs), |name| there == name);
        assert_eq!(chosen(&[("VISUAL", "a b"), ("EDITOR", "c")], ""), Ok(vec!["a".into(), "b".into()]));
        assert_eq!(chosen(&[("VISUAL", " "), ("EDITOR", "c")], "vi"), Ok(vec!["c".into()]));
        assert_eq!(chosen(&[], "nano"), Ok(vec!["nano".into()]));
        assert!(chosen(&[], "").expect_err("there is none").hint.is_some());
    }

    /// An editor that is a script, and what it leaves in the folder beside itself.
    async fn edited(script: &str) -> (Result<String, UserError>, Option<UserError>, Vec<PathBuf>) {
        let folder = tempfile::tempdir().expect("a folder");
        let editor = folder.path().join("edit");
        fs::write(&editor, format!("#!/bin/sh\n{script}\n")).expect("a script");
        fs::set_permissions(&editor, fs::Permissions::from_mode(0o700)).expect("made executable");
        let (command, place) = (editor.display().to_string(), folder.path().display().to_string());
        let env = |name: &str| match name {
            "EDITOR" => Some(command.clone()),
            "XDG_RUNTIME_DIR" => Some(place.clone()),
            _ => None,
        };
        let mut run = Editor::start("text", env).expect("starts");
        let text = run.finished().await;
        let note = run.note.take();
        drop(run);
        let entries = fs::read_dir(folder.path()).expect("is there").map(|entry| entry.expect("an entry").path());
        (text, note, entries.filter(|path| *path != editor).collect())
    }

    #[tokio::test]
    async fn the_text_goes_through_a_private_file_that_does_not_stay() {
        let (text, note, left) = edited("ls -l \"$1\" | cut -c1-10 >> \"$1\"").await;
        assert_eq!((text, note, left), (Ok("text-rw-------".to_owned()), None, Vec::new()));
    }

    #[tokio::test]
    async fn what_an_editor_leaves_is_not_thrown_away_over_how_it_is_written() {
        let (text, note, left) = edited("printf 'caf\\351\\n' > \"$1\"").await;
        assert_eq!(text, Ok("caf\u{fffd}".to_owned()));
        let note = note.expect("it is told");
        assert!(note.message.contains("not UTF-8"), "{note}");
        assert_eq!(left.len(), 1);
        assert!(note.hint.is_some_and(|hint| hint.contains(&left[0].display().to_string())));
        // A folder can't be read as a text.
        let (text, _, left) = edited("rm \"$1\"; mkdir \"$1\"").await;
        let error = text.expect_err("it is no file");
        assert_eq!(left.len(), 1);
        assert!(error.message.contains(&left[0].display().to_string()), "{error}");
    }

    #[tokio::test]
    async fn an_editor_that_fails_leaves_the_message_alone() {
        let mut editor = Editor::start("text", env(&[("EDITOR", "false")])).expect("starts");
        let error = editor.finished().await.expect_err("it failed");
        assert!(error.message.contains("`false`"), "{error}");
        let missing = Editor::start("text", env(&[("EDITOR", "/no/such/editor")]));
        assert!(missing.err().expect("is not there").message.contains("/no/such/editor"));
    }
}
