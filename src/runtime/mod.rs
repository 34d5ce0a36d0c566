//! Top floor: the interface's only async glue. Terminal, clock, signals and the handles of engine, hub and store meet the pure
//! state here, in one loop.
//!
//! | file | is |
//! |---|---|
//! | `event_loop` | the one select; effects; what is drained and merged |
//! | `pacer` | when the next frame may go out |
//! | `console` | what comes from terminal and system; the trait that tests stand in for |
//! | `keys` | bytes of the terminal to events |
//! | `region` | the few rows of `--inline`, with the terminal's own scrollback above them |
//! | `screen`, `output` | frames as bytes; their way out, as fast as the terminal takes them |
//! | `terminal` | the modes, and giving them back |
//! | `clipboard`, `notify` | what is told to the terminal beside the screen |
//! | `editor`, `saver` | `$EDITOR`; settings into their file |

mod clipboard;
mod console;
mod editor;
mod event_loop;
mod files;
mod keys;
mod notify;
mod output;
mod pacer;
mod region;
mod saver;
mod schema;
mod screen;
mod terminal;

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::thread::ThreadId;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::app::App;
use crate::app::msg::Msg;
use crate::error::{ErrorKind, UserError, reason};
use crate::runtime::console::{Ending, Tty};
use crate::runtime::event_loop::Interface;
pub use crate::runtime::event_loop::Ports;
pub use crate::runtime::saver::{Patch, Save, SavePersona};
use crate::runtime::terminal::Features;
use crate::{machine, measurements};

/// What the interface starts with.
pub struct Start {
    /// Shown as it is in the first frame.
    pub app: App,
    /// Wheel and clicks are ours from the start.
    pub mouse: bool,
    /// No screen of its own: what is finished goes to the terminal's scrollback.
    pub inline: bool,
    /// Starts engine, hub and store. Called after the first frame, inside a tokio runtime.
    pub connect: Box<dyn FnOnce() -> Ports>,
}

/// Shows the interface until it ends; answers with the exit code. The terminal is as it was before, whatever happens.
///
/// # Errors
/// Where there is no terminal that can show it, and where a bug ended it.
pub fn run(start: Start) -> Result<u8, UserError> {
    terminal::check(env)?;
    let features = Features::new(env, start.mouse, start.inline);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Threads that have nothing more to do end at once instead of waking up later to find that out.
        .thread_keep_alive(Duration::from_millis(100))
        .build()
        .map_err(|error| unusable(&error))?;
    restore_on_panic();
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(interface(start, features))));
    terminal::leave();
    // Never waits for a thread that is deep in a slow disk.
    runtime.shutdown_background();
    match outcome {
        Ok(result) => result.map_err(|error| unusable(&error)),
        Err(_) => Err(bug()),
    }
}

/// A variable of the environment that is text.
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn interface(start: Start, features: Features) -> io::Result<u8> {
    let Start { mut app, connect, .. } = start;
    let measured_file = app.paths.measured_file.clone();
    let mut console = Tty::enter(features)?;
    let (pacer, effects) = match event_loop::first_frame(&mut app, &mut console) {
        Ok(first) => first,
        Err(error) => {
            tracing::warn!("the terminal went before the first frame was out: {error}");
            return Ok(Ending::TerminalGone.exit_code());
        }
    };
    let ports = connect();
    let mut looks = JoinSet::new();
    looks.spawn_blocking(measure);
    looks.spawn_blocking(move || remembered(&measured_file));
    #[cfg(feature = "fake-engine")]
    panic_for_a_test();
    Ok(Box::pin(Interface::new(app, console, ports, pacer, looks).run(effects)).await)
}

/// What this machine has for a model now.
fn measure() -> Msg {
    Msg::Machine(machine::measure())
}

/// What models have been measured to do on this machine.
fn remembered(file: &Path) -> Msg {
    let (known, problem) = measurements::read(file, &machine::profile().name());
    Msg::Measured { known, problem }
}

/// The screen comes back before the stack unwinds; what happened goes to the log. A panic of a task or of another thread is
/// logged and no more: whoever waits for it hears of it.
fn restore_on_panic() {
    let interface = std::thread::current().id();
    panic::set_hook(Box::new(move |info| {
        if ends_the_interface(interface) {
            terminal::leave();
        }
        tracing::error!("{info}\n{}", std::backtrace::Backtrace::force_capture());
    }));
}

/// Whether a panic here and now is the loop's own. Tasks share its thread, but what they panic with stays with them.
fn ends_the_interface(interface: ThreadId) -> bool {
    std::thread::current().id() == interface && tokio::task::try_id().is_none()
}

fn unusable(error: &io::Error) -> UserError {
    UserError::new(ErrorKind::Unexpected, format!("the terminal can't be used: {}", reason(error)))
        .hint("for scripts and plain output there is `hobnob run`")
}

fn bug() -> UserError {
    let error = UserError::new(ErrorKind::Unexpected, "hobnob ran into a bug of its own and had to stop");
    match crate::log::file() {
        Some(file) => error.hint(format!("what happened is in the log file {}", file.display())),
        None => error.hint("start it with `--log-file FILE` to get a log of what happens"),
    }
}

/// Lets a test see what a panic leaves behind.
#[cfg(feature = "fake-engine")]
fn panic_for_a_test() {
    assert!(std::env::var_os("HOBNOB_TEST_PANIC").is_none(), "a test asked for a panic");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_loop_itself_takes_the_interface_with_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let here = std::thread::current().id();
        runtime.block_on(async {
            assert!(ends_the_interface(here));
            assert!(!tokio::spawn(async move { ends_the_interface(here) }).await.expect("it ran"));
            assert!(!tokio::task::spawn_blocking(move || ends_the_interface(here)).await.expect("it ran"));
        });
    }
}
