//! Where the chat template of a model folder is, as the engine looks for it, and with the types that it insists on.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::fault::{Fault, Found, quote};
use super::value::MOST_TEMPLATE;
use super::{json, reader};

const JINJA: &str = "chat_template.jinja";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
const TEMPLATE_JSON: &str = "chat_template.json";
const PROCESSOR: &str = "processor_config.json";
/// The largest known has 1.2 MB, most of it descriptions of unused words.
const MOST_CONFIG: u64 = 3 << 20;

/// What is known of how a model is talked to.
#[derive(Debug, Default)]
pub(super) struct Talk {
    pub template: Option<String>,
    /// The word that ends an answer.
    pub end: Option<String>,
}

impl Talk {
    pub fn can_think(&self) -> bool {
        self.template.as_deref().is_some_and(|text| text.contains("<think>") && text.contains("</think>"))
    }
}

/// `tokenizer_config.json`: the fields that the engine reads, of the types without which it panics.
#[derive(Debug, Default, Deserialize)]
struct TokenizerConfig {
    #[serde(rename = "add_bos_token")]
    _add_bos: Option<bool>,
    #[serde(rename = "add_eos_token")]
    _add_eos: Option<bool>,
    #[serde(rename = "added_tokens_decoder")]
    _added: Option<HashMap<String, AddedWord>>,
    #[serde(rename = "additional_special_tokens")]
    _special: Option<Vec<String>>,
    #[serde(rename = "bos_token")]
    _bos: Option<Word>,
    chat_template: Option<Template>,
    #[serde(rename = "clean_up_tokenization_spaces")]
    _clean: Option<bool>,
    #[serde(rename = "device_map")]
    _map: Option<String>,
    eos_token: Option<Word>,
    #[serde(rename = "legacy")]
    _legacy: Option<bool>,
    #[serde(rename = "model_max_length")]
    _length: Option<f64>,
    #[serde(rename = "pad_token")]
    _pad: Option<Word>,
    #[serde(rename = "sp_model_kwargs")]
    _arguments: Option<HashMap<String, String>>,
    #[serde(rename = "spaces_between_special_tokens")]
    _spaces: Option<bool>,
    #[serde(rename = "tokenizer_class")]
    _class: Option<String>,
    #[serde(rename = "truncation_size")]
    _truncation: Option<String>,
    #[serde(rename = "unk_token")]
    _unknown: Option<Word>,
    #[serde(rename = "use_default_system_prompt")]
    _system: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "the file's form, not ours")]
struct AddedWord {
    content: String,
    #[serde(rename = "lstrip")]
    _left: bool,
    #[serde(rename = "normalized")]
    _normalized: bool,
    #[serde(rename = "rstrip")]
    _right: bool,
    #[serde(rename = "single_word")]
    _single: bool,
    #[serde(rename = "special")]
    _special: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Word {
    Plain(String),
    Described(AddedWord),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Template {
    One(String),
    Named(Vec<HashMap<String, String>>),
}

impl Template {
    /// The one for plain conversation, as the engine picks it.
    fn into_text(self) -> Found<String> {
        let all = match self {
            Self::One(text) => return Ok(text),
            Self::Named(all) => all,
        };
        let mut picked = None;
        for mut entry in all {
            match (entry.get("name").cloned(), entry.contains_key("default")) {
                (Some(name), _) => {
                    let text = entry.remove("template").ok_or_else(|| {
                        Fault::Broken(format!("{TOKENIZER_CONFIG}: its chat template {} is empty", quote(&name)))
                    })?;
                    picked = Some(text);
                    if name == "default" {
                        break;
                    }
                }
                (None, true) => {
                    picked = entry.remove("default");
                    break;
                }
                (None, false) => {}
            }
        }
        picked.ok_or_else(none)
    }
}

#[derive(Deserialize)]
struct TemplateFile {
    chat_template: String,
}

/// Read by the engine beside any model, GGUF or folder.
#[derive(Default, Deserialize)]
struct Processor {
    chat_template: Option<String>,
    #[serde(rename = "image_seq_len", alias = "image_seq_length")]
    _images: Option<u64>,
    #[serde(rename = "image_break_token")]
    _break: Option<String>,
    #[serde(rename = "image_end_token")]
    _end: Option<String>,
    #[serde(rename = "image_token")]
    _image: Option<String>,
    #[serde(rename = "patch_size")]
    _patch: Option<u64>,
    #[serde(rename = "spatial_merge_size")]
    _merge: Option<u64>,
    #[serde(rename = "pixel_shuffle_ratio")]
    _shuffle: Option<f32>,
    #[serde(rename = "audio_seq_length")]
    _audio: Option<u64>,
    #[serde(rename = "video_max_soft_tokens")]
    _video: Option<u64>,
}

/// A template in files beside the weights that a GGUF file's own gives way to, or that stands in for it.
pub(super) fn beside_gguf(folder: &Path, own: Option<&str>) -> Found<Option<String>> {
    let own = match own {
        Some(text) => Some(text.to_owned()),
        None => template_file(folder)?,
    };
    Ok(processor(folder)?.or(own))
}

/// How the model in `folder` is talked to.
pub(super) fn of_folder(folder: &Path) -> Found<Talk> {
    let has = |file: &str| folder.join(file).exists();
    let mut talk = Talk::default();
    if has(JINJA) {
        let bytes = reader::read_small(&folder.join(JINJA), MOST_TEMPLATE).map_err(|fault| fault.inside(JINJA))?;
        let text = String::from_utf8(bytes).map_err(|_| Fault::Broken(format!("{JINJA} is not UTF-8 text")))?;
        talk.template = Some(text);
        // Only asked for its words then, and not missed when it is no good.
        if has(TOKENIZER_CONFIG) {
            let config: Option<TokenizerConfig> = json::small(folder, TOKENIZER_CONFIG, MOST_CONFIG).ok();
            talk.end = config.and_then(|config| config.eos_token).map(Word::into_text);
        }
    } else if has(TOKENIZER_CONFIG) {
        let config: TokenizerConfig = json::small(folder, TOKENIZER_CONFIG, MOST_CONFIG)?;
        talk.template = config.chat_template.map(Template::into_text).transpose()?;
        talk.end = config.eos_token.map(Word::into_text);
    }
    if talk.template.is_none() {
        talk.template = template_file(folder)?;
    }
    if let Some(text) = processor(folder)? {
        talk.template = Some(text);
    }
    Ok(talk)
}

impl Word {
    fn into_text(self) -> String {
        match self {
            Self::Plain(text) => text,
            Self::Described(word) => word.content,
        }
    }
}

fn template_file(folder: &Path) -> Found<Option<String>> {
    if !folder.join(TEMPLATE_JSON).exists() {
        return Ok(None);
    }
    json::small(folder, TEMPLATE_JSON, MOST_TEMPLATE).map(|file: TemplateFile| Some(file.chat_template))
}

fn processor(folder: &Path) -> Found<Option<String>> {
    if !folder.join(PROCESSOR).exists() {
        return Ok(None);
    }
    json::small(folder, PROCESSOR, MOST_CONFIG).map(|file: Processor| file.chat_template)
}

/// What a model without a template is told.
pub(super) fn none() -> Fault {
    Fault::unsupported(
        "it has no chat template: it was made to continue text, not to answer",
        "choose a model with `Instruct`, `Chat` or `it` in its name",
    )
}
