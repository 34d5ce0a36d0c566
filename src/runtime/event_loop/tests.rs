//! The loop with a make-believe terminal and state: no test waits for time to pass.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Mutex;
use std::task::Poll;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::*;
use crate::config::keymap::{Key, KeyChord};
use crate::domain::hub::Local;
use crate::domain::{AskId, GenId, JobId, PieceKind};
use crate::runtime::saver::Patch;

const QUIT: Key = Key::Char('q');

fn key(key: Key) -> Occurrence {
    Occurrence::Term(TermEvent::Key(KeyChord { key, ctrl: false, alt: false, shift: false }))
}

fn delta(id: u64, kind: PieceKind, text: &str) -> EngineEvent {
    EngineEvent::Delta { id: GenId(id), kind, text: text.to_owned(), tokens: 1 }
}

/// Everything that happened, in order.
#[derive(Debug, PartialEq, Clone)]
enum Seen {
    Msg(Msg),
    Drawn,
    Forgotten,
    Lent,
    Taken,
    Stopped,
    Mouse(bool),
    Sent(Vec<u8>),
    Engine(EngineCmd),
    Hub(HubCmd),
    Store(StoreCmd),
    Shutdown,
    /// Put at the end, because it happens on another thread.
    Saved(Patch),
}

type Log = Rc<RefCell<Vec<Seen>>>;

struct FakeState {
    log: Log,
    dirty: Dirty,
    /// What it becomes with each message.
    after_update: Dirty,
    /// What it answers, one vector for each message.
    effects: VecDeque<Vec<Effect>>,
    /// What it wants when the interface ends.
    at_the_end: Vec<Effect>,
}

impl State for FakeState {
    fn update(&mut self, msg: Msg, _: Instant) -> Vec<Effect> {
        if msg == Msg::End {
            return std::mem::take(&mut self.at_the_end);
        }
        let quit = matches!(&msg, Msg::Term(TermEvent::Key(chord)) if chord.key == QUIT);
        self.log.borrow_mut().push(Seen::Msg(msg));
        if quit {
            return vec![Effect::Quit];
        }
        self.dirty = self.after_update;
        self.effects.pop_front().unwrap_or_default()
    }

    fn dirty(&self) -> Dirty {
        self.dirty
    }

    fn drawn(&mut self) {
        self.dirty = Dirty::Clean;
    }
}

struct FakeConsole {
    log: Log,
    coming: VecDeque<Occurrence>,
    /// Comes when all else is done.
    last: Option<Occurrence>,
    broken: bool,
    /// Takes no frame to its end by itself.
    clogged: bool,
    /// Before each thing that comes.
    pause: Duration,
    /// Somebody lets us go on after a stop; otherwise it is ignored.
    shell: bool,
}

impl Console<FakeState> for FakeConsole {
    async fn next(&mut self) -> Occurrence {
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        if let Some(occurrence) = self.coming.pop_front() {
            return occurrence;
        }
        // Lets everything else that is ready go first.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        match self.last.take() {
            Some(last) => last,
            None => std::future::pending().await,
        }
    }

    fn draw(&mut self, _: &mut FakeState, _: Instant) -> io::Result<()> {
        self.log.borrow_mut().push(Seen::Drawn);
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if !self.clogged {
            self.coming.push_front(Occurrence::FrameOut(Duration::ZERO));
        }
        Ok(())
    }

    fn size(&self) -> (u16, u16) {
        (80, 24)
    }

    fn forget(&mut self) {
        self.log.borrow_mut().push(Seen::Forgotten);
    }

    fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        self.log.borrow_mut().push(Seen::Mouse(on));
        Ok(())
    }

    fn send(&mut self, sequence: &[u8]) -> io::Result<()> {
        self.log.borrow_mut().push(Seen::Sent(sequence.to_owned()));
        Ok(())
    }

    fn lend(&mut self) {
        self.log.borrow_mut().push(Seen::Lent);
    }

    fn take(&mut self) -> io::Result<()> {
        self.log.borrow_mut().push(Seen::Taken);
        Ok(())
    }

    fn stop(&mut self) {
        self.log.borrow_mut().push(Seen::Stopped);
        if self.shell {
            self.coming.push_back(Occurrence::Continued);
        }
    }
}

struct World {
    interface: Interface<FakeState, FakeConsole>,
    engine: UnboundedSender<EngineEvent>,
    hub: UnboundedSender<HubEvent>,
    /// Held, because the end of its events is no event.
    _store: UnboundedSender<StoreEvent>,
    log: Log,
    saves: Arc<Mutex<Vec<Patch>>>,
}

impl World {
    fn new(coming: Vec<Occurrence>, after_update: Dirty, effects: Vec<Vec<Effect>>) -> Self {
        let log = Log::default();
        let (engine, engine_events) = unbounded_channel();
        let (hub, hub_events) = unbounded_channel();
        let (store, store_events) = unbounded_channel();
        let to = |log: &Log| Rc::clone(log);
        let (engine_log, hub_log, store_log, end_log) = (to(&log), to(&log), to(&log), to(&log));
        let saves = Arc::new(Mutex::new(Vec::<Patch>::new()));
        let on_disk = Arc::clone(&saves);
        let ports = Ports {
            engine: Box::new(move |command| engine_log.borrow_mut().push(Seen::Engine(command))),
            engine_events,
            hub: Box::new(move |command| hub_log.borrow_mut().push(Seen::Hub(command))),
            hub_events,
            store: Box::new(move |command| store_log.borrow_mut().push(Seen::Store(command))),
            store_events,
            save: Arc::new(move |patch| {
                on_disk.lock().expect("no writer panicked").push(patch.clone());
                Err(UserError::new(ErrorKind::Disk, "full"))
            }),
            save_persona: Arc::new(|_| Ok(vec![])),
            shutdown: Box::pin(async move { end_log.borrow_mut().push(Seen::Shutdown) }),
        };
        let state =
            FakeState { log: to(&log), dirty: Dirty::Clean, after_update, effects: effects.into(), at_the_end: vec![] };
        let console = FakeConsole {
            log: to(&log),
            coming: coming.into(),
            last: Some(key(QUIT)),
            broken: false,
            clogged: false,
            pause: Duration::ZERO,
            shell: true,
        };
        Self {
            interface: Interface::new(state, console, ports, FramePacer::new(), JoinSet::new()),
            engine,
            hub,
            _store: store,
            log,
            saves,
        }
    }

    /// Runs to the end: all that was seen, and the exit code.
    async fn run(self) -> (Vec<Seen>, u8) {
        let Self { interface, engine, hub, _store: store, log, saves } = self;
        let code = tokio::time::timeout(Duration::from_secs(10), interface.run(Vec::new())).await.expect("it ends");
        drop((engine, hub, store));
        let saves = saves.lock().expect("no writer panicked").clone();
        let seen = log.borrow().iter().cloned().chain(saves.into_iter().map(Seen::Saved)).collect();
        (seen, code)
    }
}

#[tokio::test]
async fn what_is_not_kept_yet_is_kept_however_it_ends() {
    let keep = |words: &str| StoreCmd::Search { ask: AskId(1), words: words.into() };
    for end in [key(QUIT), Occurrence::End(Ending::Hangup), Occurrence::End(Ending::Terminate)] {
        let mut world = World::new(vec![end], Dirty::Clean, vec![]);
        world.interface.app.at_the_end = vec![Effect::Store(keep("last")), Effect::Redraw];
        let (seen, _) = world.run().await;
        assert_eq!(without_keys(seen), [Seen::Store(keep("last")), Seen::Shutdown]);
    }
}

fn without_keys(seen: Vec<Seen>) -> Vec<Seen> {
    seen.into_iter().filter(|s| !matches!(s, Seen::Msg(Msg::Term(TermEvent::Key(_))))).collect()
}

#[tokio::test]
async fn what_flows_in_is_drained_and_merged_before_it_is_drawn() {
    let world = World::new(vec![], Dirty::Soon, vec![]);
    for text in ["a", "b", "c"] {
        world.engine.send(delta(1, PieceKind::Reasoning, text)).expect("listens");
    }
    world.engine.send(delta(1, PieceKind::Text, "d")).expect("listens");
    world.engine.send(delta(2, PieceKind::Text, "e")).expect("listens");
    world.engine.send(delta(2, PieceKind::Text, "f")).expect("listens");
    world.hub.send(HubEvent::Local(Local { models: vec![], ..Local::default() })).expect("listens");
    let (seen, code) = world.run().await;
    let merged = |id, kind, text: &str, tokens| {
        Seen::Msg(Msg::Engine(EngineEvent::Delta { id: GenId(id), kind, text: text.to_owned(), tokens }))
    };
    assert_eq!(
        without_keys(seen),
        [
            merged(1, PieceKind::Reasoning, "abc", 3),
            merged(1, PieceKind::Text, "d", 1),
            merged(2, PieceKind::Text, "ef", 2),
            Seen::Msg(Msg::Hub(HubEvent::Local(Local { models: vec![], ..Local::default() }))),
            Seen::Drawn,
            Seen::Shutdown,
        ]
    );
    assert_eq!(code, 0);
}

#[tokio::test]
async fn a_flood_cannot_keep_frames_away() {
    let world = World::new(vec![], Dirty::Now, vec![]);
    for id in 0..3 * BATCH as u64 {
        world.engine.send(delta(id, PieceKind::Text, "x")).expect("listens");
    }
    let (seen, _) = world.run().await;
    let drawn = seen.iter().position(|s| *s == Seen::Drawn).expect("a frame");
    assert!(drawn <= BATCH + 1, "{drawn} messages before the first frame");
    let last = seen.iter().rposition(|s| matches!(s, Seen::Msg(Msg::Engine(_)))).expect("they came");
    assert!(drawn < last);
}

#[tokio::test(start_paused = true)]
async fn while_a_frame_is_on_its_way_everything_goes_on_but_no_other_is_drawn() {
    let other = || key(Key::Enter);
    let frames = async |clogged, coming| {
        let mut world = World::new(coming, Dirty::Now, vec![]);
        world.interface.console.clogged = clogged;
        world.interface.console.pause = Duration::from_millis(10);
        let (seen, _) = world.run().await;
        // How many messages there were before each frame.
        let before = |at: usize| seen[..at].iter().filter(|s| matches!(s, Seen::Msg(_))).count();
        (0..seen.len()).filter(|at| seen[*at] == Seen::Drawn).map(before).collect::<Vec<_>>()
    };
    assert_eq!(frames(false, vec![other(), other(), other(), key(QUIT)]).await, [1, 2, 3]);
    let out = Occurrence::FrameOut(Duration::ZERO);
    assert_eq!(frames(true, vec![other(), other(), other(), out, key(QUIT)]).await, [1, 3]);
}

#[tokio::test]
async fn a_storm_of_sizes_is_one_size_the_last() {
    let storm = (1..100).map(|n| Occurrence::Term(TermEvent::Resize(n, n))).collect();
    let (seen, _) = World::new(storm, Dirty::Now, vec![]).run().await;
    assert_eq!(without_keys(seen), [Seen::Msg(Msg::Term(TermEvent::Resize(99, 99))), Seen::Drawn, Seen::Shutdown]);
}

#[tokio::test]
async fn idle_is_without_a_deadline_and_without_a_frame() {
    let mut world = World::new(vec![], Dirty::Clean, vec![]);
    world.interface.console.last = None;
    let interface = &mut world.interface;
    assert_eq!(interface.frame_due(clock()), None);
    assert!(interface.timers.is_empty());
    let woken = Arc::new(CountWakes::default());
    let waker = std::task::Waker::from(Arc::clone(&woken));
    let mut next = std::pin::pin!(interface.next());
    let mut idle = false;
    // The make-believe terminal gives way a few times before it has nothing more to say.
    for _ in 0..100 {
        let before = woken.0.load(std::sync::atomic::Ordering::SeqCst);
        poll_fn(|_| {
            assert!(next.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
            Poll::Ready(())
        })
        .await;
        tokio::task::yield_now().await;
        idle = woken.0.load(std::sync::atomic::Ordering::SeqCst) == before;
    }
    assert!(idle, "something wakes the loop again and again");
    assert_eq!(*world.log.borrow(), []);
}

#[derive(Default)]
struct CountWakes(std::sync::atomic::AtomicUsize);

impl std::task::Wake for CountWakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_timer_set_anew_fires_once_and_at_its_new_time() {
    let set = |id, after| Effect::SetTimer { id, after };
    let hour = Duration::from_secs(3600);
    let effects = vec![
        set(TimerId::Toast, hour),
        set(TimerId::Clock, hour),
        set(TimerId::Toast, Duration::ZERO),
        set(TimerId::SaveSettings, Duration::ZERO),
    ];
    let (seen, _) = World::new(vec![key(Key::Enter)], Dirty::Clean, vec![effects]).run().await;
    assert_eq!(
        without_keys(seen),
        [Seen::Msg(Msg::Timer(TimerId::Toast)), Seen::Msg(Msg::Timer(TimerId::SaveSettings)), Seen::Shutdown]
    );
}

#[tokio::test]
async fn effects_go_where_they_belong_in_their_order() {
    let effects = vec![
        Effect::Hub(HubCmd::CancelDownload(JobId(1))),
        Effect::Engine(EngineCmd::Unload),
        Effect::Mouse(true),
        Effect::Redraw,
        Effect::Suspend,
    ];
    let (seen, _) = World::new(vec![key(Key::Enter)], Dirty::Clean, vec![effects]).run().await;
    assert_eq!(
        without_keys(seen),
        [
            Seen::Hub(HubCmd::CancelDownload(JobId(1))),
            Seen::Engine(EngineCmd::Unload),
            Seen::Mouse(true),
            Seen::Forgotten,
            Seen::Lent,
            Seen::Stopped,
            Seen::Taken,
            Seen::Msg(Msg::Term(TermEvent::Resize(80, 24))),
            Seen::Drawn,
            Seen::Shutdown,
        ]
    );
}

#[tokio::test]
async fn a_stop_that_is_ignored_gives_the_terminal_back() {
    let mut world = World::new(vec![key(Key::Enter)], Dirty::Now, vec![vec![Effect::Suspend], vec![Effect::Quit]]);
    world.interface.console.shell = false;
    // Nothing but time ends it.
    world.interface.console.last = None;
    let before = Instant::now();
    let (seen, _) = world.run().await;
    assert_eq!(
        without_keys(seen),
        [Seen::Lent, Seen::Stopped, Seen::Taken, Seen::Msg(Msg::Term(TermEvent::Resize(80, 24))), Seen::Shutdown]
    );
    assert!(before.elapsed() >= STOP, "the stop had its time to come");
}

#[tokio::test]
async fn after_a_stop_from_outside_everything_is_taken_and_drawn_again() {
    let (seen, _) = World::new(vec![Occurrence::Continued], Dirty::Clean, vec![]).run().await;
    assert_eq!(
        without_keys(seen),
        [Seen::Taken, Seen::Msg(Msg::Term(TermEvent::Resize(80, 24))), Seen::Drawn, Seen::Shutdown]
    );
}

#[tokio::test]
async fn a_part_that_is_gone_is_told_once() {
    let mut world = World::new(vec![], Dirty::Clean, vec![]);
    (world.engine, world.hub) = (unbounded_channel().0, unbounded_channel().0);
    let (seen, _) = world.run().await;
    let told = |does: &str| {
        let of = |s: &&Seen| matches!(s, Seen::Msg(Msg::Failed(error)) if error.message.contains(does));
        seen.iter().filter(of).count()
    };
    assert_eq!((told("runs the models"), told("downloads models")), (1, 1), "{seen:?}");
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[tokio::test]
async fn settings_are_written_one_after_the_other_and_failures_are_told() {
    let patch = |key| vec![(key, None)];
    let save = |key| Effect::SaveSettings(patch(key));
    let effects = vec![save("a"), save("b"), save("c")];
    let mut world = World::new(vec![key(Key::Enter)], Dirty::Clean, vec![effects, vec![Effect::Quit]]);
    // The failure that is told ends it.
    world.interface.console.last = None;
    let (seen, _) = world.run().await;
    assert_eq!(
        without_keys(seen),
        [
            Seen::Msg(Msg::Failed(UserError::new(ErrorKind::Disk, "full"))),
            Seen::Shutdown,
            Seen::Saved(patch("a")),
            Seen::Saved([patch("b"), patch("c")].concat()),
        ]
    );
}

#[tokio::test]
async fn what_was_written_is_told_unless_it_waits_to_be_written_again() {
    let save = |key| Effect::SaveSettings(vec![(key, None)]);
    let effects = vec![save("a"), save("b"), save("a")];
    let mut world = World::new(vec![key(Key::Enter)], Dirty::Clean, vec![effects, vec![], vec![Effect::Quit]]);
    world.interface.console.last = None;
    world.interface.saver = Saver::new(Arc::new(|_| Ok(vec![("b", 3)])), Arc::new(|_| Ok(vec![])));
    let (seen, _) = world.run().await;
    let told = |keys: &[&'static str]| Seen::Msg(Msg::Saved { keys: keys.into(), lines: vec![("b", 3)] });
    assert_eq!(without_keys(seen), [told(&[]), told(&["b", "a"]), Seen::Shutdown]);
}

#[tokio::test]
async fn what_is_to_be_saved_is_saved_when_it_ends_at_once() {
    let effects = vec![Effect::SaveSettings(vec![("a", None)]), Effect::SaveSettings(vec![("b", None)]), Effect::Quit];
    let (seen, _) = World::new(vec![key(Key::Enter)], Dirty::Clean, vec![effects]).run().await;
    let saved = seen.iter().filter(|s| matches!(s, Seen::Saved(_))).count();
    assert_eq!(saved, 2, "{seen:?}");
}

#[tokio::test]
async fn signals_and_a_broken_terminal_end_it_with_their_codes() {
    for (ending, code) in
        [(Ending::Hangup, 129), (Ending::Interrupt, 130), (Ending::Terminate, 143), (Ending::TerminalGone, 129)]
    {
        let coming = vec![Occurrence::End(ending), key(Key::Enter)];
        let (seen, exit) = World::new(coming, Dirty::Now, vec![]).run().await;
        assert_eq!((exit, seen), (code, vec![Seen::Shutdown]), "{ending:?}");
    }
    let mut world = World::new(vec![key(Key::Enter)], Dirty::Now, vec![]);
    world.interface.console.broken = true;
    let (seen, exit) = world.run().await;
    assert_eq!((exit, without_keys(seen)), (129, vec![Seen::Drawn, Seen::Shutdown]));
}

#[tokio::test]
async fn the_first_frame_comes_before_everything() {
    let World { mut interface, log, .. } = World::new(vec![], Dirty::Now, vec![vec![Effect::Redraw]]);
    let (_, effects) = first_frame(&mut interface.app, &mut interface.console).expect("draws");
    assert_eq!(*log.borrow(), [Seen::Drawn, Seen::Msg(Msg::Begin)]);
    assert_eq!(effects, [Effect::Redraw]);
}
