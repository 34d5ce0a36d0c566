//! The real Python client as the judge: of the stand-in Hub, and of the caches that hobnob makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use hobnob::hub;
use tokio::process::Command;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::hub_server::{Fault, HubServer, Repo, sha256};
use crate::made::{Made, parse};

const CLIENT: &str = "huggingface_hub==2.4.0";

/// Where the client is installed; by the first test that needs it, once per target folder.
async fn client() -> &'static Path {
    static CLIENT_AT: OnceCell<PathBuf> = OnceCell::const_new();
    CLIENT_AT
        .get_or_init(|| async {
            let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
            let home = base.join(CLIENT);
            if home.exists() {
                return home;
            }
            let fresh = tempfile::tempdir_in(base).expect("a folder").keep();
            let installed = Command::new("python3")
                .args(["-m", "pip", "install", "--quiet", "--no-input", "--target"])
                .arg(&fresh)
                .arg(CLIENT)
                .output()
                .await
                .expect("the tests need python3 with pip");
            let errors = String::from_utf8_lossy(&installed.stderr);
            assert!(installed.status.success(), "the tests need pip to install {CLIENT}: {errors}");
            // Another test program may have been faster; its copy is as good.
            if fs::rename(&fresh, &home).is_err() {
                let _ = fs::remove_dir_all(&fresh);
            }
            home
        })
        .await
}

/// Runs a Python program with the client, in this cache, and returns what it prints.
pub async fn python(made: &Made, endpoint: Option<&str>, program: &str) -> String {
    let mut command = Command::new("python3");
    command
        .args(["-c", program])
        .env("PYTHONPATH", client().await)
        .env("HF_HUB_CACHE", made.cache())
        .env("HF_HOME", made.root.path())
        .env("HF_HUB_DISABLE_TELEMETRY", "1")
        .env("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        .env_remove("HF_TOKEN")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    match endpoint {
        Some(endpoint) => command.env("HF_ENDPOINT", endpoint),
        None => command.env("HF_HUB_OFFLINE", "1"),
    };
    let output = tokio::time::timeout(std::time::Duration::from_secs(120), command.output());
    let output = output.await.expect("ends in time").expect("runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}\n{errors}");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// The client sees a cache without complaint, and takes the file from it without network.
pub async fn accepts_the_cache(made: &Made, repo: &str, file: &str) {
    let program = format!(
        "from huggingface_hub import scan_cache_dir, hf_hub_download\n\
         info = scan_cache_dir()\n\
         assert not info.warnings, info.warnings\n\
         assert [r.repo_id for r in info.repos] == ['{repo}'], info.repos\n\
         [revision] = list(info.repos)[0].revisions\n\
         assert revision.refs == frozenset({{'main'}}), revision\n\
         print(hf_hub_download('{repo}', '{file}', local_files_only=True))"
    );
    let path = python(made, None, &program).await;
    assert!(path.ends_with(file) && Path::new(&path).exists(), "{path}");
}

#[tokio::test]
async fn the_stand_in_is_a_hub_to_the_python_client() {
    let large: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let repo = Repo::new("org/m", 'a').large("sub/m-Q4_0.gguf", &large).small("config.json", b"{}");
    let server =
        HubServer::start(vec![repo, Repo { gated: true, ..Repo::new("org/gated", 'b').small("x", b"x") }]).await;
    let made = Made::new();
    let program = "from huggingface_hub import HfApi, hf_hub_download, errors\n\
         info = HfApi().model_info('org/m', files_metadata=True)\n\
         assert info.sha == 'a' * 40, info\n\
         sizes = {s.rfilename: (s.size, s.lfs and s.lfs.sha256) for s in info.siblings}\n\
         listed = HfApi().model_info('org/m', revision='main', expand=['siblings'])\n\
         assert listed.sha is None and {s.rfilename: s.size for s in listed.siblings} == dict.fromkeys(sizes), listed\n\
         infos = HfApi().get_paths_info('org/m', [*sizes, 'none.gguf'], revision='main')\n\
         assert {i.path: (i.size, i.lfs and i.lfs.sha256) for i in infos} == sizes, infos\n\
         print(sizes['sub/m-Q4_0.gguf'][1])\n\
         print(hf_hub_download('org/m', 'sub/m-Q4_0.gguf'))\n\
         print(hf_hub_download('org/m', 'config.json'))\n\
         def raises(kind, *args, **kw):\n\
         \x20   try: hf_hub_download(*args, **kw)\n\
         \x20   except kind: return\n\
         \x20   raise AssertionError((kind, args))\n\
         raises(errors.RemoteEntryNotFoundError, 'org/m', 'none.gguf')\n\
         raises(errors.RevisionNotFoundError, 'org/m', 'config.json', revision='v9')\n\
         raises(errors.GatedRepoError, 'org/gated', 'x')\n\
         raises(errors.HfHubHTTPError, 'org/none', 'x')\n\
         def not_listed(kind, *args, **kw):\n\
         \x20   try: HfApi().model_info(*args, **kw)\n\
         \x20   except kind: return\n\
         \x20   raise AssertionError((kind, args))\n\
         not_listed(errors.RevisionNotFoundError, 'org/m', revision='v9')\n\
         not_listed(errors.HfHubHTTPError, 'org/none')\n\
         assert HfApi().model_info('org/gated').gated == 'manual'";
    let printed = python(&made, Some(&server.endpoint), program).await;
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[0], sha256(&large));
    assert_eq!(fs::read(lines[1]).expect("reads"), large);
    assert_eq!(fs::read(lines[2]).expect("reads"), b"{}");
    // And its faults are faults to that client as well.
    server.spoil_bodies([Fault::Cut(100_000)]);
    let program = "from huggingface_hub import hf_hub_download\n\
         print(hf_hub_download('org/m', 'sub/m-Q4_0.gguf', force_download=True))";
    let again = python(&made, Some(&server.endpoint), program).await;
    assert_eq!(fs::read(again).expect("reads"), large);
}

#[tokio::test]
async fn neither_client_downloads_what_the_other_has() {
    let content = b"GGUF Q4_0 shared".to_vec();
    let server = HubServer::start(vec![
        Repo::new("org/m", 'a').large("ours.gguf", &content).large("theirs.gguf", b"GGUF Q8_0 theirs"),
    ])
    .await;
    let made = Made::new();
    let mut options = made.options();
    options.offline = false;
    options.endpoint.clone_from(&server.endpoint);

    let ours =
        hub::pull(&options, &parse("org/m/ours.gguf"), &mut |_| {}, CancellationToken::new()).await.expect("pulls");
    accepts_the_cache(&made, "org/m", "ours.gguf").await;
    let program = "from huggingface_hub import hf_hub_download\n\
         print(hf_hub_download('org/m', 'ours.gguf'))\n\
         print(hf_hub_download('org/m', 'theirs.gguf'))";
    let printed = python(&made, Some(&server.endpoint), program).await;
    let (first, second) = printed.split_once('\n').expect("two lines");
    assert_eq!(Path::new(first), ours.location);
    let bodies = |seen: &[crate::hub_server::Seen]| {
        seen.iter().filter(|s| s.other_host && s.method == axum::http::Method::GET).count()
    };
    assert_eq!(bodies(&server.seen()), 2, "each file was downloaded once, by whoever came first");

    let theirs = hub::pull(&options, &parse("org/m/theirs.gguf"), &mut |_| {}, CancellationToken::new()).await;
    assert_eq!(theirs.expect("is there").location, Path::new(second));
    assert_eq!(bodies(&server.seen()), 2);
}

#[tokio::test]
async fn the_lock_holds_between_both() {
    let content: Vec<u8> = b"GGUF Q4_0 ".iter().copied().chain((0..300_000_u32).flat_map(u32::to_le_bytes)).collect();
    let server = HubServer::start(vec![Repo::new("org/m", 'a').large("m.gguf", &content)]).await;
    server.spoil_bodies([Fault::Hold(500_000)]);
    let made = Made::new();
    let mut options = made.options();
    options.offline = false;
    options.endpoint.clone_from(&server.endpoint);
    client().await;

    // The Python client is in the middle of it when we come: we wait, and find it done.
    let program = "from huggingface_hub import hf_hub_download\nprint(hf_hub_download('org/m', 'm.gguf'))";
    let body_asked =
        |seen: &[crate::hub_server::Seen]| seen.iter().any(|s| s.other_host && s.method == axum::http::Method::GET);
    let model = parse("org/m/m.gguf");
    let ours = async {
        server.until("the other's download", body_asked).await;
        let mut ignore = |_| {};
        let pulled = hub::pull(&options, &model, &mut ignore, CancellationToken::new());
        let release = async {
            server
                .until("our question", |seen| seen.iter().filter(|s| s.method == axum::http::Method::HEAD).count() >= 2)
                .await;
            server.release();
        };
        tokio::join!(pulled, release).0.expect("pulls")
    };
    let (theirs, ours) = tokio::join!(python(&made, Some(&server.endpoint), program), ours);
    assert_eq!(Path::new(&theirs), ours.location);
    assert_eq!(fs::read(&ours.location).expect("reads"), content);
    let downloads = server.seen().iter().filter(|s| s.other_host && s.method == axum::http::Method::GET).count();
    assert_eq!(downloads, 1);
}

#[tokio::test]
async fn the_stand_in_is_searched_by_the_python_client() {
    let repos = (0..25).map(|n| {
        let tags = serde_json::json!(["gguf", "license:mit", "base_model:quantized:org/base"]);
        let said =
            serde_json::json!({ "downloads": n, "tags": tags, "gguf": { "total": 1000 + n, "architecture": "llama" } });
        Repo::new(&format!("org/model-{n}"), 'a').large("m.gguf", b"GGUF").said(said)
    });
    let many = (0..2_500).fold(Repo::new("org/many", 'b'), |repo, n| repo.small(&format!("d/{n}.json"), b"{}"));
    let server = HubServer::start(repos.chain([many]).collect()).await;
    let made = Made::new();
    let program = "from huggingface_hub import HfApi\n\
         import huggingface_hub.hf_api as hf\n\
         api = HfApi()\n\
         found = list(api.list_models(search='model', sort='downloads', limit=20))\n\
         assert [m.id for m in found] == [f'org/model-{n}' for n in range(24, 4, -1)], found\n\
         assert found[0].downloads == 24 and 'license:mit' in found[0].tags, found[0]\n\
         expanded = list(api.list_models(search='model-7', filter=['gguf', 'license:mit'], expand=['gguf', 'downloads', 'tags']))\n\
         assert [m.gguf['total'] for m in expanded] == [1007] and expanded[0].likes is None, expanded\n\
         assert len(list(api.list_models(author='org', filter='base_model:quantized:org/base'))) == 25\n\
         assert not list(api.list_models(author='other'))\n\
         from huggingface_hub.utils import paginate\n\
         rows = list(paginate(f'{api.endpoint}/api/models', params={'limit': 4, 'search': 'model'}, headers={}))\n\
         assert len(rows) == 25 and len({r['id'] for r in rows}) == 25, rows\n\
         tree = list(api.list_repo_tree('org/many', recursive=True))\n\
         assert len(tree) == 2500 and tree[7].size == 2, len(tree)\n\
         info = api.model_info('org/model-3', files_metadata=True)\n\
         assert info.siblings[0].size == 4 and info.siblings[0].lfs.size == 4 and info.gguf['total'] == 1003, info";
    python(&made, Some(&server.endpoint), program).await;
    assert!(
        server.seen().iter().filter(|seen| seen.path == "/api/models").count() >= 10,
        "pages are asked for one by one"
    );
}

/// What the client says of a cache: its repositories with their revisions' refs and files, without a complaint.
async fn scanned(made: &Made) -> String {
    let program = "from huggingface_hub import scan_cache_dir\n\
         info = scan_cache_dir()\n\
         assert not info.warnings, info.warnings\n\
         print(info.size_on_disk)\n\
         for r in sorted(info.repos, key=lambda r: r.repo_id):\n\
         \x20   for v in sorted(r.revisions, key=lambda v: v.commit_hash):\n\
         \x20       print(r.repo_id, v.commit_hash[0], ','.join(sorted(v.refs)), ' '.join(sorted(f.file_name for f in v.files)))";
    python(made, None, program).await
}

fn delete(made: &Made, model: &str) -> u64 {
    let removal = hub::removal(&made.options(), &parse(model), hub::Scope::Model).expect("can be deleted");
    removal.carry_out().expect("deletes")
}

#[tokio::test]
async fn what_is_left_after_each_deletion_is_a_cache_to_both() {
    let server = HubServer::start(vec![
        Repo::new("org/m", 'a')
            .large("m-Q4_0.gguf", b"GGUF Q4_0 four")
            .large("m-Q8_0-00001-of-00002.gguf", b"GGUF Q8_0 eight")
            .large("m-Q8_0-00002-of-00002.gguf", b"and more")
            .large("README.md", b"a card"),
        Repo::new("org/folder", 'b').large("config.json", b"{}").large("model.safetensors", b"weights"),
    ])
    .await;
    let made = Made::new();
    // All of it by the client, with whatever it keeps beside the files.
    let program = "from huggingface_hub import hf_hub_download\n\
         for f in ['m-Q4_0.gguf', 'm-Q8_0-00001-of-00002.gguf', 'm-Q8_0-00002-of-00002.gguf', 'README.md']:\n\
         \x20   hf_hub_download('org/m', f)\n\
         for f in ['config.json', 'model.safetensors']: hf_hub_download('org/folder', f)";
    python(&made, Some(&server.endpoint), program).await;
    made.file("org/m", 'c', "m-Q4_0.gguf", "GGUF Q4_0 four").refers("org/m", "refs/pr/1", 'c');
    let local = hub::local(&made.options());
    assert_eq!((local.models.len(), local.problems.len()), (3, 0), "{local:?}");
    let size = |scan: &str| scan.lines().next().and_then(|line| line.parse::<u64>().ok()).expect("a number");
    let before = size(&scanned(&made).await);
    assert_eq!(local.disk.map(|disk| disk.cache), Some(before), "both count the same");

    assert_eq!(delete(&made, "org/m/m-Q4_0.gguf@cccc"), 0);
    let scan = scanned(&made).await;
    assert!(!scan.contains("org/m c") && size(&scan) == before, "{scan}");
    let freed = delete(&made, "org/m:Q8_0");
    let scan = scanned(&made).await;
    assert!(scan.contains("org/m a main README.md m-Q4_0.gguf"), "{scan}");
    assert_eq!(size(&scan), before - freed);
    let program = "from huggingface_hub import hf_hub_download\n\
         print(hf_hub_download('org/m', 'm-Q4_0.gguf', local_files_only=True))";
    assert!(python(&made, None, program).await.ends_with("m-Q4_0.gguf"));
    delete(&made, "org/folder");
    delete(&made, "org/m:Q4_0");
    assert_eq!(scanned(&made).await, "0");
    // And the client gets again what it lacks.
    let program = "from huggingface_hub import hf_hub_download\nprint(hf_hub_download('org/m', 'm-Q4_0.gguf'))";
    python(&made, Some(&server.endpoint), program).await;
    assert_eq!(hub::scan(&made.options()).0.len(), 1);
}

#[tokio::test]
async fn what_the_client_deletes_is_gone_for_us_and_the_other_way_round() {
    let made = Made::new();
    made.file("org/m", 'a', "m-Q4_0.gguf", "GGUF Q4_0 four")
        .file("org/m", 'b', "m-Q4_0.gguf", "GGUF Q4_0 four")
        .file("org/m", 'b', "m-Q8_0.gguf", "GGUF Q8_0 eight")
        .refers("org/m", "main", 'a');
    let program = "from huggingface_hub import scan_cache_dir\n\
         scan_cache_dir().delete_revisions('b' * 40).execute()";
    python(&made, None, program).await;
    let (models, problems) = hub::scan(&made.options());
    assert_eq!((crate::made::references(&models), problems.len()), (vec!["org/m:Q4_0"], 0));
    assert_eq!(delete(&made, "org/m:Q4_0"), 14);
    assert_eq!(scanned(&made).await, "0");
}
