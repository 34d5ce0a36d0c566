//! Prompt templates: questions that are asked again and again, each a TOML file with a prompt that has places for what changes.
//!
//! A template comes with the program or is a file in the `templates` folder beside the config file; a file there wins over
//! ours of the same name. `hobnob run -t NAME` takes one, and so does whatever is a path.

mod fill;
mod parse;

use std::path::{Path, PathBuf};

use super::Value;
use super::file::Source;
use super::suggest::nearest;
use super::theme::is_id;
use crate::error::{ErrorKind, UserError, reason};

pub use fill::{INPUT, Unfilled};

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("../../../assets/templates/", $name, ".toml")))),+] };
}

/// In the order of the list.
const BUILT_IN: &[(&str, &str)] = built_in!["commit", "summarise", "classify", "explain", "translate"];

/// A question that is asked again and again.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    pub name: String,
    /// What it is for, in a line.
    pub description: String,
    /// The file that it is from; `None` for one of ours.
    pub file: Option<PathBuf>,
    /// The file as it is written.
    pub source: String,
    pub system: Option<String>,
    pub prompt: String,
    /// What the prompts have places for, in the order of the file; those that it does not declare come behind.
    pub variables: Vec<Variable>,
    pub form: Option<Form>,
    pub stop: Vec<String>,
    /// What it sets, by the keys of the config file; already checked.
    pub settings: Vec<(&'static str, Value)>,
}

/// Something that changes from one use of a template to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    /// Without one it has to be given.
    pub default: Option<String>,
    pub description: String,
}

/// The form that the answer is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// A JSON Schema that stands in the template.
    Schema(String),
    SchemaFile(PathBuf),
    Regex(String),
}

/// All templates that can be used.
#[derive(Debug, Clone)]
pub struct Templates {
    folder: PathBuf,
}

impl Templates {
    /// Ours and those of a folder, which need not exist. Nothing is read yet.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    /// The names of all, ours first, then the user's own by the alphabet; and what is wrong with the folder, if anything.
    #[must_use]
    pub fn names(&self) -> (Vec<String>, Option<UserError>) {
        let mut names: Vec<String> = BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect();
        let files = match std::fs::read_dir(&self.folder) {
            Ok(files) => files,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (names, None),
            Err(error) => {
                let message = format!("can't read the templates in {}: {}", self.folder.display(), reason(&error));
                return (names, Some(UserError::new(ErrorKind::Config, message).hint("make the folder readable")));
            }
        };
        let paths = files.filter_map(|entry| Some(entry.ok()?.path()));
        let (mut own, mut odd): (Vec<String>, Vec<String>) = paths
            .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .filter(|name| !names.contains(name) && !name.starts_with('.'))
            .partition(|name| is_id(name));
        own.sort();
        odd.sort();
        names.append(&mut own);
        (names, odd.first().map(|name| unnameable(name, &self.folder)))
    }

    /// The template of a name, or in a file: what has a slash in it is a path.
    ///
    /// # Errors
    /// There is none, with the nearest name; or its file is wrong, with the line.
    pub fn get(&self, name: &str) -> Result<Template, UserError> {
        if name.contains('/') {
            let path = Path::new(name);
            let none = || {
                UserError::new(ErrorKind::Usage, format!("there is no template in `{name}`"))
                    .hint("check the path; `hobnob templates` lists those that go by a name")
            };
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            return parse::template(&stem, &Source::read(path)?.ok_or_else(none)?, Some(path));
        }
        if is_id(name) {
            let path = self.folder.join(format!("{name}.toml"));
            if let Some(source) = Source::read(&path)? {
                return parse::template(name, &source, Some(&path));
            }
            if path.is_symlink() {
                let message = format!("the template {} is a link to a file that is not there", path.display());
                return Err(UserError::new(ErrorKind::Config, message).hint("put the file back, or remove the link"));
            }
        }
        match BUILT_IN.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => {
                let source = Source { name: format!("templates/{name}.toml"), text: (*text).to_owned() };
                parse::template(name, &source, None)
            }
            None => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, name: &str) -> UserError {
        let (names, _) = self.names();
        if !is_id(name) && self.folder.join(format!("{name}.toml")).is_file() {
            return unnameable(name, &self.folder);
        }
        let error = UserError::new(ErrorKind::Usage, format!("there is no template `{name}`"));
        match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!(
                "there are {}; your own go into {}",
                names.join(", "),
                self.folder.join("NAME.toml").display()
            )),
        }
    }
}

/// A file whose name is none for a template.
fn unnameable(name: &str, folder: &Path) -> UserError {
    let file = folder.join(format!("{name}.toml"));
    UserError::new(ErrorKind::Usage, format!("`{name}` can't be the name of a template: {}", file.display()))
        .hint("call the file by letters, digits, `-`, `_` and `.` alone")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_can_all_be_read_and_say_what_they_are_for() {
        let templates = Templates::new(Path::new("/nonexistent"));
        let (names, problem) = templates.names();
        assert_eq!((names.len(), problem), (BUILT_IN.len(), None));
        for name in names {
            let template = templates.get(&name).expect("it can be read");
            assert!(!template.description.is_empty() && !template.description.ends_with('.'), "{name}");
            assert!(template.prompt.contains("{{input}}"), "{name}");
            assert!(template.source.starts_with("# "), "{name} says how it is used");
            for variable in &template.variables {
                assert!(variable.default.is_some() && !variable.description.is_empty(), "{name}: {}", variable.name);
            }
        }
    }

    #[test]
    fn a_file_of_the_user_s_wins_and_others_are_added() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("writes");
        write("commit.toml", "prompt = \"mine\"");
        write("zebra.toml", "");
        write("notes.txt", "no template");
        let templates = Templates::new(folder.path());
        let (names, _) = templates.names();
        assert_eq!(names, ["commit", "summarise", "classify", "explain", "translate", "zebra"]);
        assert_eq!(templates.get("commit").expect("mine").prompt, "mine");
        assert_eq!(templates.get("zebra").expect("empty is fine").prompt, "{{input}}");
        let path = folder.path().join("commit.toml").display().to_string();
        assert_eq!(templates.get(&path).expect("by its path").file.as_deref(), Some(Path::new(&path)));
    }

    #[test]
    fn a_file_that_can_t_be_one_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["two words.toml", ".#open-in-an-editor.toml"] {
            std::fs::write(folder.path().join(name), "prompt = \"x\"").expect("writes");
        }
        let templates = Templates::new(folder.path());
        let (names, problem) = templates.names();
        assert_eq!(names.len(), BUILT_IN.len());
        let problem = problem.expect("it is told");
        assert!(problem.message.contains("two words.toml"), "{problem}");
        assert_eq!(templates.get("two words"), Err(problem));
    }

    #[test]
    fn a_name_that_nobody_has_is_an_error_with_the_nearest() {
        let templates = Templates::new(Path::new("/nonexistent"));
        let hint = |name| templates.get(name).expect_err("there is none").hint.unwrap_or_default();
        assert_eq!(hint("comit"), "did you mean `commit`?");
        assert!(hint("haiku").contains("commit, summarise"), "{}", hint("haiku"));
        assert!(hint("./none.toml").contains("hobnob templates"));
        assert!(templates.get("../secret").is_err() && templates.get("").is_err());
    }
}
