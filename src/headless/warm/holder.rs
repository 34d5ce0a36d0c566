//! The process that `--keep-warm` leaves behind: it holds one model for whoever asks, and ends when nobody has for a while.
//!
//! It has no terminal and no standard streams: it must hold up nobody who waits for the end of a pipe.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::domain::{EngineCmd, EngineEvent, LoadId};
use crate::engine::share::{Holder, Lend, Order, READY, Share};
use crate::engine::{EngineHandle, Options};
use crate::log;

/// The process's `main`. Its order comes on standard input.
#[must_use]
pub fn hold() -> ExitCode {
    // What ends the terminal or the script that it was started from is not meant for it.
    let _ = rustix::process::setsid();
    let order = match read_order() {
        Ok(order) => order,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: this is a part of hobnob that it starts for itself ({error})");
            return ExitCode::from(2);
        }
    };
    let filter = std::env::var("HOBNOB_LOG").ok();
    // Where there can be no log there is none.
    let _ = log::init(log::Place::Folder(order.log_dir.clone()), order.verbose, filter.as_deref());
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(stay(order))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("the engine can't be kept warm: {error}");
            ExitCode::FAILURE
        }
    }
}

fn read_order() -> io::Result<Order> {
    let mut order = Vec::new();
    io::stdin().lock().read_to_end(&mut order)?;
    Ok(serde_json::from_slice(&order)?)
}

async fn stay(order: Order) -> io::Result<()> {
    let mut ends = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()]
        .into_iter()
        .map(signal)
        .collect::<io::Result<Vec<Signal>>>()?;
    let lend = Lend { folder: order.folder, holder: Holder::Warm { keep: order.keep } };
    let options = Options { exe: std::env::current_exe()?, verbose: order.verbose, share: Share::Lend(lend) };
    let name = order.spec.name.clone();
    let (engine, mut events) = EngineHandle::start(options);
    engine.send(EngineCmd::Load { id: LoadId(1), spec: order.spec });
    let mut told = false;
    let why = loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = any(&mut ends) => break "a signal",
        };
        match event {
            // The door is open before it begins to load.
            Some(EngineEvent::Progress { .. }) if !told => {
                told = true;
                leave_the_starter()?;
            }
            Some(EngineEvent::Dismissed) => break "nobody needs it",
            // Guests have heard why; the next one who wants it kept warm starts anew.
            Some(EngineEvent::LoadFailed { .. }) => break "it does not load",
            Some(_) => {}
            None => break "the link is gone",
        }
    };
    tracing::info!("{name} is not kept warm any more: {why}");
    engine.shutdown().await;
    Ok(())
}

/// Says that guests can come, and lets go of whoever started it.
fn leave_the_starter() -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{READY}")?;
    out.flush()?;
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    rustix::stdio::dup2_stdout(&nothing)?;
    rustix::stdio::dup2_stderr(&nothing)?;
    Ok(())
}

async fn any(signals: &mut [Signal]) {
    let all = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
    let _ = futures::future::select_all(all).await;
}
