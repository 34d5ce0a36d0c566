//! Ways to the Hub that lead through others.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::hub_server::{HubServer, Repo};
use crate::made::Made;
use crate::network::content;
use crate::proxy::{Proxy, Ways};

/// A host that only the proxy knows.
const HUB: &str = "hub.invalid";

/// `hobnob pull` with these variables; what it says on either side.
async fn pull(made: &Made, model: &str, variables: &[(&str, &str)]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hobnob"));
    command.args(["pull", model]).stdin(Stdio::null()).kill_on_drop(true);
    for name in
        ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"]
    {
        command.env_remove(name);
    }
    command.env_remove("HF_TOKEN").env("HF_HOME", made.root.path()).env("HF_HUB_CACHE", made.cache());
    command.env("HOME", made.root.path()).env("XDG_CONFIG_HOME", made.root.path().join("config"));
    command.envs(variables.iter().copied());
    let done = tokio::time::timeout(crate::network::DEADLINE, command.output()).await.expect("ends in time");
    let done = done.expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (done.status.success(), text(done.stdout), text(done.stderr))
}

fn repo() -> Repo {
    Repo::new("org/m", 'a').large("m-Q4_0.gguf", &content()).large("m-Q8_0.gguf", b"GGUF Q8_0")
}

/// Where the stand-in Hub is, for a proxy that alone knows it by this name.
fn knowing(name: &str, endpoint: &str) -> Ways {
    let place = endpoint.trim_start_matches("http://").to_owned();
    Ways { known: HashMap::from([(name.to_owned(), place)]), ..Ways::default() }
}

#[tokio::test]
async fn a_proxy_is_asked_for_everything() {
    let server = HubServer::start(vec![repo()]).await;
    let proxy = Proxy::start(knowing(HUB, &server.endpoint)).await;
    let made = Made::new();
    let endpoint = format!("http://{HUB}");
    let variables = [("HF_ENDPOINT", endpoint.as_str()), ("HTTP_PROXY", &proxy.address()), ("HF_TOKEN", "secret")];
    server.ask_for("secret", false);
    // By its quantisation, so that the listing goes the same way.
    let (well, path, said) = pull(&made, "org/m:Q4_0", &variables).await;
    assert!(well, "{said}");
    assert_eq!(std::fs::read(PathBuf::from(path.trim_end())).expect("reads"), content());
    let asked = proxy.asked();
    assert!(asked.iter().any(|head| head.starts_with(&format!("get http://{HUB}/api/models/org/m"))), "{asked:#?}");
    assert!(asked.iter().any(|head| head.starts_with(&format!("head http://{HUB}/org/m/resolve"))), "{asked:#?}");
    assert!(
        asked.iter().any(|head| head.contains(&format!("/bridge/org/m/{}/m-q4_0.gguf", "a".repeat(40)))),
        "{asked:#?}"
    );
    for seen in server.seen() {
        assert_eq!(seen.authorization.is_some(), !seen.other_host, "{seen:?}");
    }
}

#[tokio::test]
async fn hosts_that_need_no_proxy_are_gone_to_directly() {
    let server = HubServer::start(vec![repo()]).await;
    let proxy = Proxy::start(Ways::default()).await;
    let made = Made::new();
    let address = proxy.address();
    for (proxied, exempt) in [("HTTP_PROXY", "NO_PROXY"), ("ALL_PROXY", "no_proxy")] {
        let direct =
            [("HF_ENDPOINT", server.endpoint.as_str()), (proxied, &address), (exempt, "example.org,127.0.0.1")];
        let (well, _, said) = pull(&made, "org/m:Q8_0", &direct).await;
        assert!(well, "{said}");
        std::fs::remove_dir_all(made.cache()).expect("forgets it");
    }
    assert!(proxy.asked().is_empty());
}

#[tokio::test]
async fn a_proxy_that_wants_a_password_is_told_it_and_nobody_else() {
    let server = HubServer::start(vec![repo()]).await;
    let wanted = Some("Basic bWU6a2V5".to_owned());
    let proxy = Proxy::start(Ways { password: wanted, ..knowing(HUB, &server.endpoint) }).await;
    let made = Made::new();
    let (plain, secure) = (format!("http://{HUB}"), format!("https://{HUB}"));
    for (endpoint, variable) in [(&plain, "HTTP_PROXY"), (&secure, "HTTPS_PROXY")] {
        // By its file, and by a listing of what there is: two ways of asking.
        for model in ["org/m/m-Q4_0.gguf", "org/m:Q4_0"] {
            let variables = [("HF_ENDPOINT", endpoint.as_str()), (variable, &proxy.address())];
            let (well, _, said) = pull(&made, model, &variables).await;
            let message = format!(
                "error: the proxy {} wants a name and password before it connects to {HUB}\n\
                 hint: write them into the variable that names it: {variable}=http://NAME:PASSWORD@{}\n",
                proxy.place, proxy.place
            );
            assert!(!well && said.ends_with(&message), "{said}");
        }
    }
    let address = format!("http://me:key@{}", proxy.place);
    let (well, _, said) = pull(&made, "org/m:Q4_0", &[("HF_ENDPOINT", &plain), ("HTTP_PROXY", &address)]).await;
    assert!(well, "{said}");
    assert!(!said.contains("key"), "{said}");
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_not_there_is_named() {
    let made = Made::new();
    let endpoint = format!("https://{HUB}");
    let proxy = Proxy::start(Ways { refuses: Some(403), ..Ways::default() }).await;
    let variables = [("HF_ENDPOINT", endpoint.as_str()), ("HTTPS_PROXY", &proxy.address()), ("HF_TOKEN", "secret")];
    let (well, _, said) = pull(&made, "org/m/m-Q4_0.gguf", &variables).await;
    let refused = format!("error: the proxy {} does not connect to {HUB}\nhint: ask whoever runs it", proxy.place);
    assert!(!well && said.contains(&refused), "{said}");
    let asked = proxy.asked();
    assert!(!asked.is_empty());
    for head in asked {
        assert!(head.starts_with(&format!("connect {HUB}:443 http/1.1\r\n")), "{head}");
        assert!(!head.contains("secret") && !head.contains("org/m"), "no more than where to: {head}");
    }

    let place = proxy.place.clone();
    drop(proxy);
    for (endpoint, variable) in [(endpoint, "HTTPS_PROXY"), (format!("http://{HUB}"), "ALL_PROXY")] {
        let address = format!("http://me:key@{place}");
        let (well, _, said) =
            pull(&made, "org/m/m-Q4_0.gguf", &[("HF_ENDPOINT", &endpoint), (variable, &address)]).await;
        let gone = format!("error: {HUB} can't be reached through the proxy {place}: connection refused\nhint: ");
        assert!(!well && said.contains(&gone) && !said.contains("key"), "{said}");
    }
}

/// Of the stand-in Hub and signed by itself, valid from 2020 to 2120, and good for nothing else. Making one here would take a
/// program that a machine which runs the tests need not have.
const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/hub.pem");
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/hub.key");

/// A secure door before the stand-in Hub, for as long as the child runs, and its place.
async fn secured(endpoint: &str) -> (Child, String) {
    let (host, port) = endpoint.trim_start_matches("http://").split_once(':').expect("a port");
    let mut door = Command::new("python3");
    door.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/tls.py")).args([CERTIFICATE, KEY]);
    let mut door = door.args([host, port]).stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("python3");
    let mut lines = BufReader::new(door.stdout.take().expect("a pipe")).lines();
    let port = lines.next_line().await.expect("reads").expect("a port");
    (door, format!("http://127.0.0.1:{port}"))
}

#[tokio::test]
async fn a_secure_hub_is_reached_through_a_tunnel_that_sees_nothing() {
    let server = HubServer::start(vec![Repo::new("org/m", 'a').small("m-Q4_0.gguf", &content())]).await;
    server.ask_for("secret", false);
    let made = Made::new();
    let (_door, place) = secured(&server.endpoint).await;
    let proxy = Proxy::start(knowing(&format!("{HUB}:443"), &place)).await;
    let endpoint = format!("https://{HUB}");
    let variables = [
        ("HF_ENDPOINT", endpoint.as_str()),
        ("HTTPS_PROXY", &proxy.address()),
        ("SSL_CERT_FILE", CERTIFICATE),
        ("HF_TOKEN", "secret"),
    ];
    let (well, path, said) = pull(&made, "org/m:Q4_0", &variables).await;
    assert!(well, "{said}");
    assert_eq!(std::fs::read(PathBuf::from(path.trim_end())).expect("reads"), content());
    assert!(server.seen().iter().all(|seen| seen.authorization.as_deref() == Some("Bearer secret")));
    for head in proxy.asked() {
        assert!(head.starts_with("connect ") && !head.contains("secret"), "{head}");
    }

    // Whoever stands between can't be the Hub without its certificate.
    std::fs::remove_dir_all(made.cache()).expect("forgets it");
    let (well, _, said) = pull(&made, "org/m:Q4_0", &variables[..2]).await;
    assert!(!well && said.contains("certificate"), "{said}");
}

#[tokio::test]
async fn two_of_us_and_the_python_client_make_one_copy() {
    let large = Repo::new("org/m", 'a').endless("m-Q4_0.gguf", 40 << 20);
    let file = large.files[0].clone();
    let server = HubServer::start(vec![large]).await;
    let made = Made::new();
    let variables = [("HF_ENDPOINT", server.endpoint.as_str())];
    let program = "from huggingface_hub import hf_hub_download\nprint(hf_hub_download('org/m', 'm-Q4_0.gguf'))";
    let theirs = crate::python::python(&made, Some(&server.endpoint), program);
    let ours = || pull(&made, "org/m/m-Q4_0.gguf", &variables);
    let (one, other, theirs) = tokio::join!(ours(), ours(), theirs);
    assert!(one.0 && other.0, "{} {}", one.2, other.2);
    assert_eq!((one.1.trim_end(), other.1.trim_end()), (theirs.as_str(), theirs.as_str()));
    assert!(std::fs::read(Path::new(&theirs)).expect("reads") == file.part(0, file.size()), "another content");
    let blobs = std::fs::read_dir(made.repo("org/m").join("blobs")).expect("reads").flatten();
    let names: Vec<_> = blobs.map(|blob| blob.file_name()).collect();
    assert_eq!(names, [file.sha256.as_str()], "one copy, and nothing beside it");
    assert!(server.sent() < 2 * file.size(), "it was had once");
    crate::python::accepts_the_cache(&made, "org/m", "m-Q4_0.gguf").await;
}
