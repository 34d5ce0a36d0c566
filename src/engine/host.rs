//! The engine's process: reads commands from its socket, runs one backend, writes what it tells.
//!
//! Four threads beside the backend's own: the main one calls the backend, one reads, one writes, one counts tokens. The
//! reader never waits for the backend, so that the end of the socket – the parent is gone, however it went – ends the
//! process at any moment, be it in the middle of a load or of a prompt.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::count::{self, Shared, Wish};
use super::gather::Gather;
use super::mistral::satisfies;
use super::protocol::{self, Decoder, FromEngine, ToEngine};
use super::{Backend, Outcome, Piece};
use crate::domain::model::{Format, ModelSpec};
use crate::domain::{GenId, GenRequest, PieceKind};
use crate::error::{ErrorKind, UserError};

/// The hidden first argument that makes this program the engine's process. The second is how much it tells.
pub const ARGUMENT: &str = "__engine";

/// The last word of a process that ends because of a panic. One that was caught does not end it.
pub(super) const PANICKED: &str = "something panicked";

static PANICS: AtomicUsize = AtomicUsize::new(0);
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

/// How often something has panicked in this process, in whatever thread. The engine loses one of its own silently.
pub(super) fn panics() -> usize {
    PANICS.load(Ordering::SeqCst)
}

/// What the last of them was called with.
pub(super) fn last_panic() -> String {
    LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The process's `main`. Its standard input is the socket; its two outputs are the parent's log.
#[must_use]
pub fn main() -> ExitCode {
    // Not `args`, which panics when any of them is not Unicode, the program's own path included.
    let verbose = std::env::args_os().nth(2).and_then(|n| n.to_str()?.parse().ok()).unwrap_or(0);
    install_log(verbose);
    install_panic_hook();
    let (reading, writing) = match open_socket() {
        Ok(ends) => ends,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: this is a part of hobnob that it starts for itself ({error})");
            return ExitCode::from(2);
        }
    };
    let (tell, told) = channel();
    let tell = Arc::new(tell);
    let (work, jobs) = channel();
    let _ = tell.send(FromEngine::Hello { version: protocol::VERSION });
    let writer = thread::spawn(move || write_frames(writing, &told));
    let (wish, wishes) = channel();
    thread::spawn(move || read_frames(reading, &work, &wish));
    let counter = Shared::default();
    {
        let (counter, tell) = (counter.clone(), Arc::downgrade(&tell));
        thread::spawn(move || count::serve(&wishes, &counter, &tell));
    }
    let _ = panic::catch_unwind(AssertUnwindSafe(|| run(&jobs, &tell, &counter)));
    // Without a sender the writer ends when everything that was said is on its way.
    drop(tell);
    let _ = writer.join();
    end(PANICKED)
}

/// The socket came as standard input; whatever reads that from here on finds it empty.
fn open_socket() -> io::Result<(UnixStream, UnixStream)> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.peer_addr()?;
    socket.set_nonblocking(false)?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    Ok((socket.try_clone()?, socket))
}

// One lives at a time, and for a moment.
#[allow(clippy::large_enum_variant)]
enum Job {
    Load(ModelSpec),
    Generate(GenId, GenRequest, CancellationToken),
}

/// Returns after a panic. The engine has lost the thread that runs it then, and maybe locks with it: a new process is the
/// sure way back, and for the parent a death like any other, explained by our last word. A load is another matter:
/// its backend has told what it means, and the parent ends the process.
fn run(jobs: &Receiver<Job>, tell: &Sender<FromEngine>, counter: &Shared) {
    // The writer ends this process when it can't write: sending to it can be taken for granted.
    let say = |message| {
        let _ = tell.send(message);
    };
    // Goes with the process: dropping it would wait for threads, and not all of them may be there.
    let backend: &mut Option<Box<dyn Backend>> = Box::leak(Box::default());
    let mut on_cpu = false;
    for job in jobs {
        match (job, &mut *backend) {
            (Job::Load(spec), None) => {
                let mut new = backend_for(spec.format);
                match new.load(&spec, &mut |stage| say(FromEngine::Stage { stage })) {
                    Ok(info) => {
                        if let Some(new) = new.counter() {
                            let _ = counter.set(new);
                        }
                        *backend = Some(new);
                        on_cpu = info.on_cpu();
                        say(FromEngine::Loaded { info: Box::new(info) });
                    }
                    Err(error) => say(FromEngine::LoadFailed { error }),
                }
            }
            (Job::Load(_), Some(_)) => say(FromEngine::LoadFailed {
                error: UserError::new(ErrorKind::Unexpected, "the engine was asked for a second model"),
            }),
            (Job::Generate(id, ..), None) => say(FromEngine::Failed {
                id,
                error: UserError::new(ErrorKind::Unexpected, "the engine was asked for an answer before a model"),
            }),
            (Job::Generate(id, req, cancel), Some(backend)) => {
                // All of it, if it goes on from where it was cut.
                let mut answer = req.begun.as_ref().map(|begun| begun.text.clone()).unwrap_or_default();
                let tell = |piece| {
                    say(match piece {
                        Piece::Started { prompt_tokens, cached_tokens, context } => {
                            FromEngine::Started { id, prompt_tokens, cached_tokens, context }
                        }
                        Piece::Delta { kind, text, tokens } => FromEngine::Delta { id, kind, text, tokens },
                    });
                };
                let mut gather = Gather::new(on_cpu);
                let before = panics();
                let mut pass = |piece| {
                    if let (Piece::Delta { kind: PieceKind::Text, text, .. }, Some(_)) = (&piece, &req.constraint) {
                        answer.push_str(text);
                    }
                    gather.pass(piece, Instant::now(), tell);
                };
                let end = backend.generate(&req, &cancel, &mut pass);
                gather.rest(tell);
                if panics() != before {
                    return;
                }
                let satisfied = req.constraint.as_ref().map(|form| satisfies(form, &answer));
                say(match end {
                    Ok(Outcome { reason, usage, stats }) => {
                        FromEngine::Finished { id, reason, usage, stats, satisfied }
                    }
                    Err(error) => FromEngine::Failed { id, error },
                });
            }
        }
    }
}

fn backend_for(format: Format) -> Box<dyn Backend> {
    match format {
        Format::Gguf | Format::Safetensors | Format::Uqff => Box::new(super::mistral::Mistral::default()),
        #[cfg(feature = "fake-engine")]
        Format::Script => Box::new(super::fake::Fake::default()),
        #[cfg(not(feature = "fake-engine"))]
        Format::Script => Box::new(NoScripts),
    }
}

/// A build without the scripted engine.
#[cfg(not(feature = "fake-engine"))]
struct NoScripts;

#[cfg(not(feature = "fake-engine"))]
impl Backend for NoScripts {
    fn load(
        &mut self,
        spec: &ModelSpec,
        _: &mut dyn FnMut(crate::domain::LoadStage),
    ) -> Result<crate::domain::model::ModelInfo, UserError> {
        Err(UserError::new(
            ErrorKind::ModelUnsupported,
            format!(
                "`{}` is a script for the scripted engine, which this build does not have",
                spec.location.display()
            ),
        )
        .hint("choose a model; the scripted engine is for tests"))
    }

    fn generate(
        &mut self,
        _: &GenRequest,
        _: &CancellationToken,
        _: &mut dyn FnMut(Piece),
    ) -> Result<super::Outcome, UserError> {
        Err(UserError::new(ErrorKind::Unexpected, "nothing is loaded"))
    }

    fn counter(&self) -> Option<super::Counter> {
        None
    }
}

fn write_frames(mut socket: UnixStream, told: &Receiver<FromEngine>) {
    for message in told {
        let written = match protocol::encode(&message) {
            Ok(frame) => socket.write_all(&frame),
            Err(error) => Err(io::Error::other(error)),
        };
        if let Err(error) = written {
            end(&format!("the parent can't be told: {error}"));
        }
    }
}

fn read_frames(mut socket: UnixStream, work: &Sender<Job>, wish: &Sender<Wish>) {
    let mut current: Option<(GenId, CancellationToken)> = None;
    let mut decoder = Decoder::default();
    let mut bytes = vec![0; 64 << 10];
    loop {
        match socket.read(&mut bytes) {
            Ok(0) => end("the parent is gone"),
            Ok(n) => decoder.push(&bytes[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => end(&format!("the parent can't be heard: {error}")),
        }
        loop {
            let job = match decoder.pull() {
                Ok(None) => break,
                Ok(Some(ToEngine::Load { spec })) => Job::Load(spec),
                Ok(Some(ToEngine::Generate { id, req })) => {
                    let cancel = CancellationToken::new();
                    current = Some((id, cancel.clone()));
                    Job::Generate(id, req, cancel)
                }
                Ok(Some(ToEngine::Cancel { id })) => {
                    if let Some((_, cancel)) = current.as_ref().filter(|(running, _)| *running == id) {
                        cancel.cancel();
                    }
                    continue;
                }
                Ok(Some(ToEngine::Count { id, texts })) => {
                    // A counter that has panicked is no reason to end an answer.
                    let _ = wish.send(Wish { id, texts });
                    continue;
                }
                Err(error) => end(&error.to_string()),
            };
            if work.send(job).is_err() {
                end("the engine's main thread is gone");
            }
        }
    }
}

/// Ends the process at once, whatever its other threads compute. Not by `exit`, which runs what C libraries have
/// registered for that moment and can wait for those threads.
fn end(why: &str) -> ! {
    let _ = writeln!(io::stderr(), "INFO ending: {why}");
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::exit(1);
}

/// Plain lines on standard error, which is the parent's log: it brings the clock.
fn install_log(verbose: u8) {
    // The engine's loop calls a request that fails an error, the one that sweeps its cache included; what others fail of
    // comes back as their answer, and is written down there.
    let filter = match verbose {
        0 => "warn,mistralrs_core::engine=off",
        1 => "info,mistralrs_core::engine=off",
        _ => "debug",
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(io::stderr)
        .with_ansi(false)
        .without_time()
        .with_target(true);
    let _ = log.try_init();
}

/// One line per panic, and no backtrace.
fn install_panic_hook() {
    panic::set_hook(Box::new(|panic| {
        panic_text(panic.payload()).clone_into(&mut LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner));
        PANICS.fetch_add(1, Ordering::SeqCst);
        let mut line = String::from("PANIC ");
        let _ = write!(line, "{}", panic_text(panic.payload()));
        if let Some(place) = panic.location() {
            let _ = write!(line, " ({}:{})", place.file(), place.line());
        }
        let _ = writeln!(io::stderr(), "{}", line.replace('\n', " "));
    }));
}

/// What a panic was called with.
pub(super) fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given")
}
