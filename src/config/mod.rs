//! Floor 1: settings, keys, themes, and where files are.
//!
//! A setting's value comes from the topmost layer that says one: defaults, then the config file, then the environment,
//! then flags. [`load`] merges them and remembers for every key where its value is from. What a setting is called, means,
//! allows and defaults to is in one table, [`SPECS`]: the settings pane, `hobnob config show`, the checks and their
//! messages are all made from it. Loading reads one small file and scans no folder: it is on the way to the first frame.

pub mod catalog;
mod file;
pub mod keymap;
mod layers;
mod own;
mod paths;
mod personas;
mod save;
mod schema;
mod specs;
mod suggest;
pub mod templates;
pub mod theme;
mod value;

pub use file::{expand_tilde, read_at_most};
pub use layers::{Loaded, Origin, Origins, Sources, load};
pub use own::{Assignments, assign, differences, is_own, own_called, own_specs, read_assignments, short_name};
pub use paths::{Paths, named as named_path};
pub use personas::{NO_PERSONA, Persona, not_a_name, persona_called, save_persona};
pub use save::{Lines, save, write_whole};
pub use schema::{Applies, Kind, Spec};
pub use specs::{BY_MODEL, SPECS, spec};
pub use suggest::{distance, nearest};
pub use value::Value;

use std::path::PathBuf;

use crate::domain::Thinking;
use crate::domain::model::LoadSettings;
use crate::domain::sampling::SamplingPatch;

/// The documented default: every setting and every key, with what it does.
pub const EXAMPLE: &str = include_str!("../../config.example.toml");

/// The settings in force. Plain data; what each one means, allows and defaults to is in [`SPECS`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// MODEL to load at the start.
    pub model: Option<String>,
    /// No network at all.
    pub offline: bool,
    pub models: Models,
    pub chat: Chat,
    pub sampling: SamplingPatch,
    pub engine: Engine,
    pub hub: Hub,
    pub ui: Ui,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Models {
    /// Folders beside the Hugging Face cache that hold models; absolute once loaded.
    pub folders: Vec<PathBuf>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Chat {
    pub system_prompt: String,
    /// At most so many tokens per answer; `None` is as many as the context has room for.
    pub max_tokens: Option<u32>,
    pub thinking: Thinking,
    /// Reasoning is shown unfolded.
    pub show_reasoning: bool,
    /// A paste of more lines is one piece of the message.
    pub fold_paste: u32,
    /// Prompts of other conversations can be recalled.
    pub prompt_history: bool,
    /// What was written is folded after so many lines; 0 never.
    pub fold_after: u32,
    /// Lines of code have numbers.
    pub line_numbers: bool,
    pub details: Details,
}

impl Default for Chat {
    fn default() -> Self {
        Self {
            system_prompt: String::new(),
            max_tokens: None,
            thinking: Thinking::default(),
            show_reasoning: false,
            fold_paste: 8,
            prompt_history: true,
            fold_after: 40,
            line_numbers: false,
            details: Details::default(),
        }
    }
}

/// What is said about each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Details {
    None,
    /// How fast and how long an answer was, and why it ended.
    #[default]
    Figures,
    /// When it was sent, too, and what became of the prompt.
    All,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Engine {
    pub load: LoadSettings,
    /// Minutes without a message after which the model's memory is given back; `None` keeps it.
    pub unload_after: Option<u32>,
    /// Scripts of the same user use the model that is loaded already.
    pub share: bool,
}

impl Default for Engine {
    fn default() -> Self {
        Self { load: LoadSettings::default(), unload_after: None, share: true }
    }
}

/// How models are fetched.
#[derive(Debug, Clone, PartialEq)]
pub struct Hub {
    /// At most so many at once.
    pub connections: u32,
    /// Thousands of bytes per second, all downloads together; `None` as fast as it goes.
    pub speed_limit: Option<u32>,
}

impl Hub {
    /// Enough to fill a usual line where each single connection is held back, and few enough to be a good guest.
    pub const DEFAULT_CONNECTIONS: u32 = 6;

    /// The limit in bytes per second.
    #[must_use]
    pub fn bytes_per_second(&self) -> Option<u64> {
        self.speed_limit.map(|thousands| u64::from(thousands) * 1000)
    }
}

impl Default for Hub {
    fn default() -> Self {
        Self { connections: Self::DEFAULT_CONNECTIONS, speed_limit: None }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Ui {
    pub theme: String,
    /// `None`: as the terminal's character set says.
    pub ascii: Option<bool>,
    /// Wheel and clicks are ours, not the terminal's.
    pub mouse: bool,
    pub editing: EditingKeys,
    /// How the end of a long answer is told to somebody who looks elsewhere.
    pub notify: Notify,
    /// Seconds that an answer takes before its end is told.
    pub notify_after: u32,
}

/// The keys that a message is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EditingKeys {
    #[default]
    Emacs,
    Vim,
}

/// A way to say that something has ended, through the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Notify {
    #[default]
    Off,
    Bell,
    /// The sequence of iTerm2, which others know too.
    Osc9,
    /// The sequence of urxvt, which has a title.
    Osc777,
    /// The one that the terminal is known to understand, else the bell.
    Auto,
}

impl Default for Ui {
    fn default() -> Self {
        Self {
            theme: theme::DEFAULT.to_owned(),
            ascii: None,
            mouse: false,
            editing: EditingKeys::default(),
            notify: Notify::Off,
            notify_after: 10,
        }
    }
}
