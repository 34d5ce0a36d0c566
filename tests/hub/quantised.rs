//! How plain weights are to be quantised, said behind the colon; and the copies that are kept of it.

use std::fs;
use std::path::Path;

use hobnob::domain::model::{Format, ModelFacts};
use hobnob::domain::quant::{PlainWeights, Quant, Quantise};
use hobnob::error::{ErrorKind, UserError};
use hobnob::hub::{Options, find, scan};

use crate::made::{Made, parse, probe, references};

/// Weights in a folder are plain, unless its configuration says otherwise.
fn plain_or_not(path: &Path) -> Result<ModelFacts, UserError> {
    let facts = probe(path)?;
    let mlx = fs::read_to_string(path.join("config.json")).is_ok_and(|config| config.contains("mlx"));
    let plain = PlainWeights { matrices: 1, rest: 1, row_unit: 256, can_be_kept: true };
    Ok(match facts.format {
        Format::Safetensors if mlx => ModelFacts { quant: "4-bit MLX".into(), ..facts },
        Format::Safetensors => ModelFacts { plain: Some(plain), ..facts },
        _ => facts,
    })
}

fn made() -> (Made, Options) {
    let made = Made::new();
    made.file("org/plain", 'a', "config.json", "{}")
        .file("org/plain", 'a', "model.safetensors", "weights")
        .file("org/mlx", 'a', "config.json", "{\"mlx\": 4}")
        .file("org/mlx", 'a', "model.safetensors", "mlx weights")
        .file("org/both", 'a', "config.json", "{ }")
        .file("org/both", 'a', "model.safetensors", "more weights")
        .file("org/both", 'a', "both-Q4_K_M.gguf", "GGUF Q4_K_M");
    let options = Options { probe: plain_or_not, ..made.options() };
    (made, options)
}

#[test]
fn a_quantisation_behind_a_repository_of_weights() {
    let (_made, options) = made();
    for (text, wish) in [
        ("org/plain:q4", Quantise::To(Quant::Bits(4))),
        ("org/plain:AFQ4", Quantise::To(Quant::Afq(4))),
        ("org/plain:none", Quantise::Off),
        ("plain:q8", Quantise::To(Quant::Bits(8))),
        ("org/both:afq8", Quantise::To(Quant::Afq(8))),
        ("org/mlx:none", Quantise::Off),
    ] {
        let model = find(&options, &parse(text)).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!((model.format, model.quantise), (Format::Safetensors, Some(wish)), "{text}");
        // What it goes by from here on means the same again.
        let again = find(&options, &parse(&model.reference)).expect("the reference leads back");
        assert_eq!((again.location, again.quantise), (model.location, model.quantise), "{text}");
    }
    assert_eq!(find(&options, &parse("org/plain")).expect("is here").quantise, None);
    let plain = find(&options, &parse("plain:q8")).expect("is here");
    assert_eq!(plain.reference, "org/plain:q8");
}

#[test]
fn a_file_of_that_name_comes_first() {
    let (_made, options) = made();
    for text in ["org/both:Q4_K_M", "org/both:q4", "org/both:Q4_K"] {
        let model = find(&options, &parse(text)).expect("is here");
        assert_eq!((model.format, model.quantise), (Format::Gguf, None), "{text}");
    }
}

#[test]
fn a_quantisation_behind_a_folder() {
    let (made, options) = made();
    let folder = made.loose("models/some/config.json", "{}").parent().expect("a folder").to_owned();
    made.loose("models/some/model.safetensors", "weights of some");
    let text = format!("{}:q4_k", folder.display());
    let model = find(&options, &parse(&text)).expect("is here");
    assert_eq!((model.location.as_path(), model.quantise), (folder.as_path(), Some(Quantise::To(Quant::Q4K))));
    assert_eq!(model.reference, text);
    // What is really called that comes first.
    made.loose("models/some:q4_k/config.json", "{}");
    made.loose("models/some:q4_k/model.safetensors", "other weights");
    let model = find(&options, &parse(&text)).expect("is here");
    assert_eq!((model.location.display().to_string(), model.quantise), (text, None));
    let error = find(&options, &parse(&format!("{}:q9", folder.display()))).expect_err("no such path");
    assert!(error.kind == ErrorKind::ModelNotFound && error.message.contains("some:q9"), "{error:?}");
}

#[test]
fn what_is_quantised_already_is_not_quantised_again() {
    let (made, options) = made();
    let error = find(&options, &parse("org/mlx:q4")).expect_err("is MLX");
    assert_eq!(error.kind, ErrorKind::Usage);
    assert!(error.message.contains("quantised already (4-bit MLX)"), "{error}");
    let gguf = made.loose("m-Q8_0.gguf", "GGUF Q8_0 loose");
    let error = find(&options, &parse(&format!("{}:q4", gguf.display()))).expect_err("is GGUF");
    assert!(error.message.contains("quantised already (Q8_0)"), "{error}");
    assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("m-Q8_0.gguf`")), "{error:?}");
}

#[test]
fn a_word_that_means_neither_is_told_with_what_is_near() {
    let (_made, options) = made();
    for (text, near) in [("org/plain:q44", "q4"), ("org/plain:afq5", "afq"), ("plain:q4k", "q4_k")] {
        let error = find(&options, &parse(text)).expect_err("means nothing");
        assert_eq!(error.kind, ErrorKind::ModelNotFound, "{text}");
        let hint = error.hint.as_deref().unwrap_or_default();
        assert!(error.message.contains("neither a file") && hint.contains(near), "{text}: {error:?}");
        assert!(hint.contains("org/plain"), "{hint}");
    }
}

#[test]
fn kept_copies_and_other_uqff_folders_are_listed() {
    let (made, options) = made();
    let kept = made.root.path().join("data/quantised");
    let options = Options { kept: Some(kept), ..options };
    let before = references(&scan(&options).0).len();
    assert_eq!(scan(&options).1, [], "nothing was kept yet, and nothing is wrong with that");
    for (path, content) in [
        ("data/quantised/plain-q4/config.json", "{}"),
        ("data/quantised/plain-q4/residual.safetensors", "rest"),
        ("data/quantised/plain-q4/model-0.uqff", "UQFF Q4_K"),
        ("data/quantised/.unfinished-7/config.json", "{}"),
        ("data/quantised/.unfinished-7/residual.safetensors", "rest"),
        ("data/quantised/.unfinished-7/model-0.uqff", "UQFF half"),
    ] {
        made.loose(path, content);
    }
    let (models, problems) = scan(&options);
    assert_eq!((models.len(), problems), (before + 1, Vec::new()));
    let copy = models.iter().find(|model| model.format == Format::Uqff).expect("the copy");
    assert!(copy.location.ends_with("plain-q4/model-0.uqff"), "{copy:?}");
    assert_eq!((copy.name.as_str(), copy.bytes), ("plain-q4", 13));
    for named in [copy.location.clone(), copy.location.parent().expect("its folder").to_owned()] {
        let found = find(&options, &parse(&named.display().to_string())).expect("is here");
        assert_eq!((found.location, found.format), (copy.location.clone(), Format::Uqff));
    }
    // One of several in a repository.
    for (name, content) in [("q4k-0.uqff", "UQFF a"), ("q8_0-0.uqff", "UQFF b"), ("q8_0-1.uqff", "UQFF c")] {
        made.file("org/uqff", 'a', name, content);
    }
    made.file("org/uqff", 'a', "config.json", "{   }").file("org/uqff", 'a', "residual.safetensors", "the rest");
    let found = find(&options, &parse("org/uqff:q8_0")).expect("is here");
    assert!(found.location.ends_with("q8_0-0.uqff"), "{found:?}");
    assert_eq!(found.bytes, 6 + 6 + 8);
}
