//! Reads what a model's own files say of it, without loading it: our facts for the lists, and the gate before the engine.
//!
//! The engine trusts what it loads: it panics, or reserves all memory and is killed, on headers that lie. So everything
//! that it would trip over is refused here, in words that name the file and the reason. Nothing here panics or reserves
//! memory on a file's word: every count and length is held against what is left of the file first, and long lists are
//! walked, not kept.
//!
//! A GGUF file: `gguf` and `value` know the format, `architecture`, `weights` and `vocabulary` what the engine's loaders
//! need of it, and `gguf_model` joins them. A folder: `config`, `safetensors`, `template` and `tokenizer_json` know a file
//! each, and `folder` joins them.

use std::path::{Path, PathBuf};

use crate::domain::model::ModelFacts;
use crate::error::UserError;

mod architecture;
mod config;
mod fault;
mod folder;
mod footprint;
mod generation;
mod gguf;
mod gguf_model;
mod json;
mod metadata;
mod reader;
mod safetensors;
mod split;
mod template;
mod tensor;
mod tokenizer_json;
mod value;
mod vocabulary;
mod weights;

/// What the model at `path` says of itself: a GGUF file (any part of a split set) or a Hugging Face folder.
///
/// # Errors
/// Names the file and says why the engine could not run it.
pub fn probe(path: &Path) -> Result<ModelFacts, UserError> {
    if path.is_dir() { folder::probe(path) } else { gguf_model::probe(path) }
}

/// The files of a GGUF model, in order: all parts of a split set, or the one file.
///
/// # Errors
/// Names a part that is missing.
pub fn parts(path: &Path) -> Result<Vec<PathBuf>, UserError> {
    split::parts(path)
}
