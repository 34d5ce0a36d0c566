//! A person's folders and environment, made for one test.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Folders of a person who has just come to this machine. Gone when the last clone is.
#[derive(Clone)]
pub struct Home(Arc<tempfile::TempDir>);

impl Home {
    pub fn new() -> Self {
        Self(Arc::new(tempfile::tempdir().expect("a folder for the test")))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn config_dir(&self) -> PathBuf {
        self.path().join("config/hobnob")
    }

    pub fn config_file(&self) -> PathBuf {
        self.config_dir().join("config.toml")
    }

    /// Where the log is, and what else is state.
    pub fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    pub fn hf_home(&self) -> PathBuf {
        self.path().join("huggingface")
    }

    pub fn write_config(&self, toml: &str) {
        std::fs::create_dir_all(self.config_dir()).expect("the config folder");
        std::fs::write(self.config_file(), toml).expect("the config file");
    }

    /// Text of every file below the state folder: the log, wherever exactly it is.
    pub fn log(&self) -> String {
        let mut text = String::new();
        let mut folders = vec![self.state()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    text.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()));
                }
            }
        }
        text
    }

    /// The environment of a process that lives here.
    pub fn env(&self) -> Vec<(OsString, OsString)> {
        let at = |name: &str| self.path().join(name).into_os_string();
        [
            ("HOME", self.path().as_os_str().to_owned()),
            ("XDG_CONFIG_HOME", at("config")),
            ("XDG_DATA_HOME", at("data")),
            ("XDG_STATE_HOME", at("state")),
            ("XDG_CACHE_HOME", at("cache")),
            ("HF_HOME", at("huggingface")),
            ("PATH", std::env::var_os("PATH").unwrap_or_default()),
            ("LANG", "C.UTF-8".into()),
            ("TERM", "xterm-256color".into()),
            ("COLORTERM", "truecolor".into()),
        ]
        .map(|(name, value)| (OsString::from(name), value))
        .into()
    }
}
