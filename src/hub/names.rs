//! What file names say about models: quantisations, files that are no model.

use std::collections::BTreeSet;
use std::path::Path;

use crate::domain::model::{SplitName, split_set};

/// Endings of quantisation names after `Q4`, `IQ3` and the like, without the first underscore.
const SUFFIXES: [&str; 14] = ["0", "1", "K", "K_S", "K_M", "K_L", "K_XL", "K_XS", "XXS", "XS", "S", "M", "NL", "KS"];

/// Whether a word is a quantisation's name as GGUF files carry it.
fn is_quant(word: &str) -> bool {
    let word = word.to_ascii_uppercase();
    if matches!(word.as_str(), "F16" | "BF16" | "F32" | "MXFP4" | "MXFP4_MOE") {
        return true;
    }
    let Some(rest) = ["IQ", "TQ", "Q"].iter().find_map(|kind| word.strip_prefix(kind)) else { return false };
    match rest.split_once('_') {
        Some((bits, suffix)) => one_digit(bits) && (SUFFIXES.contains(&suffix) || is_repacked(suffix)),
        None => one_digit(rest),
    }
}

fn one_digit(text: &str) -> bool {
    text.len() == 1 && text.bytes().all(|b| b.is_ascii_digit())
}

/// `0_4_4`, `0_8_8`: the layouts for ARM that were once files of their own.
fn is_repacked(suffix: &str) -> bool {
    suffix.split('_').count() == 3 && suffix.split('_').all(one_digit)
}

/// A GGUF file's name taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GgufName {
    /// What a person calls the model: no ending, quantisation or part number.
    pub base: String,
    /// As the name writes it, in capitals.
    pub quant: Option<String>,
    /// `(part, parts)` of a split set.
    pub part: Option<(u32, u32)>,
}

impl GgufName {
    /// Whether it says which model it is, and not just that it is one.
    #[must_use]
    pub fn names_the_model(&self) -> bool {
        !["model", "ggml-model", "gguf-model", "ggml", "gguf", "weights"]
            .iter()
            .any(|word| self.base.eq_ignore_ascii_case(word))
    }

    /// `None` if the name doesn't end in `.gguf`. The name may have folders before it.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let (stem, ending) = name.rsplit_once('.')?;
        if stem.is_empty() || !ending.eq_ignore_ascii_case("gguf") {
            return None;
        }
        let (stem, part) = match SplitName::parse(name) {
            Some(split) => (split.base, Some((split.part, split.parts))),
            None => (stem, None),
        };
        let mut base = stem;
        let mut quant = None;
        if let Some((rest, word)) = stem.rsplit_once(['-', '.', ' ']).filter(|(_, word)| is_quant(word)) {
            base = rest;
            let mut found = word.to_ascii_uppercase();
            // "UD" (dynamic) files lie beside plain ones of the same type.
            if let Some((before, mark)) =
                rest.rsplit_once(['-', '.']).filter(|(_, mark)| mark.eq_ignore_ascii_case("ud"))
            {
                base = before;
                found = format!("{}-{found}", mark.to_ascii_uppercase());
            }
            quant = Some(found);
        }
        let base = if base.is_empty() { stem } else { base };
        Some(Self { base: base.to_owned(), quant, part })
    }
}

/// A GGUF file that helps a model but is none: a vision projector, an importance matrix, a bare vocabulary.
#[must_use]
pub fn is_helper(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    name.contains("mmproj") || name.contains("imatrix") || name.starts_with("ggml-vocab")
}

/// Endings of files that hold weights, for any program.
const WEIGHTS: [&str; 14] = [
    "gguf",
    "safetensors",
    "uqff",
    "bin",
    "pt",
    "pth",
    "ckpt",
    "onnx",
    "h5",
    "msgpack",
    "npz",
    "ot",
    "tflite",
    "llamafile",
];

/// What describes the model of a folder.
pub(super) const CONFIG: &str = "config.json";

/// Whether a file holds weights that the engine has quantised.
#[must_use]
pub(super) fn is_uqff(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending == "uqff")
}

/// Whether there is anything among these paths that somebody could load: more than words, settings and helpers.
#[must_use]
pub(super) fn has_weights(paths: &BTreeSet<&str>) -> bool {
    let ending = |path: &str| path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let uqff = paths.iter().any(|path| is_uqff(path));
    paths.iter().any(|path| {
        let weights = ending(path).is_some_and(|ending| WEIGHTS.contains(&ending.as_str()));
        weights && !is_helper(path) && (uqff || *path != UQFF_REST)
    })
}

/// What the engine reads beside the weights of a folder, where it is there. Everything else in such a repository is left
/// where it is: other formats of the same weights, pictures, training notes.
pub(super) const BESIDE_WEIGHTS: [&str; 15] = [
    CONFIG,
    "generation_config.json",
    TOKENIZER,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "tokenizer.model",
    "chat_template.jinja",
    "chat_template.json",
    "preprocessor_config.json",
    "processor_config.json",
    "model.safetensors.index.json",
];
pub(super) const TOKENIZER: &str = "tokenizer.json";
/// A tokenizer of another make, read only where the usual one is missing.
pub(super) const TEKKEN: &str = "tekken.json";

/// Whether a file beside weights is of use with them alone: their configuration and their words.
#[must_use]
pub(super) fn is_companion(name: &str) -> bool {
    BESIDE_WEIGHTS.contains(&name) || name == TEKKEN || name == OURS || name.ends_with(".safetensors.index.json")
}

/// What this program writes beside a copy that it keeps.
const OURS: &str = "hobnob.json";

/// What a model in UQFF has beside its quantised weights: the rest of them.
pub(super) const UQFF_REST: &str = "residual.safetensors";

/// The weights in one file, as their maker's own programs want them.
const CONSOLIDATED: &str = "consolidated.safetensors";

/// A UQFF model among the files of a folder or repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UqffModel {
    /// As the files' name tells, in capitals.
    pub quant: String,
    /// Its files, in order.
    pub files: Vec<String>,
}

/// What the files of a UQFF model are called before the number of the part, and that number where they have one.
fn uqff_part(path: &str) -> Option<(&str, Option<u32>)> {
    let stem = path.strip_suffix(".uqff").filter(|stem| !stem.contains('/'))?;
    let numbered = stem.rsplit_once('-').and_then(|(base, part)| Some((base, Some(part.parse().ok()?))));
    Some(numbered.unwrap_or((stem, None)))
}

/// Whether a file makes a model of what lies beside it, although of that something may be missing: that is how many parts
/// a UQFF set has, which no name tells, or what lies beside the weights of a folder.
#[must_use]
pub(super) fn makes_a_model(path: &str) -> bool {
    path == CONFIG || uqff_part(path).is_some_and(|(_, part)| part == Some(0))
}

/// The UQFF models of a folder: what its files are called before the number of the part, or before the ending. None without
/// the files that they need beside them.
#[must_use]
pub fn uqff_models(paths: &BTreeSet<&str>) -> Vec<UqffModel> {
    if !paths.contains(CONFIG) || !paths.contains(UQFF_REST) {
        return Vec::new();
    }
    let model = |path: &&str| {
        let (base, part) = uqff_part(path)?;
        // A set is found at its first part; the engine takes the parts that follow without a gap.
        let files = match part {
            None => vec![(*path).to_owned()],
            Some(0) => {
                let parts = (0..).map(|part| format!("{base}-{part}.uqff"));
                parts.take_while(|part| paths.contains(part.as_str())).collect()
            }
            Some(_) => return None,
        };
        Some(UqffModel { quant: base.to_ascii_uppercase(), files })
    };
    paths.iter().filter_map(model).collect()
}

/// A GGUF model among the files of a folder or repository: one file, or a whole set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GgufModel {
    pub name: GgufName,
    /// Its paths, in order.
    pub files: Vec<String>,
}

/// The whole GGUF models among these paths.
#[must_use]
pub fn gguf_models(paths: &BTreeSet<&str>) -> Vec<GgufModel> {
    let model = |path: &&str| {
        let name = GgufName::parse(path)?;
        // A set is found at its first part.
        if is_helper(path) || name.part.is_some_and(|(part, _)| part != 1) {
            return None;
        }
        let files = split_set(path);
        files.iter().all(|file| paths.contains(file.as_str())).then_some(GgufModel { name, files })
    };
    paths.iter().filter_map(model).collect()
}

/// The weights of the model that the folder itself is: `None` without a configuration, or if a part is missing.
#[must_use]
pub fn folder_weights(paths: &BTreeSet<&str>) -> Option<Vec<String>> {
    paths.get(CONFIG)?;
    // Adapters change a model and are none.
    let is_weights = |path: &&&str| {
        !path.contains('/') && path.ends_with(".safetensors") && !path.starts_with("adapter") && **path != UQFF_REST
    };
    let mut weights: Vec<String> = paths.iter().filter(is_weights).flat_map(|path| split_set(path)).collect();
    weights.sort();
    weights.dedup();
    // Some repositories have the same weights a second time, in one file.
    if weights.len() > 1 {
        weights.retain(|path| path != CONSOLIDATED);
    }
    (!weights.is_empty() && weights.iter().all(|file| paths.contains(file.as_str()))).then_some(weights)
}

/// How well a quantisation that was asked for fits one that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuantMatch {
    /// `Q4` for `Q4_K_M`.
    Family,
    Exact,
}

#[must_use]
pub fn match_quant(wanted: &str, there: &str) -> Option<QuantMatch> {
    let (wanted, there) = (wanted.to_ascii_uppercase(), there.to_ascii_uppercase());
    if wanted == there {
        return Some(QuantMatch::Exact);
    }
    let plain = there.strip_prefix("UD-").unwrap_or(&there);
    let family = plain == wanted
        || plain.strip_prefix(&wanted).is_some_and(|rest| rest.starts_with('_'))
        || there.strip_prefix(&wanted).is_some_and(|rest| rest.starts_with('_'));
    family.then_some(QuantMatch::Family)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str) -> (String, Option<String>, Option<(u32, u32)>) {
        let name = GgufName::parse(name).expect("a GGUF name");
        (name.base, name.quant, name.part)
    }

    #[test]
    fn some_names_say_nothing() {
        for (name, says) in [("model.Q4_K_M.gguf", false), ("ggml-model-q4_0.gguf", false), ("Model7-Q8_0.gguf", true)]
        {
            assert_eq!(GgufName::parse(name).expect("a GGUF name").names_the_model(), says, "{name}");
        }
    }

    #[test]
    fn names_are_taken_apart() {
        let cases = [
            ("SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-135M-Instruct", Some("Q4_1"), None),
            ("smollm2-360m-instruct-q8_0.gguf", "smollm2-360m-instruct", Some("Q8_0"), None),
            ("Qwen3-0.6B-Q4_K_M.gguf", "Qwen3-0.6B", Some("Q4_K_M"), None),
            ("sub/Qwen3-4B-UD-Q4_K_XL.gguf", "Qwen3-4B", Some("UD-Q4_K_XL"), None),
            ("m-IQ3_XXS.gguf", "m", Some("IQ3_XXS"), None),
            ("m.i1-Q6_K.gguf", "m.i1", Some("Q6_K"), None),
            ("m-BF16-00002-of-00003.gguf", "m", Some("BF16"), Some((2, 3))),
            ("m-Q4_0_4_4.GGUF", "m", Some("Q4_0_4_4"), None),
            ("Qwen3-Q.gguf", "Qwen3-Q", None, None),
            ("plain.gguf", "plain", None, None),
            ("Q4_0.gguf", "Q4_0", None, None),
        ];
        for (name, base, quant, part) in cases {
            assert_eq!(parsed(name), (base.to_owned(), quant.map(str::to_owned), part), "{name}");
        }
        assert_eq!(GgufName::parse("m.safetensors"), None);
        assert_eq!(GgufName::parse(".gguf"), None);
    }

    #[test]
    fn models_are_whole() {
        let models = |paths: &[&str]| {
            let models = gguf_models(&paths.iter().copied().collect());
            models.into_iter().map(|model| model.files.join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(
            models(&["a-00001-of-00002.gguf", "a-00002-of-00002.gguf", "mmproj-f16.gguf", "s/m.gguf", "README.md"]),
            ["a-00001-of-00002.gguf a-00002-of-00002.gguf", "s/m.gguf"]
        );
        assert!(models(&["a-00001-of-00002.gguf"]).is_empty() && models(&["a-00002-of-00002.gguf"]).is_empty());
        let weights = |paths: &[&str]| folder_weights(&paths.iter().copied().collect()).map(|files| files.len());
        assert_eq!(weights(&["config.json", "model.safetensors", "adapter.safetensors"]), Some(1));
        assert_eq!(weights(&["config.json", "m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors"]), Some(2));
        assert_eq!(weights(&["config.json", "m-00001-of-00002.safetensors"]), None);
        assert_eq!(weights(&["config.json", "sub/model.safetensors"]), None);
        assert_eq!(weights(&["model.safetensors"]), None);
    }

    #[test]
    fn uqff_models_need_what_lies_beside_them() {
        let models = |paths: &[&str]| {
            let models = uqff_models(&paths.iter().copied().collect());
            models.into_iter().map(|model| format!("{}: {}", model.quant, model.files.join(" "))).collect::<Vec<_>>()
        };
        let whole = ["config.json", "residual.safetensors", "q4k-0.uqff", "q4k-1.uqff", "q8_0-0.uqff", "old.uqff"];
        assert_eq!(models(&whole), ["OLD: old.uqff", "Q4K: q4k-0.uqff q4k-1.uqff", "Q8_0: q8_0-0.uqff"]);
        assert!(models(&whole[1..]).is_empty() && models(&["config.json", "q4k-0.uqff"]).is_empty());
        assert!(models(&["config.json", "residual.safetensors", "q4k-1.uqff", "sub/q4k-0.uqff"]).is_empty());
        assert_eq!(folder_weights(&whole.iter().copied().collect()), None, "what is left over is no model");
    }

    #[test]
    fn quantisations_match_without_case_and_by_family() {
        assert_eq!(match_quant("q4_k_m", "Q4_K_M"), Some(QuantMatch::Exact));
        assert_eq!(match_quant("Q4", "Q4_K_M"), Some(QuantMatch::Family));
        assert_eq!(match_quant("q4_k_xl", "UD-Q4_K_XL"), Some(QuantMatch::Family));
        assert_eq!(match_quant("Q4", "Q40"), None);
        assert_eq!(match_quant("Q8_0", "Q4_0"), None);
    }

    #[test]
    fn what_is_left_without_weights_is_known() {
        let left = |paths: &[&str]| has_weights(&paths.iter().copied().collect());
        assert!(
            !left(&[]) && !left(&["README.md", "config.json", "tokenizer.json", ".gitattributes", "mmproj-F16.gguf"])
        );
        assert!(!left(&["config.json", "residual.safetensors"]));
        assert!(left(&["residual.safetensors", "q4k-0.uqff"]));
        for path in ["m-00002-of-00003.gguf", "pytorch_model.bin", "onnx/model.ONNX", "adapter_model.safetensors"] {
            assert!(left(&["README.md", path]), "{path}");
        }
        assert!(is_companion("model.safetensors.index.json") && !is_companion("notes.txt"));
    }

    #[test]
    fn helpers_are_known() {
        assert!(is_helper("mmproj-model-f16.gguf") && is_helper("x/m.imatrix.gguf") && !is_helper("m-Q4_0.gguf"));
    }
}
