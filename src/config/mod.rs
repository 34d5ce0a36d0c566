//! Floor 1: settings, keys, themes, and where files are.

pub mod keymap;
pub mod theme;

use std::path::PathBuf;

use crate::domain::Thinking;
use crate::domain::model::Device;
use crate::domain::sampling::SamplingPatch;

/// The settings in force. Plain data; what each one means, allows and defaults to is in `SPECS`.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// MODEL to load at the start.
    pub model: Option<String>,
    pub models: Models,
    pub chat: Chat,
    pub sampling: SamplingPatch,
    pub engine: Engine,
    pub ui: Ui,
    /// No network at all.
    pub offline: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Models {
    /// Folders beside the Hugging Face cache that hold models.
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
}

#[derive(Debug, Clone, PartialEq)]
pub struct Engine {
    /// Context to make room for; never more than the model has.
    pub context: u32,
    pub device: Device,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Ui {
    pub theme: String,
    /// `None`: as the terminal's character set says.
    pub ascii: Option<bool>,
    /// Wheel and clicks are ours, not the terminal's.
    pub mouse: bool,
}

/// A setting's value, whatever its type.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Not said: somebody below decides (the model's recommendation, the terminal).
    Unset,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<String>),
}
