//! `config.json`: which model it is, and its sizes.

use std::path::Path;

use serde_json::{Map, Value};

use super::fault::{Fault, Found, quote};
use super::loaders::{Loader, Output};
use super::memory::{self, Kept};
use super::mlx::{self, Mlx};
use super::safetensors::Sums;
use super::{json, objections};
use crate::domain::model::{Foresight, Gpu, ModelFacts};
use crate::domain::quant::PlainWeights;

pub(super) const FILE: &str = "config.json";
/// It is parsed whole, which takes some thirty times its size.
const MOST_BYTES: u64 = 192 << 10;
pub(super) const GPU_HINT: &str = "choose a model without experts, or one of another family: it needs no GPU";
const FEED_FORWARD: &str = "intermediate_size";
const MOST_CONTEXT: u64 = 16 << 20;
const MOST_SIZE: u64 = 1 << 24;
/// Of models that look or listen and leave it to a default that we do not know.
const UNSAID_CONTEXT: u32 = 8_192;

/// Models that the engine can write down quantised: those whose every weight is either in a layer's matrices or in what it
/// calls the residue. Not those with experts, or of which it leaves parts out.
const CAN_BE_KEPT: &[&str] =
    &["llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "phi2", "phi3", "starcoder2", "smollm3", "glm4"];

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

/// Parts of each layer that take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Experts {
    pub count: u32,
    /// That a token goes through.
    pub used: u32,
    /// As `feed_forward`, of each.
    pub width: u32,
}

#[derive(Debug)]
pub(super) struct Config {
    pub architecture: &'static str,
    pub context: u32,
    pub layers: u32,
    pub kv_heads: u32,
    pub head_size: u32,
    pub heads: u32,
    pub width: u32,
    /// Of the part of a layer that every token goes through; 0 where it is not said.
    pub feed_forward: u32,
    pub experts: Option<Experts>,
    pub vocabulary: u32,
    pub kept: Kept,
    /// The output is the embedding's matrix again, where there is a choice.
    shares_output: Option<bool>,
    /// Its weights have the usual names and the sizes that are said here.
    loader: Option<&'static Loader>,
    /// Its keys and values differ in size.
    uneven: bool,
    quantisation: Quantisation,
}

impl Config {
    pub fn read(folder: &Path) -> Found<Self> {
        Self::of(&json::small(folder, FILE, MOST_BYTES)?)
    }

    fn of(whole: &Map<String, Value>) -> Found<Self> {
        let class = class(whole)?;
        let loader = Loader::of(class);
        let architecture = match (loader, MULTIMODAL.iter().find(|(name, _)| *name == class)) {
            (Some(loader), _) => {
                objections::check(loader, whole)?;
                loader.name
            }
            (None, Some((_, name))) => *name,
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
            .filter(|_| loader.is_none());
        let said = |key: &str| nested.and_then(|inner| inner.get(key)).or_else(|| whole.get(key));
        let size = |key: &str| size(said(key), key);
        let (layers, heads, width) = (size("num_hidden_layers")?, size("num_attention_heads")?, size("hidden_size")?);
        let feed_forward = match said(FEED_FORWARD) {
            Some(Value::Array(sizes)) if architecture == "gemma3n" => largest(sizes, FEED_FORWARD)?,
            _ => size(FEED_FORWARD)?,
        };
        // None of them can be said as a zero.
        let count = |key: &str| if whole.get(key).and_then(Value::as_u64) == Some(0) { Ok(None) } else { size(key) };
        let experts = ["num_experts", "num_local_experts", "n_routed_experts"];
        let experts = experts.iter().find_map(|key| count(key).transpose()).transpose()?;
        let experts = match (experts, count("num_experts_per_tok")?, size("moe_intermediate_size")?.or(feed_forward)) {
            (Some(count), Some(used), Some(width)) if count > 1 => {
                Some(Experts { count, used: used.min(count), width })
            }
            _ => None,
        };
        let kept = match loader {
            Some(loader) => memory::kept(loader, whole, layers.unwrap_or_default()),
            None if architecture == "gemma3" => {
                memory::kept_by_gemma3(nested.unwrap_or(whole), layers.unwrap_or_default())
            }
            None => Kept::default(),
        };
        let kv_heads = kept.heads.or(size("num_key_value_heads")?).or(heads);
        let derived = || width.zip(heads).and_then(|(width, heads)| width.checked_div(heads));
        let head_size = kept.head_size.or(size("head_dim")?).or_else(derived);
        let (vocabulary, context) = (size("vocab_size")?, size("max_position_embeddings")?);
        if let (Some(_), Some(heads), Some(kv_heads)) = (loader, heads, kv_heads)
            && heads.checked_rem(kv_heads) != Some(0)
        {
            return Err(Fault::Broken(format!("{FILE}: {heads} attention heads can't share {kv_heads} keys")));
        }
        let or_unknown = |number: Option<u32>| number.unwrap_or_default();
        Ok(Self {
            architecture,
            context: context.unwrap_or(UNSAID_CONTEXT).min(kept.context.unwrap_or(u32::MAX)),
            layers: or_unknown(layers),
            kv_heads: or_unknown(kv_heads),
            head_size: or_unknown(head_size),
            vocabulary: or_unknown(vocabulary),
            heads: or_unknown(heads),
            width: or_unknown(width),
            feed_forward: or_unknown(feed_forward),
            experts,
            shares_output: match loader.map(|loader| loader.output) {
                Some(Output::SharedIfSaid(unsaid)) => {
                    Some(whole.get("tie_word_embeddings").and_then(Value::as_bool).unwrap_or(unsaid))
                }
                Some(Output::Own) => Some(false),
                Some(Output::Embedding) | None => None,
            },
            kept,
            loader,
            uneven: loader.is_some_and(|loader| memory::is_uneven(loader, whole)),
            quantisation: quantisation(whole, architecture)?,
        })
    }

    /// Reads a file's content.
    pub fn parse(bytes: &[u8]) -> Found<Self> {
        Self::of(&serde_json::from_slice(bytes).map_err(|error| json::invalid(FILE, &error))?)
    }

    /// What the weights of such a model usually are: `bytes` of them, with numbers and bytes of each type. Where the types are not
    /// known, two bytes for each number or packed words, as the file says.
    pub fn usual_sums(&self, bytes: u64, types: &[(String, u64, u64)]) -> Sums {
        let packed = !matches!(self.quantisation, Quantisation::None | Quantisation::Fp8);
        let unknown = if packed { ("U32".to_owned(), bytes / 4, bytes) } else { ("BF16".to_owned(), bytes / 2, bytes) };
        let types = if types.is_empty() { vec![unknown] } else { types.to_vec() };
        let has_head = self.shares_output == Some(false);
        let embedding = self.embedding();
        let rows = [self.width, self.feed_forward, self.heads.saturating_mul(self.head_size)];
        let row_unit = rows.iter().filter(|row| **row > 0).map(|row| 1 << row.trailing_zeros().min(8)).min();
        let mut sums =
            Sums { types, has_head, has_experts: true, row_unit, embedding: Some(embedding), ..Sums::default() };
        let plain = sums.plain_elements();
        sums.matrices = plain.saturating_sub(embedding);
        // Beside packed words there is little else than their scales.
        sums.group_numbers = if self.is_mlx() { plain } else { 0 };
        sums
    }

    /// What the file alone says against running the model. Its weights are taken to be stored as they usually are.
    pub fn judge(bytes: &[u8]) -> Found<Foresight> {
        let usual = Sums { has_experts: true, ..Sums::default() };
        match Self::parse(bytes)?.gpu_only(&usual).filter(|_| !has_gpu()) {
            Some(reason) => Err(Fault::unsupported(reason, GPU_HINT)),
            None => Ok(Foresight::Enough),
        }
    }

    /// What it says itself, without the weights.
    pub fn facts(&self) -> ModelFacts {
        ModelFacts {
            architecture: self.architecture.to_owned(),
            context: self.context,
            layers: self.layers,
            kv_heads: self.kv_heads,
            head_size: self.head_size,
            heads: self.heads,
            width: self.width,
            feed_forward: self.feed_forward,
            vocabulary: self.vocabulary,
            windowed_layers: self.kept.windowed_layers,
            window: self.kept.window,
            stateful_layers: self.kept.stateful_layers,
            ..ModelFacts::default()
        }
    }

    /// Holds the weights against what is said of them. A missing output would only be found at the first message.
    pub fn check(&self, sums: &Sums) -> Found<()> {
        if self.loader.is_none() {
            return Ok(());
        }
        if let Quantisation::Mlx(mlx) = self.quantisation {
            mlx.check_weights(sums)?;
        }
        let embedding = self.embedding();
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

    /// Whether the engine can have written this model down quantised.
    pub fn can_be_kept(&self) -> bool {
        CAN_BE_KEPT.contains(&self.architecture)
    }

    /// Elements of the embedding.
    pub fn embedding(&self) -> u64 {
        u64::from(self.vocabulary) * u64::from(self.width)
    }

    pub fn is_mlx(&self) -> bool {
        matches!(self.quantisation, Quantisation::Mlx(_))
    }

    /// Why only a GPU can compute it.
    pub fn gpu_only(&self, sums: &Sums) -> Option<&'static str> {
        let loader = self.loader?;
        // The engine takes experts one by one in its code for GPUs alone; elsewhere it loads nothing for them, and fails at the
        // first message.
        let is_plain =
            matches!(self.quantisation, Quantisation::None | Quantisation::Mlx(_) | Quantisation::Bits { .. });
        let scattered = loader.gathers_experts && sums.has_experts && !sums.has_stacked_experts && is_plain;
        if loader.name == "gpt_oss" || scattered {
            Some("its experts are computed on GPUs alone")
        } else if loader.name == "qwen3next" {
            Some("its kind of layers is computed on GPUs alone")
        } else if self.uneven {
            Some("its keys and values differ in size, which the engine computes on GPUs alone")
        } else {
            None
        }
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

    /// What can be quantised while it is loaded: weights that nobody has quantised yet.
    pub fn plain(&self, sums: &Sums) -> Option<PlainWeights> {
        let is_plain = matches!(sums.main_type(), "F32" | "F16" | "BF16") && self.quantisation == Quantisation::None;
        let row_unit = sums.row_unit.filter(|_| is_plain)?;
        let elements = self.parameters(sums);
        // The output that is the embedding again becomes a matrix of its own.
        let shared = if sums.has_head { 0 } else { sums.embedding.unwrap_or_default() };
        Some(PlainWeights {
            matrices: sums.matrices.saturating_add(shared),
            rest: elements.saturating_sub(sums.matrices),
            row_unit,
            can_be_kept: self.can_be_kept(),
        })
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

/// The largest of the sizes that its layers have one each of.
fn largest(sizes: &[Value], key: &str) -> Found<Option<u32>> {
    sizes.iter().try_fold(None, |largest, value| Ok(largest.max(size(Some(value), key)?)))
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
        Some("mxfp4") if has_gpu() => Ok(Quantisation::Mxfp4),
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

/// This build computes on a GPU.
pub(super) fn has_gpu() -> bool {
    Gpu::OF_THIS_BUILD != Gpu::None
}
