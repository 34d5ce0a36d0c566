//! STUB for this branch only. Dropped by the merge.
use std::process::ExitCode;

#[allow(clippy::print_stderr)]
fn main() -> ExitCode {
    let folder = std::env::var("XDG_STATE_HOME").unwrap_or_else(|_| "/tmp".into());
    if let Err(error) = hobnob::log::init(hobnob::log::Place::Folder(folder.into()), 1, None) {
        eprintln!("warning: {error}");
    }
    let start = hobnob::runtime::Start {
        app: hobnob::app::App::default(),
        mouse: false,
        connect: Box::new(|| {
            let (engine_sender, engine_events) = tokio::sync::mpsc::unbounded_channel();
            let (hub_sender, hub_events) = tokio::sync::mpsc::unbounded_channel();
            hobnob::runtime::Ports {
                engine: Box::new(move |_| assert!(!engine_sender.is_closed())),
                engine_events,
                hub: Box::new(move |_| assert!(!hub_sender.is_closed())),
                hub_events,
                save: std::sync::Arc::new(|_| Ok(())),
                shutdown: Box::pin(async {}),
            }
        }),
    };
    match hobnob::runtime::run(start) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(hint) = &error.hint {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(error.kind.exit_code())
        }
    }
}
