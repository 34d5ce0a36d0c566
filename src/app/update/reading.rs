//! Pointing at what is in the conversation: by the keyboard, where letters are commands meanwhile, and with the mouse.

use std::time::{Duration, Instant};

use crate::app::transcript::{Anchor, Cursor, Drag, Grain, Motion, Point, Unit};
use crate::app::update::chat::BUSY;
use crate::app::{App, Dirty, Pane, ToastKind};
use crate::config::{Details, Value};
use crate::domain::action::Action;
use crate::domain::units::many;

/// Clicks on one place within this time are one double or triple click.
const DOUBLE_CLICK: Duration = Duration::from_millis(400);

/// What the left button does to the conversation.
#[derive(Debug)]
pub(in crate::app) struct Clicks {
    at: Instant,
    place: (u16, u16),
    number: u32,
}

impl App {
    /// Something in the conversation is pointed at, and has the keys.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        self.pane == Pane::Chat
            && self.overlay.is_none()
            && self.chat.transcript.cursor().is_some()
            && !self.is_finding()
    }

    /// The field of the search has the keys.
    #[must_use]
    pub fn is_finding(&self) -> bool {
        let open = || self.chat.transcript.find.as_ref().is_some_and(|find| find.open);
        self.pane == Pane::Chat && self.overlay.is_none() && open()
    }

    /// What moves in the conversation, or what is pointed at. False where the action is another one.
    pub(super) fn move_in_conversation(&mut self, action: Action) -> bool {
        let (motion, extend) = match action {
            Action::ScrollUp | Action::CursorUp => (Motion::Lines(-1), false),
            Action::ScrollDown | Action::CursorDown => (Motion::Lines(1), false),
            Action::ExtendUp => (Motion::Lines(-1), true),
            Action::ExtendDown => (Motion::Lines(1), true),
            Action::HalfPageUp => (Motion::HalfPages(-1), false),
            Action::HalfPageDown => (Motion::HalfPages(1), false),
            Action::PageUp => (Motion::Pages(-1), false),
            Action::PageDown => (Motion::Pages(1), false),
            Action::PreviousMessage => (Motion::Messages(-1), false),
            Action::NextMessage => (Motion::Messages(1), false),
            Action::ExtendToPrevious => (Motion::Messages(-1), true),
            Action::ExtendToNext => (Motion::Messages(1), true),
            Action::PreviousCode => (Motion::Codes(-1), false),
            Action::NextCode => (Motion::Codes(1), false),
            Action::ScrollTop => (Motion::Top, false),
            Action::ScrollBottom => (Motion::Bottom, false),
            _ => return false,
        };
        self.chat.transcript.go(motion, extend);
        true
    }

    /// What is done to what is pointed at. Nothing pointed at, the newest message is, or the one that is scrolled to.
    pub(super) fn act_in_reading(&mut self, action: Action, now: Instant) -> bool {
        if action == Action::LeaveReading {
            self.leave_reading();
            return true;
        }
        let was_reading = self.chat.transcript.cursor().is_some();
        if !was_reading && action != Action::RestoreMessage && !self.begin_reading(now) {
            return true;
        }
        if self.move_in_conversation(action) {
            return true;
        }
        self.chat.transcript.settle(&self.chat.conversation, &self.theme);
        match action {
            Action::Mark => self.chat.transcript.toggle_mark(),
            Action::CopySelection => self.copy_selection(now),
            Action::Fold => {
                if let Some(Cursor { at, unit, .. }) = self.chat.transcript.cursor().copied()
                    && !self.chat.transcript.toggle_fold(&self.chat.conversation, at, unit)
                {
                    self.toast(ToastKind::Note, "There is nothing to fold here", None, now);
                }
            }
            Action::FindNext => self.go_on_finding(true, now),
            Action::FindPrevious => self.go_on_finding(false, now),
            Action::SideLeft | Action::SideRight => {
                if let Some(message) = self.chat.transcript.cursor().map(|cursor| cursor.at.message) {
                    self.chat.transcript.sidestep(message, action == Action::SideRight);
                }
            }
            Action::DeleteMessage => self.delete_message(now),
            Action::RestoreMessage => self.restore_message(now),
            _ => return false,
        }
        // Who did it by its name writes on, where letters are text.
        let goes_on = matches!(
            action,
            Action::Mark | Action::FindNext | Action::FindPrevious | Action::SideLeft | Action::SideRight
        );
        if !was_reading && !goes_on {
            self.chat.transcript.point_at(None);
        }
        true
    }

    /// Points at the message that is looked at. False where there is none.
    pub(super) fn begin_reading(&mut self, now: Instant) -> bool {
        let Some(message) = self.place_looked_at().and_then(|place| self.chat.conversation.at(place)).map(|m| m.id)
        else {
            self.toast(ToastKind::Note, "There is nothing to read yet", None, now);
            return false;
        };
        self.pane = Pane::Chat;
        self.chat.transcript.point_at(Some(Cursor::on_message(message)));
        true
    }

    /// Back to writing. First a selection is taken back.
    fn leave_reading(&mut self) {
        let cursor = self.chat.transcript.cursor().copied();
        self.chat
            .transcript
            .point_at(cursor.filter(|cursor| cursor.mark.is_some()).map(|c| Cursor { mark: None, ..c }));
    }

    fn copy_selection(&mut self, now: Instant) {
        match self.chat.transcript.taken(&self.chat.conversation, &self.theme) {
            Some(taken) if !taken.text.trim().is_empty() => {
                self.copy(&taken.text, taken.what);
                // What is typed next is written.
                self.chat.transcript.point_at(None);
            }
            _ => self.toast(ToastKind::Note, "There is nothing here to copy", None, now),
        }
    }

    pub(super) fn fold_all(&mut self, now: Instant) {
        let folded = self.chat.transcript.toggle_all_folds(&self.chat.conversation);
        let text = if folded { "Everything long is folded" } else { "Everything is unfolded" };
        self.toast(ToastKind::Note, text, None, now);
    }

    pub(super) fn toggle_line_numbers(&mut self) {
        if let Some(spec) = crate::config::spec("chat.line_numbers") {
            self.change(spec, Value::Bool(!self.settings.chat.line_numbers));
        }
    }

    /// Figures, all, nothing, and figures again.
    pub(super) fn turn_details(&mut self, now: Instant) {
        let (next, said) = match self.settings.chat.details {
            Details::Figures => ("all", "All details of messages are shown"),
            Details::All => ("none", "No details of messages are shown"),
            Details::None => ("figures", "The figures of answers are shown"),
        };
        if let Some(spec) = crate::config::spec("chat.details") {
            self.change(spec, Value::Text(next.into()));
            self.toast(ToastKind::Note, said, None, now);
        }
    }

    /// The message that is pointed at goes; a question takes its answer along.
    fn delete_message(&mut self, now: Instant) {
        if self.chat.is_busy() {
            return self.toast(ToastKind::Note, BUSY, None, now);
        }
        let Some(message) = self.chat.transcript.cursor().map(|cursor| cursor.at.message) else { return };
        let Some(place) = self.chat.conversation.place(message) else { return };
        let Some(deletion) = self.chat.conversation.delete(message) else { return };
        let text = match deletion.messages.len() {
            1 => "The message is deleted".to_owned(),
            n => format!("{} are deleted", many(n, "message")),
        };
        self.chat.deletions.push(deletion);
        self.chat.messages_changed();
        self.leave_editing();
        // What follows is pointed at, else what is above.
        let last = self.chat.conversation.len().checked_sub(1);
        let next = last.and_then(|last| self.chat.conversation.at(place.min(last)));
        self.chat.transcript.point_at(next.map(|message| Cursor::on_message(message.id)));
        self.chat.transcript.bring_into_sight();
        let key = self.key(Action::RestoreMessage);
        let hint = format!("/{} brings it back, {key} while you read", Action::RestoreMessage.name());
        self.toast(ToastKind::Note, text, Some(hint), now);
    }

    fn restore_message(&mut self, now: Instant) {
        if self.chat.is_busy() {
            return self.toast(ToastKind::Note, BUSY, None, now);
        }
        let Some(deletion) = self.chat.deletions.pop() else {
            return self.toast(ToastKind::Note, "Nothing was deleted here", None, now);
        };
        self.chat.conversation.restore_deleted(&deletion);
        self.chat.messages_changed();
        self.toasts.retain(|toast| toast.kind != ToastKind::Note);
        if let Some(first) = deletion.messages.first().copied() {
            // It may have become a version beside what was said since.
            self.leave_editing();
            self.chat.conversation.go_through(first);
            if self.chat.transcript.cursor().is_some() {
                self.chat.transcript.point_at(Some(Cursor::on_message(first)));
                self.chat.transcript.bring_into_sight();
            }
        }
        self.toast(ToastKind::Note, "It is back", None, now);
    }

    /// The left button goes down in the conversation. False where it is elsewhere.
    pub(super) fn press_in_conversation(&mut self, column: u16, row: u16, now: Instant) -> bool {
        let is_here = self.overlay.is_none() && self.pane == Pane::Chat && self.chat.transcript.is_at(column, row);
        let point = is_here.then(|| self.chat.transcript.point(column, row, &self.chat.conversation)).flatten();
        let Some(point) = point else { return false };
        let before = self
            .clicks
            .take()
            .filter(|clicks| clicks.place == (column, row) && now.saturating_duration_since(clicks.at) < DOUBLE_CLICK);
        let number = before.map_or(1, |clicks| clicks.number % 3 + 1);
        self.clicks = Some(Clicks { at: now, place: (column, row), number });
        let grain = match number {
            1 => Grain::Character,
            2 => Grain::Word,
            _ => Grain::Line,
        };
        self.chat.transcript.drag = Some(Drag { from: point, to: point, grain });
        true
    }

    /// The mouse moves with the button down. Beyond the edge the conversation scrolls along.
    pub(super) fn drag_in_conversation(&mut self, column: u16, row: u16) {
        let Some(drag) = self.chat.transcript.drag else { return };
        let rows = self.chat.transcript.screen_rows();
        let by = i32::from(row >= rows.end) - i32::from(row < rows.start);
        if by != 0 {
            self.chat.transcript.scroll(by);
        }
        if let Some(to) = self.chat.transcript.point(column, row, &self.chat.conversation) {
            self.chat.transcript.drag = Some(Drag { to, ..drag });
        }
    }

    /// The button is let go: what was drawn over is copied; a click by itself unfolds, or points at nothing any more.
    pub(super) fn release_in_conversation(&mut self) {
        let Some(drag) = self.chat.transcript.drag else { return };
        if drag.is_click() {
            self.chat.transcript.drag = None;
            let Point { spot, .. } = drag.from;
            if self.chat.transcript.is_handle(spot) {
                self.chat.transcript.toggle_fold(&self.chat.conversation, spot, Unit::Line);
            }
        } else if let Some(taken) = self.chat.transcript.dragged(&self.chat.conversation, &self.theme) {
            self.copy(&taken.text, taken.what);
        }
        self.touch(Dirty::Now);
    }

    /// The message that is pointed at, else the one at the top of the screen if somebody has scrolled there, else the newest.
    pub(super) fn place_looked_at(&self) -> Option<usize> {
        let last = self.chat.conversation.len().checked_sub(1)?;
        if let Some(cursor) = self.chat.transcript.cursor()
            && let Some(place) = self.chat.conversation.place(cursor.at.message)
        {
            return Some(place);
        }
        match self.chat.transcript.anchor() {
            Anchor::At { place, .. } => Some(place.min(last)),
            Anchor::Follow => Some(last),
        }
    }
}
