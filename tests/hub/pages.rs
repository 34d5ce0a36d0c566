//! A repository's page, against the stand-in Hub.

use axum::http::Method;
use hobnob::domain::hub::{Gated, Kind, Quality, RepoPage};
use hobnob::domain::model::{Format, ModelFacts, RepoId};
use hobnob::error::{ErrorKind, UserError};
use hobnob::hub::{self, Options};
use serde_json::json;

use crate::hub_server::{Fault, HubServer, Repo};
use crate::made::Made;

/// A header is there from 300 kB on; some files can't be run.
fn foretell(name: &str, start: &[u8], len: u64, types: &[(String, u64, u64)]) -> Result<Option<ModelFacts>, UserError> {
    let facts = |format, bytes| ModelFacts {
        format,
        architecture: "llama".into(),
        quant: "BF16".into(),
        bytes,
        held: bytes,
        per_token: bytes,
        parameters: types.iter().map(|(_, count, _)| count).sum(),
        ..ModelFacts::default()
    };
    let refused = |why: &str| Err(UserError::new(ErrorKind::ModelUnsupported, format!("{name}: {why}")).hint("no"));
    if name.ends_with("config.json") {
        return if start.starts_with(b"{}") { Ok(Some(facts(Format::Safetensors, len))) } else { refused("odd") };
    }
    if name.contains("IQ") {
        return refused("its name says so");
    }
    if start.starts_with(b"never") {
        return refused("its header says so");
    }
    Ok((start.len() >= 300_000).then(|| facts(Format::Gguf, len)))
}

struct Net {
    server: HubServer,
    options: Options,
}

impl Net {
    async fn new(repos: Vec<Repo>) -> Self {
        let server = HubServer::start(repos).await;
        let options = Made::new().options();
        let options =
            Options { offline: false, endpoint: server.endpoint.clone(), foretell: Some(foretell), ..options };
        Self { server, options }
    }

    async fn page(&self, repo: &str) -> Result<RepoPage, UserError> {
        hub::page(&self.options, &RepoId::parse(repo).expect("a repository"), None).await
    }

    /// Files that were asked for, by their last name.
    fn read(&self) -> Vec<String> {
        let seen = self.server.seen();
        let files = seen.iter().filter(|seen| seen.method == Method::GET && seen.path.contains("/resolve/"));
        files.map(|seen| seen.path.rsplit('/').next().expect("a name").to_owned()).collect()
    }
}

fn weights(kind: &str, bytes: usize) -> Vec<u8> {
    let mut weights = kind.as_bytes().to_vec();
    weights.resize(bytes, b'.');
    weights
}

fn repo() -> Repo {
    Repo::new("org/m-GGUF", 'a')
        .small("README.md", b"---\nlicense: mit\n---\n# The model\n\nIt talks.\n")
        .large("m-Q2_K.gguf", &weights("fine", 1_000_000))
        .large("m-Q4_K_M.gguf", &weights("fine", 2_000_000))
        .large("m-IQ4_XS.gguf", &weights("fine", 1_800_000))
        .large("m-Q8_0-00001-of-00002.gguf", &weights("fine", 2_500_000))
        .large("m-Q8_0-00002-of-00002.gguf", &weights("fine", 1_500_000))
        .large("mmproj-m.gguf", &weights("fine", 100))
        .said(json!({
            "tags": ["gguf", "license:mit", "base_model:org/m", "base_model:quantized:org/m"],
            "gated": "auto", "downloads": 7, "gguf": {"total": 1000, "architecture": "llama"},
        }))
}

#[tokio::test]
async fn a_page_has_all_that_can_be_loaded() {
    let sibling = Repo::new("other/m-4bit", 'b').said(json!({"tags": ["mlx", "base_model:quantized:org/m"]}));
    let net = Net::new(vec![repo(), sibling, Repo::new("org/unrelated", 'c')]).await;
    let page = net.page("org/m-GGUF").await.expect("a page");
    let offers: Vec<_> = page.offers.iter().map(|o| (o.model.to_string(), o.bytes, o.files.len(), o.quality)).collect();
    assert_eq!(
        offers,
        [
            ("org/m-GGUF:Q8_0".to_owned(), 4_000_000, 2, Quality::Full),
            ("org/m-GGUF:Q4_K_M".to_owned(), 2_000_000, 1, Quality::Good),
            ("org/m-GGUF:IQ4_XS".to_owned(), 1_800_000, 1, Quality::Good),
            ("org/m-GGUF:Q2_K".to_owned(), 1_000_000, 1, Quality::Poor),
        ]
    );
    // One header serves all, with their own bytes; what its name refuses is refused.
    let bytes: Vec<Option<u64>> = page
        .offers
        .iter()
        .map(|offer| offer.facts.as_ref().expect("told").as_ref().ok().map(|facts| facts.bytes))
        .collect();
    assert_eq!(bytes, [Some(4_000_000), Some(2_000_000), None, Some(1_000_000)]);
    let mut read = net.read();
    read.sort();
    assert_eq!(read, ["README.md", "m-Q4_K_M.gguf"]);
    assert_eq!(page.card.as_deref(), Some("# The model\n\nIt talks."));
    assert_eq!((page.hit.gated, page.hit.licence.as_deref()), (Gated::Terms, Some("mit")));
    assert_eq!(page.address, format!("{}/{}", net.server.endpoint, page.hit.repo));
    assert_eq!(page.base.iter().map(ToString::to_string).collect::<Vec<_>>(), ["org/m"]);
    assert_eq!(page.siblings.iter().map(|hit| hit.repo.to_string()).collect::<Vec<_>>(), ["other/m-4bit"]);
    assert_eq!(page.commit, "a".repeat(40));
}

#[tokio::test]
async fn what_speaks_against_one_file_may_be_its_own_fault() {
    let one = Repo::new("org/m", 'a')
        .large("m-Q4_K_M.gguf", &weights("never", 400_000))
        .large("m-Q8_0.gguf", &weights("fine", 500_000))
        .large("m-Q2_K.gguf", &weights("fine", 450_000));
    let page = Net::new(vec![one]).await.page("org/m").await.expect("a page");
    let can_be_run = |page: &RepoPage| -> Vec<bool> {
        page.offers.iter().map(|offer| offer.facts.as_ref().expect("told").is_ok()).collect()
    };
    assert_eq!(can_be_run(&page), [true, false, true]);
    let all = Repo::new("org/m", 'a')
        .large("m-Q4_K_M.gguf", &weights("never", 400_000))
        .large("m-Q8_0.gguf", &weights("never", 500_000))
        .large("m-Q2_K.gguf", &weights("never", 450_000));
    let net = Net::new(vec![all]).await;
    assert_eq!(can_be_run(&net.page("org/m").await.expect("a page")), [false, false, false]);
    assert_eq!(net.read().len(), 2, "two are enough to know");
}

#[tokio::test]
async fn a_folder_is_known_by_its_configuration() {
    let folder = |config: &[u8]| {
        Repo::new("mlx-community/m-4bit", 'a')
            .small("config.json", config)
            .small("tokenizer.json", b"{}")
            .large("model.safetensors", &weights("", 3_000))
            .said(json!({"tags": ["mlx"], "safetensors": {"parameters": {"U32": 500, "BF16": 500}, "total": 1000}}))
    };
    let page = Net::new(vec![folder(b"{}")]).await.page("mlx-community/m-4bit").await.expect("a page");
    let [offer] = page.offers.as_slice() else { panic!("{:?}", page.offers) };
    assert_eq!((offer.kind, offer.format, offer.bytes), (Kind::Mlx, Format::Safetensors, 3_004));
    let facts = offer.facts.as_ref().expect("told").as_ref().expect("can be run");
    assert_eq!((facts.bytes, facts.parameters), (3_000, 1000));
    let page = Net::new(vec![folder(b"odd")]).await.page("mlx-community/m-4bit").await.expect("a page");
    let error = page.offers[0].facts.as_ref().expect("told").as_ref().expect_err("can't be run");
    assert_eq!(error.kind, ErrorKind::ModelUnsupported);
}

#[tokio::test]
async fn what_does_not_come_is_left_out_and_what_must_come_is_an_error() {
    // The list of siblings, the card and two headers fail; the page is there.
    let net = Net::new(vec![repo()]).await;
    let fails = || Fault::Status(500, None);
    net.server.spoil_answers([Fault::Fine, fails(), fails(), fails(), fails()]);
    let page = net.page("org/m-GGUF").await.expect("a page all the same");
    assert_eq!((page.offers.len(), page.card, page.siblings.len()), (4, None, 0));
    assert!(page.offers.iter().all(|offer| !matches!(offer.facts, Some(Ok(_)))));

    let error = net.page("org/none").await.expect_err("no such repository");
    assert!(error.message.contains("org/none does not exist, or is private"), "{error}");
    net.server.spoil_answers([Fault::Status(200, None)]);
    let error = net.page("org/m-GGUF").await.expect_err("a login page");
    assert!(error.message.contains("does not answer like"), "{error}");
    net.server.spoil_answers([Fault::Status(429, Some(("ratelimit", "\"api\";r=0;t=12")))]);
    let error = net.page("org/m-GGUF").await.expect_err("limited");
    assert!(error.hint.is_some_and(|hint| hint.contains("12 s")));
    let offline = Options { offline: true, ..net.options.clone() };
    let repo = RepoId::parse("org/m").expect("a repository");
    let error = hub::page(&offline, &repo, None).await.expect_err("offline");
    assert_eq!((error.kind, error.hint.is_some()), (ErrorKind::Network, true));
    let error = hub::page(&net.options, &repo, Some("../x")).await.expect_err("no revision");
    assert_eq!(error.kind, ErrorKind::Usage);
}

#[tokio::test]
async fn a_header_is_read_by_range_and_no_further_than_needed() {
    let large = Repo::new("org/m", 'a').large("m-Q4_K_M.gguf", &weights("fine", 3_000_000));
    let net = Net::new(vec![large]).await;
    net.server.spoil_bodies([Fault::Hold(600_000)]);
    let page = net.page("org/m").await.expect("a page, without the rest of the file");
    assert!(page.offers[0].facts.as_ref().is_some_and(Result::is_ok));
    let seen = net.server.seen();
    let ranges: Vec<_> = seen.iter().filter(|seen| seen.other_host).map(|seen| seen.range.as_deref()).collect();
    assert_eq!(ranges, [Some("bytes=0-33554431")]);
}
