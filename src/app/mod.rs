//! Floor 3: the interface's state and what changes it. Pure: no clock, no input or output, no async.
//!
//! `App::update` takes one message and gives the effects that it wants carried out, as data. Whoever calls it (the runtime,
//! a test) brings the clock. Drawing is another floor: `ui::draw` reads this state.

pub mod chat;
pub mod compare;
pub mod completion;
pub mod composer;
pub mod counting;
pub mod list;
pub mod models;
pub mod msg;
pub mod picker;
pub mod prompt_search;
pub mod prompts;
pub mod room;
pub mod sessions;
pub mod settings;
pub mod text_area;
pub mod transcript;
mod update;
pub mod vim;
pub mod wishes;

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ratatui::layout::Rect;

use crate::app::chat::ChatPane;
use crate::app::compare::Compare;
use crate::app::models::ModelsPane;
use crate::app::msg::{Effect, TimerId};
use crate::app::picker::{Picker, Target};
use crate::app::prompt_search::PromptSearch;
use crate::app::room::Room;
use crate::app::sessions::{ConversationList, Saved};
use crate::app::settings::{SettingsPane, ValueEditor};
use crate::app::text_area::TextArea;
use crate::app::wishes::SchemaField;
use crate::config::keymap::{KeyChord, KeyMap};
use crate::config::theme::{self, Capabilities, Theme, Themes};
use crate::config::{Loaded, Origins, Paths, Persona, Settings};
use crate::domain::action::{Action, Context};
use crate::domain::catalog::{Catalog, Entry};
use crate::domain::machine::Machine;
use crate::domain::model::{LoadSettings, LocalModel, ModelInfo, ModelRef, RepoId};
use crate::domain::store::{ConvIds, Row, Which};
use crate::domain::zone::Zone;
use crate::domain::{AskId, GenId, JobId, LoadId, LoadStage};
use crate::error::UserError;

/// An action and its keys, as this terminal can show them.
pub type Keys = (Action, Vec<String>);

/// One of the three panes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    Chat,
    Models,
    Settings,
}

impl Pane {
    pub const ALL: [Self; 3] = [Self::Chat, Self::Models, Self::Settings];

    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Chat => "Chat",
            Self::Models => "Models",
            Self::Settings => "Settings",
        }
    }

    fn context(self) -> Context {
        match self {
            Self::Chat => Context::Chat,
            Self::Models => Context::Models,
            Self::Settings => Context::Settings,
        }
    }
}

/// How the engine stands.
#[derive(Debug, Clone, PartialEq)]
pub enum EngineStatus {
    /// No model was asked for.
    Empty,
    Loading {
        id: LoadId,
        name: String,
        stage: LoadStage,
        since: Instant,
    },
    Ready(ModelInfo),
    /// Its process was ended; it loads again with the next message.
    Asleep(ModelInfo),
    Failed {
        name: String,
        error: UserError,
    },
}

/// What is in front of the pane.
#[derive(Debug)]
pub enum Overlay {
    Help {
        scroll: u16,
    },
    Palette(Picker),
    /// The choice of a theme; `before` is what Esc goes back to.
    Themes {
        picker: Picker,
        before: String,
    },
    Value(ValueEditor),
    Schema(SchemaField),
    /// The place of a model that gets a name in the list.
    Import(PathField),
    Confirm(Confirm),
    /// A prompt does not fit into the context: what now?
    Room(Room),
    /// All conversations.
    Conversations(Box<ConversationList>),
    /// What was asked before.
    Prompts(PromptSearch),
    /// Two answers side by side.
    Compare(Box<Compare>),
}

/// A question that is answered with yes or no.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirm {
    pub title: String,
    pub body: String,
    pub yes: &'static str,
    pub then: Confirmed,
}

/// A path that is being typed.
#[derive(Debug)]
pub struct PathField {
    pub area: TextArea,
    /// What was asked of the hub side; keys wait.
    pub asked: Option<AskId>,
    /// Why what was typed last can't be used.
    pub error: Option<UserError>,
}

/// A model that is to be downloaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// What is here is not new enough.
    pub newest: bool,
    pub model: ModelRef,
    /// What a person calls it.
    pub name: String,
    pub bytes: Option<u64>,
    pub then_load: ThenLoad,
}

/// Whether a model goes into the engine as soon as it is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ThenLoad {
    No,
    IfItFits,
    /// Somebody has been told that it is likely too large.
    AllTheSame,
}

impl ThenLoad {
    fn wished(wished: bool) -> Self {
        if wished { Self::IfItFits } else { Self::No }
    }

    #[must_use]
    pub fn is_wished(self) -> bool {
        self != Self::No
    }
}

/// What yes does.
#[derive(Debug, Clone, PartialEq)]
pub enum Confirmed {
    Quit,
    /// Load the model although it does not fit.
    Load(Box<LocalModel>),
    /// Download it although it does not fit.
    Get(Box<Wanted>),
    Delete(Box<LocalModel>),
    Discard(RepoId),
    /// Answer again with the model, although it does not fit.
    Retry(Box<LocalModel>),
    /// The same, beside the answer that is there.
    Compare(Box<LocalModel>),
    /// In the place of one of that name.
    SavePersona(Box<Persona>),
    /// Begin a new conversation.
    Begin,
    Open {
        which: Which,
        at: Option<Row>,
    },
    KeepCopy,
    Unload,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToastKind {
    Note,
    Warning,
    Error,
}

/// A word at the edge of the screen that goes by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Toast {
    pub kind: ToastKind,
    pub text: String,
    pub hint: Option<String>,
    until: Instant,
}

/// The catalog. It is read when somebody first looks at it, and not on the way to the first frame.
#[derive(Debug)]
struct KnownModels {
    /// What the config file adds to it.
    added: Vec<Entry>,
    all: OnceCell<Catalog>,
}

impl KnownModels {
    fn all(&self) -> &Catalog {
        self.all.get_or_init(|| crate::config::catalog::with(self.added.clone()))
    }
}

/// The beginning of a sequence of keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pressed {
    pub keys: Vec<KeyChord>,
    /// What can follow is on the screen.
    pub shown: bool,
}

/// Whether the terminal is in front, as far as it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LookedAt {
    Yes,
    No,
}

/// A few words for somebody who has never used hobnob, until the first message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tour {
    Shown,
    Over,
}

/// Whether the screen shows what the state says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dirty {
    Clean,
    /// A token, progress: with the next frame.
    Soon,
    /// An answer to a key: at once.
    Now,
}

/// What the interface starts with.
#[derive(Debug)]
pub struct Init {
    pub config: Loaded,
    pub capabilities: Capabilities,
    /// Names for new conversations.
    pub ids: ConvIds,
    /// The conversation to go on with; without one a new one begins.
    pub open: Option<Which>,
    /// A moment, and what the clock on the wall said then: seconds since 1970.
    pub clock: (Instant, u64),
    /// What that clock is set to.
    pub zone: Zone,
    /// The persona that it is held as.
    pub persona: Option<String>,
    /// There is neither a config file nor a conversation yet.
    pub first_start: bool,
}

/// Whether this run may go online. What is changed in Settings holds from the next start on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Allowed,
    Forbidden,
}

/// The interface.
#[derive(Debug)]
pub struct App {
    pub settings: Settings,
    pub origins: Origins,
    pub paths: Paths,
    pub keymap: KeyMap,
    pub network: Network,
    /// What the terminal can show, as far as it tells by itself.
    capabilities: Capabilities,
    /// `None` until somebody wants to choose: themes in the user's folder are read only then.
    themes: Option<Themes>,
    /// They are being read for this.
    themes_wanted: Vec<update::ThemesFor>,
    pub theme: Theme,
    pub pane: Pane,
    pub overlay: Option<Overlay>,
    /// Fields that the palette or the help stands in front of, the last one directly behind it.
    beneath: Vec<Overlay>,
    pub toasts: VecDeque<Toast>,
    pub engine: EngineStatus,
    /// The model that was asked for last: what a reload loads, and a message after a failed load. `None` until it is found.
    wanted: Option<LocalModel>,
    /// A model is being looked for, by the name that somebody gave it.
    lookup: Option<update::Lookup>,
    /// What it was loaded with.
    loaded_with: LoadSettings,
    /// The load under way also writes the quantised copy down.
    keeping: bool,
    pub chat: ChatPane,
    pub saved: Saved,
    titles: update::Titles,
    /// From the config file, in its order.
    pub personas: Vec<Persona>,
    /// Keys that were pressed of a sequence that goes on.
    pub pressed: Pressed,
    /// What was chosen in the palette, the newest first.
    recent: Vec<Target>,
    looked_at: LookedAt,
    pub tour: Tour,
    pub models: ModelsPane,
    catalog: KnownModels,
    pub settings_pane: SettingsPane,
    pub machine: Option<Machine>,
    /// Resident memory of the engine's process.
    pub memory: Option<u64>,
    /// Scripts that use the engine just now.
    pub scripts: u32,
    /// Where the last frame drew the panes' names: columns of the first row.
    pub tabs: Vec<(Pane, std::ops::Range<u16>)>,
    /// And the items of the list in front, which can be clicked.
    pub items: Vec<(Rect, usize)>,
    clock: (Instant, u64),
    clicks: Option<update::Clicks>,
    /// The last load, or lookup in place of one: what the engine tells of others is late.
    load: LoadId,
    last_load: LoadId,
    generation: GenId,
    job: JobId,
    clock_runs: bool,
    count_is_due: bool,
    /// The model whose tokens the counts are.
    counted_for: Option<String>,
    dirty: Dirty,
    effects: Vec<Effect>,
    problems: Vec<UserError>,
}

/// So many words stand at the edge of the screen at once.
const TOASTS: usize = 3;
/// How often a running clock on the screen moves.
const CLOCK: Duration = Duration::from_millis(100);
/// How long texts that changed settle before they are counted: five times a second at the most.
const COUNT: Duration = Duration::from_millis(200);
/// How long changed settings settle before they are written.
const SETTLE: Duration = Duration::from_millis(500);

impl App {
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.network == Network::Forbidden
    }

    #[must_use]
    pub fn new(init: Init) -> Self {
        let Init { config, capabilities, ids, open, persona, clock, zone, first_start } = init;
        let Loaded { settings, origins, keymap, catalog, personas, paths, mut problems, .. } = config;
        let theme = theme::load(&paths.themes_dir, &settings.ui.theme).unwrap_or_else(|error| {
            problems.push(error);
            Theme::default()
        });
        let theme = theme.fit(capabilities.with_ascii(settings.ui.ascii));
        Self {
            network: if settings.offline { Network::Forbidden } else { Network::Allowed },
            settings,
            origins,
            paths,
            keymap,
            capabilities,
            themes: None,
            themes_wanted: Vec::new(),
            theme,
            pane: Pane::Chat,
            overlay: None,
            beneath: Vec::new(),
            toasts: VecDeque::new(),
            engine: EngineStatus::Empty,
            wanted: None,
            lookup: None,
            loaded_with: LoadSettings::default(),
            keeping: false,
            chat: ChatPane::in_zone(zone),
            saved: Saved::new(ids, open, persona),
            titles: update::Titles::default(),
            personas,
            pressed: Pressed::default(),
            recent: Vec::new(),
            looked_at: LookedAt::Yes,
            tour: if first_start { Tour::Shown } else { Tour::Over },
            models: ModelsPane::default(),
            catalog: KnownModels { added: catalog, all: OnceCell::new() },
            settings_pane: SettingsPane::default(),
            machine: None,
            memory: None,
            scripts: 0,
            tabs: Vec::new(),
            items: Vec::new(),
            clock,
            clicks: None,
            load: LoadId::default(),
            last_load: LoadId::default(),
            generation: GenId::default(),
            job: JobId::default(),
            clock_runs: false,
            count_is_due: false,
            counted_for: None,
            dirty: Dirty::Now,
            effects: Vec::new(),
            problems,
        }
    }

    #[must_use]
    pub fn dirty(&self) -> Dirty {
        self.dirty
    }

    /// A frame shows the state as it is.
    pub fn drawn(&mut self) {
        self.dirty = Dirty::Clean;
    }

    /// What the clock on the wall says, in seconds since 1970.
    #[must_use]
    pub fn wall_clock(&self, now: Instant) -> u64 {
        let (moment, said) = self.clock;
        said + now.saturating_duration_since(moment).as_secs()
    }

    fn touch(&mut self, how: Dirty) {
        self.dirty = self.dirty.max(how);
    }

    fn emit(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// The model that is loaded, or that comes back with the next message.
    #[must_use]
    pub fn model(&self) -> Option<&ModelInfo> {
        match &self.engine {
            EngineStatus::Ready(info) | EngineStatus::Asleep(info) => Some(info),
            _ => None,
        }
    }

    /// Something moves that a clock on the screen tells of.
    #[must_use]
    pub fn under_way(&self) -> bool {
        matches!(self.engine, EngineStatus::Loading { .. })
            || self.chat.running.as_ref().is_some_and(|r| r.phase != chat::Phase::Streaming)
    }

    fn start_clock(&mut self) {
        if !self.clock_runs && self.under_way() {
            self.clock_runs = true;
            self.emit(Effect::SetTimer { id: TimerId::Clock, after: CLOCK });
        }
    }

    /// Has what changed counted, in a moment. Only a model that is there can count.
    fn count_soon(&mut self) {
        let stale = || {
            let (chat, system) = (&self.chat, self.chat.system(&self.settings));
            chat.counting.is_stale(&chat.conversation, chat.texts(system))
        };
        if !self.count_is_due && matches!(self.engine, EngineStatus::Ready(_)) && stale() {
            self.count_is_due = true;
            self.emit(Effect::SetTimer { id: TimerId::Count, after: COUNT });
        }
    }

    /// A model that is not needed for so long goes to sleep. Setting the timer anew is all that using it takes.
    fn set_idle_timer(&mut self) {
        if let Some(minutes) = self.settings.engine.unload_after
            && matches!(self.engine, EngineStatus::Ready(_))
        {
            self.emit(Effect::SetTimer { id: TimerId::Idle, after: Duration::from_secs(60 * u64::from(minutes)) });
        }
    }

    pub(crate) fn toast(&mut self, kind: ToastKind, text: impl Into<String>, hint: Option<String>, now: Instant) {
        let text = text.into();
        // An error stays long enough to be read with its hint.
        let stay = match kind {
            ToastKind::Note => Duration::from_secs(3),
            ToastKind::Warning => Duration::from_secs(6),
            ToastKind::Error => Duration::from_secs(10),
        };
        self.toasts.retain(|t| t.text != text);
        self.toasts.push_back(Toast { kind, text, hint, until: now + stay });
        while self.toasts.len() > TOASTS {
            self.toasts.pop_front();
        }
        self.set_toast_timer(now);
        self.touch(Dirty::Soon);
    }

    fn toast_error(&mut self, error: &UserError, now: Instant) {
        self.toast(ToastKind::Error, error.message.clone(), error.hint.clone(), now);
    }

    fn set_toast_timer(&mut self, now: Instant) {
        if let Some(next) = self.toasts.iter().map(|t| t.until).min() {
            let after = next.saturating_duration_since(now);
            self.emit(Effect::SetTimer { id: TimerId::Toast, after });
        }
    }
}
