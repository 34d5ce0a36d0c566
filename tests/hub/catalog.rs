//! Names of the catalog: what they mean on the Hub and on this machine.

use hobnob::config::catalog::built_in;
use hobnob::domain::catalog::{Catalog, Entry};
use hobnob::domain::model::{Gpu, RepoId};
use hobnob::error::ErrorKind;
use hobnob::hub::{self, Options};

use crate::hub_server::Repo;
use crate::made::{Made, parse};
use crate::network::{Net, pull};

fn with_catalog(options: Options, gpu: Gpu) -> Options {
    Options { catalog: hub::known(built_in), gpu, ..options }
}

const REPO: &str = "Qwen/Qwen3-4B-GGUF";

fn qwen() -> Repo {
    Repo::new(REPO, 'a')
        .large("Qwen3-4B-Q4_K_M.gguf", b"GGUF Q4_K_M four")
        .large("Qwen3-4B-Q8_0.gguf", b"GGUF Q8_0 eight")
        .large("Qwen3-4B-Q6_K.gguf", b"GGUF Q6_K six")
}

#[tokio::test]
async fn a_name_is_pulled_and_found_again() {
    let net = Net::new(qwen()).await;
    let options = with_catalog(net.options(), Gpu::None);
    for (name, reference) in [
        ("qwen3-4b", "Qwen/Qwen3-4B-GGUF:Q4_K_M"),
        ("Qwen3-4B:q8_0", "Qwen/Qwen3-4B-GGUF:Q8_0"),
        ("qwen3-4b:q6_k", "Qwen/Qwen3-4B-GGUF:Q6_K"),
    ] {
        let error = hub::find(&options, &parse(name)).expect_err("not here yet");
        assert_eq!(error.kind, ErrorKind::ModelNotFound);
        let hint = error.hint.expect("a hint");
        assert!(hint.contains(&format!("`hobnob pull {name}`")) || name == "qwen3-4b:q6_k", "{hint}");
        assert_eq!(pull(&options, name).await.expect(name).reference, reference);
        let asked = net.server.seen().len();
        assert_eq!(hub::find(&options, &parse(name)).expect(name).reference, reference);
        assert_eq!(pull(&options, name).await.expect(name).reference, reference);
        assert_eq!(net.server.seen().len(), asked, "what is here is not asked for");
    }
    // Without a quantisation the one that is meant, though there are others.
    assert_eq!(hub::find(&options, &parse("qwen3-4b")).expect("is here").reference, "Qwen/Qwen3-4B-GGUF:Q4_K_M");
    let error = pull(&options, "qwen3-4b:q5_1").await.expect_err("no such quantisation");
    assert!(error.message.contains("there is no `Qwen/Qwen3-4B-GGUF:q5_1`"), "{error}");
}

#[tokio::test]
async fn names_that_are_none_and_models_that_do_not_run_here() {
    let options = with_catalog(Made::new().options(), Gpu::None);
    let asked = |name: &str| hub::find(&options, &parse(name)).expect_err("not here");
    let error = asked("qwen3-4");
    assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("did you mean `qwen3-4b")), "{error:?}");
    let error = asked("lama-3.1-8b");
    assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("`llama-3.1-8b`")), "{error:?}");
    let error = asked("nothing-like-it");
    assert!(error.hint.as_deref().is_some_and(|hint| !hint.contains("did you mean")), "{error:?}");
    for name in ["phi-4-mini", "gemma-3-4b"] {
        let error = asked(name);
        assert_eq!(error.kind, ErrorKind::ModelUnsupported);
        assert!(error.message.contains("GPUs of Macs"), "{error}");
    }
    let error = pull(&options, "qwen3-4b").await.expect_err("offline");
    assert!(error.message.contains("the network is off"), "{error}");
}

#[tokio::test]
async fn what_the_config_says_of_sampling_wins() {
    let net = Net::new(qwen()).await;
    let mut entry: Entry = built_in().find("qwen3-4b").expect("an entry").clone();
    entry.sampling.temperature = Some(0.1);
    let mut options = with_catalog(net.options(), Gpu::None);
    options.catalog = hub::known(|| Catalog { entries: vec![entry] });
    let model = pull(&options, "qwen3-4b").await.expect("pulls");
    assert_eq!(model.facts.expect("a header").recommended.temperature, Some(0.1));
    let (models, _) = hub::scan(&options);
    assert_eq!(models[0].facts.as_ref().expect("a header").recommended.temperature, Some(0.1));
}

#[test]
fn on_a_mac_the_files_of_mlx_come_first() {
    let catalog = built_in();
    let first = |name: &str, quant: Option<&str>, gpu| {
        let models = catalog.find(name).expect("an entry").models(quant, gpu);
        models.first().map(ToString::to_string)
    };
    assert_eq!(first("qwen3-8b", None, Gpu::Metal).as_deref(), Some("mlx-community/Qwen3-8B-4bit"));
    assert_eq!(first("qwen3-8b", None, Gpu::Cuda).as_deref(), Some("Qwen/Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf"));
    assert_eq!(first("qwen3-8b", Some("Q8_0"), Gpu::Metal).as_deref(), Some("Qwen/Qwen3-8B-GGUF/Qwen3-8B-Q8_0.gguf"));
    assert_eq!(first("qwen3-8b", Some("4bit"), Gpu::Metal).as_deref(), Some("mlx-community/Qwen3-8B-4bit"));
    assert_eq!(first("qwen3-30b-a3b", None, Gpu::None), None);
    let repo = RepoId::parse("mlx-community/Qwen3-8B-4bit").expect("a repository");
    assert_eq!(catalog.of_repo(&repo).map(|entry| entry.name.as_str()), Some("qwen3-8b"));
}
