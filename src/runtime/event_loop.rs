//! The loop: one place that waits, for everything that can happen. It drains what is there, lets the state change, does what
//! the state asks for, and draws when the pacer says so. When nothing happens nothing wakes it.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{JoinError, JoinSet};

use crate::app::msg::{Effect, Msg, TermEvent, TimerId};
use crate::app::{App, Dirty};
use crate::config::theme::Themes;
use crate::domain::store::{StoreCmd, StoreEvent};
use crate::domain::{EngineCmd, EngineEvent, HubCmd, HubEvent};
use crate::error::{ErrorKind, UserError};
use crate::runtime::clipboard::{self, Clipboard};
use crate::runtime::console::{Console, Ending, Occurrence};
use crate::runtime::editor::{Editor, on_path};
use crate::runtime::keys::push_merged;
use crate::runtime::pacer::FramePacer;
use crate::runtime::saver::{Save, SavePersona, Saver, Written};
use crate::runtime::{env, files, measure, notify, schema};

/// The ways to the rest of the program.
pub struct Ports {
    pub engine: Box<dyn FnMut(EngineCmd)>,
    pub engine_events: UnboundedReceiver<EngineEvent>,
    pub hub: Box<dyn FnMut(HubCmd)>,
    pub hub_events: UnboundedReceiver<HubEvent>,
    pub store: Box<dyn FnMut(StoreCmd)>,
    pub store_events: UnboundedReceiver<StoreEvent>,
    pub save: Save,
    pub save_persona: SavePersona,
    /// Ends what needs an end; awaited for a moment when the interface is gone from the screen.
    pub shutdown: Pin<Box<dyn Future<Output = ()>>>,
}

/// The state that the loop keeps up to date. `App`, or what a test puts in its place.
pub(super) trait State {
    fn update(&mut self, msg: Msg, now: Instant) -> Vec<Effect>;
    fn dirty(&self) -> Dirty;
    /// What it shows now has been drawn.
    fn drawn(&mut self);
}

impl State for App {
    fn update(&mut self, msg: Msg, now: Instant) -> Vec<Effect> {
        Self::update(self, msg, now)
    }

    fn dirty(&self) -> Dirty {
        Self::dirty(self)
    }

    fn drawn(&mut self) {
        Self::drawn(self);
    }
}

/// At most so many events of one kind before a frame: with more there would be none while they flood in.
const BATCH: usize = 512;
/// How much later than the editor's end a signal may come that both got.
const LATE_SIGNAL: Duration = Duration::from_millis(500);
/// How long after asking for it a stop may come.
const STOP: Duration = Duration::from_millis(200);
/// How long the shell's prompt waits for things to end well.
const SHUTDOWN: Duration = Duration::from_secs(2);

pub(super) struct Interface<S, C> {
    app: S,
    console: C,
    ports: Ports,
    pacer: FramePacer,
    /// A frame is needed that the state doesn't know of.
    stale: bool,
    timers: Vec<(TimerId, Instant)>,
    /// Messages that answer effects.
    answers: VecDeque<Msg>,
    saver: Saver,
    /// What is looked at beside the loop: this machine, files that somebody wants to use.
    looks: JoinSet<Msg>,
    editor: Option<Editor>,
    /// When the last one ended.
    edited: Option<Instant>,
    /// The terminal is lent because we are about to be stopped; when to think that nothing stops us.
    unstopped: Option<Instant>,
    gone: Gone,
    exit: Option<u8>,
}

/// Whose events have ended. Of engine and hub only a bug makes them do that.
#[derive(Debug, Default)]
struct Gone {
    engine: bool,
    hub: bool,
    store: bool,
}

enum Event {
    Console(Occurrence),
    Engine(EngineEvent),
    Hub(HubEvent),
    Store(StoreEvent),
    /// A timer or the next frame.
    Time,
    Answer(Msg),
}

/// The loop's clock: tokio's, which tests can stop.
pub(super) fn clock() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Shows the first frame, before anything else is started.
pub(super) fn first_frame<S: State>(
    app: &mut S,
    console: &mut impl Console<S>,
) -> io::Result<(FramePacer, Vec<Effect>)> {
    let mut pacer = FramePacer::new();
    console.draw(app, clock())?;
    app.drawn();
    pacer.begin();
    Ok((pacer, app.update(Msg::Begin, clock())))
}

impl<S: State, C: Console<S>> Interface<S, C> {
    /// `looks` are under way already; nobody has asked for what they will say.
    pub(super) fn new(app: S, console: C, ports: Ports, pacer: FramePacer, looks: JoinSet<Msg>) -> Self {
        Self {
            saver: Saver::new(Arc::clone(&ports.save), Arc::clone(&ports.save_persona)),
            app,
            console,
            ports,
            pacer,
            stale: false,
            timers: Vec::new(),
            answers: VecDeque::new(),
            looks,
            editor: None,
            edited: None,
            unstopped: None,
            gone: Gone::default(),
            exit: None,
        }
    }

    /// Runs until the person or the system wants an end; answers with the exit code.
    pub(super) async fn run(mut self, first: Vec<Effect>) -> u8 {
        self.apply(first);
        loop {
            self.answer();
            if let Some(code) = self.exit {
                self.finish().await;
                return code;
            }
            self.draw_if_due();
            if self.exit.is_none() {
                let event = self.next().await;
                self.take_in(event);
            }
        }
    }

    /// The one place that waits.
    async fn next(&mut self) -> Event {
        let frame = self.frame_due(clock());
        let timer = self.timers.iter().map(|(_, at)| *at).chain(self.unstopped).min();
        tokio::select! {
            biased;
            occurrence = self.console.next() => Event::Console(occurrence),
            () = until(frame) => Event::Time,
            () = until(timer) => Event::Time,
            event = self.ports.engine_events.recv(), if !self.gone.engine => {
                self.gone.engine = event.is_none();
                event.map_or_else(|| gone("runs the models"), Event::Engine)
            }
            event = self.ports.hub_events.recv(), if !self.gone.hub => {
                self.gone.hub = event.is_none();
                event.map_or_else(|| gone("lists and downloads models"), Event::Hub)
            }
            event = self.ports.store_events.recv(), if !self.gone.store => {
                // Where there is no place for conversations it ends at once, and has said so.
                self.gone.store = event.is_none();
                event.map_or(Event::Time, Event::Store)
            }
            text = edited(&mut self.editor) => Event::Answer(Msg::Edited(text)),
            Some(look) = self.looks.join_next() => Event::Answer(look.unwrap_or_else(|error| Msg::Failed(broken(&error)))),
            result = self.saver.written() => Event::Answer(match result {
                Ok(Written { keys, lines }) => Msg::Saved { keys, lines },
                Err(error) => Msg::Failed(error),
            }),
        }
    }

    /// Takes one event and everything else that is there by now.
    fn take_in(&mut self, event: Event) {
        let mut occurrences = Vec::new();
        let mut engine = Vec::new();
        let mut hub = Vec::new();
        match event {
            Event::Console(occurrence) => occurrences.push(occurrence),
            Event::Engine(event) => engine.push(event),
            Event::Hub(event) => hub.push(event),
            Event::Store(event) => self.update(Msg::Store(event)),
            Event::Time => {}
            Event::Answer(answer) => self.take_answer(answer),
        }
        while occurrences.len() < BATCH
            && let Some(occurrence) = self.console.next().now_or_never()
        {
            occurrences.push(occurrence);
        }
        self.take_occurrences(occurrences);
        for _ in 0..BATCH {
            let Ok(event) = self.ports.engine_events.try_recv() else { break };
            push_engine(&mut engine, event);
        }
        for event in engine {
            self.update(Msg::Engine(event));
        }
        for _ in 0..BATCH {
            let Ok(event) = self.ports.hub_events.try_recv() else { break };
            hub.push(event);
        }
        for event in hub {
            self.update(Msg::Hub(event));
        }
        self.take_back_unstopped();
        self.fire_timers();
    }

    fn take_occurrences(&mut self, occurrences: Vec<Occurrence>) {
        let mut events = Vec::new();
        for occurrence in occurrences {
            match occurrence {
                Occurrence::Term(event) => push_merged(&mut events, event),
                Occurrence::FrameOut(cost) => self.pacer.out(clock(), cost),
                // The terminal is the editor's: it had the signal too, as everybody at this terminal had.
                Occurrence::Continued if self.editor.is_some() => {}
                Occurrence::End(Ending::Interrupt | Ending::Quit) if self.is_the_editors() => {}
                Occurrence::Continued => self.take_terminal(),
                Occurrence::End(ending) => {
                    tracing::info!("ending: {ending:?}");
                    self.exit = Some(ending.exit_code());
                }
            }
        }
        for event in events {
            self.update(Msg::Term(event));
        }
    }

    /// A signal of the terminal is for the editor. Its end by one can be known here before our own copy of that arrives.
    fn is_the_editors(&self) -> bool {
        self.editor.is_some() || self.edited.is_some_and(|at| clock().saturating_duration_since(at) < LATE_SIGNAL)
    }

    fn take_answer(&mut self, answer: Msg) {
        if matches!(answer, Msg::Edited(_)) {
            let note = self.editor.take().and_then(|editor| editor.note);
            self.answers.extend(note.map(Msg::Failed));
            self.edited = Some(clock());
            self.take_terminal();
        }
        self.update(answer);
    }

    fn fire_timers(&mut self) {
        let now = clock();
        let due = |(_, at): &mut (TimerId, Instant)| *at <= now;
        for (id, _) in self.timers.extract_if(.., due).collect::<Vec<_>>() {
            self.update(Msg::Timer(id));
        }
    }

    /// Nothing is updated once the end has come: an effect after it would be lost.
    fn update(&mut self, msg: Msg) {
        if self.exit.is_none() {
            let effects = self.app.update(msg, clock());
            self.apply(effects);
        }
    }

    /// Lets the state know how its effects went.
    fn answer(&mut self) {
        while let Some(msg) = self.answers.pop_front() {
            self.update(msg);
        }
    }

    fn apply(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Engine(command) => (self.ports.engine)(command),
                Effect::Hub(command) => (self.ports.hub)(command),
                Effect::Store(command) => (self.ports.store)(command),
                Effect::SetTimer { id, after } => {
                    self.timers.retain(|(other, _)| *other != id);
                    self.timers.push((id, clock() + after));
                }
                Effect::OpenEditor(text) => self.open_editor(&text),
                Effect::ReadThemes(folder) => {
                    self.looks.spawn_blocking(move || Msg::Themes(Themes::with_user_dir(&folder)));
                }
                Effect::Measure => {
                    self.looks.spawn_blocking(measure);
                }
                Effect::ListFolder { ask, folder } => {
                    self.looks.spawn_blocking(move || Msg::Folder { ask, entries: files::list(&folder) });
                }
                Effect::ReadFiles { ask, files, most } => {
                    self.looks.spawn_blocking(move || Msg::Files { ask, result: files::read(&files, most) });
                }
                Effect::ReadSchema(path) => {
                    self.looks.spawn_blocking(move || Msg::Schema(schema::read(&path)));
                }
                Effect::Copy { text, what } => self.copy(text, what),
                Effect::WriteFile { path, text } => {
                    self.looks.spawn_blocking(move || Msg::Written(clipboard::write_new(&path, &text)));
                }
                Effect::SaveSettings(patch) => self.saver.save(patch),
                Effect::SavePersona(persona) => self.saver.save_persona(*persona),
                // Who has the terminal for something else sees what ends there.
                Effect::Notify { .. } if self.editor.is_some() || self.unstopped.is_some() => {}
                Effect::Notify { how, text } => {
                    let result = self.console.send(&notify::sequence(how, &text, env));
                    self.end_on(result);
                }
                Effect::Mouse(on) => {
                    let result = self.console.set_mouse(on);
                    self.end_on(result);
                }
                Effect::Redraw => {
                    self.console.forget();
                    self.stale = true;
                }
                Effect::Suspend => self.suspend(),
                Effect::Quit => self.exit = Some(0),
            }
        }
    }

    fn copy(&mut self, text: String, what: String) {
        let path = env("PATH").unwrap_or_default();
        let clipboard = Clipboard::find(env, |program| on_path(program, &path));
        if let Some(sequence) = clipboard.sequence(&text) {
            let result = self.console.send(&sequence);
            self.end_on(result);
        }
        self.looks.spawn_blocking(move || Msg::Copied(clipboard.hand_over(&text, what)));
    }

    fn open_editor(&mut self, text: &str) {
        if self.editor.is_some() {
            return;
        }
        self.console.lend();
        match Editor::start(text, env) {
            Ok(editor) => self.editor = Some(editor),
            Err(error) => {
                self.take_terminal();
                self.answers.push_back(Msg::Edited(Err(error)));
            }
        }
    }

    /// The stop comes soon, but not before this returns: until the process goes on, or nothing has stopped it, the terminal
    /// is the shell's.
    fn suspend(&mut self) {
        self.console.lend();
        self.console.stop();
        self.unstopped = Some(clock() + STOP);
    }

    /// Has the terminal back where the stop was ignored, as it is without a shell that could end it.
    fn take_back_unstopped(&mut self) {
        let Some(at) = self.unstopped.filter(|at| *at <= clock()) else { return };
        if clock() < at + STOP {
            self.take_terminal();
        } else {
            // Time has passed without us: we were stopped, and hear of it next.
            self.unstopped = Some(clock() + STOP);
        }
    }

    fn take_terminal(&mut self) {
        self.unstopped = None;
        let result = self.console.take();
        self.end_on(result);
        self.stale = true;
        let (columns, rows) = self.console.size();
        self.answers.push_back(Msg::Term(TermEvent::Resize(columns, rows)));
    }

    fn frame_due(&self, now: Instant) -> Option<Instant> {
        if self.editor.is_some() || self.unstopped.is_some() {
            return None;
        }
        let dirty = if self.stale { Dirty::Now } else { self.app.dirty() };
        self.pacer.due(dirty, now)
    }

    fn draw_if_due(&mut self) {
        let now = clock();
        if self.frame_due(now).is_none_or(|due| due > now) {
            return;
        }
        let drawn = self.console.draw(&mut self.app, now);
        self.app.drawn();
        self.stale = false;
        self.pacer.begin();
        self.end_on(drawn);
    }

    /// A terminal that can't be used any more ends the interface, as its hang-up would.
    fn end_on(&mut self, result: io::Result<()>) {
        // The signal that a write gave way to is the next that is heard.
        if let Err(error) = result
            && error.kind() != io::ErrorKind::Interrupted
        {
            tracing::warn!("the terminal can't be used any more: {error}");
            self.exit = Some(Ending::TerminalGone.exit_code());
        }
    }

    /// The screen first: the person has gone on to something else. Then what must not be cut off.
    async fn finish(mut self) {
        for effect in self.app.update(Msg::End, clock()) {
            if let Effect::Store(command) = effect {
                (self.ports.store)(command);
            }
        }
        if let Some(editor) = &self.editor {
            editor.end();
        }
        self.console.conclude(&mut self.app);
        let Self { console, mut saver, ports, .. } = self;
        drop(console);
        let Ports { engine, hub, store, shutdown, .. } = ports;
        drop((engine, hub, store));
        let ends = async { tokio::join!(saver.finish(), shutdown) };
        if tokio::time::timeout(SHUTDOWN, ends).await.is_err() {
            tracing::warn!("not everything ended within {SHUTDOWN:?}");
        }
    }
}

/// A part of the program is there no more: said once, because nothing that it is asked for will ever come.
fn gone(does: &str) -> Event {
    let error = UserError::new(ErrorKind::Unexpected, format!("the part of hobnob that {does} has ended unexpectedly"));
    Event::Answer(Msg::Failed(error.hint("quit and start it again; the log knows more")))
}

/// Something could not be looked at because of a bug of ours.
fn broken(error: &JoinError) -> UserError {
    tracing::error!("a look beside the loop ended badly: {error}");
    UserError::new(ErrorKind::Unexpected, "something could not be read").hint("try again; the log has more")
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

async fn edited(editor: &mut Option<Editor>) -> Result<String, UserError> {
    match editor {
        Some(editor) => editor.finished().await,
        None => std::future::pending().await,
    }
}

/// Adds an event; pieces of one stream that come in a row become one.
fn push_engine(events: &mut Vec<EngineEvent>, event: EngineEvent) {
    if let (
        Some(EngineEvent::Delta { id, kind, text, tokens }),
        EngineEvent::Delta { id: next_id, kind: next_kind, text: more, tokens: more_tokens },
    ) = (events.last_mut(), &event)
        && (*id, *kind) == (*next_id, *next_kind)
    {
        text.push_str(more);
        *tokens += more_tokens;
        return;
    }
    events.push(event);
}

#[cfg(test)]
mod tests;
