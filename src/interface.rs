//! Puts the interface together: the state with what it starts from, and the ways to engine, hub, store and config file.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use futures::future::OptionFuture;
use hobnob::app::{App, Init};
use hobnob::config::theme::Capabilities;
use hobnob::config::{NO_PERSONA, persona_called};
use hobnob::engine::EngineHandle;
use hobnob::error::{ErrorKind, UserError};
use hobnob::headless::{self, Context, Outcome, Quit};
use hobnob::hub::HubHandle;
use hobnob::runtime::{self, Ports, Start};
use hobnob::store::{self, StoreHandle};
use hobnob::{config, engine, hub, machine};

/// Whether there is a terminal on both sides.
pub fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Shows the interface until it ends; `wish` is the conversation to go on with, `inline`: without a screen of its own.
pub fn open(wish: &headless::session::Wish, persona: Option<&str>, inline: bool, context: &Context<'_>) -> Outcome {
    let loaded = context.loaded;
    // The interface starts with a bad config file and shows what is wrong, but not with a bad command line.
    if let Some(error) = loaded.problems.iter().find(|problem| problem.kind == ErrorKind::Usage) {
        return Err(error.clone().into());
    }
    let persona = match persona.filter(|name| *name != NO_PERSONA) {
        Some(name) => Some(
            persona_called(&loaded.personas, name)
                .map(|persona| persona.name.clone())
                .map_err(|hint| UserError::new(ErrorKind::Usage, format!("there is no persona `{name}`")).hint(hint))?,
        ),
        None => None,
    };
    let engine = headless::warm::lending(context)?;
    let hub = headless::hub_options(loaded);
    let open = headless::session::which(wish, context)?;
    let (file, conversations) = (loaded.paths.config_file.clone(), loaded.paths.conversations_file());
    let capabilities = Capabilities::detect(&|name| std::env::var_os(name), None);
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let clock = (Instant::now(), since_1970);
    let zone = machine::zone(since_1970);
    let first_start = !loaded.paths.config_file.exists() && !conversations.exists();
    let ids = store::new_ids();
    let start = Start {
        app: App::new(Init { config: loaded.clone(), capabilities, ids, open, persona, clock, zone, first_start }),
        mouse: loaded.settings.ui.mouse,
        inline,
        connect: Box::new(move || connect(engine, hub, conversations, file)),
    };
    match runtime::run(start)? {
        0 => Ok(()),
        code => Err(Quit::Code(code)),
    }
}

/// Starts engine, hub and store. Inside a tokio runtime, after the first frame.
fn connect(engine: engine::Options, hub: hub::Options, conversations: PathBuf, config_file: PathBuf) -> Ports {
    let (engine, engine_events) = EngineHandle::start(engine);
    let (hub, hub_events) = HubHandle::start(hub);
    let (store, store_events) = StoreHandle::start(conversations);
    // Commands come from one place and the end from another.
    let personas_file = config_file.clone();
    let (engine, hub, store) = (Arc::new(engine), Arc::new(hub), Arc::new(store));
    let (to_engine, to_hub, to_store) = (Arc::clone(&engine), Arc::clone(&hub), Arc::clone(&store));
    Ports {
        engine: Box::new(move |command| to_engine.send(command)),
        engine_events,
        hub: Box::new(move |command| to_hub.send(command)),
        hub_events,
        store: Box::new(move |command| to_store.send(command)),
        store_events,
        save: Arc::new(move |patch| config::save(&config_file, patch)),
        save_persona: Arc::new(move |persona| config::save_persona(&personas_file, persona)),
        shutdown: Box::pin(async move {
            tokio::join!(
                OptionFuture::from(Arc::into_inner(engine).map(EngineHandle::shutdown)),
                OptionFuture::from(Arc::into_inner(hub).map(HubHandle::shutdown)),
                OptionFuture::from(Arc::into_inner(store).map(StoreHandle::shutdown)),
            );
        }),
    }
}
