//! The themes there are: ours, embedded, and the user's, in a folder.

use std::path::{Path, PathBuf};

use super::Theme;
use super::parse::Draft;
use crate::config::file::Source;
use crate::config::suggest::nearest;
use crate::error::{ErrorKind, UserError, reason};

/// The theme of whoever has not chosen one.
pub const DEFAULT: &str = "hobnob-dark";

macro_rules! built_in {
    ($($id:literal),+ $(,)?) => { &[$(($id, include_str!(concat!("../../../themes/", $id, ".toml")))),+] };
}

/// In the order of the list.
const BUILT_IN: &[(&str, &str)] = built_in![
    "hobnob-dark",
    "hobnob-light",
    "high-contrast",
    "terminal",
    "monochrome",
    "catppuccin-mocha",
    "gruvbox-dark",
    "nord",
    "solarized-light",
    "tokyo-night",
];

/// More than this is a loop, or a joke.
const MOST_ANCESTORS: usize = 8;

/// All themes that can be chosen: the built-in ones, and the user's, which win over built-in ones of the same name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Themes {
    user: Vec<Theme>,
    problems: Vec<UserError>,
}

/// A theme in the list of themes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThemeEntry {
    pub id: String,
    /// What a person reads.
    pub name: String,
    /// From the user's folder.
    pub is_users: bool,
}

impl Themes {
    /// Ours alone. Costs nothing: a theme is read when it is asked for.
    #[must_use]
    pub fn builtin() -> Self {
        Self::default()
    }

    /// Ours and those of a folder (which need not exist). Reads and checks every file in it; those that are wrong are left out
    /// and are in [`Themes::problems`].
    #[must_use]
    pub fn with_user_dir(folder: &Path) -> Self {
        let mut themes = Self::default();
        let files = match std::fs::read_dir(folder) {
            Ok(files) => files,
            Err(error) => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    let message = format!("can't read the themes in {}: {}", folder.display(), reason(&error));
                    themes.problems.push(UserError::new(ErrorKind::Config, message).hint("make the folder readable"));
                }
                return themes;
            }
        };
        let mut paths: Vec<PathBuf> = files
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
            .collect();
        paths.sort();
        for path in paths {
            let id = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if !is_id(id) {
                let message = format!("{} can't be the name of a theme", path.display());
                let hint = "rename the file: letters, digits, `-`, `_` and `.`";
                themes.problems.push(UserError::new(ErrorKind::Config, message).hint(hint));
                continue;
            }
            match load(folder, id) {
                Ok(theme) => themes.user.push(theme),
                Err(problem) => themes.problems.push(problem),
            }
        }
        themes
    }

    /// What is wrong with the user's themes.
    #[must_use]
    pub fn problems(&self) -> &[UserError] {
        &self.problems
    }

    /// The ids of all themes, the built-in ones first.
    #[must_use]
    pub fn ids(&self) -> Vec<&str> {
        let ours = BUILT_IN.iter().map(|(id, _)| *id);
        let theirs = self.user.iter().map(|entry| entry.id.as_str()).filter(|id| !is_builtin(id));
        ours.chain(theirs).collect()
    }

    /// All themes with what a person reads, the built-in ones first.
    #[must_use]
    pub fn list(&self) -> Vec<ThemeEntry> {
        self.ids()
            .into_iter()
            .map(|id| match self.users(id) {
                Some(theme) => ThemeEntry { id: id.to_owned(), name: theme.name.clone(), is_users: true },
                None => ThemeEntry { id: id.to_owned(), name: name_of(id), is_users: false },
            })
            .collect()
    }

    fn users(&self, id: &str) -> Option<&Theme> {
        self.user.iter().find(|theme| theme.id == id)
    }

    /// The theme of that id.
    ///
    /// # Errors
    /// When there is none, with the nearest name.
    pub fn get(&self, id: &str) -> Result<Theme, UserError> {
        match self.users(id) {
            Some(theme) => Ok(theme.clone()),
            None if is_builtin(id) => build(id, None),
            None => Err(self.unknown(id)),
        }
    }

    pub(in crate::config) fn unknown(&self, id: &str) -> UserError {
        let problem = UserError::new(ErrorKind::Config, format!("there is no theme `{id}`"));
        match nearest(id, self.ids()) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint(format!("there are {}", self.ids().join(", "))),
        }
    }
}

/// One theme, the user's before ours, without looking at any other: the quick way to the first frame.
///
/// # Errors
/// When there is none, or its file is wrong.
pub fn load(folder: &Path, id: &str) -> Result<Theme, UserError> {
    build(id, Some(folder))
}

/// A theme of that id can be asked for.
pub(in crate::config) fn exists(id: &str, folder: &Path) -> bool {
    is_builtin(id) || (is_id(id) && folder.join(format!("{id}.toml")).is_file())
}

/// Could be the name of a theme's file, and of nothing outside of its folder.
pub(in crate::config) fn is_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 64
        && !id.starts_with('.')
        && id.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

pub(super) fn default_theme() -> Theme {
    // A test reads every built-in theme; an empty one is still better than no interface.
    build(DEFAULT, None).unwrap_or_else(|_| super::roles::blank(DEFAULT, DEFAULT))
}

fn is_builtin(id: &str) -> bool {
    BUILT_IN.iter().any(|(known, _)| *known == id)
}

fn name_of(id: &str) -> String {
    source(id, None)
        .ok()
        .and_then(|source| Draft::read(&source).ok())
        .and_then(|draft| draft.name)
        .unwrap_or(id.to_owned())
}

/// The file of a theme: the user's where a folder has it, else ours.
fn source(id: &str, folder: Option<&Path>) -> Result<Source, UserError> {
    if let Some(folder) = folder.filter(|_| is_id(id))
        && let Some(source) = Source::read(&folder.join(format!("{id}.toml")))?
    {
        return Ok(source);
    }
    match BUILT_IN.iter().find(|(known, _)| *known == id) {
        Some((_, text)) => Ok(Source { name: format!("themes/{id}.toml"), text: (*text).to_owned() }),
        None => Err(Themes::default().unknown(id)),
    }
}

fn build(id: &str, folder: Option<&Path>) -> Result<Theme, UserError> {
    let first = source(id, folder)?;
    let mut draft = Draft::read(&first)?;
    let mut seen = vec![id.to_owned()];
    while let Some(parent) = draft.inherits.take() {
        // A user's theme may stand on the built-in one that it takes the name of.
        let is_own_name = parent == *seen.last().unwrap_or(&parent) && is_builtin(&parent);
        if (seen.contains(&parent) && !is_own_name) || seen.len() >= MOST_ANCESTORS {
            let message = format!("{}: `inherits = \"{parent}\"` leads in a circle", first.name);
            return Err(UserError::new(ErrorKind::Config, message).hint("inherit from a theme that stands on its own"));
        }
        let parent_source = source(&parent, folder.filter(|_| !is_own_name)).map_err(|mut problem| {
            problem.message = format!("{}: `inherits`: {}", first.name, problem.message);
            problem
        })?;
        seen.push(parent);
        draft = draft.over(Draft::read(&parent_source)?);
    }
    draft.finish(id)
}
