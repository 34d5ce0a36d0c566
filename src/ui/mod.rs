//! Floor 4: the state as a picture. Nothing here decides anything; every style comes from the theme.

mod canvas;
mod chat;
mod compare;
mod composer;
mod field;
mod header;
mod help;
pub mod inline;
mod models;
mod next_keys;
mod overlay;
mod prompt_search;
mod sessions;
mod settings;
mod status;
mod transcript;

use std::time::Instant;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::app::{App, Pane};
use crate::ui::canvas::Canvas;

/// The text column is never wider: long lines are hard to read.
const READING_WIDTH: u16 = 100;

/// Tables are never wider: what belongs together stays together.
const TABLE_WIDTH: u16 = 120;

/// Draws one frame.
pub fn draw(frame: &mut Frame<'_>, app: &mut App, now: Instant) {
    let area = frame.area();
    if area.width == 0 || area.height == 0 {
        return;
    }
    app.chat.transcript.show_from(0);
    let cursor = {
        let glyphs = app.theme.glyphs;
        let mut canvas = Canvas::new(frame.buffer_mut(), &glyphs);
        canvas.fill(area, app.theme.base);
        let (top, rest) = split_top(area, 1);
        let (body, bottom) = split_bottom(rest, 1);
        header::draw(&mut canvas, top, app, now);
        let cursor = match app.pane {
            Pane::Chat => chat::draw(&mut canvas, body, app, now, chat::most_written(body.height)),
            Pane::Models => models::draw(&mut canvas, body, app, now),
            Pane::Settings => {
                settings::draw(&mut canvas, body, app);
                None
            }
        };
        status::draw(&mut canvas, bottom, app, now);
        let cursor = if app.overlay.is_some() { overlay::draw(&mut canvas, body, app) } else { cursor };
        next_keys::draw(&mut canvas, body, app);
        overlay::toasts(&mut canvas, body, app);
        canvas.reduce(area);
        app.items = canvas.items;
        cursor
    };
    if let Some(position) = cursor {
        frame.set_cursor_position(position);
    }
}

fn split_top(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    (Rect { height: rows, ..area }, Rect { y: area.y + rows, height: area.height - rows, ..area })
}

fn split_bottom(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    (Rect { height: area.height - rows, ..area }, Rect { y: area.y + area.height - rows, height: rows, ..area })
}

fn split_left(area: Rect, columns: u16) -> (Rect, Rect) {
    let columns = columns.min(area.width);
    (Rect { width: columns, ..area }, Rect { x: area.x + columns, width: area.width - columns, ..area })
}

fn split_right(area: Rect, columns: u16) -> (Rect, Rect) {
    let columns = columns.min(area.width);
    (Rect { width: area.width - columns, ..area }, Rect { x: area.right() - columns, width: columns, ..area })
}

/// The column that text is read in: a margin at both sides, centred on a wide screen.
fn reading_column(area: Rect) -> Rect {
    let margin = if area.width >= 60 { 2 } else { u16::from(area.width >= 20) };
    let width = area.width.saturating_sub(2 * margin).min(READING_WIDTH);
    Rect { x: area.x + (area.width - width) / 2, width, ..area }
}
