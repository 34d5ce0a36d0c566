//! What each message does. Here: who gets it; the parts are in files of their own.
//!
//! | file | is |
//! |---|---|
//! | `keys` | keys, text, wheel and clicks: which context has a use for them |
//! | `actions` | what holds everywhere: panes, interrupt, quit |
//! | `overlays` | what is in front of a pane: palette, fields, questions |
//! | `themes` | choosing a theme |
//! | `asking` | from a wish to an answer, and what when there is no room for it |
//! | `chat`, `models`, `settings` | the actions of the panes; `models` also what the hub tells |
//! | `composing` | writing: prompts before, what is offered, files that go along, Vim's keys |
//! | `copy` | taking something of the conversation away |
//! | `reading`, `find` | pointing at what is in the conversation; words that are looked for in it |
//! | `held` | what the conversation is held with: its own settings, personas |
//! | `again` | another answer: with another model, with other settings, two side by side |
//! | `versions` | writing a message again, and walking between what is there twice |
//! | `keeping` | keeping the conversation on the screen |
//! | `sessions` | going to another, the list of all |
//! | `titles` | conversations by their titles |
//! | `wishes` | reasoning, and the form of the next answer |
//! | `events` | what timers and the engine tell |

mod actions;
mod again;
mod asking;
mod chat;
mod composing;
mod copy;
mod events;
mod find;
mod held;
mod keeping;
mod keys;
mod models;
mod overlays;
mod reading;
mod sessions;
mod settings;
mod themes;
mod titles;
mod versions;
mod wishes;

use std::time::Instant;

pub(super) use self::models::Lookup;
pub(super) use self::reading::Clicks;
pub(super) use self::themes::ThemesFor;
pub(super) use self::titles::Titles;

use crate::app::msg::{Effect, Msg, TermEvent};
use crate::app::{App, Dirty, Overlay, TOASTS, ToastKind};
use crate::domain::HubCmd;

impl App {
    /// What is wanted right after the first frame.
    fn begin(&mut self, now: Instant) {
        let problems = std::mem::take(&mut self.problems);
        // As many as there is room for; the last one says that there are more.
        let shown = if problems.len() > TOASTS { TOASTS - 1 } else { problems.len() };
        for problem in &problems[..shown] {
            self.toast_error(problem, now);
        }
        if shown < problems.len() {
            let text = format!("There are {} more problems in the settings", problems.len() - shown);
            let hint = "`hobnob config check` lists all of them".to_owned();
            self.toast(ToastKind::Error, text, Some(hint), now);
        }
        self.emit(Effect::Hub(HubCmd::ScanLocal));
        self.begin_as_persona(now);
        self.load_at_the_start(now);
        self.open_first();
    }

    /// One message in, the effects that it wants out.
    pub fn update(&mut self, msg: Msg, now: Instant) -> Vec<Effect> {
        if matches!(msg, Msg::Term(TermEvent::Key(_) | TermEvent::Paste(_)) | Msg::Edited(_)) {
            self.keep_draft_soon();
        }
        match msg {
            Msg::Begin => self.begin(now),
            Msg::Term(event) => self.on_term(event, now),
            Msg::Engine(event) => self.on_engine(event, now),
            Msg::Hub(event) => self.on_hub(event, now),
            Msg::Store(event) => self.on_store(event, now),
            Msg::End => self.keep_all(),
            Msg::Timer(id) => self.on_timer(id, now),
            Msg::Machine(machine) => {
                self.machine = Some(machine);
                self.touch(Dirty::Soon);
            }
            Msg::Measured { known, problem } => {
                self.models.remember(known, now);
                if let Some(problem) = problem {
                    self.toast_error(&problem, now);
                }
                self.touch(Dirty::Soon);
            }
            Msg::Schema(read) => self.on_schema(read),
            Msg::Themes(themes) => {
                self.on_themes(themes, now);
                self.touch(Dirty::Now);
            }
            Msg::Folder { ask, entries } => self.on_folder(ask, entries),
            Msg::Files { ask, result } => self.on_files(ask, result, now),
            Msg::Copied(result) => self.on_copied(result, now),
            Msg::Written(result) => self.on_written(result, now),
            Msg::Saved { keys, lines } => self.settings_were_saved(&keys, &lines),
            Msg::Edited(Ok(text)) => {
                let text = text.trim_end_matches('\n');
                match &mut self.overlay {
                    Some(Overlay::Value(editor)) => editor.area.set(text),
                    _ => self.chat.composer.edited(text),
                }
                self.touch(Dirty::Now);
            }
            Msg::Edited(Err(error)) | Msg::Failed(error) => self.toast_error(&error, now),
        }
        self.bring_field_back();
        self.preview_chosen();
        self.offer();
        self.judge_models();
        self.chat.conversation.date_new(self.wall_clock(now));
        self.keep();
        self.start_clock();
        self.count_soon();
        std::mem::take(&mut self.effects)
    }
}
