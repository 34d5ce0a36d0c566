//! Made-up caches, and a probe that believes what a file says of itself.

use std::fs;
use std::path::{Path, PathBuf};

use hobnob::domain::model::{Format, LocalModel, ModelFacts, ModelRef};
use hobnob::error::{ErrorKind, UserError};
use hobnob::hub::Options;
use tempfile::TempDir;

use crate::hub_server::sha256;

/// `GGUF Q4_K_M` is a model of that quantisation; a folder is one if it can be read; everything else is broken.
pub fn probe(path: &Path) -> Result<ModelFacts, UserError> {
    let broken = || UserError::new(ErrorKind::ModelBroken, format!("{} is no model", path.display()));
    let (format, quant) = if path.is_dir() {
        (Format::Safetensors, "BF16".to_owned())
    } else {
        let bytes = fs::read(path).map_err(|_| broken())?;
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(64)]).into_owned();
        let quant = head.strip_prefix("GGUF ").and_then(|rest| rest.split_whitespace().next()).ok_or_else(broken)?;
        (Format::Gguf, quant.to_owned())
    };
    Ok(ModelFacts {
        format,
        name: None,
        architecture: "llama".to_owned(),
        quant,
        parameters: 1,
        bytes: 1,
        context: 2048,
        layers: 1,
        kv_heads: 1,
        head_size: 64,
        vocabulary: 10,
        has_chat_template: true,
        ..ModelFacts::default()
    })
}

/// A folder with a cache in it, and room for other folders.
pub struct Made {
    pub root: TempDir,
}

impl Made {
    pub fn new() -> Self {
        Self { root: tempfile::tempdir().expect("a folder") }
    }

    pub fn cache(&self) -> PathBuf {
        self.root.path().join("hub")
    }

    pub fn options(&self) -> Options {
        Options { token: None, ..Options::from_env(self.cache(), Vec::new(), true, probe) }
    }

    pub fn repo(&self, repo: &str) -> PathBuf {
        self.cache().join(format!("models--{}", repo.replace('/', "--")))
    }

    pub fn snapshot(&self, repo: &str, commit: char) -> PathBuf {
        self.repo(repo).join("snapshots").join(commit.to_string().repeat(40))
    }

    /// A file in a snapshot, as the Python client would have put it there.
    pub fn file(&self, repo: &str, commit: char, path: &str, content: &str) -> &Self {
        let blobs = self.repo(repo).join("blobs");
        fs::create_dir_all(&blobs).expect("makes");
        let name = sha256(content.as_bytes());
        fs::write(blobs.join(&name), content).expect("writes");
        let pointer = self.snapshot(repo, commit).join(path);
        fs::create_dir_all(pointer.parent().expect("a parent")).expect("makes");
        let up = "../".repeat(2 + path.matches('/').count());
        std::os::unix::fs::symlink(format!("{up}blobs/{name}"), pointer).expect("links");
        self
    }

    pub fn refers(&self, repo: &str, name: &str, commit: char) -> &Self {
        let path = self.repo(repo).join("refs").join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("makes");
        fs::write(path, commit.to_string().repeat(40)).expect("writes");
        self
    }

    /// A file outside of the cache.
    pub fn loose(&self, path: &str, content: &str) -> PathBuf {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("makes");
        fs::write(&path, content).expect("writes");
        path
    }
}

pub fn parse(text: &str) -> ModelRef {
    ModelRef::parse(text).expect("a MODEL")
}

pub fn references(models: &[LocalModel]) -> Vec<&str> {
    models.iter().map(|model| model.reference.as_str()).collect()
}
