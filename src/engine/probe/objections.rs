//! What in a `config.json` the engine's loader of its kind would refuse, or trip over only later: at the first message, or never,
//! writing nonsense.

use serde_json::{Map, Value};

use super::config::FILE;
use super::fault::{Fault, Found, quote};
use super::loaders::{ACTIVATION, Heads, Loader, Output, THETA};

type Config = Map<String, Value>;

const TAKE_GGUF: &str = "take a GGUF file of this model, or another model";
/// What every loader insists on.
const ALWAYS: &[&str] = &[
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "vocab_size",
    "max_position_embeddings",
];
const ACTIVATIONS: &[&str] = &[
    "gelu",
    "gelu_new",
    "gelu_pytorch_tanh",
    "hardsigmoid",
    "hardswish",
    "newgelu",
    "quickgelu",
    "relu",
    "relu2",
    "relu6",
    "sigmoid",
    "silu",
    "swiglu",
    "swish",
];

/// Whether the loader takes this configuration, and computes what it says.
pub(super) fn check(loader: &Loader, config: &Config) -> Found<()> {
    check_keys(loader, config)?;
    check_activation(loader, config)?;
    check_positions(loader, config)?;
    check_parts(loader, config)?;
    if matches!(loader.name, "deepseekv2" | "deepseekv3") {
        check_choice_of_experts(loader, config)?;
    }
    Ok(())
}

/// What is there and says something.
fn said<'a>(config: &'a Config, key: &str) -> Option<&'a Value> {
    config.get(key).filter(|value| !value.is_null())
}

fn is_true(config: &Config, key: &str) -> bool {
    said(config, key).and_then(Value::as_bool) == Some(true)
}

fn number(config: &Config, key: &str) -> Option<u64> {
    said(config, key).and_then(Value::as_u64)
}

fn check_keys(loader: &Loader, config: &Config) -> Found<()> {
    if let Some(key) = ALWAYS.iter().find(|key| said(config, key).is_none()) {
        return Err(Fault::Broken(format!("{FILE} lacks {}", quote(key))));
    }
    let Some(key) = loader.needs.iter().find(|key| said(config, key).is_none()) else { return Ok(()) };
    if *key == THETA && config.contains_key("rope_parameters") {
        return Err(Fault::unsupported(
            format!("its {FILE} was written by a newer library (`rope_parameters` in place of `rope_theta`)"),
            "take an older revision or a GGUF file of this model",
        ));
    }
    Err(Fault::unsupported(
        format!("its {FILE} does not say {}, which the engine insists on", quote(key)),
        "take another revision or a GGUF file of this model",
    ))
}

fn check_activation(loader: &Loader, config: &Config) -> Found<()> {
    const OTHER: &str = "hidden_activation";
    if matches!(loader.name, "gemma" | "gemma2") {
        match (said(config, ACTIVATION), said(config, OTHER)) {
            (None, None) => return Err(Fault::Broken(format!("{FILE} lacks {}", quote(OTHER)))),
            (Some(_), Some(_)) if loader.name == "gemma" => {
                return Err(Fault::unsupported(
                    format!("its {FILE} gives both `{ACTIVATION}` and `{OTHER}`, and the engine takes one"),
                    "remove one of the two from the file, or take Gemma 2 or 3",
                ));
            }
            _ => {}
        }
    }
    let unknown = [ACTIVATION, OTHER]
        .into_iter()
        .filter_map(|key| said(config, key)?.as_str())
        .find(|name| !ACTIVATIONS.contains(name));
    match unknown {
        Some(name) => Err(Fault::unsupported(
            format!("it computes with {}, which the engine does not know", quote(name)),
            TAKE_GGUF,
        )),
        None => Ok(()),
    }
}

fn check_positions(loader: &Loader, config: &Config) -> Found<()> {
    // Nothing but noise comes of others.
    if said(config, THETA).is_some_and(|theta| theta.as_f64().is_none_or(|theta| theta < 1.0)) {
        return Err(Fault::Broken(format!("{FILE}: its `{THETA}` can't be")));
    }
    let scaling = said(config, "rope_scaling");
    let known = match loader.name {
        "llama" | "smollm3" => scaling.is_none_or(|scaling| {
            let has = |key: &str| scaling.get(key).is_some_and(Value::is_number);
            let parts = ["low_freq_factor", "high_freq_factor", "original_max_position_embeddings"];
            match scaling.get("rope_type").and_then(Value::as_str) {
                Some("linear" | "default") => has("factor"),
                Some("llama3") => has("factor") && parts.into_iter().all(has),
                _ => false,
            }
        }),
        "phi3" | "phi3.5moe" => scaling.is_none_or(|scaling| {
            let lists =
                ["short_factor", "long_factor"].into_iter().all(|key| scaling.get(key).is_some_and(Value::is_array));
            lists && matches!(scaling.get("type").and_then(Value::as_str), Some("su" | "longrope" | "yarn"))
        }),
        "deepseekv2" | "deepseekv3" => scaling.is_none_or(|scaling| {
            matches!(scaling.get("type").and_then(Value::as_str), Some("yarn" | "linear" | "dynamic"))
        }),
        _ => true,
    };
    if !known {
        return Err(Fault::unsupported("it stretches its positions in a way that the engine does not know", TAKE_GGUF));
    }
    // The rest of each head would have to pass untouched, which only the code for NVIDIA does.
    let part = said(config, "partial_rotary_factor").and_then(Value::as_f64).unwrap_or(1.0);
    if loader.name == "phi2" && (part - 1.0).abs() > f64::EPSILON && !cfg!(feature = "cuda") {
        return Err(Fault::unsupported(
            "it rotates a part of each attention head, which the engine does on NVIDIA GPUs alone",
            "take a GGUF file of this model",
        ));
    }
    Ok(())
}

/// Parts of a model that its loader leaves out, or can't do without.
fn check_parts(loader: &Loader, config: &Config) -> Found<()> {
    if loader.output == Output::Own && is_true(config, "tie_word_embeddings") {
        return Err(Fault::unsupported(
            "its output is its embedding again, which the engine can't do for this kind",
            TAKE_GGUF,
        ));
    }
    if loader.ignores_biases
        && let Some(key) = ["attention_bias", "mlp_bias"].into_iter().find(|key| is_true(config, key))
    {
        return Err(Fault::unsupported(
            format!("it has biases ({}), which the engine would leave out and then write nonsense", quote(key)),
            "choose another model",
        ));
    }
    let derived = number(config, "hidden_size").zip(number(config, "num_attention_heads"));
    let derived = derived.and_then(|(width, heads)| width.checked_div(heads));
    if loader.heads == Heads::Derived
        && let Some(said) = number(config, "head_dim").filter(|size| Some(*size) != derived)
    {
        return Err(Fault::unsupported(
            format!("its attention heads have {said} numbers each, which the engine can't do for this kind"),
            TAKE_GGUF,
        ));
    }
    let dense = said(config, "mlp_only_layers").and_then(Value::as_array).is_some_and(|layers| !layers.is_empty());
    if loader.name == "qwen3next" && dense {
        return Err(Fault::unsupported(
            "some of its layers have no experts, which the engine can't do for this kind",
            TAKE_GGUF,
        ));
    }
    Ok(())
}

/// How DeepSeek models choose among their experts.
fn check_choice_of_experts(loader: &Loader, config: &Config) -> Found<()> {
    let newer = loader.name == "deepseekv3";
    let text = |key: &str| said(config, key).and_then(Value::as_str);
    let method = matches!(text("topk_method"), None | Some("greedy" | "group_limited_greedy"))
        || (newer && text("topk_method") == Some("noaux_tc"));
    let score =
        matches!(text("scoring_func"), None | Some("softmax")) || (newer && text("scoring_func") == Some("sigmoid"));
    if !method || !score {
        return Err(Fault::unsupported(
            "it chooses among its experts in a way that the engine does not know",
            TAKE_GGUF,
        ));
    }
    if said(config, "n_routed_experts").is_some() && said(config, "num_experts_per_tok").is_none() {
        return Err(Fault::Broken(format!("{FILE} lacks `num_experts_per_tok`")));
    }
    Ok(())
}
