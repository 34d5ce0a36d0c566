//! Keys, text, wheel and clicks: the innermost context that has a use for them gets them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ratatui::layout::Position;

use crate::app::msg::{Effect, TermEvent, TimerId};
use crate::app::{App, Dirty, Keys, LookedAt, Overlay, Pane, Pressed, ToastKind};
use crate::config::keymap::{Key, KeyChord, KeySequence};
use crate::domain::action::{Action, Context};

/// Lines that one turn of the wheel moves, as the terminal's side counts them.
const WHEEL: i32 = 3;
/// Who knows what comes next has pressed it by then.
const HESITATION: Duration = Duration::from_millis(300);

impl App {
    pub(super) fn on_term(&mut self, event: TermEvent, now: Instant) {
        match event {
            TermEvent::Key(chord) => {
                self.on_key(chord, now);
                self.touch(Dirty::Now);
            }
            TermEvent::Paste(text) => {
                self.forget_pressed();
                self.on_paste(&text);
                self.touch(Dirty::Now);
            }
            TermEvent::Resize(..) => self.touch(Dirty::Soon),
            // Nothing that is drawn depends on it; what is told elsewhere does.
            TermEvent::Focus(true) => self.looked_at = LookedAt::Yes,
            TermEvent::Focus(false) => self.looked_at = LookedAt::No,
            TermEvent::Scroll(turns) => {
                self.on_wheel(i32::from(turns));
                self.touch(Dirty::Soon);
            }
            TermEvent::Click { column, row } => {
                // A list may stand over the conversation.
                let _ = self.click_on_item(column, row, now)
                    || self.press_in_conversation(column, row, now)
                    || self.click_on_place(column, row)
                    || self.click_on_tab(column, row);
                self.touch(Dirty::Now);
            }
            TermEvent::Drag { column, row } => {
                self.drag_in_conversation(column, row);
                self.touch(Dirty::Now);
            }
            TermEvent::Release { .. } => self.release_in_conversation(),
        }
    }

    /// A click on an item of the list in front chooses it; one on the chosen item does what Enter would. False where there is none.
    fn click_on_item(&mut self, column: u16, row: u16, now: Instant) -> bool {
        let clicked = self.items.iter().find(|(area, _)| area.contains(Position { x: column, y: row }));
        let Some(item) = clicked.map(|(_, item)| *item) else { return false };
        if self.choose_in_list(item) {
            match self.pane {
                _ if self.overlay.is_some() => self.accept(now),
                Pane::Models => self.open_chosen(now),
                Pane::Settings => self.act_in_settings(Action::EditValue, now),
                Pane::Chat => {
                    self.chat.composer.take_offer();
                }
            }
        }
        true
    }

    fn click_on_tab(&mut self, column: u16, row: u16) -> bool {
        let tab = self.tabs.iter().find(|(_, columns)| row == 0 && columns.contains(&column)).map(|(pane, _)| *pane);
        match tab.filter(|_| self.overlay.is_none()) {
            Some(Pane::Models) => self.show_models(),
            Some(pane) => self.pane = pane,
            None => return false,
        }
        true
    }

    /// `lines`: negative is up.
    pub(super) fn on_wheel(&mut self, lines: i32) {
        if let Some(Overlay::Help { scroll }) = &mut self.overlay {
            *scroll = scroll.saturating_add_signed(i16::try_from(lines).unwrap_or(0));
        } else if let Some(Overlay::Compare(compare)) = &mut self.overlay {
            let action = if lines < 0 { Action::ScrollUp } else { Action::ScrollDown };
            for _ in 0..lines.unsigned_abs() {
                compare.act(action);
            }
        } else if self.overlay.is_none() && self.pane == Pane::Chat {
            self.chat.transcript.scroll(lines);
        } else if self.overlay.is_none() && self.scroll_card(lines) {
        } else {
            let action = if lines < 0 { Action::Previous } else { Action::Next };
            for _ in 0..(lines.abs() / WHEEL).max(1) {
                self.move_in_list(action);
            }
        }
    }

    /// The innermost context that has a use for the key gets it.
    pub(super) fn on_key(&mut self, chord: KeyChord, now: Instant) {
        if !self.pressed.keys.is_empty() {
            return self.go_on_with(chord, now);
        }
        if self.press_in_vim(chord, now) {
            return;
        }
        if let Key::Char(c) = chord.key
            && !chord.ctrl
            && !chord.alt
            && self.edits_text()
        {
            self.on_text(c.encode_utf8(&mut [0; 4]));
            return;
        }
        for context in self.contexts() {
            if let Some(action) = self.keymap.resolve(&[context], chord)
                && self.act(action, now)
            {
                return;
            }
            if self.keymap.goes_on(context, &[chord.normal()]) {
                return self.press(chord);
            }
        }
    }

    /// A key of a sequence: who hesitates is shown what can follow.
    fn press(&mut self, chord: KeyChord) {
        self.pressed.keys.push(chord.normal());
        if !self.pressed.shown {
            self.emit(Effect::SetTimer { id: TimerId::NextKeys, after: HESITATION });
        }
    }

    pub(super) fn forget_pressed(&mut self) {
        self.pressed = Pressed::default();
    }

    /// The next key of a sequence that was begun.
    fn go_on_with(&mut self, chord: KeyChord, now: Instant) {
        let contexts = self.contexts();
        self.press(chord);
        let action = contexts.iter().find_map(|context| self.keymap.sequence(*context, &self.pressed.keys));
        if action.is_none() && contexts.iter().any(|context| self.keymap.goes_on(*context, &self.pressed.keys)) {
            return;
        }
        let said = self.pressed.keys.iter().map(|pressed| self.chord_hint(*pressed)).collect::<Vec<_>>().join(" ");
        self.forget_pressed();
        let done = match action {
            Some(action) => self.act(action, now),
            None => chord.key == Key::Esc || self.keymap.resolve(&contexts, chord) == Some(Action::Interrupt),
        };
        if !done {
            self.toast(ToastKind::Note, format!("{said} does nothing here"), None, now);
        }
    }

    /// A key as this terminal can show it.
    #[must_use]
    pub fn chord_hint(&self, chord: KeyChord) -> String {
        if self.theme.glyphs.unicode { chord.hint() } else { chord.hint_ascii() }
    }

    /// The first key of an action, as this terminal can show it; empty where it has none.
    #[must_use]
    pub fn key(&self, action: Action) -> String {
        self.keys(action).into_iter().next().unwrap_or_default()
    }

    /// The same, for where its own context is not: a key of the list of conversations does something else there.
    #[must_use]
    pub fn key_outside(&self, action: Action) -> String {
        if action.context() == Context::Conversations { String::new() } else { self.key(action) }
    }

    /// All keys of an action.
    #[must_use]
    pub fn keys(&self, action: Action) -> Vec<String> {
        let hint = if self.theme.glyphs.unicode { KeySequence::hint } else { KeySequence::hint_ascii };
        self.keymap.keys_for(action).iter().map(hint).collect()
    }

    /// All actions where they are at home, with their keys. A key that something has in one place alone is listed at that place: what can
    /// be done while a conversation is read, and what holds everywhere and has a letter where nothing is typed.
    #[must_use]
    pub fn keys_by_context(&self) -> Vec<(Context, Vec<Keys>)> {
        let is_special = |context: Context| matches!(context, Context::Reading | Context::Finding);
        let hint = if self.theme.glyphs.unicode { KeySequence::hint } else { KeySequence::hint_ascii };
        let mut keys: BTreeMap<(Context, Action), Vec<String>> = BTreeMap::new();
        let all = || {
            self.keymap
                .bindings()
                .into_iter()
                .flat_map(|(context, all)| all.into_iter().map(move |(a, k)| (context, a, k)))
        };
        // Those of its home come first.
        let (home, away): (Vec<_>, Vec<_>) = all().partition(|(context, action, _)| *context == action.context());
        for (context, action, chords) in home.into_iter().chain(away) {
            let is_here_alone = is_special(context) || action.context() == Context::Global;
            let listed = if is_here_alone { context } else { action.context() };
            let known = keys.entry((listed, action)).or_default();
            for key in chords.iter().map(hint) {
                if !known.contains(&key) {
                    known.push(key);
                }
            }
        }
        let entries = |context: Context| {
            let entry = |action: &Action| match keys.get(&(context, *action)) {
                Some(keys) => Some((*action, keys.clone())),
                None => (action.context() == context).then(|| (*action, Vec::new())),
            };
            Action::ALL.iter().filter_map(entry).collect()
        };
        let mut contexts = Context::ALL;
        // Who asks where letters are keys asks about that.
        let asked = match self.pane {
            Pane::Chat => self.chat.transcript.cursor().map(|_| Context::Reading),
            pane => Some(pane.context()),
        };
        contexts.sort_by_key(|context| asked.is_some_and(|asked| *context != asked));
        contexts.into_iter().map(|context| (context, entries(context))).collect()
    }

    /// What can follow the keys that were pressed: each with what it does, or `None` where it goes on.
    #[must_use]
    pub fn next_keys(&self) -> Vec<(KeyChord, Option<Action>)> {
        self.keymap.next_keys(&self.contexts(), &self.pressed.keys)
    }

    pub(super) fn contexts(&self) -> Vec<Context> {
        let suggesting = self.suggesting();
        match &self.overlay {
            Some(Overlay::Palette(_) | Overlay::Themes { .. }) => {
                vec![Context::List, Context::Edit, Context::Dialog, Context::Global]
            }
            Some(Overlay::Conversations(list)) if list.renaming.is_none() => {
                vec![
                    Context::Conversations,
                    Context::List,
                    Context::Edit,
                    Context::Dialog,
                    Context::Chat,
                    Context::Global,
                ]
            }
            Some(Overlay::Prompts(_)) => {
                vec![Context::List, Context::Edit, Context::Dialog, Context::Chat, Context::Global]
            }
            Some(Overlay::Value(_) | Overlay::Compare(_)) => {
                vec![Context::Dialog, Context::Edit, Context::Chat, Context::Global]
            }
            Some(Overlay::Schema(_) | Overlay::Import(_) | Overlay::Conversations(_)) => {
                vec![Context::Dialog, Context::Edit, Context::Global]
            }
            Some(Overlay::Help { .. }) => vec![Context::Dialog, Context::List, Context::Chat, Context::Global],
            Some(Overlay::Room(_)) => vec![Context::List, Context::Dialog, Context::Global],
            Some(Overlay::Confirm(_)) => vec![Context::Dialog, Context::Global],
            None if suggesting => vec![Context::List, Context::Edit, Context::Chat, Context::Global],
            None => match self.pane {
                Pane::Chat if self.is_finding() => {
                    vec![Context::Finding, Context::Edit, Context::Chat, Context::Global]
                }
                Pane::Chat if self.is_reading() => vec![Context::Reading, Context::Chat, Context::Global],
                Pane::Chat if self.commands_vim() => vec![Context::Chat, Context::Global],
                Pane::Chat => vec![Context::Edit, Context::Chat, Context::Global],
                Pane::Models if self.models.types() => {
                    vec![Context::Edit, Context::Models, Context::List, Context::Global]
                }
                pane => vec![pane.context(), Context::List, Context::Global],
            },
        }
    }

    /// A text field has the keys.
    pub(super) fn edits_text(&self) -> bool {
        match &self.overlay {
            Some(
                Overlay::Palette(_)
                | Overlay::Themes { .. }
                | Overlay::Value(_)
                | Overlay::Schema(_)
                | Overlay::Import(_)
                | Overlay::Conversations(_)
                | Overlay::Prompts(_),
            ) => true,
            Some(_) => false,
            None => {
                (self.pane == Pane::Chat && !self.is_reading()) || (self.pane == Pane::Models && self.models.types())
            }
        }
    }

    fn on_paste(&mut self, text: &str) {
        if self.overlay.is_none() && self.pane == Pane::Models {
            self.paste_in_models(text);
        } else if self.overlay.is_none() && self.pane == Pane::Chat && !self.is_finding() {
            // What is pasted is to be sent.
            self.chat.transcript.point_at(None);
            let most = usize::try_from(self.settings.chat.fold_paste).unwrap_or(usize::MAX);
            self.chat.composer.paste(text, most);
        } else {
            self.on_text(text);
        }
    }

    pub(super) fn on_text(&mut self, text: &str) {
        if self.is_finding() {
            self.typed_in_find(|field| {
                field.insert(text);
                true
            });
            return;
        }
        match &mut self.overlay {
            Some(Overlay::Palette(picker)) => {
                picker.query.insert(text);
                picker.narrow();
            }
            Some(Overlay::Themes { picker, .. }) => {
                picker.query.insert(text);
                picker.narrow();
                self.preview_theme();
            }
            Some(Overlay::Value(editor)) => {
                editor.area.insert(text);
                editor.error = None;
            }
            Some(Overlay::Conversations(_)) => {
                self.typed_in_list(|area| {
                    area.insert(text);
                    true
                });
            }
            Some(Overlay::Prompts(search)) => {
                search.query.insert(text);
                search.narrow();
            }
            Some(Overlay::Schema(field)) => {
                field.area.insert(text);
                field.error = None;
            }
            Some(Overlay::Import(field)) => {
                field.area.insert(text);
                field.error = None;
            }
            None if self.pane == Pane::Models && self.models.types() => {
                self.models.find.field.insert(text);
                self.search_soon();
            }
            None if self.pane == Pane::Chat => {
                self.chat.composer.edit(|area| area.insert(text));
            }
            Some(Overlay::Help { .. } | Overlay::Confirm(_) | Overlay::Room(_) | Overlay::Compare(_)) | None => {}
        }
    }

    /// Something is being offered to who writes.
    #[must_use]
    pub fn suggesting(&self) -> bool {
        self.overlay.is_none()
            && self.pane == Pane::Chat
            && !self.is_finding()
            && !self.is_reading()
            && !self.chat.composer.completion.offers().is_empty()
    }
}
