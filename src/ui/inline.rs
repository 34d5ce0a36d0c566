//! The interface without a screen of its own: what is finished goes to the terminal's scrollback, line by line, and below it
//! stays what lives: the answer that is being made, what waits, the composer, the figures.
//!
//! Everything else (the other panes, lists, help, reading back) takes the whole screen for as long as it is looked at.

use std::time::Instant;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::app::transcript::View;
use crate::app::{App, Pane};
use crate::domain::MsgId;
use crate::domain::conversation::MessageState;
use crate::domain::store::ConvId;
use crate::text::wrap;
use crate::ui::canvas::Canvas;
use crate::ui::{READING_WIDTH, chat, next_keys, overlay, reading_column, split_bottom, status, transcript};

/// The column of text with a margin at both sides, at the left of a wide terminal: what is above it stands there, too.
const WIDTH: u16 = READING_WIDTH + 4;
/// Rows that an empty conversation has for its welcome.
const WELCOME: u16 = 14;
/// Rows where suggestions, toasts or keys that can follow stand above the composer.
const ROOMY: u16 = 12;
/// Rows that stand around what is being written at least: the composer's own, the figures, and a row of the answer.
const AROUND_WRITTEN: u16 = 6;
/// Rows that may be left over before the whole moves: it would jump with each line that is deleted.
const SLACK: u16 = 3;
/// Of a long conversation that is opened, so many messages are printed again.
const MOST_PRINTED: usize = 20;

/// What lives, and where the cursor is in it.
#[derive(Debug)]
pub struct Picture {
    pub buffer: Buffer,
    pub cursor: Option<Position>,
}

/// What stands in the scrollback already.
#[derive(Debug, Default)]
pub struct Printed {
    conversation: Option<ConvId>,
    messages: Vec<MsgId>,
    /// Rows of the last picture.
    height: u16,
}

/// What is looked at needs no more than a few rows.
#[must_use]
pub fn fits(app: &App) -> bool {
    app.overlay.is_none() && app.pane == Pane::Chat && app.chat.transcript.stays_at_the_end()
}

impl Printed {
    /// What is finished and not printed yet, as rows that go above the picture. `None` where there is nothing.
    pub fn more(&mut self, app: &mut App, width: u16) -> Option<Buffer> {
        self.print(app, width, false)
    }

    /// All that is not printed, finished or not: nothing more will come.
    pub fn rest(&mut self, app: &mut App, width: u16) -> Option<Buffer> {
        self.print(app, width, true)
    }

    fn print(&mut self, app: &mut App, width: u16, all: bool) -> Option<Buffer> {
        let width = width.min(WIDTH);
        let column = reading_column(Rect { x: 0, y: 0, width, height: 1 });
        let mut lines = Vec::new();
        let mut from = self.still_true(app);
        let begun = !self.messages.is_empty();
        if self.conversation != Some(app.saved.id) {
            if begun {
                lines.extend(rule(app, column.width, "another conversation"));
            }
            self.conversation = Some(app.saved.id);
            from = 0;
        } else if from < self.messages.len() && from < app.chat.conversation.len() {
            lines.extend(rule(app, column.width, "again from here"));
        }
        self.messages.truncate(from);
        let len = app.chat.conversation.len();
        if len - from > MOST_PRINTED {
            let left_out = len - from - MOST_PRINTED;
            lines.extend(rule(app, column.width, &format!("{left_out} earlier messages are a page up")));
            let skipped = app.chat.conversation.branch().skip(from).take(left_out).map(|message| message.id);
            self.messages.extend(skipped);
            from += left_out;
        }
        // What stands in the scrollback can't be unfolded.
        let view = View { fold_after: 0, ..transcript::view(app, column, None) };
        for place in from..len {
            let Some(message) = app.chat.conversation.at(place) else { break };
            if message.state == MessageState::Streaming && !all {
                break;
            }
            self.messages.push(message.id);
            lines.extend(app.chat.transcript.message(&app.chat.conversation, place, view, &app.theme));
        }
        (!lines.is_empty()).then(|| rows(app, width, column, &lines))
    }

    /// So many messages at the beginning of the branch stand above as they are.
    fn still_true(&self, app: &App) -> usize {
        let branch = app.chat.conversation.branch();
        let same = self.messages.iter().zip(branch);
        same.take_while(|(id, message)| **id == message.id && message.state != MessageState::Streaming).count()
    }

    /// Draws what lives in as many rows as it needs, and at most so many.
    pub fn draw(&mut self, app: &mut App, now: Instant, width: u16, most: u16) -> Picture {
        let width = width.min(WIDTH);
        app.chat.transcript.show_from(self.messages.len());
        let most_written = chat::most_written(most);
        let column = reading_column(Rect { x: 0, y: 0, width, height: most });
        // What is being written pushes everything else away where there is no room.
        let written = chat::written(app, column).min(most_written);
        let mut height = self.height.max(written.saturating_add(AROUND_WRITTEN)).clamp(1, most.max(1));
        let mut picture = draw_at(app, now, (width, height), most_written);
        // What stands around the answer depends a little on how much room there is.
        for _ in 0..4 {
            let wanted = wanted(app, width, height).clamp(1, most.max(1));
            if wanted <= height && height - wanted <= SLACK && height >= self.height.min(most) {
                break;
            }
            height = wanted;
            picture = draw_at(app, now, (width, height), most_written);
        }
        self.height = height;
        picture
    }
}

/// A line across, with words in it, and air around.
fn rule(app: &App, width: u16, words: &str) -> [Line<'static>; 2] {
    let theme = &app.theme;
    let room = usize::from(width);
    let rest = room.saturating_sub(wrap::width(words) + 4).min(40);
    let text = format!("{0}{0} {words} {1}", theme.glyphs.rule, theme.glyphs.rule.repeat(rest));
    let line = Line::from(Span::styled(text, theme.faint));
    [wrap::truncate(&line, room, theme.glyphs.ellipsis), Line::default()]
}

fn rows(app: &App, width: u16, column: Rect, lines: &[Line<'static>]) -> Buffer {
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let area = Rect { x: 0, y: 0, width, height };
    let mut buffer = Buffer::empty(area);
    let mut canvas = Canvas::new(&mut buffer, &app.theme.glyphs);
    canvas.fill(area, app.theme.base);
    canvas.lines(Rect { height, ..column }, lines);
    canvas.reduce(area);
    buffer
}

fn draw_at(app: &mut App, now: Instant, (width, height): (u16, u16), most_written: u16) -> Picture {
    let area = Rect { x: 0, y: 0, width, height };
    let mut buffer = Buffer::empty(area);
    let glyphs = app.theme.glyphs;
    let mut canvas = Canvas::new(&mut buffer, &glyphs);
    canvas.fill(area, app.theme.base);
    let (body, bottom) = split_bottom(area, u16::from(height > 1));
    let cursor = chat::draw(&mut canvas, body, app, now, most_written);
    status::draw(&mut canvas, bottom, app, now);
    next_keys::draw(&mut canvas, body, app);
    overlay::toasts(&mut canvas, body, app);
    canvas.reduce(area);
    Picture { buffer, cursor }
}

/// Rows that all of it would fill, by what the last drawing at this height left for the answer; one is air.
fn wanted(app: &mut App, width: u16, height: u16) -> u16 {
    if app.chat.conversation.is_empty() {
        return WELCOME;
    }
    let column = reading_column(Rect { x: 0, y: 0, width, height });
    let view = transcript::view(app, column, None);
    let rest = app.chat.transcript.rest(&app.chat.conversation, view, &app.theme);
    let around = height - app.chat.transcript.height().min(height);
    let wanted = around.saturating_add(u16::try_from(rest.max(1)).unwrap_or(u16::MAX));
    let needs_room = app.suggesting() || !app.toasts.is_empty() || app.pressed.shown;
    if needs_room { wanted.max(ROOMY) } else { wanted }
}
