//! What a folder model keeps of each token, by the sizes in its `config.json`.

use serde_json::{Map, Value};

use super::loaders::{Heads, Loader, Windows};

/// The cache's shape, and the context for which it makes sense.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub heads: Option<u32>,
    /// Of keys and values, on average.
    pub head_size: Option<u32>,
    /// Layers that keep the last tokens only, and how many those are.
    pub windowed_layers: u32,
    pub window: u32,
    /// Layers that keep a state of one size.
    pub stateful_layers: u32,
    /// A context that the engine can't go beyond, whatever the model can.
    pub context: Option<u32>,
}

/// The cache of models with such layers is copied with every token, into one that has room for so many more: the copy fails
/// where that goes over the model's length.
const STEP: u32 = 512;

/// What the loader will keep. Sizes that can't be were refused before.
pub(super) fn kept(loader: &Loader, config: &Map<String, Value>, layers: u32) -> Kept {
    let number = |key: &str| config.get(key).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    let heads = number("num_attention_heads");
    let (heads, head_size) = match loader.heads {
        // Every head has keys and values of its own by the time they are kept.
        Heads::Latent => {
            let key = number("qk_nope_head_dim").zip(number("qk_rope_head_dim")).map(|(a, b)| a.saturating_add(b));
            (heads, key.zip(number("v_head_dim")).map(|(key, value)| key.saturating_add(value).div_ceil(2)))
        }
        Heads::Said | Heads::Derived => (number("num_key_value_heads").or(heads), None),
    };
    let window = number("sliding_window").unwrap_or_default();
    let typed = |kind: &str| {
        let types = config.get("layer_types").and_then(Value::as_array);
        let count = types.map_or(0, |types| types.iter().filter(|of| of.as_str() == Some(kind)).count());
        u32::try_from(count).unwrap_or(layers).min(layers)
    };
    let windowed_layers = match loader.windows {
        _ if window == 0 => 0,
        Windows::None => 0,
        Windows::All | Windows::TooMany => layers,
        Windows::Upper if config.get("use_sliding_window").and_then(Value::as_bool) == Some(true) => {
            layers.saturating_sub(number("max_window_layers").unwrap_or_default())
        }
        Windows::Upper => 0,
        Windows::Typed => typed("sliding_attention"),
    };
    let stateful_layers = match loader.name {
        "granitemoehybrid" => typed("mamba"),
        "qwen3next" => layers - layers / number("full_attention_interval").unwrap_or(4).max(1),
        _ => 0,
    };
    let context = match loader.windows {
        Windows::TooMany => Some(window).filter(|window| *window > 0),
        _ if stateful_layers > 0 => number("max_position_embeddings").map(|length| length.saturating_sub(STEP).max(1)),
        _ => None,
    };
    Kept { heads, head_size, windowed_layers, window, stateful_layers, context }
}

/// Whether keys and values differ in size: the engine computes that on a GPU alone.
pub(super) fn is_uneven(loader: &Loader, config: &Map<String, Value>) -> bool {
    let number = |key: &str| config.get(key).and_then(Value::as_u64).unwrap_or_default();
    loader.heads == Heads::Latent
        && number("qk_nope_head_dim").saturating_add(number("qk_rope_head_dim")) != number("v_head_dim")
}
