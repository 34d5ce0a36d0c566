//! Where files are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::config::file::expand_tilde;
use crate::error::{ErrorKind, UserError};

/// Looks a variable up in the environment, or in what a test puts in its place.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Where files are: resolved once at the start, created by whoever writes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    pub config_file: PathBuf,
    pub config_dir: PathBuf,
    /// The user's own themes.
    pub themes_dir: PathBuf,
    pub data_dir: PathBuf,
    /// What models have been measured to do here.
    pub measured_file: PathBuf,
    pub log_dir: PathBuf,
    /// Where programs that run at the same time find each other.
    pub runtime_dir: PathBuf,
    /// Hugging Face's cache of models, shared with its Python client.
    pub hub_cache: PathBuf,
}

impl Paths {
    /// The user's own prompt templates.
    #[must_use]
    pub fn templates_dir(&self) -> PathBuf {
        self.config_dir.join("templates")
    }

    /// Copies of models as they were quantised.
    #[must_use]
    pub fn quantised_dir(&self) -> PathBuf {
        self.data_dir.join("quantised")
    }

    /// Names that were given to models elsewhere on this machine.
    #[must_use]
    pub fn imported_dir(&self) -> PathBuf {
        self.data_dir.join("models")
    }

    /// All conversations.
    #[must_use]
    pub fn conversations_file(&self) -> PathBuf {
        self.data_dir.join("conversations.db")
    }

    /// Works the folders out: `HOBNOB_DATA_DIR` and XDG's variables win where they are set, on macOS too; otherwise it is the
    /// platform's own folders.
    ///
    /// Without any home folder the paths lead nowhere, and the problem says what to do.
    #[must_use]
    pub fn resolve(env: Env) -> (Self, Option<UserError>) {
        let home = absolute(env, "HOME")
            // Not only the environment knows the home folder: the system's list of users has it too.
            .or_else(|| directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_path_buf()));
        Self::with_home(env, home.as_deref(), cfg!(target_os = "macos"))
    }

    fn with_home(env: Env, home: Option<&Path>, macos: bool) -> (Self, Option<UserError>) {
        let mut homeless = false;
        let mut under_home = |path: &str| {
            home.map_or_else(
                || {
                    homeless = true;
                    // A folder that nobody can plant files in.
                    Path::new("/nonexistent").join(path)
                },
                |home| home.join(path),
            )
        };
        let mut own = |variable: &str, linux: &str, mac: &str| {
            absolute(env, variable).map_or_else(
                || if macos { under_home(mac) } else { under_home(linux).join("hobnob") },
                |folder| folder.join("hobnob"),
            )
        };
        let mac = "Library/Application Support/hobnob";
        let config_dir = own("XDG_CONFIG_HOME", ".config", mac);
        let data_dir = named(env, "HOBNOB_DATA_DIR", home).unwrap_or_else(|| own("XDG_DATA_HOME", ".local/share", mac));
        let log_dir = own("XDG_STATE_HOME", ".local/state", "Library/Logs/hobnob");
        let runtime_dir =
            absolute(env, "XDG_RUNTIME_DIR").map_or_else(|| log_dir.join("run"), |folder| folder.join("hobnob"));
        let hub_cache = named(env, "HF_HUB_CACHE", home)
            // What the Python client called it before, and still takes.
            .or_else(|| named(env, "HUGGINGFACE_HUB_CACHE", home))
            .or_else(|| named(env, "HF_HOME", home).map(|folder| folder.join("hub")))
            .or_else(|| named(env, "XDG_CACHE_HOME", home).map(|folder| folder.join("huggingface/hub")))
            .unwrap_or_else(|| under_home(".cache/huggingface/hub"));
        let config_file = named(env, "HOBNOB_CONFIG", home).unwrap_or_else(|| config_dir.join("config.toml"));
        let themes_dir = config_dir.join("themes");
        let measured_file = data_dir.join("measured.json");
        let problem = homeless.then(|| {
            UserError::new(
                ErrorKind::Config,
                "the home folder is not known, so there is no place for settings and models",
            )
            .hint("set HOME; or XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME and HF_HOME")
        });
        (
            Self { config_file, config_dir, themes_dir, data_dir, measured_file, log_dir, runtime_dir, hub_cache },
            problem,
        )
    }
}

/// XDG says that a path that is not absolute is to be ignored.
fn absolute(env: Env, variable: &str) -> Option<PathBuf> {
    env(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// A path that the user names in a variable: with a tilde, with other variables, or seen from the current folder.
#[must_use]
pub fn named(env: Env, variable: &str, home: Option<&Path>) -> Option<PathBuf> {
    let said = env(variable).filter(|text| !text.is_empty())?;
    let path = match said.to_str() {
        Some(text) => PathBuf::from(expand_variables(text, env)),
        None => PathBuf::from(said),
    };
    let path = expand_tilde(&path, home);
    Some(std::path::absolute(&path).unwrap_or(path))
}

/// `$NAME` and `${NAME}` as Python's `expandvars` takes them: an unknown name stays as it is.
fn expand_variables(text: &str, env: Env) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, dollar) = rest.split_at(at);
        out.push_str(before);
        let body = &dollar[1..];
        let braced = body.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, length) = braced.map_or_else(
            || {
                let end = body.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(body.len());
                (&body[..end], end + 1)
            },
            |(name, _)| (name, name.len() + 3),
        );
        let value = if name.is_empty() { None } else { env(name).and_then(|value| value.into_string().ok()) };
        out.push_str(value.as_deref().unwrap_or(&dollar[..length]));
        rest = &dollar[length..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(variables: &[(&str, &str)], home: Option<&str>, macos: bool) -> (Paths, Option<UserError>) {
        let variables: Vec<(String, OsString)> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
        let env = move |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        Paths::with_home(&env, home.map(Path::new), macos)
    }

    #[test]
    fn the_platforms_own_folders() {
        let (linux, problem) = paths(&[], Some("/home/a"), false);
        assert_eq!(problem, None);
        assert_eq!(linux.config_file, Path::new("/home/a/.config/hobnob/config.toml"));
        assert_eq!(linux.themes_dir, Path::new("/home/a/.config/hobnob/themes"));
        assert_eq!(linux.data_dir, Path::new("/home/a/.local/share/hobnob"));
        assert_eq!(linux.measured_file, Path::new("/home/a/.local/share/hobnob/measured.json"));
        assert_eq!(linux.log_dir, Path::new("/home/a/.local/state/hobnob"));
        assert_eq!(linux.runtime_dir, Path::new("/home/a/.local/state/hobnob/run"));
        assert_eq!(linux.hub_cache, Path::new("/home/a/.cache/huggingface/hub"));
        let (mac, _) = paths(&[], Some("/Users/a"), true);
        assert_eq!(mac.config_file, Path::new("/Users/a/Library/Application Support/hobnob/config.toml"));
        assert_eq!(mac.log_dir, Path::new("/Users/a/Library/Logs/hobnob"));
        assert_eq!(mac.hub_cache, Path::new("/Users/a/.cache/huggingface/hub"));
    }

    #[test]
    fn xdg_wins_everywhere_unless_it_is_relative() {
        let xdg =
            [("XDG_CONFIG_HOME", "/c"), ("XDG_DATA_HOME", "/d"), ("XDG_STATE_HOME", "/s"), ("XDG_CACHE_HOME", "/k")];
        for macos in [false, true] {
            let (paths, _) = paths(&xdg, Some("/home/a"), macos);
            assert_eq!(paths.config_dir, Path::new("/c/hobnob"));
            assert_eq!(paths.data_dir, Path::new("/d/hobnob"));
            assert_eq!(paths.log_dir, Path::new("/s/hobnob"));
            assert_eq!(paths.hub_cache, Path::new("/k/huggingface/hub"));
        }
        let (runtime, _) = paths(&[("XDG_RUNTIME_DIR", "/run/user/7"), ("XDG_STATE_HOME", "/s")], Some("/h"), false);
        assert_eq!(runtime.runtime_dir, Path::new("/run/user/7/hobnob"));
        let (relative, _) = paths(&[("XDG_CONFIG_HOME", "c"), ("XDG_DATA_HOME", "")], Some("/home/a"), false);
        assert_eq!(relative.config_dir, Path::new("/home/a/.config/hobnob"));
        assert_eq!(relative.data_dir, Path::new("/home/a/.local/share/hobnob"));
    }

    #[test]
    fn the_cache_is_where_the_python_client_has_it() {
        let cache = |variables: &[(&str, &str)]| paths(variables, Some("/h"), false).0.hub_cache;
        assert_eq!(cache(&[("HF_HUB_CACHE", "~/hub"), ("HF_HOME", "/x")]), Path::new("/h/hub"));
        assert_eq!(cache(&[("HF_HOME", "/x"), ("XDG_CACHE_HOME", "/k")]), Path::new("/x/hub"));
        assert_eq!(cache(&[("HF_HOME", "~")]), Path::new("/h/hub"));
        assert_eq!(
            cache(&[("HF_HOME", "$BASE/${SUB}/$NONE"), ("BASE", "/b"), ("SUB", "s")]),
            Path::new("/b/s/$NONE/hub")
        );
        assert_eq!(cache(&[("HF_HOME", "")]), Path::new("/h/.cache/huggingface/hub"));
    }

    #[test]
    fn ours_win_over_all() {
        let (paths, _) = paths(
            &[("HOBNOB_DATA_DIR", "~/data"), ("HOBNOB_CONFIG", "/etc/h.toml"), ("XDG_DATA_HOME", "/d")],
            Some("/h"),
            false,
        );
        assert_eq!(paths.data_dir, Path::new("/h/data"));
        assert_eq!(paths.config_file, Path::new("/etc/h.toml"));
    }

    #[test]
    fn without_a_home_there_is_a_problem_and_no_panic() {
        let (paths_without, problem) = paths(&[], None, false);
        assert!(problem.expect("a problem").hint.expect("a hint").contains("HOME"));
        assert!(paths_without.config_file.is_absolute());
        let all = [("XDG_CONFIG_HOME", "/c"), ("XDG_DATA_HOME", "/d"), ("XDG_STATE_HOME", "/s"), ("HF_HOME", "/hf")];
        assert_eq!(paths(&all, None, true).1, None);
    }
}
