//! Downloads one after the other, and what can be done with them.

use std::fs;

use hobnob::domain::{DownloadState, HubCmd, HubEvent, JobId};
use hobnob::error::ErrorKind;
use hobnob::hub::{HubHandle, Timing};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::hub_server::{Fault, Repo};
use crate::made::parse;
use crate::network::{FILE, Net, bodies, content, next, repo};

type Events = UnboundedReceiver<HubEvent>;

fn three() -> Repo {
    repo().large("m-Q5_0.gguf", b"GGUF Q5_0 five").large("m-Q6_K.gguf", b"GGUF Q6_K six")
}

fn download(id: u64, model: &str) -> HubCmd {
    HubCmd::Download { id: JobId(id), model: parse(model), newest: false }
}

/// The next state that is worth a word, and whose it is.
async fn state(events: &mut Events) -> (u64, DownloadState) {
    loop {
        let Some(HubEvent::Download { id: JobId(id), state }) = next(events).await else { panic!("no download") };
        match state {
            DownloadState::Resolving | DownloadState::Verifying { .. } | DownloadState::Running { .. } => {}
            other => return (id, other),
        }
    }
}

async fn until_running(events: &mut Events, job: u64, bytes: u64) {
    loop {
        match next(events).await {
            Some(HubEvent::Download { id, state: DownloadState::Running { done, .. } })
                if id == JobId(job) && done >= bytes =>
            {
                return;
            }
            Some(HubEvent::Download { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn downloads_run_in_the_order_they_were_asked_for_unless_one_is_put_first() {
    let net = Net::new(three()).await;
    net.server.spoil_bodies([Fault::Hold(700_000)]);
    let (hub, mut events) = HubHandle::start(net.options());
    hub.send(download(1, FILE));
    until_running(&mut events, 1, 1).await;
    for (id, file) in [(2, "org/m/m-Q5_0.gguf"), (3, "org/m/m-Q6_K.gguf")] {
        hub.send(download(id, file));
        assert_eq!(state(&mut events).await, (id, DownloadState::Queued));
    }
    assert_eq!(bodies(&net.server.seen()).len(), 1, "one at a time");
    hub.send(HubCmd::DownloadFirst(JobId(3)));
    assert_eq!(state(&mut events).await, (3, DownloadState::Queued));
    net.server.release();
    let mut ended = Vec::new();
    for _ in 0..3 {
        match state(&mut events).await {
            (id, DownloadState::Done { .. }) => ended.push(id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ended, [1, 3, 2]);
}

#[tokio::test]
async fn a_paused_download_keeps_what_it_has_and_lets_others_go_first() {
    let net = Net::new(three()).await;
    net.server.spoil_bodies([Fault::Hold(1_500_000)]);
    let (hub, mut events) = HubHandle::start(net.options());
    hub.send(download(1, FILE));
    until_running(&mut events, 1, 1_000_000).await;
    hub.send(download(2, "org/m/m-Q5_0.gguf"));
    assert_eq!(state(&mut events).await, (2, DownloadState::Queued));
    hub.send(HubCmd::PauseDownload(JobId(1)));
    let (1, DownloadState::Paused { done, total }) = state(&mut events).await else { panic!("it goes on") };
    assert!(done >= 1_000_000 && total == content().len() as u64);
    let (2, DownloadState::Done { .. }) = state(&mut events).await else { panic!("the other does not run") };

    // One that waits in the queue can be paused as well, and cancelled.
    hub.send(HubCmd::ResumeDownload(JobId(1)));
    let (1, DownloadState::Done { model }) = state(&mut events).await else { panic!("it does not go on") };
    assert_eq!(fs::read(&model.location).expect("reads"), content());
    let seen = net.server.seen();
    assert!(bodies(&seen).last().expect("one").range.is_some(), "it went on where it was");
    hub.send(HubCmd::ResumeDownload(JobId(1)));
    hub.send(HubCmd::CancelDownload(JobId(7)));
    drop(hub);
    assert_eq!(next(&mut events).await, None, "what has ended is not known any more");
}

#[tokio::test]
async fn a_pause_that_is_taken_back_is_none() {
    let net = Net::new(three()).await;
    net.server.spoil_bodies([Fault::Hold(1_500_000)]);
    let (hub, mut events) = HubHandle::start(net.options());
    hub.send(download(1, FILE));
    until_running(&mut events, 1, 1_000_000).await;
    // Before it can have stopped.
    hub.send(HubCmd::PauseDownload(JobId(1)));
    hub.send(HubCmd::ResumeDownload(JobId(1)));
    let last = loop {
        match state(&mut events).await {
            (1, DownloadState::Queued) => {}
            (1, DownloadState::Paused { .. }) => hub.send(HubCmd::ResumeDownload(JobId(1))),
            (1, other) => break other,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(last, DownloadState::Done { .. }), "{last:?}");
}

#[tokio::test]
async fn what_is_queued_can_be_paused_and_cancelled() {
    let net = Net::new(three()).await;
    net.server.spoil_bodies([Fault::Hold(700_000)]);
    let (hub, mut events) = HubHandle::start(net.options());
    hub.send(download(1, FILE));
    until_running(&mut events, 1, 1).await;
    hub.send(download(2, "org/m/m-Q5_0.gguf"));
    hub.send(download(3, "org/m/m-Q6_K.gguf"));
    hub.send(HubCmd::PauseDownload(JobId(2)));
    hub.send(HubCmd::CancelDownload(JobId(3)));
    for expected in [
        (2, DownloadState::Queued),
        (3, DownloadState::Queued),
        (2, DownloadState::Paused { done: 0, total: 0 }),
        (3, DownloadState::Cancelled),
    ] {
        assert_eq!(state(&mut events).await, expected);
    }
    hub.send(HubCmd::CancelDownload(JobId(1)));
    assert_eq!(state(&mut events).await, (1, DownloadState::Cancelled));
    hub.send(HubCmd::ResumeDownload(JobId(2)));
    assert!(matches!(state(&mut events).await, (2, DownloadState::Done { .. })));
}

#[tokio::test]
async fn a_download_waits_for_the_network_and_can_be_told_to_try_now() {
    let net = Net::new(repo()).await;
    net.server.spoil_bodies([Fault::Cut(1_000_000), Fault::Status(502, None), Fault::Status(502, None)]);
    let mut options = net.options();
    options.timing = Timing { attempts: 2, retry: std::time::Duration::from_secs(3600), ..options.timing };
    let (hub, mut events) = HubHandle::start(options);
    hub.send(download(1, FILE));
    // Told to try now, it does so after each of the hours that it would wait.
    let mut waited = 0;
    loop {
        match state(&mut events).await {
            (1, DownloadState::Done { model }) => {
                assert_eq!(fs::read(&model.location).expect("reads"), content());
                break;
            }
            (1, DownloadState::Waiting { error, done, .. }) => {
                assert_eq!((error.kind, done > 0), (ErrorKind::Network, true));
                waited += 1;
                hub.send(HubCmd::ResumeDownload(JobId(1)));
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(waited >= 2);
}

#[tokio::test]
async fn a_limit_holds_all_up_until_it_is_lifted() {
    let net = Net::new(repo()).await;
    let (hub, mut events) = HubHandle::start(net.options());
    hub.send(HubCmd::LimitSpeed(Some(1)));
    hub.send(download(1, FILE));
    until_running(&mut events, 1, 1).await;
    assert!(!net.blob(&content()).exists(), "at a byte per second it takes a month");
    hub.send(HubCmd::LimitSpeed(None));
    assert!(matches!(state(&mut events).await, (1, DownloadState::Done { .. })));
}
