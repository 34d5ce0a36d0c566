//! One model of each kind that the engine loads from safetensors: the keys of its `config.json`, and its weights by the names
//! and shapes that the published models of the kind have.

use serde_json::{Value, json};

use super::words::words;
use super::{CHOSEN, CONTEXT, EXPERT, EXPERTS, HEAD, HEADS, INNER, KEYS, LAYERS, WIDTH};

/// A model of one kind.
#[derive(Clone)]
pub struct Kind {
    pub name: String,
    /// As `config.json` names it.
    pub class: &'static str,
    pub config: Value,
    pub weights: Vec<(String, Vec<u64>)>,
}

/// The model of the kind `class`.
pub fn kind(class: &str) -> Kind {
    kinds().into_iter().find(|kind| kind.name == class).expect("a kind that there is")
}

const QUERY: u64 = HEADS * HEAD;
/// Multi-head latent attention: what keys and values are made of, and the parts of a head with and without a position.
const LATENT: u64 = 32;
const TURNED: u64 = 16;
const UNTURNED: u64 = 16;
/// Recurrent layers: heads, numbers of state per number of a head, and how far back their convolution sees.
const STATES: u64 = 16;
const LOOK_BACK: u64 = 4;

/// All of them, and those with experts once more in the way that takes no GPU where the layers take none either.
pub fn kinds() -> Vec<Kind> {
    let with_experts = |kind: &Kind| kind.weights.iter().any(|(name, _)| name.ends_with(".experts.0.gate_proj.weight"));
    let stacked = published(TURNED + UNTURNED).into_iter().filter(with_experts).map(Kind::stacked);
    published(HEAD).into_iter().chain(stacked).collect()
}

/// As their makers publish them. DeepSeek's values are of another size than its keys.
#[allow(clippy::too_many_lines)] // a table
fn published(deepseek_value: u64) -> Vec<Kind> {
    let rope = json!({"rope_theta": 10000.0});
    let norms = ["input_layernorm", "post_attention_layernorm"];
    let four_norms = ["pre_feedforward_layernorm", "post_feedforward_layernorm"];
    let moe = json!({"num_experts_per_tok": CHOSEN, "moe_intermediate_size": EXPERT});
    let latent = json!({
        "kv_lora_rank": LATENT, "qk_rope_head_dim": TURNED, "qk_nope_head_dim": UNTURNED,
        "num_key_value_heads": HEADS, "attention_bias": false, "first_k_dense_replace": 1, "n_routed_experts": EXPERTS,
        "n_shared_experts": 1, "n_group": 1, "topk_group": 1, "routed_scaling_factor": 1.5,
    });
    let windows = json!({"sliding_window": null, "use_sliding_window": false, "max_window_layers": LAYERS});
    vec![
        Kind::new("MistralForCausalLM", &[json!({"sliding_window": 32})])
            .layers(|layer| layer.norms(&norms).attention("").mlp("mlp"))
            .own_output(),
        Kind::new("MixtralForCausalLM", &[rope.clone(), json!({"num_local_experts": EXPERTS, "num_experts_per_tok": CHOSEN})])
            .layers(|layer| layer.norms(&norms).attention("").sparse_experts())
            .own_output(),
        Kind::new("GemmaForCausalLM", &[rope.clone(), gemma()])
            .layers(|layer| layer.norms(&norms).attention("").mlp("mlp"))
            .shared_output(),
        Kind::new(
            "Gemma2ForCausalLM",
            &[rope.clone(), gemma(), json!({
                "sliding_window": 128, "query_pre_attn_scalar": HEAD, "attn_logit_softcapping": 50.0,
                "final_logit_softcapping": 30.0,
            })],
        )
        .layers(|layer| layer.norms(&norms).norms(&four_norms).attention("").mlp("mlp"))
        .shared_output(),
        Kind::new(
            "Gemma3ForCausalLM",
            &[rope.clone(), gemma(), json!({
                "sliding_window": 32, "sliding_window_pattern": 2, "query_pre_attn_scalar": HEAD,
                "rope_local_base_freq": 10000.0,
            })],
        )
        .layers(|layer| {
            layer.norms(&norms).norms(&four_norms).attention("").norm_of("self_attn.q_norm", HEAD);
            layer.norm_of("self_attn.k_norm", HEAD).mlp("mlp")
        })
        .shared_output(),
        Kind::new("PhiForCausalLM", &[rope.clone(), json!({
            "layer_norm_eps": 1e-5, "partial_rotary_factor": 0.5, "qk_layernorm": false, "hidden_act": "gelu_new",
            "num_key_value_heads": HEADS,
        })])
        .layers(|layer| {
            layer.biased_norm("input_layernorm");
            for part in ["q_proj", "k_proj", "v_proj", "dense"] {
                layer.biased(&format!("self_attn.{part}"), QUERY, WIDTH);
            }
            layer.biased("mlp.fc1", INNER, WIDTH).biased("mlp.fc2", WIDTH, INNER)
        })
        .own_output()
        .with(&[("lm_head.bias", &[words().len() as u64]), ("model.final_layernorm.weight", &[WIDTH]), ("model.final_layernorm.bias", &[WIDTH])])
        .without("model.norm.weight"),
        Kind::new("Phi3ForCausalLM", &[rope.clone(), json!({"original_max_position_embeddings": CONTEXT})])
            .layers(|layer| {
                layer.norms(&norms).linear("self_attn.qkv_proj", QUERY + 2 * KEYS, WIDTH);
                layer.linear("self_attn.o_proj", WIDTH, QUERY).merged_mlp()
            })
            .own_output(),
        Kind::new("LlamaForCausalLM", &[rope.clone(), json!({"rope_scaling": null})])
            .layers(|layer| layer.norms(&norms).attention("").mlp("mlp"))
            .shared_output(),
        Kind::new("Qwen2ForCausalLM", &[rope.clone(), windows.clone()])
            .layers(|layer| layer.norms(&norms).attention("qkv").mlp("mlp"))
            .shared_output(),
        Kind::new("Starcoder2ForCausalLM", &[rope.clone(), json!({
            "norm_epsilon": 1e-5, "use_bias": true, "sliding_window": 256, "hidden_act": "gelu_pytorch_tanh",
        })])
        .layers(|layer| {
            layer.biased_norm(norms[0]).biased_norm(norms[1]).attention("qkvo");
            layer.biased("mlp.c_fc", INNER, WIDTH).biased("mlp.c_proj", WIDTH, INNER)
        })
        .shared_output()
        .with(&[("model.norm.bias", &[WIDTH])]),
        Kind::new("PhiMoEForCausalLM", &[rope.clone(), json!({
            "original_max_position_embeddings": CONTEXT, "lm_head_bias": true, "attention_bias": true,
            "num_local_experts": EXPERTS, "num_experts_per_tok": CHOSEN, "router_jitter_noise": 0.01,
        })])
        .layers(|layer| {
            layer.biased_norm(norms[0]).biased_norm(norms[1]).attention("qkvo").sparse_experts()
        })
        .own_output()
        .with(&[("model.norm.bias", &[WIDTH]), ("lm_head.bias", &[words().len() as u64])]),
        Kind::new("DeepseekV2ForCausalLM", &[rope.clone(), moe.clone(), latent.clone(), json!({
            "v_head_dim": deepseek_value, "q_lora_rank": null, "topk_method": "greedy", "scoring_func": "softmax", "norm_topk_prob": false,
        })])
        .layers(|layer| layer.norms(&norms).latent_attention(None, deepseek_value).dense_then_experts(false))
        .own_output(),
        Kind::new("DeepseekV3ForCausalLM", &[rope.clone(), moe.clone(), latent.clone(), json!({
            "v_head_dim": deepseek_value, "q_lora_rank": LATENT, "topk_method": "noaux_tc", "scoring_func": "sigmoid", "norm_topk_prob": true,
        })])
        .layers(|layer| layer.norms(&norms).latent_attention(Some(LATENT), deepseek_value).dense_then_experts(true))
        .own_output(),
        Kind::new("Qwen3ForCausalLM", &[rope.clone(), windows.clone(), json!({"head_dim": HEAD})])
            .layers(|layer| layer.norms(&norms).attention("").head_norms().mlp("mlp"))
            .shared_output(),
        Kind::new("Glm4ForCausalLM", &[rope.clone(), json!({
            "partial_rotary_factor": 0.5, "attention_bias": true, "head_dim": HEAD,
        })])
        .layers(|layer| {
            layer.norms(&norms).norms(&["post_self_attn_layernorm", "post_mlp_layernorm"]);
            layer.attention("qkv").merged_mlp()
        })
        .own_output(),
        Kind::new("Glm4MoeForCausalLM", &[rope.clone(), moe.clone(), json!({
            "partial_rotary_factor": 0.5, "use_qk_norm": true, "attention_bias": true, "head_dim": HEAD,
            "first_k_dense_replace": 1, "n_routed_experts": EXPERTS, "n_shared_experts": 1, "norm_topk_prob": true,
        })])
        .layers(|layer| layer.norms(&norms).attention("qkv").head_norms().dense_then_experts(true))
        .own_output(),
        Kind::new("Glm4MoeLiteForCausalLM", &[rope.clone(), moe.clone(), latent, json!({
            "q_lora_rank": LATENT, "v_head_dim": TURNED + UNTURNED,
        })])
            .layers(|layer| layer.norms(&norms).latent_attention(Some(LATENT), TURNED + UNTURNED).dense_then_experts(true))
            .own_output(),
        Kind::new("Qwen3MoeForCausalLM", &[rope.clone(), windows, moe.clone(), json!({
            "head_dim": HEAD, "num_experts": EXPERTS, "mlp_only_layers": [], "decoder_sparse_step": 1,
            "norm_topk_prob": true,
        })])
        .layers(|layer| {
            layer.norms(&norms).attention("").head_norms().linear("mlp.gate", EXPERTS, WIDTH).experts("mlp.experts")
        })
        .own_output(),
        Kind::new("SmolLM3ForCausalLM", &[rope.clone(), json!({"no_rope_layer_interval": 2, "no_rope_layers": [1, 0]})])
            .layers(|layer| layer.norms(&norms).attention("").mlp("mlp"))
            .shared_output(),
        Kind::new("GraniteMoeHybridForCausalLM", &[json!({
            "layer_types": ["mamba", "attention"], "max_position_embeddings": 4 * CONTEXT, "shared_intermediate_size": INNER, "intermediate_size": EXPERT,
            "num_local_experts": EXPERTS, "num_experts_per_tok": CHOSEN, "mamba_n_heads": 8, "mamba_d_head": HEAD,
            "mamba_d_state": STATES, "mamba_n_groups": 1, "mamba_d_conv": LOOK_BACK, "mamba_expand": 2,
            "position_embedding_type": "nope", "attention_multiplier": 0.25, "embedding_multiplier": 2.0,
            "residual_multiplier": 0.5, "logits_scaling": 2.0,
        })])
        .layers(|layer| {
            layer.norms(&norms);
            if layer.index == 0 { layer.mamba() } else { layer.attention("") };
            layer.linear("shared_mlp.input_linear", 2 * INNER, WIDTH).linear("shared_mlp.output_linear", WIDTH, INNER);
            layer.put("block_sparse_moe.input_linear.weight", &[EXPERTS, 2 * EXPERT, WIDTH]);
            layer.put("block_sparse_moe.output_linear.weight", &[EXPERTS, WIDTH, EXPERT]);
            layer.linear("block_sparse_moe.router.layer", EXPERTS, WIDTH)
        })
        .shared_output(),
        Kind::new("GptOssForCausalLM", &[rope.clone(), json!({
            "head_dim": HEAD, "num_local_experts": EXPERTS, "num_experts_per_tok": CHOSEN, "attention_bias": true,
            "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 32,
            "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn"]},
        })])
        .layers(|layer| {
            layer.norms(&norms).attention("qkvo").put("self_attn.sinks", &[HEADS]).biased("mlp.router", EXPERTS, WIDTH);
            for (name, rows) in [("gate_up_proj", 2 * WIDTH), ("down_proj", WIDTH)] {
                layer.put(&format!("mlp.experts.{name}_blocks"), &[EXPERTS, rows, WIDTH / 32, 16]);
                layer.put(&format!("mlp.experts.{name}_scales"), &[EXPERTS, rows, WIDTH / 32]);
                layer.put(&format!("mlp.experts.{name}_bias"), &[EXPERTS, rows]);
            }
            layer
        })
        .own_output(),
        Kind::new("Qwen3NextForCausalLM", &[rope, moe, json!({
            "head_dim": HEAD, "partial_rotary_factor": 0.5, "full_attention_interval": 2, "num_experts": EXPERTS,
            "shared_expert_intermediate_size": EXPERT, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
            "max_position_embeddings": 4 * CONTEXT, "linear_key_head_dim": HEAD, "linear_value_head_dim": HEAD, "linear_conv_kernel_dim": LOOK_BACK,
            "decoder_sparse_step": 1, "norm_topk_prob": true, "mlp_only_layers": [],
        })])
        .layers(|layer| {
            layer.norms(&norms);
            if layer.index == 0 { layer.delta_net() } else { layer.gated_attention().head_norms() };
            layer.linear("mlp.gate", EXPERTS, WIDTH).experts("mlp.experts").shared_expert("mlp.shared_expert");
            layer.linear("mlp.shared_expert_gate", 1, WIDTH)
        })
        .own_output(),
    ]
}

fn gemma() -> Value {
    json!({"attention_bias": false, "head_dim": HEAD, "hidden_act": null, "hidden_activation": "gelu_pytorch_tanh"})
}

impl Kind {
    fn new(class: &'static str, own: &[Value]) -> Self {
        let mut config = json!({
            "architectures": [class], "torch_dtype": "float32", "hidden_size": WIDTH, "intermediate_size": INNER,
            "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": KEYS / HEAD,
            "vocab_size": words().len(), "max_position_embeddings": CONTEXT, "hidden_act": "silu", "rms_norm_eps": 1e-5,
            "bos_token_id": 1, "eos_token_id": 2,
        });
        for (key, value) in own.iter().flat_map(|own| own.as_object().expect("keys")) {
            config[key] = value.clone();
        }
        let weights = vec![
            ("model.embed_tokens.weight".to_owned(), vec![words().len() as u64, WIDTH]),
            ("model.norm.weight".to_owned(), vec![WIDTH]),
        ];
        Self { name: class.to_owned(), class, config, weights }
    }

    fn layers(mut self, build: impl Fn(&mut Layer) -> &mut Layer) -> Self {
        for index in 0..LAYERS {
            let mut layer = Layer { index, weights: Vec::new() };
            build(&mut layer);
            self.weights.append(&mut layer.weights);
        }
        self
    }

    fn own_output(mut self) -> Self {
        self.config["tie_word_embeddings"] = json!(false);
        self.with(&[("lm_head.weight", &[words().len() as u64, WIDTH])])
    }

    fn shared_output(mut self) -> Self {
        self.config["tie_word_embeddings"] = json!(true);
        self
    }

    fn with(mut self, weights: &[(&str, &[u64])]) -> Self {
        self.weights.extend(weights.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())));
        self
    }

    /// With its experts in two tensors instead of one by one.
    fn stacked(mut self) -> Self {
        self.name += " with stacked experts";
        let is_single = |name: &str| name.contains(".experts.");
        let mut layers: Vec<String> = Vec::new();
        for (name, _) in &self.weights {
            if let Some((at, _)) = name.split_once(".experts.")
                && !layers.iter().any(|known| known == at)
            {
                layers.push(at.to_owned());
            }
        }
        self.weights.retain(|(name, _)| !is_single(name));
        for at in layers {
            self.weights.push((format!("{at}.experts.gate_up_proj"), vec![EXPERTS, WIDTH, 2 * EXPERT]));
            self.weights.push((format!("{at}.experts.down_proj"), vec![EXPERTS, EXPERT, WIDTH]));
        }
        self
    }

    fn without(mut self, weight: &str) -> Self {
        self.weights.retain(|(name, _)| name != weight);
        self
    }
}

/// The weights of one layer.
struct Layer {
    index: u32,
    weights: Vec<(String, Vec<u64>)>,
}

impl Layer {
    fn put(&mut self, name: &str, shape: &[u64]) -> &mut Self {
        self.weights.push((format!("model.layers.{}.{name}", self.index), shape.to_vec()));
        self
    }

    fn linear(&mut self, name: &str, rows: u64, columns: u64) -> &mut Self {
        self.put(&format!("{name}.weight"), &[rows, columns])
    }

    fn biased(&mut self, name: &str, rows: u64, columns: u64) -> &mut Self {
        self.linear(name, rows, columns).put(&format!("{name}.bias"), &[rows])
    }

    fn norm_of(&mut self, name: &str, size: u64) -> &mut Self {
        self.put(&format!("{name}.weight"), &[size])
    }

    fn norms(&mut self, names: &[&str]) -> &mut Self {
        for name in names {
            self.norm_of(name, WIDTH);
        }
        self
    }

    fn biased_norm(&mut self, name: &str) -> &mut Self {
        self.norm_of(name, WIDTH).put(&format!("{name}.bias"), &[WIDTH])
    }

    /// `biased` has the letters of the parts that have a bias.
    fn attention(&mut self, biased: &str) -> &mut Self {
        for (letter, rows, columns) in
            [('q', QUERY, WIDTH), ('k', KEYS, WIDTH), ('v', KEYS, WIDTH), ('o', WIDTH, QUERY)]
        {
            let name = format!("self_attn.{letter}_proj");
            if biased.contains(letter) {
                self.biased(&name, rows, columns)
            } else {
                self.linear(&name, rows, columns)
            };
        }
        self
    }

    /// Its queries come with a gate for each number.
    fn gated_attention(&mut self) -> &mut Self {
        self.linear("self_attn.q_proj", 2 * QUERY, WIDTH).linear("self_attn.k_proj", KEYS, WIDTH);
        self.linear("self_attn.v_proj", KEYS, WIDTH).linear("self_attn.o_proj", WIDTH, QUERY)
    }

    fn head_norms(&mut self) -> &mut Self {
        self.norm_of("self_attn.q_norm", HEAD).norm_of("self_attn.k_norm", HEAD)
    }

    /// Keys and values out of a few numbers; the queries too, where `rank` says of how many.
    fn latent_attention(&mut self, rank: Option<u64>, value: u64) -> &mut Self {
        let query = HEADS * (TURNED + UNTURNED);
        match rank {
            None => self.linear("self_attn.q_proj", query, WIDTH),
            Some(rank) => {
                self.linear("self_attn.q_a_proj", rank, WIDTH).norm_of("self_attn.q_a_layernorm", rank);
                self.linear("self_attn.q_b_proj", query, rank)
            }
        };
        self.linear("self_attn.kv_a_proj_with_mqa", LATENT + TURNED, WIDTH).norm_of("self_attn.kv_a_layernorm", LATENT);
        self.linear("self_attn.kv_b_proj", HEADS * (UNTURNED + value), LATENT);
        self.linear("self_attn.o_proj", WIDTH, HEADS * value)
    }

    fn mlp_of(&mut self, at: &str, inner: u64) -> &mut Self {
        self.linear(&format!("{at}.gate_proj"), inner, WIDTH).linear(&format!("{at}.up_proj"), inner, WIDTH);
        self.linear(&format!("{at}.down_proj"), WIDTH, inner)
    }

    fn mlp(&mut self, at: &str) -> &mut Self {
        self.mlp_of(at, INNER)
    }

    fn merged_mlp(&mut self) -> &mut Self {
        self.linear("mlp.gate_up_proj", 2 * INNER, WIDTH).linear("mlp.down_proj", WIDTH, INNER)
    }

    fn shared_expert(&mut self, at: &str) -> &mut Self {
        self.mlp_of(at, EXPERT)
    }

    fn experts(&mut self, at: &str) -> &mut Self {
        for expert in 0..EXPERTS {
            self.mlp_of(&format!("{at}.{expert}"), EXPERT);
        }
        self
    }

    /// As Mixtral calls them.
    fn sparse_experts(&mut self) -> &mut Self {
        self.linear("block_sparse_moe.gate", EXPERTS, WIDTH);
        for expert in 0..EXPERTS {
            let name = |part: &str| format!("block_sparse_moe.experts.{expert}.{part}");
            self.linear(&name("w1"), INNER, WIDTH).linear(&name("w2"), WIDTH, INNER).linear(&name("w3"), INNER, WIDTH);
        }
        self
    }

    /// The first layer without experts; the others choose them with a `correction` or without.
    fn dense_then_experts(&mut self, correction: bool) -> &mut Self {
        if self.index == 0 {
            return self.mlp("mlp");
        }
        self.linear("mlp.gate", EXPERTS, WIDTH);
        if correction {
            self.put("mlp.gate.e_score_correction_bias", &[EXPERTS]);
        }
        self.experts("mlp.experts").shared_expert("mlp.shared_experts")
    }

    fn mamba(&mut self) -> &mut Self {
        let (heads, inner) = (8, 2 * WIDTH);
        let seen = inner + 2 * STATES;
        self.linear("mamba.in_proj", inner + seen + heads, WIDTH).linear("mamba.out_proj", WIDTH, inner);
        self.put("mamba.conv1d.weight", &[seen, 1, LOOK_BACK]).put("mamba.conv1d.bias", &[seen]);
        self.put("mamba.dt_bias", &[heads]).put("mamba.A_log", &[heads]).put("mamba.D", &[heads]);
        self.norm_of("mamba.norm", inner)
    }

    fn delta_net(&mut self) -> &mut Self {
        let (keys, values) = (2 * HEAD, 4 * HEAD);
        self.linear("linear_attn.in_proj_qkvz", 2 * keys + 2 * values, WIDTH).linear(
            "linear_attn.in_proj_ba",
            8,
            WIDTH,
        );
        self.put("linear_attn.conv1d.weight", &[2 * keys + values, 1, LOOK_BACK]).put("linear_attn.dt_bias", &[4]);
        self.put("linear_attn.A_log", &[4]).norm_of("linear_attn.norm", HEAD).linear(
            "linear_attn.out_proj",
            WIDTH,
            values,
        )
    }
}
