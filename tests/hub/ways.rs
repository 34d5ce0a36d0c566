//! Ways to the Hub that lead through others.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::hub_server::{HubServer, Repo};
use crate::made::Made;
use crate::network::content;

/// A host that only the proxy knows.
const HUB: &str = "hub.invalid";

/// A proxy that passes plain requests on, and refuses tunnels. What it was asked for, one line each.
async fn proxy(hub: &str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (log, hub) = (Arc::clone(&asked), hub.trim_start_matches("http://").to_owned());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass_on(client, hub.clone(), Arc::clone(&log)));
        }
    });
    (address, asked)
}

async fn pass_on(mut client: TcpStream, hub: String, log: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match client.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).expect("text");
    let (first, rest) = head.split_once("\r\n").expect("a line");
    log.lock().expect("a list").push(first.to_owned());
    let Some((method, address)) = first.split_once(" http://").filter(|(method, _)| *method != "CONNECT") else {
        let _ = client.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await;
        return;
    };
    let (host, path) = address.split_once('/').expect("a path");
    let mut server = TcpStream::connect(if host == HUB { &hub } else { host }).await.expect("connects");
    let request = format!("{method} /{path}\r\nconnection: close\r\n{rest}");
    server.write_all(request.as_bytes()).await.expect("sends");
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}

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

#[tokio::test]
async fn a_proxy_is_asked_for_everything() {
    let server = HubServer::start(vec![repo()]).await;
    let (proxy, asked) = proxy(&server.endpoint).await;
    let made = Made::new();
    let endpoint = format!("http://{HUB}");
    let variables = [("HF_ENDPOINT", endpoint.as_str()), ("HTTP_PROXY", &proxy), ("HF_TOKEN", "secret")];
    server.ask_for("secret", false);
    // By its quantisation, so that the listing goes the same way.
    let (well, path, said) = pull(&made, "org/m:Q4_0", &variables).await;
    assert!(well, "{said}");
    assert_eq!(std::fs::read(PathBuf::from(path.trim_end())).expect("reads"), content());
    let asked = asked.lock().expect("a list").clone();
    assert!(asked.iter().any(|line| line.starts_with(&format!("GET http://{HUB}/api/models/org/m"))), "{asked:#?}");
    assert!(asked.iter().any(|line| line.starts_with(&format!("HEAD http://{HUB}/org/m/resolve"))), "{asked:#?}");
    assert!(asked.iter().any(|line| line.contains("/bridge/org/m/m-Q4_0.gguf")), "{asked:#?}");
    for seen in server.seen() {
        assert_eq!(seen.authorization.is_some(), !seen.other_host, "{seen:?}");
    }
}

#[tokio::test]
async fn hosts_that_need_no_proxy_and_secure_ones_are_told_apart() {
    let server = HubServer::start(vec![repo()]).await;
    let (proxy, asked) = proxy(&server.endpoint).await;
    let made = Made::new();
    let direct = [("HF_ENDPOINT", server.endpoint.as_str()), ("HTTP_PROXY", &proxy), ("NO_PROXY", "127.0.0.1")];
    let (well, _, said) = pull(&made, "org/m:Q8_0", &direct).await;
    assert!(well, "{said}");
    assert!(asked.lock().expect("a list").is_empty());

    // A tunnel is asked for, and refused here.
    let endpoint = format!("https://{HUB}");
    let secure = [("HF_ENDPOINT", endpoint.as_str()), ("HTTPS_PROXY", &proxy)];
    let (well, _, said) = pull(&made, "org/m/m-Q4_0.gguf", &secure).await;
    assert!(!well && said.starts_with("error: hub.invalid"), "{said}");
    assert!(said.contains("proxy"), "{said}");
    let asked = asked.lock().expect("a list").clone();
    assert!(asked.iter().all(|line| *line == format!("CONNECT {HUB}:443 HTTP/1.1")) && !asked.is_empty(), "{asked:?}");
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
