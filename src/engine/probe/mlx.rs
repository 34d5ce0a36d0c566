//! Weights quantised for Apple's MLX: what `config.json` says of them, and what of it the engine can follow.
//!
//! It says it as `quantization`, and since 2025 a second time as `quantization_config`, which is the only name that the
//! engine goes by.

use serde_json::{Map, Value};

use super::fault::{Fault, Found, quote};
use super::safetensors::Sums;

/// In the order in which they are believed.
const NAMES: [&str; 2] = ["quantization_config", "quantization"];

const FILE: &str = "config.json";
const BITS: &[u64] = &[2, 3, 4, 6, 8];
const GROUPS: &[u64] = &[32, 64, 128];
const TAKE: &str = "take the 4-bit or 8-bit MLX version of this model, or a GGUF file";

/// Classes whose loaders read either name, and fail over a file with both.
const TAKES_EITHER: &[&str] =
    &["DeepseekV3ForCausalLM", "Glm4MoeForCausalLM", "Glm4MoeLiteForCausalLM", "Phi3VForCausalLM"];

/// Loaders with a layer whose bias the engine forgets when the layer is quantised like this, and what says that it has one.
const FORGETS_BIAS: &[(&str, &str)] =
    &[("phi3.5moe", "lm_head_bias"), ("deepseekv2", "attention_bias"), ("deepseekv3", "attention_bias")];

/// Whole numbers of so many bits, with a scale and an offset for so many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mlx {
    pub bits: u64,
    pub group: u64,
}

/// What says how the weights are quantised, by whatever method.
pub(super) fn section(config: &Map<String, Value>) -> Found<Option<&Map<String, Value>>> {
    let Some((name, said)) = NAMES.iter().find_map(|name| Some((name, config.get(*name)?)).filter(|s| !s.1.is_null()))
    else {
        return Ok(None);
    };
    said.as_object().map(Some).ok_or_else(|| Fault::Broken(format!("{FILE}: {} is no object", quote(name))))
}

impl Mlx {
    /// Takes what the engine can follow: one mixture for all weights.
    pub fn read(said: &Map<String, Value>) -> Found<Self> {
        let mode = said.get("mode").and_then(Value::as_str).unwrap_or("affine");
        if mode != "affine" {
            return Err(unknown(&format!("as {}", quote(mode)), ""));
        }
        let all = Self::numbers(said);
        let (bits, group) = match all {
            (Some(bits), Some(group)) => (bits, group),
            _ => return Err(Fault::Broken(format!("{FILE} does not say in how many bits its weights are quantised"))),
        };
        if !BITS.contains(&bits) {
            return Err(unknown(&format!("in {bits} bits"), "2, 3, 4, 6 and 8"));
        }
        if !GROUPS.contains(&group) {
            return Err(unknown(&format!("in groups of {group}"), "32, 64 and 128"));
        }
        for (layer, own) in said {
            let odd = match own {
                Value::Object(own) => Self::numbers(own) != all || own.get("mode").is_some_and(|own| own != mode),
                // So it is said of a layer that was left as it was.
                Value::Bool(quantised) => !quantised && layer.contains('.'),
                _ => false,
            };
            if odd {
                return Err(unknown(&format!("in a mixture ({} is not like the others)", quote(layer)), ""));
            }
        }
        Ok(Self { bits, group })
    }

    fn numbers(said: &Map<String, Value>) -> (Option<u64>, Option<u64>) {
        let number = |key: &str| said.get(key).and_then(Value::as_u64);
        (number("bits"), number("group_size"))
    }

    /// Elements that so many packed words hold.
    pub fn elements(self, words: u64) -> u64 {
        let bits = u128::from(words) * u128::from(u32::BITS);
        u64::try_from(bits / u128::from(self.bits)).unwrap_or(u64::MAX)
    }

    /// Holds the weights against what is said of them: the engine dequantises by the word of `config.json` alone.
    pub fn check_weights(self, sums: &Sums) -> Found<()> {
        if let Some(name) = &sums.whole_matrix {
            return Err(unknown(&format!("in a mixture ({} is not quantised)", quote(name)), ""));
        }
        if Some(self.elements(sums.words())) != sums.scales.checked_mul(self.group) {
            return Err(Fault::Broken(format!(
                "{FILE} speaks of {} bits in groups of {}, and the weights are packed otherwise",
                self.bits, self.group
            )));
        }
        Ok(())
    }

    /// Refuses what the engine would take for something else.
    pub fn check(config: &Map<String, Value>, architecture: &str) -> Found<()> {
        let forgets = |(loader, key): &(&str, &str)| *loader == architecture && config.get(*key) == Some(&true.into());
        if FORGETS_BIAS.iter().any(forgets) {
            return Err(Fault::unsupported(
                "the engine forgets a part of models of this kind when they are quantised for MLX, and then writes nonsense",
                "take the original weights of this model, or a GGUF file",
            ));
        }
        Ok(())
    }
}

fn unknown(what: &str, known: &str) -> Fault {
    let known = if known.is_empty() { String::new() } else { format!(", and the engine knows {known}") };
    Fault::Unsupported { reason: format!("its weights are quantised for MLX {what}{known}"), hint: TAKE.to_owned() }
}

/// `config.json` as the engine needs it, where it could not follow the model's own.
pub(super) fn rewritten(mut config: Map<String, Value>, class: &str) -> Option<String> {
    let said = |name: &str| config.get(name).is_some_and(|said| !said.is_null());
    let [read, old] = NAMES.map(said);
    let needed = old && (!read || TAKES_EITHER.contains(&class));
    if !needed {
        return None;
    }
    let old = config.shift_remove("quantization")?;
    if !read {
        config.insert("quantization_config".to_owned(), old);
    }
    Some(Value::Object(config).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("no object: {other}"),
        }
    }

    fn reason(said: Value) -> String {
        match Mlx::read(&object(said)) {
            Err(Fault::Unsupported { reason, .. } | Fault::Broken(reason)) => reason,
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn one_mixture_for_all_is_taken() {
        for bits in [2, 3, 4, 6, 8] {
            for group in [32, 64, 128] {
                let said = json!({"bits": bits, "group_size": group, "mode": "affine"});
                assert_eq!(Mlx::read(&object(said)), Ok(Mlx { bits, group }));
            }
        }
        let like_the_others = json!({"bits": 4, "group_size": 64, "lm_head": {"bits": 4, "group_size": 64}});
        assert!(Mlx::read(&object(like_the_others)).is_ok());
    }

    #[test]
    fn what_the_engine_lacks_is_named() {
        let five = reason(json!({"bits": 5, "group_size": 64}));
        assert!(five.contains("5 bits") && five.contains("2, 3, 4, 6 and 8"), "{five}");
        let group = reason(json!({"bits": 4, "group_size": 16}));
        assert!(group.contains("groups of 16"), "{group}");
        for mode in ["mxfp4", "nvfp4", "mxfp8"] {
            let reason = reason(json!({"bits": 4, "group_size": 32, "mode": mode}));
            assert!(reason.contains(mode), "{reason}");
        }
        let mixed = [json!({"bits": 8, "group_size": 64}), json!({"bits": 4, "group_size": 32}), json!(false)];
        for own in mixed {
            let reason = reason(json!({"bits": 4, "group_size": 64, "model.layers.0.mlp.gate": own}));
            assert!(reason.contains("mixture") && reason.contains("model.layers.0.mlp.gate"), "{reason}");
        }
        assert!(reason(json!({"bits": 4})).contains("does not say"));
    }

    #[test]
    fn packed_words_hold_what_their_bits_allow() {
        for (bits, elements) in [(2, 1536), (3, 1024), (4, 768), (6, 512), (8, 384)] {
            assert_eq!(Mlx { bits, group: 64 }.elements(96), elements);
        }
    }

    #[test]
    fn only_what_the_engine_can_not_follow_is_rewritten() {
        let said = json!({"bits": 4, "group_size": 64});
        let rewrite = |config: Value, class: &str| {
            let text = rewritten(object(config), class)?;
            Some(serde_json::from_str::<Value>(&text).expect("JSON"))
        };
        let recent = json!({"a": 1, "quantization": said, "quantization_config": said});
        let wanted = json!({"a": 1, "quantization_config": said});
        assert_eq!(rewrite(recent.clone(), "LlamaForCausalLM"), None);
        assert_eq!(rewrite(recent, "Glm4MoeForCausalLM"), Some(wanted.clone()));
        assert_eq!(rewrite(json!({"a": 1, "quantization": said}), "LlamaForCausalLM"), Some(wanted.clone()));
        assert_eq!(rewrite(wanted, "Glm4MoeForCausalLM"), None);
        assert_eq!(rewrite(json!({"a": 1, "quantization": null}), "LlamaForCausalLM"), None);
    }
}
