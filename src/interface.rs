//! Puts the interface together: the state with what it starts from, and the ways to engine, hub and config file.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use hobnob::app::{App, Init};
use hobnob::config::theme::Capabilities;
use hobnob::engine::EngineHandle;
use hobnob::error::ErrorKind;
use hobnob::headless::{self, Context, Outcome, Quit};
use hobnob::hub::HubHandle;
use hobnob::runtime::{self, Ports, Start};
use hobnob::{config, engine, hub};

/// Whether there is a terminal on both sides.
pub fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Shows the interface until it ends.
pub fn open(context: &Context<'_>) -> Outcome {
    let loaded = context.loaded;
    // The interface starts with a bad config file and shows what is wrong, but not with a bad command line.
    if let Some(error) = loaded.problems.iter().find(|problem| problem.kind == ErrorKind::Usage) {
        return Err(error.clone().into());
    }
    let engine = headless::engine_options(context)?;
    let hub = headless::hub_options(loaded);
    let file = loaded.paths.config_file.clone();
    let capabilities = Capabilities::detect(&|name| std::env::var_os(name), loaded.settings.ui.ascii);
    let start = Start {
        app: App::new(Init { config: loaded.clone(), capabilities }),
        mouse: loaded.settings.ui.mouse,
        connect: Box::new(move || connect(engine, hub, file)),
    };
    match runtime::run(start)? {
        0 => Ok(()),
        code => Err(Quit::Code(code)),
    }
}

/// Starts engine and hub. Inside a tokio runtime, after the first frame.
fn connect(engine: engine::Options, hub: hub::Options, config_file: std::path::PathBuf) -> Ports {
    let (engine, engine_events) = EngineHandle::start(engine);
    let (hub, hub_events) = HubHandle::start(hub);
    // Commands come from one place and the end from another.
    let engine = Arc::new(engine);
    let commands = Arc::clone(&engine);
    Ports {
        engine: Box::new(move |command| commands.send(command)),
        engine_events,
        hub: Box::new(move |command| hub.send(command)),
        hub_events,
        save: Arc::new(move |patch| config::save(&config_file, patch)),
        shutdown: Box::pin(async move {
            if let Some(engine) = Arc::into_inner(engine) {
                engine.shutdown().await;
            }
        }),
    }
}
