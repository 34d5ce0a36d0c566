//! Models of a few hundred kilobytes, sound in every respect but what they say: one for each way that a model can be stored, and
//! one of each kind that the engine has a loader for.
#![allow(dead_code, unused_imports, reason = "each test program uses its own part")]

mod folder;
mod gguf;
mod kinds;
mod random;
mod words;

pub use self::folder::{config, folder, safetensors};
pub use self::gguf::{ARCHITECTURES, gguf, place, write_random};
pub use self::kinds::{Kind, kind, kinds};
pub use self::words::{TEMPLATE, set_scored_words, tokenizer, tokenizer_config};

pub const WIDTH: u64 = 64;
const LAYERS: u32 = 2;
const HEADS: u64 = 4;
const HEAD: u64 = 16;
const KEYS: u64 = 2 * HEAD;
const INNER: u64 = 96;
const CONTEXT: u32 = 512;
const EXPERTS: u64 = 4;
/// How many experts see each token.
const CHOSEN: u64 = 2;
const EXPERT: u64 = 32;
