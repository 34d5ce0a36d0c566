//! `config.json`: which model it is, and its sizes.

use std::path::Path;

use serde_json::{Map, Value};

use super::fault::{Fault, Found, quote};
use super::json;
use super::mlx::{self, Mlx};
use super::safetensors::Sums;
use crate::domain::model::Gpu;

const FILE: &str = "config.json";
/// It is parsed whole, which takes some thirty times its size.
const MOST_BYTES: u64 = 192 << 10;
const MOST_CONTEXT: u64 = 16 << 20;
const MOST_SIZE: u64 = 1 << 24;
/// Of models that look or listen and leave it to a default that we do not know.
const UNSAID_CONTEXT: u32 = 8_192;

/// What the engine has loaders for, and our name for each. The flag: the loader insists on `rope_theta`.
const TEXT: &[(&str, &str, bool)] = &[
    ("MistralForCausalLM", "mistral", false),
    ("MixtralForCausalLM", "mixtral", true),
    ("GemmaForCausalLM", "gemma", true),
    ("Gemma2ForCausalLM", "gemma2", true),
    ("PhiForCausalLM", "phi2", true),
    ("Phi3ForCausalLM", "phi3", true),
    ("LlamaForCausalLM", "llama", true),
    ("Qwen2ForCausalLM", "qwen2", true),
    ("Starcoder2ForCausalLM", "starcoder2", true),
    ("PhiMoEForCausalLM", "phi3.5moe", true),
    ("DeepseekV2ForCausalLM", "deepseekv2", false),
    ("DeepseekV3ForCausalLM", "deepseekv3", false),
    ("Qwen3ForCausalLM", "qwen3", true),
    ("Glm4ForCausalLM", "glm4", true),
    ("Glm4MoeLiteForCausalLM", "glm4moelite", false),
    ("Glm4MoeForCausalLM", "glm4moe", false),
    ("Qwen3MoeForCausalLM", "qwen3moe", true),
    ("SmolLM3ForCausalLM", "smollm3", true),
    ("GraniteMoeHybridForCausalLM", "granitemoehybrid", false),
    ("GptOssForCausalLM", "gpt_oss", true),
    ("Qwen3NextForCausalLM", "qwen3next", false),
];

/// Loaders that go by `tie_word_embeddings`, and take it for false where it is not said.
const ASKS_ABOUT_OUTPUT: &[&str] = &["llama", "mistral", "qwen2", "qwen3", "phi3"];

/// Models that also look or listen; they chat as well. Their sizes are often left to defaults that are not in the file.
const MULTIMODAL: &[(&str, &str)] = &[
    ("Phi3VForCausalLM", "phi3v"),
    ("Idefics2ForConditionalGeneration", "idefics2"),
    ("LlavaNextForConditionalGeneration", "llava_next"),
    ("LlavaForConditionalGeneration", "llava"),
    ("MllamaForConditionalGeneration", "vllama"),
    ("Qwen2VLForConditionalGeneration", "qwen2vl"),
    ("Idefics3ForConditionalGeneration", "idefics3"),
    ("MiniCPMO", "minicpmo"),
    ("Phi4MMForCausalLM", "phi4mm"),
    ("Qwen2_5_VLForConditionalGeneration", "qwen2_5vl"),
    ("Gemma3ForConditionalGeneration", "gemma3"),
    ("Gemma3ForCausalLM", "gemma3"),
    ("Mistral3ForConditionalGeneration", "mistral3"),
    ("Llama4ForConditionalGeneration", "llama4"),
    ("Gemma3nForConditionalGeneration", "gemma3n"),
    ("Gemma4ForConditionalGeneration", "gemma4"),
    ("Qwen3VLForConditionalGeneration", "qwen3vl"),
    ("Qwen3VLMoeForConditionalGeneration", "qwen3vlmoe"),
    ("Qwen3_5ForConditionalGeneration", "qwen3_5"),
    ("Qwen3_5MoeForConditionalGeneration", "qwen3_5moe"),
];

/// How the weights were made smaller.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Quantisation {
    None,
    Fp8,
    Mxfp4,
    Mlx(Mlx),
    Bits { bits: u64, by: &'static str },
}

#[derive(Debug)]
pub(super) struct Config {
    pub architecture: &'static str,
    pub context: u32,
    pub layers: u32,
    pub kv_heads: u32,
    pub head_size: u32,
    pub vocabulary: u32,
    width: u32,
    /// The output is the embedding's matrix again. Only the loaders that we know to ask for it.
    shares_output: Option<bool>,
    /// Its weights have the usual names and the sizes that are said here.
    plain: bool,
    quantisation: Quantisation,
}

impl Config {
    pub fn read(folder: &Path) -> Found<Self> {
        let whole: Map<String, Value> = json::small(folder, FILE, MOST_BYTES)?;
        let class = class(&whole)?;
        let text = TEXT.iter().find(|(name, ..)| *name == class);
        let several = MULTIMODAL.iter().find(|(name, _)| *name == class);
        let (architecture, strict) = match (text, several) {
            (Some((_, name, needs_theta)), _) => {
                check_keys(&whole, *needs_theta)?;
                (*name, true)
            }
            (None, Some((_, name))) => (*name, false),
            (None, None) => {
                return Err(Fault::unsupported(
                    format!("models of the kind {} have no loader", quote(class)),
                    "choose a model of the Llama, Mistral, Gemma, Phi, GLM or Qwen families",
                ));
            }
        };
        let nested = ["text_config", "llm_config", "language_config"]
            .iter()
            .find_map(|key| whole.get(*key)?.as_object())
            .filter(|_| !strict);
        let size = |key: &str| size(nested.and_then(|inner| inner.get(key)).or_else(|| whole.get(key)), key);
        let (layers, heads, width) = (size("num_hidden_layers")?, size("num_attention_heads")?, size("hidden_size")?);
        let kv_heads = size("num_key_value_heads")?.or(heads);
        let head_size = size("head_dim")?.or(width.zip(heads).and_then(|(width, heads)| width.checked_div(heads)));
        let (vocabulary, context) = (size("vocab_size")?, size("max_position_embeddings")?);
        if let (true, Some(heads), Some(kv_heads)) = (strict, heads, kv_heads)
            && heads.checked_rem(kv_heads) != Some(0)
        {
            return Err(Fault::Broken(format!("{FILE}: {heads} attention heads can't share {kv_heads} keys")));
        }
        let or_unknown = |number: Option<u32>| number.unwrap_or_default();
        Ok(Self {
            architecture,
            context: context.unwrap_or(UNSAID_CONTEXT),
            layers: or_unknown(layers),
            kv_heads: or_unknown(kv_heads),
            head_size: or_unknown(head_size),
            vocabulary: or_unknown(vocabulary),
            width: or_unknown(width),
            shares_output: ASKS_ABOUT_OUTPUT
                .contains(&architecture)
                .then(|| whole.get("tie_word_embeddings").and_then(Value::as_bool).unwrap_or(false)),
            plain: strict,
            quantisation: quantisation(&whole, architecture)?,
        })
    }

    /// Holds the weights against what is said of them. A missing output would only be found at the first message.
    pub fn check(&self, sums: &Sums) -> Found<()> {
        if !self.plain {
            return Ok(());
        }
        if let Quantisation::Mlx(mlx) = self.quantisation {
            mlx.check_weights(sums)?;
        }
        let embedding = u64::from(self.vocabulary) * u64::from(self.width);
        if let Some(elements) = sums.embedding.filter(|elements| *elements != embedding) {
            return Err(Fault::Broken(format!(
                "{FILE} speaks of {} words of {} numbers, and the weights hold {elements} numbers for them",
                self.vocabulary, self.width
            )));
        }
        if sums.layers > 0 && sums.layers < u64::from(self.layers) {
            return Err(Fault::Broken(format!(
                "{FILE} counts {} layers, and there are weights of {}",
                self.layers, sums.layers
            )));
        }
        if self.shares_output == Some(false) && !sums.has_head {
            return Err(Fault::broken(
                "the weights of its output (`lm_head`) are missing, and nothing stands in for them",
            ));
        }
        Ok(())
    }

    pub fn is_mlx(&self) -> bool {
        matches!(self.quantisation, Quantisation::Mlx(_))
    }

    /// The mixture, for people.
    pub fn quantisation(&self, sums: &Sums) -> String {
        match self.quantisation {
            Quantisation::None => match sums.main_type() {
                "F8_E4M3" | "F8_E5M2" => "FP8".to_owned(),
                other => other.to_owned(),
            },
            Quantisation::Fp8 => "FP8".to_owned(),
            Quantisation::Mxfp4 => "MXFP4".to_owned(),
            Quantisation::Mlx(Mlx { bits, .. }) => format!("{bits}-bit MLX"),
            Quantisation::Bits { bits, by } => format!("{bits}-bit {by}"),
        }
    }

    /// Elements, with those counted apart that are packed together.
    pub fn parameters(&self, sums: &Sums) -> u64 {
        if let Quantisation::Mlx(mlx) = self.quantisation {
            let whole = sums.plain_elements().saturating_sub(sums.group_numbers);
            return whole.saturating_add(mlx.elements(sums.words()));
        }
        let packed = match self.quantisation {
            Quantisation::Bits { bits, .. } => 32u64.checked_div(bits).unwrap_or(1),
            _ => 1,
        };
        sums.plain_elements().saturating_add(sums.words().saturating_mul(packed))
    }
}

/// What the engine must be given in place of the file, if anything.
pub(super) fn for_engine(folder: &Path) -> Found<Option<String>> {
    let whole: Map<String, Value> = json::small(folder, FILE, MOST_BYTES)?;
    let class = class(&whole)?.to_owned();
    Ok(mlx::rewritten(whole, &class))
}

fn class(config: &Map<String, Value>) -> Found<&str> {
    match config.get("architectures").and_then(Value::as_array).map(Vec::as_slice) {
        Some([Value::String(class)]) => Ok(class),
        Some(_) => Err(Fault::Broken(format!("{FILE} names several kinds of model, or none"))),
        None => Err(Fault::Broken(format!("{FILE} lacks `architectures`: it does not say which kind of model it is"))),
    }
}

/// What every text loader insists on.
fn check_keys(config: &Map<String, Value>, needs_theta: bool) -> Found<()> {
    for key in [
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "vocab_size",
        "max_position_embeddings",
    ] {
        if !config.contains_key(key) {
            return Err(Fault::Broken(format!("{FILE} lacks {}", quote(key))));
        }
    }
    if needs_theta && !config.contains_key("rope_theta") {
        if config.contains_key("rope_parameters") {
            return Err(Fault::unsupported(
                format!("its {FILE} was written by a newer library (`rope_parameters` in place of `rope_theta`)"),
                "take an older revision or a GGUF file of this model",
            ));
        }
        return Err(Fault::Broken(format!("{FILE} lacks `rope_theta`")));
    }
    // Nothing but noise comes of others.
    if config.get("rope_theta").is_some_and(|theta| theta.as_f64().is_none_or(|theta| theta < 1.0)) {
        return Err(Fault::Broken(format!("{FILE}: its `rope_theta` can't be")));
    }
    Ok(())
}

/// A size within bounds; `None` where it is not said.
fn size(value: Option<&Value>, key: &str) -> Found<Option<u32>> {
    let most = if key == "max_position_embeddings" { MOST_CONTEXT } else { MOST_SIZE };
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().filter(|size| (1..=most).contains(size)) {
            Some(size) => Ok(u32::try_from(size).ok()),
            None => Err(Fault::Broken(format!("{FILE}: {} can't be {}", quote(key), quote(&value.to_string())))),
        },
    }
}

fn quantisation(config: &Map<String, Value>, architecture: &str) -> Found<Quantisation> {
    let Some(said) = mlx::section(config)? else { return Ok(Quantisation::None) };
    let bits = said.get("bits").and_then(Value::as_u64);
    match said.get("quant_method").and_then(Value::as_str) {
        Some("fp8") => Ok(Quantisation::Fp8),
        Some("mxfp4") if Gpu::OF_THIS_BUILD != Gpu::None => Ok(Quantisation::Mxfp4),
        Some("mxfp4") => Err(Fault::unsupported(
            "weights quantised as MXFP4 run only on GPUs",
            "choose another model, or a GGUF file in a common quantisation",
        )),
        Some("bitsandbytes") => {
            let four = said.get("load_in_4bit").and_then(Value::as_bool) == Some(true);
            Ok(Quantisation::Bits { bits: if four { 4 } else { 8 }, by: "bitsandbytes" })
        }
        Some(method @ ("gptq" | "awq")) => match bits {
            Some(bits @ (2 | 3 | 4 | 8)) if cfg!(feature = "cuda") => {
                Ok(Quantisation::Bits { bits, by: if method == "gptq" { "GPTQ" } else { "AWQ" } })
            }
            _ => Err(Fault::unsupported(
                format!("weights quantised with {} run only on NVIDIA GPUs", method.to_uppercase()),
                "take a GGUF file of this model",
            )),
        },
        Some("afq") | None => {
            Mlx::check_architecture(config, architecture)?;
            Mlx::read(said).map(Quantisation::Mlx)
        }
        Some(other) => Err(Fault::unsupported(
            format!("its weights are quantised with {}, which the engine does not know", quote(other)),
            "take a GGUF file of this model, or its original weights",
        )),
    }
}
