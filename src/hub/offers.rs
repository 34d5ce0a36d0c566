//! Which files of a repository are one model. Pure: from what a listing says, for pages and for downloads alike.

use std::collections::{BTreeSet, HashMap};

use crate::domain::hub::{Kind, Offer, Quality, RepoFile};
use crate::domain::model::{Choice, Format, ModelRef, RepoId};
use crate::hub::names::{
    BESIDE_WEIGHTS, QuantMatch, TEKKEN, TOKENIZER, UQFF_REST, folder_weights, gguf_models, match_quant, uqff_models,
};

/// A model among the files of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RepoModel {
    pub format: Format,
    pub kind: Kind,
    /// As the names tell; empty where they don't.
    pub quant: String,
    /// The shortest choice that means this model alone.
    pub choice: Choice,
    /// What has to be here, the weights first.
    pub files: Vec<String>,
}

/// The whole models of a repository: its own folder first, then in the order of their paths.
pub(super) fn models(repo: &RepoId, paths: &BTreeSet<&str>) -> Vec<RepoModel> {
    let mut found = Vec::new();
    if let Some(weights) = folder_weights(paths) {
        found.push(RepoModel {
            format: Format::Safetensors,
            kind: if is_mlx(repo) { Kind::Mlx } else { Kind::Safetensors },
            quant: quant_of_name(&repo.name),
            choice: Choice::Any,
            files: [weights, beside(paths)].concat(),
        });
    }
    for model in uqff_models(paths) {
        found.push(RepoModel {
            format: Format::Uqff,
            kind: Kind::Uqff,
            quant: model.quant,
            choice: Choice::File(model.files.first().cloned().unwrap_or_default()),
            files: [model.files, vec![UQFF_REST.to_owned()], beside(paths)].concat(),
        });
    }
    for model in gguf_models(paths) {
        found.push(RepoModel {
            format: Format::Gguf,
            kind: Kind::Gguf,
            quant: model.name.quant.unwrap_or_default(),
            choice: Choice::File(model.files.first().cloned().unwrap_or_default()),
            files: model.files,
        });
    }
    // A quantisation that only one of them has is all that needs to be said.
    let mut same: HashMap<String, usize> = HashMap::new();
    for model in found.iter().filter(|model| model.format != Format::Safetensors) {
        *same.entry(model.quant.to_ascii_uppercase()).or_default() += 1;
    }
    for model in found.iter_mut().filter(|model| model.format != Format::Safetensors && !model.quant.is_empty()) {
        if same.get(&model.quant.to_ascii_uppercase()) == Some(&1) {
            model.choice = Choice::Quant(model.quant.clone());
        }
    }
    found
}

/// The models of a repository with their sizes, the best quantisation first.
pub(super) fn offers(repo: &RepoId, revision: Option<&str>, files: &[RepoFile]) -> Vec<Offer> {
    let sizes: HashMap<&str, u64> = files.iter().map(|file| (file.path.as_str(), file.bytes)).collect();
    let paths = sizes.keys().copied().collect();
    let offer = |model: RepoModel| {
        let files: Vec<RepoFile> = model
            .files
            .into_iter()
            .map(|path| RepoFile { bytes: sizes.get(path.as_str()).copied().unwrap_or_default(), path })
            .collect();
        Offer {
            model: ModelRef::Hub { repo: repo.clone(), choice: model.choice, revision: revision.map(str::to_owned) },
            format: model.format,
            kind: model.kind,
            quality: Quality::of(&model.quant),
            quant: model.quant,
            bytes: files.iter().map(|file| file.bytes).sum(),
            files,
            facts: None,
        }
    };
    let mut offers: Vec<Offer> = models(repo, &paths).into_iter().map(offer).collect();
    offers.sort_by_key(|offer| std::cmp::Reverse((offer.quality, offer.bytes)));
    offers
}

/// The models of that quantisation. An exact name wins over the family's, as among the models that are here.
pub(super) fn of_quant(wanted: &str, models: &[RepoModel]) -> Vec<RepoModel> {
    let at = |level: QuantMatch| -> Vec<RepoModel> {
        let fits = |model: &&RepoModel| {
            model.format != Format::Safetensors && match_quant(wanted, &model.quant) == Some(level)
        };
        models.iter().filter(fits).cloned().collect()
    };
    let exact = at(QuantMatch::Exact);
    if exact.is_empty() { at(QuantMatch::Family) } else { exact }
}

/// What lies beside the weights and is read with them.
fn beside(paths: &BTreeSet<&str>) -> Vec<String> {
    let tekken = (!paths.contains(TOKENIZER)).then_some(TEKKEN);
    let read = BESIDE_WEIGHTS.iter().copied().chain(tekken);
    read.filter(|path| paths.contains(path)).map(str::to_owned).collect()
}

/// Whether its name says that Apple's MLX made it.
fn is_mlx(repo: &RepoId) -> bool {
    repo.owner == "mlx-community" || words(&repo.name).any(|word| word.eq_ignore_ascii_case("mlx"))
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(['-', '_', '.'])
}

/// What the name of a folder says about its weights: `4-bit`, `BF16`, `AWQ`.
fn quant_of_name(name: &str) -> String {
    let known = |word: &str| {
        let word = word.to_ascii_uppercase();
        let bits = word.strip_suffix("BIT").filter(|bits| !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit()));
        match word.as_str() {
            "BF16" | "F16" | "FP16" | "F32" | "FP32" | "FP8" | "AWQ" | "GPTQ" => Some(word),
            _ => bits.map(|bits| format!("{bits}-bit")),
        }
    };
    words(name).filter_map(known).last().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repo(name: &str) -> RepoId {
        RepoId::parse(name).expect("a repository")
    }

    /// Each model as `MODEL = files`.
    fn found(name: &str, paths: &[&str]) -> Vec<String> {
        let files: Vec<RepoFile> = paths.iter().map(|path| RepoFile { path: (*path).to_owned(), bytes: 10 }).collect();
        let offers = offers(&repo(name), None, &files);
        let text = |offer: Offer| {
            let files: Vec<&str> = offer.files.iter().map(|file| file.path.as_str()).collect();
            assert_eq!(offer.bytes, 10 * files.len() as u64);
            format!("{} [{}] = {}", offer.model, offer.quant, files.join(" "))
        };
        offers.into_iter().map(text).collect()
    }

    #[test]
    fn a_folder_is_what_the_engine_reads_and_nothing_else() {
        let listing = [
            ".gitattributes",
            "README.md",
            "LICENSE",
            "config.json",
            "generation_config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "tekken.json",
            "params.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
            "consolidated.safetensors",
            "pytorch_model.bin",
            "original/consolidated.00.pth",
            "onnx/model.onnx",
            "chat_template.jinja",
            "adapter_model.safetensors",
            "figures/a.png",
        ];
        let whole = "model-00001-of-00002.safetensors model-00002-of-00002.safetensors config.json \
                     generation_config.json tokenizer.json tokenizer_config.json chat_template.jinja \
                     model.safetensors.index.json";
        assert_eq!(found("org/m", &listing), [format!("org/m [] = {whole}")]);
        // Without the usual tokenizer the other one counts, and without other weights the consolidated ones do.
        let bare = ["config.json", "consolidated.safetensors", "tekken.json"];
        assert_eq!(found("org/m", &bare), ["org/m [] = consolidated.safetensors config.json tekken.json"]);
        assert!(found("org/m", &["config.json", "pytorch_model.bin", "tokenizer.json"]).is_empty());
    }

    #[test]
    fn names_tell_of_mlx_and_bits() {
        let kind = |name: &str| {
            let paths = BTreeSet::from(["config.json", "model.safetensors"]);
            let model = models(&repo(name), &paths).remove(0);
            (model.kind, model.quant)
        };
        assert_eq!(kind("mlx-community/Qwen3-4B-4bit"), (Kind::Mlx, "4-bit".to_owned()));
        assert_eq!(kind("org/Qwen3-4B-MLX-8bit"), (Kind::Mlx, "8-bit".to_owned()));
        assert_eq!(kind("org/m-awq"), (Kind::Safetensors, "AWQ".to_owned()));
        assert_eq!(kind("org/Orbit-7B"), (Kind::Safetensors, String::new()));
    }

    #[test]
    fn each_model_has_a_name_of_its_own_and_the_best_comes_first() {
        let listing = [
            "m-Q4_K_M.gguf",
            "m-Q8_0-00001-of-00002.gguf",
            "m-Q8_0-00002-of-00002.gguf",
            "a/m-Q2_K.gguf",
            "b/m-Q2_K.gguf",
            "mmproj-f16.gguf",
            "config.json",
            "model.safetensors",
            "m-Q6_K-00001-of-00002.gguf",
        ];
        assert_eq!(
            found("org/m", &listing),
            [
                "org/m [] = model.safetensors config.json",
                "org/m:Q8_0 [Q8_0] = m-Q8_0-00001-of-00002.gguf m-Q8_0-00002-of-00002.gguf",
                "org/m:Q4_K_M [Q4_K_M] = m-Q4_K_M.gguf",
                "org/m/a/m-Q2_K.gguf [Q2_K] = a/m-Q2_K.gguf",
                "org/m/b/m-Q2_K.gguf [Q2_K] = b/m-Q2_K.gguf",
            ]
        );
    }

    #[test]
    fn uqff_needs_the_rest_of_the_weights() {
        let listing = ["config.json", "tokenizer.json", "residual.safetensors", "m-q4k-0.uqff", "m-q4k-1.uqff"];
        assert_eq!(
            found("org/m", &listing),
            ["org/m:M-Q4K [M-Q4K] = m-q4k-0.uqff m-q4k-1.uqff residual.safetensors config.json tokenizer.json"]
        );
    }
}
