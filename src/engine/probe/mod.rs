//! Reads what a model's own files say of it, without loading it: our facts for the lists, and the gate before the engine.
//!
//! The engine trusts what it loads: it panics, or reserves all memory and is killed, on headers that lie. So everything
//! that it would trip over is refused here, in words that name the file and the reason. Nothing here panics or reserves
//! memory on a file's word: every count and length is held against what is left of the file first, and long lists are
//! walked, not kept.
//!
//! A GGUF file: `gguf` and `value` know the format, `architecture`, `weights` and `vocabulary` what the engine's loaders
//! need of it, and `gguf_model` joins them. A folder: `config` (with `loaders`, `objections` and `memory`), `safetensors`,
//! `template` and `tokenizer_json` know a file each, `mlx` one way to store the weights, and `folder` joins them; `uqff` does
//! so for one whose weights this engine has quantised.

use std::path::{Path, PathBuf};

use self::config::Config;
pub(super) use self::fault::GET_ANOTHER;
use crate::domain::model::{Foresight, ModelFacts};
use crate::domain::recommend;
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
mod loaders;
mod memory;
mod metadata;
mod mlx;
mod objections;
mod reader;
mod safetensors;
mod split;
mod template;
mod tensor;
mod tokenizer_json;
mod uqff;
mod value;
mod vocabulary;
mod weights;

/// What the model at `path` says of itself: a GGUF file (any part of a split set), a Hugging Face folder, or the first
/// UQFF file of one.
///
/// # Errors
/// Names the file and says why the engine could not run it.
pub fn probe(path: &Path) -> Result<ModelFacts, UserError> {
    let mut facts = if path.is_dir() {
        folder::probe(path)
    } else if is_uqff(path) {
        uqff::probe(path)
    } else {
        gguf_model::probe(path)
    }?;
    let name = facts.name.clone().unwrap_or_else(|| called(path));
    facts.recommended = facts.recommended.over(recommend::by_makers(&facts.architecture, &name));
    Ok(facts)
}

fn is_uqff(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "uqff")
}

/// What a file or folder is called: by its own name, or, in the Hub's cache, by its repository's. A UQFF file has its
/// folder's.
fn called(path: &Path) -> String {
    let path = path.parent().filter(|_| is_uqff(path)).unwrap_or(path);
    let snapshots = path.parent().filter(|parent| path.is_dir() && parent.ends_with("snapshots"));
    let named = snapshots.and_then(Path::parent).unwrap_or(path);
    named.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The `config.json` that the engine must be given in place of the one in `folder`, if it could not follow that.
///
/// # Errors
/// When the folder's own can't be read.
pub fn config_for_engine(folder: &Path) -> Result<Option<String>, UserError> {
    config::for_engine(folder).map_err(|fault| fault.about(folder))
}

/// What the start of a file says against running the model that it belongs to, before the rest of it is here: of a GGUF file of
/// `len` bytes called `name`, or all of a `config.json`.
///
/// # Errors
/// The same as [`probe`] would give of the whole. More of the file can bring more of them, if the answer says so.
pub fn judge(name: &str, start: &[u8], len: u64) -> Result<Foresight, UserError> {
    let verdict = if name.ends_with(config::FILE) { Config::judge(start) } else { gguf_model::judge(start, len) };
    let model = name.strip_suffix(config::FILE).and_then(|folder| folder.strip_suffix('/')).unwrap_or(name);
    verdict.map_err(|fault| fault.about(Path::new(model)))
}

/// What the start of a file tells of the model that it belongs to, before anything of it is here: of a GGUF file of `len` bytes
/// called `name`, or all of a `config.json` with numbers and bytes of each type that its weights have. `None` where more of the
/// file is needed.
///
/// # Errors
/// Why the engine could not run it, as far as that shows.
pub fn foretell(
    name: &str,
    start: &[u8],
    len: u64,
    types: &[(String, u64, u64)],
) -> Result<Option<ModelFacts>, UserError> {
    let told = if name.ends_with(config::FILE) {
        folder::foretell(start, len, types).map(Some)
    } else {
        gguf_model::by_name(name).and_then(|()| gguf_model::foretell(start, len))
    };
    let model = name.strip_suffix(config::FILE).and_then(|folder| folder.strip_suffix('/')).unwrap_or(name);
    let mut facts = told.map_err(|fault| fault.about(Path::new(model)))?;
    if let Some(facts) = &mut facts {
        let name = facts.name.clone().unwrap_or_else(|| called(Path::new(model)));
        facts.recommended = facts.recommended.over(recommend::by_makers(&facts.architecture, &name));
    }
    Ok(facts)
}

/// The files of a GGUF model, in order: all parts of a split set, or the one file.
///
/// # Errors
/// Names a part that is missing.
pub fn parts(path: &Path) -> Result<Vec<PathBuf>, UserError> {
    split::parts(path)
}
