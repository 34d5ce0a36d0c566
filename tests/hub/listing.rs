//! Models that are named by their repository or quantisation, against the stand-in Hub.

use std::fs;

use axum::http::Method;
use hobnob::error::ErrorKind;
use hobnob::hub::{self, Options, Token};
use tokio_util::sync::CancellationToken;

use crate::hub_server::{Fault, HubServer, Repo, Seen};
use crate::made::{Made, parse, references};
use crate::network::{Net, pull};

/// A file that says it is of this quantisation, of so many bytes.
fn gguf(quant: &str, bytes: usize) -> Vec<u8> {
    let mut content = format!("GGUF {quant} ").into_bytes();
    content.resize(bytes, b'.');
    content
}

/// What a repository of one model looks like: some quantisations, and what lies beside them.
fn repo() -> Repo {
    Repo::new("org/m", 'a')
        .small(".gitattributes", b"*.gguf")
        .small("README.md", b"# m")
        .large("m-Q4_0.gguf", &gguf("Q4_0", 2_000))
        .large("m-Q4_K_M.gguf", &gguf("Q4_K_M", 3_000))
        .large("m-Q8_0.gguf", &gguf("Q8_0", 4_000))
        .large("mmproj-m-Q8_0.gguf", &gguf("Q8_0", 500))
        .large("m.imatrix.gguf", &gguf("F32", 500))
}

/// Files that were asked for, which a question about a repository must not do.
fn files_asked(seen: &[Seen]) -> usize {
    seen.iter().filter(|seen| seen.method == Method::HEAD || seen.other_host).count()
}

#[tokio::test]
async fn a_quantisation_is_a_file_and_is_found_by_the_same_name() {
    let net = Net::new(repo()).await;
    let model = net.pull("org/m:q8_0").await.expect("pulls");
    assert_eq!(model.reference, "org/m:Q8_0");
    assert_eq!(model.location, net.made.snapshot("org/m", 'a').join("m-Q8_0.gguf"));
    assert_eq!(fs::read(&model.location).expect("reads"), gguf("Q8_0", 4_000));
    let asked = net.server.seen().len();
    for name in ["org/m:q8_0", "org/m:Q8_0", "org/m:Q8", "org/m", "org/m:Q8_0@main"] {
        assert_eq!(net.pull(name).await.expect(name).location, model.location);
        assert_eq!(hub::find(&net.options(), &parse(name)).expect(name).location, model.location);
    }
    assert_eq!(net.server.seen().len(), asked, "what is here is not asked for");
}

#[tokio::test]
async fn a_family_is_enough_where_one_is_of_it() {
    let net = Net::new(repo()).await;
    assert_eq!(net.pull("org/m:Q8").await.expect("pulls").reference, "org/m:Q8_0");
    let dynamic = Repo::new("org/m", 'a')
        .large("m-Q4_K_XL.gguf", &gguf("Q4_K_XL", 100))
        .large("m-UD-Q4_K_XL.gguf", &gguf("UD-Q4_K_XL", 100))
        .large("m-IQ2_M.gguf", &gguf("IQ2_M", 100));
    for (name, reference) in [
        ("org/m:Q4_K_XL", "org/m:Q4_K_XL"),
        ("org/m:ud-q4_k_xl", "org/m:UD-Q4_K_XL"),
        ("org/m:UD-Q4_K", "org/m:UD-Q4_K_XL"),
        ("org/m:iq2", "org/m:IQ2_M"),
    ] {
        let net = Net::new(dynamic.clone()).await;
        assert_eq!(net.pull(name).await.expect(name).reference, reference);
        assert_eq!(hub::find(&net.options(), &parse(name)).expect(name).reference, reference);
    }
}

#[tokio::test]
async fn what_can_mean_several_is_not_guessed() {
    let net = Net::new(repo()).await;
    let main = "a".repeat(40);
    let cases = [
        ("org/m:Q4".to_owned(), "Q4_0 (2.0 kB), Q4_K_M (3.0 kB)", "org/m:Q4_K_M".to_owned()),
        ("org/m".to_owned(), "Q4_0 (2.0 kB), Q4_K_M (3.0 kB), Q8_0 (4.0 kB)", "org/m:Q4_K_M".to_owned()),
        (format!("org/m:q4@{main}"), "Q4_0 (2.0 kB), Q4_K_M (3.0 kB)", format!("org/m:Q4_K_M@{main}")),
    ];
    for (asked, list, example) in cases {
        let error = net.pull(&asked).await.expect_err(&asked);
        assert_eq!(error.kind, ErrorKind::Usage);
        assert_eq!(error.message, format!("`{asked}` can mean several models: {list}"));
        assert_eq!(error.hint, Some(format!("choose one, for example `hobnob pull {example}`")));
    }
    assert_eq!(files_asked(&net.server.seen()), 0);
    assert!(!net.made.cache().exists());

    // Where a quantisation does not tell them apart, their files do.
    let net = Net::new(
        Repo::new("org/m", 'a')
            .large("big/m-Q8_0.gguf", &gguf("Q8_0", 5_000))
            .large("small/m-Q8_0.gguf", &gguf("Q8_0", 1_000)),
    )
    .await;
    let error = net.pull("org/m:Q8_0").await.expect_err("two");
    assert!(error.message.ends_with("small/m-Q8_0.gguf (1.0 kB), big/m-Q8_0.gguf (5.0 kB)"), "{error}");
    assert_eq!(error.hint.as_deref(), Some("choose one, for example `hobnob pull org/m/small/m-Q8_0.gguf`"));
    net.pull("org/m/small/m-Q8_0.gguf").await.expect("the next step works");
    // The sizes are an extra: the choice is told without them as well.
    let net = Net::new(repo()).await;
    net.server.spoil_answers([Fault::Fine, Fault::Status(500, None)]);
    let error = net.pull("org/m:Q4").await.expect_err("two");
    assert_eq!(error.message, "`org/m:Q4` can mean several models: Q4_0, Q4_K_M");
}

#[tokio::test]
async fn what_there_is_not_is_told_with_what_there_is() {
    let net = Net::new(repo()).await;
    let error = net.pull("org/m:Q5_K_M").await.expect_err("none");
    assert_eq!(error.kind, ErrorKind::ModelNotFound);
    assert_eq!(error.message, "there is no `org/m:Q5_K_M`; org/m has: Q4_0 (2.0 kB), Q4_K_M (3.0 kB), Q8_0 (4.0 kB)");
    assert_eq!(error.hint.as_deref(), Some("choose one, for example `hobnob pull org/m:Q4_K_M`"));
    // Nobody is sent to two bits, however small they are.
    let few = Repo::new("org/m", 'a').large("m-Q2_K.gguf", &gguf("Q2_K", 100)).large("m-Q8_0.gguf", &gguf("Q8_0", 900));
    let error = Net::new(few).await.pull("org/m").await.expect_err("two");
    assert_eq!(error.hint.as_deref(), Some("choose one, for example `hobnob pull org/m:Q8_0`"));
    // A name that tells no quantisation is no guess either.
    let net = Net::new(Repo::new("org/m", 'a').large("model.gguf", &gguf("Q8_0", 100))).await;
    let error = net.pull("org/m:Q4_0").await.expect_err("nobody knows");
    assert_eq!(error.hint.as_deref(), Some("choose one, for example `hobnob pull org/m/model.gguf`"));
}

#[tokio::test]
async fn the_only_model_of_a_repository_needs_no_choice() {
    let only = Repo::new("org/m", 'a')
        .large("gguf/model.gguf", &gguf("Q8_0", 3_000))
        .large("gguf/mmproj-f16.gguf", &gguf("F16", 3_000))
        .small("config.json", b"{}");
    let net = Net::new(only).await;
    let model = net.pull("org/m").await.expect("pulls");
    assert_eq!(model.location, net.made.snapshot("org/m", 'a').join("gguf/model.gguf"));
    assert_eq!(model.reference, "org/m:Q8_0", "its header tells the rest");
    assert_eq!(hub::find(&net.options(), &parse("org/m")).expect("is here"), model);
}

#[tokio::test]
async fn a_split_set_is_one_choice_and_half_a_set_is_none() {
    let set = Repo::new("org/m", 'a')
        .large("Q8_0/m-Q8_0-00001-of-00003.gguf", &gguf("Q8_0", 2_000))
        .large("Q8_0/m-Q8_0-00002-of-00003.gguf", b"two")
        .large("Q8_0/m-Q8_0-00003-of-00003.gguf", b"three")
        .large("m-Q4_0-00001-of-00002.gguf", &gguf("Q4_0", 100))
        .large("m-Q2_K.gguf", &gguf("Q2_K", 100));
    let net = Net::new(set).await;
    let error = net.pull("org/m").await.expect_err("two");
    assert!(error.message.ends_with(": Q2_K (100 B), Q8_0 (2.0 kB)"), "{error}");
    let model = net.pull("org/m:Q8_0").await.expect("pulls");
    assert_eq!(model.bytes, 2_008);
    assert_eq!(model.reference, "org/m:Q8_0");
    let folder = net.made.snapshot("org/m", 'a').join("Q8_0");
    assert_eq!(fs::read(folder.join("m-Q8_0-00003-of-00003.gguf")).expect("reads"), b"three");
}

#[tokio::test]
async fn a_folder_comes_with_all_that_it_needs_and_nothing_else() {
    let folder = Repo::new("org/m", 'a')
        .small("README.md", b"# m")
        .small("config.json", b"{}")
        .small("tokenizer.json", b"{\"t\":1}")
        .large("model-00001-of-00002.safetensors", b"one")
        .large("model-00002-of-00002.safetensors", b"two of them")
        .large("pytorch_model.bin", b"the same again")
        .large("onnx/model.onnx", b"and again");
    let net = Net::new(folder.clone()).await;
    let model = net.pull("org/m").await.expect("pulls");
    let snapshot = net.made.snapshot("org/m", 'a');
    assert_eq!((model.reference.as_str(), &model.location, model.bytes), ("org/m", &snapshot, 14));
    let mut names: Vec<_> = fs::read_dir(&snapshot).expect("reads").map(|e| e.expect("an entry").file_name()).collect();
    names.sort();
    let weights = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    assert_eq!(names, ["config.json", weights[0], weights[1], "tokenizer.json"]);
    assert_eq!(fs::read(snapshot.join(weights[1])).expect("reads"), b"two of them");
    let asked = net.server.seen().len();
    assert_eq!(net.pull("org/m").await.expect("is here"), model);
    assert_eq!(net.server.seen().len(), asked);
    crate::python::accepts_the_cache(&net.made, "org/m", weights[1]).await;

    // A way to quantise it is no other model.
    let net = Net::new(folder.clone()).await;
    assert_eq!(net.pull("org/m:Q8_0").await.expect_err("plain weights only").kind, ErrorKind::Usage);
    assert!(snapshot.file_name().is_some_and(|commit| net.made.repo("org/m").join("snapshots").join(commit).exists()));

    // The repository alone is its folder, and what else lies in it is named.
    let both = folder.large("m-F16.gguf", &gguf("F16", 3_000));
    let net = Net::new(both).await;
    assert_eq!(net.pull("org/m:F16").await.expect("pulls").reference, "org/m:F16");
    let error = net.pull("org/m:Q5_X").await.expect_err("none");
    assert!(error.message.ends_with("has: a folder of safetensors (23 B), F16 (3.0 kB)"), "{error}");

    let net = Net::new(Repo::new("org/m", 'a').small("config.json", b"{}").large("pytorch_model.bin", b"old")).await;
    assert_eq!(net.pull("org/m").await.expect_err("no safetensors").kind, ErrorKind::ModelNotFound);
    let net = Net::new(Repo::new("org/m", 'a').small("README.md", b"soon").large("mmproj.gguf", b"GGUF F16")).await;
    let error = net.pull("org/m").await.expect_err("nothing");
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::ModelNotFound, "org/m has no GGUF file and no folder of safetensors")
    );
}

#[tokio::test]
async fn half_a_folder_is_not_seen_as_a_model() {
    let folder = Repo::new("org/m", 'a')
        .small("config.json", b"{}")
        .small("tokenizer.json", b"{}")
        .large("model.safetensors", b"weights");
    let net = Net::new(folder).await;
    // The order of requests is not known beforehand: whichever fails, the weights are not there alone.
    net.server.spoil_bodies([Fault::Fine, Fault::Status(404, None)]);
    net.pull("org/m").await.expect_err("one is missing");
    assert!(hub::scan(&net.options()).0.is_empty());
    net.pull("org/m").await.expect("pulls");
}

#[tokio::test]
async fn a_uqff_model_comes_with_the_rest_of_its_weights() {
    let repo = Repo::new("org/m", 'a')
        .small("config.json", b"{}")
        .small("tokenizer.json", b"{}")
        .large("residual.safetensors", b"rest")
        .large("m-q4k-0.uqff", b"GGUF Q4K one")
        .large("m-q4k-1.uqff", b"two")
        .large("m-q8_0-0.uqff", b"GGUF Q8_0 other");
    let net = Net::new(repo.clone()).await;
    let model = net.pull("org/m/m-q4k-0.uqff").await.expect("pulls");
    let snapshot = net.made.snapshot("org/m", 'a');
    assert_eq!(model.location, snapshot.join("m-q4k-0.uqff"));
    assert!(snapshot.join("m-q4k-1.uqff").exists() && snapshot.join("residual.safetensors").exists());
    assert!(!snapshot.join("m-q8_0-0.uqff").exists());
    // Half of another one, with all that both need beside it, is no model.
    net.server.replace(repo.large("m-q5k-0.uqff", b"GGUF Q5K one").large("m-q5k-1.uqff", b"two of another"));
    net.server.spoil_bodies([Fault::Fine, Fault::Status(404, None)]);
    let one_by_one = Options { connections: 1, ..net.options() };
    pull(&one_by_one, "org/m:m-q5k").await.expect_err("the second part does not come");
    assert_eq!(references(&hub::scan(&net.options()).0), ["org/m:M-Q4K"]);
    let whole = net.pull("org/m:m-q5k").await.expect("goes on");
    assert_eq!(whole.location, snapshot.join("m-q5k-0.uqff"));
}

#[tokio::test]
async fn refusals_have_the_words_that_files_have() {
    let net = Net::new(repo()).await;
    for (name, file) in [("org/m:Q8_0@v9", "org/m/m-Q8_0.gguf@v9"), ("org/gone", "org/gone/m-Q8_0.gguf")] {
        let listed = net.pull(name).await.expect_err(name);
        assert_eq!(listed, net.pull(file).await.expect_err(file));
    }
    net.server.ask_for("secret", false);
    let with = |secret| {
        let mut options = net.options();
        options.token = Some(Token::new(secret, "HF_TOKEN"));
        options
    };
    let error = pull(&with("secret"), "org/gone:Q8_0").await.expect_err("not there");
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::ModelNotFound, "there is no repository org/gone"));
    let error = pull(&with("other"), "org/m:Q8_0").await.expect_err("a wrong token");
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Unauthorised, "127.0.0.1 refused the token for org/m")
    );
    let before = net.server.seen().len();
    let error = pull(&with("se\u{1}cret"), "org/m:Q8_0").await.expect_err("no token");
    assert_eq!(error.kind, ErrorKind::Unauthorised);
    assert_eq!(net.server.seen().len(), before, "nothing is asked with it");
    pull(&with("secret"), "org/m:Q8_0").await.expect("pulls");
    assert!(net.server.seen()[before..].iter().all(|seen| seen.other_host == seen.authorization.is_none()));
}

#[tokio::test]
async fn what_a_gated_repository_has_can_be_seen_and_not_had() {
    let net = Net::new(Repo { gated: true, ..repo() }).await;
    net.server.ask_for("secret", false);
    assert_eq!(net.pull("org/m").await.expect_err("several").kind, ErrorKind::Usage);
    let error = net.pull("org/m:Q8_0").await.expect_err("gated");
    assert_eq!(error, net.pull("org/m/m-Q8_0.gguf").await.expect_err("gated"));
    assert_eq!(error.kind, ErrorKind::Unauthorised);
    let mut options = net.options();
    options.token = Some(Token::new("secret", "HF_TOKEN"));
    pull(&options, "org/m:Q8_0").await.expect("granted");
}

#[tokio::test]
async fn trouble_passes_and_limits_are_told() {
    let net = Net::new(repo()).await;
    net.server.spoil_answers([Fault::Status(503, None), Fault::Status(429, Some(("retry-after", "0")))]);
    net.pull("org/m:Q8_0").await.expect("trouble passes");

    let net = Net::new(repo()).await;
    net.server.spoil_answers(std::iter::repeat_n(Fault::Status(502, None), 10));
    assert_eq!(net.pull("org/m:Q8_0").await.expect_err("all the time").kind, ErrorKind::Network);
    assert_eq!(net.server.seen().len(), 5, "it gives up, and nobody else repeats it");

    let net = Net::new(repo()).await;
    net.server.spoil_answers([Fault::Status(429, Some(("retry-after", "258")))]);
    let error = net.pull("org/m").await.expect_err("limited");
    assert_eq!(error.kind, ErrorKind::RateLimited);
    assert!(error.hint.expect("a hint").contains("258 s"));
    assert_eq!(net.server.seen().len(), 1, "a long limit is not sat out");

    // A page that is not the Hub's, as networks with a login show.
    net.server.spoil_answers([Fault::Status(200, None)]);
    let error = net.pull("org/m").await.expect_err("a login page");
    assert_eq!(error.message, "127.0.0.1 does not answer like a Hugging Face Hub");

    let mut options = net.options();
    options.endpoint = crate::network::closed_port();
    options.timing.attempts = 2;
    let error = pull(&options, "org/m").await.expect_err("nobody there");
    assert_eq!(error.kind, ErrorKind::Network);
    assert!(error.message.contains("127.0.0.1 can't be reached"), "{error}");
}

#[tokio::test]
async fn a_question_can_be_cancelled_and_offline_there_is_none() {
    let net = Net::new(repo()).await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let error = hub::pull(&net.options(), &parse("org/m"), &mut |_| {}, cancel).await.expect_err("cancelled");
    assert_eq!(error.kind, ErrorKind::Cancelled);

    let mut offline = net.options();
    offline.offline = true;
    for asked in ["org/m", "org/m:Q8_0"] {
        let error = pull(&offline, asked).await.expect_err("not here");
        assert_eq!(error.kind, ErrorKind::ModelNotFound);
        assert!(error.hint.expect("a hint").contains("--offline"));
        // Looking for a model asks nobody, whatever is allowed.
        let error = hub::find(&net.options(), &parse(asked)).expect_err("not here");
        let hint = error.hint.expect("a hint");
        assert!(hint.contains(&format!("`hobnob pull {asked}` gets it")) && !hint.contains("while online"), "{hint}");
        let hint = hub::find(&offline, &parse(asked)).expect_err("not here").hint.expect("a hint");
        assert!(hint.contains(&format!("`hobnob pull {asked}` gets it while online")), "{hint}");
    }
    assert!(net.server.seen().is_empty());
}

#[tokio::test]
async fn a_moved_repository_is_followed_and_the_token_stays() {
    let elsewhere = HubServer::start(vec![repo()]).await;
    let net = Net::new(repo()).await;
    net.server.ask_for("secret", false);
    let mut options = net.options();
    options.token = Some(Token::new("secret", "HF_TOKEN"));
    let moved: &'static str = "/api/models/org/m/revision/main?expand=siblings";
    let away: &'static str = format!("{}{moved}", elsewhere.endpoint).leak();
    for location in [moved, away] {
        net.server.spoil_answers([Fault::Status(307, Some(("location", location)))]);
        assert_eq!(pull(&options, "org/old").await.expect_err("several").kind, ErrorKind::Usage);
    }
    assert!(net.server.seen().iter().all(|seen| seen.authorization.as_deref() == Some("Bearer secret")));
    assert_eq!(elsewhere.seen().len(), 1);
    assert_eq!(elsewhere.seen()[0].authorization, None);
}

/// Not a test of its own: the process whose variables the next one sets.
#[tokio::test]
#[ignore = "run by what_variables_say_is_not_asked_a_second_time"]
async fn asks_with_its_own_options_only() {
    let (Ok(endpoint), Some(cache)) = (std::env::var("TEST_ENDPOINT"), std::env::var_os("TEST_CACHE")) else { return };
    let mut options = Made::new().options();
    (options.offline, options.endpoint, options.cache) = (false, endpoint, cache.into());
    pull(&options, "org/m:Q8_0").await.expect("pulls");
}

#[tokio::test]
async fn what_variables_say_is_not_asked_a_second_time() {
    let net = Net::new(repo()).await;
    let mut child = tokio::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "listing::asks_with_its_own_options_only"])
        .env("TEST_ENDPOINT", &net.server.endpoint)
        .env("TEST_CACHE", net.made.cache())
        .env("HF_TOKEN", "of-the-environment")
        .env("HF_ENDPOINT", crate::network::closed_port())
        .env("HF_HUB_CACHE", net.made.root.path().join("other"))
        .env("HF_HUB_USER_AGENT_ORIGIN", "\u{1}")
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("starts");
    assert!(child.wait().await.expect("ends").success());
    let seen = net.server.seen();
    assert!(seen.iter().any(|seen| seen.path.starts_with("/api/")));
    assert!(seen.iter().all(|seen| seen.authorization.is_none()), "{seen:#?}");
    assert!(!net.made.root.path().join("other").exists());
}

#[tokio::test]
async fn large_repositories_are_seen_whole_and_what_leads_out_of_the_cache_is_not() {
    let mut large = Repo::new("org/m", 'a');
    for hostile in
        ["../../m-Q8_0.gguf", "/tmp/m-Q8_0.gguf", "a\0m-Q8_0.gguf", &format!("{}-Q8_0.gguf", "m".repeat(300))]
    {
        large = large.large(hostile, &gguf("Q8_0", 100));
    }
    for number in 0..1_500 {
        large = large.small(&format!("data/{number}.json"), b"{}");
    }
    let net = Net::new(large.large("z/m-Q8_0.gguf", &gguf("Q8_0", 3_000))).await;
    let model = net.pull("org/m:Q8_0").await.expect("the last of many");
    assert_eq!(model.location, net.made.snapshot("org/m", 'a').join("z/m-Q8_0.gguf"));

    let quants = ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q8_0"];
    let many = (0..7).fold(Repo::new("org/m", 'a'), |repo, folder| {
        quants.iter().fold(repo, |repo, quant| repo.large(&format!("{folder}/m-{quant}.gguf"), b"GGUF"))
    });
    let error = Net::new(many).await.pull("org/m").await.expect_err("42");
    assert!(error.message.ends_with(", and 12 more"), "{error}");
}
