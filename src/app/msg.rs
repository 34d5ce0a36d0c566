//! What comes into the interface, and what it wants done: plain data, so that a test can compare whole vectors.

use std::path::PathBuf;
use std::time::Duration;

use crate::app::completion::InFolder;
use crate::config::keymap::KeyChord;
use crate::config::theme::Themes;
use crate::config::{Lines, Notify, Persona, Value};
use crate::domain::attach::{Found, Mention};
use crate::domain::conversation::Form;
use crate::domain::machine::Machine;
use crate::domain::measured::Remembered;
use crate::domain::store::{StoreCmd, StoreEvent};
use crate::domain::{AskId, EngineCmd, EngineEvent, HubCmd, HubEvent};
use crate::error::UserError;

/// Everything that can happen to the interface.
#[derive(Debug, Clone, PartialEq)]
pub enum Msg {
    /// The first frame is on the screen: everything that takes time may begin.
    Begin,
    Term(TermEvent),
    Engine(EngineEvent),
    Hub(HubEvent),
    Store(StoreEvent),
    Timer(TimerId),
    /// What this machine has: measured after the first frame.
    Machine(Machine),
    /// What models have been measured to do on it, and what is wrong with the file if something is.
    Measured {
        known: Vec<Remembered>,
        problem: Option<UserError>,
    },
    /// `$EDITOR` came back with this text, or could not be used.
    Edited(Result<String, UserError>),
    /// All themes, the user's own too.
    Themes(Themes),
    /// What is in a folder that was asked about, folders first.
    Folder {
        ask: AskId,
        entries: Vec<InFolder>,
    },
    /// Files that go along with a message.
    Files {
        ask: AskId,
        result: Result<Found, UserError>,
    },
    /// A schema was read and can be used, or not.
    Schema(Result<Form, UserError>),
    Copied(Result<Copied, UserError>),
    /// A new file was written, at this place.
    Written(Result<String, UserError>),
    /// The config file was written: these settings are in it as they were changed last, and it sets all those at these lines.
    Saved {
        keys: Vec<&'static str>,
        lines: Lines,
    },
    /// The interface ends, whatever the reason: what is not kept yet is kept now, and nothing else is done any more.
    End,
    /// Something outside went wrong that no other message tells of.
    Failed(UserError),
}

/// Something is on the clipboard, as far as can be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub what: String,
    /// Why it may not be, and what to do then.
    pub doubt: Option<String>,
}

/// What the terminal tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TermEvent {
    Key(KeyChord),
    Paste(String),
    Resize(u16, u16),
    /// The terminal got or lost the focus.
    Focus(bool),
    /// The wheel, in lines; negative is up.
    Scroll(i16),
    /// The left button goes down, at a cell.
    Click {
        column: u16,
        row: u16,
    },
    /// The mouse moves with it down.
    Drag {
        column: u16,
        row: u16,
    },
    /// It is let go.
    Release {
        column: u16,
        row: u16,
    },
}

/// Timers of the interface. Setting one that runs starts it anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimerId {
    /// A toast has been on screen long enough.
    Toast,
    /// A clock on the screen shows the next second (only while something is under way).
    Clock,
    /// Changed settings have settled and are written.
    SaveSettings,
    /// What is being written has settled and is counted.
    Count,
    /// What is being searched for has settled and is asked.
    Search,
    /// A growing answer is kept as far as it has come.
    Keep,
    /// What is being written is kept.
    Draft,
    /// What can follow the keys that were pressed is shown.
    NextKeys,
    /// Nothing was asked of the model for as long as the settings say.
    Idle,
}

/// What the interface wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Engine(EngineCmd),
    Hub(HubCmd),
    Store(StoreCmd),
    SetTimer {
        id: TimerId,
        after: Duration,
    },
    /// Measures what this machine has now; answers with `Msg::Machine`.
    Measure,
    /// Leaves the screen to `$VISUAL`/`$EDITOR` with this text; answers with `Msg::Edited`.
    OpenEditor(String),
    /// Reads the user's themes in this folder; answers with `Msg::Themes`.
    ReadThemes(PathBuf),
    /// Looks what is in a folder, as a person writes it; answers with `Msg::Folder`.
    ListFolder {
        ask: AskId,
        folder: String,
    },
    /// Reads what a message names, if it is no larger than so many bytes all together; answers with `Msg::Files`.
    ReadFiles {
        ask: AskId,
        files: Vec<Mention>,
        most: u64,
    },
    /// Reads the JSON Schema at this place, as a person writes it; answers with `Msg::Schema`.
    ReadSchema(String),
    /// Puts a text on the clipboard of the person's own machine; answers with `Msg::Copied`.
    Copy {
        text: String,
        /// For people: `the answer`.
        what: String,
    },
    /// Writes a file that is not there yet, at the place as a person writes it; answers with `Msg::Written`.
    WriteFile {
        path: String,
        text: String,
    },
    /// Writes these keys to the config file, keeping comments; `None` takes a key out.
    SaveSettings(Vec<(&'static str, Option<Value>)>),
    /// Writes a persona into the config file, in the place of one of its name.
    SavePersona(Box<Persona>),
    /// Tells somebody who looks elsewhere.
    Notify {
        how: Notify,
        text: String,
    },
    /// Turns reports of the mouse on or off.
    Mouse(bool),
    /// Draws every cell anew.
    Redraw,
    /// Hands the terminal back to the shell until `fg`.
    Suspend,
    Quit,
}
