//! A model as a Hugging Face folder: `config.json`, weights as safetensors, and the tokenizer's files.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::config::{Config, GPU_HINT, has_gpu};
use super::fault::{Fault, Found, quote};
use super::generation::Generation;
use super::safetensors::{self, Sums};
use super::tokenizer_json::{self, Wanted};
use super::{footprint, json, reader, template};
use crate::domain::model::{Format, ModelFacts, SplitName};
use crate::domain::sampling::SamplingPatch;
use crate::engine::has_ending;
use crate::error::UserError;

const INDEX: &str = "model.safetensors.index.json";
const MOST_INDEX: u64 = 32 << 20;
const MOST_FILES: usize = 1_024;

pub(super) fn probe(path: &Path) -> Result<ModelFacts, UserError> {
    facts(path).map_err(|fault| fault.about(path))
}

fn facts(folder: &Path) -> Found<ModelFacts> {
    let files = listing(folder)?;
    check_kind(&files)?;
    let config = Config::read(folder)?;
    let mut sums = Sums::default();
    for file in weights(folder, &files)? {
        safetensors::read(&folder.join(&file), &mut sums).map_err(|fault| fault.inside(&file))?;
    }
    config.check(&sums)?;
    let gpu_only = config.gpu_only(&sums);
    if let Some(reason) = gpu_only.filter(|_| !has_gpu()) {
        return Err(Fault::unsupported(reason, GPU_HINT));
    }
    let talk = talk(folder, &files)?;
    Ok(ModelFacts {
        has_chat_template: true,
        can_think: talk.can_think,
        recommended: talk.recommended,
        gpu_only: gpu_only.map(str::to_owned),
        ..described(&config, &sums)
    })
}

/// What a `config.json` tells of a model whose weights, `bytes` of them, are not here yet, with numbers and bytes of
/// each type. They are taken to be stored as they usually are.
pub(super) fn foretell(config: &[u8], bytes: u64, types: &[(String, u64, u64)]) -> Found<ModelFacts> {
    let config = Config::parse(config)?;
    let sums = config.usual_sums(bytes, types);
    let gpu_only = config.gpu_only(&sums);
    if let Some(reason) = gpu_only.filter(|_| !has_gpu()) {
        return Err(Fault::unsupported(reason, GPU_HINT));
    }
    Ok(ModelFacts { gpu_only: gpu_only.map(str::to_owned), ..described(&config, &sums) })
}

/// What configuration and weights say together.
fn described(config: &Config, sums: &Sums) -> ModelFacts {
    let footprint = footprint::of_folder(config, sums);
    ModelFacts {
        format: Format::Safetensors,
        quant: config.quantisation(sums),
        mlx: config.is_mlx(),
        parameters: config.parameters(sums),
        bytes: sums.bytes(),
        feed_forward: footprint.feed_forward,
        held: footprint.held,
        unpacking: footprint.unpacking,
        per_token: footprint.per_token,
        experts: footprint.experts,
        plain: config.plain(sums),
        ..config.facts()
    }
}

pub(super) fn listing(folder: &Path) -> Found<BTreeSet<String>> {
    let entries = fs::read_dir(folder).map_err(|error| reader::unreadable(&error))?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).take(10 * MOST_FILES).collect())
}

/// Is this a folder of a language model at all?
fn check_kind(files: &BTreeSet<String>) -> Found<()> {
    if !files.contains("config.json") {
        return Err(only_gguf(files).unwrap_or_else(|| {
            Fault::missing(
                "it holds no config.json",
                "name a folder with config.json, the weights as safetensors, and tokenizer.json, or a GGUF file",
            )
        }));
    }
    if files.contains("config_sentence_transformers.json") {
        return Err(Fault::unsupported(
            "it turns text into numbers for searching, and can't answer",
            "choose another model",
        ));
    }
    // The engine prefers it to config.json, and then finds nothing it knows in it.
    if files.contains("params.json") {
        return Err(Fault::unsupported(
            "it holds the model twice, and the engine takes the wrong one (params.json)",
            "remove params.json and consolidated.safetensors from the folder",
        ));
    }
    Ok(())
}

/// For a folder without weights of its own kind that holds GGUF files instead.
fn only_gguf(files: &BTreeSet<String>) -> Option<Fault> {
    let gguf = files.iter().find(|file| has_ending(file, "gguf"))?;
    Some(Fault::missing(
        "it is a folder of GGUF files, and which one is not said",
        format!("name a file in it, such as {}", quote(gguf)),
    ))
}

/// The files that the engine takes the weights from.
fn weights(folder: &Path, files: &BTreeSet<String>) -> Found<Vec<String>> {
    let found: Vec<String> = files.iter().filter(|file| is_weights(file)).cloned().collect();
    let needed = if files.contains(INDEX) { indexed(folder)? } else { numbered(&found) };
    if let Some(missing) = needed.iter().find(|file| !files.contains(*file)) {
        return Err(Fault::missing(
            format!("{} is missing", quote(missing)),
            "download the model again: what is there already is kept",
        ));
    }
    if found.is_empty() {
        if let Some(fault) = only_gguf(files) {
            return Err(fault);
        }
        let other = files.iter().any(|file| ["bin", "pt", "pth"].iter().any(|end| has_ending(file, end)));
        return Err(if other {
            Fault::unsupported(
                "its weights are PyTorch files, which may run programs when they are read",
                "take the safetensors or a GGUF file of this model",
            )
        } else {
            Fault::missing("it holds no weights (model.safetensors)", "download the model again")
        });
    }
    if found.len() > MOST_FILES {
        return Err(Fault::broken("it holds more files of weights than any model has"));
    }
    Ok(found)
}

/// By the patterns of the engine: `model.safetensors`, `model-1-of-2.safetensors`, also with something before.
fn is_weights(file: &str) -> bool {
    let Some(stem) = file.strip_suffix(".safetensors") else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = stem.rsplit_once("model-").and_then(|(_, numbers)| numbers.split_once("-of-"));
    stem.ends_with("model")
        || stem.ends_with("consolidated")
        || numbers.is_some_and(|(part, parts)| digits(part) && digits(parts))
}

/// All names of the sets that the found ones belong to.
fn numbered(found: &[String]) -> BTreeSet<String> {
    found.iter().filter_map(|file| SplitName::parse(file)).flat_map(SplitName::set).collect()
}

/// The files that the index names; the weights themselves are not kept.
fn indexed(folder: &Path) -> Found<BTreeSet<String>> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: Files,
    }
    let (file, len) = reader::open(&folder.join(INDEX)).map_err(|fault| fault.inside(INDEX))?;
    if len > MOST_INDEX {
        return Err(Fault::Broken(format!("{INDEX} has {len} bytes, more than any model's")));
    }
    let index: Index = serde_json::from_reader(json::walk(file)).map_err(|error| json::invalid(INDEX, &error))?;
    match index.weight_map.0.iter().find(|file| file.contains(['/', '\\']) || !has_ending(file, "safetensors")) {
        Some(other) => Err(Fault::Broken(format!("{INDEX} names {}, which is no file of this folder", quote(other)))),
        None => Ok(index.weight_map.0),
    }
}

struct Files(BTreeSet<String>);

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Files;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a list of weights and their files")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Files, A::Error> {
                let mut names = BTreeSet::new();
                while let Some((_, file)) = map.next_entry::<IgnoredAny, String>()? {
                    if file.len() > 255 || (names.len() == MOST_FILES && !names.contains(&file)) {
                        return Err(A::Error::custom("more files than any model has"));
                    }
                    names.insert(file);
                }
                Ok(Files(names))
            }
        }
        deserializer.deserialize_map(Names)
    }
}

/// How a folder's model is talked to.
pub(super) struct Talk {
    pub can_think: bool,
    pub recommended: SamplingPatch,
}

/// Without a template and a tokenizer nobody can talk to it.
pub(super) fn talk(folder: &Path, files: &BTreeSet<String>) -> Found<Talk> {
    let talk = template::of_folder(folder)?;
    let generation = Generation::read(folder)?;
    check_tokenizer(folder, files, talk.end.clone(), &generation)?;
    let can_think = talk.can_think();
    match talk.template {
        Some(text) if !text.trim().is_empty() => Ok(Talk { can_think, recommended: generation.recommended() }),
        _ => Err(template::none()),
    }
}

fn check_tokenizer(folder: &Path, files: &BTreeSet<String>, end: Option<String>, generation: &Generation) -> Found<()> {
    if files.contains(tokenizer_json::FILE) {
        return tokenizer_json::check(folder, Wanted::new(end, generation.ends(), generation.looked_up()));
    }
    // Mistral's own kind, which the engine reads as well.
    if files.contains("tekken.json") {
        return Ok(());
    }
    Err(Fault::missing(
        "it holds no tokenizer.json",
        "download the model again, or take a GGUF file of it, which has everything in one",
    ))
}
