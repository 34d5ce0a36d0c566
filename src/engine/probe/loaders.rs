//! The engine's loaders of text models in folders: what each insists on in `config.json`, and how it goes by that.

pub(super) const KEYS: &str = "num_key_value_heads";
pub(super) const ACTIVATION: &str = "hidden_act";
const EPSILON: &str = "rms_norm_eps";
pub(super) const THETA: &str = "rope_theta";
/// What most loaders insist on.
const USUAL: &[&str] = &[KEYS, ACTIVATION, EPSILON, THETA];
const WINDOWED: &[&str] = &[KEYS, ACTIVATION, EPSILON, THETA, "max_window_layers", "use_sliding_window"];

/// Where an attention head's size comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Heads {
    /// The width over the number of heads, whatever else is said.
    Derived,
    /// A key of its own, else as above.
    Said,
    /// Keys and values are made of a few numbers, and cached as they come out of that.
    Latent,
}

/// What the output is computed with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Output {
    /// The embedding's matrix, always.
    Embedding,
    /// A matrix of its own, always: the loader panics on a model that shares it.
    Own,
    /// As `tie_word_embeddings` says, or this where it says nothing.
    SharedIfSaid(bool),
}

/// Which layers keep the last tokens only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Windows {
    None,
    /// All, if there is a window.
    All,
    /// All, although half of them were trained to see everything: nothing beyond the window makes sense.
    TooMany,
    /// Those from `max_window_layers` on, where `use_sliding_window` says so.
    Upper,
    /// By `layer_types`.
    Typed,
}

/// One loader.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loader {
    pub class: &'static str,
    /// Our name for what it loads.
    pub name: &'static str,
    pub needs: &'static [&'static str],
    pub heads: Heads,
    pub output: Output,
    pub windows: Windows,
    /// It computes experts in the way that takes them one by one on a GPU alone.
    pub gathers_experts: bool,
    /// It leaves biases out that the model may say it has.
    pub ignores_biases: bool,
}

const DENSE: Loader = Loader {
    class: "",
    name: "",
    needs: USUAL,
    heads: Heads::Derived,
    output: Output::SharedIfSaid(false),
    windows: Windows::None,
    gathers_experts: false,
    ignores_biases: false,
};

const DEEPSEEK: Loader = Loader {
    needs: &[
        EPSILON,
        THETA,
        "attention_bias",
        "moe_intermediate_size",
        "kv_lora_rank",
        "qk_rope_head_dim",
        "qk_nope_head_dim",
        "v_head_dim",
        "n_group",
        "topk_group",
    ],
    heads: Heads::Latent,
    gathers_experts: true,
    ..DENSE
};

/// All of them.
const LOADERS: &[Loader] = &[
    Loader {
        class: "MistralForCausalLM",
        name: "mistral",
        needs: &[KEYS, ACTIVATION, EPSILON],
        heads: Heads::Said,
        windows: Windows::All,
        ignores_biases: true,
        ..DENSE
    },
    Loader {
        class: "MixtralForCausalLM",
        name: "mixtral",
        needs: &[KEYS, ACTIVATION, EPSILON, THETA, "num_experts_per_tok", "num_local_experts"],
        windows: Windows::All,
        ignores_biases: true,
        ..DENSE
    },
    Loader {
        class: "GemmaForCausalLM",
        name: "gemma",
        needs: &[KEYS, EPSILON, THETA, "attention_bias", "head_dim"],
        heads: Heads::Said,
        output: Output::Embedding,
        ..DENSE
    },
    Loader {
        class: "Gemma2ForCausalLM",
        name: "gemma2",
        needs: &[KEYS, EPSILON, THETA, "attention_bias", "head_dim", "sliding_window", "query_pre_attn_scalar"],
        heads: Heads::Said,
        output: Output::Embedding,
        windows: Windows::TooMany,
        ..DENSE
    },
    Loader {
        class: "PhiForCausalLM",
        name: "phi2",
        needs: &[ACTIVATION, THETA, "layer_norm_eps", "partial_rotary_factor", "qk_layernorm"],
        output: Output::Own,
        ..DENSE
    },
    Loader {
        class: "Phi3ForCausalLM",
        name: "phi3",
        needs: &[KEYS, ACTIVATION, EPSILON, THETA, "original_max_position_embeddings"],
        windows: Windows::All,
        ..DENSE
    },
    Loader { class: "LlamaForCausalLM", name: "llama", ignores_biases: true, ..DENSE },
    Loader { class: "Qwen2ForCausalLM", name: "qwen2", ..DENSE },
    Loader {
        class: "Starcoder2ForCausalLM",
        name: "starcoder2",
        needs: &[KEYS, ACTIVATION, THETA, "norm_epsilon", "use_bias"],
        output: Output::Embedding,
        windows: Windows::All,
        ..DENSE
    },
    Loader {
        class: "PhiMoEForCausalLM",
        name: "phi3.5moe",
        needs: &[
            KEYS,
            ACTIVATION,
            EPSILON,
            THETA,
            "original_max_position_embeddings",
            "lm_head_bias",
            "attention_bias",
            "num_local_experts",
            "router_jitter_noise",
        ],
        output: Output::Own,
        windows: Windows::All,
        ..DENSE
    },
    Loader { class: "DeepseekV2ForCausalLM", name: "deepseekv2", ..DEEPSEEK },
    Loader { class: "DeepseekV3ForCausalLM", name: "deepseekv3", ..DEEPSEEK },
    Loader {
        class: "Qwen3ForCausalLM",
        name: "qwen3",
        needs: WINDOWED,
        heads: Heads::Said,
        windows: Windows::Upper,
        ignores_biases: true,
        ..DENSE
    },
    Loader { class: "Glm4ForCausalLM", name: "glm4", heads: Heads::Said, windows: Windows::All, ..DENSE },
    Loader {
        class: "Glm4MoeLiteForCausalLM",
        name: "glm4moelite",
        needs: &[
            KEYS,
            EPSILON,
            THETA,
            "moe_intermediate_size",
            "q_lora_rank",
            "kv_lora_rank",
            "qk_nope_head_dim",
            "qk_rope_head_dim",
            "v_head_dim",
            "n_routed_experts",
            "n_shared_experts",
            "num_experts_per_tok",
        ],
        ..DEEPSEEK
    },
    Loader {
        class: "Glm4MoeForCausalLM",
        name: "glm4moe",
        needs: &[
            KEYS,
            EPSILON,
            THETA,
            "moe_intermediate_size",
            "partial_rotary_factor",
            "n_routed_experts",
            "n_shared_experts",
            "num_experts_per_tok",
        ],
        heads: Heads::Said,
        gathers_experts: true,
        ..DENSE
    },
    Loader {
        class: "Qwen3MoeForCausalLM",
        name: "qwen3moe",
        needs: &[
            KEYS,
            ACTIVATION,
            EPSILON,
            THETA,
            "max_window_layers",
            "use_sliding_window",
            "moe_intermediate_size",
            "num_experts",
            "mlp_only_layers",
            "decoder_sparse_step",
            "norm_topk_prob",
            "num_experts_per_tok",
        ],
        heads: Heads::Said,
        windows: Windows::Upper,
        gathers_experts: true,
        ignores_biases: true,
        ..DENSE
    },
    Loader {
        class: "SmolLM3ForCausalLM",
        name: "smollm3",
        needs: &[KEYS, ACTIVATION, EPSILON, THETA, "no_rope_layer_interval"],
        ignores_biases: true,
        ..DENSE
    },
    Loader {
        class: "GraniteMoeHybridForCausalLM",
        name: "granitemoehybrid",
        needs: &[EPSILON],
        output: Output::SharedIfSaid(true),
        ignores_biases: true,
        ..DENSE
    },
    Loader {
        class: "GptOssForCausalLM",
        name: "gpt_oss",
        needs: &[KEYS, EPSILON, THETA, "num_local_experts", "num_experts_per_tok", "layer_types"],
        heads: Heads::Said,
        windows: Windows::Typed,
        ..DENSE
    },
    Loader {
        class: "Qwen3NextForCausalLM",
        name: "qwen3next",
        needs: &[
            KEYS,
            ACTIVATION,
            "head_dim",
            "linear_key_head_dim",
            "linear_value_head_dim",
            "linear_num_key_heads",
            "linear_num_value_heads",
            "moe_intermediate_size",
            "shared_expert_intermediate_size",
            "num_experts_per_tok",
            "num_experts",
        ],
        heads: Heads::Said,
        output: Output::SharedIfSaid(true),
        gathers_experts: true,
        ..DENSE
    },
];

impl Loader {
    /// The loader of the kind that `config.json` names.
    pub fn of(class: &str) -> Option<&'static Self> {
        LOADERS.iter().find(|loader| loader.class == class)
    }
}
