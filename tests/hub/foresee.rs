//! Models that can't be run are not fetched to their end.

use std::fs;

use axum::http::Method;
use hobnob::domain::model::Foresight;
use hobnob::error::{ErrorKind, UserError};
use hobnob::hub::Options;

use crate::hub_server::{Fault, Repo, Seen, sha256};
use crate::network::{Net, pull};

const FILE: &str = "org/m/m-Q4_0.gguf";
/// Where a file of the second kind gives itself away.
const LATE: usize = 1_500_000;

/// A file is refused where its beginning says so, or what lies at a later place of it; a configuration that says so, too.
fn judge(name: &str, start: &[u8], len: u64) -> Result<Foresight, UserError> {
    let refused = |kind| Err(UserError::new(kind, format!("{name} ({len} bytes) can't be run")).hint("take another"));
    let text = String::from_utf8_lossy(&start[..start.len().min(20)]).into_owned();
    if text.contains("never") {
        refused(ErrorKind::ModelUnsupported)
    } else if text.contains("broken") {
        refused(ErrorKind::ModelBroken)
    } else if text.contains("later") && start.len() > LATE {
        refused(ErrorKind::ModelUnsupported)
    } else if text.contains("later") {
        Ok(Foresight::More)
    } else {
        Ok(Foresight::Enough)
    }
}

fn content(kind: &str) -> Vec<u8> {
    let mut bytes = format!("GGUF Q4_0 {kind} ").into_bytes();
    bytes.extend((0..1_600_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()));
    bytes
}

async fn net(kind: &str) -> Net {
    Net::new(Repo::new("org/m", 'a').large("m-Q4_0.gguf", &content(kind))).await
}

fn watching(net: &Net) -> Options {
    Options { judge: Some(judge), ..net.options() }
}

fn bodies(net: &Net) -> Vec<Seen> {
    net.server.seen().into_iter().filter(|seen| seen.other_host && seen.method == Method::GET).collect()
}

/// Nothing of the file is left.
fn assert_gone(net: &Net, kind: &str) {
    let blobs = net.made.repo("org/m").join("blobs");
    let name = sha256(&content(kind));
    assert!(!blobs.join(&name).exists());
    for left in ["incomplete", "hobnob.incomplete", "hobnob.journal"] {
        assert!(!blobs.join(format!("{name}.{left}")).exists(), "{left}");
    }
}

#[tokio::test]
async fn a_model_that_cant_be_run_is_refused_by_its_first_bytes() {
    let net = net("never").await;
    // The rest never comes, and nobody waits for it.
    net.server.spoil_bodies([Fault::Hold(100_000)]);
    let error = pull(&watching(&net), FILE).await.expect_err("is refused");
    assert_eq!(error.kind, ErrorKind::ModelUnsupported);
    assert!(error.message.contains(&format!("{FILE} ({} bytes)", content("never").len())), "{error}");
    assert_gone(&net, "never");
}

#[tokio::test]
async fn what_only_shows_later_is_seen_then() {
    let net = net("later").await;
    // Wherever the last look before the place was, the next one comes at no more than twice as many bytes.
    net.server.spoil_bodies([Fault::Cut(700_000), Fault::Hold(3_200_000)]);
    let error = pull(&watching(&net), FILE).await.expect_err("is refused");
    assert_eq!(error.kind, ErrorKind::ModelUnsupported);
    assert_gone(&net, "later");
}

#[tokio::test]
async fn what_is_here_already_is_looked_at_without_the_network() {
    let net = net("never").await;
    net.server.spoil_bodies([Fault::Cut(300_000), Fault::Status(404, None)]);
    pull(&net.options(), FILE).await.expect_err("is cut, and nobody looked at it");
    let before = bodies(&net).len();
    let error = pull(&watching(&net), FILE).await.expect_err("is refused");
    assert_eq!((error.kind, bodies(&net).len()), (ErrorKind::ModelUnsupported, before));
    assert_gone(&net, "never");
}

#[tokio::test]
async fn what_another_program_had_begun_is_its_own_again() {
    // Refused by what is here, and by what comes then.
    for kind in ["never", "later"] {
        let net = net(kind).await;
        let blobs = net.made.repo("org/m").join("blobs");
        fs::create_dir_all(&blobs).expect("makes");
        let theirs = blobs.join(format!("{}.incomplete", sha256(&content(kind))));
        let begun = &content(kind)[..300_000];
        fs::write(&theirs, begun).expect("writes");
        net.server.spoil_bodies([Fault::Hold(2_900_000)]);
        let error = pull(&watching(&net), FILE).await.expect_err("is refused");
        assert_eq!(error.kind, ErrorKind::ModelUnsupported);
        assert_eq!(fs::read(&theirs).expect("is there"), begun, "{kind}");
        fs::remove_file(&theirs).expect("removes");
        assert_gone(&net, kind);
    }
}

#[tokio::test]
async fn a_model_that_can_be_run_costs_no_more_requests() {
    for kind in ["fine", "broken"] {
        let net = net(kind).await;
        let model = pull(&watching(&net), FILE).await.expect("pulls");
        assert_eq!(fs::read(&model.location).expect("reads"), content(kind));
        assert_eq!(bodies(&net).len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn the_configuration_of_a_folder_tells_too() {
    let folder = |config: &str| {
        let repo = Repo::new("org/m", 'a').small("config.json", config.as_bytes()).small("tokenizer.json", b"{}");
        repo.large("model.safetensors", b"weights")
    };
    let net = Net::new(folder("never")).await;
    let error = pull(&watching(&net), "org/m").await.expect_err("is refused");
    assert_eq!(error.kind, ErrorKind::ModelUnsupported);
    assert!(error.message.contains("org/m/config.json (5 bytes)"), "{error}");

    assert!(!net.made.cache().exists(), "nothing was asked for");

    // Where it does not come, or tells nothing, the folder is had.
    net.server.spoil_answers([Fault::Fine, Fault::Status(500, None)]);
    pull(&watching(&net), "org/m").await.expect("nobody could look at it");
    let net = Net::new(folder("fine")).await;
    pull(&watching(&net), "org/m").await.expect("nothing is against it");
}
