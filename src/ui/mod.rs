//! STUB for this branch only. Dropped by the merge.
use std::time::Instant;

use ratatui::Frame;

use crate::app::App;

pub fn draw(frame: &mut Frame, app: &mut App, _now: Instant) {
    let area = frame.area();
    frame.buffer_mut().set_string(0, 0, format!("stub {}x{}", area.width, area.height), ratatui::style::Style::new());
    frame.buffer_mut().set_string(0, 1, format!("typed: {}", app.typed), ratatui::style::Style::new());
}
