//! The gate before the engine: whole models pass, and everything else is refused in words, quickly, in little memory.

#[path = "../support/mod.rs"]
mod support;

mod folder;
mod gguf;
mod measure;
